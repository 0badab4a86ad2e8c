"""`gradcheck` and `gradgradcheck` must find what is wrong, and accept what is right."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.autograd.engine import record
from minigrad.autograd.gradcheck import GradcheckError
from minigrad.autograd.primitive import Op, primitive
from minigrad.autograd.tensor_base import array_of


def leaf(*values, dtype=mg.float64):
    return mg.tensor(values, dtype=dtype, requires_grad=True)


wrong_rule = primitive("wrong_rule", lambda x: x**3, x=lambda g, x: g * 3.01 * x**2)
wrong_type = primitive("wrong_type", lambda x: x * 2, x=lambda g: g.astype(np.float32) * 2)
# the first derivative is right, but a constant
cut_second = primitive("cut_second", lambda x: x**3, x=lambda g, x: g * (3 * array_of(x) ** 2))
_calls = []
unsteady = primitive(
    "unsteady", lambda x: x * 2, x=lambda g: g * (2 + 1e-9 * len(_calls)) + _more()
)


def _more():
    _calls.append(None)
    return 0


class _IgnoresMissing(Op):
    """(2x, 3x), whose rule puts the gradient of one output in place of a missing other."""

    def vjp(self, node, edges, grads, create_graph):
        first, second = grads
        return [
            2 * (second if first is None else first) + 3 * (first if second is None else second)
        ]


def ignores_missing(x):
    return record(_IgnoresMissing("ignores"), (x,), [], (array_of(x) * 2, array_of(x) * 3))


@pytest.mark.parametrize("fast", [False, True])
def test_right_gradients_pass(fast):
    x, y = leaf(0.5, -1.0, 2.0), leaf(1.5)
    assert gradcheck(lambda x, y: (x * y).tanh(), (x, y), fast_mode=fast)
    assert gradcheck(lambda x, y: (x * y, x.sum(), y.detach() * 0), [x, y], fast_mode=fast)
    assert gradgradcheck(lambda x, y: (x * y).exp() / x, (x, y), fast_mode=fast)
    assert x.tolist() == [0.5, -1.0, 2.0]  # the steps have been taken back
    assert x.grad is None


@pytest.mark.parametrize("fast", [False, True])
def test_wrong_rule_is_found(fast):
    x, y = leaf(0.5, -1.0, 2.0), leaf(1.5)
    text = "Jacobian mismatch for output 1 with respect to input 1"
    with pytest.raises(GradcheckError, match=text):
        gradcheck(lambda x, y: (x * y, wrong_rule(y)), (x, y), fast_mode=fast)
    assert not gradcheck(wrong_rule, x, raise_exception=False, fast_mode=fast)
    assert gradcheck(wrong_rule, x, rtol=0.02, fast_mode=fast)


def test_error_is_a_runtime_error_and_shows_both_jacobians():
    with pytest.raises(RuntimeError, match=r"numerical:\[\[2\.\d* *0"):
        gradcheck(lambda x: x * x.detach(), leaf(1.0, 2.0))


def test_wrong_second_derivative_is_found():
    x = leaf(0.5, -1.0)
    assert cut_second(x).tolist() == (x**3).tolist()
    with pytest.raises(
        GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"
    ):
        gradgradcheck(cut_second, x)


def test_gradient_missing_altogether_is_found():
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, leaf(1.0))


def test_missing_output_gradients_are_checked():
    x = leaf(1.0, 2.0)
    assert not gradcheck(ignores_missing, x, raise_exception=False)
    one_at_a_time = lambda x: ignores_missing(x)[0] + ignores_missing(x)[1]  # noqa: E731
    assert not gradcheck(one_at_a_time, x, raise_exception=False)


def test_undefined_gradients_only():
    """A rule that is right for each output alone, but not for both together."""

    class Either(Op):
        def vjp(self, node, edges, grads, create_graph):
            first, second = grads
            return [2 * first if second is None else 3 * second]

    def either(x):
        return record(Either("either"), (x,), [], (array_of(x) * 2, array_of(x) * 3))

    x = leaf(1.0, 2.0)
    assert gradcheck(either, x, check_undefined_grad=False)
    with pytest.raises(GradcheckError, match="undefined output grads"):
        gradcheck(either, x)


def test_types_of_gradients():
    x = leaf(1.0, 2.0)
    assert gradcheck(wrong_type, x)
    with pytest.raises(GradcheckError, match="Gradient has dtype mismatch"):
        gradcheck(wrong_type, x, check_grad_dtypes=True)


@pytest.mark.parametrize("fast", [False, True])
def test_walks_must_agree(fast):
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(unsteady, leaf(1.0, 2.0), fast_mode=fast)
    assert gradcheck(unsteady, leaf(1.0, 2.0), nondet_tol=1e-6, fast_mode=fast)


def test_inputs_are_checked():
    with pytest.raises(ValueError, match="none of them have requires_grad=True"):
        gradcheck(mg.tanh, mg.ones(2, dtype=mg.float64))
    with (
        pytest.warns(UserWarning, match="Input #1 requires gradient and is not a double precision"),
        pytest.raises(GradcheckError),
    ):
        gradcheck(lambda x, y: x.sum() * y.exp(), (leaf(1.0), leaf(2.0, dtype=mg.float32)))
    with pytest.raises(RuntimeError, match="The 0th input has a dimension with stride 0"):
        gradcheck(mg.tanh, leaf(1.0, 2.0).expand(3, 2))


def test_constant_and_other_inputs_are_passed_on():
    x, constant = leaf(1.0, 2.0), mg.tensor([3, 4])
    assert gradcheck(lambda a, x, n, b: x * a * n + (b or 0), (constant, x, 2.5, None))


def test_inputs_that_are_views_and_not_leaves():
    base = mg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=mg.float64, requires_grad=True)
    assert gradcheck(lambda x: x * x, base.t())
    assert gradcheck(lambda x: x * x, (base * 2)[:, 0])


def test_integer_outputs_are_passed_over():
    assert gradcheck(lambda x: (x.argmax(), x * 2), leaf(1.0, 2.0))
    assert gradcheck(lambda x: x.long(), leaf(1.2, 2.2))


def test_given_and_strided_output_gradients():
    x = leaf(0.5, -1.0)
    assert gradgradcheck(mg.sin, x, mg.tensor([2.0, 3.0], dtype=mg.float64))
    assert gradgradcheck(mg.sin, x, gen_non_contig_grad_outputs=True)


def test_given_gradients_of_outputs_are_left_alone():
    """Nothing is asked of a g that requires no gradient, so it may be of low precision."""
    g = mg.tensor([2.0, 3.0])
    assert gradgradcheck(lambda x: x * 2, leaf(0.5, -1.0), g)
    assert not g.requires_grad


def test_random_stream_is_left_alone():
    mg.manual_seed(0)
    expected = mg.rand(1).item()
    mg.manual_seed(0)
    gradgradcheck(mg.sin, leaf(1.0))
    gradcheck(mg.sin, leaf(1.0), fast_mode=True)
    assert mg.rand(1).item() == expected


@pytest.mark.parametrize(
    "option", ["check_batched_grad", "check_batched_forward_grad", "check_forward_ad", "masked"]
)
def test_options_that_do_not_exist(option):
    with pytest.raises(NotImplementedError, match=f"{option}=True is not supported"):
        gradcheck(mg.sin, leaf(1.0), **{option: True})
    assert gradcheck(mg.sin, leaf(1.0), **{option: False})


def test_nothing_to_check():
    with pytest.raises(AssertionError, match="Expected at least one of"):
        gradcheck(mg.sin, leaf(1.0), check_backward_ad=False)
    with pytest.raises(AssertionError, match="Expected at least one of"):
        gradgradcheck(mg.sin, leaf(1.0), check_rev_over_rev=False)
    with pytest.raises(NotImplementedError, match="check_fwd_over_rev"):
        gradgradcheck(mg.sin, leaf(1.0), check_fwd_over_rev=True)
