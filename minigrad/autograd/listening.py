"""Listening: how `minigrad.replay` hears which operations a function asks for.

An operation that can be asked for again begins with

    if is_listening():
        return heard(operation, arguments)

While nobody listens, which is nearly always, that costs a machine instruction or two. A listener
hears what one thread does. What an operation asks of others in turn is not heard, as it will be
asked for again together with it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

_listener: Any = None
_thread = 0


def is_listening() -> bool:
    """Whether somebody listens to this thread."""
    return _listener is not None and _thread == get_ident()


def listen(listener: Any) -> Any:
    """Let ``listener(call, args, kwargs, result)`` hear what this thread does; None ends it.

    Returns who was listening to this thread before.
    """
    global _listener, _thread
    before = _listener if is_listening() else None
    _listener, _thread = listener, get_ident()
    return before


def refuse(why: str) -> None:
    """Tell who listens to this thread, if anybody does, that what comes now cannot be heard."""
    if is_listening():
        _listener.refuse(why)


def heard(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``call(*args, **kwargs)``, and tell the listener of it."""
    global _listener
    listener, _listener = _listener, None
    try:
        result = call(*args, **kwargs)
        if result is not NotImplemented:
            listener(call, args, kwargs, result)
    except Exception:
        listener.refuse("an operation raises an error")  # which its caller may catch
        raise
    finally:
        _listener = listener
    return result
