"""`Work`: a call that is under way, what functions return with ``async_op=True``.

A collective call has two parts: a `Check` that all ranks make the same one, and the exchange of
data. A check is begun at once. The data of a call may only be sent when its check was good, and in
the order in which the calls were made, which is the same on all ranks: so a group keeps what has
not begun in a queue, and whoever waits for one of them first begins all that stand before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .checks import Check
from .mpi import wait

__all__ = ["Work"]


class Work:
    """A call that is under way: `wait` for it before you read its results.

    Examples
    --------
    >>> import minigrad.distributed as dist
    >>> work = dist.all_reduce(x, async_op=True)  # doctest: +SKIP
    >>> work.wait()  # doctest: +SKIP
    True
    """

    is_collective = False

    def __init__(self, group: Any, what: Callable[[], str]) -> None:
        self.group = group
        self._what = what
        self._is_finished = False
        self._error: BaseException | None = None

    def _advance(self) -> bool:
        """Do what can be done without waiting; whether it is done."""
        raise NotImplementedError

    def is_completed(self) -> bool:
        """Whether the call is done, and its results can be read."""
        if not self._is_finished and self._error is None:
            try:
                self._is_finished = self._advance()
            except RuntimeError as error:
                self._error = error
        return self._is_finished or self._error is not None

    def is_success(self) -> bool:
        """Whether it is done, without an error."""
        return self.is_completed() and self._error is None

    def exception(self) -> BaseException | None:
        """The error that it ended with."""
        return self._error

    def wait(self, timeout: Any = None) -> bool:
        """Return True when the call is done.

        Raises
        ------
        RuntimeError
            The ranks do not agree in what they do, or it took longer than the group's time limit.
        """
        seconds = self.group.timeout if timeout is None else timeout.total_seconds()
        wait(self.is_completed, seconds, self._what)
        if self._error is not None:
            raise self._error
        return True


class Collective(Work):
    """A collective call.

    Parameters
    ----------
    group, call, arguments
        As a `Check` has them.
    start : callable
        Begins the exchange; returns MPI's request, or a list of several.
    finish : callable
        Puts the results where they belong.
    """

    is_collective = True

    def __init__(
        self, group: Any, call: str, arguments: dict[str, str],
        start: Callable[[], Any], finish: Callable[[], None],
    ) -> None:  # fmt: skip
        self.check = Check(group, call, arguments)
        super().__init__(group, self.check.__str__)
        self._start, self._finish = start, finish
        self._requests: list[Any] | None = None
        group.queue.append(self)
        group.keep(self)

    def begin(self) -> bool:
        """Begin the exchange, if the check is done; whether this one stands in no one's way."""
        if not self.check.is_done():
            return False
        try:
            self.check.verify()
            requests = self._start()
            self._requests = requests if isinstance(requests, list) else [requests]
        except Exception as error:
            self._error = error
        return True

    def _advance(self) -> bool:
        queue = self.group.queue
        while queue and queue[0].begin():
            queue.popleft()
        if self._error is not None:
            raise self._error
        if self._requests is None or not all([r.Test() for r in self._requests]):
            return False
        self._finish()
        return True
