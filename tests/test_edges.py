"""Arguments at the edge of what is allowed, against PyTorch: ``golden/make_edges.py``."""

import json
import runpy
from pathlib import Path

import pytest

import minigrad as mg

GOLDEN = Path(__file__).parent / "golden"
maker = runpy.run_path(str(GOLDEN / "make_edges.py"))
EXPECTED = json.loads((GOLDEN / "edges.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scene", maker["SCENES"])
def test_scene(scene):
    assert maker["play"](scene, mg) == EXPECTED[scene]


@pytest.mark.parametrize("scene", [s for s in maker["SCENES"] if EXPECTED[s].endswith("Error")])
def test_errors_say_something(scene):
    with pytest.raises(Exception) as error:  # noqa: PT011 - of any class: see above
        exec(scene.replace("; y", ""), maker["names"](mg))
    assert len(str(error.value)) > 15


WITHOUT_AXES = [
    "z.index_fill(0, i, v)",
    "z.index_copy(0, i, v)",
    "z.index_add(0, i, v)",
    "z.scatter_add(0, i, v)",
    "z.scatter(0, i[None], v[None])",
    "z.gather(0, i[None])",
    "z.topk(0).values",
    "z.mT",
    "z.transpose(0, -1)",
]


@pytest.mark.parametrize("scene", WITHOUT_AXES)
def test_gradients_of_a_tensor_without_axes(scene):
    z, v = [mg.tensor(x, dtype=mg.float64, requires_grad=True) for x in (3.0, 5.0)]
    names = {"i": mg.tensor(0)}

    def function(z, v):
        return eval(scene, {**names, "z": z, "v": v}) * 1 + 0 * v

    assert mg.autograd.gradcheck(function, (z, v))
    assert mg.autograd.gradgradcheck(function, (z, v))


def test_a_row_that_is_named_from_both_ends_takes_the_value_once():
    value = mg.tensor(3.0, requires_grad=True)
    mg.zeros(2, 3).index_fill(1, mg.tensor([1, -2, 0]), value).sum().backward()
    assert value.grad.item() == 4
