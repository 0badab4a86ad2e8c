"""`minigrad.onnx.load`: files of Keras, of PyTorch and of `export` give what they gave there."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

if "CI" not in os.environ:
    pytest.importorskip("onnx", reason="needs the extra: pip install 'minigrad[onnx]'")
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'minigrad[onnx]'")

import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from minigrad.onnx import export, load

pytestmark = pytest.mark.once
GOLDEN = dict(np.load(Path(__file__).with_name("golden") / "onnx_files.npz"))
NAMES = sorted({name.rpartition(".")[0] for name in GOLDEN})


@pytest.fixture(autouse=True)
def _seed():
    mg.manual_seed(0)


def numbers(y):
    """Results as arrays."""
    if isinstance(y, mg.Tensor):
        return [y.detach().numpy()]
    return [a for t in y for a in numbers(t)]


def same(a, b, tolerance=1e-5):
    assert len(a) == len(b)
    for x, y in zip(a, b):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def test_there_are_files_of_all():
    assert {name.partition(" ")[0] for name in NAMES} == {"keras", "jax", "keras2", "torch"}


@pytest.mark.parametrize("name", NAMES)
def test_files_of_others(name):
    file = GOLDEN[f"{name}.file"].tobytes()
    model, x = load(io.BytesIO(file)), mg.tensor(GOLDEN[f"{name}.input"])
    output = model(x)
    first = output[0] if isinstance(output, tuple) else output
    same(numbers(first), [GOLDEN[f"{name}.output"]])
    # all weights are parameters, and get gradients; nothing else is one
    assert any(True for _ in model.parameters())
    (first**2).sum().backward()
    used = [p for n, p in model.named_parameters() if not n.startswith("unused")]
    assert all(p.grad is not None and np.isfinite(p.grad.numpy()).all() for p in used)
    # another batch
    session = ort.InferenceSession(file)
    more = mg.tensor(np.concatenate([x.numpy()] * 2 + [x.numpy()[::-1]]))
    same(numbers(model(more)), session.run(None, {model.input_names[0]: more.numpy()}))


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_those_of_numbers(name):
    """One entry of each parameter is moved: the sum moves as its gradient says."""
    model = load(io.BytesIO(GOLDEN[f"{name}.file"].tobytes()))
    x = mg.tensor(GOLDEN[f"{name}.input"])

    def loss():
        y = model(x)
        return ((y[0] if isinstance(y, tuple) else y) ** 2).sum()

    loss().backward()
    for p in model.parameters():
        place, step, sizes = (0,) * p.ndim, 1e-2, []
        for way in (step, -step):
            with mg.no_grad():
                p[place] += way
                sizes.append(loss().item())
                p[place] -= way
        slope = (sizes[0] - sizes[1]) / (2 * step)
        assert abs(slope - p.grad[place].item()) < 2e-3 * (1 + abs(slope))


LAYERS = {
    "rnn": lambda: nn.RNN(3, 4, 2, nonlinearity="relu", bidirectional=True),
    "lstm": lambda: nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True),
    "peephole": lambda: nn.LSTM(3, 4, peephole=True, bias=False),
    "projected": lambda: nn.LSTM(3, 4, proj_size=2),
    "gru": lambda: nn.GRU(3, 4, bidirectional=True),
    "reset before": lambda: nn.GRU(3, 4, reset_after=False, bidirectional=True),
    "janet": lambda: nn.JANET(3, 4, bidirectional=True),
    "encoder": lambda: nn.TransformerEncoderLayer(3, 1, 4),
    "normalised": lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.GELU(), nn.PReLU()),
    "activations": lambda: nn.Sequential(
        nn.ELU(), nn.SELU(), nn.CELU(), nn.LeakyReLU(), nn.Hardsigmoid(), nn.Softplus(),
        nn.Softsign(), nn.Mish(), nn.SiLU(), nn.Softmax(-1), nn.LogSoftmax(0), nn.Flatten(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LAYERS))
def test_there_and_back(name):
    layer, file = LAYERS[name](), io.BytesIO()
    layer.eval()
    axes = {"input": {0: "a", 1: "b"}}
    export(layer, mg.randn(5, 2, 3), file, dynamic_axes=axes, input_names=["input"])
    again = load(io.BytesIO(file.getvalue()))
    x = mg.randn(7, 4, 3)
    same(numbers(again(x)), numbers(layer(x)))
    if name in ("janet", "projected"):  # (loops over time, which have one number of steps)
        return
    second = io.BytesIO()  # what was loaded is a module like others
    export(again, mg.randn(5, 2, 3), second, dynamic_axes=axes, input_names=["input"])
    got = ort.InferenceSession(second.getvalue()).run(None, {"input": x.numpy()})
    same(got, numbers(layer(x)))


def test_states_and_lengths():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4, bidirectional=True)

        def forward(self, x, hx, lengths):
            return self.lstm(x, hx, lengths=lengths)

    def arguments(steps, lengths):
        count = len(lengths)
        states = mg.randn(2, count, 4), mg.randn(2, count, 4)
        return mg.randn(steps, count, 3), states, mg.tensor(lengths)

    model, file = Model(), io.BytesIO()
    axes = {"x": {0: "time", 1: "n"}, "h": {1: "n"}, "c": {1: "n"}, "lengths": {0: "n"}}
    export(model, arguments(5, [5, 2]), file, dynamic_axes=axes,
           input_names=["x", "h", "c", "lengths"])  # fmt: skip
    x, (h, c), lengths = arguments(6, [3, 6, 1])
    again = load(io.BytesIO(file.getvalue()))
    same(numbers(again(x, h, lengths=lengths, c=c)), numbers(model(x, (h, c), lengths)))


def graph_of(nodes, inputs, outputs, constants=(), opset=18):
    """A model of nodes: inputs and outputs by name, with their shapes."""

    def info(pairs):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in pairs.items()]

    arrays = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in dict(constants).items()]
    graph = helper.make_graph(nodes, "g", info(inputs), info(outputs), arrays)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


W = {"w": np.float32([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])}
INTEGERS = {name: np.array(v, np.int64) for name, v in {
    "two": [2], "minus": [-1], "zero": [0], "one": [1], "big": [9223372036854775807],
    "least": [-9223372036854775807], "index": [-1, 0], "shape": [0, -1],
}.items()}  # fmt: skip
NODES = {
    "Gemm": (["x", "w"], {"transB": 1, "alpha": 0.5}),
    "Slice": (["x", "minus", "least", "one", "minus"], {}),
    "Slice 2": (["x", "zero", "big", "one", "two"], {}),
    "Gather": (["x", "index"], {"axis": 1}),
    "Reshape": (["x", "shape"], {}),
    "Flatten": (["x"], {"axis": 0}),
    "Transpose": (["x"], {}),
    "Concat": (["x", "w"], {"axis": -1}),
    "Unsqueeze": (["x", "minus"], {}),
    "HardSigmoid": (["x"], {"alpha": 0.3}),
    "Clip": (["x", "", "half"], {}),
    "ThresholdedRelu": (["x"], {"alpha": 0.5}),
    "Selu": (["x"], {}),
    "LeakyRelu": (["x"], {}),
    "Pow": (["x", "square"], {}),
    "Max": (["x", "w", "half"], {}),
    "ReduceSum": (["x"], {}),
    "ReduceMean": (["x", "minus"], {"keepdims": 0}),
    "ReduceL2": (["x", "minus"], {}),
    "ReduceProd": (["x"], {"keepdims": 0}),
    "LogSoftmax": (["x"], {"axis": 0}),
    "CumSum": (["x", "axis"], {"reverse": 1}),
    "Tile": (["x", "twice"], {}),
    "Pad": (["x", "pads", "half"], {}),
    "Mod": (["x", "half"], {"fmod": 1}),
    "Expand": (["x", "wide"], {}),
    "Trilu": (["x"], {"upper": 0}),
    "LayerNormalization": (["x", "gain", "gain"], {"axis": -1}),
    "PRelu": (["x", "gain"], {}),
    "Where": (["mask", "x", "w"], {}),
}  # fmt: skip
MORE = {
    "half": np.float32(0.5), "square": np.float32(2), "axis": np.int64(1),
    "twice": np.array([2, 1]), "pads": np.array([0, 1, 1, 2]), "wide": np.array([3, 1, 1]),
    "gain": np.float32([0.5, 1.5, -1.0]), "mask": np.array([[True, False, True]]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(NODES))
def test_nodes(name):
    inputs, options = NODES[name]
    node = helper.make_node(name.partition(" ")[0], inputs, ["y"], **options)
    constants = {n: a for n, a in {**W, **INTEGERS, **MORE}.items() if n in inputs}
    rank = {"Unsqueeze": 3, "Expand": 3, "ReduceMean": 1, "ReduceProd": 0}.get(name, 2)
    model = graph_of([node], {"x": ["a", "b"]}, {"y": list("pqr")[:rank]}, constants)
    x = mg.randn(2, 3)
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    expected = ort.InferenceSession(model.SerializeToString(), settings).run(None, {"x": x.numpy()})
    same(numbers(load(model)(x)), expected)


def test_loading_draws_nothing():
    before = mg.get_rng_state().numpy().copy()
    load(io.BytesIO(GOLDEN["torch lstm.file"].tobytes()))
    assert (mg.get_rng_state().numpy() == before).all()


@pytest.mark.parametrize(("most", "condition", "steps"), [(5, None, 5), (5, True, 3), (2, True, 2)])
def test_loops_end(most, condition, steps):
    """Of most steps, and as long as the condition holds, if there is one."""

    def info(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    body = helper.make_graph(
        [helper.make_node("Less", ["k", "two"], ["go"]),
         helper.make_node("Add", ["s", "x"], ["after"]),
         helper.make_node("Identity", ["after"], ["seen"])],
        "body",
        [info("k", TensorProto.INT64, []), info("c", TensorProto.BOOL, []),
         info("s", TensorProto.FLOAT, [2])],
        [info("go", TensorProto.BOOL, []), info("after", TensorProto.FLOAT, [2]),
         info("seen", TensorProto.FLOAT, [2])],
    )  # fmt: skip
    constants = {"most": np.int64(most), "two": np.int64(2), "condition": np.bool_(True)}
    given = ["most", "condition" if condition else "", "x"]
    node = helper.make_node("Loop", given, ["y", "all"], body=body)
    model = graph_of([node], {"x": [2]}, {"y": [2], "all": [None, 2]}, constants)
    x = mg.randn(2)
    y, seen = load(model)(x)
    assert seen.shape == (steps, 2)
    if condition is None:  # (there ONNX Runtime asks all the same, which the specification forbids)
        return
    expected = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x.numpy()})
    same(numbers((y, seen)), expected)


@pytest.mark.parametrize("ragged", [False, True])
def test_layers_that_read_backwards(ragged):
    arrays = {"w": (1, 12, 3), "r": (1, 12, 4)}
    constants = {n: mg.randn(s).numpy() for n, s in arrays.items()}
    lengths = {"lengths": np.array([6, 2, 4], np.int32)} if ragged else {}
    inputs = ["x", "w", "r", *(["", "lengths"] if ragged else [])]
    node = helper.make_node("GRU", inputs, ["y", "h"], hidden_size=4, direction="reverse")
    shapes = {"y": [6, 1, 3, 4], "h": [1, 3, 4]}
    model = graph_of([node], {"x": [6, 3, 3]}, shapes, {**constants, **lengths})
    x = mg.randn(6, 3, 3)
    expected = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x.numpy()})
    same(numbers(load(model)(x)), expected)


def test_unknown_operators_are_named():
    node = helper.make_node("Det", ["x"], ["y"], name="the node")
    with pytest.raises(NotImplementedError, match=r"Det \(node 'the node'\)"):
        load(graph_of([node], {"x": [2, 2]}, {"y": []}))
    node = helper.make_node("Add", ["x", "x"], ["y"], domain="own")
    with pytest.raises(NotImplementedError, match=r"Add \(node 'y'\).* of the domain own"):
        load(graph_of([node], {"x": [2]}, {"y": [2]}))


RECURRENT = {
    "w": np.ones((1, 16, 3), np.float32), "r": np.ones((1, 16, 4), np.float32),
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "no activations hardsigmoid, tanh"),
        ({"clip": 1.0}, "no clip"),
        ({"input_forget": 1}, "no input_forget"),
        ({"layout": 1}, "no layout"),
    ],
)
def test_options_that_no_layer_has_are_named(options, words):
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=4, **options)
    with pytest.raises(NotImplementedError, match=rf"LSTM \(node 'y'\).*{words}"):
        load(graph_of([node], {"x": [5, 2, 3]}, {"y": [5, 1, 2, 4]}, RECURRENT))


def test_outputs_that_are_not_there_are_named():
    node = helper.make_node("LayerNormalization", ["x", "gain"], ["y", "mean"])
    model = load(graph_of([node], {"x": [2, 3]}, {"y": [2, 3]}, {"gain": MORE["gain"]}))
    with pytest.raises(NotImplementedError, match=r"LayerNormalization \(node 'y'\).* 2 outputs"):
        model(mg.ones(2, 3))


def test_old_files_are_refused():
    node = helper.make_node("Relu", ["x"], ["y"])
    with pytest.raises(ValueError, match="opset 11, and 13 is the oldest"):
        load(graph_of([node], {"x": [2]}, {"y": [2]}, opset=11))


def test_wrong_inputs():
    model = load(
        graph_of([helper.make_node("Relu", ["x"], ["y"])], {"x": ["n", 3]}, {"y": ["n", 3]})
    )
    assert model(mg.ones(5, 3)).shape == (5, 3)
    with pytest.raises(ValueError, match=r"'x' must have the shape \(n, 3\), but got \[3, 2\]"):
        model(mg.ones(3, 2))
    with pytest.raises(TypeError, match="'x' must be of float32, not int64"):
        model(mg.ones(5, 3, dtype=mg.int64))
    with pytest.raises(TypeError, match="must be a Tensor"):
        model(np.ones((5, 3)))
    for arguments in ((), (mg.ones(5, 3),) * 2):
        with pytest.raises(TypeError, match="the graph has the inputs x, but got"):
            model(*arguments)
    with pytest.raises(TypeError, match="got 0 by place, z"):
        model(z=mg.ones(5, 3))


def test_a_loaded_model_trains(tmp_path):
    (tmp_path / "model.onnx").write_bytes(GOLDEN["keras rnn.file"].tobytes())
    model = load(tmp_path / "model.onnx")
    x, goal = mg.tensor(GOLDEN["keras rnn.input"]), mg.randn(2, 5, 4).tanh()
    optimizer = mg.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = ((model(x) - goal) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
    again = load(tmp_path / "model.onnx")
    again.load_state_dict(model.state_dict())
    same(numbers(again(x)), numbers(model(x)))
