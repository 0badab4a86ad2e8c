"""Finding loops in a list of operations: the step of a recurrence, again and again.

    for x in xs:            M A T  M A T  M A T ...
        h = tanh(W x + h)

Two operations are the same step's if they are of one kind, and if their inputs are: the same one
(a weight), or what stands at the same distance before (within a step, or in the step before), or
another one from outside the loop at every step (x), but no parameter: that is another layer. In the
first step, what others take from the step before may come from anywhere (h0).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["PARAMETER", "Run", "Source", "runs"]

FEWEST = 3  # steps that are worth folding
LONGEST = 300  # operations in a step
PARAMETER = "parameter"  # the `output` of leaves that are parameters


class Source(NamedTuple):
    """Where an input comes from: output `output` of the operation number `place`; -1: a leaf."""

    place: int
    output: Hashable
    leaf: Hashable = None


class Run(NamedTuple):
    """A loop: `times` steps of `period` operations, beginning with number `start`."""

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        """The number behind its last."""
        return self.start + self.period * self.times


def runs(kinds: Sequence[Hashable], inputs: Sequence[Sequence[Source | None]]) -> list[Run]:
    """The loops in a list of operations, which do not overlap, in order.

    Parameters
    ----------
    kinds : sequence of hashable
        What must be equal for two operations to be the same.
    inputs : sequence of sequences of Source or None
        For each operation; all places are smaller than its own.

    Examples
    --------
    >>> def step(k):  # of h = tanh(h * w)
    ...     return [[Source(k - 1, 0) if k else None, Source(-1, 0, "w")], [Source(k, 0)]]
    >>> runs(["mul", "tanh"] * 5 + ["sum"], [i for k in range(0, 10, 2) for i in step(k)] + [[]])
    [Run(start=0, period=2, times=5)]
    """
    numbers = {kind: k for k, kind in enumerate(dict.fromkeys(kinds))}
    codes = np.array([numbers[kind] for kind in kinds])
    found: list[Run] = []
    taken = np.zeros(len(codes), bool)
    for start, stop, period in _alike(codes):
        for at, end in _free(taken, start, stop):
            while at + FEWEST * period <= end:
                reached = _matched(inputs, at, end, period)
                times = (reached - at) // period
                if times < FEWEST:
                    at = max(at + 1, reached - 2 * period + 1)
                    continue
                # what is left over came before the first step
                found.append(Run(at + (reached - at) % period, period, times))
                taken[found[-1].start : reached] = True
                at = reached
    return sorted(found)


def _free(taken: np.ndarray, start: int, stop: int) -> list[tuple[int, int]]:
    """From where to where, between `start` and `stop`, nothing is taken."""
    free = np.concatenate([[False], ~taken[start:stop], [False]])
    edges = np.flatnonzero(free[1:] != free[:-1]) + start
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def _alike(codes: np.ndarray) -> list[tuple[int, int, int]]:
    """(start, stop, period) of all that repeats as far as kinds go, the longest first."""
    found = []
    for period in range(1, min(LONGEST, len(codes) // FEWEST) + 1):
        same = np.concatenate([[False], codes[:-period] == codes[period:], [False]])
        edges = np.flatnonzero(same[1:] != same[:-1])
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist()):
            if stop - start >= (FEWEST - 1) * period:
                found.append((start, stop + period, period))
    return sorted(found, key=lambda entry: (entry[0] - entry[1], entry[2]))


def _matched(inputs: Sequence[Sequence[Source | None]], start: int, stop: int, period: int) -> int:
    """How far the operations from `start` on repeat, by their inputs too."""
    relations: dict[tuple[int, int], str] = {}  # of each input of the step
    for k in range(start, stop - period):
        first, second = inputs[k], inputs[k + period]
        if len(first) != len(second):
            return k + period
        for position, (a, b) in enumerate(zip(first, second)):
            relation = _relation(a, b, start, period)
            if relation == "begins" and k < start + period:
                continue
            known = relations.setdefault(((k - start) % period, position), relation)
            if relation in ("begins", "unlike") or relation != known:
                return k + period
    return stop


def _relation(a: Source | None, b: Source | None, start: int, period: int) -> str:
    """How an input of one step of the loop that begins at `start` and that of the next differ.

    "same": not at all. "moved": each is from the same place in its own step, or in the one before.
    "other": both are from outside. "begins": only the later is from inside.
    """
    if a == b:
        return "same"
    if b is not None and b.place >= start:
        if a is None or a.place < start:
            return "begins"
        return "moved" if (a.output, a.place + period) == (b.output, b.place) else "unlike"
    if a is None or b is None or a.place >= start or PARAMETER in (a.output, b.output):
        return "unlike"
    return "other"
