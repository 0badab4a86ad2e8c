"""What a trace shows is what a loop in NumPy computes, and what its gradients say is true."""

import copy
import cProfile
import importlib
import pickle
import pstats
import re
import sys
import threading
import types
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import recurrences as family
from equations import with_options
from test_gallery import FILES, cell_of
from test_recurrent_options import ALL, H, I, N, T, arrays, drawn, leaf, made

import minigrad as mg
from minigrad import _kernels, nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.utils.rnn import pack_padded_sequence

ON_PAGES = [*family.ON_PAGES, *family.STEPS_ALONE]
GATES = {
    "lstm": ["input_gate", "forget_gate", "cell_gate", "output_gate"],
    "gru": ["reset_gate", "update_gate", "new_gate"],
    "janet": ["forget_gate", "cell_gate"],
    "mgu": ["forget_gate", "new_gate"],
}
OPTIONS = [{}, {"layer_norm": True, "recurrent_dropout": 0.4}, ALL]


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
def test_gates_and_states_equal_the_equations(kind, options):
    layer, x = made(kind, I, H, **options), leaf(1, T, N, I)
    states = family.start(layer, N)
    mg.manual_seed(7)
    usual = family.run(layer, x, states)
    mg.manual_seed(7)
    before = [s.detach().numpy()[0] for s in states]
    wanted = by_hand(layer, x.detach().numpy(), before, drawn(layer, states, options))
    for grads in (True, False):
        mg.manual_seed(7)
        with mg.set_grad_enabled(grads):
            *found, trace = layer.trace(x, family.given(states))
        for a, b in zip(family.flat(tuple(found)), usual, strict=True):
            same(a, b.detach().numpy(), 1e-12, 1e-14)
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


def copies(array, axis=0, count=T * H):
    """The batch, once for each number of a sequence that is moved: sequences do not mix."""
    return np.concatenate([array] * count, axis)


def drawn_in_copies(value):
    if isinstance(value, list):
        return [copies(v, 1) for v in value]
    return copies(value) if isinstance(value, np.ndarray) else value


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
    places = list(np.ndindex(T, H))
    x, before = copies(x.detach().numpy(), 1), [copies(s) for s in before]
    arguments = {name: drawn_in_copies(value) for name, value in arguments.items()}

    def losses(moved):
        """(places, N): of each sequence, when one of its numbers has been moved."""
        values = by_hand(layer, x, before, arguments, moved=moved).values()
        weights = [facts_like(k, v[:, :N]) for k, v in enumerate(values)]
        split = [v.reshape(T, T * H, N, -1) for v in values]
        return sum((v * w[:, None]).sum((0, 3)) for v, w in zip(split, weights))

    step = 1e-6
    for k, name in enumerate(layer.recurrence.states):
        moved = [np.zeros((T, *s.shape)) for s in before]
        size = before[k].shape[1]
        for place, (t, h) in enumerate(places):  # (of a smaller state, some twice)
            moved[k][t, place * N : (place + 1) * N, h % size] = step
        up, down = losses(moved), losses([-m for m in moved])
        wanted = ((up - down) / (2 * step)).reshape(T, H, N).transpose(0, 2, 1)[..., :size]
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


FORMS = [("batch", False), ("alone", True), ("lengths_first", True), ("packed", False)]
OTHER_FORMS = [("batch_first", True), ("lengths", False)]  # the same of all kinds, but for the step


@pytest.mark.parametrize(
    ("kind", "form", "grads"),
    [
        *[(kind, *form) for kind in ON_PAGES for form in FORMS],
        *[(kind, *form) for kind in ("lstm", "gru_reset_before") for form in OTHER_FORMS],
    ],
)
def test_every_layer_direction_and_layout(kind, form, grads):
    kernels = _kernels.level != "reference" and kind not in family.STEPS_ALONE
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
        assert mg.equal(a, b) or not kernels  # the same bits, where a kernel runs
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

    looked_at = [output, *last, trace[0].reverse.hidden]
    weighted(looked_at).backward()
    weights = [facts_like(k, value).numpy() for k, value in enumerate(looked_at)]
    places = list(np.ndindex(*output.shape[:2], 2))

    def losses(moved_at, moved):
        """The same loss of each copy, of a sequence after the other: every layer by hand."""
        found = np.zeros(len(places))
        for n, length in enumerate(lengths):
            below = copies(x[:length, n, None], 1, len(places))
            for k in range(2):
                sides = []
                for side in (False, True):
                    own = [copies(s[2 * k + side][n, None].numpy(), 0, len(places)) for s in states]
                    more = moved[:, :length, n] if moved_at == (k, side) else None
                    seen = by_hand(layer, below, own, {}, 2 * k + side, reverse=side, moved=more)
                    sides.append(seen["hidden"])
                    for w, name in zip(weights[1:], layer.recurrence.states):
                        found += seen[name][0 if side else -1] @ w[2 * k + side, n]
                if k == 0:
                    found += np.einsum("tph,th->p", sides[1], weights[-1][:length, n])
                below = np.concatenate(sides, -1)
            found += np.einsum("tph,th->p", below, weights[0][:length, n])
        return found

    step, count = 1e-6, len(layer.recurrence.states)
    for k, side in np.ndindex(2, 2):
        part = (trace[k].forward, trace[k].reverse)[side]
        for s, name in enumerate(layer.recurrence.states):
            moved = np.zeros((count, *output.shape[:2], len(places), 2))
            for place, (t, n, h) in enumerate(places):
                moved[s, t, n, place, h] = step
            up, down = losses((k, side), moved), losses((k, side), -moved)
            wanted = ((up - down) / (2 * step)).reshape(part[name].shape)
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


# ------------------------------------------------------------------------------------------------
# Options of layers
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_size": [3, 5]}, {"learn_initial_state": True}, {"residual": True},
        {"dropout": 0.5},
        {"zoneout": 0.3, "recurrent_dropout": 0.2, "dropout": 0.5, "residual": True},
    ],
    ids="+".join,
)  # fmt: skip
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.IndRNN])
def test_options_of_the_layer(kind, options):
    layer = kind(I, **{"hidden_size": 4, "num_layers": 2, **options}, bidirectional=True).double()
    x = leaf(1, T, N, I)
    mg.manual_seed(5)
    wanted = layer(x, lengths=[4, 0, 2])
    mg.manual_seed(5)
    *found, trace = layer.trace(x, lengths=[4, 0, 2])
    for a, b in zip(flat_all(tuple(found)), flat_all(wanted), strict=True):
        same(a, b.detach().numpy(), 1e-12, 1e-14)
    for k, part in enumerate(trace):
        end = found[1] if isinstance(found[1], (mg.Tensor, tuple)) else None
        end = end[0] if kind is nn.LSTM else end
        end = end[k] if "hidden_size" in options else end[2 * k : 2 * k + 2]
        same(part.forward.hidden[3, 0], end[0, 0].detach().numpy(), 1e-12)
        same(part.forward.hidden[1, 2], end[0, 2].detach().numpy(), 1e-12)
        same(part.reverse.hidden[0, [0, 2]], end[1, [0, 2]].detach().numpy(), 1e-12)
    if "residual" not in options:
        same(found[0], np.concatenate([p.hidden.detach().numpy() for p in trace[1]], -1))
    found[0].sum().backward()
    assert all(p.hidden.grad is not None for layer in trace for p in layer)
    if "learn_initial_state" in options:
        assert layer.initial_hidden_l0.grad is not None


def flat_all(result):
    """All tensors of nested tuples, in order."""
    return [result] if isinstance(result, mg.Tensor) else [v for r in result for v in flat_all(r)]


# ------------------------------------------------------------------------------------------------
# Cells of one's own
# ------------------------------------------------------------------------------------------------


class Gated(nn.Module):
    """Two states, an output apart, which has a name that looks like the output's."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.states = {"h": hidden_size, "memory": (2, 3)}
        self.output_size = 5
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)
        self.write = nn.Linear(hidden_size, 6)
        self.out = nn.Linear(hidden_size + 6, 5)

    def forward(self, x, state):
        h, memory = state
        gate = self.inner(mg.cat([x, h], 1)).sigmoid()
        alias, _hidden, weight = gate, gate * 2, self.inner.weight  # not seen
        h = gate * h + (1 - gate) * memory.sum(dim=(1, 2), keepdim=True)[:, 0]
        written = self.write(h).reshape(-1, 2, 3).tanh()
        memory = 0.5 * memory + written
        output = mg.cat([h, memory.reshape(-1, 6)], 1)
        return self.out(output) + 0 * (alias + _hidden)[:, :1] * weight[0, 0], (h, memory)


class Branching(nn.Module):
    """A step that branches on values, and so runs as it is written."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        z = self.inner(mg.cat([x, h], 1)).sigmoid()
        if z.sum() > 1e6:
            z = 0 * z
        return z * h + (1 - z) * x.sum(1, keepdim=True)


def leaky(x, h, w, b):
    """A cell that is a function."""
    new = (mg.cat([x, h], 1) @ w + b).tanh()
    return h + 0.3 * (new - h)


def step_by_step(cell, x, states, names, known):
    """A loop over time that keeps every state, as a tensor of the graph, and gates worked out anew.

    Returns the outputs, the states by name, and `known(x_t, states before, states after)` stacked.
    """
    outputs, kept, gates = [], {name: [] for name in names}, []
    for x_t in x:
        result = cell(x_t, states[0] if len(states) == 1 else tuple(states))
        output, after = None, result
        if isinstance(result, tuple) and (len(names) == 1 or isinstance(result[1], tuple)):
            output, after = result
        after = [after] if isinstance(after, mg.Tensor) else list(after)
        for name, state in zip(names, after):
            state.retain_grad()
            kept[name].append(state)
        gates.append(known(x_t, states, after) if known else {})
        outputs.append(after[0] if output is None else output)
        states = after
    seen = {name: mg.stack([g[name] for g in gates]) for name in (gates[0] if gates else ())}
    return mg.stack(outputs), kept, seen


def gated_by_hand(cell):
    def known(x, before, after):
        gate = cell.inner(mg.cat([x, before[0]], 1)).sigmoid()
        written = cell.write(after[0]).reshape(-1, 2, 3).tanh()
        return {"gate": gate, "written": written}

    return known


def z_by_hand(cell):
    return lambda x, before, after: {"z": cell.inner(mg.cat([x, before[0]], 1)).sigmoid()}


OWN = {
    "gated": (Gated, {}, gated_by_hand),
    "branching": (Branching, {}, z_by_hand),
    "leaky": (
        leaky, {"parameters": {"w": (I + H, H), "b": (H,)}},
        lambda cell: lambda x, h, _: {"new": (mg.cat([x, h[0]], 1) @ cell.w + cell.b).tanh()},
    ),
    **{path.stem: (cell_of(path), {}, lambda cell: None) for path in FILES},
    "LSTMCell": (nn.LSTMCell, {}, lambda cell: None),
}  # fmt: skip


@pytest.mark.parametrize("kind", OWN)
def test_cells_of_ones_own(kind):
    """Values, and the gradients of states: those of a loop in which every state is a tensor."""
    made, options, by_hand = OWN[kind]
    mg.manual_seed(2)
    layer = nn.Recurrent(made, I, H, **options).double()
    names, x = list(layer._states), leaf(1, T, N, I)
    states = [leaf(2 + k, 1, N, *shape) for k, shape in enumerate(layer._states.values())]
    with pytest.warns(UserWarning, match="step by step") if kind == "branching" else nullcontext():
        output, _, trace = layer.trace(x, states[0] if len(states) == 1 else tuple(states))
    before = [s[0] for s in states]
    with _kernels.without():  # in which an LSTMCell's h comes from its c, as it says
        wanted, kept, gates = step_by_step(layer.l0, x, before, names, by_hand(layer.l0))
    same(output, wanted.detach().numpy())
    for name in names:
        same(trace[name], mg.stack(kept[name]).detach().numpy())
    for name, value in gates.items():
        same(trace[name], value.detach().numpy())
    if gates:
        extra = [] if kind != "gated" else ["output"]
        assert list(trace.names) == [*gates, *names, *extra]
    weighted([output, *[trace[name] for name in (*names, *gates)]]).backward()
    grads = [trace[name].grad for name in names]
    weighted([wanted, *[mg.stack(kept[name]) for name in names], *gates.values()]).backward()
    for name, g in zip(names, grads):
        for t, state in enumerate(kept[name]):
            same(g[t], 0.0 if state.grad is None else state.grad.numpy())


@pytest.mark.parametrize(
    ("kind", "form"),
    [("gated", "lengths"), ("gated", "packed"), ("gated", "alone"), ("leaky", "lengths"),
     ("leaky", "packed"), ("leaky", "alone"), ("fast_weights", "packed"), ("LSTMCell", "lengths"),
     ("LSTMCell", "alone")],
)  # fmt: skip
def test_layouts_of_cells_of_ones_own(kind, form):
    made, options, _ = OWN[kind]
    size = {"bidirectional": True, "batch_first": True}
    if kind != "leaky":
        size["num_layers"] = 2
    layer = nn.Recurrent(made, I, H, **size, **options).double()
    x, lengths = mg.tensor(family.facts.numbers(1, N, T, I)), [2, 4, 1]
    if form == "alone":
        given, lengths, more = x[1], [4], {}
        x = x[1:2]
    else:
        given = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        given, more = (given, {}) if form == "packed" else (x, {"lengths": lengths})
    *_, trace = layer.trace(given, **more)
    for n, length in enumerate(lengths):
        *_, alone = layer.trace(x[n, :length])
        for part, one in zip(trace, alone, strict=True):
            for a, b in zip((part.forward, part.reverse), (one.forward, one.reverse)):
                assert a.names == b.names
                for name in a.names:
                    value = a[name] if form == "alone" else a[name][n]
                    same(value[:length], b[name].detach().numpy())
                    assert not value[length:].detach().numpy().any()


def test_gradients_flow_through_variables_of_a_cell():
    layer, x = nn.Recurrent(Gated, I, 3).double(), leaf(1, T, N, I)

    def run(x, *_):
        output, _, trace = layer.trace(x, lengths=[4, 0, 2])
        return output, trace.gate, trace.written, trace.h, trace.memory

    assert gradcheck(run, (x, *layer.parameters()), fast_mode=True)
    assert gradgradcheck(run, (x, *layer.parameters()), fast_mode=True)


def test_a_profiler_goes_on_behind_a_trace():
    seen = []

    def profile(frame, event, _):
        seen.append(frame.f_code.co_name)

    def after():
        pass

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        nn.Recurrent(Gated, I, 3).trace(mg.randn(T, N, I))
        after()
    finally:
        sys.setprofile(before)
    assert "after" in seen
    with cProfile.Profile() as profiler:
        nn.Recurrent(Gated, I, 3).trace(mg.randn(T, N, I))
        after()
    assert any(name == "after" for _, _, name in pstats.Stats(profiler).stats)


# ------------------------------------------------------------------------------------------------
# What people do with it
# ------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_what_it_says_where_it_cannot_choose():
    x = mg.randn(T, N, I)
    both = nn.GRU(I, H, 2, bidirectional=True).trace(x)[2]
    choices = "trace[0].forward.hidden, trace[0].reverse.hidden, trace[1].forward.hidden"
    with pytest.raises(AttributeError, match=re.escape(f"2 layers and 2 directions: {choices}")):
        _ = both.hidden
    with pytest.raises(AttributeError, match=r"has 2 directions: trace\[1\].forward.new_gate, "):
        _ = both[1].new_gate
    with pytest.raises(AttributeError, match="no 'forget_gate', only reset_gate, update_gate, new"):
        _ = both.forget_gate
    assert (
        both.names == both[1].reverse.names == ("reset_gate", "update_gate", "new_gate", "hidden")
    )
    two = nn.GRU(I, H, 2).trace(x)[2]
    with pytest.raises(AttributeError, match=r"2 layers: trace\[0\].forward.hidden, trace\[1\]"):
        _ = two.hidden
    with pytest.raises(AttributeError, match="no reverse: the layer is not bidirectional"):
        _ = two[0].reverse
    with pytest.raises(AttributeError, match=r"2 layers: trace\[0\].forward, trace\[1\].forward$"):
        _ = two.forward
    one = nn.GRU(I, H).trace(x)[2]
    assert one.forward is one[0].forward
    with pytest.raises(AttributeError, match=r"trace\[0\] has no reverse"):
        _ = one.reverse
    with pytest.raises(KeyError, match="'cell', only reset_gate"):
        _ = two[0].forward["cell"]
    with pytest.raises(AttributeError, match=r"trace\[0\].forward has no 'cell', only"):
        _ = two[0].forward.cell
    with pytest.raises(IndexError):
        _ = two[2]
    assert two[1].hidden is two[1]["hidden"] is two[1].forward.hidden
    assert "hidden" in two[0].forward
    assert "cell" not in two[0].forward
    assert list(two[0].forward) == list(two[0].forward.keys())
    assert len(two[0].forward) == 4
    assert "update_gate" in dir(two[0].forward)
    assert copy.copy(two[0].forward).names == two[0].forward.names


@pytest.mark.once
def test_texts():
    *_, trace = nn.GRU(I, H, bidirectional=True, batch_first=True).trace(mg.randn(N, T, I))
    assert repr(trace[0].forward) == (
        "trace[0].forward\n  layer 0, forward\n"
        "    reset_gate   batch 3, time 4, hidden 4\n"
        "    update_gate  batch 3, time 4, hidden 4\n"
        "    new_gate     batch 3, time 4, hidden 4\n"
        "    hidden       batch 3, time 4, hidden 4"
    )
    assert "layer 0, reverse" in repr(trace)
    assert "trace of GRU" in repr(trace)
    table = trace._repr_html_()
    assert table.count("<tr>") == 1 + 2 * 4
    assert "<td>reset_gate</td><td>batch 3, time 4" in table
    *_, trace = nn.Recurrent(Gated, I, 3).trace(mg.randn(T, I))
    assert "memory   time 4, hidden0 2, hidden1 3" in repr(trace)


@pytest.mark.once
def test_numpy():
    *_, trace = nn.LSTM(I, H, 2, bidirectional=True).trace(mg.randn(T, N, I))
    arrays = trace.numpy()
    assert list(arrays) == [0, 1]
    assert list(arrays[1]) == ["forward", "reverse"]
    assert list(arrays[1]["reverse"]) == list(trace.names)
    array = arrays[1]["reverse"]["cell"]
    same(trace[1].reverse.cell, array)
    array[...] = 7.0  # a copy
    assert not (trace[1].reverse.cell == 7).any()


class Table(dict):
    """As much of a DataFrame as makes one."""


@pytest.mark.once
@pytest.mark.parametrize("first", [False, True])
def test_pandas(first, monkeypatch):
    """Every number in its row; with a stand-in where pandas is not installed."""
    try:
        importlib.import_module("pandas")
    except ImportError:
        monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=Table))
    layer = nn.LSTM(I, H, bidirectional=True, batch_first=first)
    x, lengths = mg.randn(*((N, T) if first else (T, N)), I), [2, 4, 0]
    *_, trace = layer.trace(x, lengths=lengths)
    table = trace.to_pandas()
    names = ["layer", "direction", "name", "time", "batch", "unit", "value"]
    assert list(table) == names
    columns = {name: np.asarray(table[name]) for name in names}
    assert {len(c) for c in columns.values()} == {2 * 6 * sum(lengths) * H}
    for row in range(0, len(columns["time"]), 7):
        layer, side, name, time, batch, unit, value = [columns[n][row] for n in names]
        tensor = getattr(trace[int(layer)], side)[name]
        assert tensor[(batch, time, unit) if first else (time, batch, unit)].item() == value
        assert time < lengths[batch]
    *_, alone = nn.Recurrent(Gated, I, 3).trace(mg.randn(T, I))
    table = alone[0].forward.to_pandas()
    assert len(table["unit"]) == T * (3 + 6 + 3 + 6 + 5)
    assert set(np.asarray(table["batch"])) == {0}


@pytest.mark.once
def test_pandas_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    *_, trace = nn.RNN(I, H).trace(mg.randn(T, N, I))
    with pytest.raises(ImportError, match="pip install pandas") as raised:
        trace.to_pandas()
    assert "\n" not in str(raised.value)


# ------------------------------------------------------------------------------------------------
# Around it
# ------------------------------------------------------------------------------------------------


def test_gradients_of_states_are_collected_as_others_are():
    layer, x = nn.LSTM(I, H), mg.randn(T, N, I)
    output, _, trace = layer.trace(x)
    assert trace.hidden.grad is None
    assert trace.cell.grad is None
    output.sum().backward(retain_graph=True)
    once = trace.cell.grad.clone()
    output.sum().backward()
    assert mg.allclose(trace.cell.grad, 2 * once)
    trace.cell.grad = None
    with pytest.raises(RuntimeError, match="second time"):
        output.sum().backward()
    with mg.no_grad():
        *_, trace = layer.trace(x)
    assert not trace.hidden.requires_grad
    fixed = nn.LSTM(I, H).requires_grad_(False)
    assert not fixed.trace(x)[2].input_gate.requires_grad
    x.requires_grad_()
    output, _, trace = fixed.trace(x)
    output.sum().backward()
    assert trace.hidden.grad.shape == (T, N, H)
    assert x.grad is not None


def test_gradients_of_parameters_and_input_are_those_without_a_trace():
    for kind in ("lstm", "lstm_proj", "gru", "janet", "mgu", "rnn_tanh", "indrnn_relu"):
        found = []
        for traced in (False, True):
            layer, x = family.layer(kind, I, H, 2, bidirectional=True), leaf(1, T, N, I)
            states = family.start(layer, N)
            run = layer.trace if traced else layer
            result = run(x, family.given(states), lengths=[3, 4, 1])
            weighted(family.flat(tuple(result[:2]))).backward()
            found.append([v.grad.numpy() for v in (x, *states, *layer.parameters())])
        for a, b in zip(*found, strict=True):
            same(a, b)


def test_what_is_seen_stays_when_the_output_is_written_to():
    for layer in (nn.GRU(I, H), nn.GRU(I, H, zoneout=0.1), nn.Recurrent(Branching, I, H)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output, _, trace = layer.trace(mg.randn(T, N, I))
        before = trace.hidden.detach().numpy().copy()
        output.zero_()
        same(trace.hidden, before)


def test_hooks_and_computed_weights_count():
    layer = nn.utils.weight_norm(nn.LSTM(I, H), "weight_hh_l0")
    x, calls = mg.randn(T, N, I), []
    layer.register_forward_hook(lambda *a: calls.append(1))
    layer.weight_hh_l0_g.register_hook(lambda g: 2 * g)
    layer.weight_ih_l0.register_hook(lambda g: 3 * g)
    output, _, _ = layer.trace(x)
    assert calls
    wanted, _ = layer(x)
    assert mg.equal(output, wanted)
    output.sum().backward()
    found = {name: p.grad.clone() for name, p in layer.named_parameters()}
    layer.zero_grad()
    wanted.sum().backward()
    for name, p in layer.named_parameters():
        assert mg.allclose(found[name], p.grad, atol=1e-5), name


def test_a_layer_is_the_same_afterwards():
    layer = nn.GRU(I, H)
    x = mg.randn(T, N, I)
    with pytest.raises(RuntimeError):
        layer.trace(mg.randn(T, N, I + 1))
    assert layer._record is None
    assert "_record" not in vars(layer)
    layer.trace(x)
    assert "_record" not in vars(layer)
    again = pickle.loads(pickle.dumps(layer))
    assert mg.equal(again(x)[0], copy.deepcopy(layer)(x)[0])


@pytest.mark.parametrize("layer", [nn.LSTM, nn.RNN, nn.GRU], ids=lambda c: c.__name__)
def test_nothing_to_see(layer, level):
    layer = layer(I, H)
    output, _, trace = layer.trace(mg.randn(3, 0, I))
    for value in trace[0].forward.values():
        assert value.shape == (3, 0, H)
    (output.sum() + trace.hidden.sum()).backward()
    *_, trace = layer.trace(mg.randn(3, 2, I), lengths=[0, 0])
    assert not any(v.any() for v in trace[0].forward.values())


def test_compiled_functions_that_trace_run_as_they_are_written():
    layer, x = nn.GRU(I, H), mg.randn(T, N, I)
    compiled = mg.compile(lambda x: layer.trace(x)[2].update_gate.sum())
    with pytest.warns(UserWarning, match="it traces a layer"):
        found = [compiled(x).item() for _ in range(4)]
    assert found == [layer.trace(x)[2].update_gate.sum().item()] * 4


@pytest.mark.once
def test_a_trace_within_a_trace_of_the_same_layer():
    lstm, x = nn.LSTM(I, H), mg.randn(T, N, I)
    inner = []

    def look(layer, args):
        handle.remove()
        inner.append(layer.trace(args[0][:2])[2])

    handle = lstm.register_forward_pre_hook(look)
    output, _, trace = lstm.trace(x)
    assert mg.equal(trace.hidden, output)
    assert mg.allclose(inner[0].hidden, output[:2])
    assert "_record" not in vars(lstm)


@pytest.mark.once
def test_threads_that_trace_and_call_the_same_layer():
    lstm, wrong = nn.LSTM(I, H), []

    def look(x, traced):
        expected = lstm(x)[0]
        try:
            for _ in range(30):
                found = lstm.trace(x)[2].hidden if traced else lstm(x)[0]
                if found.shape != expected.shape or not mg.allclose(found, expected, atol=1e-6):
                    wrong.append(found)
        except Exception as error:
            wrong.append(error)

    inputs = [mg.randn(T, N, I), mg.randn(T + 1, I), mg.randn(2, 3 * N, I), mg.randn(3, I)]
    threads = [threading.Thread(target=look, args=(x, k < 2)) for k, x in enumerate(inputs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.once
def test_a_layer_that_is_not_there():
    trace = nn.GRU(I, H).trace(mg.randn(T, N, I))[2]
    with pytest.raises(IndexError, match="trace of GRU has 1 layers, no 5"):
        trace[5]
