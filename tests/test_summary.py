"""`summary`: its numbers against counts by hand, and that it leaves no trace.

L steps, N sequences, J and H sizes of inputs and of hidden states. `F` is the size of a float32.
"""

import copy
import random
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

pytestmark = pytest.mark.once

L, N, J, H, F = 5, 3, 4, 6, 4


def zeros(*shape):
    return mg.zeros(*shape)


def words(*shape):
    return mg.zeros(*shape, dtype=mg.int64)


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)
        self.u = nn.Parameter(mg.zeros(hidden_size, hidden_size))

    def forward(self, x, h):
        return (self.inner(x) + h @ self.u).tanh()


class Loop(nn.Module):
    """A cell in a loop, once for each step."""

    def __init__(self, kind, **options):
        super().__init__()
        self.cell = kind(J, H, **options)
        self.head = nn.Linear(H, 2)

    def forward(self, x):
        state = None
        for step in x:
            state = self.cell(step, state)
        return self.head(state[0] if isinstance(state, tuple) else state)


class Tied(nn.Module):
    """A weight that two modules share, and a module that is called twice."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, H)
        self.mix = nn.Linear(H, H)
        self.out = nn.Linear(H, 10, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x):
        return self.out(self.mix(self.mix(self.embed(x))))


class Shared(nn.Module):
    """One module under two names."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(J, J)
        self.b = self.a

    def forward(self, x):
        return self.b(self.a(x))


class Bare(nn.Module):
    """Parameters and products of a module's own."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(mg.zeros(J, H))
        self.v = nn.Parameter(mg.zeros(H))
        self.scale = nn.Parameter(mg.zeros(1))

    def forward(self, x, *, also):
        y = mg.einsum("ni,ih->nh", x, self.w) + also @ self.w
        return self.scale * mg.mv(y, self.v)


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(J, H)
        self.decoder = nn.GRU(J, H)
        self.out = nn.Linear(H, J)

    def forward(self, source, target, scale=None):
        _, state = self.encoder(source)
        output, _ = self.decoder(target, state)
        return self.out(output)


def frozen():
    model = nn.Sequential(nn.Linear(J, H), nn.ReLU(), nn.Linear(H, 2))
    model[0].requires_grad_(False)
    return model


# The model, its inputs; by hand: parameters, those that require a gradient (None: all),
# multiply-adds, bytes of buffers, bytes of all outputs.
CASES = {
    "Linear": (
        nn.Linear(J, H), [zeros(N, J)],
        J * H + H, None, N * J * H, 0, F * N * H),
    "Linear without bias, three axes": (
        nn.Linear(J, H, bias=False), [zeros(L, N, J)],
        J * H, None, L * N * J * H, 0, F * L * N * H),
    "Linear in float64": (
        nn.Linear(J, H, dtype=mg.float64), [zeros(N, J).double()],
        J * H + H, None, N * J * H, 0, 8 * N * H),
    "Bilinear": (
        nn.Bilinear(J, H, 2), [zeros(N, J), zeros(N, H)],
        2 * J * H + 2, None, N * 2 * J * H, 0, F * N * 2),
    "Embedding": (
        nn.Embedding(10, H), [words(L, N)], 10 * H, None, 0, 0, F * L * N * H),
    "EmbeddingBag": (
        nn.EmbeddingBag(10, H), [words(N, L)], 10 * H, None, 0, 0, F * N * H),
    "RNN": (
        nn.RNN(J, H), [zeros(L, N, J)],
        H * (J + H + 2), None, L * N * H * (J + H), 0, F * (L * N * H + N * H)),
    "LSTM": (
        nn.LSTM(J, H), [zeros(L, N, J)],
        4 * H * (J + H + 2), None, L * N * 4 * H * (J + H), 0, F * (L * N * H + 2 * N * H)),
    "LSTM with initial states": (
        nn.LSTM(J, H), [zeros(L, N, J), (zeros(1, N, H), zeros(1, N, H))],
        4 * H * (J + H + 2), None, L * N * 4 * H * (J + H), 0, F * (L * N * H + 2 * N * H)),
    "LSTM, two layers, both directions, batch_first": (
        nn.LSTM(J, H, 2, bidirectional=True, batch_first=True), [zeros(N, L, J)],
        2 * 4 * H * (J + H + 2) + 2 * 4 * H * (2 * H + H + 2), None,
        L * N * 2 * 4 * H * (J + H) + L * N * 2 * 4 * H * (2 * H + H), 0,
        F * (L * N * 2 * H + 2 * 4 * N * H)),
    "LSTM with a projection to 2": (
        nn.LSTM(J, H, proj_size=2), [zeros(L, N, J)],
        4 * H * (J + 2 + 2) + 2 * H, None, L * N * (4 * H * (J + 2) + 2 * H), 0,
        F * (L * N * 2 + N * 2 + N * H)),
    "LSTM with peepholes": (
        nn.LSTM(J, H, peephole=True), [zeros(L, N, J)],
        4 * H * (J + H + 2) + 3 * H, None, L * N * (4 * H * (J + H) + 3 * H), 0,
        F * (L * N * H + 2 * N * H)),
    "LSTM with a size for each layer": (
        nn.LSTM(J, [H, 2]), [zeros(L, N, J)],
        4 * H * (J + H + 2) + 4 * 2 * (H + 2 + 2), None,
        L * N * (4 * H * (J + H) + 4 * 2 * (H + 2)), 0,
        F * (L * N * 2 + 2 * N * (H + 2))),
    "GRU without biases": (
        nn.GRU(J, H, bias=False), [zeros(L, N, J)],
        3 * H * (J + H), None, L * N * 3 * H * (J + H), 0, F * (L * N * H + N * H)),
    "GRU of one sequence": (
        nn.GRU(J, H), [zeros(L, J)],
        3 * H * (J + H + 2), None, L * 3 * H * (J + H), 0, F * (L * H + H)),
    "JANET": (
        nn.JANET(J, H), [zeros(L, N, J)],
        2 * H * (J + H + 2), None, L * N * 2 * H * (J + H), 0, F * (L * N * H + N * H)),
    "MGU": (
        nn.MGU(J, H), [zeros(L, N, J)],
        2 * H * (J + H + 2), None, L * N * 2 * H * (J + H), 0, F * (L * N * H + N * H)),
    "IndRNN": (
        nn.IndRNN(J, H), [zeros(L, N, J)],
        H * J + H + H, None, L * N * (H * J + H), 0, F * (L * N * H + N * H)),
    "GRU with layer_norm": (
        nn.GRU(J, H, layer_norm=True), [zeros(L, N, J)],
        3 * H * (J + H + 2) + 2 * 3 * H, None, L * N * 3 * H * (J + H), 0,
        F * (L * N * H + N * H)),
    "LSTMCell in a loop": (
        Loop(nn.LSTMCell), [zeros(L, N, J)],
        4 * H * (J + H + 2) + 2 * H + 2, None, L * N * 4 * H * (J + H) + N * 2 * H, 0,
        F * (L * 2 * N * H + N * 2)),
    "IndRNNCell in a loop": (
        Loop(nn.IndRNNCell), [zeros(L, N, J)],
        H * J + 2 * H + 2 * H + 2, None, L * N * (H * J + H) + N * 2 * H, 0,
        F * (L * N * H + N * 2)),
    "Recurrent, of a module": (  # the inner layer's output, the cell's, the layer's and its state
        nn.Recurrent(Cell, J, H), [zeros(L, N, J)],
        J * H + H + H * H, None, L * N * (J * H + H * H), 0,
        F * (L * N * H + L * N * H + L * N * H + N * H)),
    "Recurrent, of a function, two layers": (
        nn.Recurrent(lambda x, h, w, u: (x @ w + h @ u).tanh(), J, H, 2,
                     parameters=lambda i, h: {"w": (i, h), "u": (h, h)}), [zeros(L, N, J)],
        J * H + 3 * H * H, None, L * N * (J * H + 3 * H * H), 0,
        F * (2 * L * N * H + L * N * H + 2 * N * H)),
    "Conv1d": (
        nn.Conv1d(J, H, 3), [zeros(N, J, 10)],
        H * J * 3 + H, None, N * 8 * H * J * 3, 0, F * N * H * 8),
    "Conv1d, strided, in two groups": (
        nn.Conv1d(J, H, 3, stride=2, groups=2), [zeros(N, J, 9)],
        H * J // 2 * 3 + H, None, N * 4 * H * J // 2 * 3, 0, F * N * H * 4),
    "ConvTranspose1d": (
        nn.ConvTranspose1d(J, H, 3, stride=2), [zeros(N, J, 5)],
        H * J * 3 + H, None, N * 5 * H * J * 3, 0, F * N * H * 11),
    "LayerNorm": (nn.LayerNorm(H), [zeros(L, N, H)], 2 * H, None, 0, 0, F * L * N * H),
    "BatchNorm1d": (  # two buffers of floats, and a counter in int64
        nn.BatchNorm1d(H), [zeros(N, H)], 2 * H, None, 0, F * 2 * H + 8, F * N * H),
    "scaled dot products": (  # in a module of one's own, over 7 keys
        type("Attend", (nn.Module,), {"forward": lambda self, q, k, v:
             nn.functional.scaled_dot_product_attention(q, k, v)})(),
        [zeros(N, 2, L, J), zeros(N, 2, 7, J), zeros(N, 2, 7, H)],
        0, None, N * 2 * L * 7 * (J + H), 0, F * N * 2 * L * H),
    "MultiheadAttention": (  # three products in, scores, averages, one out; the weights as well
        nn.MultiheadAttention(8, 2), [zeros(L, N, 8), zeros(L, N, 8), zeros(L, N, 8)],
        4 * (8 * 8 + 8), None, L * N * 4 * 8 * 8 + N * L * L * 8 * 2, 0,
        F * (L * N * 8 + N * L * L)),
    "Sequential in Sequential": (
        nn.Sequential(nn.Sequential(nn.Linear(J, H), nn.Tanh()), nn.Linear(H, 2)), [zeros(N, J)],
        J * H + H + 2 * H + 2, None, N * (J * H + 2 * H), 0, F * (N * H + N * H + N * 2)),
    "what hands its input on": (nn.Sequential(nn.Dropout()), [zeros(N, J)], 0, None, 0, 0, 0),
    "frozen": (
        frozen(), [zeros(N, J)],
        J * H + H + 2 * H + 2, 2 * H + 2, N * (J * H + 2 * H), 0, F * (N * H + N * H + N * 2)),
    "shared weight, module called twice": (
        Tied(), [words(L, N)],
        10 * H + H * H + H, None, L * N * (2 * H * H + 10 * H), 0,
        F * (L * N * H + 2 * L * N * H + L * N * 10)),
    "module with two names": (
        Shared(), [zeros(N, J)], J * J + J, None, 2 * N * J * J, 0, F * 2 * N * J),
    "several inputs": (
        Seq2Seq(), [zeros(L, N, J), zeros(2, N, J)],
        2 * 3 * H * (J + H + 2) + H * J + J, None,
        (L + 2) * N * 3 * H * (J + H) + 2 * N * H * J, 0,
        F * (L * N * H + N * H + 2 * N * H + N * H + 2 * N * J)),
    "ResidualIndRNN": (  # (the outputs of its many inner layers are not counted by hand)
        nn.ResidualIndRNN(J, H, 1), [zeros(L, N, J)],
        None, None, L * N * (J * H + 2 * (H * H + H) + H), None, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_counts_by_hand(case):
    model, inputs, params, trainable, macs, buffers, outputs = CASES[case]
    found = mg.summary(model, *inputs)
    assert found.macs == macs
    assert found.total_params == sum(row.params for row in found.rows)
    if params is None:
        return
    size = 8 if "float64" in case else F
    assert found.total_params == params
    assert found.trainable_params == (params if trainable is None else trainable)
    assert found.param_bytes == size * params
    assert found.output_bytes == outputs
    assert found.bytes == size * params + buffers + outputs


def test_transformer_layer_by_hand():
    found = mg.summary(nn.TransformerEncoderLayer(8, 2, 16), (L, N, 8))
    assert found.total_params == 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 2 * 2 * 8
    assert found.macs == L * N * (4 * 8 * 8 + 2 * 8 * 16) + N * L * L * 8 * 2
    decoder = mg.summary(nn.TransformerDecoderLayer(8, 2, 16), (2, N, 8), (L, N, 8))
    assert decoder.macs == (
        2 * N * (4 * 8 * 8 + 2 * 8 * 16 + 2 * 8 * 8) + L * N * 2 * 8 * 8
        + N * (2 * 2 * 8 * 2 + 2 * L * 8 * 2)
    )  # fmt: skip
    assert not [row for row in decoder.rows if "never ran" in row.notes]


def test_keyword_inputs():
    found = mg.summary(Bare(), zeros(N, J), also=zeros(N, J))
    assert found.total_params == J * H + H + 1
    assert found.macs == 2 * N * J * H + N * H
    assert found.rows[0].input_shapes == [(N, J), (N, J)]


@pytest.mark.parametrize("lengths", [[5, 2, 0], [1, 1, 1]])
def test_only_steps_that_there_are_count(lengths):
    step = 4 * H * (J + H)
    assert mg.summary(nn.LSTM(J, H), zeros(L, N, J), lengths=lengths).macs == sum(lengths) * step
    deep = mg.summary(nn.ResidualIndRNN(J, H, 1), zeros(L, N, J), lengths=[5, 5, 5])
    assert deep.macs == L * N * (J * H + 2 * (H * H + H) + H)


def test_packed_sequences():
    packed = nn.utils.rnn.pack_padded_sequence(zeros(L, N, J), [5, 2, 1])
    found = mg.summary(nn.GRU(J, H), packed)
    assert found.macs == 8 * 3 * H * (J + H)


# ------------------------------------------------------------------------------------------------
# Axes and words
# ------------------------------------------------------------------------------------------------


class Tagger(nn.Module):
    def __init__(self, pick=None, **options):
        super().__init__()
        self.embed = nn.Embedding(10, J)
        self.rnn = nn.LSTM(J, H, **options)
        self.head = nn.Linear(H, 2)
        self.pick = pick

    def forward(self, words):
        output, _ = self.rnn(self.embed(words))
        return self.head(output if self.pick is None else output[self.pick])


def test_axes_have_names():
    found = mg.summary(Tagger(), (L, N))
    assert found[""].input_text == found["embed"].input_text == "(L=5, N=3)"
    assert found["embed"].output_text == found["rnn"].input_text == "(L=5, N=3, H=4)"
    assert found["rnn"].output_text == "(L=5, N=3, H=6), +2"
    assert found["head"].output_text == found[""].output_text == "(L=5, N=3, H_out=2)"
    first = mg.summary(Tagger(batch_first=True), (L, N))
    assert first["embed"].input_text == "(N=5, L=3)"
    assert first["head"].output_text == "(N=5, L=3, H_out=2)"
    assert mg.summary(nn.Linear(J, H), (N, J)).rows[0].output_text == "(N=3, H_out=6)"
    assert mg.summary(nn.GRU(J, H), (L, J)).rows[0].input_text == "(L=5, H_in=4)"
    conv = mg.summary(nn.Sequential(nn.Conv1d(J, H, 3), nn.ReLU()), (N, J, 9))
    assert conv["0"].input_text == "(N=3, C=4, L=9)"
    assert conv["1"].output_text == "(N=3, C_out=6, L_out=7)"
    layer = mg.summary(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (N, L, 8))
    assert layer["linear1"].input_text == layer[""].output_text == "(N=3, L=5, E=8)"


def test_axes_are_followed_through_operations():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(J, H)

        def forward(self, x):
            output, _ = self.rnn(x.transpose(0, 1))
            return (output + 1).permute(1, 0, 2).mean(2)

    found = mg.summary(Turned(), (N, L, J)).rows[0]
    assert (found.input_text, found.output_text) == ("(N=3, L=5, H_in=4)", "(N=3, L=5)")


def test_how_sequences_were_read_is_said():
    text = str(mg.summary(Tagger(), (L, N)))
    assert (
        "rnn: reads its input (5, 3, 4) as L=5 steps of N=3 sequences (batch_first=False)" in text
    )
    text = str(mg.summary(Tagger(batch_first=True), (L, N)))
    assert "as L=3 steps of N=5 sequences (batch_first=True)" in text


@pytest.mark.parametrize(
    ("pick", "batch_first", "wrong"),
    [
        ((slice(None), -1), False, True), (-1, False, False), ((-1, slice(None)), False, False),
        (-1, True, True), ((slice(None), -1), True, False), ((slice(None), 0), False, False),
        ((slice(None), -1, slice(None)), False, True),
    ],
)  # fmt: skip
def test_the_last_sequence_taken_for_the_last_step(pick, batch_first, wrong):
    text = str(mg.summary(Tagger(pick, batch_first=batch_first), (L, N)))
    assert ("takes the last sequence of the batch, not the last step" in text) == wrong


def test_words_about_parameters():
    assert "out: its weight is embed.weight, and counted there" in str(mg.summary(Tied(), (L, N)))
    assert "a: is b, too" in str(mg.summary(Shared(), (N, J)))
    assert f"{J * H + H} of {J * H + 3 * H + 2} parameters are frozen" in str(
        mg.summary(frozen(), (N, J))
    )
    model = Tagger()
    model.forgotten = nn.Linear(2, 2)
    assert mg.summary(model, (L, N))["forgotten"].notes == ["never ran"]
    assert not any("never ran" in row.notes for row in mg.summary(Tagger(), (L, N)).rows)


def test_what_is_printed():
    found = mg.summary(Tagger(), (L, N))
    lines = str(found).splitlines()
    assert lines[0].split() == [
        "layer", "input", "output", "parameters", "multiply-adds", "bytes:", "own", "outputs",
    ]  # fmt: skip
    assert lines[3].split()[:3] == ["rnn:", "LSTM", "(L=5,"]
    assert lines[5].split() == ["total", f"{found.total_params}", f"{found.macs:,}",
                                f"{found.param_bytes:,}", f"{found.output_bytes:,}"]  # fmt: skip
    page = found._repr_html_()
    assert page.count("<tr>") == 6
    assert "rnn: LSTM" in page
    assert str(mg.summary(Loop(nn.GRUCell), (L, N, J))["cell"].calls) == "5"
    assert "cell: GRUCell x5" in str(mg.summary(Loop(nn.GRUCell), (L, N, J)))
    with pytest.raises(KeyError, match="embed, rnn, head"):
        found["nothing"]


# ------------------------------------------------------------------------------------------------
# Inputs, failures, traces
# ------------------------------------------------------------------------------------------------


def test_inputs_by_shape():
    by_tensor = str(mg.summary(Tagger(), words(L, N)))
    assert str(mg.summary(Tagger(), (L, N))) == by_tensor  # int64, for an embedding comes first
    assert str(mg.summary(Tagger(), input_size=(L, N))) == by_tensor
    assert str(mg.summary(Tagger(), (L, N), dtype=mg.int64)) == by_tensor
    two = mg.summary(Seq2Seq(), input_size=[(L, N, J), (2, N, J)], dtype=[mg.float32, mg.float32])
    assert two.macs == mg.summary(Seq2Seq(), (L, N, J), zeros(2, N, J), scale=None).macs
    double = mg.summary(nn.Linear(J, H).double(), (N, J))
    assert double.output_bytes == 8 * N * H
    with pytest.raises(ValueError, match="dtype has 1 types, for 2 inputs"):
        mg.summary(Seq2Seq(), (L, N, J), (2, N, J), dtype=[mg.float32])
    for size in (5, (4.0, 3)):
        with pytest.raises(TypeError, match="input_size must be a tuple of ints"):
            mg.summary(Tagger(), input_size=size)
    with pytest.raises(TypeError, match="model must be a Module, not function"):
        mg.summary(lambda x: x, (N, J))


def test_a_failing_layer_is_named_with_the_table_up_to_it():
    model = nn.Sequential(nn.Linear(J, H), nn.Tanh(), nn.Linear(H + 1, 2), nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match=r"^linear: mat1 and mat2 shapes") as caught:
        mg.summary(model, (N, J))
    text = str(caught.value)
    assert "summary: 2 (Linear) failed, given (N=3, H_out=6)." in text
    assert "0: Linear" in text
    assert "3: Linear" not in text
    assert caught.value.summary["1"].output_shapes == [(N, H)]
    assert "forward" not in vars(model[0])
    with pytest.raises(RuntimeError, match=r"rnn \(LSTM\) failed, given \(L=5, N=3, H=4\)"):
        mg.summary(_broken(), (L, N))


def _broken():
    model = Tagger()
    model.rnn.input_size = 7
    return model


def test_nothing_changes():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(J)
            self.drop = nn.Dropout(0.5)
            self.rnn = nn.LSTM(J, H)
            self.table = nn.Embedding(10, J, max_norm=0.1)
            self.register_buffer("seen", mg.zeros(1))
            self.state = None

        def forward(self, x):
            mg.randn(3)
            np.random.rand()  # noqa: NPY002
            random.random()
            self.seen += 1
            self.table(mg.tensor([0]))
            output, self.state = self.rnn(self.drop(self.norm(x)).unsqueeze(0))
            return output

    model = Model()
    model.drop.eval()
    for p in model.parameters():
        p.grad = mg.ones_like(p)
    kept = copy.deepcopy(model.state_dict())
    attributes = [dict(vars(m)) for m in model.modules()]
    grads = [p.grad.clone() for p in model.parameters()]
    streams = mg.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    mg.summary(model, zeros(N, J) + 1)
    assert mg.equal(mg.get_rng_state(), streams[0])
    assert random.getstate() == streams[1]
    assert (np.random.get_state()[1] == streams[2][1]).all()  # noqa: NPY002
    for name, value in model.state_dict().items():
        assert mg.equal(value, kept[name]), name
    for module, before in zip(model.modules(), attributes):
        after = vars(module)
        assert after.keys() == before.keys()
        assert all(after[k] is before[k] for k in before)
        assert not module._hooked
    assert all(mg.equal(p.grad, g) for p, g in zip(model.parameters(), grads))
    assert model.training
    assert not model.drop.training


def test_lazy_layers_stay_lazy():
    model = nn.Sequential(nn.LazyLinear(H), nn.ReLU())
    assert mg.summary(model, (N, J)).total_params == J * H + H
    assert type(model[0]) is nn.LazyLinear


def test_it_can_be_used_where_gradients_and_hooks_are():
    model, seen = Tagger(), []
    model.head.register_forward_hook(lambda *_: seen.append(1))
    assert mg.summary(nn.utils.weight_norm(nn.Linear(J, H)), (N, J)).macs == N * J * H
    normed = nn.utils.weight_norm(nn.GRU(J, H), "weight_hh_l0")
    assert mg.summary(normed, (L, N, J)).macs == L * N * 3 * H * (J + H)
    loss = model(words(L, N)).sum()
    mg.summary(model, (L, N))
    loss.backward()  # what was recorded before is whole
    assert seen == [1, 1]


def test_a_compiled_function_can_be_summarised_in():
    inner = mg.compile(lambda x: (x @ mg.ones(J, H)).tanh())

    class Model(nn.Module):
        def forward(self, x):
            return inner(x) @ mg.ones(H, 2)

    for _ in range(3):  # recorded, then replayed
        assert mg.summary(Model(), (N, J)).macs >= N * H * 2


def test_threads_that_ask_about_one_model():
    model, found = nn.Sequential(nn.Linear(J, H), nn.Linear(H, J)), []

    def look():
        found.extend([mg.summary(model, (N, J)).macs for _ in range(8)])

    ask = [threading.Thread(target=look) for _ in range(3)]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert found == [2 * N * J * H] * 24
    assert not any("forward" in vars(module) for module in model.modules())


def test_a_call_from_another_thread_is_not_counted():
    class Asks(nn.Linear):
        def forward(self, x):
            if threading.current_thread() is threading.main_thread():
                other = threading.Thread(target=self, args=(x,))
                other.start()
                other.join()
            return super().forward(x)

    assert mg.summary(Asks(J, H), (N, J)).rows[0].calls == 1
