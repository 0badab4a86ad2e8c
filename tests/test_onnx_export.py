"""`minigrad.onnx.export`: files that ONNX Runtime runs, and that give what the model gives."""

from __future__ import annotations

import io
import os
import random
import sys
import warnings

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

if "CI" not in os.environ:
    pytest.importorskip("onnx", reason="needs the extra: pip install 'minigrad[onnx]'")
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'minigrad[onnx]'")

import onnxruntime as ort

from minigrad.onnx import ExportError, export

pytestmark = pytest.mark.once
AXES = {"x": {0: "time", 1: "batch"}}


class Of(nn.Module):
    """A function as a model."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x, *more):
        return self.function(self, x, *more) if self._modules else self.function(x, *more)


def tensors(value):
    if isinstance(value, mg.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [t for v in value or () for t in tensors(v)] if not isinstance(value, int) else []


def written(model, args, axes=None, **options):
    """The session of an exported model."""
    file = io.BytesIO()
    export(model, args, file, dynamic_axes=axes, **options)
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    return ort.InferenceSession(file.getvalue(), settings)


def check(model, args, axes=None, others=(), **options):
    """Export a model; the file gives what the model gives, for these arguments and others."""
    options.setdefault("input_names", ["x"])
    session = written(model, args, axes, **options)
    names = [i.name for i in session.get_inputs()]
    model.eval()
    for case in (args, *others):
        given = {n: t.numpy() for n, t in zip(names, tensors(case))}
        got = session.run(None, given)
        with mg.no_grad():
            expected = tensors(model(*case) if isinstance(case, tuple) else model(case))
        assert len(got) == len(expected)
        for a, b in zip(expected, got):
            assert a.numpy().dtype == b.dtype
            np.testing.assert_allclose(b, a.numpy(), rtol=1e-4, atol=1e-5)
    return session


def x_of(*shape, dtype=None):
    return mg.randn(*shape, dtype=dtype)


@pytest.fixture(autouse=True)
def _seed():
    mg.manual_seed(0)


# -- recurrent layers ------------------------------------------------------------------------------


class Leaky(nn.Module):
    def __init__(self, input_size, hidden_size, leak=0.2):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)
        self.leak = leak

    def forward(self, x, h):
        return h + self.leak * (self.inner(mg.cat([x, h], 1)).tanh() - h)


class Stack(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.states = {"hidden": hidden_size, "memory": (3, hidden_size)}
        self.output_size = 2
        self.inner = nn.Linear(input_size + 2 * hidden_size, hidden_size)
        self.read = nn.Linear(hidden_size, 2)

    def forward(self, x, state):
        hidden, memory = state
        hidden = self.inner(mg.cat([x, hidden, memory[:, 2]], 1)).tanh()
        memory = mg.cat([hidden.unsqueeze(1), memory[:, :2]], 1)
        return self.read(hidden), (hidden, memory)


LAYERS = {
    "RNN": lambda i, h, o: nn.RNN(i, h, **o),
    "RNN relu": lambda i, h, o: nn.RNN(i, h, nonlinearity="relu", **o),
    "LSTM": lambda i, h, o: nn.LSTM(i, h, **o),
    "LSTM peephole": lambda i, h, o: nn.LSTM(i, h, peephole=True, **o),
    "LSTM projected": lambda i, h, o: nn.LSTM(i, h, proj_size=h - 1, **o),
    "GRU": lambda i, h, o: nn.GRU(i, h, **o),
    "GRU reset before": lambda i, h, o: nn.GRU(i, h, reset_after=False, **o),
    "JANET": lambda i, h, o: nn.JANET(i, h, **o),
    "MGU": lambda i, h, o: nn.MGU(i, h, **o),
    "IndRNN": lambda i, h, o: nn.IndRNN(i, h, **o),
    "own": lambda i, h, o: nn.Recurrent(Leaky, i, h, **o),
    "own, two states": lambda i, h, o: nn.Recurrent(Stack, i, h, **o),
}


class Use(nn.Module):
    """A layer as a model has it."""

    def __init__(self, layer, both):
        super().__init__()
        self.layer, self.both = layer, both

    def forward(self, x, hx=None, lengths=None):
        output, last = self.layer(x, hx) if lengths is None else self.layer(x, hx, lengths=lengths)
        return (output, last) if self.both else output


def drawn(seed):
    """A configuration: a model, and what makes arguments of sizes T and N."""
    rng = random.Random(seed)
    kind = list(LAYERS)[seed % len(LAYERS)]
    options = {
        "num_layers": rng.choice([1, 1, 2, 3]), "bidirectional": rng.random() < 0.5,
        "batch_first": rng.random() < 0.5, "dropout": rng.choice([0.0, 0.3]),
    }  # fmt: skip
    if not kind.startswith("own"):
        options["bias"] = rng.random() < 0.7
        if kind != "LSTM projected":
            options["layer_norm"] = rng.random() < 0.15
    if kind not in ("LSTM projected", "own, two states"):
        options["learn_initial_state"] = rng.random() < 0.15
        options["residual"] = options["num_layers"] > 1 and rng.random() < 0.3
        options["zoneout"] = rng.choice([0.0, 0.0, 0.0, 0.1])
    inputs, hidden = rng.randint(1, 5), rng.randint(2, 6)
    dtype = rng.choice([mg.float32, mg.float32, mg.float64])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout of one layer
        model = Use(LAYERS[kind](inputs, hidden, options), rng.random() < 0.5).to(dtype)
    with mg.no_grad():
        for p in model.parameters():
            p.copy_(mg.randn(p.shape, dtype=dtype) * 0.5)
    has_states, has_lengths = rng.random() < 0.4, rng.random() < 0.25
    first = options["batch_first"]

    def arguments(steps, batch):
        x = x_of(*((batch, steps) if first else (steps, batch)), inputs, dtype=dtype)
        last = model.layer(x)[1]
        states = tuple([mg.randn_like(t) for t in tensors(last)])
        states = (states if len(states) > 1 else states[0]) if has_states else None
        lengths = mg.tensor([steps, *[rng.randint(1, steps) for _ in range(batch - 1)]])
        return (x, states, lengths) if has_lengths else (x, states) if has_states else (x,)

    names = [f"input_{k}" for k in range(len(tensors(arguments(2, 2))))]
    axes = {n: {1: "batch"} for n in names}
    axes[names[0]] = {int(first): "time", 1 - first: "batch"}
    if has_lengths:
        axes[names[-1]] = {0: "batch"}
    for which, name in ((rng.random() < 0.3, "time"), (rng.random() < 0.3, "batch")):
        if which:
            axes = {n: {k: v for k, v in own.items() if v != name} for n, own in axes.items()}
    free = {name for own in axes.values() for name in own.values()}
    return model, arguments, names, axes, free, rng


SEEDS = int(os.environ.get("MINIGRAD_ONNX_SEEDS", "24"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_recurrent_layers(seed):
    model, arguments, names, axes, free, rng = drawn(seed)
    steps, batch = rng.randint(1, 5), rng.randint(1, 4)
    others = [
        arguments(t if "time" in free else steps, n if "batch" in free else batch)
        for t, n in ((1, 1), (steps + 6, batch + 3), (37, 2))
    ]
    check(model, arguments(steps, batch), axes, others, input_names=names,
          opset_version=rng.randint(17, 22))  # fmt: skip


def test_chaos_is_no_difference():
    """After hundreds of steps this layer gives other numbers for another rounding of its input."""
    layer = nn.RNN(1, 32)
    with mg.no_grad():
        layer.weight_hh_l0.copy_(mg.randn(32, 32) / 2)
    written(layer, x_of(5, 3, 1), {"input": {0: "time"}})


def test_layers_are_operators():
    import onnx

    for layer, op in ((nn.RNN(3, 4), "RNN"), (nn.LSTM(3, 4), "LSTM"), (nn.GRU(3, 4), "GRU"),
                      (nn.JANET(3, 4), "Scan")):  # fmt: skip
        file = io.BytesIO()
        export(layer, x_of(5, 2, 3), file, dynamic_axes={"input": {0: "time"}})
        graph = onnx.load_model_from_string(file.getvalue()).graph
        assert [n.op_type for n in graph.node].count(op) == 1
        assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "time"


def test_sequence_without_batch():
    check(nn.LSTM(3, 4, 2, bidirectional=True), x_of(5, 3), {"x": {0: "time"}}, [x_of(9, 3)])


# -- models ----------------------------------------------------------------------------------------


def tagger(self, x):
    output, h = self.rnn(self.embedding(x))
    return F.log_softmax(self.out(self.norm(output)), -1), h[-1]


def attention(self, x):
    output, h = self.rnn(x)
    weights = F.softmax(self.query(output).tanh().sum(-1), 0)
    return (weights.unsqueeze(-1) * output).sum(0), mg.cat([h[-2], h[-1]], 1)


def own_states(self, x):
    h = mg.zeros(2, x.size(1), 6)
    output, _ = self.rnn(x, (h, h.clone()))
    return self.out(output[-1]).squeeze(-1)


def masked_mean(self, x, lengths):
    output, _ = self.rnn(x)
    mask = mg.arange(x.shape[0]).unsqueeze(1) < lengths
    return (output * mask.unsqueeze(-1)).sum(0) / lengths.unsqueeze(-1)


def at_the_end(self, x, lengths):
    output, _ = self.rnn(x)
    return output.gather(0, (lengths - 1).view(1, -1, 1).expand(1, -1, 6)).squeeze(0)


def greedy(self, x):
    _, h = self.rnn(self.embedding(x))
    token, found = x[-1:], []
    for _ in range(3):
        output, h = self.rnn(self.embedding(token), h)
        token = self.out(output).argmax(-1)
        found.append(token)
    return mg.cat(found)


def causal(self, x):
    mask = mg.triu(mg.ones(x.shape[0], x.shape[0], dtype=mg.bool), 1)
    return self.attention(x, x, x, attn_mask=mask)


def positions(self, x):
    return x + self.table(mg.arange(x.shape[0])).unsqueeze(1)


def with_windows(self, x):
    return self.rnn(self.pool(F.relu(self.conv(x.permute(1, 2, 0)))).permute(2, 0, 1))[0]


def words(*shape):
    return mg.randint(0, 9, shape)


MODELS = {
    "tagger": (
        Of(tagger, embedding=nn.Embedding(9, 4), rnn=nn.GRU(4, 6), norm=nn.LayerNorm(6),
           out=nn.Linear(6, 3)), words(5, 3), [words(1, 1), words(8, 6)]),
    "attention": (
        Of(attention, rnn=nn.GRU(4, 3, bidirectional=True), query=nn.Linear(6, 6)),
        x_of(5, 3, 4), [x_of(8, 2, 4)]),
    "states": (
        Of(own_states, rnn=nn.LSTM(4, 6, 2), out=nn.Linear(6, 1)), x_of(5, 3, 4), [x_of(8, 1, 4)]),
    "masked mean": (
        Of(masked_mean, rnn=nn.GRU(4, 6)), (x_of(5, 3, 4), mg.tensor([5, 2, 3])),
        [(x_of(8, 2, 4), mg.tensor([8, 4]))]),
    "at the end": (
        Of(at_the_end, rnn=nn.LSTM(4, 6)), (x_of(5, 3, 4), mg.tensor([5, 2, 3])),
        [(x_of(8, 2, 4), mg.tensor([8, 4]))]),
    "greedy": (
        Of(greedy, embedding=nn.Embedding(9, 4), rnn=nn.GRU(4, 6), out=nn.Linear(6, 9)),
        words(5, 3), [words(8, 2)]),
    "causal": (
        Of(causal, attention=nn.MultiheadAttention(4, 2)), x_of(5, 3, 4), [x_of(8, 2, 4)]),
    "encoder": (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2), x_of(5, 3, 4),
        [x_of(8, 2, 4), x_of(1, 1, 4)]),
    "positions": (  # (a table that ends: sizes beyond it cannot be)
        Of(positions, table=nn.Embedding(20, 4)), x_of(5, 3, 4), [x_of(20, 2, 4)]),
    "windows": (
        Of(with_windows, conv=nn.Conv1d(4, 4, 2, stride=2), pool=nn.MaxPool1d(2),
           rnn=nn.GRU(4, 3)), x_of(9, 3, 4), [x_of(8, 2, 4), x_of(11, 1, 4)]),
    "deep": (nn.ResidualIndRNN(4, 6, 3), x_of(5, 3, 4), [x_of(8, 2, 4)]),
    "normalised": (
        nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.RMSNorm(6), nn.Softmax(-1)),
        x_of(5, 3, 4), [x_of(8, 2, 4)]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MODELS))
def test_models(name):
    model, args, others = MODELS[name]
    axes, names = AXES, ["x"]
    if isinstance(args, tuple):
        axes, names = {**AXES, "lengths": {0: "batch"}}, ["x", "lengths"]
    check(model, args, axes, others, input_names=names)
    check(model, args, input_names=names)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN", "JANET", "MGU", "IndRNN"])
def test_cells(name):
    cell = getattr(nn, f"{name}Cell")(4, 5)
    check(cell, x_of(3, 4), {"x": {0: "batch"}}, [x_of(8, 4)])


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.InstanceNorm1d(4), nn.Conv1d(4, 6, 3, padding=1),
     nn.Conv1d(4, 4, 3, padding=2, dilation=2, groups=2), nn.MaxPool1d(2), nn.AvgPool1d(3, 2, 1),
     nn.MaxPool1d(3, 2, 1, 2), nn.AdaptiveAvgPool1d(1), nn.AdaptiveMaxPool1d(1), nn.ZeroPad1d(1)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_layers_over_the_last_axis(layer):
    layer(x_of(3, 4, 9))
    others = [x_of(2, 4, 12), x_of(1, 4, 6)]
    check(layer, x_of(3, 4, 9), {"x": {0: "batch", 2: "time"}}, others)


# -- operations ------------------------------------------------------------------------------------

ACTIVATIONS = [
    nn.ReLU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Tanh(), nn.Sigmoid(), nn.ELU(0.7),
    nn.SELU(), nn.CELU(1.3), nn.LeakyReLU(0.2), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(),
    nn.Softplus(2, 1), nn.Softplus(), nn.Softsign(), nn.Softmax(0), nn.LogSoftmax(1), nn.Mish(),
    nn.LogSigmoid(), nn.PReLU(), nn.ReLU6(), nn.Softshrink(), nn.Hardshrink(), nn.Tanhshrink(),
    nn.Threshold(0.1, 0.2), nn.GLU(), nn.Softmin(-1), nn.Flatten(), nn.Dropout(0.5),
]  # fmt: skip


def written_in_place(x):
    y = mg.zeros_like(x)
    y[:, 0] = x[:, 1]
    y[1:] = y[1:] * 2
    y[y < 0] = 3
    return y


# ruff: noqa: SIM905 (a list of words)
POSITIVE = "exp expm1 exp2 log1p sqrt log log2 log10 rsqrt reciprocal square sin cos tan asin " \
    "atan sinh cosh tanh asinh atanh abs neg sign floor ceil round trunc frac erf logit sigmoid " \
    "isnan isinf isfinite logical_not deg2rad rad2deg".split()  # fmt: skip
OPERATIONS = {
    **{name: (lambda x, f=getattr(mg, name): f(x.abs() / 5 + 0.05)) for name in POSITIVE},
    "acosh": lambda x: (x.abs() + 1.1).acosh(),
    "sum": lambda x: x.sum(),
    "sum of axes": lambda x: x.sum((0, 2), keepdim=True),
    "mean": lambda x: x.mean(0),
    "mean of all": lambda x: x.mean(),
    "std": lambda x: x.std(-1),
    "std over time": lambda x: mg.cat([x, -x]).std((0, 1)),
    "var": lambda x: x.var(-1, unbiased=False),
    "max": lambda x: x.max(0),
    "amin": lambda x: x.amin((0, 1)),
    "prod": lambda x: x.prod(-1),
    "argmax": lambda x: x.argmax(-1),
    "norm": lambda x: x.norm(dim=0),
    "logsumexp": lambda x: x.logsumexp(0),
    "cumsum": lambda x: x.cumsum(0),
    "sort": lambda x: x.sort(0, descending=True),
    "topk": lambda x: x.topk(2, -1),
    "slices": lambda x: x[1:, :, ::2],
    "step": lambda x: x[-1],
    "half": lambda x: x[: x.shape[0] // 2],
    "rounded up": lambda x: x[: (x.shape[0] + 2) // 3],
    "third to last": lambda x: x[x.shape[0] // 3 : -1].sum(0),
    "batch of halves": lambda x: x[: x.shape[0] // 2].reshape(-1, 4) @ mg.ones(4, 2),
    "index": lambda x: x[:, :, [0, 2, 2]],
    "two indices": lambda x: x[[0, 0], :, [1, 2]],
    "gather": lambda x: x.gather(2, x.argmax(-1, keepdim=True)),
    "in place": written_in_place,
    "cat": lambda x: mg.cat([x, x * 2], 0),
    "stack": lambda x: mg.stack([x, x], 1),
    "chunk": lambda x: x.chunk(2, -1),
    "unbind": lambda x: x.unbind(-1),
    "reshape": lambda x: x.reshape(x.shape[0], -1),
    "view": lambda x: x.view(-1, 2, 2),
    "permute": lambda x: x.permute(1, 2, 0),
    "repeat": lambda x: x.repeat(1, 2, 1),
    "expand": lambda x: x.unsqueeze(0).expand(3, -1, -1, -1),
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(1, 0),
    "pad": lambda x: F.pad(x, (1, 2)),
    "triangle": lambda x: mg.tril(mg.ones(x.shape[0], x.shape[0])),
    "matmul": lambda x: x @ x.transpose(1, 2),
    "einsum": lambda x: mg.einsum("tni,sni->nts", x, x),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "where": lambda x: mg.where(x > 0, x, -2.0),
    "masked_fill": lambda x: x.masked_fill(x < 0, 9.0),
    "clamp": lambda x: x.clamp(-0.5, 0.5),
    "one_hot": lambda x: F.one_hot(x.argmax(-1), 4),
    "masks": lambda x: (x > 0) & ~(x > 1) | (x < -1),
    "all": lambda x: ((x > 0).all(-1), (x > 0).any(0)),
    "count": lambda x: (x > 0).sum(0),
    "whole numbers": lambda x: (x * 3).long() * 2 + 1,
    "double": lambda x: x.double() / 3,
    "power": lambda x: (x.abs() + 0.1) ** 1.5 + x**2,
    "remainder": lambda x: (mg.remainder(x, 0.7), mg.fmod(x, 0.7)),
    "lerp": lambda x: mg.lerp(x, x * 2, 0.3),
    "normalize": lambda x: F.normalize(x, dim=-1),
    "cosine": lambda x: F.cosine_similarity(x, x * 2 + 1, dim=-1),
    "times a size": lambda x: x / x.shape[0] + x.sum() / x.numel() + len(x) ** 0.5,
    "arange": lambda x: x * mg.arange(x.shape[0]).view(-1, 1, 1),
    "new": lambda x: (mg.zeros(x.shape[1], 6), mg.full((2,), float(x.shape[0]))),
    "distances": lambda x: x.unsqueeze(0) - x.unsqueeze(1),
    "dict": lambda x: {"a": x + 1, "b": (x * 2, [x])},
}


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_operations(name):
    function = OPERATIONS[name]
    check(Of(function), x_of(5, 3, 4), AXES, [x_of(9, 2, 4), x_of(2, 7, 4)])


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=lambda layer: repr(layer)[:30])
def test_activations(layer):
    check(layer, 3 * x_of(5, 3, 4), AXES, [3 * x_of(9, 2, 4), x_of(1, 1, 4)])


@pytest.mark.parametrize("opset", range(17, 23))
def test_opsets(opset):
    model = Of(lambda x: (x.mean(0), x.amax(-1), x.sum(1), x.prod(-1), x.softmax(0)))
    check(model, x_of(5, 3, 4), AXES, [x_of(9, 2, 4)], opset_version=opset)


# -- what is refused -------------------------------------------------------------------------------


class Remembers(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.h = nn.GRU(4, 4), None

    def forward(self, x):
        output, self.h = self.rnn(x, self.h)
        return output


def steps_by_hand(self, x):
    h = None
    for step in x:
        h = self.cell(step, h)
    return h


def packed(self, x):
    whole = nn.utils.rnn.pack_padded_sequence(x, [2] * x.shape[1])
    return self.rnn(whole)[1]


REFUSED = {
    "branch": (lambda x: x if x.sum() > 0 else -x, "branch"),
    "item": (lambda x: x * x.mean().item(), "values leave the tensors"),
    "numpy": (lambda x: x + float(x.numpy().sum()), "values leave the tensors"),
    "branch on a size": (lambda x: x if x.shape[0] < 6 else -x, "size|number of operations"),
    "branch on a large size": (lambda x: x if x.shape[0] < 50 else -x, "number of operations"),
    "branch on a small size": (lambda x: x * 2 if x.shape[1] < 4 else -x, "size"),
    "largest of sizes": (lambda x: x / max(x.shape[0], 4), "depends on sizes"),
    "clipped size": (lambda x: x[: min(x.shape[0], 9)], "size"),
    "logarithm of a size": (lambda x: x * float(np.log(x.shape[0])), "depends on sizes"),
    "table": (lambda x: x * (1.0, 2.0)[x.shape[0] % 2], "depends on sizes"),
    "random": (lambda x: x + mg.randn(4), "random numbers"),
    "loop": (lambda x: sum([x[k] for k in range(x.shape[0])]), "loop over a free axis"),
    "mask": (lambda x: x[x > 0], "index that is a mask"),
    "unknown": (lambda x: mg.lgamma(x), r"no form in ONNX for lgamma.*test_onnx_export\.py"),
    "no tensor": (lambda x: 3, "returns no tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name):
    function, words = REFUSED[name]
    with pytest.raises(ExportError, match=words):
        written(Of(function), x_of(5, 3, 4), AXES, input_names=["x"])


def test_refused_modules():
    with pytest.raises(ExportError, match="from one call to the next"):
        written(Remembers(), x_of(5, 3, 4))
    with pytest.raises(ExportError, match=r"nn\.Recurrent"):
        written(Of(steps_by_hand, cell=nn.GRUCell(4, 4)), x_of(5, 3, 4), {"x": [0]})
    with pytest.raises(ExportError, match=r"need one name in dynamic_axes.*Expected hidden size"):
        written(nn.GRU(4, 4), (x_of(5, 3, 4), x_of(1, 3, 4)), {"input": [1], "hx": [1]})
    with pytest.raises(ExportError, match="lengths= to the layer"):
        written(Of(packed, rnn=nn.GRU(4, 4)), x_of(5, 3, 4))
    with pytest.raises(ExportError, match=r"module 1, ConvTranspose1d"):
        written(nn.Sequential(nn.Identity(), nn.ConvTranspose1d(4, 4, 2)), x_of(3, 4, 5))


def test_sizes_of_one_that_go_another_way_are_told():
    with pytest.warns(UserWarning, match="where a free axis has size 1"):
        written(Of(lambda x: x.sum(-1).squeeze()), x_of(5, 3, 4), AXES, input_names=["x"])


@pytest.mark.parametrize("most", [100, 300])
def test_limits_on_a_size_are_refused(most):
    with pytest.raises(ExportError, match="for inputs x"):
        written(
            Of(lambda x: x[: min(x.shape[0], most)] * 1), x_of(5, 3, 4), AXES, input_names=["x"]
        )
    with pytest.raises(ExportError, match="for inputs x"):
        written(
            Of(lambda x: x * 2 if x.shape[0] > most else x), x_of(5, 3, 4), AXES, input_names=["x"]
        )


def test_nothing_changes():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4), nn.GRU(4, 4)).train()
    model[1].eval()
    before = {name: t.numpy().copy() for name, t in model.state_dict().items()}
    x = x_of(3, 4)
    mg.manual_seed(1)
    expected = mg.rand(3).tolist()
    mg.manual_seed(1)
    written(model, x, {"input": [0]})
    assert mg.rand(3).tolist() == expected
    assert [m.training for m in model] == [True, False, True, True]
    assert all((before[name] == t.numpy()).all() for name, t in model.state_dict().items())
    assert type(model[0].weight.array) is np.ndarray
    assert not any("forward" in vars(m) for m in model)


# -- arguments -------------------------------------------------------------------------------------


def test_names():
    model = Of(lambda x, y: (x + y, x * y))
    session = written(model, (x_of(2), x_of(2)), input_names=["a", "b"], output_names=["sum"])
    assert [i.name for i in session.get_inputs()] == ["a", "b"]
    assert [o.name for o in session.get_outputs()] == ["sum", "output_1"]
    session = written(nn.LSTM(3, 4), (x_of(5, 2, 3), (x_of(1, 2, 4),) * 2))
    names = [i.name for i in session.get_inputs()]
    assert names == ["input", "hx_0", "hx_1"]


def test_kwargs_and_dynamic_shapes():
    class Model(nn.Module):
        def forward(self, x, scale=2.0, y=None):
            return x * scale if y is None else x * scale + y

    x = x_of(3, 4)
    for options in ({"kwargs": {"y": x}}, {}):
        args = (x,) if options else (x, {"y": x})
        session = written(Model(), args, dynamic_shapes={"x": {0: "n"}, "y": {0: "n"}}, **options)
        more = np.ones((7, 4), np.float32)
        (got,) = session.run(None, {"x": more, "y": more})
        assert (got == 3).all()


def test_parameters_as_inputs(tmp_path):
    layer = nn.Linear(4, 2)
    session = written(layer, x_of(3, 4), export_params=False)
    assert [i.name for i in session.get_inputs()] == ["input", "weight", "bias"]
    export(layer, x_of(3, 4), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").stat().st_size > 100


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"opset_version": 9}, ValueError, "opset_version must be 17 to 22, not 9"),
        ({"input_names": ["a", "b"]}, ValueError, "2 names, but there are 1"),
        ({"output_names": ["a", "b"]}, ValueError, "2 names, but there are 1"),
        ({"dynamic_axes": {"input": {5: "n"}}}, ValueError, r"shape \[3, 4\], and no axis 5"),
        ({"dynamic_axes": {"input": {0: "n", 1: "n"}}}, ValueError, "'n' has size 3"),
        ({"training": True}, ValueError, "evaluation mode"),
        ({"f": None}, TypeError, "f must be a path or a file"),
        ({"args": ()}, TypeError, "must have a Tensor"),
        ({"model": mg.tanh}, TypeError, "must be a Module, not"),
    ],
)  # fmt: skip
def test_wrong_arguments(options, error, words):
    given = {"model": nn.Linear(4, 2), "args": x_of(3, 4), "f": io.BytesIO(), **options}
    with pytest.raises(error, match=words):
        export(**given)


def test_unknown_names_of_axes_are_told():
    with pytest.warns(UserWarning, match="dynamic_axes has 'y'"):
        written(nn.Linear(4, 2), x_of(3, 4), {"y": [0]})


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "minigrad\[onnx\]"'):
        export(nn.Linear(4, 2), x_of(3, 4), io.BytesIO())


def test_scripts_for_pytorch(tmp_path):
    from minigrad.compat import onnx as of_torch

    path = tmp_path / "model.onnx"
    of_torch.export(
        nn.LSTM(3, 4), (x_of(5, 2, 3),), str(path), export_params=True, opset_version=17,
        do_constant_folding=True, input_names=["x"], output_names=["y", "h", "c"], dynamo=False,
        dynamic_axes={"x": {0: "time"}, "y": {0: "time"}}, training=of_torch.TrainingMode.EVAL,
        operator_export_type=None, autograd_inlining=True, optimize=True, verify=False,
    )  # fmt: skip
    session = ort.InferenceSession(path)
    assert session.run(["y"], {"x": np.ones((9, 2, 3), np.float32)})[0].shape == (9, 2, 4)
    with pytest.raises(ValueError, match="evaluation mode"):
        of_torch.export(
            nn.LSTM(3, 4), (x_of(5, 2, 3),), path, training=of_torch.TrainingMode.TRAINING
        )
