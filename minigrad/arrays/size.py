"""What a tensor says of itself: its `Size`, its `device` (the CPU), its `layout`, its `Storage`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .absent import absent


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


_KINDS = (
    "cpu", "cuda", "hpu", "ipu", "lazy", "maia", "meta", "mkldnn", "mps", "mtia", "privateuseone",
    "vulkan", "xla", "xpu",
)  # fmt: skip


# How many ranks `minigrad.distributed.launch` has started on this machine. Their scripts choose a
# device by their number, ``tensor.to(rank)``, and it is the CPU for all of them.
ranks_here = 0


class device:
    """Where a tensor lives. Every device has a name; tensors can only be on the CPU.

    Scripts compare devices and pass them on before they know what there is. So any of PyTorch's can
    be named; a tensor that is to be made there, or moved there, raises.

    Parameters
    ----------
    type : str or device
        Such as ``"cpu"`` or ``"cuda:0"``.
    index : int, optional
        Which device of its kind; or behind a colon in `type`.

    Raises
    ------
    RuntimeError
        There is no such kind of device, or the index is no number.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.device("cuda", 1)
    device(type='cuda', index=1)
    >>> mg.zeros(2, device="cuda")
    Traceback (most recent call last):
    AssertionError: Torch not compiled with CUDA enabled: device 'cuda' is not available, since ...
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if isinstance(type, int) and 0 <= type < ranks_here:
            type = "cpu"
        if isinstance(type, int):
            raise RuntimeError(
                f"Cannot access accelerator device when none is available: device({type}) is a GPU"
            )
        name, colon, number = str(type).partition(":")
        if name not in _KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(_KINDS)} device type at start of device string: {type}"
            )
        if colon and not (number.isdigit() and index is None):
            raise RuntimeError(f"Invalid device string: '{type}'")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        check_device(self)
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)


CPU = device("cpu")


def check_device(place: Any) -> device:
    """`place` as a device, if tensors can be there.

    Raises
    ------
    AssertionError
        It is a GPU, as in a PyTorch without CUDA.
    RuntimeError
        It is another device, or none.
    """
    wanted = device(place)
    if wanted.type != "cpu":
        words = (
            f"device '{wanted}' is not available, since minigrad computes on the CPU only; use "
            "'cpu', or choose the device with torch.cuda.is_available()"
        )
        if wanted.type == "cuda":
            words = f"Torch not compiled with CUDA enabled: {words}"
            raise absent("GPUs", AssertionError, words)
        raise absent("the device meta" if wanted.type == "meta" else "GPUs", RuntimeError, words)
    return wanted


class memory_format:
    """In which order entries lie in memory: a name. See `minigrad.contiguous_format`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


# Row-major order, and the order that there is. The others are orders of pictures: to ask for one
# changes nothing.
contiguous_format, preserve_format = (
    memory_format("contiguous_format"),
    memory_format("preserve_format"),
)
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")


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

    @classmethod
    def from_file(cls, filename: str, shared: bool = False, nbytes: int = 0) -> Storage:
        """The first `nbytes` bytes of a file, read when they are needed.

        If `shared`, what is written to them is written to the file.
        """
        return cls(np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,)))

    def untyped(self) -> Storage:
        """The same memory as bytes."""
        return Storage(self.array.view(np.uint8))

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

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.array.nbytes

    def __len__(self) -> int:
        return self.array.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.tolist())

    def __getitem__(self, index: Any) -> Any:
        return Storage(self.array[index]) if type(index) is slice else self.array[index].tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype, copy=copy)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.array[index] = value

    def __repr__(self) -> str:
        lines = "".join(f" {value}\n" for value in self.array.tolist())
        kind = f"TypedStorage(dtype=torch.{self.array.dtype.name}, device=cpu)"
        return f"{lines}[torch.storage.{kind} of size {self.size()}]"
