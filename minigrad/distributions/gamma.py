"""The gamma distribution, and what is made of it: `Chi2`, `InverseGamma` and `StudentT`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..ops.draws import standard_gamma
from ..ops.elementwise import digamma, lgamma, xlogy
from ..ops.index import where
from ..ops.special import gammainc
from ..tensor import Tensor
from ..tensor.creation import tensor
from ..tensor.questions import finfo
from . import constraints
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform
from .utils import broadcast_all, standard_normal

__all__ = ["Chi2", "Gamma", "InverseGamma", "StudentT"]


class Gamma(Distribution):
    r"""The gamma distribution.

    .. math:: p(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{\alpha - 1} e^{-\beta x}, \quad x \ge 0

    Parameters
    ----------
    concentration : Tensor or float
        The shape, :math:`\alpha > 0`.
    rate : Tensor or float
        One over the scale, :math:`\beta > 0`.
    validate_args : bool, optional

    Notes
    -----
    Samples of `rsample` have first derivatives with respect to both parameters, that to
    `concentration` by implicit reparametrisation: see `minigrad.ops.gamma`.
    """

    arg_constraints: ClassVar = {
        "concentration": constraints.positive, "rate": constraints.positive,
    }  # fmt: skip
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        drawn = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        drawn.detach().clamp_(min=finfo(drawn.dtype).tiny)  # in its memory, unseen by the graph
        return drawn

    def log_prob(self, value: Any) -> Tensor:
        (value, _) = broadcast_all(value, self.rate)
        self._validate_sample(value)
        a, b = self.concentration, self.rate
        return xlogy(a, b) + xlogy(a - 1, value) - b * value - lgamma(a)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1 - a) * digamma(a)


class Chi2(Gamma):
    r"""The distribution of the sum of the squares of `df` standard normal numbers.

    Parameters
    ----------
    df : Tensor or float
        Degrees of freedom, positive. It is the gamma distribution with shape ``df / 2``, rate 1/2.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Chi2, _instance)
        new.concentration = self.concentration.expand(batch_shape)
        new.rate = self.rate.expand(batch_shape)
        return super().expand(batch_shape, new)

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2


class InverseGamma(TransformedDistribution):
    r"""The distribution of one over a gamma number, which is often taken for a variance.

    .. math:: p(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{-\alpha - 1} e^{-\beta / x}

    Parameters
    ----------
    concentration, rate : Tensor or float
        Those of the gamma number. Up to 1 the mean is infinite, up to 2 the variance.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = Gamma.arg_constraints
    support = constraints.positive

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        inverse = PowerTransform(tensor(-1.0, dtype=base.rate.dtype))
        super().__init__(base, inverse, validate_args=validate_args)

    @property
    def concentration(self) -> Tensor:
        """The shape."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """The scale of this, the rate of the gamma number."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        a = self.concentration
        return where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return where(a > 2, self.rate**2 / ((a - 1) ** 2 * (a - 2)), math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + lgamma(a) - (1 + a) * digamma(a)


class StudentT(Distribution):
    r"""Student's t distribution, of ``loc + scale * t``.

    .. math:: p(t) = \frac{\Gamma(\frac{\nu + 1}{2})}{\sqrt{\nu \pi} \, \Gamma(\frac \nu 2)}
              \left(1 + \frac{t^2}{\nu}\right)^{-(\nu + 1) / 2}

    Parameters
    ----------
    df : Tensor or float
        Degrees of freedom, :math:`\nu > 0`.
    loc, scale : Tensor or float, default 0 and 1
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "df": constraints.positive, "loc": constraints.real, "scale": constraints.positive,
    }  # fmt: skip
    support = constraints.real
    has_rsample = True

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = where(self.df > 2, self.df, 3)
        spread = where(self.df > 2, self.scale**2 * finite / (finite - 2), math.inf)
        return where(self.df <= 1, math.nan, spread)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = standard_normal(self._extended_shape(sample_shape), self.df.dtype)
        t = noise * (self._chi2.rsample(sample_shape) / self.df).rsqrt()
        return self.loc + self.scale * t

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        t = (value - self.loc) / self.scale
        half = 0.5 * self.df
        normaliser = (
            self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi)
            + lgamma(half) - lgamma(half + 0.5)
        )  # fmt: skip
        return -(half + 0.5) * (t**2 / self.df).log1p() - normaliser

    def entropy(self) -> Tensor:
        half = 0.5 * self.df
        log_beta = lgamma(half) + math.lgamma(0.5) - lgamma(half + 0.5)
        spread = (half + 0.5) * (digamma(half + 0.5) - digamma(half))
        return self.scale.log() + spread + 0.5 * self.df.log() + log_beta
