"""`viz.connectivity`: norms of Jacobians, and the text that shows them."""

import io
import re
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.viz import text

pytestmark = pytest.mark.filterwarnings("error")
F64 = mg.float64


def leaky(x, h, w):
    return 0.9 * h + 0.1 * (mg.cat([x, h], 1) @ w).tanh()


def weights(input_size, hidden_size):
    return {"w": (input_size + hidden_size, hidden_size)}


class Reader(nn.Module):
    """Letters to vectors to states to letters."""

    def __init__(self, letters=6, batch_first=False, **options):
        super().__init__()
        self.embedding = nn.Embedding(letters, 3, dtype=F64)
        self.lstm = nn.LSTM(3, 4, batch_first=batch_first, dtype=F64, **options)
        self.linear = nn.Linear(4 * (1 + self.lstm.bidirectional), letters, dtype=F64)

    def forward(self, x):
        return self.after(self.embedding(x))

    def after(self, vectors):
        output, state = self.lstm(vectors)
        return self.linear(output), state


def norms(jacobian, axes):
    return np.sqrt((jacobian.numpy() ** 2).sum(axes))


LAYERS = {
    "RNN": lambda: nn.RNN(3, 4, dtype=F64),
    "LSTM": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, dtype=F64),
    "GRU": lambda: nn.GRU(3, 4, bidirectional=True, dtype=F64),
    "IndRNN": lambda: nn.IndRNN(3, 4, num_layers=3, dtype=F64),
    "Recurrent": lambda: nn.Recurrent(leaky, 3, 4, parameters=weights, num_layers=2).double(),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_it_is_the_norm_of_the_jacobian(kind, batch_first):
    """Of one sequence, and of one out of a batch; with and without copies that go back together."""
    layer = LAYERS[kind]()
    layer.batch_first = batch_first
    x = mg.randn(6, 3, dtype=F64)
    wanted = norms(mg.autograd.functional.jacobian(lambda x: layer(x)[0], x), (1, 3))
    got = viz.connectivity(layer, x)
    np.testing.assert_allclose(got.matrix, wanted, rtol=1e-9, atol=1e-12)
    batch = mg.stack([mg.randn(6, 3, dtype=F64), x], dim=1)
    batch = batch.transpose(0, 1) if batch_first else batch
    got = viz.connectivity(layer, batch, sequence=1)
    np.testing.assert_allclose(got.matrix, wanted, rtol=1e-9, atol=1e-12)
    assert (got.matrix[0, 1:] > 0).all() == (kind in ("LSTM", "GRU"))  # back from the end
    assert all(p.grad is None for p in layer.parameters())


def test_finite_differences():
    rnn = nn.GRU(2, 3, dtype=F64)
    x, eps = mg.randn(4, 2, dtype=F64), 1e-6
    squares = np.zeros((4, 4))
    for s in range(4):
        for i in range(2):
            moved = [x.clone(), x.clone()]
            moved[0][s, i] += eps
            moved[1][s, i] -= eps
            change = (rnn(moved[0])[0] - rnn(moved[1])[0]).detach().numpy() / (2 * eps)
            squares[:, s] += (change**2).sum(1)
    np.testing.assert_allclose(
        viz.connectivity(rnn, x).matrix, np.sqrt(squares), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bidirectional": True}])
@pytest.mark.parametrize("batched", [False, True])
def test_letters(options, batched):
    """Integers: the gradient is that at the embedding's vectors."""
    model = Reader(**options)
    letters = mg.tensor([[5, 0, 0, 2], [1, 3, 3, 4], [4, 0, 1, 5]])
    x = letters if model.lstm.batch_first else letters.t()
    n = 2 if batched else 0
    vectors = model.embedding(letters[n]).detach()
    wanted = norms(mg.autograd.functional.jacobian(lambda v: model.after(v)[0], vectors), (1, 3))
    got = viz.connectivity(model, x if batched else letters[0], sequence=n, labels="text")
    np.testing.assert_allclose(got.matrix, wanted, rtol=1e-9, atol=1e-12)
    assert got.labels == got.output_labels == list("text")
    assert model.embedding.weight.grad is None
    assert not model.embedding._forward_hooks


def test_one_feature_and_the_largest():
    rnn = nn.RNN(3, 4, dtype=F64)
    x = mg.randn(5, 3, dtype=F64)
    jacobian = mg.autograd.functional.jacobian(lambda x: rnn(x)[0], x)
    got = viz.connectivity(rnn, x, of=-1)
    np.testing.assert_allclose(got.matrix, norms(jacobian[:, 3], 2), atol=1e-12)
    largest = rnn(x)[0].argmax(1)
    got = viz.connectivity(rnn, x, of="largest")
    np.testing.assert_allclose(got.matrix, norms(jacobian[range(5), largest], 2), atol=1e-12)


def test_shapes_of_outputs():
    """An output for each step in one axis with the batch, without features, for the sequence."""
    x = mg.randn(5, 2, 3, dtype=F64)
    rnn = nn.RNN(3, 4, dtype=F64)
    wanted = viz.connectivity(rnn, x, sequence=1).matrix
    flat = viz.connectivity(lambda x: rnn(x)[0].reshape(-1, 4), x, sequence=1)
    np.testing.assert_allclose(flat.matrix, wanted, atol=1e-12)
    last = viz.connectivity(lambda x: rnn(x)[1][0], x, sequence=1)
    np.testing.assert_allclose(last.matrix, wanted[-1:], atol=1e-12)
    assert last.output_labels == ["0"]
    one = viz.connectivity(lambda x: rnn(x)[0][..., 2], x, sequence=1)
    np.testing.assert_allclose(
        one.matrix, viz.connectivity(rnn, x, sequence=1, of=2).matrix, atol=1e-12
    )
    total = viz.connectivity(lambda x: (x * mg.arange(5.0)).sum(), mg.randn(5))
    np.testing.assert_allclose(total.matrix, [[0, 1, 2, 3, 4]])
    running = viz.connectivity(lambda x: x.cumsum(0), mg.randn(6), labels=range(6))
    np.testing.assert_allclose(running.matrix, np.tri(6))
    half = viz.connectivity(nn.AvgPool1d(2), mg.randn(3, 8, dtype=F64), batch_first=True)
    assert half.matrix.shape == (3, 3)  # pooling is along what is called features here


def test_sequences_that_depend_on_each_other_go_back_one_by_one():
    x = mg.randn(5, 3, 2, dtype=F64)
    got = viz.connectivity(lambda x: x - x.mean(1, keepdim=True), x, sequence=2)
    wanted = np.eye(5) * np.sqrt(2 * ((2 / 3) ** 2 + 2 * (1 / 3) ** 2 * 0))
    np.testing.assert_allclose(got.matrix, wanted, atol=1e-12)
    start = mg.randn(1, 3, 4, dtype=F64)  # a state for three sequences, and for no other number
    rnn = nn.RNN(2, 4, dtype=F64)
    wanted = viz.connectivity(rnn, (x, start), sequence=1).matrix
    got = viz.connectivity(lambda x: rnn(x, start), x, sequence=1)
    np.testing.assert_allclose(got.matrix, wanted)
    assert not np.allclose(wanted, viz.connectivity(rnn, x, sequence=1).matrix)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)).train()
    model[2].eval()
    x = mg.randn(5, 3)
    first = viz.connectivity(model, x).matrix
    np.testing.assert_array_equal(first, viz.connectivity(model, x).matrix)  # nothing is dropped
    assert [m.training for m in model] == [True, True, False]
    assert not x.requires_grad
    assert all(p.grad is None for p in model.parameters())
    model.forward = lambda x: nn.functional.dropout(x, 0.5)  # it draws, mode or not
    mg.manual_seed(5)
    drawn = mg.rand(3)
    mg.manual_seed(5)
    viz.connectivity(model, x)
    np.testing.assert_array_equal(mg.rand(3), drawn)


def test_many_outputs_go_back_in_several_turns(monkeypatch):
    rnn, x = nn.RNN(3, 4, dtype=F64), mg.randn(9, 3, dtype=F64)
    wanted = viz.connectivity(rnn, x).matrix
    monkeypatch.setattr(sys.modules["minigrad.viz.connectivity"], "COPIES", 7)
    np.testing.assert_allclose(viz.connectivity(rnn, x).matrix, wanted, rtol=1e-12)
    monkeypatch.setattr(sys.modules["minigrad.viz.connectivity"], "COPIES", 1)
    np.testing.assert_allclose(viz.connectivity(rnn, x).matrix, wanted, rtol=1e-12)


BAD = [
    (TypeError, "input must be a Tensor, or a tuple that begins with one, not list",
     lambda: viz.connectivity(nn.RNN(2, 2), [[1.0]])),
    (TypeError, "must return a Tensor, or a tuple that begins with one, but returned NoneType",
     lambda: viz.connectivity(lambda x: None, mg.ones(3, 2))),
    (ValueError, r"input has shape \[1, 2, 3, 4\]",
     lambda: viz.connectivity(nn.RNN(2, 2), mg.ones(1, 2, 3, 4))),
    (ValueError, r"output has shape \[2, 7, 2\].*L=3, N=4, batch_first=False",
     lambda: viz.connectivity(lambda x: mg.ones(2, 7, 2) * x.sum(), mg.ones(3, 4, 2))),
    (ValueError, "labels: got 2 labels, but the sequence has 3 steps",
     lambda: viz.connectivity(nn.RNN(2, 2), mg.ones(3, 2), labels="ab")),
    (ValueError, "integers, which have no gradient, and <lambda> has no nn.Embedding",
     lambda: viz.connectivity(lambda x: x * 1.0, mg.tensor([1, 2]))),
    (IndexError, "sequence=4 is out of range: the batch has 4",
     lambda: viz.connectivity(nn.RNN(2, 2), mg.ones(3, 4, 2), sequence=4)),
    (IndexError, "of=5 is out of range: there are 2 output features",
     lambda: viz.connectivity(nn.RNN(2, 2), mg.ones(3, 2), of=5)),
    (TypeError, "of must be an int", lambda: viz.connectivity(nn.RNN(2, 2), mg.ones(3, 2), of=[1])),
    (TypeError, "input must be a padded Tensor, not a PackedSequence",
     lambda: viz.connectivity(nn.RNN(2, 2), nn.utils.rnn.pack_sequence([mg.ones(3, 2)]))),
    (RuntimeError, "the output of <lambda> was not computed from the input by operations with",
     lambda: viz.connectivity(lambda x: x.detach(), mg.ones(3, 2))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "words", "call"), BAD, ids=[words[:20] for _, words, _ in BAD])
def test_bad_input(kind, words, call):
    with pytest.raises(kind, match=words):
        call()


# ------------------------------------------------------------------------------------------------
# As text
# ------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_colours_only_in_a_terminal_that_wants_them(monkeypatch):
    c = viz.Connectivity(np.tri(3), "abc", "abc")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert "\x1b" not in str(c)
    monkeypatch.setattr("sys.stdout", Terminal())
    assert "\x1b[38;5;16;48;5;202ma\x1b[0m" in str(c)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in str(c)
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in str(c)


def test_tables_and_long_texts():
    c = viz.Connectivity(np.tri(3), ["one", "two", "x\n"], ["a", "b", "c"])
    assert c.text(columns=40, colours=False).splitlines() == [
        "  one two x⏎", "a ███", "b ███ ███", "c ███ ███ ██",
    ]  # fmt: skip
    assert c.text(columns=9, colours=False).splitlines() == [
        "the last of 3 outputs, c, depends on:", "one two", "███ ███", "x⏎", "██",
    ]  # fmt: skip
    long = viz.Connectivity(np.tri(300), "ab" * 150, "ab" * 150)
    lines = long.text(columns=80, colours=True).splitlines()
    assert [len(re.sub("\x1b[^m]*m", "", line)) for line in lines[1:]] == [80, 80, 80, 60]
    assert (len(long[-3:]), len(long[4]), repr(long[4])) == (
        3, 1, "Connectivity(outputs=1, inputs=300)",
    )  # fmt: skip
    np.testing.assert_array_equal(long[4].matrix, np.tri(300)[4:5])
    with pytest.raises(IndexError):
        long[300]
    wide = viz.Connectivity(np.eye(2), "语a", "语a")
    assert wide.text(colours=False).splitlines() == ["   语a", "语 ██", "a    █"]


def test_labels_can_do_nothing_to_a_terminal():
    shown = viz.Connectivity(np.eye(2), ["\x1b[31m", "\x07"], "ab").text(colours=False)
    assert "\x1b" not in shown
    assert "\\x1b[31m" in shown


def test_rows_without_a_largest():
    c = viz.Connectivity(np.array([[0.0, 0], [np.nan, 1], [np.inf, 1]]), "ab", "abc")
    assert np.isfinite(c.shades).all()
    assert c.text(colours=False)
    assert c.html()


def test_labels_of():
    days = np.arange("2024-01-30", "2024-02-02", dtype="datetime64[D]")
    assert text.labels_of(days, 3) == ["2024-01-30", "2024-01-31", "2024-02-01"]
    assert text.labels_of(days.astype("datetime64[s]").tolist(), 3) == text.labels_of(days, 3)
    assert text.labels_of(mg.tensor([1, 2]), 2) == ["1", "2"]
    assert text.labels_of(None, 2) == ["0", "1"]


# ------------------------------------------------------------------------------------------------
# As HTML (in a browser: test_report)
# ------------------------------------------------------------------------------------------------

HARMFUL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def test_html_escapes_labels_and_needs_no_network(tmp_path):
    c = viz.Connectivity(np.tri(2), [HARMFUL, "&"], [HARMFUL, "&"])
    page = c.html(tmp_path / "page.html")
    assert "<img" not in page
    assert page.count("<script") == page.count("</script") == 1
    assert not re.search("https?:|//[a-z]", re.sub("(?m)^ *//.*$", "", page))
    assert page in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert c._repr_html_().count("<span") == 2


def test_long_texts_stay_small():
    steps = np.arange(1000)
    matrix = np.tri(1000) * 0.95 ** np.maximum(steps[:, None] - steps, 0)
    assert len(viz.Connectivity(matrix, "x" * 1000, "x" * 1000).html()) < 250_000
