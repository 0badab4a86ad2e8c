"""What a tensor says of itself: its `Size`, its `device` (the CPU), its `layout`, its `Storage`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np


class Size(tuple[int, ...]):
    """A tensor's shape: a tuple that knows its number of entries and prints as PyTorch's does."""

    __slots__ = ()

    def numel(self) -> int:
        """The product of the sizes."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return Size(part) if type(index) is slice else part

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))

    def __mul__(self, times: Any) -> Any:
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"


class device:
    """Where a tensor lives. minigrad computes on the CPU only; any other device is an error.

    Parameters
    ----------
    type : str or device
        ``"cpu"`` (an index, as in ``"cpu:0"``, is allowed).

    Raises
    ------
    RuntimeError
        Any other device.
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        name, _, number = str(type).partition(":")
        if name != "cpu":
            raise RuntimeError(
                f"device {type!r} is not available: minigrad computes on the CPU only; use 'cpu', "
                "or choose the device with torch.cuda.is_available()"
            )
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)


CPU = device("cpu")


class layout:
    """How a tensor lies in memory. There is one: `strided`, with the same step along an axis."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = layout("strided")


class Storage:
    """The memory of a tensor and of all its views, as one row of entries.

    Parameters
    ----------
    array : numpy.ndarray
        The memory, with one axis.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @classmethod
    def of(cls, array: np.ndarray) -> Storage:
        """The memory that `array` is a part of."""
        whole = array
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        entries = whole.ravel("K")
        if entries.dtype != array.dtype:  # bytes: the memory was read from a file
            entries = entries.view(array.dtype)
        return cls(entries)

    def size(self) -> int:
        """The number of entries."""
        return self.array.size

    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self.array.nbytes

    def element_size(self) -> int:
        """Bytes per entry."""
        return self.array.itemsize

    def data_ptr(self) -> int:
        """The address of the first entry."""
        return self.array.ctypes.data

    def tolist(self) -> list[Any]:
        """The entries as Python numbers."""
        return self.array.tolist()

    def __len__(self) -> int:
        return self.array.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.tolist())

    def __getitem__(self, index: Any) -> Any:
        return self.array[index].tolist()

    def __setitem__(self, index: Any, value: Any) -> None:
        self.array[index] = value

    def __repr__(self) -> str:
        lines = "".join(f" {value}\n" for value in self.array.tolist())
        kind = f"TypedStorage(dtype=torch.{self.array.dtype.name}, device=cpu)"
        return f"{lines}[torch.storage.{kind} of size {self.size()}]"
