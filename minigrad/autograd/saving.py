"""What nodes save, handed to hooks: see `minigrad.autograd.graph.saved_tensors_hooks`.

A node saves tensors, and where a kernel computes the gradient, arrays in tuples. Each is shown to
the user's `pack_hook` as a tensor, and what that returns is kept in its place; `unpack_hook` makes
a tensor of it again when the gradient is computed. The tensor's place in the graph stays with the
node: hooks move entries, not history.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import errors
from .grad_mode import mode
from .tensor_base import TensorBase, wrap
from .views import edge_of

__all__ = ["Packed", "hooks", "hooks_of_thread", "pack_saved", "without_hooks"]

ndarray = np.ndarray

# (thread, pack_hook, unpack_hook), those entered last at the end; of a thread the last ones count
hooks: list[tuple[int, Callable[[Any], Any], Callable[[Any], Any]]] = []


def hooks_of_thread() -> Any:
    """The hooks that count in this thread; None if there are none."""
    me = threading.get_ident()
    return next((entry for entry in reversed(hooks) if entry[0] == me), None)


@contextmanager
def without_hooks() -> Iterator[None]:
    """A ``with`` block for a graph that nobody is going to walk: this thread packs nothing."""
    me = threading.get_ident()
    mine = [entry for entry in hooks if entry[0] == me]
    hooks[:] = [entry for entry in hooks if entry[0] != me]
    try:
        yield
    finally:
        hooks.extend(mine)


class _Thing:
    """One saved tensor or array, packed: what `pack_hook` made of it, and how it was."""

    def __init__(self, shown: Any, edge: Any, output: int | None, pack: Any, unpack: Any) -> None:
        count = shown.version.count
        before, mode.enabled = mode.enabled, False
        try:
            self.packed = pack(shown)
        finally:
            mode.enabled = before
        if shown.version.count != count:
            raise RuntimeError(errors.PACKING_WRITES)
        self.unpack = unpack
        self.edge, self.output = edge, output
        self.shape, self.dtype, flags = shown.array.shape, shown.array.dtype, shown.array.flags
        self.order: Any = "C" if flags.c_contiguous else "F" if flags.f_contiguous else None

    def tensor(self, node: Any) -> Any:
        """What was saved, in its place in the graph."""
        found = self.unpack(self.packed)
        if not isinstance(found, TensorBase):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(found).__name__}"
            )
        if found.array.shape != self.shape:
            raise RuntimeError(
                "Output of saved tensor unpack_hook has shape "
                f"{list(found.array.shape)}, but what {node.name()} saved has {list(self.shape)}"
            )
        tensor = wrap(found.array)
        edge = self.edge if self.output is None else (node, self.output)
        if edge is not None:
            tensor.edge, tensor._requires_grad = edge, True
        return tensor

    def array(self, tensor: Any) -> ndarray:
        """The entries of `tensor` as a kernel expects them: of this type, in this order."""
        return np.asarray(tensor.array, self.dtype, order=self.order)


class _Place:
    """Where a thing stands among what a node saved, as a tensor or as an array."""

    __slots__ = ("is_array", "thing")

    def __init__(self, thing: _Thing, is_array: bool) -> None:
        self.thing, self.is_array = thing, is_array


class Packed(list):
    """What a node saved, with packed things in the place of tensors and arrays."""

    def unpacked(self, node: Any) -> list[Any]:
        """What it was before. Each thing is unpacked once."""
        tensors: dict[_Thing, Any] = {}

        def restored(value: Any) -> Any:
            if type(value) is _Place:
                thing = value.thing
                if thing not in tensors:
                    tensors[thing] = thing.tensor(node)
                return thing.array(tensors[thing]) if value.is_array else tensors[thing]
            if type(value) is tuple or type(value) is list:
                return type(value)([restored(v) for v in value])
            return value

        return [restored(value) for value in self]


class _Packing:
    """Packs what one node saved: the same array once, unless a rule names two tensors."""

    def __init__(self, node: Any, results: Sequence[Any]) -> None:
        self.node, self.results = node, results
        _, self.pack, self.unpack = hooks_of_thread()
        self.things: dict[int, _Thing] = {}  # by the array's id
        self.kept: list[Any] = []  # so that no id is given out twice

    def thing(self, value: Any) -> _Thing:
        array = value if isinstance(value, ndarray) else value.array
        known = self.things.get(id(array))
        if known is not None:
            return known
        shown, edge, output = value, None, None
        if isinstance(value, ndarray):
            shown = wrap(value)
        elif hasattr(value, "restore"):  # an output of the node's, which has a place in it by now
            output = next((k for k, y in enumerate(self.results) if y.array is array), 0)
            shown = self.results[output]
            if shown.version.borrowers:  # lent: it may be written to, and what is kept may not
                shown = wrap(array.copy())
                self.results[output].version.borrowers = None
        else:
            edge = edge_of(value)
        self.kept.append(array)
        made = _Thing(shown, edge, output, self.pack, self.unpack)
        self.things[id(array)] = made
        return made

    def packed(self, value: Any) -> Any:
        if isinstance(value, TensorBase):
            return _Place(self.thing(value), False)
        if type(value) is ndarray:
            is_known = id(value) in self.things
            in_order = value.flags.c_contiguous or value.flags.f_contiguous
            return _Place(self.thing(value), True) if is_known or in_order else value
        if type(value) is tuple or type(value) is list:
            return type(value)([self.packed(v) for v in value])
        return value


def pack_saved(node: Any, results: Sequence[Any]) -> None:
    """Hand what a new node saved to the hooks of this thread; `results` have their places."""
    if hooks_of_thread() is None or not node.saved:
        return
    packing = _Packing(node, results)
    sources = getattr(node.op, "sources", None)
    if sources is None:
        node.saved = Packed([packing.packed(value) for value in node.saved])
        return
    count = len(sources)  # (behind them stand the tensors of an index, which no rule reads)
    packed = []
    for value in node.saved[:count]:
        packed.append(packing.packed(value))
        packing.things.clear()  # as in PyTorch, x * x packs x twice
    node.saved = Packed([*packed, *node.saved[count:]])
