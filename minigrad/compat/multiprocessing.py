"""`torch.multiprocessing`: what scripts ask there about processes, or for a `DataLoader`."""

from __future__ import annotations

from multiprocessing import (
    cpu_count,
    current_process,
    get_all_start_methods,
    get_context,
    get_start_method,
    set_start_method,
)  # fmt: skip

__all__ = [
    "cpu_count", "current_process", "get_all_start_methods", "get_context", "get_start_method",
    "set_start_method",
]  # fmt: skip
