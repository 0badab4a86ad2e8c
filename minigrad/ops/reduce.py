"""Operations that reduce or accumulate along axes: sums, means, extremes, norms, softmax, sorting.

Every function takes ``dim`` (an int, where it makes sense a tuple, None for all axes; ``axis`` is
accepted too) and ``keepdim``. Rules work with ``g`` of the reduced shape; `_restore` gives it back
its lost axes as axes of size 1.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..autograd.engine import array_of, primitive, wrap
from .arguments import checked_axes, checked_axis
from .cast import cast
from .elementwise import abs as abs_
from .elementwise import exp, maximum, minimum, mul, where
from .index import narrow, scatter_sum
from .join import cat
from .shape import clone, flatten, flip, reshape, sum_to

Axes = tuple[int, ...] | None


class values_indices(NamedTuple):
    values: Any
    indices: Any


def _return_type(name: str) -> Any:
    """A named pair that prints as PyTorch's: ``torch.return_types.max(values=..., ...)``."""

    def text(self: Any) -> str:
        return f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"

    return type(name, (values_indices,), {"__repr__": text, "__slots__": ()})


def _axes(input: Any, dim: Any, axis: Any = None) -> Axes:
    """`dim` as a tuple of axes counted from the front; None for all of them."""
    dim = axis if dim is None else dim
    if dim is None or dim == ():
        return None
    return checked_axes(dim, array_of(input).ndim) if array_of(input).ndim else None


def _restore(g: Any, x_shape: tuple[int, ...], axes: Axes) -> Any:
    """`g` with the reduced axes back, of size 1."""
    return reshape(g, _kept(x_shape, axes))


def _kept(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    """`shape` with the reduced axes of size 1."""
    return tuple([1 if axes is None or k in axes else n for k, n in enumerate(shape)])


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


def _mean_of(x: np.ndarray, axes: Axes, keepdims: bool) -> Any:
    count = math.prod(x.shape if axes is None else [x.shape[k] for k in axes])
    total = np.add.reduce(x, axis=axes, keepdims=keepdims)  # type: ignore[call-overload]
    return total / count if count else total * np.nan


def _filled(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


_fill = primitive("expand", _filled, x=lambda g, x_shape: sum_to(g, x_shape))


def _spread(g: Any, x_shape: tuple[int, ...], axes: Axes) -> Any:
    """The gradient of a sum: that of the total for every entry."""
    return _fill(g if axes is None else _restore(g, x_shape, axes), x_shape)


def _share(x_shape: tuple[int, ...], axes: Axes) -> float:
    return 1 / builtins.max(math.prod(x_shape if axes is None else [x_shape[k] for k in axes]), 1)


_sum = primitive("sum", lambda x, axes, keepdims: np.add.reduce(x, axis=axes, keepdims=keepdims),
                 x=lambda g, x_shape, axes: _spread(g, x_shape, axes))  # fmt: skip
_mean = primitive("mean", _mean_of,
                  x=lambda g, x_shape, axes: _spread(g * _share(x_shape, axes), x_shape, axes)
)  # fmt: skip


def sum(
    input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: Any = None
) -> Any:
    """The sum of the entries, along `dim` or of all.

    Integers and bools are summed as int64.
    """
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    elif array_of(input).dtype.kind in "bui":
        input = cast(input, dtypes.INT64)
    return _sum(input, _axes(input, dim, axis), keepdim)


def mean(
    input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: Any = None
) -> Any:
    """The mean of the entries, along `dim` or of all. Integers are an error, as in PyTorch."""
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    return _mean(_floating(input, "mean"), _axes(input, dim, axis), keepdim)


def var(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None, axis: Any = None,
) -> Any:  # fmt: skip
    r"""The variance :math:`\sum (x - \bar x)^2 / \max(0, n - c)`.

    c is `correction`: 1 if not given, or 0 if not `unbiased`.
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    axes = _axes(_floating(input, "var"), dim, axis)
    shape = array_of(input).shape
    count = math.prod(shape if axes is None else [shape[k] for k in axes])
    divisor = count - ((1 if unbiased else 0) if correction is None else correction)
    centred = input - _mean(input, axes, True)
    return _sum(centred * centred, axes, keepdim) / builtins.max(divisor, 0)


_root = primitive("std", lambda x: np.sqrt(x),
                  x=lambda g, y: g * where(y == 0, 0, 0.5 / where(y == 0, 1, y)))  # fmt: skip


def std(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None, axis: Any = None,
) -> Any:  # fmt: skip
    """The standard deviation: the square root of `var`, with the gradient 0 where that is 0."""
    return _root(var(input, dim, unbiased, keepdim, correction=correction, axis=axis))


def var_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
    correction: float | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """The variance and the mean."""
    whole = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, whole, keepdim)


def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The running sum along `dim`."""
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    elif array_of(input).dtype.kind in "bui":
        input = cast(input, dtypes.INT64)
    if not array_of(input).ndim:
        checked_axis(dim, 0)
        return mul(input, 1)
    return _cumsum(input, checked_axis(dim, array_of(input).ndim))


_cumsum = primitive("cumsum", lambda x, axis: np.add.accumulate(x, axis=axis),
                    x=lambda g, axis: flip(_cumsum(flip(g, axis), axis), axis))  # fmt: skip


def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product of the entries: halves are multiplied until one is left; zeros are no trouble."""
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    elif array_of(input).dtype.kind in "bui":
        input = cast(input, dtypes.INT64)
    x, axis = (
        (flatten(input), 0) if dim is None else (input, checked_axis(dim, array_of(input).ndim))
    )
    x = reshape(x, (1,)) if not len(x.shape) else x
    if x.shape[axis] == 1:
        x = clone(x)  # nothing to multiply, but the result must not share the memory
    while x.shape[axis] > 1:
        half = x.shape[axis] // 2
        product = narrow(x, axis, 0, half) * narrow(x, axis, half, half)
        x = product if x.shape[axis] % 2 == 0 else _with_last(product, x, axis)
    shape = array_of(input).shape
    if 0 in x.shape and x.shape[axis] == 0:
        filled = np.ones([1 if k == axis else n for k, n in enumerate(x.shape)], array_of(x).dtype)
        x = wrap(filled)
    if dim is None:
        return reshape(x, (1,) * len(shape) if keepdim else ())
    return reshape(
        x, tuple([1 if k == axis else n for k, n in enumerate(shape) if k != axis or keepdim])
    )


def _with_last(product: Any, x: Any, axis: int) -> Any:
    """`product` with its first slice also multiplied by the slice of `x` that had no partner."""

    n = x.shape[axis]
    first = narrow(product, axis, 0, 1) * narrow(x, axis, n - 1, 1)
    return cat([first, narrow(product, axis, 1, product.shape[axis] - 1)], axis)


# ------------------------------------------------------------------------------------------------
# Extremes, order
# ------------------------------------------------------------------------------------------------


def _shared_among_ties(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    """The gradient of an extreme value goes in equal parts to all entries that have it."""
    ties = x == _restore(y, x.shape, axes)
    count = _sum(cast(ties, array_of(g).dtype), axes, True)
    return where(ties, _restore(g, x.shape, axes) / count, 0)


def _equal_shares(reduce: Any, name: str) -> Any:
    return primitive(name, lambda x, axes, keepdims: reduce(x, axis=axes, keepdims=keepdims),
                     x=lambda g, y, x, axes: _shared_among_ties(g, y, x, axes))  # fmt: skip


_amax, _amin = _equal_shares(np.maximum.reduce, "amax"), _equal_shares(np.minimum.reduce, "amin")
_picked_of_max, _picked_of_min, _picked_of_sort, _picked_of_topk, _picked_of_median = [
    # the entries at `indices` along `axis`, which the caller has at hand already
    primitive(name, lambda x, values, indices, axis: values,
              x=lambda g, x_shape, indices, axis: scatter_sum(
                  g, _with_axis(indices, axis, x_shape), axis, x_shape))
    for name in ("max", "min", "sort", "topk", "median")
]  # fmt: skip


def _with_axis(indices: np.ndarray, axis: int, x_shape: tuple[int, ...]) -> np.ndarray:
    """The indices with the axis back that a reduction dropped."""
    return indices if indices.ndim == len(x_shape) else np.expand_dims(indices, axis)


def _need_entries(input: Any, name: str, dim: Any, error: type[Exception] = RuntimeError) -> None:
    """Raise if there is no entry to pick an extreme from: `error`; IndexError for an empty axis."""
    shape = array_of(input).shape
    if 0 not in shape:
        return
    if dim is None or dim == ():
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )
    for axis in checked_axes(dim, len(shape)):
        if shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest entry along `dim`; its gradient is shared equally among ties."""
    _need_entries(input, "amax", dim)
    return _amax(input, _axes(input, dim), keepdim)


def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest entry along `dim`; its gradient is shared equally among ties."""
    _need_entries(input, "amin", dim)
    return _amin(input, _axes(input, dim), keepdim)


def _along(
    input: Any, dim: int, keepdim: bool, arg: Any, reduce: Any, picked: Any, result: Any
) -> Any:
    """The values and indices of ``max`` or ``min`` along one axis."""
    array = array_of(input)
    if not array.ndim:
        checked_axis(dim, 0)
        return result(input * 1, wrap(np.zeros((), np.int64)))
    axis = checked_axis(dim, array.ndim)
    indices, values = arg(array, axis), reduce(array, axis)
    if keepdim or array.ndim == 1:  # (of one axis NumPy makes scalars)
        shape = _kept(array.shape, (axis,)) if keepdim else ()
        indices, values = np.reshape(indices, shape), np.reshape(values, shape)
    pair = picked(input, values, indices, axis), wrap(indices)
    return tuple.__new__(result, pair)  # ``result(*pair)``, but three times as fast


def _max_or_min(name: str, arg: Any, reduce: Any, whole: Any, pairwise: Any, picked: Any) -> Any:
    """`max` and `min`, three functions each: of all entries, along an axis, of two tensors."""
    result = _return_type(name)

    def call(
        input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None
    ) -> Any:
        dim = axis if dim is None else dim
        other = dim if other is None and not isinstance(dim, (int, type(None))) else other
        if other is not None:
            return pairwise(input, other)
        _need_entries(input, name, dim)
        if dim is None:
            return whole(input, None, False)
        return _along(input, dim, keepdim, arg, reduce, picked, result)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""``{name}(input)``: of all entries; ``{name}(input, dim)``: along an axis.

    The second form returns the named pair ``(values, indices)``; ``{name}(input, other)`` compares
    two tensors entry by entry.
    """
    return call


max = _max_or_min("max", np.ndarray.argmax, np.maximum.reduce, _amax, maximum, _picked_of_max)
min = _max_or_min("min", np.ndarray.argmin, np.minimum.reduce, _amin, minimum, _picked_of_min)


def _argument(input: Any, dim: int | None, keepdim: bool, function: Any, name: str) -> Any:
    array = array_of(input)
    _need_entries(input, name, dim, IndexError)
    if dim is None:
        flat = np.asarray(function(array))
        return wrap(flat.reshape((1,) * array.ndim) if keepdim else flat)
    if not array.ndim:
        return wrap(np.zeros((), np.int64))
    return wrap(function(array, axis=checked_axis(dim, array.ndim), keepdims=keepdim))


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The index of the first largest entry: along `dim`, or in the flattened tensor."""
    return _argument(input, dim, keepdim, np.argmax, "argmax")


def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The index of the first smallest entry: along `dim`, or in the flattened tensor."""
    return _argument(input, dim, keepdim, np.argmin, "argmin")


def _order(array: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """The stable sorting permutation along `axis`; NaN counts as the largest."""
    if not descending:
        return np.argsort(array, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(array, axis), axis=axis, kind="stable")  # ties: last first,
    return np.flip(array.shape[axis] - 1 - backwards, axis)  # and turned round: first first


_sort_result, _topk_result, _median_result = map(_return_type, ("sort", "topk", "median"))


def _picked(input: Any, indices: np.ndarray, axis: int, picked: Any, result: Any) -> Any:
    values = np.take_along_axis(array_of(input), indices, axis)
    return result(picked(input, values, indices, axis), wrap(indices))


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The entries in order along `dim`: the named pair ``(values, indices)``. Always stable."""
    if not array_of(input).ndim:
        return _sort_result(input * 1, wrap(np.zeros((), np.int64)))
    axis = checked_axis(dim, array_of(input).ndim)
    return _picked(
        input, _order(array_of(input), axis, descending), axis, _picked_of_sort, _sort_result
    )


def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that put the entries in order along `dim`."""
    if not array_of(input).ndim:
        return wrap(np.zeros((), np.int64))
    return wrap(_order(array_of(input), checked_axis(dim, array_of(input).ndim), descending))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The `k` largest (or smallest) entries along `dim`, in order, and their indices."""
    if not array_of(input).ndim:
        values, indices = topk(reshape(input, (1,)), k, 0, largest, sorted)
        return (
            _topk_result(reshape(values, ()), reshape(indices, ()))
            if k
            else _topk_result(values, indices)
        )
    axis = checked_axis(dim, array_of(input).ndim)
    if not 0 <= k <= array_of(input).shape[axis]:
        raise RuntimeError(
            f"selected index k out of range: k={k}, axis {axis} has size "
            f"{array_of(input).shape[axis]}"
        )
    order = _order(array_of(input), axis, largest)
    return _picked(input, np.take(order, np.arange(k), axis), axis, _picked_of_topk, _topk_result)


def _median_places(array: np.ndarray, axis: int) -> np.ndarray:
    """Where the lower median is along `axis` (kept, of size 1), or the first NaN."""
    places = np.take(_order(array, axis, False), [(array.shape[axis] - 1) // 2], axis)
    nan = np.isnan(array)
    if not nan.any():
        return places
    return np.where(nan.any(axis, keepdims=True), nan.argmax(axis, keepdims=True), places)


def _middle(x: np.ndarray, axis: None, keepdims: bool) -> Any:
    flat = x.reshape(-1)
    return flat[_median_places(flat, 0)[0]] if flat.size else np.asarray(np.nan, x.dtype)


_median_of_all = _equal_shares(_middle, "median")


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median: of all entries, or along `dim` with its index. A NaN makes it NaN.

    The gradient of the median of all entries is shared equally among ties.
    """
    if dim is None:
        return _median_of_all(input, None, False)
    axis = checked_axis(dim, array_of(input).ndim)
    if not array_of(input).ndim:
        return _median_result(input * 1, wrap(np.zeros((), np.int64)))
    _need_entries(input, "median", dim)
    indices = _median_places(array_of(input), axis)
    values = np.take_along_axis(array_of(input), indices, axis)
    shown = indices if keepdim else indices.squeeze(axis)
    values = values if keepdim else values.squeeze(axis)
    return _median_result(_picked_of_median(input, values, shown, axis), wrap(shown))


# ------------------------------------------------------------------------------------------------
# Norms
# ------------------------------------------------------------------------------------------------


def _norm2_of(x: np.ndarray, axes: Axes, keepdims: bool) -> Any:
    return np.sqrt(np.add.reduce(x * x, axis=axes, keepdims=keepdims))  # type: ignore[call-overload]


def _direction(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    """g x/|x|, and 0 where x = 0."""
    length = _restore(y, x.shape, axes)
    return _restore(g, x.shape, axes) * x / where(length == 0, 1, length)


_norm2 = primitive("linalg_vector_norm", _norm2_of,
                   x=lambda g, y, x, axes: _direction(g, y, x, axes))  # fmt: skip


def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    r"""The vector norm :math:`(\sum |x|^p)^{1/p}` along `dim`, or of all entries.

    Parameters
    ----------
    p : float, inf, -inf, 0 or "fro"
        "fro" means 2; 0 counts the entries that are not zero.
    """
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    axes = _axes(_floating(input, "linalg.vector_norm"), dim)
    if p in ("fro", 2):
        return _norm2(input, axes, keepdim)
    if p == math.inf:
        return _amax(abs_(input), axes, keepdim)
    if p == -math.inf:
        return _amin(abs_(input), axes, keepdim)
    if p == 0:
        return sum(cast(input != 0, array_of(input).dtype), axes, keepdim)
    if p == 1:
        return _sum(abs_(input), axes, keepdim)
    return _sum(abs_(input) ** p, axes, keepdim) ** (1 / p)


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The `p`-norm of ``input - other``."""
    return norm(input - other, p)


# ------------------------------------------------------------------------------------------------
# Softmax and its relations: the maximum is taken out, so that exp cannot overflow
# ------------------------------------------------------------------------------------------------


def _shift(x: np.ndarray, axes: Any) -> np.ndarray:
    largest = np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(largest), largest, 0).astype(x.dtype)


def _softmax_of(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _log_softmax_of(x: np.ndarray, axis: int) -> np.ndarray:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _logsumexp_of(x: np.ndarray, axes: Axes, keepdims: bool) -> np.ndarray:
    shift = _shift(x, axes)
    y = np.log(np.add.reduce(np.exp(x - shift), axis=axes, keepdims=True)) + shift
    return y if keepdims else y.squeeze(axis=axes)


_softmax = primitive("softmax", _softmax_of,
                     x=lambda g, y, axis: y * (g - _sum(g * y, (axis,), True)))  # fmt: skip
_log_softmax = primitive("log_softmax", _log_softmax_of,
                         x=lambda g, y, axis: g - exp(y) * _sum(g, (axis,), True))  # fmt: skip
_logsumexp = primitive("logsumexp", _logsumexp_of,
                       x=lambda g, y, x, axes: _restore(g, x.shape, axes) * exp(
                           x - _restore(y, x.shape, axes)))  # fmt: skip


def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    r""":math:`e^{x_i} / \sum_j e^{x_j}` along `dim`."""
    return _on_axis(_softmax, input, dim, dtype)


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    r""":math:`x_i - \log \sum_j e^{x_j}` along `dim`."""
    return _on_axis(_log_softmax, input, dim, dtype)


def _on_axis(op: Any, input: Any, dim: int, dtype: Any) -> Any:
    if dtype is not None:
        input = cast(input, dtypes.to_numpy(dtype))
    rank = array_of(input).ndim
    axis = checked_axis(dim, rank)
    return op(input, axis) if rank else reshape(op(reshape(input, (1,)), 0), ())


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    r""":math:`\log \sum_j e^{x_j}` along `dim`."""
    return _logsumexp(input, _axes(input, dim), keepdim)


# ------------------------------------------------------------------------------------------------
# Without a gradient
# ------------------------------------------------------------------------------------------------


def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all entries (along `dim`) are true."""
    return wrap(np.all(array_of(input), axis=_axes(input, dim), keepdims=keepdim))


def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any entry (along `dim`) is true."""
    return wrap(np.any(array_of(input), axis=_axes(input, dim), keepdims=keepdim))


def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many entries (along `dim`) are not zero."""
    return wrap(np.count_nonzero(array_of(input), axis=_axes(input, dim)))


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> Any:  # fmt: skip
    """The different entries in ascending order; on request, the inverse mapping and the counts."""
    values, inverse, counts = np.unique(
        array_of(input), return_inverse=True, return_counts=True, axis=dim
    )
    results = [wrap(values)]
    if return_inverse:
        results.append(wrap(inverse.reshape(array_of(input).shape) if dim is None else inverse))
    if return_counts:
        results.append(wrap(counts))
    return results[0] if len(results) == 1 else tuple(results)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of the numbers 0, 1, ... occurs in a 1-D tensor of integers."""
    array = array_of(input)
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return wrap(np.bincount(array, minlength=minlength))
    w = array_of(weights)
    kind = dtypes.FLOAT32 if w.dtype == dtypes.FLOAT32 else dtypes.FLOAT64
    return wrap(np.bincount(array, w, minlength).astype(kind))


__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "bincount", "count_nonzero",
    "cumsum", "dist", "log_softmax", "logsumexp", "max", "mean", "median", "min", "norm", "prod",
    "softmax", "sort", "std", "sum", "topk", "unique", "var", "var_mean",
]  # fmt: skip
