"""Running sums and products along an axis, and the product of all entries.

None of the gradients divides by an entry, so zeros are no trouble, to any order.
"""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..arrays import dtypes
from ..arrays.recording import as_one, records
from ..arrays.sums import running
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .arguments import checked_axis
from .cast import cast
from .elementwise import isfinite, isnan
from .index import narrow, where
from .join import cat
from .layout import rows
from .reduce import Axes, as_axes, reduced_by, restored
from .shape import flip, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def _scan_kernels(x: Any) -> Any:
    """The kernels of `_kernels/scan.pyx` for `x`; None if it is a tensor, or no kernel suits it."""
    kernels = _kernels.kernels_for(x.dtype) if type(x) is np.ndarray and x.ndim else None
    return None if kernels is None else kernels.scan


@as_one(along=lambda x, axis, backwards: (axis,), linear=True)
def _running_sum(x: np.ndarray, axis: int, backwards: bool) -> np.ndarray:
    kernels = _scan_kernels(x)
    if kernels is not None:
        return kernels.cumsum(x, axis, backwards)
    if not x.ndim:  # NumPy cannot accumulate a number, whose running sum or product is itself
        return x.copy()
    if backwards:
        return np.ascontiguousarray(np.flip(running(np.add, np.flip(x, axis), axis), axis))
    return running(np.add, x, axis)


@as_one(along=lambda x, axis: (axis,))
def _running_product(x: np.ndarray, axis: int) -> np.ndarray:
    kernels = _scan_kernels(x)
    if kernels is not None:
        return kernels.cumprod(x, axis)
    return running(np.multiply, x, axis) if x.ndim else x.copy()


def _backwards(function: Any, axis: int, *values: Any) -> Any:
    """`function` run along `axis` from the end to the beginning."""
    return flip(function(*[flip(v, axis) for v in values], axis), axis)


@as_one(along=lambda g, f, axis: (axis,), linear=True)
def _recurrence_of(g: np.ndarray, f: np.ndarray, axis: int) -> np.ndarray:
    g, f = np.moveaxis(g, axis, 0), np.moveaxis(f, axis, 0)
    y, whole = np.array(g), f.all()
    for k in range(1, len(y)):
        y[k] += f[k] * y[k - 1] if whole else np.where(f[k] == 0, 0, f[k] * y[k - 1])  # 0 inf is 0
    return np.moveaxis(y, 0, axis)


def pushed(x: Any, axis: int, first: float) -> Any:
    """`x` moved on by one along `axis`, with `first` in front; the last entry falls off."""
    kept = narrow(x, axis, 0, builtins.max(x.shape[axis] - 1, 0))
    front = np.full_like(array_of(narrow(x, axis, 0, builtins.min(x.shape[axis], 1))), first)
    return cat([front if kept is array_of(kept) else wrap(front), kept], axis)


def recurrence_slope(g: Any, f: Any, axis: int) -> Any:
    """The same recurrence from the end: ``d[k] = g[k] + f[k + 1] d[k + 1]``."""
    return _backwards(lambda a, b, k: _recurrence(a, pushed(b, k, 0), k), axis, g, f)


# y[k] = g[k] + f[k] y[k-1]: its own gradient, and what the gradient of a running product needs
_recurrence = primitive("recurrence", _recurrence_of,
                        g=lambda g, f, axis: recurrence_slope(g, f, axis),
                        f=lambda g, y, f, axis: recurrence_slope(g, f, axis) * pushed(y, axis, 0)
)  # fmt: skip
_cumsum = primitive("cumsum", _running_sum, layout=rows,
                    x=lambda g, axis, backwards: _cumsum(g, axis, not backwards))  # fmt: skip
_cumprod = primitive("cumprod", _running_product, layout=rows,
                     x=lambda g, y, x, axis: _cumprod_slope(_nan_of(y, g, x, (axis,)), x, axis)
)  # fmt: skip


def _cumprod_slope(g: Any, x: Any, axis: int) -> Any:
    """What stands before x[k] as a factor, times what is behind it; no division, zeros may be."""
    if not x.shape:
        return g
    kernels = _scan_kernels(g)
    if kernels is not None:
        return kernels.cumprod_slope(g, x, axis)
    before, behind = _before(x, axis), recurrence_slope(g, x, axis)
    return before * where((before == 0) & ~isfinite(behind), 0, behind)


def _before(x: Any, axis: int) -> Any:
    """The product of all entries before each one."""
    return pushed(_cumprod(x, axis), axis, 1)


def _product_of_others(x: Any, axes: Axes) -> Any:
    if axes is None:
        flat = reshape(x, (math.prod(x.shape),))
        return reshape(_product_of_others(flat, (0,)), x.shape)
    (axis,) = axes
    kernels = _scan_kernels(x)
    if kernels is not None:
        return kernels.products_of_others(x, axis)
    return _before(x, axis) * _backwards(_before, axis, x)


def _prod_slope(g: Any, x: Any, axes: Axes) -> Any:
    return restored(g, x.shape, axes) * _product_of_others(x, axes)


def _nan_of(y: Any, g: Any, x: Any, axes: Axes) -> Any:
    """`g`, but nan where the product `y` is: what is beside a nan, or a nan, has no clean slope.

    Beside zeros PyTorch takes the product of the others, as we do always.
    """
    if records(array_of(x)):  # what is written down must not ask the sequences of others
        beside = np.all(array_of(x), axis=axes, keepdims=y.ndim == x.ndim)
        return where(isnan(y) & wrap(beside), math.nan, g)
    hidden = np.isnan(array_of(y)).any() and np.all(array_of(x))
    return where(isnan(y), math.nan, g) if hidden else g


def _finite_beside_zeros(g: Any, x: Any) -> Any:
    """`g`, but 0 for inf and nan where several zeros leave the product of all without a slope."""
    zeros = array_of(x).size - np.count_nonzero(array_of(x))
    return g if zeros < 2 else where(isfinite(g), g, 0)


_multiplied = reduced_by(np.multiply)


def _product(x: np.ndarray, axes: Axes, keepdims: bool) -> Any:
    kernels = _scan_kernels(x)
    if kernels is None or (axes is not None and len(axes) > 1):
        return _multiplied(x, axes, keepdims)
    if axes is not None:
        return kernels.prod(x, axes[0], keepdims)
    whole = kernels.prod(x.reshape(-1), 0, False)
    return whole.reshape((1,) * x.ndim) if keepdims else whole


_prod_of_all = primitive("prod", _product, layout=rows,
                         x=lambda g, y, x, axes: _prod_slope(
                             _finite_beside_zeros(_nan_of(y, g, x, axes), x), x, axes))  # fmt: skip
_prod = primitive("prod.axes", _product, layout=rows,
                  x=lambda g, y, x, axes: _prod_slope(_nan_of(y, g, x, axes), x, axes))  # fmt: skip


def _summable(input: Any, dtype: Any) -> Any:
    """`input` in `dtype`, or integers and bools as int64."""
    if dtype is not None:
        return cast(input, dtypes.to_numpy(dtype))
    return cast(input, dtypes.INT64) if array_of(input).dtype.kind in "bui" else input


def _not_bool(name: str, input: Any) -> Any:
    if array_of(input).dtype.kind == "b" and array_of(input).ndim and array_of(input).size:
        raise NotImplementedError(f"\"{name}\" not implemented for 'Bool'")
    return input


def cumsum(input: Any, dim: Any = None, *, dtype: Any = None, axis: Any = None) -> Tensor:
    """The running sum along `dim`."""
    along = one_axis("cumsum", input, dim, axis)
    return _cumsum(_not_bool("cumsum", _summable(input, dtype)), along, False)


def cumprod(input: Any, dim: Any = None, *, dtype: Any = None, axis: Any = None) -> Tensor:
    """The running product along `dim`."""
    along = one_axis("cumprod", input, dim, axis)
    return _cumprod(_not_bool("cumprod", _summable(input, dtype)), along)


def prod(
    input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None,
    axis: int | None = None,
) -> Tensor:  # fmt: skip
    """The product of the entries, along `dim` or of all."""
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    op = _prod_of_all if dim is None and axis is None else _prod
    return op(_summable(input, dtype), as_axes(input, dim, axis), keepdim)


def one_axis(name: str, input: Any, dim: Any, axis: Any) -> int:
    """The axis that `dim`, or its other name `axis`, means; TypeError if neither is given."""
    dim = axis if dim is None else dim
    if dim is None:
        raise TypeError(f'{name}() missing 1 required positional arguments: "dim"')
    return checked_axis(dim, array_of(input).ndim)


__all__ = ["cumprod", "cumsum", "prod"]
