"""`torch.utils.flop_counter`: a count of operations that nobody takes here."""

from __future__ import annotations

from typing import Any

from .overrides import TorchFunctionMode

__all__ = ["FlopCounterMode"]


class FlopCounterMode(TorchFunctionMode):
    """Raises NotImplementedError when its ``with`` block is entered."""

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: Any = None
    ) -> None:
        self.depth, self.display = depth, display
