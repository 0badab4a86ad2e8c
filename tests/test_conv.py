"""Convolutions, pooling and padding layers: as PyTorch's, and right."""

import copy
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.nn import functional as F
from minigrad.ops import conv

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_conv.py")))
with np.load(GOLDEN / "conv.npz") as file:
    STORED = dict(file)
EVEN = "ignore:Using padding='same' with even kernel lengths:UserWarning"
pytestmark = pytest.mark.filterwarnings(EVEN)


def leaf(seed, *shape):
    return mg.tensor(facts.numbers(seed, *shape), requires_grad=True)


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
# Convolutions
# ------------------------------------------------------------------------------------------------


def by_definition(x, weight, bias, stride, padding, dilation, groups):
    """The equation of the docstring, entry by entry."""
    samples, _, length = x.shape
    outputs, inputs, kernel = weight.shape
    count = (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    y = np.zeros((samples, outputs, count)) + bias[:, None]
    for o, t, c, k in np.ndindex(outputs, count, inputs, kernel):
        place = stride * t + dilation * k - padding
        if 0 <= place < length:
            y[:, o, t] += weight[o, c, k] * x[:, o // (outputs // groups) * inputs + c, place]
    return y


CASES = st.fixed_dictionaries(
    {"stride": st.integers(1, 3), "padding": st.integers(0, 4), "dilation": st.integers(1, 3),
     "groups": st.integers(1, 3)}
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(CASES, st.integers(1, 4), st.integers(0, 6), st.integers(0, 3), st.data())
def test_convolutions_are_what_they_are_defined_as(options, kernel, more, samples, data):
    groups = options["groups"]
    inputs, outputs = data.draw(st.integers(1, 3)), groups * data.draw(st.integers(1, 2))
    least = options["dilation"] * (kernel - 1) + 1 - 2 * options["padding"]
    x = facts.numbers(1, samples, groups * inputs, max(least, 1) + more)
    weight, bias = facts.numbers(2, outputs, inputs, kernel), facts.numbers(3, outputs)
    leaves = [mg.tensor(v, requires_grad=True) for v in (x, weight, bias)]
    y = F.conv1d(*leaves, **options)
    np.testing.assert_allclose(
        y.detach().numpy(), by_definition(x, weight, bias, **options), 1e-12, 1e-12
    )
    # the transpose has the transposed matrix: <y, conv(x)> = <x, conv_transpose(y)>
    g = mg.tensor(facts.numbers(4, *y.shape))
    (by_x,) = mg.autograd.grad(y, leaves[0], g)
    stride, reach = options["stride"], options["dilation"] * (kernel - 1)
    short = (y.shape[2] - 1) * stride - 2 * options["padding"] + reach + 1
    extra = x.shape[2] - short
    if 0 <= extra < max(stride, options["dilation"]) and short > 0:
        turned = F.conv_transpose1d(g, leaves[1].detach(), output_padding=extra, **options)
        np.testing.assert_allclose(turned.numpy(), by_x.numpy(), 1e-12, 1e-12)


@pytest.mark.parametrize("kind", ["Conv1d", "ConvTranspose1d"])
def test_derivatives_of_convolutions(kind):
    for name, (shape, sizes, options) in (
        made.CONVS if kind == "Conv1d" else made.TRANSPOSED
    ).items():
        if shape[0]:
            mg.manual_seed(0)
            layer = getattr(nn, kind)(shape[-2], *sizes, **options, dtype=mg.float64)
            values = leaf(1, *shape), *layer.parameters()
            assert gradcheck(lambda x, *_, layer=layer: layer(x), values), name


SECOND = [
    {}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2, "padding": 2},
    {"stride": 3, "dilation": 2},
]  # fmt: skip


@pytest.mark.parametrize("options", SECOND, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_second_derivatives_of_convolutions(options, transposed):
    function, groups = F.conv_transpose1d if transposed else F.conv1d, options.get("groups", 1)
    more = {"output_padding": 1} if transposed and len(options) > 1 else {}
    values = leaf(1, 2, 2, 7), leaf(2, 2, 2 // groups, 3), leaf(3, 2)
    assert gradgradcheck(lambda x, w, b: function(x, w, b, **options, **more), values)
    assert gradgradcheck(lambda x, w: function(x * x, w * w, **options, **more), values[:2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(9, 5, 40), (3, 33, 20), (1, 1, 300), (40, 16, 3)])
def test_kernel_levels_agree(shape, dtype, level):
    """Sizes that fill no vector; sums cut into parts; against the definition."""
    x, weight = facts.numbers(1, *shape), facts.numbers(2, 18, shape[1], 3)
    leaves = [mg.tensor(v.astype(dtype), requires_grad=True) for v in (x, weight)]
    y = F.conv1d(*leaves, padding=1)
    expected = by_definition(x, weight, np.zeros(18), 1, 1, 1, 1)
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(y.detach().numpy(), expected, 0, tolerance * abs(expected).max())
    g = facts.numbers(3, *y.shape)
    for_x, for_w = mg.autograd.grad(y, leaves, mg.tensor(g.astype(dtype)))
    back = by_definition(g, weight.transpose(1, 0, 2)[..., ::-1], np.zeros(shape[1]), 1, 1, 1, 1)
    np.testing.assert_allclose(for_x.numpy(), back, 0, tolerance * abs(back).max())
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    pairs = [np.einsum("not,nct->oc", g, wide[..., k : k + shape[2]]) for k in range(3)]
    np.testing.assert_allclose(
        for_w.numpy(), np.stack(pairs, -1), 0, 3 * tolerance * abs(np.stack(pairs)).max()
    )


def test_gradients_of_weights_in_parts(monkeypatch):
    """Many samples are added up a few at a time, so that no product is too large."""
    x, w = leaf(1, 7, 4, 9), leaf(2, 6, 2, 3)
    y = F.conv1d(x, w, stride=2, dilation=2, groups=2, padding=1)
    g = mg.tensor(facts.numbers(3, *y.shape))
    (expected,) = mg.autograd.grad(y, w, g, retain_graph=True)
    monkeypatch.setattr(conv, "MOST_PRODUCTS", 200)
    (found,) = mg.autograd.grad(y, w, g)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-13)


def test_even_kernels_of_the_same_length_warn():
    with pytest.warns(UserWarning, match="Using padding='same' with even kernel") as caught:
        F.conv1d(mg.ones(1, 2, 5), mg.ones(3, 2, 4), padding="same")
    assert caught[0].filename == __file__


def test_changing_the_weight_before_backward_raises():
    layer = nn.Conv1d(3, 4, 2)
    y = layer(mg.ones(2, 3, 5, requires_grad=True))
    with mg.no_grad():
        layer.weight.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_cell_with_a_convolution_runs_step_by_step():
    class Cell(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.inner = nn.Linear(input_size, hidden_size)
            self.filter = nn.Conv1d(1, 1, 3, padding=1)

        def forward(self, x, h):
            return mg.tanh(self.inner(x) + self.filter(h[:, None])[:, 0])

    mg.manual_seed(0)
    layer, x = nn.Recurrent(Cell, 3, 5).double(), leaf(1, 6, 2, 3)
    with pytest.warns(UserWarning, match="runs step by step, which is slow: there is no instruct"):
        assert gradcheck(lambda x: layer(x)[0], x)


@pytest.mark.filterwarnings("error")
def test_training_with_convolutions_is_replayed():
    mg.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.ReLU(), nn.MaxPool1d(2), nn.AvgPool1d(2), nn.Flatten(),
        nn.Linear(4, 1),
    )  # fmt: skip
    twin = copy.deepcopy(model)

    def step(model, optimizer, x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    first, second = [mg.optim.SGD(m.parameters(), 0.1) for m in (model, twin)]
    compiled = mg.compile(lambda x: step(model, first, x))
    for k in range(6):
        x = mg.tensor(facts.numbers(k, 3, 2, 6, dtype="float32"))
        assert compiled(x).item() == step(twin, second, x).item()


# ------------------------------------------------------------------------------------------------
# Pooling and padding
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, (shape, _) in made.POOLS.items() if shape[0]])
def test_derivatives_of_pooling(name):
    shape, make = made.POOLS[name]
    x, layer = leaf(1, *shape), make(nn)
    if "LP" in name:
        x = mg.tensor(np.abs(facts.numbers(1, *shape)), requires_grad=True)
    assert gradcheck(layer, x)
    assert gradgradcheck(lambda x: layer(x * x), x)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3), st.booleans(),
    st.integers(1, 30),
)  # fmt: skip
def test_windows_are_where_they_should_be(kernel, stride, padding, dilation, ceil_mode, length):
    padding = min(padding, kernel // 2)
    x = facts.numbers(1, 2, 3, length)
    reach = dilation * (kernel - 1) + 1
    end = length + padding
    starts = range(-padding, end - reach + 1, stride)
    if ceil_mode and starts and starts[-1] + reach < end and starts[-1] + stride < length:
        starts = range(-padding, starts[-1] + stride + 1, stride)
    if not starts:
        return
    places = [[s + dilation * k for k in range(kernel)] for s in starts]
    windows = [[p for p in window if 0 <= p < length] for window in places]
    got, where = F.max_pool1d(
        mg.tensor(x), kernel, stride, padding, dilation, ceil_mode, return_indices=True
    )
    expected = np.stack([x[..., w].max(-1, initial=-np.inf) for w in windows], -1)
    np.testing.assert_array_equal(got.numpy(), expected)
    if all(windows):
        np.testing.assert_array_equal(np.take_along_axis(x, where.numpy(), -1), expected)
    if dilation == 1:
        got = F.avg_pool1d(mg.tensor(x), kernel, stride, padding, ceil_mode, False)
        np.testing.assert_allclose(
            got.numpy(), np.stack([x[..., w].mean(-1) for w in windows], -1), 1e-12
        )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 25))
def test_parts_are_of_nearly_one_size(length, count):
    x = facts.numbers(1, 2, length)
    parts = [x[:, t * length // count : -(-(t + 1) * length // count)] for t in range(count)]
    means = F.adaptive_avg_pool1d(mg.tensor(x), count).numpy()
    largest = F.adaptive_max_pool1d(mg.tensor(x), count).numpy()
    np.testing.assert_allclose(means, np.stack([p.mean(-1) for p in parts], -1), 1e-12)
    np.testing.assert_array_equal(largest, np.stack([p.max(-1) for p in parts], -1))


def test_an_infinite_entry_stays_in_its_window():
    x = mg.tensor([[1.0, mg.inf, 2.0, 3.0, 4.0, 6.0]])
    assert F.avg_pool1d(x, 2).tolist() == [[mg.inf, 2.5, 5.0]]
    assert F.adaptive_avg_pool1d(x, 4).tolist() == [[mg.inf, mg.inf, 3.5, 5.0]]


def test_rooms_of_pytorch():
    from minigrad.compat.rooms import ROOMS

    for room in ("conv", "pooling", "padding"):
        assert f"nn.{room}" in ROOMS[f"torch.nn.modules.{room}"]
