"""The independently recurrent network (Li et al. 2018): step, layer and cell.

L sequence length, N batch, H_in or I input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..nn import init
from ..ops.elementwise import relu, tanh
from .cell import RNNCellBase
from .checks import check_nonlinearity
from .initial import clip_, draw_
from .layer import RNNBase
from .options import NAMES
from .recurrence import Recurrence, define, product, times

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..nn.typing import CellOfOneState, LayerOfOneState
    from .options import LayerOptions, Sizes

__all__ = ["IndRNN", "IndRNNCell"]


def indrnn_relu_step(
    x: Any, h: Any, w_ih: Any, u: Any, b: Any, of_x: Any = product, of_h: Any = times
) -> tuple[Any]:
    """The independently recurrent network (Li et al. 2018): each unit sees only its own past.

    h' = max(0, W x + b + u h),   u (H,): one recurrent weight a unit

    Without W (None), x itself is W x + b.
    """
    return (relu((x if w_ih is None else of_x(x, w_ih, b)) + of_h(h, u)),)


def indrnn_tanh_step(
    x: Any, h: Any, w_ih: Any, u: Any, b: Any, of_x: Any = product, of_h: Any = times
) -> tuple[Any]:
    """The same with tanh: h' = tanh(W x + b + u h)."""
    return (tanh((x if w_ih is None else of_x(x, w_ih, b)) + of_h(h, u)),)


PARAMETERS = ("weight_ih", "weight_hh", "bias_ih")  # weight_hh is u
indrnn_relu, indrnn_tanh = [
    define(
        name,
        ("hidden",),
        step,
        parameters=PARAMETERS,
        diagonal=True,
        saves=("output",),
        norms=(("ih", (1,)),),
    )
    for name, step in (("indrnn_relu", indrnn_relu_step), ("indrnn_tanh", indrnn_tanh_step))
]


def indrnn_bound(steps: int | None, magnitude: float) -> float:
    """The largest recurrent weight with which T steps grow a gradient at most `magnitude` times.

    magnitude ** (1 / T); 1 for streams without an end (`steps` None).
    """
    if not magnitude > 0:
        raise ValueError(f"magnitude must be positive, got {magnitude}")
    if steps is None:
        return 1.0
    if not steps > 0:
        raise ValueError(f"steps must be positive, got {steps}")
    return magnitude ** (1 / steps)


def draw_indrnn_(parameters: dict[str, Any], low: float, high: float) -> None:
    """Initial values of an IndRNN: W from U(-k, k) with k = 1 / sqrt(I), u from U(low, high), b 0.

    (I is the number of inputs of this layer: nothing else feeds the weights W.)
    """
    inputs = parameters["weight_ih"].shape[1]
    draw_([parameters["weight_ih"]], inputs)
    init.uniform_(parameters["weight_hh"], low, high)
    if "bias_ih" in parameters:
        init.zeros_(parameters["bias_ih"])


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
    **options
        layer_norm, recurrent_dropout, zoneout, learn_initial_state, residual; and `hidden_size` may
        be a list: see `RNNBase`.

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
    The authors use no weight decay on u. With ``layer_norm=True`` (no paper has it) the product
    with x is normalised, :math:`g LN(W x_t) + b`, so that each unit still sees only its own past.

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

    __call__: LayerOfOneState

    _more_keywords = NAMES

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int = 1, nonlinearity: str = "relu",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, device: Any = None, dtype: Any = None, *,
        steps: int | None = None, magnitude: float = 2.0, last_step_only: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        check_nonlinearity(nonlinearity)
        self.nonlinearity = nonlinearity
        self.recurrent_bound = indrnn_bound(steps, magnitude)  # reset_parameters asks for these
        self.last_step_only = last_step_only
        super().__init__(
            f"INDRNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias,
            batch_first, dropout, bidirectional, 0, device, dtype, **options,
        )  # fmt: skip

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound, each = self.recurrent_bound, self._each_direction()
        for k, own in enumerate(each):
            is_last = k >= len(each) - self._directions
            draw_indrnn_(own, 1 / bound if self.last_step_only and is_last else 0.0, bound)
        self._reset_options()

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

    __call__: CellOfOneState

    nonlinearity = "relu"

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

    @property
    def recurrence(self) -> Recurrence:
        """That of the present nonlinearity."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return indrnn_relu if self.nonlinearity == "relu" else indrnn_tanh

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = super().extra_repr()
        return text if self.nonlinearity == "relu" else f"{text}, nonlinearity={self.nonlinearity}"
