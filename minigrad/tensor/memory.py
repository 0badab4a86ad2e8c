"""A tensor's memory: where it lies, how far its steps go, and how to give a tensor other memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..arrays.size import Storage
from ..autograd.loans import before_write
from ..autograd.tensor_base import bump_version
from ..ops.arguments import as_shape

if TYPE_CHECKING:
    from .tensor import Tensor


@overload
def stride(tensor: Tensor) -> tuple[int, ...]: ...
@overload
def stride(tensor: Tensor, dim: int) -> int: ...
def stride(tensor: Tensor, dim: int | None = None) -> Any:
    """How many entries to go on in memory for one step along each axis, or along `dim`."""
    x = tensor.array
    if not x.size and not any(x.strides):  # NumPy's, where there is no entry to step to
        x = np.empty([max(n, 1) for n in x.shape], np.int8)
    steps = tuple([s // x.itemsize for s in x.strides])
    return steps if dim is None else steps[dim]


def is_contiguous(tensor: Tensor, memory_format: Any = None) -> bool:
    """Whether the memory is in row-major order."""
    return tensor.array.flags.c_contiguous


def data_ptr(tensor: Tensor) -> int:
    """The address of the first entry."""
    return tensor.array.ctypes.data


def storage(tensor: Tensor) -> Storage:
    """The memory that this tensor shares with all views of it."""
    before_write(tensor)
    return Storage.of(tensor.array)


def untyped_storage(tensor: Tensor) -> Storage:
    """The same memory as bytes."""
    before_write(tensor)
    return Storage(Storage.of(tensor.array).array.view(np.uint8))


def storage_offset(tensor: Tensor) -> int:
    """Where in its memory the tensor begins, in entries."""
    distance = data_ptr(tensor) - Storage.of(tensor.array).data_ptr()
    return distance // tensor.array.itemsize


def resize_(tensor: Tensor, *sizes: Any) -> Tensor:
    """Give this tensor another shape and size: its entries in the order in which they lie in
    memory, cut short or followed by uninitialised ones.

    Raises
    ------
    RuntimeError
        The tensor takes part in a gradient, or a size is negative.
    """
    if tensor.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    shape = as_shape(sizes)
    if min(shape, default=0) < 0:
        raise RuntimeError(f"resize_: the sizes must not be negative, but got {list(shape)}")
    if shape != tensor.array.shape:
        entries, count = tensor.array.ravel(order="K"), math.prod(shape)
        if count > entries.size:
            grown = np.empty(count, entries.dtype)
            grown[: entries.size] = entries
            entries = grown
        tensor.array = entries[:count].reshape(shape)
    bump_version(tensor)
    return tensor
