"""Adding rows to the rows of tables: the gradient of looking rows up.

    O tables of V rows of E numbers; N rows looked up in each, index[n] where the n-th came from

    total[:, index[n]] += rows[:, n]    for n = 0, 1, ..., in this order: sums are reproducible

As ``np.add.at(total, (slice(None), index), rows)``, whose index travels along with every number.
Where many rows are looked up, those of frequent words are summed in double first: a million small
numbers would lose their last digits in a total that has grown large.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp

from .arrays cimport (
    PyArray_ISCARRAY,
    check_3d,
    check_ndim,
    complain,
    data,
    ordered,
    private_copy,
    shape_of,
)
from .real cimport real

cnp.import_array()


cdef enum:
    MANY_ROWS = 8192    # below, counting costs more than it is worth
    FREQUENT = 256      # what is added more often has a sum in double


cdef Py_ssize_t first_outside(const int64_t* index, Py_ssize_t N, Py_ssize_t V) noexcept nogil:
    """The first n whose index is no row of the table, or -1."""
    cdef Py_ssize_t n
    for n in range(N):
        if index[n] < -V or index[n] >= V:
            return n
    return -1


cdef inline Py_ssize_t row_of(const int64_t* index, Py_ssize_t n, Py_ssize_t V) noexcept nogil:
    return index[n] + V if index[n] < 0 else index[n]


cdef Py_ssize_t number_frequent(
    int32_t* place,                 # IN OUT (V,) zeros; OUT 0, or the number of the sum, from 1
    const int64_t* index,           # IN  (N,)
    Py_ssize_t N, Py_ssize_t V,
) noexcept nogil:
    """How many rows of the table are named more than FREQUENT times; they are numbered."""
    cdef Py_ssize_t n, v, found = 0
    for n in range(N):
        v = row_of(index, n, V)
        if place[v] >= -FREQUENT:                   # counts are negative, numbers positive
            place[v] -= 1
    for n in range(N):
        v = row_of(index, n, V)
        if place[v] < -FREQUENT:
            found += 1
            place[v] = <int32_t>found
        elif place[v] < 0:
            place[v] = 0
    return found


cdef int add_many(
    real* table,                    # IN OUT (V, E)
    const int64_t* index,           # IN  (N,)
    const real* row,                # IN  (N, E)
    Py_ssize_t N, Py_ssize_t V, Py_ssize_t E,
) noexcept nogil:
    """`add_rows` with the sums of frequent rows in double; -1 if there is no memory."""
    cdef int32_t* place = <int32_t*>calloc(max(V, 1), sizeof(int32_t))
    cdef Py_ssize_t n, e, v, found
    cdef double* sums
    cdef double* sum
    cdef real* target
    if place is NULL:
        return -1
    found = number_frequent(place, index, N, V)
    sums = <double*>calloc(max(found * E, 1), sizeof(double))
    if sums is NULL:
        free(place)
        return -1
    for n in range(N):
        v = row_of(index, n, V)
        if place[v] > 0:
            sum = sums + (place[v] - 1) * E
            for e in range(E):
                sum[e] = sum[e] + row[e]
        else:
            target = table + v * E
            for e in range(E):
                target[e] = target[e] + row[e]
        row += E
    for n in range(N):
        v = row_of(index, n, V)
        if place[v] > 0:                            # met for the first time
            sum = sums + (place[v] - 1) * E
            target = table + v * E
            for e in range(E):
                target[e] = <real>(target[e] + sum[e])
            place[v] = 0
    free(sums)
    free(place)
    return 0


cdef void add_few(
    real* table,                    # IN OUT (V, E)
    const int64_t* index,           # IN  (N,)
    const real* row,                # IN  (N, E)
    Py_ssize_t N, Py_ssize_t V, Py_ssize_t E,
) noexcept nogil:
    cdef Py_ssize_t n, e
    cdef real* target
    if E == 1:
        for n in range(N):
            target = table + row_of(index, n, V)
            target[0] = target[0] + row[n]
        return
    for n in range(N):
        target = table + row_of(index, n, V) * E
        for e in range(E):
            target[e] = target[e] + row[e]
        row += E


def add_rows(
    cnp.ndarray total not None,     # IN OUT (O, V, E)
    cnp.ndarray index not None,     # IN  (N,) int64; as in NumPy, -1 is the last row
    cnp.ndarray rows not None,      # IN  (O, N, E)
):
    """Add `rows` to the rows of `total` that `index` names, in place."""
    index, rows = private_copy(index), ordered(rows)
    check_ndim("total", total, 3, "(O, V, E)")
    if not PyArray_ISCARRAY(total):
        complain("total", total, "(O, V, E)", True)
    if cnp.PyArray_TYPE(index) != cnp.NPY_INT64:
        raise ValueError(f"index: dtype is {index.dtype}, expected int64")
    if cnp.PyArray_NDIM(index) != 1:
        raise ValueError(f"index: shape is {shape_of(index)}, expected (N,)")
    cdef Py_ssize_t tables = total.shape[0], V = total.shape[1], E = total.shape[2]
    cdef Py_ssize_t N = index.shape[0]
    check_3d("rows", rows, tables, N, E)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef Py_ssize_t _, wrong = first_outside(i, N, V)
    if wrong >= 0:
        raise IndexError(f"index {i[wrong]} is out of bounds for a table of {V} rows")
    cdef real* table = data(total)
    cdef const real* row = data(rows)
    cdef int failed = 0
    if cnp.PyArray_SIZE(rows) == 0:
        return
    with nogil:
        for _ in range(tables):
            if N > MANY_ROWS:
                failed |= add_many(table, i, row, N, V, E)
            else:
                add_few(table, i, row, N, V, E)
            table += V * E
            row += N * E
    if failed:
        raise MemoryError
