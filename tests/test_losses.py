"""Losses: as in PyTorch; those that have kernels, at every kernel level."""

import itertools
import os
import runpy
import subprocess
import sys
import warnings
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

GOLDEN = Path(__file__).parent / "golden"
facts = SimpleNamespace(**runpy.run_path(str(GOLDEN / "facts.py")))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_losses.py")))
with np.load(GOLDEN / "losses.npz") as file:
    STORED = dict(file)
LEVELS = (*_kernels.available_levels(), "reference")
SIZE_WARNING = "ignore:Using a target size:UserWarning"
MEAN_WARNING = "ignore:kl_div. reduction. 'mean' divides:UserWarning"
# inf and nan are meant; that users see nothing of it is tested below
pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")


def scores(seed, *shape, dtype="float64"):
    return mg.tensor(3 * facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS) | set(made.PAIR_RUNS)


@pytest.mark.filterwarnings(SIZE_WARNING)
@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_gradients_equal_pytorchs(name, level):
    facts.check_run(made.RUNS[name](mg), STORED[name])


@pytest.mark.filterwarnings(SIZE_WARNING)
@pytest.mark.filterwarnings(MEAN_WARNING)
@pytest.mark.parametrize("name", made.PAIR_RUNS)
def test_losses_of_pairs_equal_pytorchs(name):
    facts.check_run(made.PAIR_RUNS[name](mg), STORED[name])


@pytest.mark.parametrize("name", made.ERRORS)
def test_errors_are_pytorchs(name, level):
    facts.check_error(mg, name, made.ERRORS[name])


@pytest.mark.parametrize(("text", "scene"), made.TEXTS)
def test_texts_are_pytorchs(text, scene):
    facts.check_text(mg, text, scene)


@pytest.mark.parametrize("level_name", [LEVELS[0], "reference"])
def test_nothing_is_printed_by_numpy(level_name):
    """Infinities and empty means are legitimate: no warning of NumPy's may reach users."""
    lines = f"""
import runpy
import minigrad
made = runpy.run_path({str(GOLDEN / "make_losses.py")!r})
for name in made["SPECIAL"]:
    made["RUNS"][name](minigrad)
for name in made["PAIR_SPECIAL"]:
    if name != "KLDivLoss empty mean":  # which has a warning of its own
        made["PAIR_RUNS"][name](minigrad)
"""
    environment = {**os.environ, "MINIGRAD_KERNELS": level_name}
    done = subprocess.run(
        [sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_levels_agree_for_many_classes(dtype, level):
    """Sizes that fill no vector register, against float64 and the reference."""
    for n, c in ((1, 1), (3, 2), (7, 15), (5, 17), (2, 100), (33, 33)):
        x = 5 * facts.numbers(n, n, c)
        y = mg.tensor(np.arange(n) * 7 % c)
        w = np.abs(facts.numbers(c, c))

        def run(kind, x=x, y=y, w=w):
            logits = mg.tensor(x, dtype=kind, requires_grad=True)
            loss = F.cross_entropy(logits, y, mg.tensor(w, dtype=kind), label_smoothing=0.3)
            loss.backward()
            assert loss.dtype == logits.grad.dtype == kind
            return loss.item(), logits.grad.numpy()

        loss, gradient = run(getattr(mg, dtype))
        before = _kernels.level
        _kernels.set_level("reference")
        expected_loss, expected = run(mg.float64)
        _kernels.set_level(before)
        tolerance = {"float32": 3e-6, "float64": 1e-14}[dtype]
        assert abs(loss - expected_loss) <= tolerance * abs(expected_loss)
        scale = max(np.abs(expected).max(), 0.1)  # of one class: 0
        np.testing.assert_allclose(gradient, expected, 0, tolerance * scale)


# ------------------------------------------------------------------------------------------------
# Derivatives
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_derivatives_of_cross_entropy(reduction, smoothing, weighted, level):
    criterion = nn.CrossEntropyLoss(
        mg.tensor(np.abs(facts.numbers(1, 4))) if weighted else None,
        ignore_index=2, reduction=reduction, label_smoothing=smoothing,
    )  # fmt: skip
    for x, y in (
        (scores(2, 5, 4), mg.tensor([0, 2, 3, 1, 1])),
        (scores(3, 2, 4, 2), mg.tensor([[0, 2], [3, 3]])),
        (scores(4, 4), mg.tensor(3)),
    ):
        assert gradcheck(lambda x, y=y: criterion(x, y), x)
        assert gradgradcheck(lambda x, y=y: criterion(x, y), x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_derivatives_of_cross_entropy_with_probabilities(reduction, smoothing):
    criterion = nn.CrossEntropyLoss(
        mg.tensor(np.abs(facts.numbers(1, 4))), reduction=reduction, label_smoothing=smoothing
    )
    x, y = scores(2, 3, 4), mg.tensor(np.abs(facts.numbers(5, 3, 4)), requires_grad=True)
    assert gradcheck(criterion, (x, y))
    assert gradgradcheck(criterion, (x, y))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_derivatives_of_nll(reduction):
    criterion = nn.NLLLoss(
        mg.tensor(np.abs(facts.numbers(1, 4))), ignore_index=2, reduction=reduction
    )
    for x, y in (
        (scores(2, 5, 4), mg.tensor([0, 2, 3, 1, 1])),
        (scores(3, 2, 4, 2), mg.tensor([[0, 2], [3, 3]])),
    ):
        assert gradcheck(lambda x, y=y: criterion(x * x, y), x)
        assert gradgradcheck(lambda x, y=y: criterion(x * x, y), x)


@pytest.mark.filterwarnings(SIZE_WARNING)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shapes", [((3, 2), (3, 2)), ((3, 2), (2,)), ((), ())])
def test_derivatives_of_squares(reduction, shapes):
    criterion = nn.MSELoss(reduction=reduction)
    values = [scores(k, *shape) for k, shape in enumerate(shapes)]
    assert gradcheck(criterion, values)
    assert gradgradcheck(criterion, values)


def pair(name, shape, reduction):
    """The loss of the facts under this name, and arguments for it."""
    kind_x, kind_y, options = made.PAIR_LOSSES[name]
    options = {
        k: mg.tensor(np.abs(facts.numbers(5, *v))) if isinstance(v, tuple) else v
        for k, v in options.items()
    }
    criterion = getattr(nn, name.split()[0])(reduction=reduction, **options)
    return criterion, [
        made.operand(mg, k, shape, kind, "float64") for k, kind in ((1, kind_x), (2, kind_y))
    ]


@pytest.mark.filterwarnings(MEAN_WARNING)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", made.PAIR_LOSSES)
def test_derivatives_of_losses_of_pairs(name, reduction):
    criterion, values = pair(name, (4, 3), reduction)
    assert gradcheck(criterion, values)
    assert gradgradcheck(criterion, values)


@pytest.mark.filterwarnings(SIZE_WARNING)
@pytest.mark.filterwarnings(MEAN_WARNING)
@pytest.mark.parametrize("kind", ["L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss"])
def test_derivatives_with_broadcasting(kind):
    criterion = getattr(nn, kind)()
    values = [made.operand(mg, k, shape, "probabilities", "float64") for k, shape in
              ((1, (2, 1, 3)), (2, (4, 1)))]  # fmt: skip
    assert gradcheck(criterion, values)
    assert gradgradcheck(criterion, values)


@pytest.mark.parametrize("name", made.PAIR_LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_have_the_type_of_what_they_belong_to(name, dtype):
    kind_x, kind_y, _ = made.PAIR_LOSSES[name]
    criterion = getattr(nn, name.split()[0])(reduction="sum")
    x, y = made.operand(mg, 1, (3,), kind_x, dtype), made.operand(mg, 2, (3,), kind_y, dtype)
    for d in mg.autograd.grad(criterion(x, y), [x, y], create_graph=True):
        assert d.dtype == x.dtype
    if name.startswith(("L1", "Smooth", "Huber")):
        other = mg.tensor(y.detach().numpy().astype("float32"), requires_grad=True)
        loss = criterion(x.double(), other)
        assert loss.dtype == mg.float64
        assert mg.autograd.grad(loss, other)[0].dtype == mg.float32


def test_second_derivative_of_all_ignored_is_zero(level):
    x = scores(2, 3, 4)
    for reduction, smoothing in itertools.product(("mean", "sum"), (0.0, 0.1)):
        y = mg.tensor([1, 1, 1])
        loss = F.cross_entropy(x, y, ignore_index=1, reduction=reduction, label_smoothing=smoothing)
        (g,) = mg.autograd.grad(loss, x, create_graph=True)
        assert not g.any()
        g.sum().backward()
        assert not x.grad.any()


def test_large_logits_keep_second_derivatives_finite(level):
    x = mg.tensor([[1e4, -1e4, 3.0], [-1e4, 1e4, 1e4]], requires_grad=True)
    (g,) = mg.autograd.grad(F.cross_entropy(x, mg.tensor([1, 0])), x, create_graph=True)
    (g * g).sum().backward()
    assert mg.isfinite(x.grad).all()


# ------------------------------------------------------------------------------------------------
# Behaviour
# ------------------------------------------------------------------------------------------------


def test_cross_entropy_is_nll_of_log_softmax(level):
    x, y = scores(1, 6, 4), mg.tensor([0, 1, 2, 3, 0, 1])
    for reduction in ("mean", "sum", "none"):
        a = F.cross_entropy(x, y, reduction=reduction)
        b = F.nll_loss(F.log_softmax(x, 1), y, reduction=reduction)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-13)


def test_one_hot_probabilities_are_classes(level):
    x, y = scores(1, 6, 4), mg.tensor([0, 1, 2, 3, 0, 1])
    a, b = F.cross_entropy(x, y), F.cross_entropy(x, F.one_hot(y, 4).double())
    np.testing.assert_allclose(a.item(), b.item(), 1e-13)


def test_losses_of_logits_stay_finite_to_the_second_derivative():
    x = mg.tensor([1e4, -1e4, 100.0, -100.0, 0.0], requires_grad=True)
    y = mg.tensor([0.0, 1.0, 1.0, 0.5, 0.5])
    p = mg.tensor([2.0, 0.5, 3.0, 1.0, 1.0])
    loss = F.binary_cross_entropy_with_logits(x, y, pos_weight=p, reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [1e4, 5e3, 0, 50, np.log(2)], 1e-6, 1e-40)
    (d,) = mg.autograd.grad(loss.sum(), x, create_graph=True)
    (second,) = mg.autograd.grad(d.sum(), x)
    np.testing.assert_allclose(d.detach().numpy(), [1, -0.5, 0, -0.5, 0], 1e-6, 1e-20)
    np.testing.assert_allclose(second.numpy(), [0, 0, 0, 0, 0.25], 1e-6, 1e-20)


def test_binary_cross_entropy_of_logits_is_that_of_their_sigmoids():
    x, y = scores(1, 5, 3), mg.tensor(np.abs(facts.numbers(2, 5, 3)))
    w = mg.tensor(np.abs(facts.numbers(3, 3)))
    for reduction in ("mean", "sum", "none"):
        a = F.binary_cross_entropy_with_logits(x, y, w, reduction=reduction)
        b = F.binary_cross_entropy(mg.sigmoid(x), y, w, reduction=reduction)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12)


def test_binary_cross_entropy_is_cross_entropy_of_two_classes():
    x, y = scores(1, 6), mg.tensor([0, 1, 1, 0, 1, 0])
    both = mg.stack([mg.zeros(6, dtype=mg.float64), x], 1)
    a = F.binary_cross_entropy_with_logits(x, y.double())
    np.testing.assert_allclose(a.item(), F.cross_entropy(both, y).item(), 1e-13)


def test_kl_divergence_of_zero_probabilities():
    x = mg.tensor([[0.2, 0.3, 0.5]], dtype=mg.float64).log().requires_grad_()
    y = mg.tensor([[0.0, 1.0, 0.0]], dtype=mg.float64, requires_grad=True)
    loss = F.kl_div(x, y, reduction="batchmean")
    np.testing.assert_allclose(loss.item(), np.log(1 / 0.3), 1e-13)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [[0, -1, 0]], 1e-13)
    # the slope of y log y at 0 is infinite: PyTorch's NaN must not be a clean number
    np.testing.assert_allclose(y.grad.numpy(), [[np.nan, 1 - np.log(0.3), np.nan]], 1e-13)


def test_kl_divergence_means_warn():
    x = mg.zeros(2, 3)
    with pytest.warns(UserWarning, match="reduction: 'mean' divides the total loss") as caught:
        F.kl_div(x, x)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for reduction in ("batchmean", "sum", "none"):
            nn.KLDivLoss(reduction=reduction)(x, x)


@pytest.mark.parametrize("weight", ["weight", "pos_weight"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_changing_the_weights_afterwards_changes_no_gradient(weight, reduction):
    x, y = scores(1, 4, 3), mg.tensor(np.abs(facts.numbers(2, 4, 3)))
    w = mg.tensor(np.abs(facts.numbers(3, 4, 3)))
    loss = F.binary_cross_entropy_with_logits(x, y, reduction=reduction, **{weight: w})
    (expected,) = mg.autograd.grad(loss.sum(), x, retain_graph=True)
    w.fill_(100.0)
    (d,) = mg.autograd.grad(loss.sum(), x)
    np.testing.assert_array_equal(d.numpy(), expected.numpy())


def test_positional_arguments_of_losses_of_pairs():
    x, y = mg.tensor([0.2, 0.7]), mg.tensor([0.1, 0.6])
    w = mg.tensor([1.0, 2.0])
    with pytest.warns(UserWarning, match="reduction='sum'"):
        old = F.binary_cross_entropy(x, y, w, False)
    assert old.item() == F.binary_cross_entropy(x, y, w, reduction="sum").item()
    assert F.l1_loss(x, y, None, None, "sum", w).item() == pytest.approx(0.3)
    assert F.smooth_l1_loss(x, y, None, None, "sum", 0.5).item() == pytest.approx(0.02)
    assert F.huber_loss(x, y, "sum", 0.05).item() == pytest.approx(2 * 0.05 * 0.075)
    assert F.kl_div(x, y, None, None, "sum", True).item() == pytest.approx(
        -0.1 * (np.exp(0.1) + np.exp(0.6))
    )
    logits = F.binary_cross_entropy_with_logits(x, y, w, None, None, "sum", w)
    assert logits.item() == F.binary_cross_entropy_with_logits(
        x, y, weight=w, pos_weight=w, reduction="sum"
    ).item()  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(["l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss"]),
)
def test_reductions_agree(shape, name):
    x, y = mg.tensor(facts.numbers(1, *shape)), mg.tensor(facts.numbers(2, *shape))
    function = getattr(F, name)
    each = function(x, y, reduction="none")
    assert each.shape == x.shape
    np.testing.assert_allclose(function(x, y, reduction="sum").item(), each.sum().item(), 1e-12)
    np.testing.assert_allclose(function(x, y).item(), each.mean().item(), 1e-12)


@pytest.mark.parametrize(
    "loss",
    [nn.CrossEntropyLoss, nn.NLLLoss, nn.MSELoss, nn.L1Loss, nn.BCELoss, nn.BCEWithLogitsLoss,
     nn.SmoothL1Loss, nn.KLDivLoss],
)  # fmt: skip
def test_old_arguments_warn(loss):
    with pytest.warns(
        UserWarning, match="size_average and reduce args will be deprecated"
    ) as caught:
        assert loss(size_average=False).reduction == "sum"
    assert "reduction='sum'" in str(caught[0].message)
    x, y = mg.tensor([[0.3, 0.7]]), mg.tensor([1])
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.cross_entropy(x, y, reduce=False).shape == (1,)
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.nll_loss(x, y, reduce=False).shape == (1,)
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.mse_loss(x, x + 1, size_average=False).item() == pytest.approx(2.0)


def test_positional_arguments_stand_where_pytorch_has_them():
    x, y, w = scores(1, 4, 3), mg.tensor([0, 1, 1, 1]), mg.tensor(np.abs(facts.numbers(2, 3)))
    a = F.cross_entropy(x, y, w, None, 0, None, "sum", 0.1)
    b = F.cross_entropy(x, y, weight=w, ignore_index=0, reduction="sum", label_smoothing=0.1)
    assert a.item() == b.item()
    assert nn.CrossEntropyLoss(w, None, 0, None, "sum", 0.1)(x, y).item() == b.item()
    assert (
        nn.NLLLoss(w, None, 0, None, "sum")(x, y).item()
        == F.nll_loss(x, y, w, None, 0, None, "sum").item()
    )


def test_different_sizes_warn():
    for loss in (nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss()):
        with pytest.warns(
            UserWarning, match=r"Using a target size \(torch.Size\(\[3\]\)\) that is diff"
        ):
            loss(mg.zeros(4, 3), mg.zeros(3))


@pytest.mark.parametrize("wrong", [1.0, None, [1.0, 2.0]])
def test_targets_must_be_tensors(wrong):
    x = mg.zeros(2, 2)
    kinds = (nn.MSELoss, nn.NLLLoss, nn.CrossEntropyLoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss,
             nn.BCELoss, nn.BCEWithLogitsLoss)  # fmt: skip
    for criterion in (*[kind() for kind in kinds], nn.KLDivLoss(reduction="sum")):
        with pytest.raises(TypeError, match=r"argument 'target' must be Tensor, not \w+"):
            criterion(x, wrong)
    with pytest.raises(TypeError, match="argument 'input' must be Tensor"):
        nn.MSELoss()(wrong, x)


def test_smoothing_must_not_be_negative():
    with pytest.raises(RuntimeError, match="label_smoothing must be between"):
        F.cross_entropy(mg.zeros(2, 3), mg.tensor([0, 1]), label_smoothing=-0.5)


def test_weights_move_with_the_module():
    criterion = nn.CrossEntropyLoss(mg.tensor([0.5, 2.0])).double()
    assert criterion.weight.dtype == mg.float64
    assert criterion(mg.zeros(1, 2, dtype=mg.float64), mg.tensor([1])).dtype == mg.float64
    assert not list(criterion.parameters())


def test_an_ignored_nan_has_no_gradient(level):
    for smoothing in (0.0, 0.1):
        x = mg.tensor([[np.nan, 0.5, 2.0], [0.3, 0.4, 0.7]], requires_grad=True)
        loss = F.cross_entropy(x, mg.tensor([0, 2]), ignore_index=0, label_smoothing=smoothing)
        (g,) = mg.autograd.grad(loss, x, create_graph=True)
        (second,) = mg.autograd.grad(g.square().sum(), x)
        for values in (g, second):
            assert not values[0].any()
            assert mg.isfinite(values).all()


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2), (4,)])
@pytest.mark.parametrize("what", ["target", "weight"])
def test_changing_the_target_or_the_weights_before_backward_raises(shape, what, level):
    """Batches are often written into one buffer: no gradient may silently be another one's."""
    x = scores(1, *shape)
    target = mg.zeros((shape[0], *shape[2:]) if len(shape) > 1 else (), dtype=mg.int64)
    weight = mg.tensor(np.abs(facts.numbers(2, 4)))
    loss = F.cross_entropy(x, target, weight)
    expected = mg.autograd.grad(loss, x, retain_graph=True)[0].numpy().copy()
    {"target": target, "weight": weight}[what].fill_(3)
    if _kernels.level == "reference":  # which has copies
        loss.backward()
        np.testing.assert_array_equal(x.grad.numpy(), expected)
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_changing_what_squares_need_before_backward_raises():
    y = scores(1, 3, 4) * 2
    loss = F.mse_loss(y, mg.zeros(3, 4, dtype=mg.float64))
    with mg.no_grad():
        y.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_scores_of_any_layout(level):
    x = scores(1, 4, 3).detach()
    y = mg.tensor([0, 1, 2, 1])
    turned = x.t().contiguous().t()
    assert not turned.is_contiguous()
    assert F.cross_entropy(turned, y).item() == F.cross_entropy(x, y).item()
    wide = mg.tensor([0, 9, 1, 9, 2, 9, 1, 9])[::2]
    assert F.cross_entropy(x, wide).item() == F.cross_entropy(x, y).item()
    w = mg.tensor([0.5, 9.0, 2.0, 9.0, 3.0, 9.0], dtype=mg.float64)[::2]
    assert F.cross_entropy(x, y, w).item() == F.cross_entropy(x, y, w.clone()).item()


def test_second_derivatives_of_cross_entropy_at_certain_probabilities_are_pytorchs():
    x = mg.tensor([0.0, 1.0, 0.0, 1.0, 0.5], dtype=mg.float64, requires_grad=True)
    y = mg.tensor([1.0, 0.0, 0.0, 1.0, 0.3], dtype=mg.float64, requires_grad=True)
    loss = mg.nn.functional.binary_cross_entropy(x, y, reduction="sum")
    (first,) = mg.autograd.grad(loss, x, create_graph=True)
    by_x, by_y = mg.autograd.grad(first.sum(), [x, y])
    np.testing.assert_allclose(by_x.numpy(), [1e24, 1e24, 0, 0, 4], 1e-9)
    np.testing.assert_allclose(by_y.numpy(), [-1e12, -1e12, -1e12, -1e12, -4], 1e-9)
