"""What type checkers learn of a user's program: `mypy --strict` knows what each expression is."""

import re
from pathlib import Path

import pytest

import minigrad

pytestmark = pytest.mark.once  # nothing is computed

api = pytest.importorskip("mypy.api")

PROGRAM = """
import minigrad as mg
from minigrad import nn

def program(x: mg.Tensor) -> mg.Tensor:
    layer = nn.JANET(3, 4)
    output, h_n = layer(x)
    linear = nn.Linear(3, 4)

    packed = nn.utils.rnn.pack_sequence([x, x])

    @mg.no_grad()
    def evaluate(x: mg.Tensor) -> mg.Tensor:
        return x

    class Tagger(nn.Module):
        def forward(self, x: mg.Tensor, lengths: list[int]) -> tuple[mg.Tensor, str]:
            return x, "noun"

"""
TENSORS = [
    "output",
    "layer(x)[0].softmax(-1).sum()",
    "x + 1",
    "1 - x",
    "x @ x",
    "2 ** x",
    "-x",
    "x == 1",
    "x < x",
    "x[0]",
    "x.T",
    "x.view(-1).t()",
    "x.exp_().mul_(2)",
    "x.masked_fill(x > 0, 1)",
    "x.detach()",
    "mg.tanh(x)",
    "mg.cat([x, x])",
    "mg.stack([x, x])",
    "mg.randn(2, 3)",
    "mg.tensor(1.0)",
    "mg.sum(x)",
    "mg.add(x, x)",
    "mg.where(x > 0, x, x)",
    "x.sort().indices",
    "x.max()",
    "x.max(0).values",
    "x.min(dim=-1, keepdim=True).indices",
    "x.max(x)",
    "mg.max(x)",
    "mg.min(x, 0).values",
    "mg.max(x, x)",
    "x.median()",
    "x.median(0).values",
    "x.topk(2).indices",
    "x.round()",
    "mg.std_mean(x)[1]",
    "mg.linalg.norm(x)",
    "mg.linalg.svd(x).S",
    "mg.autograd.grad(x, x)[0]",
    "h_n",
    "linear(x)",
    "nn.Sigmoid()(x)",
    "nn.Dropout(0.5)(x)",
    "nn.LayerNorm(3)(x)",
    "nn.Embedding(3, 4)(x)",
    "nn.CrossEntropyLoss()(x, x)",
    "nn.RNNCell(3, 4)(x)",
    "nn.GRUCell(3, 4)(x, x)",
    "nn.JANETCell(3, 4)(x)",
    "nn.MGUCell(3, 4)(x)",
    "nn.IndRNNCell(3, 4)(x)",
    "packed.data",
    "nn.utils.rnn.pad_sequence([x])",
    "next(iter(x))",
    "x.data",
    "linear.weight.data",
    "evaluate(x)",
    "nn.functional.relu(x)",
    "nn.functional.cross_entropy(x, x)",
]
OTHERS = {
    "x.shape": "Size",
    "x.grad": "Tensor | None",
    "x.dtype": "dtype",
    "x.requires_grad": "bool",
    "x.numel()": "int",
    "x.size()": "Size",
    "x.size(0)": "int",
    "x.item()": "int | float",
    "x.split(1)": "tuple[Tensor, ...]",
    "mg.where(x)": "tuple[Tensor, ...]",
    "nn.Parameter(x)": "Parameter",
    "linear": "Linear",
    "mg.optim.Adam(linear.parameters())": "Adam",
    "nn.GRU(3, 4)(x)": "tuple[Tensor, Tensor]",
    "nn.GRU(3, 4)(packed)": "tuple[tuple[Tensor, Tensor, Tensor | None, Tensor | None, "
    "fallback=PackedSequence], Tensor]",
    "nn.LSTM(3, 4)(x, (x, x), lengths=[2])": "tuple[Tensor, tuple[Tensor, Tensor]]",
    "nn.LSTM(3, 4)(packed)[1]": "tuple[Tensor, Tensor]",
    "nn.LSTMCell(3, 4)(x)": "tuple[Tensor, Tensor]",
    "nn.utils.rnn.pad_packed_sequence(packed)": "tuple[Tensor, Tensor]",
    "Tagger()(x, lengths=[2])": "tuple[Tensor, str]",
}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """The type of each expression, without the modules that types are from."""
    folder = tmp_path_factory.mktemp("program")
    expressions = [*TENSORS, *OTHERS]
    lines = "".join(f"    reveal_type({e})\n" for e in expressions)
    (folder / "program.py").write_text(f"{PROGRAM}{lines}    return output * 2\n")
    (folder / "mypy.ini").write_text(f"[mypy]\nmypy_path = {Path(minigrad.__file__).parents[1]}\n")
    options = ["--strict", "--follow-imports=silent", "--config-file", str(folder / "mypy.ini")]
    said, trouble, _ = api.run(
        [*options, "--cache-dir", str(folder / "cache"), str(folder / "program.py")]
    )
    assert trouble == ""
    assert "error:" not in said, said
    types = re.findall(r'Revealed type is "(.*)"', said)
    return dict(zip(expressions, [re.sub(r"\w+\.", "", t) for t in types], strict=True))


@pytest.mark.parametrize("expression", TENSORS)
def test_is_a_tensor(learnt, expression):
    assert learnt[expression] == "Tensor"


@pytest.mark.parametrize("expression", OTHERS)
def test_is_something_else(learnt, expression):
    assert learnt[expression] == OTHERS[expression]
