r"""Choices made continuous, so that samples have gradients: `RelaxedBernoulli` and its kin.

With Gumbel noise, :math:`-\log(-\log u)`, added to the logits, the largest one wins with its
probability. A softmax with a temperature :math:`\tau` in the place of "the largest" has a
gradient, and the nearer :math:`\tau` is to 0, the nearer are samples to one-hot vectors.

References
----------
C. J. Maddison, A. Mnih, Y. W. Teh, "The concrete distribution", 2017.
E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..arrays.size import Size
from ..ops.elementwise import lgamma
from ..tensor import Tensor
from ..tensor.creation import full_like, rand
from . import constraints
from .bernoulli import _OfTrials
from .categorical import Categorical
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform, SigmoidTransform
from .utils import broadcast_all, clamp_probs

__all__ = [
    "ExpRelaxedCategorical", "LogitRelaxedBernoulli", "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
]  # fmt: skip


class LogitRelaxedBernoulli(_OfTrials):
    r"""The log-odds of a `RelaxedBernoulli`.

    .. math:: x = (l + \log u - \log(1 - u)) / \tau

    Parameters
    ----------
    temperature : Tensor
        :math:`\tau > 0`.
    probs, logits : Tensor or float, optional
        One of them: the probability of 1, or its log-odds l.
    validate_args : bool, optional
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(rand(shape, dtype=probs.dtype))
        return (
            u.log() - (-u).log1p() + probs.log() - (-probs).log1p()
        ) / self.temperature  # fmt: skip

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        difference = logits - value * self.temperature
        return self.temperature.log() + difference - 2 * difference.exp().log1p()


class _Relaxed(TransformedDistribution):
    """One that is made of another one with a temperature, and has its parameters."""

    @property
    def temperature(self) -> Tensor:
        """The temperature."""
        return self.base_dist.temperature

    @property
    def probs(self) -> Tensor:
        """The probabilities (of 1)."""
        return self.base_dist.probs

    @property
    def logits(self) -> Tensor:
        """Their log-odds, of one probability; else their logarithms."""
        return self.base_dist.logits


class RelaxedBernoulli(_Relaxed):
    """A number between 0 and 1, near to one of them, that has a gradient.

    Parameters
    ----------
    temperature : Tensor
    probs, logits : Tensor or float, optional
        One of them: the probability of 1, or its log-odds.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.unit_interval

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)


class ExpRelaxedCategorical(Distribution):
    r"""The logarithms of a `RelaxedOneHotCategorical`.

    .. math:: x = \log \mathrm{softmax}((l + g) / \tau), \quad g_i = -\log(-\log u_i)

    Parameters
    ----------
    temperature : Tensor
        :math:`\tau > 0`.
    probs, logits : Tensor, shape (..., K), optional
        One of them, as for `Categorical`.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    support = constraints.real_vector  # (of which it is a part with one dimension less)
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Their logarithms."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and of `logits`."""
        return self._categorical.param_shape

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        u = clamp_probs(rand(shape, dtype=self.logits.dtype))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        count = self.event_shape[0]
        logits, value = broadcast_all(self.logits, value)
        score = logits - value * self.temperature
        score = (score - score.logsumexp(-1, keepdim=True)).sum(-1)
        normaliser = lgamma(full_like(self.temperature, count))
        return score + normaliser + (count - 1) * self.temperature.log()


class RelaxedOneHotCategorical(_Relaxed):
    """A vector near to a one-hot vector, with the sum 1, that has a gradient.

    Parameters
    ----------
    temperature : Tensor
    probs, logits : Tensor, shape (..., K), optional
        One of them, as for `Categorical`.
    validate_args : bool, optional

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.distributions import RelaxedOneHotCategorical
    >>> _ = mg.manual_seed(0)
    >>> logits = mg.zeros(3, requires_grad=True)
    >>> RelaxedOneHotCategorical(mg.tensor(0.3), logits=logits).rsample()
    tensor([3.7030e-02, 9.6238e-01, 5.9049e-04], grad_fn=<ExpBackward0>)
    """

    arg_constraints: ClassVar = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    support = constraints.simplex

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
