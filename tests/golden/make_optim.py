"""Regenerate ``optim.json``: parameters after some steps of PyTorch 2.13's SGD, Adam and AdamW.

    python tests/golden/make_optim.py

needs torch. The options, starting values and gradients of the runs are defined here with NumPy
alone; `tests/test_optim.py` takes them from here and runs minigrad on them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).with_name("optim.json")
STEPS = 50
KEPT = (1, 2, 5, 50)  # the steps after which the parameters are stored


def cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (name, class, options), one for each combination of options that is allowed."""
    for momentum, dampening, nesterov, weight_decay, maximize in itertools.product(
        (0, 0.9), (0, 0.3), (False, True), (0, 0.1), (False, True)
    ):
        if (momentum == 0 and (dampening or nesterov)) or (nesterov and dampening):
            continue
        yield _named(
            "SGD",
            lr=0.05,
            momentum=momentum,
            dampening=dampening,
            nesterov=nesterov,
            weight_decay=weight_decay,
            maximize=maximize,
        )
    for cls, weight_decay, amsgrad, maximize in itertools.product(
        ("Adam", "AdamW"), (0, 0.1), (False, True), (False, True)
    ):
        yield _named(cls, lr=0.05, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize)
    yield _named("Adam", lr=0.02, betas=(0.3, 0.8), eps=1e-3)
    yield _named("AdamW", lr=0.02, betas=(0.3, 0.8), eps=1e-3)
    yield _named("Adam", lr=0.02, weight_decay=0.1, decoupled_weight_decay=True)


def _named(cls: str, **options: Any) -> tuple[str, str, dict[str, Any]]:
    text = ", ".join(f"{k}={v}" for k, v in options.items())
    return f"{cls}({text})", cls, options


def start(dtype: np.dtype) -> list[np.ndarray]:
    """The two parameters before the first step."""
    return [
        np.array([[0.5, -1.25, 2.0], [-0.125, 3.0, 0.75]], dtype),
        np.array([1.5, -0.5], dtype),
    ]


def gradient(step: int, k: int, value: np.ndarray) -> np.ndarray:
    """The gradient of parameter `k` at `value`: of a bowl that wobbles from step to step."""
    wobble = np.sin(np.arange(value.size).reshape(value.shape) + 0.7 * step + k)
    return (0.8 * value + 0.5 * wobble).astype(value.dtype)


def run_torch(cls: str, options: dict[str, Any], dtype: np.dtype) -> list[list[float]]:
    """The flattened parameters after each of the steps in `KEPT`."""
    import torch

    params = [torch.nn.Parameter(torch.from_numpy(a)) for a in start(dtype)]
    optimizer = getattr(torch.optim, cls)(params, **options)
    kept = []
    for step in range(1, STEPS + 1):
        for k, p in enumerate(params):
            p.grad = torch.from_numpy(gradient(step, k, p.detach().numpy()))
        optimizer.step()
        if step in KEPT:
            kept.append([float(x) for p in params for x in p.detach().numpy().ravel()])
    return kept


def main() -> None:
    """Write the file, one run a line."""
    blocks = []
    for dtype in ("float32", "float64"):
        runs = [
            f"    {json.dumps(name)}: {json.dumps(run_torch(cls, options, np.dtype(dtype)))}"
            for name, cls, options in cases()
        ]
        blocks.append(f'  "{dtype}": {{\n' + ",\n".join(runs) + "\n  }")
    TARGET.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
