"""The running means and roots that most update rules are made of, all in NumPy."""

from __future__ import annotations

import numpy as np


def move_mean(mean: np.ndarray, decay: float, value: np.ndarray) -> None:
    """``mean = decay * mean + (1 - decay) * value``, in place."""
    change = value - mean
    change *= 1 - decay
    mean += change


def move_mean_square(mean: np.ndarray, decay: float, value: np.ndarray) -> None:
    """``mean = decay * mean + (1 - decay) * value**2``, in place."""
    square = (1 - decay) * value
    square *= value  # in this order, as the square alone overflows earlier
    mean *= decay
    mean += square


def root(x: np.ndarray, eps: float) -> np.ndarray:
    """``sqrt(x) + eps``: what many rules divide by."""
    result = np.sqrt(x)
    result += eps
    return result
