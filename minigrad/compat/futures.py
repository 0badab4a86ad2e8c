"""`torch.futures`: a result that comes later. In one process, it is there when it is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")


class Future(Generic[T]):
    """A result, or that it is not there yet.

    Examples
    --------
    >>> from minigrad.compat.futures import Future
    >>> future = Future()
    >>> doubled = future.then(lambda done: 2 * done.value())
    >>> future.set_result(4)
    >>> doubled.wait()
    8
    """

    def __init__(self, *, devices: Any = None) -> None:
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], Any]] = []

    def done(self) -> bool:
        """Whether the result is there."""
        return self._done

    def value(self) -> T:
        """The result.

        Raises
        ------
        RuntimeError
            There is none yet.
        """
        if not self._done:
            raise RuntimeError("Future.value(): the result is not there yet: call set_result first")
        if self._error is not None:
            raise self._error
        result: T = self._value
        return result

    def wait(self) -> T:
        """The result; as nothing else runs, waiting for one that is not there is an error.

        Raises
        ------
        RuntimeError
            There is none yet.
        """
        return self.value()

    def set_result(self, result: T) -> None:
        """Set the result, and call what waits for it.

        Raises
        ------
        RuntimeError
            There is one already.
        """
        if self._done:
            raise RuntimeError("Future.set_result(): the result can be set only once")
        self._value, self._done = result, True
        for callback in self._callbacks:
            callback(self)

    def set_exception(self, result: BaseException) -> None:
        """Let `value` raise an error.

        Raises
        ------
        TypeError
            `result` is no exception.
        """
        if not isinstance(result, BaseException):
            raise TypeError(
                f"Future.set_exception(): argument 'result' must be an exception, not "
                f"{type(result).__name__}"
            )
        self._error = result
        self.set_result(None)  # type: ignore[arg-type]

    def add_done_callback(self, callback: Callable[[Future[T]], Any]) -> None:
        """Call ``callback(future)`` when the result is there; at once, if it is."""
        if self._done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def then(self, callback: Callable[[Future[T]], Any]) -> Future[Any]:
        """The future of ``callback(future)``."""
        after: Future[Any] = Future()

        def run(done: Future[T]) -> None:
            try:
                result = callback(done)
            except Exception as error:
                after.set_exception(error)
            else:
                after.set_result(result)

        self.add_done_callback(run)
        return after


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future of all of them, which is there when the last one is."""
    together: Future[list[Future[Any]]] = Future()

    def count(_: Any) -> None:
        if not together.done() and all(future.done() for future in futures):
            together.set_result(futures)

    for future in futures:
        future.add_done_callback(count)
    if not futures:
        together.set_result(futures)
    return together


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The results of all of them."""
    return [future.wait() for future in futures]
