"""Recurrent cells: one time step. A cell holds the parameters and checks shapes; the recurrence
itself is a few lines in `minigrad.ops.reference`.

    N batch, I input size, H hidden size
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.engine import TensorBase, wrap
from ..creation import empty
from ..ops.recurrent import rnn_cell
from . import init
from .module import Module
from .parameter import Parameter

NONLINEARITIES = ("tanh", "relu")


class RNNCellBase(Module):
    """What all cells share: parameters for G gates, and the checks of input and state.

    Attributes
    ----------
    weight_ih : Parameter, shape (G H, I)
    weight_hh : Parameter, shape (G H, H)
    bias_ih, bias_hh : Parameter or None, shape (G H,)
        All are drawn from U(-k, k), k = 1 / sqrt(H), in this order.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            value = Parameter(empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias else f"{text}, bias={self.bias}"

    def _check_input(self, input: Any) -> None:
        name = type(self).__name__
        if not isinstance(input, TensorBase):
            raise TypeError(f"{name}: input must be a Tensor, not {type(input).__name__}")
        x, weight = input.array, self._parameters["weight_ih"].array  # type: ignore[union-attr]
        if x.ndim not in (1, 2):
            raise ValueError(
                f"{name}: Expected input to be 1D or 2D, got {x.ndim}D instead; its shape "
                f"{list(x.shape)} should be (H_in,) or (N, H_in)"
            )
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {x.shape[-1]} expected {self.input_size} "
                f"({name}: input has shape {list(x.shape)}, its last axis must be input_size)"
            )
        if x.dtype is not weight.dtype and x.dtype != weight.dtype:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {dtypes.legacy_name(x.dtype)} "
                f"and {dtypes.legacy_name(weight.dtype)} ({name}: input and weight_ih)"
            )

    def _check_state(self, input: Any, state: Any, name: str, label: str) -> None:
        cell = type(self).__name__
        if not isinstance(state, TensorBase):
            raise TypeError(f"{cell}: {name} must be a Tensor, not {type(state).__name__}")
        x, h = input.array, state.array
        if h.ndim not in (1, 2):
            raise ValueError(
                f"{cell}: Expected {name} to be 1D or 2D, got {h.ndim}D instead; its shape "
                f"{list(h.shape)} should be (H,) or (N, H)"
            )
        if h.shape[-1] != self.hidden_size:
            raise RuntimeError(
                f"{label} has inconsistent hidden_size: got {h.shape[-1]}, expected "
                f"{self.hidden_size} ({cell}: {name} has shape {list(h.shape)})"
            )
        if x.ndim != h.ndim or (x.ndim == 2 and x.shape[0] != h.shape[0]):
            raise RuntimeError(
                f"Input batch size {x.shape[0] if x.ndim == 2 else 'none'} doesn't match {label} "
                f"batch size {h.shape[0] if h.ndim == 2 else 'none'} ({cell}: input has shape "
                f"{list(x.shape)}, {name} {list(h.shape)})"
            )
        if h.dtype is not x.dtype and h.dtype != x.dtype:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {dtypes.legacy_name(h.dtype)} "
                f"and {dtypes.legacy_name(x.dtype)} ({cell}: {name} and input)"
            )


class RNNCell(RNNCellBase):
    r"""One step of a simple recurrent network (Elman 1990).

    .. math:: h' = \tanh(W_{ih} x + b_{ih} + W_{hh} h + b_{hh})

    or with ReLU in place of tanh.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool
        False leaves both b out.
    nonlinearity : "tanh" or "relu"
    device, dtype : optional
        Only the CPU; the type of the parameters.

    Raises
    ------
    RuntimeError
        (in use) another input size, hidden size, batch size or dtype than expected, or an unknown
        nonlinearity.
    ValueError
        (in use) an input or a state of more than two axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> cell = mg.nn.RNNCell(4, 3)
    >>> h = mg.zeros(2, 3)
    >>> for x in mg.randn(5, 2, 4):
    ...     h = cell(x, h)
    >>> h.shape
    torch.Size([2, 3])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """x (N, I) and h (N, H) to h' (N, H); without the N axis too. Without `hx`, h is zero."""
        own, x, h = self._parameters, input, hx
        self._check_input(x)
        if self.nonlinearity not in NONLINEARITIES:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        if h is None:
            h = wrap(np.zeros((*x.array.shape[:-1], self.hidden_size), x.array.dtype))
        else:
            self._check_state(x, h, "hidden", "hidden0")
        batched = x.array.ndim == 2
        if not batched:
            x, h = x.unsqueeze(0), h.unsqueeze(0)
        h = rnn_cell(
            x,
            h,
            own["weight_ih"],
            own["weight_hh"],
            own["bias_ih"],
            own["bias_hh"],
            self.nonlinearity,
        )
        return h if batched else h.squeeze(0)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"
