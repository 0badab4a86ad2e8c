"""Running a layer so that what is inside can be seen: a step that gives more than its output.

A traced direction runs a step around the step: its output is that of the step with the states and
gates behind it, in more columns. So it runs as any step does, recorded or as it is written, and
gradients flow through everything that is seen.

The gradient with respect to a state is found by nudging it: zeros are added to the state after
every step, which come in as columns of x behind its own, and their gradient is that of the state.
What the step computed from its new state (an LSTM's h from c, a cell's output from its state)
follows the nudge, too: `_nudged`.

    N batch, T steps, R rows of a packed batch
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import Any

import numpy as np

from ..autograd.backward import grad
from ..autograd.grad_mode import is_grad_enabled
from ..autograd.listening import refuse
from ..autograd.tensor_base import wrap
from ..ops.join import cat, split
from ..ops.rows import scatter_rows
from ..ops.shape import transpose
from .packed import PackedSequence, places_of
from .trace import DirectionTrace, LayerTrace, Trace

_tracing = RLock()


class Record:
    """What is found while a layer runs for `trace`: a `Seen` for each layer and direction.

    Attributes
    ----------
    directions : list of Seen
    batched, batch_first : bool
    places : Ragged or None
        Where the rows of a packed batch lie.
    sizes : (T, N)
    """

    def __init__(self) -> None:
        self.thread = get_ident()
        self.directions: list[Seen] = []

    def next(self, layer: Any, k: int) -> Seen | None:
        """What is to have what the k-th direction has to show."""
        if self.thread != get_ident():  # somebody else runs the layer
            return None
        if k == 0:
            self.directions = []
        self.directions.append(Seen(layer._names_of_states))
        return self.directions[-1]

    def laid_out(
        self, batched: bool, batch_first: bool, sizes: tuple[int, int], places: Any
    ) -> None:
        """Note how the layer's output is laid out."""
        if self.thread != get_ident():
            return
        self.batched, self.batch_first = batched, batch_first
        self.sizes, self.places = sizes, places

    def laid_out_packed(self, batch_first: bool, packed: PackedSequence) -> None:
        """The same of a packed batch: what is seen is padded."""
        counts = packed.batch_sizes.array
        sizes = (len(counts), int(counts[0]))
        self.laid_out(True, batch_first, sizes, places_of(packed))

    def lay_out(self, value: Any) -> Any:
        """A tensor (T, N, ...) or (R, ...) laid out as the layer's output."""
        if self.places is not None:
            value = scatter_rows(value, self.places.rows, self.sizes)
        if not self.batched:
            return value.squeeze(1)
        return transpose(value, 0, 1) if self.batch_first else value

    def trace(self, layer: Any) -> Trace:
        """What `layer` gives to who asked."""
        axes: tuple[str, ...] = ("time", "batch", "hidden") if self.batched else ("time", "hidden")
        if self.batched and self.batch_first:
            axes = ("batch", "time", "hidden")
        lengths = None if self.places is None else self.places.lengths
        sides = ("forward", "reverse")[: len(self.directions) // layer.num_layers]
        each = iter(self.directions)
        layers = []
        for k in range(layer.num_layers):
            parts = []
            for side, seen in zip(sides, each):
                tensors = {name: self.lay_out(value) for name, value in seen.tensors.items()}
                seen.hang_gradients(tensors, self.lay_out)
                seen.tensors.clear()  # whose graph holds the step, and this with it: no circle
                parts.append(DirectionTrace(k, side, tensors, axes, lengths))
            layers.append(LayerTrace(k, parts))
        self.directions = []
        return Trace(type(layer).__name__, layers)


@contextmanager
def recording(layer: Any) -> Iterator[Record]:
    """Let `layer` find a record to fill, meanwhile. One thread at a time; traces may be nested."""
    record = Record()
    with _tracing:
        earlier = layer._record
        layer._record = record
        try:
            yield record
        finally:
            layer._record = earlier
            if earlier is None:
                del layer._record


def run_traced(layer: Any, input: Any, states: Any, lengths: Any) -> tuple[Any, Any, Trace]:
    """Call a layer, and give what it gives, and what was seen meanwhile."""
    refuse("it traces a layer")
    with recording(layer) as record:
        given = {} if lengths is None else {"lengths": lengths}
        output, ends = layer(input, states, **given)
    return output, ends, record.trace(layer)


class Seen:
    """What one direction of one layer lets be seen.

    Parameters
    ----------
    states : sequence of str
        Their names.
    nudges : Tensor, optional
        Zeros, as wide as all states together, in rows as x has them: see above. None: the gradients
        with respect to the states are not wanted.

    Attributes
    ----------
    gates : dict
        What the step that runs now says of itself, by name: whoever runs it fills it.
    notes : dict
        "nudged": whether there are nudges. "parts": the names and shapes of what the columns of
        the output are; "output": the name of that which the step itself gives.
    tensors : dict
        Everything there is to see, (T, N, ...) or (R, ...), after the run.
    """

    def __init__(self, states: Sequence[str], nudges: Any = None) -> None:
        self.states, self.nudges = tuple(states), nudges
        self.gates: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}
        self.tensors: dict[str, Any] = {}

    def add_nudges(self, x: Any, states: Sequence[Any]) -> None:
        """Ask for the gradients with respect to the states; x and states as in `unroll`."""
        width = sum([math.prod(s.array.shape[1:]) for s in states])
        self.nudges = wrap(np.zeros((*x.array.shape[:-1], width), x.array.dtype))
        self.nudges.requires_grad_()

    def around(
        self, step: Callable[..., tuple[Any, ...]], x: Any, states: Sequence[Any]
    ) -> tuple[Any, Any]:
        """A step around `step` whose output has everything in its columns, and x for it.

        Parameters
        ----------
        step : callable
            ``step(x, *given)`` gives (output, *states, *more).
        x, states
            As in `unroll`.
        """
        count, own, nudged = len(states), x.array.shape[-1], self.nudges is not None
        shapes = [s.array.shape[1:] for s in states]
        widths = [math.prod(shape) for shape in shapes]
        self.notes["nudged"] = nudged
        if nudged:
            x = cat([x, self.nudges], -1)

        def whole(x: Any, *given: Any) -> tuple[Any, ...]:
            rows, nudges = x.array.shape[0], []
            if nudged:
                x, *nudges = split(x, [own, *widths], -1)
                nudges = [d.reshape(rows, *shape) for d, shape in zip(nudges, shapes)]
            self.gates.clear()
            output, *after = step(x, *given)
            old, more = after[:count], after[count:]
            values = self._values(output, old)
            self.gates.clear()
            if nudged:
                values = _nudged(values, old, nudges)
            new = [values[name] for name in self.states]
            columns = [v.reshape(rows, math.prod(v.array.shape[1:])) for v in values.values()]
            return columns[0] if len(columns) == 1 else cat(columns, -1), *new, *more

        return whole, x

    def _values(self, output: Any, states: Sequence[Any]) -> dict[str, Any]:
        """All that a step has to show, by name, always in the same columns."""
        own, name = dict(zip(self.states, states)), self.states[0]
        if output is not states[0]:
            name = "returned" if "output" in own else "output"
            own[name] = output
        values = {**{gate: v for gate, v in self.gates.items() if gate not in own}, **own}
        parts = self.notes.get("parts")
        if parts is None:
            self.notes["output"] = name
            self.notes["parts"] = [(name, v.array.shape[1:]) for name, v in values.items()]
            return values
        like = states[0].array
        return {
            name: values[name]
            if name in values and values[name].array.shape[1:] == shape
            else wrap(np.zeros((len(like), *shape), like.dtype))
            for name, shape in parts
        }

    def taken(self, columns: Any) -> Any:
        """The output alone, from what the step around the step gave; the rest is kept."""
        parts, lead = self.notes["parts"], columns.array.shape[:-1]
        pieces = split(columns, [math.prod(shape) for _, shape in parts], -1)
        for (name, shape), piece in zip(parts, pieces):
            self.tensors[name] = piece.reshape(*lead, *shape).contiguous()
        return self.tensors[self.notes["output"]].clone()  # which people may write to

    def hang_gradients(self, tensors: dict[str, Any], lay_out: Callable[[Any], Any]) -> None:
        """Let ``backward`` give the states that people see their gradients."""
        if self.nudges is None:
            return
        lead = self.nudges.array.ndim - 1
        shapes = [self.tensors[name].array.shape[lead:] for name in self.states]
        widths = [math.prod(shape) for shape in shapes]
        states = [tensors[name] for name in self.states]
        for state in states:
            state._retains_grad = True  # it has a .grad, which is not what passes it in the graph
        found = [weakref.ref(state) for state in states]

        def hand_on(nudges: Any) -> None:
            d, nudges.grad = nudges.grad, None
            for piece, shape, one in zip(split(d, widths, -1), shapes, found):
                state = one()
                if state is not None:
                    g = lay_out(piece.reshape(*piece.array.shape[:-1], *shape))
                    state.grad = g if state.grad is None else state.grad + g

        self.nudges.register_post_accumulate_grad_hook(hand_on)


def wants_gradients(tensors: Sequence[Any]) -> bool:
    """Whether anything that is computed from these is recorded."""
    return is_grad_enabled() and any([t is not None and t.requires_grad for t in tensors])


def _nudged(values: dict[str, Any], states: Sequence[Any], nudges: Sequence[Any]) -> dict[str, Any]:
    """What values become if the states, from which they may be computed, are moved by `nudges`.

    A value moves by J nudge, where J is its derivative by the state. J^T v is linear in v, and its
    derivative by v, back from the nudge, is J nudge.
    """
    moved = {name: v for name, v in values.items() if v.requires_grad}
    pairs = [(s, d) for s, d in zip(states, nudges) if s.requires_grad]
    if not pairs:
        return values
    starts = [wrap(np.zeros(v.array.shape, v.array.dtype)).requires_grad_() for v in moved.values()]
    ways = {"create_graph": True, "allow_unused": True}
    back = grad(list(moved.values()), [s for s, _ in pairs], starts, **ways)
    pushes = dict(zip(moved, grad(back, starts, [d for _, d in pairs], **ways)))
    return {n: v if pushes.get(n) is None else v + pushes[n] for n, v in values.items()}
