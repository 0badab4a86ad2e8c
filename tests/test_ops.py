"""Values, types and errors of the operations, against PyTorch's answers in ``golden/ops.json``.

The expressions and the way to evaluate them are in ``golden/make_ops.py``. At the end: properties
of broadcasting and shapes, for shapes that hypothesis makes up, against NumPy.
"""

import builtins
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
from minigrad.ops import elementwise

GOLDEN = Path(__file__).parent / "golden"
make_ops = runpy.run_path(str(GOLDEN / "make_ops.py"))
EXPECTED = json.loads((GOLDEN / "ops.json").read_text(encoding="utf-8"))
evaluate, operations = make_ops["evaluate"], make_ops["operations"]

ROUNDINGS = {"float16": 1e-3, "float32": 1e-6, "float64": 1e-14}  # a few units in the last place

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of 1/0 and the like


def compare(got, expected):
    if isinstance(expected, list):
        assert isinstance(got, list)
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            compare(g, e)
    elif isinstance(expected, dict):
        assert isinstance(got, dict), got
        assert (got["dtype"], got["shape"]) == (expected["dtype"], expected["shape"])
        if expected["dtype"].startswith("float"):
            scale = ROUNDINGS[expected["dtype"]]
            np.testing.assert_allclose(got["values"], expected["values"], scale, scale * 0.1)
        else:
            assert got["values"] == expected["values"]
    elif isinstance(expected, float):
        np.testing.assert_allclose(got, expected, 1e-6)
    else:
        assert got == expected


@pytest.mark.parametrize(
    ("group", "expression"),
    [(group, e) for group, expressions in make_ops["VALUES"].items() for e in expressions],
)
def test_value(group, expression):
    compare(make_ops["answer"](expression, mg), EXPECTED["values"][group][expression])


def test_every_operation_is_in_the_table():
    """And in the places where users find it: it is a function, and a method of tensors."""
    made = {
        function.__name__ for function in vars(elementwise).values()
        if hasattr(function, "ufunc") and hasattr(function, "public")
    }  # fmt: skip
    assert len(made) > 55
    missing = sorted(made - {*operations.ONE, *operations.TWO})
    assert not missing, (
        f"no table of tests knows {missing}: add them to tests/golden/operations.py, and run that "
        "file with PyTorch"
    )
    for name in (*operations.ONE, *operations.TWO):
        assert name in vars(mg), f"{name} is not imported in minigrad/__init__.py"
        if name != "rsub":  # (which is written ``other - input``)
            assert hasattr(mg.Tensor, name), f"{name} is no method in minigrad/tensor/tensor.py"


@pytest.mark.parametrize(("expression", "pattern"), make_ops["ERRORS"])
def test_error(expression, pattern):
    error = getattr(builtins, EXPECTED["errors"][expression])
    with pytest.raises(error, match=pattern) as raised:
        evaluate(expression, mg)
    assert raised.type is error


def test_type_promotion():
    expected, got = EXPECTED["promotion"], make_ops["promotion"](mg)
    seconds = [*make_ops["operands"](mg), *make_ops["NUMBERS"]]
    differences = [
        f"{operation} with a = {a}, b = {b}: {mine}, PyTorch: {theirs}"
        for operation, rows in expected.items()
        for a, row in rows.items()
        for b, mine, theirs in zip(seconds, got[operation][a].split(), row.split(), strict=True)
        if mine != theirs
    ]
    assert not differences, "\n".join([f"{len(differences)} differences", *differences[:40]])


# ------------------------------------------------------------------------------------------------
# Shapes that nobody thought of
# ------------------------------------------------------------------------------------------------

settings.register_profile("ops", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("ops")

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def numbered(shape):
    array = np.arange(1.0, 1.0 + np.prod(shape, dtype=int)).reshape(shape)
    return array, mg.tensor(array, requires_grad=True)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4, min_side=0))
def test_broadcasting(shapes):
    (a, x), (b, y) = map(numbered, shapes.input_shapes)
    z = x * y + x / y - mg.maximum(x, y)
    assert z.shape == shapes.result_shape
    np.testing.assert_array_equal(z.detach().numpy(), a * b + a / b - np.maximum(a, b))
    z.sum().backward()
    assert x.grad.shape == x.shape
    assert y.grad.shape == y.shape
    with_b = np.broadcast_to(b, shapes.result_shape)
    with_a = np.broadcast_to(a, shapes.result_shape)
    slope = with_b + 1 / with_b - np.where(with_a == with_b, 0.5, with_a > with_b)
    extra = tuple(range(slope.ndim - a.ndim))
    summed = slope.sum(extra)
    axes = tuple(k for k, n in enumerate(a.shape) if n == 1)
    np.testing.assert_allclose(x.grad.numpy(), summed.sum(axes, keepdims=True), rtol=1e-12)


@given(shapes, shapes)
def test_shapes_that_do_not_broadcast(shape_a, shape_b):
    (a, x), (b, y) = numbered(shape_a), numbered(shape_b)
    try:
        expected = np.broadcast_shapes(shape_a, shape_b)
    except ValueError:
        with pytest.raises(
            RuntimeError, match=r"The size of tensor a \(\d\) must match the size of"
        ):
            x + y
    else:
        assert (x + y).shape == expected
        np.testing.assert_array_equal((x - y).detach().numpy(), a - b)


@given(shapes, st.data())
def test_reductions(shape, data):
    a, x = numbered(shape)
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1)) if shape else st.just(set()))
    dim = tuple(k - len(shape) if data.draw(st.booleans()) else k for k in axes)
    keep = data.draw(st.booleans())
    axis = tuple(axes) or None
    np.testing.assert_allclose(x.sum(dim, keep).detach().numpy(), a.sum(axis, keepdims=keep))
    x.sum(dim, keep).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.ones(shape))
    if a.size:
        np.testing.assert_allclose(x.mean(dim, keep).detach().numpy(), a.mean(axis, keepdims=keep))
        np.testing.assert_allclose(x.amax(dim, keep).detach().numpy(), a.max(axis, keepdims=keep))


@given(shapes, st.data())
def test_permuting_and_reshaping(shape, data):
    a, x = numbered(shape)
    order = data.draw(st.permutations(range(len(shape))))
    p = x.permute(*order) if order else x
    b = a.transpose(order)
    if a.size:  # the strides of nothing mean nothing
        assert p.stride() == tuple(s // 8 for s in b.strides)
        assert p.is_contiguous() == b.flags.c_contiguous
    np.testing.assert_array_equal(
        p.reshape(-1 if a.size else 0).detach().numpy(), b.reshape(-1 if a.size else 0)
    )
    (p.contiguous() * mg.tensor(b)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), a)


@given(shapes, st.data())
def test_basic_indexing(shape, data):
    a, x = numbered(shape)
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(i, slice) and i.step is not None and i.step < 0 for i in parts):
        with pytest.raises(ValueError, match="step must be greater than zero"):
            x[index]
        return
    y = x[index]
    np.testing.assert_array_equal(y.detach().numpy(), a[index])
    assert np.shares_memory(y.array, x.array) == np.shares_memory(
        a[(*parts, ...)] if ... not in parts else a[index], a
    )
    y.sum().backward()
    mask = np.zeros(shape)
    mask[index] = 1
    np.testing.assert_array_equal(x.grad.numpy(), mask)


@given(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4), st.data())
def test_index_arrays(shape, data):
    a, x = numbered(shape)
    index = data.draw(
        hnp.integer_array_indices(
            shape, result_shape=hnp.array_shapes(min_dims=1, max_dims=2, max_side=3)
        )
    )
    y = x[tuple(mg.tensor(i) for i in index)]
    np.testing.assert_array_equal(y.detach().numpy(), a[index])
    y.sum().backward()
    counts = np.zeros(shape)
    np.add.at(counts, index, 1)
    np.testing.assert_array_equal(x.grad.numpy(), counts)


@given(
    hnp.mutually_broadcastable_shapes(
        signature=np.matmul.signature, max_dims=2, min_side=0, max_side=3
    )
)
def test_matmul(shapes):
    (a, x), (b, y) = map(numbered, shapes.input_shapes)
    z = x @ y
    assert z.shape == shapes.result_shape
    np.testing.assert_allclose(z.detach().numpy(), a @ b)
    z.sum().backward()
    assert (x.grad.shape, y.grad.shape) == (x.shape, y.shape)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), shapes, st.data())
def test_cat_and_split_are_inverse(sizes, shape, data):
    axis = data.draw(st.integers(0, len(shape)))
    pieces = [numbered((*shape[:axis], n, *shape[axis:])) for n in sizes]
    joined = mg.cat([x for _, x in pieces], axis)
    np.testing.assert_array_equal(
        joined.detach().numpy(), np.concatenate([a for a, _ in pieces], axis)
    )
    for (a, _), back in zip(pieces, joined.split(sizes, axis), strict=True):
        np.testing.assert_array_equal(back.detach().numpy(), a)
    (joined * joined).sum().backward()
    for a, x in pieces:
        assert x.grad is None or np.array_equal(x.grad.numpy(), 2 * a)
