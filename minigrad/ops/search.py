"""Looking entries up: in sorted sequences, in sets, in runs. Nothing here has a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase, array_of, wrap
from .arguments import checked_axis
from .checked import checked_methods
from .reduce import without_derivative
from .values import is_number

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


def searchsorted(
    sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: Any = None,
) -> Tensor:  # fmt: skip
    """Where to insert numbers into sequences so that these stay sorted.

    Parameters
    ----------
    sorted_sequence : Tensor, shape (n,), or (..., n)
        In ascending order along the last axis.
    input : Tensor or number
        Of any shape beside one sequence; beside several of shape (..., k).
    out_int32 : bool
        Return int32, not int64.
    right : bool
        Insert behind equal entries, not before them; the same as ``side="right"``.
    sorter : Tensor of int64, optional
        The order of a sequence that is not sorted.

    Raises
    ------
    RuntimeError
        The shapes do not go together, or `side` contradicts `right`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.searchsorted(mg.tensor([1, 3, 5]), mg.tensor([3, 4]))
    tensor([1, 2])
    """
    if is_listening():
        options = {"out_int32": out_int32, "right": right, "side": side, "sorter": sorter}
        return heard(searchsorted, (sorted_sequence, input), options)
    name, line = "torch.searchsorted()", array_of(sorted_sequence)
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{name}: side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            f"{name}: side and right can't be set to opposites, got side of left while right was "
            "True"
        )
    if not line.ndim:
        raise RuntimeError(
            f"{name}: boundaries tensor should have positive dimension, but got 0 dimension"
        )
    values = np.asarray(array_of(input))
    if line.ndim > 1 and line.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            f"{name}: boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            f"boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(line.shape)} and input value tensor {list(values.shape)}"
        )
    if sorter is not None:
        order = array_of(sorter)
        if order.shape != line.shape:
            raise RuntimeError(
                f"{name}: boundary and sorter must have the same size, but got boundary tensor "
                f"{list(line.shape)} and got sorter tensor {list(order.shape)}"
            )
        if order.dtype != np.int64:
            raise RuntimeError(
                f"{name}: sorter must be a tensor of long dtype but got dtype "
                f"{dtypes.legacy_name(order.dtype)}"
            )
        line = np.take_along_axis(line, order, -1)
    where: Any = "right" if right or side == "right" else "left"
    if line.ndim == 1:
        places = np.searchsorted(line, values, where)
    else:
        places = np.empty(values.shape, np.int64)
        for place in np.ndindex(line.shape[:-1]):
            places[place] = np.searchsorted(line[place], values[place], where)
    return wrap(np.asarray(places, np.int32 if out_int32 else np.int64))


def bucketize(
    input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """Between which of the sorted `boundaries` numbers lie: `searchsorted`, the other way round."""
    if array_of(boundaries).ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({array_of(boundaries).ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Which of `elements` are among `test_elements` (or are not, with `invert`).

    One of both may be a number. `assume_unique` is without effect.
    """
    if is_listening():
        return heard(isin, (elements, test_elements), {"invert": invert})
    if is_number(elements) and is_number(test_elements):
        raise TypeError(
            "isin() received an invalid combination of arguments: one of them must be a tensor"
        )
    arrays = [np.asarray(array_of(v)) for v in (elements, test_elements)]
    for given, array in zip((elements, test_elements), arrays):
        if isinstance(given, TensorBase) and array.dtype.kind == "b":
            raise RuntimeError("Unsupported input type encountered for isin(): Bool")
    return wrap(np.asarray(np.isin(arrays[0], arrays[1], invert=invert)))


_unique_consecutive = without_derivative("unique_consecutive", "unique_consecutive")


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The entries without those that equal the one before, or the slices along `dim`.

    Parameters
    ----------
    return_inverse : bool
        Also return to which of the results each entry belongs.
    return_counts : bool
        Also return how many each of them stands for.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.unique_consecutive(mg.tensor([1, 1, 2, 1]), return_counts=True)
    (tensor([1, 2, 1]), tensor([2, 1, 1]))
    """
    if is_listening():
        return heard(unique_consecutive, (input, return_inverse, return_counts, dim), {})
    array = array_of(input)
    axis = 0 if dim is None else checked_axis(dim, array.ndim)
    lines = array.reshape(-1) if dim is None else np.moveaxis(np.atleast_1d(array), axis, 0)
    begins = np.ones(len(lines), bool)
    begins[1:] = (lines[1:] != lines[:-1]).any(tuple(range(1, lines.ndim)))
    kept = np.moveaxis(lines[begins], 0, axis) if dim is not None else lines[begins]
    results = [_unique_consecutive(input, np.ascontiguousarray(kept))]
    if return_inverse:
        inverse = np.cumsum(begins) - 1
        results.append(wrap(inverse.reshape(array.shape) if dim is None else inverse))
    if return_counts:
        ends = np.append(np.flatnonzero(begins), len(lines))
        results.append(wrap(np.diff(ends)))
    return results[0] if len(results) == 1 else tuple(results)


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    unique_consecutive = unique_consecutive
