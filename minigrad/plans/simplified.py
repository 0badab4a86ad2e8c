"""The list as a graph of expressions, each of which is there once, and rules that make it smaller.

An `Expression` is made by `Graph.make` from its operands: if there is one like it already, that is
it (common parts); what nobody asks for is never reached (dead parts). A rule is a few lines that
give another expression of the same value.

    N the size by which the batch is known while recording
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .recorded import Recording
from .traced import VIEWS, Value

ndarray = np.ndarray
Shape = tuple[int, ...]


SPECIAL = {"where", "sigmoid", "sigmoid_gradient", "tanh_gradient"}  # entrywise, and no ufuncs


def is_entrywise(op: str) -> bool:
    """Whether each entry of the result depends on those beside it only."""
    function = getattr(np, op, None)
    return op in SPECIAL or (isinstance(function, np.ufunc) and function.signature is None)


class Expression:
    """An operation on other expressions; or an "input" (options: its name), or a "constant"."""

    __slots__ = ("dtype", "inputs", "line", "op", "options", "shape", "value", "varies")

    def __init__(
        self, op: str, inputs: tuple[Any, ...], options: Any, shape: Shape, dtype: Any, line: str
    ) -> None:
        self.op, self.inputs, self.options = op, inputs, options
        self.shape, self.dtype, self.line = shape, dtype, line
        self.value: Any = None
        # whether it depends on what only the loop over time knows
        self.varies = any([e.varies for e in inputs]) or (
            op == "input" and " " in options[0] and "parameter" not in options[0]
        )

    def __repr__(self) -> str:
        what = {"input": self.options[:1], "constant": self.value}.get(self.op, "")
        return f"<{self.op} {what}{self.shape}>"


class Graph:
    """All expressions of a recording.

    Attributes
    ----------
    batch : int
        N.
    inputs : dict of str to Expression
    results, gradients : dict of str to Expression or None
        As in `Recording`.
    """

    def __init__(self, recording: Recording) -> None:
        self.batch = recording.batch
        self.known: dict[Any, Expression] = {}
        self.of: dict[int, Expression] = {}
        self.inputs: dict[str, Expression] = {}
        for name, value in recording.inputs.items():
            e = self.make("input", (), (name,), value.shape, value.dtype)
            self.of[id(value)] = self.inputs[name] = e
        for instruction in (*recording.forward, *recording.backward):
            self.of[id(instruction.output)] = self.make(
                instruction.op, tuple([self._at(v) for v in instruction.inputs]),
                instruction.options, instruction.output.shape, instruction.output.dtype,
                instruction.line,
            )  # fmt: skip
        self.results = {name: self._at(v) for name, v in recording.results.items()}
        self.gradients = {
            name: None if v is None else self._at(v) for name, v in recording.gradients.items()
        }

    def _at(self, value: Value) -> Expression:
        if value.constant is None:
            return self.of[id(value)]
        array = np.asarray(value.constant)
        if array.ndim and array.shape[0] == self.batch:  # all rows are equal: see `recorded`
            array = array[:1]
        if array.size and (array == array.flat[0]).all():
            array = array.reshape(-1)[0]
        return self.constant(array, value.shape, value.dtype)

    def constant(self, value: Any, shape: Shape, dtype: Any) -> Expression:
        """A constant; a single number stands for all entries of its shape."""
        array = np.asarray(value)
        key = ("constant", array.tobytes(), array.dtype, array.shape, shape)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Expression("constant", (), (), shape, dtype, "")
            found.value = array
        return found

    def turned(self, e: Expression) -> Expression:
        """The transpose of a matrix."""
        return self.make("transpose", (e,), ((1, 0),), e.shape[::-1], e.dtype, e.line)

    def make(
        self, op: str, inputs: tuple[Any, ...], options: tuple[Any, ...], shape: Shape, dtype: Any,
        line: str = "",
    ) -> Expression:  # fmt: skip
        """The expression, or what it comes to."""
        if op in VIEWS and inputs[0].op == "constant" and not inputs[0].value.ndim:
            return self.constant(inputs[0].value, shape, dtype)
        if inputs and op not in SPECIAL and is_entrywise(op) and all(
            [i.op == "constant" and not i.value.ndim for i in inputs]
        ):  # fmt: skip
            with np.errstate(all="ignore"):
                number = getattr(np, op)(*[i.value.astype(i.dtype) for i in inputs])
            return self.constant(number, shape, dtype)
        rule = RULES.get(op)
        found = None if rule is None else rule(self, inputs, options, shape)
        if found is not None and (found.dtype == dtype or found.op == "constant"):
            return found
        key = (op, tuple([id(e) for e in inputs]), options, shape)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Expression(op, inputs, options, shape, dtype, line)
        return found


# ------------------------------------------------------------------------------------------------
# Rules: another expression of the same value, or None
# ------------------------------------------------------------------------------------------------


def is_number(e: Expression, number: float) -> bool:
    """Whether an expression is this number, in all its entries."""
    return e.op == "constant" and e.value.ndim == 0 and bool(e.value == number)


def _same(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    return inputs[0] if inputs[0].shape == shape else None


def _add(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    a, b = inputs
    if is_number(b, 0) and a.shape == shape:
        return a  # x + 0 (of -0 it makes 0, which no derivative tells apart)
    if is_number(a, 0) and b.shape == shape:
        return b
    for p, q in (inputs, inputs[::-1]):
        if p.op == "add" and not q.varies and q.op != "constant":  # what does not vary leaves it
            for r, s in (p.inputs, p.inputs[::-1]):
                if r.varies and not s.varies and r.shape == shape:
                    still_shape = np.broadcast_shapes(s.shape, q.shape)
                    still = g.make("add", (s, q), (), still_shape, r.dtype, p.line)
                    return g.make("add", (r, still), (), shape, r.dtype, p.line)
        if not p.varies and len(shape) == 2 and p.shape == shape and q.shape == shape[1:]:
            if p.op == "matmul" and g.batch not in p.inputs[1].shape:
                return g.make("affine", (*p.inputs, q), (), shape, p.dtype, p.line)
            if p.op == "affine":
                bias = g.make("add", (p.inputs[2], q), (), q.shape, q.dtype)
                return g.make("affine", (*p.inputs[:2], bias), (), shape, p.dtype, p.line)
    return None


def _subtract(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    a, b = inputs
    return a if is_number(b, 0) and a.shape == shape else None


def _multiply(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    a, b = inputs
    if is_number(b, 1) and a.shape == shape:
        return a
    if is_number(a, 1) and b.shape == shape:
        return b
    for d, m in (inputs, inputs[::-1]):
        name, y = _derivative_of(m)
        if y is not None and d.shape == y.shape == shape:
            return g.make(name, (d, y), (), shape, d.dtype, m.line)
    return None


def _derivative_of(m: Expression) -> tuple[str, Any]:
    """("tanh_gradient", y) of 1 - y * y, ("sigmoid_gradient", y) of (1 - y) * y."""
    if m.op == "subtract" and is_number(m.inputs[0], 1):
        square = m.inputs[1]
        if square.op == "multiply" and square.inputs[0] is square.inputs[1]:
            return "tanh_gradient", square.inputs[0]
    if m.op == "multiply":
        for rest, y in (m.inputs, m.inputs[::-1]):
            if rest.op == "subtract" and is_number(rest.inputs[0], 1) and rest.inputs[1] is y:
                return "sigmoid_gradient", y
    return "", None


def _divide(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    """1 / (1 + exp(-x)) is sigmoid(x)."""
    a, b = inputs
    if is_number(a, 1) and b.op == "add" and is_number(b.inputs[0], 1):
        e = b.inputs[1]
        if e.op == "exp" and e.inputs[0].op == "negative" and e.shape == shape:
            return g.make("sigmoid", e.inputs[0].inputs, (), shape, e.dtype, e.line)
    return None


def _transpose(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    (x,), (order,) = inputs, options
    if order == tuple(range(len(order))):
        return x
    if x.op == "transpose":
        inner = x.options[0]
        both = tuple([inner[k] for k in order])
        return g.make("transpose", x.inputs, (both,), shape, x.dtype, x.line)
    return None


def _reshape(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    (x,) = inputs
    if x.shape == shape:
        return x
    if x.op == "reshape":
        return g.make("reshape", x.inputs, (shape,), shape, x.dtype, x.line)
    is_column = len(x.shape) == 1 and shape == (*x.shape, 1)
    if is_column and x.op.endswith(".reduce") and x.options == ((1,), False):
        return g.make(x.op, x.inputs, ((1,), True), shape, x.dtype, x.line)
    return None


def columns(e: Expression) -> tuple[int, int] | None:
    """The columns (start, stop) of a matrix that a slice of it takes, with all rows; or None."""
    if e.op != "slice" or len(e.shape) != 2 or len(e.options) != 2 or len(e.inputs[0].shape) != 2:
        return None
    rows, cols = e.options
    if rows not in ((None, None, None), (0, None, None)) or not isinstance(cols, tuple):
        return None
    start, stop, step = slice(*cols).indices(e.inputs[0].shape[1])
    return (start, max(start, stop)) if step == 1 else None


def _slice(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    """A slice of a slice, or of what was put together."""
    (x,) = inputs
    if x.shape == shape and all([i == (None, None, None) for i in options]):
        return x
    if all([i is None or i == (None, None, None) for i in options]):
        return g.make("reshape", inputs, (shape,), shape, x.dtype)
    wide = _with_slices(options, x.shape)
    if wide is not None:  # x[:, 3] = x[:, 3:4].reshape(-1)
        kept = (*shape, 1)
        column = g.make("slice", inputs, wide, kept, x.dtype)
        return g.make("reshape", (column,), (shape,), shape, x.dtype)
    here = columns(Expression("slice", inputs, options, shape, x.dtype, ""))
    if here is None:
        return None
    if here == (0, x.shape[1]):
        return x
    inner = columns(x)
    if inner is not None:
        look = ((None, None, None), (inner[0] + here[0], inner[0] + here[1], None))
        return g.make("slice", x.inputs, look, shape, x.dtype, x.line)
    if x.op == "concatenate" and x.options[0] == 1:
        start = 0
        for part in x.inputs:
            if (start, start + part.shape[1]) == here:
                return part
            start += part.shape[1]
    return None


def _with_slices(index: Any, shape: Shape) -> Any:
    """An index with a number for the second of two axes, with a slice in its place."""
    if len(shape) == len(index) == 2 and isinstance(index[1], int):
        k = index[1] % shape[1]
        return index[0], (k, k + 1, None)
    return None


def _put(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    """A number as index of a column becomes a slice, as for `_slice`."""
    x, value = inputs
    wide = _with_slices(options, shape)
    if wide is None:
        return None
    kept = (*value.shape, 1)
    column = g.make("reshape", (value,), (kept,), kept, value.dtype)
    return g.make("put", (x, column), wide, shape, x.dtype)


def _place(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    (value,) = inputs
    wide = _with_slices(options[1], shape)
    if wide is None:
        return None
    kept = (*value.shape, 1)
    column = g.make("reshape", (value,), (kept,), kept, value.dtype)
    return g.make("place", (column,), (options[0], wide), shape, value.dtype)


def _matmul(g: Graph, inputs: Any, options: Any, shape: Shape) -> Any:
    """[x, h] @ W = x @ W[:k] + h @ W[k:]: so the product with x can leave the loop over time."""
    a, b = inputs
    if len(a.shape) == len(b.shape) == 2 and b.shape[1] == g.batch and g.batch not in a.shape:
        return g.turned(g.make(  # W @ x.T = (x @ W.T).T
            "matmul", (g.turned(b), g.turned(a)), (), shape[::-1], a.dtype, b.line
        ))  # fmt: skip
    if a.op != "concatenate" or a.options[0] != 1 or g.batch in b.shape or len(b.shape) != 2:
        return None
    if all([part.varies for part in a.inputs]) or not a.varies:
        return None
    total, start = None, 0
    for _, group in itertools.groupby(a.inputs, lambda part: part.varies):
        parts = tuple(group)
        width = sum([part.shape[1] for part in parts])
        left = parts[0]
        if len(parts) > 1:
            left = g.make("concatenate", parts, (1,), (shape[0], width), a.dtype, a.line)
        rows = g.make("slice", (b,), ((start, start + width, None), (None, None, None)),
                      (width, b.shape[1]), b.dtype, b.line)  # fmt: skip
        product = g.make("matmul", (left, rows), (), shape, a.dtype, a.line)
        total = product if total is None else g.make(
            "add", (total, product), (), shape, a.dtype, a.line
        )  # fmt: skip
        start += width
    return total


RULES: dict[str, Any] = {
    "copy": _same, "reshape": _reshape, "broadcast": _same, "slice": _slice,
    "transpose": _transpose, "add": _add, "subtract": _subtract, "multiply": _multiply,
    "divide": _divide, "matmul": _matmul, "put": _put, "place": _place,
}  # fmt: skip
