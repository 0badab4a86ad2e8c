"""Data sets: what a `DataLoader` reads.

A data set is an object with ``dataset[k]`` and ``len(dataset)``; lists will do. The classes here
make data sets from tensors and from one another. An `IterableDataset` is one without indices, a
stream, which can only be read from its beginning.
"""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ...tensor import Tensor, creation

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """What data sets are derived from. Define ``__getitem__``, and ``__len__`` if it is known.

    A data set that can fetch many samples at once more quickly than one by one may define
    ``__getitems__(indices)`` as well, which returns a list of samples.

    Examples
    --------
    >>> from minigrad.utils.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...
    ...     def __getitem__(self, k):
    ...         return k * k
    >>> both = Squares() + Squares()
    >>> len(both), both[5]
    (8, 1)
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """A data set that is a stream. Define ``__iter__``; ``__len__`` if it is known.

    Examples
    --------
    >>> from minigrad.utils.data import DataLoader, IterableDataset
    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> list(DataLoader(Countdown(), batch_size=2))
    [tensor([3, 2]), tensor([1])]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of IterableDataset should implement __iter__.")

    def __add__(self, other: Any) -> ChainDataset:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The k-th sample is a tuple of the k-th entries of several tensors.

    Parameters
    ----------
    *tensors : Tensor
        With first axes of the same size.

    Attributes
    ----------
    tensors : tuple of Tensor

    Raises
    ------
    AssertionError
        The sizes differ.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import TensorDataset
    >>> dataset = TensorDataset(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.tensor([0, 1]))
    >>> len(dataset), dataset[1]
    (2, (tensor([3., 4.]), tensor(1)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        sizes = [tensor.size(0) for tensor in tensors]
        if any(size != sizes[0] for size in sizes):
            raise AssertionError(f"Size mismatch between tensors: their first axes are {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([tensor[index] for tensor in self.tensors])

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset[Any]):
    """Several data sets of one length, read side by side.

    Parameters
    ----------
    *args : Dataset
        Samples are tuples then;
    **kwargs : Dataset
        or dicts, if the data sets are given by name.

    Attributes
    ----------
    datasets : tuple or dict of Dataset

    Raises
    ------
    ValueError
        Both kinds of arguments or none, or different lengths.

    Examples
    --------
    >>> from minigrad.utils.data import StackDataset
    >>> StackDataset([1, 2, 3], "abc")[1]
    (2, 'b')
    >>> StackDataset(number=[1, 2, 3], letter="abc")[1]
    {'number': 2, 'letter': 'b'}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like "
                "input/output, but both types are given."
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets: Any = args or kwargs
        lengths = [len(dataset) for dataset in self._columns()]
        if any(length != lengths[0] for length in lengths):
            raise ValueError(f"Size mismatch between datasets: their lengths are {lengths}")
        self._length = lengths[0]

    def _columns(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _row(self, entries: Sequence[Any]) -> Any:
        """One sample from one entry of each data set."""
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, entries, strict=True))
        return tuple(entries)

    def __getitem__(self, index: Any) -> Any:
        return self._row([dataset[index] for dataset in self._columns()])

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        """The samples at `indices`, in one request to each data set that takes such requests."""
        columns = [fetch(dataset, indices) for dataset in self._columns()]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(
                    "Nested dataset's output size mismatch. "
                    f"Expected {len(indices)}, got {len(column)}"
                )
        return [self._row(entries) for entries in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Several data sets, one after the other.

    Parameters
    ----------
    datasets : iterable of Dataset

    Attributes
    ----------
    datasets : list of Dataset
    cumulative_sizes : list of int
        Where each of them ends.

    Raises
    ------
    AssertionError
        No data set at all, or an `IterableDataset`, which has no indices.

    Examples
    --------
    >>> from minigrad.utils.data import ConcatDataset
    >>> both = ConcatDataset(["ab", "cde"])
    >>> both[2], both[-1], both.cumulative_sizes
    ('c', 'e', [2, 5])
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        lengths = [len(dataset) for dataset in self.datasets]
        self.cumulative_sizes = list(itertools.accumulate(lengths))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> T_co:
        if index < 0:
            if -index > len(self):
                raise ValueError(
                    "absolute value of index should not exceed dataset length: "
                    f"index {index}, length {len(self)}"
                )
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"list index out of range: index {index}, length {len(self)}")
        start = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - start]


class ChainDataset(IterableDataset[Any]):
    """Several streams, one after the other.

    Parameters
    ----------
    datasets : iterable of IterableDataset

    Raises
    ------
    AssertionError
        When it is read: one of `datasets` is no `IterableDataset`.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self._streams())

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._streams())


class Subset(Dataset[T_co]):
    """Some samples of another data set.

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of int
        Which samples, and in which order.

    Examples
    --------
    >>> from minigrad.utils.data import Subset
    >>> list(Subset("abcdef", [4, 0]))
    ['e', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[k] for k in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[Any]) -> list[T_co]:
        """The samples at `indices`, in one request if the data set takes such requests."""
        return fetch(self.dataset, [self.indices[k] for k in indices])

    def __len__(self) -> int:
        return len(self.indices)


def fetch(dataset: Any, indices: Sequence[Any]) -> list[Any]:
    """The samples at `indices`: by ``__getitems__`` if there is one, otherwise one by one."""
    at_once = getattr(dataset, "__getitems__", None)
    return at_once(indices) if at_once else [dataset[k] for k in indices]


# ------------------------------------------------------------------------------------------------
# Splitting
# ------------------------------------------------------------------------------------------------


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Any = None
) -> list[Subset[Any]]:
    """Deal the samples of `dataset` out at random.

    Parameters
    ----------
    dataset : Dataset
        With a length.
    lengths : sequence of int, or of float
        How many samples each part shall get, or which fraction of them if that sums to 1. Fractions
        are rounded down, and what is left over goes one by one to the parts in turn.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Returns
    -------
    list of Subset

    Raises
    ------
    ValueError
        `lengths` do not sum to the length of `dataset` (or to 1), or a fraction is outside [0, 1].

    Warns
    -----
    UserWarning
        A part that was given as a fraction got no sample.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import random_split
    >>> parts = random_split(range(10), [0.7, 0.3], generator=mg.Generator().manual_seed(0))
    >>> [list(part) for part in parts]
    [[4, 1, 7, 5, 3, 9, 0], [8, 6, 2]]
    """
    size = len(dataset)
    total = sum(lengths)
    if math.isclose(total, 1):  # PyTorch refuses fractions whose sum is rounded up
        lengths = _counts(size, lengths)
        total = sum(lengths)
    if total != size:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"The sum is {total}, the length {size}"
        )
    order = creation.randperm(int(total), generator=generator).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - n : end]) for end, n in zip(ends, lengths, strict=True)]


def _counts(size: int, fractions: Sequence[float]) -> list[int]:
    """How many of `size` samples each fraction is."""
    for k, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {k} is not between 0 and 1: {fraction}")
    counts = [math.floor(size * fraction) for fraction in fractions]
    for k in range(size - sum(counts)):
        counts[k % len(counts)] += 1
    for k, count in enumerate(counts):
        if count == 0:
            warnings.warn(
                f"Length of split at index {k} is 0. This might result in an empty dataset.",
                stacklevel=3,
            )
    return counts
