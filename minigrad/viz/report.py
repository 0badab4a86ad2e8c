"""One page for a whole run: a model, a text, and what its recurrent layers did, step by step.

The page is one file that needs no network. Its pictures are made with Bokeh, whose script is in the
page; what links them to the text is in ``report.js``.

    L steps of the input, T of the output, H units
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..debug.summary import summary
from ..nn import Module
from .calling import arguments_of, called, layout_of
from .connectivity import Connectivity, connectivity
from .extras import needed
from .text import in_script, labels_of, packed, page_file, printable
from .traced import TracedLayer, traced

__all__ = ["report"]

AFFORDABLE = 2_000_000  # backward passes times steps: a few seconds
CURVES = 8  # more inputs than these are no series of numbers
TIME = "(time)"  # a column that no state can be called
LAST = 254  # of the steps between the ends of a scale: 127 is in the middle
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f",
)  # fmt: skip


def report(
    model: Module, input: Any, *, labels: Any = None, path: Any = "run.html",
    loss: Callable[[Any], Any] | None = None, connectivity: Connectivity | bool | None = None,
    sequence: int = 0, batch_first: bool | None = None, title: str | None = None,
) -> Path:  # fmt: skip
    """Write a page that shows what the recurrent layers of a model do with one sequence.

    On the page: the model; the text, coloured by any unit of any gate or state; all units over
    time; all gates and states of one unit over time; the gradients of a loss by the states over
    time; which inputs each output depends on; and series of numbers as curves. All are linked:
    point at a letter or at a place in a picture, and all show that step; point at a row of the
    picture of all units, or type its number, and the text has the colours of that unit.

    Parameters
    ----------
    model : Module
        It is, or has below it, layers such as `nn.LSTM` or `nn.Recurrent`. It is called in
        evaluation mode; its parameters, their gradients and those of the input stay as they are.
    input : Tensor, or tuple of arguments that begins with one
        As for `viz.connectivity`.
    labels : str or sequence, length L, optional
        A text, words, dates, numbers: what the steps are called. Default: their numbers.
    path : str or path
        Where to write the page.
    loss : callable, optional
        A function of what the model returns, for gradients, such as
        ``lambda result: F.cross_entropy(result[0], targets)``. Default: the sum of the outputs of
        the last step, whose gradients show how far back the model sees from there.
    connectivity : Connectivity or bool, optional
        What outputs depend on: found already, or whether to find it. Default: if it takes no more
        than a few seconds; of the largest output only, if that makes the difference.
    sequence : int
        Which one of a batch. Default: the first.
    batch_first : bool, optional
        Default: as the first layer in the model has it.
    title : str, optional
        Default: the name of the model's class.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ImportError
        Bokeh is not installed.
    TypeError, ValueError, IndexError
        As for `viz.connectivity`; and the model has no recurrent layer, or is no module; `loss` is
        no function, or returns something else than a Tensor of one element.

    Notes
    -----
    The page is one file that needs no network. Values are kept in 255 steps between the ends of
    their scale; NaN and Inf are shown as 0 (`debug.check_finite` finds them). It has
    1.3 MB, nearly all of it Bokeh's script; 2,000 letters and an LSTM with 128 units make it 3 MB.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad import nn, viz
    >>> lstm = nn.LSTM(input_size=4, hidden_size=8)
    >>> viz.report(lstm, mg.eye(4)[[1, 0, 2, 2, 3]], labels="hello")  # doctest: +SKIP
    PosixPath('run.html')
    """
    if not isinstance(model, Module):
        raise TypeError(f"model must be a Module, whose layers are traced, not {called(model)}")
    if not (loss is None or callable(loss)):
        raise TypeError(f"loss must be a function of what the model returns, not {called(loss)}")
    if not (connectivity is None or isinstance(connectivity, (Connectivity, bool))):
        raise TypeError(
            f"connectivity must be a Connectivity or a bool, not {called(connectivity)}"
        )
    needed("bokeh")
    arguments = arguments_of(input)
    layout = layout_of(model, arguments[0], batch_first)
    if not -(layout.batch or 1) <= sequence < (layout.batch or 1):
        raise IndexError(f"sequence={sequence} is out of range: the batch has {layout.batch or 1}")
    sequence %= layout.batch or 1
    names = labels_of(labels, layout.steps)
    output, layers = traced(model, arguments, layout, sequence, loss)
    found = _connectivity(model, input, output, layout, sequence, connectivity)
    series = _series(layout.time_first(arguments[0]).array[:, sequence], output)
    data: dict[str, Any] = {
        "labels": [printable(name) for name in names],
        "kind": _kind(labels, names),
        "layers": [_packed(layer, layout.steps) for layer in layers] + found,
    }
    figures = _figures(layers, data, series)
    lost = "the sum of the last step's outputs" if loss is None else "the loss"
    page = _page(title or called(model), _summary(model, arguments), data, figures, lost)
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path


def _summary(model: Module, arguments: Sequence[Any]) -> str:
    """The table of the layers, as HTML."""

    def no_shape(value: Any) -> Any:
        """Lengths, as ints that `summary` does not take for the shape of an input."""
        ints = type(value) in (tuple, list) and all([type(v) is int for v in value])
        return type(value)(map(np.int64, value)) if ints else value

    return summary(model, *map(no_shape, arguments))._repr_html_()


def _kind(labels: Any, names: Sequence[str]) -> str:
    """How to show the steps: as letters, as words, or as cells where there is nothing to read."""
    if labels is None:
        return "cells"
    if all(len(name) == 1 for name in names):
        return "letters"
    is_text = all(isinstance(label, str) for label in labels)
    return "words" if is_text else "cells"


def _connectivity(
    model: Module, input: Any, output: np.ndarray, layout: Any, sequence: int,
    wanted: Connectivity | bool | None,
) -> list[dict[str, Any]]:  # fmt: skip
    """What outputs depend on, if it is known, as if it were a layer whose units are the outputs."""
    if wanted is False:
        return []
    which = "of all outputs"
    if isinstance(wanted, Connectivity):
        result, which = wanted, "as given"
        if result.matrix.shape[1] != layout.steps:
            raise ValueError(
                f"connectivity has {result.matrix.shape[1]} inputs, but the input {layout.steps}"
            )
    else:
        size = output.size * layout.steps
        of = None
        if size > AFFORDABLE:
            of, which = "largest", "of the largest output"
            size //= output.shape[1]
        if size > AFFORDABLE and wanted is None:
            return []
        try:
            result = connectivity(
                model, input, of=of, sequence=sequence, batch_first=layout.batch_first
            )
        except (RuntimeError, ValueError):
            if wanted:
                raise
            return []  # the input has no gradient
    scaled: dict[str, Any] = {"low": 0, "high": 1, "units": len(result), "gradient": False}
    scaled["data"] = packed(np.rint(result.shades * LAST))
    about = {"title": "connectivity", "steps": layout.steps, "labelled": True, "rows": "output"}
    return [{**about, "names": {which: scaled}}]


def _packed(layer: TracedLayer, steps: int) -> dict[str, Any]:
    """A layer for the page: every array as bytes, unit by unit, with the ends of its scale."""
    names = {}
    for name, array in layer.values.items():
        names[name] = {**_scaled(array), "gradient": False}
    for name, array in layer.gradients.items():
        names[f"gradient of {name}"] = {**_scaled(array, signed=True), "gradient": True}
    return {
        "title": layer.title, "steps": len(next(iter(layer.values.values()))), "rows": "unit",
        "labelled": layer.padded == steps, "names": names,
    }  # fmt: skip


def _scaled(array: np.ndarray, signed: bool = False) -> dict[str, Any]:
    """(L, H) as H rows of bytes between `low` and `high`: [0, 1], [-1, 1] or what is needed."""
    array = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(abs(array).max(initial=0.0))
    if signed or largest > 1:
        low, high = -(largest or 1.0), largest or 1.0
    else:
        low, high = -1.0 if array.min(initial=0.0) < 0 else 0.0, 1.0
    numbers = np.rint((array.T - low) / (high - low) * LAST)
    return {"low": low, "high": high, "units": array.shape[1], "data": packed(numbers)}


def _series(x: np.ndarray, output: np.ndarray) -> dict[str, np.ndarray]:
    """Input and output as curves, where they are few numbers and no choices (one-hot)."""
    curves: dict[str, np.ndarray] = {}
    x = x.reshape(len(x), -1)
    one_hot = ((x == 0) | (x == 1)).all() and (x.sum(axis=1) == 1).all()
    if x.dtype.kind != "f" or x.shape[1] > CURVES or (one_hot and x.shape[1] > 1):
        return curves
    several = [("input", x)]
    if len(output) == len(x) and output.shape[1] <= CURVES:
        several.append(("output", output))
    for what, array in several:
        for k in range(array.shape[1]):
            curves[what if array.shape[1] == 1 else f"{what} {k}"] = array[:, k]
    return curves


# ------------------------------------------------------------------------------------------------
# Pictures
# ------------------------------------------------------------------------------------------------


def _figures(
    layers: Sequence[TracedLayer], data: dict[str, Any], series: dict[str, np.ndarray]
) -> Any:
    """The pictures, one below the other, with one axis of time: Bokeh's description of them."""
    models = needed("bokeh.models")
    steps = max(layer["steps"] for layer in data["layers"])
    names = list(dict.fromkeys(name for layer in layers for name in layer.values))
    gradients = [
        f"gradient of {name}" for name in names if any(name in layer.gradients for layer in layers)
    ]
    time = models.Range1d(-0.5, steps - 0.5, bounds=(-0.5, steps - 0.5))
    formatter = models.CustomJSTickFormatter(
        args={"labels": data["labels"], "kind": data["kind"]},
        code="""
            const label = labels[tick];
            if (label === undefined) return "" + tick;
            return kind === "letters" ? `${tick} ${label}` : " " + label.slice(0, 16);
        """,
    )

    heat = _figure("All units", 280, time, formatter, y_range=models.Range1d(-0.5, 0.5))
    heat.toolbar_location = "below"
    heat.ygrid.visible = False
    nothing = np.zeros((1, 1), np.uint8)
    source = models.ColumnDataSource(
        data={"image": [nothing], "x": [0], "y": [0], "dw": [1], "dh": [1]}
    )
    palette = models.LinearColorMapper(palette=["#00000000"], low=0, high=LAST)
    heat.image("image", "x", "y", "dw", "dh", source=source, color_mapper=palette)
    _add_cursor(heat, "width", "row")

    rows = _figure("One unit", 200, time, formatter)
    others = [name for name in data["layers"][-1]["names"] if name not in [*names, *gradients]]
    every = [*names, *gradients, *others]
    source = models.ColumnDataSource(data={name: [0] for name in (TIME, *every)})
    for group in (names, gradients, others):
        _lines(rows, group, source)
    pictures = [heat, rows]

    norms = {
        f"{layer.title}: {name}": np.sqrt((g.astype(np.float64) ** 2).sum(axis=1))
        for layer in layers for name, g in layer.gradients.items()
    }  # fmt: skip
    if norms:
        curves = _figure("Gradients", 210, time, formatter, y_axis_type="log")
        curves.title.text = "Gradients by the states, norm"
        _draw(curves, {name: np.where(v > 0, v, np.nan) for name, v in norms.items()})
        pictures.append(curves)
    if series:
        curves = _figure("Input", 180, time, formatter)
        curves.title.text = "Input and output" if "output" in "".join(series) else "Input"
        _draw(curves, series)
        pictures.append(curves)
    for picture in pictures:
        _add_cursor(picture, "height", "cursor")
    return needed("bokeh.embed").json_item(models.Column(*pictures, sizing_mode="stretch_width"))


def _figure(name: str, height: int, time: Any, formatter: Any, **options: Any) -> Any:
    models = needed("bokeh.models")
    picture = needed("bokeh.plotting").figure(
        name=name, height=height, x_range=time, sizing_mode="stretch_width", min_width=0,
        tools="xpan,xwheel_zoom,xbox_zoom,reset", active_drag=None, toolbar_location=None,
        min_border_left=58, min_border_right=16, background_fill_alpha=0, border_fill_alpha=0,
        **options,
    )  # fmt: skip
    picture.toolbar.logo = None
    picture.xaxis.formatter = formatter
    picture.xaxis.major_label_policy = models.NoOverlap()
    picture.xaxis.ticker.min_interval = 1
    picture.xaxis.ticker.num_minor_ticks = 0
    picture.xgrid.visible = False
    for event in ("mousemove", "tap"):
        code = f'window.minigrad.point("{name}", "{event}", cb_obj.x, cb_obj.y)'
        picture.js_on_event(event, models.CustomJS(code=code))
    return picture


def _add_cursor(picture: Any, dimension: str, tag: str) -> None:
    picture.add_layout(
        needed("bokeh.models").Span(
            dimension=dimension, location=-1, line_width=1, line_alpha=0.8, tags=[tag]
        )
    )


def _lines(picture: Any, names: Sequence[str], source: Any) -> None:
    """A line over time for each name, with a legend above that is narrow enough for a phone."""
    if not names:
        return
    models = needed("bokeh.models")
    items = []
    for k, name in enumerate(names):
        line = picture.line(
            TIME, name, source=source, line_width=1.5, color=COLOURS[k % len(COLOURS)], name=name,
            line_dash="solid" if k < len(COLOURS) else "dashed",
        )  # fmt: skip
        items.append(models.LegendItem(label={"value": name}, renderers=[line], name=name))
    picture.y_range.only_visible = True
    columns = max(1, 280 // (26 + 6 * max(map(len, names))))
    picture.height += 20 * (math.ceil(len(names) / columns) - 1)
    legend = models.Legend(
        items=items, ncols=columns, orientation="horizontal", background_fill_alpha=0, padding=0,
        border_line_alpha=0, label_text_font_size="12px", margin=2, spacing=2, location="left",
    )  # fmt: skip
    picture.add_layout(legend, "above")


def _draw(picture: Any, curves: dict[str, np.ndarray]) -> None:
    """Curves over time that stay as they are."""
    steps = max(map(len, curves.values()))
    data = {TIME: np.arange(steps)}
    for name, values in curves.items():
        data[name] = np.full(steps, np.nan)
        data[name][: len(values)] = values
    source = needed("bokeh.models").ColumnDataSource(data=data)
    _lines(picture, list(curves), source)


# ------------------------------------------------------------------------------------------------
# The page
# ------------------------------------------------------------------------------------------------


def _page(title: str, model: str, data: Any, figures: Any, loss: str) -> str:
    name = html.escape(title)
    bokeh = needed("bokeh.resources").Resources(mode="inline", components=["bokeh"]).render_js()
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}</title>
<style>
{page_file("report.css")}</style>
</head>
<body>
<h1>{name}</h1>
<details><summary>The model</summary><div>{model}</div></details>
<div class="top">
<div class="controls">
<label>Colour: <select id="what"></select></label>
<label><span id="rows">unit</span> <input id="unit" type="number" min="0" value="0"></label>
<label><input id="hold" type="checkbox"> hold</label>
<span id="scale"><span id="low"></span><i></i><span id="high"></span></span>
</div>
<div id="text" tabindex="0" aria-label="the input, step by step"></div>
<p id="readout" role="status"></p>
</div>
<div id="figures"></div>
<p class="notes">Point at a step in the text or in a picture, and all show that step. In the first
picture, of all units, point at a row, and the text has its colours; click there to hold it, or type
its number. Gradients are those of {html.escape(loss)}.</p>
<script type="application/json" id="run">{in_script(data)}</script>
<script type="application/json" id="plots">{in_script(figures)}</script>
{bokeh}
<script>
{page_file("unpack.js")}{page_file("report.js")}</script>
</body>
</html>
"""
