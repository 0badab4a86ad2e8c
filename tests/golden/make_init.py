"""What PyTorch 2.13 says about initial values, besides the numbers (those are in ``layers.npz``).

    python tests/golden/make_init.py

needs torch, and checks the claims below against it. Nothing is stored.
"""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

facts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "facts.py")))
Plain = facts.Plain

DRAWS: dict[str, Any] = {
    "uniform_": lambda init, x, **g: init.uniform_(x, -1.0, 2.0, **g),
    "normal_": lambda init, x, **g: init.normal_(x, 1.0, 2.0, **g),
    "xavier_uniform_": lambda init, x, **g: init.xavier_uniform_(x, 2.0, **g),
    "xavier_normal_": lambda init, x, **g: init.xavier_normal_(x, 2.0, **g),
    "kaiming_uniform_": lambda init, x, **g: init.kaiming_uniform_(x, 0.1, "fan_out", "relu", **g),
    "kaiming_normal_": lambda init, x, **g: init.kaiming_normal_(x, 0.1, **g),
    "orthogonal_": lambda init, x, **g: init.orthogonal_(x, 2.0, **g),
    "sparse_": lambda init, x, **g: init.sparse_(x, 0.4, **g),
    "trunc_normal_": lambda init, x, **g: init.trunc_normal_(x, 0.0, 1.0, -1.0, 0.5, **g),
}


def streams(t: Any, name: str) -> Any:
    """The first value from a generator of one's own, and what both generators draw afterwards."""
    t.manual_seed(1)
    own = t.Generator().manual_seed(3)
    x = DRAWS[name](t.nn.init, t.zeros(4, 3), generator=own)
    return Plain(
        f"{x.abs().max().item():.4f}",
        f"{t.rand(1).item():.4f}",
        f"{t.rand(1, generator=own).item():.4f}",
    )


def gain(t: Any, *arguments: Any) -> str:
    """The gain to six digits."""
    return Plain(f"{t.nn.init.calculate_gain(*arguments):.6f}")


MATRIX = "Only tensors with 2 dimensions are supported"
FANS = "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"

ERRORS: dict[str, tuple[str, str, Any]] = {
    **{
        f"gain {name}": (
            "ValueError",
            f"Unsupported nonlinearity {name}",
            lambda t, name=name: t.nn.init.calculate_gain(name),
        )
        for name in ("gelu", "Linear", "", 3, None)
    },
    **{
        f"slope {slope}": (
            "ValueError",
            f"negative_slope {slope} not a valid number",
            lambda t, slope=slope: t.nn.init.calculate_gain("leaky_relu", slope),
        )
        for slope in (True, "a")
    },
    **{
        f"{name}, one axis": (
            "ValueError", FANS, lambda t, name=name: DRAWS[name](t.nn.init, t.zeros(3)),
        )
        for name in ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_")
    },
    "sparse_, three axes": (
        "ValueError", MATRIX, lambda t: t.nn.init.sparse_(t.zeros(2, 2, 2), 0.1),
    ),
    "eye_, three axes": ("ValueError", MATRIX, lambda t: t.nn.init.eye_(t.zeros(2, 2, 2))),
    "orthogonal_, no axis": (
        "ValueError",
        "Only tensors with 2 or more dimensions are supported",
        lambda t: t.nn.init.orthogonal_(t.tensor(1.0)),
    ),
    **{
        f"mode of {name}": (
            "ValueError",
            r"Mode fan not supported, please use one of \['fan_in', 'fan_out'\]",
            lambda t, name=name: getattr(t.nn.init, name)(t.zeros(2, 3), mode="Fan"),
        )
        for name in ("kaiming_uniform_", "kaiming_normal_")
    },
    "nonlinearity": (
        "ValueError",
        "Unsupported nonlinearity swish",
        lambda t: t.nn.init.kaiming_uniform_(t.zeros(2, 3), nonlinearity="swish"),
    ),
    "bounds": ("RuntimeError", "from=2 > to=1", lambda t: t.nn.init.uniform_(t.zeros(3), 2, 1)),
    "std": ("RuntimeError", "std >= 0.0", lambda t: t.nn.init.normal_(t.zeros(3), 0, -1)),
    "integers": (
        "NotImplementedError",
        "not implemented for 'Long'",
        lambda t: t.nn.init.normal_(t.zeros(3, dtype=t.int64)),
    ),
    "fans": (
        "ValueError", FANS, lambda t: t.nn.init._calculate_fan_in_and_fan_out(t.zeros(3)),
    ),
}  # fmt: skip

TEXTS: list[tuple[str, Any]] = [
    *((value, lambda t, a=arguments: gain(t, *a)) for value, *arguments in [
        ("1.000000", "linear"), ("1.000000", "conv1d"), ("1.000000", "conv2d"),
        ("1.000000", "conv3d"), ("1.000000", "conv_transpose1d"), ("1.000000", "conv_transpose2d"),
        ("1.000000", "conv_transpose3d"), ("1.000000", "sigmoid"), ("1.666667", "tanh"),
        ("1.666667", "tanh", 3), ("1.414214", "relu"), ("0.750000", "selu"),
        ("1.414143", "leaky_relu"), ("1.386750", "leaky_relu", 0.2), ("1.000000", "leaky_relu", 1),
        ("1.414214", "leaky_relu", 0), ("1.000000", "leaky_relu", -1.0),
        ("nan", "leaky_relu", math.nan),
    ]),
    ("1.6636 0.7576 0.1498", lambda t: streams(t, "uniform_")),
    ("3.4758 0.7576 0.1809", lambda t: streams(t, "normal_")),
    ("1.8359 0.7576 0.1498", lambda t: streams(t, "xavier_uniform_")),
    ("1.5343 0.7576 0.1809", lambda t: streams(t, "xavier_normal_")),
    ("1.2143 0.7576 0.1498", lambda t: streams(t, "kaiming_uniform_")),
    ("1.1660 0.7576 0.1809", lambda t: streams(t, "kaiming_normal_")),
    ("1.8205 0.7576 0.1809", lambda t: streams(t, "orthogonal_")),
    # which entries are zero is drawn from the default generator even so
    ("0.0144 0.4388 0.1809", lambda t: streams(t, "sparse_")),
    ("0.8646 0.7576 0.1622", lambda t: streams(t, "trunc_normal_")),
    ("(12, 8) 12 8", lambda t: Plain(
        t.nn.init._calculate_fan_in_and_fan_out(t.zeros(2, 3, 4)),
        t.nn.init._calculate_correct_fan(t.zeros(2, 3, 4), "fan_in"),
        t.nn.init._calculate_correct_fan(t.zeros(2, 3, 4), "FAN_OUT"))),
    ("True", lambda t: (lambda x: t.nn.init.kaiming_normal_(x, mode="FAN_IN") is x)(t.zeros(2, 3))),
    ("tensor([[0., 0., 0.],\n        [0., 0., 0.]])", lambda t: t.nn.init.sparse_(t.ones(2, 3), 2.0)),
    ("tensor([[1., 0.],\n        [0., 1.],\n        [0., 0.]])", lambda t: t.nn.init.eye_(
        t.full((3, 2), 7.0))),
    ("tensor([0., 0.]) tensor([1., 1.]) tensor([3, 3])", lambda t: Plain(
        t.nn.init.zeros_(t.full((2,), 7.0)), t.nn.init.ones_(t.zeros(2)),
        t.nn.init.constant_(t.zeros(2, dtype=t.int64), 3))),
]  # fmt: skip


def main() -> None:
    """Check the claims."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)


if __name__ == "__main__":
    main()
