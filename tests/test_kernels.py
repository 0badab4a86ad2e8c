"""The compiled kernels, each against its equations written once more here in plain float64 NumPy.

Every test runs at every SIMD level that was built and that this machine has, for both dtypes.
"""

import numpy as np
import pytest

from minigrad import _kernels

LEVELS = _kernels.available_levels()
DTYPES = ("float32", "float64")
SIZES = (1, 2, 3, 5, 7, 15, 16, 17, 31, 33, 64, 100)
SENTINEL = 123.0
NONE, MEAN, SUM = 0, 1, 2


@pytest.fixture(params=LEVELS)
def level(request):
    before = _kernels.level
    _kernels.set_level(request.param)
    yield request.param
    _kernels.set_level(before)


@pytest.fixture(params=DTYPES)
def dtype(request, level):
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


# -- rnn ------------------------------------------------------------------------------------------


def rnn_forward(x, h_0, w_ih, w_hh, b_ih, b_hh, relu):
    x, h_0, w_ih, w_hh, b_ih, b_hh = (
        0.0 if a is None else a.astype(np.float64) for a in (x, h_0, w_ih, w_hh, b_ih, b_hh)
    )
    T, N, H = len(x), x.shape[1], len(w_hh)
    hidden = np.zeros((T + 1, N, H))
    hidden[0] = h_0
    for t in range(T):
        pre = x[t] @ w_ih.T + b_ih + hidden[t] @ w_hh.T + b_hh
        hidden[t + 1] = np.maximum(pre, 0) if relu else np.tanh(pre)
    return hidden


def rnn_backward(d_hidden, x, hidden, w_ih, w_hh, relu):
    d_hidden, x, hidden, w_ih, w_hh = (
        a.astype(np.float64) for a in (d_hidden, x, hidden, w_ih, w_hh)
    )
    d_x, d_h = np.zeros_like(x), np.zeros_like(hidden[0])
    d_w_ih, d_w_hh, d_bias = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros(len(w_hh))
    for t in reversed(range(len(x))):
        y = hidden[t + 1]
        d_pre = (d_hidden[t] + d_h) * ((y > 0) if relu else (1 - y * y))
        d_x[t] = d_pre @ w_ih
        d_h = d_pre @ w_hh
        d_w_ih += d_pre.T @ x[t]
        d_w_hh += d_pre.T @ hidden[t]
        d_bias += d_pre.sum(axis=0)
    return d_x, d_h, d_w_ih, d_w_hh, d_bias


def check_rnn(kernels, dtype, T, N, I, H, relu, seed=0):  # noqa: E741 (the field's letter)
    make = Guarded(dtype, seed)
    x, h_0 = make(T, N, I), make(N, H)
    w_ih = make(H, I, scale=1 / np.sqrt(max(I, 1)))
    w_hh = make(H, H, scale=1 / np.sqrt(max(H, 1)))
    b_ih, b_hh = make(H), make(H)
    given = [a.copy() for a in (x, h_0, w_ih, w_hh, b_ih, b_hh)]

    hidden = kernels.rnn.forward(x, h_0, w_ih, w_hh, b_ih, b_hh, relu)
    # Rounding errors pass from step to step: every step adds as many as it has products.
    terms = (I + H) * (T + 1)
    assert_close(hidden, rnn_forward(x, h_0, w_ih, w_hh, b_ih, b_hh, relu), dtype, terms)
    np.testing.assert_array_equal(hidden[0], h_0)

    d_hidden, hidden_in = make(T, N, H), make(T + 1, N, H)
    hidden_in[...] = hidden
    gradients = kernels.rnn.backward(
        d_hidden, x, hidden_in, w_ih, w_hh, relu, True, True, True, True
    )
    expected = rnn_backward(d_hidden, x, hidden, w_ih, w_hh, relu)
    for actual, wanted in zip(gradients, expected, strict=True):
        assert_close(actual, wanted, dtype, terms + T * N + T * H)
    make.check()
    for before, after in zip(given, (x, h_0, w_ih, w_hh, b_ih, b_hh), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("T", [1, 3, 5])
@pytest.mark.parametrize("relu", [False, True])
def test_rnn_sizes(kernels, dtype, size, T, relu):
    check_rnn(kernels, dtype, T, size, 6, 9, relu)
    check_rnn(kernels, dtype, T, 4, size, 9, relu)
    check_rnn(kernels, dtype, T, 4, 6, size, relu)
    check_rnn(kernels, dtype, T, 13, 10, size, relu)


@pytest.mark.parametrize(
    ("T", "N", "I", "H"), [(40, 20, 19, 70), (3, 130, 300, 80), (300, 2, 5, 11), (9, 32, 290, 260)]
)
@pytest.mark.parametrize("relu", [False, True])
def test_rnn_long_and_wide(kernels, dtype, T, N, I, H, relu):  # noqa: E741
    """More rows, and deeper products, than one block of the packed product has."""
    check_rnn(kernels, dtype, T, N, I, H, relu)


@pytest.mark.parametrize("N", [2, 40])
@pytest.mark.parametrize("absent", [{"h_0"}, {"b_ih"}, {"b_hh"}, {"b_ih", "b_hh"}])
def test_rnn_without_state_or_bias(kernels, dtype, N, absent):
    make = Guarded(dtype)
    arguments = {
        "x": make(3, N, 6),
        "h_0": make(N, 9),
        "w_ih": make(9, 6),
        "w_hh": make(9, 9),
        "b_ih": make(9),
        "b_hh": make(9),
    }
    arguments.update(dict.fromkeys(absent))
    hidden = kernels.rnn.forward(*arguments.values(), False)
    assert_close(hidden, rnn_forward(*arguments.values(), False), dtype, 60)


@pytest.mark.parametrize("needed", range(5))
@pytest.mark.parametrize("N", [2, 40])
def test_rnn_gradients_one_at_a_time(kernels, dtype, N, needed):
    make = Guarded(dtype)
    x, w_ih, w_hh = make(3, N, 6), make(9, 6), make(9, 9)
    hidden, d_hidden = make(4, N, 9), make(3, N, 9)
    flags = [needed == 0, needed == 1, needed in (2, 3), needed == 4]
    gradients = kernels.rnn.backward(d_hidden, x, hidden, w_ih, w_hh, False, *flags)
    everything = kernels.rnn.backward(d_hidden, x, hidden, w_ih, w_hh, False, *[True] * 4)
    present = [flags[0], flags[1], flags[2], flags[2], flags[3]]
    for actual, wanted, there in zip(gradients, everything, present, strict=True):
        if there:
            np.testing.assert_array_equal(actual, wanted)
        else:
            assert actual is None


@pytest.mark.parametrize(
    "shape", [(0, 2, 3, 4), (3, 0, 3, 4), (3, 2, 0, 4), (3, 40, 0, 4), (3, 2, 3, 0), (0, 0, 0, 0)]
)
def test_rnn_empty_axes(kernels, dtype, shape):
    check_rnn(kernels, dtype, *shape, False)


@pytest.mark.parametrize("N", [1, 40])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rnn_values_that_are_not_finite(kernels, dtype, N, value):
    """They stay in their row, and come out as np.tanh and np.maximum let them out."""
    make = Guarded(dtype)
    x, h_0, w_ih, w_hh = make(1, N, 6), make(N, 21), make(21, 6), make(21, 21)
    x[0, N - 1, 2] = value
    for relu in (False, True):
        hidden = kernels.rnn.forward(x, h_0, w_ih, w_hh, None, None, relu)
        expected = rnn_forward(x, h_0, w_ih, w_hh, None, None, relu)
        np.testing.assert_allclose(hidden, expected, rtol=1e-4, atol=1e-5)
        assert not np.isfinite(expected[1, N - 1]).all() or not relu


def test_tanh_is_accurate(kernels, dtype):
    """Within a few units in the last place of the true value, over the whole line."""
    info = np.finfo(dtype)
    points = [np.linspace(1e-3, 25, 20_001), np.geomspace(info.tiny, 30, 20_001), [1e30]]
    x = np.concatenate([*points, -np.concatenate(points)]).astype(dtype)
    one, none = np.ones((1, 1), dtype), np.zeros((1, 1), dtype)
    for rows in (x.reshape(1, -1, 1), x[:5].reshape(1, -1, 1)):
        y = kernels.rnn.forward(rows, None, one, none, None, None, False)[1].ravel()
        expected = np.tanh(rows.ravel().astype(np.longdouble))
        error = np.abs(y - expected) / np.spacing(np.abs(expected.astype(dtype)))
        assert error.max() < 4
        assert (np.abs(y) <= 1).all()
        np.testing.assert_array_equal(np.signbit(y), np.signbit(rows.ravel()))


# -- arguments ------------------------------------------------------------------------------------

RNN_FORWARD = {
    "x": (3, 2, 6),
    "h_0": (2, 9),
    "w_ih": (9, 6),
    "w_hh": (9, 9),
    "b_ih": (9,),
    "b_hh": (9,),
}
RNN_BACKWARD = {
    "d_hidden": (3, 2, 9),
    "x": (3, 2, 6),
    "hidden": (4, 2, 9),
    "w_ih": (9, 6),
    "w_hh": (9, 9),
}
SGD = {"param": (3, 4), "grad": (3, 4), "momentum_buffer": (3, 4)}
ADAM = dict.fromkeys(("param", "grad", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"), (3, 4))
CALLS = {
    "rnn_forward": (RNN_FORWARD, lambda k, *a: k.rnn.forward(*a, False)),
    "rnn_backward": (RNN_BACKWARD, lambda k, *a: k.rnn.backward(*a, False, *[True] * 4)),
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
            if (call, name, axis) == ("rnn_forward", "x", 0):
                continue  # any number of steps will do
            with pytest.raises(ValueError, match=r"\w+: shape is \(.*\), expected \("):
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


@pytest.mark.parametrize("call", ["rnn_forward", "rnn_backward", "sgd", "adam"])
def test_things_that_are_no_arrays_raise(kernels, call):
    shapes, function = CALLS[call]
    arrays = [np.zeros(shape) for shape in shapes.values()]
    with pytest.raises(TypeError):
        function(kernels, [1.0], *arrays[1:])
    with pytest.raises(TypeError):
        function(kernels, None, *arrays[1:])


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
