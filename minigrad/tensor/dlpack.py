"""Tensors that other libraries made, and tensors for other libraries, without a copy: DLPack.

NumPy speaks that protocol, and knows how to look after the memory; here are PyTorch's names for it.
`minigrad.from_dlpack` takes whatever has ``__dlpack__``: arrays of NumPy, CuPy (copied to the CPU
first) and JAX, tensors of PyTorch. These in turn take a `Tensor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.loans import before_write
from .leaf import from_array

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]

CPU = 1  # in the numbers that the protocol has for devices


class _Writable:
    """The memory of an array that may be written to, though NumPy does not know."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array  # which keeps the memory
        shown = dict(array.__array_interface__)
        self.__array_interface__ = {**shown, "data": (array.ctypes.data, False)}


class _Capsule:
    """What ``__dlpack__`` gave, for who has the capsule only: it can be taken once."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU, 0


def exported(tensor: Any, *, stream: Any = None, **options: Any) -> Any:
    """The memory of the tensor as a capsule, for ``from_dlpack`` of another library.

    Raises
    ------
    BufferError
        The tensor requires a gradient, which would not flow on.
    """
    if tensor.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    before_write(tensor)  # the other side may write
    return tensor.array.__dlpack__(**options)


def device_of(tensor: Any) -> tuple[int, int]:
    """Where the memory is: number 1 of the kinds of devices, the CPU."""
    return CPU, 0


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of an object of another library: what is written to one is in both.

    Parameters
    ----------
    ext_tensor : object with ``__dlpack__``, or a capsule
        A capsule can be used once.

    Raises
    ------
    RuntimeError
        It is neither, or a capsule that was used before.
    BufferError
        It is not on the CPU.

    Examples
    --------
    >>> import minigrad as mg, numpy as np
    >>> row = np.zeros(3)
    >>> x = mg.from_dlpack(row)
    >>> x[0] = 5
    >>> row.tolist()
    [5.0, 0.0, 0.0]
    """
    is_capsule = not hasattr(ext_tensor, "__dlpack__")
    if is_capsule:
        if type(ext_tensor).__name__ != "PyCapsule":
            raise RuntimeError(
                "from_dlpack received an invalid capsule: it takes an object with __dlpack__, or "
                f"what that returned, not {type(ext_tensor).__name__}"
            )
        ext_tensor = _Capsule(ext_tensor)
    try:
        array = np.from_dlpack(ext_tensor)
    except ValueError as error:  # a capsule has another name after it was used
        raise RuntimeError(
            "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed "
            "only once, so you might have already constructed a tensor from it once."
        ) from error
    dtypes.of_numpy(array.dtype)
    if is_capsule and not array.flags.writeable:  # old ones do not say so, and may be, in PyTorch
        array = np.asarray(_Writable(array))
    return from_array(array)


def to_dlpack(tensor: Any) -> Any:
    """A capsule with the memory of a tensor; ``from_dlpack(tensor)`` needs none."""
    return tensor.__dlpack__()
