"""The process that minigrad runs in: its threads, its BLAS, and what it was built with.

What belongs here is about the machine, not about numbers.

- `blas`: what NumPy's BLAS must be told before NumPy is imported.
- `threads`: how many threads recurrent layers use.
- `config`: `show_config`, the facts for a bug report.
"""

from . import blas  # noqa: F401  (before whatever imports NumPy)
