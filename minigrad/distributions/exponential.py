"""Distributions by inversion: `Exponential`, `Laplace`, `Gumbel` and `Cauchy`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..ops.draws import cauchy_, exponential_, uniform_
from ..tensor import Tensor
from ..tensor.creation import empty, full_like, rand, zeros_like
from ..tensor.questions import finfo
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, euler_constant

__all__ = ["Cauchy", "Exponential", "Gumbel", "Laplace"]


class Exponential(Distribution):
    r"""The exponential distribution, of waiting times.

    .. math:: p(x) = \lambda e^{-\lambda x}, \quad x \ge 0

    Parameters
    ----------
    rate : Tensor or float
        :math:`\lambda > 0`, one over the mean.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate.reciprocal()

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.rate)

    @property
    def stddev(self) -> Tensor:
        return self.rate.reciprocal()

    @property
    def variance(self) -> Tensor:
        return self.rate**-2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return exponential_(empty(shape, dtype=self.rate.dtype)) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        return 1 - self.rate.log()


class _LocationScale(Distribution):
    """A distribution of ``loc + scale * x``, where x has a distribution without parameters."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mode(self) -> Tensor:
        return self.loc


class Laplace(_LocationScale):
    r"""The Laplace distribution, an exponential one to both sides.

    .. math:: p(x) = \frac{1}{2 b} e^{-|x - \mu| / b}

    Parameters
    ----------
    loc : Tensor or float
        The mean, :math:`\mu`.
    scale : Tensor or float
        :math:`b > 0`.
    validate_args : bool, optional
    """

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale**2

    @property
    def stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        dtype = self.loc.dtype
        u = uniform_(
            empty(self._extended_shape(sample_shape), dtype=dtype), finfo(dtype).eps - 1, 1
        )
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        x = value - self.loc
        return 0.5 - 0.5 * x.sign() * (-x.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        share = value - 0.5
        return self.loc - self.scale * share.sign() * (-2 * share.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()


class Gumbel(_LocationScale):
    r"""The Gumbel distribution, of the largest of many numbers.

    .. math:: p(x) = \frac{1}{\beta} e^{y - e^y}, \quad y = (\mu - x) / \beta

    Parameters
    ----------
    loc : Tensor or float
        The mode, :math:`\mu`.
    scale : Tensor or float
        :math:`\beta > 0`.
    validate_args : bool, optional
    """

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * euler_constant

    @property
    def stddev(self) -> Tensor:
        return (math.pi / math.sqrt(6)) * self.scale

    @property
    def variance(self) -> Tensor:
        return self.stddev**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        limits = finfo(self.loc.dtype)
        low, high = full_like(self.loc, limits.tiny), full_like(self.loc, 1 - limits.eps)
        u = low + rand(self._extended_shape(sample_shape), dtype=self.loc.dtype) * (high - low)
        return self.loc + -self.scale * (-u.log()).log()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return (-((self.loc - value) / self.scale).exp()).exp()

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + euler_constant)


class Cauchy(_LocationScale):
    r"""The Cauchy distribution, with tails so heavy that it has no mean.

    .. math:: p(x) = \frac{1}{\pi \gamma \, (1 + ((x - x_0) / \gamma)^2)}

    Parameters
    ----------
    loc : Tensor or float
        The mode and median, :math:`x_0`.
    scale : Tensor or float
        :math:`\gamma > 0`, half the width at half of the height.
    validate_args : bool, optional
    """

    @property
    def mean(self) -> Tensor:
        return full_like(self.loc, math.nan)

    @property
    def variance(self) -> Tensor:
        return full_like(self.loc, math.inf)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.loc + cauchy_(empty(shape, dtype=self.loc.dtype)) * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        x = (value - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - (x**2).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()
