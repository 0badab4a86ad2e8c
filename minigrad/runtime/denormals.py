"""Denormal numbers: `set_flush_denormal`.

Numbers below the least normal one (1.2e-38 in float32, 2.2e-308 in float64) lose digits, and
processors work on them up to a hundred times as slowly. A gradient that dies out on its way back
through a long sequence becomes one of them. Kernels of recurrences (and of cross entropy) therefore
take them for zero while they run, whatever is said here.
"""

from __future__ import annotations

from .. import _kernels

__all__ = ["set_flush_denormal"]


def set_flush_denormal(mode: bool) -> bool:
    """In the calling thread, take denormal numbers for zero from now on, or no more.

    It is for what kernels do not do: cells made of tensor operations, losses, optimizers.

    Parameters
    ----------
    mode : bool
        True: results below the least normal number are 0, and so are such operands.

    Returns
    -------
    bool
        Whether this processor can do so (x86-64 and 64-bit ARM can), and minigrad is compiled.

    Examples
    --------
    >>> import minigrad as mg
    >>> able = mg.set_flush_denormal(True)
    >>> tiny = mg.tensor([1e-308], dtype=mg.float64) / 4
    >>> bool(tiny == 0) == able
    True
    >>> able = mg.set_flush_denormal(False)
    >>> mg.tensor([1e-308], dtype=mg.float64) / 4
    tensor([2.5000e-309], dtype=torch.float64)
    """
    return _kernels.set_flush(bool(mode))
