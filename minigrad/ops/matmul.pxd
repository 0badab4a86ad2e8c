"""What of matmul.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.tensor_base cimport TensorBase, array_of


cdef _multiply(a, b)
