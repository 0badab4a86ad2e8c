"""`torch.backends.mkldnn`: Intel's library for networks, which minigrad does not use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["enabled", "flags", "is_available"]

enabled = False


def is_available() -> bool:
    """False: minigrad does not use it."""
    return False


@contextmanager
def flags(enabled: bool = False, **others: Any) -> Iterator[None]:
    """A ``with`` block in which nothing is different."""
    yield
