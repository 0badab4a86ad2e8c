"""Tables of vectors looked up by number, and numbers as vectors: `embedding`, `one_hot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...arrays.recording import as_one, records
from ...autograd.grad_mode import no_grad
from ...autograd.listening import heard, is_listening
from ...autograd.primitive import primitive
from ...autograd.tensor_base import array_of, wrap
from ...ops.index import advanced_index, in_range, taken, where
from ...ops.kernels import movement_of
from .arguments import check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor

_most = np.maximum.reduce  # (the method goes through Python)


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


def _looked_up(weight: Any, index: Any, padding_idx: int | None, by_freq: bool) -> Any:
    found = taken(weight, index, 0, False)
    if found is not None:
        return found
    if records(index):
        return weight[in_range(index, len(weight), "weight")]
    _check_range(index, len(weight))
    return weight.take(index, 0)


def _check_range(index: np.ndarray, count: int) -> None:
    if index.size and (index.min() < 0 or index.max() >= count):
        wrong = index[(index < 0) | (index >= count)].flat[0]
        raise IndexError(f"index out of range in self: index {wrong}, but weight has {count} rows")


_embedding = primitive("embedding", _looked_up,
                       weight=lambda g, weight_shape, index, padding_idx, by_freq: _rows_gradient(
                           g, weight_shape, index, padding_idx, by_freq))  # fmt: skip


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
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
    check_tensor("embedding", input, "indices")
    check_tensor("embedding", weight, "weight")
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
    if padding_idx is not None:
        if not -count <= padding_idx < count:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= count
    if max_norm is not None:
        renormalise(weight, index, max_norm, norm_type)
    return _embedding(weight, input, padding_idx, scale_grad_by_freq)


def renormalise(weight: Any, index: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale rows of `weight` whose norm is above `max_norm` down to it, in place: those in use."""
    _check_range(index, len(weight.array))
    with no_grad():
        used = np.unique(index)
        norms = np.linalg.norm(weight.array[used], norm_type, axis=1)
        large = norms > max_norm
        if large.any():
            factors = (max_norm / (norms[large] + 1e-7)).astype(weight.array.dtype)
            weight.array[used[large]] *= factors[:, None]
            weight._bump_version()


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """A last axis of `num_classes` zeros with a 1 at the index that stands in `tensor`; int64.

    ``num_classes=-1`` takes one more than the largest index.
    """
    if is_listening():
        return heard(one_hot, (tensor, num_classes), {})
    check_tensor("one_hot", tensor, "tensor")
    index = array_of(tensor)
    if index.dtype != dtypes.INT64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    # (without `num_classes` the shape depends on values: that cannot be one instruction)
    return wrap((_marks if num_classes > 0 else _marks.function)(index, num_classes))


@as_one(along=lambda index, num_classes: ())
def _marks(index: np.ndarray, num_classes: int) -> np.ndarray:
    kernels = movement_of(index.dtype)
    if kernels is not None and type(num_classes) is int:
        marks = kernels.one_hot(index, num_classes)
        if marks is not None:
            return marks
    flat = index.reshape(-1)
    most = int(_most(flat.view(np.uint64))) if flat.size else -1
    if most >= 2**63:  # as a number without a sign, a negative one is the largest
        raise RuntimeError("Class values must be non-negative.")
    if num_classes <= 0 and not index.size:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if num_classes == -1:
        num_classes = most + 1
    if most >= num_classes:
        raise RuntimeError(
            f"Class values must be smaller than num_classes: {most} >= {num_classes}"
        )
    marks = np.zeros((*index.shape, num_classes), np.int64)
    marks.reshape(-1)[np.arange(0, marks.size, num_classes) + flat] = 1
    return marks
