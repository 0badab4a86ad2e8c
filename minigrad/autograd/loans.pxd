"""What of loans.py is C when it runs translated: see autograd/tensor_base.pxd."""

from .tensor_base cimport TensorBase, Version
