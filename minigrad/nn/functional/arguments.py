"""Checks of arguments that several functions of this package share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...arrays import dtypes
from ...autograd.tensor_base import TensorBase
from ...ops.checked import refuse
from ...ops.inplace import inplace
from ...ops.values import number


def check_tensor(name: str, value: Any, argument: str = "input") -> None:
    """Check that `argument` of the function `name` is a tensor.

    Raises
    ------
    TypeError
    """
    if not isinstance(value, TensorBase):
        raise refuse(name, argument, 0, value)


def check_floats(name: str, input: Any) -> None:
    """Check that a tensor is floating point.

    Raises
    ------
    NotImplementedError
    """
    if input.array.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: not implemented for '{dtypes.legacy_name(input.array.dtype)}', use "
            "input.float()"
        )


def check_optional(name: str, **tensors: Any) -> None:
    """Check that each of the arguments `tensors` is a tensor or None.

    Raises
    ------
    TypeError
    """
    for argument, value in tensors.items():
        if value is not None:
            check_tensor(name, value, argument)


def checked_probability(p: Any) -> float:
    """`p` as a Python number, which can be the probability of a dropout.

    Raises
    ------
    ValueError
    """
    p = number(p, "dropout", "p", "float")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p


def apply(
    op: Callable[..., Any], name: str, input: Any, arguments: tuple[Any, ...],
    in_place: bool = False, integers: bool = False,
) -> Any:  # fmt: skip
    """``op(input, *arguments)`` after a check of the type; the result may replace `input`."""
    check_tensor(name, input)
    kind = input.array.dtype.kind
    if kind == "b" and name in ("relu", "hardtanh"):
        raise RuntimeError(f"Boolean inputs not supported for {name}; use input.float()")
    if kind == "b" or not integers:
        check_floats(name, input)
    return inplace(op)(input, *arguments) if in_place else op(input, *arguments)
