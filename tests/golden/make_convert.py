"""Regenerate ``convert.npz``: layers of Keras and Flax, an input and what they put out.

    KERAS_BACKEND=tensorflow TF_USE_LEGACY_KERAS=1 python tests/golden/make_convert.py

needs keras 3 with tensorflow, tf_keras, flax and jax. The file was made with keras 3.15.1, tensorflow
2.21.0, tf_keras 2.21.0, flax 0.12.8 and jax 0.10.2. For each case ``NAME|x`` and ``NAME|y`` are
input and output, ``NAME|w`` all weights in one row, and ``NAME|about`` is JSON that says what the
layer was, and the names and shapes of its weights: "0", ... in the order of ``get_weights()``, or
"cell/hf/kernel", the path in Flax's dicts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

import flax.linen as linen  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from flax import nnx  # noqa: E402
from keras import layers as L  # noqa: E402

TARGET = Path(__file__).parent / "convert.npz"
N, T, IN, H = 2, 4, 2, 3
found: dict[str, Any] = {}
rng = np.random.default_rng(0)


def numbers(*shape: int, dtype: Any = "float32") -> np.ndarray:
    """Inputs and weights, none of them 0 or 1 by some initialisation."""
    return rng.normal(size=shape).astype(dtype)


def keep(name: str, about: dict[str, Any], weights: dict[str, Any], x: Any, y: Any) -> None:
    """Put one case into the file."""
    about = {**about, "weights": {key: w.shape for key, w in weights.items()}}
    row = np.concatenate([w.ravel() for w in weights.values()])
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    for key, value in {"about": text, "w": row, "x": x, "y": y}.items():
        found[f"{name}|{key}"] = np.asarray(value)


# ------------------------------------------------------------------------------------------------
# Keras
# ------------------------------------------------------------------------------------------------


def of_keras(name: str, *layers: Any, dtype: str = "float32", ids: bool = False) -> None:
    """The layers as a model; what each is, and all weights in one list."""
    inputs = keras.Input((T,), dtype="int32") if ids else keras.Input((T, IN), dtype=dtype)
    model = keras.Sequential([inputs, *layers])
    drawn = [numbers(*w.shape, dtype=dtype) for w in model.get_weights()]
    for w, variable in zip(drawn, model.weights):
        if "variance" in variable.path:
            np.abs(w, out=w)
    model.set_weights(drawn)
    x = rng.integers(0, 5, (N, T)).astype("int32") if ids else numbers(N, T, IN, dtype=dtype)
    about = [
        {"name": each.name, "class": type(each).__name__, "config": lean(each.get_config()),
         "count": len(each.get_weights())}
        for each in model.layers
    ]  # fmt: skip
    weights = {str(k): w for k, w in enumerate(model.get_weights())}
    keep(f"keras {name}", {"layers": about}, weights, x, model.predict(x, verbose=0))


def lean(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what only concerns training."""
    left_out = (
        "initializer",
        "regularizer",
        "constraint",
        "dtype",
        "build_config",
        "registered_name",
    )
    return {
        key: lean(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if not key.endswith(left_out)
    }


for dtype in ("float32", "float64"):
    keras.config.set_floatx(dtype)
    sequences = {"return_sequences": True, "dtype": dtype}
    of_keras(f"rnn {dtype}", L.SimpleRNN(H, **sequences), dtype=dtype)
    of_keras(f"lstm {dtype}", L.LSTM(H, **sequences), dtype=dtype)
    of_keras(f"gru {dtype}", L.GRU(H, **sequences), dtype=dtype)
    of_keras(f"gru before {dtype}", L.GRU(H, reset_after=False, **sequences), dtype=dtype)
keras.config.set_floatx("float32")
sequences = {"return_sequences": True}
of_keras("rnn relu", L.SimpleRNN(H, activation="relu", **sequences))
of_keras("rnn no bias", L.SimpleRNN(H, use_bias=False, **sequences))
of_keras("lstm no bias", L.LSTM(H, use_bias=False, **sequences))
of_keras("gru no bias", L.GRU(H, use_bias=False, **sequences))
of_keras("gru before no bias", L.GRU(H, use_bias=False, reset_after=False, **sequences))
of_keras("rnn both", L.Bidirectional(L.SimpleRNN(H, **sequences)))
of_keras("lstm both", L.Bidirectional(L.LSTM(H, **sequences)))
of_keras("gru both", L.Bidirectional(L.GRU(H, **sequences)))
of_keras("gru before both", L.Bidirectional(L.GRU(H, reset_after=False, **sequences)))
of_keras("lstm no bias both", L.Bidirectional(L.LSTM(H, use_bias=False, **sequences)))
of_keras("cell", L.RNN(L.LSTMCell(H), **sequences))
of_keras("rnn stack", L.SimpleRNN(H, **sequences), L.SimpleRNN(2, **sequences))
of_keras("lstm stack", L.LSTM(H, **sequences), L.LSTM(H, **sequences))
of_keras("gru stack", L.GRU(H, **sequences), L.GRU(H, **sequences), L.GRU(2, **sequences))
of_keras("lstm stack both", *[L.Bidirectional(L.LSTM(H, **sequences)) for _ in range(2)])
of_keras("dense", L.Dense(4, activation="softmax"))
of_keras("layer norm", L.LayerNormalization())
of_keras("layer norm scale", L.LayerNormalization(center=False, epsilon=0.1))
of_keras("layer norm center", L.LayerNormalization(scale=False))
of_keras("batch norm", L.BatchNormalization())
of_keras("batch norm center", L.BatchNormalization(scale=False, momentum=0.9, epsilon=0.01))
of_keras(
    "model", L.Embedding(5, IN), L.Bidirectional(L.LSTM(H, **sequences)), L.Dropout(0.5),
    L.GRU(H, **sequences), L.LayerNormalization(), L.BatchNormalization(),
    L.TimeDistributed(L.Dense(4, activation="relu")), L.SimpleRNN(2), L.Dense(3, activation="softmax"),
    ids=True,
)  # fmt: skip


def of_cudnn(kind: str) -> None:
    """Weights as Keras 2 keeps them for cuDNN, by its own conversion; the output of the layer."""
    from tf_keras.src.saving.legacy.hdf5_format import _convert_rnn_weights

    layer = getattr(L, kind)(H, return_sequences=True)
    x = numbers(N, T, IN)
    layer(x)
    layer.set_weights([numbers(*w.shape) for w in layer.get_weights()])
    target = type(f"CuDNN{kind}", (), {})()
    weights = _convert_rnn_weights(target, layer.get_weights())
    keep(f"cudnn {kind}", {}, {str(k): w for k, w in enumerate(weights)}, x, layer(x))


def of_tensorflow_1() -> None:
    """The cell that scripts of TensorFlow 1 have."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        cell = tf.compat.v1.nn.rnn_cell.LSTMCell(H, forget_bias=0.7)
        x = numbers(N, T, IN)
        outputs, _ = tf.compat.v1.nn.dynamic_rnn(cell, tf.constant(x), dtype=tf.float32)
        weights = [numbers(*v.shape) for v in cell.variables]
        for variable, w in zip(cell.variables, weights):
            session.run(variable.assign(w))
        keep("tf1", {}, {str(k): w for k, w in enumerate(weights)}, x, session.run(outputs))


of_cudnn("LSTM")
of_cudnn("GRU")
of_tensorflow_1()

# ------------------------------------------------------------------------------------------------
# Flax
# ------------------------------------------------------------------------------------------------


def drawn(tree: Any, dtype: str, path: str = "") -> tuple[Any, dict[str, np.ndarray]]:
    """Parameters of the same structure, and a flat dict of them, by path."""
    if not isinstance(tree, dict):
        value = numbers(*tree.shape, dtype=dtype)
        value = abs(value) if path.endswith("var") else value
        return value, {path: value}
    made, flat = {}, {}
    for key, value in tree.items():
        made[key], more = drawn(value, dtype, f"{path}/{key}" if path else str(key))
        flat |= more
    return made, flat


def of_linen(name: str, module: Any, dtype: str = "float32", x: Any = None) -> None:
    """A module of linen with parameters of ours."""
    x = numbers(N, T, IN, dtype=dtype) if x is None else x
    variables, flat = drawn(module.init(jax.random.key(0), x), dtype)
    keep(f"linen {name}", {"flax": True}, flat, x, module.apply(variables, x))


def of_nnx(name: str, module: Any, dtype: str = "float32") -> None:
    """The same for nnx."""
    kept = nnx.Any(nnx.Param, nnx.BatchStat)
    pure = nnx.to_pure_dict(nnx.state(module, kept))
    made, flat = drawn(pure, dtype)
    state = nnx.state(module, kept)
    nnx.replace_by_pure_dict(state, made)
    nnx.update(module, state)
    x = numbers(N, T, IN, dtype=dtype)
    keep(f"nnx {name}", {"flax": True}, flat, x, module(jnp.asarray(x)))


class Model(linen.Module):
    """A bit of everything."""

    @linen.compact
    def __call__(self, ids: Any) -> Any:
        """Ids of tokens to numbers."""
        x = linen.Embed(5, IN)(ids)
        x = linen.RNN(linen.OptimizedLSTMCell(H))(x)
        x = linen.RNN(linen.GRUCell(H))(x)
        x = linen.BatchNorm(use_running_average=True)(linen.LayerNorm()(x))
        return linen.Dense(2)(x)


for dtype in ("float32", "float64"):
    as_dtype = {"dtype": jnp.dtype(dtype), "param_dtype": jnp.dtype(dtype)}
    for kind in ("LSTMCell", "OptimizedLSTMCell", "GRUCell", "MGUCell", "SimpleCell"):
        of_linen(f"{kind} {dtype}", linen.RNN(getattr(linen, kind)(H, **as_dtype)), dtype)
of_linen("MGUCell no reset", linen.RNN(linen.MGUCell(H, reset_gate=False)))
of_linen("SimpleCell relu", linen.RNN(linen.SimpleCell(H, activation_fn=jax.nn.relu)))
of_linen("LSTM both", linen.Bidirectional(*[linen.RNN(linen.LSTMCell(H)) for _ in range(2)]))
of_linen("GRU both", linen.Bidirectional(*[linen.RNN(linen.GRUCell(H)) for _ in range(2)]))
of_linen("MGU both", linen.Bidirectional(*[linen.RNN(linen.MGUCell(H)) for _ in range(2)]))
of_linen("GRU stack", linen.Sequential([linen.RNN(linen.GRUCell(n)) for n in (H, 2)]))
of_linen("dense", linen.Dense(4))
of_linen("layer norm", linen.LayerNorm())
of_linen("batch norm", linen.BatchNorm(use_running_average=True))
of_linen("model", Model(), x=rng.integers(0, 5, (N, T)).astype("int32"))
rngs = nnx.Rngs(0)
for kind in ("LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"):
    of_nnx(kind, nnx.RNN(getattr(nnx, kind)(IN, H, rngs=rngs), rngs=rngs))
of_nnx("LSTM both", nnx.Bidirectional(
    *[nnx.RNN(nnx.OptimizedLSTMCell(IN, H, rngs=rngs), rngs=rngs) for _ in range(2)], rngs=rngs
))  # fmt: skip
of_nnx("dense", nnx.Linear(IN, 4, rngs=rngs))
of_nnx("layer norm", nnx.LayerNorm(IN, rngs=rngs))
of_nnx("batch norm", nnx.BatchNorm(IN, use_running_average=True, rngs=rngs))

np.savez_compressed(TARGET, **found)
