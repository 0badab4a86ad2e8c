"""What of shape.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.tensor_base cimport array_of
from .arguments cimport as_shape, checked_axes, checked_axis


cdef tuple _complete_shape(tuple shape, array)
