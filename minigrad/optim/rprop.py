"""Rprop: only the gradient's sign counts; each coordinate has a step size that grows or shrinks."""

from __future__ import annotations

import numpy as np

from ..tensor import Tensor
from .optimizer import Params
from .options import describe_options
from .per_parameter import Array, Arrays, Group, PerParameter, State, zeros


@describe_options
class Rprop(PerParameter):
    r"""Resilient backpropagation, for gradients of the whole data set, not of batches.

    For every coordinate on its own, with :math:`\Delta_0 = \gamma`:

    .. math::

        \Delta_t &= \begin{cases}
            \min(\eta_+ \Delta_{t-1}, \Delta_{\max}) & g_{t-1} g_t > 0 \\
            \max(\eta_- \Delta_{t-1}, \Delta_{\min}) & g_{t-1} g_t < 0
                \quad \text{(and then } g_t \leftarrow 0 \text{)} \\
            \Delta_{t-1} & \text{otherwise}
        \end{cases} \\
        \theta_t &= \theta_{t-1} - \Delta_t \, \mathrm{sign}(g_t)

    A changed sign means that a minimum was stepped over. Setting the gradient to 0 there lets the
    coordinate rest for a step and keeps the next one from being taken for another change.

    Parameters
    ----------
    lr : float or 0-d Tensor
        :math:`\gamma`, the first step size of every coordinate. Default: 0.01.
    etas : (float, float)
        :math:`\eta_-, \eta_+`, with 0 < smaller < 1 < larger. Default: (0.5, 1.2).
    step_sizes : (float, float)
        :math:`\Delta_{\min}, \Delta_{\max}`. Default: (1e-6, 50).

    References
    ----------
    M. Riedmiller, H. Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
    RPROP Algorithm", IEEE International Conference on Neural Networks, 1993.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.Rprop([w], lr=0.1)
    >>> for _ in range(2):  # by 0.1, then by 1.2 * 0.1
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w
    tensor([ 0.7800, -1.7800], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, dict(
            lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
            differentiable=differentiable, capturable=capturable,
        ))  # fmt: skip

    def _start(self, param: Array, group: Group) -> State:
        step_size = np.full(param.shape, float(group["lr"]), param.dtype)
        return {**zeros(param, "prev"), "step_size": step_size}

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        smaller, larger = group["etas"]
        prev, step_size = state["prev"], state["step_size"]
        agreement = prev * grad
        turned = agreement < 0
        np.multiply(step_size, larger, out=step_size, where=agreement > 0)
        np.multiply(step_size, smaller, out=step_size, where=turned)
        np.clip(step_size, *group["step_sizes"], out=step_size)
        np.copyto(prev, grad)
        # A gradient that is NaN counts as 0: it moves nothing, and is forgotten with the next one.
        np.copyto(prev, 0, where=turned | np.isnan(grad))
        param -= np.sign(prev) * step_size
