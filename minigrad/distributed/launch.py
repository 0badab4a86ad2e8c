"""How ranks are started: ``python -m minigrad launch -n 4 script.py``.

MPI has a program for that, ``mpiexec``: it knows how to start processes on other machines, and ends
all when one dies. `launch` calls it; what it starts is ``python -m minigrad rank``, which tells the
script, in its environment, what ``torchrun`` would tell it, and then runs it (`as_rank`).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from ..arrays import size
from . import endings
from .mpi import mpi

__all__ = ["as_rank", "find_mpiexec", "launch"]

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MINIGRAD_NUM_THREADS")


def find_mpiexec() -> str:
    """The path of ``mpiexec``: beside Python's interpreter, where the package mpich puts it, or on
    ``PATH``.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    beside = shutil.which("mpiexec", path=os.path.dirname(sys.executable))
    found = beside or shutil.which("mpiexec") or shutil.which("mpirun")
    if found is None:
        raise FileNotFoundError(
            "mpiexec, which starts ranks, is neither beside Python's interpreter nor on PATH: "
            'pip install "minigrad[mpich]" brings one, with its MPI'
        )
    return found


def launch(
    ranks: int, command: Sequence[str], options: Sequence[str] = (), *, become: bool = False
) -> int:
    """Start ranks, each of which runs ``python -m minigrad command``; wait for them.

    Each has as many threads as there are processors for it, unless the environment says otherwise.

    Parameters
    ----------
    ranks : int
        How many.
    command : sequence of str
        What follows ``python -m minigrad``.
    options : sequence of str
        More options for ``mpiexec``, such as ``-f hosts``.
    become : bool
        Where the system can, let ``mpiexec`` take the place of this process: then whoever ends it,
        with whatever signal, ends the ranks. Default: False.

    Returns
    -------
    int
        The exit code of ``mpiexec``, 0 if all is well.
    """
    environment = dict(os.environ)
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    for variable in THREADS:
        environment.setdefault(variable, str(max(1, cores // ranks)))
    python = [sys.executable, "-m", "minigrad", *command]
    arguments = [find_mpiexec(), "-n", str(ranks), *options, *python]
    if become and os.name == "posix":
        sys.stdout.flush()
        os.execve(arguments[0], arguments, environment)
    process = subprocess.Popen(arguments, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # mpiexec has been told, too, and ends the ranks
            continue


def take_rank() -> None:
    """Set what ``torchrun`` sets in the environment of a rank."""
    MPI = mpi()
    everybody = MPI.COMM_WORLD
    here = everybody.Split_type(MPI.COMM_TYPE_SHARED)
    first = everybody.bcast(MPI.Get_processor_name())
    os.environ.update(
        RANK=str(everybody.rank), WORLD_SIZE=str(everybody.size),
        LOCAL_RANK=str(here.rank), LOCAL_WORLD_SIZE=str(here.size),
    )  # fmt: skip
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1" if here.size == everybody.size else first)
    os.environ.setdefault("MASTER_PORT", "29500")
    size.ranks_here = here.size
    here.Free()


def as_rank(work: Callable[[], None]) -> None:
    """Do the work of a rank: whatever ends it with an error, ends all."""
    take_rank()
    endings.install()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe, whose reader wants whole lines, at once
        sys.stdout.reconfigure(line_buffering=True, write_through=False)
    try:
        work()
    except SystemExit as end:
        if end.code not in (None, 0):
            is_number = isinstance(end.code, int)
            endings.say(f"exit code {end.code}" if is_number else str(end.code))
            endings.abort(end.code if isinstance(end.code, int) else 1)
        raise
    except BaseException:
        endings.install()  # the script's runner may have put another hook in its place
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
