"""minigrad as a package: what importing it does and does not do, and what it says about itself."""

import ast
import builtins
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import types
import typing
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad.autograd import quiet

pytestmark = pytest.mark.once  # nothing is computed

PACKAGE = Path(mg.__file__).parent
CHECKOUT = Path(__file__).parents[1]


def run(code, *options, kernels=None, folder=None):
    """Run `code` in a new Python whose minigrad is the one in `folder`."""
    hidden = ("MINIGRAD_KERNELS", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    if kernels is not None:
        environment["MINIGRAD_KERNELS"] = kernels
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env=environment,
        cwd=folder or PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(result):
    """The sentence that an import that fails ends with."""
    assert result.returncode != 0
    assert "During handling" not in result.stderr  # one error, not one on top of another
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture
def never_built(tmp_path):
    """A folder with a copy of minigrad as it is before anything was compiled."""
    ignore = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "minigrad", ignore=ignore)
    return tmp_path


# ------------------------------------------------------------------------------------------------
# Importing
# ------------------------------------------------------------------------------------------------


def test_import_loads_no_heavy_modules():
    """What is named here takes longer to import than all of minigrad."""
    heavy = {
        "Cython", "asyncio", "concurrent", "doctest", "email", "http", "hypothesis",
        "importlib.metadata", "jax", "logging", "matplotlib", "mpi4py", "multiprocessing",
        "pandas", "pytest", "safetensors", "scipy", "setuptools", "sqlite3", "ssl", "subprocess",
        "tkinter", "torch", "unittest", "urllib", "xml",
    }  # fmt: skip
    code = (
        "import sys, numpy; before = set(sys.modules); import minigrad;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = run(code).stdout.split()
    assert "minigrad.tensor" in loaded
    assert [name for name in loaded if name in heavy or name.split(".")[0] in heavy] == []
    assert [name for name in loaded if name.startswith("minigrad.compat")] == []


def imported_names(tree):
    """The modules that a file imports when it is itself imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pass  # type checkers take this branch, Python does not
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imported_names(node)


def test_numpy_is_the_only_dependency():
    used = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used |= {name.partition(".")[0] for name in imported_names(tree)}
    assert used - set(sys.stdlib_module_names) - {"minigrad"} == {"numpy"}
    metadata = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r"^dependencies = (.*)$", metadata, re.MULTILINE) == ['["numpy>=2"]']


def test_numpy_is_left_as_it_was():
    code = (
        "import numpy as np; before = np.geterr(), np.get_printoptions(); import minigrad;"
        "print((np.geterr(), np.get_printoptions()) == before)"
    )
    assert run(code).stdout.strip() == "True"


def test_global_random_state_is_left_as_it_was():
    code = (
        "import random, numpy as np;"
        "state = lambda: (random.getstate(), np.random.get_state()[1].tobytes());"
        "before = state(); import minigrad; minigrad.rand(3); print(state() == before)"
    )
    assert run(code).stdout.strip() == "True"


# ------------------------------------------------------------------------------------------------
# Warnings
# ------------------------------------------------------------------------------------------------

SILENT = """
import minigrad as mg
{filters}
mg.sigmoid(mg.tensor([-100.0]))
x = mg.tensor([1.0, 0.0, -1.0], requires_grad=True)
infinite = mg.tensor(mg.inf)
for y in (x / 0, 1 / x, x % 0, x.log(), x.sqrt(), x**-1, (x * 1000).exp(), infinite - infinite):
    if y.requires_grad:
        y.sum().backward()
x.detach().div_(0)
mg.tensor([1e300], dtype=mg.float64).float()
huge, odd = mg.tensor([[3e38, 3e38]] * 2), mg.tensor([[-mg.inf, mg.inf], [mg.nan, 0.0]])
for y in (huge, odd):
    y.requires_grad_()
    for z in (
        y.sum(), y.sum(0), y.mean(1), y.var(), y.std(0), y.prod(), y.norm(), y @ y, y[0] @ y, y * y,
        y.softmax(0), y.log_softmax(1), y.logsumexp(0), y.cumsum(0), y.max(), y.max(1)[0],
        mg.nn.functional.cross_entropy(y, mg.tensor([0, 1])),
        mg.nn.functional.cross_entropy(y, mg.tensor([-100, -100])),
        mg.nn.functional.nll_loss(y, mg.tensor([-100, -100])),
        mg.nn.functional.mse_loss(y, y.detach() * -1),
        mg.einsum("ij,jk->ik", y, y),
    ):
        z.sum().backward()
print(x.grad, mg.tensor([]).mean())
"""


FILTERS = {  # as users set them, before or after the import
    "before": "",
    "error": "import warnings; warnings.simplefilter('error')",
    "always": "import warnings; warnings.resetwarnings(); warnings.simplefilter('always')",
}


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("level", [*_kernels.available_levels()[:1], "reference"])
def test_dividing_by_zero_is_silent(level, filters):
    result = run(SILENT.replace("{filters}", FILTERS[filters]), "-W", "default", kernels=level)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "nan" in result.stdout


@pytest.mark.parametrize("ways", ["silence restore", "_silence _restore"])  # (for other NumPys)
def test_what_goes_through_quiet_warns_of_nothing(ways, monkeypatch):
    for name, way in zip(("silence", "restore"), ways.split()):
        monkeypatch.setattr(quiet, name, getattr(quiet, way))
    zero, state = np.zeros(1), np.geterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in (np.reciprocal, lambda x: 1 / x):
            quiet_function = quiet.quiet(function)
            for _ in range(2):
                assert quiet_function(zero)[0] == np.inf
    assert np.geterr() == state


def test_numpy_still_warns_in_other_code():
    result = run("import minigrad, numpy as np; np.ones(1) / 0", "-W", "default")
    assert "RuntimeWarning: divide by zero" in result.stderr


# ------------------------------------------------------------------------------------------------
# The choice of kernels
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [*_kernels.available_levels(), "reference"])
def test_show_config_names_the_level_in_use(level):
    result = run("import minigrad; minigrad.show_config()", kernels=level)
    assert result.returncode == 0, result.stderr
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in result.stdout.splitlines())
    assert facts["minigrad"] == mg.__version__
    assert facts["kernels"] == level
    assert facts["kernels available"] == ", ".join((*_kernels.available_levels(), "reference"))
    assert facts["NumPy"] == np.__version__
    assert int(facts["threads"]) >= 1


@pytest.mark.parametrize("wrong", ["v9", "AVX512", "Reference", " "])
def test_unknown_kernel_level_is_one_clear_sentence(wrong):
    sentence = last_line(run("import minigrad", kernels=wrong))
    assert sentence.startswith(f"ValueError: MINIGRAD_KERNELS: level {wrong!r} is not available")
    assert sentence.endswith("baseline, reference")


def test_missing_kernels_are_one_sentence_that_says_what_to_run(never_built):
    sentence = last_line(run("import minigrad", folder=never_built))
    assert sentence.startswith("ImportError: minigrad's compiled kernels are missing")
    assert "pip install -e ." in sentence


def test_reference_runs_without_a_compiler(never_built):
    code = (
        "import minigrad as mg; mg.manual_seed(0); rnn = mg.nn.RNN(2, 3);"
        "rnn(mg.rand(4, 1, 2))[0].sum().backward();"
        "print(mg.__file__, rnn.weight_hh_l0.grad.shape)"
    )
    result = run(code, kernels="reference", folder=never_built)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(never_built))
    assert result.stdout.strip().endswith("torch.Size([3, 3])")


# ------------------------------------------------------------------------------------------------
# What it says about itself
# ------------------------------------------------------------------------------------------------


def test_version_is_written_once():
    assert re.fullmatch(r"\d+\.\d+\.\d+", mg.__version__)
    assert importlib.import_module("minigrad.version").__version__ == mg.__version__
    changes = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d\S*)", changes, re.MULTILINE)[0] == mg.__version__
    written = [p for p in PACKAGE.rglob("*.py") if f'"{mg.__version__}"' in p.read_text("utf-8")]
    assert [p.name for p in written] == ["version.py"]


def test_types_are_announced():
    assert (PACKAGE / "py.typed").is_file()


PUBLIC_NAMES = (
    "", ".autograd", ".nn", ".nn.functional", ".nn.init", ".nn.utils", ".nn.utils.rnn", ".optim",
    ".optim.lr_scheduler", ".serialization", ".utils.data",
)  # fmt: skip
PUBLIC = [importlib.import_module(f"minigrad{name}") for name in PUBLIC_NAMES]


def test_star_brings_all_names_but_those_of_builtins():
    own = {
        name for name, value in vars(mg).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
        and value not in (importlib.import_module, typing.Any)
    }  # fmt: skip
    shadowing = {name for name in own if hasattr(builtins, name)}
    assert {"sum", "max", "float"} < shadowing
    assert sorted(mg.__all__) == sorted(own - shadowing)
    # type checkers take for exported what is in __all__ or is imported under its own name
    text = Path(mg.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"import (\w+) as \1(?:  #.*)?$", text, re.MULTILINE)) == shadowing


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_public_modules_list_their_names(module):
    assert [n for n in module.__all__ if not hasattr(module, n)] == []
    assert len(set(module.__all__)) == len(module.__all__)


def undocumented(owner, members):
    for name, member in members:
        inner = inspect.unwrap(getattr(member, "__func__", member))
        if isinstance(inner, types.ModuleType) or name.startswith("_"):
            continue
        if (callable(inner) or isinstance(inner, property)) and not (inner.__doc__ or "").strip():
            yield f"{owner}.{name}"


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_public_names_have_docstrings(module):
    members = list(vars(module).items())
    if module.__name__.count(".") >= 2:  # it also holds what it imports for itself
        own = module.__name__
        members = [m for m in members if getattr(m[1], "__module__", "").startswith(own)]
    missing = [*undocumented(module.__name__, members)]
    for name, member in members:
        if isinstance(member, type) and member.__module__.startswith("minigrad"):
            missing += undocumented(f"{module.__name__}.{name}", vars(member).items())
    assert len(members) > 5
    assert missing == []


FILES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("name", FILES)
def test_every_file_says_what_belongs_in_it(name):
    assert ast.get_docstring(ast.parse(FILES[name].read_text(encoding="utf-8")))
