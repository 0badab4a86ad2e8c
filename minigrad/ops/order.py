"""What picks entries by their size: extremes and where they are, sorting, medians.

Along an axis these return named pairs ``(values, indices)``; the gradient of a value goes to the
entry at its index. A value that is picked from all entries at once shares its gradient equally
among all entries that are equal to it.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .. import _kernels
from ..arrays.recording import as_one, records
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from . import introsort, return_types
from .arguments import as_int, checked_axis
from .elementwise import isnan, maximum, minimum, where
from .index import scatter_sum
from .layout import alike, rows
from .reduce import Axes, as_axes, kept_shape, need_entries, restored, shared
from .shape import unsqueeze

if TYPE_CHECKING:
    from ..autograd.typing import Extreme
    from ..tensor import Tensor


def _shared_among_ties(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    """The gradient of an extreme value goes in equal parts to all entries that have it.

    If the value is NaN, these are the entries that are NaN.
    """
    y = restored(y, x.shape, axes)
    return shared(g, (x == y) | isnan(x), axes)


def _shared_or_nan(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    """The same; but if the value is NaN, so is the gradient of all entries, as in PyTorch."""
    y = restored(y, x.shape, axes)
    return where(isnan(y), math.nan, shared(g, x == y, axes))


FEW = 1024  # entries


def equal_shares(reduce: Any, name: str, rule: Any = _shared_among_ties) -> Any:
    return primitive(name, reduce, layout=rows,
                     x=lambda g, y, x, axes: rule(g, y, x, axes))  # fmt: skip


def _extreme_by(reduce: Any, largest: bool) -> Any:
    """The extreme value: by NumPy's `reduce`; of few entries by a kernel, which begins sooner."""
    name = "max" if largest else "min"

    def extreme(x: np.ndarray, axes: Axes, keepdims: bool) -> Any:
        kernels = _kernels.kernels_for(x.dtype) if 0 < x.size <= FEW else None
        found = None if kernels is None else kernels.sums.reduced(name, x, axes, keepdims)
        return reduce(x, axes, None, None, keepdims) if found is None else found

    return extreme


_largest, _smallest = _extreme_by(np.maximum.reduce, True), _extreme_by(np.minimum.reduce, False)
_amax = equal_shares(_largest, "amax", rule=_shared_or_nan)
_amin = equal_shares(_smallest, "amin", rule=_shared_or_nan)
_max_of_all = equal_shares(_largest, "max.all")
_min_of_all = equal_shares(_smallest, "min.all")


def picking(name: str) -> Any:
    """The entries at `indices` along `axis`, which the caller has at hand already, with a gradient.

    A primitive of the arguments ``(x, values, indices, axis)``.
    """
    return primitive(name, lambda x, values, indices, axis: values, keeps="indices",
                     x=lambda g, x_shape, indices, axis: scatter_sum(
                         g, _with_axis(indices, axis, x_shape), axis, x_shape))  # fmt: skip


_picked_of_max, _picked_of_min = picking("max"), picking("min")
_picked_of_sort, _picked_of_stable_sort = picking("sort"), picking("sort.stable")
_picked_of_topk, _picked_of_median = picking("topk"), picking("median.axis")


def _with_axis(indices: Any, axis: int, x_shape: tuple[int, ...]) -> Any:
    """The indices with the axis back that a reduction dropped."""
    return indices if indices.ndim == len(x_shape) else unsqueeze(indices, axis)


def amax(input: Any, dim: Any = (), keepdim: bool = False, *, axis: Any = None) -> Tensor:
    """The largest entry along `dim`; its gradient is shared equally among ties."""
    dim = dim if axis is None else axis
    need_entries(input, "amax", dim)
    return _amax(input, as_axes(input, dim), keepdim)


def amin(input: Any, dim: Any = (), keepdim: bool = False, *, axis: Any = None) -> Tensor:
    """The smallest entry along `dim`; its gradient is shared equally among ties."""
    dim = dim if axis is None else axis
    need_entries(input, "amin", dim)
    return _amin(input, as_axes(input, dim), keepdim)


def first_index(dim: int) -> np.ndarray:
    """The index, 0, of the only entry of a 0-d tensor, which has no axis but 0 and -1."""
    checked_axis(dim, 0)
    return np.zeros((), np.int64)


def _along(
    input: Any, dim: int, keepdim: bool, arg: Any, reduce: Any, picked: Any, result: Any
) -> Any:
    """The values and indices of ``max`` or ``min`` along one axis."""
    if is_listening():
        return heard(_along, (input, dim, keepdim, arg, reduce, picked, result), {})
    array = array_of(input)
    if not array.ndim:
        return pair(input, array.copy(), first_index(dim), 0, picked, result)
    axis = checked_axis(dim, array.ndim)
    kernels = _kernels.kernels_for(array.dtype)
    if kernels is not None:
        values, indices = kernels.order.extremes(array, axis, result is return_types.max, keepdim)
    else:
        values, indices = reduce(array, axis), arg(array, axis)
        if keepdim or array.ndim == 1:  # (of one axis NumPy makes scalars)
            shape = kept_shape(array.shape, (axis,)) if keepdim else ()
            indices, values = np.reshape(indices, shape), np.reshape(values, shape)
        if array.ndim > 2 and not array.flags.c_contiguous:
            indices, values = rows(indices), rows(values)
    return pair(input, values, indices, axis, picked, result)


def pair(input: Any, values: Any, indices: Any, axis: int, picked: Any, result: Any) -> Any:
    """The named pair of `values` that were found in `input`, and of their `indices` on the axis."""
    places = wrap(indices)
    pair = picked(input, values, places, axis), places
    return tuple.__new__(result, pair)  # ``result(*pair)``, but three times as fast


def _max_or_min(name: str, arg: Any, reduce: Any, whole: Any, pairwise: Any, picked: Any) -> Any:
    """`max` and `min`, three functions each: of all entries, along an axis, of two tensors."""
    result = getattr(return_types, name)

    def call(
        input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None
    ) -> Any:
        dim = axis if dim is None else dim
        other = dim if other is None and not isinstance(dim, (int, type(None))) else other
        if other is not None:
            return pairwise(input, other)
        need_entries(input, name, dim)
        if dim is None:
            return whole(input, None, False)
        return _along(input, dim, keepdim, arg, reduce, picked, result)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""``{name}(input)``: of all entries; ``{name}(input, dim)``: along an axis.

    The second form returns the named pair ``(values, indices)``; ``{name}(input, other)`` compares
    two tensors entry by entry.
    """
    return call


max: Extreme[return_types.max]
min: Extreme[return_types.min]
max = _max_or_min("max", np.argmax, np.maximum.reduce, _max_of_all, maximum, _picked_of_max)
min = _max_or_min("min", np.argmin, np.minimum.reduce, _min_of_all, minimum, _picked_of_min)


def _argument(input: Any, dim: int | None, keepdim: bool, function: Any, name: str) -> Any:
    if is_listening():
        return heard(_argument, (input, dim, keepdim, function, name), {})
    array = array_of(input)
    if array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input; use {name}(x.long())")
    need_entries(input, name, dim, IndexError)
    if dim is None:
        place = np.asarray(function(array))
        return wrap(place.reshape((1,) * array.ndim) if keepdim else place)
    if not array.ndim:
        return wrap(first_index(dim))
    axis, kernels = checked_axis(dim, array.ndim), _kernels.kernels_for(array.dtype)
    if kernels is not None:
        return wrap(kernels.order.extremes(array, axis, name == "argmax", keepdim)[1])
    return wrap(function(array, axis=axis, keepdims=keepdim))


def argmax(
    input: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None
) -> Tensor:
    """The index of the first largest entry: along `dim`, or in the flattened tensor."""
    return _argument(input, axis if dim is None else dim, keepdim, np.argmax, "argmax")


def argmin(
    input: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None
) -> Tensor:
    """The index of the first smallest entry: along `dim`, or in the flattened tensor."""
    return _argument(input, axis if dim is None else dim, keepdim, np.argmin, "argmin")


# ------------------------------------------------------------------------------------------------
# Sorting
# ------------------------------------------------------------------------------------------------

RADIX = 32768  # so many integers (not bools) in one row PyTorch sorts in another, stable way


def _sorted(array: np.ndarray, axis: int, descending: bool, stable: bool) -> tuple[Any, Any]:
    """The entries in order along `axis`, and where they stood; NaN counts as the largest.

    Unless it need be `stable`, equal ones come out in the order in which PyTorch leaves them.
    """
    if records(array):
        order = _order_of(array, axis, descending, stable)
        return np.take_along_axis(array, order, axis), order
    n = array.shape[axis]
    by_radix = array.ndim == 1 and array.dtype.kind in "iu" and n >= RADIX and not descending
    stable = stable or by_radix or not array.strides[axis]
    found = _by_kernel("sort", array, axis, descending, stable)
    if found is not None and array.flags.c_contiguous:
        return found
    if found is not None:
        return alike(found[0], (array,)), alike(found[1], (array,))
    order = _stable_order(array, axis, descending)
    if not stable and n > introsort.SMALL:
        order = _rearranged(order, array, axis, introsort.sort)
    return _entries_at(order, array, axis), order


@as_one(along=lambda array, axis, descending, stable: (axis,))
def _order_of(array: np.ndarray, axis: int, descending: bool, stable: bool) -> np.ndarray:
    return _sorted(array, axis, descending, stable)[1]


def unstable_order(array: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """The order in which PyTorch leaves equal entries if it need not be stable."""
    return _sorted(array, axis, descending, False)[1]


def _by_kernel(name: str, array: np.ndarray, *options: Any) -> Any:
    """The entries that a kernel of `_kernels/order.pyx` finds, and their places; or None.

    It compares integers and bools as int64, and float16 as float32.
    """
    kernels, wide = _kernels.kernels_for(array.dtype), array
    if kernels is None:
        kind, of = (np.float32, np.float32) if array.dtype.kind == "f" else (np.int64, np.float64)
        kernels = _kernels.kernels_for(np.dtype(of))
        if kernels is None:
            return None
        wide = array.astype(kind, copy=False)
    found = getattr(kernels.order, name)(wide, *options)
    if found is not None and wide is not array:
        found = found[0].astype(array.dtype, copy=False), found[1]
    return found


def _entries_at(indices: np.ndarray, array: np.ndarray, axis: int) -> np.ndarray:
    return alike(np.take_along_axis(array, indices, axis), (indices,))


def _stable_order(array: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    if descending:
        backwards = np.argsort(np.flip(array, axis), axis=axis, kind="stable")  # ties: last first,
        order = np.flip(array.shape[axis] - 1 - backwards, axis)  # and turned round: first first
    else:
        order = np.argsort(array, axis=axis, kind="stable")
    return alike(order, (array,))


def _rearranged(
    order: np.ndarray, array: np.ndarray, axis: int, arrange: Any, always: bool = False
) -> np.ndarray:
    """`order` with each line that has equal entries (or all) put in order by `arrange` anew."""
    n = array.shape[axis]
    lines = np.moveaxis(order, axis, -1)
    values = np.moveaxis(np.take_along_axis(array, order, axis), axis, -1).reshape(-1, n)
    is_nan = values != values
    differs = (values[:, 1:] != values[:, :-1]) & ~(is_nan[:, 1:] & is_nan[:, :-1])
    chosen = range(len(values)) if always else np.flatnonzero(~differs.all(1))
    if not len(chosen):
        return order
    result = lines.reshape(-1, n).copy()
    for k in chosen:
        rank: Any = np.zeros(n, np.int64)
        indices: Any = np.arange(n)
        rank[result[k, 1:]] = differs[k].cumsum()
        arrange(memoryview(indices), memoryview(rank), n)
        result[k] = indices
    return alike(np.moveaxis(result.reshape(lines.shape), -1, axis), (order,))


def _top(
    array: np.ndarray, k: int, axis: int, largest: bool, in_order: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` largest (or smallest) entries along `axis`, and where they stood."""
    if records(array):
        indices = _top_places(array, k, axis, largest, in_order)
        return np.take_along_axis(array, indices, axis), indices
    found = _by_kernel("topk", array, k, axis, largest, in_order)
    if found is not None:
        return found
    order = _stable_order(array, axis, largest)
    if k and array.size:
        arrange = functools.partial(_arrange_top, k=k, in_order=in_order)
        order = _rearranged(order, array, axis, arrange, always=not in_order)
    indices = np.take(order, np.arange(k), axis)
    return _entries_at(indices, array, axis), indices


@as_one(along=lambda array, k, axis, largest, in_order: (axis,))
def _top_places(array: np.ndarray, k: int, axis: int, largest: bool, in_order: bool) -> np.ndarray:
    return _top(array, k, axis, largest, in_order)[1]


def _arrange_top(order: Any, rank: Any, n: int, *, k: int, in_order: bool) -> None:
    if k * 64 <= n:
        introsort.sort_smallest(order, rank, k, n)
        return
    introsort.select(order, rank, k - 1, n)
    if in_order:
        introsort.sort(order, rank, k - 1)


def sort(
    input: Any, dim: int = -1, descending: bool = False, stable: bool = False, *,
    axis: int | None = None,
) -> return_types.sort:  # fmt: skip
    """The entries in order along `dim`: the named pair ``(values, indices)``.

    Equal entries keep their order if `stable`. If not, they come out in the order in which they do
    in PyTorch (see `introsort`), which is the same as long as there are up to 16 entries.
    """
    if is_listening():
        return heard(sort, (input, dim, descending, stable), {"axis": axis})
    picked = _picked_of_stable_sort if stable else _picked_of_sort
    values, indices, along = _sorting(input, dim, axis, descending, stable)
    return pair(input, values, indices, along, picked, return_types.sort)


def argsort(
    input: Any, dim: int = -1, descending: bool = False, stable: bool = False, *,
    axis: int | None = None,
) -> Tensor:  # fmt: skip
    """The indices that put the entries in order along `dim`; equal entries as in `sort`."""
    if is_listening():
        return heard(argsort, (input, dim, descending, stable), {"axis": axis})
    return wrap(_sorting(input, dim, axis, descending, stable)[1])


def _sorting(
    input: Any, dim: int, axis: int | None, descending: bool, stable: bool
) -> tuple[np.ndarray, np.ndarray, int]:
    """The entries in order, where they stood, and the axis."""
    dim, array = dim if axis is None else axis, array_of(input)
    if not array.ndim:
        return array.copy(), first_index(dim), 0
    along = checked_axis(dim, array.ndim)
    return (*_sorted(array, along, descending, stable), along)


def topk(
    input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> return_types.topk:
    """The `k` largest (or smallest) entries along `dim`, in order, and their indices.

    Of equal entries, those are taken that PyTorch takes (see `introsort`), and in its order, also
    if the result need not be `sorted`.
    """
    if is_listening():
        return heard(topk, (input, k, dim, largest, sorted), {})
    k, array = as_int(k, "topk", "k"), array_of(input)
    if array.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU; use topk(x.long(), ...)")
    if not array.ndim and k in (0, 1):
        return pair(input, array.copy(), first_index(dim), 0, _picked_of_topk, return_types.topk)
    axis = checked_axis(dim, array.ndim)
    size = array.shape[axis] if array.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError(f"selected index k out of range: k={k}, axis {axis} has size {size}")
    values, indices = _top(array, k, axis, largest, sorted)
    return pair(input, values, indices, axis, _picked_of_topk, return_types.topk)


def _median(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The lower median along `axis` (kept, of size 1), or NaN, and where the first of these is."""
    if records(array):
        places = _median_places(array, axis)
        return np.take_along_axis(array, places, axis), places
    found = _by_kernel("median", array, axis)
    if found is not None:
        return found
    order = _stable_order(array, axis, False)
    places = np.take(order, [(array.shape[axis] - 1) // 2], axis)
    nan = np.isnan(array)
    if nan.any():
        places = np.where(nan.any(axis, keepdims=True), nan.argmax(axis, keepdims=True), places)
    return np.take_along_axis(array, places, axis), places


@as_one(along=lambda array, axis: (axis,))
def _median_places(array: np.ndarray, axis: int) -> np.ndarray:
    return _median(array, axis)[1]


def _middle(x: np.ndarray, axes: None, keepdims: bool) -> Any:
    flat = x.reshape(-1)
    return _median(flat, 0)[0][0] if flat.size else np.array(np.nan).astype(x.dtype)


_median_of_all = equal_shares(_middle, "median")


@overload
def median(input: Any) -> Tensor: ...


@overload
def median(input: Any, dim: int, keepdim: bool = False) -> return_types.median: ...


@overload
def median(input: Any, *, axis: int, keepdim: bool = False) -> return_types.median: ...


def median(
    input: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None
) -> Any:
    """The lower median: of all entries, or along `dim` with its index. A NaN makes it NaN.

    The gradient of the median of all entries is shared equally among ties.
    """
    if is_listening():
        return heard(median, (input, dim, keepdim), {"axis": axis})
    dim = axis if dim is None else dim
    if array_of(input).dtype.kind == "b":
        raise NotImplementedError("\"median\" not implemented for 'Bool'")
    if dim is None:
        return _median_of_all(input, None, False)
    if not array_of(input).ndim:
        whole = array_of(input).copy()
        return pair(input, whole, first_index(dim), 0, _picked_of_median, return_types.median)
    axis = checked_axis(dim, array_of(input).ndim)
    need_entries(input, "median", dim)
    values, indices = _median(array_of(input), axis)
    if not keepdim:
        values, indices = values.squeeze(axis), indices.squeeze(axis)
    return pair(input, values, indices, axis, _picked_of_median, return_types.median)


__all__ = [
    "amax", "amin", "argmax", "argmin", "argsort", "max", "median", "min", "sort", "topk",
]  # fmt: skip
