"""L-BFGS: Newton's method with a curvature that is estimated from the last few steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.sums import dot, total
from ..tensor import Tensor, from_array
from .line_search import Point, strong_wolfe
from .optimizer import Closure, Optimizer, Params
from .options import check_options


class LBFGS(Optimizer):
    r"""L-BFGS, limited-memory Broyden-Fletcher-Goldfarb-Shanno.

    All parameters are one vector :math:`x`, with gradient :math:`g`. Iteration k goes

    .. math:: x_{k+1} = x_k - t_k H_k g_k

    where :math:`H_k`, an estimate of the inverse of the Hessian, is never formed: it follows from
    the last `history_size` pairs of :math:`s_i = x_{i+1} - x_i` and :math:`y_i = g_{i+1} - g_i`,
    with :math:`\rho_i = 1 / (y_i \cdot s_i)`, by

    .. math::

        H_{i+1} &= (I - \rho_i s_i y_i^\top) \, H_i \, (I - \rho_i y_i s_i^\top)
                   + \rho_i s_i s_i^\top \\
        H_0 &= \frac{s_{k-1} \cdot y_{k-1}}{y_{k-1} \cdot y_{k-1}} \, I

    One call of `step` is many iterations, each of which calls the closure at least once. It wants
    a loss that does not change between calls: the whole data set, no dropout.

    Parameters
    ----------
    params : iterable
        Tensors or pairs (name, tensor); one parameter group only.
    lr : float or 0-d Tensor
        :math:`t_k`, or where a line search begins. In the very first iteration it is multiplied by
        :math:`\min(1, 1 / \sum |g|)`. Default: 1.
    max_iter : int
        Iterations per call of `step`. Default: 20.
    max_eval : int, optional
        Stop, also in the middle of a line search, after so many calls of the closure in a `step`,
        the first not counted. Default: ``max_iter * 5 // 4``.
    tolerance_grad : float
        Stop when no entry of the gradient is larger. Default: 1e-7.
    tolerance_change : float
        Stop when the loss, or every parameter, changes by less. Default: 1e-9.
    history_size : int
        Pairs to remember; each is as large as two copies of all parameters. Default: 100.
    line_search_fn : {"strong_wolfe"}, optional
        How :math:`t_k` is found; None takes `lr`. Default: None.

    Raises
    ------
    ValueError
        A negative `lr`; more than one parameter group.
    RuntimeError
        In `step`: another `line_search_fn`.

    References
    ----------
    J. Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", Mathematics of Computation
    35, 1980.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = mg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w - 1).square().sum() + w[0] * w[1]
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)  # the loss before the step
    tensor(7., grad_fn=<AddBackward0>)
    >>> w
    tensor([0.6667, 0.6667], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_options({"lr": lr})
        super().__init__(params, dict(
            lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change,
            history_size=history_size, line_search_fn=line_search_fn,
        ))  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Closure) -> Any:  # type: ignore[override]  # it cannot do without
        """Iterate until something in the options says stop; return the loss before that.

        Parameters
        ----------
        closure : callable
            Computes the loss and its gradients anew, and returns the loss.
        """
        (group,) = self.param_groups
        line_search, tolerance_change = group["line_search_fn"], group["tolerance_change"]
        lr = group["lr"].item() if isinstance(group["lr"], Tensor) else group["lr"]
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = self._evaluate(closure)
        loss, grad = float(first_loss), self._gradient()
        state["func_evals"] += 1
        if np.abs(grad).max() <= group["tolerance_grad"]:
            return first_loss

        evaluations = 1
        memory = _Memory(state, group["history_size"])
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = -grad
                t = min(1.0, 1.0 / total(np.abs(grad))) * lr  # nothing is known of the scale yet
            else:
                memory.learn(grad)
                direction = memory.newton_direction(grad)
                t = lr
            memory.direction, memory.grad, memory.t = direction, grad, t
            memory.loss = loss
            slope = dot(grad, direction)
            if slope > -tolerance_change:
                break

            last = iteration == group["max_iter"]
            if line_search is not None:
                if line_search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = Point(0, loss, grad, slope)
                left = group["max_eval"] - evaluations
                (t, loss, grad, _), calls = self._search(closure, start, direction, t, left)
                memory.t = t
                self._add(t, direction)
            else:
                self._add(t, direction)
                calls = 0
                if not last:  # after the last iteration, nobody would look at it
                    loss, grad, calls = float(self._evaluate(closure)), self._gradient(), 1
            evaluations += calls
            state["func_evals"] += calls
            if (
                last
                or evaluations >= group["max_eval"]
                or np.abs(grad).max() <= group["tolerance_grad"]
                or np.abs(direction * t).max() <= tolerance_change
                or abs(loss - memory.loss) < tolerance_change
            ):
                break
        memory.store(state)
        return first_loss

    def _search(
        self, closure: Closure, start: Point, direction: np.ndarray, t: float, max_iterations: int
    ) -> tuple[Point, int]:
        """Search along a line; afterwards the parameters are where they were before."""
        params = self.param_groups[0]["params"]
        before = [p.array.copy() for p in params]

        def evaluate(t: float) -> Point:
            self._add(t, direction)
            loss, grad = float(self._evaluate(closure)), self._gradient()
            for p, array in zip(params, before):
                p.array[...] = array
                p._bump_version()
            return Point(t, loss, grad, dot(grad, direction))

        length = np.abs(direction).max()
        return strong_wolfe(evaluate, start, t, length, max_iterations=max_iterations)

    def _gradient(self) -> np.ndarray:
        """The gradients of all parameters as one vector; zeros for those without."""
        return np.concatenate(
            [
                np.zeros(p.numel(), p.array.dtype) if p.grad is None else p.grad.array.reshape(-1)
                for p in self.param_groups[0]["params"]
            ]
        )

    def _add(self, t: float, direction: np.ndarray) -> None:
        """Move all parameters by t times a vector."""
        place = 0
        for p in self.param_groups[0]["params"]:
            size = p.numel()
            p.array[...] += t * direction[place : place + size].reshape(p.array.shape)
            p._bump_version()
            place += size


class _Memory:
    """What is known of the curvature: from the state of the optimizer, and back to it.

    In the state, arrays are tensors, under PyTorch's names.
    """

    def __init__(self, state: dict[str, Any], history_size: int) -> None:
        self.history_size = history_size
        self.y = [_array(y) for y in state.get("old_dirs", ())]
        self.s = [_array(s) for s in state.get("old_stps", ())]
        self.rho = [_array(rho) for rho in state.get("ro", ())]
        self.scale = _array(state.get("H_diag", 1))  # of H_0
        self.alpha = [_array(alpha) for alpha in state.get("al", ())]
        # The last iteration: its direction, step length, and the loss and gradient before it.
        self.direction = _array(state.get("d"))
        self.t = _array(state.get("t"))
        self.grad = _array(state.get("prev_flat_grad"))
        self.loss = state.get("prev_loss")

    def learn(self, grad: np.ndarray) -> None:
        """Remember the last iteration, which led to `grad`, if it met positive curvature."""
        y = grad - self.grad
        s = self.direction * self.t
        ys = dot(y, s)
        if ys > 1e-10:
            if len(self.y) == self.history_size:
                for history in (self.y, self.s, self.rho):
                    history.pop(0)
            self.y.append(y)
            self.s.append(s)
            self.rho.append(1.0 / ys)
            self.scale = ys / dot(y, y)

    def newton_direction(self, grad: np.ndarray) -> np.ndarray:
        """-H g, by two loops over the history: back through it and forth again."""
        if not self.alpha:
            self.alpha = [None] * self.history_size
        r = -grad
        for i in reversed(range(len(self.y))):
            self.alpha[i] = dot(self.s[i], r) * self.rho[i]
            r -= self.alpha[i] * self.y[i]
        r *= self.scale
        for i in range(len(self.y)):
            beta = dot(self.y[i], r) * self.rho[i]
            r += (self.alpha[i] - beta) * self.s[i]
        return r

    def store(self, state: dict[str, Any]) -> None:
        """Put everything into the state."""
        if self.alpha:
            state["al"] = [_tensor(alpha) for alpha in self.alpha]
        state["d"] = _tensor(self.direction)
        state["t"] = _tensor(self.t)
        state["old_dirs"] = [_tensor(y) for y in self.y]
        state["old_stps"] = [_tensor(s) for s in self.s]
        state["ro"] = [_tensor(rho) for rho in self.rho]
        state["H_diag"] = _tensor(self.scale)
        state["prev_flat_grad"] = _tensor(self.grad)
        state["prev_loss"] = self.loss


def _array(value: Any) -> Any:
    """A tensor's array; a number as it is."""
    return value.array if isinstance(value, Tensor) else value


def _tensor(value: Any) -> Any:
    """An array or one of its numbers as a tensor; a number of Python's, or None, as it is."""
    return from_array(np.asarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value
