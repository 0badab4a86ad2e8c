"""Recurrent layers and cells: equal to PyTorch in values, gradients, errors and texts; what holds
for all of the family besides: arguments, copies, parameters, dropout between layers."""

import copy
import itertools
import pickle
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import recurrences as family
from equations import ARGUMENTS, recurrent

import minigrad as mg
from minigrad import _kernels, nn, recurrences
from minigrad.nn.utils.rnn import pack_padded_sequence
from minigrad.recurrences.gru import gru
from minigrad.recurrences.recurrence import RECURRENCES

TESTS = Path(__file__).parent
made = SimpleNamespace(**runpy.run_path(str(TESTS / "golden" / "make_recurrent.py")))
facts, leaf = family.facts, family.leaf
with np.load(TESTS / "golden" / "recurrent.npz") as file:
    STORED = dict(file)

# ------------------------------------------------------------------------------------------------
# The members
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", family.REGISTERED)
def test_each_recurrence_is_tested_as_a_layer_and_as_a_cell(name):
    """If not, its page lacks one, or one has an option to choose it: a line in VARIANTS."""
    if name in family.STEPS_ALONE:
        assert not family.REGISTERED[name].kernel
        return
    for members in (family.LAYERS, family.CELLS):
        assert name in {cls(3, 4, **own).recurrence.name for cls, own in members.values()}


def test_all_that_is_tested_can_be_found():
    found = {**family.classes(nn.RNNBase), **family.classes(nn.RNNCellBase)}
    assert set(found) <= set(nn.__all__) & set(recurrences.__all__)
    assert all(found[name] is getattr(nn, name) for name in found)
    assert set(family.VARIANTS) <= set(found)
    assert set(family.CELLS) <= set(family.LAYERS)
    assert {"coupled"} == set(family.LAYERS) - set(family.WITH_KERNEL) - set(family.REGISTERED)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


def test_every_two_options_meet_in_each_module():
    for kind in made.LAYERS:
        cases = [c for c in made.layer_cases().values() if c["kind"] == kind]
        for (a, a_values), (b, b_values) in itertools.combinations(made.OPTIONS.items(), 2):
            met = {(case[a], case[b]) for case in cases}
            assert met >= set(itertools.product(a_values, b_values)), (kind, a, b)
        if "lstm" in kind:
            assert {case["num_layers"] for case in cases if case["use"] == "c_n"} == {1, 2, 3}


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs(name, level):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


@pytest.mark.parametrize("name", _kernels.available_levels())
def test_texts_with_kernels_are_pytorchs(name):
    before = _kernels.level
    _kernels.set_level(name)
    try:
        for text, scene in made.KERNEL_TEXTS:
            facts.check_text(mg, text, scene)
    finally:
        _kernels.set_level(before)


# ------------------------------------------------------------------------------------------------
# Equal to their equations
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.ON_PAGES)
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_equal_the_equations(kind, bias, level):
    """Of PyTorch's own, and of those that it does not have."""
    layer, x = family.layer(kind, 3, 5, bias=bias), leaf(1, 6, 2, 3)
    states = family.start(layer, 2)
    outputs = family.run(layer, x, states)
    named = dict(zip(("h_0", "c_0"), states)) | {"x": x}
    for name, p in layer.named_parameters():
        named[name.removesuffix("_l0").replace("weight", "w").replace("bias", "b")] = p
    given = [named[key].detach().numpy() if key in named else None for key in ARGUMENTS]
    given[1:3] = [None if s is None else s[0] for s in given[1:3]]
    output, *ends, vjp = recurrent(layer.recurrence.name, given, [2] * 6, False)
    expected = [output.reshape(6, 2, -1), *[e[None] for e in ends if e is not None]]
    for a, b in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, 1e-12, 1e-14)
    if vjp is None:
        assert layer.recurrence.name not in family.KERNELS, "a kernel needs its derivatives, too"
        return
    above = [facts.numbers(60 + k, *y.shape) for k, y in enumerate(outputs)]
    d_output, d_h, d_c = (*above, None)[:3]
    wanted = vjp(d_output.reshape(12, -1), d_h[0], None if d_c is None else d_c[0])
    got = dict(zip(named, family.gradients_of(outputs, list(named.values()))))
    for key, b in zip(ARGUMENTS, wanted, strict=True):
        if key in named:
            np.testing.assert_allclose(got[key], b.reshape(got[key].shape), 1e-9, 1e-11, str(key))


# ------------------------------------------------------------------------------------------------
# Layers, directions and layouts are put together from one layer in one direction
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("bias", [True, False])
def test_layers_and_directions_are_single_ones_put_together(kind, bias, level):
    """Output, last states, and the gradients of everything; all shapes."""
    layer = family.layer(kind, 3, 5, 3, bidirectional=True, bias=bias)
    x, states = leaf(1, 6, 2, 3), family.start(layer, 2)
    outputs = family.run(layer, x, states)
    y, ends, width = x, [], layer.proj_size or 5
    assert [tuple(v.shape) for v in outputs] == [
        (6, 2, 2 * width), *[(6, 2, v.shape[-1]) for v in states],
    ]  # fmt: skip
    for k in range(3):
        directions = []
        for place, suffix in ((2 * k, ""), (2 * k + 1, "_reverse")):
            single = family.layer(kind, y.shape[2], 5, bias=bias)
            for name, _ in list(single.named_parameters()):
                own = getattr(layer, name.replace("_l0", f"_l{k}{suffix}"))
                assert own.shape == getattr(single, name).shape, name
                setattr(single, name, own)
            source = y.flip(0) if suffix else y
            output, *end = family.run(single, source, [s[place : place + 1] for s in states])
            directions.append(output.flip(0) if suffix else output)
            ends.append(end)
        y = mg.cat(directions, 2)
    expected = [y, *[mg.cat(end) for end in zip(*ends)]]
    for a, b in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-14)
    leaves = [x, *states, *layer.parameters()]
    for a, b in zip(
        family.gradients_of(outputs, leaves), family.gradients_of(expected, leaves), strict=True
    ):
        np.testing.assert_allclose(a, b, 1e-10, 1e-12)


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layouts_are_those_of_time_first(kind, dtype, level):
    """Batch first, and one sequence without a batch; with and without states."""
    layer = family.layer(kind, 3, 5, 2, bidirectional=True, dtype=dtype)
    turned = family.layer(kind, 3, 5, 2, bidirectional=True, batch_first=True, dtype=dtype)
    x, all_states = leaf(1, 6, 2, 3, dtype=dtype), family.start(layer, 2, dtype=dtype)
    bound = {"float32": 1e-5, "float64": 1e-13}[dtype]
    for states in (all_states, []):
        output, *ends = family.run(layer, x, states)
        assert output.dtype is x.dtype
        first, *same = family.run(turned, x.transpose(0, 1), states)
        alone = [family.run(layer, x[:, n], [s[:, n] for s in states]) for n in range(2)]
        for got in (
            [first.transpose(0, 1), *same],
            [mg.stack(parts, 1) for parts in zip(*alone)],
        ):
            for a, b in zip(got, [output, *ends], strict=True):
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), bound, bound)


# ------------------------------------------------------------------------------------------------
# What is refused
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.CELLS)
def test_errors_of_all_are_those_of_rnn_and_lstm(kind, monkeypatch):
    two = len(family.recurrence_of(kind).states) == 2
    for errors, members in ((made.layer_errors, family.LAYERS), (made.cell_errors, family.CELLS)):
        cls, _ = members[kind]
        monkeypatch.setattr(mg.nn, cls.__name__, cls, raising=False)  # a user's own is not there
        for name, expected in errors(cls.__name__, two).items():
            facts.check_error(mg, f"{kind}: {name}", expected)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_errors_name_the_axes(kind):
    cls, own = family.LAYERS[kind]
    with pytest.raises(RuntimeError, match=r"L=5, N=2, H_in=7") as caught:
        cls(3, 4, **own)(mg.zeros(5, 2, 7))
    assert "batch_first=False" in str(caught.value)
    assert cls.__name__ in str(caught.value)
    with pytest.raises(RuntimeError, match=r"N=5, L=2, H_in=7.*batch_first=True"):
        cls(3, 4, batch_first=True, **own)(mg.zeros(5, 2, 7))


@pytest.mark.parametrize("wrong", [None, [1.0], np.zeros((5, 2, 3), np.float32)])
@pytest.mark.parametrize("kind", family.LAYERS)
def test_input_and_states_must_be_tensors(kind, wrong):
    layer = family.layer(kind, 3, 4, dtype="float32")
    name = type(layer).__name__
    with pytest.raises(TypeError, match=f"{name}: input must be a Tensor"):
        layer(wrong)
    if wrong is not None:
        hx = wrong if len(family.start(layer, 2)) == 1 else (wrong, wrong)
        with pytest.raises(TypeError, match=f"{name}: hx must be a Tensor"):
            layer(mg.zeros(5, 2, 3), hx)
    if kind not in family.CELLS:
        return
    cell = family.cell(kind, 3, 4, dtype="float32")
    name = type(cell).__name__
    with pytest.raises(TypeError, match=f"{name}: input must be a Tensor"):
        cell(wrong)
    if wrong is not None:
        one = len(family.start(cell, 2)) == 1
        hx, label = (wrong, "hidden") if one else ((wrong, wrong), r"hx\[0\]")
        with pytest.raises(TypeError, match=f"{name}: {label} must be a Tensor"):
            cell(mg.zeros(2, 3), hx)


TWO_STATES = [kind for kind in family.CELLS if len(family.recurrence_of(kind).states) == 2]


@pytest.mark.parametrize("kind", TWO_STATES)
@pytest.mark.parametrize(
    "hx", [mg.zeros(2, 2, 4), mg.zeros(1, 2, 4), (mg.zeros(1, 2, 4),), [mg.zeros(1, 2, 4)] * 3]
)
def test_two_states_must_be_a_pair(kind, hx):
    """PyTorch would take a tensor with two entries for the pair of them."""
    layer = family.layer(kind, 3, 4, dtype="float32")
    for x in (mg.zeros(5, 2, 3), pack_padded_sequence(mg.zeros(5, 2, 3), [5, 2])):
        with pytest.raises(TypeError, match=r"hx must be a tuple of two tensors, \(h_0, c_0") as e:
            layer(x, hx)
        assert str(e.value).startswith(f"{type(layer).__name__}: ")


@pytest.mark.parametrize("kind", TWO_STATES)
def test_two_states_may_come_as_a_list(kind, level):
    layer, cell, x = family.layer(kind, 3, 4), family.cell(kind, 3, 4), leaf(1, 5, 2, 3)
    assert isinstance(layer(x, list(family.start(layer, 2)))[1], tuple)
    for module, own in ((layer, x), (cell, x[0])):
        states = family.start(module, 2)
        as_list, as_tuple = module(own, list(states)), module(own, tuple(states))
        for a, b in zip(family.flat(as_list), family.flat(as_tuple), strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize("kind", TWO_STATES)
def test_a_cell_state_of_another_type_is_refused(kind):
    """PyTorch returns float64 states there from float32 parameters."""
    cell = family.cell(kind, 3, 4, dtype="float32")
    with pytest.raises(RuntimeError, match="must have the same dtype"):
        cell(mg.zeros(2, 3), (mg.zeros(2, 4), mg.zeros(2, 4, dtype=mg.float64)))


@pytest.mark.parametrize("kind", family.LAYERS)
def test_what_packed_sequences_must_fit(kind):
    """PyTorch finds some of this only in its matrix product, or not at all."""
    layer = family.layer(kind, 3, 4, dtype="float32")
    packed = pack_padded_sequence(mg.zeros(5, 2, 3), [3, 5], enforce_sorted=False)
    states = [mg.zeros(1, 3, s.shape[-1]) for s in family.start(layer, 2)]
    with pytest.raises(RuntimeError, match=r"Expected hidden(\[0\])? size \(1, 2, .\), got \[1, 3"):
        layer(packed, family.given(states))
    narrow = pack_padded_sequence(mg.zeros(5, 2, 2), [5, 3])
    with pytest.raises(RuntimeError, match=r"Expected 3, got 2.*a PackedSequence"):
        layer(narrow)
    with pytest.raises(ValueError, match=r"RNN input dtype \(torch\.float64\) does not match"):
        layer(packed.double())
    with pytest.raises(ValueError, match="a PackedSequence has its own lengths"):
        layer(packed, lengths=[3, 5])


def test_the_base_runs_any_recurrence(level):
    """In PyTorch it has no forward."""
    x = leaf(1, 5, 2, 3)
    for kind, (_, own) in family.LAYERS.items():
        layer = family.layer(kind, 3, 4, 2)
        base = nn.RNNBase(layer.mode, 3, 4, 2, proj_size=own.get("proj_size", 0), dtype=mg.float64)
        base.load_state_dict(layer.state_dict())
        for a, b in zip(family.run(base, x), family.run(layer, x), strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    with pytest.raises(ValueError, match=r"Unrecognized RNN mode: lstm; choose one of .*LSTM"):
        nn.RNNBase("lstm", 3, 4)
    for mode, own in RECURRENCES.items():
        if "weight_hr" not in own.parameters:
            with pytest.raises(ValueError, match="proj_size argument is only supported for LSTM"):
                nn.RNNBase(mode, 3, 4, proj_size=2)


# ------------------------------------------------------------------------------------------------
# Texts, attributes, parameters
# ------------------------------------------------------------------------------------------------


def test_texts_of_minigrads_own():
    for text, module in (
        ("JANET(3, 4)", nn.JANET(3, 4)),
        ("JANET(3, 4, num_layers=2, chrono_t_max=9)", nn.JANET(3, 4, 2, chrono_t_max=9)),
        ("LSTM(3, 4, bidirectional=True, forget_bias=1.0)",
         nn.LSTM(3, 4, bidirectional=True, forget_bias=1.0)),
        ("IndRNN(3, 4)", nn.IndRNN(3, 4)),
        ("IndRNN(3, 4, num_layers=2, nonlinearity=tanh)", nn.IndRNN(3, 4, 2, "tanh")),
        ("JANETCell(3, 4, bias=False)", nn.JANETCell(3, 4, False)),
        ("IndRNNCell(3, 4)", nn.IndRNNCell(3, 4)),
        ("IndRNNCell(3, 4, bias=False, nonlinearity=tanh)", nn.IndRNNCell(3, 4, False, "tanh")),
    ):  # fmt: skip
        assert repr(module) == text


def expected_shapes(own, columns, output, bias):
    """The names and shapes of the parameters of one layer and direction, or of a cell; H=5."""
    rows = 5 * len(own.gates)
    shapes = {
        "weight_ih": (rows, columns), "weight_hh": (5,) if own.diagonal else (rows, output),
        "bias_ih": (rows,), "bias_hh": (rows,), "weight_hr": (output, 5),
    }  # fmt: skip
    absent = {"weight_hr"} if output == 5 else set()
    absent |= set() if bias else {"bias_ih", "bias_hh"}
    return {name: shapes[name] for name in own.parameters if name not in absent}


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_those_of_the_record(kind, bias):
    """Names, order and shapes, in the state dict and in all_weights."""
    own = family.recurrence_of(kind)
    layer = family.layer(kind, 3, 5, 2, bidirectional=True, bias=bias)
    output = layer.proj_size or 5
    each = [
        {
            name + suffix: shape
            for name, shape in expected_shapes(own, columns, output, bias).items()
        }
        for columns, k in ((3, 0), (2 * output, 1))
        for suffix in (f"_l{k}", f"_l{k}_reverse")
    ]
    found = [(name, tuple(value.shape)) for name, value in layer.state_dict().items()]
    assert found == [item for shapes in each for item in shapes.items()]
    by_layer = [[tuple(p.shape) for p in weights] for weights in layer.all_weights]
    assert by_layer == [list(shapes.values()) for shapes in each]
    if kind in family.CELLS:
        cell = family.cell(kind, 3, 5, bias=bias)
        found = {name: tuple(value.shape) for name, value in cell.state_dict().items()}
        assert found == expected_shapes(own, 3, 5, bias)


def test_options_of_some():
    assert (nn.IndRNN(3, 4).mode, nn.IndRNN(3, 4, 1, "tanh").mode) == ("INDRNN_RELU", "INDRNN_TANH")
    for own in (nn.JANET, nn.IndRNN):
        with pytest.raises(TypeError, match="proj_size"):
            own(3, 4, proj_size=2)
    for cls in (nn.IndRNN, nn.RNN):
        with pytest.raises(
            ValueError, match=r"Unknown nonlinearity 'gelu'\. Select from 'tanh' or"
        ):
            cls(3, 4, nonlinearity="gelu")
    with pytest.raises(RuntimeError, match="Unknown nonlinearity: gelu"):
        nn.IndRNNCell(3, 4, nonlinearity="gelu")(mg.zeros(2, 3))


@pytest.mark.parametrize("kind", family.CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_its_cell_step_by_step(kind, bias, level):
    """Also when the cell's parameters come from the layer's state_dict."""
    layer, cell = family.layer(kind, 3, 4, bias=bias), family.cell(kind, 3, 4, bias=bias)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x, states = leaf(1, 5, 2, 3), family.start(layer, 2)
    output, *ends = family.run(layer, x, states)
    now, outputs = [s[0] for s in states], []
    for x_t in x:
        now = family.run(cell, x_t, now)
        outputs.append(now[0])
    for a, b in zip([mg.stack(outputs), *now], [output, *[e[0] for e in ends]], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-14)
    leaves = [x, *states]
    by_layer = family.gradients_of([output], [*leaves, *layer.parameters()])
    by_cell = family.gradients_of([mg.stack(outputs)], [*leaves, *cell.parameters()])
    for a, b in zip(by_layer, by_cell, strict=True):
        np.testing.assert_allclose(a, b, 1e-10, 1e-12)


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_give_the_same_and_share_nothing(kind, duplicate):
    x = leaf(1, 5, 2, 3)
    modules = [family.layer(kind, 3, 4, 2, bidirectional=True)]
    if kind in family.CELLS:
        modules.append(family.cell(kind, 3, 4))
    for module in modules:
        own = x if isinstance(module, nn.RNNBase) else x[0]
        other = duplicate(module)
        assert repr(other) == repr(module)
        a, b = family.run(module, own), family.run(other, own)
        for one, two in zip(a, b, strict=True):
            np.testing.assert_array_equal(one.detach().numpy(), two.detach().numpy())
        sum([y.sum() for y in b]).backward()
        assert all(p.grad is None for p in module.parameters())
        assert all(p.grad is not None for p in other.parameters())
        with mg.no_grad():
            for p in other.parameters():
                p.zero_()
        assert all(p.any() for p in module.parameters())


def test_pickles_from_before_projections_can_be_read():
    layer = nn.LSTM(3, 4, 2)
    state = dict(layer.__dict__)
    del state["proj_size"]
    other = nn.LSTM.__new__(nn.LSTM)
    other.__setstate__(state)
    assert other.proj_size == 0
    assert repr(other) == "LSTM(3, 4, num_layers=2)"
    x = mg.randn(5, 2, 3)
    np.testing.assert_array_equal(other(x)[0].detach().numpy(), layer(x)[0].detach().numpy())


def test_state_dict_goes_from_layer_to_layer():
    for kind, (cls, own) in family.LAYERS.items():
        source, target = family.layer(kind, 3, 4), cls(3, 4, **own, dtype=mg.float64)
        said = str(target.load_state_dict(source.state_dict()))
        assert said == "<All keys matched successfully>", kind
        x = leaf(1, 5, 2, 3)
        np.testing.assert_array_equal(source(x)[0].detach().numpy(), target(x)[0].detach().numpy())
        with pytest.raises(RuntimeError, match="size mismatch for weight_hh_l0"):
            cls(3, 5, **own).load_state_dict(source.state_dict())


@pytest.mark.parametrize("kind", family.LAYERS)
def test_a_parameter_may_be_replaced(kind, level):
    layer, x = family.layer(kind, 3, 4, 2), leaf(1, 5, 2, 3)
    for place, (name, old) in enumerate(list(layer.named_parameters())):
        new = nn.Parameter(mg.tensor(facts.numbers(9, *old.shape)))
        layer.zero_grad()
        before = layer(x)[0].detach().numpy()
        setattr(layer, name, new)
        assert np.any(layer(x)[0].detach().numpy() != before), name
        layer(x)[0].sum().backward()
        assert new.grad.any(), name
        assert old.grad is None, name
        assert layer._flat_weights[place] is new, name
        assert any(p is new for weights in layer.all_weights for p in weights), name
        setattr(layer, name, old)
        np.testing.assert_array_equal(layer(x)[0].detach().numpy(), before)


def test_moving_to_double_moves_all():
    for kind, (cls, own) in family.LAYERS.items():
        layer = cls(3, 4, 2, **own).double()
        assert {y.dtype for y in family.run(layer, leaf(1, 5, 2, 3))} == {mg.float64}, kind


def test_flatten_parameters_is_there_for_old_scripts():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nn.LSTM(3, 4).flatten_parameters() is None


@pytest.mark.parametrize("kind", family.LAYERS)
def test_batches_without_sequences(kind, level):
    """Empty outputs, and gradients of zero."""
    layer = family.layer(kind, 3, 4, 2, bidirectional=True)
    for options in ({}, {"lengths": []}):
        x = leaf(1, 5, 0, 3)
        states = family.start(layer, 0)
        outputs = family.run(layer, x, states, **options)
        width = 2 * (layer.proj_size or 4)
        assert [tuple(y.shape) for y in outputs] == [
            (5, 0, width),
            *[tuple(s.shape) for s in states],
        ]
        layer.zero_grad()
        sum([y.sum() for y in outputs]).backward()
        assert x.grad.shape == (5, 0, 3)
        for name, g in family.gradients(layer).items():
            assert not g.any(), name
    if kind in family.CELLS:
        cell, x = family.cell(kind, 3, 4), leaf(1, 0, 3)
        states = family.start(cell, 0)
        after = family.run(cell, x, states)
        assert [tuple(y.shape) for y in after] == [(0, 4)] * len(states)
        sum([y.sum() for y in after]).backward()
        assert x.grad.shape == (0, 3)
        for name, g in family.gradients(cell).items():
            assert not g.any(), name


# ------------------------------------------------------------------------------------------------
# Dropout between layers
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", family.classes(nn.RNNBase).values())
def test_dropout_of_one_layer_warns_where_it_was_written(cls):
    with pytest.warns(UserWarning, match="option adds dropout after all but last") as caught:
        cls(3, 4, dropout=0.5)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", family.LAYERS)
def test_dropout_between_layers_only(kind):
    layer = family.layer(kind, 3, 40, 2, dropout=0.5)
    x = leaf(1, 6, 2, 3)
    mg.manual_seed(0)
    (first, h_n, *_), (second, *_) = family.run(layer, x), family.run(layer, x)
    assert not np.array_equal(first.detach().numpy(), second.detach().numpy())
    mg.manual_seed(0)
    again = layer(x)[0]
    np.testing.assert_array_equal(again.detach().numpy(), first.detach().numpy())
    layer.eval()
    output, whole, *_ = family.run(layer, x)
    np.testing.assert_array_equal(whole.detach().numpy()[0], h_n.detach().numpy()[0])
    if output.detach().numpy().all():  # ReLU has zeros of its own
        assert first.detach().numpy().all()  # the last layer's output is whole
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), output.detach().numpy())
    layer.train()
    layer.dropout = 0.0  # may be changed later
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), output.detach().numpy())
    layer.dropout = 0.5
    assert not np.array_equal(layer(x)[0].detach().numpy(), output.detach().numpy())


# ------------------------------------------------------------------------------------------------
# A recurrence without a kernel
# ------------------------------------------------------------------------------------------------


# One has a name of its own, the other that of a kernel, which computes something else.
NAMESAKE = gru._replace(step=lambda *values: (gru.step(*values)[0] * 0.5,))


@pytest.mark.parametrize("own", [family.OWN, NAMESAKE], ids=lambda own: own.name)
def test_a_recurrence_without_a_kernel_runs_as_it_is_written(own, level, monkeypatch):
    """At every level, to rounding: layers, both directions, ragged, cells, two derivatives.

    (A step's own operations, such as sigmoid, have kernels, too.)
    """
    monkeypatch.setitem(RECURRENCES, "OWN", own)
    layer = nn.RNNBase("OWN", 3, 4, 2, bidirectional=True, dtype=mg.float64)
    cell = type("Cell", (nn.RNNCellBase,), {"recurrence": own})(3, 4, True, dtype=mg.float64)
    states = [leaf(2 + k, 4, 2, 4) for k in range(len(own.states))]

    def everything():
        x, results = leaf(1, 5, 2, 3), []
        for lengths in (None, [2, 5]):
            results += family.flat(layer(x, family.given(states), lengths=lengths))
        packed, ends = layer(pack_padded_sequence(x, [5, 3]))
        results += [packed.data, *family.flat((ends,))]
        after = family.run(cell, x[1], [s[0] for s in states])
        results += family.run(cell, x[0], after)
        leaves = [x, *states, *layer.parameters(), *cell.parameters()]
        grads = mg.autograd.grad([(y * y).sum() for y in results], leaves, create_graph=True)
        results += [*grads, *mg.autograd.grad([(g * g).sum() for g in grads], leaves)]
        return [y.detach().numpy().copy() for y in results]

    got = everything()
    monkeypatch.setattr(_kernels, "kernels_for", lambda dtype: None)
    for a, b in zip(got, everything(), strict=True):
        np.testing.assert_allclose(a, b, 1e-11, 1e-13)
        assert a.any()
