"""`summary`: what the layers of a model take, give, hold and cost."""

from __future__ import annotations

import copy
import html
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..arrays import dtypes
from ..autograd.grad_mode import no_grad
from ..autograd.tensor_base import TensorBase
from ..nn.containers import ModuleDict, ModuleList, Sequential
from ..nn.lazy import is_lazy
from ..nn.module import Module
from ..recurrences.cell import RNNCellBase
from ..recurrences.layer import RNNBase
from ..recurrences.own import Recurrent
from ..recurrences.packed import PackedSequence
from ..recurrences.sequences import SequenceLayer
from ..tensor.creation import zeros
from . import costs
from .axes import Names, text_of
from .calls import Watched, check_model, kept, tensors_in
from .text import extend, table

__all__ = ["Row", "Summary", "summary"]


@dataclass
class Row:
    """One module of a model.

    What it holds and costs is what is its own, without the modules in it, so that sums over rows
    count nothing twice; a parameter that several modules share counts in the first of them.

    Attributes
    ----------
    name, kind : str
        Its name in the model ("" for the model itself), and its class.
    depth : int
        How deep it is nested.
    calls : int
        How often it ran. 0: never.
    input_shapes, output_shapes : list of tuple of int
        Those of all tensors of its first call.
    input_text, output_text : str
        The same with the names of the axes, as they are printed.
    params, trainable_params : int
        How many numbers its parameters have; how many of them require a gradient.
    macs : int
        Multiply-adds, in all calls: see `minigrad.debug.costs`.
    param_bytes, buffer_bytes, output_bytes : int
        What its parameters and its buffers take, and the outputs of all its calls.
    notes : list of str
        Such as "weight is that of encoder".
    """

    name: str
    kind: str
    depth: int
    calls: int = 0
    input_shapes: list[tuple[int, ...]] = field(default_factory=list)
    output_shapes: list[tuple[int, ...]] = field(default_factory=list)
    input_text: str = ""
    output_text: str = ""
    params: int = 0
    trainable_params: int = 0
    macs: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    output_bytes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Those of parameters, buffers and outputs."""
        return self.param_bytes + self.buffer_bytes + self.output_bytes


class Summary:
    """What `summary` returns; printed, it is a table.

    Attributes
    ----------
    rows : list of Row
        One for each module, in the order in which the model has them.
    notes : list of str
        Sentences about the run: how recurrent layers read their inputs, what looks wrong.
    """

    def __init__(self, rows: list[Row], notes: list[str]) -> None:
        self.rows, self.notes = rows, notes

    def _total(self, name: str) -> int:
        return sum([getattr(row, name) for row in self.rows])

    @property
    def total_params(self) -> int:
        """How many numbers the parameters have, each counted once."""
        return self._total("params")

    @property
    def trainable_params(self) -> int:
        """How many of them require a gradient."""
        return self._total("trainable_params")

    @property
    def macs(self) -> int:
        """Multiply-adds of a forward pass with this input."""
        return self._total("macs")

    @property
    def param_bytes(self) -> int:
        """What the parameters take."""
        return self._total("param_bytes")

    @property
    def output_bytes(self) -> int:
        """What the outputs of all layers take, in all calls."""
        return self._total("output_bytes")

    @property
    def bytes(self) -> int:
        """What parameters, buffers and outputs take."""
        return self._total("bytes")

    def __getitem__(self, name: str) -> Row:
        """The row of a module, by its name in the model."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no module is called {name!r}: {', '.join(r.name for r in self.rows[1:])}")

    HEADS = ("layer", "input", "output", "parameters", "multiply-adds", "bytes: own", "outputs")

    def _cells(self) -> list[tuple[str, ...]]:
        cells = []
        for row in self.rows:
            last = row.name.rpartition(".")[2]
            name = f"{last}: {row.kind}" if last else row.kind
            times = f" x{row.calls}" if row.calls > 1 else ""
            numbers = (row.params, row.macs, row.param_bytes + row.buffer_bytes, row.output_bytes)
            cells.append((
                "  " * row.depth + name + times, row.input_text, row.output_text,
                *[f"{n:,}" for n in numbers],
            ))  # fmt: skip
        numbers = (self.total_params, self.macs, self.bytes - self.output_bytes, self.output_bytes)
        return [*cells, ("total", "", "", *[f"{n:,}" for n in numbers])]

    def _words(self) -> list[str]:
        frozen = self.total_params - self.trainable_params
        words = [f"{frozen:,} of {self.total_params:,} parameters are frozen."] if frozen else []
        for row in self.rows:
            words += [f"{row.name or row.kind}: {note}." for note in row.notes]
        return words + self.notes

    def __str__(self) -> str:
        return "\n".join([table(self.HEADS, self._cells(), left=3), *self._words()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table for notebooks."""
        head = "".join(f"<th>{html.escape(h)}</th>" for h in self.HEADS)
        lines = []
        for cells in self._cells():
            indent = len(cells[0]) - len(cells[0].lstrip())
            style = f' style="text-align:left;padding-left:{0.5 + indent / 2}em"'
            first, *rest = [html.escape(c.strip()) for c in cells]
            lines.append(
                f"<tr><td{style}>{first}</td>{''.join(f'<td>{c}</td>' for c in rest)}</tr>"
            )
        words = "".join(f"<p>{html.escape(w)}</p>" for w in self._words())
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{words}"
        )


class _Call(NamedTuple):
    row: Row
    inputs: list[Any]
    outputs: list[Any]


class _Run(Watched):
    """What happens in a forward pass, by module."""

    def __init__(self, model: Module) -> None:
        self.rows, self.names = _rows_of(model), Names()
        self.open: list[tuple[Module, list[Any]]] = []  # the modules that are running
        self.first: dict[int, _Call] = {}
        self.given: set[int] = set()  # outputs that are counted
        self.alive: list[Any] = []
        self.notes: list[str] = []
        self.times = 1  # how often what runs now would run
        self.muted = 0
        super().__init__(model)

    def before(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.muted:
            inputs = tensors_in((args, kwargs))
            self.open.append((module, inputs))
            self.alive += inputs
            self.given.update([id(t) for t in inputs])  # a layer that hands one on makes nothing
        if isinstance(module, (SequenceLayer, RNNCellBase)):
            self.muted += 1  # it is counted as a whole

    def after(self, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        if isinstance(module, (SequenceLayer, RNNCellBase)):
            self.muted -= 1
        if self.muted:
            return
        _, inputs = self.open.pop()
        outputs = tensors_in(output)
        row = self.rows[id(module)]
        row.calls += self.times
        for tensor in outputs:
            self.alive.append(tensor)
            if id(tensor) not in self.given:
                self.given.add(id(tensor))
                row.output_bytes += self.times * tensor.array.nbytes
        self.names.of_layer(module, inputs, outputs)
        if id(module) not in self.first:
            self.first[id(module)] = _Call(row, inputs, outputs)
            self._say_how_it_was_read(module, row, inputs)
        if isinstance(module, RNNBase):
            row.macs += _macs_of_layer(module, args, kwargs)
        elif isinstance(module, RNNCellBase):
            x = inputs[0].array
            row.macs += self.times * (x.size // x.shape[-1]) * _size(costs.weights_in(module))
        elif isinstance(module, Recurrent):
            self._run_cells(module, args, kwargs)

    def __call__(self, call: Any, args: tuple[Any, ...], kwargs: Any, result: Any) -> None:
        if self.muted or not self.open:
            return
        row = self.rows[id(self.open[-1][0])]
        row.macs += self.times * costs.of_operation(call, args, result)
        self.names.of_call(call, args, result)
        if getattr(call, "__name__", "") == "getitem":
            self._look_at_last(args[0], args[1])

    def _run_cells(self, module: Recurrent, args: Any, kwargs: Any) -> None:
        """One step of each cell, counted as often as it ran."""
        x = args[0] if args else kwargs["input"]
        rows, batch = _rows_and_batch(module, x, kwargs.get("lengths"))
        data = x.data if isinstance(x, PackedSequence) else x
        columns = module.input_size
        for k, cell in enumerate(module.cells):
            layer, reverse = divmod(k, module._directions)
            states = [zeros((batch, *s), dtype=data.dtype) for s in module._shapes_of(layer)]
            self.times = -(-rows // max(batch, 1))
            state = states[0] if len(states) == 1 else tuple(states)
            cell(zeros((batch, columns), dtype=data.dtype), state)
            self.times = 1
            if reverse == module._directions - 1:
                columns = module._output_sizes[k] * module._directions

    def _say_how_it_was_read(self, module: Any, row: Row, inputs: list[Any]) -> None:
        """In words, which axis a recurrent layer took for the time: a wrong one raises no error."""
        text = how_read(module, inputs[0]) if inputs else ""
        if text:
            self.notes.append(f"{row.name or row.kind}: {text}.")

    def _look_at_last(self, tensor: Any, index: Any) -> None:
        """Whether ``output[:, -1]`` takes the last sequence, where it means the last step."""
        if not isinstance(tensor, TensorBase) or tensor.array.ndim != 3:
            return
        items = list(index) if isinstance(index, tuple) else [index]
        axes = [a.first() for a in self.names.of(tensor)]
        picks = [k for k, i in enumerate(items[:2]) if type(i) is int and i == -1]
        if len(picks) == 1 and axes[picks[0]].name == "N" and "L" in (axes[0].name, axes[1].name):
            (k,) = picks
            wanted, other = ("[-1]", "True") if k else ("[:, -1]", "False")
            note = (
                f"output[{':, ' * k}-1] takes the last sequence of the batch, not the last step: "
                f"of {text_of(self.names.of(tensor))} that is output{wanted}. Or is the layer "
                f"meant to have batch_first={other}?"
            )
            if note not in self.notes:
                self.notes.append(note)

    def finish(self) -> None:
        """Write the shapes into the rows."""
        calls = list(self.first.values())
        self.names.finish([t for call in calls for t in (*call.inputs, *call.outputs)])
        for row, inputs, outputs in calls:
            row.input_shapes = [t.array.shape for t in inputs]
            row.output_shapes = [t.array.shape for t in outputs]
            row.input_text = self.text_of(inputs)
            row.output_text = self.text_of(outputs)

    def text_of(self, tensors: list[Any]) -> str:
        """The shape of the first tensor, and how many more there are."""
        if not tensors:
            return "-"
        shown = text_of(self.names.of(tensors[0]))
        return shown if len(tensors) == 1 else f"{shown}, +{len(tensors) - 1}"


def how_read(module: Any, x: Any) -> str:
    """What a recurrent layer took its input's axes for, in words; "" for other modules."""
    if not hasattr(module, "batch_first") or not hasattr(module, "input_size"):
        return ""
    if x.array.ndim != 3:
        return ""
    shape = x.array.shape
    steps, batch = (shape[1], shape[0]) if module.batch_first else (shape[0], shape[1])
    return (
        f"reads its input {tuple(shape)} as L={steps} steps of N={batch} sequences "
        f"(batch_first={module.batch_first})"
    )


def _size(tensors: list[Any]) -> int:
    return sum([t.array.size for t in tensors])


def _rows_and_batch(module: Any, x: Any, lengths: Any) -> tuple[int, int]:
    """How many steps all sequences have together, and how many sequences there are."""
    if isinstance(x, PackedSequence):
        return len(x.data.array), int(x.batch_sizes.array[0])
    shape = x.array.shape
    batch = 1 if len(shape) == 2 else shape[0 if module.batch_first else 1]
    if lengths is not None:
        return int(np.asarray(lengths).sum()), batch
    return x.array.size // shape[-1], batch


def _macs_of_layer(module: RNNBase, args: Any, kwargs: Any) -> int:
    x = args[0] if args else kwargs["input"]
    rows, _ = _rows_and_batch(module, x, kwargs.get("lengths"))
    return costs.of_weights(rows, costs.weights_in(module))


def _rows_of(model: Module) -> dict[int, Row]:
    """A row for each module, by its id, in the model's order."""
    rows: dict[int, Row] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if id(module) in rows:
            rows[id(module)].notes.append(f"is {name}, too")
        else:
            depth = name.count(".") + 1 if name else 0
            rows[id(module)] = Row(name, type(module).__name__, depth)
    return rows


def _count(model: Module, rows: dict[int, Row]) -> None:
    """Write into the rows what the modules hold (after the run: lazy ones have it only then)."""
    owners: dict[int, str] = {}
    for module in model.modules():
        row = rows[id(module)]
        for own, p in module._parameters.items():
            if p is None or is_lazy(p):
                continue
            if id(p) in owners:
                row.notes.append(f"its {own} is {owners[id(p)]}, and counted there")
                continue
            owners[id(p)] = f"{row.name}.{own}".lstrip(".")
            row.params += p.array.size
            row.trainable_params += p.array.size if p.requires_grad else 0
            row.param_bytes += p.array.nbytes
        buffers = [b for b in module._buffers.values() if b is not None and not is_lazy(b)]
        row.buffer_bytes = sum([b.array.nbytes for b in buffers])


def _note_idle(model: Module, rows: dict[int, Row]) -> None:
    """Note which layers never ran, but for those whose layer uses their parameters itself."""
    for module in model.modules():
        ours = type(module).__module__.startswith("minigrad.")
        if ours and not isinstance(module, (Sequential, ModuleList, ModuleDict)):
            continue
        for child in module._modules.values():
            if child is not None and type(child).forward is not Module.forward:
                row = rows[id(child)]
                if not row.calls and "never ran" not in row.notes:
                    row.notes.append("never ran")


def _say_where(error: Exception, run: _Run, found: Summary) -> None:
    """Add to the error of a run which layer failed, with which shapes, and the table up to it."""
    if not run.open:
        return
    failed = run.rows[id(run.open[-1][0])]
    for module, inputs in run.open:
        if inputs:
            run.names.of_input(module, inputs[0])
    for module, inputs in run.open:
        run.rows[id(module)].input_text = run.text_of(inputs)
    index = found.rows.index(failed)
    found.rows = [
        row for k, row in enumerate(found.rows)
        if k <= index or row.calls or any([run.rows[id(m)] is row for m, _ in run.open])
    ]  # fmt: skip
    shapes = ", ".join([text_of(run.names.of(t)) for t in run.open[-1][1]]) or "no tensor"
    name = f"{failed.name} ({failed.kind})" if failed.name else failed.kind
    extend(error, f"summary: {name} failed, given {shapes}. What ran up to it:\n{found}")
    error.summary = found  # type: ignore[attr-defined]


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and bool(value) and all([type(v) is int for v in value])


def _given(model: Module, inputs: Any, input_size: Any, dtype: Any) -> list[Any]:
    """The arguments of the call: a tensor of zeros for each shape."""
    if input_size is not None:
        sizes = [input_size] if _is_shape(input_size) else input_size
        if not isinstance(sizes, (tuple, list)) or not all([_is_shape(s) for s in sizes]):
            raise TypeError(
                "summary: input_size must be a tuple of ints, or several of them, got "
                f"{input_size!r}"
            )
        inputs = (*inputs, *[tuple(s) for s in sizes])
    kinds = list(dtype) if isinstance(dtype, (tuple, list)) else [dtype] * len(inputs)
    if len(kinds) != len(inputs):
        raise ValueError(
            f"summary: dtype has {len(kinds)} types, for {len(inputs)} inputs; give one for each"
        )
    return [
        zeros(tuple(v), dtype=_dtype_for(model) if kind is None else kind) if _is_shape(v) else v
        for v, kind in zip(inputs, kinds)
    ]


def _dtype_for(model: Module) -> Any:
    """What the first layer takes: numbers of rows, or the type of the parameters."""
    for module in model.modules():
        if type(module).__name__ in ("Embedding", "EmbeddingBag"):
            return dtypes.int64
        for p in module._parameters.values():
            if p is not None and not is_lazy(p) and p.array.dtype.kind == "f":
                return p.dtype
    return None


def summary(
    model: Module, *inputs: Any, input_size: Any = None, dtype: Any = None, **keywords: Any
) -> Summary:
    """Show each layer of a model with its shapes, parameters, multiply-adds and bytes.

    The model runs once, in `eval` mode and without gradients. It is the same afterwards:
    parameters, buffers, mode, attributes, random streams, gradients; no hook is left.

    Parameters
    ----------
    model : Module
    *inputs : Tensor or tuple of int
        What the model is called with. A tuple of ints is a shape, and stands for zeros; all else is
        handed on as it is.
    input_size : tuple of int, or a sequence of them, optional
        Further shapes.
    dtype : dtype, or a sequence with one for each input, optional
        The types of inputs that are given by shape. Default: int64 if the first layer is an
        embedding, else the type of the first parameter.
    **keywords
        What else the model is called with.

    Returns
    -------
    Summary
        Printed, it is the table. Its numbers are fields: ``rows``, ``total_params``,
        ``trainable_params``, ``macs``, ``param_bytes``, ``output_bytes``, ``bytes``.

    Raises
    ------
    TypeError
        `model` is no module, `input_size` no shape.
    ValueError
        There is not one `dtype` for each input.
    Exception
        What the model raises, with the layer, the shapes that it was given, and the table up to it
        in the message. The error has them as ``error.summary``, too.

    Notes
    -----
    Axes are named by the layers: L steps, N sequences, H features. Multiply-adds are those of
    matrix products, convolutions, attention and recurrent weights; nothing else is counted (see
    `minigrad.debug.costs`). A cell in `Recurrent` is counted as often as it runs. A module that
    runs several times has one row, with the shapes of its first call, and ``x5`` behind its name.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Tagger(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.embed = nn.Embedding(50, 10)
    ...         self.rnn = nn.LSTM(10, 20)
    ...         self.head = nn.Linear(20, 4)
    ...     def forward(self, words):
    ...         return self.head(self.rnn(self.embed(words))[0])
    >>> found = mg.summary(Tagger(), (5, 3))
    >>> found.total_params, found.macs
    (3144, 37200)
    >>> print(found["rnn"].input_text, found["rnn"].macs)
    (L=5, N=3, H=10) 36000
    """
    check_model("summary", model)
    if any([is_lazy(p) for p in model.parameters()]):
        model = copy.deepcopy(model)  # to give its parameters shapes would change it
    args = _given(model, inputs, input_size, dtype)
    with kept(model), no_grad():
        for module in model.modules():
            module.__dict__["training"] = False
        run = _Run(model)
        try:
            model(*args, **keywords)
        except Exception as error:
            run.finish()
            _count(model, run.rows)
            _say_where(error, run, Summary(list(run.rows.values()), run.notes))
            raise
        run.finish()
        _count(model, run.rows)
        _note_idle(model, run.rows)
    return Summary(list(run.rows.values()), run.notes)
