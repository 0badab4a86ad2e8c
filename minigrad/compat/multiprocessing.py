"""`torch.multiprocessing`: Python's `multiprocessing`, under another name.

In PyTorch a tensor that is sent to another process stays where it is, and both see it; here it is
sent as a copy, as everything is that goes through a pipe.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import *  # noqa: F403

__all__ = [
    "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy",
    *(name for name in multiprocessing.__all__),
]  # fmt: skip

_STRATEGIES = {"file_descriptor", "file_system"}
_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` takes."""
    return set(_STRATEGIES)


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` was told; ``"file_descriptor"`` at first."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Remember the answer for `get_sharing_strategy`: no memory is shared.

    Raises
    ------
    ValueError
        `new_strategy` is none of `get_all_sharing_strategies`.
    """
    global _strategy
    if new_strategy not in _STRATEGIES:
        raise ValueError(
            f"set_sharing_strategy: new_strategy is one of {sorted(_STRATEGIES)}, not "
            f"{new_strategy!r}"
        )
    _strategy = new_strategy
