"""The loop over time, backward, for every recurrence.

From the last step run to the first, d_h and d_c are the gradients of the states, (N, S) and (N, H):
they begin as those of the last states and end as those of the first ones. Sequences that a step
does not have are left alone, which is all that it takes for lengths to differ. A step does

    d_h += d_output[t]
    d_pre, d_h, d_c = the recurrence's own function
    d_h += d_pre @ w_hh

and all that can wait, waits for a chunk of steps to be done, and is one product for all of them:

    d_x     = d_pre @ w_ih
    d_w_ih += d_pre.T @ x                   d_b_ih += d_pre.sum(axis=0)
    d_w_hh += d_pre.T @ h_prev              d_b_hh += d_pre.sum(axis=0)

(with the gradient of the part of x for the first two rows' left column and b_ih, of the part of
h_prev for the others, where a recurrence keeps them apart). A projection, h' = inner @ w_hr.T, adds
d_inner = d_h @ w_hr before the recurrence's own function, and d_w_hr += d_h.T @ inner.
"""

from libc.string cimport memcpy, memset

from .matmul cimport (
    PANEL_VECS,
    interrupted,
    matmul,
    matmul_buffer,
    matmul_nn,
    matmul_packed,
    pack,
    packed_size,
    vectors,
)
from .real cimport LANES, real
from .recurrence cimport Recurrence, StepBackward
from .sequence cimport (
    Sequence,
    add_to,
    copy_or_zero,
    gather_chunk,
    gather_h_prev,
    is_whole,
    rows_at,
    start_of,
    take,
    time_of,
)

cdef enum:
    # How many rows of d_pre there are at a time (or one step, if that has more): the depth of a
    # block of `matmul`.
    BACKWARD_ROWS = 256
    # Measured. With fewer rows in a call, packing the weights costs more than it saves. (More than
    # forward, which needs them transposed: here they can be used as they are at nearly full speed.)
    BACKWARD_PACK_ROWS = 12
    SUM_COLUMNS = 64    # how many sums over rows there are at a time


cdef struct Backward:
    Py_ssize_t input_size, H    # (the I of the shapes: C has a macro of that name)
    Py_ssize_t S                # the size of a state: H, or smaller with a projection
    Py_ssize_t rows, step       # all rows of x; the most that one step has
    const real* d_output        # IN  (all rows, S) or NULL: zeros
    const real* d_h_n           # IN  (N, S) or NULL: zeros
    const real* d_c_n           # IN  (N, H) or NULL: zeros
    const real* x               # IN  (all rows, I)
    const real* h_0             # IN  (N, S) or NULL: zeros
    const real* output          # IN  (all rows, S)
    const real* kept            # IN  (all rows, blocks, kept, LANES)
    const real* w_ih            # IN  (G H, I); NULL: x stands for x @ w_ih.T
    const real* w_hh            # IN  (G H, S), or (H,) where it is no matrix
    const real* w_hr            # IN  (S, H) or NULL
    real* d_x                   # OUT (all rows, I); this and the next five: NULL if not needed
    real* d_w_ih                # OUT (G H, I)
    real* d_w_hh                # OUT (G H, S), or (H,)
    real* d_b_ih                # OUT (G H,)
    real* d_b_hh                # OUT (G H,)
    real* d_w_hr                # OUT (S, H)
    real* d_h                   # OUT (N, S); it and d_c, if not needed, are scratch
    real* d_c                   # OUT (N, H)
    bint need_h_0
    bint packs                  # whether to pack the weights
    Py_ssize_t d_pre_row        # G H and some more, see `padded_row`
    # Scratch for all rows, from `lay_out_packed`.
    real* weights_ih            # these packed, if `packs`
    real* weights_hh
    real* weights_hr
    # Scratch for the rows of one thread, from `lay_out_backward`.
    real* edge                  # (depth, LANES), of `matmul_nn`
    real* buffer                # of `matmul`
    real* d_pre_x               # (rows of a chunk, d_pre_row)
    real* d_pre_h               # the same memory, unless apart
    real* x_rows                # (rows of a chunk, I), unless the batch is whole
    real* h_prev                # (rows of a chunk, S)
    real* inner                 # (rows of a chunk, H): this and the next two for a projection
    real* d_h_rows              # (rows of a chunk, S)
    real* d_inner               # (N, H)
    real* rests                 # (2 G H + H), of the sums in d_b_ih, d_b_hh and an IndRNN's d_w_hh


cdef inline Py_ssize_t padded_row(Py_ssize_t width) noexcept nogil:
    """The distance of rows that are also read column by column.

    Rows at a distance of a power of two would all fall on the same few places of the cache.
    """
    return (vectors(width) | 1) * LANES


cdef inline Py_ssize_t lay_out_packed(
    Backward* b, const Recurrence* r, const Sequence* q, real* memory
) noexcept nogil:
    """Set the scratch pointers; return how many elements they need. memory NULL: only that."""
    cdef Py_ssize_t used = 0, width = r.gates * b.H
    cdef bint takes_ih = b.packs and b.w_ih is not NULL and b.d_x is not NULL
    b.d_pre_row = padded_row(width)
    b.weights_ih = take(memory, &used, packed_size(width, b.input_size, 1) if takes_ih else 0)
    b.weights_hh = take(
        memory, &used, packed_size(width, b.S, 1) if b.packs and r.matrix else 0
    )
    b.weights_hr = take(
        memory, &used, packed_size(b.S, b.H, 1) if b.packs and b.w_hr is not NULL else 0
    )
    if b.d_h is NULL:
        b.d_h = take(memory, &used, q.N * b.S)
    if b.d_c is NULL and r.cell:
        b.d_c = take(memory, &used, q.N * b.H)
    return used


cdef inline Py_ssize_t lay_out_backward(
    Backward* b, const Recurrence* r, const Sequence* q, real* memory
) noexcept nogil:
    """The same for the rows of one thread."""
    cdef Py_ssize_t used = 0, width = r.gates * b.H
    cdef Py_ssize_t chunk = min(b.rows, max(<Py_ssize_t>BACKWARD_ROWS, b.step))
    cdef bint projects = b.w_hr is not NULL
    b.edge = take(memory, &used, 0 if b.packs else max(width, b.S) * LANES)
    b.buffer = take(memory, &used, matmul_buffer(chunk, max(b.input_size, b.S, b.H)))
    b.d_pre_x = take(memory, &used, chunk * b.d_pre_row)
    b.d_pre_h = take(memory, &used, chunk * b.d_pre_row) if r.apart else b.d_pre_x
    b.x_rows = take(memory, &used, 0 if is_whole(q) else chunk * b.input_size)
    b.h_prev = take(memory, &used, chunk * b.S)
    b.inner = take(memory, &used, chunk * b.H if projects else 0)
    b.d_h_rows = take(memory, &used, chunk * b.S if projects else 0)
    b.d_inner = take(memory, &used, q.N * b.H if projects else 0)
    b.rests = take(memory, &used, 2 * width + b.H)
    return used


cdef inline void times_weights(
    const Backward* b,
    real* c,                                        # OUT (rows, cols)
    const real* add,                                # IN  (rows, cols) or NULL
    const real* a, Py_ssize_t a_row,                # IN  (rows, depth)
    const real* w, const real* packed_w,            # IN  (depth, cols)
    Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols, bint turns,
) noexcept nogil:
    # c = a @ w + add
    if b.packs:
        matmul_packed(
            c, cols, add, cols, a, a_row, 1, packed_w, PANEL_VECS, rows, depth, cols, turns
        )
    else:
        matmul_nn(c, add, cols, a, a_row, w, b.edge, rows, depth, cols)


cdef inline void input_gradient(
    const Recurrence* r, const Backward* b,
    real* d_x,                                      # OUT (rows, I)
    const real* d_pre,                              # IN  (rows, d_pre_row)
    Py_ssize_t rows,
) noexcept nogil:
    # d_x = d_pre @ w_ih
    cdef Py_ssize_t row
    if b.w_ih is not NULL:
        times_weights(
            b, d_x, NULL, d_pre, b.d_pre_row, b.w_ih, b.weights_ih, rows, r.gates * b.H,
            b.input_size, False,
        )
        return
    for row in range(rows):
        memcpy(d_x + row * b.H, d_pre + row * b.d_pre_row, b.H * sizeof(real))


cdef inline void add_weight_gradient(
    real* d_w,                                      # OUT (out, width)
    const real* d_y, Py_ssize_t d_y_row,            # IN  (rows, out)
    const real* a,                                  # IN  (rows, width)
    real* buffer, Py_ssize_t rows, Py_ssize_t out, Py_ssize_t width, bint is_first,
) noexcept nogil:
    # d_w += d_y.T @ a
    matmul(
        d_w, NULL if is_first else d_w, width, d_y, 1, d_y_row, a, width, 1, buffer,
        out, rows, width,
    )


cdef inline void add_with_rest(
    real* total, real* rest, const real* a, Py_ssize_t n
) noexcept nogil:
    # total += a; the digits that a total has no room for come with the next a (Kahan 1965)
    cdef Py_ssize_t i
    cdef real more, sum
    for i in range(n):
        more = a[i] + rest[i]
        sum = total[i] + more
        rest[i] = more - (sum - total[i]) if sum - sum == 0 else 0      # (not of infinity)
        total[i] = sum


cdef inline void add_bias_gradient(
    real* d_b, real* rest, const real* d_pre, Py_ssize_t d_pre_row,
    const real* h_prev,                             # IN  (rows, width) or NULL: ones
    Py_ssize_t rows, Py_ssize_t width,
) noexcept nogil:
    # d_b += (d_pre * h_prev).sum(axis=0), in blocks: rows may be millions
    cdef Py_ssize_t row, begin, end = 0, i, col, cols
    cdef const real* d
    cdef const real* h
    cdef real[SUM_COLUMNS] sums
    while end < rows:
        begin, end = end, min(rows, end + BACKWARD_ROWS)
        col = 0
        while col < width:
            cols = min(<Py_ssize_t>SUM_COLUMNS, width - col)
            memset(sums, 0, sizeof(sums))
            for row in range(begin, end):
                d = d_pre + row * d_pre_row + col
                if h_prev is NULL:
                    add_to(sums, d, cols)
                else:
                    h = h_prev + row * width + col
                    for i in range(cols):
                        sums[i] = sums[i] + d[i] * h[i]
            add_with_rest(d_b + col, rest + col, sums, cols)
            col += cols


cdef inline void pack_weights(const Recurrence* r, const Backward* b) noexcept nogil:
    """Fill the scratch for all rows."""
    cdef Py_ssize_t width = r.gates * b.H
    if b.packs:
        if r.matrix:
            pack(b.weights_hh, b.w_hh, b.S, 1, width, b.S, 1, PANEL_VECS)
        if b.d_x is not NULL and b.w_ih is not NULL:
            pack(b.weights_ih, b.w_ih, b.input_size, 1, width, b.input_size, 1, PANEL_VECS)
        if b.w_hr is not NULL:
            pack(b.weights_hr, b.w_hr, b.H, 1, b.S, b.H, 1, PANEL_VECS)


cdef inline void prepare_backward(
    const Recurrence* r, const Sequence* q, const Backward* b
) noexcept nogil:
    cdef Py_ssize_t width = r.gates * b.H, rows = q.last - q.first
    copy_or_zero(
        b.d_h + q.first * b.S, b.d_h_n + q.first * b.S if b.d_h_n is not NULL else NULL,
        rows * b.S,
    )
    if r.cell:
        copy_or_zero(
            b.d_c + q.first * b.H, b.d_c_n + q.first * b.H if b.d_c_n is not NULL else NULL,
            rows * b.H,
        )
    # The first chunk writes the gradients of the matrices, the others add: unless there is none.
    if b.d_w_ih is not NULL and q.T == 0:
        copy_or_zero(b.d_w_ih, NULL, width * b.input_size)
    if b.d_w_hh is not NULL and (q.T == 0 or not r.matrix):
        copy_or_zero(b.d_w_hh, NULL, width * b.S if r.matrix else b.H)
    if b.d_w_hr is not NULL and q.T == 0:
        copy_or_zero(b.d_w_hr, NULL, b.S * b.H)
    copy_or_zero(b.rests, NULL, 2 * width + b.H)
    if b.d_b_ih is not NULL:
        copy_or_zero(b.d_b_ih, NULL, width)
    if b.d_b_hh is not NULL:
        copy_or_zero(b.d_b_hh, NULL, width)


cdef inline void one_step_backward(
    const Recurrence* r, const Sequence* q, const Backward* b, Py_ssize_t k,
    Py_ssize_t row,                                 # where its rows begin in those of the chunk
) noexcept nogil:
    cdef Py_ssize_t t = time_of(q, k), here = start_of(q, t) + q.first, width = r.gates * b.H
    cdef real* d_h = b.d_h + q.first * b.S
    cdef StepBackward s
    s.rows, s.units = rows_at(q, t), b.H
    gather_h_prev(b.h_prev + row * b.S, q, k, b.output, b.h_0, b.S)
    if b.d_output is not NULL:
        add_to(d_h, b.d_output + here * b.S, s.rows * b.S)
    s.d_h, s.d_h_row = d_h, b.S
    s.h_inner, s.h_inner_row = NULL, b.H
    if b.w_hr is not NULL:
        # d_inner = d_h @ w_hr
        memcpy(b.d_h_rows + row * b.S, d_h, s.rows * b.S * sizeof(real))
        times_weights(
            b, b.d_inner, NULL, d_h, b.S, b.w_hr, b.weights_hr, s.rows, b.S, b.H, k % 2 == 1
        )
        s.d_h, s.d_h_row = b.d_inner, b.H
        s.h_inner = b.inner + row * b.H
    s.d_c, s.d_c_row = NULL, b.H
    if r.cell:
        s.d_c = b.d_c + q.first * b.H
    s.kept, s.kept_row = NULL, vectors(b.H) * r.kept * LANES
    if r.kept > 0:
        s.kept = b.kept + here * s.kept_row
    s.d_pre_x, s.d_pre_h = b.d_pre_x + row * b.d_pre_row, b.d_pre_h + row * b.d_pre_row
    s.d_pre_row = b.d_pre_row
    s.h_prev, s.h_prev_row = b.h_prev + row * b.S, b.S
    s.h, s.h_row = b.output + here * b.S, b.S
    s.u = b.w_hh
    r.backward(&s)
    # d_h = d_pre @ w_hh, with what reaches h_prev directly
    if r.matrix and (k > 0 or b.need_h_0):
        times_weights(
            b, d_h, d_h if r.direct else NULL, s.d_pre_h, b.d_pre_row, b.w_hh, b.weights_hh,
            s.rows, width, b.S, k % 2 == 1,
        )


cdef inline void finish_chunk(
    const Recurrence* r, const Sequence* q, const Backward* b,
    Py_ssize_t low, Py_ssize_t steps,               # the chunk in time
    Py_ssize_t rows, bint is_first,
) noexcept nogil:
    cdef Py_ssize_t width = r.gates * b.H, row = 0, t, start, count
    cdef const real* x = b.x_rows
    if is_whole(q):
        # The rows of a chunk are neighbours in memory, too.
        start = start_of(q, low)
        x = b.x + start * b.input_size
        if b.d_x is not NULL:
            input_gradient(r, b, b.d_x + start * b.input_size, b.d_pre_x, rows)
    else:
        if b.d_w_ih is not NULL:
            gather_chunk(b.x_rows, q, low, steps, b.x, b.input_size)
        if b.d_x is not NULL:
            for t in range(low, low + steps):
                start, count = start_of(q, t) + q.first, rows_at(q, t)
                input_gradient(
                    r, b, b.d_x + start * b.input_size, b.d_pre_x + row * b.d_pre_row, count
                )
                row += count
    if b.d_w_ih is not NULL:
        add_weight_gradient(
            b.d_w_ih, b.d_pre_x, b.d_pre_row, x, b.buffer, rows, width, b.input_size, is_first
        )
    if b.d_w_hh is not NULL and r.matrix:
        add_weight_gradient(
            b.d_w_hh, b.d_pre_h, b.d_pre_row, b.h_prev, b.buffer, rows, width, b.S, is_first
        )
    elif b.d_w_hh is not NULL:
        add_bias_gradient(
            b.d_w_hh, b.rests + 2 * width, b.d_pre_h, b.d_pre_row, b.h_prev, rows, b.H
        )
    if b.d_b_ih is not NULL:
        add_bias_gradient(b.d_b_ih, b.rests, b.d_pre_x, b.d_pre_row, NULL, rows, width)
    if b.d_b_hh is not NULL:
        add_bias_gradient(b.d_b_hh, b.rests + width, b.d_pre_h, b.d_pre_row, NULL, rows, width)
    if b.d_w_hr is not NULL:
        add_weight_gradient(
            b.d_w_hr, b.d_h_rows, b.S, b.inner, b.buffer, rows, b.S, b.H, is_first
        )


cdef inline void run_backward(
    const Recurrence* r, const Sequence* q, const Backward* b
) noexcept nogil:
    cdef Py_ssize_t k = q.T, begin, rows, row, i
    prepare_backward(r, q, b)
    while k > 0 and not interrupted(0):
        # The chunk: the steps begin <= ... < k in the order of running.
        begin, rows = k - 1, rows_at(q, time_of(q, k - 1))
        while begin > 0 and rows + rows_at(q, time_of(q, begin - 1)) <= BACKWARD_ROWS:
            begin -= 1
            rows += rows_at(q, time_of(q, begin))
        # Its rows stand in the order of time, which `reverse` runs through the other way.
        row = 0 if q.reverse else rows
        for i in reversed(range(begin, k)):
            if not q.reverse:
                row -= rows_at(q, time_of(q, i))
            one_step_backward(r, q, b, i, row)
            if q.reverse:
                row += rows_at(q, time_of(q, i))
            # (The products count themselves, those of a few rows excepted.)
            if interrupted(<double>b.step * b.d_pre_row * (1 if b.packs else b.S)):
                return
        finish_chunk(
            r, q, b, time_of(q, k - 1) if q.reverse else begin, k - begin, rows, k == q.T
        )
        k = begin


cdef inline Py_ssize_t lay_out_gradients(
    Backward* b, const Recurrence* r, const Backward* wanted, real* memory
) noexcept nogil:
    """Like `lay_out_backward`: memory for those gradients that are sums over the batch."""
    cdef Py_ssize_t used = 0, width = r.gates * b.H
    cdef Py_ssize_t hidden_weights = width * b.S if r.matrix else b.H
    if wanted.d_w_ih is not NULL:
        b.d_w_ih = take(memory, &used, width * b.input_size)
    if wanted.d_w_hh is not NULL:
        b.d_w_hh = take(memory, &used, hidden_weights)
    if wanted.d_b_ih is not NULL:
        b.d_b_ih = take(memory, &used, width)
    if wanted.d_b_hh is not NULL:
        b.d_b_hh = take(memory, &used, width)
    if wanted.d_w_hr is not NULL:
        b.d_w_hr = take(memory, &used, b.S * b.H)
    return used


cdef inline void add_gradients(
    const Backward* total, const Recurrence* r, const Backward* b
) noexcept nogil:
    """Add the sums over other rows of the batch."""
    cdef Py_ssize_t width = r.gates * b.H
    if total.d_w_ih is not NULL:
        add_to(total.d_w_ih, b.d_w_ih, width * b.input_size)
    if total.d_w_hh is not NULL:
        add_to(total.d_w_hh, b.d_w_hh, width * b.S if r.matrix else b.H)
    if total.d_b_ih is not NULL:
        add_to(total.d_b_ih, b.d_b_ih, width)
    if total.d_b_hh is not NULL:
        add_to(total.d_b_hh, b.d_b_hh, width)
    if total.d_w_hr is not NULL:
        add_to(total.d_w_hr, b.d_w_hr, b.S * b.H)
