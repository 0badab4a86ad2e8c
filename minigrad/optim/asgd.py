"""ASGD: gradient descent with a falling rate, which also keeps the average of where it has been."""

from __future__ import annotations

import numpy as np

from ..tensor import Tensor
from .optimizer import Params
from .options import describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State, zeros


@describe_options
class ASGD(PerParameter):
    r"""Averaged stochastic gradient descent.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        \theta_t &= (1 - \Lambda \eta_t) \, \theta_{t-1} - \eta_t g_t \\
        a_t &= a_{t-1} + \mu_t (\theta_t - a_{t-1}) \\
        \eta_{t+1} &= \frac{\gamma}{(1 + \Lambda \gamma t)^\alpha}, \qquad \eta_1 = \gamma \\
        \mu_{t+1} &= \frac{1}{\max(1, t - t_0)}, \qquad \mu_1 = 1

    so that :math:`a_t` is :math:`\theta_t` until step :math:`t_0` and the average since then. It is
    not put into the parameter; it is ``state[p]["ax"]``.

    Parameters
    ----------
    lambd : float
        :math:`\Lambda`: decays the parameter and the rate. Default: 1e-4.
    alpha : float
        :math:`\alpha`. Default: 0.75.
    t0 : float
        :math:`t_0`. Default: 1e6.

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM
    Journal on Control and Optimization 30, 1992.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.ASGD([w], lr=0.125, lambd=0.0, t0=0)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w
    tensor([ 0.4219, -0.8438], requires_grad=True)
    >>> optimizer.state[w]["ax"]
    tensor([ 0.4922, -0.9844])
    """

    _counters = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
            maximize=maximize, differentiable=differentiable, capturable=capturable,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        return {"eta": float(group["lr"]), "mu": 1.0, **zeros(param, "ax")}

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        lambd = group["lambd"]
        eta, mu, average = state["eta"].item(), state["mu"].item(), state["ax"]
        param *= 1 - lambd * eta
        param -= eta * grad
        if mu == 1:
            np.copyto(average, param)
        else:
            average += mu * (param - average)

    def _finish(self, state: Arrays, step: float, lr: float, group: Group) -> None:
        state["eta"][...] = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        state["mu"][...] = 1 / max(1, step - group["t0"])
