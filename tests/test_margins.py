"""Losses with margins, likelihoods of numbers, distances: as PyTorch's, and right."""

import runpy
import warnings
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
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_margins.py")))
with np.load(GOLDEN / "margins.npz") as file:
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


@pytest.mark.parametrize("reduction", made.REDUCTIONS)
@pytest.mark.parametrize("name", made.LOSSES)
def test_derivatives(name, reduction):
    criterion, values = made.loss_of(mg, name, reduction, "float64")
    if name.startswith("Gaussian"):
        criterion.eps = 1e-6  # below all variances: differences see a limit that gradients do not
    assert gradcheck(criterion, values)
    assert gradgradcheck(criterion, values)


def test_margins_by_their_definitions():
    x, y, labels = facts.numbers(1, 3, 4), [2, 0, 3], [[2, 0], [], [3, 1, 0]]
    hinge = np.maximum(0, 0.7 - x[np.arange(3), y][:, None] + x)
    hinge[np.arange(3), y] = 0
    got = F.multi_margin_loss(mg.tensor(x), mg.tensor(y), margin=0.7, reduction="none")
    np.testing.assert_allclose(got.numpy(), hinge.sum(1) / 4, 1e-12)
    sums = [sum([max(0, 1 - row[j] + row[i]) for j in own for i in range(4) if i not in own]) / 4
            for row, own in zip(x, labels)]  # fmt: skip
    target = mg.tensor([[2, 0, -1, 3], [-1, 1, 1, 1], [3, 1, 0, -1]])
    got = F.multilabel_margin_loss(mg.tensor(x), target, reduction="none")
    np.testing.assert_allclose(got.numpy(), sums, 1e-12)


def test_the_logistic_loss_neither_overflows_nor_loses_digits():
    x = mg.tensor([1e4, -1e4, 30.0], requires_grad=True)
    loss = F.soft_margin_loss(x, mg.ones(3), reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [0, 1e4, np.exp(-30)], 1e-6)
    (d,) = mg.autograd.grad(loss.sum(), x, create_graph=True)
    (second,) = mg.autograd.grad(d.sum(), x)
    np.testing.assert_allclose(d.detach().numpy(), [0, -1, -np.exp(-30)], 1e-6)
    assert mg.isfinite(second).all()


def test_equal_vectors_have_a_distance_with_a_slope():
    x = mg.tensor([[1.0, 2.0]], requires_grad=True)
    F.triplet_margin_loss(x, x.detach(), x.detach() + 3).backward()
    assert mg.isfinite(x.grad).all()


def test_the_least_variance_lets_gradients_through():
    v = mg.tensor([1e-9, 4.0], dtype=mg.float64, requires_grad=True)
    before = v.detach().clone()
    F.gaussian_nll_loss(mg.zeros(2).double(), mg.ones(2).double(), v, eps=0.5).backward()
    np.testing.assert_allclose(v.grad.numpy(), [(1 / 0.5 - 1 / 0.25) / 4, (1 / 4 - 1 / 16) / 4])
    assert mg.equal(v.detach(), before)


def test_the_old_name_of_the_mean_warns_where_it_is_used():
    x = mg.tensor([1.0, 3.0])
    for call in (
        lambda: F.l1_loss(x, x, reduction="elementwise_mean"),
        lambda: F.huber_loss(x, x, "elementwise_mean"),
        lambda: F.soft_margin_loss(x, x, reduction="elementwise_mean"),
    ):
        with pytest.warns(UserWarning, match="reduction='elementwise_mean' is deprecated") as seen:
            call()
        assert [w.filename for w in seen] == [__file__]
    with pytest.warns(UserWarning, match="Please use reduction='mean' instead"):
        criterion = nn.MarginRankingLoss(reduction="elementwise_mean")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert criterion(x, x, x).item() == 0


@pytest.mark.filterwarnings("error")
def test_training_with_labels_is_replayed():
    mg.manual_seed(0)
    layer = nn.Linear(3, 4)
    labels, classes = mg.tensor([[1, 0, -1, 0], [2, -1, 0, 0]]), mg.tensor([3, 1])

    def loss(x):
        scores = layer(x)
        return F.multilabel_margin_loss(scores, labels) + F.multi_margin_loss(scores, classes)

    compiled = mg.compile(loss)
    for k in range(5):
        x = mg.tensor(facts.numbers(k, 2, 3, dtype="float32"))
        assert compiled(x).item() == loss(x).item()
