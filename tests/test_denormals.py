"""Denormal numbers: zero in kernels of recurrences, and as they were for everybody else."""

import threading

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import _kernels

TINY = {mg.float32: 1e-42, mg.float64: 1e-320}
cpu = pytest.importorskip("minigrad._kernels.cpu")
pytestmark = pytest.mark.skipif(not cpu.set_flush(False), reason="this processor has no such mode")


@pytest.fixture(autouse=True)
def restored():
    threads = mg.get_num_threads()
    yield
    mg.set_num_threads(threads)
    cpu.set_flush(False)


def is_zero(dtype):
    """Whether NumPy, in this thread, takes a denormal number for 0."""
    return not np.any(np.full(8, TINY[dtype], mg.ones(1, dtype=dtype).numpy().dtype) * 1)


def gradients(kind, dtype, scale, rows=3):
    mg.manual_seed(0)
    cls, own = family.WITH_KERNEL[kind]
    layer = cls(4, 5, **own, dtype=dtype)
    x = mg.randn(7, rows, 4, dtype=dtype, requires_grad=True)
    output = layer(x)[0]
    output.backward(mg.full_like(output, scale))
    return [g.numpy() for g in (x.grad, *(p.grad for p in layer.parameters()))]


@pytest.mark.skipif(_kernels.level == "reference", reason="NumPy works with denormal numbers")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
@pytest.mark.parametrize("kind", family.WITH_KERNEL)
def test_gradients_that_die_out_end_at_zero(kind, dtype, threads):
    """In every thread of the kernel; and where they do not die out, nothing changes."""
    mg.set_num_threads(threads)
    for g in gradients(kind, dtype, TINY[dtype], 3 if threads == 1 else 64):
        assert not g.any()
    assert all(g.any() for g in gradients(kind, dtype, 1.0))
    assert not is_zero(dtype)


@pytest.mark.parametrize("flush", [True, False])
def test_kernels_leave_the_mode_of_their_caller(flush):
    assert mg.set_flush_denormal(flush) is True
    layer = mg.nn.LSTM(4, 5)
    layer(mg.ones(3, 2, 4))[0].sum().backward()
    assert cpu.flushes() is flush
    mg.manual_seed(0)
    with pytest.raises(RuntimeError):
        layer(mg.ones(3, 2, 5))
    assert cpu.flushes() is flush


def test_set_flush_denormal_is_for_this_thread():
    assert not is_zero(mg.float32)
    assert mg.set_flush_denormal(True)
    assert is_zero(mg.float32)
    assert is_zero(mg.float64)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(cpu.flushes()))
    thread.start()
    thread.join()
    assert mg.set_flush_denormal(False)
    assert not is_zero(mg.float32)
    assert seen in ([True], [False])  # a new thread begins as the system says


def test_without_compiled_code_it_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "minigrad._kernels.cpu", None)
    monkeypatch.delattr(_kernels, "cpu", raising=False)
    assert mg.set_flush_denormal(True) is False
