"""Views that show an entry several times: windows along an axis, and any steps through memory.

Their gradients add up what came to an entry from all its places. Each has a transpose beside it,
and the two are each other's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.recording import as_one
from ..arrays.size import Storage
from ..autograd.loans import before_write
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, array_of
from .arguments import as_int, as_shape, checked_axis
from .checked import checked_methods
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


# ------------------------------------------------------------------------------------------------
# Windows
# ------------------------------------------------------------------------------------------------


def _windows(x: ndarray, axis: int, size: int, step: int) -> ndarray:
    count = (x.shape[axis] - size) // step + 1
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :], size)
    steps = (*x.strides[:axis], step * x.strides[axis], *x.strides[axis + 1 :], x.strides[axis])
    return np.lib.stride_tricks.as_strided(x, shape, steps)


@as_one(along=lambda g, x_shape, axis, size, step: (axis, len(x_shape)), linear=True)
def _sum_of_windows(
    g: ndarray, x_shape: tuple[int, ...], axis: int, size: int, step: int
) -> ndarray:
    total = np.zeros(x_shape, g.dtype)
    lead, count = (slice(None),) * axis, g.shape[axis]
    for k in range(size):  # entry k of all windows at once
        places = (*lead, slice(k, k + (count - 1) * step + 1, step))
        total[places] += g[..., k]
    return total


_unfold = primitive("unfold", _windows, view="always",
                    x=lambda g, x_shape, axis, size, step: _fold(g, x_shape, axis, size, step)
)  # fmt: skip
_fold = primitive("unfold_backward", _sum_of_windows,
                  g=lambda g, axis, size, step: _unfold(g, axis, size, step))  # fmt: skip


def unfold(input: Any, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of `size` entries along `dimension`, each `step` further on.

    Returns
    -------
    Tensor
        Axis `dimension` counts the windows, a new last axis the entries of a window.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.arange(5).unfold(0, 3, 1)
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    shape = array_of(input).shape
    axis = checked_axis(dimension, len(shape))
    size, step = as_int(size, "unfold", "size"), as_int(step, "unfold", "step")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    most = shape[axis] if shape else 1
    if size > most:
        raise RuntimeError(
            f"maximum size for tensor at dimension {axis} is {most} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not shape:
        return reshape(input, (1,)) if size else reshape(input, (1,))[:0]
    return _unfold(input, axis, size, step)


# ------------------------------------------------------------------------------------------------
# Any steps
# ------------------------------------------------------------------------------------------------


def _places(shape: Sequence[int], steps: Sequence[int], start: int) -> ndarray:
    """Where in memory the entries of a tensor lie."""
    places = np.full(shape, start, np.int64)
    for axis, (n, step) in enumerate(zip(shape, steps)):
        places += (np.arange(n) * step).reshape((n,) + (1,) * (len(shape) - 1 - axis))
    return places


def _look(x: ndarray, own: tuple[Any, ...], other: tuple[Any, ...]) -> ndarray:
    """The memory of `x`, which is in it as `own` says, as `other` says: (shape, steps, start)."""
    shape, steps, start = other
    memory = Storage.of(x).array[start:]
    return np.lib.stride_tricks.as_strided(memory, shape, [s * x.itemsize for s in steps])


def _moved(
    g: ndarray, source: tuple[Any, ...], target: tuple[Any, ...], shared: tuple[Any, ...]
) -> ndarray:
    """Add `g` up in memory, where it lies as `source`, and take it out again as `target`.

    Entries that are one place in `shared` share what came to it.
    """
    there, here = _places(*source), _places(*target)
    size = 1 + max(there.max(initial=-1), here.max(initial=-1))
    memory = np.zeros(size, g.dtype)
    np.add.at(memory, there, g)
    if 0 in shared[1]:
        memory /= np.maximum(np.bincount(_places(*shared).ravel(), minlength=size), 1)
    return memory[here]


_as_strided = primitive("as_strided", _look, view="always",
                        x=lambda g, own, other: _transposed(g, other, own, own))  # fmt: skip
_transposed = primitive("as_strided_backward", _moved,
                        g=lambda g, source, target, shared: _transposed(
                            g, target, source, shared))  # fmt: skip


def as_strided(
    input: Any, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A view of the memory of `input` with these steps, whatever `input` shows of it.

    Parameters
    ----------
    size : sequence of ints
    stride : sequence of ints
        How many entries of the memory to go on for a step along each axis.
    storage_offset : int, optional
        Where to begin. Default: where `input` does.

    Raises
    ------
    RuntimeError
        The memory ends before, or a step is negative.

    Notes
    -----
    What `input` does not show has no gradient. Where `input` itself shows an entry twice, as after
    `expand`, each of the two gets half of its gradient.
    """
    array = array_of(input)
    shape, steps = as_shape((size,)), as_shape((stride,), "stride")
    if len(shape) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(steps, default=0) < 0:
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(steps)}"
        )
    if isinstance(input, TensorBase):
        before_write(input)  # who looks at memory has to see it as it is
        array = array_of(input)
    memory = Storage.of(array)
    offset = (array.ctypes.data - memory.data_ptr()) // array.itemsize
    start = offset if storage_offset is None else storage_offset
    end = start + 1 + sum([(n - 1) * s for n, s in zip(shape, steps)]) if math.prod(shape) else 0
    if end > memory.size() or start < 0:
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(steps)}, storage offset {start}, and "
            f"itemsize {array.itemsize} requiring a storage size of {end * array.itemsize} are out "
            f"of bounds for storage of size {memory.nbytes()}"
        )
    own = array.shape, tuple([s // array.itemsize for s in array.strides]), offset
    return _as_strided(input, own, (shape, steps, start))


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    unfold, as_strided = unfold, as_strided
