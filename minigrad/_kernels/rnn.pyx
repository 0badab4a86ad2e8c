"""The simple recurrent network over a whole sequence, forward and backward.

    T time, N batch, I input size, H hidden size; d_y is the gradient of the loss with respect to y

    x (T, N, I), w_ih (H, I), w_hh (H, H), b_ih and b_hh (H,), hidden (T + 1, N, H)

    hidden[0]     = h_0
    hidden[t + 1] = act(x[t] @ w_ih.T + b_ih + hidden[t] @ w_hh.T + b_hh),   act = tanh or relu

and backwards, with `pre` the argument of act,

    d_pre[t]    = (d_hidden[t] + d_pre[t + 1] @ w_hh) * act'(pre[t])
    d_h_0       = d_pre[0] @ w_hh
    d_x         = d_pre @ w_ih
    d_w_ih      = sum_t d_pre[t].T @ x[t]
    d_w_hh      = sum_t d_pre[t].T @ hidden[t]
    d_bias      = sum_t,n d_pre[t, n]                          the same for b_ih and b_hh

with act' told from the output y: tanh' = 1 - y * y, relu' = 1 where y > 0, else 0. Only the
products with w_hh have to wait for the step before; all others are done for all steps at once.
"""

cimport numpy as cnp
from libc.string cimport memcpy, memset

from .arrays cimport (
    check_1d,
    check_2d,
    check_3d,
    check_ndim,
    data,
    empty_1d,
    empty_2d,
    empty_3d,
    ordered,
)
from .gates cimport relu as relu_of
from .gates cimport tanh
from .matmul cimport (
    PANEL_VECS,
    matmul,
    matmul_buffer,
    matmul_nt,
    matmul_packed,
    pack,
    packed_size,
)
from .real cimport real, scratch, scratch_free

cnp.import_array()

cdef enum:
    # Measured. With fewer rows in a call, packing the weights transposed costs more than it saves.
    PACK_ROWS = 5


cdef void activate(real* y, Py_ssize_t n, bint relu) noexcept nogil:
    # y[:] = np.maximum(y, 0) if relu else np.tanh(y)
    cdef Py_ssize_t i
    if relu:
        for i in range(n):
            y[i] = relu_of(y[i])
    else:
        for i in range(n):
            y[i] = tanh(y[i])


cdef void activate_backward(
    real* d_pre,                                    # OUT (n,)
    const real* d_y, const real* d_next,            # IN  (n,) from this step, from the next one
    const real* y,                                  # IN  (n,) what `activate` returned
    Py_ssize_t n, bint relu,
) noexcept nogil:
    # d_pre[:] = (d_y + d_next) * (y > 0 if relu else 1 - y * y)
    cdef Py_ssize_t i
    cdef real d
    if relu:
        for i in range(n):
            d = d_y[i] + d_next[i]
            d_pre[i] = 0 if y[i] <= 0 else d
    else:
        for i in range(n):
            d_pre[i] = (d_y[i] + d_next[i]) * (<real>1 - y[i] * y[i])


cdef void sequence(
    real* hidden,                   # IN  hidden[0], and x @ w_ih.T + bias in hidden[1:]
                                    # OUT hidden[1:]
    const real* w_hh,               # IN  (H, H)
    real* packed,                   # scratch for w_hh packed, or NULL to use it as it is
    Py_ssize_t T, Py_ssize_t N, Py_ssize_t H, bint relu,
) noexcept nogil:
    cdef Py_ssize_t t
    cdef real* h
    cdef real* h_next
    if packed is not NULL:
        pack(packed, w_hh, 1, H, H, H, 1, PANEL_VECS)           # w_hh.T
    for t in range(T):
        h = hidden + t * N * H
        h_next = h + N * H
        # hidden[t + 1] += hidden[t] @ w_hh.T
        if packed is not NULL:
            matmul_packed(h_next, H, h_next, H, h, H, 1, packed, PANEL_VECS, N, H, H)
        else:
            matmul_nt(h_next, h_next, H, h, w_hh, N, H, H)
        # hidden[t + 1] = act(hidden[t + 1])
        activate(h_next, N * H, relu)


cdef void sequence_backward(
    real* d_pre,                    # OUT (T, N, H)
    real* d_h,                      # OUT (N, H) gradient of h_0, if needed; scratch before that
    const real* d_hidden,           # IN  (T, N, H) gradient of hidden[1:]
    const real* hidden,             # IN  (T + 1, N, H)
    const real* w_hh,               # IN  (H, H)
    real* packed,                   # scratch for w_hh packed
    Py_ssize_t T, Py_ssize_t N, Py_ssize_t H, bint relu, bint need_h0,
) noexcept nogil:
    cdef Py_ssize_t t, step = N * H
    pack(packed, w_hh, H, 1, H, H, 1, PANEL_VECS)
    memset(d_h, 0, step * sizeof(real))
    for t in reversed(range(T)):
        # d_pre[t] = (d_hidden[t] + d_h) * act'(pre[t])
        activate_backward(
            d_pre + t * step, d_hidden + t * step, d_h, hidden + (t + 1) * step, step, relu
        )
        if t == 0 and not need_h0:
            break
        # d_h = d_pre[t] @ w_hh
        matmul_packed(d_h, H, NULL, 0, d_pre + t * step, H, 1, packed, PANEL_VECS, N, H, H)


cdef void add_to(real* total, const real* a, Py_ssize_t n) noexcept nogil:
    # total += a
    cdef Py_ssize_t i
    for i in range(n):
        total[i] = total[i] + a[i]


cdef void sum_rows(
    real* total,                                    # OUT (cols,)
    const real* a,                                  # IN  (rows, cols)
    Py_ssize_t rows, Py_ssize_t cols,
) noexcept nogil:
    # total[:] = a.sum(axis=0)
    cdef Py_ssize_t row
    memset(total, 0, cols * sizeof(real))
    for row in range(rows):
        add_to(total, a + row * cols, cols)


def forward(
    cnp.ndarray x not None,         # IN  (T, N, I)
    cnp.ndarray h_0,                # IN  (N, H) or None: zeros
    cnp.ndarray w_ih not None,      # IN  (H, I)
    cnp.ndarray w_hh not None,      # IN  (H, H)
    cnp.ndarray b_ih,               # IN  (H,) or None: no bias
    cnp.ndarray b_hh,               # IN  (H,) or None: no bias
    bint relu,                      # IN  act is relu, else tanh
):
    """Return hidden (T + 1, N, H): the initial state and the state after each step."""
    x, h_0, b_ih, b_hh = ordered(x), ordered(h_0), ordered(b_ih), ordered(b_hh)
    w_ih, w_hh = ordered(w_ih), ordered(w_hh)
    check_ndim("x", x, 3, "(T, N, I)")
    check_ndim("w_hh", w_hh, 2, "(H, H)")
    cdef Py_ssize_t T = x.shape[0], N = x.shape[1], I = x.shape[2], H = w_hh.shape[0]  # no-cython-lint
    check_2d("w_hh", w_hh, H, H)
    check_2d("w_ih", w_ih, H, I)
    if h_0 is not None:
        check_2d("h_0", h_0, N, H)
    if b_ih is not None:
        check_1d("b_ih", b_ih, H)
    if b_hh is not None:
        check_1d("b_hh", b_hh, H)

    cdef cnp.ndarray hidden = empty_3d(T + 1, N, H)
    cdef Py_ssize_t rows = T * N
    cdef const real* inputs = data(x)
    cdef const real* input_weights = data(w_ih)
    cdef const real* hidden_weights = data(w_hh)
    cdef const real* start = data(h_0)
    cdef const real* input_bias = data(b_ih)
    cdef const real* hidden_bias = data(b_hh)
    cdef real* state = data(hidden)
    cdef real* next_states = state + N * H          # hidden[1:]
    cdef bint packs = rows >= PACK_ROWS
    cdef Py_ssize_t packed_length = 0
    if packs:
        packed_length = max(packed_size(H, H, 1), matmul_buffer(I, H))
    cdef real* packed = scratch(packed_length + H)
    if packed is NULL:
        raise MemoryError
    cdef real* bias = packed + packed_length        # (H,)
    with nogil:
        # hidden[0] = h_0
        if start is NULL:
            memset(state, 0, N * H * sizeof(real))
        else:
            memcpy(state, start, N * H * sizeof(real))
        # bias = b_ih + b_hh
        memset(bias, 0, H * sizeof(real))
        if input_bias is not NULL:
            add_to(bias, input_bias, H)
        if hidden_bias is not NULL:
            add_to(bias, hidden_bias, H)
        # hidden[1:] = x @ w_ih.T + bias
        if packs:
            matmul(
                next_states, bias, 0, inputs, I, 1, input_weights, 1, I, packed, rows, I, H
            )
        else:
            matmul_nt(next_states, bias, 0, inputs, input_weights, rows, I, H)
        sequence(state, hidden_weights, packed if packs else NULL, T, N, H, relu)
        scratch_free(packed)
    return hidden


def backward(
    cnp.ndarray d_hidden not None,  # IN  (T, N, H) gradient of hidden[1:]
    cnp.ndarray x not None,         # IN  (T, N, I)
    cnp.ndarray hidden not None,    # IN  (T + 1, N, H) from forward
    cnp.ndarray w_ih not None,      # IN  (H, I)
    cnp.ndarray w_hh not None,      # IN  (H, H)
    bint relu,                      # IN  act is relu, else tanh
    bint need_x,
    bint need_h0,
    bint need_weights,
    bint need_bias,
):
    """Return (d_x, d_h_0, d_w_ih, d_w_hh, d_bias); what is not needed is None."""
    d_hidden, x, hidden = ordered(d_hidden), ordered(x), ordered(hidden)
    w_ih, w_hh = ordered(w_ih), ordered(w_hh)
    check_ndim("x", x, 3, "(T, N, I)")
    check_ndim("w_hh", w_hh, 2, "(H, H)")
    cdef Py_ssize_t T = x.shape[0], N = x.shape[1], I = x.shape[2], H = w_hh.shape[0]  # no-cython-lint
    check_2d("w_hh", w_hh, H, H)
    check_2d("w_ih", w_ih, H, I)
    check_3d("hidden", hidden, T + 1, N, H)
    check_3d("d_hidden", d_hidden, T, N, H)

    cdef cnp.ndarray d_x = empty_3d(T, N, I) if need_x else None
    cdef cnp.ndarray d_h_0 = empty_2d(N, H) if need_h0 else None
    cdef cnp.ndarray d_w_ih = empty_2d(H, I) if need_weights else None
    cdef cnp.ndarray d_w_hh = empty_2d(H, H) if need_weights else None
    cdef cnp.ndarray d_bias = empty_1d(H) if need_bias else None
    cdef Py_ssize_t rows = T * N
    cdef const real* d_states = data(d_hidden)
    cdef const real* inputs = data(x)
    cdef const real* states = data(hidden)
    cdef const real* input_weights = data(w_ih)
    cdef const real* hidden_weights = data(w_hh)
    cdef real* d_inputs = data(d_x)
    cdef real* d_input_weights = data(d_w_ih)
    cdef real* d_hidden_weights = data(d_w_hh)
    cdef real* d_biases = data(d_bias)
    cdef Py_ssize_t packed_length = max(
        packed_size(H, H, 1),
        matmul_buffer(H, I),                            # for d_x
        matmul_buffer(rows, max(I, H)),                 # for d_w_ih, d_w_hh
    )
    cdef real* packed = scratch(packed_length + (rows + N) * H)
    if packed is NULL:
        raise MemoryError
    cdef real* d_pre = packed + packed_length                           # (T, N, H)
    cdef real* d_h = data(d_h_0) if need_h0 else d_pre + rows * H       # (N, H)
    with nogil:
        sequence_backward(
            d_pre, d_h, d_states, states, hidden_weights, packed, T, N, H, relu, need_h0
        )
        # d_x = d_pre @ w_ih
        if need_x:
            matmul(d_inputs, NULL, 0, d_pre, H, 1, input_weights, I, 1, packed, rows, H, I)
        # d_w_ih = d_pre.T @ x;  d_w_hh = d_pre.T @ hidden[:-1]
        if need_weights:
            matmul(d_input_weights, NULL, 0, d_pre, 1, H, inputs, I, 1, packed, H, rows, I)
            matmul(d_hidden_weights, NULL, 0, d_pre, 1, H, states, H, 1, packed, H, rows, H)
        # d_bias = d_pre.sum(axis=(0, 1))
        if need_bias:
            sum_rows(d_biases, d_pre, rows, H)
        scratch_free(packed)
    return d_x, d_h_0, d_w_ih, d_w_hh, d_bias
