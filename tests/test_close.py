"""`testing.assert_close`: what it says of pairs is what PyTorch says, in ``golden/close.json``."""

import json
import runpy
from pathlib import Path

import pytest

import minigrad as mg

pytestmark = pytest.mark.once  # nothing is computed by kernels

GOLDEN = Path(__file__).parent / "golden"
SAID = json.loads((GOLDEN / "close.json").read_text(encoding="utf-8"))
said = runpy.run_path(str(GOLDEN / "make_close.py"))["said"]


@pytest.mark.parametrize("case", SAID)
def test_says_what_pytorch_says(case):
    expected = SAID[case]
    if expected.startswith("TypeError"):  # it names the classes, and what to give instead
        assert said(case, mg).startswith(expected.partition(" of type ")[0])
    else:
        assert said(case, mg) == expected


def test_both_outcomes_are_there():
    assert sum(words == "" for words in SAID.values()) > 10
    assert sum(words != "" for words in SAID.values()) > 20
