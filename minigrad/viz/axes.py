"""Figures and axes: made or given; colours that all can tell apart; labels that do not overlap.

What a style of matplotlib says (``plt.style.use("dark_background")``), is done: the colours of
lines are only chosen here where nobody has chosen others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .extras import needed

__all__ = ["diverging", "heat_map", "legend", "line_styles", "short", "step_axis", "subplots"]

# Okabe and Ito, "Color universal design", 2008, but for those unseen on black or white
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
DASHES = ("-", "--", "-.", ":")
LONGEST_NAME = 36  # characters in a title or a legend
SIGNED = ("cell_gate", "new_gate", "hidden", "cell")  # of tanh, or unbounded


def subplots(
    count: int, ax: Any, size: tuple[float, float], sharex: bool = False, columns: int = 1
) -> tuple[Any, list[Any]]:
    """A figure and `count` axes in it.

    Parameters
    ----------
    count : int
    ax : Axes, sequence of Axes, or None
        Where to draw; None: into a new figure.
    size : (float, float)
        Inches of a new figure.
    sharex : bool
    columns : int
        How many axes of a new figure stand side by side.

    Raises
    ------
    ValueError
        `ax` are not as many as needed.
    """
    plt = needed("matplotlib.pyplot")
    if ax is None:
        rows = math.ceil(count / columns)
        figure, grid = plt.subplots(
            rows, columns, figsize=size, sharex=sharex, squeeze=False, layout="constrained"
        )
        axes = list(grid.flat)
        for unused in axes[count:]:
            unused.remove()
        return figure, axes[:count]
    axes = [ax] if hasattr(ax, "plot") else list(np.ravel(np.asarray(ax, object)))
    if len(axes) != count:
        raise ValueError(f"ax: {count} panels are to be drawn, got {len(axes)} axes")
    return axes[0].figure, axes


def line_styles(count: int) -> list[dict[str, Any]]:
    """Colours and dashes for `count` lines: who sees no colours can tell them by the dashes."""
    matplotlib = needed("matplotlib")
    cycle = matplotlib.rcParams["axes.prop_cycle"]
    chosen = cycle != matplotlib.rcParamsDefault["axes.prop_cycle"] and "color" in cycle.keys
    colours = cycle.by_key()["color"] if chosen else COLOURS
    return [
        {"color": colours[k % len(colours)], "linestyle": DASHES[k % len(DASHES)]}
        for k in range(count)
    ]


def short(text: str, most: int) -> str:
    """A text of at most so many characters; a longer one loses its middle.

    Examples
    --------
    >>> short("encoder.layers.0.self_attn.in_proj_weight", 20)
    'encoder.l…roj_weight'
    """
    if len(text) <= most:
        return text
    begin = (most - 1) // 2
    return f"{text[:begin]}…{text[len(text) - (most - 1 - begin) :]}"


def legend(axis: Any, given: Any, title: str | None = None) -> None:
    """What the lines are: beside them, in a figure that grows for it; or in the axes `given`."""
    handles, labels = axis.get_legend_handles_labels()
    labels = [short(label, LONGEST_NAME) for label in labels]
    if given is not None:
        axis.legend(handles, labels, title=title)
        return
    width, height = axis.figure.get_size_inches()
    letters = max([len(label) for label in labels], default=0)
    axis.figure.set_size_inches(
        width + 0.5 + 0.075 * letters, max(height, 0.7 + 0.23 * len(labels))
    )
    axis.legend(
        handles, labels, title=title, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0
    )


def diverging(values: np.ndarray, name: str = "") -> bool:
    """Whether values are shown around 0, not from 0 to 1."""
    finite = values[np.isfinite(values)]
    return name in SIGNED or bool(((finite < 0) | (finite > 1)).any())


def heat_map(ax: Any, values: np.ndarray, name: str = "", limit: float | None = None) -> Any:
    """Draw a matrix, a row for each of its rows, with a bar that says what colours mean.

    From 0 to 1, or, if there are values beyond, from ``-limit`` to `limit`, 0 in the middle; None:
    1, or the largest there is. What is not a number has a colour of its own.
    """
    values = np.asarray(values, float)
    finite = np.abs(values[np.isfinite(values)])
    if diverging(values, name):
        largest = float(finite.max()) if finite.size else 1.0
        limit = limit or (1.0 if name in SIGNED and largest <= 1 else largest)
        colours, low, high = "RdBu_r", -limit, limit
    else:
        colours, low, high = "cividis", 0.0, 1.0
    colour_map = needed("matplotlib").colormaps[colours].with_extremes(bad="magenta")
    image = ax.imshow(
        np.ma.masked_invalid(values), aspect="auto", interpolation="nearest", cmap=colour_map,
        vmin=low, vmax=high,
    )  # fmt: skip
    ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02)
    ax.yaxis.set_major_locator(needed("matplotlib.ticker").MaxNLocator("auto", integer=True))
    if len(values) == 1:
        ax.set_yticks([0])
    ax.grid(False)
    return image


def step_axis(ax: Any, steps: int, texts: Sequence[str] | None) -> None:
    """Label the horizontal axis, on which the steps 0, 1, ... stand.

    Where not all labels find room, every second, third, ... is written.
    """
    if texts is None:
        ax.xaxis.set_major_locator(needed("matplotlib.ticker").MaxNLocator("auto", integer=True))
        ax.set_xlabel("step")
        return
    points = 72 * ax.figure.get_size_inches()[0] * ax.get_position().width  # for all steps
    size = (
        needed("matplotlib.font_manager")
        .FontProperties(size=needed("matplotlib").rcParams["xtick.labelsize"])
        .get_size_in_points()
    )
    room, longest = 0.9 * points / steps, max([len(text) for text in texts])
    upright = longest <= 3
    if upright:
        size = max(6.0, min(size, room / (0.75 * longest)))
    every = max(1, math.ceil((0.75 * longest if upright else 1.5) * size / room))
    ax.set_xticks(range(0, steps, every))
    ax.set_xticklabels(
        [text.replace("$", r"\$") for text in texts[::every]],
        fontsize=size,
        rotation=0 if upright else 45,
        ha="center" if upright else "right",
        rotation_mode="anchor" if not upright else "default",
    )
    ax.set_xlabel("" if every == 1 else f"every {_ordinal(every)} step")


def _ordinal(k: int) -> str:
    """2nd, 3rd, 4th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(k % 10 if k % 100 not in (11, 12, 13) else 0, "th")
    return f"{k}{ending}"
