"""The loop over time of a schedule as a program for the kernel `_kernels/plan.pyx`.

A register is some columns of an array, which is named by its source, with its place among the
values of a run: ("timed", place) and ("fixed", place) are arrays that are there when the loop
begins, ("state", place) is overwritten at the end of each step, ("kept", place) is filled; ("temp",
n) belongs to the program. Slices cost nothing, nor does putting together what nobody else reads,
and a sum of a product and something else is one instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .simplified import Expression, columns

ndarray = np.ndarray
Source = tuple[str, Any]

STEP, TIMED, FIXED, BLOCK = range(4)
MOST_KEPT = 4  # sizes of batches for which memory is kept
KINDS = {"timed": TIMED, "kept": TIMED, "state": STEP, "temp": STEP}


class Register(NamedTuple):
    """Columns of a source: `first` to `first` + `width` of `columns`."""

    source: Source
    first: int
    width: int
    columns: int


class Program(NamedTuple):
    """What the kernel is given, but for the arrays."""

    registers: list[Register]
    parts: ndarray  # for each register its kind, first column and width
    code: ndarray  # (instructions, 5)
    weights: list[int | ndarray]  # their places, or constants
    moves: list[tuple[int, int]]
    blocks: set[int]  # the temps that only blocks need
    slots: dict[int, int]  # of these, which may share memory: the number of each one's memory
    kept: dict[Any, Any]  # memory, between calls


class NoInstruction(Exception):
    """The kernel has no instruction for an operation."""


class _Assembler:
    def __init__(
        self, loop: Sequence[Expression], timed: Sequence[Expression], states: dict[int, int],
        store: Sequence[Expression], roots: Sequence[Expression], operations: dict[str, int],
        place: dict[int, int],
    ) -> None:  # fmt: skip
        self.loop, self.timed = {id(e) for e in loop}, {id(e) for e in timed}
        self.states, self.operations, self.place = states, operations, place
        self.store = {id(e) for e in store}
        self.registers: list[Register] = []
        self.index: dict[Any, int] = {}
        self.code: list[tuple[int, int, int, int, int]] = []
        self.weights: list[int | ndarray] = []
        self.temps = 0
        self.of: dict[int, Register] = {}
        self.readers: dict[int, int] = {}
        for read in (*[i for e in loop for i in e.inputs], *roots):
            self.readers[id(read)] = self.readers.get(id(read), 0) + 1
        self.part_of: dict[int, tuple[Expression, int]] = {}  # what is made where it is put
        for e in loop:
            at = 0
            for i in e.inputs if e.op == "concatenate" else ():
                if self.is_for_one(i) and i.op != "slice":
                    self.part_of[id(i)] = (e, at)
                at += i.shape[1]

    def is_for_one(self, e: Expression) -> bool:
        """Whether it is made in the loop, and for one reader only."""
        return id(e) in self.loop and id(e) not in self.store and self.readers[id(e)] == 1

    def number(self, register: Register) -> int:
        if register not in self.index:
            self.index[register] = len(self.registers)
            self.registers.append(register)
        return self.index[register]

    def temp(self, width: int) -> Register:
        self.temps += 1
        return Register(("temp", self.temps - 1), 0, width, width)

    def whole(self, what: str, e: Expression) -> Register:
        """All columns of what is among the values."""
        width = e.shape[-1] if e.shape else 1
        return Register((what, self.place[id(e)]), 0, width, width)

    def register(self, e: Expression) -> Register:
        """Where the value of an expression is to be found."""
        found = self.of.get(id(e))
        if found is None:
            found = self.of[id(e)] = self._register(e)
        return found

    def _register(self, e: Expression) -> Register:
        if e.op == "constant":
            width = e.value.shape[-1] if e.value.ndim else 1
            return Register(("constant", e), 0, width, width)
        if id(e) in self.states:
            return Register(("state", self.states[id(e)]), 0, e.shape[1], e.shape[1])
        if id(e) in self.timed:
            return self.whole("timed", e)
        if id(e) not in self.loop:
            return self.whole("fixed", e)
        if e.op == "slice":
            start, stop = columns(e) or (0, 0)
            inner = self.register(e.inputs[0])
            return inner._replace(first=inner.first + start, width=stop - start)
        if id(e) in self.store:
            return self.whole("kept", e)
        if id(e) in self.part_of:
            outer, at = self.part_of[id(e)]
            around = self.register(outer)
            return around._replace(first=around.first + at, width=e.shape[1])
        return self.temp(e.shape[1])

    def emit(self, op: str, out: Register, *operands: Register) -> None:
        code = self.operations.get(op)
        if code is None:
            raise NoInstruction(op)
        if out.width < 1:
            raise NoInstruction("empty rows")
        a, b, c = [self.number(r) for r in (*operands, *(operands[0],) * 2)[:3]]
        self.code.append((code, self.number(out), a, b, c))

    def product(self, e: Expression, out: Register, added: Register | None) -> None:
        left, right = e.inputs
        if left.op == "constant" or 0 in right.shape:
            raise NoInstruction("a product of a constant, or of nothing")
        weights: Any = self.place[id(right)]
        numbers = [k for k, w in enumerate(self.weights) if type(w) is int and w == weights]
        if not numbers:
            numbers = [len(self.weights)]
            constant = right.op == "constant"
            self.weights.append(np.broadcast_to(right.value, right.shape) if constant else weights)
        self.code.append((
            self.operations["matmul"], self.number(out), self.number(self.register(left)),
            numbers[0], -1 if added is None else self.number(added),
        ))  # fmt: skip

    def fuses(self, e: Expression, op: str) -> tuple[Expression, Expression] | None:
        """Of a sum the operation `op` that nobody else reads, and what is added to it."""
        for one, other in (e.inputs, e.inputs[::-1]):
            if (
                one.op == op and self.is_for_one(one) and one.shape == e.shape
                and (op != "matmul" or self.register(other).width == e.shape[1])
            ):  # fmt: skip
                return one, other
        return None


def assembled(
    loop: Sequence[Expression], timed: Sequence[Expression], states: dict[int, int],
    store: Sequence[Expression], new_states: Sequence[Expression | None],
    output: Expression | None, operations: dict[str, int], place: dict[int, int],
    output_place: int,
) -> Program:  # fmt: skip
    """The program of a loop.

    Parameters
    ----------
    loop : list of Expression
        What it computes, in this order.
    timed : list of Expression
        What is there for all steps.
    states : dict
        For the id of an expression that is a state, the place of the array that is overwritten.
    store : list of Expression
        What to keep for all steps.
    new_states : list of Expression or None
        The states after a step; None: zeros.
    output : Expression, optional
        What to write to `output_place`.
    operations : dict
        The kernel's.
    place : dict
        The places among the values, by the ids of the expressions.

    Raises
    ------
    NoInstruction
        The kernel cannot run it.
    """
    roots = [e for e in (*new_states, output) if e is not None]
    a = _Assembler(loop, timed, states, store, roots, operations, place)
    zero = Register(("number", 0.0), 0, 1, 1)
    for e in store:  # states before the step
        if id(e) in a.states:
            a.emit("copy", a.whole("kept", e), a.register(e))
    made_there = output is not None and output.op not in ("slice", "input", "constant") and (
        id(output) in a.loop and id(output) not in a.store
    )  # fmt: skip
    if output is not None:
        width = output.shape[1]
        whole_output = Register(("kept", output_place), 0, width, width)
        if made_there:
            a.of[id(output)] = whole_output
    # sums that are made with a product, and the products
    sums: dict[int, tuple[Expression, Expression]] = {}
    fused: set[int] = set()
    for op in ("matmul", "multiply"):
        for e in loop:
            pair = a.fuses(e, op) if e.op == "add" and id(e) not in sums else None
            if pair is not None and id(pair[0]) not in fused:
                sums[id(e)] = pair
                fused.add(id(pair[0]))
    for e in loop:
        if id(e) in fused:
            continue
        out = a.register(e)
        if id(e) in sums:
            one, other = sums[id(e)]
            if one.op == "matmul":
                a.product(one, out, a.register(other))
            else:
                a.emit("multiply_add", out, *[a.register(i) for i in (*one.inputs, other)])
        elif e.op == "slice":
            if id(e) in a.store:
                a.emit("copy", a.whole("kept", e), out)
        elif e.op == "matmul":
            a.product(e, out, None)
        elif e.op == "concatenate":
            at = 0
            for part in e.inputs:
                width = part.shape[1]
                if width and id(part) not in a.part_of:
                    a.emit("copy", out._replace(first=out.first + at, width=width),
                           a.register(part))  # fmt: skip
                at += width
        elif e.op in ("place", "put"):
            around, part = (zero, e.inputs[0]) if e.op == "place" else (
                a.register(e.inputs[0]), e.inputs[1]
            )  # fmt: skip
            index = e.options[1] if e.op == "place" else e.options
            start, _, _ = slice(*index[1]).indices(e.shape[1])
            a.emit("copy", out, around)
            if part.shape[1]:
                a.emit("copy", out._replace(first=out.first + start, width=part.shape[1]),
                       a.register(part))  # fmt: skip
        elif e.op in ("broadcast", "cast"):  # (of a mask, whose entries are 0 and 1)
            a.emit("copy", out, a.register(e.inputs[0]))
        else:
            a.emit(e.op, out, *[a.register(i) for i in e.inputs])
    if output is not None and not made_there:
        a.emit("copy", whole_output, a.register(output))
    moves = []
    for at, new in zip(states.values(), new_states):
        if new is None:
            raise NoInstruction("a state that nothing comes of")
        width, source = new.shape[1], a.register(new)
        if source.source[0] not in ("temp", "kept") or source.width != width:
            whole = a.temp(width)
            a.emit("copy", whole, source)
            source = whole
        moves.append((a.number(Register(("state", at), 0, width, width)), a.number(source)))
    blocks, slots = _blocks(a, moves)
    parts = [(_kind(r.source, blocks), r.first, r.width) for r in a.registers]
    return Program(
        a.registers, np.array(parts, np.int64).reshape(-1, 3),
        np.array(a.code, np.int64).reshape(-1, 5), a.weights, moves, blocks, slots, {},
    )  # fmt: skip


def _kind(source: Source, blocks: set[int]) -> int:
    what, which = source
    return BLOCK if what == "temp" and which in blocks else KINDS.get(what, FIXED)


def _blocks(a: _Assembler, moves: list[tuple[int, int]]) -> tuple[set[int], dict[int, int]]:
    """The temps that are read only in the run in which they are written, and which share memory."""
    product = a.operations["matmul"]
    runs: dict[int, set[Any]] = {}
    last: dict[int, int] = {}
    run = 0
    for k, (op, out, *operands) in enumerate(a.code):
        if op == product:
            run += 1
        used = (out, operands[0], operands[2]) if op == product else (out, *operands)
        for r in used:
            if r >= 0 and a.registers[r].source[0] == "temp":
                n = a.registers[r].source[1]
                runs.setdefault(n, set()).add("product" if op == product else run)
                last[n] = k
    for _, source in moves:
        if a.registers[source].source[0] == "temp":
            runs.setdefault(a.registers[source].source[1], set()).add("move")
    blocks = {n for n, where in runs.items() if len(where) == 1 and where.isdisjoint(
        {"product", "move"})}  # fmt: skip
    slots: dict[int, int] = {}
    free: dict[int, list[int]] = {}
    count = 0
    for k, (op, out, *_) in enumerate(a.code):
        register = a.registers[out]
        if op != product and register.source[0] == "temp" and register.source[1] in blocks:
            n = register.source[1]
            if n not in slots:
                waiting = free.setdefault(register.columns, [])
                if waiting:
                    slots[n] = waiting.pop()
                else:
                    slots[n] = count
                    count += 1
        for n, slot in slots.items():
            if last[n] == k:
                width = next(r.columns for r in a.registers if r.source == ("temp", n))
                free.setdefault(width, []).append(slot)
    return blocks, slots


def run_program(
    kernel: Any, program: Program, values: list[Any], sizes: ndarray, rows: int, batch: int,
    reverse: bool, dtype: Any,
) -> None:  # fmt: skip
    """Run a program on values, of which those that are timed have so many rows."""
    # memory is kept for the next call; meanwhile nobody else finds it
    arrays, others = program.kept.pop((batch, dtype), None) or _memory(
        program, kernel, batch, dtype
    )
    for k, what, place, r in others:
        array = values[place]
        if what == "fixed":
            array = np.ascontiguousarray(array, dtype).reshape(1, -1)
        elif what == "timed":
            if array.shape != (rows, r.columns):
                array = np.broadcast_to(array, (rows, r.columns))
            if array.dtype != dtype or (array.strides[1] != array.itemsize and r.columns > 1):
                array = np.ascontiguousarray(array, dtype)
        arrays[k] = array
    weights: list[Any] = [values[w] if type(w) is int else w for w in program.weights]
    kernel.run(
        arrays, program.parts, program.code,
        [w if w.dtype == dtype else w.astype(dtype) for w in weights],
        program.moves, sizes, batch, reverse,
    )  # fmt: skip
    for other in others:
        arrays[other[0]] = None
    if len(program.kept) < MOST_KEPT:
        program.kept[batch, dtype] = arrays, others


def _memory(program: Program, kernel: Any, batch: int, dtype: Any) -> tuple[list[Any], list[Any]]:
    """The arrays of the registers, with memory for those that are the program's own; all others."""
    arrays: list[Any] = []
    others = []
    own: dict[Any, ndarray] = {}
    for k, r in enumerate(program.registers):
        what, which = r.source
        if what == "temp" and which in program.blocks:
            shape = (min(batch, kernel.ROWS_OF_A_BLOCK), r.columns)
            arrays.append(own.setdefault(("slot", program.slots[which]), np.empty(shape, dtype)))
        elif what == "temp":
            arrays.append(own.setdefault(r.source, np.empty((batch, r.columns), dtype)))
        elif what in ("number", "constant"):
            value = which if what == "number" else which.value
            arrays.append(np.asarray(value, dtype).reshape(1, -1))
        else:
            arrays.append(None)
            others.append((k, what, which, r))
    return arrays, others
