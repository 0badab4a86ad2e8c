"""The recurrences, each as one step written in tensor operations: this is the text to read.

A step takes the input of one time step and the state, and returns the next state. It is a pure
function: no hidden state, no branching on values. The kernels compute the same thing over a whole
sequence, and are tested against this file; ``MINIGRAD_KERNELS=reference`` runs it instead of them;
derivatives of second and higher order are those of this file.

    N batch, I input size, H hidden size
    x (N, I), h (N, H), w_ih (H, I), w_hh (H, H), b_ih and b_hh (H,) or None
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .elementwise import relu, tanh
from .join import stack, unbind
from .matmul import linear

ACTIVATIONS = {"tanh": tanh, "relu": relu}


def rnn_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str) -> Any:
    """The simple recurrent network of Elman (1990).

    h' = act(x W_ih^T + b_ih + h W_hh^T + b_hh),   act = tanh or relu
    """
    act = ACTIVATIONS[nonlinearity]
    return act(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh))


def unroll(step: Callable[..., Any], x: Any, h: Any, *parameters: Any) -> tuple[Any, Any]:
    """Run a step over a sequence.

    Parameters
    ----------
    step : callable
        ``step(x_t, h, *parameters)`` gives the next state.
    x : (T, N, I)
    h : (N, H)
        The initial state.

    Returns
    -------
    output : (T, N, H)
        The state after each step.
    h : (N, H)
        The last state.
    """
    states = []
    for x_t in unbind(x):
        h = step(x_t, h, *parameters)
        states.append(h)
    return stack(states), h
