"""Distributions of trials that succeed or fail: one, some, or until something happens."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..arrays.size import Size
from ..autograd.grad_mode import no_grad
from ..nn.functional import binary_cross_entropy_with_logits, logsigmoid
from ..ops.draws import bernoulli, binomial, poisson, uniform_
from ..ops.elementwise import lgamma
from ..ops.index import where
from ..tensor import Tensor
from ..tensor.creation import arange, empty, zeros_like
from ..tensor.questions import finfo
from . import constraints
from .distribution import Distribution
from .gamma import Gamma
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Bernoulli", "Binomial", "Geometric", "NegativeBinomial"]


class _OfTrials(Distribution):
    """What has a probability of success, given as `probs` or as log-odds, `logits`."""

    arg_constraints: ClassVar = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }

    def __init__(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if logits is None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        """What was given."""
        return self.probs if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and of `logits`."""
        return self._param.shape

    @lazy_property
    def logits(self) -> Tensor:
        """The log-odds, ``log(probs / (1 - probs))``."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)


class Bernoulli(_OfTrials):
    r"""One trial: 1 with probability p, else 0.

    .. math:: P(1) = p = \sigma(l), \quad P(0) = 1 - p

    Parameters
    ----------
    probs : Tensor or float, optional
        p.
    logits : Tensor or float, optional
        The log-odds l, instead.
    validate_args : bool, optional
    """

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        rounded = (self.probs >= 0.5).to(self.probs.dtype)
        return where(self.probs == 0.5, math.nan, rounded)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(arange(2, dtype=self._param.dtype), expand)


class _OfManyTrials(_OfTrials):
    """What has a `total_count` besides."""

    total_count: Tensor

    def __init__(
        self, total_count: Any, probs: Any, logits: Any, validate_args: bool | None
    ) -> None:
        if probs is not None:
            total_count, probs = broadcast_all(total_count, probs)
        if logits is not None:
            total_count, logits = broadcast_all(total_count, logits)
        given = probs if logits is None else logits
        self.total_count = total_count if given is None else total_count.type_as(given)
        super().__init__(probs, logits, validate_args)


class Binomial(_OfManyTrials):
    r"""How many of n trials succeed.

    .. math:: P(k) = \binom{n}{k} p^k (1 - p)^{n-k}

    Parameters
    ----------
    total_count : int or Tensor, default 1
        n.
    probs : Tensor, optional
        p.
    logits : Tensor, optional
        The log-odds of p, instead.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "total_count": constraints.nonnegative_integer,
        **_OfTrials.arg_constraints,
    }
    has_enumerate_support = True

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """From 0 to n."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.total_count
        log_choose = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return value * self.logits + n * logsigmoid(-self.logits) + log_choose

    def _common_count(self, method: str) -> int:
        count = int(self.total_count.max())
        if self.total_count.min() != count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{method}`.")
        return count

    def entropy(self) -> Tensor:
        self._common_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        count = self._common_count("enumerate_support")
        return self._enumerated(arange(1 + count, dtype=self._param.dtype), expand)


class NegativeBinomial(_OfManyTrials):
    r"""How many trials succeed before r have failed: counts that spread more than Poisson's.

    .. math:: P(k) = \frac{\Gamma(k + r)}{k! \, \Gamma(r)} (1 - p)^r p^k

    Parameters
    ----------
    total_count : Tensor or float
        r, not negative; not only integers.
    probs : Tensor, optional
        p, less than 1.
    logits : Tensor, optional
        The log-odds of p, instead.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        rate = Gamma(self.total_count, (-self.logits).exp(), validate_args=False)
        return poisson(rate.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        r = self.total_count
        log_ways = lgamma(r + value) - lgamma(1 + value) - lgamma(r)
        log_ways = where(r + value == 0, 0, log_ways)
        return r * logsigmoid(-self.logits) + value * logsigmoid(self.logits) + log_ways


class Geometric(_OfTrials):
    r"""How many trials fail before the first success.

    .. math:: P(k) = (1 - p)^k p, \quad k = 0, 1, 2, \dots

    (``Tensor.geometric_`` counts the success as well.)

    Parameters
    ----------
    probs : Tensor or float, optional
        p, not 0.
    logits : Tensor or float, optional
        The log-odds of p, instead.
    validate_args : bool, optional
    """

    support = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            raise ValueError(
                f"Expected parameter probs ({type(self.probs).__name__} of shape "
                f"{tuple(self.probs.shape)}) of distribution {self!r} to be positive but found "
                f"invalid values:\n{self.probs[self.probs <= 0]}"
            )

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        dtype, shape = self.probs.dtype, self._extended_shape(sample_shape)
        with no_grad():
            u = uniform_(empty(shape, dtype=dtype), finfo(dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        certain = (probs == 1) & (value == 0)  # where 0 * log(0) is 0
        return value * (-where(certain, 0, probs)).log1p() + probs.log()

    def entropy(self) -> Tensor:
        miss_or_hit = binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
        return miss_or_hit / self.probs
