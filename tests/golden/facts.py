"""What the files ``make_recurrent.py``, ``make_layers.py`` and ``make_losses.py`` share.

Each of them says what to do with a namespace `t` that is PyTorch for the maker and minigrad for the
tests: **runs**, functions that return named arrays, which are stored; and **claims**, pairs of what
happens and an expectation in words, which the maker checks against PyTorch and the tests against
minigrad, so that nothing need be stored.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[Any], dict[str, np.ndarray]]
Scene = Callable[[Any], Any]

TOLERANCE = {"float32": 2e-5, "float64": 1e-7}


def numbers(seed: int, *shape: int, dtype: str = "float64") -> np.ndarray:
    """Values of size 0.1 to 0.99, of both signs: no zeros, no ones."""
    random = np.random.RandomState(seed)
    values = random.uniform(0.1, 0.99, shape) * random.choice([-1, 1], shape)
    return values.astype(dtype)


def array(tensor: Any) -> np.ndarray:
    """A copy of a tensor's values (None: no values)."""
    return np.zeros(0) if tensor is None else np.array(tensor.detach().numpy())


# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def error_of(t: Any, scene: Scene) -> tuple[str, str]:
    """The class and the text of what a scene raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = scene(t)
        except Exception as error:
            return type(error).__name__, str(error)
    return "nothing", repr(result)


def check_error(t: Any, name: str, expected: tuple[str, str, Scene]) -> None:
    """Check that a scene raises the class and the key words (a pattern) that it should."""
    cls, pattern, scene = expected
    got, message = error_of(t, scene)
    assert got == cls, f"{name}: {got}: {message}, expected {cls}"
    assert re.search(pattern, message), f"{name}: {message!r} does not match {pattern!r}"


class Plain(str):
    """A text whose ``repr`` is itself: several reprs side by side."""

    __slots__ = ()

    def __new__(cls, *parts: Any) -> Plain:
        return super().__new__(cls, " ".join(map(str, parts)))

    def __repr__(self) -> str:
        return str(self)


def check_text(t: Any, text: str, scene: Scene) -> None:
    """Check that ``repr`` of what a scene returns is `text`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = repr(scene(t))
    assert got == text, f"{got}, expected {text}"


# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def save(target: Path, t: Any, runs: dict[str, Run]) -> None:
    """Store what every run returns, each as one array: the values one after the other."""
    flat = {}
    for name, run in runs.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = run(t)
        dtype = "float32" if name.endswith("float32") else "float64"
        flat[name] = np.concatenate([r.reshape(-1).astype(dtype) for r in results.values()])
    np.savez_compressed(target, **flat)


def check_run(
    results: dict[str, np.ndarray], stored: np.ndarray, tolerance: dict[str, float] = TOLERANCE
) -> None:
    """Compare what a run returned with what was stored, relative to each array's largest value.

    Parameters, which were drawn and not computed, must be the same to the last bit (in float64 but
    for that bit: PyTorch scales with a fused multiply-add).
    """
    place = 0
    for name, got in results.items():
        expected = stored[place : place + got.size].reshape(got.shape)
        place += got.size
        if name.startswith(("weight", "bias")):
            last_bit = 0.0 if stored.dtype == np.float32 else 3e-16
            np.testing.assert_allclose(got, expected, 0, last_bit, err_msg=name)
        special = ~np.isfinite(expected)
        np.testing.assert_array_equal(got[special], expected[special], err_msg=name)
        scale = np.max(np.abs(expected[~special]), initial=0.0)
        bound = tolerance[stored.dtype.name] * scale
        np.testing.assert_allclose(got[~special], expected[~special], 0, bound, err_msg=name)
    assert place == stored.size, "another number of values than PyTorch's"


def verify(
    t: Any, errors: dict[str, tuple[str, str, Scene]], texts: Iterable[tuple[str, Scene]]
) -> None:
    """Check all claims."""
    for name, expected in errors.items():
        check_error(t, name, expected)
    for text, scene in texts:
        check_text(t, text, scene)
