"""One step of the minimal gated unit (Zhou et al. 2016), with the gate applied after the product
with w_hn: its gates, forward and backward.

    pre_x = x @ w_ih.T + b_ih  and  pre_h = h @ w_hh.T + b_hh, each cut into two: f n

    f    = sigmoid(pre_x + pre_h)                                   forget
    n    = tanh(pre_x + f * pre_h)                                  the candidate
    h'   = (1 - f) * h + f * n

    d_pre_n = d_h' * f * (1 - n**2)
    d_pre_f = (d_h' * (n - h) + d_pre_n * pre_h_n) * f * (1 - f)

These are the gradients of pre_x. Those of pre_h are the same, save d_pre_n * f for the second. h
also reaches h' directly: d_h = d_h' * (1 - f) + d_pre_h @ w_hh.

Kept for backward, vector by vector: f n pre_h_n.
"""

from .gates cimport sigmoid, tanh
from .matmul cimport vectors
from .real cimport LANES, load, load_part, real, store, store_part, vec
from .recurrence cimport Step, StepBackward


cdef inline void mgu_forward(const Step* s) noexcept nogil:
    cdef Py_ssize_t row, block, unit, left
    cdef const real* pre_x
    cdef const real* pre_h
    cdef real* kept
    cdef vec f, n, h, pre_h_n
    for row in range(s.rows):
        for block in range(s.blocks):
            unit = block * LANES
            left = s.units - unit
            pre_x = s.x_part + row * s.x_row + 2 * unit
            pre_h = s.pre + row * s.pre_row + 2 * unit
            f = sigmoid(load(pre_x) + load(pre_h))
            pre_h_n = load(pre_h + LANES)
            n = tanh(load(pre_x + LANES) + f * pre_h_n)
            # h' = (1 - f) * h + f * n
            h = load_part(s.h_prev + row * s.h_prev_row + unit, left)
            store_part(s.h + row * s.h_row + unit, (<real>1 - f) * h + f * n, left)
            if s.kept is not NULL:
                kept = s.kept + row * s.kept_row + 3 * unit
                store(kept, f)
                store(kept + LANES, n)
                store(kept + 2 * LANES, pre_h_n)


cdef inline void mgu_backward(const StepBackward* s) noexcept nogil:
    cdef Py_ssize_t row, block, unit, left, H = s.units
    cdef const real* kept
    cdef real* d_pre_x
    cdef real* d_pre_h
    cdef real* d_h_row
    cdef vec f, n, pre_h_n, h, d_h, d_f, d_n
    for row in range(s.rows):
        kept = s.kept + row * s.kept_row
        d_pre_x = s.d_pre_x + row * s.d_pre_row
        d_pre_h = s.d_pre_h + row * s.d_pre_row
        d_h_row = s.d_h + row * s.d_h_row
        for block in range(vectors(H)):
            unit = block * LANES
            left = H - unit
            f, n, pre_h_n = load(kept), load(kept + LANES), load(kept + 2 * LANES)
            kept += 3 * LANES
            h = load_part(s.h_prev + row * s.h_prev_row + unit, left)
            d_h = load_part(d_h_row + unit, left)
            d_n = d_h * f * (<real>1 - n * n)
            d_f = (d_h * (n - h) + d_n * pre_h_n) * f * (<real>1 - f)
            store_part(d_pre_x + unit, d_f, left)
            store_part(d_pre_x + H + unit, d_n, left)
            store_part(d_pre_h + unit, d_f, left)
            store_part(d_pre_h + H + unit, d_n * f, left)
            # d_h = d_h' * (1 - f)
            store_part(d_h_row + unit, d_h * (<real>1 - f), left)
