"""SGD, Adam and AdamW against PyTorch, and what all optimizers share."""

import copy
import json
import pickle
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels, optim
from minigrad.nn import containers, module, parameter
from minigrad.nn.parameter import Parameter
from minigrad.optim import SGD, Adam, AdamW, Optimizer
from minigrad.optim import optimizer as optimizer_module
from minigrad.optim.adam import adam_step
from minigrad.optim.sgd import sgd_step
from minigrad.tensor import from_array

GOLDEN = Path(__file__).parent / "golden"
make_modules = runpy.run_path(str(GOLDEN / "make_modules.py"))
make_optim = runpy.run_path(str(GOLDEN / "make_optim.py"))
SCENES = make_modules["GROUPS"]["optim"]
EXPECTED = json.loads((GOLDEN / "modules.json").read_text(encoding="utf-8"))["optim"]
TRAJECTORIES = json.loads((GOLDEN / "optim.json").read_text(encoding="utf-8"))
RUNS = {name: (getattr(optim, cls), options) for name, cls, options in make_optim["cases"]()}
T = make_modules["namespace"](mg, module, parameter, containers, optim)

# Relative to the largest value that the parameters had on the way: a few roundings of the type.
TOLERANCE = {"float32": 1e-6, "float64": 2e-15}


@pytest.fixture(params=["kernel", "reference"])
def level(request):
    """Run with the compiled kernels, and without."""
    if _kernels.level == "reference":
        if request.param == "kernel":
            pytest.skip("MINIGRAD_KERNELS=reference")
        yield
    elif request.param == "kernel":
        yield
    else:
        previous = _kernels.level
        _kernels.set_level("reference")
        yield
        _kernels.set_level(previous)


@pytest.fixture
def no_global_hooks():
    yield
    optimizer_module._global_step_pre_hooks.clear()
    optimizer_module._global_step_post_hooks.clear()
    Optimizer._has_step_hooks = False


def with_gradient(values=(1.0, 1.0), gradient=(1.0, 1.0)):
    p = Parameter(mg.tensor(list(values)))
    p.grad = mg.tensor(list(gradient))
    return p


def test_every_scene_is_stored():
    assert list(SCENES) == list(EXPECTED)
    assert list(TRAJECTORIES["float32"]) == list(TRAJECTORIES["float64"]) == list(RUNS)


@pytest.mark.parametrize("name", SCENES)
def test_scene_ends_as_in_pytorch(name):
    outcome, expected = make_modules["play"](SCENES[name], T), EXPECTED[name]
    if isinstance(expected, list) and isinstance(outcome, list):
        assert outcome[0] == expected[0]
        assert expected[1].rstrip(".") in outcome[1]
    else:
        assert outcome == expected


# -- the update rules ----------------------------------------------------------------------------


def run(cls, options, dtype, params):
    optimizer = cls(params, **options)
    kept = []
    for step in range(1, make_optim["STEPS"] + 1):
        for k, p in enumerate(params):
            p.grad = from_array(make_optim["gradient"](step, k, p.array))
        optimizer.step()
        if step in make_optim["KEPT"]:
            kept.append(np.concatenate([p.array.ravel() for p in params]))
    return kept


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trajectory_equals_pytorch(name, dtype, level):
    cls, options = RUNS[name]
    params = [Parameter(from_array(a)) for a in make_optim["start"](np.dtype(dtype))]
    kept = run(cls, options, dtype, params)
    largest = max(np.abs(a).max() for a in make_optim["start"](np.dtype(dtype)))
    for mine, theirs in zip(kept, TRAJECTORIES[dtype][name], strict=True):
        largest = max(largest, np.abs(theirs).max())
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=TOLERANCE[dtype] * largest)


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW])
def test_other_layouts_and_half_precision(cls):
    start = make_optim["start"](np.dtype("float64"))
    options = {"lr": 0.05, "weight_decay": 0.1}
    plain = run(cls, options, "float64", [Parameter(from_array(a.copy())) for a in start])
    strided = [Parameter(from_array(np.repeat(a, 2, axis=-1)[..., ::2])) for a in start]
    assert not any(p.array.flags.c_contiguous for p in strided)
    for mine, theirs in zip(run(cls, options, "float64", strided), plain, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-13)
    halves = [Parameter(from_array(a.astype("float16"))) for a in start]
    last = run(cls, options, "float16", halves)[-1]
    assert last.dtype == np.float16
    np.testing.assert_allclose(last, plain[-1], atol=0.05)


def random_arrays(rng, count, dtype):
    return [rng.normal(size=(3, 7)).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_equal_their_references(seed, dtype):
    kernels = _kernels.kernels_for(np.dtype(dtype))
    if kernels is None:
        pytest.skip("no kernels at this level")
    rng = np.random.default_rng(seed)
    choose = lambda *values: values[rng.integers(len(values))]  # noqa: E731
    tolerance = (
        {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-13, "atol": 1e-14}
    )

    param, grad, buffer = random_arrays(rng, 3, dtype)
    momentum = choose(0.0, 0.9)
    options = (0.1, momentum, choose(0.0, 0.3), choose(0.0, 0.2), choose(True, False))
    flags = (choose(True, False), choose(True, False))  # maximize, first
    outcomes = []
    for update in (sgd_step, kernels.optim.sgd_step):
        p, b = param.copy(), buffer.copy()
        update(p, grad, b if momentum else None, *options, *flags)
        outcomes.append((p, b))
    for mine, theirs in zip(*outcomes, strict=True):
        np.testing.assert_allclose(mine, theirs, **tolerance)
    assert not np.array_equal(outcomes[0][0], param)

    param, grad, mean, square, largest = random_arrays(rng, 5, dtype)
    square, largest = square**2, largest**2
    amsgrad = choose(True, False)
    options = (choose(1, 2, 30), 0.1, 0.7, 0.95, 1e-6, choose(0.0, 0.2), amsgrad)
    flags = (choose(True, False), choose(True, False))  # maximize, decoupled
    outcomes = []
    for update in (adam_step, kernels.optim.adam_step):
        p, m, v, v_max = param.copy(), mean.copy(), square.copy(), largest.copy()
        update(p, grad, m, v, v_max if amsgrad else None, *options, *flags)
        outcomes.append((p, m, v, v_max))
    for mine, theirs in zip(*outcomes, strict=True):
        np.testing.assert_allclose(mine, theirs, **tolerance)
    assert not np.array_equal(outcomes[0][0], param)


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW])
def test_step_counts_as_a_change_in_place(cls, level):
    p = with_gradient()
    loss = (p * p).sum()
    version = p._version
    cls([p], lr=0.1).step()
    assert p._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_parameters_without_gradient_are_left_alone():
    p, q = with_gradient(), Parameter(mg.tensor([5.0]))
    optimizer = Adam([p, q], lr=0.5)
    optimizer.step()
    assert p.tolist() == pytest.approx([0.5, 0.5])
    assert q.tolist() == [5.0]
    assert q not in optimizer.state
    assert q._version == 0


def test_a_changed_option_counts_from_the_next_step():
    p = with_gradient()
    optimizer = SGD([p], lr=0.5)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.125
    optimizer.step()
    assert p.tolist() == [0.375, 0.375]


def test_groups_have_their_own_options():
    p, q = with_gradient(), with_gradient()
    SGD([{"params": [p]}, {"params": [q], "lr": 0.25}], lr=0.5).step()
    assert p.tolist() == [0.5, 0.5]
    assert q.tolist() == [0.75, 0.75]


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW])
def test_options_as_tensors(cls):
    p, q = with_gradient(), with_gradient()
    cls([p], lr=mg.tensor(0.25)).step()
    cls([q], lr=0.25).step()
    assert p.tolist() == q.tolist() != [1.0, 1.0]


def test_adam_remembers_a_float32_step():
    p = with_gradient()
    optimizer = Adam([p])
    for _ in range(3):
        optimizer.step()
    step = optimizer.state[p]["step"]
    assert step.item() == 3.0
    assert step.shape == ()
    assert step.dtype is mg.float32


# -- what all optimizers share -------------------------------------------------------------------


def test_training_with_closure():
    w = Parameter(mg.tensor([1.0, -2.0]))
    optimizer = SGD([w], lr=0.25)

    def closure():
        assert mg.is_grad_enabled()
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses == [5.0, 1.25, 0.3125]


def test_zero_grad():
    p, q = with_gradient(), Parameter(mg.tensor([1.0]))
    optimizer = SGD([p, q])
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert grad.tolist() == [0.0, 0.0]
    assert p.grad is not None
    assert q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


def test_duplicates_warn():
    p = with_gradient()
    with pytest.warns(UserWarning, match="duplicate parameters") as caught:
        SGD([p, p], lr=0.25)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SGD([p], lr=0.25)


@pytest.mark.parametrize(
    "make", [lambda p: SGD(p, 0.01, momentum=0.9), lambda p: Adam(p, 0.1, amsgrad=True)]
)
def test_going_on_from_a_state_dict(make):
    first, second = Parameter(mg.tensor([1.0, 2.0])), Parameter(mg.tensor([1.0, 2.0]))
    one, two = make([first]), make([second])

    def train(p, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()

    train(first, one, 3)
    state = pickle.loads(pickle.dumps(one.state_dict()))
    second.data = first.detach().clone()
    two.load_state_dict(state)
    train(first, one, 5)
    train(second, two, 5)
    assert first.tolist() == second.tolist()
    assert state["state"][0] != {}
    train(first, one, 1)
    assert first.tolist() != second.tolist()  # nothing is shared between the two


def test_loading_casts_to_the_parameters_dtype():
    p = with_gradient()
    optimizer = Adam([p])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0] = {
        "step": 7,
        "exp_avg": mg.ones(2, dtype=mg.float64),
        "exp_avg_sq": mg.ones(2),
        "other": [3],
    }
    optimizer.load_state_dict(state)
    loaded = optimizer.state[p]
    assert loaded["exp_avg"].dtype is mg.float32
    assert loaded["other"] == [3]
    assert loaded["step"].item() == 7.0
    assert loaded["step"].dtype is mg.float32
    optimizer.step()
    assert loaded["step"].item() == 8.0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(copied):
    p = with_gradient()
    optimizer = Adam([p], lr=0.5)
    optimizer.step()
    other = copied(optimizer)
    q = other.param_groups[0]["params"][0]
    assert q is not p
    assert q.tolist() == p.tolist()
    assert list(other.state) == [q]
    q.grad = mg.tensor([1.0, 1.0])
    other.step()
    optimizer.step()
    assert q.tolist() == p.tolist()
    assert repr(other) == repr(optimizer)


def test_a_new_optimizer_needs_only_a_step():
    class Descent(Optimizer):
        def __init__(self, params, lr=optimizer_module.required):
            super().__init__(params, {"lr": lr})

        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.add_(p.grad, alpha=-group["lr"])
            return "done"

    p = with_gradient()
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Descent([p])
    optimizer = Descent([{"params": p, "lr": 0.25}])
    assert optimizer.step() == "done"
    assert p.tolist() == [0.75, 0.75]
    assert optimizer.state_dict() == {"state": {}, "param_groups": [{"lr": 0.25, "params": [0]}]}
    seen = []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(args))
    optimizer.step()
    assert seen == [(optimizer,)]


def test_step_hooks(no_global_hooks):
    p = with_gradient()
    optimizer = SGD([p], lr=0.25)
    order = []
    before = optimizer.register_step_pre_hook(lambda *args: order.append(("before", p.tolist())))
    optimizer.register_step_post_hook(lambda *args: order.append(("after", p.tolist())))
    optimizer_module.register_optimizer_step_pre_hook(
        lambda *args: order.append(("all", len(args)))
    )
    optimizer_module.register_optimizer_step_post_hook(lambda *args: order.append(("all", args[2])))
    optimizer.step(closure=None)
    assert order == [
        ("all", 3),
        ("before", [1.0, 1.0]),
        ("after", [0.75, 0.75]),
        ("all", {"closure": None}),
    ]
    before.remove()
    order.clear()
    optimizer.step()
    assert [name for name, _ in order] == ["all", "after", "all"]


def test_step_hook_may_replace_the_arguments():
    optimizer = SGD([with_gradient()], lr=0.25)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 5}))
    assert optimizer.step() == 5
    optimizer.register_step_pre_hook(lambda *args: 3)
    with pytest.raises(
        RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3"
    ):
        optimizer.step()


def test_state_dict_hooks():
    optimizer = SGD([with_gradient()], lr=0.25)
    seen = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    optimizer.register_state_dict_post_hook(lambda o, s: seen.append(list(s)), prepend=True)
    state = optimizer.state_dict()
    assert state["extra"] == 1
    assert seen == ["save", ["state", "param_groups"]]
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.register_load_state_dict_pre_hook(
        lambda o, s: {**s, "param_groups": [{**s["param_groups"][0], "lr": 9.0}]}
    )
    optimizer.load_state_dict(state)
    assert seen[-1] == "loaded"
    assert optimizer.param_groups[0]["lr"] == 9.0
