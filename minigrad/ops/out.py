"""``out=``: a result written into a tensor that the user has made before."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.engine import TensorBase, bump_version, mode
from .layout import check_memory


def written(name: str, out: Any, result: Any) -> Any:
    """`out`, a tensor or a tuple of tensors, after `result` was written into it.

    It takes the shape of the result; its dtype must be able to hold the result's.

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
        parts = [_written(name, o, r) for o, r in zip(out, result)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return _written(name, out, result)


def _written(name: str, out: Any, result: Any) -> Any:
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
        out.array = np.empty(new.shape, old.dtype)
    check_memory(out.array)
    out.array[...] = new
    bump_version(out)
    return out
