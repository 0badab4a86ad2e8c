"""What the instructions of a processor decide, at every level that it has: how far exp, tanh and
sigmoid are from the true value, whether a product is rounded before the sum, and which level runs.
"""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels

DTYPES = (np.float32, np.float64)
ARM = platform.machine().lower() in ("aarch64", "arm64")
FUNCTIONS = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def arguments(dtype):
    """Of both signs and of all sizes whose exp is a normal number."""
    generator = np.random.default_rng(0)
    largest = np.log(np.finfo(dtype).max)
    small = 10.0 ** generator.uniform(-30, 0, 20000)
    drawn = generator.uniform(-largest + 1, largest, 20000), generator.normal(size=20000)
    return np.concatenate([*drawn, small, -small]).astype(dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_are_within_two_units_of_the_last_place(name, dtype, kernel_level):
    if np.finfo(np.longdouble).nmant < 60 and dtype is np.float64:
        pytest.skip("this machine has nothing finer to compare float64 with")
    x = arguments(dtype)
    true = FUNCTIONS[name](x.astype(np.float64 if dtype is np.float32 else np.longdouble))
    found = getattr(mg, name)(mg.from_numpy(x)).numpy()
    units = np.abs(found.astype(true.dtype) - true) / np.spacing(np.abs(true.astype(dtype)))
    worst = units.argmax()
    assert units[worst] <= 2, (x[worst], float(units[worst]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_are_not_rounded_where_a_processor_can_add_at_once(dtype, kernel_level):
    """(1 + e) ** 2 = 1 + 2 e + e ** 2, where e ** 2 is lost if the product is rounded."""
    e = 2.0 ** -(np.finfo(dtype).nmant // 2 + 1)
    x, weights = np.empty((1, 24, 2), dtype), np.empty((32, 2), dtype)
    x[...] = -(1 + 2 * e), 1 + e
    weights[...] = 1, 1 + e
    assert x[0, 0, 1] * weights[0, 1] == 1 + 2 * e
    layer = mg.nn.RNN(2, 32, nonlinearity="relu", bias=False, dtype=mg.from_numpy(x).dtype)
    with mg.no_grad():
        layer.weight_ih_l0.copy_(mg.from_numpy(weights))
        layer.weight_hh_l0.zero_()
        result = layer(mg.from_numpy(x))[0].numpy()
    at_once = kernel_level != "baseline" or ARM
    assert np.unique(result).tolist() == [e**2 if at_once else 0]


@pytest.mark.once
def test_neon_is_the_level_of_arm_and_of_no_other():
    assert (_kernels.available_levels()[0] == "neon") == ARM
    result = subprocess.run(
        [sys.executable, "-c", "import minigrad; print(minigrad._kernels.level)"],
        env={**os.environ, "MINIGRAD_KERNELS": "neon"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ARM:
        assert result.stdout.strip() == "neon", result.stderr
    else:
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith("ValueError: MINIGRAD_KERNELS: level 'neon' is not available here")
