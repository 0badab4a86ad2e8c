"""One step of the GRU (Cho et al. 2014), with the reset gate applied after the product with w_hn:
its gates, forward and backward.

    pre_x = x @ w_ih.T + b_ih  and  pre_h = h @ w_hh.T + b_hh, each cut into three: r z n

    r, z = sigmoid(pre_x + pre_h)                                   reset, update
    n    = tanh(pre_x + r * pre_h)                                  the candidate
    h'   = (1 - z) * n + z * h

    d_pre_n = d_h' * (1 - z) * (1 - n**2)
    d_pre_z = d_h' * (h - n) * z * (1 - z)
    d_pre_r = d_pre_n * pre_h_n * r * (1 - r)

These are the gradients of pre_x. Those of pre_h are the same, save d_pre_n * r for the third. h
also reaches h' directly: d_h = d_h' * z + d_pre_h @ w_hh.

Kept for backward, vector by vector: r z n pre_h_n.
"""

from .gates cimport sigmoid, tanh
from .matmul cimport vectors
from .real cimport LANES, load, load_part, real, store, store_part, vec
from .recurrence cimport Step, StepBackward


cdef inline void gru_forward(const Step* s) noexcept nogil:
    cdef Py_ssize_t row
    cdef Py_ssize_t units = s.units             # of one block: a panel of w_hh has no more
    cdef const real* pre_x
    cdef const real* pre_h
    cdef real* kept
    cdef vec r, z, n, h, pre_h_n
    for row in range(s.rows):
        pre_x, pre_h = s.x_part + row * s.x_row, s.pre + row * s.pre_row
        r = sigmoid(load(pre_x) + load(pre_h))
        z = sigmoid(load(pre_x + LANES) + load(pre_h + LANES))
        pre_h_n = load(pre_h + 2 * LANES)
        n = tanh(load(pre_x + 2 * LANES) + r * pre_h_n)
        # h' = (1 - z) * n + z * h
        h = load_part(s.h_prev + row * s.h_prev_row, units)
        store_part(s.h + row * s.h_row, (<real>1 - z) * n + z * h, units)
        if s.kept is not NULL:
            kept = s.kept + row * s.kept_row
            store(kept, r)
            store(kept + LANES, z)
            store(kept + 2 * LANES, n)
            store(kept + 3 * LANES, pre_h_n)


cdef inline void gru_backward(const StepBackward* s) noexcept nogil:
    cdef Py_ssize_t row, block, unit, left, H = s.units
    cdef const real* kept
    cdef real* d_pre_x
    cdef real* d_pre_h
    cdef real* d_h_row
    cdef vec r, z, n, pre_h_n, h, d_h, d_r, d_z, d_n
    for row in range(s.rows):
        kept = s.kept + row * s.kept_row
        d_pre_x = s.d_pre_x + row * s.d_pre_row
        d_pre_h = s.d_pre_h + row * s.d_pre_row
        d_h_row = s.d_h + row * s.d_h_row
        for block in range(vectors(H)):
            unit = block * LANES
            left = H - unit
            r, z = load(kept), load(kept + LANES)
            n, pre_h_n = load(kept + 2 * LANES), load(kept + 3 * LANES)
            kept += 4 * LANES
            h = load_part(s.h_prev + row * s.h_prev_row + unit, left)
            d_h = load_part(d_h_row + unit, left)
            d_n = d_h * (<real>1 - z) * (<real>1 - n * n)
            d_z = d_h * (h - n) * z * (<real>1 - z)
            d_r = d_n * pre_h_n * r * (<real>1 - r)
            store_part(d_pre_x + unit, d_r, left)
            store_part(d_pre_x + H + unit, d_z, left)
            store_part(d_pre_x + 2 * H + unit, d_n, left)
            store_part(d_pre_h + unit, d_r, left)
            store_part(d_pre_h + H + unit, d_z, left)
            store_part(d_pre_h + 2 * H + unit, d_n * r, left)
            # d_h = d_h' * z
            store_part(d_h_row + unit, d_h * z, left)
