"""NAdam: Adam with Nesterov's momentum, whose weight grows from step to step."""

from __future__ import annotations

from ..tensor import Tensor
from .averages import move_mean, move_mean_square, root
from .optimizer import Params
from .options import check_not_negative, describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State, zeros


@describe_options
class NAdam(PerParameter):
    r"""NAdam.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        \mu_t &= \beta_1 (1 - \tfrac{1}{2} \, 0.96^{t \psi}) \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        \hat m_t &= \frac{\mu_{t+1}}{1 - \prod_{i=1}^{t+1} \mu_i} \, m_t
            + \frac{1 - \mu_t}{1 - \prod_{i=1}^{t} \mu_i} \, g_t \\
        \theta_t &= \theta_{t-1} - \gamma \,
            \frac{\hat m_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    momentum_decay : float
        :math:`\psi`, not negative. Default: 4e-3.

    References
    ----------
    T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8944, -1.8944], requires_grad=True)
    """

    _counters = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative(momentum_decay=momentum_decay)
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach,
            capturable=capturable, differentiable=differentiable,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        return {"mu_product": 1.0, **zeros(param, "exp_avg", "exp_avg_sq")}

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq, psi = state["exp_avg"], state["exp_avg_sq"], group["momentum_decay"]
        mu, mu_next = momentum(step, beta1, psi), momentum(step + 1, beta1, psi)
        mu_product = (state["mu_product"] * mu).item()
        move_mean(exp_avg, beta1, grad)
        move_mean_square(exp_avg_sq, beta2, grad)
        change = (1 - mu) / (1 - mu_product) * grad
        change += mu_next / (1 - mu_product * mu_next) * exp_avg
        change /= root(exp_avg_sq / (1 - beta2**step), group["eps"])
        change *= lr
        param -= change

    def _finish(self, state: Arrays, step: float, lr: float, group: Group) -> None:
        state["mu_product"] *= momentum(step, group["betas"][0], group["momentum_decay"])


def momentum(step: float, beta1: float, psi: float) -> float:
    r"""The weight :math:`\mu_t` of the mean gradient in step t."""
    return beta1 * (1 - 0.5 * 0.96 ** (step * psi))
