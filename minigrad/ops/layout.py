"""How the entries of a result lie in memory: PyTorch's rules, in one place.

A tensor's values do not depend on its strides, but three things do: whether `view` is possible,
in which order random numbers are filled in, and what ``stride()`` says. So results are laid out as
PyTorch lays them out. There are three rules:

    rows       row by row, whatever the arguments look like: joins, reductions, softmax, scatter
    alike      in the order of the argument's memory, without gaps: copies, casts, ``zeros_like``
    entrywise  the same of several arguments: where they differ, the first one decides

The order of the memory is found by sorting the axes by their strides. An axis that is repeated
(stride 0, after `expand`) cannot be compared with another one and stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.recording import records

ndarray = np.ndarray


def order_of_axes(shape: tuple[int, ...], strides: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The axes of `shape` from the outermost in memory to the innermost.

    `strides` are those of all arguments, each broadcast to `shape`.
    """
    axes = list(range(len(shape) - 1, -1, -1))  # from the innermost one
    for k in range(1, len(axes)):
        here = k
        for j in range(k - 1, -1, -1):
            further = _compared(axes[j], axes[here], shape, strides)
            if further > 0:
                axes[j], axes[here] = axes[here], axes[j]
                here = j
            elif further < 0:
                break
    return tuple(reversed(axes))


def _compared(a: int, b: int, shape: tuple[int, ...], strides: Sequence[tuple[int, ...]]) -> int:
    """1 if a step along axis `a` goes further than along `b`, -1 if less far, 0 if unknown."""
    for steps in strides:
        if steps[a] and steps[b]:
            if steps[a] != steps[b]:
                return 1 if steps[a] > steps[b] else -1
            if shape[a] > shape[b]:
                return 1
    return 0


def make_in_order(
    order: tuple[int, ...], shape: tuple[int, ...], make: Callable[..., ndarray], dtype: Any
) -> ndarray:
    """What ``make(shape, dtype)`` gives, such as ``np.zeros``, with the axes in this order."""
    memory = make(tuple([shape[k] for k in order]), dtype)
    return memory.transpose(sorted(range(len(order)), key=order.__getitem__))


def make_alike(x: ndarray, make: Callable[..., ndarray], dtype: Any) -> ndarray:
    """What ``make(shape, dtype)`` gives, of the shape of `x` and in its order of the memory."""
    if x.flags.c_contiguous:
        return make(x.shape, dtype)
    return make_in_order(order_of_axes(x.shape, (x.strides,)), x.shape, make, dtype)


def empty_alike(x: ndarray, dtype: Any = None) -> ndarray:
    """An uninitialised array with the shape of `x`, in its order of the memory."""
    return make_alike(x, np.empty, x.dtype if dtype is None else dtype)


def copied(x: ndarray, dtype: Any = None) -> ndarray:
    """A copy of `x`, in another type if one is given, that lies in memory as `x` does."""
    if records(x):
        return x.copy() if dtype is None else x.astype(dtype)
    if x.flags.c_contiguous:
        return np.array(x, dtype)  # (of NumPy's numbers, too, which are results without axes)
    copy = empty_alike(x, dtype)
    copy[...] = x
    return copy


def in_memory_order(x: ndarray) -> ndarray:
    """A view of `x` whose axes go from the outermost in memory to the innermost."""
    return x if x.flags.c_contiguous else x.transpose(order_of_axes(x.shape, (x.strides,)))


def check_memory(array: ndarray) -> None:
    """Raise if some entries of `array` are one and the same place in memory."""
    if (0 in array.strides and any([n > 1 and not s for n, s in zip(array.shape, array.strides)])
            and array.size) or not array.flags.writeable:  # fmt: skip
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location (an expanded tensor), or its memory is read-only. Please "
            "clone() the tensor before performing the operation."
        )


# ------------------------------------------------------------------------------------------------
# The rules, as `primitive` takes them: a result and the arguments to the result in its place
# ------------------------------------------------------------------------------------------------


def rows(result: ndarray, arguments: Sequence[Any] = ()) -> ndarray:
    """The result row by row."""
    return result if result.flags.c_contiguous else result.copy()


def alike(result: ndarray, arguments: Sequence[Any]) -> ndarray:
    """The result in the order of the first argument's memory."""
    return entrywise(result, arguments[:1])


def entrywise(result: ndarray, arguments: Sequence[Any]) -> ndarray:
    """The result in the order of the memory of all arguments that are arrays.

    NumPy does the same of its own accord, but where arguments differ it falls back to rows.
    """
    arrays = [x for x in arguments if isinstance(x, ndarray) and x.ndim]
    if all([x.flags.c_contiguous for x in arrays]) and result.flags.c_contiguous:
        return result
    shape = result.shape
    strides = [broadcast_strides(x, shape) for x in arrays]
    return placed_in_order(order_of_axes(shape, strides), result)


def broadcast_strides(x: ndarray, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of `x` broadcast to `shape`."""
    lead = len(shape) - x.ndim
    steps = [0 if n == 1 and shape[lead + k] != 1 else s
             for k, (n, s) in enumerate(zip(x.shape, x.strides))]  # fmt: skip
    return (0,) * lead + tuple(steps)


def placed_in_order(order: tuple[int, ...], result: ndarray) -> ndarray:
    """The result, copied if its memory does not have this order without gaps already."""
    if records(result):
        return result
    if result.transpose(order).flags.c_contiguous:
        return result
    again = make_in_order(order, result.shape, np.empty, result.dtype)
    again[...] = result
    return again
