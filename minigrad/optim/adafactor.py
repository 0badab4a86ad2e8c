"""Adafactor: an adaptive rule that remembers a row and a column of a matrix, not all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..arrays import dtypes
from ..tensor import Tensor, from_array
from .optimizer import Closure, Optimizer, Params
from .options import describe_options

Array = np.ndarray


@describe_options
class Adafactor(Optimizer):
    r"""Adafactor.

    .. math::

        \rho_t &= \min(\gamma, 1 / \sqrt{t}), \qquad
            \alpha_t = \max(\epsilon_2, \mathrm{RMS}(\theta_{t-1})) \, \rho_t \\
        w_t &= t^{\tau}, \qquad g_t = \nabla f(\theta_{t-1}) \\
        R_t &= (1 - w_t) R_{t-1} + w_t \, \mathrm{mean}_{columns}(g_t^2) \\
        C_t &= (1 - w_t) C_{t-1} + w_t \, \mathrm{mean}_{rows}(g_t^2) \\
        V_t &= R_t C_t / \max(\mathrm{mean}(R_t), \epsilon_1) \\
        u_t &= g_t / \max(\sqrt{V_t}, \epsilon_1) \\
        \theta_t &= (1 - \gamma \lambda) \, \theta_{t-1}
            - \frac{\alpha_t}{\max(1, \mathrm{RMS}(u_t) / d)} \, u_t

    A vector keeps :math:`V_t = (1 - w_t) V_{t-1} + w_t g_t^2` itself. The rows and columns of a
    parameter with more axes are along its last two.

    Parameters
    ----------
    lr : float or 0-d Tensor
        Upper bound :math:`\gamma` of the relative step, not negative. Default: 0.01.
    beta2_decay : float
        :math:`\tau`, not positive. Default: -0.8.
    eps : (float or None, float)
        :math:`\epsilon_1` (None: the precision of the parameter's type) and :math:`\epsilon_2`.
        Default: (None, 0.001).
    d : float
        Updates with a larger root mean square are made smaller; from 1 on. Default: 1.0.

    Notes
    -----
    It is PyTorch's variant: the paper has no learning rate, and :math:`\epsilon_1` elsewhere.

    References
    ----------
    N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML
    2018, arXiv 1804.04235.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8419, -1.8419], requires_grad=True)
    """

    _later_options: ClassVar[Mapping[str, Any]] = {"foreach": None, "maximize": False}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element, but it has shape {lr.shape}")
        for what, value in (
            ("Learning rate", lr), ("epsilon1", 0.0 if eps[0] is None else eps[0]),
            ("epsilon2", eps[1]), ("weight_decay", weight_decay),
        ):  # fmt: skip
            if not value >= 0.0:
                raise ValueError(f"{what} should be >= 0 but is: {value}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        super().__init__(params, dict(
            lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
            foreach=foreach, maximize=maximize,
        ))  # fmt: skip

    def _start(self, grad: Array) -> dict[str, Array]:
        """What is remembered before the first step."""
        count = np.zeros((), dtypes.default())
        if grad.ndim < 2:
            return {"step": count, "variance": np.zeros_like(grad)}
        rows, columns = (*grad.shape[:-1], 1), (*grad.shape[:-2], 1, grad.shape[-1])
        return {
            "step": count,
            "row_var": np.zeros(rows, grad.dtype),
            "col_var": np.zeros(columns, grad.dtype),
        }

    @np.errstate(all="ignore")
    def step(self, closure: Closure | None = None) -> Any:
        """Update all parameters once; return what `closure` returns.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew, and returns the loss.
        """
        loss = self._evaluate(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = -p.grad.array if group["maximize"] else p.grad.array
                state = self.state[p]
                if not state:
                    state |= {name: from_array(a) for name, a in self._start(grad).items()}
                arrays = {name: t.array for name, t in state.items()}
                p.array[...] = self._moved(p.array, grad, arrays, group)
                p._bump_version()
        return loss

    def _moved(
        self, param: Array, grad: Array, state: dict[str, Array], group: dict[str, Any]
    ) -> Array:
        """The parameter after a step; `state` is changed in place."""
        lr, (eps1, eps2) = float(group["lr"]), group["eps"]
        eps1 = float(np.finfo(param.dtype).eps) if eps1 is None else eps1
        state["step"] += 1
        step = state["step"].item()
        weight = step ** group["beta2_decay"]
        alpha = max(eps2, _rms(param)) * min(lr, step**-0.5)
        square = grad * grad
        if grad.ndim < 2:
            _move(state["variance"], weight, square)
            variance = state["variance"]
        else:
            rows, columns = state["row_var"], state["col_var"]
            _move(rows, weight, square.mean(-1, keepdims=True))
            _move(columns, weight, square.mean(-2, keepdims=True))
            variance = rows * columns / np.maximum(rows.mean(-2, keepdims=True), eps1)
        update = grad / np.sqrt(np.maximum(variance, eps1 * eps1))
        scale = alpha / max(1.0, _rms(update) / group["d"])
        return param * (1 - lr * float(group["weight_decay"])) - scale * update

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for remembered in self.state.values():  # older checkpoints count with plain numbers
            if remembered and not isinstance(remembered["step"], Tensor):
                remembered["step"] = from_array(np.array(remembered["step"], dtypes.default()))


def _rms(array: Array) -> float:
    """The root mean square; 0 of nothing."""
    return float(np.linalg.norm(array)) / max(1, array.size) ** 0.5


def _move(mean: Array, weight: float, value: Array) -> None:
    """``mean = (1 - weight) * mean + weight * value``, in place; from the nearer end, as lerp."""
    if weight < 0.5:
        mean += weight * (value - mean)
    else:
        mean[...] = value - (1 - weight) * (value - mean)
