"""`torch.accelerator`: which device there is besides the CPU. None."""

from __future__ import annotations

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """False: there is only the CPU."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None: there is only the CPU."""
    return None


def device_count() -> int:
    """0: there is only the CPU."""
    return 0
