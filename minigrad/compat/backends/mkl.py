"""`torch.backends.mkl`: Intel's library for linear algebra, which minigrad does not use."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False: minigrad does not use it."""
    return False
