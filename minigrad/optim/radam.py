"""RAdam: Adam that does without its mean square until that is reliable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .optimizer import SHARED_OPTIONS, Params, check_betas, check_common_options, check_eps
from .per_parameter import (
    Arrays,
    PerParameter,
    decayed,
    move_mean,
    move_mean_square,
    root,
)


class RAdam(PerParameter):
    r"""Rectified Adam.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad \hat m_t = m_t / (1 - \beta_1^t) \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        \rho_\infty &= \frac{2}{1 - \beta_2} - 1, \qquad
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}

    :math:`\rho_t` says how many gradients :math:`v_t` amounts to. Up to 5 it is not used and

    .. math:: \theta_t = \theta_{t-1} - \gamma \hat m_t

    while afterwards

    .. math::

        r_t &= \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}
                          {(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}} \\
        \theta_t &= \theta_{t-1} - \gamma r_t \, \hat m_t
            \frac{\sqrt{1 - \beta_2^t}}{\sqrt{v_t} + \epsilon}

    Parameters
    ----------
    params : iterable
        Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`.
    lr : float or 0-d Tensor
        Learning rate :math:`\gamma`. Default: 1e-3.
    betas : (float, float)
        :math:`\beta_1, \beta_2`. Default: (0.9, 0.999).
    eps : float
        :math:`\epsilon`. Default: 1e-8.
    weight_decay : float
        :math:`\lambda`. Default: 0.
    decoupled_weight_decay : bool
        Decay the parameter itself, as `AdamW` does. Default: False.
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
    L. Liu, H. Jiang, P. He, W. Chen, X. Liu, J. Gao, J. Han, "On the Variance of the Adaptive
    Learning Rate and Beyond", ICLR 2020, arXiv 1908.03265.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8000, -1.6000], requires_grad=True)
    """

    _later_options: ClassVar[Mapping[str, Any]] = {
        **SHARED_OPTIONS,
        "capturable": False,
        "decoupled_weight_decay": False,
    }

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_common_options(lr, weight_decay)
        check_eps(eps)
        check_betas(betas)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, options)

    def _start(self, param: np.ndarray, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "step": 0.0,
            "exp_avg": np.zeros(param.shape, param.dtype),
            "exp_avg_sq": np.zeros(param.shape, param.dtype),
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
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        if group["decoupled_weight_decay"]:
            param *= 1 - lr * group["weight_decay"]
        else:
            grad = decayed(grad, group["weight_decay"], param)
        move_mean(exp_avg, beta1, grad)
        move_mean_square(exp_avg_sq, beta2, grad)
        correction = 1 - beta2**step
        change = lr / (1 - beta1**step) * exp_avg
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction
        if rho > 5:
            rectified = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
            change *= (rectified * correction) ** 0.5
            change /= root(exp_avg_sq, group["eps"])
        param -= change
