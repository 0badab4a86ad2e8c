"""What may be changed in place between forward and backward of a recurrent layer or cell: what
PyTorch lets be changed. The gradient is then that of what was computed, and else there is an error.

The tables were filled in by doing the same with PyTorch 2.13. Those that it does not have are like
these: `by_rule`. "." may be changed, "!" raises; "?", of steps that run as they are written, is one
of both.
"""

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import _kernels, nn
from minigrad.nn.utils.rnn import PackedSequence

facts, leaf = family.facts, family.leaf

T, N, I, H = 4, 3, 2, 3  # noqa: E741 - the field's letters
CHANGED = "modified by an inplace operation"

# In these tables the input requires a gradient, and so do the states and all parameters.
LAYERS = """
kind         dtype    input h_0 c_0 weight_ih weight_hh bias_ih bias_hh weight_hr output h_n c_n
rnn_tanh     both       !    !   -      !         !        .       .        -        .    .   -
rnn_relu     both       !    !   -      !         !        .       .        -        .    .   -
gru          both       !    !   -      !         !        .       .        -        .    .   -
lstm_proj    both       !    !   !      !         !        .       .        !        .    .   .
lstm         float64    !    !   !      !         !        .       .        -        .    .   .
lstm         float32    !    !   !      !         !        !       !        -        !    .   .
"""
CELLS = """
kind         dtype    input h_0 c_0 weight_ih weight_hh bias_ih bias_hh output c_n
rnn_tanh     both       !    !   -      !         !        .       .       !    -
rnn_relu     both       !    !   -      !         !        .       .       !    -
gru          both       !    !   -      !         !        .       .       .    -
lstm         both       !    !   !      !         !        .       .       .    .
"""
# What becomes of the table above otherwise: name in it, and its entry then.
SINGLE = ("lstm", "float32")  # which is one operation in PyTorch, and saves all that it is given
OTHERWISE = {
    "as it is": {},
    "batch_first": {"input": "."},  # a copy in another layout was saved
    "num_layers=2": {},
    "bidirectional": {"output": "."},  # both directions side by side, a copy
    "packed": {"bias_ih": ".", "bias_hh": ".", "output": "."},  # never one operation
    "input without gradient": {"weight_ih": "."},
    "frozen parameters": {"input": ".", "h_0": "."},  # (but JANET saves h itself)
}


def by_rule(kind, is_layer):
    """The entries of a member that is in no table."""
    own = family.recurrence_of(kind)
    states, outputs = ("h_0", "c_0")[: len(own.states)], ("output", "c_n")[: len(own.states)]
    parameters = [name for name in own.parameters if name != "weight_hr"]
    names = ("input", *states, *parameters, *outputs, *(("h_n",) if is_layer else ()))
    if kind not in family.WITH_KERNEL:
        return dict.fromkeys(names, "?")
    keeps_output = "output" in own.saves and not is_layer
    free = ("bias_ih", "bias_hh", "h_n", "c_n", *(() if keeps_output else ("output",)))
    return {name: "." if name in free else "!" for name in names}


def rows(table, members):
    """(kind, dtype, {value: entry}) for each member and dtype."""
    _, head, *lines = table.split("\n")[:-1]
    found = {}
    for line in lines:
        kind, dtype, *entries = line.split()
        names = head.split()[2:]
        known = {name: e for name, e in zip(names, entries, strict=True) if e != "-"}
        for each in ("float32", "float64") if dtype == "both" else (dtype,):
            found[kind, each] = known
    assert {kind for kind, _ in found} <= set(members)
    is_layer = members is family.LAYERS
    for kind in members:
        for each in ("float32", "float64"):
            yield kind, each, found.get((kind, each)) or by_rule(kind, is_layer)


def expected_entries(kind, dtype, known, option, is_layer):
    changes = dict(OTHERWISE[option])
    if is_layer and (kind, dtype) == SINGLE:
        if _kernels.level == "reference":  # single operations
            changes = {**changes, "bias_ih": ".", "bias_hh": ".", "output": "."}
        elif option in ("input without gradient", "frozen parameters"):
            changes = {}
    if "h" in family.recurrence_of(kind).saves:
        changes.pop("h_0", None)
    return {n: changes.get(n, entry) if entry != "?" else entry for n, entry in known.items()}


def computed(make, kind, dtype, option, is_layer):
    """Everything that may be changed, by name; the outputs' copies; and the leaves."""
    options = {
        "batch_first": {"batch_first": True}, "num_layers=2": {"num_layers": 2},
        "bidirectional": {"bidirectional": True},
    }.get(option, {})  # fmt: skip
    module = make(kind, I, H, dtype=dtype, **options)
    if option == "frozen parameters":
        module.requires_grad_(False)
    shape = {"batch_first": (N, T, I), "packed": (9, I)}.get(option, (T, N, I))
    first = leaf(1, *(shape if is_layer else (N, I)), dtype=dtype)
    first.requires_grad_(option != "input without gradient")
    starts = family.start(module, N, dtype=dtype)
    x, states = first * 1.0, [s * 1.0 for s in starts]  # no leaves, which nobody may change
    values = dict(zip(("input", "h_0", "c_0"), (x, *states)))
    given = PackedSequence(x, mg.tensor([3, 3, 2, 1])) if option == "packed" else x
    outputs = family.flat(module(given, family.given(states)))
    if option == "packed":
        outputs = family.flat((outputs[0], tuple(outputs[4:])))
    names = ("output", "h_n", "c_n") if is_layer else ("output", "c_n")
    values.update(zip(names, outputs))
    values.update((name.removesuffix("_l0"), p) for name, p in module.named_parameters())
    leaves = [v for v in (first, *starts, *module.parameters()) if v.requires_grad]
    return values, [y * 1.0 for y in outputs], leaves


def add_one(value, how):
    with mg.no_grad():
        if how == "in place":
            value.add_(1.0)
        elif how == "data":
            value.data.add_(1.0)
        else:
            value.detach().numpy()[...] += 1.0


def check(make, kind, dtype, known, option, is_layer):
    entries = expected_entries(kind, dtype, known, option, is_layer)
    _, outputs, leaves = computed(make, kind, dtype, option, is_layer)
    expected = family.gradients_of(outputs, leaves)
    for name, entry in entries.items():
        for how in ("in place", "data", "numpy")[: 3 if entry == "." else 1]:
            values, outputs, leaves = computed(make, kind, dtype, option, is_layer)
            add_one(values[name], how)
            if entry == "!":
                with pytest.raises(RuntimeError, match=CHANGED):
                    family.gradients_of(outputs, leaves)
                continue
            try:
                gradients = family.gradients_of(outputs, leaves)
            except RuntimeError as error:
                if entry == "?" and CHANGED in str(error):
                    continue
                raise
            for g, right in zip(gradients, expected, strict=True):
                np.testing.assert_array_equal(g, right, f"{option}, {name}, {how}")


@pytest.mark.parametrize("option", OTHERWISE)
@pytest.mark.parametrize(
    ("kind", "dtype", "known"),
    list(rows(LAYERS, family.LAYERS)),
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_layers(kind, dtype, known, option):
    check(family.layer, kind, dtype, known, option, True)


@pytest.mark.parametrize("option", ["as it is", "input without gradient", "frozen parameters"])
@pytest.mark.parametrize(
    ("kind", "dtype", "known"),
    list(rows(CELLS, family.CELLS)),
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_cells(kind, dtype, known, option):
    check(family.cell, kind, dtype, known, option, False)


# ------------------------------------------------------------------------------------------------
# As people write it
# ------------------------------------------------------------------------------------------------


def relu_in_place(output):
    return nn.ReLU(inplace=True)(output)


def zero_first(output):
    output[0] = 0
    return output


def dropout_in_place(output):
    mg.manual_seed(0)
    return nn.functional.dropout(output, 0.5, True, inplace=True)


def unsqueezed(output):
    return output.unsqueeze_(0)


@pytest.mark.parametrize("change", [relu_in_place, zero_first, dropout_in_place, unsqueezed])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", family.LAYERS)
def test_outputs_changed_in_the_graph(kind, batch_first, change):
    results = []
    for through in (lambda y: y, lambda y: y * 1.0):  # the output itself, or a copy
        layer, x = family.layer(kind, I, H, batch_first=batch_first), leaf(1, 5, 2, I)
        output = change(through(layer(x)[0]))
        (output * output).sum().backward()
        results.append([x.grad.numpy(), *family.gradients(layer).values()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_input_of_a_batch_first_layer_is_a_rolling_buffer():
    layer = family.layer("gru", I, H, batch_first=True)
    buffer, total, separate = mg.zeros(2, 4, I, dtype=mg.float64), 0.0, 0.0
    for k in range(3):
        buffer[:, :-1] = buffer[:, 1:].clone()
        buffer[:, -1] = leaf(10 + k, 2, I).detach()
        total = total + layer(buffer)[0].sum()
        separate = separate + layer(buffer.clone())[0].sum()
    total.backward()
    got = family.gradients(layer)
    layer.zero_grad()
    separate.backward()
    for name, g in family.gradients(layer).items():
        np.testing.assert_array_equal(got[name], g)


@pytest.mark.parametrize(
    "kind", [k for k in family.CELLS if "output" not in family.recurrence_of(k).saves]
)
def test_states_of_a_cell_changed_on_the_way(kind):
    """What goes on is the changed state; the step that made it is not concerned."""
    gradients = []
    for copies in (False, True):
        cell = family.cell(kind, I, H)
        states = family.start(cell, 2)
        for k in range(3):
            states = family.run(cell, leaf(20 + k, 2, I), states)
            last = states[-1].clone() if copies else states[-1]
            states[-1] = last.mul_(2.0)
        states[-1].sum().backward()
        gradients.append(family.gradients(cell))
    for name, g in gradients[0].items():
        np.testing.assert_array_equal(g, gradients[1][name])


@pytest.mark.parametrize("kind", family.LAYERS)
def test_second_derivatives_after_changes(kind):
    """They compute everything again: of changed values they must not, but of copies they can."""

    def penalty(layer, x, output):
        (g,) = mg.autograd.grad(output.sum(), x, create_graph=True)
        layer.zero_grad()
        (g * g).sum().backward()
        return family.gradients(layer)

    layer, x = family.layer(kind, I, H, batch_first=True), leaf(1, 2, 4, I)
    expected = penalty(layer, x, layer(x * 1.0)[0])
    copied = x * 1.0
    output = layer(copied)[0]
    with mg.no_grad():
        copied.zero_()
    for name, g in penalty(layer, x, output * 1.0).items():
        np.testing.assert_allclose(g, expected[name], 1e-12)
    output = layer(x)[0]
    with mg.no_grad():
        layer.bias_ih_l0.add_(1.0)
    if _kernels.level != "reference" and kind in family.WITH_KERNEL:
        with pytest.raises(RuntimeError, match=CHANGED):
            penalty(layer, x, output)


@pytest.mark.skipif(_kernels.level == "reference", reason="no kernel borrows")
def test_nothing_is_copied_without_need():
    layer, x = family.layer("gru", I, H), leaf(1, 5, 2, I)
    output = layer(x)[0]
    (saved,) = output.node.saved[-1:]
    for harmless in (lambda y: y.detach(), lambda y: y[1:], lambda y: y + 1, lambda y: y.tolist()):
        harmless(output)
        assert saved.array is output.array
    output[1:].detach().zero_()
    assert not np.shares_memory(saved.array, output.array)
    assert output.version.borrowers is None


@pytest.mark.skipif(_kernels.level == "reference", reason="no kernel borrows")
def test_nothing_is_copied_after_backward():
    layer, x = family.layer("gru", I, H), leaf(1, 5, 2, I)
    output = layer(x)[0]
    (saved,) = output.node.saved[-1:]
    output.sum().backward()
    output.detach().zero_()
    assert saved.array is output.array
