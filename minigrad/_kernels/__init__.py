"""The compiled kernels: which SIMD level runs, and the modules of that level for a dtype.

Every kernel is compiled once for each level that the compiler knows (on x86-64 ``baseline``,
``v3`` with AVX2 and ``v4`` with AVX-512; on 64-bit ARM ``baseline`` and ``neon``, which uses all of
its registers; ``baseline`` elsewhere) and each dtype; those that wait for memory,
`compiled.ONE_LEVEL`, for ``baseline`` alone. The best level that this processor runs is taken when
minigrad is imported. The environment variable
``MINIGRAD_KERNELS`` takes another one; ``MINIGRAD_KERNELS=reference`` takes no kernel at all, and
minigrad then runs its operations as they are written in NumPy, and its engine as it is written in
Python (see `compiled`).

Nothing else of minigrad is imported here.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import compiled

__all__ = [
    "Kernels",
    "available_levels",
    "kernels_for",
    "level",
    "set_level",
    "set_threads",
    "threads",
    "without",
]

_MISSING = "minigrad's compiled kernels are missing: run `pip install -e .` in its checkout"
_OLD = (
    "minigrad's compiled kernels are older than its text, after an update of the checkout: build "
    "again: pip install -e ."
)
_DTYPES = {np.dtype(np.float32): "float32", np.dtype(np.float64): "float64"}


class Kernels(NamedTuple):
    """The kernel modules of one level and dtype."""

    recurrent: ModuleType
    loss: ModuleType
    optim: ModuleType
    rows: ModuleType
    entrywise: ModuleType
    random: ModuleType
    norm: ModuleType
    sums: ModuleType
    product: ModuleType
    movement: ModuleType
    order: ModuleType
    scan: ModuleType
    plan: ModuleType
    tape: ModuleType
    ctc: ModuleType


def available_levels() -> tuple[str, ...]:
    """Return the levels that were built and that this processor runs, best first.

    Examples
    --------
    >>> available_levels()[-1]
    'baseline'
    """
    return tuple(name for name in _supported_levels() if _is_built(name))


def set_level(name: str) -> None:
    """Take another level from now on. For tests and benchmarks.

    Parameters
    ----------
    name : str
        One of `available_levels()`, or ``reference``.

    Raises
    ------
    ValueError
        If this level is not available.
    """
    global level
    choices = (*available_levels(), "reference")
    if name not in choices:
        raise ValueError(
            f"MINIGRAD_KERNELS: level {name!r} is not available here, choose one of "
            f"{', '.join(choices)}"
        )
    level = name
    _loaded.clear()


@contextmanager
def without() -> Iterator[None]:
    """Let everything run without kernels meanwhile: as its formula in NumPy says."""
    before = dict(_loaded)
    _loaded.update(dict.fromkeys(map(np.dtype, _DTYPES.values())))
    try:
        yield
    finally:
        _loaded.clear()
        _loaded.update(before)


def set_threads(count: int) -> None:
    """Let kernels use up to `count` threads from now on: see `runtime.threads`."""
    global threads
    threads = count
    for kernels in list(_loaded.values()):
        if kernels is not None:
            _tell_threads(kernels)


def _tell_threads(kernels: Kernels) -> None:
    for module in (kernels.recurrent, kernels.product):
        _part(module, "set_threads")(threads)


def set_flush(mode: bool) -> bool:
    """In this thread, take denormal numbers for zero, or not: see `runtime.denormals`."""
    return _told("set_flush", mode)


def keep_memory(reused: int, kept: int) -> bool:
    """Let freed memory stay with the process; whether that can be told: see `runtime.memory`."""
    return _told("keep_memory", reused, kept)


def switches() -> Any:
    """The switches of a thread, compiled: see `autograd.grad_mode`. None without kernels."""
    return None if level == "reference" else _part(_cpu(), "Switches")()


def _told(function: str, *arguments: Any) -> bool:
    """What a function of `cpu` returns; False if nothing is compiled."""
    try:
        cpu = _cpu()
    except ImportError:
        return False
    return _part(cpu, function)(*arguments)


def _part(module: ModuleType, name: str) -> Any:
    """What a compiled module has under a name; it may be of an earlier build."""
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise ImportError(_OLD) from error


def _cpu() -> ModuleType:
    return importlib.import_module(f"{__name__}.cpu")


def _supported_levels() -> tuple[str, ...]:
    try:
        return _cpu().supported_levels()
    except ImportError as error:
        raise ImportError(_MISSING) from error


def _module_name(kernel: str, level_name: str, dtype_name: str) -> str:
    if kernel in compiled.ONE_LEVEL:
        level_name = "baseline"
    return f"{__name__}.{kernel}_{level_name}_{dtype_name}"


def _is_built(level_name: str) -> bool:
    return find_spec(_module_name(Kernels._fields[0], level_name, "float32")) is not None


class _Loaded(dict[np.dtype, Kernels | None]):
    """The kernels by dtype; those that are asked for the first time are loaded.

    Nearly every operation asks: so `kernels_for` is a method of dict, which runs no Python code.
    """

    def __missing__(self, dtype: np.dtype) -> Kernels | None:
        return self.setdefault(dtype, _load(dtype))


def _load(dtype: np.dtype) -> Kernels | None:
    dtype_name = _DTYPES.get(dtype)
    if level == "reference" or dtype_name is None:
        return None
    names = (_module_name(kernel, level, dtype_name) for kernel in Kernels._fields)
    try:
        kernels = Kernels(*map(importlib.import_module, names))
    except ModuleNotFoundError as error:  # (one that is new: the level as such was built)
        raise ImportError(_OLD) from error
    _tell_threads(kernels)
    return kernels


def _best_level() -> str:
    for name in _supported_levels():
        if _is_built(name):
            return name
    raise ImportError(_MISSING)


_loaded = _Loaded()

#: `kernels_for(dtype)`: the kernels for arrays of this numpy.dtype at the chosen level; None if
#: there are none, or if the level is ``reference``.
kernels_for = _loaded.__getitem__

#: The chosen level: one of `available_levels()`, or "reference".
level: str = "reference"

#: How many threads kernels may use.
threads: int = 1

_wanted = os.environ.get("MINIGRAD_KERNELS", "")
if not _wanted:
    level = _best_level()
elif _wanted != "reference":
    set_level(_wanted)

if level != "reference":
    compiled.install()
