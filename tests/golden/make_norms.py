"""Regenerate ``norms.npz``: what PyTorch 2.13 computes in normalisation layers.

    python tests/golden/make_norms.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import copy
import itertools
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "norms.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

NAN, INF = float("nan"), float("inf")

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def leaf(t: Any, seed: int, *shape: int, dtype: str) -> Any:
    """A tensor that requires a gradient; scaled and shifted, so that mean and variance matter."""
    kind = np.dtype(dtype).type
    return t.tensor(
        facts.numbers(seed, *shape, dtype=dtype) * kind(3) + kind(1.5), requires_grad=True
    )


def values_and_gradients(t: Any, y: Any, **leaves: Any) -> dict[str, np.ndarray]:
    """The values of `y`, and the gradients of the leaves that there are."""
    leaves = {name: v for name, v in leaves.items() if v is not None and v.requires_grad}
    g = t.tensor(facts.numbers(7, *y.shape, dtype=str(y.dtype).split(".")[1]))
    grads = t.autograd.grad(y, list(leaves.values()), g)
    return {"y": facts.array(y)} | {f"d_{n}": facts.array(d) for n, d in zip(leaves, grads)}


def second(t: Any, function: Any, x: Any) -> dict[str, np.ndarray]:
    """The gradient of the squared gradient."""
    y = function(x)
    g = t.tensor(facts.numbers(8, *y.shape, dtype=str(y.dtype).split(".")[1]))
    (d,) = t.autograd.grad((y * y * g).sum(), x, create_graph=True)
    (dd,) = t.autograd.grad((d * d).sum(), x)
    return {"second": facts.array(dd)}


def second_in_training(t: Any, layer: Any, x: Any) -> dict[str, np.ndarray]:
    """`second` of a copy of the layer that is training."""
    return {"training": second(t, copy.deepcopy(layer).train(), x)["second"]}


def with_parameters(t: Any, layer: Any) -> Any:
    """The layer with weights and biases that are not just ones and zeros."""
    with t.no_grad():
        for seed, p in enumerate(layer.parameters(), 20):
            dtype = str(p.dtype).split(".")[1]
            p.copy_(t.tensor(facts.numbers(seed, *p.shape, dtype=dtype)))
    return layer


def run_sample_norm(
    t: Any, kind: str, shape: tuple[int, ...], sizes: Any, options: dict[str, Any], dtype: str
) -> dict[str, np.ndarray]:
    """LayerNorm or RMSNorm."""
    layer = with_parameters(t, getattr(t.nn, kind)(sizes, **options, dtype=getattr(t, dtype)))
    x = leaf(t, 1, *shape, dtype=dtype)
    found = values_and_gradients(t, layer(x), x=x, **dict(layer.named_parameters()))
    return found | (second(t, layer, x) if dtype == "float64" else {})


SAMPLE_NORMS = {
    f"{kind}-{shape}-{sizes}-{options}-{dtype}": (kind, shape, sizes, options, dtype)
    for (kind, options), (shape, sizes), dtype in itertools.product(
        (
            ("LayerNorm", {}),
            ("LayerNorm", {"bias": False}),
            ("LayerNorm", {"elementwise_affine": False, "eps": 0.1}),
            ("RMSNorm", {}),
            ("RMSNorm", {"elementwise_affine": False, "eps": 0.1}),
        ),
        (
            ((4, 5), 5), ((5,), 5), ((3, 2, 7), 7), ((2, 3, 4, 5), [4, 5]), ((2, 3, 4), (2, 3, 4)),
            ((0, 3), 3),
        ),
        ("float32", "float64"),
    )
}  # fmt: skip


def run_batch_norm(
    t: Any, shape: tuple[int, ...], options: dict[str, Any], dtype: str
) -> dict[str, np.ndarray]:
    """Two batches in training, one after ``eval()``; the running averages after each."""
    layer = t.nn.BatchNorm1d(shape[1], **options, dtype=getattr(t, dtype))
    with_parameters(t, layer)
    found = {}
    for step in range(3):
        layer.train(step < 2)
        x = leaf(t, step, *shape, dtype=dtype)
        y = layer(x)
        results = values_and_gradients(t, y, x=x, **dict(layer.named_parameters()))
        if dtype == "float64" and step == 2:
            results |= second(t, layer, x) | second_in_training(t, layer, x)
        results |= {n: facts.array(b.to(y.dtype)) for n, b in layer.named_buffers()}
        found |= {f"{name} {step}": v for name, v in results.items()}
    return found


BATCH_NORMS = {
    f"BatchNorm1d-{shape}-{options}-{dtype}": (shape, options, dtype)
    for shape, options, dtype in itertools.product(
        ((5, 3), (2, 3), (4, 3, 6), (1, 3, 4), (4, 1), (3, 2, 1)),
        (
            {},
            {"momentum": None},
            {"momentum": 0.7, "eps": 0.1},
            {"affine": False},
            {"track_running_stats": False},
            {"affine": False, "track_running_stats": False},
        ),
        ("float32", "float64"),
    )
    # of two samples the gradient is nearly 0: what is left of it in float32 is rounding
    if (shape, dtype) != ((2, 3), "float32")
}


def run_functions(t: Any, dtype: str) -> dict[str, np.ndarray]:
    """``batch_norm`` with more axes, a weight alone, a bias alone, and given averages."""
    functional = t.nn.functional
    x = leaf(t, 1, 3, 2, 2, 2, dtype=dtype)
    w, b = leaf(t, 2, 2, dtype=dtype), leaf(t, 3, 2, dtype=dtype)
    given = [t.tensor(np.abs(facts.numbers(k, 2, dtype=dtype))) for k in (4, 5)]
    found = {}
    for name, y in {
        "both": functional.batch_norm(x, None, None, w, b, training=True),
        "w": functional.batch_norm(x, None, None, w, training=True),
        "b": functional.batch_norm(x, None, None, None, b, training=True, eps=0.01),
        "given": functional.batch_norm(x, *given, w, b),
        "layer": functional.layer_norm(x, [2, 2, 2]),
    }.items():
        used = {
            "x": x,
            "w": None if name in ("b", "layer") else w,
            "b": None if name in ("w", "layer") else b,
        }
        found |= {f"{name} {k}": v for k, v in values_and_gradients(t, y, **used).items()}
    return found


def run_layer_norm_of(t: Any, rows: Any, dtype: str) -> dict[str, np.ndarray]:
    """Rows that vary hardly or not at all, are large, or hold NaN.

    Without gradients in float32: there PyTorch's are mostly rounding.
    """
    x = t.tensor(np.asarray(rows, dtype), requires_grad=True)
    y = t.nn.functional.layer_norm(x, x.shape[1:])
    return values_and_gradients(t, y, x=x) if dtype == "float64" else {"y": facts.array(y)}


ROWS = {
    "constant": [[3.3] * 7, [1e4 + 0.1] * 7, [1e6 + 0.1] * 7, [0.0] * 7],
    "constant, 100": [[1e6 + 0.1] * 100],
    "one": [[5.0], [-1e6]],
    "large mean": [[1e6, 1e6 + 1, 1e6 + 2, 1e6 + 4]],
    "small": [[1e-8, 2e-8, -3e-8]],
    "large": [[1e15, -1e15, 3e15]],
    "nan": [[NAN, 1.0], [1.0, 2.0]],
}

RUNS = (
    {n: (lambda t, case=case: run_sample_norm(t, *case)) for n, case in SAMPLE_NORMS.items()}
    | {n: (lambda t, case=case: run_batch_norm(t, *case)) for n, case in BATCH_NORMS.items()}
    | {f"functions-{d}": (lambda t, d=d: run_functions(t, d)) for d in ("float32", "float64")}
    | {
        f"layer norm of {name}-{d}": (lambda t, a=(rows, d): run_layer_norm_of(t, *a))
        for name, rows in ROWS.items()
        for d in ("float32", "float64")
    }
)

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def f(t: Any) -> Any:
    """``nn.functional``."""
    return t.nn.functional


ERRORS = {
    "layer norm: size": (
        "RuntimeError",
        r"Given normalized_shape=\[3\], expected input with shape \[\*, 3\], but got input of size\[2, 4\]",
        lambda t: t.nn.LayerNorm(3)(t.zeros(2, 4)),
    ),
    "layer norm: too few axes": (
        "RuntimeError", r"Given normalized_shape=\[2, 3\], expected input with shape \[\*, 2, 3\]",
        lambda t: t.nn.LayerNorm((2, 3))(t.zeros(3)),
    ),
    "layer norm: list": (
        "TypeError", r"argument 'input'.* must be Tensor, not list", lambda t: t.nn.LayerNorm(3)([1.0]),
    ),
    "layer norm: dtype": (
        "RuntimeError", r"mixed dtype \(CPU\): all inputs must share same datatype",
        lambda t: t.nn.LayerNorm(3)(t.zeros(2, 3).double()),
    ),
    "layer norm: integers": (
        "RuntimeError", "mixed dtype", lambda t: t.nn.LayerNorm(3)(t.zeros(2, 3).long()),
    ),
    "layer norm: no axes": (
        "RuntimeError", "Expected normalized_shape to be at least 1-dimensional",
        lambda t: t.nn.LayerNorm(())(t.zeros(2, 3)),
    ),
    "layer_norm: int": (
        "TypeError", "argument 'normalized_shape'.* must be tuple of ints, not int",
        lambda t: f(t).layer_norm(t.zeros(2, 3), 3),
    ),
    "layer_norm: weight": (
        "RuntimeError", r"Expected weight to be of same shape as normalized_shape, but got weight of shape \[4\]",
        lambda t: f(t).layer_norm(t.zeros(2, 3), (3,), t.zeros(4)),
    ),
    "layer_norm: bias": (
        "RuntimeError", r"Expected bias to be of same shape as normalized_shape, but got bias of shape \[4\]",
        lambda t: f(t).layer_norm(t.zeros(2, 3), (3,), None, t.zeros(4)),
    ),
    "rms_norm: size": (
        "RuntimeError", r"Given normalized_shape=\[4\], expected input with shape",
        lambda t: f(t).rms_norm(t.zeros(2, 3), (4,)),
    ),
    "rms_norm: weight": (
        "RuntimeError", "Expected weight to be of same shape as normalized_shape",
        lambda t: f(t).rms_norm(t.zeros(2, 3), (3,), t.zeros(4)),
    ),
    "batch norm: one sample": (
        "ValueError",
        r"Expected more than 1 value per channel when training, got input size torch.Size\(\[1, 3\]\)",
        lambda t: t.nn.BatchNorm1d(3)(t.zeros(1, 3)),
    ),
    "batch norm: one position": (
        "ValueError", "Expected more than 1 value per channel when training",
        lambda t: t.nn.BatchNorm1d(3)(t.zeros(1, 3, 1)),
    ),
    "batch norm: channels": (
        "RuntimeError", "running_mean should contain 4 elements not 3",
        lambda t: t.nn.BatchNorm1d(3)(t.zeros(2, 4)),
    ),
    "batch norm: channels in evaluation": (
        "RuntimeError", "running_mean should contain 4 elements not 3",
        lambda t: t.nn.BatchNorm1d(3).eval()(t.zeros(2, 4, 5)),
    ),
    "batch_norm: weight": (
        "RuntimeError", "weight should contain 3 elements not 2",
        lambda t: f(t).batch_norm(t.rand(4, 3), t.zeros(3), t.ones(3), t.ones(2), training=True),
    ),
    "batch_norm: bias": (
        "RuntimeError", "bias should contain 3 elements not 2",
        lambda t: f(t).batch_norm(t.rand(4, 3), None, None, t.ones(3), t.ones(2), training=True),
    ),
    "batch norm: 4 axes": (
        "ValueError", r"expected 2D or 3D input.*\(got 4D input",
        lambda t: t.nn.BatchNorm1d(3)(t.zeros(2, 3, 4, 5)),
    ),
    "batch norm: 1 axis": (
        "ValueError", r"expected 2D or 3D input.*\(got 1D input", lambda t: t.nn.BatchNorm1d(3)(t.zeros(3)),
    ),
    **{
        f"batch norm: eps {eps}": (
            "ValueError", f"eps must be positive during training, but got {eps}",
            lambda t, eps=eps: t.nn.BatchNorm1d(3, eps=eps)(t.rand(4, 3)),
        )
        for eps in (0.0, -1.0)
    },
    "batch norm: negative eps in evaluation": (
        "ValueError", r"eps must be non-negative, but got -1\.0",
        lambda t: t.nn.BatchNorm1d(3, eps=-1.0).eval()(t.rand(4, 3)),
    ),
    "batch norm: dtype": (
        "RuntimeError", "mixed dtype", lambda t: t.nn.BatchNorm1d(3)(t.rand(4, 3).double()),
    ),
    "batch_norm: dtype of the averages": (
        "RuntimeError", "mixed dtype.*expect parameter to have scalar type of Float",
        lambda t: f(t).batch_norm(t.rand(4, 3), t.zeros(3).double(), t.ones(3).double(), training=True),
    ),
    "batch norm: integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: t.nn.BatchNorm1d(3)(t.ones(4, 3).long()),
    ),
    "batch_norm: no averages": (
        "RuntimeError", "running_mean must be defined in evaluation mode",
        lambda t: f(t).batch_norm(t.rand(4, 3), None, None),
    ),
    "batch_norm: one average": (
        "ValueError", "running_mean and running_var must either both be None or neither be None",
        lambda t: f(t).batch_norm(t.rand(4, 3), t.zeros(3), None, training=True),
    ),
    "batch norm: negative size": (
        "RuntimeError", "Trying to create tensor with negative dimension -1",
        lambda t: t.nn.BatchNorm1d(-1),
    ),
    "batch norm: missing counter": (
        "RuntimeError", r'Missing key\(s\) in state_dict: "num_batches_tracked"',
        lambda t: t.nn.BatchNorm1d(3).load_state_dict(without_counter(t, 2)),
    ),
}  # fmt: skip


def without_counter(t: Any, version: int) -> Any:
    """A state dict without ``num_batches_tracked``."""
    state = t.nn.BatchNorm1d(3).state_dict()
    del state["num_batches_tracked"]
    state._metadata[""] = {"version": version}
    return state


def after_batches(t: Any, *shapes: tuple[int, ...], **options: Any) -> Any:
    """The buffers after batches of zeros of these shapes."""
    layer = t.nn.BatchNorm1d(3, **options)
    for shape in shapes:
        layer(t.zeros(shape))
    return dict(layer.named_buffers())


ONES_AND_ZEROS = "OrderedDict([('weight', tensor([1., 1.])), ('bias', tensor([0., 0.]))"
TEXTS = [
    *(
        (text, lambda t, text=text: eval(text, {"__builtins__": {}}, vars(t.nn)))
        for text in (
            "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)",
            "LayerNorm((2, 3), eps=0.001, elementwise_affine=False, bias=False)",
            "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=False)",
            "RMSNorm((3,), eps=None, elementwise_affine=True)",
            "RMSNorm((2, 3), eps=0.001, elementwise_affine=False)",
            "BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
            "BatchNorm1d(4, eps=1e-05, momentum=None, affine=False, bias=False, track_running_stats=False)",
            "BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=False, track_running_stats=True)",
        )
    ),
    ("LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)", lambda t: t.nn.LayerNorm(3)),
    (f"{ONES_AND_ZEROS}])", lambda t: t.nn.LayerNorm(2).state_dict()),
    ("OrderedDict([('weight', tensor([1., 1.]))])", lambda t: t.nn.RMSNorm(2).state_dict()),
    (
        f"{ONES_AND_ZEROS}, ('running_mean', tensor([0., 0.])), ('running_var', tensor([1., 1.])), "
        "('num_batches_tracked', tensor(0))])",
        lambda t: t.nn.BatchNorm1d(2).state_dict(),
    ),
    ("OrderedDict()", lambda t: t.nn.BatchNorm1d(2, affine=False, track_running_stats=False).state_dict()),
    (
        "[None, None, None, None, None]",
        lambda t: [
            getattr(t.nn.BatchNorm1d(2, affine=False, track_running_stats=False), name)
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        ],
    ),
    ("<All keys matched successfully>", lambda t: t.nn.BatchNorm1d(3).load_state_dict(without_counter(t, 1))),
    # the counter goes on where the averages do not: a batch without samples
    (
        "{'running_mean': tensor([0., 0., 0.]), 'running_var': tensor([1., 1., 1.]), "
        "'num_batches_tracked': tensor(1)}",
        lambda t: after_batches(t, (0, 3)),
    ),
    ("torch.Size([0, 3])", lambda t: t.nn.BatchNorm1d(3)(t.zeros(0, 3)).shape),
    ("torch.Size([2, 3, 0])", lambda t: t.nn.BatchNorm1d(3)(t.zeros(2, 3, 0)).shape),
    ("torch.Size([0, 3])", lambda t: t.nn.BatchNorm1d(3).eval()(t.zeros(0, 3)).shape),
    ("torch.Size([1, 3])", lambda t: t.nn.BatchNorm1d(3).eval()(t.zeros(1, 3)).shape),
    ("torch.Size([2, 0])", lambda t: t.nn.LayerNorm(0)(t.zeros(2, 0)).shape),
    ("torch.Size([2, 4])", lambda t: t.nn.BatchNorm1d(3, affine=False, track_running_stats=False)(t.zeros(2, 4)).shape),
    ("tensor([[nan, nan]])", lambda t: f(t).layer_norm(t.tensor([[1.0, 2.0]]), (2,), eps=-1.0)),
    ("tensor(True)", lambda t: t.isfinite(t.nn.BatchNorm1d(3, eps=0.0).eval()(t.rand(1, 3))).all()),
    (
        "['NativeLayerNormBackward0', 'NativeBatchNormBackward0', 'NativeBatchNormBackward0', 'MulBackward0']",
        lambda t: [
            module(t.rand(4, 3)).grad_fn.name()
            for module in (
                t.nn.LayerNorm(3), t.nn.BatchNorm1d(3), t.nn.BatchNorm1d(3).eval(), t.nn.RMSNorm(3),
            )
        ],
    ),
    ("(2, torch.int64)", lambda t: (t.nn.BatchNorm1d._version, t.nn.BatchNorm1d(3).num_batches_tracked.dtype)),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
