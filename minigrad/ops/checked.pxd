"""What of checked.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.tensor_base cimport TensorBase


cdef bint _are_tensors(list values) except -1
