"""`TrainingCheckpoint`: killed at any moment, a training goes on with the same numbers."""

import os
import random
import signal
import traceback
from contextlib import suppress

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.serialization import files
from minigrad.utils import TrainingCheckpoint
from minigrad.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)  # fmt: skip

pytestmark = pytest.mark.once

EPOCHS = 3
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no os.fork on this system")


class Stop(Exception):
    """What ends a training in the tests that need no process of their own."""


# ------------------------------------------------------------------------------------------------
# A training
# ------------------------------------------------------------------------------------------------


class Net(nn.Module):
    """Logits from a recurrent network with dropout between its layers and behind them."""

    def __init__(self, hidden=4):
        super().__init__()
        self.rnn = nn.GRU(2, hidden, num_layers=2, dropout=0.3)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):  # (N, T, 2)
        output, _ = self.rnn(x.transpose(0, 1))
        return self.fc(self.dropout(output[-1]))


def adam(model):
    return optim.Adam(model.parameters(), lr=1e-2)


def step_lr(optimizer):
    return optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)


def data(n=11):
    g = mg.Generator().manual_seed(5)
    return TensorDataset(mg.randn(n, 3, 2, generator=g), mg.randn(n, 1, generator=g))


def shuffled():
    return DataLoader(data(), batch_size=3, shuffle=True)


def train(
    path, write, *, loader=shuffled, make_optimizer=adam, make_schedule=step_lr, model=Net,
    stop=None, per_batch=False, closure=False, epochs=EPOCHS, **options,
):  # fmt: skip
    """Train; `write` gets a line for each batch and each epoch. Returns the final parameters."""
    mg.manual_seed(1)
    random.seed(2)
    np.random.seed(3)  # noqa: NPY002
    net = model()
    optimizer = make_optimizer(net)
    schedule = make_schedule(optimizer)
    own = np.random.default_rng(4)
    options.setdefault("every", 1)
    run = TrainingCheckpoint(
        path, model=net, optimizer=optimizer, scheduler=schedule, loader=loader(),
        values={"loss": 0.0}, generators=own, **options,
    )  # fmt: skip
    for epoch in run.epochs(epochs):
        run.values["loss"] = 0.0
        net.train()
        for batch in run.batches():
            if stop is not None and run.step == stop:
                raise Stop
            x, y = batch if isinstance(batch, (list, tuple)) else (batch, batch[:, 0, :1])
            noise = random.gauss(0, 0.1) + np.random.normal() * 0.1 + own.normal() * 0.1  # noqa: NPY002

            def evaluate(x=x, y=y, noise=noise):
                optimizer.zero_grad()
                loss = (net(x + noise) - y).pow(2).mean()
                loss.backward()
                return loss

            loss = optimizer.step(evaluate) if closure else evaluate()
            if not closure:
                optimizer.step()
            if per_batch:
                advance(schedule, loss)
            run.values["loss"] += loss.item()
            write(f"{epoch} {run.batch} {loss.item()!r} {mg.rand(1).item()!r}")
        if not per_batch:
            advance(schedule, mg.tensor(run.values["loss"]))
        rate = optimizer.param_groups[0]["lr"]
        write(f"{epoch} end {run.values['loss']!r} {float(rate)!r} {random.random()!r}")
    return [p.detach().clone() for p in net.parameters()]


def advance(schedule, loss):
    if isinstance(schedule, optim.lr_scheduler.ReduceLROnPlateau):
        schedule.step(loss.item())
    else:
        schedule.step()


def same(these, those):
    return len(these) == len(those) and all(mg.equal(a, b) for a, b in zip(these, those))


def whole(tmp_path, **options):
    """What it prints, and ends with, if nothing happens."""
    lines, path = [], tmp_path / "whole.ckpt"
    path.unlink(missing_ok=True)
    return lines, train(path, lines.append, **options)


def check(tmp_path, stops, **options):
    """Stopped at each of these steps, it goes on to what it would have been."""
    expected, final = whole(tmp_path, **options)
    steps = sum(" end " not in line for line in expected)
    assert stops[0] < steps
    for stop in (stop for stop in stops if stop < steps):
        path = tmp_path / f"{stop}.ckpt"
        before, after = [], []
        with pytest.raises(Stop):
            train(path, before.append, stop=stop, **options)
        parameters = train(path, after.append, **options)
        # What was printed behind the last checkpoint comes twice.
        assert before == expected[: len(before)]
        assert after == expected[-len(after) :]
        assert len(before) + len(after) >= len(expected)
        assert same(parameters, final)


# ------------------------------------------------------------------------------------------------
# Killed
# ------------------------------------------------------------------------------------------------


def in_a_child(function):
    """Run `function` in a process of its own; how that ended: exit code, or minus the signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        function()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def die_after(seconds):
    """Kill this process when it has computed for so long, wherever that is."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def die_while_writing(place):
    """Kill this process at the so manyth call to the system with which files are replaced."""
    left = [place]

    def dying(function):
        def called(*args, **kwargs):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return called

    for name in ("open", "fsync", "replace", "link", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    write_all = files.write_all
    files.write_all = lambda file: dying(write_all(file))


def killed_again_and_again(tmp_path, kill, times, **options):
    """Kill it `times`; begin anew whenever it has come to its end."""
    expected, final = whole(tmp_path, **options)
    dice = random.Random(0)
    killed = ended = rounds = 0
    while killed < times:
        rounds += 1
        path, log = tmp_path / f"run{rounds}.ckpt", tmp_path / f"log{rounds}"
        reached = 0  # lines of `expected` that were printed so far
        while True:
            log.write_text("")

            u = dice.random()

            def go_on(path=path, log=log, u=u):
                with open(log, "a", buffering=1) as file:

                    def write(line):
                        file.write(line + "\n")

                    kill(u)
                    parameters = train(path, write, **options)
                    signal.setitimer(signal.ITIMER_PROF, 0)
                    if not same(parameters, final):
                        raise AssertionError("other parameters")

            code = in_a_child(go_on)
            lines = log.read_text().splitlines()
            if lines:
                begin = expected.index(lines[0])
                assert begin <= reached  # nothing is left out
                assert lines == expected[begin : begin + len(lines)]
                reached = max(reached, begin + len(lines))
            assert code in (0, -signal.SIGKILL, -signal.SIGPROF)
            killed += code != 0
            if code == 0:
                assert reached == len(expected)
                ended += 1
                break
            if killed >= times:
                break
        leftovers = [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
        assert len(leftovers) <= 1  # that of the last one that was killed
    assert ended  # or nothing was shown


@forks
def test_killed_anywhere(tmp_path):
    killed_again_and_again(tmp_path, lambda u: die_after(0.005 + u * 0.06), 100, every=4)


@forks
def test_killed_while_writing(tmp_path):
    killed_again_and_again(
        tmp_path, lambda u: die_while_writing(1 + int(u * 700)), 100, every=2, keep=3
    )


# ------------------------------------------------------------------------------------------------
# What the place in the epoch depends on
# ------------------------------------------------------------------------------------------------


class Noisy(Dataset):
    """Samples that are drawn anew each time, in whatever process makes them."""

    def __init__(self):
        self.samples = data()
        self.own = random.Random(9)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, k):
        x, y = self.samples[k]
        noise = np.random.normal() + random.random() + self.own.random()  # noqa: NPY002
        return x + 0.1 * mg.randn(3, 2) + 0.1 * noise, y


class Stream(IterableDataset):
    """Samples one after the other, with noise; a worker gives its part of them."""

    def __iter__(self):
        samples, worker = data(), get_worker_info()
        mine = range(11) if worker is None else range(worker.id, 11, worker.num_workers)
        for k in mine:
            x, y = samples[k]
            yield x + 0.1 * mg.randn(3, 2), y


class OneByOne(Sampler):
    """Indices drawn one by one, from a stream that nothing else draws from."""

    def __init__(self, generator):
        self.generator = generator

    def __iter__(self):
        for _ in range(11):
            yield int(self.generator.integers(11))

    def __len__(self):
        return 11


def seeded():
    return mg.Generator().manual_seed(8)


def once(iterable):
    return iter(list(iterable))


LOADERS = {
    "in order": lambda: DataLoader(data(), batch_size=3),
    "shuffled": shuffled,
    "without the last": lambda: DataLoader(data(), batch_size=3, shuffle=True, drop_last=True),
    "generator": lambda: DataLoader(data(), batch_size=3, shuffle=True, generator=seeded()),
    "single samples": lambda: DataLoader(data().tensors[0][:, :, None], None, shuffle=True),
    "with replacement": lambda: DataLoader(data(), 2, sampler=RandomSampler(data(), True)),
    "more than there are": lambda: DataLoader(
        data(), 8, sampler=RandomSampler(data(), num_samples=30, generator=seeded())
    ),
    "weighted": lambda: DataLoader(data(), 3, sampler=WeightedRandomSampler([1, 2, 3] * 3, 12)),
    "subset": lambda: DataLoader(data(), 3, sampler=SubsetRandomSampler([1, 3, 5, 7, 8, 9, 10])),
    "own sampler": lambda: DataLoader(data(), 3, sampler=OneByOne(np.random.default_rng(3))),
    "batch sampler": lambda: DataLoader(
        data(), batch_sampler=BatchSampler(RandomSampler(data()), 4, drop_last=True)
    ),
    "noisy": lambda: DataLoader(Noisy(), batch_size=3, shuffle=True),
    "stream": lambda: DataLoader(Stream(), batch_size=3),
}
WORKERS = {
    "workers": lambda: DataLoader(data(), batch_size=2, shuffle=True, num_workers=2),
    "noisy in workers": lambda: DataLoader(Noisy(), batch_size=2, shuffle=True, num_workers=2),
    "stream in workers": lambda: DataLoader(Stream(), batch_size=2, num_workers=2),
    "own sampler": lambda: DataLoader(
        data(), 2, sampler=OneByOne(np.random.default_rng(3)), num_workers=2, prefetch_factor=1
    ),
    "persistent": lambda: DataLoader(
        data(), batch_size=3, shuffle=True, num_workers=1, persistent_workers=True
    ),
}


@pytest.mark.parametrize("name", LOADERS)
def test_every_loader(tmp_path, name):
    check(tmp_path, [1, 3, 5, 7], loader=LOADERS[name], epochs=2)


@forks
@pytest.mark.parametrize("name", WORKERS)
def test_workers(tmp_path, name):
    check(tmp_path, [2, 5], loader=WORKERS[name], epochs=2)


@forks
def test_workers_that_draw_nothing_need_not_read_again(tmp_path):
    check(tmp_path, [2, 3, 5], loader=WORKERS["workers"], epochs=2, reread=False)
    check(tmp_path, [4], loader=WORKERS["persistent"], epochs=2, reread=False)


@pytest.mark.parametrize("reread", [None, True])
def test_what_was_used_is_not_made_again(tmp_path, reread):
    asked = []

    class Counted(Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, k):
            asked.append(k)
            return mg.full((3, 2), float(k)), mg.ones(1)

    def loader():
        return DataLoader(Counted(), batch_size=3, shuffle=True)

    with pytest.raises(Stop):
        train(tmp_path / "a", print, loader=loader, stop=2, epochs=1, reread=reread)
    # (the third was made, too, but not used)
    used, third = asked[:6], asked[6:]
    asked.clear()
    train(tmp_path / "a", print, loader=loader, epochs=1, reread=reread)
    assert asked[:6] == (used if reread else [*third, *asked[3:6]])
    assert sorted(asked[-6:] + used) == list(range(12))


def test_a_stream_that_knows_its_place(tmp_path):
    class Numbers(IterableDataset):
        place = 0

        def __iter__(self):
            while self.place < 10:
                self.place += 1
                yield self.place
            self.place = 0

        def state_dict(self):
            return {"place": self.place}

        def load_state_dict(self, state):
            self.place = state["place"]

    def read(stop):
        stream, seen = Numbers(), []
        loader = DataLoader(stream, batch_size=2)
        run = TrainingCheckpoint(
            tmp_path / "a", loader=loader, stream=stream, every=1, reread=False
        )
        for _ in run.epochs(2):
            for batch in run.batches():
                seen += batch.tolist()
                if run.step == stop:
                    break
            if run.step == stop:
                break
        return seen

    assert read(stop=2) == [1, 2, 3, 4, 5, 6]
    assert read(stop=None) == [5, 6, 7, 8, 9, 10, *range(1, 11)]


def test_a_sampler_that_shares_its_stream_is_noticed(tmp_path):
    def loader():
        return DataLoader(data(), 3, sampler=OneByOne(Shared()))

    class Shared:
        def integers(self, n):
            return random.randrange(n)  # which the training draws from between batches

    with pytest.raises(Stop):
        train(tmp_path / "a", print, loader=loader, stop=2)
    with pytest.raises(RuntimeError, match=r"sampler gives other indices .* one of its own"):
        train(tmp_path / "a", print, loader=loader)


@pytest.mark.parametrize("kind", [list, once, tuple])
def test_batches_of_anything(tmp_path, kind):
    """What stands between the two loops, as drawing an order, runs again with the same numbers."""

    def run_to(stop):
        lines = []
        mg.manual_seed(0)
        run = TrainingCheckpoint(tmp_path / f"{kind}", every=2)
        for epoch in run.epochs(2):
            for chosen in run.batches(kind(mg.randperm(10).split(3))):
                if run.step == stop:
                    return lines
                lines.append((epoch, chosen.tolist(), mg.rand(1).item()))
        return lines

    before, after = run_to(stop=7), run_to(stop=None)
    os.unlink(tmp_path / f"{kind}")
    assert before[:6] + after == run_to(stop=None)


# ------------------------------------------------------------------------------------------------
# Optimizers and schedules
# ------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "Adadelta": {}, "Adafactor": {}, "Adagrad": {}, "Adam": {"amsgrad": True}, "AdamW": {},
    "Adamax": {}, "ASGD": {"t0": 2}, "NAdam": {}, "RAdam": {}, "RMSprop": {"centered": True},
    "Rprop": {}, "SGD": {"momentum": 0.9}, "LBFGS": {"max_iter": 3},
}  # fmt: skip


def test_no_optimizer_is_left_out():
    kinds = {
        name for name, kind in vars(optim).items()
        if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and name[0] != "_"
    }  # fmt: skip
    assert kinds - {"Optimizer", "PerParameter"} == OPTIMIZERS.keys()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(tmp_path, name):
    def make(model):
        return getattr(optim, name)(model.parameters(), lr=1e-2, **OPTIMIZERS[name])

    check(tmp_path, [7], make_optimizer=make, every=3, epochs=2, closure=name == "LBFGS")


SCHEDULES = {
    "ConstantLR": {"total_iters": 2}, "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 3}, "CyclicLR": {"base_lr": 1e-3, "max_lr": 1e-2,
    "step_size_up": 3}, "ExponentialLR": {"gamma": 0.9},
    "LambdaLR": {"lr_lambda": lambda k: 0.8**k}, "LinearLR": {"total_iters": 5},
    "MultiStepLR": {"milestones": [2, 4, 6]},
    "MultiplicativeLR": {"lr_lambda": lambda k: 0.9}, "OneCycleLR": {"max_lr": 1e-2,
    "total_steps": 8}, "PolynomialLR": {"total_iters": 6}, "ReduceLROnPlateau": {"patience": 0},
    "StepLR": {"step_size": 2},
}  # fmt: skip
COMPOSED = {
    "ChainedScheduler": lambda parts, optimizer: optim.lr_scheduler.ChainedScheduler(parts),
    "SequentialLR": lambda parts, optimizer: optim.lr_scheduler.SequentialLR(optimizer, parts, [3]),
}


def test_no_schedule_is_left_out():
    assert set(optim.lr_scheduler.__all__) - {"LRScheduler"} == {*SCHEDULES, *COMPOSED}


@pytest.mark.parametrize("name", [*SCHEDULES, *COMPOSED])
def test_every_schedule(tmp_path, name):
    def sgd(model):
        return optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)

    def make(optimizer):
        schedules = optim.lr_scheduler
        if name in SCHEDULES:
            return getattr(schedules, name)(optimizer, **SCHEDULES[name])
        parts = [schedules.ConstantLR(optimizer), schedules.ExponentialLR(optimizer, 0.8)]
        return COMPOSED[name](parts, optimizer)

    options = {"make_optimizer": sgd, "make_schedule": make, "every": 3, "epochs": 2}
    check(tmp_path, [7], per_batch=True, **options)


def test_a_schedule_knows_that_there_were_steps(tmp_path, recwarn):
    """Between the last batch and ``scheduler.step()``, no step of the optimizer comes any more."""
    with pytest.raises(Stop):
        train(tmp_path / "a", print, stop=4)
    train(tmp_path / "a", print)
    assert not [w for w in recwarn if "lr_scheduler.step" in str(w.message)]


def test_gradients_modes_and_what_is_frozen(tmp_path):
    """Gradients of several batches are added up; a layer is thawed in the midst of it."""

    def run_to(path, stop):
        mg.manual_seed(0)
        net = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Linear(3, 1))
        for p in net[0].parameters():
            p.requires_grad_(False)
        sgd = optim.SGD(net.parameters(), lr=0.1)
        run = TrainingCheckpoint(path, model=net, optimizer=[sgd], every=1)
        for _ in run.epochs(1):
            for step in run.batches(range(8)):
                if step == stop:
                    return None
                net(mg.randn(4, 2)).pow(2).mean().backward()
                if step % 3 == 2:
                    sgd.step()
                    sgd.zero_grad()
                if step == 1:
                    net[0].requires_grad_(True)
                if step == 4:
                    net[1].eval()
        return [p.detach() for p in net.parameters()]

    expected = run_to(tmp_path / "whole", None)
    for stop in range(1, 8):
        assert run_to(tmp_path / f"{stop}", stop) is None
        assert same(run_to(tmp_path / f"{stop}", None), expected)


# ------------------------------------------------------------------------------------------------
# When it is saved
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "saved_at"),
    [
        ({"every": None}, [4, 8, 12]),
        ({"every": 5}, [5, 10, 12]),
        ({"every": None, "seconds": 0}, [1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 12]),
        ({"every": None, "seconds": 1000}, [12]),
    ],
)
def test_when(tmp_path, options, saved_at, monkeypatch):
    steps = []
    save = TrainingCheckpoint.save
    monkeypatch.setattr(
        TrainingCheckpoint, "save", lambda self: (steps.append(self.step), save(self))
    )
    train(tmp_path / "a", print, **options)
    assert steps == saved_at
    lines = []
    train(tmp_path / "a", lines.append, **options)
    assert not lines  # it is done
    train(tmp_path / "a", lines.append, epochs=EPOCHS + 1, **options)
    assert len(lines) == 5  # one more epoch


def test_as_many_files_as_wanted(tmp_path):
    for k in range(6):
        run = TrainingCheckpoint(tmp_path / "a", keep=3)
        run.step = k
        run.save()
        names = ["a", "a.1", "a.2"][: k + 1]
        assert sorted(os.listdir(tmp_path)) == names
        assert [mg.load(tmp_path / name)["step"] for name in names] == [k, k - 1, k - 2][: k + 1]


def test_files_without_links(tmp_path, monkeypatch):
    def no_links(*args):
        raise PermissionError(1, "not on this file system")

    monkeypatch.setattr(os, "link", no_links)
    test_as_many_files_as_wanted(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals(tmp_path, number):
    """One that comes in the midst of a step is heard after it, when that step is in the file."""
    heard = []
    before = signal.signal(number, lambda n, frame: heard.append(n))
    handler = signal.getsignal(number)
    try:

        def write(line):
            lines.append(line)
            if line.startswith("1 1"):
                signal.raise_signal(number)
                assert not heard  # it waits

        lines, after = [], []
        with pytest.raises(Stop):
            train(tmp_path / "a", write, every=100, on_signal=True, stop=6)
        assert heard == [number]
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    train(tmp_path / "a", after.append, every=100)
    assert lines + after == whole(tmp_path)[0]


def test_a_second_signal_does_not_wait(tmp_path):
    heard = []
    before = signal.signal(signal.SIGINT, lambda n, frame: heard.append(n))
    try:

        def write(line):
            if line.startswith("1 1"):
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                assert heard == [signal.SIGINT]
                raise Stop

        with pytest.raises(Stop):
            train(tmp_path / "a", write, every=100, on_signal=True)
    finally:
        signal.signal(signal.SIGINT, before)


# ------------------------------------------------------------------------------------------------
# What cannot be
# ------------------------------------------------------------------------------------------------


@pytest.fixture
def half(tmp_path):
    """The file of a training that was stopped in its second epoch."""
    path = tmp_path / "half.ckpt"
    with pytest.raises(Stop):
        train(path, print, stop=6)
    return path


def test_a_file_that_is_cut_short_or_changed(half):
    whole_file = half.read_bytes()
    dice = random.Random(0)
    for _ in range(30):
        half.write_bytes(whole_file[: dice.randrange(len(whole_file))])
        with pytest.raises(RuntimeError, match=r"half\.ckpt is damaged, or no checkpoint"):
            train(half, print)
    refused = 0
    for _ in range(30):
        broken, place = bytearray(whole_file), dice.randrange(len(whole_file))
        broken[place : place + 8] = dice.randbytes(8)
        half.write_bytes(broken)
        with suppress(Stop):  # it may have been no part of anything
            try:
                train(half, print, stop=6)
            except RuntimeError:
                refused += 1
    assert refused > 20


def test_nothing_is_changed_by_a_file_that_does_not_fit(half):
    net = Net(hidden=5)
    before = [p.detach().clone() for p in net.parameters()]
    with pytest.raises(RuntimeError, match="is of another training"):
        TrainingCheckpoint(half, model=net, optimizer=adam(net))
    assert same(list(net.parameters()), before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": lambda: Net(hidden=5)}, r"model: fc.weight is float32 of shape \(1, 4\) in the"),
        ({"model": lambda: nn.Sequential(Net())}, "model: fc.weight is only in the file"),
        (
            {"make_optimizer": lambda m: optim.SGD(m.parameters(), lr=0.1)},
            "optimizer: Adam in the file, SGD here",
        ),
        (
            {"make_optimizer": lambda m: optim.Adam([*m.parameters()][1:], lr=0.1)},
            r"optimizer: groups of \[10\] parameters in the file, of \[9\] here",
        ),
        (
            {"loader": lambda: DataLoader(data(12), batch_size=3, shuffle=True)},
            "loader: the number of samples is 11 in the file, 12 here",
        ),
        (
            {"loader": lambda: DataLoader(data(), batch_size=4, shuffle=True)},
            "loader: batch_size is 3 in the file, 4 here",
        ),
        (
            {"loader": LOADERS["in order"]},
            "loader: sampler is RandomSampler in the file",
        ),
        ({"loader": LOADERS["generator"]}, "loader.*: a random generator that is not in the file"),
        ({"average": Net()}, "average: not in the file"),
    ],
)
def test_a_file_of_another_training(half, options, said):
    with pytest.raises(RuntimeError, match=f"(?s)is of another training:.*{said}"):
        train(half, print, **options)


def test_files_that_are_none_of_these(tmp_path):
    path = tmp_path / "a"
    mg.save({"model": {}}, path)
    with pytest.raises(RuntimeError, match="is no file of TrainingCheckpoint"):
        TrainingCheckpoint(path)
    mg.save({"about": {"format": 99, "ranks": []}}, path)
    with pytest.raises(RuntimeError, match="has format 99; this version of minigrad reads 1"):
        TrainingCheckpoint(path)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"every": 1.5}, TypeError, "every must be an int, got float"),
        ({"keep": 0}, ValueError, "keep must be at least 1"),
        ({"seconds": -1}, ValueError, "seconds must be at least 0"),
        ({"values": [1]}, TypeError, "values must be a dict, got list"),
        ({"model": 3}, TypeError, "model must have state_dict and load_state_dict, got int"),
        ({"step": nn.Linear(1, 1)}, ValueError, "step= is a name that the file needs"),
        ({"optimizer": adam(nn.Linear(1, 1))}, ValueError, "belongs to no module given here"),
        ({"generators": 3}, TypeError, "int"),
        ({"generators": [3]}, TypeError, "generators.0 must be a minigrad.Generator"),
    ],
)
def test_arguments(tmp_path, options, error, said):
    with pytest.raises(error, match=said):
        TrainingCheckpoint(tmp_path / "a", **options)


def test_places(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        TrainingCheckpoint(tmp_path)
    with pytest.raises(RuntimeError, match=r"Parent directory .* does not exist"):
        TrainingCheckpoint(tmp_path / "nowhere" / "a")


def test_loops_that_are_none(tmp_path):
    run = TrainingCheckpoint(tmp_path / "a")
    with pytest.raises(TypeError, match="give TrainingCheckpoint a loader="):
        run.batches()
    with pytest.raises(RuntimeError, match="belongs into a loop over epochs"):
        next(iter(run.batches([1])))
    with pytest.raises(TypeError, match="total must be an int, got float"):
        run.epochs(2.0)
    next(iter(run.epochs(1)))
    assert list(run.batches([1])) == [1]
    with pytest.raises(RuntimeError, match="a second time in one epoch"):
        list(run.batches([1]))


@pytest.mark.parametrize("value", [print, object(), {"a": [print]}])
def test_values_that_no_file_holds(tmp_path, value):
    run = TrainingCheckpoint(tmp_path / "a", values={"mine": 1})
    run.save()
    run.values["mine"] = value
    with pytest.raises(TypeError, match=r"values\['mine'\].* is a .*, which a checkpoint does not"):
        run.save()
    assert mg.load(tmp_path / "a")["values"] == {"mine": 1}


@forks
def test_a_full_disk(tmp_path):
    """No file may be longer than some bytes: what writes to it fails, as on a full disk."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "a"
    TrainingCheckpoint(path, model=nn.Linear(2, 2)).save()
    before = path.read_bytes()

    def fail():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        with pytest.raises(OSError, match=r"after step 0 could not be saved \(the file before is"):
            TrainingCheckpoint(path, model=nn.Linear(2, 2)).save()
        with pytest.raises(OSError, match=r"could not be saved \(no file\)"):
            TrainingCheckpoint(tmp_path / "b", model=nn.Linear(2, 2)).save()

    assert in_a_child(fail) == 0
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a"]  # and nothing half written beside it
