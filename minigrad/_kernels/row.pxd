"""A row of numbers: its maximum, its sum and variance, the logarithm of its softmax."""

from .gates cimport exp_of_lanes
from .real cimport (
    LANES,
    all_lanes,
    load,
    load_part,
    real,
    real_log,
    store_part,
    sum_lanes,
    vec,
)

cdef enum:
    SUM_VECS = 64       # vectors that are added one after the other

cdef extern from *:
    """
    #define EPSILON (2.0 / ((uint64_t)1 << (MANTISSA_BITS + 1)))
    """
    const double EPSILON        # np.finfo(real).eps


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


cdef inline double total_in_double(const real* x, Py_ssize_t n) noexcept nogil:
    # x.sum(), in blocks whose sums are added in double: there may be many
    cdef Py_ssize_t i = 0, end
    cdef double blocks = 0
    cdef vec a, b, c, d         # several, so that no addition waits for the one before
    while n - i >= 4 * LANES:
        end = min(n - 4 * LANES, i + 4 * (SUM_VECS - 1) * LANES)
        a = b = c = d = all_lanes(0)
        while i <= end:
            a = a + load(x + i)
            b = b + load(x + i + LANES)
            c = c + load(x + i + 2 * LANES)
            d = d + load(x + i + 3 * LANES)
            i += 4 * LANES
        blocks += sum_lanes((a + b) + (c + d))
    a = all_lanes(0)
    while i < n:
        a = a + load_part(x + i, n - i)
        i += LANES
    return blocks + sum_lanes(a)


cdef inline real total(const real* x, Py_ssize_t n) noexcept nogil:
    # x.sum()
    return <real>total_in_double(x, n)


cdef inline double total_of_products(
    const real* x, const real* y, Py_ssize_t n
) noexcept nogil:
    # (x * y).sum(), in the same way
    cdef Py_ssize_t i = 0, end
    cdef double blocks = 0
    cdef vec a, b, c, d
    while n - i >= 4 * LANES:
        end = min(n - 4 * LANES, i + 4 * (SUM_VECS - 1) * LANES)
        a = b = c = d = all_lanes(0)
        while i <= end:
            a = a + load(x + i) * load(y + i)
            b = b + load(x + i + LANES) * load(y + i + LANES)
            c = c + load(x + i + 2 * LANES) * load(y + i + 2 * LANES)
            d = d + load(x + i + 3 * LANES) * load(y + i + 3 * LANES)
            i += 4 * LANES
        blocks += sum_lanes((a + b) + (c + d))
    a = all_lanes(0)
    while i < n:
        a = a + load_part(x + i, n - i) * load_part(y + i, n - i)
        i += LANES
    return blocks + sum_lanes(a)


cdef inline void sums_about(
    double* first,                  # OUT d.sum(), d = x - base - shift
    double* second,                 # OUT (d * d).sum()
    const real* x, Py_ssize_t n, real base, real shift,
) noexcept nogil:
    cdef Py_ssize_t i = 0, end
    cdef double sum = 0, squares = 0
    cdef real rest
    cdef vec d, e, d_sum, e_sum, d_squares, e_squares
    while n - i >= 2 * LANES:
        end = min(n - 2 * LANES, i + 2 * (SUM_VECS - 1) * LANES)
        d_sum = e_sum = d_squares = e_squares = all_lanes(0)
        while i <= end:
            d = (load(x + i) - base) - shift
            e = (load(x + i + LANES) - base) - shift
            d_sum = d_sum + d
            e_sum = e_sum + e
            d_squares = d_squares + d * d
            e_squares = e_squares + e * e
            i += 2 * LANES
        sum += sum_lanes(d_sum + e_sum)
        squares += sum_lanes(d_squares + e_squares)
    for i in range(i, n):
        rest = (x[i] - base) - shift
        sum += rest
        squares += rest * rest
    first[0] = sum
    second[0] = squares


cdef inline bint is_off(double left_over, double variance) noexcept nogil:
    # whether the rounding of a mean shows: `left_over` is the mean of what is left without it
    return left_over * left_over > (8 * EPSILON) ** 2 * variance


cdef inline double variance_of(
    real* base, real* shift,        # OUT the mean is base + shift
    const real* x, Py_ssize_t n,
) noexcept nogil:
    # ((x - x.mean())**2).mean(), in two passes: the mean of the squares minus the square of the
    # mean would lose all digits where the mean is large. The mean itself is rounded, too; where
    # that shows against the variance, the first entry is taken out beforehand, so that equal
    # numbers have a variance of exactly 0.
    cdef double first, second
    base[0] = <real>(total_in_double(x, n) / n)
    shift[0] = 0
    sums_about(&first, &second, x, n, base[0], 0)
    if is_off(first / n, second / n):
        base[0] = x[0]
        sums_about(&first, &second, x, n, base[0], 0)
        shift[0] = <real>(first / n)
        sums_about(&first, &second, x, n, base[0], shift[0])
    return second / n


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
