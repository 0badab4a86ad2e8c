"""The parameters of recurrent layers and cells: their names, shapes and initial values.

G gates, I input size, H hidden size, P size of the projection
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.grad_mode import no_grad
from ..nn import init
from .checks import check_forget_bias
from .recurrence import Recurrence


def parameter_shapes(
    recurrence: Recurrence, inputs: int, hidden: int, proj: int = 0, bias: bool = True
) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter, in the order in which they are registered and drawn."""
    rows = len(recurrence.gates) * hidden
    shapes = {
        "weight_ih": (rows, inputs),
        "weight_hh": (hidden,) if recurrence.diagonal else (rows, proj or hidden),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
        "weight_hr": (proj, hidden),
        "weight_peephole": (3 * hidden,),
    }
    left_out = {"weight_hr"} if not proj else set()
    if not bias:
        left_out |= {"bias_ih", "bias_hh"}
    return {name: shapes[name] for name in recurrence.parameters if name not in left_out}


def draw_(parameters: Any, hidden: int) -> None:
    """PyTorch's initial values: all from U(-k, k), k = 1 / sqrt(H)."""
    bound = 1.0 / math.sqrt(hidden) if hidden > 0 else 0
    for parameter in parameters:
        init.uniform_(parameter, -bound, bound)


class ForgetBias:
    """What layers and cells with a forget gate share: options for the initial value of its bias.

    Attributes
    ----------
    forget_bias : float or None
        The value, all of it in ``bias_ih``.
    chrono_t_max : int or None
        Chrono initialisation (Tallec & Ollivier 2018), which spreads the time constants of the
        units up to T_max steps: b_f = log(U[1, T_max - 1]), and b_i = -b_f where there is an input
        gate.
    """

    forget_bias: float | None = None
    chrono_t_max: int | None = None

    def set_forget_bias(self, bias: bool, forget_bias: Any, chrono_t_max: Any) -> None:
        """Check the options and note them: to be called before `reset_parameters` asks for them."""
        check_forget_bias(bias, forget_bias, chrono_t_max)
        self.forget_bias, self.chrono_t_max = forget_bias, chrono_t_max

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        super().reset_parameters()  # type: ignore[misc]
        for own in self._each_direction():  # type: ignore[attr-defined]
            if "bias_ih" in own:
                self.reset_biases(own["bias_ih"], own["bias_hh"])

    def reset_biases(self, bias_ih: Any, bias_hh: Any) -> None:
        """Set the rows of the forget gate, and of the input gate, as the options say."""
        if self.forget_bias is None and self.chrono_t_max is None:
            return
        gates = self.recurrence.gates  # type: ignore[attr-defined]
        hidden = bias_ih.shape[0] // len(gates)
        rows = {name: slice(k * hidden, (k + 1) * hidden) for k, name in enumerate(gates)}
        with no_grad():
            forget = bias_ih[rows["forget"]]
            bias_hh[rows["forget"]] = 0
            if self.chrono_t_max is None:
                forget.fill_(self.forget_bias)
                return
            init.uniform_(forget, 1.0, self.chrono_t_max - 1.0)
            forget.copy_(forget.log())
            if "input" in rows:
                bias_ih[rows["input"]] = -forget
                bias_hh[rows["input"]] = 0

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text: str = super().extra_repr()  # type: ignore[misc]
        for name in ("forget_bias", "chrono_t_max"):
            value = getattr(self, name)
            text += "" if value is None else f", {name}={value}"
        return text


def clip_(u: Any, bound: float) -> None:
    """Bring recurrent weights into [-bound, bound], outside the graph."""
    with no_grad():
        u.clamp_(-bound, bound)
