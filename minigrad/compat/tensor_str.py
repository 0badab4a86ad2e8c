"""`torch._tensor_str`: how a tensor is printed, for libraries that print it otherwise."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from ..tensor.text import text_of

__all__ = ["_str"]


def _str(self: Tensor, *, tensor_contents: Any = None) -> str:
    """The text of a tensor, whatever ``Tensor.__repr__`` has become."""
    return text_of(self)
