"""Losses that ask for a margin: between scores, distances or signs; see the modules' docstrings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...autograd.listening import heard, is_listening
from ...autograd.tensor_base import wrap
from ...ops.elementwise import clamp_min, minimum, mul, sqrt
from ...ops.entrywise_loss import softplus
from ...ops.index import gather, where
from ...ops.loss import check_reduction
from ...ops.reduce import sum as sum_
from ...ops.shape import reshape, unsqueeze
from ...ops.values import number
from .activations import logsigmoid
from .arguments import check_floats, check_optional, check_tensor
from .losses import chosen_reduction, reduced
from .vectors import pairwise_distance

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip

SMALLEST_SQUARE = 1e-12  # added to the square of a length before it divides


def _positive(x: Any) -> Any:
    """What of x is above 0."""
    return clamp_min(x, 0)


# ------------------------------------------------------------------------------------------------
# Signs: the target is 1 or -1
# ------------------------------------------------------------------------------------------------


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.SoftMarginLoss`."""
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    check_tensor("soft_margin_loss", input)
    check_tensor("soft_margin_loss", target, "target")
    check_floats("soft_margin_loss", input)
    return reduced(softplus(-mul(input, target)), reduction)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.HingeEmbeddingLoss`."""
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    check_tensor("hinge_embedding_loss", input)
    check_tensor("hinge_embedding_loss", target, "target")
    margin = number(margin, "hinge_embedding_loss", "margin", "float")
    y = target.detach()
    far = where(y != 1, _positive(margin - input), 0)
    return reduced(far + where(y != -1, input, 0), reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.MarginRankingLoss`.

    Raises
    ------
    RuntimeError
        The three have different numbers of axes, or cannot be broadcast.
    """
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    given = {"input1": input1, "input2": input2, "target": target}
    for argument, value in given.items():
        check_tensor("margin_ranking_loss", value, argument)
    margin = number(margin, "margin_ranking_loss", "margin", "float")
    if len({value.array.ndim for value in given.values()}) > 1:
        sizes = ", ".join([f"{name}: {list(value.shape)}" for name, value in given.items()])
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"{sizes}"
        )
    return reduced(_positive(-target * (input1 - input2) + margin), reduction)


# ------------------------------------------------------------------------------------------------
# Directions and distances
# ------------------------------------------------------------------------------------------------


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.CosineEmbeddingLoss`.

    Raises
    ------
    RuntimeError
        Shapes that do not go together.
    """
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    name = "cosine_embedding_loss"
    for argument, value in (("input1", input1), ("input2", input2), ("target", target)):
        check_tensor(name, value, argument)
    margin = number(margin, name, "margin", "float")
    rank = target.array.ndim
    if rank > 1:
        raise RuntimeError(
            f"{name}: 0D or 1D target tensor expected, multi-target not supported: it has shape "
            f"{list(target.shape)}"
        )
    if {input1.array.ndim, input2.array.ndim} != {rank + 1}:
        raise RuntimeError(
            f"{name}: {rank}D target tensor expects {rank + 1}D input tensors, but found inputs "
            f"with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    if rank and len({*target.shape, input1.shape[0], input2.shape[0]} - {1}) > 1:
        raise RuntimeError(
            f"{name}: The size of tensor a ({target.shape[0]}) must match the size of tensor b "
            f"({max(input1.shape[0], input2.shape[0])}) at non-singleton dimension 0: target has "
            f"shape {list(target.shape)}, inputs {list(input1.shape)} and {list(input2.shape)}"
        )
    squares = [sum_(x * x, rank) + SMALLEST_SQUARE for x in (input1, input2)]
    cosine = sum_(input1 * input2, rank) / sqrt(squares[0] * squares[1])
    alike = where(target == 1, 1 - cosine, 0)
    return reduced(alike + where(target == -1, _positive(cosine - margin), 0), reduction)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2,
    eps: float = 1e-6, swap: bool = False, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.TripletMarginLoss`.

    Raises
    ------
    ValueError
        `margin` is not positive.
    RuntimeError
        The three have different numbers of axes, or cannot be broadcast.
    """
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    given = anchor, positive, negative
    margin = _checked_triplet("triplet_margin_loss", given, margin)
    return _triplets(given, lambda a, b: pairwise_distance(a, b, p, eps), margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Any = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.TripletMarginWithDistanceLoss`.

    Raises
    ------
    ValueError, RuntimeError
        As `triplet_margin_loss`.
    """
    reduction = check_reduction(chosen_reduction(reduction, None, None))
    given = anchor, positive, negative
    margin = _checked_triplet("triplet_margin_with_distance_loss", given, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplets(given, distance, margin, swap, reduction)


def _checked_triplet(name: str, given: tuple[Any, ...], margin: float) -> float:
    """The margin, after a look at everything."""
    named = dict(zip(("anchor", "positive", "negative"), given))
    for argument, value in named.items():
        check_tensor(name, value, argument)
    margin = number(margin, name, "margin", "float")
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, got {margin}")
    if len({value.array.ndim for value in given}) > 1:
        a, p, n = [f"{argument} {value.array.ndim}D" for argument, value in named.items()]
        raise RuntimeError(
            f"{name}: The anchor, positive, and negative tensors are expected to have the same "
            f"number of dimensions, but got: {a}, {p}, and {n} inputs"
        )
    return margin


def _triplets(
    given: tuple[Any, ...], distance: Callable[[Any, Any], Any], margin: float, swap: bool,
    reduction: str,
) -> Any:  # fmt: skip
    anchor, positive, negative = given
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(_positive(margin + near - far), reduction)


# ------------------------------------------------------------------------------------------------
# Scores of classes
# ------------------------------------------------------------------------------------------------


def _scores(name: str, input: Any, target: Any) -> Any:
    """The input as (N, C)."""
    check_tensor(name, input)
    check_tensor(name, target, "target")
    shape = input.array.shape
    if len(shape) > 2 or (shape and not shape[-1]):
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)}"
        )
    check_floats(name, input)
    if target.array.dtype != np.int64:
        raise RuntimeError(
            f"{name}: expected scalar type Long but found "
            f"{dtypes.legacy_name(target.array.dtype)}: target holds classes, use target.long()"
        )
    return input if len(shape) == 2 else reshape(input, (1, shape[0] if shape else 1))


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.MultiMarginLoss`.

    Raises
    ------
    ValueError
        `p` is neither 1 nor 2.
    RuntimeError
        Shapes that do not go together; targets that are no classes.
    """
    name = "multi_margin_loss"
    check_optional(name, weight=weight)
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    if p not in (1, 2):
        raise ValueError(f"{name}: only p == 1 and p == 2 supported, not {p}")
    x = _scores(name, input, target)
    margin = number(margin, name, "margin", "float")
    samples, classes = x.array.shape
    if target.array.size != samples or target.array.ndim > 1:
        raise RuntimeError(
            f"{name}: target tensor should be 1-D with size equal to the number of input samples "
            f"(batch size). Expected target size [{samples}], but got {list(target.shape)}. Input "
            f"has shape {list(input.shape)}."
        )
    if weight is not None and weight.array.shape != (classes,):
        raise RuntimeError(
            f"{name}: inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    index = reshape(target, (samples, 1))
    others = _others(index, classes)
    hinge = _positive(margin - gather(x, 1, index) + x)
    hinge = hinge if p == 1 else hinge * hinge
    if weight is not None:
        hinge = hinge * reshape(gather(weight, 0, reshape(target, (samples,))), (samples, 1))
    loss = sum_(where(others, hinge, 0), 1) / classes
    return reduced(loss if input.array.ndim == 2 else reshape(loss, ()), reduction)


def _others(index: Any, classes: int) -> Any:
    """Which classes are not those of `index`, after a check that these are classes."""
    if is_listening():
        return heard(_others, (index, classes), {})
    found = index.array
    if found.size and not 0 <= found.min() <= found.max() < classes:
        raise RuntimeError(
            f"multi_margin_loss: target out of range: classes are from 0 to {classes - 1}, but "
            f"target is from {found.min()} to {found.max()}"
        )
    return wrap(found != np.arange(classes))


def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.MultiLabelMarginLoss`.

    Raises
    ------
    RuntimeError
        Shapes that do not go together; targets that are neither classes nor -1.
    """
    name = "multilabel_margin_loss"
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    x = _scores(name, input, target)
    if target.array.shape != input.array.shape:
        raise RuntimeError(
            f"{name}: inconsistent target size: {list(target.shape)} for input of size: "
            f"{list(input.shape)}"
        )
    samples, classes = x.array.shape
    labels, pairs = _label_pairs(reshape(target, (samples, classes)))
    hinge = _positive(1 - unsqueeze(gather(x, 1, labels), 2) + unsqueeze(x, 1))
    loss = sum_(where(pairs, hinge, 0), (1, 2)) / classes
    return reduced(loss if input.array.ndim == 2 else reshape(loss, ()), reduction)


def _label_pairs(target: Any) -> tuple[Any, Any]:
    """The labels of each sample, up to the first -1, and which pairs (label, other class) count."""
    if is_listening():
        return heard(_label_pairs, (target,), {})
    given = target.array
    classes = given.shape[1]
    if given.size and not -1 <= given.min() <= given.max() < classes:
        raise RuntimeError(
            f"multilabel_margin_loss: argument #2 'target' is out of range: classes are from 0 to "
            f"{classes - 1}, -1 ends a list, but target is from {given.min()} to {given.max()}"
        )
    counts = np.logical_and.accumulate(given >= 0, 1)
    is_label = ((given[:, :, None] == np.arange(classes)) & counts[:, :, None]).any(1)
    pairs = counts[:, :, None] & ~is_label[:, None, :]
    return wrap(np.where(counts, given, 0)), wrap(pairs)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.MultiLabelSoftMarginLoss`."""
    name = "multilabel_soft_margin_loss"
    check_optional(name, weight=weight)
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    check_tensor(name, input)
    check_tensor(name, target, "target")
    loss = -(mul(target, logsigmoid(input)) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(sum_(loss, -1) / input.array.shape[-1], reduction)
