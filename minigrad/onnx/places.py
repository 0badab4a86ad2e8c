"""Shapes, slices, indices and writes to a part in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..plans.traced import Numbered
from .sizes import Size
from .table import done, entry, operands, options_of
from .writing import Operand, Writer

__all__: list[str] = ["sliced"]

END = np.iinfo(np.int64).max


@entry("reshape")
def _reshape(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    done(w, entries, w.reshaped(x, w.shape_of([e.output for e in entries])))


@entry("transpose")
def _transpose(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    done(w, entries, w.transposed(x, options_of(w, entries)[0]))


@entry("broadcast")
def _broadcast(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    done(w, entries, w.expanded(x, w.shape_of([e.output for e in entries])))


@entry("concatenate")
def _concatenate(w: Writer, entries: Any) -> None:
    dtype = entries[0].output.dtype
    x = [w.cast(v, dtype) for v in operands(w, entries)]
    done(w, entries, w.node("Concat", x, axis=options_of(w, entries)[0]))


@entry("slice")
def _slice(w: Writer, entries: Any) -> None:
    (x,) = operands(w, entries)
    outputs = [e.output for e in entries]
    operand = sliced(w, x, options_of(w, entries))
    done(w, entries, Operand(operand.name, w.shape_of(outputs), x.dtype))


def sliced(w: Writer, x: Operand, index: Sequence[Any]) -> Operand:
    """``x[index]``: numbers, slices as triples, None for a new axis. (Its shape is not known.)"""
    starts: list[Any] = []
    stops: list[Any] = []
    axes, steps, dropped, added = [list[int]() for _ in range(4)]
    axis = 0
    for place, item in enumerate(index):
        if item is None:
            added.append(place - len(dropped))
            continue
        if isinstance(item, (int, Size)):
            starts.append(item)
            stops.append(END if item == -1 else _next(item))
            axes.append(axis)
            steps.append(1)
            dropped.append(axis)
        elif item != (None, None, None):
            start, stop, step = item
            step = 1 if step is None else step
            if step < 0:
                starts.append(END if start is None else start)
                stops.append(-END if stop is None else stop)
            else:
                starts.append(0 if start is None else start)
                stops.append(END if stop is None else stop)
            axes.append(axis)
            steps.append(step)
        axis += 1
    name, dtype = x.name, x.dtype
    if dropped and len(axes) == 1:  # x[k]
        scalar = w.scalar(w.size(starts[0]))
        name = w.node("Gather", [name, scalar], axis=axes[0])
    elif axes:
        form = [w.vector(starts), w.vector(stops), w.numbers(axes), w.numbers(steps)]
        name = w.node("Slice", [name, *form])
        if dropped:
            name = w.node("Squeeze", [name, w.numbers(dropped)])
    if added:
        name = w.node("Unsqueeze", [name, w.numbers(added)])
    return Operand(name, (), dtype)


def _next(item: Any) -> Any:
    return item._replace(offset=item.offset + 1) if isinstance(item, Size) else item + 1


@entry("index")
def _index(w: Writer, entries: Any) -> None:
    x, *arrays = operands(w, entries)
    outputs = [e.output for e in entries]
    operand = _picked(w, x, arrays, options_of(w, entries))
    done(w, entries, Operand(operand.name, w.shape_of(outputs), x.dtype))


def _picked(w: Writer, x: Operand, arrays: Sequence[Operand], form: Sequence[Any]) -> Operand:
    """``x[form]`` with arrays in it."""
    arrays = [w.cast(a, np.int64) for a in arrays]
    whole = (None, None, None)
    places = [k for k, item in enumerate(form) if isinstance(item, (Numbered, int, Size))]
    chosen = [
        arrays[form[k].number] if isinstance(form[k], Numbered) else w.scalar(w.size(form[k]))
        for k in places
    ]
    rest = [whole if k in places else item for k, item in enumerate(form)]
    if any([item != whole for item in rest]):  # slices and new axes first
        x = Operand(sliced(w, x, rest).name, [0] * len(form), x.dtype)
    if len(places) == 1:
        return Operand(w.node("Gather", [x, chosen[0]], axis=places[0]), (), x.dtype)
    others = [k for k in range(len(form)) if k not in places]
    front = w.node("Transpose", [x], perm=[*places, *others])
    rank = max([c.rank for c in chosen])
    total: Any = chosen[0]
    for c in chosen[1:]:  # their common shape
        total = w.node("Add", [total, c])
    shape = w.node("Shape", [total])
    spread = [w.node("Expand", [c, shape]) for c in chosen]
    last = w.numbers([-1])
    stacked = w.node("Concat", [w.node("Unsqueeze", [s, last]) for s in spread], axis=-1)
    name = w.node("GatherND", [front, stacked])
    together = places[-1] - places[0] == len(places) - 1
    if together and places[0]:
        before = places[0]
        count = len(others)
        order = [*range(rank, rank + before), *range(rank), *range(rank + before, rank + count)]
        name = w.node("Transpose", [name], perm=order)
    return Operand(name, (), x.dtype)


@entry("put", "put_at")
def _put(w: Writer, entries: Any) -> None:
    """A part written: the places of the part among all entries, and a scatter to them."""
    base, value, *arrays = operands(w, entries)
    outputs = [e.output for e in entries]
    shape, dtype = w.shape_of(outputs), outputs[0].dtype
    options = options_of(w, entries)
    count: Any = w.node("Size", [base])
    places = w.node("Range", [w.constant(np.asarray(0)), count, w.constant(np.asarray(1))])
    grid = Operand(w.node("Reshape", [places, w.node("Shape", [base])]), shape, np.int64)
    if entries[0].op == "put":
        part = sliced(w, grid, options)
    else:
        part = _picked(w, grid, arrays, options[0])
    size = w.node("Shape", [part])
    spread = w.node("Expand", [w.cast(value, dtype), size])
    flat = w.numbers([-1])
    written = w.node("ScatterElements", [
        w.node("Reshape", [w.cast(base, dtype), flat]), w.node("Reshape", [part, flat]),
        w.node("Reshape", [spread, flat]),
    ], axis=0)  # fmt: skip
    done(w, entries, w.node("Reshape", [written, w.node("Shape", [base])]))
