"""Regenerate ``func.npz``: functions of functions, by PyTorch 2.13's torch.func.

    python tests/golden/make_func.py

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
TARGET = HERE / "func.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def given(t: Any, seed: int, *shape: int, requires_grad: bool = False) -> Any:
    """An input."""
    return t.tensor(facts.numbers(seed, *shape), requires_grad=requires_grad)


def filled(t: Any, module: Any, requires_grad: bool) -> Any:
    """A module with the same parameters in every framework."""
    module.double()
    for k, p in enumerate(module.parameters()):
        p.data.copy_(t.tensor(facts.numbers(20 + k, *p.shape)))
        p.requires_grad_(requires_grad)
    return module


def functions(t: Any, w: Any, module: Any) -> dict[str, Any]:
    """Functions of a vector of three."""
    return {
        "exp": lambda x: (x @ w).exp(),
        "gated": lambda x: (x @ w).tanh() * x,
        "softmax": lambda x: (x @ w).softmax(-1),
        "linear": lambda x: x @ w,
        "kinks": lambda x: (x @ w).relu() * x,
        "constant": lambda x: w.sum(0),
        "gru cell": lambda x: module(x, 0.5 * x),
        "rnn": lambda x: module(t.stack([x, 2 * x]))[0][-1],
        "lstm": lambda x: module(t.stack([x, 2 * x]))[0][-1],
    }


def composed(t: Any, f: Any, kinds: str) -> Any:
    """A function of a function, of one, and so on: from the words of `kinds`."""
    func = t.func
    v = given(t, 11, 3)
    for kind in kinds.split():
        inner = f
        if kind == "grad":
            f = func.grad(lambda x, inner=inner: (inner(x) ** 2).sum())
        elif kind == "both":
            f = times(func.grad_and_value(lambda x, inner=inner: inner(x).sin().sum()))
        elif kind in ("jacrev", "jacfwd"):
            f = getattr(func, kind)(inner)
        elif kind == "hessian":
            f = func.hessian(lambda x, inner=inner: inner(x).sum())
        elif kind == "jvp":
            f = lambda x, inner=inner: func.jvp(inner, (x,), (v,))[1]  # noqa: E731
        elif kind == "along":
            f = lambda x, inner=inner: func.jvp(inner, (x,), (2 * x,))[1]  # noqa: E731
        elif kind == "vjp":
            f = twice_back(t, inner)
        else:
            f = func.vmap(inner, out_dims=int(kind[4:] or 0))
    return f


def times(both: Any) -> Any:
    """The product of a gradient and a value."""

    def f(x: Any) -> Any:
        gradient, value = both(x)
        return gradient * value

    return f


def twice_back(t: Any, inner: Any) -> Any:
    """Two products with the same Jacobian."""

    def f(x: Any) -> Any:
        y, back = t.func.vjp(inner, x)
        return back(2 * y)[0] + back(t.ones(y.shape, dtype=y.dtype))[0]

    return f


def run(t: Any, name: str, kinds: str, outside: str) -> dict[str, np.ndarray]:
    """The result, and the gradients of the sum of its squares by what is outside."""
    w = given(t, 1, 3, 3, requires_grad=outside == "w")
    made = {"gru cell": t.nn.GRUCell, "rnn": t.nn.RNN, "lstm": t.nn.LSTM}.get(name, t.nn.Linear)
    module = filled(t, made(3, 3), outside == "w")
    f = composed(t, functions(t, w, module)[name], kinds)
    shape = (2, 3) if "vmap" in kinds else (3,)
    x = given(t, 2, *shape, requires_grad=outside == "x")
    y = f(x)
    result = {"y": facts.array(y)}
    if outside:
        (y**2).sum().backward()
        ends = [x] if outside == "x" else [w, *module.parameters()]
        result |= {f"d{k}": facts.array(end.grad) for k, end in enumerate(ends)}
    return result


RUNS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    f"{name}: {kinds}{f', outside {outside}' if outside else ''}": (
        lambda t, a=(name, kinds, outside): run(t, *a)
    )
    for name, kinds, outside in [
        ("exp", "grad", ""), ("exp", "grad", "w"), ("exp", "grad", "x"), ("exp", "grad grad", ""),
        ("gated", "grad grad grad", ""), ("gated", "jacrev jacfwd", ""), ("gated", "both", "w"),
        ("gated", "jacfwd jacrev", "x"), ("gated", "hessian", ""), ("gated", "hessian", "w"),
        ("softmax", "vjp jvp", ""), ("softmax", "along grad", "w"), ("softmax", "jacrev vmap", ""),
        ("softmax", "jvp vmap-1", "x"), ("linear", "jacrev", "w"), ("linear", "jvp", ""),
        ("linear", "grad jacrev", ""), ("kinks", "hessian", "w"), ("kinks", "jacfwd vmap", ""),
        ("constant", "jacrev", ""), ("constant", "grad", ""), ("constant", "jvp", ""),
        ("gru cell", "grad", "w"), ("gru cell", "jacrev", ""), ("gru cell", "jacfwd vmap", ""),
        ("gru cell", "grad vmap", "w"), ("rnn", "grad", "w"), ("rnn", "jacrev", "x"),
        ("rnn", "along", "w"), ("lstm", "grad", "w"), ("lstm", "jvp grad", ""),
        ("lstm", "hessian", ""), ("exp", "grad vmap grad", ""),
    ]
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def scene(call: Any) -> Any:
    """A scene that hands torch.func, the framework, a vector and a matrix to `call`."""
    return lambda t: call(t.func, t, t.ones(2), t.arange(6.0).view(3, 2))


STRUCTURE = "Expected pytree structure of cotangents to be the same"
SCALAR = r"Expected f\(\*args\) to return a scalar Tensor, got tensor with 1 dims"
RAISED: dict[str, tuple[str, str, Any]] = {
    "grad of a vector": ("RuntimeError", SCALAR, lambda F, t, x, X: F.grad(lambda x: x)(x)),
    "grad of a float": (
        "RuntimeError", r"Expected f\(\*args\) to return a Tensor, got <class 'float'>",
        lambda F, t, x, X: F.grad(lambda x: 3.0)(x)),
    "grad at a float": (
        "ValueError", "passed to transform API must be Tensor, got <class 'float'>",
        lambda F, t, x, X: F.grad(lambda x: x)(3.0)),
    "grad at integers": (
        "RuntimeError", "only Tensors of floating point dtype can require gradients",
        lambda F, t, x, X: F.grad(lambda x: x.sum())(t.arange(2))),
    "argnums": ("RuntimeError", "Got argnum=1, but only 1 positional inputs",
                lambda F, t, x, X: F.grad(lambda x: x.sum(), 1)(x)),
    "argnums, none": ("RuntimeError", "argnums must be non-empty",
                      lambda F, t, x, X: F.grad(lambda x: x.sum(), ())(x)),
    "argnums twice": ("RuntimeError", "argnums elements must be unique",
                      lambda F, t, x, X: F.jacrev(lambda x: x.sum(), (0, 0))(x)),
    "argnums, float": ("RuntimeError", r"argnums must be int or Tuple\[int, ...\], got: <class 'fl",
                       lambda F, t, x, X: F.jacfwd(lambda x: x.sum(), 1.0)(x)),
    "argnums, floats": ("RuntimeError", "argnum must be int, got: <class 'float'>",
                        lambda F, t, x, X: F.grad(lambda x: x.sum(), (0.0,))(x)),
    **{
        f"aux of {name}": (
            "RuntimeError", "of function f should be a tuple: .output, aux. if has_aux is True",
            lambda F, t, x, X, call=call: call(F, x))
        for name, call in {
            "grad": lambda F, x: F.grad(lambda x: x.sum(), has_aux=True)(x),
            "vjp": lambda F, x: F.vjp(lambda x: x, x, has_aux=True),
            "jvp": lambda F, x: F.jvp(lambda x: x, (x,), (x,), has_aux=True),
        }.items()
    },
    "cotangents": ("RuntimeError", STRUCTURE,
                   lambda F, t, x, X: F.vjp(lambda x: (x, x), x)[1](x)),
    "cotangent": ("RuntimeError", r"Mismatch in shape: grad_output\[0\]",
                  lambda F, t, x, X: F.vjp(lambda x: x * x, x)[1](t.ones(3))),
    "vjp of int": ("RuntimeError", "to return only tensors, got unsupported type <class 'int'>",
                   lambda F, t, x, X: F.vjp(lambda x: 3, x)),
    "vjp of None": ("RuntimeError", "to be a function that has non-empty output",
                    lambda F, t, x, X: F.vjp(lambda x: None, x)),
    "vjp of integers": ("RuntimeError", "All outputs of f must be floating-point or complex",
                        lambda F, t, x, X: F.vjp(lambda x: x.long(), x)),
    "jacrev of int": ("RuntimeError", "to return only tensors",
                      lambda F, t, x, X: F.jacrev(lambda x: 3)(x)),
    "chunk size": ("ValueError", "jacrev: `chunk_size` should be greater than 0",
                   lambda F, t, x, X: F.jacrev(lambda x: x, chunk_size=0)(x)),
    "primals": ("RuntimeError", "Expected primals to be a tuple",
                lambda F, t, x, X: F.jvp(lambda x: x, x, x)),
    "tangents": ("RuntimeError", "primals and tangents to have the same python structure",
                 lambda F, t, x, X: F.jvp(lambda x: x, (x,), (x, x))),
    "tangent's shape": ("RuntimeError", "has a different size than that of the original Tensor",
                        lambda F, t, x, X: F.jvp(lambda x: x, (x,), (t.ones(3),))),
    "tangent, float": ("RuntimeError", "Expected tangents to only contain Tensors, got <class 'fl",
                       lambda F, t, x, X: F.jvp(lambda x: x, (x,), (3.0,))),
    "primal, float": ("RuntimeError", "Expected primals to only contain Tensors, got <class 'fl",
                      lambda F, t, x, X: F.jvp(lambda x: x, (3.0,), (x,))),
    "no primals": ("RuntimeError", "Expected primals to contain at least one Tensor",
                   lambda F, t, x, X: F.jvp(lambda: x, (), ())),
    "jvp of float": ("RuntimeError", "to return only tensors, got unsupported type <class 'float'",
                     lambda F, t, x, X: F.jvp(lambda x: 3.0, (x,), (x,))),
    "strict jvp": ("RuntimeError", "The output of f is independent of the inputs",
                   lambda F, t, x, X: F.jvp(lambda x: t.ones(1), (x,), (x,), strict=True)),
    "linearize, shape": ("RuntimeError", "tangent:0 with shape .* doesn't match the shape",
                         lambda F, t, x, X: F.linearize(lambda x: x * x, x)[1](t.ones(3))),
    "linearize, number": ("RuntimeError", "to have the same argspec as the primals",
                          lambda F, t, x, X: F.linearize(lambda x: x * x, x)[1](x, x)),
    # vmap
    "sizes": ("ValueError", r"same size in the mapped dimension, got sizes \[3, 2\]",
              lambda F, t, x, X: F.vmap(lambda x, y: x * y)(X, x)),
    "no batch": ("ValueError", "Expected at least one Tensor to vmap over",
                 lambda F, t, x, X: F.vmap(lambda x: x, in_dims=(None,))(X)),
    "no tensor": ("ValueError", "We cannot vmap over non-Tensor arguments, please use None",
                  lambda F, t, x, X: F.vmap(lambda x, y: x * y)(X, 3.0)),
    "no inputs": ("ValueError", "got no inputs. Maybe you forgot to add inputs",
                  lambda F, t, x, X: F.vmap(lambda: x)()),
    "in_dims None": ("ValueError", "expected `in_dims` to be int or a .* tuple matching the str",
                     lambda F, t, x, X: F.vmap(lambda x: x, in_dims=None)(X)),
    "in_dims, structure": ("ValueError", "in_dims is not compatible with the structure of `inputs`",
                           lambda F, t, x, X: F.vmap(lambda x: x, in_dims=(0, 0))(X)),
    "in_dims, range": ("ValueError", r"expected in_dim to satisfy -2 <= in_dim < 2",
                       lambda F, t, x, X: F.vmap(lambda x: x, in_dims=2)(X)),
    "in_dims, text": ("ValueError", "Got in_dim=a for an input but in_dim must be either an int",
                      lambda F, t, x, X: F.vmap(lambda x: x, in_dims=("a",))(X)),
    "out_dims, text": ("ValueError", "`out_dims` must be an int, None or a python collection",
                       lambda F, t, x, X: F.vmap(lambda x: x, out_dims="a")(X)),
    "out_dims, structure": ("ValueError", "out_dims is not compatible with the structure of `outp",
                            lambda F, t, x, X: F.vmap(lambda x: x, out_dims=(0, 0))(X)),
    "out_dims, range": ("IndexError", r"expected to be in range of \[-2, 1\], but got 5",
                        lambda F, t, x, X: F.vmap(lambda x: x, out_dims=5)(X)),
    "out_dims None": ("ValueError", "can not return a BatchedTensor when out_dim is None",
                      lambda F, t, x, X: F.vmap(lambda x: x, out_dims=None)(X)),
    "number out": ("ValueError", "must only return Tensors, got type <class 'int'>",
                   lambda F, t, x, X: F.vmap(lambda x: (x, 3))(X)),
    "random": ("RuntimeError", "called random operation while in randomness error mode",
               lambda F, t, x, X: F.vmap(lambda x: x * t.rand(2))(X)),
    "randomness": ("RuntimeError", "Only allowed values for randomness are",
                   lambda F, t, x, X: F.vmap(lambda x: x, randomness="often")(X)),
    "vmap chunk": ("ValueError", r"chunk_size should be None or greater than 0. \(got 0\)",
                   lambda F, t, x, X: F.vmap(lambda x: x, chunk_size=0)(X)),
    # models
    "dicts": ("ValueError", "to be a dict, or a list/tuple of dicts, but got <class 'int'>",
              lambda F, t, x, X: F.functional_call(t.nn.Linear(2, 3), 3, x)),
    "no dicts": ("ValueError", "Expected all elements of parameter_and_buffer_dicts to be dict",
                 lambda F, t, x, X: F.functional_call(t.nn.Linear(2, 3), [3], x)),
    "twice": ("ValueError", r"\['weight'\] appeared in multiple dictionaries",
              lambda F, t, x, X: F.functional_call(
                  t.nn.Linear(2, 3), [{"weight": X}, {"weight": X}], x)),
    "not strict": ("AttributeError", "Linear has no attribute `a`",
                   lambda F, t, x, X: F.functional_call(t.nn.Linear(2, 3), {"a.b": x}, x)),
    "missing": ("RuntimeError", r"Missing key\(s\): 'bias'",
                lambda F, t, x, X: F.functional_call(
                    t.nn.Linear(2, 3), {"weight": X}, x, strict=True)),
    "unexpected": ("RuntimeError", r"Unexpected key\(s\): 'q'",
                   lambda F, t, x, X: F.functional_call(
                       t.nn.Linear(2, 3), {"weight": X, "q": x}, x, strict=True)),
    "a float": ("TypeError", "3.0 is not an instance of torch.Tensor",
                lambda F, t, x, X: F.functional_call(t.nn.Linear(2, 3), {"weight": 3.0}, x)),
    "tied": ("ValueError", "functional_call got multiple values for keys",
             lambda F, t, x, X: F.functional_call(
                 tied(t), {"0.weight": t.eye(2), "1.weight": t.eye(2)}, x)),
    "no models": ("RuntimeError", "Expected at least one model, got 0",
                  lambda F, t, x, X: F.stack_module_state([])),
    "modes": ("RuntimeError", "Expected all models to have the same training/eval mode",
              lambda F, t, x, X: F.stack_module_state([t.nn.Tanh(), t.nn.Tanh().eval()])),
    "classes": ("RuntimeError", "Expected all models to be of the same class",
                lambda F, t, x, X: F.stack_module_state([t.nn.Tanh(), t.nn.ReLU()])),
    "frozen": ("RuntimeError", "Expected weight from each model to have the same .requires_grad",
               lambda F, t, x, X: F.stack_module_state(
                   [t.nn.Linear(1, 1), t.nn.Linear(1, 1).requires_grad_(False)])),
}  # fmt: skip
ERRORS = {name: (kind, words, scene(call)) for name, (kind, words, call) in RAISED.items()}


def tied(t: Any) -> Any:
    """Two layers with one weight."""
    model = t.nn.Sequential(t.nn.Linear(2, 2, bias=False), t.nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    return model


def normed(t: Any) -> Any:
    """What a batch normalisation does to the buffers that it is given, and to its own."""
    norm = t.nn.BatchNorm1d(2)
    given_ = {"running_mean": t.zeros(2), "num_batches_tracked": t.tensor(5)}
    t.func.functional_call(norm, given_, (4 * t.ones(3, 2),))
    return Plain(given_, norm.running_mean, norm.num_batches_tracked)


def drawn(t: Any, randomness: str) -> Any:
    """Random numbers in a vmap, and what is drawn after it."""
    t.manual_seed(0)
    inside = t.func.vmap(lambda x: t.rand(2), randomness=randomness)(t.ones(2, 1))
    return Plain(inside, t.rand(1))


def half_constant(t: Any) -> Any:
    """A gradient that a part of the function is no part of."""

    def f(x: Any) -> Any:
        with t.no_grad():
            c = x**2
        return x - c

    return t.func.grad(f)(t.tensor(3.0))


SHOWN: list[tuple[str, Any]] = [
    ("(tensor([1., 1.]), tensor([2., 2.]))",
     lambda F, t, x, X: F.grad(lambda x: (x.sum(), x * 2), has_aux=True)(x)),
    ("(tensor([1., 1.]), (tensor(2.), tensor([2., 2.])))",
     lambda F, t, x, X: F.grad_and_value(lambda x: (x.sum(), x * 2), has_aux=True)(x)),
    ("{'a': tensor([2., 2.]), 'b': tensor([1., 1.])}",
     lambda F, t, x, X: F.grad(lambda d: (d["a"] * d["b"]).sum())({"a": x, "b": 2 * x})),
    ("(tensor([2., 2.]), tensor([1., 1.]))",
     lambda F, t, x, X: F.grad(lambda x, y: (x * y).sum(), (0, 1))(x, 2 * x)),
    ("tensor([1., 1.])", lambda F, t, x, X: F.grad(lambda x, y: (x * y).sum(), -1)(x, 2 * x)),
    ("tensor([0., 0.])", lambda F, t, x, X: F.grad(lambda x: t.tensor(1.0))(x)),
    ("tensor([2., 2.]) False", lambda F, t, x, X: (lambda g: Plain(g, g.requires_grad))(
        F.grad(lambda x: (x**2).sum())(x))),
    ("True False", lambda F, t, x, X: Plain(
        F.grad(lambda y: (x * y).sum())(x.requires_grad_()).requires_grad,
        F.grad(lambda y: (x.detach() * y).sum())(x.detach()).requires_grad)),
    ("tensor(1.)", lambda F, t, x, X: half_constant(t)),
    ("(tensor([2., 2.]),)", lambda F, t, x, X: F.vjp(lambda x: x**2, x)[1](x)),
    ("(tensor([3., 3.]),)", lambda F, t, x, X: F.vjp(lambda x: (x**2, x), x)[1]((x, x))),
    ("(tensor([1., 1.]), tensor([3., 3.]))",
     lambda F, t, x, X: F.vjp(lambda x: (x**2, x * 3), x, has_aux=True)[::2]),
    ("((tensor([1., 1.]), {'a': tensor([2., 2.])}), (tensor([1., 1.]), {'a': tensor([2., 2.])}))",
     lambda F, t, x, X: F.jvp(lambda x: (x, {"a": 2 * x}), (x,), (x,))),
    ("(tensor([1.]), tensor([0.]))", lambda F, t, x, X: F.jvp(lambda x: t.ones(1), (x,), (x,))),
    ("(tensor([[1., 0.],\n        [0., 1.]]), {'a': tensor([[2., 0.],\n        [0., 2.]])})",
     lambda F, t, x, X: F.jacrev(lambda x: (x, {"a": 2 * x}))(x)),
    ("(tensor([[2., 0.],\n        [0., 2.]]), tensor([[1., 1.],\n        [1., 1.]]))",
     lambda F, t, x, X: F.jacrev(lambda x, y: x * y.sum(), (0, 1))(x, x)),
    ("(tensor([[1., 1.],\n        [1., 1.]]),)",
     lambda F, t, x, X: F.jacfwd(lambda x, y: x * y.sum(), (1,))(x, x)),
    ("{'a': tensor([[2., 0.],\n        [0., 2.]])}",
     lambda F, t, x, X: F.jacfwd(lambda d: d["a"] * 2)({"a": x})),
    ("(tensor([[2., 0.],\n        [0., 2.]]), tensor(2.))",
     lambda F, t, x, X: F.jacfwd(lambda x: (x * 2, x.sum()), has_aux=True)(x)),
    ("(tensor([[2., 0.],\n        [0., 2.]]), tensor(2.))",
     lambda F, t, x, X: F.jacrev(lambda x: (x * 2, x.sum()), has_aux=True)(x)),
    ("tensor([2., 2.])", lambda F, t, x, X: F.linearize(lambda x: x**2, x)[1](x)),
    # vmap
    ("tensor([1., 5., 9.])", lambda F, t, x, X: t.vmap(lambda x: x.sum())(X)),
    ("tensor([6., 9.])", lambda F, t, x, X: F.vmap(lambda x: x.sum(), in_dims=1)(X)),
    ("tensor([6., 9.])", lambda F, t, x, X: F.vmap(lambda x: x.sum(), in_dims=-1)(X)),
    ("tensor([[ 0.,  4.,  8.],\n        [ 2.,  6., 10.]])",
     lambda F, t, x, X: F.vmap(lambda x: x * 2, out_dims=1)(X)),
    ("tensor([1., 5., 9.])",
     lambda F, t, x, X: F.vmap(lambda x, y: (x * y).sum(), in_dims=(0, None))(X, x)),
    ("(tensor([1., 5., 9.]), 3)",
     lambda F, t, x, X: F.vmap(lambda x: (x.sum(), 3), out_dims=(0, None))(X)),
    ("[tensor([1., 5., 9.]), tensor([1., 5., 9.])]",
     lambda F, t, x, X: F.vmap(lambda x: [x.sum(), x.sum()])(X)),
    ("tensor([1., 1., 1.])", lambda F, t, x, X: F.vmap(lambda x: t.ones(()))(X)),
    ("tensor([1., 1.])", lambda F, t, x, X: F.vmap(lambda x: t.ones(2), out_dims=None)(X)),
    ("{'q': tensor([1., 5., 9.])}", lambda F, t, x, X: F.vmap(
        lambda d: {"q": (d["a"] * d["b"]).sum()}, in_dims=({"a": 0, "b": None},))(
            {"a": X, "b": x})),
    ("torch.Size([0, 2])", lambda F, t, x, X: F.vmap(lambda x: x * 2)(X[:0]).shape),
    ("torch.Size([3, 3, 2])",
     lambda F, t, x, X: F.vmap(lambda x, k=1: x * k, chunk_size=2)(X, k=X).shape),
    ("tensor([[0.4963, 0.7682],\n        [0.4963, 0.7682]]) tensor([0.0885])",
     lambda F, t, x, X: drawn(t, "same")),
    ("tensor([[0.4963, 0.7682],\n        [0.0885, 0.1320]]) tensor([0.3074])",
     lambda F, t, x, X: drawn(t, "different")),
    ("tensor([[0., 1.],\n        [2., 3.],\n        [4., 5.]])",
     lambda F, t, x, X: F.vmap(F.vmap(lambda x: x))(X)),
    # models
    ("tensor([1., 5., 9.])", lambda F, t, x, X: F.functional_call(
        t.nn.Linear(2, 3), ({"weight": X}, {"bias": t.zeros(3)}), x)),
    ("tensor([1., 5., 9.])", lambda F, t, x, X: F.functional_call(
        t.nn.Linear(2, 3), {"weight": X, "bias": t.zeros(3), "nope": x}, None, {"input": x})),
    ("tensor([4., 4.])", lambda F, t, x, X: F.functional_call(
        tied(t), {"0.weight": 2 * t.eye(2)}, x)),
    ("{'running_mean': tensor([0.4000, 0.4000]), 'num_batches_tracked': tensor(6)} "
     "tensor([0., 0.]) tensor(0)", lambda F, t, x, X: normed(t)),
    ("{'weight': torch.Size([2, 3, 1]), 'bias': torch.Size([2, 3])} {} True True",
     lambda F, t, x, X: (lambda p, b: Plain(
         {k: v.shape for k, v in p.items()}, b, p["bias"].is_leaf, p["bias"].requires_grad))(
         *F.stack_module_state([t.nn.Linear(1, 3), t.nn.Linear(1, 3)]))),
]  # fmt: skip
TEXTS = [(text, scene(call)) for text, call in SHOWN]


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
