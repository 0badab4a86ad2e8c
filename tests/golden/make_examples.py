"""Regenerate ``examples.json``: what the examples print when they run on PyTorch 2.13.

    python tests/golden/make_examples.py

needs torch. Nothing but the names in the two imports is replaced. Each example runs with PyTorch's
plain kernels and with those for AVX2, because float32 rounding differs between them; a line for
which PyTorch itself prints two texts is stored with both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).with_name("examples.json")
EXAMPLES = Path(__file__).parents[2] / "examples"
CAPABILITIES = ("default", "avx2")

CASES = {
    "01_hello_ohlol": [
        "",
        "--epochs 2",
        "--seed 7",
        "--lr 0.02",
        "--hidden-size 9",
        "--epochs 20 --seed 5 --hidden-size 64",
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
    """The script with its imports of minigrad turned into imports of torch."""
    source = source.replace("import minigrad as torch", "import torch")
    return source.replace("from minigrad import", "from torch import")


def lines(script: Path, options: str, capability: str) -> list[str]:
    """What a script prints on PyTorch with the kernels of one `capability`."""
    done = subprocess.run(
        [sys.executable, str(script), *options.split()],
        env=os.environ | {"ATEN_CPU_CAPABILITY": capability},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def main() -> None:
    """Run all cases and write the file."""
    printed: dict[str, dict[str, list[list[str]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, all_options in CASES.items():
            script = Path(folder, f"{name}.py")
            script.write_text(with_torch((EXAMPLES / f"{name}.py").read_text(encoding="utf-8")))
            printed[name] = {}
            for options in all_options:
                runs = [lines(script, options, capability) for capability in CAPABILITIES]
                printed[name][options] = [sorted(set(texts)) for texts in zip(*runs, strict=True)]
    TARGET.write_text(json.dumps(printed, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
