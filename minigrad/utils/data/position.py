"""`Position`: follows an epoch's indices, so that another process can go on in the midst of it."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from typing import Any

__all__ = ["Position"]


class Position:
    """A place in an epoch: how many batches are left out, and which indices came before it.

    A loader asks its sampler ahead of time if there are workers. So the check sums of indices wait
    in a row until their batch is used.

    Parameters
    ----------
    skip : int
        Of so many batches the indices are drawn and left, as if the batches were used.
    base_seed : int, optional
        What seeds the workers. Default: the loader draws it.
    """

    def __init__(self, skip: int = 0, base_seed: int | None = None) -> None:
        self.skip = skip
        self.base_seed = base_seed
        self.check_sum = 0
        """Of the indices of all batches that were used, in order."""
        self._last = 0
        self._ahead: deque[int] = deque()

    def begin(self, indices: Iterator[Any]) -> _Followed:
        """`indices` from the place on. Draws those that are left out."""
        followed = _Followed(indices, self)
        for _ in range(self.skip):
            if next(followed, self) is self:
                break
            self.use()
        return followed

    def draw(self, indices: Any) -> None:
        """A batch of these `indices` was asked for."""
        self._last = zlib.crc32(repr(indices).encode(), self._last)
        self._ahead.append(self._last)

    def use(self) -> None:
        """The next batch was used."""
        if self._ahead:  # (not so for streams, whose workers give as many batches as they like)
            self.check_sum = self._ahead.popleft()


class _Followed:
    """Indices one after the other. (A generator would be at its end after an exception.)"""

    def __init__(self, indices: Iterator[Any], position: Position) -> None:
        self.indices, self.position = indices, position

    def __iter__(self) -> _Followed:
        return self

    def __next__(self) -> Any:
        indices = next(self.indices)
        self.position.draw(indices)
        return indices
