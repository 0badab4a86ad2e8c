"""The types of results: PyTorch's promotion, for all functions of one or two tensors."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

import minigrad as mg
from minigrad.ops import elementwise

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_types.py")))
STORED = json.loads((GOLDEN / "types.json").read_text())
CALLS = {name: (function, pairs) for name, function, pairs in made.calls(mg)}


# Of three operands, or not in PyTorch at all.
ELSEWHERE = {"lerp", "addcmul", "addcdiv"}
# These take more than PyTorch does: bools, integers.
MORE = {"dist", "functional huber_loss"}


@pytest.mark.parametrize("name", CALLS)
def test_types_equal_pytorchs(name):
    """The same type, and what PyTorch refuses (``!``) is refused."""
    function, pairs = CALLS[name]
    wrong = {
        pair: (got, expected)
        for pair, expected in zip(pairs, STORED[name], strict=True)
        if (got := made.letter(mg, function, pair)) != expected
        and not (expected == "!" and name in MORE)
    }
    assert not wrong


def test_every_elementwise_function_is_in_the_table():
    public = {
        value.__name__ for value in vars(elementwise).values()
        if hasattr(value, "op") and not getattr(value, "__name__", "_").startswith("_")
        and getattr(mg, value.__name__, None) is not None
    }  # fmt: skip
    assert len(public) > 40
    missing = sorted(public - set(made.ONE) - set(made.TWO) - ELSEWHERE)
    assert not missing, (
        f"nobody knows the types of {missing}: add them to ONE or TWO in "
        "tests/golden/make_types.py, and run that file with PyTorch"
    )
