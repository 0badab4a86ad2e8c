"""Text whose letters are shaded by numbers: lines for a terminal, and what HTML needs of it.

A label stands for a time step: a letter, a word, a date, a number. A shade is between 0 (nothing)
and 1.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = [
    "has_colours", "in_script", "labels_of", "packed", "page_file", "printable", "shaded_lines",
]  # fmt: skip

# Paper and ink are painted together, so that shades look the same on dark and on light terminals.
PAPER = (231, 230, 229, 222, 221, 215, 214, 208, 202)  # of 256 colours: white to orange
BARS = " ▁▂▃▄▅▆▇█"
SEEN = {"\n": "⏎", "\t": "⇥", "\r": "␍"}


def labels_of(labels: Any, steps: int) -> list[str]:
    """One text for each of the steps of a sequence.

    Parameters
    ----------
    labels : str or sequence, optional
        One label a step: the characters of a text, words, numbers, dates (datetime or
        numpy.datetime64). Default: the steps' numbers.
    steps : int
        How many there must be.

    Raises
    ------
    TypeError
        It is no sequence.
    ValueError
        There are fewer or more.

    Examples
    --------
    >>> labels_of("a b", 3)
    ['a', ' ', 'b']
    >>> labels_of(np.array(["2024-02-28", "2024-02-29"], "datetime64[ns]"), 2)
    ['2024-02-28', '2024-02-29']
    """
    if labels is None:
        return [str(step) for step in range(steps)]
    labels = labels.array if isinstance(labels, Tensor) else labels
    if not isinstance(labels, Iterable):
        raise TypeError(f"labels: expected a text or a sequence, got {type(labels).__name__}")
    given = list(labels)
    if len(given) != steps:
        raise ValueError(f"labels: got {len(given)} labels, but the sequence has {steps} steps")
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "M":
        days = bool((labels == labels.astype("datetime64[D]")).all())
        return [
            str(t).replace("T", " ") for t in np.datetime_as_string(labels, "D" if days else "m")
        ]
    if all([isinstance(t, datetime.datetime) for t in given]):
        days = all([(t.hour, t.minute, t.second) == (0, 0, 0) for t in given])
        return [t.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M") for t in given]
    return [str(t) for t in given]


def printable(label: str) -> str:
    """A label without anything that would move the cursor or change colours.

    Examples
    --------
    >>> printable("a\\n"), printable("\\x1b[2J")
    ('a⏎', '\\\\x1b[2J')
    """
    return "".join(
        SEEN.get(c, c if c.isprintable() else c.encode("unicode_escape").decode()) for c in label
    )


def has_colours(stream: Any = None) -> bool:
    """Whether colours may be written: only to a terminal, and unless NO_COLOR is set.

    See https://no-color.org.
    """
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(getattr(stream, "isatty", bool)())


def width_of(text: str) -> int:
    """How many columns a text takes in a terminal."""
    columns = 0
    for c in text:
        if not unicodedata.combining(c):
            columns += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return columns


def _level(shade: float) -> int:
    return int(min(shade, 1.0) * (len(BARS) - 1) + 0.5) if shade > 0 else 0


def painted(text: str, shade: float) -> str:
    """A text on paper of this shade."""
    return f"\x1b[38;5;16;48;5;{PAPER[_level(shade)]}m{text}\x1b[0m"


def bar(shade: float, columns: int) -> str:
    """The same without colours: a bar of this height."""
    return BARS[_level(shade)] * columns


def shaded_lines(
    labels: Sequence[str], shades: Sequence[float], columns: int, colours: bool
) -> list[str]:
    """A text in lines of at most so many columns, each letter or word with its shade.

    With colours on coloured paper, otherwise with a line of bars below each line.

    Examples
    --------
    >>> for line in shaded_lines("hello", [0.1, 0.3, 0.5, 0.8, 1], 80, colours=False):
    ...     print(line)
    hello
    ▁▂▄▆█
    """
    lines = []
    gap = "" if all(len(label) == 1 for label in labels) else " "
    for start, end in _line_ends([printable(label) for label in labels], len(gap), columns):
        part = [(printable(labels[k]), shades[k]) for k in range(start, end)]
        if colours:
            lines.append(gap.join([painted(text, shade) for text, shade in part]))
        else:
            lines.append(gap.join([text for text, _ in part]))
            lines.append(gap.join([bar(shade, width_of(text)) for text, shade in part]).rstrip())
    return lines


def _line_ends(texts: list[str], gap: int, columns: int) -> Iterator[tuple[int, int]]:
    start, used = 0, 0
    for k, text in enumerate(texts):
        width = width_of(text)
        if k > start and used + gap + width > columns:
            yield start, k
            start, used = k, 0
        used += width + (gap if k > start else 0)
    if start < len(texts):
        yield start, len(texts)


# ------------------------------------------------------------------------------------------------
# For HTML
# ------------------------------------------------------------------------------------------------


def page_file(name: str) -> str:
    """A style sheet or a script that lies beside this file."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def packed(numbers: np.ndarray) -> str:
    """Bytes as text: gzip, then base64. ``unpack`` in ``unpack.js`` is the way back."""
    raw = np.ascontiguousarray(numbers, np.uint8).tobytes()
    return base64.b64encode(gzip.compress(raw, mtime=0)).decode()


def in_script(value: Any) -> str:
    """A value as JSON that may stand in a ``<script>``, whatever is in its strings."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
