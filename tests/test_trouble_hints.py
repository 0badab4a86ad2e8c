"""The two mistakes of the first week, and what the errors say about them.

A hidden state that is carried from batch to batch without ``detach()``, and ``batch_first`` that
was forgotten. Where the mistake is another one, the errors must not speak of these.
"""

import pytest
import recurrences as family

import minigrad as mg
from minigrad import nn

KEY_WORDS = r"^Trying to backward through the graph a second time .*retain_graph=True"
CARRIED = KEY_WORDS + r".* a recurrent layer was given a hidden state .*detach"
REACHED = KEY_WORDS + r".* leads into an older graph, .*hidden state"
KINDS = ["RNN", "LSTM", "GRU", "JANET", "MGU", "IndRNN"]


class Cell(nn.Module):
    """A cell of a user's, in plain operations."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        return self.inner(mg.cat([x, h], 1)).tanh()


def over_batches(layer, head=None, detach=False):
    """Two steps of training; the state of the first goes into the second."""
    state = None
    for x in mg.randn(2, 3, 2, 4):
        output, state = layer(x, state)
        if detach:
            state = tuple(s.detach() for s in state) if type(state) is tuple else state.detach()
        loss = output if head is None else head(output)
        loss.square().mean().backward()


def looped(cell, first=None):
    """A layer made of a loop over a cell."""

    def layer(x, state):
        outputs = []
        for step in x:
            state = cell(step, first if state is None else state)
            outputs.append(state[0] if type(state) is tuple else state)
        return mg.stack(outputs), state

    return layer


# The reference runs step by step, in operations of no name: then it is the words for these.
@pytest.mark.parametrize("head", [None, nn.Linear(5, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_state_carried_over_is_named(kind, head, level):
    layer, cell = getattr(nn, kind)(4, 5), getattr(nn, f"{kind}Cell")(4, 5)
    words = REACHED if level == "reference" else CARRIED
    for run in (layer, looped(cell)):
        over_batches(run, head, detach=True)
        with pytest.raises(RuntimeError, match=words):
            over_batches(run, head)


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}])
def test_a_state_carried_over_by_several_layers(options, level):
    words = REACHED if level == "reference" else CARRIED
    with pytest.raises(RuntimeError, match=words):
        over_batches(nn.LSTM(4, 5, **options))


@pytest.mark.once
def test_a_state_carried_over_by_a_cell_of_ones_own():
    with pytest.raises(RuntimeError, match=REACHED):
        over_batches(looped(Cell(4, 5), mg.zeros(2, 5)))
    with pytest.raises(RuntimeError, match=CARRIED):
        over_batches(nn.Recurrent(Cell, 4, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_backward_twice_is_not_taken_for_a_carried_state(kind, level):
    layer = getattr(nn, kind)(4, 5, num_layers=2)
    for loss in (
        layer(mg.randn(3, 2, 4))[0].sum(),
        nn.Linear(5, 1)(layer(mg.randn(3, 2, 4))[0]).sum(),
        looped(getattr(nn, f"{kind}Cell")(4, 5))(mg.randn(3, 2, 4), None)[0].sum(),
    ):
        loss.backward()
        with pytest.raises(RuntimeError, match=KEY_WORDS) as caught:
            loss.backward()
        assert "detach" not in str(caught.value)


@pytest.mark.once
def test_grad_says_it_too_and_the_error_keeps_no_graph():
    cell = nn.GRUCell(4, 5)
    h = cell(mg.randn(2, 4))
    h.sum().backward()
    with pytest.raises(RuntimeError, match="hidden state") as caught:
        mg.autograd.grad(cell(mg.randn(2, 4), h).sum(), list(cell.parameters()))
    assert type(caught.value) is RuntimeError
    assert vars(caught.value) == {}


# ------------------------------------------------------------------------------------------------
# batch_first
# ------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("kind", family.LAYERS)
def test_states_that_fit_the_other_way_round(kind):
    for batch_first, words in ((False, "made with batch_first=True"), (True, r"\(L, N, H_in\)")):
        layer = family.layer(kind, 4, 5, batch_first=batch_first)
        x = mg.zeros(3, 7, 4, dtype=mg.float64)  # 3 sequences or 7, as the layer reads it
        _, state = layer(x.transpose(0, 1))
        with pytest.raises(RuntimeError, match=words):
            layer(x, state)
        _, state = layer(mg.zeros(2, 2, 4, dtype=mg.float64))
        with pytest.raises(RuntimeError, match="Expected hidden") as caught:
            layer(x, state)
        assert "They fit" not in str(caught.value)


@pytest.mark.once
def test_lengths_that_fit_the_other_way_round():
    with pytest.raises(RuntimeError, match=r"batch_size=7.*They fit .*batch_first=True"):
        nn.GRU(4, 5)(mg.zeros(3, 7, 4), lengths=[1, 2, 3])
    with pytest.raises(RuntimeError, match="batch_size=7") as caught:
        nn.GRU(4, 5)(mg.zeros(3, 7, 4), lengths=[1, 2])
    assert "They fit" not in str(caught.value)


@pytest.mark.once
def test_an_input_whose_features_are_on_another_axis():
    with pytest.raises(RuntimeError, match=r"axis 1 has the size 4.*x\.transpose\(1, 2\)"):
        nn.GRU(4, 5)(mg.zeros(3, 4, 7))
    with pytest.raises(RuntimeError, match=r"axis 0 has the size 4.*x\.transpose\(0, 1\)"):
        nn.GRU(4, 5)(mg.zeros(4, 7))
    with pytest.raises(RuntimeError, match="input_size") as caught:
        nn.GRU(4, 5)(mg.zeros(4, 4, 7))  # two of them: it may be either
    assert "transpose" not in str(caught.value)
