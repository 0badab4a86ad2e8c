"""What an operation keeps for its gradient must not change before backward; all else may.

`golden/guards.json` is the table: for every operation, which arguments and results PyTorch keeps.
Changing one of those raises. Changing one of the others does no harm: the gradients are what they
are without the change.
"""

import json
import runpy
from pathlib import Path

import pytest

import minigrad as mg

GOLDEN = Path(__file__).parent / "golden"
maker = runpy.run_path(str(GOLDEN / "make_guards.py"))
TABLE = json.loads((GOLDEN / "guards.json").read_text(encoding="utf-8"))

# PyTorch keeps these, and refuses a change. Here the gradient needs no more than the shape, or has
# a copy of its own (an in-place operation's result can only be kept so); it is right all the same.
NOT_KEPT = {
    ("torch.prod(p)", "0"), ("torch.prod(p,1)", "0"), ("torch.cumprod(p,1)", "0"),
    ("p.masked_select(m)", "p"), ("torch.take(p,i)", "p"), ("p.gather(1,k)", "p"),
    ("torch.take_along_dim(p,k,1)", "p"), ("p.index_add(0,i,q)", "q"),
    ("F.cross_entropy(p,i)", "i"), ("p.index_copy(0,i,q)", "q"),
    ("p.clone().exp_()", "0"), ("F.nll_loss(p,i)", "i"),
    ("F.nll_loss(p,i)", "p"), ("F.rrelu(p)", "p"),
    *[(f"F.{name}(p,2)", "p") for name in (
        "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d")],
    ("F.nll_loss(p,i,r.detach())", "i"),
    ("F.nll_loss(p,i,r.detach())", "p"), ("F.nll_loss(p,i,r.detach())", "r"),
}  # fmt: skip


@pytest.mark.parametrize("expression", TABLE)
def test_keeps_what_pytorch_keeps(expression):
    found = maker["guards"](mg, expression)
    for what, answer in TABLE[expression].items():
        allowed = {answer, "free"} if (expression, what) in NOT_KEPT else {answer}
        assert found.pop(what) in allowed, what
    assert not found


@pytest.mark.parametrize("expression", TABLE)
def test_what_is_not_kept_may_change_unseen(expression):
    """A change through ``.data`` is not noticed, so what is not kept must not be read either."""
    for what, answer in TABLE[expression].items():
        if answer == "free" and what != "twice":
            change = maker["change_of"](what, through="data")
            assert maker["outcome"](mg, expression, change) == "free", what
