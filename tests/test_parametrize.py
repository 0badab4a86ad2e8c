"""Weights that are functions of others: PyTorch's values, and right gradients through them."""

import copy
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.utils import orthogonal, parametrizations, parametrize

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_parametrize.py")))
with np.load(GOLDEN / "parametrize.npz") as file:
    STORED = dict(file)


def leaf(seed, *shape):
    return mg.tensor(facts.numbers(seed, *shape), requires_grad=True)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.once
@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.once
@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# Gradients
# ------------------------------------------------------------------------------------------------


def through(module, name, x):
    """A function of the originals of a weight, and the originals."""
    originals = list(module.parametrizations[name].parameters())

    def run(*values):
        y = module(x)
        return y[0] if isinstance(y, tuple) else y

    return run, originals


KINDS = (
    "weight_norm 0", "weight_norm -1", "matrix_exp", "cayley", "householder", "matrix_exp plain",
    "householder plain",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("layer", "name"),
    [("RNN", "weight_hh_l0"), ("LSTM", "weight_ih_l0"), ("GRU", "weight_hh_l0"),
     ("IndRNN", "weight_ih_l0"), ("JANET", "weight_hh_l0"), ("MGU", "weight_hh_l0")],
)  # fmt: skip
def test_gradients_reach_the_originals_of_a_layer(kind, layer, name):
    mg.manual_seed(1)
    module = getattr(nn, layer)(3, 2, dtype=mg.float64)
    made.parametrized(mg, kind, module, name)
    with mg.no_grad():
        for p in module.parametrizations[name].parameters():
            p += 0.1 * mg.tensor(facts.numbers(2, *p.shape))
    run, originals = through(module, name, mg.tensor(facts.numbers(3, 3, 2, 3)))
    if "householder" in kind:  # the diagonal is cut to whole numbers, and has no gradient
        with mg.no_grad():
            mg.diagonal(originals[0]).fill_(-1.5)
    assert gradcheck(run, originals)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3), (2, 3, 2), (1, 1), (3, 1)])
@pytest.mark.parametrize("name", orthogonal.MAPS)
@pytest.mark.parametrize("size", [0.1, 3.0])
def test_maps_are_orthogonal_and_differentiable(shape, name, size):
    module = orthogonal._Orthogonal(mg.zeros(shape), name, use_trivialization=False)
    x = (leaf(4, *shape) * size).detach()
    mg.diagonal(x, 0, -2, -1).copy_(mg.tensor([1.0, -1.0, 1.0])[: min(shape[-2:])])
    x.requires_grad_()
    Q = module(x)
    product = Q.mT @ Q if shape[-2] >= shape[-1] else Q @ Q.mT
    unit = mg.eye(min(shape[-2:]), dtype=mg.float64).expand(product.shape)
    np.testing.assert_allclose(product.detach().numpy(), unit.numpy(), atol=1e-13)
    if name == "householder":  # the diagonal is not differentiated
        pattern = (1 - mg.eye(*shape[-2:], dtype=mg.float64)).expand(shape)
        fixed = x.detach() * (1 - pattern)
        assert gradcheck(lambda x: module(x * pattern + fixed), (x,))
        assert gradgradcheck(lambda x: module(x * pattern + fixed), (x,))
    else:
        assert gradcheck(module, (x,))
        assert gradgradcheck(module, (x,))


def test_second_derivatives_of_the_others():
    for kind in ("weight_norm 0", "spectral_norm 1 0"):
        layer = made.parametrized(mg, kind, nn.Linear(3, 2, dtype=mg.float64), "weight").eval()
        run, originals = through(layer, "weight", mg.tensor(facts.numbers(3, 2, 3)))
        assert gradgradcheck(run, originals)


# ------------------------------------------------------------------------------------------------
# How it behaves
# ------------------------------------------------------------------------------------------------


class Counted(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        return 2 * x


@pytest.mark.once
@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU, nn.JANET])
@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l1", "bias_ih_l0"])
def test_a_layer_reads_each_weight_once(layer, name):
    module, counted = layer(2, 3, num_layers=2), Counted()
    parametrize.register_parametrization(module, name, counted, unsafe=True)
    module(mg.ones(4, 1, 2))
    assert counted.count == 1


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_layer_computes_with_what_the_parametrization_makes(layer):
    mg.manual_seed(2)
    module = layer(2, 3, dropout=0.3, recurrent_dropout=0.2, num_layers=2).eval()
    plain = copy.deepcopy(module)
    with mg.no_grad():
        plain.weight_hh_l1 *= 2
    parametrize.register_parametrization(module, "weight_hh_l1", Counted())
    x = mg.randn(4, 2, 2)
    packed = nn.utils.rnn.pack_padded_sequence(x, [4, 2])
    for _ in range(3):  # (a step is recorded in the second call)
        assert mg.allclose(module(x)[0], plain(x)[0], atol=1e-7)
        assert mg.allclose(module(packed)[0].data, plain(packed)[0].data, atol=1e-7)


@pytest.mark.once
def test_a_cell_of_ones_own_can_be_parametrized():
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3)

        def forward(self, x, h):
            return (x + self.inner(h)).tanh()

    mg.manual_seed(4)
    plain = Cell()
    cell = copy.deepcopy(plain)
    parametrizations.weight_norm(cell.inner)
    x, h = mg.randn(4, 2, 3), mg.zeros(2, 3)
    for step in x:
        h = plain(step, h)
    hidden = mg.zeros(2, 3)
    with parametrize.cached():
        for step in x:
            hidden = cell(step, hidden)
    np.testing.assert_allclose(hidden.detach().numpy(), h.detach().numpy(), rtol=1e-6)


@pytest.mark.once
def test_cached_values_are_forgotten():
    layer, counted = nn.Linear(2, 2), Counted()
    parametrize.register_parametrization(layer, "weight", counted)
    counted.count = 0
    with parametrize.cached():
        with parametrize.cached():
            first = layer.weight
        assert layer.weight is first
    assert counted.count == 1
    assert layer.weight is not first
    assert layer.weight is not first
    with pytest.raises(RuntimeError, match="cannot be multiplied"), parametrize.cached():
        layer.weight @ mg.ones(3)
    assert not parametrize._cache.values


@pytest.mark.once
def test_a_deep_copy_has_parameters_of_its_own():
    module = parametrizations.orthogonal(nn.RNN(2, 3), "weight_hh_l0")
    twin = copy.deepcopy(module)
    assert type(twin) is type(module)
    assert twin.weight_hh_l0.equal(module.weight_hh_l0)
    with mg.no_grad():
        twin.parametrizations.weight_hh_l0.original[1, 0] = 0.5
    assert not twin.weight_hh_l0.equal(module.weight_hh_l0)
    assert copy.deepcopy([module, module])[0] is not module


@pytest.mark.once
def test_state_dicts_are_loaded():
    mg.manual_seed(3)
    a, b = [parametrizations.orthogonal(nn.GRU(2, 3), "weight_hh_l0") for _ in range(2)]
    assert not a.weight_hh_l0.equal(b.weight_hh_l0)
    b.load_state_dict(a.state_dict())
    assert a.weight_hh_l0.equal(b.weight_hh_l0)


@pytest.mark.once
def test_other_modules_of_the_class_are_left_alone():
    layer, other = parametrizations.weight_norm(nn.Linear(2, 3)), nn.Linear(2, 3)
    assert isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is type(other) is nn.Linear
    assert not parametrize.is_parametrized(other)
    parametrizations.weight_norm(layer, "bias", None)
    parametrize.remove_parametrizations(layer, "weight")
    assert parametrize.is_parametrized(layer)
    assert next(n for n, _ in layer.named_parameters()) == "weight"
    parametrize.remove_parametrizations(layer, "bias")
    assert type(layer) is nn.Linear
    assert not hasattr(layer, "parametrizations")


def test_an_orthogonal_rnn_keeps_the_length_of_gradients():
    mg.manual_seed(0)
    rnn = parametrizations.orthogonal(nn.RNN(2, 16, dtype=mg.float64), "weight_hh_l0")
    sgd = mg.optim.SGD(rnn.parameters(), lr=0.1)
    x = mg.randn(20, 4, 2, dtype=mg.float64)
    for _ in range(10):
        sgd.zero_grad()
        rnn(x)[1].pow(2).sum().backward()
        sgd.step()
    w = rnn.weight_hh_l0.detach().numpy()
    np.testing.assert_allclose(w.T @ w, np.eye(16), atol=1e-12)


def test_a_compiled_training_step_gives_the_same():
    def trained(wrap):
        mg.manual_seed(5)
        rnn = parametrizations.weight_norm(nn.RNN(2, 3), "weight_hh_l0")
        sgd = mg.optim.SGD(rnn.parameters(), lr=0.1)

        def step(x):
            sgd.zero_grad()
            loss = rnn(x)[0].pow(2).sum()
            loss.backward()
            sgd.step()
            return loss

        step, x = wrap(step), mg.randn(4, 2, 2)
        return [step(x).item() for _ in range(6)]

    with pytest.warns(UserWarning, match="runs as it is written: it calls read"):
        replayed = trained(mg.compile)
    assert replayed == trained(lambda step: step)


@pytest.mark.once
def test_the_rooms_are_there_when_asked_for():
    assert mg.nn.utils.parametrize is parametrize
    assert mg.nn.utils.parametrizations is parametrizations
    with pytest.raises(AttributeError, match="has no attribute 'parametrise'"):
        mg.nn.utils.parametrise  # noqa: B018
