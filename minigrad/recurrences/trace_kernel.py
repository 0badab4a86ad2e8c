"""A trace of what a kernel keeps: the gates of a recurrence that has a kernel, in the usual run.

For backward a kernel keeps the values of its gates, so they need only be taken out of its memory.
Going back is another matter, for it has no gradient with respect to a state in the middle: so then
the step runs after all, as it does for the trace of any other recurrence (`trace_run`).

    T steps, N sequences, R rows of all steps, H hidden size
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.backward import grad
from ..autograd.engine import edges_if_recording
from ..autograd.grad_mode import enable_grad
from ..autograd.tensor_base import wrap
from ..nn.parameter import Parameter
from ..ops.fused import Fused
from .operation import _kernel_for
from .options import Direction, run_whole
from .trace_names import tells_gates
from .trace_run import Seen, wants_gradients

ndarray = np.ndarray
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def seen_in_kernel(
    cell: Direction, x: Any, states: Sequence[Any], batch_sizes: Any, reverse: bool, seen: Seen
) -> tuple[Any, ...] | None:
    """Run a direction and let everything be seen: what `SequenceLayer._direction` returns.

    None if there is no kernel for this type, or at this level, or none that says what it keeps.
    """
    recurrence = cell.recurrence
    kernel = _kernel_for(recurrence, x.array.dtype)
    has_more = len(recurrence.states) > 1 or tells_gates(recurrence.step)
    if kernel is None or (has_more and not recurrence.keeps):
        return None
    own = [cell._parameters.get(name) for name in PARAMETERS]
    if wants_gradients([x, *states, *own]):
        seen.add_nudges(x, states)
    inputs = (x.contiguous(), *[*states, None][:2], *own, seen.nudges)
    arrays = [None if v is None else v.array for v in inputs]
    output, h_n, c_n, kept = kernel.forward(
        recurrence.name, *arrays[:-1], batch_sizes, reverse, bool(recurrence.keeps), True
    )
    shape, shown = (*output.shape[:-1], states[-1].array.shape[-1]), {}
    if recurrence.keeps:
        shown = _taken_out(kept[0], recurrence.keeps, shape, _lanes(kernel, x.array.dtype))
    gates = [gate for gate in recurrence.gates if gate in shown]
    values, ends = [*[shown[gate] for gate in gates], output.copy()], [h_n]
    if c_n is not None:
        values.append(_after(shown["old cell"], c_n, batch_sizes, reverse))
        ends.append(c_n)
    results = (output, *[end[None] for end in ends], *values)
    found = _SEEN.call(
        edges_if_recording(inputs), inputs, (cell, batch_sizes, reverse), None, results, arrays,
        inputs[:-1],
    )  # fmt: skip
    names = (*[f"{gate}_gate" for gate in gates], *recurrence.states)
    seen.tensors = dict(zip(names, found[1 + len(ends) :]))
    return found[: 1 + len(ends)]


def seen_alone(
    cell: Direction, x: Any, states: Sequence[Any], batch_sizes: Any, reverse: bool, seen: Seen
) -> tuple[Any, ...]:
    """The same, also without a kernel; for recurrences that no layer with options is around."""
    results = seen_in_kernel(cell, x, states, batch_sizes, reverse, seen)
    if results is not None:
        return results
    if wants_gradients([x, *states, *cell._parameters.values()]):
        seen.add_nudges(x, states)
    return _run_step(cell, seen, x.contiguous(), states, batch_sizes, reverse, True)


@functools.cache
def _lanes(kernel: Any, dtype: Any) -> int:
    """How many numbers of a kind lie side by side in what a kernel keeps: as many as for one unit.

    (That is as many as the vectors of its processor have.)
    """
    x, h, w = [np.zeros(shape, dtype) for shape in ((1, 1, 1), (1, 1), (2, 1))]
    kept = kernel.forward("mgu", x, h, None, w, w, *[None] * 4, False, True, False)[3]
    return kept[0].shape[-1] // 3


def _taken_out(
    kept: ndarray, names: Sequence[str], shape: tuple[int, ...], lanes: int
) -> dict[str, ndarray]:
    """What a kernel kept, by name, in this shape: a row has all kinds in turn, some units each."""
    blocks = kept.shape[1] // (len(names) * lanes)
    by_kind = kept.reshape(len(kept), blocks, len(names), lanes).transpose(2, 0, 1, 3)
    rows = by_kind.reshape(len(names), len(kept), blocks * lanes)
    return {
        name: np.ascontiguousarray(part[:, : shape[-1]]).reshape(shape)
        for name, part in zip(names, rows)
        if name
    }


def _after(before: ndarray, ends: ndarray, batch_sizes: Any, reverse: bool) -> ndarray:
    """A state after each step, from that before each step, and the last ones.

    After a step is before the next; sequences that have no next step have reached their last state.
    """
    if batch_sizes is None:
        steps = [ends[None], before[:-1]] if reverse else [before[1:], ends[None]]
        return np.concatenate(steps) if len(before) else before
    starts = [0, *np.cumsum(batch_sizes)]
    parts, count = [], len(batch_sizes)
    for t, size in enumerate(batch_sizes):
        next_one = t - 1 if reverse else t + 1
        going_on = min(batch_sizes[next_one], size) if 0 <= next_one < count else 0
        if going_on:
            parts.append(before[starts[next_one] : starts[next_one] + going_on])
        parts.append(ends[going_on:size])
    return np.concatenate(parts) if parts else before


# ------------------------------------------------------------------------------------------------
# Going back
# ------------------------------------------------------------------------------------------------


def _reference(*arguments: Any) -> tuple[Any, ...]:
    """The same from the step: the output, the last states, and all that there is to see."""
    *inputs, nudges, cell, batch_sizes, reverse = arguments
    x, h, c, *own = inputs
    given = {name: v for name, v in zip(PARAMETERS, own) if v is not None}
    recorded = all([v is cell._parameters[name] for name, v in given.items()])
    if not recorded:
        cell = Direction(cell.recurrence, given)
    states = [h] if c is None else [h, c]
    seen = Seen(cell.recurrence.states, nudges)
    results = _run_step(cell, seen, x, states, batch_sizes, reverse, recorded)
    results = (*results, *seen.tensors.values())
    seen.tensors.clear()  # whose graph holds the step, and `seen` with it: no circle
    return results


def _run_step(
    cell: Direction, seen: Seen, x: Any, states: Sequence[Any], batch_sizes: Any, reverse: bool,
    recorded: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """The output and the last states, from the step; the rest is left with `seen`."""

    def step(x: Any, *states: Any) -> Any:
        return cell(x, states, None, gates=seen.gates)

    run, x = seen.around(step, x, states)
    lasting = all([isinstance(v, Parameter) for v in cell._parameters.values()])
    columns, *ends = run_whole(
        cell, run, x, states, batch_sizes, reverse, recorded and lasting, seen.notes
    )
    return (seen.taken(columns), *ends)


def _vjp(
    grads: list[Any], needs: list[bool], arrays: list[Any], options: tuple[Any, ...], kept: Any
) -> list[Any]:
    own = [options[0]._parameters.get(name) for name in PARAMETERS]
    inputs = [
        _leaf(array, need, v)
        for array, need, v in zip(arrays, needs, [None, None, None, *own, None])
    ]
    with enable_grad():
        results = _reference(*inputs, *options)
    used = [(y, wrap(g)) for y, g in zip(results, grads) if g is not None and y.requires_grad]
    wanted = [v for v, need in zip(inputs, needs) if need]
    found = iter(grad([y for y, _ in used], wanted, [g for _, g in used], allow_unused=True))
    gradients = [next(found) if need else None for need in needs]
    return [None if g is None else g.array for g in gradients]


def _leaf(array: Any, need: bool, parameter: Any) -> Any:
    """An input without a history: the parameter itself, if nothing else would come of it.

    (With it the step is recorded once. A hook on it is for whoever gets the gradient in the end.)
    """
    if array is None:
        return None
    if isinstance(parameter, Parameter) and parameter.array is array and parameter._hooks is None:
        return parameter
    leaf = wrap(array)
    leaf._requires_grad = need
    return leaf


_SEEN = Fused("sequence.seen", _vjp, _reference)
