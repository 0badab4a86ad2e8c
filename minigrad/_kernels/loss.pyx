"""Cross entropy between logits and class indices, forward and backward.

    N samples, C classes, y = target[n] the class of sample n, w the class weights (ones if None),
    e the label smoothing; d_y is the gradient of the loss with respect to y

    log_prob[n]  = log_softmax(logits[n]) = logits[n] - max - log(sum(exp(logits[n] - max)))
    q[n, c]      = (1 - e) * w[y] * (c == y) + e / C * w[c]          how much class c counts
    loss[n]      = -sum_c q[n, c] * log_prob[n, c]                   0 where y == ignore_index
    total_weight = sum_n w[target[n]]                                over samples not ignored

    reduction    NONE: loss;  MEAN: loss.sum() / total_weight;  SUM: loss.sum()

    d_logits[n]  = d_loss[n] * (softmax(logits[n]) * sum_c q[n, c] - q[n])
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

cimport numpy as cnp

from .arrays cimport (
    REAL_TYPENUM,
    check_1d,
    check_ndim,
    data,
    empty_1d,
    empty_2d,
    ordered,
    shape_of,
)
from .gates cimport exp
from .real cimport real
from .row cimport log_softmax_row

cdef extern from "interrupt.h":
    ctypedef struct watch:
        pass
    void begin_watch(watch* w) noexcept
    int end_watch(watch* w) except -1       # what a signal handler raised meanwhile
    bint interrupted(double products) nogil

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
    logits, target, weight = ordered(logits), ordered(target), ordered(weight)
    check_reduction(reduction)
    check_ndim("logits", logits, 2, "(N, C)")
    cdef Py_ssize_t N = logits.shape[0], C = logits.shape[1]
    check_target(target, N)
    if weight is not None:
        check_1d("weight", weight, C)
    check_classes(target, N, C, ignore_index)

    cdef cnp.ndarray log_prob = empty_2d(N, C)
    cdef cnp.ndarray loss
    if reduction == REDUCE_NONE:
        loss = empty_1d(N)
    else:
        loss = cnp.PyArray_EMPTY(0, NULL, REAL_TYPENUM, 0)
    cdef const real* in_logits = data(logits)
    cdef const real* w = data(weight)
    cdef const int64_t* y = <const int64_t*>cnp.PyArray_DATA(target)
    cdef real* row = data(log_prob)
    cdef real* out = data(loss)
    cdef double smooth = label_smoothing / C if C > 0 else 0
    cdef double w_y, sample, everything, total_loss = 0, total_weight = 0
    cdef Py_ssize_t n, c
    cdef int64_t label
    cdef watch watching
    begin_watch(&watching)
    with nogil:
        log_softmax(row, in_logits, N, C)
        for n in range(N):
            if stops_at(n, C if smooth != 0 else 1):
                break
            sample = 0
            label = y[n]
            if counts(label, C, ignore_index):
                w_y = w[label] if w is not NULL else 1
                total_weight += w_y
                # sample = -(q[n] * log_prob[n]).sum()
                sample = -(1 - label_smoothing) * w_y * row[label]
                if smooth != 0:
                    everything = 0
                    for c in range(C):
                        everything += row[c] * (w[c] if w is not NULL else 1)
                    sample -= smooth * everything
            if reduction == REDUCE_NONE:
                out[n] = <real>sample
            total_loss += sample
            row += C
        if reduction == REDUCE_MEAN:
            # 0 / 0, a mean over nothing, also if smoothing leaves something of the other classes
            out[0] = <real>((total_loss if total_weight != 0 else 0) / total_weight)
        elif reduction == REDUCE_SUM:
            out[0] = <real>total_loss
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
    d_loss, log_prob, target = ordered(d_loss), ordered(log_prob), ordered(target)
    check_reduction(reduction)
    weight = ordered(weight)
    check_ndim("log_prob", log_prob, 2, "(N, C)")
    cdef Py_ssize_t N = log_prob.shape[0], C = log_prob.shape[1]
    check_target(target, N)
    if weight is not None:
        check_1d("weight", weight, C)
    check_classes(target, N, C, ignore_index)
    if reduction == REDUCE_NONE:
        check_1d("d_loss", d_loss, N)
    else:
        check_ndim("d_loss", d_loss, 0, "()")

    cdef cnp.ndarray d_logits = empty_2d(N, C)
    cdef const real* d_out = data(d_loss)
    cdef const real* w = data(weight)
    cdef const int64_t* y = <const int64_t*>cnp.PyArray_DATA(target)
    cdef const real* row = data(log_prob)
    cdef real* d_row = data(d_logits)
    cdef double smooth = label_smoothing / C if C > 0 else 0
    cdef double mass, all_weights = 0
    cdef real scale, share
    cdef Py_ssize_t n, c
    cdef int64_t label
    cdef bint stopped = False
    cdef watch watching
    begin_watch(&watching)
    with nogil:
        # all_weights = w.sum()
        if w is NULL:
            all_weights = C
        elif smooth != 0:
            for c in range(C):
                all_weights += w[c]
        for n in range(N):
            # (a break instead would keep the compiler from making vectors of the exp below)
            stopped = stopped or stops_at(n, C)
            label = y[n]
            if stopped or not counts(label, C, ignore_index):
                memset(d_row, 0, C * sizeof(real))
            else:
                # d_logits[n] = d_loss[n] * (np.exp(log_prob[n]) * q[n].sum() - q[n])
                mass = (1 - label_smoothing) * (w[label] if w is not NULL else 1)
                scale = d_out[n] if reduction == REDUCE_NONE else d_out[0]
                if reduction == REDUCE_MEAN:
                    scale = <real>(scale / total_weight)
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
    end_watch(&watching)
    return d_logits
