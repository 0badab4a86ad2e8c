"""Losses that are the negative logarithms of likelihoods of numbers: Gaussian, Poisson."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd.grad_mode import no_grad
from ...autograd.tensor_base import wrap
from ...ops.elementwise import exp, log, square, sub
from ...ops.index import where
from ...ops.loss import check_reduction
from ...ops.shape import clone, unsqueeze
from ...ops.values import number
from .arguments import check_tensor
from .losses import chosen_reduction, reduced

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = ["gaussian_nll_loss", "poisson_nll_loss"]


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.GaussianNLLLoss`.

    Raises
    ------
    ValueError
        `var` has negative entries, or a shape that does not go with that of `input`.
    """
    name = "gaussian_nll_loss"
    check_tensor(name, input)
    check_tensor(name, target, "target")
    eps = number(eps, name, "eps", "float")
    if isinstance(var, (int, float)):
        var = wrap(np.full_like(input.array, var))
    check_tensor(name, var, "var")
    shape, given = input.array.shape, var.array.shape
    if given != shape:
        if given == shape[:-1]:
            var = unsqueeze(var, -1)
        elif len(given) != len(shape) or sum([m for n, m in zip(shape, given) if n != m]) != 1:
            raise ValueError(
                f"{name}: var is of incorrect size: {list(given)} for input of shape "
                f"{list(shape)}; it may be without the last axis, or have size 1 along one"
            )
    if var.array.size and var.array.min() < 0:
        raise ValueError(f"{name}: var has negative entry/entries")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{name}: {reduction} is not valid")
    var = clone(var)
    with no_grad():
        var.clamp_(min=eps)  # which no gradient sees
    loss = 0.5 * (log(var) + square(sub(input, target)) / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False,
    size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.PoissonNLLLoss`."""
    name = "poisson_nll_loss"
    if size_average is not None or reduce is not None:
        reduction = chosen_reduction(reduction, size_average, reduce)
    check_tensor(name, input)
    check_tensor(name, target, "target")
    eps = number(eps, name, "eps", "float")
    check_reduction(reduction)
    mean, its_log = (exp(input), input) if log_input else (input, log(input + eps))
    loss = mean - target * its_log
    if full:  # Stirling's formula for log(target!)
        stirling = target * log(target) - target + 0.5 * log(2 * math.pi * target)
        loss = loss + where(target > 1, stirling, 0)
    return reduced(loss, reduction)
