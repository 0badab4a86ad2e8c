"""Initial values: what PyTorch says about them. (The numbers are in test_layers.py.)"""

import math
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

import minigrad as mg
from minigrad.nn import init

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_init.py")))


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


@pytest.mark.parametrize("name", made.DRAWS)
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_values_are_drawn_in_place_and_are_no_part_of_the_graph(name, dtype):
    w = mg.zeros(6, 5, dtype=dtype, requires_grad=True)
    memory = w.data_ptr()
    version = w._version
    assert made.DRAWS[name](init, w) is w
    assert (w.data_ptr(), w.dtype, w.is_leaf, w.requires_grad) == (memory, dtype, True, True)
    assert w._version > version
    assert w.abs().sum() > 0


@pytest.mark.parametrize("name", ["kaiming_uniform_", "kaiming_normal_"])
def test_no_entries_are_reported(name):
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        getattr(init, name)(mg.zeros(0, 3))


def test_bounds_far_from_the_mean_are_reported():
    with pytest.warns(UserWarning, match="mean is more than 2 std from") as caught:
        init.trunc_normal_(mg.zeros(3), 5.0)
    assert caught[0].filename == __file__


def test_nothing_else_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in made.DRAWS.values():
            draw(init, mg.zeros(4, 3))


@pytest.mark.parametrize(
    ("draw", "variance"),
    [
        (lambda w: init.xavier_uniform_(w, 2.0), 4 * 2 / 500),
        (lambda w: init.xavier_normal_(w), 2 / 500),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), 2 / 300),
        (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh"), 25 / 9 / 200),
        (lambda w: init.kaiming_normal_(w, math.sqrt(5)), 2 / 6 / 300),
        (lambda w: init.orthogonal_(w), 1 / 300),
    ],
)
def test_the_variance_is_that_of_the_formula(draw, variance):
    mg.manual_seed(0)
    w = draw(mg.zeros(200, 300, dtype=mg.float64))
    assert w.var().item() == pytest.approx(variance, rel=0.03)
    assert w.mean().item() == pytest.approx(0, abs=3 * math.sqrt(variance / w.numel()))
