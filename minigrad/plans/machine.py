"""Running a schedule over whole sequences: as NumPy says it, and the two loops by the kernel.

R rows of all steps, N sequences; step t has the rows starts[t] to starts[t] + sizes[t]

All values of a run are one list, in which everything has its place: constants, inputs, what is
computed, the states while they change. `Machine` gives out the places once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .assembled import NoInstruction, Program, assembled, run_program
from .computed import Listing, compute, listed
from .scheduled import Schedule
from .simplified import Expression

ndarray = np.ndarray


class Steps:
    """Which rows belong to which step: dense or ragged, in the order of running."""

    def __init__(self, steps: int, batch: int, batch_sizes: Any, reverse: bool) -> None:
        if batch_sizes is None:
            self.sizes = np.empty(steps, np.int64)
            self.sizes.fill(batch)
            self.rows = steps * batch  # R
        else:
            self.sizes = np.array(batch_sizes, np.int64)
            self.rows = int(self.sizes.sum())
        self.batch, self.reverse = batch, reverse

    def each(self, backwards: bool) -> Any:
        """For each step, in the order of running or backwards: its first row, and how many."""
        starts = [0, *np.cumsum(self.sizes).tolist()]
        order = range(len(self.sizes))
        for t in reversed(order) if self.reverse != backwards else order:
            yield starts[t], int(self.sizes[t])


class Loop:
    """One of the two loops over time.

    Attributes
    ----------
    listing : Listing
    timed : list of (int, int)
        The places of arrays that have rows of all steps, and are read; and how many for each
        sequence.
    filled : list of (int, int, tuple of int, dtype)
        The places of those that are written, how many rows they have for each sequence, of which
        shape and type.
    states : list of (int, int, int)
        For each state its place, the place of the array that is overwritten, and the place of its
        next value; -1: zeros.
    program : function of a kernel
        That gives the program.
    """

    def __init__(
        self, listing: Listing, timed: list[tuple[int, int]],
        filled: list[tuple[int, int, tuple[int, ...], Any]],
        states: list[tuple[int, int, int]], program: Any,
    ) -> None:  # fmt: skip
        self.listing, self.timed, self.filled, self.states = listing, timed, filled, states
        self.program = program
        self.programs: dict[Any, Program | None] = {}

    def run(self, values: list[Any], steps: Steps, backwards: bool, dtype: Any) -> None:
        """Run it: fill what is to be filled, and overwrite the states."""
        kernels = _kernels.kernels_for(dtype)
        program = None
        if kernels is not None:
            kernel = kernels.plan
            if kernel not in self.programs:
                try:
                    self.programs[kernel] = self.program(kernel)
                except NoInstruction:
                    self.programs[kernel] = None
            program = self.programs[kernel]
        rows = steps.rows
        for place, times, shape, own in self.filled:
            values[place] = np.empty((times * rows, *shape), own if program is None else dtype)
        if program is not None:
            run_program(
                kernel, program, values, steps.sizes, rows, steps.batch,
                steps.reverse != backwards, dtype,
            )  # fmt: skip
            return
        arrays = [(place, k, values[place]) for place, k in self.timed]
        filled = [(place, k, values[place]) for place, k, _, _ in self.filled]
        states = [values[place] for _, place, _ in self.states]
        for start, n in steps.each(backwards):
            here = values.copy()
            for place, k, array in arrays:
                here[place] = array[k * start : k * (start + n)]
            for (place, _, _), state in zip(self.states, states):
                here[place] = state[:n]
            compute(self.listing, here, n)
            for place, k, array in filled:
                array[k * start : k * (start + n)] = here[place]
            # (copied first, as one may be another's old value)
            new = [0 if place < 0 else np.array(here[place]) for *_, place in self.states]
            for state, value in zip(states, new):
                state[:n] = value


class Machine:
    """A schedule that can be run.

    Parameters
    ----------
    schedule : Schedule
    batch : int
        The size of the batch while recording.
    names : sequence of str
        The order of the inputs of `forward`: "x", "state 0", ..., "parameter 0", ...
    keeps : bool
        Whether there will be a derivative.
    """

    def __init__(self, schedule: Schedule, batch: int, names: Sequence[str], keeps: bool) -> None:
        s = schedule
        self.schedule, self.batch, self.names = s, batch, names
        self.count = len(s.results) - 1  # of states
        parts = (s.fixed, s.before, s.forward, s.backward, s.after, s.last)
        self.template: list[Any] = []
        place: dict[int, int] = {}

        def take(e: Expression) -> None:
            if id(e) not in place:
                place[id(e)] = len(place)
                constant = e.op == "constant"
                self.template.append(number_or_array(e.value) if constant else None)

        for e in s.inputs.values():
            take(e)
        roots = [*s.results.values(), *s.gradients.values()]
        for e in [*[e for part in parts for e in part], *[e for e in roots if e is not None]]:
            for i in (*e.inputs, e):
                take(i)
        self.output_place = len(self.template)  # (beside those of the expressions)
        self.states = [self.output_place + 1 + k for k in range(self.count)]
        self.template += [None] * (1 + self.count)
        self.places = [place[id(s.inputs[name])] for name in names]
        self.fixed, self.before, self.after, self.last = [
            listed(part, place, batch) for part in (s.fixed, s.before, s.after, s.last)
        ]
        states = [s.inputs[f"state {k}"] for k in range(self.count)]
        above = [s.inputs[f"d state {k}"] for k in range(self.count)]
        x, d_output, output = s.inputs["x"], s.inputs["d output"], s.results["output"]
        before = {id(e) for e in s.before}
        kept = [e for e in s.kept if id(e) not in before and e is not x] if keeps else []
        saved = [e for e in s.saved if e is not d_output]
        there, there_back = [*s.before, x], [*s.kept, d_output]
        after = [s.results[f"state {k}"] for k in range(self.count)]
        after_back = [s.gradients[f"state {k}"] for k in range(self.count)]
        self.output_width, self.d_output = output.shape[1], place[id(d_output)]
        self.first = [place[id(e)] for e in states]
        self.d_shapes = [e.shape[1:] for e in above]

        def loop(
            suits: bool, body: list[Expression], timed: list[Expression], states: list[Expression],
            store: list[Expression], new: Sequence[Expression | None], output: Any,
        ) -> Loop:  # fmt: skip
            def program(kernel: Any) -> Program:
                if not suits:
                    raise NoInstruction("something that is no matrix")
                return assembled(
                    body, timed, {id(e): k for e, k in zip(states, self.states)}, store, new,
                    output, kernel.OPERATIONS, place, self.output_place,
                )  # fmt: skip

            result = Loop(
                listed(body, place, batch),
                [(place[id(e)], e.shape[0] // batch) for e in timed if id(e) in place],
                [(place[id(e)], e.shape[0] // batch, e.shape[1:], e.dtype) for e in store],
                [(place[id(e)], k, -1 if n is None else place[id(n)])
                 for e, k, n in zip(states, self.states, new)],
                program,
            )  # fmt: skip
            if output is not None:
                result.filled.append((self.output_place, 1, output.shape[1:], output.dtype))
                result.listing.append((self.output_place, lambda rows, y: y, (place[id(output)],)))
            return result

        suits, suits_back = s.suits_kernel
        self.forwards = loop(suits, s.forward, there, states, kept, after, output)
        self.backwards = loop(suits_back, s.backward, there_back, above, saved, after_back, None)
        needed = {id(i) for part in parts[3:] for e in part for i in e.inputs}
        needed |= {id(e) for e in s.gradients.values() if e is not None}
        self.dropped = [place[id(e)] for e in (*s.before, *s.forward) if id(e) not in needed]
        # gradients that are made for nothing else need not be copied
        found = [place[id(e)] for e in s.gradients.values() if e is not None]
        made = {place[id(e)] for e in (*s.after, *s.last)}
        self.gradients = [
            (name, None if e is None else place[id(e)], () if e is None else e.shape,
             e is not None and place[id(e)] in made and found.count(place[id(e)]) == 1)
            for name, e in s.gradients.items() if not name.startswith("state")
        ]  # fmt: skip

    def forward(self, arrays: Sequence[ndarray], steps: Steps) -> tuple[ndarray, Any, list[Any]]:
        """The outputs of all steps (R, width), the last states, and what `backward` needs.

        The arrays are x (R, I), the states (N, width), and the parameters, in the order of `names`.
        """
        values = self.template.copy()
        for place, array in zip(self.places, arrays):
            values[place] = array
        compute(self.fixed, values, 0)
        compute(self.before, values, steps.rows)
        ends = [np.array(values[place], order="C") for place in self.first]
        for place, array in zip(self.states, ends):
            values[place] = array
        kept = {place for place, *_ in self.forwards.filled}
        self.forwards.run(values, steps, False, arrays[0].dtype)
        output = values[self.output_place]
        values[self.output_place] = None
        for place in self.dropped:
            if place not in kept:
                values[place] = None
        return output, ends, values

    def backward(
        self, values: list[Any], d_output: Any, d_ends: Sequence[Any], steps: Steps, dtype: Any
    ) -> dict[str, Any]:
        """The gradients by name, None where there is none, given those of outputs and last states.

        `d_output` (R, width) and `d_ends` (N, width) may be None.
        """
        d_states = []
        for place, shape, d in zip(self.states, self.d_shapes, d_ends):
            if d is None:
                d_states.append(np.zeros((steps.batch, *shape), dtype))
            else:
                d_states.append(np.array(d, dtype, order="C"))
            values[place] = d_states[-1]
        if d_output is None:
            d_output = np.zeros((steps.rows, self.output_width), dtype)
        values[self.d_output] = d_output
        self.backwards.run(values, steps, True, dtype)
        compute(self.after, values, steps.rows)
        compute(self.last, values, steps.rows)
        gradients: dict[str, Any] = {f"state {k}": d for k, d in enumerate(d_states)}
        for name, where, shape, own in self.gradients:
            if where is None:
                gradients[name] = None
                continue
            value = values[where]
            if type(value) is not ndarray or value.shape != shape:
                b, r = self.batch, steps.rows
                whole = [n // b * r if n and n % b == 0 else n for n in shape]
                value = np.array(np.broadcast_to(value, whole))
            elif not own or value.base is not None:
                value = value.copy()
            gradients[name] = value
        return gradients


def number_or_array(value: ndarray) -> Any:
    """A constant as operand: a single number is one of Python's, which changes no type."""
    return value.item() if value.ndim == 0 else value
