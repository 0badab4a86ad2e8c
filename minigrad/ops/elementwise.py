"""Elementwise operations: each one is a line with its forward and its gradient.

`unary`, `binary`, `comparison` and `predicate` (see `minigrad.ops.makers`) turn a NumPy function
and its rules into an operation on tensors; before them stand its name and its docstring. In a rule
``g`` is the gradient of the output ``y``; the other names are the arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.recording import records
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.quiet import quiet
from ..autograd.tensor_base import TensorBase, array_of, wrap
from .arguments import as_int
from .cast import cast, common_type
from .checked import warn_of_factors
from .erf import erf as erf_of
from .erf import erfc as erfc_of
from .erf import erfinv as erfinv_of
from .gamma import lgamma as lgamma_of
from .gamma import polygamma as polygamma_of
from .index import where
from .kernels import with_arithmetic, with_kernel, with_three
from .layout import copied, entrywise, rows
from .makers import binary, comparison, no_slope, predicate, promoted, unary
from .shape import unbroadcast
from .values import EITHER, entry, factor, misfit, number

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


# ------------------------------------------------------------------------------------------------
# Arithmetic
# ------------------------------------------------------------------------------------------------


def _power(a: Any, b: Any) -> Any:
    """a^b; for integers and b < 0 what is left of 1 / a^|b| without its fraction, as in PyTorch."""
    if isinstance(b, ndarray) and np.result_type(a, b).kind in "iu" and (b < 0).any():
        whole = np.power(a, np.abs(b))
        return np.where(b < 0, np.where(np.abs(whole) == 1, whole, 0), whole)
    if isinstance(b, bool) and isinstance(a, ndarray) and a.dtype.kind == "b":
        return a | (not b)
    if isinstance(b, ndarray) and b.dtype.kind == "b" and np.result_type(a, b).kind == "b":
        raise TypeError("NumPy would count with them")
    is_few = type(b) in (int, float) and b in (1, 2, 3)
    if is_few and isinstance(a, ndarray) and a.dtype.kind == "f":
        # one pass or two, where np.power takes logarithms
        return copied(a) if b == 1 else np.square(a) if b == 2 else a * a * a
    if isinstance(b, float) and b == -0.5:
        return 1 / np.sqrt(a)  # NumPy takes the root for 0.5 only; of negative numbers it is nan
    result = np.power(a, b)
    return result if isinstance(a, ndarray) or not result.ndim else rows(result)  # PyTorch: 2 ** x


def _check_exponent(a: Any, b: Any) -> None:
    """An integer exponent of integers must be one of their type, and not negative."""
    if type(b) is int and isinstance(a, TensorBase) and a.array.dtype.kind in "iu":
        if b < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if b > np.iinfo(a.array.dtype).max:
            raise misfit(b, a.array.dtype)


def _power_slope(g: Any, a: Any, b: Any) -> Any:
    """g b a^(b-1), and 0 where b = 0, whatever g and a are.

    There it still depends on b, with the slope g a^-1: so it is not cut out by a `where`.
    """
    if isinstance(b, (int, float)):
        power = pow(a, b - 1) if b == 0.5 else a ** (b - 1)  # (`_power` takes the root)
        return g * (b * power) if b else no_slope(g)
    constant = b == 0
    g = where(constant & ~isfinite(g), 0, g)
    a = where(constant & ~isfinite(1 / a), math.inf, a)
    return g * (b * a ** (b - 1))


def _log_base(a: Any, b: Any) -> Any:
    """log(a) for the derivative of a^b with respect to b, without the nan of 0^b log(0), b >= 0."""
    if isinstance(a, (float, int)):  # it must stay a Python number, which leaves float32 as it is
        return math.log(a) if a > 0 else -math.inf if a == 0 else math.nan
    return log(where((a == 0) & (b >= 0), 1, a))


def _checked_division(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with PyTorch's errors where NumPy warns and returns 0, or counts with bools."""

    def call(a: Any, b: Any) -> Any:
        if type(b) is int and b and type(a) is ndarray and a.dtype.kind in "if":
            return function(a, b)
        kind = np.result_type(a, b).kind
        if kind == "b":
            name = function.__name__.strip("_")
            raise NotImplementedError(f"{name!r} not implemented for 'Bool'")
        if kind in "iu" and not np.all(b) and np.broadcast(a, b).size:
            raise RuntimeError("ZeroDivisionError")
        return function(a, b)

    return call


def _remainder(a: Any, b: Any) -> Any:
    """What is left of a / b, with the sign of b; a zero has the sign of a (in NumPy, that of b)."""
    left = np.remainder(a, b)
    if records(left):
        return np.where(left == 0, np.copysign(left, a), left) if left.dtype.kind == "f" else left
    left = np.asarray(left)
    if left.dtype.kind == "f" and not left.all():
        np.copyto(left, np.copysign(left, a), where=left == 0)
    return left


def _of_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, refusing integers, of which NumPy would make floats where PyTorch raises."""

    def call(a: Any, b: Any) -> Any:
        if np.result_type(a, b).kind != "f":
            raise TypeError("no floating point numbers")
        return function(a, b)

    return call


def _truncated(a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind == "f":
        return np.trunc(np.divide(a, b))
    down = np.floor_divide(a, b)  # one less than it should be if not exact and of unequal signs
    return down + ((down * b != a) & (down < 0)).astype(down.dtype)


def _square(x: ndarray) -> ndarray:
    return np.square(x, dtype=np.int64 if x.dtype.kind == "b" else None)  # bools are counted


def _one_over_square(a: Any, b: Any) -> Any:
    """``1 / (a^2 + b^2)``, and 0 at the origin."""
    square = a * a + b * b
    return where(square == 0, 0, 1 / square)


def _sign(x: ndarray) -> ndarray:
    if x.dtype.kind == "b":
        return x.copy()
    signs = np.asanyarray(np.sign(x))
    if x.dtype.kind == "f":
        np.copyto(signs, 0, where=np.isnan(x))  # PyTorch: a NaN has the sign 0
    return signs


def _x_log_y(a: Any, b: Any) -> Any:
    """a log(b), and 0 where a = 0, also if log(b) is infinite."""
    return np.where((np.asarray(a) == 0) & ~np.isnan(b), 0, a * _log_of(b))


def _log_of(b: Any) -> Any:
    """log(b); that of a Python number is one, which leaves float32 as it is."""
    return float(np.log(b)) if isinstance(b, (float, int)) else log(b)


def _relu(x: ndarray) -> ndarray:
    if x.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu; use input.float()")
    return np.maximum(0, x)  # (of equals the second: -0 stays -0)


# fmt: off
add = binary("add", "``input + other``.", with_arithmetic("add", np.add),
             a=lambda g: g,
             b=lambda g: g)
sub = binary("sub", "``input - other``.", with_arithmetic("sub", np.subtract), bools=False,
             a=lambda g: g,
             b=lambda g: -g)
rsub = binary("rsub", "`sub`, called from the right: by ``2 - x``, and by `rsub_scaled`.",
              np.subtract, bools=False,
              a=lambda g: g,
              b=lambda g: -g)
mul = binary("mul", "``input * other``.", with_arithmetic("mul", np.multiply),
             a=lambda g, b: g * b,
             b=lambda g, a: g * a)
div = binary("div", "``input / other``; integers give floating point numbers.",
             with_arithmetic("div", np.divide), floats=True,
             a=lambda g, b: g / b,
             b=lambda g, a, b: -g * ((a / b) / b))
pow = binary("pow", "``input`` to the power of ``other``.", _power, check=_check_exponent,
             a=lambda g, a, b: _power_slope(g, a, b),
             b=lambda g, y, a, b: g * where((a == 0) & (b >= 0), 0, y * _log_base(a, b)))
maximum = binary("maximum",
                 "The larger of ``input`` and ``other``; equal ones get half the gradient each.",
                 np.maximum, numbers=(False, False),
                 a=lambda g, a, b: where(a == b, g / 2, where(a < b, 0, g)),
                 b=lambda g, a, b: where(a == b, g / 2, where(a > b, 0, g)))
minimum = binary("minimum",
                 "The smaller of ``input`` and ``other``; equal ones get half the gradient each.",
                 np.minimum, numbers=(False, False),
                 a=lambda g, a, b: where(a == b, g / 2, where(a > b, 0, g)),
                 b=lambda g, a, b: where(a == b, g / 2, where(a < b, 0, g)))
remainder = binary("remainder", "What is left after `floor_divide`; it has the sign of ``other``.",
                   _checked_division(_remainder),
                   a=lambda g: g,
                   b=lambda g, a, b: -g * _div_floor(a, b))
fmod = binary("fmod",
              "What is left after division rounded towards zero; it has the sign of ``input``.",
              _checked_division(np.fmod), numbers=(False, True),
              a=lambda g: g,
              b=lambda g, a, b: -g * _div_trunc(a, b))
atan2 = binary("atan2",
               "The angle, from -pi to pi, of the point with x = ``other`` and y = ``input``.",
               np.arctan2, floats=True, numbers=(False, False),
               a=lambda g, a, b: g * (b * _one_over_square(a, b)),
               b=lambda g, a, b: g * (-a * _one_over_square(a, b)))
hypot = binary("hypot",
               "The length of the hypotenuse, ``sqrt(input**2 + other**2)``, without overflow.",
               _of_floats(np.hypot), numbers=(False, False),
               a=lambda g, y, a: g * (a / y),
               b=lambda g, y, b: g * (b / y))
logaddexp = binary("logaddexp",
                   "``log(exp(input) + exp(other))``: a sum of numbers known by their logarithms.",
                   with_kernel("logaddexp", _of_floats(np.logaddexp)), numbers=(False, False),
                   a=lambda g, a, b: g * sigmoid(a - b),
                   b=lambda g, a, b: g * sigmoid(b - a))
xlogy = binary("xlogy",
               "``input * log(other)``, and 0 where ``input`` is 0, whatever its logarithm.",
               _x_log_y, floats=True,
               a=lambda g, a, b: where((a == 0) & (b <= 0), 0, xlogy(g, b)),
               b=lambda g, a, b: g * (a / b))

neg = unary("neg", "``-input``.", np.negative, lambda g: -g, floats=False)
abs = unary("abs", "The absolute value; its gradient at 0 is 0.",
            np.abs, with_kernel("abs_slope", lambda g, x: g * sign(x)), floats=False, bools=False)
sign = unary("sign", "-1, 0 or 1, as the sign is.",
             with_kernel("sign", _sign), no_slope, floats=False)
square = unary("square", "``input * input``.", _square, lambda g, x: g * (2 * x), floats=False)

# ------------------------------------------------------------------------------------------------
# Elementary functions
# ------------------------------------------------------------------------------------------------

exp = unary("exp", "e to the power of ``input``.",
            with_kernel("exp", lambda x: np.exp(x)), lambda g, y: g * y)
exp2 = unary("exp2", "2 to the power of ``input``.", np.exp2, lambda g, y: g * y * math.log(2))
expm1 = unary("expm1", "``exp(input) - 1``, exact also near 0.", np.expm1, lambda g, y: g * (y + 1))
log = unary("log", "The natural logarithm.", with_kernel("log", np.log), lambda g, x: g / x)
log2 = unary("log2", "The logarithm to base 2.", np.log2, lambda g, x: g / (x * math.log(2)))
log10 = unary("log10", "The logarithm to base 10.", np.log10, lambda g, x: g / (x * math.log(10)))
log1p = unary("log1p", "``log(1 + input)``, exact also near 0.", np.log1p, lambda g, x: g / (x + 1))
sqrt = unary("sqrt", "The square root.", np.sqrt, lambda g, y: g / (2 * y))
rsqrt = unary("rsqrt", "One over the square root.",
              lambda x: 1 / np.sqrt(x), lambda g, y: g * (-0.5 * y * y * y))
reciprocal = unary("reciprocal", "One over ``input``.", lambda x: 1 / x, lambda g, y: g * (-y * y))
sin = unary("sin", "The sine.", np.sin, lambda g, x: g * cos(x))
cos = unary("cos", "The cosine.", np.cos, lambda g, x: g * -sin(x))
tan = unary("tan", "The tangent.", np.tan, lambda g, y: g * (1 + y * y))
asin = unary("asin", "The angle, from -pi/2 to pi/2, whose sine is ``input``.",
             np.arcsin, lambda g, x: g * rsqrt(1 - x * x))
acos = unary("acos", "The angle, from 0 to pi, whose cosine is ``input``.",
             np.arccos, lambda g, x: g * -rsqrt(1 - x * x))
atan = unary("atan", "The angle, from -pi/2 to pi/2, whose tangent is ``input``.",
             np.arctan, lambda g, x: g / (1 + x * x))
sinh = unary("sinh", "The hyperbolic sine.", np.sinh, lambda g, x: g * cosh(x))
cosh = unary("cosh", "The hyperbolic cosine.", np.cosh, lambda g, x: g * sinh(x))
erf = unary("erf",
            "The error function, the integral of ``2 / sqrt(pi) exp(-t**2)`` from 0 to ``input``.",
            with_kernel("erf", erf_of), lambda g, x: g * (2 / math.sqrt(math.pi)) * exp(-x * x))
erfc = unary("erfc", "``1 - erf(input)``, exact also where it is small.",
             erfc_of, lambda g, x: g * (-2 / math.sqrt(math.pi)) * exp(-x * x))
erfinv = unary("erfinv", "The number whose `erf` is ``input``; NaN beyond -1 and 1.",
               erfinv_of, lambda g, x: g * (math.sqrt(math.pi) / 2) * exp(square(erfinv(x))))
lgamma = unary("lgamma", "The logarithm of the absolute value of the gamma function.",
               lgamma_of, lambda g, x: g * digamma(x))
digamma = unary("digamma", "The derivative of `lgamma`.",
                lambda x: polygamma_of(x, 0), lambda g, x: g * polygamma(1, x))
tanh = unary("tanh", "The hyperbolic tangent.",
             np.tanh, with_kernel("tanh_slope", lambda g, y: g * (1 - y * y)))
sigmoid = unary("sigmoid", "``1 / (1 + exp(-input))``.",
                with_kernel("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
                with_kernel("sigmoid_slope", lambda g, y: g * (y * (1 - y))))
relu = unary("relu", "``input`` where it is positive, else 0; the gradient at 0 is 0.",
             with_kernel("relu", _relu),
             with_kernel("relu_slope", lambda g, y: where(y <= 0, 0, g)),
             floats=False)

floor = unary("floor", "Rounded down to an integer.", np.floor, no_slope, floats=False, bools=False)
ceil = unary("ceil", "Rounded up to an integer.", np.ceil, no_slope, floats=False, bools=False)
trunc = unary("trunc", "Rounded towards zero to an integer.",
              np.trunc, no_slope, floats=False, bools=False)

# ------------------------------------------------------------------------------------------------
# Comparison and logic: no gradient
# ------------------------------------------------------------------------------------------------

eq = comparison("eq", "Where ``input == other``.", np.equal)
ne = comparison("ne", "Where ``input != other``.", np.not_equal)
lt = comparison("lt", "Where ``input < other``.", np.less)
le = comparison("le", "Where ``input <= other``.", np.less_equal)
gt = comparison("gt", "Where ``input > other``.", np.greater)
ge = comparison("ge", "Where ``input >= other``.", np.greater_equal)
isnan = predicate("isnan", "Where ``input`` is not a number.", np.isnan)
isinf = predicate("isinf", "Where ``input`` is infinite, of either sign.", np.isinf)
isfinite = predicate("isfinite", "Where ``input`` is neither infinite nor NaN.", np.isfinite)
logical_and = comparison("logical_and", "Where both are true (not 0).",
                         np.logical_and, (False, False))
logical_or = comparison("logical_or", "Where at least one is true (not 0).",
                        np.logical_or, (False, False))
logical_xor = comparison("logical_xor", "Where exactly one is true (not 0).",
                         np.logical_xor, (False, False))
logical_not = predicate("logical_not", "Where ``input`` is false (0).", np.logical_not)
bitwise_and = comparison("bitwise_and",
                         "The bits that both have; for bools the same as `logical_and`.",
                         np.bitwise_and, (True, True))
bitwise_or = comparison("bitwise_or",
                        "The bits that at least one has; for bools the same as `logical_or`.",
                        np.bitwise_or, (True, True))
bitwise_xor = comparison("bitwise_xor",
                         "The bits that exactly one has; for bools the same as `logical_xor`.",
                         np.bitwise_xor, (True, True))
bitwise_not = predicate("bitwise_not", "The bits turned over; for bools the same as `logical_not`.",
                        np.invert)
# fmt: on

# ------------------------------------------------------------------------------------------------
# The function forms that take more than two tensors
# ------------------------------------------------------------------------------------------------


def _scaled(factor: Any, alpha: Any, other: Any, name: str) -> Any:
    """``factor * alpha`` as a term beside `other`: `alpha` counts in their common type."""
    if type(alpha) is int and alpha == 1:
        return factor
    if name != "add":
        promoted(factor, other, False, bools=False)  # raises where one holds bools
    alpha = number(alpha, name, "alpha")
    target = dtypes.result_type(array_of(factor), array_of(other))
    if target.kind != "f" and isinstance(alpha, float):
        raise RuntimeError(
            f"{name}(): For integral input tensors, argument alpha must not be a floating point "
            "number."
        )
    if isinstance(alpha, bool) and target.kind != "b":
        raise RuntimeError(
            f"{name}(): Boolean alpha only supported for Boolean results; give {int(alpha)}"
        )
    if isinstance(factor, TensorBase) and factor.array.dtype != target:
        factor = cast(factor, target)
    if target.kind == "b":  # where 2 is true, and true times a bool is the bool itself
        return factor if alpha else logical_and(factor, False)
    return factor if alpha == 1 else mul(factor, alpha)


_add_scaled, _sub_scaled = [  # (the alpha of the second has its sign changed already)
    primitive(name, with_kernel("scaled_sum", lambda a, b, alpha: a + alpha * b), layout=entrywise,
              a=lambda g: g,
              b=lambda g, alpha: g * alpha)
    for name in ("add.scaled", "sub.scaled")
]  # fmt: skip
_PLAIN = (float, int)


def _are_alike(a: Any, b: Any, alpha: Any) -> bool:
    """Whether two tensors of floats have one type and one shape, and `alpha` is a plain number."""
    if not (isinstance(a, TensorBase) and isinstance(b, TensorBase)):
        return False
    x, y = array_of(a), array_of(b)
    return type(alpha) in _PLAIN and x.dtype is y.dtype and x.dtype.kind == "f" and (
        x.shape == y.shape)  # fmt: skip


def _writes_scaled(plain: Any, sign: int) -> Callable[..., bool]:
    """What adds (or subtracts, `plain`) over the first operand, with an `alpha`: see `inplace`."""

    def writes(out: ndarray, other: Any, *, alpha: Any = 1) -> bool:
        if type(alpha) is int and alpha == 1:
            return plain.writes(out, other)
        if type(other) is not ndarray:
            return False
        return _add_scaled.writes(out, other, sign * alpha)  # type: ignore[attr-defined]

    return writes


def add_scaled(input: Any, other: Any, *old: Any, alpha: Any = 1, out: Any = None) -> Tensor:
    """``input + alpha * other``."""
    if old:
        alpha, other = _old_scaled("add", other, *old)
    if alpha != 1 and out is None and _are_alike(input, other, alpha):
        return _add_scaled(input, other, alpha)
    return add.public(input, _scaled(other, alpha, input, "add"), out=out)


def _old_scaled(name: str, alpha: Any, *others: Any) -> tuple[Any, Any]:
    """The arguments of ``x.add(alpha, other)``, as old scripts have it."""
    is_tensor = isinstance(alpha, TensorBase)
    if len(others) != 1 or (is_tensor and (alpha.array.ndim or alpha._requires_grad)):
        raise TypeError(
            f"{name}() received an invalid combination of arguments: it takes input, other, and "
            "alpha by name"
        )
    warn_of_factors(name, ("alpha",))
    return number(alpha, name, "alpha"), others[0]


def div_reflected(input: Any, other: Any) -> Any:
    """``other / input``, as PyTorch rounds it: times one over `input`."""
    return mul(reciprocal(input), other)


def sub_scaled(input: Any, other: Any, *old: Any, alpha: Any = 1, out: Any = None) -> Tensor:
    """``input - alpha * other``."""
    if old:
        alpha, other = _old_scaled("sub", other, *old)
    if alpha != 1 and out is None and _are_alike(input, other, alpha):
        return _sub_scaled(input, other, -alpha)
    return sub.public(input, _scaled(other, alpha, input, "sub"), out=out)


def rsub_scaled(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other - alpha * input``."""
    return rsub(other, _scaled(input, alpha, other, "rsub"))


_div_floor = binary("div.rounded", "``input / other``, rounded down.",
                    _checked_division(np.floor_divide),
                    a=no_slope,
                    b=no_slope)  # fmt: skip
_div_trunc = binary("div.rounded", "``input / other``, rounded towards zero.",
                    _checked_division(_truncated),
                    a=no_slope,
                    b=no_slope)  # fmt: skip


def div_rounded(
    input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None
) -> Tensor:
    """``input / other``; on request rounded towards zero ("trunc") or down ("floor")."""
    if rounding_mode is None:
        return div.public(input, other, out=out)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    rounded = _div_floor if rounding_mode == "floor" else _div_trunc
    return rounded.public(input, other, out=out)


add_scaled.writes = _writes_scaled(add, 1)  # type: ignore[attr-defined]
sub_scaled.writes = _writes_scaled(sub, -1)  # type: ignore[attr-defined]
for _form in (add_scaled, sub_scaled, div_rounded):
    _form.public = _form  # type: ignore[union-attr]  # strict by itself: see `checked`


div_rounded.public = div_rounded  # type: ignore[attr-defined]  # strict by itself: see `checked`


floor_divide = binary("floor_divide", "``input / other``, rounded down to an integer.",
                      _checked_division(np.floor_divide), a=no_slope, b=no_slope)  # fmt: skip
_round_half_even = unary("round", "Rounded to the nearest integer, halves to the even one.",
                         np.round, no_slope, floats=False, bools=False)  # fmt: skip
_round_to = primitive("round.decimals",
                      lambda x, decimals: np.round(x * 10.0**decimals) / 10.0**decimals,
                      x=no_slope)  # fmt: skip


def round(input: Any, *, decimals: int = 0) -> Tensor:
    """The nearest integer (halves go to the even one), or the nearest multiple of 10**-decimals."""
    decimals = as_int(decimals, "round", "decimals")
    return _round_half_even(input) if decimals == 0 else _round_to(input, decimals)


_logit = unary("logit", "``log(input / (1 - input))``; NaN outside 0 and 1.",
               lambda x: np.log(x / (1 - x)),
               lambda g, x: g / where((x < 0) | (x > 1), math.nan, x * (1 - x)))  # fmt: skip
_polygamma = primitive("polygamma", lambda x, n: polygamma_of(x, n),
                       x=lambda g, x, n: g * _polygamma(x, n + 1))  # fmt: skip


def logit(input: Any, eps: float | None = None) -> Tensor:
    r"""The number whose `sigmoid` is `input`, :math:`\log(x / (1 - x))`.

    Parameters
    ----------
    input : Tensor
        Between 0 and 1; NaN comes of others.
    eps : float, optional
        Then `input` is first clamped to what lies between eps and 1 - eps.
    """
    if eps is None:
        return _logit(input)
    eps = number(eps, "logit", "eps")
    return _logit(clamp(input, eps, 1 - eps))


def polygamma(n: int, input: Any) -> Tensor:
    """The derivative of `digamma` of order `n`; `digamma` itself for n = 0.

    Raises
    ------
    RuntimeError
        `n` is negative.
    """
    n = as_int(n, "polygamma", "n")
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, but got n={n}")
    if array_of(input).dtype.kind != "f":
        input = cast(input, dtypes.default())
    return _polygamma(input, n)


def positive(input: Any) -> Tensor:
    """`input` itself."""
    if array_of(input).dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported; use x.long()")
    return input


# ------------------------------------------------------------------------------------------------
# Of three arguments
# ------------------------------------------------------------------------------------------------


def _of_one_type(op: Callable[..., Any], tensors: tuple[Any, ...], *numbers: Any) -> Any:
    """Call `op` with the tensors cast to their common type; PyTorch's error for their shapes."""
    return _checked_shapes(op, *common_type(tensors), *numbers)


def _checked_shapes(op: Callable[..., Any], *args: Any) -> Any:
    try:
        return op(*args)
    except ValueError:
        shapes = [list(v.shape) for v in map(array_of, args) if isinstance(v, ndarray)]
        raise RuntimeError(
            f"{op.__name__}: the sizes of all tensors must match at every dimension or be 1, but "
            f"the shapes are {', '.join(map(str, shapes))}"
        ) from None


def _between(x: ndarray, low: Any, high: Any) -> ndarray:
    x = x if low is None else np.maximum(low, x)
    return x if high is None else np.minimum(high, x)


def _inside(x: Any, low: Any, high: Any) -> Any:
    """Where `x` is itself between the bounds, or on one of them."""
    if low is None or high is None:
        return x >= low if high is None else x <= high
    return (x >= low) & (x <= high)


_clamp = primitive("clamp.numbers", with_kernel("clamp", _between),
                   x=with_kernel("clamp_slope", lambda g, x, low, high: where(
                       _inside(x, low, high), g, 0)))  # fmt: skip
_clamp_min = primitive("clamp_min", with_kernel("clamp", _between),
                       x=lambda g, x, low, high: where(_inside(x, low, high), g, 0))  # fmt: skip
_clamp_max = primitive("clamp_max", with_kernel("clamp", _between),
                       x=lambda g, x, low, high: where(_inside(x, low, high), g, 0))  # fmt: skip
_clamp_to_tensors = primitive(
    "clamp", _between, layout=entrywise,
    x=lambda g, x, low, high, x_shape: unbroadcast(where(_inside(x, low, high), g, 0), x_shape),
    low=lambda g, x, low, high, low_shape: unbroadcast(
        where((x < low) if high is None else (x < low) & (low < high), g, 0), low_shape),
    high=lambda g, x, low, high, high_shape: unbroadcast(
        where((x > high) if low is None else (x > high) | (high < low), g, 0), high_shape),
)  # fmt: skip


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """`input` with what lies below `min` raised to it, and what lies above `max` lowered to it.

    The bounds are numbers or tensors; the gradient passes where the value was inside or on a bound.
    """
    return _clamped(_clamp, input, min, max)


def _writes_clamped(out: ndarray, min: Any = None, max: Any = None) -> bool:
    if min is None and max is None:
        return False
    return _clamp.writes(out, *_with_both(min, max))  # type: ignore[attr-defined]


clamp.writes = _writes_clamped  # type: ignore[attr-defined]


def clamp_min(input: Any, min: Any) -> Tensor:
    """`input` with what lies below `min` raised to it."""
    return _clamped(_clamp_min, input, min, None)


def clamp_max(input: Any, max: Any) -> Tensor:
    """`input` with what lies above `max` lowered to it."""
    return _clamped(_clamp_max, input, None, max)


_PLAIN_OR_NONE = (float, int, type(None))


def _bound(value: Any, name: str, argument: str, beside: Any) -> Any:
    if value is None or type(value) in (float, int):
        return value
    if isinstance(value, (TensorBase, ndarray)) and not isinstance(beside, (float, int)):
        return value
    return number(value, name, argument, EITHER)  # beside a number a 0-d tensor is one as well


def _with_both(low: Any, high: Any) -> tuple[Any, Any]:
    return -math.inf if low is None else low, math.inf if high is None else high


def _clamped(op: Any, input: Any, low: Any, high: Any) -> Any:
    plain = type(low) in _PLAIN_OR_NONE and type(high) in _PLAIN_OR_NONE
    if plain and array_of(input).dtype.kind == "f" and (low is not None or high is not None):
        return op(input, *_with_both(low, high))  # nearly always
    low, high = _bound(low, op.__name__, "min", high), _bound(high, op.__name__, "max", low)
    bounds = [v for v in (low, high) if v is not None]
    if not bounds:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    target = dtypes.result_type(*[array_of(v) for v in (input, *bounds)])
    if target.kind == "b" and (len(bounds) == 2 or isinstance(bounds[0], bool)):
        raise NotImplementedError("\"clamp\" not implemented for 'Bool'")
    if array_of(input).dtype != target:
        input = cast(input, target)
    if target.kind != "f":
        low, high = [entry(v, target) if isinstance(v, int) else v for v in (low, high)]
    if not any(isinstance(v, (TensorBase, ndarray)) for v in bounds):
        return op(input, low, high)
    low, high = [
        cast(v, target) if isinstance(array_of(v), ndarray) and array_of(v).dtype != target else v
        for v in (low, high)
    ]
    return _checked_shapes(_clamp_to_tensors, input, low, high)


_lerp_number = primitive("lerp", with_three("lerp", lambda a, b, w: a + w * (b - a) if w < 0.5
                                            else b - (1 - w) * (b - a)), layout=entrywise,
                         a=lambda g, w, a_shape: unbroadcast(g * (1 - w), a_shape),
                         b=lambda g, w, b_shape: unbroadcast(g * w, b_shape))  # fmt: skip
_lerp_tensor = primitive("lerp.tensor", with_three("lerp", lambda a, b, w: np.where(
                             np.abs(w) < 0.5, a + w * (b - a), b - (1 - w) * (b - a))),
                         layout=entrywise,
                         a=lambda g, w, a_shape: unbroadcast(g * (1 - w), a_shape),
                         b=lambda g, w, b_shape: unbroadcast(g * w, b_shape),
                         w=lambda g, a, b, w_shape: unbroadcast(g * (b - a), w_shape))  # fmt: skip
_addcmul = primitive("addcmul", with_three("addcmul", lambda x, a, b, value: x + (
                         a if value == 1 else value * a) * b), layout=entrywise,
                     x=lambda g, x_shape: unbroadcast(g, x_shape),
                     a=lambda g, b, value, a_shape: unbroadcast(g * (b * value), a_shape),
                     b=lambda g, a, value, b_shape: unbroadcast(
                         g * (a * value), b_shape))  # fmt: skip
_addcdiv = primitive("addcdiv", with_three("addcdiv", lambda x, a, b, value: x + (
                         a if value == 1 else value * a) / b), layout=entrywise,
                     x=lambda g, x_shape: unbroadcast(g, x_shape),
                     a=lambda g, b, value, a_shape: unbroadcast(g * (value / b), a_shape),
                     b=lambda g, a, b, value, b_shape: unbroadcast(
                         -g * (value * a / (b * b)), b_shape))  # fmt: skip


def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """``input + weight * (end - input)``."""
    kind = array_of(input).dtype
    if type(weight) is float and _are_alike(input, end, weight):
        return _lerp_number(input, end, weight)
    for name, value in (("end", end), ("weight", weight)):
        other = array_of(value)
        if isinstance(other, ndarray) and other.dtype != kind and (other.ndim or name == "end"):
            raise RuntimeError(
                f"expected dtype {dtypes.of_numpy(kind)} for `{name}` but got dtype "
                f"{dtypes.of_numpy(other.dtype)}"
            )
    if kind.kind != "f":
        raise NotImplementedError(f"\"lerp\" not implemented for '{dtypes.legacy_name(kind)}'")
    if isinstance(weight, (TensorBase, ndarray)):
        return _of_one_type(_lerp_tensor, (input, end, weight))
    weight = number(weight, "lerp", "weight", EITHER)
    return _of_one_type(_lerp_number, (input, end), weight)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``."""
    if _are_alike(input, tensor1, value) and _are_alike(input, tensor2, value):
        return _addcmul(input, tensor1, tensor2, value)
    tensors = common_type((input, tensor1, tensor2))
    value = factor(value, array_of(tensors[0]).dtype, "addcmul", "value")
    return _checked_shapes(_addcmul, *tensors, value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``."""
    if _are_alike(input, tensor1, value) and _are_alike(input, tensor2, value):
        return _addcdiv(input, tensor1, tensor2, value)
    tensors = common_type((input, tensor1, tensor2))
    if not any([array_of(v).dtype.kind == "f" for v in (tensor1, tensor2)]):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported: make tensor1 or tensor2 floats "
            "first, as by tensor1.float()"
        )
    return _checked_shapes(_addcdiv, *tensors, number(value, "addcdiv", "value"))


def _writes_lerp(out: ndarray, end: Any, weight: Any) -> bool:
    return _lerp_number.writes(out, end, weight)  # type: ignore[attr-defined]


lerp.writes = _writes_lerp  # type: ignore[attr-defined]
addcmul.writes, addcdiv.writes = _addcmul.writes, _addcdiv.writes  # type: ignore[attr-defined]


# (as np.isclose, which takes ten times as long for a few numbers)
_is_close = quiet(lambda x, y, rtol, atol: (
    (np.abs(x - y) <= atol + rtol * np.abs(y)) & np.isfinite(y) | (x == y)))  # fmt: skip


def isclose(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Where ``|input - other| <= atol + rtol * |other|``."""
    if is_listening():
        return heard(isclose, (input, other, rtol, atol, equal_nan), {})
    x, y = [v.array if isinstance(v, TensorBase) else v for v in (input, other)]
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if number(tolerance, "isclose", name) < 0:
            raise RuntimeError(
                f"{name} must be greater than or equal to zero, but got {tolerance:g}"
            )
    if np.asarray(x).dtype != np.asarray(y).dtype:
        raise RuntimeError(
            f"{dtypes.of_numpy(np.asarray(x).dtype)} did not match "
            f"{dtypes.of_numpy(np.asarray(y).dtype)}"
        )
    x, y = np.asarray(x), np.asarray(y)
    if y.dtype.kind != "f":
        y = y.astype(np.float64)
    close = _is_close(x, y, rtol, atol)
    if equal_nan:
        close |= np.isnan(x) & np.isnan(y)
    return wrap(entrywise(np.asarray(close), (x, y)))


def allclose(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether `isclose` holds everywhere."""
    if is_listening():
        return heard(allclose, (input, other, rtol, atol, equal_nan), {})
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and the same entries."""
    if is_listening():
        return heard(equal, (input, other), {})
    x, y = input.array, other.array
    return x.shape == y.shape and bool(np.logical_and.reduce(x == y, None))
