"""Dropout: random zeros while training, entry by entry or for whole channels.

All kinds multiply by a mask that is 0 with probability p and otherwise 1 / (1 - p), so that the
expected value stays what it was; they differ in the mask's shape. The alpha kinds, made for SELU
networks, set entries to the negative value that SELU saturates at instead of 0, and then scale and
shift so that mean 0 and variance 1 stay what they were.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import random
from ...arrays import dtypes
from ...autograd.listening import heard, is_listening
from ...autograd.tensor_base import wrap
from ...ops.layout import empty_alike, in_memory_order
from .arguments import check_tensor, checked_probability

if TYPE_CHECKING:
    from ...tensor import Tensor

# what SELU tends to at minus infinity: -scale * alpha, in the notation of its authors
SELU_LIMIT = -1.0507009873554805 * 1.6732632423543772


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In `training`, zero each entry with probability `p` and scale the rest by ``1 / (1 - p)``.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    """
    return with_mask("dropout", input, p, training, inplace, None)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels: (N, C, L) or, of one sample, (C, L).

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    RuntimeError
        `input` has another number of axes.
    """
    checked_probability(p)
    check_tensor("dropout1d", input)
    shape = input.array.shape
    if len(shape) not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {len(shape)}D input of shape "
            f"{list(shape)}; it drops whole channels of (N, C, L) or (C, L)"
        )
    return with_mask("dropout1d", input, p, training, inplace, (*shape[:-1], 1))


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, H, W); also of (N, C, L), with a warning.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    RuntimeError
        `input` has fewer than 2 axes.
    """
    checked_probability(p)
    check_tensor("dropout2d", input)
    shape = input.array.shape
    if len(shape) not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {len(shape)}-D input to dropout2d, which is deprecated; it "
            "drops whole channels of (N, C, H, W). Use dropout instead.",
            stacklevel=2,
        )
    elif len(shape) == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired: axes (N, C, L). Use dropout1d to say so.",
            stacklevel=2,
        )
    return with_mask("dropout2d", input, p, training, inplace, _per_channel(shape))


def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1: see `minigrad.nn.AlphaDropout`.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    """
    return _alpha("alpha_dropout", input, p, training, inplace, None)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...).

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    RuntimeError
        `input` has fewer than 2 axes.
    """
    return _alpha("feature_alpha_dropout", input, p, training, inplace, _per_channel)


def _per_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) < 2:
        raise RuntimeError(
            "Feature dropout requires at least 2 dimensions in the input, (N, C, ...), but got "
            f"shape {list(shape)}"
        )
    return (*shape[:2], *(1 for _ in shape[2:]))


def with_mask(
    name: str, input: Any, p: float, training: bool, inplace: bool, shape: tuple[int, ...] | None
) -> Any:
    """`input` times a scaled random mask of this shape (None: that of `input`), if training."""
    p = checked_probability(p)
    if _is_idle(name, input, p, training):
        return input
    mask = _mask(input, p, shape)
    return input.mul_(mask) if inplace else input * mask


def _mask(input: Any, p: float, shape: tuple[int, ...] | None) -> Any:
    """Zeros, with probability `p`, and ``1 / (1 - p)``."""
    if is_listening():
        return heard(_mask, (input, p, shape), {})
    kind = input.array.dtype
    if p == 1.0:
        return wrap(np.zeros((), kind))  # without a draw
    kept = _coins(1 - p, input.array if shape is None else np.empty(shape, kind))
    kept *= kind.type(1 / (1 - p))
    return wrap(kept)


def _coins(p: float, like: np.ndarray) -> np.ndarray:
    """Ones, with probability `p`, and zeros, drawn in the order in which `like` lies in memory."""
    kept = empty_alike(like)
    memory = in_memory_order(kept)
    random.default_generator.bernoulli(p, memory.shape, memory.dtype, memory)
    return kept


def _alpha(name: str, input: Any, p: float, training: bool, inplace: bool, shape_of: Any) -> Any:
    if is_listening():
        return heard(_alpha, (name, input, p, training, inplace, shape_of), {})
    p = checked_probability(p)
    if _is_idle(name, input, p, training):
        return input
    kind = input.array.dtype
    if p == 1.0:
        zero = wrap(np.zeros((), kind))
        return input.mul_(zero) if inplace else input * zero
    like = np.empty(shape_of(input.array.shape), kind) if shape_of else input.array
    kept = _coins(1 - p, like)
    # what was x or the limit has, for x of mean 0 and variance 1, the mean p * limit and the
    # variance (1 - p) (1 + p limit^2)
    scale = 1 / math.sqrt((1 - p) * (1 + p * SELU_LIMIT**2))
    factor = wrap(kept * kind.type(scale))
    shift = wrap((1 - kept - kind.type(p)) * kind.type(scale * SELU_LIMIT))
    return input.mul_(factor).add_(shift) if inplace else input * factor + shift


def _is_idle(name: str, input: Any, p: float, training: bool) -> bool:
    """Whether there is nothing to do, after the checks."""
    check_tensor(name, input)
    if not training or p == 0.0 or not input.array.size:
        return True
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: result type Float can't be cast to the desired output type "
            f"{dtypes.legacy_name(input.array.dtype)}"
        )
    return False
