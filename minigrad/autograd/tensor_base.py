"""`TensorBase`: what the engine knows of a tensor, an array and a place in the graph.

What people call on a tensor is in `minigrad.tensor`. Here is also the one count by which the engine
numbers whatever happens, operations and changes in place alike.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..arrays.recording import records
from ..arrays.size import Size

ndarray = np.ndarray


class Version:
    """How often some memory was changed in place, and when last.

    Attributes
    ----------
    count : int
        How often.
    last : int
        When last: a number of the same count as `Node.number`; 0 for never.
    borrowers : list or None
        References to nodes that borrowed the memory (see `loans`).
    """

    count: int
    last: int
    borrowers: list[Any] | None

    def copy(self) -> Version:
        """The same history, for other memory (which nobody borrowed)."""
        twin = Version()
        twin.count, twin.last = self.count, self.last
        return twin


class TensorBase:
    """An array and its place in the graph.

    Attributes
    ----------
    array : numpy.ndarray
        The data; views share its memory.
    edge : tuple (Node, int) or None
        The node that made this tensor and which of its outputs this is; None for a leaf.
    version : Version
        How often the memory was changed in place, and when last. Tensors that share memory share
        it.
    view_of : View or None
        For a view, where it came from (see `views`).
    _hooks : Hooks or None
        What hangs on a leaf; what hangs on another tensor, its node has.
    """

    array: ndarray
    version: Version
    _requires_grad: bool
    edge: tuple[Any, int] | None
    view_of: Any
    _grad: TensorBase | None
    _hooks: Any
    _accumulate_hooks: Any
    _retains_grad: bool

    @property
    def shape(self) -> Size:
        """The sizes of the axes."""
        return size_of(self.array.shape)


# How they begin. (Compiled, these are fields of a C structure, which begin so anyway.)
if not hasattr(TensorBase, "edge"):
    Version.count = Version.last = 0
    Version.borrowers = None
    TensorBase._requires_grad = TensorBase._retains_grad = False
    for _name in ("edge", "view_of", "_grad", "_hooks", "_accumulate_hooks"):
        setattr(TensorBase, _name, None)


_sizes: dict[tuple[int, ...], Size] = {}  # the shapes asked for last


def size_of(shape: tuple[int, ...]) -> Size:
    """The `Size` of a shape; to look for it takes half as long as to make it."""
    size = _sizes.get(shape)
    if size is None:
        if len(_sizes) == 1000:
            _sizes.clear()
        size = _sizes[shape] = Size(shape)
    return size


_tensor_class: type[TensorBase] = TensorBase
_new = TensorBase.__new__


def set_tensor_class(cls: type[TensorBase]) -> None:
    """Tell the engine which class its results have (`minigrad.tensor` does, once)."""
    global _tensor_class
    _tensor_class = cls


def unwrapped(array: Any) -> Any:
    """`array` as an ndarray; one that writes down what is done with it as it is."""
    return array if records(array) else np.asarray(array)


def wrap(array: Any) -> Any:
    """A new tensor around `array`, without a copy, outside any graph."""
    tensor = _new(_tensor_class)
    tensor.array = array if type(array) is ndarray else unwrapped(array)
    tensor.version = Version()
    return tensor


def array_of(value: Any) -> Any:
    """The ndarray inside a tensor; anything else as it is."""
    return value.array if isinstance(value, TensorBase) else value


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a tensor or array; () for a number."""
    array = array_of(value)
    return array.shape if isinstance(array, ndarray) else np.shape(array)


_numbers = itertools.count(1)


def next_number() -> int:
    """The number of what happens now: it is larger than all before."""
    return next(_numbers)


def bump_version(tensor: TensorBase) -> None:
    """Note that the memory of `tensor` was changed in place."""
    version = tensor.version
    version.count += 1
    version.last = next_number()
