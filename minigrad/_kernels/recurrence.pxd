"""What tells one recurrence from another.

The loop over time (forward.pxd, backward.pxd) is the same for all recurrences. A recurrence adds
a row of the table in recurrent.pyx, a `Recurrence`, with two functions: its gates, forward and
backward. Each has a file of its own: rnn_step.pxd, lstm_step.pxd, gru_step.pxd, janet_step.pxd,
indrnn_step.pxd, mgu_step.pxd.

Units stand in blocks of LANES, one vector of each gate: a block of LSTM units is the four vectors
i f g o. The last block is filled up; the lanes that are no units hold harmless numbers in scratch
memory, and are never written to an array of the caller.
"""

from .real cimport real


cdef struct Step:
    # Some rows and some blocks of units of one step, forward.
    Py_ssize_t rows, blocks
    Py_ssize_t units            # that exist in these blocks
    const real* pre             # IN  (rows, blocks, gates, LANES) pre-activations
    const real* x_part          # IN  the same, if `apart`: then `pre` has only h_prev's part
    const real* h_prev          # IN  (rows, units)
    const real* u               # IN  (units,) of IndRNN: the weights of h_prev
    real* c                     # IN  (rows, units) the cell state, OUT the next one
    real* h                     # OUT (rows, units) the next state
    real* kept                  # OUT (rows, blocks, kept, LANES) for backward, or NULL
    Py_ssize_t pre_row, x_row, h_prev_row, c_row, h_row, kept_row   # from one row to the next


cdef struct StepBackward:
    # Some rows and all units of one step, backward.
    Py_ssize_t rows, units
    # d_h goes in as the gradient of the next state; if `direct`, it comes out as what of that
    # reaches h_prev beside the gates.
    real* d_h                   # IN OUT (rows, units)
    real* d_c                   # IN  (rows, units) gradient of the next cell state, OUT of this one
    real* d_pre_x               # OUT (rows, gates, units) gradient of the part of x
    real* d_pre_h               # OUT of the part of h_prev: the same memory, unless `apart`
    real* h_inner               # OUT (rows, units) h before its projection, or NULL
    const real* h_prev          # IN  (rows, units)
    const real* h               # IN  (rows, units) the next state
    const real* u               # IN  (units,)
    const real* kept            # IN  (rows, blocks, kept, LANES)
    Py_ssize_t d_h_row, d_c_row, d_pre_row, h_inner_row, h_prev_row, h_row, kept_row


ctypedef void (*forward_function)(const Step* s) noexcept nogil
ctypedef void (*backward_function)(const StepBackward* s) noexcept nogil


cdef struct Recurrence:
    int gates                   # blocks of rows in w_ih
    int kept                    # vectors kept for backward, a block of units
    bint matrix                 # h_prev enters through a matrix w_hh, else through a vector u
    bint apart                  # the gates need the parts of x and of h_prev one by one
    bint direct                 # h_prev reaches the next state also beside the gates' matrix
    bint cell                   # there is a cell state
    forward_function forward
    backward_function backward
