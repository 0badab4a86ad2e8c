"""`nn.CTCLoss`: against PyTorch, the sum over all ways, and its own reference; decoding."""

import itertools
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.utils.ctc import beam_decode, greedy_decode

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_ctc.py")))
stored = np.load(GOLDEN / "ctc.npz")


def test_the_golden_file_is_complete():
    assert set(stored.files) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_as_pytorch(name, level):
    made.facts.check_run(made.RUNS[name](mg), stored[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors(name):
    made.facts.check_error(mg, name, made.ERRORS[name])


def test_a_label_that_is_no_class(level):
    with pytest.raises(IndexError, match=r"Target 4 is out of bounds: sequence 1 .* label 1"):
        made.call(mg, targets=mg.tensor([[1, 1], [2, 4]]))
    made.call(mg, targets=mg.tensor([[1, 1], [2, 4]]), target_lengths=(2, 1))  # it is not read


def labels_of(way, blank):
    return [c for c, _ in itertools.groupby(way) if c != blank]


def ways_to(x, labels, blank):
    """The probability of all ways to the labels, one after the other."""
    T, C = x.shape
    return sum(
        np.exp(sum(x[t, c] for t, c in enumerate(way)))
        for way in itertools.product(range(C), repeat=T)
        if labels_of(way, blank) == labels
    )


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@pytest.mark.parametrize("labels", [[], [1], [0, 1], [1, 1], [0, 1, 0], [1, 1, 1]])
def test_all_ways_are_counted(labels, level):
    x = log_softmax(np.random.RandomState(len(labels)).randn(5, 3))
    loss = F.ctc_loss(mg.tensor(x), mg.tensor(labels).long(), [5], [len(labels)], 2, "sum")
    np.testing.assert_allclose(loss.item(), -np.log(ways_to(x, labels, 2)), 1e-12)


TARGETS = ([[1, 1, 2], [3, 0, 0], [2, 1, 3]], [3, 1, 2], [5, 4, 5])


def loss_of(x, reduction="none", zero_infinity=False):
    labels, lengths, steps = TARGETS
    criterion = nn.CTCLoss(0, reduction, zero_infinity)
    return criterion(x.log_softmax(-1), mg.tensor(labels), steps, lengths)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_derivatives(reduction, level):
    mg.manual_seed(0)
    x = mg.randn(5, 3, 4, dtype=mg.float64, requires_grad=True)
    assert mg.autograd.gradcheck(lambda x: loss_of(x, reduction), x)
    assert mg.autograd.gradgradcheck(lambda x: loss_of(x, reduction), x, fast_mode=True)


def test_first_derivative_of_kernel_and_reference(kernel_level):
    mg.manual_seed(1)
    x = mg.randn(9, 3, 4, dtype=mg.float64).requires_grad_()  # not normalised
    labels, lengths, steps = TARGETS
    loss = F.ctc_loss(x, mg.tensor(labels), steps, lengths, reduction="none")
    g = mg.randn(3, dtype=mg.float64)
    (kernel,) = mg.autograd.grad(loss, x, g, retain_graph=True)
    (reference,) = mg.autograd.grad(loss, x, g, create_graph=True)
    np.testing.assert_allclose(kernel.numpy(), reference.detach().numpy(), 1e-11, 1e-13)


@pytest.mark.parametrize("sizes", [(1, 1, 2), (33, 2, 9), (70, 3, 40)])
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_kernel_against_reference(sizes, dtype, kernel_level):
    T, N, C = sizes
    random = np.random.RandomState(T)
    x = mg.tensor(random.randn(T, N, C) * 4, dtype=dtype).log_softmax(2)
    labels = mg.tensor(random.randint(1, min(C, 4), (N, T // 2 + 1)))
    lengths = random.randint(0, T // 2 + 2, N)

    def run(x):
        leaf = x.clone().requires_grad_()
        loss = F.ctc_loss(leaf, labels, [T] * N, lengths.tolist(), reduction="none")
        return loss.detach().numpy(), mg.autograd.grad(loss.sum(), leaf)[0].numpy()

    kernel = run(x)
    with mg._kernels.without():
        reference = run(x.double())
    tolerance = 1e-11 if dtype is mg.float64 else 1e-4  # T roundings of logarithms of about 10
    for a, b in zip(kernel, reference, strict=True):
        np.testing.assert_allclose(a, b, tolerance, tolerance)


def test_probabilities_of_zero_and_nan(level):
    x = mg.tensor(log_softmax(np.random.RandomState(0).randn(4, 2, 3)))
    x[1, :, 1] = -np.inf
    x[2, 1, 1] = np.nan
    x.requires_grad_()
    loss = F.ctc_loss(x, mg.tensor([[1], [1]]), [4, 4], [1, 1], reduction="none")
    (d,) = mg.autograd.grad(loss.sum(), x)
    expected = -np.log(ways_to(x.detach().numpy()[:, 0], [1], 0))
    np.testing.assert_allclose(loss[0].item(), expected, 1e-12)
    assert loss[1].isnan()
    assert d[:, 1].isnan().any()
    assert np.isfinite(d[:, 0].numpy()).all()
    assert d[1, 0, 1] == 0


def test_a_long_sequence_in_float32(kernel_level):
    mg.manual_seed(0)
    x = mg.randn(5000, 1, 8, dtype=mg.float64).log_softmax(2)
    labels = mg.randint(1, 8, (1, 600))
    exact = F.ctc_loss(x, labels, [5000], [600], reduction="sum")
    assert abs(F.ctc_loss(x.float(), labels, [5000], [600], reduction="sum") / exact - 1) < 3e-7


def test_what_is_kept_is_guarded(kernel_level):
    x = mg.zeros(3, 1, 3).log_softmax(2).requires_grad_()
    y = x * 1
    loss = F.ctc_loss(y, mg.tensor([[1]]), [3], [1], reduction="none")
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    loss = F.ctc_loss(x, mg.tensor([[1]]), [3], [1], reduction="none")
    loss.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_layout_with_the_batch_first(level):
    mg.manual_seed(0)
    x = mg.randn(3, 5, 4).log_softmax(2).requires_grad_()
    labels, lengths, steps = TARGETS
    front = F.ctc_loss(x.transpose(0, 1), mg.tensor(labels), steps, lengths)
    same = F.ctc_loss(x.transpose(0, 1).contiguous(), mg.tensor(labels), steps, lengths)
    assert front == same
    for a, b in zip(mg.autograd.grad(front, x), mg.autograd.grad(same, x), strict=True):
        assert mg.equal(a, b)


def test_training_reads_the_labels():
    mg.manual_seed(0)
    rnn, out = nn.LSTM(4, 16), nn.Linear(16, 4)
    x, labels = mg.randn(12, 1, 4), mg.tensor([[1, 2, 2, 3]])
    optimizer = mg.optim.Adam([*rnn.parameters(), *out.parameters()], lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        log_probs = out(rnn(x)[0]).log_softmax(2)
        nn.CTCLoss()(log_probs, labels, [12], [4]).backward()
        optimizer.step()
    assert greedy_decode(log_probs)[0].labels == [1, 2, 2, 3]
    assert beam_decode(log_probs, beam_width=4)[0][0].labels == [1, 2, 2, 3]


def test_beam_search_finds_the_likeliest_labels():
    x = log_softmax(np.random.RandomState(3).randn(5, 3))
    every = {tuple(labels_of(way, 0)) for way in itertools.product(range(3), repeat=5)}
    ranked = sorted(((np.log(ways_to(x, list(y), 0)), y) for y in every), reverse=True)
    found = beam_decode(mg.tensor(x), beam_width=1000, top=4)
    for (log_probability, labels), decoded in zip(ranked, found, strict=False):
        assert decoded.labels == list(labels)
        assert decoded.log_probability == pytest.approx(log_probability)
    assert len(found) == 4


def test_decoding_of_a_batch():
    x = mg.tensor([[0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]).log()
    batch = x[:, None].expand(3, 2, 3)
    assert [d.labels for d in greedy_decode(batch, [3, 1])] == [[1, 2], [1]]
    assert [d[0].labels for d in beam_decode(batch, mg.tensor([3, 1]))] == [[1, 2], [1]]
    assert greedy_decode(x, [0]) == ([], 0.0)


@pytest.mark.parametrize("decode", [greedy_decode, beam_decode])
def test_errors_of_decoding(decode):
    with pytest.raises(ValueError, match=r"log_probs must be \(T, N, C\) or \(T, C\)"):
        decode(mg.zeros(3))
    with pytest.raises(ValueError, match="blank must be in label range"):
        decode(mg.zeros(3, 2), blank=2)
    with pytest.raises(ValueError, match="input_lengths must be 1 numbers from 0 to 3"):
        decode(mg.zeros(3, 2), [4])
