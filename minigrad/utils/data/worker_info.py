"""`get_worker_info`: a data set asks which worker process it is in.

In a module of its own, so that asking loads nothing of what makes processes (see `workers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["WorkerInfo", "get_worker_info"]


@dataclass(frozen=True)
class WorkerInfo:
    """A worker process of a `DataLoader`, as it sees itself.

    Attributes
    ----------
    id : int
        Its number, from 0 to ``num_workers - 1``.
    num_workers : int
    seed : int
        What its generators were seeded with: that of minigrad, that of `random`, and, mixed with
        `id`, that of NumPy.
    dataset : Dataset
        Its own copy of the data set.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_this: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Which worker process of a `DataLoader` this is; None in the program itself.

    A stream asks in its ``__iter__``, since every worker has a copy of it: those that all read all
    of it would give every sample once for each worker.

    Returns
    -------
    WorkerInfo or None

    Examples
    --------
    >>> from minigrad.utils.data import DataLoader, IterableDataset, get_worker_info
    >>> class Numbers(IterableDataset):
    ...     def __iter__(self):
    ...         worker = get_worker_info()
    ...         if worker is None:
    ...             return iter(range(6))
    ...         return iter(range(worker.id, 6, worker.num_workers))
    >>> list(DataLoader(Numbers(), batch_size=2))
    [tensor([0, 1]), tensor([2, 3]), tensor([4, 5])]
    >>> list(DataLoader(Numbers(), batch_size=2, num_workers=2, multiprocessing_context="fork"))
    [tensor([0, 2]), tensor([1, 3]), tensor([4]), tensor([5])]
    """
    return _this


def set_worker_info(info: WorkerInfo) -> None:
    """Say which worker process this is, once for all of its life."""
    global _this
    _this = info
