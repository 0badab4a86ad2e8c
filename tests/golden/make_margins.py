"""Regenerate ``margins.npz``: what PyTorch 2.13 computes in losses with margins and of numbers.

    python tests/golden/make_margins.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "margins.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
REDUCTIONS = ("mean", "sum", "none")


def operand(t: Any, seed: int, kind: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """A tensor of some kind; numbers, positive ones and scores require a gradient."""
    if not isinstance(kind, str):
        return t.tensor(kind)
    values = facts.numbers(seed, *shape, dtype=dtype)
    if kind == "signs":
        return t.tensor(np.sign(values))
    if kind == "counts":
        return t.tensor(np.floor(np.abs(values) * 5))
    values = np.abs(values) if kind == "positive" else values * np.dtype(dtype).type(2)
    return t.tensor(values, requires_grad=True)


def distance(x: Any, y: Any) -> Any:
    """A distance of one's own."""
    return (x - y).abs().sum(-1)


N, S, P, C = "numbers", "signs", "positive", "counts"
CLASSES, LABELS = [2, 0, 3], [[2, 0, -1, 1], [-1, 2, 2, 2], [3, 1, 1, 0]]
# name: kinds and shapes of the arguments, options
Case = tuple[list[tuple[Any, tuple[int, ...]]], dict[str, Any]]
LOSSES: dict[str, Case] = {
    "SoftMarginLoss": ([(N, (3, 4)), (S, (3, 4))], {}),
    "SoftMarginLoss row": ([(N, (3, 4)), (S, (4,))], {}),
    "HingeEmbeddingLoss": ([(N, (3, 4)), (S, (3, 4))], {}),
    "HingeEmbeddingLoss 0.3": ([(N, (3, 4)), (S, (4,))], {"margin": 0.3}),
    "MarginRankingLoss": ([(N, (3, 4)), (N, (3, 4)), (S, (3, 4))], {}),
    "MarginRankingLoss 0.5": ([(N, (1, 4)), (N, (3, 4)), (S, (3, 1))], {"margin": 0.5}),
    "CosineEmbeddingLoss": ([(N, (3, 4)), (N, (3, 4)), (S, (3,))], {}),
    "CosineEmbeddingLoss 0.2": ([(N, (3, 4)), (N, (3, 4)), ([1, -1, 1], ())], {"margin": 0.2}),
    "CosineEmbeddingLoss one": ([(N, (4,)), (N, (4,)), (-1, ())], {"margin": -0.5}),
    "TripletMarginLoss": ([(N, (3, 4))] * 3, {}),
    "TripletMarginLoss 1": ([(N, (3, 4))] * 3, {"p": 1, "margin": 0.4, "swap": True}),
    "TripletMarginLoss one": ([(N, (4,))] * 3, {"p": 3.0, "eps": 0.1}),
    "TripletMarginWithDistanceLoss": ([(N, (3, 4))] * 3, {}),
    "TripletMarginWithDistanceLoss own": (
        [(N, (3, 4))] * 3, {"distance_function": distance, "margin": 0.4, "swap": True},
    ),
    "MultiMarginLoss": ([(N, (3, 4)), (CLASSES, ())], {}),
    "MultiMarginLoss 2": ([(N, (3, 4)), (CLASSES, ())], {"p": 2, "margin": 0.6}),
    "MultiMarginLoss weight": ([(N, (3, 4)), (CLASSES, ())], {"weight": (4,)}),
    "MultiMarginLoss one": ([(N, (4,)), (2, ())], {"weight": (4,), "p": 2}),
    "MultiLabelMarginLoss": ([(N, (3, 4)), (LABELS, ())], {}),
    "MultiLabelMarginLoss one": ([(N, (4,)), (LABELS[0], ())], {}),
    "MultiLabelSoftMarginLoss": ([(N, (3, 4)), (P, (3, 4))], {}),
    "MultiLabelSoftMarginLoss weight": ([(N, (2, 3, 4)), (P, (2, 3, 4))], {"weight": (4,)}),
    "GaussianNLLLoss": ([(N, (3, 4)), (N, (3, 4)), (P, (3, 4))], {}),
    "GaussianNLLLoss full": ([(N, (3, 4)), (N, (3, 4)), (P, (3, 1))], {"full": True, "eps": 0.4}),
    "GaussianNLLLoss of samples": ([(N, (3, 4)), (N, (3, 4)), (P, (3,))], {}),
    "PoissonNLLLoss": ([(N, (3, 4)), (C, (3, 4))], {}),
    "PoissonNLLLoss full": ([(N, (3, 4)), (C, (3, 4))], {"full": True}),
    "PoissonNLLLoss mean": ([(P, (3, 4)), (C, (4,))], {"log_input": False, "eps": 0.01}),
    "PairwiseDistance": ([(N, (3, 4)), (N, (3, 4))], {}),
    "PairwiseDistance 1": ([(N, (3, 4)), (N, (4,))], {"p": 1.0, "keepdim": True}),
    "PairwiseDistance 3": ([(N, (2, 3, 4)), (N, (3, 1))], {"p": 3.0, "eps": 0.3}),
    "PairwiseDistance inf": ([(N, (4,)), (N, (4,))], {"p": float("inf")}),
}  # fmt: skip


def loss_of(t: Any, name: str, reduction: str, dtype: str) -> tuple[Any, list[Any]]:
    """The module of a name, and arguments for it."""
    kinds, given = LOSSES[name]
    options = {
        k: t.tensor(np.abs(facts.numbers(5, *v, dtype=dtype))) if k == "weight" else v
        for k, v in given.items()
    }
    if not name.startswith("Pairwise"):
        options["reduction"] = reduction
    values = [operand(t, k, kind, shape, dtype) for k, (kind, shape) in enumerate(kinds, 1)]
    return getattr(t.nn, name.split()[0])(**options), values


def run_loss(t: Any, name: str, reduction: str, dtype: str) -> dict[str, np.ndarray]:
    """The loss, and the gradients of all arguments that have one."""
    criterion, values = loss_of(t, name, reduction, dtype)
    leaves = [v for v in values if v.requires_grad]
    y = criterion(*values)
    g = t.tensor(facts.numbers(7, *y.shape, dtype=dtype))
    grads = t.autograd.grad(y, leaves, g)
    return {"y": facts.array(y)} | {f"d{k}": facts.array(d) for k, d in enumerate(grads)}


def run_numbers(t: Any) -> dict[str, np.ndarray]:
    """A variance that is a number; targets 0 and variances 0."""
    x, y = (operand(t, k, N, (3, 4), "float64") for k in (1, 2))
    found = [t.nn.functional.gaussian_nll_loss(x, y, 0.7, reduction="none")]
    v = t.tensor([0.0, 1e-9, 0.5, 2.0], dtype=t.float64, requires_grad=True)
    loss = t.nn.functional.gaussian_nll_loss(x[0], y[0], v)
    found += [loss, *t.autograd.grad(loss, [x, v])]
    found.append(t.nn.functional.hinge_embedding_loss(x, t.zeros(3, 4), reduction="none"))
    found.append(t.nn.functional.cosine_embedding_loss(x, y, t.zeros(3), reduction="none"))
    same = t.nn.functional.pairwise_distance(x, x, eps=1e-3)
    return {str(k): facts.array(v) for k, v in enumerate([*found, same])}


RUNS = {
    f"{name}-{reduction}-{dtype}": lambda t, a=(name, reduction, dtype): run_loss(t, *a)
    for name in LOSSES
    for reduction in (REDUCTIONS if not name.startswith("Pairwise") else ("none",))
    for dtype in ("float32", "float64")
    if reduction == "none" or dtype == "float64"
} | {"numbers": run_numbers}

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def f(t: Any) -> Any:
    """``nn.functional``."""
    return t.nn.functional


def long(t: Any, *values: int) -> Any:
    """Classes."""
    return t.tensor(values)


ERRORS = {
    "gaussian: size": (
        "ValueError", "var is of incorrect size",
        lambda t: f(t).gaussian_nll_loss(t.ones(3, 4), t.ones(3, 4), t.ones(3, 2)),
    ),
    "gaussian: negative": (
        "ValueError", "var has negative entry/entries",
        lambda t: f(t).gaussian_nll_loss(t.ones(3, 4), t.ones(3, 4), -t.ones(3, 4)),
    ),
    "gaussian: negative number": (
        "ValueError", "var has negative entry/entries",
        lambda t: f(t).gaussian_nll_loss(t.ones(3, 4), t.ones(3, 4), -0.5),
    ),
    "gaussian: reduction": (
        "ValueError", "x is not valid",
        lambda t: f(t).gaussian_nll_loss(t.ones(3), t.ones(3), t.ones(3), reduction="x"),
    ),
    "poisson: reduction": (
        "ValueError", "x is not a valid value for reduction",
        lambda t: f(t).poisson_nll_loss(t.ones(3), t.ones(3), reduction="x"),
    ),
    **{
        f"{name}: reduction": (
            "ValueError", "x is not (a )?valid",
            lambda t, name=name: getattr(f(t), name)(t.ones(3), t.ones(3), reduction="x"),
        )
        for name in ("soft_margin_loss", "hinge_embedding_loss", "multilabel_soft_margin_loss")
    },
    "cosine: sizes": (
        "RuntimeError", r"The size of tensor a \(2\) must match the size of tensor b \(3\)",
        lambda t: f(t).cosine_embedding_loss(t.ones(3, 4), t.ones(3, 4), t.ones(2)),
    ),
    "cosine: 0-D target": (
        "RuntimeError", r"0D target tensor expects 1D input tensors, but found inputs with sizes \[3, 4\] and \[3, 4\]",
        lambda t: f(t).cosine_embedding_loss(t.ones(3, 4), t.ones(3, 4), t.tensor(1)),
    ),
    "cosine: 1-D target": (
        "RuntimeError", r"1D target tensor expects 2D input tensors, but found inputs with sizes \[3, 4\] and \[4\]",
        lambda t: f(t).cosine_embedding_loss(t.ones(3, 4), t.ones(4), t.ones(3)),
    ),
    "cosine: 2-D target": (
        "RuntimeError", "multi-target not supported",
        lambda t: f(t).cosine_embedding_loss(t.ones(3, 4), t.ones(3, 4), t.ones(3, 4)),
    ),
    "ranking: axes": (
        "RuntimeError", "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: ",
        lambda t: f(t).margin_ranking_loss(t.ones(3, 4), t.ones(3, 4), t.ones(4)),
    ),
    **{
        f"triplet: {name}": (
            "RuntimeError",
            "expected to have the same number of dimensions, but got: anchor 2D, positive 1D, and negative 2D inputs",
            lambda t, name=name: getattr(f(t), name)(t.ones(3, 4), t.ones(4), t.ones(3, 4)),
        )
        for name in ("triplet_margin_loss", "triplet_margin_with_distance_loss")
    },
    "triplet: margin": (
        "ValueError", "margin must be greater than 0, got 0",
        lambda t: f(t).triplet_margin_loss(t.ones(3, 4), t.ones(3, 4), t.ones(3, 4), margin=0),
    ),
    "TripletMarginLoss: margin": (
        "ValueError", "TripletMarginLoss: expected margin to be greater than 0, got 0 instead",
        lambda t: t.nn.TripletMarginLoss(margin=0),
    ),
    "TripletMarginWithDistanceLoss: margin": (
        "ValueError", "expected margin to be greater than 0, got -1",
        lambda t: t.nn.TripletMarginWithDistanceLoss(margin=-1),
    ),
    "multi_margin: p": (
        "ValueError", "only p == 1 and p == 2 supported",
        lambda t: f(t).multi_margin_loss(t.ones(3, 4), long(t, 0, 1, 3), p=3),
    ),
    "MultiMarginLoss: p": ("ValueError", "only p == 1 and p == 2 supported", lambda t: t.nn.MultiMarginLoss(p=3)),
    "MultiMarginLoss: weight": (
        "ValueError", "expected weight to be None or 1D tensor, got 2D instead",
        lambda t: t.nn.MultiMarginLoss(weight=t.ones(4, 4)),
    ),
    **{
        f"multi_margin: {name}": ("RuntimeError", words, lambda t, y=y, o=o: f(t).multi_margin_loss(
            t.ones(3, 4), y(t), weight=o and t.ones(o)))
        for name, words, y, o in (
            ("range", "target out of range", lambda t: long(t, 0, 1, 4), None),
            ("negative", "target out of range", lambda t: long(t, 0, 1, -1), None),
            ("size", r"Expected target size \[3\], but got \[2\]. Input has shape \[3, 4\]", lambda t: long(t, 0, 1), None),
            ("weight", r"inconsistent weight size, expected 4 but got \[3\]", lambda t: long(t, 0, 1, 2), 3),
            ("int", "expected scalar type Long but found Int", lambda t: long(t, 0, 1, 2).int(), None),
            ("float", "expected scalar type Long but found Float", lambda t: t.ones(3), None),
        )
    },
    "multi_margin: 3-D": (
        "RuntimeError", "Expected non-empty vector or matrix with optional 0-dim batch size",
        lambda t: f(t).multi_margin_loss(t.ones(1, 3, 4), long(t, 0, 1, 2)),
    ),
    **{
        f"multilabel_margin: {name}": ("RuntimeError", words, lambda t, y=y: f(t).multilabel_margin_loss(t.ones(4), y(t)))
        for name, words, y in (
            ("range", "target.* is out of range", lambda t: long(t, 0, 4, -1, 2)),
            ("negative", "target.* is out of range", lambda t: long(t, 0, -2, -1, 2)),
            ("size", r"inconsistent target size: \[2\] for input of size: \[4\]", lambda t: long(t, 0, -1)),
            ("float", "expected scalar type Long but found Float", lambda t: t.zeros(4)),
        )
    },
    "pairwise: sizes": (
        "RuntimeError", r"The size of tensor a \(3\) must match the size of tensor b \(2\)",
        lambda t: f(t).pairwise_distance(t.ones(3, 4), t.ones(2, 4)),
    ),
    "soft margin: sizes": (
        "RuntimeError", "The size of tensor a .* must match the size of tensor b",
        lambda t: f(t).soft_margin_loss(t.ones(3, 4), t.ones(2, 4)),
    ),
}  # fmt: skip

TEXTS = [
    *(
        (text, lambda t, text=text: eval(text, {}, vars(t.nn)))
        for text in (
            "SoftMarginLoss()", "HingeEmbeddingLoss()", "MarginRankingLoss()", "CosineEmbeddingLoss()",
            "TripletMarginLoss()", "MultiMarginLoss()", "MultiLabelMarginLoss()", "MultiLabelSoftMarginLoss()",
            "GaussianNLLLoss()", "PoissonNLLLoss()", "PairwiseDistance()",
        )
    ),
    ("OrderedDict([('weight', tensor([1., 1.]))])", lambda t: t.nn.MultiMarginLoss(weight=t.ones(2)).state_dict()),
    ("OrderedDict([('weight', tensor([1., 1.]))])", lambda t: t.nn.MultiLabelSoftMarginLoss(t.ones(2)).state_dict()),
    ("PairwiseDistance()", lambda t: t.nn.TripletMarginWithDistanceLoss().distance_function),
    ("torch.float64", lambda t: f(t).soft_margin_loss(t.ones(2).double(), t.ones(2).long()).dtype),
    ("tensor(1.5000)", lambda t: f(t).l1_loss(t.tensor([1.0, 2.0]), t.zeros(2), reduction="elementwise_mean")),
    ("tensor(2.5000)", lambda t: t.nn.MSELoss(reduction="elementwise_mean")(t.tensor([1.0, 2.0]), t.zeros(2))),
    ("tensor(1.)", lambda t: f(t).huber_loss(t.tensor([1.0, 2.0]), t.zeros(2), "elementwise_mean")),
    ("tensor(0.6931)", lambda t: t.nn.CrossEntropyLoss(reduction="elementwise_mean")(t.zeros(1, 2), t.tensor([1]))),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
