"""`torch.testing.assert_allclose`: the comparison of old, before `assert_close`."""

from __future__ import annotations

import warnings
from typing import Any

from ..arrays import dtypes
from ..tensor import Tensor
from ..tensor.creation import tensor
from ..testing.close import assert_close

__all__ = ["assert_allclose"]

_TOLERANCES = {
    dtypes.float16: (1e-3, 1e-3), dtypes.float32: (1e-4, 1e-5), dtypes.float64: (1e-5, 1e-8),
}  # fmt: skip


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """As `minigrad.testing.assert_close`, with wider tolerances, and whatever the dtypes.

    Raises
    ------
    AssertionError
        They are not close.
    """
    warnings.warn(
        "torch.testing.assert_allclose() is deprecated; use torch.testing.assert_close()",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, Tensor):
        actual = tensor(actual)
    if not isinstance(expected, Tensor):
        expected = tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        pairs = [_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = (max(each) for each in zip(*pairs))
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
        msg=msg or None,
    )  # fmt: skip
