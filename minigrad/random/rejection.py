"""Draws that propose numbers until one is accepted: gamma, Poisson and binomial numbers.

How many words such a draw takes depends on the words themselves. So numbers are taken one by one,
in Python, as PyTorch does in C: the samples are the same, a few microseconds each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .uniform import UniformDraws, kernel_name, require_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

THIRD = float(np.float32(1) / np.float32(3))
"""PyTorch's constants are float32, whatever the type of the samples: a third,"""

SQUEEZE = float(np.float32(0.0331))
"""and Marsaglia and Tsang's number."""

STIRLING = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.00925546218271273, 0.00833056343336287,
)  # fmt: skip
"""What Stirling's formula lacks of log(k!), for k = 0, ..., 9."""


class _Singly:
    """Numbers of a stream one by one. They are drawn many at a time; `close` puts the rest back."""

    def __init__(self, stream: UniformDraws, count: int) -> None:
        self.stream, self.count = stream, max(count, 16)
        self.kept = stream._cached_normal
        self._draw()

    def _draw(self) -> None:
        self.before = self.stream._state.copy()
        self.left = self.stream.uniform(self.count, dtype=np.float64).tolist()[::-1]

    def uniform(self) -> float:
        if not self.left:
            self._draw()
        number: float = self.left.pop()
        return number

    def normal(self) -> float:
        """As `Generator.normal` pairs them."""
        if self.kept is not None:
            number, self.kept = self.kept, None
            return number
        turn = 2.0 * math.pi * self.uniform()
        length = math.sqrt(-2.0 * math.log1p(-self.uniform()))
        self.kept = length * math.sin(turn)
        return length * math.cos(turn)

    def close(self) -> None:
        self.stream._state[...] = self.before
        self.stream.uniform(self.count - len(self.left), dtype=np.float64)
        self.stream._cached_normal = self.kept


class RejectionDraws(UniformDraws):
    """A stream that can draw gamma, Poisson and binomial numbers."""

    def gamma(self, alpha: NDArray[Any]) -> NDArray[Any]:
        r"""Draw from the density :math:`x^{\alpha-1} e^{-x} / \Gamma(\alpha)`, once for each.

        Marsaglia and Tsang's method: with :math:`d = \alpha - 1/3`, a normal z and a uniform u,
        :math:`x = d \, (1 + z / \sqrt{9 d})^3` is accepted if

        .. math:: \log u < z^2 / 2 + d - x + d \log(x / d)

        which is nearly always so. For :math:`\alpha < 1`, a sample for :math:`\alpha + 1` times
        :math:`u^{1/\alpha}`. At least the smallest normal number of the type.

        Parameters
        ----------
        alpha : ndarray of float32 or float64
            Not negative.

        References
        ----------
        G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", 2000.

        Examples
        --------
        >>> from minigrad.random import Generator
        >>> print(Generator().manual_seed(0).gamma(np.array([0.5, 2.0, 30.0], np.float32)))
        [7.8935816e-04 6.3154060e-01 3.0548819e+01]
        """
        require_float(alpha.dtype, "gamma")
        is_small = alpha < 1
        with np.errstate(divide="ignore"):
            power = np.where(is_small, 1 / alpha, 0).astype(np.float64)
        d = (np.where(is_small, alpha + 1, alpha) - alpha.dtype.type(THIRD)).astype(np.float64)
        drawn = self._each(
            _gamma, 6 * alpha.size, alpha == 0, is_small, power, d, 1 / np.sqrt(9 * d)
        )
        return np.maximum(drawn.astype(alpha.dtype), np.finfo(alpha.dtype).tiny)

    def poisson(self, rate: NDArray[Any]) -> NDArray[Any]:
        r"""Draw the number of events, :math:`\lambda^k e^{-\lambda} / k!`, one for each `rate`.

        Below a rate of 10 by multiplying uniform numbers until they fall below
        :math:`e^{-\lambda}` (Knuth), from there on by Hörmann's transformed rejection.

        Raises
        ------
        RuntimeError
            A rate is negative or NaN.

        References
        ----------
        W. Hörmann, "The transformed rejection method for generating Poisson random variables",
        1993.
        """
        if rate.dtype.kind != "f":
            raise NotImplementedError(
                f"\"poisson_cpu\" not implemented for '{kernel_name(rate.dtype)}'"
            )
        if not (rate >= 0).all():
            raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
        guess = int(np.minimum(rate.astype(np.float64) + 2, 12).sum())
        return self._each(_poisson, guess, rate.astype(np.float64)).astype(rate.dtype)

    def binomial(self, count: NDArray[Any], prob: NDArray[Any]) -> NDArray[Any]:
        """Draw how many of `count` trials succeed, each with probability `prob`.

        Below ten expected successes by adding up the waiting times between them, from there on by
        Hörmann's transformed rejection.

        Parameters
        ----------
        count, prob : ndarray of float32 or float64, of one shape

        References
        ----------
        W. Hörmann, "The generation of binomial random variates", 1993.
        """
        require_float(count.dtype, "binomial_cpu")
        p = np.where(prob > 0.5, 1 - prob, prob)  # of the rarer outcome
        idle = ~((count > 0) & (prob > 0) & (prob < 1))
        n, p = np.where(idle, 1, count).astype(count.dtype), np.where(idle, 0.5, p)
        p = p.astype(count.dtype)  # what follows is rounded to the type, as in PyTorch
        drawn = self._each(
            _binomial, 6 * count.size, idle, n, p, n * p, np.log1p(-p), np.sqrt(n * p * (1 - p)),
            p / (1 - p), np.floor((n + 1) * p),
        ).astype(count.dtype)  # fmt: skip
        drawn = np.where(prob > 0.5, count - drawn, drawn)
        certain = np.where((count <= 0) | (prob <= 0), 0, np.where(prob >= 1, count, prob))
        return np.where(idle, certain, drawn).astype(count.dtype)

    def _each(
        self, draw: Callable[..., float], guess: int, *arguments: NDArray[Any]
    ) -> NDArray[np.float64]:
        """``draw(numbers, ...)`` for each entry of the arguments, in their order."""
        with self._lock:
            numbers = _Singly(self, guess)
            entries = [a.ravel().tolist() for a in arguments]
            try:
                drawn = [draw(numbers, *entry) for entry in zip(*entries, strict=True)]
            finally:
                numbers.close()
        return np.array(drawn, np.float64).reshape(arguments[0].shape)


def _gamma(
    numbers: _Singly, is_zero: bool, is_small: bool, power: float, d: float, c: float
) -> float:
    if is_zero:
        return 0.0
    scale = (1.0 - numbers.uniform()) ** power if is_small else 1.0
    while True:
        z = numbers.normal()
        y = 1.0 + c * z
        if y <= 0:
            continue
        v = y * y * y
        u = 1.0 - numbers.uniform()
        square = z * z
        if u < 1.0 - SQUEEZE * square * square:  # most are accepted without a logarithm
            return scale * d * v
        if _log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return scale * d * v


def _poisson(numbers: _Singly, rate: float) -> float:
    if rate == 0:
        return 0.0
    if rate < 10:
        limit, product, k = math.exp(-rate), 1.0, 0
        while True:
            product *= numbers.uniform()
            if product <= limit:
                return k
            k += 1
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    limit = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = numbers.uniform() - 0.5
        v = numbers.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= limit:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        height = _log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if height <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return k


def _binomial(
    numbers: _Singly, idle: bool, n: float, p: float, mean: float, log_miss: float,
    deviation: float, odds: float, mode: float,
) -> float:  # fmt: skip
    if idle:
        return 0.0
    if mean < 10:
        trials, successes = 0.0, -1
        while trials <= n:  # each waits for the next success
            trials += np.ceil(_log(numbers.uniform()) / log_miss)
            successes += 1
        return successes
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * deviation
    while True:
        u = numbers.uniform() - 0.5
        v = numbers.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + mean + 0.5)
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _stirling(mode) + _stirling(n - mode) - _stirling(k) - _stirling(n - k)
        )  # fmt: skip
        if _log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


def _stirling(k: float) -> float:
    if k < len(STIRLING):
        return STIRLING[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _log(u: float) -> float:
    return math.log(u) if u > 0 else -math.inf
