"""One step of the LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al.
2000): its gates, forward and backward.

    pre = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, cut into four: the gates i f g o

    i, f, o = sigmoid(pre_i), sigmoid(pre_f), sigmoid(pre_o)        input, forget, output
    g       = tanh(pre_g)                                           the candidate
    c'      = f * c + i * g
    h'      = o * tanh(c')

    d_c'   += d_h' * o * (1 - tanh(c')**2)
    d_pre_i = d_c' * g * i * (1 - i)            d_pre_g = d_c' * i * (1 - g**2)
    d_pre_f = d_c' * c * f * (1 - f)            d_pre_o = d_h' * tanh(c') * o * (1 - o)
    d_c     = d_c' * f

Kept for backward, vector by vector: i f g o c tanh(c').
"""

from .gates cimport sigmoid, tanh
from .matmul cimport vectors
from .real cimport LANES, load, load_part, real, store, store_part, vec
from .recurrence cimport Step, StepBackward


cdef inline void lstm_forward(const Step* s) noexcept nogil:
    cdef Py_ssize_t row
    cdef Py_ssize_t units = s.units             # of one block: a panel of w_hh has no more
    cdef const real* pre
    cdef real* kept
    cdef vec i, f, g, o, c, c_next, tanh_c
    for row in range(s.rows):
        pre = s.pre + row * s.pre_row
        i, f = sigmoid(load(pre)), sigmoid(load(pre + LANES))
        g, o = tanh(load(pre + 2 * LANES)), sigmoid(load(pre + 3 * LANES))
        c = load_part(s.c + row * s.c_row, units)
        # c' = f * c + i * g;  h' = o * tanh(c')
        c_next = f * c + i * g
        tanh_c = tanh(c_next)
        store_part(s.c + row * s.c_row, c_next, units)
        store_part(s.h + row * s.h_row, o * tanh_c, units)
        if s.kept is not NULL:
            kept = s.kept + row * s.kept_row
            store(kept, i)
            store(kept + LANES, f)
            store(kept + 2 * LANES, g)
            store(kept + 3 * LANES, o)
            store(kept + 4 * LANES, c)
            store(kept + 5 * LANES, tanh_c)


cdef inline void lstm_backward(const StepBackward* s) noexcept nogil:
    cdef Py_ssize_t row, block, unit, left, H = s.units
    cdef const real* kept
    cdef real* d_pre
    cdef real* d_c_row
    cdef vec i, f, g, o, c, tanh_c, d_h, d_c
    for row in range(s.rows):
        kept = s.kept + row * s.kept_row
        d_pre = s.d_pre_x + row * s.d_pre_row
        d_c_row = s.d_c + row * s.d_c_row
        for block in range(vectors(H)):
            unit = block * LANES
            left = H - unit
            i, f = load(kept), load(kept + LANES)
            g, o = load(kept + 2 * LANES), load(kept + 3 * LANES)
            c, tanh_c = load(kept + 4 * LANES), load(kept + 5 * LANES)
            kept += 6 * LANES
            d_h = load_part(s.d_h + row * s.d_h_row + unit, left)
            # d_c' += d_h' * o * (1 - tanh_c**2);  d_c = d_c' * f
            d_c = load_part(d_c_row + unit, left) + d_h * o * (<real>1 - tanh_c * tanh_c)
            store_part(d_c_row + unit, d_c * f, left)
            # d_pre = the four, one after the other
            store_part(d_pre + unit, d_c * g * i * (<real>1 - i), left)
            store_part(d_pre + H + unit, d_c * c * f * (<real>1 - f), left)
            store_part(d_pre + 2 * H + unit, d_c * i * (<real>1 - g * g), left)
            store_part(d_pre + 3 * H + unit, d_h * tanh_c * o * (<real>1 - o), left)
            if s.h_inner is not NULL:
                store_part(s.h_inner + row * s.h_inner_row + unit, o * tanh_c, left)
