"""Options that every recurrent layer takes: equal to the equations of their papers, in NumPy."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import recurrences as family
from equations import with_options

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from minigrad.testing import check_recurrence

T, N, I, H = 4, 3, 2, 4  # noqa: E741
ON_PAGES = [*family.ON_PAGES, *family.STEPS_ALONE]
ALL = {"layer_norm": True, "recurrent_dropout": 0.4, "zoneout": 0.3}
leaf = family.leaf


@pytest.fixture(autouse=True)
def _no_warning():
    """A step that could not be recorded would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def made(kind, *sizes, **options):
    """A layer with other numbers than zeros and ones in all of its parameters."""
    layer = family.layer(kind, *sizes, **options)
    with mg.no_grad():
        for seed, p in enumerate(layer.parameters()):
            if p.ndim == 1:
                p.copy_(mg.tensor(family.facts.numbers(20 + seed, *p.shape) + 0.3))
    return layer


def arrays(layer, k=0):
    """The parameters of a layer and direction as arrays, by name."""
    return {name: p.detach().numpy() for name, p in layer._each_direction()[k].items()}


def of_layer(layer, k):
    """The k-th layer's part of the state dict, as that of a single layer."""
    state = layer.state_dict()
    return {name.replace(f"_l{k}", "_l0"): v for name, v in state.items() if f"_l{k}" in name}


def drawn(layer, states, options):
    """What a direction of a layer draws, by the words of the documentation."""
    found = {"layer_norm": options.get("layer_norm", False)}
    if options.get("recurrent_dropout"):
        ones = mg.ones(N, states[0].shape[-1], dtype=mg.float64)
        found["mask"] = F.dropout(ones, options["recurrent_dropout"]).numpy()
    if options.get("zoneout"):
        rates = options["zoneout"]
        rates = rates if isinstance(rates, tuple) else (rates, rates)
        found["keep"] = [
            mg.empty(T, N, s.shape[-1], dtype=mg.float64).bernoulli_(p).numpy()
            for p, s in zip(rates, states)
        ]
    return found


@pytest.mark.parametrize("kind", ON_PAGES)
@pytest.mark.parametrize(
    "options", [{"layer_norm": True}, {"recurrent_dropout": 0.4}, {"zoneout": 0.3}, ALL],
    ids=["layer_norm", "recurrent_dropout", "zoneout", "all"],
)  # fmt: skip
@pytest.mark.parametrize("bias", [True, False])
def test_training_equals_the_equations(kind, options, bias, level):
    layer, x = made(kind, I, H, bias=bias, **options), leaf(1, T, N, I)
    states = family.start(layer, N)
    mg.manual_seed(7)
    found = family.run(layer, x, states)
    mg.manual_seed(7)
    arguments = drawn(layer, states, options)
    before = [s.detach().numpy()[0] for s in states]
    output, last = with_options(
        layer.recurrence.name, arrays(layer), x.detach().numpy(), before, **arguments
    )
    for a, b in zip(found, [output, *[s[None] for s in last]], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, 1e-9, 1e-11)


@pytest.mark.parametrize("kind", ON_PAGES)
def test_evaluation_draws_nothing_and_takes_the_mean_of_zoneout(kind):
    layer, x = made(kind, I, H, **ALL).eval(), leaf(1, T, N, I)
    states, state = family.start(layer, N), mg.get_rng_state()
    found = family.run(layer, x, states)
    assert mg.equal(mg.get_rng_state(), state)
    before = [s.detach().numpy()[0] for s in states]
    name, w = layer.recurrence.name, arrays(layer)
    output, last = with_options(
        name, w, x.detach().numpy(), before, keep=(0.3, 0.3), layer_norm=True
    )
    for a, b in zip(found, [output, *[s[None] for s in last]], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, 1e-9, 1e-11)


def test_each_layer_and_direction_draws_its_own():
    options = {"recurrent_dropout": 0.5, "zoneout": (0.2, 0.6)}
    layer = made("lstm", I, H, 2, bidirectional=True, **options)
    x, states = leaf(1, T, N, I), family.start(layer, N)
    mg.manual_seed(3)
    found = family.run(layer, x, states)
    mg.manual_seed(3)
    below, both, ends = x.detach().numpy(), [], []
    for k in range(4):
        before = [s.detach().numpy()[k] for s in states]
        arguments = drawn(layer, before, options)
        output, last = with_options("lstm", arrays(layer, k), below, before, reverse=k % 2 == 1,
                                    **arguments)  # fmt: skip
        ends.append(last)
        both = [output] if k % 2 == 0 else [*both, output]
        if k % 2:
            below = np.concatenate(both, 2)
    for a, b in zip(found, [below, *[np.stack(s) for s in zip(*ends)]], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, 1e-9, 1e-11)


def test_masks_of_sequences_of_different_lengths():
    """In the order in which they run, the longest first; padded and packed alike."""
    layer, x = made("gru", I, H, recurrent_dropout=0.5), leaf(1, T, N, I)
    lengths, order = [2, 4, 3], [1, 2, 0]
    mg.manual_seed(3)
    output, last = layer(x, lengths=lengths)
    mg.manual_seed(3)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    assert mg.equal(pad_packed_sequence(layer(packed)[0])[0], output)
    mg.manual_seed(3)
    masks = F.dropout(mg.ones(N, H, dtype=mg.float64), 0.5).numpy()
    for n, length in enumerate(lengths):
        given = x.detach().numpy()[:length, n : n + 1], [np.zeros((1, H))]
        mask = masks[order.index(n)]
        wanted, (end,) = with_options("gru", arrays(layer), *given, mask)
        np.testing.assert_allclose(output.detach().numpy()[:length, n : n + 1], wanted, 1e-9)
        np.testing.assert_allclose(last.detach().numpy()[0, n : n + 1], end, 1e-9)


@pytest.mark.parametrize("kind", ["rnn_relu", "lstm_peephole", "gru_reset_before", "indrnn_tanh"])
def test_derivatives_while_training(kind):
    layer = made(kind, I, 3, learn_initial_state=True, **ALL)
    x, parameters = leaf(1, 3, N, I), list(layer.parameters())

    def run(x, *parameters):
        mg.manual_seed(5)
        return tuple(family.run(layer, x, lengths=[3, 0, 2]))

    assert gradcheck(run, (x, *parameters), fast_mode=True)
    if kind in ("gru_reset_before", "indrnn_tanh"):
        assert gradgradcheck(run, (x, *parameters), fast_mode=True)


@pytest.mark.parametrize("kind", family.STEPS_ALONE)
@pytest.mark.parametrize("bias", [True, False])
def test_other_steps_of_a_recurrence(kind, bias, level):
    """Equations, the cell step by step, and derivatives, which the proof compares."""
    layer, x = made(kind, I, H, bias=bias), leaf(1, T, N, I)
    states = family.start(layer, N)
    found = family.run(layer, x, states)
    before = [s.detach().numpy()[0] for s in states]
    output, last = with_options(kind, arrays(layer), x.detach().numpy(), before)
    for a, b in zip(found, [output, *[s[None] for s in last]], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, 1e-11, 1e-13)
    cell = family.cell(kind, I, H, bias=bias)
    cell.load_state_dict({n.removesuffix("_l0"): p for n, p in layer.state_dict().items()})
    after = family.given([s[0] for s in states])
    outputs = []
    for x_t in x:
        after = cell(x_t, after)
        outputs.append(family.flat(after)[0])
    together = [mg.stack(outputs), *[s.unsqueeze(0) for s in family.flat(after)]]
    leaves = [x, *states]
    for a, b in zip(found, together, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-14)
    for a, b in zip(family.gradients_of(found, leaves), family.gradients_of(together, leaves)):
        np.testing.assert_allclose(a, b, 1e-10, 1e-12)
    assert mg.allclose(family.flat(cell(x[0, 0]))[0], family.flat(cell(x[0]))[0][0])
    if bias and level != "reference":
        layers, _, options = family.STEPS_ALONE[kind]
        assert check_recurrence(layers, I, 3, **options)
        assert check_recurrence(cell.__class__, I, 3, gradients=False, **options)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "JANET", "MGU", "IndRNN"])
def test_the_proof_of_recurrences(kind):
    """Lengths, directions, layers, layouts, sizes, types, state dicts, plan and step."""
    options = {"layer_norm": True, "recurrent_dropout": 0.3, "learn_initial_state": True}
    cls = getattr(nn, kind)
    assert check_recurrence(cls, gradients=False, zoneout=0.2, **options)


# ------------------------------------------------------------------------------------------------
# What is around the step
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rnn_tanh", "lstm_proj", "gru", "lstm_peephole"])
@pytest.mark.parametrize("lengths", [None, [2, 0, 4]])
def test_initial_states_that_are_learned(kind, lengths, level):
    """They are h_0 of every sequence; their gradient is the sum over these; others come first."""
    layer = made(kind, I, H, 2, bidirectional=True, learn_initial_state=True)
    x = leaf(1, T, N, I)
    names = [f"initial_{s}_l{k}{r}" for s in layer.recurrence.states for k in (0, 1)
             for r in ("", "_reverse")]  # fmt: skip
    learned = [getattr(layer, name) for name in names]
    count = len(learned) // 4
    given = [mg.stack(learned[4 * s : 4 * s + 4]).unsqueeze(1).expand(4, N, -1).clone()
             for s in range(count)]  # fmt: skip
    found = family.run(layer, x, lengths=lengths)
    wanted = family.run(layer, x, given, lengths=lengths)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12)
    got = family.gradients_of(found, learned)
    for a, b in zip(got, family.gradients_of(wanted, learned), strict=True):
        assert np.abs(a).max() > 0
        np.testing.assert_allclose(a, b, 1e-10, 1e-12)
    others = family.start(layer, N)
    assert not mg.equal(family.run(layer, x, others, lengths=lengths)[1], found[1])


def test_initial_values_do_not_move_those_of_the_others():
    options = {"layer_norm": True, "learn_initial_state": True, "residual": True}
    mg.manual_seed(0)
    plain = dict(nn.LSTM(I, H, 2).named_parameters())
    mg.manual_seed(0)
    more = dict(nn.LSTM(I, H, 2, **options).named_parameters())
    for name, p in plain.items():
        assert mg.equal(p, more.pop(name))
    for name, p in more.items():
        assert mg.equal(p, (mg.ones_like if name.startswith("gain") else mg.zeros_like)(p)), name
    assert len(more) == 2 * 6
    rnn = nn.IndRNN(I, H, layer_norm=True, learn_initial_state=True)
    assert rnn.gain_ih_l0.tolist() == [1.0] * H
    assert rnn.initial_hidden_l0.tolist() == [0.0] * H


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["lstm_proj", "gru"])
def test_residual_layers_add_their_input(kind, dropout):
    layer = made(kind, I, H, 3, bidirectional=True, residual=True, dropout=dropout)
    x, size, singles = leaf(1, T, N, I), layer._shapes_of(0)[0][0], []
    for k in range(3):
        singles.append(family.layer(kind, 2 * size if k else I, H, bidirectional=True))
        singles[-1].load_state_dict(of_layer(layer, k))
    mg.manual_seed(2)
    found = family.run(layer, x)[0]
    mg.manual_seed(2)
    for k, single in enumerate(singles):
        output = single(F.dropout(x, dropout) if k and dropout else x)[0]
        x = output + x if k else output
    np.testing.assert_allclose(found.detach().numpy(), x.detach().numpy(), 1e-12)


@pytest.mark.parametrize("kind", ["lstm", "gru", "lstm_peephole"])
@pytest.mark.parametrize("form", ["plain", "batch_first", "lengths", "packed", "unbatched"])
def test_a_size_for_each_layer(kind, form, level):
    """Equal to layers put upon each other; states are tuples with one tensor a layer."""
    sizes, batch_first = [5, 2, 3], form == "batch_first"
    layer = made(kind, I, sizes, bidirectional=True, batch_first=batch_first)
    count, D = len(layer.recurrence.states), 2
    lead = () if form == "unbatched" else (N,)
    x = leaf(1, *((N, T) if batch_first else (T, *lead)), I)
    given = [tuple([leaf(8 + 3 * s + k, D, *lead, n) for k, n in enumerate(sizes)])
             for s in range(count)]  # fmt: skip
    options = {"lengths": [3, 0, 4]} if form == "lengths" else {}
    source = pack_padded_sequence(x, [3, 4, 1], enforce_sorted=False) if form == "packed" else x
    output, last = layer(source, family.given(given), **options)
    last = [last] if count == 1 else last
    for k, size in enumerate(sizes):
        columns = I if k == 0 else D * sizes[k - 1]
        single = family.layer(kind, columns, size, bidirectional=True, batch_first=batch_first)
        single.load_state_dict(of_layer(layer, k))
        source, ends = single(source, family.given([s[k] for s in given]), **options)
        for a, b in zip(last, [ends] if count == 1 else ends, strict=True):
            assert mg.equal(a[k], b)
    if form == "packed":
        output, source = output.data, source.data
    assert mg.equal(output, source)
    assert layer.num_layers == 3
    zeros = [tuple([s * 0 for s in states]) for states in given]
    assert mg.equal(layer(x)[0], layer(x, family.given(zeros))[0])
    learned = made(kind, I, sizes, learn_initial_state=True)
    assert learned(leaf(1, T, N, I))[0].shape == (T, N, 3)


@pytest.mark.parametrize("kind", ["lstm_peephole", "gru_reset_before", "rnn_tanh"])
def test_copies_and_files(kind, tmp_path):
    layer = made(kind, I, [H, H], learn_initial_state=True, residual=True, **ALL)
    x = leaf(1, T, N, I)
    copies = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    mg.save(layer.state_dict(), tmp_path / "layer.pt")
    other = made(kind, I, [H, H], learn_initial_state=True, residual=True, **ALL)
    with mg.no_grad():
        for p in other.parameters():
            p.mul_(0.5)
    other.load_state_dict(mg.load(tmp_path / "layer.pt"))
    for duplicate in (*copies, other):
        for training in (True, False):
            results = []
            for one in (layer, duplicate):
                one.train(training)
                mg.manual_seed(4)
                results.append(one(x)[0])
            assert mg.equal(*results)
    assert repr(copies[0]) == repr(layer)
    assert nn.LSTM(I, H, layer_norm=True).load_state_dict(nn.LSTM(I, H).state_dict(), strict=False)


def test_parameters_that_are_replaced_or_computed_count():
    """A step that was recorded must not go on with the old ones."""
    layer, x = made("gru", I, H, layer_norm=True), leaf(1, T, N, I)
    before = layer(x)[0]
    (g,) = mg.autograd.grad(before.sum(), x, create_graph=True)
    new = nn.Parameter(layer.weight_hh_l0.detach() * 2)
    layer.weight_hh_l0 = new
    output, _ = layer(x)
    w = arrays(layer)
    wanted, _ = with_options("gru", w, x.detach().numpy(), [np.zeros((N, H))], layer_norm=True)
    np.testing.assert_allclose(output.detach().numpy(), wanted, 1e-9)
    output.sum().backward()
    assert new.grad is not None
    x.grad = None
    g.square().sum().backward()  # through the old one
    old = x.grad.clone()
    fresh = made("gru", I, H, layer_norm=True)
    (g,) = mg.autograd.grad(fresh(x)[0].sum(), x, create_graph=True)
    x.grad = None
    g.square().sum().backward()
    np.testing.assert_allclose(old.numpy(), x.grad.numpy(), 1e-9)
    normed = nn.utils.weight_norm(made("gru", I, H, recurrent_dropout=0.5).eval(), "weight_hh_l0")
    for _ in range(20):
        normed(x)[0].sum().backward()
    assert normed.weight_hh_l0_v.grad.abs().sum() > 0


def test_rates_may_be_changed():
    layer, x = made("lstm", I, H).eval(), leaf(1, T, N, I)
    plain = layer(x)[0]
    for rates in (0.25, (0.25, 0.5), (0.5, 0.25), 0.0):
        layer.set_rates(zoneout=rates)
        keep = rates if isinstance(rates, tuple) else (rates, rates)
        states = [np.zeros((N, H))] * 2
        wanted, _ = with_options("lstm", arrays(layer), x.detach().numpy(), states, keep=keep)
        np.testing.assert_allclose(layer(x)[0].detach().numpy(), wanted, 1e-9)
    assert mg.equal(layer(x)[0], plain)
    layer.train().set_rates(recurrent_dropout=0.9)
    assert not mg.equal(layer(x)[0], plain)


# ------------------------------------------------------------------------------------------------
# Cells of one's own
# ------------------------------------------------------------------------------------------------


class Leaky(nn.Module):
    """An output that is not the state."""

    states = ("h", "trace")

    def __init__(self, input_size, hidden_size, apart=False):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)
        self.apart = apart

    def forward(self, x, state):
        h, trace = state
        h = 0.8 * h + 0.2 * self.inner(mg.cat([x, h], 1)).tanh()
        trace = 0.5 * trace + h
        return (h.tanh(), (h, trace)) if self.apart else (h, trace)


def own_in_numpy(layer, x, h, trace, mask, keep, apart):
    w, b = [layer.l0.inner.weight, layer.l0.inner.bias]
    w, b = w.detach().numpy(), b.detach().numpy()
    outputs = []
    for t, x_t in enumerate(x):
        seen = h * mask
        new = 0.8 * seen + 0.2 * np.tanh(np.hstack([x_t, seen]) @ w.T + b)
        moved, output = 0.5 * trace + new, np.tanh(new)
        new = (new - new.mean(1, keepdims=True)) / np.sqrt(new.var(1, keepdims=True) + 1e-5)
        norm = layer.l0.layer_norm
        new = new * norm.weight.detach().numpy() + norm.bias.detach().numpy()
        h = keep[0][t] * h + (1 - keep[0][t]) * new
        trace = keep[1][t] * trace + (1 - keep[1][t]) * moved
        outputs.append(output if apart else h)
    return np.stack(outputs), h, trace


@pytest.mark.parametrize("apart", [False, True])
def test_a_cell_of_ones_own(apart, level):
    options = {"layer_norm": True, "recurrent_dropout": 0.4, "zoneout": (0.3, 0.5)}
    layer = nn.Recurrent(
        Leaky, I, H, apart=apart, learn_initial_state=True, **options
    ).double()  # fmt: skip
    with mg.no_grad():
        for seed, p in enumerate(layer.parameters()):
            p.copy_(mg.tensor(family.facts.numbers(20 + seed, *p.shape)))
    assert list(layer.state_dict()) == [
        "l0.initial_h", "l0.initial_trace", "l0.inner.weight", "l0.inner.bias",
        "l0.layer_norm.weight", "l0.layer_norm.bias",
    ]  # fmt: skip
    x = leaf(1, T, N, I)
    for training in (True, False):
        layer.train(training)
        mg.manual_seed(6)
        output, last = layer(x)
        mg.manual_seed(6)
        mask, keep = 1.0, np.array([0.3, 0.5])[:, None] * np.ones(T)
        states = [getattr(layer.l0, f"initial_{s}").expand(N, H) for s in Leaky.states]
        if training:
            found = drawn(layer, states, options)
            mask, keep = found["mask"], found["keep"]
        before = [s.detach().numpy() for s in states]
        wanted = own_in_numpy(layer, x.detach().numpy(), *before, mask, keep, apart)
        for a, b in zip([output, last.h[0], last.trace[0]], wanted, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b, 1e-9, 1e-11)

    def run(x, *parameters):
        mg.manual_seed(5)
        return tuple(family.run(layer.train(), x, lengths=[4, 0, 2]))

    assert gradcheck(run, (x, *layer.parameters()), fast_mode=True)


def test_the_proof_of_a_cell_of_ones_own():
    options = {"layer_norm": True, "zoneout": 0.2, "learn_initial_state": True}
    assert check_recurrence(Leaky, gradients=False, recurrent_dropout=0.2, **options)
    layer = nn.Recurrent(Leaky, I, [H, H, H], residual=True, bidirectional=True).double()
    single = nn.Recurrent(Leaky, 2 * H, H, bidirectional=True).double()
    x = leaf(1, T, N, 2 * H)
    below = nn.Recurrent(Leaky, I, [H, H], bidirectional=True).double()
    with mg.no_grad():
        for p in [*layer.l1.parameters(), *layer.l1_reverse.parameters(),
                  *layer.l2.parameters(), *layer.l2_reverse.parameters()]:  # fmt: skip
            p.zero_()
    output, last = layer(leaf(1, T, N, I))
    assert [tuple(s.shape) for s in last.trace] == [(2, N, H)] * 3
    below.load_state_dict(layer.state_dict(), strict=False)
    first = nn.Recurrent(Leaky, I, H, bidirectional=True).double()
    first.load_state_dict({k: v for k, v in layer.state_dict().items() if k.startswith("l0")})
    assert mg.equal(output, first(leaf(1, T, N, I))[0])  # cells of zeros add nothing
    assert single(x)[0].shape == (T, N, 2 * H)


def test_an_option_that_a_cell_names_is_its_own():
    assert nn.Recurrent(nn.LSTMCell, I, H, peephole=True).l0.peephole is True
    assert nn.Recurrent(nn.GRUCell, I, H, reset_after=False).l0.reset_after is False

    class Own(nn.GRUCell):
        def __init__(self, input_size, hidden_size, zoneout=0.0):
            super().__init__(input_size, hidden_size)
            self.rate = zoneout

    layer = nn.Recurrent(Own, I, H, zoneout=0.2)
    assert layer.l0.rate == 0.2
    assert "zoneout" not in repr(layer)


# ------------------------------------------------------------------------------------------------
# Texts and errors
# ------------------------------------------------------------------------------------------------


def test_texts():
    for text, module in (
        ("LSTM(2, 4, num_layers=2, layer_norm=True, zoneout=(0.05, 0.5), residual=True, "
         "peephole=True)",
         nn.LSTM(2, 4, 2, layer_norm=True, zoneout=[0.05, 0.5], residual=True, peephole=True)),
        ("GRU(2, [4, 3], num_layers=2, recurrent_dropout=0.1, reset_after=False)",
         nn.GRU(2, [4, 3], recurrent_dropout=0.1, reset_after=False)),
        ("MGU(2, 4, learn_initial_state=True, reset_after=False)",
         nn.MGU(2, 4, learn_initial_state=True, reset_after=False)),
        ("LSTMCell(2, 4, peephole=True)", nn.LSTMCell(2, 4, peephole=True)),
        ("GRUCell(2, 4, bias=False, reset_after=False)",
         nn.GRUCell(2, 4, False, reset_after=False)),
    ):  # fmt: skip
        assert repr(module) == text


@pytest.mark.parametrize(("options", "error", "match"), [
    ({"recurrent_dropout": 1.0}, ValueError, r"recurrent_dropout should .* range \[0, 1\).* 1.0"),
    ({"recurrent_dropout": True}, ValueError, "recurrent_dropout should be a number"),
    ({"zoneout": -0.1}, ValueError, r"zoneout should be a number in range \[0, 1\)"),
    ({"zoneout": (0.1, 0.2, 0.3)}, ValueError, r"one for each state \(hidden, cell\)"),
    ({"zoneout": "x"}, ValueError, "zoneout should be a number"),
    ({"layer_norm": 1}, TypeError, "layer_norm should be of type bool, got: int"),
    ({"peephole": "yes"}, TypeError, "peephole should be of type bool, got: str"),
    ({"learn_initial_state": 0}, TypeError, "learn_initial_state should be of type bool"),
    ({"residual": True}, ValueError, "residual=True .* num_layers greater than 1"),
    ({"reset_after": False}, TypeError, "unexpected .* 'reset_after'; it takes .*, residual"),
    ({"hidden_size": [4, 3], "residual": True}, ValueError, r"one size, but got .*\[4, 3\]"),
    ({"hidden_size": []}, ValueError, "a size for each layer, got an empty list"),
    ({"hidden_size": [4, 2.0]}, TypeError, "a list with an int for each layer, got: float"),
    ({"hidden_size": [4, 0]}, ValueError, "hidden_size must be greater than zero"),
    ({"hidden_size": [4, 3], "num_layers": 3}, ValueError, "2 layers, but num_layers is 3"),
    ({"hidden_size": [4, 3], "proj_size": 3}, ValueError, "proj_size has to be smaller"),
])  # fmt: skip
def test_what_is_refused(options, error, match):
    with pytest.raises(error, match=match):
        nn.LSTM(**{"input_size": I, "hidden_size": H, **options})


class Named(nn.Module):
    layer_norm = None

    def __init__(self, input_size, hidden_size):
        super().__init__()


def test_what_else_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'peephole'"):
        nn.GRU(I, H, peephole=True)
    with pytest.raises(ValueError, match="layer_norm is not there for the recurrence 'coupled'"):
        family.Coupled(I, H, layer_norm=True)
    with pytest.raises(ValueError, match=r"recurrent_dropout is not there .* of_x= and of_h="):
        family.Coupled(I, H, recurrent_dropout=0.1)
    assert family.Coupled(I, H, zoneout=0.1)(mg.zeros(T, N, I))[0].shape == (T, N, H)
    layer = nn.LSTM(I, [4, 3])
    with pytest.raises(TypeError, match=r"hidden_size=\[4, 3\], hx must be a tuple of 2 tensors"):
        layer(mg.zeros(T, N, I), (mg.zeros(2, N, 4), mg.zeros(2, N, 4)))
    states = tuple([mg.zeros(1, N, 4)] * 2)
    with pytest.raises(RuntimeError, match=r"hidden\[0\] of layer 1 size \(1, 3, 3\), got .*3, 4"):
        layer(mg.zeros(T, N, I), (states, states))
    with pytest.raises(ValueError, match="Named has a layer_norm of its own"):
        nn.Recurrent(Named, I, H, layer_norm=True)
    with pytest.raises(ValueError, match="zoneout should be a number"):
        layer.set_rates(zoneout=2)


def test_attributes_of_subclasses_are_theirs():
    """Scripts call their own parts by the names of options."""

    class Own(nn.LSTM):
        def __init__(self):
            super().__init__(I, H)
            self.layer_norm = nn.LayerNorm(H)
            self.zoneout = self.recurrent_dropout = 0.5
            self.residual = self.options = True

        def forward(self, x):
            return self.layer_norm(super().forward(x)[0])

    mg.manual_seed(0)
    own, x = Own(), mg.zeros(T, N, I)
    mg.manual_seed(0)
    assert mg.equal(own(x), own.layer_norm(nn.LSTM(I, H)(x)[0]))
