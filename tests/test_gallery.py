"""The cells of `examples/cells` compute what their papers say, and are plans."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.testing import check_recurrence

FOLDER = Path(__file__).parent.parent / "examples" / "cells"
FILES = sorted(FOLDER.glob("*.py"))


def cell_of(path):
    """The cell of a file: its only class."""
    spec = importlib.util.spec_from_file_location(f"cells_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (cell,) = [
        v for v in vars(module).values() if isinstance(v, type) and v.__module__[:5] == "cells"
    ]
    return cell


# ------------------------------------------------------------------------------------------------
# The equations, in NumPy, for one sequence: (parameters, x, states) -> (output, *states)
# ------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rows(matrix, *sizes):
    """A matrix or vector cut into blocks of rows."""
    return np.split(matrix, np.cumsum(sizes)[:-1])


def columns(matrix, *sizes):
    return np.split(matrix, np.cumsum(sizes)[:-1], axis=1)


def peephole_lstm(p, x, h, c):
    (W, U), n = columns(p["gates.weight"], len(x), len(h)), [len(h)] * 4
    z_i, z_f, z_g, z_o = rows(W @ x + U @ h + p["gates.bias"], *n)
    p_i, p_f, p_o = p["peepholes"]
    i, f = sigmoid(z_i + p_i * c), sigmoid(z_f + p_f * c)
    c = f * c + i * np.tanh(z_g)
    h = sigmoid(z_o + p_o * c) * np.tanh(c)
    return h, h, c


def coupled_lstm(p, x, h, c):
    W, U = columns(p["gates.weight"], len(x), len(h))
    f, o, g = rows(W @ x + U @ h + p["gates.bias"], *[len(h)] * 3)
    i = 1 - sigmoid(f)
    c = sigmoid(f) * c + i * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, h, c


def scrn(p, x, h, s):
    P, A, R = columns(p["inner.weight"], len(s), len(x), len(h))
    U, V = columns(p["output.weight"], len(h), len(s))
    s = 0.05 * p["B.weight"] @ x + 0.95 * s
    h = sigmoid(P @ s + A @ x + R @ h)
    return U @ h + V @ s, h, s


def sru(p, x, c):
    W, b = p["inner.weight"], p["inner.bias"]
    f, r, new, past = rows(W @ x + b, *[len(c)] * 4)
    f, r = sigmoid(f + p["v"][0] * c), sigmoid(r + p["v"][1] * c)
    c = f * c + (1 - f) * new
    return r * c + (1 - r) * past, c


def minimal_rnn(p, x, h):
    U_h, U_z = columns(p["update.weight"], len(h), len(h))
    z = np.tanh(p["map.weight"] @ x + p["map.bias"])
    u = sigmoid(U_h @ h + U_z @ z + p["update.bias"])
    h = u * h + (1 - u) * z
    return h, h


def atr(p, x, h):
    a, b = p["W.weight"] @ x + p["W.bias"], p["U.weight"] @ h + p["U.bias"]
    h = sigmoid(a + b) * a + sigmoid(a - b) * h
    return h, h


def light_gru(p, x, h):
    z, new = rows(p["W.weight"] @ x + p["W.bias"] + p["U.weight"] @ h, len(h), len(h))
    h = sigmoid(z) * h + (1 - sigmoid(z)) * np.maximum(new, 0)
    return h, h


def fast_weights(p, x, h, A):
    A = 0.95 * A + 0.5 * np.outer(h, h)
    slow = p["W.weight"] @ h + p["C.weight"] @ x + p["C.bias"]
    h = np.maximum(slow, 0)
    z = slow + A @ h
    z = (z - z.mean()) / np.sqrt(z.var() + 1e-5) * p["norm.weight"] + p["norm.bias"]
    h = np.maximum(z, 0)
    return h, h, A


def ctrnn(p, x, h):
    drift = p["W.weight"] @ np.tanh(h) + p["C.weight"] @ x + p["C.bias"] - h
    h = h + sigmoid(p["leak"]) * drift
    return np.tanh(h), h


def nbrc(p, x, h):
    U_a, U_c, U = rows(p["U.weight"], *[len(h)] * 3)
    b_a, b_c, b = rows(p["U.bias"], *[len(h)] * 3)
    W_a, W_c = rows(p["W.weight"], *[len(h)] * 2)
    a = 1 + np.tanh(U_a @ x + b_a + W_a @ h)
    c = sigmoid(U_c @ x + b_c + W_c @ h)
    h = c * h + (1 - c) * np.tanh(U @ x + b + a * h)
    return h, h


def ugrnn(p, x, h):
    W, U = columns(p["inner.weight"], len(x), len(h))
    g, new = rows(W @ x + U @ h + p["inner.bias"], len(h), len(h))
    h = sigmoid(g) * h + (1 - sigmoid(g)) * np.tanh(new)
    return h, h


def rhn(p, x, s):
    W_H, W_T = rows(p["W.weight"], len(s), len(s))
    for layer in range(3):
        (R_H, R_T), (b_H, b_T) = [
            rows(p[f"R.{layer}.{kind}"], len(s), len(s)) for kind in ("weight", "bias")
        ]
        first = layer == 0
        new = np.tanh(first * (W_H @ x) + R_H @ s + b_H)
        t = sigmoid(first * (W_T @ x) + R_T @ s + b_T)
        s = new * t + s * (1 - t)
    return s, s


def lmu(p, x, h, m):
    d = len(m)
    A = [[(2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1)) for j in range(d)] for i in range(d)]
    B = np.array([(2 * i + 1) * (-1) ** i for i in range(d)])
    u = p["read.weight"] @ np.concatenate([x, h, m])
    m = m + (A @ m + B * u) / 64
    h = np.tanh(p["inner.weight"] @ np.concatenate([x, h, m]) + p["inner.bias"])
    return h, h, m


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cell_computes_the_equations_of_its_paper(path, level):
    """Step by step in NumPy; the layer runs as a plan, or there would be a warning."""
    mg.manual_seed(0)
    layer = nn.Recurrent(cell_of(path), 3, 4).double()
    x = mg.randn(5, 2, 3, dtype=mg.float64)
    shapes = layer._state_shapes
    states = [mg.randn(1, 2, *shape, dtype=mg.float64) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output, last = layer(x, states[0] if len(states) == 1 else tuple(states))
    last = last if isinstance(last, tuple) else (last,)
    parameters = {name: p.detach().numpy() for name, p in layer.l0.named_parameters()}
    for n in range(2):
        own = [s[0, n].numpy() for s in states]
        for t in range(5):
            y, *own = globals()[path.stem](parameters, x[t, n].numpy(), *own)
            np.testing.assert_allclose(output[t, n].detach().numpy(), y, 1e-9, 1e-12)
        for got, wanted in zip(last, own, strict=True):
            np.testing.assert_allclose(got[0, n].detach().numpy(), wanted, 1e-9, 1e-12)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cell_has_the_proof(path):
    assert check_recurrence(cell_of(path), 2, 3, gradients=False)


def test_the_gallery_is_short_and_listed():
    page = (FOLDER.parent.parent / "docs" / "your-own-recurrence.md").read_text(encoding="utf-8")
    assert len(FILES) >= 13
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 40, path
        assert f"`{path.name}`" in page
