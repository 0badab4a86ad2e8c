"""A whole script: a character-level language model, one epoch, on the standard library's own text.

    python -m benchmarks.language_model LIBRARY     with minigrad or torch as LIBRARY

An embedding, two layers of LSTM with 256 units, a linear output; batches of 32 streams, cut into
pieces of 64 steps through which gradients flow, clipping, Adam. The text, about 700 KB, is that of
``pydoc_data.topics``. It prints how long the epoch took and the last loss; `seconds` is what other
benchmarks call: it runs this file in a process of its own.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pydoc_data import topics

BATCH, STEPS, HIDDEN, WIDTH = 32, 64, 256, 64


def train(library: str, pieces: int | None = None, threads: int = 1) -> tuple[float, float]:
    """One epoch, or its first `pieces`: seconds (of all, data and model too) and the last loss."""
    start = time.perf_counter()
    torch = importlib.import_module(library)
    if hasattr(torch, "set_num_threads"):
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    text = "".join(topics.topics.values())
    letters = sorted(set(text))
    numbers = {letter: k for k, letter in enumerate(letters)}
    data = torch.tensor([numbers[letter] for letter in text])
    streams = data[: len(data) // BATCH * BATCH].view(BATCH, -1).t()  # (steps, BATCH)

    embedding = torch.nn.Embedding(len(letters), WIDTH)
    lstm = torch.nn.LSTM(WIDTH, HIDDEN, num_layers=2)
    output = torch.nn.Linear(HIDDEN, len(letters))
    parameters = [p for m in (embedding, lstm, output) for p in m.parameters()]
    adam = torch.optim.Adam(parameters, lr=2e-3)
    criterion = torch.nn.CrossEntropyLoss()
    state, value = None, float("nan")
    for piece, begin in enumerate(range(0, len(streams) - 1 - STEPS, STEPS)):
        if piece == pieces:
            break
        x, y = streams[begin : begin + STEPS], streams[begin + 1 : begin + 1 + STEPS]
        if state is not None:
            state = tuple(s.detach() for s in state)
        hidden, state = lstm(embedding(x), state)
        logits = output(hidden)
        loss = criterion(logits.reshape(-1, len(letters)), y.reshape(-1))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        value = loss.item()
    return time.perf_counter() - start, value


def seconds(library: str, pieces: int | None = None) -> float:
    """The same in a process of its own, imports and data loading included."""
    command = [sys.executable, "-m", "benchmarks.language_model", library]
    command += [] if pieces is None else [str(pieces)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else None
    took, last = train(sys.argv[1] if len(sys.argv) > 1 else "minigrad", limit)
    print(f"{took:.2f} s, last loss {last:.4f}")
