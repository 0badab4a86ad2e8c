"""Data sets, samplers and loaders: PyTorch's batches, and what holds for all of them."""

import itertools
import json
import pickle
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.utils import data
from minigrad.utils.data import DataLoader, Subset, TensorDataset, collate, source

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_data.py")))
STORED = json.loads((GOLDEN / "data.json").read_text(encoding="utf-8"))

sizes = st.integers(1, 60)
seeds = st.integers(0, 2**32)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert list(STORED) == list(made.ORDERS)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("name", made.ORDERS)
def test_order_and_generator_are_pytorchs(name):
    assert made.play(mg, name) == STORED[name]


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# Batches
# ------------------------------------------------------------------------------------------------


@given(sizes, st.integers(1, 70), st.booleans(), st.booleans(), seeds)
def test_a_loader_gives_every_sample_once(size, batch_size, shuffle, drop_last, seed):
    mg.manual_seed(seed)
    loader = DataLoader(range(size), batch_size, shuffle, drop_last=drop_last)
    batches = [batch.tolist() for batch in loader]
    assert len(batches) == len(loader)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    flat = [k for batch in batches for k in batch]
    if drop_last:
        assert len(flat) == size // batch_size * batch_size
        assert len(set(flat)) == len(flat)
    else:
        assert sorted(flat) == list(range(size))
    if not shuffle:
        assert flat == list(range(len(flat)))


class Slow(TensorDataset):
    """A TensorDataset whose batches are collated sample by sample."""


@given(
    st.sampled_from(["float32", "float64", "int64", "bool"]),
    st.lists(st.integers(0, 3), max_size=2),
    st.lists(st.integers(-5, 4), min_size=1, max_size=8),
    st.booleans(),
)
def test_gathered_batches_equal_collated_ones(dtype, shape, indices, nested):
    values = facts.numbers(3, 5, *shape).astype(dtype)
    tensors = mg.tensor(values), mg.arange(5)
    quick, slow = TensorDataset(*tensors), Slow(*tensors)
    if nested:
        order = [4, 2, 0, 3, 1]
        quick, slow = Subset(Subset(quick, order), range(5)), Subset(Subset(slow, order), range(5))
    assert source._gather(quick) is not None
    assert source._gather(slow) is None
    options = {"sampler": indices, "batch_size": 3}
    pairs = zip(DataLoader(quick, **options), DataLoader(slow, **options), strict=True)
    for got, expected in pairs:
        assert type(got) is type(expected) is list
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            assert mg.equal(a, b)


def test_a_batch_is_a_copy():
    x = mg.zeros(3, 2)
    for dataset in (TensorDataset(x), Slow(x), [(row,) for row in x]):
        (batch,) = next(iter(DataLoader(dataset, batch_size=2)))
        batch.fill_(1)
        assert not x.any()


def test_an_overridden_getitem_is_used():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * x for x in super().__getitem__(index))

    dataset = Doubled(mg.arange(3))
    assert [b.tolist() for (b,) in DataLoader(dataset, batch_size=2)] == [[0, 2], [4]]
    inside = Subset(dataset, [2, 1])
    assert [b.tolist() for (b,) in DataLoader(inside, batch_size=2)] == [[4, 2]]


def test_gradients_flow_through_batches():
    x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for dataset in (TensorDataset(x), list(x), [x.view(3)[k] for k in range(3)]):
        x.grad = None
        for batch in DataLoader(dataset, batch_size=2):
            (batch[0] if isinstance(batch, list) else batch).pow(2).sum().backward()
        assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_a_view_whose_base_entered_a_graph_later_takes_its_gradient_along():
    base, w = mg.zeros(2), mg.tensor(3.0, requires_grad=True)
    views = [base[0], base[1]]
    base.add_(w)
    data.default_collate(views).sum().backward()
    assert w.grad.item() == 2.0


def test_collating_large_batches_needs_no_recursion():
    batch = [{"x": mg.tensor([float(k)]), "y": [k, {"z": (k, "text")}]} for k in range(2000)]
    result = data.default_collate(batch)
    assert result["x"].shape == (2000, 1)
    assert result["y"][0].tolist() == list(range(2000))
    assert result["y"][1]["z"][1] == ("text",) * 2000


def test_the_table_of_default_collate_can_be_changed(monkeypatch):
    monkeypatch.setitem(collate.default_collate_fn_map, frozenset, lambda batch, **_: set(batch))
    assert data.default_collate([{"a": frozenset()}]) == {"a": {frozenset()}}
    loader = DataLoader(TensorDataset(mg.arange(3)), batch_size=2)
    monkeypatch.setitem(collate.default_collate_fn_map, mg.Tensor, lambda batch, **_: len(batch))
    assert list(loader) == [[2], [1]]


def test_default_convert_shares_memory():
    array = np.zeros(2)
    data.default_convert({"a": [array]})["a"][0][0] = 5
    assert array.tolist() == [5, 0]


def test_a_class_that_cannot_be_copied_becomes_plain():
    class Sealed(dict):
        def __copy__(self):
            raise TypeError("sealed")

    assert type(data.default_collate([Sealed(a=1)])) is dict
    assert data.default_convert(Sealed(a=1)) == {"a": 1}


@pytest.mark.parametrize("make", [collate.default_collate, lambda b: data.default_convert(b[0])])
def test_a_mapping_is_rebuilt_as_its_class(make):
    class View(collate.Mapping):
        def __init__(self, entries):
            self.entries = dict(entries)

        def __getitem__(self, key):
            return self.entries[key]

        def __iter__(self):
            return iter(self.entries)

        def __len__(self):
            return len(self.entries)

    result = make([View({"a": np.ones(1)})])
    assert type(result) is View
    assert isinstance(result["a"], mg.Tensor)


# ------------------------------------------------------------------------------------------------
# Streams
# ------------------------------------------------------------------------------------------------


@given(st.integers(0, 20), st.one_of(st.none(), st.integers(1, 8)), st.booleans())
def test_a_stream_comes_in_order(size, batch_size, drop_last):
    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(range(size))

        def __len__(self):
            return size

    if batch_size is None:
        loader = DataLoader(Stream(), batch_size=None)
        assert list(loader) == list(range(size))
        return
    loader = DataLoader(Stream(), batch_size, drop_last=drop_last)
    for _ in range(2):
        batches = [batch.tolist() for batch in loader]
        assert len(batches) == len(loader)
        expected = list(range(size))[: size // batch_size * batch_size if drop_last else size]
        assert [k for batch in batches for k in batch] == expected


def test_an_endless_stream_is_read_as_far_as_needed():
    class Endless(data.IterableDataset):
        def __iter__(self):
            return itertools.count()

    batches = iter(DataLoader(Endless(), batch_size=2))
    assert [next(batches).tolist() for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_stream_longer_than_it_says_is_reported(batch_size):
    loader = DataLoader(made.stream(mg, 5), batch_size=batch_size)
    assert [*map(int, itertools.chain.from_iterable(map(np.atleast_1d, loader)))] == [*range(7)]
    len(loader)
    message = r"was reported to be 5 ?\(when accessing len\(dataloader\)\), but [67] samples"
    with pytest.warns(UserWarning, match=message):
        for _ in loader:
            pass


def test_a_stream_that_forgot_iter_says_so():
    class Lazy(data.IterableDataset):
        pass

    with pytest.raises((NotImplementedError, TypeError), match="__iter__"):
        iter(Lazy())


# ------------------------------------------------------------------------------------------------
# Samplers
# ------------------------------------------------------------------------------------------------


@given(sizes, st.integers(1, 200), seeds)
def test_random_sampler_without_replacement_is_fair(size, count, seed):
    sampler = data.RandomSampler(
        range(size), num_samples=count, generator=mg.Generator().manual_seed(seed)
    )
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == count
    assert all(type(k) is int for k in drawn)
    for start in range(0, count, size):
        part = drawn[start : start + size]
        assert len(set(part)) == len(part)
        assert set(part) <= set(range(size))


@given(sizes, st.integers(1, 200), seeds)
def test_random_sampler_with_replacement_stays_in_range(size, count, seed):
    sampler = data.RandomSampler(range(size), True, count, mg.Generator().manual_seed(seed))
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == count
    assert set(drawn) <= set(range(size))


def test_an_endless_random_sampler_starts_at_once():
    endless, short = [
        data.RandomSampler(range(9), True, count, mg.Generator().manual_seed(1))
        for count in (10**18, 64)
    ]
    assert list(itertools.islice(endless, 64)) == list(short)
    assert len(endless) == 10**18


def test_random_sampler_follows_data_that_grow():
    grown = [0]
    sampler = data.RandomSampler(grown)
    grown += [1, 2]
    assert len(sampler) == 3
    assert sorted(sampler) == [0, 1, 2]


@given(st.lists(st.integers(), max_size=30), seeds)
def test_subset_random_sampler_permutes(indices, seed):
    sampler = data.SubsetRandomSampler(indices, mg.Generator().manual_seed(seed))
    assert sorted(sampler) == sorted(indices)
    assert len(sampler) == len(indices)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 4.0]), min_size=1, max_size=12), seeds)
def test_weighted_sampler_draws_nothing_of_weight_zero(weights, seed):
    if not any(weights):
        weights.append(1.0)
    generator = mg.Generator().manual_seed(seed)
    drawn = list(data.WeightedRandomSampler(weights, 50, generator=generator))
    assert len(drawn) == 50
    assert all(weights[k] for k in drawn)
    positive = sum(1 for w in weights if w)
    once = list(data.WeightedRandomSampler(weights, positive, False, generator))
    assert sorted(once) == [k for k, w in enumerate(weights) if w]


def test_weighted_sampler_follows_its_weights():
    generator = mg.Generator().manual_seed(1)
    drawn = Counter(data.WeightedRandomSampler([1.0, 3.0, 6.0], 6000, generator=generator))
    assert abs(drawn[0] - 600) < 100
    assert abs(drawn[1] - 1800) < 150


@given(st.lists(st.integers(), max_size=30), st.integers(1, 12), st.booleans())
def test_batch_sampler_cuts(indices, batch_size, drop_last):
    sampler = data.BatchSampler(indices, batch_size, drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    expected = [indices[k : k + batch_size] for k in range(0, len(indices), batch_size)]
    if drop_last and expected and len(expected[-1]) < batch_size:
        expected.pop()
    assert batches == expected


# ------------------------------------------------------------------------------------------------
# Splits
# ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5), seeds)
def test_a_split_deals_everything_out_once(lengths, seed):
    size = sum(lengths)
    if size <= 1:  # a sum of 1 means fractions
        lengths, size = [*lengths, 2], size + 2
    parts = data.random_split(range(size), lengths, mg.Generator().manual_seed(seed))
    assert [len(part) for part in parts] == lengths
    assert sorted(k for part in parts for k in part) == list(range(size))


@pytest.mark.filterwarnings("ignore:Length of split:UserWarning")
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), sizes)
def test_fractions_are_off_by_less_than_a_round(shares, size):
    shares = shares if any(shares) else [1]
    fractions = [share / sum(shares) for share in shares]
    lengths = [len(part) for part in data.random_split(range(size), fractions)]
    assert sum(lengths) == size
    for length, fraction in zip(lengths, fractions, strict=True):
        assert abs(length - fraction * size) <= 2


def test_an_empty_part_is_reported():
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0") as caught:
        data.random_split(range(3), [1.0, 0.0])
    assert caught[0].filename == __file__


# ------------------------------------------------------------------------------------------------
# The package
# ------------------------------------------------------------------------------------------------


def test_it_is_there_after_importing_minigrad():
    code = (
        "import minigrad; minigrad.utils.data.DataLoader; import minigrad.utils.data as d;"
        "from minigrad.utils.data.dataloader import default_collate;"
        "from minigrad.utils.data.sampler import Sampler;"
        "from minigrad.utils.data.dataset import Dataset, TensorDataset; print(sorted(d.__all__))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(mg.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(sorted(data.__all__))


def test_classes_can_be_annotated():
    for cls in (data.Dataset, data.IterableDataset, data.Sampler, DataLoader):
        assert cls[int] is not None


def test_data_sets_and_loaders_can_be_pickled():
    mg.manual_seed(3)
    dataset = Subset(TensorDataset(mg.arange(6)), [5, 3, 1])
    loader = pickle.loads(pickle.dumps(DataLoader(dataset, batch_size=2)))
    assert [batch.tolist() for (batch,) in loader] == [[5, 3], [1]]
    with pytest.raises(ValueError, match="should not be set"):
        loader.batch_size = 3


# -- when something goes wrong -------------------------------------------------------------------


def drain(iterator, calls):
    """What so many calls of ``next`` give: values, and the names of exceptions."""
    results = []
    for _ in range(calls):
        try:
            value = next(iterator)
            results.append(value.tolist() if isinstance(value, mg.Tensor) else value)
        except Exception as e:
            results.append(type(e).__name__)
    return results


class Faulty(data.Dataset):
    """Numbers, of which one cannot be had."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 2:
            raise ValueError("this one")
        return index


class FaultyStream(data.IterableDataset):
    """The same as a stream that goes on."""

    def __iter__(self):
        self.place = -1
        return self

    def __next__(self):
        self.place += 1
        if self.place >= 8:
            raise StopIteration
        return Faulty()[self.place]


def faulty_collate(samples):
    if 2 in samples:
        raise RuntimeError("these ones")
    return samples


class FaultyBatches:
    """Batches of indices, one of which is missing."""

    def __init__(self):
        self.place = -1

    def __iter__(self):
        return self

    def __next__(self):
        self.place += 1
        if self.place == 1:
            raise KeyError(self.place)
        if self.place >= 3:
            raise StopIteration
        return [self.place]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: DataLoader(Faulty(), batch_size=2), [[0, 1], "ValueError", [4, 5], [6, 7]]),
        (lambda: DataLoader(Faulty(), batch_size=None), [0, 1, "ValueError", 3, 4, 5, 6, 7]),
        (lambda: DataLoader(FaultyStream(), 2), [[0, 1], "ValueError", [3, 4], [5, 6], [7]]),
        (lambda: DataLoader(FaultyStream(), None), [0, 1, "ValueError", 3, 4, 5, 6, 7]),
        (
            lambda: DataLoader(range(8), 2, collate_fn=faulty_collate),
            [[0, 1], "RuntimeError", [4, 5], [6, 7]],
        ),
        (lambda: DataLoader(range(8), batch_sampler=FaultyBatches()), [[0], "KeyError", [2]]),
    ],
)
def test_an_epoch_goes_on_after_an_exception(make, expected):
    got = drain(iter(make()), len(expected) + 2)
    assert got == [*expected, "StopIteration", "StopIteration"]


def test_the_iterator_of_a_loader():
    loader = DataLoader(range(3), batch_size=2)
    iterator = iter(loader)
    assert len(iterator) == 2
    assert iter(iterator) is iterator
    assert [batch.tolist() for batch in iterator] == [[0, 1], [2]]


def test_a_stop_iteration_of_the_data_is_no_runtime_error():
    class Short(data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 1:
                raise StopIteration
            return index

    assert drain(iter(DataLoader(Short())), 4) == [[0], "StopIteration", [2], "StopIteration"]


def test_two_epochs_at_once():
    loader = DataLoader(range(4), batch_size=2)
    assert [(a.tolist(), b.tolist()) for a in loader for b in loader] == [
        ([0, 1], [0, 1]), ([0, 1], [2, 3]), ([2, 3], [0, 1]), ([2, 3], [2, 3]),
    ]  # fmt: skip
