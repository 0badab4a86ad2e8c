"""Batches of sequences of different lengths: packing and padding as in PyTorch, and gradients."""

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
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.nn.utils import rnn
from minigrad.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)  # fmt: skip
from minigrad.ops.rows import gather_rows, put_pieces, reorder, scatter_rows, take_pieces
from minigrad.recurrences.packed import places_of
from minigrad.recurrences.ragged import longest_first, ragged, unpacked

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_packing.py")))
with np.load(GOLDEN / "packing.npz") as file:
    STORED = dict(file)
EXACT = {"float32": 0.0, "float64": 0.0}

lengths_of_batches = st.lists(st.integers(1, 7), min_size=1, max_size=40)


def leaf(seed, *shape):
    return mg.tensor(facts.numbers(seed, *shape), requires_grad=True)


def sequences_of(lengths, *row):
    return [leaf(k, n, *row) for k, n in enumerate(lengths)]


def steps_by_hand(x, lengths):
    """The packed rows of x (T, N, ...) and their number at each step, found by a double loop."""
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])  # stable
    steps = [[n for n in order if lengths[n] > t] for t in range(max(lengths, default=0))]
    return [x[t, n] for t, run in enumerate(steps) for n in run], [len(run) for run in steps]


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs_to_the_last_bit(name):
    facts.check_run(made.RUNS[name](mg), STORED[name], EXACT)


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


# ------------------------------------------------------------------------------------------------
# Where PyTorch gives no error, or a worse one
# ------------------------------------------------------------------------------------------------

X = mg.arange(24.0).reshape(4, 3, 2)  # T=4, N=3
SIZES = mg.tensor([2, 1, 1])


@pytest.mark.parametrize(
    ("lengths", "options", "cls", "words"),
    [
        ([5, 2, 1], {}, RuntimeError, r"lengths\[0\] = 5 and the input has 4 steps"),
        ([2, 5, 1], {"enforce_sorted": False}, RuntimeError, r"lengths\[1\] = 5 .* 4 steps"),
        ([4, 2, 0], {}, RuntimeError, r"lengths\[2\] = 0"),
        ([4, 2, -7], {}, RuntimeError, r"lengths\[2\] = -7"),
        ([2, 4, 2], {}, RuntimeError, r"lengths\[1\] = 4 is above lengths\[0\] = 2"),
        ([4, 2], {}, RuntimeError, r"shape \[4, 3, 2\], batch_first=False"),
        ([4, 2, 2], {"batch_first": True}, RuntimeError, r"shape \[4, 3, 2\], batch_first=True"),
        ([4, 2.5, 1], {}, TypeError, r"lengths\[1\] = 2\.5"),
        ([4, float("nan"), 1], {}, TypeError, r"lengths\[1\] = nan"),
        ([True, True, True], {}, TypeError, r"lengths\[0\] = True is of type bool"),
        (mg.tensor([True, True, True]), {}, TypeError, "torch.bool"),
        ([[4, 2, 2]], {}, TypeError, r"lengths\[0\] = \[4, 2, 2\] is of type list"),
        ([4, "2", 1], {}, TypeError, r"lengths\[1\] = '2' is of type str"),
        (range(3), {}, TypeError, "not range"),
    ],
)
def test_errors_about_lengths_name_index_and_value(lengths, options, cls, words):
    with pytest.raises(cls, match=words):
        pack_padded_sequence(X, lengths, **options)


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (PackedSequence(mg.zeros(4, 1), mg.tensor([2, 1])), r"\[4, 1\] .* invalid.* 3 by its"),
        (
            PackedSequence(mg.zeros(4, 1), mg.tensor([2, 2, 0])),
            r"never increase, but are \[2, 2, 0",
        ),
        (PackedSequence(mg.tensor(1.0), SIZES), r"shape \[\] .* invalid"),
        (PackedSequence(mg.zeros(4, 1), mg.tensor([[2, 2]])), "1D CPU int64 tensor, but got 2D"),
        (
            PackedSequence(mg.zeros(4, 1), SIZES, mg.tensor([1, 0]), mg.tensor([0, 1])),
            r"inverse of its sorted_indices, but they are \[0, 1\] and \[1, 0\]",
        ),
        (PackedSequence(mg.zeros(4, 1), SIZES, None, mg.tensor([0])), "names 1 seq.* it has 2"),
        (
            PackedSequence(mg.zeros(4, 1), SIZES, mg.tensor([0, 1]), mg.tensor([1, 1])),
            "unsorted_indices should have each number below 2 once, but has no 0",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_noticed(packed, words):
    with pytest.raises(RuntimeError, match=words):
        pad_packed_sequence(packed)


def test_a_permutation_has_each_number_once():
    with pytest.raises(RuntimeError, match="each number below 3 once, but has no 1"):
        rnn.invert_permutation(mg.tensor([2, 0, 2]))
    assert rnn.invert_permutation(mg.tensor([2, 0, 1], dtype=mg.int32)).tolist() == [1, 2, 0]
    assert rnn.invert_permutation(mg.tensor([], dtype=mg.int64)).tolist() == []


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(RuntimeError, match=r"\(3\) must match .* \(1\).*sequences\[1\] has \[2, 1"):
        pad_sequence([mg.ones(2, 3), mg.ones(2, 1)])


def test_unpadding_takes_lists_and_leaves_its_argument_alone():
    x = X.clone().requires_grad_()
    pieces = unpad_sequence(x, [2, 4, 0])
    assert [p.shape for p in pieces] == [(2, 2), (4, 2), (0, 2)]
    assert x.shape == (4, 3, 2)
    with pytest.raises(RuntimeError, match=r"lengths\[1\] = 5 and the input has 4 steps"):
        unpad_sequence(x, [2, 5, 1])
    with pytest.raises(RuntimeError, match=r"lengths\[1\] = -1"):
        unpad_sequence(x, [2, -1, 1])
    with pytest.raises(ValueError, match=r"each of 3 sequences, but has 2 .*batch_first=False"):
        unpad_sequence(x, (2, 1))


def test_pack_sequence_takes_a_generator():
    assert pack_sequence(mg.ones(n) for n in (2, 1)).batch_sizes.tolist() == [2, 1]


# ------------------------------------------------------------------------------------------------
# Places
# ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 3))
def test_ragged_finds_the_same_rows_as_a_double_loop(lengths, more):
    steps, batch = max(lengths, default=0) + more, len(lengths)
    places = ragged(lengths, steps, batch)
    numbers = np.arange(steps * batch).reshape(steps, batch)
    rows, sizes = steps_by_hand(numbers, lengths)
    assert places.rows.tolist() == rows
    assert places.batch_sizes.tolist() == sizes
    assert places.lengths.tolist() == lengths
    assert places.order[places.inverse].tolist() == list(range(batch))
    assert places.order.tolist() == sorted(range(batch), key=lambda n: -lengths[n])
    assert all(part.dtype == np.int64 and part.ndim == 1 for part in places)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_batch_sizes_and_order_say_all(lengths):
    places = ragged(lengths, max(lengths), len(lengths))
    again = unpacked(places.batch_sizes, places.order, places.inverse)
    for part, expected in zip(again, places):
        np.testing.assert_array_equal(part, expected)
    longest_first_lengths = unpacked(places.batch_sizes, None, None).lengths
    assert longest_first_lengths.tolist() == sorted(lengths, reverse=True)


@given(st.lists(st.integers(1, 6), max_size=200))
def test_pytorchs_order_is_an_order(lengths):
    array = np.array(lengths, np.int64)
    order = longest_first(array)
    assert sorted(order.tolist()) == list(range(len(lengths)))
    assert array[order].tolist() == sorted(lengths, reverse=True)


@pytest.mark.parametrize(
    "lengths",
    [
        [2, 3, 1], (2, 3, 1), np.array([2, 3, 1]), np.array([2, 3, 1], np.uint8),
        mg.tensor([2, 3, 1]), mg.tensor([2, 3, 1], dtype=mg.int16), [mg.tensor(2), np.int64(3), 1],
        np.array([2, 9, 3, 9, 1, 9])[::2],
    ],
)  # fmt: skip
def test_lengths_come_in_many_forms(lengths):
    assert ragged(lengths, 3, 3).order.tolist() == [1, 0, 2]


def test_the_lengths_are_copied():
    lengths = np.array([2, 3, 1])
    places = ragged(lengths, 3, 3)
    lengths[:] = 9
    assert places.lengths.tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    ("lengths", "options", "cls", "words"),
    [
        ([1, 2.0], {}, TypeError, r"lengths\[1\] = 2\.0 is of type float"),
        ([True, 1], {}, TypeError, "of type bool"),
        ([1, mg.tensor([1, 2])], {}, TypeError, r"lengths\[1\]"),
        (np.array([1.0, 2.0]), {}, TypeError, "torch.float64"),
        (mg.tensor([True, False]), {}, TypeError, "torch.bool"),
        (3, {}, TypeError, "not int"),
        (None, {}, TypeError, "not NoneType"),
        ("12", {}, TypeError, "not str"),
        ({1: 2}, {}, TypeError, "not dict"),
        (["2", 1], {}, TypeError, r"lengths\[0\] = '2' is of type str"),
        (mg.tensor([1.0, 2.0]), {}, TypeError, "torch.float32"),
        (np.array(2), {}, RuntimeError, "1D.*0D"),
        (np.array([[1, 2]]), {}, RuntimeError, r"2D cpu Long tensor of shape \[1, 2\]"),
        ([1], {}, RuntimeError, r"but got 1 \(batch_size=2\)"),
        ([1, -1], {}, RuntimeError, r"lengths\[1\] = -1"),
        ([0, 1], {"zero": False}, RuntimeError, r"greater than 0.*lengths\[0\] = 0"),
        ([1, 6], {}, RuntimeError, r"lengths\[1\] = 6 and the input has 5 steps"),
        ([1, 6], {"name": "n", "layout": "as told"}, RuntimeError, r"n\[1\] = 6 .*\(as told\)"),
        ([1], {"name": "n", "layout": "as told"}, RuntimeError, r"`len\(n\)`.*\(as told\)"),
        ([-1, 2], {"layout": "as told"}, RuntimeError, r"lengths\[0\] = -1 \(as told\)"),
    ],
)
def test_errors_of_ragged(lengths, options, cls, words):
    with pytest.raises(cls, match=words):
        ragged(lengths, 5, 2, **options)


# ------------------------------------------------------------------------------------------------
# Rows
# ------------------------------------------------------------------------------------------------

INDEX = np.array([4, 0, 5, 1])


@pytest.mark.parametrize("row", [(), (3,), (2, 2), (0,)])
@pytest.mark.parametrize("axes", [1, 2])
def test_gathering_and_scattering_are_indexing(row, axes):
    lead = (6,) if axes == 1 else (3, 2)
    x = mg.tensor(facts.numbers(1, *lead, *row))
    y = gather_rows(x, INDEX, axes)
    np.testing.assert_array_equal(y.numpy(), x.numpy().reshape(6, *row)[INDEX])
    z = scatter_rows(y, INDEX, lead if axes == 2 else 6, fill=-1.5)
    expected = np.full((6, *row), -1.5)
    expected[INDEX] = y.numpy()
    np.testing.assert_array_equal(z.numpy(), expected.reshape(*lead, *row))
    assert z.dtype is x.dtype


@pytest.mark.parametrize("kind", ["int64", "float32", "bool", "uint8"])
def test_rows_keep_their_type(kind):
    x = np.arange(12).reshape(6, 2).astype(kind)
    assert gather_rows(x, INDEX).dtype == kind
    assert scatter_rows(x[:4], INDEX, 6, 1).dtype == kind


def test_gathering_reads_other_layouts_where_they_lie():
    x = facts.numbers(1, 4, 3, 5)
    for layout in (x.swapaxes(0, 1), x[::2].swapaxes(0, 1), x[:, :, ::2], np.asfortranarray(x)):
        index = np.array([5, 0, 3])
        expected = np.ascontiguousarray(layout).reshape(-1, layout.shape[2])[index]
        np.testing.assert_array_equal(gather_rows(layout, index, 2), expected)


def test_scattering_reads_other_layouts():
    x = facts.numbers(1, 3, 4).T
    np.testing.assert_array_equal(scatter_rows(x, INDEX, 6)[INDEX], x)


def test_rows_are_copies():
    x = mg.ones(3, 2)
    everything = np.arange(3)
    for y in (
        gather_rows(x, everything), scatter_rows(x, everything, 3),
        reorder(x, everything, everything, 0),
        *take_pieces(x, [slice(0, 3)]), put_pieces([x], [slice(0, 3)], (3, 2), 0, np.float32),
    ):  # fmt: skip
        y.zero_()
        assert x.sum() == 6


@pytest.mark.parametrize("row", [(), (3,), (2, 2)])
def test_derivatives_of_rows(row):
    x, y = leaf(1, 3, 2, *row), leaf(2, 4, *row)
    cases = [
        (lambda x: gather_rows(x, INDEX, 2), x),
        (lambda x: gather_rows(x.transpose(0, 1), INDEX, 2), x),
        (lambda x: reorder(x, np.array([2, 0, 1]), np.array([1, 2, 0]), 0), x),
        (lambda y: scatter_rows(y, INDEX, 6, 0.5), y),
        (lambda y: scatter_rows(y, INDEX, (2, 3)), y),
        (lambda x: take_pieces(x, [(slice(0, 2), 1), (slice(1, 3), 0)]), x),
        (lambda y, z: put_pieces([y, z], [slice(1, 5), slice(5, 6)], (7, *row), 0.5, np.float64),
         (y, leaf(3, 1, *row))),
    ]  # fmt: skip
    for function, inputs in cases:
        squared = squares(function)
        assert gradcheck(squared, inputs)
        assert gradgradcheck(squared, inputs)


def squares(function):
    """The squares of what `function` returns, so that there are second derivatives to check."""

    def squared(*inputs):
        results = function(*inputs)
        if isinstance(results, (tuple, list)):
            return tuple([r * r for r in results])
        return results * results

    return squared


# ------------------------------------------------------------------------------------------------
# Gradients of packing
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [[3, 2, 2], [1, 3, 2]])
def test_derivatives_of_packing_and_padding(lengths, batch_first):
    x = leaf(1, 3, 3, 2)
    options = {"enforce_sorted": lengths[0] == 3}

    def pack(x):
        return pack_padded_sequence(x, lengths, batch_first, **options).data

    def pad(data):
        packed = pack_padded_sequence(x.detach(), lengths, batch_first, **options)
        return pad_packed_sequence(packed._replace(data=data), batch_first, 0.5, 4)[0]

    def unpack(data):
        packed = pack_padded_sequence(x.detach(), lengths, batch_first, **options)
        return unpack_sequence(packed._replace(data=data))

    data = leaf(2, sum(lengths), 2)
    for function, argument in ((pack, x), (pad, data), (unpack, data)):
        assert gradcheck(squares(function), argument)
        assert gradgradcheck(squares(function), argument)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_derivatives_of_lists(batch_first, side):
    sequences = sequences_of([2, 3, 1], 2)

    def pad(*pieces):
        return pad_sequence(pieces, batch_first, 0.5, side)

    def unpad(x):
        return unpad_sequence(x, [2, 3, 0], batch_first)

    def pack(*pieces):
        return pack_sequence(pieces, enforce_sorted=False).data

    for function, arguments in (
        (pad, sequences), (unpad, [leaf(4, 3, 3, 2)]), (pack, sequences),
    ):  # fmt: skip
        assert gradcheck(squares(function), tuple(arguments))
        assert gradgradcheck(squares(function), tuple(arguments))


def test_gradients_reach_only_what_wants_them():
    a, b = leaf(1, 2), mg.tensor(facts.numbers(2, 3))
    first, second = unpad_sequence(pad_sequence([a, b]), [2, 3])
    second.sum().backward()
    assert a.grad.tolist() == [0, 0]
    first.sum().backward()
    assert a.grad.tolist() == [1, 1]
    assert b.grad is None


def test_sequences_of_other_types_get_their_own_gradients():
    a, b = mg.ones(2, requires_grad=True), mg.ones(1, dtype=mg.float64, requires_grad=True)
    padded = pad_sequence([a, b])
    assert padded.dtype is mg.float32
    padded.sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (mg.float32, mg.float64)


def test_no_graph_without_need():
    packed = pack_padded_sequence(X, [4, 2, 1])
    assert packed.data.grad_fn is None
    with mg.no_grad():
        x = X.clone().requires_grad_()
        assert not pad_packed_sequence(pack_padded_sequence(x, [4, 2, 1]))[0].requires_grad


# ------------------------------------------------------------------------------------------------
# There and back
# ------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    lengths_of_batches,
    st.sampled_from([(), (2,), (2, 3)]),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from(["float32", "float64", "int64", "uint8", "bool"]),
)
def test_padding_undoes_packing(lengths, row, batch_first, more, kind):
    steps, batch = max(lengths) + more, len(lengths)
    values = np.random.RandomState(0).randint(0, 2, (steps, batch, *row)).astype(kind)
    x = mg.tensor(values.swapaxes(0, 1).copy() if batch_first else values)
    packed = pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
    order = packed.sorted_indices.tolist()
    _, sizes = steps_by_hand(values, lengths)
    assert packed.batch_sizes.tolist() == sizes
    expected = [values[t, n] for t, size in enumerate(sizes) for n in order[:size]]
    np.testing.assert_array_equal(packed.data.numpy(), np.array(expected))
    padded, found = pad_packed_sequence(packed, batch_first, total_length=steps)
    assert found.tolist() == lengths
    assert padded.dtype is x.dtype
    inside = np.arange(steps)[:, None] < np.array(lengths)
    inside = (inside.T if batch_first else inside).reshape(*x.shape[:2], *(1,) * len(row))
    np.testing.assert_array_equal(padded.numpy(), np.where(inside, x.numpy(), 0))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=20),
    st.sampled_from([(), (2,), (2, 3)]),
    st.booleans(),
)
def test_unpadding_undoes_padding(lengths, row, batch_first):
    sequences = sequences_of(lengths, *row)
    padded = pad_sequence(sequences, batch_first)
    pieces = unpad_sequence(padded, mg.tensor(lengths), batch_first)
    assert [p.tolist() for p in pieces] == [s.tolist() for s in sequences]


@settings(deadline=None)
@given(lengths_of_batches, st.sampled_from([(), (2,), (2, 3)]))
def test_unpacking_undoes_packing(lengths, row):
    sequences = sequences_of(lengths, *row)
    pieces = unpack_sequence(pack_sequence(sequences, enforce_sorted=False))
    assert [p.tolist() for p in pieces] == [s.tolist() for s in sequences]


@given(lengths_of_batches)
def test_a_packed_sequence_knows_its_places(lengths):
    x = mg.zeros(max(lengths), len(lengths))
    places = places_of(pack_padded_sequence(x, lengths, enforce_sorted=False))
    assert places.lengths.tolist() == lengths
    assert np.array(lengths)[places.order].tolist() == sorted(lengths, reverse=True)
    assert len(set(places.rows.tolist())) == sum(lengths)


def test_five_thousand_steps():
    lengths = [5000, 1, 4999, 2500]
    x = leaf(1, 5000, 4)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    assert packed.data.shape == (sum(lengths),)
    padded, found = pad_packed_sequence(packed)
    assert found.tolist() == lengths
    padded.sum().backward()
    assert x.grad.sum(0).tolist() == lengths
    assert [len(s) for s in unpack_sequence(packed)] == lengths


# ------------------------------------------------------------------------------------------------
# Memory, pickles
# ------------------------------------------------------------------------------------------------


def test_results_share_no_memory_with_arguments():
    x, lengths = X.clone(), np.array([4, 4, 4])
    packed = pack_padded_sequence(x, lengths)
    padded, found = pad_packed_sequence(packed)
    pieces = unpad_sequence(padded, found)
    again = pad_sequence(pieces)
    for result in (packed.data, padded, *pieces, again):
        for other in (x, packed.data, padded, *pieces, again):
            assert result is other or not np.shares_memory(result.array, other.array)
    assert not np.shares_memory(found.array, lengths)
    (alone,) = unpack_sequence(pack_sequence([x]))
    assert not np.shares_memory(alone.array, x.array)


def test_writing_into_a_piece_is_seen_by_the_graph():
    x = leaf(1, 3, 2)
    first, second = unpad_sequence(x, [3, 2])
    first.mul_(2)
    (first.sum() + second.sum()).backward()
    assert x.grad.tolist() == [[2, 1], [2, 1], [2, 0]]


def test_copies_of_packed_sequences():
    packed = pack_padded_sequence(X, [2, 4, 1], enforce_sorted=False)
    for again in (pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed)):
        assert type(again) is PackedSequence
        assert repr(again) == repr(packed)
    assert copy.deepcopy(packed).data.array is not packed.data.array


def test_every_name_of_the_module_is_there():
    assert mg.nn.utils.rnn is rnn
    assert sorted(rnn.__all__) == sorted(
        [
            "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence",
            "pad_packed_sequence", "pad_sequence", "unpack_sequence", "unpad_sequence",
        ]
    )  # fmt: skip
    assert all(getattr(rnn, name).__doc__ for name in rnn.__all__)
