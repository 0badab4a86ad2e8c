"""`torch.random`: the functions around the default generator, gathered under one name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tensor.creation import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)  # fmt: skip

__all__ = [
    "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed",
    "seed", "set_rng_state",
]  # fmt: skip


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **others: Any) -> Iterator[None]:
    """A ``with`` block after which the default generator goes on where it was before.

    Parameters
    ----------
    devices : list, optional
        Which GPUs are meant, too: there are none.
    enabled : bool
        False makes the block an ordinary one. Default: True.
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
