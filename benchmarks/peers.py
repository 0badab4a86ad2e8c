"""The libraries that are compared with minigrad, as far as they are installed; and the machine."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

# Those with an interface of their own, and what to import for them. (`torch.compile` is PyTorch,
# but a program has to be made for it, as for the others.)
OTHERS = {"torch.compile": "torch", "JAX": "jax", "ONNX Runtime": "onnxruntime"}


@dataclass
class Peers:
    """What is installed."""

    torch_like: dict[str, ModuleType]  # minigrad first; all with PyTorch's interface
    others: dict[str, ModuleType] = field(default_factory=dict)  # by their names in `OTHERS`

    def describe(self) -> str:
        """What was measured, and on what."""
        names = [f"{name} {library.__version__}" for name, library in self.torch_like.items()]
        names += [
            f"{name} {library.__version__}"
            for name, library in self.others.items()
            if name != "torch.compile"
        ]
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


def find_peers(threads: int = 1, others: Collection[str] = tuple(OTHERS)) -> Peers:
    """Import what is there, of `OTHERS` those named, and give each the same number of threads."""
    import minigrad

    peers = Peers({"minigrad": minigrad})
    minigrad.set_num_threads(threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # (its threads: the cores of the affinity mask)
    missing = []
    for name, module in (("PyTorch", "torch"), *OTHERS.items()):
        if name != "PyTorch" and name not in others:
            continue
        try:
            library = importlib.import_module(module)
        except ImportError:
            missing.append(name)
            continue
        (peers.torch_like if name == "PyTorch" else peers.others)[name] = library
    if "PyTorch" in peers.torch_like:
        peers.torch_like["PyTorch"].set_num_threads(threads)
    if missing:
        print(f"not installed: {', '.join(missing)} (pip install -e '.[bench]')", file=sys.stderr)
    return peers


def multiply_add_peak(seconds: float = 0.5) -> float | None:
    """Operations a second of one core, float32: multiply-adds on registers, without any memory.

    None where no kernels are in use.
    """
    from minigrad import _kernels

    kernels = _kernels.kernels_for(np.dtype(np.float32))
    if kernels is None:
        return None
    work = kernels.entrywise.multiply_adds
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        operations = 2 * work()
        best = max(best, operations / (time.perf_counter() - start))
    return best
