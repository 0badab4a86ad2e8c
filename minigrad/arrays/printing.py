"""How tensors are written as text: ``tensor([1., 2.])``, laid out as PyTorch lays it out.

Only NumPy arrays appear here; what a tensor adds to its numbers (``requires_grad=True``,
``grad_fn=<AddBackward0>``) arrives as ready-made suffixes. The work is done in four steps, one
function each, in the order of this file: gather the elements that will be seen
(:func:`_gather_corners`), choose one number format for all of them (:func:`_format_floats`),
break them into nested lines (:func:`_lay_out`), and append what follows the numbers
(:func:`tensor_text`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = [
    "PrintOptions",
    "format_array",
    "get_printoptions",
    "printoptions",
    "set_printoptions",
    "tensor_text",
]


@dataclass(frozen=True)
class PrintOptions:
    """The settings of :func:`set_printoptions`, with their defaults."""

    precision: int = 4
    threshold: float = 1000  # a float, because "full" sets it to infinity
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None  # None: decide from the numbers, see _needs_exponent


PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}

_options = PROFILES["default"]


def get_printoptions() -> PrintOptions:
    """Return the settings in force, as an immutable :class:`PrintOptions`."""
    return _options


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors are printed from now on.

    Parameters
    ----------
    precision : int, optional
        Digits after the decimal point. Default 4.
    threshold : int or float, optional
        Arrays with more elements than this show only the ends of each axis. Default 1000.
    edgeitems : int, optional
        How many elements are shown at each end of a shortened axis. Default 3.
    linewidth : int, optional
        Characters on a line before it is broken. Default 80.
    profile : {"default", "short", "full"}, optional
        Start from these settings instead of the current ones; the other arguments override it.
        "short" has two digits and two edge items, "full" never shortens.
    sci_mode : bool, optional
        Force scientific notation on or off. Unlike the others, leaving it out does not keep its
        current value but sets it back to None: decide from the numbers (as PyTorch does).

    Raises
    ------
    ValueError
        If `profile` is none of the three, or a number is negative.

    Notes
    -----
    Same arguments as https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html

    Examples
    --------
    >>> import numpy as np
    >>> set_printoptions(precision=2)
    >>> print(format_array(np.array([0.5, 2 / 3])))
    [0.50, 0.67]
    >>> set_printoptions(profile="default")
    """
    global _options
    base = _options
    if profile is not None:
        if profile.lower() not in PROFILES:
            raise ValueError(
                f"set_printoptions: profile must be one of {', '.join(PROFILES)}, got {profile!r}"
            )
        base = PROFILES[profile.lower()]
    numbers: dict[str, Any] = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    given = {name: value for name, value in numbers.items() if value is not None}
    for name, value in given.items():
        if value < 0:
            raise ValueError(f"set_printoptions: {name} must not be negative, got {value}")
    _options = replace(base, **given, sci_mode=sci_mode)


@contextmanager
def printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> Iterator[None]:
    """Set print options (those of :func:`set_printoptions`) inside a ``with`` block only.

    Examples
    --------
    >>> import numpy as np
    >>> with printoptions(sci_mode=True):
    ...     print(format_array(np.array([1.0, 20.0])))
    [1.0000e+00, 2.0000e+01]
    """
    global _options
    before = _options
    try:
        set_printoptions(precision, threshold, edgeitems, linewidth, profile, sci_mode)
        yield
    finally:
        _options = before


def format_array(array: np.ndarray, indent: int = 7) -> str:
    """Return the numbers of `array` as PyTorch prints them between ``tensor(`` and ``)``.

    Parameters
    ----------
    array : numpy.ndarray
        Any shape; bool, integer or floating dtype.
    indent : int, default 7
        The column at which the text will start (7 is the length of ``tensor(``). Continuation
        lines are indented by it and line breaks take it into account.

    Returns
    -------
    str
        One line per row, axes nested in brackets, a blank line between matrices.

    Examples
    --------
    >>> import numpy as np
    >>> print(format_array(np.array([[1.5, -2.0], [np.inf, 0.25]])))
    [[ 1.5000, -2.0000],
            [    inf,  0.2500]]
    >>> print(format_array(np.arange(2000)))
    [   0,    1,    2,  ..., 1997, 1998, 1999]
    """
    if array.size == 0:
        return "[]"
    shortened = [False] * array.ndim
    if array.size > _options.threshold:
        if _options.edgeitems == 0 and array.ndim > 0:
            return "[...]"
        shortened = [length > 2 * _options.edgeitems for length in array.shape]
        array = _gather_corners(array, shortened)

    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # widening a signalling nan would warn
            values = array.astype(np.float64).ravel()
        texts, width = _format_floats(values)
    else:
        texts = [str(value) for value in array.ravel().tolist()]
        width = max(len(text) for text in texts)
    if array.ndim == 0:
        return texts[0]
    cells = np.array([text.rjust(width) for text in texts], dtype=object).reshape(array.shape)
    return _lay_out(cells, shortened, width, indent)


def _gather_corners(array: np.ndarray, shortened: Sequence[bool]) -> np.ndarray:
    """Keep only both ends of each shortened axis, reading nothing else of `array`."""
    edge = _options.edgeitems
    kept = [
        np.r_[:edge, length - edge : length] if short else np.arange(length)
        for length, short in zip(array.shape, shortened, strict=True)
    ]
    return np.asarray(array[np.ix_(*kept)])


def _format_floats(values: np.ndarray) -> tuple[list[str], int]:
    """Return the text of each float64 in `values` (unpadded) and the width to pad them to."""
    # Zero, inf and nan look the same at every scale, so they have no say in the format...
    telling = np.isfinite(values) & (values != 0)
    magnitudes = np.abs(values[telling])
    if magnitudes.size == 0:
        texts = [f"{value:.0f}." if value == 0 else str(value) for value in values.tolist()]
        return texts, 1

    scientific = _options.sci_mode
    if scientific is None:
        scientific = _needs_exponent(float(magnitudes.min()), float(magnitudes.max()))
    if scientific:
        texts = [f"{value:.{_options.precision}e}" for value in values.tolist()]
    elif np.array_equal(magnitudes, np.trunc(magnitudes)):
        # The bare dot tells a float 1. from an integer 1.
        texts = [f"{v:.0f}." if math.isfinite(v) else str(v) for v in values.tolist()]
    else:
        texts = [f"{value:.{_options.precision}f}" for value in values.tolist()]
    # ...nor in the width, which is why a column with -inf in it may be ragged.
    return texts, max(len(texts[i]) for i in np.flatnonzero(telling))


def _needs_exponent(smallest: float, largest: float) -> bool:
    """Say whether fixed-point notation would print too long or lose too many digits."""
    return largest / smallest > 1000.0 or largest > 1e8 or smallest < 1e-4


def _lay_out(cells: np.ndarray, shortened: Sequence[bool], width: int, indent: int) -> str:
    """Join padded texts (an object array of str, all `width` wide) into nested brackets."""
    if cells.ndim == 1:
        items = cells.tolist()
        ellipsis = " ..."
    else:
        items = [_lay_out(part, shortened[1:], width, indent + 1) for part in cells]
        ellipsis = "..."
    if shortened[0]:
        items.insert(_options.edgeitems, ellipsis)

    margin = " " * (indent + 1)  # one past the opening bracket
    if cells.ndim == 1:
        per_line = max(1, (_options.linewidth - indent) // (width + len(", ")))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + f",\n{margin}".join(lines) + "]"
    line_breaks = "\n" * (cells.ndim - 1)  # rows: 1, matrices: 2 (a blank line), and so on
    return "[" + f",{line_breaks}{margin}".join(items) + "]"


def tensor_text(
    array: np.ndarray,
    *,
    default_dtype: np.dtype,
    suffixes: Sequence[str] = (),
    prefix: str = "tensor(",
) -> str:
    """Return the whole text of a tensor: prefix, numbers, what the numbers leave open, suffixes.

    Parameters
    ----------
    array : numpy.ndarray
        The tensor's data.
    default_dtype : numpy.dtype
        The floating dtype that new tensors get. A dtype is named only if the numbers do not
        already give it away: True and 1 and 1. stand for bool, int64 and `default_dtype`.
    suffixes : sequence of str
        Shown after the numbers, for instance ``["grad_fn=<AddBackward0>"]``; each moves to a new
        line when it does not fit on the current one.
    prefix : str, default "tensor("
        Text before the numbers; its length is the indentation of all further lines.

    Examples
    --------
    >>> import numpy as np
    >>> float32 = np.dtype("float32")
    >>> tensor_text(np.array([1.0, 2.5]), default_dtype=float32, suffixes=["requires_grad=True"])
    'tensor([1.0000, 2.5000], dtype=torch.float64, requires_grad=True)'
    >>> tensor_text(np.zeros((0, 3), "float32"), default_dtype=float32)
    'tensor([], size=(0, 3))'
    """
    evident = [np.dtype(default_dtype)]
    notes = []
    if array.size == 0:
        size_is_evident = array.ndim == 1  # the plain brackets already say: shape (0,)
    else:
        size_is_evident = _options.edgeitems > 0
        evident += [np.dtype(np.int64), np.dtype(np.bool_)]
    if not size_is_evident:
        notes.append(f"size={array.shape}")
    if array.dtype not in evident:
        notes.append(f"dtype=torch.{array.dtype.name}")

    text = prefix + format_array(array, len(prefix))
    last_line = text[text.rfind("\n") + 1 :]
    column = len(last_line) + 2  # PyTorch keeps two columns free behind the numbers
    for note in [*notes, *suffixes]:
        column += len(", ") + len(note)
        if column <= _options.linewidth:
            text += f", {note}"
        else:
            text += ",\n" + " " * len(prefix) + note
            column = len(prefix) + len(note)
    return text + ")"
