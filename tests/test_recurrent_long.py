"""Recurrent layers over long sequences and in long training: no recursion, memory linear in time
where gradients are wanted and constant where they are not, nothing left behind by a step."""

import gc
import os
import runpy
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels, nn

TESTS = Path(__file__).parent
family = SimpleNamespace(**runpy.run_path(str(TESTS / "recurrences.py")))
facts, leaf = family.facts, family.leaf

# ------------------------------------------------------------------------------------------------
# Thousands of steps
# ------------------------------------------------------------------------------------------------


def numpy_bptt(x, h_0, parameters, d_output):
    """tanh RNN and back-propagation through time, one layer, written out in NumPy."""
    w_ih, w_hh, b_ih, b_hh = parameters
    states = [h_0]
    for x_t in x:
        states.append(np.tanh(x_t @ w_ih.T + b_ih + states[-1] @ w_hh.T + b_hh))
    d_x, d_h = np.empty_like(x), np.zeros_like(h_0)
    d_w_ih, d_w_hh, d_b = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(b_ih)
    for t in reversed(range(len(x))):
        d_pre = (d_output[t] + d_h) * (1 - states[t + 1] ** 2)
        d_x[t], d_h = d_pre @ w_ih, d_pre @ w_hh
        d_w_ih += d_pre.T @ x[t]
        d_w_hh += d_pre.T @ states[t]
        d_b += d_pre.sum(0)
    return np.array(states[1:]), d_x, d_h, d_w_ih, d_w_hh, d_b, d_b


@pytest.mark.parametrize("unroll", ["layer", "cell"])
@pytest.mark.parametrize("level_name", [_kernels.available_levels()[0], "reference"])
def test_five_thousand_steps(unroll, level_name):
    steps, batch, columns, units = 5000, 2, 3, 4
    before = _kernels.level
    _kernels.set_level(level_name)
    try:
        mg.manual_seed(1)
        layer = nn.RNN(columns, units, dtype=mg.float64)
        x, h_0 = leaf(1, steps, batch, columns), leaf(2, 1, batch, units)
        g = facts.numbers(3, steps, batch, units)
        if unroll == "layer":
            output, _ = layer(x, h_0)
        else:
            cell = nn.RNNCell(columns, units, dtype=mg.float64)
            for name, value in layer.named_parameters():
                setattr(cell, name.removesuffix("_l0"), value)
            h, states = h_0[0], []
            for x_t in x:
                h = cell(x_t, h)
                states.append(h)
            output = mg.stack(states)
        output.backward(mg.tensor(g))
    finally:
        _kernels.set_level(before)
    parameters = [p.detach().numpy() for p in layer.parameters()]
    expected = numpy_bptt(x.detach().numpy(), h_0.detach().numpy()[0], parameters, g)
    got = [output.detach(), x.grad, h_0.grad[0], *[p.grad for p in layer.parameters()]]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b, 1e-7, 1e-7 * np.abs(b).max())


@pytest.mark.parametrize("kind", ["lstm", "indrnn_relu"])
def test_twenty_thousand_steps(kind):
    """Equal to two halves, the state carried over; ragged too."""
    steps = 20_000
    layer = family.layer(kind, 3, 4)
    with mg.no_grad():  # |u| <= 1: no growth over so many steps
        layer.weight_hh_l0.clamp_(-0.9, 0.9)
    x, states = leaf(1, steps, 2, 3), family.start(layer, 2)
    whole = family.run(layer, x, states)
    leaves = [x, *states, *layer.parameters()]
    first, *middle = family.run(layer, x[: steps // 2], states)
    second, *ends = family.run(layer, x[steps // 2 :], middle)
    halves = [mg.cat([first, second]), *ends]
    ragged = family.run(layer, x, states, lengths=[steps, steps])
    by_whole = family.gradients_of(whole, leaves)
    for other in (halves, ragged):
        for a, b in zip(other, whole, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-9, 1e-12)
        for a, b in zip(family.gradients_of(other, leaves), by_whole, strict=True):
            np.testing.assert_allclose(a, b, 1e-8, 1e-9 * np.abs(b).max())


# ------------------------------------------------------------------------------------------------
# Memory over time: what kernels allocate, Python does not see, so the process itself is asked
# ------------------------------------------------------------------------------------------------

# Run in a fresh process: prints by how many bytes the largest size of the process grew.
MEASURE = """
import sys
import minigrad as mg

def peak():
    with open("/proc/self/status") as file:
        return 1024 * next(int(row.split()[1]) for row in file if row.startswith("VmHWM"))

kind, options, mode, steps = sys.argv[1], eval(sys.argv[2]), sys.argv[3], int(sys.argv[4])
layer = getattr(mg.nn, kind)(2, 32, **options)
x = mg.zeros(steps, 8, 2)
x += 0.5
layer(x[:50])[0].sum().backward()  # all code is loaded
before = peak()
if mode == "training":
    layer(x)[0].sum().backward()
else:
    with mg.no_grad():
        layer(x)
print(peak() - before)
"""


def growth(kind, options, mode, steps):
    """By how many bytes a process grows in one forward pass, or one of training."""
    environment = {**os.environ, "MINIGRAD_KERNELS": _kernels.available_levels()[0]}
    command = [sys.executable, "-c", MEASURE, kind, repr(options), mode, str(steps)]
    done = subprocess.run(
        command, cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


linux_only = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="only Linux tells a process its largest size"
)
KINDS = (
    ("LSTM", {}),
    ("LSTM", {"proj_size": 8}),
    ("GRU", {}),
    ("JANET", {}),
    ("MGU", {}),
    ("RNN", {}),
    ("IndRNN", {}),
)


@linux_only
def test_inference_takes_no_memory_but_for_the_output():
    steps, batch, megabyte = 20_000, 8, 2**20
    for kind, options in KINDS:
        output = steps * batch * options.get("proj_size", 32) * 4
        taken = growth(kind, options, "inference", steps)
        # gates of all steps would be 1 (RNN) to 4 (LSTM) times 20 MB more
        assert taken < output + 6 * megabyte, (kind, options, taken - output)


@linux_only
def test_training_takes_memory_linear_in_time():
    for kind, options in KINDS:
        one, two = [growth(kind, options, "training", steps) for steps in (10_000, 20_000)]
        assert two < 2.2 * one + 2**21, (kind, options, one, two)
        # output, its gradient, d_x, and what a gradient needs: at most 5 gates and 1 cell a unit
        assert two < 20_000 * 8 * 4 * (32 * 9 + 8) * 1.2 + 2**22, (kind, options, two)


# ------------------------------------------------------------------------------------------------
# Training for long
# ------------------------------------------------------------------------------------------------


def training_step(kind, dtype="float32"):
    """A function that trains a layer, ragged, and a cell by one step."""
    layer = family.layer(kind, 3, 8, dtype=dtype)
    cell = family.cell(kind, 3, 8, dtype=dtype)
    parameters = [*layer.parameters(), *cell.parameters()]
    optimizer = mg.optim.SGD(parameters, lr=0.001)
    x = leaf(1, 3, 2, 3, dtype=dtype).detach()

    def step():
        optimizer.zero_grad()
        outputs = family.run(layer, x, lengths=[2, 3])
        outputs += family.run(cell, x[0])
        sum([y.sum() for y in outputs]).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize("kind", ["lstm", "gru", "indrnn_relu"])
def test_memory_does_not_grow_in_training(kind):
    step = training_step(kind)
    gc.disable()  # nothing may have to wait for the collector
    try:
        tracemalloc.start()
        for _ in range(1500):  # Python 3.10 allocates a cache for code that ran 1024 times
            step()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(2000):
            step()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 4000


# Run in a fresh process: by how many bytes it grows over calls that each take 50 kB of scratch.
REPEAT = """
import sys
import minigrad as mg

def size():
    with open("/proc/self/status") as file:
        return 1024 * next(int(row.split()[1]) for row in file if row.startswith("VmRSS"))

layers = [getattr(mg.nn, kind)(64, 64, **options) for kind, options in eval(sys.argv[1])]
x = mg.randn(3, 8, 64)

def repeat(times):
    for layer in layers:
        for _ in range(times):
            layer.zero_grad()
            layer(x)[0].sum().backward()
            with mg.no_grad():
                layer(x, lengths=[3, 0, 1, 2, 3, 3, 2, 1])
            try:
                layer(x, lengths=[3])
            except RuntimeError:
                pass

repeat(50)
before = size()
repeat(400)
print(size() - before)
"""


@linux_only
def test_kernels_give_their_scratch_back():
    environment = {**os.environ, "MINIGRAD_KERNELS": _kernels.available_levels()[0]}
    done = subprocess.run(
        [sys.executable, "-c", REPEAT, repr(KINDS)],
        cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 4 * 2**20  # 400 times 50 kB would be 20 MB for each kind
