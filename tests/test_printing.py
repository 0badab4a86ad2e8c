"""Printing: the text PyTorch prints, character by character, and that no array can break it."""

import json
import math
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from minigrad.arrays import printing

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "printing.json").read_text(encoding="utf-8"))["cases"]
build_array = runpy.run_path(str(GOLDEN / "make_printing.py"))["build_array"]

FLOAT32 = np.dtype("float32")
DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]


def arrays(dtypes, **limits):
    shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, **limits)
    return st.sampled_from(dtypes).flatmap(lambda dtype: npst.arrays(dtype, shapes))


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 12),
        "threshold": st.integers(0, 50),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(0, 120),
        "sci_mode": st.sampled_from([None, True, False]),
        "profile": st.sampled_from(["default", "short", "full"]),
    },
)


def case_id(case):
    array = case["array"]
    return f"{array['dtype']}-{'x'.join(map(str, array['shape'])) or 'scalar'}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_prints_what_pytorch_prints(case):
    with printing.printoptions(**case["options"]):
        text = printing.tensor_text(
            build_array(case["array"]),
            default_dtype=np.dtype(case["default_dtype"]),
            suffixes=case["suffixes"],
        )
    assert text == case["text"]


def test_golden_file_is_rich_enough():
    texts = [case["text"] for case in CASES]
    assert len(texts) >= 150
    for landmark in ("...", "e+", "e-", "nan", "-inf", "size=(", "\n\n", ",\n       grad_fn="):
        assert sum(landmark in text for text in texts) >= 3, landmark


@given(arrays(DTYPES, max_side=6), OPTIONS)
def test_never_raises_and_brackets_balance(array, options):
    with printing.printoptions(**options):
        text = printing.tensor_text(array, default_dtype=FLOAT32, suffixes=["requires_grad=True"])
    assert text.startswith("tensor(")
    assert text.endswith("requires_grad=True)")
    assert text.count("[") == text.count("]")


@given(arrays(DTYPES, max_side=5))
def test_full_precision_text_can_be_read_back(array):
    # 17 significant digits identify a float64.
    with printing.printoptions(profile="full", precision=16, sci_mode=True):
        text = printing.format_array(array)
    words = re.findall(r"[^\s,\[\]]+", text)
    read = [word == "True" if array.dtype == bool else array.dtype.type(word) for word in words]
    np.testing.assert_array_equal(np.array(read, dtype=array.dtype), array.ravel())


def test_looks_only_at_what_it_prints():
    # Eight terabytes, all of them the same eight bytes: touching each would take forever.
    vast = np.broadcast_to(np.float64(1.5), (1_000_000, 1_000_000))
    text = printing.format_array(vast)
    assert text.count("1.5000") == 36
    assert text.count("...") == 7


def test_hidden_elements_do_not_choose_the_format():
    array = np.full(2000, 1.5)
    array[1000] = 1e30
    assert printing.format_array(array) == (
        "[1.5000, 1.5000, 1.5000,  ..., 1.5000, 1.5000, 1.5000]"
    )


def test_views_print_like_their_copies():
    array = np.arange(24.0).reshape(2, 3, 4)
    for view in (array.T, array[:, ::2, 1:], array[::-1], array[0, 0, 0:0]):
        assert printing.format_array(view) == printing.format_array(view.copy())


def test_non_native_byte_order_prints_the_same():
    array = np.array([1.5, -2.0], dtype=">f8")
    assert printing.tensor_text(array, default_dtype=FLOAT32) == (
        "tensor([ 1.5000, -2.0000], dtype=torch.float64)"
    )


def test_prefix_sets_the_indentation():
    array = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    text = printing.tensor_text(array, default_dtype=FLOAT32, prefix="T(")
    assert text == "T([[1., 2.],\n   [3., 4.]])"


def test_printing_leaves_the_array_alone():
    array = np.array([1.0, np.nan, 1e20])
    before = array.tobytes()
    printing.format_array(array)
    assert array.tobytes() == before


def test_set_printoptions_keeps_what_is_not_named():
    with printing.printoptions():
        printing.set_printoptions(precision=2)
        printing.set_printoptions(linewidth=60)
        assert printing.get_printoptions() == printing.PrintOptions(precision=2, linewidth=60)


def test_set_printoptions_forgets_sci_mode_unless_named_again():
    with printing.printoptions(sci_mode=True):
        printing.set_printoptions(precision=2)
        assert printing.get_printoptions().sci_mode is None


def test_profiles():
    with printing.printoptions(precision=9, edgeitems=9):
        printing.set_printoptions(profile="short")
        assert printing.get_printoptions() == printing.PrintOptions(precision=2, edgeitems=2)
        printing.set_printoptions(profile="FULL", precision=3)
        assert printing.get_printoptions() == printing.PrintOptions(precision=3, threshold=math.inf)
        printing.set_printoptions(profile="default")
        assert printing.get_printoptions() == printing.PrintOptions()


def test_printoptions_are_restored_after_an_error():
    before = printing.get_printoptions()
    with pytest.raises(KeyError), printing.printoptions(precision=1):
        raise KeyError
    assert printing.get_printoptions() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "tiny"}, "profile must be one of default, short, full, got 'tiny'"),
        ({"precision": -1}, "precision must not be negative, got -1"),
        ({"edgeitems": -2}, "edgeitems must not be negative, got -2"),
    ],
)
def test_bad_options_are_refused_and_change_nothing(options, message):
    before = printing.get_printoptions()
    with pytest.raises(ValueError, match=message):
        printing.set_printoptions(**options)
    assert printing.get_printoptions() == before
