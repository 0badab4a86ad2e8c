"""Long short-term memory (Hochreiter & Schmidhuber 1997): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.elementwise import sigmoid, tanh
from ..ops.join import chunk
from ..ops.matmul import linear
from .cell import RNNCellBase
from .initial import ForgetBias
from .layer import RNNBase
from .options import NAMES, check_flag
from .recurrence import Recurrence, define, product, same, unseen

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..nn.typing import CellOfTwoStates, LayerOfTwoStates
    from .options import LayerOptions, Sizes

__all__ = ["LSTM", "LSTMCell"]

GATES = ("input", "forget", "cell", "output")


def lstm_step(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any = None,
    of_x: Any = product, of_h: Any = product, normed: Any = same, seen: Any = unseen,
) -> tuple[Any, Any]:  # fmt: skip
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i, f, o = sigmoid(W x + b + U h + b')    each with rows of its own in W, U and the biases
    g       = tanh(W x + b + U h + b')
    c'      = f c + i g
    h'      = o tanh(c')                     with a projection (Sak et al. 2014): W_hr o tanh(c')
    """
    i, f, g, o = chunk(of_x(x, w_ih, b_ih) + of_h(h, w_hh, b_hh), 4, -1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    seen(i, f, g, o)
    c = f * c + i * g
    h = o * tanh(normed(c))
    return (h if w_hr is None else linear(h, w_hr)), c


def lstm_peephole_step(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any, p: Any,
    of_x: Any = product, of_h: Any = product, normed: Any = same, seen: Any = unseen,
) -> tuple[Any, Any]:  # fmt: skip
    """The same with peepholes (Gers & Schmidhuber 2000): the gates see the cell behind them.

    i, f = sigmoid(W x + b + U h + b' + p c)     each with a part of its own of p, a vector
    o    = sigmoid(W x + b + U h + b' + p c')    the output gate sees the new cell state
    """
    i, f, g, o = chunk(of_x(x, w_ih, b_ih) + of_h(h, w_hh, b_hh), 4, -1)
    p_i, p_f, p_o = chunk(p, 3)
    i, f, g = sigmoid(i + p_i * c), sigmoid(f + p_f * c), tanh(g)
    c = f * c + i * g
    o = sigmoid(o + p_o * c)
    seen(i, f, g, o)
    h = o * tanh(normed(c))
    return (h if w_hr is None else linear(h, w_hr)), c


PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
NORMS = (("ih", (4,)), ("hh", (4,)), ("cell", (1,)))
lstm = define(
    "lstm", GATES, lstm_step, states=("hidden", "cell"), parameters=PARAMETERS,
    saves=("everything",), norms=NORMS, keeps=(*GATES, "old cell", ""),
)  # fmt: skip
lstm_peephole = define(
    "lstm_peephole", GATES, lstm_peephole_step, states=("hidden", "cell"),
    parameters=(*PARAMETERS, "weight_peephole"), saves=("output",), norms=NORMS, kernel=False,
)  # fmt: skip


class LSTM(ForgetBias, RNNBase):
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
    peephole : bool
        Peepholes (Gers & Schmidhuber 2000): :math:`p_i c_{t-1}` is added to what makes
        :math:`i_t`, :math:`p_f c_{t-1}` for :math:`f_t`, :math:`p_o c_t` for :math:`o_t`. The
        vectors, one after the other, are ``weight_peephole_l{k}``, (3 H,), drawn as all weights.
    **options
        layer_norm, recurrent_dropout, zoneout, learn_initial_state, residual; and `hidden_size` may
        be a list: see `RNNBase`.

    Notes
    -----
    With ``layer_norm=True`` (Ba et al. 2016) the sum of products that makes i, f, g, o is
    :math:`g_{ih} LN(W_{ih} x_t) + b_{ih} + g_{hh} LN(W_{hh} h_{t-1}) + b_{hh}`, each product
    normalised over all four gates, and :math:`h_t = o_t \tanh(g_c LN(c_t) + b_c)`.

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

    __call__: LayerOfTwoStates

    _more_keywords = NAMES

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        proj_size: int = 0, device: Any = None, dtype: Any = None, *,
        forget_bias: float | None = None, chrono_t_max: int | None = None,
        peephole: bool = False, **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        check_flag("peephole", peephole)
        self.set_forget_bias(bias, forget_bias, chrono_t_max)
        super().__init__(
            "LSTM_PEEPHOLE" if peephole else "LSTM", input_size, hidden_size, num_layers, bias,
            batch_first, dropout, bidirectional, proj_size, device, dtype, **options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return f"{text}, peephole=True" if self.recurrence is lstm_peephole else text


class LSTMCell(ForgetBias, RNNCellBase):
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
    peephole : bool
        The gates see the cell: see `LSTM`.

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

    __call__: CellOfTwoStates

    peephole = False

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None, *, forget_bias: float | None = None, chrono_t_max: int | None = None,
        peephole: bool = False,
    ) -> None:  # fmt: skip
        check_flag("peephole", peephole)
        self.peephole = peephole
        self.set_forget_bias(bias, forget_bias, chrono_t_max)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    @property
    def recurrence(self) -> Recurrence:
        """With or without peepholes."""
        return lstm_peephole if self.peephole else lstm

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return super().extra_repr() + (", peephole=True" if self.peephole else "")
