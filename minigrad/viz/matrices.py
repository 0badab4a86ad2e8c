"""What a module has learned: its weights, and the singular values of its matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..nn.module import Module
from .axes import LONGEST_NAME, heat_map, legend, line_styles, short, subplots
from .read import array_of

__all__ = ["singular_values", "weights"]


def _matrices(
    what: Any, names: Sequence[str] | str | None
) -> dict[str, tuple[np.ndarray, list[str]]]:
    """What is drawn, by name: matrices, each with the names of its gates, [] where it has none."""
    gates: dict[str, list[str]] = {}
    if isinstance(what, Module):
        gates = dict(_gates(what))
        found = {name: parameter.array for name, parameter in what.named_parameters()}
    elif isinstance(what, Mapping):
        found = {name: array_of(value) for name, value in what.items()}
    elif what is None or isinstance(what, str):
        raise TypeError(f"module: expected a Module, tensors or arrays, got {type(what).__name__}")
    else:
        found = {"": array_of(what)}
    if isinstance(names, str):
        names = [names]
    if names is None:
        names = [name for name, array in found.items() if array.ndim > 1] or list(found)
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"there is no {missing[0]!r}, only {', '.join(found)}")
    if not names:
        raise ValueError("there is nothing to draw: no parameters")
    matrices = {}
    for name in names:
        array = found[name]
        if not array.size:
            raise ValueError(f"{name or 'the matrix'} is empty: its shape is {array.shape}")
        rows = len(array) if array.ndim > 1 else 1
        matrices[name] = np.asarray(array, float).reshape(rows, -1), gates.get(name, [])
    return matrices


def _gates(module: Module) -> Iterator[tuple[str, list[str]]]:
    """For the parameters of recurrent layers and cells the gates, in the order of their rows."""
    for path, part in module.named_modules():
        recurrence = getattr(part, "recurrence", None)
        if recurrence is None:
            continue
        gates = list(recurrence.gates)
        for name, parameter in part._parameters.items():
            rows, *columns = (0,) if parameter is None else parameter.array.shape
            of_gates = name.startswith(("weight_ih", "weight_hh")) and len(columns) == 1
            if of_gates and rows % len(gates) == 0:
                yield (f"{path}.{name}" if path else name), gates


def weights(
    module: Any, names: Sequence[str] | str | None = None, *, ax: Any = None
) -> tuple[Any, list[Any]]:
    """Heat maps of weight matrices, on one scale around 0.

    The rows of recurrent layers are parted and named by their gates. Weights of convolutions are
    drawn as one row for each of their outputs.

    Parameters
    ----------
    module : Module, Tensor, ndarray, or mapping of names to those
    names : sequence of str, optional
        Which parameters, by their names in ``module.named_parameters()``. Default: all that have
        two axes or more.
    ax : Axes or sequence of Axes, optional
        Where to draw, one for each matrix. Default: a new figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
        One for each matrix.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError
        `module` is none of these.
    ValueError
        There is no parameter of that name, or no entry in it; there are not as many axes as needed.

    Examples
    --------
    >>> import minigrad as mg
    >>> figure, axes = mg.viz.weights(mg.nn.LSTM(3, 8))
    >>> [ax.get_title() for ax in axes]
    ['weight_ih_l0 (32, 3)', 'weight_hh_l0 (32, 8)']
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['input', 'forget', 'cell', 'output']
    """
    matrices = _matrices(module, names)
    columns = min(len(matrices), 2)
    size = (4.5 * columns + 0.5, 0.5 + 3 * math.ceil(len(matrices) / columns))
    figure, axes = subplots(len(matrices), ax, size, columns=columns)
    finite = [np.abs(m[np.isfinite(m)]).max(initial=0) for m, _ in matrices.values()]
    limit = float(max(finite)) or 1.0
    for axis, (name, (matrix, gates)) in zip(axes, matrices.items()):
        heat_map(axis, matrix, "hidden", limit)
        axis.set_title(f"{short(name, LONGEST_NAME)} {matrix.shape}".strip(), fontsize="medium")
        axis.xaxis.get_major_locator().set_params(integer=True)
        if matrix.shape[1] == 1:
            axis.set_xticks([0])
        if len(gates) > 1:
            rows = len(matrix) // len(gates)
            axis.set_yticks([rows * (k + 0.5) - 0.5 for k in range(len(gates))], gates)
            axis.tick_params(axis="y", length=0)
            for k in range(1, len(gates)):
                axis.axhline(rows * k - 0.5, color="black", linewidth=1)
    return figure, axes


def singular_values(
    module: Any, names: Sequence[str] | str | None = None, *, ax: Any = None
) -> tuple[Any, Any]:
    """The singular values of matrices, from the largest on.

    Of the recurrent weights of a layer with gates, each gate's matrix by itself. A dotted line at 1
    parts what a matrix makes longer from what it makes shorter: where all singular values of
    recurrent weights are below it, gradients vanish over time; above it, they may explode
    (R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks",
    2013).

    Parameters
    ----------
    module, names
        As in `weights`.
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
    TypeError, ValueError
        As in `weights`; or an entry is nan or infinite.

    Examples
    --------
    >>> import minigrad as mg
    >>> figure, ax = mg.viz.singular_values(mg.tensor([[3.0, 0.0], [0.0, -4.0]]))
    >>> ax.get_lines()[0].get_ydata().tolist()
    [4.0, 3.0]
    """
    lines = {}
    for name, (matrix, gates) in _matrices(module, names).items():
        if not np.isfinite(matrix).all():
            raise ValueError(f"{name or 'the matrix'}: some entries are nan or infinite")
        count = len(gates) if "weight_hh" in name and gates else 1
        for k, block in enumerate(np.split(matrix, count)):
            label = f"{name}, {gates[k]}" if count > 1 else name
            lines[label] = np.linalg.svd(block, compute_uv=False)
    figure, (axis,) = subplots(1, ax, (5.5, 4))
    for (label, values), style in zip(lines.items(), line_styles(len(lines))):
        axis.plot(range(1, len(values) + 1), values, marker=".", label=label or "_", **style)
    axis.axhline(1, color="0.5", linewidth=1, linestyle=":")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("number")
    axis.set_ylabel("singular value")
    axis.xaxis.get_major_locator().set_params(integer=True)
    if any(lines):
        legend(axis, ax)
    return figure, axis
