"""What of engine.py is C when it runs translated: see tensor_base.pxd."""

cimport cython

from .tensor_base cimport TensorBase, next_number, wrap
from .views cimport edge_of


@cython.final
cdef class Node:
    cdef object __weakref__
    cdef public object op, edges, saved, _hooks, trace
    cdef public Py_ssize_t number, outputs

    @cython.locals(tensor=TensorBase)
    cpdef list values(self, bint as_tensors)
    cpdef free(self)


cdef class Output(TensorBase):
    pass


@cython.final
cdef class Pending:
    cdef public bint create_graph, owns
    cdef public dict slots, owned
    cdef public list heap

    @cython.locals(node=Node, k=Py_ssize_t, slots=list, owned=list)
    cpdef send(self, tuple edge, g, is_new)

    @cython.locals(node=Node)
    cpdef take(self)


cpdef record(op, inputs, list saved, arrays)
cpdef record_with(list edges, op, list saved, arrays)
cpdef list edges_if_recording(inputs)
cpdef list edges_of(inputs)
cpdef attach_one(TensorBase result, op, tuple edges, list saved)


@cython.locals(node=Node, result=TensorBase, k=Py_ssize_t)
cpdef attach(results, op, edges, list saved)


cdef list _for_vjp(Node node, edges, list grads, bint create_graph, bint is_mine)


@cython.locals(pending=Pending, node=Node, leaf=TensorBase)
cpdef list walk(roots, root_grads, targets, bint retain_graph, bint create_graph)
