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
from ..ops.elementwise import relu, sigmoid, tanh
from ..ops.index import advanced_index, where
from ..ops.inplace import assign, check_writable, inplace
from ..ops.loss import nll_loss as _nll_loss
from ..ops.makers import broadcast_error
from ..ops.matmul import linear
from ..ops.shape import broadcast_to

__all__ = [
    "cross_entropy", "dropout", "elu", "embedding", "hardtanh", "leaky_relu", "linear", "log_softmax",
    "logsigmoid", "mse_loss", "nll_loss", "one_hot", "relu", "sigmoid", "silu", "softmax", "softmin",
    "softplus", "tanh", "threshold",
]  # fmt: skip

_relu = relu
_relu_ = inplace(relu)


# ------------------------------------------------------------------------------------------------
# Activations
# ------------------------------------------------------------------------------------------------


def relu(input: Any, inplace: bool = False) -> Any:  # type: ignore[no-redef]  # noqa: F811 - PyTorch's signature around the op
    """``max(input, 0)``."""
    return _relu_(input) if inplace else _relu(input)


_leaky_relu = primitive("leaky_relu", lambda x, slope: np.where(x > 0, x, x * slope),
                        x=lambda g, x, slope: where(x > 0, g, g * slope))  # fmt: skip
_elu = primitive("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
                 x=lambda g, x, alpha: where(x > 0, g, g * (alpha * ew.exp(ew.minimum(x, x * 0)))))  # fmt: skip
_softplus = primitive("softplus", lambda x, beta, limit: np.where(
                          x * beta > limit, x, np.logaddexp(x * beta, x.dtype.type(0)) / beta),
                      x=lambda g, x, beta, limit: where(x * beta > limit, g, g * sigmoid(x * beta)))  # fmt: skip
_logsigmoid = primitive("log_sigmoid", lambda x: -np.logaddexp(-x, x.dtype.type(0)),
                        x=lambda g, x: g * sigmoid(-x))  # fmt: skip


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """`input` where it is positive, ``negative_slope * input`` elsewhere."""
    return _maybe_in_place(_leaky_relu(input, negative_slope), input, inplace)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """`input` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    return _maybe_in_place(_elu(input, alpha), input, inplace)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    """``log(1 + exp(beta * input)) / beta``; `input` itself where ``beta * input > threshold``."""
    return _softplus(input, beta, threshold)


def logsigmoid(input: Any) -> Any:
    """``log(sigmoid(input))``, without overflow."""
    return _logsigmoid(input)


def silu(input: Any, inplace: bool = False) -> Any:
    """``input * sigmoid(input)``."""
    return _maybe_in_place(input * sigmoid(input), input, inplace)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """`input` limited to the range from `min_val` to `max_val`."""
    return _maybe_in_place(ew.clamp(input, min_val, max_val), input, inplace)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """`input` where it is above `threshold`, `value` elsewhere."""
    return _maybe_in_place(where(input > threshold, input, value), input, inplace)


def _maybe_in_place(result: Any, input: Any, inplace: bool) -> Any:
    if not inplace:
        return result
    check_writable(input)
    return assign(input, result)


def _softmax_axis(name: str, input: Any, dim: int | None) -> int:
    """`dim`; if it is not given, the axis that old scripts expect, with a warning."""
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
            "dim=X as an argument.",
            stacklevel=3,
        )
        return 0 if len(input.shape) in (0, 1, 3) else 1
    return dim


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """``exp(x_i) / sum_j exp(x_j)`` along `dim`."""
    return reductions.softmax(input, _softmax_axis("softmax", input, dim), dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """`softmax` of ``-input``."""
    return reductions.softmax(-input, _softmax_axis("softmin", input, dim), dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """The logarithm of `softmax`, without overflow."""
    return reductions.log_softmax(input, _softmax_axis("log_softmax", input, dim), dtype)


# ------------------------------------------------------------------------------------------------
# Dropout
# ------------------------------------------------------------------------------------------------


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero each entry with probability `p` and scale the rest by ``1 / (1 - p)``; only in `training`.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0 or not input.array.size:
        return input
    kind = input.array.dtype
    kept = random.default_generator.bernoulli(1 - p, input.array.shape)
    scale = 0.0 if p == 1.0 else 1 / (1 - p)
    mask = wrap(np.asarray(kept, kind) * kind.type(scale))
    return input.mul_(mask) if inplace else input * mask


# ------------------------------------------------------------------------------------------------
# Embedding, one-hot
# ------------------------------------------------------------------------------------------------


def _rows_gradient(g: Any, shape: Any, index: Any, padding_idx: int | None, by_freq: bool) -> Any:
    """What `advanced_index` gives back, without the padding row, shared among repetitions if asked."""
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
        First scale, in place, every row in use whose `norm_type`-norm is above `max_norm` down to it.
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
    index, rows = array_of(input), array_of(weight)
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
            f"Int; but got {dtypes.legacy_name(index.dtype)} instead (while checking arguments for embedding)"
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
    return _embedding(weight, index, padding_idx, scale_grad_by_freq)


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
    if num_classes == -1:
        if not index.size:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(index.max()) + 1
    if index.size and index.max() >= num_classes:
        raise RuntimeError(f"Class values must be smaller than num_classes: {index.max()} >= {num_classes}")
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
        f"size_average and reduce args will be deprecated, please use reduction='{chosen}' instead.",
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
    return _nll_loss(input, target, weight, ignore_index, _reduction(reduction, size_average, reduce))


def mse_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Any = None,
) -> Any:  # fmt: skip
    """See `minigrad.nn.MSELoss`. `weight` multiplies the squared error of each entry."""
    reduction = _reduction(reduction, size_average, reduce)
    input, target = _same_shape(input, target, "mse_loss")
    if weight is None:
        return losses.mse_loss(input, target, reduction)
    weighted = losses.mse_loss(input, target, "none") * weight
    if reduction == "none":
        return weighted
    total = weighted.sum()
    return total if reduction == "sum" else total / broadcast_to(weight, weighted.array.shape).sum()


def _same_shape(input: Any, target: Any, name: str) -> tuple[Any, Any]:
    """Both broadcast to one shape, with a warning if they had different ones."""
    if not isinstance(input, TensorBase) or not isinstance(target, TensorBase):
        raise TypeError(f"{name}(): input and target must be Tensors, not {type(target).__name__}")
    a, b = input.array.shape, target.array.shape
    if a == b:
        return input, target
    warnings.warn(
        f"Using a target size (torch.Size({list(b)})) that is different to the input size "
        f"(torch.Size({list(a)})). This will likely lead to incorrect results due to broadcasting. Please "
        "ensure they have the same size.",
        stacklevel=3,
    )
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError as error:
        raise broadcast_error(input.array, target.array, error) from None
    return broadcast_to(input, shape), broadcast_to(target, shape)
