"""`from_array`: a tensor around an array, outside any graph. All tensors that no operation made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.tensor_base import TensorBase, Version, wrap

if TYPE_CHECKING:
    from .tensor import Tensor


def from_array(
    array: np.ndarray, requires_grad: bool = False, cls: type[Tensor] | None = None
) -> Any:
    """Wrap an ndarray, without a copy, as a leaf tensor: a `Tensor`, or one of the class `cls`.

    Raises
    ------
    RuntimeError
        `requires_grad` with a type that is not floating point.
    """
    if cls is None:
        tensor = wrap(array)
    else:
        tensor = TensorBase.__new__(cls)
        tensor.array = array if type(array) is np.ndarray else np.asarray(array)
        tensor.version = Version()
    if requires_grad:
        tensor.requires_grad = True
    return tensor
