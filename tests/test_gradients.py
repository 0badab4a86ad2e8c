"""Every gradient rule against finite differences, in first and in second order.

`CASES` is the table: a function made of minigrad operations, and its inputs. Each entry goes
through `gradcheck` and `gradgradcheck` in float64. `test_every_rule_is_in_the_table` looks into the
graphs that the table makes and fails if some rule of `minigrad.ops` was used by none of them.
"""

import importlib
import math
import pkgutil
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.autograd.engine import Node, edges_if_recording
from minigrad.autograd.primitive import Op, Primitive
from minigrad.autograd.tensor_base import array_of
from minigrad.ops import elementwise as ew
from minigrad.ops import fused, scan
from minigrad.ops import index as indexing
from minigrad.ops import join as joins
from minigrad.ops import matmul as products
from minigrad.ops import shape as views
from minigrad.ops.cast import cast
from minigrad.ops.reduce import _fill

operations = SimpleNamespace(
    **runpy.run_path(str(Path(__file__).parent / "golden" / "operations.py"))
)
ELSEWHERE = {  # have gradient tests of their own
    "attention", "conv", "ctc", "decompositions", "draws", "entrywise_loss", "loss", "lu", "norm",
    "pool", "ranks", "rarer", "rows", "running", "scattering", "solving", "windows",
}  # fmt: skip


# ------------------------------------------------------------------------------------------------
# Inputs
# ------------------------------------------------------------------------------------------------


class R:
    """A random input: shape, range of its values, memory layout."""

    def __init__(self, *shape, low=-2.0, high=2.0, layout="contiguous"):
        self.shape, self.low, self.high, self.layout = shape, low, high, layout

    def array(self, rng):
        if self.layout == "transposed":
            return rng.uniform(self.low, self.high, self.shape[::-1]).T
        if self.layout == "strided":
            wide = [2 * n for n in self.shape]
            return rng.uniform(self.low, self.high, wide)[tuple([slice(1, None, 2)] * len(wide))]
        if self.layout == "reversed":
            backwards = tuple([slice(None, None, -1)] * len(self.shape))
            return rng.uniform(self.low, self.high, self.shape)[backwards]
        return np.asarray(rng.uniform(self.low, self.high, self.shape))


def tensors(inputs, dtype=np.float64):
    """Leaf tensors that require a gradient; what is not an `R` stays as it is."""
    rng = np.random.default_rng(7)
    made = []
    for x in inputs:
        if isinstance(x, R):
            array = x.array(rng)
            x = mg.from_numpy(array if array.dtype == dtype else array.astype(dtype))
            x.requires_grad_()
        made.append(x)
    return tuple(made)


CASES = {}


def case(name, function, *inputs):
    assert name not in CASES, name
    CASES[name] = (function, inputs)


# ------------------------------------------------------------------------------------------------
# Elementwise
# ------------------------------------------------------------------------------------------------

LAYOUTS = {
    "matrix": ((2, 3), "contiguous"),
    "0-d": ((), "contiguous"),
    "empty": ((0, 3), "contiguous"),
    "transposed": ((3, 2), "transposed"),
    "strided": ((2, 3), "strided"),
    "reversed": ((4,), "reversed"),
}

for _name, (_low, _high) in operations.SMOOTH_ONE.items():
    for _kind, (_shape, _layout) in LAYOUTS.items():
        case(
            f"{_name}-{_kind}", getattr(ew, _name), R(*_shape, low=_low, high=_high, layout=_layout)
        )

PAIRS = {  # name: the shapes and layouts of a and of b
    "matrix": ((2, 3), "contiguous", (2, 3), "contiguous"),
    "row": ((2, 3), "contiguous", (3,), "contiguous"),
    "column": ((2, 1), "contiguous", (2, 3), "contiguous"),
    "both wider": ((2, 1), "contiguous", (1, 3), "contiguous"),
    "more axes": ((3,), "contiguous", (2, 2, 3), "contiguous"),
    "0-d left": ((), "contiguous", (2, 3), "contiguous"),
    "0-d both": ((), "contiguous", (), "contiguous"),
    "empty": ((0, 3), "contiguous", (3,), "contiguous"),
    "empty by broadcast": ((1, 3), "contiguous", (0, 1), "contiguous"),
    "layouts": ((3, 2), "transposed", (3, 2), "strided"),
}

for _name, (_range_a, _range_b) in operations.SMOOTH_TWO.items():
    _op = getattr(ew, _name)
    for _kind, (_shape_a, _layout_a, _shape_b, _layout_b) in PAIRS.items():
        case(
            f"{_name}-{_kind}",
            _op,
            R(*_shape_a, low=_range_a[0], high=_range_a[1], layout=_layout_a),
            R(*_shape_b, low=_range_b[0], high=_range_b[1], layout=_layout_b),
        )
    case(
        f"{_name}-number right",
        lambda a, op=_op: op(a, 1.5),
        R(2, 3, low=_range_a[0]),
    )
    case(
        f"{_name}-number left",
        lambda b, op=_op: op(1.5, b),
        R(2, 3, low=_range_b[0]),
    )

case("operators", lambda a, b: (a + b) * (a - b) / (b * b + 1) - a**2 + (-b) % 1.7, R(2, 3), R(3))
case("reflected", lambda a: 1 + (2 - a) * 3 / (4 + a * a) + 2**a - (+a), R(2, 3))
case("pow-integer exponents", lambda a: a**3 + a**2 + a**1 + a**0, R(5))
case("pow-negative base", lambda a: a**-2 + a**5, R(5, low=-2, high=-0.5))
case("one tensor twice", lambda a: a * a + a / (a * a + 1), R(4))
case("add-alpha", lambda a, b: mg.add(a, b, alpha=0.5), R(2, 3), R(3))
case("add-alpha of one shape", lambda a, b: mg.add(a, b, alpha=0.5), R(2, 3), R(2, 3))
case("sub-alpha of one shape", lambda a, b: mg.sub(a, b, alpha=0.5), R(2, 3), R(2, 3))
case("sub-alpha", lambda a, b: mg.sub(a, b, alpha=-2), R(2, 3), R(3))
case("rsub", lambda a, b: mg.rsub(a, b, alpha=3), R(2, 3), R(3))
case("div_reflected", ew.div_reflected, R(2, 3, low=0.5), R(3))
case("div-trunc", lambda a, b: mg.div(a, b, rounding_mode="trunc"), R(4), R(4, low=0.6))
case("div-floor", lambda a, b: mg.div(a, b, rounding_mode="floor"), R(4), R(4, low=0.6))
case("round-decimals", lambda a: mg.round(a, decimals=1), R(4))
case("clamp-numbers", lambda a: a.clamp(-0.7, 0.9), R(9))
case("clamp-min", lambda a: a.clamp(min=0.1), R(9))
case("clamp-tensors", lambda a, lo, hi: a.clamp(lo, hi), R(2, 5), R(5, high=-0.5), R(2, 1, low=0.5))
case("lerp", lambda a, b, w: mg.lerp(a, b, w), R(2, 3), R(3), R(2, 1))
case("lerp-number", lambda a, b: mg.lerp(a, b, 0.3), R(2, 3), R(2, 3))
case("addcmul", lambda a, b, c: mg.addcmul(a, b, c, value=0.5), R(2, 3), R(3), R(2, 1))
case("addcdiv", lambda a, b, c: mg.addcdiv(a, b, c, value=-2), R(2, 3), R(3), R(2, 1, low=0.5))
for _name in ("entr", "erfcx", "log_ndtr", "ndtri", "ndtr"):
    case(_name, getattr(mg.special, _name), R(2, 3, low=0.2, high=0.8))
case("log_ndtr-far", mg.special.log_ndtr, R(5, low=-9, high=9))
case("polygamma", lambda a: mg.polygamma(2, a), R(5, low=0.3))
case("polygamma-negative", lambda a: mg.polygamma(1, a), R(5, low=-2.7, high=-2.3))
case("logit-eps", lambda a: mg.logit(a, 0.1), R(5, low=0.2, high=0.8))
case("xlog1py", mg.special.xlog1py, R(2, 3), R(3, low=-0.5))
case("multigammaln", lambda a: mg.special.multigammaln(a, 3), R(2, 3, low=1.3, high=3))
for _name in ("gammainc", "gammaincc"):
    case(_name, lambda x, op=_name: getattr(mg.special, op)(
        mg.tensor([[0.6], [2.5]], dtype=mg.float64), x), R(3, low=0.3, high=4))  # fmt: skip
case("cast", lambda a: cast(cast(a, np.dtype(np.float64)) * 2, np.dtype(np.float64)), R(3))

# ------------------------------------------------------------------------------------------------
# Shapes
# ------------------------------------------------------------------------------------------------

for _kind, (_shape, _layout) in LAYOUTS.items():
    _x = R(*_shape, layout=_layout)
    case(f"reshape-{_kind}", lambda x: x.reshape(-1 if x.numel() else 0) * 2, _x)
    case(f"clone-{_kind}", lambda x: x.clone() * x, _x)
    case(f"contiguous-{_kind}", lambda x: x.contiguous() * x, _x)
    case(f"flatten-{_kind}", lambda x: x.flatten() ** 2, _x)
    case(f"T-{_kind}", lambda x: x.T * x.T, _x)
    case(f"t-{_kind}", lambda x: x.t() ** 2, _x)

case("sum_to", lambda x: views.sum_to(x, (3, 1)) ** 2, R(2, 3, 4))
case("sum_to-0-d", lambda x: views.sum_to(x, ()) ** 2, R(2, 3))
case("fill", lambda x: _fill(x, (2, 3, 4)) ** 2, R(3, 1))
case("broadcast_to", lambda x: mg.broadcast_to(x, (2, 3, 4)) * 2, R(3, 1))
case("expand", lambda x: x.expand(2, -1, 4) ** 2, R(3, 1))
case("expand-0-d", lambda x: x.expand(2, 3) ** 2, R())
case("expand-to nothing", lambda x: x.expand(0, 3) ** 2, R(1, 3))
case("expand_as", lambda x, y: x.expand_as(y) * y, R(3), R(2, 3))
case("view", lambda x: x.view(3, -1) ** 2, R(2, 3))
case("view_as", lambda x, y: x.view_as(y) * y, R(2, 3), R(6))
case("unflatten", lambda x: x.unflatten(1, (2, -1)) ** 2, R(2, 6))
case("squeeze", lambda x: x.squeeze() ** 2, R(1, 3, 1))
case("squeeze-dim", lambda x: x.squeeze(0) ** 2 + x.squeeze((0, 2)).sum(), R(1, 3, 1))
case("unsqueeze", lambda x: x.unsqueeze(1) * x.unsqueeze(-1).sum(), R(2, 3))
case("transpose", lambda x: x.transpose(0, 2) ** 2, R(2, 3, 2))
case("mT", lambda x: x.mT @ x, R(2, 3, 2))
case("permute", lambda x: x.permute(2, 0, 1) ** 2, R(2, 3, 2))
case("movedim", lambda x: x.movedim((0, 2), (1, 0)) ** 2, R(2, 3, 2))
case("repeat", lambda x: x.repeat(2, 1, 2) ** 2, R(2, 3))
case("tile", lambda x: x.tile((2,)) ** 2, R(2, 3))
case("flip", lambda x: x.flip(0, 1) * x, R(2, 3))
case("roll", lambda x: x.roll((1, -1), (0, 1)) * x, R(2, 3))
case("roll-flat", lambda x: x.roll(2) * x, R(2, 3))
case("tril", lambda x: x.tril(-1) * x.t(), R(3, 3))
case("triu", lambda x: x.triu(1) * x.t(), R(3, 3))
case("meshgrid", lambda x, y: mg.meshgrid(x, y, indexing="xy"), R(2), R(3))
case("broadcast_tensors", lambda x, y: mg.broadcast_tensors(x, y), R(2, 1), R(3))

# ------------------------------------------------------------------------------------------------
# Joining and cutting
# ------------------------------------------------------------------------------------------------

case("cat", lambda x, y: mg.cat([x, y], 1) ** 2, R(2, 3), R(2, 1))
case(
    "cat-with empty",
    lambda x, y: mg.cat([x, mg.zeros(0, dtype=mg.float64), y]) ** 2,
    R(2, 3),
    R(1, 3),
)
case("cat-empty pieces", lambda x, y: mg.cat([x, y], 1) ** 2, R(2, 0), R(2, 3))
case("cat-same twice", lambda x: mg.cat([x, x * 2, x]) ** 2, R(2, 2))
case(
    "cat-layouts",
    lambda x, y: mg.cat([x, y]) ** 2,
    R(3, 2, layout="transposed"),
    R(2, 2, layout="strided"),
)
case("stack", lambda x, y: mg.stack([x, y], -1) ** 2, R(2, 3), R(2, 3))
case("stack-0-d", lambda x, y: mg.stack([x, y]) ** 2, R(), R())
case("stack_rows", lambda x: joins.stack_rows([x, x * 2]) ** 2, R(1, 3))
case("hstack", lambda x, y: mg.hstack([x, y]) ** 2, R(2, 3), R(2, 1))
case("vstack", lambda x, y: mg.vstack([x, y]) ** 2, R(3), R(2, 3))
case("split-all outputs", lambda x: x.split(2, 1), R(2, 5))
case("split-sections", lambda x: x.split([1, 0, 4], 1), R(2, 5))
case("split-one output used", lambda x: x.split(2, 1)[1] ** 2, R(2, 5))
case("chunk", lambda x: [piece**2 for piece in x.chunk(3)], R(5, 2))
case("unbind", lambda x: x.unbind(1), R(2, 3))
case("unbind-one output used", lambda x: x.unbind(1)[2] * x[:, 0], R(2, 3))
case("unbind-0-d pieces", lambda x: x.unbind(), R(3))
case("iteration", lambda x: sum((row**3).sum() for row in x), R(3, 2))

# ------------------------------------------------------------------------------------------------
# Indexing
# ------------------------------------------------------------------------------------------------

INDICES = {
    "int": (1,), "negative": (-1,), "ints": ((1, 2),), "all ints": ((1, 2, 0),),
    "slice": (slice(1, 3),), "steps": ((slice(None, None, 2), slice(0, 3, 2)),),
    "empty slice": (slice(2, 2),), "none": ((None, 1, None),), "ellipsis": ((..., 1),),
    "ellipsis and int": ((0, ..., 1),), "list": ([0, 2, 0],), "repeated": (np.array([1, 1, 1]),),
    "two lists": (([0, 2], [1, 1]),),
    "broadcast lists": ((np.array([[0], [2]]), np.array([0, 3])),),
    "list and slice": ((slice(None), [0, 3, 0]),), "int and list": ((0, slice(None), [1, 0]),),
    "split lists": (([0, 1], slice(None), [1, 0]),),
    "mask": (np.arange(12).reshape(3, 4) % 2 == 0,),
    "mask of an axis": ((slice(None), np.array([True, False, True, True])),),
    "mask of nothing": (np.zeros((3, 4), bool),), "empty list": ([],), "whole": (...,),
}  # fmt: skip

for _name, (_index,) in INDICES.items():
    case(f"getitem-{_name}", lambda x, index=_index: x[index] ** 2, R(3, 4, 2))
    if _name not in (
        "list",
        "repeated",
        "list and slice",
    ):  # which of two writes wins is not defined
        case(f"setitem-{_name}", lambda x, v, index=_index: _set(x, index, v) ** 2, R(3, 4, 2), R())

case("getitem-transposed", lambda x: x[1:, 0] * x[[0, 0], 1], R(3, 4, layout="transposed"))
case("getitem-chain", lambda x: x[1][:2][..., 0] ** 2, R(2, 3, 4))
case("getitem-loop", lambda x: sum(x[t] * (t + 1) for t in range(4)) ** 2, R(4, 3))
case("narrow", lambda x: x.narrow(1, 1, 2) ** 2, R(2, 4))
case("select", lambda x: x.select(1, -1) ** 2, R(2, 4))
case("diagonal", lambda x: x.diagonal() ** 2, R(3, 4))
case("diagonal-of axes", lambda x: x.diagonal(1, 2, 0) ** 2, R(2, 3, 3))
case("diagonal-transpose", lambda g: indexing.diagonal_back(g, (3, 4), 1, 0, 1) ** 2, R(3))
case("diag-of matrix", lambda x: x.diag(-1) ** 2, R(3, 3))
case("diag-of vector", lambda x: x.diag(1) ** 2, R(3))
case("gather", lambda x: x.gather(1, mg.tensor([[0, 0, 2], [1, 2, 1]])) ** 2, R(3, 3))
case("gather-0-d", lambda x: x.gather(0, mg.tensor(0)) ** 2, R())
case(
    "gather-transpose",
    lambda g: indexing.scatter_sum(g, np.array([[0, 0, 2], [1, 2, 1]]), 1, (3, 3)) ** 2,
    R(2, 3),
)
case("take_along_dim", lambda x: mg.take_along_dim(x, mg.tensor([[0], [2], [1]]), 1) ** 2, R(3, 3))
case("take_along_dim-flat", lambda x: mg.take_along_dim(x, mg.tensor([0, 5, 5])) ** 2, R(2, 3))
case("index_select", lambda x: x.index_select(1, mg.tensor([2, 0, 2])) ** 2, R(2, 3))
case("take", lambda x: x.take(mg.tensor([[5, 0], [0, 1]])) ** 2, R(2, 3))
case("masked_select", lambda x: x.masked_select(mg.tensor([True, False, True])) ** 2, R(2, 3))
case("repeat_interleave", lambda x: x.repeat_interleave(2, 1) ** 2, R(2, 3))
case("repeat_interleave-each", lambda x: x.repeat_interleave(mg.tensor([2, 0, 1]), 0) ** 2, R(3, 2))
case("place", lambda x: indexing.place(x, (3, 2), (np.array([0, 0]), np.array([1, 1]))) ** 2, R(2))
case("where", lambda x, y: mg.where(mg.tensor([True, False, True]), x, y) ** 2, R(2, 3), R(3))
case("repeat_interleave-flat", lambda x: x.repeat_interleave(2) ** 2, R(2, 3))
case("where-number", lambda x: mg.where(x > 0, x * x, 0.5), R(2, 3))
case(
    "where-mask is wider",
    lambda x, y: mg.where(mg.tensor([[True], [False]]), x, y) ** 2,
    R(3),
    R(1),
)
case("masked_fill", lambda x: x.masked_fill(x.detach() > 0, 3.0) * x, R(2, 3))
case(
    "masked_fill-tensor",
    lambda x, v: x.masked_fill(mg.tensor([True, False, True]), v) * x,
    R(2, 3),
    R(),
)

# ------------------------------------------------------------------------------------------------
# In place. What is changed is a copy of the input: a leaf must not be.
# ------------------------------------------------------------------------------------------------


def _set(x, index, value):
    x = x.clone()
    x[index] = value
    return x


def _on_copy(method, *numbers):
    def function(x, *others):
        x = x * 1
        result = getattr(x, method)(*others, *numbers)
        assert result is x
        return x * x

    return function


for _name in ("add_", "sub_", "mul_"):
    case(f"{_name}tensor", _on_copy(_name), R(2, 3), R(3))
    case(f"{_name}number", _on_copy(_name, 1.5), R(2, 3))
    case(f"{_name}0-d", _on_copy(_name), R(), R())
case("div_", _on_copy("div_"), R(2, 3), R(3, low=0.5))
case("pow_", _on_copy("pow_", 3), R(2, 3))
for _name, (_low, _high) in operations.SMOOTH_ONE.items():
    if _name != "positive":
        case(f"{_name}_", _on_copy(f"{_name}_"), R(2, 3, low=_low, high=_high))
for _name in ("remainder", "fmod", "floor_divide"):
    case(f"{_name}_", _on_copy(f"{_name}_"), R(2, 3), R(3, low=1.1, high=1.9))
for _name in ("subtract", "multiply", "divide", "xlogy"):
    case(f"{_name}_", _on_copy(f"{_name}_"), R(2, 3), R(3, low=0.5))
case("negative_", _on_copy("negative_"), R(2, 3))
case("absolute_", _on_copy("absolute_"), R(2, 3))
case("clamp_", _on_copy("clamp_", -0.5, 0.5), R(2, 3))
case("clip_", _on_copy("clip_", -0.5, 0.5), R(2, 3))
case("clamp_min_", _on_copy("clamp_min_", -0.5), R(2, 3))
case("clamp_max_", _on_copy("clamp_max_", 0.5), R(2, 3))
case("cumsum_", _on_copy("cumsum_", 1), R(2, 3))
case("cumprod_", _on_copy("cumprod_", 1), R(2, 3))
case("tril_", _on_copy("tril_"), R(3, 3))
case("triu_", _on_copy("triu_"), R(3, 3))
case("addmm_", _on_copy("addmm_"), R(2, 2), R(2, 3), R(3, 2))
case("baddbmm_", _on_copy("baddbmm_"), R(2, 2, 2), R(2, 2, 3), R(2, 3, 2))
case("unsqueeze_", _on_copy("unsqueeze_", 1), R(2, 3))
case("squeeze_", _on_copy("squeeze_", 1), R(2, 1, 3))
case("transpose_", _on_copy("transpose_", 0, 1), R(2, 3))
case("t_", _on_copy("t_"), R(2, 3))
case("t_-of a view", lambda x, y: ((x * 2)[1:].t_() * y) ** 2, R(3, 2), R(2, 2))
case("addcmul_", _on_copy("addcmul_"), R(2, 3), R(3), R(2, 1))
case("addcdiv_", _on_copy("addcdiv_"), R(2, 3), R(3), R(2, 1, low=0.5))
case("lerp_", _on_copy("lerp_", 0.25), R(2, 3), R(3))
case("copy_", _on_copy("copy_"), R(2, 3), R(3))
case("fill_-number", _on_copy("fill_", 2.0), R(2, 3))
case("fill_-tensor", _on_copy("fill_"), R(2, 3), R())
case("zero_", _on_copy("zero_"), R(2, 3))
case("fill_diagonal_", _on_copy("fill_diagonal_", 2.0), R(2, 3))
case("fill_diagonal_-wrap", _on_copy("fill_diagonal_", 2.0, True), R(5, 2))
case(
    "masked_fill_", lambda x: (x * 2).masked_fill_(mg.tensor([True, False, True]), 0.5) * x, R(2, 3)
)
case(
    "masked_fill_-tensor",
    lambda x, v: (x * 2).masked_fill_(mg.tensor([True, False, True]), v),
    R(2, 3),
    R(),
)

_INDEX = mg.tensor([[0, 2, 1], [1, 1, 0]])
case("scatter_", lambda x, s: (x * 1).scatter_(0, mg.tensor([[0, 2, 1]]), s) ** 2, R(3, 3), R(1, 3))
case(
    "scatter_-wider source",
    lambda x, s: (x * 1).scatter_(0, mg.tensor([[0, 2]]), s) ** 2,
    R(3, 3),
    R(2, 3),
)
case("scatter_-number", lambda x: (x * 1).scatter_(1, mg.tensor([[0], [2]]), 1.5) ** 2, R(3, 3))
case("scatter", lambda x, s: x.scatter(1, mg.tensor([[0], [2]]), s) ** 2, R(3, 3), R(2, 1))
case("scatter_-add", lambda x: (x * 1).scatter_(1, _INDEX, 2.0, reduce="add") ** 2, R(2, 3))
case("scatter_add", lambda x, s: x.scatter_add(0, _INDEX, s) ** 2, R(3, 3), R(2, 3))
case("scatter_add_", lambda x, s: (x * 1).scatter_add_(1, _INDEX, s) ** 2, R(3, 3), R(2, 3))
case(
    "index_add_",
    lambda x, s: (x * 1).index_add_(1, mg.tensor([2, 2]), s, alpha=0.5) ** 2,
    R(2, 3),
    R(2, 2),
)
case(
    "index_copy_", lambda x, s: (x * 1).index_copy_(0, mg.tensor([2, 0]), s) ** 2, R(3, 2), R(2, 2)
)
case("index_fill_", lambda x, v: (x * 1).index_fill_(1, mg.tensor([2, 0]), v) ** 2, R(2, 3), R())
case("index_fill_-number", lambda x: (x * 1).index_fill_(1, mg.tensor([2, 0]), 3.0) ** 2, R(2, 3))
case("index_put_", lambda x, v: (x * 1).index_put_((mg.tensor([0, 2]),), v) ** 2, R(3, 2), R(2, 2))
case(
    "index_put_-accumulate",
    lambda x, v: (x * 1).index_put_((mg.tensor([0, 0]),), v, accumulate=True) ** 2,
    R(3, 2),
    R(2, 2),
)
case("setitem-row", lambda x, v: _set(x, 1, v) ** 2, R(3, 4), R(4))
case(
    "setitem-broadcast column",
    lambda x, v: _set(x, (slice(None), [0, 2]), v) ** 2,
    R(3, 4),
    R(3, 1),
)
case("setitem-extra axes of size 1", lambda x, v: _set(x, 1, v) ** 2, R(3, 4), R(1, 1, 4))
case("setitem-transposed", lambda x, v: _set(x.t(), 0, v) ** 2, R(3, 4), R(3))
case("setitem-own values", lambda x: _set(x, 0, x[1] * x[2]) ** 2, R(3, 4))


def write_row(x, y):
    base = x * 2
    base[0].mul_(y)
    return base * base


def write_nested_view(x, y):
    base = x * 2
    base.t()[1:].t()[0] += y
    return base * base


def write_twice(x, y):
    base = x * 2
    row = base[0]
    row *= y
    row += row.clone() * row.clone()
    return base * base


def write_overlapping_views(x, y):
    base = x * 2
    base[:2].mul_(3.0)
    base[1:].add_(y)
    base[:, 1] = base[:, 0].exp() + base[:, 2]
    return base * base


def read_view_after_base(x, y):
    base = x * 2
    column, transposed, row = base[:, 1], base.t(), base[0][1:]
    base.mul_(y)
    return column.sum() * transposed, row * row


def read_view_after_sibling(x, y):
    base = x * 2
    first, both = base[0], base[:2]
    both.mul_(y)
    return first * first


def write_view_after_base(x, y):
    base = x * 2
    row = base[0]
    base.add_(1.0)
    row.mul_(y)
    return base * base, row * row


def write_through_reshape(x, y):
    base = x * 2
    base.view(-1)[1:4] = y
    base.unsqueeze(0).squeeze(0)[2] = y
    return base * base


def write_diagonal(x, y):
    base = x * 2
    base.diagonal().mul_(y)
    base.diagonal(1).fill_(1.5)
    return base * base


def write_view_of_0_d(x, y):
    base = y.sum()
    row = base[None]
    row[1:] += 1
    row[:1] = x[0, 0] * base.clone()
    return base * base, row * row


def constant_base(x, y):
    base = mg.zeros(3, 3, dtype=mg.float64)
    seen_before = base[1]
    base[1] = y * y
    base[:, 0] = x[:, 0]
    return base * base, seen_before * 3


def loop_of_writes(x, y):
    out = mg.zeros(3, 3, dtype=mg.float64)
    state = y
    for t in range(3):
        state = (state * x[t]).tanh()
        out[t] = state
    return out * out, state


for _function in (
    write_row, write_nested_view, write_twice, write_overlapping_views, read_view_after_base,
    read_view_after_sibling, write_view_after_base, write_through_reshape, write_diagonal,
    write_view_of_0_d, constant_base, loop_of_writes,
):  # fmt: skip
    _y = R(2) if _function is write_nested_view else R(3)
    case(_function.__name__, _function, R(3, 3), _y)
case("write_row-transposed", write_row, R(3, 3, layout="transposed"), R(3))

# ------------------------------------------------------------------------------------------------
# Reductions
# ------------------------------------------------------------------------------------------------

AXES = {"all": None, "first": 0, "last": -1, "two": (0, 2)}

for _name in ("sum", "mean", "amax", "amin", "norm", "var", "std", "logsumexp"):
    _op = getattr(mg, _name)
    for _kind, _dim in AXES.items():
        for _keep in (False, True):
            if _name == "logsumexp" and _dim is None:
                continue
            _dim = () if _dim is None and _name in ("amax", "amin") else _dim
            case(
                f"{_name}-{_kind}-{_keep}",
                lambda x, op=_op, dim=_dim, keep=_keep: op(x, dim=dim, keepdim=keep) ** 2,
                R(2, 3, 2),
            )
    if _name not in ("var", "std"):
        _dim = {"logsumexp": 0, "amax": (), "amin": ()}.get(_name)
        case(
            f"{_name}-0-d",
            lambda x, op=_op, dim=_dim: op(x, dim=dim) ** 2,
            R(),
        )
    case(
        f"{_name}-transposed",
        lambda x, op=_op: op(x, dim=0) * x[0],
        R(3, 2, layout="transposed"),
    )

case("sum-empty", lambda x: x.sum() + x.sum(0).sum(), R(0, 3))
case("sum-of nothing per row", lambda x: x.sum(1) ** 2, R(3, 0))
case("var-population", lambda x: mg.var(x, 1, unbiased=False) ** 2, R(2, 3))
case("var-correction", lambda x: x.var(0, correction=0.5) ** 2, R(3, 2))
case("var_mean", lambda x: mg.var_mean(x, 1), R(2, 3))
case("std_mean", lambda x: mg.std_mean(x, 1), R(2, 3))
case("logsumexp-large", lambda x: (x * 300).logsumexp(0), R(3))
for _p in (0.5, 1, 1.5, 3, math.inf, -math.inf, 0):
    case(f"norm-{_p}", lambda x, p=_p: mg.norm(x, p, 1) * x.sum(), R(2, 3, low=0.2))
case("dist", lambda x, y: mg.dist(x, y), R(2, 3), R(2, 3))
case("dist-3", lambda x, y: mg.dist(x, y, 3), R(2, 3), R(3))
case("cumsum", lambda x: x.cumsum(1) ** 2, R(2, 4))
case("cumsum-0-d", lambda x: x.cumsum(0) ** 2, R())
case("cumprod", lambda x: x.cumprod(1) ** 2, R(2, 4))
case("cumprod-first axis", lambda x: x.cumprod(0) * x, R(4, 2))
case("cumprod-0-d", lambda x: x.cumprod(0) ** 2, R())
case("cumprod-of nothing", lambda x: x.cumprod(0) ** 2, R(0, 2))
case(
    "cumprod-with zeros",
    lambda x: (x * mg.tensor([1.0, 0.0, 1.0, 0.0, 1.0]).double()).cumprod(0) * x,
    R(5),
)
case("recurrence", lambda g, f: scan._recurrence(g, f, 1) ** 2, R(2, 4), R(2, 4))
case("prod", lambda x: x.prod(), R(2, 3))
case("prod-dim", lambda x: x.prod(1) ** 2, R(2, 5))
case("prod-keepdim", lambda x: x.prod(0, keepdim=True) * x, R(4, 2))
case(
    "prod-with zeros",
    lambda x: (x * mg.tensor([1.0, 0.0, 1.0, 0.0]).double() + x.detach() * 0).prod(),
    R(4),
)
case("prod-one entry", lambda x: x.prod(0) ** 2, R(1, 2))
case("prod-0-d", lambda x: x.prod() ** 2, R())

for _name in ("max", "min", "median"):
    _op = getattr(mg, _name)
    case(f"{_name}-all", lambda x, op=_op: op(x) ** 2, R(3, 4))
    case(f"{_name}-dim", lambda x, op=_op: op(x, 1)[0] ** 2, R(3, 4))
    case(
        f"{_name}-keepdim",
        lambda x, op=_op: op(x, 0, True).values * x,
        R(3, 4),
    )
case("max-0-d", lambda x: x.max(0).values ** 2, R())
case("max-two tensors", lambda x, y: mg.max(x, y) ** 2, R(2, 3), R(3))
case("min-two tensors", lambda x, y: mg.min(x, y) ** 2, R(2, 3), R(3))
case("sort", lambda x: x.sort(0, descending=True).values * x, R(4, 2))
case("sort-last", lambda x: x.sort().values ** 2, R(2, 4))
case("sort-stable", lambda x: x.sort(stable=True).values ** 2, R(2, 4))
case("sort-0-d", lambda x: x.sort().values ** 2, R())
case("topk", lambda x: x.topk(2, 0).values ** 2, R(4, 2))
case("topk-smallest", lambda x: x.topk(3, largest=False)[0] ** 2, R(2, 4))
for _kind, (_shape, _layout) in LAYOUTS.items():
    _x = R(*_shape, layout=_layout)
    case(f"softmax-{_kind}", lambda x: mg.softmax(x, 0) * x, _x)
    case(f"log_softmax-{_kind}", lambda x: mg.log_softmax(x, -1) * x, _x)
case("softmax-middle", lambda x: x.softmax(1) ** 2, R(2, 3, 2))

# ------------------------------------------------------------------------------------------------
# Products
# ------------------------------------------------------------------------------------------------

MATMUL = {
    "matrices": ((2, 3), (3, 4)), "matrix vector": ((2, 3), (3,)), "vector matrix": ((3,), (3, 2)),
    "vectors": ((3,), (3,)), "stacks": ((2, 2, 3), (2, 3, 2)),
    "stack and matrix": ((2, 2, 3), (3, 2)),
    "matrix and stack": ((2, 3), (2, 3, 2)), "broadcast stacks": ((2, 1, 2, 3), (3, 3, 1)),
    "stack and vector": ((2, 2, 3), (3,)), "vector and stack": ((3,), (2, 3, 2)),
    "inner size 0": ((2, 0), (0, 3)), "no rows": ((0, 3), (3, 2)),
    "empty stack": ((0, 2, 3), (3, 2)),
    "inner size 0 in stack": ((2, 2, 0), (0, 3)), "size 1": ((1, 1), (1, 1)),
}  # fmt: skip
for _name, (_a, _b) in MATMUL.items():
    case(f"matmul-{_name}", lambda a, b: (a @ b) ** 2, R(*_a), R(*_b))
case("matmul-layouts", lambda a, b: a @ b, R(3, 2, layout="transposed"), R(2, 3, layout="strided"))
case("matmul-with itself", lambda a: a @ a @ a.t(), R(3, 3))
case("mm", products.mm, R(2, 3), R(3, 2))
case("mv", products.mv, R(2, 3), R(3))
case("dot", products.dot, R(3), R(3))
case("bmm", products.bmm, R(2, 2, 3), R(2, 3, 1))
case("outer", mg.outer, R(2), R(3))
case("addmm", lambda c, a, b: mg.addmm(c, a, b, beta=0.5, alpha=2), R(2), R(3, 2), R(2, 2))
case("addmm-plain", mg.addmm, R(3, 2), R(3, 2), R(2, 2))
case(
    "baddbmm",
    lambda c, a, b: mg.baddbmm(c, a, b, beta=0.5, alpha=2),
    R(2, 2, 2),
    R(2, 2, 3),
    R(2, 3, 2),
)
LINEAR = {
    "vector": (3,),
    "matrix": (2, 3),
    "sequence": (2, 2, 3),
    "no rows": (0, 3),
    "0 steps": (0, 2, 3),
}
for _name, _shape in LINEAR.items():
    case(
        f"linear-{_name}", lambda x, w, b: products.linear(x, w, b) ** 2, R(*_shape), R(4, 3), R(4)
    )
    case(f"linear-{_name}-no bias", lambda x, w: products.linear(x, w) ** 2, R(*_shape), R(4, 3))
case(
    "linear-layouts", products.linear, R(3, 2, layout="transposed"), R(2, 2, layout="strided"), R(2)
)
case("linear-one weight twice",
     lambda x, w, b: products.linear(products.linear(x, w, b).tanh(), w, b),
     R(2, 3), R(3, 3), R(3))  # fmt: skip

EINSUM = {
    "ij,jk->ik": ((2, 3), (3, 2)), "bij,bjk->bik": ((2, 2, 3), (2, 3, 2)), "i,j->ij": ((2,), (3,)),
    "ij,ij->": ((2, 3), (2, 3)), "ij->ji": ((2, 3),), "ij->i": ((2, 3),), "ij,j": ((2, 3), (3,)),
    "ij,kl->jk": ((2, 3), (2, 2)), "bn,anm,bm->ba": ((2, 2), (3, 2, 2), (2, 2)),
    "i,i,i->i": ((3,),) * 3, "ii->i": ((3, 3),), "ii": ((3, 3),), "iij,j->i": ((2, 2, 3), (3,)),
    "...ij,...jk": ((2, 1, 2, 3), (2, 3, 2)), "i...,i...->...": ((2, 3), (2, 3)),
    "ij,jk,k->": ((2, 3), (3, 2), (2,)), "bij,bjk->ikb": ((2, 2, 3), (2, 3, 3)),
}  # fmt: skip
for _equation, _shapes in EINSUM.items():
    case(
        f"einsum-{_equation}",
        lambda *x, eq=_equation: mg.einsum(eq, *x) ** 2,
        *[R(*s) for s in _shapes],
    )

# ------------------------------------------------------------------------------------------------
# An operation made of a kernel and a reference
# ------------------------------------------------------------------------------------------------


def _two_products_vjp(grads, needs, inputs, options, kept):
    x, w = inputs
    first, second = [0 if g is None else g for g in grads]
    d_x = first * 2 * x * w + second * w if needs[0] else None
    d_w = first * x * x + second * x if needs[1] else None
    return [d_x, d_w]


_TWO_PRODUCTS = fused.Fused(
    "two_products",
    vjp=_two_products_vjp,
    reference=lambda x, w: (x * x * w, (x * w).sum()),
)


def two_products(x, w):
    a, b = array_of(x), array_of(w)
    edges = edges_if_recording((x, w))
    results = (a * a * b, np.sum(a * b))
    return _TWO_PRODUCTS.call(edges, (x, w), (), None, results, arrays=[a, b], guarded=(x, w))


case("fused-both outputs", two_products, R(3), R(3))
case("fused-first output", lambda x, w: two_products(x, w)[0] ** 2, R(3), R(3))
case("fused-second output", lambda x, w: two_products(x, w)[1] ** 2, R(3), R(3))
case("fused-one input constant", lambda x: two_products(x, x.detach() * 0 + 2), R(3))
case("fused-inputs with one history", lambda x: two_products(x, x.sin())[0] * x, R(3))
case("alias", fused._same, R(2, 3))


# ------------------------------------------------------------------------------------------------
# The checks
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_first_order(name):
    function, inputs = CASES[name]
    assert gradcheck(function, tensors(inputs), check_grad_dtypes=True)


@pytest.mark.parametrize("name", CASES)
def test_second_order(name):
    function, inputs = CASES[name]
    strided = bool(len(name) % 2)  # let half of the cases have gradients that are not contiguous
    assert gradgradcheck(
        function, tensors(inputs), gen_non_contig_grad_outputs=strided, check_grad_dtypes=True
    )


@pytest.mark.parametrize("name", CASES)
def test_float32_gradients_are_float32(name):
    function, inputs = CASES[name]
    values = tensors(inputs, np.float32)
    wanted = [x for x in values if isinstance(x, mg.Tensor) and x.requires_grad]
    try:
        outputs = function(*values)
    except RuntimeError as error:  # the case brings a float64 tensor of its own into a product
        pytest.fail(str(error))
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    graded = [y for y in outputs if y.requires_grad]
    start = [mg.ones_like(y) for y in graded]
    for create_graph in (True, False):  # the graph can be freed only once
        grads = mg.autograd.grad(
            graded, wanted, start, create_graph=create_graph, allow_unused=True
        )
        assert {g.dtype for g in grads if g is not None} <= {mg.float32}


def outputs_that_require_grad(function, values):
    outputs = function(*values)
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [y for y in outputs if y.requires_grad]


# The gradient of these is a product with a number that happens to be 0, or a difference.
MULTIPLIED = ("remainder", "fmod", "tril", "triu", "prod-", "cumprod-", "recurrence",
              "log_softmax-0-d")  # fmt: skip


@pytest.mark.parametrize("name", [n for n in CASES if not n.startswith(MULTIPLIED)])
@pytest.mark.parametrize("special", [math.inf, math.nan])
def test_special_gradients_do_not_leak_to_where_the_derivative_is_zero(name, special):
    function, inputs = CASES[name]
    values = tensors(inputs)
    wanted = [x for x in values if isinstance(x, mg.Tensor) and x.requires_grad]
    for y in outputs_that_require_grad(function, values):
        for k in range(min(y.numel(), 6)):
            grads = []
            for entry in (1.0, special):
                g = np.zeros(y.numel())
                g[k] = entry
                g = mg.from_numpy(g.reshape(y.shape))
                grads.append(mg.autograd.grad(y, wanted, g, retain_graph=True, allow_unused=True))
            for usual, got in zip(*grads):
                if usual is not None:
                    assert (got.numpy()[usual.numpy() == 0] == 0).all()


INTERNAL = ("recurrence", "fused")  # are never called with two types


@pytest.mark.parametrize(
    "name", [n for n, (_, inputs) in CASES.items()
             if sum(isinstance(x, R) for x in inputs) > 1 and not n.startswith(INTERNAL)]
)  # fmt: skip
@pytest.mark.parametrize("single", [0, 1])
def test_gradients_have_the_types_of_their_inputs(name, single):
    """Every second input is float32, the others are float64; where both together are allowed."""
    function, inputs = CASES[name]
    wanted = list(tensors(inputs))
    places = [k for k, x in enumerate(inputs) if isinstance(x, R)]
    for k in places[single::2]:
        wanted[k] = wanted[k].detach().float().requires_grad_()
    try:
        outputs = outputs_that_require_grad(function, wanted)
    except RuntimeError as error:
        if "dtype" in str(error):
            return
        raise
    leaves, ones = [wanted[k] for k in places], [mg.ones_like(y) for y in outputs]
    for create_graph in (True, False):
        grads = mg.autograd.grad(
            outputs, leaves, ones, create_graph=create_graph, allow_unused=True
        )
        for leaf, g in zip(leaves, grads):
            assert g is None or g.dtype == leaf.dtype


def used_rules(outputs):
    """The pairs (operation, number of the argument) through which gradients can flow."""
    stack = [y.node for y in outputs if y.requires_grad and y.node is not None]
    seen, used = set(), set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for k, edge in enumerate(node.edges):
            if edge is not None:
                used.add((node.op, k))
                if isinstance(edge[0], Node):
                    stack.append(edge[0])
    return used


# They belong to the graph, but nobody has a rule for them: backward says so.
WITHOUT_GRADIENT = {"unique2", "unique_dim", "unique_consecutive", "bincount"}
UNKNOWN = {("igamma", "a"), ("igammac", "a")}  # neither for one of their arguments


def all_rules():
    """Every operation of `minigrad.ops` that has gradient rules: name, operation, arguments."""
    found = {}
    for module_info in pkgutil.iter_modules(ops.__path__):
        if module_info.name in ELSEWHERE:
            continue
        module = importlib.import_module(f"minigrad.ops.{module_info.name}")
        for name, value in vars(module).items():
            op = getattr(value, "op", value)
            if isinstance(op, Op) and op.name in WITHOUT_GRADIENT:
                continue
            if isinstance(op, Primitive):
                for k, argument in enumerate(op.differentiable):
                    if (op.name, argument) in UNKNOWN:
                        continue
                    found[op, k] = f"{module_info.name}.{name}: {argument}"
            elif isinstance(op, Op):
                found[op, 0] = f"{module_info.name}.{name}"
    return found


def test_every_rule_is_in_the_table():
    used = set()
    for function, inputs in CASES.values():
        outputs = function(*tensors(inputs))
        used |= used_rules(outputs if isinstance(outputs, (tuple, list)) else (outputs,))
    rules = all_rules()
    assert len(rules) > 100
    missing = [name for rule, name in rules.items() if rule not in used]
    assert not missing, (
        f"no gradient check for {missing}: add them to tests/golden/operations.py, with ranges in "
        "which they are smooth, or write a case of their own here"
    )


@pytest.mark.parametrize("function", [mg.special.gammainc, mg.special.gammaincc])
def test_an_unknown_gradient_says_so(function):
    a, x = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([1.5, 2.5])
    with pytest.raises(NotImplementedError, match=r"derivative for 'igamma: input' .* other only"):
        function(a, x).sum().backward()


def test_every_inplace_method_is_in_the_table():
    """Every in-place method of Tensor that is differentiable appears in the table by its name."""
    random = {
        "uniform_", "normal_", "random_", "bernoulli_", "exponential_", "cauchy_", "log_normal_",
        "geometric_",
    }  # fmt: skip
    other = {
        "requires_grad_", "detach_", "set_", "resize_", "resize_as_", "apply_", "map_",
        "share_memory_",
    }  # fmt: skip
    table = runpy.run_path(str(Path(__file__).parent / "golden" / "make_functions.py"))
    other |= set(re.findall(r"\.(\w+_)\(", table["SMOOTH"] + table["STEPS"]))
    methods = {n for n in dir(mg.Tensor) if n.endswith("_") and not n.startswith("_")}
    tested = {part for name in CASES for part in name.replace("_-", "_ ").split()}
    tested |= {
        name.partition("_")[0] + "_" for name in CASES if name.startswith(("add_", "sub_", "mul_"))
    }
    assert methods - random - other - tested == set()
