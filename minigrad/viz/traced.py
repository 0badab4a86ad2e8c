"""Everything that recurrent layers do inside a model, during one call of it.

L steps, H units
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..autograd.grad_mode import enable_grad
from ..debug.calls import tensors_in
from ..nn import Module
from ..recurrences.deep_indrnn import DenseIndRNN, ResidualIndRNN
from ..recurrences.sequences import SequenceLayer
from ..tensor import Tensor
from .calling import Layout, called, evaluating, first_tensor
from .read import series

__all__ = ["TracedLayer", "traced"]

TRACEABLE = (SequenceLayer, ResidualIndRNN, DenseIndRNN)


class TracedLayer(NamedTuple):
    """What one direction of one layer did with one sequence: arrays (L, H) by name.

    `padded` is how many steps it ran over: the sequence itself may have fewer.
    """

    title: str
    padded: int
    values: dict[str, np.ndarray]  # gates and states
    gradients: dict[str, np.ndarray]  # of the loss by the states


def traced(
    model: Module, arguments: Sequence[Any], layout: Layout, sequence: int,
    loss: Callable[[Any], Any] | None = None,
) -> tuple[np.ndarray, list[TracedLayer]]:  # fmt: skip
    """Call a model, in evaluation mode, and go back from a loss: its output, and what was inside.

    Parameters
    ----------
    model : Module
        Its recurrent layers, itself or below it, are traced. If one is called several times, these
        calls are steps that follow each other.
    arguments : sequence
        Of the call.
    layout : Layout
        Of the first argument.
    sequence : int
        Which one of the batch.
    loss : callable, optional
        A function of what the model returns. Default: the sum of the outputs of the last step.

    Returns
    -------
    output : ndarray, shape (T, O)
    layers : list of TracedLayer

    Raises
    ------
    ValueError
        There is no recurrent layer, or none was called with this sequence.
    """
    layers = {name: m for name, m in model.named_modules() if isinstance(m, TRACEABLE)}
    if not layers:
        raise ValueError(
            f"{called(model)} has no recurrent layer that can be traced: no RNN, LSTM, GRU, "
            "Recurrent or the like, neither itself nor below it. (Cells in a loop cannot be, but "
            "nn.Recurrent makes a layer of a cell.)"
        )
    leaves = [t for t in (*model.parameters(), *tensors_in(arguments)) if t.is_leaf]
    before = [t.grad for t in leaves]
    try:
        for t in leaves:
            t.grad = None
        with evaluating(model), enable_grad(), _traces_of(layers.values()) as traces:
            result = model(*arguments)
            y = layout.by_step(first_tensor(result))[:, sequence]
            value = y[-1].sum() if loss is None else loss(result)
            if not isinstance(value, Tensor) or value.numel() != 1:
                got = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"loss must return a Tensor of one element, got {got}")
            if value.requires_grad:
                value.backward()
    finally:
        for t, g in zip(leaves, before):
            t.grad = g
    found: list[TracedLayer] = []
    for name, layer in layers.items():
        directions = [_directions(layer, trace, sequence) for trace in traces[layer]]
        for k, calls in enumerate(zip(*directions)):
            found.append(_joined(_title(name, layer, k), calls))
    if not found:
        raise ValueError(
            f"no recurrent layer of {called(model)} was called with sequence {sequence}: "
            f"{', '.join(layers)}"
        )
    return y.detach().numpy(), found


@contextmanager
def _traces_of(layers: Any) -> Iterator[dict[Any, list[Any]]]:
    """Meanwhile, calls of these layers are traced: a list of traces for each."""
    traces: dict[Any, list[Any]] = {layer: [] for layer in layers}

    def tracing(layer: Any) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            with _forward_of(layer, None):  # its own, since the trace is made by a call
                output, state, trace = layer.trace(*args, **kwargs)
            traces[layer].append(trace)
            return output, state

        return forward

    with ExitStack() as stack:
        for layer in traces:
            stack.enter_context(_forward_of(layer, tracing(layer)))
        yield traces


@contextmanager
def _forward_of(layer: Any, forward: Callable[..., Any] | None) -> Iterator[None]:
    """Let a layer have this forward, meanwhile; None: that of its class."""
    own = vars(layer)
    before = own.pop("forward", None)
    try:
        if forward is not None:
            own["forward"] = forward
        yield
    finally:
        own.pop("forward", None)
        if before is not None:
            own["forward"] = before


def _directions(layer: Any, trace: Any, sequence: int) -> list[TracedLayer]:
    """What a trace says of one sequence, for each layer and direction."""
    found = []
    for one in trace:
        for direction in (one.forward, one.reverse) if layer.bidirectional else (one.forward,):
            values, gradients, padded = {}, {}, 0
            for name, tensor in direction.items():
                whole = series(direction, tensor)
                values[name], padded = whole.of(sequence), len(whole.values)
                if tensor.retains_grad and tensor.grad is not None:
                    gradients[name] = series(direction, tensor.grad).of(sequence)
            found.append(TracedLayer("", padded, values, gradients))
    return found


def _title(name: str, layer: Any, k: int) -> str:
    number, reverse = divmod(k, 2 if layer.bidirectional else 1)
    parts = [name or type(layer).__name__]
    parts += [f"layer {number}"] if layer.num_layers > 1 else []
    parts += ["reverse" if reverse else "forward"] if layer.bidirectional else []
    return ", ".join(parts)


def _joined(title: str, calls: Sequence[TracedLayer]) -> TracedLayer:
    """Several calls, one after the other."""

    def along_time(each: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        shared = [name for name in each[0] if all(name in one for one in each)]
        return {name: np.concatenate([one[name] for one in each]) for name in shared}

    return TracedLayer(
        title,
        sum([call.padded for call in calls]),
        along_time([call.values for call in calls]),
        along_time([call.gradients for call in calls]),
    )
