"""Regenerate ``nn_utils.npz``: clipping, and weights computed from others, in PyTorch 2.13.

    python tests/golden/make_nn_utils.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "nn_utils.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------

NORMS = (2.0, 1.0, 0.5, 3.0, math.inf, -math.inf, 0.0, -1.0)
BOUNDS = (0.3, 2.0, 1e9, 0.0)


def parameters(t: Any, dtype: str = "float32", scale: float = 1.0) -> list[Any]:
    """Parameters of several shapes with gradients, and one without."""
    made = []
    for seed, shape in enumerate([(3, 4), (5,), (), (2, 1, 3)]):
        p = t.nn.Parameter(t.zeros(shape, dtype=getattr(t, dtype)))
        p.grad = t.tensor(np.asarray(scale * facts.numbers(seed, *shape), dtype))
        made.append(p)
    return [*made, t.nn.Parameter(t.zeros(2))]


def grads(params: list[Any]) -> dict[str, np.ndarray]:
    """Their gradients by number."""
    return {f"g{k}": facts.array(p.grad) for k, p in enumerate(params) if p.grad is not None}


def run_norm(t: Any, norm_type: float, bound: float, dtype: str) -> dict[str, np.ndarray]:
    """Clipping by norm."""
    params = parameters(t, dtype)
    total = t.nn.utils.clip_grad_norm_(params, bound, norm_type)
    return {"total": facts.array(total), **grads(params)}


def run_value(t: Any, bound: float, dtype: str) -> dict[str, np.ndarray]:
    """Clipping by value."""
    params = parameters(t, dtype)
    t.nn.utils.clip_grad_value_(params, bound)
    return grads(params)


def train(
    t: Any, module: Any, x: Any, prepare: Callable[[Any], None] | None = None, steps: int = 3
) -> dict[str, np.ndarray]:
    """Outputs, gradients and parameters over some steps, with clipping."""
    optimizer = t.optim.SGD(module.parameters(), lr=0.3, momentum=0.5)
    kept = {}
    for step in range(steps):
        optimizer.zero_grad()
        y = module(x)
        y = y[0] if isinstance(y, tuple) else y
        (y * t.tensor(facts.numbers(5, *y.shape, dtype=facts.array(y).dtype.name))).sum().backward()
        total = t.nn.utils.clip_grad_norm_(module.parameters(), 0.4)
        kept |= {f"y{step}": facts.array(y), f"norm{step}": facts.array(total)}
        kept |= {f"d{step} {n}": facts.array(p.grad) for n, p in module.named_parameters()}
        optimizer.step()
    kept |= {f"end {n}": facts.array(v) for n, v in module.state_dict().items()}
    return kept


def given(t: Any, dtype: str, *shape: int) -> Any:
    """An input."""
    return t.tensor(facts.numbers(3, *shape, dtype=dtype))


def modules(t: Any, dtype: str) -> dict[str, tuple[Callable[[], Any], str, Any]]:
    """What can be normalised: how to make it, the parameter, an input."""
    kind = {"dtype": getattr(t, dtype)}
    nn = t.nn
    x = given(t, dtype, 4, 2, 3)
    return {
        "linear": (lambda: nn.Linear(3, 4, **kind), "weight", x),
        "rnn": (lambda: nn.RNN(3, 4, **kind), "weight_hh_l0", x),
        "lstm": (lambda: nn.LSTM(3, 4, **kind), "weight_hh_l0", x),
        "lstm, last": (
            lambda: nn.LSTM(3, 4, 2, bidirectional=True, **kind), "weight_ih_l1_reverse", x,
        ),
        "gru": (lambda: nn.GRU(3, 4, 2, **kind), "weight_hh_l1", x),
        "lstm cell": (lambda: nn.LSTMCell(3, 4, **kind), "weight_hh", x[0]),
        "bias": (lambda: nn.Linear(3, 4, **kind), "bias", x),
    }  # fmt: skip


def seeded(t: Any, name: str, dtype: str) -> tuple[Any, str, Any]:
    """A module of `modules` from seed 0, its parameter, an input."""
    make, parameter, x = modules(t, dtype)[name]
    t.manual_seed(0)
    return make(), parameter, x


def run_weight_norm(t: Any, name: str, dim: int | None, dtype: str) -> dict[str, np.ndarray]:
    """Training with a weight that is split, and the weight put together again."""
    module, parameter, x = seeded(t, name, dtype)
    t.nn.utils.weight_norm(module, parameter, dim)
    result = train(t, module, x)
    t.nn.utils.remove_weight_norm(module, parameter)
    after = {f"after {n}": facts.array(v) for n, v in module.state_dict().items()}
    return result | after


def run_spectral_norm(t: Any, name: str, iterations: int, dtype: str) -> dict[str, np.ndarray]:
    """The same with a weight divided by its largest singular value."""
    module, parameter, x = seeded(t, name, dtype)
    t.nn.utils.spectral_norm(module, parameter, iterations, dim=1 if iterations == 2 else None)
    result = train(t, module, x)
    module.eval()
    for k in range(2):
        y = module(x)
        result[f"eval {k}"] = facts.array(y[0] if isinstance(y, tuple) else y)
    t.nn.utils.remove_spectral_norm(module, parameter)
    return result | {f"after {n}": facts.array(v) for n, v in module.state_dict().items()}


DTYPES = ("float32", "float64")
RUNS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    **{
        f"norm {p} {bound}-{dtype}": lambda t, a=(p, bound, dtype): run_norm(t, *a)
        for p in NORMS for bound in BOUNDS for dtype in DTYPES
    },
    **{
        f"value {bound}-{dtype}": lambda t, a=(bound, dtype): run_value(t, *a)
        for bound in (0.4, 0.0, 5.0) for dtype in DTYPES
    },
    **{
        f"weight_norm {name} {dim}-{dtype}": lambda t, a=(name, dim, dtype): run_weight_norm(t, *a)
        for name, dim in [
            ("linear", 0), ("linear", 1), ("linear", -2), ("linear", None), ("rnn", 0), ("rnn", 1),
            ("lstm", 0), ("lstm", None), ("lstm, last", 0), ("gru", 0), ("lstm cell", 0),
            ("bias", None),
        ]
        for dtype in DTYPES
    },
    **{
        f"spectral_norm {name} {n}-{dtype}": lambda t, a=(name, n, dtype): run_spectral_norm(t, *a)
        for name, n in [("linear", 1), ("linear", 2), ("rnn", 1), ("lstm", 3)]
        for dtype in DTYPES
    },
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def one(t: Any, *gradient: float) -> Any:
    """A parameter with this gradient."""
    p = t.nn.Parameter(t.zeros(len(gradient)))
    p.grad = t.tensor(list(gradient))
    return p


def clipped(t: Any, gradient: tuple[float, ...], *args: Any, **kwargs: Any) -> Any:
    """The norm, and the gradient after clipping by it."""
    p = one(t, *gradient)
    total = t.nn.utils.clip_grad_norm_(p, *args, **kwargs)
    return Plain(total, p.grad)


def cut(t: Any, gradient: tuple[float, ...], bound: Any, **kwargs: Any) -> Any:
    """The gradient after clipping by value."""
    p = one(t, *gradient)
    return Plain(t.nn.utils.clip_grad_value_(p, bound, **kwargs), p.grad)


def expanded(t: Any) -> Any:
    """A parameter whose gradient is one number seen twice."""
    p = t.nn.Parameter(t.zeros(2))
    p.grad = t.ones(1).expand(2)
    return p


def filled(t: Any) -> Any:
    """A layer with the numbers from 0 on as parameters."""
    layer = t.nn.Linear(2, 3)
    with t.no_grad():
        layer.weight.copy_(t.arange(6.0).view(3, 2))
        layer.bias.copy_(t.arange(6.0, 9.0))
    return layer


def names(module: Any) -> list[str]:
    """Of the parameters."""
    return [name for name, _ in module.named_parameters()]


def twice(t: Any, normalise: str) -> None:
    """Normalise a weight that is normalised."""
    function = getattr(t.nn.utils, normalise)
    function(function(t.nn.Linear(2, 3)))


NONFINITE = "The total norm of order {} for gradients from `parameters` is non-finite"

ERRORS: dict[str, tuple[str, str, Any]] = {
    "inf": (
        "RuntimeError",
        NONFINITE.format("2.0"),
        lambda t: clipped(t, (math.inf, 1.0), 1.0, error_if_nonfinite=True),
    ),
    "nan": (
        "RuntimeError",
        NONFINITE.format("inf"),
        lambda t: clipped(t, (math.nan, 1.0), 1.0, math.inf, True),
    ),
    "total inf": (
        "RuntimeError",
        NONFINITE.format("1.0"),
        lambda t: t.nn.utils.get_total_norm([t.tensor([math.inf])], 1, True),
    ),
    "norm_type": ("ValueError", "could not convert", lambda t: clipped(t, (1.0,), 1.0, "two")),
    "no iterable": ("TypeError", "not iterable", lambda t: t.nn.utils.clip_grad_norm_(3, 1.0)),
    "a module": (
        "TypeError", "not iterable", lambda t: t.nn.utils.clip_grad_norm_(t.nn.Linear(1, 1), 1.0),
    ),
    "no tensor": ("AttributeError", "grad", lambda t: t.nn.utils.clip_grad_norm_([3], 1.0)),
    "integers": (
        "RuntimeError",
        "Expected a floating point or complex tensor as input. Got Long",
        lambda t: t.nn.utils.get_total_norm([t.tensor([3])]),
    ),
    **{
        f"empty, {p}": (
            "RuntimeError",
            "on an empty tensor because the operation does not have an identity",
            lambda t, p=p: clipped(t, (), 1.0, p),
        )
        for p in (math.inf, -math.inf, -1.0)
    },
    "expanded": (
        "RuntimeError",
        "more than one element of the written-to tensor refers to a single memory location",
        lambda t: t.nn.utils.clip_grad_norm_(expanded(t), 0.1),
    ),
    "expanded, value": (
        "RuntimeError",
        "more than one element of the written-to tensor refers to a single memory location",
        lambda t: t.nn.utils.clip_grad_value_(expanded(t), 0.1),
    ),
    "norm is no tensor": (
        "TypeError", "", lambda t: t.nn.utils.clip_grads_with_norm_(one(t, 1.0), 1.0, 5.0),
    ),
    "no parameters": ("ValueError", "non-empty", lambda t: t.nn.utils.parameters_to_vector([])),
    "vector": (
        "TypeError",
        "expected torch.Tensor, but got: list",
        lambda t: t.nn.utils.vector_to_parameters([1.0], [t.nn.Parameter(t.ones(1))]),
    ),
    "vector too short": (
        "RuntimeError",
        r"shape '\[3\]' is invalid for input of size 1",
        lambda t: t.nn.utils.vector_to_parameters(t.ones(7), filled(t).parameters()),
    ),
    "vector of rows": (
        "RuntimeError",
        r"shape '\[3, 2\]' is invalid for input of size 9",
        lambda t: t.nn.utils.vector_to_parameters(t.ones(1, 9), filled(t).parameters()),
    ),
    **{
        f"{normalise}, twice": (
            "RuntimeError",
            f"Cannot register two {normalise} hooks on the same parameter weight",
            lambda t, normalise=normalise: twice(t, normalise),
        )
        for normalise in ("weight_norm", "spectral_norm")
    },
    **{
        f"remove_{normalise}": (
            "ValueError",
            rf"{normalise} of 'bias' not found in Linear\(in_features=2",
            lambda t, normalise=normalise: getattr(t.nn.utils, f"remove_{normalise}")(
                t.nn.Linear(2, 3), "bias"
            ),
        )
        for normalise in ("weight_norm", "spectral_norm")
    },
    "weight_norm, name": (
        "AttributeError",
        "'Linear' object has no attribute 'nope'",
        lambda t: t.nn.utils.weight_norm(t.nn.Linear(2, 3), "nope"),
    ),
    "weight_norm, dim": (
        "IndexError",
        r"Dimension out of range \(expected to be in range of \[-2, 1\], but got 2\)",
        lambda t: t.nn.utils.weight_norm(t.nn.Linear(2, 3), dim=2),
    ),
    "spectral_norm, name": (
        "KeyError", "nope", lambda t: t.nn.utils.spectral_norm(t.nn.Linear(2, 3), "nope"),
    ),
    "spectral_norm, iterations": (
        "ValueError",
        "Expected n_power_iterations to be positive, but got n_power_iterations=0",
        lambda t: t.nn.utils.spectral_norm(t.nn.Linear(2, 3), n_power_iterations=0),
    ),
}  # fmt: skip

TEXTS: list[tuple[str, Any]] = [
    # clipping by norm
    ("tensor(5.) tensor([0.6000, 0.8000])", lambda t: clipped(t, (3.0, 4.0), 1.0)),
    ("tensor(5.) tensor([3., 4.])", lambda t: clipped(t, (3.0, 4.0), math.inf)),
    ("tensor(5.) tensor([nan, nan])", lambda t: clipped(t, (3.0, 4.0), math.nan)),
    ("tensor(5.) tensor([-0.6000, -0.8000])", lambda t: clipped(t, (3.0, 4.0), -1.0)),
    ("tensor(5.) tensor([0.6000, 0.8000])", lambda t: clipped(t, (3.0, 4.0), "1", "2")),
    ("tensor(5.) tensor([0.6000, 0.8000])", lambda t: clipped(t, (3.0, 4.0), t.tensor(1.0))),
    ("tensor(4.) tensor([ 0.7500, -1.0000])", lambda t: clipped(t, (3.0, -4.0), 1.0, "inf")),
    ("tensor(5.) tensor([0.6000, 0.8000])",
     lambda t: clipped(t, (3.0, 4.0), max_norm=1.0, norm_type=2, foreach=True)),
    ("tensor(inf) tensor([nan, 0.])", lambda t: clipped(t, (math.inf, 1.0), 1.0)),
    ("tensor(nan) tensor([nan, nan])", lambda t: clipped(t, (math.nan, 1.0), 1.0)),
    ("tensor(nan) tensor([nan, nan])", lambda t: clipped(t, (math.nan, 1.0), 1.0, math.inf)),
    ("tensor(inf) tensor([0., 0.])", lambda t: clipped(t, (1e20, 1.0), 1.0)),
    ("tensor(0.) tensor([])", lambda t: clipped(t, (), 1.0)),
    ("tensor(0.) tensor(0.) tensor(0.)", lambda t: Plain(
        t.nn.utils.clip_grad_norm_([], 1.0), t.nn.utils.get_total_norm([]),
        t.nn.utils.clip_grad_norm_([t.nn.Parameter(t.ones(2))], 1.0))),
    ("tensor(5.)", lambda t: t.nn.utils.clip_grad_norm_((p for p in [one(t, 3.0, 4.0)]), 1.0)),
    ("tensor(7.0711) tensor([0.0600, 0.0800])", lambda t: (lambda p: Plain(
        t.nn.utils.clip_grad_norm_([p, p], 1.0), p.grad))(one(t, 3.0, 4.0))),
    ("tensor(5., dtype=torch.float64)", lambda t: t.nn.utils.get_total_norm(
        [t.tensor([3.0]), t.tensor([4.0], dtype=t.float64)])),
    ("tensor(5., dtype=torch.float16)", lambda t: t.nn.utils.get_total_norm(
        t.tensor([3.0, 4.0], dtype=t.float16))),
    ("tensor(5.) tensor(7.) tensor(4.) tensor(2.) tensor(1.)", lambda t: Plain(
        t.nn.utils.get_total_norm(t.tensor([3.0, 4.0])),
        t.nn.utils.get_total_norm((x for x in [t.tensor([3.0]), t.tensor([-4.0])]), 1),
        t.nn.utils.get_total_norm([t.tensor([[3.0], [-4.0]])], math.inf),
        t.nn.utils.get_total_norm([t.tensor([3.0]), t.tensor([-4.0])], 0),
        t.nn.utils.get_total_norm([t.tensor([3.0, -4.0])], 0))),
    ("tensor(1.4142) False", lambda t: (lambda total: Plain(total, total.requires_grad))(
        t.nn.utils.get_total_norm([t.nn.Parameter(t.ones(2))]))),
    ("tensor([0.6000, 0.8000])", lambda t: (lambda p: (
        t.nn.utils.clip_grads_with_norm_(p, 1.0, t.tensor(5.0)), p.grad)[1])(one(t, 3.0, 4.0))),
    ("True 1", lambda t: (lambda p, g, v: (t.nn.utils.clip_grad_norm_(p, 9.0), Plain(
        p.grad is g, g._version - v))[1])(*(lambda p: (p, p.grad, p.grad._version))(one(t, 3.0)))),
    # clipping by value
    ("None tensor([ 1.0000, -1.0000,  0.5000,     nan,  1.0000])",
     lambda t: cut(t, (3.0, -4.0, 0.5, math.nan, math.inf), 1.0)),
    ("None tensor([-1., -1.])", lambda t: cut(t, (3.0, -4.0), -1.0)),
    ("None tensor([2.])", lambda t: cut(t, (3.0,), "2", foreach=True)),
    ("None tensor([1.])", lambda t: cut(t, (3.0,), t.tensor(1.0))),
    # vectors
    ("tensor([0., 1., 2., 3., 4., 5., 6., 7., 8.], grad_fn=<CatBackward0>)",
     lambda t: t.nn.utils.parameters_to_vector(filled(t).parameters())),
    ("tensor([1., 2.], dtype=torch.float64)", lambda t: t.nn.utils.parameters_to_vector(
        [t.tensor([1.0]), t.tensor([2.0], dtype=t.float64)])),
    ("Parameter containing:\ntensor([60., 70., 80.], requires_grad=True) True True",
     lambda t: (lambda layer, weight, v: (
         t.nn.utils.vector_to_parameters(v, layer.parameters()),
         Plain(layer.bias, layer.weight is weight, layer.weight.data_ptr() == v.data_ptr()))[1])(
         *(lambda layer: (layer, layer.weight, t.arange(12.0) * 10))(filled(t)))),
    ("Parameter containing:\ntensor([2., 2., 2.], requires_grad=True) True", lambda t: (
        lambda layer: (t.nn.utils.vector_to_parameters(
            t.ones(9, requires_grad=True) * 2, layer.parameters()),
            Plain(layer.bias, layer.bias.is_leaf))[1])(filled(t))),
    # weights from others
    ("['bias', 'weight_g', 'weight_v'] ['bias', 'weight_g', 'weight_v'] ['bias', 'weight']",
     lambda t: (lambda m: Plain(names(m), list(m.state_dict()), names(
         t.nn.utils.remove_weight_norm(m))))(t.nn.utils.weight_norm(t.nn.Linear(2, 3)))),
    ("['weight_ih_l0', 'bias_ih_l0', 'bias_hh_l0', 'weight_hh_l0_g', 'weight_hh_l0_v']",
     lambda t: names(t.nn.utils.weight_norm(t.nn.LSTM(2, 3), "weight_hh_l0"))),
    ("['bias', 'weight_orig'] ['bias', 'weight_orig', 'weight_u', 'weight_v'] ['bias', 'weight']",
     lambda t: (lambda m: Plain(names(m), list(m.state_dict()), list(
         t.nn.utils.remove_spectral_norm(m).state_dict())))(
         t.nn.utils.spectral_norm(t.nn.Linear(2, 3)))),
    ("Linear(in_features=2, out_features=3, bias=True) Linear(in_features=2, out_features=3, "
     "bias=True)", lambda t: Plain(t.nn.utils.weight_norm(t.nn.Linear(2, 3)),
                                   t.nn.utils.spectral_norm(t.nn.Linear(2, 3)))),
    ("[3, 1] [1, 2] [] [] [3]", lambda t: Plain(
        *(list(t.nn.utils.weight_norm(t.nn.Linear(2, 3), dim=dim).weight_g.shape)
          for dim in (0, 1, -1, None)),
        list(t.nn.utils.weight_norm(t.nn.Linear(2, 3), "bias").bias_g.shape))),
    ("[3] [2] [2] [3]", lambda t: Plain(*(
        list(getattr(t.nn.utils.spectral_norm(t.nn.Linear(2, 3), dim=dim), name).shape)
        for dim in (0, 1) for name in ("weight_u", "weight_v")))),
    ("Tensor True Tensor True", lambda t: Plain(*(
        part for normalise in (t.nn.utils.weight_norm, t.nn.utils.spectral_norm)
        for part in (lambda m: (type(m.weight).__name__, "weight" in vars(m)))(
            normalise(t.nn.Linear(2, 3)))))),
    ("<All keys matched successfully>", lambda t: t.nn.utils.weight_norm(
        t.nn.Linear(2, 3)).load_state_dict(t.nn.utils.weight_norm(t.nn.Linear(2, 3)).state_dict())),
    ("torch.float64", lambda t: t.nn.utils.weight_norm(t.nn.Linear(2, 3)).double()(
        t.ones(2, dtype=t.float64)).dtype),
    ("True", lambda t: (lambda m: (m.weight_v.data.zero_(), m(t.ones(2)).isnan().all().item())[1])(
        t.nn.utils.weight_norm(t.nn.Linear(2, 3)))),
    ("True 2", lambda t: (lambda m: Plain(
        bool((t.nn.utils.weight_norm(t.nn.utils.weight_norm(m), "bias")(t.ones(2)) ==
              m(t.ones(2))).all()), len(m._forward_pre_hooks)))(t.nn.Linear(2, 3))),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
