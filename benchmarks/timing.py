"""How things are timed here: in one process, in turns, the best of many, and compared as ratios.

Machines drift: clocks change, neighbours come and go. So the competitors take turns within one run,
each round times all of them, and what counts is the ratio of their best times.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from types import ModuleType

Work = Callable[[], object]


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
        How many turns each gets.
    """
    calls = {}
    for name, work in competitors.items():
        work()  # warm up: caches, lazy imports, first allocations
        calls[name] = max(1, int(seconds / rounds / max(_time(work, 3), 1e-9)))
    best = dict.fromkeys(competitors, float("inf"))
    for _ in range(rounds):
        for name, work in competitors.items():
            best[name] = min(best[name], _time(work, calls[name]))
    return best


def _time(work: Work, calls: int) -> float:
    gc.collect()
    repeat = range(calls)
    start = time.perf_counter()
    for _ in repeat:
        work()
    return (time.perf_counter() - start) / calls


def libraries() -> dict[str, ModuleType]:
    """minigrad, and PyTorch with one thread if it is installed."""
    import minigrad

    found: dict[str, ModuleType] = {"minigrad": minigrad}
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: minigrad's times only (pip install -e '.[bench]')\n")
    else:
        torch.set_num_threads(1)
        found["PyTorch"] = torch
    return found


def versions(found: dict[str, ModuleType]) -> str:
    """What was measured, in one line."""
    names = ", ".join(f"{name} {library.__version__}" for name, library in found.items())
    return f"{names}; kernels {found['minigrad']._kernels.level}"


def table(rows: list[tuple[str, dict[str, float]]], ours: str, peer: str) -> str:
    """A Markdown table of times in microseconds, and how many times as fast we are as the peer."""
    lines = [f"| work | {ours} | {peer} | ratio |", "|---|---:|---:|---:|"]
    for name, times in rows:
        us = times[ours] * 1e6
        them = f"{times[peer] * 1e6:.2f} us" if peer in times else "not installed"
        ratio = f"{times[peer] / times[ours]:.2f}" if peer in times else ""
        lines.append(f"| {name} | {us:.2f} us | {them} | {ratio} |")
    return "\n".join(lines)
