r"""Normalisation: entries moved and scaled to mean 0 and variance 1, then by learnt factors.

Layer and batch normalisation are one operation, seen from two sides. The input is laid out with
three axes (outer, group, inner), and each group is normalised over its outer and inner entries:

    layer norm    (1, N, H)   a group is a sample, its entries are the H features
    batch norm    (N, C, L)   a group is a channel, its entries those of all samples and positions

    mean = average of x        variance = average of (x - mean)^2        over a group, n entries
    x_hat = (x - mean) / sqrt(variance + eps)                            y = w x_hat + b

With d = w dy the gradient is dx = (d - average of d - x_hat * average of (d x_hat)) / sqrt(variance
+ eps): what changes a group's mean or its variance is taken out of d, because y would not notice.
The averages are products with a vector of 1/n, which BLAS computes in one fast pass (of groups that
are too long to be accurate so, `total` does).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..arrays.sums import PRODUCTS, total, total_of_products
from ..autograd.engine import edges_if_recording
from ..autograd.tensor_base import array_of
from .elementwise import rsqrt
from .fused import Fused
from .reduce import mean
from .shape import reshape

ndarray = np.ndarray
Layout = tuple[int, int, int]


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


def moments(x: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """``x - mean``, the mean and the (biased) variance of each group, the latter two (group, 1).

    In two passes: the mean of the squares minus the square of the mean would lose all digits where
    the mean is large. The mean itself is rounded, too; where that shows against the variance, the
    first entry of each group is taken out beforehand, so that constant groups give exactly 0.
    """
    centre = _average(x)
    centred = x - centre
    variance = _average_product(centred, centred)
    left_over = _average(centred)
    if (left_over * left_over > (8 * _EPS[x.dtype.itemsize]) ** 2 * variance).any():
        first = x[:1, :, :1]
        np.subtract(x, first, out=centred)
        shift = _average(centred)
        centred -= shift
        centre, variance = first[0] + shift, _average_product(centred, centred)
    return centred, centre, variance


# ------------------------------------------------------------------------------------------------
# The operation
# ------------------------------------------------------------------------------------------------


def _factor_shape(layout: Layout, per: str) -> tuple[int, ...]:
    """The shape in which weight and bias are broadcast: one "per" inner entry, or per group."""
    return (layout[1], 1) if per == "group" else (layout[2],)


def _sum_for_factor(x: ndarray, y: ndarray | None, per: str) -> ndarray:
    """The sum of ``x`` or of ``x * y`` over all axes that weight and bias are broadcast along."""
    outer, groups, inner = x.shape
    axes, count = ((0, 2), outer * inner) if per == "group" else ((0, 1), outer * groups)
    if count > PRODUCTS:
        return total(x, axes) if y is None else total_of_products(x, y, axes)
    kept = "g" if per == "group" else "i"
    return np.einsum(f"ogi->{kept}", x) if y is None else np.einsum(f"ogi,ogi->{kept}", x, y)


def _vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...],
    kept: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    x, weight, bias = inputs
    layout, per, _, fixed = options
    x_hat, scale = kept
    g = np.asarray(grads[0]).reshape(layout)
    dx = d_weight = d_bias = None
    if needs[0]:
        d = g if weight is None else g * weight.reshape(_factor_shape(layout, per))
        if fixed is None:
            dx = x_hat * _average_product(d, x_hat)
            np.subtract(d, dx, out=dx)
            dx -= _average(d)
            dx *= scale
        else:
            dx = d * scale
        dx = dx.reshape(x.shape)
    if needs[1]:
        d_weight = _sum_for_factor(g, x_hat, per).reshape(weight.shape)
    if needs[2]:
        d_bias = _sum_for_factor(g, None, per).reshape(bias.shape)
    return dx, d_weight, d_bias


def _reference(
    x: Any, weight: Any, bias: Any, layout: Layout, per: str, eps: float, fixed: Any
) -> Any:
    """The same in tensor operations, for second and higher derivatives."""
    shape = array_of(x).shape
    y = reshape(x, layout)
    if fixed is None:
        y = y - mean(y, (0, 2), True)
        y = y * rsqrt(mean(y * y, (0, 2), True) + eps)
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
    op: Fused, inputs: tuple[Any, Any, Any], layout: Layout, per: str, eps: float, fixed: Any = None
) -> tuple[Any, Any, Any]:
    """The normalised input, and the mean and variance of its groups, each (group, 1).

    `fixed` is a mean and a variance to normalise with instead of the groups' own.
    """
    x, weight, bias = [array_of(v) for v in inputs]
    rows = x.reshape(layout) if x.flags.c_contiguous else x.copy().reshape(layout)
    if fixed is None:
        centred, centre, variance = moments(rows)
    else:
        centre, variance = fixed
        centred = rows - centre
    scale = 1 / np.sqrt(variance + eps)
    x_hat = np.multiply(centred, scale, out=centred)
    factor = _factor_shape(layout, per)
    y = x_hat.copy() if weight is None else x_hat * weight.reshape(factor)
    if bias is not None:
        y += bias.reshape(factor)
    # (a copy, because running averages move on)
    options = (layout, per, eps, None if fixed is None else (centre.copy(), scale))
    # the output is not guarded: it may be overwritten, as by ``ReLU(inplace=True)``
    output = op.call(
        edges_if_recording(inputs), inputs, options, (x_hat, scale), y.reshape(x.shape),
        arrays=[x, weight, bias], guarded=inputs if op is _LAYER_NORM else inputs[:2],
    )  # fmt: skip
    return output, centre, variance


def layer_norm(input: Any, axes: int, weight: Any, bias: Any, eps: float) -> Any:
    """Normalise each sample over its last `axes` axes; `weight` and `bias` have their shape."""
    shape = array_of(input).shape
    inner = math.prod(shape[len(shape) - axes :])
    groups = math.prod(shape[: len(shape) - axes])
    return _normalise(_LAYER_NORM, (input, weight, bias), (1, groups, inner), "inner", eps)[0]


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
    if fixed is not None:
        fixed = fixed[0][:, None], fixed[1][:, None]
    output, centre, variance = _normalise(
        _BATCH_NORM, (input, weight, bias), layout, "group", eps, fixed
    )
    return output, centre[:, 0], variance[:, 0]
