"""What users hang on the graph: hooks on tensors and nodes, `retain_grad`, Functions, walkers."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import autograd


def leaf(*values):
    return mg.tensor([float(v) for v in values], requires_grad=True)


def lists(tensors):
    return [None if t is None else t.tolist() for t in tensors]


# ------------------------------------------------------------------------------------------------
# retain_grad belongs to the tensor, hooks to the value that it had
# ------------------------------------------------------------------------------------------------


def written_itself(h):
    h.mul_(5)
    return h, h * 7


def written_through_a_view(h):
    h[0].mul_(5)
    return h, h * 7


def given_another_shape(h):
    h.unsqueeze_(0)
    return h, h * 7


def overwritten(h):
    h.copy_(mg.ones(2))
    return h, h * 7


def used_before_the_write(h):
    before = h * 100
    h.add_(1)
    return h, h * 7 + before


def dirtied_by_a_function(h):
    class Double(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return g * 2

    Double.apply(h)
    return h, h * 7


def written_under_no_grad(h):
    with mg.no_grad():
        h.mul_(5)
    return h, h * 7


@pytest.mark.parametrize(
    "write",
    [written_itself, written_through_a_view, given_another_shape, overwritten,
     used_before_the_write, dirtied_by_a_function, written_under_no_grad],
)  # fmt: skip
def test_retained_gradient_is_that_of_the_last_value(write):
    h = leaf(1, 2) * 3
    h.retain_grad()
    h, y = write(h)
    y.sum().backward()
    assert h.grad.shape == h.shape
    assert h.grad.reshape(2).tolist() == [7.0, 7.0]
    assert h.retains_grad


@pytest.mark.parametrize("order", ["hook first", "retained first"])
def test_retained_gradient_is_what_comes_out_of_all_hooks(order):
    h = leaf(1, 2) * 3
    if order == "hook first":
        h.register_hook(lambda g: g * 10)
        h.retain_grad()
    else:
        h.retain_grad()
        h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: g + 1)
    h.sum().backward()
    assert h.grad.tolist() == [11.0, 11.0]


def test_hooks_stay_with_the_value_that_they_were_registered_on():
    x = leaf(1, 2)
    seen = []
    h = x * 1
    h.register_hook(lambda g: seen.append(("old", g.tolist())))
    h.mul_(2)
    h.register_hook(lambda g: seen.append(("new", g.tolist())))
    (h * 3).sum().backward()
    assert seen == [("new", [3.0, 3.0]), ("old", [6.0, 6.0])]


def test_retained_gradient_of_a_view_of_a_base_that_changed():
    x = leaf(1, 2)
    base = x * 1
    view = base[0]
    view.retain_grad()
    base.mul_(2)
    (view * 3).backward()
    assert view.grad.item() == 3.0
    assert x.grad.tolist() == [6.0, 0.0]


def test_view_that_was_written_and_not_used_again_has_no_gradient():
    base = leaf(1, 2) * 1
    view = base[0]
    view.retain_grad()
    view.mul_(2)
    (base * 3).sum().backward()
    assert view.grad is None


def test_hooks_of_views_on_views():
    x = leaf(1, 2)
    base = x * 1
    base.retain_grad()
    view = base[0]
    view.retain_grad()
    view.mul_(3)
    base.mul_(2)
    (view + base.sum()).backward()
    assert (base.grad.tolist(), view.grad.item()) == ([2.0, 1.0], 1.0)
    assert x.grad.tolist() == [12.0, 2.0]


def test_retained_gradients_add_up_and_hooks_see_the_old_one():
    x = leaf(1, 2)
    h = x * 1
    h.retain_grad()
    seen = []
    h.register_hook(lambda g: seen.append(h.grad is None))
    y = (h * 2).sum()
    y.backward(retain_graph=True)
    autograd.grad(y, x)
    assert h.grad.tolist() == [4.0, 4.0]
    assert seen == [True, False]


def test_backward_into_what_is_no_leaf_is_retained_once():
    h = leaf(1, 2) * 1
    h.retain_grad()
    (h * 2).sum().backward(inputs=[h, h])
    assert h.grad.tolist() == [2.0, 2.0]
    other = leaf(1, 2) * 1
    (other * 2).sum().backward(inputs=other)
    assert other.grad.tolist() == [2.0, 2.0]
    assert other.retains_grad


def test_backward_into_one_leaf_named_twice():
    x = leaf(1)
    (x * 2).sum().backward(inputs=[x, x])
    assert x.grad.tolist() == [2.0]


def test_hooks_of_unused_outputs_are_called_with_none():
    a, b = (leaf(1, 2) * 1).unbind()
    seen = []
    b.register_hook(seen.append)
    a.backward()
    assert seen == [None]
    a, b = (leaf(1, 2) * 1).unbind()
    b.register_hook(lambda g: mg.ones(()))
    with pytest.raises(RuntimeError, match="can't replace a None gradient"):
        a.backward()


def test_the_gradient_of_a_slice_write_leaves_what_hooks_have_alone():
    def written():
        x = leaf(1, 2, 3)
        b = x * 1
        b[1] = x[0] * 5
        return x, b

    x, b = written()
    own = mg.tensor([7.0, 8.0, 9.0])
    b.grad_fn.register_prehook(lambda grads: (own,))
    (b * 1).sum().backward()
    assert own.tolist() == [7, 8, 9]
    assert x.grad.tolist() == [47, 0, 9]
    x, b = written()
    seen = []
    b.grad_fn.register_hook(lambda inputs, outputs: seen.extend(outputs))
    b.register_hook(seen.append)
    given = mg.ones(3)
    b.backward(given, retain_graph=True)
    assert [g.tolist() for g in (*seen, given)] == [[1, 1, 1]] * 3
    assert x.grad.tolist() == [6, 0, 1]
    x, b = written()
    of_b, of_x = mg.autograd.grad(b, [b, x], given)
    assert (of_b.tolist(), of_x.tolist(), given.tolist()) == ([1, 1, 1], [6, 0, 1], [1, 1, 1])


def test_an_output_that_leads_to_no_input_is_not_visited():
    a, b = leaf(1, 2), leaf(3, 4)
    c, seen = a * 2, []
    c.retain_grad()
    c.register_hook(seen.append)
    (c.sum() + (b * 3).sum()).backward(inputs=[b], retain_graph=True)
    mg.autograd.grad([c, b * 3], [b], [mg.ones(2)] * 2)
    assert c.grad is None
    assert seen == []


def test_hooks_of_unused_states_of_a_layer_are_not_called():
    # in PyTorch they come from nodes of their own, which no gradient reaches
    output, (h, c) = mg.nn.LSTM(2, 3)(mg.ones(4, 1, 2))
    for state in (h, c):
        state.register_hook(lambda g: g * 2)
    output.sum().backward()


@pytest.mark.parametrize("kind", ["tensor", "leaf", "node", "pre", "post accumulate"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_errors_of_hooks_leave_the_graph_and_the_mode_as_they_were(kind, create_graph):
    x = leaf(1, 2)
    h = x * x
    fail = lambda *args: 1 / 0  # noqa: E731
    handle = {
        "tensor": lambda: h.register_hook(fail),
        "leaf": lambda: x.register_hook(fail),
        "node": lambda: h.grad_fn.register_hook(fail),
        "pre": lambda: h.grad_fn.register_prehook(fail),
        "post accumulate": lambda: x.register_post_accumulate_grad_hook(fail),
    }[kind]()
    y = h.sum()
    with pytest.raises(ZeroDivisionError):
        y.backward(retain_graph=True, create_graph=create_graph)
    assert mg.is_grad_enabled()
    handle.remove()
    x.grad = None
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_post_accumulate_hook_may_write_in_place():
    x = leaf(1, 2)
    x.register_post_accumulate_grad_hook(lambda p: p.add_(p.grad, alpha=-1))
    (x * 3).sum().backward()
    assert x.tolist() == [-2.0, -1.0]
    assert x.requires_grad
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        (x * 3).sum().backward(create_graph=True)
    assert mg.is_grad_enabled()


# ------------------------------------------------------------------------------------------------
# Freezing after the forward pass
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freeze", [lambda w: w.requires_grad_(False), lambda w: w.detach_()])
def test_what_was_frozen_after_the_forward_gets_nothing(freeze):
    w, z = leaf(1, 2), leaf(3, 4)
    y = (w * z).sum() + w[0]
    freeze(w)
    y.backward()
    assert w.grad is None
    assert z.grad.tolist() == [1.0, 2.0]


def test_frozen_and_then_written():
    w, z = leaf(1, 2), leaf(3, 4)
    y = (w * 3).sum()
    w.requires_grad_(False)
    w.mul_(z)
    with pytest.raises(RuntimeError, match="leaf variable has been moved into the graph interior"):
        y.backward()


def test_views_stay_in_the_graph_when_their_base_is_detached():
    x = leaf(1, 2)
    base = x * 1
    view = base[0]
    base.detach_()
    assert view.requires_grad
    view.backward()
    assert x.grad.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_materialized_gradients(create_graph):
    x, unused = leaf(1), leaf(1, 2)
    gx, zeros = autograd.grad(
        (x * x).sum(), [x, unused], materialize_grads=True, create_graph=create_graph
    )
    assert zeros.tolist() == [0.0, 0.0]
    assert gx.requires_grad == zeros.requires_grad == create_graph


# ------------------------------------------------------------------------------------------------
# Walking through the graph
# ------------------------------------------------------------------------------------------------


def drawn(root):
    """Nodes and arrows as programs that draw graphs collect them."""
    names, arrows, seen = {}, [], set()

    def add(fn):
        if fn in seen:
            return
        seen.add(fn)
        names[id(fn)] = type(fn).__name__
        if hasattr(fn, "variable"):
            names[id(fn.variable)] = tuple(fn.variable.size())
            arrows.append((id(fn.variable), id(fn)))
        for attribute in dir(fn):
            if attribute.startswith("_saved_"):
                getattr(fn, attribute)
        for following, _ in fn.next_functions:
            if following is not None:
                arrows.append((id(following), id(fn)))
                add(following)
        for tensor in getattr(fn, "saved_tensors", ()):
            seen.add(tensor)
            names[id(tensor)] = tuple(tensor.size())

    add(root.grad_fn)
    return sorted(map(str, names.values())), sorted((str(names[a]), names[b]) for a, b in arrows)


def test_a_walker_draws_the_graph():
    w, x = leaf(1, 2), leaf(3, 4)
    names, arrows = drawn((w * x + w.exp()).sum())
    assert names == sorted(
        ["(2,)", "(2,)", "AccumulateGrad", "AccumulateGrad", "AddBackward0", "ExpBackward0",
         "MulBackward0", "SumBackward0"]
    )  # fmt: skip
    assert arrows == sorted(
        [("(2,)", "AccumulateGrad"), ("(2,)", "AccumulateGrad"), ("AddBackward0", "SumBackward0"),
         ("MulBackward0", "AddBackward0"), ("ExpBackward0", "AddBackward0"),
         ("AccumulateGrad", "MulBackward0"), ("AccumulateGrad", "MulBackward0"),
         ("AccumulateGrad", "ExpBackward0")]
    )  # fmt: skip


def test_a_walker_draws_a_network():
    model = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.ReLU(), mg.nn.Linear(4, 2))
    output, (h, c) = mg.nn.LSTM(2, 3, num_layers=2)(model(mg.ones(5, 1, 3)))
    names, _ = drawn(output.sum() + h.sum() + c[0].sum())
    assert names.count("AccumulateGrad") == 4 + 8
    for tensor in (output, h, c):
        name = tensor.grad_fn.name()
        assert f"grad_fn=<{name}>" in repr(tensor)
        assert type(tensor.grad_fn).__name__ == name
        assert repr(tensor.grad_fn).startswith(f"<{name} object at 0x")


def test_nodes_are_the_same_as_long_as_they_are_held():
    x = leaf(1)
    y = x * 2
    fn = y.grad_fn
    assert y.grad_fn is fn
    assert isinstance(fn, autograd.graph.Node)
    ((accumulate, output), (nothing, _)) = fn.next_functions
    assert fn.next_functions[0][0] is accumulate
    assert (accumulate.variable is x, output, accumulate.next_functions) == (True, 0, ())
    assert nothing is None
    assert accumulate.name() == "torch::autograd::AccumulateGrad"
    assert fn.requires_grad
    assert fn._sequence_nr() < (y * 2).grad_fn._sequence_nr() < accumulate._sequence_nr()
    fn.metadata["note"] = accumulate.metadata["note"] = 5
    del fn, accumulate
    assert y.grad_fn.metadata == y.grad_fn.next_functions[0][0].metadata == {"note": 5}
    with pytest.raises(AttributeError, match="'MulBackward0' object has no attribute 'missing'"):
        _ = y.grad_fn.missing


def test_saved_values_have_their_names():
    x = leaf(1, 2)
    fn = (x * x).grad_fn
    assert fn._saved_self.tolist() == fn._saved_other.tolist() == [1.0, 2.0]
    assert x.exp().grad_fn._saved_result.tolist() == x.exp().tolist()
    y = (x * x).sum()
    square = y.grad_fn.next_functions[0][0]
    y.backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = square._saved_self


def test_hooks_of_a_node_see_and_replace():
    x = leaf(1, 2)
    y = (x * x).sum()
    fn = y.grad_fn.next_functions[0][0]
    seen = []
    fn.register_prehook(lambda grads: seen.append(lists(grads)))
    fn.register_prehook(lambda grads: (grads[0] * 10,))
    fn.register_hook(lambda into, out: seen.append((lists(into), lists(out))))
    handle = fn.register_hook(lambda into, out: (into[0] * 2, into[1]))
    y.backward(retain_graph=True)
    assert seen == [[[1.0, 1.0]], ([[10.0, 20.0], [10.0, 20.0]], [[10.0, 10.0]])]
    assert x.grad.tolist() == [30.0, 60.0]
    handle.remove()
    (g,) = autograd.grad(y, x, create_graph=True)
    assert autograd.grad(g.sum(), x)[0].tolist() == [20.0, 20.0]


def test_the_order_of_all_hooks():
    x = leaf(1)
    h = x * 3
    seen = []

    def note(name):
        return lambda *args: seen.append((name, None if x.grad is None else x.grad.item()))

    h.grad_fn.register_hook(note("post"))
    h.grad_fn.register_prehook(note("pre"))
    h.register_hook(note("tensor"))
    arrival = h.grad_fn.next_functions[0][0]
    arrival.register_hook(note("leaf post"))
    arrival.register_prehook(note("leaf pre"))
    x.register_post_accumulate_grad_hook(note("accumulated"))
    x.register_hook(note("leaf"))
    y = (h * 2).sum()
    y.backward(retain_graph=True)
    assert seen == [
        ("tensor", None), ("pre", None), ("post", None), ("leaf", None), ("leaf pre", None),
        ("accumulated", 6.0), ("leaf post", 6.0),
    ]  # fmt: skip
    del seen[:]
    autograd.grad(y, h, retain_graph=True)  # goes no further
    assert seen == [("tensor", 6.0)]
    del seen[:]
    autograd.grad(y, x)
    assert [name for name, _ in seen] == ["tensor", "pre", "post", "leaf"]


def test_hook_on_the_arrival_at_a_parameter():
    x = leaf(1, 2)
    seen = []
    x.expand_as(x).grad_fn.next_functions[0][0].register_hook(
        lambda *unused: seen.append(x.grad.tolist())
    )
    (x * 2).sum().backward()
    assert seen == [[2.0, 2.0]]


@pytest.mark.parametrize(
    ("hook", "error", "text"),
    [
        (lambda into, out: into[0], TypeError, "expected tuple, but hook returned 'Tensor'"),
        (lambda into, out: (into[0],), RuntimeError, "returned an incorrect number of values"),
        (lambda into, out: (mg.ones(3), None), RuntimeError, "has changed the size of value"),
        (lambda into, out: (into[0], mg.ones(2)), RuntimeError, "can't replace a None gradient"),
        (lambda into, out: (1.0, None), TypeError, "expected Variable, but hook returned 'float'"),
    ],
)
def test_hooks_of_a_node_are_checked(hook, error, text):
    x = leaf(1, 2)
    y = x * 3
    y.grad_fn.register_hook(hook)
    with pytest.raises(error, match=text):
        y.sum().backward()


def test_hooks_may_take_a_gradient_away():
    for register in ("register_hook", "register_prehook"):
        x = leaf(1, 2)
        y = x * x
        getattr(y.grad_fn, register)(lambda *args: (None,) * len(args[0]))
        y.sum().backward()
        assert x.grad is None


class Kept(autograd.Function):
    """x + y, of which x gets no gradient."""

    @staticmethod
    def forward(ctx, x, y):
        return x + y

    @staticmethod
    def backward(ctx, g):
        return None, g


def test_hooks_see_a_gradient_that_is_none():
    # all that hangs on what leads to x is met with None, up to the leaf itself
    x, y = leaf(1, 2), leaf(3, 4)
    a, seen = x * 2, []
    a.retain_grad()
    a.register_hook(lambda g: seen.append(("a", g)))
    a.grad_fn.register_prehook(lambda g: seen.append(("before", g)))
    a.grad_fn.register_hook(lambda into, g: seen.append(("after", into, g)))
    x.register_hook(lambda g: seen.append(("x", g)))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(("added", t.grad)))
    Kept.apply(a, y).sum().backward()
    assert seen == [
        ("a", None), ("before", (None,)), ("after", (None, None), (None,)), ("x", None),
        ("added", None),
    ]  # fmt: skip
    assert (x.grad, a.grad) == (None, None)
    assert y.grad.tolist() == [1, 1]


def test_a_function_in_front_of_one_that_gives_none_is_asked_with_zeros():
    x = leaf(1, 2)
    Kept.apply(Kept.apply(leaf(0, 0), x), leaf(3, 4)).sum().backward()
    assert x.grad.tolist() == [0, 0]


@pytest.mark.parametrize("is_leaf", [True, False])
def test_the_module_s_gradient_of_an_input_that_gets_none_is_zero(is_leaf):
    class Add(mg.nn.Module):
        def forward(self, x, y):
            return Kept.apply(x, y)

    add, seen = Add(), []
    add.register_full_backward_hook(lambda module, into, out: seen.extend(lists(into)))
    x, y = leaf(1, 2), leaf(3, 4)
    add(x if is_leaf else x * 2, y).sum().backward()
    assert seen == [[0, 0], [1, 1]]
    assert lists([x.grad, y.grad]) == [[0, 0], [1, 1]]


def test_a_retained_gradient_begins_anew_when_its_tensor_has_another_shape():
    x = leaf(1, 2, 3)
    y = x * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    y.unsqueeze_(1)
    (y * 5).sum().backward()
    assert y.grad.tolist() == [[5], [5], [5]]


def test_hooks_of_the_only_root_run_though_no_wanted_input_is_behind_it():
    x, other, seen = leaf(1, 2), leaf(3, 4), []
    y = x * 2
    for t in (x, y):
        t.register_hook(lambda g: seen.append(g.tolist()))
        assert autograd.grad(t, other, mg.ones(2), allow_unused=True) == (None,)
    assert seen == [[1, 1], [1, 1]]


def test_hook_of_a_node_sees_the_gradient_of_an_index_as_a_tensor():
    x = leaf(1, 2)
    y = x[0]
    seen = []
    y.grad_fn.register_hook(lambda into, out: seen.extend(lists(into)))
    y.backward()
    assert seen == [[1.0, 0.0]]
    assert x.grad.tolist() == [1.0, 0.0]


# ------------------------------------------------------------------------------------------------
# Nests of backward passes, and threads
# ------------------------------------------------------------------------------------------------


def test_backward_inside_backward_may_be_deep():
    depth = [0]

    def hook(g):
        if depth[0] < 700:
            depth[0] += 1
            with mg.enable_grad():
                h = leaf(1) * 2
                h.register_hook(hook)
                h.sum().backward()
        assert not mg.is_grad_enabled()

    x = leaf(1)
    y = x * 2
    y.register_hook(hook)
    y.sum().backward()
    assert depth == [700]
    assert x.grad.tolist() == [2.0]
    assert mg.is_grad_enabled()


def test_errors_come_out_of_a_deep_nest():
    def hook(g, depth):
        if depth == 100:
            raise ValueError("deep down")
        with mg.enable_grad():
            h = leaf(1) * 2
            h.register_hook(lambda g: hook(g, depth + 1))
            h.sum().backward()

    y = leaf(1) * 2
    y.register_hook(lambda g: hook(g, 0))
    with pytest.raises(ValueError, match="deep down"):
        y.sum().backward()
    assert mg.is_grad_enabled()


def test_backward_without_an_end(monkeypatch):
    monkeypatch.setattr(sys.modules["minigrad.autograd.backward"], "DEPTH", 100)
    x = leaf(1)
    y = (x * x).sum()
    x.register_hook(lambda g: y.backward(retain_graph=True))
    with pytest.raises(RuntimeError, match="backward is nested 100 times"):
        y.backward(retain_graph=True)


def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_lose_no_contribution_to_a_leaf():
    w = mg.zeros(300_000, requires_grad=True)

    def work():
        for _ in range(10):
            (w * 1.0).sum().backward()

    in_threads(6, work)
    assert np.unique(w.grad.array).tolist() == [60.0]


def test_threads_share_a_graph_and_its_hooks():
    w = mg.zeros(50_000, requires_grad=True)
    calls = []
    w.register_hook(lambda g: calls.append(1))
    h = w * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 3)
    y = (h * h.detach().exp()).sum()

    def work():
        for _ in range(10):
            y.backward(retain_graph=True)

    in_threads(4, work)
    assert np.unique(w.grad.array).tolist() == [240.0]
    assert np.unique(h.grad.array).tolist() == [120.0]
    assert len(calls) == 40


def test_post_accumulate_hooks_of_a_leaf_run_in_turn():
    w = mg.zeros(20_000, requires_grad=True)
    total = np.zeros(20_000, np.float32)

    def take(p):
        total[...] += p.grad.array
        p.grad = None

    w.register_post_accumulate_grad_hook(take)

    def work():
        for _ in range(30):
            (w * 1.0).sum().backward()

    in_threads(4, work)
    assert np.unique(total).tolist() == [120.0]


# ------------------------------------------------------------------------------------------------
# Functions
# ------------------------------------------------------------------------------------------------


def function(forward, backward=None, setup_context=None):
    members = {"forward": staticmethod(forward)}
    if backward is not None:
        members["backward"] = staticmethod(backward)
    if setup_context is not None:
        members["setup_context"] = staticmethod(setup_context)
    return type("Fn", (autograd.Function,), members)


@pytest.mark.parametrize("materialize", [True, False])
def test_backward_gets_a_gradient_for_every_output(materialize):
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(materialize)
        return None, x * 2, "text", x * 3, x.long()

    def backward(ctx, *grads):
        seen.extend(lists(grads))
        return grads[1] * 2

    x = leaf(1, 2)
    nothing, y, text, _, integers = function(forward, backward).apply(x)
    assert (nothing, text, integers.requires_grad) == (None, "text", False)
    y.sum().backward()
    zeros = [0, 0] if materialize else None
    assert seen == [None, [1.0, 1.0], None, zeros, zeros]
    assert x.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("result", [None, 3.5, [], ()])
def test_forward_without_any_tensor(result):
    assert function(lambda ctx, x: result).apply(leaf(1)) == result


def test_defaults_and_names_of_arguments():
    seen = []

    def setup_context(ctx, inputs, output):
        seen.append(len(inputs))
        ctx.factor = inputs[1]

    scale = function(lambda x, k=3: x * k, lambda ctx, g: (g * ctx.factor, None), setup_context)
    x = leaf(1, 2)
    (
        scale.apply(x) + scale.apply(x, k=4) + scale.apply(x, 5) + scale.apply(k=6, x=x)
    ).sum().backward()
    assert seen == [2, 2, 2, 2]
    assert x.grad.tolist() == [18.0, 18.0]
    power = function(lambda ctx, x, k=3, j=0: x * k, lambda ctx, g: (g * 3, None))
    power.apply(x, k=3).sum().backward()
    with pytest.raises(TypeError, match="unexpected keyword argument 'k'"):
        function(lambda ctx, x, *, k: x).apply(x, k=3)


def test_vjp_is_another_name_for_backward():
    class Named(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    class Both(Named):
        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(1)
    Named.apply(x).backward()
    assert x.grad.tolist() == [2.0]
    with pytest.raises(RuntimeError, match="both 'backward' and 'vjp'"):
        Both.apply(x).backward()


def dirty_double(ctx, x, b):
    ctx.mark_dirty(x)
    x.mul_(2)
    return x


def dirty_gradients(ctx, g):
    return g * 2, g.sum().reshape(1) * 5


@pytest.mark.parametrize("use", ["base", "view", "result", "other view"])
def test_dirty_view(use):
    a, b = leaf(1, 2, 3, 4), leaf(1)
    x = a.clone()
    view, other = x[1:3], x[2:]
    result = function(dirty_double, dirty_gradients).apply(view, b)
    assert result is view
    assert x.tolist() == [1.0, 4.0, 6.0, 4.0]
    used = {"base": x, "view": view, "result": result, "other view": other}[use]
    (used * 3).sum().backward()
    expected = {"base": ([3.0, 6.0, 6.0, 3.0], [30.0]), "view": ([0.0, 6.0, 6.0, 0.0], [30.0]),
                "other view": ([0.0, 0.0, 6.0, 3.0], [15.0])}  # fmt: skip
    assert (a.grad.tolist(), b.grad.tolist()) == expected.get(use, expected["view"])


def test_a_function_that_writes_to_a_view_passes_by_the_hooks_of_the_view():
    x, b = leaf(1, 1, 1), leaf(1)
    view = (x * 1)[:2]
    view.register_hook(lambda g: g * 100)
    function(dirty_double, dirty_gradients).apply(view, b)
    view.sum().backward()
    assert x.grad.tolist() == [2, 2, 0]


def test_dirty_view_of_a_view_and_second_derivative():
    a, b = leaf(1, 2, 3), leaf(1)
    x = a * 1
    inner = x[1:][1:]
    function(dirty_double, dirty_gradients).apply(inner, b)
    (g,) = autograd.grad((x * x).sum(), a, create_graph=True)
    assert g.tolist() == [2.0, 4.0, 24.0]
    # the rule of `dirty_double` says that its derivative is 2, applied twice: 2 * 2 * 2
    assert autograd.grad(g.sum(), a)[0].tolist() == [2.0, 2.0, 8.0]


def test_dirty_view_of_a_constant_joins_the_graph():
    a, x = leaf(1, 2), mg.tensor([3.0, 4.0])
    view = x[:]
    function(lambda ctx, x, b: (ctx.mark_dirty(x), x.mul_(b))[1], lambda ctx, g: (g, g * 5)).apply(
        view, a
    )
    (x * 3).sum().backward()
    assert a.grad.tolist() == [15.0, 15.0]


def test_dirty_tensors_returned_several_times():
    a = leaf(1, 2)
    x, y = a.clone(), a.clone()
    two = function(
        lambda ctx, x, y: (ctx.mark_dirty(x, y), (x.mul_(2), y.mul_(3)))[1],
        lambda ctx, g, h: (g * 2, h * 3),
    )
    out = two.apply(x, y)
    assert out[0] is x
    assert out[1] is y
    (x * 3 + y).sum().backward()
    assert a.grad.tolist() == [9.0, 9.0]
    seen = []
    twice = function(
        lambda ctx, x: (ctx.mark_dirty(x), (x.mul_(2), x))[1],
        lambda ctx, g, h: (seen.extend(lists([g, h])), g + h)[1],
    )
    x = a.clone()
    first, second = twice.apply(x)
    assert first is second is x
    (first + second).sum().backward()
    assert seen == [[0.0, 0.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("make", "forward", "text"),
    [
        (lambda a: a, lambda ctx, x: (ctx.mark_dirty(x), x)[1], "a leaf Variable that requires"),
        (lambda a: a[:1], lambda ctx, x: (ctx.mark_dirty(x), x)[1], "a view of a leaf Variable"),
        (lambda a: (a * 1).unbind()[0], lambda ctx, x: (ctx.mark_dirty(x), x)[1],
         "Output 0 of Unbind is a view and is being modified inplace"),
        (lambda a: (a * 1)[0].expand(3), lambda ctx, x: (ctx.mark_dirty(x), x)[1],
         "more than one element of the written-to tensor"),
        (lambda a: (a * 1)[:1], lambda ctx, x: (ctx.mark_dirty(x), (x, x * 2))[1],
         "Function cannot return more than one Tensor"),
        (lambda a: a * 1, lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1],
         "must all be outputs of the Function"),
        (lambda a: a.detach(), lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1],
         "must all be outputs of the Function"),
        (lambda a: a, lambda ctx, x: (ctx.mark_dirty(3), x)[1], "mark_dirty can only accept"),
        (lambda a: a, lambda ctx, x: (ctx.mark_non_differentiable(3), x)[1],
         "mark_non_differentiable can only accept"),
    ],
)  # fmt: skip
def test_errors_of_dirty_tensors(make, forward, text):
    with pytest.raises(RuntimeError, match=text):
        function(forward, lambda ctx, *grads: grads[0]).apply(make(leaf(1, 2)))


def test_dirty_tensor_that_is_no_input_warns():
    fresh = function(lambda ctx, x: ((y := x * 2), ctx.mark_dirty(y), y)[2], lambda ctx, g: g)
    with pytest.warns(UserWarning, match="not an input"):
        fresh.apply(leaf(1))


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (lambda ctx, x: x, "created inside a custom Function"),
        (lambda ctx, x: x[:1], "created inside a custom Function"),
        (lambda ctx, x: (x, x * 2), "returns multiple views"),
    ],
)
def test_view_that_a_function_returns_must_not_be_written(forward, text):
    apply = function(forward, lambda ctx, *grads: grads[0]).apply
    for make in (lambda a: a, lambda a: a * 1):
        out = apply(make(leaf(1, 2)))
        out = out[0] if isinstance(out, tuple) else out
        with pytest.raises(RuntimeError, match=f"Output 0 of Fn is a view.*{text}"):
            out.mul_(2)
        with pytest.raises(RuntimeError, match=f"Output 0 of Fn is a view.*{text}"):
            out[0] = 5.0


def test_view_that_a_function_returned_is_lost_when_its_base_is_written():
    x = leaf(1, 2) * 1
    y = function(lambda ctx, x: x.view(2), lambda ctx, g: g * 7).apply(x)
    x.mul_(2)
    with pytest.raises(
        RuntimeError, match="its base or another view of its base has been modified"
    ):
        y.sum()


def test_input_that_a_function_returns_shares_its_version():
    x = leaf(1, 2) * 1
    y = function(lambda ctx, x: x, lambda ctx, g: g * 7).apply(x)
    assert y is not x
    square = (y * y).sum()
    with mg.no_grad():
        x.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()


def test_outputs_without_a_gradient_are_other_tensors_than_inputs():
    x = leaf(1)
    for y in (
        function(lambda ctx, x: (ctx.mark_non_differentiable(x), x)[1]).apply(x),
        function(lambda ctx, x: x).apply(mg.ones(1)),
    ):
        assert y is not x
        assert not y.requires_grad
    assert x.requires_grad
    with mg.no_grad():
        y = function(dirty_double).apply(x, 1)
    assert y is not x
    assert (y.requires_grad, x.requires_grad, x.tolist()) == (False, True, [2.0])


def test_what_the_node_of_a_function_shows():
    def forward(ctx, x):
        assert ctx.saved_tensors == ()
        ctx.save_for_backward(x)
        ctx.note = 5
        return x * 2

    x = leaf(1)
    fn = function(forward, lambda ctx, g: g * 2).apply(x).grad_fn
    assert type(fn).__name__ == fn.name() == "FnBackward"
    assert (fn.note, fn.needs_input_grad, fn.saved_tensors[0] is x) == (5, (True,), True)
    assert fn.next_functions[0][0].variable is x


# ------------------------------------------------------------------------------------------------
# Nothing is left to the garbage collector
# ------------------------------------------------------------------------------------------------


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("way", ["input", "intermediate", "saved", "setup_context", "no graph"])
def test_functions_are_freed_without_the_collector(no_collector, way):
    contexts = []

    def save(ctx, x, y):
        contexts.append(weakref.ref(ctx))
        if way in ("saved", "setup_context"):
            ctx.save_for_backward(x, y)
        else:
            ctx.kept = x if way == "input" else x.clone()

    def forward(ctx, x):
        y = x * 2
        save(ctx, x, y)
        return y

    def setup_context(ctx, inputs, output):
        save(ctx, inputs[0], output)

    def backward(ctx, g):
        _ = ctx.saved_tensors
        return g * 2

    if way == "setup_context":
        fn = function(lambda x: x * 2, backward, setup_context)
    else:
        fn = function(forward, backward)
    x = leaf(1) * 1 if way != "no graph" else mg.ones(1)
    y = fn.apply(x)
    z = fn.apply(x)  # whose backward never runs
    alive = [weakref.ref(v) for v in (x, y, z)]
    if way != "no graph":
        y.backward()
    del x, y, z
    assert [r for r in alive + contexts if r() is not None] == []


# ------------------------------------------------------------------------------------------------
# A write through a view is a write to its base
# ------------------------------------------------------------------------------------------------


def test_a_write_through_a_view_passes_by_the_hooks_of_views():
    x = mg.ones(2, 2).requires_grad_()
    y = x * 1
    seen = []
    y.register_hook(lambda g: g * 10)
    row = y[0]
    row.register_hook(lambda g: seen.append(g) or g * 100)
    row[1:].mul_(3.0)
    row *= 2
    y.sum().backward()
    assert x.grad.tolist() == [[20, 60], [10, 10]]
    assert not seen


def test_a_view_read_before_the_write_keeps_its_hooks():
    x = mg.ones(3).requires_grad_()
    y = x * 1
    v = y[:2]
    v.register_hook(lambda g: g * 100)
    read = v * 1
    v.zero_()
    (read.sum() + y.sum()).backward()
    assert x.grad.tolist() == [100, 100, 1]


def test_a_function_that_returns_its_input_leaves_the_input_where_it_was():
    class Same(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    for make, through_one, through_two in [
        (lambda x: x * 1, 1, 2),
        (lambda x: x.reshape(-1), 1, 2),  # a view
        (Same.apply, 2, 4),
    ]:
        x = mg.ones(2, requires_grad=True)
        y = make(x)
        z = Same.apply(y)
        y.sum().backward(retain_graph=True)
        assert x.grad.tolist() == [through_one] * 2
        x.grad = None
        z.sum().backward()
        assert x.grad.tolist() == [through_two] * 2


def test_the_gradient_of_an_input_that_wants_none_may_have_any_shape():
    class Product(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y, (g * x).sum()

    x = mg.tensor([2.0, 3.0], requires_grad=True)
    Product.apply(x, mg.tensor([4.0, 5.0])).sum().backward()
    assert x.grad.tolist() == [4.0, 5.0]
    with pytest.raises(RuntimeError, match="invalid gradient at index 1"):
        Product.apply(x, mg.ones(2, requires_grad=True)).sum().backward()


# ------------------------------------------------------------------------------------------------
# While backward goes on
# ------------------------------------------------------------------------------------------------


def test_post_accumulate_hooks_run_as_soon_as_the_gradient_is_complete():
    """When the last of its uses has been walked, and before what lies behind is."""
    first, last = [mg.tensor(2.0, requires_grad=True) for _ in range(2)]
    seen = []
    first.register_post_accumulate_grad_hook(lambda p: seen.append(("first", p.grad.item())))
    last.register_post_accumulate_grad_hook(lambda p: seen.append(("last", p.grad.item())))
    middle = first * 3
    middle.register_hook(lambda g: seen.append(("middle", g.item())))
    ((middle * last) * last).backward()  # 3 first last^2
    assert seen == [("last", 24.0), ("middle", 4.0), ("first", 12.0)]


def test_a_hook_may_free_and_change_its_leaf_while_backward_goes_on():
    layers = [mg.nn.Linear(3, 3) for _ in range(3)]
    expected = [mg.nn.Linear(3, 3) for _ in range(3)]
    for mine, theirs in zip(layers, expected):
        theirs.load_state_dict(mine.state_dict())
    together = mg.optim.SGD([p for layer in expected for p in layer.parameters()], lr=0.1)

    def step(p):
        with mg.no_grad():
            p.add_(p.grad, alpha=-0.1)
        p.grad = None

    for layer in layers:
        for p in layer.parameters():
            p.register_post_accumulate_grad_hook(step)
    x = mg.randn(2, 3)
    for stack in (layers, expected):
        y = x
        for layer in stack:
            y = layer(y).tanh()
        y.sum().backward()
    together.step()
    for mine, theirs in zip(layers, expected):
        assert mg.allclose(mine.weight, theirs.weight)
        assert mine.weight.grad is None


def test_grad_and_inputs_leave_early_hooks_alone():
    x, y = [mg.tensor(2.0, requires_grad=True) for _ in range(2)]
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item()))
    assert mg.autograd.grad(x * y, x)[0].item() == 2.0
    assert seen == []
    (x * y).backward(inputs=[y])
    assert seen == []
    (x * y).backward(inputs=[x])
    assert seen == [2.0]


def test_callbacks_run_at_the_end_of_the_outermost_backward():
    from minigrad.autograd.backward import queue_callback

    x, seen = mg.tensor(2.0, requires_grad=True), []

    def outer(g):
        queue_callback(lambda: seen.append(("end", x.grad.item())))
        inner = mg.tensor(1.0, requires_grad=True)
        inner.register_hook(lambda g: queue_callback(lambda: seen.append("end of inner")))
        with mg.enable_grad():
            (inner * 2).backward()
        seen.append("hook")

    y = x * 3
    y.register_hook(outer)
    y.backward()
    assert seen == ["hook", ("end", 3.0), "end of inner"]
    with pytest.raises(RuntimeError, match="during backward"):
        queue_callback(print)

    def fail(g):
        queue_callback(lambda: seen.append("never"))
        raise KeyError("oops")

    y = x * 3
    y.register_hook(fail)
    with pytest.raises(KeyError):
        y.backward()
    (x * 3).backward()
    assert "never" not in seen
