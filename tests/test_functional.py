"""Derivatives of functions: PyTorch's values, and consistent with each other."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import functional, gradcheck, gradgradcheck

pytestmark = pytest.mark.once  # the kernels' gradients have tests of their own
GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_functional.py")))
with np.load(GOLDEN / "functional.npz") as file:
    STORED = dict(file)


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name], {"float64": 1e-12})


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# One by the other
# ------------------------------------------------------------------------------------------------


def flat(jacobians):
    """Of one output: the blocks for several inputs side by side, as a matrix."""
    rows = jacobians[0].shape[0]
    return mg.cat([block.reshape(rows, -1) for block in jacobians], 1)


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU, nn.IndRNN])
def test_products_are_products_with_the_jacobian_of_a_layer(layer):
    mg.manual_seed(0)
    module = layer(2, 3, dtype=mg.float64)
    inputs = (mg.randn(4, 2, dtype=mg.float64), mg.randn(1, 3, dtype=mg.float64))

    def last(x, h):
        state = (h, h) if layer is nn.LSTM else h
        return module(x, state)[0][-1]

    J = flat(functional.jacobian(last, inputs))
    v = tuple(mg.randn(x.shape, dtype=mg.float64) for x in inputs)
    w = mg.randn(3, dtype=mg.float64)
    whole = mg.cat([x.reshape(-1) for x in v])
    np.testing.assert_allclose(functional.jvp(last, inputs, v)[1], J @ whole, rtol=1e-10)
    products = functional.vjp(last, inputs, w)[1]
    np.testing.assert_allclose(mg.cat([p.reshape(-1) for p in products]), w @ J, rtol=1e-10)

    def loss(x, h):
        return last(x, h).pow(2).sum()

    blocks = functional.hessian(loss, inputs)
    sizes = [x.numel() for x in inputs]
    H = mg.cat([mg.cat([b.reshape(n, -1) for b in row], 1) for n, row in zip(sizes, blocks)])
    np.testing.assert_allclose(H, H.T, rtol=1e-9, atol=1e-12)
    for product in (functional.vhp, functional.hvp):
        got = mg.cat([p.reshape(-1) for p in product(loss, inputs, v)[1]])
        np.testing.assert_allclose(got, H @ whole, rtol=1e-9, atol=1e-12)


def test_results_with_a_graph_are_differentiable():
    x, v = [mg.tensor(facts.numbers(k, 3), requires_grad=True) for k in range(2)]
    w = mg.tensor(facts.numbers(3, 3, 3))

    def function(x):
        return (x @ w).tanh() * x

    def loss(x):
        return function(x).sum()

    for result in (
        lambda x: functional.jacobian(function, x, create_graph=True),
        lambda x: functional.hessian(loss, x, create_graph=True),
    ):
        assert gradcheck(result, (x,))
    for result in (
        lambda x, v: functional.jvp(function, x, v, create_graph=True)[1],
        lambda x, v: functional.vjp(function, x, v, create_graph=True)[1],
        lambda x, v: functional.vhp(loss, x, v, create_graph=True)[1],
        lambda x, v: functional.hvp(loss, x, v, create_graph=True)[1],
    ):
        assert gradcheck(result, (x, v))
    assert gradgradcheck(lambda x: functional.jacobian(function, x, create_graph=True), (x,))


def test_the_inputs_are_left_alone():
    x = mg.ones(2, requires_grad=True)
    y = functional.jacobian(lambda x: x * x, x)
    assert x.grad is None
    assert not y.requires_grad
    constant = mg.ones(2)
    functional.hessian(lambda x: (x * x).sum(), constant)
    assert not constant.requires_grad
    with mg.no_grad():
        assert functional.jvp(lambda x: x * x, x, x)[1].tolist() == [2.0, 2.0]
    assert functional.jacobian(lambda x: x[:0], x).shape == (0, 2)
    assert mg.autograd.functional is functional
    with pytest.raises(AttributeError, match="has no attribute 'functionals'"):
        mg.autograd.functionals  # noqa: B018
