"""NumPy's arrays, scalars and dtypes in a pickle: made here by hand, from plain numbers and text.

`numpy` would unpickle its own, but trusts what it reads. The functions here take the same
arguments and refuse everything with Python objects inside, and sizes that do not fit the data.
"""

from __future__ import annotations

import math
import re
from pickle import UnpicklingError
from typing import Any

import numpy as np

_PLAIN = re.compile(r"[<>|=]?(?:b1|[biuf][1248]|f16|c8|c16|c32|[SU]\d{1,9})")


def make_dtype(name: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """The dtype of a name such as ``"f4"``; a new object, as `restore_dtype` will change it."""
    if not isinstance(name, str) or not _PLAIN.fullmatch(name):
        raise UnpicklingError(
            "NumPy arrays of anything but numbers, bools and text are not loaded with weights_only"
        )
    return np.dtype(name, copy=True)


def restore_dtype(dtype: np.dtype, state: Any) -> None:
    """Give a dtype that `make_dtype` has made its byte order."""
    if not (isinstance(state, tuple) and len(state) == 8 and state[1] in ("<", ">", "|", "=")):
        raise UnpicklingError("a NumPy dtype with fields or metadata")
    if state[2:5] != (None, None, None):
        raise UnpicklingError("a NumPy dtype with fields")
    lengths = (dtype.itemsize, dtype.alignment) if dtype.kind in "SU" else (-1, -1)
    dtype.__setstate__((3, state[1], None, None, None, *lengths, 0))  # type: ignore[attr-defined]


def make_array(cls: Any, size: Any, code: Any) -> np.ndarray:
    """An empty array, which `restore_array` will fill."""
    if cls is not np.ndarray:
        raise UnpicklingError("a NumPy array of an unknown class")
    return np.empty(0, np.int8)


def restore_array(array: np.ndarray, state: Any) -> None:
    """Turn an array that `make_array` has made into what it was when saved."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise UnpicklingError("a NumPy array without its data")
    _, size, dtype, fortran, data = state
    if not isinstance(size, tuple) or len(size) > 64 or not all(map(_is_size, size)):
        raise UnpicklingError("a NumPy array of a shape that is no tuple of sizes")
    _check_dtype(dtype)
    if not isinstance(data, bytes) or math.prod(size) * dtype.itemsize != len(data):
        raise UnpicklingError(f"a NumPy array of the shape {size} with too few or many data")
    whole = (1, size, dtype, fortran is True, data)
    array.__setstate__(whole)  # type: ignore[arg-type]


def _is_size(n: Any) -> bool:
    return type(n) is int and 0 <= n < 2**63


def make_scalar(dtype: Any, data: Any) -> Any:
    """A NumPy number."""
    _check_dtype(dtype)
    if not isinstance(data, bytes) or len(data) != dtype.itemsize or not data:
        raise UnpicklingError("a NumPy number with too few or many data")
    return np.frombuffer(data, dtype)[0]


def _check_dtype(dtype: Any) -> None:
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise UnpicklingError(
            f"a NumPy dtype of plain numbers was expected, not a {type(dtype).__name__}"
        )


FUNCTIONS = {
    "numpy.dtype": make_dtype,
    # NumPy 2 has renamed its inner module.
    "numpy._core.multiarray._reconstruct": make_array,
    "numpy.core.multiarray._reconstruct": make_array,
    "numpy._core.multiarray.scalar": make_scalar,
    "numpy.core.multiarray.scalar": make_scalar,
}
VALUES = {"numpy.ndarray": np.ndarray}
