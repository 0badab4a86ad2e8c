"""Losses as functions: checks of shapes, old arguments, reductions; the arithmetic is in `ops`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...autograd.listening import heard, is_listening
from ...ops import ctc
from ...ops import entrywise_loss as entrywise
from ...ops import loss as of_classes
from ...ops.elementwise import abs as abs_
from ...ops.elementwise import exp, sub
from ...ops.loss import check_reduction
from ...ops.makers import broadcast_error
from ...ops.reduce import mean
from ...ops.reduce import sum as sum_
from ...ops.shape import broadcast_to
from ...ops.values import number
from .arguments import check_optional, check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor

# ------------------------------------------------------------------------------------------------
# What the losses share
# ------------------------------------------------------------------------------------------------


def chosen_reduction(
    reduction: str, size_average: bool | None, reduce: bool | None, stacklevel: int = 3
) -> str:
    """The reduction meant by today's argument, or by the ones that came before it."""
    if size_average is None and reduce is None:
        if reduction != "elementwise_mean":
            return reduction
        warnings.warn(
            "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.",
            stacklevel=stacklevel,
        )
        return "mean"
    size_average, reduce = size_average is not False, reduce is not False
    chosen = "none" if not reduce else "mean" if size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{chosen}' "
        "instead.",
        stacklevel=stacklevel,
    )
    return chosen


def _check_pair(name: str, input: Any, target: Any) -> None:
    check_tensor(name, input)
    check_tensor(name, target, "target")


def _same_shape(input: Any, target: Any) -> tuple[Any, Any]:
    """Both broadcast to one shape, with a warning if they had different ones."""
    a, b = input.array.shape, target.array.shape
    if a == b:
        return input, target
    warnings.warn(
        f"Using a target size (torch.Size({list(b)})) that is different to the input size "
        f"(torch.Size({list(a)})). This will likely lead to incorrect results due to broadcasting. "
        "Please ensure they have the same size.",
        stacklevel=3,
    )
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError as error:
        raise broadcast_error(input.array, target.array, error) from None
    return broadcast_to(input, shape), broadcast_to(target, shape)


def reduced(loss: Any, reduction: str) -> Any:
    """The mean or the sum of a loss, or what it is for each entry."""
    return loss if reduction == "none" else (sum_ if reduction == "sum" else mean)(loss)


def _weighted(name: str, loss: Any, weight: Any) -> Any:
    """Each entry of the loss times its weight."""
    if weight.shape != loss.shape:
        raise ValueError(
            f"{name}: Weights and input must have the same size: "
            f"got {list(weight.shape)} and {list(loss.shape)}"
        )
    return loss * weight


def _weighted_average(name: str, loss: Any, weight: Any, reduction: str) -> Any:
    """`loss` reduced; a mean divides by the sum of the weights."""
    weighted = _weighted(name, loss, weight)
    if reduction == "none":
        return weighted
    total = sum_(weighted)
    return total if reduction == "sum" else total / sum_(weight)


# ------------------------------------------------------------------------------------------------
# Classes
# ------------------------------------------------------------------------------------------------


def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.CrossEntropyLoss`."""
    if weight is not None:
        check_optional("cross_entropy", weight=weight)
    reduction = chosen_reduction(reduction, size_average, reduce)
    return of_classes.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.NLLLoss`."""
    check_optional("nll_loss", weight=weight)
    reduction = chosen_reduction(reduction, size_average, reduce)
    return of_classes.nll_loss(input, target, weight, ignore_index, reduction)


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.CTCLoss`."""
    reduction = chosen_reduction(reduction, None, None)
    check_tensor("ctc_loss", log_probs, "log_probs")
    check_tensor("ctc_loss", targets, "targets")
    return ctc.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity
    )


# ------------------------------------------------------------------------------------------------
# Distances
# ------------------------------------------------------------------------------------------------


def mse_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Any = None,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.MSELoss`. `weight` multiplies the squared error of each entry."""
    check_optional("mse_loss", weight=weight)
    reduction = chosen_reduction(reduction, size_average, reduce)
    _check_pair("mse_loss", input, target)
    input, target = _same_shape(input, target)
    if weight is None:
        return entrywise.mse_loss(input, target, reduction)
    loss = entrywise.mse_loss(input, target, "none")
    return _weighted_average("mse_loss", loss, weight, check_reduction(reduction))


def l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Any = None,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.L1Loss`. `weight` multiplies the error of each entry."""
    check_optional("l1_loss", weight=weight)
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    _check_pair("l1_loss", input, target)
    input, target = _same_shape(input, target)
    loss = abs_(sub(input, target))
    if weight is None:
        return reduced(loss, reduction)
    return _weighted_average("l1_loss", loss, weight, reduction)


def smooth_l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.SmoothL1Loss`.

    Raises
    ------
    RuntimeError
        `beta` is negative.
    """
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    _check_pair("smooth_l1_loss", input, target)
    beta = number(beta, "smooth_l1_loss", "beta", "float")
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    input, target = _same_shape(input, target)
    if beta == 0:
        return reduced(abs_(sub(input, target)), reduction)
    return entrywise.smooth_l1_loss(input, target, reduction, beta)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """See `minigrad.nn.HuberLoss`. `weight` multiplies the loss of each entry.

    Raises
    ------
    RuntimeError
        `delta` is not positive.
    """
    check_optional("huber_loss", weight=weight)
    reduction = check_reduction(chosen_reduction(reduction, None, None))
    _check_pair("huber_loss", input, target)
    delta = number(delta, "huber_loss", "delta", "float")
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta, got {delta}"
        )
    input, target = _same_shape(input, target)
    if weight is None:
        return entrywise.huber_loss(input, target, reduction, delta)
    loss = entrywise.huber_loss(input, target, "none", delta)
    return reduced(_weighted("huber_loss", loss, weight), reduction)


# ------------------------------------------------------------------------------------------------
# Probabilities
# ------------------------------------------------------------------------------------------------


def _check_constant(name: str, argument: str, value: Any) -> None:
    if value is not None and value.requires_grad:
        raise RuntimeError(
            f"The function '{name}' is not differentiable with respect to argument '{argument}'. "
            "This input cannot have requires_grad True."
        )


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.BCELoss`.

    Raises
    ------
    ValueError
        `input` and `target` have different shapes.
    RuntimeError
        They have different dtypes, or entries outside [0, 1]; weights that cannot be broadcast.
    """
    if is_listening():  # (the checks belong to it)
        given = input, target, weight, size_average, reduce, reduction
        return heard(binary_cross_entropy, given, {})
    check_optional("binary_cross_entropy", weight=weight)
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    name = "binary_cross_entropy"
    _check_pair(name, input, target)
    x, y = input.array, target.array
    if x.shape != y.shape:
        raise ValueError(
            f"{name}: Using a target size (torch.Size({list(y.shape)})) that is different to the "
            f"input size (torch.Size({list(x.shape)})) is deprecated. Please ensure they have the "
            "same size."
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name}: Found dtype {dtypes.legacy_name(y.dtype)} but expected "
            f"{dtypes.legacy_name(x.dtype)}: target and input must have one dtype"
        )
    if x.dtype.kind != "f":
        raise NotImplementedError(f"{name}: not implemented for '{dtypes.legacy_name(x.dtype)}'")
    for argument, values in (("input", x), ("target", y)):
        if not entrywise.are_probabilities(values):
            raise RuntimeError(
                f"{name}: all elements of {argument} should be between 0 and 1, but they are "
                f"between {values.min()} and {values.max()}"
            )
    _check_constant(name, "weight", weight)
    return entrywise.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Any = None,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.BCEWithLogitsLoss`.

    Raises
    ------
    ValueError
        `input` and `target` have different shapes.
    RuntimeError
        `target` is not floating point; weights that cannot be broadcast.
    """
    check_optional("binary_cross_entropy_with_logits", weight=weight, pos_weight=pos_weight)
    reduction = check_reduction(chosen_reduction(reduction, size_average, reduce))
    name = "binary_cross_entropy_with_logits"
    _check_pair(name, input, target)
    x, y = input.array, target.array
    if x.shape != y.shape:
        raise ValueError(
            f"{name}: Target size (torch.Size({list(y.shape)})) must be the same as input size "
            f"(torch.Size({list(x.shape)}))"
        )
    if x.dtype.kind != "f":
        raise NotImplementedError(f"{name}: not implemented for '{dtypes.legacy_name(x.dtype)}'")
    if y.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: result type {dtypes.legacy_name(x.dtype)} can't be cast to the desired "
            f"output type {dtypes.legacy_name(y.dtype)}: use target.float()"
        )
    _check_constant(name, "weight", weight)
    _check_constant(name, "pos_weight", pos_weight)
    return entrywise.binary_cross_entropy_with_logits(input, target, weight, reduction, pos_weight)


def kl_div(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """See `minigrad.nn.KLDivLoss`.

    Raises
    ------
    RuntimeError
        `input` or `target` is not floating point.
    """
    reduction = chosen_reduction(reduction, size_average, reduce)
    if reduction != "batchmean":
        check_reduction(reduction)
    if reduction == "mean":
        warnings.warn(
            "kl_div: reduction: 'mean' divides the total loss by both the batch size and the "
            "support size. 'batchmean' divides only by the batch size, as the KL divergence is "
            "defined.",
            stacklevel=2,
        )
    _check_pair("kl_div", input, target)
    if {input.array.dtype.kind, target.array.dtype.kind} != {"f"}:
        raise RuntimeError(
            "kl_div: Integral inputs not supported, but got input of type "
            f"{input.dtype} and target of type {target.dtype}"
        )
    if log_target:
        loss = exp(target) * (target - input)
    else:
        loss = entrywise.x_log_x(target) - target * input
    if reduction == "batchmean":
        return sum_(loss) / input.array.shape[0] if input.array.ndim else sum_(loss)
    return reduced(loss, reduction)
