"""What an earlier minigrad has pickled or saved still loads, and old names of modules still work.

The files in ``golden/pickles``, which ``golden/make_pickles.py`` wrote, have old names of modules.
"""

import importlib
import json
import pickle
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import minigrad as mg
from minigrad import moved

pytestmark = pytest.mark.once  # nothing is computed

GOLDEN = Path(__file__).parent / "golden"
PICKLES = GOLDEN / "pickles"
maker = runpy.run_path(str(GOLDEN / "make_pickles.py"))
FACTS = json.loads((PICKLES / "facts.json").read_text(encoding="utf-8"))


def in_json(thing):
    return json.loads(json.dumps(maker["describe"](thing)))


@pytest.mark.parametrize("name", [name for name in maker["GROUPS"] if name != "functions"])
def test_pickles_load(name):
    loaded = pickle.loads((PICKLES / f"{name}.pkl").read_bytes())
    assert in_json(loaded) == FACTS[name]


def test_functions_and_classes_are_the_present_ones():
    loaded = pickle.loads((PICKLES / "functions.pkl").read_bytes())
    assert len(loaded) > 390
    for name, thing in loaded.items():
        room, _, last = name.rpartition(".")
        module = importlib.import_module(f"minigrad.{room}".rstrip("."))
        assert getattr(module, last) is thing, name


@pytest.mark.parametrize("weights_only", [True, False])
def test_checkpoints_with_whole_modules_load(weights_only):
    layers = [type(module) for module in all_modules(maker["checkpoints"]["whole"](mg))]
    with mg.serialization.safe_globals(layers if weights_only else []):
        loaded = mg.load(PICKLES / "whole.pt", weights_only=weights_only)
    assert in_json(loaded) == FACTS["whole"]
    for name, saved in loaded.items():
        output = saved["module"](saved["input"])
        output = output[0] if isinstance(output, tuple) else output
        assert mg.allclose(output, saved["output"], 1e-5, 1e-6), name


def test_an_allowed_class_may_have_moved_since():
    with mg.serialization.safe_globals([mg.finfo]):
        assert mg.load(PICKLES / "finfo.pt").eps == mg.finfo(mg.float32).eps
    with pytest.raises(pickle.UnpicklingError, match=r"minigrad\.functions\.finfo was not an"):
        mg.load(PICKLES / "finfo.pt")


def all_modules(saved):
    return [part for entry in saved.values() for part in entry["module"].modules()]


def test_what_is_pickled_now_goes_round():
    for name in ("tensors", "kinds", "generators", "modules", "optimizers", "data"):
        things = maker["GROUPS"][name](mg)
        assert in_json(pickle.loads(pickle.dumps(things))) == in_json(things)


# ------------------------------------------------------------------------------------------------
# Old names
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", moved.MODULES)
def test_an_old_name_is_the_module_of_the_new_one(old):
    module = importlib.import_module(f"minigrad.{old}")
    assert isinstance(module, ModuleType)
    assert module is sys.modules[f"minigrad.{moved.MODULES[old]}"]
    assert module is importlib.import_module(f"minigrad.{moved.MODULES[old]}")
    assert module.__name__ == module.__spec__.name == f"minigrad.{moved.MODULES[old]}"
    parent, _, last = f"minigrad.{old}".rpartition(".")
    assert getattr(sys.modules[parent], last) is module


@pytest.mark.parametrize("old", moved.MODULES)
def test_what_has_moved_left_no_file_behind(old):
    place = Path(mg.__file__).parent / old.replace(".", "/")
    assert not place.with_suffix(".py").exists()
    assert not (place / "__init__.py").exists()


@pytest.mark.parametrize("old", moved.MODULES)
def test_no_name_is_moved_twice(old):
    assert moved.MODULES[old] not in moved.MODULES


@pytest.mark.parametrize(
    "name", [name for name in FACTS["names"] if name.removeprefix("minigrad.") in moved.MODULES]
)
def test_old_modules_have_all_that_they_had(name):
    module = importlib.import_module(name)
    missing = [thing for thing in FACTS["names"][name] if not hasattr(module, thing)]
    assert missing == []


@pytest.mark.parametrize("old", [old for old in moved.MODULES if "." not in old])
def test_attributes_of_the_package_work_without_an_import(old):
    code = f"import minigrad as mg; print(mg.{old}.__name__)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == f"minigrad.{moved.MODULES[old]}", result.stderr


def test_an_old_name_may_come_first():
    """As it does in a process that does nothing but load a pickle."""
    code = "from minigrad.creation import zeros; import minigrad; print(zeros is minigrad.zeros)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_other_names_are_not_found():
    for name in ("minigrad.sizes", "minigrad.size.more", "size"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    assert moved.current("size") == "size"
