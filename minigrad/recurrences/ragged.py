"""Ragged batches: sequences of different lengths side by side, and where their steps lie.

Recurrent layers run such a batch with the longest sequence first: then those that still run at a
step are always the first few, and each step computes on the top rows of a matrix that gets shorter.
`Ragged` says which sequences these are and where their rows lie in the padded batch. Everything
here is about places, nothing about values; `minigrad.ops.rows` moves the values, and
`minigrad.nn.utils.rnn` has the packed sequences that people see.

    T steps of the padded batch, N sequences, T' the longest length, R the sum of all lengths

For lengths 2, 4, 1 the steps of the sequences a, b, c lie so (``.`` is padding):

    padded (T=4, N=3)    longest first    packed (R=7)         batch_sizes
        a b c                b a c        b0 a0 c0                  3
        a b .                b a .        b1 a1                     2
        . b .                b . .        b2                        1
        . b .                b . .        b3                        1
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor_base import TensorBase
from ..ops.order import unstable_order

ndarray = np.ndarray


class Ragged(NamedTuple):
    """Where the steps of a batch of sequences of different lengths lie.

    Attributes
    ----------
    batch_sizes : ndarray of int64, shape (T',)
        How many sequences still run at each step: positive, never increasing. T' is 0 if all
        sequences are empty.
    rows : ndarray of int64, shape (R,)
        For each packed row, step after step and the longest sequence first, its row in the padded
        batch: ``t * N + n`` with n the sequence's original position.
    order : ndarray of int64, shape (N,)
        The original position of the k-th longest sequence; among equally long ones the first first.
    inverse : ndarray of int64, shape (N,)
        Where each sequence went: the inverse permutation of `order`.
    lengths : ndarray of int64, shape (N,)
        The length of each sequence, in the original order.
    """

    batch_sizes: ndarray
    rows: ndarray
    order: ndarray
    inverse: ndarray
    lengths: ndarray


def ragged(
    lengths: Any,
    steps: int,
    batch: int,
    *,
    name: str = "lengths",
    zero: bool = True,
    layout: str = "",
) -> Ragged:
    """Find out where the steps of sequences lie in a padded batch.

    Parameters
    ----------
    lengths : list or tuple of int, ndarray or Tensor of integers, shape (N,)
        The length of each sequence.
    steps, batch : int
        T and N of the padded batch.
    name : str
        What to call `lengths` in errors.
    zero : bool
        Whether sequences may be empty.
    layout : str
        What to add to errors about sizes, such as ``"input has shape [4, 3], batch_first=False"``.

    Returns
    -------
    Ragged

    Raises
    ------
    TypeError
        `lengths` are not integers (Python's True and 2.0 are not).
    RuntimeError
        Not one axis, another number of lengths than sequences, or a length below 0 or above T.

    Examples
    --------
    >>> from minigrad.recurrences.ragged import ragged
    >>> batch = ragged([2, 4, 1], steps=4, batch=3)
    >>> batch.order, batch.batch_sizes
    (array([1, 0, 2]), array([3, 2, 1, 1]))
    >>> batch.rows  # b0 a0 c0, b1 a1, b2, b3: row 3 t + n
    array([ 1,  0,  2,  4,  3,  7, 10])
    """
    sizes = checked_lengths(lengths, steps, batch, name=name, zero=zero, layout=layout)
    order = (-sizes).argsort(kind="stable")
    return placed(sizes, order, order.argsort())


def placed(lengths: ndarray, order: ndarray, inverse: ndarray) -> Ragged:
    """The places of sequences that are known to have these `lengths` and this `order`."""
    batch = len(lengths)
    running = np.arange(lengths[order[0]] if batch else 0)[:, None] < lengths[order]  # (T', N)
    # the r-th True of `running` is packed row r: step by step, the longest sequence first
    places = np.arange(0, running.size, batch or 1)[:, None] + order  # t * N + n
    # at step t those sequences do not run that have length 0, 1, ..., t
    done = np.bincount(lengths, minlength=len(running)).cumsum()[: len(running)]
    return Ragged(
        batch_sizes=batch - done,
        rows=places[running],
        order=order,
        inverse=inverse,
        lengths=lengths,
    )


def unpacked(batch_sizes: ndarray, order: ndarray | None, inverse: ndarray | None) -> Ragged:
    """The places of a packed sequence, from its batch sizes and its indices (None: not reordered).

    Parameters
    ----------
    batch_sizes : ndarray of int64, shape (T',)
    order, inverse : ndarray of int64, shape (N,), or None
        The sorted and the unsorted indices of the packed sequence.

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad.recurrences.ragged import unpacked
    >>> unpacked(np.array([3, 2, 1, 1]), None, None).lengths
    array([4, 2, 1])
    """
    batch = int(batch_sizes[0]) if len(batch_sizes) else 0
    if order is None or inverse is None:
        order = inverse = np.arange(batch)
    # how long the k-th longest sequence is: as many steps as have more than k sequences
    descending = len(batch_sizes) - np.bincount(batch_sizes).cumsum()[:batch]
    return placed(descending[inverse], order, inverse)


def checked_lengths(
    lengths: Any,
    steps: int,
    batch: int,
    *,
    name: str = "lengths",
    zero: bool = True,
    layout: str = "",
) -> ndarray:
    """`lengths` as an int64 array of its own, after the checks that `ragged` lists."""
    values = lengths.array if isinstance(lengths, TensorBase) else lengths
    if isinstance(values, (list, tuple)):
        _check_entries(values, name)
    elif not isinstance(values, ndarray):
        raise TypeError(
            f"'{name}' argument should be a list, a tuple or a 1D integer tensor, not "
            f"{type(lengths).__name__}"
        )
    elif values.dtype.kind not in "iu":
        raise TypeError(
            f"'{name}' argument should hold integers, but its dtype is "
            f"{dtypes.of_numpy(values.dtype)}"
        )
    if isinstance(values, ndarray) and values.ndim != 1:
        raise RuntimeError(
            f"'{name}' argument should be a 1D CPU int64 tensor, but got {values.ndim}D cpu "
            f"{dtypes.legacy_name(values.dtype)} tensor of shape {list(values.shape)}"
        )
    sizes = np.array(values, np.int64)
    where = f" ({layout})" if layout else ""
    if len(sizes) != batch:
        if len(sizes) == steps:
            where += (
                ". They fit if the first two axes of the input are swapped: batch_first=True is "
                "for (N, L, ...), batch_first=False for (L, N, ...)"
            )
        raise RuntimeError(
            f"Expected `len({name})` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={batch}): one length for each sequence{where}"
        )
    if batch:
        shortest, longest = sizes.min(), sizes.max()
        if shortest < (0 if zero else 1):
            k = int(sizes.argmin())
            raise RuntimeError(
                f"Length of all samples has to be greater than {'or equal to ' if zero else ''}0, "
                f"but found an element in '{name}' that is {'< 0' if zero else '<= 0'}: "
                f"{name}[{k}] = {sizes[k]}{where}"
            )
        if longest > steps:
            k = int(sizes.argmax())
            raise RuntimeError(
                f"Length of all samples has to be at most the size of the sequence axis, but "
                f"{name}[{k}] = {longest} and the input has {steps} steps{where}"
            )
    return sizes


def _check_entries(values: Any, name: str) -> None:
    """Python numbers must be ints; a tensor of one integer, or a NumPy integer, counts as one."""
    for k, value in enumerate(values):
        if type(value) is int or isinstance(value, np.integer):
            continue
        kind = value.array.dtype.kind if isinstance(value, TensorBase) else ""
        if kind in ("i", "u") and not value.array.ndim:
            continue
        raise TypeError(
            f"'{name}' argument should hold integers, but {name}[{k}] = {value!r} is of type "
            f"{type(value).__name__}"
        )


# ------------------------------------------------------------------------------------------------
# The order of equally long sequences
# ------------------------------------------------------------------------------------------------


def longest_first(lengths: ndarray) -> ndarray:
    """The positions of the sequences, the longest first, in the very order that PyTorch has.

    Any order of equally long sequences would do; but then the rows of a packed batch, which people
    print and compare, would come in another order than in PyTorch (see `minigrad.ops.introsort`).
    Up to 16 sequences, equally long ones keep their order.

    Parameters
    ----------
    lengths : ndarray of int64, shape (N,)

    Returns
    -------
    ndarray of int64, shape (N,)

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad.recurrences.ragged import longest_first
    >>> longest_first(np.array([2, 4, 2, 4]))
    array([1, 3, 0, 2])
    >>> longest_first(np.full(17, 3))
    array([ 8, 16, 15, 14, 13, 12, 11, 10,  9,  0,  7,  6,  5,  4,  3,  2,  1])
    """
    return unstable_order(lengths, 0, descending=True)
