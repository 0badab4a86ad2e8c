"""Functions of exponential numbers: `Weibull` and `Pareto`."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ops.elementwise import lgamma
from ..tensor import Tensor
from ..tensor.creation import ones_like
from . import constraints
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform, PowerTransform
from .utils import broadcast_all, euler_constant

__all__ = ["Pareto", "Weibull"]


class Weibull(TransformedDistribution):
    r"""The Weibull distribution, of lifetimes.

    .. math:: p(x) = \frac k \lambda \left(\frac x \lambda\right)^{k-1} e^{-(x / \lambda)^k}

    Parameters
    ----------
    scale : Tensor or float
        :math:`\lambda > 0`.
    concentration : Tensor or float
        The shape, k > 0: above 1, what is older dies sooner.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {
        "scale": constraints.positive, "concentration": constraints.positive,
    }  # fmt: skip
    support = constraints.positive

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(ones_like(self.scale), validate_args=validate_args)
        power = PowerTransform(self.concentration.reciprocal())
        transforms = [power, AffineTransform(0, self.scale)]
        super().__init__(base, transforms, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * lgamma(1 + 1 / self.concentration).exp()

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self) -> Tensor:
        power = 1 / self.concentration
        return self.scale**2 * (lgamma(1 + 2 * power).exp() - (2 * lgamma(1 + power)).exp())

    def entropy(self) -> Tensor:
        power = 1 / self.concentration
        return euler_constant * (1 - power) + (self.scale * power).log() + 1


class Pareto(TransformedDistribution):
    r"""The Pareto distribution, with a tail that falls as a power.

    .. math:: p(x) = \frac{\alpha}{s} \left(\frac s x\right)^{\alpha + 1}, \quad x \ge s

    Parameters
    ----------
    scale : Tensor or float
        The least value, s > 0.
    alpha : Tensor or float
        :math:`\alpha > 0`. Up to 1 the mean is infinite, up to 2 the variance.
    validate_args : bool, optional
    """

    arg_constraints: ClassVar = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        transforms = [ExpTransform(), AffineTransform(0, self.scale)]
        super().__init__(base, transforms, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """From `scale` on."""
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        alpha = self.alpha.clamp(min=1)
        return alpha * self.scale / (alpha - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        alpha = self.alpha.clamp(min=2)
        return self.scale**2 * alpha / ((alpha - 1) ** 2 * (alpha - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())
