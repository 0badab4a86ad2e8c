"""`torch.backends.cpu`: which of the processor's instructions are used."""

from __future__ import annotations

from ... import _kernels

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """The level of minigrad's kernels, as ``MINIGRAD_KERNELS`` names it."""
    return _kernels.level
