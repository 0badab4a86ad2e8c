"""What of arrays.py is C when it runs translated: see autograd/tensor_base.pxd."""

cimport cython

from ..autograd.engine cimport Node
from ..autograd.tensor_base cimport TensorBase, wrap
from .player cimport built


cdef class ArrayTape:
    cdef public list code, captured, returned, leaves
    cdef public object flat

    @cython.locals(leaf=TensorBase, k=Py_ssize_t)
    cpdef bint fits(self, list tensors) except -1

    @cython.locals(
        values=list, args=list, tensor=TensorBase, k=Py_ssize_t, slot=Py_ssize_t, op=tuple,
    )
    cpdef play(self, list tensors)


@cython.locals(
    total=list, owned=list, grads=list, k=Py_ssize_t, place=Py_ssize_t, kept=Py_ssize_t,
    is_new=bint,
)
cdef _walk_back(list values, list tensors, Py_ssize_t count, tuple root, list steps, list leaves)
