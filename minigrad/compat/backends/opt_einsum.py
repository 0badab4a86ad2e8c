"""`torch.backends.opt_einsum`: a library that chooses in which order `einsum` multiplies."""

from __future__ import annotations

__all__ = ["enabled", "get_opt_einsum", "is_available", "strategy"]

enabled = False
strategy = None


def is_available() -> bool:
    """False: minigrad does not use it."""
    return False


def get_opt_einsum() -> None:
    """None: minigrad does not use it."""
    return None
