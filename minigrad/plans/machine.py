"""Running a schedule over whole sequences: as NumPy says it, and the two loops by the kernel.

R rows of all steps, N sequences; step t has the rows starts[t] to starts[t] + sizes[t]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .assembled import NoInstruction, Program, assembled, run_program
from .scheduled import Schedule
from .simplified import Expression
from .traced import index_from

ndarray = np.ndarray
Env = dict[int, Any]

FUNCTIONS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        "add", "subtract", "multiply", "divide", "negative", "exp", "tanh", "maximum", "minimum",
        "less_equal", "less", "greater", "greater_equal", "sqrt", "log", "absolute", "square",
        "where", "log1p", "sin", "cos", "logical_and", "logical_not", "equal", "matmul",
    )
}  # fmt: skip
FUNCTIONS["sigmoid"] = lambda x: 1 / (1 + np.exp(-x))


class Steps:
    """Which rows belong to which step: dense or ragged, in the order of running."""

    def __init__(self, steps: int, batch: int, batch_sizes: Any, reverse: bool) -> None:
        self.sizes = np.full(steps, batch) if batch_sizes is None else batch_sizes.copy()
        self.starts = [0, *np.cumsum(self.sizes).tolist()]
        self.rows: int = self.starts[-1]  # R
        self.batch, self.reverse = batch, reverse

    def each(self, backwards: bool) -> Any:
        """For each step, in the order of running or backwards: its rows, and how many."""
        order = range(len(self.sizes))
        for t in reversed(order) if self.reverse != backwards else order:
            yield slice(self.starts[t], self.starts[t + 1]), int(self.sizes[t])


# ------------------------------------------------------------------------------------------------
# Expressions, as NumPy says them
# ------------------------------------------------------------------------------------------------


def value_of(e: Expression, env: Env) -> Any:
    """The array of an expression that was computed, or its number."""
    return e.value if e.op == "constant" else env[id(e)]


def compute(expressions: Sequence[Expression], env: Env, rows: int, batch: int) -> None:
    """Compute expressions; `rows` stands where the recording had `batch`."""
    for e in expressions:
        inputs = [value_of(i, env) for i in e.inputs]
        env[id(e)] = _computed(e, inputs, rows, batch)


def _computed(e: Expression, inputs: list[Any], rows: int, batch: int) -> Any:
    if e.op == "matmul" and len(e.shape) == 2:
        return product_of(*inputs)
    function = FUNCTIONS.get(e.op)
    shape = tuple([rows if n == batch else n for n in e.shape])
    if function is not None:
        result = function(*inputs)
        return result if result.shape == shape else np.broadcast_to(result, shape)
    (x,) = inputs[:1]
    if e.op == "slice":
        return x[index_from(e.options)]
    if e.op == "transpose":
        return x.transpose(e.options[0])
    if e.op == "reshape":
        return x.reshape(shape)
    if e.op == "broadcast":
        return np.broadcast_to(x, shape)
    if e.op == "cast":
        return x.astype(e.options[0])
    if e.op == "place":
        result = np.zeros(shape, e.dtype)
        result[index_from(e.options[1])] = x
        return result
    if e.op == "concatenate":
        wide = [
            np.broadcast_to(v, [rows if n == batch else n for n in i.shape])
            for v, i in zip(inputs, e.inputs)
        ]
        return np.concatenate(wide, e.options[0])
    function = {"add.reduce": np.add.reduce, "maximum.reduce": np.maximum.reduce}[e.op]
    return function(x, e.options[0], keepdims=e.options[1])


def product_of(a: ndarray, b: ndarray) -> ndarray:
    """The product of two matrices: the kernel's own, which is faster than NumPy's."""
    kernels = _kernels.kernels_for(a.dtype)
    result = None if kernels is None else kernels.product.matmul(a, b)
    return np.matmul(a, b) if result is None else result


# ------------------------------------------------------------------------------------------------
# Sequences
# ------------------------------------------------------------------------------------------------


class Machine:
    """A schedule that can be run.

    Parameters
    ----------
    schedule : Schedule
    names : dict
        The names of inputs, by the ids of their expressions.
    batch : int
        The size of the batch while recording.
    """

    def __init__(self, schedule: Schedule, names: dict[int, str], batch: int) -> None:
        self.schedule, self.names, self.batch = schedule, names, batch
        self.key = {name: key for key, name in names.items()}
        self.inputs = schedule.inputs
        self.count = len(schedule.results) - 1  # of states
        # gradients that are made for nothing else
        found = [id(e) for e in schedule.gradients.values() if e is not None]
        made = {id(e) for e in (*schedule.after, *schedule.last)}
        self.own = {key for key in found if found.count(key) == 1 and key in made}
        self.programs: dict[Any, tuple[Program, Program] | None] = {}

    def _programs(self, dtype: Any) -> Any:
        """The kernel of `dtype`, and its programs, forward and backward; None without."""
        kernels = _kernels.kernels_for(dtype)
        if kernels is None:
            return None
        kernel = kernels.plan
        if kernel not in self.programs:
            try:
                self.programs[kernel] = self._assembled(kernel)
            except NoInstruction:
                self.programs[kernel] = None
        programs = self.programs[kernel]
        return None if programs is None else (kernel, *programs)

    def _assembled(self, kernel: Any) -> tuple[Program, Program]:
        s, count, inputs = self.schedule, range(self.count), self.inputs
        before = {id(e) for e in s.before}
        states = {id(inputs[f"state {k}"]): k for k in count}
        store = [e for e in s.kept if id(e) not in before and e is not inputs["x"]]
        there = [*s.before, inputs["x"]]
        forward = assembled(
            s.forward, there, states, store, [s.results[f"state {k}"] for k in count],
            s.results["output"], kernel.OPERATIONS,
        )  # fmt: skip
        above = {id(inputs[f"d state {k}"]): k for k in count}
        backward = assembled(
            s.backward, [*s.kept, inputs["d output"]], above,
            [e for e in s.saved if e is not inputs["d output"]],
            [s.gradients[f"state {k}"] for k in count], None, kernel.OPERATIONS,
        )  # fmt: skip
        return forward, backward

    def forward(
        self, given: dict[str, ndarray], steps: Steps, keeps: bool
    ) -> tuple[ndarray, list[ndarray], Env]:
        """The outputs of all steps (R, width), the last states, and what `backward` needs.

        `given` has "x" (R, I), "state k" (N, width) and "parameter k".
        """
        s, dtype = self.schedule, given["x"].dtype
        env: Env = {self.key[name]: array for name, array in given.items()}
        compute(s.fixed, env, 0, self.batch)
        compute(s.before, env, steps.rows, self.batch)
        states = [np.array(given[f"state {k}"], order="C") for k in range(self.count)]
        outputs = np.empty((steps.rows, s.results["output"].shape[1]), dtype)
        programs = self._programs(dtype)
        loop = {
            id(e) for e in (*s.forward, *[self.inputs[f"state {k}"] for k in range(self.count)])
        }
        kept: Env = {
            id(e): np.empty((steps.rows, e.shape[1]), e.dtype if programs is None else dtype)
            for e in s.kept
            if id(e) in loop and (keeps or programs is not None)
        }
        if programs is not None:
            kernel, program, _ = programs
            self._run(kernel, program, env, kept, states, steps, False, {("output", 0): outputs})
            return outputs, states, {**env, **kept}
        by_step = [*[id(e) for e in s.before], self.key["x"]]
        state_keys = [self.key[f"state {k}"] for k in range(self.count)]
        for rows, n in steps.each(False):
            here = {**env, **{key: env[key][rows] for key in by_step}}
            here.update({key: state[:n] for key, state in zip(state_keys, states)})
            compute(s.forward, here, n, self.batch)
            for key, array in kept.items():
                array[rows] = here[key]
            outputs[rows] = value_of(s.results["output"], here)
            # (copied first, as one may be another's old value)
            new = [np.array(value_of(s.results[f"state {k}"], here)) for k in range(self.count)]
            for state, value in zip(states, new):
                state[:n] = value
        return outputs, states, {**env, **kept}

    def backward(
        self, env: Env, d_output: Any, d_ends: Sequence[Any], steps: Steps
    ) -> dict[str, Any]:
        """The gradients by name, None where there is none, given those of outputs and last states.

        `d_output` (R, width) and `d_ends` (N, width) may be None.
        """
        s, dtype = self.schedule, self.inputs["x"].dtype
        widths = [self.inputs[f"d state {k}"].shape[1] for k in range(self.count)]
        d_states = [
            np.zeros((steps.batch, n), dtype) if d is None else np.array(d, dtype, order="C")
            for d, n in zip(d_ends, widths)
        ]
        if d_output is None:
            d_output = np.zeros((steps.rows, s.results["output"].shape[1]), dtype)
        env[self.key["d output"]] = d_output
        programs = self._programs(dtype)
        saved: Env = {
            id(e): np.empty((steps.rows, e.shape[1]), e.dtype if programs is None else dtype)
            for e in s.saved
            if e is not self.inputs["d output"]
        }
        if programs is not None:
            kernel, _, program = programs
            self._run(kernel, program, env, saved, d_states, steps, True, {})
        else:
            by_step = [*[id(e) for e in s.kept], self.key["d output"]]
            state_keys = [self.key[f"d state {k}"] for k in range(self.count)]
            for rows, n in steps.each(True):
                here = {**env, **{key: env[key][rows] for key in by_step}}
                here.update({key: d[:n] for key, d in zip(state_keys, d_states)})
                compute(s.backward, here, n, self.batch)
                for key, array in saved.items():
                    array[rows] = here[key]
                found = [s.gradients[f"state {k}"] for k in range(self.count)]
                new = [0 if e is None else np.array(value_of(e, here)) for e in found]
                for d, value in zip(d_states, new):
                    d[:n] = value
        env = {**env, **saved}
        compute(s.after, env, steps.rows, self.batch)
        compute(s.last, env, steps.rows, self.batch)
        gradients: dict[str, Any] = {f"state {k}": d for k, d in enumerate(d_states)}
        for name, e in s.gradients.items():
            if not name.startswith("state"):
                gradients[name] = None if e is None else self._whole(e, env, steps.rows)
        return gradients

    def _run(
        self, kernel: Any, program: Program, env: Env, filled: Env, states: list[ndarray],
        steps: Steps, backwards: bool, arrays: dict[Any, ndarray],
    ) -> None:  # fmt: skip
        dtype = states[0].dtype
        arrays.update({("state", k): state for k, state in enumerate(states)})
        for r in program.registers:
            what, e = r.source
            if what == "timed":
                arrays[r.source] = dense(value_of(e, env), (steps.rows, r.columns), dtype)
            elif what == "kept":
                arrays[r.source] = filled[id(e)]
        run_program(
            kernel, program, arrays, lambda e: value_of(e, env), steps.sizes, steps.batch,
            steps.reverse != backwards, dtype,
        )  # fmt: skip

    def _whole(self, e: Expression, env: Env, rows: int) -> ndarray:
        """The array of a gradient; a copy unless it was made for this, and nobody has it yet."""
        value = env.pop(id(e), None) if id(e) in self.own else None
        if type(value) is ndarray and value.base is None:
            return value
        shape = [rows if n == self.batch else n for n in e.shape]
        return np.array(np.broadcast_to(value_of(e, env) if value is None else value, shape))


def dense(array: ndarray, shape: tuple[int, int], dtype: Any) -> ndarray:
    """An array as a dense matrix of a type: itself, or a copy."""
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    return np.ascontiguousarray(array, dtype)
