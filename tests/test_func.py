"""Functions of functions: PyTorch's values, and one transformation by the other."""

import copy
import runpy
from collections import OrderedDict, namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import func, nn
from minigrad.autograd import gradcheck
from minigrad.func import trees
from minigrad.nn.utils import parametrizations, parametrize

pytestmark = pytest.mark.once  # the kernels' gradients have tests of their own
GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_func.py")))
with np.load(GOLDEN / "func.npz") as file:
    STORED = dict(file)


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name], {"float64": 1e-11})


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# Trees
# ------------------------------------------------------------------------------------------------

Pair = namedtuple("Pair", "a b")
nested = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.builds(Pair, inner,
        inner) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    | st.builds(lambda x: OrderedDict(b=x, a=x), inner),
)  # fmt: skip


@given(nested)
def test_trees_are_put_together_as_they_were(tree):
    leaves, structure = trees.flatten(tree)
    again = trees.unflatten(leaves, structure)
    assert again == tree
    assert type(again) is type(tree)
    assert trees.spread(5, structure) == [5] * len(leaves)
    assert trees.spread(tree, structure) == leaves
    assert trees.mapped(lambda x: -x, tree) == trees.unflatten([-x for x in leaves], structure)


def test_structures_are_shown():
    assert trees.text(trees.flatten((1, [2, {"a": 3}], (4,)))[1]) == "(*, [*, {'a': *}], (*,))"
    assert trees.spread((1, 2), trees.flatten([1, 2])[1]) is None
    assert trees.spread({"a": 1}, trees.flatten({"b": 1})[1]) is None


# ------------------------------------------------------------------------------------------------
# One by the other
# ------------------------------------------------------------------------------------------------

LAYERS = {
    "RNN": lambda: nn.RNN(2, 3, num_layers=2, bidirectional=True, dtype=mg.float64),
    "LSTM": lambda: nn.LSTM(2, 3, layer_norm=True, dtype=mg.float64),
    "GRU": lambda: nn.GRU(2, 3, learn_initial_state=True, dtype=mg.float64),
    "JANET": lambda: nn.JANET(2, 3, dtype=mg.float64),
    "IndRNN": lambda: nn.IndRNN(2, 3, dtype=mg.float64),
    "own": lambda: nn.Recurrent(Cell, 2, 3).double(),
    "weight norm": lambda: parametrizations.weight_norm(
        nn.RNN(2, 3, dtype=mg.float64), "weight_hh_l0"
    ),
}


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        return self.inner(mg.cat([x, h], -1)).tanh()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_called_with_other_weights(name):
    mg.manual_seed(0)
    layer = LAYERS[name]()
    other = copy.deepcopy(layer)
    with mg.no_grad():
        for p in other.parameters():
            p.mul_(1.5)
    weights = {n: p.detach().clone() for n, p in other.named_parameters()}
    x = mg.randn(4, 2, 2, dtype=mg.float64)
    before = layer(x)[0]

    def loss(weights):
        return func.functional_call(layer, weights, (x,))[0].pow(2).sum()

    for _ in range(3):  # (a step is recorded in the second call)
        got, value = func.grad_and_value(loss)(weights)
        expected = other(x)[0].pow(2).sum()
        np.testing.assert_allclose(value, expected.detach(), rtol=1e-12)
    expected.backward()
    for n, p in other.named_parameters():
        np.testing.assert_allclose(got[n], p.grad, rtol=1e-9, atol=1e-12, err_msg=n)
        assert not got[n].requires_grad
    assert layer(x)[0].equal(before)
    assert all(p.grad is None for p in layer.parameters())


def test_gradients_of_single_examples():
    mg.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    weights = {n: p.detach() for n, p in model.named_parameters()}
    x, label = mg.randn(5, 3, dtype=mg.float64), mg.tensor([0, 1, 1, 0, 1])

    def loss(weights, x, label):
        y = func.functional_call(model, weights, (x[None],))
        return nn.functional.cross_entropy(y, label[None])

    each = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(weights, x, label)
    for k in range(5):
        model.zero_grad()
        nn.functional.cross_entropy(model(x[k : k + 1]), label[k : k + 1]).backward()
        for n, p in model.named_parameters():
            np.testing.assert_allclose(each[n][k], p.grad, rtol=1e-12, atol=1e-15)


def test_an_ensemble_is_its_models():
    mg.manual_seed(2)
    models = [nn.GRU(2, 3) for _ in range(4)]
    params, buffers = func.stack_module_state(models)
    x = mg.randn(5, 1, 2)
    together = func.vmap(lambda p, b: func.functional_call(models[0], (p, b), (x,))[0], out_dims=1)(
        params, buffers
    )
    for k, model in enumerate(models):
        assert together[:, k].equal(model(x)[0])
    together.sum().backward()
    models[1](x)[0].sum().backward()
    np.testing.assert_allclose(
        params["weight_hh_l0"].grad[1], models[1].weight_hh_l0.grad, rtol=1e-5, atol=1e-7
    )


def test_columns_are_rows():
    mg.manual_seed(3)
    lstm = nn.LSTM(2, 3, dtype=mg.float64)
    x, h = mg.randn(4, 2, dtype=mg.float64), mg.randn(1, 3, dtype=mg.float64)

    def run(x, h):
        y, (h, c) = lstm(x, (h, h))
        return {"y": y[-1], "state": (h, c)}

    rows, columns = [f(run, (0, 1))(x, h) for f in (func.jacrev, func.jacfwd)]
    pairs = zip(trees.flatten(rows)[0], trees.flatten(columns)[0], strict=True)
    for row, column in pairs:
        np.testing.assert_allclose(row.detach(), column.detach(), rtol=1e-10, atol=1e-14)
    y, push = func.linearize(run, x, h)
    v = mg.randn(4, 2, dtype=mg.float64), mg.randn(1, 3, dtype=mg.float64)
    for _ in range(2):
        product = push(*v)["y"]
        expected = func.jvp(run, (x, h), v)[1]["y"]
        np.testing.assert_allclose(product.detach(), expected.detach(), rtol=1e-12)
        contracted = (rows["y"][0] * v[0]).sum((1, 2)) + (rows["y"][1] * v[1]).sum((1, 2))
        np.testing.assert_allclose(product.detach(), contracted.detach(), rtol=1e-10)
    assert y["y"].requires_grad  # by the weights


@pytest.mark.parametrize("outside", ["x", "v", "w"])
def test_results_are_differentiable_from_outside(outside):
    values = {n: mg.tensor(facts.numbers(k, 3), requires_grad=n == outside)
              for k, n in enumerate("xvw")}  # fmt: skip

    def results(value):
        x, v, w = [value if n == outside else values[n] for n in "xvw"]

        def f(x):
            return (w * x).sin() * x

        _, back = func.vjp(f, x)
        return (
            func.jvp(f, (x,), (v,))[1],
            back(v)[0],
            func.linearize(f, x)[1](v),
            func.hessian(lambda x: f(x).sum())(x),
            func.vmap(func.grad(lambda x: f(x).sum()))(mg.stack([x, v])),
        )

    assert gradcheck(results, (values[outside],))


# ------------------------------------------------------------------------------------------------
# What is left behind
# ------------------------------------------------------------------------------------------------


def test_nothing_is_left_of_a_transformation():
    x = mg.tensor([1.0, 2.0])
    kept = []

    def f(x):
        kept.append(x)
        return (x**2).sum()

    gradient, value = func.grad_and_value(f)(x)
    assert not x.requires_grad
    assert not gradient.requires_grad
    assert not value.requires_grad
    assert kept[0].grad is None
    same, double = func.vjp(lambda x: (x, x * 2), x)[0]
    assert not same.requires_grad
    assert not double.requires_grad
    p = nn.Parameter(x)
    assert func.grad(f)(p).requires_grad
    with mg.no_grad():
        assert not func.grad(f)(p).requires_grad
        assert not func.jvp(f, (p,), (x,))[1].requires_grad
    assert p.grad is None


def test_the_graph_is_gone_afterwards():
    layer = nn.Linear(2, 1)

    def loss(x):
        return (layer(x) ** 2).sum()

    gradient = func.grad(loss)(mg.ones(2))
    gradient.sum().backward()
    assert layer.weight.grad.shape == (1, 2)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        gradient.sum().backward()


def test_failures_put_parameters_back():
    layer = nn.LSTM(2, 3)
    weight = layer.weight_hh_l0
    with pytest.raises(ValueError, match="w_hh: shape is"):
        func.functional_call(layer, {"weight_hh_l0": mg.ones(5, 5)}, mg.ones(4, 1, 2))
    assert layer.weight_hh_l0 is weight
    norm = nn.BatchNorm1d(2)
    assert func.functional_call(norm, {"weight": None}, mg.ones(3, 2)).shape == (3, 2)
    assert isinstance(norm.weight, nn.Parameter)
    wrapped = parametrizations.weight_norm(nn.Linear(2, 2))
    original = {"parametrizations.weight.original1": mg.eye(2)}
    assert func.functional_call(wrapped, original, mg.ones(2)).shape == (2,)
    assert parametrize.is_parametrized(wrapped)
    assert layer(mg.ones(4, 1, 2))[0].shape == (4, 1, 3)


def test_the_room_is_there_when_asked_for():
    assert mg.func is func
    assert mg.vmap is func.vmap
    assert mg.nn.utils.stateless.functional_call.__module__ == "minigrad.nn.utils.stateless"
