"""Where results lie in memory, and in which order random numbers are filled in, against PyTorch.

``golden/layout.json`` holds the strides of what PyTorch returns, for arguments that are contiguous,
transposed, permuted, sliced with a step, and expanded; ``golden/make_layout.py`` writes it.
"""

import inspect
import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.ops import layout

GOLDEN = Path(__file__).parent / "golden"
maker = runpy.run_path(str(GOLDEN / "make_layout.py"))
EXPECTED = json.loads((GOLDEN / "layout.json").read_text(encoding="utf-8"))

# What `test_functions.py` looks at, strides and all.
functions = runpy.run_path(str(GOLDEN / "make_functions.py"))
ELSEWHERE = set(re.findall(r"\bt\.(\w+)\(", functions["SMOOTH"] + functions["STEPS"]))
# What returns no tensor, or a view, or is the same function under another name.
NOT_LAID_OUT = {
    *maker["operations"].WITHOUT_TENSORS, "allclose", "binary_cross_entropy", "bincount",
    "binomial", "cross_entropy", "ctc_loss", "embedding_bag", "equal", "expand", "imag",
    "is_complex", "is_floating_point", "is_nonzero", "movedim", "multi_head_attention_forward",
    "nll_loss",
    "numel", "permute", "poisson", "randint_like", "repeat", "reshape", "result_type",
    "scaled_dot_product_attention", "swapaxes", "t", "transpose", "unflatten",
}  # fmt: skip


@pytest.mark.parametrize("call", maker["CALLS"])
def test_results_lie_in_memory_as_those_of_pytorch(call):
    inputs = maker["inputs"](mg)
    for (name, known), expected in zip(inputs.items(), EXPECTED[call], strict=True):
        if expected is not None:
            assert maker["play"](call, mg, known) == expected, name


@pytest.mark.parametrize("call", maker["DRAWS"])
def test_random_numbers_follow_the_memory(call):
    for name, expected in zip(maker["DRAWS_FOR"], EXPECTED[f"draw {call}"], strict=True):
        drawn = maker["draw"](call, mg, maker["inputs"](mg)[name])
        if expected is not None:
            np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=3e-5, err_msg=name)


def test_every_public_operation_is_called():
    called = set(re.findall(r"\.(\w+)\(", " ".join(maker["CALLS"])))
    public = [n for n in dir(mg) if inspect.isroutine(getattr(mg, n)) and not n.startswith("_")]
    names = {*public, *F.__all__}
    missing = sorted(names - called - NOT_LAID_OUT - ELSEWHERE)
    assert not missing, (
        f"nobody knows the strides of {missing}: add them to tests/golden/operations.py, "
        "if they take each entry on its own, else to OF_ONE, OF_TWO or FORMS in make_layout.py "
        "there, and run that file with PyTorch; to NOT_LAID_OUT here, if what they return has no "
        "layout"
    )
    assert sorted(NOT_LAID_OUT - names) == []


def test_a_deep_copy_keeps_the_order_of_the_memory():
    import copy

    weight = mg.nn.Parameter(mg.arange(6.0).reshape(3, 2).t())
    twin = copy.deepcopy(weight)
    assert twin.stride() == weight.stride() == (1, 2)
    assert twin.tolist() == weight.tolist()


@pytest.mark.parametrize("seed", range(40))
def test_the_order_of_the_axes_is_that_of_numpy_where_arguments_agree(seed):
    """Of a single array without repeated axes, NumPy's ``order="K"`` is the same rule."""
    random = np.random.RandomState(seed)
    shape = tuple(random.randint(2, 5, random.randint(1, 5)))
    wide = np.zeros(tuple(2 * n for n in shape))
    x = wide[tuple(slice(None, None, random.randint(1, 3)) for _ in shape)]
    x = x[tuple(slice(n) for n in shape)].transpose(random.permutation(len(shape)))
    assert layout.empty_alike(x).strides == np.empty_like(x, order="K").strides
    assert layout.copied(x).strides == (x + 0).strides
    memory = layout.in_memory_order(x)
    assert list(memory.strides) == sorted(memory.strides, reverse=True)


def test_dropout_of_a_batch_first_layer_cannot_be_viewed_as_rows():
    output, _ = mg.nn.LSTM(3, 4, batch_first=True)(mg.randn(2, 5, 3))
    dropped = F.dropout(output, 0.5)
    assert dropped.stride() == output.stride()
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        dropped.view(-1, 4)
    assert dropped.contiguous().view(-1, 4).shape == (10, 4)
