"""Storages: the memory that tensors show. Views are saved as views, and shared memory stays shared.

A pickle describes a tensor by its storage, the place of its first entry in it, its sizes and its
strides, all counted in entries. Two tensors of one storage are two views again after loading.
"""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor_base import Version
from ..tensor import Tensor, from_array


class StorageType:
    """The type of a storage, as pickles name it: ``torch.FloatStorage`` and so on.

    Attributes
    ----------
    name : str
    numpy : numpy.dtype or None
        The type of the entries; None where minigrad has no such type.
    """

    def __init__(self, name: str, numpy: np.dtype | None) -> None:
        self.name = name
        self.numpy = numpy

    def __reduce__(self) -> str:
        return self.name


TYPES = {
    kind.numpy: StorageType(f"{dtypes.legacy_name(kind.numpy)}Storage", kind.numpy)
    for kind in dtypes.ALL
}
MISSING_TYPES = [
    StorageType(f"{name}Storage", None)
    for name in ("BFloat16", "ComplexFloat", "ComplexDouble", "ComplexHalf", "QInt8", "QInt32",
                 "QUInt8", "QUInt4x2", "QUInt2x4")
]  # fmt: skip


# ------------------------------------------------------------------------------------------------
# From tensors to storages
# ------------------------------------------------------------------------------------------------


class StoredStorage(NamedTuple):
    """A storage that is being saved."""

    type: StorageType
    key: str
    numel: int


class StorageTable:
    """The storages met while saving, each once.

    Attributes
    ----------
    contents : list of numpy.ndarray
        Their memory, one-dimensional; the place in the list is the key.
    """

    def __init__(self) -> None:
        self.contents: list[np.ndarray] = []
        self._known: dict[Any, StoredStorage] = {}

    def describe(self, array: np.ndarray) -> tuple[StoredStorage, int, tuple[int, ...]]:
        """The storage that `array` is a view of, and its offset and strides there, in entries.

        Raises
        ------
        RuntimeError
            Another view of the same memory has another type.
        """
        memory = _whole_memory(array)
        step = array.itemsize
        offset = 0 if memory is None else _address(array) - _address(memory)
        regular = offset % step == 0 and all(s >= 0 and s % step == 0 for s in array.strides)
        if memory is None or not regular or memory.nbytes % step:
            array = array.copy()
            memory, offset = array.reshape(-1), 0
        # Empty arrays may all claim to live at one address.
        place = (_address(memory), memory.nbytes) if memory.nbytes else id(memory)
        storage = self._known.get(place)
        kind = TYPES[array.dtype]
        if storage is None:
            storage = StoredStorage(kind, str(len(self.contents)), memory.nbytes // step)
            self._known[place] = storage
            self.contents.append(memory)  # which also keeps it alive, and so its address its own
        elif storage.type is not kind:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                f"types: {storage.type.name} and {kind.name}. Save a clone() of one of them."
            )
        return storage, offset // step, tuple([s // step for s in array.strides])


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _whole_memory(array: np.ndarray) -> np.ndarray | None:
    """All of the memory that `array` is a view of, one-dimensional; None if that has gaps."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    slowest_first = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    ordered = array.transpose(slowest_first)
    return ordered.reshape(-1) if ordered.flags.c_contiguous else None


# ------------------------------------------------------------------------------------------------
# From storages to tensors
# ------------------------------------------------------------------------------------------------


class LoadedStorage:
    """A storage that was loaded: memory, and the count of in-place changes that its views share."""

    def __init__(self, memory: np.ndarray) -> None:
        self.memory = memory
        self.version = Version()

    def view(self, offset: Any, size: Any, stride: Any) -> Tensor:
        """The tensor at a place in the storage.

        Raises
        ------
        UnpicklingError
            Some of it would be outside the storage.
        """
        size, stride = tuple(size), tuple(stride)
        if not all(type(n) is int and 0 <= n < 2**63 for n in (offset, *size, *stride)):
            raise UnpicklingError(
                "a tensor's offset, sizes and strides must be numbers from 0 to 2**63 - 1"
            )
        if len(size) != len(stride) or len(size) > 64:
            raise UnpicklingError(
                f"a tensor has {len(size)} sizes and {len(stride)} strides, of which it must have "
                "equally many, and 64 at most"
            )
        memory, kind = self.memory, self.memory.dtype
        if 0 in size:
            tensor: Tensor = from_array(np.empty(size, kind))
            return tensor
        last = offset + sum((n - 1) * s for n, s in zip(size, stride))
        if last >= memory.size:
            raise UnpicklingError(
                f"a tensor of sizes {size} and strides {stride} at offset {offset} goes out of "
                f"bounds for its storage of {memory.size} entries"
            )
        # The stride of an axis of size 1 is never used, and may be any number. NumPy checks the
        # bounds again.
        stride = tuple([min(s, memory.size) for s in stride])
        step = kind.itemsize
        tensor = from_array(
            np.ndarray(size, kind, memory, offset * step, [s * step for s in stride])
        )
        tensor.version = self.version
        return tensor
