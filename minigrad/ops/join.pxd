"""What of join.py is C when it runs translated: see autograd/tensor_base.pxd."""

cimport cython

from ..autograd.listening cimport heard, is_listening
from ..autograd.engine cimport Node, attach, edges_of, record
from ..autograd.tensor_base cimport TensorBase, array_of, wrap
from ..autograd.views cimport View
from .arguments cimport as_int, as_shape, checked_axis


@cython.locals(view=TensorBase, parent=TensorBase)
cdef tuple _recorded_cut(op, tensor, list places, tuple pieces, Py_ssize_t axis)
