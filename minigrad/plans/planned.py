"""`run_planned`: the step of a cell over sequences, as a plan; None where it cannot be one.

Plans are kept with the cell, by shapes, type, fingerprint and who wants a gradient. A cell that
cannot be a plan is remembered too, and a warning says once why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..autograd.engine import edges_if_recording
from ..autograd.quiet import restore, silence
from ..nn.module import Module
from ..ops.fused import Fused
from ..ops.join import stack
from ..recurrences.unroll import unroll
from .fingerprint import Reach, untouched
from .machine import Machine, Steps
from .recorded import Recording, recorded, way_of
from .refusals import refusals
from .scheduled import scheduled
from .simplified import Graph
from .traced import Refused, is_recording
from .watch import Watch

ndarray = np.ndarray
Step = Callable[..., tuple[Any, ...]]


class Plan:
    """A recorded step, and machines that run it, by which gradients are wanted."""

    def __init__(self, step: Step, tensors: Sequence[Any], x: Any, states: Sequence[Any]) -> None:
        recording = recorded(step, tensors, *_kind_of(x, states))
        self.way, self.sizes, self.follows = recording.way, {0}, recording.follows
        self.notes: dict[str, Any] = {}
        try:
            self._make(recording, len(states), len(tensors))
        except Refused:
            raise
        except Exception as error:  # nobody's training shall end for this
            raise Refused(f"it cannot be run again: {type(error).__name__}: {error}") from error

    def _make(self, recording: Recording, states: int, tensors: int) -> None:
        self.graph = Graph(recording)
        self.names = ["x", *[f"state {k}" for k in range(states)],
                      *[f"parameter {k}" for k in range(tensors)]]  # fmt: skip
        self.machines: dict[Any, Machine] = {}
        wanted = tuple([name in self.graph.gradients for name in self.names])
        _check_replay(self.machine(wanted), recording)

    def check_sizes(
        self, sizes: set[int], step: Step, tensors: Sequence[Any], x: Any, states: Sequence[Any]
    ) -> None:
        """Refuse a step that does something else with batches of these sizes than with others."""
        for size in sizes - self.sizes:
            if way_of(step, tensors, *_kind_of(x, states), size, self.follows) != self.way:
                raise Refused(f"with {size} sequences it takes another way")
            self.sizes.add(size)

    def machine(self, wanted: tuple[bool, ...] | None) -> Machine:
        """The machine that computes these gradients; None: there will be no derivative."""
        found = self.machines.get(wanted)
        if found is None:
            names = {name for name, w in zip(self.names, wanted or ()) if w}
            schedule = scheduled(self.graph, names)
            found = self.machines[wanted] = Machine(
                schedule, self.graph.batch, self.names, wanted is not None
            )
        return found


def _check_replay(machine: Machine, recording: Recording) -> None:
    """Refuse a list that does not give again what was found when it was recorded.

    It should: this is for what neither its author nor the rules of `rowwise` thought of.
    """
    given, steps = recording.examples, Steps(1, recording.batch, None, False)
    dtype = given["x"].dtype
    above = [given[f"d state {k}"] for k in range(machine.count)]
    before = silence()
    try:
        output, ends, values = machine.forward([given[name] for name in machine.names], steps)
        got = {"output": output, **{f"state {k}": end.copy() for k, end in enumerate(ends)}}
        gradients = machine.backward(values, given["d output"], above, steps, dtype)
    finally:
        restore(before)
    got |= {f"gradient {name}": g for name, g in gradients.items()}
    for name, wanted in recording.found.items():
        finite = np.abs(wanted[np.isfinite(wanted)])
        scale = float(np.sqrt(np.finfo(dtype).eps)) * max(1.0, float(finite.max(initial=0)))
        if not np.allclose(got[name].reshape(wanted.shape), wanted, 0, scale, equal_nan=True):
            raise Refused(f"run again, it gives another {name}")


def _kind_of(x: Any, states: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The shapes of one sequence's input and states, and the type."""
    return x.array.shape[-1:], [s.array.shape[1:] for s in states], x.array.dtype


MOST = 16  # plans of one cell: with more, something in it changes all the time

_plans: WeakKeyDictionary[Module, dict[Any, Plan | None]] = WeakKeyDictionary()
_recording = threading.RLock()
_switched_off = 0


@contextmanager
def switched_off() -> Iterator[None]:
    """Let all steps run as they are written meanwhile."""
    global _switched_off
    _switched_off += 1
    try:
        yield
    finally:
        _switched_off -= 1


def _watched(cell: Module) -> Watch:
    """What the step of a cell may depend on, as far as it has changed since the last call."""
    own = vars(cell)
    watch: Watch | None = own.get("_watch")
    if watch is None or not watch.holds(cell):
        own["_watch"] = None
        watch = own["_watch"] = Reach(cell).watched()
    return watch


def _plan_for(
    cell: Module, step: Step, reach: Watch, x: Any, states: Any, sizes: set[int], notes: Any
) -> Plan | None:
    kind = (
        x.array.shape[-1], x.array.dtype, *[s.array.shape[1:] for s in states],
        None if notes is None else tuple(notes.items()),
    )  # fmt: skip
    plan = reach.plans.get(kind)
    if plan is not None and sizes <= plan.sizes:
        return plan
    own = _plans[cell]
    key = (kind, reach.mark)
    plan = own.get(key)
    if key in own and (plan is None or sizes <= plan.sizes):
        reach.plans[kind] = plan
        return plan
    own[key] = None
    with _recording:
        try:
            own[key] = found = _recorded(plan, cell, step, x, states, sizes)
            found.notes = dict(notes or {})
        except Refused as refusal:
            if not any([k for k, plan in own.items() if plan is None and k != key]):
                refusals[cell] = str(refusal)
            if _has_changed(cell, reach) or len(own) > MOST:
                own[None] = None  # it will never be
    return own[key]


def _recorded(
    plan: Plan | None, cell: Module, step: Step, x: Any, states: Any, sizes: set[int]
) -> Plan:
    """A plan for batches of these sizes: `plan`, if there is one, else a new one.

    What the step changes outside of it is put back, and then it is refused. But some things come to
    be when they are first asked for, as a name of a module that loads it late, and stay: so there
    is a second try.
    """
    for known in (plan, None):
        before = Reach(cell)
        with untouched(Reach(cell, keeps=True)):
            found = known or Plan(step, before.tensors, x, states)
            found.check_sizes(sizes, step, before.tensors, x, states)
            after = Reach(cell)
        if after.mark == before.mark:
            return found
    raise Refused("it changes something outside of it")


def _has_changed(cell: Module, reach: Watch) -> bool:
    try:
        return Reach(cell).mark != reach.mark
    except Refused:
        return True


def run_planned(
    cell: Module, step: Step, x: Any, states: Sequence[Any], batch_sizes: Any, reverse: bool,
    notes: dict[str, Any] | None = None,
) -> tuple[Any, ...] | None:  # fmt: skip
    """Run ``step(x, *states)`` over sequences: what `unroll` gives, the last states (1, N, ...).

    None if the step cannot be a plan. A step with `notes`, which it takes while it runs, is
    another one than that of the same cell without, and finds the same notes where it does not run.
    """
    dtype = x.array.dtype
    if dtype.kind != "f" or dtype.itemsize == 2 or not x.array.shape[-1]:
        return None
    own = _plans.get(cell)
    if own is None:
        own = _plans[cell] = {}
    if None in own or _switched_off or is_recording():
        return None
    try:
        reach = _watched(cell)
    except Refused as refusal:
        own[None], refusals[cell] = None, str(refusal)
        return None
    if reach.hooked:  # (a plan calls no modules, so no hooks)
        return None
    for state in states:
        if state.array.dtype != dtype:
            return None
    sizes = {states[0].array.shape[0]} if batch_sizes is None else set(batch_sizes.tolist())
    plan = _plan_for(cell, step, reach, x, states, sizes, notes)
    if plan is None:
        return None
    if notes is not None:
        notes.update(plan.notes)
    inputs = (x, *states, *reach.tensors)
    arrays = [v.array for v in inputs]
    arrays[0] = np.ascontiguousarray(arrays[0])
    edges = edges_if_recording(inputs)
    steps = Steps(len(x.array), arrays[1].shape[0], batch_sizes, reverse)
    machine = plan.machine(None if edges is None else tuple([e is not None for e in edges]))
    lead = x.array.shape[:-1]
    given = [arrays[0].reshape(steps.rows, arrays[0].shape[-1]), *arrays[1:]]
    before = silence()
    try:
        output, ends, values = machine.forward(given, steps)
    finally:
        restore(before)
    results = (output.reshape(*lead, output.shape[-1]), *[end[None] for end in ends])
    options = (cell, step, reach.tensors, len(states), batch_sizes, reverse)
    kept, guarded = ((machine, values, steps), inputs) if edges is not None else (None, ())
    result: tuple[Any, ...] = _PLANNED.call(
        edges, inputs, options, kept, results, arrays, guarded, (0,)
    )
    return result


def _reference(*arguments: Any) -> tuple[Any, ...]:
    *inputs, cell, step, tensors, count, batch_sizes, reverse = arguments
    x, states, given = inputs[0], inputs[1 : 1 + count], inputs[1 + count :]
    with _in_place_of(cell, tensors, given):
        output, *ends = unroll(step, x, states, (), batch_sizes, reverse)
    return output, *[stack([end]) for end in ends]


@contextmanager
def _in_place_of(cell: Module, tensors: Sequence[Any], given: Sequence[Any]) -> Any:
    """Let the modules of a cell find other tensors where their own ones are."""
    others = {id(own): other for own, other in zip(tensors, given)}
    places: list[tuple[Any, str, Any]] = [
        (table, name, value)
        for module in cell.modules()
        for table in (module._parameters, module._buffers)
        for name, value in table.items()
        if id(value) in others
    ]
    try:
        for table, name, value in places:
            table[name] = others[id(value)]
        yield
    finally:
        for table, name, value in places:
            table[name] = value


def _vjp(
    grads: list[Any], needs: list[bool], arrays: list[Any], options: tuple[Any, ...], kept: Any
) -> list[Any]:
    machine, values, steps = kept
    d_output, *d_ends = grads
    if d_output is not None:
        d_output = np.ascontiguousarray(d_output).reshape(steps.rows, d_output.shape[-1])
    above = [None if d is None else d[0] for d in d_ends]
    before = silence()
    try:
        found = machine.backward(values.copy(), d_output, above, steps, arrays[0].dtype)
    finally:
        restore(before)
    gradients = []
    for name, need, array in zip(machine.names, needs, arrays):
        g = found.get(name) if need else None
        if g is not None and (g.dtype != array.dtype or g.shape != array.shape):
            g = np.asarray(g, array.dtype).reshape(array.shape)
        gradients.append(g)
    return gradients


_PLANNED = Fused("recurrent", _vjp, _reference)
