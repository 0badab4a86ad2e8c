"""ASGD: gradient descent with a falling rate, which also keeps the average of where it has been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .optimizer import SHARED_OPTIONS, Params, check_common_options
from .per_parameter import Arrays, PerParameter, decayed


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
    params : iterable
        Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`.
    lr : float or 0-d Tensor
        Learning rate :math:`\gamma`. Default: 0.01.
    lambd : float
        :math:`\Lambda`: decays the parameter and the rate. Default: 1e-4.
    alpha : float
        :math:`\alpha`. Default: 0.75.
    t0 : float
        :math:`t_0`. Default: 1e6.
    weight_decay : float
        :math:`\lambda`. Default: 0.
    maximize : bool
        Climb instead: the gradient's sign is turned around. Default: False.
    foreach, capturable
        Accepted, and kept in ``param_groups``, for scripts written for PyTorch; without effect.
    differentiable : bool
        Steps cannot be differentiated: `step` raises an error if it is True. Default: False.

    Raises
    ------
    ValueError
        A negative `lr` or `weight_decay`.

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

    _later_options: ClassVar[Mapping[str, Any]] = {**SHARED_OPTIONS, "capturable": False}

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
        check_common_options(lr, weight_decay)
        options = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, options)

    def _start(self, param: np.ndarray, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "step": 0.0,
            "eta": float(group["lr"]),
            "mu": 1.0,
            "ax": np.zeros(param.shape, param.dtype),
        }

    def _update(
        self,
        param: np.ndarray,
        grad: np.ndarray,
        state: Arrays,
        step: float,
        lr: float,
        group: dict[str, Any],
    ) -> None:
        lambd = group["lambd"]
        eta, mu, average = state["eta"].item(), state["mu"].item(), state["ax"]
        grad = decayed(grad, group["weight_decay"], param)
        param *= 1 - lambd * eta
        param -= eta * grad
        if mu == 1:
            np.copyto(average, param)
        else:
            average += mu * (param - average)

    def _finish(self, state: Arrays, step: float, lr: float, group: dict[str, Any]) -> None:
        state["eta"][...] = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        state["mu"][...] = 1 / max(1, step - group["t0"])
