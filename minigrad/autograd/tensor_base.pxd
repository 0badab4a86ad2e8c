"""What of tensor_base.py is C when it runs translated: its objects' fields, and its functions.

Cython takes these declarations together with the text of tensor_base.py, which stays what it is. A
field is then read in one machine instruction instead of a search in two dictionaries, and functions
are called without packing their arguments, also by other translated modules, whose declarations
cimport them. So it is with all .pxd files beside a .py.
"""

cimport cython


# No cycle goes through one: the cycle collector need not look at it.
@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Version:
    cdef public Py_ssize_t count, last
    cdef public list borrowers


cdef class TensorBase:
    cdef public object array
    cdef public Version version
    cdef public bint _requires_grad, _retains_grad
    cdef public tuple edge
    cdef public object view_of
    cdef public object _grad, _hooks, _accumulate_hooks


cpdef size_of(tuple shape)
cpdef array_of(value)
cpdef shape_of(value)
cpdef Py_ssize_t next_number() except -1


@cython.locals(version=Version)
cpdef bump_version(TensorBase tensor)


@cython.locals(tensor=TensorBase)
cpdef wrap(array)
