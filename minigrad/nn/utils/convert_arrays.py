"""What conversions from and to other libraries share: arrays, and the directions of a layer.

A *direction* is one direction of one layer: its arrays by the names that a cell has for them
(``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh``), with the gates in minigrad's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...recurrences import GRU, LSTM, MGU, RNN, GRUCell, LSTMCell, MGUCell, RNNCell
from ...tensor import Tensor, from_array
from ..module import Module

__all__ = [
    "Direction", "as_gru", "checked", "directions_of", "dtype_of", "fill", "layer_of", "size_of",
]  # fmt: skip

Direction = dict[str, np.ndarray]

LAYERS = (RNN, LSTM, GRU, MGU)
CELLS = (RNNCell, LSTMCell, GRUCell, MGUCell)


def checked(name: str, value: Any, shape: Sequence[int | None], axes: Sequence[str]) -> np.ndarray:
    """An array of floats, if it has this shape; None stands for any size."""
    array = np.asarray(value)
    if array.dtype.kind in "biucOSU":
        raise TypeError(f"{name}: expected floating point numbers, but got {array.dtype}")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32)  # float16, bfloat16
    sizes = ["any" if size is None else str(size) for size in shape]
    expected = f"expected shape [{', '.join(sizes)}] ({', '.join(axes)}), got {list(array.shape)}"
    if array.ndim != len(shape):
        raise ValueError(f"{name}: it has {array.ndim} axes instead of {len(shape)}: {expected}")
    for axis, (size, there) in enumerate(zip(shape, array.shape)):
        if size is not None and size != there:
            raise ValueError(
                f"{name}: axis {axis} ({axes[axis]}) has size {there} instead of {size}: {expected}"
            )
    return array


def size_of(name: str, value: Any, axis: int, axes: Sequence[str]) -> int:
    """The size of one axis of an array that has these axes."""
    return checked(name, value, [None] * len(axes), axes).shape[axis]


def dtype_of(*arrays: np.ndarray) -> Any:
    """The dtype of a module that has these arrays."""
    return from_array(np.empty(0, np.result_type(*arrays))).dtype


def fill(module: Module, state: Mapping[str, Any]) -> Module:
    """A module with copies of these arrays as its parameters and buffers."""
    tensors = {n: v if isinstance(v, Tensor) else from_array(np.array(v)) for n, v in state.items()}
    module.load_state_dict(tensors)
    return module


def layer_of(
    kind: type[Any], layers: Sequence[Sequence[Direction]], batch_first: bool, **options: Any
) -> Any:
    """One module from the directions of its layers, which read each other's outputs."""
    sizes = [directions[0]["weight_hh"].shape[1] for directions in layers]
    count = len(layers[0])
    below = inputs = layers[0][0]["weight_ih"].shape[1]
    for k, directions in enumerate(layers):
        if len(directions) != count:
            raise ValueError(
                f"all layers must have one number of directions, but layer 0 has {count} and "
                f"layer {k} has {len(directions)}"
            )
        for w in directions:
            if w["weight_ih"].shape[1] != below:
                source = f"layer {k - 1} puts out" if k else "its other direction reads"
                raise ValueError(
                    f"layer {k} reads {w['weight_ih'].shape[1]} numbers at each step, but {source} "
                    f"{below}"
                )
            if w["weight_hh"].shape[1] != sizes[k]:
                raise ValueError(
                    f"layer {k}: its directions have hidden sizes {sizes[k]} and "
                    f"{w['weight_hh'].shape[1]}; they must have one"
                )
        below = sizes[k] * count
    each = [w for directions in layers for w in directions]
    biased = any("bias_ih" in w for w in each)
    module = kind(
        inputs, sizes[0] if len(set(sizes)) == 1 else sizes, len(layers), bias=biased,
        batch_first=batch_first, bidirectional=count == 2,
        dtype=dtype_of(*[array for w in each for array in w.values()]), **options,
    )  # fmt: skip
    state: dict[str, np.ndarray] = {}
    for k, directions in enumerate(layers):
        for w, suffix in zip(directions, ("", "_reverse")):
            zeros = np.zeros(len(w["weight_hh"]), w["weight_hh"].dtype)
            for name in ("bias_ih", "bias_hh") if biased else ():
                w.setdefault(name, zeros)
            state |= {f"{name}_l{k}{suffix}": array for name, array in w.items()}
    return fill(module, state)


def directions_of(layer: Any, library: str) -> list[list[Direction]]:
    """The directions of each layer of a module, with biases of zeros where it has none.

    Raises
    ------
    TypeError
        It is no RNN, LSTM, GRU or MGU, and no cell of these.
    ValueError
        It has an option for which the other library has no word.
    """
    if not isinstance(layer, (*LAYERS, *CELLS)):
        raise TypeError(
            f"{type(layer).__name__}: {library} has no such layer; what can be converted are RNN, "
            "LSTM, GRU, MGU and their cells, Linear, Embedding, LayerNorm and BatchNorm1d"
        )
    options = getattr(layer, "_options", None)
    given = {} if options is None else vars(options)
    refused = {name: given.get(name) for name in ("layer_norm", "zoneout", "residual")}
    refused["learn_initial_state"] = given.get("learn_initial_state")
    refused["peephole"] = layer.recurrence.name == "lstm_peephole"
    refused["proj_size"] = getattr(layer, "proj_size", 0)
    for name, value in refused.items():
        if value:
            raise ValueError(
                f"{type(layer).__name__} with {name}={value}: {library}'s layers have nothing that "
                "computes the same"
            )
    found = []
    for parameters in layer._each_direction():
        w = {name: np.array(p.detach().array) for name, p in parameters.items()}
        for name in ("bias_ih", "bias_hh"):
            w.setdefault(name, np.zeros(len(w["weight_hh"]), w["weight_hh"].dtype))
        found.append(as_gru(w) if isinstance(layer, (MGU, MGUCell)) else w)
    each = 2 if getattr(layer, "bidirectional", False) else 1
    return [found[k : k + each] for k in range(0, len(found), each)]


def as_gru(direction: Direction) -> Direction:
    """The direction of a GRU that computes what this one of an MGU does.

    An MGU's gate f is a GRU's r, and 1 - f its z: the sigmoid of the negative.
    """
    made = {}
    for name, array in direction.items():
        f, n = np.split(array, 2)
        made[name] = np.concatenate([f, -f, n])
    return made
