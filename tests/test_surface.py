"""The surface as scripts see it, scene by scene: PyTorch's answers are in ``golden/surface.json``.

A scene shows values, dtypes, layout and ``grad_fn`` names at once, and the gradients of its leaves.
Numbers are compared as numbers, everything else character by character. At the end: what has no
counterpart in PyTorch's text.
"""

import builtins
import copy
import json
import pickle
import re
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

GOLDEN = Path(__file__).parent / "golden"
make_surface = runpy.run_path(str(GOLDEN / "make_surface.py"))
EXPECTED = json.loads((GOLDEN / "surface.json").read_text(encoding="utf-8"))
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]\d+)?")


def compare(got, expected):
    assert NUMBER.sub("#", " ".join(got.split())) == NUMBER.sub("#", " ".join(expected.split()))
    numbers, wanted = [[float(x) for x in NUMBER.findall(text)] for text in (got, expected)]
    np.testing.assert_allclose(numbers, wanted, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("scene", make_surface["scenes"]())
def test_scene(scene):
    shown, expected = make_surface["play"](scene, mg), EXPECTED["scenes"][scene]
    assert shown.keys() == expected.keys()
    for name, text in expected.items():
        compare(shown[name], text)


@pytest.mark.parametrize(("scene", "pattern"), make_surface["ERRORS"])
def test_error(scene, pattern):
    kind, message = make_surface["error"](scene, mg)
    assert kind == EXPECTED["errors"][scene], message
    assert issubclass(getattr(builtins, kind), Exception)
    assert re.search(pattern, message)


def test_all_scenes_were_played_by_pytorch():
    assert set(make_surface["scenes"]()) == set(EXPECTED["scenes"])
    assert len(EXPECTED["scenes"]) > 800


# ------------------------------------------------------------------------------------------------
# Without a counterpart
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 16, 17, 200])
@pytest.mark.parametrize("descending", [False, True])
def test_sorting_is_stable(count, descending):
    x = mg.tensor(np.random.RandomState(count).randint(0, 3, count))
    order = mg.argsort(x, descending=descending, stable=True).numpy()
    keys = [(-v if descending else v, k) for k, v in enumerate(x.tolist())]
    assert order.tolist() == [k for _, k in sorted(keys)]


def test_storage_is_shared_memory():
    x = mg.arange(6.0).view(2, 3)
    row = x[1]
    assert (row.storage_offset(), len(row.storage()), row.storage().size()) == (3, 6, 6)
    assert row.untyped_storage().nbytes() == 24
    assert row.storage().data_ptr() == x.data_ptr()
    row.storage()[0] = 7
    assert x[0, 0].item() == 7
    assert list(x.t().storage()) == x.storage().tolist() == [7, 1, 2, 3, 4, 5]
    assert repr(mg.tensor([1, 2]).storage()).endswith("device=cpu) of size 2]")


@pytest.mark.parametrize("name", mg.return_types.__all__)
def test_named_results_can_be_copied_and_pickled(name):
    x = mg.tensor([[4.0, 1.0], [1.0, 3.0]])
    room = mg.linalg if name.startswith("linalg_") else mg
    options = {
        "topk": {"k": 1}, "max": {"dim": 0}, "min": {"dim": 0}, "median": {"dim": 0},
        "linalg_lstsq": {"B": x}, "kthvalue": {"k": 1}, "nanmedian": {"dim": 0},
        "cummax": {"dim": 0}, "cummin": {"dim": 0},
        "lu_unpack": {"LU_pivots": mg.tensor([1, 2], dtype=mg.int32)},
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `qr` is an old name
        result = getattr(room, name.removeprefix("linalg_"))(x, **options.get(name, {}))
    assert type(result) is getattr(mg.return_types, name)
    for twin in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert type(twin) is type(result)
        assert repr(twin) == repr(result)


@pytest.mark.parametrize("kinds", [("float32", "float64"), ("float64", "float32")])
def test_normal_has_the_type_of_the_mean(kinds):
    mean, std = [mg.ones(3, dtype=getattr(mg, kind), requires_grad=True) for kind in kinds]
    drawn = mg.normal(mean, std)
    assert drawn.dtype == mean.dtype
    (drawn * mg.inf).sum().backward()
    for given in (mean, std):
        assert given.grad.dtype == given.dtype
        assert given.grad.tolist() == [0, 0, 0]


def test_types_without_arithmetic_are_names_only():
    for kind in (mg.bfloat16, mg.complex64, mg.cfloat, mg.complex128):
        assert repr(kind).startswith("torch.")
        with pytest.raises(TypeError, match="not supported"):
            mg.zeros(2, dtype=kind)


def test_set_shows_other_memory():
    x, y = mg.zeros(2), mg.ones(3)
    assert x.set_(y) is x
    y[0] = 5
    assert x.tolist() == [5, 1, 1]


def test_a_function_frees_what_it_saved():
    saved = []

    class Square(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            saved.append(ctx)
            return 2 * g * ctx.saved_tensors[0]

    x = mg.tensor([3.0], requires_grad=True)
    Square.apply(x).backward()
    assert x.grad.tolist() == [6]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        _ = saved[0].saved_tensors


@pytest.mark.parametrize("check", [mg.autograd.gradcheck, mg.autograd.gradgradcheck])
def test_functions_pass_gradcheck(check):
    functions = make_surface["functions"](mg)
    x = mg.tensor([[0.5, -1.5, 1.0]], dtype=mg.float64, requires_grad=True)
    y = mg.tensor([[1.5, 0.5, -1.0]], dtype=mg.float64, requires_grad=True)
    assert check(functions["Exp"].apply, (x,))
    assert check(functions["Two"].apply, (x,))
    assert check(functions["Product"].apply, (x, y))
    assert check(lambda x: functions["Doubled"].apply(x * 1), (x,))
    assert check(lambda x: functions["Sorted"].apply(x)[0], (x,))
