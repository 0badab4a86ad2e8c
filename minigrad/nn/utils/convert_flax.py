"""Parameters of Flax: `from_flax`, `to_flax`, as linen and as nnx name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...recurrences import GRU, LSTM, RNN, GRUCell, LSTMCell, MGUCell, RNNCell
from ..batchnorm import BatchNorm1d
from ..containers import ModuleDict
from ..embedding import Embedding
from ..linear import Linear
from ..module import Module
from ..normalization import LayerNorm
from .convert_arrays import Direction, checked, directions_of, dtype_of, fill, layer_of, size_of

__all__ = ["from_flax", "to_flax"]

GATES = {
    "LSTMCell": "ifgo",
    "GRUCell": "rzn",
    "MGUCell": "fn",
    "SimpleCell": ("",),
}  # linen's names
PROBES = {  # what stands in the parameters of a cell, and in no other cell's before it
    "LSTMCell": {"ii", "ig", "io", "hi", "hg", "ho"},
    "GRUCell": {"ir", "iz", "hr", "hz"},
    "MGUCell": {"if", "in", "hf", "hn"},
    "dense": {"dense_i", "dense_h"},
}
OPEN = 100.0  # sigmoid(100) is 1, and its derivative 0


def from_flax(
    params: Any, *, batch_first: bool = True, nonlinearity: str = "tanh",
    epsilon: float | None = None,
) -> Any:  # fmt: skip
    """A module that computes what a layer of Flax does, from its parameters.

    How the equations differ, and what cannot cross, is in `minigrad.nn.utils.convert`. Flax and JAX
    need not be installed: the parameters are arrays in nested dicts, whose names say which layer
    they are of.

    Parameters
    ----------
    params : dict, or list of dicts
        What ``init`` returns in linen, or ``nnx.to_pure_dict(nnx.state(module))``, of a whole model
        or of a part. Recurrent: the cells ``LSTMCell`` and ``OptimizedLSTMCell``, ``GRUCell``,
        ``MGUCell``, ``SimpleCell``, also inside ``RNN`` (``{"cell": ...}``) and ``Bidirectional``
        (``{"forward_rnn": ..., "backward_rnn": ...}``). A list is a stack of these, each of which
        reads the one before.
    batch_first : bool
        Whether the recurrent module takes (N, L, H_in), as Flax does without ``time_major=True``.
    nonlinearity : "tanh" or "relu"
        Of a ``SimpleCell``: its ``activation_fn``, which the parameters do not tell. That of all
        other cells must be tanh, and their ``gate_fn`` sigmoid.
    epsilon : float, optional
        Of ``LayerNorm`` and ``BatchNorm``. Default: Flax's, 1e-6 and 1e-5.

    Returns
    -------
    Module
        `RNN`, `LSTM` or `GRU`, which also stands for an ``MGUCell``; `Linear`, `Embedding`,
        `LayerNorm` or `BatchNorm1d`; for a dict of layers a `ModuleDict` of them, by their names.
        Its parameters are copies, of the arrays' dtype. Elsewhere one may put them with
        ``load_state_dict(module.state_dict())``.

    Raises
    ------
    ValueError
        An array is missing, has another shape than its layer must have, or a name is unknown.
    TypeError
        `params` is no dict.

    References
    ----------
    https://flax-linen.readthedocs.io/en/latest/api_reference/flax.linen/layers.html

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad.nn.utils.convert import from_flax, to_flax
    >>> rng = np.random.default_rng(0)
    >>> cell = {name: {"kernel": rng.normal(size=(3 if name[0] == "i" else 4, 4))}
    ...         for name in ("ir", "iz", "in", "hr", "hz", "hn")}
    >>> for name in ("ir", "iz", "in", "hn"):  # no more biases than a GRU needs
    ...     cell[name]["bias"] = np.zeros(4)
    >>> gru = from_flax({"params": {"cell": cell}})
    >>> gru
    GRU(3, 4, batch_first=True)
    >>> np.array_equal(to_flax(gru)["cell"]["hz"]["kernel"], cell["hz"]["kernel"])
    True
    """
    if isinstance(params, (list, tuple)):
        found = [
            _recurrent(_plain(part, f"layer {k}"), f"layer {k}") for k, part in enumerate(params)
        ]
        if not found or None in [kind for kind, _ in found]:
            raise ValueError("a list is a stack of recurrent layers: not all of its dicts are such")
        kinds = [kind for kind, _ in found]
        if len(set(kinds)) > 1:
            names = ", ".join([kind.__name__ for kind in kinds if kind])
            raise ValueError(f"a stack has layers of one kind, but these are {names}")
        return _layer(kinds[0], [each for _, each in found], batch_first, nonlinearity)
    tree = _plain(params, "params")
    return _module(tree, "params", batch_first, nonlinearity, epsilon)


def _plain(tree: Any, path: str) -> dict[str, Any]:
    """Nested dicts with strings as keys, with linen's collections laid over each other."""
    if not isinstance(tree, Mapping):
        raise TypeError(f"{path}: expected a dict of parameters, but got {type(tree).__name__}")
    if "params" in tree and set(tree) <= {"params", "batch_stats"}:
        merged = _plain(tree["params"], path)
        return _over(merged, _plain(tree.get("batch_stats", {}), path))
    return {
        str(key): _plain(value, f"{path}[{key!r}]") if isinstance(value, Mapping) else value
        for key, value in tree.items()
        if key != "rngs"  # the state of nnx's generators
    }


def _over(tree: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    for key, value in more.items():
        below = tree.get(key)
        tree[key] = _over(below, value) if isinstance(below, dict) else value
    return tree


def _module(
    tree: dict[str, Any], path: str, batch_first: bool, nonlinearity: str, epsilon: float | None
) -> Any:
    kind, directions = _recurrent(tree, path)
    if kind is not None:
        return _layer(kind, [directions], batch_first, nonlinearity)
    names = set(tree)
    if tree and all(isinstance(value, dict) for value in tree.values()):
        return ModuleDict({
            name: _module(part, f"{path}[{name!r}]", batch_first, nonlinearity, epsilon)
            for name, part in tree.items()
        })  # fmt: skip
    if names == {"embedding"}:
        axes = ("num_embeddings", "features")
        table = checked(f"{path}['embedding']", tree["embedding"], (None, None), axes)
        rows, columns = table.shape
        return fill(Embedding(rows, columns, dtype=dtype_of(table)), {"weight": table})
    if names in ({"kernel"}, {"kernel", "bias"}):
        kernel, bias = _dense(tree, path, None, None, "bias" in names)
        inputs, units = kernel.shape
        linear = Linear(inputs, units, bias=bias is not None, dtype=dtype_of(kernel))
        return fill(linear, {"weight": kernel.T} | ({} if bias is None else {"bias": bias}))
    if names == {"scale", "bias"} or {"mean", "var"} <= names <= {"mean", "var", "scale", "bias"}:
        return _norm(tree, path, epsilon)
    if names == {"scale"}:
        raise ValueError(
            f"{path} has a scale alone, which may be of RMSNorm or of LayerNorm(use_bias=False); "
            "add a bias of zeros for the latter"
        )
    raise ValueError(
        f"{path}: no layer that can be converted has "
        + (", ".join(sorted(names)) or "no parameters")
    )


def _norm(tree: dict[str, Any], path: str, epsilon: float | None) -> Module:
    some = next(iter(tree.values()))
    size = size_of(path, some, 0, ("features",))
    arrays = {
        name: checked(f"{path}[{name!r}]", value, (size,), ("features",))
        for name, value in tree.items()
    }
    weight, bias = arrays.get("scale", np.ones(size)), arrays.get("bias", np.zeros(size))
    dtype = dtype_of(*arrays.values())
    if "mean" not in arrays:
        norm: Any = LayerNorm(size, eps=1e-6 if epsilon is None else epsilon, dtype=dtype)
        return fill(norm, {"weight": weight, "bias": bias})
    norm = BatchNorm1d(size, 1e-5 if epsilon is None else epsilon, momentum=0.01, dtype=dtype)
    return fill(norm, {
        "weight": weight, "bias": bias, "running_mean": arrays["mean"],
        "running_var": arrays["var"], "num_batches_tracked": norm.num_batches_tracked,
    })  # fmt: skip


def _layer(
    kind: Any, layers: list[list[Direction]], batch_first: bool, nonlinearity: str
) -> Module:
    options = {"nonlinearity": nonlinearity} if kind is RNN else {}
    return layer_of(kind, layers, batch_first, **options)


def _recurrent(tree: dict[str, Any], path: str) -> tuple[Any, list[Direction]]:
    """The class here, and the directions of one layer; None if it is no recurrent one."""
    if {"forward_rnn", "backward_rnn"} & set(tree):
        kinds, directions = [], []
        for name in ("forward_rnn", "backward_rnn"):
            if not isinstance(tree.get(name), dict):
                raise ValueError(f"{path}: a Bidirectional needs {name!r}, which is missing")
            kind, found = _recurrent(tree[name], f"{path}[{name!r}]")
            kinds.append(kind)
            directions += found
        if kinds[0] is None or kinds[0] is not kinds[1]:
            raise ValueError(f"{path}: both directions must have recurrent cells of one kind")
        return kinds[0], directions
    if set(tree) == {"cell"} and isinstance(tree["cell"], dict):
        return _recurrent(tree["cell"], f"{path}['cell']")
    if not all(
        isinstance(part, dict) and set(part) <= {"kernel", "bias"} for part in tree.values()
    ):
        return None, []
    named = {name.removesuffix("_"): part for name, part in tree.items()}  # nnx writes "if_"
    if set(named) == {"i", "h"}:
        return _of_gates("SimpleCell", named, path)
    for cell, probes in PROBES.items():
        if len(probes & set(named)) >= (1 if cell == "dense" else 2):  # one may be a Dense's name
            return _of_dense(named, path) if cell == "dense" else _of_gates(cell, named, path)
    return None, []


def _dense(
    tree: dict[str, Any], path: str, inputs: int | None, units: int | None, biased: bool
) -> tuple[np.ndarray, Any]:
    """Kernel and bias of one Dense."""
    for name in ("kernel", "bias") if biased else ("kernel",):
        if name not in tree:
            raise ValueError(f"{path}: {name!r} is missing; there are {', '.join(sorted(tree))}")
    kernel = checked(f"{path}['kernel']", tree["kernel"], (inputs, units), ("inputs", "units"))
    if "bias" not in tree:
        return kernel, None
    return kernel, checked(f"{path}['bias']", tree["bias"], (kernel.shape[1],), ("units",))


def _of_gates(cell: str, tree: dict[str, Any], path: str) -> tuple[Any, list[Direction]]:
    """A cell with a Dense for each gate, of the input ("ir") and of the state ("hr")."""
    needed = {f"{source}{gate}" for source in "ih" for gate in GATES[cell]}
    for names, word in ((needed - set(tree), "is missing"), (set(tree) - needed, "is unknown")):
        if names:
            raise ValueError(f"{path}: {', '.join(sorted(names))} {word} in a {cell}")
    first = f"h{GATES[cell][0]}"
    hidden = len(_dense(tree[first], f"{path}[{first!r}]", None, None, False)[0])
    zeros = np.zeros(hidden)
    inputs = None
    arrays: dict[str, list[np.ndarray]] = {"ih": [], "hh": [], "b_ih": [], "b_hh": []}
    open_gate = False
    for gate in GATES[cell]:
        where = f"{path}['i{gate}']"
        kernel, bias = _dense(tree[f"i{gate}"], where, inputs, hidden, cell != "LSTMCell")
        inputs = len(kernel)
        needs_bias = cell == "LSTMCell" or (cell == "GRUCell" and gate == "n")
        where = f"{path}['h{gate}']"
        recurrent, b_hh = _dense(tree[f"h{gate}"], where, hidden, hidden, needs_bias)
        open_gate |= cell == "MGUCell" and gate == "n" and b_hh is None
        for name, array in (("ih", kernel.T), ("hh", recurrent.T), ("b_ih", bias), ("b_hh", b_hh)):
            arrays[name].append(zeros.astype(kernel.dtype) if array is None else array)
    if cell == "MGUCell":
        arrays = {name: _reset_of(name, f, n, open_gate) for name, (f, n) in arrays.items()}
    w_ih, w_hh, b_ih, b_hh = [np.concatenate(blocks) for blocks in arrays.values()]
    kind = {"LSTMCell": LSTM, "SimpleCell": RNN}.get(cell, GRU)
    return kind, [{"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}]


def _reset_of(name: str, f: np.ndarray, n: np.ndarray, open_gate: bool) -> list[np.ndarray]:
    """A GRU's r, z, n: Flax's MGU is one whose r and z are both f, or whose r is 1."""
    if not open_gate:
        return [f, f, n]
    return [np.full_like(f, OPEN if name == "b_ih" else 0), f, n]


def _of_dense(tree: dict[str, Any], path: str) -> tuple[Any, list[Direction]]:
    """An nnx cell with one Linear for all gates of the input, and one for those of the state."""
    for name in ("dense_i", "dense_h"):
        if name not in tree:
            raise ValueError(f"{path}: {name!r} is missing; there are {', '.join(sorted(tree))}")
    recurrent, b_hh = _dense(tree["dense_h"], f"{path}['dense_h']", None, None, False)
    hidden, columns = recurrent.shape
    kind = {1: RNN, 3: GRU, 4: LSTM}.get(columns // hidden if columns % hidden == 0 else 0)
    if kind is None:
        raise ValueError(
            f"{path}['dense_h']['kernel']: axis 1 (gates * hidden) has size {columns}, which is "
            f"not 1, 3 or 4 times axis 0 (hidden), {hidden}: got shape {list(recurrent.shape)}"
        )
    where = f"{path}['dense_i']"
    kernel, b_ih = _dense(tree["dense_i"], where, None, columns, kind is not LSTM)
    if kind is LSTM and b_hh is None:
        raise ValueError(f"{path}['dense_h']: 'bias' is missing")
    zeros = np.zeros(columns, kernel.dtype)
    return kind, [{
        "weight_ih": kernel.T, "weight_hh": recurrent.T,
        "bias_ih": zeros if b_ih is None else b_ih, "bias_hh": zeros if b_hh is None else b_hh,
    }]  # fmt: skip


def to_flax(module: Any, api: str = "linen") -> Any:
    """The parameters of a module, in nested dicts as Flax has them.

    An `RNN` is for Flax's ``SimpleCell``, with ``activation_fn`` relu where the module's is; an
    `LSTM` for ``OptimizedLSTMCell`` (in linen for ``LSTMCell`` as well); a `GRU` for ``GRUCell``,
    an `MGU` for a ``GRUCell`` that computes the same. Of two biases that are added up, Flax has the
    sum; biases that are left out are zeros there.

    Parameters
    ----------
    module : Module
        `RNN`, `LSTM`, `GRU`, `MGU` or a cell of these, `Linear`, `Embedding`, `LayerNorm` or
        `BatchNorm1d`.
    api : "linen" or "nnx"
        Whose names: linen has a Dense for each gate, nnx one for all.

    Returns
    -------
    dict of dict of ndarray
        For a layer ``{"cell": ...}``, as ``RNN(cell)`` has it, for two directions as
        ``Bidirectional`` has it; of several layers a list of these. For a cell, the cell's. A
        `BatchNorm1d` gives linen's collections ``{"params": ..., "batch_stats": ...}``.

    Raises
    ------
    TypeError
        Flax has no such layer.
    ValueError
        A module has an option that Flax does not have: ``reset_after=False``, layer_norm, zoneout,
        residual, learn_initial_state, peephole, proj_size; or, for nnx, whose ``GRUCell`` has no
        bias inside the reset gate, a GRU whose ``bias_hh`` is not zero there.

    Examples
    --------
    >>> import minigrad as mg
    >>> sorted(mg.nn.utils.convert.to_flax(mg.nn.GRU(3, 4))["cell"])
    ['hn', 'hr', 'hz', 'in', 'ir', 'iz']
    >>> linear = mg.nn.utils.convert.to_flax(mg.nn.Linear(3, 4))
    >>> {name: array.shape for name, array in linear.items()}
    {'kernel': (3, 4), 'bias': (4,)}
    """
    if api not in ("linen", "nnx"):
        raise ValueError(f"api should be 'linen' or 'nnx', got {api!r}")
    if isinstance(module, (Linear, Embedding, LayerNorm, BatchNorm1d)):
        return _leaf(module, api)
    layers = []
    for directions in directions_of(module, "Flax"):
        cells = [_cell(module, direction, api) for direction in directions]
        if isinstance(module, (RNNCell, LSTMCell, GRUCell, MGUCell)):
            return cells[0]
        wrapped = [{"cell": cell} for cell in cells]
        both = len(wrapped) == 2
        layers.append(dict(zip(("forward_rnn", "backward_rnn"), wrapped)) if both else wrapped[0])
    return layers[0] if len(layers) == 1 else layers


def _leaf(module: Any, api: str) -> dict[str, Any]:
    if isinstance(module, Embedding):
        return {"embedding": _copy(module.weight)}
    if isinstance(module, Linear):
        named = {"kernel": module.weight.T, "bias": module.bias}
    else:
        named = {"scale": module.weight, "bias": module.bias}
    found: dict[str, Any] = {name: _copy(t) for name, t in named.items() if t is not None}
    if not isinstance(module, BatchNorm1d):
        return found
    if module.running_mean is None:
        raise ValueError("BatchNorm1d with track_running_stats=False: Flax's keeps them")
    stats = {"mean": _copy(module.running_mean), "var": _copy(module.running_var)}
    return {"params": found, "batch_stats": stats} if api == "linen" else found | stats


def _cell(module: Any, direction: Direction, api: str) -> dict[str, Any]:
    """The parameters of one cell."""
    if module.recurrence.name.endswith("reset_before"):
        raise ValueError(
            f"{type(module).__name__} with reset_after=False: Flax's GRUCell applies its reset "
            "gate after the product with h"
        )
    w_ih, w_hh = direction["weight_ih"], direction["weight_hh"]
    b_ih, b_hh = direction["bias_ih"], direction["bias_hh"]
    hidden = w_hh.shape[1]
    gates = len(w_hh) // hidden
    biases = {"h" if gates == 4 else "i": b_ih + b_hh}
    if gates == 3:  # what is inside the reset gate stays apart
        inside = slice(2 * hidden, None)
        biases["i"][inside] = b_ih[inside]
        if api == "linen":
            biases["h"] = b_hh
        elif b_hh[inside].any():
            raise ValueError(
                "bias_hh of the gate n is not zero, and nnx's GRUCell has no bias there; linen's "
                "has"
            )
    weights = {"i": w_ih, "h": w_hh}
    if api == "nnx":
        return {f"dense_{s}": _named(w, biases.get(s)) for s, w in weights.items()}
    names = next(names for names in GATES.values() if len(names) == gates)
    cell = {}
    for source, weight in weights.items():
        for k, gate in enumerate(names):
            rows = slice(k * hidden, (k + 1) * hidden)
            there = source in biases and (source == "i" or gates != 3 or gate == "n")
            cell[f"{source}{gate}"] = _named(weight[rows], biases[source][rows] if there else None)
    return cell


def _named(weight: np.ndarray, bias: np.ndarray | None) -> dict[str, np.ndarray]:
    found = {"kernel": np.ascontiguousarray(weight.T)}
    return found if bias is None else found | {"bias": bias.copy()}


def _copy(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().array, order="C")
