"""Running sums and products along an axis, products, and their gradients.

    x (outer, n, inner): lines of n entries (see lines.pxd)

A line is a chain of steps, each of which waits for the one before it. So many lines are run through
side by side: neighbours in memory, where there are such. Running sums and products are made in
double, and each of their entries is rounded.
"""

cimport numpy as cnp

from .arrays cimport REAL_TYPENUM, data, empty_like, ordered, same_shape
from .lines cimport Lines, empty_lines, lines_of
from .real cimport LANES, load, real, store, vec

cnp.import_array()

cdef enum:
    SIDE_BY_SIDE = 64   # neighbours in memory
    FAR_APART = 16      # other lines (the processor keeps that many places in memory in view)

cdef enum Scan:
    CUMSUM, CUMPROD, BEFORE, TIMES_BEHIND, TIMES_SLOPE


cdef extern from *:
    """
    #if defined(MINIGRAD_FLOAT32)
    #define ROUNDED_TO_0 0x1p-150   /* and what is smaller */
    #else
    #define ROUNDED_TO_0 0.0
    #endif
    """
    const double ROUNDED_TO_0


cdef inline real rounded(double x) noexcept nogil:
    # np.float32(x); where that is 0 it would take a hundred cycles, and long products are small
    return <real>(x * 0.0) if -ROUNDED_TO_0 < x < ROUNDED_TO_0 else <real>x


cdef inline void run_block(
    Scan what,
    real* y,                        # OUT the first entries of the lines
    const real* x,                  # IN
    const real* g,                  # IN  for TIMES_SLOPE only
    Py_ssize_t n, Py_ssize_t count, Py_ssize_t apart, Py_ssize_t step,
) noexcept nogil:
    """`count` lines at once, which lie `apart`, their entries a `step` from each other."""
    cdef double[SIDE_BY_SIDE] state
    cdef Py_ssize_t _, b
    for b in range(count):
        state[b] = 0 if what == CUMSUM or what == TIMES_SLOPE else 1
    for _ in range(n):
        for b in range(count):
            if what == CUMSUM:
                state[b] = state[b] + x[b * apart]
                y[b * apart] = rounded(state[b])
            elif what == CUMPROD:
                state[b] = state[b] * x[b * apart]
                y[b * apart] = rounded(state[b])
            elif what == BEFORE:
                y[b * apart] = rounded(state[b])
                state[b] = state[b] * x[b * apart]
            elif what == TIMES_BEHIND:
                y[b * apart] = y[b * apart] * rounded(state[b])
                state[b] = state[b] * x[b * apart]
            else:       # state: d[k] = g[k] + x[k + 1] d[k + 1], 0 inf is 0
                state[b] = g[b * apart] + state[b]
                if y[b * apart] != 0 or state[b] - state[b] == 0:
                    y[b * apart] = y[b * apart] * rounded(state[b])
                state[b] = 0 if x[b * apart] == 0 else x[b * apart] * state[b]
        x += step
        y += step
        if what == TIMES_SLOPE:
            g += step


cdef inline void run(
    Scan what, real* y, const real* x, const real* g, Lines lines, bint backwards
) noexcept nogil:
    cdef Py_ssize_t o = 0, i, count, n = lines.n, inner = lines.inner
    cdef Py_ssize_t step = -inner if backwards else inner
    cdef Py_ssize_t first = (n - 1) * inner if backwards else 0, end
    while o < lines.outer:
        i = o * n * inner + first
        if inner == 1:
            count = min(<Py_ssize_t>FAR_APART, lines.outer - o)
            run_block(what, y + i, x + i, g + i if what == TIMES_SLOPE else g, n, count, n, step)
            o += count
            continue
        end = i + inner
        while i < end:
            count = min(<Py_ssize_t>SIDE_BY_SIDE, end - i)
            run_block(what, y + i, x + i, g + i if what == TIMES_SLOPE else g, n, count, 1, step)
            i += count
        o += 1


cdef bint is_real(cnp.ndarray a) noexcept:
    return cnp.PyArray_TYPE(a) == REAL_TYPENUM and cnp.PyArray_NDIM(a) > 0


cdef inline cnp.ndarray scanned(Scan what, cnp.ndarray x, int axis, bint backwards):
    """What a run along an axis makes of x; None for another type."""
    if not is_real(x):
        return None
    x = ordered(x)
    cdef cnp.ndarray result = empty_like(x)
    cdef Lines lines = lines_of(x, axis)
    cdef real* y = data(result)
    cdef const real* entries = data(x)
    with nogil:
        run(what, y, entries, NULL, lines, backwards)
    return result


cdef inline int scan_again(
    Scan what, cnp.ndarray result, cnp.ndarray x, cnp.ndarray g, int axis
) except -1:
    """Run from the end over what another run has made of x: with g, in the same order, or None."""
    cdef Lines lines = lines_of(x, axis)
    cdef real* y = data(result)
    cdef const real* entries = data(x)
    cdef const real* of_entries = data(g)
    with nogil:
        run(what, y, entries, of_entries, lines, True)
    return 0


def cumsum(cnp.ndarray x not None, int axis, bint backwards):
    # np.add.accumulate(x, axis), or from the end; None for another type
    return scanned(CUMSUM, x, axis, backwards)


def cumprod(cnp.ndarray x not None, int axis):
    # np.multiply.accumulate(x, axis); None for another type
    return scanned(CUMPROD, x, axis, False)


def products_of_others(cnp.ndarray x not None, int axis):
    # np.prod(np.delete(x, k, axis), axis) for each k; None for another type
    x = ordered(x)
    cdef cnp.ndarray result = scanned(BEFORE, x, axis, False)
    if result is not None:
        scan_again(TIMES_BEHIND, result, x, None, axis)
    return result


def cumprod_slope(cnp.ndarray g not None, cnp.ndarray x not None, int axis):
    """The gradient of x, from that of its running product: see `_cumprod_slope` in ops/scan.py."""
    if not (is_real(g) and same_shape(g, x)):
        return None
    g, x = ordered(g), ordered(x)
    cdef cnp.ndarray result = scanned(BEFORE, x, axis, False)
    if result is not None:
        scan_again(TIMES_SLOPE, result, x, g, axis)
    return result


# -- products -------------------------------------------------------------------------------------

cdef inline real product_of_row(const real* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef int lane
    cdef real product = 1
    cdef real[16] lanes
    cdef vec a, b, c, d
    if n >= 4 * LANES:
        a, b, c, d = load(x), load(x + LANES), load(x + 2 * LANES), load(x + 3 * LANES)
        i = 4 * LANES
        while i + 4 * LANES <= n:
            a = a * load(x + i)
            b = b * load(x + i + LANES)
            c = c * load(x + i + 2 * LANES)
            d = d * load(x + i + 3 * LANES)
            i += 4 * LANES
        store(lanes, (a * b) * (c * d))
        for lane in range(LANES):
            product = product * lanes[lane]
    for i in range(i, n):
        product = product * x[i]
    return product


def prod(cnp.ndarray x not None, int axis, bint keepdim):
    # np.multiply.reduce(x, axis); None for another type
    if not is_real(x):
        return None
    x = ordered(x)
    cdef Lines lines = lines_of(x, axis)
    cdef cnp.ndarray result = empty_lines(x, axis, 1 if keepdim else -1, REAL_TYPENUM)
    cdef real* y = data(result)
    cdef const real* entries = data(x)
    cdef Py_ssize_t _, i, n = lines.n, inner = lines.inner
    with nogil:
        if lines.outer == 0:
            for i in range(cnp.PyArray_SIZE(result)):   # products of nothing
                y[i] = 1
        for _ in range(lines.outer):
            if inner == 1:
                y[0] = product_of_row(entries, n)
                entries += n
            else:
                for i in range(inner):
                    y[i] = 1
                for _ in range(n):
                    for i in range(inner):
                        y[i] = y[i] * entries[i]
                    entries += inner
            y += inner
    return result
