"""Clipping, parameters as a vector, weights computed from others: PyTorch's values, and right."""

import copy
import math
import pickle
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.nn.utils.spectral_norm import SpectralNorm
from minigrad.nn.utils.weight_norm import WeightNorm

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_nn_utils.py")))
with np.load(GOLDEN / "nn_utils.npz") as file:
    STORED = dict(file)


def leaf(seed, *shape):
    return mg.tensor(facts.numbers(seed, *shape), requires_grad=True)


def with_gradient(array):
    p = nn.Parameter(mg.zeros(*array.shape, dtype=mg.tensor(array).dtype))
    p.grad = mg.tensor(array)
    return p


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# Clipping
# ------------------------------------------------------------------------------------------------

floats = st.floats(-1e3, 1e3, width=32)
orders = st.sampled_from([0.5, 1.0, 2.0, 3.0, math.inf])


@given(st.lists(st.lists(floats, max_size=5), min_size=1, max_size=4), orders, st.floats(0.01, 100))
def test_the_norm_after_clipping_is_within_bounds(gradients, p, bound):
    gradients = [np.array([1.0, *g]) for g in gradients]
    params = [with_gradient(g) for g in gradients]
    total = nn.utils.clip_grad_norm_(params, bound, p).item()
    flat = np.concatenate(gradients)
    expected = np.abs(flat).max() if p == math.inf else (np.abs(flat) ** p).sum() ** (1 / p)
    assert total == pytest.approx(expected, rel=1e-12)
    after = nn.utils.get_total_norm([q.grad for q in params], p).item()
    assert after <= min(bound, total) * (1 + 1e-12)
    factor = min(1.0, bound / (expected + 1e-6))
    for g, q in zip(gradients, params, strict=True):
        np.testing.assert_allclose(q.grad.numpy(), g * factor, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [2**14 - 1, 2**14, 2**14 + 1, 10**6])
def test_the_norm_of_many_values_is_exact(size, dtype):
    values = (1 + 0.1 * facts.numbers(1, size)).astype(dtype)
    exact = np.linalg.norm(values.astype("float64"))
    got = nn.utils.get_total_norm(mg.from_numpy(values)).item()
    assert got == pytest.approx(exact, rel=3e-7 if dtype == "float32" else 1e-14)


def test_gradients_of_any_layout_are_clipped_in_place():
    base = mg.arange(12.0).view(3, 4)
    expected = base.t()[1:].clone()
    p = nn.Parameter(mg.zeros(3, 3))
    p.grad = base.t()[1:]
    total = nn.utils.clip_grad_norm_(p, 1.0)
    assert total.item() == pytest.approx(expected.norm().item(), rel=1e-6)
    np.testing.assert_allclose(base.t()[1:].numpy(), expected.numpy() / total.item(), rtol=1e-6)
    assert base[:, 0].tolist() == [0, 4, 8]
    nn.utils.clip_grad_value_(p, 0.1)
    assert base[:, 1:].max().item() == pytest.approx(0.1)
    assert base[2, 0].item() == 8


@pytest.mark.parametrize(
    "clip", [lambda p: nn.utils.clip_grad_norm_(p, 0.1), lambda p: nn.utils.clip_grad_value_(p, 2)]
)
def test_a_change_that_a_graph_would_miss_is_noticed(clip):
    p = with_gradient(np.array([3.0, 4.0]))
    p.grad.requires_grad_()
    y = (p.grad**2).sum()
    clip(p)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_both_gradients_of_a_sum_are_scaled_once():
    a, b = leaf(1, 3), leaf(2, 3)
    (a + b).sum().backward()
    nn.utils.clip_grad_norm_([a, b], 1.0)
    expected = 1 / math.sqrt(6)
    for x in (a, b):
        np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-6)


def test_nothing_is_recorded():
    p = nn.Parameter(mg.ones(2))
    p.grad = (nn.Parameter(mg.tensor([3.0, 4.0])) * 1).detach()
    total = nn.utils.clip_grad_norm_(p, 1.0)
    assert not total.requires_grad
    assert not p.grad.requires_grad


@pytest.mark.parametrize("name", ["clip_grad_norm_", "clip_grad_value_"])
def test_a_used_up_generator_is_reported(name):
    parameters = nn.Linear(2, 3).parameters()
    list(parameters)
    with pytest.warns(UserWarning, match="`parameters` is an empty generator") as caught:
        getattr(nn.utils, name)(parameters, 1.0)
    assert caught[0].filename == __file__


def test_no_gradient_at_all_is_no_error_for_values():
    nn.utils.clip_grad_value_(nn.Linear(2, 3).parameters(), 1.0)
    nn.utils.clip_grad_value_([], 1.0)


# ------------------------------------------------------------------------------------------------
# Vectors
# ------------------------------------------------------------------------------------------------


def test_a_vector_goes_there_and_back():
    one, other = nn.Linear(3, 4), nn.Linear(3, 4)
    vector = nn.utils.parameters_to_vector(one.parameters())
    assert vector.shape == (16,)
    nn.utils.vector_to_parameters(vector, other.parameters())
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert mg.equal(p, q)
        assert p.data_ptr() != q.data_ptr()


def test_parameters_look_into_the_vector():
    p, vector = nn.Parameter(mg.zeros(2)), mg.zeros(2)
    nn.utils.vector_to_parameters(vector, [p])
    vector[1] = 5
    assert p.tolist() == [0, 5]


def test_derivatives_of_a_vector():
    def vector(x, y):
        return nn.utils.parameters_to_vector([x * x, y.t()]) ** 2

    assert gradcheck(vector, (leaf(1, 2, 3), leaf(2, 2, 2)))
    assert gradgradcheck(vector, (leaf(1, 2, 3), leaf(2, 2, 2)))


# ------------------------------------------------------------------------------------------------
# Weights from others
# ------------------------------------------------------------------------------------------------

LAYERS = {
    "Linear": (lambda: nn.Linear(3, 4, dtype=mg.float64), "weight", (2, 3)),
    "RNN": (lambda: nn.RNN(3, 4, dtype=mg.float64), "weight_hh_l0", (4, 2, 3)),
    "LSTM": (lambda: nn.LSTM(3, 4, dtype=mg.float64), "weight_hh_l0", (4, 2, 3)),
    "GRU": (lambda: nn.GRU(3, 4, 2, dtype=mg.float64), "weight_ih_l1", (4, 2, 3)),
    "RNNCell": (lambda: nn.RNNCell(3, 4, dtype=mg.float64), "weight_ih", (2, 3)),
    "Embedding": (lambda: nn.Embedding(5, 4, dtype=mg.float64), "weight", None),
}


def layer(name):
    make, parameter, shape = LAYERS[name]
    x = mg.tensor([[1, 4], [0, 1]]) if shape is None else mg.tensor(facts.numbers(1, *shape))
    return make(), parameter, x


def output(module, x):
    y = module(x)
    return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dim", [0, 1, None])
def test_a_split_weight_computes_the_same_and_is_learned(name, dim):
    module, parameter, x = layer(name)
    before = output(module, x).detach()
    assert nn.utils.weight_norm(module, parameter, dim) is module
    np.testing.assert_allclose(output(module, x).detach().numpy(), before.numpy(), rtol=1e-12)
    length, direction = getattr(module, parameter + "_g"), getattr(module, parameter + "_v")
    (output(module, x) ** 2).sum().backward()
    assert length.grad.abs().sum() > 0
    assert direction.grad.abs().sum() > 0
    with mg.no_grad():
        length *= 2  # twice the length is twice the weight
        direction *= 3  # and the length of the direction does not matter
    weight = getattr(module, parameter).detach()
    output(module, x)
    np.testing.assert_allclose(
        getattr(module, parameter).detach().numpy(), 2 * weight.numpy(), rtol=1e-12
    )
    assert nn.utils.remove_weight_norm(module, parameter) is module
    assert isinstance(getattr(module, parameter), nn.Parameter)
    np.testing.assert_allclose(
        getattr(module, parameter).detach().numpy(), 2 * weight.numpy(), rtol=1e-12
    )
    output(module, x).sum().backward()


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives_of_a_split_weight(name):
    module, parameter, x = layer(name)
    nn.utils.weight_norm(module, parameter)
    values = tuple(module.parameters())
    assert gradcheck(lambda *_: output(module, x), values)
    assert gradgradcheck(lambda *_: output(module, x), values, fast_mode=True)


def test_several_weights_of_one_layer_are_split():
    lstm = nn.LSTM(3, 4, 2)
    expected = lstm(mg.ones(5, 1, 3))[0].detach()
    for k in range(2):
        nn.utils.weight_norm(lstm, f"weight_hh_l{k}")
    assert mg.allclose(lstm(mg.ones(5, 1, 3))[0], expected, atol=1e-6)
    nn.utils.remove_weight_norm(lstm, "weight_hh_l0")
    assert mg.allclose(lstm(mg.ones(5, 1, 3))[0], expected, atol=1e-6)
    names = [name for name, _ in lstm.named_parameters()]
    assert {"weight_hh_l0", "weight_hh_l1_g", "weight_hh_l1_v"} < set(names)
    assert "weight_hh_l1" not in names


def test_without_gradients_the_weight_is_a_plain_tensor():
    module = nn.utils.weight_norm(nn.Linear(3, 4))
    with mg.no_grad():
        module(mg.ones(3))
    assert not module.weight.requires_grad
    module(mg.ones(3))
    assert module.weight.requires_grad


@pytest.mark.parametrize("normalise", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_normalised_modules_can_be_pickled(normalise):
    module = normalise(nn.Linear(3, 4))
    expected = module(mg.ones(3)).detach()
    again = pickle.loads(pickle.dumps(module)).eval()
    assert mg.allclose(again(mg.ones(3)), expected, rtol=0.3)
    again.load_state_dict(module.state_dict())
    assert mg.equal(again(mg.ones(3)), module.eval()(mg.ones(3)))
    assert list(again.state_dict()) == list(module.state_dict())


def test_a_weight_with_a_graph_cannot_be_deep_copied():
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(nn.utils.weight_norm(nn.Linear(3, 4)))


def test_an_initialised_weight_is_normalised_whole():
    v = leaf(3, 4, 5)
    hook = WeightNorm("weight", None)
    assert hook.lengths(v).item() == pytest.approx(np.linalg.norm(v.detach().numpy()))
    for dim, axis in ((0, 1), (1, 0), (-2, 1)):
        expected = np.linalg.norm(v.detach().numpy(), axis=axis, keepdims=True)
        got = WeightNorm("weight", dim).lengths(v)
        np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("name", ["Linear", "RNN", "LSTM"])
def test_the_largest_singular_value_becomes_one(name, dim):
    module, parameter, x = layer(name)
    nn.utils.spectral_norm(module, parameter, n_power_iterations=300, dim=dim)
    output(module, x)
    weight = getattr(module, parameter)
    assert np.linalg.norm(weight.detach().numpy(), 2) == pytest.approx(1, rel=1e-6)
    original = getattr(module, parameter + "_orig")
    ratio = original.detach().numpy() / weight.detach().numpy()
    np.testing.assert_allclose(ratio, np.linalg.norm(original.detach().numpy(), 2), rtol=1e-6)


def test_singular_vectors_stay_in_evaluation():
    module = nn.utils.spectral_norm(nn.Linear(3, 4))
    before = module.weight_u.clone()
    module.eval()(mg.ones(3))
    assert mg.equal(module.weight_u, before)
    module.train()(mg.ones(3))
    assert not mg.equal(module.weight_u, before)


def test_two_passes_before_backward():
    module = nn.utils.spectral_norm(nn.Linear(3, 4))
    loss = module(mg.ones(3)).sum() + module(mg.ones(3)).sum()
    loss.backward()
    assert module.weight_orig.grad.abs().sum() > 0


def test_derivatives_of_spectral_norm():
    module = nn.utils.spectral_norm(nn.Linear(3, 4, dtype=mg.float64)).eval()
    x = mg.tensor(facts.numbers(1, 2, 3))
    assert gradcheck(lambda *_: module(x), tuple(module.parameters()))
    assert gradgradcheck(lambda *_: module(x), tuple(module.parameters()))


def test_a_vector_of_zeros_has_no_direction_but_a_value():
    hook = SpectralNorm("weight", 1, 1e-12, 0)
    assert hook.unit(mg.zeros(3)).tolist() == [0, 0, 0]
    assert hook.unit(mg.tensor([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])
