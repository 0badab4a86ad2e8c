"""What of views.py is C when it runs translated: see tensor_base.pxd."""

cimport cython

from .tensor_base cimport TensorBase, wrap


@cython.final
@cython.freelist(1024)
cdef class View:
    cdef public TensorBase parent, root
    cdef public object op, shown
    cdef public bint of_itself
    cdef public tuple arguments
    cdef public tuple start, written
    cdef public Py_ssize_t version


cpdef tuple edge_of(TensorBase tensor)
cpdef move(TensorBase tensor, tuple edge)


@cython.locals(view=View)
cpdef TensorBase root_of(TensorBase tensor)


@cython.locals(view=View, parent=TensorBase)
cpdef TensorBase parent_of(TensorBase tensor)


@cython.locals(
    view=View, root=TensorBase, current=TensorBase, parent=TensorBase, again=TensorBase
)
cpdef refresh_view(TensorBase tensor)


@cython.locals(view=View, current=TensorBase, again=TensorBase)
cdef _join(TensorBase tensor)
cdef bint _is_stale(TensorBase tensor)
