"""`torch.autograd.Variable`, in the module where PyTorch has it. It is written in `legacy`."""

from .legacy import Variable

__all__ = ["Variable"]
