"""Ctrl-C: a kernel that takes long stops within moments, and nothing is left half done."""

import signal
import threading
import time

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels

DELAY = 0.05  # of the signal: less than any of these computations takes
PATIENCE = 1.0  # a kernel stops within 0.2 s, but the machine may have others to serve

pytestmark = [
    pytest.mark.once,  # kernels of all levels ask in the same way
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here"),
    pytest.mark.skipif(_kernels.level == "reference", reason="no kernels, the interpreter asks"),
]


class Interrupted(BaseException):
    """What the handler raises: no other code can take it for its own."""


@pytest.fixture(autouse=True)
def restored():
    threads = mg.get_num_threads()
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    mg.set_num_threads(threads)


def handle_with(handler):
    signal.signal(signal.SIGALRM, handler)


def raise_interrupted(signum, frame):
    raise Interrupted


def seconds_after_signal(function):
    """How long `function` went on after a signal came in the middle of it."""
    handle_with(raise_interrupted)
    signal.setitimer(signal.ITIMER_REAL, DELAY)
    start = time.perf_counter()
    with pytest.raises(Interrupted):
        function()
    return time.perf_counter() - start - DELAY


def long_layer(kind):
    """A layer, and an input that takes it half a second or so."""
    mg.manual_seed(0)
    return getattr(mg.nn, kind)(32, 256), mg.randn(1200, 64, 32)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_layers_stop(kind, threads):
    mg.set_num_threads(threads)
    layer, x = long_layer(kind)
    state = mg.get_rng_state()
    assert seconds_after_signal(lambda: layer(x)) < PATIENCE
    assert mg.equal(state, mg.get_rng_state())
    # ... and everything goes on as if nothing had been
    loss = layer(x)[0].sum()
    assert seconds_after_signal(lambda: loss.backward(retain_graph=True)) < PATIENCE
    assert [p.grad for p in layer.parameters()] == [None] * len(list(layer.parameters()))


def test_gradients_after_an_interrupted_backward_are_right():
    layer, x = long_layer("GRU")
    loss = layer(x)[0].sum()
    seconds_after_signal(lambda: loss.backward(retain_graph=True))
    loss.backward(retain_graph=True)
    once = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    loss.backward()
    for p, g in zip(layer.parameters(), once, strict=True):
        assert mg.equal(p.grad, g)


def test_losses_stop():
    logits, target = mg.ones(60_000, 2000), mg.zeros(60_000, dtype=mg.int64)
    assert seconds_after_signal(lambda: mg.nn.functional.cross_entropy(logits, target)) < PATIENCE


@pytest.mark.parametrize("threads", [1, 3])
def test_a_handler_that_returns_changes_nothing(threads):
    """It may even run a network itself."""
    mg.set_num_threads(threads)
    layer, x = long_layer("GRU")
    small, expected, calls = mg.nn.GRU(3, 4), layer(x)[0], []

    def handler(signum, frame):
        calls.append(small(mg.ones(5, 2, 3))[0])

    handle_with(handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    again = layer(x)[0]
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert mg.equal(again, expected)
    assert calls
    assert all(mg.equal(y, calls[0]) for y in calls)


def test_a_second_thread_computes_on():
    """Signals are the main thread's. It need not wait for the other one, which is not disturbed."""
    mg.set_num_threads(2)
    layer, x = long_layer("GRU")
    expected, results = layer(x)[0].detach().numpy(), []
    thread = threading.Thread(target=lambda: results.append(layer(x)[0].detach().numpy()))

    def wait():
        thread.start()
        while True:
            time.sleep(0.01)

    assert seconds_after_signal(wait) < PATIENCE
    thread.join()
    np.testing.assert_array_equal(results[0], expected)


def test_handlers_run_in_the_callers_mode_of_floats():
    """Kernels take denormal numbers for zero, but nobody else does."""
    cpu = pytest.importorskip("minigrad._kernels.cpu")
    seen = []
    handle_with(lambda *_: seen.append(cpu.flushes()))
    layer, x = long_layer("GRU")
    signal.setitimer(signal.ITIMER_REAL, DELAY)
    layer(x)
    assert seen == [False]
