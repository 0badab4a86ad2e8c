"""Operations that change a tensor's shape but not its values.

Most of them return views: the result shares the memory of the argument. Their gradient rules come
in pairs, each the other's transpose: sum_to and broadcast_to, a permutation and its inverse; that
is what makes them differentiable any number of times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.sums import total
from ..autograd.listening import is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, array_of, wrap
from .arguments import as_int, as_shape, checked_axes, checked_axis
from .kernels import movement_of
from .layout import alike, copied, rows

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray

# ------------------------------------------------------------------------------------------------
# Broadcasting and its transpose
# ------------------------------------------------------------------------------------------------


def _sum_to(x: ndarray, shape: tuple[int, ...]) -> ndarray:
    lead = x.ndim - len(shape)
    if lead:
        x = total(x, tuple(range(lead)))
    axes = tuple([k for k, n in enumerate(shape) if n == 1 and x.shape[k] != 1])
    return total(x, axes, True) if axes else x


def expands_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether an array of this shape can be broadcast to the target."""
    lead = len(target) - len(shape)
    return lead >= 0 and all([n in (1, target[lead + k]) for k, n in enumerate(shape)])


def expand_error(shape: tuple[int, ...], target: tuple[int, ...]) -> str:
    """PyTorch's words for a shape that cannot be broadcast to another one."""
    lead = len(target) - len(shape)
    wrong = [k for k, n in enumerate(shape) if lead >= 0 and n not in (1, target[lead + k])]
    if not wrong:
        return (
            f"The number of sizes provided ({len(target)}) must be greater or equal to the number "
            f"of dimensions in the tensor ({len(shape)})"
        )
    k = wrong[-1]
    return (
        f"The expanded size of the tensor ({target[lead + k]}) must match the existing size "
        f"({shape[k]}) at non-singleton dimension {lead + k}.  Target sizes: {list(target)}.  "
        f"Tensor sizes: {list(shape)}"
    )


def _broadcast_to(x: ndarray, shape: tuple[int, ...]) -> ndarray:
    kernels = movement_of(x.dtype) if type(x) is ndarray else None
    view = None if kernels is None else kernels.broadcast(x, shape)
    if view is not None:
        return view
    try:
        wide = np.broadcast_to(x, shape)
    except ValueError:
        raise RuntimeError(expand_error(x.shape, shape)) from None
    if isinstance(x, ndarray) and x.flags.writeable:
        # NumPy's is read-only; in-place operations refuse it where entries share their memory
        wide.flags.writeable = True
    return wide


# `sum_to` adds up the axes along which `shape` was broadcast; `broadcast_to` is its transpose
sum_to = primitive("sum.axes", _sum_to,
                   x=lambda g, x_shape: broadcast_to(g, x_shape))  # fmt: skip
broadcast_to = primitive("expand", _broadcast_to, view="always",
                         x=lambda g, x_shape: sum_to(g, x_shape))  # fmt: skip


def unbroadcast(d: Any, shape: tuple[int, ...]) -> Any:
    """`d`, a gradient, summed over the axes along which its argument, of `shape`, was broadcast."""
    return d if d.shape == shape else sum_to(d, shape)


def expand(input: Any, *sizes: Any, size: Any = None) -> Tensor:
    """A view of `input` with axes of size 1 repeated to `sizes`; -1 keeps an axis as it is."""
    shape, old = as_shape(sizes if size is None else (size,)), array_of(input).shape
    lead = len(shape) - len(old)
    if lead < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(shape)}) must be greater or equal to the "
            f"number of dimensions in the tensor ({len(old)})"
        )
    if -1 in shape:
        if -1 in shape[:lead]:
            raise RuntimeError(
                "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                f"dimension {shape.index(-1)}: -1 keeps the size of an axis that there is already"
            )
        shape = tuple([o if n == -1 else n for n, o in zip(shape, (1,) * lead + old)])
    return broadcast_to(input, shape)


def expand_as(input: Any, other: Any) -> Tensor:
    """``input.expand(other.size())``."""
    return expand(input, tuple(other.shape))


# ------------------------------------------------------------------------------------------------
# Reshaping
# ------------------------------------------------------------------------------------------------


def _with_axis(x: ndarray, axis: int) -> ndarray:
    index = (*(slice(None),) * axis, None, ...)
    return x[index]


_reshape = primitive("view", lambda x, shape: x.reshape(shape), view=True,
                     x=lambda g, x_shape: _reshape(g, x_shape))  # fmt: skip
_unsafe_view = primitive("unsafe_view", lambda x, shape: x.reshape(shape),
                         x=lambda g, x_shape: _reshape(g, x_shape))  # fmt: skip
_copied_already = primitive("unsafe_view", lambda x, copied: copied,
                            x=lambda g, x_shape: _reshape(g, x_shape))  # fmt: skip
_view_in_order = primitive("view", lambda x, shape, axes: x.reshape(shape).transpose(axes),
                           x=lambda g, x_shape, axes: _reshape(_permute(g, _inverse(axes)), x_shape)
)  # fmt: skip
_squeeze_all, _squeeze_axis, _squeeze_axes = [
    primitive(name, lambda x, shape: x.reshape(shape), view=True,
              x=lambda g, x_shape: _reshape(g, x_shape))
    for name in ("squeeze", "squeeze.axis", "squeeze.axes")
]  # fmt: skip
_unsqueeze = primitive("unsqueeze", _with_axis, view="always",
                       x=lambda g, x_shape: _reshape(g, x_shape))  # fmt: skip


def reshape(input: Any, *sizes: Any, shape: Any = None) -> Tensor:
    """`input` with another shape of as many entries; one size may be -1, to be worked out.

    A view if the memory's layout allows it, a copy if not.
    """
    array = array_of(input)
    complete = _complete_shape(as_shape(sizes if shape is None else (shape,)), array)
    if not array.flags.c_contiguous:
        reshaped = array.reshape(complete)
        if not np.may_share_memory(reshaped, array):
            listening = is_listening()  # (a copy means nothing the next time)
            return _unsafe_view(input, complete) if listening else _copied_already(input, reshaped)
    return _reshape(input, complete)


def fresh_view(input: Any, shape: tuple[int, ...], axes: tuple[int, ...] | None = None) -> Any:
    """The result of another operation, which nobody else has seen, in another shape.

    With `axes`, the axes of that shape are in this order afterwards.
    """
    if axes is not None:
        return _view_in_order(input, shape, axes)
    return _unsafe_view(input, shape)


def view(input: Any, *sizes: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """As `reshape`, but never a copy: RuntimeError if the memory's layout does not allow a view.

    With a dtype instead of sizes, the same bytes as numbers of that type, outside the graph.
    """
    if dtype is not None or (len(sizes) == 1 and isinstance(sizes[0], dtypes.dtype)):
        return _read_as(input, dtypes.to_numpy(dtype or sizes[0]))
    array = array_of(input)
    complete = _complete_shape(as_shape(sizes if size is None else (size,)), array)
    if not array.flags.c_contiguous and not np.may_share_memory(array.reshape(complete), array):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return _reshape(input, complete)


def _read_as(input: Any, kind: np.dtype) -> Tensor:
    """The bytes of `input` as numbers of another type; the last axis grows or shrinks with them."""
    array = array_of(input)
    try:
        tensor: Tensor = wrap(array.view(kind))
    except ValueError as error:
        raise RuntimeError(
            f"view(dtype): self.size(-1) must be divisible by {kind.itemsize} bytes, and "
            f"self.stride(-1) must be 1, to see a tensor of shape {list(array.shape)} and dtype "
            f"{array.dtype} as {kind}: {error}"
        ) from None
    if isinstance(input, TensorBase):
        tensor.version = input.version  # one memory, one count of its changes
    return tensor


def view_as(input: Any, other: Any) -> Tensor:
    """``input.view(other.size())``."""
    return view(input, tuple(other.shape))


def _complete_shape(shape: tuple[int, ...], array: ndarray) -> tuple[int, ...]:
    """`shape` with its -1 replaced, after checking that the number of entries is right."""
    size, known, unknown = array.size, 1, 0
    for n in shape:
        if n >= 0:
            known *= n
        elif n < -1:
            raise RuntimeError(f"invalid shape dimension {n}")
        elif unknown:
            raise RuntimeError("only one dimension can be inferred")
        else:
            unknown = 1
    if unknown and known == size == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the "
            "unspecified dimension size -1 can be any value and is ambiguous"
        )
    if (known == 0 or size % known) if unknown else size != known:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")
    return tuple([size // known if n == -1 else n for n in shape]) if unknown else shape


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the axes from `start_dim` to `end_dim` (included) into one."""
    shape = array_of(input).shape
    if len(shape) > 1 and start_dim == 0 and end_dim == -1 and array_of(input).flags.c_contiguous:
        return _reshape(input, (array_of(input).size,))
    start, end = checked_axis(start_dim, len(shape)), checked_axis(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return _reshape(input, (1,))
    if start == end:
        return input
    flat = (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])
    return _reshape(input, flat) if array_of(input).flags.c_contiguous else reshape(input, flat)


def ravel(input: Any) -> Tensor:
    """All entries in one axis, next to each other in memory."""
    return reshape(contiguous(input), -1) if array_of(input).size else reshape(input, 0)


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split axis `dim` into axes of `sizes`; one may be -1."""
    shape = array_of(input).shape
    axis = checked_axis(dim, len(shape))
    known = math.prod([n for n in sizes if n != -1])
    inner = tuple([shape[axis] // max(known, 1) if n == -1 else n for n in sizes])
    if math.prod(inner) != shape[axis]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {axis} "
            f"({shape[axis]}) in the input tensor"
        )
    return _reshape(input, shape[:axis] + inner + shape[axis + 1 :])


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Drop the axes of size 1: all of them, or those named by `dim` (an int or a tuple)."""
    shape = array_of(input).shape
    if dim is None:
        return _squeeze_all(input, tuple([n for n in shape if n != 1]))
    axes = set(checked_axes(dim, len(shape)))
    op = _squeeze_axes if isinstance(dim, tuple) else _squeeze_axis
    return op(input, tuple([n for k, n in enumerate(shape) if n != 1 or k not in axes]))


def unsqueeze(input: Any, dim: int) -> Tensor:
    """Insert an axis of size 1 at position `dim`."""
    return _unsqueeze(input, checked_axis(dim, array_of(input).ndim + 1))


# ------------------------------------------------------------------------------------------------
# Permuting, repeating, flipping
# ------------------------------------------------------------------------------------------------


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _backwards(rank: int, axes: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple([slice(None, None, -1 if k in axes else 1) for k in range(rank)])


_permute = primitive("permute", lambda x, axes: x.transpose(axes), view="always",
                     x=lambda g, axes: _permute(g, _inverse(axes)))  # fmt: skip
permuted, reshaped = _permute, _reshape  # without a look at the arguments, for who knows them
_transpose = primitive("transpose", lambda x, a, b: x.swapaxes(a, b) if x.ndim else x[...],
                       view="always",
                       x=lambda g, a, b: _transpose(g, a, b))  # fmt: skip
_t, _reversed_axes = [
    primitive(name, lambda x: x.T, view="always", x=lambda g: _reversed_axes(g))
    for name in ("t", "permute")
]
_flip = primitive("flip", lambda x, axes: x[_backwards(x.ndim, axes)].copy(),
                  layout=alike,
                  x=lambda g, axes: _flip(g, axes))  # fmt: skip
_roll = primitive("roll", lambda x, shifts, axes: _rolled(x, shifts, axes), layout=rows,
                  x=lambda g, shifts, axes: _roll(g, tuple([-s for s in shifts]), axes)
)  # fmt: skip
copy_of_rows = primitive("clone", lambda x: x.copy(), x=lambda g: g)
_clone = primitive("clone", lambda x: x.copy() if x.flags.c_contiguous else copied(x),
                   x=lambda g: g)  # fmt: skip
_tril = primitive("tril", lambda x, k: _triangle(x, k, False, np.tril), layout=rows,
                  x=lambda g, k: _tril(g, k))  # fmt: skip
_triu = primitive("triu", lambda x, k: _triangle(x, k, True, np.triu), layout=rows,
                  x=lambda g, k: _triu(g, k))  # fmt: skip


def _rolled(x: ndarray, shifts: tuple[int, ...], axes: Any) -> ndarray:
    if axes is None or len(axes) > 1 or not x.size or not isinstance(x, ndarray):
        return np.roll(x, shifts, axes)
    (axis,) = axes
    n = x.shape[axis]
    cut, lead = -shifts[0] % n, (slice(None),) * axis
    back, front = (*lead, slice(cut, n)), (*lead, slice(cut))
    return np.concatenate((x[back], x[front]), axis)


def _triangle(x: ndarray, k: int, upper: bool, function: Any) -> ndarray:
    kernels = movement_of(x.dtype)
    found = None if kernels is None else kernels.triangle(x, k, upper)
    return function(x, k) if found is None else found


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """A view with the axes `dim0` and `dim1` swapped."""
    rank = array_of(input).ndim
    return _transpose(input, checked_axis(dim0, rank), checked_axis(dim1, rank))


def t(input: Any) -> Tensor:
    """The transpose of a matrix (of fewer axes: the tensor itself)."""
    if array_of(input).ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {array_of(input).ndim}D"
        )
    return _t(input)


def reversed_axes(input: Any) -> Any:
    """A view with all axes in reverse order (NumPy's ``T``)."""
    return _reversed_axes(input)


def permute(input: Any, *order: Any, dims: Any = None) -> Tensor:
    """A view with the axes in the order `dims`."""
    axes = as_shape(order if dims is None else (dims,))
    rank = array_of(input).ndim
    if len(axes) != rank:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {rank} is not equal "
            f"to len(dims) = {len(axes)}"
        )
    return _permute(input, checked_axes(axes, rank))


def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """A view with the axes `source` moved to `destination`; the others keep their order."""
    rank = array_of(input).ndim
    given = [v if isinstance(v, (tuple, list)) else (v,) for v in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should "
            f"contain the same number of dims as destination ({list(given[1])} dims)"
        )
    sources, targets = checked_axes(source, rank), checked_axes(destination, rank)
    if not rank:
        return _permute(input, ())
    order = [k for k in range(rank) if k not in sources]
    for target, origin in sorted(zip(targets, sources)):
        order.insert(target, origin)
    return _permute(input, tuple(order))


def repeat(input: Any, *sizes: Any) -> Tensor:
    """`input` laid side by side ``sizes[k]`` times along axis k (NumPy's ``tile``), copied."""
    times = as_shape(sizes)
    shape = (1,) * (len(times) - array_of(input).ndim) + array_of(input).shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    return _repeat(input, times)


def _repeat_back(g: Any, x_shape: tuple[int, ...], times: tuple[int, ...]) -> Any:
    shape = (1,) * (len(times) - len(x_shape)) + x_shape
    split = tuple([n for pair in zip(times, shape) for n in pair])  # (t0, n0, t1, n1, ...)
    once = tuple([n for pair in zip((1,) * len(shape), shape) for n in pair])
    return _reshape(sum_to(_reshape(g, split), once), x_shape)


_repeat = primitive("repeat", lambda x, times: np.tile(x, times), layout=rows,
                    x=lambda g, x_shape, times: _repeat_back(g, x_shape, times))  # fmt: skip


def tile(input: Any, *sizes: Any, dims: Any = None) -> Tensor:
    """As `repeat`; missing leading entries of `dims` are 1."""
    times = as_shape(sizes if dims is None else (dims,))
    return repeat(input, (1,) * (array_of(input).ndim - len(times)) + times)


def flip(input: Any, *axes: Any, dims: Any = None) -> Tensor:
    """`input` with the order of its entries reversed along `dims`, copied."""
    if dims is None and not axes:
        raise TypeError('flip() missing 1 required positional arguments: "dims"')
    chosen = as_shape(axes if dims is None else (dims,))
    return _flip(input, checked_axes(chosen, array_of(input).ndim))


def roll(input: Any, shifts: Any, dims: Any = None) -> Tensor:
    """`input` with its entries moved by `shifts` along `dims`, around the end to the beginning."""
    steps = as_shape((shifts,), "shifts")
    if not steps:
        raise RuntimeError("`shifts` required: roll() needs to know how far")
    given = () if dims is None else as_shape((dims,), "dims")
    if len(steps) != (len(given) or 1):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(given)}"
        )
    if not given:
        return _roll(input, steps, None)
    axes = tuple([checked_axis(d, array_of(input).ndim) for d in given])  # one may come twice
    if not array_of(input).ndim:
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    return _roll(input, steps, axes)


def tril(input: Any, diagonal: int = 0) -> Tensor:
    """The lower triangle of the last two axes; zeros above diagonal number `diagonal`."""
    _need_a_matrix("tril", input)
    return _tril(input, as_int(diagonal, "tril", "diagonal"))


def triu(input: Any, diagonal: int = 0) -> Tensor:
    """The upper triangle of the last two axes; zeros below diagonal number `diagonal`."""
    _need_a_matrix("triu", input)
    return _triu(input, as_int(diagonal, "triu", "diagonal"))


def _need_a_matrix(name: str, input: Any) -> None:
    if array_of(input).ndim < 2:
        raise RuntimeError(
            f"{name}: input tensor must have at least 2 dimensions, but it has shape "
            f"{list(array_of(input).shape)}"
        )


def clone(input: Any, *, memory_format: Any = None) -> Tensor:
    """A copy that is part of the graph: its gradient is the gradient of `input`.

    It lies in memory as `input` does, unless `memory_format` asks for row-major order.
    """
    if memory_format is not None and str(memory_format) == "torch.contiguous_format":
        return copy_of_rows(input)
    return _clone(input)


def contiguous(input: Any, memory_format: Any = None) -> Tensor:
    """`input` itself if its memory is in row-major order, otherwise a copy that is."""
    return input if array_of(input).flags.c_contiguous else copy_of_rows(input)
