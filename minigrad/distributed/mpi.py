"""Where MPI is found, and which of its ranks belong together: `mpi`, `world`, `wait`.

Whatever may take long is begun, and then asked for until it is done (`wait`): MPI's own waiting
keeps a core busy, and four ranks on two cores would wait for each other's time slices.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..runtime.extras import is_there

__all__ = ["is_available", "is_mpi_available", "mpi", "set_world", "wait", "world"]

_world: Any = None  # a part of all ranks, while `spawn` runs a function on that part


def mpi() -> Any:
    """The module ``mpi4py.MPI``; the first call starts MPI.

    Raises
    ------
    ImportError
        mpi4py is not installed, or finds no MPI.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # the latter: there is no libmpi
        raise ImportError(
            'minigrad.distributed needs mpi4py and an MPI: pip install "minigrad[mpi]" where the '
            'machine has an MPI, pip install "minigrad[mpich]" for one from the package index '
            f"({error})"
        ) from error
    return MPI


def is_available() -> bool:
    """Whether mpi4py is installed, so that ranks can talk.

    Examples
    --------
    >>> import minigrad.distributed as dist
    >>> dist.is_available() == dist.is_mpi_available()
    True
    """
    return is_there("mpi4py")


is_mpi_available = is_available


def world() -> Any:
    """The communicator of the ranks that `init_process_group` puts into the default group."""
    return mpi().COMM_WORLD if _world is None else _world


def set_world(communicator: Any) -> None:
    """Choose another one; None: all ranks that were started."""
    global _world
    _world = communicator


def wait(is_done: Callable[[], Any], seconds: float, what: Callable[[], str]) -> None:
    """Ask until it is done; leave the core to others between questions, longer as time goes by.

    Raises
    ------
    RuntimeError
        It took more than `seconds`; `what` says what it is.
    """
    for _ in range(200):
        if is_done():
            return
    start = time.monotonic()
    while not is_done():
        waited = time.monotonic() - start
        if waited > seconds:
            raise RuntimeError(f"{what()}: timed out, the other ranks did not come in {seconds} s")
        time.sleep(0.0 if waited < 0.005 else min(waited / 100, 0.001))
