"""RMSprop: each coordinate's gradient is divided by the root of its running mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .averages import move_mean, move_mean_square, root
from .optimizer import Params
from .options import check_not_negative, describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State, zeros


@describe_options
class RMSprop(PerParameter):
    r"""RMSprop.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        v_t &= \alpha v_{t-1} + (1 - \alpha) g_t^2 \\
        b_t &= \mu b_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} \\
        \theta_t &= \theta_{t-1} - \gamma b_t

    If `centered`, :math:`v_t - \bar g_t^2` takes the place of :math:`v_t` under the root, with the
    running mean :math:`\bar g_t = \alpha \bar g_{t-1} + (1 - \alpha) g_t`: a variance.

    Parameters
    ----------
    alpha : float
        :math:`\alpha`, how slowly the mean square forgets; not negative. Default: 0.99.
    momentum : float
        :math:`\mu`, not negative. Default: 0.
    centered : bool
        Divide by the standard deviation instead. Default: False.

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning, 2012.
    A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, arXiv 1308.0850, which
    has the centered form.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.RMSprop([w], lr=0.1, alpha=0.75)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8000, -1.8000], requires_grad=True)
    """

    _later_options: ClassVar[Mapping[str, Any]] = {"momentum": 0, "centered": False}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative(momentum=momentum, alpha=alpha)
        super().__init__(params, dict(
            lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
            weight_decay=weight_decay, capturable=capturable, foreach=foreach, maximize=maximize,
            differentiable=differentiable,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        names = ["square_avg"]
        if group["momentum"] > 0:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return zeros(param, *names)

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        alpha, momentum = group["alpha"], group["momentum"]
        spread = state["square_avg"]
        move_mean_square(spread, alpha, grad)
        if group["centered"]:
            mean = state["grad_avg"]
            move_mean(mean, alpha, grad)
            # The square of a large mean overflows, and then so has the mean of squares: inf - inf.
            # And rounding may make a variance of almost 0 negative, which has no root.
            spread = spread - np.minimum(mean * mean, np.finfo(mean.dtype).max)
            np.maximum(spread, 0, out=spread)
        change = grad / root(spread, group["eps"])
        if momentum > 0:
            buffer = state["momentum_buffer"]
            buffer *= momentum
            buffer += change
            change = buffer
        param -= lr * change
