"""Regenerate ``prune.npz``: pruned parameters, in PyTorch 2.13.

    python tests/golden/make_prune.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "prune.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain


def prune(t: Any) -> Any:
    """The room, which PyTorch does not import by itself."""
    import importlib

    return importlib.import_module(f"{t.__name__}.nn.utils.prune")


# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def applied(t: Any, step: str, layer: Any, head: Any) -> None:
    """Prune as `step` says: a function of the room, and its arguments."""
    function, *arguments = step.split()
    values = [int(a) if a.lstrip("-").isdigit() else float(a) if a != "fro" else a
              for a in arguments if a != "scores"]  # fmt: skip
    room = prune(t)
    if function == "global":
        weights = [(layer, "weight_ih_l0"), (head, "weight"), (layer, "weight_hh_l0")]
        room.global_unstructured(weights, room.L1Unstructured, amount=values[0])
    elif function == "custom_from_mask":
        mask = t.tensor(facts.numbers(8, 12, 4) > -0.3)
        room.custom_from_mask(layer, "weight_hh_l0", mask)
    else:
        scores = t.tensor(facts.numbers(7, 12, 4, dtype="float32"))
        more = {"importance_scores": scores} if "scores" in arguments else {}
        getattr(room, function)(layer, "weight_hh_l0", *values, **more)


def run(t: Any, steps: str) -> dict[str, np.ndarray]:
    """Pruning and training in turns, and the weights made plain again."""
    t.manual_seed(0)
    layer, head = t.nn.GRU(3, 4), t.nn.Linear(4, 2)
    sgd = t.optim.SGD([*layer.parameters(), *head.parameters()], lr=0.3, momentum=0.5)
    x = t.tensor(facts.numbers(3, 4, 2, 3, dtype="float32"))
    result = {}
    for k, step in enumerate(steps.split(", ")):
        applied(t, step, layer, head)
        sgd.zero_grad()
        y = head(layer(x)[0])
        y.pow(2).sum().backward()
        sgd.step()
        result[f"y{k}"] = facts.array(y)
        result |= {f"{k} {n}": facts.array(v) for n, v in layer.state_dict().items()}
    prune(t).remove(layer, "weight_hh_l0")
    return result | {f"after {n}": facts.array(v) for n, v in layer.state_dict().items()}


RUNS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    f"{steps}-float32": lambda t, steps=steps: run(t, steps)
    for steps in [
        "identity", "random_unstructured 0.3, random_unstructured 10", "l1_unstructured 0.5",
        "l1_unstructured 0.4 scores, l1_unstructured 5", "random_structured 3 0",
        "random_structured 0.5 1, random_structured 1 -1", "random_unstructured 0",
        "ln_structured 4 2 0, ln_structured 0.5 1 -1", "ln_structured 0.25 fro 1 scores",
        "ln_structured 2 inf 0, l1_unstructured 0.5, random_structured 1 1",
        "custom_from_mask, random_unstructured 0.5", "global 0.4, global 10, ln_structured 1 2 0",
        "l1_unstructured 1.0", "random_unstructured 0.2, ln_structured 6 2 0, custom_from_mask",
    ]
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def layer(t: Any) -> Any:
    """Weights from -3 to 2."""
    made = t.nn.Linear(2, 3)
    made.weight.data = t.arange(-3.0, 3.0).view(3, 2)
    return made


def named(method: Any, name: str) -> Any:
    """`method`, for the parameter `name`."""
    method._tensor_name = name
    return method


def with_type(t: Any, kind: str) -> Any:
    """A method of another type, applied to a layer that is pruned already."""
    made = prune(t).identity(layer(t), "weight")
    cls = type("Odd", (prune(t).Identity,), {"PRUNING_TYPE": kind})
    return cls.apply(made, "weight")


def unpruned(t: Any) -> Any:
    """A layer after a pruning that failed."""
    made = layer(t)
    try:
        prune(t).random_unstructured(made, "weight", 7)
    except ValueError:
        return Plain(sorted(made.state_dict()), len(made._forward_pre_hooks), made.weight.is_leaf)


ERRORS: dict[str, tuple[str, str, Any]] = {
    **{
        f"amount {amount}": (kind, pattern, lambda t, amount=amount: prune(t).l1_unstructured(
            layer(t), "weight", amount))
        for amount, kind, pattern in [
            ("1", "TypeError", "Invalid type for amount: 1. Must be int or float"),
            (-1, "ValueError", r"amount=-1 should either be a float in the range \[0, 1\]"),
            (1.5, "ValueError", "amount=1.5 should either be"),
            (-0.5, "ValueError", "amount=-0.5 should either be"),
            (7, "ValueError", "amount=7 should be smaller than the number of parameters to "
             "prune=6"),
        ]
    },
    "slices": ("ValueError", "amount=4 should be smaller than the number of parameters to prune=3",
               lambda t: prune(t).ln_structured(layer(t), "weight", 4, 2, 0)),
    **{
        f"{function} of a vector": (
            "ValueError",
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            r"shape torch.Size\(\[3\]\) with 1 dims",
            lambda t, function=function, more=more: getattr(prune(t), function)(
                layer(t), "bias", 1, *more, dim=0),
        )
        for function, more in (("random_structured", ()), ("ln_structured", (2,)))
    },
    "dim": ("IndexError", r"Invalid index 2 for tensor of size torch.Size\(\[3, 2\]\)",
            lambda t: prune(t).random_structured(layer(t), "weight", 1, 2)),
    "name": ("AttributeError", "'Linear' object has no attribute 'nope'",
             lambda t: prune(t).identity(layer(t), "nope")),
    "scores": (
        "AssertionError",
        r"importance_scores should have the same shape as parameter weight of Linear.*got "
        r"torch.Size\(\[2\]\) vs torch.Size\(\[3, 2\]\)",
        lambda t: prune(t).l1_unstructured(layer(t), "weight", 1, t.ones(2)),
    ),
    "scores of a tensor": (
        "AssertionError",
        "importance_scores should have the same shape as tensor t",
        lambda t: prune(t).L1Unstructured(1).prune(t.ones(3), importance_scores=t.ones(2)),
    ),
    "mask": ("AssertionError", "must match self.mask shape",
             lambda t: prune(t).custom_from_mask(layer(t), "weight", t.ones(2))),
    "remove": ("ValueError", "Parameter 'weight' of module Linear.*has to be pruned before",
               lambda t: prune(t).remove(layer(t), "weight")),
    "abstract": ("TypeError", "abstract", lambda t: prune(t).BasePruningMethod()),
    "no method": ("TypeError", "is not a BasePruningMethod subclass",
                  lambda t: named(prune(t).PruningContainer(), "weight").add_pruning_method(3)),
    "other name": (
        "ValueError",
        "Can only add pruning methods acting on the parameter named 'weight'.*Found 'bias'",
        lambda t: named(prune(t).PruningContainer(), "weight").add_pruning_method(
            named(prune(t).Identity(), "bias")),
    ),
    "type": ("ValueError", "Unrecognized PRUNING_TYPE odd", lambda t: with_type(t, "odd")),
    "no dim": ("AttributeError", "need to have the attribute `dim` defined",
               lambda t: with_type(t, "structured")),
    "global structured": (
        "TypeError", 'Only "unstructured" PRUNING_TYPE supported',
        lambda t: prune(t).global_unstructured(
            [(layer(t), "weight")], prune(t).LnStructured, amount=1, n=2),
    ),
    "global parameters": (
        "TypeError", "parameters is not an Iterable",
        lambda t: prune(t).global_unstructured(3, prune(t).L1Unstructured, amount=1),
    ),
    "global scores": (
        "TypeError", "importance_scores must be of type dict",
        lambda t: prune(t).global_unstructured(
            [(layer(t), "weight")], prune(t).L1Unstructured, [t.ones(3, 2)], amount=1),
    ),
}  # fmt: skip

TEXTS: list[tuple[str, Any]] = [
    ("tensor([[-3., -2.],\n        [-0.,  0.],\n        [ 0.,  2.]], grad_fn=<MulBackward0>)",
     lambda t: prune(t).l1_unstructured(layer(t), "weight", 3).weight),
    ("tensor([0., -0., 3.])", lambda t: prune(t).L1Unstructured(2).prune(t.tensor([1.0, -2.0, 3]))),
    ("tensor([1., 0., 0.])", lambda t: prune(t).L1Unstructured(1).prune(
        t.tensor([1.0, 2.0, 3.0]), t.tensor([1.0, 1.0, 0.0]), t.tensor([3.0, 1.0, 2.0]))),
    ("['bias', 'weight'] 0 True", unpruned),
    ("2 RandomUnstructured L1Unstructured 1", lambda t: (lambda made: (
        prune(t).random_unstructured(made, "weight", 1), prune(t).l1_unstructured(made, "weight", 1),
        (lambda hooks: Plain(len(hooks[0]), type(hooks[0][0]).__name__, type(hooks[0][1]).__name__,
                             len(hooks)))(list(made._forward_pre_hooks.values())))[-1])(layer(t))),
    ("True", lambda t: (lambda made, weight: prune(t).remove(
        prune(t).l1_unstructured(made, "weight", 1), "weight").weight is weight)(
        *(lambda made: (made, made.weight))(layer(t)))),
    ("False True False", lambda t: (lambda made, is_pruned: Plain(
        is_pruned(made), is_pruned(t.nn.Sequential(prune(t).identity(made, "bias"))),
        is_pruned(prune(t).remove(made, "bias"))))(layer(t), prune(t).is_pruned)),
    ("torch.float64", lambda t: prune(t).l1_unstructured(
        layer(t).double(), "weight", 1).weight_mask.dtype),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
