"""`spawn`: a function on every rank, as `torch.multiprocessing.spawn` has it."""

from __future__ import annotations

import multiprocessing.spawn
import os
import pickle
import tempfile
from collections.abc import Callable
from typing import Any

from .group import destroy_process_group, is_initialized
from .launch import launch
from .mpi import mpi, set_world

__all__ = ["SpawnContext", "run_spawned", "spawn"]

# What MPI's starters leave in the environment of a rank: MPICH and Intel's, Open MPI, PMIx.
STARTED = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")


class SpawnContext:
    """What ``spawn(join=False)`` returns: all has been done already."""

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """True: all ranks have ended."""
        return True


def spawn(
    fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True,
    daemon: bool = False, start_method: str = "spawn",
) -> SpawnContext | None:  # fmt: skip
    """Call ``fn(rank, *args)`` on `nprocs` ranks, and wait for them.

    Under ``python -m minigrad launch`` they are there already: each calls `fn` in its own process,
    where `nprocs` is smaller than their number only the first ones. Otherwise ``mpiexec`` starts
    them; `fn` and `args` are pickled, and `fn` has to be found by its name.

    Parameters
    ----------
    fn : callable
        Has the rank as its first argument; what it returns is dropped.
    args : tuple
        Its other arguments.
    nprocs : int
        How many ranks.
    join : bool
        False: return something with a method ``join``; there is nothing left to wait for.
    daemon, start_method : optional
        Without effect.

    Raises
    ------
    RuntimeError
        There are fewer ranks than `nprocs`, or a rank has failed.
    FileNotFoundError
        There is no ``mpiexec``.

    References
    ----------
    https://docs.pytorch.org/docs/stable/multiprocessing.html#torch.multiprocessing.spawn

    Examples
    --------
    >>> from minigrad.distributed.spawning import spawn
    >>> spawn(train, args=(4,), nprocs=4)  # doctest: +SKIP
    """
    if not any(name in os.environ for name in STARTED):
        _start(fn, args, nprocs)
    else:
        _call(fn, args, nprocs)
    return None if join else SpawnContext()


def _call(fn: Callable[..., Any], args: tuple[Any, ...], nprocs: int) -> None:
    """Call `fn` in this process, which is a rank, if it is among the first `nprocs`."""
    MPI = mpi()
    everybody = MPI.COMM_WORLD
    if nprocs > everybody.size:
        raise RuntimeError(
            f"spawn: nprocs={nprocs}, and there are {everybody.size} ranks: start the script with "
            f"python -m minigrad launch -n {nprocs}"
        )
    if everybody.rank >= nprocs:
        return
    some = None
    if nprocs < everybody.size:
        some = everybody.Create_group(everybody.Get_group().Incl(list(range(nprocs))))
    set_world(some)
    had_group = is_initialized()
    try:
        fn(everybody.rank, *args)
        if is_initialized() and not had_group:  # in a process of its own it would end now
            destroy_process_group()
    finally:
        set_world(None)


def _start(fn: Callable[..., Any], args: tuple[Any, ...], nprocs: int) -> None:
    """Start ranks that call `fn`."""
    program = multiprocessing.spawn.get_preparation_data("spawned rank")
    program.pop("authkey")  # for pipes between them, and not to be written to a file
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(program, file)
        pickle.dump((fn, args, nprocs), file)
        file.flush()
        code = launch(nprocs, ["spawned", file.name])
    if code:
        raise RuntimeError(f"spawn: a rank has failed (exit code {code}), as is said above")


def run_spawned(path: str) -> None:
    """In a rank that `spawn` has started: load the program that did so, and call the function."""
    with open(path, "rb") as file:
        program = pickle.load(file)
        multiprocessing.spawn.prepare(program)
        fn, args, nprocs = pickle.load(file)
    _call(fn, args, nprocs)
