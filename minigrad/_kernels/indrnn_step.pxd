"""One step of IndRNN (Li et al. 2018), in which a unit sees of the last state only its own value.

    h' = act(pre),    pre = x @ w_ih.T + b_ih + u * h,    act = relu or tanh

    d_pre = d_h' * act'(pre)          d_h = d_pre * u          d_u = sum of d_pre * h

The activation and its gradient are those of rnn_step.pxd. There is no matrix product to wait for:
the time is that of reading and writing memory.
"""

from .gates cimport relu, tanh
from .real cimport LANES, load, load_part, real, store_part, vec
from .recurrence cimport Step, StepBackward
from .rnn_step cimport rnn_relu_backward, rnn_tanh_backward


cdef inline vec pre_activation(
    const Step* s, Py_ssize_t row, Py_ssize_t unit
) noexcept nogil:
    # pre + u * h_prev
    cdef Py_ssize_t left = s.units - unit
    cdef vec h = load_part(s.h_prev + row * s.h_prev_row + unit, left)
    return load(s.pre + row * s.pre_row + unit) + load_part(s.u + unit, left) * h


cdef inline void indrnn_tanh_forward(const Step* s) noexcept nogil:
    # h = np.tanh(pre + u * h_prev)
    cdef Py_ssize_t row, block, unit
    for row in range(s.rows):
        for block in range(s.blocks):
            unit = block * LANES
            store_part(
                s.h + row * s.h_row + unit, tanh(pre_activation(s, row, unit)), s.units - unit
            )


cdef inline void indrnn_relu_forward(const Step* s) noexcept nogil:
    # h = np.maximum(pre + u * h_prev, 0)
    cdef Py_ssize_t row, block, unit
    for row in range(s.rows):
        for block in range(s.blocks):
            unit = block * LANES
            store_part(
                s.h + row * s.h_row + unit, relu(pre_activation(s, row, unit)), s.units - unit
            )


cdef inline void scale_by_u(const StepBackward* s) noexcept nogil:
    # d_h = d_pre * u
    cdef Py_ssize_t row, i
    cdef const real* u = s.u
    cdef const real* d_pre
    cdef real* d_h
    for row in range(s.rows):
        d_h, d_pre = s.d_h + row * s.d_h_row, s.d_pre_x + row * s.d_pre_row
        for i in range(s.units):
            d_h[i] = d_pre[i] * u[i]


cdef inline void indrnn_tanh_backward(const StepBackward* s) noexcept nogil:
    rnn_tanh_backward(s)
    scale_by_u(s)


cdef inline void indrnn_relu_backward(const StepBackward* s) noexcept nogil:
    rnn_relu_backward(s)
    scale_by_u(s)
