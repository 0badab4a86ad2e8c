"""`PackedSequence`: the steps of sequences of different lengths in one tensor, without padding.

What belongs here is the class, and reading one: `places_of` checks that its parts fit together and
says where its steps lie. The functions that make packed sequences are in `minigrad.nn.utils.rnn`.

    T steps, N sequences, * any further axes of a step, R the sum of all lengths
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor_base import TensorBase, wrap
from ..tensor import Tensor
from .ragged import Ragged, unpacked

ndarray = np.ndarray


class PackedSequence_(NamedTuple):
    """The fields of a `PackedSequence`."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """The steps of several sequences in one tensor: all first steps, then all second steps, ...

    The longest sequence comes first, so that those which still run at a step are the first
    ``batch_sizes[t]``. Make one with `pack_padded_sequence` or `pack_sequence`; recurrent layers
    take it and return one.

    Parameters
    ----------
    data : Tensor, shape (R, *)
        The steps. May also be a pair ``(data, batch_sizes)``.
    batch_sizes : Tensor of int64, shape (T,)
        How many sequences run at each step: positive, never increasing, their sum is R.
    sorted_indices : Tensor of int64, shape (N,), optional
        The original position of the k-th longest sequence. None: the sequences were sorted.
    unsorted_indices : Tensor of int64, shape (N,), optional
        Where each sequence went, the inverse of `sorted_indices`. Default: made from these.

    Attributes
    ----------
    data, batch_sizes, sorted_indices, unsorted_indices
        As above; it is a tuple of these four.

    Raises
    ------
    AssertionError
        `batch_sizes` is missing, and `data` is no pair.
    AttributeError, TypeError
        `batch_sizes` or `sorted_indices` is no tensor.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import PackedSequence
    >>> PackedSequence(mg.tensor([1.0, 3.0, 2.0]), mg.tensor([2, 1]))  # 1 2 and 3
    PackedSequence(data=tensor([1., 3., 2.]), batch_sizes=tensor([2, 1]), sorted_indices=None, \
unsorted_indices=None)
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> PackedSequence:
        """See the class."""
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError(
                    "Expected data to be a list or tuple of length 2, (data, batch_sizes), where "
                    "the argument batch_sizes is missing"
                )
            data, batch_sizes = data
        if not isinstance(batch_sizes, Tensor):
            raise AttributeError(
                f"'{type(batch_sizes).__name__}' object has no attribute 'device': batch_sizes "
                "must be a Tensor of int64"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Any) -> PackedSequence:
        """The same places with other data; itself if they are its own."""
        return self if data is self.data else self._replace(data=data)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data in another dtype (see `Tensor.to`); itself if nothing changes."""
        if "copy" in kwargs and kwargs.pop("copy"):
            raise RuntimeError(".to() does not accept copy argument")
        return self._with(self.data.to(*args, **kwargs))

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The sequence itself: it is on the CPU."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Raise: there is no GPU here."""
        return self._with(self.data.cuda())

    def double(self) -> PackedSequence:
        """The data as float64."""
        return self._with(self.data.double())

    def float(self) -> PackedSequence:
        """The data as float32."""
        return self._with(self.data.float())

    def half(self) -> PackedSequence:
        """The data as float16."""
        return self._with(self.data.half())

    def long(self) -> PackedSequence:
        """The data as int64."""
        return self._with(self.data.long())

    def int(self) -> PackedSequence:
        """The data as int32."""
        return self._with(self.data.int())

    def short(self) -> PackedSequence:
        """The data as int16."""
        return self._with(self.data.short())

    def char(self) -> PackedSequence:
        """The data as int8."""
        return self._with(self.data.char())

    def byte(self) -> PackedSequence:
        """The data as uint8."""
        return self._with(self.data.byte())

    @property
    def is_cuda(self) -> bool:
        """False: there is no GPU here."""
        return False

    def is_pinned(self) -> bool:
        """False: memory is pinned for GPUs, and there is none here."""
        return False

    def pin_memory(self) -> PackedSequence:
        """Raise: memory is pinned for GPUs, and there is none here."""
        raise RuntimeError(
            "Cannot access accelerator device when none is available: minigrad computes on the CPU "
            "only, where memory need not be pinned"
        )


def invert_permutation(permutation: Any) -> Any:
    """Where each entry of a permutation stands.

    Parameters
    ----------
    permutation : Tensor of integers, shape (N,), or None
        The numbers 0 to N - 1 in any order.

    Returns
    -------
    Tensor of int64, shape (N,), or None
        ``result[permutation[k]] == k``; None for None.

    Raises
    ------
    TypeError
        Not a tensor.
    IndexError
        Not one axis.
    RuntimeError
        Not integers, or not each number once.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import invert_permutation
    >>> invert_permutation(mg.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    if not isinstance(permutation, TensorBase):
        raise TypeError(
            "invert_permutation(): argument 'permutation' must be Tensor, not "
            f"{type(permutation).__name__}"
        )
    return wrap(_inverse(permutation.array, "permutation"))


def _inverse(permutation: ndarray, name: str) -> ndarray:
    if permutation.dtype.kind != "i":
        raise RuntimeError(
            f"{name}: Expected dtype int32/int64 for index, but got "
            f"{dtypes.of_numpy(permutation.dtype)}"
        )
    if permutation.ndim != 1:
        raise IndexError(
            f"{name}: Dimension out of range: expected one axis, got shape "
            f"{list(permutation.shape)}"
        )
    inverse = permutation.argsort()
    n = len(permutation)
    expected = np.arange(n)
    if (permutation[inverse] != expected).any():
        for k in np.flatnonzero((permutation < 0) | (permutation >= n))[:1]:
            raise RuntimeError(
                f"index {permutation[k]} is out of bounds for dimension 0 with size {n}: "
                f"{name}[{k}] = {permutation[k]}"
            )
        missing = np.setdiff1d(expected, permutation)[0]
        raise RuntimeError(f"{name} should have each number below {n} once, but has no {missing}")
    return inverse


def places_of(sequence: PackedSequence) -> Ragged:
    """Where the steps of a packed sequence lie in the padded batch that it stands for.

    Raises
    ------
    AttributeError
        Not a `PackedSequence`.
    RuntimeError
        Its parts do not fit together, which can only be if it was made by hand.
    """
    if not isinstance(sequence, PackedSequence_):
        raise AttributeError(
            f"'{type(sequence).__name__}' object has no attribute 'batch_sizes': expected a "
            "PackedSequence"
        )
    data, sizes = sequence.data.array, sequence.batch_sizes.array
    if sizes.ndim != 1 or sizes.dtype != np.int64:
        raise RuntimeError(
            f"'batch_sizes' of a PackedSequence should be a 1D CPU int64 tensor, but got "
            f"{sizes.ndim}D cpu {dtypes.legacy_name(sizes.dtype)} tensor"
        )
    if not len(sizes):
        raise RuntimeError("batch_sizes can not be empty")
    if sizes[-1] <= 0 or (sizes[1:] > sizes[:-1]).any():
        raise RuntimeError(
            f"batch_sizes of a PackedSequence must be positive and never increase, but are "
            f"{_short(sizes)}"
        )
    if not data.ndim or len(data) != sizes.sum():
        raise RuntimeError(
            f"shape {list(data.shape)} of a PackedSequence's data is invalid: the first axis must "
            f"have one row for each step, {sizes.sum()} by its batch_sizes"
        )
    if sequence.unsorted_indices is None:
        return unpacked(sizes, None, None)
    inverse = sequence.unsorted_indices.array
    order = _inverse(inverse, "unsorted_indices")
    if len(inverse) != sizes[0]:
        raise RuntimeError(
            f"unsorted_indices of a PackedSequence names {len(inverse)} sequences, but by its "
            f"batch_sizes it has {sizes[0]}"
        )
    if sequence.sorted_indices is not None:
        given = sequence.sorted_indices.array
        if given.shape != order.shape or (given != order).any():
            raise RuntimeError(
                "unsorted_indices of a PackedSequence must be the inverse of its sorted_indices, "
                f"but they are {_short(inverse)} and {_short(given)}"
            )
    return unpacked(sizes, order, inverse)


def _short(numbers: ndarray) -> str:
    text = ", ".join(map(str, numbers[:20].tolist()))
    return f"[{text}, ...]" if numbers.size > 20 else f"[{text}]"
