"""`DataLoader`: iterating over it gives a data set in batches, once per epoch.

An epoch asks a sampler for indices, the data set for the samples there, and `collate_fn` for a
batch of them (`source`): in this process, or ahead of time in worker processes (`workers`).
"""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Generic, TypeVar

from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .position import Position
from .sampler import BatchSampler, RandomSampler, SequentialSampler, draw_seed
from .source import Source, _BaseDataLoaderIter, warn_if_longer
from .worker_info import get_worker_info as get_worker_info

T_co = TypeVar("T_co", covariant=True)

FIXED = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)
"""The attributes of a loader that its samplers were made from."""

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
        How many processes make batches while the program works with earlier ones. 0: the program
        makes them itself, when it asks for them. Default: 0.
    collate_fn : callable, optional
        Makes a batch of a list of samples. Default: `default_collate`, and for samples one by one
        `default_convert`.
    pin_memory : bool
        Accepted; there is no GPU. Default: False.
    drop_last : bool
        Leave out the last batch if it is smaller. Default: False.
    timeout : float
        For how many seconds at most to wait for a batch of the workers. Default: 0, for ever.
    worker_init_fn : callable, optional
        What each worker calls first, with its number, when its generators are seeded.
    multiprocessing_context : str or multiprocessing context, optional
        How workers are started: ``"fork"`` makes them copies of the program, within milliseconds.
        ``"spawn"`` and ``"forkserver"`` make new processes, which import what they need, and are
        sent `dataset`, `collate_fn` and `worker_init_fn`. Default: that of `multiprocessing`.
    generator : Generator, optional
        What a shuffled order, and the seeds of the workers, are drawn from. Default: the default
        generator.
    prefetch_factor : int, optional
        How many batches to ask of each worker in advance. Default: 2, where there are workers.
    persistent_workers : bool
        Keep the workers for the next epoch, instead of starting others. Default: False.
    pin_memory_device : str
        Accepted.
    in_order : bool
        Give the batches in the order of the sampler. False: as they come. Default: True.

    Raises
    ------
    ValueError
        Arguments that contradict one another, or that are out of range.
    TypeError
        ``len`` of a loader whose data set or sampler has none.
    PicklingError, AttributeError, TypeError
        Something that a worker must be sent is a lambda, say.
    RuntimeError
        While batches are read: a worker died, or the time was out.
    AssertionError
        When an epoch begins: `timeout` without workers, or a `prefetch_factor` of 0.

    Warns
    -----
    UserWarning
        There are to be more workers than processors.

    Notes
    -----
    Every epoch draws a number from `generator`, and then what the sampler needs. Worker k seeds
    minigrad's generator and that of `random` with this number plus k, and NumPy's with a mixture of
    the two. So not only the batches are PyTorch's: what data sets draw in workers is too, and what
    is drawn afterwards. Persistent workers are seeded once.

    An exception in a worker is raised in the program when it asks for the batch: of the same type,
    with the worker's traceback as its text. The next batch can be had all the same.

    A stream is copied to every worker, and has to ask `get_worker_info` for its part.

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
        self._iterator: Any = None  # that of persistent workers
        self._told_length: int | None = None
        self._complete = True
        _warn_of_many(num_workers)

    @property
    def multiprocessing_context(self) -> Any:
        """What makes worker processes; may be set to the name of a start method, too."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        self._context = _checked_context(self.num_workers, context)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete and name in FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    def __len__(self) -> int:
        if not self._is_stream:
            return len(self._index_sampler)
        length = self._told_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        return self._epoch(None)

    def _epoch(self, position: Position | None) -> Iterator[Any]:
        """One pass over the data; `position` follows it, and may have it begin further on."""
        if not self.num_workers:
            return _SingleProcessDataLoaderIter(self, position)
        workers = import_module("minigrad.utils.data.workers")  # which loads much of Python
        if self._iterator is not None and not self._iterator.is_over:
            self._iterator.begin(self, position)
            return self._iterator
        epoch = workers.WorkerEpoch(self, position)
        if self.persistent_workers:
            self._iterator = epoch
        return epoch

    def __getstate__(self) -> dict[str, Any]:
        """A copy of a loader has no workers yet."""
        return {**self.__dict__, "_iterator": None}

    @property
    def _index_sampler(self) -> Any:
        """What gives the indices of one batch after the other, or those of single samples."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def _source(self) -> Source:
        """What makes batches of them."""
        return Source(
            self.dataset,
            self.collate_fn,
            self._is_stream,
            batched=self.batch_sampler is not None,
            drop_last=self.drop_last,
        )


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter, Generic[T_co]):
    """One pass over a loader's data, batch by batch, in this process.

    An exception of the data set, of a sampler or of `collate_fn` loses its batch, and no other: the
    next call goes on behind it. (After an exception a generator would be at its end.)
    """

    def __init__(self, loader: DataLoader[T_co], position: Position | None = None) -> None:
        if loader.timeout:
            raise AssertionError("DataLoader without workers requires timeout == 0")
        self._loader = loader
        self._indices = iter(loader._index_sampler)
        draw_seed(loader.generator)  # PyTorch draws it here, though it has no use for it
        if position is not None:
            self._indices = position.begin(self._indices)
        self._fetch = loader._source().open()

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def __iter__(self) -> Iterator[T_co]:
        return self

    def __next__(self) -> T_co:
        batch: T_co = self._fetch(next(self._indices))
        if self._loader._is_stream:
            warn_if_longer(self._loader, self._fetch.count)
        return batch


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


def _checked_context(num_workers: int, context: Any) -> Any:
    """The context that makes worker processes; None: the default one."""
    if context is None:
        return None
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > "
            "0), but got num_workers=0"
        )
    import multiprocessing  # not at the top: few scripts need it

    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods}, but got multiprocessing_context={context!r}"
            )
        context = multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context!r}"
        )
    return context


def _warn_of_many(num_workers: int) -> None:
    """Warn of more workers than there are processors for this process."""
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        processors = os.cpu_count() or num_workers
    if num_workers > processors:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested "
            f"max number of worker in current system is {processors}: with more of them, loading "
            "may be slower, or come to a standstill.",
            stacklevel=3,
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
