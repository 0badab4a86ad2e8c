"""Module: attributes, walks, state, hooks and printing, as PyTorch has them."""

import copy
import gc
import json
import pickle
import runpy
import warnings
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.nn import containers, hooks, module, parameter
from minigrad.nn.containers import ModuleList, Sequential
from minigrad.nn.module import Module
from minigrad.nn.parameter import Buffer, Parameter

GOLDEN = Path(__file__).parent / "golden"
make_modules = runpy.run_path(str(GOLDEN / "make_modules.py"))
SCENES = make_modules["GROUPS"]["module"]
EXPECTED = json.loads((GOLDEN / "modules.json").read_text(encoding="utf-8"))["module"]
T = make_modules["namespace"](mg, module, parameter, containers, optim)


class Affine(Module):
    def __init__(self, n=2):
        super().__init__()
        self.weight = Parameter(mg.tensor([2.0] * n))
        self.bias = Parameter(mg.tensor([1.0] * n))
        self.register_buffer("count", mg.tensor(3))

    def forward(self, x, scale=1.0):
        return (self.weight * x + self.bias) * scale


class Two(Module):
    """Two inputs, two outputs, the second of which depends on the second input only."""

    def __init__(self):
        super().__init__()
        self.weight = Parameter(mg.tensor([2.0, 3.0]))

    def forward(self, x, y=None):
        return x * self.weight, (None if y is None else y * 2)


def arrays(tensors):
    return [None if t is None else t.tolist() for t in tensors]


@pytest.fixture
def no_hooks_everywhere():
    """Leave no hook on all modules behind."""
    yield
    for table in (
        hooks.everywhere._forward_hooks,
        hooks.everywhere._forward_pre_hooks,
        hooks.everywhere._backward_hooks,
        hooks.everywhere._backward_pre_hooks,
        hooks.parameter_registration_hooks,
        hooks.buffer_registration_hooks,
        hooks.module_registration_hooks,
    ):
        table.clear()
    hooks.everywhere._is_full_backward_hook = None
    hooks.Hookable._hooked = False


def test_every_scene_is_stored():
    assert list(SCENES) == list(EXPECTED)


@pytest.mark.parametrize("name", SCENES)
def test_scene_ends_as_in_pytorch(name):
    outcome, expected = make_modules["play"](SCENES[name], T), EXPECTED[name]
    if isinstance(expected, list) and isinstance(outcome, list):
        assert outcome[0] == expected[0]
        assert expected[1].rstrip(".") in outcome[1]
    else:
        assert outcome == expected


# -- attributes ----------------------------------------------------------------------------------


def test_tables_are_the_truth():
    affine = Affine()
    new = Parameter(mg.tensor([7.0, 8.0]))
    affine._parameters["weight"] = new
    assert affine.weight is new
    affine._buffers["mean"] = mg.tensor([1.0])
    assert affine.mean.tolist() == [1.0]
    affine._modules["child"] = child = Affine()
    assert affine.child is child
    del affine._parameters["weight"]
    assert not hasattr(affine, "weight")


def test_a_name_moves_between_tables():
    affine = Affine()
    affine.count = Parameter(mg.tensor([1.0]))
    assert "count" in affine._parameters
    assert "count" not in affine._buffers
    affine.count = None
    affine.register_buffer("hidden", mg.tensor([5.0]), persistent=False)
    del affine.hidden
    affine.register_buffer("hidden", mg.tensor([5.0]))
    assert "hidden" in affine.state_dict()


def test_plain_attribute_becomes_parameter():
    affine = Affine()
    affine.extra = 3
    affine.extra = Parameter(mg.tensor([1.0]))
    assert "extra" not in vars(affine)
    assert [name for name, _ in affine.named_parameters()] == ["weight", "bias", "extra"]


def test_plain_attributes_before_init():
    class Early(Module):
        def __init__(self):
            self.size = 4
            super().__init__()

    assert Early().size == 4


def test_subclass_may_extend_getattr():
    class Wrapper(Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.inner, name)

    assert Wrapper(Affine()).weight.tolist() == [2.0, 2.0]


def test_dir_names_everything_once():
    names = dir(Affine())
    assert {"weight", "bias", "count", "forward", "training"} <= set(names)
    assert names == sorted(set(names))


def test_nonleaf_parameter_is_refused():
    p = Parameter(mg.tensor([1.0]), requires_grad=False)
    p += Parameter(mg.tensor([1.0]))
    assert isinstance(p, Parameter)
    assert not p.is_leaf
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'p'"):
        Module().register_parameter("p", p)


# -- parameters and buffers ----------------------------------------------------------------------


def test_parameter_shares_memory_and_version():
    data = mg.tensor([1.0, 2.0])
    p = Parameter(data)
    data += 1
    assert p.tolist() == [2.0, 3.0]
    assert p._version == data._version == 1
    assert type(p * 2) is type(p.detach()) is type(p.data) is type(data)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_parameters_and_buffers(copied):
    p = Parameter(mg.tensor([1.0, 2.0]), requires_grad=False)
    p.grad = mg.tensor([3.0, 4.0])
    q = copied(p)
    assert type(q) is Parameter
    assert not q.requires_grad
    assert q.grad is None
    q.data += 1
    assert (p.tolist(), q.tolist()) == ([1.0, 2.0], [2.0, 3.0])
    b = copied(Buffer(mg.tensor([1.0]), persistent=False))
    assert type(b) is Buffer
    assert not b.persistent
    assert b.tolist() == [1.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_modules(copied):
    net = Sequential(Affine(), Affine())
    net[1].weight = net[0].weight
    net[1].register_buffer("hidden", mg.tensor([5.0]), persistent=False)
    net.eval()
    other = copied(net)
    assert other[1].weight is other[0].weight
    assert other[0].weight is not net[0].weight
    assert list(other.state_dict()) == list(net.state_dict())
    assert not other.training
    x = mg.tensor([3.0, -1.0])
    assert other(x).tolist() == net(x).tolist() == [15.0, -1.0]
    with mg.no_grad():
        other[0].bias += 10
    assert other(x).tolist() != net(x).tolist()


def test_pickle_of_an_older_version():
    state = dict(vars(Affine()))
    for name in ("_forward_hooks", "_load_state_dict_post_hooks", "_non_persistent_buffers_set"):
        del state[name]
    old = Affine.__new__(Affine)
    old.__setstate__(state)
    assert old(mg.tensor([1.0, 2.0])).tolist() == [3.0, 5.0]
    assert list(old.state_dict()) == ["weight", "bias", "count"]
    old.register_forward_hook(lambda m, args, output: 7)
    assert old(mg.tensor([1.0, 2.0])) == 7


def test_modules_are_freed_without_the_collector():
    gc.disable()
    try:
        net = Sequential(Affine(), Affine())
        gone = weakref.ref(net[0].weight)
        net(mg.tensor([1.0, 2.0])).sum().backward()
        del net
        assert gone() is None
    finally:
        gc.enable()


# -- walks ---------------------------------------------------------------------------------------


def test_shared_parts_come_once():
    net = Sequential(Affine(), Affine())
    net[1].weight = net[0].weight
    net.append(net[0])
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)] == [
        "0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias",
    ]  # fmt: skip
    assert [n for n, _ in net.named_modules()] == ["", "0", "1"]
    assert [n for n, _ in net.named_modules(remove_duplicate=False)] == ["", "0", "1", "2"]
    assert len(list(net.children())) == 2
    assert list(net.state_dict()) == [
        f"{k}.{name}" for k in range(3) for name in ("weight", "bias", "count")
    ]


def test_apply_goes_from_the_leaves_to_the_root():
    net = Sequential(Affine(), Sequential(Affine()))
    order = []
    assert net.apply(order.append) is net
    assert order == [net[0], net[1][0], net[1], net]


def test_train_eval_requires_grad():
    net = Sequential(Affine(), Sequential(Affine()))
    assert net.eval() is net
    assert [m.training for m in net.modules()] == [False] * 4
    net.train()
    assert all(m.training for m in net.modules())
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())


def test_zero_grad():
    affine = Affine()
    affine.requires_grad_()
    affine(mg.tensor([3.0, 4.0])).sum().backward()
    grad = affine.weight.grad
    assert grad.tolist() == [3.0, 4.0]
    affine.zero_grad(set_to_none=False)
    assert grad.tolist() == [0.0, 0.0]
    assert affine.weight.grad is not None
    affine.zero_grad()
    assert affine.weight.grad is None
    assert affine.bias.grad is None


def test_conversion_keeps_the_parameter_objects():
    affine = Affine()
    weight = affine.weight
    affine(mg.tensor([3.0, 4.0])).sum().backward()
    assert affine.double() is affine
    assert affine.weight is weight
    assert weight.dtype is mg.float64
    assert weight.grad.dtype is mg.float64
    assert weight.grad.tolist() == [3.0, 4.0]
    assert affine.count.dtype is mg.int64
    assert affine.float().weight.dtype is mg.float32
    assert affine.half().weight.dtype is mg.float16
    assert affine.cpu().to("cpu").weight.dtype is mg.float16
    assert affine.weight.is_leaf
    assert affine.weight.requires_grad


# -- state ---------------------------------------------------------------------------------------


def test_state_dict_shares_memory_and_loading_copies():
    affine, other = Affine(), Affine()
    state = affine.state_dict()
    with mg.no_grad():
        affine.weight += 1
    assert state["weight"].tolist() == [3.0, 3.0]
    assert not state["weight"].requires_grad
    version = other.weight._version
    other.load_state_dict(state)
    assert other.weight.tolist() == [3.0, 3.0]
    assert other.weight._version > version
    state["weight"] += 1
    assert other.weight.tolist() == [3.0, 3.0]


def test_load_assign_takes_the_tensor_over():
    affine = Affine()
    affine.bias.requires_grad_(False)
    state = {"weight": mg.tensor([1.0, 1.0]), "bias": Parameter(mg.tensor([0.0, 0.0]))}
    affine.load_state_dict(state, strict=False, assign=True)
    assert np.shares_memory(affine.weight.array, state["weight"].array)
    assert affine.weight.requires_grad
    assert isinstance(affine.weight, Parameter)
    assert affine.bias is state["bias"]
    assert not affine.bias.requires_grad


def test_versions_reach_the_loading_module():
    class Versioned(Affine):
        _version = 2
        seen = None

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            self.seen = local_metadata.get("version")
            if self.seen is None:  # files without a version called the bias "offset"
                state_dict[prefix + "bias"] = state_dict.pop(prefix + "offset")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    net = Sequential(Versioned())
    state = net.state_dict()
    net.load_state_dict(state)
    assert net[0].seen == 2
    old = {
        "0.weight": state["0.weight"],
        "0.offset": mg.tensor([9.0, 9.0]),
        "0.count": mg.tensor(1),
    }
    net.load_state_dict(old)
    assert net[0].bias.tolist() == [9.0, 9.0]
    assert "0.offset" in old  # the caller's dict is left alone


def test_extra_state():
    class Extra(Affine):
        def get_extra_state(self):
            return {"steps": 5}

        def set_extra_state(self, state):
            self.loaded = state

    net = Sequential(Extra())
    state = net.state_dict()
    assert state["0._extra_state"] == {"steps": 5}
    assert str(net.load_state_dict(state)) == "<All keys matched successfully>"
    assert net[0].loaded == {"steps": 5}


def test_state_dict_hooks():
    net = Sequential(Affine())
    seen = []
    net[0].register_state_dict_pre_hook(lambda *args: seen.append(("save", *args[1:])))
    net[0].register_state_dict_post_hook(lambda m, state, *args: seen.append(("saved", *args)))
    net[0].register_load_state_dict_pre_hook(
        lambda m, state, prefix, *rest: seen.append(("load", m is net[0], prefix, len(rest)))
    )
    net[0]._register_load_state_dict_pre_hook(lambda *args: seen.append(("load", len(args))))
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = net.state_dict()
    del state["0.bias"]
    assert net.load_state_dict(state).missing_keys == []
    assert seen == [
        ("save", "0.", False),
        ("saved", "0.", {"version": 1}),
        ("load", True, "0.", 5),
        ("load", 7),
    ]
    net[0]._register_state_dict_hook(lambda m, state, prefix, metadata: OrderedDict(a=3))
    assert net[0].state_dict() == {"a": 3}


def test_load_hook_with_module_follows_a_copy():
    affine = Affine()
    seen = []
    affine.register_load_state_dict_pre_hook(lambda m, *args: seen.append(m))
    other = copy.deepcopy(affine)
    other.load_state_dict(affine.state_dict())
    assert seen == [other]
    del seen[:]
    gc.collect()
    gc.disable()
    try:
        alive = weakref.ref(affine)
        del affine
        assert alive() is None
    finally:
        gc.enable()


# -- forward hooks -------------------------------------------------------------------------------


def test_forward_hooks_run_in_order_and_replace():
    affine = Affine()
    x = mg.tensor([1.0, 2.0])
    order = []

    def note(name, result=None):
        return lambda *args: (order.append((name, len(args))), result)[1]

    affine.register_forward_pre_hook(note("pre"))
    affine.register_forward_pre_hook(note("pre kwargs"), with_kwargs=True, prepend=True)
    affine.register_forward_hook(note("post"))
    affine.register_forward_hook(note("post kwargs"), with_kwargs=True)
    affine.register_forward_hook(note("first"), prepend=True)
    assert affine(x, scale=2.0).tolist() == [6.0, 10.0]
    assert order == [("pre kwargs", 3), ("pre", 2), ("first", 3), ("post", 3), ("post kwargs", 4)]

    affine = Affine()
    affine.register_forward_pre_hook(lambda m, args: args[0] * 2)
    affine.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    affine.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"scale": 10.0}), with_kwargs=True
    )
    affine.register_forward_hook(lambda m, args, output: output - 1)
    assert affine(x).tolist() == [69.0, 109.0]


def test_hooks_can_be_removed():
    affine = Affine()
    handle = affine.register_forward_hook(lambda *args: 8)
    assert list(affine._forward_hooks) == [handle.id]
    handle.remove()
    handle.remove()
    assert not affine._forward_hooks
    x = mg.tensor([1.0, 2.0])
    with affine.register_forward_hook(lambda *args: 9):
        assert affine(x) == 9
    assert affine(x).tolist() == [3.0, 5.0]
    affine.register_forward_hook(lambda *args: 9)
    affine._forward_hooks.clear()
    assert affine(x).tolist() == [3.0, 5.0]


def test_always_called_hook_runs_when_forward_fails():
    affine = Affine()
    seen = []
    affine.register_forward_hook(lambda m, args, output: seen.append("never"))
    affine.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(TypeError, match="forward"):
        affine()
    assert seen == [None]
    affine(mg.tensor([1.0, 2.0]))
    assert len(seen) == 3

    broken = Affine()
    broken.register_forward_hook(lambda *args: 1 / 0, always_call=True)
    with pytest.warns(UserWarning, match="ZeroDivisionError"), pytest.raises(TypeError):
        broken()
    with pytest.raises(ZeroDivisionError):
        broken(mg.tensor([1.0, 2.0]))


def test_hooks_on_all_modules(no_hooks_everywhere):
    inner, outer = Affine(), Sequential(Affine())
    order = []
    inner.register_forward_pre_hook(lambda m, args: order.append("own"))
    handle = module.register_module_forward_pre_hook(lambda m, args: order.append("all"))
    module.register_module_forward_hook(lambda m, a, k, out: order.append(len(k)), with_kwargs=True)
    inner(mg.tensor([1.0, 2.0]), scale=1.0)
    assert order == ["all", "own", 1]
    outer(mg.tensor([1.0, 2.0]))
    assert order[3:] == ["all", "all", 0, 0]
    handle.remove()
    order.clear()
    outer(mg.tensor([1.0, 2.0]))
    assert order == [0, 0]


def test_registration_hooks(no_hooks_everywhere):
    seen = []
    module.register_module_parameter_registration_hook(lambda m, n, p: seen.append(n))
    module.register_module_buffer_registration_hook(lambda m, n, b: seen.append(n))
    module.register_module_module_registration_hook(lambda m, n, c: seen.append(n))
    Sequential(Affine())
    assert seen == ["weight", "bias", "count", "0"]


# -- backward hooks ------------------------------------------------------------------------------


def test_full_backward_hook_sees_both_sides():
    two = Two()
    seen = []
    two.register_full_backward_pre_hook(lambda m, out: seen.append(arrays(out)))
    two.register_full_backward_hook(lambda m, into, out: seen.append((arrays(into), arrays(out))))
    x = mg.tensor([1.0, 5.0], requires_grad=True)
    y = mg.tensor([1.0, 1.0], requires_grad=True)
    a, b = two(x, y)
    (3 * a).sum().backward(retain_graph=True)
    assert seen == [[[3.0, 3.0], None], ([[6.0, 9.0], [0.0, 0.0]], [[3.0, 3.0], None])]
    assert x.grad.tolist() == [6.0, 9.0]
    assert two.weight.grad.tolist() == [3.0, 15.0]
    seen.clear()
    (a.sum() + b.sum()).backward()
    assert seen[1] == ([[2.0, 3.0], [2.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]])


def test_backward_hooks_replace():
    two = Two()
    two.register_full_backward_pre_hook(lambda m, out: (out[0] * 10, out[1]))
    two.register_full_backward_hook(lambda m, into, out: (into[0] + 1,))
    x = mg.tensor([1.0, 5.0], requires_grad=True)
    two(x)[0].sum().backward()
    assert x.grad.tolist() == [21.0, 31.0]
    assert two.weight.grad.tolist() == [10.0, 50.0]


def test_backward_hook_in_a_second_derivative():
    class Square(Module):
        def forward(self, x):
            return x * x

    square = Square()
    square.register_full_backward_hook(lambda m, into, out: (into[0] * 3,))
    x = mg.tensor([2.0, 5.0], requires_grad=True)
    (g,) = mg.autograd.grad(square(x).sum(), x, create_graph=True)
    (h,) = mg.autograd.grad(g.sum(), x)
    assert g.tolist() == [12.0, 30.0]
    assert h.tolist() == [6.0, 6.0]  # the hook scaled g, but does not see the gradient of g


def test_backward_hook_without_input_gradients():
    two = Two()
    seen = []
    two.register_full_backward_hook(lambda m, into, out: seen.append((into, arrays(out))))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        two(mg.tensor([1.0, 5.0]), 3.0)[0].sum().backward()
    assert seen == [((None, None), [[1.0, 1.0], None])]
    assert two.weight.grad.tolist() == [1.0, 5.0]
    with mg.no_grad():
        two(mg.tensor([1.0, 5.0]))
    assert len(seen) == 1


def test_backward_hook_errors():
    x = mg.tensor([1.0, 5.0], requires_grad=True)
    two = Two()
    two.register_full_backward_hook(lambda m, into, out: (into[0],) * 5)
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 5, but expected 1"):
        two(x)[0].sum().backward()
    two = Two()
    two.register_full_backward_hook(lambda m, into, out: 3)
    with pytest.raises(TypeError, match="grad_input must hold Tensors or None, but got int"):
        two(x)[0].sum().backward()


def test_backward_hook_needs_tensor_outputs():
    class Listed(Module):
        def forward(self, x):
            return [x * 2]

    listed = Listed()
    listed.register_full_backward_hook(lambda *args: pytest.fail("must not be called"))
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        (out,) = listed(mg.tensor([1.0]))
    assert out.tolist() == [2.0]


def test_backward_hooks_everywhere_come_first(no_hooks_everywhere):
    seen = []
    affine = Affine()
    affine.register_full_backward_hook(lambda m, into, out: seen.append(("own", arrays(into))))
    module.register_module_full_backward_hook(
        lambda m, into, out: seen.append(("all", arrays(into)))
    )
    module.register_module_full_backward_pre_hook(lambda m, out: seen.append(("pre", arrays(out))))
    x = mg.tensor([1.0, 5.0], requires_grad=True)
    affine(x).sum().backward()
    assert seen == [("pre", [[1.0, 1.0]]), ("all", [[2.0, 2.0]]), ("own", [[2.0, 2.0]])]


class Pair(NamedTuple):
    first: Any
    second: Any


class Returning(Module):
    """A module whose output is made by a function."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


@pytest.mark.parametrize(
    ("make", "look"),
    [
        (lambda x: {"number": 1, "value": x * 3}, lambda out: out["value"]),
        (lambda x: Pair(x * 3, x), lambda out: out.first),
        (lambda x: [[x * 3], x], lambda out: out[0][0]),
        (lambda x: x * 3, lambda out: out),
    ],
)
def test_old_backward_hook_hangs_on_the_last_operation(make, look):
    module = Returning(make)
    seen = []
    module.register_backward_hook(lambda m, into, out: seen.append((arrays(into), arrays(out))))
    x = mg.tensor([1.0, 5.0], requires_grad=True)
    look(module(x)).sum().backward()
    assert seen == [([[3.0, 3.0], None], [[1.0, 1.0]])]
    assert x.grad.tolist() == [3.0, 3.0]


def test_old_backward_hook_replaces():
    module = Returning(lambda x: x * 3)
    module.register_backward_hook(lambda m, into, out: (into[0] * 5, None))
    x = mg.tensor([1.0], requires_grad=True)
    module(x).sum().backward()
    assert x.grad.tolist() == [15.0]


def test_full_backward_hook_keeps_the_kind_of_tuple():
    module = Returning(lambda x: Pair(x * 3, 7))
    module.register_full_backward_hook(lambda m, into, out: (into[0] * 2,))
    x = mg.tensor([1.0], requires_grad=True)
    out = module(x)
    assert type(out) is Pair
    assert out.second == 7
    out.first.sum().backward()
    assert x.grad.tolist() == [6.0]


def test_what_backward_hooks_watch_must_not_be_written():
    module = Returning(lambda x: x.mul_(3))
    module.register_full_backward_hook(lambda m, into, out: None)
    x = mg.tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="BackwardHookFunction is a view and is being modified"):
        module(x * 1)
    module.make = lambda x: x * 3
    with pytest.raises(RuntimeError, match="BackwardHookFunction is a view and is being modified"):
        module(x).mul_(2)


def test_hooked_output_shows_its_node():
    affine = Affine()
    affine.register_full_backward_hook(lambda *args: None)
    assert affine(mg.tensor([1.0, 2.0])).grad_fn.name() == "BackwardHookFunctionBackward"


def test_plain_call_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ModuleList([Affine()])[0](mg.tensor([1.0, 2.0]))
