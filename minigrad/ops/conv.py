r"""Convolution along one axis: a small weight slides along sequences, and so do its gradients.

    convolve          y[n, o, t] = sum over c and k of  weight[o, c, k] x[n, c, s t + d k - p]
    spread_out        x[n, c, s t + d k - p] += weight[o, c, k] y[n, o, t]
    compare           weight[o, c, k] = sum over n and t of  y[n, o, t] x[n, c, s t + d k - p]

N sequences of length L, C channels in, O out, a kernel of K entries; s is the stride, d the
dilation, p the padding: x is 0 outside of its length. The sum of x, y and weight over all that is
one number, which each of the three is a derivative of. So each is linear in two arrays, and the
gradient of one is made of the other two. `spread_out` is also called transposed convolution. (Where
y is an argument it is called z below, as rules of gradients mean the result by y.)

Each is a product of matrices. In memory, x is laid out with time before channels, so that what the
kernel covers, its *window*, is one row of K C numbers, and the windows are a view in which rows
overlap (`_windows`): nothing is copied K times. Only with a dilation the windows are copied.

With `groups` the channels are divided, and each part has weights (O / groups, C / groups, K) of its
own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from ..arrays.recording import as_one
from ..autograd.primitive import primitive
from .shape import sum_to

ndarray = np.ndarray

# Products of more than so many numbers are left to BLAS by the kernel, which would need a copy.
MOST_PRODUCTS = 90_000_000
LANES = 16  # of float32 in a vector


# ------------------------------------------------------------------------------------------------
# Sequences and weights as matrices: G groups, C and O channels of a group
# ------------------------------------------------------------------------------------------------


def _time_first(x: ndarray, groups: int, padding: int, length: int) -> ndarray:
    """(N, G C, L) as (G, N, length, C), after `padding` zeros; what is beyond `length` is cut."""
    samples, channels, given = x.shape
    size = channels // groups
    turned = x.reshape(samples, groups, size, given).transpose(1, 0, 3, 2)
    if padding == 0 and length == given and turned.flags.c_contiguous:
        return turned
    first, last = max(padding, 0), max(min(padding + given, length), max(padding, 0))
    out: ndarray = np.empty((groups, samples, length, size), x.dtype)
    out[:, :, :first] = 0
    out[:, :, first:last] = turned[:, :, first - padding : last - padding]
    out[:, :, last:] = 0
    return out


def _windows(x: ndarray, kernel: int, stride: int, dilation: int, count: int) -> ndarray:
    """(G, N, T, C) as (G, N, count, K C): what the kernel covers at each place."""
    groups, samples, length, size = x.shape
    entry, step = x.itemsize, x.itemsize * size  # (`x` has no gaps)
    strides = samples * length * step, length * step, stride * step
    rows = groups, samples, count, kernel * size
    if dilation == 1 or kernel == 1:
        return np.ndarray(rows, x.dtype, x, 0, (*strides, entry))
    shape = groups, samples, count, kernel, size
    return np.ndarray(shape, x.dtype, x, 0, (*strides, dilation * step, entry)).reshape(rows)


def _rows(weight: ndarray, groups: int) -> ndarray:
    """(G O, C, K) as (G, O, K C)."""
    outputs, size, kernel = weight.shape
    apart = weight.reshape(groups, outputs // groups, size, kernel)
    return apart.transpose(0, 1, 3, 2).reshape(groups, outputs // groups, kernel * size)


def _from_rows(rows: ndarray, kernel: int) -> ndarray:
    """(G, O, K C) as (G O, C, K)."""
    groups, outputs, size = rows.shape
    apart = rows.reshape(groups * outputs, kernel, size // kernel)
    return np.ascontiguousarray(apart.transpose(0, 2, 1))


def _turned_round(weight: ndarray, groups: int) -> ndarray:
    """(G O, C, K) as (G C, O, K), from back to front: what sends values the other way."""
    outputs, size, kernel = weight.shape
    apart = weight[:, :, ::-1].reshape(groups, outputs // groups, size, kernel)
    return apart.transpose(0, 2, 1, 3).reshape(groups * size, outputs // groups, kernel)


def _times(a: ndarray, windows: ndarray, are_rows: bool) -> ndarray:
    """``a @ windows``, or ``a @ windows.mT``: by the kernel, which reads rows that overlap."""
    kernels = _kernels.kernels_for(a.dtype)
    if kernels is not None:
        product = kernels.product.matmul(a, windows if are_rows else windows.swapaxes(-1, -2))
        if product is not None:
            return product
    windows = np.ascontiguousarray(windows)
    return np.matmul(a, windows if are_rows else windows.swapaxes(-1, -2))


# ------------------------------------------------------------------------------------------------
# The three, on arrays
# ------------------------------------------------------------------------------------------------


def _slid(
    x: ndarray, weight: ndarray, stride: int, padding: int, dilation: int, groups: int, count: int
) -> ndarray:
    outputs, _, kernel = weight.shape
    needed = (count - 1) * stride + dilation * (kernel - 1) + 1
    x = _time_first(x, groups, padding, max(needed, padding + x.shape[2]))
    windows = _windows(x, kernel, stride, dilation, count)
    y = _times(_rows(weight, groups), windows.transpose(1, 0, 2, 3), are_rows=False)
    return y.reshape(len(y), outputs, count)  # from (N, G, O, count)


@as_one(along=lambda *arguments: (0, 1, 2))
def _convolved(
    x: ndarray, weight: ndarray, bias: Any, stride: int, padding: int, dilation: int, groups: int,
    count: int,
) -> ndarray:  # fmt: skip
    y = _slid(x, weight, stride, padding, dilation, groups, count)
    if bias is not None:
        y += bias[:, None]
    return y


@as_one(along=lambda *arguments: (0, 1, 2))
def _spread_out(
    z: ndarray, weight: ndarray, bias: Any, stride: int, padding: int, dilation: int, groups: int,
    length: int,
) -> ndarray:  # fmt: skip
    kernel, lanes = weight.shape[2], -(-length // LANES) * LANES
    if stride == 1 and 2 * lanes <= 3 * z.shape[2]:
        # a convolution with the weight turned round; of short sequences, whose last vector is
        # nearly empty, it is the slower way (measured)
        padding = dilation * (kernel - 1) - padding
        x = _slid(z, _turned_round(weight, groups), 1, padding, dilation, groups, length)
    else:
        x = _added_up(z, weight, stride, padding, dilation, groups, length)
    if bias is not None:
        x += bias[:, None]
    return x


def _added_up(
    z: ndarray, weight: ndarray, stride: int, padding: int, dilation: int, groups: int, length: int
) -> ndarray:
    """Each entry of `z` times the weight, added to the window that it stands for."""
    samples, outputs, count = z.shape
    size, kernel = weight.shape[1:]
    columns = z.reshape(samples, groups, outputs // groups, count).swapaxes(-1, -2)
    pieces = _times(columns, _rows(weight, groups), are_rows=True)  # (N, G, count, K C)
    pieces = pieces.reshape(samples, groups, count, kernel, size)
    reach = (count - 1) * stride + 1
    end = max(padding + length, reach + dilation * (kernel - 1))
    x = np.zeros((samples, groups, end, size), z.dtype)
    for k in range(kernel):
        x[:, :, k * dilation : k * dilation + reach : stride] += pieces[:, :, :, k]
    inside = x[:, :, padding : padding + length].swapaxes(-1, -2)
    return np.ascontiguousarray(inside).reshape(samples, groups * size, length)


@as_one(along=lambda *arguments: (0, 1, 2))
def _compared(
    x: ndarray, z: ndarray, stride: int, padding: int, dilation: int, groups: int, kernel: int
) -> ndarray:
    samples, outputs, count = z.shape
    outputs //= groups
    # All sequences as one long one: a step of the windows further than the end of one is the
    # beginning of the next. Windows that reach into it are multiplied by 0 (which makes NaN of an
    # entry that is infinite, as all others that meet it are no numbers, either).
    needed = max((count - 1) * stride + dilation * (kernel - 1) + 1, padding + x.shape[2])
    steps = -(-needed // stride)
    x = _time_first(x, groups, padding, steps * stride)
    size = x.shape[3]
    total = np.zeros((groups, outputs, kernel * size), x.dtype)
    if not x.size or not z.size:
        return _from_rows(total, kernel)
    together = max(1, MOST_PRODUCTS // max(1, outputs * kernel * size * steps))
    for first in range(0, samples, together):
        last = min(first + together, samples)
        sequence = np.ascontiguousarray(x[:, first:last]).reshape(groups, 1, -1, size)
        rows = ((last - first) * steps * stride - dilation * (kernel - 1) - 1) // stride + 1
        padded = np.zeros((groups, outputs, last - first, steps), x.dtype)
        parts = z[first:last].reshape(last - first, groups, outputs, count)
        padded[..., :count] = parts.transpose(1, 2, 0, 3)
        windows = _windows(sequence, kernel, stride, dilation, rows)[:, 0]
        total += _times(padded.reshape(groups, outputs, -1)[:, :, :rows], windows, are_rows=True)
    return _from_rows(total, kernel)


# ------------------------------------------------------------------------------------------------
# The operations
# ------------------------------------------------------------------------------------------------

convolve = primitive(
    "convolution", _convolved,
    x=lambda g, x_shape, weight, stride, padding, dilation, groups: spread_out(
        g, weight, None, stride, padding, dilation, groups, x_shape[2]),
    weight=lambda g, x, weight_shape, stride, padding, dilation, groups: compare(
        x, g, stride, padding, dilation, groups, weight_shape[2]),
    bias=lambda g, bias_shape: _of_channels(g, bias_shape),
)  # fmt: skip
spread_out = primitive(
    "convolution.transposed", _spread_out,
    z=lambda g, z_shape, weight, stride, padding, dilation, groups: convolve(
        g, weight, None, stride, padding, dilation, groups, z_shape[2]),
    weight=lambda g, z, weight_shape, stride, padding, dilation, groups: compare(
        g, z, stride, padding, dilation, groups, weight_shape[2]),
    bias=lambda g, bias_shape: _of_channels(g, bias_shape),
)  # fmt: skip
compare = primitive(
    "convolution.compared", _compared,
    x=lambda g, x_shape, z, stride, padding, dilation, groups: spread_out(
        z, g, None, stride, padding, dilation, groups, x_shape[2]),
    z=lambda g, x, z_shape, stride, padding, dilation, groups: convolve(
        x, g, None, stride, padding, dilation, groups, z_shape[2]),
)  # fmt: skip


def _of_channels(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of what was added to each channel."""
    return sum_to(g, (1, *shape, 1)).reshape(shape)
