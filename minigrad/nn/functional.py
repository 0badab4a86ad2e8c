"""The layers as functions without parameters of their own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dtypes, random
from ..autograd.engine import TensorBase, array_of, primitive, wrap
from ..autograd.grad_mode import no_grad
from ..ops import elementwise as ew
from ..ops import loss as losses
from ..ops import reduce as reductions
from ..ops.elementwise import sigmoid, tanh
from ..ops.index import advanced_index, where
from ..ops.inplace import inplace
from ..ops.loss import nll_loss as _nll_loss
from ..ops.makers import broadcast_error
from ..ops.matmul import linear as _linear
from ..ops.shape import broadcast_to

__all__ = [
    "cross_entropy", "dropout", "elu", "embedding", "hardtanh", "leaky_relu", "linear",
    "log_softmax", "logsigmoid", "mse_loss", "nll_loss", "one_hot", "relu", "sigmoid", "silu",
    "softmax", "softmin",
    "softplus", "tanh", "threshold",
]  # fmt: skip


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``input @ weight.T + bias``: see `minigrad.nn.Linear`.

    Raises
    ------
    RuntimeError
        Shapes or dtypes that do not go together.
    """
    _check_tensor("linear", input)
    _check_tensor("linear", weight, "weight")
    x, w = input.array, weight.array
    if w.ndim not in (1, 2):
        raise RuntimeError(
            f"linear: weight must be 1-D or 2-D, t() expects <= 2 axes, got {list(w.shape)}"
        )
    rows = w.shape[:-1]
    if bias is not None:
        if bias.array.dtype != x.dtype:
            raise RuntimeError(
                "linear: input and bias must have the same dtype, but got "
                f"{dtypes.legacy_name(x.dtype)} and {dtypes.legacy_name(bias.array.dtype)}"
            )
        if not _expands_to(bias.array.shape, (*x.shape[:-1], *rows)):
            raise RuntimeError(
                f"linear: bias of shape {list(bias.shape)} must match the existing size of the "
                f"outputs, {list(rows)} for a weight of shape {list(w.shape)}"
            )
    if w.ndim == 1:
        product = (
            ew.mul(input, weight).sum(-1)
            if x.shape[-1:] == w.shape
            else _linear(input, weight[None])
        )
        return product if bias is None else product + bias
    if bias is not None and bias.array.shape != rows:
        return _linear(input, weight) + bias
    return _linear(input, weight, bias)


def _expands_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


# ------------------------------------------------------------------------------------------------
# Activations
# ------------------------------------------------------------------------------------------------


_leaky_relu = primitive("leaky_relu", lambda x, slope: np.where(x > 0, x, x * slope),
                        x=lambda g, x, slope: where(x > 0, g, g * slope))  # fmt: skip
_elu = primitive("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
                 x=lambda g, x, alpha: where(x > 0, g, g * (alpha * ew.exp(ew.minimum(x, x * 0))))
)  # fmt: skip
_softplus = primitive("softplus", lambda x, beta, limit: np.where(
                          x * beta > limit, x, np.logaddexp(x * beta, x.dtype.type(0)) / beta),
                      x=lambda g, x, beta, limit: where(x * beta > limit, g, g * sigmoid(x * beta))
)  # fmt: skip
_logsigmoid = primitive("log_sigmoid", lambda x: -np.logaddexp(-x, x.dtype.type(0)),
                        x=lambda g, x: g * sigmoid(-x))  # fmt: skip
_silu = primitive("silu", lambda x: x * sigmoid(x),
                  x=lambda g, x: g * _silu_slope(x, sigmoid(x)))  # fmt: skip
_hardtanh = primitive("hardtanh", lambda x, low, high: np.clip(x, low, high),
                      x=lambda g, x, low, high: where((x > low) & (x < high), g, 0))  # fmt: skip
_threshold = primitive("threshold",
                       lambda x, limit, value: np.where(x <= limit, x.dtype.type(value), x),
                       x=lambda g, x, limit: where(x <= limit, 0, g))  # fmt: skip


def _silu_slope(x: Any, s: Any) -> Any:
    return s * (1 + x * (1 - s))


def relu(input: Any, inplace: bool = False) -> Any:
    """``max(input, 0)``."""
    return _apply(ew.relu, "relu", input, (), inplace, integers=True)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """`input` where it is positive, ``negative_slope * input`` elsewhere."""
    return _apply(_leaky_relu, "leaky_relu", input, (negative_slope,), inplace)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """`input` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    return _apply(_elu, "elu", input, (alpha,), inplace)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    """``log(1 + exp(beta * input)) / beta``; `input` itself where ``beta * input > threshold``."""
    return _apply(_softplus, "softplus", input, (beta, threshold))


def logsigmoid(input: Any) -> Any:
    """``log(sigmoid(input))``, without overflow."""
    return _apply(_logsigmoid, "logsigmoid", input, ())


def silu(input: Any, inplace: bool = False) -> Any:
    """``input * sigmoid(input)``."""
    return _apply(_silu, "silu", input, (), inplace)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """`input` limited to the range from `min_val` to `max_val`.

    Raises
    ------
    ValueError
        `min_val` is above `max_val`.
    """
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val: got min_val={min_val}, "
            f"max_val={max_val}"
        )
    if isinstance(input, TensorBase) and input.array.dtype.kind in "iu":
        if input.array.dtype.kind == "u" and min_val < 0:
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
        min_val, max_val = int(min_val), int(max_val)
    return _apply(_hardtanh, "hardtanh", input, (min_val, max_val), inplace, integers=True)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """`input` where it is above `threshold`, `value` elsewhere."""
    return _apply(_threshold, "threshold", input, (threshold, value), inplace, integers=True)


def _apply(
    op: Any,
    name: str,
    input: Any,
    arguments: tuple[Any, ...],
    in_place: bool = False,
    integers: bool = False,
) -> Any:
    """``op(input, *arguments)`` after a check of the type; the result may replace `input`."""
    _check_tensor(name, input)
    if not integers and input.array.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: not implemented for '{dtypes.legacy_name(input.array.dtype)}', use "
            "input.float()"
        )
    return inplace(op)(input, *arguments) if in_place else op(input, *arguments)


def _check_tensor(name: str, value: Any, argument: str = "input") -> None:
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{name}(): argument '{argument}' must be Tensor, not {type(value).__name__}"
        )


def _softmax_axis(name: str, input: Any, dim: int | None) -> int:
    """`dim`; if it is not given, the axis that old scripts expect, with a warning to their line."""
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
            "dim=X as an argument.",
            stacklevel=4,
        )
        return 0 if len(input.shape) in (0, 1, 3) else 1
    return dim


def _over_axis(op: Any, name: str, input: Any, dim: int | None, dtype: Any) -> Any:
    _check_tensor(name, input)
    if dtype is None and input.array.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: not implemented for '{dtypes.legacy_name(input.array.dtype)}', use "
            "dtype=torch.float32"
        )
    return op(input, _softmax_axis(name, input, dim), dtype)


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """``exp(x_i) / sum_j exp(x_j)`` along `dim`."""
    return _over_axis(reductions.softmax, "softmax", input, dim, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """`softmax` of ``-input``."""
    _check_tensor("softmin", input)
    return _over_axis(reductions.softmax, "softmin", -input, dim, dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """The logarithm of `softmax`, without overflow."""
    return _over_axis(reductions.log_softmax, "log_softmax", input, dim, dtype)


# ------------------------------------------------------------------------------------------------
# Dropout
# ------------------------------------------------------------------------------------------------


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """In `training`, zero each entry with probability `p` and scale the rest by ``1 / (1 - p)``.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    _check_tensor("dropout", input)
    if not training or p == 0.0 or not input.array.size:
        return input
    kind = input.array.dtype
    if kind.kind != "f":
        raise RuntimeError(
            "dropout: result type Float can't be cast to the desired output type "
            f"{dtypes.legacy_name(kind)}"
        )
    kept = random.default_generator.bernoulli(1 - p, input.array.shape)
    scale = 0.0 if p == 1.0 else 1 / (1 - p)
    mask = wrap(np.asarray(kept, kind) * kind.type(scale))
    return input.mul_(mask) if inplace else input * mask


# ------------------------------------------------------------------------------------------------
# Embedding, one-hot
# ------------------------------------------------------------------------------------------------


def _rows_gradient(g: Any, shape: Any, index: Any, padding_idx: int | None, by_freq: bool) -> Any:
    """What `advanced_index` gives back, but for the padding row; on request by frequency."""
    index = array_of(index)
    if padding_idx is not None:
        g = where((index != padding_idx)[..., None], g, 0)
    if by_freq:
        counts = np.bincount(index.reshape(-1), minlength=shape[0])[index]
        g = g / counts[..., None].astype(array_of(g).dtype)
    (rule, _), *_ = advanced_index.op.calls  # type: ignore[attr-defined]
    return rule(g, shape, index)


_embedding = primitive("embedding", lambda weight, index, padding_idx, by_freq: weight[index],
                       weight=lambda g, weight_shape, index, padding_idx, by_freq: _rows_gradient(
                           g, weight_shape, index, padding_idx, by_freq))  # fmt: skip


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """Row ``input[...]`` of `weight` for every index.

    Parameters
    ----------
    input : Tensor of int64 or int32, any shape
        Row numbers.
    weight : Tensor, shape (V, E)
    padding_idx : int, optional
        A row that gets no gradient.
    max_norm, norm_type : float, optional
        First scale, in place, every row in use whose `norm_type`-norm is above `max_norm` down to
        it.
    scale_grad_by_freq : bool
        Divide the gradient of a row by how often it occurs in `input`.
    sparse : bool
        Accepted; gradients are dense here.

    Returns
    -------
    Tensor, shape (..., E)

    Raises
    ------
    IndexError
        A row number that is negative or not below V.
    RuntimeError
        `input` is not of an integer type.
    """
    _check_tensor("embedding", input, "indices")
    _check_tensor("embedding", weight, "weight")
    index, rows = input.array, weight.array
    if rows.ndim != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, got shape {list(rows.shape)}")
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {dtypes.legacy_name(index.dtype)} instead (while checking "
            "arguments for embedding)"
        )
    count = rows.shape[0]
    if index.size and (index.min() < 0 or index.max() >= count):
        wrong = index[(index < 0) | (index >= count)].flat[0]
        raise IndexError(f"index out of range in self: index {wrong}, but weight has {count} rows")
    if padding_idx is not None:
        if not -count <= padding_idx < count:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= count
    if max_norm is not None:
        _renormalise(weight, index, max_norm, norm_type)
    return _embedding(weight, input, padding_idx, scale_grad_by_freq)


def _renormalise(weight: Any, index: np.ndarray, max_norm: float, norm_type: float) -> None:
    with no_grad():
        used = np.unique(index)
        norms = np.linalg.norm(weight.array[used], norm_type, axis=1)
        large = norms > max_norm
        if large.any():
            factors = (max_norm / (norms[large] + 1e-7)).astype(weight.array.dtype)
            weight.array[used[large]] *= factors[:, None]
            weight._bump_version()


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A last axis of `num_classes` zeros with a 1 at the index that stands in `tensor`; int64.

    ``num_classes=-1`` takes one more than the largest index.
    """
    index = array_of(tensor)
    if index.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if index.size and index.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes <= 0 and not index.size:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if num_classes == -1:
        num_classes = int(index.max()) + 1
    if index.size and index.max() >= num_classes:
        raise RuntimeError(
            f"Class values must be smaller than num_classes: {index.max()} >= {num_classes}"
        )
    return wrap((index[..., None] == np.arange(num_classes)).astype(np.int64))


# ------------------------------------------------------------------------------------------------
# Losses
# ------------------------------------------------------------------------------------------------


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction meant by today's argument or by the two that came before it."""
    if size_average is None and reduce is None:
        return reduction
    size_average, reduce = size_average is not False, reduce is not False
    chosen = "none" if not reduce else "mean" if size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{chosen}' "
        "instead.",
        stacklevel=3,
    )
    return chosen


def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """See `minigrad.nn.CrossEntropyLoss`."""
    reduction = _reduction(reduction, size_average, reduce)
    return losses.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """See `minigrad.nn.NLLLoss`."""
    return _nll_loss(
        input, target, weight, ignore_index, _reduction(reduction, size_average, reduce)
    )


def mse_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Any = None,
) -> Any:  # fmt: skip
    """See `minigrad.nn.MSELoss`. `weight` multiplies the squared error of each entry."""
    reduction = _reduction(reduction, size_average, reduce)
    for name, value in (("input", input), ("target", target)):
        _check_tensor("mse_loss", value, name)
    input, target = _same_shape(input, target)
    if weight is None:
        return losses.mse_loss(input, target, reduction)
    if weight.shape != input.shape:
        raise ValueError(
            "mse_loss: Weights and input must have the same size: "
            f"got {list(weight.shape)} and {list(input.shape)}"
        )
    weighted = losses.mse_loss(input, target, "none") * weight
    if reduction == "none":
        return weighted
    total = weighted.sum()
    return total if reduction == "sum" else total / weight.sum()


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
