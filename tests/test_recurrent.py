"""RNN and RNNCell: equal to PyTorch, right in every derivative, at every level of kernels."""

import copy
import gc
import pickle
import runpy
import tracemalloc
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels, nn
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_recurrent.py")))
with np.load(GOLDEN / "recurrent.npz") as file:
    STORED = dict(file)
LEVELS = (*_kernels.available_levels(), "reference")


@pytest.fixture(params=LEVELS)
def level(request):
    before = _kernels.level
    _kernels.set_level(request.param)
    yield request.param
    _kernels.set_level(before)


def tensor(seed, *shape, dtype="float64"):
    """A leaf that requires a gradient, with neither zeros nor ones."""
    return mg.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


def gradients(layer):
    return {name: p.grad.numpy().copy() for name, p in layer.named_parameters()}


def close(tensor, expected):
    """Equal but for the order in which float32 sums were added up."""
    np.testing.assert_allclose(tensor.detach().numpy(), expected, 0, 1e-6 * np.abs(expected).max())


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs(name, level):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


def test_errors_name_the_axes():
    with pytest.raises(RuntimeError, match=r"L=5, N=2, H_in=7") as caught:
        nn.RNN(3, 4)(mg.zeros(5, 2, 7))
    assert "batch_first=False" in str(caught.value)
    with pytest.raises(RuntimeError, match=r"N=5, L=2, H_in=7.*batch_first=True"):
        nn.RNN(3, 4, batch_first=True)(mg.zeros(5, 2, 7))


@pytest.mark.parametrize("wrong", [None, [1.0], np.zeros((5, 2, 3), np.float32)])
def test_input_and_state_must_be_tensors(wrong):
    with pytest.raises(TypeError, match="RNN: input must be a Tensor"):
        nn.RNN(3, 4)(wrong)
    with pytest.raises(TypeError, match="RNNCell: input must be a Tensor"):
        nn.RNNCell(3, 4)(wrong)
    if wrong is not None:
        with pytest.raises(TypeError, match="RNN: hx must be a Tensor"):
            nn.RNN(3, 4)(mg.zeros(5, 2, 3), wrong)
        with pytest.raises(TypeError, match="RNNCell: hidden must be a Tensor"):
            nn.RNNCell(3, 4)(mg.zeros(2, 3), wrong)


def test_dropout_of_one_layer_warns_where_it_was_written():
    with pytest.warns(
        UserWarning, match="dropout option adds dropout after all but last"
    ) as caught:
        nn.RNN(3, 4, dropout=0.5)
    assert caught[0].filename == __file__


def test_dropout_between_layers_only():
    mg.manual_seed(0)
    layer = nn.RNN(3, 40, 2, dropout=0.5)
    x = tensor(1, 6, 2, 3, dtype="float32")
    first, second = layer(x)[0], layer(x)[0]
    assert not np.array_equal(first.detach().numpy(), second.detach().numpy())
    assert np.all(first.detach().numpy() != 0)  # the last layer's output is whole
    h_n = layer(x)[1].detach().numpy()
    layer.eval()
    np.testing.assert_array_equal(
        layer(x)[1].detach().numpy()[0], h_n[0]
    )  # so is the first's state
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())
    layer.train()
    layer.dropout = 0.0  # may be changed later
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), layer.eval()(x)[0].detach().numpy())


# ------------------------------------------------------------------------------------------------
# Derivatives
# ------------------------------------------------------------------------------------------------

LAYERS = [
    {},
    {"nonlinearity": "relu"},
    {"bias": False, "batch_first": True},
    {"bidirectional": True, "nonlinearity": "relu", "bias": False},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "dropout": 1.0},
]


def layer_and_inputs(options, unbatched=False, hx=True):
    """A layer as a function of the input, the state and all its parameters, and these."""
    mg.manual_seed(3)
    layer = nn.RNN(2, 3, dtype=mg.float64, **options)
    states = layer.num_layers * (2 if layer.bidirectional else 1)
    batch = () if unbatched else (2,)
    shape = (2, 3, 2) if layer.batch_first and batch else (3, *batch, 2)
    inputs = [tensor(1, *shape)]
    if hx:
        inputs.append(tensor(2, states, *batch, 3))
    parameters = list(layer.parameters())

    def function(*values):
        return layer(*values[: len(inputs)])

    return function, (*inputs, *parameters)


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_gradcheck_of_layers(options, level):
    function, values = layer_and_inputs(options)
    assert gradcheck(function, values)


@pytest.mark.parametrize(("unbatched", "hx"), [(True, True), (True, False), (False, False)])
def test_gradcheck_of_call_forms(unbatched, hx, level):
    function, values = layer_and_inputs({}, unbatched, hx)
    assert gradcheck(function, values)
    assert gradgradcheck(function, values, fast_mode=True)


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_gradgradcheck_of_layers(options, level):
    function, values = layer_and_inputs(options)
    assert gradgradcheck(function, values, fast_mode=True, atol=1e-6)


def test_gradgradcheck_in_full(level):
    function, values = layer_and_inputs({"nonlinearity": "tanh"}, unbatched=True)
    assert gradgradcheck(function, values)


@pytest.mark.parametrize("use", ["output", "h_n", "part"])
def test_derivatives_if_not_all_is_used(use, level):
    function, values = layer_and_inputs({"bidirectional": True})
    pick = {"output": lambda y, h: y, "h_n": lambda y, h: h, "part": lambda y, h: y[1:, :, 1:4]}[
        use
    ]
    assert gradcheck(lambda *v: pick(*function(*v)), values)
    assert gradgradcheck(lambda *v: pick(*function(*v)), values, fast_mode=True)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_derivatives_of_cells(nonlinearity, bias, batch, level):
    mg.manual_seed(3)
    cell = nn.RNNCell(2, 3, bias, nonlinearity, dtype=mg.float64)
    values = (tensor(1, *batch, 2), tensor(2, *batch, 3), *cell.parameters())

    def two_steps(x, h, *_):
        return cell(x * x, cell(x, h))

    assert gradcheck(two_steps, values)
    assert gradgradcheck(two_steps, values, fast_mode=True)


def test_third_derivative(level):
    mg.manual_seed(3)
    layer = nn.RNN(2, 3, dtype=mg.float64)
    x = tensor(1, 3, 2, 2)

    def second(x):
        (g,) = mg.autograd.grad((layer(x)[0] ** 2).sum(), x, create_graph=True)
        return mg.autograd.grad((g**2).sum(), x, create_graph=True)[0]

    assert gradcheck(second, x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(7, 3, 5, 17), (4, 1, 19, 33), (3, 33, 2, 8), (6, 5, 31, 64)])
def test_levels_agree_at_sizes_that_fill_no_tile(sizes, dtype, level):
    """Values and all gradients against the reference in float64."""
    steps, batch, columns, units = sizes
    mg.manual_seed(0)
    layer = nn.RNN(columns, units, 2, bidirectional=True, dtype=mg.float64)
    x, h_0 = facts.numbers(1, steps, batch, columns), facts.numbers(2, 4, batch, units)
    g = facts.numbers(3, steps, batch, 2 * units)

    def run(layer, kind):
        inputs = [mg.tensor(v, dtype=kind, requires_grad=True) for v in (x, h_0)]
        output, h_n = layer(*inputs)
        mg.autograd.backward(
            [output, h_n.sum()], [mg.tensor(g, dtype=kind), mg.tensor(2.0, dtype=kind)]
        )
        values = [output, h_n, *[v.grad for v in inputs], *[p.grad for p in layer.parameters()]]
        assert {v.dtype for v in values} == {kind}
        return [v.detach().numpy() for v in values]

    kind = getattr(mg, dtype)
    got = run(copy.deepcopy(layer).to(kind), kind)
    _kernels.set_level("reference")
    for a, b in zip(got, run(layer, mg.float64), strict=True):
        np.testing.assert_allclose(
            a, b, 0, {"float32": 1e-5, "float64": 1e-13}[dtype] * np.abs(b).max()
        )


# ------------------------------------------------------------------------------------------------
# Long sequences, memory
# ------------------------------------------------------------------------------------------------


def numpy_bptt(x, h_0, parameters, d_output):
    """tanh RNN and back-propagation through time, one layer, written out in NumPy."""
    w_ih, w_hh, b_ih, b_hh = parameters
    states = [h_0]
    for x_t in x:
        states.append(np.tanh(x_t @ w_ih.T + b_ih + states[-1] @ w_hh.T + b_hh))
    d_x, d_h = np.empty_like(x), np.zeros_like(h_0)
    d_w_ih, d_w_hh, d_b = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(b_ih)
    for t in reversed(range(len(x))):
        d_pre = (d_output[t] + d_h) * (1 - states[t + 1] ** 2)
        d_x[t], d_h = d_pre @ w_ih, d_pre @ w_hh
        d_w_ih += d_pre.T @ x[t]
        d_w_hh += d_pre.T @ states[t]
        d_b += d_pre.sum(0)
    return np.array(states[1:]), d_x, d_h, d_w_ih, d_w_hh, d_b, d_b


@pytest.mark.parametrize("unroll", ["layer", "cell"])
@pytest.mark.parametrize("level_name", [LEVELS[0], "reference"])
def test_five_thousand_steps(unroll, level_name):
    steps, batch, columns, units = 5000, 2, 3, 4
    before = _kernels.level
    _kernels.set_level(level_name)
    try:
        mg.manual_seed(1)
        layer = nn.RNN(columns, units, dtype=mg.float64)
        x, h_0 = tensor(1, steps, batch, columns), tensor(2, 1, batch, units)
        g = facts.numbers(3, steps, batch, units)
        if unroll == "layer":
            output, _ = layer(x, h_0)
        else:
            cell = nn.RNNCell(columns, units, dtype=mg.float64)
            for name, value in layer.named_parameters():
                setattr(cell, name.removesuffix("_l0"), value)
            h, states = h_0[0], []
            for x_t in x:
                h = cell(x_t, h)
                states.append(h)
            output = mg.stack(states)
        output.backward(mg.tensor(g))
    finally:
        _kernels.set_level(before)
    parameters = [p.detach().numpy() for p in layer.parameters()]
    expected = numpy_bptt(x.detach().numpy(), h_0.detach().numpy()[0], parameters, g)
    got = [output.detach(), x.grad, h_0.grad[0], *[p.grad for p in layer.parameters()]]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b, 1e-7, 1e-7 * np.abs(b).max())


@pytest.mark.parametrize("kind", ["layer", "cell"])
def test_memory_does_not_grow(kind):
    mg.manual_seed(0)
    layer = nn.RNN(3, 8) if kind == "layer" else nn.RNNCell(3, 8)
    optimizer = mg.optim.SGD(layer.parameters(), lr=0.01)
    x = mg.tensor(facts.numbers(1, *((3,) if kind == "layer" else ()), 2, 3, dtype="float32"))

    def step():
        optimizer.zero_grad()
        y = layer(x)
        (y[0] if kind == "layer" else y).sum().backward()
        optimizer.step()

    gc.disable()  # nothing may have to wait for the collector
    try:
        tracemalloc.start()
        for _ in range(1500):  # Python 3.10 allocates a cache for code that ran 1024 times
            step()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(2000):
            step()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 4000


# ------------------------------------------------------------------------------------------------
# In place, without a graph, copies
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0"])
def test_changing_a_weight_before_backward_raises(name, level):
    layer = nn.RNN(3, 4)
    x = tensor(1, 5, 2, 3, dtype="float32")
    output, _ = layer(x)
    with mg.no_grad():
        getattr(layer, name).mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_changing_the_input_before_backward_raises(level):
    layer = nn.RNN(3, 4)
    x = mg.tensor(facts.numbers(1, 5, 2, 3, dtype="float32"))
    output, _ = layer(x)
    x[0] = 2.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"nonlinearity": "relu"}], ids=str)
def test_changing_the_output_before_backward_raises(options, level):
    layer = nn.RNN(3, 4, **options)
    output, h_n = layer(tensor(1, 5, 2, 3, dtype="float32"))
    h_n.sum().backward(retain_graph=True)
    expected = gradients(layer)
    layer.zero_grad()
    with mg.no_grad():
        output[1] = 3.0
    if level == "reference":  # there the output is a copy of the states: nothing is lost
        h_n.sum().backward()
        for name, g in gradients(layer).items():
            np.testing.assert_array_equal(g, expected[name])
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            h_n.sum().backward()


def test_changing_the_state_of_a_cell_before_backward_raises(level):
    cell = nn.RNNCell(3, 4)
    h = cell(tensor(1, 2, 3, dtype="float32"))
    with mg.no_grad():
        h.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        h.sum().backward()


def test_changing_the_last_state_leaves_the_output_alone(level):
    output, h_n = nn.RNN(3, 4)(tensor(1, 5, 2, 3, dtype="float32"))
    before = output.detach().numpy().copy()
    with mg.no_grad():
        h_n.mul_(2.0)
    np.testing.assert_array_equal(output.detach().numpy(), before)


def test_optimizer_step_between_forward_and_backward_raises():
    layer = nn.RNN(3, 4)
    optimizer = mg.optim.SGD(layer.parameters(), lr=0.1)
    x = tensor(1, 5, 2, 3, dtype="float32")
    first, second = layer(x)[0].sum(), layer(x)[0].sum()
    first.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        second.backward()


def test_second_backward_needs_the_graph(level):
    layer = nn.RNN(3, 4)
    loss = layer(tensor(1, 5, 2, 3, dtype="float32"))[0].sum()
    loss.backward(retain_graph=True)
    first = gradients(layer)
    loss.backward()
    for name, g in gradients(layer).items():
        np.testing.assert_allclose(g, 2 * first[name], 1e-6)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


def test_gradients_of_the_two_biases_do_not_share_memory(level):
    for layer, x in ((nn.RNN(3, 4), (5, 2, 3)), (nn.RNNCell(3, 4), (2, 3))):
        y = layer(tensor(1, *x, dtype="float32"))
        (y if isinstance(layer, nn.RNNCell) else y[0]).sum().backward()
        one, two = [p.grad for name, p in layer.named_parameters() if name.startswith("bias")]
        before = two.numpy().copy()
        one.zero_()
        np.testing.assert_array_equal(two.numpy(), before)


@pytest.mark.parametrize(
    "frozen", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "x", "all"]
)
def test_frozen_parts_get_no_gradient_and_change_no_other(frozen, level):
    def run(frozen):
        mg.manual_seed(0)
        layer = nn.RNN(3, 4)
        x = tensor(1, 5, 2, 3, dtype="float32")
        for name, p in [*layer.named_parameters(), ("x", x)]:
            p.requires_grad_(name != frozen and (frozen != "all" or name == "x"))
        layer(x)[0].square().sum().backward()
        return {n: p.grad for n, p in [*layer.named_parameters(), ("x", x)]}

    whole = run("nothing")
    for name, g in run(frozen).items():
        if name == frozen or (frozen == "all" and name != "x"):
            assert g is None
        else:
            np.testing.assert_array_equal(g.numpy(), whole[name].numpy())


def test_truncated_back_propagation(level):
    """A detached state cuts the graph: the gradient is that of the second half alone."""
    mg.manual_seed(0)
    layer = nn.RNN(3, 4, dtype=mg.float64)
    x = tensor(1, 6, 2, 3)
    _, h = layer(x[:3])
    layer(x[3:], h.detach())[0].sum().backward()
    half = gradients(layer)
    assert not x.grad[:3].any()
    layer.zero_grad()
    layer(mg.tensor(x.detach().numpy()[3:]), mg.tensor(h.detach().numpy()))[0].sum().backward()
    for name, g in gradients(layer).items():
        np.testing.assert_allclose(g, half[name], 1e-12)


def test_no_grad_and_inference_give_the_same_values(level):
    layer = nn.RNN(3, 4, 2, bidirectional=True)
    x = tensor(1, 5, 2, 3, dtype="float32")
    output, h_n = layer(x)
    for context in (mg.no_grad, mg.inference_mode):
        with context():
            free, free_h = layer(x)
        assert not free.requires_grad
        assert free.grad_fn is None
        np.testing.assert_array_equal(free.numpy(), output.detach().numpy())
        np.testing.assert_array_equal(free_h.numpy(), h_n.detach().numpy())


def test_memory_layout_does_not_matter(level):
    mg.manual_seed(0)
    layer, cell = nn.RNN(3, 4), nn.RNNCell(3, 4)
    x, h = (
        tensor(1, 5, 2, 3, dtype="float32").detach(),
        tensor(2, 1, 2, 4, dtype="float32").detach(),
    )
    expected = layer(x, h)[0].detach().numpy()
    wide = mg.tensor(np.repeat(x.numpy(), 2, -1))[:, :, ::2]
    turned = h.permute(2, 1, 0).clone().permute(2, 1, 0)
    column = x[0].t().clone().t()
    assert not any(v.is_contiguous() for v in (wide, turned, column))
    close(layer(wide, turned)[0], expected)
    close(cell(column, turned[0]), cell(x[0], h[0]).detach().numpy())
    expanded = tensor(4, 1, 2, 3, dtype="float32").expand(5, 2, 3)  # a stride of 0
    close(layer(expanded)[0], layer(expanded.clone())[0].detach().numpy())
    layer.weight_hh_l0.data = layer.weight_hh_l0.detach().t().clone().t()
    assert not layer.weight_hh_l0.is_contiguous()
    close(layer(x, h)[0], expected)


def test_gradient_from_above_may_have_any_layout(level):
    mg.manual_seed(0)
    layer = nn.RNN(3, 4)
    x = tensor(1, 5, 2, 3, dtype="float32")
    g = facts.numbers(5, 5, 2, 4, dtype="float32")
    layer(x)[0].backward(mg.tensor(g))
    expected = gradients(layer)
    for layout in (
        mg.tensor(np.ascontiguousarray(g.transpose(2, 1, 0))).permute(2, 1, 0),
        mg.tensor(np.repeat(g, 2, 0))[::2],
    ):
        layer.zero_grad()
        layer(x)[0].backward(layout)
        for name, p in layer.named_parameters():
            close(p.grad, expected[name])
    layer.zero_grad()
    layer(x)[0].sum().backward()  # one number, expanded
    ones = gradients(layer)
    layer.zero_grad()
    layer(x)[0].backward(mg.ones(5, 2, 4))
    for name, p in layer.named_parameters():
        close(p.grad, ones[name])


@pytest.mark.parametrize("kind", ["layer", "cell"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_give_the_same_and_share_nothing(kind, duplicate):
    layer = nn.RNN(3, 4, 2, "relu", bidirectional=True) if kind == "layer" else nn.RNNCell(3, 4)
    x = tensor(1, *((5,) if kind == "layer" else ()), 2, 3, dtype="float32")
    other = duplicate(layer)
    assert repr(other) == repr(layer)
    a, b = [m(x) if kind == "cell" else m(x)[0] for m in (layer, other)]
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    b.sum().backward()
    assert all(p.grad is None for p in layer.parameters())
    assert all(p.grad is not None for p in other.parameters())
    with mg.no_grad():
        for p in other.parameters():
            p.zero_()
    assert all(p.any() for p in layer.parameters())


def test_state_dict_goes_from_layer_to_layer_and_to_cells():
    source, target = nn.RNN(3, 4), nn.RNN(3, 4)
    assert str(target.load_state_dict(source.state_dict())) == "<All keys matched successfully>"
    cell = nn.RNNCell(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in source.state_dict().items()})
    x = tensor(1, 5, 2, 3, dtype="float32")
    h = None
    for x_t in x:
        h = cell(x_t, h)
    np.testing.assert_allclose(
        h.detach().numpy(), target(x)[1][0].detach().numpy(), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(RuntimeError, match="size mismatch for weight_hh_l0"):
        nn.RNN(3, 5).load_state_dict(source.state_dict())


def test_a_parameter_may_be_replaced():
    layer = nn.RNN(3, 4)
    x = tensor(1, 5, 2, 3, dtype="float32")
    layer.weight_hh_l0 = nn.Parameter(mg.eye(4))
    layer(x)[0].sum().backward()
    assert layer.weight_hh_l0.grad.any()
    assert layer.all_weights[0][1] is layer.weight_hh_l0
    assert layer._flat_weights[1] is layer.weight_hh_l0


def test_moving_to_double_moves_all():
    layer = nn.RNN(3, 4, 2).double()
    output, h_n = layer(tensor(1, 5, 2, 3))
    assert output.dtype == h_n.dtype == mg.float64


def test_flatten_parameters_is_there_for_old_scripts():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nn.RNN(3, 4).flatten_parameters() is None
