"""``x.new_zeros(2)`` and its like: new tensors in the type of one that is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.recording import made
from ..arrays.size import Size
from ..autograd.listening import heard, is_listening
from ..ops.arguments import as_shape
from ..ops.values import filling
from .data import as_array
from .leaf import from_array

if TYPE_CHECKING:
    from .tensor import Tensor


def _made(
    like: Tensor,
    make: Callable[..., np.ndarray],
    sizes: Any,
    keyword: Any,
    dtype: Any,
    requires_grad: bool,
) -> Tensor:
    kind = like.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    array = made(make(as_shape(sizes if keyword is None else (keyword,)), kind), make is np.empty)
    tensor: Tensor = from_array(array, requires_grad)
    return tensor


def new_tensor(
    like: Tensor, data: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """`minigrad.tensor` in this tensor's type."""
    if is_listening():
        return heard(new_tensor, (like, data, dtype, requires_grad), {})
    kind = like.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    tensor: Tensor = from_array(np.array(as_array(data, kind)), requires_grad)
    return tensor


def new_zeros(
    like: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Zeros in this tensor's type."""
    if is_listening():
        return heard(
            new_zeros,
            (like, *sizes),
            {"size": size, "dtype": dtype, "requires_grad": requires_grad},
        )
    return _made(like, np.zeros, sizes, size, dtype, requires_grad)


def new_ones(
    like: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Ones in this tensor's type."""
    if is_listening():
        return heard(
            new_ones, (like, *sizes), {"size": size, "dtype": dtype, "requires_grad": requires_grad}
        )
    return _made(like, np.ones, sizes, size, dtype, requires_grad)


def new_empty(
    like: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Uninitialised memory in this tensor's type."""
    return _made(like, np.empty, sizes, size, dtype, requires_grad)


def new_full(
    like: Tensor,
    size: Any,
    fill_value: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`fill_value` everywhere, in this tensor's type."""

    if is_listening():
        return heard(new_full, (like, size, fill_value, dtype, device, requires_grad), {})

    def make(shape: tuple[int, ...], kind: np.dtype) -> np.ndarray:
        return np.full(shape, filling(fill_value, kind, "new_full", "fill_value"), kind)

    return _made(like, make, (), size, dtype, requires_grad)


def new(like: Tensor, *data: Any) -> Tensor:
    """The old constructor: uninitialised memory of a shape, or data, in this tensor's type."""
    if data and not all(isinstance(d, (int, Size)) for d in data):
        return new_tensor(like, data[0])
    return new_empty(like, *data or (0,))
