"""What setup.py compiles again, and what it takes from the last build.

Nothing is compiled here: in place of Cython and of the compiler's work, files are written that say
in which run they were made. (The compiler itself is asked what it knows, as in any build.)
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad._kernels.compiled import MODULES

pytestmark = pytest.mark.once  # nothing is computed

pytest.importorskip("Cython")
# What pyproject.toml says in [project] is not understood by an older one.
pytest.importorskip("setuptools", minversion="77")

CHECKOUT = Path(__file__).parents[1]
RUN = """
import os, runpy, sys
from pathlib import Path
import Cython.Build
from setuptools.command.build_ext import build_ext

def build_extension(self, extension):
    target = Path(self.get_ext_fullpath(extension.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(os.environ["RUN"])
    if "EDIT" in os.environ:
        with open(os.environ["EDIT"], "a") as text:
            text.write("\\n")

build_ext.build_extension = build_extension
Cython.Build.cythonize = lambda extensions, **options: extensions
sys.argv = ["setup.py", *sys.argv[1:]]
runpy.run_path("setup.py", run_name="__main__")
"""


class Copy:
    """A copy of the checkout, and the runs of its setup.py."""

    def __init__(self, folder):
        self.folder = folder
        self.runs = 0

    def setup(self, *options, **environment):
        """Run setup.py build_ext --inplace."""
        self.runs += 1
        hidden = ("CC", "CFLAGS", "MINIGRAD_DEBUG", "MINIGRAD_LEVELS")
        inherited = {name: value for name, value in os.environ.items() if name not in hidden}
        return subprocess.run(
            [sys.executable, "-c", RUN, "build_ext", "--inplace", *options],
            env={**inherited, "RUN": str(self.runs), **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, *options, **environment):
        """Run it, and return the names of the extensions that were not taken from former runs."""
        result = self.setup(*options, **environment)
        assert result.returncode == 0, result.stderr
        made = [path for path in self.extensions() if path.read_text() == str(self.runs)]
        said = re.search(r"minigrad: (\d+) of (\d+) extensions", result.stdout)
        assert [int(number) for number in said.groups()] == [len(made), len(self.extensions())]
        return sorted(path.name.partition(".")[0] for path in made)

    def extensions(self):
        """What lies in the package to be imported."""
        paths = (self.folder / "minigrad").rglob("*")
        return [path for path in paths if path.suffix in {".so", ".pyd"}]

    def append(self, path, text="\n"):
        with open(self.folder / path, "a", encoding="utf-8") as file:
            file.write(text)


@pytest.fixture
def fresh(tmp_path):
    """A copy in which nothing was built."""
    ignore = shutil.ignore_patterns("__pycache__", "translated", "*.so", "*.pyd")
    shutil.copytree(CHECKOUT / "minigrad", tmp_path / "minigrad", ignore=ignore)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, tmp_path)
    return Copy(tmp_path)


@pytest.fixture
def copy(fresh):
    """A copy in which all was built."""
    result = fresh.setup()
    if "there is no C compiler" in result.stderr:
        pytest.skip("there is no C compiler")
    assert result.returncode == 0, result.stderr
    return fresh


def names(modules):
    return sorted(module.rpartition("/")[2] for module in modules)


def test_only_what_was_edited_is_compiled_again(copy):
    every = copy.extensions()
    kernels = [path.name.partition(".")[0] for path in every if path.parent.name == "_kernels"]
    assert len(every) == len(kernels) + len(MODULES)
    for path in copy.folder.rglob("*.p*"):
        path.touch()
    assert copy.build() == []
    copy.append("minigrad/arrays/sums.py")
    copy.append("minigrad/_kernels/optim.pyx")
    optim = [name for name in kernels if name.startswith("optim_")]
    assert copy.build() == sorted(["sums", *optim])
    copy.append("minigrad/_kernels/real.h")
    assert copy.build() == sorted(kernels)
    copy.append("minigrad/autograd/engine.pxd")
    assert copy.build() == names(MODULES)
    copy.append("setup.py")
    assert len(copy.build()) == len(every)
    assert len(copy.extensions()) == len(every)  # none is left of texts that have changed


def test_other_flags_are_another_build(copy):
    every = len(copy.extensions())
    kernels = every - len(MODULES)
    assert len(copy.build(CFLAGS="-DOTHER=1", CPATH="elsewhere")) == every
    assert len(copy.build(MINIGRAD_DEBUG="1")) == kernels  # (Python is not translated)
    assert len(copy.extensions()) == kernels
    assert copy.build() == []  # it was kept
    assert len(copy.build("--force")) == every


def test_levels_that_are_not_built_do_not_stay(copy):
    copy.append("minigrad/_kernels/optim.pyx")
    built = copy.build(MINIGRAD_LEVELS="")
    assert built == ["optim_baseline_float32", "optim_baseline_float64"]
    assert [path for path in copy.extensions() if "_v3_" in path.name or "_v4_" in path.name] == []


def test_what_is_edited_meanwhile_is_not_kept(fresh):
    text = "minigrad/_kernels/optim.pyx"
    result = fresh.setup(EDIT=text)
    if "there is no C compiler" in result.stderr:
        pytest.skip("there is no C compiler")
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("minigrad: edited while it was being compiled, build again: ")
    made = {name.rpartition(".")[2] for name in last.rpartition(": ")[2].split(", ")}
    assert made == set(fresh.build())
    assert {name.partition("_")[0] for name in made} == {"optim"}


def test_without_a_compiler_one_sentence_says_what_to_do(fresh):
    result = fresh.setup(CC="/nonexistent/cc")
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("minigrad: there is no C compiler here that can compile the kernels.")
    for part in ("gcc", "Visual Studio Build Tools", "xcode-select --install"):
        assert part in last
    assert last.endswith("with NumPy and MINIGRAD_KERNELS=reference in the environment.")
