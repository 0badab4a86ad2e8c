"""Regenerate the logs in ``scripts/``: what PyTorch 2.13 prints when it runs ``tests/scripts``.

    python tests/golden/make_scripts.py [NAME ...]

needs torch. Each script is run as it is, with one thread, and its output is stored as it is. With
names (``char_rnn``), only these scripts are run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"
LOGS = Path(__file__).parent / "scripts"


def main() -> None:
    """Run the scripts that are named, or all, and write their logs."""
    LOGS.mkdir(exist_ok=True)
    names = sys.argv[1:] or sorted(path.stem for path in SCRIPTS.glob("*.py"))
    for name in names:
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / f"{name}.py")],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        (LOGS / f"{name}.txt").write_text(done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
