"""A row of numbers: its maximum, its sum, the logarithm of its softmax."""

from .gates cimport exp_of_lanes
from .real cimport (
    LANES,
    load,
    load_first,
    load_part,
    real,
    real_log,
    store_part,
    sum_lanes,
    vec,
)

cdef enum:
    SUM_VECS = 64       # vectors that are added one after the other


cdef inline real highest(const real* x, Py_ssize_t n) noexcept nogil:
    # x.max(); a NaN in x may be passed over: it comes back through exp
    cdef Py_ssize_t i = 0
    cdef int lane
    cdef real best = x[0] if n > 0 else 0
    cdef real[16] bests         # side by side, for the compiler to make vectors of
    if n >= 16:
        for lane in range(16):
            bests[lane] = best
        while i + 16 <= n:
            for lane in range(16):
                bests[lane] = x[i + lane] if x[i + lane] > bests[lane] else bests[lane]
            i += 16
        for lane in range(16):
            best = bests[lane] if bests[lane] > best else best
    for i in range(i, n):
        best = x[i] if x[i] > best else best
    return best


cdef inline real total(const real* x, Py_ssize_t n) noexcept nogil:
    # x.sum(), in blocks whose sums are added in double: there may be many
    cdef Py_ssize_t i = 0, end
    cdef double blocks = 0
    cdef real sum = 0
    cdef vec sums
    if n >= LANES:
        while n - i >= LANES:
            end = min(n - LANES, i + (SUM_VECS - 1) * LANES)
            sums = load(x + i)
            i += LANES
            while i <= end:
                sums = sums + load(x + i)
                i += LANES
            if n - i < LANES:
                sums = sums + load_first(x + i, <int>(n - i))
            blocks += sum_lanes(sums)
        return <real>blocks
    for i in range(n):
        sum = sum + x[i]
    return sum


cdef inline void exp_below(real* y, const real* x, real top, Py_ssize_t n) noexcept nogil:
    # np.exp(x - top), top being the highest of x
    cdef Py_ssize_t i = 0
    while i < n:
        store_part(y + i, exp_of_lanes(load_part(x + i, n - i) - top), n - i)
        i += LANES


cdef inline void log_softmax_row(real* y, const real* x, Py_ssize_t n) noexcept nogil:
    # x - x.max() - np.log(np.exp(x - x.max()).sum())
    cdef Py_ssize_t i
    cdef real top = highest(x, n), log_sum
    exp_below(y, x, top, n)
    log_sum = real_log(total(y, n))
    for i in range(n):
        y[i] = x[i] - top - log_sum
