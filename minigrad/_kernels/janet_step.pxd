"""One step of JANET (van der Westhuizen and Lasenby 2018), an LSTM with nothing but the forget
gate: its gates, forward and backward.

    pre = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, cut into two: s and the candidate's

    f  = sigmoid(s)                                                 forget
    i  = 1 - sigmoid(s - 1) = sigmoid(1 - s)                        what enters instead
    g  = tanh(pre_g)                                                the candidate
    h' = f * h + i * g

    d_s     = d_h' * (h * f * (1 - f) - g * i * (1 - i))
    d_pre_g = d_h' * i * (1 - g**2)

h also reaches h' directly: d_h = d_h' * f + d_pre @ w_hh. Kept for backward: f i g.
"""

from .gates cimport sigmoid, tanh
from .matmul cimport vectors
from .real cimport LANES, load, load_part, real, store, store_part, vec
from .recurrence cimport Step, StepBackward


cdef inline void janet_forward(const Step* s) noexcept nogil:
    cdef Py_ssize_t row, block, unit, left
    cdef const real* pre
    cdef real* kept
    cdef vec forget, f, i, g, h
    for row in range(s.rows):
        for block in range(s.blocks):
            unit = block * LANES
            left = s.units - unit
            pre = s.pre + row * s.pre_row + 2 * unit
            forget = load(pre)
            f, i, g = sigmoid(forget), sigmoid(<real>1 - forget), tanh(load(pre + LANES))
            # h' = f * h + i * g
            h = load_part(s.h_prev + row * s.h_prev_row + unit, left)
            store_part(s.h + row * s.h_row + unit, f * h + i * g, left)
            if s.kept is not NULL:
                kept = s.kept + row * s.kept_row + 3 * unit
                store(kept, f)
                store(kept + LANES, i)
                store(kept + 2 * LANES, g)


cdef inline void janet_backward(const StepBackward* s) noexcept nogil:
    cdef Py_ssize_t row, block, unit, left, H = s.units
    cdef const real* kept
    cdef real* d_pre
    cdef real* d_h_row
    cdef vec f, i, g, h, d_h
    for row in range(s.rows):
        kept = s.kept + row * s.kept_row
        d_pre = s.d_pre_x + row * s.d_pre_row
        d_h_row = s.d_h + row * s.d_h_row
        for block in range(vectors(H)):
            unit = block * LANES
            left = H - unit
            f, i, g = load(kept), load(kept + LANES), load(kept + 2 * LANES)
            kept += 3 * LANES
            h = load_part(s.h_prev + row * s.h_prev_row + unit, left)
            d_h = load_part(d_h_row + unit, left)
            store_part(
                d_pre + unit, d_h * (h * f * (<real>1 - f) - g * i * (<real>1 - i)), left
            )
            store_part(d_pre + H + unit, d_h * i * (<real>1 - g * g), left)
            # d_h = d_h' * f
            store_part(d_h_row + unit, d_h * f, left)
