"""Regenerate ``optim.npz`` and ``optim.json``: what PyTorch 2.13's optimizers do and say.

    python tests/golden/make_optim.py

needs torch. ``optim.npz`` has parameters and states after some steps; the options, starting values
and gradients of these runs are defined here with NumPy alone, and `tests/test_optim.py` runs
minigrad on them. ``optim.json`` has what small scenes print and raise, in the form of
``make_modules.py``.
"""

from __future__ import annotations

import copy
import itertools
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
NUMBERS = HERE / "optim.npz"
TEXTS = HERE / "optim.json"
STEPS = 50
KEPT = (1, 2, 20, 50)  # the steps after which the parameters are stored
OPTIMIZERS = (
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop",
    "ASGD", "LBFGS", "Adafactor",
)  # fmt: skip
play = runpy.run_path(str(HERE / "make_modules.py"))["play"]

# ------------------------------------------------------------------------------------------------
# Runs of rules that treat each parameter alone
# ------------------------------------------------------------------------------------------------


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """The runs: by name, the class and its options."""
    return {
        f"{cls}({', '.join(f'{k}={v}' for k, v in options.items())})": (cls, options)
        for cls, options in _cases()
    }


def _cases() -> Iterator[tuple[str, dict[str, Any]]]:
    for momentum, dampening, nesterov, weight_decay, maximize in itertools.product(
        (0, 0.9), (0, 0.3), (False, True), (0, 0.1), (False, True)
    ):
        if (momentum == 0 and (dampening or nesterov)) or (nesterov and dampening):
            continue
        yield (
            "SGD",
            {
                "lr": 0.05, "momentum": momentum, "dampening": dampening, "nesterov": nesterov,
                "weight_decay": weight_decay, "maximize": maximize,
            },
        )  # fmt: skip
    for cls, weight_decay, amsgrad, maximize in itertools.product(
        ("Adam", "AdamW"), (0, 0.1), (False, True), (False, True)
    ):
        yield (
            cls,
            {"lr": 0.05, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize},
        )
    yield "Adam", {"lr": 0.02, "betas": (0.3, 0.8), "eps": 1e-3}
    yield "AdamW", {"lr": 0.02, "betas": (0.3, 0.8), "eps": 1e-3}
    yield "Adam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}
    for momentum, centered, weight_decay, maximize in itertools.product(
        (0, 0.9), (False, True), (0, 0.1), (False, True)
    ):
        yield (
            "RMSprop",
            {
                "lr": 0.02, "momentum": momentum, "centered": centered,
                "weight_decay": weight_decay, "maximize": maximize, "alpha": 0.9,
            },
        )  # fmt: skip
    yield "RMSprop", {"eps": 1e-2}
    yield "Adagrad", {"lr": 0.1}
    yield "Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "maximize": True}
    yield "Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-2, "weight_decay": 0.1}
    yield "Adadelta", {}
    yield "Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}
    yield "Adamax", {"lr": 0.05}
    yield (
        "Adamax",
        {"lr": 0.05, "betas": (0.7, 0.9), "eps": 1e-2, "weight_decay": 0.1, "maximize": True},
    )
    for cls in ("NAdam", "RAdam"):
        yield cls, {"lr": 0.05}
        for decoupled, maximize in itertools.product((False, True), (False, True)):
            yield (
                cls,
                {
                    "lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1,
                    "decoupled_weight_decay": decoupled, "maximize": maximize,
                },
            )  # fmt: skip
    yield "NAdam", {"lr": 0.05, "momentum_decay": 0.1}
    yield "RAdam", {"lr": 0.05, "betas": (0.5, 0.6)}
    yield "Rprop", {}
    yield "Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.05, 0.2), "maximize": True}
    yield "ASGD", {"lr": 0.05}
    yield "ASGD", {"lr": 0.05, "lambd": 0.1, "alpha": 0.5, "t0": 5, "weight_decay": 0.1}
    yield "ASGD", {"lr": 0.05, "lambd": 0.01, "t0": 0, "maximize": True}
    yield "Adafactor", {}
    yield "Adafactor", {"lr": 0.5, "beta2_decay": -0.4, "weight_decay": 0.1, "maximize": True}
    yield "Adafactor", {"lr": 2.0, "eps": (1e-2, 0.5), "d": 1.5}


def start(dtype: np.dtype) -> list[np.ndarray]:
    """The parameters before the first step; one has no axis."""
    return [
        np.array([[0.5, -1.25, 2.0], [-0.125, 3.0, 0.75]], dtype),
        np.array([1.5, -0.5], dtype),
        np.array(-0.75, dtype),
    ]


def gradient(step: int, k: int, value: np.ndarray) -> np.ndarray:
    """The gradient of parameter `k` at `value`: of a bowl that wobbles from step to step."""
    wobble = np.sin(np.arange(value.size).reshape(value.shape) + 0.7 * step + k)
    return np.asarray(0.8 * value + 0.5 * wobble, value.dtype)


def run(t: Any, cls: str, options: dict[str, Any], dtype: str) -> np.ndarray:
    """The parameters after each of the steps in `KEPT`, then all that is remembered of them.

    The last parameter is in a group of its own with a smaller learning rate, and gets no gradient
    in some of the steps.
    """
    params = [t.nn.Parameter(t.from_numpy(a)) for a in start(np.dtype(dtype))]
    cls = getattr(t.optim, cls)
    lr = cls([t.zeros(1)], **options).param_groups[0]["lr"]
    optimizer = cls([{"params": params[:2]}, {"params": params[2:], "lr": lr / 2}], **options)
    kept = []
    for step in range(1, STEPS + 1):
        for k, p in enumerate(params):
            skipped = k == 2 and step % 4 == 1
            p.grad = None if skipped else t.from_numpy(gradient(step, k, p.detach().numpy()))
        optimizer.step()
        if step in KEPT:
            kept += [p.detach().numpy().reshape(-1).copy() for p in params]
    for state in optimizer.state_dict()["state"].values():
        kept += [
            value.numpy().reshape(-1).astype(dtype) for value in state.values() if value is not None
        ]
    return np.concatenate(kept)


# ------------------------------------------------------------------------------------------------
# Runs of LBFGS
# ------------------------------------------------------------------------------------------------


def lbfgs_cases() -> dict[str, dict[str, Any]]:
    """Options, and how many steps of LBFGS to take."""
    return {
        "plain": {"steps": 4, "lr": 0.001, "max_iter": 5},
        "one iteration": {"steps": 12, "lr": 0.002, "max_iter": 1},
        "short history": {"steps": 3, "lr": 0.001, "history_size": 2},
        "few evaluations": {"steps": 4, "lr": 0.002, "max_eval": 3},
        "line search": {"steps": 2, "line_search_fn": "strong_wolfe", "max_iter": 6},
        "line search, short history": {
            "steps": 3, "line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 2,
        },
        "line search, long first step": {
            "steps": 3, "line_search_fn": "strong_wolfe", "max_iter": 3, "lr": 50.0,
        },
        "line search, short first step": {
            "steps": 3, "line_search_fn": "strong_wolfe", "max_iter": 3, "lr": 1e-4,
        },
        "tolerant": {"steps": 3, "line_search_fn": "strong_wolfe", "tolerance_change": 1e-2},
        "flat enough": {"steps": 3, "line_search_fn": "strong_wolfe", "tolerance_grad": 5.0},
        "wavy": {"steps": 3, "line_search_fn": "strong_wolfe", "max_iter": 4, "valley": False},
        "wavy, long first step": {
            "steps": 3, "line_search_fn": "strong_wolfe", "max_iter": 3, "lr": 20.0, "valley": False,
        },
    }  # fmt: skip


def valley(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Rosenbrock's valley and its gradient."""
    a, b = x[1:] - x[:-1] ** 2, 1 - x[:-1]
    grad = np.zeros_like(x)
    grad[1:] += 200 * a
    grad[:-1] -= 400 * a * x[:-1] + 2 * b
    return float((100 * a**2 + b**2).sum()), grad


def waves(x: np.ndarray) -> tuple[float, np.ndarray]:
    """A bowl with waves on it, and its gradient."""
    return float((0.1 * x**2 + np.sin(3 * x)).sum()), 0.2 * x + 3 * np.cos(3 * x)


def run_lbfgs(t: Any, dtype: str, options: dict[str, Any]) -> np.ndarray:
    """After each step: loss, calls of the closure, iterations, parameters; then what is remembered."""
    options = dict(options)
    steps, function = options.pop("steps"), valley if options.pop("valley", True) else waves
    x = np.array([-1.2, 1.0, 0.5, 2.0, -0.3], dtype)
    p, q = (
        t.nn.Parameter(t.from_numpy(x[:4].reshape(2, 2).copy())),
        t.nn.Parameter(t.tensor(x[4].item(), dtype=getattr(t, dtype))),
    )
    frozen = t.nn.Parameter(t.ones(2, dtype=getattr(t, dtype)))
    optimizer = t.optim.LBFGS([p, frozen, q], **options)

    def closure() -> Any:
        loss, grad = function(np.append(p.detach().numpy().reshape(-1), q.item()).astype(dtype))
        p.grad = t.from_numpy(grad[:4].reshape(2, 2))
        q.grad = t.tensor(grad[4].item(), dtype=q.dtype)
        return loss

    kept: list[Any] = []
    for _ in range(steps):
        loss = optimizer.step(closure)
        state = optimizer.state[p]
        kept += [loss, state["func_evals"], state["n_iter"], *p.detach().numpy().ravel(), q.item()]
        kept += frozen.tolist()
    for value in state.values():
        for item in value if isinstance(value, list) else [value]:
            kept += [] if item is None else np.asarray(item).reshape(-1).tolist()
    return np.array(kept, dtype)


# ------------------------------------------------------------------------------------------------
# Scenes
# ------------------------------------------------------------------------------------------------

SCENES: dict[str, Callable[[Any], Any]] = {}


def parameter(t: Any) -> Any:
    """A parameter with a gradient."""
    p = t.nn.Parameter(t.tensor([1.0, -2.0]))
    p.grad = t.tensor([0.5, 2.0])
    return p


def matrix(t: Any) -> Any:
    """A parameter with more axes."""
    p = t.nn.Parameter(t.ones(2, 3, 4))
    p.grad = t.ones(2, 3, 4)
    return p


def make(t: Any, cls: str, **options: Any) -> Any:
    """An optimizer of one parameter."""
    return getattr(t.optim, cls)([parameter(t)], **options)


def take_step(optimizer: Any) -> Any:
    """The optimizer after one step."""
    if type(optimizer).__name__ == "LBFGS":
        optimizer.step(lambda: 1.0)
    else:
        optimizer.step()
    return optimizer


def moved(optimizer: Any) -> list[float]:
    """Where the parameter is after one step."""
    (p,) = take_step(optimizer).param_groups[0]["params"]
    return [round(x, 5) for x in p.tolist()]


def shapes(value: Any) -> Any:
    """Keys and kinds of a state dict, without numbers that were computed."""
    if isinstance(value, dict):
        return {k: shapes(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shapes(v) for v in value[:3]]
    if hasattr(value, "dtype"):
        return f"{str(value.dtype).split('.')[-1]}{list(value.shape)}"
    return value if isinstance(value, (bool, int, str)) else type(value).__name__


def stepped_groups(t: Any, cls: str) -> Any:
    """An optimizer of two groups after two steps."""
    groups = [{"params": [parameter(t), parameter(t)]}, {"params": parameter(t), "lr": 0.5}]
    return take_step(take_step(getattr(t.optim, cls)(groups, lr=0.25)))


def reloaded(t: Any, optimizer: Any, other: Any, dtype: str | None = None) -> Any:
    """The state dict of `other` after it has loaded that of `optimizer`."""
    if dtype is not None:
        for group in other.param_groups:
            for p in group["params"]:
                p.grad = None
                p.data = p.data.to(getattr(t, dtype))
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return shapes(other.state_dict())


def double(t: Any, optimizer: Any) -> Any:
    """What an optimizer of a float64 parameter remembers."""
    (p,) = optimizer.param_groups[0]["params"]
    p.grad = None
    p.data = p.data.to(t.float64)
    p.grad = t.ones(2, dtype=t.float64)
    return shapes(take_step(optimizer).state_dict()["state"])


def grown(t: Any, cls: str) -> Any:
    """The state dict of an optimizer that has got another group."""
    optimizer = make(t, cls)
    optimizer.add_param_group({"params": [parameter(t)], "lr": 0.5})
    return optimizer.state_dict(), take_step(optimizer).state_dict()


# Options: whose (of all, if nobody is named), and values, with which a step is tried.
NUMBERS_OF: dict[str, tuple[str, tuple[Any, ...]]] = {
    "lr": ("", (-1,)),
    "foo": ("", (1,)),
    "weight_decay": (
        "SGD AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam ASGD Rprop Adafactor",
        (-1,),
    ),
    "eps": ("Adam RMSprop Adagrad Adadelta Adamax NAdam RAdam", (-1, float("nan"))),
    "betas": ("AdamW Adamax NAdam RAdam", ((1.0, 0.9), (0.5, -1.0))),
    "foreach": ("SGD RMSprop ASGD LBFGS", (True,)),
    "momentum": ("SGD RMSprop", (-1,)),
    "alpha": ("RMSprop", (-1, 2)),
    "lr_decay": ("Adagrad", (-1,)),
    "initial_accumulator_value": ("Adagrad", (-1,)),
    "rho": ("Adadelta", (-1, 2)),
    "momentum_decay": ("NAdam", (-1,)),
    "etas": ("Rprop", ((1.5, 1.2), (0, 1.2), (0.5, 1.0))),
    "step_sizes": ("Rprop", ((2, 1),)),
    "lambd": ("ASGD", (-1,)),
    "t0": ("ASGD", (-1,)),
    "beta2_decay": ("Adafactor", (0.1, -2)),
    "d": ("Adafactor", (0.5,)),
    "max_iter": ("LBFGS", (0, 3)),
    "max_eval": ("LBFGS", (0,)),
    "history_size": ("LBFGS", (7,)),
    "tolerance_grad": ("LBFGS", (5.0,)),
    "line_search_fn": ("LBFGS", ("x",)),
}


def _add_scenes() -> None:
    global SCENES
    for option, (owners, values) in NUMBERS_OF.items():
        for cls, value in itertools.product(owners.split() or OPTIMIZERS, values):
            SCENES[f"{cls} {option}={value}"] = lambda t, c=cls, o=option, v=value: moved(
                make(t, c, **{o: v})
            )
    for cls in OPTIMIZERS:
        one_group = cls == "LBFGS"
        SCENES |= {
            f"{cls} repr": lambda t, c=cls: getattr(t.optim, c)([("w", parameter(t))]),
            f"{cls} defaults": lambda t, c=cls: make(t, c).defaults,
            f"{cls} options": lambda t, c=cls: list(make(t, c).param_groups[0])[1:],
            f"{cls} groups": lambda t, c=cls: stepped_groups(t, c),
            f"{cls} new": lambda t, c=cls: make(t, c).state_dict(),
            f"{cls} lr tensor": lambda t, c=cls: take_step(make(t, c, lr=t.tensor(0.5))),
            f"{cls} lr tensor of one axis": lambda t, c=cls: moved(make(t, c, lr=t.tensor([0.5]))),
            f"{cls} lr vector": lambda t, c=cls: make(t, c, lr=t.tensor([0.5, 1.0])),
            f"{cls} lr negative tensor": lambda t, c=cls: make(t, c, lr=t.tensor(-0.5)),
            f"{cls} no closure": lambda t, c=cls: make(t, c).step(),
            f"{cls} shared": lambda t, c=cls: getattr(t.optim, c)([{"params": [p]} for p in [parameter(t)] * 2]),
            f"{cls} load sizes": lambda t, c=cls: make(t, c).load_state_dict(
                {"state": {}, "param_groups": [{"params": [0, 1]}]}
            ),
            f"{cls} load": lambda t, c=cls: reloaded(t, take_step(make(t, c)), make(t, c, lr=0.1)),
            f"{cls} load float64": lambda t, c=cls: reloaded(t, take_step(make(t, c)), make(t, c), "float64"),
            f"{cls} float64": lambda t, c=cls: double(t, make(t, c)),
        }  # fmt: skip
        if not one_group:
            SCENES |= {
                f"{cls} stepped": lambda t, c=cls: stepped_groups(t, c).state_dict(),
                f"{cls} grown": lambda t, c=cls: grown(t, c),
                f"{cls} closure": lambda t, c=cls: make(t, c).step(lambda: 3),
                f"{cls} differentiable": lambda t, c=cls: take_step(make(t, c, differentiable=True)),
                f"{cls} differentiable without gradients": lambda t, c=cls: getattr(t.optim, c)(
                    [t.nn.Parameter(t.ones(2))], differentiable=True
                ).step(),
                f"{cls} fused and foreach": lambda t, c=cls: make(t, c, fused=True, foreach=True),
                f"{cls} fused and differentiable": lambda t, c=cls: make(t, c, fused=True, differentiable=True),
            }  # fmt: skip
    SCENES.update(
        {
            **{
                f"Adafactor eps={eps}": lambda t, eps=eps: moved(make(t, "Adafactor", eps=eps))
                for eps in ((-1, 1), (1, -1), (1e-2, 1.0))
            },
            "Adafactor matrix": lambda t: shapes(
                take_step(t.optim.Adafactor([matrix(t)])).state_dict()["state"]
            ),
            "Adagrad differentiable and foreach": lambda t: take_step(
                make(t, "Adagrad", differentiable=True, foreach=True)
            ),
            "NAdam differentiable and foreach": lambda t: take_step(
                make(t, "NAdam", differentiable=True, foreach=True)
            ),
            "RMSprop all": lambda t: shapes(
                take_step(make(t, "RMSprop", momentum=0.5, centered=True)).state_dict()
            ),
            "Adagrad fused": lambda t: take_step(make(t, "Adagrad", fused=True)).state_dict(),
            "Adagrad start": lambda t: make(
                t, "Adagrad", initial_accumulator_value=0.5
            ).state_dict(),
            "LBFGS stepped": lambda t: shapes(take_step(make(t, "LBFGS")).state_dict()),
            "LBFGS once": lambda t: shapes(take_step(make(t, "LBFGS", max_iter=1)).state_dict()),
            "LBFGS returns": lambda t: make(t, "LBFGS").step(lambda: t.tensor(3.0)),
            "LBFGS at the minimum": lambda t: shapes(
                take_step(make(t, "LBFGS", tolerance_grad=10.0)).state_dict()
            ),
        }
    )


_add_scenes()


def main() -> None:
    """Write both files."""
    import torch

    runs = {
        f"{name} {dtype}": run(torch, cls, options, dtype)
        for dtype in ("float32", "float64")
        for name, (cls, options) in cases().items()
    }
    for dtype in ("float32", "float64"):
        for name, options in lbfgs_cases().items():
            runs[f"LBFGS {name} {dtype}"] = run_lbfgs(torch, dtype, options)
    np.savez_compressed(NUMBERS, **runs)
    outcomes = {name: play(scene, torch) for name, scene in SCENES.items()}
    TEXTS.write_text(json.dumps(outcomes, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
