"""Indexing: ``x[...]``, gather and scatter, selection, and ``where``.

Every way of taking entries out has a transpose that puts them back into zeros, adding where an
entry was taken twice: getitem and `place`, gather and `scatter_sum`. The two are each other's
gradient.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .. import _kernels
from ..arrays import dtypes
from ..arrays.recording import as_one, records
from ..arrays.sums import add_at
from ..autograd.indexing import Placed, index_of, is_plain
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, array_of, wrap
from .arguments import checked_axis
from .cast import cast
from .kernels import movement_of
from .layout import broadcast_strides, entrywise, order_of_axes, placed_in_order, rows
from .makers import broadcast_error
from .shape import broadcast_to, copy_of_rows, flatten, reshape, unbroadcast, unsqueeze
from .values import EITHER, entry, filling, number

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray
_least, _most = np.minimum.reduce, np.maximum.reduce  # (the methods go through Python)

# ------------------------------------------------------------------------------------------------
# x[index]
# ------------------------------------------------------------------------------------------------


class PlacedRows(Placed):
    """The gradient of rows that were looked up by number, such as words: a kernel adds them."""

    def add_to(self, total: ndarray) -> ndarray:
        """Add to `total` in place."""
        kernels = _kernels.kernels_for(total.dtype)
        if kernels is None or not (self.g.size and total.flags.c_contiguous):
            return super().add_to(total)
        index, axis = rows_of_index(self.index)  # type: ignore[misc]
        outer = math.prod(total.shape[:axis])
        kernels.rows.add_rows(
            total.reshape(outer, total.shape[axis], -1),
            index.reshape(-1).astype(np.int64, copy=False),
            self.g.reshape(outer, index.size, -1),
        )
        return total


def rows_of_index(index: Any) -> tuple[ndarray, int] | None:
    """The array and its axis, if `index` is one array of numbers, with ``:`` for all axes before.

    Examples
    --------
    >>> rows_of_index((slice(None), np.array([0, 2])))
    (array([0, 2]), 1)
    """
    items = index if isinstance(index, tuple) else (index,)
    last = items[-1] if items else None
    if type(last) is not ndarray or last.dtype.kind not in "iu":
        return None
    if len(items) > 1 and any([type(i) is not slice or i != _WHOLE for i in items[:-1]]):
        return None
    return last, len(items) - 1


_WHOLE = slice(None)


def taken(x: ndarray, index: ndarray, axis: int, from_the_end: bool) -> ndarray | None:
    """What a kernel makes of ``x.take(index, axis)``; None without one, or if it is out of range.

    Only with `from_the_end` is -1 the last row.
    """
    kernels = movement_of(x.dtype)
    return None if kernels is None else kernels.take(x, index, axis, from_the_end)


def placed(g: ndarray, x_shape: tuple[int, ...], index: Any) -> Placed:
    """The gradient `g` of ``x[index]``, to be added to that of x."""
    if is_plain(index) or rows_of_index(index) is None:
        return Placed(g, x_shape, index)
    return PlacedRows(g, x_shape, index)


def _place(g: ndarray, x_shape: tuple[int, ...], index: Any) -> ndarray:
    return placed(g, x_shape, index).dense()


def _put_back(g: Any, x_shape: tuple[int, ...], index: Any) -> Any:
    # arrays: the engine adds the piece where it belongs, so that a loop over x[t] costs no more
    # than one pass over x; tensors: an operation, to be differentiated again
    if isinstance(g, TensorBase):
        return place(g, x_shape, index)
    return placed(g, x_shape, index)


place = primitive("place", _place, keeps="index",
                  g=lambda g, index: _take(g, index))  # fmt: skip


def _take(x: Any, index: Any) -> Any:
    return advanced_index(x, index) if _is_advanced(index) else basic_index(x, index)


def _is_advanced(index: Any) -> bool:
    return isinstance(index, (ndarray, TensorBase)) or (
        isinstance(index, tuple) and any(isinstance(i, ndarray) for i in index)
    )


def _look(x: ndarray, index: Any) -> ndarray:
    # with the ellipsis NumPy gives a view even where a single entry is left, not a scalar
    with_ellipsis = (*index, ...) if isinstance(index, tuple) else (index, ...)
    return x[with_ellipsis]


def _take_entries(x: ndarray, index: Any) -> ndarray:
    of_rows = rows_of_index(index)
    if of_rows is not None:
        result = taken(x, *of_rows, True)
        if result is not None:
            return result
        check_array(*of_rows, x.shape)
    try:
        return x[index]
    except IndexError:
        shapes = [list(i.shape) for i in index if isinstance(i, ndarray)]
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            f"{', '.join(map(str, shapes))}"
        ) from None


def _selected_rows(x: ndarray, index: ndarray, axis: int) -> ndarray:
    result = taken(x, index, axis, False)
    if result is not None:
        return result
    return x[(_WHOLE,) * axis + (in_range(index, x.shape[axis], f"axis {axis}"),)]


@as_one(along=lambda index, size, what: ())
def in_range(index: ndarray, size: int, what: str) -> ndarray:
    """The index, if all in it is the number of one of so many rows; `what` has them."""
    if index.size and (index.min() < 0 or index.max() >= size):
        raise IndexError(f"index out of range in self: {what} has size {size}")
    return index


def _along(index: Any, axis: int) -> Any:
    """The index that means `index` along `axis`."""
    return index_of((*(_WHOLE,) * axis, array_of(index)), (index,))


def _as_indexed(result: ndarray, arguments: Any) -> ndarray:
    """In the order of an entrywise operation on `x` and the index arrays.

    The axes that arrays index count as repeated in x, all others as repeated in the arrays.
    """
    x, index = arguments
    items = index if isinstance(index, tuple) else (index,)
    arrays = [i for i in items if isinstance(i, ndarray)]
    if x.flags.c_contiguous and all([i.flags.c_contiguous for i in arrays]):
        return rows(result)
    kept: list[int] = []  # the steps along the axes that no array indexes
    axis = 0
    for item in items:
        kept += [] if isinstance(item, ndarray) else [x.strides[axis]]
        axis += _width(item)
    kept += x.strides[axis:]
    where_ = [k for k, item in enumerate(items) if isinstance(item, ndarray)]
    together = where_[-1] - where_[0] == len(where_) - 1
    before = where_[0] if together else 0  # NumPy puts the axes of arrays that stand apart in front
    after = len(kept) - before
    shape = result.shape[before : result.ndim - after]  # of the arrays, broadcast
    of_x = (*kept[:before], *(0 for _ in shape), *kept[before:])
    of_arrays = [  # (a mask is a list of places)
        (0,) * (len(shape) - 1) + (1,) if i.dtype.kind == "b" else broadcast_strides(i, shape)
        for i in arrays
    ]
    strides = [of_x, *((0,) * before + s + (0,) * after for s in of_arrays)]
    return placed_in_order(order_of_axes(result.shape, strides), result)


basic_index, _slice_index, _unsqueeze_index, _whole = [
    # one operation; PyTorch has several, and the name of the last one that it applies is shown
    primitive(name, _look, view="always",
              x=lambda g, x_shape, index: _put_back(g, x_shape, index))
    for name in ("select", "slice", "unsqueeze", "alias")
]  # fmt: skip
advanced_index, _take_flat, _masked_select = [
    primitive(name, _take_entries, keeps="index", layout=layout,
              x=lambda g, x_shape, index: _put_back(g, x_shape, index))
    for name, layout in (("index", _as_indexed), ("take", rows), ("masked_select", rows))
]  # fmt: skip
_index_select = primitive("index_select", _selected_rows, keeps="index", layout=rows,
                          x=lambda g, x_shape, index, axis: _put_back(
                              g, x_shape, _along(index, axis)))  # fmt: skip


def getitem(input: Any, index: Any) -> Tensor:
    """``input[index]``: a view for ints, slices, None and ``...``, a copy for tensors and lists.

    Raises
    ------
    IndexError
        Too many indices, one out of range, or any index of a 0-d tensor.
    ValueError
        A slice with a negative step.
    """
    if is_listening():
        return heard(getitem, (input, index), {})
    shape = array_of(input).shape
    if type(index) is int:  # the most frequent case, without the general preparation
        if not shape or not -shape[0] <= index < shape[0]:
            _check_int(index, 0, shape)
        return basic_index(input, index)
    if type(index) is slice and shape:
        return _slice_index(input, (_item(index),))
    if isinstance(index, TensorBase) and shape:
        rows_ = index.array  # and so are numbers of rows
        if rows_.dtype.kind == "i" and rows_.ndim:
            return advanced_index(input, index)
    if index is None:
        return _unsqueeze_index(input, (None,))
    if type(index) is tuple and 0 < len(index) <= len(shape) and _are_places(index, shape):
        return advanced_index(input, index_of([i.array for i in index], index))
    basic, advanced = split_index(index, shape)
    if advanced is None:
        op = _slice_index if isinstance(index, slice) else _op_of(basic, shape)
        return op(input, basic)
    return advanced_index(basic_index(input, basic) if basic is not None else input, advanced)


def _are_places(index: tuple[Any, ...], shape: tuple[int, ...]) -> bool:
    """Whether an index consists of tensors of integers alone, which are in range."""
    for axis, item in enumerate(index):
        if not isinstance(item, TensorBase):
            return False
        places = array_of(item)
        if type(places) is not ndarray or places.dtype.kind != "i" or not places.ndim:
            return False
        check_array(places, axis, shape)
    return True


def _op_of(basic: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """The operation that PyTorch would apply last for the index `basic`."""
    op, axis = _whole, 0
    for item in basic:
        if item is None:
            op = _unsqueeze_index
            continue
        if isinstance(item, int):
            op = basic_index
        elif item.indices(shape[axis]) != (0, shape[axis], 1):
            op = _slice_index
        axis += 1
    return op


def split_index(index: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """An index as two: ints, slices, None first; then arrays, each on an axis of what that leaves.

    NumPy lets an int take part in the broadcasting of index arrays, PyTorch applies ints first;
    done in two steps, NumPy gives PyTorch's result.

    Returns
    -------
    basic : tuple or None
        None if it would change nothing.
    advanced : tuple of slices and ndarrays, or None
    """
    if isinstance(index, list) and len(index) < 32 and any(_is_no_number(i) for i in index):
        # PyTorch: x[[a, b]] is x[a, b] if a or b is a sequence, a slice or a tensor
        index = tuple(index)
    given = index if isinstance(index, tuple) else (index,)
    items = [_item(i) for i in given]
    used = sum([0 if i is None or i is Ellipsis else _width(i) for i in items])
    if used > len(shape):
        if not shape:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if Ellipsis in [i for i in items if not isinstance(i, ndarray)]:
        k = [i is Ellipsis for i in items].index(True)
        items[k : k + 1] = [slice(None)] * (len(shape) - used)
    basic: list[Any] = []
    advanced: list[Any] = []
    axis = 0
    for item in items:
        if isinstance(item, ndarray):
            check_array(item, axis, shape)
            basic += [slice(None)] * _width(item)
            advanced.append(item)
        else:
            if isinstance(item, int):
                _check_int(item, axis, shape)
            else:
                advanced.append(slice(None))
            basic.append(item)
        axis += 0 if item is None else _width(item)
    if not any(isinstance(i, ndarray) for i in advanced):
        return tuple(basic), None
    changes = any(i is None or isinstance(i, int) or i != slice(None) for i in basic)
    return (tuple(basic) if changes else None), index_of(advanced, given)


def _is_no_number(item: Any) -> bool:
    return (
        item is None
        or item is Ellipsis
        or isinstance(item, (TensorBase, ndarray, list, tuple, range, slice))
    )


def _width(item: Any) -> int:
    """How many axes of the tensor an index item uses up."""
    return item.ndim if isinstance(item, ndarray) and item.dtype.kind == "b" else 1


def _item(item: Any) -> Any:
    """One item of an index as an int, a slice, None, Ellipsis, or an ndarray."""
    if isinstance(item, slice):
        return _slice_of_ints(item)
    if item is None or item is Ellipsis or type(item) is int:
        return item
    if isinstance(item, bool):
        return np.array(item)
    array = array_of(item)
    if isinstance(array, (list, tuple, range)):
        array = np.asarray([array_of(a) for a in array])
        array = array.astype(np.int64) if not array.size else array
    if isinstance(array, (ndarray, np.generic)):
        if array.dtype.kind == "u":
            return np.asarray(array).astype(bool)  # PyTorch: a uint8 tensor is a mask
        if array.dtype.kind == "i":
            return int(array) if not array.ndim else np.asanyarray(array)
        if array.dtype.kind == "b":
            return np.asanyarray(array)
        raise IndexError(
            "tensors used as indices must be long, int, byte or bool tensors, but got "
            f"{dtypes.legacy_name(array.dtype)}"
        )
    try:
        return operator.index(item)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
            f"valid indices (got {type(item).__name__})"
        ) from None


def _slice_of_ints(item: slice) -> slice:
    start, stop, step = item.start, item.stop, item.step
    if step is not None and operator.index(step) <= 0:
        raise ValueError("step must be greater than zero; use .flip() to reverse an axis")
    for part in (start, stop, step):
        if part is not None and type(part) is not int:
            return slice(*[None if p is None else operator.index(p) for p in (start, stop, step)])
    return item


def _check_int(k: int, axis: int, shape: tuple[int, ...]) -> None:
    if not shape:
        split_index(k, shape)
    if not -shape[axis] <= k < shape[axis]:
        raise IndexError(f"index {k} is out of bounds for dimension {axis} with size {shape[axis]}")


def check_array(item: ndarray, axis: int, shape: tuple[int, ...]) -> None:
    if item.dtype.kind == "b":
        for k, n in enumerate(item.shape):
            if shape[axis + k] != n:
                raise IndexError(
                    f"The shape of the mask {list(item.shape)} at index {k} does not match the "
                    f"shape of the indexed tensor {list(shape)} at index {axis + k}"
                )
    elif not (records(item) or all_within(item, -shape[axis], shape[axis])):  # (NumPy looks)
        most = int(_most(item, None))
        wrong = most if most >= shape[axis] else int(_least(item, None))
        raise IndexError(
            f"index {wrong} is out of bounds for dimension {axis} with size {shape[axis]}"
        )


def all_within(index: ndarray, low: int, high: int) -> bool:
    """Whether all numbers of `index` are from `low` up to, not including, `high`."""
    kernels = movement_of(index.dtype)
    found = None if kernels is None else kernels.within(index, low, high)
    if found is not None:
        return found
    return not index.size or (low <= int(_least(index, None)) and int(_most(index, None)) < high)


def narrow(input: Any, dim: int, start: int, length: int) -> Tensor:
    """A view of the `length` entries from `start` on along `dim`."""
    axis = checked_axis(dim, array_of(input).ndim)
    if not array_of(input).ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, TensorBase) and (start.array.ndim or start.array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start, n = operator.index(start), array_of(input).shape[axis]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, but got {length}")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start += n if start < 0 else 0
    if start + length > n:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({n}) of axis {axis}"
        )
    return _slice_index(input, (slice(None),) * axis + (slice(start, start + length),))


def select(input: Any, dim: int, index: int) -> Tensor:
    """A view of entry `index` along `dim`, which disappears."""
    axis = checked_axis(dim, array_of(input).ndim)
    _check_int(operator.index(index), axis, array_of(input).shape)
    return basic_index(input, (slice(None),) * axis + (operator.index(index),))


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the entries ``[i, i + offset]`` of two axes, as a last axis."""
    rank = array_of(input).ndim
    a, b = checked_axis(dim1, rank), checked_axis(dim2, rank)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return _diagonal(input, offset, a, b)


def _diagonal_of(x: ndarray, offset: int, a: int, b: int) -> ndarray:
    view = x.diagonal(offset, a, b)
    view.flags.writeable = x.flags.writeable  # NumPy's is read-only
    return view


@as_one(along=lambda g, shape, offset, a, b: (a, b), linear=True)
def _on_diagonal(g: ndarray, shape: tuple[int, ...], offset: int, a: int, b: int) -> ndarray:
    whole = np.zeros(shape, g.dtype)
    _diagonal_of(whole, offset, a, b)[...] = g
    return whole


_diagonal = primitive("diagonal", _diagonal_of, view=True,
                      x=lambda g, x_shape, offset, a, b: diagonal_back(g, x_shape, offset, a, b)
)  # fmt: skip
diagonal_back = primitive("diagonal_backward", _on_diagonal,
                           g=lambda g, offset, a, b: _diagonal(g, offset, a, b))  # fmt: skip


_diagonal_copy = primitive("diagonal_copy", lambda x, offset: _diagonal_of(x, offset, 0, 1).copy(),
                           x=lambda g, x_shape, offset: diagonal_back(g, x_shape, offset, 0, 1)
)  # fmt: skip
_diag_embed = primitive("diag_embed", lambda x, offset: np.diag(x, offset),
                        x=lambda g, offset: _diagonal(g, offset, 0, 1))  # fmt: skip


def diag(input: Any, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix; or the square matrix with the 1-D `input` on its diagonal."""
    if array_of(input).ndim == 2:
        return _diagonal_copy(input, diagonal)
    if array_of(input).ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {array_of(input).ndim}D")
    return _diag_embed(input, diagonal)


# ------------------------------------------------------------------------------------------------
# Along one axis: gather and scatter
# ------------------------------------------------------------------------------------------------


def along_axis(index: ndarray, axis: int) -> tuple[Any, ...]:
    """The index tuple that takes ``x[i, index[i, j], ...]`` along `axis`."""
    if not index.ndim:
        return ()
    grid = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    return (*grid[:axis], index, *grid[axis + 1 :])


@as_one(along=lambda x, index, axis: (axis,), linear=True)
def _gathered(x: ndarray, index: ndarray, axis: int) -> ndarray:
    kernels = movement_of(x.dtype) if index.ndim else None
    result = None if kernels is None else kernels.gather(x, index, axis)
    if result is None:
        check_range_along(index, x.shape, axis)
        result = x[along_axis(index, axis)]
    return result


@as_one(along=lambda g, index, axis, shape: (axis,), linear=True)
def _scatter_sum(g: ndarray, index: ndarray, axis: int, shape: tuple[int, ...]) -> ndarray:
    return add_along(np.zeros(shape, g.dtype), g.reshape(index.shape), index, axis)


def add_along(total: ndarray, g: ndarray, index: ndarray, axis: int) -> ndarray:
    """Add `g` to the entries of `total` that ``gather(total, axis, index)`` would take."""
    kernels = _kernels.kernels_for(total.dtype) if index.ndim else None
    if kernels is None or not kernels.movement.add(total, index, g, axis):
        check_range_along(index, total.shape, axis)
        add_at(total, along_axis(index, axis), g)
    return total


def put_along(out: ndarray, value: Any, index: ndarray, axis: int) -> ndarray:
    """Overwrite the entries of `out` that ``gather(out, axis, index)`` would take."""
    kernels = movement_of(out.dtype) if index.ndim else None
    if kernels is None or not kernels.put(out, index, spread(value, index.shape), axis):
        check_range_along(index, out.shape, axis)
        out[along_axis(index, axis)] = value
    return out


def spread(value: Any, shape: tuple[int, ...]) -> ndarray:
    """`value`, an array or a number, broadcast to `shape`."""
    if isinstance(value, ndarray) and value.shape == shape:
        return value
    return np.broadcast_to(value, shape)


gathered = primitive("gather", _gathered, keeps="index", layout=rows,
                     x=lambda g, x_shape, index, axis: scatter_sum(g, index, axis, x_shape)
)  # fmt: skip
scatter_sum = primitive("scatter_add", _scatter_sum, keeps="index",
                        g=lambda g, g_shape, index, axis: _reshaped(
                            gathered(g, index, axis), g_shape))  # fmt: skip


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    if x.shape == shape:
        return x
    return reshape(x, shape)


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim=0``, ``input[i][index[i][j]]`` for ``dim=1``.

    Parameters
    ----------
    index : Tensor
        int64, with as many axes as `input`; the result has its shape.
    sparse_grad : bool
        Without effect: gradients are dense.

    Raises
    ------
    RuntimeError
        An index out of bounds, of another type, or shapes that do not go together.
    """
    positions, axis = checked_gather_index(input, dim, index, "gather")
    if positions.ndim != array_of(input).ndim or not positions.size:
        flat = reshape(index, (-1,)) if isinstance(index, TensorBase) else positions.reshape(-1)
        return reshape(gathered(reshape(input, (-1,)), flat, 0), positions.shape)
    return gathered(input, index if isinstance(index, TensorBase) else positions, axis)


def checked_gather_index(input: Any, dim: int, index: Any, name: str) -> tuple[ndarray, int]:
    """The index array and the axis of a gather or scatter, after all checks but of its range."""
    positions, shape = array_of(index), array_of(input).shape
    if positions.dtype.kind != "i" or positions.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    axis = checked_axis(dim, len(shape))
    if not positions.size:  # names nothing, whatever its shape
        return positions, axis
    if (positions.ndim or 1) != (len(shape) or 1):  # a number counts as one axis
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor: index has "
            f"shape {list(positions.shape)}, input has shape {list(shape)}"
        )
    if positions.shape != shape:
        for k, (n, m) in enumerate(zip(positions.shape, shape)):
            if k != axis and n > m:
                raise RuntimeError(
                    f"Size does not match at dimension {k} expected index {list(positions.shape)} "
                    f"to be no larger than self {list(shape)} apart from dimension {axis}"
                )
    return positions, axis


def check_range_along(positions: ndarray, shape: tuple[int, ...], axis: int) -> None:
    """Raise if one of `positions`, along `axis` of an array of this shape, is out of range."""
    size = shape[axis] if shape else 1
    if positions.size and (_least(positions, None) < 0 or _most(positions, None) >= size):
        wrong = positions[(positions < 0) | (positions >= size)].flat[0]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {axis} with size {size}")


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """As `gather`, with the other axes broadcast; ``dim=None`` takes from the flattened tensor."""
    if array_of(indices).dtype != np.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            f"{dtypes.legacy_name(array_of(indices).dtype)}"
        )
    if dim is None:
        return gather(flatten(input), 0, wrap(array_of(indices).flatten()))
    positions = array_of(indices)
    if positions.ndim != array_of(input).ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {array_of(input).ndim} dimensions for input, and {positions.ndim} dimensions "
            "for indices"
        )
    axis = checked_axis(dim, positions.ndim)
    if not positions.ndim:
        return gather(input, axis, indices)
    positions = _from_the_end(positions, array_of(input).shape[axis])
    if positions.shape == array_of(input).shape:
        return gather(input, axis, wrap(positions))
    rest = [
        np.empty([1 if k == axis else n for k, n in enumerate(shape)], bool)
        for shape in (array_of(input).shape, positions.shape)
    ]
    try:
        other = np.broadcast(*rest).shape
    except ValueError as error:
        raise broadcast_error(rest[0], rest[1], error) from None

    def widened(n: int) -> tuple[int, ...]:
        return (*other[:axis], n, *other[axis + 1 :])

    wide = broadcast_to(input, widened(array_of(input).shape[axis]))
    own = np.broadcast_to(positions, widened(positions.shape[axis]))
    return gather(wide, axis, wrap(own))


@as_one(along=lambda positions, size: ())
def _from_the_end(positions: ndarray, size: int) -> ndarray:
    positions = positions.copy()  # as in PyTorch, `indices` may be changed afterwards
    if positions.size and _least(positions, None) < 0:
        positions[positions < 0] += size
    return positions


def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The entries along `dim` at the positions in the 1-D `index`."""
    axis = checked_axis(dim, array_of(input).ndim)
    if array_of(index).ndim != 1:
        if array_of(index).ndim:
            raise IndexError("index_select(): Index is supposed to be a vector")
        index = reshape(index, (1,))
    positions = array_of(index)
    if not array_of(input).ndim and positions.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {positions.size} value(s)"
        )
    if positions.dtype.kind != "i":
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if not array_of(input).ndim:
        if positions[0]:
            raise IndexError("index out of range in self: axis 0 has size 1")
        return copy_of_rows(input)
    return _index_select(input, index, axis)


def take(input: Any, index: Any) -> Tensor:
    """The entries of the flattened `input` at `index`."""
    positions = array_of(index)
    if positions.dtype != np.int64:
        raise RuntimeError(
            "take(): Expected a long tensor for index, but got "
            f"{dtypes.of_numpy(positions.dtype)}: use index.long()"
        )
    flat = flatten(input)
    split_index(wrap(positions.reshape(-1)), flat.shape)  # checks the range
    return _take_flat(flat, index_of((positions,), (index,)))


def masked_select(input: Any, mask: Any) -> Tensor:
    """The entries where `mask` is true, in one axis."""
    chosen = array_of(mask)
    if chosen.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = np.broadcast_shapes(array_of(input).shape, chosen.shape)
    wide = input if array_of(input).shape == shape else broadcast_to(input, shape)
    return _masked_select(wide, index_of((np.broadcast_to(chosen, shape),), (mask,)))


def _counts(repeats: Any, output_size: int | None) -> ndarray:
    """A tensor that says how often, as an array; its sum is `output_size`, if that is given."""
    counts = array_of(repeats)
    if counts.ndim > 1:
        raise RuntimeError(
            f"repeat_interleave only accept 1D vector as repeat, but got shape {list(counts.shape)}"
        )
    if counts.dtype not in (np.int64, np.int32):
        raise NotImplementedError(
            f"\"repeat_interleave\" not implemented for '{dtypes.legacy_name(counts.dtype)}': "
            "repeats must be int64 or int32"
        )
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    if output_size is not None and counts.sum() != output_size:
        raise RuntimeError(
            f"allocated size does not match required size: output_size is {output_size}, but the "
            f"repeats sum to {counts.sum()}"
        )
    return counts


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry along `dim` repeated `repeats` times (a number, or one for each entry).

    Without `repeats`: the index k as often as ``input[k]`` says. `output_size`, the sum of several
    repeats, need not be given, and is checked.
    """
    if repeats is None:
        counts = _counts(input, output_size)
        return wrap(np.repeat(np.arange(counts.size, dtype=counts.dtype), counts))
    if dim is None:
        input, dim = flatten(input), 0
    axis = checked_axis(dim, array_of(input).ndim)
    shape = array_of(input).shape
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError(f"Repeats must be non-negative, but got {repeats}")
        wide = broadcast_to(
            unsqueeze(input, axis + 1), (*shape[: axis + 1], repeats, *shape[axis + 1 :])
        )
        return reshape(
            copy_of_rows(wide), (*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :])
        )
    counts = _counts(repeats, output_size)
    if counts.ndim and counts.shape not in ((1,), (shape[axis],)):
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{counts.shape[0]} and input.size({axis}) = {shape[axis]}"
        )
    return index_select(input, dim, wrap(np.repeat(np.arange(shape[axis]), counts)))


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the entries that are not zero: a row each, or a tuple of a tensor an axis."""
    places = np.nonzero(np.atleast_1d(array_of(input)))
    if as_tuple:
        return tuple([wrap(np.ascontiguousarray(p)) for p in places])
    if not array_of(input).ndim:
        return wrap(np.zeros((len(places[0]), 0), np.int64))
    return wrap(np.array(places).T)


# ------------------------------------------------------------------------------------------------
# where
# ------------------------------------------------------------------------------------------------


def _masked(g: Any, condition: Any, shape: tuple[int, ...], keep: bool) -> Any:
    return unbroadcast(_where(g, 0, condition) if keep else _where(0, g, condition), shape)


def _chosen(a: Any, b: Any, condition: Any) -> ndarray:
    array = a if type(a) is ndarray and a.ndim else b
    if type(array) is ndarray and type(condition) is ndarray:
        kernels = _kernels.kernels_for(array.dtype)
        if kernels is not None:
            result = kernels.movement.choose(condition, a, b)
            if result is not None:
                return result
    return np.where(condition, a, b)


_where = primitive("where", _chosen, keeps="condition",
                   layout=lambda result, values: entrywise(result, (values[2], *values[:2])),
                   a=lambda g, condition, a_shape: _masked(g, condition, a_shape, True),
                   b=lambda g, condition, b_shape: _masked(g, condition, b_shape, False)
)  # fmt: skip


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` is true, `other` elsewhere; both may be numbers.

    ``where(condition)`` alone is ``nonzero(condition, as_tuple=True)``.
    """
    if is_listening():
        return heard(where, (condition, input, other), {})
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    mask = array_of(condition)
    if (
        isinstance(input, TensorBase)
        and isinstance(other, TensorBase)
        and array_of(input).dtype is array_of(other).dtype
    ):
        pass  # they are what they shall be
    elif isinstance(input, TensorBase) or isinstance(other, TensorBase) or condition is not mask:
        input, other = [
            v if isinstance(v, (TensorBase, ndarray)) else number(v, "where", name, EITHER)
            for name, v in (("input", input), ("other", other))
        ]
        target = dtypes.result_type(array_of(input), array_of(other))
        input, other = [
            entry(v, target) if not isinstance(v, (TensorBase, ndarray))
            else v if array_of(v).dtype == target
            else cast(v, target)
            for v in (input, other)
        ]  # fmt: skip
        if not isinstance(input, TensorBase) and not isinstance(other, TensorBase):
            return wrap(np.where(mask, input, other))
    try:
        return _where(input, other, condition)
    except ValueError:
        raise RuntimeError(
            f"where: the sizes of condition {list(np.shape(mask))}, input "
            f"{list(np.shape(array_of(input)))} and other {list(np.shape(array_of(other)))} must "
            "match or be 1"
        ) from None


_masked_fill = primitive("masked_fill", lambda x, value, mask: _chosen(value, x, mask),
                         keeps="mask", layout=rows,
                         x=lambda g, mask, x_shape: _masked(g, mask, x_shape, False))  # fmt: skip
_masked_fill_with = primitive("masked_fill.tensor", lambda x, value, mask: _chosen(value, x, mask),
                              keeps="mask", layout=rows,
                              x=lambda g, mask, x_shape: _masked(g, mask, x_shape, False),
                              value=lambda g, mask: _masked(g, mask, (), True))  # fmt: skip


def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """`input` with `value` (a number or a 0-d tensor) where the bool `mask` is true."""
    if is_listening():
        return heard(masked_fill, (input, mask, value), {})
    if array_of(mask).dtype.kind != "b":
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{dtypes.of_numpy(array_of(mask).dtype)}"
        )
    op, kind = _masked_fill, array_of(input).dtype
    if not isinstance(value, TensorBase):
        value = filling(value, kind, "masked_fill", "value", EITHER)
    else:
        if value.array.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.array.ndim} dimension(s)."
            )
        if value.array.dtype != kind:
            filling(value, kind, "masked_fill", "value", EITHER)  # fits
            value = cast(value, kind)
        op = _masked_fill_with
    try:
        return op(input, value, mask)
    except ValueError as error:
        raise RuntimeError(
            f"masked_fill: the size of the mask {list(array_of(mask).shape)} must match the size "
            f"of the tensor {list(array_of(input).shape)}: {error}"
        ) from None
