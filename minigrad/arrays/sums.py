"""Sums of many numbers, accurate along every axis.

One after the other, the error of adding n numbers grows with n: a long total has no room for the
last digits of what is added to it, and 2^24 ones in float32 stay 2^24 whatever follows. Added in
blocks, and the sums of blocks in blocks again, no number passes through more than a few blocks'
worth of additions, and the error grows with log n.

NumPy does that (in pairs) along the axis whose entries are neighbours in memory, and adds one after
the other along all others. So everything here that sums goes through `total`, which cuts a long
axis of that kind into blocks, and float16 is summed in float32. Rows of float32 and float64 have a
kernel (`_kernels/sums.pyx`), which adds in blocks, too, and without NumPy's cost of a call.
"""

from __future__ import annotations

import functools
import math
import string
from typing import Any

import numpy as np

from .. import _kernels

ndarray = np.ndarray
Axes = tuple[int, ...] | int | None

# A size up to which nothing can go wrong enough to look at the axes.
FEW = 1024
# How many numbers are added one after the other; as rows, if their sums are too long for the cache.
BLOCK, BLOCK_OF_ROWS = 64, 256
# How many entries at least (neighbours in memory) are added to as many others at a time: enough for
# the loop over them to cost nothing, few enough to stay in the cache.
RUN = 1024
# How many products are added one after the other.
PRODUCTS = 1024

_add: Any = np.add.reduce


def total(x: Any, axes: Axes = None, keepdims: bool = False) -> Any:
    """The sum along `axes`, counted from the front, or of all entries, in the type of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.full((2**22, 2), 0.1, np.float32)
    >>> bool(abs(total(x, 0)[0] / 2**22 - 0.1) < 1e-6)
    True
    >>> bool(abs(np.add.reduce(x, axis=0)[0] / 2**22 - 0.1) < 1e-4)
    False
    """
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is not None:
        sums = kernels.sums.reduced("sum", x, axes, keepdims)
        if sums is not None:
            return sums
    if x.size <= FEW and x.itemsize != 2:
        return _add(x, axes, x.dtype, None, keepdims)
    return _total_of_many(x, axes, keepdims)


def _total_of_many(x: Any, axes: Axes, keepdims: bool) -> Any:
    if x.dtype == np.float16:
        return total(wide(x), axes, keepdims).astype(x.dtype)
    if isinstance(axes, int):
        axes = (axes,)
    # what NumPy does well: few entries, a whole piece of memory, the last axis of one
    if (
        x.dtype.kind != "f"
        or (axes is not None and math.prod([x.shape[k] for k in axes]) <= 2 * BLOCK_OF_ROWS)
        or (x.flags.c_contiguous and (axes is None or axes == (x.ndim - 1,)))
    ):
        return _add(x, axes, x.dtype, None, keepdims)
    axes = tuple(range(x.ndim)) if axes is None else axes
    # the axes in the order in which they lie in memory: neighbours along the last one
    order = sorted(range(x.ndim), key=lambda k: -abs(x.strides[k]))
    lying, summed = x.transpose(order), sorted([order.index(k) for k in axes])
    first, last = summed[0], summed[-1]
    if lying.flags.c_contiguous and len(summed) == last - first + 1:  # as one axis
        lying = lying.reshape(*lying.shape[:first], -1, *lying.shape[last + 1 :])
        summed = [first]
    for axis in reversed(summed):
        lying = _total_along(lying, axis)
    kept = [1 if k in axes else x.shape[k] for k in order]
    result = lying.reshape(kept).transpose([order.index(k) for k in range(x.ndim)])
    return result if keepdims else result.squeeze(axes)


def _total_along(x: ndarray, axis: int) -> ndarray:
    """The sum along one axis, which becomes 1 long; of axes in the order of memory."""
    n, width = x.shape[axis], math.prod(x.shape[axis + 1 :])
    block = BLOCK if 2 * width < RUN else BLOCK_OF_ROWS
    if n <= 2 * block or _adds_in_pairs(x, axis):
        return _add(x, axis, None, None, True)
    # groups of so many runs, a run being as many numbers as are added to the next run at a time
    groups = min(max(1, n * width // (block * RUN)), n // block)
    run = n // (groups * block)
    cut = groups * block * run
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    blocks = _part(x, axis, slice(cut)).reshape(*before, groups, block, run, *after)
    sums = _add(blocks, axis + 1).reshape(*before, groups * run, *after)
    result = _total_along(sums, axis)
    if cut < n:
        result += _total_along(_part(x, axis, slice(cut, None)), axis)
    return result


def _adds_in_pairs(x: ndarray, axis: int) -> bool:
    """Whether NumPy is sure to run along this axis in its innermost loop."""
    nearest = abs(x.strides[axis])
    others = [abs(s) for k, (n, s) in enumerate(zip(x.shape, x.strides)) if n > 1 and k != axis]
    return nearest > 0 and all([s > nearest for s in others])


def _part(x: ndarray, axis: int, where: slice) -> ndarray:
    return x[(slice(None),) * axis + (where,)]


# ------------------------------------------------------------------------------------------------
# float16
# ------------------------------------------------------------------------------------------------


def wide(x: Any) -> Any:
    """`x`, float16 as float32: what sums are made in."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def in_wide(function: Any) -> Any:
    """`function` of an array and options; of a float16 array, computed in float32 throughout."""

    @functools.wraps(function)
    def call(x: Any, *options: Any) -> Any:
        if x.itemsize != 2:
            return function(x, *options)
        return function(wide(x), *options).astype(x.dtype)

    return call


# ------------------------------------------------------------------------------------------------
# Sums of products, sums at places, running sums
# ------------------------------------------------------------------------------------------------


def total_of_products(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    """``total(x * y, axes)`` of arrays of one shape, without the products in memory."""
    letters = string.ascii_lowercase[: x.ndim]
    kept = "".join([letter for k, letter in enumerate(letters) if k not in axes])
    count = math.prod([x.shape[k] for k in axes])
    if x.dtype == np.float16:
        return total_of_products(wide(x), wide(y), axes).astype(x.dtype)
    if count <= PRODUCTS:
        return np.einsum(f"{letters},{letters}->{kept}", x, y)
    # the longest axis in pieces, which are one more axis of the result, to be summed afterwards
    longest = max(axes, key=lambda k: x.shape[k])
    n = x.shape[longest]
    size = max(1, PRODUCTS * n // count)
    cut = n // size * size
    shape = (*x.shape[:longest], cut // size, size, *x.shape[longest + 1 :])
    bodies = [_part(v, longest, slice(cut)).reshape(shape) for v in (x, y)]
    term = letters.replace(letters[longest], "Z" + letters[longest])
    result = total(np.einsum(f"{term},{term}->Z{kept}", *bodies), 0)
    if cut < n:
        rest_x, rest_y = [_part(v, longest, slice(cut, None)) for v in (x, y)]
        result = result + total_of_products(rest_x, rest_y, axes)
    return result


def dot(a: ndarray, b: ndarray) -> Any:
    """The product of two vectors: of pieces of them, whose products go to `total`."""
    if a.size <= PRODUCTS and a.itemsize != 2:
        return np.dot(a, b)
    if a.dtype == np.float16:
        return dot(wide(a), wide(b)).astype(a.dtype)
    if a.dtype.kind != "f":
        return np.dot(a, b)
    cut = a.size // PRODUCTS * PRODUCTS
    products = np.vecdot(a[:cut].reshape(-1, PRODUCTS), b[:cut].reshape(-1, PRODUCTS))
    return total(products) + np.dot(a[cut:], b[cut:])


def add_at(out: ndarray, index: Any, value: Any) -> None:
    """``np.add.at``: add in place; an entry that `index` names many times gets a sum of float64.

    (Unless what is added is far less than what it is added to: then a copy would be the most work.)
    """
    if (
        out.dtype.kind != "f"
        or out.dtype == np.float64
        or np.size(value) <= max(1024, out.size / 8)
    ):
        np.add.at(out, index, value)
        return
    sums = out.astype(np.float64)
    np.add.at(sums, index, np.asarray(value, np.float64))  # (of two types it is much slower)
    out[...] = sums


def running(function: np.ufunc, x: ndarray, axis: int) -> ndarray:
    """The running sum or product along `axis`: of float64, each entry of which is rounded."""
    if x.dtype.kind != "f":
        return function.accumulate(x, axis, x.dtype)
    result = function.accumulate(x, axis, np.float64).astype(x.dtype, copy=False)
    if function is np.add and np.signbit(_part(x, axis, slice(1))).any():
        result += 0.0  # a sum begins with 0, and 0 + -0 is 0
    return result
