"""One operation a recurrence: kernel forward, kernel gradient, reference for everything else.

Arguments are checked by the layers in `minigrad.nn`; here only memory is made contiguous, because the
kernels accept nothing else. Without kernels (``MINIGRAD_KERNELS=reference``, or a dtype they do not
know) the reference runs, recorded operation by operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from ..autograd.engine import OUTPUT, mode, record, wrap
from .fused import Fused, contiguous
from .reference import rnn_step, unroll

ndarray = np.ndarray


def _array(tensor: Any) -> Any:
    """The array of a tensor (or None), contiguous."""
    return None if tensor is None else contiguous(tensor.array)


# ------------------------------------------------------------------------------------------------
# One step: what a cell computes
# ------------------------------------------------------------------------------------------------


def _rnn_cell_vjp(
    grads: list[Any], needs: list[bool], x: ndarray, h: ndarray, w_ih: ndarray, w_hh: ndarray,
    b_ih: Any, b_hh: Any, nonlinearity: str, kernel: Any, steps: ndarray, hidden: ndarray, _output: Any,
) -> tuple[Any, ...]:  # fmt: skip
    need_x, need_h, need_w_ih, need_w_hh, need_b_ih, need_b_hh = needs
    d_x, d_h, d_w_ih, d_w_hh, d_bias = kernel.backward(
        contiguous(grads[0])[None], steps, hidden, contiguous(w_ih),
        contiguous(w_hh), nonlinearity == "relu", need_x, need_h, need_w_ih or need_w_hh,
        need_b_ih or need_b_hh,
    )  # fmt: skip
    return (None if d_x is None else d_x[0]), d_h, d_w_ih, d_w_hh, d_bias, d_bias


_RNN_CELL = {name: Fused(name, _rnn_cell_vjp, rnn_step, 7) for name in ("tanh", "relu")}


def rnn_cell(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str) -> Any:
    """One step of the simple recurrence, `rnn_step`: the next state, (N, H)."""
    kernels = _kernels.kernels_for(x.array.dtype)
    if kernels is None:
        return rnn_step(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity)
    steps = _array(x)[None]  # a sequence of one step
    hidden = kernels.rnn.forward(
        steps, _array(h), _array(w_ih), _array(w_hh), _array(b_ih),
        _array(b_hh), nonlinearity == "relu",
    )  # fmt: skip
    if not mode.enabled:
        return wrap(hidden[1])
    inputs = (x, h, w_ih, w_hh, b_ih, b_hh)
    saved = (*inputs, nonlinearity, kernels.rnn, steps, hidden, OUTPUT)
    return record(_RNN_CELL[nonlinearity], inputs, saved, hidden[1])


# ------------------------------------------------------------------------------------------------
# A sequence: what one direction of one layer computes
# ------------------------------------------------------------------------------------------------


def _rnn_reference(
    x: Any, h_0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str
) -> tuple[Any, Any]:
    return unroll(rnn_step, x, h_0, w_ih, w_hh, b_ih, b_hh, nonlinearity)


def _rnn_vjp(
    grads: list[Any], needs: list[bool], x: ndarray, h_0: ndarray, w_ih: ndarray, w_hh: ndarray,
    b_ih: Any, b_hh: Any, nonlinearity: str, kernel: Any, hidden: ndarray, _output: Any,
) -> tuple[Any, ...]:  # fmt: skip
    d_output, d_h_n = grads
    need_x, need_h_0, need_w_ih, need_w_hh, need_b_ih, need_b_hh = needs
    d_hidden = np.zeros(hidden[1:].shape, hidden.dtype) if d_output is None else d_output
    if d_h_n is not None:  # the last state is also the last entry of the output
        d_hidden = np.array(d_hidden)
        d_hidden[-1] += d_h_n
    d_x, d_h_0, d_w_ih, d_w_hh, d_bias = kernel.backward(
        contiguous(d_hidden), contiguous(x), hidden, contiguous(w_ih),
        contiguous(w_hh), nonlinearity == "relu", need_x, need_h_0, need_w_ih or need_w_hh,
        need_b_ih or need_b_hh,
    )  # fmt: skip
    return d_x, d_h_0, d_w_ih, d_w_hh, d_bias, d_bias


_RNN = Fused("stack", _rnn_vjp, _rnn_reference, 7)  # grad_fn=<StackBackward0>, as PyTorch prints


def rnn(
    x: Any, h_0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str
) -> tuple[Any, Any]:
    """The simple recurrence over a sequence: all states (T, N, H), and the last one (N, H)."""
    kernels = _kernels.kernels_for(x.array.dtype)
    if kernels is None:
        return _rnn_reference(x, h_0, w_ih, w_hh, b_ih, b_hh, nonlinearity)
    hidden = kernels.rnn.forward(
        _array(x), _array(h_0), _array(w_ih), _array(w_hh), _array(b_ih),
        _array(b_hh), nonlinearity == "relu",
    )  # fmt: skip
    inputs = (x, h_0, w_ih, w_hh, b_ih, b_hh)
    saved = (*inputs, nonlinearity, kernels.rnn, hidden, OUTPUT)
    outputs = hidden[1:], hidden[-1].copy()  # a copy: changing one in place leaves the other alone
    return record(_RNN, inputs, saved, outputs)  # type: ignore[no-any-return]


