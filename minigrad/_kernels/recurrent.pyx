"""The recurrent networks over a whole sequence, forward and backward.

    T time, N batch, R all rows of a ragged batch, I input size, H hidden size, P projection size,
    G gates; S = P with a projection, else H; d_y is the gradient of the loss with respect to y

    x (T, N, I) or (R, I)           output (T, N, S) or (R, S)      h_0, h_n (N, S), c_0, c_n (N, H)
    w_ih (G H, I), w_hh (G H, S)    b_ih, b_hh (G H,)               w_hr (P, H)

    name                        G   gates in this order
    rnn_tanh, rnn_relu          1
    lstm                        4   input, forget, cell, output
    gru                         3   reset, update, new
    janet                       2   forget, cell
    mgu                         2   forget, new
    indrnn_tanh, indrnn_relu    1   here w_hh is a vector (H,), and b_hh is None

What each of them computes stands in its own file: rnn_step.pxd, lstm_step.pxd, gru_step.pxd,
janet_step.pxd, indrnn_step.pxd, mgu_step.pxd. The loops over time are in forward.pxd and
backward.pxd, what ragged batches and directions mean in sequence.pxd. Here are the two functions
that Python sees:
they check the arguments, get all memory, and call: once for every thread, see `parts`.

A ragged batch comes as rows without padding, with batch_sizes, (T,) int64: how many sequences each
step has, sorted so that it never increases. Without it, None, the batch is dense.
"""

from cpython.mem cimport PyMem_Realloc
from libc.stdint cimport int64_t
from libc.string cimport memset

cimport numpy as cnp

from .arrays cimport (
    check_1d,
    check_2d,
    check_3d,
    check_dense,
    check_ndim,
    data,
    empty_1d,
    empty_2d,
    empty_3d,
    ordered,
    private_copy,
    shape_of,
)
from .backward cimport (
    BACKWARD_PACK_ROWS,
    Backward,
    add_gradients,
    lay_out_backward,
    lay_out_gradients,
    lay_out_packed,
    pack_weights,
    run_backward,
)
from .forward cimport (
    GATE_PRODUCTS,
    PACK_ROWS,
    Forward,
    lay_out_forward,
    lay_out_weights,
    prepare,
    run_forward,
)
from .gru_step cimport gru_backward, gru_forward
from .indrnn_step cimport (
    indrnn_relu_backward,
    indrnn_relu_forward,
    indrnn_tanh_backward,
    indrnn_tanh_forward,
)
from .interrupt cimport begin_watch, end_watch, watch
from .janet_step cimport janet_backward, janet_forward
from .lstm_step cimport lstm_backward, lstm_forward
from .matmul cimport vectors
from .mgu_step cimport mgu_backward, mgu_forward
from .real cimport LANES, real, scratch, scratch_free
from .recurrence cimport Recurrence, backward_function, forward_function
from .rnn_step cimport (
    rnn_relu_backward,
    rnn_relu_forward,
    rnn_tanh_backward,
    rnn_tanh_forward,
)
from .sequence cimport Sequence, choose_part, copy_or_zero, last_states

cdef extern from "threads.h" nogil:
    const int MOST_PARTS
    ctypedef void (*part_function)(void* job, Py_ssize_t part) noexcept nogil
    void run_parts(part_function run, void* job, Py_ssize_t parts, watch* w) noexcept nogil

cnp.import_array()

cdef enum:
    # Measured. With less work for each thread, handing it out costs more than it saves; a tile of
    # fewer rows makes so much less of the weights that it reads.
    PRODUCTS_A_PART = 1_000_000
    ROWS_A_PART = 3

cdef double MOST_ELEMENTS = 2.0**42     # of an array: 16 TiB; products with it still fit
cdef Py_ssize_t threads = 1     # how many a call may use, see `set_threads`

cdef Recurrence* table = NULL   # as many as were defined, all of them when this file is imported
cdef dict index_of = {}


cdef define(
    str name, int gates, int kept, bint matrix, bint apart, bint direct, bint cell,
    forward_function forward_of, backward_function backward_of,
):
    global table
    if name in index_of:    # the next one would have its row, too
        raise ValueError(f"define: there is a {name!r} already")
    cdef Py_ssize_t index = len(index_of)
    cdef void* longer = PyMem_Realloc(table, (index + 1) * sizeof(Recurrence))
    if longer is NULL:
        raise MemoryError
    table = <Recurrence*>longer
    cdef Recurrence* r = &table[index]
    index_of[name] = index
    r.gates, r.kept, r.matrix, r.apart = gates, kept, matrix, apart
    r.direct, r.cell, r.forward, r.backward = direct, cell, forward_of, backward_of


#                     G  kept matrix apart direct  cell
define("rnn_tanh",    1, 0, True, False, False, False, rnn_tanh_forward, rnn_tanh_backward)
define("rnn_relu",    1, 0, True, False, False, False, rnn_relu_forward, rnn_relu_backward)
define("lstm",        4, 6, True, False, False, True, lstm_forward, lstm_backward)
define("gru",         3, 4, True, True, True, False, gru_forward, gru_backward)
define("janet",       2, 3, True, False, True, False, janet_forward, janet_backward)
define("indrnn_tanh", 1, 0, False, False, True, False, indrnn_tanh_forward, indrnn_tanh_backward)
define("indrnn_relu", 1, 0, False, False, True, False, indrnn_relu_forward, indrnn_relu_backward)
define("mgu",         2, 3, True, True, True, False, mgu_forward, mgu_backward)

NAMES = frozenset(index_of)     # of all that have a kernel


cdef struct Sizes:
    Py_ssize_t T, N, input_size, H, S, G
    Py_ssize_t rows             # of x, all steps together
    Py_ssize_t step             # the most rows that a step has
    bint ragged, reverse
    const int64_t* batch_sizes  # or NULL


cdef const Recurrence* recurrence(str name) except NULL:
    cdef object index = index_of.get(name)
    if index is None:
        raise ValueError(f"name: {name!r} is not one of {', '.join(index_of)}")
    return &table[<int>index]


cdef int check_batch_sizes(cnp.ndarray batch_sizes, cnp.ndarray x, Py_ssize_t N) except -1:
    cdef Py_ssize_t t, total = 0
    cdef const int64_t* sizes = <const int64_t*>cnp.PyArray_DATA(batch_sizes)
    for t in range(batch_sizes.shape[0]):
        if sizes[t] <= 0:
            raise ValueError(f"batch_sizes: all must be positive, batch_sizes[{t}] is {sizes[t]}")
        if t > 0 and sizes[t] > sizes[t - 1]:
            raise ValueError(
                f"batch_sizes: must never increase, {sizes[t - 1]} is followed by {sizes[t]}"
            )
        if sizes[t] > N:
            raise ValueError(f"batch_sizes: the first is {sizes[t]}, but the batch has N = {N}")
        # (Told from what is left, because the sum could overflow.)
        if sizes[t] > x.shape[0] - total:
            raise ValueError(
                f"batch_sizes: of shape {shape_of(batch_sizes)}, their sum is more than the rows "
                f"of x, whose shape is {shape_of(x)}"
            )
        total += <Py_ssize_t>sizes[t]
    if total != x.shape[0]:
        raise ValueError(
            f"batch_sizes: of shape {shape_of(batch_sizes)}, their sum is {total}; x: shape is "
            f"{shape_of(x)}, expected ({total}, I)"
        )
    return 0


cdef int measure(
    Sizes* z, const Recurrence* r, cnp.ndarray x, cnp.ndarray h_0, cnp.ndarray c_0,
    cnp.ndarray w_ih, cnp.ndarray w_hh, cnp.ndarray w_hr, cnp.ndarray batch_sizes, bint reverse,
    cnp.ndarray d_end,          # which may be the only one to tell N; the caller checks it
) except -1:
    """Find all sizes, and check the arguments that forward and backward share."""
    z.G, z.reverse, z.ragged = r.gates, reverse, batch_sizes is not None
    if w_hr is not None:
        if not r.cell:
            raise ValueError(f"w_hr: only lstm has a projection, w_hr has shape {shape_of(w_hr)}")
        check_ndim("w_hr", w_hr, 2, "(P, H)")
        z.S, z.H = w_hr.shape[0], w_hr.shape[1]
    elif r.matrix:
        check_ndim("w_hh", w_hh, 2, "(G H, H)")
        z.S = z.H = w_hh.shape[1]
    else:
        check_ndim("w_hh", w_hh, 1, "(H,)")
        z.S = z.H = w_hh.shape[0]
    if z.H > MOST_ELEMENTS:         # G * H
        raise MemoryError(f"w_hh: {z.H} units are more than memory has")
    if r.matrix:
        check_2d("w_hh", w_hh, z.G * z.H, z.S)
    if c_0 is not None and not r.cell:
        raise ValueError(f"c_0: only lstm has a cell state, c_0 has shape {shape_of(c_0)}")

    z.batch_sizes = NULL
    if z.ragged:
        if cnp.PyArray_TYPE(batch_sizes) != cnp.NPY_INT64:
            raise ValueError(f"batch_sizes: dtype is {batch_sizes.dtype}, expected int64")
        if cnp.PyArray_NDIM(batch_sizes) != 1:
            raise ValueError(f"batch_sizes: shape is {shape_of(batch_sizes)}, expected (T,)")
        check_ndim("x", x, 2, "(R, I)")
        z.T, z.rows, z.input_size = batch_sizes.shape[0], x.shape[0], x.shape[1]
        z.batch_sizes = <const int64_t*>cnp.PyArray_DATA(batch_sizes)
        if h_0 is not None:
            check_ndim("h_0", h_0, 2, "(N, S)")
            z.N = h_0.shape[0]
        elif c_0 is not None:
            check_ndim("c_0", c_0, 2, "(N, H)")
            z.N = c_0.shape[0]
        elif d_end is not None and cnp.PyArray_NDIM(d_end) > 0:
            z.N = d_end.shape[0]
        else:
            z.N = z.batch_sizes[0] if z.T > 0 else 0
        check_batch_sizes(batch_sizes, x, z.N)
        z.step = z.batch_sizes[0] if z.T > 0 else 0
    else:
        check_ndim("x", x, 3, "(T, N, I)")
        z.T, z.N, z.input_size = x.shape[0], x.shape[1], x.shape[2]
        z.step = z.N
        z.rows = z.T * z.N if <double>z.T * z.N < MOST_ELEMENTS else 0     # refused below
    check_size(z)
    if h_0 is not None:
        check_2d("h_0", h_0, z.N, z.S)
    if c_0 is not None:
        check_2d("c_0", c_0, z.N, z.H)
    if w_ih is not None:
        check_2d("w_ih", w_ih, z.G * z.H, z.input_size)
    elif r.matrix:
        raise TypeError("w_ih: is None, only IndRNN can do without it")
    elif z.input_size != z.H:
        raise ValueError(
            f"x: shape is {shape_of(x)}, without w_ih expected the {z.H} units of w_hh, of shape "
            f"{shape_of(w_hh)}, on the last axis"
        )
    return 0


cdef int check_size(const Sizes* z) except -1:
    """Refuse sizes whose products could overflow. Only arrays without elements can be so large."""
    cdef double G = z.G
    cdef double rows = max(<double>z.T * z.N, <double>z.rows, <double>z.T, <double>z.N)
    cdef double width = max(G * z.H, <double>z.input_size, <double>z.S)
    if max(rows, width) * width > MOST_ELEMENTS or rows > MOST_ELEMENTS:
        raise MemoryError(
            f"x: {z.rows} rows of {z.input_size} numbers for {z.H} units are more than memory has"
        )
    return 0


cdef int check_rows(
    str name, cnp.ndarray a, const Sizes* z, Py_ssize_t width
) except -1:
    if z.ragged:
        check_2d(name, a, z.rows, width)
    else:
        check_3d(name, a, z.T, z.N, width)
    return 0


cdef cnp.ndarray empty_rows(const Sizes* z, Py_ssize_t width):
    return empty_2d(z.rows, width) if z.ragged else empty_3d(z.T, z.N, width)


cdef Sequence whole_batch(const Sizes* z) noexcept nogil:
    cdef Sequence q
    # (Steps without rows change nothing; there could be any number of them.)
    q.T = z.T if z.rows > 0 else 0
    q.N, q.first, q.last, q.reverse = z.N, 0, z.N, z.reverse
    q.batch_sizes, q.starts = z.batch_sizes, NULL
    return q


cdef Py_ssize_t starts_size(const Sizes* z) noexcept nogil:
    """How many elements of scratch memory `set_starts` needs."""
    return (z.T + 1) * <Py_ssize_t>(sizeof(Py_ssize_t) // sizeof(real)) if z.ragged else 0


cdef void set_starts(Sequence* q, real* memory) noexcept nogil:
    cdef Py_ssize_t* starts = <Py_ssize_t*>memory
    cdef Py_ssize_t t
    if q.batch_sizes is not NULL:
        starts[0] = 0
        for t in range(q.T):
            starts[t + 1] = starts[t] + <Py_ssize_t>q.batch_sizes[t]
        q.starts = starts


# -- threads --------------------------------------------------------------------------------------
#
# The rows of a batch are cut into parts, one for each thread, which work on them for the whole
# sequence. Nobody waits for anybody before the end: no step is a meeting point.

def set_threads(Py_ssize_t count):
    """Set how many threads a call may use; whether it does depends on how much there is to do."""
    global threads
    threads = min(count, <Py_ssize_t>MOST_PARTS)


cdef Py_ssize_t number_of_parts(
    const Recurrence* r, const Sizes* z, Py_ssize_t wanted
) noexcept:
    """As many as wanted, or as pay."""
    cdef double products = <double>z.rows * z.G * z.H
    cdef double parts = threads
    if wanted > 0:
        parts = min(wanted, <Py_ssize_t>MOST_PARTS)
        return max(<Py_ssize_t>1, min(<Py_ssize_t>parts, z.N))
    products *= z.input_size + (z.S if r.matrix else 1) + GATE_PRODUCTS
    parts = min(parts, products / PRODUCTS_A_PART, <double>(z.step // ROWS_A_PART))
    return max(<Py_ssize_t>1, <Py_ssize_t>parts)


cdef struct ForwardJob:
    const Recurrence* r
    Sequence whole
    Forward f                   # with the scratch for all rows
    const real* c_0             # IN  (N, H) or NULL: zeros
    real* h_n                   # OUT (N, S) or NULL
    Py_ssize_t parts, part_size, common_size, starts_size
    real* memory                # (parts, part_size)


cdef void forward_part(void* job, Py_ssize_t part) noexcept nogil:
    cdef const ForwardJob* j = <const ForwardJob*>job
    cdef Sequence q = j.whole
    cdef Forward f = j.f
    choose_part(&q, part, j.parts)
    lay_out_forward(&f, j.r, &q, j.memory + part * j.part_size)
    run_forward(j.r, &q, &f)
    if j.h_n is not NULL:
        last_states(j.h_n, &q, f.output, f.h_0, f.S)


cdef struct BackwardJob:
    const Recurrence* r
    Sequence whole
    Backward b                  # with the scratch for all rows
    Py_ssize_t parts, part_size, common_size, starts_size, sums_size
    real* memory                # (parts, part_size)
    real* sums                  # (parts - 1, sums_size)


cdef Backward of_part(const BackwardJob* j, Py_ssize_t part) noexcept nogil:
    """The first part writes to the gradients that are wanted, the others to some of their own."""
    cdef Backward b = j.b
    if part > 0:
        lay_out_gradients(&b, j.r, &j.b, j.sums + (part - 1) * j.sums_size)
    return b


cdef void backward_part(void* job, Py_ssize_t part) noexcept nogil:
    cdef const BackwardJob* j = <const BackwardJob*>job
    cdef Sequence q = j.whole
    cdef Backward b = of_part(j, part)
    choose_part(&q, part, j.parts)
    lay_out_backward(&b, j.r, &q, j.memory + part * j.part_size)
    run_backward(j.r, &q, &b)


# -- jobs -----------------------------------------------------------------------------------------

cdef tuple set_forward(
    ForwardJob* job, str name, cnp.ndarray x, cnp.ndarray h_0, cnp.ndarray c_0, cnp.ndarray w_ih,
    cnp.ndarray w_hh, cnp.ndarray b_ih, cnp.ndarray b_hh, cnp.ndarray w_hr,
    cnp.ndarray batch_sizes, bint reverse, bint keep, bint ends, Py_ssize_t parts,
):
    """Check the arguments of `forward`, make room for its results, and set the job; its results."""
    cdef const Recurrence* r = recurrence(name)
    cdef Sizes z
    measure(&z, r, x, h_0, c_0, w_ih, w_hh, w_hr, batch_sizes, reverse, None)
    if b_ih is not None:
        check_1d("b_ih", b_ih, z.G * z.H)
    if b_hh is not None:
        if not r.matrix:
            raise ValueError(f"b_hh: {name} has but one bias, b_hh has shape {shape_of(b_hh)}")
        check_1d("b_hh", b_hh, z.G * z.H)

    cdef cnp.ndarray output = empty_rows(&z, z.S)
    cdef cnp.ndarray h_n = empty_2d(z.N, z.S) if ends else None
    cdef cnp.ndarray c_n = empty_2d(z.N, z.H) if r.cell else None
    cdef cnp.ndarray gates = None
    if keep and r.kept > 0:
        gates = empty_2d(z.rows, vectors(z.H) * r.kept * LANES)

    cdef Forward* f = &job.f
    f.input_size, f.H, f.S, f.rows, f.step = z.input_size, z.H, z.S, z.rows, z.step
    f.x, f.h_0, f.w_ih, f.w_hh = data(x), data(h_0), data(w_ih), data(w_hh)
    f.b_ih, f.b_hh, f.w_hr = data(b_ih), data(b_hh), data(w_hr)
    f.output, f.c, f.kept = data(output), data(c_n), data(gates)
    f.packs = z.rows >= PACK_ROWS
    job.r, job.whole, job.c_0, job.h_n = r, whole_batch(&z), data(c_0), data(h_n)
    job.parts = number_of_parts(r, &z, parts)
    job.part_size = 0
    cdef Py_ssize_t part
    for part in range(job.parts):
        choose_part(&job.whole, part, job.parts)
        job.part_size = max(job.part_size, lay_out_forward(f, r, &job.whole, NULL))
    job.common_size, job.starts_size = lay_out_weights(f, r, NULL), starts_size(&z)
    return output, h_n, c_n, None if gates is None else (gates,)


cdef int run_forward_job(ForwardJob* job) except -1:
    cdef Forward* f = &job.f
    cdef Py_ssize_t own = job.parts * job.part_size
    cdef real* memory = scratch(job.common_size + own + job.starts_size)
    if memory is NULL:
        raise MemoryError
    cdef watch w
    begin_watch(&w)
    with nogil:
        lay_out_weights(f, job.r, memory)
        job.memory = memory + job.common_size
        set_starts(&job.whole, job.memory + own)
        if f.c is not NULL:
            copy_or_zero(f.c, job.c_0, job.whole.N * f.H)
        prepare(job.r, f)
        run_parts(forward_part, job, job.parts, &w)
        scratch_free(memory)
    return end_watch(&w)


cdef tuple set_backward(
    BackwardJob* job, str name, cnp.ndarray d_output, cnp.ndarray d_h_n, cnp.ndarray d_c_n,
    cnp.ndarray x, cnp.ndarray h_0, cnp.ndarray c_0, cnp.ndarray output, tuple kept,
    cnp.ndarray w_ih, cnp.ndarray w_hh, cnp.ndarray b_hh, cnp.ndarray w_hr,
    cnp.ndarray batch_sizes, bint reverse, tuple needs, Py_ssize_t parts,
):
    """Check the arguments of `backward`, make room for its results, and set the job; its results.

    The needs are those of x, h_0, c_0, w_ih, w_hh, b_ih, b_hh, w_hr.
    """
    cdef bint need_x, need_h_0, need_c_0, need_w_ih, need_w_hh, need_b_ih, need_b_hh, need_w_hr
    need_x, need_h_0, need_c_0, need_w_ih, need_w_hh, need_b_ih, need_b_hh, need_w_hr = needs
    cdef const Recurrence* r = recurrence(name)
    cdef Sizes z
    cdef cnp.ndarray gates = None
    measure(
        &z, r, x, h_0, c_0, w_ih, w_hh, w_hr, batch_sizes, reverse,
        d_h_n if d_h_n is not None else d_c_n,
    )
    check_rows("output", output, &z, z.S)
    if d_output is None and d_h_n is None and d_c_n is None:
        raise ValueError("d_output: one of d_output, d_h_n and d_c_n must be given")
    if d_output is not None:
        check_rows("d_output", d_output, &z, z.S)
    if d_h_n is not None:
        check_2d("d_h_n", d_h_n, z.N, z.S)
    if d_c_n is not None:
        if not r.cell:
            raise ValueError(f"d_c_n: {name} has no cell state, d_c_n has shape {shape_of(d_c_n)}")
        check_2d("d_c_n", d_c_n, z.N, z.H)
    if b_hh is not None:
        check_1d("b_hh", b_hh, z.G * z.H)
    if r.kept > 0:
        if kept is None or len(kept) != 1:
            raise ValueError("kept: backward needs what forward returns with keep=True")
        if not isinstance(kept[0], cnp.ndarray):
            raise TypeError(f"kept: holds a {type(kept[0]).__name__}, expected an array")
        gates = kept[0]
        check_2d("kept", gates, z.rows, vectors(z.H) * r.kept * LANES)

    cdef Py_ssize_t width = z.G * z.H
    cdef bint projects = w_hr is not None
    cdef cnp.ndarray d_x = empty_rows(&z, z.input_size) if need_x else None
    cdef cnp.ndarray d_h_0 = empty_2d(z.N, z.S) if need_h_0 else None
    cdef cnp.ndarray d_c_0 = empty_2d(z.N, z.H) if need_c_0 and r.cell else None
    cdef cnp.ndarray d_w_ih = None
    if need_w_ih and w_ih is not None:
        d_w_ih = empty_2d(width, z.input_size)
    cdef cnp.ndarray d_w_hh = None
    if need_w_hh:
        d_w_hh = empty_2d(width, z.S) if r.matrix else empty_1d(z.H)
    cdef cnp.ndarray d_b_ih = empty_1d(width) if need_b_ih else None
    cdef cnp.ndarray d_b_hh = empty_1d(width) if need_b_hh and r.matrix else None
    cdef cnp.ndarray d_w_hr = empty_2d(z.S, z.H) if need_w_hr and projects else None

    cdef Backward* b = &job.b
    memset(b, 0, sizeof(Backward))
    b.input_size, b.H, b.S, b.rows, b.step = z.input_size, z.H, z.S, z.rows, z.step
    b.need_h_0 = need_h_0
    b.d_output, b.d_h_n, b.d_c_n = data(d_output), data(d_h_n), data(d_c_n)
    b.x, b.h_0, b.output, b.kept = data(x), data(h_0), data(output), data(gates)
    b.w_ih, b.w_hh, b.w_hr = data(w_ih), data(w_hh), data(w_hr)
    b.d_x, b.d_w_ih, b.d_w_hh, b.d_w_hr = data(d_x), data(d_w_ih), data(d_w_hh), data(d_w_hr)
    b.d_b_ih, b.d_b_hh = data(d_b_ih), data(d_b_hh)
    b.d_h, b.d_c = data(d_h_0), data(d_c_0)
    b.packs = z.rows >= BACKWARD_PACK_ROWS
    cdef Backward other = b[0]
    job.r, job.whole, job.parts = r, whole_batch(&z), number_of_parts(r, &z, parts)
    job.common_size = lay_out_packed(&other, r, &job.whole, NULL)
    job.part_size = 0
    cdef Py_ssize_t part
    for part in range(job.parts):
        choose_part(&job.whole, part, job.parts)
        job.part_size = max(job.part_size, lay_out_backward(&other, r, &job.whole, NULL))
    job.sums_size, job.starts_size = lay_out_gradients(&other, r, b, NULL), starts_size(&z)
    return d_x, d_h_0, d_c_0, d_w_ih, d_w_hh, d_b_ih, d_b_hh, d_w_hr


cdef int run_backward_job(BackwardJob* job) except -1:
    cdef Backward* b = &job.b
    cdef Backward other
    cdef Py_ssize_t part, own = job.parts * job.part_size, sums = (job.parts - 1) * job.sums_size
    cdef real* memory = scratch(job.common_size + own + sums + job.starts_size)
    if memory is NULL:
        raise MemoryError
    cdef watch w
    begin_watch(&w)
    with nogil:
        lay_out_packed(b, job.r, &job.whole, memory)
        job.memory = memory + job.common_size
        job.sums = job.memory + own
        set_starts(&job.whole, job.sums + sums)
        pack_weights(job.r, b)
        run_parts(backward_part, job, job.parts, &w)
        # In the order of the parts, whichever thread was first: rounding does not depend on time.
        for part in range(1, job.parts):
            other = of_part(job, part)
            add_gradients(b, job.r, &other)
        scratch_free(memory)
    return end_watch(&w)


# -- what Python calls ----------------------------------------------------------------------------

def forward(
    str name not None,
    cnp.ndarray x not None,         # IN  (T, N, I) or (R, I)
    cnp.ndarray h_0,                # IN  (N, S) or None: zeros
    cnp.ndarray c_0,                # IN  (N, H) or None: zeros
    cnp.ndarray w_ih,               # IN  (G H, I); IndRNN: or None, x stands for x @ w_ih.T
    cnp.ndarray w_hh not None,      # IN  (G H, S); (H,) for IndRNN
    cnp.ndarray b_ih,               # IN  (G H,) or None: no bias
    cnp.ndarray b_hh,               # IN  (G H,) or None: no bias
    cnp.ndarray w_hr,               # IN  (P, H) or None: no projection
    cnp.ndarray batch_sizes,        # IN  (T,) int64 or None: a dense batch
    bint reverse,                   # from the last step to the first
    bint keep,                      # backward will be called
    bint ends,                      # h_n is wanted
    Py_ssize_t parts=0,             # of the batch, a thread each; 0: as many as are worth it
):
    """Return (output, h_n, c_n, kept): all states, the last ones, and what backward needs."""
    cdef ForwardJob job
    x, h_0, c_0, w_hr = ordered(x), ordered(h_0), ordered(c_0), ordered(w_hr)
    w_ih, w_hh, b_ih, b_hh = ordered(w_ih), ordered(w_hh), ordered(b_ih), ordered(b_hh)
    batch_sizes = private_copy(batch_sizes)
    cdef tuple results = set_forward(
        &job, name, x, h_0, c_0, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, reverse, keep, ends,
        parts,
    )
    run_forward_job(&job)
    return results


def backward(
    str name not None,
    cnp.ndarray d_output,           # IN  (T, N, S) or (R, S), or None: zeros
    cnp.ndarray d_h_n,              # IN  (N, S) or None: zeros
    cnp.ndarray d_c_n,              # IN  (N, H) or None: zeros
    cnp.ndarray x not None,         # IN  from here to kept: as forward got and returned them
    cnp.ndarray h_0,
    cnp.ndarray c_0,
    cnp.ndarray output not None,
    tuple kept,
    cnp.ndarray w_ih,
    cnp.ndarray w_hh not None,
    cnp.ndarray b_hh,
    cnp.ndarray w_hr,
    cnp.ndarray batch_sizes,
    bint reverse,
    bint need_x,
    bint need_h_0,
    bint need_c_0,
    bint need_w_ih,
    bint need_w_hh,
    bint need_b_ih,
    bint need_b_hh,
    bint need_w_hr,
    Py_ssize_t parts=0,
):
    """Return (d_x, d_h_0, d_c_0, d_w_ih, d_w_hh, d_b_ih, d_b_hh, d_w_hr); None if not needed."""
    cdef BackwardJob job
    d_output, d_h_n, d_c_n = ordered(d_output), ordered(d_h_n), ordered(d_c_n)
    x, h_0, c_0, w_hr = ordered(x), ordered(h_0), ordered(c_0), ordered(w_hr)
    output, w_ih, w_hh, b_hh = ordered(output), ordered(w_ih), ordered(w_hh), ordered(b_hh)
    batch_sizes = private_copy(batch_sizes)
    cdef tuple results = set_backward(
        &job, name, d_output, d_h_n, d_c_n, x, h_0, c_0, output, kept, w_ih, w_hh, b_hh, w_hr,
        batch_sizes, reverse,
        (need_x, need_h_0, need_c_0, need_w_ih, need_w_hh, need_b_ih, need_b_hh, need_w_hr), parts,
    )
    run_backward_job(&job)
    return results


# -- what `tape` calls ----------------------------------------------------------------------------
#
# A call that is made again and again is the bytes of its job, of which only addresses change.

cdef int run_forward_again(void* job) except -1:
    return run_forward_job(<ForwardJob*>job)


cdef int run_backward_again(void* job) except -1:
    return run_backward_job(<BackwardJob*>job)


cdef int check_again(Py_ssize_t parts, tuple arrays) except -1:
    """Whether a job will be right with other arrays of the same shapes."""
    if parts > 1:
        raise ValueError("it is for several threads")
    return check_dense(arrays)


def forward_again(
    str name not None, cnp.ndarray x not None, cnp.ndarray h_0, cnp.ndarray c_0, cnp.ndarray w_ih,
    cnp.ndarray w_hh not None, cnp.ndarray b_ih, cnp.ndarray b_hh, cnp.ndarray w_hr, bint reverse,
    bint keep, bint ends,
):
    """The call of `forward` that has these arguments, and its results, which are yet to be filled.

    The call: the address of what makes it, its job, and for each array where its address stands in
    the job.
    """
    cdef bytearray space = bytearray(sizeof(ForwardJob))
    cdef char* start = space
    cdef ForwardJob* job = <ForwardJob*>start
    cdef tuple arrays = (x, h_0, c_0, w_ih, w_hh, b_ih, b_hh, w_hr)
    results = set_forward(
        job, name, x, h_0, c_0, w_ih, w_hh, b_ih, b_hh, w_hr, None, reverse, keep, ends, 0
    )
    check_again(job.parts, arrays)
    places = (
        <char*>&job.f.x - start, <char*>&job.f.h_0 - start, <char*>&job.c_0 - start,
        <char*>&job.f.w_ih - start, <char*>&job.f.w_hh - start, <char*>&job.f.b_ih - start,
        <char*>&job.f.b_hh - start, <char*>&job.f.w_hr - start,
    )
    return (<size_t>&run_forward_again, space, tuple(zip(arrays, places))), results


def backward_again(
    str name not None, cnp.ndarray d_output, cnp.ndarray d_h_n, cnp.ndarray d_c_n,
    cnp.ndarray x not None, cnp.ndarray h_0, cnp.ndarray c_0, cnp.ndarray output not None,
    tuple kept, cnp.ndarray w_ih, cnp.ndarray w_hh not None, cnp.ndarray b_hh, cnp.ndarray w_hr,
    bint reverse, tuple needs not None,
):
    """The same of `backward`."""
    cdef bytearray space = bytearray(sizeof(BackwardJob))
    cdef char* start = space
    cdef BackwardJob* job = <BackwardJob*>start
    results = set_backward(
        job, name, d_output, d_h_n, d_c_n, x, h_0, c_0, output, kept, w_ih, w_hh, b_hh, w_hr, None,
        reverse, needs, 0,
    )
    cdef tuple arrays = (
        d_output, d_h_n, d_c_n, x, h_0, output, kept[0] if kept else None, w_ih, w_hh, w_hr
    )
    check_again(job.parts, (*arrays, c_0, b_hh))
    places = (
        <char*>&job.b.d_output - start, <char*>&job.b.d_h_n - start, <char*>&job.b.d_c_n - start,
        <char*>&job.b.x - start, <char*>&job.b.h_0 - start, <char*>&job.b.output - start,
        <char*>&job.b.kept - start, <char*>&job.b.w_ih - start, <char*>&job.b.w_hh - start,
        <char*>&job.b.w_hr - start,
    )
    return (<size_t>&run_backward_again, space, tuple(zip(arrays, places))), results
