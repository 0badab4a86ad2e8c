"""An array in row-major order as lines along one of its axes.

Entry k of line (o, i) is number (o * n + k) * inner + i of the memory: `outer` stands for the axes
before the one along which the lines run, `inner` for those behind it.
"""

cimport numpy as cnp


cdef struct Lines:
    Py_ssize_t outer, n, inner


cdef inline Lines lines_of(cnp.ndarray a, int axis) except *:
    """The lines of `a` along `axis`, counted from the front; none if `a` has no entry."""
    cdef Lines lines
    cdef int k, ndim = cnp.PyArray_NDIM(a)
    if axis < 0 or axis >= ndim:
        raise ValueError(f"axis: {axis} is none of the {ndim} axes of the array")
    lines.outer, lines.n, lines.inner = 0, a.shape[axis], 1
    if cnp.PyArray_SIZE(a) == 0:
        return lines
    lines.outer = 1
    for k in range(axis):
        lines.outer *= a.shape[k]
    for k in range(axis + 1, ndim):
        lines.inner *= a.shape[k]
    return lines


cdef inline cnp.ndarray empty_lines(cnp.ndarray a, int axis, Py_ssize_t n, int typenum):
    """A new array with the shape of `a`, but `n` entries along `axis`; -1: without this axis."""
    cdef cnp.npy_intp[64] shape     # (NumPy has no more axes)
    cdef int k, ndim = 0
    for k in range(cnp.PyArray_NDIM(a)):
        if k != axis or n >= 0:
            shape[ndim] = n if k == axis else a.shape[k]
            ndim += 1
    return cnp.PyArray_EMPTY(ndim, shape, typenum, 0)
