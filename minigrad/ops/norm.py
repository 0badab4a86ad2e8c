r"""Normalisation: entries moved and scaled to mean 0 and variance 1, then by learnt factors.

Layer and batch normalisation are one operation, seen from two sides. The input is laid out with
three axes (outer, group, inner), and each group is normalised over its outer and inner entries:

    layer norm    (1, N, H)   a group is a sample, its entries are the H features
    batch norm    (N, C, L)   a group is a channel, its entries those of all samples and positions

    mean = average of x        variance = average of (x - mean)^2        over a group, n entries
    x_hat = (x - mean) / sqrt(variance + eps)                            y = w x_hat + b

With d = w dy the gradient is dx = (d - average of d - x_hat * average of (d x_hat)) / sqrt(variance
+ eps): what changes a group's mean or its variance is taken out of d, because y would not notice.
In the formulas, averages are products with a vector of 1/n, which BLAS computes in one fast pass
(of groups that are too long to be accurate so, `total` does). Of a group, four numbers are kept
until `backward`, which makes x_hat again: the mean in two parts, the variance, and the 1 / sqrt.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import _kernels
from ..arrays.recording import records
from ..arrays.sums import PRODUCTS, total, total_of_products
from ..autograd.engine import edges_if_recording
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.quiet import silenced
from ..autograd.tensor_base import TensorBase, array_of
from .elementwise import rsqrt
from .fused import Fused
from .reduce import mean
from .shape import reshape, sum_to

ndarray = np.ndarray
Layout = tuple[int, int, int]
_BASE, _SHIFT, _VARIANCE, _SCALE = range(4)  # the rows of `statistics`


# ------------------------------------------------------------------------------------------------
# Averages over the outer and inner entries of each group
# ------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=32)
def _averaging(count: int, dtype: Any) -> ndarray:
    """The vector that makes a product an average."""
    return np.full(count, 1 / max(count, 1), dtype)


# Up to which length of an axis BLAS is accurate enough: its sums are not in blocks.
LONGEST = 4096


def _average(x: ndarray) -> ndarray:
    """(outer, group, inner) to (group, 1)."""
    outer, groups, inner = x.shape
    if outer > LONGEST or inner > LONGEST:
        return total(x, (0, 2))[:, None] / x.dtype.type(outer * inner)
    rows = x.reshape(outer, groups) if inner == 1 else x @ _averaging(inner, x.dtype)
    return (rows[0] if outer == 1 else _averaging(outer, x.dtype) @ rows)[:, None]


def _average_product(x: ndarray, y: ndarray) -> ndarray:
    """`_average` of ``x * y``, without the product in memory."""
    outer, _, inner = x.shape
    if inner == 1 or outer > LONGEST or inner > LONGEST:
        few = inner == 1 and outer <= PRODUCTS
        sums = np.einsum("ogi,ogi->g", x, y) if few else total_of_products(x, y, (0, 2))
        return (sums / x.dtype.type(max(outer * inner, 1)))[:, None]
    rows = np.vecdot(x, y) * x.dtype.type(1 / max(inner, 1))
    return (rows[0] if outer == 1 else _averaging(outer, x.dtype) @ rows)[:, None]


_EPS = {kind.itemsize: float(np.finfo(kind).eps) for kind in map(np.dtype, ("f2", "f4", "f8"))}


def moments(x: ndarray) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """``x - mean``; the mean in two parts and the (biased) variance, (group, 1) each.

    In two passes: the mean of the squares minus the square of the mean would lose all digits where
    the mean is large. The mean itself is rounded, too; where that shows against the variance, the
    first entry of each group is taken out beforehand, so that constant groups give exactly 0.
    ``x - mean`` is therefore ``x - base - shift``.
    """
    base = _average(x)
    shift = np.zeros_like(base)
    centred = x - base
    variance = _average_product(centred, centred)
    left_over = _average(centred)
    if (left_over * left_over > (8 * _EPS[x.dtype.itemsize]) ** 2 * variance).any():
        base = x[0, :, :1]
        np.subtract(x, base, out=centred)
        shift = _average(centred)
        centred -= shift
        variance = _average_product(centred, centred)
    return centred, base, shift, variance


# ------------------------------------------------------------------------------------------------
# The formulas. Rows, and columns that are neighbours in memory, have kernels: `_kernels/norm.pyx`.
# ------------------------------------------------------------------------------------------------


def _factor_shape(layout: Layout, per: str) -> tuple[int, ...]:
    """The shape in which weight and bias are broadcast: one "per" inner entry, or per group."""
    return (layout[1], 1) if per == "group" else (layout[2],)


def _scale_of(variance: ndarray, eps: float, per: str) -> ndarray:
    """1 / sqrt(variance + eps); of samples NaN, not 0, where squares were too large to be summed.

    Of channels it is 0: both are PyTorch's.
    """
    scale: ndarray = 1 / np.sqrt(variance + eps)
    return scale if per == "group" else scale + (variance - variance)


def _forward(
    x: ndarray, weight: ndarray | None, bias: ndarray | None, layout: Layout, per: str, eps: float,
    fixed: tuple[ndarray, ndarray] | None,
) -> tuple[ndarray, ndarray]:  # fmt: skip
    """The normalised input, and (4, group): both parts of the mean, variance, scale."""
    rows = x.reshape(layout)
    if fixed is None:
        y, base, shift, variance = moments(rows)
    else:
        base, variance = [v[:, None] for v in fixed]
        y, shift = rows - base, np.zeros_like(base)
    scale = _scale_of(variance, eps, per)
    y *= scale
    factor = _factor_shape(layout, per)
    if weight is not None:
        y *= weight.reshape(factor)
    if bias is not None:
        y += bias.reshape(factor)
    return y.reshape(x.shape), np.concatenate([base.T, shift.T, variance.T, scale.T])


def _backward(
    d_y: ndarray, x: ndarray, weight: ndarray | None, statistics: ndarray, layout: Layout, per: str,
    fixed: bool, wanted: list[bool],
) -> tuple[Any, Any, Any]:  # fmt: skip
    """The gradients of the input, the weight and the bias, None for what is not wanted."""
    g = d_y.reshape(layout)
    base, shift, _, scale = statistics[:, :, None]
    x_hat = x.reshape(layout) - base
    x_hat -= shift
    x_hat *= scale
    dx = d_weight = d_bias = None
    if wanted[1]:
        d_weight = _sum_for_factor(g, x_hat, per)
    if wanted[2]:
        d_bias = _sum_for_factor(g, None, per)
    if wanted[0]:
        d = g if weight is None else g * weight.reshape(_factor_shape(layout, per))
        if fixed:
            dx = d * scale
        else:
            dx = x_hat * _average_product(d, x_hat)
            np.subtract(d, dx, out=dx)
            dx -= _average(d)
            dx *= scale
        dx = dx.reshape(x.shape)
    return dx, d_weight, d_bias


def _sum_for_factor(x: ndarray, y: ndarray | None, per: str) -> ndarray:
    """The sum of ``x`` or of ``x * y`` over all axes that weight and bias are broadcast along."""
    outer, groups, inner = x.shape
    axes, count = ((0, 2), outer * inner) if per == "group" else ((0, 1), outer * groups)
    if count > PRODUCTS:
        return total(x, axes) if y is None else total_of_products(x, y, axes)
    kept = "g" if per == "group" else "i"
    return np.einsum(f"ogi->{kept}", x) if y is None else np.einsum(f"ogi,ogi->{kept}", x, y)


_FORMULAS = silenced(_forward), silenced(_backward)


# ------------------------------------------------------------------------------------------------
# The operation
# ------------------------------------------------------------------------------------------------


def _vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...],
    kept: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    x, weight, _ = inputs
    layout, per, _, fixed = options
    backward, statistics = kept
    found = backward(
        np.asarray(grads[0]), x, weight, statistics, layout, per, fixed is not None, needs
    )
    return tuple([
        d if d is None or d.ndim == v.ndim else d.reshape(v.shape) for d, v in zip(found, inputs)
    ])  # fmt: skip


def _standardised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    y = x - mean(x, axes, True)
    return y * rsqrt(mean(y * y, axes, True) + eps)


def _reference(
    x: Any, weight: Any, bias: Any, layout: Layout, per: str, eps: float, fixed: Any
) -> Any:
    """The same in tensor operations, for second and higher derivatives."""
    shape = array_of(x).shape
    y = reshape(x, layout)
    if fixed is None:
        y = _standardised(y, (0, 2), eps)
    else:
        centre, scale = fixed
        y = (y - centre) * scale
    if weight is not None:
        y = y * reshape(weight, _factor_shape(layout, per))
    if bias is not None:
        y = y + reshape(bias, _factor_shape(layout, per))
    return reshape(y, shape)


_LAYER_NORM, _BATCH_NORM = [
    Fused(name, _vjp, _reference) for name in ("native_layer_norm", "native_batch_norm")
]


def _normalise(
    op: Fused, inputs: tuple[Any, Any, Any], layout: Layout, per: str, eps: float,
    fixed: tuple[ndarray, ndarray] | None = None,
) -> tuple[Any, ndarray]:  # fmt: skip
    """The normalised input, and the statistics of its groups.

    `fixed` is a mean and a variance to normalise with instead of the groups' own.
    """
    y, arrays, options, kept = _parts([array_of(v) for v in inputs], layout, per, eps, fixed)
    # the output is not guarded: it may be overwritten, as by ``ReLU(inplace=True)``
    output = op.call(
        edges_if_recording(inputs), inputs, options, kept, y, arrays,
        inputs if op is _LAYER_NORM else inputs[:2],
    )  # fmt: skip
    return output, kept[1]


def _parts(
    arrays: list[Any], layout: Layout, per: str, eps: float,
    fixed: tuple[ndarray, ndarray] | None = None,
) -> Any:  # fmt: skip
    """The normalised input, and what its gradient needs: arrays, options and what was kept."""
    x, weight, bias = arrays
    if not x.flags.c_contiguous:
        x = x.copy()
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is not None and x.size and (per == "inner" or layout[2] == 1):
        forward, backward = kernels.norm.forward, kernels.norm.backward
    else:
        forward, backward = _FORMULAS
    y, statistics = forward(x, weight, bias, layout, per, eps, fixed)
    if fixed is not None:  # (a copy, because running averages move on)
        fixed = statistics[_BASE, :, None], statistics[_SCALE, :, None]
    return y, arrays, (layout, per, eps, fixed), (backward, statistics)


def is_plain(input: Any, sizes: Any, *factors: Any) -> bool:
    """Whether this is the most frequent case, which needs no more checks: one type, and one axis.

    `sizes` are those of the axes to normalise over, and of the factors.
    """
    if not isinstance(input, TensorBase) or not isinstance(sizes, tuple) or len(sizes) != 1:
        return False
    x = array_of(input)
    if x.dtype.kind != "f" or x.shape[-1:] != sizes:
        return False
    for factor in factors:
        if factor is not None and not (
            isinstance(factor, TensorBase)
            and array_of(factor).shape == sizes
            and array_of(factor).dtype is x.dtype
        ):
            return False
    return True


def _of_last_axes(x: Any, axes: tuple[int, ...], weight: Any, bias: Any, eps: float) -> Any:
    """`layer_norm` in operations that are written down one by one."""
    y = _standardised(x, axes, eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def layer_norm(input: Any, axes: int, weight: Any, bias: Any, eps: float) -> Any:
    """Normalise each sample over its last `axes` axes; `weight` and `bias` have their shape."""
    if is_listening():
        return heard(layer_norm, (input, axes, weight, bias, eps), {})
    x = array_of(input)
    if records(x):
        return _of_last_axes(input, tuple(range(x.ndim - axes, x.ndim)), weight, bias, eps)
    layout = _layout_of(x, axes)
    return _normalise(_LAYER_NORM, (input, weight, bias), layout, "inner", eps)[0]


def _layout_of(x: ndarray, axes: int) -> Layout:
    inner = x.shape[-1] if axes == 1 else math.prod(x.shape[-axes:])
    return 1, x.size // inner if inner else math.prod(x.shape[:-axes]), inner


layer_norm.in_parts = lambda keeps, x, axes, weight, bias, eps: _parts(  # type: ignore[attr-defined]
    [x, weight, bias], _layout_of(x, axes), "inner", eps
)


def batch_norm(
    input: Any, weight: Any, bias: Any, eps: float, fixed: tuple[ndarray, ndarray] | None = None
) -> tuple[Any, ndarray, ndarray]:
    """Normalise each channel, axis 1, over all samples and positions.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    weight, bias : Tensor, shape (C,), optional
    eps : float
    fixed : pair of ndarrays, shape (C,), optional
        A mean and a variance to normalise with instead of the batch's own.

    Returns
    -------
    output : Tensor, shape (N, C, ...)
    mean, variance : ndarrays, shape (C,)
        What was used; the variance is divided by n, not n - 1.
    """
    samples, channels, *positions = array_of(input).shape
    layout = (samples, channels, math.prod(positions))
    output, statistics = _normalise(_BATCH_NORM, (input, weight, bias), layout, "group", eps, fixed)
    return output, statistics[_BASE] + statistics[_SHIFT], statistics[_VARIANCE]


# ------------------------------------------------------------------------------------------------
# Groups of channels: layer normalisation of a part of each sample, then factors for each channel
# ------------------------------------------------------------------------------------------------


def _per_channel(factor: Any, rank: int) -> Any:
    return reshape(factor, (1, -1, *(1 for _ in range(rank - 2))))


def _scaled(x: ndarray, weight: Any, bias: Any, shape: tuple[int, ...]) -> ndarray:
    x = x.reshape(shape)
    if weight is not None:
        x = x * _per_channel(weight, len(shape))
    return x if bias is None else x + _per_channel(bias, len(shape))


def _of_channels(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of a factor: summed over samples and positions."""
    rank = len(array_of(g).shape)
    return reshape(sum_to(g, (1, *shape, *(1 for _ in range(rank - 2)))), shape)


_scaled_groups, _scaled_instances = [
    primitive(name, _scaled,
              x=lambda g, x_shape, weight, shape: reshape(
                  g if weight is None else g * _per_channel(weight, len(shape)), x_shape),
              weight=lambda g, x, weight_shape, shape: _of_channels(
                  g * reshape(x, shape), weight_shape),
              bias=lambda g, bias_shape: _of_channels(g, bias_shape))
    for name in ("native_group_norm", "native_group_norm.of_one")
]  # fmt: skip


def group_norm(
    input: Any, groups: int, weight: Any, bias: Any, eps: float, of_one: bool = False
) -> Any:
    """Normalise each of `groups` parts of the channels, axis 1, of each sample.

    `weight` and `bias`, a number for each channel, are optional. `of_one` says that groups are
    meant to be single channels: instance normalisation.
    """
    shape = array_of(input).shape
    rows = (shape[0] * groups, math.prod(shape[1:]) // groups)
    y = layer_norm(reshape(input, rows), 1, None, None, eps)
    return (_scaled_instances if of_one else _scaled_groups)(y, weight, bias, shape)
