"""Adam, and AdamW: running means of the gradient and of its square decide how far to go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .loops import adam_steps
from .optimizer import Params
from .options import describe_options
from .per_parameter import Array, Group, PerParameter, State, zeros


@np.errstate(all="ignore")  # a step to infinity is silent, as it is in the kernel
def adam_step(
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array | None,
    step: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    maximize: bool,
    decoupled: bool,
) -> None:
    """One step on one parameter, in place: the rule in NumPy. The kernel of this name is the same.

    Parameters
    ----------
    param, exp_avg, exp_avg_sq, max_exp_avg_sq : numpy.ndarray
        Are changed. The last is None unless `amsgrad`.
    grad : numpy.ndarray
        The gradient, shaped like `param`.
    step : float
        The number of this step, from 1.
    lr, beta1, beta2, eps, weight_decay, amsgrad, maximize
        The options of `Adam`.
    decoupled : bool
        AdamW: decay the parameter itself, not through the gradient.
    """
    if maximize:
        grad = -grad
    if decoupled:
        param *= 1 - lr * weight_decay
    elif weight_decay != 0:
        grad = grad + weight_decay * param
    exp_avg += (1 - beta1) * (grad - exp_avg)
    exp_avg_sq *= beta2
    exp_avg_sq += (1 - beta2) * grad * grad
    if amsgrad:
        assert max_exp_avg_sq is not None
        np.maximum(max_exp_avg_sq, exp_avg_sq, out=max_exp_avg_sq)
        exp_avg_sq = max_exp_avg_sq
    step_size = lr / (1 - beta1**step)  # both means start at 0 and are too small at first
    correction = (1 - beta2**step) ** 0.5
    param -= step_size * exp_avg / (np.sqrt(exp_avg_sq) / correction + eps)


@describe_options
class Adam(PerParameter):
    r"""Adam.

    .. math::

        g_t &= \nabla f(\theta_{t-1}) + \lambda \theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \,
            \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    amsgrad : bool
        Use the largest :math:`v_t` so far in place of :math:`v_t`. Default: False.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980.
    S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018 (amsgrad).

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        for k, beta in enumerate(betas):
            if isinstance(beta, Tensor) and foreach and not capturable:
                raise ValueError(
                    f"betas[{k}] as a Tensor is not supported for capturable=False and foreach=True"
                )
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
            maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused,
            decoupled_weight_decay=decoupled_weight_decay,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return zeros(param, *names[: 3 if group["amsgrad"] else 2])

    def _update_group(self, group: Group) -> None:
        amsgrad = group["amsgrad"]
        beta1, beta2 = group["betas"]
        options = (
            float(group["lr"]), float(beta1), float(beta2), float(group["eps"]),
            float(group["weight_decay"]), amsgrad, group["maximize"],
            group["decoupled_weight_decay"],
        )  # fmt: skip
        adam_steps(self.state, group, options, adam_step, self._remember)


@describe_options
class AdamW(Adam):
    r"""Adam with weight decay that does not go through the gradient's means.

    As `Adam`, but :math:`\lambda` is not added to the gradient; instead, before each step,

    .. math:: \theta \leftarrow (1 - \gamma \lambda) \, \theta

    Parameters
    ----------
    weight_decay : float
        :math:`\lambda`, not negative. Default: 0.01.
    amsgrad : bool
        As `Adam`. Default: False.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv 1711.05101.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8500, -1.8000], requires_grad=True)
    """

    _later_options: ClassVar[Mapping[str, Any]] = {"decoupled_weight_decay": True}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip
