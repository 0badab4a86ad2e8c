"""Write onnx_files.npz: ONNX files of Keras and PyTorch, with an input and what each gives for it.

Run it where the packages are, once for each: ``python make_onnx_files.py torch`` (and onnx),
``keras`` (Keras 3 with TensorFlow), ``jax`` (Keras 3 with JAX, jax2onnx), ``keras2`` (tf_keras,
tf2onnx). What others wrote stays. NAME.file is the file as bytes, NAME.input, NAME.output its own.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("onnx_files.npz")
STEPS, INPUTS, UNITS, BATCH, WORDS = 5, 3, 4, 2, 11


def keras_files(kind):
    """Files of Keras: LSTM is an operator; SimpleRNN and GRU are loops in Keras 3, GRU not in 2."""
    if kind == "jax":
        os.environ["KERAS_BACKEND"] = "jax"
    if kind == "keras2":
        import tensorflow as tf
        import tf2onnx
        import tf_keras as keras
    else:
        import keras
    layers = keras.layers
    models = {
        "keras": {
            "lstm": [layers.LSTM(UNITS, return_sequences=True)],
            "both": [layers.Bidirectional(layers.LSTM(UNITS))],
            "rnn": [layers.SimpleRNN(UNITS, return_sequences=True)],
            "words": [layers.Embedding(WORDS, 6), layers.LSTM(UNITS), layers.Dense(3, "softmax")],
            "gru": [layers.GRU(UNITS)],
        },
        "jax": {
            "rnn": [layers.SimpleRNN(UNITS)],
            "gru": [layers.GRU(UNITS, return_sequences=True)],
        },
        "keras2": {
            "gru": [layers.GRU(UNITS, return_sequences=True)],
            "both": [layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))],
        },
    }[kind]
    for seed, (name, stack) in enumerate(models.items()):
        keras.utils.set_random_seed(seed)
        rng = np.random.default_rng(seed)
        has_words = name == "words"
        start = keras.Input((STEPS,), dtype="int32") if has_words else keras.Input((STEPS, INPUTS))
        model = keras.Sequential([start, *stack])
        model.set_weights([w + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()])
        x = rng.normal(size=(BATCH, STEPS, INPUTS)).astype("float32")
        x = rng.integers(0, WORDS, (BATCH, STEPS)).astype("int32") if has_words else x
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            if kind == "keras2":
                spec = (tf.TensorSpec((None, *x.shape[1:]), x.dtype, name="input"),)
                function = tf.function(lambda x, model=model: model(x), input_signature=spec)
                tf2onnx.convert.from_function(function, spec, opset=17, output_path=str(path))
            else:
                model(x)
                model.export(path, format="onnx", verbose=False)
            yield name, path.read_bytes(), x, np.asarray(model.predict(x, verbose=0))


def torch_files(kind):
    """Files of PyTorch's exporter."""
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self, recurrent, size):
            super().__init__()
            self.embedding, self.recurrent = nn.Embedding(WORDS, 3), recurrent
            self.norm, self.out = nn.LayerNorm(size), nn.Linear(size, 2)

        def forward(self, words):
            output, last = self.recurrent(self.embedding(words))
            last = last[0] if isinstance(last, tuple) else last
            return self.out(torch.relu(self.norm(output)))[:, -1], last

    options = {"batch_first": True}
    for seed, (name, recurrent, size) in enumerate((
        ("lstm", nn.LSTM(3, UNITS, bidirectional=True, **options), 8),
        ("gru", nn.GRU(3, UNITS, num_layers=2, **options), 4),
        ("rnn", nn.RNN(3, UNITS, nonlinearity="relu", bias=False, **options), 4),
    )):  # fmt: skip
        torch.manual_seed(seed)
        model = Model(recurrent, size).eval()
        words, file = torch.randint(0, WORDS, (BATCH, STEPS)), io.BytesIO()
        torch.onnx.export(
            model, (words,), file, input_names=["words"], dynamo=False, opset_version=17,
            dynamic_axes={"words": {0: "batch", 1: "time"}},
        )  # fmt: skip
        yield name, file.getvalue(), words.numpy(), model(words)[0].detach().numpy()


def main():
    kind = sys.argv[1]
    found = dict(np.load(FILE)) if FILE.exists() else {}
    found = {name: a for name, a in found.items() if not name.startswith(f"{kind} ")}
    for name, file, x, y in (torch_files if kind == "torch" else keras_files)(kind):
        found[f"{kind} {name}.file"] = np.frombuffer(file, np.uint8)
        found[f"{kind} {name}.input"], found[f"{kind} {name}.output"] = x, y
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
