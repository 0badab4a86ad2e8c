"""The loop over time of a schedule as a program for the kernel `_kernels/plan.pyx`.

A register is some columns of an array, which is named by its source: ("timed", e) and ("fixed", e)
are arrays that are there when the loop begins, ("state", k) is overwritten at the end of each step,
("kept", e) and ("output", 0) are filled, ("temp", n) belongs to the program. Slices cost nothing,
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
KINDS = {"timed": TIMED, "kept": TIMED, "output": TIMED, "state": STEP, "temp": STEP}


class Register(NamedTuple):
    """Columns of a source: `first` to `first` + `width` of `columns`."""

    source: Source
    first: int
    width: int
    columns: int


class Program(NamedTuple):
    """What the kernel is given, but for the arrays."""

    registers: list[Register]
    code: list[tuple[int, int, int, int, int]]
    weights: list[Expression]
    moves: list[tuple[int, int]]
    blocks: set[int]  # the temps that only blocks need
    slots: dict[int, int]  # of these, which may share memory: the number of each one's memory
    kept: dict[Any, Any]  # memory, between calls


class NoInstruction(Exception):
    """The kernel has no instruction for an operation."""


class _Assembler:
    def __init__(
        self, loop: Sequence[Expression], timed: set[int], states: dict[int, int],
        store: Sequence[Expression], operations: dict[str, int],
    ) -> None:  # fmt: skip
        self.loop = {id(e) for e in loop}
        self.timed, self.states, self.operations = timed, states, operations
        self.store = {id(e) for e in store}
        self.registers: list[Register] = []
        self.index: dict[Any, int] = {}
        self.code: list[tuple[int, int, int, int, int]] = []
        self.weights: list[Expression] = []
        self.temps = 0
        self.readers: dict[int, int] = {}
        for e in loop:
            for i in e.inputs:
                self.readers[id(i)] = self.readers.get(id(i), 0) + 1
        self.of: dict[int, Register] = {}

    def number(self, register: Register) -> int:
        if register not in self.index:
            self.index[register] = len(self.registers)
            self.registers.append(register)
        return self.index[register]

    def temp(self, width: int) -> Register:
        self.temps += 1
        return Register(("temp", self.temps - 1), 0, width, width)

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
            return Register(("timed", e), 0, e.shape[1], e.shape[1])
        if id(e) not in self.loop:
            width = e.shape[-1] if e.shape else 1
            return Register(("fixed", e), 0, width, width)
        if e.op == "slice":
            start, stop = columns(e) or (0, 0)
            inner = self.register(e.inputs[0])
            return inner._replace(first=inner.first + start, width=stop - start)
        if id(e) in self.store:
            return Register(("kept", e), 0, e.shape[1], e.shape[1])
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
        a, weights = self.register(e.inputs[0]), e.inputs[1]
        if weights not in self.weights:
            self.weights.append(weights)
        if 0 in weights.shape:
            raise NoInstruction("empty weights")
        self.code.append((
            self.operations["matmul"], self.number(out), self.number(a),
            self.weights.index(weights), -1 if added is None else self.number(added),
        ))  # fmt: skip

    def fuses(self, e: Expression) -> tuple[Expression, Expression] | None:
        """Of a sum the product that nobody else reads, and what is added to it."""
        for one, other in (e.inputs, e.inputs[::-1]):
            if (
                one.op == "matmul"
                and id(one) in self.loop
                and self.readers[id(one)] == 1
                and id(one) not in self.store
                and one.shape == e.shape
                and self.register(other).width == e.shape[1]
            ):
                return one, other
        return None


def assembled(
    loop: Sequence[Expression], timed: Sequence[Expression], states: dict[int, int],
    store: Sequence[Expression], new_states: Sequence[Expression | None],
    output: Expression | None, operations: dict[str, int],
) -> Program:  # fmt: skip
    """The program of a loop.

    Parameters
    ----------
    loop : list of Expression
        What it computes, in this order.
    timed : list of Expression
        What is there for all steps.
    states : dict
        For the id of an expression, which state it is.
    store : list of Expression
        What to keep for all steps.
    new_states : list of Expression or None
        The states after a step; None: zeros.
    output : Expression, optional
        What to write to ("output", 0).
    operations : dict
        The kernel's.

    Raises
    ------
    NoInstruction
        The kernel cannot run it.
    """
    a = _Assembler(loop, {id(e) for e in timed}, states, store, operations)
    roots = [e for e in (*new_states, output) if e is not None]
    for e in roots:
        a.readers[id(e)] = a.readers.get(id(e), 0) + 1
    zero = Register(("number", 0.0), 0, 1, 1)
    for e in store:  # states before the step
        if id(e) in a.states:
            a.emit("copy", Register(("kept", e), 0, e.shape[1], e.shape[1]), a.register(e))
    # sums that are made with a product, and the products
    sums: dict[int, tuple[Expression, Expression]] = {}
    products: set[int] = set()
    for e in loop:
        if e.op == "add":
            pair = a.fuses(e)
            if pair is not None:
                sums[id(e)] = pair
                products.add(id(pair[0]))
    for e in loop:
        if id(e) in products:
            continue
        out = a.register(e)
        if e.op == "slice":
            if id(e) in a.store:
                a.emit("copy", Register(("kept", e), 0, e.shape[1], e.shape[1]), out)
        elif e.op == "matmul":
            a.product(e, out, None)
        elif id(e) in sums:
            one, other = sums[id(e)]
            a.product(one, out, a.register(other))
        elif e.op == "concatenate":
            at = 0
            for part in e.inputs:
                width = part.shape[1]
                if width:
                    a.emit("copy", out._replace(first=out.first + at, width=width),
                           a.register(part))  # fmt: skip
                at += width
        elif e.op == "place":
            a.emit("copy", out, zero)
            start = e.options[1][1][0] or 0
            a.emit("copy", out._replace(first=out.first + start, width=e.inputs[0].shape[1]),
                   a.register(e.inputs[0]))  # fmt: skip
        elif e.op in ("broadcast", "cast"):  # (of a mask, whose entries are 0 and 1)
            a.emit("copy", out, a.register(e.inputs[0]))
        else:
            a.emit(e.op, out, *[a.register(i) for i in e.inputs])
    if output is not None:
        width = output.shape[1]
        a.emit("copy", Register(("output", 0), 0, width, width), a.register(output))
    moves = []
    for k, new in enumerate(new_states):
        if new is None:
            raise NoInstruction("a state that nothing comes of")
        width, source = new.shape[1], a.register(new)
        if source.source[0] not in ("temp", "kept") or source.width != width:
            whole = a.temp(width)
            a.emit("copy", whole, source)
            source = whole
        moves.append((a.number(Register(("state", k), 0, width, width)), a.number(source)))
    blocks, slots = _blocks(a, moves)
    return Program(a.registers, a.code, a.weights, moves, blocks, slots, {})


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
    kernel: Any, program: Program, arrays: dict[Source, ndarray], values: Any, sizes: ndarray,
    batch: int, reverse: bool, dtype: Any,
) -> None:  # fmt: skip
    """Run a program.

    `arrays` has what its registers refer to, by source, but for temps, and for what is fixed, which
    `values` gives for an expression.
    """
    # memory is kept for the next call; meanwhile nobody else finds it
    registers, others = program.kept.pop((batch, dtype), None) or _memory(
        program, kernel, batch, dtype
    )
    for k, r in others:
        what, which = r.source
        if what == "fixed":
            array = np.ascontiguousarray(np.reshape(values(which), (1, -1)), dtype)
        else:
            array = arrays[r.source]
        registers[k] = (array, KINDS.get(what, FIXED), r.first, r.width)
    weights = [np.asarray(values(e), dtype) for e in program.weights]
    kernel.run(registers, program.code, weights, program.moves, sizes, batch, reverse)
    for k, _ in others:
        registers[k] = None
    if len(program.kept) < MOST_KEPT:
        program.kept[batch, dtype] = registers, others


def _memory(program: Program, kernel: Any, batch: int, dtype: Any) -> tuple[list[Any], list[Any]]:
    """The registers, with memory for those that are the program's own; and all others."""
    registers: list[Any] = []
    others = []
    own: dict[Any, ndarray] = {}
    for k, r in enumerate(program.registers):
        what, which = r.source
        if what == "temp" and which in program.blocks:
            shape = (min(batch, kernel.ROWS_OF_A_BLOCK), r.columns)
            array = own.setdefault(("slot", program.slots[which]), np.empty(shape, dtype))
            registers.append((array, BLOCK, r.first, r.width))
        elif what == "temp":
            array = own.setdefault(r.source, np.empty((batch, r.columns), dtype))
            registers.append((array, STEP, r.first, r.width))
        elif what in ("number", "constant"):
            value = which if what == "number" else which.value
            array = np.asarray(value, dtype).reshape(1, -1)
            registers.append((array, FIXED, r.first, r.width))
        else:
            registers.append(None)
            others.append((k, r))
    return registers, others
