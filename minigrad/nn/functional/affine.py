"""The affine map, and the product of two inputs with a weight: `linear`, `bilinear`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...ops.elementwise import mul
from ...ops.matmul import linear as _linear
from ...ops.matmul import matmul
from ...ops.reduce import sum as sum_
from ...ops.shape import reshape, transpose, unsqueeze
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


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    r"""A weighted sum of all products of entries of two inputs: see `minigrad.nn.Bilinear`.

    .. math:: y_o = b_o + \sum_i \sum_j x_{1,i} \, w_{o,i,j} \, x_{2,j}

    Parameters
    ----------
    input1 : Tensor, shape (..., I)
    input2 : Tensor, shape (..., J)
    weight : Tensor, shape (O, I, J)
    bias : Tensor, shape (O,), optional

    Returns
    -------
    Tensor, shape (..., O)

    Raises
    ------
    RuntimeError
        Shapes or types that do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> bilinear(mg.tensor([1.0, 2.0]), mg.tensor([3.0]), mg.tensor([[[1.0], [10.0]]]))
    tensor([63.])
    """
    for argument, value in (("input1", input1), ("input2", input2), ("weight", weight)):
        check_tensor("bilinear", value, argument)
    if bias is not None:
        check_tensor("bilinear", bias, "bias")
    x1, x2, w = input1.array, input2.array, weight.array
    if x1.ndim != x2.ndim:
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {x1.ndim} and {x2.ndim}"
        )
    for k, (n, m) in enumerate(zip(x1.shape[:-1], x2.shape[:-1])):
        if n != m:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {k}: got {n} and {m}"
            )
    if w.ndim != 3:
        raise IndexError(
            f"bilinear(): Dimension out of range: weight must be (O, I, J), but has shape "
            f"{list(w.shape)}"
        )
    for k, x in ((1, x1), (2, x2)):
        if x.shape[-1] != w.shape[k]:
            raise RuntimeError(
                f"bilinear(): input{k} size does not match weight size: got {x.shape[-1]} but "
                f"expected {w.shape[k]}: weight has shape {list(w.shape)}"
            )
    if bias is not None and bias.array.shape != w.shape[:1]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.array.size} but "
            f"expected {w.shape[0]}"
        )
    outputs, inputs, others = w.shape
    rows1, rows2 = reshape(input1, (-1, inputs)), reshape(input2, (-1, others))
    by_both = matmul(rows1, reshape(transpose(weight, 0, 1), (inputs, outputs * others)))
    by_both = reshape(by_both, (-1, outputs, others))
    y = sum_(mul(by_both, unsqueeze(rows2, 1)), -1)
    y = reshape(y, (*x1.shape[:-1], outputs))
    return y if bias is None else y + bias


def _expands_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False
