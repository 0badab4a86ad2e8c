"""Stochastic gradient descent, with momentum if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor, from_array
from .optimizer import (
    SHARED_OPTIONS,
    Closure,
    Optimizer,
    Params,
    check_common_options,
    check_differentiable,
    optim_kernels,
)


@np.errstate(all="ignore")  # a step to infinity is silent, as it is in the kernel
def sgd_step(
    param: np.ndarray,
    grad: np.ndarray,
    momentum_buffer: np.ndarray | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """One step on one parameter, in place: the rule in NumPy. The kernel of this name is the same.

    Parameters
    ----------
    param, momentum_buffer : numpy.ndarray
        Are changed. `momentum_buffer` is None without momentum.
    grad : numpy.ndarray
        The gradient, shaped like `param`.
    lr, momentum, dampening, weight_decay, nesterov, maximize
        The options of `SGD`.
    first : bool
        Whether this is the parameter's first step, before which the buffer holds nothing.
    """
    if maximize:
        grad = -grad
    if weight_decay != 0:
        grad = grad + weight_decay * param
    if momentum_buffer is not None:
        if first:
            momentum_buffer[...] = grad
        else:
            momentum_buffer *= momentum
            momentum_buffer += (1 - dampening) * grad
        grad = grad + momentum * momentum_buffer if nesterov else momentum_buffer
    param -= lr * grad


class SGD(Optimizer):
    r"""Stochastic gradient descent.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        b_t &= \mu b_{t-1} + (1 - \tau) g_t, \qquad b_1 = g_1 \\
        \theta_t &= \theta_{t-1} - \gamma b_t

    and with Nesterov's momentum :math:`\theta_t = \theta_{t-1} - \gamma (g_t + \mu b_t)`.

    Parameters
    ----------
    params : iterable
        Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`.
    lr : float or 0-d Tensor
        Learning rate :math:`\gamma`. Default: 1e-3.
    momentum : float
        :math:`\mu`; 0 remembers nothing. Default: 0.
    dampening : float
        :math:`\tau`. Default: 0.
    weight_decay : float
        :math:`\lambda`. Default: 0.
    nesterov : bool
        Default: False.
    maximize : bool
        Climb instead: the gradient's sign is turned around. Default: False.
    foreach, fused
        Accepted, and kept in ``param_groups``, for scripts written for PyTorch; without effect.
    differentiable : bool
        Steps cannot be differentiated: `step` raises an error if it is True. Default: False.

    Raises
    ------
    ValueError
        A negative `lr`, `momentum` or `weight_decay`; `nesterov` without momentum or with
        dampening.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum
    in deep learning", ICML 2013.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8000, -1.6000], requires_grad=True)
    """

    _later_options: ClassVar[Mapping[str, Any]] = {
        **SHARED_OPTIONS,
        "nesterov": False,
        "fused": None,
    }

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_common_options(lr, weight_decay, foreach, fused, differentiable)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, options)

    def step(self, closure: Closure | None = None) -> Any:
        """Update all parameters once; return what `closure` returns.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew, and returns the loss.
        """
        loss = self._evaluate(closure)
        for group in self.param_groups:
            check_differentiable(group)
            momentum = float(group["momentum"])
            options = (
                float(group["lr"]),
                momentum,
                float(group["dampening"]),
                float(group["weight_decay"]),
                group["nesterov"],
                group["maximize"],
            )
            for p in group["params"]:
                if p.grad is None:
                    continue
                param, grad = p.array, p.grad.array
                buffer, first = None, False
                if momentum != 0:
                    state = self.state[p]
                    first = state.get("momentum_buffer") is None
                    if first:
                        state["momentum_buffer"] = from_array(np.zeros(param.shape, param.dtype))
                    buffer = state["momentum_buffer"].array
                kernels = optim_kernels(param, grad)
                update = sgd_step if kernels is None else kernels.sgd_step
                update(param, grad, buffer, *options, first)
                p._bump_version()
        return loss
