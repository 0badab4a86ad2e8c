"""PyTorch's old constructors with the type in the name, such as ``LongTensor([1, 2])``.

``isinstance(x, FloatTensor)`` asks for the dtype. New code writes ``tensor([1, 2])``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..creation import as_array
from ..tensor import Tensor, from_array


class _TypedTensor(type):
    """The class of the constructors below: calling one makes a plain `Tensor`."""

    dtype: dtypes.dtype

    def __call__(cls, *data: Any) -> Any:
        kind = cls.dtype.numpy
        if not data or all(isinstance(d, int) for d in data):  # a shape
            return from_array(np.empty(data or (0,), kind))
        return from_array(np.array(as_array(data[0]), kind))

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype is cls.dtype


def _typed(name: str, kind: dtypes.dtype) -> Any:
    cls = _TypedTensor(name, (), {"__doc__": f"Make a tensor of {kind} from data, or from sizes."})
    cls.dtype = kind
    return cls


FloatTensor, DoubleTensor = (
    _typed("FloatTensor", dtypes.float32),
    _typed("DoubleTensor", dtypes.float64),
)
LongTensor, IntTensor = _typed("LongTensor", dtypes.int64), _typed("IntTensor", dtypes.int32)
ShortTensor, CharTensor = _typed("ShortTensor", dtypes.int16), _typed("CharTensor", dtypes.int8)
ByteTensor, BoolTensor = _typed("ByteTensor", dtypes.uint8), _typed("BoolTensor", dtypes.bool)
