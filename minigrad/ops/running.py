"""More that runs along an axis, beside sums and products in `scan`: extremes, log-sums, areas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.recording import as_one
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, array_of
from . import return_types
from .arguments import checked_axis
from .checked import checked_methods, refuse
from .elementwise import exp, isfinite
from .index import narrow, where
from .layout import rows
from .order import first_index, pair, picking
from .reduce import sum as sum_
from .scan import cumsum, one_axis, pushed, recurrence_slope
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


# ------------------------------------------------------------------------------------------------
# Extremes so far
# ------------------------------------------------------------------------------------------------


def _extremes(input: Any, dim: int, reduce: np.ufunc, picked: Any, result: Any) -> Any:
    array = array_of(input)
    if not array.ndim:
        return pair(input, array.copy(), first_index(dim), 0, picked, result)
    axis = checked_axis(dim, array.ndim)
    values = reduce.accumulate(array, axis)
    is_new = array == values  # of equal ones the last; of NaN, too
    if array.dtype.kind == "f":
        is_new |= np.isnan(array)
    size = array.shape[axis]
    places = np.arange(size).reshape((size,) + (1,) * (array.ndim - 1 - axis))
    indices = np.maximum.accumulate(np.where(is_new, places, 0), axis)
    return pair(input, rows(values), rows(indices), axis, picked, result)


_picked_of_cummax, _picked_of_cummin = picking("cummax"), picking("cummin")


def cummax(input: Any, dim: Any = None, *, axis: Any = None) -> return_types.cummax:
    """The largest entry so far along `dim`, and where it stands: of equal ones, the last."""
    dim = axis if dim is None else dim
    if is_listening():
        return heard(cummax, (input, dim), {})
    along = one_axis("cummax", input, dim, None)
    return _extremes(input, along, np.maximum, _picked_of_cummax, return_types.cummax)


def cummin(input: Any, dim: Any = None, *, axis: Any = None) -> return_types.cummin:
    """The smallest entry so far along `dim`, and where it stands: of equal ones, the last."""
    dim = axis if dim is None else dim
    if is_listening():
        return heard(cummin, (input, dim), {})
    along = one_axis("cummin", input, dim, None)
    return _extremes(input, along, np.minimum, _picked_of_cummin, return_types.cummin)


# ------------------------------------------------------------------------------------------------
# Sums of numbers known by their logarithms
# ------------------------------------------------------------------------------------------------


@as_one(along=lambda x, axis: (axis,))
def _running_logsumexp(x: np.ndarray, axis: int) -> np.ndarray:
    return np.logaddexp.accumulate(x, axis) if x.ndim else x.copy()


def _logcumsumexp_slope(g: Any, y: Any, x: Any, axis: int) -> Any:
    """exp(x - y) d, where d[k] = g[k] + exp(y[k] - y[k + 1]) d[k + 1]: no factor is above 1."""
    if not x.shape:
        return g
    step = pushed(y, axis, -math.inf) - y
    factors = where(isfinite(step), exp(step), 0)
    share = x - y
    return where(x == -math.inf, 0, exp(share)) * recurrence_slope(g, factors, axis)


_logcumsumexp = primitive("logcumsumexp", _running_logsumexp, layout=rows,
                          x=lambda g, y, x, axis: _logcumsumexp_slope(g, y, x, axis))  # fmt: skip


def logcumsumexp(input: Any, dim: Any = None, *, axis: Any = None) -> Tensor:
    r"""The running :math:`\log \sum_{j \le k} e^{x_j}` along `dim`, without overflow."""
    along = one_axis("logcumsumexp", input, dim, axis)
    if array_of(input).dtype.kind != "f":
        raise NotImplementedError(
            f"\"logcumsumexp\" not implemented for '{dtypes.legacy_name(array_of(input).dtype)}'"
        )
    return _logcumsumexp(input, along)


# ------------------------------------------------------------------------------------------------
# Areas
# ------------------------------------------------------------------------------------------------


def _areas(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """Twice the areas between neighbours, and the axis."""
    array = array_of(y)
    if array.dtype.kind == "b":
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    if not array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = checked_axis(dim, array.ndim)
    size = array.shape[axis]
    count = max(size - 1, 0)
    sums = narrow(y, axis, min(1, size), count) + narrow(y, axis, 0, count)
    if x is None:
        return sums * dx, axis
    if array_of(x).dtype.kind == "b":
        raise RuntimeError(f"{name}: received a bool input for `x`, but bool is not supported")
    places = array_of(x)
    if places.ndim == 1:
        x = reshape(x, (places.size,) + (1,) * (array.ndim - 1 - axis))
    along = axis - array.ndim + array_of(x).ndim  # counted from the last one, they are the same
    if along < 0 or array_of(x).shape[along] != size:
        raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
    wide = narrow(x, along, min(1, size), count) - narrow(x, along, 0, count)
    return sums * wide, axis


def _one_of(name: str, x: Any, dx: Any) -> Any:
    """`dx`, after a look whether `x` is a tensor, and the only one of both that is given."""
    if x is not None and not isinstance(x, TensorBase):
        raise refuse(name, "x", 2, x)
    if x is not None and dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: both x and dx")
    return 1 if dx is None else dx


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The area under a curve, made of trapezoids between neighbours along `dim`.

    Parameters
    ----------
    y : Tensor
        The values.
    x : Tensor, optional
        Where they are: of the shape of `y`, or one axis.
    dx : float, optional
        The distance between neighbours instead. Default: 1.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.trapezoid(mg.tensor([1.0, 2.0, 4.0]))
    tensor(4.5000)
    """
    areas, axis = _areas("trapezoid", y, x, _one_of("trapezoid", x, dx), dim)
    return sum_(areas, axis) / 2


def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The old name of `trapezoid`."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The area under a curve up to each of its points but the first: see `trapezoid`."""
    dx = _one_of("cumulative_trapezoid", x, dx)
    areas, axis = _areas("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(areas, axis) / 2


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    cummax, cummin, logcumsumexp = cummax, cummin, logcumsumexp
