"""`torch.utils.hooks`: what registering a hook returns. It is written in `minigrad.autograd`."""

from ..autograd.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
