"""Regenerate ``special_values.npz``: values and gradients of PyTorch 2.13 at the edges.

    python tests/golden/make_special_values.py

needs torch. The edges are zeros of both signs, infinities, NaN, ties, kinks, empty batches. Each
entry of `TABLE` is a function of a namespace `t` (PyTorch here, minigrad in `tests/test_special_values.py`)
and of some tensors, with the numbers to try. What is stored: the value, the first derivatives for
some gradients of the value (1, 0, infinite, NaN), and the derivatives of the first ones.
"""

from __future__ import annotations

import itertools
import math
import runpy
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

TARGET = Path(__file__).with_name("special_values.npz")
operations = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("operations.py"))))
INF, NAN = math.inf, math.nan
Function = Callable[..., Any]
Piece = tuple[str, np.ndarray]  # such as "dab": of the derivative by a the one by b

LINE = [
    -INF, -1e4, -120.0, -20.5, -6.0, -3.0, -2.0, -1.0, -0.5, -0.0,
    0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 20.5, 120.0, 1e4, INF, NAN,
]  # fmt: skip
SHORT = [-INF, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, INF, NAN]
TRIPLE = [-INF, -1.0, 0.0, 1.0, INF, NAN]
UPSTREAM = [1.0, 0.0, INF, NAN]  # gradients of the value

# ------------------------------------------------------------------------------------------------
# Of each entry on its own
# ------------------------------------------------------------------------------------------------

ENTRYWISE: dict[str, tuple[Function, int]] = {}  # the function, and of how many arguments


def entrywise(name: str, arguments: int, function: Function) -> None:
    assert name not in ENTRYWISE, name
    ENTRYWISE[name] = (function, arguments)


for _name in operations.GRADED_ONE:
    entrywise(_name, 1, lambda t, x, name=_name: getattr(t, name)(x))
for _name in (
    "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "logsigmoid", "mish", "relu6", "rrelu", "selu", "silu", "softplus", "softshrink", "softsign",
    "tanhshrink",
):  # fmt: skip
    entrywise(_name, 1, lambda t, x, name=_name: getattr(t.nn.functional, name)(x))
entrywise("gelu-tanh", 1, lambda t, x: t.nn.functional.gelu(x, approximate="tanh"))
entrywise("elu-alpha", 1, lambda t, x: t.nn.functional.elu(x, alpha=0.5))
entrywise("celu-alpha", 1, lambda t, x: t.nn.functional.celu(x, alpha=0.5))
entrywise("prelu", 2, lambda t, a, b: t.nn.functional.prelu(a[:, None], b[:1] * 0 + 0.5)[:, 0])
entrywise("leaky_relu-slope 0", 1, lambda t, x: t.nn.functional.leaky_relu(x, 0.0))
entrywise("softplus-beta", 1, lambda t, x: t.nn.functional.softplus(x, 2, 3.5))
entrywise("threshold", 1, lambda t, x: t.nn.functional.threshold(x, 1.0, 7.0))
entrywise("round-decimals", 1, lambda t, x: t.round(x, decimals=1))
entrywise("clamp", 1, lambda t, x: t.clamp(x, -1.0, 2.0))
entrywise("clamp-min", 1, lambda t, x: t.clamp(x, min=0.5))
entrywise("clamp_min", 1, lambda t, x: x.clamp_min(0.5))
entrywise("clamp_max", 1, lambda t, x: x.clamp_max(1.0))
entrywise("zero_", 1, lambda t, x: (x * 1).zero_())
entrywise("fill_", 1, lambda t, x: (x * 1).fill_(2.0))
entrywise("where", 1, lambda t, x: t.where(x.detach() > 0, x, 2.0))
entrywise("masked_fill", 1, lambda t, x: x.masked_fill(x.detach() > 0, 2.0))
for _number in (-1, 0, 0.5, 1, 2, 3, INF, NAN):
    entrywise(f"pow-{_number}", 1, lambda t, x, n=_number: x**n)
    entrywise(f"{_number}-pow", 1, lambda t, x, n=_number: n**x)
for _number in (2, INF, 0):
    entrywise(f"remainder-{_number}", 1, lambda t, x, n=_number: x % n)
    entrywise(f"fmod-{_number}", 1, lambda t, x, n=_number: t.fmod(x, n))
    entrywise(f"div-{_number}", 1, lambda t, x, n=_number: x / n)
    entrywise(f"{_number}-div", 1, lambda t, x, n=_number: n / x)
    entrywise(f"mul-{_number}", 1, lambda t, x, n=_number: x * n)
for _name in operations.GRADED_TWO:
    entrywise(_name, 2, lambda t, a, b, name=_name: getattr(t, name)(a, b))
entrywise("div-floor", 2, lambda t, a, b: t.div(a, b, rounding_mode="floor"))
entrywise("div-trunc", 2, lambda t, a, b: t.div(a, b, rounding_mode="trunc"))
entrywise("add-alpha", 2, lambda t, a, b: t.add(a, b, alpha=2))
entrywise("sub-alpha", 2, lambda t, a, b: t.sub(a, b, alpha=2))
entrywise("copy_", 2, lambda t, a, b: (a * 1).copy_(b))
entrywise("lerp-number", 2, lambda t, a, b: t.lerp(a, b, 0.25))
entrywise("lerp-number beyond half", 2, lambda t, a, b: t.lerp(a, b, 0.75))
entrywise("clamp-tensor min", 2, lambda t, a, b: t.clamp(a, min=b))
entrywise("clamp-tensor max", 2, lambda t, a, b: t.clamp(a, max=b))
entrywise("clamp-tensors", 3, lambda t, a, b, c: t.clamp(a, b, c))
entrywise("lerp", 3, lambda t, a, b, c: t.lerp(a, b, c))
entrywise("addcmul", 3, lambda t, a, b, c: t.addcmul(a, b, c, value=2))
entrywise("addcdiv", 3, lambda t, a, b, c: t.addcdiv(a, b, c, value=2))
for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
              "binary_cross_entropy_with_logits", "kl_div"):  # fmt: skip
    entrywise(_name, 2, lambda t, a, b, name=_name: getattr(t.nn.functional, name)(
        a, b, reduction="none"))  # fmt: skip
entrywise("kl_div-log_target", 2, lambda t, a, b: t.nn.functional.kl_div(
    a, b, reduction="none", log_target=True))  # fmt: skip
entrywise("smooth_l1_loss-beta 0", 2, lambda t, a, b: t.nn.functional.smooth_l1_loss(
    a, b, reduction="none", beta=0.0))  # fmt: skip
entrywise("bce_with_logits-pos_weight", 2,
          lambda t, a, b: t.nn.functional.binary_cross_entropy_with_logits(
              a, b, reduction="none", pos_weight=t.tensor(3.0, dtype=t.float64)))  # fmt: skip
for _name in ("entr", "erfcx", "log_ndtr", "ndtri", "ndtr"):
    entrywise(_name, 1, lambda t, x, name=_name: getattr(t.special, name)(x))
entrywise("xlog1py", 2, lambda t, a, b: t.special.xlog1py(a, b))
for _name in ("gammainc", "gammaincc"):
    entrywise(_name, 1, lambda t, x, name=_name: getattr(t.special, name)(t.full_like(x, 1.5), x))
PROBABILITIES = [0.0, 1e-300, 0.25, 0.5, 1.0]
INPUTS = {1: LINE, 2: SHORT, 3: TRIPLE}


def numbers(tensor: Any) -> np.ndarray:
    """A copy of a tensor's values."""
    return np.array(tensor.numpy(force=True), np.float64)


def second_derivatives(t: Any, d: Any, inputs: list[Any]) -> tuple[Any, ...]:
    """The derivatives of a first one; None, that is 0, where PyTorch has none (hardsigmoid's)."""
    try:
        return t.autograd.grad(d, inputs, t.ones_like(d), retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if "derivative for aten::hardsigmoid_backward is not implemented" not in str(error):
            raise
        return (None,) * len(inputs)


def entrywise_run(t: Any, function: Function, arguments: int, line: list[float]) -> list[Piece]:
    """The value, and the first and second derivatives at all combinations of special values."""
    points = np.array(list(itertools.product(line, repeat=arguments))).T
    names = "abc"[:arguments]
    found = []
    for upstream in UPSTREAM:
        inputs = [t.tensor(p, requires_grad=True) for p in points]
        y = function(t, *inputs)
        g = t.full_like(y, upstream)
        if upstream != 1:
            first = t.autograd.grad(y, inputs, g, allow_unused=True)
            found += [(f"d{a} of {upstream}", d) for a, d in zip(names, first)]
            continue
        first = t.autograd.grad(y, inputs, g, create_graph=True, allow_unused=True)
        found += [("y", y), *[(f"d{a}", d) for a, d in zip(names, first)]]
        for a, d in zip(names, first):
            second = (None,) * arguments
            if d is not None and d.requires_grad:
                second = second_derivatives(t, d, inputs)
            found += [(f"d{a}{b}", dd) for b, dd in zip(names, second)]
    return [(part, np.zeros(points[0].shape) if f is None else numbers(f)) for part, f in found]


# ------------------------------------------------------------------------------------------------
# Of several entries at once
# ------------------------------------------------------------------------------------------------

ROWS = [
    [1.0, 2.0, 3.0, -1.0], [2.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, -0.0, 2.0],
    [1.0, NAN, 2.0, 2.0], [NAN, 1.0, NAN, 0.0], [INF, 1.0, INF, 2.0], [-INF, 1.0, -INF, 0.0],
    [INF, -INF, 0.0, 1.0], [INF, NAN, -INF, 0.0], [-INF, -INF, -INF, -INF], [3.0, -3.0, 3.0, 1.0],
]  # fmt: skip
SEVERAL: dict[str, Function] = {}  # functions of a vector


def several(name: str, function: Function) -> None:
    assert name not in SEVERAL, name
    SEVERAL[name] = function


for _name in ("sum", "mean", "max", "min", "amax", "amin", "median", "prod", "var", "std", "norm"):
    several(_name, lambda t, x, name=_name: getattr(t, name)(x))
    if _name not in ("max", "min", "median"):
        several(f"{_name}-dim", lambda t, x, name=_name: getattr(t, name)(x, dim=0))
for _name in ("max", "min", "median"):
    several(f"{_name}-dim", lambda t, x, name=_name: getattr(t, name)(x, 0)[0])
for _name in ("sort", "cumsum", "cumprod", "softmax", "log_softmax", "logsumexp"):
    several(_name, lambda t, x, name=_name: (
        t.sort(x, stable=True).values if name == "sort" else getattr(t, name)(x, 0)))  # fmt: skip
several("var-population", lambda t, x: x.var(unbiased=False))
several("std_mean", lambda t, x: t.stack(t.std_mean(x)))
several("var_mean", lambda t, x: t.stack(t.var_mean(x)))
for _p in (0, 0.5, 1, 1.5, 2, 3, INF, -INF):
    several(f"norm-{_p}", lambda t, x, p=_p: t.norm(x, p))
    several(f"norm-{_p}-dim", lambda t, x, p=_p: t.norm(x, p, 0))
    several(f"vector_norm-{_p}", lambda t, x, p=_p: t.linalg.vector_norm(x, p))
    several(f"dist-{_p}", lambda t, x, p=_p: t.dist(x, x.detach().flip(0), p))
several("dist-itself", lambda t, x: t.dist(x, x.detach()))
several("normalize", lambda t, x: t.nn.functional.normalize(x, dim=0))
several("cosine_similarity", lambda t, x: t.nn.functional.cosine_similarity(
    x, t.tensor([1.0, 2.0, 0.0, -1.0], dtype=t.float64), 0))  # fmt: skip
several("glu", lambda t, x: t.nn.functional.glu(x))
several("softmin", lambda t, x: t.nn.functional.softmin(x, 0))
several("setitem", lambda t, x: _with_item(x, 1, 5.0))
several("setitem-mask", lambda t, x: _with_item(x, t.tensor([True, False, True, False]), 5.0))
several("setitem-tensor", lambda t, x: _with_item(x, [0, 1], x[2:]))
several("scatter", lambda t, x: x.scatter(0, t.tensor([1, 0]), x[2:]))
several("index_fill", lambda t, x: x.index_fill(0, t.tensor([1, 0]), 2.0))
several("index_copy", lambda t, x: x.index_copy(0, t.tensor([1, 0]), x[2:]))
several("index_add", lambda t, x: x.index_add(0, t.tensor([1, 0]), x[2:]))
several("masked_fill-row", lambda t, x: x.masked_fill(t.tensor([True, False, True, False]), 2.0))
several("tril", lambda t, x: x.reshape(2, 2).tril())
several("outer", lambda t, x: t.outer(x, x.detach()))
several("triu", lambda t, x: x.reshape(2, 2).triu())
several("topk", lambda t, x: t.topk(x, 2).values)
several("sort-unstable", lambda t, x: t.sort(x).values)
several("dot", lambda t, x: t.dot(x, x.detach()))
several("mv", lambda t, x: t.mv(x.reshape(2, 2), x.detach()[:2]))
several("bmm", lambda t, x: t.bmm(x.reshape(2, 1, 2), x.detach().reshape(2, 2, 1)))
for _equation in ("ij,jk->ik", "ij,ij->i"):
    several(f"einsum {_equation}", lambda t, x, equation=_equation: t.einsum(
        equation, x.reshape(2, 2), x.detach().reshape(2, 2)))  # fmt: skip
several("einsum ij,j->i", lambda t, x: t.einsum("ij,j->i", x.reshape(2, 2), x.detach()[:2]))
several("einsum j,ji->i", lambda t, x: t.einsum("j,ji->i", x.detach()[:2], x.reshape(2, 2)))
several("linear", lambda t, x: t.nn.functional.linear(x[:2], x.detach().reshape(2, 2), x[2:]))
several(
    "linear without bias",
    lambda t, x: t.nn.functional.linear(x.reshape(2, 2), x.detach().reshape(2, 2)),
)
several(
    "linear of rows",
    lambda t, x: t.nn.functional.linear(x.reshape(1, 2, 2), x.detach().reshape(2, 2), x[2:]),
)
for _name in ("addmm", "baddbmm"):
    for _beta in (0, 2):
        several(f"{_name}-beta {_beta}", lambda t, x, name=_name, beta=_beta: _plus_product(
            t, name, x, beta))  # fmt: skip
several("matrix", lambda t, x: x.reshape(2, 2) @ t.tensor([[1.0, 0.0], [2.0, 1.0]]).double())
for _reduction in ("none", "mean", "sum"):
    for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
                  "binary_cross_entropy_with_logits"):  # fmt: skip
        several(f"{_name}-{_reduction}", lambda t, x, name=_name, r=_reduction: getattr(
            t.nn.functional, name)(x, t.tensor([1.0, 2.0, 0.0, -1.0], dtype=t.float64),
                                   reduction=r))  # fmt: skip
    several(f"cross_entropy-{_reduction}", lambda t, x, r=_reduction: t.nn.functional.cross_entropy(
        x.reshape(2, 2), t.tensor([1, 0]), reduction=r))  # fmt: skip
    several(f"cross_entropy-places-{_reduction}",
            lambda t, x, r=_reduction: t.nn.functional.cross_entropy(
                x.reshape(1, 2, 2), t.tensor([[1, 0]]), reduction=r))  # fmt: skip
    several(f"cross_entropy-probabilities-{_reduction}",
            lambda t, x, r=_reduction: t.nn.functional.cross_entropy(
                x.reshape(2, 2), t.tensor([[0.5, 0.5], [0, 1]], dtype=t.float64), reduction=r)
    )  # fmt: skip
    several(f"nll_loss-places-{_reduction}", lambda t, x, r=_reduction: t.nn.functional.nll_loss(
        x.reshape(1, 2, 2), t.tensor([[1, 0]]), reduction=r))  # fmt: skip
    several(f"cross_entropy-ignored-{_reduction}",
            lambda t, x, r=_reduction: t.nn.functional.cross_entropy(
                x.reshape(2, 2), t.tensor([-100, 1]), reduction=r))  # fmt: skip
    several(f"cross_entropy-smoothing-{_reduction}",
            lambda t, x, r=_reduction: t.nn.functional.cross_entropy(
                x.reshape(2, 2), t.tensor([1, 0]), reduction=r, label_smoothing=0.1))  # fmt: skip
    several(f"nll_loss-{_reduction}", lambda t, x, r=_reduction: t.nn.functional.nll_loss(
        x.reshape(2, 2), t.tensor([1, 0]), reduction=r))  # fmt: skip
    several(f"nll_loss-ignored-{_reduction}", lambda t, x, r=_reduction: t.nn.functional.nll_loss(
        x.reshape(2, 2), t.tensor([-100, 1]), reduction=r))  # fmt: skip
for _reduction in ("none", "mean", "sum", "batchmean"):
    several(f"kl_div-{_reduction}", lambda t, x, r=_reduction: t.nn.functional.kl_div(
        x, t.tensor([1.0, 2.0, 0.0, 0.5], dtype=t.float64), reduction=r))  # fmt: skip
several("binary_cross_entropy", lambda t, x: t.nn.functional.binary_cross_entropy(
    x.clamp(0, 1).nan_to_num() if hasattr(x, "nan_to_num") else t.where(x != x, 0.0, x.clamp(0, 1)),
    t.tensor([0.0, 1.0, 0.5, 1.0], dtype=t.float64), reduction="none"))  # fmt: skip


def _plus_product(t: Any, name: str, x: Any, beta: float) -> Any:
    shape = (2, 2) if name == "addmm" else (1, 2, 2)
    x = x.reshape(shape)
    return getattr(t, name)(x, x.detach(), x.detach() * 0 + 1, beta=beta)


def _with_item(x: Any, index: Any, value: Any) -> Any:
    x = x * 1
    x[index] = value
    return x


def several_run(t: Any, function: Function) -> list[Piece]:
    """Value, first and second derivative of `function` at each row of `ROWS`."""
    found = []
    for row in ROWS:
        x = t.tensor(row, dtype=t.float64, requires_grad=True)
        y = function(t, x)
        outputs = [y] if not y.ndim else list(y.reshape(-1))
        (first,) = t.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
        second = None
        if first is not None and first.requires_grad:
            (second,) = t.autograd.grad(first, x, t.ones_like(first), True, allow_unused=True)
        found += [("y", y), ("d", first), ("dd", second)]
        for upstream in (INF, NAN):  # into one output alone
            g = t.full_like(outputs[0], upstream)
            (d,) = t.autograd.grad(outputs[0], x, g, retain_graph=True, allow_unused=True)
            found.append((f"d of {upstream}", d))
    return [(part, np.zeros(len(x)) if f is None else numbers(f)) for part, f in found]


# ------------------------------------------------------------------------------------------------
# Nothing at all
# ------------------------------------------------------------------------------------------------

EMPTY: dict[str, Function] = {}
for _reduction in ("none", "mean", "sum"):
    for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
                  "binary_cross_entropy_with_logits"):  # fmt: skip
        EMPTY[f"{_name}-{_reduction}"] = lambda t, x, name=_name, r=_reduction: getattr(
            t.nn.functional, name)(x, x.detach(), reduction=r)  # fmt: skip
        if "binary" in _name:
            EMPTY[f"{_name}-weight-{_reduction}"] = lambda t, x, name=_name, r=_reduction: getattr(
                t.nn.functional, name)(x, x.detach(), weight=t.ones(4, dtype=t.float64),
                                       reduction=r)  # fmt: skip
    for _name in ("cross_entropy", "nll_loss"):
        EMPTY[f"{_name}-{_reduction}"] = lambda t, x, name=_name, r=_reduction: getattr(
            t.nn.functional, name)(x, t.zeros(0, dtype=t.int64), reduction=r)  # fmt: skip
        EMPTY[f"{_name}-weight-{_reduction}"] = lambda t, x, name=_name, r=_reduction: getattr(
            t.nn.functional, name)(x, t.zeros(0, dtype=t.int64), reduction=r,
                                   weight=t.ones(4, dtype=t.float64))  # fmt: skip
    EMPTY[f"cross_entropy-probabilities-{_reduction}"] = lambda t, x, r=_reduction: (
        t.nn.functional.cross_entropy(x, x.detach(), reduction=r)
    )
for _reduction in ("mean", "sum", "batchmean"):
    EMPTY[f"kl_div-{_reduction}"] = lambda t, x, r=_reduction: t.nn.functional.kl_div(
        x, x.detach(), reduction=r)  # fmt: skip
for _name in ("sum", "mean", "prod", "median", "var", "std", "norm"):
    EMPTY[_name] = lambda t, x, name=_name: getattr(t, name)(x)
for _name in ("sum", "mean", "prod", "var", "std", "norm", "logsumexp", "softmax", "cumsum"):
    EMPTY[f"{_name}-along"] = lambda t, x, name=_name: getattr(t, name)(x, 0)


def empty_run(t: Any, function: Function) -> list[Piece]:
    """The value for an input of shape (0, 4)."""
    x = t.zeros(0, 4, dtype=t.float64, requires_grad=True)
    return [("y", numbers(function(t, x)))]


# ------------------------------------------------------------------------------------------------

RUNS: dict[str, Callable[[Any], list[Piece]]] = {}
for _key, (_function, _arguments) in ENTRYWISE.items():
    RUNS[f"entrywise {_key}"] = lambda t, f=_function, n=_arguments: entrywise_run(
        t, f, n, INPUTS[n])  # fmt: skip
RUNS["entrywise binary_cross_entropy"] = lambda t: entrywise_run(
    t, lambda t, a, b: t.nn.functional.binary_cross_entropy(a, b, reduction="none"), 2,
    PROBABILITIES)  # fmt: skip
for _key, _function in SEVERAL.items():
    RUNS[f"several {_key}"] = lambda t, f=_function: several_run(t, f)
for _key, _function in EMPTY.items():
    RUNS[f"empty {_key}"] = lambda t, f=_function: empty_run(t, f)


def pieces(t: Any, name: str) -> list[Piece]:
    """What a run gives: which derivative, and its numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return RUNS[name](t)


if __name__ == "__main__":
    import torch

    stored = {}
    for key in RUNS:
        stored[key] = np.concatenate([np.ravel(values) for _, values in pieces(torch, key)])
    np.savez_compressed(TARGET, **stored)
    print(len(stored), "runs,", TARGET.stat().st_size, "bytes")
