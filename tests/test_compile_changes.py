"""What changes around a compiled function between two calls: it does as the function written does.

Each scene is played twice, with the function as it is written and compiled: eight calls, a change,
another call. It returns the function, what to call it with, and the change.
"""

import collections
import types
import warnings

import pytest

import minigrad as mg
from minigrad import nn


def leaf():
    return mg.tensor([1.0, 2.0], requires_grad=True)


def reads_a_gradient():
    w = leaf()
    sgd = mg.optim.SGD([w], lr=0.1)

    def step(x):
        sgd.zero_grad()
        loss = (x * w * x).sum()
        loss.backward()
        norm = w.grad.norm()
        sgd.step()
        return loss, norm

    return step, lambda k: (mg.ones(2) * k,), None


def steps_before_backward():
    w = leaf()
    sgd = mg.optim.SGD([w], lr=0.1)

    def step(x):
        loss = (w * w * x).sum()
        sgd.step()
        sgd.zero_grad()
        loss.backward()
        return loss

    return step, lambda k: (mg.ones(2),), None


def is_given_a_leaf_then_none():
    w = leaf()

    def step(x):
        loss = (x * w * x).sum()
        loss.backward()
        return loss, w.grad

    arguments = [leaf, lambda: leaf() * 2, lambda: leaf()[:]]
    return step, lambda k: (arguments[max(k - 6, 0)](),), None


def appends_to_an_argument():
    def step(x, outputs):
        outputs.append(x * 2)
        return outputs[-1]

    lists = [[] for _ in range(9)]
    return step, lambda k: (mg.ones(2), lists[k]), lambda: [len(own) for own in lists]


def returns_its_list():
    given = [mg.ones(2)]
    return lambda x, own: own is given and (own, own), lambda k: (mg.ones(2), given), None


def takes_a_dictionary():
    a, b = mg.ones(2), mg.zeros(2)
    orders = [{"a": a, "b": b}, {"b": b, "a": a}]
    return (lambda d: mg.cat(list(d.values()))), lambda k: (orders[k // 8],), None


def cuts_where_a_tensor_says():
    def step(x, n):
        part = x[:n]
        return part.sum() / part.shape[0]

    return step, lambda k: (mg.arange(6.0), mg.tensor(3 if k < 8 else 5)), None


def counts_where_it_is_true():
    def step(x):
        places = mg.where(x > 1)[0]
        return places.sum() * 1.0 / places.shape[0]

    return step, lambda k: (mg.tensor([0.0 if k < 8 else 2.0, 2.0, 3.0]),), None


def asks_for_the_version():
    x = mg.ones(2)
    return lambda y: y * x._version, lambda k: (mg.ones(2),), lambda: x.add_(0)


def views_a_parameter():
    w = mg.arange(4.0).reshape(2, 2)
    return (
        (lambda x: w.view(-1) * x),
        lambda k: (mg.ones(4),),
        lambda: setattr(w, "data", w.data.t()),
    )


def divides_by_zero():
    return (lambda x, y: x / y), lambda k: (mg.ones(2), 0.0 if k < 8 else -0.0), None


def inherits_a_number():
    class Base:
        scale = 2.0

    class Derived(Base):
        pass

    return (
        lambda x: x * Derived.scale, lambda k: (mg.ones(2),),
        lambda: setattr(Derived, "scale", 3.0),
    )  # fmt: skip


def asks_by_name():
    class Options:
        names, rate = ("rate",), 2.0

    return (
        lambda x: x * sum([getattr(Options, name) for name in Options.names]),
        lambda k: (mg.ones(2),),
        lambda: setattr(Options, "rate", 3.0),
    )


def asks_whether_it_is_there():
    options = types.ModuleType("options")
    return (
        lambda x: x * 2 if hasattr(options, "rate") else x, lambda k: (mg.ones(2),),
        lambda: setattr(options, "rate", 1.0),
    )  # fmt: skip


def has_an_attribute_called_hook():
    module = nn.Module()
    module.hook_scale = 2.0
    return (
        lambda x: x * module.hook_scale, lambda k: (mg.ones(2),),
        lambda: setattr(module, "hook_scale", 3.0),
    )  # fmt: skip


def holds_a_queue():
    class Queue(collections.deque):
        pass

    queue = Queue([2.0])
    return (
        lambda x: x * queue[0], lambda k: (mg.ones(2),), lambda: queue.__setitem__(0, 3.0),
    )  # fmt: skip


def loses_a_name():
    scale = 2.0

    def step(x):
        return x * scale

    def change():
        nonlocal scale
        del scale

    return step, lambda k: (mg.ones(2),), change


SCENES = [
    reads_a_gradient, steps_before_backward, is_given_a_leaf_then_none, appends_to_an_argument,
    returns_its_list, takes_a_dictionary, cuts_where_a_tensor_says, counts_where_it_is_true,
    asks_for_the_version, views_a_parameter, divides_by_zero, inherits_a_number, asks_by_name,
    asks_whether_it_is_there, has_an_attribute_called_hook, holds_a_queue, loses_a_name,
]  # fmt: skip


def played(scene, compiles):
    function, arguments, change = scene()
    called = mg.compile(function) if compiles else function
    seen = []
    for k in range(9):
        if k == 8 and change is not None:
            seen.append(repr(change()))
        given = arguments(k)
        try:
            result = called(*given)
        except (RuntimeError, NameError) as error:
            result = type(error)
        is_given = [part is own for part in (result if isinstance(result, tuple) else (result,))
                    for own in given]  # fmt: skip
        seen.append((repr(result), is_given))
    return seen


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_it_does_as_the_function_written_does(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those that are not replayed
        assert played(scene, True) == played(scene, False)


def test_a_global_name_that_hides_a_builtin(monkeypatch):
    def step(x):
        return x * len([1, 2])

    compiled = mg.compile(step)
    for _ in range(6):
        assert compiled(mg.ones(1)).item() == 2
    monkeypatch.setitem(globals(), "len", lambda own: 7)
    assert compiled(mg.ones(1)).item() == 7


def test_a_compiled_module_passes_on_what_is_set():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.weight = 2.0, nn.Parameter(mg.ones(2))

        def forward(self, x):
            return x * self.scale * self.weight

    module, calls = Scaled(), []
    compiled = mg.compile(module)
    for _ in range(6):
        assert compiled(mg.ones(2)).tolist() == [2.0, 2.0]
    compiled.scale = 3.0
    compiled.weight = nn.Parameter(mg.ones(2) * 2)
    assert (module.scale, module.weight[0].item()) == (3.0, 2.0)
    assert compiled(mg.ones(2)).tolist() == [6.0, 6.0]
    del compiled.scale
    assert not hasattr(module, "scale")
    module.scale = 1.0
    compiled.register_forward_hook(lambda *_: calls.append(1))
    assert compiled(mg.ones(2)).tolist() == [2.0, 2.0]
    assert calls == [1]
