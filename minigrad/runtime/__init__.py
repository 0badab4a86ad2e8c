"""The process that minigrad runs in: its threads, its BLAS, its floats, and what it was built with.

What belongs here is about the machine, not about numbers.

- `blas`: what NumPy's BLAS must be told before NumPy is imported.
- `threads`: how many threads recurrent layers use.
- `denormals`: whether numbers below the least normal one count as zero.
- `memory`: that freed memory stays with the process.
- `config`: `show_config`, the facts for a bug report.
- `extras`: packages that only a part of minigrad needs.
"""

from . import blas  # noqa: F401  (before whatever imports NumPy)
