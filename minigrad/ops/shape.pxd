"""What of shape.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.tensor_base cimport array_of
