"""The optimizers against PyTorch, and what single ones do; `test_optim_family.py` has the rest."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import _kernels, optim
from minigrad.nn import containers, module, parameter
from minigrad.nn.parameter import Parameter
from minigrad.optim import SGD, Adam, Optimizer, per_parameter
from minigrad.optim import optimizer as optimizer_module
from minigrad.optim.adam import adam_step
from minigrad.optim.line_search import Point, strong_wolfe
from minigrad.optim.sgd import sgd_step

GOLDEN = Path(__file__).parent / "golden"
make_modules = runpy.run_path(str(GOLDEN / "make_modules.py"))
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_optim.py")))
SCENES = make_modules["GROUPS"]["optim"]
EXPECTED = json.loads((GOLDEN / "modules.json").read_text(encoding="utf-8"))["optim"]
TEXTS = json.loads((GOLDEN / "optim.json").read_text(encoding="utf-8"))
with np.load(GOLDEN / "optim.npz") as file:
    NUMBERS = dict(file)
RUNS, LBFGS_RUNS = made.cases(), made.lbfgs_cases()
DTYPES = ("float32", "float64")
ALL = [getattr(optim, name) for name in made.OPTIMIZERS]
BLOCKWISE = {cls.__name__ for cls in ALL if "_update" in vars(cls)}
T = make_modules["namespace"](mg, module, parameter, containers, optim)

# Relative to the largest value of the run: some roundings of the type.
TOLERANCE = {"float32": 1e-6, "float64": 4e-15}
# Differences grow from one iteration to the next: each divides by differences of gradients.
LBFGS_TOLERANCE = {"float32": {"rtol": 1e-3, "atol": 1e-3}, "float64": {"rtol": 1e-9, "atol": 1e-9}}


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


def test_the_golden_files_are_complete():
    assert list(SCENES) == list(EXPECTED)
    assert list(made.SCENES) == list(TEXTS)
    names = [*RUNS, *(f"LBFGS {name}" for name in LBFGS_RUNS)]
    assert set(NUMBERS) == {f"{name} {dtype}" for name in names for dtype in DTYPES}
    assert {cls for cls, _ in RUNS.values()} | {"LBFGS"} == set(made.OPTIMIZERS)


def sgd_of_floats(p, gradients, lr, momentum):
    velocity = 0.0
    for g in gradients:
        velocity = momentum * velocity + g
        p -= lr * velocity
        yield p


# Optimizers with their options, and once more in plain floats: what PyTorch does not have is
# compared with this.
FORMULAS = {"SGD": ({"lr": 0.1, "momentum": 0.9}, sgd_of_floats)}


@pytest.mark.parametrize("name", FORMULAS)
def test_steps_equal_the_formula(name):
    options, formula = FORMULAS[name]
    gradients = (0.5, -2.0, 3.0, 0.25, -1.0, 0.125)
    p = Parameter(mg.tensor([1.5], dtype=mg.float64))
    optimizer = getattr(optim, name)([p], **options)
    for g, expected in zip(gradients, formula(1.5, gradients, **options), strict=True):
        p.grad = mg.tensor([g], dtype=mg.float64)
        optimizer.step()
        np.testing.assert_allclose(p.item(), expected, 1e-12)


def test_every_optimizer_is_compared_with_numbers_that_are_not_its_own():
    public = {
        name for name, value in vars(optim).items()
        if isinstance(value, type) and issubclass(value, Optimizer) and value is not Optimizer
    }  # fmt: skip
    missing = sorted(public - set(made.OPTIMIZERS) - set(FORMULAS))
    assert not missing, (
        f"nothing tells whether {missing} compute what they should: add runs to "
        "tests/golden/make_optim.py and run it with PyTorch, or, if PyTorch has no such optimizer, "
        "write it in plain floats in FORMULAS"
    )


def check_outcome(outcome, expected):
    """The same text; or the same error with the same words, and perhaps more of them."""
    if isinstance(expected, list) and isinstance(outcome, list):
        assert outcome[0] == expected[0]
        assert expected[1].rstrip(".") in outcome[1]
    else:
        assert outcome == expected


@pytest.mark.parametrize("name", SCENES)
def test_scene_ends_as_in_pytorch(name):
    check_outcome(make_modules["play"](SCENES[name], T), EXPECTED[name])


@pytest.mark.parametrize("name", TEXTS)
def test_what_it_says_is_what_pytorch_says(name):
    check_outcome(make_modules["play"](made.SCENES[name], mg), TEXTS[name])


# -- the update rules ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, (cls, _) in RUNS.items() if cls not in BLOCKWISE])
@pytest.mark.parametrize("dtype", DTYPES)
def test_trajectory_with_kernels_equals_pytorch(name, dtype, level):
    check_trajectory(name, dtype)


@pytest.mark.parametrize("name", [name for name, (cls, _) in RUNS.items() if cls in BLOCKWISE])
@pytest.mark.parametrize("dtype", DTYPES)
def test_trajectory_equals_pytorch(name, dtype):
    check_trajectory(name, dtype)


def check_trajectory(name, dtype):
    mine, theirs = made.run(mg, *RUNS[name], dtype), NUMBERS[f"{name} {dtype}"]
    assert mine.dtype == theirs.dtype == dtype
    largest = max(np.abs(theirs).max(), max(np.abs(a).max() for a in made.start(np.dtype(dtype))))
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=TOLERANCE[dtype] * largest)


@pytest.mark.parametrize("name", [name for name, (cls, _) in RUNS.items() if cls in BLOCKWISE])
def test_large_parameters_go_block_by_block(name, monkeypatch):
    whole = made.run(mg, *RUNS[name], "float64")
    monkeypatch.setattr(per_parameter, "BLOCK", 4)
    blocks = made.run(mg, *RUNS[name], "float64")
    np.testing.assert_array_equal(blocks, whole)


@pytest.mark.parametrize("name", LBFGS_RUNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_lbfgs_equals_pytorch(name, dtype):
    mine, theirs = made.run_lbfgs(mg, dtype, LBFGS_RUNS[name]), NUMBERS[f"LBFGS {name} {dtype}"]
    np.testing.assert_allclose(mine, theirs, **LBFGS_TOLERANCE[dtype])


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


def test_adam_remembers_a_float32_step():
    p = with_gradient()
    optimizer = Adam([p])
    for _ in range(3):
        optimizer.step()
    step = optimizer.state[p]["step"]
    assert step.item() == 3.0
    assert step.shape == ()
    assert step.dtype is mg.float32


def test_groups_with_one_learning_rate_still_have_one_after_loading():
    rate = mg.tensor(0.5)
    optimizer = SGD([{"params": [with_gradient()]}, {"params": [with_gradient()]}], lr=rate)
    optimizer.load_state_dict(optimizer.state_dict())
    first, second = [group["lr"] for group in optimizer.param_groups]
    assert first is second
    assert first is not rate


# -- numbers at the edge -------------------------------------------------------------------------


def test_rprop_forgets_a_gradient_that_is_nan():
    p = with_gradient()
    optimizer = optim.Rprop([p])
    for gradient in (1.0, np.nan, 1.0, 1.0):
        p.grad = mg.tensor([gradient, 1.0])
        optimizer.step()
    assert p.tolist() == pytest.approx([0.968, 0.94632], rel=1e-6)  # as PyTorch


@pytest.mark.parametrize("momentum", [0, 0.9])
def test_centered_rmsprop_with_gradients_whose_square_overflows(momentum):
    p = with_gradient()
    optimizer = optim.RMSprop([p], centered=True, momentum=momentum)
    for _ in range(2):
        p.grad = mg.tensor([1e30, 1.0])
        optimizer.step()
    assert p.tolist()[0] == 1.0  # as PyTorch, and as without centering
    assert np.isfinite(p.tolist()[1])


def test_centered_rmsprop_with_a_gradient_that_never_changes():
    p = with_gradient()
    optimizer = optim.RMSprop([p], centered=True, alpha=0.9)
    for _ in range(400):  # until its variance is nothing but rounding
        p.grad = mg.tensor([1.0, 3.0])
        optimizer.step()
    assert np.isfinite(p.tolist()).all()


# -- towards a minimum ---------------------------------------------------------------------------


# Options with which each comes close to the minimum of a bowl within 400 steps, or `STEPS`.
SENSIBLE = {
    "SGD": {"lr": 0.1},
    "Adam": {"lr": 0.05},
    "AdamW": {"lr": 0.05, "weight_decay": 0.0},
    "RMSprop": {"lr": 0.005},
    "Adagrad": {"lr": 0.5},
    "Adadelta": {"lr": 0.1, "eps": 1e-3},
    "Adamax": {"lr": 0.05},
    "NAdam": {"lr": 0.02},
    "RAdam": {"lr": 0.05},
    "Rprop": {},
    "ASGD": {"lr": 0.1, "lambd": 0.0},
    "LBFGS": {},
    "Adafactor": {"lr": 0.1},
}
STEPS = {"LBFGS": 3, "Adafactor": 1600}  # (whose steps are some part of w, 1 / sqrt(t) at most)


@pytest.mark.parametrize("cls", ALL)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), maximize=st.booleans())
def test_convex_problem_converges(cls, seed, maximize):
    """A bowl, steeper in some directions than in others, and round about a random point."""
    rng = np.random.default_rng(seed)
    # Not beside the start, from where there would be nothing to gain.
    minimum = mg.tensor(rng.choice([-1.0, 1.0], 4) * rng.uniform(0.5, 1, 4))
    axes, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    steepness = mg.tensor(axes @ np.diag([0.5, 1.0, 2.0, 3.0]) @ axes.T)
    w = Parameter(mg.zeros(4, dtype=mg.float64))
    maximize = maximize and cls is not optim.LBFGS
    options = SENSIBLE[cls.__name__] | ({"maximize": True} if maximize else {})
    optimizer = cls([w], **options)

    def closure():
        optimizer.zero_grad()
        loss = (w - minimum) @ steepness @ (w - minimum)
        (-loss if maximize else loss).backward()
        return loss

    first = optimizer.step(closure).item()
    for _ in range(STEPS.get(cls.__name__, 400)):
        last = optimizer.step(closure).item()
    assert last < 1e-3 * first
    assert np.abs(w.detach().numpy() - minimum.numpy()).max() < 0.03


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_lbfgs_needs_few_evaluations(line_search):
    """On a bowl in n dimensions, n + 1 iterations lead to the bottom."""
    rng = np.random.default_rng(3)
    steepness = mg.tensor(rng.uniform(0.5, 2.0, 6))
    w = Parameter(mg.tensor(rng.normal(size=6)))
    optimizer = optim.LBFGS([w], line_search_fn=line_search, max_iter=20)

    def closure():
        optimizer.zero_grad()
        loss = (steepness * w * w).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert np.abs(w.detach().numpy()).max() < 1e-4
    assert optimizer.state[w]["func_evals"] <= 22


@given(
    slope=st.floats(-100, -0.01),
    centre=st.floats(0.01, 50),
    waves=st.floats(0, 0.5),
    t=st.floats(1e-3, 100),
)
def test_line_search_fulfils_its_conditions(slope, centre, waves, t):
    """On a parabola with waves, going down at 0."""

    def evaluate(t):
        loss = -slope / (2 * centre) * (t - centre) ** 2 + waves * slope * np.sin(t)
        derivative = -slope / centre * (t - centre) + waves * slope * np.cos(t)
        return Point(t, float(loss), np.array([derivative]), float(derivative))

    calls = []
    start = evaluate(0.0)
    found, evaluations = strong_wolfe(lambda t: calls.append(t) or evaluate(t), start, t, 1.0)
    assert len(calls) == evaluations <= 26
    assert found == evaluate(found.t)
    assert found.loss <= start.loss + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)


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


@pytest.mark.parametrize("cls", ["Adam", "AdamW"])
def test_betas_as_tensors_are_refused_with_foreach(cls):
    betas = (mg.tensor(0.9), mg.tensor(0.99))
    with pytest.raises(ValueError, match=r"betas\[0\] as a Tensor is not supported for capturable"):
        getattr(mg.optim, cls)([mg.ones(2, requires_grad=True)], betas=betas, foreach=True)


def test_adagrad_takes_the_first_sum_from_its_own_option():
    w, v = [mg.tensor([1.0], requires_grad=True) for _ in range(2)]
    groups = [{"params": [w], "initial_accumulator_value": 5.0}]
    optimizer = mg.optim.Adagrad(groups, lr=0.1, initial_accumulator_value=2.0)
    optimizer.add_param_group({"params": [v], "initial_accumulator_value": 7.0})
    (w * w + v * v).sum().backward()
    optimizer.step()
    assert [optimizer.state[p]["sum"].item() for p in (w, v)] == [6.0, 6.0]  # 2 + 2^2


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
def test_a_parameter_that_comes_twice_begins_its_momentum_twice():
    w = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
    optimizer = mg.optim.SGD([w, w], lr=0.1, momentum=0.9)
    for expected in ([0.6, 1.2], [-0.09, -0.18], [-0.7047, -1.4094]):  # PyTorch's, one by one
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        assert w.tolist() == pytest.approx(expected)
