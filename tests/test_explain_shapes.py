"""`explain_shapes`: each kind of operation, and what the error names."""

import re
import sys

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

pytestmark = pytest.mark.once

a, b, c = mg.zeros(3, 4), mg.zeros(5, 6), mg.zeros(5, 4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 6)
        self.norm = nn.BatchNorm1d(6)
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        output, _ = self.rnn(x)
        return self.fc(self.norm(output[-1]))


net, cell = Net(), nn.GRUCell(4, 6)
stack = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(4, 2))
pair = {"left": a, "right": [b, c]}


def own(x):
    return x


def message(function):
    with pytest.raises((RuntimeError, ValueError, IndexError, AssertionError)) as plain:
        function()
    with pytest.raises(type(plain.value)) as explained, mg.explain_shapes():
        function()
    first, _, rest = str(explained.value).partition("\n")
    assert first == str(plain.value)  # what PyTorch says stays
    assert type(explained.value) is type(plain.value)
    return rest


CASES = [  # the line, the operation, its operands
    (lambda: a @ b, "matmul", ["a shape (3, 4)", "b shape (5, 6)", "a product needs"]),
    (lambda: a @ c, "matmul", ["c shape (5, 4)", "c.transpose(-2, -1) fits"]),
    (lambda: a + b, "add", ["a shape (3, 4)", "b shape (5, 6)", "axis -1 of a is 4, of b 6"]),
    (lambda: a.tanh() * (b - 1), "mul", ["a.tanh() shape (3, 4)", "b - 1 shape (5, 6)"]),
    (lambda: (a + 1) @ (c @ a.t()), "matmul", ["a + 1 shape (3, 4)", "c @ a.t() shape (5, 3)"]),
    (lambda: a[:2] - c[1:, :3], "sub", ["a[:2] shape (2, 4)", "c[1:, :3] shape (4, 3)"]),
    (lambda: a < b, "lt", ["a shape (3, 4)", "b shape (5, 6)"]),
    (lambda: mg.cat([a, b, c]), "cat", ["a shape (3, 4)", "b shape (5, 6)", "c shape (5, 4)"]),
    (lambda: mg.stack(pair["right"]), "stack", ['pair["right"][1] shape (5, 4)']),
    (lambda: mg.bmm(a, b), "bmm", ["a shape (3, 4)", "b shape (5, 6)"]),
    (lambda: a.view(5), "view", ["a shape (3, 4) 5"]),
    (lambda: a.expand(7, 8), "expand", ["a shape (3, 4)"]),
    (lambda: a.sum(5), "sum", ["a shape (3, 4)"]),
    (lambda: a[7], "indexing", ["a shape (3, 4) 7"]),
    (lambda: a.clone().add_(b), "add_", ["a.clone() shape (3, 4)", "b shape (5, 6)"]),
    (lambda: mg.where(a > 0, a, b), "where", ["a > 0 shape (3, 4)", "b shape (5, 6)"]),
    (lambda: mg.einsum("ij,jk", a, b), "einsum", ["a shape (3, 4)", "b shape (5, 6)"]),
    (lambda: F.linear(a, b), "linear", ["a shape (3, 4)", "b shape (5, 6)"]),
    (lambda: F.cross_entropy(a, mg.tensor([1, 2])), "cross_entropy",
     ["mg.tensor([1, 2]) shape (2,)"]),
    (lambda: F.layer_norm(a, [3]), "layer_norm", ["a shape (3, 4)", "[3]"]),
    (lambda: net.fc(a), "net.fc, Linear(in_features=5, out_features=2",
     ["a shape (3, 4)", "net.fc.weight shape (2, 5)"]),
    (lambda: net.rnn(b), "net.rnn, LSTM(4, 6)",
     ["b shape (5, 6)", "net.rnn.weight_ih_l0 shape (24, 4)"]),
    (lambda: cell(a, b), "cell, GRUCell(4, 6)", ["a shape (3, 4)", "b shape (5, 6)"]),
    (lambda: net.rnn(mg.zeros(2, 3, 4))[0] @ b, "matmul", ["[0] shape (2, 3, 6)"]),
    (lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(4, 2))(a), "nn.Sequential",
     ["a shape (3, 4)"]),
    (lambda: stack(a), "stack.2, Linear(in_features=4, out_features=2",
     ["its input shape (3, 5)", "stack.2.weight shape (2, 4)"]),
    (lambda: mg.cat([a, b], dim=1), "cat", ["a shape (3, 4)", "b shape (5, 6)", "dim 1"]),
    (lambda: cell(mg.zeros(2, 3), mg.zeros(1, 6)), "cell, GRUCell",
     ["mg.zeros(2, 3) shape (2, 3)"]),
    (lambda: nn.MultiheadAttention(4, 2)(a, a, b), "nn.MultiheadAttention", ["b shape (5, 6)"]),
    (lambda: own(a) @ b, "matmul", ["own(a) (not known any more)", "b shape (5, 6)"]),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)))
def test_operation_line_and_operands_are_named(case):
    function, operation, operands = CASES[case]
    text = message(function)
    assert f"operation: {operation}" in text
    assert re.search(r"line: .*test_explain_shapes\.py:\d+, in <lambda>: ", text)
    flat = " ".join(text.split())
    for operand in operands:
        assert operand in flat


def test_the_line_is_the_innermost_of_the_users():
    with pytest.raises(RuntimeError) as caught, mg.explain_shapes():
        net(mg.zeros(2, 3, 4))
    text = " ".join(str(caught.value).split())
    assert "in forward: return self.fc(self.norm(output[-1]))" in text
    assert "operation: self.fc, Linear(in_features=5, out_features=2" in text
    assert "self.norm(output[-1]) shape (3, 6)" in text
    assert "self.fc.weight shape (2, 5)" in text


def test_what_is_computed_once_more_changes_nothing():
    before = net.norm.num_batches_tracked.item()
    mg.manual_seed(3)
    with pytest.raises(RuntimeError), mg.explain_shapes():
        net(mg.zeros(2, 3, 4))
    assert net.norm.num_batches_tracked.item() == before + 1  # the run itself
    drawn = mg.rand(2).tolist()
    mg.manual_seed(3)
    assert mg.rand(2).tolist() == drawn


def test_in_place_by_operator():
    x = a.clone()
    with pytest.raises(RuntimeError) as caught, mg.explain_shapes():
        x += b
    assert "operation: add_, in x += b" in str(caught.value)
    assert "x  shape (3, 4)" in str(caught.value)


def test_what_is_written_by_index():
    x = a.clone()
    with pytest.raises(RuntimeError) as caught, mg.explain_shapes():
        x[1] = mg.zeros(5)
    flat = " ".join(str(caught.value).split())
    assert "operation: indexing, in x[1]" in flat
    assert "x shape (3, 4) 1 mg.zeros(5) shape (5,)" in flat


def test_it_is_a_decorator_and_explains_once():
    @mg.explain_shapes()
    def outer():
        with mg.explain_shapes():
            return a @ b

    with pytest.raises(RuntimeError) as caught:
        outer()
    assert str(caught.value).count("operation:") == 1


def test_other_errors_are_left_alone():
    for function, error in (
        (lambda: int("shape"), ValueError),
        (lambda: [1][3], IndexError),
        (lambda: mg.zeros(2, requires_grad=True).add_(1), RuntimeError),
        (lambda: own(a).nothing, AttributeError),
    ):
        with pytest.raises(error) as caught, mg.explain_shapes():
            function()
        assert "operation:" not in str(caught.value)

    def raises():
        raise ValueError("my own shape")

    with pytest.raises(ValueError, match=r"^my own shape$"), mg.explain_shapes():
        raises()


def test_without_source():
    with pytest.raises(RuntimeError) as caught, mg.explain_shapes():
        exec("a @ b", {"a": a, "b": b, "__name__": "script"})
    assert "line: <string>:1, in <module>" in str(caught.value)


def test_where_python_does_not_know_the_column(monkeypatch):
    shapes = sys.modules["minigrad.debug.shapes"]
    monkeypatch.setattr(shapes, "_position", lambda code, instruction: None)
    text = message(lambda: (a + 1) @ (c @ a.t()) + b)
    assert "operation: matmul, in (a + 1) @ (c @ a.t())" in text
