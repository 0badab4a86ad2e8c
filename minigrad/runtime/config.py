"""What this installation is made of: `show_config`."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from .. import _kernels
from ..version import __version__
from .threads import get_num_threads


def config() -> dict[str, Any]:
    """The facts that `show_config` prints, by name."""
    build = np.show_config(mode="dicts")
    blas = build.get("Build Dependencies", {}).get("blas", {}) if build else {}
    return {
        "minigrad": __version__,
        "kernels": _kernels.level,
        "kernels available": ", ".join((*_kernels.available_levels(), "reference")),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "BLAS": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "threads": get_num_threads(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def show_config() -> None:
    """Print the version, the kernel level in use and those available, NumPy, its BLAS, and threads.

    The level can be chosen with the environment variable ``MINIGRAD_KERNELS``.
    """
    facts = config()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
