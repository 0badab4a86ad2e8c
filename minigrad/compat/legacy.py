"""PyTorch's old ways to make tensors: ``LongTensor([1, 2])`` and ``Variable(tensor)``.

``isinstance(x, FloatTensor)`` asks for the dtype. New code writes ``tensor([1, 2])``, and needs no
variables.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.size import Size
from ..tensor import Tensor, from_array
from ..tensor.data import as_array


class _TypedTensor(type):
    """The class of the constructors below: calling one makes a plain `Tensor`."""

    dtype: dtypes.dtype

    def __call__(cls, *data: Any) -> Any:
        kind = cls.dtype.numpy
        if len(data) == 1 and isinstance(data[0], Size):
            data = tuple(data[0])
        elif not data:
            data = (0,)
        if all(isinstance(d, int) for d in data):  # a shape
            return from_array(np.empty(data, kind))
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
HalfTensor = _typed("HalfTensor", dtypes.float16)
ByteTensor, BoolTensor = _typed("ByteTensor", dtypes.uint8), _typed("BoolTensor", dtypes.bool)


class _VariableType(type):
    """The class of `Variable`: every tensor is an instance of it."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor)


class Variable(metaclass=_VariableType):
    """A tensor. When only variables could have gradients, tensors were wrapped in them.

    Parameters
    ----------
    data : Tensor, optional
        The values. Their memory is shared. Default: an empty tensor.
    requires_grad : bool
        Whether the new tensor, a leaf, requires a gradient. Default: False.
    volatile : optional
        Without effect; warns.

    Raises
    ------
    TypeError
        `data` is no tensor.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.compat.legacy import Variable
    >>> Variable(mg.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        """See the class."""
        if volatile is not None:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                UserWarning,
                stacklevel=2,
            )
        if data is None:
            data = Tensor()
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Variable data has to be a tensor, but got {type(data).__name__}: make one with "
                "torch.tensor"
            )
        return data.detach().requires_grad_(requires_grad)
