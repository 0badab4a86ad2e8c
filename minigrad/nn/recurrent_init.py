"""The parameters of recurrent layers and cells: their names, shapes and initial values.

G gates, I input size, H hidden size, P size of the projection
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.grad_mode import no_grad
from ..ops.reference import JANET, Recurrence
from . import init

JANET_FORGET_BIAS = 1.0


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


def set_forget_bias_(
    recurrence: Recurrence, bias_ih: Any, bias_hh: Any, forget_bias: Any, chrono_t_max: Any
) -> None:
    """Set the bias of the forget gate: all of it in `bias_ih`, zero in `bias_hh`.

    Either to the number `forget_bias`, or by chrono initialisation (Tallec & Ollivier 2018), which
    spreads the time constants of the units up to T_max steps: b_f = log(U[1, T_max - 1]), and
    b_i = -b_f where there is an input gate. With neither nothing is changed; but JANET, whose paper
    says so, has then b_f = 1, and all other biases zero in any case.
    """
    if recurrence is JANET:
        init.zeros_(bias_ih)
        init.zeros_(bias_hh)
        if chrono_t_max is None and forget_bias is None:
            forget_bias = JANET_FORGET_BIAS
    if forget_bias is None and chrono_t_max is None:
        return
    hidden = bias_ih.shape[0] // len(recurrence.gates)
    rows = {name: slice(k * hidden, (k + 1) * hidden) for k, name in enumerate(recurrence.gates)}
    with no_grad():
        forget = bias_ih[rows["forget"]]
        bias_hh[rows["forget"]] = 0
        if chrono_t_max is None:
            forget.fill_(forget_bias)
            return
        init.uniform_(forget, 1.0, chrono_t_max - 1.0)
        forget.copy_(forget.log())
        if "input" in rows:
            bias_ih[rows["input"]] = -forget
            bias_hh[rows["input"]] = 0


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


def clip_(u: Any, bound: float) -> None:
    """Bring recurrent weights into [-bound, bound], outside the graph."""
    with no_grad():
        u.clamp_(-bound, bound)
