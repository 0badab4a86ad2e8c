"""What of primitive.py is C when it runs translated: see tensor_base.pxd."""

cimport cython

from .listening cimport heard, is_listening
from .engine cimport attach, edges_of, record
from .tensor_base cimport TensorBase, array_of, shape_of, wrap
from .views cimport View


@cython.locals(count=Py_ssize_t)
cdef _applied(rule, g, list values, tuple picks)
cdef bint _has_tensor(tuple args, Py_ssize_t count) except -1
cdef list _arrays_of(tuple args)
cdef _lay_out(TensorBase tensor, layout, list arrays)
cdef _show_parent(TensorBase tensor, TensorBase parent, op, tuple arguments)
