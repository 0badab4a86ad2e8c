"""Regenerate ``data.json``: in which order PyTorch 2.13 reads data.

    python tests/golden/make_data.py

needs torch. An *order* is a function of a namespace `t` (PyTorch's here, minigrad's in the tests);
what it returns is stored, followed by two numbers drawn afterwards, which show whether the default
generator was left in the same state. Besides, the claims below are checked against PyTorch. The
order "weighted without replacement" is another one on Intel's processors, where PyTorch draws
exponential numbers with MKL.
"""

from __future__ import annotations

import collections
import json
import operator
import random
import runpy
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "data.json"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain

# ------------------------------------------------------------------------------------------------
# Orders
# ------------------------------------------------------------------------------------------------


def seeded(t: Any, seed: int = 7) -> Any:
    """A generator of its own."""
    return t.Generator().manual_seed(seed)


def read(loader: Any, epochs: int = 3) -> list[Any]:
    """The batches of several epochs."""
    return [[batch.tolist() for batch in loader] for _ in range(epochs)]


def several(sampler: Any, epochs: int = 3) -> list[Any]:
    """The indices of several epochs."""
    return [list(sampler) for _ in range(epochs)]


def loader(t: Any, size: int = 11, **options: Any) -> Any:
    """A loader of the numbers below `size`."""
    return t.utils.data.DataLoader(range(size), **options)


def with_models_between(t: Any) -> list[Any]:
    """Epochs between which something else is drawn."""
    data = loader(t, batch_size=4, shuffle=True)
    results = []
    for _ in range(3):
        t.nn.Linear(3, 2)
        for batch in data:
            results.append([batch.tolist(), t.randint(0, 1000, (1,)).tolist()])
    return results


def left_early(t: Any, **options: Any) -> list[Any]:
    """Epochs of which only the beginning is read."""
    data = loader(t, batch_size=2, **options)
    results = []
    for count in (0, 1, 3):
        batches = iter(data)
        results.append([next(batches).tolist() for _ in range(count)])
    return results


def own_generator(t: Any, make: Callable[[Any], Any]) -> list[Any]:
    """Epochs with a generator of their own, and what it draws afterwards."""
    generator = seeded(t)
    results = several(make(generator))
    return [*results, t.randint(0, 1000, (3,), generator=generator).tolist()]


def split(t: Any, size: int, lengths: Any, **options: Any) -> list[list[int]]:
    """The indices of the parts."""
    return [list(part) for part in t.utils.data.random_split(range(size), lengths, **options)]


class Eager:
    """A sampler that draws a whole order when it is asked for one, as many a script's does."""

    def __init__(self, t: Any, size: int) -> None:
        self.t = t
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return iter(self.t.randperm(self.size).tolist())

    def __len__(self) -> int:
        return self.size


def lazy(t: Any, size: int) -> Iterator[int]:
    """Indices that are drawn one by one."""
    for _ in range(size):
        yield int(t.randint(0, size, ()))


def stamped(t: Any, sample: Any) -> list[Any]:
    """A sample, who read it, and what each of the generators drew there."""
    worker = t.utils.data.get_worker_info()
    who = [] if worker is None else [worker.id, worker.num_workers, worker.seed]
    old = np.random.randint(1000)  # noqa: NPY002 - workers seed it
    drawn = random.randrange(1000), int(old), int(t.randint(0, 1000, ()))
    return [sample, *who, *drawn]


def drawing(t: Any, size: int = 7, faulty: int = -1) -> Any:
    """A data set whose samples are numbered, and drawn in part."""

    class Drawing(t.utils.data.Dataset):
        def __len__(self) -> int:
            return size

        def __getitem__(self, index: int) -> list[Any]:
            if index == faulty:
                raise KeyError(f"no sample {index}")
            return stamped(t, index)

    return Drawing()


def uneven(t: Any, *sizes: int) -> Any:
    """A stream that is of another length in each worker."""

    class Uneven(t.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[Any]:
            worker = t.utils.data.get_worker_info()
            return (stamped(t, k) for k in range(sizes[worker.id if worker else 0]))

    return Uneven()


def listed(batch: list[Any]) -> list[Any]:
    """A `collate_fn` that leaves the samples as they are."""
    return batch


def with_workers(t: Any, data: Any, batch_size: Any = 2, epochs: int = 2, **options: Any) -> Any:
    """What workers read: samples in lists, and the first line of each exception in its place."""
    options = {"num_workers": 2, "collate_fn": listed, **options}
    data = t.utils.data.DataLoader(data, batch_size, **options)
    results = []
    for _ in range(epochs):
        batches = iter(data)
        while True:
            try:
                results.append(next(batches))
            except StopIteration:
                break
            except Exception as error:
                text = str(error).splitlines()
                results.append([type(error).__name__, text[0], text[1], text[-1]])
            results.append(t.randint(0, 1000, ()).item())
    return results


def left_and_begun_again(t: Any) -> list[Any]:
    """The beginning of an epoch of persistent workers, and a whole one."""
    options = {"num_workers": 2, "persistent_workers": True, "collate_fn": listed}
    data = t.utils.data.DataLoader(drawing(t), 2, shuffle=True, **options)
    return [next(iter(data)), *data]


def drawing_first(number: int) -> None:
    """A `worker_init_fn`."""
    random.random()
    np.random.seed(number)  # noqa: NPY002 - as scripts do here


WEIGHTS = [0.5, 2.0, 0.0, 1.0, 4.0, 0.25]


def data_of(t: Any) -> Any:
    """Short for the module under test."""
    return t.utils.data


ORDERS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda t: read(loader(t, batch_size=4)),
    "drop_last": lambda t: read(loader(t, batch_size=4, drop_last=True)),
    "shuffle": lambda t: read(loader(t, batch_size=4, shuffle=True), 5),
    "shuffle, one sample": lambda t: read(loader(t, 1, shuffle=True)),
    "shuffle, drop_last": lambda t: read(loader(t, batch_size=4, shuffle=True, drop_last=True)),
    "shuffle, many": lambda t: read(loader(t, 700, batch_size=100, shuffle=True), 2),
    "shuffle, no batches": lambda t: [
        list(loader(t, batch_size=None, shuffle=True)) for _ in range(3)
    ],
    "shuffle, generator": lambda t: own_generator(
        t, lambda g: loader(t, batch_size=None, shuffle=True, generator=g)
    ),
    "generator": lambda t: own_generator(t, lambda g: loader(t, batch_size=None, generator=g)),
    "shuffle, workers": lambda t: read(loader(t, batch_size=4, shuffle=True, num_workers=2)),
    "shuffle, persistent workers": lambda t: read(
        loader(t, batch_size=4, shuffle=True, num_workers=1, persistent_workers=True)
    ),
    "models between epochs": with_models_between,
    "left early": lambda t: left_early(t),
    "left early, shuffle": lambda t: left_early(t, shuffle=True),
    "sampler": lambda t: read(loader(t, sampler=[3, 1, 4, 1, 5], batch_size=2)),
    "batch_sampler": lambda t: read(loader(t, batch_sampler=[[0, 1], [2], [10, 9, 8]])),
    "random sampler in a loader": lambda t: read(
        loader(t, sampler=data_of(t).RandomSampler(range(5)), batch_size=2)
    ),
    "random": lambda t: several(data_of(t).RandomSampler(range(9))),
    "random, generator": lambda t: own_generator(
        t, lambda g: data_of(t).RandomSampler(range(9), generator=g)
    ),
    "random, fewer": lambda t: several(data_of(t).RandomSampler(range(9), num_samples=4)),
    "random, more": lambda t: several(data_of(t).RandomSampler(range(9), num_samples=25)),
    "random, twice": lambda t: own_generator(
        t, lambda g: data_of(t).RandomSampler(range(9), num_samples=18, generator=g)
    ),
    "replacement": lambda t: several(data_of(t).RandomSampler(range(9), True)),
    "replacement, 5": lambda t: several(data_of(t).RandomSampler(range(9), True, 5)),
    "replacement, 32": lambda t: own_generator(
        t, lambda g: data_of(t).RandomSampler(range(9), True, 32, g)
    ),
    "replacement, 70": lambda t: own_generator(
        t, lambda g: data_of(t).RandomSampler(range(9), True, 70, g)
    ),
    "subset": lambda t: several(data_of(t).SubsetRandomSampler([5, 10, 15, 20, 25])),
    "subset, generator": lambda t: own_generator(
        t, lambda g: data_of(t).SubsetRandomSampler([5, 10, 15, 20, 25], g)
    ),
    "subset in a loader": lambda t: read(
        loader(t, sampler=data_of(t).SubsetRandomSampler([5, 10, 2, 7, 3]), batch_size=2)
    ),
    "weighted": lambda t: several(data_of(t).WeightedRandomSampler(WEIGHTS, 12)),
    "weighted, tensor": lambda t: several(data_of(t).WeightedRandomSampler(t.tensor(WEIGHTS), 12)),
    "weighted, generator": lambda t: own_generator(
        t, lambda g: data_of(t).WeightedRandomSampler(WEIGHTS, 12, True, g)
    ),
    "weighted without replacement": lambda t: several(
        data_of(t).WeightedRandomSampler(WEIGHTS, 5, False)
    ),
    "eager sampler": lambda t: read(loader(t, sampler=Eager(t, 5), batch_size=2)),
    "workers": lambda t: with_workers(t, drawing(t)),
    "workers, shuffle": lambda t: with_workers(t, drawing(t), shuffle=True),
    "workers, generator": lambda t: with_workers(
        t, drawing(t), shuffle=True, generator=seeded(t), worker_init_fn=drawing_first
    ),
    "workers, persistent": lambda t: with_workers(
        t, drawing(t), 3, shuffle=True, persistent_workers=True, num_workers=1
    ),
    "workers, persistent, left early": left_and_begun_again,
    "workers, eager sampler": lambda t: with_workers(t, drawing(t), sampler=Eager(t, 7)),
    "workers, eager batches": lambda t: with_workers(
        t, drawing(t), 1, batch_sampler=data_of(t).BatchSampler(Eager(t, 7), 3, True)
    ),
    "workers, no batches": lambda t: with_workers(
        t, drawing(t), None, 1, sampler=lazy(t, 9), prefetch_factor=1, num_workers=3
    ),
    "workers, drawn ahead": lambda t: with_workers(t, drawing(t), 1, 1, sampler=lazy(t, 9)),
    "workers, faulty": lambda t: with_workers(t, drawing(t, faulty=3)),
    "workers, stream": lambda t: with_workers(t, uneven(t, 3, 0, 6), num_workers=3),
    "workers, stream, drop_last": lambda t: with_workers(
        t, uneven(t, 3, 7), drop_last=True, prefetch_factor=1
    ),
    "workers, stream, persistent": lambda t: with_workers(
        t, uneven(t, 1, 4), None, persistent_workers=True
    ),
    "workers, one out of order": lambda t: with_workers(
        t, uneven(t, 4), num_workers=1, in_order=False, timeout=60
    ),
    "weighted in a loader": lambda t: read(
        loader(t, sampler=data_of(t).WeightedRandomSampler(WEIGHTS, 7), batch_size=3)
    ),
    "batches of random": lambda t: several(
        data_of(t).BatchSampler(data_of(t).RandomSampler(range(9)), 4, False)
    ),
    "split": lambda t: split(t, 11, [3, 8]),
    "split, three": lambda t: split(t, 20, [5, 0, 15]),
    "split, fractions": lambda t: split(t, 11, [0.5, 0.3, 0.2]),
    "split, thirds": lambda t: split(t, 11, [1 / 3, 1 / 3, 1 / 3]),
    "split, one": lambda t: split(t, 4, [1.0]),
    "split, generator": lambda t: split(t, 11, [0.9, 0.1], generator=seeded(t)),
    "split, read": lambda t: read(
        t.utils.data.DataLoader(
            t.utils.data.random_split(range(11), [8, 3])[0], batch_size=3, shuffle=True
        )
    ),
}


def play(t: Any, name: str) -> Any:
    """What an order gives from seed 0, and what is drawn after it."""
    t.manual_seed(0)
    return [ORDERS[name](t), t.randint(0, 1000, (2,)).tolist()]


# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def stream(t: Any, length: int | None = None) -> Any:
    """An iterable data set of 0 to 6; its length is known if one is named."""

    class Stream(t.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(7))

    class Known(Stream):
        def __len__(self) -> int:
            return length  # type: ignore[return-value]

    return Stream() if length is None else Known()


def at_once(t: Any, missing: int = 0) -> Any:
    """A data set that fetches many samples at once, and may forget some."""

    class AtOnce(t.utils.data.Dataset):
        def __len__(self) -> int:
            return 10

        def __getitem__(self, index: int) -> str:
            return f"one {index}"

        def __getitems__(self, indices: list[int]) -> list[str]:
            return [f"many {k}" for k in indices][missing:]

    return AtOnce()


def pairs(t: Any, **leaf: Any) -> Any:
    """Three samples: a row of two, and a number."""
    rows = t.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], **leaf)
    return t.utils.data.TensorDataset(rows, t.arange(3))


Point = collections.namedtuple("Point", "x y")


class Row(list[Any]):
    """A list of a class of its own."""

    def __repr__(self) -> str:
        return f"Row{super().__repr__()}"


class Fixed(Sequence[Any]):
    """A sequence that cannot be made from a list."""

    def __init__(self, first: Any, second: Any) -> None:
        self.entries = (first, second)

    def __getitem__(self, index: Any) -> Any:
        return self.entries[index]

    def __len__(self) -> int:
        return 2


class Frozen(tuple[Any, ...]):
    """A tuple of a class of its own."""


class Cell(MutableSequence[Any]):
    """A sequence that is no list."""

    def __init__(self, *entries: Any) -> None:
        self.entries = list(entries)

    def __getitem__(self, index: Any) -> Any:
        return self.entries[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.entries = [value if k == index else e for k, e in enumerate(self.entries)]

    def __delitem__(self, index: Any) -> None:
        del self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)

    def insert(self, index: int, value: Any) -> None:
        self.entries.insert(index, value)

    def __repr__(self) -> str:
        return f"Cell{self.entries}"


class Named(dict[str, Any]):
    """A dict that cannot be made from a dict."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__(x=x, y=y)


def refused(t: Any, **options: Any) -> Any:
    """A loader with these options."""
    return t.utils.data.DataLoader(range(5), **options)


def changed(t: Any, name: str) -> None:
    """Set an attribute of a loader."""
    setattr(refused(t), name, 1)


def collate(t: Any, *batch: Any) -> Any:
    """The batch of these samples."""
    return t.utils.data.default_collate(list(batch))


def by_table(t: Any, *batch: Any, **changes: Any) -> Any:
    """The batch of these samples by the usual table with entries for some types, by name."""
    room = getattr(t.utils.data, "_utils", t.utils.data).collate
    kinds = {"tensor": t.Tensor, "none": type(None), "number": (int, float), "dict": dict}
    own = {kinds[name]: function for name, function in changes.items()}
    return room.collate(list(batch), collate_fn_map={**own, **room.default_collate_fn_map})


def in_a_row(batch: Any, *, collate_fn_map: Any) -> Any:
    """A function for a table."""
    return "in a row", len(batch), len(collate_fn_map)


CONFLICT = "mutually exclusive with batch_size, shuffle, sampler, and drop_last"
POSITIVE = "{0} should be a positive integer value, but got {0}="
FOUND = "batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
SUM = "Sum of input lengths does not equal the length of the input dataset!"

ERRORS: dict[str, tuple[str, str, Any]] = {
    # loaders
    "workers": ("ValueError", "num_workers.*non-negative", lambda t: refused(t, num_workers=-1)),
    "timeout": ("ValueError", "timeout option.*non-negative", lambda t: refused(t, timeout=-1)),
    "prefetch": (
        "ValueError",
        "prefetch_factor option could only be specified in multiprocessing",
        lambda t: refused(t, prefetch_factor=2),
    ),
    "prefetch -1": (
        "ValueError",
        "prefetch_factor option should be non-negative",
        lambda t: refused(t, num_workers=1, prefetch_factor=-1),
    ),
    "persistent": (
        "ValueError",
        "persistent_workers option needs num_workers > 0",
        lambda t: refused(t, persistent_workers=True),
    ),
    "context": (
        "ValueError",
        "multiprocessing_context can only be used with multi-process loading",
        lambda t: refused(t, multiprocessing_context="fork"),
    ),
    "context name": (
        "ValueError",
        "multiprocessing_context option should specify a valid start method in .*'spoon'",
        lambda t: refused(t, num_workers=1, multiprocessing_context="spoon"),
    ),
    "context type": (
        "TypeError",
        "multiprocessing_context option should be a valid context object or a string",
        lambda t: refused(t, num_workers=1, multiprocessing_context=3),
    ),
    "sampler and shuffle": (
        "ValueError",
        "sampler option is mutually exclusive with shuffle",
        lambda t: refused(t, sampler=[1], shuffle=True),
    ),
    "batch_sampler and batch_size": (
        "ValueError", CONFLICT, lambda t: refused(t, batch_sampler=[[1]], batch_size=2),
    ),
    "batch_sampler and shuffle": (
        "ValueError", CONFLICT, lambda t: refused(t, batch_sampler=[[1]], shuffle=True),
    ),
    "batch_sampler and sampler": (
        "ValueError", CONFLICT, lambda t: refused(t, batch_sampler=[[1]], sampler=[1]),
    ),
    "batch_sampler and drop_last": (
        "ValueError", CONFLICT, lambda t: refused(t, batch_sampler=[[1]], drop_last=True),
    ),
    "no batches and drop_last": (
        "ValueError",
        "batch_size=None option disables auto-batching and is mutually exclusive with drop_last",
        lambda t: refused(t, batch_size=None, drop_last=True),
    ),
    "batch_size 0": (
        "ValueError", POSITIVE.format("batch_size") + "0", lambda t: refused(t, batch_size=0),
    ),
    "batch_size True": (
        "ValueError", POSITIVE.format("batch_size") + "True", lambda t: refused(t, batch_size=True),
    ),
    "batch_size 1.5": (
        "ValueError", POSITIVE.format("batch_size") + "1.5", lambda t: refused(t, batch_size=1.5),
    ),
    "drop_last 1": (
        "ValueError",
        "drop_last should be a boolean value, but got drop_last=1",
        lambda t: refused(t, drop_last=1),
    ),
    "nothing to shuffle": (
        "ValueError",
        POSITIVE.format("num_samples") + "0",
        lambda t: t.utils.data.DataLoader([], shuffle=True),
    ),
    **{
        f"stream, {name}": (
            "ValueError",
            f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}=",
            lambda t, name=name, value=value: t.utils.data.DataLoader(stream(t), **{name: value}),
        )
        for name, value in (("shuffle", True), ("sampler", [1]), ("batch_sampler", [[1]]))
    },
    "length of a stream": (
        "TypeError", r"object of type '\w+' has no len", lambda t: len(t.utils.data.DataLoader(stream(t))),
    ),
    **{
        f"set {name}": (
            "ValueError",
            f"{name} attribute should not be set after DataLoader is initialized",
            lambda t, name=name: changed(t, name),
        )
        for name in (
            "batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers",
        )
    },
    # tables of types
    "empty table": (
        "TypeError", "batch must contain tensors.*found <class 'int'>",
        lambda t: getattr(t.utils.data, "_utils", t.utils.data).collate.collate([1]),
    ),
    # data sets
    "sizes": (
        "AssertionError",
        "Size mismatch between tensors",
        lambda t: t.utils.data.TensorDataset(t.ones(2), t.ones(3)),
    ),
    "index": ("IndexError", "index 5 is out of bounds", lambda t: pairs(t)[5]),
    "index in a batch": (
        "IndexError",
        "index 5 is out of bounds",
        lambda t: list(t.utils.data.DataLoader(pairs(t), sampler=[0, 5], batch_size=2)),
    ),
    "stack of nothing": (
        "ValueError", "At least one dataset should be passed", lambda t: t.utils.data.StackDataset(),
    ),
    "stack of both": (
        "ValueError",
        "both types are given",
        lambda t: t.utils.data.StackDataset([1], a=[1]),
    ),
    "stack of lengths": (
        "ValueError",
        "Size mismatch between datasets",
        lambda t: t.utils.data.StackDataset([1], [1, 2]),
    ),
    "stack of lengths by name": (
        "ValueError",
        "Size mismatch between datasets",
        lambda t: t.utils.data.StackDataset(a=[1], b=[1, 2]),
    ),
    "stack of a forgetful one": (
        "ValueError",
        "Nested dataset's output size mismatch. Expected 2, got 1",
        lambda t: t.utils.data.StackDataset(at_once(t, 1)).__getitems__([1, 2]),
    ),
    "concat of nothing": (
        "AssertionError",
        "datasets should not be an empty iterable",
        lambda t: t.utils.data.ConcatDataset([]),
    ),
    "concat of streams": (
        "AssertionError",
        "ConcatDataset does not support IterableDataset",
        lambda t: t.utils.data.ConcatDataset([stream(t)]),
    ),
    "concat, index": (
        "IndexError", "list index out of range", lambda t: t.utils.data.ConcatDataset(["ab"])[2],
    ),
    "concat, negative index": (
        "ValueError",
        "absolute value of index should not exceed dataset length",
        lambda t: t.utils.data.ConcatDataset(["ab"])[-3],
    ),
    "chain of lists": (
        "AssertionError",
        "ChainDataset only supports IterableDataset",
        lambda t: list(t.utils.data.ChainDataset([[1]])),
    ),
    "chain of lists, length": (
        "AssertionError",
        "ChainDataset only supports IterableDataset",
        lambda t: len(t.utils.data.ChainDataset([[1]])),
    ),
    "no getitem": (
        "NotImplementedError",
        "Subclasses of Dataset should implement __getitem__",
        lambda t: t.utils.data.Dataset()[0],
    ),
    "no len": ("TypeError", r"has no len\(\)", lambda t: len(t.utils.data.Dataset())),
    # splits
    "split too short": ("ValueError", SUM, lambda t: split(t, 10, [3, 4])),
    "split too long": ("ValueError", SUM, lambda t: split(t, 10, [3, 8])),
    "split fractions": ("ValueError", SUM, lambda t: split(t, 10, [0.2, 0.3])),
    "split of nothing": ("ValueError", SUM, lambda t: split(t, 10, [])),
    "split fraction": (
        "ValueError",
        "Fraction at index 1 is not between 0 and 1",
        lambda t: split(t, 10, [0.5, 1.5, -1.0]),
    ),
    "split without a length": (
        "TypeError", "has no len", lambda t: t.utils.data.random_split(stream(t), [1.0]),
    ),
    # samplers
    "random, replacement": (
        "TypeError",
        "replacement should be a boolean value, but got replacement=1",
        lambda t: t.utils.data.RandomSampler([1], replacement=1),
    ),
    **{
        f"random, num_samples {value}": (
            "ValueError",
            POSITIVE.format("num_samples") + str(value),
            lambda t, value=value: t.utils.data.RandomSampler([1], num_samples=value),
        )
        for value in (0, -1, 2.5)
    },
    "random, no data": (
        "ValueError",
        POSITIVE.format("num_samples") + "0",
        lambda t: t.utils.data.RandomSampler([]),
    ),
    **{
        f"weighted, num_samples {value}": (
            "ValueError",
            POSITIVE.format("num_samples") + str(value),
            lambda t, value=value: t.utils.data.WeightedRandomSampler([1.0], value),
        )
        for value in (0, -1, 2.5, True)
    },
    "weighted, replacement": (
        "ValueError",
        "replacement should be a boolean value, but got replacement=1",
        lambda t: t.utils.data.WeightedRandomSampler([1.0], 1, 1),
    ),
    "weighted, axes": (
        "ValueError",
        r"weights should be a 1d sequence but given weights have shape \(1, 2\)",
        lambda t: t.utils.data.WeightedRandomSampler([[1.0, 2.0]], 1),
    ),
    "weighted, too many": (
        "RuntimeError",
        "cannot sample n_sample > prob_dist.size",
        lambda t: list(t.utils.data.WeightedRandomSampler([1.0], 2, False)),
    ),
    "no iter": ("NotImplementedError", "", lambda t: iter(t.utils.data.Sampler())),
    "sampler without len": (
        "TypeError", r"has no len\(\)", lambda t: len(t.utils.data.BatchSampler(iter([1]), 1, True)),
    ),
    # collating
    "shapes": (
        "RuntimeError",
        r"stack expects each tensor to be equal size, but got \[2\] at entry 0 and \[1\] at entry 1",
        lambda t: collate(t, t.ones(2), t.ones(1)),
    ),
    "shapes of arrays": (
        "RuntimeError",
        "stack expects each tensor to be equal size",
        lambda t: collate(t, np.ones(2), np.ones((2, 2))),
    ),
    "lengths": (
        "RuntimeError",
        "each element in list of batch should be of equal size",
        lambda t: collate(t, (1, 2), (1,)),
    ),
    "keys": ("KeyError", "'a'", lambda t: collate(t, {"a": 1}, {"b": 1})),
    "none": ("TypeError", FOUND + "<class 'NoneType'>", lambda t: collate(t, None)),
    "set": ("TypeError", FOUND + "<class 'set'>", lambda t: collate(t, {1})),
    "texts": ("TypeError", FOUND + "<U1", lambda t: collate(t, np.array(["a"]))),
    "dates": ("TypeError", FOUND, lambda t: collate(t, np.datetime64("2020-01-01"))),
    "objects": ("TypeError", FOUND + "object", lambda t: collate(t, np.array([None]))),
    "no samples": ("IndexError", "list index out of range", lambda t: collate(t)),
    "mixed": (
        "TypeError", "Tensor as element 1.*but got int", lambda t: collate(t, t.tensor(1), 2),
    ),
}  # fmt: skip

TEXTS: list[tuple[str, Any]] = [
    # loaders
    ("(4, 3, 10, 3, 2)", lambda t: (
        len(loader(t, 10, batch_size=3)),
        len(loader(t, 10, batch_size=3, drop_last=True)),
        len(loader(t, 10, batch_size=None)),
        len(t.utils.data.DataLoader(stream(t, 5), batch_size=2)),
        len(t.utils.data.DataLoader(stream(t, 5), batch_size=2, drop_last=True)),
    )),
    ("[tensor([0, 1, 2]), tensor([3, 4, 5]), tensor([6])]",
     lambda t: [*t.utils.data.DataLoader(stream(t), batch_size=3)]),
    ("[tensor([0, 1, 2]), tensor([3, 4, 5])]",
     lambda t: [*t.utils.data.DataLoader(stream(t), batch_size=3, drop_last=True)]),
    ("[0, 1, 2, 3, 4, 5, 6]", lambda t: [*t.utils.data.DataLoader(stream(t), batch_size=None)]),
    ("[]", lambda t: list(t.utils.data.DataLoader([]))),
    ("[[tensor([[0., 1.],\n        [2., 3.]]), tensor([0, 1])], "
     "[tensor([[4., 5.]]), tensor([2])]]",
     lambda t: list(t.utils.data.DataLoader(pairs(t), batch_size=2))),
    ("[[tensor([[2., 3.],\n        [4., 5.]]), tensor([1, 2])]]",
     lambda t: list(t.utils.data.DataLoader(
         t.utils.data.Subset(pairs(t), [0, 2, 1]), sampler=[-1, 1], batch_size=2))),
    ("[[tensor([[0., 1.],\n        [2., 3.]], grad_fn=<StackBackward0>), tensor([0, 1])], "
     "[tensor([[4., 5.]], grad_fn=<StackBackward0>), tensor([2])]]",
     lambda t: list(t.utils.data.DataLoader(pairs(t, requires_grad=True), batch_size=2))),
    ("[[tensor([[0., 1.],\n        [4., 5.]]), tensor([0, 2])]]",
     lambda t: list(t.utils.data.DataLoader(pairs(t), batch_size=None, sampler=[[0, 2]]))),
    ("[[(tensor([0., 1.]), tensor(0)), (tensor([2., 3.]), tensor(1))], "
     "[(tensor([4., 5.]), tensor(2))]]",
     lambda t: list(t.utils.data.DataLoader(pairs(t), batch_size=2, collate_fn=list))),
    ("[['many 0', 'many 1'], ['many 2']]",
     lambda t: list(t.utils.data.DataLoader(at_once(t), sampler=[0, 1, 2], batch_size=2))),
    ("['one 0', 'one 1']",
     lambda t: list(t.utils.data.DataLoader(at_once(t), sampler=[0, 1], batch_size=None))),
    ("[tensor([5.], dtype=torch.float64), [1, 'a'], {'a': tensor(3.)}]",
     lambda t: list(t.utils.data.DataLoader(
         [np.array([5.0]), (1, "a"), {"a": np.float32(3)}], batch_size=None))),
    ("[1, 5] []", lambda t: (lambda data: Plain(list(data), list(data)))(
        t.utils.data.DataLoader({0: 1, 2: 5}, sampler=iter([0, 2]), batch_size=None))),
    ("4 False None 0 True 2 None False", lambda t: (lambda data: Plain(
        data.batch_size, data.drop_last, data.generator, data.timeout, data.in_order,
        loader(t, num_workers=1).prefetch_factor, data.prefetch_factor, data.persistent_workers,
    ))(loader(t, batch_size=4))),
    ("None False [[0], [1]]", lambda t: (lambda data: Plain(
        data.batch_size, data.drop_last, data.batch_sampler))(loader(t, batch_sampler=[[0], [1]]))),
    ("default_convert default_collate", lambda t: Plain(
        loader(t, batch_size=None).collate_fn.__name__, loader(t).collate_fn.__name__)),
    ("SequentialSampler RandomSampler BatchSampler None", lambda t: Plain(
        type(loader(t).sampler).__name__, type(loader(t, shuffle=True).sampler).__name__,
        type(loader(t).batch_sampler).__name__, loader(t, batch_size=None).batch_sampler)),
    ("None", lambda t: t.utils.data.get_worker_info()),
    # data sets
    ("((tensor([0., 1.]), tensor(0)), (tensor([4., 5.]), tensor(2)), 3)",
     lambda t: (pairs(t)[0], pairs(t)[-1], len(pairs(t)))),
    ("(tensor([[2., 3.],\n        [4., 5.]]), tensor([1, 2]))", lambda t: pairs(t)[1:]),
    ("False", lambda t: hasattr(pairs(t), "__getitems__")),
    ("(2, 'b') {'n': 2, 'c': 'b'} 3", lambda t: Plain(
        t.utils.data.StackDataset([1, 2, 3], "abc")[1],
        t.utils.data.StackDataset(n=[1, 2, 3], c="abc")[1],
        len(t.utils.data.StackDataset([1, 2, 3])))),
    ("[('many 2', 12), ('many 0', 10)]",
     lambda t: t.utils.data.StackDataset(at_once(t), range(10, 20)).__getitems__([2, 0])),
    ("[{'a': 12}, {'a': 10}]",
     lambda t: t.utils.data.StackDataset(a=range(10, 20)).__getitems__([2, 0])),
    ("['many 6', 'many 7'] [6, 7] one 7", lambda t: Plain(
        t.utils.data.Subset(at_once(t), [5, 6, 7]).__getitems__([1, 2]),
        t.utils.data.Subset(range(10), np.array([5, 6, 7])).__getitems__([1, 2]),
        t.utils.data.Subset(at_once(t), [5, 6, 7])[2])),
    ("(tensor([[4., 5.],\n        [2., 3.]]), tensor([2, 1]))",
     lambda t: t.utils.data.Subset(pairs(t), [0, 2, 1])[[1, 2]]),
    ("5 a c e [2, 5]", lambda t: (lambda both: Plain(
        len(both), both[0], both[2], both[-1], both.cumulative_sizes,
    ))(t.utils.data.ConcatDataset(part for part in ("ab", "cde")))),
    ("5 (tensor([0., 1.]), tensor(0)) 8", lambda t: (lambda both: Plain(
        len(both), both[0], both[4]))(operator.add(pairs(t), [9, 8]))),
    ("[0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6] 5", lambda t: Plain(
        list(stream(t) + stream(t)), len(t.utils.data.ChainDataset([stream(t, 2), stream(t, 3)])))),
    # samplers
    ("[0, 1, 2] 3", lambda t: (lambda s: Plain(list(s), len(s)))(
        t.utils.data.SequentialSampler("abc"))),
    ("25 25 9", lambda t: Plain(
        t.utils.data.RandomSampler(range(9), num_samples=25).num_samples,
        len(t.utils.data.RandomSampler(range(9), num_samples=25)),
        len(t.utils.data.RandomSampler(range(9))))),
    ("5 3 tensor([1., 2.], dtype=torch.float64)", lambda t: (lambda s: Plain(
        len(t.utils.data.SubsetRandomSampler(range(5))), len(s), s.weights))(
        t.utils.data.WeightedRandomSampler([1, 2.0], 3))),
    ("[[0, 1, 2], [3, 4, 5], [6]] [[0, 1, 2], [3, 4, 5]] 3 2", lambda t: Plain(
        list(t.utils.data.BatchSampler(range(7), 3, False)),
        list(t.utils.data.BatchSampler(range(7), 3, True)),
        len(t.utils.data.BatchSampler(range(7), 3, False)),
        len(t.utils.data.BatchSampler(range(7), 3, True)))),
    # collating
    ("tensor([1, 2]) tensor([1.5000, 2.0000], dtype=torch.float64) tensor([ True, False])",
     lambda t: Plain(collate(t, 1, 2), collate(t, 1.5, 2.0), collate(t, True, False))),
    ("tensor([1, 2]) tensor([1.0000, 2.5000]) tensor([nan, 1.], dtype=torch.float64)",
     lambda t: Plain(collate(t, True, 2), collate(t, 1, 2.5), collate(t, float("nan"), 1))),
    ("['a', 'b'] [b'a', b'b']", lambda t: Plain(collate(t, "a", "b"), collate(t, b"a", b"b"))),
    ("[tensor([1, 2]), ('a', 'b')]", lambda t: collate(t, (1, "a"), (2, "b"))),
    ("[tensor([1, 3]), tensor([2, 4])]", lambda t: collate(t, [1, 2], [3, 4])),
    ("[tensor([0, 0]), tensor([1, 1])]", lambda t: collate(t, range(2), range(2))),
    ("Row[tensor([1, 3]), tensor([2, 4])]", lambda t: collate(t, Row([1, 2]), Row([3, 4]))),
    ("Cell[tensor([1, 3]), tensor([2, 4])]", lambda t: collate(t, Cell(1, 2), Cell(3, 4))),
    ("[tensor([1, 3]), tensor([2, 4])]", lambda t: collate(t, Fixed(1, 2), Fixed(3, 4))),
    ("[tensor([1, 3]), tensor([2, 4])]", lambda t: collate(t, Frozen((1, 2)), Frozen((3, 4)))),
    ("Point(x=tensor([1, 3]), y=tensor([2, 4]))", lambda t: collate(t, Point(1, 2), Point(3, 4))),
    ("{'a': tensor([1, 2])}", lambda t: collate(t, {"a": 1}, {"a": 2, "b": 3})),
    ("{'x': tensor([1, 3]), 'y': tensor([2, 4])}", lambda t: collate(t, Named(1, 2), Named(3, 4))),
    ("defaultdict(<class 'list'>, {'a': tensor([1, 2])})", lambda t: collate(
        t, collections.defaultdict(list, a=1), collections.defaultdict(list, a=2))),
    ("[] {} []", lambda t: Plain(collate(t, (), ()), collate(t, {}, {}), collate(t, [], []))),
    ("tensor([[1., 2.],\n        [3., 4.]])",
     lambda t: collate(t, t.tensor([1.0, 2.0]), t.tensor([3.0, 4.0]))),
    ("tensor([[1.],\n        [2.]])", lambda t: collate(t, t.tensor([1.0]), t.tensor([2]))),
    ("tensor([[1.],\n        [2.]], grad_fn=<StackBackward0>)",
     lambda t: collate(t, t.tensor([1.0]), t.tensor([2.0], requires_grad=True))),
    ("tensor([[1., 1.],\n        [0., 0.]], dtype=torch.float64)",
     lambda t: collate(t, np.ones(2), np.zeros(2))),
    ("tensor([3, 4]) tensor([1., 2.]) tensor([3, 4], dtype=torch.int32) tensor([True])",
     lambda t: Plain(
         collate(t, np.array(3), np.array(4)), collate(t, np.float32(1), np.float32(2)),
         collate(t, np.int32(3), np.int32(4)), collate(t, np.bool_(True)))),
    ("tensor([1.5000], dtype=torch.float64) ['a']",
     lambda t: Plain(collate(t, np.float64(1.5)), [str(s) for s in collate(t, np.str_("a"))])),
    ("{'x': tensor([[1.],\n        [2.]]), 'n': [tensor([1, 3]), ('a', 'b')]}", lambda t: collate(
        t, {"x": t.tensor([1.0]), "n": (1, "a")}, {"x": t.tensor([2.0]), "n": (3, "b")})),
    ("[tensor([1, 2]), ('in a row', 2, 8)]",
     lambda t: by_table(t, (1, None), (2, None), none=in_a_row)),
    ("('in a row', 2, 8) tensor([1]) ('in a row', 1, 8)", lambda t: Plain(
        by_table(t, {"a": 1}, {"a": 2}, dict=in_a_row), by_table(t, 1, number=in_a_row),
        by_table(t, True, number=in_a_row))),
    ("[1, tensor([1.], dtype=torch.float64)]",
     lambda t: t.utils.data.default_convert((1, np.ones(1)))),
    ("{'a': tensor(3), 'b': ['c', 1.5], 'd': b'e'}", lambda t: t.utils.data.default_convert(
        {"a": np.int64(3), "b": ["c", 1.5], "d": b"e"})),
    ("Point(x=1, y=tensor([1., 1.]))",
     lambda t: t.utils.data.default_convert(Point(1, np.ones(2, np.float32)))),
    ("Row[tensor(1)] [0, 1] [1, 2] {'x': 1, 'y': 2}", lambda t: Plain(
        t.utils.data.default_convert(Row([np.int64(1)])), t.utils.data.default_convert(range(2)),
        t.utils.data.default_convert(Fixed(1, 2)), t.utils.data.default_convert(Named(1, 2)))),
    ("array(['a'], dtype='<U1')", lambda t: t.utils.data.default_convert(np.array(["a"]))),
    ("tensor(1) None {1}", lambda t: Plain(
        t.utils.data.default_convert(t.tensor(1)), t.utils.data.default_convert(None),
        t.utils.data.default_convert({1}))),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    stored = {name: play(torch, name) for name in ORDERS}
    TARGET.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
