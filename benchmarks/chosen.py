"""The table of the README: a few lines of the others, from the smallest work to the largest."""

from __future__ import annotations

from benchmarks import blocks, recurrent, small
from benchmarks.timing import Case

NAMES = (
    "a * b", "a.sum()", "a @ b", "(a * b).sum().backward()", "hello -> ohlol, 15 epochs",
    "loop over LSTMCell, T=20 N=1 H=64, with Adam", "loop over GRUCell, T=20 N=32 H=128, with Adam",
    "CrossEntropyLoss and backward, N=1024 C=50", "Adam step, 100000 numbers in 8 tensors",
)  # fmt: skip
SIZES: tuple[recurrent.Size, ...] = (
    (5, 1, 4, 4), (200, 1, 32, 64), (50, 32, 32, 64), (100, 32, 128, 128), (100, 64, 512, 512),
)  # fmt: skip


def cases() -> list[Case]:
    """Small things by name, then training steps of all layers, size by size, and one inference."""
    found = {case.name: case for case in (*small.cases(), *blocks.cases())}
    layers = {case.name: case for case in recurrent.grid(SIZES)}
    steps = [recurrent.label(kind, "training step", size)
             for size in SIZES for kind in ("RNN", "GRU", "LSTM")]  # fmt: skip
    last = recurrent.label("LSTM", "inference", SIZES[-1])
    return [*(found[name] for name in NAMES), *(layers[name] for name in (*steps, last))]
