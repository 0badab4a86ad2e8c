"""`MixtureSameFamily`: each sample is from one of several distributions."""

from __future__ import annotations

from typing import Any, ClassVar

from ..arrays.size import Size
from ..autograd.grad_mode import no_grad
from ..tensor import Tensor
from . import constraints
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    r"""A mixture of K distributions of one family.

    .. math:: p(x) = \sum_{k=1}^{K} w_k \, p_k(x)

    Parameters
    ----------
    mixture_distribution : Categorical
        The weights :math:`w_k`.
    component_distribution : Distribution
        The components, along the last axis of its batch, which has the size K.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        One of them is something else, or their shapes do not fit.

    Examples
    --------
    What a mixture density network predicts:

    >>> import minigrad as mg
    >>> from minigrad.distributions import Categorical, MixtureSameFamily, Normal
    >>> weights = Categorical(mg.tensor([0.5, 0.5]))
    >>> mixture = MixtureSameFamily(weights, Normal(mg.tensor([-2.0, 2.0]), 1.0))
    >>> mixture.mean, mixture.variance
    (tensor(0.), tensor(5.))
    """

    arg_constraints: ClassVar = {}

    def __init__(
        self,
        mixture_distribution: Any,
        component_distribution: Any,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                "The Mixture distribution needs to be an instance of "
                f"torch.distributions.Categorical, not {type(mixture_distribution).__name__}"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                f"torch.distributions.Distribution, not {type(component_distribution).__name__}"
            )
        mixtures = mixture_distribution.batch_shape
        components = component_distribution.batch_shape[:-1]
        for a, b in zip(mixtures[::-1], components[::-1]):
            if a != b and 1 not in (a, b):
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixtures}) is not compatible with "
                    f"`component_distribution.batch_shape`({components})"
                )
        count = mixture_distribution.logits.size(-1)
        if count != component_distribution.batch_shape[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                "`component_distribution.batch_shape[-1]` "
                f"({component_distribution.batch_shape[-1]})"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        event_shape = component_distribution.event_shape
        super().__init__(components, event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        components = self._component_distribution
        new._component_distribution = components.expand(
            Size(batch_shape) + components.batch_shape[-1:]
        )
        return super().expand(batch_shape, new)

    @constraints.dependent_property
    def support(self) -> Any:
        """That of the components."""
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The weights."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    @property
    def _axis(self) -> int:
        """That of the components, in what has the shape of their samples."""
        return -1 - len(self.event_shape)

    def _weights(self) -> Tensor:
        """The weights, with axes for the entries of a sample."""
        probs = self.mixture_distribution.probs
        return probs.reshape(probs.shape + (1,) * len(self.event_shape))  # (B, K, 1...)

    @property
    def mean(self) -> Tensor:
        return (self._weights() * self.component_distribution.mean).sum(self._axis)

    @property
    def variance(self) -> Tensor:
        weights, components = self._weights(), self.component_distribution
        within = (weights * components.variance).sum(self._axis)
        off = components.mean - self.mean.unsqueeze(self._axis)
        return within + (weights * off**2).sum(self._axis)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            which = self.mixture_distribution.expand(self.batch_shape).sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)  # (S, B, K, E)
            rank = len(self.event_shape)
            which = which.reshape(which.shape + (1,) * (rank + 1))
            which = which.expand(which.shape[: which.dim() - rank] + self.event_shape)
            return drawn.gather(self._axis, which).squeeze(self._axis)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        of_components = self.component_distribution.log_prob(value.unsqueeze(self._axis))
        weights = self.mixture_distribution.logits.log_softmax(-1)
        return (of_components + weights).logsumexp(-1)

    def cdf(self, value: Tensor) -> Tensor:
        of_components = self.component_distribution.cdf(value.unsqueeze(self._axis))
        return (of_components * self.mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        return (
            f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
        )
