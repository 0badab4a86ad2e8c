"""Regenerate ``recurrent.npz``: what PyTorch 2.13 computes in recurrent layers and cells.

    python tests/golden/make_recurrent.py

needs torch. Besides, it checks the claims below against PyTorch.

Layers have more options than can be combined with each other and stored. So the combinations are
drawn, for each module, until every two values of different options have met in one of them.
"""

from __future__ import annotations

import itertools
import runpy
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "recurrent.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

T, N, I, H, P = 5, 3, 3, 4, 2  # noqa: E741 - the field's letters
LENGTHS = {"sorted": [5, 3, 1], "unsorted": [2, 5, 2]}

LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn_tanh": ("RNN", {}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm_proj": ("LSTM", {"proj_size": P}),
    "gru": ("GRU", {}),
}
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn_tanh": ("RNNCell", {}),
    "rnn_relu": ("RNNCell", {"nonlinearity": "relu"}),
    "lstm": ("LSTMCell", {}),
    "gru": ("GRUCell", {}),
}


def listed(states: Any) -> list[Any]:
    """The states that a layer or cell returned, one or two."""
    return list(states) if isinstance(states, tuple) else [states]


def given(states: Sequence[Any]) -> Any:
    """States as a layer or cell takes them."""
    return states[0] if len(states) == 1 else tuple(states)


# ------------------------------------------------------------------------------------------------
# Which cases
# ------------------------------------------------------------------------------------------------

OPTIONS: dict[str, tuple[Any, ...]] = {
    "num_layers": (1, 2, 3),
    "bidirectional": (False, True),
    "bias": (True, False),
    "batch_first": (False, True),
    "batch": ("padded", "single", *LENGTHS),  # single: one sequence, no batch axis
    "hx": (True, False),
    "use": ("all", "output", "h_n", "part"),  # what the loss is made of
    "dtype": ("float32", "float64"),
}
CELL_OPTIONS = {
    "bias": (True, False),
    "hx": (True, False),
    "batch": ("padded", "single"),
    "dtype": ("float32", "float64"),
}


def combinations(options: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Few combinations in which every two values of different options meet."""
    random = np.random.RandomState(11)
    choices = list(itertools.product(*options.values()))
    pairs = [
        set(itertools.combinations(zip(options, values), 2)) for values in choices
    ]  # of a name and a value each
    missing = set().union(*pairs)
    chosen = []
    while missing:
        some = random.randint(len(choices), size=60)
        best = max(some, key=lambda k: len(missing & pairs[k]))
        if missing & pairs[best]:
            missing -= pairs[best]
            chosen.append(dict(zip(options, choices[best])))
    return chosen


def name_of(*parts: str, **case: Any) -> str:
    """What a case is called; the dtype comes last."""
    marks = [
        name if value is True else f"{name}={value}"
        for name, value in case.items()
        if value is not False and name != "dtype"
    ]
    return "-".join([*parts, *marks, case["dtype"]])


def layer_cases() -> dict[str, dict[str, Any]]:
    """The combinations for each module."""
    cases = {}
    for kind, (module, _) in LAYERS.items():
        options = dict(OPTIONS)
        if module == "LSTM":
            options["use"] = (*OPTIONS["use"], "c_n")
        for case in combinations(options):
            cases[name_of(kind, **case)] = {"kind": kind, **case}
    return cases


def cell_cases() -> dict[str, dict[str, Any]]:
    """The combinations for each cell."""
    return {
        name_of("cell", kind, **case): {"kind": kind, **case}
        for kind in CELLS
        for case in combinations(CELL_OPTIONS)
    }


# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def gradients(t: Any, outputs: Sequence[Any], leaves: dict[str, Any], dtype: str) -> dict[str, Any]:
    """The gradients of named leaves for given gradients of some outputs."""
    above = [t.tensor(facts.numbers(5 + k, *y.shape, dtype=dtype)) for k, y in enumerate(outputs)]
    grads = t.autograd.grad(outputs, list(leaves.values()), above, allow_unused=True)
    # what nothing depends on (a layer above the state in use) has no gradient here and there
    return {
        f"d_{name}": np.zeros(tuple(leaf.shape), dtype) if g is None else facts.array(g)
        for (name, leaf), g in zip(leaves.items(), grads)
    }


def run_layer(
    t: Any, kind: str, num_layers: int, bidirectional: bool, bias: bool, batch_first: bool,
    batch: str, hx: bool, use: str, dtype: str,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Outputs, and the gradients of everything."""
    module, own = LAYERS[kind]
    t.manual_seed(num_layers)
    layer = getattr(t.nn, module)(
        I, H, num_layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional,
        dtype=getattr(t, dtype), **own,
    )  # fmt: skip

    def leaf(seed: int, *shape: int) -> Any:
        return t.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)

    rows = () if batch == "single" else (N,)
    x = leaf(1, *((N, T) if batch_first and rows else (T, *rows)), I)
    places = num_layers * (2 if bidirectional else 1)
    sizes = [own.get("proj_size", H), H] if module == "LSTM" else [H]
    states = [leaf(2 + k, places, *rows, size) for k, size in enumerate(sizes)] if hx else []
    input = x
    if batch in LENGTHS:
        input = t.nn.utils.rnn.pack_padded_sequence(
            x, LENGTHS[batch], batch_first=batch_first, enforce_sorted=batch == "sorted"
        )
    output, ends = layer(input, given(states)) if hx else layer(input)
    output, ends = output.data if batch in LENGTHS else output, listed(ends)
    used = {
        "all": [output, *ends],
        "output": [output],
        "h_n": ends[:1],
        "c_n": ends[-1:],
        "part": [output[..., 1:, 1:]],
    }[use]
    leaves = {**dict(layer.named_parameters()), "x": x, **dict(zip(("h_0", "c_0"), states))}
    results = {"output": output, **dict(zip(("h_n", "c_n"), ends))}
    return {name: facts.array(y) for name, y in results.items()} | gradients(t, used, leaves, dtype)


def run_cell(
    t: Any, kind: str, bias: bool, hx: bool, batch: str, dtype: str
) -> dict[str, np.ndarray]:
    """Three steps with one cell: parameters from a seed, states, and the gradients of everything."""
    module, own = CELLS[kind]
    t.manual_seed(4)
    cell = getattr(t.nn, module)(I, H, bias, dtype=getattr(t, dtype), **own)

    def leaf(seed: int, *shape: int) -> Any:
        return t.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)

    rows = () if batch == "single" else (N,)
    x = leaf(1, 3, *rows, I)
    states = [leaf(2 + k, *rows, H) for k in range(2 if module == "LSTMCell" else 1)] if hx else []
    first = cell(x[0], given(states)) if hx else cell(x[0])
    third = cell(x[2], cell(x[1], first))
    parameters = dict(cell.named_parameters())
    results = {name: facts.array(p) for name, p in parameters.items()}
    outputs = [*listed(first), *listed(third)]
    results |= {f"state {k}": facts.array(y) for k, y in enumerate(outputs)}
    leaves = {**parameters, "x": x, **dict(zip(("h_0", "c_0"), states))}
    return results | gradients(t, outputs, leaves, dtype)


def run_parameters(
    t: Any, kind: str, num_layers: int, bidirectional: bool, bias: bool, dtype: str
) -> dict[str, np.ndarray]:
    """The initial parameters from a seed, and where they leave the stream of random numbers."""
    module, own = LAYERS[kind]
    t.manual_seed(21)
    layer = getattr(t.nn, module)(
        I, H, num_layers, bias=bias, bidirectional=bidirectional, dtype=getattr(t, dtype), **own
    )
    results = {name: facts.array(p) for name, p in layer.named_parameters()}
    return results | {"next": facts.array(t.rand(3, dtype=getattr(t, dtype)))}


PARAMETER_CASES = {
    name_of("parameters", kind, **case): {"kind": kind, **case}
    for kind in LAYERS
    for case in (
        {"num_layers": 1, "bidirectional": False, "bias": True, "dtype": "float32"},
        {"num_layers": 2, "bidirectional": True, "bias": True, "dtype": "float32"},
        {"num_layers": 2, "bidirectional": False, "bias": False, "dtype": "float64"},
    )
}


def run_dropout(t: Any, kind: str, p: float, training: bool) -> dict[str, np.ndarray]:
    """What dropout between layers does where it is not random."""
    module, own = LAYERS[kind]
    t.manual_seed(5)
    layer = getattr(t.nn, module)(
        I, H, 2, dropout=p, bidirectional=True, dtype=t.float64, **own
    ).train(training)
    x = t.tensor(facts.numbers(1, T, N, I), requires_grad=True)
    output, ends = layer(x)
    results = {"output": facts.array(output), "h_n": facts.array(listed(ends)[0])}
    leaves = {"x": x, **dict(layer.named_parameters())}
    return results | gradients(t, [output, *listed(ends)], leaves, "float64")


RUNS = {
    name: (lambda t, run=run, case=case: run(t, **case))
    for run, cases in (
        (run_layer, layer_cases()),
        (run_cell, cell_cases()),
        (run_parameters, PARAMETER_CASES),
    )
    for name, case in cases.items()
} | {
    f"dropout-{kind}-{p}-{'train' if training else 'eval'}": (
        lambda t, kind=kind, p=p, training=training: run_dropout(t, kind, p, training)
    )
    for kind in ("rnn_tanh", "lstm", "gru")
    for p, training in ((0.5, False), (1.0, True))
}

# ------------------------------------------------------------------------------------------------
# Claims: errors
# ------------------------------------------------------------------------------------------------

Claim = tuple[str, str, Any]  # class, key words, scene


def zeros(t: Any, value: Any) -> Any:
    """Shapes become tensors."""
    return t.zeros(value) if type(value) is tuple else value  # a PackedSequence is one, too


def use(t: Any, module: str, input: Any, *states: Any, **options: Any) -> Any:
    """Call a layer or cell of input size 3 and hidden size 4; tensors are given by their shapes."""
    hx = [given([zeros(t, s) for s in states])] if states else []
    return getattr(t.nn, module)(I, H, **options)(zeros(t, input), *hx)


def double(t: Any, *shape: int) -> Any:
    """Zeros in float64, where the parameters are float32."""
    return t.zeros(*shape, dtype=t.float64)


def packed(t: Any, columns: int = I, dtype: Any = None) -> Any:
    """Two packed sequences, of lengths 3 and 5."""
    x = t.zeros(5, 2, columns, dtype=dtype)
    return t.nn.utils.rnn.pack_padded_sequence(x, [3, 5], enforce_sorted=False)


def layer_errors(module: str, two: bool = False) -> dict[str, Claim]:
    """What every layer refuses; `two`: it has two states."""
    size = r"Expected hidden\[0\] size" if two else "Expected hidden size"
    which = "hx and cx" if two else "hx"
    rank = (lambda n: rf"\({n}-D, {n}-D\) tensors") if two else (lambda n: f"{n}-D tensor")

    def run(input: Any, state: Any = None, **options: Any) -> Any:
        states = () if state is None else (state, state) if two else (state,)
        return lambda t: use(t, module, input, *states, **options)

    def make(*arguments: Any, **options: Any) -> Any:
        return lambda t: getattr(t.nn, module)(*arguments, **options)

    wrong_size = r"input\.size\(-1\) must be equal to input_size\. Expected 3, got 7"
    no_steps = "Expected sequence length to be larger than 0 in RNN"
    dropout = r"dropout should be a number in range \[0, 1\]"
    return {
        "input size": ("RuntimeError", wrong_size, run((5, 2, 7))),
        "input size, one sequence": ("RuntimeError", wrong_size, run((5, 7))),
        "input size, packed": (
            "RuntimeError", "" if two else wrong_size, lambda t: use(t, module, packed(t, 7)),
        ),
        "1-D input": ("ValueError", "Expected input to be 2D or 3D, got 1D", run((3,))),
        "4-D input": ("ValueError", "Expected input to be 2D or 3D, got 4D", run((2, 5, 2, 3))),
        "no steps": ("RuntimeError", no_steps, run((0, 2, 3))),
        "no steps, batch first": ("RuntimeError", no_steps, run((2, 0, 3), batch_first=True)),
        "no steps, one sequence": ("RuntimeError", no_steps, run((0, 3))),
        "hidden size": (
            "RuntimeError", rf"{size} \(1, 2, 4\), got \[1, 2, 5\]", run((5, 2, 3), (1, 2, 5)),
        ),
        "batch of the state": (
            "RuntimeError", rf"{size} \(1, 2, 4\), got \[1, 3, 4\]", run((5, 2, 3), (1, 3, 4)),
        ),
        "batch of the state, batch first": (
            "RuntimeError", rf"{size} \(1, 2, 4\), got \[1, 5, 4\]",
            run((2, 5, 3), (1, 5, 4), batch_first=True),
        ),
        "states of too many layers": (
            "RuntimeError", rf"{size} \(1, 2, 4\), got \[2, 2, 4\]", run((5, 2, 3), (2, 2, 4)),
        ),
        "state of one direction": (
            "RuntimeError", rf"{size} \(2, 2, 4\), got \[1, 2, 4\]",
            run((5, 2, 3), (1, 2, 4), bidirectional=True),
        ),
        "2-D state": (
            "RuntimeError", rf"For batched 3-D input, {which} should also be 3-D but got {rank(2)}",
            run((5, 2, 3), (2, 4)),
        ),
        "3-D state, one sequence": (
            "RuntimeError", rf"For unbatched 2-D input, {which} should also be 2-D but got {rank(3)}",
            run((5, 3), (1, 2, 4)),
        ),
        "hidden size, one sequence": ("RuntimeError", size, run((5, 3), (1, 5))),
        "dtype of the input": (
            "ValueError",
            r"RNN input dtype \(torch\.float64\) does not match weight dtype \(torch\.float32\)\. "
            r"Convert input: input\.to\(torch\.float32\), or convert model: "
            r"model\.to\(torch\.float64\)",
            lambda t: use(t, module, double(t, 5, 2, 3)),
        ),
        "integer input": (
            "ValueError", r"RNN input dtype \(torch\.int64\) does not match weight dtype",
            lambda t: use(t, module, t.zeros(5, 2, 3, dtype=t.int64)),
        ),
        "dtype of the state": (
            "RuntimeError",
            "dtype" if two else "must have the same dtype, but got Double and Float",
            lambda t: use(t, module, (5, 2, 3), *[double(t, 1, 2, 4)] * (1 + two)),
        ),
        "input_size 0": ("ValueError", "input_size must be greater than zero", make(0, 4)),
        "input_size -1": ("ValueError", "input_size must be greater than zero", make(-1, 4)),
        "hidden_size 0": ("ValueError", "hidden_size must be greater than zero", make(3, 0)),
        "num_layers 0": ("ValueError", "num_layers must be greater than zero", make(3, 4, 0)),
        "num_layers -1": ("ValueError", "num_layers must be greater than zero", make(3, 4, -1)),
        "input_size float": ("TypeError", "input_size should be of type int, got: float", make(3.0, 4)),
        "input_size str": ("TypeError", "input_size should be of type int, got: str", make("3", 4)),
        "hidden_size float": (
            "TypeError", "hidden_size should be of type int, got: float", make(3, 4.0),
        ),
        "num_layers float": ("TypeError", "int", make(3, 4, 1.5)),
        "bias int": ("TypeError", "bias should be of type bool, got: int", make(3, 4, bias=1)),
        "bias str": ("TypeError", "bias should be of type bool, got: str", make(3, 4, bias="T")),
        "batch_first int": (
            "TypeError", "batch_first should be of type bool, got: int", make(3, 4, batch_first=1),
        ),
        "dropout 1.5": ("ValueError", dropout, make(3, 4, 2, dropout=1.5)),
        "dropout -0.5": ("ValueError", dropout, make(3, 4, 2, dropout=-0.5)),
        "dropout True": ("ValueError", dropout, make(3, 4, 2, dropout=True)),
        "integer parameters": (
            "RuntimeError", "Only Tensors of floating point", lambda t: make(3, 4, dtype=t.int64)(t),
        ),
    }  # fmt: skip


def cell_errors(module: str, two: bool = False) -> dict[str, Claim]:
    """What every cell refuses; `two`: it has two states."""

    def run(input: Any, state: Any = None, **options: Any) -> Any:
        states = () if state is None else (state, state) if two else (state,)
        return lambda t: use(t, module, input, *states, **options)

    wrong_size = "input has inconsistent input_size: got 5 expected 3"
    wrong_hidden = "hidden0 has inconsistent hidden_size: got 5, expected 4"
    wrong_batch = "Input batch size 2 doesn't match hidden0 batch size"
    wrong_dtype = "mat1 and mat2 must have the same dtype, but got {} and Float"
    return {
        "input size": ("RuntimeError", wrong_size, run((2, 5))),
        "input size, one sample": ("RuntimeError", wrong_size, run((5,))),
        "3-D input": ("ValueError", "Expected input to be 1D or 2D, got 3D instead", run((2, 2, 3))),
        "0-D input": ("ValueError", "Expected input to be 1D or 2D, got 0D instead", run(())),
        "hidden size": ("RuntimeError", wrong_hidden, run((2, 3), (2, 5))),
        "hidden size, one sample": ("RuntimeError", wrong_hidden, run((3,), (5,))),
        "batch": ("RuntimeError", f"{wrong_batch} 3", run((2, 3), (3, 4))),
        "batch of one": ("RuntimeError", f"{wrong_batch} 1", run((2, 3), (1, 4))),
        "state without a batch": ("RuntimeError", wrong_batch, run((2, 3), (4,))),
        "4-D state": (
            "ValueError",
            rf"Expected {'hx.0.' if two else 'hidden'} to be 1D or 2D, got 4D instead",
            run((2, 3), (1, 1, 2, 4)),
        ),
        "dtype of the input": (
            "RuntimeError", wrong_dtype.format("Double"), lambda t: use(t, module, double(t, 2, 3)),
        ),
        "integer input": (
            "RuntimeError", wrong_dtype.format("Long"),
            lambda t: use(t, module, t.zeros(2, 3, dtype=t.int64)),
        ),
        "dtype of the state": (
            "RuntimeError", wrong_dtype.format("Double"),
            lambda t: use(t, module, (2, 3), *[double(t, 2, 4)] * (1 + two)),
        ),
        "negative size": (
            "RuntimeError", "negative dimension", lambda t: getattr(t.nn, module)(3, -1),
        ),
    }  # fmt: skip


NO_PROJECTION = "proj_size argument is only supported for LSTM, not RNN or GRU"
GOOD, GOOD_CELL = (1, 2, 4), (2, 4)  # shapes of states

ERRORS: dict[str, Claim] = {
    f"{module}: {name}": claim
    for errors, modules in (
        (layer_errors, ("RNN", "LSTM", "GRU")),
        (cell_errors, ("RNNCell", "LSTMCell", "GRUCell")),
    )
    for module in modules
    for name, claim in errors(module, "LSTM" in module).items()
} | {
    "RNN: projection": ("ValueError", NO_PROJECTION, lambda t: t.nn.RNN(3, 4, proj_size=2)),
    "GRU: projection": ("ValueError", NO_PROJECTION, lambda t: t.nn.GRU(3, 4, proj_size=2)),
    "RNN: nonlinearity": (
        "ValueError", "Unknown nonlinearity 'sigmoid'. Select from 'tanh' or 'relu'.",
        lambda t: t.nn.RNN(3, 4, nonlinearity="sigmoid"),
    ),
    "RNN: fourth argument": (
        "ValueError", "Unknown nonlinearity", lambda t: t.nn.RNN(3, 4, 2, False),
    ),
    "RNN: dtype of the input, packed": (
        "ValueError", r"RNN input dtype \(torch\.float64\) does not match weight dtype",
        lambda t: use(t, "RNN", packed(t, dtype=t.float64)),
    ),
    "GRU: rank of the state, packed": (
        "RuntimeError", "", lambda t: use(t, "GRU", packed(t), (2, 4)),
    ),
    "RNNBase: mode": (
        "ValueError", "Unrecognized RNN mode: XX", lambda t: t.nn.RNNBase("XX", 3, 4),
    ),
    "LSTM: rank of h": (
        "RuntimeError", r"hx and cx should also be 3-D but got \(2-D, 3-D\) tensors",
        lambda t: use(t, "LSTM", (5, 2, 3), (2, 4), GOOD),
    ),
    "LSTM: rank of c": (
        "RuntimeError", r"hx and cx should also be 3-D but got \(3-D, 2-D\) tensors",
        lambda t: use(t, "LSTM", (5, 2, 3), GOOD, (2, 4)),
    ),
    "LSTM: size of h": (
        "RuntimeError", r"Expected hidden\[0\] size \(1, 2, 4\), got \[1, 2, 5\]",
        lambda t: use(t, "LSTM", (5, 2, 3), (1, 2, 5), GOOD),
    ),
    "LSTM: size of c": (
        "RuntimeError", r"Expected hidden\[1\] size \(1, 2, 4\), got \[1, 2, 5\]",
        lambda t: use(t, "LSTM", (5, 2, 3), GOOD, (1, 2, 5)),
    ),
    "LSTM: size of c, one sequence": (
        "RuntimeError", r"Expected hidden\[1\] size",
        lambda t: use(t, "LSTM", (5, 3), (1, 4), (1, 5)),
    ),
    "LSTM: dtype of c": (
        "RuntimeError", "dtype", lambda t: use(t, "LSTM", (5, 2, 3), GOOD, double(t, *GOOD)),
    ),
    "LSTM: h as large as without a projection": (
        "RuntimeError", r"Expected hidden\[0\] size \(1, 2, 2\), got \[1, 2, 4\]",
        lambda t: use(t, "LSTM", (5, 2, 3), GOOD, GOOD, proj_size=2),
    ),
    "LSTM: c as small as the projection": (
        "RuntimeError", r"Expected hidden\[1\] size \(1, 2, 4\), got \[1, 2, 2\]",
        lambda t: use(t, "LSTM", (5, 2, 3), (1, 2, 2), (1, 2, 2), proj_size=2),
    ),
    "LSTM: proj_size as large as hidden_size": (
        "ValueError", "proj_size has to be smaller than hidden_size",
        lambda t: t.nn.LSTM(3, 4, proj_size=4),
    ),
    "LSTM: proj_size -1": (
        "ValueError", "proj_size should be a positive integer or zero to disable projections",
        lambda t: t.nn.LSTM(3, 4, proj_size=-1),
    ),
    "LSTM: proj_size float": ("TypeError", "int", lambda t: t.nn.LSTM(3, 4, proj_size=1.5)),
    "RNNCell: state with a batch": (
        "RuntimeError", "hidden0", lambda t: use(t, "RNNCell", (3,), (2, 4)),
    ),
    "RNNCell: nonlinearity": (
        "RuntimeError", "Unknown nonlinearity: gelu",
        lambda t: use(t, "RNNCell", (2, 3), nonlinearity="gelu"),
    ),
    "LSTMCell: one state": (
        "TypeError", "'hx'.*must be tuple of Tensors", lambda t: t.nn.LSTMCell(3, 4)(
            t.zeros(2, 3), t.zeros(2, 4)
        ),
    ),
    "LSTMCell: a tuple of one state": (
        "RuntimeError", "expects two hidden states",
        lambda t: t.nn.LSTMCell(3, 4)(t.zeros(2, 3), (t.zeros(2, 4),)),
    ),
    "LSTMCell: size of h": (
        "RuntimeError", "hidden0 has inconsistent hidden_size: got 5, expected 4",
        lambda t: use(t, "LSTMCell", (2, 3), (2, 5), GOOD_CELL),
    ),
    "LSTMCell: size of c": (
        "RuntimeError", "hidden1 has inconsistent hidden_size: got 5, expected 4",
        lambda t: use(t, "LSTMCell", (2, 3), GOOD_CELL, (2, 5)),
    ),
    "LSTMCell: batch of h": (
        "RuntimeError", "Input batch size 2 doesn't match hidden0 batch size 3",
        lambda t: use(t, "LSTMCell", (2, 3), (3, 4), GOOD_CELL),
    ),
    "LSTMCell: batch of c": (
        "RuntimeError", "Input batch size 2 doesn't match hidden1 batch size 3",
        lambda t: use(t, "LSTMCell", (2, 3), GOOD_CELL, (3, 4)),
    ),
    "LSTMCell: rank of h": (
        "ValueError", r"LSTMCell: Expected hx\[0\] to be 1D or 2D, got 4D instead",
        lambda t: use(t, "LSTMCell", (2, 3), (1, 1, 2, 4), GOOD_CELL),
    ),
    "LSTMCell: rank of c": (
        "ValueError", r"LSTMCell: Expected hx\[1\] to be 1D or 2D, got 4D instead",
        lambda t: use(t, "LSTMCell", (2, 3), GOOD_CELL, (1, 1, 2, 4)),
    ),
    "LSTMCell: dtype of h": (
        "RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float",
        lambda t: use(t, "LSTMCell", (2, 3), double(t, 2, 4), GOOD_CELL),
    ),
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Claims: texts
# ------------------------------------------------------------------------------------------------


def nodes(*tensors: Any) -> Any:
    """The names of the operations that tensors come from, as they are printed with them."""
    return facts.Plain(*[repr(y).split("grad_fn=<")[1].split(">")[0] for y in tensors])


def outputs_of(result: tuple[Any, Any]) -> list[Any]:
    """The output of a layer and its last states, side by side."""
    output, ends = result
    return [output, *listed(ends)]


def sizes(tensors: Any) -> Any:
    """The shapes of some tensors."""
    return [list(y.shape) for y in tensors]


def attributes(layer: Any, *more: str) -> tuple[Any, ...]:
    """What a layer says of itself."""
    return tuple(
        getattr(layer, name)
        for name in (
            "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
            "bidirectional", "proj_size", *more,
        )
    )  # fmt: skip


# What is one operation here only if kernels are in use.
KERNEL_TEXTS = [
    (
        "MkldnnRnnLayerBackward0 StackBackward0 StackBackward0 TransposeBackward0",
        lambda t: nodes(
            *outputs_of(use(t, "LSTM", (5, 2, 3))), use(t, "LSTM", (2, 5, 3), batch_first=True)[0]
        ),
    ),
]  # fmt: skip

TEXTS = [
    ("RNN(3, 4)", lambda t: t.nn.RNN(3, 4)),
    ("RNN(3, 4, num_layers=2)", lambda t: t.nn.RNN(3, 4, 2, "relu")),
    (
        "RNN(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)",
        lambda t: t.nn.RNN(3, 4, 2, "tanh", False, True, 0.5, True),
    ),
    ("RNN(3, 4, num_layers=2, dropout=1.0)", lambda t: t.nn.RNN(3, 4, 2, dropout=1)),
    ("LSTM(3, 4)", lambda t: t.nn.LSTM(3, 4)),
    ("LSTM(3, 4, proj_size=2, num_layers=2)", lambda t: t.nn.LSTM(3, 4, 2, proj_size=2)),
    (
        "LSTM(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)",
        lambda t: t.nn.LSTM(3, 4, 2, False, True, 0.5, True),
    ),
    (
        "GRU(3, 4, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True)",
        lambda t: t.nn.GRU(3, 4, 2, True, True, 0.5, True),
    ),
    ("RNNBase(3, 4)", lambda t: t.nn.RNNBase("GRU", 3, 4)),
    ("RNNCell(3, 4)", lambda t: t.nn.RNNCell(3, 4)),
    ("RNNCell(3, 4, bias=False)", lambda t: t.nn.RNNCell(3, 4, False)),
    (
        "RNNCell(3, 4, bias=False, nonlinearity=relu)",
        lambda t: t.nn.RNNCell(3, 4, False, "relu"),
    ),
    ("LSTMCell(3, 4)", lambda t: t.nn.LSTMCell(3, 4)),
    ("LSTMCell(3, 4, bias=False)", lambda t: t.nn.LSTMCell(3, 4, False)),
    ("GRUCell(3, 4, bias=False)", lambda t: t.nn.GRUCell(3, 4, False)),
    # parameters
    (
        "['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', "
        "'weight_ih_l0_reverse', 'weight_hh_l0_reverse', 'bias_ih_l0_reverse', "
        "'bias_hh_l0_reverse', 'weight_ih_l1', 'weight_hh_l1', 'bias_ih_l1', 'bias_hh_l1', "
        "'weight_ih_l1_reverse', 'weight_hh_l1_reverse', 'bias_ih_l1_reverse', "
        "'bias_hh_l1_reverse']",
        lambda t: list(t.nn.RNN(3, 4, 2, bidirectional=True).state_dict()),
    ),
    (
        "['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', 'weight_hr_l0', "
        "'weight_ih_l0_reverse', 'weight_hh_l0_reverse', 'bias_ih_l0_reverse', "
        "'bias_hh_l0_reverse', 'weight_hr_l0_reverse']",
        lambda t: list(t.nn.LSTM(3, 4, bidirectional=True, proj_size=2).state_dict()),
    ),
    (
        "['weight_ih_l0', 'weight_hh_l0', 'weight_hr_l0', 'weight_ih_l0_reverse', "
        "'weight_hh_l0_reverse', 'weight_hr_l0_reverse']",
        lambda t: t.nn.LSTM(3, 4, 1, False, bidirectional=True, proj_size=2)._flat_weights_names,
    ),
    (
        "['weight_ih_l0', 'weight_hh_l0', 'weight_ih_l1', 'weight_hh_l1']",
        lambda t: list(t.nn.GRU(3, 4, 2, bias=False).state_dict()),
    ),
    (
        "['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']",
        lambda t: list(t.nn.LSTMCell(3, 4).state_dict()),
    ),
    ("['weight_ih', 'weight_hh']", lambda t: list(t.nn.GRUCell(3, 4, False).state_dict())),
    (
        "[[16, 3], [16, 2], [2, 4], [16, 3], [16, 2], [2, 4], [16, 4], [16, 2], [2, 4], [16, 4], "
        "[16, 2], [2, 4]]",
        lambda t: sizes(t.nn.LSTM(3, 4, 2, False, bidirectional=True, proj_size=2)._flat_weights),
    ),
    (
        "[[12, 3], [12, 4], [12], [12], [12, 4], [12, 4], [12], [12]]",
        lambda t: sizes(t.nn.GRU(3, 4, 2).parameters()),
    ),
    ("[4, 4]", lambda t: [len(w) for w in t.nn.RNN(3, 4, 2).all_weights]),
    (
        "[5, 5, 5, 5]",
        lambda t: [
            len(w) for w in t.nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2).all_weights
        ],
    ),
    ("[3, 3]", lambda t: [len(w) for w in t.nn.LSTM(3, 4, 2, False, proj_size=2).all_weights]),
    (
        "('RNN_RELU', 3, 4, 2, True, False, 0.5, False, 0, 'relu')",
        lambda t: attributes(t.nn.RNN(3, 4, 2, "relu", dropout=0.5), "nonlinearity"),
    ),
    (
        "('LSTM', 3, 4, 1, False, True, 0.0, True, 2)",
        lambda t: attributes(t.nn.LSTM(3, 4, 1, False, True, 0, True, 2)),
    ),
    ("('GRU', 3, 4, 1, True, False, 0.0, False, 0)", lambda t: attributes(t.nn.GRU(3, 4))),
    # names of nodes, as they print
    (
        "StackBackward0 StackBackward0 TransposeBackward1 CatBackward0 StackBackward0",
        lambda t: nodes(
            *use(t, "RNN", (5, 2, 3)), use(t, "RNN", (2, 5, 3), batch_first=True)[0],
            *use(t, "RNN", (5, 2, 3), num_layers=2, bidirectional=True),
        ),
    ),
    (
        "StackBackward0 StackBackward0 TransposeBackward1 CatBackward0",
        lambda t: nodes(
            *use(t, "GRU", (5, 2, 3)), use(t, "GRU", (2, 5, 3), batch_first=True)[0],
            use(t, "GRU", (5, 2, 3), bidirectional=True)[0],
        ),
    ),
    (
        "StackBackward0 StackBackward0 StackBackward0",
        lambda t: nodes(*outputs_of(use(t, "LSTM", (5, 2, 3), proj_size=2))),
    ),
    (
        "StackBackward0 StackBackward0 StackBackward0",
        lambda t: nodes(*outputs_of(use(t, "LSTM", double(t, 5, 2, 3), dtype=t.float64))),
    ),
    *[
        (
            "SqueezeBackward1 SqueezeBackward1",
            lambda t, module=module: nodes(*outputs_of(use(t, module, (5, 3)))[:2]),
        )
        for module in ("RNN", "LSTM", "GRU")
    ],
    *[
        (
            "CatBackward0 IndexSelectBackward0",
            lambda t, module=module: nodes(
                use(t, module, packed(t))[0].data, *listed(use(t, module, packed(t))[1])[:1]
            ),
        )
        for module in ("RNN", "LSTM", "GRU")
    ],
    (
        "TanhBackward0 ReluBackward0",
        lambda t: nodes(
            *[use(t, "RNNCell", (2, 3), nonlinearity=n) for n in ("tanh", "relu")]
        ),
    ),
    ("MulBackward0", lambda t: nodes(use(t, "LSTMCell", (2, 3))[0])),
    ("AddBackward0", lambda t: nodes(use(t, "GRUCell", (2, 3)))),
    (
        "SqueezeBackward1 SqueezeBackward1 SqueezeBackward1 SqueezeBackward1",
        lambda t: nodes(
            *use(t, "LSTMCell", (3,)), use(t, "GRUCell", (3,)), use(t, "RNNCell", (3,))
        ),
    ),
    # sizes without samples, or without units
    *[
        (
            text,
            lambda t, module=module: sizes([
                *outputs_of(use(t, module, (5, 0, 3))),
                *outputs_of(
                    use(t, module, (0, 5, 3), num_layers=2, bidirectional=True, batch_first=True)
                ),
            ]),
        )
        for module, text in (
            ("RNN", "[[5, 0, 4], [1, 0, 4], [0, 5, 8], [4, 0, 4]]"),
            ("LSTM", "[[5, 0, 4], [1, 0, 4], [1, 0, 4], [0, 5, 8], [4, 0, 4], [4, 0, 4]]"),
            ("GRU", "[[5, 0, 4], [1, 0, 4], [0, 5, 8], [4, 0, 4]]"),
        )
    ],
    (
        "[[0, 4], [0, 4], [0, 4], [0, 4]]",
        lambda t: sizes([
            use(t, "RNNCell", (0, 3)), use(t, "GRUCell", (0, 3)), *use(t, "LSTMCell", (0, 3))
        ]),
    ),
    (
        "[[2, 0], [2, 0], [2, 0]]",
        lambda t: sizes([
            t.nn.RNNCell(3, 0)(t.zeros(2, 3)), t.nn.GRUCell(3, 0)(t.zeros(2, 3)),
            t.nn.LSTMCell(3, 0)(t.zeros(2, 3))[0],
        ]),
    ),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, [*TEXTS, *KERNEL_TEXTS])
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
