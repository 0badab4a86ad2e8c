"""`torch.accelerator`: which device there is besides the CPU. None.

Scripts for several ranks choose a device by their number modulo `device_count`. So under
``python -m minigrad launch`` this is the number of ranks on the machine, and their devices, called
by numbers, are all the CPU.
"""

from __future__ import annotations

from typing import Any

from ..arrays import size

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "device_count",
    "is_available", "set_device_idx", "set_device_index", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: there is only the CPU."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None: there is only the CPU."""
    return None


def device_count() -> int:
    """0: there is only the CPU; for a rank that was launched, the number of ranks here."""
    return size.ranks_here


def current_device_index() -> int:
    """0: there is only the CPU."""
    return 0


def set_device_index(device: Any) -> None:
    """Do nothing: there is only the CPU."""


def synchronize(device: Any = None) -> None:
    """Do nothing: nothing is computed behind the script's back."""


current_device_idx, set_device_idx = current_device_index, set_device_index
