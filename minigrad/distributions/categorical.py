"""Distributions of one choice among several: `Categorical`, and the same as one-hot vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..arrays.size import Size
from ..nn.functional import one_hot
from ..ops.draws import multinomial
from ..tensor import Tensor
from ..tensor.creation import arange, eye, full_like
from ..tensor.questions import broadcast_tensors, finfo
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Categorical", "OneHotCategorical", "OneHotCategoricalStraightThrough"]


class Categorical(Distribution):
    r"""The distribution of an index, from 0 to K - 1.

    .. math:: P(i) = p_i = \mathrm{softmax}(l)_i

    Parameters
    ----------
    probs : Tensor, shape (..., K), optional
        Weights, not negative; they are divided by their sum.
    logits : Tensor, shape (..., K), optional
        Their logarithms, instead; any numbers, as a network's last layer gives them.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        Both or none of `probs` and `logits` are given, or they have no axis.

    Examples
    --------
    Sample the next letter from what a network says, and learn by REINFORCE that 2 is rewarded:

    >>> import minigrad as mg
    >>> from minigrad.distributions import Categorical
    >>> _ = mg.manual_seed(0)
    >>> logits = mg.zeros(3, requires_grad=True)
    >>> choice = Categorical(logits=logits)
    >>> action = choice.sample((4,))
    >>> action
    tensor([2, 2, 1, 2])
    >>> reward = (action == 2).float()
    >>> (-choice.log_prob(action) * reward).mean().backward()
    >>> logits.grad
    tensor([ 0.2500,  0.2500, -0.5000])
    """

    arg_constraints: ClassVar = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        name, given = ("probs", probs) if logits is None else ("logits", logits)
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if logits is None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.size(-1)
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """From 0 to K - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and of `logits`."""
        return Size((*self._batch_shape, self._num_events))

    @property
    def mean(self) -> Tensor:
        return full_like(self.probs[..., 0], math.nan)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        return full_like(self.probs[..., 0], math.nan)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        rows = self.probs.detach().reshape(-1, self._num_events)
        drawn = multinomial(rows, Size(sample_shape).numel(), True)  # (N, S)
        return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        index, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)  # 0 * -inf is 0 here
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(arange(self._num_events), expand)


class OneHotCategorical(Distribution):
    """As `Categorical`, with a 1 in the place of the index and zeros elsewhere.

    Parameters
    ----------
    probs, logits : Tensor, shape (..., K), optional
        One of them, as for `Categorical`.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and of `logits`."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self._one_hot(self.probs.argmax(-1))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _one_hot(self, index: Tensor) -> Tensor:
        return one_hot(index, self.event_shape[0]).to(self.probs.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._one_hot(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        size = self.event_shape[0]
        rows = eye(size, dtype=self.probs.dtype)
        rows = rows.reshape(size, *[1] * len(self.batch_shape), size)
        return rows.expand(size, *self.batch_shape, size) if expand else rows


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """As `OneHotCategorical`; gradients of a sample go straight through to the probabilities.

    The sample is ``one_hot + (probs - probs.detach())``: its values are those of the one-hot
    vector, its derivatives those of `probs`.

    References
    ----------
    Y. Bengio, N. Léonard, A. Courville, "Estimating or propagating gradients through stochastic
    neurons for conditional computation", 2013.
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
