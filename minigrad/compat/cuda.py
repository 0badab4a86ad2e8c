"""`torch.cuda`: the questions that scripts ask before they use a GPU, all answered with no.

What concerns every GPU there is, such as seeding them, does nothing. What wants a particular one
raises.
"""

from __future__ import annotations

from typing import Any

from ..arrays.absent import absent
from . import amp

__all__ = [
    "Event", "OutOfMemoryError", "Stream", "amp", "current_device", "current_stream", "device",
    "device_count", "empty_cache", "get_device_capability", "get_device_name",
    "get_device_properties", "get_rng_state", "get_rng_state_all", "init", "ipc_collect",
    "is_available", "is_bf16_supported", "is_current_stream_capturing", "is_initialized",
    "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_reserved",
    "memory_allocated", "memory_reserved", "memory_summary", "reset_max_memory_allocated",
    "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state_all", "stream",
    "synchronize",
]  # fmt: skip


class OutOfMemoryError(RuntimeError):
    """What a GPU raises when its memory is full: never raised here."""


def is_available() -> bool:
    """False: minigrad runs on the CPU."""
    return False


_initialized = False  # what libraries look at themselves


def is_initialized() -> bool:
    """False: minigrad runs on the CPU."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: minigrad runs on the CPU."""
    return False


def is_current_stream_capturing() -> bool:
    """False: minigrad runs on the CPU."""
    return False


def device_count() -> int:
    """0: minigrad runs on the CPU."""
    return 0


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing: there are no GPUs."""


def manual_seed(seed: int) -> None:
    """Seed the current GPU: there is none, so nothing happens. The CPU's seed is another one."""


def manual_seed_all(seed: int) -> None:
    """Seed all GPUs: there are none, so nothing happens. The CPU's seed is another one."""


def empty_cache() -> None:
    """Give back memory of the GPU: there is none, so nothing happens."""


seed = seed_all = set_rng_state_all = ipc_collect = _nothing
reset_max_memory_allocated = reset_peak_memory_stats = _nothing


def get_rng_state_all() -> list[Any]:
    """An empty list: a state for each GPU."""
    return []


def memory_allocated(device: Any = None) -> int:
    """0: bytes on the GPU."""
    return 0


max_memory_allocated = max_memory_reserved = memory_reserved = memory_allocated


class device:
    """A ``with`` block in which another GPU is the current one: there are none.

    Raises
    ------
    AssertionError
        When it is entered with anything but None or -1.
    """

    def __init__(self, device: Any) -> None:
        self.device = device

    def __enter__(self) -> None:
        if self.device not in (None, -1):
            _no_gpu()

    def __exit__(self, *error: object) -> None:
        pass


class stream:
    """A ``with`` block in which a GPU's stream is the current one; for None, nothing."""

    def __init__(self, stream: Any) -> None:
        if stream is not None:
            _no_gpu()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def _no_gpu(*args: Any, **kwargs: Any) -> Any:
    """Raise AssertionError: there is no GPU."""
    raise absent(
        "GPUs", AssertionError,
        "Torch not compiled with CUDA enabled: minigrad runs on the CPU only. Ask "
        "torch.cuda.is_available() first",
    )  # fmt: skip


class Event:
    """Raises AssertionError when it is made: there is no GPU to mark a time on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_gpu()


class Stream:
    """Raises AssertionError when it is made: there is no GPU to queue work on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_gpu()


current_device = current_stream = get_device_capability = get_device_name = _no_gpu
get_device_properties = get_rng_state = init = memory_summary = set_device = synchronize = _no_gpu
