"""Regenerate ``losses.npz``: what PyTorch 2.13 computes in losses.

    python tests/golden/make_losses.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "losses.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

C = 5
INF, NAN = float("inf"), float("nan")

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------

SHAPES = {"N": (6,), "one": (), "N,d": (2, 3), "N,d,d": (2, 2, 3), "N,d,d,d": (2, 1, 2, 3)}


def score_shape(target_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the scores: the classes are axis 1, or the only one."""
    return (*target_shape[:1], C, *target_shape[1:])


def classes(shape: tuple[int, ...]) -> np.ndarray:
    """Classes, every one of the C at least once if there are so many."""
    n = int(np.prod(shape))
    return np.asarray((np.arange(n) * 3 + 1) % C).reshape(shape)


def loss_and_gradient(t: Any, criterion: Any, x: Any, target: Any) -> dict[str, np.ndarray]:
    """The loss, and the gradients of the scores (and of the target, if it is differentiable)."""
    loss = criterion(x, target)
    leaves = [v for v in (x, target) if v.requires_grad]
    g = t.tensor(facts.numbers(7, *loss.shape, dtype=str(x.dtype).split(".")[1]))
    grads = t.autograd.grad(loss, leaves, g)
    return {"loss": facts.array(loss)} | {f"d_{k}": facts.array(d) for k, d in enumerate(grads)}


def run_classes(
    t: Any, kind: str, shape: str, weight: bool, ignore: str, smoothing: float, reduction: str,
    target_dtype: str, dtype: str,
) -> dict[str, np.ndarray]:  # fmt: skip
    """`kind` is "CrossEntropyLoss" or "NLLLoss"; `ignore` says which targets are ignored."""
    sizes = SHAPES[shape]
    y = classes(sizes)
    options: dict[str, Any] = {"reduction": reduction}
    if smoothing:
        options["label_smoothing"] = smoothing
    if weight:
        options["weight"] = t.tensor(np.abs(facts.numbers(8, C, dtype=dtype)))
    if ignore == "class":
        options["ignore_index"] = 1
    elif ignore == "outside":
        y = np.where(y == 1, 77, y)
        options["ignore_index"] = 77
    elif ignore == "all":
        y = np.full_like(y, -100)
    x = t.tensor(3 * facts.numbers(9, *score_shape(sizes), dtype=dtype), requires_grad=True)
    target = t.tensor(y).to(getattr(t, target_dtype))
    return loss_and_gradient(t, getattr(t.nn, kind)(**options), x, target)


def class_cases() -> dict[str, dict[str, Any]]:
    """Weights, ignored targets, reductions, smoothing: all combinations; shapes and dtypes in turn."""
    cases = {}
    turn = itertools.cycle(range(60))
    for kind, weight, ignore, reduction, smoothing in itertools.product(
        ("CrossEntropyLoss", "NLLLoss"),
        (False, True),
        ("none", "class", "outside", "all"),
        ("mean", "sum", "none"),
        (0.0, 0.2),
    ):
        if kind == "NLLLoss" and smoothing:
            continue
        for shape in SHAPES:
            if shape != "N" and next(turn) % 3:
                continue
            k = next(turn)
            bytes_work = shape in ("N", "one") and ignore != "all" and not smoothing
            cases[f"{kind}-{shape}-{weight}-{ignore}-{reduction}-{smoothing}"] = {
                "kind": kind,
                "shape": shape,
                "weight": weight,
                "ignore": ignore,
                "smoothing": smoothing,
                "reduction": reduction,
                "target_dtype": "uint8" if bytes_work and k % 4 < 2 else "int64",
                "dtype": ("float32", "float64")[k % 2],
            }
    return {f"{name}-{case['target_dtype']}-{case['dtype']}": case for name, case in cases.items()}


def run_probabilities(
    t: Any, shape: str, weight: bool, smoothing: float, reduction: str, dtype: str
) -> dict[str, np.ndarray]:
    """Cross entropy with class probabilities."""
    sizes = score_shape(SHAPES[shape])
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
    if weight:
        options["weight"] = t.tensor(np.abs(facts.numbers(8, C, dtype=dtype)))
    x = t.tensor(3 * facts.numbers(9, *sizes, dtype=dtype), requires_grad=True)
    target = t.tensor(np.abs(facts.numbers(10, *sizes, dtype=dtype)), requires_grad=True)
    return loss_and_gradient(t, t.nn.CrossEntropyLoss(**options), x, target)


def probability_cases() -> dict[str, dict[str, Any]]:
    """All combinations; dtypes in turn."""
    return {
        f"probabilities-{shape}-{weight}-{smoothing}-{reduction}-{dtype}": {
            "shape": shape,
            "weight": weight,
            "smoothing": smoothing,
            "reduction": reduction,
            "dtype": dtype,
        }
        for (shape, weight, smoothing, reduction), dtype in zip(
            itertools.product(
                ("N", "one", "N,d,d"), (False, True), (0.0, 0.3), ("mean", "sum", "none")
            ),
            itertools.cycle(("float32", "float64")),
        )
    }


def run_squares(
    t: Any, shapes: tuple[Any, Any], reduction: str, weight: bool, dtype: str
) -> dict[str, np.ndarray]:
    """The squared error, of equal shapes and of others."""
    x, y = [
        t.tensor(facts.numbers(k, *shape, dtype=dtype), requires_grad=True)
        for k, shape in enumerate(shapes)
    ]
    w = t.tensor(np.abs(facts.numbers(3, *shapes[0], dtype=dtype))) if weight else None
    return loss_and_gradient(
        t, lambda a, b: t.nn.functional.mse_loss(a, b, reduction=reduction, weight=w), x, y
    )


def square_cases() -> dict[str, dict[str, Any]]:
    """All combinations."""
    return {
        f"squares-{shapes}-{reduction}-{'weight-' * weight}{dtype}": {
            "shapes": shapes,
            "reduction": reduction,
            "weight": weight,
            "dtype": dtype,
        }
        for shapes, reduction, weight, dtype in itertools.product(
            (((4, 3), (4, 3)), ((), ()), ((4, 3), (3,)), ((3,), (4, 1))),
            ("mean", "sum", "none"),
            (False, True),
            ("float32", "float64"),
        )
        if not (weight and shapes[0] != shapes[1])
    }


def ignored_nan(t: Any, **options: Any) -> dict[str, np.ndarray]:
    """An ignored sample of NaNs (its gradient is nan in PyTorch, which is not wanted here)."""
    x = t.tensor([[NAN, 0.5, 2.0], [0.3, 0.4, 0.7]], dtype=t.float64)
    loss = t.nn.functional.cross_entropy(x, t.tensor([0, 2]), ignore_index=0, **options)
    nll = t.nn.NLLLoss(ignore_index=0, reduction="none")(x, t.tensor([0, 2]))
    return {"loss": facts.array(loss), "nll": facts.array(nll)}


def special(t: Any, rows: Any, target: Any, **options: Any) -> dict[str, np.ndarray]:
    """Cross entropy of scores with infinities, NaNs or large values; NLL of the same numbers."""
    x = t.tensor(rows, dtype=t.float64, requires_grad=True)
    y = t.tensor(target)
    found = loss_and_gradient(t, t.nn.CrossEntropyLoss(**options), x, y)
    options.pop("label_smoothing", None)
    if not y.dtype.is_floating_point:
        nll = loss_and_gradient(t, t.nn.NLLLoss(**options), x, y)
        found |= {f"nll {name}": values for name, values in nll.items()}
    return found


SPECIAL = {
    "large": ([[1e4, -1e4, 0.5], [1e4, 1e4, 1e4]], [1, 0], {}),
    "large, none": ([[1e4, -1e4, 0.5], [1e4, 1e4, 1e4]], [0, 2], {"reduction": "none"}),
    "large, smoothed": ([[1e4, -1e4, 0.5]], [1], {"label_smoothing": 0.1}),
    "-inf elsewhere": ([[-INF, 0.5, 2.0], [-INF, -INF, 3.0]], [1, 2], {}),
    "-inf at the class": ([[-INF, 0.5, 2.0], [0.3, 0.4, 0.7]], [0, 2], {"reduction": "none"}),
    "-inf smoothed": ([[-INF, 0.5, 2.0], [0.3, 0.4, 0.7]], [1, 2], {"label_smoothing": 0.1}),
    "-inf everywhere": ([[-INF, -INF, -INF], [0.3, 0.4, 0.7]], [1, 2], {"reduction": "none"}),
    "inf": ([[INF, 0.5, 2.0], [0.3, 0.4, 0.7]], [0, 2], {"reduction": "none"}),
    "nan": ([[NAN, 0.5, 2.0], [0.3, 0.4, 0.7]], [1, 2], {"reduction": "none"}),
    "nan in the mean": ([[0.1, 0.5, NAN], [0.3, 0.4, 0.7]], [1, 2], {}),
    "all ignored": ([[0.1, 0.5, 2.0], [0.3, 0.4, 0.7]], [1, 1], {"ignore_index": 1}),
    "all ignored, smoothed": (
        [[0.1, 0.5, 2.0], [0.3, 0.4, 0.7]], [1, 1], {"ignore_index": 1, "label_smoothing": 0.1},
    ),
    "one class": ([[0.3], [0.7]], [0, 0], {}),
    "no sample": (np.zeros((0, 3)), np.zeros(0, np.int64), {}),
    "no sample, sum": (np.zeros((0, 3)), np.zeros(0, np.int64), {"reduction": "sum"}),
    "no sample, none": (np.zeros((0, 3, 2)), np.zeros((0, 2), np.int64), {"reduction": "none"}),
    "no position": (np.zeros((2, 3, 0)), np.zeros((2, 0), np.int64), {"reduction": "sum"}),
    "probability 0 of -inf": ([[-INF, 0.5, 2.0]], [[0.0, 0.25, 0.75]], {}),
    "large probabilities": ([[1e4, -1e4, 0.5]], [[0.5, 0.25, 0.25]], {}),
}  # fmt: skip


def special_with_weights(t: Any, weights: Any, reduction: str) -> dict[str, np.ndarray]:
    """Classes of weight 0, also where the score is NaN."""
    rows = [[NAN, 0.5, 2.0], [0.3, 0.4, 0.7], [0.6, 0.9, 0.1]]
    w = t.tensor(weights, dtype=t.float64)
    return special(t, rows, [0, 2, 1], weight=w, reduction=reduction)


RUNS = (
    {n: (lambda t, case=case: run_classes(t, **case)) for n, case in class_cases().items()}
    | {
        n: (lambda t, case=case: run_probabilities(t, **case))
        for n, case in probability_cases().items()
    }
    | {n: (lambda t, case=case: run_squares(t, **case)) for n, case in square_cases().items()}
    | {
        n: (lambda t, x=x, y=y, options=options: special(t, x, y, **options))
        for n, (x, y, options) in SPECIAL.items()
    }
    | {
        "nan ignored": ignored_nan,
        "nan ignored, smoothed": lambda t: ignored_nan(t, label_smoothing=0.1),
    }
    | {
        f"weights {w} {r}": (lambda t, w=w, r=r: special_with_weights(t, w, r))
        for w in ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0])
        for r in ("mean", "none")
    }
)

# ------------------------------------------------------------------------------------------------
# Losses that compare entry by entry, which need no kernel
# ------------------------------------------------------------------------------------------------


def operand(t: Any, seed: int, shape: tuple[int, ...], kind: str, dtype: str) -> Any:
    """A tensor that requires a gradient: of "numbers", of "probabilities", or of their "logs"."""
    values = facts.numbers(seed, *shape)
    if kind != "numbers":
        values = np.abs(values)
    if kind == "logs":
        values = np.log(values)
    return t.tensor(values.astype(dtype) * (3 if kind == "numbers" else 1), requires_grad=True)


PAIR_LOSSES: dict[str, tuple[str, str, dict[str, Any]]] = {
    # name: (what the input is, what the target is, options)
    "L1Loss": ("numbers", "numbers", {}),
    "SmoothL1Loss": ("numbers", "numbers", {}),
    "SmoothL1Loss 0.7": ("numbers", "numbers", {"beta": 0.7}),
    "SmoothL1Loss 0": ("numbers", "numbers", {"beta": 0.0}),
    "HuberLoss": ("numbers", "numbers", {}),
    "HuberLoss 2.5": ("numbers", "numbers", {"delta": 2.5}),
    "BCELoss": ("probabilities", "probabilities", {}),
    "BCELoss weight": ("probabilities", "probabilities", {"weight": (3,)}),
    "BCELoss weight of samples": ("probabilities", "probabilities", {"weight": (4, 1)}),
    "BCEWithLogitsLoss": ("numbers", "probabilities", {}),
    "BCEWithLogitsLoss weight": ("numbers", "probabilities", {"weight": (3,)}),
    "BCEWithLogitsLoss pos_weight": ("numbers", "probabilities", {"pos_weight": (3,)}),
    "BCEWithLogitsLoss both": ("numbers", "probabilities", {"weight": (4, 1), "pos_weight": (3,)}),
    "KLDivLoss": ("logs", "probabilities", {}),
    "KLDivLoss log_target": ("logs", "logs", {"log_target": True}),
}


def run_pairs(
    t: Any, name: str, shape: tuple[int, ...], reduction: str, dtype: str
) -> dict[str, np.ndarray]:
    """The loss, the gradients of both arguments, and the gradient of their square."""
    kind_x, kind_y, options = PAIR_LOSSES[name]
    options = {
        k: t.tensor(np.abs(facts.numbers(5, *v, dtype=dtype))) if isinstance(v, tuple) else v
        for k, v in options.items()
    }
    criterion = getattr(t.nn, name.split()[0])(reduction=reduction, **options)
    x, y = operand(t, 1, shape, kind_x, dtype), operand(t, 2, shape, kind_y, dtype)
    found = loss_and_gradient(t, criterion, x, y)
    grads = t.autograd.grad(criterion(x, y).square().sum(), [x, y], create_graph=True)
    total = sum([(d * d).sum() for d in grads])
    second = t.autograd.grad(total, [x, y])
    return found | {f"second {k}": facts.array(d) for k, d in enumerate(second)}


def run_pair_functions(t: Any, dtype: str) -> dict[str, np.ndarray]:
    """Weights of the functions, and shapes that differ."""
    functional = t.nn.functional
    x, y = [operand(t, k, (4, 3), "numbers", dtype) for k in (1, 2)]
    row = operand(t, 3, (3,), "numbers", dtype)
    w = t.tensor(np.abs(facts.numbers(4, 4, 3, dtype=dtype)))
    found = {}
    for reduction in ("mean", "sum", "none"):
        for name, loss in {
            "l1 w": lambda a, b, r=reduction: functional.l1_loss(a, b, reduction=r, weight=w),
            "huber w": lambda a, b, r=reduction: functional.huber_loss(a, b, r, 0.8, w),
            "l1": lambda a, b, r=reduction: functional.l1_loss(a, b, reduction=r),
            "huber": lambda a, b, r=reduction: functional.huber_loss(a, b, r),
            "smooth": lambda a, b, r=reduction: functional.smooth_l1_loss(a, b, reduction=r),
            "kl": lambda a, b, r=reduction: functional.kl_div(a, b * b, reduction=r),
        }.items():
            other = y if name.endswith("w") else row
            results = loss_and_gradient(t, loss, x, other)
            found |= {f"{name} {reduction} {k}": v for k, v in results.items()}
    return found


# the gradient of the target is left out where PyTorch's is nan or infinite
PAIR_SPECIAL: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "BCEWithLogitsLoss large": (
        "BCEWithLogitsLoss", [1e3, -1e3, 1e3, -1e3, 88.8, -88.8, 0.0], [1.0, 0.0, 0.0, 1.0, 0.3, 0.3, 0.5], {},
    ),
    "BCEWithLogitsLoss infinite": ("BCEWithLogitsLoss", [INF, -INF, INF], [0.5, 0.5, 0.0], {}),
    "BCEWithLogitsLoss nan": ("BCEWithLogitsLoss", [NAN, 0.5], [0.2, 0.3], {}),
    "BCELoss ends": ("BCELoss", [0.0, 1.0, 0.0, 1.0, 0.5], [0.0, 1.0, 1.0, 0.0, 1.0], {}),
    "BCELoss near the ends": ("BCELoss", [1e-30, 1 - 1e-7, 1e-6], [1.0, 0.0, 0.5], {}),
    "KLDivLoss zeros": ("KLDivLoss", [-0.3, -1.0, -5.0], [0.0, 0.5, 1.0], {}),
    "KLDivLoss infinite": ("KLDivLoss", [-0.3, -INF], [0.5, 1.0], {}),
    "KLDivLoss nan": ("KLDivLoss", [NAN, -0.5], [0.2, 0.3], {}),
    "L1Loss equal": ("L1Loss", [1.0, 2.0], [1.0, 3.0], {}),
    "L1Loss nan": ("L1Loss", [NAN, 2.0], [1.0, 3.0], {}),
    "SmoothL1Loss ends": ("SmoothL1Loss", [1.0, -1.0, 0.5, 1e10, NAN], [0.0] * 5, {"beta": 0.5}),
    "HuberLoss ends": ("HuberLoss", [1.0, -1.0, 0.5, 1e10, NAN], [0.0] * 5, {}),
    **{
        f"{kind} empty {reduction}": (kind, np.zeros((0, 3)), np.zeros((0, 3)), {"reduction": reduction})
        for kind in ("L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss")
        for reduction in ("mean", "sum", "none")
    },
}  # fmt: skip


def run_pair_special(t: Any, name: str) -> dict[str, np.ndarray]:
    """The entries' losses at the ends of what is possible, and the gradient of the input."""
    kind, x, y, options = PAIR_SPECIAL[name]
    inputs = t.tensor(x, dtype=t.float64, requires_grad=True)
    criterion = getattr(t.nn, kind)(**{"reduction": "none", **options})
    return loss_and_gradient(t, criterion, inputs, t.tensor(y, dtype=t.float64))


PAIR_RUNS = (
    {
        f"{name}-{shape}-{reduction}-{dtype}": (
            lambda t, a=(name, shape, reduction, dtype): run_pairs(t, *a)
        )
        for name in PAIR_LOSSES
        for shape in ((4, 3), (2, 4, 3), ())
        for reduction in ("mean", "sum", "none")
        for dtype in ("float32", "float64")
        if shape == (4, 3) or (shape == (2, 4, 3)) == (dtype == "float32")
        if shape or ("weight" not in name and "both" not in name)
    }
    | {
        f"{name}-{shape}-batchmean-float64": (
            lambda t, a=(name, shape, "batchmean", "float64"): run_pairs(t, *a)
        )
        for name in PAIR_LOSSES
        for shape in ((4, 3), ())
        if name.startswith("KL")
    }
    | {f"functions-{d}": (lambda t, d=d: run_pair_functions(t, d)) for d in ("float32", "float64")}
    | {name: (lambda t, name=name: run_pair_special(t, name)) for name in PAIR_SPECIAL}
)

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def scored(kind: str, *sizes: int, target: Any, **options: Any) -> Any:
    """A scene: the loss `kind` of zeros of these sizes."""

    def scene(t: Any) -> Any:
        made = {k: v(t) if callable(v) else v for k, v in options.items()}
        y = target(t) if callable(target) else t.tensor(target)
        return getattr(t.nn, kind)(**made)(t.zeros(sizes), y)

    return scene


def both(pattern: str, cls: str, *sizes: int, target: Any, **options: Any) -> dict[str, Any]:
    """The same claim for both losses of classes."""
    return {
        kind: (cls, pattern, scored(kind, *sizes, target=target, **options))
        for kind in ("CrossEntropyLoss", "NLLLoss")
    }


FOUR = [0, 1, 2, 1]
_both = {
    "batch sizes": both(
        r"Expected input batch_size \(4\) to match target batch_size \(3\)", "ValueError", 4, 3,
        target=[0, 1, 2],
    ),
    "no batch": both(
        r"Expected input batch_size \(4\) to match target batch_size", "ValueError", 4, 3, target=1
    ),
    "class too large": both("Target 3 is out of bounds", "IndexError", 4, 3, target=[0, 1, 2, 3]),
    "class negative": both("Target -1 is out of bounds", "IndexError", 4, 3, target=[0, 1, 2, -1]),
    "class too large, 3 axes": both(
        "Target 3 is out of bounds", "IndexError", 2, 3, 2, target=[[0, 3], [1, 1]]
    ),
    "byte class too large": both(
        "Target 200 is out of bounds", "IndexError", 2, 3,
        target=lambda t: t.tensor([200, 1], dtype=t.uint8),
    ),
    "float classes": both(
        "expected target dtype to be Long or Byte, but got Float", "RuntimeError", 4, 3,
        target=[0.0, 1.0, 2.0, 1.0],
    ),
    "int32 classes": both(
        "expected target dtype to be Long or Byte, but got Int", "RuntimeError", 4, 3,
        target=lambda t: t.tensor(FOUR, dtype=t.int32),
    ),
    "bool classes": both(
        "expected target dtype to be Long or Byte, but got Bool", "RuntimeError", 2, 3,
        target=[True, False],
    ),
    "target with an axis of 1": both(
        "0D or 1D target tensor expected, multi-target not supported", "RuntimeError", 2, 3,
        target=[[1], [2]],
    ),
    "two targets for one sample": both(
        "For 1D input, 1D target must have size 1, but got target size: 2", "ValueError", 3,
        target=[1, 2],
    ),
    "positions": both(
        r"Expected target size \[2, 4\], got \[2, 3\]", "RuntimeError", 2, 3, 4,
        target=[[0, 1, 2], [1, 1, 1]],
    ),
    "no positions": both(
        r"Expected target size \[2, 4\], got \[2\]", "RuntimeError", 2, 3, 4, target=[0, 1]
    ),
    "positions in two axes": both(
        "size mismatch", "RuntimeError", 2, 3, 4, 5, target=lambda t: t.zeros(2, 5, 4).long()
    ),
    "too few weights": both(
        "weight tensor should be defined either for all 3 classes or no classes", "RuntimeError", 4, 3,
        target=FOUR, weight=lambda t: t.ones(2),
    ),
    "weights with two axes": both(
        "weight tensor should be defined either for all 3 classes or no classes", "RuntimeError", 4, 3,
        target=FOUR, weight=lambda t: t.ones(3, 1),
    ),
    "weights of another dtype": both(
        r"expected scalar type \w+ but found \w+", "RuntimeError", 4, 3, target=FOUR,
        weight=lambda t: t.ones(3, dtype=t.float64),
    ),
    "weights to be learnt": both(
        "is not differentiable with respect to argument 'weight'", "RuntimeError", 4, 3,
        target=FOUR,
        weight=lambda t: t.ones(3, requires_grad=True),
    ),
    "reduction": both(
        "batchmean is not a valid value for reduction", "ValueError", 4, 3, target=FOUR,
        reduction="batchmean",
    ),
    "target no tensor": both(
        "must be Tensor, not list", "TypeError", 4, 3, target=lambda t: FOUR
    ),
}  # fmt: skip

ERRORS = {f"{kind}: {name}": claim for name, pair in _both.items() for kind, claim in pair.items()} | {
    "NLLLoss: no axes": (
        "ValueError", "Expected 1 or more dimensions", scored("NLLLoss", target=0),
    ),
    "HuberLoss: delta is no number": (
        "TypeError", "delta must be a float or int", lambda t: t.nn.HuberLoss(delta=t.tensor(1.0)),
    ),
    "integer scores": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: t.nn.functional.cross_entropy(t.tensor([[1, 2]]), t.tensor([1])),
    ),
    "integer log-probabilities": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: t.nn.functional.nll_loss(t.tensor([[1, 2]]), t.tensor([1])),
    ),
    "integer probabilities": (
        "RuntimeError", "Expected floating point type for target with class probabilities",
        scored("CrossEntropyLoss", 4, 3, target=lambda t: t.zeros(4, 3).long()),
    ),
    "probabilities and ignore_index": (
        "RuntimeError", "ignore_index is not supported for floating point target",
        scored("CrossEntropyLoss", 4, 3, target=lambda t: t.zeros(4, 3), ignore_index=1),
    ),
    "probabilities and too few weights": (
        "RuntimeError", "weight tensor should be defined either for all 3 classes or no classes",
        scored("CrossEntropyLoss", 4, 3, target=lambda t: t.zeros(4, 3), weight=lambda t: t.ones(2)),
    ),
    "probabilities at the wrong place": (
        "RuntimeError", r"Expected target size \[2, 4\], got \[2, 4, 3\]",
        scored("CrossEntropyLoss", 2, 3, 4, target=lambda t: t.zeros(2, 4, 3)),
    ),
    "smoothing above 1": (
        "RuntimeError", r"label_smoothing must be between 0\.0 and 1\.0\. Got: 1\.5",
        scored("CrossEntropyLoss", 4, 3, target=FOUR, label_smoothing=1.5),
    ),
    "squares: sizes": (
        "RuntimeError",
        r"The size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton "
        r"dimension 1",
        scored("MSELoss", 4, 3, target=lambda t: t.zeros(4, 2)),
    ),
    "squares: integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: t.nn.MSELoss()(t.tensor([1, 2]), t.tensor([1, 2])),
    ),
    "squares: reduction": (
        "ValueError", "is not a valid value for reduction",
        scored("MSELoss", 4, 3, target=lambda t: t.zeros(4, 3), reduction="x"),
    ),
    "squares: weights": (
        "ValueError", "Weights and input must have the same size",
        lambda t: t.nn.functional.mse_loss(t.zeros(3, 2), t.zeros(3, 2), weight=t.zeros(2)),
    ),
} | {
    f"{kind}: sizes": (
        "RuntimeError",
        r"The size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton dimension 1",
        scored(kind, 4, 3, target=lambda t: t.zeros(4, 2)),
    )
    for kind in ("L1Loss", "SmoothL1Loss", "HuberLoss")
} | {
    f"{kind}: reduction": (
        "ValueError", "batchmeans? is not a valid value for reduction",
        scored(
            kind, 4, 3, target=lambda t: t.zeros(4, 3),
            reduction="batchmeans" if kind == "KLDivLoss" else "batchmean",
        ),
    )
    for kind in ("L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss")
} | {
    f"{name}: weights": (
        "ValueError", "Weights and input must have the same size",
        lambda t, name=name: getattr(t.nn.functional, name)(
            t.zeros(3, 2), t.zeros(3, 2), weight=t.zeros(2)
        ),
    )
    for name in ("l1_loss", "huber_loss")
} | {
    f"{name}: integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t, name=name: getattr(t.nn.functional, name)(t.tensor([1]), t.tensor([1])),
    )
    for name in (
        "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    )
} | {
    "l1_loss: integers": (
        "RuntimeError", r"mean\(\): could not infer output dtype.*Got: Long",
        lambda t: t.nn.L1Loss()(t.tensor([1]), t.tensor([1])),
    ),
    "kl_div: integers": (
        "RuntimeError", "Integral inputs not supported",
        lambda t: t.nn.KLDivLoss()(t.tensor([1]), t.tensor([1.0])),
    ),
    "kl_div: integer target": (
        "RuntimeError", "Integral inputs not supported",
        lambda t: t.nn.KLDivLoss()(t.tensor([1.0]), t.tensor([1])),
    ),
    "kl_div: sizes": (
        "RuntimeError", "The size of tensor a .* must match the size of tensor b",
        scored("KLDivLoss", 4, 3, target=lambda t: t.zeros(4, 2)),
    ),
    "smooth l1: beta": (
        "RuntimeError", "smooth_l1_loss does not support negative values for beta",
        scored("SmoothL1Loss", 4, 3, target=lambda t: t.zeros(4, 3), beta=-1.0),
    ),
    "huber: delta": (
        "RuntimeError", "huber_loss does not support non-positive values for delta",
        scored("HuberLoss", 4, 3, target=lambda t: t.zeros(4, 3), delta=0.0),
    ),
    "BCELoss: sizes": (
        "ValueError",
        r"Using a target size \(torch.Size\(\[3\]\)\) that is different to the input size "
        r"\(torch.Size\(\[4, 3\]\)\) is deprecated",
        scored("BCELoss", 4, 3, target=lambda t: t.zeros(3)),
    ),
    "BCEWithLogitsLoss: sizes": (
        "ValueError",
        r"Target size \(torch.Size\(\[3\]\)\) must be the same as input size \(torch.Size\(\[4, 3\]\)\)",
        scored("BCEWithLogitsLoss", 4, 3, target=lambda t: t.zeros(3)),
    ),
    "BCELoss: dtype": (
        "RuntimeError", "Found dtype Double but expected Float",
        scored("BCELoss", 4, 3, target=lambda t: t.zeros(4, 3).double()),
    ),
    "BCELoss: integer target": (
        "RuntimeError", "Found dtype Long but expected Float",
        scored("BCELoss", 4, 3, target=lambda t: t.zeros(4, 3).long()),
    ),
    "BCEWithLogitsLoss: integer target": (
        "RuntimeError", "result type Float can't be cast to the desired output type Long",
        scored("BCEWithLogitsLoss", 4, 3, target=lambda t: t.zeros(4, 3).long()),
    ),
    **{
        f"BCELoss: {x}, {y}": (
            "RuntimeError", f"all elements of {what} should be between 0 and 1",
            lambda t, x=x, y=y: t.nn.BCELoss()(t.tensor([x]), t.tensor([y])),
        )
        for what, x, y in (
            ("input", 1.5, 1.0), ("input", -0.5, 1.0), ("input", NAN, 1.0), ("target", 0.5, 2.0),
            ("target", 0.5, -1.0),
        )
    },
    "BCELoss: weights": (
        "RuntimeError", "Attempting to broadcast",
        scored("BCELoss", 4, 3, target=lambda t: t.zeros(4, 3), weight=lambda t: t.ones(2)),
    ),
    "BCEWithLogitsLoss: weights": (
        "RuntimeError", "must match",
        scored("BCEWithLogitsLoss", 4, 3, target=lambda t: t.zeros(4, 3), weight=lambda t: t.ones(2)),
    ),
    "BCEWithLogitsLoss: pos_weight": (
        "RuntimeError", "must match",
        scored("BCEWithLogitsLoss", 4, 3, target=lambda t: t.zeros(4, 3), pos_weight=lambda t: t.ones(2)),
    ),
    "binary_cross_entropy: weights to be learnt": (
        "RuntimeError", "'binary_cross_entropy' is not differentiable with respect to argument 'weight'",
        lambda t: t.nn.functional.binary_cross_entropy(
            t.rand(3, requires_grad=True), t.rand(3), t.ones(3, requires_grad=True)
        ),
    ),
    **{
        f"binary_cross_entropy_with_logits: {name} to be learnt": (
            "RuntimeError",
            f"'binary_cross_entropy_with_logits' is not differentiable with respect to argument '{name}'",
            lambda t, name=name: t.nn.functional.binary_cross_entropy_with_logits(
                t.rand(3, requires_grad=True), t.rand(3), **{name: t.ones(3, requires_grad=True)}
            ),
        )
        for name in ("weight", "pos_weight")
    },
}  # fmt: skip


def pair_node_names(t: Any) -> list[str]:
    """The same of the losses that compare entry by entry."""
    functional = t.nn.functional
    x, y = t.full((2, 3), 0.5, requires_grad=True), t.full((2, 3), 0.25)
    return [
        getattr(functional, name)(x, y, reduction=reduction).grad_fn.name()
        for name in (
            "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
            "binary_cross_entropy_with_logits", "kl_div",
        )
        for reduction in ("mean", "none")
    ] + [
        functional.kl_div(x, y, reduction="batchmean").grad_fn.name(),
        functional.kl_div(x, y, reduction="none", log_target=True).grad_fn.name(),
        functional.smooth_l1_loss(x, y, beta=0.0).grad_fn.name(),
    ]  # fmt: skip


def node_names(t: Any) -> list[str]:
    """The names that print as ``grad_fn``, in the cases that scripts print."""
    x, wide = t.zeros(2, 3, requires_grad=True), t.zeros(2, 3, 4, requires_grad=True)
    y, positions = t.tensor([1, 2]), t.zeros(2, 4).long()
    functional = t.nn.functional
    return [
        loss.grad_fn.name()
        for loss in (
            functional.cross_entropy(x, y),
            functional.cross_entropy(x, y, reduction="none"),
            functional.cross_entropy(x, y, label_smoothing=0.1),
            functional.cross_entropy(wide, positions),
            functional.cross_entropy(x, t.zeros(2, 3)),
            functional.cross_entropy(x, t.zeros(2, 3), reduction="sum"),
            functional.nll_loss(x, y),
            functional.nll_loss(wide, positions),
            functional.mse_loss(x, t.zeros(2, 3)),
        )
    ]


TEXTS = [
    (
        "['MeanBackward0', 'AbsBackward0', 'SmoothL1LossBackward0', 'SmoothL1LossBackward0', "
        "'HuberLossBackward0', 'HuberLossBackward0', 'BinaryCrossEntropyBackward0', "
        "'BinaryCrossEntropyBackward0', 'BinaryCrossEntropyWithLogitsBackward0', "
        "'BinaryCrossEntropyWithLogitsBackward0', 'MeanBackward0', 'SubBackward0', 'DivBackward0', "
        "'MulBackward0', 'MeanBackward0']",
        pair_node_names,
    ),
    *(
        (f"{kind}()", lambda t, kind=kind: getattr(t.nn, kind)())
        for kind in (
            "L1Loss",
            "SmoothL1Loss",
            "HuberLoss",
            "BCELoss",
            "BCEWithLogitsLoss",
            "KLDivLoss",
            "CosineSimilarity",
        )
    ),
    ("['weight']", lambda t: list(t.nn.BCELoss(t.ones(3)).state_dict())),
    (
        "['weight', 'pos_weight']",
        lambda t: list(t.nn.BCEWithLogitsLoss(t.ones(3), pos_weight=t.ones(3)).state_dict()),
    ),
    ("[]", lambda t: list(t.nn.BCEWithLogitsLoss().state_dict())),
    (
        "[('reduction', 'mean'), ('beta', 1.0), ('reduction', 'mean'), ('delta', 1.0), ('reduction', "
        "'mean'), ('log_target', False)]",
        lambda t: [
            (name, getattr(loss, name))
            for loss, names in (
                (t.nn.SmoothL1Loss(), ("reduction", "beta")),
                (t.nn.HuberLoss(), ("reduction", "delta")),
                (t.nn.KLDivLoss(), ("reduction", "log_target")),
            )
            for name in names
        ],
    ),
    # types: the common one of both (what PyTorch's BCE with logits and Huber do depends on the order)
    (
        "[torch.float64, torch.float64, torch.float64, torch.float32, torch.float32]",
        lambda t: [
            loss(x, y).dtype
            for loss, x, y in (
                (t.nn.L1Loss(), t.zeros(2), t.zeros(2).double()),
                (t.nn.SmoothL1Loss(), t.zeros(2), t.zeros(2).double()),
                (t.nn.KLDivLoss(), t.zeros(2).double(), t.zeros(2)),
                (t.nn.SmoothL1Loss(), t.zeros(2), t.zeros(2).long()),
                (t.nn.BCEWithLogitsLoss(t.ones(2).double()), t.zeros(2), t.zeros(2)),
            )
        ],
    ),
    ("CrossEntropyLoss()", lambda t: t.nn.CrossEntropyLoss()),
    ("CrossEntropyLoss()", lambda t: t.nn.CrossEntropyLoss(t.zeros(3), label_smoothing=0.1)),
    ("NLLLoss()", lambda t: t.nn.NLLLoss()),
    ("MSELoss()", lambda t: t.nn.MSELoss(reduction="sum")),
    ("['weight']", lambda t: list(t.nn.CrossEntropyLoss(t.zeros(3)).state_dict())),
    ("[]", lambda t: list(t.nn.NLLLoss().state_dict())),
    (
        "['NllLossBackward0', 'NllLossBackward0', 'AddBackward0', 'NllLoss2DBackward0', "
        "'DivBackward1', 'NegBackward0', 'NllLossBackward0', 'NllLoss2DBackward0', "
        "'MseLossBackward0']",
        node_names,
    ),
    (  # one sample may have a target with an axis of one (PyTorch has no gradient there)
        "tensor(0.7156) torch.Size([])",
        lambda t: facts.Plain(
            *[
                t.nn.functional.cross_entropy(t.tensor([0.3, 0.2, 0.9]), t.tensor([2])),
                t.nn.functional.nll_loss(
                    t.tensor([0.3, 0.2]), t.tensor([1]), reduction="none"
                ).shape,
            ]
        ),
    ),
    (
        "['sum', 'none', 'mean', 'none', 'sum', 'sum', 'none', 'sum', 'mean', 'none']",
        lambda t: [
            loss.reduction
            for loss in (
                t.nn.CrossEntropyLoss(size_average=False),
                t.nn.NLLLoss(reduce=False),
                t.nn.MSELoss(size_average=True),
                t.nn.MSELoss(False, False),
                t.nn.MSELoss(False, True),
                t.nn.L1Loss(False),
                t.nn.SmoothL1Loss(reduce=False),
                t.nn.BCELoss(None, False),
                t.nn.BCEWithLogitsLoss(size_average=True),
                t.nn.KLDivLoss(None, False),
            )
        ],
    ),
]


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS | PAIR_RUNS)


if __name__ == "__main__":
    main()
