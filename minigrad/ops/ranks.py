"""More that picks entries by their size, beside `order`: the k-th smallest, the most frequent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import array_of
from . import return_types
from .arguments import as_int, checked_axis
from .checked import checked_methods
from .elementwise import isnan, where
from .layout import rows
from .order import amax, amin, equal_shares, first_index, pair, picking, sort
from .reduce import need_entries, restored, shared

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray

_picked_of_kthvalue, _picked_of_mode = picking("kthvalue"), picking("mode")
_picked_of_nanmedian = picking("nanmedian.axis")


def _picked(input: Any, places: ndarray, axis: int, keepdim: bool, picked: Any, result: Any) -> Any:
    """The named pair of the entries of `input` at `places`, which have size 1 along `axis`."""
    values = np.take_along_axis(array_of(input), places, axis)
    if not keepdim:
        values, places = values.squeeze(axis), places.squeeze(axis)
    return pair(input, values, rows(places), axis, picked, result)


def _of_number(input: Any, dim: int, picked: Any, result: Any) -> Any:
    return pair(input, array_of(input).copy(), first_index(dim), 0, picked, result)


# ------------------------------------------------------------------------------------------------
# The k-th smallest
# ------------------------------------------------------------------------------------------------


def _partition(row: list[float], k: int) -> int:
    """Where the k-th smallest of equal entries stands after PyTorch's quickselect (k from 0).

    The pivot is the median of the first, the middle and the last entry (Sedgewick 1978).
    """
    x, order = list(row), list(range(len(row)))

    def swap(i: int, j: int) -> None:
        x[i], x[j], order[i], order[j] = x[j], x[i], order[j], order[i]

    def above(a: float, b: float) -> bool:
        return a > b or (a != a and b == b)  # NaN is the largest

    low, high = 0, len(x) - 1
    while low < high:
        if high == low + 1:
            if above(x[low], x[high]):
                swap(low, high)
            break
        swap((low + high) // 2, low + 1)
        for i, j in ((low + 1, high), (low, high), (low + 1, low)):
            if above(x[i], x[j]):
                swap(i, j)
        i, j, pivot = low + 1, high, x[low]
        while True:
            i += 1
            while above(pivot, x[i]):
                i += 1
            j -= 1
            while above(x[j], pivot):
                j -= 1
            if j < i:
                break
            swap(i, j)
        swap(low, j)
        if j <= k:
            low = i
        if j >= k:
            high = j - 1
    return order[k]


def kthvalue(
    input: Any, k: int, dim: int = -1, keepdim: bool = False, *, axis: int | None = None
) -> return_types.kthvalue:
    """The `k`-th smallest entry along `dim`, counted from 1, and where it stands.

    NaN counts as the largest. Of equal entries the same one is named as in PyTorch.
    """
    dim = dim if axis is None else axis
    if is_listening():
        return heard(kthvalue, (input, k, dim, keepdim), {})
    array, k = array_of(input), as_int(k, "kthvalue", "k")
    along = checked_axis(dim, array.ndim)
    need_entries(input, "kthvalue", dim)
    size = array.shape[along] if array.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {along}: k={k}, size {size}"
        )
    if array.dtype.kind == "b":
        raise NotImplementedError("\"kthvalue_cpu\" not implemented for 'Bool'")
    if not array.ndim:
        return _of_number(input, dim, _picked_of_kthvalue, return_types.kthvalue)
    order = np.argsort(array, along, kind="stable")
    places = np.take(order, [k - 1], along)
    lines, found = np.moveaxis(array, along, -1), np.moveaxis(places, along, -1)
    chosen = np.take_along_axis(lines, found, -1)
    several = ((lines == chosen) | ((lines != lines) & (chosen != chosen))).sum(-1) > 1
    for place in zip(*np.nonzero(several)) if array.ndim > 1 else [()] * bool(several):
        found[place] = _partition(lines[place].tolist(), k - 1)
    return _picked(input, places, along, keepdim, _picked_of_kthvalue, return_types.kthvalue)


# ------------------------------------------------------------------------------------------------
# The most frequent
# ------------------------------------------------------------------------------------------------


def mode(
    input: Any, dim: int = -1, keepdim: bool = False, *, axis: int | None = None
) -> return_types.mode:
    """The most frequent entry along `dim` (of several, the smallest), and where it stands last."""
    dim = dim if axis is None else axis
    if is_listening():
        return heard(mode, (input, dim, keepdim), {})
    array = array_of(input)
    along = checked_axis(dim, array.ndim)
    need_entries(input, "mode", dim)
    if not array.ndim:
        return _of_number(input, dim, _picked_of_mode, return_types.mode)
    lines = np.moveaxis(array, along, -1)
    order = np.argsort(lines, -1, kind="stable")
    values = np.take_along_axis(lines, order, -1)
    begins = np.ones(values.shape, bool)
    begins[..., 1:] = values[..., 1:] != values[..., :-1]
    n = values.shape[-1]
    start = np.maximum.accumulate(np.where(begins, np.arange(n), 0), -1)
    longest = (np.arange(n) - start).argmax(-1)[..., None]  # the end of the first longest run
    places = np.moveaxis(np.take_along_axis(order, longest, -1), -1, along)
    return _picked(input, places, along, keepdim, _picked_of_mode, return_types.mode)


# ------------------------------------------------------------------------------------------------
# Medians without NaN
# ------------------------------------------------------------------------------------------------


def _middles(array: ndarray, axis: int) -> ndarray:
    """Where the lower median of the entries that are not NaN stands; of NaN only, the first."""
    order = np.argsort(array, axis, kind="stable")
    is_nan = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    count = array.shape[axis] - is_nan.sum(axis, keepdims=True)
    return np.take_along_axis(order, np.maximum(count - 1, 0) // 2, axis)


def _middle(x: ndarray, axes: None, keepdims: bool) -> Any:
    flat = x.reshape(-1)
    return flat[_middles(flat, 0)[0]] if flat.size else np.array(np.nan).astype(x.dtype)


def _shared_by_equals(g: Any, y: Any, x: Any, axes: Any) -> Any:
    """The gradient in equal parts to all that are the median; NaN is, if nothing else is."""
    y = restored(y, x.shape, axes)
    return shared(g, where(isnan(y), isnan(x), x == y), axes)


_nanmedian_of_all = equal_shares(_middle, "nanmedian", rule=_shared_by_equals)


def nanmedian(
    input: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None
) -> Any:
    """`median` of the entries that are not NaN: of all, or along `dim` with its index."""
    dim = axis if dim is None else dim
    if is_listening():
        return heard(nanmedian, (input, dim, keepdim), {})
    array = array_of(input)
    if dim is not None:
        along = checked_axis(dim, array.ndim)
        need_entries(input, "nanmedian", dim)
    if array.dtype.kind == "b":
        raise NotImplementedError("\"nanmedian\" not implemented for 'Bool'")
    if dim is None:
        return _nanmedian_of_all(input, None, False)
    if not array.ndim:
        return _of_number(input, dim, _picked_of_nanmedian, return_types.nanmedian)
    places = _middles(array, along)
    return _picked(input, places, along, keepdim, _picked_of_nanmedian, return_types.nanmedian)


# ------------------------------------------------------------------------------------------------
# Both extremes, and rows in order
# ------------------------------------------------------------------------------------------------


def aminmax(
    input: Any, *, dim: int | None = None, keepdim: bool = False, axis: int | None = None
) -> return_types.aminmax:
    """The smallest entry and the largest, of all or along `dim`: see `amin` and `amax`."""
    dim = axis if dim is None else dim
    if dim is None and not array_of(input).size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    if dim is not None:
        need_entries(input, "aminmax", dim)
    axes = () if dim is None else dim
    return return_types.aminmax(amin(input, axes, keepdim), amax(input, axes, keepdim))


def msort(input: Any) -> Tensor:
    """The entries in order along axis 0: ``sort(input, 0)[0]``."""
    return sort(input, 0)[0]


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    kthvalue, mode, nanmedian, aminmax, msort = kthvalue, mode, nanmedian, aminmax, msort
