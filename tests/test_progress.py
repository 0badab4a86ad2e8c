"""`utils.progress` and `utils.tensorboard`: with the packages that they can use, and without."""

import io
import subprocess
import sys
import types
from typing import ClassVar

import pytest

import minigrad as mg
from minigrad import utils
from minigrad.utils import progress, progress_bar

pytestmark = pytest.mark.once


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Bar:
    """What is used of tqdm's."""

    made: ClassVar[list] = []

    def __init__(self, **options):
        self.options, self.turns, self.text, self.closed = options, 0, "", False
        Bar.made.append(self)

    def update(self):
        self.turns += 1

    def set_postfix_str(self, text, refresh):
        self.text = text

    def close(self):
        self.closed = True

    def write(self, text):
        print("above:", text)


@pytest.fixture
def without_tqdm(monkeypatch):
    monkeypatch.setattr(progress_bar, "find_spec", lambda name: None)


@pytest.fixture
def with_tqdm(monkeypatch):
    monkeypatch.setattr(progress_bar, "find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(Bar, "made", [])


def test_it_is_quiet_where_nobody_watches(capsys):
    assert list(progress(iter([1, 2]))) == [1, 2]
    file = io.StringIO()
    turns = progress(range(3), file=file)
    for _ in turns:
        turns.show(loss=1.0)
    assert file.getvalue() == "" == "".join(capsys.readouterr())


def test_the_line(without_tqdm, monkeypatch):
    now = iter([0.0, *[0.5 * k for k in range(1, 20)]])
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: next(now))
    file = Terminal()
    turns = progress(range(4), "epoch 1", file=file)
    for k in turns:
        turns.show(loss=mg.tensor(1 / (k + 1)), accuracy=k / 4)
    lines = file.getvalue().split("\r")[1:]
    assert lines[0].rstrip() == "epoch 1:  25% 1/4, 2/s, 0:02 left, loss=1, accuracy=0"
    assert lines[1].rstrip() == "epoch 1:  50% 2/4, 2/s, 0:01 left, loss=0.5, accuracy=0.25"
    assert lines[-1].endswith("\n")
    assert lines[-1].startswith("epoch 1: 100% 4/4, 1.6/s, 0:02 so far, loss=0.25, accuracy=0.75")
    widths = [len(line.rstrip("\n")) for line in lines]
    assert widths == sorted(widths)  # none leaves an end of the one before


def test_the_line_is_not_written_at_every_turn(without_tqdm):
    file = Terminal()
    for _ in progress(range(10_000), file=file):
        pass
    assert 1 < file.getvalue().count("\r") < 1000
    assert "100% 10000/10000" in file.getvalue()


def test_the_line_ends_when_the_loop_is_left(without_tqdm):
    file = Terminal()
    with pytest.raises(ZeroDivisionError):
        for _ in progress((1 / (2 - k) for k in range(5)), file=file):
            pass
    assert file.getvalue().rstrip(" \n").endswith("so far")  # a shorter line is filled up
    assert file.getvalue().endswith("\n")
    assert "%" not in file.getvalue()  # a generator does not know its length


def test_tqdm_is_used_where_it_is(with_tqdm):
    turns = progress(range(3), "epoch", file=Terminal())
    for k in turns:
        turns.show(loss=k)
    (bar,) = Bar.made
    assert (bar.options["total"], bar.options["desc"], bar.turns) == (3, "epoch", 3)
    assert bar.text == "loss=2"
    assert bar.closed


def test_a_line_above_the_bar(without_tqdm, capsys):
    file = Terminal()
    turns = progress(range(3), file=file)
    for k in turns:
        turns.write(f"turn {k}")
    assert capsys.readouterr().out == "turn 0\nturn 1\nturn 2\n"
    lines = file.getvalue().split("\r")
    shown = next(k for k, text in enumerate(lines) if "1/3" in text)
    assert lines[shown + 1] == " " * len(lines[shown])  # wiped out before the next line
    assert lines[shown + 2] == ""
    assert "2/3" in lines[shown + 3]  # and back at once


def test_a_line_where_there_is_no_bar(capsys):
    turns = progress(range(2), file=io.StringIO())
    turns.write("before")
    for k in turns:
        turns.write(f"turn {k}")
    assert capsys.readouterr().out == "before\nturn 0\nturn 1\n"


def test_a_line_above_the_bar_of_tqdm(with_tqdm, capsys):
    turns = progress(range(1), file=Terminal())
    for _ in turns:
        turns.write("a line")
    assert capsys.readouterr().out == "above: a line\n"


def test_a_notebook_counts_as_watched(without_tqdm):
    shown_below = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    assert list(progress([1], file=shown_below)) == [1]
    assert "100%" in shown_below.getvalue()


def test_what_it_knows():
    loader = utils.data.DataLoader(utils.data.TensorDataset(mg.arange(10)), batch_size=4)
    turns = progress(loader)
    assert len(turns) == 3
    assert [len(x) for (x,) in turns] == [4, 4, 2]
    assert turns.done == 3
    assert [len(x) for (x,) in turns] == [4, 4, 2]  # again, from the start
    assert turns.done == 3
    with pytest.raises(TypeError, match="total="):
        len(progress(iter([])))
    assert len(progress(iter([]), total=7)) == 7


def run(*lines):
    program = "\n".join(lines)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_what_to_install_for_tensorboard(monkeypatch, tmp_path):
    tensorboard = utils.tensorboard
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    tensorboard._package.cache_clear()
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
        tensorboard.SummaryWriter(tmp_path)
    assert not list(tmp_path.iterdir())


WITHOUT = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name.startswith("tensorboard") else found(name)
import minigrad.compat; minigrad.compat.install()
from torch.utils.tensorboard import SummaryWriter
"""


def test_a_script_that_imports_it_is_told_at_once():
    result = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError")
    assert last.endswith("pip install tensorboard")


@pytest.mark.parametrize("package", ["tensorboard", "tensorboardX"])
def test_numbers_are_written_and_read_again(package, monkeypatch, tmp_path):
    pytest.importorskip(package)
    tensorboard = utils.tensorboard
    monkeypatch.setattr(tensorboard, "_package", lambda: package)
    with tensorboard.SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss", mg.tensor(1.0 / (step + 1), requires_grad=True), step)
        writer.add_histogram("weights", mg.arange(24.0).reshape(2, 3, 4), 1)
        writer.add_text("notes", "hello", 2)
        writer.add_hparams({"lr": 0.1}, {"accuracy": 0.5}, run_name="run")
        with pytest.raises(NotImplementedError, match="tensorboardX"):
            writer.add_audio("sound", None)
        with pytest.warns(UserWarning, match="no effect"):
            writer.add_graph(None)
    (file,) = tmp_path.glob("events*")
    event = tensorboard._protocol("event").Event
    content, events = file.read_bytes(), []
    while content:  # length (8), checksum (4), record, checksum (4): TFRecord
        size = int.from_bytes(content[:8], "little")
        events.append(event.FromString(content[12 : 12 + size]))
        content = content[16 + size :]
    values = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    assert values[:3] == [(k, "loss", pytest.approx(1 / (k + 1))) for k in range(3)]
    assert [tag for _, tag, _ in values[3:]] == ["weights", "notes/text_summary"]
    histogram = events[4].summary.value[0].histo
    assert (histogram.num, histogram.sum) == (24, 276)


def test_what_is_no_number_is_named():
    with pytest.raises(TypeError, match="show: rate must be a number, got str"):
        progress(range(3)).show(loss=1.0, rate="low")
