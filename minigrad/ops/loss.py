"""Losses: cross entropy, negative log likelihood, squared error.

    N samples, C classes, y = target[n] the class of sample n, w the class weights (ones if None)

    cross entropy   loss[n] = -w[y] * log_softmax(logits[n])[y]      0 where y == ignore_index
    nll             loss[n] = -w[y] * input[n][y]                    the same from log-probabilities

and then ``none``: loss;  ``sum``: loss.sum();  ``mean``: loss.sum() / sum_n w[target[n]].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels, dtypes
from ..autograd.engine import TensorBase, array_of, primitive
from .cast import cast
from .elementwise import mul
from .fused import Fused, contiguous
from .index import place
from .reduce import log_softmax
from .reduce import mean as mean_
from .reduce import sum as sum_
from .shape import permute, reshape

ndarray = np.ndarray
REDUCTIONS = ("none", "mean", "sum")


def check_reduction(reduction: str) -> str:
    """`reduction`, if it is one.

    Raises
    ------
    ValueError
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction; choose one of {REDUCTIONS}")
    return reduction


def _reduced(loss: Any, reduction: str) -> Any:
    return loss if reduction == "none" else mean_(loss) if reduction == "mean" else sum_(loss)


# ------------------------------------------------------------------------------------------------
# Checks of class targets
# ------------------------------------------------------------------------------------------------


def _class_targets(input: Any, target: Any, weight: Any, what: str) -> tuple[Any, ndarray]:
    """The scores as (N, C) and the classes as (N,) int64, after all checks but the classes' range."""
    x, t = array_of(input), array_of(target)
    if not x.ndim:
        raise ValueError(f"Expected 1 or more dimensions (got {x.ndim})")
    if t.dtype.kind == "f":
        raise RuntimeError(f"expected scalar type Long but found {dtypes.legacy_name(t.dtype)}")
    if t.dtype not in (np.int64, np.uint8):
        raise RuntimeError(
            "expected target dtype to be Long or Byte when using class indices, but got "
            f"{dtypes.of_numpy(t.dtype)}"
        )
    classes = x.shape[1 if x.ndim > 1 else 0]
    if weight is not None:
        w = array_of(weight)
        if w.shape != (classes,):
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes but "
                f"got weight tensor of shape: {list(w.shape)}"
            )
        if w.dtype != x.dtype:
            raise RuntimeError(
                f"expected scalar type {dtypes.legacy_name(x.dtype)} but found {dtypes.legacy_name(w.dtype)}"
            )
    if x.ndim == 1:
        if t.ndim:
            raise ValueError(f"{what}: input of shape {list(x.shape)} takes a 0-D target, got {list(t.shape)}")
        return reshape(input, (1, classes)), t.reshape(1).astype(np.int64, copy=False)
    if t.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"Expected input batch_size ({x.shape[0]}) to match target batch_size "
            f"({t.shape[0] if t.ndim else 'none, it is 0-D'}): input has shape {list(x.shape)}, target {list(t.shape)}."
        )
    if x.ndim == 2 and t.ndim != 1:
        raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported: got {list(t.shape)}")
    if t.shape[1:] != x.shape[2:]:
        raise RuntimeError(
            f"Expected target size {[x.shape[0], *x.shape[2:]]}, got {list(t.shape)} (input has shape "
            f"{list(x.shape)}: axis 1 must be the classes)"
        )
    if x.ndim > 2:
        last = permute(input, (0, *range(2, x.ndim), 1))
        return reshape(last, (-1, classes) if x.size else (t.size, classes)), t.reshape(-1).astype(np.int64)
    return input, t.astype(np.int64, copy=False)


def _check_range(t: ndarray, classes: int, ignore_index: int) -> None:
    wrong = t[((t < 0) | (t >= classes)) & (t != ignore_index)]
    if wrong.size:
        raise IndexError(f"Target {wrong[0]} is out of bounds.")


# ------------------------------------------------------------------------------------------------
# Negative log likelihood
# ------------------------------------------------------------------------------------------------


def _picked_sum(x: ndarray, index: Any, share: ndarray, total: bool) -> Any:
    picked = -x[index] * share
    picked = np.where(share == 0, x.dtype.type(0), picked)  # an ignored sample counts 0, not nan
    return picked.sum(dtype=x.dtype) if total else picked


_nll = primitive("nll_loss", _picked_sum,
                 x=lambda g, x_shape, index, share, total: place(mul(g, -share), x_shape, index))  # fmt: skip


def _shares(t: ndarray, weight: Any, ignore_index: int, reduction: str, kind: np.dtype) -> tuple[Any, ndarray]:
    """For each sample: the index of its class, and how much it counts."""
    kept = t != ignore_index
    classes = np.where(kept, t, 0)
    share = kept.astype(kind) if weight is None else np.where(kept, array_of(weight)[classes], kind.type(0))
    if reduction == "mean":
        total = share.sum()
        share = share / total if total else np.full_like(share, np.nan)
    return (np.arange(t.size), classes), share


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
    check_reduction(reduction)
    scores, t = _class_targets(input, target, weight, "nll_loss")
    x = array_of(scores)
    _check_range(t, x.shape[1], ignore_index)
    index, share = _shares(t, weight, ignore_index, reduction, x.dtype)
    loss = _nll(scores, index, share, reduction != "none")
    return reshape(loss, array_of(target).shape) if reduction == "none" else loss


# ------------------------------------------------------------------------------------------------
# Cross entropy
# ------------------------------------------------------------------------------------------------


def _cross_entropy_reference(
    logits: Any, t: ndarray, weight: Any, ignore_index: int, label_smoothing: float, reduction: str
) -> Any:
    """The same in tensor operations; smoothing mixes in the mean loss over all classes."""
    log_prob = log_softmax(logits, 1)
    x = array_of(log_prob)
    index, share = _shares(t, weight, ignore_index, reduction, x.dtype)
    loss = _nll(log_prob, index, share, reduction != "none")
    if not label_smoothing:
        return loss
    # every class counts with its own weight, but a mean divides by the weights of the targets
    kept = (t != ignore_index).astype(x.dtype)
    total = 1.0
    if reduction == "mean":
        total = float(_shares(t, weight, ignore_index, "sum", x.dtype)[1].sum())
    spread = kept[:, None] * (np.ones(x.shape[1], x.dtype) if weight is None else array_of(weight))
    uniform = sum_(log_prob * (-spread / total), 1)
    if reduction != "none":
        uniform = sum_(uniform)
    return (1 - label_smoothing) * loss + (label_smoothing / x.shape[1]) * uniform


def _cross_entropy_vjp(
    grads: list[Any], needs: list[bool], inputs: list[Any], options: tuple[Any, ...], kept: tuple[Any, ...]
) -> list[Any]:  # fmt: skip
    kernel, log_prob, total = kept
    *settings, reduction = options
    d_loss = np.asarray(grads[0], order="C")  # (`ascontiguousarray` would make a 0-d array 1-d)
    return [kernel.cross_entropy_backward(d_loss, log_prob, *settings, REDUCTIONS.index(reduction), total)]


_CROSS_ENTROPY = Fused("nll_loss", _cross_entropy_vjp, _cross_entropy_reference)


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
    check_reduction(reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    x, t = array_of(input), array_of(target)
    if x.ndim and t.shape == x.shape:
        return _cross_entropy_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    if x.ndim == 2 and t.ndim == 1 and t.dtype is dtypes.INT64 and len(x) == len(t) and weight is None:
        logits, classes, w = input, t, None  # by far the most frequent case needs no more checks
    else:
        logits, classes = _class_targets(input, target, weight, "cross_entropy")
        w = None if weight is None else np.ascontiguousarray(array_of(weight))
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is None:
        _check_range(classes, array_of(logits).shape[1], ignore_index)
        loss = _cross_entropy_reference(logits, classes, w, ignore_index, label_smoothing, reduction)
    else:
        classes = contiguous(classes)
        value, log_prob, total = kernels.loss.cross_entropy_forward(
            contiguous(logits.array), classes, w, ignore_index, label_smoothing,
            REDUCTIONS.index(reduction),
        )  # fmt: skip
        options = (classes, w, ignore_index, label_smoothing, reduction)
        loss = _CROSS_ENTROPY.call((logits,), options, (kernels.loss, log_prob, total), value)
    return reshape(loss, t.shape) if reduction == "none" and loss.shape != t.shape else loss


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
    axis = 1 if x.ndim > 1 else 0
    if weight is not None and array_of(weight).shape != (x.shape[axis],):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {x.shape[axis]} classes or no "
            f"classes but got weight tensor of shape: {list(array_of(weight).shape)}"
        )
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / x.shape[axis]
    weighted = -(log_softmax(input, axis) * target)
    if weight is not None:
        weighted = weighted * reshape(weight, tuple([-1 if k == axis else 1 for k in range(x.ndim)]))
    loss = sum_(weighted, axis)
    if reduction == "mean":
        return sum_(loss) / max(x.size // x.shape[axis] if x.shape[axis] else 0, 1)
    return loss if reduction == "none" else sum_(loss)


# ------------------------------------------------------------------------------------------------
# Squared error
# ------------------------------------------------------------------------------------------------


def _squared_error(a: ndarray, b: ndarray, share: float, total: bool) -> Any:
    d = a - b
    return np.add.reduce(d * d, axis=None) * share if total else d * d


_mse = primitive("mse_loss", _squared_error,
                 a=lambda g, a, b, share: mul(g, (a - b) * (2 * share)),
                 b=lambda g, a, b, share: mul(g, (b - a) * (2 * share)))  # fmt: skip


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The squared error ``(input - target) ** 2``: its mean, its sum, or each one.

    `input` and `target` have one shape (checked and broadcast by `minigrad.nn.functional`).
    """
    check_reduction(reduction)
    if not isinstance(input, TensorBase) or not isinstance(target, TensorBase):
        raise TypeError("mse_loss(): input and target must be Tensors")
    kind = dtypes.promote(input.array.dtype, target.array.dtype)
    a, b = [v if v.array.dtype == kind else cast(v, kind) for v in (input, target)]
    n = a.array.size
    share = 1.0 if reduction != "mean" else 1 / n if n else float("nan")
    return _mse(a, b, share, reduction != "none")
