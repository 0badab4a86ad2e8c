"""Sums of many numbers are as accurate as short ones, in every operation and along every axis.

The numbers are all of about one size, the hardest case: a total that takes them one by one grows
past what its digits can hold. `test_one_by_one_is_not_accurate` says how far off that is; what is
allowed here is a thousandth of it.
"""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import _kernels, nn
from minigrad.arrays.sums import add_at, dot, total, total_of_products

ROWS = 300_000
ALLOWED = 1e-6


LEVELS = _kernels.available_levels()


@pytest.fixture(params=[*LEVELS, "reference"])
def level(request):
    before = _kernels.level
    _kernels.set_level(request.param)
    yield request.param
    _kernels.set_level(before)


@pytest.fixture(params=LEVELS)
def kernel_level(request):
    before = _kernels.level
    _kernels.set_level(request.param)
    yield request.param
    _kernels.set_level(before)


def numbers(*shape, dtype=np.float32):
    return (0.7 + 0.01 * np.random.default_rng(1).random(shape)).astype(dtype)


def error(got, expected):
    got, expected = [np.asarray(getattr(v, "array", v), np.float64) for v in (got, expected)]
    assert got.shape == expected.shape
    return np.abs(got / expected - 1).max()


def test_one_by_one_is_not_accurate():
    x = numbers(ROWS, 2)
    assert error(np.add.reduce(x, axis=0), x.sum(0, np.float64)) > 500 * ALLOWED


LAYOUTS = {
    "first axis": lambda: (numbers(ROWS, 2), 0),
    "first axis of wide rows": lambda: (numbers(2000, 1100), 0),
    "last axis": lambda: (numbers(2, ROWS), 1),
    "last axis, transposed": lambda: (numbers(ROWS, 2).T, 1),
    "middle axis": lambda: (numbers(2, ROWS, 2), 1),
    "two axes around one": lambda: (numbers(ROWS // 10, 2, 10), (0, 2)),
    "leading axes": lambda: (numbers(ROWS // 5, 5, 2), (0, 1)),
    "strided": lambda: (numbers(ROWS, 3)[::-1, ::2], 0),
    "all of a part": lambda: (numbers(ROWS, 3)[:, :2], None),
    "all, transposed": lambda: (numbers(ROWS, 2).T, None),
    "broadcast": lambda: (np.broadcast_to(numbers(2), (ROWS, 2)), 0),
    "broadcast, last axis": lambda: (np.broadcast_to(numbers(2, 1), (2, ROWS)), 1),
    "windows": lambda: (np.lib.stride_tricks.sliding_window_view(numbers(ROWS), 3), 0),
}


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_total(layout, keepdims, level):
    x, axes = LAYOUTS[layout]()
    expected = np.add.reduce(x.astype(np.float64), axis=axes, keepdims=keepdims)
    got = total(x, axes, keepdims)
    assert got.dtype == np.float32
    assert error(got, expected) < ALLOWED


@pytest.mark.parametrize("n", [10**3, 10**4, 10**5, 10**6, 10**7])
def test_the_error_does_not_grow_with_the_number(n):
    x = np.broadcast_to(np.array([0.1, 0.7], np.float32), (n, 2))
    assert error(total(x, 0), x[0].astype(np.float64) * n) < ALLOWED


@pytest.mark.parametrize(
    "shape", [(1, 1), (129, 9), (1025, 1), (1000, 64), (4161, 3), (70, 70, 70)]
)
def test_every_entry_counts_once(shape, level):
    """Integers in floats, whose sums are exact: whatever is left over at the end of the blocks."""
    x = np.random.default_rng(2).integers(0, 10, shape).astype(np.float64)
    for axis in (*range(len(shape)), None):
        assert np.array_equal(total(x, axis), x.astype(np.int64).sum(axis))


def logsumexp(x, axes, keepdims):
    top = x.max(axes, keepdims=True)
    y = np.log(np.exp(x - top).sum(axes, keepdims=True)) + top
    return y if keepdims else y.squeeze(axes)


KERNELS = {
    "sum": (lambda x, axes, keepdims: x.sum(axes, keepdims=keepdims), ()),
    "mean": (lambda x, axes, keepdims: x.mean(axes, keepdims=keepdims), ()),
    "norm": (lambda x, axes, keepdims: np.sqrt((x * x).sum(axes, keepdims=keepdims)), ()),
    "var": (lambda x, axes, keepdims: x.var(axes, keepdims=keepdims)
            * (x.size / x.sum(axes).size) / 1.5, (1.5,)),
    "std": (lambda x, axes, keepdims: x.std(axes, keepdims=keepdims)
            * np.sqrt(x.size / x.sum(axes).size / 1.5), (1.5,)),
    "logsumexp": (logsumexp, ()),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((), None), ((1,), 0), ((5, 3), None), ((5, 3), (1,)), ((5, 3), (0,)), ((37, 41), (0,)),
     ((2, 3, 700), (2,)), ((9, 3, 35), (1,)), ((3, 17, 5, 33), (1, 2)), ((3, 4, 5), (2, 0, 1))],
)  # fmt: skip
def test_kernels_of_reductions(kernel_level, dtype, name, shape, axes):
    function, options = KERNELS[name]
    x = np.random.default_rng(3).normal(0.5, 2, shape).astype(dtype)
    for keepdims in (False, True):
        got = _kernels.kernels_for(x.dtype).sums.reduced(name, x, axes, keepdims, *options)
        if name in ("sum", "mean") and got is None:
            assert x.size > 1024  # NumPy adds long columns as fast
            continue
        expected = function(x.astype(np.longdouble), axes, keepdims)
        assert (got.shape, got.dtype) == (np.shape(expected), dtype)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(got, expected, 8 * eps, 8 * eps)


@pytest.mark.parametrize(
    ("name", "x", "axes"),
    [("sum", np.ones((3, 4), np.float32).T, 0), ("sum", np.ones(6, np.float32)[::2], None),
     ("sum", np.ones((3, 4, 5), np.float32), (0, 2)), ("sum", np.ones((3, 4), np.int64), 0),
     ("var", np.ones((0, 4), np.float32), 0), ("sum", np.ones((3, 4), np.float32), ()),
     ("sum", np.ones((3, 4), np.float32), 2), ("sum", 1.0, None), ("no", np.ones(3, "f"), 0)],
)  # fmt: skip
def test_what_the_kernel_leaves_to_numpy(kernel_level, name, x, axes):
    assert _kernels.kernels_for(np.dtype("float32")).sums.reduced(name, x, axes, False) is None


@pytest.mark.parametrize("dim", [0, 1])
def test_infinities_and_nan_in_logsumexp(level, dim):
    inf, nan = np.inf, np.nan
    x = np.array(
        [[-inf, -inf], [inf, 1], [inf, -inf], [1, nan], [inf, nan], [nan, -inf], [-inf, 2]]
    )
    expected = [-inf, inf, inf, nan, nan, nan, 2]
    x = np.tile(x, (1, 20)).astype("float32")
    got = mg.logsumexp(mg.tensor(x if dim else x.T.copy()), dim).numpy()
    np.testing.assert_allclose(got[:-1], expected[:-1])
    np.testing.assert_allclose(got[-1], 2 + np.log(20), 1e-6)


def test_var_of_large_numbers_that_hardly_differ(level):
    x = 1e6 + np.random.default_rng(4).random((300, 300))
    for dim in (0, 1):
        got = mg.tensor(x.astype("float32")).var(dim).numpy()
        np.testing.assert_allclose(got, x.astype("float32").astype(float).var(dim, ddof=1), 1e-4)
    assert not mg.full((7, 300), 1e6 + 0.3).var(1).any()


REDUCTIONS = {
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(0),
    "var": lambda x: x.var(0),
    "std": lambda x: x.std(0),
    "var_mean": lambda x: mg.stack(list(mg.var_mean(x, 0))),
    "norm": lambda x: x.norm(dim=0),
    "norm of order 1": lambda x: x.norm(1, dim=0),
    "norm of order 3": lambda x: x.norm(3, dim=0),
    "logsumexp": lambda x: mg.logsumexp(x, 0).exp(),
    "softmax": lambda x: x.softmax(0)[:1],
    "cumsum": lambda x: x.cumsum(0)[-1],
    "einsum of two axes": lambda x: mg.einsum("ij,ij->", x, x),
    "dot": lambda x: mg.dot(x[:, 0], x[:, 1]),
    "dist": lambda x: mg.dist(x, x * 2),
    "mse_loss": lambda x: F.mse_loss(x, x * 2),
    "weighted": lambda x: F.binary_cross_entropy(x, x.round(), weight=x),
    "nll_loss": lambda x: F.nll_loss(x, mg.zeros(len(x), dtype=mg.int64), x[0]),
    "cross_entropy": lambda x: F.cross_entropy(x, mg.zeros(len(x), dtype=mg.int64)),
    "many classes": lambda x: F.cross_entropy(x.T, mg.zeros(2, dtype=mg.int64)),
    "norm of gradients": lambda x: nn.utils.get_total_norm([x]),
    "index_add": lambda x: mg.zeros(1, 2, dtype=x.dtype).index_add(
        0, mg.zeros(len(x), dtype=mg.int64), x
    ),
    "scatter_add": lambda x: mg.zeros(1, 2, dtype=x.dtype).scatter_add(
        0, mg.zeros(*x.shape, dtype=mg.int64), x
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, level):
    x = numbers(ROWS, 2)
    allowed = 20 * ALLOWED if name == "logsumexp" else ALLOWED  # (exp makes it 13 times as large)
    got, expected = [REDUCTIONS[name](mg.tensor(v)) for v in (x, x.astype(np.float64))]
    assert got.dtype is mg.float32
    assert error(got, expected) < allowed


def test_a_product_of_matrices_is_as_accurate_as_numpy_makes_it():
    """Which depends on its library and the processor, so that there is no other bound."""
    x = numbers(ROWS, 2)
    expected = x.T.astype(np.float64) @ x.astype(np.float64)
    got = mg.einsum("ij,ik->jk", mg.tensor(x), mg.tensor(x))
    assert error(got, expected) < max(ALLOWED, 4 * error(x.T @ x, expected))


GRADIENTS = {
    "bias of Linear": lambda x, w: F.linear(x, mg.zeros(2, 2, dtype=x.dtype), w[0]),
    "broadcast row": lambda x, w: x * w[:1],
    "broadcast number": lambda x, w: x * w[0, 0],
    "expanded": lambda x, w: w[:1].expand(len(x), 2) * x,
    "weight of layer_norm": lambda x, w: F.layer_norm(x, (2,), w[0], w[1]) * mg.tensor([1.0, 2.0]),
    "weight of batch_norm": lambda x, w: F.batch_norm(x, w[0] * 0, w[1] ** 0, w[0], w[1]),
    "embedding": lambda x, w: F.embedding(mg.zeros(len(x), dtype=mg.int64), w) * x,
    "word among others": lambda x, w: F.embedding(mg.arange(len(x)) % 3 // 2, w) * x,
    "index_select": lambda x, w: w.index_select(1, mg.zeros(len(x), dtype=mg.int64)).T * x,
    "gather": lambda x, w: w.gather(0, mg.zeros(*x.shape, dtype=mg.int64)) * x,
    "cumsum": lambda x, w: (x * w[:1]).cumsum(0)[-1],
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name, level):
    x, w = numbers(ROWS, 2), numbers(2, 2)
    found = []
    for dtype in (np.float32, np.float64):
        leaf = mg.tensor(w.astype(dtype), requires_grad=True)
        y = GRADIENTS[name](mg.tensor(x.astype(dtype)), leaf)
        # (all of one sign, which sums of normalised numbers are not)
        (y * y.detach().sign()).backward(mg.ones(*y.shape, dtype=y.dtype))
        found.append(leaf.grad)
    got, expected = found
    assert error(got + 1, expected + 1) < ALLOWED


@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.LayerNorm])
def test_statistics(layer):
    x = numbers(ROWS, 3)
    if layer is nn.BatchNorm1d:
        norm = layer(3, momentum=1.0)
        norm(mg.tensor(x))
        assert error(norm.running_mean, x.mean(0, np.float64)) < ALLOWED
        assert error(norm.running_var, x.var(0, np.float64, ddof=1)) < ALLOWED
    else:
        y, expected = [F.layer_norm(mg.tensor(v), v.shape) for v in (x, x.astype(np.float64))]
        assert error(y + 10, expected + 10) < ALLOWED


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU", "IndRNN"])
def test_gradients_of_recurrent_layers(cell, kernel_level):
    mg.manual_seed(1)
    options = {"nonlinearity": "tanh"} if cell == "IndRNN" else {}
    layer, exact = getattr(nn, cell)(2, 2, **options), getattr(nn, cell)(2, 2, **options).double()
    exact.load_state_dict(layer.state_dict())
    x = mg.tensor(numbers(4000, 50, 2))
    for module, values in ((layer, x), (exact, x.double())):
        module(values)[0].sum().backward()
    for got, expected in zip(layer.parameters(), exact.parameters()):
        assert (got.grad - expected.grad).norm() < 2 * ALLOWED * expected.grad.norm()


def test_float16_is_summed_in_float32():
    x = mg.ones(100_000, 2, dtype=mg.float16)
    assert (x[:4000].sum(0) == 4000).all()
    assert (x.mean(0) == 1).all()
    assert ((x * 30).mean() == 30).all()  # the sum alone would be infinite
    assert (x * 30).std() == 0
    assert F.mse_loss(x * 30, x) == 841
    assert x[:40_000, 0].cumsum(0)[-1] == 40_000
    assert (x[:40_000] * 0.5).norm() == pytest.approx(141.4, rel=1e-3)


def test_other_types_are_summed_as_before():
    assert total(np.full((3000, 2), 2**40), 0).tolist() == [3000 * 2**40] * 2
    assert mg.ones(3000, 2, dtype=mg.bool).sum(0).tolist() == [3000, 3000]
    assert mg.ones(3000, dtype=mg.int64).cumsum(0)[-1] == 3000


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_infinity_and_nan_come_through(special):
    x = numbers(ROWS, 2)
    x[ROWS // 2, 1] = special
    assert np.array_equal(total(x, 0)[1:], [special], equal_nan=True)
    assert np.isfinite(total(x, 0)[0])


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("shape", [(5000, 3, 2), (70, 3, 80), (3, 5001, 1), (2, 3, 4)])
def test_total_of_products(shape, axes):
    x, y = numbers(*shape), numbers(*shape)[::-1]
    expected = np.add.reduce(x.astype(np.float64) * y, axis=axes)
    assert error(total_of_products(x, y, axes), expected) < ALLOWED


def test_dot_of_strided_vectors():
    a, b = numbers(ROWS, 2)[:, 0], numbers(ROWS)[::-1]
    assert error(dot(a, b), a.astype(np.float64) @ b.astype(np.float64)) < ALLOWED


def test_add_at_with_numbers_and_slices():
    out = np.zeros((2, 3), np.float32)
    add_at(out, (slice(None), np.array([0, 0, 2])), 1.0)
    assert out.tolist() == [[2, 0, 1], [2, 0, 1]]
