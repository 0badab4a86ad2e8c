"""The cost of the graph: small operations, backward, cells in a loop, and the hello example.

Nothing here is large enough for arithmetic to matter: it is Python, and the engine's bookkeeping.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.timing import Case, Work

HELLO, OHLOL = [1, 0, 2, 2, 3], [3, 1, 2, 3, 2]  # indices into "ehlo"


def hello(torch: Any, epochs: int = 15) -> Callable[[], float]:
    """The training loop of ``examples/01_hello_ohlol.py``, without the printing."""
    nn, optim = torch.nn, torch.optim

    class Model(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.RNNCell(4, 4)

        def forward(self, x, h):  # type: ignore[no-untyped-def]
            return self.cell(x, h)

    inputs = torch.eye(4)[torch.tensor(HELLO)].view(-1, 1, 4)
    labels = torch.tensor(OHLOL).view(-1, 1)

    def run() -> float:
        torch.manual_seed(3)
        model, criterion = Model(), nn.CrossEntropyLoss()
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        for _ in range(epochs):
            loss, hidden, predicted = 0, torch.zeros(1, 4), []
            optimizer.zero_grad()
            for x, label in zip(inputs, labels):
                hidden = model(x, hidden)
                loss += criterion(hidden, label)
                _, index = hidden.max(dim=1)
                predicted.append("ehlo"[index.item()])
            loss.backward()  # type: ignore[attr-defined]
            optimizer.step()
        return loss.item()  # type: ignore[attr-defined]

    return run


def operations(torch: Any) -> dict[str, Work]:
    """Single operations on small tensors."""
    torch.manual_seed(0)
    a, b = torch.rand(3, 4), torch.rand(3, 4)
    p, q = torch.rand(3, 4, requires_grad=True), torch.rand(3, 4, requires_grad=True)
    square = torch.rand(4, 4)

    def backward() -> None:
        p.grad = q.grad = None
        (p * q).sum().backward()

    return {
        "a * b": lambda: a * b,
        "a * b, recorded": lambda: p * q,
        "a + 1.0, recorded": lambda: p + 1.0,
        "tanh(a)": lambda: torch.tanh(a),
        "a.sum()": lambda: a.sum(),
        "a @ b": lambda: square @ square,
        "a[1]": lambda: a[1],
        "(a * b).sum().backward()": backward,
    }


def cell_loop(torch: Any, kind: str, batch: int, hidden: int, steps: int = 20) -> Work:
    """A loop over a cell with a loss at each step, one backward, one step of Adam."""
    torch.manual_seed(0)
    cell = getattr(torch.nn, kind)(hidden, hidden)
    criterion = torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(cell.parameters(), lr=1e-3)
    inputs = torch.randn(steps, batch, hidden)
    labels = torch.randint(0, hidden, (steps, batch))

    def run() -> None:
        h = torch.zeros(batch, hidden)
        state = (h, h) if kind == "LSTMCell" else h
        loss = 0
        adam.zero_grad()
        for x, label in zip(inputs, labels):
            state = cell(x, state)
            loss = loss + criterion(state[0] if kind == "LSTMCell" else state, label)
        loss.backward()  # type: ignore[attr-defined]
        adam.step()

    return run


def cases() -> list[Case]:
    """Everything here."""
    import minigrad

    found = []
    for name in operations(minigrad):

        def make(torch: Any, name: str = name) -> Work:
            return operations(torch)[name]

        found.append(Case(name, make))
    found.append(Case("hello -> ohlol, 15 epochs", hello))
    for kind in ("RNNCell", "LSTMCell", "GRUCell"):
        for batch, hidden in ((1, 8), (1, 64), (32, 32), (32, 128)):

            def loop(
                torch: Any, kind: str = kind, batch: int = batch, hidden: int = hidden
            ) -> Work:
                return cell_loop(torch, kind, batch, hidden)

            found.append(Case(f"loop over {kind}, T=20 N={batch} H={hidden}, with Adam", loop))
    return found


def import_cost(repeats: int = 7) -> tuple[float, float]:
    """Best import times in seconds of NumPy alone, and of minigrad with it."""
    # bytecode as after any first run; without it Python would time its own compiler
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    best = {"numpy": float("inf"), "minigrad": float("inf")}
    for _ in range(repeats):
        for name in best:
            done = subprocess.run(
                [sys.executable, "-c", code.format(name)],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            best[name] = min(best[name], float(done.stdout))
    return best["numpy"], best["minigrad"]
