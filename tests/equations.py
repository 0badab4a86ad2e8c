"""The equations of all recurrences of minigrad, written once more in plain float64 NumPy, with
their derivatives by hand: what steps and kernels are compared with. (Without a kernel page the
derivatives may be left out: those of a step are compared with finite differences, too.)

    arXiv 1804.04849 (JANET), 1803.04831 (IndRNN), 1603.09420 (MGU, its gate after the product)
"""

import numpy as np
from recurrences import REGISTERED as RECORDS

GATES = {name: len(record.gates) for name, record in RECORDS.items()}
ARGUMENTS = ("x", "h_0", "c_0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr")


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def activation(name, pre):
    """Return act(pre) and act'(pre)."""
    if name.endswith("relu"):
        return np.maximum(pre, 0), np.where(pre > 0, 1.0, np.where(np.isnan(pre), np.nan, 0.0))
    return np.tanh(pre), 1 - np.tanh(pre) ** 2


def recurrent_step(name, pre_x, pre_h, h, c):
    """Return h', c' and the way back: d_h', d_c' -> d_pre_x, d_pre_h, direct part of d_h, d_c.

    The way back may be None.
    """
    if name == "lstm":
        i, f, g, o = np.split(pre_x + pre_h, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_next = f * c + i * g

        def back(d_h, d_c):
            d_c = d_c + d_h * o / np.cosh(c_next) ** 2
            d_i, d_f, d_g = d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_c * i * (1 - g**2)
            d_pre = np.hstack([d_i, d_f, d_g, d_h * np.tanh(c_next) * o * (1 - o)])
            return d_pre, d_pre, 0.0, d_c * f

        return o * np.tanh(c_next), c_next, back
    if name == "gru":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(pre_x, 3, 1), np.split(pre_h, 3, 1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)

        def back(d_h, d_c):
            d_n = d_h * (1 - z) * (1 - n**2)
            d_z, d_r = d_h * (h - n) * z * (1 - z), d_n * h_n * r * (1 - r)
            return np.hstack([d_r, d_z, d_n]), np.hstack([d_r, d_z, d_n * r]), d_h * z, d_c

        return (1 - z) * n + z * h, c, back
    if name == "janet":
        s, g = np.split(pre_x + pre_h, 2, axis=1)
        f, i, g = sigmoid(s), 1 - sigmoid(s - 1), np.tanh(g)

        def back(d_h, d_c):
            d_pre = np.hstack([d_h * (h * f * (1 - f) - g * i * (1 - i)), d_h * i * (1 - g**2)])
            return d_pre, d_pre, d_h * f, d_c

        return f * h + i * g, c, back
    if name == "mgu":
        (x_f, x_n), (h_f, h_n) = np.split(pre_x, 2, 1), np.split(pre_h, 2, 1)
        f = sigmoid(x_f + h_f)
        n = np.tanh(x_n + f * h_n)

        def back(d_h, d_c):
            d_n = d_h * f * (1 - n**2)
            d_f = (d_h * (n - h) + d_n * h_n) * f * (1 - f)
            return np.hstack([d_f, d_n]), np.hstack([d_f, d_n * f]), d_h * (1 - f), d_c

        return (1 - f) * h + f * n, c, back
    if name not in ("rnn_tanh", "rnn_relu", "indrnn_tanh", "indrnn_relu"):
        raise NotImplementedError(
            f"{name}: write its equations once more, in recurrent_step of tests/equations.py; else "
            "its step is compared with nothing"
        )
    h_next, slope = activation(name, pre_x + pre_h)
    return h_next, c, lambda d_h, d_c: (d_h * slope, d_h * slope, 0.0, d_c)


def recurrent(name, arguments, sizes, reverse):
    """Return output rows, h_n, c_n and their vjp, in float64; `sizes` has the rows of each step."""
    x, h_0, c_0, w_ih, w_hh, b_ih, b_hh, w_hr = (
        None if a is None else a.astype(np.float64) for a in arguments
    )
    takes_x_itself = w_ih is None
    if takes_x_itself:
        w_ih = np.eye(len(w_hh))
    x = x.reshape(sum(sizes), w_ih.shape[1])
    H = w_hh.shape[0] // GATES[name]
    S = H if w_hr is None else len(w_hr)
    N = next((len(a) for a in (h_0, c_0) if a is not None), sizes[0] if sizes else 0)
    vector, two = RECORDS[name].diagonal, len(RECORDS[name].states) == 2
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=int)])
    order = list(reversed(range(len(sizes)))) if reverse else list(range(len(sizes)))
    h = np.zeros((N, S)) if h_0 is None else h_0.copy()
    c = np.zeros((N, H)) if c_0 is None else c_0.copy()
    output, tape, back = np.zeros((len(x), S)), {}, True
    for t in order:
        n, rows = sizes[t], slice(starts[t], starts[t + 1])
        h_prev = h[:n].copy()
        pre_x = x[rows] @ w_ih.T + (0 if b_ih is None else b_ih)
        pre_h = h_prev * w_hh if vector else h_prev @ w_hh.T + (0 if b_hh is None else b_hh)
        inner, c[:n], back = recurrent_step(name, pre_x, pre_h, h_prev, c[:n].copy())
        h[:n] = output[rows] = inner if w_hr is None else inner @ w_hr.T
        tape[t] = h_prev, inner, back

    def vjp(d_output, d_h_n, d_c_n):
        d_h = np.zeros((N, S)) if d_h_n is None else d_h_n.astype(np.float64)
        d_c = np.zeros((N, H)) if d_c_n is None else d_c_n.astype(np.float64)
        d_x, d_w_ih, d_w_hh = np.zeros_like(x), np.zeros_like(w_ih), np.zeros_like(w_hh)
        d_b_ih, d_b_hh = np.zeros(len(w_ih)), np.zeros(len(w_ih))
        d_w_hr = None if w_hr is None else np.zeros_like(w_hr)
        for t in reversed(order):
            n, rows = sizes[t], slice(starts[t], starts[t + 1])
            h_prev, inner, back = tape[t]
            d_y = d_h[:n] + (0 if d_output is None else d_output[rows].astype(np.float64))
            if w_hr is not None:
                d_w_hr += d_y.T @ inner
                d_y = d_y @ w_hr
            d_pre_x, d_pre_h, direct, d_c[:n] = back(d_y, d_c[:n].copy())
            d_h[:n] = direct + (d_pre_h * w_hh if vector else d_pre_h @ w_hh)
            d_x[rows] = d_pre_x @ w_ih
            d_w_ih += d_pre_x.T @ x[rows]
            d_w_hh += (d_pre_h * h_prev).sum(axis=0) if vector else d_pre_h.T @ h_prev
            d_b_ih += d_pre_x.sum(axis=0)
            d_b_hh += d_pre_h.sum(axis=0)
        d_c = d_c if two else None
        d_w_ih = None if takes_x_itself else d_w_ih
        return d_x, d_h, d_c, d_w_ih, d_w_hh, d_b_ih, None if vector else d_b_hh, d_w_hr

    return output, h, c if two else None, None if back is None else vjp


# ------------------------------------------------------------------------------------------------
# With the options that change a step
# ------------------------------------------------------------------------------------------------


def normalised(v):
    return (v - v.mean(1, keepdims=True)) / np.sqrt(v.var(1, keepdims=True) + 1e-5)


def step_with_options(name, w, x, states, mask, layer_norm, cell_moved=0.0):
    """Return the next states, as a list, and the values of the gates; w has the parameters by name.

    Peepholes are those of Gers & Schmidhuber 2000, the gates before the product those of Cho et al.
    2014 and, in MGU, Zhou et al. 2016. What is normalised together:
    Ba et al. 2016, eq. 4 for the RNN, and the supplementary material for LSTM and GRU; those of
    JANET as LSTM, of MGU as GRU, of IndRNN for W x alone. Gal & Ghahramani 2016 have the mask.
    An LSTM's new cell state is moved, before h' is made of it.
    """
    norm = normalised if layer_norm else lambda v: v
    gain, h = {k: w.get(f"gain_{k}", 1.0) for k in ("ih", "hh", "sum", "cell")}, states[0]
    u, b_x, b_h = w["weight_hh"], w.get("bias_ih", 0.0), w.get("bias_hh", 0.0)
    x, m = x @ w["weight_ih"].T, mask * h
    if name.startswith("rnn"):
        return [activation(name, norm(x + m @ u.T) * gain["sum"] + b_x + b_h)[0]], []
    if name.startswith("indrnn"):
        return [activation(name, norm(x) * gain["ih"] + b_x + u * m)[0]], []
    if name in ("lstm", "lstm_peephole", "janet"):
        pre = norm(x) * gain["ih"] + b_x + norm(m @ u.T) * gain["hh"] + b_h
        if name == "janet":
            s, g = np.split(pre, 2, 1)
            h = sigmoid(s) * h + (1 - sigmoid(s - 1)) * np.tanh(g)
            return [h], [sigmoid(s), np.tanh(g)]
        (i, f, g, o), c = np.split(pre, 4, 1), states[1]
        p_i, p_f, p_o = np.split(w.get("weight_peephole", np.zeros(3 * c.shape[1])), 3)
        f, i, g = sigmoid(f + p_f * c), sigmoid(i + p_i * c), np.tanh(g)
        c = f * c + i * g + cell_moved
        o, out = sigmoid(o + p_o * c), norm(c) * gain["cell"] + w.get("bias_cell", 0.0)
        h = o * np.tanh(out)
        return [h @ w["weight_hr"].T if "weight_hr" in w else h, c], [i, f, g, o]
    H, rows = h.shape[1], len(u)
    ones = np.ones(rows)
    g_x, g_h, b_x, b_h = gain["ih"] * ones, gain["hh"] * ones, b_x * ones, b_h * ones
    gates, new = slice(0, rows - H), slice(rows - H, rows)
    a = norm(x[:, gates]) * g_x[gates] + b_x[gates]
    a = sigmoid(a + norm(m @ u[gates].T) * g_h[gates] + b_h[gates])
    r, z = np.split(a, 2, 1) if name.startswith("gru") else (a, 1 - a)
    of_h = (r * m if name.endswith("reset_before") else m) @ u[new].T
    of_h = norm(of_h) * g_h[new] + b_h[new]
    n = norm(x[:, new]) * g_x[new] + b_x[new]
    n = np.tanh(n + of_h if name.endswith("reset_before") else n + r * of_h)
    return [(1 - z) * n + z * h], [r, z, n] if name.startswith("gru") else [r, n]


def with_options(
    name, w, x, states, mask=1.0, keep=(0.0, 0.0), layer_norm=False, reverse=False, moved=None,
    seen=None,
):  # fmt: skip
    """Return the outputs (T, N, H) and the last states; `keep` has for each state the share of
    the old one: a number, or arrays (T, N, H) of zeros and ones (Krueger et al. 2017).

    `moved` is for each state what is added to it after each step. A list, `seen`, is filled: for
    each step its gates and states.
    """
    outputs, zoned = [None] * len(x), np.any([np.any(d) for d in keep])
    moved = [np.zeros((len(x), *s.shape)) for s in states] if moved is None else moved
    steps = [None] * len(x)
    keep = [np.broadcast_to(d, (len(x), *s.shape)) for d, s in zip(keep, states)]
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        inside = moved[-1][t] if len(states) == 2 and not zoned else 0.0
        new, gates = step_with_options(name, w, x[t], states, mask, layer_norm, inside)
        states = [d[t] * s + (1 - d[t]) * n for d, s, n in zip(keep, states, new)]
        states[0] = states[0] + moved[0][t]
        if zoned:
            states[1:] = [s + m[t] for s, m in zip(states[1:], moved[1:])]
        outputs[t], steps[t] = states[0], [*gates, *states]
    if seen is not None:
        seen += [np.stack(values) for values in zip(*steps)]
    return np.stack(outputs), states
