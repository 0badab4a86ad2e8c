"""Reductions, running sums and what works along an axis in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from .places import sliced
from .table import done, entry, operands, options_of
from .writing import Operand, Writer

__all__: list[str] = []

REDUCTIONS = {
    "add.reduce": "ReduceSum", "maximum.reduce": "ReduceMax", "minimum.reduce": "ReduceMin",
    "multiply.reduce": "ReduceProd",
}  # fmt: skip


@entry(*REDUCTIONS)
def _reduction(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    axes, keepdims = options_of(w, entries)
    dtype = entries[0].output.dtype
    x = w.cast(x, np.int32 if dtype.kind == "b" else dtype)
    if not axes:
        done(w, entries, x)
        return
    name = w.reduced(REDUCTIONS[entries[0].op], x, axes, keepdims)
    done(w, entries, name, x.dtype)


@entry("logical_or.reduce", "logical_and.reduce")
def _any_or_all(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    axes, keepdims = options_of(w, entries)
    x = w.cast(w.cast(x, bool), np.int32)
    op = "ReduceMax" if entries[0].op == "logical_or.reduce" else "ReduceMin"
    done(w, entries, w.reduced(op, x, axes, keepdims) if axes else x, np.int32)


@entry("add.accumulate")
def _accumulated(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    (axis,) = options_of(w, entries)
    dtype = entries[0].output.dtype
    done(w, entries, w.node("CumSum", [w.cast(x, dtype), w.constant(np.asarray(axis))]))


def _keywords(w: Writer, entries: Any) -> dict[str, Any]:
    """The options of a function of NumPy's, by name."""
    _, pairs = options_of(w, entries)
    return dict(pairs)


@entry("np.argmax", "np.argmin")
def _argument(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    given = _keywords(w, entries)
    axis, keepdims = given.get("axis"), bool(given.get("keepdims", False))
    x = w.cast(x, np.int32) if x.dtype.kind == "b" else x
    op = "ArgMax" if entries[0].op == "np.argmax" else "ArgMin"
    if axis is None:
        flat = Operand(w.node("Reshape", [x, w.numbers([-1])]), (0,), x.dtype)
        name = w.node(op, [flat], axis=0, keepdims=0)
        shape = w.shape_of([e.output for e in entries])
        done(w, entries, w.reshaped(Operand(name, (), np.int64), shape))
        return
    done(w, entries, w.node(op, [x], axis=axis, keepdims=int(keepdims)), np.int64)


@entry("np.take_along_axis")
def _along(w: Writer, entries: Any) -> None:
    x, index = operands(w, entries)
    axis = _keywords(w, entries).get("axis", -1)
    done(w, entries, w.node("GatherElements", [x, w.cast(index, np.int64)], axis=axis))


@entry("np.triu", "np.tril")
def _triangle(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    k = w.constant(np.asarray(_keywords(w, entries).get("k", 0)))
    done(w, entries, w.node("Trilu", [x, k], upper=int(entries[0].op == "np.triu")))


@entry("np.tile")
def _tile(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    times = _keywords(w, entries)["reps"]
    times = times if isinstance(times, tuple) else (times,)
    rank = max(len(times), x.rank)
    x = w.reshaped(x, (*(1,) * (rank - x.rank), *x.shape))
    done(w, entries, w.node("Tile", [x, w.vector((*(1,) * (rank - len(times)), *times))]))


@entry("np.flip")
def _flip(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    axes = _keywords(w, entries).get("axis")
    axes = range(x.rank) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    index: list[Any] = [(None, None, None)] * x.rank
    for axis in axes:
        index[axis] = (None, None, -1)
    done(w, entries, sliced(w, x, index))
