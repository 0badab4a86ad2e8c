"""JANET, just another network (van der Westhuizen & Lasenby 2018): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..nn import init
from ..ops.elementwise import sigmoid, tanh
from ..ops.join import chunk
from .cell import RNNCellBase
from .initial import ForgetBias
from .layer import RNNBase
from .options import NAMES
from .recurrence import define, product, unseen

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..nn.typing import CellOfOneState, LayerOfOneState
    from .options import LayerOptions, Sizes

__all__ = ["JANET", "JANETCell"]

GATES = ("forget", "cell")
BETA = 1.0


def janet_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, seen: Any = unseen,
) -> tuple[Any]:  # fmt: skip
    """JANET, an LSTM with the forget gate alone (van der Westhuizen & Lasenby 2018).

    s  = W_f x + b_f + U_f h + b_f'
    c~ = tanh(W_c x + b_c + U_c h + b_c')
    h' = sigmoid(s) h + (1 - sigmoid(s - beta)) c~,   beta = 1

    Hidden and cell state are one. 1 - sigmoid(s - beta) is written as sigmoid(beta - s), which
    keeps its digits where it is small.
    """
    s, candidate = chunk(of_x(x, w_ih, b_ih) + of_h(h, w_hh, b_hh), 2, -1)
    f, candidate = sigmoid(s), tanh(candidate)
    seen(f, candidate)
    return (f * h + sigmoid(BETA - s) * candidate,)


janet = define(
    "janet",
    GATES,
    janet_step,
    saves=("h",),
    norms=(("ih", (2,)), ("hh", (2,))),
    keeps=("forget", "", "cell"),
)


class _Biases(ForgetBias):
    """The paper's initial biases: b_f = 1, unless an option says otherwise, and all others 0."""

    def reset_biases(self, bias_ih: Any, bias_hh: Any) -> None:
        """Set all rows."""
        init.zeros_(bias_ih)
        init.zeros_(bias_hh)
        if self.forget_bias is None and self.chrono_t_max is None:
            init.ones_(bias_ih[: len(bias_ih) // len(GATES)])
        super().reset_biases(bias_ih, bias_hh)


class JANET(_Biases, RNNBase):
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
    **options
        layer_norm, recurrent_dropout, zoneout, learn_initial_state, residual; and `hidden_size` may
        be a list: see `RNNBase`.

    Notes
    -----
    With ``layer_norm=True`` each product is normalised over both gates, as in `LSTM` (no paper has
    it): :math:`g_{ih} LN(W_{ih} x_t) + b_{ih} + g_{hh} LN(W_{hh} h_{t-1}) + b_{hh}` makes s and c.

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

    __call__: LayerOfOneState

    _more_keywords = NAMES

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None, dtype: Any = None, *,
        forget_bias: float | None = None, chrono_t_max: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        self.set_forget_bias(bias, forget_bias, chrono_t_max)
        super().__init__(
            "JANET", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype, **options,
        )  # fmt: skip


class JANETCell(_Biases, RNNCellBase):
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

    __call__: CellOfOneState

    recurrence = janet

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None, *, forget_bias: float | None = None, chrono_t_max: int | None = None,
    ) -> None:  # fmt: skip
        self.set_forget_bias(bias, forget_bias, chrono_t_max)
        super().__init__(input_size, hidden_size, bias, device, dtype)
