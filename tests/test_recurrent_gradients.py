"""Derivatives of all recurrent layers and cells, of first and higher order; which parts get a
gradient; and that nothing computed before can silently be changed under one."""

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.nn.utils.rnn import pack_padded_sequence

facts, leaf = family.facts, family.leaf

T, N, I, H = 3, 2, 2, 3  # noqa: E741 - the field's letters
LENGTHS = [2, 0, 3, 2]

# ------------------------------------------------------------------------------------------------
# Against finite differences
# ------------------------------------------------------------------------------------------------


def everything(*outputs):
    return outputs


def function_of(
    kind, batch=N, use=everything, hx=True, call=family.run, steps=T, **options
):  # fmt: skip
    """A layer as a function of its input, its states and all its parameters, and these."""
    layer = family.layer(kind, I, H, **options)
    rows = () if batch is None else (batch,)
    shape = (*rows, steps) if layer.batch_first and rows else (steps, *rows)
    x, states = leaf(1, *shape, I), family.start(layer, *rows) if hx else []
    end = 1 + len(states)

    def function(*values):
        mg.manual_seed(8)  # with dropout it is a function, too
        return use(*call(layer, values[0], values[1:end]))

    return function, (x, *states, *layer.parameters())


OPTIONS = [
    {},
    {"bias": False, "batch_first": True, "hx": False},
    {"bidirectional": True, "num_layers": 2},
    {"num_layers": 2, "dropout": 0.4, "batch_first": True},
    {"num_layers": 2, "dropout": 1.0, "batch": None},
    {"bidirectional": True, "batch": None, "hx": False},
]


def as_written(kind, level):
    """Whether the step itself runs, which is made of operations that are checked elsewhere."""
    return level == "reference" or kind not in family.WITH_KERNEL


@pytest.mark.parametrize("kind", family.LAYERS)
def test_gradcheck_of_layers(kind, level):
    for options in OPTIONS:
        function, values = function_of(kind, **options)
        fast = as_written(kind, level) and bool(options)
        assert gradcheck(function, values, fast_mode=fast), options


@pytest.mark.once  # the second derivative is that of the steps at all levels
@pytest.mark.parametrize("kind", family.LAYERS)
def test_gradgradcheck_of_layers(kind):
    for options in OPTIONS:
        function, values = function_of(kind, steps=2, **options)
        assert gradgradcheck(function, values, fast_mode=True, atol=1e-6), options


@pytest.mark.once  # the second derivative is that of the steps at all levels
@pytest.mark.parametrize("kind", family.LAYERS)
def test_gradgradcheck_in_full(kind):
    function, values = function_of(kind, batch=None)
    assert gradgradcheck(function, values)


USES = {
    "output": lambda y, *ends: y,
    "h_n": lambda y, h_n, *c_n: h_n,
    "c_n": lambda y, *ends: ends[-1],
    "part of the output": lambda y, *ends: y[1:, :, 1:4],
    "last output": lambda y, *ends: y[-1],
    "first direction": lambda y, *ends: y[..., :2],
    "part of the states": lambda y, *ends: [e[1:, 1:] for e in ends],
    "ends but not output": lambda y, *ends: ends,
}


@pytest.mark.parametrize("kind", family.LAYERS)
def test_derivatives_if_not_all_is_used(kind, level):
    for name, use in USES.items():
        function, values = function_of(kind, use=use, bidirectional=True)
        fast = as_written(kind, level) or name != "output"
        assert gradcheck(function, values, fast_mode=fast), name
        if level == "reference":  # the second derivative is the reference's at all levels
            function, values = function_of(kind, use=use, steps=2, bidirectional=True)
            assert gradgradcheck(function, values, fast_mode=True), name


def padded(layer, x, states):
    return family.run(layer, x, states, lengths=LENGTHS)


def packed(layer, x, states):
    output, ends = layer(
        pack_padded_sequence(x[:, :3], [2, 3, 2], enforce_sorted=False),
        family.given([s[:, :3] for s in states]),
    )
    return [output.data, *family.flat(ends if isinstance(ends, tuple) else (ends,))]


def sorted_rows(layer, x, states):
    output, ends = layer(pack_padded_sequence(x, [3, 2, 2, 1]), family.given(states))
    return [output.data, *family.flat(ends if isinstance(ends, tuple) else (ends,))]


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("call", [padded, packed, sorted_rows])
def test_derivatives_of_ragged_batches(kind, call, level):
    for use, options in (
        ("all", {}), ("all", {"bidirectional": True, "num_layers": 2}),
        ("h_n", {"bidirectional": True, "num_layers": 2}),
        ("c_n", {"bidirectional": True, "num_layers": 2}),
    ):  # fmt: skip
        function, values = function_of(kind, 4, USES.get(use, everything), call=call, **options)
        fast = as_written(kind, level) or bool(options) or call is not padded
        assert gradcheck(function, values, fast_mode=fast), (use, options)
    if level == "reference":
        for use, options in (("all", {"bidirectional": True}), ("c_n", {"num_layers": 2})):
            function, values = function_of(kind, 4, USES.get(use, everything), call=call, **options)
            assert gradgradcheck(function, values, fast_mode=True), (use, options)


@pytest.mark.parametrize("kind", family.CELLS)
def test_derivatives_of_cells(kind, level):
    for bias in (True, False):
        for rows in ((), (2,)):
            cell = family.cell(kind, I, H, bias=bias)
            states = family.start(cell, *rows)
            values = (leaf(1, *rows, I), *states, *cell.parameters())

            def two_steps(x, *values, cell=cell, states=states):
                after = family.run(cell, x, values[: len(states)])
                return tuple(family.run(cell, x * x, after))

            assert gradcheck(two_steps, values)
            assert gradgradcheck(two_steps, values, fast_mode=True)
            # the new hidden state alone, the new cell state alone
            for k in range(len(states)):
                assert gradcheck(lambda *v, f=two_steps, k=k: f(*v)[k], values)


@pytest.mark.once  # the second derivative is that of the steps at all levels
@pytest.mark.parametrize("kind", family.LAYERS)
def test_third_derivative(kind):
    layer = family.layer(kind, 2, 3)
    x, h_0 = leaf(1, 3, 1, 2), family.start(layer, 1)

    def second(x, w):
        (g,) = mg.autograd.grad((layer(x, family.given(h_0))[0] ** 2).sum(), w, create_graph=True)
        return mg.autograd.grad((g**2).sum(), (x, w), create_graph=True)

    assert gradcheck(second, (x, layer.weight_hh_l0))


@pytest.mark.parametrize("kind", family.LAYERS)
def test_dropout_of_everything_leaves_the_layers_above_alone(kind, level):
    """With p = 1 no gradient gets past the first layer from above, and none is NaN."""
    layer = family.layer(kind, 3, 4, 2, dropout=1.0)
    x = leaf(1, 5, 2, 3)
    output = layer(x)[0]
    output.square().sum().backward()
    alive = output.any()  # ReLU may have shut all units
    assert not x.grad.any()
    for name, p in layer.named_parameters():
        if name.endswith("l0") or name == "weight_ih_l1":
            assert not p.grad.any(), name
        elif not name.startswith(("weight_ih", "weight_hr")) and alive:
            assert p.grad.any(), name
        assert p.grad.isfinite().all(), name


# ------------------------------------------------------------------------------------------------
# Which parts get a gradient
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.LAYERS)
def test_frozen_parts_get_no_gradient_and_change_no_other(kind, level):
    def run(frozen, lengths):
        layer = family.layer(kind, 3, 4, dtype="float32")
        x = leaf(1, 5, 2, 3, dtype="float32")
        states = family.start(layer, 2, dtype="float32")
        leaves = {
            **dict(layer.named_parameters()), "x": x, **dict(zip(("h_0", "c_0"), states)),
        }  # fmt: skip
        for name, p in leaves.items():
            p.requires_grad_(name != frozen and (frozen != "all but x" or name == "x"))
        family.run(layer, x, states, lengths=lengths)[0].square().sum().backward()
        return {name: p.grad for name, p in leaves.items()}

    for lengths in (None, [3, 5]):
        whole = run("nothing", lengths)
        for frozen in (*whole, "all but x"):
            for name, g in run(frozen, lengths).items():
                if name == frozen or (frozen == "all but x" and name != "x"):
                    assert g is None, (frozen, name)
                else:
                    np.testing.assert_array_equal(
                        g.numpy(), whole[name].numpy(), f"{frozen} {name}"
                    )


@pytest.mark.parametrize("kind", family.LAYERS)
def test_truncated_back_propagation(kind, level):
    """A detached state cuts the graph: the gradient is that of the second half alone."""
    layer, x = family.layer(kind, 3, 4, 2), leaf(1, 6, 2, 3)
    middle = family.run(layer, x[:3])[1:]
    family.run(layer, x[3:], [s.detach() for s in middle])[0].sum().backward()
    half = family.gradients(layer)
    assert not x.grad[:3].any()
    assert x.grad[3:].any()
    layer.zero_grad()
    states = [mg.tensor(s.detach().numpy()) for s in middle]
    family.run(layer, mg.tensor(x.detach().numpy()[3:]), states)[0].sum().backward()
    for name, g in family.gradients(layer).items():
        np.testing.assert_allclose(g, half[name], 1e-12, err_msg=name)
    # and not detached: as if it were one sequence
    layer.zero_grad()
    family.run(layer, x[3:], family.run(layer, x[:3])[1:])[0].sum().backward()
    carried = family.gradients(layer)
    layer.zero_grad()
    layer(x)[0][3:].sum().backward()
    for name, g in family.gradients(layer).items():
        np.testing.assert_allclose(g, carried[name], 1e-9, 1e-12, err_msg=name)


@pytest.mark.parametrize("kind", family.CELLS)
def test_gradients_of_parameters_do_not_share_memory(kind, level):
    """Those of the two biases are often the same numbers."""
    for module, x in ((family.layer(kind, 3, 4), (5, 2, 3)), (family.cell(kind, 3, 4), (2, 3))):
        family.run(module, leaf(1, *x))[0].sum().backward()
        expected = family.gradients(module)
        for name, p in module.named_parameters():
            np.testing.assert_array_equal(p.grad.numpy(), expected[name], name)
            p.grad.zero_()


@pytest.mark.parametrize("kind", family.LAYERS)
def test_gradients_of_the_states_do_not_share_memory(kind, level):
    """Not with each other, not with what was passed in from above."""
    layer = family.layer(kind, 3, 4)
    states = family.start(layer, 2)
    outputs = family.run(layer, leaf(1, 5, 2, 3), states, lengths=[0, 0])[1:]
    above = [mg.tensor(facts.numbers(9 + k, *y.shape)) for k, y in enumerate(outputs)]
    copies = [g.numpy().copy() for g in above]
    mg.autograd.backward(outputs, above)
    for s, g in zip(states, copies, strict=True):
        np.testing.assert_array_equal(s.grad.numpy(), g)
        s.grad.zero_()
    for g, kept in zip(above, copies, strict=True):
        np.testing.assert_array_equal(g.numpy(), kept)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_no_grad_and_inference_give_the_same_values(kind, level):
    layer = family.layer(kind, 3, 4, 2, bidirectional=True, dtype="float32")
    x = leaf(1, 5, 2, 3, dtype="float32")
    for lengths in (None, [4, 2]):
        outputs = family.run(layer, x, lengths=lengths)
        for context in (mg.no_grad, mg.inference_mode):
            with context():
                free = family.run(layer, x, lengths=lengths)
            for a, b in zip(free, outputs, strict=True):
                assert not a.requires_grad
                assert a.grad_fn is None
                np.testing.assert_array_equal(a.numpy(), b.detach().numpy())
    if kind in family.CELLS:
        cell = family.cell(kind, 3, 4, dtype="float32")
        with mg.no_grad():
            free = family.run(cell, x[0])
        for a, b in zip(free, family.run(cell, x[0]), strict=True):
            assert a.grad_fn is None
            np.testing.assert_array_equal(a.numpy(), b.detach().numpy())


# ------------------------------------------------------------------------------------------------
# Twice, and in place
# ------------------------------------------------------------------------------------------------

CHANGED = "modified by an inplace operation"


@pytest.mark.parametrize("kind", family.LAYERS)
def test_second_backward_needs_the_graph(kind, level):
    layer = family.layer(kind, 3, 4)
    loss = layer(leaf(1, 5, 2, 3))[0].sum()
    loss.backward(retain_graph=True)
    first = family.gradients(layer)
    loss.backward()
    for name, g in family.gradients(layer).items():
        np.testing.assert_allclose(g, 2 * first[name], 1e-12)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


@pytest.mark.parametrize("kind", family.LAYERS)
def test_changing_a_weight_before_backward_raises(kind, level):
    for name in [n for n in family.layer(kind, 3, 4).state_dict() if n.startswith("weight")]:
        layer = family.layer(kind, 3, 4)
        output = layer(leaf(1, 5, 2, 3))[0]
        with mg.no_grad():
            getattr(layer, name).mul_(2.0)
        with pytest.raises(RuntimeError, match=CHANGED):
            output.sum().backward()


@pytest.mark.parametrize("kind", family.LAYERS)
def test_changing_the_input_before_backward_raises(kind, level):
    layer = family.layer(kind, 3, 4)
    x = leaf(1, 5, 2, 3).detach()
    output = layer(x)[0]
    x[0] = 2.0
    with pytest.raises(RuntimeError, match=CHANGED):
        output.sum().backward()


@pytest.mark.parametrize("kind", family.LAYERS)
def test_an_optimizer_step_between_forward_and_backward_raises(kind):
    layer, x = family.layer(kind, 3, 4), leaf(1, 5, 2, 3)
    optimizer = mg.optim.SGD(layer.parameters(), lr=0.1)
    first, second = layer(x)[0].sum(), layer(x)[0].sum()
    first.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match=CHANGED):
        second.backward()


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"num_layers": 2}], ids=str)
def test_changing_the_output_before_backward_is_harmless(kind, options, level):
    """In float64 (what raises in float32 is in test_recurrent_guards)."""
    layer = family.layer(kind, 3, 4, **options)
    output, h_n, *_ = family.run(layer, leaf(1, 5, 2, 3))
    h_n.sum().backward(retain_graph=True)
    expected = family.gradients(layer)
    layer.zero_grad()
    with mg.no_grad():
        output[1] = 3.0
    h_n.sum().backward()
    for name, g in family.gradients(layer).items():
        np.testing.assert_array_equal(g, expected[name])


@pytest.mark.parametrize("kind", family.LAYERS)
def test_changing_the_last_states_is_seen_or_harmless(kind, level):
    layer = family.layer(kind, 3, 4)
    outputs = family.run(layer, leaf(1, 5, 2, 3))
    values = [y.detach().numpy().copy() for y in outputs]
    outputs[0].sum().backward(retain_graph=True)
    expected = family.gradients(layer)
    for k, y in enumerate(outputs[1:], 1):
        with mg.no_grad():
            y.mul_(2.0)
        for other, value in enumerate(values):
            if other != k:
                np.testing.assert_array_equal(outputs[other].detach().numpy(), value)
        values[k] = y.detach().numpy().copy()
    layer.zero_grad()
    outputs[0].sum().backward()
    for name, g in family.gradients(layer).items():
        np.testing.assert_array_equal(g, expected[name], name)


@pytest.mark.parametrize("kind", family.CELLS)
def test_changing_the_state_of_a_cell_is_seen_or_harmless(kind, level):
    """What the gradient is made of must not change unseen, whichever tensors these are."""
    cell, x = family.cell(kind, 3, 4), leaf(1, 2, 3)
    start = family.start(cell, 2)
    count = len(start)
    seen = 0
    for place in range(count):
        for used in range(count):
            states = family.run(cell, x, start)
            states[used].sum().backward(retain_graph=True)
            expected = family.gradients(cell)
            cell.zero_grad()
            with mg.no_grad():
                states[place].mul_(2.0)
            raised = ""
            try:
                states[used].sum().backward()
            except RuntimeError as error:
                raised = str(error)
            if raised:
                assert CHANGED in raised
                seen += 1
            else:
                for name, g in family.gradients(cell).items():
                    np.testing.assert_array_equal(g, expected[name], name)
            cell.zero_grad()
    if family.recurrence_of(kind).saves == ("output",):  # h' is all that they keep
        assert seen == 1


@pytest.mark.parametrize("kind", family.CELLS)
def test_changing_the_old_state_of_a_cell_raises(kind, level):
    cell, x = family.cell(kind, 3, 4), leaf(1, 2, 3)
    states = [s.detach() for s in family.start(cell, 2)]
    after = family.run(cell, x, states)
    states[0].mul_(2.0)
    with pytest.raises(RuntimeError, match=CHANGED):
        after[0].sum().backward()


# ------------------------------------------------------------------------------------------------
# Memory layouts
# ------------------------------------------------------------------------------------------------


def layouts_of(tensor):
    """The same values in other layouts: reversed axes, every second entry, Fortran order."""
    values, axes = tensor.detach().numpy(), tuple(reversed(range(tensor.ndim)))
    turned = mg.tensor(np.ascontiguousarray(values.transpose(axes))).permute(axes)
    return [turned, mg.tensor(np.repeat(values, 2, -1))[..., ::2]]


@pytest.mark.parametrize("kind", family.LAYERS)
def test_memory_layout_does_not_matter(kind, level):
    layer = family.layer(kind, 3, 4, 2, bidirectional=True)
    x, states = leaf(1, 5, 2, 3).detach(), [s.detach() for s in family.start(layer, 2)]

    def all_of(x, states):
        layer.zero_grad()
        x, states = [v.detach().requires_grad_() for v in [x]], [
            s.detach().requires_grad_() for s in states
        ]  # fmt: skip
        outputs = family.run(layer, x[0], states)
        leaves = [x[0], *states, *layer.parameters()]
        return [y.detach().numpy() for y in outputs] + family.gradients_of(outputs, leaves)

    expected = all_of(x, states)
    for k in range(2):
        laid_out = layouts_of(x)[k], [layouts_of(s)[k] for s in states]
        assert not any(v.is_contiguous() for v in [laid_out[0], *laid_out[1]])
        for a, b in zip(all_of(*laid_out), expected, strict=True):
            np.testing.assert_allclose(a, b, 1e-10, 1e-13)
    row = leaf(4, 1, 2, 3).detach()
    for a, b in zip(
        all_of(row.expand(5, 2, 3), states), all_of(row.repeat(5, 1, 1), states), strict=True
    ):
        np.testing.assert_allclose(a, b, 1e-10, 1e-13)
    for p in layer.parameters():
        p.data = layouts_of(p)[1 if p.ndim == 1 else 0]
    assert not any(p.is_contiguous() for p in layer.parameters())
    for a, b in zip(all_of(x, states), expected, strict=True):
        np.testing.assert_allclose(a, b, 1e-10, 1e-13)


@pytest.mark.parametrize("kind", family.CELLS)
def test_memory_layout_does_not_matter_to_cells(kind, level):
    cell = family.cell(kind, 3, 4)
    x, states = leaf(1, 2, 3).detach(), [s.detach() for s in family.start(cell, 2)]
    expected = [y.detach().numpy() for y in family.run(cell, x, states)]
    for k in range(2):
        got = family.run(cell, layouts_of(x)[k], [layouts_of(s)[k] for s in states])
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b, 1e-12, 1e-14)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_gradient_from_above_may_have_any_layout(kind, level):
    layer, x = family.layer(kind, 3, 4), leaf(1, 5, 2, 3)
    output = layer(x)[0]
    g = mg.tensor(facts.numbers(5, *output.shape))
    output.backward(g, retain_graph=True)
    expected = family.gradients(layer)
    for layout in layouts_of(g):
        layer.zero_grad()
        output.backward(layout, retain_graph=True)
        for name, value in family.gradients(layer).items():
            np.testing.assert_allclose(value, expected[name], 1e-12, 1e-14)
    layer.zero_grad()
    output.sum().backward(retain_graph=True)  # one number, expanded
    ones = family.gradients(layer)
    layer.zero_grad()
    output.backward(mg.ones(*output.shape, dtype=mg.float64))
    for name, value in family.gradients(layer).items():
        np.testing.assert_allclose(value, ones[name], 1e-12, 1e-14)
