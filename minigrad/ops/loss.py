"""Losses of classes: cross entropy, negative log likelihood.

    N samples, C classes, y = target[n] the class of sample n, w the class weights (ones if None)

    cross entropy   loss[n] = -w[y] * log_softmax(logits[n])[y]      0 where y == ignore_index
    nll             loss[n] = -w[y] * input[n][y]                    the same from log-probabilities

and then ``none``: loss;  ``sum``: loss.sum();  ``mean``: loss.sum() / sum_n w[target[n]].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from ..arrays import dtypes
from ..arrays.sums import total as total_of
from ..arrays.sums import wide
from ..autograd.engine import edges_if_recording
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, array_of
from .arguments import as_int
from .cast import cast
from .elementwise import mul
from .fused import Fused
from .index import place, where
from .reduce import log_softmax
from .reduce import sum as sum_
from .shape import permute, reshape
from .values import number

ndarray = np.ndarray
REDUCTIONS = ("none", "mean", "sum")


def check_reduction(reduction: str) -> str:
    """`reduction`, if it is one.

    Raises
    ------
    ValueError
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"{reduction} is not a valid value for reduction; choose one of {REDUCTIONS}"
        )
    return reduction


# ------------------------------------------------------------------------------------------------
# Checks of class targets
# ------------------------------------------------------------------------------------------------


def _class_targets(input: Any, target: Any, weight: Any, what: str) -> tuple[Any, Any]:
    """The scores as (N, C), the classes as (N,) int64, after all checks but that of their range."""
    x, t = array_of(input), array_of(target)
    if not x.ndim:
        raise ValueError(f"{what}: Expected 1 or more dimensions (got {x.ndim})")
    if x.ndim == 1 and t.ndim == 1 and len(t) != 1:
        raise ValueError(
            f"{what}: For 1D input, 1D target must have size 1, but got target size: {len(t)} "
            f"(input has shape {list(x.shape)}: one score for each class of a single sample)"
        )
    if x.ndim > 1 and t.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"{what}: Expected input batch_size ({x.shape[0]}) to match target batch_size "
            f"({t.shape[0] if t.ndim else 0}): input has shape {list(x.shape)}, target "
            f"{list(t.shape)}."
        )
    if t.ndim > 1 and x.ndim < 3:
        raise RuntimeError(
            f"{what}: 0D or 1D target tensor expected, multi-target not supported: input has shape "
            f"{list(x.shape)}, target {list(t.shape)}"
        )
    if x.ndim > 1 and t.shape[1:] != x.shape[2:]:
        raise RuntimeError(
            f"{what}: Expected target size {[x.shape[0], *x.shape[2:]]}, got {list(t.shape)} (size "
            f"mismatch: input has shape {list(x.shape)}, where axis 1 must be the classes)"
        )
    if t.dtype not in (np.int64, np.uint8):
        raise RuntimeError(
            f"{what}: expected target dtype to be Long or Byte, but got "
            f"{dtypes.legacy_name(t.dtype)}; use target.long() if it holds classes"
        )
    _check_scores(x, what)
    classes = x.shape[1 if x.ndim > 1 else 0]
    if weight is not None:
        w = array_of(weight)
        if w.shape != (classes,):
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes "
                f"but got weight tensor of shape: {list(w.shape)}"
            )
        if w.dtype != x.dtype:
            raise RuntimeError(
                f"expected scalar type {dtypes.legacy_name(x.dtype)} but found "
                f"{dtypes.legacy_name(w.dtype)}"
            )
        if weight._requires_grad:
            raise RuntimeError(
                f"{what}: the function 'nll_loss_forward' is not differentiable with respect to "
                "argument 'weight'. This input cannot have requires_grad True."
            )
    if t.dtype != np.int64:
        target = cast(target, dtypes.INT64)
    if t.ndim != 1:
        target = reshape(target, (t.size,))
    if x.ndim > 2:
        input = permute(input, (0, *range(2, x.ndim), 1))
    return (input if x.ndim == 2 else reshape(input, (t.size, classes))), target


def _is_plain(x: ndarray, t: ndarray, weight: Any) -> bool:
    """Whether this is by far the most frequent case, which needs no more checks."""
    return (
        weight is None
        and x.ndim == 2
        and t.ndim == 1
        and t.dtype is dtypes.INT64
        and x.shape[0] == t.shape[0]
    )


def _check_scores(x: ndarray, what: str) -> None:
    if x.dtype.kind != "f":
        name = dtypes.legacy_name(x.dtype)
        raise NotImplementedError(
            f"{what}: not implemented for '{name}': input must be floating point"
        )


def _check_tensors(input: Any, target: Any, what: str) -> None:
    if isinstance(input, TensorBase) and isinstance(target, TensorBase):
        return
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"{what}: argument '{name}' must be Tensor, not {type(value).__name__}")


def _check_range(t: ndarray, classes: int, ignore_index: int, shape: tuple[int, ...]) -> None:
    """Check that the targets `t`, of which people see the `shape`, are classes or ignored."""
    (wrong,) = np.nonzero(((t < 0) | (t >= classes)) & (t != ignore_index))
    if wrong.size:
        place = [int(k) for k in np.unravel_index(wrong[0], shape)] if shape else []
        raise IndexError(
            f"Target {t[wrong[0]]} is out of bounds. There are {classes} classes, 0 to "
            f"{classes - 1}" + (f"; it stands at {place} of the target" if place else "")
        )


# ------------------------------------------------------------------------------------------------
# Negative log likelihood
# ------------------------------------------------------------------------------------------------


def _divided(a: Any, by: float) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):  # a mean over no sample is nan
        return a / a.dtype.type(by)


def _picked(x: ndarray, index: Any, kept: ndarray, share: ndarray, total: float | None) -> Any:
    picked = np.where(kept, -x[index] * share, x.dtype.type(0))  # an ignored nan counts 0
    return picked if total is None else _divided(total_of(wide(picked)), total).astype(x.dtype)


def _picked_vjp(
    g: Any, x_shape: Any, index: Any, kept: ndarray, share: ndarray, total: float | None
) -> Any:
    factor = -share if total is None else _divided(-share, total)
    return place(where(kept, mul(g, factor), 0), x_shape, index)


_nll, _nll_2d = [
    primitive(name, _picked, x=_picked_vjp) for name in ("nll_loss", "nll_loss.images")
]


def _shares(
    t: ndarray, weight: Any, ignore_index: int, reduction: str, kind: np.dtype
) -> tuple[Any, ndarray, ndarray, float | None]:
    """The index of each sample's class, whether it counts, how much, and the sum's divisor."""
    kept = t != ignore_index
    classes = np.where(kept, t, 0)
    share = (
        kept.astype(kind)
        if weight is None
        else np.where(kept, array_of(weight)[classes], kind.type(0))
    )
    total = {"none": None, "sum": 1.0}.get(reduction, float(share.sum(dtype=np.float64)))
    return (np.arange(t.size), classes), kept, share, total


def _nll_reference(
    log_prob: Any, target: Any, weight: Any, ignore_index: int, reduction: str, nll: Any = _nll
) -> Any:
    """The same in tensor operations."""
    x, t = array_of(log_prob), array_of(target)
    return nll(log_prob, *_shares(t, weight, ignore_index, reduction, x.dtype))


def _nll_vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...],
    kept: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    kernel, total = kept
    log_prob, target, weight = inputs
    ignore_index, reduction = options
    d_log_prob = kernel.nll_backward(
        np.asarray(grads[0]), log_prob, target, weight, ignore_index, REDUCTIONS.index(reduction),
        total,
    )  # fmt: skip
    return d_log_prob, None, None


_NLL, _NLL_2D = [Fused(name, _nll_vjp, _nll_reference) for name in ("nll_loss", "nll_loss.images")]


def nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """The negative log likelihood of the classes `target`, given log-probabilities.

    Parameters
    ----------
    input : Tensor, shape (N, C), (C,) or (N, C, d1, ...)
    target : Tensor of int64, shape (N,), () or (N, d1, ...)
    weight : Tensor, shape (C,), optional
    ignore_index : int
        Samples with this target count nothing.
    reduction : "mean", "sum" or "none"
    """
    if is_listening():
        return heard(nll_loss, (input, target, weight, ignore_index, reduction), {})
    check_reduction(reduction)
    ignore_index = as_int(ignore_index, "nll_loss", "ignore_index")
    _check_tensors(input, target, "nll_loss")
    if _is_plain(input.array, target.array, weight):
        scores, classes = input, target
    else:
        scores, classes = _class_targets(input, target, weight, "nll_loss")
    x, t = scores.array, classes.array
    images = input.array.ndim > 2
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is None:
        _check_scores(x, "nll_loss")
        _check_range(t, x.shape[1], ignore_index, target.array.shape)
        loss = _nll_reference(
            scores, classes, weight, ignore_index, reduction, _nll_2d if images else _nll
        )
    else:
        w = array_of(weight)
        try:
            value, total = kernels.loss.nll_forward(
                x, t, w, ignore_index, REDUCTIONS.index(reduction)
            )
        except IndexError:
            _check_range(t, x.shape[1], ignore_index, target.array.shape)  # says where
            raise
        inputs = (scores, classes, weight)
        loss = (_NLL_2D if images else _NLL).call(
            edges_if_recording(inputs), inputs, (ignore_index, reduction), (kernels.loss, total),
            value, [x, t, w],
            (classes, weight),  # guarded: the gradient needs no log-probability
        )  # fmt: skip
    return _shaped_as_samples(loss, input, target) if reduction == "none" else loss


def _shaped_as_samples(loss: Any, input: Any, target: Any) -> Any:
    """The losses of all samples, (N,), in the shape of the targets; of one sample alone, ()."""
    shape = array_of(target).shape if array_of(input).ndim > 1 else ()
    return loss if loss.shape == shape else reshape(loss, shape)


# ------------------------------------------------------------------------------------------------
# Cross entropy
# ------------------------------------------------------------------------------------------------


def _cross_entropy_reference(
    logits: Any, target: Any, weight: Any, ignore_index: int, label_smoothing: float,
    reduction: str, nll: Any = _nll,
) -> Any:  # fmt: skip
    """The same in tensor operations; smoothing mixes in the mean loss over all classes."""
    t = array_of(target)
    counted = (t != ignore_index)[:, None]
    log_prob = log_softmax(where(counted, logits, 0), 1)  # an ignored nan has no gradient either
    x = array_of(log_prob)
    index, kept, share, total = _shares(t, weight, ignore_index, reduction, x.dtype)
    loss = nll(log_prob, index, kept, share, total)
    if not label_smoothing:
        return loss
    # every class counts with its own weight, but a mean divides by the weights of the targets
    w = np.ones(x.shape[1], x.dtype) if weight is None else array_of(weight)
    uniform = sum_(where(counted, log_prob, 0) * -w, 1)
    if total is not None:
        uniform = sum_(uniform) / total
    return (1 - label_smoothing) * loss + (label_smoothing / x.shape[1]) * uniform


def _cross_entropy_vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...],
    kept: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    kernel, log_prob, total = kept
    _, target, weight = inputs
    ignore_index, label_smoothing, reduction = options
    d_logits = kernel.cross_entropy_backward(
        np.asarray(grads[0]), log_prob, target, weight, ignore_index, label_smoothing,
        REDUCTIONS.index(reduction), total,
    )  # fmt: skip
    return d_logits, None, None


_CROSS_ENTROPY, _CROSS_ENTROPY_2D, _SMOOTHED = [
    Fused(name, _cross_entropy_vjp, _cross_entropy_reference)
    for name in ("cross_entropy", "cross_entropy.images", "cross_entropy.smoothed")
]


def cross_entropy(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """The cross entropy between logits and classes (or class probabilities).

    Parameters
    ----------
    input : Tensor, shape (N, C), (C,) or (N, C, d1, ...)
        Unnormalised scores.
    target : Tensor
        int64 classes of shape (N,), () or (N, d1, ...); or probabilities shaped like `input`.
    weight : Tensor, shape (C,), optional
    ignore_index : int
        Samples with this target count nothing. Not with probabilities.
    reduction : "mean", "sum" or "none"
    label_smoothing : float
        From 0 to 1: how much of the target is spread evenly over all classes.
    """
    if is_listening():
        return heard(
            cross_entropy, (input, target, weight, ignore_index, reduction, label_smoothing), {}
        )
    check_reduction(reduction)
    ignore_index = as_int(ignore_index, "cross_entropy", "ignore_index")
    label_smoothing = number(label_smoothing, "cross_entropy", "label_smoothing", "float")
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    _check_tensors(input, target, "cross_entropy")
    x, t = input.array, target.array
    if t.shape == x.shape:
        return _cross_entropy_probabilities(
            input, target, weight, ignore_index, reduction, label_smoothing
        )
    if _is_plain(x, t, weight):
        logits, classes = input, target
    else:
        logits, classes = _class_targets(input, target, weight, "cross_entropy")
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is None:
        _check_scores(x, "cross_entropy")
        _check_range(classes.array, logits.array.shape[1], ignore_index, t.shape)
        loss = _cross_entropy_reference(
            logits, classes, weight, ignore_index, label_smoothing, reduction,
            _nll if x.ndim < 3 else _nll_2d,
        )  # fmt: skip
    else:
        try:
            value, log_prob, total = kernels.loss.cross_entropy_forward(
                logits.array, classes.array, array_of(weight), ignore_index, label_smoothing,
                REDUCTIONS.index(reduction),
            )  # fmt: skip
        except IndexError:
            _check_range(classes.array, logits.array.shape[1], ignore_index, t.shape)  # says where
            raise
        options = (ignore_index, label_smoothing, reduction)
        op = _SMOOTHED if label_smoothing else _CROSS_ENTROPY if x.ndim < 3 else _CROSS_ENTROPY_2D
        inputs = (logits, classes, weight)
        loss = op.call(
            edges_if_recording(inputs), inputs, options, (kernels.loss, log_prob, total), value,
            [logits.array, classes.array, array_of(weight)],
            (classes, weight),  # guarded: the gradient needs log_prob, not the logits
        )  # fmt: skip
    return _shaped_as_samples(loss, input, target) if reduction == "none" else loss


def _cross_entropy_on_arrays(
    keeps: bool, x: Any, t: Any, weight: Any, ignore_index: int, reduction: str,
    label_smoothing: float, kernel: Any = None,
) -> Any:  # fmt: skip
    kernel = kernel or _kernels.kernels_for(x.dtype).loss  # type: ignore[union-attr]
    value, log_prob, total = kernel.cross_entropy_forward(
        x, t, weight, ignore_index, label_smoothing, REDUCTIONS.index(reduction)
    )
    options = (ignore_index, label_smoothing, reduction)
    return value, [x, t, weight], options, (kernel, log_prob, total)


cross_entropy.in_parts = _cross_entropy_on_arrays  # type: ignore[attr-defined]


_mean_over = primitive("div.by_count", lambda total, samples: _divided(total, samples),
                       total=lambda g, samples: g / samples)  # fmt: skip


def _cross_entropy_probabilities(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    x, t = array_of(input), array_of(target)
    if t.dtype.kind != "f":
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{dtypes.legacy_name(t.dtype)}"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    _check_scores(x, "cross_entropy")
    if not x.ndim:
        raise ValueError("cross_entropy: Expected 1 or more dimensions (got 0)")
    axis = 1 if x.ndim > 1 else 0
    if weight is not None and array_of(weight).shape != (x.shape[axis],):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {x.shape[axis]} "
            f"classes or no classes but got weight tensor of shape: {list(array_of(weight).shape)}"
        )
    if label_smoothing and x.shape[axis]:
        target = target * (1 - label_smoothing) + label_smoothing / x.shape[axis]
    weighted = log_softmax(input, axis) * target
    if weight is not None:
        weighted = weighted * reshape(
            weight, tuple([-1 if k == axis else 1 for k in range(x.ndim)])
        )
    loss = -sum_(weighted, axis if reduction == "none" else None)
    if reduction != "mean":
        return loss
    samples = int(np.prod(x.shape) // x.shape[axis]) if x.shape[axis] else 0
    return _mean_over(loss, samples)
