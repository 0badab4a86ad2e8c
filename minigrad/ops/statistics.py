"""What is told about samples: quantiles, covariances, histograms, sums without NaN, distances."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.errors import stacklevel
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase, array_of, wrap
from .arguments import as_int, checked_axis
from .cast import cast
from .checked import checked_methods
from .elementwise import clamp, isnan, lerp, sqrt
from .index import diagonal, gather, index_select, masked_fill, where
from .join import cat
from .matmul import matmul
from .order import sort
from .reduce import norm
from .reduce import sum as sum_
from .shape import broadcast_to, flatten, movedim, reshape, squeeze, transpose, unsqueeze
from .values import number

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


# ------------------------------------------------------------------------------------------------
# Sums without NaN
# ------------------------------------------------------------------------------------------------


def nansum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None
) -> Tensor:
    """The sum of the entries that are not NaN, along `dim` or of all."""
    is_float = array_of(input).dtype.kind == "f"
    known = where(isnan(input), 0, input) if is_float else input
    return sum_(known, axis if dim is None else dim, keepdim, dtype=dtype)


def nanmean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None
) -> Tensor:
    """The mean of the entries that are not NaN, along `dim` or of all; NaN if there is none."""
    dim = axis if dim is None else dim
    if array_of(input).dtype.kind != "f":
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{dtypes.legacy_name(array_of(input).dtype)}"
        )
    count = sum_(isnan(input).logical_not(), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


# ------------------------------------------------------------------------------------------------
# Quantiles
# ------------------------------------------------------------------------------------------------

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *,
    interpolation: str = "linear", axis: int | None = None,
) -> Tensor:  # fmt: skip
    """The numbers below which the parts `q` of the entries lie.

    Parameters
    ----------
    input : Tensor of float32 or float64
    q : float or Tensor of one axis
        From 0 (the smallest entry) to 1 (the largest). Of several, the results are along a new
        first axis.
    dim : int, optional
        Default: of all entries.
    interpolation : "linear", "lower", "higher", "midpoint" or "nearest"
        What to take of two entries between which the place lies.

    Raises
    ------
    RuntimeError
        Another type, no entries, or a `q` that is not between 0 and 1.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.quantile(mg.tensor([1.0, 2.0, 4.0]), mg.tensor([0.5, 0.75]))
    tensor([2., 3.])
    """
    dim = axis if dim is None else dim
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *,
    interpolation: str = "linear", axis: int | None = None,
) -> Tensor:  # fmt: skip
    """`quantile` of the entries that are not NaN; NaN if there is none."""
    dim = axis if dim is None else dim
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _checked_q(name: str, input: Any, q: Any, interpolation: str) -> Any:
    kind = array_of(input).dtype
    if not array_of(input).size:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if kind not in (np.float32, np.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if isinstance(q, TensorBase):
        if q.array.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
        if q.array.dtype != kind:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
        if not ((q.array >= 0) & (q.array <= 1)).all():
            raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    else:
        q = number(q, name, "q", "Tensor or float")
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q:g}")
        q = wrap(np.array(q, kind))
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    return q


def _quantile(
    name: str, input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, skips: bool
) -> Any:
    if is_listening():
        return heard(_quantile, (name, input, q, dim, keepdim, interpolation, skips), {})
    q = _checked_q(name, input, q, interpolation)
    shape = array_of(input).shape
    if dim is None:
        lines, kept = flatten(input), (1,) * len(shape)
    else:
        axis = checked_axis(dim, len(shape))
        lines = movedim(input, axis, -1) if shape else reshape(input, (1,))
        kept = tuple([1 if k == axis else n for k, n in enumerate(shape)])
    values = sort(lines, -1)[0]  # NaN to the end
    n, unknown = values.shape[-1], isnan(values)
    count = np.full((1,), n) if not skips else n - array_of(unknown).sum(-1, keepdims=True)
    last = wrap(np.maximum(count - 1, 0).astype(values.array.dtype))
    ranks = reshape(q, (-1,)) * last  # (..., Q)
    if not skips:  # one NaN, and all is
        ranks = where(unknown[..., -1:], n - 1.0, ranks)
    ranks = broadcast_to(ranks, (*values.shape[:-1], ranks.shape[-1]))
    if interpolation in ("lower", "higher", "nearest"):
        turned = {"lower": ranks.floor, "higher": ranks.ceil, "nearest": ranks.round}
        result = gather(values, -1, cast(turned[interpolation](), dtypes.INT64))
    else:
        below = ranks.detach().floor()
        weights = ranks - below if interpolation == "linear" else ranks.detach() * 0 + 0.5
        low = gather(values, -1, cast(below, dtypes.INT64))
        high = gather(values, -1, cast(ranks.detach().ceil(), dtypes.INT64))
        result = lerp(low, high, weights)
    if not q.array.ndim:
        result = squeeze(result, -1)
        return reshape(result, kept) if keepdim else result
    result = movedim(result, -1, 0)
    return reshape(result, (q.array.size, *kept)) if keepdim else result


# ------------------------------------------------------------------------------------------------
# Covariances
# ------------------------------------------------------------------------------------------------


def _weights(input: Any, fweights: Any, aweights: Any) -> tuple[Any, Any]:
    """The weights of the observations, and the part of them that is not a count."""
    count = input.shape[1]
    for name, weights, kinds in (("fweights", fweights, "iu"), ("aweights", aweights, "f")):
        if weights is None:
            continue
        array = array_of(weights)
        if array.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                f"{array.ndim} dimensions"
            )
        if array.dtype.kind not in kinds:
            word = "integral" if kinds == "iu" else "floating point"
            raise RuntimeError(
                f"cov(): expected {name} to have {word} dtype but got {name} with "
                f"{dtypes.legacy_name(array.dtype)} dtype"
            )
        if array.size != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the "
                f"input but got {array.size} != {count}"
            )
        if array.size and array.min() < 0:
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return (fweights if aweights is None else aweights), aweights
    return fweights * aweights, aweights


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    r"""The covariances of variables: :math:`\sum_k w_k (x_k - \bar x)(x_k - \bar x)^T / c`.

    Parameters
    ----------
    input : Tensor, shape (variables, observations), or (observations,)
    correction : int
        c is the sum of the weights less this.
    fweights : Tensor of integers, shape (observations,), optional
        How often each was observed.
    aweights : Tensor of floats, shape (observations,), optional
        How important each is.

    Returns
    -------
    Tensor, shape (variables, variables), or ()
    """
    if is_listening():
        weights = {"fweights": fweights, "aweights": aweights}
        return heard(cov, (input,), {"correction": correction, **weights})
    array = array_of(input)
    if array.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{array.ndim} dimensions"
        )
    if array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if array.ndim == 2 else reshape(input, (1, -1))
    w, importance = _weights(x, fweights, aweights)
    count = x.shape[1]
    total = count if w is None else sum_(w)
    if w is not None and not float(total):
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    mean = (sum_(x, 1) if w is None else sum_(x * w, 1)) / total
    if importance is None or not correction:
        divisor = total - correction
    else:
        divisor = total - correction * sum_(w * importance) / total
    if float(divisor) <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number "
            "of observations.",
            stacklevel=stacklevel(),
        )
        divisor = 0.0
    centred = x - unsqueeze(mean, 1)
    products = matmul(centred if w is None else centred * w, transpose(centred, 0, 1))
    return squeeze(products / divisor)


def corrcoef(input: Any) -> Tensor:
    """The coefficients of correlation: `cov`, divided by both standard deviations."""
    if array_of(input).ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{array_of(input).ndim} dimensions"
        )
    c = cov(input)
    if not c.ndim:
        return c / c
    deviation = sqrt(diagonal(c))
    return c / unsqueeze(deviation, 1) / unsqueeze(deviation, 0)


# ------------------------------------------------------------------------------------------------
# Histograms
# ------------------------------------------------------------------------------------------------


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many entries lie in each of `bins` parts of one size between `min` and `max`.

    With ``min == max`` the parts are between the smallest entry and the largest. What lies outside
    is not counted.
    """
    if is_listening():
        return heard(histc, (input, bins, min, max), {})
    x, bins = array_of(input), as_int(bins, "histc", "bins")
    low, high = float(number(min, "histc", "min")), float(number(max, "histc", "max"))
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if low > high:
        raise RuntimeError(f"torch.histc: max must be larger than min, got [{low}, {high}]")
    if x.dtype.kind != "f":
        raise NotImplementedError(
            f"\"histogram_cpu\" not implemented for '{dtypes.legacy_name(x.dtype)}'"
        )
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not np.isfinite([low, high]).all():
        raise RuntimeError(f"torch.histc: range of [{low}, {high}] is not finite")
    if low == high:
        low, high = low - 1, high + 1
    inside = x[(x >= low) & (x <= high)]
    places = ((inside - x.dtype.type(low)) / x.dtype.type(high - low) * bins).astype(np.int64)
    counts = np.bincount(np.minimum(places, bins - 1), minlength=bins)
    return wrap(counts.astype(x.dtype))


# ------------------------------------------------------------------------------------------------
# Distances
# ------------------------------------------------------------------------------------------------


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Tensor:
    """The `p`-norms of the differences between all rows of `x1` and all of `x2`.

    Parameters
    ----------
    x1 : Tensor, shape (..., n, d)
    x2 : Tensor, shape (..., m, d)
    p : float
        Not negative; 0 counts the entries that differ.
    compute_mode : str, optional
        "use_mm_for_euclid_dist": if `p` is 2, by a product of matrices, which is faster, and less
        accurate where rows are nearly equal; "donot_use_mm_for_euclid_dist": by differences.
        Default: by a product from 26 rows on.

    Returns
    -------
    Tensor, shape (..., n, m)
    """
    modes = (
        None, 0, 1, 2, "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
        "donot_use_mm_for_euclid_dist",
    )  # fmt: skip
    if compute_mode not in modes:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    a, b = array_of(x1), array_of(x2)
    for name, array in (("X1", a), ("X2", b)):
        if array.dtype.kind != "f":
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: "
                f"{dtypes.legacy_name(array.dtype)}"
            )
        if array.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {array.ndim}D"
            )
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}"
        )
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"expected scalar type {dtypes.legacy_name(a.dtype)} but found "
            f"{dtypes.legacy_name(b.dtype)}"
        )
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    many = a.shape[-2] > 25 or b.shape[-2] > 25
    if p == 2 and a.shape[-1] and (
        compute_mode in (1, "use_mm_for_euclid_dist")
        or (many and compute_mode in (None, 0, "use_mm_for_euclid_dist_if_necessary"))
    ):  # fmt: skip
        return _distances_by_product(x1, x2)
    differences = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if not a.shape[-1]:
        return sum_(differences, -1)
    return norm(differences, p, -1)


def _distances_by_product(x1: Any, x2: Any) -> Any:
    """The square roots of |x1|^2 - 2 x1 x2^T + |x2|^2, of which none has a slope at 0."""
    squares = [sum_(x * x, -1, keepdim=True) for x in (x1, x2)]
    ones = [wrap(np.ones(array_of(s).shape, array_of(s).dtype)) for s in squares]
    left, right = cat([x1 * -2, squares[0], ones[0]], -1), cat([x2, ones[1], squares[1]], -1)
    squared = clamp(matmul(left, transpose(right, -2, -1)), min=0)
    is_zero = squared.detach() == 0
    return masked_fill(sqrt(masked_fill(squared, is_zero, 1)), is_zero, 0)


def pdist(input: Any, p: float = 2) -> Tensor:
    """The `p`-norms of the differences between all pairs of rows, as a vector."""
    if array_of(input).ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {array_of(input).ndim}D")
    first, second = [wrap(k) for k in np.triu_indices(array_of(input).shape[0], 1)]
    return norm(index_select(input, 0, first) - index_select(input, 0, second), p, -1)


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    nansum, nanmean, quantile, nanquantile = nansum, nanmean, quantile, nanquantile
    cov, corrcoef, histc = cov, corrcoef, histc
