"""Stochastic gradient descent, with momentum if wanted."""

from __future__ import annotations

import numpy as np

from ..tensor import Tensor, from_array
from .loops import sgd_steps
from .optimizer import Params
from .options import describe_options
from .per_parameter import Array, Group, PerParameter


@np.errstate(all="ignore")  # a step to infinity is silent, as it is in the kernel
def sgd_step(
    param: Array,
    grad: Array,
    momentum_buffer: Array | None,
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


@describe_options
class SGD(PerParameter):
    r"""Stochastic gradient descent.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        b_t &= \mu b_{t-1} + (1 - \tau) g_t, \qquad b_1 = g_1 \\
        \theta_t &= \theta_{t-1} - \gamma b_t

    and with Nesterov's momentum :math:`\theta_t = \theta_{t-1} - \gamma (g_t + \mu b_t)`.

    Parameters
    ----------
    momentum : float
        :math:`\mu`, not negative; 0 remembers nothing. Default: 0.
    dampening : float
        :math:`\tau`. Default: 0.
    nesterov : bool
        Use Nesterov's momentum. Default: False.

    Raises
    ------
    ValueError
        An option is out of its range; `nesterov` without momentum or with dampening.

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
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize, foreach=foreach, differentiable=differentiable,
            fused=fused,
        ))  # fmt: skip

    def _update_group(self, group: Group) -> None:
        momentum = float(group["momentum"])
        options = (
            float(group["lr"]), momentum, float(group["dampening"]), float(group["weight_decay"]),
            group["nesterov"], group["maximize"],
        )  # fmt: skip
        sgd_steps(self.state, group, options, sgd_step, _buffer)


def _buffer(param: Array) -> Tensor:
    """What the momentum begins with."""
    buffer: Tensor = from_array(np.zeros(param.shape, param.dtype))
    return buffer
