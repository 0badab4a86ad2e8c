r"""The error function and its kin, which NumPy does not have.

.. math:: \mathrm{erf}(x) = \frac{2}{\sqrt \pi} \int_0^x e^{-t^2} dt

In float64 it is Python's own, entry by entry: exact, but some 50 nanoseconds each. For float32,
where networks use it, it is an odd rational function: :math:`x \, P(x^2) / Q(x^2)` with polynomials
P and Q of degree 5, fitted to the least relative error (2e-8) for |x| up to 3.95; beyond, erf is 1
to within float32. With float32 arithmetic the result is right to about 4e-7.

Its kin are computed in float64, whatever the type of the argument.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from ..arrays.recording import as_one
from .layout import empty_alike

ndarray = np.ndarray

SATURATION = 3.95
# coefficients of 1, x^2, x^4, ...
P = (1.12837914, 0.19153661, 0.0528736961, 3.80759840e-3, 2.84678826e-4, 2.0260549e-6)
Q = (1.0, 0.503077578, 0.114554017, 1.50539499e-2, 1.17059690e-3, 3.78328777e-5)


@as_one(along=lambda x: ())
def erf(x: ndarray) -> ndarray:
    """The error function of each entry, in the type of `x`."""
    if x.dtype == np.float32:
        return _rational(x)
    result = empty_alike(x)
    result[...] = np.fromiter(map(math.erf, x.ravel().tolist()), x.dtype, x.size).reshape(x.shape)
    return result


def _rational(x: ndarray) -> ndarray:
    x = np.clip(x, -SATURATION, SATURATION)
    square = x * x
    return np.clip(x * (_polynomial(P, square) / _polynomial(Q, square)), -1, 1)


def _polynomial(coefficients: tuple[float, ...], x: ndarray) -> ndarray:
    """``c[0] + c[1] * x + c[2] * x**2 + ...``, from the inside out (Horner's scheme)."""
    *rest, last = coefficients
    total = np.full_like(x, last)
    for c in rest[::-1]:
        total *= x
        total += c
    return total


def in_float64(function: Callable[..., ndarray]) -> Callable[..., ndarray]:
    """`function` of arrays (and of numbers) in float64, its result in the type of the arrays.

    Entries must not know of each other.
    """

    @as_one(along=lambda *arguments: ())
    @functools.wraps(function)
    def call(*arguments: object) -> ndarray:
        arrays = [v for v in arguments if isinstance(v, ndarray)]
        wide = [v.astype(np.float64) if isinstance(v, ndarray) else v for v in arguments]
        values = function(*wide)
        if len(arrays) > 1:
            return np.asarray(values, np.result_type(*arrays))
        result = empty_alike(arrays[0])
        result[...] = values
        return result

    return call


def each(function: Callable[[float], float], x: ndarray) -> ndarray:
    """One of Python's functions of numbers, entry by entry."""
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


@in_float64
def erfc(x: ndarray) -> ndarray:
    """``1 - erf(x)``, without losing its digits where it is small."""
    return each(math.erfc, x)


FRACTION_FROM, TERMS = 4.0, 40
"""From this x on, so many terms of a continued fraction have all digits of float64."""


@in_float64
def erfcx(x: ndarray) -> ndarray:
    r"""``exp(x**2) * erfc(x)``, which does not vanish where erfc does.

    For large x the continued fraction (https://dlmf.nist.gov/7.9)

    .. math:: \sqrt \pi \, \mathrm{erfcx}(x) =
        \cfrac{1}{x + \cfrac{1/2}{x + \cfrac{1}{x + \cfrac{3/2}{x + \dots}}}}
    """
    near = np.clip(x, -30.0, FRACTION_FROM)  # (exp(30**2) is infinite)
    head = near.astype(np.float32).astype(np.float64)  # whose square is exact
    square = np.exp(head * head) * np.exp((near - head) * (near + head))
    far = np.where(x > FRACTION_FROM, x, FRACTION_FROM)
    rest = far
    for k in range(TERMS, 0, -1):
        rest = far + 0.5 * k / rest
    fraction = 1 / (math.sqrt(math.pi) * rest)
    return np.where(x > FRACTION_FROM, fraction, square * each(math.erfc, near))


@in_float64
def erfinv(y: ndarray) -> ndarray:
    """The x with ``erf(x) = y``; infinite at -1 and 1, NaN beyond."""
    size = np.abs(y)
    return np.copysign(_inverse(size, 1 - size), y)


@in_float64
def ndtri(p: ndarray) -> ndarray:
    """The x below which a standard normal number lies with probability p; NaN outside [0, 1]."""
    tail = 2 * np.minimum(p, 1 - p)
    return np.copysign(math.sqrt(2) * _inverse(1 - tail, tail), p - 0.5)


def _inverse(y: ndarray, rest: ndarray) -> ndarray:
    """The x >= 0 with ``erf(x) = y`` and ``erfc(x) = rest``: of the two the smaller one is used.

    S. Winitzki's formula gives three digits, and each of Halley's steps three times as many.
    """
    inside, outside = (y >= 0) & (rest > 0), np.where(rest == 0, np.inf, np.nan)
    y, rest = np.where(inside, y, 0.5), np.where(inside, rest, 0.5)
    a = 0.147
    log = np.minimum(np.log(rest * (1 + y)), 0.0)
    b = 2 / (math.pi * a) + log / 2
    x = np.sqrt((-log / a) / (np.sqrt(b * b - log / a) + b))
    for _ in range(3):
        near = y < rest
        error = np.where(near, each(math.erf, x) - y, rest - each(math.erfc, x))
        step = error / (2 / math.sqrt(math.pi) * np.exp(-x * x))
        x = x - step / (1 + x * step)
    return np.where(inside, x, outside)
