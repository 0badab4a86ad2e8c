"""Freed memory stays with the process, up to a bound.

Results of operations on large arrays live for a moment. The C library of Linux (glibc) gives memory
of that size back to the system, and the next result has to fetch it anew, page by page: operations
on a million numbers took up to eight times as long. So blocks below 8 MB are reused, and up to
64 MB that nobody uses are kept. (Larger blocks come and go as ever: among themselves they would
leave holes, and more memory would be in use at the peak.)

The variables by which glibc is told otherwise (``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES``, ...;
see malloc's manual, mallopt(3)) have the last word.
"""

from __future__ import annotations

import os

from .. import _kernels

REUSED, KEPT = 8 << 20, 64 << 20  # bytes

if not any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
    _kernels.keep_memory(REUSED, KEPT)
