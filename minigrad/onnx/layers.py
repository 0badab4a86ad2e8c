"""Recurrent layers in ONNX: RNN, LSTM and GRU, and `Scan` for all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .places import sliced
from .recurrent import OPERATORS
from .table import TABLE, done, entry, one, operands, options_of
from .writing import Operand, Writer

__all__: list[str] = []


@entry("recurrent")
def _recurrent(w: Writer, entries: Any) -> None:
    name, reverse, hidden, kinds = options_of(w, entries)
    given = dict(zip(kinds, operands(w, entries)))
    op, places = OPERATORS[name]
    x = given["x"]

    def arranged(v: Operand, order: Sequence[int] = places) -> Operand:
        """The rows of the gates in ONNX's order."""
        if v.array is not None:
            parts = np.split(v.array, len(order))
            return w.constant(np.concatenate([parts[k] for k in order]), v.name)
        ends = [(k * hidden, (k + 1) * hidden, None) for k in order]
        rest = [(None, None, None)] * (v.rank - 1)
        cut = [sliced(w, v, [e, *rest]) for e in ends]
        return Operand(w.node("Concat", cut, axis=0), v.shape, v.dtype)

    def of_one(v: Operand) -> Any:
        """With an axis for the direction in front."""
        if v.array is not None:
            return w.constant(v.array[None], v.name)
        return w.node("Unsqueeze", [v, w.numbers([0])])

    inputs: list[Any] = [x, of_one(arranged(given["w_ih"])), of_one(arranged(given["w_hh"]))]
    if "b_ih" in given:
        both = [arranged(given[b]) for b in ("b_ih", "b_hh")]
        if all([b.array is not None for b in both]):
            arrays = [b.array for b in both if b.array is not None]
            inputs.append(w.constant(np.concatenate(arrays)[None], given["b_ih"].name))
        else:
            joined = w.node("Concat", both, axis=0)
            inputs.append(w.node("Unsqueeze", [joined, w.numbers([0])]))
    else:
        inputs.append("")
    inputs.append(given.get("lengths", ""))
    inputs += [of_one(given[k]) if k in given else "" for k in ("state 0", "state 1")]
    if "peephole" in given:
        inputs.append(of_one(arranged(given["peephole"], (0, 2, 1))))
    while inputs[-1] == "":
        inputs.pop()
    attributes: dict[str, Any] = {"direction": "reverse" if reverse else "forward"}
    if op == "GRU":
        attributes["linear_before_reset"] = int(name == "gru")
    if name == "rnn_relu":
        attributes["activations"] = ["Relu"]
    count = 3 if op == "LSTM" else 2
    names = w.node(op, inputs, count, hidden_size=hidden, **attributes)
    names[0] = w.node("Squeeze", [names[0], w.numbers([1])])
    _several(w, entries, names)


def _several(w: Writer, entries: Any, names: Sequence[str]) -> None:
    """Keep the names of an entry's results for the entries that pick them."""
    outputs = [e.output for e in entries]
    operand = Operand(names[0], w.shape_of(outputs), outputs[0].dtype)
    operand.results = names  # type: ignore[attr-defined]
    w.give(outputs, operand)


@entry("result")
def _result(w: Writer, entries: Any) -> None:
    (whole,) = operands(w, entries)
    done(w, entries, whole.results[entries[0].options[0]])  # type: ignore[attr-defined]


@entry("scan")
def _scan(w: Writer, entries: Any) -> None:
    bodies = [e.options[0] for e in entries]
    _, reverse, ragged = entries[0].options
    x, *states = operands(w, entries)
    lengths = states.pop() if ragged else None
    outer, w.nodes = w.nodes, []

    def info(operand: Operand) -> Any:
        return w.info(operand, [n if isinstance(n, int) else None for n in operand.shape])

    def formal(values: Any, name: str) -> Operand:
        operand = Operand(w.fresh_name(name), w.shape_of(values), values[0].dtype)
        w.give(values, operand)
        return operand

    before = [formal(v, f"state_{k}") for k, v in enumerate(zip(*[b.states for b in bodies]))]
    step = Operand(w.fresh_name("step"), x.shape[1:], x.dtype)
    values = [b.x for b in bodies]
    w.give(values, Operand(w.node("Unsqueeze", [step, w.numbers([0])]), (1, *step.shape), x.dtype))
    formals = [*before, step]
    if ragged:
        time = Operand(w.fresh_name("t"), (), np.int32)
        formals.append(time)
    w.write([b.instructions for b in bodies], TABLE)
    found = [w.take(v) for v in zip(*[b.results for b in bodies])]
    flat = [Operand(w.node("Squeeze", [f, w.numbers([0])]), f.shape[1:], f.dtype) for f in found]
    output, after = flat[0], flat[1:]
    if lengths is not None:
        running = w.node("Less", [time, lengths])
        after = [_kept(w, running, new, old) for new, old in zip(after, before)]
        output = _kept(w, running, output, one(w, output.dtype, 0))
    results = [Operand(w.node("Identity", [v]), v.shape, v.dtype) for v in (*after, output)]
    graph = w.helper.make_graph(
        w.nodes, "step", [info(f) for f in formals], [info(r) for r in results]
    )
    w.nodes = outer
    inputs: list[Any] = [*states, x]
    if ragged:
        steps = w.cast(w.arange(x.shape[0]), np.int32)
        inputs.append(steps)
    scans = len(inputs) - len(states)
    way: dict[str, Any] = {}
    if reverse:
        way = {"scan_input_directions": [1] * scans, "scan_output_directions": [1]}
    names = w.node("Scan", inputs, len(states) + 1, body=graph, num_scan_inputs=scans, **way)
    names = [names] if isinstance(names, str) else names
    ends = [w.node("Unsqueeze", [n, w.numbers([0])]) for n in names[:-1]]
    _several(w, entries, [names[-1], *ends])


def _kept(w: Writer, running: str, new: Operand, old: Operand) -> Operand:
    """`new` for the sequences that still run, `old` for the others."""
    axes = list(range(1, new.rank))
    mask = w.node("Unsqueeze", [running, w.numbers(axes)]) if axes else running
    return Operand(w.node("Where", [mask, new, old]), new.shape, new.dtype)
