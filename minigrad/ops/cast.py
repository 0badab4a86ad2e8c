"""Changing the type of a tensor's entries, and bringing several tensors to their common type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of
from .layout import copied

_to_copy = primitive("to_copy", lambda x, target, source: copied(x, target),
                     x=lambda g, target, source: _to_copy(g, source, target))  # fmt: skip


def cast(input: Any, target: np.dtype) -> Any:
    """`input` (tensor or ndarray) copied into another NumPy type; its gradient is cast back."""
    return _to_copy(input, target, array_of(input).dtype)


def common_type(values: Sequence[Any]) -> list[Any]:
    """`values` (tensors, ndarrays, numbers), each array cast to the type that all promote to."""
    arrays = [array_of(v) for v in values]
    first = arrays[0]
    if all([isinstance(a, np.ndarray) and a.dtype is first.dtype for a in arrays]):
        return list(values)
    target = dtypes.result_type(*arrays)
    return [
        cast(v, target) if isinstance(a, np.ndarray) and a.dtype != target else v
        for v, a in zip(values, arrays)
    ]
