"""What may be written into a tensor: numbers that fit its type, and nothing else. See `ops.values`.

Expected errors are PyTorch's; where it writes something that is none (a NaN into an integer), or
has no complex tensors to offer here, that is said.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import minigrad as mg

F = mg.nn.functional

KINDS = [
    mg.float16,
    mg.float32,
    mg.float64,
    mg.uint8,
    mg.int8,
    mg.int16,
    mg.int32,
    mg.int64,
    mg.bool,
]
FIRST = mg.tensor([0])
MASK = mg.tensor([True, False])

# Each writes `value` into the first entry of a tensor like `t`, and returns that tensor.
WRITERS = {
    "t[0] = v": lambda t, v: t.__setitem__(0, v) or t,
    "t[mask] = v": lambda t, v: t.__setitem__(MASK, v) or t,
    "t[:1] = v": lambda t, v: t.__setitem__(slice(1), v) or t,
    "t[[0]] = v": lambda t, v: t.__setitem__([0], v) or t,
    "fill_": lambda t, v: t.fill_(v),
    "copy_": lambda t, v: t.copy_(v),
    "constant_": mg.nn.init.constant_,
    "full": lambda t, v: mg.full((2,), v, dtype=t.dtype),
    "full_like": mg.full_like,
    "new_full": lambda t, v: t.new_full((2,), v),
    "index_fill": lambda t, v: t.index_fill(0, FIRST, v),
    "index_fill_": lambda t, v: t.index_fill_(0, FIRST, v),
    "scatter": lambda t, v: t.scatter(0, FIRST, v),
    "scatter_": lambda t, v: t.scatter_(0, FIRST, v),
    "scatter(value=)": lambda t, v: t.scatter(0, FIRST, value=v),
    "masked_fill": lambda t, v: t.masked_fill(MASK, v),
    "masked_fill_": lambda t, v: t.masked_fill_(MASK, v),
    "fill_diagonal_": lambda t, v: t.expand(2, 2).clone().fill_diagonal_(v)[0],
}  # fmt: skip
NO_NUMBERS = [
    None, "7", b"7", object(), [1], (1.0,), [None], {}, Decimal(1), Fraction(1, 2), slice(1),
    np.array(1.0), np.array([1.0, 2.0]), np.array(None), np.array("7"),
]  # fmt: skip
MISFITS = {
    mg.uint8: [300, -256, -1.0, 255.5, float("nan"), float("inf"), 1e30, 2**63, np.int64(300)],
    mg.int8: [128, -129, 127.5, float("nan"), np.float32(1e9)],
    mg.int16: [2**15, float("-inf")],
    mg.int32: [2**31, 3e9, float("nan")],
    mg.int64: [float("nan"), float("inf"), 1e30, 2.0**63],
    mg.float32: [1e300, -3.5e38, np.float64(1e39)],
}  # fmt: skip
FITS = {
    mg.uint8: [
        (-1, 255),
        (-255, 1),
        (1.9, 1),
        (True, 1),
        (np.float32(2.5), 2),
        (np.bool_(True), 1),
    ],
    mg.int64: [(2**62, 2**62), (-1.9, -1), (np.int8(-3), -3)],
    mg.float32: [(1e30, np.float32(1e30).item()), (float("inf"), float("inf")), (2**62, 2.0**62)],
    mg.float64: [(1e300, 1e300), (np.float32(0.5), 0.5)],
    mg.float16: [(1e5, float("inf"))],
    mg.bool: [(float("nan"), True), (300, True), (0.0, False)],
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda v: f"{type(v).__name__}-{v!s:.12}")
def test_no_number_is_refused(writer, value):
    for kind in KINDS:
        t = mg.ones(2, dtype=kind)
        with pytest.raises(TypeError, match=r"must be|can't assign a|expected one of"):
            WRITERS[writer](t, value)
        assert t.tolist() == [1, 1]
        assert t.dtype is kind


@pytest.mark.parametrize("writer", WRITERS)
def test_number_that_does_not_fit_is_refused(writer):
    for kind, values in MISFITS.items():
        for value in values:
            t = mg.ones(2, dtype=kind)
            expected = (RuntimeError, ValueError) if value == 2**63 else RuntimeError
            with pytest.raises(expected, match=r"without overflow|Overflow"):
                WRITERS[writer](t, value)
            assert t.tolist() == [1, 1]
    for value in (1j, np.complex64(1j)):
        with pytest.raises(RuntimeError, match="without overflow"):
            WRITERS[writer](mg.ones(2), value)
    for value in (2**70, -(2**70)):
        with pytest.raises((OverflowError, ValueError), match=r"too big|Overflow"):
            WRITERS[writer](mg.ones(2), value)


@pytest.mark.parametrize("writer", WRITERS)
def test_number_that_fits_is_written(writer):
    for kind, pairs in FITS.items():
        for value, expected in pairs:
            result = WRITERS[writer](mg.ones(2, dtype=kind), value)
            assert result.dtype is kind
            assert result[0].item() == expected


def test_tensor_without_axes_that_is_taken_for_its_number_must_fit():
    t = mg.ones(2, dtype=mg.uint8)
    for writer in ("t[mask] = v", "masked_fill", "index_fill", "full", "scatter(value=)"):
        for value in (300, float("nan")):
            with pytest.raises(RuntimeError, match="uint8_t without overflow"):
                WRITERS[writer](t, mg.tensor(value))
    # the entries of a tensor are cast without a look, as in PyTorch
    assert t.copy_(mg.tensor([300, 2])).tolist() == [44, 2]


@pytest.mark.parametrize(
    "make", [mg.tensor, mg.as_tensor, lambda v, dtype: mg.ones(1).new_tensor(v, dtype=dtype)]
)
def test_data_of_python_must_fit(make):
    for kind, values in MISFITS.items():
        for value in values:
            if not kind.is_floating_point:  # PyTorch: what is too large for float32 is infinite
                for data in (value, [1, value], [[value]], (value,)):
                    with pytest.raises(
                        (RuntimeError, ValueError), match=r"without overflow|Overflow"
                    ):
                        make(data, dtype=kind)
    assert make([300, -1], dtype=mg.int16).tolist() == [300, -1]
    assert make([-1, 255], dtype=mg.uint8).tolist() == [255, 255]
    assert make(np.array([300]), dtype=mg.uint8).tolist() == [44]  # an array is cast
    assert make([1e300, 2**70, Fraction(1, 2), Decimal("1.5")], dtype=mg.float64).tolist() == [
        1e300, 2.0**70, 0.5, 1.5,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "dtype", "error", "words"),
    [
        (None, None, RuntimeError, "Could not infer dtype of NoneType"),
        ([1.0, None], None, RuntimeError, "Could not infer dtype of NoneType"),
        (Fraction(1, 2), None, RuntimeError, "Could not infer dtype of Fraction"),
        (None, mg.float32, TypeError, "must be real number, not NoneType"),
        ([1, None], mg.float32, TypeError, "must be real number, not NoneType"),
        (1j, mg.float32, TypeError, "must be real number, not complex"),
        ([1j], mg.float32, TypeError, "must be real number, not complex"),
        ([None], mg.int64, TypeError, "'NoneType' object cannot be interpreted as an integer"),
        (Fraction(1, 2), mg.int64, TypeError, "'Fraction' object cannot be interpreted"),
        ("7", mg.float32, TypeError, "invalid data type 'str'"),
        (b"7", None, TypeError, "invalid data type 'bytes'"),
        ([1.0, "7"], None, TypeError, "invalid data type 'str'"),
        (["7"], mg.float32, ValueError, "too many dimensions 'str'"),
        (2**63, None, ValueError, "Overflow when unpacking long long"),
        ([-(2**70)], None, ValueError, "Overflow when unpacking long long"),
        ([2**63], mg.int64, ValueError, "Overflow when unpacking long long"),
        ([[1], [2, 3]], None, ValueError, r"expected sequence of length 1 at dim 1 \(got 2\)"),
        ([[1], [2, 3]], mg.float32, ValueError, r"expected sequence of length 1 at dim 1"),
        (np.array([None]), None, TypeError, "can't convert np.ndarray of type object"),
        (np.array([None]), mg.float32, TypeError, "can't convert np.ndarray of type object"),
        (np.array([1j]), mg.float32, TypeError, "can't convert np.ndarray of type complex128"),
    ],
)  # fmt: skip
def test_data_that_is_refused(data, dtype, error, words):
    for make in (mg.tensor, mg.as_tensor):
        with pytest.raises(error, match=words):
            make(data, dtype=dtype)


def test_the_old_constructor_wants_a_sequence():
    for value in (None, 1.5, True, np.float64(1.5), 1j):
        with pytest.raises(TypeError, match="data must be a sequence"):
            mg.Tensor(value)
    assert mg.Tensor(np.int64(3)).shape == (3,)


def test_a_list_of_tensors_has_their_type():
    one = mg.tensor(1.0)
    assert mg.tensor([one, 2.0]).dtype is mg.float32
    assert mg.tensor([2.0, one]).dtype is mg.float32
    assert mg.tensor([one.double(), 2.0]).dtype is mg.float64
    assert mg.tensor([np.float64(1), 2.0]).dtype is mg.float64


@pytest.mark.parametrize("value", [None, "7", [1], object(), np.array([1.0])])
def test_bounds_are_numbers(value):
    for make in (mg.arange, lambda v: mg.arange(0, 1, v), lambda v: mg.linspace(0, v, 3)):
        with pytest.raises(TypeError, match=r"argument '\w+' must be Number"):
            make(value)


def test_endless_sequences_are_refused():
    for value in (float("nan"), float("inf")):
        with pytest.raises(RuntimeError, match="unsupported range"):
            mg.arange(value)
    with pytest.raises(RuntimeError, match="invalid size"):
        mg.arange(1e30)


# ------------------------------------------------------------------------------------------------
# Operands
# ------------------------------------------------------------------------------------------------

OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "//": lambda a, b: a // b, "%": lambda a, b: a % b,
    "**": lambda a, b: a**b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b,
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kind", [mg.float32, mg.int64])
def test_operators_refuse_what_is_no_number(name, kind):
    t = mg.ones(2, dtype=kind)
    for value in (None, "7", [1, 2], (1.0,), object(), {}, 1j, np.array([None, 1]), np.array("a")):
        with pytest.raises(TypeError):
            OPERATORS[name](t, value)


def test_numbers_of_numpy_are_numbers():
    """They have no say in the type: a float64 among them does not make a tensor float64."""
    t = mg.tensor([1, 2])
    for number in (np.float64(1.5), np.float32(1.5), np.float16(1.5)):
        for result in (t + number, number * t, t / number, mg.where(t > 1, t, number)):
            assert result.dtype is mg.float32
    assert (mg.tensor([0.1]) == np.float64(0.1)).tolist() == [True]
    assert (mg.tensor([True]) + np.int64(300)).tolist() == [301]


def test_integers_keep_the_last_bits_of_an_operand():
    u = mg.tensor([1, 2], dtype=mg.uint8)
    assert (u + 1000).tolist() == [233, 234]
    assert (u * -1).tolist() == [255, 254]
    assert (mg.tensor(1, dtype=mg.int8) + 200).item() == -55
    assert u.add_(1000).tolist() == [233, 234]


def test_where_keeps_the_type_of_numbers_out():
    t, u = mg.ones(2), mg.ones(2, dtype=mg.uint8)
    assert mg.where(MASK, t, 2.5).dtype is mg.where(MASK, 2, t).dtype is mg.float32
    assert mg.where(MASK, u, 1.5).dtype is mg.float32
    assert mg.where(MASK, u, -1).tolist() == [1, 255]
    for value, error in (
        (300, RuntimeError),
        (None, TypeError),
        ("7", TypeError),
        ([1], TypeError),
    ):
        for a, b in ((u, value), (value, u)):
            with pytest.raises(error, match=r"without overflow|must be Tensor or Number"):
                mg.where(MASK, a, b)
    with pytest.raises(RuntimeError, match="without overflow"):
        mg.where(MASK, t, 1e300)


def test_bytes_are_no_indices_of_index_put():
    t, five = mg.zeros(2), mg.tensor(5.0)
    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        t.index_put_((mg.tensor([1, 0], dtype=mg.uint8),), five)
    assert t.tolist() == [0, 0]
    assert t.index_put((MASK,), five).tolist() == [5, 0]
    assert t.index_put((mg.tensor([1], dtype=mg.int32),), five).tolist() == [0, 5]
    assert mg.zeros(2, 2).index_put((mg.tensor(0),), five).tolist() == [[5, 5], [0, 0]]
    for indices, error in (
        (([0],), TypeError), ((0,), TypeError), ((None,), TypeError), (FIRST, TypeError),
        ((mg.tensor([0.0]),), IndexError), ((mg.tensor([2]),), IndexError),
    ):  # fmt: skip
        with pytest.raises(error):
            t.index_put(indices, five)
    for values, error in ((5.0, TypeError), ([5.0], TypeError), (mg.tensor(5), RuntimeError),
                          (mg.ones(3), RuntimeError)):  # fmt: skip
        with pytest.raises(error):
            t.index_put((FIRST,), values)


# Where a number is wanted, a tensor without axes does for one, but not if it waits for a gradient,
# which would never come: a slope or a threshold that somebody means to learn.
LEARNED = {
    "add alpha": lambda x, s: mg.add(x, x, alpha=s),
    "addcmul": lambda x, s: mg.addcmul(x, x, x, value=s),
    "addmm": lambda x, s: mg.addmm(x.reshape(1, -1), mg.ones(1, 2), mg.ones(2, 2), beta=s),
    "arange": lambda x, s: mg.arange(0, s),
    "cosine_similarity": lambda x, s: F.cosine_similarity(x, x, dim=0, eps=s),
    "cross_entropy": lambda x, s: F.cross_entropy(x, mg.tensor(0), label_smoothing=s),
    "dropout": lambda x, s: F.dropout(x, s),
    "elu": lambda x, s: F.elu(x, s),
    "full": lambda x, s: mg.full((2,), s),
    "hardtanh": lambda x, s: F.hardtanh(x, -1.0, s),
    "huber_loss": lambda x, s: F.huber_loss(x, x, delta=s),
    "isclose": lambda x, s: mg.isclose(x, x, rtol=s),
    "layer_norm": lambda x, s: F.layer_norm(x, (2,), eps=s),
    "leaky_relu": lambda x, s: F.leaky_relu(x, s),
    "new_full": lambda x, s: x.new_full((2,), s),
    "norm": lambda x, s: x.norm(s),
    "normal_": lambda x, s: x.clone().normal_(s, 1.0),
    "pad": lambda x, s: F.pad(x, (1, 1), value=s),
    "round": lambda x, s: x.round(decimals=s),
    "scatter": lambda x, s: x.scatter(0, mg.tensor([0]), value=s),
    "smooth_l1_loss": lambda x, s: F.smooth_l1_loss(x, x, beta=s),
    "softplus": lambda x, s: F.softplus(x, s),
    "std": lambda x, s: x.std(correction=s),
    "threshold": lambda x, s: F.threshold(x, s, 0.0),
    "tril": lambda x, s: mg.ones(2, 2).tril(s),
    "uniform_": lambda x, s: x.clone().uniform_(0.0, s),
}


@pytest.mark.parametrize("name", LEARNED)
def test_a_number_is_no_tensor_that_waits_for_a_gradient(name):
    x, slope = mg.tensor([1.0, 2.0]), mg.tensor(0.5, requires_grad=True)
    with pytest.raises(TypeError, match=r"must be (Number|float|int), not Tensor"):
        LEARNED[name](x, slope)
    if name not in ("round", "tril"):  # which take whole numbers only
        LEARNED[name](x, slope.detach())


def test_a_tensor_that_fills_gets_its_gradient():
    fill = mg.tensor(0.5, requires_grad=True, dtype=mg.float64)
    x, mask, first = mg.zeros(3), mg.tensor([True, False, True]), mg.tensor([0])
    (x.masked_fill(mask, fill).sum() + x.index_fill(0, first, fill.float()).sum()).backward()
    assert fill.grad.item() == 3


# What is no operand of ours may know what to do with a tensor.
class Unit:
    def _take(self, other):
        return "unit"

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _take
    __rmatmul__ = __rand__ = __ror__ = __rxor__ = __eq__ = __ne__ = __lt__ = __gt__ = __ge__ = _take
    __le__ = _take
    __hash__ = None


@pytest.mark.parametrize(
    "sign",
    [*OPERATORS, "@", "&", "|", "^", "==", "!=", ">", "<="],
)
def test_operators_leave_what_they_do_not_know_to_the_other_operand(sign):
    x = mg.tensor([1, 2])
    assert eval(f"x {sign} unit", {"x": x, "unit": Unit()}) == "unit"


def test_operators_in_place_do_so_too():
    x = mg.tensor([1.0, 2.0])
    x += Unit()
    assert x == "unit"
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+: 'Tensor' and 'No"):
        mg.ones(2) + None
    with pytest.raises(TypeError, match="'<' not supported between instances of 'Tensor' and 'No"):
        mg.ones(2) < None  # noqa: B015
    with pytest.raises(TypeError, match="does not support deleting items"):
        del mg.ones(2)[0]


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("shape", [(3,), (3, 4), (1, 2, 4), (2, 3)])
def test_index_put_of_values_that_do_not_fit(shape, accumulate):
    with pytest.raises(RuntimeError, match="shape mismatch"):
        mg.zeros(3, 4).index_put_((mg.tensor([0, 1]),), mg.ones(shape), accumulate=accumulate)
    filled = mg.zeros(3, 4).index_put((mg.tensor([0, 1]),), mg.ones(2, 4), accumulate=accumulate)
    assert filled.sum().item() == 8


@pytest.mark.parametrize("name", ["scatter", "scatter_add", "scatter_", "scatter_add_"])
def test_scattering_nothing_keeps_the_source_in_the_graph(name):
    source = mg.ones(2, 0, requires_grad=True)
    y = getattr(mg.tensor([[1.0, -0.0]] * 2), name)(1, mg.zeros(2, 0, dtype=mg.int64), source)
    assert y.tolist() == [[1.0, -0.0]] * 2
    assert y.requires_grad
    y.sum().backward()
    assert source.grad.shape == (2, 0)


@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "div_", "exp_", "sqrt_", "neg_", "tanh_"])
@pytest.mark.parametrize("layout", ["rows", "turned", "steps", "overlapping"])
def test_writing_at_once_is_computing_first(name, layout):
    """Where nothing is recorded, NumPy writes to the memory of the tensor itself."""
    memory = mg.arange(1.0, 25.0)
    x = {
        "rows": memory.view(4, 6), "turned": memory.view(4, 6).T, "steps": memory[::2],
        "overlapping": memory[1:],
    }[layout]  # fmt: skip
    other = memory[:-1] if layout == "overlapping" else x
    operands = [()] if name in ("exp_", "sqrt_", "neg_", "tanh_") else [(other,), (2.0,), (3,)]
    for given in operands:
        expected = getattr(x, name.rstrip("_"))(*given).numpy().copy()
        changes, address = x._version, x.data_ptr()
        assert getattr(x, name)(*given) is x
        assert (x._version, x.data_ptr()) == (changes + 1, address)
        np.testing.assert_array_equal(x.numpy(), expected)
        np.testing.assert_array_equal(np.shares_memory(x.numpy(), memory.numpy()), True)


def test_writing_at_once_is_seen_by_the_graph():
    x = mg.arange(3.0, requires_grad=True)
    for write in (lambda y: y.mul_(2), lambda y: y.add_(y.detach()), lambda y: y.exp_()):
        y = x.exp()
        with mg.no_grad():
            write(y)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
@pytest.mark.parametrize(
    "index",
    [0, -1, (0,), (1, 2), (1, -1), slice(1, 3), (slice(None), 1), ..., (..., 0), (0, ...)],
    ids=str,
)
def test_writes_that_nothing_records_are_those_that_are_recorded(index, dtype):
    """By index, of numbers and tensors of each shape that fits, through views, twice over."""
    shape = np.zeros((4, 3))[index].shape
    values = [
        2.5,
        3,
        *[mg.randn(s, dtype=dtype) for s in {shape, shape[1:], (1, *shape), (1,), ()}],
    ]
    for value in values:
        plain, view = mg.arange(12.0, dtype=dtype).view(4, 3), mg.zeros(2, 4, 3, dtype=dtype)[1]
        leaf = mg.arange(12.0, dtype=dtype).view(4, 3).requires_grad_()
        recorded = leaf * 1
        version = plain._version
        for t in (plain, view, recorded):
            t[index] = value
        assert plain._version == version + 1
        assert plain.tolist() == recorded.tolist()
        with mg.no_grad():
            view[...] = 0
            view[index] = value
            leaf[index] = value
        assert leaf.tolist() == recorded.tolist()
        assert view[index].tolist() == recorded[index].tolist()
        assert view._base[0].tolist() == [[0] * 3] * 4
