"""The affine map: `linear`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...ops.elementwise import mul
from ...ops.matmul import linear as _linear
from .arguments import check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """``input @ weight.T + bias``: see `minigrad.nn.Linear`.

    Raises
    ------
    RuntimeError
        Shapes or dtypes that do not go together.
    """
    check_tensor("linear", input)
    check_tensor("linear", weight, "weight")
    x, w = input.array, weight.array
    if w.ndim not in (1, 2):
        raise RuntimeError(
            f"linear: weight must be 1-D or 2-D, t() expects <= 2 axes, got {list(w.shape)}"
        )
    rows = w.shape[:-1]
    if bias is not None:
        check_tensor("linear", bias, "bias")
        if bias.array.dtype is not x.dtype and bias.array.dtype != x.dtype:
            raise RuntimeError(
                "linear: input and bias must have the same dtype, but got "
                f"{dtypes.legacy_name(x.dtype)} and {dtypes.legacy_name(bias.array.dtype)}"
            )
        if bias.array.shape != rows and not _expands_to(bias.array.shape, (*x.shape[:-1], *rows)):
            raise RuntimeError(
                f"linear: bias of shape {list(bias.shape)} must match the existing size of the "
                f"outputs, {list(rows)} for a weight of shape {list(w.shape)}"
            )
    if w.ndim == 1:
        product = (
            mul(input, weight).sum(-1) if x.shape[-1:] == w.shape else _linear(input, weight[None])
        )
        return product if bias is None else product + bias
    if bias is not None and bias.array.shape != rows:
        return _linear(input, weight) + bias
    return _linear(input, weight, bias)


def _expands_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False
