"""Regenerate ``swa.npz``: averages of weights over training, in PyTorch 2.13.

    python tests/golden/make_swa.py

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
TARGET = HERE / "swa.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def room(t: Any) -> Any:
    """The module with all this."""
    import importlib

    return importlib.import_module(f"{t.__name__}.optim.swa_utils")


def batches(t: Any) -> list[Any]:
    """Inputs."""
    return [t.tensor(facts.numbers(k, 5, 3, dtype="float32")) for k in range(4)]


def rules(t: Any) -> dict[str, dict[str, Any]]:
    """Options of AveragedModel."""
    swa = room(t)
    return {
        "mean": {},
        "mean, one by one": {"avg_fn": swa.get_swa_avg_fn()},
        "mean, together": {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
        "moving": {"avg_fn": swa.get_ema_avg_fn(0.7)},
        "moving, together": {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.6)},
        "mean, buffers": {"use_buffers": True},
        "moving, buffers": {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.6), "use_buffers": True},
        "own rule": {"avg_fn": lambda average, current, n: 0.5 * average + current / (n + 2)},
    }


def run(t: Any, name: str) -> dict[str, np.ndarray]:
    """An average over some epochs of training, with its batch normalisation made right."""
    t.manual_seed(0)
    nn = t.nn
    model = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.5), nn.Tanh(), nn.Linear(4, 2)
    )
    sgd = t.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    averaged = room(t).AveragedModel(model, **rules(t)[name])
    result = {}
    for _ in range(4):
        for x in batches(t):
            sgd.zero_grad()
            model(x).pow(2).sum().backward()
            sgd.step()
        averaged.update_parameters(model)
    result |= {f"before {n}": facts.array(v) for n, v in averaged.state_dict().items()}
    room(t).update_bn(batches(t), averaged)
    averaged.eval()
    result["y"] = facts.array(averaged(batches(t)[0]))
    return result | {f"after {n}": facts.array(v) for n, v in averaged.state_dict().items()}


RATES: dict[str, dict[str, Any]] = {
    "cosine": {"swa_lr": 0.05},
    "cosine, each": {"swa_lr": [0.05, 2.0], "anneal_epochs": 5},
    "line": {"swa_lr": 0.3, "anneal_epochs": 7, "anneal_strategy": "linear"},
    "at once": {"swa_lr": 0.3, "anneal_epochs": 0},
    "in one": {"swa_lr": 0.3, "anneal_epochs": 1, "anneal_strategy": "linear"},
}


def optimizer(t: Any) -> Any:
    """One of two groups."""
    groups = [{"params": [t.nn.Parameter(t.ones(2))], "lr": lr} for lr in (0.1, 0.5)]
    return t.optim.SGD(groups)


def run_rates(t: Any, name: str) -> dict[str, np.ndarray]:
    """Learning rates after another schedule, with saving and loading in between."""
    sgd = optimizer(t)
    before = t.optim.lr_scheduler.StepLR(sgd, 2)
    scheduler = room(t).SWALR(sgd, **RATES[name])
    rates = []
    for epoch in range(16):
        sgd.step()
        (before if epoch < 3 else scheduler).step()
        rates.append([group["lr"] for group in sgd.param_groups])
        if epoch == 8:
            state = scheduler.state_dict()
            scheduler = room(t).SWALR(sgd, 1.0)
            scheduler.load_state_dict(state)
    return {"rates": np.array(rates)}


NAMES = (
    "mean", "mean, one by one", "mean, together", "moving", "moving, together", "mean, buffers",
    "moving, buffers", "own rule",
)  # fmt: skip
RUNS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    **{f"{name}-float32": lambda t, name=name: run(t, name) for name in NAMES},
    **{f"rates {name}": lambda t, name=name: run_rates(t, name) for name in RATES},
}

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------

DECAY = r"Invalid decay value {} provided. Please provide a value in \[0,1\] range"
ERRORS: dict[str, tuple[str, str, Any]] = {
    "decay": ("ValueError", DECAY.format("-1"), lambda t: room(t).get_ema_avg_fn(-1)),
    "decay, together": ("ValueError", DECAY.format(2), lambda t: room(t).get_ema_multi_avg_fn(2)),
    "both": (
        "AssertionError",
        "Only one of avg_fn and multi_avg_fn should be provided",
        lambda t: room(t).AveragedModel(t.nn.Linear(2, 2), avg_fn=max, multi_avg_fn=max),
    ),
    "strategy": (
        "ValueError",
        "anneal_strategy must be one of 'cos' or 'linear', instead got sine",
        lambda t: room(t).SWALR(optimizer(t), 0.1, anneal_strategy="sine"),
    ),
    **{
        f"epochs {n}": (
            "ValueError",
            f"anneal_epochs must be equal or greater than 0, got {n}",
            lambda t, n=n: room(t).SWALR(optimizer(t), 0.1, anneal_epochs=n),
        )
        for n in (-1, 1.5)
    },
    "rates": (
        "ValueError",
        "swa_lr must have the same length as optimizer.param_groups",
        lambda t: room(t).SWALR(optimizer(t), [0.1]),
    ),
    "outside": ("AttributeError", "weight", lambda t: room(t).AveragedModel(t.nn.Tanh()).weight),
}


def norm_after(t: Any, loader: Any) -> Any:
    """What `update_bn` leaves of a model that does not train."""
    model = t.nn.BatchNorm1d(2, momentum=0.25).eval()
    room(t).update_bn(loader, model)
    return Plain(model.running_mean, model.momentum, model.training, model.num_batches_tracked)


TEXTS: list[tuple[str, Any]] = [
    ("['n_averaged', 'module.weight', 'module.bias']",
     lambda t: list(room(t).AveragedModel(t.nn.Linear(2, 2)).state_dict())),
    ("tensor(0) torch.int64", lambda t: (lambda n: Plain(n, n.dtype))(
        room(t).AveragedModel(t.nn.Linear(2, 2)).n_averaged)),
    ("tensor([0.5000, 0.5000]) 0.25 False tensor(2)",
     lambda t: norm_after(t, [t.zeros(3, 2), t.ones(3, 2)])),
    ("tensor([1., 1.]) 0.25 False tensor(1)", lambda t: norm_after(t, [(t.ones(3, 2), "label")])),
    ("tensor([0., 0.]) 0.25 False tensor(0)", lambda t: norm_after(t, [])),
    ("None", lambda t: room(t).update_bn(5, t.nn.Linear(2, 2))),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
