"""Tensors among NumPy's functions and arrays; what is expected is what PyTorch gives."""

import numpy as np
import pytest

import minigrad as mg

VALUES = [[1.5, -2.0], [0.25, 4.0]]


def test_functions_of_numpy_take_tensors_without_axes():
    got = np.exp(mg.tensor(2.0))
    assert (type(got), got.shape, got.dtype) == (mg.Tensor, (), mg.float32)
    assert got.item() == np.exp(np.float32(2))


ELEMENTWISE = [
    np.exp, np.sqrt, np.abs, np.sign, np.floor, np.tanh, np.log1p, np.rint, np.negative,
    lambda x: np.add(x, x), lambda x: np.add(x, 1), lambda x: np.power(x, 2),
    lambda x: np.maximum(x, 0), lambda x: np.matmul(x, x), lambda x: np.add(x, np.ones(2)),
    lambda x: np.add(np.ones(2), x), lambda x: np.multiply(np.float64(2), x),
]  # fmt: skip
OTHERS = [
    np.round, lambda x: np.round(x, 1), lambda x: np.clip(x, 0, 1), np.transpose, np.argmax,
    np.argmin, np.cumsum, lambda x: np.cumsum(x, 0), np.cumprod, np.argsort, np.ptp, np.add.reduce,
    lambda x: np.reshape(x, (4, 1)), lambda x: np.repeat(x, 2), lambda x: np.take(x, [0]),
    lambda x: np.swapaxes(x, 0, 1),
]  # fmt: skip


@pytest.mark.parametrize("function", ELEMENTWISE + OTHERS)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_functions_of_numpy_give_tensors(function, kind):
    array = np.array(VALUES).astype(kind)
    with np.errstate(all="ignore"):
        got, expected = function(mg.tensor(array)), np.asarray(function(array))
    assert type(got) is mg.Tensor
    assert got.numpy().dtype == expected.dtype
    np.testing.assert_array_equal(got.numpy(), expected)
    assert not got.requires_grad


@pytest.mark.parametrize(
    "function", [np.isnan, np.isfinite, np.logical_not, lambda x: np.less(x, 1)]
)
def test_bools_become_bytes(function):
    got = function(mg.tensor(VALUES))
    assert got.dtype is mg.uint8
    np.testing.assert_array_equal(got.numpy(), function(np.array(VALUES)))
    assert not np.isnan(mg.tensor(1.0))


@pytest.mark.parametrize("function", [*ELEMENTWISE, np.round, np.isnan, np.asarray, np.array])
def test_functions_of_numpy_do_not_cut_the_graph_unseen(function):
    x = mg.tensor(VALUES, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        function(x)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        function(x * 2)
    with np.errstate(all="ignore"):
        function(x.detach())
        with mg.no_grad():
            function(x)


def test_a_parameter_is_an_array_under_no_grad():
    p = mg.nn.Parameter(mg.tensor(VALUES))
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        p.numpy()
    assert p.numpy(force=True) is p.array
    with mg.no_grad():
        assert np.shares_memory(p.numpy(), p.array)
        assert np.shares_memory(np.asarray(p), p.array)
        assert not np.shares_memory(np.array(p), p.array)


def test_out_is_what_was_given():
    out = np.empty((2, 2))
    assert np.exp(mg.tensor(VALUES), out=out) is out
    assert [type(part) for part in np.modf(mg.tensor(VALUES))] == [mg.Tensor, mg.Tensor]


def test_functions_that_ask_for_arrays_give_arrays():
    t = mg.tensor(VALUES)
    for got in (np.concatenate([t, t]), np.stack([t, t]), np.where(t > 1, t, 0), np.sort(t)):
        assert type(got) is np.ndarray
    assert np.allclose(t, VALUES)
    assert np.array([t.sum(), t.sum()]).dtype == np.float32


@pytest.mark.parametrize(
    "operate",
    [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b,
        lambda a, b: a**b, lambda a, b: a % b, lambda a, b: a // b, lambda a, b: a @ b,
        lambda a, b: a < b, lambda a, b: a >= b, lambda a, b: a == b, lambda a, b: a != b,
    ],
)  # fmt: skip
def test_operators_between_arrays_and_tensors_are_ours(operate):
    """From both sides, and with a graph: gradient rules, too, meet arrays and tensors."""
    a, b = np.array(VALUES), np.array([[2.0, 3.0], [1.0, 2.0]])
    for x, y in ((a, mg.tensor(b)), (mg.tensor(a), b)):
        got = operate(x, y)
        assert type(got) is mg.Tensor
        np.testing.assert_allclose(got.numpy(), operate(a, b))
    t = mg.tensor(b, requires_grad=True)
    for got in (operate(a, t), operate(t, a)):
        assert got.requires_grad or got.dtype is mg.bool
