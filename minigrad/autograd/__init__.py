"""Automatic differentiation: read `engine` first, it is the heart of minigrad.

- `engine`: how operations are recorded, and how gradients walk back.
- `tensor_base`, `views`, `indexing`: what the engine knows of a tensor; memory that is shared;
  indices and their gradients.
- `primitive`: how an operation is made from a function and the rules of its gradients.
- `backward`: `backward` and `grad`.
- `grad_mode`: `no_grad` and its kin, and anomaly detection.
- `function`: operations that users write themselves.
- `saving`: hooks on what is saved.
- `hooks`, `graph`: functions hung on tensors and nodes; the graph as others walk through it.
- `names`: what PyTorch prints for operations.
- `listening`: how `minigrad.replay` hears which operations are asked for.
- `quiet`, `loans`: NumPy's warnings silenced; outputs that are lent to their nodes.
- `errors`: what the engine says when something is wrong.
- `gradcheck`: gradients compared with finite differences.
- `functional`: Jacobians, Hessians and products with them; imported when it is first asked for.
- `typing`: what operations are for type checkers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .backward import backward, grad
from .function import Function
from .grad_mode import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from .gradcheck import GradcheckError, gradcheck, gradgradcheck

if TYPE_CHECKING:
    from . import functional as functional

__all__ = [
    "Function",
    "GradcheckError",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name: str) -> Any:
    if name == "functional":
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
