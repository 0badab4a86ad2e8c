"""Small questions about tensors and types, and the functions of several tensors that are no op."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.size import CPU, Size, check_device
from ..arrays.size import device as device_
from ..autograd.tensor_base import TensorBase, array_of
from ..ops.shape import broadcast_to, reshape

if TYPE_CHECKING:
    from .tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, TensorBase)


def is_floating_point(input: Any) -> bool:
    """Whether the entries are floating point numbers."""
    return array_of(input).dtype.kind == "f"


def is_complex(input: Any) -> bool:
    """False: there are no complex tensors here."""
    return False


def is_nonzero(input: Any) -> bool:
    """Whether the only entry is not zero."""
    return bool(input)


def numel(input: Any) -> int:
    """The number of entries."""
    return array_of(input).size


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The type that an operation on both (tensors or numbers) has."""
    return dtypes.of_numpy(dtypes.result_type(array_of(tensor1), array_of(tensor2)))


def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """The smallest type that holds both."""
    return dtypes.of_numpy(dtypes.promote(type1.numpy, type2.numpy))


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether a value of type `from_` may be stored in place in one of type `to`."""
    return dtypes.can_cast(from_.numpy, to.numpy)


class finfo:
    """What a floating point type (default: the default one) can hold, in Python numbers.

    Attributes
    ----------
    bits : int
    eps : float
        The step from 1 to the next larger number.
    min, max : float
    tiny, smallest_normal : float
        The smallest positive number with full precision.
    resolution : float
        The decimal digits that are certain, as a power of ten.
    """

    def __init__(self, type: dtypes.dtype | None = None) -> None:
        kind = dtypes.default() if type is None else type.numpy
        if kind.kind != "f":
            raise TypeError(
                f"torch.finfo() requires a floating point input type, but got {type}. Use "
                "torch.iinfo for integers"
            )
        info = np.finfo(kind)
        self.bits = int(info.bits)
        self.eps, self.resolution = float(info.eps), float(info.resolution)
        self.min, self.max = float(info.min), float(info.max)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.dtype = info.dtype.name

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        numbers = ", ".join(f"{n}={getattr(self, n):.6g}" for n in names)
        return f"finfo({numbers}, dtype={self.dtype})"


def iinfo(type: dtypes.dtype) -> Any:
    """NumPy's description of an integer type: ``min``, ``max``, ``bits``."""
    if type.numpy.kind not in "iu":
        raise TypeError(
            f"torch.iinfo() requires an integer input type, but got {type}. Use torch.finfo"
        )
    return np.iinfo(type.numpy)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors as views of their common broadcast shape."""
    shape = np.broadcast_shapes(*[x.array.shape for x in tensors])
    return tuple([x if x.array.shape == shape else broadcast_to(x, shape) for x in tensors])


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these `shapes` have together."""
    joined: tuple[int, ...] = ()
    for k, shape in enumerate(shapes):
        try:
            joined = np.broadcast_shapes(joined, shape)
        except ValueError:
            raise RuntimeError(
                f"Attempting to broadcast shapes that differ: mismatching argument at index {k} "
                f"had {tuple(shape)}; but expected shape should be broadcastable to {list(joined)}"
            ) from None
    return Size(joined)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids of 1-D tensors: grid k varies along axis k as tensor k does.

    Parameters
    ----------
    indexing : "ij" or "xy"
        "xy" swaps the first two axes.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for x in tensors:
        if x.array.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got shape "
                f"{list(x.array.shape)}"
            )
        if x.array.dtype != tensors[0].array.dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    order = list(range(len(tensors)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    sizes = [0] * len(order)
    for x, axis in zip(tensors, order):
        sizes[axis] = x.array.size
    return tuple([
        broadcast_to(
            reshape(x, tuple([-1 if k == axis else 1 for k in range(len(sizes))])), tuple(sizes)
        )
        for x, axis in zip(tensors, order)
    ])  # fmt: skip


def get_default_device() -> device_:
    """The CPU."""
    return CPU


def set_default_device(device: Any) -> None:
    """Accept ``"cpu"`` (or None); anything else is an error."""
    check_device("cpu" if device is None else device)
