"""The simple recurrent network (Elman 1990): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.elementwise import relu, tanh
from .cell import RNNCellBase
from .checks import check_no_projection, check_nonlinearity
from .layer import RNNBase
from .options import NAMES
from .recurrence import Recurrence, define, product, same

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..nn.typing import CellOfOneState, LayerOfOneState
    from .options import LayerOptions, Sizes

__all__ = ["RNN", "RNNCell"]


def rnn_tanh_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, normed: Any = same,
) -> tuple[Any]:  # fmt: skip
    """The simple recurrent network of Elman (1990).

    h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
    """
    return (tanh(normed(of_x(x, w_ih, b_ih) + of_h(h, w_hh, b_hh))),)


def rnn_relu_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, normed: Any = same,
) -> tuple[Any]:  # fmt: skip
    """The same with ReLU: h' = max(0, W_ih x + b_ih + W_hh h + b_hh)."""
    return (relu(normed(of_x(x, w_ih, b_ih) + of_h(h, w_hh, b_hh))),)


rnn_tanh, rnn_relu = [
    define(name, ("hidden",), step, saves=("output",), norms=(("sum", (1,)),))
    for name, step in (("rnn_tanh", rnn_tanh_step), ("rnn_relu", rnn_relu_step))
]


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
    **options
        layer_norm, recurrent_dropout, zoneout, learn_initial_state, residual; and `hidden_size` may
        be a list: see `RNNBase`.

    Notes
    -----
    With ``layer_norm=True`` (Ba et al. 2016, eq. 4) the sum is normalised:
    :math:`h_t = \tanh(g \odot LN(W_{ih} x_t + W_{hh} h_{t-1}) + b_{ih} + b_{hh})`.

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

    __call__: LayerOfOneState

    _more_keywords = NAMES

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, device: Any = None, dtype: Any = None, proj_size: int = 0,
        **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        check_no_projection(proj_size)
        check_nonlinearity(nonlinearity)
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, 0, device, dtype, **options,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


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

    __call__: CellOfOneState

    nonlinearity = "tanh"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    @property
    def recurrence(self) -> Recurrence:
        """That of the present nonlinearity."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return rnn_tanh if self.nonlinearity == "tanh" else rnn_relu

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"
