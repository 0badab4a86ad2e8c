"""Attention, transformers, bags of embeddings: as PyTorch's, and right."""

import copy
import math
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

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_attention.py")))
with np.load(GOLDEN / "attention.npz") as file:
    STORED = dict(file)
sdpa = F.scaled_dot_product_attention


def leaf(seed, *shape, dtype="float64"):
    return mg.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs(name):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.once
@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.once
@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# scaled_dot_product_attention
# ------------------------------------------------------------------------------------------------

LOOK = mg.tensor([[True, False, True], [False, False, False]])
OPTIONS = {
    "plain": {}, "scale": {"scale": -0.7}, "causal": {"is_causal": True},
    "bools": {"attn_mask": LOOK}, "dropout": {"dropout_p": 0.4},
    "dropout and bools": {"dropout_p": 0.4, "attn_mask": LOOK},
    "infinities": {"attn_mask": mg.where(LOOK, 0.0, -math.inf).double()},
}  # fmt: skip
SHAPES = {
    "two axes": ((2, 4), (3, 4), (3, 5)),
    "four axes": ((2, 2, 2, 4), (2, 2, 3, 4), (2, 2, 3, 4)),
    "broadcast": ((2, 1, 2, 3), (2, 3, 3), (1, 1, 3, 2)),
    "many values": ((2, 3), (3, 3), (2, 3, 2)),
    "many keys": ((1, 2, 3), (2, 3, 3), (3, 2)),
}


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_derivatives_of_attention(shapes, options):
    def function(q, k, v):
        mg.manual_seed(2)
        return sdpa(q * q, k, v, **options)

    values = [leaf(k, *shape) for k, shape in enumerate(shapes, 1)]
    assert gradcheck(function, values)
    assert gradgradcheck(function, values)


@pytest.mark.parametrize("shape", [(2, 3), (2, 2, 2, 3), (1, 3), (2, 1)])
def test_derivatives_by_the_mask(shape):
    q, k, v = leaf(1, 2, 2, 2, 4), leaf(2, 2, 2, 3, 4), leaf(3, 2, 2, 3, 4)
    values = (q, k, v, leaf(4, *shape))
    assert gradcheck(sdpa, values)
    assert gradgradcheck(sdpa, values)


def test_derivatives_of_grouped_heads_and_of_one_tensor_three_times():
    q, k, v = leaf(1, 4, 2, 3), leaf(2, 2, 3, 3), leaf(3, 2, 3, 2)
    assert gradcheck(lambda q, k, v: sdpa(q, k, v, enable_gqa=True), (q, k, v))
    assert gradgradcheck(lambda q, k, v: sdpa(q, k, v, enable_gqa=True), (q, k, v))
    assert gradcheck(lambda q: sdpa(q, q, q), q)
    assert gradgradcheck(lambda q: sdpa(q, q, q), q)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attention_is_what_its_formula_says(dtype):
    q, k, v = [leaf(n, 2, s, 3, dtype=dtype) for n, s in ((1, 4), (2, 5), (3, 5))]
    scores = q.detach().numpy() @ k.detach().numpy().swapaxes(1, 2) / math.sqrt(3)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    y = sdpa(q, k, v)
    assert y.dtype == getattr(mg, dtype)
    np.testing.assert_allclose(y.detach().numpy(), weights @ v.detach().numpy(), 1e-5)


def test_a_query_that_may_look_nowhere_gets_zeros_and_gives_no_gradient():
    q, k, v = leaf(1, 2, 4), leaf(2, 3, 4), leaf(3, 3, 4)
    for p in (0.0, 0.3):
        y = sdpa(q, k, v, LOOK, p)
        assert y[1].tolist() == [0.0] * 4
        found = mg.autograd.grad(y.square().sum(), (q, k, v), create_graph=True)
        assert found[0][1].tolist() == [0.0] * 4
        assert all(mg.isfinite(d).all() for d in found)
        second = mg.autograd.grad(sum(d.square().sum() for d in found), (q, k, v))
        assert all(mg.isfinite(d).all() for d in second)


def test_large_scores_and_numbers_that_are_none():
    q = mg.tensor([[1e4, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(sdpa(q, q, q)[0].numpy(), q[0].numpy())
    y = sdpa(q, q, mg.tensor([[math.nan, 1.0], [2.0, 3.0]]), mg.eye(2).bool())
    assert y.isnan().tolist() == [[True, False], [True, False]]  # 0 * nan
    q[1, 1] = math.nan
    assert sdpa(q, q, q).isnan().all()


def test_half_precision():
    q, k, v = [leaf(n, 2, 3, 4).half() for n in (1, 2, 3)]
    y = sdpa(q, k, v, mg.zeros(3, 3))
    assert y.dtype == mg.float16
    expected = sdpa(q.double(), k.double(), v.double()).detach()
    np.testing.assert_allclose(y.detach().double().numpy(), expected.numpy(), 0, 3e-3)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_shapes_broadcast(data):
    full = data.draw(st.lists(st.integers(1, 3), max_size=3))
    L, S, E, Ev = (data.draw(st.integers(1, 4)) for _ in range(4))

    def lead():
        kept = full[data.draw(st.integers(0, len(full))) :]
        return [n if data.draw(st.booleans()) else 1 for n in kept]

    leads = [lead() for _ in range(3)]
    values = [
        leaf(k, *a, *b).float() for k, (a, b) in enumerate(zip(leads, ((L, E), (S, E), (S, Ev))))
    ]
    y = sdpa(*values)
    assert tuple(y.shape) == (*np.broadcast_shapes(*map(tuple, leads)), L, Ev)
    wide = [x.expand(*y.shape[:-2], *x.shape[-2:]) for x in values]
    np.testing.assert_allclose(y.detach().numpy(), sdpa(*wide).detach().numpy(), 1e-4, 1e-6)


@pytest.mark.parametrize("argument", range(3))
def test_what_is_needed_for_the_gradient_must_not_change(argument):
    values = [leaf(k, 2, 3) * 1 for k in range(3)]
    y = sdpa(*values)
    values[argument].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_heads_of_views_can_be_viewed_as_one():
    x = leaf(1, 2, 5, 12)
    q, k, v = [x.view(2, 5, 3, 4).transpose(1, 2) for _ in range(3)]
    y = sdpa(q, k, v)
    assert y.transpose(1, 2).view(2, 5, 12).shape == (2, 5, 12)
    assert type(y.grad_fn).__name__ == "ScaledDotProductFlashAttentionForCpuBackward0"


# ------------------------------------------------------------------------------------------------
# MultiheadAttention
# ------------------------------------------------------------------------------------------------


def double(layer):
    """The layer in float64, with parameters that are no zeros and ones."""
    layer = layer.double()
    made.stir(mg, layer)
    return layer


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"bias": False, "kdim": 3, "vdim": 2},
                {"add_bias_kv": True, "add_zero_attn": True}, {"dropout": 0.3}], ids=str,
)  # fmt: skip
def test_derivatives_of_the_layer(options, need_weights):
    layer = double(nn.MultiheadAttention(4, 2, **options))
    values = (
        leaf(1, 2, 1, 4), leaf(2, 3, 1, options.get("kdim", 4)),
        leaf(3, 3, 1, options.get("vdim", 4)), *layer.parameters(),
    )  # fmt: skip

    def function(q, k, v, *_):
        mg.manual_seed(2)
        y, weights = layer(q * q, k, v, need_weights=need_weights)
        return (y, weights) if need_weights else y

    assert gradcheck(function, values)
    assert gradgradcheck(function, values[:4])


@pytest.mark.parametrize("same", ["qqq", "qkk"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_derivatives_of_self_attention_and_of_attention_to_a_memory(same, batch_first):
    layer = double(nn.MultiheadAttention(4, 2, batch_first=batch_first))
    values = (leaf(1, 2, 1, 4), leaf(2, 2, 1, 4), *layer.parameters())
    hidden = mg.tensor([[False, True], [False, False]])

    def function(q, k, *_):
        k = q if same == "qqq" else k
        return layer(q, k, k, attn_mask=hidden[:1, :1] if batch_first else hidden)[0]

    values = values if same == "qkk" else (values[0], *values[2:])
    pick = (lambda q, *rest: function(q, q, *rest)) if same == "qqq" else function
    assert gradcheck(pick, values)
    assert gradgradcheck(pick, values)


def test_one_tensor_three_times_is_the_same_as_three_equal_ones():
    layer = double(nn.MultiheadAttention(6, 3))
    x = leaf(1, 4, 2, 6)
    expected, weights = layer(x, x, x)
    for others in ((x.clone(), x.clone()), (x.clone(),) * 2):
        y, w = layer(x, *others)
        np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), 1e-12)
        np.testing.assert_allclose(w.detach().numpy(), weights.detach().numpy(), 1e-12)
    y, none = layer(x, x, x, need_weights=False)
    assert none is None
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), 1e-12)


def test_weights_sum_to_one_and_are_zero_where_a_mask_is():
    layer = nn.MultiheadAttention(6, 3)
    x = leaf(1, 4, 2, 6, dtype="float32")
    hidden = mg.triu(mg.ones(4, 4), 1).bool()
    _, weights = layer(x, x, x, attn_mask=hidden, average_attn_weights=False)
    assert weights.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(weights.sum(-1).detach().numpy(), 1, 1e-6)
    assert not weights[:, :, hidden].any()
    assert (weights[:, :, ~hidden] > 0).all()


def test_padding_does_not_count():
    layer = nn.MultiheadAttention(6, 3)
    x = leaf(1, 4, 2, 6, dtype="float32")
    padding = mg.tensor([[False, False, True, True]] * 2)
    for need_weights in (True, False):
        y, _ = layer(x, x, x, padding, need_weights)
        short, _ = layer(x[:2], x[:2], x[:2], need_weights=need_weights)
        np.testing.assert_allclose(y[:2].detach().numpy(), short.detach().numpy(), 1e-4, 1e-6)


def test_all_keys_forbidden_gives_nan_with_weights_and_numbers_without():
    layer = nn.MultiheadAttention(4, 2)
    x, padding = mg.ones(2, 1, 4), mg.tensor([[True, True]])
    y, weights = layer(x, x, x, padding)
    assert y.isnan().all()
    assert weights.isnan().all()
    assert mg.isfinite(layer(x, x, x, padding, need_weights=False)[0]).all()


def test_masks_of_two_types_warn():
    layer, x = nn.MultiheadAttention(4, 2), mg.ones(2, 1, 4)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask") as told:
        layer(x, x, x, mg.tensor([[True, False]]), attn_mask=mg.zeros(2, 2))
    assert told[0].filename == __file__


@pytest.mark.parametrize("position", range(3))
def test_arguments_that_are_no_tensors_are_named(position):
    arguments = [mg.ones(2, 1, 4)] * 3
    arguments[position] = [1.0]
    name = ("query", "key", "value")[position]
    for batch_first in (True, False):
        with pytest.raises(TypeError, match=rf"argument '{name}' must be Tensor, not list"):
            nn.MultiheadAttention(4, 2, batch_first=batch_first)(*arguments)


def test_one_bias_for_keys_alone_is_refused():
    x, w, b = mg.ones(2, 1, 4), mg.ones(12, 4), mg.ones(1, 1, 4)
    for pair, text in (((b, None), "bias_k is set but bias_v is None"),
                       ((None, b), "bias_v is set but bias_k is None")):  # fmt: skip
        with pytest.raises(AssertionError, match=text):
            F.multi_head_attention_forward(x, x, x, 4, 2, w, None, *pair, False, 0.0, w[:4], None)
    with pytest.raises(AssertionError, match="in_proj_weight is None"):
        F.multi_head_attention_forward(x, x, x, 4, 2, None, None, None, None, False, 0.0, w, None)
    with pytest.raises(AssertionError, match="bias cannot be added to static"):
        F.multi_head_attention_forward(
            x, x, x, 4, 2, w, None, b, b, False, 0.0, w[:4], None, static_k=mg.ones(2, 2, 2)
        )
    with pytest.raises(AssertionError, match=r"expecting static_v.size\(0\) of 2"):
        F.multi_head_attention_forward(
            x, x, x, 4, 2, w, None, None, None, False, 0.0, w[:4], None, static_v=mg.ones(1, 2, 2)
        )


# ------------------------------------------------------------------------------------------------
# Transformers
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("layer", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_derivatives_of_transformer_layers(layer, norm_first):
    layer = double(layer(2, 1, 2, 0.2, mg.tanh, norm_first=norm_first))
    inputs = [leaf(1, 2, 1, 2), leaf(2, 2, 1, 2)]
    if isinstance(layer, nn.TransformerEncoderLayer):
        del inputs[1]

    def function(*values):
        mg.manual_seed(5)
        return layer(*values[: len(inputs)])

    assert gradcheck(function, (*inputs, *layer.parameters()))
    assert gradgradcheck(function, inputs)


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 5)
    stack = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False, mask_check=False)
    assert len(stack.layers) == 3
    assert len({id(p) for p in [*stack.parameters(), *layer.parameters()]}) == 4 * 12
    for copied in stack.layers:
        assert copied.linear1.weight.tolist() == layer.linear1.weight.tolist()


def test_copies_of_decoder_layers_keep_a_module_as_activation():
    """In PyTorch they take ReLU instead."""
    layer = nn.TransformerDecoderLayer(4, 2, 5, 0.0, nn.GELU())
    x = leaf(1, 3, 1, 4, dtype="float32")
    one = nn.TransformerDecoder(layer, 1)
    np.testing.assert_array_equal(one(x, x).detach().numpy(), layer(x, x).detach().numpy())


def test_a_causal_mask_hides_what_comes():
    mg.manual_seed(0)
    model = nn.Transformer(6, 2, 1, 1, 7, 0.0)
    src, tgt = leaf(1, 5, 2, 6, dtype="float32"), leaf(2, 4, 2, 6, dtype="float32")
    mask = model.generate_square_subsequent_mask(4)
    y = model(src, tgt, tgt_mask=mask)
    (d,) = mg.autograd.grad(y[1].square().cumsum(-1).sum(), tgt)
    assert d[:2].any()
    assert not d[2:].any()
    promised = model(src, tgt, tgt_mask=mask, tgt_is_causal=True)
    np.testing.assert_allclose(promised.detach().numpy(), y.detach().numpy(), 1e-5, 1e-6)


def test_custom_parts():
    model = nn.Transformer(
        4,
        2,
        custom_encoder=lambda src, **_: src * 2,
        custom_decoder=lambda tgt, memory, **_: memory,
    )
    src = mg.ones(3, 1, 4)
    assert model(src, src).tolist() == (src * 2).tolist()


def test_subclasses_may_look_at_the_weights():
    class Seen(nn.TransformerEncoderLayer):
        def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
            found, self.weights = self.self_attn(x, x, x, attn_mask=attn_mask)
            return self.dropout1(found)

    layer = Seen(4, 2, 5)
    layer(mg.ones(3, 1, 4))
    assert layer.weights.shape == (1, 3, 3)


def test_state_dicts_go_from_one_to_the_other():
    options = {"dim_feedforward": 5, "dropout": 0.0}
    one = nn.Transformer(4, 2, 1, 1, **options)
    other = nn.Transformer(4, 2, 1, 1, **options)
    x = leaf(1, 3, 2, 4, dtype="float32")
    assert other.load_state_dict(one.state_dict()).missing_keys == []
    twin = copy.deepcopy(one)
    for model in (other, twin):
        np.testing.assert_array_equal(model(x, x).detach().numpy(), one(x, x).detach().numpy())


def test_an_encoder_learns_to_reverse():
    mg.manual_seed(0)
    place, table = nn.Embedding(5, 16), nn.Embedding(6, 16)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, 0.0), 1)
    output = nn.Linear(16, 6)
    parts = nn.ModuleList([place, table, encoder, output])
    adam = mg.optim.Adam(parts.parameters(), lr=0.01)
    for _ in range(60):
        x = mg.randint(0, 6, (5, 32))
        scores = output(encoder(table(x) + place(mg.arange(5)).unsqueeze(1)))
        loss = F.cross_entropy(scores.reshape(-1, 6), x.flip(0).reshape(-1))
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss.item() < 0.3


# ------------------------------------------------------------------------------------------------
# Recorded
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("mask", [None, "causal", "padding"])
def test_a_compiled_training_step_has_the_same_bits(mask, p):
    results = []
    for wrap in (lambda f: f, mg.compile):
        mg.manual_seed(1)
        layer = nn.TransformerEncoderLayer(4, 2, 5, p)
        adam = mg.optim.Adam(layer.parameters())
        causal = nn.Transformer.generate_square_subsequent_mask(3) if mask == "causal" else None

        def step(x, padding, layer=layer, adam=adam, causal=causal):
            loss = layer(x, causal, padding, is_causal=causal is not None).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            return loss

        step = wrap(step)
        losses = []
        for k in range(6):
            padding = mg.tensor([[False, True, k % 2 > 0]] * 2) if mask == "padding" else None
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # it is replayed
                losses.append(step(mg.randn(3, 2, 4), padding).item())
        results.append(losses)
    assert results[0] == results[1]


def test_compiled_layers_with_all_options_have_the_same_values():
    for options in ({"add_bias_kv": True, "add_zero_attn": True}, {"kdim": 3, "vdim": 2}):
        layer = nn.MultiheadAttention(4, 2, batch_first=True, **options)
        compiled = mg.compile(lambda q, k, v, layer=layer: layer(q, k, v))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(5):
                values = [mg.randn(2, 3, n) for n in (4, layer.kdim, layer.vdim)]
                for y, expected in zip(compiled(*values), layer(*values)):
                    assert y.tolist() == expected.tolist()


def test_compiled_bags_look_at_their_numbers_each_time():
    bags = nn.EmbeddingBag(6, 3, padding_idx=0)
    compiled = mg.compile(lambda x: bags(x) * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(6):
            x = mg.tensor([[k, 1, 0], [2, 0, 0]])
            assert compiled(x).tolist() == (bags(x) * 2).tolist()


def test_attention_in_a_recorded_recurrence():
    class Cell(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.memory = nn.Parameter(leaf(1, 5, 4, dtype="float64"))
            self.w = nn.Linear(3, 4, dtype=mg.float64)

        def forward(self, x, h):
            return sdpa((self.w(x) + h).unsqueeze(1), self.memory, self.memory).squeeze(1)

    layer = nn.Recurrent(Cell, 3, 4)
    x, h = leaf(2, 6, 2, 3), mg.zeros(2, 4, dtype=mg.float64)
    output, _ = layer(x)
    (cell,) = [m for m in layer.modules() if isinstance(m, Cell)]
    for t in range(6):
        h = cell(x[t], h)
        np.testing.assert_allclose(output[t].detach().numpy(), h.detach().numpy(), 1e-12)


# ------------------------------------------------------------------------------------------------
# Bags
# ------------------------------------------------------------------------------------------------

INDEX, OFFSETS = mg.tensor([1, 4, 4, 0, 3, 5, 1, 2, 4]), mg.tensor([0, 2, 2, 5])


@pytest.mark.parametrize("padding_idx", [None, 4])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_derivatives_of_bags(mode, padding_idx):
    table = leaf(1, 6, 2)

    def function(table):
        return F.embedding_bag(INDEX, table * table, OFFSETS, mode=mode, padding_idx=padding_idx)

    assert gradcheck(function, table)
    assert gradgradcheck(function, table)


def test_derivatives_by_the_factors():
    table, factors = leaf(1, 6, 2), leaf(2, 3, 3)

    def function(table, factors):
        return F.embedding_bag(
            INDEX.reshape(3, 3), table, mode="sum", per_sample_weights=factors, padding_idx=1
        )

    assert gradcheck(function, (table, factors))
    assert gradgradcheck(function, (table, factors))


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_gradients_by_frequency(mode):
    """PyTorch divides some rows by the frequency of another one."""
    table = leaf(1, 6, 2)
    y = F.embedding_bag(INDEX, table, OFFSETS, mode=mode, scale_grad_by_freq=True)
    y.sum().backward()
    expected, counts = np.zeros(6), np.bincount(INDEX.numpy())
    bag, sizes = [0, 0, 2, 2, 2, 3, 3, 3, 3], [2, 0, 3, 4]
    for k, b in zip(INDEX.tolist(), bag):
        expected[k] += 1 / counts[k] / (sizes[b] if mode == "mean" else 1)
    np.testing.assert_allclose(table.grad[:, 0].numpy(), expected, 1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=5), st.booleans())
def test_bags_are_those_of_their_lists(bags, has_end):
    table = leaf(1, 5, 3)
    starts = np.cumsum([0, *map(len, bags)])
    index = mg.tensor([k for b in bags for k in b], dtype=mg.int64)
    offsets = mg.tensor(starts if has_end else starts[:-1])
    for mode, reduce in (("sum", np.sum), ("mean", np.mean), ("max", np.max)):
        y = F.embedding_bag(index, table, offsets, mode=mode, include_last_offset=has_end)
        assert y.shape == (len(bags), 3)
        for row, b in zip(y.detach().numpy(), bags):
            expected = reduce(table.detach().numpy()[b], 0) if b else np.zeros(3)
            np.testing.assert_allclose(row, expected, 1e-12)


def test_the_largest_of_several_equal_ones_is_the_first():
    table = mg.ones(3, 2, requires_grad=True)
    F.embedding_bag(mg.tensor([[2, 0, 1]]), table, mode="max").sum().backward()
    assert table.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]


def test_changing_the_numbers_before_backward_changes_nothing():
    table, index = leaf(1, 4, 2), mg.tensor([[0, 1]])
    y = F.embedding_bag(index, table, mode="sum")
    index[0, 0] = 3
    y.sum().backward()
    assert table.grad[:, 0].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_sparse_gradients_are_dense_and_falling_offsets_are_refused():
    table, bags = leaf(1, 6, 2), nn.EmbeddingBag(6, 2, sparse=True, dtype=mg.float64)
    F.embedding_bag(INDEX, table, OFFSETS, sparse=True).sum().backward()
    bags(INDEX, OFFSETS).sum().backward()
    assert bags.weight.grad.tolist() == table.grad.tolist()
    with pytest.raises(RuntimeError, match=r"offsets must not go down, but got \[0, 4, 2\]"):
        F.embedding_bag(INDEX, mg.ones(6, 2), mg.tensor([0, 4, 2]))


def test_arguments_in_the_old_order_warn():
    table = leaf(1, 6, 2)
    with pytest.warns(UserWarning, match="Argument order of nn.functional.embedding_bag") as told:
        y = F.embedding_bag(table, INDEX, OFFSETS)
    assert told[0].filename == __file__
    assert y.tolist() == F.embedding_bag(INDEX, table, OFFSETS).tolist()


def test_the_padding_row_starts_as_zeros():
    bags = nn.EmbeddingBag(5, 3, padding_idx=-1)
    assert not bags.weight[4].any()
    bags(mg.tensor([[4, 1]])).sum().backward()
    assert not bags.weight.grad[4].any()
    assert bags.weight.grad[1].tolist() == [1.0, 1.0, 1.0]
