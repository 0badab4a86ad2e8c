"""Regenerate ``pickles/``: what an earlier minigrad pickled, which later ones have to load.

    python tests/golden/make_pickles.py

A pickle names modules, and modules move. The files here were written when ``minigrad.size``,
``minigrad.creation`` and the like were files of their own, which they are no longer (see
`minigrad.moved`). That is the point of them: do not write them again with a later version, which
would only write the new names, but write further ones, under another name.

``pickles/*.pkl`` are pickles; ``whole.pt`` and ``finfo.pt`` are files of ``minigrad.save`` that have
whole modules in them, and an object of a class that has moved since; ``facts.json`` says what is in all of them, in words (`describe`), and which public names each
module had at that time.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import pickle
import runpy
import sys
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent
FOLDER = GOLDEN / "pickles"
checkpoints = runpy.run_path(str(GOLDEN / "make_checkpoints.py"))

RECURRENT = {
    "RNN": lambda nn: nn.RNN(2, 3, nonlinearity="relu"),
    "LSTM": lambda nn: nn.LSTM(2, 3, batch_first=True, bidirectional=True, proj_size=2),
    "GRU": lambda nn: nn.GRU(2, 3, num_layers=2, dropout=0.5),
    "JANET": lambda nn: nn.JANET(2, 3),
    "IndRNN": lambda nn: nn.IndRNN(2, 3),
    "ResidualIndRNN": lambda nn: nn.ResidualIndRNN(2, 3, num_blocks=1),
    "DenseIndRNN": lambda nn: nn.DenseIndRNN(2, 2, (1,), bottleneck=1),
    "RNNCell": lambda nn: nn.RNNCell(2, 3),
    "LSTMCell": lambda nn: nn.LSTMCell(2, 3),
    "GRUCell": lambda nn: nn.GRUCell(2, 3),
    "JANETCell": lambda nn: nn.JANETCell(2, 3),
    "IndRNNCell": lambda nn: nn.IndRNNCell(2, 3),
}
OTHERS = {
    "Sequential": lambda nn: nn.Sequential(
        nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.25), nn.LayerNorm(3), nn.Flatten()
    ),
    "BatchNorm1d": lambda nn: nn.BatchNorm1d(3).eval(),
    "Embedding": lambda nn: nn.Embedding(3, 2, padding_idx=0),
    "ModuleDict": lambda nn: nn.ModuleDict({"a": nn.ModuleList([nn.RMSNorm(2)]), "b": nn.ReLU()}),
    "CrossEntropyLoss": lambda nn: nn.CrossEntropyLoss(label_smoothing=0.25),
    "LazyLinear": lambda nn: nn.LazyLinear(2),
}


def tensors(mg: Any) -> dict[str, Any]:
    """Tensors, parameters, and those with something of their own."""
    noted = mg.tensor([1.5, -2.0], requires_grad=True)
    noted.note = "mine"
    base = mg.arange(6.0).reshape(2, 3)
    return {
        "noted": noted,
        "transposed": base.t(),
        "mask": base > 2,
        "scalar": mg.tensor(7),
        "empty": mg.empty(0, 2, dtype=mg.float64),
        "half": mg.ones(2).half(),
        "parameter": mg.nn.Parameter(mg.tensor([0.5])),
        "buffer": mg.nn.Buffer(mg.tensor([2]), persistent=False),
        "packed": mg.nn.utils.rnn.pack_sequence([mg.ones(2, 1), mg.zeros(1, 1)]),
    }


def kinds(mg: Any) -> dict[str, Any]:
    """What tensors say of themselves."""
    return {
        "size": mg.Size([2, 3]),
        "dtypes": [getattr(mg, name) for name in (*checkpoints["DTYPES"], "bfloat16", "cfloat")],
        "devices": [mg.device("cpu"), mg.device("cpu:0")],
        "layout": mg.strided,
        "storage": mg.arange(3).storage(),
        "finfo": mg.finfo(mg.float32),
        "options": sys.modules["minigrad.printing"].PrintOptions(precision=2),
    }


def generators(mg: Any) -> dict[str, Any]:
    """Streams, in the middle of a pair of normal numbers; one knows tensors, the other does not."""
    streams = {"tensors": mg.Generator(), "arrays": mg.random.Generator()}
    for generator in streams.values():
        generator.manual_seed(5).normal(3)
    return streams


def modules(mg: Any) -> dict[str, Any]:
    """Whole modules."""
    made = {name: make(mg.nn) for name, make in {**RECURRENT, **OTHERS}.items()}
    for name in set(made) - {"LazyLinear"}:  # which has no values yet
        checkpoints["with_values"](made[name], mg)
    return made


def optimizers(mg: Any) -> dict[str, Any]:
    """Whole optimizers, with a scheduler, after a step."""
    found = {}
    for name in checkpoints["OPTIMIZERS"]:
        optimizer, param = checkpoints["optimizer_of"](mg, name)
        checkpoints["take_steps"](optimizer, param, 1)
        found[name] = optimizer
    decaying = checkpoints["optimizer_of"](mg, "SGD")[0]
    found["StepLR"] = mg.optim.lr_scheduler.StepLR(decaying, 2)
    return found


def data(mg: Any) -> dict[str, Any]:
    """Datasets and samplers."""
    pairs = mg.utils.data.TensorDataset(mg.ones(3, 1), mg.arange(3))
    return {
        "dataset": pairs,
        "part": mg.utils.data.Subset(pairs, [2, 0]),
        "sampler": mg.utils.data.SequentialSampler(pairs),
        "partial": functools.partial(mg.zeros, 2),
    }


def functions(mg: Any) -> dict[str, Any]:
    """All public functions and classes, by their names; a pickle refers to them by module."""
    found = {}
    for room in ("", ".autograd", ".nn", ".nn.functional", ".nn.init", ".optim", ".utils.data"):
        module = sys.modules[f"minigrad{room}"]
        for name, value in vars(module).items():
            mine = str(getattr(value, "__module__", "")).startswith("minigrad")
            if not name.startswith("_") and callable(value) and mine:
                found[f"{room}.{name}".lstrip(".")] = value
    return found


GROUPS = {
    "tensors": tensors, "kinds": kinds, "generators": generators, "modules": modules,
    "optimizers": optimizers, "data": data, "functions": functions,
}  # fmt: skip


def describe(thing: Any) -> Any:
    """A thing in plain words and rounded numbers, as JSON has them."""
    kind = type(thing).__name__
    if isinstance(thing, float):
        return float(f"{thing:.4g}")
    if isinstance(thing, (bool, int, str, type(None))):
        return thing
    if isinstance(thing, dict):
        return {str(k): describe(v) for k, v in thing.items()}
    if isinstance(thing, list) or type(thing) is tuple:
        return [describe(x) for x in thing]
    if hasattr(thing, "state_dict"):
        return [kind, getattr(thing, "training", None), describe(thing.state_dict())]
    if "Uninitialized" in kind:
        return kind
    if hasattr(thing, "requires_grad"):
        about = [kind, str(thing.dtype), thing.requires_grad, list(thing.stride())]
        return [*about, describe(thing.tolist()), getattr(thing, "note", None)]
    if hasattr(thing, "initial_seed"):
        return [kind, thing.initial_seed(), describe(thing.normal(2).tolist())]
    if isinstance(thing, functools.partial):
        return [thing.func.__name__, describe(thing())]
    if hasattr(thing, "__iter__") and kind != "Size":
        return [kind, [describe(x) for x in thing]]
    if hasattr(thing, "__getitem__") and kind != "Size":
        return [kind, [describe(thing[k]) for k in range(len(thing))]]
    return repr(thing)


def names_of_modules(package: Path) -> dict[str, list[str]]:
    """For each module at the top and in ``nn``: the public names that it defines."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        if path.stem.startswith("_") or not (name.count(".") == 1 or ".nn." in name):
            continue
        module, defined = importlib.import_module(name), set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined.add(node.name)
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                parts = [] if target is None else ast.walk(target)
                defined |= {part.id for part in parts if isinstance(part, ast.Name)}
        found[name] = sorted(n for n in defined if not n.startswith("_") and hasattr(module, n))
    return found


def main() -> None:
    """Write all files with the minigrad that is installed."""
    import minigrad as mg

    FOLDER.mkdir(exist_ok=True)
    facts: dict[str, Any] = {}
    for name, make in GROUPS.items():
        pickled = pickle.dumps(make(mg), protocol=4)
        (FOLDER / f"{name}.pkl").write_bytes(pickled)
        if name != "functions":  # which are what they are
            facts[name] = describe(pickle.loads(pickled))
    mg.save(checkpoints["whole"](mg), FOLDER / "whole.pt")
    mg.save(mg.finfo(mg.float32), FOLDER / "finfo.pt")
    facts["whole"] = describe(mg.load(FOLDER / "whole.pt", weights_only=False))
    facts["names"] = names_of_modules(Path(mg.__file__).parent)
    text = json.dumps(facts, ensure_ascii=False).replace('"minigrad.', '\n"minigrad.')
    (FOLDER / "facts.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
