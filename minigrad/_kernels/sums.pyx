"""Reductions of rows and of columns: sums, means, norms, variances, logsumexp, extremes.

An array is seen as (outer, n, inner) and reduced along the axis in the middle, which may stand for
several axes or for all. Each function takes a row of n numbers that are neighbours in memory, with
its NumPy line as a comment; of columns, as many as a vector has lanes are copied into rows first.
What is added is added in blocks, as `minigrad.arrays.sums` promises: see `row.pxd`.
"""

from libc.math cimport log, sqrt

cimport numpy as cnp

from .arrays cimport REAL_TYPENUM, PyArray_ISCARRAY_RO, data
from .real cimport LANES, load, real, scratch, scratch_free, store, transpose, vec
from .row cimport exp_below, highest, total_in_double, total_of_products, variance_of

cnp.import_array()

ctypedef real (*reduction)(const real* x, Py_ssize_t n, double p) noexcept nogil

cdef enum:
    FEW = 1024              # numbers whose sums along narrow or short columns NumPy makes no faster
    NARROW = 32             # columns
    SHORT = 8               # rows
    WIDTH = 1024            # of a strip of columns that is added at a time
    BLOCK = 64              # rows that are added one after the other
    LONGEST_COLUMN = 1 << 18
    CHUNK = 512             # numbers that are made for a sum at a time
    MOST_AXES = 32
    MOST_LANES = 16


cdef real sum_of(const real* x, Py_ssize_t n, double p) noexcept nogil:
    # x.sum()
    return <real>total_in_double(x, n)


cdef real mean_of(const real* x, Py_ssize_t n, double p) noexcept nogil:
    # x.mean()
    return <real>(total_in_double(x, n) / n)


cdef real norm_of(const real* x, Py_ssize_t n, double p) noexcept nogil:
    # np.sqrt((x * x).sum())
    return <real>sqrt(total_of_products(x, x, n))


cdef real var_of(const real* x, Py_ssize_t n, double divisor) noexcept nogil:
    # ((x - x.mean())**2).sum() / divisor
    cdef real base, shift
    return <real>(variance_of(&base, &shift, x, n) * n / divisor)


cdef real std_of(const real* x, Py_ssize_t n, double divisor) noexcept nogil:
    # np.sqrt(((x - x.mean())**2).sum() / divisor)
    cdef real base, shift
    return <real>sqrt(variance_of(&base, &shift, x, n) * n / divisor)


cdef real logsumexp_of(const real* x, Py_ssize_t n, double p) noexcept nogil:
    # np.log(np.exp(x - x.max()).sum()) + x.max(); if that is infinite, it is the result
    cdef real top = highest(x, n)
    cdef real[CHUNK] terms
    cdef double sum = 0
    cdef Py_ssize_t i = 0, some
    if top - top != 0:
        for i in range(n):
            if x[i] != x[i]:
                top = x[i]
        return top
    while i < n:
        some = min(CHUNK, n - i)
        exp_below(terms, x + i, top, some)
        sum += total_in_double(terms, some)
        i += some
    return <real>(log(sum) + top)


cdef real max_of(const real* x, Py_ssize_t n, double p) noexcept nogil:
    # x.max()
    cdef Py_ssize_t i
    cdef real best = x[0]
    for i in range(1, n):
        if not best >= x[i] and best == best:      # (a NaN stays, and replaces any number)
            best = x[i]
    return best


cdef real min_of(const real* x, Py_ssize_t n, double p) noexcept nogil:
    # x.min()
    cdef Py_ssize_t i
    cdef real best = x[0]
    for i in range(1, n):
        if not best <= x[i] and best == best:
            best = x[i]
    return best


cdef reduction[8] reductions
cdef dict index = {}                # name: place in the table


cdef entry(str name, reduction function):
    reductions[len(index)] = function
    index[name] = len(index)


entry("sum", sum_of)
entry("mean", mean_of)
entry("norm", norm_of)
entry("var", var_of)
entry("std", std_of)
entry("logsumexp", logsumexp_of)
entry("max", max_of)
entry("min", min_of)


cdef void columns_to_rows(
    real* rows,                         # OUT (W, n)
    const real* x,                      # IN  (n, inner), the first W columns of it
    Py_ssize_t n, Py_ssize_t inner, Py_ssize_t W,
) noexcept nogil:
    cdef vec[MOST_LANES] tile
    cdef Py_ssize_t i = 0, j
    while W == LANES and i + LANES <= n:
        for j in range(LANES):
            tile[j] = load(x + (i + j) * inner)
        transpose(tile)
        for j in range(LANES):
            store(rows + j * n + i, tile[j])
        i += LANES
    for i in range(i, n):
        for j in range(W):
            rows[j * n + i] = x[i * inner + j]


cdef int reduce_columns(
    real* y,                            # OUT (outer, inner)
    const real* x,                      # IN  (outer, n, inner)
    reduction f, double p, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
) noexcept nogil:
    """-1 if there is no memory."""
    cdef real* rows = scratch(LANES * n)
    cdef Py_ssize_t k, j, c, W
    if rows is NULL:
        return -1
    for k in range(outer):
        c = 0
        while c < inner:
            W = min(LANES, inner - c)
            columns_to_rows(rows, x + k * n * inner + c, n, inner, W)
            for j in range(W):
                y[k * inner + c + j] = f(rows + j * n, n, p)
            c += W
    scratch_free(rows)
    return 0


cdef void sum_columns(
    real* y,                            # OUT (W,)
    const real* x,                      # IN  (n, inner), the first W columns of it
    Py_ssize_t n, Py_ssize_t inner, Py_ssize_t W, double divisor,
) noexcept nogil:
    # x.sum(0) / divisor: four rows at a time, in blocks of rows that are added in double
    cdef real[WIDTH] block
    cdef double[WIDTH] sums
    cdef Py_ssize_t i = 0, j, end
    cdef const real* rows
    for j in range(W):
        sums[j] = 0
    while i < n:
        end = min(n, i + BLOCK)
        for j in range(W):
            block[j] = 0
        while i + 4 <= end:
            rows = x + i * inner
            j = 0
            while j + LANES <= W:
                store(block + j, load(block + j) + (
                    (load(rows + j) + load(rows + j + inner))
                    + (load(rows + j + 2 * inner) + load(rows + j + 3 * inner))))
                j += LANES
            for j in range(j, W):
                block[j] += ((rows[j] + rows[j + inner])
                             + (rows[j + 2 * inner] + rows[j + 3 * inner]))
            i += 4
        while i < end:
            for j in range(W):
                block[j] += x[i * inner + j]
            i += 1
        for j in range(W):
            sums[j] += block[j]
    for j in range(W):
        y[j] = <real>(sums[j] / divisor)


cdef void sum_all_columns(
    real* y,                            # OUT (outer, inner)
    const real* x,                      # IN  (outer, n, inner)
    Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner, double divisor,
) noexcept nogil:
    cdef Py_ssize_t _, c
    for _ in range(outer):
        c = 0
        while c < inner:
            sum_columns(y + c, x + c, n, inner, min(WIDTH, inner - c), divisor)
            c += WIDTH
        y += inner
        x += n * inner


def reduced(str name not None, x, axes, bint keepdims, double p=0):
    """The reduction `name` of `x`; None if it does not suit, as an array that is not row by row.

    `axes`, None for all, is an int or a tuple of ints, counted from the front.
    """
    found = index.get(name)
    if found is None or not isinstance(x, cnp.ndarray):
        return None
    cdef cnp.ndarray a = <cnp.ndarray>x
    cdef int ndim = cnp.PyArray_NDIM(a), axis, first = 0, last = ndim - 1, rank = 0
    if (
        cnp.PyArray_TYPE(a) != REAL_TYPENUM or not PyArray_ISCARRAY_RO(a) or ndim > MOST_AXES
        or cnp.PyArray_SIZE(a) == 0
    ):
        return None
    if isinstance(axes, int):
        first = last = axes
    elif axes is not None:
        if len(<tuple?>axes) == 0:
            return None
        first, last = min(axes), max(axes)
        if last - first + 1 != len(set(axes)):
            return None
    if ndim > 0 and not 0 <= first <= last < ndim:
        return None
    cdef Py_ssize_t outer = 1, n = 1, inner = 1
    cdef cnp.npy_intp[MOST_AXES] shape
    for axis in range(ndim):
        if axis < first:
            outer *= a.shape[axis]
        elif axis > last:
            inner *= a.shape[axis]
        else:
            n *= a.shape[axis]
            if keepdims:
                shape[rank] = 1
                rank += 1
            continue
        shape[rank] = a.shape[axis]
        rank += 1
    cdef reduction f = reductions[<int>found]
    cdef bint adds = f == sum_of or f == mean_of
    cdef int failed = 0
    if inner > 1 and not adds and n > LONGEST_COLUMN:
        return None
    if inner > 1 and adds and n * inner > FEW and (inner < NARROW or n < SHORT):
        return None
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(rank, shape, REAL_TYPENUM, 0)
    cdef real* y = data(result)
    cdef const real* source = data(a)
    cdef Py_ssize_t k
    with nogil:
        if inner == 1:
            for k in range(outer):
                y[k] = f(source + k * n, n, p)
        elif adds:
            sum_all_columns(y, source, outer, n, inner, n if f == mean_of else 1)
        else:
            failed = reduce_columns(y, source, f, p, outer, n, inner)
    if failed:
        raise MemoryError
    return result
