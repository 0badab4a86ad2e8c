"""One optimizer step on one parameter, in place.

Elementwise, and in the order of operations that the update rules are usually written in (and that
PyTorch follows), so that float32 results agree to a rounding. Factors that do not depend on the
element, such as bias corrections, are computed in double and rounded once.
"""

from libc.math cimport pow, sqrt

cimport numpy as cnp

from .arrays cimport PyArray_ISCARRAY, complain, data, is_plain, shape_of
from .real cimport real, real_sqrt

cnp.import_array()

cdef enum:
    BLOCK = 1024        # elements that pass through all loops of an optimizer while in the cache


cdef inline int check_like(str name, cnp.ndarray a, cnp.ndarray param, bint written) except -1:
    """`a` has the dtype and shape of `param` (which is checked first, against itself)."""
    cdef int axis, ndim = cnp.PyArray_NDIM(param)
    cdef bint same = is_plain(a, ndim) and (PyArray_ISCARRAY(a) or not written)
    for axis in range(ndim):
        same = same and a.shape[axis] == param.shape[axis]
    if not same:
        complain(name, a, f"{shape_of(param)}", written)
    return 0


cdef inline real decayed(real g, real p, real weight_decay) noexcept nogil:
    # g + weight_decay * p; without decay g alone, so that an infinite p stays out of it
    return g + weight_decay * p if weight_decay != 0 else g


cdef void sgd(
    real* p, const real* grad, real* buf,           # IN OUT (n,); buf may be NULL: no momentum
    Py_ssize_t n, real lr, real momentum, real keep, real weight_decay, bint nesterov,
    real sign, bint first,
) noexcept nogil:
    # g = sign * grad + weight_decay * p
    # buf = g if first else momentum * buf + keep * g,   keep = 1 - dampening
    # p -= lr * (g + momentum * buf if nesterov else buf)
    cdef Py_ssize_t i
    cdef real g
    if buf is NULL:
        for i in range(n):
            g = decayed(sign * grad[i], p[i], weight_decay)
            p[i] = p[i] - lr * g
    elif first:
        for i in range(n):
            g = decayed(sign * grad[i], p[i], weight_decay)
            buf[i] = g
            p[i] = p[i] - lr * (g + momentum * g if nesterov else g)
    else:
        for i in range(n):
            g = decayed(sign * grad[i], p[i], weight_decay)
            buf[i] = momentum * buf[i] + keep * g
            p[i] = p[i] - lr * (g + momentum * buf[i] if nesterov else buf[i])


def sgd_step(
    cnp.ndarray param not None,         # IN OUT
    cnp.ndarray grad not None,          # IN  like param
    cnp.ndarray momentum_buffer,        # IN OUT like param, or None: no momentum
    double lr,
    double momentum,
    double dampening,
    double weight_decay,
    bint nesterov,
    bint maximize,
    bint first,                         # the buffer holds nothing yet
):
    """Stochastic gradient descent: change `param` and `momentum_buffer` in place."""
    check_like("param", param, param, True)
    check_like("grad", grad, param, False)
    if momentum_buffer is not None:
        check_like("momentum_buffer", momentum_buffer, param, True)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(param)
    cdef real* p = data(param)
    cdef const real* g = data(grad)
    cdef real* buf = data(momentum_buffer)
    with nogil:
        sgd(
            p, g, buf, n, <real>lr, <real>momentum, <real>(1 - dampening), <real>weight_decay,
            nesterov, -1 if maximize else 1, first,
        )


cdef void adam_averages(
    real* m, real* v,                               # IN OUT (n,) means of g and of g * g
    const real* p, const real* grad,                # IN  (n,)
    Py_ssize_t n, real one_minus_beta1, real beta2, real one_minus_beta2, real weight_decay,
    real sign,
) noexcept nogil:
    # g = sign * grad + weight_decay * p
    # m += (1 - beta1) * (g - m)
    # v = beta2 * v + (1 - beta2) * g * g
    cdef Py_ssize_t i
    cdef real g
    for i in range(n):
        g = decayed(sign * grad[i], p[i], weight_decay)
        m[i] = m[i] + one_minus_beta1 * (g - m[i])
        v[i] = beta2 * v[i] + one_minus_beta2 * g * g


cdef void keep_maximum(real* top, const real* v, Py_ssize_t n) noexcept nogil:
    # top[:] = np.maximum(top, v)
    cdef Py_ssize_t i
    for i in range(n):
        top[i] = top[i] if top[i] > v[i] else v[i]


cdef void adam_update(
    real* p,                                        # IN OUT (n,)
    const real* m, const real* v,                   # IN  (n,)
    Py_ssize_t n, real step_size, real correction, real eps, real shrink,
) noexcept nogil:
    # p = shrink * p - step_size * m / (np.sqrt(v) / correction + eps)
    cdef Py_ssize_t i
    for i in range(n):
        p[i] = shrink * p[i] - step_size * m[i] / (real_sqrt(v[i]) / correction + eps)


def adam_step(
    cnp.ndarray param not None,         # IN OUT
    cnp.ndarray grad not None,          # IN  like param
    cnp.ndarray exp_avg not None,       # IN OUT like param
    cnp.ndarray exp_avg_sq not None,    # IN OUT like param
    cnp.ndarray max_exp_avg_sq,         # IN OUT like param; None unless amsgrad
    double step,                        # number of this step, from 1
    double lr,
    double beta1,
    double beta2,
    double eps,
    double weight_decay,
    bint amsgrad,
    bint maximize,
    bint decoupled,                     # AdamW: decay the parameter itself, not through g
):
    """Adam, or AdamW if `decoupled`: change `param` and the averages in place.

    Kingma & Ba 2015, arXiv 1412.6980; Loshchilov & Hutter 2019, arXiv 1711.05101.
    """
    check_like("param", param, param, True)
    check_like("grad", grad, param, False)
    check_like("exp_avg", exp_avg, param, True)
    check_like("exp_avg_sq", exp_avg_sq, param, True)
    if amsgrad:
        if max_exp_avg_sq is None:
            raise ValueError("max_exp_avg_sq: amsgrad needs this array, got None")
        check_like("max_exp_avg_sq", max_exp_avg_sq, param, True)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(param)
    cdef real* p = data(param)
    cdef const real* g = data(grad)
    cdef real* m = data(exp_avg)
    cdef real* v = data(exp_avg_sq)
    cdef real* v_max = data(max_exp_avg_sq) if amsgrad else NULL
    cdef real step_size = <real>(lr / (1 - pow(beta1, step)))
    cdef real correction = <real>sqrt(1 - pow(beta2, step))
    cdef real shrink = <real>(1 - lr * weight_decay if decoupled else 1)
    cdef real decay = <real>(0 if decoupled else weight_decay)
    cdef real sign = -1 if maximize else 1
    cdef Py_ssize_t i = 0, block
    with nogil:
        while i < n:
            block = min(n - i, <Py_ssize_t>BLOCK)
            adam_averages(
                m + i, v + i, p + i, g + i, block, <real>(1 - beta1), <real>beta2,
                <real>(1 - beta2), decay, sign,
            )
            if amsgrad:
                keep_maximum(v_max + i, v + i, block)
            adam_update(
                p + i, m + i, (v_max if amsgrad else v) + i, block, step_size, correction,
                <real>eps, shrink,
            )
            i += block
