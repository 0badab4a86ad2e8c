"""Functions that are not entrywise and have no kernel of their own, call by call.

``golden/functions.json`` has PyTorch's results of every call of ``golden/make_functions.py``, their
types, shapes and gradients. What is smooth is compared with finite differences as well.
"""

import json
import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.once  # NumPy and other operations compute all of this

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_functions.py")))
EXPECTED = json.loads((GOLDEN / "functions.json").read_text(encoding="utf-8"))
SMOOTH, STEPS = made.calls(made.SMOOTH), made.calls(made.STEPS)
# LAPACK's are columns
ROWS = "linalg", "cholesky", "inverse", "svd", "qr", "inv", "det", "logdet", ".lu("


@pytest.mark.parametrize("call", SMOOTH + STEPS)
def test_values_types_and_gradients_are_those_of_pytorch(call):
    got, expected = made.play(call, mg), EXPECTED[call]
    for mine, theirs in zip(got["results"], expected["results"], strict=True):
        if not isinstance(theirs, dict):
            assert mine == theirs
            continue
        assert (mine["dtype"], mine["shape"]) == (theirs["dtype"], theirs["shape"])
        if not any(name in call for name in ROWS):
            assert mine["strides"] == theirs["strides"]
        np.testing.assert_allclose(mine["values"], theirs["values"], rtol=1e-7, atol=1e-8)
    for name, theirs in expected.get("gradients", {}).items():
        mine = got["gradients"][name]
        if theirs is None or not any(theirs):
            assert mine is None or not any(mine), name
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-7, err_msg=name)
    assert ("gradients" in got) >= ("gradients" in expected)
    assert got["float32"] == expected["float32"]


@pytest.mark.parametrize("call", SMOOTH)
def test_derivatives_are_differences(call):
    known, wanted = made.inputs(mg), made.names(call)

    def function(*values):
        results = made.run(call, {**known, **dict(zip(wanted, values))})
        return tuple([r for r in results if isinstance(r, mg.Tensor) and r.requires_grad])

    arguments = [known[name] for name in wanted]
    assert gradcheck(function, arguments)
    assert gradgradcheck(function, arguments)


@pytest.mark.parametrize("call", made.ERRORS)
def test_what_is_refused(call):
    kind, message = made.error(call, mg)
    assert kind == EXPECTED["errors"][call], message
    import re

    assert re.search(made.ERRORS[call], message, re.DOTALL), message


def test_every_call_was_made_by_pytorch():
    assert {*SMOOTH, *STEPS, "errors"} == {*EXPECTED}
    assert {*made.ERRORS} == {*EXPECTED["errors"]}


def test_eigenvalues_without_a_gradient():
    A = mg.tensor([[2.0, 1.0], [0.0, 3.0]], requires_grad=True)
    with pytest.raises(NotImplementedError, match="has no gradient here"):
        mg.linalg.eig(A)
    values, vectors = mg.linalg.eig(A.detach())
    np.testing.assert_allclose((A @ vectors).tolist(), (vectors * values).tolist(), rtol=1e-6)
    assert sorted(mg.linalg.eigvals(A.detach()).tolist()) == [2, 3]
    with pytest.raises(NotImplementedError, match="not real"):
        mg.linalg.eig(mg.tensor([[0.0, 1.0], [-1.0, 0.0]]))


def test_the_gradient_of_a_determinant_of_a_singular_matrix_can_be_differentiated():
    """Where PyTorch's second derivatives are NaN."""
    for n, rank in ((1, 0), (2, 1), (3, 2), (4, 2), (3, 0)):
        A = mg.tensor(made.entries(n, rank) @ made.entries(rank, n, seed=1), dtype=mg.float64)
        A[-1] = 0  # so that the determinant is 0, not nearly
        stack = mg.stack([A, mg.eye(n, dtype=mg.float64) * 2]).requires_grad_()
        assert mg.linalg.det(stack)[0] == 0
        assert gradcheck(mg.linalg.det, stack)
        assert gradgradcheck(mg.linalg.det, stack)


def test_the_error_of_linear_algebra():
    assert issubclass(mg.linalg.LinAlgError, RuntimeError)
    with pytest.raises(mg.linalg.LinAlgError):
        mg.tensor([[0.0, 1.0], [0.0, 0.0]]).inverse()


@pytest.mark.parametrize("name", ["cholesky", "qr"])
def test_old_names_warn(name):
    with pytest.warns(UserWarning, match=f"torch.{name} is deprecated in favor of torch.linalg"):
        getattr(mg, name)(mg.eye(2))
    with pytest.warns(UserWarning, match="Using torch.cross without specifying the dim"):
        mg.ones(3).cross(mg.ones(3))


def test_windows_are_views():
    x = mg.arange(6.0)
    windows = x.unfold(0, 3, 3)
    x[1] = 9
    assert windows.tolist() == [[0, 9, 2], [3, 4, 5]]
    windows[1] = 0
    assert x.tolist() == [0, 9, 2, 0, 0, 0]
    steps = x.as_strided((2,), (2,), 1)
    steps += 1
    assert x.tolist() == [0, 10, 2, 1, 0, 0]


def test_memory_shared_by_dlpack():
    for make in (mg.from_dlpack, mg.utils.dlpack.from_dlpack):
        row = np.zeros(3)
        x = make(row)
        x[0] = 5
        assert row.tolist() == [5, 0, 0]
        assert x.dtype == mg.float64
    x = mg.zeros(2, 3).t()
    for other in (np.from_dlpack(x), mg.from_dlpack(x).numpy(), mg.from_dlpack(x.__dlpack__())):
        other[2, 0] += 1
        assert x[2, 0] == float(other[2, 0])
    assert x.__dlpack_device__() == (1, 0)
    capsule = mg.utils.dlpack.to_dlpack(x)
    assert mg.from_dlpack(capsule).stride() == x.stride()
    with pytest.raises(RuntimeError, match="can be consumed only once"):
        mg.from_dlpack(capsule)
    with pytest.raises(RuntimeError, match="received an invalid capsule"):
        mg.from_dlpack([1.0])
    with pytest.raises(BufferError, match="Can't export tensors that require gradient"):
        np.from_dlpack(mg.ones(2, requires_grad=True))


@pytest.mark.parametrize("function", [np.round, np.transpose, np.argmax, np.ptp, np.negative])
def test_functions_of_numpy_give_tensors(function):
    x = mg.arange(6.0).reshape(2, 3)
    made_of_tensor, made_of_array = function(x), function(x.numpy())
    assert isinstance(made_of_tensor, mg.Tensor)
    np.testing.assert_array_equal(made_of_tensor.numpy(), made_of_array)
    for result in (np.clip(x, 1, 3), np.reshape(x, (3, 2)), np.cumsum(x, 0), np.take(x, [0, 1])):
        assert isinstance(result, mg.Tensor)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        function(x.requires_grad_())


def test_the_base_of_a_view():
    x = mg.arange(6.0)
    view = x.reshape(2, 3)[1]
    assert view._base is x
    assert (view._is_view(), x._is_view()) == (True, False)
    x.unsqueeze_(0)
    assert x._base is None


@pytest.mark.parametrize("rows", [3, 30])
def test_distances_by_a_product_are_those_by_differences(rows):
    """From 26 rows on they are; and where two rows are equal, there is no slope."""
    x, y = [mg.randn(n, 4, dtype=mg.float64).requires_grad_() for n in (rows, 5)]
    by_product, by_differences, default = [
        mg.cdist(x, y, compute_mode=mode)
        for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", None)
    ]
    np.testing.assert_allclose(by_product.detach(), by_differences.detach(), 1e-9)
    assert mg.equal(default, by_product if rows > 25 else by_differences)
    mode = {"compute_mode": "use_mm_for_euclid_dist"}
    assert gradcheck(lambda x, y: mg.cdist(x, y, **mode), (x[:3].detach().requires_grad_(), y))
    assert gradgradcheck(lambda x, y: mg.cdist(x, y, **mode), (x[:3].detach().requires_grad_(), y))
    both = mg.cdist(x, x.detach(), **mode)
    both.diagonal().sum().backward()
    assert x.grad.abs().max() < 1e-6


# ------------------------------------------------------------------------------------------------
# Writes in place that nothing records, which go to the memory at once
# ------------------------------------------------------------------------------------------------

CHOSEN, PLACES = mg.tensor([2, 0]), mg.arange(12).reshape(3, 4) % 4
WRITES = {
    "add_": (lambda x, y: x.add_(y), lambda x, y: x + y),
    "add_ of a row": (lambda x, y: x.add_(y[0]), lambda x, y: x + y[0]),
    "add_ of a column": (lambda x, y: x.add_(y[:, :1]), lambda x, y: x + y[:, :1]),
    "add_ alpha": (lambda x, y: x.add_(y, alpha=2), lambda x, y: x + 2 * y),
    "sub_ alpha": (lambda x, y: x.sub_(y, alpha=2.0), lambda x, y: x - 2 * y),
    "div_": (lambda x, y: x.div_(y), lambda x, y: x / y),
    "clamp_": (lambda x, y: x.clamp_(max=0.5), lambda x, y: x.clamp(max=0.5)),
    "clamp_ both": (lambda x, y: x.clamp_(-0.5, 0.5), lambda x, y: x.clamp(-0.5, 0.5)),
    "lerp_": (lambda x, y: x.lerp_(y, 0.25), lambda x, y: x.lerp(y, 0.25)),
    "addcmul_": (lambda x, y: x.addcmul_(y, y, value=3), lambda x, y: x + 3 * y * y),
    "addcdiv_": (lambda x, y: x.addcdiv_(y, y + 1), lambda x, y: x + y / (y + 1)),
    "masked_fill_": (lambda x, y: x.masked_fill_(y > 1.5, -math.inf),
                     lambda x, y: x.masked_fill(y > 1.5, -math.inf)),
    "copy_": (lambda x, y: x.copy_(y), lambda x, y: y.clone()),
    "index_fill_": (lambda x, y: x.index_fill_(0, CHOSEN, 2.0),
                    lambda x, y: x.index_fill(0, CHOSEN, 2.0)),
    "index_copy_": (lambda x, y: x.index_copy_(0, CHOSEN, y[:2]),
                    lambda x, y: x.index_copy(0, CHOSEN, y[:2])),
    "index_add_": (lambda x, y: x.index_add_(0, CHOSEN, y[:2]),
                   lambda x, y: x.index_add(0, CHOSEN, y[:2])),
    "scatter_": (lambda x, y: x.scatter_(1, PLACES, y), lambda x, y: x.scatter(1, PLACES, y)),
    "scatter_ of a number": (lambda x, y: x.scatter_(1, PLACES[:, :2], 3),
                             lambda x, y: x.scatter(1, PLACES[:, :2], 3)),
    "scatter_add_": (lambda x, y: x.scatter_add_(1, PLACES, y),
                     lambda x, y: x.scatter_add(1, PLACES, y)),
    "x[rows] =": (lambda x, y: x.__setitem__(CHOSEN, y[:2]),
                  lambda x, y: x.index_put((CHOSEN,), y[:2])),
    "x[rows, rows] =": (lambda x, y: x.__setitem__((CHOSEN, CHOSEN), -math.inf),
                        lambda x, y: x.index_put((CHOSEN, CHOSEN), mg.tensor(-math.inf))),
    "x[mask] =": (lambda x, y: x.__setitem__(y > 1.5, 1), lambda x, y: x.masked_fill(y > 1.5, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_writes_in_place_are_what_the_operation_gives(name):
    write, operation = WRITES[name]
    x, y = mg.randn(3, 4, generator=mg.Generator().manual_seed(1)), mg.linspace(1, 2, 12).view(3, 4)
    expected, seen, version = operation(x, y), x[1:], x._version
    write(x, y)
    np.testing.assert_allclose(x.numpy(), expected.numpy(), 1e-6)
    np.testing.assert_array_equal(seen.numpy(), x.numpy()[1:])
    assert x._version > version


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda x: x.__setitem__(mg.tensor([3]), 1.0), IndexError),
        (lambda x: x.__setitem__((mg.tensor([0]), mg.tensor([-5])), 1.0), IndexError),
        (lambda x: x.__setitem__(mg.ones(2, 4) > 0, 1.0), IndexError),
        (lambda x: x.__setitem__(mg.tensor([0, 1]), mg.ones(3, 4)), RuntimeError),
        (lambda x: x.__setitem__(mg.tensor([0]), 1e39), RuntimeError),
        (lambda x: x.index_fill_(0, mg.tensor([3]), 1.0), IndexError),
        (lambda x: x.index_copy_(0, mg.tensor([-1]), mg.ones(1, 4)), IndexError),
        (lambda x: x.index_add_(0, mg.tensor([0]), mg.ones(2, 4)), RuntimeError),
        (lambda x: x.scatter_(1, mg.tensor([[4]]), 1.0), RuntimeError),
        (lambda x: x.add_(mg.ones(2, 4)), RuntimeError),
        (lambda x: x.add_(mg.ones(2, 3, 4)), RuntimeError),
        (lambda x: x.neg_(1), TypeError),
        (lambda x: x.lerp_(x, 0.5, value=2), TypeError),
        (lambda x: x.masked_fill_(x > 0, 1e39), RuntimeError),
    ],
)
def test_writes_in_place_are_refused_as_the_operation_is(write, error):
    x = mg.zeros(3, 4)
    with pytest.raises(error):
        write(x)
    assert not x.count_nonzero()
