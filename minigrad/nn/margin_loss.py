"""Losses as modules that ask for a margin: between scores, distances or signs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .distance import PairwiseDistance
from .loss import _Loss


class SoftMarginLoss(_Loss):
    r"""The logistic loss of a sign: :math:`\log(1 + \exp(-y x))`, with y = 1 or -1.

    Parameters
    ----------
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.SoftMarginLoss()(mg.tensor([0.0, 1000.0]), mg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    r"""Small distances x for pairs that belong together, large ones for others.

    .. math:: x \text{ where } y = 1, \qquad \max(0, m - x) \text{ where } y = -1

    Parameters
    ----------
    margin : float
        m: how far apart is enough.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.HingeEmbeddingLoss(reduction="none")(mg.tensor([0.3, 0.3]), mg.tensor([1.0, -1.0]))
    tensor([0.3000, 0.7000])
    """

    def __init__(
        self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """Distances and signs of one shape to a scalar (or, for "none", to that shape)."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    r"""Which of two scores is larger: :math:`\max(0, -y (x_1 - x_2) + m)`.

    Parameters
    ----------
    margin : float
        m: by how much.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    RuntimeError
        In `forward`, if the three have different numbers of axes, or cannot be broadcast.

    Examples
    --------
    >>> import minigrad as mg
    >>> loss = mg.nn.MarginRankingLoss(margin=0.5)
    >>> loss(mg.tensor([1.0]), mg.tensor([3.0]), mg.tensor([1.0]))
    tensor(2.5000)
    """

    def __init__(
        self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """Scores and signs of one shape to a scalar (or, for "none", to that shape)."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    r"""Small angles between vectors that belong together, large ones between others.

    .. math:: 1 - \cos(x_1, x_2) \text{ where } y = 1, \qquad
              \max(0, \cos(x_1, x_2) - m) \text{ where } y = -1

    Parameters
    ----------
    margin : float
        m, from -1 to 1; 0 to 0.5 is usual.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    RuntimeError
        In `forward`, if shapes do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 0.0]])
    >>> mg.nn.CosineEmbeddingLoss()(x, mg.tensor([[0.0, 2.0]]), mg.tensor([1.0]))
    tensor(1.)
    """

    def __init__(
        self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """(N, D), (N, D) and signs (N,), or (D,), (D,) and (), to a scalar (or to (N,))."""
        return F.cosine_embedding_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    r"""An anchor a nearer to what belongs to it, b, than to what does not, c, by a margin.

    .. math:: \max(0, \, d(a, b) - d(a, c) + m), \qquad d(x, y) = \|x - y + \epsilon\|_p

    Parameters
    ----------
    margin : float
        m, positive.
    p : float
        Which norm.
    eps : float
        See `functional.pairwise_distance`.
    swap : bool
        Take d(b, c) for d(a, c) where it is smaller.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        `margin` is not positive.
    RuntimeError
        In `forward`, if the three have different numbers of axes, or cannot be broadcast.

    References
    ----------
    V. Balntas, E. Riba, D. Ponsa, K. Mikolajczyk, "Learning local feature descriptors with triplets
    and shallow convolutional neural networks", 2016.

    Examples
    --------
    >>> import minigrad as mg
    >>> a, b, c = mg.tensor([[0.0]]), mg.tensor([[1.0]]), mg.tensor([[-1.5]])
    >>> mg.nn.TripletMarginLoss()(a, b, c)
    tensor(0.5000)
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
        size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        _check_margin(self, margin)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """Three tensors (N, D) or (D,) to a scalar (or, for "none", to (N,) or ())."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class TripletMarginWithDistanceLoss(_Loss):
    r"""`TripletMarginLoss` with a distance of your own.

    Parameters
    ----------
    distance_function : callable, optional
        Of two tensors. Default: `PairwiseDistance`.
    margin, swap, reduction
        As for `TripletMarginLoss`.

    Raises
    ------
    ValueError, RuntimeError
        As for `TripletMarginLoss`.

    Examples
    --------
    >>> import minigrad as mg
    >>> loss = mg.nn.TripletMarginWithDistanceLoss(
    ...     distance_function=lambda x, y: (x - y).abs().amax(-1))
    >>> a, b, c = mg.zeros(1, 2), mg.tensor([[1.0, 3.0]]), mg.tensor([[2.0, 2.0]])
    >>> loss(a, b, c)
    tensor(2.)
    """

    def __init__(
        self, *, distance_function: Callable[[Any, Any], Any] | None = None, margin: float = 1.0,
        swap: bool = False, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(reduction=reduction)
        _check_margin(self, margin)
        self.distance_function = (
            PairwiseDistance() if distance_function is None else distance_function
        )
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """Three tensors that the distance takes to a scalar (or, for "none", to distances)."""
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function,
            margin=self.margin, swap=self.swap, reduction=self.reduction,
        )  # fmt: skip


def _check_margin(loss: _Loss, margin: float) -> None:
    if margin <= 0:
        raise ValueError(
            f"{type(loss).__name__}: expected margin to be greater than 0, got {margin} instead"
        )


class MultiMarginLoss(_Loss):
    r"""The score of the class y above all others, by a margin.

    .. math:: \frac1C \sum_{i \ne y} w_y \max(0, \, m - x_y + x_i)^p

    Parameters
    ----------
    p : 1 or 2
    margin : float
        m.
    weight : Tensor, shape (C,), optional
        w: how much each class counts.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        Another `p`, or a `weight` that is no vector.
    RuntimeError
        In `forward`: shapes that do not go together, targets that are no classes.

    References
    ----------
    K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based vector
    machines", 2001.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.MultiMarginLoss()(mg.tensor([[0.1, 0.2, 0.4, 0.8]]), mg.tensor([3]))
    tensor(0.3250)
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None,
        size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: only p == 1 and p == 2 supported, not {p}")
        if weight is not None and len(weight.shape) != 1:
            raise ValueError(
                "MultiMarginLoss: expected weight to be None or 1D tensor, got "
                f"{len(weight.shape)}D instead"
            )
        self.register_buffer("weight", weight)
        self.p = p
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """(N, C) and classes (N,), or (C,) and (), to a scalar (or, for "none", to (N,) or ())."""
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self._buffers["weight"], reduction=self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    r"""The scores of several classes above those of all others, by 1.

    .. math:: \frac1C \sum_{y \in Y} \sum_{i \notin Y} \max(0, \, 1 - x_y + x_i)

    Parameters
    ----------
    reduction : "mean", "sum" or "none"

    Raises
    ------
    RuntimeError
        In `forward`: shapes that do not go together, targets that are neither classes nor -1.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> mg.nn.MultiLabelMarginLoss()(x, mg.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """(N, C) and (N, C), or (C,) and (C,), to a scalar (or, for "none", to (N,) or ()).

        The target begins with the classes of a sample; a -1 ends them, if there are less than C.
        """
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_Loss):
    r"""The mean of `BCEWithLogitsLoss` over classes, each of which may apply or not.

    .. math:: -\frac1C \sum_i w_i \left( y_i \log \sigma(x_i) + (1 - y_i) \log \sigma(-x_i)
              \right)

    Parameters
    ----------
    weight : Tensor, shape (C,), optional
        w: how much each class counts.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.MultiLabelSoftMarginLoss()(mg.zeros(2, 3), mg.ones(2, 3))
    tensor(0.6931)
    """

    def __init__(
        self, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """(N, C) and (N, C), or (C,) and (C,), to a scalar (or, for "none", to (N,) or ())."""
        return F.multilabel_soft_margin_loss(
            input, target, self._buffers["weight"], reduction=self.reduction
        )
