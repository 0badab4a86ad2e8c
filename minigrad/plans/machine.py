"""Running a schedule over whole sequences: as NumPy says it, and the two loops by the kernel.

R rows of all steps, N sequences; step t has the rows starts[t] to starts[t] + sizes[t]

All values of a run are one list, in which everything has its place: constants, inputs, what is
computed, the states while they change. `Machine` gives out the places once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import _kernels
from .assembled import NoInstruction, Program, assembled, run_program
from .computed import Listing, compute, listed
from .scheduled import Schedule
from .simplified import Expression

ndarray = np.ndarray
SHOWS = ("slice", "transpose", "reshape", "broadcast", "copy")  # the memory of their operands
# numbers; with less, what a part of the steps costs by itself shows
LEAST_PART, LEAST_PART_BACK = 65_536, 262_144


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

    def parts(self, most: int) -> Iterator[tuple[slice, Steps]]:
        """Steps one after another with at most so many rows (or one step), in the order of running.

        Each with its rows among those of all steps.
        """
        ends = np.cumsum(self.sizes)
        count = len(ends)
        cuts, row = [0], 0
        while cuts[-1] < count:
            step = max(int(np.searchsorted(ends, row + most, "right")), cuts[-1] + 1)
            cuts.append(step)
            row = int(ends[step - 1])
        pairs = list(pairwise(cuts))
        for first, last in reversed(pairs) if self.reverse else pairs:
            part = Steps(last - first, self.batch, self.sizes[first:last], self.reverse)
            end = int(ends[last - 1])
            yield slice(end - part.rows, end), part

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

    def run(
        self, values: list[Any], steps: Steps, backwards: bool, dtype: Any, output: Any = None
    ) -> None:
        """Run it: overwrite the states, fill what is to be filled (the last one is `output`)."""
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
        filled = self.filled if output is None else self.filled[:-1]
        for place, times, shape, own in filled:
            values[place] = np.empty((times * rows, *shape), own if program is None else dtype)
        if output is not None:
            values[self.filled[-1][0]] = output
        if program is not None:
            run_program(
                kernel, program, values, steps.sizes, rows, steps.batch,
                steps.reverse != backwards, dtype,
            )  # fmt: skip
            return
        arrays = [(place, k, values[place]) for place, k in self.timed]
        stored = [(place, k, values[place]) for place, k, _, _ in self.filled]
        states = [values[place] for _, place, _ in self.states]
        for start, n in steps.each(backwards):
            here = values.copy()
            for place, k, array in arrays:
                here[place] = array[k * start : k * (start + n)]
            for (place, _, _), state in zip(self.states, states):
                here[place] = state[:n]
            compute(self.listing, here, n)
            for place, k, array in stored:
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
        self.schedule, self.batch, self.names, self.keeps = s, batch, names, keeps
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

        written, output_place = self.states, self.output_place  # (no circle with the loops)

        def loop(
            suits: bool, body: list[Expression], timed: list[Expression], states: list[Expression],
            store: list[Expression], new: Sequence[Expression | None], output: Any,
        ) -> Loop:  # fmt: skip
            def program(kernel: Any) -> Program:
                if not suits:
                    raise NoInstruction("something that is no matrix")
                return assembled(
                    body, timed, {id(e): k for e, k in zip(states, written)}, store, new,
                    output, kernel.OPERATIONS, place, output_place,
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

        self.columns_before = sum(
            [math.prod(e.shape) // batch for e in s.before if e.op not in SHOWS]
        )
        suits, suits_back = s.suits_kernel
        self.forwards = loop(suits, s.forward, there, states, kept, after, output)
        self.backwards = loop(suits_back, s.backward, there_back, above, saved, after_back, None)
        self.kept = [(place[id(e)], e.shape[0] // batch) for e in s.kept]
        self.passing = [place[id(e)] for e in (*saved, *s.after, *s.last)]  # made for each part
        self.columns_saved = sum([math.prod(e.shape) // batch for e in (*saved, *s.after)])
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
        values, x, dtype = self.template.copy(), arrays[0], arrays[0].dtype
        for place, array in zip(self.places, arrays):
            values[place] = array
        compute(self.fixed, values, 0)
        ends = [np.array(values[place], order="C") for place in self.first]
        for place, array in zip(self.states, ends):
            values[place] = array
        output = np.empty((steps.rows, self.output_width), dtype)
        for rows, part in self._parts(steps):
            values[self.places[0]] = x[rows]
            compute(self.before, values, part.rows)
            self.forwards.run(values, part, False, dtype, output[rows])
            if part is not steps:
                for place, *_ in self.before:
                    values[place] = None
        values[self.output_place] = None
        kept = {place for place, *_ in self.forwards.filled}
        for place in self.dropped:
            if place not in kept:
                values[place] = None
        return output, ends, values

    def _parts(self, steps: Steps) -> Iterable[tuple[slice, Steps]]:
        """All steps at once; or, if nothing is kept, some after some, as `before` needs memory.

        It may have nearly as much as the outputs.
        """
        least = max(LEAST_PART, int(0.9 * steps.rows * self.output_width))
        most = least // max(1, self.columns_before)
        if self.keeps or steps.rows <= most:
            return [(slice(0, steps.rows), steps)]
        return steps.parts(most)

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
        whole = [(place, k, values[place]) for place, k in self.kept]
        gradients: dict[str, Any] = {f"state {k}": d for k, d in enumerate(d_states)}
        for rows, part in self._parts_back(steps):
            for place, k, array in whole:
                values[place] = array[k * rows.start : k * rows.stop]
            values[self.d_output] = d_output[rows]
            self.backwards.run(values, part, True, dtype)
            compute(self.after, values, part.rows)
            compute(self.last, values, part.rows)
            for name, found in self._found(values, part):
                if part is steps or found is None:
                    gradients[name] = found
                elif name == "x":
                    if name not in gradients:
                        gradients[name] = np.empty((steps.rows, *found.shape[1:]), found.dtype)
                    gradients[name][rows] = found
                elif name in gradients:
                    gradients[name] += found
                else:
                    gradients[name] = found
            for place in self.passing:
                values[place] = None
        return gradients

    def _found(self, values: list[Any], steps: Steps) -> Iterator[tuple[str, Any]]:
        """The gradients of all but states, in memory of their own."""
        for name, where, shape, own in self.gradients:
            value = None if where is None else values[where]
            if value is None:
                pass
            elif type(value) is not ndarray or value.shape != shape:
                b, r = self.batch, steps.rows
                whole = [n // b * r if n and n % b == 0 else n for n in shape]
                value = np.array(np.broadcast_to(value, whole))
            elif not own or value.base is not None:
                value = value.copy()
            yield name, value

    def _parts_back(self, steps: Steps) -> Iterable[tuple[slice, Steps]]:
        """All steps at once; or some after some, where `saved` is much: it is four outputs at most.

        (More parts take more time, and little more memory could be saved.)
        """
        most = max(LEAST_PART_BACK, 4 * steps.rows * self.output_width)
        parts = -(-steps.rows * self.columns_saved // most)
        if parts <= 1:
            return [(slice(0, steps.rows), steps)]
        return reversed(list(steps.parts(-(-steps.rows // parts))))


def number_or_array(value: ndarray) -> Any:
    """A constant as operand: a single number is one of Python's, which changes no type."""
    return value.item() if value.ndim == 0 else value
