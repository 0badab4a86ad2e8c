"""Regenerate ``printing.json``: what PyTorch 2.13 prints for the arrays described below.

    python tests/golden/make_printing.py

needs torch. A case holds the description of an array, the print options, the default dtype, the
suffixes and the resulting text; :func:`build_array` turns the description back into the array
with NumPy alone, so the tests run without torch.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).with_name("printing.json")
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
NAN, INF = math.nan, math.inf


def build_array(description: dict[str, Any]) -> np.ndarray:
    """Return the array that a case describes.

    ``{"values": flat list}`` lists the elements, non-finite ones as strings because JSON has no
    word for them. ``{"ramp": [scale, period]}`` stands for ``scale * ((37 * i) % period - 5)``,
    an exactly representable zigzag for arrays too long to list.
    """
    shape = tuple(description["shape"])
    dtype = np.dtype(description["dtype"])
    if "ramp" in description:
        scale, period = description["ramp"]
        values = scale * ((37 * np.arange(math.prod(shape))) % period - 5)
        return values.astype(dtype).reshape(shape)
    listed = [float(v) if isinstance(v, str) else v for v in description["values"]]
    return np.array(listed, dtype=dtype).reshape(shape)


def listed(values: list[Any], dtype: str, shape: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Describe an array by its elements, in one row unless `shape` says otherwise."""
    spelled = [v if not isinstance(v, float) or math.isfinite(v) else str(v) for v in values]
    shape = (len(values),) if shape is None else shape
    return {"values": spelled, "shape": list(shape), "dtype": dtype}


def ramp(shape: tuple[int, ...], dtype: str, scale: float, period: int) -> dict[str, Any]:
    """Describe a zigzag; see :func:`build_array`."""
    return {"ramp": [scale, period], "shape": list(shape), "dtype": dtype}


def cases() -> list[dict[str, Any]]:
    """List the questions: array description, options, default dtype, how the tensor came about."""
    found: list[dict[str, Any]] = []
    shape: tuple[int, ...]

    def ask(array, origin="leaf", default_dtype="float32", **options):
        found.append(
            {
                "array": array,
                "origin": origin,
                "default_dtype": default_dtype,
                "options": options,
            }
        )

    # One number each: every dtype, and the magnitudes at which the notation changes.
    for dtype in INTEGERS:
        ask(listed([7], dtype, ()))
        ask(listed([1, 22, 100], dtype))
        limits = np.iinfo(dtype)
        ask(listed([int(limits.min), int(limits.max), 0], dtype))
    ask(listed([True], "bool", ()))
    ask(listed([True, False, True], "bool"))
    ask(listed([True, True], "bool"))
    for dtype in FLOATS:
        for scalar in (0.0, -0.0, 1.0, -2.5, 1e-5, 1 / 3, 12345.678, NAN, -INF):
            ask(listed([scalar], dtype, ()))

    vectors: list[list[float]] = [
        [1.0, 2.0, 3.0],
        [1.0, -2.0, 300.0],
        [1.5, 2.0],
        [-1.5, 20.25, 300.125],
        [1.0, 1000.0],  # ratio exactly 1000: still fixed point
        [1.0, 1001.0],
        [0.5, 500.0],
        [0.5, 500.5],
        [1e8],
        [1e8 + 8.0],
        [3e9, 2.5e9],
        [1e-4],
        [9.9e-5],
        [0.0, 1e-5],
        [0.1, 1e-4],
        [0.99999, 9.99999],  # rounding makes the text one character longer
        [99999.99999, 99999.5],
        [0.00005, 0.00015],
        [0.5, 1.5, 2.5],
        [0.0, -0.0, 0.0],
        [0.0, -0.0, 1.25],
        [NAN, 1.0],
        [NAN, 1.5],
        [NAN, NAN],
        [INF, -INF],
        [INF, -INF, 2.0],
        [INF, -INF, 2.5],
        [INF, NAN, 1e-10, -3.0],
        [0.0, NAN, -INF],
        [1e38, 1e37],
        [1e-38, 0.5],
        [1e-45, 0.0],
    ]
    for vector in vectors:
        for dtype in ("float32", "float64"):
            ask(listed(vector, dtype))
    ask(listed([1e300, -1e-310], "float64"))
    ask(listed([6e4, 1e-7, 0.1], "float16"))
    ask(listed([0.1, 0.2, 65504.0], "float16"))

    # Empty arrays.
    for shape in ((0,), (0, 3), (2, 0, 3), (1001, 0)):
        for dtype in ("float32", "float64", "int64", "bool"):
            ask(listed([], dtype, shape))

    # Several axes, wrapped lines, summaries (and arrays just too small for one).
    shapes: list[tuple[int, ...]]
    shapes = [(1, 1), (2, 3), (3, 1), (2, 3, 4), (1, 2, 1, 2), (2, 1, 1, 1, 2), (3, 11), (23,)]
    for shape in shapes:
        ask(ramp(shape, "float32", 0.125, 101))
        ask(ramp(shape, "float64", -1.0, 9))
        ask(ramp(shape, "int64", 1, 1009))
    for shape in ((100,), (2, 30)):
        ask(ramp(shape, "float32", 0.0, 3))
        ask(ramp(shape, "float32", 2.0**-16, 997))
        ask(ramp(shape, "bool", 1, 6))
        ask(ramp(shape, "float64", 1e7, 50))
    for shape in ((1001,), (40, 40), (2, 700), (700, 2), (6, 7, 30), (7, 6, 5, 8), (1001, 1)):
        ask(ramp(shape, "float32", 0.25, 103))
        ask(ramp(shape, "int64", 1, 2003))
        ask(ramp(shape, "float64", 2.0**-10, 1009))

    # Print options.
    for options in (
        {"precision": 0},
        {"precision": 2},
        {"precision": 8},
        {"sci_mode": True},
        {"sci_mode": False},
        {"linewidth": 40},
        {"linewidth": 10},
        {"linewidth": 120},
        {"threshold": 5},
        {"threshold": 5, "edgeitems": 1},
        {"threshold": 5, "edgeitems": 0},
        {"edgeitems": 0},
        {"profile": "short"},
        {"profile": "full"},
        {"profile": "default", "precision": 6},
    ):
        ask(ramp((4, 9), "float32", 0.375, 53), **options)
        ask(ramp((5,), "float64", 3.0, 7000), **options)
        ask(ramp((3, 8), "int32", 1, 31), **options)
        ask(listed([2.5], "float64", ()), **options)
    ask(ramp((3, 400), "float32", 0.25, 103), profile="short")
    ask(ramp((3, 400), "int64", 1, 10), profile="full")

    # What follows the numbers, and when it moves to a line of its own.
    for origin in ("parameter", "clone", "squeeze"):
        ask(listed([], "float32", (0, 2)), origin)
        ask(listed([1.5], "float32", ()), origin)
        for length in range(3, 10):
            ask(ramp((length,), "float32", 0.375, 53), origin)
        ask(ramp((3, 6), "float32", 0.375, 53), origin)
        ask(ramp((2, 7), "float64", -0.375, 53), origin)
        ask(ramp((2, 7), "float64", -0.375, 53), origin, linewidth=30)
        ask(ramp((40, 40), "float16", 0.375, 53), origin)

    for linewidth in range(40, 80):  # one by one over the widths at which the suffixes move
        ask(ramp((3,), "float32", 0.375, 53), "clone", linewidth=linewidth)
        ask(ramp((2, 3), "float64", 0.375, 53), "clone", linewidth=linewidth)

    # The default dtype decides which dtype goes without saying.
    for dtype in ("float16", "float32", "float64", "int64", "bool"):
        for default_dtype in ("float16", "float64"):
            ask(listed([1, 0], dtype), default_dtype=default_dtype)
            ask(listed([], dtype), default_dtype=default_dtype)

    # Values of many distributions, drawn at random.
    random = np.random.RandomState(0)
    for k in range(60):
        shape = tuple(random.choice([1, 2, 3, 5, 8], random.randint(0, 4)).tolist())
        count = math.prod(shape)
        values = [
            random.randn(count) * 10.0 ** random.randint(-9, 12),
            np.round(random.randn(count) * 10),
            np.exp(random.randn(count) * 5) * random.choice([-1, 1], count),
            random.choice([0, 1, -0.0, 0.5, NAN, INF, -INF], count),
            random.choice([1e-5, 1, 1e5, 12345678, 1e8, 99999999, 9.99995e-5, 999.9], count),
            random.randint(-1000, 1000, count) / random.choice([1, 2, 10, 1000]),
        ][k % 6].tolist()
        option = [{}, {"precision": 2}, {"linewidth": 40}, {"sci_mode": bool(k % 2)}][k // 6 % 4]
        ask(listed(values, "float64" if k % 5 == 0 else "float32", shape),
            ("leaf", "parameter", "clone")[k % 3], **option)  # fmt: skip
    return found


def main() -> None:
    """Ask PyTorch, and write questions with answers to ``printing.json``."""
    import torch

    answered = []
    for case in cases():
        torch.set_default_dtype(getattr(torch, case["default_dtype"]))
        tensor = torch.from_numpy(build_array(case["array"]))
        suffixes = []
        origin = case.pop("origin")
        if origin != "leaf":
            tensor.requires_grad_()
            suffixes = ["requires_grad=True"]
        if origin == "clone":
            tensor = tensor.clone()
        if origin == "squeeze":
            tensor = tensor.unsqueeze(0).squeeze(0)
        if tensor.grad_fn is not None:
            suffixes = [f"grad_fn=<{tensor.grad_fn.name()}>"]
        with torch._tensor_str.printoptions(**case["options"]):
            answered.append({**case, "suffixes": suffixes, "text": repr(tensor)})
    rows = ",\n".join(json.dumps(case, allow_nan=False) for case in answered)
    TARGET.write_text(
        f'{{"torch": {json.dumps(torch.__version__)}, "cases": [\n{rows}\n]}}\n', encoding="utf-8"
    )
    print(f"{len(answered)} cases from torch {torch.__version__}")


if __name__ == "__main__":
    main()
