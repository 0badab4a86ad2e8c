"""`Source`: how batches are made of indices, in the program itself or in a worker process.

It holds those parts of a loader that this needs, so that it can be sent to workers. `Source.open`
gives a function from indices to a batch; that of a stream is good for one epoch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...tensor import Tensor
from .collate import collate_tensor_fn, default_collate, default_collate_fn_map
from .dataset import Subset, TensorDataset, fetch

__all__ = ["Source", "warn_if_longer"]


class _BaseDataLoaderIter:
    """What ``iter(loader)`` gives, under PyTorch's name for it: some libraries ask for it."""


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """The same, where the loader has workers."""


@dataclass(frozen=True)
class Source:
    """A data set, and what becomes of its samples.

    Attributes
    ----------
    dataset : Dataset
    collate_fn : callable
    is_stream : bool
        Whether `dataset` is an `IterableDataset`.
    batched : bool
        Whether samples are joined to batches, or given one by one.
    drop_last : bool
        Whether the end of a stream is left out if it does not fill a batch.
    """

    dataset: Any
    collate_fn: Callable[[Any], Any]
    is_stream: bool
    batched: bool
    drop_last: bool

    def open(self) -> Any:
        """What makes a batch of indices, or a sample of an index, in one epoch."""
        return _Stream(self) if self.is_stream else _lookup(self)


def _lookup(source: Source) -> Callable[[Any], Any]:
    dataset, collate = source.dataset, source.collate_fn
    if not source.batched:
        return lambda index: collate(dataset[index])
    usual = collate is default_collate and default_collate_fn_map.get(Tensor) is collate_tensor_fn
    gather = _gather(dataset) if usual else None
    if gather is None:
        return lambda indices: collate(fetch(dataset, indices))
    return lambda indices: (
        gather(indices) if type(indices) is list else collate(fetch(dataset, indices))
    )


class _Stream:
    """Makes the next batch, or sample, of a stream; its argument only says how large."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.samples = iter(source.dataset)
        self.ended = False
        self.count = 0
        """How many samples were in the batches so far."""

    def __call__(self, places: list[Any] | None) -> Any:
        collate = self.source.collate_fn
        if places is None:
            sample = next(self.samples)
            self.count += 1
            return collate(sample)
        samples: list[Any] = []
        # By `next` alone: a stream that is its own iterator would begin anew in a for loop.
        while not self.ended and len(samples) < len(places):
            try:
                samples.append(next(self.samples))
            except StopIteration:
                self.ended = True
        if not samples or (self.ended and self.source.drop_last):
            raise StopIteration
        self.count += len(samples)
        return collate(samples)


def warn_if_longer(loader: Any, count: int) -> None:
    """Warn if `count` samples of a stream are more than it said it had (when asked in an epoch)."""
    told = loader._told_length
    if told is None or count <= told:
        return
    message = (
        f"Length of IterableDataset {loader.dataset} was reported to be {told} (when accessing "
        f"len(dataloader)), but {count} samples have been fetched."
    )
    if loader.num_workers:
        message += (
            " Each worker reads the whole stream if its __iter__ does not ask get_worker_info() "
            "which part is its own."
        )
    warnings.warn(message, stacklevel=3)  # the line that asks for the batch


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
