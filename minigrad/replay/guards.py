"""`Guards`: what a function depends on besides its arguments, checked before each replay.

That is what its code refers to: global names and those of the functions around it, and from there
attributes of modules and other objects, lists and the like. All of that must be the very same
object, or an equal number or text. Of tensors, only shape and type count: which values they have,
an instruction will read. Optimizers are not looked into: their steps are taken by themselves.
"""

from __future__ import annotations

import dis
import functools
import operator
import types
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..autograd.grad_mode import mode
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..optim.lr_scheduler.base import LRScheduler
from ..optim.optimizer import Optimizer
from .player import FIELDS

PLAIN = frozenset({int, float, str, bytes, bool, complex, type(None)})
BUILTIN = ("collections", "builtins", "array", "_collections", "itertools")
CONSTANT = (
    range, slice, property, type(Ellipsis), types.BuiltinFunctionType, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)  # fmt: skip
HOOK_TABLES = frozenset([name for name in vars(Module()) if "hook" in name])
OF_REPLAYS = ("_compiled", "_watch")  # what recordings keep with a module
MISSING: Any = mode  # stands for what is not there
MOST = 20_000  # objects; who depends on more shall not wait for the checks


class Refused(Exception):
    """A function cannot be replayed; the message says why."""


class Guards:
    """What to check.

    Attributes
    ----------
    items : list of (dict, key, value)
        Entries of dictionaries: global names, attributes.
    sizes : list of (dict, tuple or int)
        The keys of a dictionary in their order; of a class or a file, how many names it has.
    sequences : list of (list, tuple)
        Lists, with what is in them.
    cells : list of (cell, value)
        Names of functions around.
    classes : list of (class, name, value)
        Attributes of classes.
    known : dict
        Tensors, modules and optimizers, by id.
    """

    def __init__(self) -> None:
        self.items: list[tuple[dict[Any, Any], Any, Any]] = []
        self.sizes: list[tuple[Any, Any]] = []
        self.sequences: list[tuple[list[Any], tuple[Any, ...]]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.classes: list[tuple[type, str, Any]] = []
        self.sets: list[tuple[Any, Any]] = []
        self.known: dict[int, Any] = {}
        self.codes: set[CodeType] = set()  # of functions whose surroundings are known
        self._seen: dict[int, Any] = {}
        self._names = {"forward", "__call__"}  # of attributes that the code asks for
        self._waiting: list[Any] = []

    def collect(self, codes: dict[CodeType, dict[str, Any]], roots: list[Any]) -> None:
        """Look at all that pieces of code refer to, and at some objects.

        Parameters
        ----------
        codes : dict
            Code that was run, with the global names that it sees.
        roots : list
            The function itself, and objects among its arguments.
        """
        for code in codes:
            self._names |= attributes_of(code)
        for code, names in codes.items():
            self._globals(code, names)
        self._waiting += roots
        while self._waiting:
            self._look(self._waiting.pop())
            if len(self._seen) > MOST:
                raise Refused("it refers to too much")
        self._seen.clear()
        for code in codes:
            own = [n for n in code.co_freevars if n != "__class__"]
            inner = any([code in other.co_consts for other in codes])
            if own and code not in self.codes and not inner:
                raise Refused(f"it calls {code.co_name}, whose surroundings are not known")

    def _globals(self, code: CodeType, names: dict[str, Any]) -> None:
        for name in globals_of(code):
            if name in names:
                self._item(names, name)
            else:  # a builtin as a rule, which a global name could hide
                self.items.append((names, name, MISSING))

    def _item(self, table: dict[Any, Any], key: Any) -> None:
        value = table[key]
        self.items.append((table, key, value))
        if type(value) not in PLAIN:
            self._waiting.append(value)

    def _look(self, value: Any) -> None:
        kind = type(value)
        if kind in PLAIN or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, TensorBase):
            self.known[id(value)] = value
            own = getattr(value, "__dict__", {})
            for name in own.keys() - FIELDS:  # what somebody else has given it
                self._item(own, name)
        elif isinstance(value, Optimizer):
            self.known[id(value)] = value
            self.items.append((vars(value), "step", vars(value).get("step", MISSING)))
            if not self._names.isdisjoint(("state", "param_groups", "defaults")):
                raise Refused("it looks into an optimizer")
        elif isinstance(value, LRScheduler):  # it counts, and is asked anew each time
            self.known[id(value)] = value
            if not self._names.isdisjoint(vars(value)):
                raise Refused("it looks into a scheduler")
        elif isinstance(value, dict):
            self._table(value)
        elif isinstance(value, list):
            self.sequences.append((value, tuple(value)))
            self._waiting += value
        elif isinstance(value, tuple):
            self._waiting += value
        elif isinstance(value, (set, frozenset)):
            if not all([type(v) in PLAIN for v in value]):
                raise Refused("it refers to a set of objects")
            self.sets.append((value, frozenset(value)))
        elif isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, MethodType):
            self._waiting += (value.__self__, value.__func__)
        elif isinstance(value, (operator.attrgetter, operator.methodcaller)):
            raise Refused(f"it uses an {kind.__name__}")
        elif isinstance(value, functools.partial):
            if isinstance(value.func, types.BuiltinFunctionType):
                raise Refused("it uses a partial of a compiled function")
            self._waiting += (value.func, value.args, value.keywords)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, ModuleType):
            if not _is_ours(value.__name__):
                self.sizes.append((vars(value), len(vars(value))))
                for name in self._names & vars(value).keys():
                    self._item(vars(value), name)
        elif isinstance(value, np.ndarray):
            raise Refused("it uses a NumPy array from outside")
        elif hasattr(value, "__next__"):
            raise Refused(f"it uses a {kind.__name__} from outside, which moves on")
        else:
            self._object(value)

    def _table(self, table: dict[Any, Any]) -> None:
        self.sizes.append((table, tuple(table)))
        for key in list(table):
            self._item(table, key)

    def _object(self, value: Any) -> None:
        kind = type(value)
        if isinstance(value, Module):
            self.known[id(value)] = value
            self._module(value)
        elif hasattr(value, "__dict__"):
            self._table(vars(value))
        elif kind.__module__ in BUILTIN and not isinstance(value, CONSTANT):
            raise Refused(f"it uses a {kind.__name__} from outside")
        if any(
            [base.__module__ in BUILTIN[2:] or base.__name__ == "deque" for base in kind.__mro__]
        ):
            raise Refused(f"it uses a {kind.__name__} from outside")
        for base in kind.__mro__:
            if not _is_ours(base.__module__) and base.__module__ != "builtins":
                self._class(base)
                for name in base.__dict__.get("__slots__", ()):
                    if name in self._names:
                        raise Refused(f"it uses the slot {name} of a {kind.__name__}")

    def _module(self, module: Module) -> None:
        """All attributes; while nobody has hung a hook on it, the tables for these are empty."""
        own = vars(module)
        self.sizes.append((own, len(own)))
        for name in own:
            if name not in ("_compiled", "_watch") and (
                own.get("_hooked") or name not in HOOK_TABLES
            ):
                self._item(own, name)

    def _class(self, value: type) -> None:
        if _is_ours(value.__module__) or value.__module__ == "builtins":
            return
        self.sizes.append((value.__dict__, len(value.__dict__)))
        data = [n for n, own in value.__dict__.items() if _is_data(n, own)]  # (or by getattr)
        for name in (self._names & value.__dict__.keys()) | {*data}:
            own = value.__dict__[name]
            self.classes.append((value, name, own))
            if not isinstance(own, (property, classmethod, staticmethod)):
                self._waiting.append(own)
            else:
                self._waiting += [f for f in (getattr(own, "fget", None),
                                              getattr(own, "__func__", None)) if f]  # fmt: skip

    def _function(self, value: FunctionType) -> None:
        compiled = value.__dict__.get("_compiled")  # a function that is replayed by itself
        if compiled is not None:
            self._waiting.append(compiled.function)
            return
        if _is_ours(value.__module__ or ""):
            return
        self.codes.add(value.__code__)
        self._waiting += [value.__defaults__, value.__kwdefaults__]
        inside = [value.__code__]
        while inside:  # functions that it makes see the same names
            code = inside.pop()
            inside += [c for c in code.co_consts if isinstance(c, CodeType)]
            self._names |= attributes_of(code)
            self._globals(code, value.__globals__)
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                raise Refused("a name around it has no value yet") from None
            self.cells.append((cell, content))
            self._waiting.append(content)
        if value.__dict__:
            self._table(value.__dict__)


def _is_data(name: str, own: Any) -> bool:
    """Whether an attribute of a class is no method or the like."""
    return not name.startswith("__") and (type(own) in PLAIN or isinstance(own, TensorBase))


def _is_ours(name: str | None) -> bool:
    return (name or "").partition(".")[0] in ("minigrad", "numpy", "torch")


@functools.lru_cache(4096)
def globals_of(code: CodeType) -> frozenset[str]:
    """The global names that code reads."""
    return frozenset(
        [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    )


@functools.lru_cache(4096)
def attributes_of(code: CodeType) -> frozenset[str]:
    """The attributes that code asks for, or could: a text may be one, as in ``getattr``."""
    texts = [c for c in code.co_consts if type(c) is str and c.isidentifier()]
    texts += [t for c in code.co_consts if type(c) is tuple for t in c if type(t) is str]
    return frozenset(
        [i.argval for i in dis.get_instructions(code)
         if i.opname in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM")] + texts
    )  # fmt: skip
