r"""Bags of vectors looked up by number, each bag summed up to one vector: `embedding_bag`.

    sum   y[b] = sum of w_i weight[i] over all i in bag b      (w_i = 1 unless given)
    mean  y[b] = the same, divided by how many there are
    max   y[b] = in each column the largest entry

A bag without entries gives zeros.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...autograd.listening import heard, is_listening
from ...autograd.tensor_base import wrap
from ...ops.index import gather, getitem
from ...ops.inplace import index_add
from .arguments import check_optional, check_tensor
from .embeddings import embedding, renormalise

if TYPE_CHECKING:
    from ...tensor import Tensor

ndarray = np.ndarray


def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None,
    norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean",
    sparse: bool = False, per_sample_weights: Any = None, include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """Sums, means or largest entries of the rows of `weight` that stand in each bag.

    Parameters
    ----------
    input : Tensor of int64 or int32, shape (B, n) or (all entries,)
        Row numbers: those of B bags of n entries; or those of all bags, one behind the other.
    weight : Tensor of floats, shape (V, E)
    offsets : Tensor of int64 or int32, shape (B,)
        For a 1-D `input`, and only then: where each bag begins; the first at 0.
    max_norm, norm_type : float, optional
        First scale, in place, every row in use whose `norm_type`-norm is above `max_norm` down to
        it.
    scale_grad_by_freq : bool
        Divide the gradient of a row by how often it occurs in `input`. Not with "max".
    mode : "sum", "mean" or "max"
        Default: "mean".
    sparse : bool
        Accepted, not with "max"; gradients are dense here.
    per_sample_weights : Tensor of the type of `weight` and the shape of `input`, optional
        Factors, for "sum" only.
    include_last_offset : bool
        `offsets` has B + 1 entries, of which the last says where the last bag ends.
    padding_idx : int, optional
        Entries of this number count as not there: they get no gradient, either.

    Returns
    -------
    Tensor, shape (B, E)

    Raises
    ------
    TypeError
        An argument is no tensor.
    ValueError
        Shapes that do not go together; an unknown `mode`, or one that goes without an option.
    RuntimeError
        Types that do not go together; a row number that is not there; offsets that do not begin
        at 0, go down, or beyond the end.
    NotImplementedError
        `per_sample_weights` without "sum".

    Notes
    -----
    PyTorch 2.13 divides some rows by the frequency of another one with `scale_grad_by_freq`.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    >>> embedding_bag(mg.tensor([0, 1, 2, 2]), weight, offsets=mg.tensor([0, 3]))
    tensor([[ 2., 20.],
            [ 3., 30.]])
    """
    options = (max_norm, norm_type, scale_grad_by_freq, mode, sparse, per_sample_weights,
               include_last_offset, padding_idx)  # fmt: skip
    if is_listening():  # (how many entries there are depends on values)
        return heard(embedding_bag, (input, weight, offsets, *options), {})
    check_tensor("embedding_bag", input)
    check_tensor("embedding_bag", weight, "weight")
    check_optional("embedding_bag", offsets=offsets, per_sample_weights=per_sample_weights)
    if weight.array.dtype == np.int64 and input.array.dtype.kind == "f":
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage "
            "`embedding_bag(weight, input, ...)` is deprecated, and should now be "
            "`embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        input, weight = weight, input
    _check_types(input.array, weight.array, per_sample_weights)
    _check_options(mode, sparse, scale_grad_by_freq, per_sample_weights is not None)
    index, bag, count = _bags(input.array, offsets, include_last_offset)
    _check_range(index, len(weight.array))
    if max_norm is not None:
        renormalise(weight, index, max_norm, norm_type)
    there = (bag >= 0) & (bag < count)  # what stands behind the last offset is in no bag
    if padding_idx is not None:
        there &= index != _checked_row(padding_idx, len(weight.array))
    index, bag = index[there], bag[there]

    rows = embedding(wrap(index), weight, scale_grad_by_freq=scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * getitem(per_sample_weights.reshape(-1), wrap(there)).unsqueeze(1)
    zeros = wrap(np.zeros((count, weight.array.shape[1]), weight.array.dtype))
    if mode == "max":
        bag, largest = _largest(rows.array, bag)
        rows = gather(rows, 0, wrap(largest))
    found = index_add(zeros, 0, wrap(bag), rows)
    if mode == "mean":
        sizes = np.maximum(np.bincount(bag, minlength=count), 1)
        found = found / wrap(sizes.astype(weight.array.dtype)[:, None])
    return found


def _bags(index: ndarray, offsets: Any, has_end: bool) -> tuple[ndarray, ndarray, int]:
    """All row numbers in a row, the number of the bag of each, and how many bags there are."""
    if index.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "embedding_bag: if input is 2D, then offsets has to be None, as its rows are the "
                f"bags: input has shape {list(index.shape)}, offsets {list(offsets.shape)}"
            )
        count, size = index.shape
        return index.reshape(-1), np.repeat(np.arange(count), size), count
    if index.ndim != 1:
        raise ValueError(
            f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension "
            f"{index.ndim}: its shape is {list(index.shape)}"
        )
    starts = None if offsets is None else offsets.array
    if starts is None or starts.ndim != 1:
        got = "None" if starts is None else f"shape {list(starts.shape)}"
        raise ValueError(
            f"embedding_bag: offsets has to be a 1D Tensor but got {got}, for an input of shape "
            f"{list(index.shape)}"
        )
    _check_integers(starts, "offsets")
    count = len(starts) - bool(has_end)
    if count < 0:
        raise RuntimeError(
            "embedding_bag: include_last_offset: number of offset should be at least 1"
        )
    if count and starts[0] != 0:
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has "
            f"to start from position 0. However, got {starts[0]}"
        )
    if count and starts[-1] > len(index):
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length {len(index)} but "
            f"got offsets[-1] of {starts[-1]}"
        )
    if (starts[1:] < starts[:-1]).any():
        raise RuntimeError(f"embedding_bag: offsets must not go down, but got {starts.tolist()}")
    return index, np.searchsorted(starts, np.arange(len(index)), "right") - 1, count


def _largest(rows: ndarray, bag: ndarray) -> tuple[ndarray, ndarray]:
    """The bags with entries, and, for each column of each, which of the `rows` has the largest."""
    bags, starts = np.unique(bag, return_index=True)
    ends = [*starts[1:], len(rows)]
    largest = [a + rows[a:b].argmax(0) for a, b in zip(starts, ends)]
    return bags, np.array(largest, np.int64).reshape(len(bags), rows.shape[1])


# -- checks ---------------------------------------------------------------------------------------


def _check_options(mode: str, sparse: bool, by_frequency: bool, weighted: bool) -> None:
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, not {mode!r}")
    if mode == "max" and by_frequency:
        raise ValueError(
            "embedding_bag: max mode does not support scaling the gradient by the frequency"
        )
    if mode == "max" and sparse:
        raise ValueError("embedding_bag: max mode does not support sparse weights")
    if weighted and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')"
        )


def _check_integers(array: ndarray, name: str) -> None:
    if array.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"Expected tensor for argument #1 '{name}' to have one of the following scalar types: "
            f"Long, Int; but got {dtypes.legacy_name(array.dtype)} instead (while checking "
            "arguments for embedding_bag)"
        )


def _check_types(index: ndarray, table: ndarray, factors: Any) -> None:
    if table.ndim != 2:
        raise ValueError(
            "embedding_bag: weight has to be a 2D Tensor, but got Tensor of dimension "
            f"{table.ndim}: its shape is {list(table.shape)}"
        )
    _check_integers(index, "indices")
    if table.dtype.kind != "f":
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: "
            f"Half, Float, Double; but got {dtypes.legacy_name(table.dtype)} instead (while "
            "checking arguments for embedding_bag)"
        )
    if factors is None:
        return
    if factors.array.shape != index.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(factors.shape)}) is not None, then it "
            f"must have the same shape as the input ({list(index.shape)})"
        )
    if factors.array.dtype != table.dtype:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have the same type as tensor for argument "
            "#1 'per_sample_weights'; but type "
            f"{dtypes.legacy_name(table.dtype)} does not equal "
            f"{dtypes.legacy_name(factors.array.dtype)} (while checking arguments for "
            "embedding_bag)"
        )


def _check_range(index: ndarray, rows: int) -> None:
    wrong = (index < 0) | (index >= rows)
    if wrong.any():
        place = int(wrong.argmax())
        raise RuntimeError(
            f"embedding_bag: Index {place} of input takes value {index[place]} which is not in the "
            f"valid range [0, {rows}): weight has {rows} rows"
        )


def _checked_row(padding_idx: int, rows: int) -> int:
    if not -rows <= padding_idx < rows:
        raise RuntimeError(
            "embedding_bag: padding_idx must be within the number of embeddings, "
            f"{-rows} through {rows - 1}, but got {padding_idx}"
        )
    return padding_idx % rows
