"""What of engine.py is C when it runs translated: see tensor_base.pxd."""

cimport cython

from .tensor_base cimport TensorBase, Version, next_number, wrap
from .views cimport edge_of


@cython.final
@cython.freelist(4096)
cdef class Node:
    cdef object __weakref__
    cdef public object op, edges, saved, _hooks, trace
    cdef public Py_ssize_t number, outputs

    @cython.locals(tensor=TensorBase)
    cpdef list values(self, bint as_tensors)
    cpdef free(self)


cdef class Output(TensorBase):
    pass


# They hold nodes, but no node holds one: the cycle collector need not look at them.
@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Slot:
    cdef public object target
    cdef public list grads
    cdef public bint owns
    cdef public set owned

    cpdef bint owns_output(self, Py_ssize_t k) except -1
    cpdef own(self, Py_ssize_t k, bint is_owned)


@cython.final
cdef class Pending:
    cdef public bint create_graph
    cdef public dict nodes, leaves
    cdef public list heap

    @cython.locals(node=Node)
    cpdef Slot slot_of(self, target)

    @cython.locals(slot=Slot, k=Py_ssize_t, grads=list)
    cpdef send(self, tuple edge, g, bint is_new)
    cpdef Slot take(self)

    @cython.locals(slot=Slot)
    cpdef tuple arrive(self, TensorBase leaf)


cpdef record(op, inputs, list saved, arrays)
cpdef record_with(list edges, op, list saved, arrays)
cpdef list edges_if_recording(inputs)
cpdef list edges_of(inputs)
cpdef attach_one(TensorBase result, op, tuple edges, list saved)


@cython.locals(node=Node, result=TensorBase, k=Py_ssize_t)
cpdef attach(results, op, edges, list saved)


cdef list _for_vjp(Node node, edges, list grads, bint create_graph, bint is_mine)


@cython.locals(pending=Pending, slot=Slot, node=Node, k=Py_ssize_t)
cpdef list walk(
    roots, root_grads, targets, bint retain_graph, bint create_graph, deliver=*
)
