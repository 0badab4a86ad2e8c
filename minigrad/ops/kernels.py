"""Formulas that have a kernel: it takes their place where the arrays suit it.

A formula stays what an operation does: with tensors, for second derivatives; with arrays of another
type or layout; and wherever no kernels are in use (``MINIGRAD_KERNELS=reference``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from ..arrays.recording import records
from ..autograd.quiet import quiet, restore, silence

ndarray = np.ndarray
FEW = 1000  # entries

_AS = {np.dtype(kind): np.dtype(like) for kind, like in (
    (np.float32, np.float32), (np.int32, np.float32), (np.float64, np.float64),
    (np.int64, np.float64))}  # fmt: skip


def movement_of(dtype: np.dtype) -> Any:
    """The kernels of `_kernels/movement.pyx` for entries of this type, of its size; or None."""
    like = _AS.get(dtype)
    kernels = None if like is None else _kernels.kernels_for(like)
    return None if kernels is None else kernels.movement


def with_kernel(
    name: str, formula: Callable[..., Any], *, of_rows: bool = False
) -> Callable[..., Any]:
    """`formula`, or the kernel `name` of `_kernels/entrywise.pyx`.

    Its arguments are arrays of one shape, then numbers. With `of_rows` it works along an axis, the
    last of them; the kernel takes the last axis only.

    Examples
    --------
    >>> import numpy as np
    >>> silu = with_kernel("silu", lambda x: x / (1 + np.exp(-x)))
    >>> silu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.7311])
    """
    loud, formula = formula, quiet(formula)  # (a kernel warns of nothing)

    def call(*arguments: Any) -> Any:
        first = arguments[0]
        if type(first) is ndarray:
            kernels = _kernels.kernels_for(first.dtype)
            if kernels is None:
                result = None
            elif not of_rows:
                result = kernels.entrywise.entrywise(name, arguments)
            elif arguments[-1] == first.ndim - 1:
                result = kernels.entrywise.rowwise(name, arguments)
            else:
                result = _turned(kernels.entrywise.rowwise, name, *arguments)
            if result is not None:
                return result
        elif records(first) and hasattr(first, "note_kernel"):
            return first.note_kernel(name, call, arguments)
        return formula(*arguments)

    count = getattr(loud, "nin", 0) or loud.__code__.co_argcount

    def writes(*given: Any) -> bool:
        kernels = _kernels.kernels_for(given[0].dtype)
        if kernels is None or len(given) != count:
            return False
        return kernels.entrywise.entrywise(name, given, given[0]) is not None

    call.writes = None if of_rows else writes  # type: ignore[attr-defined]
    return _standing_for(loud, call)


def _turned(kernel: Any, name: str, *arguments: Any) -> ndarray | None:
    """What a kernel of rows makes of few entries along another axis, which becomes the last."""
    *arrays, axis = arguments
    rank = arrays[0].ndim
    if arrays[0].size > FEW or rank < 2:
        return None
    dense = [np.ascontiguousarray(a.swapaxes(axis, -1)) for a in arrays]
    result = kernel(name, (*dense, rank - 1))
    return None if result is None else np.ascontiguousarray(result.swapaxes(axis, -1))


def with_arithmetic(name: str, ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """`ufunc` of two operands, or the kernel for arrays of one shape, rows and numbers."""
    formula = quiet(ufunc, 2)

    def call(a: Any, b: Any) -> Any:
        if type(a) is ndarray:
            kernels = _kernels.kernels_for(a.dtype)
            if kernels is not None:
                result = kernels.entrywise.arithmetic(name, a, b)
                if result is not None:
                    return result
        return formula(a, b)

    def writes(out: ndarray, other: Any) -> bool:
        kernels = _kernels.kernels_for(out.dtype)
        if kernels is not None and kernels.entrywise.arithmetic(name, out, other, out) is not None:
            return True
        return by_ufunc(out, other)

    by_ufunc = written_by(ufunc)
    call.writes = writes  # type: ignore[attr-defined]
    return _standing_for(ufunc, call)


def with_three(name: str, formula: Callable[..., Any]) -> Callable[..., Any]:
    """`formula` of three arrays and a number, or the kernel for arrays of one shape."""
    loud, formula = formula, quiet(formula)

    def call(*arguments: Any) -> Any:
        first = arguments[0]
        if type(first) is ndarray:
            kernels = _kernels.kernels_for(first.dtype)
            if kernels is not None:
                result = kernels.entrywise.of_three(name, *arguments)
                if result is not None:
                    return result
        return formula(*arguments)

    def writes(out: ndarray, b: Any, c: Any, *, value: Any = 1) -> bool:
        kernels = _kernels.kernels_for(out.dtype)
        return kernels is not None and (
            kernels.entrywise.of_three(name, out, b, c, value, out) is not None
        )

    call.writes = writes  # type: ignore[attr-defined]
    return _standing_for(loud, call)


def written_by(ufunc: np.ufunc) -> Callable[..., bool]:
    """What writes a function of NumPy's over its first argument, if the others are like it."""
    count = ufunc.nin - 1

    def writes(out: ndarray, *others: Any) -> bool:
        if len(others) != count:
            return False
        for other in others:
            if type(other) is ndarray:
                if other.dtype is not out.dtype or other.shape != out.shape:
                    return False
            elif type(other) is not float and type(other) is not int:
                return False
        before = silence()
        try:
            ufunc(out, *others, out=out)
        finally:
            restore(before)
        return True

    return writes


def with_reduction(name: str, formula: Callable[..., Any]) -> Callable[..., Any]:
    """`formula`, or the kernel `name` of `_kernels/sums.pyx`.

    Its arguments are an array, the axes, `keepdims` and, if there is one, a number.
    """
    loud, formula = formula, quiet(formula)

    def call(*arguments: Any) -> Any:
        kernels = _kernels.kernels_for(arguments[0].dtype)
        if kernels is not None:
            result = kernels.sums.reduced(name, *arguments)
            if result is None and arguments[0].ndim == 2 and arguments[1] == (0,):
                result = _of_columns(kernels.sums.reduced, name, *arguments)
            if result is not None:
                return result
        return formula(*arguments)

    return _standing_for(loud, call)


def _of_columns(
    kernel: Any, name: str, x: ndarray, axes: Any, keepdims: bool, *numbers: Any
) -> ndarray | None:
    """What a kernel that reduces rows makes of the columns of a small matrix."""
    if x.size > FEW or type(x) is not ndarray:
        return None
    result = kernel(name, np.ascontiguousarray(x.T), (1,), keepdims, *numbers)
    return result.T if keepdims and result is not None else result


def _standing_for(formula: Callable[..., Any], call: Any) -> Callable[..., Any]:
    """`call`, which shows the text of `formula` and needs no silence around it."""
    call.__wrapped__ = getattr(formula, "__wrapped__", formula)
    call.is_quiet = True
    if isinstance(formula, np.ufunc):
        call.ufunc = formula
    return call
