"""Expressions as NumPy says them: each a function of arrays that were computed before.

Values are a list, in which each expression has its place. `rows` is how many rows there are where
the recording had the size of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _kernels
from ..arrays.sums import total
from ..ops.index import placed
from .simplified import Expression, is_entrywise
from .traced import filled, index_from, with_arrays

ndarray = np.ndarray
Function = Callable[..., Any]  # of (rows, *operands)
Listing = list[tuple[int, Function, tuple[int, ...]]]  # places: of the result, of the operands

FUNCTIONS: dict[str, Any] = {
    "where": np.where,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sigmoid_gradient": lambda g, y: (1 - y) * y * g,
    "tanh_gradient": lambda g, y: (1 - y * y) * g,
}


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
    if is_entrywise(e.op):
        return _entrywise(e, batch)
    first, _, last = e.op.partition(".")
    maker: Any = MAKERS.get(e.op) or MAKERS.get("np.*" if first == "np" else f"*.{last}")
    function = _call(e, batch) if e.op == "call" else maker(e, _shape_of(e, batch))
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
    if not any([n and n % batch == 0 for n in shape]):
        return lambda rows: shape
    return lambda rows: tuple([n // batch * rows if n and n % batch == 0 else n for n in shape])


def _entrywise(e: Expression, batch: int) -> Function:
    function, dtype = FUNCTIONS.get(e.op) or getattr(np, e.op), e.dtype
    if any([i.shape == e.shape and i.dtype == dtype and i.op != "constant" for i in e.inputs]):
        return lambda rows, *operands: function(*operands)
    shape_of = _shape_of(e, batch)

    def whole(rows: int, *operands: Any) -> Any:  # (numbers may stand for whole operands)
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


def _add_at(e: Expression, shape_of: Any) -> Function:
    index = index_from(e.options[1])
    return lambda rows, x, *arrays: placed(x, shape_of(rows), with_arrays(index, arrays)).dense()


def _put(e: Expression, shape_of: Any) -> Function:
    index = index_from(e.options)

    def put(rows: int, x: Any, value: Any) -> Any:
        result = np.array(x)
        result[index] = value
        return result

    return put


def _put_at(e: Expression, shape_of: Any) -> Function:
    index = index_from(e.options[0])

    def put(rows: int, x: Any, value: Any, *arrays: Any) -> Any:
        result = np.array(x)
        result[with_arrays(index, arrays)] = value
        return result

    return put


def _call(e: Expression, batch: int) -> Function:
    """A function that is one instruction, with its arguments."""
    call, template = e.options
    function = call.function

    def called(rows: int, *arrays: Any) -> Any:
        sized = [_with_rows(a, batch, rows) for a in template]
        return function(*filled(sized, arrays))

    return called


def _with_rows(argument: Any, batch: int, rows: int) -> Any:
    """An argument; a shape that has the size of the batch, with that of this run."""
    if type(argument) is not tuple:
        return argument
    return tuple([n // batch * rows if type(n) is int and n and n % batch == 0 else n
                  for n in argument])  # fmt: skip


def _look(e: Expression, shape_of: Any) -> Function:
    index = index_from(e.options)
    return lambda rows, x, *arrays: x[with_arrays(index, arrays)]


def _of_keywords(e: Expression, shape_of: Any) -> Function:
    """A function such as np.sort, of arrays and options by name."""
    function: Any = np
    for part in e.op.split(".")[1:]:
        function = getattr(function, part)
    names, options = e.options
    return lambda rows, *arrays: function(**dict(zip(names, arrays)), **dict(options))


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


def _reduce(e: Expression, shape_of: Any) -> Function:
    name = e.op.partition(".")[0]
    axes, keepdims = e.options
    if name == "add" and e.dtype == e.inputs[0].dtype and e.dtype.kind == "f":
        return lambda rows, x: total(x, axes, keepdims)
    function = getattr(np, name).reduce
    return lambda rows, x: function(x, axes, None, None, keepdims)


def _accumulate(e: Expression, shape_of: Any) -> Function:
    function, (axis,) = getattr(np, e.op.partition(".")[0]).accumulate, e.options
    return lambda rows, x: function(x, axis)


def product_of(rows: int, a: ndarray, b: ndarray) -> ndarray:
    """The product of two matrices: the kernel's own, which is faster than NumPy's."""
    kernels = _kernels.kernels_for(a.dtype)
    result = None if kernels is None else kernels.product.matmul(a, b)
    return np.matmul(a, b) if result is None else result


def product_and_sum(rows: int, a: ndarray, b: ndarray, bias: ndarray) -> ndarray:
    """a @ b + bias, of a bias (columns,)."""
    kernels = _kernels.kernels_for(a.dtype)
    result = None if kernels is None else kernels.product.linear(a, b.T, bias)
    if result is None:
        result = np.matmul(a, b)
        result += bias
    return result


MAKERS: dict[str, Callable[[Expression, Any], Function]] = {
    "matmul": lambda e, shape_of: product_of,
    "affine": lambda e, shape_of: product_and_sum,
    "slice": _look,
    "index": _look,
    "place": _place,
    "add_at": _add_at,
    "put": _put,
    "put_at": _put_at,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "copy": lambda e, shape_of: lambda rows, x: x,
    "reshape": lambda e, shape_of: lambda rows, x: x.reshape(shape_of(rows)),
    "broadcast": lambda e, shape_of: lambda rows, x: np.broadcast_to(x, shape_of(rows)),
    "cast": lambda e, shape_of: lambda rows, x: x.astype(e.options[0]),
    "*.reduce": _reduce,
    "*.accumulate": _accumulate,
    "np.*": _of_keywords,
}
