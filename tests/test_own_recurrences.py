"""`nn.Recurrent`, layers from cells that users wrote, and their proof, `check_recurrence`."""

import copy
import pickle

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils.rnn import pack_padded_sequence
from minigrad.testing import check_recurrence

# ------------------------------------------------------------------------------------------------
# Cells
# ------------------------------------------------------------------------------------------------


class OwnLSTM(nn.Module):
    states = ("h", "c")

    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.ih = nn.Linear(input_size, 4 * hidden_size, bias)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size, bias)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (self.ih(x) + self.hh(h)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm_shapes(inputs, hidden):
    rows = 4 * hidden
    return {"w_ih": (rows, inputs), "w_hh": (rows, hidden), "b_ih": (rows,), "b_hh": (rows,)}


class Memory(nn.Module):
    """States of two shapes, of which none is the output."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.states = {"h": hidden_size, "memory": (2, 3)}
        self.output_size = hidden_size + 1
        self.inner = nn.Linear(input_size + hidden_size + 6, hidden_size)
        self.write = nn.Linear(hidden_size, 6)
        self.read = nn.Linear(hidden_size, hidden_size + 1)

    def forward(self, x, state):
        h, memory = state
        h = self.inner(mg.cat([x, h, memory.flatten(1)], 1)).tanh()
        memory = 0.5 * memory + self.write(h).reshape(-1, 2, 3)
        return self.read(h), (h, memory)


class Silent(nn.Module):
    """No parameters; an output apart from one state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()

    def forward(self, x, total):
        total = total + x.sum(1, keepdim=True)
        return total.tanh(), total


def leaky(x, h, w, u):
    return 0.9 * h + 0.1 * (x @ w + h @ u).tanh()


CELLS = {
    "module": (OwnLSTM, {"bias": False}),
    "function": (lstm_step, {"parameters": lstm_shapes}),
    "one state": (leaky, {"parameters": lambda i, h: {"w": (i, h), "u": (h, h)}}),
    "shapes of states": (Memory, {}),
    "no parameters": (Silent, {}),
    "a cell of ours": (nn.MGUCell, {}),
    "a layer of ours": (nn.GRU, {}),
}


@pytest.mark.parametrize("name", CELLS)
def test_every_kind_of_cell_has_the_proof(name):
    cell, options = CELLS[name]
    assert check_recurrence(cell, 2, 3, **options)


# ------------------------------------------------------------------------------------------------
# The same as a layer of ours
# ------------------------------------------------------------------------------------------------


def two_layers(kind, dtype="float64", **options):
    """nn.LSTM, and the same LSTM made from a cell or a function, with the same parameters."""
    theirs = family.layer("lstm", 3, 4, 2, dtype=dtype, **options)
    own = nn.Recurrent(*kind[:1], 3, 4, 2, **kind[1], **options).to(getattr(mg, dtype))
    assert len(list(own.parameters())) == len(list(theirs.parameters()))
    with mg.no_grad():
        names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        for k, cell in enumerate(own.cells):
            of = dict(cell.named_parameters())
            for name, key in zip(names, ("ih.weight", "hh.weight", "ih.bias", "hh.bias")):
                kind_of, side = name.split("_")
                p = of[key] if key in of else of[f"{kind_of[0]}_{side}"]
                p.copy_(theirs._each_direction()[k][name])
    return theirs, own


def by_name(layer):
    """The parameters in the order of nn.LSTM's, whatever they are called."""
    if isinstance(layer, nn.LSTM):
        return list(layer.parameters())
    names = [("ih.weight", "w_ih"), ("hh.weight", "w_hh"), ("ih.bias", "b_ih"), ("hh.bias", "b_hh")]
    return [
        dict(cell.named_parameters()).get(a, dict(cell.named_parameters()).get(b))
        for cell in layer.cells
        for a, b in names
    ]


KINDS = {"module": (OwnLSTM, {}), "function": (lstm_step, {"parameters": lstm_shapes})}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, [2, 4, 0]])
def test_an_lstm_in_ten_lines_is_nn_lstm(kind, bidirectional, lengths, level):
    """Outputs, gradients, and the gradients of these."""
    results = []
    for layer in two_layers(KINDS[kind], bidirectional=bidirectional):
        x, states = family.leaf(1, 4, 3, 3), family.start(two_layers(KINDS[kind])[0], 3)
        if bidirectional:
            states = [mg.cat([s, 0.5 * s]).detach().requires_grad_() for s in states]
        outputs = family.run(layer, x, states, lengths=lengths)
        leaves = [x, *states, *by_name(layer)]
        first = mg.autograd.grad([(y * y).sum() for y in outputs], leaves, create_graph=True)
        second = mg.autograd.grad(sum((g * g).sum() for g in first), leaves)
        results.append([*outputs, *first, *second])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-9, 1e-12)


def test_layouts_and_packed_sequences_are_those_of_nn_lstm(level):
    theirs, own = two_layers(KINDS["module"], "float32", batch_first=True)
    x = family.leaf(1, 3, 4, 3, dtype="float32")
    packed = pack_padded_sequence(x, [4, 2, 3], batch_first=True, enforce_sorted=False)
    for given in (x, x[0], packed):
        wanted, got = theirs(given), own(given)
        if given is packed:
            assert (wanted[0].sorted_indices == got[0].sorted_indices).all()
            wanted, got = [(y.data, ends) for y, ends in (wanted, got)]
        for a, b in zip(family.flat(got), family.flat(wanted), strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-5, 1e-6)


def test_dropout_between_layers_draws_what_nn_lstm_draws():
    results = []
    for layer in two_layers(KINDS["function"], dropout=0.5):
        mg.manual_seed(5)
        results.append(layer(family.leaf(1, 4, 3, 3))[0])
    np.testing.assert_allclose(results[0].detach().numpy(), results[1].detach().numpy(), 1e-9)


# ------------------------------------------------------------------------------------------------
# What it has besides
# ------------------------------------------------------------------------------------------------


def test_names():
    layer = nn.Recurrent(OwnLSTM, 3, 4, num_layers=2, bidirectional=True, bias=False)
    places = ("l0", "l0_reverse", "l1", "l1_reverse")
    assert list(layer.state_dict()) == [
        f"{place}.{side}.weight" for place in places for side in ("ih", "hh")
    ]
    assert layer.l1.ih.weight.shape == (16, 8)
    _, last = layer(mg.randn(2, 1, 3))
    assert last.h is last[0]
    assert last._fields == ("h", "c")
    assert "  3, 4, num_layers=2, bidirectional=True\n  (l0): OwnLSTM(" in repr(layer)


def test_copies_and_pickles():
    layer = nn.Recurrent(lstm_step, 3, 4, parameters=lstm_shapes)
    x = mg.randn(2, 1, 3)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x)[0].detach().numpy(), layer(x)[0].detach().numpy())


def test_parameters_are_drawn_as_those_of_our_layers():
    mg.manual_seed(0)
    theirs = nn.LSTM(3, 4)
    mg.manual_seed(0)
    own = nn.Recurrent(lstm_step, 3, 4, parameters=lstm_shapes)
    for a, b in zip(own.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


class Unnamed(OwnLSTM):
    states = None


class InArguments(OwnLSTM):
    def forward(self, x, h, c):
        return super().forward(x, (h, c))


def test_arguments_after_the_parameters_may_have_defaults():
    layer = nn.Recurrent(lambda x, h, w, scale=2.0: x @ w * scale, 3, 4, parameters={"w": (3, 4)})
    x = mg.randn(2, 1, 3)
    assert layer(x)[0].shape == (2, 1, 4)
    np.testing.assert_allclose(layer(x)[0].detach(), (x @ layer.l0.w * 2).detach(), 1e-6)


W = {"parameters": {"w": (3, 4), "u": (4, 4)}}
WRONG = {
    "a module": (lambda: nn.Recurrent(OwnLSTM(3, 4), 3, 4), TypeError, "Module class"),
    "no module": (lambda: nn.Recurrent(lambda i, h: None, 3, 4), TypeError, "parameters="),
    "names": (
        lambda: nn.Recurrent(leaky, 3, 4, parameters={"v": (3, 4)}), ValueError,
        r"'v' is no argument of leaky\(x, h, w, u\)",
    ),
    "states": (lambda: nn.Recurrent(leaky, 3, 4, **W, states=("c",)), ValueError, "names c, but"),
    "size": (lambda: nn.Recurrent(leaky, 3, 4, **W)(mg.randn(2, 1, 5)), RuntimeError, "input_size"),
    "dtype": (lambda: nn.Recurrent(leaky, 3, 4, **W)(mg.randn(2, 1, 3).double()), ValueError, "dt"),
    "hx": (
        lambda: nn.Recurrent(Memory, 3, 4)(mg.randn(2, 1, 3), mg.randn(1, 1, 4)), TypeError,
        "tuple of two",
    ),
    "axes of hx": (
        lambda: nn.Recurrent(Memory, 3, 4)(mg.randn(2, 1, 3), (mg.randn(1, 1, 4),) * 2),
        RuntimeError, "4-D but got",
    ),
    "shape of hx": (
        lambda: nn.Recurrent(leaky, 3, 4, **W)(mg.randn(2, 1, 3), mg.randn(1, 2, 4)), RuntimeError,
        r"Expected hidden size \(1, 1, 4\)",
    ),
    "two for one": (
        lambda: nn.Recurrent(lambda x, h, w: (x @ w, h, h), 3, 4, parameters={"w": (3, 4)})(
            mg.randn(2, 1, 3)
        ),
        TypeError, "must return the new state, h, or",
    ),
    "shape": (
        lambda: nn.Recurrent(lambda x, h, w: h[:, :2], 3, 4, parameters={"w": (3, 4)})(
            mg.randn(2, 1, 3)
        ),
        RuntimeError, r"should have shape \[1, 4\]",
    ),
    "first state": (
        lambda: nn.Recurrent(leaky, 3, 4, **W, states={"h": (2, 2)}), ValueError, "output_size",
    ),
    "other states above": (
        lambda: nn.Recurrent(
            leaky, 3, 4, 2, parameters={"w": (3, 4), "u": (4, 4)}, states=lambda i, h: {"h": i + 1}
        ),
        ValueError, "all layers must have the same states",
    ),
    "unnamed states": (
        lambda: nn.Recurrent(Unnamed, 3, 4)(mg.randn(2, 3, 3)), ValueError,
        r'expected 2\). Unnamed.forward gets its state as one tensor.*states = \("h", "c"\)',
    ),
    "states as arguments": (
        lambda: nn.Recurrent(InArguments, 3, 4)(mg.randn(2, 3, 3)), TypeError,
        r"missing 1 required positional argument: 'c'. A cell is called with.*forward\(x, state\)",
    ),
    "a parameter without a shape": (
        lambda: nn.Recurrent(leaky, 3, 4, parameters={"w": (3, 4)}), ValueError,
        r"argument 'u' of leaky\(x, h, w, u\) stands among the parameters, but",
    ),
    "no sequence": (lambda: nn.Recurrent(leaky, 3, 4, **W)(mg.randn(0, 1, 3)), RuntimeError, "l"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_named(name):
    call, kind, words = WRONG[name]
    with pytest.raises(kind, match=words):
        call()


class ForgetsBatch(nn.Module):
    """A row depends on the rows beside it."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        return self.inner(mg.cat([x, h - h.sum(0) / 10], 1)).tanh()


def test_the_proof_finds_a_cell_that_mixes_sequences():
    with pytest.raises(AssertionError, match=r"lengths=: output differs"):
        check_recurrence(ForgetsBatch, gradients=False)


def test_the_proof_finds_a_wrong_gradient():
    class Wrong(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.tanh()

        @staticmethod
        def backward(ctx, g):
            return g

    def step(x, h, w, u):
        return Wrong.apply(x @ w + h @ u)

    shapes = {"parameters": lambda i, h: {"w": (i, h), "u": (h, h)}}
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        check_recurrence(step, **shapes)


def test_the_proof_draws_nothing_from_the_stream_of_the_script():
    mg.manual_seed(0)
    before = mg.get_rng_state()
    check_recurrence(leaky, gradients=False, **CELLS["one state"][1])
    assert (mg.get_rng_state() == before).all()


def test_parameters_of_a_function_may_be_parametrized():
    def step(x, h, U, W):
        return (x @ U + h @ W).tanh()

    layer = nn.Recurrent(step, 3, 4, parameters={"U": (3, 4), "W": (4, 4)})
    nn.utils.parametrizations.orthogonal(layer.l0, "W")
    output, _ = layer(mg.randn(5, 2, 3))
    output.sum().backward()
    mg.testing.assert_close(layer.l0.W @ layer.l0.W.T, mg.eye(4), rtol=0, atol=1e-5)
    assert layer.l0.parametrizations.W.original.grad is not None
