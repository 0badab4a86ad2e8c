"""`Noted`: arrays that note what is asked of them; `Place`: where an array of a replay lies."""

from __future__ import annotations

from typing import Any

import numpy as np

ndarray = np.ndarray


class Whole(Exception):
    """A function cannot be taken apart."""


class Place:
    """Where an array is: some numbers of a buffer, and the slot of the object.

    Attributes
    ----------
    array : ndarray
        As it is while the list is written; if it is `fixed`, that is it in all runs.
    """

    __slots__ = ("array", "buffer", "fixed", "is_new", "offset", "slot")

    def __init__(self, array: Any, buffer: int, offset: int, slot: int, fixed: bool) -> None:
        self.array, self.buffer, self.offset = array, buffer, offset
        self.slot, self.fixed = slot, fixed
        self.is_new = False  # whether each run makes it anew, and nothing else refers to it


def _opaque(name: str) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        raise Whole(name)

    return method


class Noted(ndarray):
    """An array that notes what is asked of it, as instructions of `writer`."""

    writes_down = True  # (see `arrays.recording`)
    place: Any = None
    writer: Any = None

    def __array_finalize__(self, other: Any) -> None:
        self.place = None

    def __array_ufunc__(  # type: ignore[override]
        self, function: Any, method: Any, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        """A function of numbers."""
        if method != "__call__" or out is not None or options or function.nout != 1:
            raise Whole(function.__name__)
        return writer_of(inputs).loop(function, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        raise Whole(function.__name__)

    def note_kernel(self, name: str, call: Any, arguments: tuple[Any, ...]) -> Any:
        """A kernel, which stands in for a formula."""
        return writer_of(arguments).kernel(name, call, arguments)

    def written_as_one(self, call: Any, arguments: tuple[Any, ...]) -> Any:
        """A function that fills arrays unseen."""
        raise Whole("as_one")

    def _shown(self, result: Any) -> Any:
        return self.writer.noted(self.writer.place_of(result, [self.place]))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Another shape, if that shows the same memory."""
        return self._shown(bare(self).reshape(*shape, **options))

    def transpose(self, *axes: Any) -> Any:
        """Other axes."""
        return self._shown(bare(self).transpose(*axes))

    def swapaxes(self, a: Any, b: Any) -> Any:
        """Two axes exchanged."""
        return self._shown(bare(self).swapaxes(a, b))

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return self._shown(bare(self).T)

    def squeeze(self, *axis: Any) -> Any:
        """Without axes of size 1."""
        return self._shown(bare(self).squeeze(*axis))

    def __getitem__(self, index: Any) -> Any:
        items = index if isinstance(index, tuple) else (index,)
        if not all([i is None or i is Ellipsis or isinstance(i, (int, slice)) for i in items]):
            raise Whole("index")
        return self._shown(bare(self)[index])


_ANSWERED = {
    "__array_finalize__", "__array_ufunc__", "__array_function__", "__class__", "__new__",
    "__init__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__doc__", "__hash__",
    "__init_subclass__", "__subclasshook__", "__len__", "__sizeof__", "__class_getitem__",
} | {
    f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "pow") for side in ("", "r")
} | {f"__{name}__" for name in ("lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "abs", "and",
                                "or", "invert")}  # fmt: skip
for _name in dir(ndarray):  # all else would compute unseen, or leave for Python
    if _name not in vars(Noted) and _name not in _ANSWERED and callable(getattr(ndarray, _name)):
        setattr(Noted, _name, _opaque(_name))


def bare(array: Any) -> Any:
    return ndarray.view(array, ndarray) if type(array) is Noted else array


def writer_of(things: Any) -> Any:
    return next(t.writer for t in things if type(t) is Noted)
