"""Proofs for what users write themselves: `check_recurrence` for a recurrence of their own."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.backward import grad
from ..autograd.grad_mode import no_grad
from ..autograd.gradcheck import gradcheck, gradgradcheck
from ..nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from ..ops.join import cat
from ..plans.planned import switched_off
from ..recurrences.own import Recurrent
from ..recurrences.sequences import SequenceLayer
from ..tensor.creation import get_rng_state, manual_seed, rand_like, randn, set_rng_state

Layer = Callable[..., Any]

LENGTHS = (2, 4, 0, 3)


def check_recurrence(
    cell: Any, input_size: int = 3, hidden_size: int = 4, *, gradients: bool = True, **options: Any
) -> bool:
    """Prove that a cell makes a recurrent layer with which nothing is wrong.

    What it should compute, only you know. Checked is what holds for every recurrence: gradients, to
    second order, equal finite differences; sequences of different lengths give what each gives by
    itself; the second direction is the first one of the sequence turned round; layers are put upon
    each other; both dtypes; one step, one sequence, no sequence; a state dict restores the layer.

    Parameters
    ----------
    cell : Module class, function, or class of a recurrent layer
        As for `nn.Recurrent`; or a layer such as `nn.LSTM` itself.
    input_size, hidden_size : int
        Small ones, since every derivative is compared.
    gradients : bool
        False leaves the finite differences out, which take most of the time.
    **options
        Go to the cell.

    Returns
    -------
    bool
        True.

    Raises
    ------
    AssertionError
        Something is wrong; the message says what, and in which layer.
    GradcheckError
        A gradient is wrong.

    Examples
    --------
    >>> import minigrad as mg
    >>> def leaky(x, h, w, u):
    ...     return 0.9 * h + 0.1 * (x @ w + h @ u).tanh()
    >>> shapes = lambda I, H: {"w": (I, H), "u": (H, H)}
    >>> mg.testing.check_recurrence(leaky, parameters=shapes)
    True
    """

    def make(num_layers: int = 1, inputs: int = input_size, **more: Any) -> Any:
        is_layer = isinstance(cell, type) and issubclass(cell, SequenceLayer)
        layer = cell if is_layer else functools.partial(Recurrent, cell)
        made = layer(inputs, hidden_size, num_layers, **more, **options)
        return made.double().eval()

    state = get_rng_state()
    try:
        manual_seed(0)
        for check in (
            _lengths,
            _directions,
            _layers,
            _layouts,
            _sizes,
            _dtypes,
            _state_dict,
            _plan,
        ):
            check(make)
        if gradients:
            _gradients(make)
    finally:
        set_rng_state(state)
    return True


def _flat(result: Any) -> list[Any]:
    """What a layer returned, side by side: the output, each state."""
    output, states = result
    return [output, *(states if isinstance(states, tuple) else (states,))]


def _random(layer: Any, *lead: int) -> Any:
    return randn(*lead, layer.input_size, dtype=dtypes.float64, requires_grad=True)


def _states(layer: Any, batch: int | None) -> list[Any]:
    """Random initial states."""
    places = layer.num_layers * layer._directions
    lead = (places,) if batch is None else (places, batch)
    return [
        randn(*lead, *shape, dtype=dtypes.float64, requires_grad=True)
        for shape in layer._state_shapes
    ]


def _run(layer: Any, x: Any, states: list[Any], **options: Any) -> list[Any]:
    return _flat(layer(x, states[0] if len(states) == 1 else tuple(states), **options))


def _equal(got: list[Any], wanted: list[Any], what: str, atol: float = 1e-9) -> None:
    for k, (a, b) in enumerate(zip(got, wanted)):
        name = "output" if k == 0 else f"last state {k}"
        a, b = a.detach().double().numpy(), b.detach().double().numpy()
        if a.shape != b.shape or not np.allclose(a, b, 1e-6, atol):
            by = f"by {abs(a - b).max():.3g}" if a.shape == b.shape else f"{a.shape}, {b.shape}"
            raise AssertionError(f"{what}: {name} differs, {by}")


def _total(results: list[Any], weights: list[Any]) -> Any:
    total = (results[0] * weights[0]).sum()
    for y, w in zip(results[1:], weights[1:]):
        total = total + (y * w).sum()
    return total


def _lengths(make: Layer) -> None:
    """A ragged batch, also packed, equals its sequences one by one, in values and gradients."""
    layer = make(2, bidirectional=True)
    x, states = _random(layer, 4, 4), _states(layer, 4)
    leaves = [x, *states, *layer.parameters()]
    batch = _run(layer, x, states, lengths=list(LENGTHS))
    weights = [rand_like(y) for y in batch]
    single = []
    for n, length in enumerate(LENGTHS):
        own = [s[:, n : n + 1] for s in states]
        if length:
            alone = _run(layer, x[:length, n : n + 1], own)
        else:
            alone = [x.new_zeros(0, 1, batch[0].shape[2]), *own]
        padding = x.new_zeros(4 - length, 1, batch[0].shape[2])
        single.append([cat([alone[0], padding]), *alone[1:]])
    together = [cat(parts, 1) for parts in zip(*single)]
    _equal(batch, together, "lengths=")
    found: Any = grad(_total(batch, weights), leaves, allow_unused=True)
    wanted: Any = grad(_total(together, weights), leaves, allow_unused=True)
    for k, (a, b) in enumerate(zip(found, wanted)):
        if a is None or b is None:
            a, b = [leaves[k].new_zeros(leaves[k].shape) if g is None else g for g in (a, b)]
        _equal([a], [b], f"lengths=: gradient {k}")
    some = [n for n, length in enumerate(LENGTHS) if length]
    packed = pack_padded_sequence(x[:, some], [LENGTHS[n] for n in some], enforce_sorted=False)
    result, last = layer(packed, *_given([s[:, some] for s in states]))
    padded, _ = pad_packed_sequence(result, total_length=4)
    _equal(_flat((padded, last)), [y[:, some] for y in batch], "PackedSequence")


def _given(states: list[Any]) -> tuple[Any]:
    return (states[0] if len(states) == 1 else tuple(states),)


def _copied(single: Any, layer: Any, k: int) -> Any:
    """A layer of one cell, with the parameters of the k-th cell of another layer."""
    own, others = list(single.parameters()), list(layer.parameters())
    with no_grad():
        for p, value in zip(own, others[k * len(own) :]):
            p.copy_(value)
    return single


def _directions(make: Layer) -> None:
    """Both directions equal two layers, of which the second is given the sequence turned round."""
    layer = make(bidirectional=True)
    x, states = _random(layer, 4, 2), _states(layer, 2)
    there = _run(_copied(make(), layer, 0), x, [s[:1] for s in states])
    back = _run(_copied(make(), layer, 1), x.flip(0), [s[1:] for s in states])
    wanted = [cat([there[0], back[0].flip(0)], 2)]
    wanted += [cat([a, b]) for a, b in zip(there[1:], back[1:])]
    _equal(_run(layer, x, states), wanted, "bidirectional=True")


def _layers(make: Layer) -> None:
    """Two layers equal one on top of the other."""
    layer = make(2)
    x, states = _random(layer, 4, 2), _states(layer, 2)
    below = _run(_copied(make(), layer, 0), x, [s[:1] for s in states])
    upper = _copied(make(inputs=below[0].shape[2]), layer, 1)
    above = _run(upper, below[0], [s[1:] for s in states])
    wanted = [above[0], *[cat([a, b]) for a, b in zip(below[1:], above[1:])]]
    _equal(_run(layer, x, states), wanted, "num_layers=2")


def _layouts(make: Layer) -> None:
    """batch_first, and one sequence without a batch."""
    layer = make(2)
    x, states = _random(layer, 4, 3), _states(layer, 3)
    wanted = _run(layer, x, states)
    layer.batch_first = True
    output, *last = _run(layer, x.transpose(0, 1), states)
    _equal([output.transpose(0, 1), *last], wanted, "batch_first=True")
    layer.batch_first = False
    got = _run(layer, x[:, 1], [s[:, 1] for s in states])
    _equal(got, [y[:, 1] for y in wanted], "one sequence, without a batch")
    zeros = _run(layer, x, [s * 0 for s in states])
    _equal(_flat(layer(x)), zeros, "no initial state")


def _sizes(make: Layer) -> None:
    """One step, one sequence, no sequence; steps in two pieces."""
    layer = make()
    for steps, batch in ((1, 1), (3, 1), (3, 0), (1, 5)):
        result = _run(layer, _random(layer, steps, batch), _states(layer, batch))
        if result[0].shape[:2] != (steps, batch):
            raise AssertionError(f"{steps} steps of {batch} sequences: output {result[0].shape}")
    x, states = _random(layer, 5, 2), _states(layer, 2)
    first, *between = _run(layer, x[:2], states)
    second, *last = _run(layer, x[2:], between)
    _equal(_run(layer, x, states), [cat([first, second]), *last], "a sequence in two pieces")


def _dtypes(make: Layer) -> None:
    """float32 gives float32, and about the same numbers."""
    layer = make()
    x, states = _random(layer, 3, 2), _states(layer, 2)
    wanted = _run(layer, x, states)
    single = copy.deepcopy(layer).float()
    got = _run(single, x.float(), [s.float() for s in states])
    for y in got:
        if y.dtype != dtypes.float32:
            raise AssertionError(f"a float32 layer returned {y.dtype}")
    _equal(got, wanted, "float32", 1e-3)


def _state_dict(make: Layer) -> None:
    """Another layer with the same state dict computes the same."""
    layer, other = make(2, bidirectional=True), make(2, bidirectional=True)
    other.load_state_dict(layer.state_dict())
    x, states = _random(layer, 3, 2), _states(layer, 2)
    _equal(_run(other, x, states), _run(layer, x, states), "load_state_dict")


def _plan(make: Layer) -> None:
    """A step that is recorded once computes what it computes as it is written."""
    layer = make(2, bidirectional=True)
    x, states = _random(layer, 4, 3), _states(layer, 3)
    leaves = [x, *states, *layer.parameters()]

    def everything() -> list[Any]:
        results = _run(layer, x, states, lengths=[4, 2, 3])
        manual_seed(1)
        weights = [rand_like(y) for y in results]
        grads = grad(_total(results, weights), leaves, allow_unused=True)
        zeros = [v.new_zeros(v.shape) if g is None else g for v, g in zip(leaves, grads)]
        return [*results, *zeros]

    found = everything()
    with switched_off():
        _equal(found, everything(), "recorded")


def _gradients(make: Layer) -> None:
    """First and second derivatives equal finite differences."""
    layer = make()
    x, states = _random(layer, 3, 2), _states(layer, 2)
    parameters = list(layer.parameters())

    def run(x: Any, *rest: Any) -> Any:
        return tuple(_run(layer, x, list(rest[: len(states)])))

    gradcheck(run, (x, *states, *parameters))
    gradgradcheck(run, (x, *states, *parameters), fast_mode=True)  # along random directions
