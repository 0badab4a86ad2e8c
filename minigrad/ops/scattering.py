"""Writing many entries into one: `scatter_reduce` and its like; and `masked_scatter`.

`scatter` and `scatter_add` themselves are in `inplace`, as they have kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .arguments import checked_axis
from .cast import cast
from .checked import checked_methods
from .elementwise import floor_divide
from .index import (
    along_axis,
    check_range_along,
    checked_gather_index,
    diagonal,
    gathered,
    getitem,
    scatter_sum,
    select,
    take,
    where,
)
from .inplace import copy_, inplace, scatter, scatter_add
from .shape import broadcast_to, clone, flatten, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray

# ------------------------------------------------------------------------------------------------
# scatter_reduce
# ------------------------------------------------------------------------------------------------

UFUNCS = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _reduced(base: ndarray, value: ndarray, index: ndarray, axis: int, name: str) -> ndarray:
    check_range_along(index, base.shape, axis)
    total = np.array(base, order="C")
    UFUNCS[name].at(total, along_axis(index, axis), value)
    return total


def _prod_slope(g: Any, y: Any, base: Any, value: Any, index: Any, axis: int) -> tuple[Any, Any]:
    """g times the product of all others: where several are 0, it is 0; where one is, only it has
    another derivative."""
    of_base, of_value = _as(base == 0, base), _as(value == 0, value)
    zeros = of_base + scatter_sum(of_value, index, axis, base.shape)
    nonzero, others = where(base == 0, 1, base), where(value == 0, 1, value)
    product = _prod(nonzero, others, index, axis, "prod")
    alone = where(zeros == of_base, g * (product / nonzero), 0)
    beside = gathered(zeros, index, axis) == of_value
    return alone, where(beside, gathered(g * product, index, axis) / others, 0)


def _extreme_slope(g: Any, y: Any, base: Any, value: Any, index: Any, axis: int) -> Any:
    """g in equal parts for all that have the extreme value."""
    of_base, of_value = base == y, value == gathered(y, index, axis)
    count = _as(of_base, g) + scatter_sum(_as(of_value, g), index, axis, base.shape)
    share = g / where(count == 0, 1, count)
    return where(of_base, share, 0), where(of_value, gathered(share, index, axis), 0)


def _as(condition: Any, like: Any) -> Any:
    return cast(condition, array_of(like).dtype)


_prod = primitive("scatter_reduce", _reduced, keeps="index",
                  base=lambda g, y, base, value, index, axis: _prod_slope(
                      g, y, base, value, index, axis)[0],
                  value=lambda g, y, base, value, index, axis: _prod_slope(
                      g, y, base, value, index, axis)[1])  # fmt: skip
_extreme = primitive("scatter_reduce", _reduced, keeps="index",
                     base=lambda g, y, base, value, index, axis: _extreme_slope(
                         g, y, base, value, index, axis)[0],
                     value=lambda g, y, base, value, index, axis: _extreme_slope(
                         g, y, base, value, index, axis)[1])  # fmt: skip


def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """`input` after what `src` has for an entry was put together with it.

    Parameters
    ----------
    dim : int
    index : Tensor of int64
        For ``dim=0``, ``src[i][j]`` goes to entry ``[index[i][j]][j]``.
    src : Tensor
        Of the type of `input`, and nowhere shorter than `index`.
    reduce : "sum", "prod", "mean", "amax" or "amin"
    include_self : bool
        Whether the entries of `input` take part. What nothing goes to keeps its value anyway.

    Notes
    -----
    Of a product, second derivatives with respect to entries that are 0 are left out.

    Examples
    --------
    >>> import minigrad as mg
    >>> index = mg.tensor([0, 1, 0])
    >>> mg.zeros(2).scatter_reduce(0, index, mg.tensor([1.0, 2.0, 3.0]), "amax")
    tensor([3., 2.])
    """
    if is_listening():
        return heard(scatter_reduce, (input, dim, index, src, reduce),
                     {"include_self": include_self})  # fmt: skip
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "reduce argument must be either sum, prod, mean, amax or amin, got " + str(reduce)
        )
    kind = array_of(input).dtype
    if kind != array_of(src).dtype:
        raise RuntimeError(
            f"scatter(): Expected self.dtype to be equal to src.dtype, but got "
            f"{dtypes.of_numpy(kind)} and {dtypes.of_numpy(array_of(src).dtype)}"
        )
    if kind.kind == "b" and reduce == "mean":
        raise NotImplementedError("\"scatter_reduce\" with 'mean' not implemented for 'Bool'")
    return _scatter_reduce(input, dim, index, src, reduce, include_self)


def _scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool
) -> Any:
    positions, axis = checked_gather_index(input, dim, index, "scatter")
    if not positions.size:
        return scatter_add(input, dim, index, src)
    if not array_of(input).ndim:
        one, at, other = [reshape(x, (1,)) for x in (input, index, src)]
        return reshape(_scatter_reduce(one, 0, at, other, reduce, include_self), ())
    if any([n < m for n, m in zip(array_of(src).shape, positions.shape)]):
        raise RuntimeError(
            f"Expected index {list(positions.shape)} to be no larger than self "
            f"{list(array_of(input).shape)} apart from dimension {dim} and to be no larger size "
            f"than src {list(array_of(src).shape)}"
        )
    check_range_along(positions, array_of(input).shape, axis)
    if array_of(src).shape != positions.shape:
        src = getitem(src, tuple([slice(n) for n in positions.shape]))
    if not include_self:
        neutral = {"sum": 0, "mean": 0, "prod": 1}.get(reduce)
        if neutral is None:
            neutral = _least_or_most(array_of(input).dtype, reduce)
        input = scatter(input, axis, index, value=neutral)
    if reduce in ("sum", "mean"):
        total = scatter_add(input, axis, index, src)
        if reduce == "sum":
            return total
        count = np.full(array_of(input).shape, int(include_self), np.int64)
        np.add.at(count, along_axis(positions, axis), 1)
        divisor = wrap(np.maximum(count, 1).astype(array_of(input).dtype))
        is_float = array_of(input).dtype.kind == "f"
        return total / divisor if is_float else floor_divide(total, divisor)
    op = _prod if reduce == "prod" else _extreme
    return op(input, src, index, axis, reduce)


def _least_or_most(kind: np.dtype, reduce: str) -> Any:
    """What changes no maximum, or no minimum."""
    sign = -1 if reduce == "amax" else 1
    if kind.kind == "f":
        return sign * float("inf")
    if kind.kind == "b":
        return sign > 0
    info = np.iinfo(kind)
    return int(info.max if sign > 0 else info.min)


def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """`scatter_reduce` of whole rows: ``source[i]`` goes to row ``index[i]`` along `dim`.

    Parameters
    ----------
    reduce : "prod", "mean", "amax" or "amin"
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    shape = array_of(source).shape
    axis, count = checked_axis(dim, len(shape)), array_of(index).size
    if array_of(index).ndim > 1 or (shape and count != shape[axis]):
        raise RuntimeError(
            f"index_reduce_(): Number of indices ({count}) should be equal to source.size(dim): "
            f"({shape[axis] if shape else 1}), for dim: {dim}"
        )
    rows = reshape(index, [count if k == axis else 1 for k in range(len(shape))])
    return scatter_reduce(
        input, dim, broadcast_to(rows, shape), source, reduce, include_self=include_self
    )


# ------------------------------------------------------------------------------------------------
# A part replaced
# ------------------------------------------------------------------------------------------------


def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """`input` with the entries of `source`, in order, where `mask` is true.

    `input` and the bool `mask` are broadcast; `source` may have more entries than are needed.
    """
    if is_listening():
        return heard(masked_scatter, (input, mask, source), {})
    chosen = array_of(mask)
    if chosen.dtype.kind != "b":
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{dtypes.legacy_name(chosen.dtype)}"
        )
    kinds = array_of(input).dtype, array_of(source).dtype
    if kinds[0] != kinds[1]:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{dtypes.legacy_name(kinds[0])} and {dtypes.legacy_name(kinds[1])}"
        )
    try:
        shape = np.broadcast_shapes(array_of(input).shape, chosen.shape)
    except ValueError:
        raise RuntimeError(
            f"masked_scatter: the size of the mask {list(chosen.shape)} must match the size of the "
            f"tensor {list(array_of(input).shape)}"
        ) from None
    chosen = np.broadcast_to(chosen, shape)
    count = np.count_nonzero(chosen)
    if array_of(source).size < count:
        raise RuntimeError(
            f"Number of elements of source < number of ones in mask: {array_of(source).size} < "
            f"{count}"
        )
    wide = input if array_of(input).shape == shape else broadcast_to(input, shape)
    if not count:
        return clone(wide)
    order = np.maximum(np.cumsum(chosen) - 1, 0).reshape(shape)
    return where(wrap(chosen), take(flatten(source), wrap(order)), wide)


def _replaced(copy: Any, part: Any, src: Any) -> Any:
    """`copy`, after `src` was written to `part`, a view of it."""
    if array_of(src).shape != array_of(part).shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(array_of(src).shape)}, slice size = {list(array_of(part).shape)}"
        )
    copy_(part, src)
    return copy


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Tensor:
    """A copy of `input` in which ``select(dim, index)`` is `src`."""
    copy = clone(input)
    return _replaced(copy, select(copy, dim, index), src)


def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None,
    step: int = 1,
) -> Tensor:  # fmt: skip
    """A copy of `input` in which the slice ``start:end:step`` along `dim` is `src`."""
    copy = clone(input)
    lead = (slice(None),) * checked_axis(dim, array_of(input).ndim)
    return _replaced(copy, getitem(copy, (*lead, slice(start, end, step))), src)


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of `input` in which `diagonal` is `src`."""
    copy = clone(input)
    return _replaced(copy, diagonal(copy, offset, dim1, dim2), src)


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    scatter_reduce, index_reduce, masked_scatter = scatter_reduce, index_reduce, masked_scatter
    scatter_reduce_, index_reduce_ = inplace(scatter_reduce), inplace(index_reduce)
    masked_scatter_ = inplace(masked_scatter)
    select_scatter, slice_scatter = select_scatter, slice_scatter
    diagonal_scatter = diagonal_scatter
