"""Losses as modules, and the similarity of vectors.

What they compute is in `minigrad.ops.loss` (of classes) and `minigrad.ops.entrywise_loss`.
"""

from __future__ import annotations

from typing import Any

from ..autograd.tensor_base import TensorBase
from ..ops import loss as ops
from ..tensor import Tensor
from . import functional as F
from .functional.losses import chosen_reduction
from .module import Module


def check_options(loss: Module, **options: Any) -> None:
    """Raise if an option is a tensor: somebody has forgotten the second pair of brackets."""
    for option, value in options.items():
        if isinstance(value, TensorBase):
            name = type(loss).__name__
            raise RuntimeError(
                f"{name}(): option '{option}' is a Tensor (Boolean value of Tensor with more than "
                f"one value is ambiguous). Make the loss first, then call the loss: "
                f"{name}()(logits, target)"
            )


class _Loss(Module):
    reduction: str

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        check_options(self, size_average=size_average, reduce=reduce, reduction=reduction)
        self.reduction = chosen_reduction(reduction, size_average, reduce)


class MSELoss(_Loss):
    r"""The squared error :math:`(x - y)^2`: its mean, its sum, or each one.

    Parameters
    ----------
    reduction : "mean", "sum" or "none"
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    r"""The absolute error :math:`|x - y|`: its mean, its sum, or each one.

    Parameters
    ----------
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.L1Loss()(mg.tensor([1.0, 2.0]), mg.tensor([1.5, 4.0]))
    tensor(1.2500)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    r"""Squares of small errors, absolute values of large ones.

    .. math::

        \frac{(x - y)^2}{2 \beta} \text{ where } |x - y| < \beta, \qquad
        |x - y| - \frac{\beta}{2} \text{ elsewhere}

    Parameters
    ----------
    reduction : "mean", "sum" or "none"
    beta : float
        Where the two pieces meet. 0 gives `L1Loss`.

    Raises
    ------
    RuntimeError
        In `forward`, if `beta` is negative.

    References
    ----------
    R. Girshick, "Fast R-CNN", 2015.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.SmoothL1Loss(reduction="none")(mg.tensor([0.5, 3.0]), mg.zeros(2))
    tensor([0.1250, 2.5000])
    """

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        check_options(self, beta=beta)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    r"""Half the square of small errors, linear in large ones: ``delta`` times `SmoothL1Loss`.

    .. math::

        \frac{(x - y)^2}{2} \text{ where } |x - y| \le \delta, \qquad
        \delta \left(|x - y| - \frac{\delta}{2}\right) \text{ elsewhere}

    Parameters
    ----------
    reduction : "mean", "sum" or "none"
    delta : float
        Where the two pieces meet, and the slope beyond.

    Raises
    ------
    RuntimeError
        In `forward`, if `delta` is not positive.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.HuberLoss(reduction="none", delta=2.0)(mg.tensor([0.5, 3.0]), mg.zeros(2))
    tensor([0.1250, 4.0000])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not isinstance(delta, (int, float)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_Loss):
    r"""The cross entropy of yes-or-no questions, given the probability x of a yes.

    .. math:: -w \, (y \log x + (1 - y) \log(1 - x))

    Parameters
    ----------
    weight : Tensor, optional
        How much each entry counts; broadcast to the shape of the input.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        In `forward`, if the shapes differ.
    RuntimeError
        In `forward`, if dtypes differ or an entry is outside [0, 1].

    Notes
    -----
    Logarithms below -100 count as -100, so that a probability of exactly 0 leaves the loss finite.
    `BCEWithLogitsLoss` needs no such thing.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.BCELoss()(mg.tensor([0.5, 0.25]), mg.tensor([1.0, 1.0]))
    tensor(1.0397)
    """

    def __init__(
        self, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        return F.binary_cross_entropy(
            input, target, self._buffers["weight"], reduction=self.reduction
        )


class BCEWithLogitsLoss(_Loss):
    r"""`BCELoss` of the sigmoid of x, in one step that neither overflows nor loses digits.

    .. math:: -w \, (p \, y \log \sigma(x) + (1 - y) \log(1 - \sigma(x)))

    Parameters
    ----------
    weight : Tensor, optional
        w: how much each entry counts; broadcast to the shape of the input.
    reduction : "mean", "sum" or "none"
    pos_weight : Tensor, optional
        p: how much more a yes counts than a no; broadcast as well, for instance of shape (C,).

    Raises
    ------
    ValueError
        In `forward`, if the shapes differ.
    RuntimeError
        In `forward`, if the target is not floating point or weights cannot be broadcast.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.BCEWithLogitsLoss()(mg.tensor([0.0, -1000.0]), mg.tensor([1.0, 0.0]))
    tensor(0.3466)
    """

    def __init__(
        self, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean", pos_weight: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape to a scalar (or, for "none", to that shape)."""
        own = self._buffers
        return F.binary_cross_entropy_with_logits(
            input, target, own["weight"], reduction=self.reduction, pos_weight=own["pos_weight"]
        )


class KLDivLoss(_Loss):
    r"""The Kullback-Leibler divergence of a distribution y from exp(x): :math:`y (\log y - x)`.

    Parameters
    ----------
    reduction : "batchmean", "mean", "sum" or "none"
        "batchmean" divides the sum by the size of the first axis, as the divergence is defined;
        "mean" divides by the number of entries and warns.
    log_target : bool
        Whether the target holds log-probabilities, as the input always does.

    Raises
    ------
    RuntimeError
        In `forward`, if input or target is not floating point.

    References
    ----------
    S. Kullback, R. A. Leibler, "On information and sufficiency", 1951.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([[0.5, 0.5]]).log()
    >>> mg.nn.KLDivLoss(reduction="batchmean")(x, mg.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
        log_target: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        check_options(self, log_target=log_target)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Tensor:
        """Log-probabilities and probabilities of one shape to a scalar (or to that shape)."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


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
        check_options(self, ignore_index=ignore_index)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
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
        check_options(self, ignore_index=ignore_index, label_smoothing=label_smoothing)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        """(N, C) and classes (N,) to a scalar; also (C,), (N, C, d1, ...), class probabilities."""
        return ops.cross_entropy(
            input,
            target,
            self._buffers["weight"],
            self.ignore_index,
            self.reduction,
            self.label_smoothing,
        )


class CTCLoss(_Loss):
    r"""The loss of Connectionist Temporal Classification, for labels whose times are not known.

    A network says at each of T steps how likely each of C classes is; one class, the blank, stands
    for no label. All ways that lead to the S labels count: each label for one step or more, blanks
    anywhere between, and one at least between two labels that are equal. The loss of a sequence is
    the negative logarithm of the sum of their probabilities,

    .. math:: -\log \sum_{\pi \to y} \prod_t p_t(\pi_t).

    Parameters
    ----------
    blank : int
        The class that stands for no label.
    reduction : "mean", "sum" or "none"
        The mean divides the loss of each sequence by the number of its labels (at least 1), then
        takes the mean over the batch.
    zero_infinity : bool
        Losses that are infinite, because the input is too short for the labels, count 0 and have no
        gradient. Otherwise theirs is NaN.

    Notes
    -----
    The input must be log-probabilities, the output of `log_softmax`. As in PyTorch, the gradient
    holds for what comes out of one: it has the term exp(log_probs), which a log_softmax before
    adds in any case.

    Raises
    ------
    RuntimeError
        In `forward`: shapes or lengths do not fit, or the blank is no class.
    IndexError
        In `forward`: a label is no class.

    References
    ----------
    A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, "Connectionist temporal classification:
    labelling unsegmented sequence data with recurrent neural networks", ICML 2006.

    Examples
    --------
    Three steps, two classes and the blank; the label 1 may be read at one step, two or all of them:

    >>> import minigrad as mg
    >>> log_probs = mg.zeros(3, 1, 3).log_softmax(2)
    >>> mg.nn.CTCLoss()(log_probs, mg.tensor([[1]]), [3], [1])
    tensor(1.5041)
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        check_options(self, blank=blank, zero_infinity=zero_infinity)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        """Log-probabilities (T, N, C) or (T, C) and labels to a scalar (or to losses (N,)).

        Parameters
        ----------
        log_probs : Tensor, shape (T, N, C) or (T, C)
        targets : Tensor of integers, shape (N, S) or (sum of target_lengths,)
            The labels of each sequence in a row, filled up at the end; or all in one row.
        input_lengths, target_lengths : Tensor, tuple or list of int, shape (N,)
            How many steps, and how many labels, each sequence has.
        """
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
            self.zero_infinity,
        )  # fmt: skip


class CosineSimilarity(Module):
    r"""The cosine of the angle between vectors along `dim`.

    .. math:: \frac{x_1 \cdot x_2}{\max(\|x_1\|, \epsilon) \, \max(\|x_2\|, \epsilon)}

    Parameters
    ----------
    dim : int
        The axis that makes up a vector.
    eps : float
        A length below this counts as `eps`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.CosineSimilarity()(mg.tensor([[3.0, 4.0]]), mg.tensor([[4.0, 3.0]]))
    tensor([0.9600])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        check_options(self, dim=dim, eps=eps)
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """Two tensors that can be broadcast to the cosines, without the axis `dim`."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
