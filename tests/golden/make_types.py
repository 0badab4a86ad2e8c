"""Regenerate ``types.json``: the types of PyTorch 2.13's results for arguments of two types.

    python tests/golden/make_types.py

needs torch. For each function of one or two arguments there is a line with a letter for each pair
of `OPERANDS`, in the order of `pairs`: that of the result's type, or "!" where it raises.
"""

from __future__ import annotations

import itertools
import json
import operator
import runpy
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TARGET = Path(__file__).with_name("types.json")
operations = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("operations.py"))))
LETTERS = {
    "float32": "f", "float64": "d", "float16": "h", "int64": "l", "int32": "i", "uint8": "u",
    "bool": "b",
}  # fmt: skip
OPERANDS: dict[str, Callable[[Any], Any]] = {
    **{f"{name} vector": lambda t, name=name: t.ones(2, dtype=getattr(t, name))
       for name in ("float32", "float64", "int64", "uint8", "bool")},
    **{f"{name} 0-d": lambda t, name=name: t.ones((), dtype=getattr(t, name))
       for name in ("float32", "float64", "int32", "bool")},
    "float": lambda t: 1.5, "int": lambda t: 2, "bool": lambda t: True,
}  # fmt: skip
TENSORS = [name for name in OPERANDS if name.endswith(("vector", "0-d"))]

ONE = [
    *operations.ONE, "all", "any", "amax", "cumprod", "cumsum", "mean", "median", "norm", "prod",
    "std", "sum", "var", "logsumexp", "softmax",
]  # fmt: skip
TWO = [*operations.TWO, "clamp", "clamp_max", "clamp_min", "dist", "dot", "outer"]
FUNCTIONAL = [
    "binary_cross_entropy_with_logits", "celu", "elu", "hardtanh", "huber_loss", "kl_div", "l1_loss",
    "leaky_relu", "mse_loss", "smooth_l1_loss", "softplus",
]  # fmt: skip
OPERATORS = [
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lt", "eq",
    "iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand",
]  # fmt: skip
OPTIONS: dict[str, tuple[Any, ...]] = {
    name: (0,) for name in ("cumprod", "cumsum", "logsumexp", "softmax")
}
SPECIAL: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add alpha": lambda t, a, b: t.add(a, b, alpha=2),
    "add alpha float": lambda t, a, b: t.add(a, b, alpha=1.5),
    "div floor": lambda t, a, b: t.div(a, b, rounding_mode="floor"),
    "where": lambda t, a, b: t.where(t.tensor([True, False]), a, b),
    "lerp": lambda t, a, b: t.lerp(a, b, 0.5),
    "clamp bounds": lambda t, a, b: t.clamp(a, b, 3),
    "cosine_similarity": lambda t, a, b: t.nn.functional.cosine_similarity(a, b, 0),
    "einsum outer": lambda t, a, b: t.einsum("i,j->ij", a, b),
    "einsum inner": lambda t, a, b: t.einsum("i,i->", a, b),
}


def calls(t: Any) -> Iterator[tuple[str, Callable[..., Any], list[tuple[str, ...]]]]:
    """Every function: its name, itself, and what it is called with."""
    two = [p for p in itertools.product(OPERANDS, repeat=2) if p[0] in TENSORS or p[1] in TENSORS]
    first = [p for p in two if p[0] in TENSORS]
    for name in ONE:
        function, options = getattr(t, name), OPTIONS.get(name, ())
        yield name, lambda x, f=function, o=options: f(x, *o), [(p,) for p in TENSORS]
    for name in TWO:
        yield name, getattr(t, name), first
    for name in FUNCTIONAL:
        yield f"functional {name}", getattr(t.nn.functional, name), first
    for name in OPERATORS:
        yield f"operator {name}", getattr(operator, name), first if name[0] == "i" else two
    for name, special in SPECIAL.items():
        yield name, lambda *args, f=special: f(t, *args), first


def letter(t: Any, function: Callable[..., Any], names: tuple[str, ...]) -> str:
    """The type of what `function` returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = function(*[OPERANDS[name](t) for name in names])
        except Exception:
            return "!"
    return LETTERS[str(result.dtype).removeprefix("torch.")]


if __name__ == "__main__":
    import torch

    lines = {
        name: "".join([letter(torch, function, p) for p in pairs])
        for name, function, pairs in calls(torch)
    }
    TARGET.write_text(json.dumps(lines, indent=0) + "\n")
    print(len(lines), "functions,", TARGET.stat().st_size, "bytes")
