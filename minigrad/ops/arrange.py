"""Tensors put side by side, cut up, turned round: made of the operations in `join` and `shape`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase, array_of, wrap
from .arguments import as_int, as_shape, checked_axis
from .checked import checked_methods
from .elementwise import logical_xor
from .index import diagonal_back, getitem, index_select, narrow, nonzero
from .inplace import reshaping
from .join import cat, chunk, split, stack, vstack
from .shape import (
    broadcast_to,
    clone,
    copy_of_rows,
    flatten,
    flip,
    reshape,
    transpose,
    unsqueeze,
)

if TYPE_CHECKING:
    from ..tensor import Tensor

row_stack, argwhere = vstack, nonzero


# ------------------------------------------------------------------------------------------------
# Cut up
# ------------------------------------------------------------------------------------------------


def tensor_split(
    input: Any, indices_or_sections: Any, dim: int = 0, *, axis: int | None = None
) -> tuple[Tensor, ...]:
    """Cut a tensor into parts that are views.

    Parameters
    ----------
    indices_or_sections : int, sequence of ints or Tensor
        Into how many parts of nearly one size (the first are longer by one); or where to cut, as
        in the slices of Python.
    dim : int

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.tensor_split(mg.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    >>> mg.tensor_split(mg.arange(5), (1, 2))
    (tensor([0]), tensor([1]), tensor([2, 3, 4]))
    """
    dim = dim if axis is None else axis
    if is_listening():
        return heard(tensor_split, (input, indices_or_sections, dim), {})
    if not array_of(input).ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    if isinstance(indices_or_sections, TensorBase):
        kind = indices_or_sections.array.dtype
        if kind != np.int64 or indices_or_sections.array.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long and at "
                f"most one axis, but got {dtypes.legacy_name(kind)}"
            )
        indices_or_sections = indices_or_sections.array.tolist()
    along = checked_axis(dim, array_of(input).ndim)
    size = array_of(input).shape[along]
    if isinstance(indices_or_sections, (tuple, list)):
        cuts = list(as_shape((indices_or_sections,), "indices"))
    else:
        sections = as_int(indices_or_sections, "tensor_split", "sections")
        if sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
        least, longer = divmod(size, sections)
        cuts = [k * least + min(k, longer) for k in range(1, sections)]
    lead = (slice(None),) * along
    ends = zip([0, *cuts], [*cuts, size])
    return tuple([getitem(input, (*lead, slice(start, end))) for start, end in ends])


def _cut(name: str, input: Any, where: Any, dim: int, least: int) -> tuple[Tensor, ...]:
    shape = array_of(input).shape
    if len(shape) < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
            f"with {len(shape)} dimensions!"
        )
    if not isinstance(where, (tuple, list, TensorBase)):
        parts = as_int(where, name, "split_size")
        if parts <= 0 or shape[dim] % parts:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                f"dimension {shape[dim]} is not divisible by the split_size {parts}!"
            )
    return tensor_split(input, where, dim)


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` into columns: along axis 1, or 0 if there is no other; into equal parts."""
    return _cut("hsplit", input, indices_or_sections, 1 if array_of(input).ndim > 1 else 0, 1)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` into rows: along axis 0, into equal parts."""
    return _cut("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along axis 2, into equal parts."""
    return _cut("dsplit", input, indices_or_sections, 2, 3)


def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`split` into pieces of the sizes `split_sizes`."""
    return split(input, list(split_sizes), dim)


def unsafe_split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """`split`."""
    return split(tensor, split_size_or_sections, dim)


def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk`."""
    return chunk(input, chunks, dim)


def narrow_copy(input: Any, dim: int, start: int, length: int) -> Tensor:
    """A copy of what `narrow` shows."""
    return clone(narrow(input, dim, start, length))


# ------------------------------------------------------------------------------------------------
# Side by side
# ------------------------------------------------------------------------------------------------


def _each(name: str, tensors: Any, form: Any) -> list[Any]:
    if not isinstance(tensors, (tuple, list)) or not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    for k, x in enumerate(tensors):
        if not isinstance(x, TensorBase):
            raise TypeError(
                f"{name}(): expected Tensor as element {k} in argument 0, but got "
                f"{type(x).__name__}"
            )
    return [form(x) for x in tensors]


def dstack(tensors: Sequence[Any]) -> Tensor:
    """Join along axis 2, after `atleast_3d`."""
    return cat(_each("dstack", tensors, _with_three_axes), 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Join side by side, along axis 1; vectors and numbers are columns."""
    columns = _each("column_stack", tensors, lambda x: x if x.ndim > 1 else reshape(x, (-1, 1)))
    return cat(columns, 1)


def _with_one_axis(x: Any) -> Any:
    return x if x.ndim else reshape(x, (1,))


def _with_two_axes(x: Any) -> Any:
    return reshape(x, (1, 1)) if not x.ndim else unsqueeze(x, 0) if x.ndim == 1 else x


def _with_three_axes(x: Any) -> Any:
    return x if x.ndim > 2 else unsqueeze(_with_two_axes(x), -1)


def _of_all(name: str, form: Any, tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], TensorBase):
        return form(tensors[0])
    several = tensors[0] if len(tensors) == 1 else tensors
    return tuple(_each(name, several, form))


def atleast_1d(*tensors: Any) -> Any:
    """The tensor, or a tuple of several, each with at least one axis."""
    return _of_all("atleast_1d", _with_one_axis, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """The tensor, or a tuple of several, each with at least two axes: a vector is a row."""
    return _of_all("atleast_2d", _with_two_axes, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """The tensor, or a tuple of several, each with at least three axes, the last of size 1."""
    return _of_all("atleast_3d", _with_three_axes, tensors)


def block_diag(*tensors: Any) -> Tensor:
    """The matrix with the matrices `tensors` along its diagonal, and zeros elsewhere.

    Vectors are rows.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.block_diag(mg.ones(2, 1), mg.tensor([2.0, 3.0]))
    tensor([[1., 0., 0.],
            [1., 0., 0.],
            [0., 2., 3.]])
    """
    if not tensors:
        return wrap(np.zeros((1, 0), dtypes.default()))
    for k, x in enumerate(tensors):
        if isinstance(x, TensorBase) and x.array.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{k} has {x.array.ndim} dimensions"
            )
    matrices = _each("block_diag", tensors, _with_two_axes)
    kind = dtypes.result_type(*[array_of(x) for x in matrices])
    before, width, bands = 0, sum([x.shape[1] for x in matrices]), []
    for x in matrices:
        rows, columns = x.shape
        left = wrap(np.zeros((rows, before), kind))
        right = wrap(np.zeros((rows, width - before - columns), kind))
        bands.append(cat([left, x, right], 1))
        before += columns
    return cat(bands, 0)


def cartesian_prod(*tensors: Any) -> Tensor:
    """All combinations of an entry of each vector, a row each; of a single vector, itself."""
    vectors = _each("cartesian_prod", tensors, lambda x: x)
    for x in vectors:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(vectors) == 1:
        return vectors[0]
    shape = tuple([x.shape[0] for x in vectors])
    grids = [
        broadcast_to(reshape(x, (-1,) + (1,) * (len(shape) - 1 - k)), shape)
        for k, x in enumerate(vectors)
    ]
    return stack([flatten(grid) for grid in grids], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` entries of a vector, a row each, as `itertools.combinations` has them."""
    shape = array_of(input).shape
    if len(shape) != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if not r:
        return wrap(np.empty(0, array_of(input).dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array([*choose(range(shape[0]), r)], np.int64).reshape(-1, r)
    return stack([index_select(input, 0, wrap(rows[:, k].copy())) for k in range(r)], 1)


# ------------------------------------------------------------------------------------------------
# Turned round
# ------------------------------------------------------------------------------------------------


def flipud(input: Any) -> Tensor:
    """The rows in reverse order: `flip` along axis 0."""
    if not array_of(input).ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def fliplr(input: Any) -> Tensor:
    """The columns in reverse order: `flip` along axis 1."""
    if array_of(input).ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """The tensor turned `k` times by a right angle, from the first axis of `dims` to the second."""
    rank = array_of(input).ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if rank < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {rank}")
    first, second = [checked_axis(d, rank) for d in dims]
    if first == second:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    turns = as_int(k, "rot90", "k") % 4
    if not turns:
        return copy_of_rows(input)
    if turns == 2:
        return flip(input, (first, second))
    return transpose(flip(input, second if turns == 1 else first), first, second)


# ------------------------------------------------------------------------------------------------
# Differences of neighbours, diagonals, indices
# ------------------------------------------------------------------------------------------------


def diff(
    input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *,
    axis: int | None = None,
) -> Tensor:  # fmt: skip
    """The differences ``input[k + 1] - input[k]`` along `dim`, taken `n` times.

    Parameters
    ----------
    n : int
        The order.
    prepend, append : Tensor, optional
        What to put before `input` and behind it first.
    """
    dim = dim if axis is None else axis
    rank = array_of(input).ndim
    if not rank:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    along = checked_axis(dim, rank)
    ends = [x for x in (prepend, append) if x is not None]
    if any([array_of(x).ndim != rank for x in ends]):
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if ends:
        before, behind = [[] if x is None else [x] for x in (prepend, append)]
        input = cat([*before, input, *behind], along)
    if not n:
        return clone(input)
    is_bool = array_of(input).dtype.kind == "b"
    for _ in range(n):
        size = max(array_of(input).shape[along] - 1, 0)
        here = narrow(input, along, min(1, array_of(input).shape[along]), size)
        before_it = narrow(input, along, 0, size)
        input = logical_xor(here, before_it) if is_bool else here - before_it
    return input


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last axis of `input` on diagonal number `offset`, as axes dim1 and dim2."""
    shape = array_of(input).shape
    rank = len(shape) + 1
    first, second = checked_axis(dim1, rank), checked_axis(dim2, rank)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if not shape:
        raise RuntimeError("diag_embed: expected at least one axis")
    whole = list(shape[:-1])
    for axis in sorted((first, second)):
        whole.insert(axis, shape[-1] + abs(offset))
    return diagonal_back(input, tuple(whole), offset, first, second)


def diagflat(input: Any, offset: int = 0) -> Tensor:
    """The square matrix with all entries of `input` on diagonal number `offset`."""
    return diag_embed(flatten(input), offset)


def _triangle_indices(rows: Any, columns: Any, offset: int, name: str, dtype: Any) -> Any:
    for which, count in (("row", rows), ("col", columns)):
        if count < 0:
            raise RuntimeError(f"{which} must be non-negative, got {count}")
    border = np.arange(offset, rows + offset)  # of each row, where the diagonal is
    if name == "tril":
        last = (border + 1).clip(0, columns)
        counts = last
    else:
        last = columns
        counts = last - border.clip(0, columns)
    ends = counts.cumsum()
    total = int(ends[-1]) if rows else 0
    places = np.empty((2, total), np.int64 if dtype is None else dtypes.to_numpy(dtype))
    places[0] = np.arange(rows).repeat(counts)
    places[1] = np.arange(total) - (ends - last).repeat(counts)
    return wrap(places)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None,
                 layout: Any = None) -> Tensor:  # fmt: skip
    """The rows and the columns, a row each, of the entries in a lower triangle."""
    return _triangle_indices(row, col, offset, "tril", dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None,
                 layout: Any = None) -> Tensor:  # fmt: skip
    """The rows and the columns, a row each, of the entries in an upper triangle."""
    return _triangle_indices(row, col, offset, "triu", dtype)


def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """The indices along each axis of entries that are numbered row by row in a tensor of `shape`.

    Numbers that are too large begin anew.
    """
    if is_listening():
        return heard(unravel_index, (indices, shape), {})
    if array_of(indices).dtype.kind not in "iu":
        raise TypeError(
            "expected 'indices' to be integer dtype, but got "
            f"{dtypes.of_numpy(array_of(indices).dtype)}"
        )
    sizes = as_shape((shape.array.tolist() if isinstance(shape, TensorBase) else shape,), "shape")
    flat = array_of(indices) % max(math.prod(sizes), 1)
    together = np.stack(np.unravel_index(flat, sizes), -1)
    return tuple([wrap(together[..., k]) for k in range(len(sizes))])


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    tensor_split, hsplit, vsplit, dsplit = tensor_split, hsplit, vsplit, dsplit
    split_with_sizes, unsafe_split, unsafe_chunk = split_with_sizes, unsafe_split, unsafe_chunk
    narrow_copy, argwhere = narrow_copy, argwhere
    flipud, fliplr, rot90, diff = flipud, fliplr, rot90, diff
    diag_embed, diagflat = diag_embed, diagflat
    swapaxes_ = swapdims_ = reshaping(transpose)
