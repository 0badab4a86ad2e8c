"""`TABLE`: how each entry of a list is written, by the names that `plans.traced` gives.

`number_functions`, `reductions`, `places`, `functions` and `layers` fill it, an operation a line or
a short function. Each gets the writer and the entry of every recording.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .writing import Operand, Writer

__all__ = ["TABLE", "done", "entry", "one", "operands", "options_of"]

TABLE: dict[str, Any] = {}


def entry(*names: str) -> Any:
    """Decorate what writes the operations of these names."""

    def decorate(function: Any) -> Any:
        TABLE.update(dict.fromkeys(names, function))
        return function

    return decorate


def operands(w: Writer, entries: Any) -> list[Operand]:
    """The operands of an operation."""
    return [w.take(values) for values in zip(*[e.inputs for e in entries])]


def options_of(w: Writer, entries: Any) -> Any:
    """Its options, with sizes in them."""
    return w.fitted([e.options for e in entries])


def done(w: Writer, entries: Any, name: Any, dtype: Any = None) -> None:
    """Say that its result has this name, in this type if that is another, or is this operand."""
    outputs = [e.output for e in entries]
    if not isinstance(name, Operand):
        name = Operand(name, w.shape_of(outputs), outputs[0].dtype if dtype is None else dtype)
    w.give(outputs, w.cast(name, outputs[0].dtype))


def one(w: Writer, dtype: Any, value: float = 1) -> Operand:
    """A number as a constant."""
    return w.constant(np.asarray(value, dtype))
