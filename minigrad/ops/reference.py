"""The recurrences, each as one step written in tensor operations: this is the text to read.

A step takes the input of one time step, the states and the parameters, and returns the next states,
as a tuple; the first of them is the output. It is a pure function: nothing hidden, no branching on
values. `unroll` runs a step over a sequence. The kernels compute the same thing over a whole
sequence, and are tested against this file; a recurrence without a kernel runs as it is written, and
with ``MINIGRAD_KERNELS=reference`` all of them do; derivatives of second and higher order are those
of the steps.

    N batch, I input size, H hidden size, G number of gates
    x (N, I), h (N, H), w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H,) or None

The rows of w_ih, w_hh and of the biases are those of the first gate, then those of the second, ...,
in the order in which the recurrence names its gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .elementwise import relu, sigmoid, tanh
from .join import cat, chunk, split, stack, unbind
from .matmul import linear


class Recurrence(NamedTuple):
    """A recurrence: what cells and layers are built from."""

    name: str  # that of its kernel, if it has one
    gates: tuple[str, ...]
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    step: Callable[..., tuple[Any, ...]]  # step(x, *states, *parameters)
    diagonal: bool = False  # weight_hh is a vector (H,): one recurrent weight a unit


_FOUR = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


# -- the simple recurrent network ----------------------------------------------------------------


def rnn_tanh_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any]:
    """The simple recurrent network of Elman (1990).

    h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
    """
    return (tanh(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)),)


def rnn_relu_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any]:
    """The same with ReLU: h' = max(0, W_ih x + b_ih + W_hh h + b_hh)."""
    return (relu(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)),)


RNN_TANH = Recurrence("rnn_tanh", ("hidden",), ("hidden",), _FOUR, rnn_tanh_step)
RNN_RELU = Recurrence("rnn_relu", ("hidden",), ("hidden",), _FOUR, rnn_relu_step)


# -- long short-term memory ----------------------------------------------------------------------

LSTM_GATES = ("input", "forget", "cell", "output")


def lstm_step(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any = None
) -> tuple[Any, Any]:
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i, f, o = sigmoid(W x + b + U h + b')    each with rows of its own in W, U and the biases
    g       = tanh(W x + b + U h + b')
    c'      = f c + i g
    h'      = o tanh(c')                     with a projection (Sak et al. 2014): W_hr o tanh(c')
    """
    i, f, g, o = chunk(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh), 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if w_hr is None else linear(h, w_hr)), c


LSTM = Recurrence("lstm", LSTM_GATES, ("hidden", "cell"), (*_FOUR, "weight_hr"), lstm_step)


# -- gated recurrent unit ------------------------------------------------------------------------

GRU_GATES = ("reset", "update", "new")


def gru_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any]:
    """The gated recurrent unit (Cho et al. 2014).

    r, z = sigmoid(W x + b + U h + b')       each with rows of its own
    n    = tanh(W x + b + r (U h + b'))      the reset gate comes after the product with h
    h'   = (1 - z) n + z h
    """
    x_r, x_z, x_n = chunk(linear(x, w_ih, b_ih), 3, -1)
    h_r, h_z, h_n = chunk(linear(h, w_hh, b_hh), 3, -1)
    z = sigmoid(x_z + h_z)
    n = tanh(x_n + sigmoid(x_r + h_r) * h_n)
    return (n + z * (h - n),)


GRU = Recurrence("gru", GRU_GATES, ("hidden",), _FOUR, gru_step)


# -- just another network ------------------------------------------------------------------------

JANET_GATES = ("forget", "cell")
JANET_BETA = 1.0


def janet_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any]:
    """JANET, an LSTM with the forget gate alone (van der Westhuizen & Lasenby 2018).

    s  = W_f x + b_f + U_f h + b_f'
    c~ = tanh(W_c x + b_c + U_c h + b_c')
    h' = sigmoid(s) h + (1 - sigmoid(s - beta)) c~,   beta = 1

    Hidden and cell state are one. 1 - sigmoid(s - beta) is written as sigmoid(beta - s), which
    keeps its digits where it is small.
    """
    s, candidate = chunk(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh), 2, -1)
    return (sigmoid(s) * h + sigmoid(JANET_BETA - s) * tanh(candidate),)


JANET = Recurrence("janet", JANET_GATES, ("hidden",), _FOUR, janet_step)


# -- independently recurrent network -------------------------------------------------------------


def indrnn_relu_step(x: Any, h: Any, w_ih: Any, u: Any, b: Any) -> tuple[Any]:
    """The independently recurrent network (Li et al. 2018): each unit sees only its own past.

    h' = max(0, W x + b + u h),   u (H,): one recurrent weight a unit

    Without W (None), x itself is W x + b.
    """
    return (relu((x if w_ih is None else linear(x, w_ih, b)) + u * h),)


def indrnn_tanh_step(x: Any, h: Any, w_ih: Any, u: Any, b: Any) -> tuple[Any]:
    """The same with tanh: h' = tanh(W x + b + u h)."""
    return (tanh((x if w_ih is None else linear(x, w_ih, b)) + u * h),)


_THREE = ("weight_ih", "weight_hh", "bias_ih")  # weight_hh is u
INDRNN_RELU = Recurrence("indrnn_relu", ("hidden",), ("hidden",), _THREE, indrnn_relu_step, True)
INDRNN_TANH = Recurrence("indrnn_tanh", ("hidden",), ("hidden",), _THREE, indrnn_tanh_step, True)


# -- over a sequence -----------------------------------------------------------------------------


def unroll(
    step: Callable[..., tuple[Any, ...]],
    x: Any,
    states: Sequence[Any],
    parameters: Sequence[Any],
    batch_sizes: Any = None,
    reverse: bool = False,
) -> tuple[Any, ...]:
    """Run a step over sequences, of one length or of several.

    Parameters
    ----------
    step : callable
        ``step(x_t, *states, *parameters)`` gives the next states.
    x : (T, N, I), or with `batch_sizes` (R, I)
        R rows are those of all steps one after the other, the longest sequence first in each.
    states : sequence of (N, H)
        The initial ones.
    parameters : sequence
    batch_sizes : sequence of int, optional
        How many of the N sequences have a step t: these are the first ones, as none is longer
        than its predecessor.
    reverse : bool
        Run from each sequence's end to its beginning.

    Returns
    -------
    output : (T, N, H) or (R, H)
        The first state after each step, in the order of x.
    *states : (N, H)
        The states of each sequence after its last step.
    """
    steps = unbind(x) if batch_sizes is None else split(x, list(batch_sizes))
    outputs: list[Any] = [None] * len(steps)
    for t in reversed(range(len(steps))) if reverse else range(len(steps)):
        running = steps[t].shape[0]
        if running == states[0].shape[0]:
            states = step(steps[t], *states, *parameters)
            outputs[t] = states[0]
        else:  # some sequences have ended, or, running in reverse, not yet begun: their states wait
            after = step(steps[t], *[s[:running] for s in states], *parameters)
            states = [cat([a, s[running:]]) for a, s in zip(after, states)]
            outputs[t] = after[0]
    if not outputs:  # all sequences are empty: no rows, and still a function of everything
        rows = x.reshape(0, x.shape[-1])
        output = step(rows, *[s[:0] for s in states], *parameters)[0]
        return output.reshape(*x.shape[:-1], output.shape[-1]), *states
    return (stack if batch_sizes is None else cat)(outputs), *states
