"""What is absent by design: each thing is in one list, in the docs, and its errors say so."""

import pickle
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import compat
from minigrad.arrays.absent import ABSENT, NAMES, AbsentByDesign, absent

pytestmark = pytest.mark.once  # nothing is computed

DOCS = Path(__file__).parents[1] / "docs" / "compatibility.md"

# What asks for each, and the class of the error, which is PyTorch's where PyTorch may lack it too.
ASKED = {
    "GPUs": [
        (lambda: mg.ones(2, device="cuda"), AssertionError),
        (lambda: mg.ones(2).to("cuda:0"), AssertionError),
        (lambda: mg.ones(2).cuda(), AssertionError),
        (lambda: mg.ones(2).to("mps"), RuntimeError),
        (lambda: mg.ones(2).xpu(), AttributeError),
        (lambda: mg.nn.LSTM(2, 3, device="cuda"), AssertionError),
        (lambda: mg.nn.Linear(2, 3).cuda(), AssertionError),
        (lambda: mg.cuda.current_device(), AssertionError),
        (lambda: mg.Generator("cuda"), AssertionError),
    ],
    "the device meta": [(lambda: mg.nn.GRU(2, 3, device="meta"), RuntimeError)],
    "bfloat16 and float8": [
        (lambda: mg.ones(2, dtype=mg.bfloat16), TypeError),
        (lambda: mg.ones(2).to(mg.bfloat16), TypeError),
        (lambda: mg.nn.LSTM(2, 3, dtype=mg.bfloat16), TypeError),
        (lambda: mg.float8_e5m2, AttributeError),
    ],
    "complex numbers": [
        (lambda: mg.ones(2, dtype=mg.complex64), TypeError),
        (lambda: mg.from_numpy(np.array([1j])), TypeError),
        (lambda: mg.tensor(1j), RuntimeError),
        (lambda: mg.fft.rfft(mg.ones(4)), NotImplementedError),
        (lambda: mg.ones(4).stft(2), AttributeError),
    ],
    "sparse tensors": [
        (lambda: mg.sparse_coo_tensor([[0]], [1.0]), AttributeError),
        (lambda: mg.ones(2).to_sparse(), AttributeError),
        (lambda: mg.Tensor.coalesce, AttributeError),
    ],
    "nested tensors": [(lambda: mg.nested.nested_tensor([mg.ones(2)]), AttributeError)],
    "quantization": [(lambda: mg.ones(2).dequantize(), AttributeError)],
    "layers for pictures": [
        (lambda: import_module("torch").nn.Conv2d(1, 2, 3), NotImplementedError),
        (lambda: import_module("torch").nn.functional.interpolate(mg.ones(2)), NotImplementedError),
    ],
    "TorchScript": [(lambda: mg.jit.load("model.pt"), NotImplementedError)],
    "rewriting programs": [
        (lambda: mg.fx.symbolic_trace(mg.nn.Linear(2, 3)), NotImplementedError),
        (lambda: mg.overrides.TorchFunctionMode().__enter__(), NotImplementedError),
    ],
    "downloads": [(lambda: mg.hub.load("owner/name", "model"), NotImplementedError)],
    "other libraries of PyTorch's": [
        (lambda: import_module("torchvision").models.resnet18(), NotImplementedError)
    ],
}


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


def test_each_absence_is_asked_for():
    assert list(ASKED) == list(ABSENT)
    assert {what for kinds in NAMES.values() for what in kinds} <= set(ABSENT)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("what", ABSENT)
def test_the_error_is_of_the_class_of_pytorchs_and_says_that_it_is_by_design(what):
    for asked, kind in ASKED[what]:
        with pytest.raises(kind) as caught:
            asked()
        assert isinstance(caught.value, AbsentByDesign)
        assert caught.value.absence == what
        assert type(caught.value).__name__ == kind.__name__  # as PyTorch's is called


@pytest.mark.usefixtures("installed")
def test_names_that_are_absent_say_why():
    torch = import_module("torch")
    for owner, place in (("torch", torch), ("torch", mg), ("Tensor", mg.Tensor)):
        for what, names in NAMES[owner].items():
            for name in names:
                assert not hasattr(place, name), name
                with pytest.raises(AttributeError, match=re.escape(ABSENT[what])) as caught:
                    getattr(place, name)
                assert caught.value.absence == what
    for module in ("torch.sparse", "torch.ao.quantization", "torch.quantization"):
        with pytest.raises(ModuleNotFoundError, match="by design") as caught:
            import_module(module)
        assert isinstance(caught.value, AbsentByDesign)


def test_what_is_wrong_or_unknown_is_not_called_absent():
    for wrong in (
        lambda: mg.ones(2, device="pigeon"),
        lambda: mg.no_such_name,
        lambda: mg.ones(2).no_such_name,
        lambda: mg.from_numpy(np.array(["a"])),
        lambda: mg.ones(2, dtype="float"),
    ):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the classes differ
            wrong()
        assert not isinstance(caught.value, AbsentByDesign)


def test_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(absent("GPUs", AssertionError, "no GPU")))
    assert isinstance(error, AbsentByDesign)
    assert isinstance(error, AssertionError)
    assert (error.absence, str(error)) == ("GPUs", "no GPU")


def test_the_docs_have_the_same_list():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", DOCS.read_text(), re.MULTILINE)
    assert [(what, why) for what, why in rows if what in ABSENT] == list(ABSENT.items())


def test_completion_does_not_list_what_is_absent():
    listed = dir(mg.ones(2))
    assert "float" in listed
    assert "bfloat16" not in listed
