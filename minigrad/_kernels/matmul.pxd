"""Matrix products, in the forms that a recurrent layer needs.

    over time   `pack` the weights once, then `matmul_packed` at every step of a sequence
    at once     `matmul`: all steps in one product (input projection, weight gradients)
    few rows    `matmul_nt`, `matmul_nt_gates`, `matmul_nn`: a handful of rows, for which packing
                the weights would not pay

Nearly all of it runs on the register tile of tile.h. NumPy's BLAS is not called: `matmul` needs no
views and no interpreter lock, costs nothing at toy size and, measured on one core with AVX-512,
was about twice as fast at the sizes of recurrent layers. Products elsewhere: see product.pyx.

Notation: c (rows, cols) = a (rows, depth) @ b (depth, cols) + add (rows, cols). For an operand a,
a_row and a_col are the distances in elements from one row, one column, to the next: a transposed
matrix is the same memory with the two exchanged. add NULL is zero; add_row = 0 adds the same row,
a bias, to every row; add may be c itself.
"""

from .interrupt cimport interrupted
from .real cimport (
    LANES,
    check_index,
    load,
    load_first,
    load_part,
    real,
    store,
    sum_lanes,
    transpose,
    vec,
)

cdef extern from "tile.h" nogil:
    const int PANEL_VECS
    int TILE_ROWS(int vecs)
    ctypedef void (*tile_function)(
        Py_ssize_t depth, const real* a, Py_ssize_t a_row, Py_ssize_t a_col, const real* panel,
        Py_ssize_t panel_row, real* c, Py_ssize_t c_row, const real* add, Py_ssize_t add_row,
        int last,
    ) noexcept nogil
    const tile_function[6][4] tiles         # tiles[rows - 1][vecs - 1]

cdef enum:
    DEPTH_BLOCK = 256       # the rows of b that `matmul` packs at a time: they stay in the cache


# -- over time: packed weights --------------------------------------------------------------------
#
# Of weights that are larger than the cache, a step finds there what the step before used last: so
# every other step turns, and goes from the last panel to the first.
#
# Packed weights are a row of vectors for each step of the depth, cut into panels of `panel_vecs`
# vectors (the last panel may be narrower), one panel after the other. A vector holds the same
# gate of LANES neighbouring units; the gates of these units follow one another:
#
#     vector q of a row  =  gate q % gates  of the units  (q // gates) * LANES ...
#
# so that a tile ends with all gates of its units at hand. Units beyond the last are zero.

cdef inline Py_ssize_t vectors(Py_ssize_t n) noexcept nogil:
    """How many vectors hold n elements."""
    return (n + LANES - 1) // LANES


cdef inline Py_ssize_t packed_size(Py_ssize_t depth, Py_ssize_t units, int gates) noexcept nogil:
    """How many elements `pack` writes."""
    return depth * vectors(units) * gates * LANES


cdef inline void pack(
    real* packed,                                   # OUT, of `packed_size` elements
    const real* b, Py_ssize_t b_row, Py_ssize_t b_col,      # IN (depth, gates * units)
    Py_ssize_t depth, Py_ssize_t units, int gates, int panel_vecs,
) noexcept nogil:
    # b.reshape(depth, gates, units // LANES, LANES).swapaxes(1, 2), cut into panels
    if gates == 1 and b_col == 1:
        pack_rows(packed, b, b_row, depth, units, panel_vecs)
    else:
        pack_blocks(packed, b, b_row, b_col, depth, units, vectors(units), gates, panel_vecs)


cdef inline void pack_blocks(
    real* packed,                                   # OUT (depth, blocks * gates * LANES)
    const real* b, Py_ssize_t b_row, Py_ssize_t b_col,      # IN (depth, gates * units)
    Py_ssize_t depth, Py_ssize_t units, Py_ssize_t blocks, int gates, int panel_vecs,
) noexcept nogil:
    # the same of the first blocks
    cdef Py_ssize_t total = blocks * gates if depth > 0 else 0
    cdef Py_ssize_t q, k, width, first_unit, valid, lane
    cdef const real* source
    cdef real* target
    for q in range(total):
        width = min(<Py_ssize_t>panel_vecs, total - q // panel_vecs * panel_vecs) * LANES
        first_unit = q // gates * LANES
        valid = min(<Py_ssize_t>LANES, units - first_unit)
        source = b + (q % gates * units + first_unit) * b_col
        target = packed + q // panel_vecs * panel_vecs * LANES * depth + q % panel_vecs * LANES
        check_index(
            target - packed + (depth - 1) * width + LANES - 1, packed_size(depth, units, gates)
        )
        if b_col == 1 and valid == LANES:
            for k in range(depth):
                store(target + k * width, load(source + k * b_row))
        elif b_col == 1:
            for k in range(depth):
                store(target + k * width, load_first(source + k * b_row, <int>valid))
        elif b_row == 1:
            pack_transposed(target, width, source, b_col, depth, valid)
        else:
            for k in range(depth):
                for lane in range(valid):
                    target[k * width + lane] = source[k * b_row + lane * b_col]
                for lane in range(valid, LANES):
                    target[k * width + lane] = 0


cdef inline void pack_rows(
    real* packed,                                   # OUT, of `packed_size` elements
    const real* b, Py_ssize_t b_row,                # IN  (depth, cols)
    Py_ssize_t depth, Py_ssize_t cols, int panel_vecs,
) noexcept nogil:
    # the same for one gate, each row of a panel at once: rows may be far apart in memory
    cdef Py_ssize_t left, k, col
    while cols > 0:
        left = min(cols, <Py_ssize_t>panel_vecs * LANES)
        for k in range(depth):
            col = 0
            while col + LANES <= left:
                store(packed + col, load(b + k * b_row + col))
                col += LANES
            if col < left:
                store(packed + col, load_first(b + k * b_row + col, <int>(left - col)))
            packed += vectors(left) * LANES
        b += left
        cols -= left


cdef inline void pack_transposed(
    real* target, Py_ssize_t target_row,            # OUT (depth, LANES)
    const real* source, Py_ssize_t source_row,      # IN  (valid, depth)
    Py_ssize_t depth, Py_ssize_t valid,
) noexcept nogil:
    # target[:, :valid] = source.T, a square of LANES * LANES at a time; target[:, valid:] = 0
    cdef Py_ssize_t k = 0, lane, left
    cdef vec[16] square
    while k < depth:
        left = min(depth - k, <Py_ssize_t>LANES)
        if left == LANES and valid == LANES:
            for lane in range(LANES):
                square[lane] = load(source + lane * source_row + k)
            transpose(square)
            for lane in range(LANES):
                store(target + (k + lane) * target_row, square[lane])
        else:
            for lane in range(LANES):
                square[lane] = load_first(
                    source + min(lane, valid - 1) * source_row + k, <int>left if lane < valid else 0
                )
            transpose(square)
            for lane in range(left):
                store(target + (k + lane) * target_row, square[lane])
        k += LANES


cdef inline void matmul_panel(
    real* c, Py_ssize_t c_row,                      # OUT (rows, (vecs - 1) * LANES + last)
    const real* add, Py_ssize_t add_row,            # IN  of the same shape, or NULL
    const real* a, Py_ssize_t a_row, Py_ssize_t a_col,      # IN (rows, depth)
    const real* panel, Py_ssize_t panel_row,        # IN  (depth, vecs * LANES)
    int vecs, int last, Py_ssize_t rows, Py_ssize_t depth,
) noexcept nogil:
    # c = a @ panel + add
    cdef Py_ssize_t row = 0, i
    cdef int tile_rows
    # As few tiles as can be, of nearly the same height: 32 rows are 5 + 5 + 5 + 5 + 6 + 6.
    cdef Py_ssize_t count = (rows + TILE_ROWS(vecs) - 1) // TILE_ROWS(vecs)
    for i in range(count):
        tile_rows = <int>((rows - row) // (count - i))
        check_index(tile_rows - 1, TILE_ROWS(vecs))
        check_index(last - 1, LANES)
        tiles[tile_rows - 1][vecs - 1](
            depth, a + row * a_row, a_row, a_col, panel, panel_row, c + row * c_row, c_row,
            add + row * add_row if add is not NULL else NULL, add_row, last,
        )
        row += tile_rows


cdef inline void matmul_packed(
    real* c, Py_ssize_t c_row,                      # OUT (rows, cols)
    const real* add, Py_ssize_t add_row,            # IN  (rows, cols) or NULL
    const real* a, Py_ssize_t a_row, Py_ssize_t a_col,      # IN (rows, depth)
    const real* packed, int panel_vecs,             # IN  (depth, cols), from `pack`
    Py_ssize_t rows, Py_ssize_t depth,
    Py_ssize_t cols,                                # units for one gate, else whole vectors: as
    bint turns,                                     # they were packed; from the last panel on
) noexcept nogil:
    # c = a @ b + add
    cdef Py_ssize_t total = vectors(cols), panels = (total + panel_vecs - 1) // panel_vecs
    cdef Py_ssize_t i, first, col
    cdef int vecs, last
    for i in range(panels):
        if interrupted(<double>rows * depth * panel_vecs * LANES):
            return
        first = (panels - 1 - i if turns else i) * panel_vecs
        col = first * LANES
        vecs = <int>min(<Py_ssize_t>panel_vecs, total - first)
        last = <int>min(<Py_ssize_t>LANES, cols - col - (vecs - 1) * LANES)
        matmul_panel(
            c + col, c_row, add + col if add is not NULL else NULL, add_row, a, a_row, a_col,
            packed + col * depth, vecs * LANES, vecs, last, rows, depth,
        )


# -- over time: the last units --------------------------------------------------------------------
#
# A hundred units are six blocks of sixteen and four more. A block of their own for these would be
# three quarters zeros, in each gate; so where it takes fewer vectors, all gates of the last units
# stand side by side: `tail_vectors` of them, behind the panels of the whole blocks.

cdef inline int tail_vectors(Py_ssize_t units, int gates) noexcept nogil:
    """How many vectors hold the last units like this; 0 where that saves nothing."""
    cdef Py_ssize_t n = vectors(gates * (units % LANES))
    return <int>n if n < gates else 0


cdef inline Py_ssize_t whole_blocks(Py_ssize_t units, int gates) noexcept nogil:
    """How many blocks the other units are."""
    return units // LANES if tail_vectors(units, gates) > 0 else vectors(units)


cdef inline Py_ssize_t packed_gates_size(
    Py_ssize_t depth, Py_ssize_t units, int gates
) noexcept nogil:
    """How many elements `pack_gates` writes."""
    return depth * (whole_blocks(units, gates) * gates + tail_vectors(units, gates)) * LANES


cdef inline void pack_gates(
    real* packed,                                   # OUT, of `packed_gates_size` elements
    const real* w,                                  # IN  (gates * units, depth)
    Py_ssize_t depth, Py_ssize_t units, int gates, int panel_vecs,
) noexcept nogil:
    # `pack` of w.T, but for the last units
    cdef Py_ssize_t whole = whole_blocks(units, gates), width = tail_vectors(units, gates) * LANES
    cdef Py_ssize_t tail = units % LANES, k, lane
    cdef const real* column
    pack_blocks(packed, w, 1, depth, depth, units, whole, gates, panel_vecs)
    packed += depth * whole * gates * LANES
    for lane in range(width):
        column = w + (lane // tail * units + whole * LANES + lane % tail) * depth
        for k in range(depth):
            packed[k * width + lane] = column[k] if lane < gates * tail else 0


cdef inline void matmul_tail(
    real* c, Py_ssize_t c_row,                      # OUT (rows, gates, LANES)
    const real* add, Py_ssize_t add_row,            # IN  of the same shape
    const real* a, Py_ssize_t a_row,                # IN  (rows, depth)
    const real* packed,                             # IN  the last units, as `pack_gates` left them
    real* sums,                                     # scratch, of a tile
    Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t units, int gates,
) noexcept nogil:
    # c = a @ b + add
    cdef int vecs = tail_vectors(units, gates), tail = <int>(units % LANES), gate
    cdef Py_ssize_t row = 0, count, i
    while row < rows:
        count = min(rows - row, <Py_ssize_t>TILE_ROWS(vecs))
        tiles[count - 1][vecs - 1](
            depth, a, a_row, 1, packed, vecs * LANES, sums, vecs * LANES, NULL, 0, LANES
        )
        for i in range(count):
            for gate in range(gates):
                store(
                    c + gate * LANES,
                    load_first(sums + i * vecs * LANES + gate * tail, tail)
                    + load(add + gate * LANES),
                )
            c += c_row
            add += add_row
        a += count * a_row
        row += count


# -- at once --------------------------------------------------------------------------------------

cdef inline Py_ssize_t matmul_buffer(Py_ssize_t depth, Py_ssize_t cols) noexcept nogil:
    """How many elements of scratch `matmul` needs: for one block of one panel, packed."""
    return min(depth, <Py_ssize_t>DEPTH_BLOCK) * min(vectors(cols), <Py_ssize_t>PANEL_VECS) * LANES


cdef inline void matmul(
    real* c,                                        # OUT (rows, cols), dense
    const real* add, Py_ssize_t add_row,            # IN  (rows, cols) or NULL
    const real* a, Py_ssize_t a_row, Py_ssize_t a_col,      # IN (rows, depth)
    const real* b, Py_ssize_t b_row, Py_ssize_t b_col,      # IN (depth, cols)
    real* buffer,                                   # scratch, of `matmul_buffer` elements
    Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    # c = a @ b + add
    matmul_into(
        c, cols, add, add_row, a, a_row, a_col, b, b_row, b_col, buffer, rows, depth, cols
    )


cdef inline void matmul_into(
    real* c, Py_ssize_t c_row,                      # OUT (rows, cols); the rest as in `matmul`
    const real* add, Py_ssize_t add_row,
    const real* a, Py_ssize_t a_row, Py_ssize_t a_col,
    const real* b, Py_ssize_t b_row, Py_ssize_t b_col,
    real* buffer, Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    # c = a @ b + add = a[:, :256] @ b[:256] + a[:, 256:512] @ b[256:512] + ... + add, for a panel
    # of b after the other: a block of it, packed, is used from the cache while it is there
    cdef Py_ssize_t col = 0, width, k, block, sum_row
    cdef const real* sum
    cdef int vecs
    while col < cols:
        width = min(cols - col, <Py_ssize_t>PANEL_VECS * LANES)
        vecs = <int>vectors(width)
        k = 0
        sum, sum_row = add + col if add is not NULL else NULL, add_row
        while True:
            block = min(depth - k, <Py_ssize_t>DEPTH_BLOCK)
            if interrupted(<double>rows * block * vecs * LANES):
                return
            pack(buffer, b + k * b_row + col * b_col, b_row, b_col, block, width, 1, PANEL_VECS)
            matmul_panel(
                c + col, c_row, sum, sum_row, a + k * a_col, a_row, a_col, buffer, vecs * LANES,
                vecs, <int>(width - (vecs - 1) * LANES), rows, block,
            )
            sum, sum_row = c + col, c_row
            k += block
            if k >= depth:
                break
        col += width


# -- few rows: weights as they are ----------------------------------------------------------------

cdef inline real dot(const real* a, const real* b, Py_ssize_t n) noexcept nogil:
    # a @ b
    cdef Py_ssize_t i = 0
    cdef real total = 0
    cdef vec sums
    if n < LANES:
        for i in range(n):
            total = total + a[i] * b[i]
        return total
    sums = load(a) * load(b)
    i = LANES
    while i + LANES <= n:
        sums = sums + load(a + i) * load(b + i)
        i += LANES
    if i < n:
        sums = sums + load_first(a + i, <int>(n - i)) * load_first(b + i, <int>(n - i))
    return sum_lanes(sums)


cdef inline void four_dots(
    real* c,                                        # OUT (4,)
    const real* a,                                  # IN  (n,)
    const real* b, Py_ssize_t b_row,                # IN  (4, n)
    Py_ssize_t n,                                   # at least LANES
) noexcept nogil:
    # c = b @ a: what `dot` does, four at a time, which need not wait for one another
    cdef const real* b1 = b + b_row
    cdef const real* b2 = b + 2 * b_row
    cdef const real* b3 = b + 3 * b_row
    cdef vec x = load(a)
    cdef vec c0 = x * load(b), c1 = x * load(b1), c2 = x * load(b2), c3 = x * load(b3)
    cdef Py_ssize_t i = LANES
    cdef int left
    while i + LANES <= n:
        x = load(a + i)
        c0, c1 = c0 + x * load(b + i), c1 + x * load(b1 + i)
        c2, c3 = c2 + x * load(b2 + i), c3 + x * load(b3 + i)
        i += LANES
    if i < n:
        left = <int>(n - i)
        x = load_first(a + i, left)
        c0, c1 = c0 + x * load_first(b + i, left), c1 + x * load_first(b1 + i, left)
        c2, c3 = c2 + x * load_first(b2 + i, left), c3 + x * load_first(b3 + i, left)
    c[0], c[1], c[2], c[3] = sum_lanes(c0), sum_lanes(c1), sum_lanes(c2), sum_lanes(c3)


cdef inline void matmul_nt(
    real* c,                                        # OUT (rows, cols)
    const real* add, Py_ssize_t add_row,            # IN  (rows, cols)
    const real* a,                                  # IN  (rows, depth)
    const real* b,                                  # IN  (cols, depth)
    Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    # c = a @ b.T + add
    cdef Py_ssize_t row
    for row in range(rows):
        matvec(c + row * cols, add + row * add_row, 1, a + row * depth, b, depth, depth, cols)


cdef inline void matvec(
    real* c,                                        # OUT (cols,)
    const real* add, Py_ssize_t add_col,            # IN  (cols,) or NULL
    const real* a,                                  # IN  (depth,)
    const real* b, Py_ssize_t b_row,                # IN  (cols, depth)
    Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    # c = b @ a + add
    cdef Py_ssize_t col = 0, i
    cdef real[4] sums
    if depth >= LANES:
        while col + 4 <= cols:
            four_dots(sums, a, b + col * b_row, b_row, depth)
            for i in range(4):
                c[col + i] = add[(col + i) * add_col] + sums[i] if add is not NULL else sums[i]
            col += 4
    while col < cols:
        sums[0] = dot(a, b + col * b_row, depth)
        c[col] = add[col * add_col] + sums[0] if add is not NULL else sums[0]
        col += 1


cdef inline void matmul_nt_gates(
    real* c, Py_ssize_t c_row,          # OUT (rows, blocks, gates, LANES): units as in `pack`
    const real* add, Py_ssize_t add_row,            # IN  of the same shape
    const real* a, Py_ssize_t a_row,                # IN  (rows, depth)
    const real* b,                                  # IN  (gates, units, depth)
    Py_ssize_t first_unit,                          # where the blocks of LANES units begin
    Py_ssize_t blocks, Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t units, int gates,
) noexcept nogil:
    # c = a @ b.T + add, lanes beyond the last unit zero
    cdef Py_ssize_t row, block, gate, lane, unit, valid, at
    for row in range(rows):
        for block in range(blocks):
            unit = first_unit + block * LANES
            valid = min(<Py_ssize_t>LANES, units - unit)
            for gate in range(gates):
                at = (block * gates + gate) * LANES
                for lane in range(valid):
                    c[row * c_row + at + lane] = add[row * add_row + at + lane] + dot(
                        a + row * a_row, b + (gate * units + unit + lane) * depth, depth
                    )
                for lane in range(valid, LANES):
                    c[row * c_row + at + lane] = 0


cdef inline void matmul_nn(
    real* c,                                        # OUT (rows, cols)
    const real* add, Py_ssize_t add_row,            # IN  (rows, cols) or NULL
    const real* a, Py_ssize_t a_row,                # IN  (rows, depth)
    const real* b,                                  # IN  (depth, cols)
    real* edge,                                     # scratch, (depth, LANES)
    Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    # c = a @ b + add
    matmul_unpacked(c, cols, add, add_row, a, a_row, 1, b, cols, edge, rows, depth, cols)


cdef inline void matmul_unpacked(
    real* c, Py_ssize_t c_row,                      # OUT (rows, cols)
    const real* add, Py_ssize_t add_row,            # IN  (rows, cols) or NULL
    const real* a, Py_ssize_t a_row, Py_ssize_t a_col,      # IN (rows, depth)
    const real* b, Py_ssize_t b_row,                # IN  (depth, cols)
    real* edge,                                     # scratch, (depth, LANES)
    Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    # c = a @ b + add
    cdef Py_ssize_t col = 0, left = cols // LANES, k
    cdef int vecs
    while left > 0:
        vecs = <int>min(<Py_ssize_t>PANEL_VECS, left)
        matmul_panel(
            c + col, c_row, add + col if add is not NULL else NULL, add_row, a, a_row, a_col,
            b + col, b_row, vecs, LANES, rows, depth,
        )
        left -= vecs
        col += vecs * LANES
    if col == cols:
        return
    # A whole vector at the right edge would read past the row, past the last row even.
    for k in range(depth):
        store(edge + k * LANES, load_part(b + k * b_row + col, cols - col))
    matmul_panel(
        c + col, c_row, add + col if add is not NULL else NULL, add_row, a, a_row, a_col,
        edge, LANES, 1, <int>(cols - col), rows, depth,
    )
