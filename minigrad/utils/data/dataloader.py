"""`DataLoader`: iterating over it gives a data set in batches, once per epoch.

An epoch asks a sampler for indices, the data set for the samples there, and `collate_fn` for a
batch of them. Everything happens in this process; the arguments about worker processes are checked
and kept, so that scripts need no change.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset, fetch
from .sampler import BatchSampler, RandomSampler, SequentialSampler, draw_seed

T_co = TypeVar("T_co", covariant=True)

FIXED = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)
"""The attributes of a loader that its samplers were made from."""

START_METHODS = ("fork", "spawn", "forkserver")

PREFETCH_FACTOR = 2


class DataLoader(Generic[T_co]):
    """Batches of a data set.

    Parameters
    ----------
    dataset : Dataset
        An object with ``[k]`` and ``len``, or an `IterableDataset`.
    batch_size : int or None
        Samples in a batch. None: no batches, the samples one by one. Default: 1.
    shuffle : bool, optional
        Another order every epoch (`RandomSampler`). Default: False.
    sampler : Sampler or iterable of int, optional
        An order of your own.
    batch_sampler : Sampler or iterable of list of int, optional
        Batches of your own, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers : int
        Accepted. The data are read in this process. Default: 0.
    collate_fn : callable, optional
        Makes a batch of a list of samples. Default: `default_collate`, and for samples one by one
        `default_convert`.
    pin_memory : bool
        Accepted; there is no GPU. Default: False.
    drop_last : bool
        Leave out the last batch if it is smaller. Default: False.
    timeout : float
        Accepted. Default: 0.
    worker_init_fn : callable, optional
        Accepted and never called, since no worker starts: what it usually does, seeding the
        worker's generators, would here reset those of the program.
    multiprocessing_context : optional
        Accepted, with `num_workers`.
    generator : Generator, optional
        What a shuffled order is drawn from. Default: the default generator.
    prefetch_factor : int, optional
        Accepted, with `num_workers`.
    persistent_workers : bool
        Accepted, with `num_workers`. Default: False.
    pin_memory_device, in_order
        Accepted.

    Raises
    ------
    ValueError
        Arguments that contradict one another, or that are out of range.
    TypeError
        ``len`` of a loader whose data set or sampler has none.

    Notes
    -----
    Every epoch begins by drawing a number from `generator`, with which PyTorch seeds its workers,
    and then draws what the sampler needs. So not only the batches are PyTorch's: what is drawn
    afterwards is too. Persistent workers are seeded once, and so is the number drawn once.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import DataLoader
    >>> _ = mg.manual_seed(0)
    >>> loader = DataLoader(range(10), batch_size=4, shuffle=True)
    >>> list(loader)
    [tensor([6, 7, 1, 4]), tensor([2, 0, 9, 8]), tensor([3, 5])]
    >>> list(loader)
    [tensor([2, 4, 7, 0]), tensor([8, 9, 5, 3]), tensor([6, 1])]
    """

    _complete = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_context(num_workers, multiprocessing_context)
        if num_workers and prefetch_factor is None:
            prefetch_factor = PREFETCH_FACTOR
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.persistent_workers = persistent_workers
        self.generator = generator

        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream:
            _check_unordered(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )

        if sampler is None:
            if self._is_stream:
                sampler = itertools.repeat(None)  # "the next one", for ever
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self._seeded = False
        self._told_length: int | None = None
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete and name in FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    def __len__(self) -> int:
        if not self._is_stream:
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        length = self._told_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if not (self.persistent_workers and self._seeded):
            draw_seed(self.generator)
            self._seeded = True
        return _Epoch(self)


class _Epoch(Generic[T_co]):
    """One pass over a loader's data, batch by batch.

    An exception of the data set, of a sampler or of `collate_fn` loses its batch, and no other: the
    next call goes on behind it. (After an exception a generator would be at its end.)
    """

    def __init__(self, loader: DataLoader[T_co]) -> None:
        self._loader = loader
        batches = loader.batch_sampler
        self._indices = iter(loader.sampler if batches is None else batches)
        self._fetch = _stream(loader) if loader._is_stream else _lookup(loader)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[T_co]:
        return self

    def __next__(self) -> T_co:
        result: T_co = self._fetch(next(self._indices))
        return result


def _lookup(loader: DataLoader[Any]) -> Callable[[Any], Any]:
    """What makes a batch of indices, or a sample of an index."""
    dataset, collate = loader.dataset, loader.collate_fn
    if loader.batch_sampler is None:
        return lambda index: collate(dataset[index])
    gather = _gather(dataset) if collate is default_collate else None
    if gather is None:
        return lambda indices: collate(fetch(dataset, indices))
    return lambda indices: (
        gather(indices) if type(indices) is list else collate(fetch(dataset, indices))
    )


def _stream(loader: DataLoader[Any]) -> Callable[[Any], Any]:
    """What makes the next batch, or sample, of a stream; its argument only says how large."""
    stream = iter(loader.dataset)
    collate, drop_last = loader.collate_fn, loader.drop_last
    count, ended = 0, False

    def fetch_next(places: list[Any] | None) -> Any:
        nonlocal count, ended
        if places is None:
            sample = next(stream)
            count += 1
            _check_told_length(loader, count)
            return collate(sample)
        samples: list[Any] = []
        # By `next` alone: a stream that is its own iterator would begin anew in a for loop.
        while not ended and len(samples) < len(places):
            try:
                samples.append(next(stream))
            except StopIteration:
                ended = True
        if not samples or (ended and drop_last):
            raise StopIteration
        count += len(samples)
        _check_told_length(loader, count)
        return collate(samples)

    return fetch_next


def _check_told_length(loader: DataLoader[Any], count: int) -> None:
    told = loader._told_length
    if told is not None and count > told:
        warnings.warn(
            f"Length of IterableDataset {loader.dataset} was reported to be {told} (when accessing "
            f"len(dataloader)), but {count} samples have been fetched.",
            stacklevel=4,  # the line that asks for the batch
        )


def _gather(dataset: Any) -> Callable[[list[Any]], list[Any]] | None:
    """For a `TensorDataset`, or a part of one: a function from indices to the batch.

    It does at once what `default_collate` does with the samples one by one. None if something makes
    a difference: another ``__getitem__``, or a graph that the batch would have to belong to.
    """
    if type(dataset) is Subset:
        inner, chosen = _gather(dataset.dataset), dataset.indices
        return None if inner is None else lambda indices: inner([chosen[k] for k in indices])
    if type(dataset) is TensorDataset and not any(t.requires_grad for t in dataset.tensors):
        return lambda indices: [tensor[indices] for tensor in dataset.tensors]
    return None


def get_worker_info() -> None:
    """Which worker process this is: None, the program itself."""
    return


# ------------------------------------------------------------------------------------------------
# Checks
# ------------------------------------------------------------------------------------------------


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"num_workers option should be non-negative, but got {num_workers}; use num_workers=0 "
            "to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, but got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. Let num_workers > "
            "0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError(
            f"prefetch_factor option should be non-negative, but got {prefetch_factor}"
        )
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_context(num_workers: int, context: Any) -> None:
    if context is None:
        return
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > "
            "0), but got num_workers=0"
        )
    if isinstance(context, str):
        if context not in START_METHODS:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{list(START_METHODS)}, but got multiprocessing_context={context!r}"
            )
    elif not hasattr(context, "get_start_method"):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context!r}"
        )


def _check_unordered(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """A stream comes in its own order."""
    for name, value, absent in (
        ("shuffle", shuffle, shuffle is None or shuffle is False),
        ("sampler", sampler, sampler is None),
        ("batch_sampler", batch_sampler, batch_sampler is None),
    ):
        if not absent:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )
