"""Worker processes of a DataLoader: their batches, their exceptions, and how they end.

What they give is compared with PyTorch in test_data.py ("workers, ..."). Most tests leave no worker
behind, which `quiet` checks after each of them.
"""

import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    get_worker_info,
    workers,
)  # fmt: skip

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="needs processes by fork"
    ),
]


@pytest.fixture(autouse=True)
def quiet():
    """No worker outlives the test."""
    yield
    assert multiprocessing.active_children() == []


class Each(Dataset):
    """What a function makes of the numbers below `size`."""

    def __init__(self, function, size=6):
        self.function = function
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return self.function(index)


def load(data, batch_size=2, num_workers=2, **options):
    """A loader with workers that are forked, and by itself no tensors."""
    options = {"collate_fn": list, "multiprocessing_context": "fork", **options}
    return DataLoader(data, batch_size, num_workers=num_workers, **options)


def drain(iterator, calls):
    """What so many calls of ``next`` give: values, and the names of exceptions."""
    results = []
    for _ in range(calls):
        try:
            results.append(next(iterator))
        except Exception as e:
            results.append(type(e).__name__)
    return results


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


# ------------------------------------------------------------------------------------------------
# In the worker
# ------------------------------------------------------------------------------------------------


def test_a_worker_knows_itself():
    seen = []

    def note(number):
        seen.append(number)

    def see(index):
        info = get_worker_info()
        assert info.dataset.function is see
        return info.id, info.num_workers, info.seed, os.getpid(), mg.get_num_threads(), seen

    assert get_worker_info() is None
    mg.manual_seed(3)
    base_seed = workers.draw_seed()
    mg.manual_seed(3)
    (a,), (b,) = load(Each(see, 2), 1, worker_init_fn=note)
    assert a[:3] == (0, 2, base_seed)
    assert b[:3] == (1, 2, base_seed + 1)
    assert a[3] != b[3] != os.getpid()
    assert a[4:] == (1, [0])
    assert b[4:] == (1, [1])
    assert seen == []
    assert mg.initial_seed() == 3


def test_generators_of_the_program_are_left_alone():
    random.seed(3)
    expected = random.random()
    random.seed(3)
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002 - the generator of old programs
    list(load(range(9), shuffle=True))
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    assert random.random() == expected


def test_layers_compute_in_workers_what_they_compute_in_the_program():
    lstm = mg.nn.LSTM(20, 30)
    x = mg.randn(50, 8, 20)
    threads = mg.get_num_threads()
    mg.set_num_threads(4)  # the threads that the program has by now do not come along
    try:
        expected = [lstm(x)[0].detach()] * 3
        results = list(load(Each(lambda k: lstm(x)[0].detach(), 3), None, collate_fn=None))
    finally:
        mg.set_num_threads(threads)
    assert all(mg.allclose(a, b, atol=1e-6) for a, b in zip(results, expected, strict=True))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start(method):
    dataset = TensorDataset(mg.arange(5))
    options = {"multiprocessing_context": method, "num_workers": 1, "collate_fn": None}
    loader = load(dataset, worker_init_fn=random.seed, **options)
    assert loader.multiprocessing_context is multiprocessing.get_context(method)
    assert [batch.tolist() for (batch,) in loader] == [[0, 1], [2, 3], [4]]


def test_the_way_to_start_can_be_changed():
    loader = load(range(3), multiprocessing_context=None)
    assert loader.multiprocessing_context is None
    loader.multiprocessing_context = "fork"
    assert list(loader) == [[0, 1], [2]]
    with pytest.raises(ValueError, match="should specify a valid start method"):
        loader.multiprocessing_context = "spoon"


@pytest.mark.parametrize("name", ["collate_fn", "worker_init_fn", "dataset"])
def test_what_cannot_be_sent_is_named(name):
    lambdas = {name: lambda batch: batch}
    data = Each(lambdas.pop("dataset")) if name == "dataset" else range(3)
    loader = load(data, multiprocessing_context="spawn", **lambdas)
    with pytest.raises(
        (AttributeError, pickle.PicklingError), match=f"{name} cannot be sent.*fork"
    ):
        iter(loader)


def test_no_more_workers_than_processors(recwarn):
    load(range(3), num_workers=1)
    assert not recwarn
    with pytest.warns(UserWarning, match="will create 1000 worker processes.*suggested max"):
        load(range(3), num_workers=1000)


# ------------------------------------------------------------------------------------------------
# Batches
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("large", [0, workers.LARGE, 10**9])
def test_batches_arrive_whole(large, monkeypatch):
    monkeypatch.setattr(workers, "LARGE", large)
    sizes = [(0,), (3, 2), (300, 400), ()]
    samples = [
        {
            "a": mg.randn(*size),
            "b": np.asfortranarray(np.ones(size, "f8")),
            "c": ("text", size, None),
        }
        for size in sizes
    ]
    results = list(load(samples, None, collate_fn=lambda sample: (sample, sample["a"].T)))
    assert len(results) == 4
    for (got, transposed), sample in zip(results, samples, strict=True):
        assert mg.equal(got["a"], sample["a"])
        assert mg.equal(transposed, sample["a"].T)
        assert got["b"].dtype == "f8"
        assert np.array_equal(got["b"], sample["b"])
        assert got["c"] == sample["c"]
        got["a"].add_(1)
        got["b"] += 1


@pytest.mark.parametrize("reason", ["none", "refused"])
def test_where_there_are_no_files_in_memory(reason, monkeypatch):
    def refused(name):
        raise PermissionError

    if reason == "refused":
        monkeypatch.setattr(os, "memfd_create", refused, raising=False)
    else:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    for batch in load([np.full(workers.LARGE, k) for k in range(4)], None, collate_fn=None):
        assert batch.shape == (workers.LARGE,)


def test_many_indices_and_much_data_at_once():
    """Both ends have more to say than a connection holds; neither waits for the other for ever."""
    order = [list(range(300_000))] * 6
    loader = load(range(300_000), 1, batch_sampler=order, collate_fn=bytes_of, prefetch_factor=3)
    assert [len(batch) for batch in loader] == [300_000] * 6


def bytes_of(batch):
    return bytes(len(batch))


def test_several_epochs_at_once():
    loader = load(range(4))
    assert [(a, b) for a in loader for b in loader] == [
        ([0, 1], [0, 1]), ([0, 1], [2, 3]), ([2, 3], [0, 1]), ([2, 3], [2, 3]),
    ]  # fmt: skip
    a, b = iter(loader), iter(loader)
    assert [next(a), next(b), next(b), next(a)] == [[0, 1], [0, 1], [2, 3], [2, 3]]


def test_persistent_workers_stay():
    loader = load(Each(lambda k: os.getpid()), 1, persistent_workers=True)
    first, iterator = {pid for (pid,) in loader}, iter(loader)
    assert len(first) == 2
    assert len(iterator) == 6
    assert next(iterator)[0] in first
    assert iter(loader) is iterator  # and has begun anew
    assert {pid for (pid,) in iterator} == first
    assert drain(iterator, 2) == ["StopIteration"] * 2
    twin = pickle.loads(pickle.dumps(load(range(2), persistent_workers=True)))
    assert list(twin) == [[0, 1]]


def test_a_stream_is_read_by_every_worker():
    class Count(IterableDataset):
        def __iter__(self):
            return iter(range(3))

        def __len__(self):
            return 3

    loader = load(Count())
    assert [*iter(loader)] == [[0, 1], [0, 1], [2], [2]]
    assert len(loader) == 2
    iterator = iter(loader)
    next(iterator)
    with pytest.warns(UserWarning, match="reported to be 3.*but 4 samples.*get_worker_info"):
        next(iterator)


def test_out_of_order_nobody_waits():
    others = multiprocessing.get_context("fork").Semaphore(0)

    def function(index):
        if index == 0:
            for _ in range(4):
                others.acquire(timeout=20)
        others.release()
        return index

    results = [k for (k,) in load(Each(function), 1, in_order=False)]
    assert sorted(results) == list(range(6))
    assert results.index(0) > results.index(3) > results.index(1)


def test_batches_are_made_in_advance():
    asked = multiprocessing.get_context("fork").Value("i", 0)

    def count(index):
        with asked.get_lock():
            asked.value += 1
        return index

    iterator = iter(load(Each(count, 20), 1, prefetch_factor=3))
    assert wait_until(lambda: asked.value == 6)
    assert next(iterator) == [0]
    assert wait_until(lambda: asked.value == 7)
    del iterator
    assert asked.value == 7


# ------------------------------------------------------------------------------------------------
# Exceptions
# ------------------------------------------------------------------------------------------------


class TwoArguments(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def unknown(index):
    class OnlyHere(Exception):
        pass

    raise OnlyHere(f"number {index}")


def refuse(error):
    def function(index):
        if index == 2:
            raise error
        return index

    return function


@pytest.mark.parametrize(
    ("function", "kind", "text"),
    [
        (refuse(ValueError("this one")), ValueError, "ValueError: this one"),
        (refuse(KeyError("this one")), KeyError, "KeyError: 'this one'"),
        (refuse(OSError(2, "gone")), OSError, "FileNotFoundError: .Errno 2. gone"),
        (refuse(TwoArguments(1, 2)), RuntimeError, r"TwoArguments: \(1, 2\)"),
        (lambda k: unknown(k) if k == 2 else k, RuntimeError, "OnlyHere: number 2"),
        (
            lambda k: open if k != 2 else (lambda: 0),
            (AttributeError, pickle.PicklingError),
            "pickle",
        ),
        (lambda k: mg.ones(1, requires_grad=True) * 2 if k == 2 else k, RuntimeError, "detach"),
    ],
)
def test_an_exception_loses_its_batch(function, kind, text):
    iterator = iter(load(Each(function)))
    next(iterator)
    with pytest.raises(kind, match=r"^Caught \w+ in DataLoader worker process 1\.") as caught:
        next(iterator)
    assert "\nOriginal Traceback (most recent call last):\n" in str(caught.value)
    assert str(caught.value).count("Original") == 1
    caught.match(f"(?m)^.*{text}")
    assert len(next(iterator)) == 2
    assert drain(iterator, 2) == ["StopIteration"] * 2


def test_the_type_of_an_exception_stays():
    for error in (
        FileNotFoundError("x"),
        UnicodeError("x"),
        ZeroDivisionError(),
        StopIteration("x"),
    ):
        iterator = iter(load(Each(refuse(error)), 3))
        assert drain(iterator, 3) == [type(error).__name__, [3, 4, 5], "StopIteration"]


def test_exceptions_before_the_first_batch():
    def never(number):
        raise LookupError(number)

    class Forgetful(IterableDataset):
        pass

    assert drain(iter(load(range(4), worker_init_fn=never)), 3) == ["LookupError"] * 2 + [
        "StopIteration"
    ]
    with pytest.raises((NotImplementedError, TypeError), match=r"worker process 0(.|\n)*__iter__"):
        next(iter(load(Forgetful())))


def test_exceptions_of_a_sampler_are_the_programs():
    def indices():
        yield from [0, 1, 2]
        raise LookupError

    with pytest.raises(LookupError):
        iter(load(range(4), 1, sampler=indices()))
    assert drain(iter(load(range(4), 1, num_workers=1, sampler=indices())), 4) == [
        [0], "LookupError", [2], "StopIteration",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"killed by signal 9"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), r"killed by signal 15"),
        (lambda: sys.exit(3), "left with exit code 3"),
        (lambda: os._exit(0), "left with exit code 0"),
    ],
)
def test_a_dead_worker_is_named(end, how):
    before = signal.signal(signal.SIGTERM, lambda *arguments: None)
    try:
        iterator = iter(
            load(Each(lambda k: end() if k == 2 else os.getpid()), persistent_workers=True)
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    message = rf"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly: worker 1 .*{how}"
    next(iterator)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=message):
            next(iterator)


def test_a_dead_worker_is_missed_even_while_another_one_is_awaited(monkeypatch):
    monkeypatch.setattr(workers, "CHECK", 0.1)
    monkeypatch.setattr(workers, "GRACE", 0.1)
    iterator = iter(load(Each(lambda k: time.sleep(99) if k == 0 else os._exit(1)), 1))
    with pytest.raises(RuntimeError, match="exited unexpectedly: worker 1"):
        next(iterator)


def test_persistent_workers_are_replaced_when_one_is_dead():
    loader = load(Each(lambda k: os.getpid()), 1, persistent_workers=True)
    ((pid,), *_) = loader
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=f"pid.s. {pid}.*exited unexpectedly"):
        list(loader)
    assert len({pid for (pid,) in loader}) == 2


def test_time_runs_out_and_the_epoch_goes_on():
    go = multiprocessing.get_context("fork").Event()
    iterator = iter(load(Each(lambda k: go.wait(20), 1), num_workers=1, timeout=0.1))
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.1 seconds"):
        next(iterator)
    go.set()
    while (result := drain(iterator, 1)) == ["RuntimeError"]:
        pass
    assert result == [[True]]


def test_what_makes_no_sense():
    with pytest.raises(AssertionError, match="timeout == 0"):
        iter(DataLoader(range(3), timeout=3))
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(load(range(3), prefetch_factor=0))


# ------------------------------------------------------------------------------------------------
# The end
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_epoch_that_is_left_leaves_nobody(method):
    for _ in load(range(1000), 1, multiprocessing_context=method):
        break
    assert multiprocessing.active_children() == []


def test_nobody_waits_for_long_for_an_endless_sample(monkeypatch):
    monkeypatch.setattr(workers, "GRACE", 0.2)
    iterator = iter(load(Each(lambda k: time.sleep(1000 * k)), 1))
    next(iterator)
    start = time.monotonic()
    del iterator
    assert time.monotonic() - start < 5


def test_an_interrupted_message_ends_the_epoch(monkeypatch):
    def interrupted(connection):
        raise KeyboardInterrupt

    loader = load(range(6), persistent_workers=True)
    iterator = iter(loader)
    with monkeypatch.context() as patched:
        patched.setattr(workers, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(iterator)
    assert multiprocessing.active_children() == []
    with pytest.raises(RuntimeError, match="interrupted"):
        next(iterator)
    assert list(loader) == [[0, 1], [2, 3], [4, 5]]


def test_a_copy_of_the_process_ends_nothing():
    iterator = iter(load(range(6)))
    copy = os.fork()
    if not copy:
        del iterator
        os._exit(0)
    assert os.waitpid(copy, 0)[1] == 0
    assert drain(iterator, 4) == [[0, 1], [2, 3], [4, 5], "StopIteration"]


def test_epochs_in_several_threads():
    results = []

    def work():
        results.extend([*load(range(20), 3)] for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert all([k for batch in result for k in batch] == [*range(20)] for result in results)


SCRIPT = """
import os, signal, time
from minigrad.utils.data import DataLoader

signal.signal(signal.SIGINT, signal.default_int_handler)  # (which may be ignored in tests)

class Pids:
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        if index >= 2:
            time.sleep({nap})
        return os.getpid()

loader = DataLoader(Pids(), num_workers=2, persistent_workers=True, multiprocessing_context="fork")
for k, pid in enumerate(loader):
    print(int(pid), flush=True)
    if k == 1:
        {then}
"""


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks processes up in /proc")
@pytest.mark.parametrize(
    ("sent", "nap", "then"),
    [
        (signal.SIGKILL, 0.01, "pass"),
        (signal.SIGTERM, 0.01, "pass"),
        (signal.SIGINT, 60, "pass"),
        (None, 0.01, "raise SystemExit"),
    ],
)
def test_no_orphans(sent, nap, then):
    script = SCRIPT.format(nap=nap, then=then)
    command = [sys.executable, "-c", script]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **options) as program:
        pids = [int(program.stdout.readline()) for _ in range(2)]
        assert len({*pids, program.pid}) == 3
        if sent == signal.SIGINT:
            os.killpg(program.pid, sent)  # as a terminal does
        elif sent is not None:
            program.send_signal(sent)
        _, errors = program.communicate(timeout=30)
    assert wait_until(lambda: not any(map(is_running, pids)))
    assert errors.count("Traceback") == (sent == signal.SIGINT)
    assert program.returncode == (0 if sent is None else -sent)
