"""One operation a recurrence: kernel forward, kernel gradient, reference for everything else.

Arguments are checked by the layers in `minigrad.nn`, and once more by the kernels. Without kernels
(``MINIGRAD_KERNELS=reference``, or a dtype they do not know) the reference runs, recorded operation
by operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .fused import Fused
from .reference import rnn_step, unroll

ndarray = np.ndarray


def _array(tensor: Any) -> Any:
    """The array of a tensor, or None."""
    return None if tensor is None else tensor.array


# ------------------------------------------------------------------------------------------------
# One step: what a cell computes
# ------------------------------------------------------------------------------------------------


def _rnn_cell_vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...],
    kept: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    d_output = grads[0][None]
    kernel, steps, hidden = kept
    return _rnn_gradients(kernel, d_output, steps, hidden, inputs, options, needs, 0)


_RNN_CELL = {name: Fused(name, _rnn_cell_vjp, rnn_step) for name in ("tanh", "relu")}


def rnn_cell(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str) -> Any:
    """One step of the simple recurrence, `rnn_step`: the next state, (N, H)."""
    kernels = _kernels.kernels_for(x.array.dtype)
    if kernels is None:
        return rnn_step(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity)
    steps = x.array[None]  # a sequence of one step
    hidden = kernels.rnn.forward(
        steps, h.array, w_ih.array, w_hh.array, _array(b_ih), _array(b_hh), nonlinearity == "relu"
    )
    return _RNN_CELL[nonlinearity].call(
        (x, h, w_ih, w_hh, b_ih, b_hh), (nonlinearity,), (kernels.rnn, steps, hidden), hidden[1]
    )


def _rnn_gradients(
    kernel: Any, d_hidden: ndarray, x: ndarray, hidden: ndarray, inputs: list[Any],
    options: tuple[Any, ...],
    needs: list[bool], step: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of all inputs; `step` picks from that of x the steps that x has."""
    need_x, need_h_0, need_w_ih, need_w_hh, need_b_ih, need_b_hh = needs
    d_x, d_h_0, d_w_ih, d_w_hh, d_bias = kernel.backward(
        d_hidden, x, hidden, inputs[2], inputs[3], options[0] == "relu",
        need_x, need_h_0, need_w_ih or need_w_hh, need_b_ih or need_b_hh,
    )  # fmt: skip
    return (None if d_x is None else d_x[step]), d_h_0, d_w_ih, d_w_hh, d_bias, d_bias


# ------------------------------------------------------------------------------------------------
# A sequence: what one direction of one layer computes
# ------------------------------------------------------------------------------------------------


def _rnn_reference(
    x: Any, h_0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str
) -> tuple[Any, Any]:
    return unroll(rnn_step, x, h_0, w_ih, w_hh, b_ih, b_hh, nonlinearity)


def _rnn_vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...],
    kept: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    kernel, hidden = kept
    d_output, d_h_n = grads
    if d_output is None:
        d_output = np.zeros(hidden[1:].shape, hidden.dtype)
    if d_h_n is not None:  # the last state is also the last entry of the output
        d_output = np.array(d_output, order="C")
        d_output[-1] += d_h_n
    return _rnn_gradients(kernel, d_output, inputs[0], hidden, inputs, options, needs, ...)


_RNN = Fused("stack", _rnn_vjp, _rnn_reference)  # grad_fn=<StackBackward0>, as PyTorch prints


def rnn(
    x: Any, h_0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str
) -> tuple[Any, Any]:
    """The simple recurrence over a sequence: all states (T, N, H), and the last one (N, H)."""
    kernels = _kernels.kernels_for(x.array.dtype)
    if kernels is None:
        return _rnn_reference(x, h_0, w_ih, w_hh, b_ih, b_hh, nonlinearity)
    hidden = kernels.rnn.forward(
        x.array,
        h_0.array,
        w_ih.array,
        w_hh.array,
        _array(b_ih),
        _array(b_hh),
        nonlinearity == "relu",
    )
    outputs = hidden[1:], hidden[-1].copy()  # a copy: changing one in place leaves the other alone
    inputs = (x, h_0, w_ih, w_hh, b_ih, b_hh)
    return _RNN.call(inputs, (nonlinearity,), (kernels.rnn, hidden), outputs)
