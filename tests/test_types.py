"""The types of results: PyTorch's promotion, for all functions of one or two tensors."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

import minigrad as mg

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_types.py")))
STORED = json.loads((GOLDEN / "types.json").read_text())
CALLS = {name: (function, pairs) for name, function, pairs in made.calls(mg)}


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
