"""Regenerate ``checkpoints/``: files written by PyTorch 2.13, and by minigrad for it to read.

    python tests/golden/make_checkpoints.py

needs torch (and nothing of minigrad): it writes ``torch_*.pt``, which `tests/test_serialization.py`
loads into minigrad, and checks that PyTorch loads ``minigrad_*.pt``, all with ``weights_only``. The
test checks in turn that minigrad still writes these. After a change of what minigrad writes,

    python tests/golden/make_checkpoints.py minigrad

with minigrad installed writes them again; then run the first command once more.

What is saved is said here once, with a namespace `t` that is PyTorch or minigrad.
"""

from __future__ import annotations

import copy
import importlib
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from facts import numbers

FOLDER = Path(__file__).with_name("checkpoints")
DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


def tensors(t: Any) -> dict[str, Any]:
    """One of each kind of data that a checkpoint can have."""
    base = t.arange(12.0).reshape(3, 4)
    weight = t.nn.Parameter(t.tensor([[0.5, -1.5]]))
    frozen = t.nn.Parameter(t.tensor([1, 2]), requires_grad=False)
    return {
        **{name: t.tensor([1, 0, 3]).to(getattr(t, name)) for name in DTYPES},
        "base": base,
        "row": base[1],
        "column": base[:, 1],
        "every other": base[::2, 1::2],
        "transposed": base.t(),
        "expanded": t.ones(1, 3).expand(2, 3),
        "scalar": t.tensor(2.5, dtype=t.float64),
        "empty": t.empty(0),
        "special": t.tensor([t.inf, -t.inf, t.nan, -0.0]),
        "leaf": t.tensor([1.0], requires_grad=True),
        "computed": weight * 2,
        "parameter": weight,
        "the same parameter": weight,
        "its data": weight.detach(),
        "frozen": frozen,
        "buffer": t.nn.Buffer(t.ones(2), persistent=False),
        "size": t.Size([2, 3]),
        "empty size": t.Size([]),
        "dtypes": [getattr(t, name) for name in DTYPES],
        "devices": [t.device("cpu"), t.device("cpu:0")],
        "ints": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**80, -(2**80)],
        "floats": [0.1, -0.0, float("inf"), 1e300],
        "constants": (None, True, False, ()),
        "texts": ["", "é", "日本", "a\nb", "x" * 300],
        "bytes": [b"ab\xff\x00", bytearray(b"\x01\xfe")],
        "complex": 1 - 2j,
        "set": {1},
        "counter": Counter("aab"),
        "nested": OrderedDict([("a", [{"b": ({}, [])}]), (1, 2), ((3, "c"), None)]),
    }


def with_values(module: Any, t: Any) -> Any:
    """`module`, with its parameters and buffers set to given numbers."""
    for k, (name, tensor) in enumerate(module.state_dict().items()):
        values = numbers(k, *tensor.shape, dtype="float32")
        values = abs(values) if "var" in name else values
        tensor.copy_(t.from_numpy(np.asarray(values)).to(tensor.dtype))
    return module


MODULES: dict[str, Callable[[Any], Any]] = {
    "RNN": lambda nn: nn.RNN(2, 3),
    "LSTM": lambda nn: nn.LSTM(2, 3, num_layers=2, bidirectional=True),
    "LSTM with a projection": lambda nn: nn.LSTM(2, 3, proj_size=2),
    "GRU without biases": lambda nn: nn.GRU(2, 3, bias=False),
    "RNNCell": lambda nn: nn.RNNCell(2, 3),
    "LSTMCell": lambda nn: nn.LSTMCell(2, 3),
    "GRUCell": lambda nn: nn.GRUCell(2, 3),
    "Linear": lambda nn: nn.Linear(2, 3),
    "Embedding": lambda nn: nn.Embedding(3, 2, padding_idx=0),
    "EmbeddingBag": lambda nn: nn.EmbeddingBag(3, 2),
    "MultiheadAttention": lambda nn: nn.MultiheadAttention(2, 1, kdim=3, add_bias_kv=True),
    "Transformer": lambda nn: nn.Transformer(2, 1, 1, 1, 3),
    "BatchNorm1d": lambda nn: nn.BatchNorm1d(3),
    "LayerNorm": lambda nn: nn.LayerNorm(3),
    "RMSNorm": lambda nn: nn.RMSNorm(3),
    "Sequential": lambda nn: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout()),
    "ModuleList": lambda nn: nn.ModuleList([nn.Linear(1, 2), nn.Linear(2, 1, bias=False)]),
    "ModuleDict": lambda nn: nn.ModuleDict({"a": nn.Linear(1, 2), "b": nn.ReLU()}),
    "CrossEntropyLoss": lambda nn: nn.CrossEntropyLoss(weight=with_shape(nn, 3)),
    "NLLLoss": lambda nn: nn.NLLLoss(weight=with_shape(nn, 3)),
    "ParameterList": lambda nn: nn.ParameterList([nn.Parameter(with_shape(nn, 2))]),
    "ParameterDict": lambda nn: nn.ParameterDict({"a": nn.Parameter(with_shape(nn, 2))}),
}


def with_shape(nn: Any, n: int) -> Any:
    """A tensor of n entries, to be filled later."""
    return nn.Linear(1, n).weight.detach().reshape(n)


def modules(t: Any) -> dict[str, Any]:
    """The state dict of each module."""
    return {name: with_values(make(t.nn), t).state_dict() for name, make in MODULES.items()}


OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"momentum": 0.9}),
    "SGD without momentum": ("SGD", {}),
    "Adam": ("Adam", {"amsgrad": True}),
    "AdamW": ("AdamW", {}),
    "RMSprop": ("RMSprop", {"momentum": 0.5, "centered": True}),
    "Adagrad": ("Adagrad", {}),
    "Adadelta": ("Adadelta", {}),
    "Adamax": ("Adamax", {}),
    "NAdam": ("NAdam", {}),
    "RAdam": ("RAdam", {}),
    "Rprop": ("Rprop", {}),
    "ASGD": ("ASGD", {}),
    "LBFGS": ("LBFGS", {"max_iter": 3}),
}


def optimizer_of(t: Any, name: str) -> tuple[Any, list[Any]]:
    """A new optimizer, and its parameter."""
    cls, options = OPTIMIZERS[name]
    param = t.nn.Parameter(t.from_numpy(numbers(0, 3, dtype="float32")))
    return getattr(t.optim, cls)([param], lr=0.1, **options), param


def take_steps(optimizer: Any, param: Any, count: int) -> None:
    """Descend into a bowl."""

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((param - 0.3) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(count):
        optimizer.step(closure)


def optimizers(t: Any) -> dict[str, Any]:
    """For each optimizer: the parameter and the state dict after 3 steps, the former after 6."""
    results = {}
    for name in OPTIMIZERS:
        optimizer, param = optimizer_of(t, name)
        take_steps(optimizer, param, 3)
        state = copy.deepcopy(optimizer.state_dict())
        now = param.tolist()
        take_steps(optimizer, param, 3)
        results[name] = {"param": now, "state": state, "later": param.tolist()}
    return results


def resume(t: Any, name: str, saved: dict[str, Any]) -> tuple[Any, Any]:
    """A new optimizer and its parameter, as they were when saved."""
    optimizer, param = optimizer_of(t, name)
    with t.no_grad():
        param.copy_(t.tensor(saved["param"]))
    optimizer.load_state_dict(saved["state"])
    return optimizer, param


def whole(t: Any) -> dict[str, Any]:
    """Whole modules, with what they compute."""
    floats = t.from_numpy(numbers(1, 4, 5, 2, dtype="float32"))
    indices = t.tensor([[0, 2], [1, 1]])
    makers = {
        "lstm": (lambda nn: nn.LSTM(2, 3, batch_first=True, bidirectional=True), floats),
        "gru": (lambda nn: nn.GRU(2, 3, num_layers=2), floats),
        "rnn": (lambda nn: nn.RNN(2, 3, nonlinearity="relu"), floats),
        "cell": (lambda nn: nn.LSTMCell(2, 3), floats[0]),
        "transformer": (
            lambda nn: nn.TransformerEncoderLayer(5, 1, 3, 0.0, activation="gelu"),
            floats.reshape(4, 2, 5),
        ),
        "norm": (lambda nn: nn.BatchNorm1d(5).eval(), floats),
        "words": (
            lambda nn: nn.Sequential(
                nn.Embedding(3, 2), nn.Linear(2, 3), nn.Tanh(), nn.LayerNorm(3), nn.Dropout(0.0)
            ),
            indices,
        ),
    }
    results = {}
    for name, (make, x) in makers.items():
        module = with_values(make(t.nn), t)
        output = module(x)
        output = output[0] if isinstance(output, tuple) else output
        results[name] = {"module": module, "input": x, "output": output.detach()}
    return results


SCENES = {"tensors": tensors, "modules": modules, "optimizers": optimizers}


# ------------------------------------------------------------------------------------------------
# Comparing
# ------------------------------------------------------------------------------------------------


def describe(thing: Any) -> Any:
    """A thing in plain words, the same for PyTorch's and minigrad's."""
    kind = type(thing).__name__
    if hasattr(thing, "requires_grad"):
        kind = "Parameter" if kind == "Parameter" else "Buffer" if is_buffer(thing) else "Tensor"
        array = thing.detach().numpy()
        flags = thing.requires_grad, thing.stride() if array.size else ()
        return kind, str(thing.dtype), thing.shape, flags, [repr(x) for x in array.ravel().tolist()]
    if isinstance(thing, dict):
        items = [(describe(k), describe(v)) for k, v in thing.items()]
        return kind, items, describe(getattr(thing, "_metadata", None))
    if isinstance(thing, (list, tuple)):
        return kind, [describe(x) for x in thing]
    return kind, repr(thing)


def is_buffer(tensor: Any) -> bool:
    """Whether a tensor is marked as a module's buffer."""
    return type(tensor).__name__ == "Buffer" or getattr(tensor, "_is_buffer", False)


def check_modules(t: Any, loaded: dict[str, Any]) -> None:
    """Check that modules take loaded state dicts."""
    for name, make in MODULES.items():
        module = make(t.nn)
        assert str(module.load_state_dict(loaded[name])) == "<All keys matched successfully>"
        assert describe(module.state_dict()) == describe(loaded[name]), name


def check_optimizers(t: Any, loaded: dict[str, Any]) -> None:
    """Check that optimizers take loaded state dicts, and go on where they stopped."""
    for name in OPTIMIZERS:
        saved = loaded[name]
        optimizer, param = resume(t, name, saved)
        assert describe(optimizer.state_dict()) == describe(saved["state"]), name
        take_steps(optimizer, param, 3)
        np.testing.assert_allclose(param.tolist(), saved["later"], 1e-5, err_msg=name)


# ------------------------------------------------------------------------------------------------
# Making
# ------------------------------------------------------------------------------------------------


def main() -> None:
    """Write PyTorch's files and read minigrad's."""
    import torch

    assert torch.__version__.startswith("2.13"), torch.__version__
    FOLDER.mkdir(exist_ok=True)
    for name, scene in {**SCENES, "whole": whole}.items():
        torch.save(scene(torch), FOLDER / f"torch_{name}.pt")

    two = torch.ones(2)
    torch.save(two.bfloat16(), FOLDER / "torch_bfloat16.pt")
    torch.save(torch.bfloat16, FOLDER / "torch_dtype.pt")
    torch.save(two.to(torch.complex64), FOLDER / "torch_complex.pt")
    torch.save(two.to(torch.complex64).conj(), FOLDER / "torch_conjugate.pt")
    torch.save(two.to_sparse(), FOLDER / "torch_sparse.pt")
    torch.save(torch.nn.Conv2d(1, 1, 1), FOLDER / "torch_conv.pt")
    torch.save({"a": two}, FOLDER / "torch_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"a": two}, FOLDER / "torch_protocol4.pt", pickle_protocol=4)
    torch.jit.script(torch.nn.Identity()).save(FOLDER / "torch_script.pt")
    tagged = torch.ones(2)
    tagged.note = "attributes are not kept"
    torch.save(tagged, FOLDER / "torch_attributes.pt")
    torch.serialization.set_crc32_options(False)
    torch.save({"a": two}, FOLDER / "torch_no_checksums.pt")

    loaded = {name: torch.load(FOLDER / f"minigrad_{name}.pt") for name in SCENES}
    assert describe(loaded["tensors"]) == describe(tensors(torch))
    assert describe(loaded["modules"]) == describe(modules(torch))
    same_memory = [loaded["tensors"][name] for name in ("base", "row", "column", "transposed")]
    assert len({tensor.untyped_storage().data_ptr() for tensor in same_memory}) == 1
    assert loaded["tensors"]["parameter"] is loaded["tensors"]["the same parameter"]
    check_modules(torch, loaded["modules"])
    check_optimizers(torch, loaded["optimizers"])
    for name in SCENES:  # memory begins where it can be mapped
        torch.load(FOLDER / f"minigrad_{name}.pt", mmap=True)


def main_minigrad() -> None:
    """Write minigrad's files."""
    minigrad = importlib.import_module("minigrad")
    FOLDER.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        minigrad.save(scene(minigrad), FOLDER / f"minigrad_{name}.pt")


if __name__ == "__main__":
    main_minigrad() if sys.argv[1:] == ["minigrad"] else main()
