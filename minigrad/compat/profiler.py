"""`torch.profiler`: where time goes. Here blocks can be named, and their times added up.

What is timed are the blocks that a script names with `record_function`, by the clock on the wall,
not single operations: for those use a profiler of Python, such as ``python -m cProfile``.
"""

from __future__ import annotations

import enum
import functools
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .no_effect import not_here, say_once

__all__ = [
    "EventList", "ProfilerAction", "ProfilerActivity", "emit_nvtx", "kineto_available",
    "profile", "record_function", "schedule", "supported_activities",
    "tensorboard_trace_handler",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
_WHY = "only blocks named with record_function are timed; for operations use python -m cProfile"
_running: list[profile] = []


class ProfilerActivity(enum.Enum):
    """What is profiled: names only."""

    CPU, CUDA, XPU = 0, 1, 2


class ProfilerAction(enum.Enum):
    """What a schedule asks for in a step: names only."""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE = 0, 1, 2, 3


class EventList(list[Any]):
    """The rows of a profile, a name with its calls and its seconds each, longest first."""

    def table(self, sort_by: Any = None, row_limit: int = 100, **options: Any) -> str:
        """The rows as text."""
        lines = [f"{'Name':<32}{'Calls':>8}{'Total':>12}"]
        lines += [f"{name:<32}{calls:>8}{total:>11.6f}s" for name, calls, total in self[:row_limit]]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()


class profile:
    """A ``with`` block in which blocks named with `record_function` are timed.

    Parameters
    ----------
    activities, schedule, on_trace_ready and more : optional
        Without effect, but for `on_trace_ready`, which is called with the profile at the end.

    Examples
    --------
    >>> from minigrad.compat.profiler import profile, record_function
    >>> import warnings; warnings.simplefilter("ignore")
    >>> with profile() as times, record_function("forward"):
    ...     pass
    >>> [(name, calls) for name, calls, seconds in times.key_averages()]
    [('forward', 1)]
    """

    def __init__(
        self, activities: Iterable[Any] | None = None, *, schedule: Any = None,
        on_trace_ready: Callable[[Any], Any] | None = None, **options: Any,
    ) -> None:  # fmt: skip
        say_once("torch.profiler.profile", _WHY)
        self.on_trace_ready = on_trace_ready
        self.seconds: dict[str, list[float]] = {}

    def start(self) -> None:
        """Begin."""
        _running.append(self)

    def stop(self) -> None:
        """End, and call ``on_trace_ready``."""
        _running.remove(self)
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def step(self) -> None:
        """Say that a step is over: nothing depends on it."""

    def key_averages(self, *args: Any, **kwargs: Any) -> EventList:
        """The rows: name, how often, seconds in all."""
        rows = [(name, len(times), sum(times)) for name, times in self.seconds.items()]
        return EventList(sorted(rows, key=lambda row: -row[2]))

    def export_chrome_trace(self, path: str) -> None:
        """Raise NotImplementedError: single operations are not timed."""
        raise NotImplementedError(f"profile.export_chrome_trace: {_WHY}")


class record_function:
    """A ``with`` block, or a decorator, with a name.

    Parameters
    ----------
    name : str
    args : optional
        Without effect.
    """

    def __init__(self, name: str, args: Any = None) -> None:
        self.name = name
        self._begun = 0.0

    def __enter__(self) -> record_function:
        self._begun = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        for running in _running:
            running.seconds.setdefault(self.name, []).append(time.perf_counter() - self._begun)

    def __call__(self, func: F) -> F:
        @functools.wraps(func)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return func(*args, **kwargs)

        return named  # type: ignore[return-value]


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, **options: Any
) -> Callable[[int], ProfilerAction]:
    """Which steps to profile: all, as `profile` does not ask."""
    return lambda step: ProfilerAction.RECORD


def kineto_available() -> bool:
    """False: that is PyTorch's own profiler of operations."""
    return False


def supported_activities() -> set[ProfilerActivity]:
    """The CPU."""
    return {ProfilerActivity.CPU}


def tensorboard_trace_handler(dir_name: str, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
    """A function that does nothing: there is no trace to be shown."""
    return lambda profile: None


emit_nvtx = not_here("torch.autograd.profiler.emit_nvtx", "it names operations on GPUs", "GPUs")
