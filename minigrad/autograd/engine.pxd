"""What of engine.py is C when it runs translated: its objects' fields, and calls between functions.

Cython takes these declarations together with the text of engine.py, which stays what it is. A field
is then read in one machine instruction instead of a search in two dictionaries, and functions that
call each other here do so without packing their arguments.
"""

cimport cython


cdef class TensorBase:
    cdef public object array
    cdef public list version
    cdef public bint _requires_grad, _retains_grad
    cdef public tuple edge
    cdef public View view_of
    cdef public object _grad, _hooks, _accumulate_hooks


@cython.final
cdef class View:
    cdef public TensorBase parent, root
    cdef public object op, shown
    cdef public bint of_itself
    cdef public tuple arguments
    cdef public tuple start


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
    cdef public bint create_graph
    cdef public dict slots, owned
    cdef public list heap

    @cython.locals(node=Node, k=Py_ssize_t, slots=list, owned=list)
    cpdef send(self, tuple edge, g, is_new)

    @cython.locals(node=Node)
    cpdef take(self)


cpdef bump_version(TensorBase tensor)
cpdef move(TensorBase tensor, tuple edge)
cpdef tuple edge_of(TensorBase tensor)
cpdef record(op, inputs, list saved, arrays)
cpdef record_with(list edges, op, list saved, arrays)
cpdef list edges_if_recording(inputs)
cpdef list edges_of(inputs)
cpdef array_of(value)
cpdef shape_of(value)


@cython.locals(tensor=TensorBase)
cpdef wrap(array)


@cython.locals(view=View)
cpdef TensorBase root_of(TensorBase tensor)


@cython.locals(view=View, parent=TensorBase)
cpdef TensorBase parent_of(TensorBase tensor)


@cython.locals(view=View, current=TensorBase, again=TensorBase)
cpdef refresh_view(TensorBase tensor)


@cython.locals(node=Node, result=TensorBase, k=Py_ssize_t)
cpdef attach(results, op, edges, list saved)


cpdef own_tensor(g, bint is_new=*)
cpdef add_to_grad(TensorBase leaf, g, bint is_new, bint create_graph)
cpdef bint add_unwatched(TensorBase leaf, g, bint is_new, bint create_graph)


@cython.locals(pending=Pending, node=Node, leaf=TensorBase)
cpdef list walk(roots, root_grads, targets, bint retain_graph, bint create_graph)
