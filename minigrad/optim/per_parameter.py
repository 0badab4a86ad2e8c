"""`PerParameter`: the loop that is the same for all optimizers which treat each parameter alone.

What is left for a subclass is its options, what it remembers of a parameter before the first step
(`_start`), and the rule itself in NumPy (`_update`). The small averages that most rules are made of
are here as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .. import dtypes
from ..tensor import Tensor, from_array
from .optimizer import SHARED_OPTIONS, Closure, Optimizer, Params, check_differentiable

Arrays: TypeAlias = dict[str, np.ndarray]

# So many numbers at a time: what a rule makes on its way then stays in the cache, where a whole
# large parameter would have to fetch new memory from the system for every intermediate result.
BLOCK = 1 << 14


class PerParameter(Optimizer):
    """Base class of optimizers whose rule looks at one parameter and its gradient at a time.

    Parameters
    ----------
    params : iterable
        Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`.
    defaults : dict
        The options; ``"lr"`` is one of them. Those that all have, such as ``"maximize"``, need not
        be among them.
    """

    _later_options: ClassVar[Mapping[str, Any]] = SHARED_OPTIONS

    # What `_start` gives as plain numbers: kept as 0-d tensors, as in PyTorch's state dicts.
    _counters: tuple[str, ...] = ("step",)

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        shared = {k: v for k, v in self._later_options.items() if k not in defaults}
        super().__init__(params, {**defaults, **shared})

    def _start(self, param: np.ndarray, group: dict[str, Any]) -> dict[str, Any]:
        """What is remembered before the first step: arrays like `param`, or counters."""
        raise NotImplementedError(f"{type(self).__name__} does not define _start()")

    def _update(
        self,
        param: np.ndarray,
        grad: np.ndarray,
        state: Arrays,
        step: float,
        lr: float,
        group: dict[str, Any],
    ) -> None:
        """Take one step, in place: `param` and the arrays in `state` are changed, `grad` is not.

        A large parameter comes in blocks, one call for each, so counters must stay as they are.

        Parameters
        ----------
        param, grad : numpy.ndarray
            Have at least one axis, so that parts of a rule may be written with ``out=``.
        state : dict
            What is remembered, as arrays; counters have one entry.
        step : float
            The number of this step, from 1.
        lr : float
            The learning rate, a number even if the option is a tensor.
        group : dict
            The options.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define _update()")

    def _finish(self, state: Arrays, step: float, lr: float, group: dict[str, Any]) -> None:
        """Bring counters, other than that of steps, up to date when the step is over."""

    def _remember(self, p: Tensor, group: dict[str, Any]) -> None:
        """Put what `_start` gives into ``state[p]``."""
        for name, value in self._start(p.array, group).items():
            array = value if isinstance(value, np.ndarray) else np.array(value, dtypes.default())
            self.state[p][name] = from_array(array)

    def step(self, closure: Closure | None = None) -> Any:
        """Update all parameters once; return what `closure` returns.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew, and returns the loss.
        """
        loss = self._evaluate(closure)
        with np.errstate(all="ignore"):  # a step to infinity is silent in PyTorch, too
            for group in self.param_groups:
                self._update_group(group)
        return loss

    def _update_group(self, group: dict[str, Any]) -> None:
        check_differentiable(group)
        lr = float(group["lr"])
        for p in group["params"]:
            if p.grad is None:
                continue
            if not self.state[p]:
                self._remember(p, group)
            state = {name: _with_axis(t.array) for name, t in self.state[p].items()}
            state["step"] += 1
            step = state["step"].item()
            for param, grad, part in _blocks(_with_axis(p.array), _with_axis(p.grad.array), state):
                up = -grad if group["maximize"] else grad
                self._update(param, up, part, step, lr, group)
            self._finish(state, step, lr, group)
            p._bump_version()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._make_counters_tensors(self._counters)


def _with_axis(array: np.ndarray) -> np.ndarray:
    """A view with one axis of an array without any: unlike numbers, it can be changed in place."""
    return array if array.ndim else array.reshape(1)


def _blocks(
    param: np.ndarray, grad: np.ndarray, state: Arrays
) -> Iterator[tuple[np.ndarray, np.ndarray, Arrays]]:
    """Views of `BLOCK` numbers of all arrays at a time; of counters, the whole."""
    alike = {name: array for name, array in state.items() if array.shape == param.shape}
    if param.size <= BLOCK or not all(
        array.flags.c_contiguous for array in (param, grad, *alike.values())
    ):
        yield param, grad, state
        return
    flat_param, flat_grad = param.reshape(-1), grad.reshape(-1)
    flat = {name: array.reshape(-1) for name, array in alike.items()}
    for begin in range(0, param.size, BLOCK):
        block = slice(begin, begin + BLOCK)
        part = {name: array[block] for name, array in flat.items()}
        yield flat_param[block], flat_grad[block], {**state, **part}


def decayed(grad: np.ndarray, weight_decay: float, param: np.ndarray) -> np.ndarray:
    """The gradient of the loss plus ``weight_decay / 2 * sum(param**2)``."""
    return grad + weight_decay * param if weight_decay != 0 else grad


def move_mean(mean: np.ndarray, decay: float, value: np.ndarray) -> None:
    """``mean = decay * mean + (1 - decay) * value``, in place."""
    change = value - mean
    change *= 1 - decay
    mean += change


def move_mean_square(mean: np.ndarray, decay: float, value: np.ndarray) -> None:
    """``mean = decay * mean + (1 - decay) * value**2``, in place."""
    square = (1 - decay) * value
    square *= value  # in this order, as the square alone overflows earlier
    mean *= decay
    mean += square


def root(x: np.ndarray, eps: float) -> np.ndarray:
    """``sqrt(x) + eps``: what many rules divide by."""
    result = np.sqrt(x)
    result += eps
    return result
