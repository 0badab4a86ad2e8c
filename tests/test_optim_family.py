"""What holds for every optimizer there is: members are found, not listed.

A new optimizer is tested by existing, and has to say here what its own options may be.
`Minimal` is among them: an optimizer as somebody writes it who knows of no option but ``lr``.
What is true of one optimizer alone, and the numbers of PyTorch, are in `test_optim.py`.
"""

import copy
import inspect
import pickle
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.nn.parameter import Parameter
from minigrad.optim import Optimizer, per_parameter
from minigrad.optim.per_parameter import PerParameter


class Minimal(PerParameter):
    """The least that an optimizer can be."""

    def __init__(self, params, lr=0.25):
        super().__init__(params, {"lr": lr})

    def _update(self, param, grad, state, step, lr, group):
        param -= lr * grad


PUBLIC = [
    cls
    for cls in vars(optim).values()
    if isinstance(cls, type) and issubclass(cls, Optimizer) and cls is not Optimizer
]
MEMBERS = [*PUBLIC, Minimal]
SHARED = {"foreach": None, "maximize": False, "differentiable": False}  # what nobody needs to name


def options_of(cls):
    """The options that the class names, with their defaults."""
    parameters = list(inspect.signature(cls).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in parameters}


def variants(cls):
    """Options to try a member with: none, then each switch and each number that is off by default.

    What no rule finds out is added by hand.
    """
    by_hand = {
        "ASGD": [{"t0": 1}],
        "LBFGS": [{"max_iter": 1, "max_eval": 4, "line_search_fn": "strong_wolfe"}],
        "RMSprop": [{"centered": True, "momentum": 0.5}],
    }
    yield {}
    for name, default in options_of(cls).items():
        if name in ("maximize", "differentiable", "capturable"):
            continue  # have tests of their own
        if default is False:
            yield {name: True} | ({"momentum": 0.5} if name == "nesterov" else {})
        elif default == 0:
            yield {name: 0.5}
    yield from by_hand.get(cls.__name__, [])


def label(value):
    return value.__name__ if isinstance(value, type) else str(value)


def having(*options, public=False):
    """Parametrize over the members whose groups have some options."""
    members = [
        cls
        for cls in (PUBLIC if public else MEMBERS)
        if {*options} <= cls(parameters()).defaults.keys()
    ]
    assert members
    return pytest.mark.parametrize("cls", members, ids=label)


def parameters(dtype="float32"):
    """Of several shapes, one of them without an axis, and one without an entry."""
    values = [[[1.0, -2.0, 0.5], [0.25, 3.0, -1.5]], [0.75, -0.5], 2.0, []]
    return [Parameter(mg.tensor(np.array(v, dtype))) for v in values]


every = pytest.mark.parametrize("cls", MEMBERS, ids=label)
every_variant = pytest.mark.parametrize(
    ("cls", "options"), [(cls, o) for cls in MEMBERS for o in variants(cls)], ids=label
)
one_by_one = pytest.mark.parametrize(
    "cls", [cls for cls in MEMBERS if issubclass(cls, PerParameter)], ids=label
)


def closure_for(optimizer, params, sign=1.0, decay=0.0):
    """Computes `sign` times a loss with its bottom beside 0, plus a decay of the weights."""

    def closure():
        optimizer.zero_grad()
        loss = sum(((p - 0.25) ** 2).sum() + 0.1 * (p**4).sum() for p in params) * sign
        if decay:
            loss = loss + decay / 2 * sum((p * p).sum() for p in params)
        loss.backward()
        return loss

    return closure


def train(optimizer, params, steps=4, **options):
    closure = closure_for(optimizer, params, **options)
    for _ in range(steps):
        optimizer.step(closure)


def trained(cls, options, steps=4, dtype="float32", **more):
    """The parameters after some steps."""
    params = parameters(dtype)
    train(cls(params, **options), params, steps, **more)
    return params


def same(params, others):
    """Whether two lists of tensors are equal, bit by bit."""
    pairs = list(zip(params, others, strict=True))
    return all(
        a.dtype is b.dtype and a.numpy().tobytes() == b.numpy().tobytes()
        for a, b in ((p.detach(), q.detach()) for p, q in pairs)
    )


def plain(value):
    """A state dict as lists, in which order, types and bits show."""
    if isinstance(value, mg.Tensor):
        return str(value.dtype), value.shape, value.detach().numpy().tobytes()
    if isinstance(value, dict):
        return [(key, plain(inner)) for key, inner in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(inner) for inner in value]
    return type(value).__name__, value


def tensors_in(value):
    """All tensors in a state."""
    if isinstance(value, mg.Tensor):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(inner)


def test_all_optimizers_are_members():
    found, left = set(), [Optimizer]
    while left:
        subclasses = left.pop().__subclasses__()
        left += subclasses
        found |= {cls for cls in subclasses if cls.__module__.startswith("minigrad.")}
    assert found - {PerParameter} == set(PUBLIC)
    assert {cls.__name__ for cls in PUBLIC} < set(optim.__all__)
    others = {cls for cls in PUBLIC if not issubclass(cls, PerParameter)}
    assert others == {optim.Adafactor, optim.LBFGS}


@every
def test_the_shared_options_are_there_whoever_names_them(cls):
    optimizer = cls(parameters())
    for options in (optimizer.defaults, *optimizer.param_groups):
        expected = (SHARED if issubclass(cls, PerParameter) else {}) | options_of(cls)
        expected.pop("max_eval", None)  # follows from another option
        assert {name: options.get(name, "left out") for name in expected} == expected


# -- training ------------------------------------------------------------------------------------


@every_variant
def test_the_loss_goes_down(cls, options):
    params = parameters()
    optimizer = cls(params, **options)
    closure = closure_for(optimizer, params)
    losses = [optimizer.step(closure).item() for _ in range(8)]
    assert losses[-1] < losses[0]
    assert not any(same([p], [q]) for p, q in zip(params[:3], parameters()))


@having("maximize")
def test_maximizing_is_minimizing_the_opposite(cls):
    down, up = parameters(), parameters()
    train(cls(down), down)
    optimizer = cls([{"params": up, "maximize": True}])
    train(optimizer, up, sign=-1.0)
    assert same(down, up)


@every_variant
def test_a_closure_gives_the_loss_and_records(cls, options):
    params = parameters()
    optimizer = cls(params, **options)
    inner, losses = closure_for(optimizer, params), []

    def closure():
        assert mg.is_grad_enabled()
        losses.append(inner())
        return losses[-1]

    with mg.no_grad():
        assert optimizer.step(closure) is losses[0]
        assert not mg.is_grad_enabled()
    if issubclass(cls, PerParameter):
        assert len(losses) == 1
        others = parameters()
        other = cls(others, **options)
        closure_for(other, others)()
        assert other.step() is None  # with gradients that are there already
        assert same(params, others)


@every
def test_zero_gradients_move_nothing(cls):
    decays = {name: 0 for name in ("weight_decay", "lambd") if name in options_of(cls)}
    params = parameters()
    optimizer = cls(params, **decays)

    def closure():
        for p in params:
            p.grad = mg.zeros_like(p)
        return 0.0

    for _ in range(3):
        optimizer.step(closure)
    assert same(params, parameters())
    for t in tensors_in(dict(optimizer.state)):
        assert np.isfinite(t.numpy()).all()


@every
def test_parameters_without_gradients_stay(cls):
    params, frozen = parameters(), parameters()
    optimizer = cls(params + frozen)
    remembered = [p for p in frozen if p in optimizer.state]
    train(optimizer, params)
    assert same(frozen, parameters())
    assert [p for p in frozen if p in optimizer.state] == remembered
    assert same(params, trained(cls, {}))
    if issubclass(cls, PerParameter):
        assert [p._version for p in frozen] == [0] * len(frozen)


@one_by_one
def test_a_step_counts_as_a_change_in_place(cls, level):
    p = parameters()[0]
    loss = (p * p).sum()
    p.grad, version = mg.ones_like(p), p._version
    cls([p]).step()
    assert p._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# -- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@every_variant
def test_the_dtype_of_a_parameter_is_that_of_its_state(cls, options, dtype):
    params = parameters(dtype)
    optimizer = cls(params, lr=0.01, **options)
    train(optimizer, params)
    assert {p.dtype for p in params} == {getattr(mg, dtype)}
    counters = {mg.float32, getattr(mg, dtype)}
    for t in tensors_in(dict(optimizer.state)):
        assert t.dtype in (counters if t.ndim == 0 else {getattr(mg, dtype)})
        assert not t.requires_grad


@one_by_one
def test_layout_does_not_matter(cls):
    values = np.random.default_rng(0).normal(size=(3, 4))
    straight = Parameter(mg.from_numpy(values.copy()))
    strided = Parameter(mg.from_numpy(np.repeat(values, 2, axis=-1)[:, ::2]))
    assert not strided.array.flags.c_contiguous
    for p in (straight, strided):
        train(cls([p]), [p], 8)
    np.testing.assert_allclose(strided.detach().numpy(), straight.detach().numpy(), rtol=1e-13)


@one_by_one
def test_half_precision(cls):
    # So large an eps is not lost among halves.
    options = {"lr": 0.05} | ({"eps": 1e-3} if "eps" in options_of(cls) else {})
    halves, doubles = [trained(cls, options, 20, dtype) for dtype in ("float16", "float64")]
    for p, q in zip(halves, doubles, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=0.05)


@one_by_one
def test_a_large_parameter_is_like_a_small_one(cls):
    """Each entry goes its own way, also where a parameter is worked on in blocks."""
    values = np.random.default_rng(0).normal(size=(3, per_parameter.BLOCK // 2))
    large, small = Parameter(mg.tensor(values)), Parameter(mg.tensor(values[:, -4:].copy()))
    for p in (large, small):
        train(cls([p]), [p], 8)
    np.testing.assert_allclose(large[:, -4:].detach().numpy(), small.detach().numpy(), rtol=1e-14)


@pytest.mark.parametrize("name", ["foreach", "capturable", "fused"])
def test_options_for_scripts_change_nothing(name):
    members = [cls for cls in MEMBERS if name in options_of(cls)]
    assert members
    for cls in members:
        assert same(trained(cls, {name: True}), trained(cls, {}))


# -- weight decay --------------------------------------------------------------------------------

# (Adafactor's step is larger for larger parameters, so that it depends on the decay otherwise.)
DECAYING = [
    (cls, decoupled)
    for cls in MEMBERS
    if "weight_decay" in options_of(cls) and cls is not optim.Adafactor
    for decoupled in (
        (False, True)
        if "decoupled_weight_decay" in options_of(cls)
        else (cls(parameters()).defaults.get("decoupled_weight_decay", False),)
    )
]
decaying = pytest.mark.parametrize(("cls", "decoupled"), DECAYING, ids=label)


def decay_options(cls, decoupled, weight_decay):
    named = (
        {"decoupled_weight_decay": decoupled} if "decoupled_weight_decay" in options_of(cls) else {}
    )
    return {"lr": 0.05, "weight_decay": weight_decay, **named}


@decaying
def test_weight_decay_is_what_it_says(cls, decoupled):
    """The gradient of half the square; or, decoupled, a shrinking of the parameter itself."""
    assert len(DECAYING) > 8
    decayed = trained(cls, decay_options(cls, decoupled, 0.1), 6, "float64")
    expected = parameters("float64")
    optimizer = cls(expected, **decay_options(cls, decoupled, 0))
    if decoupled:
        closure = closure_for(optimizer, expected)
        for _ in range(6):
            closure()
            for p in expected:
                p.data.mul_(1 - 0.05 * 0.1)
            optimizer.step()
    else:
        train(optimizer, expected, 6, decay=0.1)
    for p, q in zip(decayed, expected, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11)
    assert not same(decayed[:3], trained(cls, decay_options(cls, decoupled, 0), 6, "float64")[:3])


@decaying
def test_no_weight_decay_leaves_the_parameter_out_of_it(cls, decoupled, level):
    p = Parameter(mg.tensor([np.inf, 1.0]))
    q = Parameter(mg.tensor([2.0, 1.0]))
    for one in (p, q):
        optimizer = cls([one], **decay_options(cls, decoupled, 0))
        for _ in range(3):
            one.grad = mg.tensor([0.5, 0.5])
            optimizer.step()
    assert p.tolist() == [np.inf, q.tolist()[1]]


@decaying
def test_a_weight_decay_may_be_a_tensor(cls, decoupled):
    numbers = trained(cls, decay_options(cls, decoupled, 0.125))
    assert same(trained(cls, decay_options(cls, decoupled, mg.tensor(0.125))), numbers)
    assert not same(numbers[:1], trained(cls, decay_options(cls, decoupled, 0))[:1])


# -- groups and learning rates -------------------------------------------------------------------


@every
def test_groups_are_like_optimizers_of_their_own(cls):
    params = parameters()
    groups = [{"params": params[:2], "lr": 0.05}, {"params": params[2:]}]
    if cls is optim.LBFGS:
        with pytest.raises(ValueError, match="parameter groups"):
            cls(groups)
        return
    optimizer = cls(groups[:1], lr=0.01)
    optimizer.add_param_group(groups[1])
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.01]
    assert list(optimizer.param_groups[0]) != []
    assert set(optimizer.param_groups[0]) == set(optimizer.param_groups[1])
    train(optimizer, params)
    others = parameters()
    for part, lr in ((others[:2], 0.05), (others[2:], 0.01)):
        train(cls(part, lr=lr), part)
    assert same(params, others)


@every
def test_options_of_a_group_that_nobody_knows_are_kept_and_do_nothing(cls):
    params = parameters()
    strange = {"strange": 5} | ({} if "weight_decay" in options_of(cls) else {"weight_decay": 0.5})
    optimizer = cls([{"params": params, **strange}])
    train(optimizer, params)
    assert same(params, trained(cls, {}))
    assert strange.items() <= optimizer.state_dict()["param_groups"][0].items()


@every
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_learning_rate_may_be_a_tensor(cls, shape):
    params, others = parameters(), parameters()
    lr = mg.full(shape, 0.125)
    one, two = cls(params, lr=lr), cls(others, lr=0.125)
    for _ in range(3):
        train(one, params, 1)
        train(two, others, 1)
        lr /= 2  # counts, as the optimizer has the tensor itself
        two.param_groups[0]["lr"] /= 2
    assert same(params, others)
    assert not same(params[:3], parameters()[:3])


# -- saving and loading --------------------------------------------------------------------------


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))


copied = pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle], ids=["copy", "pickle"])


@copied
@every_variant
def test_a_state_dict_is_all_that_is_needed_to_go_on(cls, options, copied):
    params = parameters()
    optimizer = cls(params, **options)
    train(optimizer, params, 3)
    state = copied(optimizer.state_dict())
    assert plain(state) == plain(optimizer.state_dict())
    others = [Parameter(p.detach().clone()) for p in params]
    other = cls(others)  # the options are in the state dict
    other.load_state_dict(state)
    assert plain(other.state_dict()) == plain(state)
    train(other, others, 3)
    assert same(others, trained(cls, options, 6))
    assert plain(state) == plain(optimizer.state_dict())  # nothing is shared
    train(optimizer, params, 3)
    assert same(others, params)


@copied
@every_variant
def test_a_copy_goes_its_own_way(cls, options, copied):
    params = parameters()
    optimizer = cls(params, **options)
    train(optimizer, params, 3)
    other = copied(optimizer)
    others = other.param_groups[0]["params"]
    assert same(others, params)
    assert not any(p is q for p, q in zip(params, others))
    assert plain(other.state_dict()) == plain(optimizer.state_dict())
    assert repr(other) == repr(optimizer)
    train(other, others, 3)
    assert same(others, trained(cls, options, 6))
    assert same(params, trained(cls, options, 3))


# Options that came later; and what was done before, unless the class says something else.
BEFORE = {
    "foreach": None, "maximize": False, "differentiable": False, "capturable": False, "fused": None,
    "amsgrad": False, "nesterov": False, "decoupled_weight_decay": False, "centered": False,
}  # fmt: skip


@pytest.mark.parametrize("whole", [False, True], ids=["state dict", "pickle"])
@every
def test_states_from_before_an_option_existed(cls, whole):
    params = parameters()
    optimizer = cls(params)
    train(optimizer, params, 2)
    new = optimizer.param_groups[0]
    old = copy.deepcopy(optimizer.__getstate__() if whole else optimizer.state_dict())
    for options in (old.get("defaults", {}), *old["param_groups"]):
        for name in BEFORE:
            options.pop(name, None)
    if whole:
        other = cls.__new__(cls)
        other.__setstate__(old)
        others = other.param_groups[0]["params"]
    else:
        others = [Parameter(p.detach().clone()) for p in params]
        switched_on = {k: True for k in ("amsgrad", "centered", "maximize") if k in options_of(cls)}
        other = cls(others, **switched_on)
        other.load_state_dict(old)
    loaded = other.param_groups[0]
    assert {k: v for k, v in loaded.items() if k != "params"} == {
        k: v for k, v in new.items() if k != "params"
    }
    own = [base.__dict__.get("_later_options", {}) for base in reversed(cls.__mro__)]
    expected = BEFORE | {k: v for options in own for k, v in options.items() if k in BEFORE}
    assert {k: loaded[k] for k in BEFORE if k in loaded} == {
        k: v for k, v in expected.items() if k in new
    }
    train(other, others, 2)
    assert same(others, trained(cls, {}))


@every
def test_what_a_state_dict_leaves_out_is_as_it_was(cls):
    params = parameters()
    optimizer = cls(params)
    optimizer.load_state_dict({"state": {}, "param_groups": [{"lr": 0.125, "params": [*range(4)]}]})
    train(optimizer, params)
    assert same(params, trained(cls, {"lr": 0.125}))


@every_variant
def test_states_that_count_with_plain_numbers(cls, options):
    params = parameters()[:2]  # each has an axis: in their states, what has none is a counter
    optimizer = cls(params, **options)
    train(optimizer, params, 2)
    counters = [r["step"].item() for r in optimizer.state.values() if "step" in r]
    assert counters in ([2.0, 2.0], [])
    old = copy.deepcopy(optimizer.state_dict())
    if issubclass(cls, PerParameter):
        for remembered in old["state"].values():
            for name, value in remembered.items():
                if value.ndim == 0:
                    remembered[name] = value.item()
    other = cls([Parameter(p.detach().clone()) for p in params], **options)
    other.load_state_dict(old)
    assert plain(other.state_dict()) == plain(optimizer.state_dict())


# -- words ---------------------------------------------------------------------------------------

nan = float("nan")

# Options by their limits: values outside, and what the error says, which is the option's name or,
# as in PyTorch, the notion.
LIMITED = {
    "lr": ([-1, nan, mg.tensor(-0.5)], "Invalid learning rate: "),
    "eps": ([-1e-8, nan], "Invalid epsilon value: "),
    "betas": ([(1.0, 0.9), (-0.1, 0.9), (nan, 0.9)], "Invalid beta parameter at index 0: "),
    "weight_decay": ([-1, nan], "Invalid weight_decay value: "),
    "momentum": ([-1], "Invalid momentum value: "),
    "rho": ([-0.5, 2, nan], "Invalid rho value: "),
    "lr_decay": ([-1, nan], "Invalid lr_decay value: "),
    "initial_accumulator_value": ([-1, nan], "Invalid initial_accumulator_value value: "),
    "momentum_decay": ([-1, nan], "Invalid momentum_decay value: "),
    "etas": ([(1.5, 1.2), (0.0, 1.2), (0.5, 1.0)], "Invalid eta values: "),
    "nesterov": ([True], "Nesterov momentum requires a momentum and zero dampening"),
}
LIMITED_OF = {  # where they are other ones
    "Adafactor": {
        "lr": ([-1, nan, mg.tensor(-0.5)], "Learning rate should be >= 0 but is: "),
        "eps": ([(-1e-8, 1.0), (nan, 1.0), (None, -1.0)], "epsilon[12] should be >= 0 but is: "),
        "weight_decay": ([-1, nan], "weight_decay should be >= 0 but is: "),
        "beta2_decay": ([0.1, nan], "beta2_decay should be <= 0 but is: "),
        "d": ([0.5, nan], "Clipping threshold d should be >= 1 but is: "),
    }
}
# Those without: switches, and numbers that mean something whatever they are, or that PyTorch takes.
UNLIMITED = {
    "maximize", "foreach", "differentiable", "capturable", "fused", "amsgrad", "centered",
    "decoupled_weight_decay", "dampening", "step_sizes", "lambd", "alpha", "t0", "max_iter",
    "max_eval", "tolerance_grad", "tolerance_change", "history_size", "line_search_fn",
}  # fmt: skip


@every
def test_options_out_of_their_range(cls):
    limited = LIMITED | LIMITED_OF.get(cls.__name__, {})
    assert options_of(cls).keys() <= limited.keys() | UNLIMITED, "say which values a new option has"
    for name in options_of(cls).keys() & limited.keys():
        values, words = limited[name]
        for value in values:
            with pytest.raises(ValueError, match=words):
                cls(parameters(), **{name: value})
    with pytest.raises(ValueError, match=r"Tensor lr must be 1-element, but it has shape .*\[2\]"):
        cls(parameters(), lr=mg.ones(2))
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'learning_rate'.*'lr'"):
        cls(parameters(), learning_rate=0.5)


@having("differentiable")
def test_steps_are_not_differentiated(cls):
    params = parameters()
    optimizer = cls([{"params": params, "differentiable": True}])
    optimizer.step()  # without a gradient there is nothing to differentiate
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        train(optimizer, params)
    optimizer.param_groups[0]["foreach"] = True
    with pytest.raises(AssertionError, match="_foreach ops don't support autograd"):
        optimizer.step()
    assert same(params, parameters())


@having("fused", public=True)
def test_what_does_not_go_together_with_fused(cls):
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        cls(parameters(), fused=True, differentiable=True)
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        cls(parameters(), fused=True, foreach=True)


@every
def test_parameters_that_are_none(cls):
    with pytest.raises(TypeError, match="iterable of Tensors or dicts"):
        cls(mg.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        cls([])
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is int"):
        cls([5])
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        cls([2 * parameters()[0]])


@every
def test_duplicates_warn_where_the_optimizer_is_made(cls):
    p = parameters()[0]
    with pytest.warns(UserWarning, match="duplicate parameters") as caught:
        cls([p, p])
    # The line that makes the optimizer; of Minimal, that in its own __init__.
    assert [w.filename for w in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cls([p])


@every
def test_its_text_has_all_options(cls):
    optimizer = cls(parameters())
    group = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
    lines = [f"    {name}: {group[name]}" for name in sorted(group)]
    assert repr(optimizer) == "\n".join([f"{cls.__name__} (", "Parameter Group 0", *lines, ")"])
    assert options_of(cls).keys() <= group.keys()


@pytest.mark.parametrize("cls", PUBLIC, ids=label)
def test_its_help_describes_all_options(cls):
    text = inspect.getdoc(cls)
    section = text.partition("\nParameters\n----------\n")[2].partition("\n\n")[0]
    entries = [line.partition(" : ")[0] for line in section.splitlines() if line[:1] != " "]
    assert entries == ["params", *options_of(cls)]
    for entry in section.replace("\n    ", " ").splitlines()[1:]:
        name, _, meaning = entry.partition(" : ")
        assert "Default: " in meaning, name
    for heading in ("Raises", "References", "Examples"):
        assert text.count(f"\n{heading}\n{'-' * len(heading)}\n") == 1
