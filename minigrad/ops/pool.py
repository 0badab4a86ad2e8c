"""Pooling along the last axis: the largest entry of windows, and their mean.

A `Window` says where windows lie: window t has the entries ``s t + d k - p`` for k from 0 to
``kernel - 1``, as far as the input has them. If `kernel` is 0, windows are *adaptive*: the input of
length L is divided into `count` parts of nearly one size, from ``floor(t L / count)`` up to
``ceil((t + 1) L / count)``, which may share an entry.

A loop over the entries of a window takes each of them from all windows at once; only long windows
side by side are walked through along the axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays.recording import as_one
from ..arrays.sums import total
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .index import gathered, scatter_sum
from .layout import rows

ndarray = np.ndarray
Window = tuple[int, int, int, int, int]  # kernel, stride s, padding p, dilation d, count

LONG = 8  # the shortest window that is walked through along the axis (measured)


def _members(length: int, window: Window) -> Iterator[tuple[Any, Any]]:
    """For each place in a window: the windows that have an entry there, and these entries."""
    kernel, stride, padding, dilation, count = window
    for k in range(kernel):
        offset = k * dilation - padding
        first, last = max(0, -(offset // stride)), min(count, (length - 1 - offset) // stride + 1)
        if first < last:
            start = first * stride + offset
            yield slice(first, last), slice(start, start + (last - first - 1) * stride + 1, stride)
    if not kernel:
        t = np.arange(count)
        starts, ends = t * length // count, -(-(t + 1) * length // count)
        for k in range(int((ends - starts).max(initial=0))):
            inside = np.flatnonzero(starts + k < ends)
            yield inside, starts[inside] + k


def _side_by_side(x: ndarray, window: Window) -> ndarray | None:
    """(..., count, kernel), if windows are long and do not overlap."""
    kernel, stride, padding, dilation, count = window
    if kernel < LONG or (kernel != stride and count > 1) or padding or dilation > 1:
        return None
    if kernel * count > x.shape[-1]:
        return None
    return x[..., : kernel * count].reshape(*x.shape[:-1], count, kernel)


def _channels_last(result: ndarray, arguments: Any) -> ndarray:
    """The result row by row, or with channels last in memory, if those of the input are."""
    x = arguments[0]
    if x.ndim == 3 and not x.flags.c_contiguous and x.swapaxes(-1, -2).flags.c_contiguous:
        return rows(result.swapaxes(-1, -2)).swapaxes(-1, -2)
    return result


# ------------------------------------------------------------------------------------------------
# The largest entry
# ------------------------------------------------------------------------------------------------


@as_one(along=lambda x, window: (len(x.shape) - 1,))
def _places(x: ndarray, window: Window) -> ndarray:
    """Where the largest entry of each window is: of equal ones the first, but the last NaN."""
    parts = _side_by_side(x, window)
    if parts is not None:
        inside = parts.argmax(-1)
        if (is_nan := np.isnan(parts)).any():
            last = window[0] - 1 - is_nan[..., ::-1].argmax(-1)
            inside = np.where(is_nan.any(-1), last, inside)
        return inside + np.arange(window[4]) * window[0]
    shape = *x.shape[:-1], window[4]
    best, places = np.empty(shape, x.dtype), np.full(shape, -1)
    positions = np.arange(x.shape[-1])
    for windows, entries in _members(x.shape[-1], window):
        candidate, so_far, place = x[..., entries], best[..., windows], places[..., windows]
        better = (place < 0) | (candidate > so_far) | (candidate != candidate)
        best[..., windows] = np.where(better, candidate, so_far)
        places[..., windows] = np.where(better, positions[entries], place)
    return places


_taken = primitive("max_pool1d", lambda x, places, axis: gathered(x, places, axis),
                   layout=_channels_last, keeps="places",
                   x=lambda g, x_shape, places, axis: scatter_sum(g, places, axis, x_shape)
)  # fmt: skip


def places_of_largest(input: Any, window: Window) -> Any:
    """Where the largest entry of each window is."""
    if is_listening():
        return heard(places_of_largest, (input, window), {})
    x = array_of(input)
    return wrap(_channels_last(_places(x, window), (x,)))


def max_pool(input: Any, window: Window) -> tuple[Any, Any]:
    """The largest entry of each window, and where it is."""
    places = places_of_largest(input, window)
    return _taken(input, places, array_of(input).ndim - 1), places


# ------------------------------------------------------------------------------------------------
# The mean
# ------------------------------------------------------------------------------------------------


@as_one(along=lambda x, window, with_padding: (len(x.shape) - 1,))
def _averaged(x: ndarray, window: Window, with_padding: bool) -> ndarray:
    share = _shares(x.shape[-1], window, with_padding).astype(x.dtype)
    parts = _side_by_side(x, window)
    if parts is not None:
        return total(parts, (x.ndim,)) * share
    y = np.zeros((*x.shape[:-1], window[4]), x.dtype)
    for windows, entries in _members(x.shape[-1], window):
        y[..., windows] += x[..., entries]
    y *= share
    return y


@as_one(along=lambda g, window, with_padding, length: (len(g.shape) - 1,))
def _spread(g: ndarray, window: Window, with_padding: bool, length: int) -> ndarray:
    """The share of each window, added to all of its entries."""
    g = g * _shares(length, window, with_padding).astype(g.dtype)
    x = np.zeros((*g.shape[:-1], length), g.dtype)
    for windows, entries in _members(length, window):
        if isinstance(entries, slice):
            x[..., entries] += g[..., windows]
        else:  # several windows may begin at one entry
            np.add.at(x.T, entries, g[..., windows].T)
    return x


def _shares(length: int, window: Window, with_padding: bool) -> ndarray:
    """1 / n for each window, n the number of its entries; `with_padding`, also of zeros around."""
    kernel, stride, padding, _, count = window
    if kernel:
        starts = np.arange(count) * stride - padding
        ends = np.minimum(starts + kernel, length + padding)
        if not with_padding:
            starts, ends = np.maximum(starts, 0), np.minimum(ends, length)
    else:
        t = np.arange(count)
        starts, ends = t * length // count, -(-(t + 1) * length // count)
    return 1 / (ends - starts)


_average = primitive("avg_pool1d", _averaged, layout=_channels_last,
                     x=lambda g, x_shape, window, with_padding: _spread_out(
                         g, window, with_padding, x_shape[-1]))  # fmt: skip
_spread_out = primitive("avg_pool1d.spread", _spread,
                        g=lambda g, window, with_padding: _average(g, window, with_padding)
)  # fmt: skip


def avg_pool(input: Any, window: Window, with_padding: bool = True) -> Any:
    """The mean of each window; with padding, zeros there count as entries."""
    return _average(input, window, with_padding)
