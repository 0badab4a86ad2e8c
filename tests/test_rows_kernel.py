"""Adding rows to a table: the kernel against NumPy, and the gradients that go through it."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad.ops.index import PlacedRows


def rows_of(dtype):
    return _kernels.kernels_for(np.dtype(dtype)).rows


def arrays(dtype, table, looked_up, width):
    rng = np.random.default_rng(1)
    total = rng.normal(size=(table, width)).astype(dtype)
    index = rng.integers(-table, table, looked_up)
    return total, index, rng.normal(size=(looked_up, width)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 40, 5), (50, 7, 33), (9, 0, 4), (11, 300, 17)])
def test_the_kernel_adds_in_the_same_order_as_numpy(kernel_level, dtype, sizes):
    total, index, rows = arrays(dtype, *sizes)
    expected = total.copy()
    np.add.at(expected, index, rows)
    rows_of(dtype).add_rows(total[None], index, rows[None])
    assert np.array_equal(total, expected)


@pytest.mark.parametrize("looked_up", [7, 10_000])
def test_the_kernel_adds_to_several_tables(kernel_level, looked_up):
    total, index, rows = np.zeros((2, 3, 4)), np.arange(looked_up) % 3, np.ones((2, looked_up, 4))
    rows[1] = 2
    expected = total.copy()
    np.add.at(expected, (slice(None), index), rows)
    rows_of("float64").add_rows(total, index, rows)
    assert np.array_equal(total, expected)


def test_strided_rows_are_read_where_they_lie(kernel_level):
    total, index, rows = arrays("float32", 6, 10, 4)
    expected = total.copy()
    np.add.at(expected, index, rows)
    rows_of("float32").add_rows(
        total[None], np.repeat(index, 2)[::2], np.asfortranarray(rows)[None]
    )
    assert np.array_equal(total, expected)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"index": np.array([0, 3])}, IndexError, "index 3 is out of bounds for a table of 3 rows"),
        ({"index": np.array([0, -4])}, IndexError, "index -4 is out of bounds"),
        ({"index": np.array([0])}, ValueError, r"rows: shape is \(1, 2, 5\), expected \(1, 1, 5\)"),
        ({"index": np.zeros((2, 1), int)}, ValueError, r"index: shape is \(2, 1\)"),
        ({"index": np.zeros(2, np.int32)}, ValueError, "index: dtype is int32, expected int64"),
        ({"rows": np.ones((1, 2, 4), np.float32)}, ValueError, r"expected \(1, 2, 5\)"),
        ({"total": np.ones((1, 3, 5))}, ValueError, "total: dtype is float64"),
        ({"total": np.ones((5, 3, 1), np.float32).T}, ValueError, "total: .* C-contiguous"),
        ({"total": np.ones(3, np.float32)}, ValueError, r"total: shape is \(3,\)"),
    ],
)
def test_wrong_arguments_are_refused(kernel_level, change, error, words):
    arguments = {
        "total": np.ones((1, 3, 5), np.float32),
        "index": np.array([0, 1]),
        "rows": np.ones((1, 2, 5), np.float32),
    }
    with pytest.raises(error, match=words):
        rows_of("float32").add_rows(**{**arguments, **change})


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 3), (4, 0)])
def test_a_gradient_is_put_in_its_place_whatever_its_type_and_layout(dtype, order, shape):
    rng = np.random.default_rng(2)
    index = rng.integers(-4, 4, (5, 2)).astype(np.int32)
    g = rng.normal(size=(5, 2, *shape[1:])).astype(dtype)
    total = np.asarray(rng.normal(size=shape).astype(dtype), order=order)
    expected = total.copy()
    np.add.at(expected, index, g)
    assert np.array_equal(PlacedRows(g, shape, index).add_to(total), expected)


# -- gradients that no one else refers to become ``.grad`` without a copy --------------------------


def test_no_gradients_share_memory():
    net = mg.nn.Sequential(mg.nn.Embedding(7, 4), mg.nn.RNN(4, 4))
    x = mg.tensor([[1], [6], [1]])
    output, h_n = net(x)
    (output.sum() + h_n.sum()).backward()
    grads = [p.grad.array for p in net.parameters()]
    assert all(g.flags.c_contiguous and g.flags.writeable for g in grads)
    assert not any(np.shares_memory(a, b) for k, a in enumerate(grads) for b in grads[:k])


def test_a_second_backward_adds_to_the_gradient_of_the_first():
    cell = mg.nn.GRUCell(3, 2)
    h = mg.zeros(4, 2)
    for x in mg.randn(3, 4, 3):
        h = cell(x, h)
    h.sum().backward(retain_graph=True)
    once = [p.grad.clone() for p in cell.parameters()]
    h.sum().backward(retain_graph=True)
    for p, first in zip(cell.parameters(), once, strict=True):
        assert np.allclose(p.grad.array, 2 * first.array, rtol=1e-6)
    third = mg.autograd.grad(h.sum(), list(cell.parameters()))
    for g, first in zip(third, once, strict=True):
        assert np.array_equal(g.array, first.array)


def test_what_a_hook_keeps_is_not_what_grad_becomes():
    cell, kept = mg.nn.RNNCell(3, 2), []
    cell.weight_ih.register_hook(kept.append)
    cell(mg.randn(1, 3)).sum().backward()
    assert np.array_equal(kept[0].array, cell.weight_ih.grad.array)
    assert not np.shares_memory(kept[0].array, cell.weight_ih.grad.array)
