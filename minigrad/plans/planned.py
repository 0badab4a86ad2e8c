"""`run_planned`: the step of a cell over sequences, as a plan; None where it cannot be one.

Plans are kept with the cell, by shapes, type, fingerprint and who wants a gradient. A cell that
cannot be a plan is remembered too, and a warning says once why.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..autograd.engine import edges_if_recording
from ..autograd.errors import stacklevel
from ..nn.module import Module
from ..ops.fused import Fused
from ..ops.join import stack
from ..recurrences.unroll import unroll
from .fingerprint import attributes, fingerprint, put_back
from .machine import Machine, Steps
from .recorded import recorded
from .scheduled import scheduled
from .simplified import Graph
from .traced import Refused, is_recording

ndarray = np.ndarray
Step = Callable[..., tuple[Any, ...]]


class Plan:
    """A recorded step, and machines that run it, by which gradients are wanted."""

    def __init__(self, step: Step, tensors: Sequence[Any], x: Any, states: Sequence[Any]) -> None:
        recording = recorded(
            step, tensors, x.array.shape[-1:], [s.array.shape[1:] for s in states], x.array.dtype
        )
        self.graph = Graph(recording)
        self.names = {
            id(self.graph.of[id(value)]): name for name, value in recording.inputs.items()
        }
        self.machines: dict[frozenset[str], Machine] = {}
        self.machine(frozenset(self.graph.gradients))  # to find out whether there can be one

    def machine(self, wanted: frozenset[str]) -> Machine:
        """The machine that computes these gradients."""
        found = self.machines.get(wanted)
        if found is None:
            schedule = scheduled(self.graph, set(wanted))
            found = self.machines[wanted] = Machine(schedule, self.names, self.graph.batch)
        return found


MOST = 16  # plans of one cell: with more, something in it changes all the time

_plans: WeakKeyDictionary[Module, dict[Any, Plan | None]] = WeakKeyDictionary()
_refusals: WeakKeyDictionary[Module, str] = WeakKeyDictionary()  # not yet told
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


def _plan_for(cell: Module, step: Step, tensors: Any, x: Any, states: Any) -> Plan | None:
    own = _plans.setdefault(cell, {})
    if None in own:
        return None
    mark = fingerprint(cell)
    key = (
        x.array.shape[-1:], x.array.dtype, tuple([s.array.shape[1:] for s in states]), mark,
    )  # fmt: skip
    if key in own:
        return own[key]
    own[key] = None
    with _recording:
        before = attributes(cell)
        try:
            plan = Plan(step, tensors, x, states)
            if fingerprint(cell) != mark:
                raise Refused("it changes something outside of it")
            own[key] = plan
        except Refused as refusal:
            if not any([k for k, plan in own.items() if plan is None and k != key]):
                _refusals[cell] = str(refusal)
            if fingerprint(cell) != mark or len(own) > MOST:
                own[None] = None  # it will never be
        finally:
            put_back(before)
    return own[key]


def tell(cell: Module) -> None:
    """Warn, once, of a cell that cannot be a plan, after it has run all the same."""
    refusal = _refusals.pop(cell, None)
    if refusal is not None:
        warnings.warn(
            f"{type(cell).__name__} runs step by step, which is slow: {refusal}",
            stacklevel=stacklevel(),
        )


def run_planned(
    cell: Module, step: Step, x: Any, states: Sequence[Any], batch_sizes: Any, reverse: bool
) -> tuple[Any, ...] | None:
    """Run ``step(x, *states)`` over sequences: what `unroll` gives, the last states (1, N, ...).

    None if the step cannot be a plan.
    """
    tensors = [*cell.parameters(), *cell.buffers()]
    dtype = x.array.dtype
    if dtype.kind != "f" or dtype.itemsize == 2 or not x.array.shape[-1]:
        return None
    if any([module._hooked for module in cell.modules()]):  # (a plan calls no modules)
        return None
    if _switched_off or is_recording():
        return None
    if any([v.array.dtype != dtype for v in states]):
        return None
    plan = _plan_for(cell, step, tensors, x, states)
    if plan is None:
        return None
    inputs = (x, *states, *tensors)
    arrays = [v.array for v in inputs]
    arrays[0] = np.ascontiguousarray(arrays[0])
    edges = edges_if_recording(inputs)
    steps = Steps(len(x.array), arrays[1].shape[0], batch_sizes, reverse)
    names = ["x", *[f"state {k}" for k in range(len(states))],
             *[f"parameter {k}" for k in range(len(tensors))]]  # fmt: skip
    wanted = frozenset() if edges is None else frozenset([n for n, e in zip(names, edges) if e])
    machine = plan.machine(wanted)
    given = dict(zip(names, arrays))
    given["x"] = arrays[0].reshape(steps.rows, arrays[0].shape[-1])
    output, ends, env = machine.forward(given, steps, edges is not None)
    lead = x.array.shape[:-1]
    results = (output.reshape(*lead, output.shape[-1]), *[end[None] for end in ends])
    options = (cell, step, tensors, len(states), batch_sizes, reverse)
    kept = (machine, env, steps, names)
    guarded = [*inputs] if edges is not None else []
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
    machine, env, steps, names = kept
    d_output, *d_ends = grads
    if d_output is not None:
        d_output = np.ascontiguousarray(d_output).reshape(steps.rows, d_output.shape[-1])
    above = [None if d is None else d[0] for d in d_ends]
    found = machine.backward(dict(env), d_output, above, steps)
    gradients = []
    for name, need, array in zip(names, needs, arrays):
        g = found.get(name) if need else None
        gradients.append(None if g is None else np.asarray(g, array.dtype).reshape(array.shape))
    return gradients


_PLANNED = Fused("recurrent", _vjp, _reference)
