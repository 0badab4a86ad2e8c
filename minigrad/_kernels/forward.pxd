"""The loop over time, forward, for every recurrence.

For a chunk of steps at a time, xp = x @ w_ih.T + bias: one product for all of them. Then step by
step, panel by panel of w_hh and a few rows at a time, the register tile adds h_prev @ w_hh.T and
leaves all gates of LANES units in a scratch of a few vectors, where the recurrence's own function
finds them still in the first-level cache. The states of a step are read back from the output of
the step before, so nothing is copied, and the memory beside the output does not grow with T.

Packed weights and biases are the same for all rows of the batch: `prepare` makes them once. All
other scratch belongs to the rows that one thread works on.

With few rows in all, packing the weights would cost more than it saves: the same sums are then made
one dot product at a time, from the weights as they are.
"""

from .matmul cimport (
    PANEL_VECS,
    TILE_ROWS,
    interrupted,
    matmul_nt,
    matmul_nt_gates,
    matmul_packed,
    matmul_tail,
    pack,
    pack_gates,
    packed_gates_size,
    packed_size,
    tiles,
    vectors,
    whole_blocks,
)
from .real cimport LANES, load, load_part, real, store
from .recurrence cimport Recurrence, Step
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
    # How many rows of xp there are at a time (or one step, if that has more). Measured: enough for
    # the product to be fast, few enough for them to stay in a cache.
    FORWARD_ROWS = 256
    # Measured. With fewer rows in a call, packing the weights costs more than it saves.
    PACK_ROWS = 3
    TALLEST_TILE = 6            # TILE_ROWS is at most this
    GATE_PRODUCTS = 32          # a gate takes about as long as so many products


cdef struct Forward:
    Py_ssize_t input_size, H    # (the I of the shapes: C has a macro of that name)
    Py_ssize_t S                # the size of a state: H, or smaller with a projection
    Py_ssize_t rows, step       # all rows of x; the most that one step has
    const real* x               # IN  (all rows, I)
    const real* h_0             # IN  (N, S) or NULL
    const real* w_ih            # IN  (G H, I); NULL: x stands for x @ w_ih.T
    const real* w_hh            # IN  (G H, S), or (H,) where it is no matrix
    const real* b_ih            # IN  (G H,) or NULL
    const real* b_hh            # IN  (G H,) or NULL
    const real* w_hr            # IN  (S, H) or NULL
    real* output                # OUT (all rows, S)
    real* c                     # IN  (N, H) c_0, OUT c_n, or NULL
    real* kept                  # OUT (all rows, blocks, kept, LANES) or NULL
    bint packs                  # whether to pack the weights
    # Scratch for all rows, from `lay_out_weights`.
    real* packed_ih
    real* packed_hh
    real* packed_hr
    real* bias                  # (G H,)
    real* bias_x                # (blocks, G, LANES), all biases but those in bias_h
    real* bias_h                # the same, of the part of h_prev if it is apart
    real* zeros                 # (S,)
    # Scratch for the rows of one thread, from `lay_out_forward`.
    real* x_rows                # (rows of a chunk, I), unless the batch is whole
    real* xp                    # (rows of a chunk, blocks, G, LANES)
    real* pre                   # (TALLEST_TILE, PANEL_VECS, LANES)
    real* sums                  # the same, of `matmul_tail`
    real* joined                # (N, S), needed by a reverse ragged batch
    real* inner                 # (N, H), needed by a projection: h before it


cdef inline int panel_blocks(const Recurrence* r) noexcept nogil:
    """How many blocks of units, with all of their gates, one panel of weights has."""
    return PANEL_VECS // r.gates


cdef inline Py_ssize_t lay_out_weights(
    Forward* f, const Recurrence* r, real* memory
) noexcept nogil:
    """Set the scratch pointers; return how many elements they need. memory NULL: only that."""
    cdef Py_ssize_t used = 0, width = vectors(f.H) * r.gates * LANES
    cdef bint projects = f.w_hr is not NULL
    f.packed_ih = take(
        memory, &used,
        packed_gates_size(f.input_size, f.H, r.gates) if f.packs and f.w_ih is not NULL else 0,
    )
    f.packed_hh = take(
        memory, &used, packed_gates_size(f.S, f.H, r.gates) if f.packs and r.matrix else 0
    )
    f.packed_hr = take(memory, &used, packed_size(f.H, f.S, 1) if f.packs and projects else 0)
    f.bias = take(memory, &used, r.gates * f.H)
    f.bias_x = take(memory, &used, width)
    f.bias_h = take(memory, &used, width if r.apart else 0)
    f.zeros = take(memory, &used, f.S)
    return used


cdef inline Py_ssize_t lay_out_forward(
    Forward* f, const Recurrence* r, const Sequence* q, real* memory
) noexcept nogil:
    """The same for the rows of one thread."""
    cdef Py_ssize_t used = 0, width = vectors(f.H) * r.gates * LANES
    cdef Py_ssize_t chunk = min(f.rows, max(<Py_ssize_t>FORWARD_ROWS, f.step))
    cdef bint projects = f.w_hr is not NULL, joins = q.reverse and q.batch_sizes is not NULL
    f.x_rows = take(memory, &used, 0 if is_whole(q) else chunk * f.input_size)
    f.xp = take(memory, &used, chunk * width)
    f.pre = take(memory, &used, TALLEST_TILE * PANEL_VECS * LANES)
    f.sums = take(memory, &used, TALLEST_TILE * PANEL_VECS * LANES)
    f.joined = take(memory, &used, q.N * f.S if joins else 0)
    f.inner = take(memory, &used, q.N * f.H if projects else 0)
    return used


cdef inline void prepare(const Recurrence* r, const Forward* f) noexcept nogil:
    """Fill the scratch for all rows."""
    cdef Py_ssize_t width = r.gates * f.H
    cdef int vecs = panel_blocks(r) * r.gates
    # bias_x = b_ih + b_hh, or b_ih alone if the parts are to stay apart
    copy_or_zero(f.bias, f.b_ih, width)
    if f.b_hh is not NULL and not r.apart:
        add_to(f.bias, f.b_hh, width)
    pack(f.bias_x, f.bias, 0, 1, 1, f.H, r.gates, vecs)
    if r.apart:
        copy_or_zero(f.bias, f.b_hh, width)
        pack(f.bias_h, f.bias, 0, 1, 1, f.H, r.gates, vecs)
    copy_or_zero(f.zeros, NULL, f.S)
    if f.packs:
        # w_ih.T, w_hh.T and w_hr.T
        if f.w_ih is not NULL:
            pack_gates(f.packed_ih, f.w_ih, f.input_size, f.H, r.gates, PANEL_VECS)
        if r.matrix:
            pack_gates(f.packed_hh, f.w_hh, f.S, f.H, r.gates, vecs)
        if f.w_hr is not NULL:
            pack(f.packed_hr, f.w_hr, 1, f.H, f.H, f.S, 1, PANEL_VECS)


cdef inline void add_bias(
    const Forward* f,
    real* xp,                                       # OUT (rows, blocks, LANES)
    const real* x,                                  # IN  (rows, H)
    Py_ssize_t rows,
) noexcept nogil:
    # xp = x + bias
    cdef Py_ssize_t _row, block, unit
    for _row in range(rows):
        for block in range(vectors(f.H)):
            unit = block * LANES
            store(xp + unit, load_part(x + unit, f.H - unit) + load(f.bias_x + unit))
        xp += vectors(f.H) * LANES
        x += f.H


cdef inline void project_input(
    const Recurrence* r, const Forward* f,
    real* xp,                                       # OUT (rows, blocks, G, LANES)
    const real* x,                                  # IN  (rows, I)
    Py_ssize_t rows,
) noexcept nogil:
    # xp = x @ w_ih.T + bias
    cdef Py_ssize_t blocks = vectors(f.H), width = blocks * r.gates * LANES
    cdef Py_ssize_t whole = whole_blocks(f.H, r.gates) * r.gates * LANES
    if f.w_ih is NULL:
        add_bias(f, xp, x, rows)
    elif f.packs:
        matmul_packed(
            xp, width, f.bias_x, 0, x, f.input_size, 1, f.packed_ih, PANEL_VECS, rows,
            f.input_size, whole, False,
        )
        if whole < width:
            matmul_tail(
                xp + whole, width, f.bias_x + whole, 0, x, f.input_size,
                f.packed_ih + whole * f.input_size, f.sums, rows, f.input_size, f.H, r.gates,
            )
    else:
        matmul_nt_gates(
            xp, width, f.bias_x, 0, x, f.input_size, f.w_ih, 0, blocks, rows, f.input_size, f.H,
            r.gates,
        )


cdef inline void step_with_matrix(
    const Recurrence* r, const Forward* f,
    const Step* whole,                              # all rows and all units of the step
    const real* xp,                                 # IN  (rows, blocks, G, LANES)
    bint turns,                                     # from the last panel to the first
) noexcept nogil:
    # pre = h_prev @ w_hh.T + xp; then the gates
    cdef Step s = whole[0]
    cdef Py_ssize_t blocks = whole.blocks, rows = whole.rows, xp_row = blocks * r.gates * LANES
    cdef Py_ssize_t before_tail = whole_blocks(f.H, r.gates) if f.packs else blocks
    cdef Py_ssize_t panels = (before_tail + panel_blocks(r) - 1) // panel_blocks(r)
    cdef Py_ssize_t all = panels + (before_tail < blocks)
    cdef Py_ssize_t k, block, row, count, i, unit, add_row
    cdef const real* add
    cdef int vecs
    s.pre = f.pre
    for k in range(all):
        block = min((all - 1 - k if turns else k) * panel_blocks(r), before_tail)
        s.blocks = min(before_tail - block, <Py_ssize_t>panel_blocks(r))
        if block == before_tail:
            s.blocks = 1
        vecs = <int>s.blocks * r.gates
        unit = block * LANES
        s.units = f.H - unit
        s.pre_row = vecs * LANES
        # As in `matmul_panel`: tiles of nearly the same height.
        count = (rows + TILE_ROWS(vecs) - 1) // TILE_ROWS(vecs)
        row = 0
        for i in range(count):
            s.rows = (rows - row) // (count - i)
            s.h_prev = whole.h_prev + row * s.h_prev_row
            s.x_part = xp + row * xp_row + unit * r.gates
            if r.apart:
                add, add_row = f.bias_h + unit * r.gates, 0
            else:
                add, add_row = s.x_part, xp_row
            if block == before_tail:
                matmul_tail(
                    f.pre, s.pre_row, add, add_row, s.h_prev, s.h_prev_row,
                    f.packed_hh + unit * r.gates * f.S, f.sums, s.rows, f.S, f.H, r.gates,
                )
            elif f.packs:
                tiles[s.rows - 1][vecs - 1](
                    f.S, s.h_prev, s.h_prev_row, 1,
                    f.packed_hh + unit * r.gates * f.S, vecs * LANES,
                    f.pre, s.pre_row, add, add_row, LANES,
                )
            else:
                matmul_nt_gates(
                    f.pre, s.pre_row, add, add_row, s.h_prev, s.h_prev_row, f.w_hh, unit,
                    s.blocks, s.rows, f.S, f.H, r.gates,
                )
            # From here on h_prev and all else are those of the tile's units.
            s.h_prev = s.h_prev + unit
            s.h = whole.h + row * s.h_row + unit
            if whole.c is not NULL:
                s.c = whole.c + row * s.c_row + unit
            if whole.kept is not NULL:
                s.kept = whole.kept + row * s.kept_row + unit * r.kept
            r.forward(&s)
            row += s.rows
        if interrupted(<double>rows * vecs * LANES * f.S):
            return


cdef inline void step_without_matrix(
    const Recurrence* r, const Step* whole, const real* xp
) noexcept nogil:
    # pre = xp; then the gates, a few rows at a time so that they stay in the first-level cache
    cdef Step s = whole[0]
    cdef Py_ssize_t row = 0
    s.pre_row = whole.blocks * r.gates * LANES
    while row < whole.rows:
        s.rows = min(whole.rows - row, <Py_ssize_t>TALLEST_TILE)
        s.pre = xp + row * s.pre_row
        s.h_prev = whole.h_prev + row * s.h_prev_row
        s.h = whole.h + row * s.h_row
        r.forward(&s)
        row += s.rows
    interrupted(<double>whole.rows * GATE_PRODUCTS * whole.units)


cdef inline void one_step(
    const Recurrence* r, const Sequence* q, const Forward* f, Py_ssize_t k,
    const real* xp,                                 # IN  (rows_at(time_of(k)), blocks, G, LANES)
) noexcept nogil:
    cdef Py_ssize_t t = time_of(q, k), here = start_of(q, t) + q.first, before = 0, running = 0
    cdef real* output = f.output + here * f.S
    cdef Step s
    s.rows, s.blocks, s.units = rows_at(q, t), vectors(f.H), f.H
    s.u = f.w_hh

    # h_prev: read where it stands, but for the steps that only some sequences come to from another
    if k > 0:
        before = start_of(q, time_of(q, k - 1)) + q.first
        running = min(s.rows, rows_at(q, time_of(q, k - 1)))
    s.h_prev_row = f.S
    if running == s.rows:
        s.h_prev = f.output + before * f.S
    elif running > 0:
        gather_h_prev(f.joined, q, k, f.output, f.h_0, f.S)
        s.h_prev = f.joined
    elif f.h_0 is not NULL:
        s.h_prev = f.h_0 + q.first * f.S
    else:
        s.h_prev, s.h_prev_row = f.zeros, 0

    s.h, s.h_row = output, f.S
    if f.w_hr is not NULL:
        s.h, s.h_row = f.inner, f.H
    s.c, s.c_row = NULL, f.H
    if f.c is not NULL:
        s.c = f.c + q.first * f.H
    s.kept, s.kept_row = NULL, s.blocks * r.kept * LANES
    if f.kept is not NULL:
        s.kept = f.kept + here * s.kept_row
    s.x_part, s.x_row = xp, s.blocks * r.gates * LANES
    if r.matrix:
        step_with_matrix(r, f, &s, xp, k % 2 == 1)
    else:
        step_without_matrix(r, &s, xp)

    # h' = h @ w_hr.T
    if f.w_hr is not NULL and f.packs:
        matmul_packed(
            output, f.S, NULL, 0, f.inner, f.H, 1, f.packed_hr, PANEL_VECS, s.rows, f.H, f.S,
            k % 2 == 1,
        )
    elif f.w_hr is not NULL:
        matmul_nt(output, f.zeros, 0, f.inner, f.w_hr, s.rows, f.H, f.S)


cdef inline void run_forward(
    const Recurrence* r, const Sequence* q, const Forward* f
) noexcept nogil:
    cdef Py_ssize_t k = 0, end, rows, row, low
    cdef Py_ssize_t width = vectors(f.H) * r.gates * LANES
    cdef const real* x
    while k < q.T and not interrupted(0):
        # The chunk: the steps k <= ... < end in the order of running, low <= ... in time.
        end, rows = k + 1, rows_at(q, time_of(q, k))
        while end < q.T and rows + rows_at(q, time_of(q, end)) <= FORWARD_ROWS:
            rows += rows_at(q, time_of(q, end))
            end += 1
        low = time_of(q, end - 1) if q.reverse else k
        # xp = x @ w_ih.T + bias, in the order of time
        x = f.x + start_of(q, low) * f.input_size
        if not is_whole(q):
            x = f.x_rows
            gather_chunk(f.x_rows, q, low, end - k, f.x, f.input_size)
        project_input(r, f, f.xp, x, rows)
        row = rows if q.reverse else 0
        while k < end and not interrupted(0):
            if q.reverse:
                row -= rows_at(q, time_of(q, k))
            one_step(r, q, f, k, f.xp + row * width)
            if not q.reverse:
                row += rows_at(q, time_of(q, k))
            k += 1
