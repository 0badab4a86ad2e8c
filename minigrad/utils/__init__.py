"""What is neither a network nor its training: `data` feeds both, `ctc` reads labels out.

`dlpack` shares memory with other libraries. `checkpoint` saves memory by computing twice; it is
imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import ctc, data, dlpack

if TYPE_CHECKING:
    from . import checkpoint as checkpoint

__all__ = ["ctc", "data", "dlpack"]


def __getattr__(name: str) -> Any:
    if name == "checkpoint":
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
