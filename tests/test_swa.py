"""Averages of weights over training: PyTorch's values."""

import copy
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.optim import swa_utils

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_swa.py")))
with np.load(GOLDEN / "swa.npz") as file:
    STORED = dict(file)


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_equal_pytorchs(name):
    tolerance = {"float32": 1e-4, "float64": 1e-12}  # (batch norms of few numbers)
    facts.check_run(made.RUNS[name](mg), STORED[name], tolerance)


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


@pytest.mark.parametrize("together", [False, True])
def test_the_average_of_a_recurrent_layer_is_the_mean_of_its_weights(together):
    mg.manual_seed(0)
    lstm = nn.LSTM(3, 4, dtype=mg.float64)
    rule = {"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()} if together else {}
    averaged, seen = swa_utils.AveragedModel(lstm, **rule), []
    for _ in range(5):
        lstm.reset_parameters()
        seen.append([p.detach().numpy().copy() for p in lstm.parameters()])
        averaged.update_parameters(lstm)
    for p, *values in zip(averaged.parameters(), *seen, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), np.mean(values, 0), rtol=1e-13, atol=1e-16)
    assert averaged.n_averaged.item() == 5
    assert all(p.requires_grad and p.is_leaf for p in averaged.parameters())
    twin = copy.deepcopy(averaged)
    assert twin(mg.ones(2, 1, 3, dtype=mg.float64))[0].equal(
        averaged(mg.ones(2, 1, 3, dtype=mg.float64))[0]
    )


def test_whole_numbers_are_averaged_too():
    model = nn.BatchNorm1d(2)
    for rule in (swa_utils.get_ema_multi_avg_fn(0.5), swa_utils.get_swa_multi_avg_fn()):
        averaged = swa_utils.AveragedModel(model, multi_avg_fn=rule, use_buffers=True)
        for count in (2, 6):
            model.num_batches_tracked.fill_(count)
            averaged.update_parameters(model)
        assert averaged.module.num_batches_tracked.item() == 4


def test_it_is_there_when_asked_for():
    assert mg.optim.swa_utils is swa_utils
    with pytest.raises(AttributeError, match="has no attribute 'swa'"):
        mg.optim.swa  # noqa: B018


def test_the_learning_rate_itself_is_asked_for_with_a_warning():
    scheduler = swa_utils.SWALR(made.optimizer(mg), 0.1)
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()
