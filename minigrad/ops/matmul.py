"""Products of matrices and vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..arrays import dtypes
from ..arrays.recording import records
from ..arrays.sums import FEW, total_of_products
from ..arrays.sums import dot as dot_of
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of
from .layout import rows
from .makers import broadcast_error, no_slope
from .reduce import restored
from .shape import (
    expands_to,
    fresh_view,
    reshape,
    squeeze,
    sum_to,
    transpose,
    unbroadcast,
    unsqueeze,
)
from .values import factor

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


def _mT(x: Any) -> Any:
    return transpose(x, -2, -1)


def _multiply(a: np.ndarray, b: np.ndarray) -> Any:
    """``np.matmul(a, b)``, by the kernel where that is faster."""
    for x in (a, b):
        if type(x) is not ndarray and records(x) and hasattr(x, "note_kernel"):
            return x.note_kernel("matmul", _multiply, (a, b))
    kernels = _kernels.kernels_for(a.dtype)
    product = None if kernels is None else kernels.product.matmul(a, b)
    return np.matmul(a, b) if product is None else product


def _product(name: str) -> Any:
    return primitive(name, lambda a, b: _multiply(a, b),
                     a=lambda g, b, a_shape: unbroadcast(matmul(g, _mT(b)), a_shape),
                     b=lambda g, a, b_shape: unbroadcast(matmul(_mT(a), g), b_shape))  # fmt: skip


_mm, _bmm, _einsum_mm = _product("mm"), _product("bmm"), _product("einsum")
_mv, _einsum_mv = [
    primitive(name, lambda a, b: _multiply(a, b),
              a=lambda g, b: outer(g, b),
              b=lambda g, a: matmul(_mT(a), g))
    for name in ("mv", "einsum")
]  # fmt: skip
_einsum_vm = primitive("einsum", lambda a, b: _multiply(a, b),
                       a=lambda g, b: matmul(b, g),
                       b=lambda g, a: outer(a, g))  # fmt: skip
_dot = primitive("dot", lambda a, b: dot_of(a, b),
                 a=lambda g, b: g * b,
                 b=lambda g, a: g * a)  # fmt: skip
_einsum_dot = primitive("einsum", lambda a, b, axes: _dots(a, b, axes), layout=rows,
                        a=lambda g, b, axes: restored(g, b.shape, axes) * b,
                        b=lambda g, a, axes: restored(g, a.shape, axes) * a)  # fmt: skip


def matmul(input: Any, other: Any) -> Tensor:
    """The product of two matrices, of a matrix and a vector, of vectors, or of stacks of matrices.

    Shapes: ``(..., n, k) @ (..., k, m)`` gives ``(..., n, m)``; the leading axes are broadcast. A
    1-D argument is a row on the left, a column on the right, and its axis disappears.

    Raises
    ------
    RuntimeError
        The inner sizes differ, an argument is 0-d, or the types differ.
    """
    x, y = array_of(input), array_of(other)
    _check_product(x, y)
    if x.ndim == y.ndim == 2:
        return _mm(input, other)
    if x.ndim <= 2 and y.ndim == 1:
        return _dot(input, other) if x.ndim == 1 else _mv(input, other)
    if x.ndim == 1:
        return squeeze(matmul(unsqueeze(input, 0), other), -2)
    if y.ndim <= 2:  # fold the leading axes into the rows: one big product instead of many
        product = matmul(reshape(input, (math.prod(x.shape[:-1]), x.shape[-1])), other)
        return fresh_view(product, x.shape[:-1] + y.shape[1:])
    try:
        product = _bmm(input, other)
    except ValueError as error:
        stack_x, stack_y = [np.broadcast_to(0, z.shape[:-2]) for z in (x, y)]
        raise broadcast_error(stack_x, stack_y, error) from None
    return fresh_view(product, array_of(product).shape)


def _check_product(x: np.ndarray, y: np.ndarray) -> None:
    if not x.ndim or not y.ndim:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0] and x.dtype == y.dtype:
        raise RuntimeError(_inner_sizes(x.shape, y.shape))
    _check_types(x, y)


def _check_types(x: np.ndarray, y: np.ndarray) -> None:
    if x.dtype is not y.dtype and x.dtype != y.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_c_name(x.dtype)} != "
            f"{_c_name(y.dtype)}"
        )
    if x.dtype.kind == "b":
        raise NotImplementedError(
            "\"matmul\" not implemented for 'Bool'; use x.float() or x.long()"
        )


def _c_name(kind: np.dtype) -> str:
    names = {"float32": "float", "float64": "double", "int64": "long", "int32": "int"}
    return names.get(kind.name, kind.name)


def _inner_sizes(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if len(a) == 1 and len(b) == 1:
        return (
            f"inconsistent tensor size, expected tensor {list(a)} and src {list(b)} to have the "
            f"same number of elements, but got {a[0]} and {b[0]} elements respectively"
        )
    if len(a) <= 2 or len(b) <= 2:
        rows = (1 if len(a) == 1 else int(np.prod(a[:-1])), a[-1])
        columns = b if len(b) == 2 else (b[-2] if len(b) > 1 else b[0], b[-1] if len(b) > 1 else 1)
        left, right = f"{rows[0]}x{rows[1]}", f"{columns[0]}x{columns[1]}"
        return f"mat1 and mat2 shapes cannot be multiplied ({left} and {right})"
    return (
        f"Expected size for first two dimensions of batch2 tensor to be: [{a[0]}, {a[-1]}] but "
        f"got: [{b[0]}, {b[-2]}]. (shapes {list(a)} and {list(b)})"
    )


def _check_ranks(name: str, ranks: tuple[int, int], x: np.ndarray, y: np.ndarray) -> None:
    if (x.ndim, y.ndim) != ranks:
        if name == "mv" and not x.ndim:
            raise IndexError("mv: Dimension specified as 0 but tensor has no dimensions")
        if name == "dot":
            raise RuntimeError(f"1D tensors expected, but got {x.ndim}D and {y.ndim}D tensors")
        if ranks == (2, 2) and 2 in (x.ndim, y.ndim):
            wrong = "mat2" if x.ndim == 2 else "self" if name == "mm" else "mat1"
            raise RuntimeError(
                f"{wrong} must be a matrix, but has shape "
                f"{list(y.shape if x.ndim == 2 else x.shape)} in {name}"
            )
        raise RuntimeError(
            f"{name}: expected a {ranks[0]}D and a {ranks[1]}D tensor, but got shapes "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    if ranks == (3, 3) and x.shape[0] != y.shape[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{x.shape[0]}, "
            f"{x.shape[2]}] but got: [{y.shape[0]}, {y.shape[1]}]."
        )


def _ranked(name: str, ranks: tuple[int, int], op: Any) -> Any:
    """`matmul` restricted to arguments with these numbers of axes."""

    def call(input: Any, mat2: Any) -> Any:
        x, y = array_of(input), array_of(mat2)
        _check_ranks(name, ranks, x, y)
        _check_product(x, y)
        return op(input, mat2)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`matmul` of a {ranks[0]}-D and a {ranks[1]}-D tensor."
    return call


mm, mv, dot, bmm = (
    _ranked("mm", (2, 2), _mm),
    _ranked("mv", (2, 1), _mv),
    _ranked("dot", (1, 1), _dot),
    _ranked("bmm", (3, 3), _bmm),
)


_outer = primitive("mul.outer", lambda a, b: a[:, None] * b,
                   a=lambda g, b: matmul(g, b),
                   b=lambda g, a: matmul(a, g))  # fmt: skip


def outer(input: Any, vec2: Any) -> Tensor:
    """``out[i, j] = input[i] * vec2[j]``."""
    for name, tensor in (("self", input), ("vec2", vec2)):
        if array_of(tensor).ndim != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {name}, but got {array_of(tensor).ndim}-D: "
                f"shape {list(array_of(tensor).shape)}"
            )
    if array_of(input).dtype is array_of(vec2).dtype:
        return _outer(input, vec2)
    return unsqueeze(input, 1) * unsqueeze(vec2, 0)


# ------------------------------------------------------------------------------------------------
# The products that an einsum is made of
# ------------------------------------------------------------------------------------------------


def product_of_matrices(a: Any, b: Any) -> Any:
    """The product of equal stacks of matrices, of matrices, or of a matrix and a vector."""
    x, y = array_of(a), array_of(b)
    _check_product(x, y)
    op = _einsum_vm if x.ndim == 1 else _einsum_mv if y.ndim == 1 else _einsum_mm
    return op(a, b)


def sum_of_products(a: Any, b: Any, axes: tuple[int, ...]) -> Any:
    """The products of the entries of two tensors of one shape, summed along some axes."""
    _check_types(array_of(a), array_of(b))
    return _einsum_dot(a, b, axes)


def _dots(a: np.ndarray, b: np.ndarray, axes: tuple[int, ...]) -> Any:
    if len(axes) == a.ndim and a.flags.c_contiguous and b.flags.c_contiguous:
        return dot_of(a.reshape(-1), b.reshape(-1))
    if a.size <= FEW and axes == (a.ndim - 1,) and a.itemsize != 2:
        return np.vecdot(a, b)
    return total_of_products(a, b, axes)


# ------------------------------------------------------------------------------------------------
# Sums with a product
# ------------------------------------------------------------------------------------------------


def _scaled(x: Any, factor: float) -> Any:
    return x if factor == 1 else x * factor


def _sum_with_product(x: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
    product = _scaled(_multiply(a, b), alpha)
    return _scaled(x, beta) + product if beta else product  # with beta = 0 a NaN in x is not seen


def _plus_product(name: str) -> Any:
    return primitive(
        name, _sum_with_product,
        x=lambda g, x_shape, beta: unbroadcast(_scaled(g, beta) if beta else no_slope(g), x_shape),
        a=lambda g, b, alpha: _scaled(matmul(g, _mT(b)), alpha),
        b=lambda g, a, alpha: _scaled(matmul(_mT(a), g), alpha))  # fmt: skip


_addmm, _baddbmm = _plus_product("addmm"), _plus_product("baddbmm")


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * (mat1 @ mat2)``; with ``beta=0``, `input` is not looked at."""
    return _added(_addmm, input, mat1, mat2, beta, alpha, 2)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * (batch1 @ batch2)`` for stacks of matrices."""
    return _added(_baddbmm, input, batch1, batch2, beta, alpha, 3)


def _added(op: Any, input: Any, a: Any, b: Any, beta: float, alpha: float, rank: int) -> Any:
    """Call `op` after the checks that `mm` or `bmm` makes, and one that `input` fits."""
    x, y = array_of(a), array_of(b)
    _check_ranks(op.__name__, (rank, rank), x, y)
    if array_of(input).dtype != x.dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got "
            f"{dtypes.legacy_name(array_of(input).dtype)} and {dtypes.legacy_name(x.dtype)}"
        )
    _check_product(x, y)
    shape = (*x.shape[:-1], y.shape[-1])
    if not expands_to(array_of(input).shape, shape):
        raise RuntimeError(
            f"The expanded size of the tensor must match the existing size: {op.__name__} cannot "
            f"expand input of shape {list(array_of(input).shape)} to {list(shape)}"
        )
    beta = factor(beta, x.dtype, op.__name__, "beta")
    alpha = factor(alpha, x.dtype, op.__name__, "alpha")
    return op(input, a, b, beta, alpha)


# ------------------------------------------------------------------------------------------------
# linear: x W^T + b in one node
# ------------------------------------------------------------------------------------------------


def _rows(x: Any) -> Any:
    """`x` as a matrix: all axes but the last folded into one."""
    shape = array_of(x).shape
    return x if len(shape) == 2 else reshape(x, (math.prod(shape[:-1]), shape[-1]))


def _affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Any:
    if type(x) is not ndarray and records(x) and hasattr(x, "note_kernel"):
        return x.note_kernel("linear", _affine, (x, weight, bias))
    kernels = _kernels.kernels_for(x.dtype)
    y = None if kernels is None else kernels.product.linear(x, weight, bias)
    if y is None:
        y = np.matmul(_rows(x), weight.T)
        y += bias
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], len(weight))


_linear_without_bias = primitive("mm", lambda x, weight: _multiply(x, weight.T),
                                 x=lambda g, weight: matmul(g, weight),
                                 weight=lambda g, x: matmul(_mT(g), x))  # fmt: skip
_linear, _linear_of_rows = [
    primitive(name, _affine,
              x=lambda g, weight: matmul(g, weight),
              weight=lambda g, x: matmul(_mT(_rows(g)), _rows(x)),
              bias=lambda g, bias_shape: sum_to(g, bias_shape))
    for name in ("addmm", "addmm.of_rows")
]  # fmt: skip


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """``input @ weight.T + bias``.

    Parameters
    ----------
    input : Tensor, shape (..., in_features)
    weight : Tensor, shape (out_features, in_features)
    bias : Tensor, shape (out_features,), optional

    Returns
    -------
    Tensor, shape (..., out_features)

    Raises
    ------
    RuntimeError
        The last axis of `input` is not in_features, or the types differ.
    """
    x, w = array_of(input), array_of(weight)
    if x.dtype is not w.dtype and x.dtype != w.dtype:
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {dtypes.legacy_name(x.dtype)} and "
            f"{dtypes.legacy_name(w.dtype)}"
            + ("" if x.dtype.kind == "f" else "; use x.float() for the input x of a Linear layer")
        )
    if not x.ndim or x.shape[-1] != w.shape[1]:
        raise RuntimeError(
            f"linear: {_inner_sizes(x.shape, w.shape[::-1]) if x.ndim else 'input is 0-D'}; input "
            f"has shape {list(x.shape)}, its last axis must be in_features={w.shape[1]}"
        )
    if bias is not None and x.ndim > 1:
        return (_linear if x.ndim == 2 else _linear_of_rows)(input, weight, bias)
    if x.ndim == 2 and w.ndim == 2:
        return _linear_without_bias(input, weight)
    rows = _rows(input) if x.ndim != 1 else reshape(input, (1, -1) if x.size else (1, 0))
    y = matmul(rows, transpose(weight, 0, 1)) if bias is None else _linear(rows, weight, bias)
    return y if x.ndim == 2 else reshape(y, (*x.shape[:-1], w.shape[0]))
