r"""The gamma function's family, on arrays: NumPy has none of it.

.. math::
    \Gamma(x) = \int_0^\infty t^{x-1} e^{-t} dt, \qquad
    \psi_0(x) = \frac{d}{dx} \log \Gamma(x), \qquad
    \psi_n(x) = \frac{d^n}{dx^n} \psi_0(x), \qquad
    P(a, x) = \frac{1}{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt

All are computed in float64, whatever the type of the argument, and are right to about 1e-14 where
they are not near a zero. Formulas: the Digital Library of Mathematical Functions, https://dlmf.nist.gov,
chapters 5 and 8; their numbers stand beside them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial import polynomial

from .erf import each, in_float64

ndarray = np.ndarray

BERNOULLI = (1/6, -1/30, 1/42, -1/30, 5/66, -691/2730, 7/6, -3617/510, 43867/798)  # fmt: skip
"""The numbers B_2, B_4, ... of asymptotic series."""

FAR = 10
"""From x = FAR + n on, the asymptotic series of psi_n has all digits of float64."""

NEGLIGIBLE = 45.0
"""exp(-45) is 3e-20: what is smaller than the rest by that factor is left out."""


@in_float64
def lgamma(x: ndarray) -> ndarray:
    """The logarithm of the absolute value of the gamma function: Python's own, entry by entry."""
    pole = (x <= 0) & (x == np.floor(x))  # of which Python says that it has no value
    return np.where(pole, np.inf, each(math.lgamma, np.where(pole, 1.0, x)))


@in_float64
def polygamma(x: ndarray, n: int) -> ndarray:
    r"""The n-th derivative of the digamma function; n = 0 is the digamma function itself.

    Small arguments are moved to large ones by the recurrence (DLMF 5.15.5)

    .. math:: \psi_n(x) = \psi_n(x + 1) - (-1)^n \, n! / x^{n+1}

    for which there is an asymptotic series (5.11.2, 5.15.8), and negative ones to positive ones by
    reflection (5.15.6)

    .. math:: \psi_n(x) = (-1)^n \, \psi_n(1 - x) - \pi \frac{d^n}{dx^n} \cot \pi x

    At the poles 0, -1, -2, ... it is what PyTorch says: infinite or very large, and for n = 0 NaN
    but at 0.
    """
    mirrored = x < 0.5 if n else x < 0
    z = np.where(mirrored, 1.0 - x, x)
    total = np.zeros_like(z)
    for _ in range(FAR + n):
        near = z < FAR + n
        total -= np.where(near, (-1.0) ** n * math.factorial(n) * z ** (-n - 1.0), 0.0)
        z = np.where(near, z + 1.0, z)
    total += _polygamma_series(z, n)
    total = np.where(mirrored, (-1) ** n * total - _cotangent(x, n), total)
    if n == 1:
        return total
    pole = (x <= 0) & (x == np.floor(x))
    if n == 0:
        return np.where(pole, np.where(x == 0, np.copysign(np.inf, -x), np.nan), total)
    return np.where(pole, (-1.0) ** (n + 1) * np.inf, total)


def _polygamma_series(z: ndarray, n: int) -> ndarray:
    if n == 0:
        total = np.log(z) - 0.5 / z
        for k, b in enumerate(BERNOULLI, 1):
            total -= b / (2 * k) * z ** (-2.0 * k)
        return total
    total = math.factorial(n - 1) * z**-n + 0.5 * math.factorial(n) * z ** (-n - 1.0)
    for k, b in enumerate(BERNOULLI, 1):
        total += b * (math.factorial(2 * k + n - 1) / math.factorial(2 * k)) * z ** (-2.0 * k - n)
    return (-1.0) ** (n + 1) * total


def _cotangent(x: ndarray, n: int) -> ndarray:
    """pi times the n-th derivative of c = cot(pi x): a polynomial in c, as c' = -pi (1 + c^2)."""
    coefficients = np.array([0.0, 1.0])
    for _ in range(n):
        coefficients = polynomial.polymul([-1.0, 0.0, -1.0], polynomial.polyder(coefficients))
    c = 1 / np.tan(math.pi * x)
    *rest, last = coefficients.tolist()
    value = np.full_like(c, last)
    for k in rest[::-1]:
        value = value * c + k
    return math.pi ** (n + 1) * value


# ------------------------------------------------------------------------------------------------
# Incomplete
# ------------------------------------------------------------------------------------------------


@in_float64
def gammainc(a: ndarray, x: ndarray) -> ndarray:
    """P(a, x), the share of the integral that lies below x; NaN for negative arguments."""
    return _lower_and_upper(a, x)[0]


@in_float64
def gammaincc(a: ndarray, x: ndarray) -> ndarray:
    """1 - P(a, x), the share that lies above x, without losing its digits where it is small."""
    return _lower_and_upper(a, x)[1]


def _lower_and_upper(a: ndarray, x: ndarray) -> tuple[ndarray, ndarray]:
    a, x = np.broadcast_arrays(a, x)
    proper = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    shape, z = np.where(proper, a, 1.0), np.where(proper, x, 1.0)
    density = np.exp(shape * np.log(z) - z - lgamma(shape))  # times z
    below = z < shape + 1
    series = density * _series(shape, np.where(below, z, shape))
    fraction = density * _fraction(shape, np.where(below, shape + 1, z))
    lower = np.where(below, series, 1 - fraction)
    upper = np.where(below, 1 - series, fraction)
    # a = 0: all lies at 0. a = inf: at infinity.
    low = (x == 0) & (a > 0) | np.isinf(a) & np.isfinite(x) & (x >= 0)
    high = (a == 0) & (x > 0) | np.isinf(x) & (x > 0) & np.isfinite(a) & (a >= 0)
    return (
        np.where(proper, lower, np.where(low, 0.0, np.where(high, 1.0, np.nan))),
        np.where(proper, upper, np.where(low, 1.0, np.where(high, 0.0, np.nan))),
    )


def _series(a: ndarray, z: ndarray) -> ndarray:
    """The sum over k of z^k / (a (a + 1) ... (a + k)), for z < a + 1 (DLMF 8.11.4)."""
    term = 1.0 / a
    total = term.copy()
    k = 0
    while (term > 1e-17 * total).any():
        k += 1
        term = term * (z / (a + k))
        total += term
    return total


def _fraction(a: ndarray, z: ndarray) -> ndarray:
    """1/(z+1-a- 1(1-a)/(z+3-a- 2(2-a)/(z+5-a- ...))), for z >= a + 1 (8.9.2; Lentz's method)."""
    b = z + 1.0 - a
    c = np.full_like(z, 1e300)
    total = d = 1.0 / b
    k = 0
    change = np.full_like(z, np.inf)
    while (np.abs(change - 1.0) > 1e-16).any() and k < 100_000:
        k += 1
        b = b + 2.0
        d = 1.0 / (b - k * (k - a) * d)
        c = b - k * (k - a) / c
        change = c * d
        total = total * change
    return total


# ------------------------------------------------------------------------------------------------
# How a sample moves with the parameters of its distribution
# ------------------------------------------------------------------------------------------------


@functools.cache
def _nodes() -> list[tuple[float, float]]:
    """Nodes and weights of Gauss and Legendre's rule, for integrals from 0 to 1."""
    x, w = np.polynomial.legendre.leggauss(64)
    return list(zip(((x + 1) / 2).tolist(), (w / 2).tolist(), strict=True))


def _tail(
    log_density: Callable[[ndarray], ndarray],
    score: Callable[[ndarray], ndarray],
    end: ndarray,
    direction: ndarray,
) -> ndarray:
    """The integral of ``exp(log_density(s) - log_density(end)) * score(s)`` on one side of `end`.

    `direction` is 1 to go up to infinity, -1 to go down. The density must fall all the way.
    """
    top = log_density(end)
    width = np.full_like(end, 1e-3)
    for _ in range(150):  # up to 1e9: until nothing is left outside
        far = log_density(end + direction * width) - top
        short = far > -NEGLIGIBLE
        if not short.any():
            break
        width = np.where(short, 1.2 * width, width)
    total = np.zeros_like(end)
    for node, weight in _nodes():
        s = end + direction * (node * width)
        total += weight * np.exp(log_density(s) - top) * score(s)
    return width * total


@in_float64
def standard_gamma_slope(z: ndarray, a: ndarray) -> ndarray:
    r"""dz/da of a sample z of the distribution with the density z^(a-1) e^(-z) / Gamma(a).

    A sample is where the distribution function P(a, z) reaches some uniform number. As that number
    stays when a changes,

    .. math::
        \frac{dz}{da} = - \frac{\partial P / \partial a}{\partial P / \partial z}
        = \frac{1}{f(z)} \int_0^z f(t) \, (\psi_0(a) - \log t) \, dt
        = \frac{1}{f(z)} \int_z^\infty f(t) \, (\log t - \psi_0(a)) \, dt

    with the density f; both integrals are equal, as log t is on average the digamma function of a.
    The one is taken whose integrand does not change its sign, with s = log t for the variable.

    Source: M. Figurnov, S. Mohamed, A. Mnih, "Implicit reparameterization gradients", 2018.
    """
    middle = polygamma(a, 0)
    end = np.log(z)
    upwards = np.where(end > middle, 1.0, -1.0)
    return z * upwards * _tail(lambda s: a * s - np.exp(s), lambda s: s - middle, end, upwards)


@in_float64
def dirichlet_slope(x: ndarray, a: ndarray, total: ndarray) -> ndarray:
    r"""dx/da / (1 - x) of an entry x of a sample of the Dirichlet distribution.

    The entry has the density of a beta distribution, x^(a-1) (1-x)^(b-1) / B(a, b) with b = `total`
    - a; a changes, b does not. As in `standard_gamma_slope`, with s = log(x / (1 - x)).
    """
    b, middle = total - a, polygamma(a, 0) - polygamma(total, 0)
    end = np.log(x) - np.log1p(-x)
    upwards = np.where(np.log(x) > middle, 1.0, -1.0)
    return (
        x
        * upwards
        * _tail(
            lambda s: -a * np.logaddexp(0, -s) - b * np.logaddexp(0, s),
            lambda s: -np.logaddexp(0, -s) - middle,
            end,
            upwards,
        )
    )
