"""Regenerate ``ctc.npz``: what PyTorch 2.13 computes in Connectionist Temporal Classification.

    python tests/golden/make_ctc.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "ctc.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

# T, C, labels, steps, blank: labels that repeat, none, as many as there are steps, too many; no step
BATCHES = {
    "plain": (6, 4, [[1, 2], [3, 3]], [6, 6], 0),
    "ragged": (7, 5, [[1, 1, 2], [4], []], [7, 3, 5], 0),
    "last is blank": (5, 3, [[0, 1], [1, 1], [0]], [5, 4, 1], 2),
    "tight": (3, 3, [[1, 2, 1], [2, 1, 2]], [3, 3], 0),
    "long": (40, 6, [[1, 2, 3, 4, 5, 1, 1, 2, 2, 3, 4], [5] * 17], [40, 37], 0),
    "too many labels": (3, 4, [[1, 1], [1, 1, 1], [1, 2, 3, 1], [2]], [3, 3, 3, 3], 0),
    "no step": (2, 3, [[], [1], [2]], [0, 0, 2], 0),
}


def run_ctc(
    t: Any, name: str, layout: str, reduction: str, zero_infinity: bool, normal: bool, dtype: str
) -> dict[str, np.ndarray]:
    """The loss and the gradient of the scores, which are `normal` after a log_softmax."""
    T, C, labels, steps, blank = BATCHES[name]
    lengths = [len(own) for own in labels]
    if layout == "row":
        targets = t.tensor([c for own in labels for c in own])
    else:
        width = max(lengths) + 1
        targets = t.tensor([own + [-1] * (width - len(own)) for own in labels])
    x = t.tensor(facts.numbers(3, T, len(labels), C, dtype=dtype) * 3, requires_grad=True)
    log_probs = x.log_softmax(2) if normal else x
    criterion = t.nn.CTCLoss(blank, reduction, zero_infinity)
    loss = criterion(log_probs, targets, t.tensor(steps), t.tensor(lengths))
    loss.backward(t.tensor(facts.numbers(5, *loss.shape, dtype=dtype)))
    return {"loss": facts.array(loss), "d_x": facts.array(x.grad)}


def run_one(t: Any, reduction: str) -> dict[str, np.ndarray]:
    """One sequence, without a batch."""
    x = t.tensor(facts.numbers(4, 6, 4), requires_grad=True)
    loss = t.nn.functional.ctc_loss(
        x.log_softmax(1), t.tensor([1, 3]), t.tensor(5), t.tensor(2), reduction=reduction
    )
    loss.backward()
    return {"loss": facts.array(loss).reshape(1), "d_x": facts.array(x.grad)}


RUNS = {
    f"{name}-{layout}-{reduction}-{zero}-{normal}-{dtype}": (
        lambda t, case=(name, layout, reduction, zero, normal, dtype): run_ctc(t, *case)
    )
    for name in BATCHES
    for layout, reduction, zero, normal, dtype in (
        ("row", "none", False, True, "float64"),
        ("rows", "none", False, False, "float64"),
        ("rows", "mean", True, True, "float32"),
        ("row", "sum", True, False, "float64"),
    )
} | {f"one-{r}-float64": (lambda t, r=r: run_one(t, r)) for r in ("none", "mean", "sum")}


def call(t: Any, **changes: Any) -> Any:
    """`ctc_loss` of a good batch, with `changes`."""
    good = {
        "log_probs": t.zeros(5, 2, 4), "targets": t.tensor([[1, 1], [2, 3]]),
        "input_lengths": (5, 4), "target_lengths": (2, 2),
    }  # fmt: skip
    return t.nn.functional.ctc_loss(**(good | changes))


ERRORS = {
    "more steps": (
        "RuntimeError", "Expected input_lengths to have value at most 5, but got value 6",
        lambda t: call(t, input_lengths=(5, 6)),
    ),
    "fewer steps": (
        "RuntimeError", "Expected input_lengths to have value at least 0, but got value -4",
        lambda t: call(t, input_lengths=(5, -4)),
    ),
    "fewer labels": (
        "RuntimeError", "Expected target_lengths to have value at least 0, but got value -1",
        lambda t: call(t, target_lengths=(2, -1)),
    ),
    "more labels": (
        "RuntimeError", "Expected tensor to have size at least 3 at dimension 1, but got size 2",
        lambda t: call(t, target_lengths=(2, 3)),
    ),
    "rows": (
        "RuntimeError", "Expected tensor to have size 4 at dimension 0, but got size 3",
        lambda t: call(t, targets=t.tensor([1, 1, 2])),
    ),
    "number of steps": (
        "RuntimeError", "input_lengths must be of size batch_size",
        lambda t: call(t, input_lengths=(5,)),
    ),
    "number of labels": (
        "RuntimeError", "target_lengths must be of size batch_size",
        lambda t: call(t, target_lengths=(2,)),
    ),
    "floats": (
        "RuntimeError", "input_lengths must be integral",
        lambda t: call(t, input_lengths=t.tensor([5.0, 4.0]), target_lengths=t.tensor([2, 2])),
    ),
    "blank": ("RuntimeError", "blank must be in label range", lambda t: call(t, blank=4)),
    "blank -1": ("RuntimeError", "blank must be in label range", lambda t: call(t, blank=-1)),
    "empty": (
        "RuntimeError", "log_probs tensor must not be empty",
        lambda t: call(t, log_probs=t.zeros(0, 2, 4)),
    ),
    "axes": (
        "RuntimeError", "Expected 1 to 2 dimensions, but got 3-dimensional tensor",
        lambda t: call(t, targets=t.tensor([[[1, 1], [2, 3]]])),
    ),
    "integers": (
        "NotImplementedError", "not implemented for 'Long'",
        lambda t: call(t, log_probs=t.zeros(5, 2, 4).long()),
    ),
    "reduction": (
        "ValueError", "x is not a valid value for reduction", lambda t: call(t, reduction="x"),
    ),
    "no tensor": (
        "TypeError", r"ctc_loss\(\)", lambda t: call(t, targets=[[1, 1], [2, 3]]),
    ),
}  # fmt: skip


if __name__ == "__main__":
    import torch

    facts.save(TARGET, torch, RUNS)
    for name, expected in ERRORS.items():
        facts.check_error(torch, name, expected)
