"""Regenerate ``examples.json``: what the examples print when they run on PyTorch 2.13.

    python tests/golden/make_examples.py

needs torch. Nothing but the names in the two imports is replaced, and the losses are printed with
more digits, to see on which side of rounding they are: where a loss is within 1e-6 of the edge
between two printed values, the line is stored with both. (So it is with the last line of example
01, where PyTorch itself prints one or the other, depending on the instructions its kernels use.)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).with_name("examples.json")
EXAMPLES = Path(__file__).parents[2] / "examples"
ROUNDING = 1e-6  # of float32: by this much do the losses of equal computations differ

CASES = {
    "01_hello_ohlol": [
        "",
        "--epochs 2",
        "--seed 7",
        "--lr 0.02",
        "--hidden-size 9",
    ],
    "02_hello_rnn": [
        "",
        "--epochs 2",
        "--seed 7",
        "--lr 0.02",
        "--hidden-size 9",
        "--num-layers 3",
    ],
    "03_hello_embedding": [
        "",
        "--epochs 2",
        "--seed 7",
        "--lr 0.02",
        "--embedding-size 3",
        "--hidden-size 9",
        "--num-layers 1",
    ],
    "04_bptt_by_hand": [
        "",
        "--tau 9",
        "--input-size 7",
        "--hidden-size 2",
        "--classes 11",
        "--scale 0.1",
        "--seed 5",
    ],
}


def with_torch(source: str) -> str:
    """The script with its imports of minigrad turned into imports of torch, and with more digits."""
    source = source.replace("import minigrad as torch", "import torch")
    source = source.replace("from minigrad import", "from torch import")
    return source.replace("{loss.item():.4f}", "{loss.item():.9f}")


def texts(line: str) -> list[str]:
    """The line with four digits: one text, or two if its loss is on the edge between them."""
    start, equals, loss = line.partition("] loss=")
    if not equals:
        return [line]
    near = {f"{float(loss) + change:.4f}" for change in (-ROUNDING, ROUNDING)}
    return [start + equals + digits for digits in sorted(near)]


def main() -> None:
    """Run all cases and write the file."""
    printed: dict[str, dict[str, list[list[str]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, all_options in CASES.items():
            script = Path(folder, f"{name}.py")
            script.write_text(with_torch((EXAMPLES / f"{name}.py").read_text(encoding="utf-8")))
            printed[name] = {}
            for options in all_options:
                command = [sys.executable, str(script), *options.split()]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                printed[name][options] = [texts(line) for line in done.stdout.splitlines()]
    TARGET.write_text(json.dumps(printed, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
