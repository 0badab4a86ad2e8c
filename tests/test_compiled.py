"""minigrad's own Python runs translated, but only as long as the translation fits its text."""

import inspect
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import _kernels
from minigrad._kernels import compiled

pytestmark = pytest.mark.once  # processes of their own

PACKAGE = Path(minigrad.__file__).parent
SHOW = (
    "import minigrad as mg; from minigrad._kernels import compiled;"
    "x = mg.ones(2, requires_grad=True); (x * 3).sum().backward();"
    "print(len(compiled.in_use()), 'minigrad.autograd.engine' in compiled.in_use(), "
    "x.grad.tolist())"
)


def run(code, folder, kernels=""):
    environment = {**os.environ, "PYTHONPATH": str(folder), "MINIGRAD_KERNELS": kernels}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


REBUILD = "these were edited since they were compiled; rebuild: pip install -e ."


def stale_modules():
    """Modules that do not run translated, although there are translations."""
    names = run("from minigrad._kernels import compiled; print(*compiled.in_use())", PACKAGE.parent)
    return [m for m in compiled.MODULES if f"minigrad.{m.replace('/', '.')}" not in names.split()]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package as it is installed, to be changed."""
    assert stale_modules() == [], REBUILD
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "minigrad", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_translations_are_used_while_the_texts_are_unchanged(copy):
    assert run(SHOW, copy) == f"{len(compiled.MODULES)} True [3.0, 3.0]"


@pytest.mark.parametrize("name", ["engine.py", "engine.pxd"])
def test_an_edited_text_runs_itself(copy, name):
    """It, and those that use its declarations; all others run translated as before."""
    edited = copy / "minigrad" / "autograd" / name
    text = edited.read_text(encoding="utf-8")
    edited.write_text(text + "\nEDITED = True\n", encoding="utf-8")
    try:
        code = SHOW + (
            "\nfrom minigrad.autograd import engine; print(hasattr(engine, 'EDITED'))"
            "\nprint(*[name in compiled.in_use() for name in ("
            "'minigrad.ops.makers', 'minigrad.autograd.tensor_base', 'minigrad.ops.layout')])"
        )
        count, *rest = run(code, copy).split()
        assert rest == f"False [3.0, 3.0] {name == 'engine.py'} False True True".split()
        assert 0 < int(count) < len(compiled.MODULES) - 1
    finally:
        edited.write_text(text, encoding="utf-8")


def test_line_ends_do_not_count(copy):
    engine = copy / "minigrad" / "autograd" / "engine.py"
    text = engine.read_bytes()
    engine.write_bytes(text.replace(b"\n", b"\r\n"))
    try:
        assert run(SHOW, copy).split()[1] == "True"
    finally:
        engine.write_bytes(text)


def test_reference_runs_the_texts(copy):
    assert run(SHOW, copy, "reference") == "0 False [3.0, 3.0]"


def test_what_numpy_attributes_warnings_to_is_not_translated():
    """See minigrad.autograd.quiet; that nothing warns is tested in test_package.py."""
    assert "autograd/quiet" not in compiled.MODULES


def test_names_are_those_of_the_texts():
    from minigrad.autograd import engine

    assert engine.__name__ == "minigrad.autograd.engine"
    assert engine.Node.__module__ == "minigrad.autograd.engine"
    if _kernels.level == "reference":
        assert compiled.in_use() == ()


def named_functions():
    """What people look up: functions, methods and classes, by the names that they have for them."""
    for name, value in sorted(vars(minigrad).items()):
        if not name.startswith("_") and callable(value):
            yield f"minigrad.{name}", value
    for cls in (minigrad.Tensor, minigrad.nn.LSTM, minigrad.nn.Linear, minigrad.optim.Adam):
        for name in dir(cls):
            value = getattr(cls, name, None)  # (what is absent by design, says so)
            if inspect.isroutine(value) and not name.startswith("__"):
                yield f"{cls.__name__}.{name}", value


def test_everything_shows_its_text():
    """To `inspect`, so to IPython and to debuggers, whether it runs translated or not."""
    hidden = []
    for name, value in named_functions():
        try:
            text = inspect.getsource(value)
            assert "def " in text or "lambda" in text or "class " in text, name
        except (OSError, TypeError):
            hidden.append(name)
    if hidden and _kernels.level != "reference":
        assert stale_modules() == [], REBUILD
    assert hidden == []


def test_modules_and_classes_show_their_text():
    for name in compiled.MODULES:
        module = sys.modules["minigrad." + name.replace("/", ".")]
        assert inspect.getsource(module) == (PACKAGE / f"{name}.py").read_text(encoding="utf-8")
    from minigrad.autograd.engine import Node, walk

    assert inspect.getsource(Node).startswith("class Node:")
    assert inspect.getsource(walk).startswith("def walk(")
    assert list(inspect.signature(walk).parameters)[:2] == ["roots", "root_grads"]


def test_tracebacks_show_the_text():
    import traceback

    try:
        minigrad.zeros(2)[5]
    except IndexError:
        said = traceback.format_exc()
    assert "_check_int(index, 0, shape)" in said


@pytest.mark.parametrize("ask", [
    lambda kernels: kernels.switches(),
    lambda kernels: kernels.set_flush(False),
    lambda kernels: kernels.keep_memory(0, 0),
])  # fmt: skip
def test_kernels_of_an_earlier_build_say_so(ask, monkeypatch):
    monkeypatch.setattr(_kernels, "_cpu", lambda: types.ModuleType("cpu"))
    monkeypatch.setattr(_kernels, "level", "baseline")
    with pytest.raises(ImportError, match=r"build again: pip install -e \."):
        ask(_kernels)


def test_a_kernel_that_an_earlier_build_did_not_have_is_missed_with_the_same_words(monkeypatch):
    monkeypatch.setattr(_kernels, "level", "baseline")
    monkeypatch.setattr(_kernels, "_module_name", lambda *names: "minigrad._kernels.not_yet")
    with pytest.raises(ImportError, match=r"build again: pip install -e \."):
        _kernels._load(np.dtype(np.float32))
