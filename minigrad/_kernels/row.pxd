"""The maximum and the sum of a row of numbers."""

from .real cimport LANES, load, load_first, real, sum_lanes, vec

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
