"""Regenerate ``parametrize.npz``: weights that are computed from others, in PyTorch 2.13.

    python tests/golden/make_parametrize.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "parametrize.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
others = SimpleNamespace(**runpy.run_path(str(HERE / "make_nn_utils.py")))
Plain = facts.Plain

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def parametrized(t: Any, kind: str, module: Any, name: str) -> Any:
    """Parametrise the weight `name` of `module`: the words of `kind` are a function and options."""
    function, *options = kind.split()
    room = t.nn.utils.parametrizations
    if function == "weight_norm":
        return room.weight_norm(module, name, *map(int, options))
    if function == "spectral_norm":
        return room.spectral_norm(module, name, int(options[0]), dim=int(options[1]))
    trivialized = "plain" not in options
    return room.orthogonal(module, name, function, use_trivialization=trivialized)


def run(t: Any, kind: str, name: str, dtype: str) -> dict[str, np.ndarray]:
    """Training, evaluation, assignment of another weight, and the weight put together again."""
    module, parameter, x = others.seeded(t, name, dtype)
    parametrized(t, kind, module, parameter)
    result = {f"start {n}": facts.array(v) for n, v in module.state_dict().items()}
    result |= others.train(t, module, x, steps=2)
    module.eval()
    for k in range(2):
        y = module(x)
        result[f"eval {k}"] = facts.array(y[0] if isinstance(y, tuple) else y)
    if kind not in ("matrix_exp plain", "cayley plain"):
        shape = getattr(module, parameter).shape
        setattr(module, parameter, t.tensor(facts.numbers(9, *shape, dtype=dtype)))
        result["assigned"] = facts.array(getattr(module, parameter))
    t.nn.utils.parametrize.remove_parametrizations(module, parameter)
    return result | {f"after {n}": facts.array(v) for n, v in module.state_dict().items()}


RUNS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    f"{kind}, {name}-{dtype}": lambda t, a=(kind, name, dtype): run(t, *a)
    for kind, name in [
        ("weight_norm 0", "linear"), ("weight_norm 0", "rnn"), ("weight_norm 1", "lstm, last"),
        ("weight_norm -1", "gru"), ("weight_norm 0", "lstm cell"),
        ("spectral_norm 1 0", "linear"), ("spectral_norm 2 1", "rnn"), ("spectral_norm 1 0", "gru"),
        ("spectral_norm 1 0", "lstm, last"), ("spectral_norm 1 0", "lstm cell"),
        ("matrix_exp", "rnn"), ("matrix_exp", "linear"), ("matrix_exp", "lstm"),
        ("matrix_exp plain", "gru"), ("cayley", "rnn"), ("cayley", "lstm, last"),
        ("cayley plain", "linear"), ("householder", "linear"), ("householder", "lstm"),
        ("householder plain", "gru"), ("householder plain", "linear"), ("householder", "rnn"),
    ]
    for dtype in ("float32", "float64")
    if dtype == "float64" or name in ("linear", "rnn")
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def step(t: Any, forward: Any, inverse: Any = None) -> Any:
    """A parametrisation made of one or two functions."""

    class Step(t.nn.Module):
        def forward(self, *originals: Any) -> Any:
            return forward(*originals)

    if inverse is not None:
        Step.right_inverse = lambda self, value: inverse(value)
    return Step()


def linear(t: Any, *functions: Any, unsafe: bool = False) -> Any:
    """A layer with parametrised weight, of shape (3, 2)."""
    layer = t.nn.Linear(2, 3)
    register = t.nn.utils.parametrize.register_parametrization
    return register(layer, "weight", step(t, *functions), unsafe=unsafe)


def twice(t: Any, *functions: Any) -> Any:
    """A layer with two parametrisations of its weight, the first of which does nothing."""
    register = t.nn.utils.parametrize.register_parametrization
    return register(linear(t, lambda x: x), "weight", step(t, *functions))


def assigned(t: Any, value: Any, *functions: Any) -> Any:
    """The weight after a new value was assigned to it."""
    layer = linear(t, *functions)
    layer.weight = value
    return layer.weight


def in_turn(*results: Any) -> Any:
    """A function that returns the results of these functions, one after the other."""
    turns = iter(results)
    return lambda x: next(turns)(x)


def same(x: Any) -> Any:
    """`x`."""
    return x


def pair(x: Any) -> Any:
    """`x` twice."""
    return (x, x)


def first(x: Any, y: Any) -> Any:
    """`x`."""
    return x


ERRORS: dict[str, tuple[str, str, Any]] = {
    "no such parameter": (
        "ValueError",
        "Module 'Linear.*does not have a parameter, a buffer, or a parametrized element with name "
        "'nope'",
        lambda t: t.nn.utils.parametrize.register_parametrization(
            t.nn.Linear(2, 3), "nope", step(t, same)
        ),
    ),
    **{
        f"{what}, {name}": ("ValueError", pattern, lambda t, f=f, make=make: make(t, f))
        for name, make in (("first", linear), ("second", twice))
        for what, f, pattern in [
            ("shape", lambda x: x.sum(), "may not change the shape of the tensor"),
            ("dtype", lambda x: x.double(), "may not change the dtype of the tensor"),
            ("no tensor", lambda x: 3, "parametrization must return a tensor. Got int"),
        ]
    },
    **{
        f"inverse {what}": ("ValueError", pattern, lambda t, f=f: linear(t, same, f))
        for what, f, pattern in [
            ("number", lambda x: 3, "must return a Tensor or a Sequence of tensors.*Got int"),
            ("pair", lambda x: (x, 3), "Got element 1 of the sequence with type int"),
            ("dtype", lambda x: x.double(), "outputs one tensor, it may not change the dtype"),
        ]
    },
    **{
        f"second inverse {what}": ("ValueError", pattern, lambda t, f=f: twice(t, same, f))
        for what, f, pattern in [
            ("number", lambda x: 3, "right_inverse must return a tensor. Got: int"),
            ("shape", lambda x: x.sum(), "parametrization.right_inverse.*shape"),
            ("dtype", lambda x: x.double(), "parametrization.right_inverse.*dtype"),
        ]
    },
    "assign without inverse": (
        "RuntimeError",
        "parametrization Step does not implement right_inverse",
        lambda t: assigned(t, t.ones(3, 2), same),
    ),
    "assign dtype": (
        "ValueError",
        "returned by `right_inverse` has dtype torch.float64 while `original` has dtype",
        lambda t: assigned(t, t.ones(3, 2, dtype=t.float64), same, same),
    ),
    "assign dtypes": (
        "ValueError",
        "Tensor 0 returned by `right_inverse` has dtype torch.float64 while `original0`",
        lambda t: assigned(t, t.ones(3, 2, dtype=t.float64), first, pair),
    ),
    "assign fewer": (
        "ValueError",
        "sequence of tensors of length 2. Got a sequence of length 1",
        lambda t: assigned(t, t.ones(3, 2), first, in_turn(pair, lambda x: (x,))),
    ),
    "assign one": (
        "ValueError",
        "must return a sequence of tensors. Got Tensor",
        lambda t: assigned(t, t.ones(3, 2), first, in_turn(pair, same)),
    ),
    "assign number": (
        "ValueError",
        "must return a sequence of tensors.*Got element 1 of type int",
        lambda t: assigned(t, t.ones(3, 2), first, in_turn(pair, lambda x: (x, 3))),
    ),
    "assign pair": (
        "ValueError",
        "`right_inverse` should return a tensor. Got tuple",
        lambda t: assigned(t, t.ones(3, 2), same, in_turn(same, pair)),
    ),
    "assign parameter": (
        "KeyError",
        "attribute 'weight' already exists",
        lambda t: assigned(t, t.nn.Parameter(t.ones(3, 2)), same, same),
    ),
    "remove": (
        "ValueError",
        r"Module Linear\(.*does not have a parametrization on weight",
        lambda t: t.nn.utils.parametrize.remove_parametrizations(t.nn.Linear(2, 3), "weight"),
    ),
    "remove, several": (
        "ValueError",
        "Cannot leave unparametrized",
        lambda t: t.nn.utils.parametrize.remove_parametrizations(
            linear(t, first, pair), "weight", leave_parametrized=False
        ),
    ),
    "no modules": (
        "ValueError",
        "requires one or more modules",
        lambda t: t.nn.utils.parametrize.ParametrizationList([], t.ones(2)),
    ),
    "pickle": (
        "RuntimeError",
        r"only supported through state_dict\(\)",
        lambda t: __import__("pickle").dumps(linear(t, same)),
    ),
    "delete": ("AttributeError", "", lambda t: delattr(linear(t, same), "weight")),
    **{
        f"{function}, name": (
            "ValueError",
            "no parameter or buffer with name 'nope'|does not have a parameter",
            lambda t, function=function: getattr(t.nn.utils.parametrizations, function)(
                t.nn.Linear(2, 3), "nope"
            ),
        )
        for function in ("weight_norm", "spectral_norm", "orthogonal")
    },
    "weight_norm, dim": (
        "IndexError",
        "Dimension out of range",
        lambda t: t.nn.utils.parametrizations.weight_norm(t.nn.Linear(2, 3), dim=5),
    ),
    "spectral_norm, dim": (
        "IndexError",
        r"Dimension out of range \(expected to be in range of \[-2, 1\],? but got 3\)",
        lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(2, 3), dim=3),
    ),
    "spectral_norm, iterations": (
        "ValueError",
        "Expected n_power_iterations to be positive, but got n_power_iterations=0",
        lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(2, 3), "weight", 0),
    ),
    "orthogonal vector": (
        "ValueError",
        "Expected a matrix or batch of matrices. Got a tensor of 1 dimensions",
        lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(2, 3), "bias"),
    ),
    "orthogonal map": (
        "ValueError",
        'has to be one of "matrix_exp", "cayley", "householder". Got: exp',
        lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(2, 3), "weight", "exp"),
    ),
    "orthogonal shape": (
        "ValueError",
        r"of shape torch.Size\(\[3, 2\]\). Got a tensor of shape torch.Size\(\[2, 2\]\)",
        lambda t: setattr(
            t.nn.utils.parametrizations.orthogonal(t.nn.Linear(2, 3)), "weight", t.ones(2, 2)
        ),
    ),
    "orthogonal without base": (
        "NotImplementedError",
        "It is not possible to assign to the matrix exponential or the Cayley",
        lambda t: setattr(
            t.nn.utils.parametrizations.orthogonal(
                t.nn.Linear(2, 3), orthogonal_map="cayley", use_trivialization=False
            ),
            "weight",
            t.ones(3, 2),
        ),
    ),
}  # fmt: skip


def buffered(t: Any) -> Any:
    """A module with a parametrised buffer, and what becomes of it."""
    module = t.nn.Module()
    module.register_buffer("b", t.ones(2))
    parametrize = t.nn.utils.parametrize
    parametrize.register_parametrization(module, "b", step(t, lambda x: 2 * x))
    text = Plain(list(module.state_dict()), module.b)
    parametrize.remove_parametrizations(module, "b")
    return Plain(text, list(module.state_dict()), module.b, type(module).__name__)


def two_originals(t: Any) -> Any:
    """A weight that is the sum of two."""
    layer = linear(t, lambda x, y: x + y, lambda w: (w * 0.25, w * 0.75))
    names = [n for n, _ in layer.named_parameters()]
    before = layer.weight
    t.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    return Plain(names, type(layer.weight).__name__, bool((layer.weight == before).all()))


def kept(t: Any, leave: bool) -> Any:
    """Whether the parameter stays the object that it was, and what it is then."""
    layer = t.nn.Linear(2, 1)
    weight = layer.weight
    weight.data.fill_(1.0)
    parametrize = t.nn.utils.parametrize
    parametrize.register_parametrization(layer, "weight", step(t, lambda x: 2 * x))
    inside = layer.parametrizations.weight.original is weight
    parametrize.remove_parametrizations(layer, "weight", leave)
    return Plain(inside, layer.weight is weight, weight.tolist(), list(layer.state_dict()))


TEXTS: list[tuple[str, Any]] = [
    ("ParametrizedLinear(\n  in_features=2, out_features=3, bias=True\n  (parametrizations): "
     "ModuleDict(\n    (weight): ParametrizationList(\n      (0): Step()\n    )\n  )\n)",
     lambda t: linear(t, same)),
    ("torch.float64", lambda t: linear(t, lambda x: x.double(), unsafe=True).weight.dtype),
    ("torch.float64 torch.float64", lambda t: (lambda layer: Plain(
        layer.weight.dtype, layer(t.ones(2, dtype=t.float64)).dtype))(
            t.nn.utils.parametrizations.weight_norm(t.nn.Linear(2, 3)).double())),
    ("['parametrizations.b.original'] tensor([2., 2.]) ['b'] tensor([2., 2.]) Module", buffered),
    ("['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1'] "
     "Parameter True", two_originals),
    ("True True [[2.0, 2.0]] ['bias', 'weight']", lambda t: kept(t, True)),
    ("True True [[1.0, 1.0]] ['bias', 'weight']", lambda t: kept(t, False)),
    ("tensor([[1., 1.],\n        [1., 1.],\n        [1., 1.]], grad_fn=<MulBackward0>)",
     lambda t: assigned(t, t.ones(3, 2), lambda x: 2 * x, lambda w: w / 2)),
    ("True False", lambda t: (lambda module: Plain(
        module.parametrizations.weight[0].training,
        module.eval().parametrizations.weight[0].training))(linear(t, same))),
    ("<All keys matched successfully>", lambda t: t.nn.utils.parametrizations.weight_norm(
        t.nn.Linear(2, 3)).load_state_dict(t.nn.utils.weight_norm(t.nn.Linear(2, 3)).state_dict())),
    ("['weight_ih_l0', 'bias_ih_l0', 'bias_hh_l0', 'parametrizations.weight_hh_l0.original', "
     "'parametrizations.weight_hh_l0.0.base']", lambda t: list(
         t.nn.utils.parametrizations.orthogonal(t.nn.RNN(2, 3), "weight_hh_l0").state_dict())),
    ("['bias', 'parametrizations.weight.original', 'parametrizations.weight.0._u', "
     "'parametrizations.weight.0._v']", lambda t: list(
         t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(2, 3)).state_dict())),
    ("True", lambda t: bool(abs(
        t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(2, 3), "bias").bias.norm() - 1)
        < 1e-6)),
    ("True True True", lambda t: (lambda a, b: Plain(
        t.nn.utils.parametrize.transfer_parametrizations_and_params(a, b) is b,
        a.parametrizations.weight.original is b.parametrizations.weight.original,
        bool((a.weight == b.weight).all())))(linear(t, same), t.nn.Linear(2, 3))),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
