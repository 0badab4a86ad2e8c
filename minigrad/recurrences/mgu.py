"""The minimal gated unit (Zhou et al. 2016): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.elementwise import sigmoid, tanh
from ..ops.join import chunk
from .cell import RNNCellBase
from .layer import RNNBase
from .options import NAMES, check_flag
from .recurrence import Recurrence, define, product, unseen

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..nn.typing import CellOfOneState, LayerOfOneState
    from .options import LayerOptions, Sizes

__all__ = ["MGU", "MGUCell"]

GATES = ("forget", "new")


def mgu_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, seen: Any = unseen,
) -> tuple[Any]:  # fmt: skip
    """The minimal gated unit (Zhou et al. 2016): a GRU whose two gates are one.

    f  = sigmoid(W_f x + b_f + U_f h + b_f')
    n  = tanh(W_n x + b_n + f (U_n h + b_n'))    the gate comes after the product with h
    h' = (1 - f) h + f n
    """
    x_f, x_n = chunk(of_x(x, w_ih, b_ih), 2, -1)
    h_f, h_n = chunk(of_h(h, w_hh, b_hh), 2, -1)
    f = sigmoid(x_f + h_f)
    n = tanh(x_n + f * h_n)
    seen(f, n)
    return (h + f * (n - h),)


def mgu_reset_before_step(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    of_x: Any = product, of_h: Any = product, seen: Any = unseen,
) -> tuple[Any]:  # fmt: skip
    """The same as its paper has it: n = tanh(W_n x + b_n + U_n (f h) + b_n')."""
    H = h.shape[-1]
    x_f, x_n = chunk(of_x(x, w_ih, b_ih), 2, -1)
    f = sigmoid(x_f + of_h(h, w_hh, b_hh, (0, H)))
    n = tanh(x_n + of_h(f * h, w_hh, b_hh, (H, 2 * H)))
    seen(f, n)
    return (h + f * (n - h),)


NORMS = (("ih", (1, 1)), ("hh", (1, 1)))
mgu = define("mgu", GATES, mgu_step, saves=("copy of h",), norms=NORMS, keeps=(*GATES, ""))
mgu_reset_before = define(
    "mgu_reset_before", GATES, mgu_reset_before_step, norms=NORMS, kernel=False
)


class MGU(RNNBase):
    r"""Minimal gated units (Zhou et al. 2016), in one or several layers.

    .. math::
        f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf}) \\
        n_t &= \tanh(W_{in} x_t + b_{in} + f_t (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - f_t) h_{t-1} + f_t n_t

    One gate does the work of both that a `GRU` has, with two thirds of its parameters. The rows of
    the weights are those of f, then those of n. As in `GRU`, the gate is applied after the product
    with h (the paper applies it before, as does ``reset_after=False``).

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
        False: the gate is applied before the product, as in the paper:
        :math:`n_t = \tanh(W_{in} x_t + b_{in} + W_{hn} (f_t h_{t-1}) + b_{hn})`.
    **options
        layer_norm, recurrent_dropout, zoneout, learn_initial_state, residual; and `hidden_size` may
        be a list: see `RNNBase`.

    Notes
    -----
    With ``layer_norm=True`` :math:`g LN(v) + b` stands for each product v with its bias, normalised
    over f and over n, as in `GRU` (no paper has it).

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of another type.
    RuntimeError, ValueError
        (in use) shapes or dtypes that do not go together.

    References
    ----------
    G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou: Minimal gated unit for recurrent neural networks.
    arXiv:1603.09420

    See Also
    --------
    RNNBase.forward : what goes in and comes out.

    Examples
    --------
    >>> import minigrad as mg
    >>> mgu = mg.nn.MGU(10, 20, num_layers=2)
    >>> output, h_n = mgu(mg.randn(5, 3, 10))
    >>> output.shape, h_n.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    __call__: LayerOfOneState

    _more_keywords = NAMES

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None, dtype: Any = None, *, reset_after: bool = True,
        **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        check_flag("reset_after", reset_after)
        super().__init__(
            "MGU" if reset_after else "MGU_RESET_BEFORE", input_size, hidden_size, num_layers,
            bias, batch_first, dropout, bidirectional, 0, device, dtype, **options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return f"{text}, reset_after=False" if self.recurrence is mgu_reset_before else text


class MGUCell(RNNCellBase):
    r"""One step of a minimal gated unit (Zhou et al. 2016).

    .. math::
        f &= \sigma(W_{if} x + b_{if} + W_{hf} h + b_{hf}) \\
        n &= \tanh(W_{in} x + b_{in} + f (W_{hn} h + b_{hn})) \\
        h' &= (1 - f) h + f n

    The rows of the weights are those of f, then those of n.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool
        False leaves both b out.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    reset_after : bool
        False: the gate is applied before the product: see `MGU`.

    Raises
    ------
    RuntimeError
        (in use) another input size, hidden size, batch size or dtype than expected.
    ValueError
        (in use) an input or a state of more than two axes.

    References
    ----------
    arXiv:1603.09420

    Examples
    --------
    >>> import minigrad as mg
    >>> cell = mg.nn.MGUCell(4, 3)
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
        return mgu if self.reset_after else mgu_reset_before

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
