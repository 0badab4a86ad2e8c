"""Checkpoints: the gradients are those without, of any order, and less is kept in between."""

import contextlib
import copy
import runpy
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.utils import checkpoint as room
from minigrad.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_recomputation.py")))
both = pytest.mark.parametrize("reentrant", [False, True])


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


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        return self.inner(mg.cat([x, h], -1)).tanh()


LAYERS = {
    "RNN": lambda: nn.RNN(3, 3, num_layers=2, dropout=0.5),
    "LSTM": lambda: nn.LSTM(3, 3, bidirectional=True, num_layers=2, dropout=0.2),
    "GRU": lambda: nn.GRU(3, 3, recurrent_dropout=0.3, zoneout=0.1),
    "own": lambda: nn.Recurrent(Cell, 3, 3),
    "attention": lambda: nn.MultiheadAttention(3, 1, dropout=0.2),
}


def gradients(layer, call, x):
    """The output, the gradients, and the next random number."""
    mg.manual_seed(7)
    x = x.clone().requires_grad_()
    y = call(layer, x)
    (y * y).sum().backward()
    grads = [p.grad.numpy().copy() for p in layer.parameters()]
    layer.zero_grad()
    return [y.detach().numpy(), x.grad.numpy(), mg.rand(1).numpy(), *grads]


@pytest.mark.parametrize("name", LAYERS)
@both
def test_gradients_of_a_layer_are_the_same(name, reentrant):
    mg.manual_seed(0)
    layer, x = LAYERS[name](), mg.randn(5, 2, 3)

    def plain(layer, x):
        return (layer(x, x, x) if name == "attention" else layer(x))[0]

    def saving(layer, x):
        return checkpoint(lambda x: plain(layer, x), x, use_reentrant=reentrant)

    for _ in range(3):  # (a step is recorded in the second call)
        for got, expected in zip(
            gradients(layer, saving, x), gradients(layer, plain, x), strict=True
        ):
            np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)


@both
def test_derivatives_of_any_order(reentrant):
    x, w, v = [mg.tensor(facts.numbers(k, 3), requires_grad=True) for k in range(3)]

    def function(x, w):
        return {"a": (x * w).sin(), "b": (x.exp(), w * x.sum())}

    def run(x, w, v):
        inside = (v * w).tanh()  # reached by the closure below, and a function of an argument
        first = checkpoint(function, x, w, use_reentrant=reentrant)
        second = checkpoint(
            lambda a, b: checkpoint(lambda a: a * inside, a, use_reentrant=False) * b,
            first["a"], first["b"][1], use_reentrant=reentrant,
        )  # fmt: skip
        return second, first["b"][0]

    assert gradcheck(run, (x, w, v))
    assert gradgradcheck(run, (x, w, v))


@pytest.mark.once
def test_outputs_may_go_unused_and_results_may_be_asked_for_alone():
    x = mg.ones(2, requires_grad=True)
    p = nn.Parameter(mg.tensor([2.0, 3.0]))
    a, _ = checkpoint(lambda x: (x * p, x.exp()), x, use_reentrant=False)
    assert mg.autograd.grad(a.sum(), p, retain_graph=True)[0].tolist() == [1.0, 1.0]
    assert x.grad is None
    assert p.grad is None
    a.sum().backward(retain_graph=True)
    a.sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]
    assert p.grad.tolist() == [2.0, 2.0]


@pytest.mark.once
def test_parameters_learn_without_an_input_that_requires_a_gradient():
    layer, x = nn.Linear(2, 2), mg.ones(1, 2)
    checkpoint(layer, x, use_reentrant=False).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0]] * 2
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        assert not checkpoint(layer, x, use_reentrant=True).requires_grad
    with mg.no_grad():
        assert not checkpoint(layer, x, use_reentrant=True).requires_grad


@pytest.mark.once
def test_hooks_run_once():
    layer, seen = nn.Linear(2, 2), []
    x = mg.ones(1, 2, requires_grad=True)
    h = x * 1
    h.register_hook(lambda g: seen.append("h"))
    layer.weight.register_hook(lambda g: seen.append("weight"))
    layer.weight.register_post_accumulate_grad_hook(lambda p: seen.append("accumulated"))
    checkpoint(layer, h, use_reentrant=False).sum().backward()
    assert sorted(seen) == ["accumulated", "h", "weight"]


# ------------------------------------------------------------------------------------------------
# The second run
# ------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_random_numbers_are_the_same_unless_they_need_not_be():
    x = mg.ones(100, requires_grad=True)
    for options in ({}, {"preserve_rng_state": False}):
        mg.manual_seed(0)
        y = checkpoint(lambda x: x * mg.rand(100), x, use_reentrant=False, **options)
        (gradient,) = mg.autograd.grad(y.sum(), x)
        assert gradient.equal(y.detach()) == (not options)


@pytest.mark.once
def test_contexts_are_entered_around_each_run():
    seen = []

    @contextlib.contextmanager
    def noted(name):
        seen.append(name)
        yield

    x = mg.ones(1, requires_grad=True)
    y = checkpoint(
        lambda x: 2 * x, x, use_reentrant=False,
        context_fn=lambda: (noted("first"), noted("second")),
    )  # fmt: skip
    assert seen == ["first"]
    y.backward()
    assert seen == ["first", "second"]
    assert all(isinstance(c, contextlib.AbstractContextManager) for c in room.noop_context_fn())


@pytest.mark.once
def test_arguments_must_not_change_in_between():
    x = mg.ones(2, requires_grad=True)
    h = x * 2
    y = checkpoint(lambda h: h.exp(), h, use_reentrant=False)
    h.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.once
def test_a_function_that_changes_is_noticed():
    a, b = [nn.Parameter(mg.ones(2)) for _ in range(2)]
    turns = iter([a, b, b, a])
    function = lambda x: x * next(turns)  # noqa: E731
    x = mg.ones(2, requires_grad=True)
    with pytest.raises(CheckpointError, match="1 of the former's 2 are not in the latter"):
        checkpoint(function, x, use_reentrant=False).sum().backward()
    checkpoint(function, x, use_reentrant=False, determinism_check="none").sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    fewer = iter([(a * 1, a * 2), (a * 1,)])
    with pytest.raises(CheckpointError, match="returned 2 values in the recomputation"):
        checkpoint(lambda x: (*next(fewer), x * 2), x, use_reentrant=False)[2].sum().backward()


# ------------------------------------------------------------------------------------------------
# Memory, and many at once
# ------------------------------------------------------------------------------------------------


def kept_after(call, layer, x):
    """How many bytes a forward pass leaves behind."""
    tracemalloc.start()
    y = call(layer, x)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert y.requires_grad
    return kept


@pytest.mark.once
def test_less_is_kept():
    layer, x = nn.Sequential(*[nn.Linear(50, 50), nn.Tanh()] * 8), mg.ones(100, 50)
    whole = kept_after(lambda layer, x: layer(x), layer, x)
    part = kept_after(lambda layer, x: checkpoint(layer, x, use_reentrant=False), layer, x)
    assert whole > 8 * x.numel() * 4  # (what each tanh returned)
    assert part < 2 * x.numel() * 4


@pytest.mark.parametrize("segments", [1, 2, 3, 5])
@both
def test_segments_give_the_same(segments, reentrant):
    mg.manual_seed(1)
    model = nn.Sequential(*[nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(5)])
    twin = copy.deepcopy(model)
    x = mg.randn(2, 3, requires_grad=True)
    for steps in (model, list(model)):
        model.zero_grad()
        checkpoint_sequential(steps, segments, x, use_reentrant=reentrant).sum().backward()
        if steps is model:
            twin(x.detach()).sum().backward()
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_allclose(p.grad, q.grad, rtol=1e-6)


@pytest.mark.once
def test_it_is_there_when_asked_for():
    assert mg.utils.checkpoint is room
    with pytest.raises(AttributeError, match="has no attribute 'checkpoints'"):
        mg.utils.checkpoints  # noqa: B018
    with mg.autograd.graph.save_on_cpu(pin_memory=True):
        assert (mg.ones(1, requires_grad=True) * 2).requires_grad
