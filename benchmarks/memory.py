"""Peak memory of a training step, measured in a process of its own for each library.

    python -m benchmarks.memory LIBRARY KIND T N I H

prints by how many MB the process grew, at its largest, over what it had before the first step.
"""

from __future__ import annotations

import importlib
import subprocess
import sys

Size = tuple[int, int, int, int]


def _peak() -> float:
    """The largest resident size of this process so far, in MB (Linux)."""
    with open("/proc/self/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    raise OSError("no VmHWM in /proc/self/status")


def training_step(library: str, kind: str, size: Size) -> float:
    """By how many MB two training steps raise the peak."""
    torch = importlib.import_module(library)
    if hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)
    steps, batch, inputs, hidden = size
    small = getattr(torch.nn, kind)(4, 4)
    small(torch.zeros(2, 2, 4))[0].sum().backward()  # imports, pools, code
    layer = getattr(torch.nn, kind)(inputs, hidden)
    x = torch.randn(steps, batch, inputs)
    before = _peak()
    for _ in range(2):
        layer.zero_grad()
        layer(x)[0].sum().backward()
    return _peak() - before


def megabytes(library: str, kind: str, size: Size) -> float:
    """The same, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", library, kind, *map(str, size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[0])


if __name__ == "__main__":
    name, kind_, *numbers = sys.argv[1:]
    t, n, i, h = map(int, numbers)
    print(f"{training_step(name, kind_, (t, n, i, h)):.1f} MB")
