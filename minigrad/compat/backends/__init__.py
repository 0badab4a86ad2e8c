"""`torch.backends`: switches of libraries that minigrad does not use."""

from . import cudnn, mps

__all__ = ["cudnn", "mps"]
