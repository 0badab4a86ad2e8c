"""The data types: ``minigrad.float32`` and the others, the default one, and which type wins.

A `dtype` is a thin name around NumPy's; it prints as PyTorch's does, so that a script's output does
not change. The promotion rules are PyTorch's: the *category* (bool < integer < float) decides
first, and within a category tensors with axes outrank 0-d tensors, which outrank plain Python
numbers.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .absent import absent


class dtype:
    """The type of a tensor's entries.

    Attributes
    ----------
    name : str
        Such as ``"float32"``.
    numpy : numpy.dtype
        NumPy's type of the same name.
    is_floating_point, is_signed, is_complex : bool
    itemsize : int
        Bytes per entry.
    """

    def __init__(self, name: str, numpy_name: str | None = None) -> None:
        self.name = name
        self.numpy = np.dtype(numpy_name or name)
        self.is_floating_point = self.numpy.kind in "fV"
        self.is_complex = self.numpy.kind == "c"
        self.is_signed = self.numpy.kind in "ifcV"
        self.itemsize = self.numpy.itemsize

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def to_real(self) -> dtype:
        """This type (no complex arithmetic exists here)."""
        return self


float16 = half = dtype("float16")
float32 = float = dtype("float32")
float64 = double = dtype("float64")
int8 = dtype("int8")
int16 = short = dtype("int16")
int32 = int = dtype("int32")
int64 = long = dtype("int64")
uint8 = dtype("uint8")
bool = dtype("bool")

# names that scripts mention; no tensor can have these types
bfloat16 = dtype("bfloat16", "V2")
complex64 = cfloat = dtype("complex64")
complex128 = cdouble = dtype("complex128")

ALL = (float16, float32, float64, int8, int16, int32, int64, uint8, bool)
_of_numpy = {d.numpy: d for d in ALL}
_legacy_names = {  # what error messages and ``Tensor.type()`` call them
    "float16": "Half", "float32": "Float", "float64": "Double", "int8": "Char", "int16": "Short",
    "int32": "Int", "int64": "Long", "uint8": "Byte", "bool": "Bool",
}  # fmt: skip

FLOAT32, FLOAT64, INT64, BOOL = float32.numpy, float64.numpy, int64.numpy, bool.numpy


def of_numpy(numpy_dtype: np.dtype) -> dtype:
    """The minigrad name of a NumPy type.

    Raises
    ------
    TypeError
        There is none (complex numbers, strings, objects).
    """
    try:
        return _of_numpy[numpy_dtype]
    except KeyError:
        names = ", ".join(d.name for d in ALL)
        error: Exception = TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}. The only supported types are: "
            f"{names}."
        )
        if numpy_dtype.kind == "c":
            error = absent("complex numbers", TypeError, *error.args)
        raise error from None


def to_numpy(value: Any) -> np.dtype:
    """The NumPy type meant by a minigrad or NumPy type, or by ``float``, ``int``, ``bool``."""
    if isinstance(value, dtype):
        if value.numpy not in _of_numpy:
            what = "complex numbers" if value.is_complex else "bfloat16 and float8"
            raise absent(what, TypeError, f"tensors of dtype {value} are not supported")
        return value.numpy
    if value is _python_float:
        return FLOAT64
    if value is _python_int:
        return INT64
    if value is _python_bool:
        return BOOL
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return of_numpy(np.dtype(value)).numpy
    raise TypeError(f"dtype must be a torch.dtype, but got {type(value).__name__}: {value!r}")


def legacy_name(numpy_dtype: np.dtype) -> str:
    """PyTorch's old name of a type, which its messages use: ``Float``, ``Long``, ..."""
    return _legacy_names[numpy_dtype.name]


# ------------------------------------------------------------------------------------------------
# The default type
# ------------------------------------------------------------------------------------------------

_default = FLOAT32


def default() -> np.dtype:
    """The type that Python floats become."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Choose the type that Python floats become: `float32` (the start) or `float64`.

    Raises
    ------
    TypeError
        `d` is not a floating point type.
    """
    global _default
    if not isinstance(d, dtype):
        raise TypeError(
            "invalid dtype object: only floating-point types are supported as the default type"
        )
    if not d.is_floating_point or d is bfloat16:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d.numpy


def get_default_dtype() -> dtype:
    """The type that Python floats become."""
    return _of_numpy[_default]


# ------------------------------------------------------------------------------------------------
# Promotion
# ------------------------------------------------------------------------------------------------

import builtins  # noqa: E402 - the plain names are the dtypes above

_python_float, _python_int, _python_bool = builtins.float, builtins.int, builtins.bool
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}


@functools.cache
def promote(a: np.dtype, b: np.dtype) -> np.dtype:
    """The type of ``a + b`` for two tensors of equal rank in the order of precedence."""
    category_a, category_b = _CATEGORY[a.kind], _CATEGORY[b.kind]
    if category_a != category_b:
        return a if category_a > category_b else b
    return np.promote_types(a, b)


def scalar_type(value: Any) -> np.dtype:
    """The type a Python number would have as a tensor."""
    if isinstance(value, builtins.bool):
        return BOOL
    return INT64 if isinstance(value, builtins.int) else _default


def result_type(*operands: Any) -> np.dtype:
    """The type of an elementwise result of ndarrays and Python numbers."""
    ranks: list[np.dtype | None] = [None, None, None]  # of tensors with axes, 0-d tensors, numbers
    for x in operands:
        if isinstance(x, np.ndarray):
            rank, kind = (0 if x.ndim else 1), x.dtype
        else:
            rank, kind = 2, scalar_type(x)
        before = ranks[rank]
        ranks[rank] = kind if before is None else promote(before, kind)
    result: np.dtype | None = None
    for kind_or_none in ranks:  # a lower rank counts only if its category is higher
        if kind_or_none is None:
            continue
        if result is None:
            result = kind_or_none
        elif _CATEGORY[kind_or_none.kind] > _CATEGORY[result.kind]:
            result = promote(result, kind_or_none)
    assert result is not None
    return result


def can_cast(source: np.dtype, target: np.dtype) -> builtins.bool:
    """Whether a result of type `source` may be stored in place in a tensor of type `target`."""
    return _CATEGORY[source.kind] <= _CATEGORY[target.kind]
