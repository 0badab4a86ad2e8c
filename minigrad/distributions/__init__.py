"""Probability distributions, as in ``torch.distributions``: samples, densities, divergences.

The room is loaded when ``minigrad.distributions`` is first used. In it:

- `distribution`: what all have in common; `constraints`: what parameters and samples are from;
  `utils`: broadcasting, probabilities and logits.
- Of choices and counts: `categorical`, `bernoulli` (also binomial, geometric, negative binomial),
  `multinomial`, `poisson`.
- Of numbers: `normal` (also log-normal, logistic-normal), `half` (half-normal, half-Cauchy),
  `uniform`, `continuous_bernoulli`, `exponential` (also Laplace, Gumbel, Cauchy), `lifetimes`
  (Weibull, Pareto), `gamma` (also chi-squared, inverse gamma, Student's t).
- Of vectors: `dirichlet` (also beta), `multivariate_normal`.
- Made of others: `independent`, `mixture_same_family`, `transformed_distribution` with the
  functions in `transforms`, `relaxed`: choices made continuous.
- `kl`: the divergence of two distributions.

Two ways to learn through a sample: where it is a function of the parameters and of noise, `rsample`
has gradients (`Normal`, `Gamma`, ...); where it is a choice, the gradient of its mean reward is
that of ``log_prob(sample) * reward`` (REINFORCE: see `Categorical`).
"""

from . import constraints, transforms
from .bernoulli import Bernoulli, Binomial, Geometric, NegativeBinomial
from .categorical import Categorical, OneHotCategorical, OneHotCategoricalStraightThrough
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Beta, Dirichlet
from .distribution import Distribution
from .exponential import Cauchy, Exponential, Gumbel, Laplace
from .gamma import Chi2, Gamma, InverseGamma, StudentT
from .half import HalfCauchy, HalfNormal
from .independent import Independent
from .kl import kl_divergence, register_kl
from .lifetimes import Pareto, Weibull
from .mixture_same_family import MixtureSameFamily
from .multinomial import Multinomial
from .multivariate_normal import LowRankMultivariateNormal, MultivariateNormal
from .normal import LogisticNormal, LogNormal, Normal
from .poisson import Poisson
from .relaxed import RelaxedBernoulli, RelaxedOneHotCategorical
from .transformed_distribution import TransformedDistribution
from .transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from .uniform import Uniform

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy",
    "Chi2", "ComposeTransform", "ContinuousBernoulli", "CumulativeDistributionTransform",
    "Dirichlet", "Distribution",
    "ExpTransform", "Exponential", "Gamma", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal",
    "Independent", "IndependentTransform", "InverseGamma", "Laplace", "LogNormal", "LogisticNormal",
    "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial", "MultivariateNormal",
    "NegativeBinomial", "Normal",
    "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson", "PowerTransform",
    "RelaxedBernoulli", "RelaxedOneHotCategorical", "ReshapeTransform", "SigmoidTransform",
    "SoftmaxTransform", "SoftplusTransform", "StickBreakingTransform", "StudentT", "TanhTransform",
    "Transform", "TransformedDistribution", "Uniform", "Weibull", "constraints",
    "identity_transform", "kl_divergence", "register_kl", "transforms",
]  # fmt: skip
