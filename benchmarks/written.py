"""What users write themselves: cells in tensor operations, loops, writes by index, small models.

All are training steps. Where `torch.compile` is shown, PyTorch compiled the function of the model
(its loop over time unrolled); the time that this takes is not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.timing import Case, Work

Made = tuple[Callable[..., Any], list[Any], list[Any]]  # a function, its arguments, its parameters


def lstm_cell(torch: Any, steps: int, batch: int, inputs: int, hidden: int) -> Made:
    """An LSTM in ten lines, with a loss on all of its outputs."""
    x = torch.randn(steps, batch, inputs)
    w, u = torch.randn(inputs, 4 * hidden) * 0.1, torch.randn(hidden, 4 * hidden) * 0.1
    b = torch.zeros(4 * hidden)

    def run(x: Any, w: Any, u: Any, b: Any) -> Any:
        h = c = torch.zeros(batch, hidden)
        outputs = []
        for x_t in x:
            i, f, g, o = (x_t @ w + h @ u + b).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs).sum()

    return run, [x, w, u, b], [w, u, b]


def lstm_layer(torch: Any, steps: int, batch: int, inputs: int, hidden: int) -> Made:
    """The same LSTM as a layer, `nn.Recurrent`; PyTorch, which has none, runs the loop."""
    loop, arguments, _ = lstm_cell(torch, steps, batch, inputs, hidden)
    if not hasattr(torch.nn, "Recurrent"):
        return loop, arguments, arguments[1:]

    def step(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> Any:
        i, f, g, o = (x @ w + h @ u + b).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    shapes = {"w": (inputs, 4 * hidden), "u": (hidden, 4 * hidden), "b": (4 * hidden,)}
    layer = torch.nn.Recurrent(step, inputs, hidden, parameters=shapes)
    return lambda x: layer(x)[0].sum(), arguments[:1], list(layer.parameters())


def gru_of_linears(torch: Any, steps: int, batch: int, inputs: int, hidden: int) -> Made:
    """The cell of many tutorials: Linear layers of cat([x, h])."""
    gates = torch.nn.Linear(inputs + hidden, 2 * hidden)
    candidate = torch.nn.Linear(inputs + hidden, hidden)
    x = torch.randn(steps, batch, inputs)

    def run(x: Any) -> Any:
        h = torch.zeros(batch, hidden)
        for x_t in x:
            r, z = torch.sigmoid(gates(torch.cat([x_t, h], 1))).chunk(2, 1)
            n = torch.tanh(candidate(torch.cat([x_t, r * h], 1)))
            h = (1 - z) * n + z * h
        return h.sum()

    return run, [x], [*gates.parameters(), *candidate.parameters()]


def writes_by_index(torch: Any, steps: int, batch: int, hidden: int, words: int) -> Made:
    """A decoder that puts the output of each step into a tensor made before, by its number."""
    cell, head = torch.nn.GRUCell(hidden, hidden), torch.nn.Linear(hidden, words)
    x = torch.randn(batch, hidden)

    def run(x: Any) -> Any:
        outputs, h = torch.zeros(steps, batch, words), torch.zeros(batch, hidden)
        for t in range(steps):
            h = cell(x, h)
            outputs[t] = head(h)
        return outputs.sum()

    return run, [x], [*cell.parameters(), *head.parameters()]


def perceptron(torch: Any, batch: int, inputs: int, hidden: int) -> Made:
    """Two layers and a classification."""
    nn = torch.nn
    model = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    x, target = torch.randn(batch, inputs), torch.arange(batch) % 10
    run = lambda x: nn.functional.cross_entropy(model(x), target)  # noqa: E731
    return run, [x], list(model.parameters())


def attention(torch: Any, batch: int, steps: int, size: int) -> Made:
    """One head of self-attention, with a residual and a LayerNorm."""
    query, key, value = [torch.nn.Linear(size, size) for _ in range(3)]
    norm = torch.nn.LayerNorm(size)
    x = torch.randn(batch, steps, size)

    def run(x: Any) -> Any:
        scores = query(x) @ key(x).transpose(1, 2) / size**0.5
        return norm(x + torch.softmax(scores, -1) @ value(x)).square().sum()

    return run, [x], [p for m in (query, key, value, norm) for p in m.parameters()]


def multihead(torch: Any, steps: int, batch: int, size: int, heads: int) -> Made:
    """Self-attention of several heads."""
    layer, x = torch.nn.MultiheadAttention(size, heads), torch.randn(steps, batch, size)
    run = lambda x: layer(x, x, x, need_weights=False)[0].sum()  # noqa: E731
    return run, [x], list(layer.parameters())


def encoder(torch: Any, steps: int, batch: int, size: int, heads: int) -> Made:
    """A layer of a transformer's encoder, with dropout."""
    layer = torch.nn.TransformerEncoderLayer(size, heads, 2 * size)
    return (
        lambda x: layer(x).square().sum(),
        [torch.randn(steps, batch, size)],
        [*layer.parameters()],
    )


def layer_norm_rnn(torch: Any, steps: int, batch: int, hidden: int) -> Made:
    """A tanh cell with LayerNorm, in a loop."""
    linear, norm = torch.nn.Linear(2 * hidden, hidden), torch.nn.LayerNorm(hidden)
    x = torch.randn(steps, batch, hidden)

    def run(x: Any) -> Any:
        h = torch.zeros(batch, hidden)
        for x_t in x:
            h = torch.tanh(norm(linear(torch.cat([x_t, h], 1))))
        return h.sum()

    return run, [x], [*linear.parameters(), *norm.parameters()]


PROGRAMS: dict[str, tuple[Callable[..., Made], tuple[int, ...], bool]] = {
    "own LSTM, T=5 N=1 I=H=4": (lstm_cell, (5, 1, 4, 4), True),
    "own LSTM, T=50 N=1 I=H=64": (lstm_cell, (50, 1, 64, 64), False),
    "own LSTM, T=50 N=32 I=H=64": (lstm_cell, (50, 32, 64, 64), False),
    "own LSTM, T=50 N=32 I=H=256": (lstm_cell, (50, 32, 256, 256), False),
    "nn.Recurrent of an LSTM, T=5 N=1 I=H=4": (lstm_layer, (5, 1, 4, 4), False),
    "nn.Recurrent of an LSTM, T=50 N=1 I=H=64": (lstm_layer, (50, 1, 64, 64), False),
    "nn.Recurrent of an LSTM, T=50 N=8 I=H=128": (lstm_layer, (50, 8, 128, 128), False),
    "nn.Recurrent of an LSTM, T=50 N=32 I=H=64": (lstm_layer, (50, 32, 64, 64), False),
    "nn.Recurrent of an LSTM, T=50 N=32 I=H=256": (lstm_layer, (50, 32, 256, 256), False),
    "GRU of Linears, T=20 N=8 I=16 H=32": (gru_of_linears, (20, 8, 16, 32), False),
    "GRU of Linears, T=30 N=64 I=H=128": (gru_of_linears, (30, 64, 128, 128), False),
    "outputs[t] = ..., T=80 N=32 H=64 V=1000": (writes_by_index, (80, 32, 64, 1000), False),
    "perceptron, N=32 I=20 H=64": (perceptron, (32, 20, 64), True),
    "perceptron, N=256 I=784 H=256": (perceptron, (256, 784, 256), True),
    "attention, N=8 T=20 H=32": (attention, (8, 20, 32), True),
    "attention, N=16 T=100 H=128": (attention, (16, 100, 128), True),
    "MultiheadAttention, T=50 N=8 E=64 H=4": (multihead, (50, 8, 64, 4), True),
    "TransformerEncoderLayer, T=50 N=8 E=64 H=4": (encoder, (50, 8, 64, 4), False),
    "LayerNorm in a cell, T=20 N=16 H=64": (layer_norm_rnn, (20, 16, 64), False),
}


def _step(torch: Any, name: str, compiled: bool = False) -> Work:
    make, sizes, _ = PROGRAMS[name]
    torch.manual_seed(0)
    run, arguments, parameters = make(torch, *sizes)
    for parameter in parameters:
        parameter.requires_grad_()
    if compiled:
        run = torch.compile(run)

    def step() -> None:
        for parameter in parameters:
            parameter.grad = None
        run(*arguments).backward()

    return step


def cases() -> list[Case]:
    """Everything here."""
    found = []
    for name, (_, _, compiles) in PROGRAMS.items():

        def make(torch: Any, name: str = name) -> Work:
            return _step(torch, name)

        def make_compiled(torch: Any, name: str = name) -> Work:
            return _step(torch, name, compiled=True)

        found.append(Case(name, make, {"torch.compile": make_compiled} if compiles else {}))
    return found
