"""Arguments as people write them, made uniform: shapes, axes, with PyTorch's errors."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any


def as_shape(sizes: Sequence[Any], argument: str = "size") -> tuple[int, ...]:
    """The shape meant by ``f(2, 3)`` or by ``f((2, 3))``.

    Raises
    ------
    TypeError
        An entry is not an integer.
    """
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    try:
        return tuple([n if type(n) is int else operator.index(n) for n in sizes])
    except TypeError:
        raise TypeError(
            f"argument '{argument}' must be tuple of ints, but found element of type "
            f"{', '.join(sorted({type(n).__name__ for n in sizes}))}: {tuple(sizes)!r}"
        ) from None


def new_shape(sizes: Sequence[Any], keyword: Any = None) -> tuple[int, ...]:
    """The shape of a new tensor: of ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``.

    Raises
    ------
    TypeError
        An entry is not an integer.
    RuntimeError
        One is negative.
    """
    shape = as_shape(sizes if keyword is None else (keyword,))
    for n in shape:
        if n < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(shape)}"
            )
    return shape


def as_int(value: Any, function: str, argument: str) -> int:
    """An integer of Python or NumPy, or a tensor that holds one.

    Raises
    ------
    TypeError
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{function}(): argument '{argument}' must be int, not {type(value).__name__}"
        ) from None


def checked_axis(dim: Any, rank: int) -> int:
    """The axis `dim` counted from the front.

    Raises
    ------
    IndexError
        There is no such axis. (A 0-d tensor may be asked for axis 0 or -1.)
    """
    bound = rank or 1
    axis = dim if type(dim) is int else operator.index(dim)
    if not -bound <= axis < bound:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got "
            f"{axis})"
        )
    return axis % bound


def checked_axes(dim: Any, rank: int) -> tuple[int, ...]:
    """Several axes, counted from the front; an int means one."""
    if not isinstance(dim, (tuple, list)):
        return (checked_axis(dim, rank),)
    axes = tuple([checked_axis(d, rank) for d in dim])
    for k, axis in enumerate(axes):
        if axis in axes[:k]:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims {axes}")
    return axes


# What other libraries call the options that are met most.
SYNONYMS = {
    "learning_rate": "lr", "hidden_dim": "hidden_size", "units": "hidden_size",
    "input_dim": "input_size", "layers": "num_layers", "n_layers": "num_layers",
    "in_dim": "in_features", "out_dim": "out_features", "l2": "weight_decay",
    "class_weight": "weight", "class_weights": "weight",
}  # fmt: skip


def check_keywords(cls: type, keywords: dict[str, Any]) -> None:
    """Check that a class can be made with `keywords`.

    Raises
    ------
    TypeError
        It takes no such argument: the message names the nearest one.
    """
    code = getattr(cls.__init__, "__code__", None)  # type: ignore[misc]
    if code is None:
        return
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    if code.co_flags & 8:  # it takes any keyword, or its class says which
        owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
        more = vars(owner).get("_more_keywords")
        if more is None:
            return
        known += more
    for keyword in keywords:
        if keyword not in known:
            from difflib import get_close_matches  # slow to import, and seldom needed

            near = [n for n in (SYNONYMS.get(keyword),) if n in known]
            near = near or get_close_matches(keyword, known, 1)
            hint = f". Did you mean '{near[0]}'?" if near else f"; it takes {', '.join(known)}"
            raise TypeError(
                f"{cls.__name__}.__init__() got an unexpected keyword argument '{keyword}'{hint}"
            )
