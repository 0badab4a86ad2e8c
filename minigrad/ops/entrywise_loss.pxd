"""What of entrywise_loss.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.tensor_base cimport TensorBase
