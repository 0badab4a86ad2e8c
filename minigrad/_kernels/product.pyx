"""Products of matrices outside recurrences: x @ W, a layer's x @ W.T + b, and their gradients.

    c (rows, cols) = a (rows, depth) @ b (depth, cols) + add (cols,)

a, b and c may be stacks of matrices, whose leading axes are broadcast. What to do depends on the
sizes, and on how b lies in memory (`choose`):

    OUTER       depth 1: each row of c is b times a number
    DOTS        one or two rows, columns of b dense (those of W.T are): dot products
    SWAPPED     few rows, columns of b dense: c.T = b.T @ a.T, of which a.T is packed. It is small,
                and b is read once, as it lies; c.T is turned round on its way out of the cache
    UNPACKED    few rows, rows of b dense: the tile reads b as it lies
    PACKED      all others: b is packed, block by block; of a whose rows are not dense, as those of
                g.T in g.T @ x are not, each block is copied

Packing pays for itself within a call, so no packed weights are kept: nobody has to know whether a
parameter has changed since. A large product is cut into parts, a thread each, along its longer
side. No sum is cut, so results are the same with any number of threads. The largest ones NumPy's
BLAS does faster (`suits_blas`).
"""

cimport numpy as cnp

from .arrays cimport REAL_TYPENUM, PyArray_ISCARRAY_RO, data, has_whole_steps
from .interrupt cimport (
    begin_watch,
    end_watch,
    float_mode,
    interrupted,
    set_mode_of_floats,
    watch,
)
from .matmul cimport (
    DEPTH_BLOCK,
    PANEL_VECS,
    matmul_buffer,
    matmul_into,
    matmul_panel,
    matmul_unpacked,
    matvec,
    pack,
    pack_transposed,
    packed_size,
    vectors,
)
from .real cimport (
    LANES,
    all_lanes,
    load,
    load_first,
    load_part,
    real,
    scratch,
    scratch_free,
    store,
    store_first,
    store_part,
    transpose,
    vec,
)

cdef extern from "threads.h" nogil:
    const int MOST_PARTS
    ctypedef void (*part_function)(void* job, Py_ssize_t part) noexcept nogil
    void run_parts(part_function run, void* job, Py_ssize_t parts, watch* w) noexcept nogil

cnp.import_array()

cdef enum:
    OUTER
    DOTS
    SWAPPED
    UNPACKED
    PACKED

cdef enum:
    MOST_AXES = 8               # of a stack of matrices
    # Measured.
    DOTS_ROWS = 2               # the most rows for each way
    UNPACKED_ROWS = 8
    STRIP = 96                  # how many columns of c SWAPPED makes before it turns them round
    COPY_ROWS = 384             # the rows of a that are copied at a time: they stay in a cache
    PRODUCTS_A_PART = 1_000_000
    # Where NumPy's BLAS is faster: from so many products on, and with a single row from a matrix of
    # this size on, if it is the rows of the matrix that are dense.
    BLAS_PRODUCTS = 100_000_000
    BLAS_ROW = 65_536
    LONGEST_SUM = 16_384        # sums of ours are not in blocks of blocks

cdef double MOST_ELEMENTS = 2.0**42     # of an operand, even if it is expanded
cdef Py_ssize_t threads = 1     # how many a call may use, see `set_threads`


cdef struct Matrix:
    real* at
    Py_ssize_t row, col         # the distances, in elements, to the next row and column


cdef struct Product:
    Matrix a, b, c
    const real* add             # IN  (cols,) or NULL
    Py_ssize_t add_col          # 1, or with DOTS 0: the same number for all columns
    Py_ssize_t rows, depth, cols
    int way


# -- one product ----------------------------------------------------------------------------------

cdef int choose(const Product* p) noexcept nogil:
    if p.depth == 1 and p.b.col == 1:
        return OUTER
    if p.b.row == 1 and p.a.col == 1 and p.rows <= DOTS_ROWS:
        return DOTS
    # What SWAPPED has to pack and to turn round is less than what PACKED has to pack.
    if p.b.row == 1 and <double>p.rows * (p.depth + p.cols) <= <double>p.depth * p.cols:
        return SWAPPED
    if p.b.col == 1 and p.rows <= UNPACKED_ROWS:
        return UNPACKED
    return PACKED


cdef bint suits_blas(const Product* p) noexcept nogil:
    """Whether NumPy's BLAS is better: faster or, of very long sums, more accurate."""
    if p.depth > LONGEST_SUM:
        return True
    if p.rows == 1 and p.b.row != 1:
        return <double>p.depth * p.cols >= BLAS_ROW and p.depth > 1
    return <double>p.rows * p.depth * p.cols >= BLAS_PRODUCTS


cdef Py_ssize_t scratch_size(const Product* p) noexcept nogil:
    """How many elements of scratch the product needs."""
    cdef Py_ssize_t size
    if p.way == SWAPPED:
        return packed_size(p.depth, p.rows, 1) + STRIP * PANEL_VECS * LANES
    if p.way == UNPACKED:
        return p.depth * LANES
    if p.way != PACKED:
        return 0
    size = matmul_buffer(p.depth, p.cols)
    if p.a.col != 1:
        size += copied_row(p.depth) * min(p.rows, <Py_ssize_t>COPY_ROWS)
    return size


cdef void multiply(const Product* p, real* memory) noexcept nogil:
    # c = a @ b + add
    cdef Py_ssize_t row
    if p.way == OUTER:
        outer(p)
    elif p.way == DOTS:
        for row in range(p.rows):
            matvec(
                p.c.at + row * p.c.row, p.add, p.add_col, p.a.at + row * p.a.row, p.b.at, p.b.col,
                p.depth, p.cols,
            )
    elif p.way == SWAPPED:
        swapped(p, memory)
    elif p.way == UNPACKED:
        matmul_unpacked(
            p.c.at, p.c.row, p.add, 0, p.a.at, p.a.row, p.a.col, p.b.at, p.b.row, memory, p.rows,
            p.depth, p.cols,
        )
    elif p.a.col != 1:
        copied(p, memory)
    else:
        matmul_into(
            p.c.at, p.c.row, p.add, 0, p.a.at, p.a.row, p.a.col, p.b.at, p.b.row, p.b.col, memory,
            p.rows, p.depth, p.cols,
        )


cdef void outer(const Product* p) noexcept nogil:
    # c = a[:, 0, None] * b[0] + add
    cdef Py_ssize_t row, col
    cdef int left
    cdef const real* b = p.b.at
    cdef real* c = p.c.at
    cdef vec x
    for row in range(p.rows):
        x = all_lanes(p.a.at[row * p.a.row])
        col, left = 0, <int>(p.cols % LANES)
        if p.add is not NULL:
            while col < p.cols - left:
                store(c + col, x * load(b + col) + load(p.add + col))
                col += LANES
            store_first(
                c + col, x * load_first(b + col, left) + load_first(p.add + col, left), left
            )
        else:
            while col < p.cols - left:
                store(c + col, x * load(b + col) + all_lanes(0))
                col += LANES
            store_first(c + col, x * load_first(b + col, left) + all_lanes(0), left)
        c += p.c.row


cdef Py_ssize_t copied_row(Py_ssize_t depth) noexcept nogil:
    """The distance of the rows of a block. (An odd number of vectors: see `padded_row`.)"""
    return (vectors(min(depth, <Py_ssize_t>DEPTH_BLOCK)) | 1) * LANES


cdef void copied(const Product* p, real* memory) noexcept nogil:
    # c = a @ b + add, a block of a after the other
    cdef Py_ssize_t first = 0, k, a_row = copied_row(p.depth)
    cdef real* a = memory + matmul_buffer(p.depth, p.cols)
    cdef Product block = p[0]
    while first < p.rows:
        block.rows = min(p.rows - first, <Py_ssize_t>COPY_ROWS)
        block.c.at = p.c.at + first * p.c.row
        k = 0
        while k < p.depth and not interrupted(0):
            block.depth = min(p.depth - k, <Py_ssize_t>DEPTH_BLOCK)
            block.b.at = p.b.at + k * p.b.row
            copy_block(
                a, a_row, p.a.at + first * p.a.row + k * p.a.col, p.a.row, p.a.col, block.rows,
                block.depth,
            )
            matmul_into(
                block.c.at, p.c.row, p.add if k == 0 else block.c.at, 0 if k == 0 else p.c.row,
                a, a_row, 1, block.b.at, p.b.row, p.b.col, memory, block.rows, block.depth, p.cols,
            )
            k += block.depth
        first += block.rows


cdef void copy_block(
    real* copy, Py_ssize_t copy_row,                # OUT (rows, depth), and zeros
    const real* a, Py_ssize_t a_row, Py_ssize_t a_col,      # IN (rows, depth)
    Py_ssize_t rows, Py_ssize_t depth,
) noexcept nogil:
    cdef Py_ssize_t row, k = 0
    if a_row == 1:
        while k < depth:
            pack_transposed(
                copy + k, copy_row, a + k * a_col, a_col, rows, min(depth - k, <Py_ssize_t>LANES)
            )
            k += LANES
        return
    for row in range(rows):
        for k in range(depth):
            copy[row * copy_row + k] = a[row * a_row + k * a_col]


cdef void swapped(const Product* p, real* memory) noexcept nogil:
    # c.T = b.T @ a.T, then + add
    cdef real* packed = memory
    cdef real* turned = memory + packed_size(p.depth, p.rows, 1)     # (STRIP, vecs * LANES) of c.T
    cdef Py_ssize_t row = 0, col, rows, cols
    cdef int vecs
    pack(packed, p.a.at, p.a.col, p.a.row, p.depth, p.rows, 1, PANEL_VECS)
    while row < p.rows:
        rows = min(p.rows - row, <Py_ssize_t>PANEL_VECS * LANES)
        vecs = <int>vectors(rows)
        col = 0
        while col < p.cols and not interrupted(<double>STRIP * p.depth * vecs * LANES):
            cols = min(p.cols - col, <Py_ssize_t>STRIP)
            matmul_panel(
                turned, vecs * LANES, NULL, 0, p.b.at + col * p.b.col, p.b.col, p.b.row, packed,
                vecs * LANES, vecs, LANES, cols, p.depth,
            )
            turn(
                p.c.at + row * p.c.row + col, p.c.row, p.add + col if p.add is not NULL else NULL,
                turned, vecs * LANES, rows, cols,
            )
            col += cols
        packed += vecs * LANES * p.depth
        row += rows


cdef void turn(
    real* c, Py_ssize_t c_row,                      # OUT (rows, cols)
    const real* add,                                # IN  (cols,) or NULL
    const real* turned, Py_ssize_t turned_row,      # IN  (cols, rows), whole vectors
    Py_ssize_t rows, Py_ssize_t cols,
) noexcept nogil:
    # c = turned.T + add, a square of LANES * LANES at a time
    cdef Py_ssize_t row, col = 0, lane, valid
    cdef vec[16] square
    cdef vec rest
    while col < cols:
        valid = min(cols - col, <Py_ssize_t>LANES)
        rest = load_part(add + col, valid) if add is not NULL else all_lanes(0)
        row = 0
        while row < rows:
            for lane in range(LANES):
                square[lane] = load(turned + (col + min(lane, valid - 1)) * turned_row + row)
            transpose(square)
            for lane in range(min(rows - row, <Py_ssize_t>LANES)):
                store_part(c + (row + lane) * c_row + col, square[lane] + rest, valid)
            row += LANES
        col += LANES


# -- threads --------------------------------------------------------------------------------------

cdef struct Job:
    Product whole
    Py_ssize_t parts, part_size
    real* memory                # (parts, part_size)
    float_mode mode             # of the caller
    # Of a stack: how many products, and along each of its axes how many, and the distances.
    Py_ssize_t count
    int axes
    Py_ssize_t[MOST_AXES] length, a_step, b_step


cdef Product part_of(const Product* whole, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    """The product of one thread: whole panels of the columns, or some of the rows."""
    cdef Product p = whole[0]
    cdef Py_ssize_t panel = PANEL_VECS * LANES, panels = (p.cols + panel - 1) // panel
    cdef Py_ssize_t first
    if p.cols >= p.rows:
        first = panels * part // parts * panel
        p.cols = min(panels * (part + 1) // parts * panel, p.cols) - first
        p.b.at, p.c.at = p.b.at + first * p.b.col, p.c.at + first
        if p.add is not NULL:
            p.add = p.add + first * p.add_col
    else:
        first = p.rows * part // parts
        p.rows = p.rows * (part + 1) // parts - first
        p.a.at, p.c.at = p.a.at + first * p.a.row, p.c.at + first * p.c.row
    return p


cdef void multiply_part(void* job, Py_ssize_t part) noexcept nogil:
    cdef const Job* j = <const Job*>job
    cdef real* memory = j.memory + part * j.part_size
    cdef Product p
    cdef Py_ssize_t k, rest, index
    cdef int axis
    set_mode_of_floats(j.mode)
    if j.count == 1:
        p = part_of(&j.whole, part, j.parts)
        multiply(&p, memory)
        return
    p = j.whole
    for k in range(j.count * part // j.parts, j.count * (part + 1) // j.parts):
        p.a.at, p.b.at = j.whole.a.at, j.whole.b.at
        p.c.at = j.whole.c.at + k * p.rows * p.cols
        rest = k
        for axis in range(j.axes - 1, -1, -1):
            index = rest % j.length[axis]
            rest //= j.length[axis]
            p.a.at = p.a.at + index * j.a_step[axis]
            p.b.at = p.b.at + index * j.b_step[axis]
        multiply(&p, memory)
        if interrupted(0):
            return


cdef void exchange(Job* j) noexcept nogil:
    # c.T = b.T @ a.T + add, where c is a column: DOTS
    cdef Product* p = &j.whole
    cdef Matrix a = p.a
    cdef Py_ssize_t step
    cdef int axis
    p.a.at, p.a.row, p.a.col = p.b.at, p.b.col, p.b.row
    p.b.at, p.b.row, p.b.col = a.at, a.col, a.row
    p.rows, p.cols, p.add_col = 1, p.rows, 0
    for axis in range(j.axes):
        step = j.a_step[axis]
        j.a_step[axis], j.b_step[axis] = j.b_step[axis], step


cdef int run(Job* j) except -1:
    """Choose the way, get the memory, and multiply."""
    cdef Product* p = &j.whole
    cdef double products = <double>p.rows * p.depth * p.cols * j.count
    cdef Py_ssize_t most = j.count if j.count > 1 else max(p.rows, p.cols) // (PANEL_VECS * LANES)
    cdef watch w
    if p.cols == 1 and p.rows > 1 and p.depth > 1 and p.a.col == 1 and p.b.row == 1:
        exchange(j)
    p.way = choose(p)
    j.parts = <Py_ssize_t>min(<double>threads, products / PRODUCTS_A_PART, <double>most)
    j.parts = max(<Py_ssize_t>1, j.parts)
    j.part_size = scratch_size(p)
    j.memory = NULL
    if j.part_size > 0:
        j.memory = scratch(j.parts * j.part_size)
        if j.memory is NULL:
            raise MemoryError
    begin_watch(&w)
    j.mode = w.mode             # denormal numbers are what they are for the caller
    with nogil:
        run_parts(multiply_part, j, j.parts, &w)
        scratch_free(j.memory)
    end_watch(&w)
    return 0


# -- what Python calls ----------------------------------------------------------------------------

def set_threads(Py_ssize_t count):
    """Set how many threads a call may use; whether it does depends on how much there is to do."""
    global threads
    threads = min(count, <Py_ssize_t>MOST_PARTS)


cdef bint suits(object a) noexcept:
    """Whether it is an array that is read as it lies, with entries, and not too many."""
    if type(a) is not cnp.ndarray:
        return False
    cdef cnp.ndarray array = <cnp.ndarray>a
    return has_whole_steps(array) and 0 < <double>cnp.PyArray_SIZE(array) < MOST_ELEMENTS


cdef Py_ssize_t distance(cnp.ndarray a, int axis) noexcept:
    """In elements; 1 where nobody steps along the axis, or there is none."""
    if axis >= cnp.PyArray_NDIM(a) or a.shape[axis] == 1:
        return 1
    return a.strides[axis] // <Py_ssize_t>sizeof(real)


cdef Matrix matrix(cnp.ndarray a, int row, int col) noexcept:
    cdef Matrix m
    m.at, m.row, m.col = data(a), distance(a, row), distance(a, col)
    return m


def matmul(a, b):
    """np.matmul(a, b); None if the arrays do not suit the kernel, or NumPy is faster."""
    if not suits(a) or not suits(b):
        return None
    cdef cnp.ndarray x = <cnp.ndarray>a, y = <cnp.ndarray>b
    # A vector is a row as a, a column as b, and its axis is missing in the result.
    cdef bint is_row = cnp.PyArray_NDIM(x) == 1, is_column = cnp.PyArray_NDIM(y) == 1
    cdef int x_axes = 0 if is_row else cnp.PyArray_NDIM(x) - 2
    cdef int y_axes = 0 if is_column else cnp.PyArray_NDIM(y) - 2
    cdef int axis, x_axis, y_axis
    cdef Job j
    cdef cnp.npy_intp[MOST_AXES + 2] shape
    cdef Py_ssize_t x_length, y_length
    if min(x_axes, y_axes) < 0 or max(x_axes, y_axes) > MOST_AXES or (is_row and is_column):
        return None
    j.whole.rows = 1 if is_row else x.shape[x_axes]
    j.whole.depth = x.shape[cnp.PyArray_NDIM(x) - 1]
    j.whole.cols = 1 if is_column else y.shape[y_axes + 1]
    if y.shape[y_axes] != j.whole.depth:
        return None
    j.whole.a = matrix(x, MOST_AXES + 2 if is_row else x_axes, cnp.PyArray_NDIM(x) - 1)
    j.whole.b = matrix(y, y_axes, y_axes + 1)
    if suits_blas(&j.whole):
        return None
    j.axes, j.count = max(x_axes, y_axes), 1
    for axis in range(j.axes):
        x_axis, y_axis = axis - j.axes + x_axes, axis - j.axes + y_axes
        x_length = x.shape[x_axis] if x_axis >= 0 else 1
        y_length = y.shape[y_axis] if y_axis >= 0 else 1
        if x_length != y_length and x_length != 1 and y_length != 1:
            return None
        shape[axis] = j.length[axis] = max(x_length, y_length)
        j.a_step[axis] = distance(x, x_axis) if x_length > 1 else 0
        j.b_step[axis] = distance(y, y_axis) if y_length > 1 else 0
        j.count *= j.length[axis]
    axis = j.axes
    if not is_row:
        shape[axis] = j.whole.rows
        axis += 1
    if not is_column:
        shape[axis] = j.whole.cols
        axis += 1
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(axis, shape, REAL_TYPENUM, 0)
    j.whole.c.at, j.whole.c.row, j.whole.c.col = data(result), j.whole.cols, 1
    j.whole.add, j.whole.add_col = NULL, 1
    run(&j)
    return result


def linear(x, weight, bias):
    """x @ weight.T + bias, of rows x and an array or None as bias; or None, as `matmul`."""
    if not suits(x) or not suits(weight) or not (bias is None or suits(bias)):
        return None
    cdef cnp.ndarray a = <cnp.ndarray>x, w = <cnp.ndarray>weight, add
    cdef int axes = cnp.PyArray_NDIM(a) - 1, axis
    cdef Job j
    cdef cnp.npy_intp[MOST_AXES + 2] shape
    if axes < 1 or axes > MOST_AXES or cnp.PyArray_NDIM(w) != 2 or a.shape[axes] != w.shape[1]:
        return None
    if axes > 1 and not PyArray_ISCARRAY_RO(a):     # then its rows would not be equally far apart
        return None
    j.whole.add, j.whole.add_col = NULL, 1
    if bias is not None:
        add = <cnp.ndarray>bias
        if cnp.PyArray_NDIM(add) != 1 or add.shape[0] != w.shape[0] or not PyArray_ISCARRAY_RO(add):
            return None
        j.whole.add = data(add)
    j.whole.rows, j.whole.depth, j.whole.cols, j.count, j.axes = 1, w.shape[1], w.shape[0], 1, 0
    for axis in range(axes):
        shape[axis] = a.shape[axis]
        j.whole.rows *= a.shape[axis]
    shape[axes] = j.whole.cols
    j.whole.a, j.whole.b = matrix(a, axes - 1, axes), matrix(w, 1, 0)
    if axes > 1:
        j.whole.a.row = j.whole.depth
    if suits_blas(&j.whole):
        return None
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(axes + 1, shape, REAL_TYPENUM, 0)
    j.whole.c.at, j.whole.c.row, j.whole.c.col = data(result), j.whole.cols, 1
    run(&j)
    return result


# -- what `tape` calls ----------------------------------------------------------------------------

cdef int run_small(
    void* c, void* a, Py_ssize_t a_row, Py_ssize_t a_col, void* b, Py_ssize_t b_row,
    Py_ssize_t b_col, void* add, Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols,
) noexcept nogil:
    """c = a @ b + add, as `run` does it for what is too small for two threads; -1: no memory."""
    cdef Job j
    cdef Product* p = &j.whole
    cdef Py_ssize_t size
    cdef real* memory = NULL
    p.a.at, p.a.row, p.a.col = <real*>a, a_row, a_col
    p.b.at, p.b.row, p.b.col = <real*>b, b_row, b_col
    p.c.at, p.c.row, p.c.col = <real*>c, cols, 1
    p.add, p.add_col = <const real*>add, 1
    p.rows, p.depth, p.cols = rows, depth, cols
    j.count, j.axes = 1, 0
    if cols == 1 and rows > 1 and depth > 1 and a_col == 1 and b_row == 1:
        exchange(&j)
    p.way = choose(p)
    size = scratch_size(p)
    if size > 0:
        memory = scratch(size)
        if memory is NULL:
            return -1
    multiply(p, memory)
    scratch_free(memory)
    return 0


def address():
    """For `tape`: the address of what multiplies small matrices."""
    return <size_t>&run_small
