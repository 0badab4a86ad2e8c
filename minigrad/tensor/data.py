"""From what people write to an array: numbers, nested sequences, arrays and tensors.

`as_array` is what `tensor`, `as_tensor` and ``x.new_tensor`` read their data with, and where the
errors of ragged lists and of things that are no numbers come from; `of_old_arguments` is the same
for PyTorch's old constructor ``Tensor(...)``.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.absent import absent
from ..arrays.size import Size
from ..autograd.tensor_base import TensorBase
from ..ops.values import check_range, entry

ndarray = np.ndarray
_ARRAYS = (ndarray, np.generic)


def as_array(data: Any, dtype: np.dtype | None = None) -> ndarray:
    """`data` (numbers, nested sequences, arrays, tensors) as an ndarray of a type minigrad has.

    Python floats become the default type, Python integers int64.

    Raises
    ------
    ValueError
        Sequences of different lengths at one level, or integers of more than 64 bits.
    TypeError
        Strings; or, with `dtype`, entries that are no numbers.
    RuntimeError
        `data` is none of those; or a Python number does not fit `dtype`.
    """
    if isinstance(data, TensorBase):
        array = data.array
    elif isinstance(data, (ndarray, np.generic)):
        array = np.asarray(data)
        if array.dtype.kind not in "biuf" or dtype is None:
            dtypes.of_numpy(array.dtype)  # raises for a type that does not exist here
        elif isinstance(data, np.generic):
            check_range(array, dtype)
    elif isinstance(data, (bool, int, float, list, tuple, range)):
        array = _of_numbers(data, dtype)
        if dtype is not None:
            check_range(array, dtype)
    elif hasattr(data, "__array__"):
        return as_array(np.asarray(data), dtype)
    elif hasattr(data, "__len__") and not isinstance(data, (str, bytes, dict, set)):
        return as_array([data[k] for k in range(len(data))], dtype)
    else:
        array = np.asarray(_entry(data, dtype))
    if dtype is None:
        dtypes.of_numpy(array.dtype)  # raises for a type that does not exist here
        return array
    return array.astype(dtype, copy=False)


def _of_numbers(data: Any, dtype: np.dtype | None) -> ndarray:
    """Python numbers, in sequences of sequences, as an array."""
    if dtype is None and type(data) is list and set(map(type, data)) == {float}:
        return np.array(data, dtypes.default())  # the most frequent case
    if not isinstance(data, (list, tuple, range)):
        kind = dtypes.scalar_type(data)
        if isinstance(data, int) and not -(2**63) <= data < 2**63:
            return np.asarray(_entry(data, dtype))
        return np.asarray(data, kind if dtype is None else None)
    data = [d.array if isinstance(d, TensorBase) else d for d in data]
    try:
        array = np.array(data)
    except ValueError:
        raise ValueError(_ragged(data, 0)) from None
    if array.dtype.kind in "biuf" and array.dtype != np.uint64:
        if dtype is None and array.dtype == np.float64:
            return array.astype(_floats_in(data))
        return array
    if isinstance(_first_entry(data), (str, bytes)):
        raise ValueError(f"too many dimensions '{type(_first_entry(data)).__name__}'")
    # something is no plain number, or is a large one: look at each by itself
    return np.array([
        as_array(d, dtype) if isinstance(d, (list, tuple, *_ARRAYS)) else _entry(d, dtype)
        for d in data
    ])  # fmt: skip


def _floats_in(data: Sequence[Any]) -> np.dtype:
    """The type of a sequence with floats: the default one, or that of arrays among the entries."""
    kinds = {d.dtype for d in data if isinstance(d, _ARRAYS)}
    if not kinds:
        first = _first_entry(data)
        return first.dtype if isinstance(first, _ARRAYS) else dtypes.default()
    if isinstance(data[0], (float, int)):
        kinds.add(dtypes.default())
    return functools.reduce(dtypes.promote, kinds)


def _entry(value: Any, dtype: np.dtype | None) -> Any:
    """What is neither sequence nor array as an entry for `dtype`, in PyTorch's words if it is none.

    Where floats are asked for, what can become one is one, such as a Fraction; where integers are,
    what can become an index.
    """
    if isinstance(value, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    whole = isinstance(value, int)
    if dtype is None and not isinstance(value, (bool, int, float)):
        words = f"Could not infer dtype of {type(value).__name__}"
        if isinstance(value, complex):
            raise absent("complex numbers", RuntimeError, words)
        raise RuntimeError(words)
    if dtype is not None and dtype.kind == "f":
        if isinstance(value, complex) or not hasattr(value, "__float__"):
            raise TypeError(f"must be real number, not {type(value).__name__}")
        return float(value)
    if dtype is not None and not isinstance(value, float):
        if not hasattr(value, "__index__"):
            raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
        value, whole = operator.index(value), True
    if dtype is not None and dtype.kind == "b":
        return bool(value)
    if whole and not -(2**63) <= value < 2**63:
        raise ValueError(f"Overflow when unpacking long long: {value} has more than 64 bits")
    return value if dtype is None else entry(value, dtype)


def _first_entry(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return data


def _ragged(data: Any, axis: int) -> str:
    """Which sequence has another length than the first at its level."""
    lengths = [len(d) if hasattr(d, "__len__") else None for d in data]
    for n in lengths:
        if n != lengths[0]:
            return f"expected sequence of length {lengths[0]} at dim {axis + 1} (got {n})"
    return next(
        (_ragged(d, axis + 1) for d in data if _is_ragged(d)), "sequences of different lengths"
    )


def _is_ragged(data: Any) -> bool:
    try:
        np.array(data)
    except ValueError:
        return True
    return False


def of_old_arguments(data: tuple[Any, ...]) -> ndarray:
    """What ``Tensor(*data)`` holds: floats of the default type, from `data` or of these sizes."""
    kind = dtypes.default()
    if all(isinstance(d, (int, np.integer)) and d is not True for d in data):
        return np.empty(data if data else (0,), kind)
    values = data[0]
    if values is None or isinstance(values, (bool, float, np.generic, complex)):
        raise TypeError(f"new(): data must be a sequence (got {type(values).__name__})")
    if isinstance(values, Size):
        return np.empty(values, kind)
    if isinstance(values, TensorBase):
        return values.array.astype(kind, copy=False)
    return as_array(values).astype(kind)
