"""The picture of a graph says what the graph says, and what state it is in."""

import re
import shutil
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.nn.hooks import Hookable
from minigrad.viz.folding import Run, Source, runs

pytestmark = pytest.mark.once  # pictures are the same at every level

T, N, H = 6, 2, 4


def leaf(*shape):
    return mg.randn(*shape, requires_grad=True)


@pytest.fixture(autouse=True)
def seed():
    mg.manual_seed(0)


def boxes(picture, *kinds):
    """Their titles, of some kinds or all."""
    return [b.title for b in picture.picture.boxes if not kinds or b.kind in kinds]


def box(picture, title):
    (found,) = [b for b in picture.picture.boxes if b.title == title]
    return found


def arrows(picture):
    titles = boxes(picture)
    return {(titles[a.source], titles[a.target], a.label, a.back) for a in picture.picture.arrows}


def grad_fns(tensor):
    """How many different nodes other people find, by walking ``grad_fn``."""
    seen, ahead = set(), [tensor.grad_fn]
    while ahead:
        fn = ahead.pop()
        if fn not in seen and fn.name() != "torch::autograd::AccumulateGrad":
            seen.add(fn)
            ahead += [following for following, _ in fn.next_functions if following is not None]
    return len(seen)


# ------------------------------------------------------------------------------------------------
# Operations and leaves
# ------------------------------------------------------------------------------------------------


def test_operations_leaves_and_arrows():
    w, x = leaf(3, H), mg.randn(N, 3)
    y = ((x @ w).tanh() * 2).sum()
    g = viz.graph(y, {"w": w})
    assert boxes(g) == ["w", "mm", "tanh", "mul", "sum"]
    assert boxes(g, "leaf") == ["w"]
    assert arrows(g) == {
        ("w", "mm", "", False), ("mm", "tanh", "", False), ("tanh", "mul", "", False),
        ("mul", "sum", "", False),
    }  # fmt: skip
    assert [b.title for b in g.picture.boxes if b.is_result] == ["sum"]
    for name in ("mm", "tanh", "mul"):
        assert box(g, name).lines[0] == "shape (2, 4)"
    assert box(g, "sum").lines == [f"{y.item():.4g}"]


def test_values_are_those_that_were_saved():
    x = mg.tensor([0.0, 1.0, 2.0], requires_grad=True)
    g = viz.graph(x.exp().log().sum())
    assert box(g, "exp").lines == ["shape (3,)", "1, 2.718, 7.389"]
    big = viz.graph(mg.arange(10.0).requires_grad_().exp().sum())
    assert box(big, "exp").lines == ["shape (10,)", f"1 to {np.exp(9):.4g}"]
    strange = viz.graph(mg.tensor([1.0, 2, 3, float("nan"), float("inf")]).requires_grad_().exp())
    assert "2.718 to 20.09, with nan or inf" in box(strange, "exp").lines


def test_values_that_were_changed_since_are_not_shown():
    x = leaf(3)
    y = x.exp()
    z = y.detach()
    loss = y.sum()
    z.zero_()
    assert box(viz.graph(loss), "exp").lines == ["shape (3,)"]


def test_every_operation_is_a_box():
    x = leaf(3, 3)
    y = (x @ x + x.exp()).tanh().sum() / 2
    g = viz.graph(y, depth=0)
    assert len(boxes(g, "operation")) == grad_fns(y)
    assert boxes(g, "leaf") == ["tensor"]  # once, though it is used three times


def test_names_of_tensors_on_the_way():
    x = leaf(3)
    h = x * 2
    g = viz.graph(h.sum(), {"x": x, "h": h})
    assert box(g, "mul").lines[0] == "= h"
    assert boxes(g, "leaf") == ["x"]


def test_names_of_a_module():
    model = nn.Sequential(nn.Linear(3, 2))
    loss = model(mg.ones(1, 3)).sum()
    assert boxes(viz.graph(loss, model), "leaf") == ["0.weight", "0.bias"]
    assert boxes(viz.graph(loss, {"m": model}), "leaf") == ["m.0.weight", "m.0.bias"]


def test_layers_and_cells_of_ours_are_named():
    lstm, cell = nn.LSTM(3, 4), nn.GRUCell(3, 4)
    if mg._kernels.level == "reference":
        pytest.skip("without kernels they are made of single operations")
    assert "lstm over a sequence" in boxes(viz.graph(lstm(mg.ones(5, 3))[0].sum()))
    assert "gru_step" in boxes(viz.graph(cell(mg.ones(5, 3)).sum()))


# ------------------------------------------------------------------------------------------------
# What state it is in
# ------------------------------------------------------------------------------------------------


def test_before_and_after_backward():
    w = leaf(3)
    loss = (w.exp() * 2).sum()
    before = viz.graph(loss, {"w": w})
    assert before.picture.caption == "before backward(): gradients are not there yet"
    assert box(before, "w").lines[-1] == "no grad yet"
    loss.backward()
    after = viz.graph(loss, {"w": w})
    assert after.picture.caption.startswith("after backward()")
    assert box(after, "w").lines[-1] == f"norm of grad {w.grad.norm().item():.4g}"
    assert "no grad" in before.outline  # a picture stays what it was


def test_an_earlier_gradient_is_not_taken_for_this_one():
    w = leaf(3)
    w.sum().backward()
    with viz.recording():
        loss = (w * w).sum()
    assert viz.graph(loss).picture.caption == (
        "before backward(): the gradients of leaves are those of an earlier one"
    )
    loss.backward(retain_graph=True)
    assert viz.graph(loss).picture.caption == "after backward()"
    assert "earlier" in viz.graph((w * w).sum()).picture.caption


def test_gradients_that_were_set_to_none():
    w = leaf(3)
    loss = (w * w).sum()
    loss.backward()
    w.grad = None
    assert viz.graph(loss).picture.caption.endswith("no leaf has a .grad")


def test_retained_gradients_are_shown():
    w = leaf(3)
    h = w.exp()
    h.retain_grad()
    loss = (h * mg.tensor([1.0, 2.0, 2.0])).sum()
    loss.backward()
    assert box(viz.graph(loss), "exp").lines == ["norm of grad 3"]


def test_recording_keeps_values_and_gradients():
    w = leaf(3)
    with viz.recording():
        h = w + 1
        loss = (h * mg.tensor([1.0, 2.0, 2.0])).sum()
    assert box(viz.graph(loss), "add").lines == [
        "shape (3,)", ", ".join([f"{v:.4g}" for v in h.tolist()])
    ]  # fmt: skip
    loss.backward()
    assert box(viz.graph(loss), "add").lines[-1] == "norm of grad 3"
    assert box(viz.graph(loss), "sum").lines[-1] == "grad 1"


def test_recording_changes_no_numbers_and_leaves_nothing_behind():
    model = nn.Sequential(nn.LSTM(3, 4), nn.Tanh())[0]
    x, hooked = mg.randn(5, 2, 3), Hookable._hooked
    plain = model(x)[0].square().sum()
    plain.backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with viz.recording():
        recorded = model(x)[0].square().sum()
    recorded.backward()
    assert mg.equal(plain, recorded)
    assert all(mg.equal(p.grad, g) for p, g in zip(model.parameters(), expected))
    assert Hookable._hooked == hooked
    later = (leaf(3) * 2).sum()
    assert later.node._hooks is None


def test_recordings_do_not_nest():
    with viz.recording(), pytest.raises(RuntimeError, match="one at a time"), viz.recording():
        pass
    hooked = Hookable._hooked
    with pytest.raises(ZeroDivisionError), viz.recording():
        raise ZeroDivisionError
    assert Hookable._hooked == hooked  # or nothing could be compiled any more
    with viz.recording():  # it has ended
        pass


# ------------------------------------------------------------------------------------------------
# Modules
# ------------------------------------------------------------------------------------------------


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 5), nn.Tanh())
        self.output = nn.Linear(5, 2)

    def forward(self, x):
        return self.output(self.encoder(x) * 2)


def test_the_call_of_a_module_is_one_box():
    model = Model()
    with viz.recording():
        loss = model(mg.ones(4, 3)).sum()
    g = viz.graph(loss)
    assert boxes(g) == ["Model", "sum"]
    assert box(g, "Model").kind == "module"
    assert box(g, "Model").lines[0] == "shape (4, 2)"
    assert box(g, "Model").lines[2:] == [
        f"{name} {tuple(p.shape)}, no grad yet" for name, p in model.named_parameters()
    ]
    assert boxes(viz.graph(loss, depth=2)) == [
        "encoder: Sequential", "mul", "output: Linear", "sum"
    ]  # fmt: skip
    assert "encoder.1: Tanh" in boxes(viz.graph(loss, depth=3))
    assert len(boxes(viz.graph(loss, depth=0), "operation")) == grad_fns(loss)
    assert "encoder.0.weight" in boxes(viz.graph(loss, depth=0), "leaf")
    loss.backward()
    norm = model.output.bias.grad.norm().item()
    assert f"output.bias (2,), norm of grad {norm:.4g}" in box(viz.graph(loss), "Model").lines


def test_an_input_of_a_module_is_no_parameter():
    x, linear = leaf(4, 3), nn.Linear(3, 2)
    with viz.recording():
        loss = linear(x).sum()
    g = viz.graph(loss, {"x": x})
    assert boxes(g) == ["x", "Linear", "sum"]
    assert ("x", "Linear", "", False) in arrows(g)


def test_a_module_that_raises():
    class Bad(nn.Module):
        def forward(self, x):
            raise ValueError

    linear = nn.Linear(3, 2)
    with viz.recording():
        with pytest.raises(ValueError):  # noqa: PT011
            Bad()(mg.ones(3))
        y = linear(mg.ones(3)).sum()
    assert boxes(viz.graph(y)) == ["Linear", "sum"]


# ------------------------------------------------------------------------------------------------
# Loops
# ------------------------------------------------------------------------------------------------


def unrolled(steps=T, xs=None, h=None):
    w, u, b = leaf(3, H), leaf(H, H), leaf(H)
    h = mg.zeros(N, H) if h is None else h
    hs = []
    for t in range(steps):
        x = mg.randn(N, 3) if xs is None else xs[t]
        h = (x @ w + h @ u + b).tanh()
        hs.append(h)
    return {"w": w, "u": u, "b": b}, hs


@pytest.mark.parametrize("steps", [3, 6, 300])
def test_an_unrolled_recurrence_is_one_step(steps):
    names, hs = unrolled(steps)
    g = viz.graph(hs[-1].sum(), names)
    assert boxes(g) == ["w", "mm", "u", "mm", "add", "b", "add", "tanh", "sum"]
    assert [b.loop for b in g.picture.boxes] == [None, 0, None, 0, 0, None, 0, 0, None]
    assert g.picture.loops == [f"{steps} times, the last one shown"]
    back = [a for a in g.picture.arrows if a.back]
    assert [(a.source, a.target, a.label) for a in back] == [(7, 3, "next step")]
    (last,) = [a for a in g.picture.arrows if a.target == 8]
    assert (last.source, last.label) == (7, "")
    values = hs[-1].detach()
    assert g.picture.boxes[7].lines[1] == f"{values.min().item():.4g} to {values.max().item():.4g}"
    assert len(viz.graph(hs[-1].sum(), fold=False, limit=10**6).picture.boxes) == 5 * steps + 4


def test_two_steps_are_drawn_as_two():
    _, hs = unrolled(2)
    assert viz.graph(hs[-1]).picture.loops == []


def test_what_goes_in_and_out_of_a_loop():
    h, xs = leaf(N, H), [leaf(N, 3) for _ in range(T)]
    names, hs = unrolled(xs=xs, h=h)
    names = {**names, "h": h, **{f"x{k}": x for k, x in enumerate(xs)}}
    g = viz.graph(mg.stack(hs).sum(), names)
    assert boxes(g, "leaf") == ["x0 ... x5", "w", "h", "u", "b"]
    said = {(source, label) for source, _, label, _ in arrows(g)}
    assert said >= {("x0 ... x5", "one a step"), ("h", "first step"), ("tanh", "every step")}
    assert box(g, "x0 ... x5").lines == ["shape (2, 3)", "no grad yet"]
    some = viz.graph(hs[2].sum() + hs[-1].sum(), names)
    assert ("tanh", "some steps") in {(s, label) for s, _, label, _ in arrows(some)}
    mg.stack(hs).sum().backward()
    assert box(viz.graph(mg.stack(hs).sum(), names), "x0 ... x5").lines[1] == "6 have a grad"


def test_outputs_of_one_operation_go_into_a_loop():
    x = leaf(T, N, 3)
    names, hs = unrolled(xs=(x * 2).unbind(0))
    g = viz.graph(hs[-1], {**names, "x": x})
    assert ("unbind", "mm", "one a step", False) in arrows(g)
    assert boxes(g).count("unbind") == 1


def test_calls_of_cells_fold():
    cell, output = nn.LSTMCell(3, H), nn.Linear(H, 2)
    state = (leaf(N, H), leaf(N, H))
    losses = []
    with viz.recording():
        for _ in range(T):
            state = cell(mg.randn(N, 3), state)
            losses.append(output(state[0]).square().mean())
        loss = mg.stack(losses).sum()
    g = viz.graph(loss)
    assert boxes(g, "module") == ["LSTMCell", "Linear"]
    assert {b.loop for b in g.picture.boxes if b.kind == "module"} == {0}
    assert ("LSTMCell", "LSTMCell", "next step", True) in arrows(g)


def test_loops_one_after_the_other():
    names, hs = unrolled()
    more, outputs = unrolled(5, h=hs[-1])
    g = viz.graph(outputs[-1].sum(), {**names, **{f"{k}2": v for k, v in more.items()}})
    assert g.picture.loops == ["6 times, the last one shown", "5 times, the last one shown"]
    assert ("tanh", "mm", "first step", False) in arrows(g)


def test_loops_of_two_layers():
    cells = [nn.RNNCell(3, H), nn.RNNCell(H, H)]
    states = [leaf(N, H), leaf(N, H)]
    with viz.recording():
        for _ in range(T):
            x = mg.randn(N, 3)
            for k, cell in enumerate(cells):
                x = states[k] = cell(x, states[k])
    g = viz.graph(x.sum())
    assert boxes(g, "module") == ["RNNCell", "RNNCell"]
    assert len([a for a in g.picture.arrows if a.back]) == 2


def test_other_layers_are_no_loop():
    h = leaf(N, H)
    for _ in range(T):
        h = (h @ nn.Parameter(mg.randn(H, H))).tanh()
    g = viz.graph(h)
    assert g.picture.loops == []
    assert boxes(g).count("parameter") == T


def test_the_same_kinds_from_elsewhere_are_no_loop():
    w = Source(-1, 0, "w")
    inputs = [[w], [w], *[[w if k % 3 else Source(0, 0), w] for k in range(6)]]
    assert runs(["mul", "add"] * 4, inputs) == []


def test_what_came_before_a_loop_does_not_turn_it():
    """h0 = tanh(...): the step still begins with the product, not with its tanh."""
    h0 = leaf(N, H).tanh()
    _, hs = unrolled(h=h0)
    g = viz.graph(hs[-1])
    inside = [b.title for b in g.picture.boxes if b.loop is not None]
    assert inside == ["mm", "mm", "add", "add", "tanh"]


def test_runs_of_a_loop_that_begins_without_a_state():
    w = Source(-1, 0, "w")
    inputs = [[None, w], [Source(0, 0)]]
    for k in range(2, 10, 2):
        inputs += [[Source(k - 1, 0), w], [Source(k, 0)]]
    assert runs(["mul", "tanh"] * 5, inputs) == [Run(0, 2, 5)]


def test_a_long_graph_does_not_explode():
    x = leaf(3)
    for k in range(400):
        x = (x.sin, x.exp, x.cos, x.tanh, x.sigmoid)[(k * k * 7 + k // 3) % 5]()
    g = viz.graph(x, fold=False, limit=10)
    assert boxes(g)[0] == "390 earlier operations (limit=10)"
    assert len(boxes(g)) == 11
    assert len(viz.graph(x).picture.boxes) <= 102


def test_boxes_stay_small():
    x = leaf(50, 3)
    g = viz.graph(mg.stack(list((x * 2).unbind(0))).sum())
    assert box(g, "unbind").lines[-1] == "46 more outputs"
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(20)])
    with viz.recording():
        loss = model(mg.ones(1, 2)).sum()
    assert box(viz.graph(loss), "Sequential").lines[-1] == "28 more parameters"


# ------------------------------------------------------------------------------------------------
# What becomes of it
# ------------------------------------------------------------------------------------------------


def picture_of_a_loop():
    names, hs = unrolled()
    return viz.graph(hs[-1].sum(), names)


def test_source_has_all_boxes_and_arrows():
    pytest.importorskip("graphviz", reason="the package graphviz is not installed")
    g = picture_of_a_loop()
    source = g.source
    assert source.count("->") == len(g.picture.arrows)
    assert len(re.findall(r"^\s*n\d+ \[", source, re.MULTILINE)) == len(g.picture.boxes)
    assert "subgraph cluster_0" in source
    assert '"6 times, the last one shown"' in source
    assert "gradients are not there yet" in source


needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is missing")


@needs_dot
def test_drawn(tmp_path):
    pytest.importorskip("graphviz", reason="the package graphviz is not installed")
    g = picture_of_a_loop()
    svg = g.svg()
    assert svg.count('class="node"') == len(g.picture.boxes)
    assert svg.count('class="edge"') == len(g.picture.arrows)
    assert g._repr_mimebundle_()["image/svg+xml"] == svg
    g.save(tmp_path / "g.png")
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


@needs_dot
@pytest.mark.parametrize("name", [
    "<b>", 'a "quoted" name', "back\\slash\\n", "line\nbreak", "x" * 200, "<", "ü → ∂",
])  # fmt: skip
def test_any_name_can_be_drawn(name):
    pytest.importorskip("graphviz", reason="the package graphviz is not installed")
    x = leaf(3)
    svg = viz.graph(x.exp(), {name: x}).svg()
    assert svg.count('class="node"') == 2
    assert max(map(len, re.findall(r"<text[^>]*>([^<]*)</text>", svg))) < 60


def test_without_dot(monkeypatch, tmp_path):
    pytest.importorskip("graphviz", reason="the package graphviz is not installed")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    g = picture_of_a_loop()
    with pytest.raises(RuntimeError, match="program `dot` is not installed"):
        g.svg()
    bundle = g._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert g.outline in bundle["text/plain"]
    assert "`dot` is not installed" in bundle["text/plain"]
    g.save(tmp_path / "g.dot")
    assert (tmp_path / "g.dot").read_text(encoding="utf-8") == g.source


def test_without_graphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    g = picture_of_a_loop()
    with pytest.raises(ImportError) as caught:
        _ = g.source
    assert str(caught.value) == 'graphviz is not installed: pip install "minigrad[viz]"'
    assert "pip install" in g._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(("ask", "error", "said"), [
    (lambda: viz.graph(mg.ones(2)), ValueError, "it requires no gradient"),
    (lambda: viz.graph(leaf(2)), ValueError, "it is a leaf"),
    (lambda: viz.graph(3.0), TypeError, "expected a Tensor, got float"),
    (lambda: viz.graph(leaf(2).exp(), [1]), TypeError, "names: expected a Module or a mapping"),
    (lambda: viz.graph(leaf(2).exp(), {"x": 1}), TypeError, "'x' is no Tensor nor Module, but int"),
    (lambda: viz.graph(leaf(2).exp(), limit=0), ValueError, "limit 1 or more, got 1, 0"),
    (lambda: viz.graph(leaf(2).exp(), depth=-1), ValueError, "depth must be 0 or more"),
    (lambda: viz.graph(leaf(2).exp()).save("x"), ValueError, "'x' has no ending"),
])  # fmt: skip
def test_what_cannot_be_drawn_says_why(ask, error, said):
    with pytest.raises(error, match=said):
        ask()


def test_in_place_operations_and_views():
    x = leaf(3, 3)
    y = x * 2
    y[0] = y[1].exp()
    loss = y.sum()
    g = viz.graph(loss, depth=0)
    assert len(boxes(g, "operation")) == grad_fns(loss)
    with viz.recording():
        y = x * 2
        y[0].mul_(3)
        loss = y.sum()
    loss.backward()
    assert mg.equal(x.grad, mg.tensor([[6.0] * 3, [2.0] * 3, [2.0] * 3]))
    assert box(viz.graph(loss), "sum").lines[-1] == "grad 1"


def test_functions_of_users():
    class Double(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(3)
    with viz.recording():
        loss = Double.apply(x).sum()
    g = viz.graph(loss)
    assert "Double" in boxes(g)[1]
    assert box(g, boxes(g)[1]).lines[0] == "shape (3,)"


@pytest.mark.parametrize("depth", [0, 1])
def test_attention_and_other_things_with_many_outputs(depth):
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    with viz.recording():
        loss = layer(mg.randn(5, 2, 4)).sum() + leaf(3).sort()[0][0] + leaf(4).split(2)[1].sum()
    g = viz.graph(loss, depth=depth)
    assert g.outline
    if not depth:
        assert len(boxes(g, "operation")) == grad_fns(loss)
