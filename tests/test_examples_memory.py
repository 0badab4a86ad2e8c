"""The examples on remembering: what they say of themselves holds."""

import re

import numpy as np
import pytest
from running_examples import check_plot_draws, check_plot_needs_matplotlib, check_refused, load, run

import minigrad
from minigrad import _kernels, nn

pytestmark = pytest.mark.once  # what the kernels compute is tested elsewhere, at every level

VANISHING = "09_vanishing_gradients"
COPY = "12_copy_memory"

# A run as short as can be, for what does not depend on how well a network does.
SHORT = {
    VANISHING: ["--length", "5", "--hidden-size", "3", "--batch", "2"],
    COPY: ["--steps", "2", "--delay", "3", "--hidden-size", "3", "--batch", "2"],
}


@pytest.mark.parametrize(
    ("name", "options"),
    [(VANISHING, "--length 2"), (VANISHING, "--hidden-size 0"), (VANISHING, "--batch 0"),
     (COPY, "--delay 0"), (COPY, "--steps 0"), (COPY, "--hidden-size 0"), (COPY, "--batch 0"),
     (COPY, "--lr 0"), (COPY, "--models transformer")],
)  # fmt: skip
def test_bad_options_are_refused(name, options, capsys):
    check_refused(name, options, capsys)


@pytest.mark.parametrize("name", SHORT)
def test_plot_needs_matplotlib(name, capsys, monkeypatch, tmp_path):
    check_plot_needs_matplotlib(name, SHORT[name], capsys, monkeypatch, tmp_path)


@pytest.mark.parametrize("name", SHORT)
def test_plot_draws(name, capsys, tmp_path):
    check_plot_draws(name, SHORT[name], capsys, tmp_path)


# ------------------------------------------------------------------------------------------------
# 09: gradients over time
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernels", [_kernels.available_levels()[0], "reference"])
def test_gradients_vanish_explode_or_last(kernels):
    result = run(VANISHING, kernels=kernels)
    assert result.returncode == 0, result.stderr
    heading, *lines, _, verdict = result.stdout.splitlines()
    assert heading.split() == ["steps", "back", "0", "1", "10", "20", "50", "99", "per", "step"]
    assert verdict == "backward() and finite differences agree"
    first = {line[:24].strip(): float(line.split()[-2]) for line in lines}  # at the first step
    assert len(first) == 12
    for name in ("RNN", "LSTM", "GRU", "MGU"):
        assert first[name] < 1e-15
    assert 1e-9 < first["LSTM, forget bias 1"] < first["RNN, orthogonal"] < 1e-4
    for name in ("LSTM, chrono", "JANET", "JANET, chrono", "IndRNN, last step only"):
        assert first[name] > 0.05
    assert first["RNN, orthogonal times 2"] > 1e4


def test_a_wrong_gradient_is_noticed(capsys, monkeypatch):
    example = load(VANISHING)
    right = example.gradients

    def wrong(rnn, x, v):
        states, grads = right(rnn, x, v)
        if isinstance(rnn, nn.GRU):
            grads[-2][0, 1] += 2e-6
        return states, grads

    monkeypatch.setattr(example, "gradients", wrong)
    with pytest.raises(SystemExit) as failure:
        example.main(SHORT[VANISHING])
    assert failure.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("WRONG")] == ["GRU"]
    assert lines[-1] == "backward() and finite differences DIFFER by more than 1e-06"


def test_a_trace_has_the_same_gradients():
    example = load(VANISHING)
    minigrad.manual_seed(0)
    rnn, x = nn.GRU(4, 3).double(), minigrad.randn(7, 2, 4, dtype=minigrad.float64)
    v = minigrad.randn(3, dtype=minigrad.float64)
    _, grads = example.gradients(rnn, x, v)
    output, _, trace = rnn.trace(x)
    (output[-1] @ v).sum().backward()
    np.testing.assert_allclose(trace.hidden.grad.numpy(), np.stack(grads), rtol=1e-10, atol=1e-12)


# ------------------------------------------------------------------------------------------------
# 12: the copy task
# ------------------------------------------------------------------------------------------------


def test_an_orthogonal_matrix_copies_and_an_rnn_does_not(capsys):
    example = load(COPY)
    example.main(["--models", "rnn", "linear"])
    lines = capsys.readouterr().out.splitlines()
    rnn, linear = [[float(x) for x in re.findall(r"   (\d\.\d{3})", "\n".join(part))]
                   for part in (lines[:13], lines[13:])]  # fmt: skip
    assert len(rnn) == len(linear) == example.PARTS
    assert rnn[-1] > example.guess(30) > 0.41
    assert linear[-1] < 0.1
    right = [int(share) for share in re.findall(r"symbols right: (\d+)%", "\n".join(lines))]
    assert right[0] < 25
    assert right[1] > 90


@pytest.mark.parametrize("name", ["lstm", "chrono", "gru", "janet", "rnn", "linear"])
def test_each_model_copies(name, capsys):
    load(COPY).main([*SHORT[COPY], "--models", name])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"{name}: loss per step; 0.904 is a guess"
    assert len(lines) == 5


def test_who_guesses_has_the_loss_that_is_named():
    example = load(COPY)
    minigrad.manual_seed(0)
    _, y = example.make_batch(7, 5)
    logits = 50 * minigrad.eye(9)[y]
    logits[-10:] = 0
    logits[-10:, :, 8] = -50  # certainly no blank, and any symbol as likely
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
    assert loss.item() == pytest.approx(example.guess(7), rel=1e-5)


def test_sequences_to_copy():
    example = load(COPY)
    x, y = example.make_batch(4, 3)
    assert x.shape == y.shape == (24, 3)
    assert minigrad.equal(x[:10], y[-10:])
    assert (x[:10] < 8).all()
    assert (x[10:13] == example.BLANK).all()
    assert (x[13] == example.SIGN).all()
    assert (x[14:] == example.BLANK).all()
    assert (y[:14] == example.BLANK).all()
