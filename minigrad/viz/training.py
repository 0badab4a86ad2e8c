"""How training went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .axes import line_styles, subplots
from .read import array_of

__all__ = ["curves"]


def curves(
    history: Any,
    *,
    xlabel: str = "epoch",
    ylabel: str = "loss",
    log: bool = False,
    ax: Any = None,
) -> tuple[Any, Any]:
    """Training curves: a line for each name, its lowest point marked.

    Parameters
    ----------
    history : mapping of names to sequences of numbers, or one such sequence
        Numbers or tensors of one entry, as they were gathered epoch by epoch; of different lengths
        if need be. What is nan or infinite is a gap.
    xlabel, ylabel : str
        What stands at the axes. Default: "epoch" and "loss".
    log : bool
        A logarithmic scale for the values. Default: False.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ImportError
        matplotlib is not installed.
    ValueError
        There is nothing to draw, or what is to be drawn are no single numbers.

    Examples
    --------
    >>> import minigrad as mg
    >>> figure, ax = mg.viz.curves({"train": [2.0, 1.0, 0.5], "valid": [2.1, 1.2, 1.4]})
    >>> [line.get_label() for line in ax.get_lines()]
    ['train: lowest 0.5 at 2', 'valid: lowest 1.2 at 1']
    """
    lines = dict(history) if isinstance(history, Mapping) else {"": history}
    try:
        arrays = {name: np.asarray(array_of(values), float) for name, values in lines.items()}
    except (TypeError, ValueError):
        raise ValueError("history: what is to be drawn must be numbers") from None
    for name, values in arrays.items():
        if values.ndim != 1:
            raise ValueError(f"history: {name!r} has shape {values.shape}, not one number an epoch")
    if not any([values.size for values in arrays.values()]):
        raise ValueError("history: there is nothing to draw")
    figure, (axis,) = subplots(1, ax, (7, 4))
    for (name, values), style in zip(arrays.items(), line_styles(len(arrays))):
        finite = np.isfinite(values)
        label, marked = name, []
        if finite.any():
            lowest = int(np.where(finite, values, np.inf).argmin())
            label = f"{name}: lowest {values[lowest]:.4g} at {lowest}".removeprefix(": ")
            marked = [lowest]
        shown = np.where(finite, values, np.nan)
        axis.plot(shown, label=label, marker="o", markevery=marked, **style)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    if log:
        axis.set_yscale("log")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
    return figure, axis
