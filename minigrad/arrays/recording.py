"""Arrays that write down what is done with them: how the lower rooms know them (see `plans`)."""

from __future__ import annotations

from typing import Any

import numpy as np

ndarray = np.ndarray


def records(array: Any) -> bool:
    """Whether an array writes down what is done with it, and must not be filled unseen."""
    is_other = type(array) is not ndarray and isinstance(array, ndarray)
    return is_other and hasattr(array, "writes_down")
