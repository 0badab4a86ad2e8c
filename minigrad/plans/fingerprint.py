"""What a step may depend on besides its arguments: if it changes, the step is recorded again.

A step's code says what it can reach: the attributes of its modules, names of the functions around
it, global names, and through them other functions, objects and classes. `Reach` follows the code,
as far as it is the user's, and tells all of it: numbers and texts by value, so too small arrays,
and tensors that are no parameters or buffers; other things by which one they are, and what is in
them. What may change without being told raises `Refused`, before the step has run once.

Of all that it also keeps what it was: a recording runs the step, and must leave no trace.
"""

from __future__ import annotations

import dis
import functools
import numbers
import random
import sys
import types
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..tensor import own_attributes
from .traced import Refused
from .watch import MISSING as _MISSING
from .watch import PLAIN, Watch

FIXED = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MethodWrapperType, types.GetSetDescriptorType, types.MemberDescriptorType,
    types.ClassMethodDescriptorType, types.CodeType, np.ufunc, np.dtype, type(Ellipsis),
)  # fmt: skip
OWN_TABLES = frozenset({*vars(Module()), "_watch"})  # what every module has
MOST_THINGS, MOST_BYTES = 1000, 8192
# Who says one of these asks for what a list cannot know, or does what it would not do again.
ASKING = frozenset({
    "requires_grad", "is_leaf", "grad_fn", "grad", "retains_grad", "_version", "is_grad_enabled",
})  # fmt: skip
ASKING_PYTHON = frozenset({"globals", "locals", "eval", "exec", "print", "open", "input"})
_SEARCHING = frozenset({"getattr", "vars", "attrgetter"})
_LIBRARIES = frozenset({"minigrad", "numpy", "torch"}) | (sys.stdlib_module_names - {"__main__"})


@functools.lru_cache(maxsize=1024)
def _is_library(module: Any) -> bool:
    """Whether the code of a module, by its name, is none of the user's."""
    return str(module).partition(".")[0] in _LIBRARIES


@functools.lru_cache(maxsize=1024)
def _of_users(kind: Any) -> tuple[type, ...]:
    """Those of a class and its bases that users wrote."""
    return tuple([base for base in kind.__mro__ if not _is_library(base.__module__)])


@functools.lru_cache(maxsize=1024)
def _is_users(kind: Any) -> bool:
    """Whether users wrote all methods of a class: then no code is hidden that reads attributes."""
    return {*kind.__mro__} - {*_of_users(kind)} <= {*Module.__mro__}


class Names(NamedTuple):
    """What a code says."""

    variables: tuple[str, ...]
    attributes: frozenset[str]
    texts: frozenset[str]  # which may be names of attributes, too: ``getattr(self, "leak")``
    imports: tuple[str, ...]
    asked: frozenset[str]  # attributes and texts
    asking: frozenset[str]  # of `ASKING` and `ASKING_PYTHON`


_known_names: dict[int, tuple[types.CodeType, Names]] = {}  # (codes are slow to hash)


def _names(code: types.CodeType) -> Names:
    known = _known_names.get(id(code))
    if known is None:
        if len(_known_names) > 4096:
            _known_names.clear()
        known = _known_names[id(code)] = code, _names_of(code)
    return known[1]


def _names_of(code: types.CodeType) -> Names:
    variables: dict[str, None] = {}
    attributes: set[str] = set()
    texts: set[str] = set()
    imports: list[str] = []
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname.endswith(("_GLOBAL", "_NAME")) and isinstance(name, str):
            if instruction.opname == "IMPORT_NAME":
                imports.append(name)
            else:
                variables[name] = None
        elif "_ATTR" in instruction.opname or "_METHOD" in instruction.opname:
            attributes.add(name)
    for constant in code.co_consts:
        if isinstance(constant, str):
            texts.add(constant)
        elif isinstance(constant, types.CodeType):
            inner = _names(constant)
            variables.update(dict.fromkeys(inner.variables))
            attributes |= inner.attributes
            texts |= inner.texts
            imports += inner.imports
    asking = (ASKING & (attributes | variables.keys())) | (ASKING_PYTHON & variables.keys())
    return Names(
        tuple(variables), frozenset(attributes), frozenset(texts), tuple(imports),
        frozenset(attributes | texts), asking,
    )  # fmt: skip


class Reach:
    """All that the step of a cell may depend on, as far as it can be told.

    Parameters
    ----------
    cell : Module
    keeps : bool
        Whether `put_back` shall know what everything was.

    Attributes
    ----------
    tensors : list of Tensor
        The parameters and buffers of the cell, each once: their values need not be told.
    mark : tuple
        It is equal to another one's if nothing has changed in between.
    hooked : bool
        Whether a module of the cell has hooks.
    """

    def __init__(self, cell: Module, keeps: bool = False) -> None:
        self.told: list[Any] = [dtypes.get_default_dtype()]
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []  # (so that no two things have one number)
        self.attributes: set[str] = {"forward"}
        self.asks_for_all = False  # whether the code makes names of attributes
        self.holders: dict[int, Any] = {}  # things of which the parts are told that code asks for
        self.undo: list[Any] | None = [] if keeps else None
        self.watch = Watch(cell)  # where everything was found
        self.tensors: list[Any] = []
        self.hooked = False
        later: list[Any] = []
        self._tell_own(cell, later)
        for value in later:
            self.tell(value)
        self._ask_holders()
        self.mark = tuple(self.told)

    def watched(self) -> Watch:
        """Where everything was found, and what was found."""
        watch = self.watch
        watch.mark, watch.tensors, watch.hooked = self.mark, self.tensors, self.hooked
        return watch

    # -- telling -------------------------------------------------------------------------------

    def tell(self, value: Any) -> None:
        """Tell a thing, and what is in it."""
        kind = type(value)
        if kind in PLAIN:
            self.told += (kind, value or str(value))  # (1 is not 1.0, and 0.0 not -0.0)
            return
        known = self.seen.get(id(value))
        if known is not None:
            self.told.append(known)
            return
        self.seen[id(value)] = len(self.seen)
        self.alive.append(value)
        if len(self.seen) > MOST_THINGS:
            raise Refused("it refers to too much that may change")
        self.told.append(kind)
        way = _WAYS.get(kind) or _way(kind)
        way(self, value)

    def _tell_tensor(self, tensor: Any) -> None:
        self.told += (id(tensor), tensor._requires_grad)
        self.watch.tensor(tensor)
        self._tell_array(tensor.array)
        if tensor.__dict__:
            self._tell_dict(own_attributes(tensor))

    def _tell_array(self, array: Any) -> None:
        array = np.asarray(array)
        if array.nbytes > MOST_BYTES or array.dtype.hasobject:
            raise Refused("it uses an array from outside; register it as a buffer")
        self._keep(array)
        self.told.append((array.shape, array.dtype, array.tobytes()))

    def _tell_sequence(self, values: Any) -> None:
        self._keep(values)
        self.told.append(len(values))
        for value in values:
            self.tell(value)

    def _tell_set(self, values: Any) -> None:
        self._keep(values)
        self.told.append(frozenset(values))

    def _tell_method(self, method: Any) -> None:
        self.tell(method.__func__)
        self.tell(getattr(method, "__self__", None))

    def _tell_partial(self, partial: Any) -> None:
        self.tell((partial.func, partial.args, partial.keywords))

    def _tell_which(self, thing: Any) -> None:
        self.told.append(id(thing))

    def _tell_class(self, kind: Any) -> None:
        self.told.append(id(kind))
        for base in _of_users(kind):
            self.holders[id(base)] = base

    def _tell_library(self, module: Any) -> None:
        self.told.append(id(module))
        if module.__name__.partition(".")[0] not in ("minigrad", "numpy"):
            self.holders[id(module)] = module

    def _tell_dict(self, table: Any) -> None:
        self._keep(table)
        for name, value in list(table.items()):
            self.tell(name)
            self.tell(value)

    def _tell_own(self, module: Module, later: list[Any]) -> None:
        """Tell a module of the cell, and those in it; its attributes shall be told `later`."""
        own, kind, watch = vars(module), cast("Any", type(module)), self.watch
        watch.module(module)
        self.seen[id(module)] = len(self.seen)
        self.hooked = self.hooked or module._hooked
        self.told += (id(kind), module.training)
        for table in (module._parameters, module._buffers):
            for name, value in table.items():
                self.told.append(name)
                known = None if value is None else self.seen.get(id(value))
                if value is None or known is not None:
                    self.told.append(known)
                else:
                    self.seen[id(value)] = len(self.seen)
                    self.tensors.append(value)
                    watch.tensor(value)
                    array = value.array
                    self.told += (id(value), array.shape, array.dtype, value._requires_grad)
                    if value.__dict__:  # (what somebody has hung on it)
                        for attribute, thing in own_attributes(value).items():
                            self.told.append(attribute)
                            later.append(thing)
        if _is_users(kind):
            self.holders[id(module)] = module
        else:
            names = [name for name in own if name not in OWN_TABLES]
            self.told += names
            later += [own[name] for name in names]
            watch.attributes(own, names)
        self._tell_kind(kind)
        if self.undo is not None:
            for table in (own, *[own[name] for name in OWN_TABLES if type(own.get(name)) is dict]):
                self._keep(table)
        for name, child in module._modules.items():
            self.told.append(name)
            known = None if child is None else self.seen.get(id(child))
            if child is None or known is not None:
                self.told.append(known)
            else:
                self._tell_own(child, later)

    def _tell_module(self, module: Module) -> None:
        """Tell a module that is none of the cell's."""
        self.told.append(id(module))
        self.watch.kinds.append((module, type(module)))
        self._tell_dict(vars(module))
        self._tell_kind(cast("Any", type(module)))

    def _tell_object(self, thing: Any) -> None:
        self.told.append(id(thing))
        kind = cast("Any", type(thing))
        self.watch.kinds.append((thing, kind))
        slots = [name for base in kind.__mro__ for name in _slots(base)]
        table = getattr(thing, "__dict__", None)
        if isinstance(thing, random.Random):  # (two recordings would differ by what it draws)
            if self.undo is not None:
                self.undo.append((_set_state, thing, "", thing.getstate()))
            return
        if hasattr(thing, "get_state") or (table is None and not slots):
            raise Refused(f"it uses a {kind.__name__}, which may change unnoticed")
        for name in slots:
            value = getattr(thing, name, _MISSING)
            self.tell(None if value is _MISSING else value)
            if self.undo is not None:
                self.undo.append((setattr, thing, name, value))
            self.watch.slots.append((thing, name, value))
        if table is not None and _is_users(kind):
            self._keep(table)
            self.holders[id(thing)] = thing
        elif table is not None:
            self._tell_dict(table)
        self._tell_kind(kind)

    def _tell_kind(self, kind: Any) -> None:
        """The class of a thing: what Python itself may call, and what the code asks for."""
        for base in _of_users(kind):
            self.holders[id(base)] = base
            for name, value in vars(base).items():
                special = name.startswith("__") and name not in ("__init__", "__new__")
                if special and isinstance(value, types.FunctionType):
                    self.tell(value)
                    self.watch.name(vars(base), name)

    def _tell_function(self, function: Any) -> None:
        self.told.append(id(function.__code__))  # (which `_names` keeps)
        self.watch.function(function)
        for value in (function.__defaults__, function.__kwdefaults__):
            if value is not None:
                self.tell(value)
        if _is_library(function.__module__):
            return
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # not yet filled
                continue
            self.tell(value)
            if self.undo is not None:
                self.undo.append((setattr, cell, "cell_contents", value))
        names, table = _names(function.__code__), function.__globals__
        for name in names.asking:
            if name in ASKING or name not in table:  # (a function of the user's may be called so)
                raise Refused(f"it says {name}, of which a recording knows nothing")
        self.attributes |= names.asked
        self.asks_for_all |= not _SEARCHING.isdisjoint(names.variables)
        self.asks_for_all |= "__dict__" in names.attributes
        for name in names.variables:
            value = table.get(name, _MISSING)
            if value is not _MISSING:
                self.told.append(name)
                self.tell(value)
            if self.undo is not None:
                self.undo.append((dict.__setitem__, table, name, value))
            self.watch.name(table, name)
        for name in names.imports:
            self.watch.name(sys.modules, name)
            if name in sys.modules:
                self.tell(sys.modules[name])

    def _ask_holders(self) -> None:
        """Tell what classes and modules have under the names that the code asks for."""
        asked: set[tuple[int, str]] = set()
        known: Any = None
        while known != (now := (len(self.holders), len(self.attributes), self.asks_for_all)):
            known = now
            new = [
                (holder, name)
                for key, holder in list(self.holders.items())
                for name in self._asked_of(holder)
                if (key, name) not in asked
            ]
            for holder, name in new:
                asked.add((id(holder), name))
                value = vars(holder)[name]
                self.told.append(name)
                self.tell(value)
                if self.undo is not None:
                    self.undo.append((setattr, holder, name, value))
        for holder in self.holders.values():
            own = vars(holder)
            self.watch.attributes(own, [*own] if self.asks_for_all else self.attributes)

    def _asked_of(self, holder: Any) -> list[str]:
        own = vars(holder)
        if self.asks_for_all and not isinstance(holder, (type, types.ModuleType)):
            return [name for name in own if name not in OWN_TABLES]
        return sorted((self.attributes & own.keys()) - OWN_TABLES)

    # -- leaving no trace ----------------------------------------------------------------------

    def _keep(self, container: Any) -> None:
        self.watch.whole(container)
        if self.undo is not None and not isinstance(container, (tuple, frozenset)):
            self.undo.append((None, container, None, container.copy()))

    def put_back(self) -> None:
        """Let everything be again what it was."""
        for change, thing, name, value in self.undo or ():
            if isinstance(thing, np.ndarray):
                if thing.shape != value.shape or thing.tobytes() != value.tobytes():
                    thing[...] = value
            elif change is None:
                _refill(thing, value)
            elif value is not _MISSING:
                now = thing.get(name, _MISSING) if type(thing) is dict else _look(thing, name)
                if now is not value:
                    change(thing, name, value)
            elif type(thing) is dict:
                thing.pop(name, None)


_TELLING: tuple[tuple[Any, Any], ...] = (
    (TensorBase, Reach._tell_tensor),
    (Module, Reach._tell_module),
    (types.FunctionType, Reach._tell_function),
    (types.ModuleType, Reach._tell_library),
    (type, Reach._tell_class),
    ((np.ndarray, np.generic), Reach._tell_array),
    ((list, tuple, deque), Reach._tell_sequence),
    (dict, Reach._tell_dict),
    ((set, frozenset), Reach._tell_set),
    ((types.MethodType, staticmethod, classmethod), Reach._tell_method),
    (property, lambda reach, value: reach.tell(value.fget)),
    (functools.partial, Reach._tell_partial),
    (numbers.Number, lambda reach, value: reach.told.append(value)),
    (FIXED, Reach._tell_which),
    (object, Reach._tell_object),
)
_WAYS: WeakKeyDictionary[type, Any] = WeakKeyDictionary()


def _way(kind: type) -> Any:
    """How things of a class are told."""
    way = next(way for base, way in _TELLING if issubclass(kind, base))
    if way is Reach._tell_object and kind.__module__.startswith("minigrad"):
        way = Reach._tell_object if hasattr(kind, "get_state") else Reach._tell_which
    _WAYS[kind] = way
    return way


def _look(thing: Any, name: str) -> Any:
    """An attribute, as it stands in a class; of other things, its value."""
    own = vars(thing) if isinstance(thing, (type, types.ModuleType)) else None
    return getattr(thing, name, _MISSING) if own is None else own.get(name, _MISSING)


def _set_state(generator: random.Random, _: str, state: Any) -> None:
    generator.setstate(state)


def _slots(base: type) -> tuple[str, ...]:
    slots = vars(base).get("__slots__", ())
    slots = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple([n for n in slots if n not in ("__dict__", "__weakref__")])


def _refill(container: Any, content: Any) -> None:
    """Let a container have its former content, unless it has the very same things."""
    if isinstance(container, dict):
        same = [(k, id(v)) for k, v in container.items()] == [
            (k, id(v)) for k, v in content.items()
        ]  # fmt: skip
    else:
        same = [id(v) for v in container] == [id(v) for v in content]
    if not same:
        container.clear()
        (container.update if isinstance(container, (dict, set)) else container.extend)(content)


@contextmanager
def untouched(reach: Reach) -> Iterator[None]:
    """Let what happens meanwhile leave no trace in what can be reached, nor in random streams."""
    drawn = random.getstate(), np.random.get_state()  # noqa: NPY002 (users draw from it)
    try:
        yield
    finally:
        reach.put_back()
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])  # noqa: NPY002
