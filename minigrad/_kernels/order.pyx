"""Order along an axis: sort, topk, extremes and where they stand.

    x (outer, n, inner): lines of n entries (see lines.pxd)

An entry becomes a pair: its key, an unsigned integer, and its place on the line. Keys compare as
PyTorch compares entries: 0 and -0 are equal, so are all NaN, which are larger than all else. If the
order is descending, keys are turned round, bit by bit. float64's kernels take int64 as well.

Equal entries come out in PyTorch's order. The functions of pairs take the same steps as those of
`ops/introsort.py`, which says why and explains them; `divide` to `sift` have their names.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

cimport numpy as cnp

from .arrays cimport REAL_TYPENUM, ordered
from .lines cimport Lines, empty_lines, lines_of
from .real cimport REAL_NAME, real

cnp.import_array()

cdef extern from *:
    """
    #if defined(MINIGRAD_FLOAT32)
    typedef uint32_t order_key;
    #else
    typedef uint64_t order_key;
    #endif
    #define HIGHEST_KEY ((order_key)-1)
    #define SIGN_OF_KEY ((order_key)1 << (8 * sizeof(order_key) - 1))
    """
    ctypedef uint64_t order_key     # of the size of real
    const order_key HIGHEST_KEY, SIGN_OF_KEY

cdef struct Pair:
    order_key key, place

cdef enum:
    SMALL = 16      # entries that are left to insertion


# -- keys -----------------------------------------------------------------------------------------

cdef inline order_key key_of(real x) noexcept nogil:
    cdef order_key bits
    memcpy(&bits, &x, sizeof(real))
    if x != x:
        return HIGHEST_KEY
    if x == 0:
        return SIGN_OF_KEY
    return ~bits if bits & SIGN_OF_KEY else bits | SIGN_OF_KEY


cdef inline order_key key_at(
    const void* x, Py_ssize_t k, bint is_real, order_key turn
) noexcept nogil:
    """The key of entry k of an array, for an order whose keys are turned round by `turn`."""
    if is_real:
        return key_of((<const real*>x)[k]) ^ turn
    return (<order_key>(<const int64_t*>x)[k] ^ SIGN_OF_KEY) ^ turn


# -- introsort ------------------------------------------------------------------------------------

cdef inline void swap(Pair* a, Pair* b) noexcept nogil:
    cdef Pair kept = a[0]
    a[0] = b[0]
    b[0] = kept


cdef void sort_pairs(Pair* p, Py_ssize_t n) noexcept nogil:
    """As ``std::sort``."""
    if n > 1:
        divide(p, n, divisions(n))
        insert_all(p, n)


cdef void select(Pair* p, Py_ssize_t k, Py_ssize_t n) noexcept nogil:
    """As ``std::nth_element``."""
    cdef Py_ssize_t cut, left = divisions(n)
    while n > 3:
        if left == 0:
            keep_smallest(p, k + 1, n)
            swap(p, p + k)
            return
        left -= 1
        cut = partition(p, n)
        if cut <= k:
            p += cut
            k -= cut
            n -= cut
        else:
            n = cut
    insert_all(p, n)


cdef Py_ssize_t divisions(Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t count = 0
    while n > 1:
        n >>= 1
        count += 2
    return count


cdef void divide(Pair* p, Py_ssize_t n, Py_ssize_t left) noexcept nogil:
    cdef Py_ssize_t cut
    while n > SMALL:
        if left == 0:
            keep_smallest(p, n, n)
            sort_heap(p, n)
            return
        left -= 1
        cut = partition(p, n)
        divide(p + cut, n - cut, left)
        n = cut


cdef inline Py_ssize_t partition(Pair* p, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t low = 1, high = n
    swap(p, p + median_of_three(p, 1, n // 2, n - 1))
    cdef order_key pivot = p[0].key
    while True:
        while p[low].key < pivot:
            low += 1
        high -= 1
        while pivot < p[high].key:
            high -= 1
        if low >= high:
            return low
        swap(p + low, p + high)
        low += 1


cdef inline Py_ssize_t median_of_three(
    const Pair* p, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c
) noexcept nogil:
    cdef order_key x = p[a].key, y = p[b].key, z = p[c].key
    if x < y:
        return b if y < z else c if x < z else a
    return a if x < z else c if y < z else b


cdef inline void insert_all(Pair* p, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef Pair inserted
    for i in range(1, n):
        inserted = p[i]
        j = i
        while j > 0 and inserted.key < p[j - 1].key:
            p[j] = p[j - 1]
            j -= 1
        p[j] = inserted


cdef void keep_smallest(Pair* p, Py_ssize_t k, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef Pair moved
    make_heap(p, k)
    for i in range(k, n):
        if p[i].key < p[0].key:
            moved = p[i]
            p[i] = p[0]
            sift(p, 0, k, moved)


cdef inline void make_heap(Pair* p, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n // 2 - 1, -1, -1):
        sift(p, i, n, p[i])


cdef void sort_heap(Pair* p, Py_ssize_t n) noexcept nogil:
    cdef Pair last
    while n > 1:
        n -= 1
        last = p[n]
        p[n] = p[0]
        sift(p, 0, n, last)


cdef void sift(Pair* p, Py_ssize_t hole, Py_ssize_t n, Pair moved) noexcept nogil:
    cdef Py_ssize_t top = hole, child
    while 2 * hole + 2 < n:
        child = 2 * hole + 2
        if p[child].key < p[child - 1].key:
            child -= 1
        p[hole] = p[child]
        hole = child
    if 2 * hole + 2 == n:
        p[hole] = p[n - 1]
        hole = n - 1
    while hole > top and p[(hole - 1) // 2].key < moved.key:
        p[hole] = p[(hole - 1) // 2]
        hole = (hole - 1) // 2
    p[hole] = moved


# -- lines ----------------------------------------------------------------------------------------

cdef void sort_stable(Pair* p, Py_ssize_t n) noexcept nogil:
    """Sort; equal entries come out in the order of their places."""
    cdef Py_ssize_t first = 0, last, k
    cdef order_key key
    sort_pairs(p, n)
    while first < n:
        key = p[first].key
        last = first + 1
        while last < n and p[last].key == key:
            last += 1
        if last > first + 1:
            for k in range(first, last):
                p[k].key = p[k].place
            sort_pairs(p + first, last - first)
        first = last


cdef void smallest_of_line(
    Pair* p,                        # OUT (k,)
    const void* x, Py_ssize_t n, Py_ssize_t stride, bint is_real, order_key turn, Py_ssize_t k,
) noexcept nogil:
    """The k smallest in order, as ``std::partial_sort``: each of the others is looked at once."""
    cdef Py_ssize_t j
    cdef Pair pair
    make_heap(p, k)
    for j in range(k, n):
        pair.key = key_at(x, j * stride, is_real, turn)
        if pair.key < p[0].key:
            pair.place = <order_key>j
            sift(p, 0, k, pair)
    sort_heap(p, k)


cdef struct Wanted:
    Py_ssize_t k        # how many entries of each line
    bint is_real        # of real numbers, not integers
    bint descending
    bint in_order       # all k of them, not only chosen
    bint stable         # in the order of their places, if equal
    bint selected       # as topk does it: chosen first


cdef void order_lines(
    void* values,                   # OUT (outer, k, inner)
    int64_t* places,                # OUT (outer, k, inner)
    const void* x,                  # IN  (outer, n, inner)
    Pair* p,                        # (n,)
    Lines lines, Wanted wanted,
) noexcept nogil:
    cdef Py_ssize_t o, i, j, start, n = lines.n, k = wanted.k, inner = lines.inner
    cdef order_key turn = HIGHEST_KEY if wanted.descending else 0
    cdef bint few = wanted.selected and k * 64 <= n
    cdef const real* line
    for o in range(lines.outer):
        for i in range(inner):
            start = o * n * inner + i
            line = <const real*>x + start           # (int64 has the size of float64)
            for j in range(k if few else n):
                p[j].key = key_at(line, j * inner, wanted.is_real, turn)
                p[j].place = <order_key>j
            if few:
                smallest_of_line(p, line, n, inner, wanted.is_real, turn, k)
            elif wanted.selected:
                select(p, k - 1, n)
                if wanted.in_order:
                    sort_pairs(p, k - 1)
            elif wanted.stable:
                sort_stable(p, n)
            else:
                sort_pairs(p, n)
            start = o * k * inner + i
            for j in range(k):
                places[start + j * inner] = <int64_t>p[j].place
                (<real*>values)[start + j * inner] = line[<Py_ssize_t>p[j].place * inner]


cdef tuple ordered_lines(cnp.ndarray x, int axis, Wanted wanted):
    cdef int typenum = cnp.PyArray_TYPE(x)
    wanted.is_real = typenum == REAL_TYPENUM
    if not (wanted.is_real or (typenum == cnp.NPY_INT64 and REAL_NAME == b"float64")):
        return None
    x = ordered(x)
    cdef Lines lines = lines_of(x, axis)
    if wanted.k < 0:
        wanted.k = lines.n
    if wanted.k > lines.n or <uint64_t>lines.n > <uint64_t>HIGHEST_KEY:
        return None
    cdef cnp.ndarray values = empty_lines(x, axis, wanted.k, typenum)
    cdef cnp.ndarray places = empty_lines(x, axis, wanted.k, cnp.NPY_INT64)
    if cnp.PyArray_SIZE(values) == 0:
        return values, places
    cdef Pair[64] short_line        # (malloc takes as long as to sort so many)
    cdef Pair* p = short_line
    if lines.n > 64:
        p = <Pair*>malloc(lines.n * sizeof(Pair))
        if p is NULL:
            raise MemoryError
    with nogil:
        order_lines(
            cnp.PyArray_DATA(values), <int64_t*>cnp.PyArray_DATA(places), cnp.PyArray_DATA(x), p,
            lines, wanted,
        )
    if p != short_line:
        free(p)
    return values, places


def sort(cnp.ndarray x not None, int axis, bint descending, bint stable):
    """The entries in order along `axis`, and their places; None if `x` is of another type."""
    cdef Wanted wanted
    wanted.k, wanted.descending, wanted.in_order = -1, descending, True
    wanted.stable, wanted.selected = stable, False
    return ordered_lines(x, axis, wanted)


def topk(cnp.ndarray x not None, Py_ssize_t k, int axis, bint largest, bint in_order):
    """The `k` largest (or smallest) along `axis`, and their places; None as above."""
    if k < 0:
        raise ValueError(f"k: {k} is negative")
    cdef Wanted wanted
    wanted.k, wanted.descending, wanted.in_order = k, largest, in_order
    wanted.stable, wanted.selected = False, True
    return ordered_lines(x, axis, wanted)


cdef Py_ssize_t place_of_median(
    Pair* p,                        # (n,)
    const void* x, Py_ssize_t n, Py_ssize_t stride, bint is_real,
) noexcept nogil:
    """Where the lower median is, of equal ones in the order of their places; or the first NaN."""
    cdef Py_ssize_t j, place = 0, rank = (n - 1) // 2
    cdef order_key middle
    for j in range(n):
        p[j].key = key_at(x, j * stride, is_real, 0)
        if is_real and p[j].key == HIGHEST_KEY:
            return j
    select(p, rank, n)
    middle = p[rank].key
    for j in range(n):
        rank -= p[j].key < middle
    for j in range(n):
        if key_at(x, j * stride, is_real, 0) == middle:
            place = j
            if rank == 0:
                break
            rank -= 1
    return place


def median(cnp.ndarray x not None, int axis):
    """The lower medians along `axis`, which is kept, and their places; None as above."""
    cdef int typenum = cnp.PyArray_TYPE(x)
    cdef bint is_real = typenum == REAL_TYPENUM
    if not (is_real or (typenum == cnp.NPY_INT64 and REAL_NAME == b"float64")):
        return None
    x = ordered(x)
    cdef Lines lines = lines_of(x, axis)
    cdef cnp.ndarray values = empty_lines(x, axis, 1, typenum)
    cdef cnp.ndarray places = empty_lines(x, axis, 1, cnp.NPY_INT64)
    cdef int64_t* place = <int64_t*>cnp.PyArray_DATA(places)
    cdef real* value = <real*>cnp.PyArray_DATA(values)              # (int64 has that size, too)
    cdef const real* line = <const real*>cnp.PyArray_DATA(x)
    cdef Py_ssize_t _, i, n = lines.n, inner = lines.inner
    if n == 0:
        raise ValueError("x: no entry along the axis")
    cdef Pair* p = <Pair*>malloc(n * sizeof(Pair))
    if p is NULL:
        raise MemoryError
    with nogil:
        for _ in range(lines.outer):
            for i in range(inner):
                place[0] = place_of_median(p, line + i, n, inner, is_real)
                value[0] = line[i + place[0] * inner]
                place += 1
                value += 1
            line += n * inner
    free(p)
    return values, places


# -- extremes -------------------------------------------------------------------------------------

cdef inline bint beats(real x, real best, bint largest) noexcept nogil:
    # x > best, or x < best; NaN beats all but another NaN
    if x <= best if largest else x >= best:
        return False
    return best == best


cdef inline bint any_beats(const real* x, real best, bint largest) noexcept nogil:
    """Whether one of 16 entries may be better."""
    cdef int k
    cdef int found = 0
    for k in range(16):
        found |= not (x[k] <= best if largest else x[k] >= best)
    return found


cdef inline void extremes_of_lines(
    real* values,                   # OUT (outer, inner)
    int64_t* places,                # OUT (outer, inner)
    const real* x,                  # IN  (outer, n, inner)
    Lines lines, bint largest,
) noexcept nogil:
    # x.argmax(axis), x.max(axis): the first of equal entries
    cdef Py_ssize_t _, i, k, place, n = lines.n, inner = lines.inner
    cdef real best
    for _ in range(lines.outer):
        if inner == 1:
            best, place, k = x[0], 0, 1
            while k < n:
                # most pieces have nothing better, which the compiler finds out with vectors
                if k + 16 <= n and not any_beats(x + k, best, largest):
                    k += 16
                    continue
                for k in range(k, min(k + 16, n)):
                    if beats(x[k], best, largest):
                        best, place = x[k], k
                k += 1
            values[0], places[0] = best, place
        else:
            for i in range(inner):
                values[i], places[i] = x[i], 0
            for k in range(1, n):
                for i in range(inner):
                    if beats(x[k * inner + i], values[i], largest):
                        values[i], places[i] = x[k * inner + i], k
        x += n * inner
        values += inner
        places += inner


def extremes(cnp.ndarray x not None, int axis, bint largest, bint keepdim):
    """The largest (or smallest) entries along `axis`, and their places; None for another type."""
    if cnp.PyArray_TYPE(x) != REAL_TYPENUM:
        return None
    x = ordered(x)
    cdef Lines lines = lines_of(x, axis)
    if lines.n == 0:
        raise ValueError("x: no entry along the axis")
    cdef int n = 1 if keepdim else -1
    cdef cnp.ndarray values = empty_lines(x, axis, n, REAL_TYPENUM)
    cdef cnp.ndarray places = empty_lines(x, axis, n, cnp.NPY_INT64)
    cdef real* best = <real*>cnp.PyArray_DATA(values)
    cdef int64_t* place = <int64_t*>cnp.PyArray_DATA(places)
    cdef const real* entries = <const real*>cnp.PyArray_DATA(x)
    with nogil:
        if largest:     # (a loop for each)
            extremes_of_lines(best, place, entries, lines, True)
        else:
            extremes_of_lines(best, place, entries, lines, False)
    return values, places
