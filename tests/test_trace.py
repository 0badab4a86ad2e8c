"""What a trace shows is what a loop in NumPy computes, and what its gradients say is true."""

import warnings

import numpy as np
import pytest
import recurrences as family
from equations import with_options
from test_recurrent_options import ALL, H, I, N, T, arrays, drawn, leaf, made

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck

ON_PAGES = [*family.ON_PAGES, *family.STEPS_ALONE]
GATES = {
    "lstm": ["input_gate", "forget_gate", "cell_gate", "output_gate"],
    "gru": ["reset_gate", "update_gate", "new_gate"],
    "janet": ["forget_gate", "cell_gate"],
    "mgu": ["forget_gate", "new_gate"],
}
OPTIONS = [{}, {"layer_norm": True}, {"recurrent_dropout": 0.4}, {"zoneout": 0.3}, ALL]


@pytest.fixture(autouse=True)
def _no_warning():
    """A step that could not be recorded would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def names_of(layer):
    """What there is to see of a layer."""
    return [*GATES.get(layer.recurrence.name.split("_")[0], []), *layer.recurrence.states]


def same(a, b, rtol=1e-9, atol=1e-11):
    a = a.detach().numpy() if isinstance(a, mg.Tensor) else a
    np.testing.assert_allclose(a, b, rtol, atol)


def by_hand(layer, x, states, arguments, k=0, **more):
    """All that there is to see of a direction of a layer, (T, N, H) by name."""
    seen = []
    with_options(layer.recurrence.name, arrays(layer, k), x, states, seen=seen, **arguments, **more)
    return dict(zip(names_of(layer), seen, strict=True))


# ------------------------------------------------------------------------------------------------
# Values
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ON_PAGES)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "+".join(o) or "plain")
@pytest.mark.parametrize("grads", [True, False])
def test_gates_and_states_equal_the_equations(kind, options, grads):
    layer, x = made(kind, I, H, **options), leaf(1, T, N, I)
    states = family.start(layer, N)
    mg.manual_seed(7)
    usual = family.run(layer, x, states)
    mg.manual_seed(7)
    with mg.set_grad_enabled(grads):
        *found, trace = layer.trace(x, family.given(states))
    for a, b in zip(family.flat(tuple(found)), usual, strict=True):
        same(a, b.detach().numpy(), 1e-12, 1e-14)
    mg.manual_seed(7)
    before = [s.detach().numpy()[0] for s in states]
    wanted = by_hand(layer, x.detach().numpy(), before, drawn(layer, states, options))
    assert list(trace.names) == list(wanted)
    for name, value in wanted.items():
        same(trace[name], value)
        assert trace[name].requires_grad == grads


# ------------------------------------------------------------------------------------------------
# Gradients
# ------------------------------------------------------------------------------------------------


def weighted(values):
    """A loss in which every number counts, and each differently."""
    return sum((v * facts_like(k, v)).sum() for k, v in enumerate(values))


def facts_like(k, value):
    numbers = family.facts.numbers(70 + k, *value.shape)
    return mg.tensor(numbers) if isinstance(value, mg.Tensor) else numbers


@pytest.mark.parametrize("kind", ON_PAGES)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "+".join(o) or "plain")
def test_gradients_of_states_are_those_of_moving_them(kind, options):
    layer, x = made(kind, I, H, **options), leaf(1, T, N, I)
    states = family.start(layer, N)
    mg.manual_seed(7)
    *_, trace = layer.trace(x, family.given(states))
    weighted(list(trace[0].forward.values())).backward()
    mg.manual_seed(7)
    arguments = drawn(layer, states, options)
    before = [s.detach().numpy()[0] for s in states]

    def loss(moved):
        return weighted(by_hand(layer, x.detach().numpy(), before, arguments, moved=moved).values())

    step = 1e-6
    for k, name in enumerate(layer.recurrence.states):
        wanted = np.empty((T, *before[k].shape))
        for place in np.ndindex(*wanted.shape):
            moved = [np.zeros((T, *s.shape)) for s in before]
            moved[k][place] = step
            up = loss(moved)
            moved[k][place] = -step
            wanted[place] = (up - loss(moved)) / (2 * step)
        same(trace[name].grad, wanted, 1e-6, 1e-8)


@pytest.mark.parametrize("kind", ON_PAGES)
@pytest.mark.parametrize("options", [{}, ALL], ids=["plain", "all"])
def test_gradients_flow_through_all_that_is_seen(kind, options):
    layer, x = made(kind, I, H, **options), leaf(1, T, N, I)
    states = family.start(layer, N)

    def run(x, *more):
        mg.manual_seed(7)
        *_, trace = layer.trace(x, family.given(more[: len(states)]))
        return tuple(trace[0].forward.values())

    inputs = (x, *states, *layer.parameters())
    assert gradcheck(run, inputs, fast_mode=True)
    if not options:
        assert gradgradcheck(run, inputs, fast_mode=True)
