"""Regenerate ``recurrent.npz``: what PyTorch 2.13 computes in recurrent layers and cells.

    python tests/golden/make_recurrent.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "recurrent.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

T, N, I, H = 5, 2, 3, 4  # noqa: E741 - the field's letters
USES = ("both", "output", "h_n", "part")  # what the loss is made of

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def layer_cases() -> dict[str, dict[str, Any]]:
    """All combinations of what a layer is made of; the way it is used is drawn for each."""
    random = np.random.RandomState(11)
    cases = {}
    for nonlinearity, bias, layers, both_ways, dtype in itertools.product(
        ("tanh", "relu"), (True, False), (1, 2, 3), (False, True), ("float32", "float64")
    ):
        case = {
            "nonlinearity": nonlinearity,
            "bias": bias,
            "num_layers": layers,
            "bidirectional": both_ways,
            "dtype": dtype,
            "batch_first": bool(random.randint(2)),
            "hx": bool(random.randint(4)),
            "unbatched": not random.randint(4),
            "use": USES[random.randint(4)],
        }
        name = "-".join(
            [nonlinearity, f"{layers}", "bias" if bias else "nobias"]
            + ["bi"] * both_ways
            + [k for k in ("batch_first", "hx", "unbatched") if case[k]]
            + [case["use"], dtype]
        )
        cases[f"rnn-{name}"] = case
    return cases


def run_layer(
    t: Any, nonlinearity: str, bias: bool, num_layers: int, bidirectional: bool, dtype: str,
    batch_first: bool, hx: bool, unbatched: bool, use: str,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Parameters from a seed, outputs, and the gradients of everything."""
    t.manual_seed(num_layers)
    layer = t.nn.RNN(
        I,
        H,
        num_layers,
        nonlinearity,
        bias,
        batch_first,
        0.0,
        bidirectional,
        dtype=getattr(t, dtype),
    )
    directions = 2 if bidirectional else 1
    x_shape = (T, I) if unbatched else (N, T, I) if batch_first else (T, N, I)
    h_shape = (directions * num_layers, H) if unbatched else (directions * num_layers, N, H)
    x = t.tensor(facts.numbers(1, *x_shape, dtype=dtype), requires_grad=True)
    h_0 = t.tensor(facts.numbers(2, *h_shape, dtype=dtype), requires_grad=True)
    output, h_n = layer(x, h_0) if hx else layer(x)
    used = {
        "both": [output, h_n],
        "output": [output],
        "h_n": [h_n],
        "part": [output[..., 1:, : H - 1]],
    }[use]
    given = [t.tensor(facts.numbers(3 + k, *y.shape, dtype=dtype)) for k, y in enumerate(used)]
    names, parameters = zip(*layer.named_parameters())
    leaves = [*parameters, x, *([h_0] if hx else [])]
    grads = t.autograd.grad(used, leaves, given, allow_unused=True)
    results = {name: facts.array(p) for name, p in zip(names, parameters)}
    results |= {"output": facts.array(output), "h_n": facts.array(h_n)}
    for name, leaf, g in zip((*names, "x", "h_0"), leaves, grads):
        # parameters that nothing depends on: no gradient here and there
        results[f"d_{name}"] = np.zeros(tuple(leaf.shape), dtype) if g is None else facts.array(g)
    return results


def cell_cases() -> dict[str, dict[str, Any]]:
    """All combinations."""
    return {
        "-".join(
            ["cell", nonlinearity, "bias" if bias else "nobias"]
            + ["hx"] * hx
            + ["unbatched"] * unbatched
            + [dtype]
        ): {
            "nonlinearity": nonlinearity,
            "bias": bias,
            "hx": hx,
            "unbatched": unbatched,
            "dtype": dtype,
        }
        for nonlinearity, bias, hx, unbatched, dtype in itertools.product(
            ("tanh", "relu"), (True, False), (True, False), (True, False), ("float32", "float64")
        )
    }


def run_cell(
    t: Any, nonlinearity: str, bias: bool, hx: bool, unbatched: bool, dtype: str
) -> dict[str, np.ndarray]:
    """Three steps with one cell: parameters from a seed, states, and the gradients of everything."""
    t.manual_seed(4)
    cell = t.nn.RNNCell(I, H, bias, nonlinearity, dtype=getattr(t, dtype))
    batch = () if unbatched else (N,)
    x = t.tensor(facts.numbers(1, 3, *batch, I, dtype=dtype), requires_grad=True)
    h_0 = t.tensor(facts.numbers(2, *batch, H, dtype=dtype), requires_grad=True)
    first = cell(x[0], h_0) if hx else cell(x[0])
    second = cell(x[1], first)
    third = cell(x[2], second)
    used = [first, third]
    given = [t.tensor(facts.numbers(3 + k, *batch, H, dtype=dtype)) for k in range(2)]
    names, parameters = zip(*cell.named_parameters())
    leaves = [*parameters, x, *([h_0] if hx else [])]
    grads = t.autograd.grad(used, leaves, given)
    results = {name: facts.array(p) for name, p in zip(names, parameters)}
    results |= {
        "first": facts.array(first),
        "second": facts.array(second),
        "third": facts.array(third),
    }
    return results | {f"d_{n}": facts.array(g) for n, g in zip((*names, "x", "h_0"), grads)}


def run_dropout(t: Any, p: float, training: bool) -> dict[str, np.ndarray]:
    """What dropout between layers does where it is not random."""
    t.manual_seed(5)
    layer = t.nn.RNN(I, H, 3, dropout=p, bidirectional=True, dtype=t.float64).train(training)
    x = t.tensor(facts.numbers(1, T, N, I), requires_grad=True)
    output, h_n = layer(x)
    leaves = [x, *layer.parameters()]
    grads = t.autograd.grad((output * output).sum() + h_n.sum(), leaves, allow_unused=True)
    results = {"output": facts.array(output), "h_n": facts.array(h_n)}
    for k, (leaf, g) in enumerate(zip(leaves, grads)):
        results[f"d_{k}"] = np.zeros(tuple(leaf.shape)) if g is None else facts.array(g)
    return results


RUNS = {
    name: (lambda t, run=run, case=case: run(t, **case))
    for run, cases in ((run_layer, layer_cases()), (run_cell, cell_cases()))
    for name, case in cases.items()
} | {
    "dropout-eval": lambda t: run_dropout(t, 0.5, False),
    "dropout-all": lambda t: run_dropout(t, 1.0, True),
}

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def rnn(t: Any, *arguments: Any, **options: Any) -> Any:
    """A layer of input size 3 and hidden size 4, given tensors of these sizes."""
    return t.nn.RNN(I, H, **options)(
        *[t.zeros(a) if isinstance(a, tuple) else a for a in arguments]
    )


def cell(t: Any, *arguments: Any, **options: Any) -> Any:
    """The same with a cell."""
    return t.nn.RNNCell(I, H, **options)(
        *[t.zeros(a) if isinstance(a, tuple) else a for a in arguments]
    )


ERRORS = {
    "input size": (
        "RuntimeError", r"input\.size\(-1\) must be equal to input_size\. Expected 3, got 7",
        lambda t: rnn(t, (5, 2, 7)),
    ),
    "input size, one sequence": (
        "RuntimeError", r"input\.size\(-1\) must be equal to input_size\. Expected 3, got 7",
        lambda t: rnn(t, (5, 7)),
    ),
    "1-D input": ("ValueError", "Expected input to be 2D or 3D, got 1D", lambda t: rnn(t, (3,))),
    "4-D input": ("ValueError", "Expected input to be 2D or 3D, got 4D", lambda t: rnn(t, (2, 5, 2, 3))),
    "no steps": (
        "RuntimeError", "Expected sequence length to be larger than 0 in RNN",
        lambda t: rnn(t, (0, 2, 3)),
    ),
    "no steps, batch first": (
        "RuntimeError", "Expected sequence length to be larger than 0 in RNN",
        lambda t: rnn(t, (2, 0, 3), batch_first=True),
    ),
    "no steps, one sequence": (
        "RuntimeError", "Expected sequence length to be larger than 0 in RNN", lambda t: rnn(t, (0, 3)),
    ),
    "hidden size": (
        "RuntimeError", r"Expected hidden size \(1, 2, 4\), got \[1, 2, 5\]",
        lambda t: rnn(t, (5, 2, 3), (1, 2, 5)),
    ),
    "batch of the state": (
        "RuntimeError", r"Expected hidden size \(1, 2, 4\), got \[1, 3, 4\]",
        lambda t: rnn(t, (5, 2, 3), (1, 3, 4)),
    ),
    "batch of the state, batch first": (
        "RuntimeError", r"Expected hidden size \(1, 2, 4\), got \[1, 5, 4\]",
        lambda t: rnn(t, (2, 5, 3), (1, 5, 4), batch_first=True),
    ),
    "states of too many layers": (
        "RuntimeError", r"Expected hidden size \(1, 2, 4\), got \[2, 2, 4\]",
        lambda t: rnn(t, (5, 2, 3), (2, 2, 4)),
    ),
    "state of one direction": (
        "RuntimeError", r"Expected hidden size \(2, 2, 4\), got \[1, 2, 4\]",
        lambda t: rnn(t, (5, 2, 3), (1, 2, 4), bidirectional=True),
    ),
    "2-D state": (
        "RuntimeError", "For batched 3-D input, hx should also be 3-D but got 2-D tensor",
        lambda t: rnn(t, (5, 2, 3), (2, 4)),
    ),
    "3-D state, one sequence": (
        "RuntimeError", "For unbatched 2-D input, hx should also be 2-D but got 3-D tensor",
        lambda t: rnn(t, (5, 3), (1, 2, 4)),
    ),
    "hidden size, one sequence": (
        "RuntimeError", "Expected hidden size", lambda t: rnn(t, (5, 3), (1, 5)),
    ),
    "dtype of the input": (
        "ValueError",
        r"RNN input dtype \(torch\.float64\) does not match weight dtype \(torch\.float32\)\. "
        r"Convert input: input\.to\(torch\.float32\), or convert model: "
        r"model\.to\(torch\.float64\)",
        lambda t: rnn(t, t.zeros(5, 2, 3, dtype=t.float64)),
    ),
    "integer input": (
        "ValueError", r"RNN input dtype \(torch\.int64\) does not match weight dtype",
        lambda t: rnn(t, t.zeros(5, 2, 3, dtype=t.int64)),
    ),
    "dtype of the state": (
        "RuntimeError", "must have the same dtype, but got Double and Float",
        lambda t: rnn(t, (5, 2, 3), t.zeros(1, 2, 4, dtype=t.float64)),
    ),
    "projection": (
        "ValueError", "proj_size argument is only supported for LSTM, not RNN or GRU",
        lambda t: t.nn.RNN(3, 4, proj_size=2),
    ),
    "nonlinearity": (
        "ValueError", "Unknown nonlinearity 'sigmoid'. Select from 'tanh' or 'relu'.",
        lambda t: t.nn.RNN(3, 4, nonlinearity="sigmoid"),
    ),
    "fourth argument": ("ValueError", "Unknown nonlinearity", lambda t: t.nn.RNN(3, 4, 2, False)),
    "input_size 0": ("ValueError", "input_size must be greater than zero", lambda t: t.nn.RNN(0, 4)),
    "input_size -1": ("ValueError", "input_size must be greater than zero", lambda t: t.nn.RNN(-1, 4)),
    "hidden_size 0": ("ValueError", "hidden_size must be greater than zero", lambda t: t.nn.RNN(3, 0)),
    "num_layers 0": ("ValueError", "num_layers must be greater than zero", lambda t: t.nn.RNN(3, 4, 0)),
    "num_layers -1": ("ValueError", "num_layers must be greater than zero", lambda t: t.nn.RNN(3, 4, -1)),
    "input_size float": (
        "TypeError", "input_size should be of type int, got: float", lambda t: t.nn.RNN(3.0, 4),
    ),
    "input_size str": (
        "TypeError", "input_size should be of type int, got: str", lambda t: t.nn.RNN("3", 4),
    ),
    "hidden_size float": (
        "TypeError", "hidden_size should be of type int, got: float", lambda t: t.nn.RNN(3, 4.0),
    ),
    "num_layers float": ("TypeError", "int", lambda t: t.nn.RNN(3, 4, 1.5)),
    "bias int": ("TypeError", "bias should be of type bool, got: int", lambda t: t.nn.RNN(3, 4, bias=1)),
    "bias str": ("TypeError", "bias should be of type bool, got: str", lambda t: t.nn.RNN(3, 4, bias="T")),
    "batch_first int": (
        "TypeError", "batch_first should be of type bool, got: int",
        lambda t: t.nn.RNN(3, 4, batch_first=1),
    ),
    "dropout 1.5": (
        "ValueError", r"dropout should be a number in range \[0, 1\]",
        lambda t: t.nn.RNN(3, 4, 2, dropout=1.5),
    ),
    "dropout -0.5": (
        "ValueError", r"dropout should be a number in range \[0, 1\]",
        lambda t: t.nn.RNN(3, 4, 2, dropout=-0.5),
    ),
    "dropout True": (
        "ValueError", r"dropout should be a number in range \[0, 1\]",
        lambda t: t.nn.RNN(3, 4, 2, dropout=True),
    ),
    "integer parameters": (
        "RuntimeError", "Only Tensors of floating point", lambda t: t.nn.RNN(3, 4, dtype=t.int64),
    ),
    "cell: input size": (
        "RuntimeError", "input has inconsistent input_size: got 5 expected 3", lambda t: cell(t, (2, 5)),
    ),
    "cell: input size, one sample": (
        "RuntimeError", "input has inconsistent input_size: got 5 expected 3", lambda t: cell(t, (5,)),
    ),
    "cell: 3-D input": (
        "ValueError", "Expected input to be 1D or 2D, got 3D instead", lambda t: cell(t, (2, 2, 3)),
    ),
    "cell: 0-D input": (
        "ValueError", "Expected input to be 1D or 2D, got 0D instead", lambda t: cell(t, ()),
    ),
    "cell: hidden size": (
        "RuntimeError", "hidden0 has inconsistent hidden_size: got 5, expected 4",
        lambda t: cell(t, (2, 3), (2, 5)),
    ),
    "cell: hidden size, one sample": (
        "RuntimeError", "hidden0 has inconsistent hidden_size: got 5, expected 4",
        lambda t: cell(t, (3,), (5,)),
    ),
    "cell: batch": (
        "RuntimeError", "Input batch size 2 doesn't match hidden0 batch size 3",
        lambda t: cell(t, (2, 3), (3, 4)),
    ),
    "cell: batch of one": (
        "RuntimeError", "Input batch size 2 doesn't match hidden0 batch size 1",
        lambda t: cell(t, (2, 3), (1, 4)),
    ),
    "cell: state without a batch": (
        "RuntimeError", "Input batch size 2 doesn't match hidden0 batch size",
        lambda t: cell(t, (2, 3), (4,)),
    ),
    "cell: state with a batch": ("RuntimeError", "hidden0", lambda t: cell(t, (3,), (2, 4))),
    "cell: 4-D state": (
        "ValueError", "Expected hidden to be 1D or 2D, got 4D instead",
        lambda t: cell(t, (2, 3), (1, 1, 2, 4)),
    ),
    "cell: dtype of the input": (
        "RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float",
        lambda t: cell(t, t.zeros(2, 3, dtype=t.float64)),
    ),
    "cell: integer input": (
        "RuntimeError", "mat1 and mat2 must have the same dtype, but got Long and Float",
        lambda t: cell(t, t.zeros(2, 3, dtype=t.int64)),
    ),
    "cell: dtype of the state": (
        "RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float",
        lambda t: cell(t, (2, 3), t.zeros(2, 4, dtype=t.float64)),
    ),
    "cell: nonlinearity": (
        "RuntimeError", "Unknown nonlinearity: gelu", lambda t: cell(t, (2, 3), nonlinearity="gelu"),
    ),
    "cell: negative size": (
        "RuntimeError", "negative dimension", lambda t: t.nn.RNNCell(3, -1),
    ),
}  # fmt: skip

TEXTS = [
    ("RNN(3, 4)", lambda t: t.nn.RNN(3, 4)),
    ("RNN(3, 4, num_layers=2)", lambda t: t.nn.RNN(3, 4, 2, "relu")),
    (
        "RNN(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)",
        lambda t: t.nn.RNN(3, 4, 2, "tanh", False, True, 0.5, True),
    ),
    ("RNN(3, 4, num_layers=2, dropout=1.0)", lambda t: t.nn.RNN(3, 4, 2, dropout=1)),
    ("RNNCell(3, 4)", lambda t: t.nn.RNNCell(3, 4)),
    ("RNNCell(3, 4, bias=False)", lambda t: t.nn.RNNCell(3, 4, False)),
    (
        "RNNCell(3, 4, bias=False, nonlinearity=relu)",
        lambda t: t.nn.RNNCell(3, 4, False, "relu"),
    ),
    (
        "['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', "
        "'weight_ih_l0_reverse', 'weight_hh_l0_reverse', 'bias_ih_l0_reverse', "
        "'bias_hh_l0_reverse', 'weight_ih_l1', 'weight_hh_l1', 'bias_ih_l1', 'bias_hh_l1', "
        "'weight_ih_l1_reverse', 'weight_hh_l1_reverse', 'bias_ih_l1_reverse', "
        "'bias_hh_l1_reverse']",
        lambda t: list(t.nn.RNN(3, 4, 2, bidirectional=True).state_dict()),
    ),
    (
        "['weight_ih_l0', 'weight_hh_l0', 'weight_ih_l1', 'weight_hh_l1']",
        lambda t: list(t.nn.RNN(3, 4, 2, bias=False).state_dict()),
    ),
    ("['weight_ih', 'weight_hh']", lambda t: list(t.nn.RNNCell(3, 4, False).state_dict())),
    (
        "('RNN_RELU', 3, 4, 2, True, False, 0.5, False, 0, 'relu')",
        lambda t: tuple(
            getattr(t.nn.RNN(3, 4, 2, "relu", dropout=0.5), name)
            for name in (
                "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
                "bidirectional", "proj_size", "nonlinearity",
            )
        ),
    ),
    (
        "[4, 4] ['weight_ih_l0', 'weight_hh_l0'] 8",
        lambda t: facts.Plain(
            [len(w) for w in t.nn.RNN(3, 4, 2).all_weights],
            t.nn.RNN(3, 4, bias=False)._flat_weights_names,
            len(t.nn.RNN(3, 4, 2)._flat_weights),
        ),
    ),
    # names of nodes, as they print
    (
        "StackBackward0 StackBackward0 TransposeBackward1 CatBackward0 StackBackward0",
        lambda t: facts.Plain(*[
            y.grad_fn.name()
            for y in (
                *rnn(t, (5, 2, 3)), rnn(t, (2, 5, 3), batch_first=True)[0],
                *rnn(t, (5, 2, 3), num_layers=2, bidirectional=True),
            )
        ]),
    ),
    (
        "TanhBackward0 ReluBackward0",
        lambda t: facts.Plain(*[
            cell(t, (2, 3), nonlinearity=n).grad_fn.name() for n in ("tanh", "relu")
        ]),
    ),
    # sizes without samples, or without units
    ("(torch.Size([5, 0, 4]), torch.Size([1, 0, 4]))", lambda t: sizes(rnn(t, (5, 0, 3)))),
    (
        "(torch.Size([0, 5, 8]), torch.Size([4, 0, 4]))",
        lambda t: sizes(rnn(t, (0, 5, 3), num_layers=2, bidirectional=True, batch_first=True)),
    ),
    ("torch.Size([0, 4])", lambda t: cell(t, (0, 3)).shape),
    ("torch.Size([2, 0])", lambda t: t.nn.RNNCell(3, 0)(t.zeros(2, 3)).shape),
]  # fmt: skip


def sizes(tensors: Any) -> Any:
    """The shapes of some tensors."""
    return tuple([y.shape for y in tensors])


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
