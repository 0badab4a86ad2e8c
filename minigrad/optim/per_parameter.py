"""`PerParameter`: what is the same for all optimizers that treat each parameter alone.

What is left for a subclass is its options, what it remembers of a parameter before the first step
(`_start`), and the rule itself in NumPy (`_update`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..arrays import dtypes
from ..tensor import Tensor, from_array
from .optimizer import Closure, Optimizer, Params
from .options import ALWAYS_THERE, BEFORE, check_options, refuse_to_differentiate

Array: TypeAlias = np.ndarray
Arrays: TypeAlias = dict[str, np.ndarray]
State: TypeAlias = dict[str, Any]
Group: TypeAlias = dict[str, Any]

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
        be among them. Two are dealt with before the rule sees the gradient: ``"maximize"``, and, if
        it is there, ``"weight_decay"``.

    Raises
    ------
    ValueError
        An option that several optimizers have (see `minigrad.optim.options`) is out of its range.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim.per_parameter import PerParameter
    >>> class Descent(PerParameter):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     def _update(self, param, grad, state, step, lr, group):
    ...         param -= lr * grad
    >>> w = mg.ones(2, requires_grad=True)
    >>> (3 * w).sum().backward()
    >>> Descent([w], lr=0.25).step()
    >>> w
    tensor([0.2500, 0.2500], requires_grad=True)
    """

    # See `Optimizer`. A subclass gets those of `BEFORE` that its ``__init__`` names, too.
    _later_options: ClassVar[Mapping[str, Any]] = ALWAYS_THERE

    # What is remembered as a plain number: kept as a 0-d tensor, as in PyTorch's state dicts.
    _counters: tuple[str, ...] = ("step",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        named = inspect.signature(cls.__init__).parameters
        cls._later_options = {
            **super(cls, cls)._later_options,
            **{option: value for option, value in BEFORE.items() if option in named},
            **cls.__dict__.get("_later_options", {}),
        }
        super().__init_subclass__(**kwargs)

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        options = dict(defaults)
        for option, value in self._later_options.items():
            options.setdefault(option, value)
        check_options(options)
        super().__init__(params, options)

    def _start(self, param: Array, group: Group) -> State:
        """What is remembered before the first step: arrays like `param`, or counters.

        The number of steps is remembered anyway, as ``"step"``.
        """
        return {}

    def _update(
        self, param: Array, grad: Array, state: Arrays, step: float, lr: float, group: Group
    ) -> None:
        """Take one step, in place: `param` and the arrays in `state` are changed, `grad` is not.

        A large parameter comes in blocks, one call for each, so counters must stay as they are.

        Parameters
        ----------
        param, grad : numpy.ndarray
            Have at least one axis, so that parts of a rule may be written with ``out=``. The
            gradient is that of what to minimize, with the weight decay in it.
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

    def _finish(self, state: Arrays, step: float, lr: float, group: Group) -> None:
        """Bring counters, other than that of steps, up to date when the step is over."""

    def _remember(self, p: Tensor, group: Group) -> None:
        """Put what `_start` gives into ``state[p]``."""
        for name, value in {"step": 0.0, **self._start(p.array, group)}.items():
            array = value if isinstance(value, np.ndarray) else np.array(value, dtypes.default())
            self.state[p][name] = from_array(array)

    def step(self, closure: Closure | None = None) -> Any:
        """Update all parameters once; return what `closure` returns.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew, and returns the loss.
        """
        loss = None if closure is None else self._evaluate(closure)
        for group in self.param_groups:
            if group["differentiable"]:
                refuse_to_differentiate(group)
            self._update_group(group)
        return loss

    @np.errstate(all="ignore")  # a step to infinity is silent in PyTorch, too
    def _update_group(self, group: Group) -> None:
        """Update the parameters of one group that have gradients.

        Optimizers with a kernel have a loop of their own instead, which hands all to the kernel.
        """
        lr = float(group["lr"])
        decays = "weight_decay" in self.defaults  # in the groups, anybody may put anything
        for p in group["params"]:
            gradient = p.grad
            if gradient is None:
                continue
            if not self.state[p]:
                self._remember(p, group)
            state = {name: _with_axis(t.array) for name, t in self.state[p].items()}
            step = state["step"].item() + 1
            state["step"][...] = step
            whole = _with_axis(p.array), _with_axis(gradient.array), state
            for param, grad, part in _blocks(*whole):
                if group["maximize"]:
                    grad = -grad
                if decays:
                    grad = _decay(param, grad, lr, group)
                self._update(param, grad, part, step, lr, group)
            self._finish(state, step, lr, group)
            p._bump_version()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # Older checkpoints count with plain numbers.
        for remembered in self.state.values():
            for name in self._counters:
                if name in remembered and not isinstance(remembered[name], Tensor):
                    remembered[name] = from_array(np.array(remembered[name], dtypes.default()))


def _with_axis(array: Array) -> Array:
    """A view with one axis of an array without any: unlike numbers, it can be changed in place."""
    return array if array.ndim else array.reshape(1)


def _blocks(param: Array, grad: Array, state: Arrays) -> Iterator[tuple[Array, Array, Arrays]]:
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


def _decay(param: Array, grad: Array, lr: float, group: Group) -> Array:
    """The gradient of the loss plus ``weight_decay / 2 * sum(param**2)``.

    A decoupled weight decay makes the parameter itself smaller instead.
    """
    weight_decay = float(group["weight_decay"])
    if weight_decay == 0:
        return grad
    if group.get("decoupled_weight_decay"):
        param *= 1 - lr * weight_decay
        return grad
    return grad + weight_decay * param


def zeros(param: Array, *names: str) -> State:
    """Arrays like `param` to begin with."""
    return {name: np.zeros(param.shape, param.dtype) for name in names}
