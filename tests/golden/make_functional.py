"""Regenerate ``functional.npz``: derivatives of functions, by PyTorch 2.13's autograd.functional.

    python tests/golden/make_functional.py

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
TARGET = HERE / "functional.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def given(t: Any, seed: int, *shape: int, requires_grad: bool = False) -> Any:
    """An input."""
    return t.tensor(facts.numbers(seed, *shape), requires_grad=requires_grad)


def functions(t: Any) -> dict[str, tuple[Any, tuple[tuple[int, ...], ...]]]:
    """Functions with several entries, and the shapes of their inputs."""
    w = given(t, 1, 3, 3)
    return {
        "one": (lambda x: (x @ w).exp(), ((2, 3),)),
        "softmax": (lambda x: x.softmax(-1), ((3,),)),
        "two": (lambda x, y: (x * y.sum()).tanh(), ((3,), (2, 2))),
        "unused": (lambda x, y: x * x, ((3,), (2,))),
        "linear": (lambda x: x @ w, ((3,),)),
        "several": (lambda x, y: (x * y.sum(), y.cos(), x.sum()), ((2,), (3,))),
        "constant": (lambda x: t.ones(2, dtype=x.dtype), ((3,),)),
        "unrolled": (lambda x, h: unrolled(x, h, w), ((4, 3), (3,))),
    }


def unrolled(x: Any, h: Any, w: Any) -> Any:
    """The last state of a small recurrent network."""
    for step in x:
        h = (step + h @ w).tanh()
    return h


def numbers_of(t: Any) -> dict[str, tuple[Any, tuple[tuple[int, ...], ...]]]:
    """Functions with one entry."""
    w = given(t, 1, 3, 3)
    return {
        "cubes": (lambda x: (x**3).sum(), ((2, 3),)),
        "product": (lambda x, y: (x**2).sum() * (y**3).sum(), ((3,), (2,))),
        "not of y": (lambda x, y: (x @ w).sin().sum(), ((3,), (2,))),
        "linear": (lambda x: x.sum(), ((3,),)),
        "kinks": (lambda x: x.relu().pow(2).sum(), ((4,),)),
        "unrolled": (lambda x, h: unrolled(x, h, w).pow(2).sum(), ((3, 3), (3,))),
    }


def flat(name: str, value: Any) -> dict[str, np.ndarray]:
    """All tensors in nested tuples."""
    if isinstance(value, tuple):
        return {k: v for i, one in enumerate(value) for k, v in flat(f"{name}.{i}", one).items()}
    return {name: facts.array(value)}


def run(t: Any, what: str, name: str, create_graph: bool) -> dict[str, np.ndarray]:
    """The result, and the gradient of the sum of its squares, if it has a graph."""
    table = functions(t) if what in ("vjp", "jvp", "jacobian") else numbers_of(t)
    function, shapes = table[name]
    inputs = tuple(given(t, k + 2, *s, requires_grad=create_graph) for k, s in enumerate(shapes))
    arguments: list[Any] = [function, inputs if len(inputs) > 1 else inputs[0]]
    if what in ("vjp", "jvp", "vhp", "hvp"):
        like = function(*inputs) if what == "vjp" else inputs
        like = like if isinstance(like, tuple) else (like,)
        v = tuple(given(t, k + 8, *one.shape) for k, one in enumerate(like))
        arguments.append(v if len(v) > 1 else v[0])
    result = getattr(t.autograd.functional, what)(*arguments, create_graph=create_graph)
    values = flat("result", result)
    if create_graph:
        ends: list[Any] = []
        collect(result, ends)
        total = sum([(end**2).sum() for end in ends])
        if total.requires_grad:
            total.backward()
        values |= {f"d{k}": facts.array(x.grad) for k, x in enumerate(inputs)}
    return values


def collect(value: Any, found: list[Any]) -> None:
    """All tensors in nested tuples, into a list."""
    if isinstance(value, tuple):
        for one in value:
            collect(one, found)
    else:
        found.append(value)


OF_MANY = ("one", "softmax", "two", "unused", "linear", "several", "constant", "unrolled")
OF_ONE = ("cubes", "product", "not of y", "linear", "kinks", "unrolled")
RUNS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    f"{what} {name}{' with graph' if graph else ''}": lambda t, a=(what, name, graph): run(t, *a)
    for names, kinds in (
        (OF_MANY, ("vjp", "jvp", "jacobian")), (OF_ONE, ("hessian", "vhp", "hvp")),
    )
    for what in kinds for name in names for graph in (False, True)
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------

STRICT = "is independent of {}.* not allowed in strict mode"


def asked(what: str, function: Any, *arguments: Any, **options: Any) -> Any:
    """A scene that asks for a derivative of `function`; numbers stand for shapes of inputs."""

    def scene(t: Any) -> Any:
        given_ = [t.ones(a) if isinstance(a, (int, tuple)) else a for a in arguments]
        if isinstance(given_[0], list):
            given_[0] = tuple(t.ones(a) for a in given_[0])
        return getattr(t.autograd.functional, what)(lambda *x: function(t, *x), *given_, **options)

    return scene


def square(t: Any, x: Any) -> Any:
    """The sum of squares."""
    return (x * x).sum()


ERRORS: dict[str, tuple[str, str, Any]] = {
    **{
        f"{what} of a number": (
            "TypeError",
            f"The inputs given to {what} must be either a Tensor or a tuple of Tensors but the "
            "given inputs has type <class 'float'>",
            asked(what, square, 3.0),
        )
        for what in ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp")
    },
    "a number among inputs": (
        "TypeError",
        "but the value at index 1 has type <class 'int'>",
        lambda t: t.autograd.functional.jacobian(lambda x, y: x, (t.ones(1), 2)),
    ),
    **{
        f"{what} without tensor": (
            "TypeError",
            f"The outputs of the user-provided function given to {what} must be either a Tensor",
            asked(what, lambda t, x: [x], 1),
        )
        for what in ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp")
    },
    "vjp without v": (
        "RuntimeError",
        "v can only be None if the user-provided function returns a single Tensor with a single",
        asked("vjp", lambda t, x: x, 3),
    ),
    **{
        f"{what} without v": (
            "RuntimeError",
            "v can only be None if the input to the user-provided function is a single Tensor",
            asked(what, square, 3),
        )
        for what in ("jvp", "vhp", "hvp")
    },
    "v, shape": (
        "RuntimeError",
        r"^v has invalid size: should be torch.Size\(\[3\]\) but got torch.Size\(\[2\]\)",
        asked("jvp", square, 3, 2),
    ),
    "v, shape among several": (
        "RuntimeError",
        "Entry 1 in v has invalid size",
        lambda t: t.autograd.functional.jvp(
            lambda x, y: x * y, (t.ones(2), t.ones(2)), (t.ones(2), t.ones(1))
        ),
    ),
    "v, number": (
        "RuntimeError",
        "v is a tuple of invalid length: should be 2 but got 1",
        lambda t: t.autograd.functional.jvp(
            lambda x, y: x * y, (t.ones(2), t.ones(2)), (t.ones(2),)
        ),
    ),
    "v, too many": (
        "RuntimeError",
        "The given v should contain a single Tensor",
        lambda t: t.autograd.functional.vjp(lambda x: x, t.ones(2), (t.ones(2), t.ones(2))),
    ),
    "hessian of a vector": (
        "RuntimeError",
        "The Tensor returned by the function given to hessian should contain a single element",
        asked("hessian", lambda t, x: x * x, 2),
    ),
    **{
        f"{what} of a pair": (
            "RuntimeError",
            f"The function given to {what} should return a single Tensor",
            asked(what, lambda t, x: (x.sum(), x.sum()), 1),
        )
        for what in ("hessian", "vhp", "hvp")
    },
    **{
        f"strict {what} of a constant": (
            "RuntimeError",
            "Output 0 of the user-provided function does not require gradients",
            asked(what, lambda t, x: t.ones(()), 1, strict=True),
        )
        for what in ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp")
    },
    **{
        f"strict {what}, unused": (
            "RuntimeError",
            STRICT.format("(the )?input"),
            lambda t, what=what: getattr(t.autograd.functional, what)(
                lambda x, y: x.exp().sum(), (t.ones(1), t.ones(1)),
                *(() if what in ("vjp", "jacobian", "hessian") else ((t.ones(1), t.ones(1)),)),
                strict=True),
        )
        for what in ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp")
    },
    **{
        f"strict {what} with graph of a linear function": (
            "RuntimeError",
            STRICT.format("input 0") + " when create_graph=True",
            asked(what, lambda t, x: 2 * x, 1, strict=True, create_graph=True),
        )
        for what in ("vjp", "jacobian")
    },
    **{
        f"strict {what} of a linear function": (
            "RuntimeError",
            "jacobian of the user-provided function with respect to input 0 " + STRICT.format(
                "the input"),
            asked(what, lambda t, x: 2 * x.sum(), 1, strict=True),
        )
        for what in ("hessian", "vhp", "hvp")
    },
    "strict and vectorized": (
        "RuntimeError", "`strict=True` and `vectorized=True` are not supported together",
        asked("jacobian", square, 2, strict=True, vectorize=True),
    ),
    "strategy": (
        "AssertionError", 'Expected strategy to be either "forward-mode" or "reverse-mode"',
        asked("jacobian", square, 2, strategy="sideways"),
    ),
    "forward one by one": (
        "NotImplementedError", "only *implemented for `vectorize=True`",
        asked("jacobian", square, 2, strategy="forward-mode"),
    ),
    "forward with graph": (
        "NotImplementedError",
        '`create_graph=True` and `strategy="forward-mode"` are not supported together',
        asked("jacobian", square, 2, strategy="forward-mode", create_graph=True),
    ),
    "forward, strict": (
        "RuntimeError", '`strict=True` and `strategy="forward-mode"` are not supported together',
        asked("jacobian", square, 2, strategy="forward-mode", strict=True),
    ),
}  # fmt: skip


def with_graph(t: Any) -> Any:
    """What is printed of results with a graph."""
    x = t.ones(2, requires_grad=True)
    functional = t.autograd.functional
    return Plain(
        functional.jacobian(lambda x: x**2, x, create_graph=True),
        functional.vjp(lambda x: (x**2).sum(), x)[1],
        x.grad,
    )


TEXTS: list[tuple[str, Any]] = [
    ("tensor([[2., 0.],\n        [0., 2.]], grad_fn=<ViewBackward0>) tensor([2., 2.]) None",
     with_graph),
    ("(tensor(3.), tensor([2., 2., 2.]))", asked("vjp", square, 3)),
    ("(tensor(1.), tensor(2.))", asked("jvp", square, ())),
    ("((tensor([[1.]]),),)", asked("jacobian", lambda t, x: (x,), [1])),
    ("tensor([[2., 0.],\n        [0., 2.]])", asked("hessian", square, 2, vectorize=True)),
    ("tensor([2., 2.])", asked(
        "jacobian", square, 2, vectorize=True, strategy="forward-mode")),
    ("tensor([2., 2.])", lambda t: no_grad(t)),
]  # fmt: skip


def no_grad(t: Any) -> Any:
    """A gradient where nothing is recorded."""
    with t.no_grad():
        return t.autograd.functional.vjp(lambda x: (x * x).sum(), t.ones(2))[1]


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
