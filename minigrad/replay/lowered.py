"""`lowered`: a recording as an `ArrayTape`, where all that it does is known well enough for that.

What is needed: each operation either has a form for arrays (``on_arrays`` and ``in_parts``, beside
the operation), which was tried while recording and gave the same bits, or makes something that no
gradient goes through, or is an optimizer's step and the like. Each `backward` walks a graph that
was made here, without hooks, and what leaves the function has no graph but a walked one.
"""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .. import _kernels
from ..autograd.backward import backward
from ..autograd.engine import Node
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..ops.fused import Fused
from ..ops.index import getitem, masked_fill, where
from ..ops.join import _Cut, _Join, cat, split, stack, unbind
from ..optim.lr_scheduler.base import LRScheduler
from ..optim.optimizer import Optimizer
from .arrays import ASK, BACKWARD, BY_TENSORS, FORWARD, IN_PARTS, SPREAD, ArrayTape
from .flat import Flat
from .guards import PLAIN
from .player import built
from .recorder import FIXED, Recorder, plain, reads_gradient, sets_gradient, slots_of

ndarray = np.ndarray
ON_BOTH = (cat, stack, split, unbind, getitem, where, masked_fill)  # which take arrays for tensors
CLIPS = ("clip_grad_norm_", "clip_grad_value_")


class _NotKnown(Exception):
    """Something has no form for arrays."""


class _Made:
    """A node that was made here: its operation, the slots of its results, and what it saved."""

    def __init__(self, node: Any, saved: Any, kept: int) -> None:
        self.op, self.edges, self.outputs, self.number = (
            node.op, node.edges, node.outputs, node.number)  # fmt: skip
        self.saved, self.kept = saved, kept


class _Lowering:
    def __init__(self, recorder: Recorder, arguments: int) -> None:
        self.recorder, self.arguments = recorder, arguments
        self.values = recorder.values
        self.made: dict[Any, _Made] = {}
        self.walked: set[Any] = set()
        self.asked: set[int] = set()  # slots with tensors that an asked operation gave
        self.results: set[int] = set()
        self.leaves: set[int] = set()
        self.stale: set[Any] = set()  # nodes from before an optimizer's step
        self.code: list[Any] = []

    def constant(self, value: Any) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def is_outside(self, slot: int) -> bool:
        return slot < self.arguments or slot in self.recorder.captured

    def add(self, instruction: Any, detail: Any) -> None:
        call, args, kwargs, out, enabled = instruction
        if reads_gradient(call):  # an array has no gradient
            raise _NotKnown
        parts = tuple([plain(a) for a in args])
        named = tuple([(name, plain(a)) for name, a in (kwargs or {}).items()])
        flat = None if all([type(p) is int for p in parts]) else parts
        slots = [s for a in (*args, *(kwargs or {}).values()) for s in slots_of(a)]
        if call is backward:
            self.code.append((BACKWARD, self.backward(args), 0, None, None, None))
            return
        if _is_asked(call, [self.values[p] for p in parts[:1] if type(p) is int]):
            if (self.results | self.asked) & set(slots):  # it shall work on tensors from outside
                raise _NotKnown
            if not _forgets(call):  # it may change what nodes have saved
                self.stale |= self.made.keys() - self.walked
            self.code.append((ASK, call, enabled, parts, out, named))
            if type(out) is int:
                self.asked.add(out)
            elif out is not None:
                raise _NotKnown
            return
        if self.asked & set(slots):
            raise _NotKnown
        if detail is None:
            raise _NotKnown
        kind, form, node, saved = detail
        place = -1
        if kind == IN_PARTS:
            place = self.constant(None)
            self.code.append((kind, form, args, flat, out, (node is not None, place)))
        elif kind == BY_TENSORS:
            self.code.append((kind, call, args, parts, out, (None, named)))
        else:
            self.code.append((kind, form, args, flat, out, None))
        outs = [out] if type(out) is int else list(out)
        self.results.update(outs)
        if node is not None:
            spec = () if kind == IN_PARTS else tuple([self.saved(v, node.op) for v in saved])
            self.made[node] = _Made(node, spec, place)

    def saved(self, value: Any, op: Any) -> Any:
        """How to find anew what a node saved."""
        if isinstance(value, TensorBase):
            value = value.array
        if isinstance(value, ndarray):
            slot = self.recorder.arrays.get(id(value))
            if slot is None:
                raise _NotKnown
            return slot
        kind = type(value)
        if kind in (tuple, list):
            return kind, tuple([self.saved(v, op) for v in value])
        if (
            kind in PLAIN
            or isinstance(value, (*FIXED, ModuleType))
            or (isinstance(op, (_Join, _Cut)) and callable(value))
        ) and not (isinstance(value, FunctionType) and not isinstance(op, (_Join, _Cut))):
            return self.constant(value)
        raise _NotKnown

    def backward(self, args: Any) -> Any:
        """The list of what `backward` does."""
        root, *others = args
        given = [self.values[k] if type(k) is int else k for k in others]
        if type(root) is not int or any([v not in (None, False) for v in given]):
            raise _NotKnown
        loss = self.recorder.alive[root]
        if loss.array.size != 1 or loss.edge is None or loss.view_of is not None:
            raise _NotKnown
        reached: dict[Any, int] = {}
        stack_ = [loss.edge[0]]
        while stack_:
            node = stack_.pop()
            if node in reached:
                continue
            if type(node) is not Node or node not in self.made or node._hooks is not None:
                raise _NotKnown
            if node in self.walked or node in self.stale:
                raise _NotKnown
            reached[node] = 0
            stack_ += [e[0] for e in node.edges if e is not None and type(e[0]) is Node]
        places: dict[Any, int] = {}
        leaves: list[tuple[int, int]] = []

        def place(edge: Any) -> int:
            target, k = edge
            key = (target, k)
            if key not in places:
                places[key] = len(places)
                if isinstance(target, TensorBase):
                    slot = self.recorder.slots.get(id(target))
                    if slot is None or not self.is_outside(slot):
                        raise _NotKnown
                    if target._hooks is not None or target._accumulate_hooks is not None:
                        raise _NotKnown
                    leaves.append((places[key], slot))
            return places[key]

        steps = []
        for node in sorted(reached, key=lambda node: -node.number):
            made = self.made[node]
            of_outputs = tuple([place((node, k)) for k in range(made.outputs)])
            wanted = [e is not None for e in made.edges]
            edges: Any = wanted if made.kept >= 0 else tuple([w or None for w in wanted])
            to = tuple([-1 if e is None else place(e) for e in made.edges])
            steps.append((made.op, of_outputs, edges, made.saved, made.kept, to))
        self.walked |= reached.keys()
        self.leaves |= {slot for _, slot in leaves}
        return len(places), (place(loss.edge), root), steps, leaves

    def returned(self, structure: Any) -> list[Any]:
        """Which results leave the function, and whether with a graph that was walked."""
        found: list[Any] = []
        outside = [self.recorder.alive[s].array for s in range(len(self.recorder.alive))
                   if self.is_outside(s)]  # fmt: skip
        for slot in dict.fromkeys(slots_of(structure)):
            if slot not in self.results:
                continue
            tensor = self.recorder.alive[slot]
            if tensor.view_of is not None or any(
                [np.may_share_memory(tensor.array, a) for a in outside]
            ):
                raise _NotKnown
            if tensor.edge is None and not tensor._requires_grad:
                found.append((slot, None))
            elif tensor.edge is not None and tensor.edge[0] in self.walked:
                node, k = tensor.edge
                found.append((slot, (node.op, node.outputs, k)))
            else:
                raise _NotKnown
        return found


def lowered(recorder: Recorder, structure: Any, arguments: int) -> ArrayTape | None:
    """The recording as a tape for arrays; None if there is none."""
    if recorder.details is None:
        return None
    lowering = _Lowering(recorder, arguments)
    try:
        for instruction, detail in zip(recorder.code, recorder.details):
            lowering.add(instruction, detail)
        returned = lowering.returned(structure)
    except _NotKnown:
        return None
    captured = [*range(arguments), *recorder.captured]
    tape = ArrayTape(lowering.code, captured, returned, sorted(lowering.leaves))
    kernels = _kernels.kernels_for(np.dtype(np.float32))
    is_empty = any([isinstance(t, TensorBase) and not t.array.size for t in recorder.alive])
    if kernels is not None and not is_empty and all(
        [_is_dense(recorder.alive[k]) for k in captured]
    ):  # fmt: skip
        tape.flat = Flat(tape, kernels)
    return tape


def _is_dense(tensor: Any) -> bool:
    """Whether the numbers of a tensor have no gaps."""
    flags = tensor.array.flags
    return bool(flags.c_contiguous or flags.f_contiguous)


def _forgets(call: Any) -> bool:
    """Whether it does no more than to set gradients."""
    return sets_gradient(call) or getattr(call, "__name__", "") == "zero_grad"


def _is_asked(call: Any, first: list[Any]) -> bool:
    """Whether this is a step or the like: what reads and changes tensors from outside itself."""
    return (
        sets_gradient(call)
        or bool(first and isinstance(first[0], (Optimizer, LRScheduler, Module)))
        or hasattr(call, "_wrapped_by_lr_sched")
        or getattr(call, "__name__", "") in CLIPS
    )


# ------------------------------------------------------------------------------------------------
# While recording
# ------------------------------------------------------------------------------------------------


def detail_of(recorder: Recorder, instruction: Any, result: Any) -> Any:
    """What a recording has to remember of an operation, so that it can be lowered.

    None if that cannot be. Otherwise (kind, form, node, what the node saved).
    """
    call, args, kwargs, out, _ = instruction
    results = result if isinstance(result, (tuple, list)) else (result,)
    if out is None or not all([isinstance(r, TensorBase) for r in results]):
        return None
    values = list(recorder.values)
    for slot, thing in enumerate(recorder.alive):
        values[slot] = thing.array if isinstance(thing, TensorBase) else thing
    nodes = {r.edge[0] for r in results if r.edge is not None}
    if len(nodes) > 1:
        return None
    node = next(iter(nodes), None)
    given = [built(plain(a), values) for a in args]
    defaults = all([recorder.values[k] is None for k in (kwargs or {}).values() if type(k) is int])
    forms: list[tuple[int, Any]] = []
    if hasattr(call, "in_parts") and (node is None or isinstance(node.op, Fused)):
        forms.append((IN_PARTS, call.in_parts))
    elif hasattr(call, "on_arrays") and defaults:
        forms.append((FORWARD, call.on_arrays))
    elif call in ON_BOTH:
        forms.append((FORWARD if type(out) is int else SPREAD, call))
    for kind, form in forms:
        try:
            found = form(node is not None, *given)[0] if kind == IN_PARTS else form(*given)
        except Exception:
            break
        found = found if isinstance(found, (tuple, list)) else (found,)
        if len(found) == len(results) and all(map(_is_same, found, results)):
            saved = None if node is None or kind == IN_PARTS else list(node.saved or ())
            return kind, form, node, saved
    name = getattr(call, "__name__", "_")
    in_place = name.endswith("_") or name == "setitem" or hasattr(call, "form_of")
    if node is None and not in_place and not any([r._requires_grad for r in results]):
        return BY_TENSORS, call, None, None
    return None


def _is_same(array: Any, tensor: Any) -> bool:
    other = tensor.array
    return (
        type(array) is ndarray
        and array.shape == other.shape
        and array.dtype == other.dtype
        and array.strides == other.strides
        and array.tobytes() == other.tobytes()
    )
