"""Linear, Embedding, Dropout, activations, padding, initial values: as PyTorch's, and right."""

import copy
import itertools
import math
import pickle
import runpy
import warnings
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
from minigrad.nn import init

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_layers.py")))
with np.load(GOLDEN / "layers.npz") as file:
    STORED = dict(file)


def leaf(seed, *shape, scale=1.0):
    return mg.tensor(scale * facts.numbers(seed, *shape), requires_grad=True)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.filterwarnings("ignore:Implicit dimension choice:UserWarning")
@pytest.mark.filterwarnings("ignore:.nn.init.* is now deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:mean is more than 2 std:UserWarning")
@pytest.mark.filterwarnings("ignore:dropout2d. Received a 3D input:UserWarning")
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
# Linear
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 3, 4)])
def test_derivatives_of_linear(shape, bias):
    layer = nn.Linear(4, 3, bias, dtype=mg.float64)
    values = (leaf(1, *shape), *layer.parameters())
    assert gradcheck(lambda x, *_: layer(x * x), values)
    assert gradgradcheck(lambda x, *_: layer(x * x), values)


def test_linear_without_features_warns_and_works():
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        layer = nn.Linear(0, 2)
    assert layer(mg.zeros(3, 0)).shape == (3, 2)


def test_changing_the_weight_before_backward_raises():
    layer = nn.Linear(4, 3)
    x = mg.tensor(facts.numbers(1, 2, 4, dtype="float32"), requires_grad=True)
    y = layer(x)
    with mg.no_grad():
        layer.weight.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_modules(duplicate):
    model = nn.Sequential(
        nn.Embedding(5, 4, padding_idx=0), nn.Linear(4, 3), nn.LeakyReLU(0.3), nn.Dropout(0.2),
        nn.Softmax(-1),
    ).eval()  # fmt: skip
    other = duplicate(model)
    assert repr(other) == repr(model)
    index = mg.tensor([[1, 0], [4, 2]])
    np.testing.assert_array_equal(other(index).detach().numpy(), model(index).detach().numpy())


def test_identity_and_flatten():
    x = leaf(1, 2, 3, 4)
    assert nn.Identity(54, unused=True)(x) is x
    assert gradcheck(nn.Flatten(), x)
    assert nn.Flatten(1, 2)(x).shape == (2, 12)


# ------------------------------------------------------------------------------------------------
# Embedding
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 2}, {"scale_grad_by_freq": True, "padding_idx": 0}], ids=str
)
def test_derivatives_of_embedding(options):
    """Finite differences know of no padding row and no frequencies: expect what they mean."""
    table, index = leaf(1, 4, 3), mg.tensor([[1, 2, 1], [3, 0, 1]])
    g = facts.numbers(2, 2, 3, 3)
    (d,) = mg.autograd.grad(F.embedding(index, table, **options), table, mg.tensor(g))
    expected = np.zeros((4, 3))
    counts = np.bincount(index.numpy().ravel())
    for place, row in np.ndenumerate(index.numpy()):
        if row != options.get("padding_idx"):
            expected[row] += g[place] / (counts[row] if "scale_grad_by_freq" in options else 1)
    np.testing.assert_allclose(d.numpy(), expected, 1e-14)

    def first(table, g):  # the derivative is linear in g, and free of the table
        y = F.embedding(index, table, **options)
        return mg.autograd.grad(y, table, g, create_graph=True)[0]

    assert gradcheck(first, (table, mg.tensor(g, requires_grad=True)))
    if not options:
        assert gradcheck(lambda table: F.embedding(index, table), table)
        assert gradgradcheck(lambda table: F.embedding(index, table * table), table)


def test_padding_row_is_zero_and_stays_so():
    table = nn.Embedding(5, 3, padding_idx=-1)
    assert not table.weight[4].any()
    optimizer = mg.optim.SGD(table.parameters(), lr=0.5)
    table(mg.tensor([4, 1, 4])).sum().backward()
    optimizer.step()
    assert not table.weight[4].any()
    assert table.weight.grad[1].tolist() == [1.0, 1.0, 1.0]
    table.reset_parameters()
    assert not table.weight[4].any()


def test_max_norm_changes_only_the_rows_in_use_and_counts_as_a_change():
    table = nn.Embedding(5, 3, max_norm=0.5)
    before = table.weight.detach().numpy().copy()
    y = table(mg.tensor([1, 3, 1]))
    after = table.weight.detach().numpy()
    np.testing.assert_array_equal(after[[0, 2, 4]], before[[0, 2, 4]])
    assert np.all(np.linalg.norm(after[[1, 3]], axis=1) <= 0.5 + 1e-6)
    y.sum().backward()
    product = (table.weight * table.weight).sum()  # needs the weight as it is now
    with mg.no_grad():
        table.weight.mul_(10.0)
    table(mg.tensor([2]))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


def test_from_pretrained():
    rows = mg.tensor(facts.numbers(1, 4, 3, dtype="float32"))
    table = nn.Embedding.from_pretrained(rows, padding_idx=0)
    assert not table.weight.requires_grad
    np.testing.assert_array_equal(table(mg.tensor([2, 0])).numpy(), rows.numpy()[[2, 0]])
    free = nn.Embedding.from_pretrained(rows, freeze=False)
    free(mg.tensor([2])).sum().backward()
    assert free.weight.grad[2].tolist() == [1.0, 1.0, 1.0]
    assert (free.num_embeddings, free.embedding_dim) == (4, 3)


def test_changing_the_index_before_backward_raises():
    table, index = nn.Embedding(5, 3), mg.tensor([1, 2])
    y = table(index)
    index[0] = 4
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_index_out_of_range_names_it():
    with pytest.raises(IndexError, match="index 7, but weight has 5 rows"):
        nn.Embedding(5, 3)(mg.tensor([[1, 7], [9, 0]]))


# ------------------------------------------------------------------------------------------------
# Activations
# ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Implicit dimension choice:UserWarning")
@pytest.mark.parametrize("name", made.ACTIVATIONS)
def test_derivatives_of_activations(name):
    activation = made.ACTIVATIONS[name](nn)
    x = leaf(1, 2, 3, scale=2.5)
    assert gradcheck(activation, x)
    assert gradgradcheck(activation, x)


@pytest.mark.parametrize("name", made.ACTIVATIONS)
@pytest.mark.filterwarnings("ignore:Implicit dimension choice:UserWarning")
def test_derivatives_stay_finite_at_large_values(name):
    """First and second derivatives in float32, at values where exp overflows."""
    x = mg.tensor([[-1e4, -100.0, -88.8, 0.0, 88.8, 100.0, 1e4]], requires_grad=True)
    (g,) = mg.autograd.grad(made.ACTIVATIONS[name](nn)(x).square().sum(), x, create_graph=True)
    (second,) = mg.autograd.grad(g.sum(), x, allow_unused=True)
    assert mg.isfinite(g).all()
    assert second is None or mg.isfinite(second).all()
    assert g.dtype == mg.float32


@pytest.mark.parametrize(
    ("shape", "slopes"), [((2, 3), (3,)), ((2, 3, 4), (3,)), ((2, 3), (1,)), ((3,), ()), ((), (1,))]
)
def test_derivatives_of_prelu(shape, slopes):
    values = leaf(1, *shape, scale=2.0), leaf(2, *slopes)
    assert gradcheck(F.prelu, values)
    assert gradgradcheck(F.prelu, values)


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_derivatives_of_bilinear(shape):
    values = leaf(1, *shape, 3), leaf(2, *shape, 2), leaf(3, 4, 3, 2), leaf(4, 4)
    assert gradcheck(F.bilinear, values)
    assert gradgradcheck(F.bilinear, values)
    x, y, w = [v.detach().numpy() for v in values[:3]]
    got = F.bilinear(*values[:3]).detach().numpy()
    np.testing.assert_allclose(got, np.einsum("...i,oij,...j->...o", x, w, y), 1e-12)


def test_unflatten_undoes_flatten():
    x = leaf(1, 2, 3, 4)
    assert gradcheck(nn.Unflatten(1, (3, 4)), leaf(1, 2, 12))
    assert mg.equal(nn.Unflatten(1, (3, 4))(nn.Flatten()(x)), x)


@pytest.mark.parametrize("name", ["uniform", "normal", "eye", "kaiming_normal", "xavier_normal"])
def test_names_of_initial_values_without_underscore_warn(name):
    w, expected = mg.zeros(3, 4), mg.zeros(3, 4)
    mg.manual_seed(0)
    with pytest.warns(FutureWarning, match=f"`nn.init.{name}` is now deprecated in favor") as seen:
        assert getattr(init, name)(w) is w
    assert seen[0].filename == __file__
    mg.manual_seed(0)
    assert mg.equal(getattr(init, f"{name}_")(expected), w)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_derivatives_of_glu(dim):
    x = leaf(1, 2, 4, 6)
    assert gradcheck(lambda x: F.glu(x, dim), x)
    assert gradgradcheck(lambda x: F.glu(x, dim), x)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("inplace", [False, True])
def test_derivatives_of_rrelu(training, inplace):
    def steady(x):
        mg.manual_seed(1)
        return F.rrelu(x * x - 0.3, 0.2, 0.7, training, inplace)

    assert gradcheck(steady, leaf(1, 3, 4))
    assert gradgradcheck(steady, leaf(1, 3, 4))


def test_slopes_of_rrelu_are_drawn_evenly():
    mg.manual_seed(0)
    x = mg.tensor(facts.numbers(1, 200, 50))
    slopes = (nn.RReLU(0.2, 0.6)(x) / x).numpy()
    np.testing.assert_array_equal(slopes[x.numpy() > 0], 1)
    drawn = np.sort(slopes[x.numpy() < 0])
    assert drawn[0] >= 0.2
    assert drawn[-1] < 0.6
    even = 0.2 + 0.4 * (np.arange(drawn.size) + 0.5) / drawn.size
    assert np.abs(drawn - even).max() < 0.02


def test_selu_keeps_mean_and_variance():
    mg.manual_seed(0)
    x = mg.randn(500, 64)
    for _ in range(8):
        weight = nn.init.kaiming_normal_(mg.empty(64, 64), nonlinearity="linear")
        x = F.selu(x @ weight.t())
    assert abs(x.mean().item()) < 0.15
    assert abs(x.var().item() - 1) < 0.2


def test_old_names_of_the_limits_of_hardtanh_warn():
    with pytest.warns(FutureWarning, match="`min_value` is deprecated and renamed") as caught:
        assert nn.Hardtanh(min_value=-2).min_val == -2
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", made.IN_PLACE)
def test_in_place_activations(name):
    x = leaf(1, 3, 4, scale=2.0)

    def overwriting(x):
        y = x * 1.0
        assert getattr(nn, name)(inplace=True)(y) is y
        return y

    assert gradcheck(overwriting, x)
    assert gradgradcheck(overwriting, x)
    with mg.no_grad():
        expected = getattr(nn, name)()(x).numpy()
        y = x.clone()
        getattr(nn, name)(inplace=True)(y)
    np.testing.assert_array_equal(y.numpy(), expected)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_nan_passes_through_activations():
    x = mg.tensor([[np.nan, 1.0]])
    for name, make in made.ACTIVATIONS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert mg.isnan(make(nn)(x)[0, 0]), name


@pytest.mark.parametrize(("rank", "axis"), [(0, 0), (1, 0), (2, 1), (3, 0), (4, 1)])
def test_softmax_without_an_axis_warns_and_guesses(rank, axis):
    x = leaf(1, *(2, 3, 4, 5)[:rank])
    for function in (F.softmax, F.log_softmax, F.softmin):
        with pytest.warns(UserWarning, match="Implicit dimension choice") as caught:
            guessed = function(x)
        np.testing.assert_array_equal(guessed.detach().numpy(), function(x, axis).detach().numpy())
        assert caught[0].filename == __file__


def test_gelu_in_its_tails():
    for approximate, dtype in itertools.product(("none", "tanh"), (mg.float32, mg.float64)):
        x = mg.tensor([-1e3, -40.0, -9.0, -6.0, 6.0, 9.0, 1e3], dtype=dtype)
        y = F.gelu(x, approximate).numpy()
        assert np.all(y[:3] <= 0)
        assert np.all(np.abs(y[:3]) < 1e-15)
        np.testing.assert_allclose(y[3:], [-6e-9, 6, 9, 1e3], 1e-7, 1e-8)


def test_erf_at_many_points():
    x = np.linspace(-4.5, 4.5, 100001)
    expected = np.array([math.erf(v) for v in x.astype("float32")])
    got = mg.erf(mg.tensor(x, dtype=mg.float32)).numpy()
    np.testing.assert_allclose(got, expected, 4e-7)
    np.testing.assert_array_equal(got, -got[::-1])


def test_erf_is_exact():
    x = np.concatenate(
        [np.linspace(-6.5, 6.5, 4001), [0.0, 5e-324, -1e-300, 1e-8, np.inf, -np.inf]]
    )
    expected = np.array([math.erf(v) for v in x])
    np.testing.assert_array_equal(mg.erf(mg.tensor(x)).numpy(), expected)
    single = mg.erf(mg.tensor(x, dtype=mg.float32)).numpy()
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, [math.erf(v) for v in x.astype("float32")], 4e-7, 1e-45)
    assert np.all(np.abs(single[np.abs(x) > 3.95]) == 1)  # or GELU would not be 0 far out
    assert mg.isnan(mg.erf(mg.tensor(mg.nan)))
    assert mg.erf(mg.zeros(2, 0, 3)).shape == (2, 0, 3)


@pytest.mark.parametrize("function", [mg.erf, mg.Tensor.erf])
def test_derivatives_of_erf(function):
    x = leaf(1, 2, 3, scale=2.0)
    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


def test_threshold_in_place():
    y = mg.tensor([1.0, -2.0, 3.0])
    assert nn.Threshold(1.0, 7.0, inplace=True)(y) is y
    assert y.tolist() == [7.0, 7.0, 3.0]


def test_softmax_of_large_values_and_infinities():
    x = mg.tensor([1e4, 1e4 - 1, -1e4, -np.inf])
    np.testing.assert_allclose(F.softmax(x, 0).numpy(), [0.7310586, 0.26894143, 0, 0], 1e-6)
    np.testing.assert_allclose(
        F.log_softmax(x, 0).numpy(), [-0.3132617, -1.3132617, -2.0000312e4, -np.inf], 1e-5
    )


# ------------------------------------------------------------------------------------------------
# Dropout
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_statistics(p):
    mg.manual_seed(0)
    y = nn.Dropout(p)(mg.ones(200, 500)).numpy()
    zeros = np.mean(y == 0)
    assert abs(zeros - p) < 5 * np.sqrt(p * (1 - p) / y.size)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), 1e-6)
    assert abs(np.corrcoef(y[:, 0] == 0, y[:, 1] == 0)[0, 1]) < 0.35


def test_dropout_at_the_ends_and_off():
    x = leaf(1, 3, 4)
    assert not F.dropout(x, 1.0).any()
    for same in (F.dropout(x, 0.0), F.dropout(x, 0.7, training=False), nn.Dropout(0.7).eval()(x)):
        np.testing.assert_array_equal(same.detach().numpy(), x.detach().numpy())
    F.dropout(x, 1.0).sum().backward()
    assert not x.grad.any()


def test_dropout_gradient_has_the_same_mask():
    mg.manual_seed(0)
    x = leaf(1, 30, 40)
    y = nn.Dropout(0.3)(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy() * x.detach().numpy(), y.detach().numpy(), 1e-12)

    def steady(x):
        mg.manual_seed(1)
        return nn.Dropout(0.4)(x * x)

    assert gradcheck(steady, leaf(2, 3, 4))
    assert gradgradcheck(steady, leaf(2, 3, 4))


def test_dropout_in_place():
    mg.manual_seed(0)
    y = mg.ones(40)
    assert F.dropout(y, 0.5, inplace=True) is y
    assert set(y.tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("size", [1, 7, 16, 100])
def test_dropout_takes_one_draw_a_value(size):
    mg.manual_seed(3)
    F.dropout(mg.ones(size), 0.5)
    after = mg.rand(1).item()
    mg.manual_seed(3)
    mg.ones(size).bernoulli_(0.5)
    assert mg.rand(1).item() == after
    mg.manual_seed(3)
    first = F.dropout(mg.ones(size), 0.5).numpy()
    mg.manual_seed(3)
    np.testing.assert_array_equal(F.dropout(mg.ones(size), 0.5).numpy(), first)


def test_dropout_that_does_nothing_draws_nothing():
    mg.manual_seed(3)
    expected = mg.rand(1).item()
    mg.manual_seed(3)
    F.dropout(mg.ones(5), 0.0)
    F.dropout(mg.ones(5), 0.5, training=False)
    nn.Dropout(0.5).eval()(mg.ones(5))
    assert mg.rand(1).item() == expected


CHANNELS = {  # the axes along which all entries share their fate
    "Dropout1d": ((50, 60, 7), (2,)),
    "Dropout2d": ((50, 60, 3, 4), (2, 3)),
    "FeatureAlphaDropout": ((50, 60, 7), (2,)),
    "LockedDropout": ((7, 50, 60), (0,)),
}


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", CHANNELS)
def test_dropout_of_channels(kind, p):
    mg.manual_seed(0)
    shape, axes = CHANNELS[kind]
    y = getattr(nn, kind)(p)(mg.ones(shape)).numpy()
    first = y[tuple([slice(0, 1) if k in axes else slice(None) for k in range(y.ndim)])]
    np.testing.assert_array_equal(y, np.broadcast_to(first, shape))
    values, counts = np.unique(first, return_counts=True)
    assert len(values) == 2
    dropped = counts[values == first.min()] / first.size
    assert abs(dropped - p) < 5 * np.sqrt(p * (1 - p) / first.size)
    if kind != "FeatureAlphaDropout":
        np.testing.assert_allclose(values, [0, 1 / (1 - p)], 1e-6)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("kind", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_variance(kind, p):
    mg.manual_seed(0)
    x = mg.randn(400, 500, 1)
    y = getattr(nn, kind)(p)(x).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.02
    kept = np.unique(y, return_counts=True)[1].max()  # the one value that occurs again and again
    assert abs(kept / y.size - p) < 0.01


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(7, 3, 4), (1, 1, 50), (7, 40)])
def test_locked_dropout_has_one_mask_for_all_steps(batch_first, shape):
    mg.manual_seed(1)
    time = 1 if batch_first and len(shape) == 3 else 0
    mask = nn.LockedDropout(0.5, batch_first)(mg.ones(shape)).numpy()
    np.testing.assert_array_equal(mask, np.broadcast_to(mask.take([0], time), shape))
    assert set(np.unique(mask)) == {0.0, 2.0}
    assert len(np.unique(mask, axis=-1)) > 1 or mask.shape[-2:] == (1, 50)
    x = facts.numbers(1, *shape)
    mg.manual_seed(1)
    y = nn.LockedDropout(0.5, batch_first)(mg.tensor(x))
    np.testing.assert_allclose(y.numpy(), x * mask, 1e-15)


def test_locked_dropout_at_the_ends_and_off():
    x = leaf(1, 5, 3, 4)
    for layer in (nn.LockedDropout(0.0), nn.LockedDropout(0.7).eval()):
        assert layer(x) is x
    assert not nn.LockedDropout(1.0)(x).any()
    assert nn.LockedDropout(0.5)(mg.zeros(0, 3, 4)).shape == (0, 3, 4)
    assert repr(nn.LockedDropout(0.3, True)) == "LockedDropout(p=0.3, batch_first=True)"
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        nn.LockedDropout(1.2)
    with pytest.raises(RuntimeError, match=r"LockedDropout: expected sequences.*got \[4\]"):
        nn.LockedDropout()(mg.ones(4))


@pytest.mark.filterwarnings("ignore:dropout2d. Received a 3D input:UserWarning")
@pytest.mark.parametrize("kind", [*CHANNELS, "AlphaDropout"])
def test_derivatives_of_dropouts(kind):
    def steady(x):
        mg.manual_seed(1)
        return getattr(nn, kind)(0.4)(x * x)

    assert gradcheck(steady, leaf(2, 3, 2, 4))
    assert gradgradcheck(steady, leaf(2, 3, 2, 4))


@pytest.mark.parametrize("kind", ["dropout1d", "alpha_dropout", "feature_alpha_dropout"])
@pytest.mark.parametrize("p", [0.5, 1.0])
def test_dropouts_in_place(kind, p):
    results = []
    for inplace in (False, True):
        mg.manual_seed(0)
        y = mg.ones(2, 3, 4)
        result = getattr(F, kind)(y, p, True, inplace)
        assert (result is y) == inplace
        results.append(result.numpy())
    np.testing.assert_array_equal(*results)


def test_dropout2d_warns_of_other_shapes():
    for shape, words in (((2, 3), "Received a 2-D input"), ((2, 3, 4), "Received a 3D input")):
        with pytest.warns(UserWarning, match=words) as caught:
            F.dropout2d(mg.ones(shape))
        assert caught[0].filename == __file__


# ------------------------------------------------------------------------------------------------
# Padding, vectors, samples
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", made.PADS)
def test_derivatives_of_padding(name):
    shape, pad, mode, value = made.PADS[name]
    if 0 not in shape:
        x = leaf(1, *shape)
        assert gradcheck(lambda x: F.pad(x * x, pad, mode, value), x)
        assert gradgradcheck(lambda x: F.pad(x * x, pad, mode, value), x)


MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(2, 5), min_size=2, max_size=4),
    st.sampled_from(sorted(MODES)),
    st.data(),
)
def test_padding_is_numpys(shape, mode, data):
    most = len(shape) if mode == "constant" else min(len(shape) - 1, 3)
    least = 0 if mode == "constant" else max(len(shape) - 2, 1)
    axes = data.draw(st.integers(least, most))
    frame = [(0, 0)] * (len(shape) - axes)
    for n in shape[len(shape) - axes :]:
        frame.append(data.draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    x = facts.numbers(1, *shape)
    flat = [n for pair in frame[::-1][:axes] for n in pair]
    got = F.pad(mg.tensor(x), flat, mode).numpy()
    np.testing.assert_array_equal(got, np.pad(x, frame, mode=MODES[mode]))


@pytest.mark.parametrize("name", made.VECTORS)
def test_derivatives_of_directions(name):
    function, shapes = made.VECTORS[name]
    values = [leaf(k, *shape) for k, shape in enumerate(shapes, 1)]
    if not any(0 in shape for shape in shapes):
        assert gradcheck(lambda *v: function(F, *v), values)
        assert gradgradcheck(lambda *v: function(F, *v), values)


def test_normalize_writes_where_it_is_told():
    x, out = mg.tensor([[3.0, 4.0]]), mg.zeros(1, 2)
    assert F.normalize(x, out=out) is out
    np.testing.assert_allclose(out.numpy(), [[0.6, 0.8]], 1e-6)


def test_cosine_similarity_as_a_module():
    x, y = leaf(1, 2, 3, 4), leaf(2, 2, 3, 4)
    a, b = nn.CosineSimilarity(dim=2)(x, y), F.cosine_similarity(x, y, 2)
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    np.testing.assert_allclose(F.cosine_similarity(x, 7 * x, -1).detach().numpy(), 1, 1e-12)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("tau", [0.5, 1.0, 3.0])
def test_gumbel_softmax_samples_its_distribution(tau, hard):
    mg.manual_seed(0)
    logits = mg.tensor([0.5, -1.0, 2.0, 0.0])
    samples = F.gumbel_softmax(logits.expand(20000, 4), tau, hard).numpy()
    np.testing.assert_allclose(samples.sum(1), 1, 1e-5)
    frequency = np.bincount(samples.argmax(1), minlength=4) / len(samples)
    np.testing.assert_allclose(frequency, F.softmax(logits, 0).numpy(), 0, 0.02)
    if hard:
        assert np.isin(samples.max(1), 1).all()


def test_gumbel_softmax_passes_straight_through():
    def steady(x, hard):
        mg.manual_seed(5)
        return F.gumbel_softmax(x, 0.7, hard)

    x, g = leaf(1, 3, 4), mg.tensor(facts.numbers(2, 3, 4))
    assert gradcheck(lambda x: steady(x, False), x)
    assert gradgradcheck(lambda x: steady(x, False), x)
    soft, hard = [mg.autograd.grad(steady(x, h), x, g)[0] for h in (False, True)]
    np.testing.assert_array_equal(soft.numpy(), hard.numpy())
    with pytest.warns(UserWarning, match="eps.* parameter is deprecated") as caught:
        F.gumbel_softmax(x, eps=1e-3)
    assert caught[0].filename == __file__


def test_functions_stand_where_they_were_and_where_they_are():
    from minigrad.nn.functional import dropout, linear, softmax
    from minigrad.nn.functional.losses import mse_loss

    assert (dropout, linear, softmax) == (F.dropout, F.linear, F.softmax)
    assert mse_loss is F.mse_loss
    assert all(callable(getattr(F, name)) for name in F.__all__)
    assert sorted(F.__all__) == F.__all__


# ------------------------------------------------------------------------------------------------
# Initial values
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in made.INITS if n != "constant_"])
@pytest.mark.filterwarnings("ignore:.nn.init.* is now deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:mean is more than 2 std:UserWarning")
def test_initial_values_are_no_part_of_the_graph(name):
    w = nn.Parameter(mg.zeros((4, 3, 2) if name == "dirac_" else (3, 4)))
    made.INITS[name](init, w)
    assert w.is_leaf
    assert w.requires_grad
    assert w.grad_fn is None


@pytest.mark.parametrize(
    "function",
    [init.uniform_, init.normal_, init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_,
     init.kaiming_normal_, init.trunc_normal_, init.orthogonal_],
)  # fmt: skip
def test_a_generator_of_ones_own(function):
    mg.manual_seed(0)
    expected = function(mg.zeros(4, 3)).numpy().copy()
    mg.manual_seed(1)
    untouched = mg.rand(1).item()
    mg.manual_seed(1)
    got = function(mg.zeros(4, 3), generator=mg.Generator().manual_seed(0)).numpy()
    np.testing.assert_array_equal(got, expected)
    assert mg.rand(1).item() == untouched


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (3, 2, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(shape, dtype):
    w = init.orthogonal_(mg.zeros(*shape, dtype=getattr(mg, dtype)), gain=2.0).numpy()
    w = w.reshape(shape[0], -1)
    square = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(
        square, 4 * np.eye(len(square)), 0, {"float32": 1e-5, "float64": 1e-13}[dtype]
    )


def test_sparse_has_as_many_zeros_in_every_column():
    w = init.sparse_(mg.zeros(10, 6), 0.35).numpy()
    assert ((w == 0).sum(0) == 4).all()


@pytest.mark.filterwarnings("ignore:mean is more than 2 std:UserWarning")
@pytest.mark.parametrize(("mean", "a", "b"), [(0.0, -1.0, 2.0), (0.5, 0.9, 1.1), (5.0, -1.0, 1.0)])
def test_truncated_normal_has_its_distribution(mean, a, b):
    mg.manual_seed(0)
    x = np.sort(init.trunc_normal_(mg.zeros(4000, dtype=mg.float64), mean, 1.0, a, b).numpy())
    assert a <= x[0]
    assert x[-1] <= b
    grid = np.linspace(a, b, 20001)
    density = np.exp(-0.5 * (grid - mean) ** 2)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    expected = np.interp(x, grid, cumulative / cumulative[-1])
    distance = np.abs(expected - (np.arange(4000) + 0.5) / 4000).max()  # Kolmogorov-Smirnov
    assert distance < 1.95 / np.sqrt(4000)  # one seed in a thousand would fail


def test_truncated_normal_warns_far_outside():
    with pytest.warns(UserWarning, match="mean is more than 2 std from") as caught:
        init.trunc_normal_(mg.zeros(3), 5.0, 1.0, -1.0, 1.0)
    assert caught[0].filename == __file__
