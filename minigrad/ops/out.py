"""``out=``: a result written into a tensor that the user has made before."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.grad_mode import mode
from ..autograd.loans import before_write
from ..autograd.tensor_base import TensorBase, bump_version
from .layout import check_memory

# Functions whose out= must have the very dtype of the result; other functions cast into it.
EXACT = {
    "abs", "addmm", "all", "amax", "amin", "any", "argmax", "argmin", "baddbmm", "bitwise_not",
    "bmm", "ceil", "clamp", "diag", "dot", "floor", "gather", "index_add", "index_copy",
    "index_select", "log_softmax", "masked_select", "matmul", "max", "median", "min", "mm",
    "multinomial", "mv", "neg", "nonzero", "norm", "round", "scatter", "scatter_add", "sign",
    "softmax", "sort", "take", "take_along_dim", "topk", "tril", "triu", "trunc", "where",
}  # fmt: skip
# Which fill an out= of any shape of as many entries.
ANY_SHAPE = {"arange", "linspace", "logspace", "range"}


def written(name: str, out: Any, result: Any, exact: bool = False) -> Any:
    """`out`, a tensor or a tuple of tensors, after `result` was written into it.

    It takes the shape of the result; its dtype must be able to hold the result's, or be the same
    where the function asks for that (`EXACT`), or its user by ``dtype=`` (`exact`).

    Raises
    ------
    TypeError
        `out` is no tensor, or no tuple of as many tensors as there are results.
    RuntimeError
        The dtype does not fit, or a gradient is wanted, which could not flow through `out`.
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"{name}(): argument 'out' must be tuple of {len(result)} Tensors")
        parts = [_written(name, o, r, exact) for o, r in zip(out, result)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return _written(name, out, result, exact)


def _written(name: str, out: Any, result: Any, exact: bool) -> Any:
    if not isinstance(result, TensorBase):
        raise TypeError(f"{name}() got an unexpected keyword argument 'out'")
    if not isinstance(out, TensorBase):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if mode.enabled and (result._requires_grad or out._requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad: leave out= away, or use no_grad()."
        )
    new, old = result.array, out.array
    if new.dtype != old.dtype and (exact or name in EXACT):
        raise RuntimeError(
            f"{name}(): Expected out tensor to have dtype {dtypes.of_numpy(new.dtype)}, but got "
            f"{dtypes.of_numpy(old.dtype)} instead"
        )
    if name in ANY_SHAPE and new.size == old.size:
        new = new.reshape(old.shape)
    if not dtypes.can_cast(new.dtype, old.dtype):
        raise RuntimeError(
            f"result type {dtypes.legacy_name(new.dtype)} can't be cast to the desired output type "
            f"{dtypes.legacy_name(old.dtype)}"
        )
    if new.shape != old.shape:
        if old.size:
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(old.shape)}, which does not match the required output shape "
                f"{list(new.shape)}. Give out= a tensor of that shape, or of no elements.",
                stacklevel=3,
            )
        out.array = np.empty_like(new, old.dtype)  # in the same order in memory
    check_memory(out.array)
    before_write(out)
    out.array[...] = new
    bump_version(out)
    return out
