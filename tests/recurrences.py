"""The recurrent family, for its tests: every recurrence by one name, and small layers, cells,
inputs and states of it, with neither zeros nor ones in them.

    T steps, N batch, I input size, H hidden size, K layers times directions
"""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import minigrad as mg
from minigrad import nn

facts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "golden" / "facts.py")))

LAYERS = {
    "rnn_tanh": (nn.RNN, {}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "lstm_proj": (nn.LSTM, {"proj_size": 2}),
    "gru": (nn.GRU, {}),
    "janet": (nn.JANET, {}),
    "mgu": (nn.MGU, {}),
    "indrnn_relu": (nn.IndRNN, {}),
    "indrnn_tanh": (nn.IndRNN, {"nonlinearity": "tanh"}),
}
CELLS = {
    "rnn_tanh": (nn.RNNCell, {}),
    "rnn_relu": (nn.RNNCell, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTMCell, {}),
    "gru": (nn.GRUCell, {}),
    "janet": (nn.JANETCell, {}),
    "mgu": (nn.MGUCell, {}),
    "indrnn_relu": (nn.IndRNNCell, {}),
    "indrnn_tanh": (nn.IndRNNCell, {"nonlinearity": "tanh"}),
}


def leaf(seed, *shape, dtype="float64"):
    """A tensor that requires a gradient."""
    return mg.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


def _filled(module):
    """The module, with numbers where its own initial values would be zeros or ones."""
    with mg.no_grad():
        for seed, (name, p) in enumerate(module.named_parameters()):
            if name.startswith("bias") or p.ndim == 1:
                p.copy_(mg.tensor(facts.numbers(40 + seed, *p.shape) * 0.7))
    return module


def layer(kind, *sizes, dtype="float64", **options):
    """A layer from a fixed seed: ``layer("gru", I, H, num_layers, bidirectional=True)``."""
    cls, own = LAYERS[kind]
    mg.manual_seed(3)
    return _filled(cls(*sizes, dtype=getattr(mg, dtype), **own, **options))


def cell(kind, *sizes, dtype="float64", **options):
    """A cell from a fixed seed: ``cell("gru", I, H)``."""
    cls, own = CELLS[kind]
    mg.manual_seed(3)
    return _filled(cls(*sizes, dtype=getattr(mg, dtype), **own, **options))


def start(module, *rows, seed=2, dtype="float64"):
    """Initial states of a layer (K, N, H) or cell (N, H), each another: a list of one or two."""
    if isinstance(module, nn.RNNBase):
        rows = (module.num_layers * (2 if module.bidirectional else 1), *rows)
    two = isinstance(module, (nn.LSTM, nn.LSTMCell))
    sizes = [getattr(module, "proj_size", 0) or module.hidden_size, module.hidden_size]
    return [leaf(seed + k, *rows, size, dtype=dtype) for k, size in enumerate(sizes[: 1 + two])]


def given(states):
    """States as layers and cells take them."""
    return states[0] if len(states) == 1 else tuple(states)


def flat(result):
    """What a layer or cell returned, side by side: output, h_n, c_n, or h, c."""
    if not isinstance(result, tuple):
        return [result]
    return [y for part in result for y in (part if isinstance(part, tuple) else [part])]


def run(module, x, states=(), **options):
    """Call a layer or cell; all that it returns, side by side."""
    return flat(module(x, *([given(states)] if states else []), **options))


def gradients(module):
    """Copies of the gradients of all parameters."""
    return {name: p.grad.numpy().copy() for name, p in module.named_parameters()}


def gradients_of(outputs, leaves, seed=60):
    """The gradients of leaves for given gradients of the outputs, as arrays.

    Zeros for leaves that nothing depends on, as the initial state is of a batch without any steps.
    """
    dtype = outputs[0].detach().numpy().dtype
    above = [
        mg.tensor(facts.numbers(seed + k, *y.shape, dtype=dtype)) for k, y in enumerate(outputs)
    ]
    used = [(y, g) for y, g in zip(outputs, above) if y.requires_grad]
    grads = mg.autograd.grad(
        [y for y, _ in used], leaves, [g for _, g in used], retain_graph=True, allow_unused=True
    )
    return [
        np.zeros(tuple(v.shape), dtype) if g is None else g.numpy().copy()
        for v, g in zip(leaves, grads)
    ]
