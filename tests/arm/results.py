"""What layers, losses, optimizers and random streams compute, to be compared between two machines.

    python results.py save FILE            compute all, and save it
    python results.py compare FILE FILE    exit with 1 if they differ by more than rounding

Both machines draw the same numbers from the same seed: those must have the same bits, but where
logarithms, sines and cosines are in them. These are NumPy's own, which have other instructions on
each kind of processor. All else may differ by rounding: sums are taken in another order where
vectors have another width.
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn

T, N, INPUT, HIDDEN = 13, 7, 5, 22


def leaky(x, h, w_ih, w_hh, b):
    """A recurrence of one's own: its steps run as a plan."""
    new = (x @ w_ih.T + h @ w_hh.T + b).tanh()
    return h + 0.2 * (new - h)


def own_lstm(x, h, c, w_ih, w_hh, b):
    i, f, g, o = (x @ w_ih.T + h @ w_hh.T + b).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def recurrent(cell, gates):
    """A layer of it."""
    return nn.Recurrent(
        cell, INPUT, HIDDEN,
        parameters=lambda i, h: {"w_ih": (gates * h, i), "w_hh": (gates * h, h), "b": (gates * h,)},
    )  # fmt: skip


LAYERS = {
    "RNN": lambda: nn.RNN(INPUT, HIDDEN),
    "RNN relu": lambda: nn.RNN(INPUT, HIDDEN, nonlinearity="relu"),
    "LSTM": lambda: nn.LSTM(INPUT, HIDDEN),
    "LSTM two layers both ways": lambda: nn.LSTM(INPUT, HIDDEN, 2, bidirectional=True),
    "LSTM projected": lambda: nn.LSTM(INPUT, HIDDEN, proj_size=9),
    "LSTM with peepholes": lambda: nn.LSTM(INPUT, HIDDEN, peephole=True),
    "LSTM normalised": lambda: nn.LSTM(INPUT, HIDDEN, layer_norm=True),
    "LSTM large": lambda: nn.LSTM(INPUT, 128),
    "GRU": lambda: nn.GRU(INPUT, HIDDEN),
    "GRU both ways": lambda: nn.GRU(INPUT, HIDDEN, bidirectional=True),
    "GRU reset before": lambda: nn.GRU(INPUT, HIDDEN, reset_after=False),
    "JANET": lambda: nn.JANET(INPUT, HIDDEN),
    "MGU": lambda: nn.MGU(INPUT, HIDDEN),
    "IndRNN": lambda: nn.IndRNN(INPUT, HIDDEN, 2),
    "ResidualIndRNN": lambda: nn.ResidualIndRNN(INPUT, HIDDEN, 2),
    "DenseIndRNN": lambda: nn.DenseIndRNN(INPUT, HIDDEN, (2,)),
    "plan": lambda: recurrent(leaky, 1),
    "plan of an LSTM": lambda: recurrent(own_lstm, 4),
    "Linear": lambda: nn.Linear(INPUT, HIDDEN),
    "LayerNorm": lambda: nn.LayerNorm(INPUT),
    "RMSNorm": lambda: nn.RMSNorm(INPUT),
    "GroupNorm": lambda: nn.GroupNorm(7, N),
    "BatchNorm1d": lambda: nn.BatchNorm1d(N),
    "InstanceNorm1d": lambda: nn.InstanceNorm1d(N, affine=True),
    "Conv1d": lambda: nn.Conv1d(N, 6, 3, padding=1),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(N, 6, 3, stride=2),
    "MultiheadAttention": lambda: Attention(),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(INPUT, 5, 16, dropout=0.0),
    "Dropout": lambda: nn.Dropout(0.3),
    "MaxPool1d": lambda: nn.MaxPool1d(2),
    "Softmax": lambda: nn.Softmax(-1),
    "LogSoftmax": lambda: nn.LogSoftmax(-1),
}  # fmt: skip
ACTIVATIONS = (
    "CELU", "ELU", "GELU", "Hardsigmoid", "Hardswish", "LeakyReLU", "LogSigmoid", "Mish", "PReLU",
    "ReLU", "SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Tanh", "Tanhshrink",
)  # fmt: skip
FUNCTIONS = (
    "exp", "log1p", "sin", "cos", "sqrt", "rsqrt", "erf", "expm1", "cumsum", "logsumexp", "sort",
)  # fmt: skip
# In units of the last place. Gradients of CTC are exp(x) of large x, which multiplies the rounding.
LIMITS = {"drawn:": 2.0, "CTCLoss": 256.0, "": 128.0}
WITH_LOGARITHMS = ("randn", "normal", "exponential")  # of what is drawn
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Rprop")


class Attention(nn.Module):
    """Of a sequence to itself."""

    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(INPUT, 5)

    def forward(self, x):
        return self.inner(x, x, x)


def tensors_in(result):
    """Yield the tensors of a result, which may be tuples of tuples."""
    if isinstance(result, mg.Tensor):
        yield result
    elif isinstance(result, (tuple, list)):
        for part in result:
            yield from tensors_in(part)


def with_gradients(found, name, result, inputs):
    """Keep the tensors of a result, and the gradients of what they depend on."""
    results = [r for r in tensors_in(result) if r.is_floating_point()]
    sum((r * mg.randn(r.shape, dtype=r.dtype)).sum() for r in results).backward()
    for i, result in enumerate(results):
        found[f"{name}: result {i}"] = result.detach().numpy()
    for i, tensor in enumerate(inputs):
        if tensor.grad is not None:
            found[f"{name}: gradient {i}"] = tensor.grad.numpy()


def layers(found, dtype):
    kind = str(dtype).rpartition(".")[2]
    made = {**LAYERS, **{name: getattr(nn, name) for name in ACTIVATIONS}}
    for name, make in made.items():
        mg.manual_seed(3)
        layer = make().to(dtype)
        x = mg.randn(T, N, INPUT, dtype=dtype, requires_grad=True)
        with_gradients(found, f"{name} {kind}", layer(x), [x, *layer.parameters()])
    for name in FUNCTIONS:
        mg.manual_seed(4)
        x = (mg.rand(T, N * INPUT, dtype=dtype) + 0.1).requires_grad_()
        more = (-1,) if name in ("cumsum", "logsumexp", "sort") else ()
        with_gradients(found, f"{name} {kind}", getattr(mg, name)(x, *more), [x])
    mg.manual_seed(5)
    a = mg.randn(70, 90, dtype=dtype, requires_grad=True)
    b = mg.randn(90, 50, dtype=dtype, requires_grad=True)
    with_gradients(found, f"matmul {kind}", a @ b, [a, b])


def losses(found, dtype):
    kind = str(dtype).rpartition(".")[2]
    mg.manual_seed(6)
    classes = mg.randint(0, HIDDEN, (N,))
    wanted = mg.rand(N, HIDDEN, dtype=dtype)
    for name, target in (
        ("CrossEntropyLoss", classes), ("MultiMarginLoss", classes), ("MSELoss", wanted),
        ("L1Loss", wanted), ("SmoothL1Loss", wanted), ("BCEWithLogitsLoss", wanted),
        ("PoissonNLLLoss", wanted), ("KLDivLoss", wanted),
    ):  # fmt: skip
        x = mg.randn(N, HIDDEN, dtype=dtype, requires_grad=True)
        loss = getattr(nn, name)(reduction="sum")
        with_gradients(found, f"{name} {kind}", loss(x, target), [x])
    x = mg.randn(30, N, HIDDEN, dtype=dtype, requires_grad=True)
    labels = mg.randint(1, HIDDEN, (N, 9))
    lengths = mg.full((N,), 30), mg.full((N,), 9)
    with_gradients(
        found, f"CTCLoss {kind}",
        nn.CTCLoss(reduction="sum")(mg.log_softmax(x, -1), labels, *lengths), [x],
    )  # fmt: skip


def optimizers(found, dtype):
    """Ten steps of each, of a small LSTM."""
    kind = str(dtype).rpartition(".")[2]
    for name in OPTIMIZERS:
        mg.manual_seed(7)
        layer = nn.LSTM(INPUT, HIDDEN, dtype=dtype)
        optimizer = getattr(mg.optim, name)(layer.parameters(), lr=0.01)
        x, wanted = mg.randn(T, N, INPUT, dtype=dtype), mg.randn(T, N, HIDDEN, dtype=dtype)
        for _ in range(10):
            optimizer.zero_grad()
            (layer(x)[0] - wanted).square().sum().backward()
            optimizer.step()
        for i, parameter in enumerate(layer.parameters()):
            found[f"{name} {kind}: parameter {i}"] = parameter.detach().numpy()


def draws(found):
    """What comes from the random streams."""
    for dtype in (mg.float32, mg.float64):
        kind = str(dtype).rpartition(".")[2]
        for size in (3, 15, 16, 1000):
            mg.manual_seed(8)
            empty = mg.zeros(size, dtype=dtype)
            for name, numbers in {
                "rand": mg.rand(size, dtype=dtype),
                "randn": mg.randn(size, dtype=dtype),
                "normal": mg.normal(2.0, 3.0, (size,), dtype=dtype),
                "uniform": empty.clone().uniform_(-1, 3),
                "bernoulli": empty.clone().bernoulli_(0.3),
                "exponential": empty.clone().exponential_(),
                "dropout": nn.functional.dropout(empty + 1, 0.4),
                "Linear": nn.Linear(size, 3, dtype=dtype).weight.detach(),
            }.items():
                found[f"drawn: {name} {kind} {size}"] = numbers.numpy()
    mg.manual_seed(9)
    found["drawn: randint"] = mg.randint(-50, 1000, (500,)).numpy()
    found["drawn: randperm"] = mg.randperm(777).numpy()
    found["drawn: multinomial"] = mg.multinomial(mg.arange(1.0, 40.0), 30).numpy()


def save(path):
    found = {}
    for dtype in (mg.float32, mg.float64):
        layers(found, dtype)
        losses(found, dtype)
        optimizers(found, dtype)
    draws(found)
    np.savez(path, **found)
    print(f"{len(found)} arrays")


def compare(first, second):
    """Print the largest differences; whether all are as small as they must be."""
    a, b = np.load(first), np.load(second)
    assert a.files == b.files
    worst, wrong = {}, []
    for name in a.files:
        x, y = a[name], b[name]
        assert x.dtype == y.dtype, name
        assert x.shape == y.shape, name
        if name.startswith("drawn:") and not any(f" {what} " in name for what in WITH_LOGARITHMS):
            kind, size, limit = "drawn", float(x.tobytes() != y.tobytes()), 0.0
        else:
            # In units of the last place of the largest entry.
            kind = x.dtype.name
            unit = np.finfo(x.dtype).eps * max(np.abs(x).max(), np.finfo(x.dtype).tiny)
            size = float(np.abs(x - y).max() / unit)
            limit = next(limit for what, limit in LIMITS.items() if name.startswith(what))
        if not size <= limit:
            wrong.append(f"{name}: {size:g}")
        worst.setdefault(kind, []).append((size, name))
    for kind, sizes in worst.items():
        equal = sum(size == 0 for size, _ in sizes)
        print(f"{kind}: {equal} of {len(sizes)} arrays have the same bits; the largest")
        print("differences, in units of the last place of an array's largest entry:")
        for size, name in sorted(sizes, reverse=True)[:5]:
            print(f"    {size:8.2f}  {name}")
    print("\n".join(["too different:", *wrong]) if wrong else "all are equal to rounding")
    return not wrong


if __name__ == "__main__":
    if sys.argv[1] == "save":
        save(sys.argv[2])
    else:
        sys.exit(not compare(*sys.argv[2:]))
