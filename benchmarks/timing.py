"""How things are timed here: in one process, in turns, the best of many, and compared as ratios.

Machines drift: clocks change, neighbours come and go. So the competitors take turns within one run,
each round times all of them, and what counts is the ratio of their best times.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers import OTHERS, Peers

Work = Callable[[], object]


@dataclass
class Case:
    """Something to be timed: the same work for each library.

    Attributes
    ----------
    name : str
        What a table calls it.
    torch : callable
        Takes a library with PyTorch's interface, PyTorch or minigrad, and returns the work.
    others : dict, optional
        The same for libraries with another interface, by the names that `peers` has for them: takes
        the library and returns the work, compiled already.
    flops : float, optional
        How many floating-point operations its matrix products have.
    extra : dict
        Other work to compare with, by name.
    alone : bool
        Only minigrad can do it.
    """

    name: str
    torch: Callable[[Any], Work]
    others: dict[str, Callable[[Any], Work]] = field(default_factory=dict)
    flops: float | None = None
    extra: dict[str, Work] = field(default_factory=dict)
    alone: bool = False


@dataclass
class Row:
    """A case, timed."""

    name: str
    times: dict[str, float]  # in seconds
    flops: float | None = None

    def ratio(self, peer: str) -> float | None:
        """How many times as fast minigrad is as a peer."""
        return self.times[peer] / self.times["minigrad"] if peer in self.times else None


def best_times(
    competitors: dict[str, Work], seconds: float = 1.0, rounds: int = 15
) -> dict[str, float]:
    """The best time of each competitor, in seconds for one call.

    Parameters
    ----------
    competitors : dict
        A function for each name; all do the same work.
    seconds : float
        About how long to measure, for each.
    rounds : int
        How many turns each gets (fewer if one call takes long).
    """
    gc.collect()
    gc.freeze()  # what is there already: each turn collects what came since, in no time
    calls, turns = {}, rounds
    for name, work in competitors.items():
        work()  # warm up: lazy imports, first allocations
        once = max(min(_time(work, 1), _time(work, 1)), 1e-9)
        if once < 1e-3:  # so short that a single call says little
            once = _time(work, 20)
        calls[name] = max(1, int(seconds / rounds / once))
        turns = min(turns, max(3, int(seconds / once)))
    best = dict.fromkeys(competitors, float("inf"))
    for _ in range(turns):
        for name, work in competitors.items():
            best[name] = min(best[name], _time(work, calls[name]))
    gc.unfreeze()
    return best


def _time(work: Work, calls: int) -> float:
    gc.collect()
    for _ in range(calls // 20):  # whoever had the turn before has left his data in the caches
        work()
    repeat = range(calls)
    start = time.perf_counter()
    for _ in repeat:
        work()
    return (time.perf_counter() - start) / calls


def measure(case: Case, peers: Peers, seconds: float) -> Row:
    """Time a case with every library that can do it."""
    works = {
        name: case.torch(library)
        for name, library in peers.torch_like.items()
        if name == "minigrad" or not case.alone
    }
    for name, make in case.others.items():
        if name in peers.others:
            works[name] = make(peers.others[name])
    works.update(case.extra)
    return Row(case.name, best_times(works, seconds), case.flops)


def progress(text: str = "") -> None:
    """Show what was done last, in place of what was shown before; nothing without a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------------------
# Tables
# ------------------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """A time with three digits and a unit."""
    factor, unit = (1e6, "us") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1, "s")
    value = seconds * factor
    return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"


def geometric_mean(values: Sequence[float]) -> float:
    """The mean for ratios."""
    product = 1.0
    for value in values:
        product *= value ** (1 / len(values))
    return product


def table(rows: Sequence[Row], peak: float | None = None) -> str:
    """A Markdown table; a ratio above 1 says how many times as fast minigrad is.

    `peak`, in operations a second, adds minigrad's share of what the machine can do.
    """
    found = dict.fromkeys([name for row in rows for name in row.times if name != "minigrad"])
    names = [*[name for name in ("PyTorch", *OTHERS) if name in found],
             *[name for name in found if name not in ("PyTorch", *OTHERS)]]  # fmt: skip
    with_peak = peak is not None and any(row.flops for row in rows)
    head = ["work", "minigrad"]
    for name in names:
        head += [name, "ratio"]
    head += ["of peak"] if with_peak else []
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        cells = [row.name, duration(row.times["minigrad"])]
        for name in names:
            ratio = row.ratio(name)
            cells += ["", ""] if ratio is None else [duration(row.times[name]), f"{ratio:.2f}"]
        if with_peak:
            share = row.flops / row.times["minigrad"] / peak if row.flops and peak else None
            cells.append("" if share is None else f"{share:.0%}")
        lines.append(f"| {' | '.join(cells)} |")
    for name in names:
        ratios = [r for row in rows if (r := row.ratio(name)) is not None]
        if len(ratios) > 1:
            lines.append(
                f"\nAgainst {name}: geometric mean {geometric_mean(ratios):.2f}, least "
                f"{min(ratios):.2f}, ahead on {sum(r > 1 for r in ratios)} of {len(ratios)} lines."
            )
    return "\n".join(lines)
