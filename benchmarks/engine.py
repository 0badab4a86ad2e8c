"""The cost of the graph: small operations, backward, and the whole hello -> ohlol training loop.

    python -m benchmarks.engine [--seconds 1.0] [--quick]

Runs the same functions on minigrad and, if it is installed, on PyTorch with one thread, in turns in
one process, and prints a Markdown table; a ratio above 1 means that minigrad is faster. Last comes
what importing minigrad costs on top of importing NumPy, each import in a fresh interpreter.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

from benchmarks.timing import best_times, libraries, table, versions

HELLO, OHLOL = [1, 0, 2, 2, 3], [3, 1, 2, 3, 2]  # indices into "ehlo"


def hello(torch: ModuleType, epochs: int = 15) -> Callable[[], float]:
    """The training loop of ``examples/01_hello_ohlol.py``, without the printing."""
    nn, optim = torch.nn, torch.optim

    class Model(nn.Module):  # type: ignore[name-defined, misc]
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
        return float(loss)

    return run


def works(torch: ModuleType) -> dict[str, Callable[[], object]]:
    """Everything that is timed, by name."""
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
        "hello -> ohlol, 15 epochs": hello(torch),
    }


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


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="per line and library (1.0)")
    parser.add_argument("--quick", action="store_true", help="a tenth of a second per line")
    options = parser.parse_args(argv)
    seconds = 0.1 if options.quick else options.seconds

    peers = libraries()
    sets = {name: works(library) for name, library in peers.items()}
    rows = []
    for work in sets["minigrad"]:
        rows.append((work, best_times({name: s[work] for name, s in sets.items()}, seconds)))
        print(f"measured {work}", file=sys.stderr)
    print(f"{versions(peers)}\n")
    print(table(rows, "minigrad", "PyTorch"))
    numpy_alone, with_minigrad = import_cost()
    print(
        f"\nimport: NumPy {numpy_alone * 1e3:.0f} ms, minigrad {with_minigrad * 1e3:.0f} ms: "
        f"{(with_minigrad - numpy_alone) * 1e3:.0f} ms on top"
    )


if __name__ == "__main__":
    main()
