"""Adamax: Adam with a decaying maximum in place of the mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .optimizer import SHARED_OPTIONS, Params, check_betas, check_common_options, check_eps
from .per_parameter import Arrays, PerParameter, decayed, move_mean


class Adamax(PerParameter):
    r"""Adamax.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        u_t &= \max(\beta_2 u_{t-1}, |g_t| + \epsilon) \\
        \theta_t &= \theta_{t-1} - \frac{\gamma}{1 - \beta_1^t} \, \frac{m_t}{u_t}

    Parameters
    ----------
    params : iterable
        Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`.
    lr : float or 0-d Tensor
        Learning rate :math:`\gamma`. Default: 2e-3.
    betas : (float, float)
        :math:`\beta_1, \beta_2`. Default: (0.9, 0.999).
    eps : float
        :math:`\epsilon`. Default: 1e-8.
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
        A negative `lr`, `eps` or `weight_decay`; a beta outside [0, 1).

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980,
    section 7.1.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    _later_options: ClassVar[Mapping[str, Any]] = {**SHARED_OPTIONS, "capturable": False}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_common_options(lr, weight_decay)
        check_eps(eps)
        check_betas(betas)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
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
            "exp_avg": np.zeros(param.shape, param.dtype),
            "exp_inf": np.zeros(param.shape, param.dtype),
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
        beta1, beta2 = group["betas"]
        exp_avg, exp_inf = state["exp_avg"], state["exp_inf"]
        grad = decayed(grad, group["weight_decay"], param)
        move_mean(exp_avg, beta1, grad)
        exp_inf *= beta2
        np.maximum(exp_inf, np.abs(grad) + group["eps"], out=exp_inf)
        change = exp_avg / exp_inf
        change *= lr / (1 - beta1**step)  # the mean starts at 0 and is too small at first
        param -= change
