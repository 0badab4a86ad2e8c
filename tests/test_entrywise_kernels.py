"""Kernels of functions of each entry, and of rows: against the same in more digits."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad.ops import elementwise as ew

DTYPES = ("float32", "float64")
F = mg.nn.functional
erf = np.vectorize(math.erf, otypes=[np.float64])


@pytest.fixture
def kernels(kernel_level):
    """The kernels of a level, for a dtype."""
    return lambda dtype: _kernels.kernels_for(np.dtype(dtype)).entrywise


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu_tanh(x):
    return x * sigmoid(
        2 * np.sqrt(2 / np.longdouble(np.pi)) * x * (1 + np.longdouble(0.044715) * x * x)
    )


def gelu(x):
    return x * (1 + erf((x * np.sqrt(np.longdouble(0.5))).astype(float))) / 2


ENTRYWISE = {
    "exp": (np.exp, ()),
    "sigmoid": (sigmoid, ()),
    "silu": (lambda x: x * sigmoid(x), ()),
    "leaky_relu": (lambda x: np.where(x > 0, x, x / 8), (0.125,)),
    "elu": (lambda x: np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0))), (1.5,)),
    "softplus": (lambda x: np.where(
        2 * x > 20, x, (np.maximum(2 * x, 0) + np.log1p(np.exp(-np.abs(2 * x)))) / 2), (2.0, 20.0)),
    "relu": (lambda x: np.maximum(x, 0), ()),
    "clamp": (lambda x: np.clip(x, -1.5, 2.0), (-1.5, 2.0)),
    "logsigmoid": (lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), ()),
    "gelu": (gelu, ()),
    "gelu_tanh": (gelu_tanh, ()),
    "celu": (lambda x: np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0) / 1.5)), (1.5,)),
    "selu": (lambda x: 2 * np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0))), (1.5, 2.0)),
    "mish": (lambda x: x * np.tanh(np.log1p(np.exp(x))), ()),
    "threshold": (lambda x: np.where(x <= 0.5, 0.25, x), (0.5, 0.25)),
    "hardsigmoid": (lambda x: np.clip(x + 3, 0, 6) / 6, ()),
    "hardswish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, ()),
    "hardshrink": (lambda x: np.where(np.abs(x) <= 0.5, 0, x), (0.5,)),
    "softshrink": (lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), (0.5,)),
}  # fmt: skip
SHRINK = ("hardshrink", "softshrink")
# Where two numbers of nearly one size cancel, as in the formula, only absolute digits are left.
CANCELS = {"gelu", "gelu_tanh"}


def numbers(dtype):
    """Both signs, from 2^-60 (all digits) to where functions are flat, and the ends of vectors."""
    small = 2.0 ** np.arange(-60, 6.5, 0.125)
    return np.concatenate([small, -small, np.linspace(-30, 30, 4001)]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ENTRYWISE)
def test_functions_to_a_few_units_in_the_last_place(kernels, name, dtype):
    function, options = ENTRYWISE[name]
    x = numbers(dtype)
    result = kernels(dtype).entrywise(name, (x, *options))
    if name == "gelu" and dtype == "float64":
        assert result is None  # its erf has the digits of float32 only
        return
    expected = function(x.astype(np.longdouble))
    assert result.dtype == dtype
    eps = np.finfo(dtype).eps
    if name in CANCELS:
        np.testing.assert_allclose(result, expected, 8 * eps, 6 * eps)
    else:
        np.testing.assert_allclose(result, expected, 3 * eps, np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in ENTRYWISE if n != "exp"])
def test_slopes_are_those_of_the_functions(kernels, name, dtype):
    """With central differences in more digits than the type has."""
    function, options = ENTRYWISE[name]
    x = np.linspace(-19.97, 20.02, 2999).astype(dtype)  # not on a kink
    g = np.linspace(1, 2, x.size).astype(dtype)
    wide, h = x.astype(np.longdouble), np.longdouble(1e-5 if name == "gelu" else 1e-6)
    slope = (function(wide + h) - function(wide - h)) / (2 * h)
    given = function(wide).astype(dtype) if name in ("sigmoid", "relu") else x
    slope_name = "shrink_slope" if name in SHRINK else f"{name}_slope"
    result = kernels(dtype).entrywise(slope_name, (g, given, *options))
    if result is None:
        assert (name, dtype) == ("gelu", "float64")
        return
    # (1 - t^2 and the quotient of differences lose digits where the slope is small)
    atol = 3e-6 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(result, g * slope, 1e-5 if dtype == "float32" else 1e-8, atol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_in_all_binades(kernels, dtype):
    """From 0 by way of the subnormal numbers to infinity, to a unit in the last place."""
    lowest, highest = (-104.5, 89.5) if dtype == "float32" else (-746.5, 710.5)
    x = np.linspace(lowest, highest, 40_001).astype(dtype)
    x = np.concatenate([x, 2.0 ** np.arange(-40, 1, 0.25, dtype), [0.0, -0.0, np.inf, -np.inf]])
    x = x.astype(dtype)
    result = kernels(dtype).entrywise("exp", (x,))
    with np.errstate(over="ignore"):
        expected = np.exp(x.astype(np.longdouble))
        rounded = expected.astype(dtype)
        unit = np.spacing(np.where(np.isfinite(rounded), rounded, np.finfo(dtype).max))
    finite = np.isfinite(rounded)
    assert np.all(result[~finite] == np.inf)
    assert np.max(np.abs(result[finite] - expected[finite]) / unit[finite]) < 1
    assert np.all(result[x == 0] == 1)
    assert np.isnan(kernels(dtype).entrywise("exp", (np.full(9, np.nan, dtype),))).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_in_all_binades(kernels, dtype):
    """Of subnormal numbers, of those near 1, of the largest: to a unit in the last place."""
    info = np.finfo(dtype)
    powers = 2.0 ** np.arange(info.minexp - info.nmant, info.maxexp, dtype=np.longdouble)
    x = (powers[:, None] * np.linspace(1, 2, 60, False, dtype=np.longdouble)).reshape(-1)
    x = np.concatenate([x.astype(dtype), np.linspace(0.7, 1.42, 20_001).astype(dtype)])
    entrywise = kernels(dtype).entrywise
    result = entrywise("log", (x,))
    if result is None:  # NumPy has a faster one there
        return
    assert result.dtype == dtype
    expected = np.log(x.astype(np.longdouble))
    assert np.max(np.abs(result - expected) / np.spacing(np.abs(expected.astype(dtype)))) < 1
    special = np.array([0.0, -0.0, -1.0, -info.tiny, np.inf, -np.inf, np.nan] * 5, dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(entrywise("log", (special,)), np.log(special))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_arithmetic_is_that_of_numpy(kernels, name, dtype):
    function = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}[name]
    arithmetic = kernels(dtype).arithmetic
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny]
    for shape in [(), (0,), (1,), (35,), (3, 5), (2, 3, 17)]:
        x, y = (rng.choice([*special, *rng.normal(size=9)], shape).astype(dtype) for _ in "xy")
        operands = [y, 3, -2.5, 0, np.inf, *([y[0], y[:1, 0]] if x.ndim == 2 else [])]
        for other in operands:
            result = arithmetic(name, x, other)
            with np.errstate(all="ignore"):
                expected = function(x, other)
            if getattr(other, "shape", x.shape) not in (x.shape, x.shape[-1:]):
                assert result is None  # another kind of broadcasting
                continue
            np.testing.assert_array_equal(result, expected)
            np.testing.assert_array_equal(np.signbit(result), np.signbit(expected))
    x = np.ones((4, 4), dtype)
    half = x.astype("float16")
    for other in (x.T[:, ::2], x[:, :1], True, 2**60, np.float64(2), "2", None, half):
        assert arithmetic(name, x, other) is None
    assert arithmetic(name, x[::2, ::2], 2.0) is None
    assert arithmetic(name, 2.0, x) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_slopes_of_outputs(kernels, dtype):
    y, g = numbers(dtype) / 64, np.linspace(-2, 2, numbers(dtype).size).astype(dtype)
    entrywise = kernels(dtype).entrywise
    eps = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(entrywise("tanh_slope", (g, y)), g * (1 - y * y), eps, eps)
    np.testing.assert_array_equal(entrywise("relu_slope", (g, y)), np.where(y <= 0, 0, g))


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 700.0, -700.0, 88.8, -88.8]


def target(x):
    return mg.linspace(-2, 2, x.numel(), dtype=x.dtype).reshape(x.shape)


def within(x):
    """Numbers from 0 to 1."""
    y = 0.4 * x.sin() + 0.5
    return mg.where(mg.isnan(y), 0.5, y)


OPERATIONS = {
    "sigmoid": mg.sigmoid, "tanh": mg.tanh, "relu": F.relu, "silu": F.silu, "elu": F.elu,
    "exp": mg.exp, "log": lambda x: x.abs().log(), "abs": mg.abs,
    "x + row": lambda x: x + mg.linspace(-2, 2, x.shape[-1], dtype=x.dtype) if x.ndim else x * 1,
    "leaky_relu": F.leaky_relu, "softplus": F.softplus, "gelu": F.gelu,
    "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "clamp": lambda x: x.clamp(-1.5, 1.7), "logsigmoid": F.logsigmoid, "square": lambda x: x**2,
    "mse_loss": lambda x: F.mse_loss(x, target(x), reduction="none"),
    "mse_loss mean": lambda x: F.mse_loss(x, target(x)).expand(x.shape),
    "huber_loss": lambda x: F.huber_loss(target(x), x, reduction="none", delta=1.5),
    "huber_loss sum": lambda x: F.huber_loss(x, target(x), reduction="sum").expand(x.shape),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, target(x), beta=0.7).expand(x.shape),
    "bce": lambda x: F.binary_cross_entropy(within(x), within(target(x)), reduction="none"),
    "bce mean": lambda x: F.binary_cross_entropy(within(x), within(target(x))).expand(x.shape),
    "bce_logits": lambda x: F.binary_cross_entropy_with_logits(
        x, within(target(x)), reduction="none"),
    "bce_logits mean": lambda x: F.binary_cross_entropy_with_logits(
        x, within(target(x))).expand(x.shape),
    "bce_logits positive": lambda x: F.binary_cross_entropy_with_logits(
        x, within(target(x)), pos_weight=target(x).abs(), reduction="none"),
    "softmax": lambda x: F.softmax(x, -1), "log_softmax": lambda x: F.log_softmax(x, -1),
}  # fmt: skip


def value_and_gradient(operation, x, g):
    x = mg.tensor(x).requires_grad_()
    y = operation(x)
    y.backward(mg.tensor(g))
    return y.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (11,), (3, 5), (2, 3, 17), (4, 64)])
def test_operations_equal_their_formulas(kernels, name, dtype, shape):
    """Values and gradients, at every size of rest, with and without kernels."""
    kernels(dtype)
    rng = np.random.default_rng(0)
    x, g = [rng.normal(0, 3, shape).astype(dtype) for _ in range(2)]
    with_kernel = value_and_gradient(OPERATIONS[name], x, g)
    _kernels.set_level("reference")
    formula = value_and_gradient(OPERATIONS[name], x, g)
    for a, b in zip(with_kernel, formula, strict=True):
        assert (a.shape, a.dtype, a.strides) == (b.shape, b.dtype, b.strides)
        eps = np.finfo(dtype).eps  # a few of which each of the two is off, times x and g up to 10
        np.testing.assert_allclose(a, b, 64 * eps, (64 if "gelu" in name else 16) * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in OPERATIONS if "softmax" not in n])
def test_infinities_and_nan_are_those_of_the_formula(kernels, name, dtype):
    kernels(dtype)
    x, g = np.array(SPECIAL, dtype), np.ones(len(SPECIAL), dtype)
    with_kernel = value_and_gradient(OPERATIONS[name], x, g)
    _kernels.set_level("reference")
    formula = value_and_gradient(OPERATIONS[name], x, g)
    for a, b in zip(with_kernel, formula, strict=True):
        np.testing.assert_allclose(a, b, 1e-6, 1e-37)  # (kernels end at the least normal number)
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(
    "row", [[-np.inf] * 3, [0.0, -np.inf, 1.0], [np.nan, 1.0, 2.0], [np.inf, 0.0, 1.0], [1e4, 0, 1]]
)
def test_rows_with_infinities(kernels, name, dtype, row):
    """Masked entries are exactly 0."""
    kernels(dtype)
    x = np.array([row, [1.0, 2.0, 3.0]], dtype)
    with_kernel = value_and_gradient(OPERATIONS[name], x, np.ones_like(x))[0]
    _kernels.set_level("reference")
    formula = value_and_gradient(OPERATIONS[name], x, np.ones_like(x))[0]
    np.testing.assert_allclose(with_kernel, formula, 1e-6)
    np.testing.assert_array_equal(with_kernel == 0, formula == 0)


def test_sums_of_long_rows_are_accurate(kernels):
    kernels("float32")
    x = mg.zeros(1, 3_000_001)
    np.testing.assert_allclose(F.softmax(x, -1).numpy() * x.numel(), 1, 1e-6)


def test_second_derivatives_are_those_of_the_formula(kernels):
    kernels("float64")
    for operation in OPERATIONS.values():
        x = mg.linspace(-2, 2, 6, dtype=mg.float64).reshape(2, 3).requires_grad_()
        assert mg.autograd.gradcheck(operation, (x,))
        assert mg.autograd.gradgradcheck(operation, (x,))


@pytest.mark.parametrize(
    "arguments",
    [
        ("silu", (np.ones((3, 4), np.float32).T,)),
        ("silu", (np.ones(3, np.float64),)),
        ("silu", (np.ones(3, np.int64),)),
        ("silu", (np.ones(6, np.float32)[::2],)),
        ("silu", (1.0,)),
        ("clamp", (np.ones(3, np.float32), None, 1.0)),
        ("clamp", (np.ones(3, np.float32), np.float32(1), np.ones(3))),
        ("clamp", (np.ones(3, np.float32), 1.0, math.nan)),
        ("silu", ()),
        ("nothing", (np.ones(3, np.float32),)),
        ("silu_slope", (np.ones(3, np.float32),)),
        ("silu_slope", (np.ones(3, np.float32), np.ones(4, np.float32))),
        ("silu_slope", (np.ones((1, 3), np.float32), np.ones(3, np.float32))),
        ("silu_slope", (np.ones(3, np.float64), np.ones(3, np.float32))),
        ("silu_slope", (2.0, np.ones(3, np.float32))),
    ],
)
def test_what_does_not_suit_is_left_to_the_formula(kernels, arguments):
    assert kernels("float32").entrywise(*arguments) is None
    assert kernels("float32").rowwise(*arguments) is None


def test_gradients_in_other_layouts(kernels):
    """That of a sum is one number for all; that of a transposed tensor runs along its columns."""
    kernels("float32")
    x = mg.randn(5, 7, requires_grad=True)
    for operation in OPERATIONS.values():
        (plain,) = mg.autograd.grad(operation(x), x, mg.ones(5, 7))
        (of_sum,) = mg.autograd.grad(operation(x).sum(), x)
        (of_columns,) = mg.autograd.grad(operation(x).t(), x, mg.ones(7, 5))
        np.testing.assert_array_equal(plain.numpy(), of_sum.numpy())
        np.testing.assert_array_equal(plain.numpy(), of_columns.numpy())


def test_formulas_can_be_read():
    assert ew.tanh.op.calls[0][0].__wrapped__(np.float64(2.0), np.float64(0.5)) == 1.5


# ------------------------------------------------------------------------------------------------
# Arithmetic that broadcasts, of three arrays, and over the first of them
# ------------------------------------------------------------------------------------------------

ARITHMETIC = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
SHAPES = (
    ((3, 37), (3, 37)), ((3, 37), (37,)), ((3, 37), (3, 1)), ((3, 1), (3, 37)), ((3, 1), (1, 37)),
    ((37,), (3, 37)), ((2, 3, 5), (3, 5)), ((2, 3, 5), (2, 3, 1)), ((2, 3, 5), (1, 1, 5)),
    ((2, 3, 5), (2, 1, 1)), ((3, 1), (1, 1)), ((1,), (4,)), ((3, 0), (1,)), ((3, 1), (3, 1)),
)  # fmt: skip


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_broadcasts_rows_and_columns(kernels, name, shapes):
    rng = np.random.default_rng(1)
    a, b = [rng.uniform(1, 2, shape).astype(np.float32) for shape in shapes]
    expected = ARITHMETIC[name](a, b)
    result = kernels("float32").arithmetic(name, a, b)
    if result is None:  # (left to NumPy)
        assert shapes[1] in ((2, 1, 1), (3, 5)) or (3, 0) in shapes
        return
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, 2e-7)
    if a.shape == expected.shape:
        assert kernels("float32").arithmetic(name, a, b, a) is a
        np.testing.assert_allclose(a, expected, 2e-7)


THREE = {
    "lerp": lambda a, b, c, _: np.where(np.abs(c) < 0.5, a + c * (b - a), b - (1 - c) * (b - a)),
    "addcmul": lambda a, b, c, value: a + value * b * c,
    "addcdiv": lambda a, b, c, value: a + value * b / c,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", THREE)
def test_functions_of_three_arrays(kernels, name, dtype):
    rng = np.random.default_rng(2)
    a, b, c = rng.uniform(0.1, 1, (3, 5, 7)).astype(dtype)
    eps = 4 * np.finfo(dtype).eps
    expected = THREE[name](a, b, c, 0.75)
    of_three = kernels(dtype).of_three
    np.testing.assert_allclose(of_three(name, a, b, c, 0.75), expected, eps, eps)
    out = a.copy()
    assert of_three(name, out, b, c, 0.75, out) is out
    np.testing.assert_allclose(out, expected, eps, eps)
    assert of_three(name, a, b[:, :1], c) is None
    assert of_three(name, a, b, c.astype(np.float16)) is None


@pytest.mark.parametrize("weight", [0.25, 0.75, -3.0])
def test_lerp_with_a_number(kernels, weight):
    a, b = np.float32([1, 2, 3]), np.float32([5, -6, 7])
    expected = THREE["lerp"](a, b, weight, 1)
    np.testing.assert_allclose(kernels("float32").of_three("lerp", a, b, weight), expected, 1e-6)


def test_what_overlaps_is_not_written_in_rows(kernels):
    """Rows that were written could be read again: such writes are left to NumPy."""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    line = np.arange(12, dtype=np.float32)
    assert kernels("float32").arithmetic("add", x, x[0], x) is None
    assert kernels("float32").arithmetic("add", line[1:], line[:-1], line[1:]) is None
    assert (
        kernels("float32").of_three("addcmul", line[1:], line[:-1], line[1:], 1, line[1:]) is None
    )
    y, expected = mg.tensor(x), x + x[0]
    y.add_(y[0])
    np.testing.assert_array_equal(y.numpy(), expected)
    z = mg.arange(12.0)
    z[1:].mul_(z[:-1])
    np.testing.assert_array_equal(z.numpy(), [0, 0, 2, 6, 12, 20, 30, 42, 56, 72, 90, 110])


@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_sums_and_logarithms(kernels, dtype):
    special = np.array([0.0, -0.0, math.nan, math.inf, -math.inf, 3, -2], dtype)
    entrywise = kernels(dtype).entrywise
    np.testing.assert_array_equal(entrywise("sign", (special,)), [0, 0, 0, 1, -1, 1, -1])
    a, b = [v.ravel() for v in np.meshgrid(special, special)]
    np.testing.assert_allclose(
        entrywise("logaddexp", (a, b)), np.logaddexp(a, b), 4 * np.finfo(dtype).eps
    )
    np.testing.assert_array_equal(entrywise("scaled_sum", (a, b, 2.0)), a + 2 * b)
