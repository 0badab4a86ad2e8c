"""What a trace shows is what a loop in NumPy computes, and what its gradients say is true."""

import warnings

import numpy as np
import pytest
import recurrences as family
from equations import with_options
from test_recurrent_options import ALL, H, I, N, T, arrays, drawn, leaf, made

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.utils.rnn import pack_padded_sequence

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
    return sum([(v * facts_like(k, v)).sum() for k, v in enumerate(values)])


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


# ------------------------------------------------------------------------------------------------
# Layers, directions, layouts, lengths
# ------------------------------------------------------------------------------------------------


def layers_by_hand(layer, x, states):
    """All that there is to see of one sequence, [layer][direction][name] (T, ...); the output."""
    found, sides = [], (False, True)[: 2 if layer.bidirectional else 1]
    for k in range(layer.num_layers):
        found.append([])
        for side in sides:
            place = k * len(sides) + side
            own = [s[place][None] for s in states]
            seen = by_hand(layer, x[:, None], own, {}, place, reverse=side) if len(x) else {}
            found[-1].append({name: value[:, 0] for name, value in seen.items()})
        x = np.concatenate([seen["hidden"] for seen in found[-1]], -1) if len(x) else x
    return found, x


@pytest.mark.parametrize("kind", ON_PAGES)
@pytest.mark.parametrize(
    "form", ["batch", "batch_first", "alone", "lengths", "lengths_first", "packed"]
)
@pytest.mark.parametrize("grads", [True, False])
def test_every_layer_direction_and_layout(kind, form, grads):
    first = form.endswith("first")
    layer = made(kind, I, H, 2, bidirectional=True, batch_first=first)
    x, states = family.facts.numbers(1, T, N, I), [s.detach() for s in family.start(layer, N)]
    lengths = [T] * N if form.startswith("batch") or form == "alone" else [2, 4, 0]
    given, keywords = mg.tensor(x), {}
    if form == "alone":
        given, states, lengths = given[:, 0], [s[:, 0] for s in states], [T]
    elif form == "packed":
        lengths = [2, 4, 1]
        given = pack_padded_sequence(given, lengths, enforce_sorted=False)
    else:
        given = given.transpose(0, 1) if first else given
        keywords = {"lengths": lengths} if form.startswith("lengths") else {}
    with mg.set_grad_enabled(grads):
        usual = layer(given, family.given(states), **keywords)
        output, last, trace = layer.trace(given, family.given(states), **keywords)
    if form == "packed":
        output, usual = output.data, (usual[0].data, usual[1])
    for a, b in zip(family.flat((output, last)), family.flat(usual), strict=True):
        assert mg.equal(a, b) or kind in family.STEPS_ALONE  # the same bits, where a kernel runs
        same(a, b.detach().numpy())
    assert (trace.lengths is None) == (lengths == [T] * len(lengths))
    assert trace.lengths is None or trace.lengths.tolist() == lengths
    for n, length in enumerate(lengths):
        before = [(s if form == "alone" else s[:, n]).numpy() for s in states]
        wanted, _ = layers_by_hand(layer, x[:length, n], before)
        for k, layer_wanted in enumerate(wanted):
            for side, values in zip(
                (trace[k].forward, trace[k].reverse), layer_wanted, strict=True
            ):
                for name in side.names:
                    value = side[name].detach().numpy()
                    assert value.ndim == len(side.axes)
                    value = value if form == "alone" else value.take(n, side.axes.index("batch"))
                    if length:
                        same(value[:length], values[name])
                    assert not value[length:].any()


@pytest.mark.parametrize("kind", ["lstm", "gru_reset_before", "indrnn_relu"])
def test_gradients_of_states_of_every_layer_direction_and_length(kind):
    layer = made(kind, I, 2, 2, bidirectional=True)
    x, lengths = family.facts.numbers(1, 3, 2, I), [3, 2]
    states = [s.detach() for s in family.start(layer, 2)]
    output, last, trace = layer.trace(mg.tensor(x), family.given(states), lengths)
    last = [last] if isinstance(last, mg.Tensor) else list(last)
    weighted([output, *last, trace[0].reverse.hidden]).backward()

    def loss(moved_at=None, moved=None):
        """The same loss, of a sequence after the other: every layer by hand."""
        outputs, seen = np.zeros(output.shape), np.zeros(trace[0].reverse.hidden.shape)
        ends = [np.zeros(s.shape) for s in last]
        for n, length in enumerate(lengths):
            below = x[:length, n]
            for k in range(2):
                sides = []
                for side in (False, True):
                    own = [s[2 * k + side][n][None].numpy() for s in states]
                    more = moved[:, :length, n : n + 1] if moved_at == (k, side) else None
                    found = by_hand(
                        layer, below[:, None], own, {}, 2 * k + side, reverse=side, moved=more
                    )
                    sides.append(found["hidden"][:, 0])
                    for end, name in zip(ends, layer.recurrence.states):
                        end[2 * k + side, n] = found[name][0 if side else -1, 0]
                if k == 0:
                    seen[:length, n] = sides[1]
                below = np.concatenate(sides, -1)
            outputs[:length, n] = below
        return weighted([outputs, *ends, seen])

    step, count = 1e-6, len(layer.recurrence.states)
    for k, side in np.ndindex(2, 2):
        part = (trace[k].forward, trace[k].reverse)[side]
        for s, name in enumerate(layer.recurrence.states):
            wanted = np.zeros(part[name].shape)
            for place in np.ndindex(*wanted.shape):
                moved = np.zeros((count, *wanted.shape))
                moved[(s, *place)] = step
                up = loss((k, side), moved)
                wanted[place] = (up - loss((k, side), -moved)) / (2 * step)
            same(part[name].grad, wanted, 1e-6, 1e-8)


@pytest.mark.parametrize("kind", ["lstm", "lstm_proj", "gru", "mgu_reset_before"])
def test_gradients_flow_through_ragged_batches_both_ways(kind):
    layer, x = made(kind, I, H, bidirectional=True, batch_first=True), leaf(1, N, T, I)
    states = family.start(layer, N)

    def run(x, *more):
        output, _, trace = layer.trace(x, family.given(more[: len(states)]), [1, 0, 4])
        return output, *trace[0].forward.values(), *trace[0].reverse.values()

    assert gradcheck(run, (x, *states, *layer.parameters()), fast_mode=True)


@pytest.mark.parametrize("kind", ["lstm", "lstm_proj", "gru", "janet", "mgu", "rnn_relu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_kernel_shows_what_its_step_says(kind, dtype, level):
    layer = family.layer(kind, I, 7 if kind != "lstm_proj" else 5, bidirectional=True, dtype=dtype)
    x = mg.tensor(family.facts.numbers(1, T, N, I, dtype=dtype))
    *_, trace = layer.trace(x, lengths=[4, 2, 3])
    exact = 1e-5 if dtype == "float32" else 1e-12
    for part in (trace[0].forward, trace[0].reverse):
        assert part.hidden.dtype == x.dtype
    double = family.layer(kind, I, layer.hidden_size, bidirectional=True)
    double.load_state_dict({name: v.double() for name, v in layer.state_dict().items()})
    for n, length in enumerate([4, 2, 3]):
        zeros = [
            np.zeros((2, size))
            for size in (layer.proj_size or layer.hidden_size, layer.hidden_size)
        ]
        zeros = zeros[: len(layer.recurrence.states)]
        (wanted,), _ = layers_by_hand(double, x[:length, n].double().numpy(), zeros)
        for side, values in zip((trace[0].forward, trace[0].reverse), wanted, strict=True):
            for name, value in values.items():
                same(side[name][:length, n].double(), value, exact, exact)
