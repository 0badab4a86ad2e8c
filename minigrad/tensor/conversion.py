"""The same entries as another type: `to` and its short forms, and the way to NumPy and back."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.absent import absent
from ..arrays.size import check_device
from ..arrays.size import device as device_
from ..autograd.grad_mode import is_grad_enabled
from ..autograd.loans import before_write
from ..autograd.tensor_base import TensorBase
from ..ops.cast import cast
from ..ops.shape import clone
from .leaf import from_array

if TYPE_CHECKING:
    from .tensor import Tensor


def short_form(target: dtypes.dtype) -> Callable[..., Tensor]:
    """A method such as ``x.double()``."""

    def method(tensor: Tensor, memory_format: Any = None) -> Tensor:
        result: Tensor = (
            tensor if tensor.array.dtype == target.numpy else cast(tensor, target.numpy)
        )
        return result

    method.__doc__ = f"The tensor as {target}; itself if it is that already."
    return method


def to(
    tensor: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """The tensor in another dtype, or like another one; itself if nothing changes, or a `copy`.

    Called as ``to(dtype)``, ``to("cpu")``, ``to(device, dtype)`` or ``to(other)``.
    """
    target = None if dtype is None else dtypes.to_numpy(dtype)
    for argument in args:
        if isinstance(argument, TensorBase):
            target = argument.array.dtype
        elif isinstance(argument, (dtypes.dtype, np.dtype)):
            target = dtypes.to_numpy(argument)
        elif isinstance(argument, (str, device_)):
            device = argument
        elif isinstance(argument, bool) or argument is None:
            pass  # non_blocking, by position
        elif isinstance(argument, int):
            device = argument  # the number of a GPU
        else:
            raise TypeError(
                "to() received an invalid combination of arguments - got "
                f"({builtins.type(argument).__name__})"
            )
    if device is not None:
        check_device(device)  # raises for anything but the CPU
    result: Tensor = tensor
    if target is not None and target != tensor.array.dtype:
        result = cast(tensor, target)
    elif copy:
        result = clone(tensor)
    return result


def type(tensor: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The old name of the type, such as ``torch.FloatTensor``; or the tensor in that type."""
    if dtype is None:
        return f"torch.{dtypes.legacy_name(tensor.array.dtype)}Tensor"
    if isinstance(dtype, str):
        for known in dtypes.ALL:
            if dtype == f"torch.{dtypes.legacy_name(known.numpy)}Tensor":
                return to(tensor, known)
        raise ValueError(f"invalid type: {dtype!r}")
    if isinstance(dtype, builtins.type) and issubclass(dtype, TensorBase):
        return to(tensor, dtypes.get_default_dtype())
    # an old constructor such as LongTensor stands for its type
    return to(tensor, dtypes.of_numpy(dtypes.to_numpy(getattr(dtype, "dtype", dtype))))


def type_as(tensor: Tensor, other: Tensor) -> Tensor:
    """The tensor in the type of `other`."""
    return to(tensor, other)


def cpu(tensor: Tensor) -> Tensor:
    """The tensor itself: it is on the CPU."""
    return tensor


def cuda(tensor: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Raise: there is no GPU here."""
    words = "Torch not compiled with CUDA enabled: minigrad computes on the CPU only"
    raise absent("GPUs", AssertionError, words)


def numpy(tensor: Tensor, *, force: bool = False) -> np.ndarray:
    """The data as an ndarray that shares the memory; with `force` also of a graph tensor."""
    if not force and tensor.requires_grad and is_grad_enabled():
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    before_write(tensor)
    return tensor.array


def as_array(tensor: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """What ``np.asarray(tensor)`` asks for."""
    array = numpy(tensor)
    array = array if dtype is None else array.astype(dtype, copy=False)
    return array.copy() if copy else array


def of_numpy_function(
    tensor: Tensor, array: Any, context: Any = None, return_scalar: bool = False
) -> Tensor:
    """The result of a NumPy function of tensors: a tensor outside any graph; bools as bytes."""
    array = np.asarray(array)
    result: Tensor = from_array(array.astype(np.uint8) if array.dtype.kind == "b" else array)
    return result


# ------------------------------------------------------------------------------------------------
# A single entry, as a Python number
# ------------------------------------------------------------------------------------------------


def item(tensor: Tensor) -> int | float:
    """The only entry, as a Python number."""
    if tensor.array.size != 1:
        raise RuntimeError(
            f"a Tensor with {tensor.array.size} elements cannot be converted to Scalar"
        )
    return tensor.array.item()


def tolist(tensor: Tensor) -> Any:
    """The entries as nested lists."""
    return tensor.array.tolist()


def _number(tensor: Tensor) -> Any:
    if tensor.array.size != 1:
        raise ValueError(
            "only one element tensors can be converted to Python scalars; this one has "
            f"{tensor.array.size}"
        )
    return tensor.array.item()


def as_int(tensor: Tensor) -> int:
    """The only entry, rounded towards zero."""
    return int(_number(tensor))


def as_float(tensor: Tensor) -> float:
    """The only entry as a Python float."""
    return float(_number(tensor))


def as_index(tensor: Tensor) -> int:
    """The only entry, an integer, where Python wants an index."""
    if tensor.array.size != 1 or tensor.array.dtype.kind not in "bui":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(tensor.array.item())
