"""RAdam: Adam that does without its mean square until that is reliable."""

from __future__ import annotations

from ..tensor import Tensor
from .averages import move_mean, move_mean_square, root
from .optimizer import Params
from .options import describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State, zeros


@describe_options
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
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
            foreach=foreach, capturable=capturable, decoupled_weight_decay=decoupled_weight_decay,
            differentiable=differentiable,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        return zeros(param, "exp_avg", "exp_avg_sq")

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
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
