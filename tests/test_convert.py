"""Weights of Keras and Flax: the same outputs as theirs at all steps, and the way back."""

import json
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils.convert import from_flax, from_keras, to_flax, to_keras

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parent / "golden" / "convert.npz"
with np.load(GOLDEN) as file:
    STORED = dict(file)
NAMES = [key.removesuffix("|about") for key in STORED if key.endswith("|about")]
KERAS = [name for name in NAMES if name.startswith("keras ")]
FLAX = [name for name in NAMES if name.startswith(("linen ", "nnx "))]
MODELS = ["keras model", "linen model"]
TOLERANCE = {"float32": 3e-6, "float64": 1e-14}


def about(name):
    return json.loads(STORED[f"{name}|about"].tobytes())


def weights_of(name):
    """The arrays by their names, in order."""
    found, start = {}, 0
    for key, shape in about(name)["weights"].items():
        end = start + int(np.prod(shape))
        found[key] = STORED[f"{name}|w"][start:end].reshape(shape)
        start = end
    assert start == len(STORED[f"{name}|w"])
    return found


def arrays(name):
    return list(weights_of(name).values())


def tree_of(name):
    """Nested dicts, as Flax has them."""
    tree = {}
    for path, array in weights_of(name).items():
        *folders, last = path.split("/")
        below = tree
        for folder in folders:
            below = below.setdefault(folder, {})
        below[last] = array
    return tree


def given(name):
    """What was in Flax, without linen's word for it; a list for a stack."""
    tree = tree_of(name)
    if set(tree) == {"params"}:
        tree = tree["params"]
    return [tree["layers_0"], tree["layers_1"]] if "stack" in name else tree


class OfKeras:
    """What a layer of Keras is asked for; `made_layers` gives it a class of the right name."""

    def __init__(self, name, config, weights):
        self.name, self.config, self.weights = name, config, weights

    def get_config(self):
        return self.config

    def get_weights(self):
        return self.weights


def made_layers(name):
    """Stand-ins for the layers of a model that Keras had."""
    weights, layers = iter(arrays(name)), []
    for told in about(name)["layers"]:
        kind = type(told["class"], (OfKeras,), {})
        mine = [next(weights) for _ in range(told["count"])]
        layers.append(kind(told["name"], told["config"], mine))
    return layers


def layer_of(kind, weights=(), inner=None, **config):
    """One stand-in."""
    if inner is not None:
        config["layer"] = {"class_name": type(inner).__name__, "config": inner.config}
    return type(kind, (OfKeras,), {})("name", config, list(weights))


def run(module, x):
    """The output at all steps."""
    x = mg.tensor(x)
    if isinstance(module, nn.BatchNorm1d):
        return module.eval()(x.transpose(1, 2)).transpose(1, 2)
    y = module(x)
    return y[0] if isinstance(y, tuple) else y


def compare(y, name):
    expected = STORED[f"{name}|y"]
    y = y.detach().numpy()
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(
        y, expected, rtol=0, atol=TOLERANCE[str(y.dtype)] * max(1, abs(expected).max())
    )


def equal(a, b):
    """Whether trees of arrays are the same, by structure and bits."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert set(a) == set(b)
        for key in a:
            equal(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            equal(one, other)
    else:
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------------------------
# Their numbers
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in KERAS if name not in MODELS])
def test_layers_of_keras_put_out_the_same(name):
    layers = made_layers(name)
    module = from_keras(layers if len(layers) > 1 else layers[0])
    compare(run(module, STORED[f"{name}|x"]), name)


KINDS = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU", "cell": "LSTM"}


@pytest.mark.parametrize("name", [name for name in KERAS if name.split()[1] in KINDS])
def test_so_do_their_arrays(name):
    words = name.split()
    config = {"reset_after": False} if "before" in words else {}
    config |= {"activation": "relu"} if "relu" in words else {}
    each = [layer.get_weights() for layer in made_layers(name)]
    module = from_keras(each if len(each) > 1 else each[0], KINDS[words[1]], **config)
    compare(run(module, STORED[f"{name}|x"]), name)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_weights_for_cudnn(kind):
    module = from_keras(arrays(f"cudnn {kind}"), f"CuDNN{kind}")
    compare(run(module, STORED[f"cudnn {kind}|x"]), f"cudnn {kind}")


def test_a_cell_of_tensorflow_1():
    module = from_keras(arrays("tf1"), "BasicLSTMCell", forget_bias=0.7)
    compare(run(module, STORED["tf1|x"]), "tf1")
    plain = from_keras(arrays("tf1"), "BasicLSTMCell")
    moved = plain.bias_ih_l0.detach() - module.bias_ih_l0.detach()
    np.testing.assert_allclose(moved.numpy(), np.repeat([0, 0.3, 0, 0], 3), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in FLAX if name not in MODELS])
def test_layers_of_flax_put_out_the_same(name):
    module = from_flax(given(name), nonlinearity="relu" if "relu" in name else "tanh")
    compare(run(module, STORED[f"{name}|x"]), name)


def test_a_model_of_keras():
    parts = from_keras(type("Sequential", (), {"layers": made_layers("keras model")})())
    assert list(parts) == [told["name"] for told in about("keras model")["layers"] if told["count"]]
    embed, lstm, gru, norm, batch, dense, rnn, last = parts.eval().values()
    x = embed(mg.tensor(STORED["keras model|x"]))
    x = run(batch, norm(gru(lstm(x)[0])[0]).detach().numpy())
    compare(last(rnn(dense(x))[1][-1]), "keras model")
    equal([a for part in to_keras(parts).values() for a in part], arrays("keras model"))
    equal(to_keras(nn.Sequential(*parts.values())), arrays("keras model"))


def test_a_model_of_flax():
    parts = from_flax(tree_of("linen model")).eval()
    x = parts["Embed_0"](mg.tensor(STORED["linen model|x"]))
    x = parts["GRUCell_0"](parts["OptimizedLSTMCell_0"](x)[0])[0]
    x = run(parts["BatchNorm_0"], parts["LayerNorm_0"](x).detach().numpy())
    compare(parts["Dense_0"](x), "linen model")
    tree = tree_of("linen model")
    for name, module in parts.items():
        back = to_flax(module)
        back = back.get("cell", back)
        norm = "batch_stats" in back
        equal(back["params"] if norm else back, tree["params"][name])
        if norm:
            equal(back["batch_stats"], tree["batch_stats"][name])


# ------------------------------------------------------------------------------------------------
# The way back
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in KERAS if name not in MODELS])
def test_to_keras_gives_the_same_arrays(name):
    layers = made_layers(name)
    module = from_keras(layers if len(layers) > 1 else layers[0])
    back = to_keras(module)
    if name in ("keras layer norm scale", "keras layer norm center", "keras batch norm center"):
        given = iter(arrays(name))
        for array in back:  # one more than there was: a scale of ones or a bias of zeros
            if not (array == array[0]).all():
                equal(array, next(given))
        assert next(given, None) is None
        return
    equal(back, [p.get_weights() for p in layers] if len(layers) > 1 else layers[0].get_weights())


@pytest.mark.parametrize("name", [n for n in FLAX if n not in MODELS and "MGU" not in n])
def test_to_flax_gives_the_same_dicts(name):
    tree = given(name)
    back = to_flax(from_flax(tree), name.split()[0])
    if name == "nnx LSTMCell":  # a Linear for each gate; an OptimizedLSTMCell has one for all
        gates = [tree["cell"][key] for key in ("hi", "hf", "hg", "ho")]
        for part in ("kernel", "bias"):
            joined = np.concatenate([gate[part] for gate in gates], -1)
            equal(back["cell"]["dense_h"][part], joined)
        return
    equal(back, tree)


LAYERS = {
    "rnn": lambda **k: nn.RNN(3, 4, nonlinearity="relu", **k),
    "lstm": lambda **k: nn.LSTM(3, 4, **k),
    "gru": lambda **k: nn.GRU(3, 4, **k),
    "gru before": lambda **k: nn.GRU(3, 4, reset_after=False, **k),
    "mgu": lambda **k: nn.MGU(3, 4, **k),
    "mgu before": lambda **k: nn.MGU(3, 4, reset_after=False, **k),
    "sizes": lambda num_layers, **k: nn.GRU(3, [4, 2], **k),
}
WAYS = {
    "plain": {},
    "float64": {"dtype": mg.float64},
    "two": {"num_layers": 2, "bidirectional": True},
    "no bias": {"bias": False, "num_layers": 2},
}


def made(name, way):
    mg.manual_seed(0)
    return LAYERS[name](**{"num_layers": 1, **WAYS[way], "batch_first": True})


def same_outputs(module, other, dtype):
    x = mg.randn(2, 5, 3, dtype=dtype)
    a, b = module(x)[0], other(x)[0]
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_to_keras_and_from_there(name, way):
    module = made(name, way)
    kind = {"rnn": "SimpleRNN", "lstm": "LSTM"}.get(name, "GRU")
    config = {"activation": "relu"} if name == "rnn" else {}
    config |= {"reset_after": False} if "before" in name else {}
    same_outputs(
        module, from_keras(to_keras(module), kind, **config), WAYS[way].get("dtype", mg.float32)
    )


@pytest.mark.parametrize("api", ["linen", "nnx"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [name for name in LAYERS if "before" not in name])
def test_to_flax_and_from_there(name, way, api):
    module = made(name, way)
    if api == "nnx" and WAYS[way].get("bias", True) and name in ("gru", "mgu", "sizes"):
        with pytest.raises(ValueError, match=r"bias_hh of the gate n is not zero.*GRUCell"):
            to_flax(module, api)
        for key, bias in module.named_parameters():
            if key.startswith("bias_hh"):
                bias.data[-bias.numel() // (2 if name == "mgu" else 3) :] = 0
    back = from_flax(to_flax(module, api), nonlinearity="relu" if name == "rnn" else "tanh")
    same_outputs(module, back, WAYS[way].get("dtype", mg.float32))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "MGU"])
def test_cells_convert_as_layers_do(kind):
    cell, layer = getattr(nn, f"{kind}Cell")(3, 4), getattr(nn, kind)(3, 4)
    layer.load_state_dict({f"{key}_l0": value for key, value in cell.state_dict().items()})
    equal(to_keras(cell), to_keras(layer))
    equal(to_flax(cell), to_flax(layer)["cell"])


def test_the_gate_that_stays_open_learns_nothing():
    gru = from_flax(given("linen MGUCell no reset"))
    gru(mg.tensor(STORED["linen MGUCell no reset|x"]))[0].square().sum().backward()
    for p in gru.parameters():
        reset, update, new = p.grad.chunk(3)
        assert not reset.any()
    assert update.any()
    assert new.any()


def test_a_dense_may_have_a_gates_name():
    parts = from_flax({"in": CELL["in"], "out": CELL["hn"]})
    assert [(name, type(part)) for name, part in parts.items()] == [
        ("in", nn.Linear), ("out", nn.Linear),
    ]  # fmt: skip


def test_parameters_are_copies_and_train():
    weights = arrays("keras lstm float32")
    before = [array.copy() for array in weights]
    lstm = from_keras(weights, "LSTM")
    adam = mg.optim.Adam(lstm.parameters())
    lstm(mg.ones(2, 3, 2))[0].sum().backward()
    adam.step()
    equal(weights, before)
    back = to_keras(lstm)
    assert not any(np.array_equal(a, b) for a, b in zip(back, weights, strict=True))
    for array in back:
        array[...] = 0
    assert all(p.any() for p in lstm.parameters())


def test_other_floats_become_float32():
    lstm = from_keras([array.astype(np.float16) for array in arrays("keras lstm float32")], "LSTM")
    assert lstm.weight_ih_l0.dtype == mg.float32
    lstm = from_keras(arrays("keras lstm float32"), "LSTM", batch_first=False)
    assert not lstm.batch_first


# ------------------------------------------------------------------------------------------------
# What is refused
# ------------------------------------------------------------------------------------------------

a = np.ones
CELL = {name: {"kernel": a((3 if name[0] == "i" else 4, 4), "float32")}
        for name in ("ir", "iz", "in", "hr", "hz", "hn")}  # fmt: skip
for gate in ("ir", "iz", "in", "hn"):
    CELL[gate]["bias"] = a(4, "float32")


def cell(**changes):
    """A GRU's parameters in linen, some of them others, or (None) left out."""
    return {"cell": {k: v for k, v in {**CELL, **changes}.items() if v is not None}}


GOOD = (a((3, 16)), a((4, 16)), a(16))
LSTM = {"activation": "tanh", "recurrent_activation": "sigmoid"}

REFUSED = {
    "kernel": (lambda: from_keras([a((3, 15)), *GOOD[1:]], "LSTM"),
        "LSTM: kernel: axis 1 (4 units) has size 15 instead of 16: expected shape [any, 16] "
        "(inputs, 4 units), got [3, 15]"),
    "recurrent kernel": (lambda: from_keras([GOOD[0], a((4, 12)), a(16)], "LSTM"),
        "LSTM: recurrent_kernel: axis 1 (4 units) has size 12 instead of 16: expected shape "
        "[4, 16] (units, 4 units), got [4, 12]"),
    "bias": (lambda: from_keras([*GOOD[:2], a((2, 16))], "LSTM"),
        "LSTM: bias: it has 2 axes instead of 1: expected shape [16] (4 units), got [2, 16]"),
    "second direction": (lambda: from_keras([*GOOD, a((3, 8)), a((4, 16)), a(16)], "LSTM"),
        "LSTM: backward kernel: axis 1 (4 units) has size 8 instead of 16"),
    "one bias of a GRU": (lambda: from_keras([a((3, 12)), a((4, 12)), a(12)], "GRU"),
        "GRU: bias: it has 1 axes instead of 2: expected shape [2, 12]"),
    "two of another": (
        lambda: from_keras([a((3, 12)), a((4, 12)), a((2, 12))], "GRU", reset_after=False),
        "GRU: bias: it has 2 axes instead of 1: expected shape [12]"),
    "count": (lambda: from_keras([GOOD[0]], "LSTM"),
        "LSTM: expected 2 or 3 arrays (kernel, recurrent_kernel, bias), or twice as many for two "
        "directions, but got 1"),
    "stack": (lambda: from_keras([GOOD, GOOD], "LSTM"),
        "layer 1 reads 3 numbers at each step, but layer 0 puts out 4"),
    "directions": (
        lambda: from_keras([*GOOD, a((2, 16)), a((4, 16)), a(16)], "LSTM"),
        "layer 0 reads 2 numbers at each step, but its other direction reads 3"),
    "sizes of directions": (
        lambda: from_keras([*GOOD, a((3, 8)), a((2, 8)), a(8)], "LSTM"),
        "layer 0: its directions have hidden sizes 4 and 2; they must have one"),
    "integers": (lambda: from_keras([a((3, 16), int), *GOOD[1:]], "LSTM"),
        "LSTM: kernel: expected floating point numbers, but got int64"),
    "dense": (lambda: from_keras([a((3, 4)), a(5)], "Dense"),
        "Dense: bias: axis 0 (units) has size 5 instead of 4"),
    "norm": (lambda: from_keras([a(3)], "LayerNormalization"),
        "LayerNormalization with center=True, scale=True: expected 2 arrays (gamma, beta), but got "
        "1"),
    "batch norm": (lambda: from_keras([a(3), a(3), a(3), a(4)], "BatchNormalization"),
        "BatchNormalization: moving_variance: axis 0 (features) has size 4 instead of 3"),
    "axis": (lambda: from_keras([a(3)] * 4, "BatchNormalization", axis=1),
        "BatchNormalization with axis=1: only the last axis"),
    "rms": (lambda: from_keras([a(3)] * 2, "LayerNormalization", rms_scaling=True),
        "rms_scaling=True has no module here"),
    "cell of TensorFlow": (lambda: from_keras([a((3, 8)), a(7)], "BasicLSTMCell"),
        "BasicLSTMCell: bias has size 7, which is not 4 units"),
    "kind": (lambda: from_keras(GOOD, "ConvLSTM1D"), "ConvLSTM1D: what can be converted are"),
    "no kind": (lambda: from_keras(list(GOOD)), "a list of arrays needs kind="),
    "no list": (lambda: from_keras(a(3), "LSTM"), "is for a list of arrays"),
    "no layer": (lambda: from_keras(a(3)), "expected a layer or a model of Keras"),
    "unknown word": (lambda: from_keras(GOOD, "LSTM", reset_after=True),
        "LSTM has no 'reset_after' to be told; it knows activation, recurrent_activation"),
    "word for a layer": (lambda: from_keras(layer_of("LSTM", GOOD, **LSTM), activation="relu"),
        "activation: a layer tells by itself"),
    "stack of dense": (lambda: from_keras([[a((3, 3))], [a((3, 3))]], "Dense"),
        "a list is a stack of recurrent layers, but the first is a Dense"),
    "mixed": (
        lambda: from_keras([layer_of("LSTM", GOOD), layer_of("GRU", GOOD, reset_after=True)]),
        "a stack has layers of one kind and one configuration, but got LSTM, GRU"),
    "hard sigmoid": (
        lambda: from_keras(
            layer_of("LSTM", GOOD, **{**LSTM, "recurrent_activation": "hard_sigmoid"})),
        "LSTM with recurrent_activation='hard_sigmoid': here it is 'sigmoid'"),
    "relu": (lambda: from_keras(GOOD, "LSTM", activation="relu"),
        "LSTM with activation='relu': here it is 'tanh'; nn.Recurrent makes a layer"),
    "activation": (
        lambda: from_keras([a((3, 4)), a((4, 4)), a(4)], "SimpleRNN", activation="gelu"),
        "SimpleRNN with activation='gelu': here it is 'tanh' or 'relu'"),
    "activation of dense": (lambda: from_keras([a((3, 4))], "Dense", activation="mish"),
        "Dense with activation='mish': those known are relu"),
    "backwards": (lambda: from_keras(layer_of("LSTM", GOOD, **LSTM, go_backwards=True)),
        "LSTM with go_backwards=True: convert get_weights() with kind='LSTM'"),
    "merged": (
        lambda: from_keras(layer_of("Bidirectional", GOOD * 2, layer_of("LSTM"), merge_mode="sum")),
        "Bidirectional with merge_mode='sum'"),
    "not built": (lambda: from_keras(layer_of("LSTM")), "LSTM: it has no weights yet"),
    "stacked cells": (
        lambda: from_keras(layer_of("RNN", GOOD, cell={"class_name": "StackedRNNCells",
                                                       "config": {}})),
        "StackedRNNCells: what can be converted are"),
    "gate is missing": (lambda: from_flax(cell(hz=None)),
        "params['cell']: hz is missing in a GRUCell"),
    "gate too many": (lambda: from_flax(cell(hq={"kernel": a((4, 4))})),
        "params['cell']: hq is unknown in a GRUCell"),
    "kernel is missing": (lambda: from_flax(cell(hz={})),
        "params['cell']['hz']: 'kernel' is missing"),
    "first kernel is missing": (lambda: from_flax(cell(hr={})),
        "params['cell']['hr']: 'kernel' is missing"),
    "bias is missing": (lambda: from_flax(cell(iz={"kernel": a((3, 4))})),
        "params['cell']['iz']: 'bias' is missing; there are kernel"),
    "kernel of a gate": (lambda: from_flax(cell(iz={"kernel": a((2, 4)), "bias": a(4)})),
        "params['cell']['iz']['kernel']: axis 0 (inputs) has size 2 instead of 3: expected shape "
        "[3, 4] (inputs, units), got [2, 4]"),
    "bias of a gate": (lambda: from_flax(cell(iz={"kernel": a((3, 4)), "bias": a(3)})),
        "params['cell']['iz']['bias']: axis 0 (units) has size 3 instead of 4"),
    "nnx": (
        lambda: from_flax({"dense_h": {"kernel": a((4, 8))}, "dense_i": {"kernel": a((3, 8))}}),
        "params['dense_h']['kernel']: axis 1 (gates * hidden) has size 8, which is not 1, 3 or 4 "
        "times axis 0 (hidden), 4: got shape [4, 8]"),
    "nnx without": (lambda: from_flax({"dense_h": {"kernel": a((4, 16))}}),
        "params: 'dense_i' is missing; there are dense_h"),
    "one direction": (lambda: from_flax({"forward_rnn": cell()}),
        "params: a Bidirectional needs 'backward_rnn', which is missing"),
    "two kinds": (
        lambda: from_flax([cell(), {"i": CELL["in"], "h": {"kernel": a((4, 4))}}]),
        "a stack has layers of one kind, but these are GRU, RNN"),
    "no stack": (lambda: from_flax([cell(), CELL["in"]]), "not all of its dicts are such"),
    "scale": (lambda: from_flax({"scale": a(3)}), "may be of RMSNorm or of LayerNorm"),
    "convolution": (lambda: from_flax({"kernel": a((3, 4, 5)), "bias": a(5)}),
        "params['kernel']: it has 3 axes instead of 2"),
    "other": (lambda: from_flax({"query": a(3)}),
        "params: no layer that can be converted has query"),
    "empty": (lambda: from_flax({}), "no layer that can be converted has no parameters"),
    "no dict": (lambda: from_flax(a(3)), "params: expected a dict of parameters, but got ndarray"),
    "api": (lambda: to_flax(nn.GRU(3, 4), "haiku"), "api should be 'linen' or 'nnx', got 'haiku'"),
    "gate before": (lambda: to_flax(nn.GRU(3, 4, reset_after=False)),
        "GRU with reset_after=False: Flax's GRUCell applies its reset gate after"),
    "no statistics": (lambda: to_flax(nn.BatchNorm1d(3, track_running_stats=False)),
        "BatchNorm1d with track_running_stats=False"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_named(name):
    scene, text = REFUSED[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        scene()
    assert text in str(caught.value)
    told = ("integers", "no kind", "no list", "no layer", "unknown word", "word for a layer")
    assert type(caught.value) is (TypeError if name in (*told, "no dict") else ValueError)


OPTIONS = {
    "layer_norm": True, "zoneout": 0.1, "learn_initial_state": True, "residual": True,
    "peephole": True, "proj_size": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("way", [to_keras, to_flax])
def test_options_that_others_lack_are_refused(name, way):
    layer = nn.LSTM(3, 4, 2, **{name: OPTIONS[name]})
    with pytest.raises(ValueError, match=f"LSTM with {name}=.*nothing that computes the same"):
        way(layer)


@pytest.mark.parametrize("layer", [nn.JANET(3, 4), nn.IndRNN(3, 4), nn.Conv1d(3, 4, 2), 3])
@pytest.mark.parametrize("way", [to_keras, to_flax])
def test_layers_that_others_lack_are_refused(layer, way):
    with pytest.raises(TypeError, match=f"{type(layer).__name__}: .* has no such layer"):
        way(layer)
