"""Whether operations are recorded: ``no_grad``, ``enable_grad`` and their kin; anomaly mode.

The mode belongs to a thread, as in PyTorch: a worker that evaluates under ``no_grad`` does not
switch off the training loop of another thread. Each switch is a context manager and a decorator;
a decorated generator function has the mode while it runs and gives it back while it is suspended.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from .._kernels import switches

if TYPE_CHECKING:
    from typing_extensions import Self

F = TypeVar("F", bound=Callable[..., Any])

CO_GENERATOR = 0x20  # the code flag of a generator function; spares the slow import of `inspect`


class Switches(threading.local):
    """The switches of one thread (class attributes are every thread's initial values).

    Every operation asks for them; compiled, they are found at once.

    Attributes
    ----------
    enabled : bool
        Whether operations are recorded.
    anomaly, check_nan : bool
        Whether nodes remember the code that made them, and whether `backward` looks for NaN.
    depth : int
        How many backward passes are under way, one inside the other.
    """

    enabled = True
    anomaly = False
    check_nan = True
    depth = 0


mode = switches() or Switches()


class _Switch:
    """Base of the switches below: sets one attribute of `mode` on entry, restores it on exit."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._previous: list[bool] = []  # a stack, so that one object may be entered twice

    def __enter__(self) -> None:
        self._previous.append(mode.enabled)
        mode.enabled = self._enabled

    def __exit__(self, *exc_info: object) -> None:
        mode.enabled = self._previous.pop()

    def __call__(self, function: F) -> F:
        """Decorate `function` so that its body runs inside this switch."""
        body: Any = function
        while isinstance(body, functools.partial):
            body = body.func
        if getattr(body, "__code__", None) and body.__code__.co_flags & CO_GENERATOR:
            return cast(F, self._decorate_generator(function))

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with _Switch(self._enabled):
                return function(*args, **kwargs)

        return cast(F, wrapper)

    def _decorate_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step, value = generator.send, None
            while True:
                with _Switch(self._enabled):
                    try:
                        result = step(value)
                    except StopIteration as stop:
                        return stop.value
                try:
                    value = yield result
                    step = generator.send
                except GeneratorExit:
                    with _Switch(self._enabled):
                        generator.close()
                    raise
                except BaseException as error:
                    step, value = generator.throw, error

        return wrapper


class _Decorator(_Switch):
    """A switch that may be written without parentheses when it decorates: ``@no_grad``."""

    _value = False

    @overload
    def __new__(cls, function: None = None) -> Self: ...

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        switch = super().__new__(cls)
        if function is None:
            return switch
        switch.__init__()  # type: ignore[misc]
        return switch(function)

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        super().__init__(self._value)


class no_grad(_Decorator):
    """Context manager and decorator: operations inside are not recorded.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.ones(2, requires_grad=True)
    >>> with mg.no_grad():
    ...     y = w * 2
    >>> y.requires_grad
    False
    """

    _value = False


class enable_grad(_Decorator):
    """Context manager and decorator: operations inside are recorded, even within `no_grad`."""

    _value = True


class set_grad_enabled(_Switch):
    """Switch recording on or off, at once; as a context manager, until its block ends.

    Parameters
    ----------
    enabled : bool
        True to record.
    """

    def __init__(self, enabled: bool) -> None:
        super().__init__(bool(enabled))
        self._previous.append(mode.enabled)
        mode.enabled = self._enabled

    def __enter__(self) -> None:
        mode.enabled = self._enabled

    def __call__(self, function: F) -> F:
        mode.enabled = self._previous.pop()  # a decorator leaves the mode outside as it was
        return super().__call__(function)


class inference_mode(_Switch):
    """As `no_grad`, under the name that scripts use for evaluation; with False it records."""

    def __new__(cls, enabled: Any = True) -> Any:
        switch = super().__new__(cls)
        if isinstance(enabled, bool):
            return switch
        switch.__init__(True)  # type: ignore[misc]
        return switch(enabled)

    def __init__(self, enabled: bool = True) -> None:
        super().__init__(not enabled)


def is_grad_enabled() -> bool:
    """Whether operations of this thread are being recorded."""
    return mode.enabled


class set_detect_anomaly:
    """Find the operation that produces NaN: on at once, or for the length of a ``with`` block.

    While it is on, every node remembers the line of code that made it, and `backward` raises a
    RuntimeError that names the first operation whose gradient holds a NaN, after a warning that
    shows where its forward was called.

    Parameters
    ----------
    enabled : bool
        True to switch the detection on.
    check_nan : bool
        False keeps the remembered lines but does not look for NaN.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.zeros(1, requires_grad=True)
    >>> with mg.autograd.set_detect_anomaly(True):
    ...     (mg.sqrt(x) * 0).sum().backward()
    Traceback (most recent call last):
        ...
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    def __init__(self, enabled: bool = True, check_nan: bool = True) -> None:
        self._previous = mode.anomaly, mode.check_nan
        mode.anomaly, mode.check_nan = bool(enabled), bool(check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        mode.anomaly, mode.check_nan = self._previous


class detect_anomaly(set_detect_anomaly):
    """``with detect_anomaly():`` is ``with set_detect_anomaly(True):``."""

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)
