"""What of watch.py is C when it runs translated: see autograd/tensor_base.pxd."""

cimport cython

from ..autograd.tensor_base cimport TensorBase


cdef class Watch:
    cdef public object cell, kind, dtype
    cdef public bint complete, hooked
    cdef public list items, shared, sizes, parts, sets, slots, parameters, arrays, functions, cells
    cdef public list kinds, tensors
    cdef public tuple mark
    cdef public dict plans

    @cython.locals(own=dict, table=dict, tensor=TensorBase, wants=bint)
    cpdef bint holds(self, cell) except -1
