"""Kernels that move, order and accumulate entries: the same as without them, at every level."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels

F = mg.nn.functional
INDEX = mg.tensor([0, 2, 2, 1, 0])
ALONG = mg.tensor([[0, 2, 1, 1, 0], [2, 2, 0, 1, 1]])  # fits the first places of 3 x 5, and 5 x 3


def along(x, axis):
    return (ALONG if axis else ALONG.t())[:2, :2]


OPERATIONS = {
    "gather": lambda x, axis: x.gather(axis, along(x, axis)),
    "take_along_dim": lambda x, axis: mg.take_along_dim(x, x.argsort(axis) - x.shape[axis], axis),
    "scatter": lambda x, axis: x.scatter(axis, x.argsort(axis), x * 2),
    "scatter a number": lambda x, axis: x.scatter(axis, along(x, axis), 3),
    "scatter_add": lambda x, axis: x.scatter_add(axis, along(x, axis), x * 2),
    "index_select": lambda x, axis: x.index_select(axis, INDEX),
    "index_add": lambda x, axis: x.index_add(axis, INDEX[:3], x.narrow(axis, 0, 3)),
    "x[index]": lambda x, axis: x[:, INDEX - 3] if axis else x[INDEX - 3],
    "x[index of two axes]": lambda x, axis: x[:, ALONG] if axis else x[ALONG],
    "embedding": lambda x, axis: F.embedding(ALONG, x),
    "cat": lambda x, axis: mg.cat([x, x * 2, x.narrow(axis, 1, 2)], axis),
    "stack": lambda x, axis: mg.stack([x, x * 2], axis - 1),
    "expand": lambda x, axis: x.unsqueeze(axis).expand(2, *x.unsqueeze(axis).shape) * 1,
    "sum": lambda x, axis: x.sum(axis),
    "mean": lambda x, axis: x.mean(axis, keepdim=True),
    "tril": lambda x, axis: x.tril(axis - 1),
    "triu": lambda x, axis: x.triu(axis + 1),
    "where": lambda x, axis: mg.where(x > 0.2, x, x * 3),
    "where, a number": lambda x, axis: mg.where(x > 0.2, 1.5, x),
    "masked_fill": lambda x, axis: x.masked_fill(x > 0.2, -1),
    "cumsum": lambda x, axis: x.cumsum(axis),
    "cumprod": lambda x, axis: x.cumprod(axis),
    "prod": lambda x, axis: x.prod(axis, keepdim=True),
    "prod of all": lambda x, axis: x.prod(),
    "sort": lambda x, axis: x.sort(axis, descending=True).values,
    "argsort": lambda x, axis: x.argsort(axis) * 1.0 + 0 * x,
    "topk": lambda x, axis: x.topk(2, axis).values,
    "median": lambda x, axis: x.median(axis).values,
    "max": lambda x, axis: x.max(axis).values,
    "amin": lambda x, axis: x.amin(axis, keepdim=True),
    "argmin": lambda x, axis: x.argmin(axis, keepdim=True) + 0 * x,
    "max of all": lambda x, axis: x.max(),
}  # fmt: skip


def value_and_gradient(operation, x, axis, order):
    leaf = mg.tensor(x).requires_grad_()
    y = operation(leaf if order == "C" else leaf.t(), axis if order == "C" else 1 - axis)
    y.backward(mg.linspace(-1, 2, y.numel(), dtype=leaf.dtype).reshape(y.shape))
    return y.detach().numpy(), leaf.grad.numpy()


def steps(x):
    return [s for s, n in zip(x.strides, x.shape, strict=True) if n > 1]


ROWS = {
    "numbers": lambda rng: rng.normal(size=(3, 5)),
    "equal ones": lambda rng: rng.integers(-1, 2, (3, 5)) * 1.0,
    "special": lambda rng: rng.choice([0.0, -0.0, 1, np.inf, -np.inf, np.nan], (3, 5)),
    "long": lambda rng: rng.normal(1, 0.1, (70, 300)),
}  # fmt: skip


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operations_equal_their_formulas(kernel_level, dtype, rows, axis, order):
    x = ROWS[rows](np.random.default_rng(1)).astype(dtype)
    for name, operation in OPERATIONS.items():
        _kernels.set_level(kernel_level)
        with_kernel = value_and_gradient(operation, x, axis, order)
        _kernels.set_level("reference")
        formula = value_and_gradient(operation, x, axis, order)
        for a, b in zip(with_kernel, formula, strict=True):
            assert (a.shape, a.dtype, steps(a)) == (b.shape, b.dtype, steps(b)), name
            eps = 500 * np.finfo(dtype).eps
            np.testing.assert_allclose(a, b, eps, eps, err_msg=name)


@pytest.mark.parametrize("wrong", [-1, 3, 2**40])
def test_no_index_reaches_beyond_its_axis(kernel_level, wrong):
    """What is written to is as before then."""
    x, index = mg.ones(3, 3), mg.tensor([[0, 1], [2, wrong]])
    for call in (
        lambda: x.gather(1, index), lambda: x.scatter_(1, index, 5.0),
        lambda: x.scatter_(0, index, mg.zeros(2, 2)),
        lambda: x.scatter_add_(1, index, mg.ones(2, 2)), lambda: x[index - 3 * (index < 0)],
        lambda: x.index_select(0, index[1]), lambda: x.index_add_(1, index[1], mg.ones(3, 2)),
        lambda: F.embedding(index, x), lambda: F.one_hot(index, 3),
    ):  # fmt: skip
        with pytest.raises((IndexError, RuntimeError)):
            call()
    assert mg.equal(x, mg.ones(3, 3))


def test_many_small_numbers_are_added_in_double(kernel_level):
    """A million of them, at one place: in float32 the sum would stop growing."""
    index, ones = mg.zeros(1, 2**20, dtype=mg.int64), mg.full((1, 2**20), 0.1)
    total = mg.zeros(1, 3).scatter_add(1, index, ones)
    np.testing.assert_allclose(total.numpy(), [[0.1 * 2**20, 0, 0]], 1e-6)
    total = mg.zeros(2, 3).index_add(1, index[0], ones.expand(2, -1))
    np.testing.assert_allclose(total.numpy(), [[0.1 * 2**20, 0, 0]] * 2, 1e-6)


@pytest.mark.parametrize("dtype", [mg.int64, mg.int32, mg.uint8, mg.bool, mg.float16])
def test_other_types_are_sorted_and_moved_too(kernel_level, dtype):
    x = (mg.arange(400).reshape(4, 100) * 7 % 31 - 5).clamp(min=0).to(dtype)
    results = []
    for level in (kernel_level, "reference"):
        _kernels.set_level(level)
        pair = x.sort(1, descending=True)
        taken = x.gather(1, pair.indices), x[INDEX], x.index_select(1, INDEX), x.tril()
        results.append([*pair, *x.double().median(0), *taken])
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        assert mg.equal(a, b)


@pytest.mark.parametrize("number", [np.float64(0.1), mg.tensor(0.1, dtype=mg.float64)])
def test_a_number_of_a_wider_type_makes_where_wider(kernel_level, number):
    assert mg.where(mg.ones(3) > 0, number, mg.ones(3, dtype=mg.float64)).dtype == mg.float64
    assert mg.where(mg.ones(3) > 0, mg.ones(3), 0.1).dtype == mg.float32
