"""Memory shared with other libraries: `from_dlpack`, `to_dlpack` (see `minigrad.tensor.dlpack`)."""

from ..tensor.dlpack import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
