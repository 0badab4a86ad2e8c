"""Regenerate ``schedulers.npz`` and ``schedulers.json``: PyTorch 2.13's learning rate schedulers.

    python tests/golden/make_schedulers.py

needs torch. The first file has the learning rates (and, where they are scheduled, the momenta) of
the runs below, the second what the scenes print and raise. `tests/test_schedulers.py` plays the
same with minigrad.
"""

from __future__ import annotations

import copy
import json
import math
import runpy
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
NUMBERS = HERE / "schedulers.npz"
TEXTS = HERE / "schedulers.json"
STEPS = 50
play = runpy.run_path(str(HERE / "make_modules.py"))["play"]

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def optimizer_of(t: Any, cls: str = "SGD", **options: Any) -> Any:
    """An optimizer of two groups with different learning rates."""
    groups = [{"params": [t.nn.Parameter(t.ones(2))], "lr": lr} for lr in (0.1, 0.5)]
    return getattr(t.optim, cls)(groups, **({"momentum": 0.9} if cls == "SGD" else {}), **options)


def schedulers_of(t: Any) -> Any:
    """The module with the schedulers."""
    return t.optim.lr_scheduler


# By name, the class and its options; what is called with the optimizer's schedulers makes them.
Case = tuple[str, dict[str, Any]]
CHAINABLE: dict[str, Case] = {
    "lambda": ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch}),
    "lambdas": (
        "LambdaLR",
        {"lr_lambda": [lambda epoch: 1 / (1 + epoch), lambda epoch: epoch // 7]},
    ),
    "multiplicative": ("MultiplicativeLR", {"lr_lambda": lambda epoch: 1 - 0.5 / (epoch + 1)}),
    "step": ("StepLR", {"step_size": 3}),
    "step slowly": ("StepLR", {"step_size": 7, "gamma": 0.7}),
    "steps": ("MultiStepLR", {"milestones": [2, 5, 5, 9, 30]}),
    "unsorted steps": ("MultiStepLR", {"milestones": [20, 4], "gamma": 0.3}),
    "no steps": ("MultiStepLR", {"milestones": []}),
    "constant": ("ConstantLR", {}),
    "constant long": ("ConstantLR", {"factor": 0.7, "total_iters": 20}),
    "linear": ("LinearLR", {}),
    "linear down": ("LinearLR", {"start_factor": 0.9, "end_factor": 0.1, "total_iters": 12}),
    "linear to nothing": ("LinearLR", {"start_factor": 0.5, "end_factor": 0.0, "total_iters": 9}),
    "exponential": ("ExponentialLR", {"gamma": 0.9}),
    "growing": ("ExponentialLR", {"gamma": 1.1}),
    "cosine": ("CosineAnnealingLR", {"T_max": 7}),
    "cosine long": ("CosineAnnealingLR", {"T_max": 40, "eta_min": 0.01}),
    "cosine above": ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.3}),
    "polynomial": ("PolynomialLR", {}),
    "polynomial long": ("PolynomialLR", {"total_iters": 30, "power": 2.5}),
    "polynomial root": ("PolynomialLR", {"total_iters": 11, "power": 0.5}),
}
OTHER: dict[str, Case] = {
    "restarts": ("CosineAnnealingWarmRestarts", {"T_0": 3}),
    "restarts doubled": ("CosineAnnealingWarmRestarts", {"T_0": 4, "T_mult": 2, "eta_min": 0.01}),
    "restarts tripled": ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 3}),
    "triangles": ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4}),
    "triangles shrinking": (
        "CyclicLR",
        {
            "base_lr": [0.1, 0.2], "max_lr": [0.5, 0.9], "step_size_up": 4, "step_size_down": 7,
            "mode": "triangular2", "base_momentum": [0.5, 0.6], "max_momentum": 0.95,
        },
    ),
    "triangles decaying": (
        "CyclicLR",
        {
            "base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3, "step_size_down": 2,
            "mode": "exp_range", "gamma": 0.97,
        },
    ),
    "triangles of one's own": (
        "CyclicLR",
        {
            "base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3,
            "scale_fn": lambda x: math.cos(x) ** 2, "scale_mode": "iterations",
        },
    ),
    "triangles of one's own, by cycle": (
        "CyclicLR",
        {
            "base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3, "scale_fn": lambda x: 1 / x**2,
            "mode": "exp_range", "cycle_momentum": False,
        },
    ),
    "one cycle": ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50}),
    "one cycle, lines": (
        "OneCycleLR",
        {
            "max_lr": [0.5, 1.5], "epochs": 10, "steps_per_epoch": 6, "anneal_strategy": "linear",
            "pct_start": 0.2, "div_factor": 10, "final_div_factor": 100,
        },
    ),
    "one cycle, three phases": (
        "OneCycleLR",
        {
            "max_lr": 0.5, "total_steps": 51, "three_phase": True, "base_momentum": [0.7, 0.8],
            "max_momentum": 0.99,
        },
    ),
    "one cycle, no momentum": (
        "OneCycleLR", {"max_lr": 0.5, "total_steps": 60, "cycle_momentum": False, "pct_start": 0.0},
    ),
    "one cycle, all up": ("OneCycleLR", {"max_lr": 0.5, "total_steps": 60, "pct_start": 1.0}),
}  # fmt: skip
CASES = CHAINABLE | OTHER


def make(t: Any, case: Case, optimizer: Any, **more: Any) -> Any:
    """A scheduler of `optimizer`."""
    cls, options = case
    return getattr(t.optim.lr_scheduler, cls)(optimizer, **options, **more)


def observed(scheduler: Any, optimizer: Any) -> list[float]:
    """What a scheduler is about: the groups' learning rates and momenta, and what it says itself."""
    values = [float(lr) for lr in scheduler.get_last_lr()]
    for group in optimizer.param_groups:
        values += [float(group["lr"]), group.get("momentum", 0.0), *group.get("betas", ())]
    return values


def follow(scheduler: Any, optimizer: Any, epochs: Sequence[Any] = (None,) * STEPS) -> np.ndarray:
    """What is observed before and after steps, to given epochs or (None) to the next."""
    seen = [observed(scheduler, optimizer)]
    for epoch in epochs:
        optimizer.step()
        scheduler.step() if epoch is None else scheduler.step(epoch)
        seen.append(observed(scheduler, optimizer))
    return np.array(seen)


def followed(case: Case, **options: Any) -> Callable[[Any], np.ndarray]:
    """The run of one scheduler."""

    def run(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t, **options)
        return follow(make(t, case, optimizer), optimizer)

    return run


def resumed(case: Case) -> Callable[[Any], np.ndarray]:
    """Runs that go on after each of the epochs 0 to 9, with an optimizer that was saved there."""

    def run(t: Any) -> np.ndarray:
        seen = []
        for last in range(10):
            first = optimizer_of(t)
            scheduler = make(t, case, first)
            for _ in range(last):
                first.step()
                scheduler.step()
            optimizer = optimizer_of(t)
            optimizer.load_state_dict(copy.deepcopy(first.state_dict()))
            scheduler = make(t, case, optimizer, last_epoch=last)
            seen.append(follow(scheduler, optimizer, [None] * 15))
        return np.array(seen)

    return run


def reloaded(case: Case) -> Callable[[Any], np.ndarray]:
    """A run that goes on with state dicts of both."""

    def run(t: Any) -> np.ndarray:
        first = optimizer_of(t)
        scheduler = make(t, case, first)
        follow(scheduler, first, [None] * 6)
        optimizer = optimizer_of(t)
        other = make(t, case, optimizer)
        optimizer.load_state_dict(copy.deepcopy(first.state_dict()))
        other.load_state_dict(copy.deepcopy(scheduler.state_dict()))
        return follow(other, optimizer, [None] * 30)

    return run


def jumped(case: Case, *epochs: Any) -> Callable[[Any], np.ndarray]:
    """A run from epoch to epoch, with ordinary steps in between (None)."""

    def run(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t)
        return follow(make(t, case, optimizer), optimizer, epochs)

    return run


def composed(*cases: Case, milestones: list[int] | None = None) -> Callable[[Any], np.ndarray]:
    """Schedulers one after the other, or at once."""

    def run(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t)
        parts = [make(t, case, optimizer) for case in cases]
        scheduler = (
            t.optim.lr_scheduler.ChainedScheduler(parts)
            if milestones is None
            else t.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones)
        )
        return follow(scheduler, optimizer)

    return run


def nested(t: Any) -> np.ndarray:
    """A sequence whose first part is a sequence of a chain and another."""
    lr_scheduler = t.optim.lr_scheduler
    optimizer = optimizer_of(t)
    names = ("constant", "exponential", "linear", "cosine")
    constant, exponential, linear, cosine = [make(t, CASES[name], optimizer) for name in names]
    chain = lr_scheduler.ChainedScheduler([constant, exponential])
    inner = lr_scheduler.SequentialLR(optimizer, [linear, cosine], [4])
    del chain
    outer = lr_scheduler.SequentialLR(optimizer, [inner, exponential], [9])
    return follow(outer, optimizer)


def side_by_side(t: Any) -> np.ndarray:
    """Two schedulers of one optimizer that are stepped in turn."""
    optimizer = optimizer_of(t)
    one, two = make(t, CASES["steps"], optimizer), make(t, CASES["exponential"], optimizer)
    seen = []
    for _ in range(STEPS):
        optimizer.step()
        one.step()
        two.step()
        seen.append(observed(one, optimizer) + observed(two, optimizer))
    return np.array(seen)


METRICS = np.concatenate(
    [
        np.linspace(5, 1, 10), np.full(12, 1.0), 1 - 1e-5 * np.arange(10), [np.nan, np.inf, 0.2],
        0.2 + 0.1 * np.sin(np.arange(STEPS)), -np.arange(10.0), np.full(20, -9.0),
    ]
)  # fmt: skip
PLATEAUS: dict[str, dict[str, Any]] = {
    "plain": {},
    "impatient": {"patience": 0},
    "max": {"mode": "max", "patience": 2, "factor": 0.5},
    "absolute": {"threshold_mode": "abs", "threshold": 0.01, "patience": 3, "factor": 0.7},
    "max absolute": {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 1},
    "relative": {"threshold": 0.1, "patience": 2, "factor": 0.9},
    "cooldown": {"patience": 1, "cooldown": 4, "factor": 0.5},
    "bounded": {"patience": 0, "min_lr": 0.02},
    "bounded each": {"patience": 0, "min_lr": [0.02, 0.001], "factor": 0.3},
    "coarse": {"patience": 0, "eps": 1e-3},
}


def plateau(**options: Any) -> Callable[[Any], np.ndarray]:
    """Learning rates and counters along `METRICS`; from a tensor or a number in turn."""

    def run(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t)
        scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        seen = []
        for k, metric in enumerate(METRICS):
            optimizer.step()
            scheduler.step(t.tensor(metric, dtype=t.float64) if k % 2 else float(metric))
            counters = [scheduler.num_bad_epochs, scheduler.cooldown_counter, scheduler.best]
            seen.append(observed(scheduler, optimizer) + counters)
        return np.array(seen)

    return run


def tensors(case: Case) -> Callable[[Any], np.ndarray]:
    """A run of an optimizer whose learning rate is a tensor, which has to stay the same one."""

    def run(t: Any) -> np.ndarray:
        lr = t.tensor(0.1, dtype=t.float64)
        optimizer = t.optim.Adam([t.nn.Parameter(t.ones(2))], lr=lr)
        cls, options = case
        options = {
            k: v[0] if isinstance(v, list) and k != "milestones" else v for k, v in options.items()
        }
        scheduler = make(t, (cls, options), optimizer)
        seen = [float(scheduler.get_last_lr()[0])]
        for _ in range(STEPS):
            optimizer.step()
            scheduler.step()
            assert optimizer.param_groups[0]["lr"] is lr
            seen += [float(lr), float(scheduler.get_last_lr()[0])]
        return np.array(seen)

    return run


def runs() -> dict[str, Callable[[Any], np.ndarray]]:
    """All runs."""
    found: dict[str, Callable[[Any], np.ndarray]] = {}
    for name, case in CASES.items():
        found[name] = followed(case)
        found[f"{name}, tensor"] = tensors(case)
        found[f"{name}, reloaded"] = reloaded(case)
        found[f"{name}, resumed"] = resumed(case)
        if name not in ("linear to nothing", "polynomial", "cosine"):
            found[f"{name}, jumping"] = jumped(case, 5, None, 2, None, None, 0, 13, None, None, 7)
    for name in ("triangles", "one cycle"):
        found[f"{name}, Adam"] = followed(CASES[name], cls="Adam")
    found["restarts, parts"] = jumped(OTHER["restarts"], 0.25, 2.5, 3, 7.75, None, None, 0.5)
    found["restarts doubled, parts"] = jumped(
        OTHER["restarts doubled"], 0.25, 3.75, 4, 11.5, 12, None, 28, 30.5, None, 3.5
    )
    pairs = [("constant", "exponential"), ("linear", "cosine"), ("step", "linear down"),
             ("multiplicative", "steps"), ("polynomial long", "constant")]  # fmt: skip
    for one, two in pairs:
        found[f"{one} and {two}"] = composed(CASES[one], CASES[two])
        found[f"{one} then {two}"] = composed(CASES[one], CASES[two], milestones=[6])
    found["linear then restarts"] = composed(CASES["linear"], OTHER["restarts"], milestones=[4])
    found["restarts then linear"] = composed(OTHER["restarts"], CASES["linear"], milestones=[4])
    found["lambda then triangles"] = composed(CASES["lambda"], OTHER["triangles"], milestones=[4])
    found["three"] = composed(
        CASES["linear"], CASES["cosine long"], CASES["exponential"], milestones=[5, 20]
    )
    found["alone in a sequence"] = composed(CASES["linear"], milestones=[])
    found["nested"] = nested
    found["side by side"] = side_by_side
    for name, options in PLATEAUS.items():
        found[f"plateau, {name}"] = plateau(**options)
    return found


# ------------------------------------------------------------------------------------------------
# Scenes
# ------------------------------------------------------------------------------------------------


class Halving:
    """A schedule that is an object with attributes."""

    def __init__(self) -> None:
        self.factor = 0.5

    def __call__(self, x: float) -> float:
        return self.factor**x


def shown(value: Any) -> Any:
    """A value without what differs from run to run: addresses, last digits."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {k: shown(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(v) for v in value]
    return "function" if isinstance(value, types.FunctionType) else value


def stepped(t: Any, case: Case, **options: Any) -> Any:
    """A scheduler after three steps."""
    optimizer = optimizer_of(t, **options)
    scheduler = make(t, case, optimizer)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    return scheduler


def of(t: Any, cls: str, *args: Any, **options: Any) -> Any:
    """A scheduler by its class, of a new optimizer."""
    return getattr(t.optim.lr_scheduler, cls)(optimizer_of(t), *args, **options)


def group_keys(t: Any, case: Case, **options: Any) -> Any:
    """A parameter group that is scheduled, but for its parameters."""
    scheduler = stepped(t, case, **options)
    return shown({k: v for k, v in scheduler.optimizer.param_groups[0].items() if k != "params"})


def parts(t: Any, *names: str) -> list[Any]:
    """Schedulers of one optimizer."""
    optimizer = optimizer_of(t)
    return [make(t, CASES[name], optimizer) for name in names]


def plateau_of(t: Any, *metrics: float, groups: int = 0, **options: Any) -> Any:
    """A plateau scheduler that has seen some metrics; groups are added to its optimizer first."""
    optimizer = optimizer_of(t)
    scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    for _ in range(groups):
        optimizer.add_param_group({"params": [t.nn.Parameter(t.ones(2))], "lr": 0.3})
    for metric in metrics:
        scheduler.step(metric)
    return scheduler


def sequence(t: Any, one: str, two: str, milestones: list[int]) -> Any:
    """One scheduler after another."""
    made = parts(t, one, two)
    return t.optim.lr_scheduler.SequentialLR(made[0].optimizer, made, milestones)


def foreign(t: Any, cls: str) -> Any:
    """A composition of schedulers of different optimizers."""
    made = [*parts(t, "linear"), *parts(t, "exponential")]
    lr_scheduler = t.optim.lr_scheduler
    if cls == "SequentialLR":
        return lr_scheduler.SequentialLR(made[0].optimizer, made, [3])
    return lr_scheduler.ChainedScheduler(made)


def first_words(t: Any, scene: Callable[[Any], Any]) -> Any:
    """Play a scene; of its error keep what stands before the optimizer is printed."""
    try:
        return scene(t)
    except ValueError as error:
        return str(error).partition(" has ")[0]


def loaded_objects(t: Any) -> Any:
    """The attributes of schedules that are objects, after loading."""
    scheduler = of(t, "LambdaLR", [Halving(), lambda x: 1.0])
    state = of(t, "LambdaLR", [Halving(), lambda x: 1.0]).state_dict()
    state["lr_lambdas"][0] = {"factor": 0.25}
    scheduler.load_state_dict(state)
    return vars(scheduler.lr_lambdas[0]), scheduler.state_dict()["lr_lambdas"]


def loaded_scale(t: Any) -> Any:
    """The same of the function of a cyclic schedule."""
    scheduler = of(t, "CyclicLR", 0.1, 0.5, scale_fn=Halving())
    state = of(t, "CyclicLR", 0.1, 0.5, scale_fn=Halving()).state_dict()
    state["_scale_fn_custom"] = {"factor": 0.25}
    scheduler.load_state_dict(state)
    return scheduler.state_dict()["_scale_fn_custom"], scheduler.scale_fn(2)


def after_loading(t: Any, state: dict[str, Any]) -> Any:
    """The attributes of a scheduler that has loaded an incomplete state dict."""
    scheduler = of(t, "StepLR", 3)
    scheduler.load_state_dict(state)
    return scheduler.state_dict()


def own(t: Any, values: Callable[[Any], Any]) -> Any:
    """The rates of a user's scheduler."""
    cls = type("Own", (t.optim.lr_scheduler.LRScheduler,), {"get_lr": values})
    return cls(optimizer_of(t)).get_last_lr()


SCENES: dict[str, Callable[[Any], Any]] = {
    "no get_lr": lambda t: of(t, "LRScheduler"),
    "own": lambda t: own(t, lambda self: [g["lr"] * 0.5 for g in self.optimizer.param_groups]),
    "own, too few": lambda t: own(t, lambda self: [1.0]),
    "initial_lr is kept": lambda t: [
        group["initial_lr"] for group in stepped(t, CASES["linear"]).optimizer.param_groups
    ],
    "two schedulers": lambda t: [s.base_lrs for s in parts(t, "linear", "exponential")],
    "load little": lambda t: after_loading(t, {"last_epoch": 7, "other": 3}),
    "lambda too few": lambda t: of(t, "LambdaLR", [lambda epoch: 1]),
    "multiplicative too few": lambda t: of(t, "MultiplicativeLR", [lambda epoch: 1]),
    "lambda tuple": lambda t: of(t, "LambdaLR", (lambda e: 1, lambda e: 2)).get_last_lr(),
    "lambda objects": lambda t: of(t, "LambdaLR", [Halving(), lambda e: 1]).state_dict()["lr_lambdas"],
    "lambda objects loaded": loaded_objects,
    "step of nothing": lambda t: stepped(t, ("StepLR", {"step_size": 0})),
    "constant too large": lambda t: of(t, "ConstantLR", 1.5),
    "constant negative": lambda t: of(t, "ConstantLR", -0.5),
    "linear start too large": lambda t: of(t, "LinearLR", 1.5),
    "linear start zero": lambda t: of(t, "LinearLR", 0),
    "linear end too large": lambda t: of(t, "LinearLR", 0.5, 1.5),
    "linear end negative": lambda t: of(t, "LinearLR", 0.5, -0.5),
    "linear at once": lambda t: stepped(t, ("LinearLR", {"total_iters": 0})).get_last_lr(),
    "polynomial at once": lambda t: stepped(t, ("PolynomialLR", {"total_iters": 0})).get_last_lr(),
    "cosine at once": lambda t: stepped(t, ("CosineAnnealingLR", {"T_max": 0})),
    "restarts T_0": lambda t: of(t, "CosineAnnealingWarmRestarts", 0),
    "restarts T_0 float": lambda t: of(t, "CosineAnnealingWarmRestarts", 1.5),
    "restarts T_mult": lambda t: of(t, "CosineAnnealingWarmRestarts", 1, 0),
    "restarts T_mult float": lambda t: of(t, "CosineAnnealingWarmRestarts", 1, 1.5),
    "restarts eta_min": lambda t: of(t, "CosineAnnealingWarmRestarts", 1, 1, "a"),
    "restarts negative": lambda t: of(t, "CosineAnnealingWarmRestarts", 1).step(-1),
    "cycle mode": lambda t: of(t, "CyclicLR", 0.1, 0.5, mode="other"),
    "cycle base": lambda t: of(t, "CyclicLR", [0.1], 0.5),
    "cycle max": lambda t: of(t, "CyclicLR", 0.1, [0.5]),
    "cycle momentum": lambda t: of(t, "CyclicLR", 0.1, 0.5, max_momentum=[0.9]),
    "cycle without momentum": lambda t: t.optim.lr_scheduler.CyclicLR(optimizer_of(t, "Rprop"), 0.1, 0.5),
    "cycle object": lambda t: shown(of(t, "CyclicLR", 0.1, 0.5, scale_fn=Halving()).state_dict()),
    "cycle object loaded": loaded_scale,
    "cycle no momentum": lambda t: shown(of(t, "CyclicLR", 0.1, 0.5, cycle_momentum=False).state_dict()),
    "cycle mode with function": lambda t: shown(
        of(t, "CyclicLR", 0.1, 0.5, scale_fn=lambda x: 1.0, scale_mode="y", mode="z").state_dict()
    ),
    "one cycle nothing": lambda t: of(t, "OneCycleLR", 0.1),
    "one cycle epochs only": lambda t: of(t, "OneCycleLR", 0.1, epochs=3),
    "one cycle zero": lambda t: of(t, "OneCycleLR", 0.1, 0),
    "one cycle float": lambda t: of(t, "OneCycleLR", 0.1, 2.5),
    "one cycle epochs": lambda t: of(t, "OneCycleLR", 0.1, epochs=-1, steps_per_epoch=3),
    "one cycle steps": lambda t: of(t, "OneCycleLR", 0.1, epochs=3, steps_per_epoch=0),
    "one cycle start": lambda t: of(t, "OneCycleLR", 0.1, 10, pct_start=1.5),
    "one cycle start int": lambda t: of(t, "OneCycleLR", 0.1, 10, pct_start=1),
    "one cycle strategy": lambda t: of(t, "OneCycleLR", 0.1, 10, anneal_strategy="x"),
    "one cycle max": lambda t: of(t, "OneCycleLR", [0.1], 10),
    "one cycle momentum": lambda t: of(t, "OneCycleLR", 0.1, 10, base_momentum=[0.1]),
    "one cycle without momentum": lambda t: t.optim.lr_scheduler.OneCycleLR(
        optimizer_of(t, "Rprop"), 0.1, 10
    ),
    "one cycle as long as possible": lambda t: shown(
        stepped(t, ("OneCycleLR", {"max_lr": 0.1, "total_steps": 3})).get_last_lr()
    ),
    "one cycle too long": lambda t: stepped(t, ("OneCycleLR", {"max_lr": 0.1, "total_steps": 2})),
    "verbose": lambda t: of(t, "StepLR", 3, verbose=True),
    "plateau factor": lambda t: plateau_of(t, factor=1.0),
    "plateau mode": lambda t: plateau_of(t, mode="x"),
    "plateau threshold mode": lambda t: plateau_of(t, threshold_mode="x"),
    "plateau min_lr": lambda t: plateau_of(t, min_lr=[0.1]),
    "plateau optimizer": lambda t: t.optim.lr_scheduler.ReduceLROnPlateau(3),
    "plateau grown": lambda t: shown(plateau_of(t, 1.0, 1.0, groups=1, patience=0).state_dict()),
    "plateau grown, list": lambda t: plateau_of(t, 1.0, 1.0, groups=1, patience=0, min_lr=[0.1, 0.2]),
    "plateau new": lambda t: plateau_of(t, min_lr=[0.1, 0.2]).state_dict(),
    "plateau stepped": lambda t: shown(plateau_of(t, 1.0, 2.0, mode="max").state_dict()),
    "plateau cooling": lambda t: plateau_of(t, 1.0, 1.0, patience=0, cooldown=3).in_cooldown,
    "plateau not cooling": lambda t: plateau_of(t, 1.0).in_cooldown,
    "plateau loaded wrongly": lambda t: plateau_of(t).load_state_dict({"mode": "x"}),
    "plateau of text": lambda t: plateau_of(t, "a"),
    "plateau get_lr": lambda t: plateau_of(t).get_lr(),
    "sequence of nothing": lambda t: of(t, "SequentialLR", [], []),
    "sequence milestones": lambda t: sequence(t, "linear", "exponential", [1, 2]),
    "sequence foreign": lambda t: first_words(t, lambda t: foreign(t, "SequentialLR")),
    "sequence of a number": lambda t: of(t, "SequentialLR", [3], []),
    "sequence of plateau": lambda t: of(t, "SequentialLR", [plateau_of(t)], []),
    "sequence new": lambda t: shown(sequence(t, "linear", "exponential", [3]).state_dict()),
    "sequence epoch": lambda t: sequence(t, "linear", "exponential", [3]).step(2),
    "sequence get_lr": lambda t: sequence(t, "linear", "exponential", [3]).get_lr(),
    "sequence last_epoch": lambda t: t.optim.lr_scheduler.SequentialLR(
        (made := parts(t, "linear"))[0].optimizer, made, [], last_epoch=4
    ).last_epoch,
    "chain of nothing": lambda t: t.optim.lr_scheduler.ChainedScheduler([]),
    "chain foreign": lambda t: first_words(t, lambda t: foreign(t, "ChainedScheduler")),
    "chain of plateau": lambda t: t.optim.lr_scheduler.ChainedScheduler([plateau_of(t)]),
    "chain new": lambda t: shown(
        t.optim.lr_scheduler.ChainedScheduler(parts(t, "linear", "exponential")).state_dict()
    ),
    "chain epoch": lambda t: t.optim.lr_scheduler.ChainedScheduler(parts(t, "linear")).step(2),
}  # fmt: skip
for _name, _case in CASES.items():
    SCENES |= {
        f"{_name}: new": lambda t, c=_case: shown(make(t, c, optimizer_of(t)).state_dict()),
        f"{_name}: stepped": lambda t, c=_case: shown(stepped(t, c).state_dict()),
    }
    if _name in ("lambda", "triangles", "one cycle"):
        SCENES |= {
            f"{_name}: group": lambda t, c=_case: group_keys(t, c),
            f"{_name}: group of Adam": lambda t, c=_case: group_keys(t, c, cls="Adam"),
            f"{_name}: no optimizer": lambda t, c=_case: make(t, c, t.nn.Linear(1, 1)),
        }


def main() -> None:
    """Write both files."""
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: run(torch) for name, run in runs().items()}
    np.savez_compressed(NUMBERS, **found)
    outcomes = {name: play(scene, torch) for name, scene in SCENES.items()}
    TEXTS.write_text(json.dumps(outcomes, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
