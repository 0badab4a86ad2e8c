"""Losses as modules; what they compute is in `minigrad.ops.loss`."""

from __future__ import annotations

from typing import Any

from ..ops import loss as ops
from . import functional as F
from .functional import _reduction
from .module import Module


class _Loss(Module):
    reduction: str

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = _reduction(reduction, size_average, reduce)


class MSELoss(_Loss):
    r"""The squared error :math:`(x - y)^2`: its mean, its sum, or each one.

    Parameters
    ----------
    reduction : "mean", "sum" or "none"
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.mse_loss(input, target, reduction=self.reduction)


class NLLLoss(_Loss):
    r"""The negative log likelihood :math:`-w_y x_y` of the class y, given log-probabilities x.

    Parameters
    ----------
    weight : Tensor, shape (C,), optional
        How much each class counts.
    ignore_index : int
        Samples with this target count nothing.
    reduction : "mean", "sum" or "none"
        The mean divides by the sum of the weights of the targets.
    """

    def __init__(
        self, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
        reduce: bool | None = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """(N, C) and (N,), or (C,) and (), or (N, C, d1, ...) and (N, d1, ...), to a scalar."""
        return ops.nll_loss(
            input, target, self._buffers["weight"], self.ignore_index, self.reduction
        )


class CrossEntropyLoss(_Loss):
    r"""The cross entropy between logits x and the class y: :math:`-w_y \log softmax(x)_y`.

    Parameters
    ----------
    weight : Tensor, shape (C,), optional
        How much each class counts.
    ignore_index : int
        Samples with this target count nothing.
    reduction : "mean", "sum" or "none"
        The mean divides by the sum of the weights of the targets.
    label_smoothing : float
        From 0 to 1: how much of the target is spread evenly over all classes.

    Examples
    --------
    >>> import minigrad as mg
    >>> criterion = mg.nn.CrossEntropyLoss()
    >>> criterion(mg.zeros(1, 4), mg.tensor([2]))
    tensor(1.3863)
    """

    def __init__(
        self, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
        reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """(N, C) and classes (N,) to a scalar; also (C,), (N, C, d1, ...), class probabilities."""
        return ops.cross_entropy(
            input,
            target,
            self._buffers["weight"],
            self.ignore_index,
            self.reduction,
            self.label_smoothing,
        )
