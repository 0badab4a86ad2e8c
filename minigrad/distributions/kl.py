r"""The Kullback-Leibler divergence of two distributions, for pairs that have a formula.

.. math:: KL(p \| q) = E_p[\log p(x) - \log q(x)] = -H(p) - E_p[\log q(x)]

Where p and q are of one family there is mostly a shorter form. Else it is what stands above: the
entropy of p is known, and :math:`E_p[\log q]` needs a few means under p, such as that of x or of
log x. Where p has values that q cannot have, the divergence is infinite.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

from ..nn.functional import softplus
from ..ops.elementwise import digamma, lgamma, xlogy
from ..ops.index import where
from ..ops.solving import solve_triangular
from ..tensor import Tensor
from ..tensor.creation import full_like
from ..tensor.questions import broadcast_shapes
from .bernoulli import Bernoulli, Binomial, Geometric
from .categorical import Categorical, OneHotCategorical
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Beta, Dirichlet
from .distribution import Distribution
from .exponential import Cauchy, Exponential, Gumbel, Laplace
from .gamma import Gamma
from .half import HalfNormal
from .independent import Independent
from .lifetimes import Pareto
from .multivariate_normal import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    log_diagonal,
    mahalanobis,
)
from .normal import Normal
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import euler_constant, sum_rightmost

__all__ = ["kl_divergence", "register_kl"]

Formula = Callable[[Any, Any], Tensor]
_FORMULAS: dict[tuple[type, type], Formula] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """Let `kl_divergence` use a function for pairs of these classes and their subclasses.

    Raises
    ------
    TypeError
        One is no subclass of Distribution.

    Examples
    --------
    >>> from minigrad.distributions import Normal, kl_divergence, register_kl
    >>> class Narrow(Normal):
    ...     pass
    >>> @register_kl(Narrow, Normal)
    ... def kl_narrow_normal(p, q):
    ...     return "mine"
    >>> kl_divergence(Narrow(0.0, 1.0), Normal(0.0, 1.0))
    'mine'
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorate(formula: Formula) -> Formula:
        _FORMULAS[type_p, type_q] = formula
        _formula_for.cache_clear()
        return formula

    return decorate


@functools.cache
def _formula_for(type_p: Any, type_q: Any) -> Formula | None:
    """That of the nearest base classes: first of p, then of q. Warns if q first gives another."""
    near_p, near_q = type_p.__mro__, type_q.__mro__
    found = [(near_p.index(p), near_q.index(q), f) for (p, q), f in _FORMULAS.items()
             if p in near_p and q in near_q]  # fmt: skip
    if not found:
        return None
    first, other = min(found, key=lambda m: m[:2]), min(found, key=lambda m: (m[1], m[0]))
    if first[2] is not other[2]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please "
            f"register_kl({near_p[first[0]].__name__}, {near_q[other[1]].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return first[2]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    r"""The Kullback-Leibler divergence :math:`KL(p \| q)`, for each of the batch.

    Raises
    ------
    NotImplementedError
        There is no formula for the classes of p and q: see `register_kl`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.distributions import Normal
    >>> mg.distributions.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 2.0))
    tensor(0.4431)
    """
    kinds: Any = type(p), type(q)
    formula = _formula_for(*kinds)
    if formula is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}"
        )
    return formula(p, q)


# ------------------------------------------------------------------------------------------------
# Of one family
# ------------------------------------------------------------------------------------------------


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes "
            f"{p.event_shape} and {q.event_shape} cannot be computed"
        )
    size = p.event_shape[0]
    shape = (*broadcast_shapes(p._factor.shape[:-2], q._factor.shape[:-2]), size, size)
    relative = solve_triangular(q._factor.expand(shape), p._factor.expand(shape), upper=False)
    moved = mahalanobis(q._factor, q.loc - p.loc)
    log_ratio = log_diagonal(q._factor) - log_diagonal(p._factor)
    return log_ratio + 0.5 * ((relative**2).sum((-2, -1)) + moved - size)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms = where(q.probs == 0, math.inf, terms)
    return where(p.probs == 0, 0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot_categorical(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    hit = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    hit = where(p.probs == 0, 0, where(q.probs == 0, math.inf, hit))
    miss = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return hit + where(p.probs == 1, 0, where(q.probs == 1, math.inf, miss))


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    of_one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return where(p.total_count > q.total_count, math.inf, p.total_count * of_one)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log() + lgamma(b) - lgamma(a)
        + (a - b) * digamma(a) + (q.rate - p.rate) * (a / p.rate)
    )  # fmt: skip


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1, keepdim=True)
    normalisers = lgamma(total.squeeze(-1)) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1)
    return normalisers + ((a - b) * (digamma(a) - digamma(total))).sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return distance / q.scale + ratio * (-distance / p.scale).exp() - ratio.log() - 1


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, moved = p.scale / q.scale, (p.loc - q.loc) / q.scale
    log_moment = lgamma(1 + ratio) - moved
    return moved - ratio.log() + ratio * euler_constant + log_moment.exp() - (1 + euler_constant)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    # F. Chyzak, F. Nielsen, https://arxiv.org/abs/1905.10965
    square = (p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2
    return square.log() - (4 * p.scale * q.scale).log()


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    outside = (q.low > p.low) | (q.high < p.high)
    return where(outside, math.inf, ((q.high - q.low) / (p.high - p.low)).log())


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    nats = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return where(p.scale < q.scale, math.inf, nats)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    count = p.reinterpreted_batch_ndims
    if count != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "KL of two Independent distributions with different reinterpreted_batch_ndims, "
            f"{count} and {q.reinterpreted_batch_ndims}, is not implemented"
        )
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), count)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError(
            "KL of two TransformedDistributions with different transforms or event shapes is not "
            "implemented"
        )
    return kl_divergence(p.base_dist, q.base_dist)


# ------------------------------------------------------------------------------------------------
# Of two families: means under p
# ------------------------------------------------------------------------------------------------


@functools.singledispatch
def _mean_of_log(p: Any) -> Tensor:
    """The mean of log(x)."""
    raise NotImplementedError


@_mean_of_log.register
def _(p: Beta) -> Tensor:
    return digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)


@_mean_of_log.register
def _(p: Exponential) -> Tensor:
    return -euler_constant - p.rate.log()


@_mean_of_log.register
def _(p: Uniform) -> Tensor:
    return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1


@_mean_of_log.register
def _(p: Pareto) -> Tensor:
    return p.scale.log() + p.alpha.reciprocal()


@functools.singledispatch
def _moment(p: Any, t: Tensor) -> Tensor:
    """The mean of exp(t * x), for t < 0."""
    raise NotImplementedError


@_moment.register
def _(p: Normal, t: Tensor) -> Tensor:
    return (p.loc * t + (p.scale * t) ** 2 / 2).exp()


@_moment.register
def _(p: Exponential, t: Tensor) -> Tensor:
    return p.rate / (p.rate - t)


@_moment.register
def _(p: Gamma, t: Tensor) -> Tensor:
    return (1 - t / p.rate) ** -p.concentration


@_moment.register
def _(p: Uniform, t: Tensor) -> Tensor:
    return ((t * p.high).exp() - (t * p.low).exp()) / (t * (p.high - p.low))


# ------------------------------------------------------------------------------------------------
# Of two families: -H(p) - E[log q]
# ------------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _to_normal(p: Any, q: Normal) -> Tensor:
    square = p.variance + (p.mean - q.loc) ** 2
    log_q = -square / (2 * q.scale**2) - q.scale.log() - 0.5 * math.log(2 * math.pi)
    return -p.entropy() - log_q


def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return -p.entropy() - (q.rate.log() - q.rate * p.mean)


def _to_gamma(p: Any, q: Gamma) -> Tensor:
    a, rate = q.concentration, q.rate
    log_q = a * rate.log() - lgamma(a) + (a - 1) * _mean_of_log(p) - rate * p.mean
    return -p.entropy() - log_q


def _to_gumbel(p: Any, q: Gumbel) -> Tensor:
    log_q = (q.loc - p.mean) / q.scale - q.scale.log()
    return -p.entropy() - log_q + (q.loc / q.scale).exp() * _moment(p, -1 / q.scale)


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    moved = (p.loc - q.loc) / p.scale
    density = math.sqrt(2 / math.pi) * (-0.5 * moved**2).exp()
    distance = p.scale * (density + moved * (math.sqrt(0.5) * moved).erf())  # the mean |x - loc|
    return -p.entropy() + distance / q.scale + (2 * q.scale).log()


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
    mirrored = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    log_q = (a - 1) * _mean_of_log(p) + (b - 1) * _mean_of_log(mirrored) - log_beta
    return where((p.low < 0) | (p.high > 1), math.inf, -p.entropy() - log_q)


@register_kl(Beta, ContinuousBernoulli)
@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    return -p.entropy() - (p.mean * q.logits - softplus(q.logits) + q._log_scale)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    outside = (p.low < 0) | (p.high > 1)
    return where(outside, math.inf, _to_continuous_bernoulli(p, q))


@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _unit_interval_uniform(p: Any, q: Uniform) -> Tensor:
    nats = -p.entropy() + (q.high - q.low).log()
    return where((q.low > 0) | (q.high < 1), math.inf, nats)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    log_q = q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_of_log(p)
    return where(p.low < q.scale, math.inf, -p.entropy() - log_q)


def _if_positive(formula: Formula) -> Formula:
    """A formula for a p that is uniform, and a q that has positive values only."""
    return lambda p, q: where(p.low < 0, math.inf, formula(p, q))


def _if_finite(formula: Formula, least: float) -> Formula:
    """A formula for a Pareto p, whose moments are finite where alpha is larger than `least`."""

    def call(p: Pareto, q: Any) -> Tensor:
        is_finite = p.alpha > least
        tame = Pareto(p.scale, where(is_finite, p.alpha, 3.0), validate_args=False)
        return where(is_finite, formula(tame, q), math.inf)

    return call


def _infinite(p: Any, q: Any) -> Tensor:
    return full_like(p.mean, math.inf)


_PAIRS: tuple[tuple[tuple[type, ...], tuple[type, ...], Formula], ...] = (
    (
        (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform),
        (Normal,),
        _to_normal,
    ),
    ((Exponential, Gamma, Normal, Uniform), (Gumbel,), _to_gumbel),
    ((Beta, ContinuousBernoulli, Gamma), (Exponential,), _to_exponential),
    ((Beta, Exponential), (Gamma,), _to_gamma),
    ((Uniform,), (Exponential,), _if_positive(_to_exponential)),
    ((Uniform,), (Gamma,), _if_positive(_to_gamma)),
    ((Pareto,), (Normal,), _if_finite(_to_normal, 2)),
    ((Pareto,), (Exponential,), _if_finite(_to_exponential, 1)),
    ((Pareto,), (Gamma,), _if_finite(_to_gamma, 1)),
    (
        (Exponential, Gamma, Gumbel, Laplace, Normal, Pareto),
        (Beta, ContinuousBernoulli, Uniform),
        _infinite,
    ),
    ((Gumbel, Laplace, Normal), (Exponential, Gamma), _infinite),
    (
        (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Normal),
        (Pareto,),
        _infinite,
    ),
    ((Poisson,), (Bernoulli, Binomial), _infinite),
)
for _of_p, _of_q, _formula in _PAIRS:
    for _p in _of_p:
        for _q in _of_q:
            register_kl(_p, _q)(_formula)
