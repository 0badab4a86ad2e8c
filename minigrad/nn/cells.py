"""Recurrent cells: one time step. A cell holds the parameters and checks shapes; the recurrence
itself is a few lines in `minigrad.ops.reference`.

    N batch, I input size, H hidden size, G number of gates
"""

from __future__ import annotations

from typing import Any

from ..ops import reference
from ..ops.recurrent import recur_once
from ..tensor.creation import empty
from .module import Module
from .parameter import Parameter
from .recurrent_checks import check_cell_input, check_cell_state, check_forget_bias
from .recurrent_init import (
    clip_,
    draw_,
    draw_indrnn_,
    indrnn_bound,
    parameter_shapes,
    set_forget_bias_,
)  # fmt: skip

__all__ = ["GRUCell", "IndRNNCell", "JANETCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What all cells share: the parameters, the checks of input and state, and the step.

    Attributes
    ----------
    weight_ih : Parameter, shape (G H, I)
    weight_hh : Parameter, shape (G H, H)
    bias_ih, bias_hh : Parameter or None, shape (G H,)
        All are drawn from U(-k, k), k = 1 / sqrt(H), in this order.
    """

    recurrence: reference.Recurrence

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        for name, shape in parameter_shapes(self.recurrence, input_size, hidden_size).items():
            there = bias or not name.startswith("bias")
            value = Parameter(empty(shape, device=device, dtype=dtype)) if there else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        draw_(self.parameters(), self.hidden_size)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias else f"{text}, bias={self.bias}"

    def _step(self, recurrence: reference.Recurrence, x: Any, hx: Any) -> tuple[Any, ...]:
        """Check everything, run one step. `hx`: the states as a tuple, or None."""
        w_ih, w_hh = self._weight("weight_ih"), self._weight("weight_hh")
        check_cell_input(self, x, w_ih)
        if hx is None:
            h = c = None
        elif len(hx) == 1:
            (h,), c = hx, None
            check_cell_state(self, x, h, "hidden", "hidden0")
        else:
            h, c = hx
            check_cell_state(self, x, h, "hx[0]", "hidden0")
            check_cell_state(self, x, c, "hx[1]", "hidden1")
        own = self._parameters
        parameters = (w_ih, w_hh, own["bias_ih"], own.get("bias_hh"), None)
        if x.array.ndim == 2:
            return recur_once(recurrence, x, (h, c), parameters)
        states = [None if s is None else s.unsqueeze(0) for s in (h, c)]
        after = recur_once(recurrence, x.unsqueeze(0), states, parameters)
        return tuple([s.squeeze(0) for s in after])


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

    recurrence = reference.RNN_TANH

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """x (N, I) and h (N, H) to h' (N, H); without the N axis too. Without `hx`, h is zero."""
        if self.nonlinearity == "tanh":
            recurrence = reference.RNN_TANH
        elif self.nonlinearity == "relu":
            recurrence = reference.RNN_RELU
        else:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(recurrence, input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"


class _ForgetfulCell(RNNCellBase):
    """What the cells with a forget gate add: initial values for its bias."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None, *, forget_bias: float | None = None, chrono_t_max: int | None = None,
    ) -> None:  # fmt: skip
        check_forget_bias(bias, forget_bias, chrono_t_max)
        self.forget_bias, self.chrono_t_max = forget_bias, chrono_t_max  # reset_parameters asks
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        super().reset_parameters()
        if self.bias:
            set_forget_bias_(
                self.recurrence, self.bias_ih, self.bias_hh, self.forget_bias, self.chrono_t_max
            )


class LSTMCell(_ForgetfulCell):
    r"""One step of long short-term memory (Hochreiter & Schmidhuber 1997).

    .. math::
        i, f, o &= \sigma(W_{ih} x + b_{ih} + W_{hh} h + b_{hh}) \\
        g &= \tanh(W_{ih} x + b_{ih} + W_{hh} h + b_{hh}) \\
        c' &= f c + i g \\
        h' &= o \tanh(c')

    where each of i, f, g, o has rows of its own in the weights, in this order.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool
        False leaves both b out.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    forget_bias, chrono_t_max : optional
        Initial bias of the forget gate: see `LSTM`.

    Raises
    ------
    RuntimeError
        (in use) another input size, hidden size, batch size or dtype than expected.
    ValueError
        (in use) an input or a state of more than two axes.
    TypeError
        (in use) the states are no pair.

    Examples
    --------
    >>> import minigrad as mg
    >>> cell = mg.nn.LSTMCell(4, 3)
    >>> h = c = mg.zeros(2, 3)
    >>> for x in mg.randn(5, 2, 4):
    ...     h, c = cell(x, (h, c))
    >>> h.shape, c.shape
    (torch.Size([2, 3]), torch.Size([2, 3]))
    """

    recurrence = reference.LSTM

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """x (N, I) and (h, c), each (N, H), to (h', c'); without the N axis too.

        Without `hx`, both are zero.
        """
        if hx is not None:
            if not isinstance(hx, (tuple, list)):
                raise TypeError(
                    "LSTMCell: argument 'hx' must be tuple of Tensors (h, c), not "
                    f"{type(hx).__name__}"
                )
            if len(hx) != 2:
                raise RuntimeError(f"LSTMCell expects two hidden states (h, c), got {len(hx)}")
        return self._step(reference.LSTM, input, hx)


class GRUCell(RNNCellBase):
    r"""One step of a gated recurrent unit (Cho et al. 2014).

    .. math::
        r, z &= \sigma(W_{ih} x + b_{ih} + W_{hh} h + b_{hh}) \\
        n &= \tanh(W_{ih} x + b_{ih} + r (W_{hh} h + b_{hh})) \\
        h' &= (1 - z) n + z h

    where each of r, z, n has rows of its own in the weights, in this order.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool
        False leaves both b out.
    device, dtype : optional
        Only the CPU; the type of the parameters.

    Raises
    ------
    RuntimeError
        (in use) another input size, hidden size, batch size or dtype than expected.
    ValueError
        (in use) an input or a state of more than two axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> cell = mg.nn.GRUCell(4, 3)
    >>> h = mg.zeros(2, 3)
    >>> for x in mg.randn(5, 2, 4):
    ...     h = cell(x, h)
    >>> h.shape
    torch.Size([2, 3])
    """

    recurrence = reference.GRU

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """x (N, I) and h (N, H) to h' (N, H); without the N axis too. Without `hx`, h is zero."""
        return self._step(reference.GRU, input, None if hx is None else (hx,))[0]


class JANETCell(_ForgetfulCell):
    r"""One step of JANET (van der Westhuizen & Lasenby 2018): an LSTM with a forget gate alone.

    .. math::
        s &= W_{if} x + b_{if} + W_{hf} h + b_{hf} \\
        \tilde c &= \tanh(W_{ic} x + b_{ic} + W_{hc} h + b_{hc}) \\
        h' &= \sigma(s) h + (1 - \sigma(s - \beta)) \tilde c, \qquad \beta = 1

    The rows of the weights are those of f, then those of c.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool
        False leaves both b out.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    forget_bias, chrono_t_max : optional
        Initial bias of the forget gate, 1 by default: see `JANET`.

    Raises
    ------
    RuntimeError, ValueError
        (in use) as `GRUCell`.

    References
    ----------
    arXiv:1804.04849

    Examples
    --------
    >>> import minigrad as mg
    >>> cell = mg.nn.JANETCell(4, 3)
    >>> cell(mg.randn(2, 4)).shape
    torch.Size([2, 3])
    >>> cell.bias_ih.detach()
    tensor([1., 1., 1., 0., 0., 0.])
    """

    recurrence = reference.JANET

    def forward(self, input: Any, hx: Any = None) -> Any:
        """x (N, I) and h (N, H) to h' (N, H); without the N axis too. Without `hx`, h is zero."""
        return self._step(reference.JANET, input, None if hx is None else (hx,))[0]


class IndRNNCell(RNNCellBase):
    r"""One step of an independently recurrent network (Li et al. 2018).

    .. math:: h' = \mathrm{act}(W x + b + u \odot h)

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool
        False leaves b out.
    nonlinearity : "relu" or "tanh"
    device, dtype : optional
        Only the CPU; the type of the parameters.
    steps, magnitude : optional
        What bounds u, and where its initial values come from: see `IndRNN`.

    Attributes
    ----------
    weight_ih : Parameter, shape (H, I)
        W, from U(-a, a), a = 1 / sqrt(I).
    weight_hh : Parameter, shape (H,)
        u, from U(0, bound).
    bias_ih : Parameter or None, shape (H,)
        b, zero.

    Raises
    ------
    RuntimeError, ValueError
        (in use) as `RNNCell`.

    References
    ----------
    arXiv:1803.04831

    Examples
    --------
    >>> import minigrad as mg
    >>> cell = mg.nn.IndRNNCell(4, 3)
    >>> cell(mg.randn(2, 4)).shape
    torch.Size([2, 3])
    """

    recurrence = reference.INDRNN_RELU

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "relu",
        device: Any = None, dtype: Any = None, *, steps: int | None = None, magnitude: float = 2.0,
    ) -> None:  # fmt: skip
        self.recurrent_bound = indrnn_bound(steps, magnitude)  # reset_parameters asks
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        draw_indrnn_(dict(self.named_parameters()), 0.0, self.recurrent_bound)

    def clip_recurrent_weights_(self, bound: float | None = None) -> None:
        """Bring u into [-bound, bound] (default: `recurrent_bound`), before each training step."""
        clip_(self.weight_hh, self.recurrent_bound if bound is None else bound)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """x (N, I) and h (N, H) to h' (N, H); without the N axis too. Without `hx`, h is zero."""
        if self.nonlinearity == "relu":
            recurrence = reference.INDRNN_RELU
        elif self.nonlinearity == "tanh":
            recurrence = reference.INDRNN_TANH
        else:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(recurrence, input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return text if self.nonlinearity == "relu" else f"{text}, nonlinearity={self.nonlinearity}"
