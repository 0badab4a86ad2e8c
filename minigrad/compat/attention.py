"""``torch.nn.attention``: the choice between kernels for attention, of which there is one here."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.Enum):
    """PyTorch's ways to compute `scaled_dot_product_attention`."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: Any, set_priority: bool = False) -> Iterator[None]:
    """Where a choice holds; it has no effect.

    Raises
    ------
    AssertionError
        `backends` is neither an `SDPBackend` nor a list of them.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.compat.attention import SDPBackend, sdpa_kernel
    >>> x = mg.ones(3, 2)
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     mg.nn.functional.scaled_dot_product_attention(x, x, x).shape
    torch.Size([3, 2])
    """
    chosen = backends if isinstance(backends, (list, tuple)) else [backends]
    for backend in chosen:
        if not isinstance(backend, SDPBackend):
            raise AssertionError(
                "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
                f"{type(backend).__name__}"
            )
    yield
