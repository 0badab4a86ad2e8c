r"""Losses that compare two tensors entry by entry: squares, Huber, binary cross entropy.

    d = x - y, x the input, y the target

    squared error          d^2
    Huber                  d^2 / 2  where |d| <= delta,  delta (|d| - delta / 2)  elsewhere
    binary cross entropy   -(y log x + (1 - y) log(1 - x))          x a probability
    the same from logits   (1 - y) x + (1 + (p - 1) y) log(1 + exp(-x))      p for "positive"

Each is a primitive whose last two options say what becomes of the entries: `share` (a number, or an
array of weights) multiplies each, and with `total` they are added up; a mean has the share 1/n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from ..arrays import dtypes
from ..arrays.sums import total as total_of
from ..arrays.sums import wide
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase
from .cast import cast
from .elementwise import log, log1p, maximum, mul, sigmoid
from .index import where
from .layout import entrywise
from .loss import check_reduction

ndarray = np.ndarray


def _reduced(loss: Any, share: Any, total: bool) -> Any:
    """The entries times their share, or the sum of that."""
    if not total:
        return loss if type(share) is float and share == 1.0 else loss * share
    kind, loss = loss.dtype, wide(loss)
    sums = total_of(loss * share) if isinstance(share, ndarray) else total_of(loss) * share
    return sums.astype(kind)


def with_loss_kernel(name: str, formula: Any) -> Any:
    """`formula`, or in its place, where the arguments suit it, the kernel `name` of `loss.pyx`.

    Its arguments are two arrays, a number or None, the share, `total`; or no number.
    """

    def call(a: Any, b: Any, *options: Any) -> Any:
        p, share = options[0] if len(options) > 2 else None, options[-2]
        kernels = _kernels.kernels_for(a.dtype)
        if kernels is not None and type(share) is float and not isinstance(p, ndarray):
            loss = kernels.loss.pair_loss(name, a, b, p or 0.0, share, options[-1])
            if loss is not None:
                return loss
        return formula(a, b, *options)

    call.__wrapped__ = formula  # type: ignore[attr-defined]
    return call


def with_slope_kernel(name: str, formula: Any) -> Any:
    """The same for the gradient of the first array: the arguments are g, both arrays, ..."""

    def call(g: Any, a: Any, b: Any, *options: Any) -> Any:
        p, share = options[0] if len(options) > 1 else None, options[-1]
        if isinstance(g, (ndarray, np.floating)) and type(share) is float:
            kernels = _kernels.kernels_for(a.dtype)
            if kernels is not None and not isinstance(p, ndarray):
                slope = kernels.loss.pair_slope(name, np.asarray(g), a, b, p or 0.0, share)
                if slope is not None:
                    return slope
        return formula(g, a, b, *options)

    call.__wrapped__ = formula  # type: ignore[attr-defined]
    return call


# ------------------------------------------------------------------------------------------------
# Squared error, Huber
# ------------------------------------------------------------------------------------------------


def _squared_error(a: ndarray, b: ndarray, share: Any, total: bool) -> Any:
    d = a - b
    return _reduced(d * d, share, total)


def _huber_error(a: ndarray, b: ndarray, delta: float, share: Any, total: bool) -> Any:
    d = a - b
    size = np.abs(d)
    return _reduced(
        np.where(size <= delta, 0.5 * d * d, delta * (size - 0.5 * delta)), share, total
    )


def _huber_slope(d: Any, delta: float) -> Any:
    """`d`, but not beyond `delta` to either side; NaN stays NaN."""
    return where(d <= -delta, -delta, where(d >= delta, delta, d))


_squared_error_slope = with_slope_kernel(
    "squared_error", lambda g, a, b, share: mul(g, (a - b) * (2 * share)))  # fmt: skip
_huber_error_slope = with_slope_kernel(
    "huber", lambda g, a, b, delta, share: mul(g, _huber_slope(a - b, delta) * share))  # fmt: skip
_mse = primitive("mse_loss", with_loss_kernel("squared_error", _squared_error), layout=entrywise,
                 a=lambda g, a, b, share: _squared_error_slope(g, a, b, share),
                 b=lambda g, a, b, share: _squared_error_slope(g, b, a, share))  # fmt: skip
_huber, _smooth_l1 = [
    primitive(name, with_loss_kernel("huber", _huber_error), layout=entrywise,
              a=lambda g, a, b, delta, share: _huber_error_slope(g, a, b, delta, share),
              b=lambda g, a, b, delta, share: _huber_error_slope(g, b, a, delta, share))
    for name in ("huber_loss", "smooth_l1_loss")
]  # fmt: skip


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The squared error ``(input - target) ** 2``: its mean, its sum, or each one.

    `input` and `target` have one shape (checked and broadcast by `minigrad.nn.functional`).
    """
    check_reduction(reduction)
    a, b = _of_one_type("mse_loss", input, target)
    return _mse(a, b, _share(a, reduction), reduction != "none")


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the squared error up to an error of `delta`, linear beyond, with slope `delta`."""
    check_reduction(reduction)
    a, b = _of_one_type("huber_loss", input, target)
    loss = _huber(a, b, delta, _share(a, reduction), reduction != "none")
    return _in_type_of(input, loss)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """`huber_loss` with delta `beta`, divided by it: linear beyond, with slope 1."""
    check_reduction(reduction)
    a, b = _of_one_type("smooth_l1_loss", input, target)
    return _smooth_l1(a, b, beta, _share(a, reduction) / beta, reduction != "none")


def _share(a: Any, reduction: str, weight: ndarray | None = None) -> Any:
    """What each entry counts: for a mean 1/n (of no entries: nan), times its weight."""
    n = a.array.size
    if reduction == "mean" and not n:
        return float("nan")
    share = 1.0 if reduction != "mean" else 1 / n
    return share if weight is None else weight * share


def _in_type_of(tensor: Any, loss: Any) -> Any:
    """The loss in the type of one of the two tensors, where PyTorch gives that."""
    kind = tensor.array.dtype
    return loss if kind == loss.array.dtype or kind.kind != "f" else cast(loss, kind)


def _of_one_type(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Both tensors in the type that they promote to, which must be floating point."""
    for argument, value in (("input", input), ("target", target)):
        if not isinstance(value, TensorBase):
            raise TypeError(
                f"{name}: argument '{argument}' must be Tensor, not {type(value).__name__}"
            )
    kind = dtypes.promote(input.array.dtype, target.array.dtype)
    if kind.kind != "f":
        raise NotImplementedError(
            f"{name}: not implemented for '{dtypes.legacy_name(kind)}': input or target must be "
            "floating point"
        )
    a, b = [v if v.array.dtype == kind else cast(v, kind) for v in (input, target)]
    return a, b


# ------------------------------------------------------------------------------------------------
# Binary cross entropy
# ------------------------------------------------------------------------------------------------

LEAST_LOG = -100.0  # stands for log(0), so that one impossible target leaves the mean finite
LEAST_SLOPE = 1e-12  # and for the x (1 - x) that the gradient is divided by


def _cross_entropy_of(a: ndarray, b: ndarray, share: Any, total: bool) -> Any:
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(a), LEAST_LOG), np.maximum(np.log1p(-a), LEAST_LOG)
    return _reduced((b - 1) * no - b * yes, share, total)


def are_probabilities(x: ndarray) -> bool:
    """Whether all entries are from 0 to 1 (NaN is not)."""
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is not None:
        return bool(kernels.loss.are_probabilities(x))
    return not x.size or bool(x.min() >= 0 and x.max() <= 1)


def _softplus(x: ndarray) -> ndarray:
    """``log(1 + exp(x))``, without overflow."""
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


softplus = primitive("softplus", _softplus, x=lambda g, x: g * sigmoid(x))


def _cross_entropy_of_logits(a: ndarray, b: ndarray, positive: Any, share: Any, total: bool) -> Any:
    weight = 1 if positive is None else 1 + (positive - 1) * b
    return _reduced((1 - b) * a + weight * _softplus(-a), share, total)


def _logits_slope(a: Any, b: Any, positive: Any) -> Any:
    """sigmoid(a) - b; with weights p for "positive" (1 - b + p b) sigmoid(a) - p b."""
    if positive is None:
        return sigmoid(a) - b
    return (positive * b + 1 - b) * sigmoid(a) - positive * b


def _logits_target_slope(a: Any, positive: Any) -> Any:
    """-a; with weights p log(1 + exp(-a)) - log(1 + exp(a))."""
    return -a if positive is None else positive * softplus(-a) - softplus(a)


# Its rule is not what would come of deriving it, but PyTorch's: at 0 and at 1 the second derivative
# is 1 / LEAST_SLOPE^2, or 0 where the probability is right.
_bce_slope = primitive(
    "binary_cross_entropy_slope", lambda a, b: (a - b) / np.maximum(a * (1 - a), LEAST_SLOPE),
    a=lambda g, a, b: g * (
        (a * a - 2 * a * b + b) / ((a + LEAST_SLOPE) * (1 - a + LEAST_SLOPE)) ** 2),
    b=lambda g, a: -g / maximum(a * (1 - a), LEAST_SLOPE),
)  # fmt: skip
_bce = primitive("binary_cross_entropy", with_loss_kernel("probabilities", _cross_entropy_of),
                 a=with_slope_kernel("probabilities", lambda g, a, b, share:
                     mul(g, _bce_slope(a, b) * share)),
                 b=lambda g, a, share: mul(g, (log1p(-a) - log(a)) * share))  # fmt: skip
_bce_logits = primitive(
    "binary_cross_entropy_with_logits", with_loss_kernel("logits", _cross_entropy_of_logits),
    a=with_slope_kernel("logits", lambda g, a, b, positive, share:
        mul(g, _logits_slope(a, b, positive) * share)),
    b=lambda g, a, positive, share: mul(g, _logits_target_slope(a, positive) * share),
)  # fmt: skip


for _operation in (_mse, _huber, _smooth_l1, _bce, _bce_logits):
    # `backward` need not copy what their rules return
    _operation.op.gives_new = True  # type: ignore[attr-defined]


def _x_log_x(x: ndarray) -> ndarray:
    nothing = x == 0
    return np.where(nothing, x, x * np.log(np.where(nothing, 1, x)))  # 0 log 0 is 0


x_log_x = primitive("xlogy", _x_log_x,
                    x=lambda g, x: where(g == 0, 0, g * log(x)) + g * (x / x))  # fmt: skip


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Any:
    """The cross entropy between probabilities and targets, both from 0 to 1 and of one shape."""
    check_reduction(reduction)
    return _bce(
        input, target, _share(input, reduction, _expanded(weight, input)), reduction != "none"
    )


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """`binary_cross_entropy` of ``sigmoid(input)``, without overflow.

    The part of the loss that a positive target has counts `pos_weight` times.
    """
    check_reduction(reduction)
    a, b = _of_one_type("binary_cross_entropy_with_logits", input, target)
    positive = None if pos_weight is None else _expanded(pos_weight, a)
    share = _share(a, reduction, _expanded(weight, a))
    return _in_type_of(target, _bce_logits(a, b, positive, share, reduction != "none"))


def _expanded(weight: Any, like: Any) -> ndarray | None:
    """A copy of the weights (their tensor may change before `backward`) in the type of `like`."""
    if weight is None:
        return None
    shape = like.array.shape
    try:
        return np.array(np.broadcast_to(weight.array, shape), like.array.dtype)
    except ValueError:
        raise RuntimeError(
            f"Attempting to broadcast weights of shape {list(weight.shape)} to the input's shape "
            f"{list(shape)}: their sizes must match at every non-singleton dimension"
        ) from None
