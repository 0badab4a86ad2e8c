"""Distances between vectors, as a module. (`loss` has the similarity that losses are made of.)"""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .loss import check_options
from .module import Module


class PairwiseDistance(Module):
    r"""The distance between vectors along the last axis: :math:`\|x_1 - x_2 + \epsilon\|_p`.

    Parameters
    ----------
    p : float
        Which norm.
    eps : float
        Added to each difference, so that the slope of the root is finite between equal vectors.
    keepdim : bool
        Leave the last axis in place, with size 1.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.PairwiseDistance()(mg.tensor([[1.0, 5.0]]), mg.tensor([[4.0, 1.0]]))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        check_options(self, p=p, eps=eps, keepdim=keepdim)
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """(N, D) and (N, D), or (D,) and (D,), to (N,) or ()."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
