"""The libraries that are compared: minigrad, and of PyTorch and JAX those that are installed."""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass
class Peers:
    """What is installed."""

    torch_like: dict[str, ModuleType]  # minigrad first; all with PyTorch's interface
    jax: Any = None

    def describe(self) -> str:
        """What was measured, and on what."""
        names = [f"{name} {library.__version__}" for name, library in self.torch_like.items()]
        if self.jax is not None:
            names.append(f"JAX {self.jax.__version__}")
        level = self.torch_like["minigrad"]._kernels.level
        python = platform.python_version()
        return (
            f"{', '.join(names)}, NumPy {np.__version__}, Python {python}; kernels {level}; "
            f"{processor()}, {len(os.sched_getaffinity(0))} core(s) of {os.cpu_count()}"
        )


def processor() -> str:
    """The name of the processor, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def find_peers(threads: int = 1, jax: bool = True) -> Peers:
    """Import what is there, and give each library the same number of threads."""
    import minigrad

    peers = Peers({"minigrad": minigrad})
    missing = []
    if hasattr(minigrad, "set_num_threads"):
        minigrad.set_num_threads(threads)
    try:
        import torch
    except ImportError:
        missing.append("PyTorch")
    else:
        torch.set_num_threads(threads)
        peers.torch_like["PyTorch"] = torch
    if jax:
        # JAX takes as many threads as there are cores in the process's affinity mask
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        try:
            import jax as jax_module
        except ImportError:
            missing.append("JAX")
        else:
            peers.jax = jax_module
    if missing:
        print(f"not installed: {', '.join(missing)} (pip install -e '.[bench]')", file=sys.stderr)
    return peers


def matmul_peak(size: int = 768, seconds: float = 1.0) -> float:
    """Operations a second of NumPy's float32 matrix product: the yardstick for shares of peak."""
    a = np.random.default_rng(0).random((size, size), np.float32)
    b, c = a.T.copy(), np.empty_like(a)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        np.matmul(a, b, out=c)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
