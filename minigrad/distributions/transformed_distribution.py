"""`TransformedDistribution`: the distribution of a function of a sample."""

from __future__ import annotations

from typing import Any, ClassVar

from ..arrays.size import Size
from ..autograd.grad_mode import no_grad
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    r"""The distribution of :math:`y = f(x)`, where x has another distribution.

    .. math:: \log p(y) = \log p(x) - \log |\det \partial y / \partial x|, \quad x = f^{-1}(y)

    Parameters
    ----------
    base_distribution : Distribution
        That of x.
    transforms : Transform or list of Transform
        f; the first of a list comes first.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        `transforms` are something else, or the base has too few axes for them.

    Examples
    --------
    The logistic distribution:

    >>> import minigrad as mg
    >>> from minigrad.distributions import SigmoidTransform, TransformedDistribution, Uniform
    >>> logistic = TransformedDistribution(Uniform(0, 1), SigmoidTransform().inv)
    >>> logistic.log_prob(mg.tensor([0.0, 2.0]))
    tensor([-1.3863, -2.2539])
    """

    arg_constraints: ClassVar = {}
    base_dist: Any

    def __init__(
        self, base_distribution: Any, transforms: Any, validate_args: bool | None = None
    ) -> None:
        listed = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(listed, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in listed):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = listed
        whole = ComposeTransform(listed)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        base_rank, rank = len(base_distribution.event_shape), whole.domain.event_dim
        if len(base_shape) < rank:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {rank}, but got "
                f"{base_shape}."
            )
        shape = whole.forward_shape(base_shape)
        expanded = whole.inverse_shape(shape)
        if expanded != base_shape:  # parameters of the transforms have a larger batch
            base_distribution = base_distribution.expand(expanded[: len(expanded) - base_rank])
        if rank > base_rank:
            base_distribution = Independent(base_distribution, rank - base_rank)
        self.base_dist = base_distribution
        # one sample is as large as the transform makes it, or as that of the base was
        event_dim = max(whole.codomain.event_dim, base_rank + whole.codomain.event_dim - rank)
        cut = len(shape) - event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(self._home(), _instance)
        shape = ComposeTransform(self.transforms).inverse_shape(
            Size(batch_shape) + self.event_shape
        )
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return super().expand(batch_shape, new)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        """What the last transform gives."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self.event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    @property
    def has_rsample(self) -> bool:
        return bool(self.base_dist.has_rsample)

    def _transformed(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._transformed(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        event_dim = len(self.event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(value)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            stretch = transform.log_abs_det_jacobian(x, value)
            total = total - sum_rightmost(stretch, event_dim - transform.domain.event_dim)
            value = x
        of_base = self.base_dist.log_prob(value)
        return total + sum_rightmost(of_base, event_dim - len(self.base_dist.event_shape))

    def _turned(self, share: Tensor) -> Tensor:
        """What is below for what is above, if the transforms fall."""
        sign = ComposeTransform(self.transforms).sign
        return share if isinstance(sign, int) and sign == 1 else sign * (share - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._transformed(self.base_dist.icdf(self._turned(value)))
