"""Pruning: PyTorch's masks for the same seed, and zeros that stay."""

import copy
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
from minigrad.autograd import gradcheck
from minigrad.nn.utils import prune

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_prune.py")))
with np.load(GOLDEN / "prune.npz") as file:
    STORED = dict(file)


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


@pytest.mark.once
@given(st.lists(st.integers(1, 4), min_size=2, max_size=3), st.floats(0, 1), st.integers(0, 99))
def test_so_many_entries_are_pruned(shape, amount, seed):
    mg.manual_seed(seed)
    t, size = mg.randn(shape), int(np.prod(shape))
    for method in (prune.L1Unstructured(amount), prune.RandomUnstructured(amount)):
        assert (method.prune(t) == 0).sum().item() == round(amount * size)
    for dim in range(-len(shape), len(shape)):
        others = [d for d in range(len(shape)) if d != dim % len(shape)]
        for method in (prune.LnStructured(amount, 2, dim), prune.RandomStructured(amount, dim)):
            empty = method.prune(t).abs().sum(others) == 0
            assert empty.sum().item() == round(amount * shape[dim])


@pytest.mark.once
def test_what_is_pruned_twice_is_pruned_among_the_rest():
    gru = nn.GRU(3, 5)
    prune.random_unstructured(gru, "weight_hh_l0", 0.2)
    before = gru.weight_hh_l0_mask
    prune.l1_unstructured(gru, "weight_hh_l0", 0.5)
    assert not ((before == 0) & (gru.weight_hh_l0_mask == 1)).any()
    assert (gru.weight_hh_l0_mask == 0).sum().item() == 15 + 30
    prune.ln_structured(gru, "weight_hh_l0", 3, n=1, dim=0)
    assert (gru.weight_hh_l0 == 0).all(1).sum().item() >= 3


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU, nn.JANET, nn.MGU, nn.IndRNN])
def test_zeros_of_a_layer_stay_while_it_learns(layer):
    mg.manual_seed(0)
    module = layer(3, 4, dtype=mg.float64)
    prune.random_unstructured(module, "weight_ih_l0", 0.5)
    optimizer = mg.optim.AdamW(module.parameters())
    x = mg.randn(4, 2, 3, dtype=mg.float64)
    before = module.weight_ih_l0_orig.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        module(x)[0].pow(2).sum().backward()
        optimizer.step()
    assert not module.weight_ih_l0_orig.equal(before)
    module(x)
    assert module.weight_ih_l0[module.weight_ih_l0_mask == 0].equal(
        mg.zeros(module.weight_ih_l0.numel() // 2, dtype=mg.float64)
    )
    assert gradcheck(lambda w: module(x)[0], (module.weight_ih_l0_orig,))


@pytest.mark.once
def test_a_failure_leaves_the_parameter_as_it_was():
    layer = prune.random_structured(nn.Linear(3, 4), "weight", 1, dim=0)
    hooks, state = dict(layer._forward_pre_hooks), layer.state_dict()
    with pytest.raises(ValueError, match="amount=4 should be smaller"):
        prune.random_structured(layer, "weight", 4, dim=0)
    assert dict(layer._forward_pre_hooks) == hooks
    assert list(layer.state_dict()) == list(state)


@pytest.mark.once
def test_copies_are_pruned_too():
    layer = prune.l1_unstructured(nn.Linear(3, 4), "weight", 5)
    prune.random_unstructured(layer, "weight", 2)
    with mg.no_grad():
        layer(mg.ones(3))  # now its weight is no longer part of a graph
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert prune.is_pruned(twin)
        assert twin(mg.ones(3)).equal(layer(mg.ones(3)))
        assert prune.remove(twin, "weight").weight.equal(layer.weight)
    fresh = prune.identity(nn.Linear(3, 4), "weight")
    fresh.load_state_dict(layer.state_dict())
    assert fresh(mg.ones(3)).equal(layer(mg.ones(3)))
