"""From a Python or NumPy value to an entry of a tensor: the one way, which looks whether it fits.

A *number* is a bool, an int, a float, a NumPy scalar or a tensor without axes; None, a string or a
list is none. A number *fits* a type that can hold it: NaN and infinity fit floating point types
only, 300 does not fit uint8, and what has a fraction loses it. The entries of an array or a tensor,
which are cast by the million, are cast without a look, as NumPy and PyTorch do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase

ndarray = np.ndarray
MOST_FLOAT32 = float(np.finfo(np.float32).max)
C_NAMES = {
    "float16": "c10::Half", "float32": "float", "float64": "double", "int8": "int8_t",
    "int16": "int16_t", "int32": "int", "int64": "int64_t", "uint8": "uint8_t", "bool": "bool",
}  # fmt: skip


EITHER = "Tensor or Number"  # what arguments take that may be tensors as well


def type_name(value: Any) -> str:
    """The name of a value's type, as PyTorch's messages write it: ``list``, ``numpy.ndarray``."""
    kind = type(value)
    return kind.__name__ if kind.__module__ != "numpy" else f"numpy.{kind.__name__}"


def is_number(value: Any) -> bool:
    """Whether `value` is a number of Python or NumPy."""
    return isinstance(value, (float, int, complex, np.number, np.bool_))


def number(value: Any, function: str, argument: str, kinds: str = "Number") -> Any:
    """`value` as a Python number.

    Raises
    ------
    TypeError
        It is no number, or a tensor that waits for a gradient, which a number does not get: the
        message names `function`, `argument`, and the `kinds` that it takes.
    OverflowError
        An integer of more than 64 bits.
    """
    if type(value) is float or (type(value) is int and -(2**63) <= value < 2**63):
        return value
    if isinstance(value, TensorBase) and not value.array.ndim:
        if is_listening():  # (who wants to replay this has to know that a value was read)
            return heard(number, (value, function, argument, kinds), {})
        if value._requires_grad and "Tensor" not in kinds:
            raise TypeError(
                f"{function}(): argument '{argument}' must be {kinds}, not Tensor: it requires a "
                "gradient, and none would reach it here. Use .item(), or compute with operators"
            )
        value = value.array.item()
    elif isinstance(value, (np.number, np.bool_)):
        value = value.item()
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise OverflowError(
                f"{function}(): argument '{argument}': int too big to convert: {value}"
            )
        return value
    if isinstance(value, complex):
        if value.imag:
            raise RuntimeError(
                f"{function}(): argument '{argument}': value {value} cannot be converted to a real "
                "type without overflow: there are no complex tensors here"
            )
        return value.real
    raise TypeError(f"{function}(): argument '{argument}' must be {kinds}, not {type_name(value)}")


def limits(kind: np.dtype, whole: bool) -> tuple[float, float]:
    """The least and the largest number that fits `kind`, an integer type.

    A negative integer fits an unsigned type by its last bits (-1 is 255), a negative float not.
    """
    info = np.iinfo(kind)
    low, high = int(info.min), int(info.max)
    return (-high if whole and not low else low), high


def misfit(value: Any, kind: np.dtype) -> RuntimeError:
    """PyTorch's words for a value that does not fit."""
    return RuntimeError(
        f"value cannot be converted to type {C_NAMES[kind.name]} without overflow: {value!r}"
    )


def entry(value: Any, kind: np.dtype) -> Any:
    """A Python number as an entry of type `kind`.

    Raises
    ------
    RuntimeError
        It does not fit.
    """
    if kind.kind == "f":
        if kind.itemsize == 4 and MOST_FLOAT32 < abs(value) < math.inf:
            raise misfit(value, kind)
        if kind.itemsize > 2:
            return kind.type(value)
        with np.errstate(over="ignore"):  # what is too large for float16 is infinite
            return kind.type(value)
    if kind.kind == "b":
        return kind.type(value)
    low, high = limits(kind, isinstance(value, int))
    if not low <= value <= high:  # (also if it is NaN)
        raise misfit(value, kind)
    return np.asarray(int(value)).astype(kind)[()]


def filling(
    value: Any, kind: np.dtype, function: str, argument: str = "value", kinds: str = "Number"
) -> Any:
    """`entry` of a `number`: what a function writes that is given a number to fill with."""
    if (
        type(value) is float
        and kind.kind == "f"
        and abs(value) <= MOST_FLOAT32
        and (kind.itemsize > 2)
    ):  # by far the most frequent case
        return kind.type(value)
    return entry(number(value, function, argument, kinds), kind)


def factor(value: Any, kind: np.dtype, function: str, argument: str) -> Any:
    """A `number` to multiply entries of type `kind` by: for integers an `entry` of their type."""
    value = number(value, function, argument)
    if kind.kind == "b":
        raise NotImplementedError(f"\"{function}\" not implemented for 'Bool'")
    return value if kind.kind == "f" else entry(value, kind)


def check_range(array: ndarray, kind: np.dtype) -> None:
    """Check that all entries of `array`, made from Python's numbers, fit the type `kind`."""
    if kind.kind in "iu" and array.size and array.dtype != kind:
        low, high = limits(kind, array.dtype.kind != "f")
        least, most = array.min().item(), array.max().item()
        if not (low <= least and most <= high):
            raise misfit(most if most > high else least, kind)
