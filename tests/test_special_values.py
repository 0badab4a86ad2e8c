"""Operations at the edges, as in PyTorch: zeros, infinities, NaN, ties, kinks, nothing at all."""

import importlib
import pkgutil
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad.autograd.engine import Node
from minigrad.autograd.primitive import Op
from minigrad.ops.fused import Fused

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_special_values.py")))
with np.load(GOLDEN / "special_values.npz") as file:
    STORED = dict(file)

# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------

# Where a run differs on purpose: the pieces that do, and why.
OF_ANY_GRADIENT = {"d", "dd", "d of inf", "d of nan"}
OF_SPECIAL_GRADIENTS = {"d of inf", "d of nan"}
ON_PURPOSE = {
    # PyTorch multiplies an infinite gradient by 0 for the entries that are not the extreme one
    **{
        f"several {name}{p}{dim}": OF_SPECIAL_GRADIENTS
        for name, p in (
            ("amax", ""), ("amin", ""), ("norm-", "inf"), ("norm-", "-inf"), ("dist-", "inf"),
            ("dist-", "-inf"), ("vector_norm-", "inf"), ("vector_norm-", "-inf"),
        )
        for dim in ("", "-dim")
    },
    # nor does it multiply one by beta = 0, with which the input is not looked at
    **dict.fromkeys(["several addmm-beta 0", "several baddbmm-beta 0"], OF_SPECIAL_GRADIENTS),
    # PyTorch divides by the entries, or takes out the zeros; here no product contains the entry
    **dict.fromkeys(["several prod", "several prod-dim", "several cumprod"], OF_ANY_GRADIENT),
    # what is ignored has the gradient 0, also if it is NaN
    **{f"several cross_entropy-ignored-{r}": OF_ANY_GRADIENT for r in ("none", "mean", "sum")},
    # PyTorch has a longer formula, with which inf becomes NaN
    "several cosine_similarity": OF_SPECIAL_GRADIENTS,
    # the mean of inf and numbers is inf
    "several std_mean": {"y"},
    "several var_mean": {"y"},
    # PyTorch's second derivative comes of a formula with the constant 1e-12 in it
    "entrywise binary_cross_entropy": {"daa"},
    "several binary_cross_entropy": {"dd"},
    # infinity times 0: in PyTorch's own formula for second derivatives the 0 comes in elsewhere
    "several glu": {"dd"},
    # PyTorch's overflows at 1e4
    "entrywise mish": {"daa"},
    # PyTorch's polygamma(2, inf) is NaN; here it is 0
    "entrywise digamma": {"daa"},
    # its derivative of log_ndtr is NaN at -inf, and its second one -1.5 at -10000, where it is -1
    "entrywise log_ndtr": {"da", "daa", "da of inf"},
    # PyTorch divides infinity by infinity where one of the two is far larger; here they are 0
    "entrywise logaddexp": {"daa", "dab", "dba", "dbb"},
    # See test_second_derivatives_of_powers
    "entrywise pow": {"daa", "dab", "dba", "dbb"},
}  # fmt: skip


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_derivatives_equal_pytorchs(name):
    stored, place, value = STORED[name], 0, None
    for part, got in made.pieces(mg, name):
        expected = stored[place : place + got.size].reshape(got.shape)
        place += got.size
        if part == "y":
            value = got
        if part in ON_PURPOSE.get(name, ()):
            continue
        if part in ("dd", "daa", "dab", "dba", "dbb"):  # of a value that is NaN they say nothing
            defined = ~np.isnan(value) if value.shape == got.shape else not np.isnan(value).any()
            got, expected = got[defined], expected[defined]
        np.testing.assert_allclose(got, expected, 1e-6, 1e-9, err_msg=part)
    assert place == stored.size


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


# ------------------------------------------------------------------------------------------------
# Complete
# ------------------------------------------------------------------------------------------------

# Modules whose operations move numbers as they are, so that no number is special to them...
MOVING = {"cast", "fused", "index", "inplace", "join", "rows", "shape", "embeddings", "padding"}
# ... or which compare themselves with the same in single operations, in tests of their own; and
# random numbers, which are no function of their arguments.
ELSEWHERE = {
    "attention", "conv", "ctc", "decompositions", "draws", "lu", "norm", "pool", "ranks", "rarer",
    "running", "scattering", "solving", "windows",
}  # fmt: skip
# Formulas for what a kernel does under the same name, where there are kernels.
STAND_FOR_KERNELS = {"nll_loss", "nll_loss.images"}
# PyTorch has no gradient of these; the value of the first is in the table as that of div-floor.
WITHOUT_GRADIENT = {"floor_divide", "unique2", "unique_dim", "unique_consecutive", "bincount"}


def operations():
    """All operations with gradients that belong into the table: what they are, where they stand."""
    found, passed = {}, set()
    for package in (mg.ops, mg.nn.functional):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                op = getattr(value, "op", value)
                if not isinstance(op, Op) or not getattr(op, "differentiable", True):
                    continue
                if info.name in MOVING | ELSEWHERE or op.name in WITHOUT_GRADIENT | {"expand"}:
                    passed.add(op)
                if isinstance(op, Fused) and _kernels.level == "reference":  # what it stands for
                    passed.add(op)  # is in the table
                formula = op.name in STAND_FOR_KERNELS and not isinstance(op, Fused)
                if formula and _kernels.level != "reference":  # and the other way round
                    passed.add(op)
                found[op] = f"{info.name}.{name}"
    return {op: place for op, place in found.items() if op not in passed}


class Recorder:
    """minigrad, but it notes the operations in whose graphs gradients are asked for."""

    def __init__(self):
        self.used = set()
        self.autograd = SimpleNamespace(grad=self.grad)

    def __getattr__(self, name):
        return getattr(mg, name)

    def grad(self, y, *arguments, **options):
        stack, seen = [y.node], set()
        while stack:
            node = stack.pop()
            if isinstance(node, Node) and node not in seen:
                seen.add(node)
                stack += [edge[0] for edge in node.edges if edge is not None]
        self.used |= {node.op for node in seen}
        return mg.autograd.grad(y, *arguments, **options)


def test_the_table_has_every_operation():
    recorder = Recorder()
    for name in made.RUNS:
        made.pieces(recorder, name)
    wanted = operations()
    assert len(wanted) > 80
    missing = sorted(place for op, place in wanted.items() if op not in recorder.used)
    assert not missing, (
        f"nobody knows what {missing} make of zeros, infinities and NaN: add them to "
        "tests/golden/operations.py, if they take each entry on its own, else to "
        "make_special_values.py there (`several`), and run that file with PyTorch"
    )


LOG3 = np.log(3)


@pytest.mark.parametrize(("a", "b", "expected"), [
    (3.0, 0.0, [[0, 1 / 3], [1 / 3, LOG3**2]]),
    (3.0, 1.0, [[0, LOG3 + 1], [LOG3 + 1, 3 * LOG3**2]]),
    (-2.0, 0.0, [[0, np.nan], [-0.5, np.nan]]), (0.0, 0.0, [[0, np.nan], [0, 0]]),
    (0.0, 2.0, [[2, 0], [0, 0]]), (np.inf, 0.0, [[0, np.nan], [0, np.inf]]),
])  # fmt: skip
def test_second_derivatives_of_powers(a, b, expected):
    """a^0 is 1 for every a, 0^b is 0 for every b > 0; the slope of b a^(b-1) at b = 0 is 1 / a."""
    x, y = [mg.tensor(v, dtype=mg.float64, requires_grad=True) for v in (a, b)]
    first = mg.autograd.grad(x**y, (x, y), create_graph=True)
    second = [mg.autograd.grad(d, (x, y), retain_graph=True) for d in first]
    np.testing.assert_allclose([[d.item() for d in row] for row in second], expected, 1e-12)


@pytest.mark.parametrize(("a", "b"), [(-np.inf, 0.0), (0.0, np.inf), (1e4, -1e4)])
def test_second_derivatives_of_a_sum_of_which_one_part_is_nothing(a, b):
    x, y = [mg.tensor(v, dtype=mg.float64, requires_grad=True) for v in (a, b)]
    for first in mg.autograd.grad(mg.logaddexp(x, y), (x, y), create_graph=True):
        second = mg.autograd.grad(first, (x, y), retain_graph=True)
        assert [d.item() for d in second] == [0, 0]


# ------------------------------------------------------------------------------------------------
# Without a derivative
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [
    lambda x: x.std(), lambda x: mg.var(x), lambda x: mg.std_mean(x)[0], lambda x: x[None].var(0),
    lambda x: mg.zeros(0).std(unbiased=False), lambda x: mg.ones(3).var(correction=5),
])  # fmt: skip
def test_deviation_without_degrees_of_freedom_warns_at_the_line_of_the_call(spread):
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0") as caught:
        assert spread(mg.tensor([1.0])).isnan().all()
    assert [w.filename for w in caught] == [__file__]


def test_unique_keeps_every_nan():
    x = mg.tensor([np.nan, np.nan, 1.0])
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values.numpy(), [1, np.nan, np.nan])
    assert inverse.tolist() == [1, 2, 0]
    assert counts.tolist() == [1, 1, 1]


def test_predicates_do_not_write_into_a_second_tensor():
    x = mg.zeros(2)
    with pytest.raises(TypeError):
        mg.isnan(mg.ones(2), x)
    assert x.tolist() == [0, 0]


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_sigmoid_closes(name):
    x = mg.tensor([-1000.0, -np.inf, 1000.0], dtype=getattr(mg, name), requires_grad=True)
    y = x.sigmoid()
    y.sum().backward()
    assert y.tolist() == [0, 0, 1]
    assert x.grad.tolist() == [0, 0, 0]


def test_reduced_losses_have_pytorchs_gradients_in_the_types_of_their_inputs():
    a = mg.tensor([1.0, 2.0], requires_grad=True)
    b = mg.tensor([3.0, 5.0], dtype=mg.float64, requires_grad=True)
    for loss in (mg.nn.functional.huber_loss, mg.nn.functional.mse_loss, mg.dist,
                 mg.nn.functional.binary_cross_entropy_with_logits):  # fmt: skip
        grads = mg.autograd.grad(loss(a, b), (a, b))
        assert [g.dtype for g in grads] == [mg.float32, mg.float64]


@pytest.mark.parametrize("dim", [0, None, (0,)])
def test_deviations_whose_squares_leave_the_range_of_float32(dim):
    for scale in (1e25, 1e-25):
        x = mg.tensor([1.0, 2.0, 3.0]) * scale
        assert x.std(dim).item() == pytest.approx(scale)


@pytest.mark.filterwarnings("ignore:var")
def test_the_slope_of_a_variance_without_degrees_of_freedom_has_signs():
    x = mg.tensor([[1.0, 2.0], [5.0, 3.0]], requires_grad=True)
    x.var(1, correction=2).sum().backward()
    assert x.grad.tolist() == [[-np.inf, np.inf], [np.inf, -np.inf]]


@pytest.mark.parametrize("exponent", [-1, -3, 256])
def test_integer_exponents_that_are_none_of_the_type(exponent):
    x = mg.tensor([0, 1, 2], dtype=mg.uint8)
    with pytest.raises(RuntimeError, match=r"negative integer powers|without overflow"):
        x**exponent
    with pytest.raises(RuntimeError, match=r"negative integer powers|without overflow"):
        x.pow_(exponent)
    assert (x**3).tolist() == [0, 1, 8]
