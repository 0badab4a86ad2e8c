"""Learning rate schedulers against PyTorch, what they warn of, and laws that they obey."""

import copy
import gc
import json
import math
import pickle
import re
import runpy
import types
import warnings
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import optim
from minigrad.optim import lr_scheduler
from minigrad.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau, StepLR

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_schedulers.py")))
TEXTS = json.loads((GOLDEN / "schedulers.json").read_text(encoding="utf-8"))
with np.load(GOLDEN / "schedulers.npz") as file:
    NUMBERS = dict(file)
RUNS = made.runs()

# Schedulers that go from the last rate to the next, and know a closed form as well.
CLOSED = [
    name
    for name, (cls, _) in made.CHAINABLE.items()
    if hasattr(getattr(lr_scheduler, cls), "_get_closed_form_lr")
]


def sgd(*lrs, **options):
    groups = [{"params": [mg.ones(2, requires_grad=True)], "lr": lr} for lr in lrs]
    return optim.SGD(groups, **options)


def make(name, optimizer, **more):
    return made.make(mg, made.CASES[name], optimizer, **more)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_files_are_complete():
    assert set(NUMBERS) == set(RUNS)
    assert list(made.SCENES) == list(TEXTS)
    classes = {cls for cls, _ in made.CASES.values()}
    others = {"LRScheduler", "ReduceLROnPlateau", "SequentialLR", "ChainedScheduler"}
    assert classes | others == set(lr_scheduler.__all__)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RUNS)
def test_rates_equal_pytorchs(name):
    mine, theirs = RUNS[name](mg), NUMBERS[name]
    np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)


# Errors that minigrad words differently: what both have.
OTHER_WORDS = {
    "plateau grown, list": r"number of param groups in the `optimizer` \(3\) differs from when "
    r"`ReduceLROnPlateau` was initialized \(2\).*modify the `min_lrs` field",
    "sequence of plateau": r"SequentialLR does not support `ReduceLROnPlateau` .* at index 0",
    "chain of plateau": r"ChainedScheduler does not support `ReduceLROnPlateau` .* at index 0",
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_it_says_is_what_pytorch_says(name):
    outcome, expected = made.play(made.SCENES[name], mg), TEXTS[name]
    if isinstance(expected, list) and isinstance(outcome, list):
        assert outcome[0] == expected[0]
        if name in OTHER_WORDS:
            assert re.search(OTHER_WORDS[name], outcome[1])
            assert re.search(OTHER_WORDS[name], expected[1])
        else:
            assert expected[1].rstrip(".") in outcome[1]
    else:
        assert outcome == expected


def test_resuming_wants_initial_rates():
    optimizer = sgd(0.1, 0.5)
    optimizer.param_groups[0]["initial_lr"] = 0.1
    words = r"param 'initial_lr' is not specified in param_groups\[1\] when resuming scheduler with"
    with pytest.raises(KeyError, match=words):
        StepLR(optimizer, 3, last_epoch=2)


# ------------------------------------------------------------------------------------------------
# Warnings
# ------------------------------------------------------------------------------------------------


def caught(function):
    """The texts of what a function warns of, all of which must point at this file."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        function()
    assert all(w.filename == __file__ and w.category is UserWarning for w in seen)
    return [str(w.message) for w in seen]


def test_the_order_of_steps():
    optimizer = sgd(0.5)
    scheduler = StepLR(optimizer, 3)
    (text,) = caught(lambda: scheduler.step())
    assert "Detected call of `lr_scheduler.step()` before `optimizer.step()`" in text
    assert caught(lambda: scheduler.step()) == []  # once is enough

    optimizer = sgd(0.5)
    scheduler = StepLR(optimizer, 3)
    optimizer.step()
    assert caught(lambda: scheduler.step()) == []


def test_a_step_before_the_scheduler_does_not_count():
    optimizer = sgd(0.5)
    optimizer.step()
    scheduler = StepLR(optimizer, 3)
    (text,) = caught(lambda: scheduler.step())
    assert "before `optimizer.step()`" in text


def test_an_overridden_step():
    optimizer = sgd(0.5)
    scheduler = StepLR(optimizer, 3)
    optimizer.step = types.MethodType(lambda self: None, optimizer)
    optimizer.step()
    (text,) = caught(lambda: scheduler.step())
    assert "Seems like `optimizer.step()` has been overridden after learning rate" in text


def test_a_step_that_was_replaced_by_a_function_before():
    optimizer = sgd(0.5)
    seen = []
    optimizer.step = lambda *args: seen.append(args)
    scheduler = StepLR(optimizer, 3)
    optimizer.step(5)
    assert seen == [(5,)]
    assert caught(lambda: scheduler.step()) == []


@pytest.mark.parametrize("name", [name for name in made.CHAINABLE if "lambda" not in name])
def test_get_lr_is_for_step_only(name):
    scheduler = make(name, sgd(0.1, 0.5))
    (text,) = caught(lambda: scheduler.get_lr())
    assert "please use `get_last_lr()`" in text


def test_the_epoch_is_deprecated():
    scheduler = StepLR(sgd(0.5), 3)
    scheduler.optimizer.step()
    (text,) = caught(lambda: scheduler.step(5))
    assert text.startswith("The epoch parameter in `scheduler.step()` was not necessary")
    plateau = ReduceLROnPlateau(sgd(0.5))
    (text,) = caught(lambda: plateau.step(1.0, epoch=5))
    assert "deprecated" in text
    assert plateau.last_epoch == 5
    restarts = lr_scheduler.CosineAnnealingWarmRestarts(sgd(0.5), 3)
    assert caught(lambda: restarts.step(1.5)) == []  # here it has a meaning


# ------------------------------------------------------------------------------------------------
# Living with an optimizer
# ------------------------------------------------------------------------------------------------


def test_the_step_of_the_optimizer_stays_what_it_was():
    optimizer = sgd(0.25)
    (p,) = optimizer.param_groups[0]["params"]
    StepLR(optimizer, 3)
    StepLR(optimizer, 5)
    hooks = []
    optimizer.register_step_post_hook(lambda *args: hooks.append(args))
    p.grad = mg.ones(2)
    assert optimizer.step(closure=lambda: 7) == 7
    assert p.tolist() == [0.75, 0.75]
    assert hooks == [(optimizer, (optimizer,), hooks[0][2])]
    assert optimizer.step.__name__ == "step"
    assert optimizer.step.__doc__ == optim.SGD.step.__doc__


def test_optimizer_and_scheduler_are_freed_at_once():
    optimizer = sgd(0.25)
    scheduler = StepLR(optimizer, 3)
    dead = weakref.ref(optimizer), weakref.ref(scheduler)
    gc.disable()
    try:
        del optimizer, scheduler
        assert [reference() for reference in dead] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("name", ["step", "steps", "cosine", "restarts", "triangles", "one cycle"])
@pytest.mark.filterwarnings("ignore:Seems like")
def test_copies(copied, name):
    optimizer = sgd(0.1, 0.5, momentum=0.9)
    scheduler = make(name, optimizer)
    other = copied(scheduler)
    assert other.optimizer is not optimizer
    for _ in range(4):
        for one in (scheduler, other):
            one.optimizer.step()
            one.step()
        assert other.get_last_lr() == scheduler.get_last_lr()
    assert [g["lr"] for g in other.optimizer.param_groups] == other.get_last_lr()
    other.step()
    assert scheduler.last_epoch == other.last_epoch - 1


@pytest.mark.parametrize("name", made.CASES)
def test_state_dicts_can_be_pickled(name):
    scheduler = make(name, sgd(0.1, 0.5, momentum=0.9))
    state = pickle.loads(pickle.dumps(scheduler.state_dict()))
    assert state == scheduler.state_dict()
    assert "optimizer" not in state


def test_rates_that_were_told_do_not_change_later():
    lr = mg.tensor(0.5)
    optimizer = sgd(lr)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    told = scheduler.get_last_lr()
    optimizer.step()
    scheduler.step()
    assert told[0].item() == 0.5
    assert lr.item() == 0.25
    assert scheduler.base_lrs[0].item() == optimizer.param_groups[0]["initial_lr"].item() == 0.5


@pytest.mark.parametrize("rate", [0.5, "tensor"])
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o, low, high: lr_scheduler.CyclicLR(o, low, high, 2), [0.5, 0.75, 1.0, 0.75]),
        (
            lambda o, low, high: lr_scheduler.OneCycleLR(
                o, [high], 4, pct_start=0.75, anneal_strategy="linear", final_div_factor=25.0
            ),
            [0.04, 0.52, 1.0, 0.0016],
        ),
    ],
)
def test_bounds_that_are_tensors_are_copied(make, expected, rate):
    optimizer = sgd(mg.tensor(0.5) if rate == "tensor" else rate)
    low, high = mg.tensor(0.5), mg.tensor(1.0)
    scheduler = make(optimizer, low, high)
    low.mul_(2.0)
    high.mul_(2.0)
    rates = []
    for _ in expected:
        rates.append(float(scheduler.get_last_lr()[0]))
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx(expected, abs=1e-6)
    assert (low.item(), high.item()) == (1.0, 2.0)


def test_training_follows_the_schedule():
    p = mg.zeros(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0)
    scheduler = lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
    for _ in range(4):
        optimizer.zero_grad()
        (-p).sum().backward()
        optimizer.step()
        scheduler.step()
    assert p.item() == 1.0 + 0.5 + 0.5 + 0.25


def test_names():
    assert optim.lr_scheduler is lr_scheduler
    assert lr_scheduler._LRScheduler is LRScheduler
    for name in lr_scheduler.__all__:
        assert issubclass(getattr(lr_scheduler, name), LRScheduler)


# ------------------------------------------------------------------------------------------------
# Laws
# ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("name", CLOSED)
def test_steps_arrive_where_the_closed_form_says(name):
    """Except where a cosine or a power has been at 0, from where no factor leads away."""
    stepped, jumped = make(name, sgd(0.1, 0.5)), make(name, sgd(0.1, 0.5))
    for epoch in range(1, 20):
        stepped.optimizer.step()
        jumped.optimizer.step()
        stepped.step()
        jumped.step(epoch)
        np.testing.assert_allclose(stepped.get_last_lr(), jumped.get_last_lr(), 1e-9, 1e-12)


@settings(deadline=None, max_examples=30)
@given(
    lr=st.floats(1e-3, 10),
    eta_min=st.floats(0, 1e-3),
    total=st.integers(1, 20),
    epochs=st.integers(1, 60),
)
def test_cosines_stay_between_their_bounds(lr, eta_min, total, epochs):
    scheduler = lr_scheduler.CosineAnnealingLR(sgd(lr), total, eta_min)
    restarts = lr_scheduler.CosineAnnealingWarmRestarts(sgd(lr), total, 2, eta_min)
    for _ in range(epochs):
        for one in (scheduler, restarts):
            one.optimizer.step()
            one.step()
            assert eta_min * (1 - 1e-9) <= one.get_last_lr()[0] <= lr * (1 + 1e-9)
    expected = eta_min + (lr - eta_min) * (1 + math.cos(math.pi * epochs / total)) / 2
    assert scheduler.get_last_lr()[0] == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(
    low=st.floats(1e-3, 0.1),
    high=st.floats(0.2, 2),
    up=st.integers(1, 7),
    down=st.integers(1, 7),
)
def test_triangles(low, high, up, down):
    """Rate at the bottom: momentum at the top, and the other way round."""
    optimizer = sgd(0.5, momentum=0.5)
    scheduler = lr_scheduler.CyclicLR(optimizer, low, high, up, down)
    (group,) = optimizer.param_groups
    for step in range(3 * (up + down)):
        place = step % (up + down)
        assert low * (1 - 1e-9) <= group["lr"] <= high * (1 + 1e-9)
        share = (group["lr"] - low) / (high - low)
        assert group["momentum"] == pytest.approx(0.9 - 0.1 * share)
        if place in (0, up):
            assert share == pytest.approx(0.0 if place == 0 else 1.0, abs=1e-9)
        optimizer.step()
        scheduler.step()


@settings(deadline=None, max_examples=30)
@given(
    total=st.integers(3, 60),
    start=st.floats(0.05, 0.9),
    strategy=st.sampled_from(["cos", "linear"]),
    three=st.booleans(),
)
def test_one_cycle_begins_and_ends_as_told(total, start, strategy, three):
    optimizer = sgd(0.5, momentum=0.5)
    three = three and 2 * start * total < total
    scheduler = lr_scheduler.OneCycleLR(
        optimizer, 2.0, total, pct_start=start, anneal_strategy=strategy, three_phase=three
    )
    rates = [scheduler.get_last_lr()[0]]
    for _ in range(total - 1):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    first, last = 2.0 / 25, 2.0 / 25 / 1e4
    assert rates[-1] == pytest.approx(last)
    assert max(rates) <= 2.0 + 1e-9
    if start * total > 1:  # there is a first phase
        assert rates[0] == pytest.approx(first)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.95)


@settings(deadline=None, max_examples=50)
@given(
    metrics=st.lists(st.floats(-10, 10), min_size=1, max_size=40),
    patience=st.integers(0, 5),
    cooldown=st.integers(0, 5),
    mode=st.sampled_from(["min", "max"]),
)
def test_plateau_by_its_definition(metrics, patience, cooldown, mode):
    """Against the rule in words, with an absolute threshold."""
    scheduler = ReduceLROnPlateau(
        sgd(1.0), mode, 0.5, patience, 0.1, "abs", cooldown, min_lr=0.01, eps=0
    )
    sign = 1 if mode == "min" else -1
    best, bad, wait, lr = math.inf, 0, 0, 1.0
    for metric in metrics:
        scheduler.optimizer.step()
        scheduler.step(metric)
        if sign * metric < best - 0.1:
            best, bad = sign * metric, 0
        else:
            bad += 1
        if wait:
            wait, bad = wait - 1, 0
        if bad > patience:
            lr, wait, bad = max(lr / 2, 0.01), cooldown, 0
        assert scheduler.get_last_lr() == [lr]
        assert scheduler.in_cooldown == (wait > 0)


@settings(deadline=None, max_examples=20)
@given(milestone=st.integers(1, 12), names=st.tuples(*[st.sampled_from(CLOSED)] * 2))
def test_a_sequence_is_its_parts_one_after_the_other(milestone, names):
    optimizer = sgd(0.1, 0.5)
    parts = [make(name, optimizer) for name in names]
    sequence = lr_scheduler.SequentialLR(optimizer, parts, [milestone])
    rates = [sequence.get_last_lr()]
    for _ in range(20):
        optimizer.step()
        sequence.step()
        rates.append(sequence.get_last_lr())
    expected = []
    for name, epochs in zip(names, (milestone, 21 - milestone)):
        alone = make(name, sgd(0.1, 0.5))
        for _ in range(epochs):
            expected.append(alone.get_last_lr())
            alone.optimizer.step()
            alone.step()
    # At a milestone, a closed form and a factor may part by rounding.
    np.testing.assert_allclose(rates, expected, rtol=1e-9, atol=1e-12)


def test_reduce_lr_of_a_plateau_is_told_the_epoch():
    """Libraries put a function of their own in its place, to hear when it is called."""
    scheduler = ReduceLROnPlateau(mg.optim.SGD([mg.ones(1, requires_grad=True)], 1.0), patience=0)
    epochs, reduce = [], scheduler._reduce_lr
    scheduler._reduce_lr = lambda epoch: epochs.append(epoch) or reduce(epoch)
    for metric in (1.0, 2.0, 0.5, 3.0):
        scheduler.step(metric)
    assert epochs == [2, 4]
    assert scheduler.get_last_lr() == pytest.approx([0.01])
