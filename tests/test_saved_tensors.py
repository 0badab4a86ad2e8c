"""Hooks on what the graph saves: what they see, that what they return is used, errors."""

import gc
import json
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.autograd.graph import (
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "saved_tensors.json").read_text())
OTHER_ORDER = {"torch.minimum(a, b)", "torch.atan2(a, b)"}  # of two tensors that a rule needs


def elsewhere():
    """Hooks that keep entries in other memory, as lists of Python's do."""
    return saved_tensors_hooks(
        lambda x: (x.tolist(), x.dtype), lambda kept: mg.tensor(kept[0], dtype=kept[1])
    )


@pytest.mark.parametrize("expression", GOLDEN)
def test_hooks_see_what_they_see_in_pytorch_and_gradients_are_the_same(expression):
    a = mg.tensor([[0.5, 1.5], [2.0, 0.25]], requires_grad=True)
    b = mg.tensor([[1.0, 0.5], [0.75, 2.0]], requires_grad=True)
    c = mg.tensor([[1.0, 2.0], [3.0, 0.5]])
    seen = []

    def pack(x):
        name = None if x.grad_fn is None else type(x.grad_fn).__name__
        seen.append([x.detach().flatten().tolist(), name, x.requires_grad])
        return x.detach().clone()

    with saved_tensors_hooks(pack, lambda x: x):
        y = eval(expression, {"a": a, "b": b, "c": c, "torch": mg})
    wanted = GOLDEN[expression]
    packed = wanted["packed"]
    if expression in OTHER_ORDER:
        seen, packed = sorted(seen), sorted(packed)
    assert [s[1:] for s in seen] == [p[1:] for p in packed]
    for (values, *_), (expected, *_) in zip(seen, packed, strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-6)
    first = mg.autograd.grad(y.sum(), [a, b], create_graph=True, allow_unused=True)
    total = sum(d.sum() for d in first if d is not None)
    second = (None, None)
    if total.requires_grad:
        second = mg.autograd.grad(total, [a, b], allow_unused=True)
    for found, expected in zip((*first, *second), wanted["gradients"], strict=True):
        values = np.zeros(4) if found is None else found.detach().numpy().ravel()
        np.testing.assert_allclose(values, expected or np.zeros(4), rtol=2e-5, atol=1e-6)


LAYERS = {
    "LSTM": lambda: (mg.nn.LSTM(2, 3, num_layers=2, bidirectional=True), (4, 2, 2)),
    "LSTM, batch first": lambda: (mg.nn.LSTM(2, 3, batch_first=True), (2, 4, 2)),
    "projected LSTM": lambda: (mg.nn.LSTM(2, 3, proj_size=2), (4, 2, 2)),
    "GRU": lambda: (mg.nn.GRU(2, 3), (4, 2, 2)),
    "RNN": lambda: (mg.nn.RNN(2, 3, nonlinearity="relu"), (4, 2, 2)),
    "JANET": lambda: (mg.nn.JANET(2, 3), (4, 2, 2)),
    "IndRNN": lambda: (mg.nn.IndRNN(2, 3), (4, 2, 2)),
    "LSTMCell": lambda: (mg.nn.LSTMCell(2, 3), (2, 2)),
    "GRUCell": lambda: (mg.nn.GRUCell(2, 3), (2, 2)),
    "Linear": lambda: (mg.nn.Linear(2, 3), (4, 2)),
    "LayerNorm": lambda: (mg.nn.LayerNorm(3), (4, 3)),
    "Conv1d": lambda: (mg.nn.Conv1d(2, 3, 2), (2, 2, 4)),
    "MultiheadAttention": lambda: (mg.nn.TransformerEncoderLayer(4, 2, 4, 0.0), (3, 2, 4)),
}


def first_of(result):
    return first_of(result[0]) if isinstance(result, tuple) else result


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_layers_have_the_same_gradients(name, dtype):
    mg.manual_seed(0)
    layer, shape = LAYERS[name]()
    layer.to(dtype)
    x = mg.randn(*shape, dtype=dtype, requires_grad=True)
    inputs = [x, *layer.parameters()]
    expected = mg.autograd.grad(first_of(layer(x)).square().sum(), inputs)
    with elsewhere():
        y = first_of(layer(x)).square().sum()
    found = mg.autograd.grad(y, inputs)
    for one, other in zip(found, expected, strict=True):
        mg.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "IndRNN", "LSTMCell", "LayerNorm", "Conv1d"])
def test_the_gradient_is_made_of_what_was_unpacked(name):
    layer, shape = LAYERS[name]()
    x = mg.randn(*shape, requires_grad=True)
    with saved_tensors_hooks(lambda x: x.shape, mg.zeros):
        y = first_of(layer(x))
    (d,) = mg.autograd.grad(y.sum(), x)
    assert not d.abs().sum()  # the weights that it goes through are zeros


def test_packed_memory_is_let_go():
    lstm = mg.nn.LSTM(2, 3)
    seen = []
    with saved_tensors_hooks(lambda x: seen.append(weakref.ref(x.array)) or x.tolist(), mg.tensor):
        y = lstm(mg.randn(4, 2, 2))[0].sum()
    gc.collect()
    parameters = {id(p.array) for p in lstm.parameters()}
    alive = {id(ref()) for ref in seen if ref() is not None}
    assert alive <= parameters  # (without kernels there are copies of some, and they are let go)
    assert len(seen) > len(alive)  # the input, the gates, the output
    y.backward()
    assert lstm.weight_hh_l0.grad is not None


def test_second_derivatives():
    lstm = mg.nn.LSTM(2, 2).double()
    x = mg.randn(3, 1, 2, dtype=mg.float64, requires_grad=True)

    def function(x):
        with elsewhere():
            return lstm(x)[0]

    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


def test_functions_of_ones_own():
    class Power(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            y = x**n
            ctx.save_for_backward(x, None, y)
            ctx.n = n
            return y

        @staticmethod
        def backward(ctx, g):
            x, nothing, y = ctx.saved_tensors
            assert nothing is None
            return g * ctx.n * y / x, None

    x = mg.tensor([1.5, 2.0], dtype=mg.float64, requires_grad=True)
    seen = []
    with saved_tensors_hooks(lambda x: seen.append(repr(x)) or x.tolist(), mg.tensor):
        y = Power.apply(x, 3)
    assert "requires_grad=True" in seen[0]
    assert "grad_fn=<PowerBackward>" in seen[1]
    (d,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    mg.testing.assert_close(d, 3 * x**2, check_dtype=False)
    (d,) = mg.autograd.grad(d.sum(), x)
    mg.testing.assert_close(d, 6 * x.detach(), check_dtype=False)


def test_an_unpacked_leaf_is_a_leaf():
    x = mg.ones(2, requires_grad=True)
    with elsewhere():
        y = x**3
    saved = y.grad_fn._saved_self
    assert repr(saved) == "tensor([1., 1.], requires_grad=True)"
    assert saved.is_leaf
    assert saved.grad_fn is None


def test_an_output_that_is_lent_may_be_written_to():
    rnn = mg.nn.RNN(2, 3)
    x = mg.randn(4, 2, 2)
    rnn(x)[0].sum().backward()
    expected = rnn.weight_hh_l0.grad.clone()
    rnn.zero_grad()
    with save_on_cpu():
        output = rnn(x)[0]
    loss = output.sum()
    with mg.no_grad():
        output.mul_(0)
    loss.backward()
    mg.testing.assert_close(rnn.weight_hh_l0.grad, expected, rtol=0, atol=0)


def test_the_innermost_hooks_count_and_only_in_their_thread():
    said = []
    w = mg.ones(2, requires_grad=True)

    def saying(word):
        return saved_tensors_hooks(lambda x: said.append(word) or x, lambda x: x)

    with saying("outer"):
        with saying("inner"):
            w.exp()
        w.exp()
        thread = threading.Thread(target=lambda: w.exp())
        thread.start()
        thread.join()
        with mg.no_grad():
            w.exp()
    w.exp()
    assert said == ["inner", "outer"]


def test_the_graph_can_be_retained_and_is_freed():
    unpacked = []
    a = mg.tensor([2.0], requires_grad=True)
    with saved_tensors_hooks(lambda x: x, lambda x: unpacked.append(1) or x):
        y = (a * a).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert len(unpacked) == 4
    assert a.grad.item() == 8
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_checkpoints_pack_what_they_keep():
    from minigrad.utils.checkpoint import checkpoint

    seen = []
    a = mg.ones(2, requires_grad=True)
    with saved_tensors_hooks(lambda x: seen.append(x.tolist()) or x, lambda x: x):
        y = checkpoint(lambda x: x.exp().sin(), a, use_reentrant=False)
        y = y.exp()
    assert len(seen) == 2
    y.sum().backward()
    x = mg.ones(2, requires_grad=True)
    x.exp().sin().exp().sum().backward()
    mg.testing.assert_close(a.grad, x.grad, rtol=0, atol=0)


def test_compiled_functions_and_own_recurrences_run_under_hooks():
    class Cell(mg.nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.linear = mg.nn.Linear(input_size, hidden_size)

        def forward(self, x, h):
            return mg.tanh(self.linear(x) + h)

    layer = mg.nn.Recurrent(Cell, 2, 2)
    compiled = mg.compile(lambda x: (x.exp() * x).sum())
    x = mg.randn(3, 1, 2, requires_grad=True)
    (expected,) = mg.autograd.grad(compiled(x) + layer(x)[0].sum(), x)
    seen = []
    with saved_tensors_hooks(lambda x: seen.append(1) or x.tolist(), mg.tensor):
        y = compiled(x) + layer(x)[0].sum()
    assert len(seen) >= 2
    (found,) = mg.autograd.grad(y, x)
    mg.testing.assert_close(found, expected)


def test_errors():
    w = mg.ones(2, requires_grad=True)
    with saved_tensors_hooks(lambda x: 3, lambda x: x):
        y = w * w
    with pytest.raises(TypeError, match=r"unpack_hook expected to be a Tensor .* type int"):
        y.sum().backward()
    with saved_tensors_hooks(lambda x: x, lambda x: mg.ones(3)):
        y = w * w
    with pytest.raises(RuntimeError, match=r"unpack_hook has shape \[3\].*saved has \[2\]"):
        y.sum().backward()
    x = mg.ones(2)
    with (
        pytest.raises(RuntimeError, match="modifying its input in place"),
        saved_tensors_hooks(lambda x: x.add_(1), lambda x: x),
    ):
        w * x
    with pytest.raises(ZeroDivisionError), saved_tensors_hooks(lambda x: 1 // 0, lambda x: x):
        w.exp()
    w.exp()  # the block is left
    with (
        pytest.raises(TypeError, match="unpack_hook must be callable, but got int"),
        saved_tensors_hooks(lambda x: x, 3),
    ):
        pass


def test_hooks_can_be_disabled():
    with disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), save_on_cpu():
            pass
        with (
            disable_saved_tensors_hooks("nor here"),
            pytest.raises(RuntimeError, match="nor here"),
            save_on_cpu(),
        ):
            pass
    with (
        save_on_cpu(),
        pytest.raises(RuntimeError, match="too late"),
        disable_saved_tensors_hooks("too late"),
    ):
        pass
    with save_on_cpu():
        pass
