"""Adadelta: the size of recent steps, over that of recent gradients, stands in for a rate."""

from __future__ import annotations

import numpy as np

from ..tensor import Tensor
from .averages import move_mean_square
from .optimizer import Params
from .options import describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State, zeros


@describe_options
class Adadelta(PerParameter):
    r"""Adadelta.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        v_t &= \rho v_{t-1} + (1 - \rho) g_t^2 \\
        \Delta_t &= \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} \, g_t \\
        u_t &= \rho u_{t-1} + (1 - \rho) \Delta_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \Delta_t

    Parameters
    ----------
    lr : float or 0-d Tensor
        :math:`\gamma`, a factor on the step that the rule finds by itself. Default: 1.0.
    rho : float
        :math:`\rho`, how slowly both mean squares forget, from 0 to 1. Default: 0.9.
    eps : float
        :math:`\epsilon`, which also decides how large the first steps are. Default: 1e-6.

    References
    ----------
    M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv 1212.5701.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.Adadelta([w], lr=0.1, rho=0.75, eps=1.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8586, -1.8211], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        super().__init__(params, dict(
            lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
            capturable=capturable, foreach=foreach, differentiable=differentiable,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        return zeros(param, "square_avg", "acc_delta")

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        rho, eps = group["rho"], group["eps"]
        square_avg, acc_delta = state["square_avg"], state["acc_delta"]
        move_mean_square(square_avg, rho, grad)
        delta = np.sqrt(acc_delta + eps)
        delta /= np.sqrt(square_avg + eps)
        delta *= grad
        move_mean_square(acc_delta, rho, delta)
        delta *= lr
        param -= delta
