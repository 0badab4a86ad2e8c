"""`DistributedSampler`: what one of several ranks has of a data set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ...distributed.group import get_rank, get_world_size, is_initialized
from ...tensor.creation import Generator, randperm
from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th index, from `rank` on; of an order that all ranks shuffle alike.

    So in an epoch every rank sees other examples, and all of them as many. The order is that of
    PyTorch with the same seed.

    Parameters
    ----------
    dataset : Dataset
        Something with a length.
    num_replicas, rank : int
        How many ranks there are, and which one this is. Default: those of the process group.
    shuffle : bool
        Default: True.
    seed : int
        Of the order, the same on all ranks; `set_epoch` adds to it. Default: 0.
    drop_last : bool
        True: leave out what does not divide; else the first entries come again. Default: False.

    Raises
    ------
    RuntimeError
        `num_replicas` or `rank` is not given, and there is no process group.
    ValueError
        There is no such rank.

    References
    ----------
    https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler

    Examples
    --------
    >>> from minigrad.utils.data import DistributedSampler
    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]

    In training, each epoch has an order of its own:

    >>> loader = DataLoader(dataset, batch_size=8, sampler=sampler)  # doctest: +SKIP
    >>> for epoch in range(10):  # doctest: +SKIP
    ...     sampler.set_epoch(epoch)
    ...     for batch in loader:
    """

    def __init__(
        self, dataset: Any, num_replicas: int | None = None, rank: int | None = None,
        shuffle: bool = True, seed: int = 0, drop_last: bool = False,
    ) -> None:  # fmt: skip
        if (num_replicas is None or rank is None) and not is_initialized():
            raise RuntimeError(
                "Requires distributed package to be available: there is no process group. Call "
                "init_process_group first, or give DistributedSampler num_replicas= and rank="
            )
        num_replicas = get_world_size() if num_replicas is None else num_replicas
        rank = get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last, self.epoch = shuffle, seed, drop_last, 0
        count = len(dataset) / num_replicas
        self.num_samples = math.floor(count) if drop_last else math.ceil(count)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        length = len(self.dataset)
        indices = list(range(length))
        if self.shuffle:
            generator = Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = randperm(length, generator=generator).tolist()
        if not self.drop_last:  # the order from its beginning, as often as is needed
            indices = [indices[k % length] for k in range(self.total_size)]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch: without it, all epochs have the same."""
        self.epoch = epoch
