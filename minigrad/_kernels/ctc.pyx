"""Connectionist temporal classification: the loss, and its gradient (Graves et al. 2006).

The labels y[0:S] of a sequence may have come out of T steps in many ways: each label for one step
or more, blanks before, between and behind them, and one at least between two equal labels. The
probability of all ways together is summed step by step, in logarithms, forward (a) and backward
(b):

    T steps, N sequences, C classes, S labels;  x[t, c] the log-probability of class c at step t
    blank[i], 0 <= i <= S     the way stands on the blank before label i (after all, for i = S)
    label[i], 0 <= i < S      the way stands on label i
    skip[i]                   0 where label i may follow label i - 1 at once, y[i] != y[i - 1]; else
                              -inf

    a_blank[t, i] = x[t, blank] + logaddexp(a_blank[t-1, i], a_label[t-1, i-1])
    a_label[t, i] = x[t, y[i]]  + logaddexp(a_label[t-1, i], a_blank[t-1, i],
                                            a_label[t-1, i-1] + skip[i])
    loss          = -logaddexp(a_blank[T-1, S], a_label[T-1, S-1])

    b_blank[t, i] = logaddexp(e_blank[i], e_label[i])                          e = b[t+1] + x[t+1]
    b_label[t, i] = logaddexp(e_label[i], e_blank[i+1], e_label[i+1] + skip[i+1])
    p[t, state]   = exp(a[t, state] + b[t, state] + loss)     how likely the way stands there at t

    d_x[t, c] = d_loss * (exp(x[t, c]) - sum of p[t, state] over the states of class c)

The first term is what a log_softmax before would add anyway, as 1 = sum_c exp(x[t, c]); PyTorch
has it here, so we have. No way, a probability of 0, is NO_WAY, a number: infinities would make NaN.
From each step to the next the greatest a of the step before is taken off, and b likewise, and
summed apart, in double: so float32 keeps its digits however long a sequence is.

`blank` and `label` are rows side by side, so that each is computed in vectors; one number before
the labels stands for label -1.
"""

from libc.math cimport INFINITY, NAN, isnan
from libc.math cimport exp as exp_double
from libc.math cimport log1p as log1p_double
from libc.stdint cimport int64_t
from libc.string cimport memset

cimport numpy as cnp

from .arrays cimport check_1d, check_3d, check_ndim, data, empty_1d, empty_3d, ordered, shape_of
from .gates cimport exp_of_lanes, log1p_up_to_1
from .interrupt cimport begin_watch, end_watch, interrupted, watch
from .real cimport (
    LANES,
    all_lanes,
    at_least,
    load,
    load_part,
    magnitude,
    real,
    scratch,
    scratch_free,
    store,
    store_part,
    vec,
    where_less,
)

cnp.import_array()

cdef real NO_WAY = <real>-1e30
cdef real LOG_2 = <real>0.6931471805599453
cdef real NEARLY_0 = <real>(-86 if sizeof(real) == 4 else -707)     # exp of less is not normal

cdef enum:
    STATE_PRODUCTS = 60         # a state of a step takes about as long as so many products


cdef inline vec larger(vec a, vec b) noexcept nogil:
    return where_less(a, b, b, a)


cdef inline vec logaddexp(vec a, vec b) noexcept nogil:
    return larger(a, b) + log1p_up_to_1(exp_of_lanes(-magnitude(a - b)))


cdef inline vec logaddexp_of_3(vec a, vec b, vec c) noexcept nogil:
    cdef vec top = larger(larger(a, b), c)
    # 1 <= s <= 3, and log(s) = log(s / 2) + log(2): what log1p gets is from 0 to 1
    cdef vec s = exp_of_lanes(a - top) + exp_of_lanes(b - top) + exp_of_lanes(c - top)
    cdef vec two = all_lanes(2)
    cdef vec rest = where_less(two, s, <real>0.5 * s, s) - <real>1
    return top + log1p_up_to_1(rest) + where_less(two, s, all_lanes(LOG_2), all_lanes(0))


cdef inline vec exp_or_0(vec x) noexcept nogil:
    return where_less(x, all_lanes(NEARLY_0), all_lanes(0), exp_of_lanes(x))


cdef inline real highest_of(vec v) noexcept nogil:
    cdef real[16] lanes         # (no vector has more)
    cdef real best
    cdef int k
    store(lanes, v)
    best = lanes[0]
    for k in range(1, LANES):
        best = max(best, lanes[k])
    return best


# -- one sequence ---------------------------------------------------------------------------------

cdef struct Path:
    Py_ssize_t T, N, C, S
    Py_ssize_t W                # S + 1 and more, in whole vectors
    const int64_t* labels       # (S,)
    const real* x               # (T, C) of this sequence, in rows of N * C
    int64_t blank
    real* emitted               # (W,) scratch: x[t, y], NO_WAY beyond the labels
    real* skip                  # (W + LANES,)
    bint has_nan                # among what was read of x


cdef inline Py_ssize_t row_size(Py_ssize_t W) noexcept nogil:
    """Of a row of states: (W,) blanks, one number for label -1, (W,) labels, one vector more."""
    return 2 * W + 1 + LANES


cdef inline Py_ssize_t in_vectors(Py_ssize_t n) noexcept nogil:
    return (n + LANES - 1) // LANES * LANES


cdef void fill(real* row, Py_ssize_t n, real value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = value


cdef void find_skips(Path* p) noexcept nogil:
    cdef Py_ssize_t i
    fill(p.skip, p.W + LANES, NO_WAY)
    for i in range(1, p.S):
        if p.labels[i] != p.labels[i - 1]:
            p.skip[i] = 0


cdef real emit(Path* p, Py_ssize_t t, real less) noexcept nogil:
    """Fill `emitted` for step t, everything less `less`; the same of the blank."""
    cdef const real* x = p.x + t * p.N * p.C
    cdef Py_ssize_t i
    cdef real blank = x[p.blank]
    for i in range(p.S):
        p.has_nan |= isnan(x[p.labels[i]])
        p.emitted[i] = x[p.labels[i]] - less
    p.has_nan |= isnan(blank)
    return max(blank - less, NO_WAY)


cdef real begin(Path* p, real* row) noexcept nogil:
    """The states of step 0; the greatest of them."""
    cdef real blank = emit(p, 0, 0)
    fill(row, row_size(p.W), NO_WAY)
    row[0] = blank
    if p.S > 0:
        row[p.W + 1] = max(p.emitted[0], NO_WAY)
        return max(blank, row[p.W + 1])
    return blank


cdef real step_forward(
    Path* p, Py_ssize_t t, real* row, const real* before, real less
) noexcept nogil:
    """The states of step t, everything less `less`; the greatest of them."""
    cdef vec blank = all_lanes(emit(p, t, less))
    cdef Py_ssize_t W = p.W, i = 0
    cdef vec on_blank, on_label, last, greatest = all_lanes(NO_WAY)
    fill(row + W, 1, NO_WAY)
    fill(row + 2 * W + 1, LANES, NO_WAY)
    while i < W:
        on_blank, on_label = load(before + i), load(before + W + 1 + i)
        last = load(before + W + i)
        store(row + i, at_least(blank + logaddexp(on_blank, last), NO_WAY))
        last = last + load(p.skip + i)
        on_label = load(p.emitted + i) + logaddexp_of_3(on_label, on_blank, last)
        store(row + W + 1 + i, at_least(on_label, NO_WAY))
        greatest = larger(greatest, larger(load(row + i), load(row + W + 1 + i)))
        i += LANES
    return highest_of(greatest)


cdef real step_backward(
    Path* p, Py_ssize_t t, real* row, real* next_row, real less
) noexcept nogil:
    """b of step t, less `less`, from that of step t + 1, which becomes e; the greatest of them."""
    cdef vec blank = all_lanes(emit(p, t + 1, less))
    cdef Py_ssize_t W = p.W, i = 0
    cdef vec on_label, then, greatest = all_lanes(NO_WAY)
    while i < W:
        store(next_row + i, at_least(load(next_row + i) + blank, NO_WAY))
        on_label = load(next_row + W + 1 + i) + load(p.emitted + i)
        store(next_row + W + 1 + i, at_least(on_label, NO_WAY))
        i += LANES
    i = 0
    fill(row + W, 1, NO_WAY)
    fill(row + 2 * W + 1, LANES, NO_WAY)
    while i < W:
        on_label = load(next_row + W + 1 + i)
        store(row + i, at_least(logaddexp(load(next_row + i), on_label), NO_WAY))
        # (For the last i the next blank is the number before the labels, and no way.)
        then = load(next_row + W + 2 + i) + load(p.skip + i + 1)
        on_label = logaddexp_of_3(on_label, load(next_row + i + 1), then)
        store(row + W + 1 + i, at_least(on_label, NO_WAY))
        greatest = larger(greatest, larger(load(row + i), load(row + W + 1 + i)))
        i += LANES
    return highest_of(greatest)


cdef double loss_of(Path* p, const real* last, double taken_off) noexcept nogil:
    cdef double a = last[p.S], b = last[p.W + p.S]      # (label S - 1; for S = 0 label -1, no way)
    cdef double top = max(a, b)
    if p.has_nan:
        return NAN
    if top < NO_WAY / 10:
        return INFINITY
    return -(top + log1p_double(exp_double(-abs(a - b))) + taken_off)


cdef double run_forward(Path* p, real* rows, bint every, double* taken_off) noexcept nogil:
    """The loss. With `every`, `rows` keeps the states of all steps, else it has room for two."""
    cdef Py_ssize_t size = row_size(p.W), t
    cdef real* row = rows
    cdef real* before
    cdef real greatest
    cdef double off = 0
    p.has_nan = False
    if p.T == 0:
        return 0 if p.S == 0 else INFINITY
    find_skips(p)
    fill(p.emitted, p.W, NO_WAY)
    greatest = begin(p, row)
    if taken_off is not NULL:
        taken_off[0] = 0
    for t in range(1, p.T):
        if t % 16 == 0 and interrupted(16.0 * STATE_PRODUCTS * p.W):
            return 0
        before = row
        row = rows + t * size if every else rows + t % 2 * size
        off += greatest
        greatest = step_forward(p, t, row, before, greatest)
        if taken_off is not NULL:
            taken_off[t] = off
    return loss_of(p, row, off)


cdef void add_posterior(
    Path* p, real* d, const real* a, const real* b, double constant, real g
) noexcept nogil:
    """d[c] -= g * p[state], for the states of class c."""
    cdef Py_ssize_t W = p.W, i = 0
    cdef vec rest = all_lanes(<real>constant)
    cdef double blanks = 0
    while i < W:
        store(p.emitted + i, exp_or_0(load(a + i) + load(b + i) + rest))
        i += LANES
    for i in range(p.S + 1):
        blanks += p.emitted[i]
    i = 0
    while i < W:
        store(p.emitted + i, exp_or_0(load(a + W + 1 + i) + load(b + W + 1 + i) + rest))
        i += LANES
    for i in range(p.S):
        d[p.labels[i]] = d[p.labels[i]] - g * p.emitted[i]
    d[p.blank] = d[p.blank] - g * <real>blanks
    fill(p.emitted + p.S, W - p.S, NO_WAY)


cdef void run_backward(
    Path* p, real* d_x, const real* rows, const double* taken_off, real* pair, double loss, real g
) noexcept nogil:
    """d_x of this sequence, (T, C) in rows of N * C, which hold g * exp(x) already."""
    cdef Py_ssize_t size = row_size(p.W), t
    cdef real* row = pair
    cdef real* after
    cdef real greatest = 0
    cdef double off = 0
    find_skips(p)
    fill(row, 2 * size, NO_WAY)
    fill(p.emitted, p.W, NO_WAY)
    row[p.S] = 0
    if p.S > 0:
        row[p.W + p.S] = 0
    for t in range(p.T - 1, -1, -1):
        if t % 16 == 0 and interrupted(16.0 * STATE_PRODUCTS * p.W):
            return
        if t < p.T - 1:
            after, row = row, pair + (p.T - 1 - t) % 2 * size
            off += greatest
            greatest = step_backward(p, t, row, after, greatest)
        add_posterior(p, d_x + t * p.N * p.C, rows + t * size, row, taken_off[t] + off + loss, g)


# -- what Python calls ----------------------------------------------------------------------------

cdef const int64_t* integers(str name, cnp.ndarray a) except? NULL:
    if cnp.PyArray_TYPE(a) != cnp.NPY_INT64 or cnp.PyArray_NDIM(a) != 1:
        raise ValueError(f"{name}: dtype is {a.dtype}, shape {shape_of(a)}, expected int64, (n,)")
    if not cnp.PyArray_ISCARRAY_RO(a):
        raise ValueError(f"{name}: must lie in memory without gaps")
    return <const int64_t*>cnp.PyArray_DATA(a)


cdef struct Batch:
    Py_ssize_t T, size          # of the longest sequence; of a row of states
    const real* x               # (T, N, C)
    const int64_t* targets
    const int64_t* starts       # (N,), and the next two
    const int64_t* steps
    const int64_t* labels


cdef int describe(
    Batch* b, Path* p, cnp.ndarray x, cnp.ndarray targets, cnp.ndarray starts,
    cnp.ndarray input_lengths, cnp.ndarray target_lengths, Py_ssize_t blank,
) except -1:
    """Fill in what all sequences share, after checking everything that is read as an index."""
    check_ndim("x", x, 3, "(T, N, C)")
    cdef Py_ssize_t T = x.shape[0], N = x.shape[1], C = x.shape[2], n, i, most = 0
    cdef const int64_t* y = integers("targets", targets)
    cdef const int64_t* start = integers("starts", starts)
    cdef const int64_t* steps = integers("input_lengths", input_lengths)
    cdef const int64_t* labels = integers("target_lengths", target_lengths)
    for name, a in (
        ("starts", starts), ("input_lengths", input_lengths), ("target_lengths", target_lengths)
    ):
        if len(a) != N:
            raise ValueError(f"{name}: shape is {shape_of(a)}, expected ({N},)")
    if not 0 <= blank < C:
        raise ValueError(f"blank: {blank} is none of the {C} classes")
    for n in range(N):
        if not 0 <= steps[n] <= T:
            raise ValueError(f"input_lengths: {steps[n]} is not from 0 to {T}")
        if labels[n] < 0 or start[n] < 0 or labels[n] > targets.shape[0] - start[n]:
            raise ValueError(
                f"target_lengths: {labels[n]} labels from {start[n]} on are not among the "
                f"{targets.shape[0]} of targets"
            )
        most = max(most, labels[n])
        for i in range(start[n], start[n] + labels[n]):
            if not 0 <= y[i] < C:
                raise IndexError(f"Target {y[i]} is out of bounds.")
    p.N, p.C, p.blank, p.W = N, C, blank, in_vectors(most + 1)
    b.T, b.size, b.x = T, row_size(p.W), data(x)
    b.targets, b.starts, b.steps, b.labels = y, start, steps, labels
    return 0


cdef real* get_memory(const Batch* b, Path* p) except NULL:
    """Scratch memory for two rows of states; `p` gets its own behind them."""
    cdef real* memory = scratch(2 * b.size + 2 * p.W + LANES)
    if memory is NULL:
        raise MemoryError
    p.skip, p.emitted = memory + 2 * b.size, memory + 2 * b.size + p.W + LANES
    return memory


cdef void choose(Path* p, const Batch* b, Py_ssize_t n) noexcept nogil:
    """Let `p` be the n-th sequence."""
    p.T, p.S, p.labels, p.x = b.steps[n], b.labels[n], b.targets + b.starts[n], b.x + n * p.C


def ctc_forward(
    cnp.ndarray x not None,                 # IN  (T, N, C) log-probabilities
    cnp.ndarray targets not None,           # IN  int64, those of all sequences in a row
    cnp.ndarray starts not None,            # IN  (N,) int64: where in targets each has its first
    cnp.ndarray input_lengths not None,     # IN  (N,) int64: its steps
    cnp.ndarray target_lengths not None,    # IN  (N,) int64: its labels
    Py_ssize_t blank,
    bint keeps,
):
    """The loss of each sequence, (N,), and what backward needs besides, if it `keeps`."""
    x = ordered(x)
    targets = cnp.PyArray_Copy(targets)     # (another thread may change what was checked)
    starts, input_lengths = cnp.PyArray_Copy(starts), cnp.PyArray_Copy(input_lengths)
    target_lengths = cnp.PyArray_Copy(target_lengths)
    cdef Batch b
    cdef Path p
    describe(&b, &p, x, targets, starts, input_lengths, target_lengths, blank)
    cdef Py_ssize_t N = p.N if keeps else 0, every = b.T * b.size, n
    cdef cnp.ndarray loss = empty_1d(p.N)
    cdef cnp.ndarray states = empty_3d(N, b.T, b.size)
    cdef cnp.ndarray off = cnp.PyArray_ZEROS(2, [N, b.T], cnp.NPY_DOUBLE, 0)
    cdef real* memory = get_memory(&b, &p)
    cdef real* out = data(loss)
    cdef real* kept = data(states)
    cdef double* taken_off = <double*>cnp.PyArray_DATA(off)
    cdef watch watching
    begin_watch(&watching)
    with nogil:
        for n in range(p.N):
            choose(&p, &b, n)
            if keeps:
                out[n] = <real>run_forward(&p, kept + n * every, True, taken_off + n * b.T)
            else:
                out[n] = <real>run_forward(&p, memory, False, NULL)
    scratch_free(memory)
    end_watch(&watching)
    return loss, (states, off, targets, starts, input_lengths, target_lengths)


def ctc_backward(
    cnp.ndarray d_loss not None,            # IN  (N,)
    cnp.ndarray x not None,                 # IN  as above
    Py_ssize_t blank,
    bint zero_infinity,                     # no gradient where the loss is infinite (else NaN)
    cnp.ndarray loss not None,              # what forward returned
    tuple kept not None,
):
    """The gradient of x."""
    cdef cnp.ndarray states, off, targets, starts, input_lengths, target_lengths
    states, off, targets, starts, input_lengths, target_lengths = kept
    if any([a is None for a in kept]):
        raise TypeError("kept: has None among what forward returned")
    x, d_loss = ordered(x), ordered(d_loss)
    cdef Batch b
    cdef Path p
    describe(&b, &p, x, targets, starts, input_lengths, target_lengths, blank)
    cdef Py_ssize_t n, t, c
    check_1d("d_loss", d_loss, p.N)
    check_1d("loss", loss, p.N)
    check_3d("states", states, p.N, b.T, b.size)
    if (
        cnp.PyArray_SIZE(off) != p.N * b.T or cnp.PyArray_TYPE(off) != cnp.NPY_DOUBLE
        or not cnp.PyArray_ISCARRAY_RO(off)
    ):
        raise ValueError(f"off: shape is {shape_of(off)}, expected ({p.N}, {b.T}), double, no gaps")
    cdef cnp.ndarray d_x = empty_3d(b.T, p.N, p.C)
    cdef real* memory = get_memory(&b, &p)
    cdef const real* losses = data(loss)
    cdef const real* g = data(d_loss)
    cdef const real* kept_states = data(states)
    cdef const double* taken_off = <const double*>cnp.PyArray_DATA(off)
    cdef real* out = data(d_x)
    cdef real* row
    cdef const real* x_row
    cdef real each
    cdef watch watching
    begin_watch(&watching)
    with nogil:
        for n in range(p.N):
            choose(&p, &b, n)
            each = g[n]
            if not -INFINITY < losses[n] < INFINITY:
                each = 0 if zero_infinity and losses[n] == INFINITY else <real>NAN
            for t in range(b.T):
                row, x_row = out + (t * p.N + n) * p.C, p.x + t * p.N * p.C
                if t >= p.T or each == 0:
                    memset(row, 0, p.C * sizeof(real))
                    continue
                c = 0
                while c < p.C:      # g * np.exp(x[t])
                    store_part(
                        row + c, exp_or_0(load_part(x_row + c, p.C - c)) * each, p.C - c
                    )
                    c += LANES
            if each != 0 and not isnan(each):
                run_backward(
                    &p, out + n * p.C, kept_states + n * b.T * b.size, taken_off + n * b.T, memory,
                    losses[n], each,
                )
    scratch_free(memory)
    end_watch(&watching)
    return d_x
