"""Functions of numbers in ONNX, entry by entry, and products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .table import done, entry, one, operands
from .writing import Operand, Writer

__all__: list[str] = []

# In the type of the result
SAME = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow",
    "float_power": "Pow", "negative": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt",
    "tanh": "Tanh", "sin": "Sin", "cos": "Cos", "tan": "Tan", "arcsin": "Asin", "arccos": "Acos",
    "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "arcsinh": "Asinh", "arccosh": "Acosh",
    "arctanh": "Atanh", "absolute": "Abs", "fabs": "Abs", "sign": "Sign", "floor": "Floor",
    "ceil": "Ceil", "rint": "Round", "maximum": "Max", "minimum": "Min", "reciprocal": "Reciprocal",
    "matmul": "MatMul",
}  # fmt: skip
# In the type of the operands; the result is a mask
TESTS = {
    "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual", "equal": "Equal",
}  # fmt: skip
MASKS = {
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not",
    "bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor",
}  # fmt: skip


@entry(*SAME)
def _same_type(w: Writer, entries: Any) -> None:
    dtype = entries[0].output.dtype
    op = SAME[entries[0].op]
    if dtype.kind == "b" and op in ("Max", "Min", "Add", "Mul"):
        op = "Or" if op in ("Max", "Add") else "And"
    done(w, entries, w.node(op, [w.cast(x, dtype) for x in operands(w, entries)]))


@entry(*TESTS, "not_equal")
def _test(w: Writer, entries: Any) -> None:
    x = operands(w, entries)
    dtype = _common(x)
    if dtype.kind == "b" and entries[0].op not in ("equal", "not_equal"):
        dtype = np.dtype(np.int64)
    name = w.node(TESTS.get(entries[0].op, "Equal"), [w.cast(v, dtype) for v in x])
    done(w, entries, w.node("Not", [name]) if entries[0].op == "not_equal" else name)


def _common(operands: Sequence[Operand]) -> np.dtype[Any]:
    """The type in which NumPy computes; a number from Python has that of the others."""
    weak = [o for o in operands if o.array is not None and not o.rank]
    strong = [o.dtype for o in operands if all([o is not v for v in weak])]
    if strong and all([o.dtype.kind <= strong[0].kind or o.dtype.kind != "f" for o in weak]):
        floats = any([o.dtype.kind == "f" for o in weak]) and strong[0].kind != "f"
        return np.result_type(*strong, *([np.float64] if floats else []))
    return np.result_type(*strong, *[o.dtype for o in weak if not strong or o.dtype.kind == "f"][
        : 0 if strong and strong[0].kind == "f" else None
    ])  # fmt: skip


@entry(*MASKS, "invert")
def _mask(w: Writer, entries: Any) -> None:
    dtype, op = entries[0].output.dtype, entries[0].op
    x = operands(w, entries)
    if op.startswith("logical"):
        done(w, entries, w.node(MASKS[op], [w.cast(v, bool) for v in x]))
        return
    if dtype.kind == "b":
        op = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}.get(op, "Not")
        done(w, entries, w.node(op, x))
        return
    name = "BitwiseNot" if op == "invert" else MASKS[op]
    done(w, entries, w.node(name, [w.cast(v, dtype) for v in x]))


@entry("positive", "cast")
def _as_it_is(w: Writer, entries: Any) -> None:
    """(`done` casts what has another type.)"""
    done(w, entries, operands(w, entries)[0])


@entry("square")
def _square(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    done(w, entries, w.node("Mul", [x, x]))


@entry(
    "exp2", "expm1", "log1p", "log2", "log10", "cbrt", "deg2rad", "rad2deg", "radians", "degrees"
)
def _related(w: Writer, entries: Any) -> None:
    """Functions that are another one, scaled or shifted."""
    dtype, op = entries[0].output.dtype, entries[0].op
    x = w.cast(operands(w, entries)[0], dtype)
    if op == "exp2":
        name = w.node("Pow", [one(w, dtype, 2), x])
    elif op == "expm1":
        # (e^x - 1) = tanh(x / 2) (e^x + 1), which is exact near 0, too
        half = w.node("Tanh", [w.node("Mul", [x, one(w, dtype, 0.5)])])
        large = w.node("Sub", [w.node("Exp", [x]), one(w, dtype)])
        small = w.node("Mul", [half, w.node("Add", [w.node("Exp", [x]), one(w, dtype)])])
        near = w.node("Less", [w.node("Abs", [x]), one(w, dtype)])
        name = w.node("Where", [near, small, large])
    elif op == "log1p":
        name = w.node("Log", [w.node("Add", [x, one(w, dtype)])])
    elif op in ("log2", "log10"):
        base = one(w, dtype, np.log(2 if op == "log2" else 10))
        name = w.node("Div", [w.node("Log", [x]), base])
    elif op == "cbrt":
        root = w.node("Pow", [w.node("Abs", [x]), one(w, dtype, 1 / 3)])
        name = w.node("Mul", [w.node("Sign", [x]), root])
    else:
        factor = np.pi / 180 if op in ("deg2rad", "radians") else 180 / np.pi
        name = w.node("Mul", [x, one(w, dtype, factor)])
    done(w, entries, name)


@entry("trunc")
def _trunc(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    whole = w.node("Floor", [w.node("Abs", [x])])
    done(w, entries, w.node("Mul", [w.node("Sign", [x]), whole]))


@entry("floor_divide", "remainder", "fmod")
def _divided(w: Writer, entries: Any) -> None:
    dtype, op = entries[0].output.dtype, entries[0].op
    a, b = [w.cast(v, dtype) for v in operands(w, entries)]
    if op == "fmod":
        done(w, entries, w.node("Mod", [a, b], fmod=1))
    elif dtype.kind == "f":
        whole = w.node("Floor", [w.node("Div", [a, b])])
        if op == "remainder":
            whole = w.node("Sub", [a, w.node("Mul", [whole, b])])
        done(w, entries, whole)
    else:
        rest = w.node("Mod", [a, b])
        if op == "floor_divide":
            rest = w.node("Div", [w.node("Sub", [a, rest]), b])
        done(w, entries, rest)


@entry("logaddexp", "copysign", "hypot")
def _of_two(w: Writer, entries: Any) -> None:
    dtype, op = entries[0].output.dtype, entries[0].op
    a, b = [w.cast(v, dtype) for v in operands(w, entries)]
    if op == "hypot":
        squares = [w.node("Mul", [v, v]) for v in (a, b)]
        done(w, entries, w.node("Sqrt", [w.node("Add", squares)]))
    elif op == "logaddexp":
        gap = w.node("Abs", [w.node("Sub", [a, b])])
        small = w.node("Exp", [w.node("Neg", [gap])])
        rest = w.node("Log", [w.node("Add", [small, one(w, dtype)])])
        done(w, entries, w.node("Add", [w.node("Max", [a, b]), rest]))
    else:
        size = w.node("Abs", [a])
        below = w.node("Less", [b, one(w, dtype, 0)])
        done(w, entries, w.node("Where", [below, w.node("Neg", [size]), size]))


@entry("isnan", "isinf", "isfinite")
def _kinds(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    if entries[0].op == "isfinite":
        odd = w.node("Or", [w.node("IsNaN", [x]), w.node("IsInf", [x])])
        done(w, entries, w.node("Not", [odd]))
    else:
        done(w, entries, w.node({"isnan": "IsNaN", "isinf": "IsInf"}[entries[0].op], [x]))


@entry("where")
def _where(w: Writer, entries: Any) -> None:
    mask, *values = operands(w, entries)
    dtype = entries[0].output.dtype
    done(w, entries, w.node("Where", [w.cast(mask, bool), *[w.cast(v, dtype) for v in values]]))
