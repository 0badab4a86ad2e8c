"""Functions of ``torch`` that turn something on or off which minigrad has only one way to do."""

from __future__ import annotations

import warnings
from typing import Any

from ..arrays import dtypes
from ..arrays.size import Storage
from ..tensor import Tensor

__all__ = [
    "are_deterministic_algorithms_enabled", "get_deterministic_debug_mode",
    "get_float32_matmul_precision", "get_num_interop_threads", "is_autocast_cache_enabled",
    "is_autocast_enabled", "is_deterministic_algorithms_warn_only_enabled", "is_storage",
    "set_default_tensor_type", "set_deterministic_debug_mode", "set_float32_matmul_precision",
    "set_num_interop_threads", "set_warn_always", "typename", "use_deterministic_algorithms",
]  # fmt: skip

_deterministic = False
_precision = "highest"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the answer for `are_deterministic_algorithms_enabled`: all algorithms are."""
    global _deterministic
    _deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was told."""
    return _deterministic


def set_deterministic_debug_mode(debug_mode: Any) -> None:
    """As `use_deterministic_algorithms`, with 0 or ``"default"`` for False."""
    use_deterministic_algorithms(debug_mode not in (0, "default"))


def get_deterministic_debug_mode() -> int:
    """2 if `use_deterministic_algorithms` was told so, or else 0."""
    return 2 if _deterministic else 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """False: there is nothing to warn of."""
    return False


def set_float32_matmul_precision(precision: str) -> None:
    """Remember the answer for `get_float32_matmul_precision`: products are those of float32.

    Raises
    ------
    RuntimeError
        `precision` is not ``"highest"``, ``"high"`` or ``"medium"``.
    """
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"set_float32_matmul_precision: precision is one of 'highest', 'high', 'medium', not "
            f"{precision!r}"
        )
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was told; ``"highest"`` at first."""
    return _precision


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False: `amp.autocast` has no effect."""
    return False


def is_autocast_cache_enabled() -> bool:
    """False: `amp.autocast` has no effect."""
    return False


def get_num_interop_threads() -> int:
    """1: operations run one after the other."""
    return 1


def set_num_interop_threads(threads: int) -> None:
    """Do nothing: operations run one after the other. See `minigrad.set_num_threads`."""


def set_warn_always(b: bool) -> None:
    """Do nothing: how often a warning is shown is for Python's `warnings` to say."""


def set_default_tensor_type(t: Any) -> None:
    """Choose the default dtype by its old name, such as ``torch.DoubleTensor``.

    Raises
    ------
    TypeError
        It is none of the float types.
    """
    warnings.warn(
        "torch.set_default_tensor_type() is deprecated; use torch.set_default_dtype()",
        UserWarning,
        stacklevel=2,
    )
    name = t if isinstance(t, str) else getattr(t, "__name__", str(t))
    kinds = {
        "FloatTensor": dtypes.float32,
        "Tensor": dtypes.float32,
        "DoubleTensor": dtypes.float64,
    }
    kind = kinds.get(name.rpartition(".")[2])
    if kind is None:
        raise TypeError(
            f"only floating-point types are supported as the default type, not {name}: give "
            "torch.FloatTensor or torch.DoubleTensor"
        )
    dtypes.set_default_dtype(kind)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is the memory of a tensor."""
    return isinstance(obj, Storage)


def typename(obj: Any) -> str:
    """The name of a tensor's type, such as ``"torch.FloatTensor"``; of others, their class."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
