"""Losses as modules that are the negative logarithms of likelihoods of numbers."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .loss import _Loss


class GaussianNLLLoss(_Loss):
    r"""The negative log likelihood of y, normally distributed with mean x and variance v.

    .. math:: \frac12 \left( \log v + \frac{(y - x)^2}{v} \right)

    For networks that say how sure they are: one output is the mean, another one the variance.

    Parameters
    ----------
    full : bool
        Add the constant :math:`\frac12 \log 2 \pi`.
    eps : float
        A smaller variance counts as this.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        In `forward`, if v has negative entries, or a shape that does not go with that of x.

    References
    ----------
    D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability
    distribution", 1994.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.GaussianNLLLoss()(mg.tensor([1.0]), mg.tensor([3.0]), mg.tensor([4.0]))
    tensor(1.1931)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        """Means, targets and variances of one shape to a scalar (or, for "none", to that shape).

        Variances may be without the last axis, have size 1 along one axis, or be one number.
        """
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    r"""The negative log likelihood of a count y, Poisson distributed with mean exp(x).

    .. math:: e^x - y x \; [\, + \log y! \,]

    Parameters
    ----------
    log_input : bool
        False: x is the mean itself, and the loss :math:`x - y \log(x + \epsilon)`.
    full : bool
        Add :math:`\log y!`, by Stirling's formula :math:`y \log y - y + \frac12 \log 2 \pi y`,
        where y is above 1.
    eps : float
        Keeps log(0) finite.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.PoissonNLLLoss()(mg.tensor([0.0, 1.0]), mg.tensor([1.0, 2.0]))
    tensor(0.8591)
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, size_average: bool | None = None,
        eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )
