"""What makes PyTorch faster or smaller, and has nothing to do in minigrad, says so: once.

A script that asks for it runs, and computes what it computes without; who reads its output should
know that nothing else happened.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from ..arrays.absent import absent

__all__ = ["not_here", "say_once"]

_said: set[str] = set()


def say_once(name: str, why: str) -> None:
    """Warn that `name` has no effect, the first time that this process asks for it."""
    if name not in _said:
        _said.add(name)
        warnings.warn(f"{name} has no effect in minigrad: {why}", UserWarning, stacklevel=3)


def not_here(name: str, why: str, what: str = "") -> Callable[..., NoReturn]:
    """A function that raises NotImplementedError with these words, and only when it is called.

    If that is by design, `what` is a key of `minigrad.arrays.absent.ABSENT`.
    """

    def function(*args: Any, **kwargs: Any) -> NoReturn:
        words = f"{name} is not in minigrad: {why}"
        raise absent(what, NotImplementedError, words) if what else NotImplementedError(words)

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"Raise NotImplementedError: {why}."
    return function
