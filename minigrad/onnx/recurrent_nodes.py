"""RNN, LSTM and GRU nodes as layers, and the nodes that have a body: Loop and Scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..autograd.tensor_base import wrap
from ..ops.join import stack
from ..ops.shape import flip
from ..recurrences.gru import GRU
from ..recurrences.lstm import LSTM
from ..recurrences.rnn import RNN
from .nodes import attributes, reverse_sequence
from .recurrent import ORDERS

__all__ = ["LAYERS", "WITH_BODY", "RecurrentNode"]

LAYERS = {"RNN": 1, "LSTM": 3, "GRU": 2}  # how many outputs
ACTIVATIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


class RecurrentNode:
    """A node, and the layer that does what it says.

    Attributes
    ----------
    layer : RNN, LSTM or GRU
    """

    def __init__(self, node: Any, constants: dict[str, Any]) -> None:
        self.op = node.op_type
        self.name = f"{self.op} (node {node.name or node.output[0]!r})"
        given = attributes(node)
        names = [*node.input, *[""] * (8 - len(node.input))]
        way = given.pop("direction", "forward")
        self.directions, self.reverse = (2 if way == "bidirectional" else 1), way == "reverse"
        hidden = given.pop("hidden_size")
        options = self._options(given)
        w, r, b, p = [self._constant(constants, names[k]) for k in (1, 2, 3, 7)]
        if self.op == "LSTM" and p is not None:
            options["peephole"] = True
        made = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}[self.op]
        self.layer: Any = made(
            w.shape[2], hidden, bidirectional=self.directions == 2, bias=b is not None,
            dtype=wrap(w).dtype, **options,
        )  # fmt: skip
        order = np.argsort(ORDERS[self.op])

        def arranged(a: Any, places: Any = order) -> Any:
            parts = np.split(a, len(places))
            return np.concatenate([parts[k] for k in places])

        with no_grad():
            for d in range(self.directions):
                end = "_l0_reverse" if d else "_l0"
                arrays = {"weight_ih": arranged(w[d]), "weight_hh": arranged(r[d])}
                if b is not None:
                    halves = np.split(b[d], 2)
                    arrays |= dict(zip(("bias_ih", "bias_hh"), map(arranged, halves)))
                if p is not None:
                    arrays["weight_peephole"] = arranged(p[d], (0, 2, 1)).reshape(3, hidden)
                for name, array in arrays.items():
                    target = getattr(self.layer, name + end)
                    target.copy_(wrap(array.reshape(target.shape)))

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options of the layer; what no layer has is refused."""
        usual = ACTIVATIONS[self.op] * self.directions
        functions = [f.lower() for f in given.pop("activations", usual)]
        options: dict[str, Any] = {}
        if self.op == "RNN" and set(functions) == {"relu"}:
            options["nonlinearity"] = "relu"
        elif functions != usual:
            raise NotImplementedError(
                f"onnx.load: {self.name}: the layer has no activations {', '.join(functions)}"
            )
        if self.op == "GRU":
            options["reset_after"] = bool(given.pop("linear_before_reset", 0))
        given.pop("output_sequence", None)
        rest = [name for name, value in given.items() if value]
        if rest:
            raise NotImplementedError(f"onnx.load: {self.name}: the layer has no {', '.join(rest)}")
        return options

    def _constant(self, constants: dict[str, Any], name: str) -> Any:
        if not name:
            return None
        if name not in constants:
            raise NotImplementedError(
                f"onnx.load: {self.name}: its weights {name!r} depend on the inputs of the graph"
            )
        return constants[name].array

    def run(self, layer: Any, inputs: Sequence[Any]) -> list[Any]:
        """The outputs Y, Y_h and, of an LSTM, Y_c."""
        every = [*inputs, *[None] * 7]
        x, lengths, states = every[0], every[4], every[5:7]
        if self.reverse:
            x = reversed_in_time(x, lengths)
        hx: Any = states[0]
        if self.op == "LSTM" and any([s is not None for s in states]):
            zero = next(s for s in states if s is not None) * 0
            hx = tuple([zero if s is None else s for s in states])
        output, last = layer(x, hx, lengths=lengths)
        if self.reverse:
            output = reversed_in_time(output, lengths)
        steps, batch = x.shape[:2]
        y = output.reshape(steps, batch, self.directions, -1).permute(0, 2, 1, 3)
        return [y, *(last if self.op == "LSTM" else (last,))]


def reversed_in_time(x: Any, lengths: Any) -> Any:
    """Each sequence backwards along the first axis; what lies behind its end stays there."""
    return flip(x, (0,)) if lengths is None else reverse_sequence({}, x, lengths)


def _loop(given: dict[str, Any], inputs: Sequence[Any], body: Any) -> list[Any]:
    """A Loop: as often as its first input says, as long as the condition holds."""
    most, condition, *carried = inputs
    is_asked = condition is not None  # (else what the body says of it does not count)
    count, scans, step = len(carried), [], 0
    while (most is None or step < int(most.item())) and (not is_asked or condition.item()):
        now = wrap(np.asarray(step))
        before = condition if is_asked else wrap(np.asarray(True))
        condition, *results = body(given["body"], [now, before, *carried])
        carried = results[:count]
        scans.append(results[count:])
        step += 1
    outputs = len(given["body"].output) - 1 - count
    if outputs and not scans:
        raise NotImplementedError("a loop of no steps")
    return [*carried, *[stack([s[k] for s in scans], 0) for k in range(outputs)]]


def _scan(given: dict[str, Any], inputs: Sequence[Any], body: Any) -> list[Any]:
    """A Scan along the first axes."""
    scanned = given["num_scan_inputs"]
    if any(given.get("scan_input_axes", ())) or any(given.get("scan_output_axes", ())):
        raise NotImplementedError("a scan along another axis than the first")
    states, sequences = list(inputs[:-scanned]), inputs[-scanned:]
    ways = given.get("scan_input_directions", [0] * scanned)
    sequences = [flip(s, (0,)) if way else s for s, way in zip(sequences, ways)]
    count, outputs = len(states), []
    for step in range(sequences[0].shape[0]):
        results = body(given["body"], [*states, *[s[step] for s in sequences]])
        states = results[:count]
        outputs.append(results[count:])
    ways = given.get("scan_output_directions", [0] * len(outputs[0]))
    stacked = [stack(list(row), 0) for row in zip(*outputs)]
    return [*states, *[flip(s, (0,)) if way else s for s, way in zip(stacked, ways)]]


WITH_BODY = {"Loop": _loop, "Scan": _scan}
