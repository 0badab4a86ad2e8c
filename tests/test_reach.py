"""What the step of a cell reads besides its arguments is noticed; what it changes is put back."""

import copy
import functools
import gc
import os
import pickle
import random
import types
import warnings
import weakref
from contextlib import nullcontext

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.plans import planned
from minigrad.plans.fingerprint import Reach

FACTOR = [0.5]
NUMBER = 0.5
settings = types.ModuleType("settings")


class Slotted:
    __slots__ = ("value",)

    def __call__(self, z):
        return z * self.value


class Plain:
    def scaled(self, z):
        return z * self.value

    def __mul__(self, z):
        return z * FACTOR[0]


def doubled(z):
    return z * NUMBER


class Reader(nn.Module):
    """A cell whose step reads something; `part` is set in a subclass."""

    leak, steps, part = 0.5, 0, None

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)
        self.weight = nn.Parameter(mg.randn(hidden_size, hidden_size) * 0.3)
        self.array, self.tensor, self.number = np.array([0.5]), mg.tensor(0.5), np.float64(0.5)
        self.slotted, self.plain, self.nested = Slotted(), Plain(), [[[[[[0.5]]]]]]
        self.slotted.value = self.plain.value = 0.5
        self.method, self.options, self.seen = self.plain.scaled, {"a": {0.5}}, []
        self.partial = functools.partial(lambda k, z: k * z, 0.5)

    def forward(self, x, h):
        return type(self).part(self, self.inner(x) + h @ self.weight, x).tanh()

    def helper(self, z):
        return doubled(z)

    @property
    def factor(self):
        return FACTOR[0]

    @staticmethod
    def fixed(z):
        return z * FACTOR[0]


def make(part):
    mg.manual_seed(0)
    layer = nn.Recurrent(type("Reading", (Reader,), {"part": part, "__module__": __name__}), 3, 4)
    return layer.double()


@pytest.fixture(autouse=True)
def looked_at_twice(monkeypatch):
    """Where a `Watch` saves a walk over what a step reads, the walk would find the same."""
    watched = planned._watched

    def compared(cell):
        known = vars(cell).get("_watch")
        if known is not None and known.holds(cell):
            walk = Reach(cell)
            assert walk.mark == known.mark
            assert walk.hooked == known.hooked
            assert list(map(id, walk.tensors)) == list(map(id, known.tensors))
        return watched(cell)

    monkeypatch.setattr(planned, "_watched", compared)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    FACTOR[:] = [0.5]
    monkeypatch.setattr(settings, "leak", 0.5, raising=False)
    monkeypatch.setitem(globals(), "NUMBER", 0.5)
    monkeypatch.setattr(Reader, "leak", 0.5)
    monkeypatch.setenv("MINIGRAD_TEST_FACTOR", "0.5")
    return monkeypatch


def first(values, value):
    values[0] = value


READ = {  # what a step reads, and how that changes
    "attribute of the class": (
        lambda c, z, x: z * c.leak, lambda c, m: m.setattr(Reader, "leak", 2.0)),
    "named in a text": (
        lambda c, z, x: z * getattr(c, "le" "ak", 1), lambda c, m: m.setattr(Reader, "leak", 2.0)),
    "global behind a method": (
        lambda c, z, x: c.helper(z), lambda c, m: m.setitem(globals(), "NUMBER", 2.0)),
    "behind a property": (lambda c, z, x: z * c.factor, lambda c, m: first(FACTOR, 2.0)),
    "behind a static method": (lambda c, z, x: c.fixed(z), lambda c, m: first(FACTOR, 2.0)),
    "behind an operator": (lambda c, z, x: c.plain * z, lambda c, m: first(FACTOR, 2.0)),
    "in an inner function": (
        lambda c, z, x: (lambda q: q * NUMBER)(z),
        lambda c, m: m.setitem(globals(), "NUMBER", 2.0)),
    "in a comprehension": (
        lambda c, z, x: sum([z * k for k in FACTOR]), lambda c, m: first(FACTOR, 2.0)),
    "of a module": (
        lambda c, z, x: z * settings.leak, lambda c, m: m.setattr(settings, "leak", 2.0)),
    "environment": (
        lambda c, z, x: z * float(os.environ["MINIGRAD_TEST_FACTOR"]),
        lambda c, m: m.setenv("MINIGRAD_TEST_FACTOR", "2")),
    "number of NumPy's": (
        lambda c, z, x: z * float(c.number), lambda c, m: setattr(c, "number", np.float64(2))),
    "array": (lambda c, z, x: z * float(c.array[0]), lambda c, m: first(c.array, 2.0)),
    "tensor": (lambda c, z, x: z * c.tensor.item(), lambda c, m: c.tensor.data.fill_(2.0)),
    "slot": (lambda c, z, x: c.slotted(z), lambda c, m: setattr(c.slotted, "value", 2.0)),
    "object of a method": (
        lambda c, z, x: c.method(z), lambda c, m: setattr(c.plain, "value", 2.0)),
    "partial": (
        lambda c, z, x: c.partial(z),
        lambda c, m: setattr(c, "partial", functools.partial(c.partial.func, 2.0))),
    "deep in lists": (
        lambda c, z, x: z * c.nested[0][0][0][0][0][0],
        lambda c, m: first(c.nested[0][0][0][0][0], 2.0)),
    "set": (lambda c, z, x: z * max(c.options["a"]), lambda c, m: c.options["a"].add(2.0)),
    "default dtype": (
        lambda c, z, x: z * (0.5 if mg.get_default_dtype() == mg.float32 else 2.0),
        lambda c, m: mg.set_default_dtype(mg.float64)),
    "number of sequences": (lambda c, z, x: z if len(x) < 4 else z * 2, None),
    "a single sequence": (lambda c, z, x: z * 2 if x.shape[0] == 1 else z, None),
    "who wants gradients": (lambda c, z, x: z * 2 if mg.is_grad_enabled() else z, None),
    "requires_grad": (lambda c, z, x: z * 2 if x.requires_grad else z, None),
    "globals()": (
        lambda c, z, x: z * globals()["NUMBER"], lambda c, m: m.setitem(globals(), "NUMBER", 2.0)),
}  # fmt: skip


def check(layer, x):
    """A layer gives what it gives as it is written, with gradients and without."""
    for wanted in (False, True):
        results = []
        for off in (False, True):
            here = x.clone().requires_grad_(wanted)
            with mg.set_grad_enabled(wanted), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with (
                    planned.switched_off() if off else mg.enable_grad() if wanted else mg.no_grad()
                ):
                    output, _ = layer(here)
            grads = mg.autograd.grad((output * output).sum(), here) if wanted else ()
            results.append([output.detach().numpy(), *[g.numpy() for g in grads]])
        for a, b in zip(*results):
            np.testing.assert_allclose(a, b, 1e-9, 1e-12)


@pytest.mark.parametrize("name", READ)
def test_a_step_follows_what_it_reads(name, fresh):
    part, change = READ[name]
    layer = make(part)
    is_plan = change is not None and name != "globals()"
    try:
        for batch in (5, 2, 1):
            check(layer, mg.randn(3, batch, 3, dtype=mg.float64))
        assert any(planned._plans[layer.l0].values()) == is_plan
        if change is not None:
            before = layer(x := mg.randn(3, 2, 3, dtype=mg.float64))[0]
            change(layer.l0, fresh)
            check(layer, x)
            assert not mg.equal(before, layer(x)[0])
    finally:
        mg.set_default_dtype(mg.float32)


def counted(holder, name):
    setattr(holder, name, getattr(holder, name) + 1)
    return getattr(holder, name)


def numbers():
    k = 0.0
    while True:
        k += 1
        yield k


def replaced(c, z):
    c.mean = getattr(c, "mean", 0) + z.detach().mean(0)
    return z - c.mean


CHANGED = {  # what a step changes besides
    "list": lambda c, z, x: z * (c.seen.append(1) or len(c.seen)),
    "global list": lambda c, z, x: z * (FACTOR.append(1) or len(FACTOR)),
    "attribute of the class": lambda c, z, x: z * counted(type(c), "steps"),
    "object": lambda c, z, x: z * counted(c.plain, "value"),
    "slot": lambda c, z, x: z * counted(c.slotted, "value"),
    "array": lambda c, z, x: z * float(np.add(c.array, 1, out=c.array)[0]),
    "tensor": lambda c, z, x: z * c.tensor.add_(1.0),
    "buffer": lambda c, z, x: replaced(c, z),
    "data of a parameter": lambda c, z, x: z * c.weight.data.mul_(0.9).sum(),
    "data of a buffer": lambda c, z, x: z + c.mean.data.add_(0.1),
    "part of a buffer": lambda c, z, x: z + c.mean[1:].add_(0.1).sum(),
    "Python's random numbers": lambda c, z, x: z * random.random(),
    "NumPy's random numbers": lambda c, z, x: z * np.random.rand(),  # noqa: NPY002
    "random numbers of its own": lambda c, z, x: z * c.random.random(),
    "a generator of random numbers": lambda c, z, x: z + mg.rand(4, generator=c.generator),
    "generator": lambda c, z, x: z * next(c.iterator),
    "remembered array": lambda c, z, x: z * (c.seen.append(z.detach().numpy()) or 1),
}


@pytest.mark.parametrize("name", CHANGED)
def test_recording_a_step_leaves_no_trace(name):
    found = []
    for off in (False, True):
        FACTOR[:] = [0.5]
        layer = make(CHANGED[name])
        layer.l0.iterator, layer.l0.random = numbers(), random.Random(0)
        layer.l0.generator = mg.Generator().manual_seed(0)
        if "buffer" in name:
            layer.l0.register_buffer("mean", mg.zeros(4, dtype=mg.float64))
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = mg.randn(3, 2, 3, dtype=mg.float64)
            with planned.switched_off() if off else nullcontext():
                output = mg.cat([layer(x)[0], layer(x)[0]])
        drawn = random.random(), np.random.rand(), mg.rand(1).item()  # noqa: NPY002
        found.append([output.detach().numpy(), *drawn])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, 1e-9, 1e-12)


def test_a_step_that_prints_goes_on_printing(capsys):
    layer = make(lambda c, z, x: print("step") or z)
    with pytest.warns(UserWarning, match="says print"):
        layer(mg.randn(3, 2, 3, dtype=mg.float64))
    assert capsys.readouterr().out.split() == ["step"] * 3


def test_second_derivatives_where_a_state_depends_on_nothing():
    class Keeping(nn.Module):
        states = ("h", "m")

        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.inner = nn.Linear(input_size + hidden_size, hidden_size)

        def forward(self, x, state):
            h, m = state
            return self.inner(mg.cat([x, h], 1)).tanh(), m

    layer, x = nn.Recurrent(Keeping, 2, 3), mg.randn(4, 2, 2, requires_grad=True)
    output, (_, memory) = layer(x)
    loss = (output * output).sum() + memory.sum()
    (slope,) = mg.autograd.grad(loss, x, create_graph=True)
    (slope * slope).sum().backward()
    assert layer.l0.inner.weight.grad is not None


def test_a_name_that_comes_to_be_when_it_is_asked_for(monkeypatch):
    """As with modules that load a part of them late: that is no change, and happens once."""
    late = types.ModuleType("late")
    monkeypatch.setattr(
        late, "__getattr__", lambda name: vars(late).setdefault(name, lambda z: 0.5 * z),
        raising=False,
    )  # fmt: skip

    class Late(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.inner = nn.Linear(input_size + hidden_size, hidden_size)

        def forward(self, x, h):
            return late.half(self.inner(mg.cat([x, h], 1))).tanh()

    layer, x = nn.Recurrent(Late, 3, 4), mg.randn(5, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output = layer(x)[0]
    with planned.switched_off():
        np.testing.assert_allclose(output.detach().numpy(), layer(x)[0].detach().numpy(), 1e-5)


def test_what_a_step_makes_for_itself_when_it_first_runs(monkeypatch):
    """What it keeps from the examples of a recording would be wrong for all others."""

    class Keeping(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.inner, self.kept = nn.Linear(input_size, hidden_size), None

        def forward(self, x, h):
            if self.kept is None:
                self.kept = x.detach().mean()
            return (self.inner(x) + h * self.kept).tanh()

    layer = nn.Recurrent(Keeping, 3, 3)
    with pytest.warns(UserWarning, match="runs step by step"):
        layer(mg.randn(5, 2, 3))
    assert layer.l0.kept is not None


def read_leak(cell, z, x):
    return z * cell.leak


@pytest.mark.once  # without compiled modules a walk cannot be watched, and is always made again
def test_copies_of_a_cell_look_for_themselves():
    layer = make(read_leak)
    x = mg.randn(5, 2, 3, dtype=mg.float64)
    layer(x)
    watch = vars(layer.l0)["_watch"]
    assert watch.holds(layer.l0)
    for other in (copy.copy(layer.l0), copy.deepcopy(layer.l0)):
        assert not watch.holds(other)
    assert vars(copy.deepcopy(layer).l0)["_watch"] is None
    assert pickle.loads(pickle.dumps(watch)) is None


@pytest.mark.once  # without compiled modules a walk cannot be watched, and is always made again
def test_a_walk_is_made_again_only_after_a_change(monkeypatch):
    layer = make(read_leak)
    x, walks = mg.randn(5, 2, 3, dtype=mg.float64), []
    layer(x)
    walk = planned.Reach
    monkeypatch.setattr(planned, "Reach", lambda *a, **o: walks.append(1) or walk(*a, **o))
    for _ in range(3):
        layer(x)
    assert not walks
    layer.l0.inner.weight.requires_grad_(False)
    layer(x)
    assert walks


def test_what_is_kept_with_a_cell_does_not_keep_it():
    layer = make(read_leak)
    layer(mg.randn(5, 2, 3, dtype=mg.float64))[0].sum().backward()
    gone = [weakref.ref(layer.l0), weakref.ref(layer.l0.weight)]
    gc.disable()
    try:
        del layer
        assert [known() for known in gone] == [None, None]
    finally:
        gc.enable()
