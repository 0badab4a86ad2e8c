"""Operations entry by entry that are met less often than those in `elementwise`.

They are made in the same way; at the end are other names of these and of those.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from . import elementwise as ew
from .cast import cast
from .checked import checked_methods
from .elementwise import cos, isfinite, isnan, pow, rsqrt, sigmoid, sign, sin
from .index import where
from .inplace import check_writable, inplace, overwritten
from .layout import entrywise
from .makers import binary, broadcast_error, comparison, no_slope, predicate, unary
from .shape import clone
from .values import number

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


# ------------------------------------------------------------------------------------------------
# Of one argument
# ------------------------------------------------------------------------------------------------


def _fraction(x: ndarray) -> Any:
    if x.dtype.kind != "f":
        raise TypeError("no floating point numbers")
    return x - np.trunc(x)


def _sinc_slope(g: Any, x: Any) -> Any:
    """g (cos(pi x) - sinc(x)) / x, and 0 at 0."""
    angle, y = where(x == 0, 1, x) * math.pi, where(x == 0, 1, x)
    return where(x == 0, 0, g * ((cos(angle) - sin(angle) / angle) / y))


def _has_sign(x: ndarray) -> Any:
    return np.signbit(x) if x.dtype.kind == "f" else x < 0


# fmt: off
frac = unary("frac", "``input - trunc(input)``.", _fraction, lambda g: g, floats=False)
sinc = unary("sinc", "``sin(pi input) / (pi input)``, and 1 at 0.", np.sinc, _sinc_slope)
deg2rad = unary("deg2rad", "An angle in degrees, in radians.",
                lambda x: x * (math.pi / 180), lambda g: g * (math.pi / 180))
rad2deg = unary("rad2deg", "An angle in radians, in degrees.",
                lambda x: x * (180 / math.pi), lambda g: g * (180 / math.pi))
asinh = unary("asinh", "The number whose hyperbolic sine is ``input``.",
              np.arcsinh, lambda g, x: g * rsqrt(x * x + 1))
acosh = unary("acosh", "The number whose hyperbolic cosine is ``input``.",
              np.arccosh, lambda g, x: g * rsqrt(x * x - 1))
atanh = unary("atanh", "The number whose hyperbolic tangent is ``input``.",
              np.arctanh, lambda g, x: g / (1 - x * x))
angle = unary("angle", "0, or pi for what is negative: the angle in the plane of complex numbers.",
              lambda x: np.where(np.isnan(x), x, np.where(x < 0, math.pi, 0)).astype(x.dtype),
              no_slope)
sgn = unary("sgn", "`sign`.", ew.sign, no_slope, floats=False)
signbit = predicate("signbit", "Where the sign is a minus; -0 has one.", _has_sign)
isposinf = predicate("isposinf", "Where ``input`` is infinite and positive.",
                     lambda x: x == math.inf)
isneginf = predicate("isneginf", "Where ``input`` is infinite and negative.",
                     lambda x: x == -math.inf)
isreal = predicate("isreal", "True everywhere: there are no complex numbers here.",
                   lambda x: np.ones(x.shape, bool))
# fmt: on


_nan_to_num = primitive("nan_to_num", lambda x, nan, posinf, neginf: np.nan_to_num(
                            x, nan=nan, posinf=posinf, neginf=neginf),
                        x=lambda g, x: where(isfinite(x), g, 0))  # fmt: skip


def nan_to_num(
    input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """`input` with other numbers for NaN and infinities.

    Parameters
    ----------
    nan : float
        For NaN. Default: 0.
    posinf, neginf : float, optional
        For the infinities. Default: the largest and the least number of the type.
    """
    if array_of(input).dtype.kind != "f":
        return clone(input)
    given = [
        None if v is None else number(v, "nan_to_num", name)
        for name, v in (("nan", nan), ("posinf", posinf), ("neginf", neginf))
    ]
    return _nan_to_num(input, 0.0 if given[0] is None else given[0], *given[1:])


# ------------------------------------------------------------------------------------------------
# Of two arguments
# ------------------------------------------------------------------------------------------------


def _of_kind(kinds: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, refusing types for which PyTorch has none."""

    def call(a: Any, b: Any) -> Any:
        if np.result_type(a, b).kind not in kinds:
            raise TypeError("another type")
        return function(a, b)

    return call


# fmt: off
copysign = binary("copysign", "``input`` with the sign of ``other``.",
                  np.copysign, floats=True, numbers=(False, True),
                  a=lambda g, y, a: g * (sign(a) * where(signbit(y), -1, 1)),
                  b=no_slope)
fmax = binary("fmax", "`maximum`, but of NaN and a number it is the number.",
              np.fmax, numbers=(False, False),
              a=lambda g, a, b: where((a >= b) | isnan(b), g, 0),
              b=lambda g, a, b: where((a >= b) | isnan(b), 0, g))
fmin = binary("fmin", "`minimum`, but of NaN and a number it is the number.",
              np.fmin, numbers=(False, False),
              a=lambda g, a, b: where((a <= b) | isnan(b), g, 0),
              b=lambda g, a, b: where((a <= b) | isnan(b), 0, g))
logaddexp2 = binary("logaddexp2",
                    "``log2(2**input + 2**other)``: a sum of numbers known by their logarithms.",
                    _of_kind("f", np.logaddexp2), numbers=(False, False),
                    a=lambda g, a, b: g * sigmoid((a - b) * math.log(2)),
                    b=lambda g, a, b: g * sigmoid((b - a) * math.log(2)))
nextafter = comparison("nextafter", "The next number of the type from ``input`` towards ``other``.",
                       _of_kind("f", np.nextafter), (False, False))
gcd = comparison("gcd", "The greatest common divisor.", _of_kind("iu", np.gcd), (False, False))
lcm = comparison("lcm", "The least common multiple.", _of_kind("iu", np.lcm), (False, False))
bitwise_left_shift = comparison("bitwise_left_shift", "The bits moved up by ``other`` places.",
                                _of_kind("iu", np.left_shift), (True, True))
bitwise_right_shift = comparison("bitwise_right_shift", "The bits moved down by ``other`` places.",
                                 _of_kind("iu", np.right_shift), (True, True))
# fmt: on


def heaviside(input: Any, values: Any) -> Tensor:
    """0 where `input` is negative (or NaN), 1 where it is positive, `values` where it is 0."""
    if is_listening():
        return heard(heaviside, (input, values), {})
    x, v = array_of(input), array_of(values)
    if x.dtype != v.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes: got "
            f"{dtypes.of_numpy(x.dtype)} and {dtypes.of_numpy(v.dtype)}"
        )
    try:
        result = np.where(x == 0, v, (x > 0).astype(x.dtype))
    except ValueError as error:
        raise broadcast_error(x, v, error) from None
    return wrap(entrywise(result, (x, v)))


def ldexp(input: Any, other: Any) -> Tensor:
    """``input * 2**other``."""
    return input * pow(2.0, other)


def float_power(input: Any, exponent: Any) -> Tensor:
    """`pow` in float64."""
    base, power = [
        cast(v, dtypes.FLOAT64) if isinstance(array_of(v), ndarray) else float(v)
        for v in (input, exponent)
    ]
    return pow(base, power)


# ------------------------------------------------------------------------------------------------
# What complex numbers have
# ------------------------------------------------------------------------------------------------


def real(input: Any) -> Tensor:
    """`input` itself, which is real."""
    return input


def imag(input: Any) -> Tensor:
    """Raise, as PyTorch does for what is real."""
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


conj = conj_physical = resolve_conj = real

arccos, arcsin, arctan, arctan2 = ew.acos, ew.asin, ew.atan, ew.atan2
arccosh, arcsinh, arctanh, fix = acosh, asinh, atanh, ew.trunc
greater, greater_equal, less, less_equal, not_equal = ew.gt, ew.ge, ew.lt, ew.le, ew.ne


def _reflected(op: Any) -> Any:
    return lambda self, other: op(other, self)


def _own_power(input: Any, exponent: Any) -> Any:
    if array_of(input).dtype != dtypes.FLOAT64:
        raise RuntimeError(
            "the base given to float_power_ has dtype "
            f"{dtypes.legacy_name(array_of(input).dtype)} but the operation's result requires "
            "dtype Double"
        )
    return float_power(input, exponent)


def _forgetful(op: Any) -> Any:
    """The in-place form of an operation without a gradient: the gradient of what was there is 0."""
    write = inplace(op)

    def call(input: Any, *args: Any) -> Any:
        if is_listening():
            return heard(call, (input, *args), {})
        edge = check_writable(input)
        result = write(input, *args)
        if edge is not None and result is not NotImplemented:
            overwritten(input, edge)
        return result

    call.__name__ = call.__qualname__ = f"{op.__name__}_"
    call.__doc__ = write.__doc__
    call.form_of = call.__wrapped__ = op  # type: ignore[attr-defined]
    return call


@checked_methods
class Methods:
    """What of this page is a method of tensors as well, and more that is done in place."""

    __slots__ = ()

    frac, sinc, deg2rad, rad2deg, sgn, angle = frac, sinc, deg2rad, rad2deg, sgn, angle
    asinh, acosh, atanh, nan_to_num = asinh, acosh, atanh, nan_to_num
    signbit, isposinf, isneginf, isreal = signbit, isposinf, isneginf, isreal
    copysign, fmax, fmin, logaddexp2, nextafter = copysign, fmax, fmin, logaddexp2, nextafter
    gcd, lcm, heaviside, ldexp, float_power = gcd, lcm, heaviside, ldexp, float_power
    bitwise_left_shift, bitwise_right_shift = bitwise_left_shift, bitwise_right_shift
    arccos, arcsin, arctan, arctan2 = arccos, arcsin, arctan, arctan2
    arccosh, arcsinh, arctanh, fix = arccosh, arcsinh, arctanh, fix
    greater, greater_equal, less = greater, greater_equal, less
    less_equal, not_equal = less_equal, not_equal

    __lshift__, __rlshift__ = bitwise_left_shift, _reflected(bitwise_left_shift)
    __rshift__, __rrshift__ = bitwise_right_shift, _reflected(bitwise_right_shift)
    __ilshift__ = bitwise_left_shift_ = inplace(bitwise_left_shift.public)
    __irshift__ = bitwise_right_shift_ = inplace(bitwise_right_shift.public)

    frac_, sinc_ = inplace(frac), inplace(sinc)
    deg2rad_, rad2deg_ = inplace(deg2rad), inplace(rad2deg)
    asinh_ = arcsinh_ = inplace(asinh)
    acosh_ = arccosh_ = inplace(acosh)
    atanh_ = arctanh_ = inplace(atanh)
    arccos_, arcsin_, arctan_ = inplace(ew.acos), inplace(ew.asin), inplace(ew.atan)
    sgn_, fix_, nan_to_num_ = inplace(sgn), inplace(ew.trunc), inplace(nan_to_num)
    copysign_, ldexp_, float_power_ = inplace(copysign.public), inplace(ldexp), inplace(_own_power)
    gcd_, lcm_, hypot_ = inplace(gcd.public), inplace(lcm.public), inplace(ew.hypot.public)
    atan2_ = arctan2_ = inplace(ew.atan2.public)
    true_divide_ = inplace(ew.div)
    nextafter_, heaviside_ = _forgetful(nextafter.public), _forgetful(heaviside)
    eq_, ne_, lt_, le_ = _forgetful(ew.eq), _forgetful(ew.ne), _forgetful(ew.lt), _forgetful(ew.le)
    gt_, ge_ = _forgetful(ew.gt), _forgetful(ew.ge)
    not_equal_, less_, less_equal_, greater_, greater_equal_ = ne_, lt_, le_, gt_, ge_
    logical_and_, logical_or_ = _forgetful(ew.logical_and.public), _forgetful(ew.logical_or.public)
    logical_xor_, logical_not_ = (
        _forgetful(ew.logical_xor.public), _forgetful(ew.logical_not.public))  # fmt: skip
    bitwise_and_, bitwise_or_ = inplace(ew.bitwise_and.public), inplace(ew.bitwise_or.public)
    bitwise_xor_, bitwise_not_ = inplace(ew.bitwise_xor.public), inplace(ew.bitwise_not.public)

    imag = property(imag, doc="Raises: there is no imaginary part.")
