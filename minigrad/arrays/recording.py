"""Arrays that write down what is done with them: how the lower rooms know them (see `plans`)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

ndarray = np.ndarray
Function = Callable[..., Any]


def records(array: Any) -> bool:
    """Whether an array writes down what is done with it, and must not be filled unseen."""
    is_other = type(array) is not ndarray and isinstance(array, ndarray)
    return is_other and hasattr(array, "writes_down")


def as_one(along: Callable[..., tuple[int, ...]], linear: bool = False) -> Any:
    """Let a function of arrays be one instruction where it is written down.

    For what asks of NumPy more than can be followed: loops over entries, checks of values, results
    that are filled. Instead of what it does, it is written down itself.

    Parameters
    ----------
    along : callable
        Of the arguments (arrays have a ``shape``, and perhaps nothing else): the axes along which
        the function works. Along all others entries do not know of each other, nor of how many
        there are, in each of its arrays and in the result.
    linear : bool
        Whether it is linear in its first argument.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            for a in arguments:
                if type(a) is not ndarray and records(a):
                    return a.written_as_one(call, arguments)
            return function(*arguments)

        call.function, call.along, call.linear = function, along, linear  # type: ignore[attr-defined]
        return call

    return decorate


def as_array(x: Any, dtype: Any) -> Any:
    """``np.asarray(x, dtype)``, row by row; of an array that writes down, one that does, too."""
    return x.astype(dtype, copy=False) if records(x) else np.asarray(x, dtype, order="C")


class _Watch:
    """Who wants to know of arrays that are made from nothing."""

    follow: Any = None


watch = _Watch()


def made(array: ndarray, is_blank: bool = False) -> ndarray:
    """An array that was made from nothing: while a step is written down, one that writes down.

    If it `is_blank`, its entries mean nothing, and have to mean the same each time.
    """
    if watch.follow is None:
        return array
    if is_blank:
        array.fill(0)
    return watch.follow(array)
