"""What happens in a recurrent layer from step to step: gates, states, gradients.

All functions take a trace (``output, state, trace = rnn.trace(x)``), or a part of one where there
are several layers or directions, ``trace[0].forward``; or tensors and arrays, by name or alone, of
shape (T, N, H), (N, T, H) with `batch_first`, or (T, H).

    T steps, N sequences, H units
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

import numpy as np

from ..tensor import Tensor
from .axes import heat_map, legend, line_styles, step_axis, subplots
from .read import Series, array_of, label_texts, named, series

__all__ = ["gates", "gradient_norms", "states", "trajectory"]

MANY = 8  # more lines than these are not told apart


def _width(steps: int) -> float:
    """Inches for a sequence."""
    return min(max(6.0, 2 + 0.2 * steps), 14.0)


def _pick(values: Mapping[str, Any], name: str) -> Any:
    """One of the values by name; the only one, if it has none."""
    if "" in values:
        return values[""]
    if name not in values:
        raise ValueError(f"there is no {name!r}, only {', '.join(values)}")
    return values[name]


def gates(
    trace: Any,
    names: Sequence[str] | str | None = None,
    *,
    sequence: int = 0,
    labels: Any = None,
    batch_first: bool = False,
    ax: Any = None,
) -> tuple[Any, list[Any]]:
    """Heat maps of gates over time, a panel for each gate, a row for each unit.

    What lies between 0 and 1 has a scale from 0 to 1; candidates and states have one around 0.

    Parameters
    ----------
    trace : trace, mapping of names to tensors, Tensor or ndarray
        See `minigrad.viz.over_time`.
    names : sequence of str, optional
        Which to draw. Default: all whose name ends in ``_gate``; if there is none, all.
    sequence : int
        Which sequence of the batch. Default: 0.
    labels : str or sequence, optional
        What stands at the steps: the characters, words or dates that the layer has read.
    batch_first : bool
        The layout of what is no trace. Default: False.
    ax : Axes or sequence of Axes, optional
        Where to draw, one for each panel. Default: a new figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
        One for each panel.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    AttributeError
        The trace has several layers or directions: the message says how to choose.
    TypeError
        The trace or the labels are none, the sequence is no int.
    ValueError
        There is no gate of that name; there are not as many labels as steps, not as many axes as
        panels.
    IndexError
        There is no such sequence.

    Examples
    --------
    >>> import minigrad as mg
    >>> input_gate = mg.rand(5, 2, 3)
    >>> figure, axes = mg.viz.gates({"input_gate": input_gate}, labels="hello")
    >>> [text.get_text() for text in axes[0].get_xticklabels()]
    ['h', 'e', 'l', 'l', 'o']
    """
    found = named(trace)
    if names is None:
        names = [n for n in found if n.endswith("_gate")] or list(found)
    names = [names] if isinstance(names, str) else list(names)
    each = [series(trace, _pick(found, name), batch_first).of(sequence) for name in names]
    if not each:
        raise ValueError("there is nothing to draw: the trace has no names")
    steps, units = each[0].shape
    texts = None if labels is None else label_texts(labels, steps)
    height = min(max(0.9, 0.12 * units), 3.0)
    figure, axes = subplots(len(each), ax, (_width(steps), 1 + height * len(each)))
    for axis, name, values in zip(axes, names, each):
        heat_map(axis, values.T, name)
        axis.set_title(name.replace("_", " "), fontsize="medium")
        axis.set_ylabel("unit")
        step_axis(axis, len(values), texts)
        if ax is None:
            axis.label_outer()
    return figure, axes


def states(
    trace: Any,
    name: str = "hidden",
    *,
    units: Sequence[int] | None = None,
    sequence: int = 0,
    labels: Any = None,
    batch_first: bool = False,
    ax: Any = None,
) -> tuple[Any, Any]:
    """Lines over time, one for each unit of a state.

    Of more than 8 units those that vary most have colours, all others are thin grey lines.

    Parameters
    ----------
    trace : trace, mapping of names to tensors, Tensor or ndarray
        See `minigrad.viz.over_time`.
    name : str
        Which state (or gate). Default: "hidden".
    units : sequence of int, optional
        Which units to draw. Default: all.
    sequence, labels, batch_first
        As in `gates`.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ImportError, AttributeError, TypeError, ValueError, IndexError
        As in `gates`.

    Examples
    --------
    >>> import minigrad as mg
    >>> figure, ax = mg.viz.states(mg.randn(20, 3))
    >>> [line.get_label() for line in ax.get_lines()]
    ['unit 0', 'unit 1', 'unit 2']
    """
    values = series(trace, _pick(named(trace), name), batch_first).of(sequence)
    steps, count = values.shape
    texts = None if labels is None else label_texts(labels, steps)
    if not (units is None or isinstance(units, Iterable)):
        raise TypeError(f"units: expected a sequence of ints, got {type(units).__name__}")
    for unit in units or ():
        if not -count <= unit < count:
            raise IndexError(f"units: got {unit}, but there are {count} units (axis H)")
    chosen = list(range(count)) if units is None else [unit % count for unit in units]
    figure, (axis,) = subplots(1, ax, (_width(steps), 3.5))
    coloured = chosen
    if len(chosen) > MANY:
        moving = np.nan_to_num(values[:, chosen].std(axis=0))
        coloured = sorted([chosen[k] for k in np.argsort(-moving, kind="stable")[:MANY]])
        for unit in [u for u in chosen if u not in coloured]:
            axis.plot(values[:, unit], color="0.6", linewidth=0.5, alpha=0.5, label=f"_unit {unit}")
    marker = "o" if steps == 1 else None
    for unit, style in zip(coloured, line_styles(len(coloured))):
        axis.plot(values[:, unit], label=f"unit {unit}", marker=marker, **style)
    axis.set_ylabel(name)
    step_axis(axis, steps, texts)
    if len(coloured) > 1:
        legend(axis, ax, "vary most" if len(chosen) > MANY else None)
    return figure, axis


# ------------------------------------------------------------------------------------------------
# Trajectories
# ------------------------------------------------------------------------------------------------


def project(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two directions in which points vary most: principal component analysis.

        X - mean = U S V^T,  directions V[:, :2],  share of the variance S^2 / sum S^2

    The largest entry of each direction is positive.

    Parameters
    ----------
    values : ndarray, shape (R, H)

    Returns
    -------
    mean : ndarray, shape (H,)
    directions : ndarray, shape (H, 2)
    shares : ndarray, shape (2,)
        Zeros if nothing varies. With one unit, or one point, the second direction is 0.

    Examples
    --------
    >>> mean, directions, shares = project(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
    >>> directions[:, 0].round(4).tolist(), shares.round(4).tolist()
    ([0.6, 0.8], [1.0, 0.0])
    """
    values = np.asarray(values, float)
    mean = values.mean(axis=0)
    _, sizes, rows = np.linalg.svd(values - mean, full_matrices=False)
    directions, shares = np.zeros((values.shape[1], 2)), np.zeros(2)
    count = min(2, len(rows))
    total = (sizes**2).sum()
    for k in range(count):
        directions[:, k] = rows[k] * (np.sign(rows[k][np.abs(rows[k]).argmax()]) or 1)
        shares[k] = sizes[k] ** 2 / total if total else 0
    return mean, directions, shares


def trajectory(
    trace: Any,
    name: str = "hidden",
    *,
    sequences: Sequence[int] | int | None = None,
    labels: Any = None,
    batch_first: bool = False,
    ax: Any = None,
) -> tuple[Any, Any]:
    """The path of a state, seen from where most is to be seen of it.

    H units are projected on the two directions in which the drawn states vary most (principal
    component analysis, by `numpy.linalg.svd`); the axes say how much of the variance that is. Each
    path begins with a circle and ends with a square.

    Parameters
    ----------
    trace : trace, mapping of names to tensors, Tensor or ndarray
        See `minigrad.viz.over_time`.
    name : str
        Which state. Default: "hidden".
    sequences : int or sequence of int, optional
        Which of the batch to draw. Default: the first 8.
    labels : str or sequence, optional
        What stands at the steps; of several sequences, a sequence of those.
    batch_first : bool
        The layout of what is no trace. Default: False.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ImportError, AttributeError, TypeError, IndexError
        As in `gates`.
    ValueError
        As in `gates`; or a state is nan or infinite.

    Examples
    --------
    >>> import minigrad as mg
    >>> figure, ax = mg.viz.trajectory(mg.randn(20, 3, 16))
    >>> [line.get_label() for line in ax.get_lines()]
    ['sequence 0', 'sequence 1', 'sequence 2']
    """
    found = series(trace, _pick(named(trace), name), batch_first)
    if sequences is None:
        sequences = range(min(MANY, found.values.shape[1]))
    if isinstance(sequences, int):
        sequences, labels = [sequences], labels if labels is None else [labels]
    elif len(sequences) == 1 and labels is not None and _count(labels) != 1:
        labels = [labels]
    paths = [found.of(k) for k in sequences]
    if labels is not None and _count(labels) != len(paths):
        raise ValueError(
            f"labels: got those of {len(labels)} sequences, for {len(paths)} drawn (to draw one: "
            "sequences=0)"
        )
    points = np.concatenate(paths)
    if not np.isfinite(points).all():
        raise ValueError(f"{name}: some values are nan or infinite; viz.states shows where")
    mean, directions, shares = project(points)
    figure, (axis,) = subplots(1, ax, (6.5, 5))
    for k, (number, path, style) in enumerate(zip(sequences, paths, line_styles(len(paths)))):
        x, y = ((path - mean) @ directions).T
        axis.plot(x, y, marker=".", label=f"sequence {number}", linewidth=1.2, **style)
        if len(path):
            axis.scatter(x[:1], y[:1], marker="o", s=60, color=style["color"], zorder=3)
            axis.scatter(x[-1:], y[-1:], marker="s", s=60, color=style["color"], zorder=3)
        if labels is not None:
            _label_points(axis, x, y, label_texts(labels[k], len(path)))
    for set_label, ordinal, share in zip(
        (axis.set_xlabel, axis.set_ylabel), ("first", "second"), shares
    ):
        set_label(f"{ordinal} principal component of {name} ({share:.0%})")
    axis.margins(0.1)
    if len(paths) > 1:
        legend(axis, ax)
    return figure, axis


def _count(labels: Any) -> int:
    """Of how many sequences there are labels."""
    if not isinstance(labels, Sized):
        raise TypeError(f"labels: expected a sequence, got {type(labels).__name__}")
    return len(labels)


def _label_points(axis: Any, x: np.ndarray, y: np.ndarray, texts: Sequence[str]) -> None:
    """Write at each point; where two would lie over each other, only the first."""
    spread = max(np.ptp(x), np.ptp(y), 1e-12)
    taken: list[tuple[float, float, int]] = []
    for a, b, text in zip(x, y, texts):
        wide = 0.02 * (1 + len(text))
        if any([
            abs(a - p) < spread * max(wide, 0.02 * (1 + q)) and abs(b - r) < 0.045 * spread
            for p, r, q in taken
        ]):  # fmt: skip
            continue
        taken.append((a, b, len(text)))
        axis.annotate(
            text.replace("$", r"\$"), (a, b), xytext=(4, 4), textcoords="offset points",
            fontsize="small",
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------
# Gradients
# ------------------------------------------------------------------------------------------------


def gradient_norms(
    traces: Any,
    name: str = "hidden",
    *,
    sequence: int | None = None,
    labels: Any = None,
    batch_first: bool = False,
    ax: Any = None,
) -> tuple[Any, Any]:
    """How large the gradient of the loss with respect to a state is at each step.

        norm_t = sqrt(sum over sequences and units of (d loss / d state_t)^2)

    on a logarithmic scale: a line that falls towards the first steps is a gradient that vanishes,
    one that rises a gradient that explodes.

    Parameters
    ----------
    traces : trace, or mapping of names to traces
        After ``loss.backward()``. Several models are drawn into one picture, a line for each.
        Instead of a trace: a Tensor of states that has a ``.grad``, or an ndarray of gradients.
    name : str
        Which state. Default: "hidden".
    sequence : int, optional
        One sequence alone. Default: all together.
    labels, batch_first
        As in `gates`.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    RuntimeError
        There are no gradients (yet).
    ImportError, AttributeError, TypeError, ValueError, IndexError
        As in `gates`.

    Examples
    --------
    >>> import minigrad as mg
    >>> h = mg.randn(4, 3, requires_grad=True)
    >>> (h.sum(1) * mg.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    >>> figure, ax = mg.viz.gradient_norms({"linear": h})
    >>> (ax.get_lines()[0].get_ydata() / 3**0.5).round(1).tolist()
    [1.0, 10.0, 100.0, 1000.0]
    """
    models = dict(traces) if isinstance(traces, Mapping) else {"": traces}
    norms = {
        model: _norms(_gradient_of(what, model, name, batch_first), sequence)
        for model, what in models.items()
    }
    if not norms:
        raise ValueError("traces: there is none in the mapping")
    steps = max([len(values) for values in norms.values()])
    texts = None if labels is None else label_texts(labels, steps)
    figure, (axis,) = subplots(1, ax, (_width(steps), 3.5))
    positive = False
    for (model, values), style in zip(norms.items(), line_styles(len(norms))):
        drawable = np.isfinite(values) & (values > 0)
        positive = positive or bool(drawable.any())
        label = model + _left_out(values)
        axis.plot(np.where(drawable, values, np.nan), marker=".", label=label, **style)
    if positive:
        axis.set_yscale("log")
    axis.set_ylabel(f"norm of d loss / d {name}")
    step_axis(axis, steps, texts)
    if list(norms) != [""]:
        legend(axis, ax)
    return figure, axis


def _gradient_of(what: Any, model: str, name: str, batch_first: bool) -> Series:
    """The gradients at the steps of one model."""
    value = what if isinstance(what, (Tensor, np.ndarray)) else _pick(named(what), name)
    if isinstance(value, Tensor):
        if value._grad is None:
            of = f" of {model!r}" if model else ""
            raise RuntimeError(
                f"the states{of} have no gradient yet: call loss.backward() first, and for states "
                "that are not from a trace, retain_grad() before it"
            )
        value = array_of(value._grad)
    return series(what, value, batch_first)


def _norms(gradient: Series, sequence: int | None) -> np.ndarray:
    """The norm at each step, in float64."""
    values = gradient.values.astype(float).swapaxes(1, 2)  # (T, H, N)
    if sequence is not None:
        values = gradient.of(sequence).astype(float)[..., None]
    return np.sqrt((values**2).sum(axis=(1, 2)))


def _left_out(values: np.ndarray) -> str:
    """What a logarithmic axis cannot show, in words."""
    zeros, others = int((values == 0).sum()), int((~np.isfinite(values)).sum())
    said = [f"{zeros} are 0"] * bool(zeros) + [f"{others} are not finite"] * bool(others)
    return f" ({', '.join(said)})" if said else ""
