"""The recurrent layers: each names its recurrence (a step in `minigrad.ops.reference`) and its
options. What they share is in `recurrent_base`.

    L sequence length, N batch, H_in input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import Any

from .recurrent_base import MODES, RNNBase
from .recurrent_checks import check_forget_bias
from .recurrent_init import clip_, draw_indrnn_, indrnn_bound, set_forget_bias_

__all__ = ["GRU", "JANET", "LSTM", "RNN", "IndRNN", "RNNBase"]


def _check_no_projection(proj_size: int) -> None:
    if proj_size:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    r"""A simple recurrent network (Elman 1990), in one or several layers.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    or with ReLU in place of tanh. The input of layer k > 0 is the output of layer k - 1.

    Parameters
    ----------
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
    nonlinearity : "tanh" or "relu"
    bias : bool
        False leaves both b out.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    bidirectional : bool
        Each layer also runs from the end to the start, with parameters of its own.
    device, dtype : optional
        Only the CPU; the type of the parameters.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of another type.
    RuntimeError, ValueError
        (in use) shapes or dtypes that do not go together.

    See Also
    --------
    RNNBase.forward : what goes in and comes out.

    Examples
    --------
    >>> import minigrad as mg
    >>> rnn = mg.nn.RNN(10, 20, num_layers=2)
    >>> output, h_n = rnn(mg.randn(5, 3, 10))
    >>> output.shape, h_n.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, device: Any = None, dtype: Any = None, proj_size: int = 0,
    ) -> None:  # fmt: skip
        _check_no_projection(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class _Forgetful(RNNBase):
    """What LSTM and JANET add: initial values for the bias of the forget gate."""

    forget_bias: float | None = None
    chrono_t_max: int | None = None

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        super().reset_parameters()
        if self.bias:
            for own in self._each_direction():
                set_forget_bias_(
                    MODES[self.mode], own["bias_ih"], own["bias_hh"], self.forget_bias,
                    self.chrono_t_max,
                )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        for name in ("forget_bias", "chrono_t_max"):
            value = getattr(self, name)
            text += "" if value is None else f", {name}={value}"
        return text


class LSTM(_Forgetful):
    r"""Long short-term memory (Hochreiter & Schmidhuber 1997), in one or several layers.

    .. math::
        i_t, f_t, o_t &= \sigma(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \\
        g_t &= \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \\
        c_t &= f_t c_{t-1} + i_t g_t \\
        h_t &= o_t \tanh(c_t)

    where each of i, f, g, o has rows of its own in the weights, in this order. With a projection
    (Sak et al. 2014) the hidden state is :math:`h_t = W_{hr} (o_t \tanh(c_t))`, of size P.

    Parameters
    ----------
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
    bias : bool
        False leaves both b out.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    bidirectional : bool
        Each layer also runs from the end to the start, with parameters of its own.
    proj_size : int
        P, less than H; 0: no projection.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    forget_bias : float, optional
        Initial value of the forget gate's bias in every layer and direction, ``b_ih + b_hh``; 1 is
        usual (Jozefowicz et al. 2015). Default: drawn like all parameters, as PyTorch does.
    chrono_t_max : int, optional
        Chrono initialisation (Tallec & Ollivier 2018) for dependencies of up to this many steps:
        ``b_f = log(U[1, T_max - 1])`` and ``b_i = -b_f``, in every layer and direction.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of another type.
    RuntimeError, ValueError
        (in use) shapes or dtypes that do not go together.

    See Also
    --------
    RNNBase.forward : what goes in and comes out; `hx` is the pair (h_0, c_0).

    Examples
    --------
    >>> import minigrad as mg
    >>> lstm = mg.nn.LSTM(10, 20, bidirectional=True)
    >>> output, (h_n, c_n) = lstm(mg.randn(5, 3, 10))
    >>> output.shape, h_n.shape, c_n.shape
    (torch.Size([5, 3, 40]), torch.Size([2, 3, 20]), torch.Size([2, 3, 20]))

    Sequences of different lengths, in a padded batch:

    >>> output, _ = lstm(mg.randn(5, 3, 10), lengths=[2, 5, 0])
    >>> output.abs().sum(2).bool().sum(0)  # steps with an output
    tensor([2, 5, 0])
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        proj_size: int = 0, device: Any = None, dtype: Any = None, *,
        forget_bias: float | None = None, chrono_t_max: int | None = None,
    ) -> None:  # fmt: skip
        check_forget_bias(bias, forget_bias, chrono_t_max)
        self.forget_bias, self.chrono_t_max = forget_bias, chrono_t_max  # reset_parameters asks
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            proj_size, device, dtype,
        )  # fmt: skip


class GRU(RNNBase):
    r"""Gated recurrent units (Cho et al. 2014), in one or several layers.

    .. math::
        r_t, z_t &= \sigma(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \\
        n_t &= \tanh(W_{ih} x_t + b_{ih} + r_t (W_{hh} h_{t-1} + b_{hh})) \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}

    where each of r, z, n has rows of its own in the weights, in this order. The reset gate is
    applied after the product with h, as in PyTorch and cuDNN (the paper applies it before).

    Parameters
    ----------
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
    bias : bool
        False leaves both b out.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    bidirectional : bool
        Each layer also runs from the end to the start, with parameters of its own.
    device, dtype : optional
        Only the CPU; the type of the parameters.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of another type.
    RuntimeError, ValueError
        (in use) shapes or dtypes that do not go together.

    See Also
    --------
    RNNBase.forward : what goes in and comes out.

    Examples
    --------
    >>> import minigrad as mg
    >>> gru = mg.nn.GRU(10, 20, num_layers=2, batch_first=True)
    >>> output, h_n = gru(mg.randn(3, 5, 10))
    >>> output.shape, h_n.shape
    (torch.Size([3, 5, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None, dtype: Any = None, proj_size: int = 0,
    ) -> None:  # fmt: skip
        _check_no_projection(proj_size)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            0, device, dtype,
        )  # fmt: skip


class JANET(_Forgetful):
    r"""Just another network (van der Westhuizen & Lasenby 2018): an LSTM with a forget gate alone.

    .. math::
        s_t &= W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf} \\
        \tilde c_t &= \tanh(W_{ic} x_t + b_{ic} + W_{hc} h_{t-1} + b_{hc}) \\
        h_t &= \sigma(s_t) h_{t-1} + (1 - \sigma(s_t - \beta)) \tilde c_t, \qquad \beta = 1

    Hidden and cell state are one. The rows of the weights are those of f, then those of c.

    Parameters
    ----------
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
    bias : bool
        False leaves both b out.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    bidirectional : bool
        Each layer also runs from the end to the start, with parameters of its own.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    forget_bias : float, optional
        Initial value of the forget gate's bias in every layer and direction. Default: 1.
    chrono_t_max : int, optional
        Chrono initialisation (Tallec & Ollivier 2018) for dependencies of up to this many steps,
        as the paper does it: ``b_f = log(U[1, T_max - 1])``.

    Notes
    -----
    Weights start as those of `LSTM`; the biases of the cell gate start at zero. Of the two bias
    vectors ``bias_hh`` starts at zero.

    References
    ----------
    arXiv:1804.04849

    Examples
    --------
    >>> import minigrad as mg
    >>> janet = mg.nn.JANET(10, 20, chrono_t_max=200)
    >>> output, h_n = janet(mg.randn(5, 3, 10))
    >>> output.shape, h_n.shape
    (torch.Size([5, 3, 20]), torch.Size([1, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None, dtype: Any = None, *,
        forget_bias: float | None = None, chrono_t_max: int | None = None,
    ) -> None:  # fmt: skip
        check_forget_bias(bias, forget_bias, chrono_t_max)
        self.forget_bias, self.chrono_t_max = forget_bias, chrono_t_max  # reset_parameters asks
        super().__init__(
            "JANET", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip


class IndRNN(RNNBase):
    r"""Independently recurrent network (Li et al. 2018), in one or several layers.

    .. math:: h_t = \mathrm{act}(W x_t + b + u \odot h_{t-1})

    act is ReLU or tanh, u a vector: each unit sees only its own past. So gradients through time can
    be kept in bounds by keeping u in bounds, :math:`|u| \le \gamma^{1/T}`, sequences may have
    thousands of steps, layers can be stacked deep, and all of W x is one product.

    Parameters
    ----------
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
    nonlinearity : "relu" or "tanh"
    bias : bool
        False leaves b out.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    bidirectional : bool
        Each layer also runs from the end to the start, with parameters of its own.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    steps : int, optional
        T, the number of steps that a gradient has to travel. It sets the bound of u, which
        `clip_recurrent_weights_` applies: ``magnitude ** (1 / steps)``; without `steps` it is 1.
    magnitude : float
        The bound of what T steps may multiply a gradient by, 2 in the paper.
    last_step_only : bool
        Only the last output feeds the loss. Then u of the last layer starts from U(1/b, b) with b
        its bound, so that what the units see early is kept to the end.

    Attributes
    ----------
    weight_ih_l{k} : Parameter, shape (H, H_in) for layer 0, (H, D H) for the others
        W, from U(-a, a), a = 1 / sqrt(columns).
    weight_hh_l{k} : Parameter, shape (H,)
        u, from U(0, bound).
    bias_ih_l{k} : Parameter, shape (H,)
        b, zero.
    recurrent_bound : float
        The bound of u.

    Notes
    -----
    The authors use no weight decay on u.

    References
    ----------
    arXiv:1803.04831; deep variants: arXiv:1910.06251, `ResidualIndRNN` and `DenseIndRNN`.

    Examples
    --------
    >>> import minigrad as mg
    >>> rnn = mg.nn.IndRNN(10, 20, num_layers=2, steps=1000)
    >>> output, h_n = rnn(mg.randn(1000, 3, 10))
    >>> output.shape, h_n.shape
    (torch.Size([1000, 3, 20]), torch.Size([2, 3, 20]))
    >>> rnn.clip_recurrent_weights_()  # before each step of training
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "relu",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, device: Any = None, dtype: Any = None, *,
        steps: int | None = None, magnitude: float = 2.0, last_step_only: bool = False,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        self.nonlinearity = nonlinearity
        self.recurrent_bound = indrnn_bound(steps, magnitude)  # reset_parameters asks for these
        self.last_step_only = last_step_only
        super().__init__(
            f"INDRNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias,
            batch_first, dropout, bidirectional, 0, device, dtype,
        )  # fmt: skip

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound, each = self.recurrent_bound, self._each_direction()
        for k, own in enumerate(each):
            is_last = k >= len(each) - self._directions
            draw_indrnn_(own, 1 / bound if self.last_step_only and is_last else 0.0, bound)

    def clip_recurrent_weights_(self, bound: float | None = None) -> None:
        """Bring every u into [-bound, bound]; to be called before each step of training.

        Parameters
        ----------
        bound : float, optional
            Default: `recurrent_bound`.
        """
        for own in self._each_direction():
            clip_(own["weight_hh"], self.recurrent_bound if bound is None else bound)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return text if self.nonlinearity == "relu" else f"{text}, nonlinearity={self.nonlinearity}"
