"""The gated recurrent unit (Cho et al. 2014): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import Any

from ..ops.elementwise import sigmoid, tanh
from ..ops.join import chunk
from ..ops.matmul import linear
from .cell import RNNCellBase
from .checks import check_no_projection
from .layer import RNNBase
from .recurrence import define

__all__ = ["GRU", "GRUCell"]

GATES = ("reset", "update", "new")


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


gru = define("gru", GATES, gru_step, saves=("copy of h",))


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
        check_no_projection(proj_size)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            0, device, dtype,
        )  # fmt: skip


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

    recurrence = gru
