"""The gated recurrent unit (Cho et al. 2014): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.elementwise import sigmoid, tanh
from ..ops.join import chunk
from .cell import RNNCellBase
from .checks import check_no_projection
from .layer import RNNBase
from .options import NAMES, check_flag
from .recurrence import Recurrence, define, product, unseen

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..nn.typing import CellOfOneState, LayerOfOneState
    from .options import LayerOptions, Sizes

__all__ = ["GRU", "GRUCell"]

GATES = ("reset", "update", "new")


def gru_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, seen: Any = unseen,
) -> tuple[Any]:  # fmt: skip
    """The gated recurrent unit (Cho et al. 2014).

    r, z = sigmoid(W x + b + U h + b')       each with rows of its own
    n    = tanh(W x + b + r (U h + b'))      the reset gate comes after the product with h
    h'   = (1 - z) n + z h
    """
    x_r, x_z, x_n = chunk(of_x(x, w_ih, b_ih), 3, -1)
    h_r, h_z, h_n = chunk(of_h(h, w_hh, b_hh), 3, -1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = tanh(x_n + r * h_n)
    seen(r, z, n)
    return (n + z * (h - n),)


def gru_reset_before_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, seen: Any = unseen,
) -> tuple[Any]:  # fmt: skip
    """The same as its paper has it: the reset gate comes before the product with h.

    n = tanh(W x + b + U (r h) + b')
    """
    H = h.shape[-1]
    x_r, x_z, x_n = chunk(of_x(x, w_ih, b_ih), 3, -1)
    h_r, h_z = chunk(of_h(h, w_hh, b_hh, (0, 2 * H)), 2, -1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = tanh(x_n + of_h(r * h, w_hh, b_hh, (2 * H, 3 * H)))
    seen(r, z, n)
    return (n + z * (h - n),)


NORMS = (("ih", (2, 1)), ("hh", (2, 1)))
gru = define("gru", GATES, gru_step, saves=("copy of h",), norms=NORMS, keeps=(*GATES, ""))
gru_reset_before = define(
    "gru_reset_before", GATES, gru_reset_before_step, norms=NORMS, kernel=False
)


class GRU(RNNBase):
    r"""Gated recurrent units (Cho et al. 2014), in one or several layers.

    .. math::
        r_t, z_t &= \sigma(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \\
        n_t &= \tanh(W_{ih} x_t + b_{ih} + r_t (W_{hh} h_{t-1} + b_{hh})) \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}

    where each of r, z, n has rows of its own in the weights, in this order. The reset gate is
    applied after the product with h, as in PyTorch and cuDNN (the paper applies it before, as does
    ``reset_after=False``).

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
    reset_after : bool
        False: the reset gate is applied before the product, as in Cho et al. (2014) and in Keras
        with ``reset_after=False``: :math:`n_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} (r_t h_{t-1}) +
        b_{hh})`.
    **options
        layer_norm, recurrent_dropout, zoneout, learn_initial_state, residual; and `hidden_size` may
        be a list: see `RNNBase`.

    Notes
    -----
    With ``layer_norm=True`` (Ba et al. 2016) :math:`g LN(v) + b` stands for each product v with its
    bias, normalised over r and z together, and over n.

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

    __call__: LayerOfOneState

    _more_keywords = NAMES

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None, dtype: Any = None, proj_size: int = 0, *, reset_after: bool = True,
        **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        check_no_projection(proj_size)
        check_flag("reset_after", reset_after)
        super().__init__(
            "GRU" if reset_after else "GRU_RESET_BEFORE", input_size, hidden_size, num_layers,
            bias, batch_first, dropout, bidirectional, 0, device, dtype, **options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return f"{text}, reset_after=False" if self.recurrence is gru_reset_before else text


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
    reset_after : bool
        False: the reset gate is applied before the product: see `GRU`.

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

    __call__: CellOfOneState

    reset_after = True

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None, *, reset_after: bool = True,
    ) -> None:  # fmt: skip
        check_flag("reset_after", reset_after)
        self.reset_after = reset_after
        super().__init__(input_size, hidden_size, bias, device, dtype)

    @property
    def recurrence(self) -> Recurrence:
        """With the gate after the product with h, or before it."""
        return gru if self.reset_after else gru_reset_before

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
