"""Proofs and comparisons, for tests that users write.

- `recurrence`: `check_recurrence` proves what must hold for a recurrence of your own.
- `close`: `assert_close` compares tensors, and whatever holds them.
"""

from .close import assert_close
from .recurrence import check_recurrence

__all__ = ["assert_close", "check_recurrence"]
