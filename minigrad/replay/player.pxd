"""What of player.py is C when it runs translated: see autograd/tensor_base.pxd."""

cimport cython

from ..autograd.tensor_base cimport TensorBase
from ..autograd.views cimport refresh_view


cdef class Tensors:
    cdef public object dtype, kind
    cdef public tuple shape, hung
    cdef public bint requires_grad

    @cython.locals(tensor=TensorBase, hung=tuple)
    cpdef bint fits(self, value) except -1


cpdef tuple hung_on(tensor)


cpdef bint wants_gradient(TensorBase tensor) except -1
cpdef bint fits(form, value, list found) except -1
cpdef bint same(value, expected) except -1
cpdef built(part, list values)
cdef _spread(tuple out, result, list values)


cdef class Tape:
    cdef public tuple places, names
    cdef public list items, others, sizes, sequences, cells, classes, sets
    cdef public list pairs, pinned, tensors, grads
    cdef public list values, code
    cdef public object guards, result, on_arrays
    cdef public bint enabled

    cpdef list fitting(self, tuple args, dict kwargs)

    @cython.locals(table=dict, tensor=TensorBase, content=tuple)
    cpdef bint stands(self) except -1

    @cython.locals(values=list, args=list, k=Py_ssize_t)
    cpdef play(self, list found)


@cython.locals(tape=Tape)
cpdef replayed(list tapes, tuple args, dict kwargs)
