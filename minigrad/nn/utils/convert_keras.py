"""Weights of Keras: `from_keras`, `to_keras`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...recurrences import GRU, LSTM, MGU, RNN, GRUCell, MGUCell
from .. import activation as activations
from ..batchnorm import BatchNorm1d
from ..containers import ModuleDict, Sequential
from ..embedding import Embedding
from ..linear import Linear
from ..module import Module
from ..normalization import LayerNorm
from .convert_arrays import Direction, checked, directions_of, dtype_of, fill, layer_of, size_of

__all__ = ["from_keras", "to_keras"]

# The class here, and the place of each of our gates among Keras's: (r, z, n) in (z, r, h).
RECURRENT: dict[str, tuple[type[Any], tuple[int, ...]]] = {
    "SimpleRNN": (RNN, (0,)),
    "LSTM": (LSTM, (0, 1, 2, 3)),
    "GRU": (GRU, (1, 0, 2)),
    "CuDNNLSTM": (LSTM, (0, 1, 2, 3)),
    "CuDNNGRU": (GRU, (1, 0, 2)),
    "BasicLSTMCell": (LSTM, (0, 2, 1, 3)),
}

# What can be said of a kind, and Keras's defaults.
CONFIG: dict[str, dict[str, Any]] = {
    "SimpleRNN": {"activation": "tanh"},
    "LSTM": {"activation": "tanh", "recurrent_activation": "sigmoid"},
    "GRU": {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True},
    "CuDNNLSTM": {},
    "CuDNNGRU": {},
    "BasicLSTMCell": {"activation": "tanh", "forget_bias": 1.0},
    "Dense": {"activation": "linear"},
    "Embedding": {},
    "LayerNormalization": {
        "axis": -1, "epsilon": 1e-3, "center": True, "scale": True, "rms_scaling": False,
    },
    "BatchNormalization": {
        "axis": -1, "momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": True,
    },
}  # fmt: skip

ACTIVATIONS: dict[str, Any] = {
    "relu": activations.ReLU, "tanh": activations.Tanh, "sigmoid": activations.Sigmoid,
    "softmax": lambda: activations.Softmax(-1), "log_softmax": lambda: activations.LogSoftmax(-1),
    "softplus": activations.Softplus, "elu": activations.ELU, "selu": activations.SELU,
    "silu": activations.SiLU, "swish": activations.SiLU, "gelu": activations.GELU,
}  # fmt: skip


def from_keras(
    layer: Any, kind: str | None = None, *, batch_first: bool = True, **config: Any
) -> Any:
    """A module that computes what a layer of Keras does, from its weights.

    How the equations differ, and what cannot cross, is in `minigrad.nn.utils.convert`. Keras need
    not be installed: weights are arrays, and of a layer only ``get_weights()`` and ``get_config()``
    are asked for.

    Parameters
    ----------
    layer : layer, model, list of layers, or list of arrays
        A layer of Keras that has its weights; a list of recurrent ones, each of which reads the one
        before; or a model. With `kind`, a list of arrays such as ``layer.get_weights()`` returns,
        or a list of these: a stack.
    kind : str, optional
        The class in Keras, if `layer` has only arrays: "SimpleRNN", "LSTM", "GRU", "Dense",
        "Embedding", "LayerNormalization", "BatchNormalization"; "CuDNNLSTM" and "CuDNNGRU" as Keras
        2 saved them; "BasicLSTMCell" for TensorFlow 1's cells ``BasicLSTMCell`` and ``LSTMCell``
        without peepholes or projection. Weights of a ``Bidirectional`` have twice as many arrays,
        and the kind of the layer inside.
    batch_first : bool
        Whether the recurrent module takes (N, L, H_in), as Keras does.
    **config
        With `kind`, what the arrays do not tell, as Keras calls it, where it is not Keras's
        default: activation, recurrent_activation, reset_after, epsilon, momentum, center, scale,
        axis; forget_bias of a "BasicLSTMCell", which adds it (1 by default) at each step.

    Returns
    -------
    Module
        `RNN`, `LSTM`, `GRU` (bidirectional, or of several layers, where the weights are),
        `Linear`, `Embedding`, `LayerNorm` or `BatchNorm1d`; for a ``Dense`` with an activation a
        `Sequential` of both; for a model a `ModuleDict` of those of its layers that have weights,
        by their names. Its parameters are copies, of the arrays' dtype. Elsewhere one may put them
        with ``load_state_dict(module.state_dict())``.

    Raises
    ------
    ValueError
        An array has another shape than its layer must have, the number of arrays does not fit, or
        the layer does something that no module here does, such as ``hard_sigmoid``.
    TypeError
        `layer` is nothing of the kind, or `config` has a name that its kind does not know.

    References
    ----------
    https://keras.io/api/layers/recurrent_layers/

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.convert import from_keras, to_keras
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=s).astype("float32") for s in ((3, 12), (4, 12), (2, 12))]
    >>> gru = from_keras(weights, "GRU")
    >>> gru
    GRU(3, 4, batch_first=True)
    >>> output, h_n = gru(mg.randn(2, 5, 3))  # (N, L, H_in), as in Keras
    >>> all(np.array_equal(a, b) for a, b in zip(weights, to_keras(gru)))
    True
    """
    if kind is not None:
        if not isinstance(layer, (list, tuple)):
            raise TypeError(
                f"kind={kind!r} is for a list of arrays, as get_weights() returns it, but got "
                f"{type(layer).__name__}"
            )
        several = len(layer) > 0 and isinstance(layer[0], (list, tuple))
        return _made(
            [(kind, config, list(w)) for w in (layer if several else [layer])], batch_first
        )
    if config:
        raise TypeError(f"{', '.join(config)}: a layer tells by itself; this goes with kind=")
    if isinstance(layer, (list, tuple)):
        if not layer or not all(hasattr(part, "get_config") for part in layer):
            raise TypeError("a list of arrays needs kind=, such as kind='LSTM'")
        return _made([_described(part) for part in layer], batch_first)
    if hasattr(layer, "layers"):  # a model
        parts = {p.name: p for p in layer.layers if p.get_weights()}
        return ModuleDict({n: from_keras(p, batch_first=batch_first) for n, p in parts.items()})
    return _made([_described(layer)], batch_first)


def _described(layer: Any) -> tuple[str, Mapping[str, Any], list[Any]]:
    """The kind, the configuration and the arrays of a layer that Keras made."""
    if not (hasattr(layer, "get_weights") and hasattr(layer, "get_config")):
        raise TypeError(
            f"expected a layer or a model of Keras, or a list of arrays with kind=, but got "
            f"{type(layer).__name__}"
        )
    kind, config, weights = type(layer).__name__, layer.get_config(), layer.get_weights()
    both = kind == "Bidirectional"
    if both:
        other, merge = config.get("backward_layer", config["layer"]), config["merge_mode"]
        if merge != "concat":
            raise ValueError(
                f"Bidirectional with merge_mode={merge!r}: the outputs of two directions stand "
                "side by side here; convert get_weights() with kind=, and merge the output's halves"
            )
        if other["class_name"] != config["layer"]["class_name"]:
            raise ValueError(
                f"Bidirectional of {config['layer']['class_name']} and {other['class_name']}: both "
                "directions are of one kind here; convert forward_layer and backward_layer alone"
            )
    while kind in ("Bidirectional", "TimeDistributed", "RNN"):
        inner = config["cell" if kind == "RNN" else "layer"]
        kind, config = inner["class_name"], inner["config"]
    kind = kind.removesuffix("Cell")
    if config.get("go_backwards") and not both:
        raise ValueError(
            f"{kind} with go_backwards=True: convert get_weights() with kind={kind!r}, and give it "
            "the input flipped in time"
        )
    if not weights:
        raise ValueError(f"{type(layer).__name__}: it has no weights yet; build or call it first")
    known = CONFIG.get(kind, {})
    return kind, {name: v for name, v in config.items() if name in known}, weights


def _made(parts: list[tuple[str, Mapping[str, Any], list[Any]]], batch_first: bool) -> Any:
    """The module for one layer of Keras, or for a stack of recurrent ones."""
    kinds, options = [kind for kind, *_ in parts], []
    for kind, config, _ in parts:
        if kind not in CONFIG:
            raise ValueError(f"{kind}: what can be converted are {', '.join(CONFIG)}")
        for name in config:
            if name not in CONFIG[kind]:
                raise TypeError(
                    f"{kind} has no {name!r} to be told; it knows "
                    f"{', '.join(CONFIG[kind]) or 'none'}"
                )
        options.append({**CONFIG[kind], **config})
    kind = kinds[0]
    if kind not in RECURRENT:
        if len(parts) > 1:
            raise ValueError(f"a list is a stack of recurrent layers, but the first is a {kind}")
        return LEAVES[kind](parts[0][2], **options[0])
    told = [{n: v for n, v in o.items() if n in ("activation", "reset_after")} for o in options]
    if len(set(kinds)) > 1 or any(t != told[0] for t in told):
        raise ValueError(
            f"a stack has layers of one kind and one configuration, but got {', '.join(kinds)} "
            f"with {told}"
        )
    more = _recurrent_options(kind, options)
    layers = [_directions(kind, weights, o) for (_, _, weights), o in zip(parts, options)]
    return layer_of(RECURRENT[kind][0], layers, batch_first, **more)


def _recurrent_options(kind: str, options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keywords of the module here. Raises ValueError where an activation is another one."""
    for config in options:
        for name, known in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
            value = config.get(name, known)
            if value != known and not (kind == "SimpleRNN" and value == "relu"):
                raise ValueError(
                    f"{kind} with {name}={value!r}: here it is {known!r}"
                    + (" or 'relu'" if kind == "SimpleRNN" else "")
                    + "; nn.Recurrent makes a layer of a cell of your own"
                )
    if kind == "SimpleRNN":
        return {"nonlinearity": options[0]["activation"]}
    return {} if options[0].get("reset_after", True) else {"reset_after": False}


def _directions(kind: str, weights: list[Any], config: Mapping[str, Any]) -> list[Direction]:
    """The directions of one layer: one, or two of a Bidirectional."""
    if kind == "BasicLSTMCell":
        return [_basic_lstm(weights, config["forget_bias"])]
    if len(weights) not in (2, 3, 4, 6):
        raise ValueError(
            f"{kind}: expected 2 or 3 arrays (kernel, recurrent_kernel, bias), or twice as many "
            f"for two directions, but got {len(weights)}"
        )
    count = 2 if len(weights) > 3 else 1
    each, found = len(weights) // count, []
    for k in range(count):
        place = "" if count == 1 else ("forward ", "backward ")[k]
        found.append(_direction(kind, place, weights[k * each : (k + 1) * each], config))
    return found


def _direction(
    kind: str, place: str, weights: list[Any], config: Mapping[str, Any]
) -> Direction:  # fmt: skip
    """Rows in our order from columns in Keras's."""
    order = RECURRENT[kind][1]
    gates, name = len(order), f"{kind}: {place}"
    hidden = size_of(f"{name}recurrent_kernel", weights[1], 0, ("units", f"{gates} units"))
    columns = ("units", f"{gates} units")
    kernel = checked(f"{name}kernel", weights[0], (None, gates * hidden), ("inputs", columns[1]))
    recurrent = checked(f"{name}recurrent_kernel", weights[1], (hidden, gates * hidden), columns)
    if kind.startswith("CuDNN"):  # cuDNN's memory is transposed, in each gate
        blocks = np.split(kernel, gates, 1)
        kernel = np.concatenate([b.reshape(b.shape[::-1]).T for b in blocks], 1)
        recurrent = np.concatenate([b.T for b in np.split(recurrent, gates, 1)], 1)
    found = {"weight_ih": _rows(kernel.T, order), "weight_hh": _rows(recurrent.T, order)}
    if len(weights) == 3:
        bias, length = weights[2], gates * hidden
        if kind.startswith("CuDNN"):
            bias = checked(f"{name}bias", bias, (2 * length,), (f"2 * {gates} units",))
            bias = bias.reshape(2, -1)
        elif kind == "GRU" and config["reset_after"]:
            axes = ("of inputs, of states", f"{gates} units")
            bias = checked(f"{name}bias", bias, (2, length), axes)
        else:
            bias = checked(f"{name}bias", bias, (length,), (f"{gates} units",))
            bias = np.stack([bias, np.zeros_like(bias)])
        found |= {"bias_ih": _rows(bias[0], order), "bias_hh": _rows(bias[1], order)}
    return found


def _basic_lstm(weights: list[Any], forget_bias: float) -> Direction:
    """TensorFlow 1: one kernel for [x, h], gates i, g, f, o, a bias added to f at each step."""
    if len(weights) != 2:
        raise ValueError(f"BasicLSTMCell: expected kernel and bias, but got {len(weights)} arrays")
    bias = checked("BasicLSTMCell: bias", weights[1], (None,), ("4 units",))
    if len(bias) % 4:
        raise ValueError(f"BasicLSTMCell: bias has size {len(bias)}, which is not 4 units")
    hidden, order = len(bias) // 4, RECURRENT["BasicLSTMCell"][1]
    axes = ("inputs + units", "4 units")
    kernel = checked("BasicLSTMCell: kernel", weights[0], (None, len(bias)), axes)
    rows = _rows(kernel.T, order)
    bias = _rows(bias, order)
    bias[hidden : 2 * hidden] += forget_bias
    return {
        "weight_ih": rows[:, :-hidden], "weight_hh": rows[:, -hidden:],
        "bias_ih": bias, "bias_hh": np.zeros_like(bias),
    }  # fmt: skip


def _rows(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """The blocks of the first axis in another order."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[k] for k in order])


def _dense(weights: list[Any], activation: Any) -> Module:
    if activation != "linear" and activation not in ACTIVATIONS:
        raise ValueError(
            f"Dense with activation={activation!r}: those known are {', '.join(ACTIVATIONS)}; "
            "convert get_weights() with kind='Dense', and apply it yourself"
        )
    if len(weights) not in (1, 2):
        raise ValueError(f"Dense: expected kernel and bias, but got {len(weights)} arrays")
    kernel = checked("Dense: kernel", weights[0], (None, None), ("inputs", "units"))
    inputs, units = kernel.shape
    linear = Linear(inputs, units, bias=len(weights) == 2, dtype=dtype_of(kernel))
    state = {"weight": kernel.T}
    if len(weights) == 2:
        state["bias"] = checked("Dense: bias", weights[1], (units,), ("units",))
    fill(linear, state)
    return linear if activation == "linear" else Sequential(linear, ACTIVATIONS[activation]())


def _embedding(weights: list[Any]) -> Module:
    if len(weights) != 1:
        raise ValueError(f"Embedding: expected one array, embeddings, but got {len(weights)}")
    table = checked("Embedding: embeddings", weights[0], (None, None), ("input_dim", "output_dim"))
    rows, columns = table.shape
    return fill(Embedding(rows, columns, dtype=dtype_of(table)), {"weight": table})


def _norm_arrays(
    kind: str, weights: list[Any], center: bool, scale: bool, more: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Arrays by Keras's names; gamma is 1 and beta 0 where they are left out."""
    names = ("gamma",) * scale + ("beta",) * center + more
    if len(weights) != len(names):
        raise ValueError(
            f"{kind} with center={center}, scale={scale}: expected {len(names)} arrays "
            f"({', '.join(names)}), but got {len(weights)}"
        )
    found: dict[str, np.ndarray] = {}
    for name, value in zip(names, weights):
        size = next((len(a) for a in found.values()), None)
        found[name] = checked(f"{kind}: {name}", value, (size,), ("features",))
    some = next(iter(found.values()))
    return {"gamma": np.ones_like(some), "beta": np.zeros_like(some), **found}


def _last_axis(kind: str, axis: Any) -> None:
    if axis not in (-1, [-1], (-1,)):
        raise ValueError(f"{kind} with axis={axis!r}: only the last axis, -1, is normalised here")


def _layer_norm(
    weights: list[Any], axis: Any, epsilon: float, center: bool, scale: bool, rms_scaling: bool
) -> Module:
    _last_axis("LayerNormalization", axis)
    if rms_scaling:
        raise ValueError("LayerNormalization with rms_scaling=True has no module here")
    if not (center or scale):
        raise ValueError("LayerNormalization without center and scale has no weights to convert")
    found = _norm_arrays("LayerNormalization", weights, center, scale, ())
    norm = LayerNorm(len(found["gamma"]), eps=epsilon, dtype=dtype_of(found["gamma"]))
    return fill(norm, {"weight": found["gamma"], "bias": found["beta"]})


def _batch_norm(
    weights: list[Any], axis: Any, momentum: float, epsilon: float, center: bool, scale: bool
) -> Module:
    more = ("moving_mean", "moving_variance")
    found = _norm_arrays("BatchNormalization", weights, center, scale, more)
    _last_axis("BatchNormalization", axis)
    gamma = found["gamma"]
    norm = BatchNorm1d(
        len(gamma), eps=epsilon, momentum=round(1 - momentum, 12), dtype=dtype_of(gamma)
    )
    return fill(norm, {
        "weight": gamma, "bias": found["beta"], "running_mean": found["moving_mean"],
        "running_var": found["moving_variance"], "num_batches_tracked": norm.num_batches_tracked,
    })  # fmt: skip


LEAVES: dict[str, Callable[..., Module]] = {
    "Dense": _dense, "Embedding": _embedding, "LayerNormalization": _layer_norm,
    "BatchNormalization": _batch_norm,
}  # fmt: skip


def to_keras(module: Any) -> Any:
    """The weights of a module, as ``set_weights()`` of a layer of Keras takes them.

    An `RNN` is for Keras's ``SimpleRNN``, with ``activation="relu"`` where the module's is; an
    `LSTM` for ``LSTM``; a `GRU` for ``GRU``, with ``reset_after=False`` if the module has it; an
    `MGU` for a ``GRU`` that computes the same. The two biases, which Keras has as one but for
    ``GRU(reset_after=True)``, are added up. Without biases it is for ``use_bias=False``.

    Parameters
    ----------
    module : Module
        `RNN`, `LSTM`, `GRU`, `MGU` or a cell of these, `Linear`, `Embedding`, `LayerNorm`,
        `BatchNorm1d`; a `Sequential` or a `ModuleDict` of them, and of modules without parameters.

    Returns
    -------
    list of ndarray
        kernel, recurrent_kernel, bias, of both directions for a ``Bidirectional``; of several
        layers a list of such lists. A `Sequential` gives one list for all of its parts, as a
        ``keras.Sequential`` takes it, a `ModuleDict` a dict.

    Raises
    ------
    TypeError
        Keras has no such layer.
    ValueError
        A module has an option that Keras does not have: layer_norm, zoneout, residual,
        learn_initial_state, peephole, proj_size.

    Examples
    --------
    >>> import minigrad as mg
    >>> [array.shape for array in mg.nn.utils.convert.to_keras(mg.nn.LSTM(3, 4))]
    [(3, 16), (4, 16), (16,)]
    """
    if isinstance(module, ModuleDict):
        return {name: to_keras(part) for name, part in module.items()}
    if isinstance(module, Sequential):
        return [array for part in module for array in _flat(to_keras(part))]
    if isinstance(module, Linear):
        weight, bias = module.weight, module.bias
        return [_copy(weight.T)] + ([] if bias is None else [_copy(bias)])
    if isinstance(module, Embedding):
        return [_copy(module.weight)]
    if isinstance(module, (LayerNorm, BatchNorm1d)):
        found = [module.weight, module.bias]
        if isinstance(module, BatchNorm1d):
            found += [module.running_mean, module.running_var]
        return [_copy(array) for array in found if array is not None]
    if isinstance(module, Module) and not module.state_dict():
        return []
    layers = [
        [array for direction in directions for array in _to_keras_direction(module, direction)]
        for directions in directions_of(module, "Keras")
    ]
    return layers[0] if len(layers) == 1 else layers


def _to_keras_direction(module: Any, direction: Direction) -> list[np.ndarray]:
    """kernel, recurrent_kernel and bias: columns in Keras's order from rows in ours."""
    gru = isinstance(module, (GRU, GRUCell, MGU, MGUCell))
    rows, hidden = direction["weight_hh"].shape
    order = RECURRENT["GRU"][1] if gru else range(rows // hidden)
    w_ih, w_hh, b_ih, b_hh = [
        _rows(direction[name], order) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    kernels = [np.ascontiguousarray(w_ih.T), np.ascontiguousarray(w_hh.T)]
    if not module.bias:
        return kernels
    after = gru and not module.recurrence.name.endswith("reset_before")
    return [*kernels, np.stack([b_ih, b_hh]) if after else b_ih + b_hh]


def _flat(arrays: list[Any]) -> list[Any]:
    """The arrays of a stack in one list."""
    return [a for part in arrays for a in (part if isinstance(part, list) else [part])]


def _copy(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().array, order="C")
