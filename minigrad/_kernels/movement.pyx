"""Movement of entries: gather and scatter, rows by number, repeating, joining,
triangles, where, one_hot.

What only moves entries looks at their size, not at their type: float32's kernels move int32 too,
float64's int64. Each of them returns None, and has written nothing that anybody sees, if the
arrays do not suit it or an index is out of range: what NumPy does then, or which error is raised,
stands in `ops/index.py`.

Who holds an array may change an index while it is read, in another thread. So each number is
compared with the size of its axis right where it is used.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

cimport numpy as cnp
from cpython.ref cimport Py_INCREF

from .arrays cimport (
    REAL_TYPENUM,
    PyArray_ISBEHAVED_RO,
    PyArray_ISCARRAY,
    PyArray_ISCARRAY_RO,
    data,
    ordered,
    same_shape,
)
from .lines cimport Lines, lines_of
from .real cimport real

cnp.import_array()

cdef extern from *:
    """
    #include <stdint.h>
    #if defined(MINIGRAD_FLOAT32)
    typedef uint32_t item;
    #else
    typedef uint64_t item;
    #endif
    """
    ctypedef unsigned long item     # of the size of real

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyTypeObject:
        pass
    PyTypeObject PyArray_Type
    object PyArray_NewFromDescr(        # takes over descr
        PyTypeObject* kind, cnp.dtype descr, int ndim, const cnp.npy_intp* shape,
        const cnp.npy_intp* strides, void* data, int flags, void* like)

cdef enum:
    MOST_AXES = 64
    MANY = 1024         # up to so many numbers are added one after the other in their own type


cdef inline bint is_movable(cnp.ndarray a) noexcept:
    """Whether the entries of `a` are numbers of this size."""
    cdef int typenum = cnp.PyArray_TYPE(a)
    return (
        cnp.PyArray_ITEMSIZE(a) == sizeof(item)
        and (cnp.PyTypeNum_ISINTEGER(typenum) or cnp.PyTypeNum_ISFLOAT(typenum))
        and PyArray_ISBEHAVED_RO(a)
    )


cdef inline cnp.ndarray new_array(cnp.ndarray like, int ndim, cnp.npy_intp* shape):
    return cnp.PyArray_EMPTY(ndim, shape, cnp.PyArray_TYPE(like), 0)


# -- gather, and what puts back -------------------------------------------------------------------

cdef enum Action:
    GET, PUT, ADD, ADD_IN_DOUBLE

cdef struct Walk:       # over the entries of an index, in row-major order
    int ndim, axis
    Py_ssize_t size     # how many entries the index may choose from
    Py_ssize_t[MOST_AXES] shape, of_chosen, of_entries      # the index's; strides in bytes
    Py_ssize_t[MOST_AXES] at


cdef inline Py_ssize_t row_of_walk(
    Action action, char* chosen, char* entry, const int64_t* index, Walk* w,
) noexcept nogil:
    """One row of the index: how many of its numbers could be used."""
    cdef Py_ssize_t last = w.ndim - 1, n = w.shape[last], k, along
    cdef Py_ssize_t step = 0 if w.axis == last else w.of_chosen[last]
    cdef Py_ssize_t jump = w.of_chosen[w.axis], entry_step = w.of_entries[last]
    cdef char* place
    for k in range(n):
        along = index[k]
        if along < 0 or along >= w.size:
            return k
        place = chosen + k * step + along * jump
        if action == GET:
            (<item*>(entry + k * entry_step))[0] = (<item*>place)[0]
        elif action == PUT:
            (<item*>place)[0] = (<item*>(entry + k * entry_step))[0]
        elif action == ADD:
            (<real*>place)[0] += (<real*>(entry + k * entry_step))[0]
        else:
            (<double*>place)[0] += (<real*>(entry + k * entry_step))[0]
    return n


cdef bint walk(
    Action action,
    char* chosen,               # the array that the index chooses from
    char* entry,                # entries that correspond to those of the index
    const int64_t* index, Walk* w,
) noexcept nogil:
    """Whether all of the index could be used."""
    cdef Py_ssize_t n = w.shape[w.ndim - 1], done
    cdef int k
    for k in range(w.ndim):
        if w.shape[k] == 0:
            return True
        w.at[k] = 0
    while True:
        if action == GET:       # (a loop for each)
            done = row_of_walk(GET, chosen, entry, index, w)
        elif action == PUT:
            done = row_of_walk(PUT, chosen, entry, index, w)
        elif action == ADD:
            done = row_of_walk(ADD, chosen, entry, index, w)
        else:
            done = row_of_walk(ADD_IN_DOUBLE, chosen, entry, index, w)
        if done < n:
            return False
        index += n
        k = w.ndim - 2          # on to the next row: the last number that can grow, grows
        while k >= 0:
            entry += w.of_entries[k]
            if k != w.axis:
                chosen += w.of_chosen[k]
            w.at[k] += 1
            if w.at[k] < w.shape[k]:
                break
            entry -= w.shape[k] * w.of_entries[k]
            if k != w.axis:
                chosen -= w.shape[k] * w.of_chosen[k]
            w.at[k] = 0
            k -= 1
        if k < 0:
            return True


cdef bint prepare(
    Walk* w, cnp.ndarray chosen, cnp.ndarray entries, cnp.ndarray index, int axis
) noexcept:
    """Whether the three go together; if so, `w` is made."""
    cdef int k, ndim = cnp.PyArray_NDIM(index)
    if cnp.PyArray_TYPE(index) != cnp.NPY_INT64 or not PyArray_ISCARRAY_RO(index):
        return False
    if ndim < 1 or ndim > MOST_AXES or axis < 0 or axis >= ndim:
        return False
    if cnp.PyArray_NDIM(chosen) != ndim or cnp.PyArray_NDIM(entries) != ndim:
        return False
    for k in range(ndim):
        if entries.shape[k] != index.shape[k]:
            return False
        if k != axis and index.shape[k] > chosen.shape[k]:
            return False
        w.shape[k] = index.shape[k]
        w.of_chosen[k], w.of_entries[k] = chosen.strides[k], entries.strides[k]
    w.ndim, w.axis, w.size = ndim, axis, chosen.shape[axis]
    return True


cdef bint all_within(const int64_t* index, Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t k
    cdef uint64_t outside = 0, last = <uint64_t>size - 1
    for k in range(n):      # the sign of k, or of what is left behind it, says that it is outside
        outside |= <uint64_t>index[k] | (last - <uint64_t>index[k])
    return outside >> 63 == 0


def within(cnp.ndarray index not None, Py_ssize_t low, Py_ssize_t high):
    # bool(((index >= low) & (index < high)).all())
    if cnp.PyArray_TYPE(index) != cnp.NPY_INT64 or not PyArray_ISCARRAY_RO(index) or low >= high:
        return None
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(index), k
    cdef uint64_t outside = 0, last = <uint64_t>high - <uint64_t>low - 1, at
    with nogil:
        for k in range(n):
            at = <uint64_t>i[k] - <uint64_t>low
            outside |= at > last
    return not outside


def gather(cnp.ndarray x not None, cnp.ndarray index not None, int axis):
    """As ``np.take_along_axis(x, index, axis)``, for an index that may be shorter than x."""
    cdef Walk w
    if not is_movable(x):
        return None
    index = ordered(index)
    cdef cnp.ndarray result = new_array(x, cnp.PyArray_NDIM(index), cnp.PyArray_DIMS(index))
    if not prepare(&w, x, result, index, axis):
        return None
    cdef char* chosen = <char*>cnp.PyArray_DATA(x)
    cdef char* entry = <char*>cnp.PyArray_DATA(result)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef bint done
    with nogil:
        done = walk(GET, chosen, entry, i, &w)
    return result if done else None


def put(
    cnp.ndarray out not None, cnp.ndarray index not None, cnp.ndarray source not None, int axis
):
    """As ``np.put_along_axis(out, index, source, axis)``; whether it was done."""
    cdef Walk w
    if not (is_movable(out) and is_movable(source) and cnp.PyArray_ISWRITEABLE(out)):
        return False
    if cnp.PyArray_TYPE(out) != cnp.PyArray_TYPE(source):
        return False
    index = ordered(index)
    if not prepare(&w, out, source, index, axis):
        return False
    cdef char* chosen = <char*>cnp.PyArray_DATA(out)
    cdef char* entry = <char*>cnp.PyArray_DATA(source)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(index)
    cdef bint done
    with nogil:
        done = all_within(i, n, w.size) and walk(PUT, chosen, entry, i, &w)
    return done


def add(cnp.ndarray out not None, cnp.ndarray index not None, cnp.ndarray g not None, int axis):
    """Add `g` where `put` would put it; whether it was done. Many numbers are summed in double."""
    cdef Walk w
    if not (cnp.PyArray_TYPE(out) == cnp.PyArray_TYPE(g) == REAL_TYPENUM and is_movable(g)):
        return False
    index = ordered(index)
    if not (PyArray_ISCARRAY(out) and prepare(&w, out, g, index, axis)):
        return False
    cdef bint in_double = sizeof(real) == 4 and w.shape[axis] > MANY
    cdef real* total = data(out)
    cdef char* entry = <char*>cnp.PyArray_DATA(g)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(index), size = cnp.PyArray_SIZE(out), k
    cdef double* sums = NULL
    cdef bint done
    if in_double:
        sums = <double*>calloc(size, sizeof(double))
        if sums is NULL:
            raise MemoryError
        for k in range(w.ndim):
            w.of_chosen[k] *= 2         # as far in doubles
    with nogil:
        done = all_within(i, n, w.size)
        if done and not in_double:
            done = walk(ADD, <char*>total, entry, i, &w)
        elif done:
            done = walk(ADD_IN_DOUBLE, <char*>sums, entry, i, &w)
            if done:
                for k in range(size):
                    total[k] = <real>(total[k] + sums[k])
    free(sums)
    return done


# -- rows by number -------------------------------------------------------------------------------

cdef bint take_rows(
    item* target,                   # OUT (outer, m, inner)
    const item* source,             # IN  (outer, n, inner)
    const int64_t* index,           # IN  (m,)
    Py_ssize_t m, Lines lines, Py_ssize_t least,
) noexcept nogil:
    """Whether all of the index was from `least` up to n."""
    cdef Py_ssize_t _, j, at, n = lines.n, inner = lines.inner
    for _ in range(lines.outer):
        for j in range(m):
            at = index[j]
            if at < least or at >= n:
                return False
            at += n if at < 0 else 0
            if inner == 1:
                target[j] = source[at]
            else:
                memcpy(target + j * inner, source + at * inner, inner * sizeof(item))
        source += n * inner
        target += m * inner
    return True


def take(
    cnp.ndarray x not None,         # IN  (outer, n, inner)
    cnp.ndarray index not None,     # IN  of any shape
    int axis, bint from_the_end,    # whether -1 is the last one
):
    # x.take(index, axis)
    if not (is_movable(x) and PyArray_ISCARRAY_RO(x)) or cnp.PyArray_SIZE(x) == 0:
        return None
    index = ordered(index)
    if cnp.PyArray_TYPE(index) != cnp.NPY_INT64:
        return None
    cdef Lines lines = lines_of(x, axis)
    cdef cnp.npy_intp[MOST_AXES] shape
    cdef int k, ndim = 0
    if cnp.PyArray_NDIM(x) + cnp.PyArray_NDIM(index) > MOST_AXES:
        return None
    for k in range(cnp.PyArray_NDIM(x)):
        if k != axis:
            shape[ndim] = x.shape[k]
            ndim += 1
        else:
            for ndim in range(axis, axis + cnp.PyArray_NDIM(index)):
                shape[ndim] = index.shape[ndim - axis]
            ndim = axis + cnp.PyArray_NDIM(index)
    cdef cnp.ndarray result = new_array(x, ndim, shape)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef const item* source = <const item*>cnp.PyArray_DATA(x)
    cdef item* target = <item*>cnp.PyArray_DATA(result)
    cdef Py_ssize_t m = cnp.PyArray_SIZE(index)
    cdef bint done
    with nogil:
        done = take_rows(target, source, i, m, lines, -lines.n if from_the_end else 0)
    return result if done else None


# -- repeating ------------------------------------------------------------------------------------

def broadcast(cnp.ndarray x not None, tuple shape not None):
    """A view, ``np.broadcast_to(x, shape)``, but one that can be written to as x can."""
    cdef cnp.npy_intp[MOST_AXES] sizes, steps
    cdef int k, ndim = <int>len(shape), lead = ndim - cnp.PyArray_NDIM(x)
    if lead < 0 or ndim > MOST_AXES:
        return None
    for k in range(ndim):
        sizes[k] = shape[k]
        if sizes[k] < 0:
            return None
        steps[k] = 0
        if k >= lead:
            if x.shape[k - lead] == sizes[k]:
                steps[k] = x.strides[k - lead]
            elif x.shape[k - lead] != 1:
                return None
    cdef cnp.dtype kind = x.dtype
    Py_INCREF(kind)
    cdef cnp.ndarray view = PyArray_NewFromDescr(
        &PyArray_Type, kind, ndim, sizes, steps, cnp.PyArray_DATA(x),
        cnp.PyArray_FLAGS(x) & cnp.NPY_ARRAY_WRITEABLE, NULL,
    )
    cnp.set_array_base(view, x)
    cnp.PyArray_UpdateFlags(view, cnp.NPY_ARRAY_UPDATE_ALL)
    return view


# -- joining --------------------------------------------------------------------------------------

def join(list arrays not None, int axis, bint along_a_new_one):
    """``np.concatenate(arrays, axis)``, or ``np.stack(arrays, axis)``; of one type, row by row."""
    cdef cnp.ndarray first, a
    cdef cnp.npy_intp[MOST_AXES] shape
    cdef Py_ssize_t outer = 1, inner = 1, row = 0, run, k
    cdef int ndim, j, rank
    if len(arrays) == 0 or not cnp.PyArray_CheckExact(arrays[0]):
        return None
    first = <cnp.ndarray>arrays[0]
    ndim = cnp.PyArray_NDIM(first)
    rank = ndim + 1 if along_a_new_one else ndim
    if rank == 0 or rank > MOST_AXES or axis < -rank or axis >= rank or not is_movable(first):
        return None
    axis += rank if axis < 0 else 0
    for j in range(axis):
        outer *= first.shape[j]
        shape[j] = first.shape[j]
    for j in range(axis if along_a_new_one else axis + 1, ndim):
        inner *= first.shape[j]
        shape[j + rank - ndim] = first.shape[j]
    shape[axis] = 0
    for each in arrays:
        if not cnp.PyArray_CheckExact(each):
            return None
        a = <cnp.ndarray>each
        if cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(first) or not PyArray_ISCARRAY_RO(a):
            return None
        if cnp.PyArray_NDIM(a) != ndim:
            return None
        for j in range(ndim):
            if a.shape[j] != first.shape[j] and (along_a_new_one or j != axis):
                return None
        shape[axis] += 1 if along_a_new_one else a.shape[axis]
    cdef cnp.ndarray result = new_array(first, rank, shape)
    if cnp.PyArray_SIZE(result) == 0:   # whose other axes may be of any size
        return result
    cdef item* target = <item*>cnp.PyArray_DATA(result)
    cdef const item* source
    row = shape[axis] * inner
    for each in arrays:
        a = <cnp.ndarray>each
        run = inner if along_a_new_one else a.shape[axis] * inner
        source = <const item*>cnp.PyArray_DATA(a)
        for k in range(outer):
            memcpy(target + k * row, source + k * run, run * sizeof(item))
        target += run
    return result


def one_hot(cnp.ndarray index not None, Py_ssize_t classes):
    # (index[..., None] == np.arange(classes)).astype(np.int64); -1 classes: index.max() + 1
    if sizeof(item) != sizeof(int64_t) or cnp.PyArray_TYPE(index) != cnp.NPY_INT64:
        return None
    index = ordered(index)
    cdef const int64_t* i = <const int64_t*>cnp.PyArray_DATA(index)
    cdef Py_ssize_t k, n = cnp.PyArray_SIZE(index)
    cdef int ndim = cnp.PyArray_NDIM(index)
    if n == 0 or ndim == MOST_AXES:
        return None
    if classes == -1:
        classes = 0
        for k in range(n):
            classes = max(classes, i[k] + 1)
    if classes <= 0:
        return None
    cdef cnp.npy_intp[MOST_AXES] shape
    for k in range(ndim):
        shape[k] = index.shape[k]
    shape[ndim] = classes
    cdef cnp.ndarray result = cnp.PyArray_ZEROS(ndim + 1, shape, cnp.NPY_INT64, 0)
    cdef int64_t* marks = <int64_t*>cnp.PyArray_DATA(result)
    cdef Py_ssize_t at
    for k in range(n):
        at = i[k]
        if at < 0 or at >= classes:
            return None
        marks[k * classes + at] = 1
    return result


# -- entries that stay, or not --------------------------------------------------------------------

def triangle(cnp.ndarray x not None, Py_ssize_t diagonal, bint upper):
    # np.triu(x, diagonal) if upper else np.tril(x, diagonal)
    cdef int ndim = cnp.PyArray_NDIM(x)
    if not (is_movable(x) and PyArray_ISCARRAY_RO(x)) or ndim < 2:
        return None
    cdef cnp.ndarray result = new_array(x, ndim, cnp.PyArray_DIMS(x))
    cdef const item* source = <const item*>cnp.PyArray_DATA(x)
    cdef item* target = <item*>cnp.PyArray_DATA(result)
    cdef Py_ssize_t R = x.shape[ndim - 2], C = x.shape[ndim - 1], row, cut
    cdef Py_ssize_t matrices = cnp.PyArray_SIZE(x) // (R * C) if cnp.PyArray_SIZE(x) else 0, _
    # the first column above the diagonal, or on it; no diagonal is further off than R + C
    diagonal = min(max(diagonal, -R - C), R + C) + (0 if upper else 1)
    with nogil:
        for _ in range(matrices):
            for row in range(R):
                cut = min(max(row + diagonal, 0), C)
                if upper:
                    memset(target, 0, cut * sizeof(item))
                    memcpy(target + cut, source + cut, (C - cut) * sizeof(item))
                else:
                    memcpy(target, source, cut * sizeof(item))
                    memset(target + cut, 0, (C - cut) * sizeof(item))
                source += C
                target += C
    return result


# (a number of another of NumPy's types decides of what type the result is)
cdef tuple NUMBERS = (int, float, <object>cnp.PyArray_TypeObjectFromType(REAL_TYPENUM))


cdef bint suits(object value, cnp.ndarray mask):
    """Whether `value` is a number, or an array of real numbers as large as the mask, or 0-d."""
    if not isinstance(value, cnp.ndarray):
        return type(value) in NUMBERS
    cdef cnp.ndarray array = <cnp.ndarray>value
    return (
        cnp.PyArray_TYPE(array) == REAL_TYPENUM
        and PyArray_ISCARRAY_RO(array)
        and (cnp.PyArray_NDIM(array) == 0 or same_shape(array, mask))
    )


def choose(cnp.ndarray mask not None, object a, object b):
    """``np.where(mask, a, b)`` of real numbers; `a` or `b` may be one number."""
    if cnp.PyArray_TYPE(mask) != cnp.NPY_BOOL or not PyArray_ISCARRAY_RO(mask):
        return None
    if not (suits(a, mask) and suits(b, mask)):
        return None
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(
        cnp.PyArray_NDIM(mask), cnp.PyArray_DIMS(mask), REAL_TYPENUM, 0
    )
    cdef Py_ssize_t n = cnp.PyArray_SIZE(mask), k
    cdef const uint8_t* m = <const uint8_t*>cnp.PyArray_DATA(mask)
    cdef real* y = data(result)
    cdef double number_a = 0, number_b = 0
    cdef const real* x = NULL
    cdef const real* z = NULL
    if isinstance(a, cnp.ndarray) and cnp.PyArray_NDIM(a) > 0:
        x = data(a)
    else:
        number_a = a
    if isinstance(b, cnp.ndarray) and cnp.PyArray_NDIM(b) > 0:
        z = data(b)
    else:
        number_b = b
    cdef real yes = <real>number_a, no = <real>number_b
    with nogil:     # (both are read first, so that the compiler may make vectors of it)
        if x != NULL and z != NULL:
            for k in range(n):
                yes, no = x[k], z[k]
                y[k] = yes if m[k] else no
        elif x != NULL:
            for k in range(n):
                yes = x[k]
                y[k] = yes if m[k] else no
        elif z != NULL:
            for k in range(n):
                no = z[k]
                y[k] = yes if m[k] else no
        else:
            for k in range(n):
                y[k] = yes if m[k] else no
    return result
