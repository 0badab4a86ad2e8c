"""How arrays are shown in notebooks: a small table of HTML, in the page's own colours.

Numbers are shaded by how large they are, orange above zero and blue below, so faintly that text is
read on them in light and in dark pages. What is long is cut: only the ends are shown.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["escaped", "note", "table", "unfolding"]

MOST = 10  # rows and columns that are shown of a matrix
EDGE = 4  # of longer ones, at each end
ABOVE, BELOW = "230,159,0", "0,114,178"
_CELL = "padding:0 .5em;text-align:right;font-family:monospace"


def escaped(text: Any) -> str:
    """Text as it is written in HTML."""
    return html.escape(str(text))


def note(text: str) -> str:
    """A line about what is shown."""
    return f'<div style="opacity:.75;font-size:85%">{escaped(text)}</div>'


def unfolding(title: str, inside: str, is_open: bool = False) -> str:
    """A line, already HTML, that shows what is inside when it is clicked."""
    state = " open" if is_open else ""
    return (
        f"<details{state}><summary>{title}</summary>"
        f'<div style="margin-left:1.4em">{inside}</div></details>'
    )


def table(array: np.ndarray) -> str:
    """The numbers of an array; of one with more than two axes, those of its first matrix.

    Examples
    --------
    >>> table(np.array([1, 2])).count("<td"), table(np.zeros((100, 100))).count("<td")
    (2, 81)
    >>> "first matrix, [0, 0]" in table(np.zeros((2, 3, 4, 5)))
    True
    """
    array = np.asarray(array)
    if not array.size:
        return note("no entries")
    first = (0,) * (array.ndim - 2)
    matrix = np.atleast_2d(array[first])
    rows, columns = _ends(matrix.shape[0]), _ends(matrix.shape[1])
    shown = [[None if None in (r, c) else matrix[r, c] for c in columns] for r in rows]
    largest = _largest([v for row in shown for v in row if v is not None])
    body = "".join(["<tr>" + "".join([_cell(v, largest) for v in row]) + "</tr>" for row in shown])
    of = note(f"first matrix, {list(first)}") if first else ""
    return f'<table style="border-collapse:collapse;margin:.2em 0">{body}</table>{of}'


def _ends(length: int) -> Sequence[int | None]:
    """Which of so many are shown; None for what is left out."""
    if length <= MOST:
        return range(length)
    return [*range(EDGE), None, *range(length - EDGE, length)]


def _largest(values: Sequence[Any]) -> float:
    """The largest magnitude among those that are finite, or 1."""
    magnitudes = [abs(float(v)) for v in values if np.isfinite(v)]
    return max(magnitudes, default=0.0) or 1.0


def _cell(value: Any, largest: float) -> str:
    """One number; None for those that are left out."""
    if value is None:
        return f'<td style="{_CELL}">…</td>'
    text = f"{value:.4g}" if isinstance(value, np.floating) else str(value)
    shade = ""
    if isinstance(value, np.floating) and np.isfinite(value) and value:
        hue, strength = (ABOVE if value > 0 else BELOW), 0.4 * abs(float(value)) / largest
        shade = f";background:rgba({hue},{strength:.2f})"
    return f'<td style="{_CELL}{shade}">{escaped(text)}</td>'
