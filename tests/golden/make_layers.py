"""Regenerate ``layers.npz``: what PyTorch 2.13 computes in layers, activations and initial values.

    python tests/golden/make_layers.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "layers.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def outcome(t: Any, y: Any, **leaves: Any) -> dict[str, np.ndarray]:
    """The values of `y`, and its gradients with respect to the leaves by name."""
    g = t.tensor(facts.numbers(7, *y.shape, dtype=str(y.dtype).split(".")[1]))
    grads = t.autograd.grad(y, list(leaves.values()), g)
    return {"y": facts.array(y)} | {f"d_{n}": facts.array(d) for n, d in zip(leaves, grads)}


def leaf(t: Any, seed: int, *shape: int, dtype: str, scale: float = 1.0) -> Any:
    """A tensor that requires a gradient."""
    return t.tensor(
        facts.numbers(seed, *shape, dtype=dtype) * np.dtype(dtype).type(scale), requires_grad=True
    )


def run_linear(t: Any, shape: tuple[int, ...], bias: bool, dtype: str) -> dict[str, np.ndarray]:
    """Parameters from a seed, values, gradients."""
    t.manual_seed(6)
    layer = t.nn.Linear(4, 3, bias, dtype=getattr(t, dtype))
    x = leaf(t, 1, *shape, dtype=dtype)
    parameters = dict(layer.named_parameters())
    return {n: facts.array(p) for n, p in parameters.items()} | outcome(
        t, layer(x), x=x, **parameters
    )


INDICES = {
    "0-D": 3,
    "1-D": [1, 4, 1, 0, 3, 1],
    "2-D": [[1, 2, 0], [4, 2, 2]],
    "3-D": [[[1], [2]], [[5], [0]]],
    "empty": np.zeros((2, 0), np.int64),
}


def run_embedding(
    t: Any, index: str, index_dtype: str, dtype: str, **options: Any
) -> dict[str, np.ndarray]:
    """Parameters from a seed, rows, gradients, and the table afterwards."""
    t.manual_seed(7)
    layer = t.nn.Embedding(6, 3, dtype=getattr(t, dtype), **options)
    found = {"weight": facts.array(layer.weight)}
    y = layer(t.tensor(INDICES[index]).to(getattr(t, index_dtype)))
    found |= outcome(t, y, table=layer.weight)
    return found | {"table": facts.array(layer.weight)}


EMBEDDINGS = {
    f"embedding-{index}-{index_dtype}-{options}-{dtype}": (index, index_dtype, dtype, options)
    for index in INDICES
    for index_dtype in ("int64", "int32")
    for dtype, options in (
        ("float32", {}),
        ("float64", {"padding_idx": 1}),
        ("float32", {"padding_idx": -2, "scale_grad_by_freq": True}),
        ("float64", {"scale_grad_by_freq": True}),
        ("float32", {"max_norm": 1.0}),
        ("float64", {"max_norm": 0.7, "norm_type": 1.0}),
        ("float64", {"max_norm": 1.1, "norm_type": 3.0, "padding_idx": 4}),
        ("float64", {"max_norm": 0.8, "norm_type": float("inf")}),
    )
}

ACTIVATIONS: dict[str, Any] = {
    "Tanh": lambda nn: nn.Tanh(),
    "Sigmoid": lambda nn: nn.Sigmoid(),
    "LogSigmoid": lambda nn: nn.LogSigmoid(),
    "ReLU": lambda nn: nn.ReLU(),
    "SiLU": lambda nn: nn.SiLU(),
    "LeakyReLU": lambda nn: nn.LeakyReLU(),
    "LeakyReLU 0.3": lambda nn: nn.LeakyReLU(0.3),
    "ELU": lambda nn: nn.ELU(),
    "ELU 1.7": lambda nn: nn.ELU(1.7),
    "Softplus": lambda nn: nn.Softplus(),
    "Softplus 2.5": lambda nn: nn.Softplus(2.5, 1.5),
    "Hardtanh": lambda nn: nn.Hardtanh(),
    "Hardtanh -0.5 2": lambda nn: nn.Hardtanh(-0.5, 2),
    "GELU": lambda nn: nn.GELU(),
    "GELU tanh": lambda nn: nn.GELU("tanh"),
    "ReLU6": lambda nn: nn.ReLU6(),
    "Threshold": lambda nn: nn.Threshold(0.1, 20.0),
    "Tanhshrink": lambda nn: nn.Tanhshrink(),
    "Softsign": lambda nn: nn.Softsign(),
    "CELU": lambda nn: nn.CELU(),
    "CELU 0.7": lambda nn: nn.CELU(0.7),
    "SELU": lambda nn: nn.SELU(),
    "Mish": lambda nn: nn.Mish(),
    "Hardsigmoid": lambda nn: nn.Hardsigmoid(),
    "Hardswish": lambda nn: nn.Hardswish(),
    "Hardshrink": lambda nn: nn.Hardshrink(),
    "Hardshrink 1.5": lambda nn: nn.Hardshrink(1.5),
    "Softshrink": lambda nn: nn.Softshrink(),
    "Softshrink 1.5": lambda nn: nn.Softshrink(1.5),
    "RReLU": lambda nn: nn.RReLU(0.1, 0.4).eval(),
    "Softmin": lambda nn: nn.Softmin(-1),
    "Softmax": lambda nn: nn.Softmax(1),
    "Softmax -1": lambda nn: nn.Softmax(-1),
    "LogSoftmax": lambda nn: nn.LogSoftmax(0),
    "softmin": lambda nn: lambda x: nn.functional.softmin(x, 1),
    "threshold": lambda nn: lambda x: nn.functional.threshold(x, 0.3, -2.0),
    "tanh": lambda nn: nn.functional.tanh,
    "sigmoid": lambda nn: nn.functional.sigmoid,
    "softmax none": lambda nn: nn.functional.softmax,
    "log_softmax none": lambda nn: nn.functional.log_softmax,
}
IN_PLACE = (
    "ReLU", "SiLU", "LeakyReLU", "ELU", "Hardtanh", "ReLU6", "CELU", "SELU", "Mish", "Hardsigmoid",
    "Hardswish",
)  # fmt: skip


def run_activation(t: Any, name: str, dtype: str) -> dict[str, np.ndarray]:
    """At values to both sides of every bend, and at large ones."""
    x = leaf(t, 1, 3, 4, 2, dtype=dtype, scale=4.0)
    activation = ACTIVATIONS[name](t.nn)
    found = outcome(t, activation(x), x=x)
    large = t.tensor(
        [[-1e3, -60.0, -17.0, 0.0, 17.0, 60.0, 1e3]], dtype=x.dtype, requires_grad=True
    )
    return found | {f"large {k}": v for k, v in outcome(t, activation(large), large=large).items()}


def run_in_place(t: Any, name: str) -> dict[str, np.ndarray]:
    """The same module overwriting its input."""
    x = leaf(t, 1, 3, 4, dtype="float64", scale=2.0)
    y = x * 1.0
    z = getattr(t.nn, name)(inplace=True)(y)
    assert z is y
    return outcome(t, z * 2.0, x=x)


def run_prelu(t: Any, shape: tuple[int, ...], slopes: tuple[int, ...], dtype: str) -> Any:
    """Slopes of channels, one for all, or a number."""
    x, w = leaf(t, 1, *shape, dtype=dtype), leaf(t, 2, *slopes, dtype=dtype)
    return outcome(t, t.nn.functional.prelu(x, w), x=x, w=w)


def run_bilinear(t: Any, shape: tuple[int, ...], bias: bool, dtype: str) -> Any:
    """Parameters from a seed, values, gradients."""
    t.manual_seed(6)
    layer = t.nn.Bilinear(3, 4, 5, bias, dtype=getattr(t, dtype))
    x1, x2 = leaf(t, 1, *shape, 3, dtype=dtype), leaf(t, 2, *shape, 4, dtype=dtype)
    parameters = dict(layer.named_parameters())
    drawn = {n: facts.array(p) for n, p in parameters.items()}
    return drawn | outcome(t, layer(x1, x2), x1=x1, x2=x2, **parameters)


def run_glu(t: Any, shape: tuple[int, ...], dim: int, dtype: str) -> dict[str, np.ndarray]:
    """Halves along an axis."""
    x = leaf(t, 1, *shape, dtype=dtype, scale=3.0)
    return outcome(t, t.nn.GLU(dim)(x), x=x)


def run_rrelu(t: Any, dtype: str, options: Any) -> dict[str, np.ndarray]:
    """Slopes drawn for the entries that are not positive, row by row wherever they lie."""
    t.manual_seed(11)
    x = leaf(t, 1, 4, 5, dtype=dtype)
    y = x.t() if options == "transposed" else x * 1
    layer = t.nn.RReLU(0.2, 0.6, inplace=options == "in place")
    return outcome(t, layer(y), x=x) | {"next": facts.array(t.rand(1))}


def run_dropout(t: Any, size: int) -> dict[str, np.ndarray]:
    """A mask, and what the generator draws next.

    On processors of Intel PyTorch asks another generator for masks: make this file on another one.
    """
    t.manual_seed(10)
    y = t.nn.Dropout(0.3)(t.ones(size))
    return {"y": facts.array(y), "next": facts.array(t.rand(1))}


DROPOUTS: dict[str, Any] = {
    "Dropout1d": (3, 4, 5),
    "Dropout1d 2-D": (4, 5),
    "Dropout2d": (2, 3, 4, 5),
    "Dropout2d 3-D": (2, 3, 4),
    "AlphaDropout": (5, 7),
    "FeatureAlphaDropout": (3, 4, 5),
}


def run_other_dropout(t: Any, name: str, p: float) -> dict[str, np.ndarray]:
    """Values, gradients, and what the generator draws next; see `run_dropout`."""
    t.manual_seed(10)
    x = leaf(t, 1, *DROPOUTS[name], dtype="float64")
    layer = getattr(t.nn, name.split()[0])(p)
    found = outcome(t, layer(x), x=x) | {"next": facts.array(t.rand(1, dtype=t.float64))}
    return found | {"evaluated": facts.array(layer.eval()(x))}


PADS: dict[str, Any] = {
    "constant": ((2, 3), (1, 2), "constant", None),
    "constant value": ((2, 3), (1, 2, 0, 1), "constant", -1.5),
    "constant of one axis": ((3,), (0, 2), "constant", 0.5),
    "constant of three axes": ((2, 3, 2), (1, 0, 2, 1, 0, 1), "constant", None),
    "crop": ((4, 5), (-1, -2, -1, 0), "constant", None),
    "crop and pad": ((4, 5), (-2, 3, 1, -3), "constant", 2.0),
    "empty": ((0, 5), (1, 1, 2, 0), "constant", 2.0),
    **{
        f"{mode} {shape} {pad}": (shape, pad, mode, None)
        for mode in ("reflect", "replicate", "circular")
        for shape, pad in (
            ((3, 4), (1, 2)), ((2, 3, 4), (3, 0)), ((2, 3, 4), (1, 2, 2, 1)),
            ((2, 2, 3, 4), (1, 2, 0, 1)), ((2, 3, 2, 4), (1, 1, 0, 1, 2, 1)), ((2, 3, 4), (-1, 1)),
            ((0, 3, 4), (1, 1)),
        )
    },
    "replicate far": ((2, 3), (5, 7), "replicate", None),
    "circular once round": ((2, 3), (3, 3), "circular", None),
}  # fmt: skip


def run_pad(t: Any, name: str) -> dict[str, np.ndarray]:
    """Values and gradients."""
    shape, pad, mode, value = PADS[name]
    x = leaf(t, 1, *shape, dtype="float64")
    return outcome(t, t.nn.functional.pad(x, pad, mode, value), x=x)


VECTORS: dict[str, Any] = {
    "normalize": (lambda f, x: f.normalize(x), ((3, 4),)),
    "normalize 1": (lambda f, x: f.normalize(x, p=1.0, dim=0), ((3, 4),)),
    "normalize 3": (lambda f, x: f.normalize(x, p=3.0, dim=-1), ((2, 3, 4),)),
    "normalize inf": (lambda f, x: f.normalize(x, p=float("inf")), ((3, 4),)),
    "normalize two axes": (lambda f, x: f.normalize(x, dim=(0, 2)), ((2, 3, 4),)),
    "normalize eps": (lambda f, x: f.normalize(x, eps=10.0), ((3, 4),)),
    "normalize 0-D": (lambda f, x: f.normalize(x, dim=0), ((),)),
    "cosine": (lambda f, x, y: f.cosine_similarity(x, y), ((3, 4), (3, 4))),
    "cosine 0": (lambda f, x, y: f.cosine_similarity(x, y, dim=0), ((3, 4), (3, 4))),
    "cosine broadcast": (lambda f, x, y: f.cosine_similarity(x, y, dim=-1), ((3, 1, 4), (2, 4))),
    "cosine empty": (lambda f, x, y: f.cosine_similarity(x, y), ((0, 4), (0, 4))),
}


def run_vectors(t: Any, name: str, dtype: str) -> dict[str, np.ndarray]:
    """Values and gradients."""
    function, shapes = VECTORS[name]
    values = [leaf(t, k, *shape, dtype=dtype) for k, shape in enumerate(shapes, 1)]
    y = function(t.nn.functional, *values)
    return outcome(t, y, **{f"v{k}": v for k, v in enumerate(values)})


def run_zero_vectors(t: Any) -> dict[str, np.ndarray]:
    """The direction of a vector that has none."""
    x = t.tensor([[1.0, 2.0], [0.0, 0.0]], dtype=t.float64, requires_grad=True)
    y = t.tensor([[3.0, 4.0], [1.0, 2.0]], dtype=t.float64, requires_grad=True)
    found = outcome(t, t.nn.functional.normalize(x), x=x)
    similar = outcome(t, t.nn.functional.cosine_similarity(x, y), x1=x, x2=y)
    return found | {f"cosine {k}": v for k, v in similar.items()}


def run_gumbel(t: Any, dtype: str, **options: Any) -> dict[str, np.ndarray]:
    """A sample, its gradient, and what the generator draws next; see `run_dropout`."""
    t.manual_seed(3)
    x = leaf(t, 1, 4, 5, dtype=dtype)
    found = outcome(t, t.nn.functional.gumbel_softmax(x, **options), x=x)
    return found | {"next": facts.array(t.rand(1))}


def run_erf(t: Any, dtype: str) -> dict[str, np.ndarray]:
    """The error function from tiny to large values."""
    values = [-40.0, -6.0, -3.3, -1.0, -0.3, -1e-9, 0.0, 1e-20, 1e-3, 0.5, 0.9, 2.0, 4.5, 5.9, 1e3]
    x = t.tensor(np.array(values, dtype), requires_grad=True)
    return outcome(t, t.erf(x), x=x) | {"method": facts.array(x.erf())}


def run_linear_function(t: Any, *shapes: Any) -> dict[str, np.ndarray]:
    """``F.linear`` of unusual shapes."""
    values = [leaf(t, k, *shape, dtype="float64") for k, shape in enumerate(shapes)]
    y = t.nn.functional.linear(*values)
    return outcome(t, y, **{f"v{k}": v for k, v in enumerate(values)})


INITS: dict[str, Any] = {
    "uniform_": lambda init, w: init.uniform_(w, -0.3, 0.7),
    "normal_": lambda init, w: init.normal_(w, 1.0, 3.0),
    "constant_": lambda init, w: init.constant_(w, 0.3),
    "ones_": lambda init, w: init.ones_(w),
    "zeros_": lambda init, w: init.zeros_(w),
    "eye_": lambda init, w: init.eye_(w),
    "xavier_uniform_": lambda init, w: init.xavier_uniform_(w, gain=2.0),
    "xavier_normal_": lambda init, w: init.xavier_normal_(w),
    "kaiming_uniform_": lambda init, w: init.kaiming_uniform_(w, mode="fan_out"),
    "kaiming_uniform_ a": lambda init, w: init.kaiming_uniform_(w, a=5**0.5),
    "kaiming_normal_": lambda init, w: init.kaiming_normal_(w, nonlinearity="relu"),
    "kaiming_normal_ tanh": lambda init, w: init.kaiming_normal_(w, 0, "fan_out", "tanh"),
    "trunc_normal_": lambda init, w: init.trunc_normal_(w),
    "trunc_normal_ narrow": lambda init, w: init.trunc_normal_(w, 0.5, 1.0, -0.1, 0.3),
    "trunc_normal_ outside": lambda init, w: init.trunc_normal_(w, 9.0, 1.0, -2.0, 2.0),
    "sparse_": lambda init, w: init.sparse_(w, 0.4, 2.0),
    "dirac_": lambda init, w: init.dirac_(w, 2),
    "xavier_uniform": lambda init, w: init.xavier_uniform(w, 2.0),
    "orthogonal": lambda init, w: init.orthogonal(w),
    "orthogonal_": lambda init, w: init.orthogonal_(w, 1.5),
}


def run_init(t: Any, name: str, shape: tuple[int, ...], dtype: str) -> dict[str, np.ndarray]:
    """Values from a seed, and the state of the generator afterwards."""
    t.manual_seed(9)
    w = t.nn.Parameter(t.zeros(*shape, dtype=getattr(t, dtype)))
    assert INITS[name](t.nn.init, w) is w
    # drawn, not computed: exact, but for normal numbers, that go through logarithms and cosines
    exact = "weight" if name in ("uniform_", "xavier_uniform_", "eye_") else "values"
    return {exact: facts.array(w), "next": facts.array(t.rand(1, dtype=t.float64))}


RUNS = (
    {
        f"linear-{shape}-{bias}-{dtype}": lambda t, a=(shape, bias, dtype): run_linear(t, *a)
        for shape in ((5, 4), (4,), (2, 3, 4), (2, 1, 3, 4), (0, 4), (2, 0, 4))
        for bias in (True, False)
        for dtype in ("float32", "float64")
    }
    | {name: lambda t, a=a, o=o: run_embedding(t, *a, **o) for name, (*a, o) in EMBEDDINGS.items()}
    | {
        f"{name}-{dtype}": lambda t, a=(name, dtype): run_activation(t, *a)
        for name in ACTIVATIONS
        for dtype in ("float32", "float64")
    }
    | {
        f"prelu {shape} {slopes}-{dtype}": lambda t, a=(shape, slopes, dtype): run_prelu(t, *a)
        for shape, slopes in (
            ((2, 3), (3,)),
            ((2, 3, 4), (3,)),
            ((2, 3, 4), (1,)),
            ((2, 3, 2, 2), (3,)),
            ((3,), (1,)),
            ((2, 3), ()),
            ((), (1,)),
            ((0, 3), (3,)),
        )
        for dtype in ("float32", "float64")
    }
    | {
        f"bilinear {shape} {bias}-{dtype}": lambda t, a=(shape, bias, dtype): run_bilinear(t, *a)
        for shape in ((2,), (2, 6), (), (0,))
        for bias in (True, False)
        for dtype in ("float32", "float64")
    }
    | {
        f"glu {shape} {dim}-{dtype}": lambda t, a=(shape, dim, dtype): run_glu(t, *a)
        for shape, dim in (((4,), 0), ((3, 6), -1), ((4, 3), 0), ((2, 4, 3), 1), ((2, 0), 1))
        for dtype in ("float32", "float64")
    }
    | {
        f"rrelu {options}-{dtype}": lambda t, a=(dtype, options): run_rrelu(t, *a)
        for options in ("", "in place", "transposed")
        for dtype in ("float32", "float64")
    }
    | {f"dropout {n}-float32": lambda t, n=n: run_dropout(t, n) for n in (1, 5, 16, 17, 100)}
    | {f"in place {name}": lambda t, name=name: run_in_place(t, name) for name in IN_PLACE}
    | {
        f"{name} {p}-float64": lambda t, a=(name, p): run_other_dropout(t, *a)
        for name in DROPOUTS
        for p in (0.3, 1.0)
    }
    | {f"pad {name}-float64": lambda t, name=name: run_pad(t, name) for name in PADS}
    | {
        f"{name}-{dtype}": lambda t, a=(name, dtype): run_vectors(t, *a)
        for name in VECTORS
        for dtype in ("float32", "float64")
    }
    | {"zero vectors": run_zero_vectors}
    | {f"erf-{dtype}": lambda t, dtype=dtype: run_erf(t, dtype) for dtype in ("float32", "float64")}
    | {
        f"gumbel_softmax {options}-{dtype}": lambda t, d=dtype, o=options: run_gumbel(t, d, **o)
        for options in ({}, {"tau": 0.3, "dim": 0}, {"hard": True}, {"hard": True, "dim": 0})
        for dtype in ("float32", "float64")
    }
    | {
        f"linear function {shapes}": lambda t, shapes=shapes: run_linear_function(t, *shapes)
        for shapes in (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3), (4,)), ((2, 3), (4, 3), (1,)))
    }
    | {
        f"init {name} {shape}-{dtype}": lambda t, a=(name, shape, dtype): run_init(t, *a)
        for name in INITS
        for shape in ((3, 2), (4, 7), (2, 3, 4))
        for dtype in ("float32", "float64")
        if name not in ("eye_", "sparse_", "dirac_") or (len(shape) == 2) == (name != "dirac_")
    }
)

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def f(t: Any) -> Any:
    """``nn.functional``."""
    return t.nn.functional


INTEGERS = [
    "leaky_relu", "elu", "silu", "softplus", "logsigmoid", "gelu", "celu", "selu", "mish", "glu",
    "hardsigmoid", "hardswish", "hardshrink", "softshrink", "rrelu",
]  # fmt: skip

ERRORS = {
    "linear: features": (
        "RuntimeError", r"mat1 and mat2 shapes cannot be multiplied \(4x5 and 3x2\)",
        lambda t: t.nn.Linear(3, 2)(t.zeros(4, 5)),
    ),
    "linear: features, one sample": (
        "RuntimeError", r"mat1 and mat2 shapes cannot be multiplied \(1x5 and 3x2\)",
        lambda t: t.nn.Linear(3, 2)(t.zeros(5)),
    ),
    "linear: features, 3 axes": (
        "RuntimeError", r"mat1 and mat2 shapes cannot be multiplied \(8x5 and 3x2\)",
        lambda t: t.nn.Linear(3, 2)(t.zeros(2, 4, 5)),
    ),
    "linear: dtype": (
        "RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float",
        lambda t: t.nn.Linear(3, 2)(t.zeros(4, 3, dtype=t.float64)),
    ),
    "linear: 0-D": ("RuntimeError", "0-?D", lambda t: t.nn.Linear(3, 2)(t.tensor(1.0))),
    "linear: list": ("TypeError", "must be Tensor, not list", lambda t: t.nn.Linear(3, 2)([1.0])),
    "linear: negative size": (
        "RuntimeError", "negative dimension", lambda t: t.nn.Linear(-1, 2),
    ),
    "linear: float size": ("TypeError", "ints", lambda t: t.nn.Linear(3.0, 2)),
    "linear: bias size": (
        "RuntimeError", "must match the existing size",
        lambda t: f(t).linear(t.zeros(2, 3), t.zeros(4, 3), t.zeros(5)),
    ),
    "linear: bias dtype": (
        "RuntimeError", "must have the same dtype",
        lambda t: f(t).linear(t.zeros(2, 3), t.zeros(4, 3), t.zeros(4, dtype=t.float64)),
    ),
    "linear: 3-D weight": (
        "RuntimeError", r"t\(\) expects", lambda t: f(t).linear(t.zeros(2, 3), t.zeros(2, 4, 3)),
    ),
    "embedding: too large": (
        "IndexError", "index out of range in self", lambda t: t.nn.Embedding(5, 3)(t.tensor([5])),
    ),
    "embedding: negative": (
        "IndexError", "index out of range in self", lambda t: t.nn.Embedding(5, 3)(t.tensor([-1])),
    ),
    **{
        f"embedding: {kind}": (
            "RuntimeError", "Expected tensor for argument.*indices.*to have.*scalar type.*Long.*Int",
            lambda t, kind=kind: t.nn.Embedding(5, 3)(t.zeros(1).to(getattr(t, kind))),
        )
        for kind in ("float32", "bool", "int16", "uint8")
    },
    "embedding: list": ("TypeError", "must be Tensor, not list", lambda t: t.nn.Embedding(5, 3)([1])),
    "embedding: negative size": (
        "RuntimeError", "Trying to create tensor with negative dimension",
        lambda t: t.nn.Embedding(-1, 3),
    ),
    "embedding: padding_idx": (
        "AssertionError", "Padding_idx must be within num_embeddings",
        lambda t: t.nn.Embedding(5, 3, padding_idx=5),
    ),
    "embedding: negative padding_idx": (
        "AssertionError", "Padding_idx must be within num_embeddings",
        lambda t: t.nn.Embedding(5, 3, padding_idx=-6),
    ),
    "embedding: padding_idx of the function": (
        "AssertionError", "Padding_idx must be within num_embeddings",
        lambda t: f(t).embedding(t.tensor([1]), t.zeros(5, 3), padding_idx=7),
    ),
    "embedding: weight": (
        "AssertionError", "Shape of weight does not match num_embeddings and embedding_dim",
        lambda t: t.nn.Embedding(5, 3, _weight=t.zeros(5, 4)),
    ),
    "embedding: 1-D weight": (
        "RuntimeError", "'weight' must be 2-D",
        lambda t: f(t).embedding(t.tensor([1]), t.zeros(5)),
    ),
    "embedding: pretrained": (
        "AssertionError", "Embeddings parameter is expected to be 2-dimensional",
        lambda t: t.nn.Embedding.from_pretrained(t.zeros(5)),
    ),
    "dropout 1.5": (
        "ValueError", "dropout probability has to be between 0 and 1, but got 1.5",
        lambda t: t.nn.Dropout(1.5),
    ),
    "dropout -0.1": (
        "ValueError", "dropout probability has to be between 0 and 1, but got -0.1",
        lambda t: t.nn.Dropout(-0.1),
    ),
    "dropout function": (
        "ValueError", "dropout probability has to be between 0 and 1, but got 2.0",
        lambda t: f(t).dropout(t.zeros(3), 2.0),
    ),
    "dropout: integers": (
        "RuntimeError", "result type Float can't be cast to the desired output type Long",
        lambda t: f(t).dropout(t.tensor([1, 2])),
    ),
    "dropout: list": ("TypeError", "must be Tensor, not list", lambda t: f(t).dropout([1.0])),
    **{
        f"{name}: integers": (
            "NotImplementedError", "not implemented for 'Long'",
            lambda t, name=name: getattr(f(t), name)(t.tensor([1, -2])),
        )
        for name in INTEGERS
    },
    "gelu": (
        "RuntimeError", "approximate argument must be either none or tanh",
        lambda t: f(t).gelu(t.zeros(2), approximate="x"),
    ),
    "GELU": (
        "RuntimeError", "approximate argument must be either none or tanh",
        lambda t: t.nn.GELU("x")(t.zeros(2)),
    ),
    **{
        f"{kind} {p}": (
            "ValueError", f"dropout probability has to be between 0 and 1, but got {p}",
            lambda t, kind=kind, p=p: getattr(t.nn, kind)(p),
        )
        for kind in ("Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout")
        for p in (1.5, -0.1)
    },
    **{
        f"{name} 1.5": (
            "ValueError", "dropout probability has to be between 0 and 1, but got 1.5",
            lambda t, name=name: getattr(f(t), name)(t.zeros(2, 3, 4), 1.5),
        )
        for name in ("dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout")
    },
    **{
        f"{name}: integers": (
            "RuntimeError", "result type Float can't be cast to the desired output type Long",
            lambda t, name=name: getattr(f(t), name)(t.ones(2, 3, 4).long(), 0.5, True),
        )
        for name in ("dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout")
    },
    **{
        f"dropout1d: {k}-D": (
            "RuntimeError", f"dropout1d: Expected 2D or 3D input, but received a {k}D input",
            lambda t, k=k: f(t).dropout1d(t.ones((2,) * k)),
        )
        for k in (1, 4)
    },
    "dropout2d: 1-D": (
        "RuntimeError", "Feature dropout requires at least 2 dimensions in the input",
        lambda t: f(t).dropout2d(t.ones(3)),
    ),
    "pad: odd": (
        "RuntimeError", "Padding length must be divisible by 2", lambda t: f(t).pad(t.ones(2, 2), (1,)),
    ),
    "pad: long": (
        "RuntimeError",
        "Padding length should be less than or equal to two times the input dimension but got padding length 4",
        lambda t: f(t).pad(t.ones(2), (1, 1, 1, 1)),
    ),
    "pad: negative": (
        "RuntimeError", "length must be non-negative", lambda t: f(t).pad(t.ones(2, 2), (-3, 0)),
    ),
    "pad: mode": (
        "NotImplementedError", "Unrecognised padding mode x",
        lambda t: f(t).pad(t.ones(2, 2), (1, 1), mode="x"),
    ),
    **{
        f"pad: {mode} value": (
            "RuntimeError", f'Padding mode "{mode}" doesn\'t take in value argument',
            lambda t, mode=mode: f(t).pad(t.ones(2, 2), (1, 1), mode, 3.0),
        )
        for mode in ("reflect", "replicate", "circular")
    },
    **{
        f"pad: {mode} {shape} {pad}": (
            "NotImplementedError", f"Padding size {len(pad)} is not supported for {len(shape)}D input tensor",
            lambda t, mode=mode, shape=shape, pad=pad: f(t).pad(t.ones(shape), pad, mode),
        )
        for mode in ("reflect", "replicate", "circular")
        for shape, pad in (((4,), (1, 1)), ((2, 3, 4, 5), (1, 1)), ((2, 3, 4), (1,) * 6))
    },
    "pad: reflect too far": (
        "RuntimeError", "Padding size should be less than the corresponding input dimension",
        lambda t: f(t).pad(t.ones(2, 3), (3, 0), "reflect"),
    ),
    "pad: circular too far": (
        "RuntimeError", "Padding value causes wrapping around more than once",
        lambda t: f(t).pad(t.ones(2, 3), (4, 0), "circular"),
    ),
    "pad: replicate nothing": (
        "RuntimeError", "Expected .*tensor with.* non-zero dimensions",
        lambda t: f(t).pad(t.ones(2, 3, 0), (1, 0), "replicate"),
    ),
    "normalize: axis": (
        "IndexError", r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)",
        lambda t: f(t).normalize(t.ones(2)),
    ),
    "normalize: integers": (
        "RuntimeError", "floating point", lambda t: f(t).normalize(t.ones(2, 2).long()),
    ),
    "cosine_similarity: sizes": (
        "RuntimeError",
        r"The size of tensor a \(4\) must match the size of tensor b \(5\) at non-singleton dimension 1",
        lambda t: f(t).cosine_similarity(t.ones(3, 4), t.ones(3, 5)),
    ),
    "cosine_similarity: integers": (
        "RuntimeError", "expected common dtype to be floating point",
        lambda t: f(t).cosine_similarity(t.ones(3, 4).long(), t.ones(3, 4).long()),
    ),
    "cosine_similarity: axis": (
        "IndexError", "Dimension out of range",
        lambda t: t.nn.CosineSimilarity()(t.ones(3), t.ones(3)),
    ),
    "cosine_similarity: eps": (
        "RuntimeError", "eps must be non-negative",
        lambda t: f(t).cosine_similarity(t.ones(3, 4), t.ones(3, 4), eps=-1.0),
    ),
    "flatten: 0-D": (
        "IndexError", r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)",
        lambda t: t.nn.Flatten()(t.tensor(1.0)),
    ),
    "flatten: 1-D": ("IndexError", "Dimension out of range", lambda t: t.nn.Flatten()(t.ones(3))),
    **{
        f"{name}: {kind}": (
            "NotImplementedError", "softmax.* not implemented for",
            lambda t, name=name, kind=kind: getattr(t, name)(t.ones(2, 3).to(getattr(t, kind)), 1),
        )
        for name in ("softmax", "log_softmax")
        for kind in ("int64", "bool", "uint8")
    },
    "softmin: integers": (
        "NotImplementedError", "softmax.* not implemented for 'Long'",
        lambda t: f(t).softmin(t.ones(2, 3).long(), 1),
    ),
    "one_hot: int32": (
        "RuntimeError", "one_hot is only applicable to index tensor of type LongTensor",
        lambda t: f(t).one_hot(t.ones(1).int()),
    ),
    "one_hot: no classes": (
        "RuntimeError", "Class values must be smaller than num_classes",
        lambda t: f(t).one_hot(t.tensor([0]), 0),
    ),
    "softmax: integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: f(t).softmax(t.tensor([1, 2]), 0),
    ),
    "log_softmax: integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: f(t).log_softmax(t.tensor([1, 2]), 0),
    ),
    "softmax: axis": (
        "IndexError", r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)",
        lambda t: f(t).softmax(t.zeros(3), 1),
    ),
    "relu: list": ("TypeError", "must be Tensor, not list", lambda t: f(t).relu([1.0])),
    "relu: in place on a leaf": (
        "RuntimeError", "a leaf Variable that requires grad",
        lambda t: f(t).relu(t.zeros(2, requires_grad=True), inplace=True),
    ),
    "Hardtanh": (
        "AssertionError", r"max_val \(1\) must be greater than min_val \(2\)",
        lambda t: t.nn.Hardtanh(2, 1),
    ),
    "hardtanh": (
        "ValueError", "min_val cannot be greater than max_val",
        lambda t: f(t).hardtanh(t.zeros(2), 2, 1),
    ),
    "hardtanh: bytes": (
        "RuntimeError", "cannot do hardtanh on an unsigned type with negative limits",
        lambda t: f(t).hardtanh(t.zeros(2, dtype=t.uint8), -1, 1),
    ),
    "Bilinear": ("ValueError", "in1_features must be > 0", lambda t: t.nn.Bilinear(0, 4, 5)),
    **{
        f"bilinear: {words}": (
            "RuntimeError", words,
            lambda t, a=shapes: f(t).bilinear(*map(t.ones, a)),
        )
        for words, shapes in (
            ("input1 size does not match weight size: got 4 but expected 3", ((2, 4), (2, 4), (5, 3, 4))),
            ("input2 size does not match weight size: got 5 but expected 4", ((2, 3), (2, 5), (5, 3, 4))),
            ("input batch dimensions do not match at dim 0: got 2 and 3", ((2, 3), (3, 4), (5, 3, 4))),
            ("input dimensions do not match: got 2 and 3", ((2, 3), (2, 2, 4), (5, 3, 4))),
            ("bias size does not match weight size: got 4 but expected 5", ((2, 3), (2, 4), (5, 3, 4), (4,))),
        )
    },
    "Unflatten: int": ("TypeError", "unflattened_size must be a tuple of ints, but found type int", lambda t: t.nn.Unflatten(1, 2)),
    "Unflatten: str": (
        "TypeError", "unflattened_size must be tuple of ints, but found element of type str at pos 0",
        lambda t: t.nn.Unflatten(1, ("a", 2)),
    ),
    "Unflatten: size": (
        "RuntimeError", r"unflatten: Provided sizes \[3, 2\] don't multiply up to the size of dim 1 \(4\)",
        lambda t: t.nn.Unflatten(1, (3, 2))(t.ones(3, 4)),
    ),
    "dirac_: 2-D": (
        "ValueError", "Only tensors with 3, 4, or 5 dimensions are supported", lambda t: t.nn.init.dirac_(t.ones(2, 2)),
    ),
    "dirac_: groups": (
        "ValueError", "dim 0 must be divisible by groups", lambda t: t.nn.init.dirac_(t.ones(3, 2, 3), 2),
    ),
    "celu": ("RuntimeError", "alpha cannot be 0 for CELU", lambda t: f(t).celu(t.ones(2), 0.0)),
    "softshrink": (
        "RuntimeError", "lambda must be in range", lambda t: t.nn.Softshrink(-1.0)(t.ones(2)),
    ),
    "glu: odd": (
        "RuntimeError", "Halving dimension must be even, but dimension 1 is size 3",
        lambda t: f(t).glu(t.ones(2, 3)),
    ),
    "glu: 0-D": (
        "RuntimeError", "glu does not support scalars because halving size must be even",
        lambda t: f(t).glu(t.tensor(1.0)),
    ),
    "glu: axis": ("IndexError", "Dimension out of range", lambda t: t.nn.GLU(2)(t.ones(2, 2))),
    "rrelu: bounds": (
        "RuntimeError", "Lower bound should be less than or equal to the upper bound",
        lambda t: t.nn.RReLU(0.4, 0.2)(t.ones(2)),
    ),
    "prelu: channels": (
        "RuntimeError",
        "Mismatch of parameter numbers and input channel size. Found parameter numbers = 3 and channel size = 4",
        lambda t: t.nn.PReLU(3)(t.ones(2, 4)),
    ),
    "prelu: 1-D": (
        "RuntimeError", "Found parameter numbers = 4 and channel size = 1",
        lambda t: t.nn.PReLU(4)(t.ones(4)),
    ),
    "prelu: 0-D": (
        "RuntimeError", "Not allow zero-dim input tensor", lambda t: t.nn.PReLU(2)(t.tensor(1.0)),
    ),
    "prelu: weight": (
        "RuntimeError", "Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2",
        lambda t: f(t).prelu(t.ones(2, 4), t.ones(4, 1)),
    ),
    "prelu: dtype": (
        "RuntimeError", "Type promoting not supported. Got Float and Double",
        lambda t: f(t).prelu(t.ones(2, 4), t.ones(4).double()),
    ),
    "prelu: integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: f(t).prelu(t.ones(2, 4).long(), t.ones(4).long()),
    ),
    "one_hot: negative": (
        "RuntimeError", "Class values must be non-negative", lambda t: f(t).one_hot(t.tensor([-1])),
    ),
    "one_hot: too large": (
        "RuntimeError", "Class values must be smaller than num_classes",
        lambda t: f(t).one_hot(t.tensor([3]), 3),
    ),
    "one_hot: floats": (
        "RuntimeError", "one_hot is only applicable to index tensor", lambda t: f(t).one_hot(t.zeros(2)),
    ),
    "one_hot: empty": (
        "RuntimeError", "Can not infer total number of classes from empty tensor",
        lambda t: f(t).one_hot(t.zeros(0, dtype=t.int64)),
    ),
    **{
        f"{name}: 1-D": (
            "ValueError", "[Ff]an in and fan out can not be computed",
            lambda t, name=name: getattr(t.nn.init, name)(t.zeros(3)),
        )
        for name in ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_")
    },
    "kaiming: mode": (
        "ValueError", r"Mode fan_x not supported, please use one of \['fan_in', 'fan_out'\]",
        lambda t: t.nn.init.kaiming_uniform_(t.zeros(3, 2), mode="fan_x"),
    ),
    "kaiming: nonlinearity": (
        "ValueError", "Unsupported nonlinearity gelu2",
        lambda t: t.nn.init.kaiming_normal_(t.zeros(3, 2), nonlinearity="gelu2"),
    ),
    "gain: name": (
        "ValueError", "Unsupported nonlinearity convfoo",
        lambda t: t.nn.init.calculate_gain("convfoo"),
    ),
    "gain: slope": (
        "ValueError", "negative_slope True not a valid number",
        lambda t: t.nn.init.calculate_gain("leaky_relu", True),
    ),
    "eye_: 1-D": (
        "ValueError", "Only tensors with 2 dimensions are supported", lambda t: t.nn.init.eye_(t.zeros(3)),
    ),
    "sparse_: 3-D": (
        "ValueError", "Only tensors with 2 dimensions are supported",
        lambda t: t.nn.init.sparse_(t.zeros(3, 3, 3), 0.1),
    ),
    "orthogonal_: 1-D": (
        "ValueError", "Only tensors with 2 or more dimensions are supported",
        lambda t: t.nn.init.orthogonal_(t.zeros(3)),
    ),
    "trunc_normal_: bounds": (
        "RuntimeError", "from=3.* > to=2", lambda t: t.nn.init.trunc_normal_(t.zeros(2), a=3, b=2),
    ),
}  # fmt: skip

KINDS = ("dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout")


def undrawn(t: Any, name: str) -> bool:
    """Whether dropping everything, or nothing, leaves the generator as it was."""
    t.manual_seed(0)
    expected = t.rand(1)
    t.manual_seed(0)
    x = t.ones(2, 3, 4, 5)[:, :, 0] if name == "dropout1d" else t.ones(2, 3, 4, 5)
    zeros = getattr(f(t), name)(x, 1.0, True)
    same = getattr(f(t), name)(x, 0.0, True), getattr(f(t), name)(x, 0.5, False)
    return (
        bool((zeros == 0).all()) and same[0] is x and same[1] is x and t.equal(t.rand(1), expected)
    )


def shares_memory(t: Any, function: Any) -> bool:
    """Whether a function gives back a view."""
    x = t.ones(2)
    return bool(function(x).data_ptr() == x.data_ptr())


def slopes(t: Any, function: Any, values: list[float]) -> Any:
    """Derivatives at these values."""
    x = t.tensor(values, requires_grad=True)
    return t.autograd.grad(function(x).sum(), x)[0]


TEXTS = [
    *(
        (text, lambda t, text=text: eval(text, {"__builtins__": {"inf": float("inf")}}, vars(t.nn)))
        for text in (
            "Linear(in_features=3, out_features=4, bias=True)", "Tanh()", "Sigmoid()", "LogSigmoid()",
            "ReLU()", "ReLU(inplace=True)", "SiLU()", "SiLU(inplace=True)",
            "LeakyReLU(negative_slope=0.2, inplace=True)", "ELU(alpha=2.0)", "Softplus(beta=2, threshold=10)",
            "Hardtanh(min_val=-2, max_val=2)", "Hardtanh(min_val=-1.0, max_val=1.0, inplace=True)",
            "GELU(approximate='none')", "GELU(approximate='tanh')", "Softmin(dim=1)", "Softmin(dim=None)",
            "Threshold(threshold=0.1, value=20)", "Threshold(threshold=1, value=2, inplace=True)",
            "ReLU6()", "ReLU6(inplace=True)", "Tanhshrink()", "Softsign()", "CosineSimilarity()",
            "Dropout1d(p=0.2, inplace=True)", "Dropout2d(p=0.5, inplace=False)",
            "AlphaDropout(p=0.5, inplace=False)", "FeatureAlphaDropout(p=0.5, inplace=True)",
            "Bilinear(in1_features=3, in2_features=4, out_features=5, bias=True)",
            "Unflatten(dim=1, unflattened_size=(2, 2))", "CELU(alpha=2.0)", "CELU(alpha=1.0, inplace=True)", "SELU()", "SELU(inplace=True)", "Mish()",
            "Hardsigmoid()", "Hardswish()", "Mish(inplace=True)", "PReLU(num_parameters=3)", "GLU(dim=-1)",
            "RReLU(lower=0.1, upper=0.5)", "RReLU(lower=0.1, upper=0.5, inplace=True)",
            "Hardshrink(0.7)", "Softshrink(0.5)",
            "Softmax(dim=-1)", "Softmax(dim=None)", "LogSoftmax(dim=1)", "Identity()",
            "Flatten(start_dim=1, end_dim=-1)", "Dropout(p=0.2, inplace=True)", "Dropout(p=0.5, inplace=False)",
            "Embedding(5, 3)", "Embedding(5, 3, padding_idx=0)",
            "Embedding(5, 3, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True)",
        )
    ),
    ("Linear(in_features=3, out_features=4, bias=False)", lambda t: t.nn.Linear(3, 4, False)),
    ("4", lambda t: t.nn.Embedding(5, 3, padding_idx=-1).padding_idx),
    ("['weight', 'bias']", lambda t: list(t.nn.Linear(3, 4).state_dict())),
    ("LeakyReLU(negative_slope=0.01)", lambda t: t.nn.LeakyReLU()),
    # names of nodes, as they print
    (
        "['ReluBackward0', 'LeakyReluBackward0', 'EluBackward0', 'SoftplusBackward0', "
        "'LogSigmoidBackward0', 'SiluBackward0', 'HardtanhBackward0', 'TanhBackward0', "
        "'SigmoidBackward0', 'SoftmaxBackward0', 'LogSoftmaxBackward0', 'MulBackward0', "
        "'AddmmBackward0', 'MmBackward0', 'ViewBackward0', 'EmbeddingBackward0']",
        lambda t: [
            module(x).grad_fn.name()
            for module, x in (
                *(
                    (module, t.zeros(3, requires_grad=True))
                    for module in (
                        t.nn.ReLU(), t.nn.LeakyReLU(), t.nn.ELU(), t.nn.Softplus(), t.nn.LogSigmoid(),
                        t.nn.SiLU(), t.nn.Hardtanh(), t.nn.Tanh(), t.nn.Sigmoid(), t.nn.Softmax(0),
                        t.nn.LogSoftmax(0), t.nn.Dropout(),
                    )
                ),
                (t.nn.Linear(3, 2), t.zeros(4, 3)),
                (t.nn.Linear(3, 2, bias=False), t.zeros(4, 3)),
                (t.nn.Linear(3, 2), t.zeros(4, 5, 3)),
                (t.nn.Embedding(3, 2), t.tensor([1])),
            )
        ],
    ),
    (
        "['GeluBackward0', 'GeluBackward0', 'SoftmaxBackward0', 'ThresholdBackward0', "
        "'HardtanhBackward0', 'SubBackward0', 'DivBackward0', 'DivBackward0', 'ConstantPadNdBackward0', "
        "'SoftmaxBackward0', 'AddBackward0', 'ErfBackward0', 'MulBackward0', 'MulBackward0', "
        "'AddBackward0', 'MulBackward0', 'AddBackward0']",
        lambda t: [
            function(t.zeros(2, 3, 4, requires_grad=True)).grad_fn.name()
            for function in (
                t.nn.GELU(), t.nn.GELU("tanh"), t.nn.Softmin(1), t.nn.Threshold(0.1, 20),
                t.nn.ReLU6(), t.nn.Tanhshrink(), t.nn.Softsign(), f(t).normalize,
                lambda x: f(t).pad(x, (1, 1)), f(t).gumbel_softmax,
                lambda x: f(t).gumbel_softmax(x, hard=True), t.erf, t.nn.Dropout1d(), t.nn.Dropout2d(),
                t.nn.AlphaDropout(), t.nn.AlphaDropout(1.0), t.nn.FeatureAlphaDropout(),
            )
        ],
    ),
    (
        "['CeluBackward0', 'EluBackward0', 'MishBackward0', 'HardsigmoidBackward0', 'HardswishBackward0', "
        "'HardshrinkBackward0', 'SoftshrinkBackward0', 'PreluKernelBackward0', 'GluBackward0', "
        "'RreluWithNoiseBackward0', 'RreluWithNoiseBackward0']",
        lambda t: [
            module(t.zeros(2, 4, requires_grad=True)).grad_fn.name()
            for module in (
                t.nn.CELU(), t.nn.SELU(), t.nn.Mish(), t.nn.Hardsigmoid(), t.nn.Hardswish(),
                t.nn.Hardshrink(), t.nn.Softshrink(), t.nn.PReLU(), t.nn.GLU(), t.nn.RReLU(),
                t.nn.RReLU().eval(),
            )
        ],
    ),
    ("OrderedDict([('weight', tensor([0.3000, 0.3000]))])", lambda t: t.nn.PReLU(2, 0.3).state_dict()),
    ("Hardtanh(min_val=-2, max_val=2)", lambda t: t.nn.Hardtanh(min_value=-2, max_value=2)),
    ("tensor([0., 0., 0., 1.])", lambda t: slopes(t, f(t).hardswish, [-4.0, -3.0, -1.5, 3.0])),
    ("tensor([0., 0., 1.])", lambda t: slopes(t, f(t).hardshrink, [-0.5, 0.5, 0.6])),
    (
        "tensor([-1., -1.,  3.])",
        lambda t: f(t).threshold_(f(t).hardtanh_(f(t).relu_(t.tensor([-2.0, 1.0, 4.0])), 0, 3), 1, -1),
    ),
    ("[True, True, True, True, True]", lambda t: [getattr(f(t), name)(x) is x for x in [t.ones(2)] for name in (
        "elu_", "celu_", "selu_", "leaky_relu_", "rrelu_")]),
    ("tensor([7, 1, 2, 7])", lambda t: f(t).pad(t.tensor([1, 2]), (1, 1), value=7.5)),
    ("tensor([ True,  True, False,  True])", lambda t: f(t).pad(t.tensor([True, False]), (1, 1), value=1)),
    ("tensor([[2, 1, 2, 3, 2]])", lambda t: f(t).pad(t.tensor([[1, 2, 3]]), (1, 1), mode="reflect")),
    ("False", lambda t: shares_memory(t, lambda x: f(t).pad(x, ()))),
    ("False", lambda t: shares_memory(t, lambda x: f(t).pad(x, (0, 0)))),
    ("tensor([0.8427, 0.9953])", lambda t: t.erf(t.tensor([1, 2]))),
    ("tensor([ 0.5000, -0.8750])", lambda t: f(t).softsign(t.tensor([1, -7]))),
    ("tensor([ 0.2384, -6.0000])", lambda t: f(t).tanhshrink(t.tensor([1, -7]))),
    ("tensor([1, 0, 6])", lambda t: f(t).relu6(t.tensor([1, -7, 9]))),
    ("tensor([0., 0.])", lambda t: slopes(t, f(t).relu6, [0.0, 6.0])),
    ("tensor([1., 1., 1.])", lambda t: f(t).cosine_similarity(t.ones(3, 4).long(), t.ones(3, 4))),
    ("tensor(-1.)", lambda t: f(t).cosine_similarity(t.tensor(2.0), t.tensor(-3.0), dim=0)),
    (
        "tensor([ 0.9487, -0.9899])",
        lambda t: f(t).cosine_similarity(t.tensor([[1.0, 2.0], [3.0, 4.0]]), t.tensor([[2.0], [-3.0]])),
    ),
    ("torch.float64", lambda t: f(t).cosine_similarity(t.ones(3, 4).double(), t.ones(3, 4)).dtype),
    ("torch.float64", lambda t: f(t).gumbel_softmax(t.zeros(2, 3).double()).dtype),
    ("tensor([nan, 0.])", lambda t: f(t).dropout(t.tensor([float("nan"), 1.0]), 1.0)),
    ("[True, True, True, True, True]", lambda t: [undrawn(t, name) for name in KINDS]),
    # integers where PyTorch takes them
    ("tensor([1, 0])", lambda t: f(t).relu(t.tensor([1, -2]))),
    ("tensor([ 1, -1])", lambda t: f(t).hardtanh(t.tensor([3, -2]))),
    ("tensor([1, 3])", lambda t: f(t).hardtanh(t.tensor([1, 5]), 0.5, 3.5)),
    ("tensor([1, 5])", lambda t: f(t).threshold(t.tensor([1, 5]), 3, 1.5)),
    (
        "tensor([0.2689, 0.7311])", lambda t: f(t).softmax(t.tensor([1, 2]), 0, dtype=t.float32),
    ),
    ("tensor(1.)", lambda t: f(t).softmax(t.tensor(3.0), 0)),
    ("tensor([], size=(0, 3))", lambda t: f(t).softmax(t.zeros(0, 3), 0)),
    # one_hot
    (
        "tensor([[1, 0, 0],\n        [0, 0, 1],\n        [0, 1, 0]])",
        lambda t: f(t).one_hot(t.tensor([0, 2, 1])),
    ),
    ("tensor([[0, 1, 0, 0]])", lambda t: f(t).one_hot(t.tensor([1]), 4)),
    ("tensor([0, 0, 1])", lambda t: f(t).one_hot(t.tensor(2), 3)),
    ("torch.Size([2, 1, 2])", lambda t: f(t).one_hot(t.tensor([[0], [1]])).shape),
    ("tensor([], size=(0, 3), dtype=torch.int64)", lambda t: f(t).one_hot(t.zeros(0).long(), 3)),
    # shapes
    ("torch.Size([2, 12])", lambda t: t.nn.Flatten()(t.zeros(2, 3, 4)).shape),
    ("torch.Size([2, 3, 2])", lambda t: t.nn.Unflatten(1, (3, -1))(t.zeros(2, 6)).shape),
    ("torch.Size([2, 3, 2])", lambda t: t.nn.Unflatten(-1, t.Size([3, 2]))(t.zeros(2, 6)).shape),
    ("torch.Size([6, 4])", lambda t: t.nn.Flatten(0, 1)(t.zeros(2, 3, 4)).shape),
    ("torch.Size([0, 2])", lambda t: t.nn.Linear(3, 2)(t.zeros(0, 3)).shape),
    ("torch.Size([4, 0])", lambda t: t.nn.Linear(3, 0)(t.zeros(4, 3)).shape),
    ("torch.Size([0, 3])", lambda t: t.nn.Embedding(5, 3)(t.zeros(0).long()).shape),
    # init
    (
        "[1, 1, 1, 1, 1.6666666666666667, 1.4142135623730951, 0.75, 1.4141428569978354, 0.6324555320336759]",
        lambda t: [
            t.nn.init.calculate_gain(*a)
            for a in (
                ("linear",), ("conv1d",), ("conv_transpose3d",), ("sigmoid",), ("tanh",), ("relu",),
                ("selu",), ("leaky_relu",), ("leaky_relu", 2),
            )
        ],
    ),
    ("torch.Size([0, 3])", lambda t: t.nn.init.orthogonal_(t.zeros(0, 3)).shape),
    ("torch.Size([0, 3])", lambda t: t.nn.init.kaiming_uniform_(t.zeros(0, 3)).shape),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
