"""How one rank's end ends the others: nobody may wait for a rank that is gone.

An exception that nobody catches, in any thread, is printed with the rank before each line; then MPI
is told to end all ranks. (A rank that is killed from outside, MPI's ``mpiexec`` notices itself.)
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .mpi import mpi

__all__ = ["abort", "fail", "install", "on_exit", "say"]

GRACE = 0.4  # seconds in which other ranks, that failed as well, may say so
_owner: int | None = None  # the process that MPI knows; one that it forks must not talk to MPI


def say(text: str) -> None:
    """Print to stderr, with the rank before each line."""
    rank = mpi().COMM_WORLD.rank
    lines = [f"[rank{rank}]: {line}\n" if line else "\n" for line in text.split("\n")]
    sys.stderr.write("".join(lines).rstrip("\n") + "\n")
    sys.stderr.flush()


def abort(code: int = 1) -> None:
    """End all ranks. Does nothing where there is one, or in a process that a rank has forked."""
    MPI = mpi()
    if MPI.COMM_WORLD.size > 1 and os.getpid() == _owner:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        time.sleep(GRACE)
        MPI.COMM_WORLD.Abort(code)


def fail(show: Callable[..., Any], *arguments: Any) -> None:
    """Print what ``show(*arguments)``, a hook for exceptions, has to say; then end all ranks."""
    if mpi().COMM_WORLD.size == 1 or os.getpid() != _owner:
        show(*arguments)
        return
    stderr, sys.stderr = sys.stderr, io.StringIO()
    try:
        show(*arguments)
    finally:
        text, sys.stderr = sys.stderr.getvalue(), stderr
    say(text)
    abort()


class _Hook:
    """What stands in the place of ``sys.excepthook`` or ``threading.excepthook``."""

    def __init__(self, before: Callable[..., Any]) -> None:
        self.before = before

    def __call__(self, *arguments: Any) -> None:
        fail(self.before, *arguments)


def install() -> None:
    """Let exceptions that nobody catches end all ranks, from now on."""
    global _owner
    _owner = os.getpid()
    if not isinstance(sys.excepthook, _Hook):
        sys.excepthook = _Hook(sys.excepthook)
    if not isinstance(threading.excepthook, _Hook):
        threading.excepthook = _Hook(threading.excepthook)


def on_exit(leave: Callable[[], None]) -> None:
    """Call `leave` when the process ends; the error that it raises ends all ranks."""

    def end() -> None:
        if os.getpid() == _owner:
            try:
                leave()
            except RuntimeError as error:
                say(f"RuntimeError: {error}")
                abort()

    atexit.register(end)
