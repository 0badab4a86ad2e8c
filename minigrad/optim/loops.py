"""What an optimizer does for each parameter around the kernel, for those that have one.

These loops are all the Python that a step of a small network has. So they are in a file of their
own, which is translated (see `minigrad._kernels`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from ..autograd.tensor_base import TensorBase, bump_version


def kernels_for(param: np.ndarray, grad: np.ndarray) -> Any:
    """The compiled update rules for these arrays, or None if NumPy has to do it."""
    kernels = _kernels.kernels_for(param.dtype)
    if kernels is None or not (param.flags.c_contiguous and grad.flags.c_contiguous):
        return None
    return kernels.optim


def forget_gradients(parameters: list[TensorBase]) -> None:
    """Let tensors have no gradient."""
    for p in parameters:
        p._grad = None


def adam_steps(
    states: Any, group: dict[str, Any], options: tuple[Any, ...], formula: Callable[..., None],
    remember: Callable[..., None],
) -> None:  # fmt: skip
    """`Adam`'s step for all parameters of a group that have a gradient.

    Parameters
    ----------
    states : dict
        The optimizer's, by parameter.
    group : dict
    options : tuple
        What `formula`, or the kernel of the same meaning, takes after the number of the step.
    formula : callable
    remember : callable
        ``remember(p, group)`` fills the state of a parameter before its first step.
    """
    amsgrad = group["amsgrad"]
    for p in group["params"]:
        gradient = p._grad
        if gradient is None:
            continue
        param, grad = p.array, gradient.array
        state = states[p]
        if not state:
            remember(p, group)
        # The count is a tensor only so that state dicts look like PyTorch's. Reading and writing
        # its single number costs a tenth of ``step += 1`` on a 0-d array.
        count = state["step"].array
        step = count.item() + 1
        count[()] = step
        mean, mean_square = state["exp_avg"].array, state["exp_avg_sq"].array
        largest = state["max_exp_avg_sq"].array if amsgrad else None
        kernels = kernels_for(param, grad)
        update = formula if kernels is None else kernels.adam_step
        update(param, grad, mean, mean_square, largest, step, *options)
        bump_version(p)


def sgd_steps(
    states: Any, group: dict[str, Any], options: tuple[Any, ...], formula: Callable[..., None],
    remember: Callable[..., Any],
) -> None:  # fmt: skip
    """The same of `SGD`; ``remember(param)`` makes a buffer for the momentum."""
    momentum = options[1]
    begun: set[int] = set()  # in this step: a parameter that comes twice begins twice
    for p in group["params"]:
        gradient = p._grad
        if gradient is None:
            continue
        param, grad = p.array, gradient.array
        buffer, first = None, False
        if momentum != 0:
            state = states[p]
            first = state.get("momentum_buffer") is None
            if first:
                begun.add(id(p))
                state["momentum_buffer"] = remember(param)
            first = id(p) in begun
            buffer = state["momentum_buffer"].array
        kernels = kernels_for(param, grad)
        update = formula if kernels is None else kernels.sgd_step
        update(param, grad, buffer, *options, first)
        bump_version(p)
