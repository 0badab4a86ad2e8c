"""`torch.cuda`: the questions that scripts ask before they use a GPU, all answered with no.

What concerns every GPU there is, such as seeding them, does nothing. What wants a particular one
raises.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "is_available",
    "is_initialized", "manual_seed", "manual_seed_all", "set_device", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: minigrad runs on the CPU."""
    return False


def is_initialized() -> bool:
    """False: minigrad runs on the CPU."""
    return False


def device_count() -> int:
    """0: minigrad runs on the CPU."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the current GPU: there is none, so nothing happens. The CPU's seed is another one."""


def manual_seed_all(seed: int) -> None:
    """Seed all GPUs: there are none, so nothing happens. The CPU's seed is another one."""


def empty_cache() -> None:
    """Give back memory of the GPU: there is none, so nothing happens."""


def _no_gpu(*args: Any, **kwargs: Any) -> Any:
    """Raise AssertionError: there is no GPU."""
    raise AssertionError(
        "Torch not compiled with CUDA enabled: minigrad runs on the CPU only. Ask "
        "torch.cuda.is_available() first"
    )


current_device = get_device_name = set_device = synchronize = _no_gpu
