"""Normalisation of groups of channels, of instances, of neighbours: as PyTorch's, and right."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.nn import functional as F

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_groups.py")))
with np.load(GOLDEN / "groups.npz") as file:
    STORED = dict(file)


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


@pytest.mark.parametrize("name", [n for n, (shape, _) in made.LAYERS.items() if shape[0]])
def test_derivatives(name):
    layer = made.layer_of(mg, name, "float64")
    x = mg.tensor(facts.numbers(1, *made.LAYERS[name][0]), requires_grad=True)
    values = x, *layer.parameters()
    assert gradcheck(lambda x, *_: layer(x), values)
    assert gradgradcheck(lambda x, *_: layer(x), values)


def test_groups_are_normalised():
    y = nn.GroupNorm(3, 6, affine=False)(mg.tensor(50 + facts.numbers(1, 4, 6, 7)))
    parts = y.numpy().reshape(4, 3, 14)
    np.testing.assert_allclose(parts.mean(2), 0, atol=1e-12)
    np.testing.assert_allclose(parts.var(2), 1, 1e-3)


def test_one_group_is_layer_norm_and_a_group_a_channel_instance_norm():
    x = mg.tensor(facts.numbers(1, 4, 6, 7))
    one = F.group_norm(x, 1).numpy()
    np.testing.assert_allclose(one, F.layer_norm(x, (6, 7)).numpy(), 1e-12, 1e-12)
    each = F.group_norm(x, 6).numpy()
    np.testing.assert_allclose(each, F.instance_norm(x).numpy(), 1e-12, 1e-12)


def test_another_number_of_channels_warns():
    with pytest.warns(UserWarning, match="size at dim=1 does not match num_features"):
        nn.InstanceNorm1d(3)(mg.tensor(facts.numbers(1, 2, 4, 5)))
