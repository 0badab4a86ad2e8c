"""Data sets, the order in which they are read, and batches of them.

- `dataset`: a data set is anything with ``[k]`` and ``len``, or anything that can be iterated.
- `sampler`: in which order the indices come, and how they are grouped into batches.
- `collate`: samples side by side become a batch of tensors.
- `source`: how a batch is made of indices.
- `dataloader`: all of it together, what a training loop iterates over.
- `distributed`: which part of a data set one of several ranks has; imported when first asked for.
- `position`: a place in an epoch, for trainings that are interrupted and go on.
- `workers`: processes that make batches ahead of time; `worker_info`: which of them this is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .collate import default_collate, default_convert
from .dataloader import DataLoader
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)  # fmt: skip
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)  # fmt: skip
from .worker_info import get_worker_info

if TYPE_CHECKING:
    from . import distributed as distributed
    from .distributed import DistributedSampler as DistributedSampler

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
    "IterableDataset",
    "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
    "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate",
    "default_convert", "get_worker_info", "random_split",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("DistributedSampler", "distributed"):
        module = import_module(f"{__name__}.distributed")
        return module.DistributedSampler if name == "DistributedSampler" else module
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
