"""The compiled kernels, each against its equations written once more in plain float64 NumPy, here
or, those of the recurrences, in equations.py.

Every test runs at every SIMD level that was built and that this machine has, for both dtypes.
"""

import subprocess
import sys
from random import Random

import numpy as np
import pytest
from equations import ARGUMENTS, GATES, RECORDS, recurrent
from recurrences import KERNELS

from minigrad import _kernels

DTYPES = ("float32", "float64")
SIZES = (1, 2, 3, 5, 7, 15, 16, 17, 31, 33, 64, 100)
SENTINEL = 123.0
NONE, MEAN, SUM = 0, 1, 2


@pytest.fixture(params=DTYPES)
def dtype(request, kernel_level):
    return np.dtype(request.param)


@pytest.fixture
def kernels(dtype):
    return _kernels.kernels_for(dtype)


class Guarded:
    """Makes arrays of random values, each inside a larger one filled with a sentinel."""

    margin = 64

    def __init__(self, dtype, seed=0):
        self.dtype = dtype
        self.generator = np.random.default_rng(seed)
        self.made = []

    def __call__(self, *shape, scale=1.0):
        """Return values of size `scale` / 10 to `scale`, of both signs: no zeros, no ones."""
        size = int(np.prod(shape))
        whole = np.full(size + 2 * self.margin, SENTINEL, dtype=self.dtype)
        array = whole[self.margin : self.margin + size].reshape(shape)
        signs = self.generator.choice([-1, 1], shape)
        array[...] = signs * self.generator.uniform(0.1, 0.99, shape) * scale
        self.made.append((whole, size))
        return array

    def check(self):
        for whole, size in self.made:
            assert (whole[: self.margin] == SENTINEL).all()
            assert (whole[self.margin + size :] == SENTINEL).all()


def assert_close(actual, expected, dtype, terms=1, size=None):
    """Compare with a float64 result of sums over `terms` products of `size`, to rounding."""
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    tolerance = 8 * np.finfo(dtype).eps * (4 + np.sqrt(terms))
    if size is None:
        size = np.abs(expected).max(initial=1e-3)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * size)


# -- recurrent ------------------------------------------------------------------------------------


def recurrent_arguments(make, name, T, N, I, H, P=None, sizes=None):  # noqa: E741 (field's letter)
    """Return ARGUMENTS by name; with `sizes` x is ragged."""
    G, S = GATES[name], H if P is None else P
    vector = RECORDS[name].diagonal
    return {
        "x": make(T, N, I) if sizes is None else make(sum(sizes), I),
        "h_0": make(N, S),
        "c_0": make(N, H) if len(RECORDS[name].states) == 2 else None,
        "w_ih": make(G * H, I, scale=1 / np.sqrt(max(I, 1))),
        "w_hh": make(H) if vector else make(G * H, S, scale=1 / np.sqrt(max(S, 1))),
        "b_ih": make(G * H),
        "b_hh": None if vector else make(G * H),
        "w_hr": None if P is None else make(P, H, scale=1 / np.sqrt(max(H, 1))),
    }


def batch_sizes(sizes):
    return None if sizes is None else np.array(sizes, np.int64)


def run_forward(kernels, name, a, sizes=None, reverse=False, keep=True, ends=True, **options):
    given = [a[key] for key in ARGUMENTS]
    return kernels.recurrent.forward(
        name, *given, batch_sizes(sizes), reverse, keep, ends, **options
    )


def run_backward(kernels, name, a, d, output, kept, sizes=None, reverse=False, need=(1,) * 8, **o):
    middle = [a["x"], a["h_0"], a["c_0"], output, kept]
    weights = [a["w_ih"], a["w_hh"], a["b_hh"], a["w_hr"]]
    return kernels.recurrent.backward(
        name, *d, *middle, *weights, batch_sizes(sizes), reverse, *need, **o
    )


def check_recurrent(
    kernels, dtype, name, T, N, I, H,  # noqa: E741
    P=None, sizes=None, reverse=False, absent=(), ends="output h_n c_n", parts=1,
):  # fmt: skip
    """Compare outputs and all gradients with NumPy's; look at what must not be written to."""
    make = Guarded(dtype, seed=T + N + I + H)
    a = recurrent_arguments(make, name, T, N, I, H, P, sizes)
    a.update(dict.fromkeys(absent))
    before = {key: value.copy() for key, value in a.items() if value is not None}
    steps = [N] * T if sizes is None else sizes
    expected = recurrent(name, a.values(), steps, reverse)
    *wanted, vjp = expected

    options = {"parts": parts}
    *got, kept = run_forward(kernels, name, a, sizes, reverse, **options)
    S = wanted[0].shape[1]
    # Rounding errors pass from step to step: every step adds as many as it has products.
    terms = (I + H + S) * (T + 1)
    flat = [got[0].reshape(sum(steps), S), *got[1:]]
    assert got[0].shape == ((T, N, S) if sizes is None else (sum(sizes), S))
    for actual, value in zip(flat, wanted, strict=True):
        assert (actual is None) == (value is None)
        if value is not None:  # a sum of terms of size 1 may be small itself
            size = np.abs(value).max(initial=1)
            assert_close(actual, value, dtype, terms, size)

    d = [make(*y.shape) if y is not None and word in ends.split() else None
         for y, word in zip(got, ("output", "h_n", "c_n"), strict=True)]  # fmt: skip
    output = make(*got[0].shape)
    output[...] = got[0]
    gradients = run_backward(kernels, name, a, d, output, kept, sizes, reverse, **options)
    flat_d = [None if d[0] is None else d[0].reshape(sum(steps), S), *d[1:]]
    for actual, value in zip(gradients, vjp(*flat_d), strict=True):
        assert (actual is None) == (value is None)
        if value is not None:
            size = np.abs(value).max(initial=1)
            actual = actual.reshape(value.shape)
            assert_close(actual, value, dtype, terms + sum(steps) + T * H, size)
    assert gradients[0].shape == a["x"].shape
    make.check()
    for key, value in before.items():
        np.testing.assert_array_equal(a[key], value)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", KERNELS)
def test_recurrent_sizes(kernels, dtype, name, size):
    for T, reverse in ((1, False), (3, True), (5, False)):
        check_recurrent(kernels, dtype, name, T, size, 6, 9, reverse=reverse)
        check_recurrent(kernels, dtype, name, T, 4, 6, size, reverse=not reverse)
    check_recurrent(kernels, dtype, name, 1, 1, 6, size)
    check_recurrent(kernels, dtype, name, 3, 4, size, 9)
    check_recurrent(kernels, dtype, name, 5, 1, 3, size)
    check_recurrent(kernels, dtype, name, 3, 13, 10, size)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_long_and_wide(kernels, dtype, name, reverse):
    """More rows, and deeper products, than are worked on at a time."""
    for shape in ((40, 20, 19, 70), (3, 130, 300, 80), (300, 2, 5, 11), (2, 290, 7, 40)):
        check_recurrent(kernels, dtype, name, *shape, reverse=reverse)


RAGGED = (
    [5],
    [1, 1, 1],
    [4, 4, 3, 3, 1],
    [7, 7, 7],
    [33, 20, 20, 19, 2],
    [70, 64, 33, 33, 2, 1, 1],
    [9] * 20 + [3] * 50 + [1] * 30,
)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_ragged(kernels, dtype, name, reverse):
    for sizes in RAGGED:
        for without_steps in (0, 3):  # sequences of length zero
            N = sizes[0] + without_steps
            check_recurrent(kernels, dtype, name, len(sizes), N, 6, 21, None, sizes, reverse)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_ragged_is_each_sequence_alone(kernels, dtype, name, reverse):
    make = Guarded(dtype)
    sizes = [5, 4, 4, 2]
    a = recurrent_arguments(make, name, len(sizes), 6, 7, 20, None, sizes)
    output, h_n, c_n, _ = run_forward(kernels, name, a, sizes, reverse)
    starts = np.cumsum([0, *sizes])
    for n in range(6):
        rows = [starts[t] + n for t in range(len(sizes)) if n < sizes[t]]
        alone = {**a, "x": a["x"][rows][:, None], "h_0": a["h_0"][n : n + 1]}
        if name == "lstm":
            alone["c_0"] = a["c_0"][n : n + 1]
        one, h, c, _ = run_forward(kernels, name, alone, None, reverse)
        assert_close(output[rows][:, None], one, dtype, 100)
        assert_close(h_n[n : n + 1], h, dtype, 100)
        if name == "lstm":
            assert_close(c_n[n : n + 1], c, dtype, 100)


@pytest.mark.parametrize("reverse", [False, True])
def test_lstm_with_projection(kernels, dtype, reverse):
    for P in (1, 3, 16, 17, 40):
        for T, N, H in ((1, 1, 5), (3, 1, 20), (5, 4, 41), (20, 23, 64)):
            check_recurrent(kernels, dtype, "lstm", T, N, 6, H, P, None, reverse)
        check_recurrent(kernels, dtype, "lstm", 5, 9, 6, 20, P, [8, 8, 5, 2, 2], reverse)


@pytest.mark.parametrize("name", KERNELS)
def test_recurrent_without_state_or_bias(kernels, dtype, name):
    for absent in (["h_0"], ["c_0"], ["h_0", "c_0"], ["b_ih"], ["b_hh"], ["b_ih", "b_hh", "h_0"]):
        for N in (1, 40):
            check_recurrent(kernels, dtype, name, 3, N, 6, 9, absent=absent)
        check_recurrent(kernels, dtype, name, 3, 5, 6, 9, None, [5, 4, 1], True, absent)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_gradients_of_some_outputs(kernels, dtype, name, reverse):
    for ends in ("output", "h_n", "c_n", "h_n c_n"):
        if ends == "c_n" and name != "lstm":
            continue
        for N in (1, 20):
            check_recurrent(kernels, dtype, name, 3, N, 6, 9, reverse=reverse, ends=ends)
        check_recurrent(kernels, dtype, name, 4, 7, 6, 9, None, [6, 4, 4, 1], reverse, (), ends)


@pytest.mark.parametrize("name", ["indrnn_tanh", "indrnn_relu"])
@pytest.mark.parametrize("reverse", [False, True])
def test_indrnn_without_input_weights(kernels, dtype, name, reverse):
    """x itself stands for x @ w_ih.T, and its gradient is that of the pre-activations."""
    for absent in (["w_ih"], ["w_ih", "b_ih", "h_0"]):
        for T, N, H in ((1, 1, 1), (5, 3, 16), (4, 20, 37), (9, 70, 9)):
            for parts in (1, 2):
                check_recurrent(
                    kernels, dtype, name, T, N, H, H, None, None, reverse, absent, parts=parts
                )
        sizes = [9, 9, 4, 2, 2, 1]
        for parts in (1, 3):
            check_recurrent(
                kernels, dtype, name, 6, 10, 21, 21, None, sizes, reverse, absent, parts=parts
            )
    check_recurrent(kernels, dtype, name, 0, 2, 5, 5, None, None, reverse, ["w_ih"])


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_in_parts(kernels, dtype, name, reverse):
    """The rows of a batch are independent: each thread works on some, or, of many, on none."""
    for parts in (2, 3, 5, 50):
        check_recurrent(kernels, dtype, name, 4, 20, 6, 9, None, None, reverse, parts=parts)
        check_recurrent(
            kernels, dtype, name, 5, 22, 6, 33, None, [20, 12, 12, 3, 1], reverse, parts=parts
        )
    for N in (1, 2, 3):
        check_recurrent(kernels, dtype, name, 4, N, 6, 9, None, None, reverse, parts=5)
    # One sequence is longer than all others together: some parts have nothing to do.
    check_recurrent(kernels, dtype, name, 40, 5, 6, 9, None, [5] + [1] * 39, reverse, parts=4)
    if name == "lstm":
        check_recurrent(kernels, dtype, name, 4, 20, 6, 9, 5, None, reverse, parts=3)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_recurrent_threads_add_up_in_one_order(kernels, dtype, name, parts):
    """Which thread is first is up to chance, but results are the same to the last bit."""
    make = Guarded(dtype)
    a = recurrent_arguments(make, name, 20, 17, 19, 40)
    output, h_n, c_n, kept = run_forward(kernels, name, a, parts=parts)
    d = make(*output.shape), make(*h_n.shape), None
    expected = run_backward(kernels, name, a, d, output, kept, parts=parts)
    for _ in range(20):
        again = run_forward(kernels, name, a, parts=parts)
        assert_same(again[:3], (output, h_n, c_n))
        gradients = run_backward(kernels, name, a, d, output, kept, parts=parts)
        for one, other in zip(gradients, expected, strict=True):
            assert one is None or np.array_equal(one, other)


@pytest.mark.parametrize("name", KERNELS)
def test_recurrent_gradients_one_at_a_time(kernels, dtype, name):
    make = Guarded(dtype)
    for N in (1, 40):
        for P in (None, 5) if name == "lstm" else (None,):
            a = recurrent_arguments(make, name, 3, N, 6, 9, P)
            output, _, _, kept = run_forward(kernels, name, a)
            d = make(*output.shape), None, None
            everything = run_backward(kernels, name, a, d, output, kept)
            for needed in range(8):
                need = [i == needed for i in range(8)]
                gradients = run_backward(kernels, name, a, d, output, kept, need=need)
                for i in range(8):
                    if i == needed and everything[i] is not None:
                        np.testing.assert_array_equal(gradients[i], everything[i])
                    else:
                        assert gradients[i] is None


@pytest.mark.parametrize("name", KERNELS)
def test_recurrent_gradients_are_those_of_the_forward(kernels, dtype, name):
    """Along a random direction in all inputs at once, against a difference quotient."""
    if dtype == np.float32:
        return
    make = Guarded(dtype)
    for P in (None, 5) if name == "lstm" else (None,):
        a = recurrent_arguments(make, name, 4, 3, 5, 7, P)
        direction = {k: None if v is None else make(*v.shape) for k, v in a.items()}
        output, h_n, c_n, kept = run_forward(kernels, name, a)
        d = [None if y is None else make(*y.shape) for y in (output, h_n, c_n)]

        def loss(step, a=a, direction=direction, d=d):
            moved = {k: None if v is None else v + step * direction[k] for k, v in a.items()}
            ends = run_forward(kernels, name, moved, keep=False)[:3]
            return sum((y * d_y).sum() for y, d_y in zip(ends, d, strict=True) if y is not None)

        gradients = run_backward(kernels, name, a, d, output, kept)
        slope = sum(
            (g * direction[key]).sum()
            for g, key in zip(gradients, ARGUMENTS, strict=True)
            if g is not None
        )
        np.testing.assert_allclose((loss(1e-5) - loss(-1e-5)) / 2e-5, slope, rtol=1e-7)


@pytest.mark.parametrize("name", KERNELS)
def test_recurrent_empty_axes(kernels, dtype, name):
    for shape in (
        (0, 2, 3, 4), (3, 0, 3, 4), (3, 2, 0, 4), (3, 40, 0, 4), (3, 2, 3, 0), (3, 40, 3, 0),
        (0, 0, 0, 0),
    ):  # fmt: skip
        check_recurrent(kernels, dtype, name, *shape)
        check_recurrent(kernels, dtype, name, *shape, reverse=True, parts=2)
    check_recurrent(kernels, dtype, name, 0, 3, 6, 9, None, [])
    check_recurrent(kernels, dtype, name, 0, 0, 6, 9, None, [], absent=["h_0", "c_0"])
    if name == "lstm":
        check_recurrent(kernels, dtype, name, 3, 2, 6, 9, 0)
        check_recurrent(kernels, dtype, name, 3, 40, 6, 0, 4)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("keep", [False, True])
def test_recurrent_without_ends(kernels, dtype, name, keep):
    """Leaving out h_n or what backward needs changes nothing else; h_n is no part of output."""
    make = Guarded(dtype)
    for N in (1, 40):
        a = recurrent_arguments(make, name, 3, N, 6, 9)
        output, h_n, c_n, _ = run_forward(kernels, name, a)
        assert not np.shares_memory(output, h_n)
        other, nothing, other_c, kept = run_forward(kernels, name, a, keep=keep, ends=False)
        assert nothing is None
        assert keep or kept is None
        np.testing.assert_array_equal(other, output)
        if name == "lstm":
            np.testing.assert_array_equal(other_c, c_n)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_recurrent_values_that_are_not_finite(kernels, dtype, name, value):
    """They stay in their row, and come out as NumPy's functions let them out."""
    make = Guarded(dtype)
    for N in (1, 40):
        a = recurrent_arguments(make, name, 1, N, 6, 21)
        a["x"][0, N - 1, 2] = value
        output, *_ = run_forward(kernels, name, a)
        with np.errstate(all="ignore"):
            expected, *_ = recurrent(name, a.values(), [N], False)
        np.testing.assert_allclose(output[0], expected, rtol=1e-4, atol=1e-5)
        assert np.isfinite(expected[: N - 1]).all()
        assert np.isnan(expected[N - 1]).all() == np.isnan(value)


@pytest.mark.parametrize("name", ["rnn_tanh", "indrnn_tanh"])
def test_tanh_is_accurate(kernels, dtype, name):
    """Within a few units in the last place of the true value, over the whole line."""
    info = np.finfo(dtype)
    points = [np.linspace(1e-3, 25, 20_001), np.geomspace(info.tiny, 30, 20_001), [1e30]]
    x = np.concatenate([*points, -np.concatenate(points)]).astype(dtype)
    one = np.ones((1, 1), dtype)
    none = np.zeros(1 if name == "indrnn_tanh" else (1, 1), dtype)
    for rows in (x.reshape(1, -1, 1), x[:4].reshape(1, -1, 1)):
        arguments = rows, None, None, one, none, None, None, None, None
        y = kernels.recurrent.forward(name, *arguments, False, False, False)[0].ravel()
        expected = np.tanh(rows.ravel().astype(np.longdouble))
        error = np.abs(y - expected) / np.spacing(np.abs(expected.astype(dtype)))
        assert error.max() < 4
        assert (np.abs(y) <= 1).all()
        np.testing.assert_array_equal(np.signbit(y), np.signbit(rows.ravel()))


def test_sigmoid_is_accurate(kernels, dtype):
    """Seen through a GRU whose candidate is zero: h' = z * h, with h = 1."""
    lowest = -80 if dtype == np.float32 else -700
    x = np.concatenate([np.linspace(lowest, 40, 20_001), [-1e30, 1e30]]).astype(dtype)
    w_ih, zeros = np.array([[0], [1], [0]], dtype), np.zeros((3, 1), dtype)
    for rows in (x.reshape(1, -1, 1), x[:4].reshape(1, -1, 1)):
        h_0 = np.ones((rows.shape[1], 1), dtype)
        arguments = rows, h_0, None, w_ih, zeros, None, None, None, None
        y = kernels.recurrent.forward("gru", *arguments, False, False, False)[0].ravel()
        with np.errstate(over="ignore"):
            expected = 1 / (1 + np.exp(-rows.ravel().astype(np.longdouble)))
        assert (np.abs(y - expected) / np.spacing(expected.astype(dtype))).max() < 4
        assert (y <= 1).all()


@pytest.mark.parametrize("far", [1.0, 1e30])
def test_gates_close_completely(kernels, dtype, far):
    """Where exp(-x) overflows sigmoid(x) is 0, and a state behind the gate stays behind it."""
    x = np.log(np.finfo(dtype).max.astype(np.float64)) + np.array([1.0, 20.0])
    x = -(far * x).astype(dtype)
    for lstm_state, expected in ((np.finfo(dtype).max, 0.0), (np.inf, np.nan), (np.nan, np.nan)):
        for rows in (x[:1], np.tile(x, 8)):
            N = len(rows)
            state = np.full((N, 1), lstm_state, dtype)
            w = np.array([[0], [1], [0], [0]], dtype)  # of the forget gate alone
            for name, gates in (("lstm", w), ("gru", w[:3]), ("janet", w[[1, 0]])):
                zero = np.zeros_like(gates)
                h_0, c_0 = (np.zeros_like(state), state) if name == "lstm" else (state, None)
                # (products with h itself must not come in the way)
                a = rows.reshape(1, N, 1), h_0, c_0, gates, zero, None, None, None, None
                with np.errstate(invalid="ignore"):
                    *h, c, _ = kernels.recurrent.forward(name, *a, False, False, True)
                end = c if name == "lstm" else h[0][0]
                if np.isfinite(lstm_state):
                    np.testing.assert_array_equal(end, np.full((N, 1), expected, dtype))
                else:
                    assert np.isnan(end).all()


def test_recurrent_sizes_that_overflow(kernels, dtype):
    """Arrays without elements can be of nearly any size: products of sizes must be looked at."""
    empty = lambda *shape: np.empty(shape, dtype)  # noqa: E731
    many = np.full(16, 2**60, np.int64)  # whose sum is 0
    weights, vector = (empty(27, 6), empty(27, 9)), (None, empty(0))
    for name, x, h_0, w_ih, w_hh, w_hr, sizes in (
        ("gru", empty(0, 6), None, *weights, None, many),
        ("gru", empty(0, 6), empty(2**56, 0), empty(0, 6), empty(0, 0), None, many),
        ("gru", empty(2**29, 2**29, 0), None, empty(27, 0), empty(27, 9), None, None),
        ("gru", empty(0, 2**56, 6), None, *weights, None, None),
        ("gru", empty(2, 0, 2**56), None, empty(0, 2**56), empty(0, 0), None, None),
        ("indrnn_relu", empty(2**29, 2**29, 0), None, *vector, None, None),
        ("lstm", empty(2, 2, 6), None, empty(0, 6), empty(0, 0), empty(0, 2**56), None),
    ):
        arguments = x, h_0, None, w_ih, w_hh, None, None, w_hr, sizes, False, True, True
        with pytest.raises((ValueError, MemoryError)):
            kernels.recurrent.forward(name, *arguments)


def test_recurrent_steps_without_rows_take_no_time(kernels, dtype):
    x, h_0 = np.empty((2**36, 0, 6), dtype), np.empty((0, 9), dtype)
    weights = np.ones((27, 6), dtype), np.ones((27, 9), dtype), None, None, None
    output, h_n, _, kept = kernels.recurrent.forward(
        "gru", x, h_0, None, *weights, None, False, True, True
    )
    assert output.shape == (2**36, 0, 9)
    assert h_n.shape == (0, 9)
    gradients = kernels.recurrent.backward(
        "gru", output, h_n, None, x, h_0, None, output, kept, *weights[:2], None, None, None,
        False, *[True] * 8,
    )  # fmt: skip
    assert not gradients[3].any()
    assert not gradients[4].any()


def test_recurrent_memory_does_not_grow_with_time():
    """Without `keep` there is nothing of the length of time but the output."""
    resource = pytest.importorskip("resource")
    script = """
import resource, sys
import numpy as np
from minigrad import _kernels

_kernels.set_level(_kernels.available_levels()[0])
T, H = 60_000, 64
generator = np.random.default_rng(0)
make = lambda *shape: generator.uniform(-1, 1, shape).astype(np.float32)
x, w_ih, w_hh = make(T, 1, 1), make(4 * H, 1), make(4 * H, H)
forward = _kernels.kernels_for(x.dtype).recurrent.forward
weights = w_ih, w_hh, None, None, None
run = lambda x: forward("lstm", x, None, None, *weights, None, False, False, True)
run(x[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
output = run(x)[0]
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown * (1 if sys.platform == "darwin" else 1024) / output.nbytes)
"""
    assert resource
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(result.stdout) < 1.5  # the pre-activations of all steps would be four outputs


# -- arguments ------------------------------------------------------------------------------------

RECURRENT = {
    "x": (4, 2, 6),
    "h_0": (2, 5),
    "c_0": (2, 9),
    "w_ih": (36, 6),
    "w_hh": (36, 5),
    "b_ih": (36,),
    "b_hh": (36,),
    "w_hr": (5, 9),
}
INDRNN = {"x": (4, 2, 6), "h_0": (2, 9), "w_ih": (9, 6), "w_hh": (9,), "b_ih": (9,)}
RECURRENT_BACKWARD = {
    "d_output": (4, 2, 5),
    "d_h_n": (2, 5),
    "d_c_n": (2, 9),
    "output": (4, 2, 5),
    **{name: shape for name, shape in RECURRENT.items() if name != "b_ih"},
}
RAGGED_SIZES = [2, 2, 1, 1]


def ragged(shapes):
    """The same with the 6 rows of RAGGED_SIZES instead of 4 steps of 2 rows."""
    return {name: (6, shape[2]) if len(shape) == 3 else shape for name, shape in shapes.items()}


def forward_call(name, shapes, sizes=None):
    def call(kernels, *arrays):
        a = {**dict.fromkeys(ARGUMENTS), **dict(zip(shapes, arrays, strict=True))}
        return run_forward(kernels, name, a, sizes)[:3]

    return shapes, call


def backward_call(shapes, sizes=None):
    def call(kernels, *arrays):
        kernel_dtype = np.dtype(kernels.recurrent.__name__.rpartition("_")[2])
        good = recurrent_arguments(Guarded(kernel_dtype), "lstm", 4, 2, 6, 9, 5, sizes)
        kept = run_forward(kernels, "lstm", good, sizes)[3]
        a = {**dict.fromkeys(ARGUMENTS), **dict(zip(shapes, arrays, strict=True))}
        d = a["d_output"], a["d_h_n"], a["d_c_n"]
        return run_backward(kernels, "lstm", a, d, a["output"], kept, sizes)

    return shapes, call


SGD = {"param": (3, 4), "grad": (3, 4), "momentum_buffer": (3, 4)}
ADAM = dict.fromkeys(("param", "grad", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"), (3, 4))
CALLS = {
    "lstm": forward_call("lstm", RECURRENT),
    "lstm_ragged": forward_call("lstm", ragged(RECURRENT), RAGGED_SIZES),
    "lstm_backward": backward_call(RECURRENT_BACKWARD),
    "lstm_ragged_backward": backward_call(ragged(RECURRENT_BACKWARD), RAGGED_SIZES),
    "indrnn": forward_call("indrnn_relu", INDRNN),
    "sgd": (SGD, lambda k, *a: k.optim.sgd_step(*a, 0.1, 0.9, 0.0, 0.0, False, False, False)),
    "adam": (
        ADAM,
        lambda k, *a: k.optim.adam_step(*a, 1, 0.1, 0.9, 0.99, 1e-8, 0.0, True, False, False),
    ),
    "cross_entropy_forward": (
        {"logits": (3, 4), "weight": (4,)},
        lambda k, logits, weight: k.loss.cross_entropy_forward(
            logits, np.array([1, 2, 3]), weight, -100, 0.1, MEAN
        ),
    ),
    "cross_entropy_backward": (
        {"d_loss": (3,), "log_prob": (3, 4), "weight": (4,)},
        lambda k, d_loss, log_prob, weight: k.loss.cross_entropy_backward(
            d_loss, log_prob, np.array([1, 2, 3]), weight, -100, 0.1, NONE, 1.0
        ),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_bad_arrays_raise(kernels, dtype, call):
    """Wrong dtype, number of axes, length of any axis, layout, byte order: a ValueError each."""
    shapes, function = CALLS[call]
    make = Guarded(dtype)
    good = {name: make(*shape) for name, shape in shapes.items()}
    function(kernels, *good.values())  # all well so far
    other = "float64" if dtype == np.float32 else "float32"

    def assert_rejected(name, array, words):
        with pytest.raises(ValueError, match=rf"{name}: .*{words}"):
            function(kernels, *{**good, name: array}.values())

    for name, shape in shapes.items():
        array = good[name]
        assert_rejected(name, array.astype(other), f"dtype is {other}, .*takes {dtype.name}")
        assert_rejected(name, np.zeros(shape, np.int64), "dtype is int64")
        if call in ("sgd", "adam"):  # they write in place
            assert_rejected(name, array.astype(dtype.newbyteorder()), "native byte order")
            assert_rejected(name, np.repeat(array, 2, axis=-1)[..., ::2], "C-contiguous")
            unaligned = np.zeros(array.nbytes + 1, np.uint8)[1:].view(dtype).reshape(shape)
            assert_rejected(name, unaligned, "aligned")
        with pytest.raises(ValueError, match=r"\w+: .*expected"):
            function(kernels, *{**good, name: array[None]}.values())
        for axis in range(len(shape)):
            longer = np.concatenate([array, array], axis=axis)
            if (call, name, axis) in (("lstm", "x", 0), ("indrnn", "x", 0)):
                continue  # any number of steps will do
            with pytest.raises(ValueError, match=r"\w+: .*shape is? ?\(.*\), .*expected \("):
                function(kernels, *{**good, name: longer}.values())
    make.check()


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"sgd", "adam"}))
def test_any_memory_layout_will_do(kernels, dtype, call):
    """Strided, unaligned and byte-swapped inputs give what plain ones give, bit for bit."""
    shapes, function = CALLS[call]
    make = Guarded(dtype)
    good = {name: make(*shape) for name, shape in shapes.items()}
    expected = function(kernels, *good.values())
    for name, array in good.items():
        unaligned = np.zeros(array.nbytes + 1, np.uint8)[1:].view(dtype).reshape(array.shape)
        unaligned[...] = array
        for other in (
            np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array,
            np.asfortranarray(array),
            array.astype(dtype.newbyteorder()),
            unaligned,
        ):
            assert_same(function(kernels, *{**good, name: other}.values()), expected)


def assert_same(a, b):
    if isinstance(a, tuple):
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("call", CALLS)
def test_things_that_are_no_arrays_raise(kernels, dtype, call):
    shapes, function = CALLS[call]
    good = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    for name in shapes:
        with pytest.raises(TypeError):
            function(kernels, *{**good, name: [1.0]}.values())
    needed = {"x", "w_ih", "w_hh", "output", "param", "grad"} & set(shapes)
    for name in needed - ({"w_ih"} if call == "indrnn" else set()):
        with pytest.raises(TypeError):
            function(kernels, *{**good, name: None}.values())


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (np.array([2, 2, 1, 1], np.int32), "dtype is int32, expected int64"),
        (np.array([[2, 2, 1, 1]]), r"shape is \(1, 4\), expected \(T,\)"),
        (np.array(6), r"shape is \(\), expected \(T,\)"),
        (np.array([2, 2, 2, 0]), r"must be positive, batch_sizes\[3\] is 0"),
        (np.array([2, 2, -1]), r"must be positive, batch_sizes\[2\] is -1"),
        (np.array([1, 2, 2, 1]), "must never increase, 1 is followed by 2"),
        (np.array([3, 2, 1]), "the first is 3, but the batch has N = 2"),
        (np.array([2, 2, 1]), r"shape \(3,\), their sum is 5; x: shape is \(6, 6\)"),
        (np.array([], np.int64), r"shape \(0,\), their sum is 0; x: shape is \(6, 6\)"),
    ],
)
def test_bad_batch_sizes_raise(kernels, dtype, sizes, words):
    make = Guarded(dtype)
    a = recurrent_arguments(make, "gru", 4, 2, 6, 9, None, RAGGED_SIZES)
    output, _, _, kept = run_forward(kernels, "gru", a, RAGGED_SIZES)
    with pytest.raises(ValueError, match=f"batch_sizes: .*{words}"):
        kernels.recurrent.forward("gru", *a.values(), sizes, False, True, True)
    middle = output, None, None, a["x"], a["h_0"], None, output, kept
    weights = a["w_ih"], a["w_hh"], a["b_hh"], None
    with pytest.raises(ValueError, match=f"batch_sizes: .*{words}"):
        kernels.recurrent.backward("gru", *middle, *weights, sizes, False, *[True] * 8)


def test_bad_recurrences_raise(kernels, dtype):
    make = Guarded(dtype)
    gru, lstm, indrnn = (
        recurrent_arguments(make, name, 4, 2, 6, 9) for name in ("gru", "lstm", "indrnn_tanh")
    )

    def assert_rejected(words, name, a, **changes):
        with pytest.raises(ValueError, match=words):
            run_forward(kernels, name, {**a, **changes})

    assert_rejected("name: 'elman' is not one of rnn_tanh, .*lstm", "elman", gru)
    with pytest.raises(TypeError):
        run_forward(kernels, None, gru)
    assert_rejected(r"c_0: only lstm .*\(2, 9\)", "gru", gru, c_0=make(2, 9))
    assert_rejected(r"w_hr: only lstm .*\(5, 9\)", "gru", gru, w_hr=make(5, 9))
    with pytest.raises(TypeError, match="w_ih: is None, only IndRNN"):
        run_forward(kernels, "gru", {**gru, "w_ih": None})
    assert_rejected(
        r"x: shape is \(4, 2, 6\), without w_ih expected the 9 units .*\(9,\)",
        "indrnn_tanh", indrnn, w_ih=None,
    )  # fmt: skip
    assert_rejected(r"b_hh: indrnn_tanh .*\(9,\)", "indrnn_tanh", indrnn, b_hh=make(9))
    assert_rejected(r"w_hh: shape is \(27, 9\), expected \(36, 9\)", "lstm", gru)

    output, _, _, kept = run_forward(kernels, "lstm", lstm)
    with pytest.raises(ValueError, match="one of d_output, d_h_n and d_c_n must be given"):
        run_backward(kernels, "lstm", lstm, (None, None, None), output, kept)
    d = output, None, None
    with pytest.raises(ValueError, match=r"kept: .*keep=True"):
        run_backward(kernels, "lstm", lstm, d, output, None)
    with pytest.raises(ValueError, match=r"kept: shape is \(7, \d+\), expected \(8, \d+\)"):
        run_backward(kernels, "lstm", lstm, d, output, (kept[0][1:],))
    with pytest.raises(TypeError):
        run_backward(kernels, "lstm", lstm, d, output, kept[0])
    with pytest.raises(TypeError):
        run_backward(kernels, "lstm", lstm, d, output, (None,))
    output, _, _, kept = run_forward(kernels, "gru", gru)
    with pytest.raises(ValueError, match=r"d_c_n: gru has no cell state, .*\(2, 9\)"):
        run_backward(kernels, "gru", gru, (None, None, make(2, 9)), output, kept)


# -- whatever the arguments are -------------------------------------------------------------------

HUGE = (2**31, 2**40, 2**60, 2**62, 2**63 - 1)
STRANGE = (None, -1, 2**63, 2**100, 1.5, float("nan"), float("inf"), "x", [], object(), 10**400)


def strange_array(random, like):
    """An array that is like another one, but for something."""
    shape = [random.choice((0, 1, 2, 3)) for _ in range(random.choice(range(5)))]
    if 0 in shape:  # then without an element, however long the other axes are
        shape = [n and random.choice((n, random.choice(HUGE))) for n in shape]
    choices = (
        lambda: like.astype(random.choice(("f4", "f8", "f2", "O", "S3", "?", "c16"))),
        lambda: np.ones(like.shape, random.choice(("i8", "i4", "u8"))),
        lambda: like.astype(like.dtype.newbyteorder()),
        lambda: like.view(like.dtype.newbyteorder()),
        lambda: np.asfortranarray(like),
        lambda: like[..., ::-1],
        lambda: like[None],
        lambda: like[0],
        lambda: like[:-1],
        lambda: like.ravel()[:1].reshape(()),
        lambda: np.concatenate([like, like]),
        lambda: np.full(like.shape, np.nan if like.dtype.kind == "f" else -(2**62), like.dtype),
        lambda: np.broadcast_to(like.ravel()[0], like.shape),
        lambda: np.broadcast_to(like.dtype.type(1), shape),
        lambda: np.empty(shape, like.dtype),
        lambda: np.full(random.choice((1, 4, 16)), random.choice(HUGE), np.int64),
        lambda: np.zeros(like.nbytes + 1, np.uint8)[1:].view(like.dtype).reshape(like.shape),
        lambda: np.zeros(like.shape, [("a", like.dtype)]),
    )
    try:
        return random.choice(choices)()
    except (ValueError, IndexError, MemoryError, TypeError, OverflowError):  # from NumPy itself
        return None


def entries(kernels, dtype):
    """Every function of every kernel module, with arguments that are right."""
    make = Guarded(dtype)
    label, index = np.array([1, 2, -7]), np.array([0, -2, 3])
    yield kernels.recurrent.set_threads, [1]
    for name, P in (("rnn_tanh", None), ("lstm", 5), ("gru", None), ("indrnn_relu", None)):
        for sizes in (None, RAGGED_SIZES):
            a = recurrent_arguments(make, name, 4, 2, 6, 9, P, sizes)
            end = [batch_sizes(sizes), False, True, True, 2]
            yield kernels.recurrent.forward, [name, *a.values(), *end]
            output, h_n, c_n, kept = kernels.recurrent.forward(name, *a.values(), *end)
            before = [output, h_n, c_n, a["x"], a["h_0"], a["c_0"], output, kept]
            weights = [a["w_ih"], a["w_hh"], a["b_hh"], a["w_hr"]]
            needs = [batch_sizes(sizes), False, *[True] * 8, 2]
            yield kernels.recurrent.backward, [name, *before, *weights, *needs]
            if sizes is None:
                yield kernels.recurrent.forward_again, [name, *a.values(), False, True, True]
                again = [name, *before, *weights, False, (True,) * 8]
                yield kernels.recurrent.backward_again, again
    yield kernels.loss.cross_entropy_forward, [make(3, 4), label, make(4), -7, 0.1, MEAN]
    yield (
        kernels.loss.cross_entropy_backward,
        [make(3), make(3, 4), label, make(4), -7, 0.1, NONE, 1.0],
    )
    yield kernels.loss.cross_entropy_forward_again, [make(3, 4), label, make(4), -7, 0.1, MEAN]
    yield (
        kernels.loss.cross_entropy_backward_again,
        [make(3), make(3, 4), label, make(4), -7, 0.1, NONE, np.array(1.0)],
    )
    spoken = [make(6, 2, 4), np.array([1, 2, 3, 1]), np.array([0, 2]), np.array([6, 5])]
    yield kernels.ctc.ctc_forward, [*spoken, np.array([2, 2]), 0, True]
    loss, kept = kernels.ctc.ctc_forward(*spoken, np.array([2, 2]), 0, True)
    yield kernels.ctc.ctc_backward, [make(2), spoken[0], 0, False, loss, kept]
    like = lambda count: [make(3, 4) for _ in range(count)]  # noqa: E731
    yield kernels.optim.sgd_step, [*like(3), 0.1, 0.9, 0.0, 0.1, True, False, False]
    yield kernels.optim.adam_step, [*like(5), 1, 0.1, 0.9, 0.9, 1e-8, 0.1, True, False, True]
    yield kernels.rows.add_rows, [make(2, 4, 5), index, make(2, 3, 5)]
    arrays = [make(4, 3), make(6, 4), make(1, 3)]
    registers = np.array([(0, 0, 3), (1, 1, 3), (2, 0, 3)])
    code = np.array([(0, 0, 1, 0, 2), (1, 0, 0, 1, 2)])  # a product, a sum
    program = [arrays, registers, code, [make(3, 3)], [(0, 1)], np.array([4, 2]), 4, True]
    yield kernels.plan.run, program
    yield kernels.entrywise.entrywise, ["elu", (make(3, 7), 1.0)]
    yield kernels.entrywise.entrywise, ["softplus_slope", (make(3, 7), make(3, 7), 1.0, 20.0)]
    yield kernels.entrywise.multiply_adds, []
    yield kernels.entrywise.arithmetic, ["add", make(3, 7), make(7)]
    yield kernels.entrywise.arithmetic, ["div", make(3, 7), 2.0]
    yield kernels.entrywise.arithmetic, ["sub", make(3, 1), make(2, 3, 7)]
    yield kernels.entrywise.arithmetic, ["mul", make(3, 7), make(3, 1), make(3, 7)]
    yield kernels.entrywise.entrywise, ["relu", (make(3, 7),), make(3, 7)]
    yield kernels.entrywise.of_three, ["lerp", make(3, 7), make(3, 7), 0.5]
    yield kernels.entrywise.of_three, ["addcdiv", *(make(3, 7) for _ in range(3)), 0.5, make(3, 7)]
    yield kernels.entrywise.full, [(3, 7), 1.0]
    yield kernels.entrywise.address, ["elu"]
    yield kernels.product.address, []
    yield kernels.movement.within, [index, -4, 4]
    yield kernels.movement.broadcast, [make(3, 1), (2, 3, 5)]
    yield kernels.movement.join, [[make(3, 4), make(2, 4)], 0, False]
    yield kernels.movement.join, [[make(3, 4), make(3, 4)], 1, True]
    yield kernels.entrywise.rowwise, ["softmax", (make(3, 7), 1)]
    yield kernels.entrywise.rowwise, ["log_softmax_slope", (make(3, 7), make(3, 7), 1)]
    yield kernels.loss.nll_forward, [make(3, 4), label, make(4), -7, MEAN]
    yield kernels.loss.nll_backward, [make(3), make(3, 4), label, make(4), -7, NONE, 1.0]
    yield kernels.loss.pair_loss, ["huber", make(3, 7), make(3, 7), 1.0, 0.5, True]
    yield kernels.loss.pair_slope, ["logits", make(3, 7), make(3, 7), make(3, 7), 0.0, 0.5]
    yield kernels.loss.are_probabilities, [make(3, 7)]
    for layout, per, fixed in (
        ((1, 3, 7), "inner", None),
        ((3, 7, 1), "group", None),
        ((3, 7, 1), "group", (make(7), make(7))),
    ):
        a = [make(3, 7), make(7), make(7), layout, per, 0.1, fixed]
        yield kernels.norm.forward, a
        y, statistics = kernels.norm.forward(*a)
        given = fixed is not None
        yield kernels.norm.backward, [y, *a[:2], statistics, layout, per, given, [True] * 3]
    yield kernels.sums.reduced, ["logsumexp", make(3, 4, 5), (0, 1), True, 0.0]
    yield kernels.sums.reduced, ["var", make(3, 4), 1, False, 2.0]
    yield kernels.product.set_threads, [1]
    yield kernels.product.matmul, [make(3, 4), make(4, 5)]
    yield kernels.product.linear, [make(3, 4), make(5, 4), make(5)]
    state = np.zeros(628, np.uint32)
    state[624] = 624  # all words are 0, and stay so: as a strange length they are not huge
    for values in ((3, 7), make(40)):
        yield kernels.random.uniform, [state, values, -1.0, 2.0]
        yield kernels.random.normal, [state, values, 0.5, 2.0, True]
        yield kernels.random.bernoulli, [state, values, 0.5]
        yield kernels.random.exponential, [state, values, -1.0]
    yield kernels.random.bernoulli_each, [state, np.full((3, 5), 0.5, dtype)]
    yield kernels.random.race, [state, np.ones((3, 5), dtype)]
    yield kernels.random.lookup, [state, np.ones((3, 5), dtype), 4]
    yield kernels.random.integers, [state, (3, 5), 2, 10, False]
    yield kernels.random.permutation, [state, 7]
    along = np.array([[0, 3, 1], [2, 2, 3]])
    yield kernels.movement.gather, [make(2, 4), along, 1]
    yield kernels.movement.put, [make(2, 4), along, make(2, 3), 1]
    yield kernels.movement.add, [make(2, 4), along, make(2, 3), 1]
    yield kernels.movement.take, [make(2, 4, 3), index, 1, True]
    yield kernels.movement.one_hot, [np.array([0, 2]), 3]
    yield kernels.movement.triangle, [make(2, 4, 3), 1, True]
    yield kernels.movement.choose, [make(3, 7) > 0, make(3, 7), 0.5]
    yield kernels.order.sort, [make(2, 40, 3), 1, True, False]
    yield kernels.order.topk, [make(2, 40, 3), 3, 1, True, True]
    yield kernels.order.median, [make(2, 40, 3), 1]
    yield kernels.order.extremes, [make(2, 40, 3), 1, True, False]
    yield kernels.scan.cumsum, [make(2, 40, 3), 1, True]
    yield kernels.scan.cumprod, [make(2, 40, 3), 1]
    yield kernels.scan.products_of_others, [make(2, 40, 3), 1]
    yield kernels.scan.cumprod_slope, [make(2, 40, 3), make(2, 40, 3), 1]
    yield kernels.scan.prod, [make(2, 40, 3), 1, False]


def test_every_entry_is_tried(kernels, dtype):
    tried = {function for function, _ in entries(kernels, dtype)}
    public = {
        value
        for module in kernels
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        # (a list of instructions is made of addresses, which nobody can check)
        and value is not kernels.tape.Flat
    }
    assert tried == public


@pytest.mark.parametrize("seed", range(4))
def test_strange_arguments_raise_at_worst(kernels, dtype, seed):
    """Whoever calls a kernel, with whatever: it returns, or raises an exception of Python's."""
    random = Random(seed)
    raised = 0
    for function, good in entries(kernels, dtype):
        function(*good)
        for _ in range(60 if good else 0):
            arguments = list(good)
            for place in random.choices(range(len(good)), k=random.choice((1, 1, 2))):
                value = arguments[place]
                other = random.choice(arguments)
                if isinstance(value, tuple):
                    inside = [
                        strange_array(random, v) if isinstance(v, np.ndarray) else v for v in value
                    ]
                    arguments[place] = random.choice(
                        ((), (None,), value * 2, (other,), [value], tuple(inside), tuple(inside))
                    )
                elif isinstance(value, np.ndarray) and random.random() < 0.8:
                    arguments[place] = strange_array(random, value)
                else:  # another argument perhaps, so that memory overlaps
                    arguments[place] = random.choice((other, random.choice(STRANGE)))
            try:
                function(*arguments)
            except (TypeError, ValueError, IndexError, OverflowError, MemoryError):
                raised += 1
    kernels.recurrent.set_threads(1)
    kernels.product.set_threads(1)
    assert raised > 200


@pytest.mark.parametrize("reduction", [-1, 3, 2**31 - 1])
def test_cross_entropy_unknown_reduction(kernels, dtype, reduction):
    arguments = np.ones((3, 4), dtype), np.array([0, 1, 2]), None, -100, 0.0, reduction
    with pytest.raises(ValueError, match=f"reduction: {reduction} is not one of"):
        kernels.loss.cross_entropy_forward(*arguments)
    with pytest.raises(ValueError, match=f"reduction: {reduction} is not one of"):
        kernels.loss.cross_entropy_backward(np.ones((), dtype), *arguments, 1.0)


@pytest.mark.parametrize("call", ["sgd", "adam"])
def test_optimizers_refuse_what_they_cannot_write(kernels, dtype, call):
    shapes, function = CALLS[call]
    make = Guarded(dtype)
    good = {name: make(*shape) for name, shape in shapes.items()}
    for name, array in good.items():
        array.flags.writeable = False
        if name == "grad":
            function(kernels, *good.values())
        else:
            with pytest.raises(ValueError, match=f"{name}: .*writeable"):
                function(kernels, *good.values())
        array.flags.writeable = True


# -- cross entropy --------------------------------------------------------------------------------


def cross_entropy(logits, target, weight, ignore_index, smoothing, reduction, d_loss):
    """Return loss, log_prob and d_logits in float64."""
    logits = logits.astype(np.float64)
    N, C = logits.shape
    w = np.ones(C) if weight is None else weight.astype(np.float64)
    kept = target != ignore_index
    y = np.where(kept, target, 0)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_prob = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    q = (1 - smoothing) * w[y, None] * np.eye(C)[y] + smoothing / C * w
    q *= kept[:, None]
    losses = -(q * log_prob).sum(axis=1)
    total = w[y][kept].sum()
    d = np.broadcast_to(d_loss.astype(np.float64), (N,)) / (total if reduction == MEAN else 1)
    d_logits = d[:, None] * (np.exp(log_prob) * q.sum(axis=1, keepdims=True) - q)
    loss = {NONE: losses, MEAN: losses.sum() / total, SUM: losses.sum()}[reduction]
    return np.asarray(loss), log_prob, d_logits


@pytest.mark.parametrize("reduction", [NONE, MEAN, SUM])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (5, 3), (4, 17), (7, 100), (33, 64)])
def test_cross_entropy(kernels, dtype, shape, weighted, smoothing, reduction):
    N, C = shape
    make = Guarded(dtype)
    logits = make(N, C, scale=5)
    weight = np.abs(make(C)) if weighted else None
    target = np.random.default_rng(1).integers(0, C, N)
    if N > 1:
        target[1] = -7
    arguments = (target, weight, -7, smoothing, reduction)
    d_loss = make(N) if reduction == NONE else np.abs(make(1)).reshape(())
    loss, log_prob, total_weight = kernels.loss.cross_entropy_forward(logits, *arguments)
    d_logits = kernels.loss.cross_entropy_backward(d_loss, log_prob, *arguments, total_weight)
    expected = cross_entropy(logits, *arguments, d_loss)
    for actual, wanted in zip((loss, log_prob, d_logits), expected, strict=True):
        assert_close(actual, wanted, dtype, C, size=1)  # differences of values of this size
    make.check()


def test_cross_entropy_takes_the_largest_logit_out(kernels, dtype):
    logits = np.array([[1000.0, 999.0, -1000.0], [-1e30, -1e30, 1e30]], dtype)
    target = np.array([1, 2])
    loss, log_prob, total = kernels.loss.cross_entropy_forward(logits, target, None, -1, 0.0, NONE)
    np.testing.assert_allclose(loss, [np.log1p(np.e), 0], rtol=1e-5)
    d_logits = kernels.loss.cross_entropy_backward(
        np.ones(2, dtype), log_prob, target, None, -1, 0.0, NONE, total
    )
    p = 1 / (1 + np.e)
    np.testing.assert_allclose(d_logits, [[1 - p, p - 1, 0], [0, 0, 0]], rtol=1e-4, atol=1e-30)


def test_cross_entropy_values_that_are_not_finite(kernels, dtype):
    logits = np.full((4, 20), 0.25, dtype)
    logits[0, 3], logits[1, 3], logits[2, 3] = np.nan, np.inf, -np.inf
    target = np.array([3, 3, 3, 3])
    loss, log_prob, _ = kernels.loss.cross_entropy_forward(logits, target, None, -1, 0.0, NONE)
    assert np.isnan(loss[0])
    assert np.isnan(log_prob[0]).all()
    assert np.isnan(loss[1])
    assert loss[2] == np.inf
    np.testing.assert_allclose(loss[3], np.log(20), rtol=1e-6)


def test_cross_entropy_over_no_sample(kernels, dtype):
    for logits, target in [
        (np.ones((2, 3), dtype), np.array([-1, -1])),
        (np.ones((0, 3), dtype), np.array([], np.int64)),
    ]:
        arguments = (target, None, -1, 0.0)
        loss, log_prob, total = kernels.loss.cross_entropy_forward(logits, *arguments, MEAN)
        assert np.isnan(loss)
        assert total == 0
        assert kernels.loss.cross_entropy_forward(logits, *arguments, SUM)[0] == 0
        assert kernels.loss.cross_entropy_forward(logits, *arguments, NONE)[0].shape == target.shape
        one = np.ones((), dtype)
        d_logits = kernels.loss.cross_entropy_backward(one, log_prob, *arguments, MEAN, total)
        np.testing.assert_array_equal(d_logits, np.zeros_like(logits))


@pytest.mark.parametrize("bad", [-1, 4, 2**40, -(2**62)])
def test_cross_entropy_target_out_of_bounds(kernels, dtype, bad):
    logits, target = np.ones((3, 4), dtype), np.array([0, bad, 1])
    with pytest.raises(IndexError, match=f"Target {bad} is out of bounds."):
        kernels.loss.cross_entropy_forward(logits, target, None, -100, 0.0, MEAN)
    with pytest.raises(IndexError, match=f"Target {bad} is out of bounds."):
        kernels.loss.cross_entropy_backward(
            np.ones((), dtype), logits, target, None, -100, 0.0, MEAN, 1.0
        )


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.array([0, 1]), r"shape is \(2,\), expected \(3,\)"),
        (np.array([[0, 1, 2]]), r"shape is \(1, 3\), expected \(3,\)"),
        (np.array([0, 1, 2], np.int32), "dtype is int32, expected int64"),
    ],
)
def test_cross_entropy_bad_target(kernels, dtype, target, words):
    with pytest.raises(ValueError, match=f"target: .*{words}"):
        kernels.loss.cross_entropy_forward(np.ones((3, 4), dtype), target, None, -100, 0.0, MEAN)


# -- optimizers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 16, 35, 100])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
@pytest.mark.parametrize(
    ("momentum", "dampening", "nesterov"),
    [(0.0, 0.0, False), (0.9, 0.0, False), (0.9, 0.3, False), (0.9, 0.0, True)],
)
def test_sgd(kernels, dtype, size, momentum, dampening, nesterov, weight_decay, maximize):
    make = Guarded(dtype)
    param, grad = make(size), make(size)
    buffer = make(size) if momentum else None
    p, b, lr = param.astype(np.float64), np.zeros(size), 0.1
    for step in range(3):
        g = (-1 if maximize else 1) * grad.astype(np.float64) + weight_decay * p
        b = g if step == 0 else momentum * b + (1 - dampening) * g
        p = p - lr * ((g + momentum * b if nesterov else b) if momentum else g)
        kernels.optim.sgd_step(
            param, grad, buffer, lr, momentum, dampening, weight_decay, nesterov, maximize,
            step == 0,
        )  # fmt: skip
        assert_close(param, p, dtype)
        if momentum:
            assert_close(buffer, b, dtype)
        grad[...] = make(size)
    make.check()


@pytest.mark.parametrize("size", [1, 3, 16, 35, 100])
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("weight_decay", "decoupled"), [(0.0, False), (0.2, False), (0.2, True)])
def test_adam(kernels, dtype, size, amsgrad, maximize, weight_decay, decoupled):
    make = Guarded(dtype)
    param, grad, m, v = make(size), make(size), make(size), make(size)
    m[...], v[...] = 0, 0
    v_max = v.copy() if amsgrad else None
    p, m_, v_, top = param.astype(np.float64), 0.0, 0.0, 0.0
    lr, beta1, beta2, eps = 0.1, 0.8, 0.95, 1e-3
    for step in range(1, 5):
        if decoupled:
            p = p * (1 - lr * weight_decay)
        g = (-1 if maximize else 1) * grad.astype(np.float64)
        g = g + (0 if decoupled else weight_decay) * p
        m_ = beta1 * m_ + (1 - beta1) * g
        v_ = beta2 * v_ + (1 - beta2) * g * g
        top = np.maximum(top, v_)
        denominator = np.sqrt((top if amsgrad else v_) / (1 - beta2**step)) + eps
        p = p - lr / (1 - beta1**step) * m_ / denominator
        kernels.optim.adam_step(
            param, grad, m, v, v_max, step, lr, beta1, beta2, eps, weight_decay, amsgrad,
            maximize, decoupled,
        )  # fmt: skip
        assert_close(param, p, dtype)
        assert_close(m, m_, dtype)
        assert_close(v, v_, dtype)
        if amsgrad:
            assert_close(v_max, top, dtype)
        grad[...] = make(size, scale=1 / step)
    make.check()


def test_adam_needs_its_maximum(kernels, dtype):
    arrays = [np.ones(3, dtype) for _ in range(4)]
    with pytest.raises(ValueError, match="max_exp_avg_sq: amsgrad needs"):
        kernels.optim.adam_step(*arrays, None, 1, 0.1, 0.9, 0.99, 1e-8, 0.0, True, False, False)


def test_optimizers_leave_an_infinite_parameter_alone(kernels, dtype):
    """Without weight decay the gradient does not depend on the parameter."""
    param, grad = np.array([np.inf, 1.0], dtype), np.array([2.0, 2.0], dtype)
    buffer = np.zeros(2, dtype)
    kernels.optim.sgd_step(param, grad, buffer, 0.5, 0.9, 0.0, 0.0, False, False, True)
    np.testing.assert_array_equal(param, [np.inf, 0])
    np.testing.assert_array_equal(buffer, [2, 2])


@pytest.mark.parametrize("shape", [(), (0,), (2, 3, 4)])
def test_optimizers_take_any_number_of_axes(kernels, dtype, shape):
    param = np.full(shape, 2, dtype)
    kernels.optim.sgd_step(
        param, np.ones(shape, dtype), None, 0.5, 0.0, 0.0, 0.0, False, False, True
    )
    np.testing.assert_array_equal(param, np.full(shape, 1.5, dtype))


# -- products -------------------------------------------------------------------------------------

# Of each way to multiply (see product.pyx), and at the edges of panels, strips and blocks of depth.
PRODUCT_SIZES = (
    (1, 1, 1), (4, 4, 4), (1, 9, 37), (2, 40, 7), (3, 17, 129), (7, 33, 65), (8, 5, 100),
    (9, 64, 64), (33, 70, 130), (40, 300, 33), (50, 1, 70), (70, 260, 1), (400, 270, 5),
)  # fmt: skip
LAYOUTS = {
    "rows": lambda make, n, m: make(n, m),
    "columns": lambda make, n, m: make(m, n).T,
    "reversed": lambda make, n, m: make(n, m)[::-1, ::-1],
    "strided": lambda make, n, m: make(2 * n, 3 * m)[::2, ::3],
    "expanded": lambda make, n, m: np.broadcast_to(make(n, 1), (n, m)),
}


@pytest.mark.parametrize("layout_b", LAYOUTS)
@pytest.mark.parametrize("layout_a", LAYOUTS)
def test_products_of_matrices_in_any_layout(kernels, dtype, layout_a, layout_b):
    for rows, depth, cols in PRODUCT_SIZES:
        make = Guarded(dtype)
        a, b = LAYOUTS[layout_a](make, rows, depth), LAYOUTS[layout_b](make, depth, cols)
        expected = a.astype(np.float64) @ b.astype(np.float64)
        # (of one number again and again every sum is rounded the same way)
        terms = depth**2 if "expanded" in (layout_a, layout_b) else depth
        assert_close(kernels.product.matmul(a, b), expected, dtype, terms)
        weight, bias = b.T, make(cols)
        assert_close(kernels.product.linear(a, weight, bias), expected + bias, dtype, terms)
        make.check()


@pytest.mark.parametrize(("a_axes", "b_axes"), [
    ((5,), (5,)), ((3,), ()), ((), (2, 3)), ((2, 1), (1, 3)), ((1, 2), (3, 2)),
])  # fmt: skip
def test_stacks_of_products(kernels, dtype, a_axes, b_axes):
    for rows, depth, cols in ((4, 4, 4), (6, 20, 1), (1, 20, 33), (35, 3, 40)):
        make = Guarded(dtype)
        for a in (make(*a_axes, rows, depth), make(*a_axes, depth, rows).swapaxes(-1, -2)):
            for b in (make(*b_axes, depth, cols), make(*b_axes, cols, depth).swapaxes(-1, -2)):
                expected = np.matmul(a.astype(np.float64), b.astype(np.float64))
                assert_close(kernels.product.matmul(a, b), expected, dtype, depth)
        x, weight = make(*a_axes, rows, depth), make(cols, depth)
        expected = x.astype(np.float64) @ weight.astype(np.float64).T
        assert_close(kernels.product.linear(x, weight, None), expected, dtype, depth)
        make.check()


def test_products_with_vectors(kernels, dtype):
    make = Guarded(dtype)
    matrix, row, column = make(33, 70), make(33), make(140)[::2]
    for a, b in ((matrix, column), (row, matrix), (make(3, 20, 70), column), (row, make(3, 33, 2))):
        expected = np.matmul(a.astype(np.float64), b.astype(np.float64))
        assert_close(kernels.product.matmul(a, b), expected, dtype, 70)
    assert kernels.product.matmul(row, row) is None
    make.check()


def test_products_are_the_same_with_any_number_of_threads(kernels, dtype):
    make = Guarded(dtype)
    pairs = [
        (make(64, 300), make(200, 300).T), (make(64, 300), make(300, 200)),
        (make(300, 400).T, make(300, 30)), (make(9, 70, 90), make(9, 90, 80)),
        (make(1500, 1000), make(1000)), (make(900, 1), make(1, 1200)),
    ]  # fmt: skip
    try:
        results = []
        for count in (1, 2, 5):
            kernels.product.set_threads(count)
            results.append([kernels.product.matmul(a, b) for a, b in pairs])
    finally:
        kernels.product.set_threads(_kernels.threads)
    for first, *others in zip(*results, strict=True):
        for other in others:
            np.testing.assert_array_equal(first, other)
    make.check()


def test_products_keep_what_is_not_a_usual_number(kernels, dtype):
    tiny = np.full((2, 3), np.finfo(dtype).tiny / 4, dtype)  # a denormal number
    assert (kernels.product.matmul(tiny, np.ones((3, 40), dtype)) > 0).all()
    x = np.ones((5, 9), dtype)
    x[1, 2], x[3, 4] = np.nan, np.inf
    y = kernels.product.matmul(x, np.ones((9, 6), dtype))
    assert np.isnan(y[1]).all()
    assert np.isinf(y[3]).all()
    assert (y[[0, 2, 4]] == 9).all()


def test_products_that_are_left_to_numpy(kernels, dtype):
    x = np.ones((3, 4), dtype)
    for a, b in (
        (x, np.ones((4, 2), int)), (x.astype(int), x.T), (x, x), (x[:0], x.T), (x[:, :0], x.T[:0]),
        (np.float32(2), x), (x.view(np.dtype(dtype).newbyteorder()), x.T), (x, None),
        (np.broadcast_to(x[:1, :1], (2, 2**45)), np.broadcast_to(x[:1, :1], (2**45, 2))),
        (np.broadcast_to(x, (3, 3, 4)), np.broadcast_to(x.T, (2, 4, 3))),
    ):  # fmt: skip
        assert kernels.product.matmul(a, b) is None
    assert kernels.product.linear(x, np.ones((2, 4), dtype), np.ones(3, dtype)) is None
    assert kernels.product.linear(x[0], np.ones((2, 4), dtype), None) is None
    assert kernels.product.linear(np.ones((2, 3, 8), dtype)[..., ::2], x, None) is None
