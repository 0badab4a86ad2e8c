"""`progress`: shows how far a loop is, how fast, how long it will take, and numbers such as a loss.

The bar is tqdm's where that package is installed, else a line of text that is written anew. Where
nobody watches (the output is a file or a pipe) nothing is written at all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, TextIO, TypeVar

__all__ = ["Progress", "progress"]

Item = TypeVar("Item")
EVERY = 0.1  # seconds between two lines


class Progress(Generic[Item]):
    """What `progress` returns: a loop goes over it, and `show` gives it numbers to show.

    Attributes
    ----------
    total : int or None
        How many turns there will be, if that is known.
    done : int
        How many there have been.
    numbers : dict of str to float
        What was shown last.
    """

    def __init__(
        self, iterable: Iterable[Item], description: str, total: int | None, file: TextIO
    ) -> None:
        self.iterable, self.description, self.total = iterable, description, total
        self.done = 0
        self.numbers: dict[str, float] = {}
        self._file = file
        self._bar: Any = None
        self._begun = self._written = 0.0
        self._width = 0

    def __len__(self) -> int:
        if self.total is None:
            raise TypeError("progress: how many turns there will be is not known; give total=")
        return self.total

    def __iter__(self) -> Iterator[Item]:
        self.done, self.numbers = 0, {}
        self._begun = time.monotonic()
        self._written = self._begun - EVERY
        style = _style(self._file)
        if style == "tqdm":
            named = self.description or None
            self._bar = _tqdm()(total=self.total, desc=named, file=self._file, dynamic_ncols=True)
        try:
            for item in self.iterable:
                yield item
                self.done += 1
                if style == "tqdm":
                    self._bar.update()
                elif style == "line":
                    self._write()
        finally:
            if style == "tqdm":
                self._bar.close()
                self._bar = None
            elif style == "line":
                self._write(last=True)

    def show(self, **numbers: Any) -> None:
        """Show these numbers beside the bar from now on.

        Parameters
        ----------
        **numbers : float or Tensor of one element
            Such as ``loss=loss``. A tensor's value is read at once, and its graph let go.

        Raises
        ------
        TypeError
            One is no number.
        """
        for name, value in numbers.items():
            try:
                self.numbers[name] = float(value)
            except (TypeError, ValueError):
                got = type(value).__name__
                raise TypeError(f"show: {name} must be a number, got {got}") from None
        if self._bar is not None:
            self._bar.set_postfix_str(self._shown(), refresh=False)

    def write(self, text: str) -> None:
        """Print a line while the loop runs: above the bar, where there is one.

        Parameters
        ----------
        text : str
            What `print` would be given; it goes to ``sys.stdout`` in any case.
        """
        if self._bar is not None:
            self._bar.write(text)
            return
        if self._width:
            self._file.write("\r" + " " * self._width + "\r")
            self._file.flush()
            self._written -= EVERY  # the bar comes back at the next turn
        print(text, flush=bool(self._width))

    def _shown(self) -> str:
        return ", ".join(f"{name}={value:.4g}" for name, value in self.numbers.items())

    def _write(self, last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self._written < EVERY:
            return
        self._written = now
        text = line(self.done, self.total, now - self._begun, self.description, self._shown())
        self._width = max(self._width, len(text))  # so that a longer line before is covered
        self._file.write("\r" + text.ljust(self._width) + ("\n" if last else ""))
        self._file.flush()
        if last:
            self._width = 0


def progress(
    iterable: Iterable[Item],
    description: str = "",
    total: int | None = None,
    file: TextIO | None = None,
) -> Progress[Item]:
    """Show how far a loop is.

    Parameters
    ----------
    iterable : iterable
        What the loop goes over: a `DataLoader`, a range, ...
    description : str
        What stands in front.
    total : int, optional
        How many turns there will be. Default: ``len(iterable)``, if it has a length; otherwise the
        time left is not shown.
    file : text file, optional
        Where to write. Default: ``sys.stderr``. Nothing is written if it is not a terminal (nor a
        notebook's).

    Returns
    -------
    Progress
        To iterate over; its ``show(loss=loss)`` adds numbers to the line, its ``write(text)``
        prints a line above it.

    Examples
    --------
    ::

        for epoch in range(10):
            batches = progress(loader, f"epoch {epoch}")
            for x, y in batches:
                loss = step(x, y)
                batches.show(loss=loss)

    shows ``epoch 3:  62% 62/100, 41.3/s, 0:01 left, loss=0.3127``.

    >>> from minigrad.utils import progress
    >>> [2 * k for k in progress(range(3))]
    [0, 2, 4]
    """
    if total is None:
        try:
            total = len(iterable)  # type: ignore[arg-type]
        except TypeError:
            total = None  # a generator, or a data set that does not know
    return Progress(iterable, description, total, sys.stderr if file is None else file)


def line(done: int, total: int | None, seconds: float, description: str, numbers: str) -> str:
    """The line without tqdm.

    Examples
    --------
    >>> line(62, 100, 1.5, "epoch 3", "loss=0.31")
    'epoch 3:  62% 62/100, 41.3/s, 0:01 left, loss=0.31'
    >>> line(5, None, 20.0, "", "")
    '5, 0.25/s, 0:20 so far'
    """
    rate = done / seconds if seconds > 0 else 0.0
    parts = [f"{100 * done // total:3d}% {done}/{total}" if total else f"{done}"]
    if rate:
        parts.append(f"{rate:.3g}/s")
    if total and done < total and rate:
        parts.append(f"{_clock((total - done) / rate)} left")
    else:
        parts.append(f"{_clock(seconds)} so far")
    parts += [numbers] if numbers else []
    return (f"{description}: " if description else "") + ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _style(file: Any) -> str:
    """How to show it: "tqdm", "line" or "" for not at all."""
    watched = getattr(file, "isatty", lambda: False)() or _is_notebook(file)
    if not watched:
        return ""
    return "tqdm" if find_spec("tqdm") is not None else "line"


def _is_notebook(file: Any) -> bool:
    """Whether what is written is shown below a notebook's cell, which calls itself no terminal."""
    return type(file).__module__.partition(".")[0] == "ipykernel"


def _tqdm() -> Any:
    return import_module("tqdm.auto").tqdm
