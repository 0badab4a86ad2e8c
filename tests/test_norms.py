"""LayerNorm, RMSNorm, BatchNorm1d: equal to PyTorch's and right."""

import copy
import pickle
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import _kernels, nn
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.nn import functional as F
from minigrad.ops.norm import moments

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_norms.py")))
with np.load(GOLDEN / "norms.npz") as file:
    STORED = dict(file)
# nan and inf are meant in some cases
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def leaf(seed, *shape):
    return mg.tensor(3 * facts.numbers(seed, *shape) + 0.5, requires_grad=True)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# Derivatives
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", ["", "w", "b", "wb"])
@pytest.mark.parametrize(
    ("shape", "sizes"), [((2, 4), (4,)), ((3,), (3,)), ((2, 2, 3), (2, 3)), ((2, 1), (1,))]
)
def test_derivatives_of_layer_norm(shape, sizes, parts):
    def function(x, *rest):
        given = dict(zip(parts, rest))
        return F.layer_norm(x, sizes, given.get("w"), given.get("b"), eps=0.01)

    values = (leaf(1, *shape), *[leaf(k, *sizes) for k, _ in enumerate(parts, 2)])
    assert gradcheck(function, values)
    assert gradgradcheck(function, values)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("parts", ["", "w", "b", "wb"])
@pytest.mark.parametrize("shape", [(3, 2), (2, 2, 3), (1, 2, 3), (2, 2, 1, 2)])
def test_derivatives_of_batch_norm(shape, parts, training):
    averages = [mg.tensor(np.abs(facts.numbers(k, 2))) for k in (7, 8)]

    def function(x, *rest):
        given = dict(zip(parts, rest))
        running = (None, None) if training else averages
        return F.batch_norm(x, *running, given.get("w"), given.get("b"), training, eps=0.01)

    values = (leaf(1, *shape), *[leaf(k, 2) for k, _ in enumerate(parts, 2)])
    assert gradcheck(function, values)
    assert gradgradcheck(function, values)


@pytest.mark.parametrize("weighted", [True, False])
def test_derivatives_of_rms_norm(weighted):
    values = (leaf(1, 2, 2, 3), leaf(2, 2, 3))[: 1 + weighted]
    assert gradcheck(lambda *v: F.rms_norm(v[0], (2, 3), *v[1:], eps=0.01), values)
    assert gradgradcheck(lambda *v: F.rms_norm(v[0], (2, 3), *v[1:], eps=0.01), values)


def test_third_derivative_of_layer_norm():
    """It goes through the reference twice: against the same expression in plain operations."""

    def plain(x):
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()

    thirds = []
    for function in (lambda x: F.layer_norm(x, (4,)), plain):
        x = leaf(1, 2, 4)
        d = (function(x) ** 3).sum()
        for _ in range(3):
            (d,) = mg.autograd.grad(d.square().sum(), x, create_graph=True)
        thirds.append(d.detach().numpy())
    np.testing.assert_allclose(*thirds, rtol=1e-6, atol=1e-8 * np.abs(thirds[1]).max())


def test_the_input_can_depend_on_the_weight():
    w = leaf(1, 3)
    assert gradcheck(lambda w: F.layer_norm(w * leaf(2, 4, 3), (3,), w, w), w)
    assert gradgradcheck(lambda w: F.layer_norm(w * leaf(2, 4, 3), (3,), w, w), w)


# ------------------------------------------------------------------------------------------------
# Numbers
# ------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.data(),
    st.sampled_from([0.0, 1.0, -300.0]),
)
def test_layer_norm_is_what_it_says(shape, data, offset):
    axes = data.draw(st.integers(1, len(shape)))
    x = facts.numbers(1, *shape) + offset
    last = tuple(range(len(shape) - axes, len(shape)))
    expected = (x - x.mean(last, keepdims=True)) / np.sqrt(x.var(last, keepdims=True) + 1e-5)
    w, b = (facts.numbers(k, *shape[-axes:]) for k in (2, 3))
    y = F.layer_norm(mg.tensor(x), tuple(shape[-axes:]), mg.tensor(w), mg.tensor(b))
    np.testing.assert_allclose(y.numpy(), expected * w + b, 1e-9, 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 5), st.lists(st.integers(1, 4), max_size=2))
def test_batch_norm_is_what_it_says(samples, channels, positions):
    x = facts.numbers(1, samples, channels, *positions) + 3
    axes = (0, *range(2, x.ndim))
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    mean, var = mg.zeros(channels, dtype=mg.float64), mg.ones(channels, dtype=mg.float64)
    y = F.batch_norm(mg.tensor(x), mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(y.numpy(), expected, 1e-9, 1e-9)
    np.testing.assert_allclose(mean.numpy(), 0.25 * x.mean(axes), 1e-12)
    np.testing.assert_allclose(var.numpy(), 0.75 + 0.25 * x.var(axes, ddof=1), 1e-12)


@pytest.mark.parametrize("layout", [(1, 50, 40), (50, 40, 1), (20, 5, 30)])
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e3, 1e5])
def test_moments_keep_their_digits_however_large_the_mean(layout, offset):
    x = (np.random.RandomState(1).randn(*layout) + offset).astype("float32")
    centred, base, shift, variance = moments(x)
    exact = x.astype("float64")
    m = exact.mean((0, 2))[:, None]
    v = exact.var((0, 2))[:, None]
    np.testing.assert_allclose(base + shift, m, 1e-6, 1e-6)
    np.testing.assert_allclose(variance, v, 1e-5)
    np.testing.assert_allclose(centred, exact - m, 0, 1e-5)


def rows(x, *factors):
    return F.layer_norm(x, x.shape[1:], *factors)


def columns(x, *factors):
    return F.batch_norm(x, None, None, *factors, training=True)


def columns_by_others(x, *factors):
    return F.batch_norm(x, x[0].detach(), x[1].detach() ** 2, *factors)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parts", ["", "w", "b", "wb"])
@pytest.mark.parametrize("function", [rows, columns, columns_by_others])
@pytest.mark.parametrize("shape", [(2, 1), (3, 7), (130, 67), (1000, 70), (5, 1300)])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
def test_kernels_equal_the_formulas(kernel_level, dtype, parts, function, shape, offset):
    """At every size of rest, of less and more than a block of rows, of a few columns and many."""
    if function is columns_by_others:
        offset = offset and 3.0
    values = facts.numbers(1, *shape) + offset, facts.numbers(2, *shape)
    values += tuple(facts.numbers(k, shape[1]) if part in parts else None
                    for k, part in enumerate("wb", 3))  # fmt: skip
    found = []
    for kind, level in ((dtype, kernel_level), ("float64", "reference")):
        _kernels.set_level(level)
        x, g, w, b = [
            None if v is None else mg.tensor(v.astype(dtype).astype(kind)) for v in values
        ]
        leaves = [v.requires_grad_() for v in (x, w, b) if v is not None]
        y = function(x, w, b)
        assert y.stride() == y.contiguous().stride()
        found.append([y.detach(), *mg.autograd.grad(y, leaves, g)])
    for got, expected in zip(*found, strict=True):
        assert str(got.dtype) == f"torch.{dtype}"
        scale = max(1, float(expected.abs().max())) * (1 + offset)
        atol = 64 * np.finfo(dtype).eps * scale
        np.testing.assert_allclose(got.numpy(), expected.numpy(), 0, atol)


@pytest.mark.parametrize("function", [rows, columns])
def test_kernels_take_any_layout_and_any_gradient(kernel_level, function):
    x, w = mg.randn(20, 12), mg.randn(24)[::2]
    expected = function(x.requires_grad_(), w, w)
    turned = x.detach().t().contiguous().t().requires_grad_()
    strided = mg.cat([x.detach(), x.detach()], 1)[:, :12].requires_grad_()
    for other in (turned, strided):
        y = function(other, w, w)
        assert mg.equal(y, expected)
        for g in (mg.ones(20, 12), mg.ones(1).expand(20, 12), mg.ones(12, 20).t()):
            (d,) = mg.autograd.grad(y, other, g, retain_graph=True)
            (e,) = mg.autograd.grad(expected, x, mg.ones(20, 12), retain_graph=True)
            assert mg.equal(d, e)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", [rows, columns])
def test_constant_groups_give_exactly_the_bias(level, function, dtype):
    for value in (0.0, 0.1, -7.7, 1e4 + 0.1, 1e6 + 0.3, 1e20):
        for size in (2, 3, 10, 127, 300):
            x = mg.full((size, size), value, dtype=getattr(mg, dtype))
            assert not function(x).any(), (value, size)


@pytest.mark.parametrize("rows", [made.ROWS["constant"], made.ROWS["large mean"]])
def test_gradients_of_rows_that_hardly_vary(rows):
    """In float32 as in float64."""
    gradients = []
    for dtype in ("float32", "float64"):
        x = mg.tensor(np.asarray(rows, "float32").astype(dtype), requires_grad=True)
        g = mg.tensor(facts.numbers(1, *x.shape, dtype="float32").astype(dtype))
        F.layer_norm(x, x.shape[1:]).backward(g)
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(*gradients, 1e-4, 1e-6 * np.abs(gradients[1]).max())


def test_groups_of_one_entry_become_the_bias():
    x, w, b = leaf(1, 6, 1), leaf(2, 1), leaf(3, 1)
    y = F.layer_norm(x, (1,), w, b)
    assert (y == b).all()
    y.sum().backward()
    assert not x.grad.any()
    assert not w.grad.any()
    assert b.grad.tolist() == [6.0]


def test_layouts_of_memory():
    x, w = mg.tensor(facts.numbers(1, 4, 3, 5)), mg.tensor(facts.numbers(2, 10))[::2]
    turned = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert not turned.is_contiguous()
    a, b = F.layer_norm(turned, (5,), w, w), F.layer_norm(x, (5,), w.clone(), w.clone())
    np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-13, 1e-13)
    a, b = nn.BatchNorm1d(3).double()(turned), nn.BatchNorm1d(3).double()(x)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-13, 1e-13)


def test_nan_stays_in_its_group():
    x = mg.tensor([[np.nan, 1.0, 2.0], [3.0, 4.0, 6.0]])
    assert mg.isnan(F.layer_norm(x, (3,))).tolist() == [[True] * 3, [False] * 3]
    y = F.batch_norm(x, None, None, training=True)
    assert mg.isnan(y).tolist() == [[True, False, False]] * 2
    layer = nn.BatchNorm1d(3)
    layer(x)
    assert mg.isnan(layer.running_mean).tolist() == [True, False, False]


# ------------------------------------------------------------------------------------------------
# Behaviour
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda: nn.LayerNorm(3), lambda: nn.LayerNorm(3, elementwise_affine=False),
             lambda: nn.BatchNorm1d(3), lambda: nn.BatchNorm1d(3, affine=False)]
)  # fmt: skip
def test_the_output_may_be_overwritten(make):
    """As by ``ReLU(inplace=True)``, which stands behind many a normalisation."""
    layer = make().double()
    x = leaf(1, 4, 3)
    expected = mg.autograd.grad(layer(x).relu().sum(), x)[0].numpy()
    (nn.ReLU(inplace=True)(layer(x))).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_the_result_does_not_share_memory_with_the_input():
    x = mg.tensor(facts.numbers(1, 4, 3))
    for y in (F.layer_norm(x, (3,)), F.batch_norm(x, None, None, training=True)):
        assert not np.shares_memory(x.numpy(), y.numpy())


def test_changing_the_input_before_backward_raises():
    for layer in (nn.LayerNorm(3).double(), nn.BatchNorm1d(3).double()):
        x = leaf(1, 4, 3) * 1.0
        y = layer(x)
        with mg.no_grad():
            x.mul_(2.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_evaluation_leaves_the_averages_alone_and_uses_them():
    layer = nn.BatchNorm1d(3)
    layer(mg.tensor(facts.numbers(1, 5, 3, dtype="float32")))
    state = {k: v.clone() for k, v in layer.state_dict().items()}
    x = mg.tensor(facts.numbers(2, 4, 3, dtype="float32"))
    y = layer.eval()(x).detach().numpy()
    for name, value in layer.state_dict().items():
        assert mg.equal(value, state[name])
    expected = (x - layer.running_mean) / (layer.running_var + 1e-5).sqrt()
    np.testing.assert_allclose(y, expected.numpy(), 1e-6, 1e-6)


def test_several_batches_before_one_backward():
    """The averages move with each batch, which must not disturb the batches before."""
    layer, x = nn.BatchNorm1d(3).double(), leaf(1, 4, 3)
    first = layer.eval()(x)
    (layer.train()(x).square().sum() + layer(x + 1).square().sum() + first.sum()).backward()
    assert mg.isfinite(x.grad).all()


def test_running_averages_may_move_before_the_gradient_is_asked_for():
    layer, x = nn.BatchNorm1d(3).double(), leaf(1, 4, 3)
    layer(x.detach())
    gradients = []
    for create_graph, move in ((False, False), (True, True)):
        y = layer.eval()(x) ** 2
        if move:
            layer.train()(x.detach() * 5)
        (d,) = mg.autograd.grad(y.sum(), layer.weight, create_graph=create_graph)
        gradients.append(d.detach().numpy())
    np.testing.assert_allclose(*gradients, 1e-12)


def test_batches_count_as_changes_of_the_running_averages():
    layer = nn.BatchNorm1d(3).double()
    scale = leaf(1, 3)
    product = (scale * layer.running_mean + scale * layer.running_var).sum()
    layer(leaf(2, 4, 3))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


def test_the_average_of_all_batches():
    layer = nn.BatchNorm1d(2, momentum=None).double()
    batches = [facts.numbers(k, 5, 2) for k in range(4)]
    for batch in batches:
        layer(mg.tensor(batch))
    expected = np.mean([b.mean(0) for b in batches], 0)
    np.testing.assert_allclose(layer.running_mean.numpy(), expected, 1e-12)
    assert layer.num_batches_tracked.item() == 4
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_mean.tolist() == [0.0, 0.0]
    assert layer.running_var.tolist() == [1.0, 1.0]


def test_reset_parameters():
    for layer in (nn.LayerNorm(2), nn.RMSNorm(2), nn.BatchNorm1d(2)):
        with mg.no_grad():
            for p in layer.parameters():
                p.fill_(7.0)
        layer.reset_parameters()
        assert layer.weight.tolist() == [1.0, 1.0]
        assert getattr(layer, "bias", None) is None or layer.bias.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(duplicate):
    model = nn.Sequential(nn.LayerNorm(3), nn.BatchNorm1d(3), nn.RMSNorm(3))
    x = mg.tensor(facts.numbers(1, 4, 3, dtype="float32"))
    model(x)
    other = duplicate(model)
    assert repr(other) == repr(model)
    assert list(other.state_dict()) == list(model.state_dict())
    np.testing.assert_array_equal(
        other.eval()(x).detach().numpy(), model.eval()(x).detach().numpy()
    )


def test_averages_move_with_the_module():
    layer = nn.BatchNorm1d(3).double()
    assert layer.running_mean.dtype == layer.running_var.dtype == mg.float64
    assert layer.num_batches_tracked.dtype == mg.int64
    other = nn.BatchNorm1d(3, dtype=mg.float64)
    other.load_state_dict(layer.state_dict())
    assert [*other.state_dict()] == [*nn.BatchNorm1d(3).state_dict()]


def test_layer_norm_in_a_recurrent_network_trains():
    mg.manual_seed(0)
    rnn, norm = nn.RNN(2, 8), nn.LayerNorm(8)
    optimizer = mg.optim.SGD([*rnn.parameters(), *norm.parameters()], lr=0.1)
    x, target = mg.randn(6, 4, 2), mg.randn(6, 4, 8)
    losses = []
    for _ in range(30):
        loss = F.mse_loss(norm(rnn(x)[0]), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize(("dtype", "huge"), [(mg.float32, 1e30), (mg.float64, 1e300)])
@pytest.mark.parametrize("axes", [1, 2])
def test_a_sample_too_large_for_its_squares_is_nan_not_zero(dtype, huge, axes):
    x = mg.tensor([[[huge, 1.0, 2.0]], [[1.0, 2.0, 3.0]]], dtype=dtype, requires_grad=True)
    y = mg.nn.functional.layer_norm(x, x.shape[-axes:])
    y.sum().backward()
    assert y[0].isnan().all()
    assert x.grad[0].isnan().all()
    assert y[1].isfinite().all()
    assert x.grad[1].isfinite().all()
