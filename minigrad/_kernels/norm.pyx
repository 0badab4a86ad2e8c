"""Normalisation, forward and backward: of rows (layer norm), of columns (batch norm of (N, C)).

    x           a group of n entries: a row, of which weight w and bias b have an entry for each of
                its own; or a column, of which they have one
    mean        x.mean()
    variance    ((x - mean)**2).mean()
    scale       1 / np.sqrt(variance + eps)
    x_hat       (x - mean) * scale
    y           w * x_hat + b

With d = w * d_y, the gradients are

    d_x         scale * (d - d.mean() - x_hat * (d * x_hat).mean())
    d_w         (d_y * x_hat).sum()         over the rows: of all groups, or of the column
    d_b         d_y.sum()                   the same

A mean is kept in two parts, base + shift, that are taken out one after the other: see
`variance_of`. Sums over rows are made in blocks of BLOCK rows, which are added in double.
"""

from libc.math cimport sqrt
from libc.string cimport memset

cimport numpy as cnp

from .arrays cimport (
    check_1d,
    check_2d,
    complain,
    data,
    empty_1d,
    empty_2d,
    empty_like,
    is_plain,
    ordered,
)
from .real cimport (
    LANES,
    load_part,
    real,
    scratch,
    scratch_free,
    store_part,
    vec,
)
from .row cimport is_off, total_in_double, total_of_products, variance_of

cnp.import_array()

cdef enum:
    BLOCK = 64              # rows that are added one after the other
    MOST_COLUMNS = 1024     # at a time: their sums stay in the first-level cache

# The rows of `statistics`, which have an entry for each group.
cdef enum:
    BASE = 0
    SHIFT = 1
    VARIANCE = 2
    SCALE = 3
    STATISTICS = 4


cdef struct Sums:           # over rows, of W columns
    double* sums            # (2, W)
    real* block             # (2, W): of the last rows
    Py_ssize_t W, rows


cdef inline void begin(Sums* s, Py_ssize_t W) noexcept nogil:
    s.W, s.rows = W, 0
    memset(s.sums, 0, 2 * W * sizeof(double))
    memset(s.block, 0, 2 * W * sizeof(real))


cdef inline void settle(Sums* s) noexcept nogil:
    # sums += block;  block = 0
    cdef Py_ssize_t i
    for i in range(2 * s.W):
        s.sums[i] = s.sums[i] + s.block[i]
    memset(s.block, 0, 2 * s.W * sizeof(real))


cdef inline void add(Sums* s, const real* p, const real* q) noexcept nogil:
    # sums[0] += p;  sums[1] += p * q
    cdef Py_ssize_t i
    cdef real* first = s.block
    cdef real* second = s.block + s.W
    for i in range(s.W):
        first[i] = first[i] + p[i]
        second[i] = second[i] + p[i] * q[i]
    s.rows += 1
    if s.rows % BLOCK == 0:
        settle(s)


cdef inline real* allocate(Sums* s, Py_ssize_t W, Py_ssize_t rest) noexcept nogil:
    """Memory for sums of `W` columns, and `rest` numbers more, which are returned; or NULL."""
    cdef Py_ssize_t doubles = sizeof(double) // sizeof(real)
    cdef real* start = scratch(2 * W * doubles + 2 * W + rest)
    s.sums = <double*>start
    s.block = start + 2 * W * doubles
    return NULL if start is NULL else s.block + 2 * W


cdef inline real scale_of(double variance, double eps) noexcept nogil:
    # 1 / np.sqrt(variance + eps); NaN, not 0, where squares were too large to be summed (of
    # columns it is 0: both are PyTorch's)
    return <real>(1 / sqrt(variance + eps) + (variance - variance))


# -- rows -----------------------------------------------------------------------------------------

cdef void rows_forward(
    real* y,                                                # OUT (N, H)
    real* statistics,                                       # OUT (4, N)
    const real* x,                                          # IN  (N, H)
    const real* w, const real* b,                           # IN  (H,) or NULL
    double eps, Py_ssize_t N, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, i
    cdef double variance
    cdef real base, shift, scale
    cdef vec v
    for n in range(N):
        variance = variance_of(&base, &shift, x, H)
        scale = scale_of(<real>variance, eps)
        statistics[BASE * N + n], statistics[SHIFT * N + n] = base, shift
        statistics[VARIANCE * N + n], statistics[SCALE * N + n] = <real>variance, scale
        i = 0
        while i < H:
            # y = w * x_hat + b
            v = ((load_part(x + i, H - i) - base) - shift) * scale
            if w is not NULL:
                v = v * load_part(w + i, H - i)
            if b is not NULL:
                v = v + load_part(b + i, H - i)
            store_part(y + i, v, H - i)
            i += LANES
        x += H
        y += H


cdef void rows_backward(
    real* d_x,                                              # OUT (N, H) or NULL
    Sums* s,                                                # OUT sums[0] = d_b, sums[1] = d_w
    real* x_hat, real* d,                                   # (H,) each, for a row
    const real* d_y, const real* x,                         # IN  (N, H)
    const real* w,                                          # IN  (H,) or NULL
    const real* statistics,                                 # IN  (4, N)
    bint sums, Py_ssize_t N, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, i
    cdef real base, shift, scale, mean, along
    cdef vec g
    begin(s, H)
    for n in range(N):
        base, shift = statistics[BASE * N + n], statistics[SHIFT * N + n]
        scale = statistics[SCALE * N + n]
        i = 0
        while i < H:
            g = load_part(d_y + i, H - i)
            store_part(x_hat + i, ((load_part(x + i, H - i) - base) - shift) * scale, H - i)
            store_part(d + i, g if w is NULL else g * load_part(w + i, H - i), H - i)
            i += LANES
        if d_x is not NULL:
            # d_x = scale * (d - d.mean() - x_hat * (d * x_hat).mean())
            mean = <real>(total_in_double(d, H) / H)
            along = <real>(total_of_products(d, x_hat, H) / H)
            i = 0
            while i < H:
                g = (load_part(d + i, H - i) - mean) - load_part(x_hat + i, H - i) * along
                store_part(d_x + i, g * scale, H - i)
                i += LANES
            d_x += H
        if sums:
            add(s, d_y, x_hat)
        d_y += H
        x += H
    settle(s)


# -- columns: a few neighbours at a time ----------------------------------------------------------

cdef void sums_of_columns(
    Sums* s,                                # OUT sums[0] = d.sum(0), sums[1] = (d * d).sum(0)
    real* d,                                # (W,), for a row of x - base
    const real* x,                          # IN  (N, C), the first W columns of it
    const real* base,                       # IN  (W,), or NULL for zeros
    Py_ssize_t N, Py_ssize_t C, Py_ssize_t W,
) noexcept nogil:
    cdef Py_ssize_t i
    begin(s, W)
    for _ in range(N):
        if base is not NULL:
            for i in range(W):
                d[i] = x[i] - base[i]
            add(s, d, d)
        else:
            add(s, x, x)
        x += C
    settle(s)


cdef double variance_of_column(
    real* base, real* shift, const real* x, Py_ssize_t N, Py_ssize_t C
) noexcept nogil:
    # `variance_of` a column whose mean is large: the first entry is taken out beforehand
    cdef Py_ssize_t n
    cdef double sum = 0
    cdef real d
    base[0] = x[0]
    for n in range(N):
        sum += x[n * C] - base[0]
    shift[0] = <real>(sum / N)
    sum = 0
    for n in range(N):
        d = (x[n * C] - base[0]) - shift[0]
        sum += <double>d * d
    return sum / N


cdef void statistics_of_columns(
    Sums* s,
    real* d,                                                # (W,)
    real* statistics,                                       # OUT (4, C), its first W columns
    const real* x,
    Py_ssize_t N, Py_ssize_t C, Py_ssize_t W,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double variance
    cdef real* base = statistics + BASE * C
    cdef real* shift = statistics + SHIFT * C
    sums_of_columns(s, d, x, NULL, N, C, W)
    for i in range(W):
        base[i], shift[i] = <real>(s.sums[i] / N), 0
    sums_of_columns(s, d, x, base, N, C, W)
    for i in range(W):
        variance = s.sums[W + i] / N
        if is_off(s.sums[i] / N, variance):
            variance = variance_of_column(base + i, shift + i, x + i, N, C)
        statistics[VARIANCE * C + i] = <real>variance


cdef void columns_forward(
    real* y,                                                # OUT (N, C), its first W columns
    real* factor,                                           # (W,)
    const real* statistics,                                 # IN  (4, C), its first W columns
    const real* x,
    const real* w, const real* b,                           # IN  (W,) or NULL
    Py_ssize_t N, Py_ssize_t C, Py_ssize_t W,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef const real* base = statistics + BASE * C
    cdef const real* shift = statistics + SHIFT * C
    cdef const real* scale = statistics + SCALE * C
    for i in range(W):
        factor[i] = scale[i] if w is NULL else scale[i] * w[i]
    for _ in range(N):
        # y = w * x_hat + b
        for i in range(W):
            y[i] = ((x[i] - base[i]) - shift[i]) * factor[i]
        if b is not NULL:
            for i in range(W):
                y[i] = y[i] + b[i]
        x += C
        y += C


cdef void columns_backward(
    real* d_x,                                              # OUT (N, C) or NULL
    Sums* s,                                                # OUT sums[0] = d_b, sums[1] = d_w
    real* x_hat,                                            # (4, W)
    const real* d_y, const real* x,                         # IN  (N, C), the first W columns
    const real* w,                                          # IN  (W,) or NULL
    const real* statistics,                                 # IN  (4, C), its first W columns
    bint fixed, Py_ssize_t N, Py_ssize_t C, Py_ssize_t W,
) noexcept nogil:
    cdef Py_ssize_t n, i
    cdef const real* base = statistics + BASE * C
    cdef const real* shift = statistics + SHIFT * C
    cdef const real* scale = statistics + SCALE * C
    cdef real* factor = x_hat + W
    cdef real* mean = x_hat + 2 * W
    cdef real* along = x_hat + 3 * W
    begin(s, W)
    for n in range(N):
        for i in range(W):
            x_hat[i] = ((x[n * C + i] - base[i]) - shift[i]) * scale[i]
        add(s, d_y + n * C, x_hat)
    settle(s)
    if d_x is NULL:
        return
    # d_x = scale * w * (d_y - d_y.mean() - x_hat * (d_y * x_hat).mean()); with a mean and a
    # variance that are fixed, d_x = scale * w * d_y
    for i in range(W):
        factor[i] = scale[i] if w is NULL else scale[i] * w[i]
        mean[i] = <real>(s.sums[i] / N)
        along[i] = <real>(s.sums[W + i] / N) * scale[i]
    for _ in range(N):
        if fixed:
            for i in range(W):
                d_x[i] = d_y[i] * factor[i]
        else:
            for i in range(W):
                x_hat[i] = ((x[i] - base[i]) - shift[i]) * along[i]
            for i in range(W):
                d_x[i] = ((d_y[i] - mean[i]) - x_hat[i]) * factor[i]
        d_y += C
        x += C
        d_x += C


# -- both -----------------------------------------------------------------------------------------

cdef int check_entries(str name, cnp.ndarray a, Py_ssize_t size) except -1:
    if not is_plain(a, cnp.PyArray_NDIM(a)) or cnp.PyArray_SIZE(a) != size:
        complain(name, a, f"{size} entries")
    return 0


cdef int check_layout(cnp.ndarray x, Py_ssize_t N, Py_ssize_t W) except -1:
    if N < 1 or W < 1 or cnp.PyArray_SIZE(x) % W != 0 or cnp.PyArray_SIZE(x) // W != N:
        complain("x", x, f"({N}, {W}), all of its entries")
    return check_entries("x", x, N * W)


def forward(
    cnp.ndarray x not None,         # IN  row by row: groups * inner, or outer * groups entries
    cnp.ndarray weight,             # IN  `inner` or `groups` entries, or None
    cnp.ndarray bias,               # IN  the same
    tuple layout not None,          # (outer, groups, inner): (1, N, H) for rows, (N, C, 1)
    str per not None,               # "inner" for rows, "group" for columns
    double eps,
    tuple fixed,                    # a mean and a variance of (C,) that columns are given, or None
):
    """Return (y, statistics): y is shaped as x, statistics (4, groups)."""
    cdef bint columns = per == "group"
    cdef Py_ssize_t outer, groups, inner, at = 0, step
    outer, groups, inner = layout
    cdef Py_ssize_t N = outer if columns else groups, W = groups if columns else inner
    x, weight, bias = ordered(x), ordered(weight), ordered(bias)
    check_layout(x, N, W)
    if weight is not None:
        check_entries("weight", weight, W)
    if bias is not None:
        check_entries("bias", bias, W)
    cdef cnp.ndarray y = empty_like(x)
    cdef cnp.ndarray statistics = empty_2d(STATISTICS, W if columns else N)
    cdef const real* in_x = data(x)
    cdef const real* w = data(weight)
    cdef const real* b = data(bias)
    cdef real* out = data(y)
    cdef real* kept = data(statistics)
    cdef Py_ssize_t i
    cdef real* row
    cdef Sums s
    if not columns:
        with nogil:
            rows_forward(out, kept, in_x, w, b, eps, N, W)
        return y, statistics
    cdef cnp.ndarray mean, variance
    cdef bint given = fixed is not None
    if given:
        mean, variance = fixed
        if mean is None or variance is None:
            raise ValueError("fixed: a mean or a variance is missing")
        mean, variance = ordered(mean), ordered(variance)
        check_1d("mean", mean, W)
        check_1d("variance", variance, W)
        statistics[BASE], statistics[SHIFT], statistics[VARIANCE] = mean, 0, variance
    step = min(W, MOST_COLUMNS)
    row = allocate(&s, step, step)
    if row is NULL:
        raise MemoryError
    with nogil:
        while at < W:
            step = min(step, W - at)
            if not given:
                statistics_of_columns(&s, row, kept, in_x, N, W, step)
            for i in range(step):
                kept[SCALE * W + i] = <real>(1 / sqrt(kept[VARIANCE * W + i] + eps))
            columns_forward(out, row, kept, in_x, w, b, N, W, step)
            at += step
            out, kept, in_x = out + step, kept + step, in_x + step
            if w is not NULL:
                w += step
            if b is not NULL:
                b += step
    scratch_free(<real*>s.sums)
    return y, statistics


def backward(
    cnp.ndarray d_y not None,           # IN  shaped as x
    cnp.ndarray x not None,
    cnp.ndarray weight,
    cnp.ndarray statistics not None,    # IN  (4, groups) from forward
    tuple layout not None,
    str per not None,
    bint fixed,                         # whether mean and variance were given
    list wanted not None,               # whether d_x, d_weight, d_bias are
):
    """Return (d_x, d_weight, d_bias): the first shaped as x, None what is not wanted."""
    cdef bint columns = per == "group"
    cdef Py_ssize_t outer, groups, inner, at = 0, step
    outer, groups, inner = layout
    cdef Py_ssize_t N = outer if columns else groups, W = groups if columns else inner
    d_y, x, weight = ordered(d_y), ordered(x), ordered(weight)
    check_layout(x, N, W)
    check_entries("d_y", d_y, N * W)
    check_2d("statistics", statistics, STATISTICS, W if columns else N)
    if weight is not None:
        check_entries("weight", weight, W)
    cdef bint wants_x, wants_weight, wants_bias
    wants_x, wants_weight, wants_bias = wanted
    cdef cnp.ndarray d_x = empty_like(x) if wants_x else None
    cdef cnp.ndarray d_weight = empty_1d(W) if wants_weight else None
    cdef cnp.ndarray d_bias = empty_1d(W) if wants_bias else None
    cdef const real* g = data(d_y)
    cdef const real* in_x = data(x)
    cdef const real* w = data(weight)
    cdef const real* kept = data(statistics)
    cdef real* out = data(d_x)
    cdef real* out_w = data(d_weight)
    cdef real* out_b = data(d_bias)
    cdef Py_ssize_t i
    cdef bint sums = wants_weight or wants_bias
    cdef Sums s
    step = min(W, MOST_COLUMNS) if columns else W
    cdef real* row = allocate(&s, step, 4 * step)
    if row is NULL:
        raise MemoryError
    with nogil:
        while at < W:
            step = min(step, W - at)
            if columns:
                columns_backward(out, &s, row, g, in_x, w, kept, fixed, N, W, step)
            else:
                rows_backward(out, &s, row, row + W, g, in_x, w, kept, sums, N, W)
            for i in range(step):
                if out_b is not NULL:
                    out_b[at + i] = <real>s.sums[i]
                if out_w is not NULL:
                    out_w[at + i] = <real>s.sums[step + i]
            at += step
            g, kept, in_x = g + step, kept + step, in_x + step
            if out is not NULL:
                out += step
            if w is not NULL:
                w += step
    scratch_free(<real*>s.sums)
    return d_x, d_weight, d_bias
