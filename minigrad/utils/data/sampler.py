"""Samplers: the order in which a data set is read.

A sampler yields indices; `BatchSampler` groups them into lists. The random ones draw exactly what
PyTorch's draw, and when PyTorch draws it: at the first index of each epoch. So with the same seed
the samples come in the same order, and the generator is left in the same state.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ... import random
from ...arrays.dtypes import float64
from ...tensor import Tensor, creation
from ...tensor.creation import as_tensor, multinomial

T_co = TypeVar("T_co", covariant=True)

CHUNK = 32
"""How many indices `RandomSampler` draws at a time with replacement."""


def draw_seed(generator: Any = None) -> int:
    """Draw a seed (63 bits, two words) from `generator`; default: the default generator."""
    source = random.default_generator if generator is None else generator
    return int(source.any_integers(()))


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


class Sampler(Generic[T_co]):
    """What samplers are derived from. Define ``__iter__``, and ``__len__`` if it is known."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class SequentialSampler(Sampler[int]):
    """One index after the other, from 0 on.

    Parameters
    ----------
    data_source : Dataset
        Only its length matters.
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices at random: every sample once, in an order that changes with every epoch.

    Parameters
    ----------
    data_source : Dataset
        Only its length matters.
    replacement : bool
        Draw each index from all of them, so that some come twice and others not. Default: False.
    num_samples : int, optional
        How many indices an epoch has; without replacement, every sample comes n times before one
        comes n + 1 times. Default: the length of `data_source`.
    generator : Generator, optional
        What to draw from. Default: a new generator every epoch, whose seed is drawn from the
        default generator.

    Raises
    ------
    TypeError
        `replacement` is no bool.
    ValueError
        `num_samples` is no positive integer, or there is no data.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import RandomSampler
    >>> list(RandomSampler("abcdef", generator=mg.Generator().manual_seed(0)))
    [2, 5, 3, 0, 1, 4]
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                "num_samples should be a positive integer value, but got "
                f"num_samples={self.num_samples}"
            )

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has (the data may grow between epochs)."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n = len(self.data_source)
        generator = self.generator
        if generator is None:
            generator = creation.Generator().manual_seed(draw_seed())
        if self.replacement:
            full, rest = divmod(self.num_samples, CHUNK)
            # (one size after the other: an endless epoch may have any number of them)
            for size in itertools.chain(itertools.repeat(CHUNK, full), [rest]):
                yield from generator.integers(size, 0, n).tolist()
        else:
            full, rest = divmod(self.num_samples, n)
            for _ in range(full):
                yield from generator.permutation(n).tolist()
            if rest or self.generator is not None:  # PyTorch draws the last order in any case
                yield from generator.permutation(n).tolist()[:rest]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Given indices, in an order that changes with every epoch.

    Parameters
    ----------
    indices : sequence of int
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import SubsetRandomSampler
    >>> list(SubsetRandomSampler([10, 20, 30, 40], generator=mg.Generator().manual_seed(0)))
    [10, 20, 40, 30]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for k in creation.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[k]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices with given probabilities, for example to see rare classes more often.

    Parameters
    ----------
    weights : sequence of float
        Of each index; they need not sum to one.
    num_samples : int
        How many indices an epoch has.
    replacement : bool
        Whether an index may come twice. Default: True.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Raises
    ------
    ValueError
        `num_samples` is no positive integer, `replacement` no bool, or `weights` has not one axis.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import WeightedRandomSampler
    >>> seed = mg.Generator().manual_seed(0)
    >>> list(WeightedRandomSampler([0.1, 0.9, 0.0], 6, generator=seed))
    [1, 1, 1, 1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor | np.ndarray,
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights.dim() != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        ).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The indices of another sampler in lists.

    Parameters
    ----------
    sampler : Sampler or iterable of int
    batch_size : int
        How many indices make a list.
    drop_last : bool
        Leave out the last list if it is shorter.

    Raises
    ------
    ValueError
        `batch_size` is no positive integer, or `drop_last` no bool.

    Examples
    --------
    >>> from minigrad.utils.data import BatchSampler, SequentialSampler
    >>> list(BatchSampler(SequentialSampler("abcdefg"), batch_size=3, drop_last=False))
    [[0, 1, 2], [3, 4, 5], [6]]
    """

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool) -> None:
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full if self.drop_last or not rest else full + 1
