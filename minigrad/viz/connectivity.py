"""How strongly each output of a model depends on each of its inputs: gradients, shown as a text.

T outputs, O features of each, L inputs, I features of each
"""

from __future__ import annotations

import html
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..autograd.backward import grad
from ..autograd.grad_mode import enable_grad
from ..nn import Embedding, Module
from ..tensor.creation import from_numpy
from .calling import Layout, arguments_of, called, evaluating, first_tensor, layout_of
from .text import (
    bar,
    has_colours,
    in_script,
    labels_of,
    packed,
    page_file,
    painted,
    printable,
    shaded_lines,
    width_of,
)

__all__ = ["Connectivity", "connectivity"]

COPIES = 64  # of the sequence, that go back together
ROWS = 2**14  # so many steps of all copies: a limit to the memory
LINES = 40  # a longer table is no longer read


class Connectivity:
    """How strongly outputs depend on inputs: what `connectivity` returns.

    ``print`` shows it in a terminal, a notebook as a text to point at. ``c[t]`` is the same of the
    output t alone, ``c[a:b]`` of some.

    Attributes
    ----------
    matrix : ndarray, shape (T, L)
    labels : list of str
        Of the inputs.
    output_labels : list of str
        Of the outputs.
    """

    def __init__(
        self, matrix: np.ndarray, labels: Sequence[str], output_labels: Sequence[str]
    ) -> None:
        self.matrix = matrix
        self.labels = list(labels)
        self.output_labels = list(output_labels)

    @property
    def shades(self) -> np.ndarray:
        """The matrix, each row divided by its largest entry: the shades of the texts."""
        largest = self.matrix.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(self.matrix / np.where(largest > 0, largest, 1), posinf=1)

    def __getitem__(self, index: int | slice) -> Connectivity:
        if not isinstance(index, slice):
            index = range(len(self.matrix))[index]  # an error where there is none
            index = slice(index, index + 1)
        return Connectivity(self.matrix[index], self.labels, self.output_labels[index])

    def __len__(self) -> int:
        return len(self.matrix)

    def __repr__(self) -> str:
        outputs, inputs = self.matrix.shape
        return f"Connectivity(outputs={outputs}, inputs={inputs})"

    def __str__(self) -> str:
        return self.text()

    def text(self, columns: int | None = None, colours: bool | None = None) -> str:
        """The shades as text: a line for each output where that fits, else those of the last one.

        Parameters
        ----------
        columns : int, optional
            The width. Default: the terminal's.
        colours : bool, optional
            Coloured paper instead of bars. Default: if it is written to a terminal, and the
            environment variable NO_COLOR is not set.

        Examples
        --------
        >>> import numpy as np
        >>> c = Connectivity(np.array([[1, 0, 0], [1, 4, 0], [1, 2, 8]]), "abc", "abc")
        >>> print(c.text(colours=False))
          abc
        a █
        b ▂█
        c ▁▂█
        >>> print(c[-1].text(colours=False))
        abc
        ▁▂█
        """
        columns = shutil.get_terminal_size().columns if columns is None else columns
        colours = has_colours() if colours is None else colours
        if len(self.matrix) == 1:
            return "\n".join(shaded_lines(self.labels, self.shades[0], columns, colours))
        labels = [printable(label) for label in self.labels]
        names = [printable(label) for label in self.output_labels]
        gap = "" if all(len(label) == 1 for label in self.labels) else " "
        margin = max(map(width_of, names)) + 1
        if len(self.matrix) > LINES or margin + width_of(gap.join(labels)) > columns:
            last = self[-1]
            lines = shaded_lines(last.labels, last.shades[0], columns, colours)
            head = f"the last of {len(self.matrix)} outputs, {names[-1]}, depends on:"
            return "\n".join([head, *lines])
        lines = [] if colours else [" " * margin + gap.join(labels)]
        for name, shades in zip(names, self.shades):
            cells = [
                painted(label, shade) if colours else bar(shade, width_of(label))
                for label, shade in zip(labels, shades)
            ]
            lines.append(f"{name}{' ' * (margin - width_of(name))}{gap.join(cells)}".rstrip())
        return "\n".join(lines)

    def html(self, path: Any = None) -> str:
        """The shades as a piece of HTML: point at an output, and see what it depends on.

        It needs nothing else, neither a library nor the network; labels are escaped.

        Parameters
        ----------
        path : str or path, optional
            Also write it there, as a page of its own.
        """
        name = f"connectivity-{uuid.uuid4().hex[:12]}"
        same = self.labels == self.output_labels
        lettered = all(len(label) == 1 for label in [*self.labels, *self.output_labels])
        data = {"name": name, "inputs": len(self.labels), "outputs": len(self), "same": same}
        shades = packed(np.rint(self.shades * 255))
        piece = "\n".join([
            f'<div class="minigrad-text{"" if lettered else " words"}" id="{name}" tabindex="0">',
            f"<style>{page_file('text.css')}</style>",
            "<p></p>",
            *([] if same else [f'<div class="outputs">{_spans(self.output_labels)}</div>']),
            f'<div class="inputs">{_spans(self.labels, self.shades[-1])}</div>',
            f"<script>(() => {{{page_file('unpack.js')}{page_file('connectivity.js')}",
            f'show({in_script(data)}, "{shades}");}})();</script>',
            "</div>",
        ])  # fmt: skip
        if path is not None:
            Path(path).write_text(
                '<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Connectivity</title>\n'
                '<meta name="viewport" content="width=device-width">\n'
                f'<meta name="color-scheme" content="light dark">\n{piece}\n',
                encoding="utf-8",
            )
        return piece

    def _repr_html_(self) -> str:
        return self.html()


def _spans(labels: Sequence[str], shades: Sequence[float] | None = None) -> str:
    styles = [""] * len(labels)
    if shades is not None:
        styles = [f' style="--shade:{shade:.3f}"' for shade in shades]
    return "".join([
        f"<span{style}>{html.escape(printable(label))}</span>"
        for label, style in zip(labels, styles)
    ])  # fmt: skip


def connectivity(
    model: Callable[..., Any], input: Any, *, labels: Any = None, output_labels: Any = None,
    of: int | str | None = None, sequence: int = 0, batch_first: bool | None = None,
) -> Connectivity:  # fmt: skip
    r"""How strongly each output of a model depends on each of its inputs.

    .. math:: C_{ts} = \Big\| \frac{\partial y_t}{\partial x_s} \Big\|
                     = \sqrt{\sum_{o,i} \Big( \frac{\partial y_{to}}{\partial x_{si}} \Big)^2}

    For a model that reads a text letter by letter: which earlier letters a prediction depends on.
    The idea of showing a recurrent network's memory like this is from Madsen, "Visualizing
    memorization in RNNs", Distill 2019.

    Parameters
    ----------
    model : Module or callable
        It returns a tensor, or a tuple that begins with one: an output for each step, (T, N, O)
        laid out as the input, (T, O), or (L N, O); or one for each sequence, (N, O). A module is
        called in evaluation mode, and left as it was.
    input : Tensor, or tuple of arguments that begins with one
        Numbers (L, N, I), (N, L, I) with `batch_first`, (L, I) or (L,); or integers (L, N), (N, L)
        or (L,), which an `nn.Embedding` in the model turns into vectors: then :math:`x_s` is the
        vector.
    labels : str or sequence, length L, optional
        What the inputs are called: a text, words, dates, numbers. Default: their numbers.
    output_labels : str or sequence, length T, optional
        Default: `labels`, if there is an output for each input; else numbers.
    of : int or "largest", optional
        One output feature, or the one that is largest at each step: what is predicted. Default:
        all, as in the formula.
    sequence : int
        Which one of a batch. Default: the first.
    batch_first : bool, optional
        Default: as the first layer in the model has it; False for functions.

    Returns
    -------
    Connectivity
        With the ``matrix`` C (T, L); prints as a shaded text, and shows as one in a notebook.

    Raises
    ------
    TypeError
        The input, or what the model returns, is no tensor.
    ValueError
        Shapes, or the number of labels, do not fit; integers, and no embedding that reads them.
    IndexError
        There is no such sequence, or no such feature.
    RuntimeError
        The output was not computed from the input by operations with gradients.

    Notes
    -----
    There is a backward pass for each entry of y_t: T O in all, or T with `of`. If the model treats
    sequences independently of each other (it is tried), up to 64 go back at once, as copies of the
    sequence. An LSTM with 128 units that predicts one of 50 letters takes about 4 s for 200 steps,
    and with ``of="largest"`` 9 s for 2000.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad import nn, viz
    >>> _ = mg.manual_seed(0)
    >>> rnn = nn.RNN(input_size=4, hidden_size=4)
    >>> c = viz.connectivity(rnn, mg.eye(4)[[1, 0, 2, 2, 3]], labels="hello")
    >>> c.matrix.shape
    (5, 5)
    >>> print(c)
      hello
    h █
    e ▄█
    l ▂▄█
    l ▂▂▄█
    o ▁▁▃▄█
    """
    arguments = arguments_of(input)
    x = arguments[0]
    layout = layout_of(model, x, batch_first)
    if not -(layout.batch or 1) <= sequence < (layout.batch or 1):
        raise IndexError(f"sequence={sequence} is out of range: the batch has {layout.batch or 1}")
    sequence %= layout.batch or 1
    input_labels = labels_of(labels, layout.steps)
    with evaluating(model), enable_grad():
        call = _call(model, arguments, layout)
        steps, features = _rows(call.y.array[:, sequence], of)
        matrix = np.zeros((len(call.y.array), layout.steps))
        copied = _copied(model, arguments, layout, sequence, call, len(steps))
        size = 1 if copied is None else len(copied.y.array[0])
        for start in range(0, len(steps), size):
            t, o = steps[start : start + size], features[start : start + size]
            where = np.arange(len(t)) if copied is not None else np.array([sequence])
            squares = _squares(copied or call, t, where, o)
            np.add.at(matrix, t, squares[:, where].T)
    if output_labels is not None:
        names = labels_of(output_labels, len(matrix))
    else:
        names = input_labels if len(matrix) == layout.steps else labels_of(None, len(matrix))
    return Connectivity(np.sqrt(matrix), input_labels, names)


class _Call(NamedTuple):
    """A call of a model: what came out, (T, N, O), and what to go back to, each (L, N, I)."""

    y: Any
    leaves: list[Any]
    layouts: list[Layout]


def _call(model: Any, arguments: Sequence[Any], layout: Layout) -> _Call:
    x = arguments[0]
    leaves, layouts = [], []
    with ExitStack() as stack:
        if x.is_floating_point():
            x = x.detach().requires_grad_()
            leaves, layouts = [x], [layout]
        else:
            for table in _embeddings(model):

                def begin_here(_: Any, given: Any, vectors: Any) -> Any:
                    """Cut the graph at the vectors of the input: from here on it is recorded."""
                    for as_given, its in ((x, layout), (x.t(), _turned(layout))):
                        if np.array_equal(given[0].array, as_given.array):
                            leaves.append(vectors.detach().requires_grad_())
                            layouts.append(its)
                            return leaves[-1]
                    return None

                handle = table.register_forward_hook(begin_here)
                stack.callback(handle.remove)
        output = first_tensor(model(x, *arguments[1:]))
    if not leaves:
        raise ValueError(
            f"input has integers, which have no gradient, and {called(model)} has no nn.Embedding "
            "that they go into, all at once: give vectors (one_hot(...).float(), or the "
            "embedding's output)"
        )
    if not output.requires_grad:
        raise RuntimeError(
            f"the output of {called(model)} was not computed from the input by operations with "
            "gradients: is there a detach(), a no_grad() or an argmax() in it?"
        )
    return _Call(layout.by_step(output), leaves, layouts)


def _embeddings(model: Any) -> Iterator[Embedding]:
    if isinstance(model, Module):
        yield from (m for m in model.modules() if isinstance(m, Embedding))


def _turned(layout: Layout) -> Layout:
    return layout._replace(batch_first=not layout.batch_first)


def _rows(y: np.ndarray, of: int | str | None) -> tuple[np.ndarray, np.ndarray]:
    """The entries of y (T, O) to go back from: steps and features."""
    steps, features = y.shape
    if of is None:
        return np.repeat(np.arange(steps), features), np.tile(np.arange(features), steps)
    if of == "largest":
        return np.arange(steps), y.argmax(axis=1)
    if not isinstance(of, (int, np.integer)):
        raise TypeError(f'of must be an int, "largest" or None, not {of!r}')
    if not -features <= of < features:
        raise IndexError(f"of={of} is out of range: there are {features} output features")
    return np.arange(steps), np.full(steps, of % features)


def _copied(
    model: Any, arguments: Sequence[Any], layout: Layout, sequence: int, call: _Call, rows: int
) -> _Call | None:
    """A call with copies of the sequence instead of a batch; None if that is not the same.

    It is the same if each copy has the sequence's output, and depends on no other copy.
    """
    count = min(rows, COPIES, ROWS // layout.steps)
    if count < 4 or len(arguments) > 1:
        return None
    x = layout.time_first(arguments[0])[:, sequence : sequence + 1]
    x = x.expand(layout.steps, count, *x.shape[2:])
    many = Layout(layout.steps, count, layout.batch_first)
    try:
        copied = _call(model, (many.time_first(x),), many)  # (the same swap leads back)
    except Exception:  # a model that wants its own number of sequences, or just one
        return None
    wanted = call.y.array[:, sequence : sequence + 1]
    if copied.y.array.shape != (len(wanted), count, wanted.shape[2]):
        return None
    close = 1e-4 if wanted.dtype == np.float32 else 1e-9
    if not np.allclose(copied.y.array, wanted, close, close * abs(wanted).max(initial=1)):
        return None
    t, o = (k.ravel() for k in np.indices(wanted[:, 0].shape))
    return copied if not _squares(copied, t, np.zeros_like(t), o)[:, 1:].any() else None


def _squares(call: _Call, t: np.ndarray, n: np.ndarray, o: np.ndarray) -> np.ndarray:
    """The squared norm, (L, N), of the gradient of the sum of some entries of y."""
    start = np.zeros(call.y.array.shape, call.y.array.dtype)
    start[t, n, o] = 1
    grads = grad(call.y, call.leaves, from_numpy(start), retain_graph=True, allow_unused=True)
    total = np.zeros((call.layouts[0].steps, start.shape[1]))
    for gradient, layout in zip(grads, call.layouts):
        if gradient is not None:
            g = layout.time_first(gradient.array.astype(np.float64))
            total += (g * g).reshape(*total.shape, -1).sum(axis=2)
    return total
