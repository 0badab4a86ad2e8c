"""Which kernels were built, and how the level that runs is picked when minigrad is imported."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigrad import _kernels

pytestmark = pytest.mark.once  # goes over the levels itself

FOLDER = Path(_kernels.__file__).parent


def run(code, kernels=None, folder=None):
    """Run `code` in a new Python, with MINIGRAD_KERNELS set to `kernels`."""
    environment = {key: value for key, value in os.environ.items() if key != "MINIGRAD_KERNELS"}
    if kernels is not None:
        environment["MINIGRAD_KERNELS"] = kernels
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=folder or FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


def printed(code, kernels=None):
    result = run(code, kernels)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_levels_are_best_first():
    levels = _kernels.available_levels()
    assert levels == tuple(name for name in ("neon", "v4", "v3", "baseline") if name in levels)
    assert levels[-1] == "baseline"


@pytest.mark.parametrize("level", _kernels.available_levels())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_modules_are_of_their_level_and_dtype(level, dtype):
    before = _kernels.level
    _kernels.set_level(level)
    try:
        kernels = _kernels.kernels_for(np.dtype(dtype))
        assert kernels is _kernels.kernels_for(np.dtype(dtype))
        for name, module in kernels._asdict().items():
            own = "baseline" if name in _kernels.compiled.ONE_LEVEL else level
            assert module.__name__ == f"minigrad._kernels.{name}_{own}_{dtype}"
    finally:
        _kernels.set_level(before)


@pytest.mark.parametrize("dtype", ["int64", "float16", "bool", ">f4", "complex64"])
def test_other_dtypes_have_no_kernels(dtype):
    assert _kernels.kernels_for(np.dtype(dtype)) is None


def test_level_defaults_to_the_best():
    code = "from minigrad import _kernels; print(_kernels.level)"
    assert printed(code) == _kernels.available_levels()[0]


@pytest.mark.parametrize("level", _kernels.available_levels())
def test_level_from_the_environment(level):
    assert printed("from minigrad import _kernels; print(_kernels.level)", level) == level


def test_reference_takes_no_kernel():
    code = (
        "import numpy as np; from minigrad import _kernels;"
        "print(_kernels.level, [_kernels.kernels_for(np.dtype(t)) for t in 'fd'])"
    )
    assert printed(code, "reference") == "reference [None, None]"


@pytest.mark.parametrize("name", ["v5", "V4", "fast"])
def test_unknown_level(name):
    result = run("import minigrad", name)
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    choices = ", ".join((*_kernels.available_levels(), "reference"))
    assert last == (
        f"ValueError: MINIGRAD_KERNELS: level {name!r} is not available here, choose one of "
        f"{choices}"
    )
    with pytest.raises(ValueError, match=f"level '{name}' is not available here"):
        _kernels.set_level(name)


def test_kernels_are_imported_only_when_asked_for():
    code = (
        "import sys; import numpy as np; from minigrad import _kernels;"
        "loaded = lambda: sorted(name for name in sys.modules"
        " if '_kernels.' in name and sys.modules[name].__file__.endswith(('.so', '.pyd'))"
        " and 'translated' not in name);"
        "before = loaded(); _kernels.kernels_for(np.dtype('f'));"
        "print(before, *[name.rsplit('.')[-1] for name in loaded() if '_' in name[19:]])"
    )
    best, once = _kernels.available_levels()[0], _kernels.compiled.ONE_LEVEL
    wanted = [
        f"{name}_{'baseline' if name in once else best}_float32"
        for name in sorted(_kernels.Kernels._fields)
    ]
    assert printed(code) == " ".join(["['minigrad._kernels.cpu']", *wanted])


def test_message_when_nothing_was_built(tmp_path):
    package = tmp_path / "minigrad" / "_kernels"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    for path in FOLDER.glob("*.py"):
        shutil.copy(path, package)
    result = run("import minigrad._kernels", folder=tmp_path)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: minigrad's compiled kernels are missing: run `pip install")
    assert run("import minigrad._kernels", "reference", tmp_path).returncode == 0


def test_kernels_import_nothing_else_of_minigrad():
    for path in FOLDER.iterdir():
        if path.suffix in {".py", ".pyx", ".pxd"}:
            text = path.read_text(encoding="utf-8")
            assert "from .." not in text, path
            assert "import minigrad" not in text, path


def test_floating_point_environment_is_left_alone():
    """A library linked with -ffast-math would flush subnormal numbers to zero from here on."""
    for level in _kernels.available_levels():
        importlib.import_module(f"minigrad._kernels.recurrent_{level}_float32")
    tiny = np.finfo(np.float64).tiny
    assert float(tiny) / 4 > 0
