"""How many threads layers use: `set_num_threads`, `get_num_threads`.

The kernels split the sequences of a batch, and large products of matrices, between threads of their
own, wherever there is so much to do that it pays. The largest products elsewhere are NumPy's, whose
library has threads of its own and its own environment variables, ``OPENBLAS_NUM_THREADS`` as a
rule. Import minigrad before NumPy, so that the two do not stand in each other's way (see
`minigrad.runtime.blas`).
"""

from __future__ import annotations

import os

from .. import _kernels

__all__ = ["get_num_threads", "set_num_threads"]

VARIABLE = "MINIGRAD_NUM_THREADS"


def set_num_threads(number: int) -> None:
    """Let layers use up to this many threads, in all of the process.

    With a given number of threads, results are the same to the last bit in every run. With another
    number, the gradients of a recurrent layer's weights are added up in another order, and may
    differ in rounding.

    Parameters
    ----------
    number : int
        At least 1. At first it is the number of processors that the process may run on, or the
        value of the environment variable ``MINIGRAD_NUM_THREADS``.

    Raises
    ------
    RuntimeError
        If `number` is not positive, or no int.

    Examples
    --------
    >>> import minigrad as mg
    >>> before = mg.get_num_threads()
    >>> mg.set_num_threads(1)
    >>> mg.get_num_threads()
    1
    >>> mg.set_num_threads(before)
    """
    if not isinstance(number, int) or isinstance(number, bool):
        kind = type(number).__name__
        raise RuntimeError(f"set_num_threads expects an int, but got {kind}")
    if number < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {number}")
    _kernels.set_threads(number)


def get_num_threads() -> int:
    """Return how many threads layers may use.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.get_num_threads() >= 1
    True
    """
    return _kernels.threads


def _initial_number() -> int:
    """The number at import: the environment variable's, else that of the processors."""
    wanted = os.environ.get(VARIABLE, "")
    if not wanted:
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # not on this system
            return os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f"{VARIABLE}: {wanted!r} is not a positive integer")
    return int(wanted)


set_num_threads(_initial_number())
