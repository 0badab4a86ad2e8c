"""Expressions as NumPy says them: each a function of arrays that were computed before.

Values are a list, in which each expression has its place. `rows` is how many rows there are where
the recording had the size of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .simplified import Expression
from .traced import index_from

ndarray = np.ndarray
Function = Callable[..., Any]  # of (rows, *operands)
Listing = list[tuple[int, Function, tuple[int, ...]]]  # places: of the result, of the operands

FUNCTIONS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        "add", "subtract", "multiply", "divide", "negative", "exp", "tanh", "maximum", "minimum",
        "less_equal", "less", "greater", "greater_equal", "sqrt", "log", "absolute", "square",
        "where", "log1p", "sin", "cos", "logical_and", "logical_not", "equal",
    )
}  # fmt: skip
FUNCTIONS["sigmoid"] = lambda x: 1 / (1 + np.exp(-x))
FUNCTIONS["sigmoid_gradient"] = lambda g, y: (1 - y) * y * g
FUNCTIONS["tanh_gradient"] = lambda g, y: (1 - y * y) * g


def listed(expressions: Sequence[Expression], place: dict[int, int], batch: int) -> Listing:
    """What `compute` runs; `place` has the place of each expression, by its id."""
    return [
        (place[id(e)], function_of(e, batch), tuple([place[id(i)] for i in e.inputs]))
        for e in expressions
    ]


def compute(listing: Listing, values: list[Any], rows: int) -> None:
    """Compute expressions, into their places among the `values`."""
    for place, function, operands in listing:
        values[place] = function(rows, *[values[k] for k in operands])


def function_of(e: Expression, batch: int) -> Function:
    """How to compute an expression from its operands."""
    if e.op in FUNCTIONS:
        return _entrywise(e, batch)
    function = MAKERS[e.op](e, _shape_of(e, batch))
    short = {
        k: (_shape_of(i, batch), i.dtype)
        for k, i in enumerate(e.inputs)
        if i.op == "constant" and i.value.shape != i.shape
    }
    if not short or e.op == "concatenate":
        return function

    def with_whole_constants(rows: int, *operands: Any) -> Any:
        whole = list(operands)
        for k, (shape_of, dtype) in short.items():
            whole[k] = np.broadcast_to(np.asarray(whole[k], dtype), shape_of(rows))
        return function(rows, *whole)

    return with_whole_constants


def _shape_of(e: Expression, batch: int) -> Callable[[int], tuple[int, ...]]:
    shape = e.shape
    if batch not in shape:
        return lambda rows: shape
    return lambda rows: tuple([rows if n == batch else n for n in shape])


def _entrywise(e: Expression, batch: int) -> Function:
    function, dtype = FUNCTIONS[e.op], e.dtype
    if any([i.shape == e.shape and i.dtype == dtype and i.op != "constant" for i in e.inputs]):
        return lambda rows, *operands: function(*operands)
    shape_of = _shape_of(e, batch)

    def whole(rows: int, *operands: Any) -> Any:
        result, shape = np.asarray(function(*operands), dtype), shape_of(rows)
        return result if result.shape == shape else np.broadcast_to(result, shape)

    return whole


def _place(e: Expression, shape_of: Any) -> Function:
    index, dtype = index_from(e.options[1]), e.dtype

    def placed(rows: int, x: Any) -> Any:
        result = np.zeros(shape_of(rows), dtype)
        result[index] = x
        return result

    return placed


def _concatenate(e: Expression, shape_of: Any) -> Function:
    (axis,) = e.options
    widths = [i.shape[axis] for i in e.inputs]

    def joined(rows: int, *parts: Any) -> Any:
        shape = list(shape_of(rows))
        result, at = np.empty(shape, e.dtype), 0
        along: list[Any] = [slice(None)] * len(shape)
        for part, width in zip(parts, widths):
            along[axis] = slice(at, at + width)
            result[tuple(along)] = part
            at += width
        return result

    return joined


def _transpose(e: Expression, shape_of: Any) -> Function:
    (order,) = e.options
    return lambda rows, x: x.transpose(order)


def _reduce(function: Any) -> Any:
    def maker(e: Expression, shape_of: Any) -> Function:
        axes, keepdims = e.options
        return lambda rows, x: function(x, axes, None, None, keepdims)

    return maker


def product_of(rows: int, a: ndarray, b: ndarray) -> ndarray:
    """The product of two matrices: the kernel's own, which is faster than NumPy's."""
    kernels = _kernels.kernels_for(a.dtype)
    result = None if kernels is None else kernels.product.matmul(a, b)
    return np.matmul(a, b) if result is None else result


def product_and_sum(rows: int, a: ndarray, b: ndarray, bias: ndarray) -> ndarray:
    """a @ b + bias, of a bias (columns,)."""
    kernels = _kernels.kernels_for(a.dtype)
    result = None if kernels is None else kernels.product.linear(a, b.T, bias)
    return np.matmul(a, b) + bias if result is None else result


def _index(e: Expression, shape_of: Any) -> Function:
    index = index_from(e.options)
    return lambda rows, x: x[index]


MAKERS: dict[str, Callable[[Expression, Any], Function]] = {
    "matmul": lambda e, shape_of: product_of,
    "affine": lambda e, shape_of: product_and_sum,
    "slice": _index,
    "place": _place,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "copy": lambda e, shape_of: lambda rows, x: x,
    "reshape": lambda e, shape_of: lambda rows, x: x.reshape(shape_of(rows)),
    "broadcast": lambda e, shape_of: lambda rows, x: np.broadcast_to(x, shape_of(rows)),
    "cast": lambda e, shape_of: lambda rows, x: x.astype(e.options[0]),
    "add.reduce": _reduce(np.add.reduce),
    "maximum.reduce": _reduce(np.maximum.reduce),
}
