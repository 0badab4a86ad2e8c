"""Losses: cross entropy, the likelihood of classes, losses that compare entry by entry.

Cross entropy between logits and class indices, forward and backward:

    N samples, C classes, y = target[n] the class of sample n, w the class weights (ones if None),
    e the label smoothing; d_y is the gradient of the loss with respect to y

    log_prob[n]  = log_softmax(logits[n]) = logits[n] - max - log(sum(exp(logits[n] - max)))
    q[n, c]      = (1 - e) * w[y] * (c == y) + e / C * w[c]          how much class c counts
    loss[n]      = -sum_c q[n, c] * log_prob[n, c]                   0 where y == ignore_index
    total_weight = sum_n w[target[n]]                                over samples not ignored

    reduction    NONE: loss;  MEAN: loss.sum() / total_weight;  SUM: loss.sum()

    d_logits[n]  = d_loss[n] * (softmax(logits[n]) * sum_c q[n, c] - q[n])

The likelihood of classes, nll, takes log_prob itself, and has no smoothing. Losses that compare two
arrays of one shape, and their slopes, are functions of a run of entries, called by name: what they
compute stands beside them, and as a formula in `ops/entrywise_loss.py`.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

cimport numpy as cnp

from .arrays cimport (
    REAL_TYPENUM,
    PyArray_ISCARRAY_RO,
    check_1d,
    check_dense,
    check_ndim,
    complain,
    data,
    empty_1d,
    empty_2d,
    empty_like,
    is_plain,
    ordered,
    same_shape,
    shape_of,
)
from .gates cimport exp, exp_of_lanes, log1p_up_to_1, sigmoid
from .interrupt cimport begin_watch, end_watch, interrupted, watch
from .real cimport (
    LANES,
    all_lanes,
    at_least,
    at_most,
    divide,
    load_part,
    magnitude,
    real,
    real_log,
    real_log1p,
    store_part,
    vec,
    where_at_most,
)
from .row cimport log_softmax_row, total_in_double

cnp.import_array()

# The values of `reduction`.
cdef enum:
    REDUCE_NONE = 0
    REDUCE_MEAN = 1
    REDUCE_SUM = 2

NONE, MEAN, SUM = REDUCE_NONE, REDUCE_MEAN, REDUCE_SUM

cdef enum:
    CLASS_PRODUCTS = 8          # a class of a sample takes about as long as so many products
    SAMPLES_A_LOOK = 16         # ask after so many whether to stop


cdef inline bint stops_at(Py_ssize_t n, Py_ssize_t C) noexcept nogil:
    return n % SAMPLES_A_LOOK == 0 and interrupted(<double>SAMPLES_A_LOOK * CLASS_PRODUCTS * C)


cdef inline bint counts(int64_t y, Py_ssize_t C, int64_t ignore_index) noexcept nogil:
    """Whether a sample counts. (Another thread may change targets that were checked.)"""
    return y != ignore_index and 0 <= y < C


cdef void log_softmax(
    real* log_prob,                                 # OUT (N, C)
    const real* logits,                             # IN  (N, C)
    Py_ssize_t N, Py_ssize_t C,
) noexcept nogil:
    cdef Py_ssize_t n
    for n in range(N):
        if stops_at(n, C):
            return
        log_softmax_row(log_prob + n * C, logits + n * C, C)


cdef Py_ssize_t first_bad_target(
    const int64_t* target, Py_ssize_t N, Py_ssize_t C, int64_t ignore_index
) noexcept nogil:
    """The first sample whose target is no class and is not to be ignored, or -1."""
    cdef Py_ssize_t n
    for n in range(N):
        if (target[n] < 0 or target[n] >= C) and target[n] != ignore_index:
            return n
    return -1


cdef int check_target(cnp.ndarray target, Py_ssize_t N) except -1:
    if cnp.PyArray_TYPE(target) != cnp.NPY_INT64:
        raise ValueError(f"target: dtype is {target.dtype}, expected int64")
    if cnp.PyArray_NDIM(target) != 1 or target.shape[0] != N:
        raise ValueError(f"target: shape is {shape_of(target)}, expected ({N},)")
    return 0


cdef int check_reduction(int reduction) except -1:
    if reduction not in (REDUCE_NONE, REDUCE_MEAN, REDUCE_SUM):
        raise ValueError(f"reduction: {reduction} is not one of NONE, MEAN and SUM")
    return 0


cdef int check_classes(
    cnp.ndarray target, Py_ssize_t N, Py_ssize_t C, int64_t ignore_index
) except -1:
    cdef const int64_t* y = <const int64_t*>cnp.PyArray_DATA(target)
    cdef Py_ssize_t bad = first_bad_target(y, N, C, ignore_index)
    if bad >= 0:
        raise IndexError(f"Target {y[bad]} is out of bounds.")
    return 0


cdef int check_labels(
    cnp.ndarray target, cnp.ndarray weight, Py_ssize_t N, Py_ssize_t C, int64_t ignore_index
) except -1:
    """Check the classes of N samples, and what each class weighs."""
    check_target(target, N)
    if weight is not None:
        check_1d("weight", weight, C)
    return check_classes(target, N, C, ignore_index)


cdef int check_d_loss(cnp.ndarray d_loss, Py_ssize_t N, int reduction) except -1:
    if reduction == REDUCE_NONE:
        return check_1d("d_loss", d_loss, N)
    return check_ndim("d_loss", d_loss, 0, "()")


cdef cnp.ndarray empty_loss(Py_ssize_t N, int reduction):
    if reduction == REDUCE_NONE:
        return empty_1d(N)
    return cnp.PyArray_EMPTY(0, NULL, REAL_TYPENUM, 0)


cdef struct CrossEntropy:
    const real* logits          # IN  (N, C); backward: not read
    const int64_t* target       # IN  (N,)
    const real* weight          # IN  (C,) or NULL: ones
    Py_ssize_t N, C
    int64_t ignore_index
    double label_smoothing
    int reduction
    real* loss                  # OUT (N,) or (); backward: not read
    real* log_prob              # OUT (N, C); backward: IN
    double* total_weight        # OUT ();     backward: IN
    const real* d_loss          # IN  (N,) or ()
    real* d_logits              # OUT (N, C)


cdef void run_cross_entropy(const CrossEntropy* j) noexcept nogil:
    cdef const real* w = j.weight
    cdef const real* row = j.log_prob
    cdef Py_ssize_t n, c, C = j.C
    cdef double smooth = j.label_smoothing / C if C > 0 else 0
    cdef double w_y, sample, everything, total_loss = 0, total_weight = 0
    cdef int64_t label
    log_softmax(j.log_prob, j.logits, j.N, C)
    for n in range(j.N):
        if stops_at(n, C if smooth != 0 else 1):
            break
        sample = 0
        label = j.target[n]
        if counts(label, C, j.ignore_index):
            w_y = w[label] if w is not NULL else 1
            total_weight += w_y
            # sample = -(q[n] * log_prob[n]).sum()
            sample = -(1 - j.label_smoothing) * w_y * row[label]
            if smooth != 0:
                everything = 0
                for c in range(C):
                    everything += row[c] * (w[c] if w is not NULL else 1)
                sample -= smooth * everything
        if j.reduction == REDUCE_NONE:
            j.loss[n] = <real>sample
        total_loss += sample
        row += C
    if j.reduction == REDUCE_MEAN:
        # 0 / 0, a mean over nothing, also if smoothing leaves something of the other classes
        j.loss[0] = <real>((total_loss if total_weight != 0 else 0) / total_weight)
    elif j.reduction == REDUCE_SUM:
        j.loss[0] = <real>total_loss
    j.total_weight[0] = total_weight


cdef void run_cross_entropy_back(const CrossEntropy* j) noexcept nogil:
    cdef const real* w = j.weight
    cdef const real* row = j.log_prob
    cdef real* d_row = j.d_logits
    cdef Py_ssize_t n, c, C = j.C
    cdef double smooth = j.label_smoothing / C if C > 0 else 0
    cdef double mass, all_weights = 0
    cdef real scale, share
    cdef int64_t label
    cdef bint stopped = False
    # all_weights = w.sum()
    if w is NULL:
        all_weights = C
    elif smooth != 0:
        for c in range(C):
            all_weights += w[c]
    for n in range(j.N):
        # (a break instead would keep the compiler from making vectors of the exp below)
        stopped = stopped or stops_at(n, C)
        label = j.target[n]
        if stopped or not counts(label, C, j.ignore_index):
            memset(d_row, 0, C * sizeof(real))
        else:
            # d_logits[n] = d_loss[n] * (np.exp(log_prob[n]) * q[n].sum() - q[n])
            mass = (1 - j.label_smoothing) * (w[label] if w is not NULL else 1)
            scale = j.d_loss[n] if j.reduction == REDUCE_NONE else j.d_loss[0]
            if j.reduction == REDUCE_MEAN:
                scale = <real>(scale / j.total_weight[0])
            share = <real>(mass + smooth * all_weights)
            for c in range(C):
                d_row[c] = scale * (share * exp(row[c]))
            if smooth != 0 and w is NULL:
                for c in range(C):
                    d_row[c] = d_row[c] - scale * <real>smooth
            elif smooth != 0:
                for c in range(C):
                    d_row[c] = d_row[c] - scale * <real>smooth * w[c]
            d_row[label] = d_row[label] - scale * <real>mass
        row += C
        d_row += C


cdef tuple set_cross_entropy(
    CrossEntropy* j, cnp.ndarray logits, cnp.ndarray target, cnp.ndarray weight,
    int64_t ignore_index, double label_smoothing, int reduction,
):
    """Check what `cross_entropy_forward` gets, and set the job; loss and log_prob."""
    check_reduction(reduction)
    check_ndim("logits", logits, 2, "(N, C)")
    j.N, j.C = logits.shape[0], logits.shape[1]
    check_labels(target, weight, j.N, j.C, ignore_index)
    cdef cnp.ndarray log_prob = empty_2d(j.N, j.C)
    cdef cnp.ndarray loss = empty_loss(j.N, reduction)
    j.logits, j.weight, j.log_prob, j.loss = data(logits), data(weight), data(log_prob), data(loss)
    j.target = <const int64_t*>cnp.PyArray_DATA(target)
    j.ignore_index, j.label_smoothing, j.reduction = ignore_index, label_smoothing, reduction
    return loss, log_prob


cdef cnp.ndarray set_cross_entropy_back(
    CrossEntropy* j, cnp.ndarray d_loss, cnp.ndarray log_prob, cnp.ndarray target,
    cnp.ndarray weight, int64_t ignore_index, double label_smoothing, int reduction,
):
    """The same of `cross_entropy_backward`; d_logits."""
    check_reduction(reduction)
    check_ndim("log_prob", log_prob, 2, "(N, C)")
    j.N, j.C = log_prob.shape[0], log_prob.shape[1]
    check_labels(target, weight, j.N, j.C, ignore_index)
    check_d_loss(d_loss, j.N, reduction)
    cdef cnp.ndarray d_logits = empty_2d(j.N, j.C)
    j.d_loss, j.log_prob, j.weight = data(d_loss), data(log_prob), data(weight)
    j.d_logits, j.target = data(d_logits), <const int64_t*>cnp.PyArray_DATA(target)
    j.ignore_index, j.label_smoothing, j.reduction = ignore_index, label_smoothing, reduction
    return d_logits


def cross_entropy_forward(
    cnp.ndarray logits not None,    # IN  (N, C)
    cnp.ndarray target not None,    # IN  (N,) int64
    cnp.ndarray weight,             # IN  (C,) or None: ones
    int64_t ignore_index,           # samples with this target count nothing
    double label_smoothing,
    int reduction,                  # NONE, MEAN or SUM
):
    """Return (loss, log_prob, total_weight): loss is (N,) for NONE, else has no axes.

    The mean over no sample, or over samples without weight, is nan. A target that is no class
    raises IndexError.
    """
    cdef CrossEntropy job
    cdef double total_weight
    cdef watch watching
    logits, target, weight = ordered(logits), ordered(target), ordered(weight)
    loss, log_prob = set_cross_entropy(
        &job, logits, target, weight, ignore_index, label_smoothing, reduction
    )
    job.total_weight = &total_weight
    begin_watch(&watching)
    with nogil:
        run_cross_entropy(&job)
    end_watch(&watching)
    return loss, log_prob, total_weight


def cross_entropy_backward(
    cnp.ndarray d_loss not None,    # IN  (N,) for NONE, else of one element
    cnp.ndarray log_prob not None,  # IN  (N, C) from forward
    cnp.ndarray target not None,    # IN  (N,) int64
    cnp.ndarray weight,             # IN  (C,) or None
    int64_t ignore_index,
    double label_smoothing,
    int reduction,
    double total_weight,            # from forward
):
    """Return d_logits (N, C)."""
    cdef CrossEntropy job
    cdef watch watching
    d_loss, log_prob, target = ordered(d_loss), ordered(log_prob), ordered(target)
    weight = ordered(weight)
    d_logits = set_cross_entropy_back(
        &job, d_loss, log_prob, target, weight, ignore_index, label_smoothing, reduction
    )
    job.total_weight = &total_weight
    begin_watch(&watching)
    with nogil:
        run_cross_entropy_back(&job)
    end_watch(&watching)
    return d_logits


# What `tape` calls: a call that is made again and again is the bytes of its job, of which only
# addresses change (as in `recurrent`).

cdef int check_again(const CrossEntropy* j) except -1:
    """Targets may be others than they were."""
    cdef Py_ssize_t bad = first_bad_target(j.target, j.N, j.C, j.ignore_index)
    if bad >= 0:
        raise IndexError(f"Target {j.target[bad]} is out of bounds.")
    return 0


cdef int cross_entropy_once_more(void* job) except -1:
    cdef watch watching
    check_again(<CrossEntropy*>job)
    begin_watch(&watching)
    run_cross_entropy(<CrossEntropy*>job)
    return end_watch(&watching)


cdef int cross_entropy_back_once_more(void* job) except -1:
    cdef watch watching
    check_again(<CrossEntropy*>job)
    begin_watch(&watching)
    run_cross_entropy_back(<CrossEntropy*>job)
    return end_watch(&watching)


def cross_entropy_forward_again(
    cnp.ndarray logits not None, cnp.ndarray target not None, cnp.ndarray weight,
    int64_t ignore_index, double label_smoothing, int reduction,
):
    """The call of `cross_entropy_forward`, and its results, which are yet to be filled.

    The total weight is an array here. The call: the address of what makes it, its job, and for
    each array where its address stands in the job.
    """
    cdef bytearray space = bytearray(sizeof(CrossEntropy))
    cdef char* start = space
    cdef CrossEntropy* job = <CrossEntropy*>start
    cdef cnp.ndarray total_weight = cnp.PyArray_EMPTY(0, NULL, cnp.NPY_DOUBLE, 0)
    check_dense((logits, target, weight))
    loss, log_prob = set_cross_entropy(
        job, logits, target, weight, ignore_index, label_smoothing, reduction
    )
    job.total_weight = <double*>cnp.PyArray_DATA(total_weight)
    places = (
        (logits, <char*>&job.logits - start), (target, <char*>&job.target - start),
        (weight, <char*>&job.weight - start),
    )
    return (<size_t>&cross_entropy_once_more, space, places), (loss, log_prob, total_weight)


def cross_entropy_backward_again(
    cnp.ndarray d_loss not None, cnp.ndarray log_prob not None, cnp.ndarray target not None,
    cnp.ndarray weight, int64_t ignore_index, double label_smoothing, int reduction,
    cnp.ndarray total_weight not None,
):
    """The same of `cross_entropy_backward`; the total weight is that of the call forward."""
    cdef bytearray space = bytearray(sizeof(CrossEntropy))
    cdef char* start = space
    cdef CrossEntropy* job = <CrossEntropy*>start
    check_dense((d_loss, log_prob, target, weight))
    if cnp.PyArray_TYPE(total_weight) != cnp.NPY_DOUBLE or cnp.PyArray_SIZE(total_weight) != 1:
        raise ValueError("total_weight: one number of float64 is needed")
    d_logits = set_cross_entropy_back(
        job, d_loss, log_prob, target, weight, ignore_index, label_smoothing, reduction
    )
    places = (
        (d_loss, <char*>&job.d_loss - start), (log_prob, <char*>&job.log_prob - start),
        (target, <char*>&job.target - start), (weight, <char*>&job.weight - start),
        (total_weight, <char*>&job.total_weight - start),
    )
    return (<size_t>&cross_entropy_back_once_more, space, places), d_logits


def nll_forward(
    cnp.ndarray log_prob not None,  # IN  (N, C)
    cnp.ndarray target not None,    # IN  (N,) int64
    cnp.ndarray weight,             # IN  (C,) or None: ones
    int64_t ignore_index,
    int reduction,
):
    """Return (loss, total_weight), as `cross_entropy_forward`."""
    log_prob, target, weight = ordered(log_prob), ordered(target), ordered(weight)
    check_reduction(reduction)
    check_ndim("log_prob", log_prob, 2, "(N, C)")
    cdef Py_ssize_t N = log_prob.shape[0], C = log_prob.shape[1], n
    check_labels(target, weight, N, C, ignore_index)
    cdef cnp.ndarray loss = empty_loss(N, reduction)
    cdef const real* row = data(log_prob)
    cdef const real* w = data(weight)
    cdef const int64_t* y = <const int64_t*>cnp.PyArray_DATA(target)
    cdef real* out = data(loss)
    cdef double w_y, sample, total_loss = 0, total_weight = 0
    cdef int64_t label
    with nogil:
        for n in range(N):
            # loss[n] = -w[y] * log_prob[n, y]
            sample = 0
            label = y[n]
            if counts(label, C, ignore_index):
                w_y = w[label] if w is not NULL else 1
                total_weight += w_y
                sample = -w_y * row[n * C + label]
            if reduction == REDUCE_NONE:
                out[n] = <real>sample
            total_loss += sample
        if reduction == REDUCE_MEAN:
            out[0] = <real>(total_loss / total_weight)
        elif reduction == REDUCE_SUM:
            out[0] = <real>total_loss
    return loss, total_weight


def nll_backward(
    cnp.ndarray d_loss not None,    # IN  (N,) for NONE, else of one element
    cnp.ndarray log_prob not None,  # (N, C), whose entries are not read
    cnp.ndarray target not None,    # IN  (N,) int64
    cnp.ndarray weight,             # IN  (C,) or None
    int64_t ignore_index,
    int reduction,
    double total_weight,            # from forward
):
    """Return d_log_prob (N, C)."""
    d_loss, target, weight = ordered(d_loss), ordered(target), ordered(weight)
    check_reduction(reduction)
    if cnp.PyArray_NDIM(log_prob) != 2:
        complain("log_prob", log_prob, "(N, C)")
    cdef Py_ssize_t N = log_prob.shape[0], C = log_prob.shape[1], n
    check_labels(target, weight, N, C, ignore_index)
    check_d_loss(d_loss, N, reduction)
    cdef cnp.ndarray d_log_prob = empty_2d(N, C)
    cdef const real* d_out = data(d_loss)
    cdef const real* w = data(weight)
    cdef const int64_t* y = <const int64_t*>cnp.PyArray_DATA(target)
    cdef real* d_row = data(d_log_prob)
    cdef double scale
    cdef int64_t label
    with nogil:
        for n in range(N):
            # d_log_prob[n] = 0;  d_log_prob[n, y] = -w[y] * d_loss[n]
            memset(d_row, 0, C * sizeof(real))
            label = y[n]
            if counts(label, C, ignore_index):
                scale = d_out[n] if reduction == REDUCE_NONE else d_out[0]
                if reduction == REDUCE_MEAN:
                    scale /= total_weight
                d_row[label] = <real>(-(w[label] if w is not NULL else 1) * scale)
            d_row += C
    return d_log_prob


# -- losses that compare entry by entry: of entries a and b, a number p; the slopes are those of a -

cdef enum:
    RUN = 1024                  # entries that are made for a sum at a time

cdef extern from *:
    """
    #define LEAST_LOG -100.0        /* as in ops/entrywise_loss.py */
    #define LEAST_SLOPE 1e-12
    """
    const double LEAST_LOG, LEAST_SLOPE

ctypedef void (*pair_function)(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil


cdef void squared_error(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil:
    # (a - b)**2 * share
    cdef Py_ssize_t i = 0
    cdef vec d
    while i < n:
        d = load_part(a + i, n - i) - load_part(b + i, n - i)
        store_part(y + i, d * d * share, n - i)
        i += LANES


cdef void squared_error_slope(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil:
    # (a - b) * (2 * share)
    cdef Py_ssize_t i = 0
    while i < n:
        store_part(
            y + i, (load_part(a + i, n - i) - load_part(b + i, n - i)) * (<real>2 * share), n - i
        )
        i += LANES


cdef void huber(
    real* y, const real* a, const real* b, Py_ssize_t n, real delta, real share
) noexcept nogil:
    # np.where(size <= delta, 0.5 * d * d, delta * (size - 0.5 * delta)) * share, d = a - b and
    # size = np.abs(d)
    cdef Py_ssize_t i = 0
    cdef vec d, size, beyond
    cdef vec limit = all_lanes(delta)
    while i < n:
        d = load_part(a + i, n - i) - load_part(b + i, n - i)
        size = magnitude(d)
        beyond = (size - <real>0.5 * delta) * delta
        store_part(y + i, where_at_most(size, limit, <real>0.5 * d * d, beyond) * share, n - i)
        i += LANES


cdef void huber_slope(
    real* y, const real* a, const real* b, Py_ssize_t n, real delta, real share
) noexcept nogil:
    # np.clip(a - b, -delta, delta) * share
    cdef Py_ssize_t i = 0
    cdef vec d
    while i < n:
        d = load_part(a + i, n - i) - load_part(b + i, n - i)
        store_part(y + i, at_least(at_most(d, delta), -delta) * share, n - i)
        i += LANES


cdef void logits(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil:
    # ((1 - b) * a + np.log1p(np.exp(-a))) * share, where exp does not overflow
    cdef Py_ssize_t i = 0
    cdef vec x, log
    while i < n:
        x = load_part(a + i, n - i)
        log = log1p_up_to_1(exp_of_lanes(-magnitude(x))) + at_least(-x, 0)
        store_part(y + i, ((<real>1 - load_part(b + i, n - i)) * x + log) * share, n - i)
        i += LANES


cdef void logits_slope(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil:
    # (sigmoid(a) - b) * share
    cdef Py_ssize_t i = 0
    while i < n:
        store_part(
            y + i, (sigmoid(load_part(a + i, n - i)) - load_part(b + i, n - i)) * share, n - i
        )
        i += LANES


cdef void probabilities(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil:
    # ((b - 1) * np.maximum(np.log1p(-a), LEAST_LOG) - b * np.maximum(np.log(a), LEAST_LOG)) * share
    cdef Py_ssize_t i
    cdef real yes, no
    for i in range(n):
        yes, no = real_log(a[i]), real_log1p(-a[i])
        yes = <real>LEAST_LOG if yes < LEAST_LOG else yes
        no = <real>LEAST_LOG if no < LEAST_LOG else no
        y[i] = ((b[i] - 1) * no - b[i] * yes) * share


cdef void probabilities_slope(
    real* y, const real* a, const real* b, Py_ssize_t n, real p, real share
) noexcept nogil:
    # (a - b) / np.maximum(a * (1 - a), LEAST_SLOPE) * share
    cdef Py_ssize_t i = 0
    cdef vec x
    while i < n:
        x = load_part(a + i, n - i)
        store_part(
            y + i,
            divide(x - load_part(b + i, n - i), at_least(x * (<real>1 - x), <real>LEAST_SLOPE))
            * share,
            n - i,
        )
        i += LANES


cdef pair_function[4] pair_values, pair_slopes
cdef dict pair_index = {}       # name: place in both


cdef pair(str name, pair_function value, pair_function slope):
    pair_values[len(pair_index)], pair_slopes[len(pair_index)] = value, slope
    pair_index[name] = len(pair_index)


pair("squared_error", squared_error, squared_error_slope)
pair("huber", huber, huber_slope)
pair("logits", logits, logits_slope)
pair("probabilities", probabilities, probabilities_slope)


def are_probabilities(cnp.ndarray x not None):
    """Whether all entries are from 0 to 1 (NaN is not)."""
    cdef Py_ssize_t i, wrong = 0
    x = ordered(x)
    check_ndim("x", x, cnp.PyArray_NDIM(x), "...")
    cdef const real* a = data(x)
    with nogil:
        # np.count_nonzero(~((x >= 0) & (x <= 1)))
        for i in range(cnp.PyArray_SIZE(x)):
            wrong += not (0 <= a[i] <= 1)
    return wrong == 0


cdef bint suits(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether both are arrays of this type and of one shape, row by row."""
    return (
        cnp.PyArray_TYPE(a) == REAL_TYPENUM and PyArray_ISCARRAY_RO(a)
        and cnp.PyArray_TYPE(b) == REAL_TYPENUM and PyArray_ISCARRAY_RO(b)
        and same_shape(a, b)
    )


def pair_loss(
    str name not None, cnp.ndarray a not None, cnp.ndarray b not None, double p, double share,
    bint total,
):
    """The loss `name` of each entry, times `share`, or with `total` their sum.

    None if the arrays do not suit it.
    """
    found = pair_index.get(name)
    if found is None or not suits(a, b):
        return None
    cdef cnp.ndarray result
    if total:
        result = cnp.PyArray_EMPTY(0, NULL, REAL_TYPENUM, 0)
    else:
        result = empty_like(a)
    cdef pair_function f = pair_values[<int>found]
    cdef const real* x = data(a)
    cdef const real* t = data(b)
    cdef real* y = data(result)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(a), i = 0, some
    cdef real[RUN] run
    cdef double sum = 0
    with nogil:
        if not total:
            f(y, x, t, n, <real>p, <real>share)
        else:
            while i < n:
                some = min(RUN, n - i)
                f(run, x + i, t + i, some, <real>p, 1)
                sum += total_in_double(run, some)
                i += some
            y[0] = <real>(sum * share)
    return result


def pair_slope(
    str name not None, cnp.ndarray g not None, cnp.ndarray a not None, cnp.ndarray b not None,
    double p, double share,
):
    """The gradient of a: g times `share` times the slope, g being one number or shaped as a.

    None if the arrays do not suit it.
    """
    cdef bint each = cnp.PyArray_NDIM(g) > 0
    found = pair_index.get(name)
    g = ordered(g)
    if found is None or not suits(a, b) or not is_plain(g, cnp.PyArray_NDIM(g)):
        return None
    if each and not suits(a, g):
        return None
    cdef cnp.ndarray result = empty_like(a)
    cdef pair_function f = pair_slopes[<int>found]
    cdef const real* x = data(a)
    cdef const real* t = data(b)
    cdef const real* factor = data(g)
    cdef real* y = data(result)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(a), i = 0, k, some
    with nogil:
        if not each:
            f(y, x, t, n, <real>p, <real>(share * factor[0]))
        while each and i < n:
            some = min(RUN, n - i)
            f(y + i, x + i, t + i, some, <real>p, <real>share)
            for k in range(i, i + some):
                y[k] = y[k] * factor[k]
            i += some
    return result
