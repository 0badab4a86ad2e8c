"""Names that scripts look for in ``torch`` itself, and that minigrad has only for their sake.

The modules among them are imported when a script names them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..arrays.size import Storage
from . import switches
from .amp import GradScaler, autocast
from .cuda import OutOfMemoryError
from .futures import Future
from .internals import DeviceObjType, PyTorchFileReader
from .jit import ScriptFunction, ScriptModule
from .legacy import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)  # fmt: skip
from .switches import *  # noqa: F403

MODULES = (
    "accelerator", "amp", "backends", "compiler", "cuda", "fft", "futures", "fx",
    "hub", "jit", "multiprocessing", "overrides", "profiler", "types",
)  # fmt: skip

TypedStorage = UntypedStorage = Storage

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DeviceObjType", "DoubleTensor", "FloatTensor",
    "Future", "GradScaler", "HalfTensor", "IntTensor", "LongTensor", "OutOfMemoryError",
    "PyTorchFileReader", "ScriptFunction", "ScriptModule", "ShortTensor", "Storage", "TypedStorage",
    "UntypedStorage", "autocast", *switches.__all__, *MODULES,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"minigrad.compat.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
