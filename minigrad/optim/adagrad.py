"""Adagrad: a coordinate's steps shrink with the sum of all its squared gradients so far."""

from __future__ import annotations

import numpy as np

from ..tensor import Tensor
from .averages import root
from .optimizer import Params
from .options import check_not_negative, describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State


@describe_options
class Adagrad(PerParameter):
    r"""Adagrad.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1}
            - \frac{\gamma}{1 + (t - 1) \eta} \, \frac{g_t}{\sqrt{s_t} + \epsilon}

    Parameters
    ----------
    lr_decay : float
        :math:`\eta`, not negative. Default: 0.
    initial_accumulator_value : float
        :math:`s_0`, not negative. Default: 0.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_not_negative(lr_decay=lr_decay, initial_accumulator_value=initial_accumulator_value)
        super().__init__(params, dict(
            lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize,
            differentiable=differentiable, fused=fused,
        ))  # fmt: skip
        # Already now, not at the first step, so that a state dict always has the sums.
        for group in self.param_groups:
            for p in group["params"]:
                self._remember(p, group)

    def _start(self, param: Array, group: Group) -> State:
        start = self.defaults["initial_accumulator_value"]  # a group's is not asked, as in PyTorch
        return {"sum": np.full(param.shape, start, param.dtype)}

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        state["sum"] += grad * grad
        change = grad / root(state["sum"], group["eps"])
        change *= lr / (1 + (step - 1) * group["lr_decay"])
        param -= change
