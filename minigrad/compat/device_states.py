"""`torch.utils.checkpoint`: the random states of GPUs, of which there are none."""

from __future__ import annotations

from typing import Any

__all__ = ["get_device_states", "set_device_states"]


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """The GPUs that hold tensors among `args`, and their random states: none."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Do nothing: there is no GPU whose random state could be set."""
