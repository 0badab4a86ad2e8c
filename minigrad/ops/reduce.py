"""Operations that reduce along axes: sums, means, deviations, norms, softmax, counting.

What picks entries, such as `max` and `sort`, is in `order`; what runs along an axis in `scan`.

Every function takes ``dim`` (an int, where it makes sense a tuple, None for all axes; ``axis`` is
accepted too) and ``keepdim``. Rules work with ``g`` of the reduced shape; `restored` gives it back
its lost axes as axes of size 1.
"""

from __future__ import annotations

import builtins
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.recording import as_array, as_one, records
from ..arrays.sums import in_wide, total
from ..autograd.errors import stacklevel
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .arguments import checked_axes, checked_axis
from .cast import cast, common_type
from .elementwise import abs as abs_
from .elementwise import exp, isnan, sign, where
from .kernels import with_kernel, with_reduction
from .layout import rows
from .makers import no_slope
from .shape import reshape, sum_to
from .values import number

if TYPE_CHECKING:
    from ..tensor import Tensor

Axes = tuple[int, ...] | None


def as_axes(input: Any, dim: Any, axis: Any = None) -> Axes:
    """`dim` as a tuple of axes counted from the front; None for all of them."""
    dim = axis if dim is None else dim
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return None
    axes = checked_axes(dim, array_of(input).ndim)
    return axes if array_of(input).ndim else None


def restored(g: Any, x_shape: tuple[int, ...], axes: Axes) -> Any:
    """`g` with the reduced axes back, of size 1."""
    return reshape(g, kept_shape(x_shape, axes))


def kept_shape(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    """`shape` with the reduced axes of size 1."""
    return tuple([1 if axes is None or k in axes else n for k, n in enumerate(shape)])


def need_entries(input: Any, name: str, dim: Any, error: type[Exception] = RuntimeError) -> None:
    """Raise if there is no entry to pick an extreme from: `error`; IndexError for an empty axis."""
    shape = array_of(input).shape
    if 0 not in shape:
        return
    if dim is None or dim == () or dim == []:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )
    for axis in checked_axes(dim, len(shape)):
        if shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


def _floating(input: Any, name: str) -> Any:
    if array_of(input).dtype.kind != "f":
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point "
            f"or complex dtype. Got: {dtypes.legacy_name(array_of(input).dtype)}"
        )
    return input


# ------------------------------------------------------------------------------------------------
# Sums and means
# ------------------------------------------------------------------------------------------------


def reduced_by(reduce: Any) -> Any:
    # in the type of `x`, where NumPy would count small integers as int64
    along = reduce.reduce
    return lambda x, axes, keepdims: along(x, axes, x.dtype, None, keepdims)


def _mean_of(x: np.ndarray, axes: Axes, keepdims: bool) -> Any:
    count = math.prod(x.shape if axes is None else [x.shape[k] for k in axes])
    sums = total(x, axes, keepdims)
    return sums / count if count else sums * np.nan


def _filled(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if records(x):
        return np.broadcast_to(x, shape)
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


_fill = primitive("expand", _filled, x=lambda g, x_shape: sum_to(g, x_shape))


def _spread(g: Any, x_shape: tuple[int, ...], axes: Axes) -> Any:
    """The gradient of a sum: that of the total for every entry."""
    return _fill(g if axes is None else restored(g, x_shape, axes), x_shape)


def _share(x_shape: tuple[int, ...], axes: Axes) -> float:
    return 1 / builtins.max(math.prod(x_shape if axes is None else [x_shape[k] for k in axes]), 1)


_sum_of_all, _sum = [
    primitive(name, total, layout=rows,
              x=lambda g, x_shape, axes: _spread(g, x_shape, axes))
    for name in ("sum", "sum.axes")
]  # fmt: skip
_mean_of_all, _mean, _mean_of_var_pair, _mean_of_std_pair = [
    primitive(name, with_reduction("mean", in_wide(_mean_of)), layout=rows,
              x=lambda g, x_shape, axes: _spread(g * _share(x_shape, axes), x_shape, axes))
    for name in ("mean", "mean.axes", "var_mean", "std_mean")
]  # fmt: skip


def sum(
    input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: Any = None
) -> Tensor:
    """The sum of the entries, along `dim` or of all.

    Integers and bools are summed as int64.
    """
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    elif array_of(input).dtype.kind in "bui":
        whole = dim is None and axis is None and not keepdim
        if whole and array_of(input).dtype.kind == "b" and not is_listening():
            counted: Tensor = wrap(np.array(np.count_nonzero(array_of(input))))
            return counted
        input = cast(input, dtypes.INT64)
    if dim is None and axis is None and not keepdim:
        return _sum_of_all(input, None, False)
    return _sum(input, as_axes(input, dim, axis), keepdim)


def mean(
    input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: Any = None
) -> Tensor:
    """The mean of the entries, along `dim` or of all. Integers are an error, as in PyTorch."""
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    whole = dim is None and axis is None and not keepdim
    op = _mean_of_all if whole else _mean
    return op(_floating(input, "mean"), as_axes(input, dim, axis), keepdim)


def _var_of(x: np.ndarray, axes: Axes, keepdims: bool, divisor: float) -> Any:
    centred = x - _mean_of(x, axes, True)
    centred -= _mean_of(centred, axes, True)  # (a large mean is not exact)
    return total(centred * centred, axes, keepdims) / divisor


def _std_of(x: np.ndarray, axes: Axes, keepdims: bool, divisor: float) -> Any:
    return np.sqrt(_var_of(x, axes, keepdims, divisor))


_std_in_kernel = with_reduction("std", in_wide(_std_of))


def _reduced_along(x: np.ndarray, axes: Axes, keepdims: bool, divisor: float) -> tuple[int, ...]:
    """The axes along which it works; those behind one that is taken out change their places."""
    along = tuple(range(len(x.shape))) if axes is None else axes
    return along if keepdims or not along else tuple(range(min(along), len(x.shape)))


@as_one(along=_reduced_along)
def _std_in_range(x: np.ndarray, axes: Axes, keepdims: bool, divisor: float) -> Any:
    """`_std_of`; of float32 again in float64, where the squares may have left the range."""
    y = _std_in_kernel(x, axes, keepdims, divisor)
    if y.dtype == np.float32 and not ((y > 0) & (y < math.inf)).all():
        y = _std_in_kernel(x.astype(np.float64), axes, keepdims, divisor).astype(np.float32)
    return y


def _var_slope(g: Any, x: Any, axes: Axes, divisor: float) -> Any:
    """2 g (x - mean) / divisor; without degrees of freedom infinite, or nan where x is the mean."""
    centred = x - _mean(x, axes, True)
    if not divisor:
        c = array_of(centred)
        most = math.inf if axes is None else np.copysign(math.inf, c)  # PyTorch's, signs and all
        factor = np.where(c == 0, math.nan, most)
        return restored(g, x.shape, axes) * factor.astype(array_of(x).dtype)
    return restored(g, x.shape, axes) * (centred * (2 / divisor))


_var, _var_of_pair = [
    primitive(name, with_reduction("var", in_wide(_var_of)), layout=rows,
              x=lambda g, x, axes, divisor: _var_slope(g, x, axes, divisor))
    for name in ("var", "var_mean")
]  # fmt: skip
_std, _std_of_pair = [  # the gradient is 0 where the deviation is 0
    primitive(name, _std_in_range, layout=rows,
              x=lambda g, y, x, axes, divisor: _var_slope(
                  where(y == 0, 0, g / (2 * where(y == 0, 1, y))), x, axes, divisor))
    for name in ("std", "std_mean")
]  # fmt: skip


def _spread_arguments(
    name: str, input: Any, dim: Any, unbiased: bool, correction: float | None, axis: Any = None
) -> tuple[Axes, float]:
    """The axes and the divisor of a variance, after the checks."""
    if array_of(input).dtype.kind != "f":
        which = name if "mean" in name else "std and var"
        raise RuntimeError(f"{which} only support floating point and complex dtypes")
    axes = as_axes(input, dim, axis)
    shape = array_of(input).shape
    count = math.prod(shape if axes is None else [shape[k] for k in axes])
    if correction is None:
        correction = 1 if unbiased else 0
    divisor = count - number(correction, name, "correction")
    if divisor <= 0:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by output numel): the divisor is "
            f"{count} - {count - divisor}, and the result is nan or inf",
            stacklevel=stacklevel(),
        )
    return axes, builtins.max(divisor, 0)


def var(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None, axis: Any = None,
) -> Tensor:  # fmt: skip
    r"""The variance :math:`\sum (x - \bar x)^2 / \max(0, n - c)`.

    c is `correction`: 1 if not given, or 0 if not `unbiased`.
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    axes, divisor = _spread_arguments("var", input, dim, unbiased, correction, axis)
    return _var(input, axes, keepdim, divisor)


def std(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None, axis: Any = None,
) -> Tensor:  # fmt: skip
    """The standard deviation: the square root of `var`, with the gradient 0 where that is 0."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    axes, divisor = _spread_arguments("std", input, dim, unbiased, correction, axis)
    return _std(input, axes, keepdim, divisor)


def var_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The variance and the mean."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    axes, divisor = _spread_arguments("var_mean", input, dim, unbiased, correction)
    return _var_of_pair(input, axes, keepdim, divisor), _mean_of_var_pair(input, axes, keepdim)


def std_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The standard deviation and the mean."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    axes, divisor = _spread_arguments("std_mean", input, dim, unbiased, correction)
    return _std_of_pair(input, axes, keepdim, divisor), _mean_of_std_pair(input, axes, keepdim)


# ------------------------------------------------------------------------------------------------
# Norms
# ------------------------------------------------------------------------------------------------


def shared(g: Any, chosen: Any, axes: Axes) -> Any:
    """The gradient `g` of a reduction in equal parts for the `chosen` entries, 0 for the others."""
    count = _sum(cast(chosen, array_of(g).dtype), axes, True)
    return where(chosen, restored(g, chosen.shape, axes) / count, 0)


def _alone(x: Any, axes: Axes) -> bool:
    """Whether there is one entry only along `axes`."""
    return builtins.all([n == 1 for k, n in enumerate(x.shape) if axes is None or k in axes])


_root_of_squares = with_reduction("norm", lambda x, axes, keepdims: np.sqrt(
                                      total(x * x, axes, keepdims)))  # fmt: skip


def _norm_of(x: np.ndarray, axes: Axes, keepdims: bool, p: float) -> Any:
    if _alone(x, axes):  # without powers, which may overflow
        sizes = np.abs(x) if p else (x != 0).astype(x.dtype)
        return sizes if keepdims else sizes.squeeze(axis=axes)
    if p == 2:
        return _root_of_squares(x, axes, keepdims)
    if math.isinf(p):
        extreme = np.maximum if p > 0 else np.minimum
        return extreme.reduce(np.abs(x), axis=axes, keepdims=keepdims)  # type: ignore[call-overload]
    terms = (x != 0).astype(x.dtype) if p == 0 else np.abs(x) if p == 1 else np.abs(x) ** p
    sums = total(terms, axes, keepdims)
    return sums if p in (0, 1) else sums ** (1 / p)


def _norm_slope(g: Any, y: Any, x: Any, axes: Axes, p: float) -> Any:
    """g sign(x) (|x| / |x|_p)^(p - 1), and 0 where the norm is 0, or where x is and p < 1."""
    if p == 0:
        return no_slope(x)
    if math.isinf(p):  # in equal parts to all entries that have the extreme value
        length = restored(y, x.shape, axes)
        ties = (abs_(x) == length) | isnan(x)  # (if one is NaN, the norm is, too)
        return shared(g, ties, axes) * sign(x)
    length, g = restored(y, x.shape, axes), restored(g, x.shape, axes)
    if p == 1:
        return g * sign(x)
    if p == 2 or _alone(x, axes):
        return g * where(length == 0, 0, x / length)
    power = sign(x) * abs_(x) ** (p - 1)
    if p < 1:
        return g * where(x == 0, 0, power) * length ** (1 - p)
    return power * where(length == 0, 0, g / length ** (p - 1))


_norm = primitive("linalg_vector_norm", in_wide(_norm_of), layout=rows,
                  x=lambda g, y, x, axes, p: _norm_slope(g, y, x, axes, p))  # fmt: skip
_dist = primitive("dist", lambda a, b, p: in_wide(_norm_of)(a - b, None, False, p),
                  a=lambda g, y, a, b, p: sum_to(_norm_slope(g, y, a - b, None, p), a.shape),
                  b=lambda g, y, a, b, p: sum_to(_norm_slope(g, y, b - a, None, p), b.shape)
)  # fmt: skip


def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    r"""The vector norm :math:`(\sum |x|^p)^{1/p}` along `dim`, or of all entries.

    Parameters
    ----------
    p : float, inf, -inf, 0 or "fro"
        "fro" (or None) means 2; 0 counts the entries that are not zero.
    """
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    if array_of(input).dtype.kind != "f":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{dtypes.legacy_name(array_of(input).dtype)}"
        )
    axes = as_axes(input, dim)
    p = 2.0 if p is None or p == "fro" else p
    if isinstance(p, str):
        raise RuntimeError(f"norm: p must be a number or 'fro', but got {p!r}")
    p = number(p, "norm", "p")
    if p == math.inf or p < 0:
        shape = array_of(input).shape
        empty = [k for k in range(len(shape)) if shape[k] == 0 and (axes is None or k in axes)]
        if empty:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {p} norm on the dimension {empty[0]} "
                "because this dimension is empty and the operation does not have an identity"
            )
    return _norm(input, axes, keepdim, float(p))


def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """The `p`-norm of ``input - other``."""
    a, b = common_type([input, other])
    return _dist(_floating(a, "dist"), b, float(p))


# ------------------------------------------------------------------------------------------------
# Softmax and its relations: the maximum is taken out, so that exp cannot overflow
# ------------------------------------------------------------------------------------------------


def _shift(x: np.ndarray, axes: Any) -> np.ndarray:
    largest = np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(largest), largest, 0).astype(x.dtype)


def _softmax_of(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    return e / total(e, axis, True)


def _log_softmax_of(x: np.ndarray, axis: int) -> np.ndarray:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(total(np.exp(shifted), axis, True))


def _logsumexp_of(x: np.ndarray, axes: Axes, keepdims: bool) -> np.ndarray:
    shift = _shift(x, axes)
    y = np.log(total(np.exp(x - shift), axes, True)) + shift
    return y if keepdims else y.squeeze(axis=axes)


_softmax = primitive("softmax", with_kernel("softmax", in_wide(_softmax_of), of_rows=True),
                     layout=rows,
                     x=with_kernel("softmax_slope", lambda g, y, axis: y * (
                         g - _sum(g * y, (axis,), True)), of_rows=True))  # fmt: skip
_log_softmax = primitive("log_softmax", with_kernel("log_softmax", in_wide(_log_softmax_of),
                                                    of_rows=True),
                         layout=rows,
                         x=with_kernel("log_softmax_slope", lambda g, y, axis:
                             g - exp(y) * _sum(g, (axis,), True), of_rows=True))  # fmt: skip
_logsumexp = primitive("logsumexp", with_reduction("logsumexp", in_wide(_logsumexp_of)),
                       layout=rows,
                       x=lambda g, y, x, axes: restored(g, x.shape, axes) * exp(
                           x - restored(y, x.shape, axes)))  # fmt: skip


for _operation in (
    _sum_of_all, _sum, _mean_of_all, _mean, _var, _std, _norm, _softmax, _log_softmax, _logsumexp
):  # fmt: skip
    # `backward` need not copy what their rules return
    _operation.op.gives_new = True  # type: ignore[attr-defined]


def softmax(input: Any, dim: Any = None, dtype: Any = None, *, axis: Any = None) -> Tensor:
    r""":math:`e^{x_i} / \sum_j e^{x_j}` along `dim`."""
    return _on_axis(_softmax, input, axis if dim is None else dim, dtype)


def log_softmax(input: Any, dim: Any = None, dtype: Any = None, *, axis: Any = None) -> Tensor:
    r""":math:`x_i - \log \sum_j e^{x_j}` along `dim`."""
    return _on_axis(_log_softmax, input, axis if dim is None else dim, dtype)


def _on_axis(op: Any, input: Any, dim: Any, dtype: Any) -> Any:
    if dim is None:
        raise TypeError(f'{op.__name__}() missing 1 required positional arguments: "dim"')
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    if array_of(input).dtype.kind != "f":
        raise NotImplementedError(
            f"{op.__name__}: not implemented for '{dtypes.legacy_name(array_of(input).dtype)}', "
            "use dtype=torch.float32"
        )
    rank = array_of(input).ndim
    axis = checked_axis(dim, rank)
    return op(input, axis) if rank else reshape(op(reshape(input, (1,)), 0), ())


def logsumexp(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Tensor:
    r""":math:`\log \sum_j e^{x_j}` along `dim`."""
    dim = axis if dim is None else dim
    if dim is None:
        raise TypeError('logsumexp() missing 1 required positional arguments: "dim"')
    if array_of(input).dtype.kind != "f":
        input = cast(input, dtypes.default())
    return _logsumexp(input, as_axes(input, dim), keepdim)


# ------------------------------------------------------------------------------------------------
# Without a gradient
# ------------------------------------------------------------------------------------------------


def _truth_type(input: Any) -> np.dtype:
    """bool, but uint8, which served as bool once, stays uint8."""
    kind = array_of(input).dtype
    return kind if kind == np.uint8 else dtypes.BOOL


def _truth_axes(input: Any, dim: Any, axis: Any) -> Axes:
    """As `as_axes`, but an empty `dim` means none, not all of them."""
    dim = axis if dim is None else dim
    return () if dim == () or dim == [] else as_axes(input, dim)


def all(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Tensor:
    """Whether all entries (along `dim`) are true."""
    if is_listening():
        return heard(all, (input, dim, keepdim), {"axis": axis})
    axes = _truth_axes(input, dim, axis)
    reduce: Any = np.logical_and.reduce  # (np.all takes twice as long)
    result = reduce(array_of(input), axes, None, None, keepdim)
    return wrap(as_array(result, _truth_type(input)))


def any(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Tensor:
    """Whether any entry (along `dim`) is true."""
    if is_listening():
        return heard(any, (input, dim, keepdim), {"axis": axis})
    axes = _truth_axes(input, dim, axis)
    reduce: Any = np.logical_or.reduce  # (np.any takes twice as long)
    result = reduce(array_of(input), axes, None, None, keepdim)
    return wrap(as_array(result, _truth_type(input)))


def count_nonzero(input: Any, dim: Any = None, *, axis: Any = None) -> Tensor:
    """How many entries (along `dim`) are not zero."""
    if is_listening():
        return heard(count_nonzero, (input, dim), {"axis": axis})
    counts = np.count_nonzero(array_of(input), axis=as_axes(input, dim, axis))
    return wrap(as_array(counts, np.int64))


def without_derivative(name: str, pytorch: str) -> Any:
    """``op(x, result)``, which is `result`, and belongs to the graph of x as it does in PyTorch."""

    def rule(g: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{pytorch}' is not implemented.")

    return primitive(name, lambda x, result: result, x=rule)


_unique = without_derivative("unique2", "_unique2")
_unique_dim = without_derivative("unique_dim", "unique_dim")
_bincount = without_derivative("bincount", "bincount")


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> Any:  # fmt: skip
    """The different entries in ascending order; on request, the inverse mapping and the counts."""
    values, inverse, counts = np.unique(  # (a NaN is equal to nothing, not to another one either)
        array_of(input), return_inverse=True, return_counts=True, axis=dim, equal_nan=False
    )
    results = [_unique(input, values) if dim is None else _unique_dim(input, values)]
    if return_inverse:
        results.append(wrap(inverse.reshape(array_of(input).shape) if dim is None else inverse))
    if return_counts:
        results.append(wrap(counts))
    return results[0] if len(results) == 1 else tuple(results)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of the numbers 0, 1, ... occurs in a 1-D tensor of integers."""
    array = array_of(input)
    if array.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"bincount_cpu\" not implemented for '{dtypes.legacy_name(array.dtype)}'"
        )
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, but got {minlength}")
    if weights is None or not array.size:
        return wrap(np.bincount(array, minlength=minlength))
    w = array_of(weights)
    if w.shape != array.shape:
        raise RuntimeError(
            "weights should be 1-d and have the same length as input, but got shapes "
            f"{list(w.shape)} and {list(array.shape)}"
        )
    kind = dtypes.FLOAT32 if w.dtype == dtypes.FLOAT32 else dtypes.FLOAT64
    return _bincount(weights, np.bincount(array, w, minlength).astype(kind))


__all__ = [
    "all", "any", "bincount", "count_nonzero", "dist", "log_softmax", "logsumexp", "mean", "norm",
    "softmax", "std", "std_mean", "sum", "unique", "var", "var_mean",
]  # fmt: skip
