"""One step of the simple recurrence: its one gate, forward and backward.

    h' = act(pre),    pre = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh,    act = tanh or relu

    d_pre = d_h' * act'(pre)

with act' told from h': tanh' = 1 - h' * h', relu' = 1 where h' > 0, else 0.
"""

from .gates cimport relu, tanh
from .real cimport LANES, load, real, store_part
from .recurrence cimport Step, StepBackward


cdef inline void rnn_tanh_forward(const Step* s) noexcept nogil:
    # h = np.tanh(pre)
    cdef Py_ssize_t row, block, unit
    for row in range(s.rows):
        for block in range(s.blocks):
            unit = block * LANES
            store_part(
                s.h + row * s.h_row + unit, tanh(load(s.pre + row * s.pre_row + unit)),
                s.units - unit,
            )


cdef inline void rnn_relu_forward(const Step* s) noexcept nogil:
    # h = np.maximum(pre, 0)
    cdef Py_ssize_t row, block, unit
    for row in range(s.rows):
        for block in range(s.blocks):
            unit = block * LANES
            store_part(
                s.h + row * s.h_row + unit, relu(load(s.pre + row * s.pre_row + unit)),
                s.units - unit,
            )


cdef inline void rnn_tanh_backward(const StepBackward* s) noexcept nogil:
    cdef Py_ssize_t row, i
    cdef const real* h
    cdef const real* d_h
    cdef real* d_pre
    for row in range(s.rows):
        h, d_h = s.h + row * s.h_row, s.d_h + row * s.d_h_row
        d_pre = s.d_pre_x + row * s.d_pre_row
        # d_pre = d_h * (1 - h * h)
        for i in range(s.units):
            d_pre[i] = d_h[i] * (<real>1 - h[i] * h[i])


cdef inline void rnn_relu_backward(const StepBackward* s) noexcept nogil:
    cdef Py_ssize_t row, i
    cdef const real* h
    cdef const real* d_h
    cdef real* d_pre
    for row in range(s.rows):
        h, d_h = s.h + row * s.h_row, s.d_h + row * s.d_h_row
        d_pre = s.d_pre_x + row * s.d_pre_row
        # d_pre = d_h * (h > 0)
        for i in range(s.units):
            d_pre[i] = 0 if h[i] <= 0 else d_h[i]
