"""The examples: they print what they print on PyTorch, and their options do what the help says.

The short ones, 01 to 04, are compared with PyTorch's output for many options, which is stored.
"""

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from running_examples import EXAMPLES, check_plot_draws, check_plot_needs_matplotlib, load, run

import minigrad
from minigrad import _kernels, nn

pytestmark = pytest.mark.once  # processes of their own, which go over the levels themselves

SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("[0-9]*.py"))
GOLDEN = Path(__file__).parent / "golden" / "examples.json"
PRINTED_BY_TORCH = json.loads(GOLDEN.read_text(encoding="utf-8"))
TRAINING = ("01_hello_ohlol", "02_hello_rnn", "03_hello_embedding")
BY_HAND = "04_bptt_by_hand"
WINDOWS = "05_windows"
TAGGER = "06_bidirectional_tagger"
ADDING = "07_adding_problem"
OWN_CELL = "10_your_own_cell"

FIRST_AND_LAST = {
    name: (PRINTED_BY_TORCH[name][""][0], PRINTED_BY_TORCH[name][""][-1])
    for name in ("01_hello_ohlol", "02_hello_rnn", "03_hello_embedding")
}
LEVELS = _kernels.available_levels()

CASES = [(name, options) for name, cases in PRINTED_BY_TORCH.items() for options in cases]


def without_differences(line):
    """A line of example 04 without its last column, which is nothing but rounding errors."""
    return re.sub(r" \d\.\de[-+]\d\d$", "", line)


def test_every_example_is_tested():
    here = Path(__file__).parent
    files = [*here.glob("test_examples*.py"), here / "test_distributed.py"]
    tests = "".join(path.read_text() for path in files)
    assert [name for name in SCRIPTS if f'"{name}"' not in tests] == []


@pytest.mark.parametrize(("name", "options"), CASES)
def test_prints_what_torch_prints(name, options, capsys):
    load(name).main(options.split())
    lines = capsys.readouterr().out.splitlines()
    expected = PRINTED_BY_TORCH[name][options]
    if name == BY_HAND:
        lines = [without_differences(line) for line in lines]
        expected = [{without_differences(text) for text in texts} for texts in expected]
    assert len(lines) == len(expected)
    for line, texts in zip(lines, expected, strict=True):
        assert line in texts


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", FIRST_AND_LAST)
def test_first_and_last_line_as_a_script(name, level):
    result = run(name, kernels=level)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 15
    first, last = FIRST_AND_LAST[name]  # (of some lines rounding decides: there are two then)
    assert lines[0] in first
    assert lines[-1] in last
    assert result.stderr == ""


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("epochs", [1, 2, 17])
def test_epochs_are_lines(name, epochs, capsys):
    load(name).main(["--epochs", str(epochs)])
    lines = capsys.readouterr().out.splitlines()
    counts = [f"Epoch [{k + 1}/{epochs}]" for k in range(epochs)]
    assert [line.split(", ")[1].partition(" loss")[0] for line in lines] == counts


@pytest.mark.parametrize("name", PRINTED_BY_TORCH)
def test_options_change_what_is_printed(name):
    """Each option has a case of its own: no two cases of an example print the same."""
    printed = [json.dumps(lines) for lines in PRINTED_BY_TORCH[name].values()]
    assert len(set(printed)) == len(printed)
    tried = " ".join(PRINTED_BY_TORCH[name])
    assert options_of(name) - {"--help", "--tolerance"} <= set(tried.split())


def options_of(name):
    return set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", run(name, "--help").stdout, re.MULTILINE))


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_explains(name):
    result = run(name, "--help")
    assert result.returncode == 0
    text = result.stdout
    assert load(name).__doc__.strip() in text
    options = " ".join(text.partition("options:")[2].split())  # lines joined again
    assert options.count("--") == options.count("(default: ") + 1  # all but --help have a default
    assert "%" not in options


@pytest.mark.parametrize(
    "options",
    ["--epochs many", "--epochs 0", "--epochs -3", "--hidden-size 0", "--hidden-size 2.5", "--lr 0",
     "--lr -0.1", "--lr nan", "--lr fast", "--seed x", "--colour red", "--epochs", "5"],
)  # fmt: skip
@pytest.mark.parametrize("name", [*TRAINING, WINDOWS, TAGGER])
def test_bad_options_are_refused(name, options, capsys):
    with pytest.raises(SystemExit) as refusal:
        load(name).main(options.split())
    assert refusal.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: " in captured.err
    assert options.split()[0] in captured.err.partition("error: ")[2]


@pytest.mark.parametrize(
    ("name", "option"),
    [("02_hello_rnn", "--num-layers"), ("03_hello_embedding", "--num-layers"),
     ("03_hello_embedding", "--embedding-size"), (BY_HAND, "--tau"), (BY_HAND, "--input-size"),
     (BY_HAND, "--hidden-size"), (BY_HAND, "--classes"), (WINDOWS, "--window"),
     (TAGGER, "--embedding-size"), (ADDING, "--steps"), (ADDING, "--hidden-size"),
     (ADDING, "--batch"), (ADDING, "--length"), (ADDING, "--lr")],
)  # fmt: skip
def test_sizes_must_be_positive(name, option, capsys):
    with pytest.raises(SystemExit) as refusal:
        load(name).main([option, "0"])
    assert refusal.value.code == 2
    assert option in capsys.readouterr().err.partition("error: ")[2]


def test_the_loss_of_example_01_has_the_floor_that_its_text_names(capsys):
    example = load("01_hello_ohlol")
    example.main(["--epochs", "500"])
    example.main(["--epochs", "500", "--hidden-size", "8"])
    losses = [float(line.split("loss=")[1]) for line in capsys.readouterr().out.splitlines()]
    assert 1.703 < min(losses[:500]) < 1.71  # 5 log(1 + 3 exp(-2)) = 1.7037
    assert losses[-1] < 0.001


@pytest.mark.parametrize("options", ["", "--tau 1", "--tau 40 --scale 2", "--hidden-size 33"])
def test_by_hand_and_by_autograd_agree(options, capsys):
    load(BY_HAND).main(options.split())
    lines = capsys.readouterr().out.splitlines()
    table = [line.split() for line in lines[-7:-2]]
    assert [row[0] for row in table] == ["U", "W", "b", "V", "c"]
    assert all(float(row[-1]) <= 1e-10 < float(row[-2]) for row in table)
    assert lines[-1] == "the gradients agree"


@pytest.mark.parametrize("parameter", ["U", "W", "b", "V", "c"])
def test_a_wrong_formula_is_noticed(parameter, capsys, monkeypatch):
    example = load(BY_HAND)
    right = example.backward

    def wrong(*arguments):
        grads, grad_h = right(*arguments)
        grads[parameter].flat[-1] *= 1.0001
        return grads, grad_h

    monkeypatch.setattr(example, "backward", wrong)
    with pytest.raises(SystemExit) as failure:
        example.main([])
    assert failure.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("WRONG")] == [parameter]
    assert lines[-1] == "the gradients DIFFER by more than 1e-10"


def test_tolerance_is_honoured(capsys):
    with pytest.raises(SystemExit) as failure:
        load(BY_HAND).main(["--tolerance", "-1"])
    assert failure.value.code == 1
    assert capsys.readouterr().out.count("WRONG") == 5


# ------------------------------------------------------------------------------------------------
# 05: windows of a series
# ------------------------------------------------------------------------------------------------

# With its imports replaced, the script prints this on PyTorch 2.13.
THREE_EPOCHS = """\
Epoch [1/3] loss=0.3558
Epoch [2/3] loss=0.1345
Epoch [3/3] loss=0.0823

(N, L, F) and (L, N, F) give the same forecasts: True

forecast           mean abs. error   root mean sq. error
LSTM                          1.05                  1.40
as today                      2.51                  3.79
as a week ago                 1.48                  1.92
"""


def test_windows_prints_what_torch_prints(level, capsys):
    load(WINDOWS).main(["--epochs", "3"])
    assert capsys.readouterr().out == THREE_EPOCHS


def test_windows_beats_the_simple_forecasts(capsys):
    load(WINDOWS).main([])
    lines = capsys.readouterr().out.splitlines()
    errors = {line[:16].strip(): float(line.split()[-1]) for line in lines[-3:]}
    assert list(errors) == ["LSTM", "as today", "as a week ago"]
    assert errors["LSTM"] < 0.65 * errors["as a week ago"] < 0.65 * errors["as today"]
    assert lines[-6].endswith(": True")


def test_windows_are_followed_by_their_targets():
    example = load(WINDOWS)
    series = minigrad.arange(40.0).view(10, 4)  # day d, feature f: 4 d + f
    windows = example.Windows(series, 3)
    assert len(windows) == 7
    x, y = windows[6]
    assert x.tolist() == [[24, 25, 26, 27], [28, 29, 30, 31], [32, 33, 34, 35]]
    assert y.item() == 36
    assert windows[0][1].item() == 12


def test_windows_learns_nothing_from_the_future(capsys, monkeypatch):
    example = load(WINDOWS)
    known = example.daily_series

    def another_future(days, seed):
        series = known(days, seed)
        series[5 * 365 :] *= 3
        return series

    example.main(["--epochs", "1"])
    monkeypatch.setattr(example, "daily_series", another_future)
    example.main(["--epochs", "1"])
    lines = capsys.readouterr().out.splitlines()
    half = len(lines) // 2
    assert lines[0] == lines[half] == "Epoch [1/1] loss=0.3558"
    assert lines[half - 1] != lines[-1]


def test_windows_must_fit_into_the_test_part(capsys):
    with pytest.raises(SystemExit) as refusal:
        load(WINDOWS).main(["--window", "366"])
    assert refusal.value.code == 2
    assert "--window must be at most 365" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------
# --plot, of 05 and 07
# ------------------------------------------------------------------------------------------------

SHORT = {
    WINDOWS: ["--epochs", "1", "--hidden-size", "2"],
    ADDING: ["--steps", "2", "--length", "9", "--hidden-size", "3"],
}


@pytest.mark.parametrize("name", SHORT)
def test_plot_needs_matplotlib(name, capsys, monkeypatch, tmp_path):
    check_plot_needs_matplotlib(name, SHORT[name], capsys, monkeypatch, tmp_path)


@pytest.mark.parametrize("name", SHORT)
def test_plot_draws(name, capsys, tmp_path):
    check_plot_draws(name, SHORT[name], capsys, tmp_path)


# ------------------------------------------------------------------------------------------------
# 06: a tagger
# ------------------------------------------------------------------------------------------------


def test_tagger_needs_both_directions(level, capsys):
    load(TAGGER).main([])
    text = capsys.readouterr().out
    forward, both = [
        [float(share) for share in shares]
        for shares in re.findall(r"right tags (\S+)%, of ambiguous words (\S+)%", text)
    ]
    assert forward[1] < 65
    assert forward[1] < forward[0] < 90
    assert both == [100, 100]
    tagged = [line for line in text.splitlines() if line.startswith("both ways")]
    assert [line.split()[2:] for line in tagged] == [
        ["DET", "ADJ", "NOUN", "VERB"],
        ["DET", "NOUN", "VERB", "DET", "NOUN"],
        ["PRON", "VERB", "ADV"],
    ]
    assert "?" in text.partition("sleeps")[2].partition("both ways")[0]
    assert "h_n[0] is forward[last word]:   True" in text
    assert "h_n[1] is backward[first word]: True" in text


def test_ambiguous_words_need_what_follows():
    """Up to such a word, another sentence is the same and has another tag; of other words, none."""
    example = load(TAGGER)
    readings = {}
    for sentence in example.corpus():
        words = tuple(word for word, _ in sentence)
        for end, (_, tag) in enumerate(sentence, 1):
            readings.setdefault(words[:end], set()).add(tag)
    for words, tags in readings.items():
        assert len(tags) == (2 if words[-1] in example.AMBIGUOUS else 1), words


def test_taggers_padding_is_ignored():
    example = load(TAGGER)
    sentences = [s for s in example.corpus() if len(s) in (2, 6)][::9]
    words, tags, lengths = example.batch_of(sentences)
    assert words.shape == tags.shape == (6, len(sentences))
    assert sorted(set(lengths)) == [2, 6]
    for n, length in enumerate(lengths):
        assert (tags[:length, n] >= 0).all()
        assert (tags[length:, n] == -100).all()
    tagger = example.Tagger(8, 8, bidirectional=True)
    together = example.tag(tagger, sentences)
    assert together == [example.tag(tagger, [sentence])[0] for sentence in sentences]


# ------------------------------------------------------------------------------------------------
# 07: the adding problem
# ------------------------------------------------------------------------------------------------


# On one thread: the reference makes many small matrix products, and BLAS threads that wait for each
# other on a busy machine can take a hundred times as long.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")


@pytest.mark.parametrize("kernels", [*LEVELS, "reference"])
def test_adding_is_learnt(kernels):
    """Seeds 0 to 3 all end below 0.002; always answering 1 has 0.167."""
    options = ("--length", "20", "--lr", "5e-3", "--steps", "500")
    lines = run(ADDING, *options, kernels=kernels, **ONE_THREAD).stdout.splitlines()
    assert len(lines) == 11
    assert loss_in(lines[0]) > 0.15
    assert loss_in(lines[9]) < 0.01
    assert lines[-1].endswith("always answering 1 0.1667: solved")


def loss_in(line):
    return float(re.search(r"loss (\d\.\d+)", line)[1])


def test_adding_has_a_solution_by_hand():
    """The weights that the text of the example names."""
    example = load(ADDING)
    net = example.Model("indrnn", 1000, 1)
    values = {
        "weight_ih_l0": [[1.0, 1.0]], "bias_ih_l0": [-1.0], "weight_hh_l0": [0.0],
        "weight_ih_l1": [[1.0]], "bias_ih_l1": [0.0], "weight_hh_l1": [1.0],
    }  # fmt: skip
    net.load_state_dict(
        {f"rnn.{name}": minigrad.tensor(value) for name, value in values.items()}
        | {"fc.weight": minigrad.ones(1, 1), "fc.bias": minigrad.zeros(1)}
    )
    x, y = example.make_batch(1000, 20)
    np.testing.assert_allclose(net(x).detach().numpy(), y.numpy(), 0, 1e-5)


@pytest.mark.parametrize("length", [2, 3, 50])
def test_adding_marks_one_number_in_each_half(length):
    minigrad.manual_seed(0)
    x, y = load(ADDING).make_batch(length, 300)
    numbers, marks = x.unbind(dim=2)
    half = length // 2
    assert ((marks == 0) | (marks == 1)).all()
    assert (marks[:half].sum(0) == 1).all()
    assert (marks[half:].sum(0) == 1).all()
    assert marks.any(dim=1).all()  # every step is marked in some stream
    np.testing.assert_allclose((numbers * marks).sum(0).numpy(), y.numpy(), 1e-6)
    assert 0 <= numbers.min() < 0.05 < 0.95 < numbers.max() < 1


def test_answering_one_has_the_loss_that_is_named():
    minigrad.manual_seed(0)
    example = load(ADDING)
    _, y = example.make_batch(2, 200_000)
    assert (y - 1).square().mean().item() == pytest.approx(example.ALWAYS_ONE, rel=0.01)


def test_adding_starts_from_small_input_weights():
    net = load(ADDING).Model("indrnn", 1000, 128)
    for name, weight in net.rnn.named_parameters():
        if name.startswith("weight_ih"):
            assert 0.0007 < weight.std() < 0.0013
    assert net.rnn.recurrent_bound == 2 ** (1 / 1000)


def test_adding_trains_an_lstm_too(capsys):
    example = load(ADDING)
    assert isinstance(example.Model("lstm", 10, 4).rnn, nn.LSTM)
    example.main(["--model", "lstm", "--length", "10", "--steps", "25", "--hidden-size", "4"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].startswith("steps    11 to    12   loss ")
    assert len(lines) == 11


def test_adding_with_fewer_steps_than_lines(capsys):
    load(ADDING).main(["--length", "10", "--steps", "3", "--hidden-size", "4"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:23] for line in lines[:-1]] == [f"steps {k:5} to {k:5}   " for k in (1, 2, 3)]


@pytest.mark.parametrize(
    ("last", "verdict"), [(0.2, "not"), (0.1, "not"), (0.05, "better"), (0.01, "solved")]
)
def test_adding_judges_by_the_end(last, verdict, capsys):
    load(ADDING).report([0.01] * 90 + [last] * 10)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == f"loss at the end {last:.4f}, always answering 1 0.1667: {verdict}"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_adding_shows_progress_on_a_terminal_only(capsys, monkeypatch):
    example = load(ADDING)
    options = ["--length", "10", "--steps", "3", "--hidden-size", "4"]
    example.main(options)
    plain = capsys.readouterr()
    assert plain.err == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    example.main(options)
    shown = sys.stderr.getvalue()
    assert re.findall(r"\d/3, \d+ s left", shown) == [f"{k}/3, 0 s left" for k in (1, 2, 3)]
    assert "[##########....................] 1/3" in shown
    assert shown.endswith("\r\033[K")  # the line is cleared for the results
    assert capsys.readouterr().out == plain.out


# ------------------------------------------------------------------------------------------------
# 10: a cell of one's own
# ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")  # as one that says that the cell runs step by step
def test_an_own_cell_learns_to_remember(capsys):
    load(OWN_CELL).main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["the proof: True", "the equation: True"]
    assert lines[-1] == "right answers: 100%"
