"""Which rows of memory belong to which step: dense and ragged batches, both directions.

A dense batch is an array (T, N, ...). A ragged one has its rows (R, ...) without any padding, step
after step, the sequences sorted by length: step t has the first batch_sizes[t] of them. That is
never more than the step before it has, so a sequence is a row number that is valid for the first
few steps.

A layer that runs backwards in time (reverse) starts every sequence at its own end: as t falls,
sequences join. One that runs forwards loses sequences as t grows. Both follow from one rule, that
of `rows_at`: a step works on the rows that it has, and leaves the others alone.

All loops over time take the rows [first, last) of the batch, for the whole sequence: they share
nothing but what they read.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from .real cimport real


cdef struct Sequence:
    Py_ssize_t T
    Py_ssize_t N                # sequences in the batch, those of length zero too
    Py_ssize_t first, last      # the rows of the batch to work on
    const int64_t* batch_sizes  # (T,), or NULL: N at every step
    const Py_ssize_t* starts    # (T + 1,) sums of batch_sizes; NULL with it
    bint reverse


cdef inline Py_ssize_t start_of(const Sequence* s, Py_ssize_t t) noexcept nogil:
    """The row of memory at which step t begins."""
    return t * s.N if s.starts is NULL else s.starts[t]


cdef inline Py_ssize_t rows_at(const Sequence* s, Py_ssize_t t) noexcept nogil:
    """How many of the rows [first, last) step t has."""
    cdef Py_ssize_t size = s.N if s.batch_sizes is NULL else <Py_ssize_t>s.batch_sizes[t]
    return max(<Py_ssize_t>0, min(size, s.last) - s.first)


cdef inline bint is_whole(const Sequence* s) noexcept nogil:
    """Whether the rows of neighbouring steps are neighbours in memory."""
    return s.first == 0 and s.last == s.N


cdef inline Py_ssize_t time_of(const Sequence* s, Py_ssize_t k) noexcept nogil:
    """The step that comes as the k-th."""
    return s.T - 1 - k if s.reverse else k


cdef inline Py_ssize_t rows_before(const Sequence* s, Py_ssize_t row) noexcept nogil:
    """How many rows the first `row` sequences have, all steps together."""
    cdef Py_ssize_t t, total = 0
    if s.batch_sizes is NULL:
        return s.T * row
    for t in range(s.T):
        total += min(<Py_ssize_t>s.batch_sizes[t], row)
    return total


cdef inline Py_ssize_t boundary(
    const Sequence* s, Py_ssize_t part, Py_ssize_t parts
) noexcept nogil:
    """Where a part of the batch begins, if all parts shall have the same number of rows to do."""
    cdef Py_ssize_t low = 0, high = s.N, middle, wanted
    if s.batch_sizes is NULL or part == 0 or part == parts:
        return s.N * part // parts
    # Long sequences come first, so equal parts are unequal numbers of sequences: a binary search.
    wanted = rows_before(s, s.N) * part // parts
    while low < high:
        middle = (low + high) // 2
        if rows_before(s, middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline void choose_part(Sequence* s, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    s.first, s.last = boundary(s, part, parts), boundary(s, part + 1, parts)


cdef inline real* take(real* memory, Py_ssize_t* used, Py_ssize_t n) noexcept nogil:
    """The next n elements of a block of scratch memory, from a cache line on.

    With memory NULL this only counts: how much is needed is asked of the same lines that hand it
    out.
    """
    cdef Py_ssize_t start = used[0]
    used[0] += (n + 15) // 16 * 16
    return memory + start if memory is not NULL else NULL


cdef inline void copy_or_zero(real* target, const real* source, Py_ssize_t n) noexcept nogil:
    # target[:] = 0 if source is None else source
    if source is NULL:
        memset(target, 0, n * sizeof(real))
    else:
        memcpy(target, source, n * sizeof(real))


cdef inline void add_to(real* total, const real* a, Py_ssize_t n) noexcept nogil:
    # total += a
    cdef Py_ssize_t i
    for i in range(n):
        total[i] = total[i] + a[i]


cdef inline void gather_chunk(
    real* target,                                   # OUT (rows of the chunk, width)
    const Sequence* s,
    Py_ssize_t low, Py_ssize_t steps,               # the chunk in time
    const real* source,                             # IN  (all rows, width)
    Py_ssize_t width,
) noexcept nogil:
    """The rows [first, last) of neighbouring steps, one step after the other."""
    cdef Py_ssize_t t, size
    for t in range(low, low + steps):
        size = rows_at(s, t) * width
        memcpy(target, source + (start_of(s, t) + s.first) * width, size * sizeof(real))
        target += size


cdef inline void gather_h_prev(
    real* h_prev,                                   # OUT (rows_at(time_of(k)), width)
    const Sequence* s, Py_ssize_t k,
    const real* output,                             # IN  (all rows, width)
    const real* h_0,                                # IN  (N, width) or NULL: zeros
    Py_ssize_t width,
) noexcept nogil:
    """The states that the k-th step starts from: the last step's, or for those that join, h_0."""
    cdef Py_ssize_t rows = rows_at(s, time_of(s, k)), running = 0, t
    if k > 0:
        t = time_of(s, k - 1)
        running = min(rows, rows_at(s, t))
        memcpy(h_prev, output + (start_of(s, t) + s.first) * width, running * width * sizeof(real))
    copy_or_zero(
        h_prev + running * width,
        h_0 + (s.first + running) * width if h_0 is not NULL else NULL,
        (rows - running) * width,
    )


cdef inline void last_states(
    real* h_n,                                      # OUT (N, width)
    const Sequence* s,
    const real* output,                             # IN  (all rows, width)
    const real* h_0,                                # IN  (N, width) or NULL: zeros
    Py_ssize_t width,
) noexcept nogil:
    """The state of every sequence after its last step; h_0 for a sequence without steps."""
    cdef Py_ssize_t k, t, end, row = s.first        # the rows from here on are still to be done
    copy_or_zero(
        h_n + s.first * width, h_0 + s.first * width if h_0 is not NULL else NULL,
        (s.last - s.first) * width,
    )
    # From the last step on: rows that no later step had end here.
    for k in reversed(range(s.T)):
        t = time_of(s, k)
        end = s.first + rows_at(s, t)
        if end > row:
            memcpy(
                h_n + row * width, output + (start_of(s, t) + row) * width,
                (end - row) * width * sizeof(real),
            )
            row = end
        if row == s.last or s.reverse:
            break
