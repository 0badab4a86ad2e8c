"""`torch.backends.cudnn`: scripts set its switches before they train; here they change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["benchmark", "deterministic", "enabled", "flags", "is_available", "version"]

enabled = True
benchmark = False
deterministic = False


def is_available() -> bool:
    """False: there is no GPU."""
    return False


def version() -> None:
    """None: there is no GPU."""
    return None


@contextmanager
def flags(
    enabled: bool = False, benchmark: bool = False, deterministic: bool = False, **others: Any
) -> Iterator[None]:
    """A ``with`` block in which nothing is different."""
    yield
