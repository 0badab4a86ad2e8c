"""Recurrent layers over long sequences and in long training: no recursion, memory linear in time
where gradients are wanted and constant where they are not, nothing left behind by a step."""

import gc
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import _kernels, nn

TESTS = Path(__file__).parent
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


@pytest.mark.parametrize("kind", family.WITH_KERNEL)
def test_twenty_thousand_steps(kind):
    """Equal to two halves, the state carried over; ragged too. (Without kernels fewer.)"""
    steps = 1_000 if _kernels.level == "reference" else 20_000
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

# Run in a fresh process: prints by how many bytes the largest size of the process grew in 20,000
# steps without gradients; then, in training, in 10,000; then in 20,000.
MEASURE = """
import sys
import minigrad as mg

def peak():
    with open("/proc/self/status") as file:
        return 1024 * next(int(row.split()[1]) for row in file if row.startswith("VmHWM"))

layer = getattr(mg.recurrences, sys.argv[1])(2, 32, **eval(sys.argv[2]))
x = mg.zeros(20_000, 8, 2)
x += 0.5
layer(x[:50])[0].sum().backward()  # all code is loaded
before = peak()
with mg.no_grad():
    layer(x)
print(peak() - before)
for steps in (10_000, 20_000):
    layer.zero_grad()
    layer(x[:steps])[0].sum().backward()
    print(peak() - before)
"""


def printed(script, *arguments):
    """The numbers that a fresh process prints, with kernels of the best level."""
    environment = {**os.environ, "MINIGRAD_KERNELS": _kernels.available_levels()[0]}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(
        command, cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=True
    )
    return [int(line) for line in done.stdout.split()]


linux_only = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="only Linux tells a process its largest size"
)


@linux_only
@pytest.mark.parametrize("kind", family.WITH_KERNEL)
def test_memory_is_that_of_the_output_or_in_training_linear_in_time(kind):
    cls, options = family.LAYERS[kind]
    free, one, two = printed(MEASURE, cls.__name__, repr(options))
    steps, batch, megabyte = 20_000, 8, 2**20
    output = steps * batch * options.get("proj_size", 32) * 4
    # gates of all steps would be 1 (RNN) to 4 (LSTM) times 20 MB more
    assert free < output + 6 * megabyte
    assert two < 2.2 * one + 2 * megabyte
    # output, its gradient, d_x, and what a gradient needs: at most 5 gates and 1 cell a unit
    assert two < steps * batch * 4 * (32 * 9 + 8) * 1.2 + 4 * megabyte


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


def test_memory_does_not_grow_in_training():
    """What a step leaves behind, 24 bytes or more, it leaves each time; caches grow only at first.

    So a leak shows in every round of steps, and two rounds without are enough, after however many.
    """
    steps, times, quiet = [training_step(kind) for kind in family.CELLS], 40, 0
    gc.disable()  # nothing may have to wait for the collector
    try:
        tracemalloc.start()
        for _ in range(40):
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(times):
                for step in steps:
                    step()
            quiet += tracemalloc.get_traced_memory()[0] - before < 24 * times
            if quiet == 2:
                break
    finally:
        tracemalloc.stop()
        gc.enable()
    assert quiet == 2


# Run in a fresh process: by how many bytes it grows over calls that each take 50 kB of scratch.
REPEAT = """
import sys
import minigrad as mg

def size():
    with open("/proc/self/status") as file:
        return 1024 * next(int(row.split()[1]) for row in file if row.startswith("VmRSS"))

layers = [getattr(mg.recurrences, name)(64, 64, **own) for name, own in eval(sys.argv[1])]
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
    layers = [(cls.__name__, own) for cls, own in family.WITH_KERNEL.values()]
    (grown,) = printed(REPEAT, repr(layers))
    assert grown < 4 * 2**20  # 400 times 50 kB would be 20 MB for each kind
