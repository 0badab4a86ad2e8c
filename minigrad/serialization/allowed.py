"""What users let `load` make besides data: the classes in their lists of safe globals.

``load(path)`` makes tensors, containers and numbers, nothing else. A model that was saved as a
whole needs its classes: whoever trusts those names them, for good or inside a ``with`` block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# With these, a pickle could do anything: not even the user can let them in.
BLOCKED = ("sys", "os", "posix", "nt")

_allowed: list[Any] = []


def add_safe_globals(safe_globals: Sequence[Any]) -> None:
    """Let ``load(..., weights_only=True)`` make things of these classes, and call these functions.

    Parameters
    ----------
    safe_globals : list
        Classes and functions, each as itself, or as ``(class, "module.Name")`` if the file calls it
        differently.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.serialization.add_safe_globals([mg.nn.Linear])
    >>> mg.serialization.get_safe_globals()
    [<class 'minigrad.nn.linear.Linear'>]
    >>> mg.serialization.clear_safe_globals()
    """
    for thing in safe_globals:
        _name(thing)  # complain now about what has none, not when a file is read
        if thing not in _allowed:
            _allowed.append(thing)


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` has added so far."""
    return list(_allowed)


def clear_safe_globals() -> None:
    """Forget what `add_safe_globals` has added."""
    _allowed.clear()


@contextmanager
def safe_globals(safe_globals: Sequence[Any]) -> Iterator[None]:
    """`add_safe_globals` for the duration of a ``with`` block.

    Examples
    --------
    >>> import io
    >>> import minigrad as mg
    >>> file = io.BytesIO()
    >>> mg.save(mg.nn.Linear(2, 3), file)
    >>> _ = file.seek(0)
    >>> with mg.serialization.safe_globals([mg.nn.Linear]):
    ...     mg.load(file)
    Linear(in_features=2, out_features=3, bias=True)
    """
    before = list(_allowed)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _allowed[:] = [thing for thing in _allowed if thing in before]


def named() -> dict[str, Callable[..., Any]]:
    """All that is allowed, by the names that a pickle would use."""
    return dict(_name(thing) for thing in _allowed)


def _name(thing: Any) -> tuple[str, Any]:
    if isinstance(thing, tuple):
        if len(thing) != 2:
            raise ValueError(
                "Expected tuple of length 2 (global, str of callable full path), but got tuple of "
                f"length: {len(thing)}"
            )
        if not isinstance(thing[1], str):
            raise TypeError(
                "Expected second item in tuple to be str of callable full path, but got: "
                f"{type(thing[1])}"
            )
        return thing[1], thing[0]
    if not hasattr(thing, "__qualname__"):
        raise TypeError(f"a class or a function was expected, but got: {type(thing)}")
    return f"{thing.__module__}.{thing.__qualname__}", thing
