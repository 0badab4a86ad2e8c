"""Data sets, the order in which they are read, and batches of them.

- `dataset`: a data set is anything with ``[k]`` and ``len``, or anything that can be iterated.
- `sampler`: in which order the indices come, and how they are grouped into batches.
- `collate`: samples side by side become a batch of tensors.
- `source`: how a batch is made of indices.
- `dataloader`: all of it together, what a training loop iterates over.
- `workers`: processes that make batches ahead of time; `worker_info`: which of them this is.
"""

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

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset",
    "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
    "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate",
    "default_convert", "get_worker_info", "random_split",
]  # fmt: skip
