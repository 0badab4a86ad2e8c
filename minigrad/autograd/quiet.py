"""Silence: what NumPy warns of, PyTorch does not.

1/0 is inf and 0/0 is nan by the rules of floating point; a training loop that has met one would
print a line for every operation after it. NumPy attributes a warning to the Python function that
called it, so the calls go through `quiet`, and warnings attributed to this package are filtered
out. This file must stay plain Python: a compiled function is passed over in that attribution, which
is why what it calls may be compiled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minigrad\.")


def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, called from here."""
    return lambda *arrays: function(*arrays)
