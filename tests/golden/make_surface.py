"""Regenerate ``surface.json``: what PyTorch 2.13 prints for the scenes in ``surface.txt``.

    python tests/golden/make_surface.py

needs torch. A scene is a line of statements. What its last one returns is printed, with the name of
the operation behind it, and then differentiated: the gradients of the leaves are printed as well.
`ERRORS` are scenes that raise, with the words to be found in PyTorch's message and minigrad's.
`tests/test_surface.py` plays the same scenes with minigrad.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

SCENES = Path(__file__).with_name("surface.txt")
TARGET = Path(__file__).with_name("surface.json")

LEAVES = ("a", "b", "v", "m", "M", "s", "B", "C", "w", "P", "tie", "x")


def scenes() -> list[str]:
    """The lines of ``surface.txt`` that are no headings."""
    lines = SCENES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def names(t: Any) -> dict[str, Any]:
    """The names that scenes use: `torch` is the module `t`, single letters are tensors."""

    def leaf(seed: int, *shape: int, low: float = -2) -> Any:
        values = np.random.RandomState(seed).uniform(low, 2, shape)
        return t.tensor(values.astype(np.float32), requires_grad=True)

    t.manual_seed(0)
    known = {
        "a": leaf(1, 2, 3),
        "b": leaf(2, 2, 3),
        "v": leaf(3, 3),
        "m": leaf(4, 3, 4),
        "M": leaf(5, 3, 3),
        "s": leaf(6),
        "B": leaf(7, 2, 3, 4),
        "C": leaf(8, 2, 4, 5),
        "w": leaf(9, 6),
        "P": leaf(10, 2, 3, low=0.3),
        "i": t.tensor([2, 0]),
        "I": t.tensor([[0, 2, 1], [1, 1, 0]]),
        "n": t.tensor([3, -1, 4, 1, -5]),
        "mask": t.tensor([[True, False, True], [False, False, True]]),
        "tie": t.tensor([[3.0, 1.0, 3.0], [2.0, 2.0, 0.0]], requires_grad=True),
    }
    known["h"] = known["a"] * 1
    return {"torch": t, "np": np, "math": math, "inf": math.inf, "nan": math.nan, **known}


def play(scene: str, t: Any) -> dict[str, str]:
    """What a scene shows: its result, and the gradients of the leaves that it came from."""
    known = {**names(t), **functions(t)}
    *statements, last = scene.split("; ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for statement in statements:
            exec(statement, known)
        result = eval(last, known)
        shown = {"result": repr(result)}
        graded = [y for y in tensors(result) if y.requires_grad and y.grad_fn is not None]
        if graded:
            total = 0
            for k, y in enumerate(graded):
                weights = np.arange(y.numel()).reshape(tuple(y.shape)) % 7 + 1.0 + k
                total = total + (y * t.tensor(weights).to(y.dtype)).sum()
            total.backward()
            for name in LEAVES:
                x = known.get(name)
                if hasattr(x, "detach") and x.is_leaf and x.grad is not None:
                    shown[name] = repr(x.grad)
    return shown


def tensors(value: Any) -> list[Any]:
    """The tensors in a result."""
    if hasattr(value, "detach"):
        return [value]
    return [t for v in value for t in tensors(v)] if isinstance(value, (tuple, list)) else []


# ------------------------------------------------------------------------------------------------
# Functions written by users
# ------------------------------------------------------------------------------------------------


def functions(t: Any) -> dict[str, Any]:
    """Some subclasses of `autograd.Function`, and the list `seen` that they tell things to."""
    seen: list[Any] = []

    class Exp(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    class Scaled(t.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor, y):
            ctx.factor = factor
            ctx.save_for_backward(x, y)
            return x * y * factor

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            seen.append(ctx.needs_input_grad)
            return g * y * ctx.factor, None, g * x * ctx.factor

    class Two(t.autograd.Function):
        materialize = True

        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(Two.materialize)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, k):
            seen.append((g, k))
            return (0 if g is None else g * 2) + (0 if k is None else k * 3)

    class Product(t.autograd.Function):
        @staticmethod
        def forward(x, y):
            return x * y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y, g * x

    class Doubled(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    class Sorted(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y, order = x.sort()
            ctx.mark_non_differentiable(order)
            ctx.save_for_backward(order)
            return y, order

        @staticmethod
        def backward(ctx, g, g_order):
            seen.append(g_order)
            return t.zeros_like(g).scatter(-1, ctx.saved_tensors[0], g)

    class Once(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @t.autograd.function.once_differentiable
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    class Bad(t.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return Bad.result(g)

    class Same(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 7

    class NoBackward(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    return {name: value for name, value in locals().items() if name != "t"}


# ------------------------------------------------------------------------------------------------
# Errors
# ------------------------------------------------------------------------------------------------

LEAF = "a leaf Variable that requires grad is being used in an in-place operation"
PIECES = "This view is the output of a function that returns multiple views"
OVERLAP = "more than one element of the written-to tensor refers to a single memory location"

ERRORS = [
    ("a += 2", LEAF),
    ("a.zero_()", LEAF),
    ("a[0] = 1", "a view of a leaf Variable that requires grad"),
    ("x, y = h.unbind(); x.add_(1)", f"Output 0 of Unbind.*{PIECES}"),
    ("x, y = h.split(1); y.mul_(2)", f"Output 1 of Split.*{PIECES}"),
    ("x, y = h.split([1, 2], 1); y[:, 0] = 1", PIECES),
    ("x = [r for r in h]; x[1].zero_()", PIECES),
    ("x = torch.zeros(3).expand(2, 3); x.add_(1)", OVERLAP),
    ("x = torch.zeros(3).expand(2, 3); x[:] = torch.ones(2, 3)", OVERLAP),
    ("x = torch.zeros(3).expand(2, 3); x.uniform_()", OVERLAP),
    ("y = h.exp(); y.add_(1); y.sum().backward()", "modified by an inplace operation"),
    ("y = h * h; h.add_(1); y.sum().backward()", "modified by an inplace operation"),
    ("a.expand(2, 2)", r"The expanded size of the tensor \(2\) must match the existing size \(3\) "
     r"at non-singleton dimension 1.  Target sizes: \[2, 2\].  Tensor sizes: \[2, 3\]"),
    ("x = torch.zeros(3, 3); x[0] = torch.ones(2)", r"The expanded size of the tensor \(3\)"),
    ("x = torch.zeros(3); x[mask[0]] = torch.ones(3)", "shape mismatch: value tensor of shape"),
    ("torch.mm(a, v)", "mat2 must be a matrix"),
    ("torch.addmm(v, v, M)", "mat1 must be a matrix"),
    ("torch.dot(a, a)", "1D tensors expected, but got 2D and 2D tensors"),
    ("torch.norm(n)", "Expected a floating point or complex tensor as input. Got Long"),
    ("torch.std(n)", "std and var only support floating point"),
    ("torch.std_mean(n)", "std_mean only support floating point"),
    ("2 @ P", r"unsupported operand type\(s\) for @: 'int' and 'Tensor'"),
    ("P @ 2", r"unsupported operand type\(s\) for @: 'Tensor' and 'int'"),
    ("torch.cumprod(a)", "cumprod.. missing 1 required positional arguments: .dim."),
    ("a.softmax()", "softmax.. missing 1 required positional arguments: .dim."),
    ("a.logsumexp()", "logsumexp.. missing 1 required positional arguments: .dim."),
    ("torch.bincount(torch.tensor([1.]))", "not implemented for 'Float'"),
    ("torch.finfo(torch.int32)", "requires a floating point input type"),
    ("torch.iinfo(torch.float32)", "requires an integer input type"),
    ("torch.tensor([1, 'a'])", "invalid data type 'str'"),
    ("torch.range(1, 3, -1)", "upper bound and lower bound inconsistent with step sign"),
    ("torch.range(1, 3, 0)", "step must be nonzero"),
    ("torch.zeros(3).index_add_(0, torch.tensor([5]), torch.ones(1))", "out of (range|bounds)"),
    ("torch.zeros(3).scatter_(0, torch.tensor([5]), 1.)", "out of bounds for dimension 0"),
    ("torch.zeros(3).scatter_(0, torch.tensor([0]), torch.ones(1).double())",
     r"Expected self.dtype to be equal to src.dtype"),
    ("torch.zeros(2).fill_(torch.ones(2))", "only supports 0-dimension value tensor"),
    ("torch.zeros(2).masked_fill(mask[0, :2], n)", "only supports a 0-dimensional value tensor"),
    ("torch.ones(2, 3).index_select(0, torch.tensor([[0]]))", "Index is supposed to be a vector"),
    ("torch.clamp(a)", "At least one of 'min' or 'max' must not be None"),
    ("torch.einsum('ij,jk->ik', a)", "fewer operands were provided than specified"),
    ("a.prod((0, 1))", ""),
    ("a.unflatten(1, (2, 2))", "don't multiply up to the size of dim 1"),
    ("torch.broadcast_shapes((2,), (3,))", r"ismatching argument at index 1 had \(3,\); "
     r"but expected shape should be broadcastable to \[2\]"),
    ("y = Exp.apply(a).sum(); y.backward(); y.backward()", "backward through the graph a second"),
    ("y = Exp.apply(a); y.add_(1); y.sum().backward()", "modified by an inplace operation"),
    ("Doubled.apply(a)", "a leaf Variable that requires grad has been used in an in-place"),
    ("Bad.result = lambda g: g; Bad.apply(a, b).sum().backward()",
     r"returned an incorrect number of gradients \(expected 2, got 1\)"),
    ("Bad.result = lambda g: (g, g, g); Bad.apply(a, b).sum().backward()",
     r"returned an incorrect number of gradients \(expected 2, got 3\)"),
    ("Bad.result = lambda g: (g.sum(1), g); Bad.apply(a, b).sum().backward()",
     r"returned an invalid gradient at index 0 - got \[2\] but expected shape compatible with"),
    ("Bad.result = lambda g: (g, 1); Bad.apply(a, b).sum().backward()", "expected Variable or None"),
    ("Bad.result = lambda g: (g, g); Bad.apply(a, 2.).sum().backward()",
     "returned a gradient different than None at position 2"),
    ("NoBackward.apply(a).sum().backward()", "must implement either the backward or vjp method"),
    ("torch.autograd.Function.apply(a)", "must implement the forward function"),
    ("Exp()(a)", "Legacy autograd function"),
    ("g = a.detach().clone().requires_grad_(); y = Once.apply(a); "
     "torch.autograd.grad((y * g).sum(), a, create_graph=True)[0].sum().backward()",
     "differentiate twice a function that was marked with @once_differentiable"),
]  # fmt: skip


def error(scene: str, t: Any) -> tuple[str, str]:
    """The class and the text of what a scene raises."""
    known = {**names(t), **functions(t)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for statement in scene.split("; "):
                exec(statement, known)
        except Exception as raised:
            return type(raised).__name__, str(raised)
    return "nothing", ""


def main() -> None:
    """Play all scenes with PyTorch, and write what they show."""
    import torch
    import torch.autograd.function

    errors = {}
    for scene, pattern in ERRORS:
        kind, message = error(scene, torch)
        if kind == "nothing" or not re.search(pattern, message):
            raise SystemExit(f"{scene}: {kind}: {pattern!r} is not in {message}")
        errors[scene] = kind
    shown = {scene: play(scene, torch) for scene in scenes()}
    golden = {"torch": torch.__version__, "errors": errors, "scenes": shown}
    TARGET.write_text(json.dumps(golden, indent=0) + "\n", encoding="utf-8")
    print(f"{len(shown)} scenes and {len(errors)} errors from torch {torch.__version__}")


if __name__ == "__main__":
    main()
