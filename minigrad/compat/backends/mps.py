"""`torch.backends.mps`: whether there is a GPU made by Apple. minigrad would not use it."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """False: minigrad runs on the CPU."""
    return False


def is_built() -> bool:
    """False: minigrad runs on the CPU."""
    return False
