"""Adagrad: a coordinate's steps shrink with the sum of all its squared gradients so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .optimizer import SHARED_OPTIONS, Params, check_common_options, check_eps
from .per_parameter import Arrays, PerParameter, decayed, root


class Adagrad(PerParameter):
    r"""Adagrad.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1}
            - \frac{\gamma}{1 + (t - 1) \eta} \, \frac{g_t}{\sqrt{s_t} + \epsilon}

    Parameters
    ----------
    params : iterable
        Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`.
    lr : float or 0-d Tensor
        Learning rate :math:`\gamma`. Default: 0.01.
    lr_decay : float
        :math:`\eta`. Default: 0.
    weight_decay : float
        :math:`\lambda`. Default: 0.
    initial_accumulator_value : float
        :math:`s_0`. Default: 0.
    eps : float
        :math:`\epsilon`. Default: 1e-10.
    maximize : bool
        Climb instead: the gradient's sign is turned around. Default: False.
    foreach, fused
        Accepted, and kept in ``param_groups``, for scripts written for PyTorch; without effect.
    differentiable : bool
        Steps cannot be differentiated: `step` raises an error if it is True. Default: False.

    Raises
    ------
    ValueError
        A negative `lr`, `lr_decay`, `weight_decay`, `initial_accumulator_value` or `eps`.

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

    _later_options: ClassVar[Mapping[str, Any]] = {**SHARED_OPTIONS, "fused": None}

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
        check_common_options(lr, weight_decay, foreach, fused, differentiable)
        if not lr_decay >= 0.0:
            raise ValueError(f"Invalid lr_decay value: {lr_decay}")
        if not initial_accumulator_value >= 0.0:
            raise ValueError(
                f"Invalid initial_accumulator_value value: {initial_accumulator_value}"
            )
        check_eps(eps)
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, options)
        # Already now, not at the first step, so that a state dict always has the sums.
        for group in self.param_groups:
            for p in group["params"]:
                self._remember(p, group)

    def _start(self, param: np.ndarray, group: dict[str, Any]) -> dict[str, Any]:
        start = group["initial_accumulator_value"]
        return {"step": 0.0, "sum": np.full(param.shape, start, param.dtype)}

    def _update(
        self,
        param: np.ndarray,
        grad: np.ndarray,
        state: Arrays,
        step: float,
        lr: float,
        group: dict[str, Any],
    ) -> None:
        grad = decayed(grad, group["weight_decay"], param)
        state["sum"] += grad * grad
        change = grad / root(state["sum"], group["eps"])
        change *= lr / (1 + (step - 1) * group["lr_decay"])
        param -= change
