"""`Watch`: what a walk over all that a step may depend on has looked at, to be looked at again.

`Reach` goes from thing to thing, and takes note here of each place where it found one. While all
places have what they had then, another walk would find the same, and need not be made.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from ..arrays import dtypes
from ..nn.hooks import Hookable

PLAIN = frozenset({int, float, str, bytes, bool, type(None), complex, range, slice})
MISSING: Any = type("Missing", (), {})()


class Watch:
    """Places, and what was in them. It is kept with the cell, and does not keep it in memory.

    Attributes
    ----------
    complete : bool
        False once there was a thing whose changes no place shows.
    tensors : list of Tensor
    hooked : bool
    mark : tuple
        What the walk found: see `Reach`.
    plans : dict
        By the kinds of what the step is given: so that nobody need ask for plans by the mark.
    """

    def __init__(self, cell: Any) -> None:
        self.cell = ref(cell)
        self.kind = type(cell)
        self.dtype = dtypes.get_default_dtype()
        self.complete = True
        self.items: list[tuple[dict[Any, Any] | None, Any, Any]] = []
        self.shared: list[tuple[Any, Any, Any]] = []  # the same of classes
        self.sizes: list[tuple[Any, int]] = []
        self.parts: list[tuple[Any, tuple[Any, ...]]] = []
        self.sets: list[tuple[Any, Any]] = []
        self.slots: list[tuple[Any, str, Any]] = []
        self.parameters: list[tuple[Any, Any, Any, bool]] = []
        self.arrays: list[tuple[Any, Any, bytes]] = []
        self.functions: list[tuple[Any, Any, Any, Any]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.kinds: list[tuple[Any, Any]] = []
        self.mark: tuple[Any, ...] = ()
        self.plans: dict[Any, Any] = {}
        self.tensors: list[Any] = []
        self.hooked = False
        self.name(vars(Hookable), "_hooked")

    def __reduce__(self) -> Any:
        return type(None), ()  # copies and pickles of a cell have none

    def name(self, table: Any, name: Any) -> None:
        """Whether there is something of this name in a table, and what."""
        entry = (self._table(table), name, table.get(name, MISSING))
        (self.items if isinstance(table, dict) else self.shared).append(entry)

    def _table(self, table: Any) -> Any:
        """A table; None for the cell's own attributes, among which the watch itself will be."""
        return None if table is vars(self.cell()) else table

    def whole(self, container: Any) -> None:
        """All that a dictionary, a list, a set or an array has, in its order."""
        if isinstance(container, dict):
            self.parts.append((container, tuple(container)))
            for name, value in container.items():
                self.items.append((container, name, value))
        elif isinstance(container, np.ndarray):
            self.arrays.append((container, container.shape, container.tobytes()))
        elif isinstance(container, (set, frozenset)):
            self.sets.append((container, frozenset(container)))
        elif not isinstance(container, tuple):
            self.parts.append((container, tuple(container)))

    def attributes(self, own: dict[str, Any], names: Any) -> None:
        """How many attributes a thing has, and some of them."""
        self.sizes.append((self._table(own), len(own)))
        for name in names:
            self.name(own, name)

    def module(self, module: Any) -> None:
        """What every module has, but hooks."""
        own = vars(module)
        for name in ("training", "_hooked", "_parameters", "_buffers", "_modules"):
            self.name(own, name)
        for name in ("_parameters", "_buffers", "_modules"):
            self.whole(own[name])
        if module is not self.cell():
            self.kinds.append((module, type(module)))

    def function(self, function: Any) -> None:
        """The code of a function, its defaults, and the names of functions around."""
        defaults = function.__defaults__, function.__kwdefaults__
        self.functions.append((function, function.__code__, *defaults))
        for cell in function.__closure__ or ():
            try:
                self.cells.append((cell, cell.cell_contents))
            except ValueError:  # not yet filled
                self.complete = False

    def tensor(self, tensor: Any) -> None:
        """Which array a tensor has, of which shape, and whether it wants a gradient."""
        array = tensor.array
        self.parameters.append((tensor, array, array.shape, tensor._requires_grad))
        if tensor.__dict__:
            self.complete = False

    def holds(self, cell: Any) -> bool:
        """Whether all is as it was."""
        if not self.complete or self.kind is not type(cell) or self.cell() is not cell:
            return False
        own = vars(cell)
        if self.dtype is not dtypes.get_default_dtype():
            return False
        table: dict[Any, Any]
        for place, name, value in self.items:
            table = own if place is None else place
            now = table.get(name, MISSING)
            if now is not value and not _equal(now, value):
                return False
        for shared, name, value in self.shared:
            if shared.get(name, MISSING) is not value:
                return False
        for container, size in self.sizes:
            if len(own if container is None else container) != size:
                return False
        for container, content in self.parts:
            if len(container) != len(content):
                return False
            for a, b in zip(container, content):
                if a is not b and not _equal(a, b):
                    return False
        for tensor, array, shape, wants in self.parameters:
            if tensor.array is not array or tensor._requires_grad is not wants:
                return False
            if array.shape != shape or tensor.__dict__:
                return False
        for function, code, defaults, keywords in self.functions:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                return False
            if function.__kwdefaults__ is not keywords:
                return False
        for cell, content in self.cells:
            if not _has(cell, content):
                return False
        for thing, name, value in self.slots:
            if getattr(thing, name, MISSING) is not value:
                return False
        for thing, kind in self.kinds:
            if type(thing) is not kind:
                return False
        for array, shape, numbers in self.arrays:
            if array.shape != shape or array.tobytes() != numbers:
                return False
        return all([now == then for now, then in self.sets])


def _has(cell: Any, content: Any) -> bool:
    """Whether a name of a function around has this value."""
    try:
        return cell.cell_contents is content
    except ValueError:  # it has none
        return False


def _equal(a: Any, b: Any) -> bool:
    """Whether two plain values are of one type and equal, as `Reach.tell` sees them."""
    kind = type(a)
    return kind is type(b) and kind in PLAIN and (a or str(a)) == (b or str(b))
