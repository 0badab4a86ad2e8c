"""What distributions share: broadcast parameters, probabilities and logits, lazy attributes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..arrays.dtypes import get_default_dtype
from ..autograd.grad_mode import enable_grad
from ..ops.draws import normal_
from ..tensor import Tensor
from ..tensor.creation import empty, tensor
from ..tensor.questions import broadcast_shapes, finfo

__all__ = [
    "broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs",
    "probs_to_logits", "standard_normal", "sum_rightmost",
]  # fmt: skip

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; numbers take the type of the first tensor.

    Raises
    ------
    ValueError
        One is neither.
    """
    tensors = [v for v in values if isinstance(v, Tensor)]
    for k, v in enumerate(values):
        if not isinstance(v, (Tensor, int, float)):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects "
                f"implementing __torch_function__, but argument {k} is a {type(v).__name__}"
            )
    dtype = tensors[0].dtype if tensors else get_default_dtype()
    made = [v if isinstance(v, Tensor) else tensor(v, dtype=dtype) for v in values]
    shape = broadcast_shapes(*[v.shape for v in made])
    return tuple([v if v.shape == shape else v.expand(shape) for v in made])


def standard_normal(shape: Any, dtype: Any, device: Any = None) -> Tensor:
    """Normally distributed numbers with mean 0 and deviation 1."""
    return normal_(empty(shape, dtype=dtype, device=device))


def sum_rightmost(value: Tensor, count: int) -> Tensor:
    """The sum over the last `count` axes."""
    return value.sum(tuple(range(-count, 0))) if count else value


_standard_normal, _sum_rightmost = standard_normal, sum_rightmost  # PyTorch's names


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from their logarithms along the last axis, or from log-odds one by one."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities moved away from 0 and 1 by the smallest step of their type."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logarithms of probabilities, or log-odds."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property(functools.cached_property[Any]):
    """An attribute that is computed when it is first asked for, with a graph, and then kept."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        super().__init__(enable_grad()(compute))
        self.__doc__ = compute.__doc__
