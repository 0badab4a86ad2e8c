"""`assert_close`: two tensors, or two collections of them, are the same up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..tensor import Tensor, from_array

# What rounding may do to a value of each type: relative to it, and by itself.
_TOLERANCES = {
    dtypes.float16: (1e-3, 1e-5),
    dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7),
}

Path = tuple[Any, ...]


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Assert that two tensors have the same shape and dtype, and values that are close.

    Close are values with ``abs(actual - expected) <= atol + rtol * abs(expected)``, and equal ones.
    Sequences and mappings are compared entry by entry; so are NumPy's arrays, and numbers.

    Parameters
    ----------
    actual, expected : Tensor, number, array, or sequences or mappings of them
        What is there, and what should be.
    allow_subclasses : bool
        False: a tensor and a parameter cannot be compared. Default: True.
    rtol, atol : float, optional
        The tolerances, both or neither. Default: for float32 1.3e-6 and 1e-5, for float64 1e-7
        twice, for float16 1e-3 and 1e-5; 0 for integers. Of two dtypes, the larger ones.
    equal_nan : bool
        Whether two NaNs are equal. Default: False.
    check_dtype : bool
        False: compare the values in the dtype that wins. Default: True.
    check_stride : bool
        Whether both must lie in memory in the same order. Default: False.
    check_device, check_layout : bool
        Without effect: all tensors are dense, and on the CPU.
    msg : str or function, optional
        What the error says; or what makes that of the words that it would have.

    Raises
    ------
    AssertionError
        They are not close.
    TypeError
        They cannot be compared.
    ValueError
        Only one of `rtol` and `atol` is given.

    References
    ----------
    https://docs.pytorch.org/docs/stable/testing.html

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.testing.assert_close(mg.tensor([0.1]) + 0.2, mg.tensor([0.3]))
    >>> mg.testing.assert_close({"loss": 1.0}, {"loss": 1.5})
    Traceback (most recent call last):
    AssertionError: Scalars are not close!
    <BLANKLINE>
    Expected 1.5 but got 1.0.
    Absolute difference: 0.5 (up to 1e-07 allowed)
    Relative difference: 0.3333333333333333 (up to 1e-07 allowed)
    <BLANKLINE>
    The failure occurred for item ['loss']
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        )
    for path, a, b in _pairs(actual, expected, ()):
        problem = _difference(
            a, b, rtol, atol, equal_nan, check_dtype, check_stride, allow_subclasses
        )
        if problem:
            if path:
                problem += f"\n\nThe failure occurred for item {''.join(f'[{k!r}]' for k in path)}"
            if msg is not None:
                problem = msg if isinstance(msg, str) else msg(problem)
            raise AssertionError(problem)


def _pairs(a: Any, b: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """What has to be compared, and where it stands."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            raise AssertionError(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {[k for k in b if k not in a]}\n"
                f"Additional keys in the actual mapping: {[k for k in a if k not in b]}"
            )
        for key in a:
            yield from _pairs(a[key], b[key], (*path, key))
    elif _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for k, (one, other) in enumerate(zip(a, b)):
            yield from _pairs(one, other, (*path, k))
    else:
        yield path, a, b


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _difference(
    a: Any, b: Any, rtol: float | None, atol: float | None, equal_nan: bool, check_dtype: bool,
    check_stride: bool, allow_subclasses: bool,
) -> str:  # fmt: skip
    """What is wrong with one pair; "" for nothing."""
    if a is None or b is None:
        return "" if a is b else f"None mismatch: {a} is not {b}"
    if isinstance(a, (bool, np.bool_)) and isinstance(b, (bool, np.bool_)):
        return "" if bool(a) is bool(b) else f"Booleans mismatch: {a} is not {b}"
    a, b = [v.item() if isinstance(v, np.generic) else v for v in (a, b)]
    numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
    if numbers and check_dtype and type(a) is not type(b):
        return f"The (d)types do not match: {type(a)} != {type(b)}."
    if not numbers:
        comparable = isinstance(a, Tensor) and isinstance(b, Tensor)
        if comparable and not allow_subclasses:
            comparable = type(a) is type(b)
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        if not comparable and not arrays:
            raise TypeError(
                "No comparison pair was able to handle inputs of type "
                f"{type(a)} and {type(b)}: give two tensors, or two numbers"
            )
    x, y = _tensor(a), _tensor(b)
    if x.shape != y.shape:
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}."
    if check_dtype and x.dtype is not y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}."
    if check_stride and x.stride() != y.stride():
        return f"The values for attribute 'stride()' do not match: {x.stride()} != {y.stride()}."
    if rtol is None or atol is None:
        pairs = [_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (x, y)]
        rtol, atol = max(p[0] for p in pairs), max(p[1] for p in pairs)
    return _compare(x.array, y.array, rtol, atol, equal_nan)


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, int):
        return from_array(np.array(value, np.int64))
    return from_array(np.asarray(value))


def _compare(a: np.ndarray, b: np.ndarray, rtol: float, atol: float, equal_nan: bool) -> str:
    """What is wrong with the values."""
    kind = np.result_type(a, b)
    if kind.kind != "f":  # exact: no difference of two integers may overflow
        kind = np.dtype(np.int64)
    a, b = a.astype(kind), b.astype(kind)
    with np.errstate(all="ignore"):
        away = np.abs(a - b)
        wrong = ~((a == b) | (np.isfinite(away) & (away <= atol + rtol * np.abs(b))))
        relative = away / np.abs(b)
    if kind.kind != "f" and a.ndim:  # as PyTorch divides integers
        relative = relative.astype(np.float32)
    if equal_nan:
        wrong &= ~(np.isnan(a) & np.isnan(b))
    if not wrong.any():
        return ""
    exact = rtol == atol == 0.0
    what = "equal" if exact else "close"
    up_to = ["" if exact else f" (up to {float(limit):g} allowed)" for limit in (atol, rtol)]
    if a.ndim == 0:
        return (
            f"Scalars are not {what}!\n\nExpected {b.item()} but got {a.item()}.\n"
            f"Absolute difference: {away.item()}{up_to[0]}\n"
            f"Relative difference: {relative.item()}{up_to[1]}"
        )
    lines = [
        f"Tensor-likes are not {what}!\n",
        f"Mismatched elements: {wrong.sum()} / {a.size} ({wrong.sum() / a.size:.1%})",
    ]
    for name, values, limit in (("absolute", away, up_to[0]), ("relative", relative, up_to[1])):
        place = np.unravel_index(np.where(wrong, values, -1).argmax(), a.shape)
        at = tuple(int(k) for k in place)
        lines.append(f"Greatest {name} difference: {values[place].item()} at index {at}{limit}")
    return "\n".join(lines)
