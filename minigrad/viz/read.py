"""What people hand to a picture, traces, tensors, arrays, as arrays of (time, batch, units)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..recurrences.trace import DirectionTrace, LayerTrace, Trace
from ..tensor import Tensor
from .text import labels_of

__all__ = ["Series", "array_of", "label_texts", "named", "series"]

LONGEST = 18  # characters of a label; what is longer is cut
SEEN = {" ": "\N{OPEN BOX}", "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\t": "\\t"}


class Series:
    """Values over time, of one or several sequences.

    Attributes
    ----------
    values : ndarray, shape (T, N, H)
    lengths : ndarray, shape (N,)
        How many steps each sequence has.
    """

    def __init__(self, values: np.ndarray, lengths: np.ndarray) -> None:
        self.values, self.lengths = values, lengths

    def of(self, sequence: int) -> np.ndarray:
        """One sequence, (its length, H).

        Raises
        ------
        TypeError
            The number is no int.
        IndexError
            There is no sequence of that number.
        """
        if not isinstance(sequence, (int, np.integer)):
            raise TypeError(f"sequence: expected an int, got {type(sequence).__name__}")
        count = self.values.shape[1]
        if not -count <= sequence < count:
            raise IndexError(f"sequence: got {sequence}, but there are {count} sequences (axis N)")
        return self.values[: self.lengths[sequence], sequence]


def array_of(value: Any) -> np.ndarray:
    """The numbers of a tensor, an array, or a list of numbers."""
    if isinstance(value, Tensor):
        return value.array
    if isinstance(value, Sequence):
        value = [v.item() if isinstance(v, Tensor) else v for v in value]
    return np.asarray(value)


def named(what: Any) -> dict[str, Any]:
    """The tensors in a direction of a trace, or in a mapping; a single tensor has the name "".

    Raises
    ------
    AttributeError
        A trace of several layers or directions: the message says how to choose.
    TypeError
        It is none of these.
    """
    if isinstance(what, (Tensor, np.ndarray)):
        return {"": what}
    if isinstance(what, (Trace, LayerTrace)):
        parts = [part._place for _, _, part in what._flat()]
        if len(parts) > 1:
            raise AttributeError(
                f"a picture shows one direction of one layer, this trace has {len(parts)}: give "
                f"{' or '.join(parts)}"
            )
        return dict(what.items())
    if not isinstance(what, (DirectionTrace, Mapping)):
        raise TypeError(
            "trace: expected a trace, a mapping of names to tensors, a Tensor or an ndarray, got "
            f"{type(what).__name__}"
        )
    return dict(what.items())


def series(what: Any, value: Any, batch_first: bool = False) -> Series:
    """The values of `value`, a tensor or an array that was found in `what`.

    Parameters
    ----------
    what : trace, mapping, Tensor or ndarray
        A trace says by itself which axis is which, and how long its sequences are.
    value : Tensor or ndarray, shape (T, N, H), (N, T, H), (T, H) or (T,)
    batch_first : bool
        The layout of what is no trace. Default: False.

    Raises
    ------
    ValueError
        It has no axes, or no steps, or no units.
    """
    array = array_of(value)
    axes = getattr(what, "axes", None)
    if axes is None:
        axes = ("batch", "time") if batch_first and array.ndim > 2 else ("time", "batch")
        axes = axes if array.ndim > 2 else ("time",)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(
            f"values over time: expected shape (time, batch, units) or (time, units), none of them "
            f"0, got {array.shape}"
        )
    if "batch" not in axes:
        array = array[:, None]
    elif axes[0] == "batch":
        array = array.swapaxes(0, 1)
    array = array.reshape(*array.shape[:2], -1)
    lengths = getattr(what, "lengths", None)
    count = np.full(array.shape[1], len(array)) if lengths is None else array_of(lengths)
    return Series(array, count.astype(int))


# ------------------------------------------------------------------------------------------------
# Labels of the steps
# ------------------------------------------------------------------------------------------------


def label_texts(labels: Any, steps: int) -> list[str]:
    """What a picture has at each of the steps of a sequence: `labels_of`, short, blanks seen.

    Examples
    --------
    >>> label_texts("a b", 3)
    ['a', '␣', 'b']
    """
    return [_shown(text) for text in labels_of(labels, steps)]


def _shown(text: str) -> str:
    """A label on one line, with its blanks to be seen, cut if it is long."""
    if text in SEEN:
        return SEEN[text]
    text = "".join([c if c.isprintable() else repr(c)[1:-1] for c in text]) or "''"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
