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


@pytest.mark.parametrize("name", CALLS)
def test_types_equal_pytorchs(name):
    """Where PyTorch gives a result, the same type; what PyTorch refuses is not looked at here."""
    function, pairs = CALLS[name]
    wrong = {
        pair: (got, expected)
        for pair, expected in zip(pairs, STORED[name], strict=True)
        if expected != "!" and (got := made.letter(mg, function, pair)) != expected
    }
    assert not wrong


def test_every_elementwise_function_is_in_the_table():
    public = {
        value.__name__ for value in vars(elementwise).values()
        if hasattr(value, "op") and not getattr(value, "__name__", "_").startswith("_")
        and getattr(mg, value.__name__, None) is not None
    }  # fmt: skip
    assert len(public) > 40
    assert public - set(made.ONE) - set(made.TWO) - {"lerp", "addcmul", "addcdiv"} == set()
