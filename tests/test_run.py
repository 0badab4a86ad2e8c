"""``python -m minigrad run``: scripts print what PyTorch printed, and feel at home.

The scripts in ``tests/scripts`` are as tutorials write them. What PyTorch printed for each is
stored, and regenerated with ``python tests/golden/make_scripts.py``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import _kernels

pytestmark = pytest.mark.once  # what scripts compute is tested elsewhere at every level

TESTS = Path(__file__).parent
SCRIPTS = {path.stem: path for path in sorted((TESTS / "scripts").glob("*.py"))}
LOGS = TESTS / "golden" / "scripts"


def python(*arguments, folder=None, **environment):
    """Python in a process of its own, with this minigrad."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**kept, "PYTHONPATH": str(Path(mg.__file__).parents[1]), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def minigrad(*arguments, **options):
    return python("-m", "minigrad", *arguments, **options)


@pytest.fixture
def script(tmp_path):
    """Write a script, and give its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


# ------------------------------------------------------------------------------------------------
# Same script, same output
# ------------------------------------------------------------------------------------------------

GRAD_FN = re.compile(r"grad_fn=<\w+>")
NUMBER = re.compile(r"-?\d+\.\d*(?:e[-+]\d+)?")


def last_digit(number):
    """What one more in the last digit shown of a number is worth: "0.25" -> 0.01."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def difference(line, expected):
    """In what a line differs from PyTorch's; "" for nothing.

    Text must be the same. Numbers with a decimal point must agree to the digits shown, but for one
    in the last digit: float32 rounding depends on the order of sums, and decides between the two
    neighbours of a number in the middle. Integers are text.
    """
    if _kernels.level == "reference":  # there, a layer is not one node of the graph but many
        line, expected = GRAD_FN.sub("grad_fn=<...>", line), GRAD_FN.sub("grad_fn=<...>", expected)
    if NUMBER.sub("#", line) != NUMBER.sub("#", expected):
        return "the text differs"
    for got, wanted in zip(NUMBER.findall(line), NUMBER.findall(expected), strict=True):
        if len(got.partition("e")[0]) != len(wanted.partition("e")[0]):
            return f"{got} has not as many digits as {wanted}"
        if abs(float(got) - float(wanted)) > 1.001 * last_digit(wanted):
            return f"{got} is not {wanted}"
    return ""


@pytest.mark.parametrize(
    ("line", "expected", "same"),
    [
        ("loss 0.1235 after 3", "loss 0.1235 after 3", True),
        ("loss 0.1236 after 3", "loss 0.1235 after 3", True),
        ("loss 0.1237 after 3", "loss 0.1235 after 3", False),
        ("loss 0.1235 after 4", "loss 0.1235 after 3", False),
        ("loss 0.123 after 3", "loss 0.1235 after 3", False),
        ("loss: 0.1235 after 3", "loss 0.1235 after 3", False),
        ("[1.00e-03, 2.]", "[1.01e-03, 2.]", True),
        ("[1.00e-03, 2.]", "[1.02e-03, 2.]", False),
        ("[1.00e-03, 2.]", "[1.00e-02, 2.]", False),
        ("-0.50", "0.50", False),
        ("1.5 2.5", "1.5", False),
    ],
)
def test_how_lines_are_compared(line, expected, same):
    assert (difference(line, expected) == "") is same


def test_every_script_has_a_log():
    assert len(SCRIPTS) >= 12
    assert {path.stem for path in LOGS.glob("*.txt")} == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_prints_what_torch_printed(name):
    assert re.search(r"^(import torch|from torch)", SCRIPTS[name].read_text("utf-8"), re.MULTILINE)
    result = minigrad("run", SCRIPTS[name])
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    expected = (LOGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    lines = result.stdout.splitlines()
    for number, (line, wanted) in enumerate(zip(lines, expected), 1):
        problem = difference(line, wanted)
        assert not problem, f"line {number}: {problem}\nminigrad: {line}\nPyTorch:  {wanted}"
    assert len(lines) == len(expected)


# ------------------------------------------------------------------------------------------------
# As ``python script.py``
# ------------------------------------------------------------------------------------------------

LOOK = """'''A text.'''
import sys
print(__name__, __doc__, __file__, __spec__ and __spec__.name, __package__)
print(sys.argv, sys.path[0], type(__loader__).__name__, __builtins__, sys.modules[__name__].sys)
print(sorted(name for name in globals() if name != '__annotations__'))
"""


def test_a_script_sees_what_python_shows_it(script, tmp_path):
    script(LOOK)
    for arguments in (["script.py"], ["script.py", "-m", "--help", "run", "--", "a b"]):
        expected = python(*arguments, folder=tmp_path)
        assert expected.returncode == 0
        assert minigrad("run", *arguments, folder=tmp_path).stdout == expected.stdout


def test_a_script_in_another_folder(script, tmp_path):
    (tmp_path / "inner").mkdir()
    script("value = 3", "inner/beside.py")
    script(LOOK + "import beside; print(beside.value)", "inner/script.py")
    (tmp_path / "linked.py").symlink_to(tmp_path / "inner" / "script.py")
    for name in ("inner/script.py", "linked.py", tmp_path / "inner/script.py"):
        expected = python(name, folder=tmp_path)
        assert expected.stdout.endswith("\n3\n")
        assert minigrad("run", name, folder=tmp_path).stdout == expected.stdout


@pytest.mark.parametrize("name", ["alone", "pack.inner", "pack"])
def test_a_module_sees_what_python_shows_it(name, script, tmp_path):
    (tmp_path / "pack").mkdir()
    for file in ("alone.py", "pack/inner.py", "pack/__main__.py"):
        script(LOOK, file)
    script("", "pack/__init__.py")
    for arguments in ([], ["-m", "--help", "x"]):
        expected = python("-m", name, *arguments, folder=tmp_path)
        assert expected.returncode == 0
        assert minigrad("run", "-m", name, *arguments, folder=tmp_path).stdout == expected.stdout


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    return 1 / 0\n\nf()",
        "x = = 1",
        "raise KeyboardInterrupt",
        "import sys\nsys.exit('a reason')",
        "import sys\nsys.exit(7)",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e",
        "import nothing_of_this_name",
        "# coding: latin-1\nprint(nothing)",
    ],
)
def test_errors_end_as_with_python(text, script, tmp_path):
    script(text)
    expected = python("script.py", folder=tmp_path)
    result = minigrad("run", "script.py", folder=tmp_path)
    assert expected.returncode != 0
    assert (result.returncode, result.stderr) == (expected.returncode, expected.stderr)


def test_errors_inside_minigrad_are_shown_in_full(script):
    result = minigrad("run", script("import torch\ntorch.ones(2, 3) @ torch.ones(2)"))
    lines = result.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('script.py", line 2, in <module>')
    assert any("minigrad" in line for line in lines[2:-1])
    assert lines[-1].startswith("RuntimeError: ")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no option -P")
def test_the_script_s_folder_stays_out_of_a_safe_path(script, tmp_path):
    (tmp_path / "inner").mkdir()
    script("", "inner/beside.py")
    look = "import sys; print([p for p in sys.path if not p.endswith('children')])\nimport beside"
    path = script(look, "inner/script.py")
    expected = python("-P", path, folder=tmp_path)
    result = python("-P", "-m", "minigrad", "run", path, folder=tmp_path)
    assert expected.returncode == result.returncode == 1
    assert (result.stdout, result.stderr) == (expected.stdout, expected.stderr)


def test_pickles_find_the_classes_of_the_script(script):
    text = (
        "import pickle, torch\nclass Net(torch.nn.Module):\n    pass\n"
        "print(type(pickle.loads(pickle.dumps(Net()))) is Net, Net.__module__)"
    )
    assert minigrad("run", script(text)).stdout == "True __main__\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_run_on_minigrad_too(method, script, tmp_path):
    text = f"""
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info
import helper

class Pairs(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return helper.two(index), get_worker_info().id

if __name__ == "__main__":
    torch.multiprocessing.set_start_method("{method}")
    print(list(DataLoader(Pairs(), num_workers=2)))
"""
    script("import torch\n\ndef two(k):\n    return torch.tensor([k, k])\n", "helper.py")
    result = minigrad("run", script(text))
    assert result.stderr == ""
    assert result.stdout == "[[tensor([[0, 0]]), tensor([0])], [tensor([[1, 1]]), tensor([1])]]\n"


def test_what_cannot_be_run(tmp_path):
    result = minigrad("run", "nothing.py", folder=tmp_path)
    assert result.returncode == 2
    assert "can't open file" in result.stderr
    assert "nothing.py" in result.stderr
    for name, words in (("nothing", "No module named nothing"), ("json.nothing.x", "json.nothing")):
        result = minigrad("run", "-m", name, folder=tmp_path)
        assert result.returncode == 1
        assert words in result.stderr
        assert "Traceback" not in result.stderr
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    result = minigrad("run", "-m", "pack", folder=tmp_path)
    assert result.returncode == 1
    assert "'pack' is a package and cannot be directly executed" in result.stderr


def test_an_error_in_a_package_is_shown(script, tmp_path):
    (tmp_path / "pack").mkdir()
    script("import nothing_of_this_name", "pack/__init__.py")
    script("", "pack/inner.py")
    result = minigrad("run", "-m", "pack.inner", folder=tmp_path)
    assert result.returncode == 1
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in result.stderr
    assert "__init__.py" in result.stderr


# ------------------------------------------------------------------------------------------------
# Names that are missing
# ------------------------------------------------------------------------------------------------

MISSING = {
    "import torch\ntorch.nn.Foo": ("AttributeError", "module 'torch.nn' has no attribute"),
    "import torch\ntorch.stft": ("AttributeError", "module 'torch' has no attribute 'stft'"),
    "from torch.nn import Foo": ("ModuleNotFoundError", "no name 'Foo' in 'torch.nn'"),
    "from torch import nested": ("ModuleNotFoundError", "no name 'nested' in 'torch'"),
    "import torch.ao.nn": ("ModuleNotFoundError", "No module named 'torch.ao'"),
    "import torch.utils.bundled": ("ModuleNotFoundError", "No module named 'torch.utils.bund"),
    "import torch\ntorch.ones(2).to_sparse()": ("AttributeError", "no attribute 'to_sparse'"),
}


@pytest.mark.parametrize("text", MISSING)
def test_a_missing_name_says_so_and_where_to_look(text, script):
    kind, words = MISSING[text]
    path = script(text)
    result = minigrad("run", path)
    assert result.returncode == 1
    first, place, *_, last = result.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert place == f'  File "{path}", line {len(text.splitlines())}, in <module>'
    assert "minigrad/compat" not in result.stderr
    assert last.startswith(f"{kind}: ")
    assert words in last
    assert "README.md" in last


def test_scripts_can_do_without(script):
    text = """
import torch
for statement in ("import torch.ao", "from torch import stft", "from torch.nn import Foo"):
    try:
        exec(statement)
    except ImportError:
        print("without")
print(hasattr(torch, "stft"), hasattr(torch.nn, "LSTM"), hasattr(torch.nn, "JANET"))
"""
    assert minigrad("run", script(text)).stdout == "without\n" * 3 + "False True True\n"


def test_torch_means_minigrad_even_beside_another_torch(script, tmp_path):
    script("raise RuntimeError('the wrong one')", "torch.py")
    path = script("import torch, minigrad; print(torch.ones is minigrad.ones, torch.__version__)")
    result = minigrad("run", path)
    assert result.stdout.startswith("True 2."), result.stderr


def test_it_is_too_late_when_torch_is_there(script, tmp_path):
    script("", "torch.py")
    code = "import torch; from minigrad.compat import finder; finder.install()"
    result = python("-c", code, folder=tmp_path)
    assert result.stderr.endswith("torch was imported before minigrad could take its place\n")


def test_nothing_is_left_outside_of_run():
    result = python("-c", "import minigrad, sys; print('torch' in sys.modules, len(sys.meta_path))")
    assert result.stdout.startswith("False")
    assert python("-c", "import minigrad, torch.not_there").returncode == 1


# ------------------------------------------------------------------------------------------------
# The other commands
# ------------------------------------------------------------------------------------------------


def test_alone_it_lists_its_commands():
    result = minigrad()
    assert result.returncode == 0
    assert re.findall(r"^    (\w+) ", result.stdout, re.MULTILINE) == [
        "run", "launch", "config", "hello",
    ]  # fmt: skip


@pytest.mark.parametrize("command", [[], ["run"], ["launch"], ["config"], ["hello"]])
def test_help(command):
    result = minigrad(*command, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: python -m minigrad")
    assert result.stderr == ""


@pytest.mark.parametrize("arguments", ["nothing", "run", "run -m", "hello --epochs x", "config x"])
def test_wrong_arguments(arguments):
    result = minigrad(*arguments.split())
    assert result.returncode == 2
    assert "usage: python -m minigrad" in result.stderr


def test_config_prints_the_configuration(capsys):
    mg.show_config()
    assert minigrad("config").stdout == capsys.readouterr().out


def test_hello_learns_the_word():
    lines = minigrad("hello").stdout.splitlines()
    assert len(lines) == 10
    assert lines[0] == "  1  hello -> loooo  loss 1.2906"
    assert lines[7] == "  8  hello -> ohlol  loss 0.6658"
    other = minigrad("hello", "--epochs", "2", "--seed", "4").stdout.splitlines()
    assert len(other) == 2
    assert other[0] != lines[0]
