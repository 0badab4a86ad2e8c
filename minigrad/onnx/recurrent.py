"""Recurrent layers in the list of a model: an operator of ONNX's for each direction, or a `Scan`.

RNN, LSTM (with peepholes) and GRU (the reset gate before or after the product) are operators. All
other recurrences, options that change the step, and cells of a user's are a `Scan`: their step is
recorded once, for the first time step, and ONNX runs it over all.

    L steps, N sequences, I input size, H hidden size
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autograd.tensor_base import TensorBase, wrap
from ..plans import traced
from ..plans.traced import Instruction, Refused, Value
from ..recurrences.layer import RNNBase
from ..recurrences.packed import PackedSequence

__all__ = ["OPERATORS", "ORDERS", "Body", "hang", "hang_alone", "hang_deep", "needed_by"]

ndarray = np.ndarray

# Which recurrences are operators of ONNX's: its name, and where its gates are among ours.
OPERATORS: dict[str, tuple[str, tuple[int, ...]]] = {
    "rnn_tanh": ("RNN", (0,)),
    "rnn_relu": ("RNN", (0,)),
    "lstm": ("LSTM", (0, 3, 1, 2)),
    "lstm_peephole": ("LSTM", (0, 3, 1, 2)),
    "gru": ("GRU", (1, 0, 2)),
    "gru_reset_before": ("GRU", (1, 0, 2)),
}
ORDERS = dict(OPERATORS.values())  # where the gates of an operator are among ours


class Body(NamedTuple):
    """The step of a `Scan`, as a list.

    Attributes
    ----------
    instructions : list of Instruction
    states : list of Value
        The states before, each (N, ...).
    x : Value
        The input of the step, (1, N, I).
    results : list of Value
        The output, (1, N, O), and the states after, each (1, N, ...).
    """

    instructions: list[Instruction]
    states: list[Value]
    x: Value
    results: list[Value]


def hang(layer: Any, path: str) -> None:
    """Let a recurrent layer write its directions down as one entry each."""
    forward, direction = layer.forward, layer._direction
    ragged: list[Any] = [None]  # the lengths of the call that runs

    def in_order(input: Any, hx: Any = None, *, lengths: Any = None) -> Any:
        check_padded(input, path)
        wants, ragged[0] = layer._wants_zeros, as_lengths(lengths)
        try:
            return forward(input, hx)
        finally:
            ragged[0] = None
            layer._wants_zeros = wants

    def one(
        k: int, x: Any, states: Any, batch_sizes: Any, reverse: bool, seen: Any = None
    ) -> tuple[Any, ...]:
        check_mode(layer, path)
        if is_operator(layer, x.array.dtype):
            return _operator(layer, k, x, states, reverse, ragged[0])

        def step(x: Any, states: Any) -> Any:
            return direction(k, x, states, None, False)

        return scanned(step, x, states, layer._shapes_of(k // layer._directions), reverse,
                       ragged[0], f"{path or type(layer).__name__}, direction {k}")  # fmt: skip

    layer.__dict__["forward"], layer.__dict__["_direction"] = in_order, one


def hang_deep(network: Any, path: str) -> None:
    """Let a deep IndRNN say that it cannot be exported with lengths."""
    forward = network.forward

    def in_order(input: Any, states: Any = None, *, lengths: Any = None) -> Any:
        check_padded(input, path)
        if lengths is not None:
            raise Refused(f"{path or type(network).__name__}: lengths= of a deep IndRNN")
        return forward(input, states)

    network.__dict__["forward"] = in_order


def hang_alone(layer: Any, path: str) -> None:
    """Let the recurrence of a deep IndRNN write itself down as one entry."""
    alone = layer._recur

    def one(x: Any, run: Any) -> tuple[Any, ...]:
        start = next(run.starts)

        def step(x: Any, states: Any) -> Any:
            inner = type(run)(iter(states))
            return alone(x, inner)

        size = (layer.weight_hh.shape[0],)
        states = None if start is None else (start,)
        return scanned(step, x, states, [size], False, None, path)

    layer.__dict__["_recur"] = one


def check_padded(input: Any, path: str) -> None:
    """Refuse a packed input."""
    if isinstance(input, PackedSequence):
        raise Refused(f"{path or 'the layer'} is given a PackedSequence: give lengths= instead")


def check_mode(layer: Any, path: str) -> None:
    """Refuse options that draw random numbers, while training."""
    options = layer._options
    drops = options.recurrent_dropout or any(np.atleast_1d(options.zoneout))
    if layer.training and drops:
        raise Refused(f"{path or type(layer).__name__}: recurrent_dropout or zoneout in training")


def as_lengths(lengths: Any) -> Any:
    """Lengths as an array of int32, (N,), or None."""
    if lengths is None:
        return None
    array = lengths.array if isinstance(lengths, TensorBase) else np.asarray(lengths)
    return array.astype(np.int32)


def is_operator(layer: Any, dtype: Any) -> bool:
    """Whether a layer is one that ONNX has an operator for, as it is; ONNX Runtime in float32."""
    if (
        dtype != np.float32
        or not isinstance(layer, RNNBase)
        or layer.recurrence.name not in OPERATORS
    ):
        return False
    options = layer._options
    return not (options.layer_norm or layer.proj_size or any(np.atleast_1d(options.zoneout)))


def _operator(
    layer: Any, k: int, x: Any, states: Any, reverse: bool, lengths: Any
) -> tuple[Any, ...]:
    """One direction as an operator: the output (L, N, H), the states (1, N, H)."""
    recurrence = layer.recurrence
    names = layer._all_weights[k]
    weights = {name[: name.index("_l")]: getattr(layer, name).array for name in names}
    given = [None if states is None else s.array for s in states or ()]
    arrays = {
        "x": x.array, "w_ih": weights["weight_ih"], "w_hh": weights["weight_hh"],
        "b_ih": weights.get("bias_ih"), "b_hh": weights.get("bias_hh"),
        "peephole": weights.get("weight_peephole"), "lengths": lengths,
        **{f"state {n}": s for n, s in enumerate(given)},
    }  # fmt: skip
    arrays = {name: a for name, a in arrays.items() if a is not None}
    hidden = layer._size_of(k // layer._directions)
    steps, batch = x.array.shape[:2]
    shapes = [(steps, batch, hidden), *[(1, batch, hidden)] * len(recurrence.states)]
    form = (recurrence.name, reverse, hidden, tuple(arrays))
    return _several("recurrent", list(arrays.values()), shapes, x, form)


def _several(
    op: str, arrays: Sequence[Any], shapes: Sequence[tuple[int, ...]], x: Any, form: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The results, all zeros, of one entry that has several."""
    tape = traced.tape_now()
    values = tuple([tape.value_of(a) for a in arrays])
    whole = tape.made(op, values, form, shapes[0], x.array.dtype)
    results = []
    for n, shape in enumerate(shapes):
        array = np.zeros(shape, x.array.dtype).view(traced.Traced)
        array.value = tape.made("result", (whole,), (n,), shape, array.dtype)
        results.append(wrap(array))
    return tuple(results)


def scanned(
    step: Any, x: Any, states: Any, shapes: Sequence[tuple[int, ...]], reverse: bool, lengths: Any,
    path: str,
) -> tuple[Any, ...]:  # fmt: skip
    """A direction whose step is recorded, as a `Scan`: results as those of `_operator`."""
    tape = traced.tape_now()
    steps, batch, _ = x.array.shape
    if states is None:
        states = [wrap(traced.fresh(np.zeros((batch, *s), x.array.dtype))) for s in shapes]
    inputs = [_like((1, *x.array.shape[1:]), x)] + [_like(s.array.shape, s) for s in states]
    began = len(tape.instructions)
    results = step(inputs[0], tuple(inputs[1:]))
    values = [tape.value_of(r.array) for r in results]
    instructions = tape.instructions[began:]
    del tape.instructions[began:]
    if len(results) != 1 + len(states):
        raise Refused(f"{path}: its step has other states than the layer")
    body = Body(
        needed_by(instructions, values), [s.array.value for s in inputs[1:]],
        inputs[0].array.value, values,
    )  # fmt: skip
    out = [(steps, *results[0].array.shape[1:]), *[(1, *s.array.shape) for s in states]]
    arrays = [x.array, *[s.array for s in states], *([] if lengths is None else [lengths])]
    return _several("scan", arrays, out, x, (body, reverse, lengths is not None))


def _like(shape: tuple[int, ...], tensor: Any) -> Any:
    """A tensor of this shape, whose array is an input of a step."""
    numbers = np.linspace(-0.5, 0.5, max(1, int(np.prod(shape))))[: int(np.prod(shape))]
    array = numbers.astype(tensor.array.dtype).reshape(shape)
    return wrap(traced.input_value(array, "of the step"))


def needed_by(instructions: Sequence[Instruction], outputs: list[Value]) -> list[Instruction]:
    """Those instructions that the outputs need; a copy is its original."""
    same: dict[int, Value] = {}

    def original(value: Value) -> Value:
        return same.get(id(value), value)

    for i in instructions:
        i.inputs = tuple([original(v) for v in i.inputs])
        if i.op == "scan":
            for inner in i.options[0].instructions:
                inner.inputs = tuple([original(v) for v in inner.inputs])
        if i.op == "copy":
            same[id(i.output)] = i.inputs[0]
            i.inputs[0].is_own = False
    for k, value in enumerate(outputs):
        outputs[k] = original(value)
    read = {id(v) for v in outputs}
    wanted = []
    for i in reversed(instructions):
        if id(i.output) in read and i.op != "copy":
            read |= {id(v) for v in i.inputs}
            if i.op == "scan":
                body = i.options[0]
                read |= {id(v) for inner in body.instructions for v in inner.inputs}
                read |= {id(v) for v in body.results}
            wanted.append(i)
    return wanted[::-1]
