"""`compat.install`: ``import torch`` means minigrad, here and in child processes."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import compat
from minigrad.compat import finder

pytestmark = pytest.mark.once  # nothing is computed

ROOT = str(Path(mg.__file__).parents[1])
WHICH = "import torch, sys; print(torch.__version__.endswith('minigrad'))"


@pytest.fixture
def other_torch(tmp_path):
    """A folder with a torch that is not minigrad, as an installed one would be."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "torch.py").write_text("__version__ = 'another'\n")
    return str(tmp_path / "site")


def python(text, tmp_path, *paths, **environment):
    """What a script prints, that is run with plain Python."""
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = {"PYTHONPATH": os.pathsep.join([ROOT, *paths])}
    result = subprocess.run(
        [sys.executable, script], env={**kept, **path, **environment}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


def test_in_this_process(installed):
    import torch
    import torch.nn.functional as F
    from torch.utils.data import DataLoader

    assert torch.ones is mg.ones
    assert F.relu is mg.nn.functional.relu
    assert DataLoader is mg.utils.data.DataLoader
    assert str(type(torch.ones(1))) == "<class 'torch.Tensor'>"


def test_the_way_back():
    before = [*sys.path], dict(os.environ), [*sys.meta_path]
    compat.uninstall()  # nothing was installed
    for _ in range(2):
        compat.install()
        compat.install()
        assert os.environ["PYTHONPATH"].split(os.pathsep).count(finder.CHILDREN) == 1
        assert sys.path.count(finder.CHILDREN) == 1
        import torch  # noqa: F401

        compat.uninstall()
    assert ([*sys.path], dict(os.environ), [*sys.meta_path]) == before
    assert not {"torch", "torch.nn", "torchvision"} & sys.modules.keys()
    assert "minigrad" in str(mg.Tensor)


def test_a_tensor_s_pickle_does_not_name_torch(installed):
    assert b"torch" not in pickle.dumps(mg.ones(2))
    assert pickle.loads(pickle.dumps(mg.ones(2))).tolist() == [1.0, 1.0]


CHILD = """
import multiprocessing, os, subprocess, sys
def which(_):
    import torch
    return torch.__version__.endswith("minigrad")
if __name__ == "__main__":
    from minigrad.compat import install
    install()
    import torch
    command = [sys.executable, "-c", "import torch.nn as nn, torch; print(which)".replace(
        "which", "torch.__version__.endswith('minigrad')")]
    print(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    os.system(" ".join(f'"{word}"' for word in command))
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(which, [0])[0])
"""


def test_children_get_minigrad_beside_another_torch(tmp_path, other_torch):
    lines = python(CHILD, tmp_path, other_torch)
    assert len(lines) >= 3
    assert set(lines) == {"True"}


def test_children_without_minigrad_on_their_path(tmp_path, other_torch):
    text = f"""
import sys; sys.path.insert(0, {ROOT!r})
from minigrad import compat; compat.install()
import subprocess
subprocess.run([sys.executable, "-c", "import torch.nn; print(torch.ones(2).tolist())"], cwd="/")
subprocess.run([sys.executable, "-c", "import sys; print('minigrad' in sys.modules)"], cwd="/")
compat.uninstall()
subprocess.run([sys.executable, "-c", "import torch; print(torch.__version__)"], cwd="/")
"""
    numpy = str(Path(sys.modules["numpy"].__file__).parents[1])
    lines = python(text, tmp_path, PYTHONPATH=os.pathsep.join([other_torch, numpy]))
    assert lines == ["[1.0, 1.0]", "False", "another"]


def test_run_reaches_children_too(tmp_path, other_torch):
    script = tmp_path / "script.py"
    script.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {WHICH!r}])")
    result = subprocess.run(
        [sys.executable, "-m", "minigrad", "run", script], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, other_torch])}, check=True,
    )  # fmt: skip
    assert result.stdout == "True\n"


def test_a_python_that_cannot_load_minigrad_says_so(tmp_path):
    broken = tmp_path / "minigrad" / "compat" / "children"
    broken.mkdir(parents=True)
    (tmp_path / "minigrad" / "__init__.py").write_text("raise ImportError('wrong Python')")
    (broken / "torch.py").write_text(Path(finder.CHILDREN, "torch.py").read_text())
    result = subprocess.run(
        [sys.executable, "-c", "import torch"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(broken)}, check=False,
    )  # fmt: skip
    assert "cannot import minigrad (ImportError: wrong Python)" in result.stderr
    assert f"without {broken} in its PYTHONPATH" in result.stderr


# ------------------------------------------------------------------------------------------------
# Libraries that minigrad does not stand for
# ------------------------------------------------------------------------------------------------


def test_torchvision_can_be_imported_and_named(installed):
    import torchvision
    import torchvision.transforms as transforms
    from torchtext.data import Field
    from torchvision.datasets import MNIST

    class Mine(MNIST):
        pass

    for use, name in (
        (lambda: transforms.Compose([]), r"torchvision\.transforms\.Compose"),
        (lambda: torchvision.models.resnet18(pretrained=True), r"torchvision\.models\.resnet18"),
        (Mine, r"torchvision\.datasets\.MNIST"),
        (lambda: Field(lower=True), r"torchtext\.data\.Field"),
    ):
        with pytest.raises(NotImplementedError, match=f"^{name} is not there"):
            use()
    assert not isinstance(3, MNIST)
    assert not hasattr(torchvision, "__version__")


def test_to_a_library_torchvision_is_not_there(tmp_path):
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "library.py").write_text(
        "from importlib.util import find_spec\n"
        "try:\n    import torchvision\nexcept ImportError:\n    print('without')\n"
        "print(find_spec('torchtext'))\n"
    )
    text = (
        "from minigrad.compat import install; install()\n"
        "import library, torchvision; print(torchvision.__name__)"
    )
    assert python(text, tmp_path, str(library)) == ["without", "None", "torchvision"]


def test_to_a_library_an_installed_torchvision_is_there(tmp_path):
    """The list of packages says so: some libraries trust it, and import without asking."""
    library = tmp_path / "site-packages"
    (library / "torchvision").mkdir(parents=True)
    (library / "torchvision" / "__init__.py").write_text("import torch._C.nothing_like_this")
    (library / "library.py").write_text(
        "from importlib.util import find_spec\n"
        "print(find_spec('torchvision') is not None)\n"
        "from torchvision import transforms\n"
    )
    text = (
        "from minigrad.compat import install; install()\n"
        "import library; print(library.transforms.Compose)"
    )
    expected = ["True", "<torchvision.transforms.Compose, which is not there>"]
    assert python(text, tmp_path, str(library)) == expected
