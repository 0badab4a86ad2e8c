"""The engine: what is recorded, how gradients walk back, what is kept alive, what is refused.

Most of these facts are PyTorch's: with ``minigrad`` replaced by ``torch`` the same assertions hold.
The last part is about minigrad's own machinery.
"""

import gc
import threading
import tracemalloc
import warnings
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import autograd


def leaf(*values, dtype=None):
    return mg.tensor(values if len(values) != 1 else values[0], dtype=dtype, requires_grad=True)


def close(tensor, expected, dtype=None):
    """Whether a tensor without a graph has these values."""
    assert not tensor.requires_grad
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6)
    assert dtype is None or tensor.dtype == dtype
    return True


# ------------------------------------------------------------------------------------------------
# backward
# ------------------------------------------------------------------------------------------------


def test_backward_fills_the_leaves_only():
    x = leaf(1.0, 2.0)
    y = x * 3
    (y * y).sum().backward()
    assert close(x.grad, [18.0, 36.0], mg.float32)
    with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed"):
        assert y.grad is None


def test_backward_accumulates():
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert x.grad is first
    assert close(first, [4.0, 6.0])
    x.grad = None
    (x * x).sum().backward()
    assert close(x.grad, [2.0, 4.0])


def test_gradients_of_different_leaves_do_not_share_memory():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).sum().backward()
    x.grad.add_(1.0)
    assert close(y.grad, [1.0, 1.0])
    (x + y).sum().backward()
    assert close(x.grad, [3.0, 3.0])
    assert close(y.grad, [2.0, 2.0])


def test_gradient_does_not_share_memory_with_the_argument_of_backward():
    x = leaf(1.0, 2.0)
    g = mg.tensor([1.0, 1.0])
    (x + 0).backward(g)
    x.grad.mul_(5.0)
    assert close(g, [1.0, 1.0])
    x.grad = None
    x.backward(g)
    g.mul_(7.0)
    assert close(x.grad, [1.0, 1.0])


def test_gradient_that_nobody_else_has_is_not_copied():
    x, seen = mg.ones(40, requires_grad=True), []
    (x.view(5, 8) * 2).backward(mg.ones(5, 8))
    assert x.grad.array.base is not None  # a view of what the rule of the product made
    y = x.view(5, 8) * 2
    y.register_hook(lambda g: seen.append(g))
    x.grad = None
    y.backward(mg.ones(5, 8))
    x.grad.zero_()
    assert close(seen[0], np.ones((5, 8)))


LARGE = (200, 300)


@pytest.mark.parametrize("lender_first", [True, False])
def test_gradient_through_views_has_memory_of_its_own(lender_first):
    x = mg.zeros(LARGE, requires_grad=True)
    for name, take in {
        "view": lambda x: x.view(-1), "t": lambda x: x.t(), "unsqueeze": lambda x: x[None],
    }.items():  # fmt: skip
        g = mg.ones_like(take(x))
        x.grad = None
        take(x).backward(g)
        if lender_first:
            g.mul_(5.0)
            assert close(x.grad, np.ones(LARGE)), name
        else:
            x.grad.mul_(5.0)
            assert close(g, np.ones(g.shape)), name
            g.mul_(3.0)
            assert close(x.grad, np.full(LARGE, 5.0)), name
        take(x).backward(mg.ones_like(g))
        assert close(x.grad, np.full(LARGE, 2.0 if lender_first else 6.0)), name


def test_writers_to_what_backward_was_given_leave_the_gradient_alone():
    def by_out(g, memory):
        mg.mul(mg.ones(LARGE), 7.0, out=g)

    def through_a_view(g, memory):
        g[0].fill_(7.0)

    def by_numpy(g, memory):
        g.numpy()[:] = 7.0

    def by_data(g, memory):
        g.data.fill_(7.0)

    def by_memory_of_others(g, memory):
        memory[:] = 7.0

    def by_backward(g, memory):
        y = mg.zeros(LARGE, requires_grad=True)
        y.grad = g
        (y * 6).sum().backward()

    def by_an_optimizer(g, memory):
        g.requires_grad_()
        g.grad = mg.ones(LARGE)
        mg.optim.SGD([g], lr=1.0).step()

    for write in (by_out, through_a_view, by_numpy, by_data, by_memory_of_others, by_backward,
                  by_an_optimizer):  # fmt: skip
        memory = np.ones(LARGE, np.float32) if write is by_memory_of_others else None
        g = mg.ones(LARGE) if memory is None else mg.from_numpy(memory)
        x = mg.zeros(LARGE, requires_grad=True)
        x.view(LARGE).backward(g)
        write(g, memory)
        assert close(x.grad, np.ones(LARGE)), write.__name__


def test_two_paths_add_up_without_spoiling_a_shared_gradient():
    x, y = leaf(1.0, 2.0), leaf(5.0, 7.0)
    s = x + y  # sends one array to both
    t = s + x  # and x gets a second contribution
    (t + x).sum().backward()
    assert close(x.grad, [3.0, 3.0])
    assert close(y.grad, [1.0, 1.0])


def test_diamond_visits_each_node_once():
    x = leaf(2.0)
    y = x
    for _ in range(60):  # 2**60 paths
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_backward_of_a_vector_needs_its_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        (x * 2).backward()
    (x * x).backward(mg.tensor([1.0, 10.0]))
    assert close(x.grad, [2.0, 40.0])


def test_one_entry_counts_as_a_scalar():
    x = leaf([[3.0]])
    (x * x).backward()
    assert close(x.grad, [[6.0]])


def test_backward_checks_the_shape_of_the_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\] has a shape of"):
        (x * 2).backward(mg.ones(3))


def test_backward_without_a_graph():
    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad and does not"
    ):
        mg.ones(1).backward()


def test_backward_of_a_leaf():
    x = leaf(3.0)
    x.backward()
    x.backward()
    assert close(x.grad, 2.0)


def test_backward_of_several_tensors():
    x, y = leaf(1.0, 2.0), leaf(3.0)
    outputs = [x * 2, y * y, x.sum() * y]
    autograd.backward(outputs, [mg.tensor([1.0, 10.0]), None, mg.tensor(0.5)])
    assert close(x.grad, [2 + 1.5, 20 + 1.5])
    assert close(y.grad, 6 + 1.5)


def test_backward_needs_as_many_gradients_as_tensors():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="got 2 tensors and 1 gradients"):
        autograd.backward([x * 2, x * 3], [mg.tensor(1.0)])


def test_gradient_given_must_be_a_tensor():
    with pytest.raises(TypeError, match="gradients can be either Tensors or None, but got float"):
        autograd.backward([leaf(1.0) * 2], [1.0])


def test_freed_graph():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    assert close(x.grad, [2.0, 4.0])


def test_freed_part_of_a_graph():
    x = leaf(2.0)
    shared = x * x
    (shared * 2).backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        (shared * 3).backward()


@pytest.mark.parametrize(
    "op",
    [
        lambda x: x + 1,
        lambda x: x % 2,
        lambda x: x.fmod(x.detach()),
        lambda x: mg.addcmul(x, x.detach(), x.detach()),
        lambda x: mg.addmm(x, mg.ones(2, 1), mg.ones(1, 2)),
        lambda x: x.index_add(0, mg.tensor([1]), mg.ones(1)),
        lambda x: x.scatter_add(0, mg.tensor([1]), mg.ones(1)),
    ],
)
def test_operations_that_save_nothing_can_be_walked_twice(op):
    x = leaf(1.0, 2.0)
    y = op(x)
    ones = mg.ones_like(y)
    y.backward(ones)
    y.backward(ones)
    assert close(x.grad, [2.0, 2.0] if y.ndim == 1 else [4.0, 4.0])


def test_retain_graph():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert close(x.grad, [6.0, 12.0])
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_create_graph_keeps_the_graph_and_records_the_gradient():
    x = leaf(3.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    g = x.grad
    x.grad = None
    g.backward()
    assert close(x.grad, 18.0)


def test_backward_inputs():
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    w = z * y
    w.backward(inputs=[x], retain_graph=True)
    assert close(x.grad, 9.0)
    assert y.grad is None
    w.backward(inputs=y)
    assert close(y.grad, 12.0)
    assert close(x.grad, 9.0)


def test_backward_inputs_may_be_no_leaf():
    x = leaf(2.0)
    y = x * x
    (y * 3).backward(inputs=[y])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert close(y.grad, 3.0)
    assert x.grad is None


def test_backward_inputs_must_not_be_empty():
    with pytest.raises(RuntimeError, match="cannot be empty"):
        leaf(1.0).backward(inputs=[])


def test_leaf_without_a_path_gets_nothing():
    x, y = leaf(1.0), leaf(2.0)
    (x * 2).backward()
    assert y.grad is None


def test_integers_carry_no_gradient():
    x = leaf(1.5, 2.5)
    y = x.long()
    assert not y.requires_grad
    assert not (x > 2).requires_grad
    assert not x.argmax().requires_grad
    with pytest.raises(RuntimeError, match="floating point"):
        mg.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match="floating point"):
        mg.tensor([1, 2]).requires_grad_()


# ------------------------------------------------------------------------------------------------
# grad
# ------------------------------------------------------------------------------------------------


def test_grad_returns_and_touches_no_leaf():
    x, y = leaf(2.0), leaf(3.0)
    gx, gy = autograd.grad(x * y, [x, y])
    assert close(gx, 3.0)
    assert close(gy, 2.0)
    assert x.grad is None
    assert y.grad is None


def test_grad_of_one_tensor_is_a_tuple():
    x = leaf(2.0)
    (g,) = autograd.grad(x * x, x)
    assert close(g, 4.0)


def test_grad_with_respect_to_what_is_no_leaf():
    x = leaf(2.0)
    y = x * x
    z = y * x
    gx, gy = autograd.grad(z, (x, y))
    assert close(gx, 12.0)
    assert close(gy, 2.0)


def test_grad_with_respect_to_the_output():
    x = leaf(2.0)
    y = x * x
    gy, gx = autograd.grad(y, (y, x), mg.tensor(5.0))
    assert close(gy, 5.0)
    assert close(gx, 20.0)


def test_grad_of_unused_input():
    x, y = leaf(2.0), leaf(3.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        autograd.grad(x * 2, [x, y])
    gx, gy = autograd.grad(x * 2, [x, y], allow_unused=True)
    assert close(gx, 2.0)
    assert gy is None
    gx, gy = autograd.grad(x * 2, [x, y], materialize_grads=True)
    assert close(gy, 0.0)
    with pytest.raises(ValueError, match="Expected allow_unused to be True or not passed"):
        autograd.grad(x * 2, [x, y], allow_unused=False, materialize_grads=True)


def test_grad_of_what_requires_none():
    x = leaf(2.0)
    with pytest.raises(
        RuntimeError, match="One of the differentiated Tensors does not require grad"
    ):
        autograd.grad(x * 2, mg.tensor(1.0))
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        autograd.grad(mg.tensor(1.0), x)


def test_grad_frees_the_graph_unless_told():
    x = leaf(2.0)
    y = x * x
    autograd.grad(y, x, retain_graph=True)
    autograd.grad(y, x)
    with pytest.raises(RuntimeError, match="second time"):
        autograd.grad(y, x)


def test_grad_outputs():
    x = leaf(1.0, 2.0)
    y = x * x
    (g,) = autograd.grad([y, y.sum()], x, [mg.tensor([1.0, 10.0]), None])
    assert close(g, [4.0, 44.0])


def test_third_order():
    x = leaf(2.0, dtype=mg.float64)
    y = x**5
    for expected in (5 * 16.0, 20 * 8.0, 60 * 4.0):
        (y,) = autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected, rel=1e-13)
    x = leaf(0.3, dtype=mg.float64)
    t = np.tanh(0.3)
    y = x.tanh()
    for expected in (1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2)):
        (y,) = autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected, rel=1e-13)


def test_gradient_penalty():
    w, x = leaf(1.0, -2.0), leaf(3.0, 0.5)
    (g,) = autograd.grad((w * x * x).sum(), x, create_graph=True)  # 2 w x
    (g * g).sum().backward()
    assert close(w.grad, [2 * 4 * 9.0 * 1.0, 2 * 4 * 0.25 * -2.0])
    assert close(x.grad, [8 * 3.0, 8 * 4 * 0.5])


# ------------------------------------------------------------------------------------------------
# Several outputs
# ------------------------------------------------------------------------------------------------


def test_only_one_output_is_used():
    x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    _, right = x.split([1, 2], 1)
    (right * right).sum().backward()
    assert close(x.grad, [[0, 4, 6], [0, 10, 12]])
    x.grad = None
    x.unbind(1)[0].sum().backward()
    assert close(x.grad, [[1, 0, 0], [1, 0, 0]])
    x.grad = None
    x.max(1).values.sum().backward()
    assert close(x.grad, [[0, 0, 1], [0, 0, 1]])


def test_outputs_get_different_gradients():
    x = leaf(1.0, 2.0, 3.0)
    a, b, c = x.unbind()
    ga, gb = autograd.grad(a * 2 + b * 3 + c * 0, (a, b), retain_graph=True)
    assert close(ga, 2.0)
    assert close(gb, 3.0)
    (a * 2 + b * 3).backward()
    assert close(x.grad, [2.0, 3.0, 0.0])


# ------------------------------------------------------------------------------------------------
# Leaves, detaching, types
# ------------------------------------------------------------------------------------------------


def test_leaves():
    x = leaf(1.0)
    assert x.is_leaf
    assert x.grad_fn is None
    y = x * 2
    assert not y.is_leaf
    assert y.grad_fn.name() == "MulBackward0"
    assert mg.tensor(1.0).is_leaf
    assert y.detach().is_leaf
    with pytest.raises(
        RuntimeError, match="you can only change requires_grad flags of leaf variables"
    ):
        y.requires_grad = False


def test_next_functions():
    x = leaf(1.0)
    y = (x * 2).exp()
    ((mul, number),) = y.grad_fn.next_functions
    assert (mul.name(), number) == ("MulBackward0", 0)


def test_detach_shares_memory_and_version():
    x = leaf(1.0, 2.0)
    y = x.detach()
    assert not y.requires_grad
    y[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    assert x._version == y._version == 1
    (x * y).sum().backward()
    assert close(x.grad, [5.0, 2.0])


def test_detach_cuts_the_path():
    x = leaf(2.0)
    (x * x.detach() * 3).backward()
    assert close(x.grad, 6.0)


def test_detach_in_place():
    x = leaf(2.0)
    y = x * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    view = (x * mg.ones(3))[1:]
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        view.detach_()


def test_data_is_outside_the_graph_and_unnoticed():
    x = leaf(1.0, 2.0)
    y = x * x
    x.data.mul_(10.0)
    assert x._version == 0
    y.sum().backward()  # no complaint
    assert close(x.grad, [20.0, 40.0])
    x.data = mg.tensor([7.0, 8.0])
    assert x.tolist() == [7.0, 8.0]
    assert x.requires_grad


def test_gradient_has_the_type_of_its_leaf():
    for a, b in [(mg.float32, mg.float64), (mg.float64, mg.float32), (mg.float16, mg.float32)]:
        x, y = mg.ones(3, dtype=a, requires_grad=True), mg.ones(3, dtype=b, requires_grad=True)
        (x * y + x / y - y**2 + x @ x).sum().backward()
        assert x.grad.dtype == a
        assert y.grad.dtype == b


def test_a_0_d_tensor_does_not_widen_the_gradient():
    x = mg.ones(3, requires_grad=True)
    scale = mg.tensor(2.0, dtype=mg.float64, requires_grad=True)
    y = x * scale
    assert y.dtype == mg.float32
    y.sum().backward()
    assert close(x.grad, [2, 2, 2], mg.float32)
    assert close(scale.grad, 3.0, mg.float64)


def test_python_and_numpy_scalars_do_not_widen():
    x = leaf(1.0, 2.0)
    y = ((x * 2.5 + 1) / 3 - 0.5) ** 2 + 2**x
    assert y.dtype == mg.float32
    y.sum().backward()
    assert x.grad.dtype == mg.float32


def test_types_of_gradients_with_integers():
    x = leaf(1.0, 2.0)
    (x * mg.tensor([3, 4])).sum().backward()
    assert close(x.grad, [3.0, 4.0], mg.float32)


def test_setting_grad_is_checked():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"attempting to assign a gradient of size '\[3\]' to a"):
        x.grad = mg.ones(3)
    with pytest.raises(RuntimeError, match="attempting to assign a gradient with dtype"):
        x.grad = mg.ones(2, dtype=mg.float64)
    with pytest.raises(
        TypeError, match="assigned grad expected to be a Tensor or None but got grad of"
    ):
        x.grad = 1.0
    x.grad = mg.tensor([5.0, 5.0])
    (x * 2).sum().backward()
    assert close(x.grad, [7.0, 7.0])


# ------------------------------------------------------------------------------------------------
# retain_grad and hooks
# ------------------------------------------------------------------------------------------------


def test_retain_grad():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    (y * y).backward(retain_graph=True)
    assert close(y.grad, 12.0)
    assert close(x.grad, 36.0)
    with pytest.raises(
        RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"
    ):
        mg.ones(2).retain_grad()
    x.retain_grad()
    assert not x.retains_grad


def test_hook_sees_and_replaces():
    x = leaf(2.0)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    handle = y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 2).backward(retain_graph=True)
    assert seen == [2.0, 20.0]
    assert close(x.grad, 60.0)
    handle.remove()
    x.grad = None
    (y * 2).backward()
    assert seen == [2.0, 20.0, 2.0, 2.0]
    assert close(x.grad, 6.0)


def test_hook_of_a_leaf_sees_the_whole_gradient_once():
    x = leaf(2.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    handle = x.register_hook(lambda g: -g)
    (x * 3 + x * x).backward()
    assert seen == [7.0]
    assert close(x.grad, -7.0)
    handle.remove()
    assert close(autograd.grad(x * 5, x)[0], 5.0)
    assert seen == [7.0, 5.0]


def test_hook_takes_part_in_the_second_derivative():
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * 2)
    (g,) = autograd.grad(y, x, create_graph=True)
    assert g.item() == 12.0
    assert close(autograd.grad(g, x)[0], 4.0)


def test_hook_on_the_root_and_on_one_of_several_outputs():
    x = leaf(1.0, 2.0)
    a, b = x.unbind()
    b.register_hook(lambda g: g * 100)
    y = a + b
    y.register_hook(lambda g: g * 2)
    y.backward()
    assert close(x.grad, [2.0, 200.0])


def test_hook_must_keep_shape_and_kind():
    for replacement, error, text in (
        (mg.ones(3), RuntimeError, "has changed the size of value"),
        (mg.ones(2, dtype=mg.float64), RuntimeError, "has changed the type of value"),
        (1.0, TypeError, "expected Variable, but hook returned 'float'"),
    ):
        x = leaf(1.0, 2.0)
        x.register_hook(lambda g, replacement=replacement: replacement)
        with pytest.raises(error, match=text):
            (x * 2).sum().backward()
    with pytest.raises(
        RuntimeError, match="cannot register a hook on a tensor that doesn't require"
    ):
        mg.ones(1).register_hook(print)


def test_post_accumulate_hook():
    x = leaf(2.0)
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    (x * 3).backward()
    (x * 3).backward()
    assert seen == [(True, 3.0), (True, 6.0)]
    handle.remove()
    (x * 3).backward()
    assert len(seen) == 2
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_optimizer_in_the_backward_pass():
    x = leaf(2.0)

    def step(parameter):
        with mg.no_grad():
            parameter -= 0.5 * parameter.grad
        parameter.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * 3).backward()
    assert x.item() == 0.5
    assert x.grad is None


# ------------------------------------------------------------------------------------------------
# Switching recording on and off
# ------------------------------------------------------------------------------------------------


def recording():
    """Whether an operation is recorded right now, seen from its effect."""
    result = leaf(1.0) * 2
    assert result.requires_grad == mg.is_grad_enabled()
    return result.requires_grad


def test_contexts_nest():
    assert recording()
    with mg.no_grad():
        assert not recording()
        with mg.enable_grad():
            assert recording()
            with mg.set_grad_enabled(False):
                assert not recording()
            assert recording()
        assert not recording()
    assert recording()


def test_contexts_are_left_by_exceptions():
    with pytest.raises(KeyError), mg.no_grad():
        raise KeyError
    assert recording()


def test_one_context_object_can_be_entered_twice():
    off = mg.no_grad()
    with off, off:
        assert not recording()
    assert recording()


def test_set_grad_enabled_acts_at_once():
    mg.set_grad_enabled(False)
    try:
        assert not recording()
    finally:
        mg.set_grad_enabled(True)
    assert recording()


@pytest.mark.parametrize("switch", [mg.no_grad, mg.inference_mode])
def test_decorators(switch):
    @switch()
    def with_parentheses(value):
        """Its docstring."""
        return recording(), value

    @switch
    def without_parentheses(value):
        return recording(), value

    assert with_parentheses(3) == (False, 3)
    assert without_parentheses(4) == (False, 4)
    assert with_parentheses.__doc__ == "Its docstring."
    assert recording()

    @mg.enable_grad()
    def on():
        return recording()

    with mg.no_grad():
        assert on()


def test_decorator_with_set_grad_enabled():
    @mg.set_grad_enabled(False)
    def off():
        return recording()

    assert recording()
    assert not off()
    assert recording()


def test_decorated_function_may_call_itself():
    @mg.no_grad()
    def count(n):
        assert not recording()
        return 0 if n == 0 else 1 + count(n - 1)

    assert count(5) == 5
    assert recording()


def test_decorated_generator_gives_the_mode_back_while_suspended():
    @mg.no_grad()
    def generate():
        assert not recording()
        try:
            received = yield 1
        except ValueError:
            received = "error"
        assert not recording()
        yield received
        return "end"

    steps = generate()
    assert next(steps) == 1
    assert recording()
    assert steps.send("sent") == "sent"
    assert recording()
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "end"
    steps = generate()
    next(steps)
    assert steps.throw(ValueError()) == "error"
    steps.close()
    assert recording()


def test_inference_mode_argument():
    with mg.inference_mode(False):
        assert recording()
    with mg.inference_mode():
        assert not recording()


def test_no_grad_result_is_a_constant():
    x = leaf(2.0)
    with mg.no_grad():
        y = x * x
    assert y.is_leaf
    (y * x).backward()
    assert close(x.grad, 4.0)


def test_leaf_made_under_no_grad_can_still_require_a_gradient():
    with mg.no_grad():
        x = leaf(2.0)
    (x * x).backward()
    assert close(x.grad, 4.0)


def test_the_mode_belongs_to_a_thread():
    inside = []
    with mg.no_grad():
        thread = threading.Thread(target=lambda: inside.append(recording()))
        thread.start()
        thread.join()
        assert not recording()
    assert inside == [True]


def test_threads_walk_their_own_graphs():
    results = {}

    def work(k):
        x = mg.full((10,), float(k), requires_grad=True)
        for _ in range(20):
            with mg.no_grad():
                x * 2
            (x * x).sum().backward()
        results[k] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: [40.0 * k] * 10 for k in range(8)}


# ------------------------------------------------------------------------------------------------
# In-place operations
# ------------------------------------------------------------------------------------------------

LEAF_ERROR = "a leaf Variable that requires grad is being used in an in-place operation"
VIEW_ERROR = "a view of a leaf Variable that requires grad is being used in an in-place operation"
STALE = "has been modified by an inplace operation"


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.add_(1),
        lambda x: x.zero_(),
        lambda x: x.__setitem__(slice(None), 1.0),
        lambda x: x.uniform_(),
        lambda x: x.clamp_(0, 1),
        lambda x: x.copy_(mg.ones(2)),
        lambda x: x.fill_(2.0),
    ],
    ids=["add_", "zero_", "setitem", "uniform_", "clamp_", "copy_", "fill_"],
)
def test_a_leaf_must_not_be_written(write):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=LEAF_ERROR):
        write(x)
    assert x.tolist() == [1.0, 2.0]
    with mg.no_grad():
        write(x)
    assert x.requires_grad
    assert x.is_leaf
    assert x._version == 1


def test_a_view_of_a_leaf_must_not_be_written():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=VIEW_ERROR):
        x[0].add_(1)
    with pytest.raises(RuntimeError, match=VIEW_ERROR):
        x.view(2, 1).t().mul_(2)
    assert x.tolist() == [1.0, 2.0]


def test_augmented_assignment_keeps_the_object():
    total = mg.zeros(1)
    same = total
    x = leaf(2.0)
    total += x * x
    total += x
    assert total is same
    total.backward()
    assert close(x.grad, 5.0)


def test_written_tensor_joins_the_graph():
    x = leaf(1.0, 2.0)
    y = mg.zeros(3)
    assert not y.requires_grad
    y[1:] = x * 2
    assert y.requires_grad
    assert not y.is_leaf
    (y * mg.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert close(x.grad, [20.0, 200.0])


def test_old_value_is_what_the_graph_remembers():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = y.exp()
    y += 1.0  # exp saved its output, not y
    (z.sum() + y.sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * np.exp([3.0, 6.0]) + 3, rtol=1e-6)


def test_saved_value_changed():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = y * y
    y.add_(1.0)
    with pytest.raises(RuntimeError, match=STALE) as error:
        z.sum().backward()
    assert "is at version 1; expected" in str(error.value)
    assert "torch.FloatTensor [2]" in str(error.value)


def test_saved_output_changed():
    x = leaf(1.0, 2.0)
    y = x.tanh()
    y.mul_(2.0)
    with pytest.raises(RuntimeError, match=STALE):
        y.sum().backward()


def test_saved_value_changed_through_a_view():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = y.sin()
    y[0] = 0.0
    with pytest.raises(RuntimeError, match=STALE):
        z.sum().backward()


def test_saved_value_changed_through_detach():
    x = leaf(1.0, 2.0)
    y = x.sin()
    x.detach().zero_()
    with pytest.raises(RuntimeError, match=STALE):
        y.sum().backward()


@pytest.mark.parametrize(
    "write",
    [
        lambda v, w: v.add_(1),
        lambda v, w: v.mul_(w),
        lambda v, w: v[0].zero_(),
        lambda v, w: v.__setitem__(0, 5.0),
        lambda v, w: v.copy_(w),
        lambda v, w: v.uniform_(),
    ],
    ids=["add_", "mul_", "view of it", "setitem", "copy_", "uniform_"],
)
@pytest.mark.parametrize("recorded", [True, False], ids=["result", "leaf"])
def test_a_view_made_under_no_grad_must_not_be_written_outside(write, recorded):
    x, w = leaf(1.0, 2.0, 3.0), leaf(5.0, 5.0)
    base = x * 1.0 if recorded else x
    with mg.no_grad():
        view = base[:2]
        write(view, w)
        values = base.tolist()
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        write(view, w)
    assert base.tolist() == values


def test_a_view_older_than_its_base_s_gradient_must_not_be_written():
    x = mg.ones(3)
    view = x[:2]
    x.requires_grad_()
    with pytest.raises(RuntimeError, match="before its base required a gradient"):
        view.add_(1.0)


@pytest.mark.parametrize("write", [lambda x, view: x.add_(1.0), lambda x, view: view.add_(1.0)])
def test_a_view_older_than_its_base_s_gradient_joins_the_graph_after_a_write(write):
    x = mg.ones(3)
    view = x[:2]
    part, later = view[1:], view[:1]
    write(x, view)
    x.requires_grad_()
    assert (view.requires_grad, view.is_leaf) == (True, False)
    (view * mg.tensor([3.0, 4.0]) + part).sum().backward()
    assert x.grad.tolist() == [3, 6, 0]
    with mg.no_grad():
        x.add_(1.0)
    (later * 5).sum().backward()
    assert x.grad.tolist() == [8, 6, 0]
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        view.add_(1.0)


def test_data_of_a_leaf_that_requires_a_gradient_must_be_floats():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"must be floating point, but got torch\.int64"):
        x.data = mg.tensor([1, 2])
    assert x.dtype == mg.float32


def test_saved_value_changed_under_no_grad():
    w, x = leaf(2.0), leaf(3.0)
    y = w * x
    with mg.no_grad():
        w.sub_(1.0)
    with pytest.raises(RuntimeError, match=STALE):
        y.backward()


def test_only_what_a_wanted_gradient_needs_is_guarded():
    x, w = leaf(1.0, 2.0), leaf([[1.0, 2.0], [3.0, 4.0]])
    half, squared = x / 2, x**2  # the result is for the gradient of the divisor, of the exponent
    half += 1.0
    squared += 1.0
    first = mg.ones(3, 2) @ w  # w is for the gradient of the constant left factor
    with mg.no_grad():
        w.mul_(5.0)
    (half.sum() + squared.sum() + first.sum()).backward()
    assert close(x.grad, [2.5, 4.5])
    assert close(w.grad, [[3.0, 3.0], [3.0, 3.0]])


def test_operand_of_its_own_update():
    x = leaf([[1.0, 2.0, 3.0]] * 3)
    base = x * 2
    row = base[0]
    row += row * row
    with pytest.raises(RuntimeError, match=STALE):
        base.sum().backward()


def test_versions_count_writes_of_all_that_share_memory():
    base = mg.zeros(2, 3)
    row, transposed = base[0], base.t()
    row.add_(1)
    transposed.mul_(2)
    base.fill_(1)
    assert base._version == row._version == transposed._version == 3
    assert base.clone()._version == 0


def test_expanded_memory_must_not_be_written():
    wide = mg.zeros(1, 3).expand(2, 3)
    with pytest.raises(
        RuntimeError, match="more than one element of the written-to tensor refers to"
    ):
        wide.add_(1)


def test_what_is_given_by_name_counts_in_place():
    x, w = mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0], requires_grad=True)
    x.mul_(other=w).sum().backward()
    assert w.grad.tolist() == [1.0, 2.0]


def test_result_must_fit_in_place():
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        mg.zeros(3).add_(mg.zeros(2, 3))
    with pytest.raises(
        RuntimeError, match="result type Float can't be cast to the desired output type Long"
    ):
        mg.zeros(3, dtype=mg.int64).add_(1.5)


# ------------------------------------------------------------------------------------------------
# Views
# ------------------------------------------------------------------------------------------------


def test_views_share_memory():
    x = mg.zeros(2, 3)
    for view in (x[0], x[:, 1], x.t(), x.view(-1), x.unsqueeze(0), x.narrow(1, 0, 2),
                 x.unbind()[1], x.split(1)[1], x.detach(), x.permute(1, 0), x.mT):  # fmt: skip
        before = x.sum().item()
        view[(0,) * view.dim()].add_(1.0)
        assert x.sum().item() == before + 1


def test_copies_do_not():
    x = mg.zeros(2, 3)
    for copy in (x.clone(), x[[0, 1]], x[x == 0], x.t().contiguous(), x.t().reshape(6), x * 1,
                 x.repeat(1, 1), x.flip(0), x[:1].prod(0),
                 x[:2, :2].diag(), mg.tensor(x.numpy()),
                 x.index_select(0, mg.tensor([0]))):  # fmt: skip
        copy.add_(1.0)
    assert x.sum().item() == 0


def test_view_is_refreshed_after_its_base_was_written():
    x = leaf(1.0, 2.0, 3.0)
    base = x * 2
    tail = base[1:]
    assert tail.grad_fn.name() == "SliceBackward0"
    base.mul_(10.0)
    (g,) = autograd.grad(tail.sum(), x)
    assert close(g, [0.0, 20.0, 20.0])


def test_view_of_a_constant_joins_the_graph_when_the_base_does():
    x = leaf(1.0, 2.0)
    base = mg.zeros(2, 2)
    row = base[1]
    assert not row.requires_grad
    base[1] = x * 3
    assert row.requires_grad
    (row * row).sum().backward()
    assert close(x.grad, [18.0, 36.0])


def test_base_is_moved_by_a_write_through_its_view():
    x, v = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf(10.0, 20.0)
    base = x * 1
    base[0] = v
    assert base.tolist() == [[10.0, 20.0], [3.0, 4.0]]
    (base * base).sum().backward()
    assert close(x.grad, [[0.0, 0.0], [6.0, 8.0]])
    assert close(v.grad, [20.0, 40.0])


RESHAPED = {  # a view is taken, its base reshaped in place and written to, the view used
    "t_": (lambda b: b[0], lambda b: b.t_(), [[20, 200], [0, 0]]),
    "transpose_": (lambda b: b[:, 1], lambda b: b.transpose_(0, 1), [[0, 20], [0, 200]]),
    "unsqueeze_": (lambda b: b[1], lambda b: b.unsqueeze_(0), [[0, 0], [20, 200]]),
    "of a view": (lambda b: b.t()[1], lambda b: b.t_(), [[0, 20], [0, 200]]),
    "twice": (lambda b: b[1], lambda b: b.t_().unsqueeze_(1), [[0, 0], [20, 200]]),
}


@pytest.mark.parametrize("name", RESHAPED)
def test_older_views_of_a_tensor_reshaped_in_place(name):
    look, reshape, expected = RESHAPED[name]
    w = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    base = w * 1.0
    view = look(base)
    values = (view * 2).tolist()
    reshape(base).mul_(2.0)
    assert view.tolist() == values
    (view * mg.tensor([10.0, 100.0])).sum().backward()
    assert w.grad.tolist() == expected


def test_a_view_reshaped_in_place_has_older_views_too():
    w = mg.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]], requires_grad=True)
    base = w * 1.0
    view = base[:, 1:]
    row = view[0]
    view.t_()
    view[0] = view[0] * 3
    base.mul_(2)
    assert row.tolist() == [12, 6]
    (row * mg.tensor([1.0, 10.0])).sum().backward()
    assert w.grad.tolist() == [[0, 6, 20], [0, 0, 0]]


def test_a_tensor_reshaped_in_place_is_no_view():
    x = mg.zeros(3)
    x.unsqueeze_(0)
    x.requires_grad_()
    assert x.is_leaf
    (x * 2).sum().backward()
    assert x.grad.tolist() == [[2, 2, 2]]
    y = (x * 1).t_()
    assert not y.detach_().requires_grad


def test_a_view_of_memory_that_was_exchanged_keeps_its_place():
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    base = w * 3.0
    view = base[1:]
    base.data = mg.ones(2)
    base.mul_(5.0)
    view.sum().backward()
    assert view.tolist() == [6]
    assert w.grad.tolist() == [0, 3]


def test_a_long_chain_of_views():
    w = mg.zeros(6000, requires_grad=True)
    base = x = w * 1.0
    for _ in range(5000):
        x = x[1:]
    base.mul_(3.0)
    x.sum().backward()
    assert w.grad.sum().item() == 3 * 1000


def test_a_view_that_cannot_be_refreshed_leaves_recording_off():
    base = mg.ones(2, requires_grad=True) * 1.0
    view = base[0]
    base.mul_(2.0)

    def fail(*_):
        raise MemoryError

    view.view_of.op = fail
    with mg.no_grad():
        with pytest.raises(MemoryError):
            _ = view.requires_grad
        assert not mg.is_grad_enabled()


def test_hooks_of_a_view_do_not_see_what_is_written_through_it():
    w = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    base = w * 1.0
    row = base[0]
    row.register_hook(lambda g: g * 100)
    row[1:].mul_(3.0)
    base.sum().backward()
    assert w.grad.tolist() == [[1, 3], [1, 1]]


def test_reshaping_in_place_is_refused_where_writing_is():
    leaf = mg.ones(2, 3, requires_grad=True)
    for x in (leaf, leaf[0], (leaf * 1.0).unbind()[0], (leaf * 1.0).split(1)[0]):
        with pytest.raises(RuntimeError, match=r"in-place|modified inplace"):
            x.unsqueeze_(0)


@pytest.mark.parametrize("fill", ["uniform_", "normal_", "bernoulli_", "random_", "exponential_"])
def test_random_fills_cut_the_gradient(fill):
    w = mg.ones(4, requires_grad=True)
    y = w * 2.0
    getattr(y[1:3], fill)()
    (y * y.detach()).sum().backward()
    assert w.grad.tolist() == [4, 0, 0, 4]


def test_view_taken_under_no_grad_of_a_leaf_can_be_written_there():
    x = leaf(1.0, 2.0)
    with mg.no_grad():
        x[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    (x * x).sum().backward()
    assert close(x.grad, [10.0, 4.0])


# ------------------------------------------------------------------------------------------------
# Anomaly detection
# ------------------------------------------------------------------------------------------------


def test_anomaly_mode_names_the_operation_and_its_line():
    x = leaf(0.0)
    with autograd.detect_anomaly():
        y = x.sqrt() * 0  # this line is shown
        with (
            pytest.warns(UserWarning, match="y = x.sqrt\\(\\) \\* 0  # this line is shown"),
            pytest.raises(
                RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th"
            ),
        ):
            y.backward()


def test_anomaly_mode_ends_with_its_block():
    x = leaf(0.0)
    with autograd.set_detect_anomaly(True):
        pass
    (x.sqrt() * 0).backward()
    assert np.isnan(x.grad.item())
    with autograd.set_detect_anomaly(True, check_nan=False):
        (x.sqrt() * 0).backward()


# ------------------------------------------------------------------------------------------------
# minigrad's own machinery
# ------------------------------------------------------------------------------------------------


def test_a_long_chain_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.00001
    y.backward()
    assert x.grad.item() == pytest.approx(np.e, rel=1e-2)
    x.grad = None
    for k in range(100_000):
        y = y + x if k % 2 else y * 1.0
    del y  # deletion must not recurse either
    assert x.grad is None


def test_a_long_chain_of_writes_in_place():
    x = leaf(1.0)
    y = x * 1
    for _ in range(20_000):
        y += x
    y.backward()
    assert x.grad.item() == 20_001
    base = mg.zeros(4)
    for k in range(2_000):
        base[k % 4] = x
    del base, y


@pytest.fixture
def no_collector():
    """What dies must die by its reference count alone."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def network(x):
    """Values and nodes of a graph with every kind of saved value."""
    values = [x * x]
    for op in (
        mg.tanh, mg.exp, lambda v: v.softmax(0), lambda v: v @ v.t(), lambda v: v[1:, [0, 1]],
        lambda v: v.max(1).values,
        lambda v: mg.cat([v, v]), lambda v: mg.stack(v.unbind()), lambda v: v.view(2, -1),
        lambda v: v.norm(dim=1),
        lambda v: v.clone().mul_(2.0), lambda v: v.cumsum(0), lambda v: v.sort().values,
        lambda v: v**2, lambda v: v / 3,
    ):  # fmt: skip
        values.append(op(values[-1]))
    written = values[-1] * 1
    written[0] = written[1].detach() * 2
    values.append(written)
    return values


@pytest.mark.parametrize("way", ["backward", "grad", "create_graph", "dropped", "retained"])
def test_graph_dies_without_the_collector(no_collector, way):
    x = mg.rand(3, 3, requires_grad=True)
    values = network(x)
    alive = [weakref.ref(v) for v in values] + [weakref.ref(v.node) for v in values]
    y = values[-1].sum()
    if way == "backward":
        y.backward()
    elif way == "grad":
        autograd.grad(y, x)
    elif way == "create_graph":
        (g,) = autograd.grad(y, x, create_graph=True)
        alive += [weakref.ref(g), weakref.ref(g.node)]
        (g * g).sum().backward()
        del g
    elif way == "retained":
        values[3].retain_grad()
        values[5].register_hook(lambda g: g * 2)
        y.backward()
    del values, y
    assert [r() for r in alive if r() is not None] == []


def test_backward_frees_what_was_saved_while_the_output_lives(no_collector):
    x = mg.rand(3, requires_grad=True)
    inner = x * 2
    y = (inner * inner).sum()
    memory = weakref.ref(inner)
    del inner
    assert memory() is not None
    y.backward()
    assert memory() is None


def test_only_what_a_rule_needs_is_kept_alive(no_collector):
    x = mg.rand(3, requires_grad=True)
    before = x * 2
    y = before.exp().sum() + 1
    memory = weakref.ref(before)
    del before
    assert memory() is None
    y.backward()


def test_views_do_not_keep_cycles(no_collector):
    x = mg.rand(3, 3, requires_grad=True)
    base = x * 2
    row = base[0]
    row.mul_(3.0)
    base.add_(1.0)
    (row * 2).sum().backward()
    alive = [weakref.ref(base), weakref.ref(row)]
    del base, row
    assert [r() for r in alive] == [None, None]


def test_results_outside_a_graph_hold_nothing(no_collector):
    x = mg.rand(3)
    y = x * 2
    alive = weakref.ref(x)
    del x
    assert alive() is None
    assert y.grad_fn is None


def test_backward_is_not_recorded_and_restores_the_mode():
    x = leaf(2.0)
    (x * x).backward()
    assert not x.grad.requires_grad
    assert recording()
    y = x * x
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert recording()


def test_backward_inside_no_grad():
    x = leaf(2.0)
    y = x * x
    with mg.no_grad():
        y.backward()
        assert not mg.is_grad_enabled()
    assert close(x.grad, 4.0)


def test_error_of_a_wrong_rule_names_both_shapes():
    from minigrad.autograd.primitive import primitive

    wrong = primitive("wrong", lambda x: x * 2, x=lambda g: g.sum())
    with pytest.raises(RuntimeError, match=r"got \[\] but expected shape compatible with \[2\]"):
        wrong(leaf(1.0, 2.0)).sum().backward()


def test_primitive_runs_on_plain_arrays():
    from minigrad.autograd.primitive import primitive

    cube = primitive("cube", lambda x: x**3, x=lambda g, x: g * 3 * x**2)
    array = np.array([1.0, 2.0])
    assert type(cube(array)) is np.ndarray
    assert cube(leaf(1.0, 2.0)).grad_fn.name() == "CubeBackward0"


def test_reductions_of_a_numpy_float64_scalar_stay_float32():
    x = leaf(1.0, 2.0)
    y = x * np.float64(2.0)
    assert y.dtype == mg.float32
    y.sum().backward()
    assert close(x.grad, [2.0, 2.0], mg.float32)


# ------------------------------------------------------------------------------------------------
# Gradients of gradients that are constant almost everywhere
# ------------------------------------------------------------------------------------------------

PIECEWISE_LINEAR = {
    "relu": lambda x: x.relu(),
    "relu, in place": lambda x: (x * 1).relu_(),
    "leaky_relu": mg.nn.functional.leaky_relu,
    "relu6": mg.nn.functional.relu6,
    "hardtanh": mg.nn.functional.hardtanh,
    "threshold": lambda x: mg.nn.functional.threshold(x, 0.1, 0.0),
    "abs": lambda x: x.abs(),
    "batch_norm": lambda x: mg.nn.functional.batch_norm(x, mg.zeros(3), mg.ones(3)),
    "RNN": lambda x: mg.nn.RNN(3, 4, nonlinearity="relu")(x)[0],
}


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_gradient_penalty_through_piecewise_linear_functions(name):
    x = mg.tensor([[1.0, -2.0, 3.0], [0.5, -0.2, 7.0]], requires_grad=True)
    (g,) = mg.autograd.grad(PIECEWISE_LINEAR[name](x).sum(), x, create_graph=True)
    assert g.requires_grad
    ((g.norm() - 1) ** 2).backward()
    assert x.grad.abs().sum().item() == 0


def test_gradient_of_a_linear_function_is_a_constant():
    x = mg.ones(2, 3, requires_grad=True)
    for y in (x * 2, x.sum(1), x.t(), x[0], mg.cat([x, x])):
        (g,) = mg.autograd.grad(y.sum(), x, create_graph=True)
        assert not g.requires_grad


# ------------------------------------------------------------------------------------------------
# Views whose base is cut off, or is given other memory
# ------------------------------------------------------------------------------------------------


def detached(y):
    y.detach_()


def other_memory(y):
    y.data = y.data * 1


def other_size(y):
    y.data = mg.zeros(7, dtype=mg.float64)


def other_storage(y):
    with mg.no_grad():
        y.set_(mg.zeros(4, dtype=mg.float64))


@pytest.mark.parametrize("cut", [detached, other_memory, other_size, other_storage])
def test_a_view_that_was_written_to_keeps_its_history(cut):
    x = mg.ones(4, dtype=mg.float64, requires_grad=True)
    y = x * 1
    v = y[1:3]
    v.mul_(2)
    cut(y)
    assert mg.autograd.grad((v * v).sum(), x)[0].tolist() == [0, 8, 8, 0]


@pytest.mark.parametrize("cut", [other_memory, other_size])
def test_a_view_of_memory_that_its_base_gave_up_has_the_history_until_then(cut):
    x = mg.ones(4, dtype=mg.float64, requires_grad=True)
    y = x * 1
    v, w = y[1:3], y.view(2, 2)[1]
    y.mul_(2)
    cut(y)
    assert mg.autograd.grad((v * v).sum(), x, retain_graph=True)[0].tolist() == [0, 8, 8, 0]
    assert mg.autograd.grad((w * w).sum(), x)[0].tolist() == [0, 0, 8, 8]


def test_what_a_base_does_with_other_memory_is_no_business_of_its_views():
    x = mg.ones(4, dtype=mg.float64, requires_grad=True)
    y = x * 1
    v = y[1:3]
    y.data = mg.full((4,), 3.0, dtype=mg.float64)
    y.mul_(2)
    assert mg.autograd.grad((v * v).sum(), x, retain_graph=True)[0].tolist() == [0, 2, 2, 0]
    assert mg.autograd.grad((y * y).sum(), x)[0].tolist() == [24, 24, 24, 24]


def test_memory_of_a_view_is_exchanged():
    x = mg.ones(4, dtype=mg.float64, requires_grad=True)
    y = x * 1
    v = y[1:4]
    w = v[1:]
    y.mul_(2)
    v.data = v.data * 1
    assert mg.autograd.grad((w * w).sum(), x)[0].tolist() == [0, 0, 8, 8]


def test_a_recorded_write_to_part_of_zeros_stays_when_the_whole_is_detached():
    x = mg.ones(4, requires_grad=True)
    y = mg.zeros(2, 4)
    h = y[1]
    h.add_(x)
    y.detach_()
    (h**3).sum().backward()
    assert x.grad.tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("first", [True, False])
def test_a_view_of_unrecorded_changes_is_outside_the_graph(first):
    """Its value is no more what the graph has recorded: rather none than a wrong gradient."""
    x = mg.ones(4, requires_grad=True)
    y = x * 1
    v = y[1:3]
    if first:
        y.mul_(2)
    y.detach_()
    if not first:
        y.mul_(2)
    assert v.requires_grad is False


# ------------------------------------------------------------------------------------------------
# What is written costs what is written
# ------------------------------------------------------------------------------------------------

WRITES = {
    "rows": lambda x, i, v: x.__setitem__(i, v),
    "a list": lambda x, i, v: x.__setitem__([0, 3], v),
    "a mask": lambda x, i, v: x.__setitem__(mg.arange(x.shape[0]) < 2, v),
    "index_put_": lambda x, i, v: x.index_put_((i,), v),
    "index_put_, adding": lambda x, i, v: x.index_put_((i,), v, accumulate=True),
    "index_add_": lambda x, i, v: x.index_add_(0, i, v),
    "index_copy_": lambda x, i, v: x.index_copy_(0, i, v),
    "index_fill_": lambda x, i, v: x.index_fill_(0, i, 2.0),
    "scatter_": lambda x, i, v: x.scatter_(0, i[:, None], v),
    "scatter_add_": lambda x, i, v: x.scatter_add_(0, i[:, None], v),
}


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("name", WRITES)
def test_writes_do_not_copy_the_tensor(name, recorded):
    x, i, v = mg.zeros(100_000, 10), mg.tensor([0, 3]), mg.ones(2, 10, requires_grad=recorded)
    WRITES[name](x * 1, i, v)  # (the first call of some functions of NumPy imports modules)
    tracemalloc.start()
    try:
        WRITES[name](x, i, v)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert x[0, 0].item() in (1, 2)
    assert x.requires_grad is (recorded and name != "index_fill_")
    limit = 2 * x.numel() if name == "a mask" else x.numel() // 10  # bytes, where a copy has 4 each
    assert peak < limit


@pytest.mark.parametrize("name", ["rows", "index_add_", "scatter_"])
def test_a_write_that_fails_changes_nothing(name):
    x = mg.zeros(4, 10)
    version = x._version
    with pytest.raises((RuntimeError, IndexError)):
        WRITES[name](x, mg.tensor([0, 9]), mg.ones(2, 10))
    with pytest.raises((RuntimeError, IndexError)):
        WRITES[name](x, mg.tensor([0, 3]), mg.ones(2, 7) if name != "scatter_" else mg.ones(1, 0))
    assert not x.any()
    assert x._version == version


def test_a_write_of_its_own_entries():
    x = mg.arange(5.0)
    x[mg.tensor([1, 2, 3, 4])] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]
    x.index_add_(0, mg.tensor([4, 3, 2, 1, 0]), x)
    assert x.tolist() == [3, 2, 2, 2, 3]
