"""Regenerate ``groups.npz``: what PyTorch 2.13 computes in normalisations of groups and instances.

    python tests/golden/make_groups.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "groups.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

LAYERS: dict[str, tuple[tuple[int, ...], Any]] = {
    f"{name} {shape}": (shape, make)
    for shapes, name, make in (
        (((3, 4, 5), (2, 4, 3, 2)), "GroupNorm(2, 4)", lambda nn: nn.GroupNorm(2, 4)),
        (((3, 4), (3, 4, 5), (1, 4, 1)), "GroupNorm(1, 4)", lambda nn: nn.GroupNorm(1, 4, eps=0.1)),
        (((3, 4, 5),), "GroupNorm(4, 4)", lambda nn: nn.GroupNorm(4, 4)),
        (((3, 4, 5),), "GroupNorm plain", lambda nn: nn.GroupNorm(2, 4, affine=False)),
        (((3, 4, 5),), "GroupNorm without bias", lambda nn: nn.GroupNorm(2, 4, bias=False)),
        (((0, 4, 5),), "GroupNorm of nothing", lambda nn: nn.GroupNorm(2, 4)),
        (((3, 4, 5), (4, 5)), "InstanceNorm1d", lambda nn: nn.InstanceNorm1d(4)),
        (((3, 4, 5), (4, 5)), "InstanceNorm1d affine", lambda nn: nn.InstanceNorm1d(
            4, affine=True, eps=0.1)),
        (((3, 4, 5), (4, 5)), "InstanceNorm1d tracked", lambda nn: nn.InstanceNorm1d(
            4, momentum=0.3, affine=True, track_running_stats=True)),
        (((3, 4, 5),), "InstanceNorm1d evaluated", lambda nn: nn.InstanceNorm1d(
            4, affine=True, track_running_stats=True).eval()),
        (((3, 4, 5),), "InstanceNorm1d evaluated, untracked", lambda nn: nn.InstanceNorm1d(
            4).eval()),
        (((3, 4, 5),), "InstanceNorm1d still", lambda nn: nn.InstanceNorm1d(
            4, momentum=None, track_running_stats=True)),
        (((3, 4, 5), (2, 4, 3, 2)), "LocalResponseNorm(3)", lambda nn: nn.LocalResponseNorm(
            3, alpha=2.0)),
        (((3, 4, 5),), "LocalResponseNorm(2)", lambda nn: nn.LocalResponseNorm(2, 3.0, 0.5, 0.3)),
        (((3, 4, 5),), "LocalResponseNorm(9)", lambda nn: nn.LocalResponseNorm(9, 3.0)),
    )
    for shape in shapes
}  # fmt: skip


def layer_of(t: Any, name: str, dtype: str) -> Any:
    """The layer of a name, with factors and averages that are no ones and zeros."""
    layer = LAYERS[name][1](t.nn).to(getattr(t, dtype))
    with t.no_grad():
        for k, (_, v) in enumerate([*layer.named_parameters(), *layer.named_buffers()]):
            if v.dim():
                v.copy_(t.tensor(np.abs(facts.numbers(k + 3, *v.shape, dtype=dtype))))
    return layer


def run_layer(t: Any, name: str, dtype: str) -> dict[str, np.ndarray]:
    """Values, gradients, second derivatives, and what is tracked."""
    layer = layer_of(t, name, dtype)
    x = t.tensor(facts.numbers(1, *LAYERS[name][0], dtype=dtype), requires_grad=True)
    leaves = [x, *layer.parameters()]
    y = layer(x)
    g = t.tensor(facts.numbers(7, *y.shape, dtype=dtype))
    grads = t.autograd.grad(y, leaves, g, create_graph=True)
    found = {"y": facts.array(y)} | {f"d{k}": facts.array(d) for k, d in enumerate(grads)}
    found |= {n: facts.array(b) for n, b in layer.named_buffers()}
    second = t.autograd.grad((grads[0] * grads[0]).sum(), leaves, allow_unused=True)
    return found | {
        f"second {k}": np.zeros(tuple(v.shape)) if d is None else facts.array(d)
        for k, (v, d) in enumerate(zip(leaves, second))
    }


RUNS = {
    f"{name}-{dtype}": lambda t, a=(name, dtype): run_layer(t, *a)
    for name in LAYERS
    for dtype in ("float32", "float64")
}


def f(t: Any) -> Any:
    """``nn.functional``."""
    return t.nn.functional


def named(x: Any) -> str:
    """The name of its node."""
    return str(x.grad_fn.name())


ERRORS = {
    "GroupNorm": (
        "ValueError", r"num_channels \(4\) must be divisible by num_groups \(3\)", lambda t: t.nn.GroupNorm(3, 4),
    ),
    "group_norm: groups": (
        "RuntimeError", r"Expected number of channels in input to be divisible by num_groups, but got input of shape \[3, 4, 5\] and num_groups=3",
        lambda t: f(t).group_norm(t.ones(3, 4, 5), 3),
    ),
    "group_norm: none": ("ZeroDivisionError", "by zero", lambda t: f(t).group_norm(t.ones(3, 4, 5), 0)),
    "group_norm: weight": (
        "RuntimeError", r"Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape \[3\] and input of shape \[3, 4, 5\]",
        lambda t: f(t).group_norm(t.ones(3, 4, 5), 2, t.ones(3)),
    ),
    "group_norm: bias": (
        "RuntimeError", "Expected bias to be a vector of size equal to the number of channels in input",
        lambda t: f(t).group_norm(t.ones(3, 4, 5), 2, t.ones(4), t.ones(3)),
    ),
    "group_norm: dtype": (
        "RuntimeError", r"mixed dtype \(CPU\)", lambda t: f(t).group_norm(t.ones(3, 4, 5), 2, t.ones(4).double()),
    ),
    "group_norm: 1-D": (
        "RuntimeError", "Expected at least 2 dimensions for input tensor but received 1", lambda t: f(t).group_norm(t.ones(4), 2),
    ),
    "group_norm: a value": (
        "ValueError", "Expected more than 1 value per channel when training, got input size", lambda t: f(t).group_norm(t.ones(1, 4), 4),
    ),
    "group_norm: integers": (
        "NotImplementedError", "not implemented for 'Long'", lambda t: f(t).group_norm(t.ones(3, 4, 5).long(), 2),
    ),
    **{
        f"InstanceNorm1d: {len(shape)}-D": (
            "ValueError", rf"expected 2D or 3D input \(got {len(shape)}D input\)",
            lambda t, shape=shape: t.nn.InstanceNorm1d(4)(t.ones(shape)),
        )
        for shape in ((4,), (1, 1, 4, 4))
    },
    "InstanceNorm1d: channels": (
        "ValueError", r"expected input's size at dim=1 to match num_features \(3\), but got: 4.",
        lambda t: t.nn.InstanceNorm1d(3, affine=True)(t.ones(3, 4, 5)),
    ),
    "InstanceNorm1d: a value": (
        "ValueError", "Expected more than 1 spatial element when training, got input size torch.Size",
        lambda t: t.nn.InstanceNorm1d(4)(t.ones(3, 4, 1)),
    ),
    "InstanceNorm1d: state": (
        "RuntimeError", 'Unexpected running stats buffer.*"running_mean" for InstanceNorm1d with track_running_stats=False',
        lambda t: t.nn.InstanceNorm1d(4).load_state_dict({"running_mean": t.zeros(4)}),
    ),
    "instance_norm: averages": (
        "RuntimeError", "Expected running_mean and running_var to be defined when use_input_stats is false",
        lambda t: f(t).instance_norm(t.ones(3, 4, 5), use_input_stats=False),
    ),
    "instance_norm: one average": (
        "ValueError", "running_mean and running_var must either both be None or neither be None",
        lambda t: f(t).instance_norm(t.ones(3, 4, 5), t.zeros(4)),
    ),
    "instance_norm: size": (
        "RuntimeError", "running_mean should contain .* elements not",
        lambda t: f(t).instance_norm(t.ones(3, 4, 5), t.zeros(3), t.ones(3)),
    ),
    "instance_norm: weight": (
        "RuntimeError", "weight should contain .* elements not",
        lambda t: f(t).instance_norm(t.ones(3, 4, 5), weight=t.ones(3)),
    ),
    "instance_norm: integers": (
        "NotImplementedError", "not implemented for 'Long'", lambda t: f(t).instance_norm(t.ones(3, 4, 5).long()),
    ),
    "local_response_norm: 2-D": (
        "ValueError", r"Expected 3D or higher dimensionality\s+input \(got 2 dimensions\)", lambda t: f(t).local_response_norm(t.ones(3, 4), 2),
    ),
    "local_response_norm: size": (
        "RuntimeError", "kernel size should be greater than zero", lambda t: f(t).local_response_norm(t.ones(3, 4, 5), 0),
    ),
}  # fmt: skip

TEXTS = [
    ("GroupNorm(2, 4, eps=1e-05, affine=True, bias=False)", lambda t: t.nn.GroupNorm(2, 4, bias=False)),
    (
        "InstanceNorm1d(4, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)",
        lambda t: t.nn.InstanceNorm1d(4),
    ),
    ("LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)", lambda t: t.nn.LocalResponseNorm(2)),
    ("OrderedDict()", lambda t: t.nn.InstanceNorm1d(4).state_dict()),
    ("['weight', 'bias']", lambda t: list(t.nn.GroupNorm(2, 4).state_dict())),
    (
        "['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']",
        lambda t: list(t.nn.InstanceNorm1d(4, affine=True, track_running_stats=True).state_dict()),
    ),
    (
        "['NativeGroupNormBackward0', 'NativeGroupNormBackward0', 'ViewBackward0', 'SqueezeBackward1']",
        lambda t: [
            named(layer(t.ones(shape, requires_grad=True)))
            for layer, shape in (
                (t.nn.GroupNorm(2, 4), (3, 4, 5)), (t.nn.GroupNorm(2, 4, affine=False), (3, 4)),
                (t.nn.InstanceNorm1d(4), (3, 4, 5)), (t.nn.InstanceNorm1d(4), (4, 5)),
            )
        ],
    ),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
