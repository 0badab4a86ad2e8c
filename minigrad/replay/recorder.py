"""`Recorder`: writes down which operations a function asks for, as instructions for `player`.

Each tensor has a slot: arguments first, then tensors from outside and constants, then results. An
instruction names the slots of its arguments and those of its results. A tensor that nobody has
explained, neither the arguments, nor what the function refers to, nor an operation, refuses the
recording; so does an argument that is not a tensor, a number or the like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..arrays.dtypes import dtype
from ..arrays.size import Size, device
from ..autograd.errors import user_line
from ..autograd.grad_mode import mode
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..optim.lr_scheduler.base import LRScheduler
from ..optim.optimizer import Optimizer
from ..random import Generator
from ..recurrences.packed import PackedSequence
from ..recurrences.recurrence import Recurrence
from .guards import PLAIN, Guards, Refused

FIXED = (
    np.dtype, dtype, device, Size, type, Recurrence, FunctionType, BuiltinFunctionType, slice,
    type(Ellipsis), type(np.ndarray.argmax), type(np.argmax),
)  # fmt: skip
# The size of what these give depends on values, on which Python may have built.
SIZED_BY_VALUES = frozenset(
    ["nonzero", "masked_select", "unique2", "unique_dim", "bincount", "_bincount"]
)
# And of these, if an option is a tensor; of those that make tensors, each argument is one.
SIZED_BY_OPTIONS = frozenset([
    "pack_padded_sequence", "tensor_split", "squeeze_", "unsqueeze_", "transpose_", "swapaxes_",
    "swapdims_", "resize_",
])  # fmt: skip
MAKERS = frozenset([
    "zeros", "ones", "empty", "arange", "range", "linspace", "logspace", "eye", "rand", "randn",
    "full", "randint", "randperm", "tril_indices", "triu_indices",
])  # fmt: skip
# Which places these take, and how many, shapes say.
TAKES_PLACES = frozenset([
    "getitem", "setitem", "gather", "index_select", "take", "embedding", "embedding_bag",
    "cross_entropy", "nll_loss",
])  # fmt: skip


class Built(NamedTuple):
    """An argument that has tensors in it: how to build it from slots."""

    kind: Any
    parts: tuple[Any, ...]


def slots_of(part: Any) -> list[int]:
    """The slots in an argument, a result or the like."""
    if type(part) is int:
        return [part]
    parts = part.parts if isinstance(part, Built) else part or ()
    return [slot for p in parts for slot in slots_of(p)]


def plain(part: Any) -> Any:
    """A `Built` as a pair, which is faster to take apart (see `player.built`)."""
    if isinstance(part, Built):
        return part.kind, tuple([plain(p) for p in part.parts])
    return part


class Instruction(NamedTuple):
    """An operation that is asked for.

    Attributes
    ----------
    call : callable
    args, kwargs
        Slots, or how to build an argument from slots; by name in `kwargs`, None if there are none.
    out
        The slot of the result, a tuple of such for several, None for none.
    enabled : bool
        Whether operations are recorded in the graph then.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    out: Any
    enabled: bool


class Recorder:
    """What is written down during one call.

    Parameters
    ----------
    arguments : sequence of Tensor
        Those of the function, in the order of their slots.
    guards : Guards, optional
        Which tensors and other objects from outside are known; None: all are taken for known.
    """

    def __init__(self, arguments: Sequence[Any], guards: Guards | None) -> None:
        self.values: list[Any] = [None] * len(arguments)
        self.slots = {id(t): k for k, t in reversed(list(enumerate(arguments)))}
        self.alive: list[Any] = list(arguments)  # so that no other tensor gets one's id
        self.guards = guards
        self.code: list[Instruction] = []
        self.captured: dict[int, Any] = {}  # tensors from outside, by slot
        self.grads: list[tuple[Any, bool]] = []  # whether a gradient was there when it was read
        self.refusal = ""
        self.imports = False  # whether modules were loaded meanwhile, so that nothing is known
        self.details: list[Any] | None = None  # see `lowered`
        self.arrays: dict[int, int] = {}  # slots, by the id of a tensor's array
        self.looks: Callable[..., Any] | None = None  # makes the details
        for k, t in enumerate(arguments):
            self.arrays[id(t.array)] = k

    def refuse(self, why: str) -> None:
        """Remember why this cannot be replayed, and which line it is about."""
        if not self.refusal:
            line = user_line()
            self.refusal = f"{why} ({line})" if line else why

    def __call__(
        self, call: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Write an operation down (see `autograd.listening`)."""
        if self.refusal:
            return
        name = getattr(call, "__name__", "an operation")
        if name in SIZED_BY_VALUES or (name in ("getitem", "setitem") and _has_mask(args[1])):
            return self.refuse(f"the size of what {name} gives depends on values")
        if name == "where" and len(args) > 2 and args[1] is None and args[2] is None:
            return self.refuse("the size of what where gives depends on values")
        if (
            (name in SIZED_BY_OPTIONS and any(map(_has_tensors, args[1:])))
            or (name in MAKERS and any(map(_has_tensors, args)))
            or (name not in TAKES_PLACES and _is_sized_by_a_number(args, kwargs, result))
        ):
            return self.refuse(f"the size of what {name} gives depends on values")
        if name == "number":  # (see `ops.values`)
            return self.refuse(f"the argument {args[2]} of {args[1]} is the value of a tensor")
        if name == "one_hot" and args[1] == -1:
            return self.refuse("the number of classes of one_hot depends on values")
        try:
            given = tuple([self.slot_of(a) for a in args])
            named = {key: self.slot_of(a) for key, a in kwargs.items()} or None
            if call is _GRAD:
                self.grads.append((args[0], result is None))
                if result is None:
                    return None
            out = self.place_of(result)
        except Refused as refusal:
            return self.refuse(f"{name}: {refusal}")
        self.code.append(Instruction(call, given, named, out, mode.enabled))
        if self.details is not None and self.looks is not None:
            self.details.append(self.looks(self, self.code[-1], result))
        return None

    def slot_of(self, value: Any) -> Any:
        """The slot of an argument, or how to build it."""
        if isinstance(value, TensorBase):
            slot = self.slots.get(id(value))
            if slot is None:
                if self.guards is not None and id(value) not in self.guards.known:
                    raise Refused("a tensor that no known operation made")
                slot = self.new_slot(value, value)
                self.captured[slot] = value
            return slot
        kind = type(value)
        if kind in (tuple, list):
            parts = tuple([self.slot_of(v) for v in value])
            if any([isinstance(p, Built) or self.is_tensor(p) for p in parts]):
                return Built(kind, parts)
            return self.constant(value if kind is tuple else list(value))
        if kind is slice:
            ends = tuple([self.slot_of(v) for v in (value.start, value.stop, value.step)])
            if any([isinstance(e, Built) or self.is_tensor(e) for e in ends]):
                return Built(slice, ends)
            return self.constant(value)
        if kind in PLAIN or isinstance(value, FIXED) or kind.__name__.startswith("cython_function"):
            return self.constant(value)
        if isinstance(value, tuple) and hasattr(kind, "_make"):
            if isinstance(value, PackedSequence) and id(value.batch_sizes) not in self.slots:
                raise Refused("a packed sequence that was made outside")
            return Built(kind._make, (Built(tuple, tuple([self.slot_of(v) for v in value])),))
        if isinstance(value, (Module, Optimizer, LRScheduler, Generator)):
            if self.guards is not None and id(value) not in self.guards.known:
                raise Refused(f"a {kind.__name__} that it has made itself")
            return self.constant(value)
        raise Refused(f"an argument is a {kind.__name__}")

    def is_tensor(self, slot: Any) -> bool:
        """Whether there is a tensor in a slot."""
        return isinstance(self.alive[slot], TensorBase)

    def constant(self, value: Any) -> int:
        """A slot with a value that stays the same."""
        return self.new_slot(value, value)

    def new_slot(self, thing: Any, value: Any) -> int:
        slot = len(self.values)
        self.values.append(value)
        self.alive.append(thing)
        if isinstance(thing, TensorBase):
            self.slots[id(thing)] = slot
            self.arrays.setdefault(id(thing.array), slot)
        return slot

    def place_of(self, result: Any) -> Any:
        """Where a result goes."""
        if result is None:
            return None
        if isinstance(result, TensorBase):
            slot = self.slots.get(id(result))
            return self.new_slot(result, None) if slot is None else slot
        if isinstance(result, (tuple, list)):
            return tuple([self.place_of(r) for r in result])
        raise Refused(f"it gives a {type(result).__name__}, and what becomes of that is not seen")

    def structure_of(self, result: Any) -> Any:
        """What the function returns: a slot, or how to build it."""
        kind = type(result)
        if isinstance(result, TensorBase):
            if id(result) not in self.slots and (
                self.guards is not None and id(result) not in self.guards.known
            ):
                raise Refused("it returns a tensor that no known operation made")
            return self.slot_of(result)
        if kind in (tuple, list):
            return Built(kind, tuple([self.structure_of(r) for r in result]))
        if isinstance(result, tuple) and hasattr(kind, "_make"):
            return Built(kind._make, (Built(tuple, tuple([self.structure_of(r) for r in result])),))
        if kind is dict and all([type(key) in PLAIN for key in result]):
            pairs = [Built(tuple, (self.constant(k), self.structure_of(v)))
                     for k, v in result.items()]  # fmt: skip
            return Built(dict, (Built(tuple, tuple(pairs)),))
        if kind in PLAIN:
            return self.constant(result)
        raise Refused(f"it returns a {kind.__name__}")


_GRAD: Any = None
_SET_GRAD: Any = None


def know_gradient(getter: Any, setter: Any) -> None:
    """Which operations read and set ``.grad`` (`compiled` says so, which knows `Tensor`)."""
    global _GRAD, _SET_GRAD
    _GRAD, _SET_GRAD = getter, setter


def reads_gradient(call: Any) -> bool:
    """Whether an operation reads ``.grad``."""
    return call is _GRAD


def sets_gradient(call: Any) -> bool:
    """Whether an operation sets ``.grad``."""
    return call is _SET_GRAD


def _has_tensors(value: Any) -> bool:
    parts = value if isinstance(value, (tuple, list)) else (value,)
    return any([isinstance(p, TensorBase) for p in parts])


def _is_sized_by_a_number(args: Any, kwargs: Any, result: Any) -> bool:
    """Whether a tensor may be an option, as ``dim``: it is one whole number, and shapes differ."""
    rest = [
        p for a in (*args[1:], *kwargs.values()) for p in (a if type(a) in (tuple, list) else (a,))
    ]
    tensors = [p.array for p in rest if isinstance(p, TensorBase)]
    if not any([not a.ndim and a.dtype.kind in "bui" for a in tensors]):
        return False
    if not isinstance(result, TensorBase):
        return True
    tensors += [p.array for p in args[:1] if isinstance(p, TensorBase)]
    try:
        return result.array.shape != np.broadcast_shapes(*[a.shape for a in tensors])
    except ValueError:
        return True


def _has_mask(index: Any) -> bool:
    """Whether the size of what is picked depends on values: a mask, or a tensor as an end."""
    items = index if isinstance(index, (tuple, list)) else (index,)
    return any([
        (isinstance(i, TensorBase) and i.array.dtype.kind in "bu")
        or (isinstance(i, slice)
            and any([isinstance(end, TensorBase) for end in (i.start, i.stop, i.step)]))
        for i in items
    ])  # fmt: skip


def difference(a: Recorder, b: Recorder) -> str:
    """In what two recordings differ; "" if in nothing."""
    if len(a.code) != len(b.code) or len(a.values) != len(b.values):
        return "another call of it does something else"
    for one, two in zip(a.code, b.code):
        if one.call is not two.call or one[1:] != two[1:]:
            return f"another call of it does something else, at {one.call.__name__}"
    for v, w in zip(a.values, b.values):
        if v is w:
            continue
        if isinstance(v, TensorBase) or isinstance(w, TensorBase):
            return "another call of it uses other tensors from outside"
        if type(v) is not type(w) or not _same(v, w):
            return f"a value in it changes from call to call: {v!r}, then {w!r}"
    return ""


def _same(v: Any, w: Any) -> bool:
    if type(v) in (tuple, list):
        return len(v) == len(w) and all([type(x) is type(y) and _same(x, y) for x, y in zip(v, w)])
    return bool(v == w or (v != v and w != w))
