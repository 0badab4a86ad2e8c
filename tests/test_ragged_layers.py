"""Recurrent layers with ``lengths=``: each sequence of a padded batch runs as if it were alone."""

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

leaf = family.leaf

T, I, H = 5, 3, 4  # noqa: E741 - the field's letters
LENGTHS = (
    [2, 5, 0, 3, 5, 2],  # ties, an empty one, in no order
    [5, 4, 3, 2, 1],
    [1, 2, 3, 4, 5],
    [5, 5, 5],  # nothing is ragged
    [3, 1],  # none as long as the batch
    [4],
    [0, 0, 0],
    [0, 1, 0, 1],
)
OPTIONS = (
    {},
    {"bidirectional": True, "num_layers": 2},
    {"batch_first": True, "num_layers": 2},
    {"bias": False, "bidirectional": True, "batch_first": True},
)


def one_by_one(layer, x, states, lengths):
    """The same from one call a sequence, put side by side: x and output (T, N, .)."""
    if layer.batch_first:
        x = x.transpose(0, 1)
    columns, ends = [], []
    width = (layer.proj_size or layer.hidden_size) * (2 if layer.bidirectional else 1)
    for n, length in enumerate(lengths):
        own = [s[:, n] for s in states]
        if length:
            output, *end = family.run(layer, x[:length, n], own)
            padding = mg.zeros(len(x) - length, width, dtype=mg.float64)
            columns.append(mg.cat([output, padding]))
        else:
            columns.append(mg.zeros(len(x), width, dtype=mg.float64))
            end = own
        ends.append(end)
    output = mg.stack(columns, 0 if layer.batch_first else 1)
    return [output, *[mg.stack(end, 1) for end in zip(*ends)]]


def batch_of(layer, count, steps=T):
    shape = (count, steps) if layer.batch_first else (steps, count)
    return leaf(1, *shape, layer.input_size), family.start(layer, count)


def beyond(layer, lengths, steps=T):
    """Where the padding is, True, (T, N) or (N, T)."""
    padding = np.arange(steps)[:, None] >= np.array(lengths)
    return padding.T if layer.batch_first else padding


# ------------------------------------------------------------------------------------------------
# Equal to each sequence alone
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.LAYERS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_each_sequence_runs_as_if_alone(kind, options, level):
    """Outputs, last states and the gradients of everything."""
    layer = family.layer(kind, I, H, **options)
    for lengths in LENGTHS[::3] if options else LENGTHS:
        x, states = batch_of(layer, len(lengths))
        leaves = [x, *states, *layer.parameters()]
        together = family.run(layer, x, states, lengths=lengths)
        alone = one_by_one(layer, x, states, lengths)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-14)
        for used in ([0], [1], [-1], range(len(together))):
            got = family.gradients_of([together[k] for k in used], leaves)
            expected = family.gradients_of([alone[k] for k in used], leaves)
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_allclose(a, b, 1e-10, 1e-12, err_msg=f"{lengths} {used}")


@pytest.mark.parametrize("kind", family.LAYERS)
def test_without_initial_states_they_are_zero(kind, level):
    layer, lengths = family.layer(kind, I, H, num_layers=2, bidirectional=True), LENGTHS[0]
    x, states = batch_of(layer, len(lengths))
    zeros = [mg.zeros_like(s) for s in states]
    for a, b in zip(
        family.run(layer, x, lengths=lengths), family.run(layer, x, zeros, lengths=lengths),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize("kind", family.LAYERS)
def test_padding_is_exactly_zero_and_has_no_gradient(kind, level):
    for options in OPTIONS:
        layer = family.layer(kind, I, H, **options)
        for lengths in LENGTHS:
            x, states = batch_of(layer, len(lengths))
            padding = beyond(layer, lengths)
            outputs = family.run(layer, x, states, lengths=lengths)
            assert np.all(outputs[0].detach().numpy()[padding] == 0)
            d_x, *_ = family.gradients_of(outputs, [x])
            assert np.all(d_x[padding] == 0)
            if any(lengths):
                shut = not outputs[0].detach().numpy()[~padding].all()  # as ReLU may be
                assert shut or np.all(d_x[~padding].any(-1))


@pytest.mark.parametrize("kind", family.LAYERS)
def test_an_empty_sequence_keeps_its_state(kind, level):
    layer = family.layer(kind, I, H, num_layers=2, bidirectional=True)
    x, states = batch_of(layer, 4)
    ends = family.run(layer, x, states, lengths=[0, 3, 5, 0])[1:]
    for start, end in zip(states, ends, strict=True):
        np.testing.assert_array_equal(
            end[:, [0, 3]].detach().numpy(), start[:, [0, 3]].detach().numpy()
        )
        assert np.all(end[:, 1:3].detach().numpy() != start[:, 1:3].detach().numpy())
    grads = family.gradients_of(ends, states, seed=70)
    for k, (g, end) in enumerate(zip(grads, ends, strict=True)):
        above = family.facts.numbers(70 + k, *end.shape)
        np.testing.assert_array_equal(g[:, [0, 3]], above[:, [0, 3]])


@pytest.mark.parametrize("kind", family.LAYERS)
def test_what_lies_in_the_padding_does_not_matter(kind, level):
    """Not even NaN or infinity, neither for outputs nor for gradients."""
    for options in OPTIONS:
        layer = family.layer(kind, I, H, **options)
        lengths = LENGTHS[0]
        x, states = batch_of(layer, len(lengths))
        padding = beyond(layer, lengths)
        results = []
        for filler in (0.5, np.nan, np.inf):
            values = x.detach().numpy().copy()
            values[padding] = filler
            filled = mg.tensor(values, requires_grad=True)
            outputs = family.run(layer, filled, states, lengths=lengths)
            grads = family.gradients_of(outputs, [filled, *states, *layer.parameters()])
            results.append([y.detach().numpy() for y in outputs] + grads)
        for other in results[1:]:
            for a, b in zip(other, results[0], strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_gradients_that_arrive_in_the_padding_go_nowhere(kind, level):
    layer, lengths = family.layer(kind, I, H, bidirectional=True), LENGTHS[0]
    x, _ = batch_of(layer, len(lengths))
    output = layer(x, lengths=lengths)[0]
    g = family.facts.numbers(7, *output.shape)
    output.backward(mg.tensor(g), retain_graph=True)
    expected = family.gradients(layer)
    g[beyond(layer, lengths)] = np.nan
    layer.zero_grad()
    output.backward(mg.tensor(g))
    for name, value in family.gradients(layer).items():
        np.testing.assert_array_equal(value, expected[name], name)


# ------------------------------------------------------------------------------------------------
# Equal to packing by hand
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.LAYERS)
def test_equal_to_packing_by_hand(kind, level):
    for options in OPTIONS:
        layer = family.layer(kind, I, H, **options)
        first = layer.batch_first
        for lengths in ([2, 5, 1, 3, 5, 2], [1], [3, 2, 2]):
            x, states = batch_of(layer, len(lengths))
            leaves = [x, *states, *layer.parameters()]
            packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
            output, ends = layer(packed, family.given(states))
            output, sizes = pad_packed_sequence(output, batch_first=first, total_length=T)
            assert sizes.tolist() == lengths
            by_hand = [output, *(ends if isinstance(ends, tuple) else (ends,))]
            given = family.run(layer, x, states, lengths=lengths)
            for a, b in zip(given, by_hand, strict=True):
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-13, 1e-15)
            for a, b in zip(
                family.gradients_of(given, leaves),
                family.gradients_of(by_hand, leaves),
                strict=True,
            ):
                np.testing.assert_allclose(a, b, 1e-11, 1e-13)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_full_lengths_are_none(kind, level):
    """To rounding: rows may be summed up in another order."""
    layer = family.layer(kind, I, H, num_layers=2, bidirectional=True)
    x, states = batch_of(layer, 3)
    for a, b in zip(
        family.run(layer, x, states, lengths=[T] * 3), family.run(layer, x, states), strict=True
    ):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-13, 1e-15)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_the_states_may_be_carried_into_the_next_chunk(kind, level):
    """Long sequences cut into chunks, each with the lengths that are left in it."""
    layer = family.layer(kind, I, H, num_layers=2)
    lengths = np.array([9, 4, 10, 0, 5])
    x, states = batch_of(layer, 5, steps=10)
    whole = family.run(layer, x, states, lengths=lengths)
    outputs, now = [], states
    for start in (0, 5):
        left = np.clip(lengths - start, 0, 5)
        output, *now = family.run(layer, x[start : start + 5], now, lengths=left)
        outputs.append(output)
    for a, b in zip([mg.cat(outputs), *now], whole, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-14)


# ------------------------------------------------------------------------------------------------
# Forms of lengths
# ------------------------------------------------------------------------------------------------


def test_lengths_of_any_kind():
    """More of them in test_packing."""
    layer, values = family.layer("gru", I, H, bidirectional=True), [2, 5, 0, 3]
    x, _ = batch_of(layer, 4)
    expected = layer(x, lengths=values)[0].detach().numpy()
    for lengths in (
        np.array(values, np.int32), mg.tensor(values), np.array([2, 9, 5, 9, 0, 9, 3, 9])[::2],
    ):  # fmt: skip
        np.testing.assert_array_equal(layer(x, lengths=lengths)[0].detach().numpy(), expected)
        assert [int(n) for n in lengths] == values


def test_lengths_can_be_changed_after_the_call(level):
    """The gradient is that of the call."""
    layer, lengths = family.layer("lstm", I, H), np.array([2, 5, 0])
    x, _ = batch_of(layer, 3)
    layer(x, lengths=lengths)[0].sum().backward()
    expected = x.grad.numpy().copy()
    x.grad = None
    output = layer(x, lengths=lengths)[0]
    lengths[:] = 1
    output.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_one_sequence_without_a_batch(kind, level):
    layer = family.layer(kind, I, H, bidirectional=True)
    x, states = leaf(1, T, I), family.start(layer)
    output, *ends = family.run(layer, x, states, lengths=[3])
    short, *short_ends = family.run(layer, x[:3], states)
    assert not output[3:].any()
    for a, b in zip([output[:3], *ends], [short, *short_ends], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-13)


@pytest.mark.parametrize("kind", family.LAYERS)
def test_all_sequences_may_be_empty(kind, level):
    layer = family.layer(kind, I, H, num_layers=2)
    x = leaf(1, T, 2, I)
    output, *ends = family.run(layer, x, lengths=[0, 0])
    assert output.shape == (T, 2, layer.proj_size or H)
    assert not output.any()
    assert not any(e.any() for e in ends)
    output.sum().backward()
    assert not x.grad.any()
    for name, g in family.gradients(layer).items():
        assert not g.any(), name


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([2, 5, 3], RuntimeError, r"Expected `len\(lengths\)` to be equal to batch_size.* 3 .*=2"),
        ([], RuntimeError, "one length for each sequence"),
        ([2, 6], RuntimeError, r"lengths\[1\] = 6 and the input has 5 steps"),
        ([-1, 5], RuntimeError, r"greater than or equal to 0.*lengths\[0\] = -1"),
        ([2.0, 5], TypeError, r"lengths\[0\] = 2\.0 is of type float"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", family.LAYERS)
def test_wrong_lengths(kind, lengths, error, words):
    """More of them in test_packing."""
    with pytest.raises(error, match=words):
        family.layer(kind, I, H)(leaf(1, T, 2, I), lengths=lengths)
    if error is RuntimeError:
        with pytest.raises(error, match=r"input has shape \[2, 5, 3\], batch_first=True"):
            family.layer(kind, I, H, batch_first=True)(leaf(1, 2, T, I), lengths=lengths)


def test_lengths_are_named_only():
    with pytest.raises(TypeError):
        nn.LSTM(I, H)(mg.zeros(T, 2, I), None, [2, 5])
