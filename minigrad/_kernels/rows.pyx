"""Adding rows to the rows of a table: the gradient of looking rows up.

    V rows of E numbers in the table, N rows that were looked up, index[n] where the n-th came from

    total[index[n]] += rows[n]      for n = 0, 1, ..., in this order, so that sums are reproducible

The same as ``np.add.at(total, index, rows)``, which has the index travel along with every number.
"""

from libc.stdint cimport int64_t

cimport numpy as cnp

from .arrays cimport (
    PyArray_ISCARRAY,
    check_2d,
    check_ndim,
    complain,
    data,
    ordered,
    private_copy,
    shape_of,
)
from .real cimport real

cnp.import_array()


cdef Py_ssize_t first_outside(const int64_t* index, Py_ssize_t N, Py_ssize_t V) noexcept nogil:
    """The first n whose index is no row of the table, or -1."""
    cdef Py_ssize_t n
    for n in range(N):
        if index[n] < -V or index[n] >= V:
            return n
    return -1


def add_rows(
    cnp.ndarray total not None,     # IN OUT (V, E)
    cnp.ndarray index not None,     # IN  (N,) int64; as in NumPy, -1 is the last row
    cnp.ndarray rows not None,      # IN  (N, E)
):
    """Add `rows` to the rows of `total` that `index` names, in place."""
    index, rows = private_copy(index), ordered(rows)
    check_ndim("total", total, 2, "(V, E)")
    if not PyArray_ISCARRAY(total):
        complain("total", total, "(V, E)", True)
    if cnp.PyArray_TYPE(index) != cnp.NPY_INT64:
        raise ValueError(f"index: dtype is {index.dtype}, expected int64")
    if cnp.PyArray_NDIM(index) != 1:
        raise ValueError(f"index: shape is {shape_of(index)}, expected (N,)")
    cdef Py_ssize_t V = total.shape[0], E = total.shape[1], N = index.shape[0]
    check_2d("rows", rows, N, E)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef Py_ssize_t n, e, wrong = first_outside(i, N, V)
    if wrong >= 0:
        raise IndexError(f"index {i[wrong]} is out of bounds for a table of {V} rows")
    cdef real* table = data(total)
    cdef const real* row = data(rows)
    cdef real* target
    with nogil:
        for n in range(N):
            target = table + (i[n] + V if i[n] < 0 else i[n]) * E
            for e in range(E):
                target[e] = target[e] + row[e]
            row += E
