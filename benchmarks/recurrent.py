"""Recurrent layers: forward alone, and forward with backward, from toy size to hidden size 512.

    python -m benchmarks.recurrent [--seconds 1.0] [--quick]

Both libraries run the same layer on the same sizes with one thread, in turns in one process. A
training step here is ``layer(x)``, a sum, and ``backward()`` to all parameters.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from types import ModuleType

from benchmarks.timing import best_times, libraries, table, versions

SIZES = (  # (T, N, I, H): steps, batch, input size, hidden size
    (5, 1, 4, 4), (200, 1, 32, 64), (20, 16, 32, 32), (35, 7, 13, 50), (50, 32, 32, 64),
    (100, 32, 128, 128), (50, 64, 256, 256), (100, 64, 512, 512),
)  # fmt: skip


def works(torch: ModuleType, size: tuple[int, int, int, int]) -> dict[str, Callable[[], object]]:
    """Forward and training step of one layer of one size."""
    steps, batch, inputs, hidden = size
    torch.manual_seed(0)
    layer = torch.nn.RNN(inputs, hidden)
    x = torch.randn(steps, batch, inputs)

    def forward() -> None:
        with torch.no_grad():
            layer(x)

    def training_step() -> None:
        for parameter in layer.parameters():
            parameter.grad = None
        output, _ = layer(x)
        output.sum().backward()

    return {"forward": forward, "training step": training_step}


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="per line and library (1.0)")
    parser.add_argument("--quick", action="store_true", help="a tenth of a second per line")
    options = parser.parse_args(argv)
    seconds = 0.1 if options.quick else options.seconds
    peers = libraries()
    rows = []
    for size in SIZES:
        sets = {name: works(library, size) for name, library in peers.items()}
        for work in sets["minigrad"]:
            name = "RNN {}, T={} N={} I={} H={}".format(work, *size)
            rows.append((name, best_times({k: s[work] for k, s in sets.items()}, seconds)))
            print(f"measured {name}", file=sys.stderr)
    print(f"{versions(peers)}\n")
    print(table(rows, "minigrad", "PyTorch"))


if __name__ == "__main__":
    main()
