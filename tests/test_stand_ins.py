"""What has nothing to do on a CPU, or is not there: it can be named, and says so when it is used.

`test_compat` goes over the tables; what is here is done with the names.
"""

import warnings

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.compat import (
    amp,
    compiler,
    config,
    futures,
    fx,
    hub,
    initial,
    jit,
    no_effect,
    not_built,
    overrides,
    profiler,
    pytree,
    storage,
    switches,
)

pytestmark = pytest.mark.once  # nothing is computed by kernels


@pytest.fixture
def said():
    """The warnings of a test, and of nothing before it."""
    no_effect._said.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    no_effect._said.clear()


# ------------------------------------------------------------------------------------------------
# Without effect
# ------------------------------------------------------------------------------------------------

IDLE = {
    "torch.jit.script": lambda: jit.script(nn.Linear(1, 1)),
    "torch.jit.trace": lambda: jit.trace(nn.Linear(1, 1), mg.ones(1)),
    "torch.jit.freeze": lambda: jit.freeze(nn.Linear(1, 1)),
    "torch.autocast": lambda: amp.autocast("cuda"),
    "torch.amp.GradScaler": lambda: amp.GradScaler(),
    "torch.profiler.profile": lambda: profiler.profile(),
}


@pytest.mark.parametrize("name", IDLE)
def test_it_says_once_that_it_does_nothing(name, said):
    IDLE[name]()
    IDLE[name]()
    assert [str(w.message).partition(" has no effect")[0] for w in said] == [name]
    assert said[0].filename == __file__


def test_what_is_switched_off_says_nothing(said):
    with amp.autocast("cuda", enabled=False), amp.autocast(False):
        pass
    amp.GradScaler(enabled=False)
    assert not said


def test_jit_gives_back_what_it_gets(said):
    model = nn.Linear(1, 1)
    for same in (jit.script, jit.freeze, jit.export, jit.unused, jit.ignore, jit.interface):
        assert same(model) is model
    assert jit.ignore(drop=True)(model) is model
    assert jit.trace(model, (mg.ones(1),)) is model
    assert jit.annotate(list[int], 3) == jit.Attribute(3, int) == 3
    assert not isinstance(model, jit.ScriptModule)
    assert jit.isinstance([1], list[int])
    assert not jit.isinstance([1], (dict[str, int], int))
    assert jit.wait(jit.fork(lambda a, b: a - b, 5, b=2)) == 3
    assert not jit.is_scripting()
    with pytest.raises(NotImplementedError, match=r"torch\.jit\.save is not in minigrad"):
        jit.save(model, "file")


def test_a_training_step_with_a_scaler_is_one_without(said):
    def trained(scaled):
        mg.manual_seed(0)
        model = nn.Linear(3, 1)
        sgd = mg.optim.SGD(model.parameters(), lr=0.1)
        scaler = amp.GradScaler()
        with amp.autocast("cpu"):
            loss = model(mg.ones(2, 3)).square().sum()
        if scaled:
            scaler.scale(loss).backward()
            scaler.unscale_(sgd)
            scaler.step(sgd)
            scaler.update()
        else:
            loss.backward()
            sgd.step()
        return model.weight.tolist()

    assert trained(True) == trained(False)


@pytest.mark.parametrize("decorate", [amp.custom_fwd, amp.custom_bwd])
def test_custom_rules_stay(decorate):
    def rule():
        pass

    assert decorate(rule) is rule
    assert decorate(device_type="cuda")(rule) is rule


def test_blocks_are_timed(said):
    @profiler.record_function("outer")
    def work():
        with profiler.record_function("inner"):
            pass

    ready = []
    with profiler.profile(on_trace_ready=ready.append) as times:
        work()
        work()
        times.step()
    work()  # not any more
    rows = times.key_averages()
    assert [(name, calls) for name, calls, _ in rows] == [("outer", 2), ("inner", 2)]
    assert "inner" in rows.table(sort_by="cpu_time_total")
    assert ready == [times]


def test_the_compiler_s_switches():
    compiler.config.suppress_errors = True
    assert compiler.config.suppress_errors
    assert compiler.config.anything is None
    assert compiler.disable(len) is len
    assert compiler.disable(recursive=False)(len) is len
    assert compiler.compile is mg.compile


def test_switches_remember():
    switches.use_deterministic_algorithms(True)
    assert switches.are_deterministic_algorithms_enabled()
    assert switches.get_deterministic_debug_mode() == 2
    switches.set_deterministic_debug_mode("default")
    assert not switches.are_deterministic_algorithms_enabled()
    switches.set_float32_matmul_precision("high")
    assert switches.get_float32_matmul_precision() == "high"
    with pytest.raises(RuntimeError, match="'highest', 'high', 'medium'"):
        switches.set_float32_matmul_precision("low")
    switches.set_float32_matmul_precision("highest")
    assert switches.typename(mg.ones(1)) == "torch.FloatTensor"
    assert switches.typename(3) == "int"


@pytest.mark.parametrize("form", ["torch.DoubleTensor", "FloatTensor", mg.DoubleTensor])
def test_the_default_type_by_its_old_name(form):
    with pytest.warns(UserWarning, match="deprecated"):
        switches.set_default_tensor_type(form)
    found = mg.get_default_dtype()
    mg.set_default_dtype(mg.float32)
    assert (found is mg.float64) is ("Double" in str(form))
    with (
        pytest.raises(TypeError, match="LongTensor"),
        pytest.warns(UserWarning, match="deprecated"),
    ):
        switches.set_default_tensor_type("torch.LongTensor")


def test_initial_values_under_old_names():
    for name in initial.__all__:
        assert hasattr(nn.init, f"{name}_")
    with pytest.warns(FutureWarning, match=r"`nn.init.constant_`"):
        assert initial.constant(mg.empty(2), 3).tolist() == [3.0, 3.0]


# ------------------------------------------------------------------------------------------------
# Values that come later
# ------------------------------------------------------------------------------------------------


def test_futures():
    future, other = futures.Future(), futures.Future()
    both, called = futures.collect_all([future, other]), []
    future.add_done_callback(called.append)
    after = future.then(lambda f: f.value() + 1)
    wrong = future.then(lambda f: 1 / 0)
    with pytest.raises(RuntimeError, match="set_result"):
        future.wait()
    future.set_result(4)
    assert (future.wait(), after.wait(), called, both.done()) == (4, 5, [future], False)
    with pytest.raises(ZeroDivisionError):
        wrong.wait()
    with pytest.raises(RuntimeError, match="only once"):
        future.set_result(5)
    other.set_exception(KeyError("x"))
    assert both.done()
    with pytest.raises(KeyError):
        futures.wait_all([future, other])
    with pytest.raises(TypeError, match="exception"):
        futures.Future().set_exception(3)
    assert futures.collect_all([]).wait() == []


# ------------------------------------------------------------------------------------------------
# Not there
# ------------------------------------------------------------------------------------------------


def test_layers_for_pictures_can_be_named_and_not_built():
    class Mine(not_built.Conv2d):
        def __init__(self):
            super().__init__(1, 2, 3)

    for make in (lambda: not_built.MaxPool2d(2), Mine):
        with pytest.raises(
            NotImplementedError, match=r"^nn\.(MaxPool2d|Conv2d) is not in minigrad"
        ):
            make()
    assert not isinstance(nn.Linear(1, 1), not_built.Conv2d)
    with pytest.raises(NotImplementedError, match=r"^torch\.nn\.functional\.conv2d is not"):
        not_built.conv2d(mg.ones(1, 1, 2, 2), mg.ones(1, 1, 1, 1))
    with pytest.raises(NotImplementedError, match=r"^torch\.hub\.load is not"):
        hub.load("owner/repository", "model")
    with pytest.raises(NotImplementedError, match=r"^torch\.fx\.symbolic_trace is not"):
        fx.Tracer()


def test_devices_are_values(tmp_path):
    for name in ("cuda", "cuda:1", "meta", "mps", "cpu:0"):
        assert str(mg.device(name)) == name
    assert mg.device("cuda", 1) == mg.device("cuda:1")
    assert mg.device("cuda") != mg.device("cuda:0")
    for wrong, words in (("gpu", "at start of device string: gpu"), ("cuda:x", "Invalid device")):
        with pytest.raises(RuntimeError, match=words):
            mg.device(wrong)
    with pytest.raises(RuntimeError, match="Cannot access accelerator"):
        mg.device(0)
    with mg.device("cpu"):
        pass
    for use in (
        lambda: mg.zeros(2, device="cuda"),
        lambda: mg.ones(2).to("cuda:0"),
        lambda: nn.LSTM(2, 3, device=mg.device("cuda")),
        lambda: nn.Linear(2, 3).to(mg.device("cuda")),
    ):
        with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
            use()
    with pytest.raises(RuntimeError, match="device 'meta' is not available"):
        mg.zeros(2, device="meta")


def test_memory_formats_are_values():
    x = mg.ones(1, 2, 3, 4)
    for form in (mg.contiguous_format, mg.preserve_format, mg.channels_last):
        assert repr(form).startswith("torch.")
        assert x.to(memory_format=form).shape == x.shape
        assert mg.ones_like(x, memory_format=form).shape == x.shape
        assert mg.full_like(x, 2.0, memory_format=form).shape == x.shape


# ------------------------------------------------------------------------------------------------
# The rest
# ------------------------------------------------------------------------------------------------


def test_trees():
    from collections import OrderedDict, defaultdict, deque, namedtuple

    Point = namedtuple("Point", "x y")
    tree = [
        {"a": 1, "b": (2, [3])}, Point(4, None), OrderedDict(c=5), deque([6], maxlen=2),
        defaultdict(list, d=7),
    ]  # fmt: skip
    leaves, spec = pytree.tree_flatten(tree)
    assert leaves == [1, 2, 3, 4, None, 5, 6, 7]
    assert spec.num_leaves == 8
    assert pytree.tree_unflatten(leaves, spec) == tree
    doubled = pytree.tree_map_only(int, lambda n: 2 * n, tree)
    assert pytree.tree_leaves(doubled) == [2, 4, 6, 8, None, 10, 12, 14]
    assert [type(part) for part in doubled] == [type(part) for part in tree]
    assert pytree.tree_map(lambda a, b: a + b, [1, (2,)], [3, (4,)]) == [4, (6,)]
    assert pytree.tree_leaves([(1, 2), 3], is_leaf=lambda t: type(t) is tuple) == [(1, 2), 3]
    assert pytree.tree_all(lambda n: n > 0, [1, [2]])
    assert not pytree.tree_any(lambda n: n > 2, [1, [2]])
    with pytest.raises(ValueError, match="has length 1 but the spec"):
        pytree.tree_unflatten([1], spec)


def test_classes_with_functions_of_their_own():
    class Like:
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return function.__name__, types, args, kwargs

    like = Like()
    assert overrides.is_tensor_like(like)
    assert overrides.is_tensor_like(mg.ones(1))
    assert not overrides.is_tensor_like(1.0)
    assert overrides.has_torch_function_variadic(1, like)
    assert not overrides.has_torch_function((1, mg.ones(1)))
    assert overrides.handle_torch_function(len, (like,), 1, a=2) == ("len", (Like,), (1,), {"a": 2})
    with pytest.raises(TypeError, match="no implementation found for 'len'"):
        overrides.handle_torch_function(len, (1,))


def test_memory_of_a_file(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(8)))
    found = storage.UntypedStorage.from_file(str(path), shared=False, nbytes=8)
    assert found.nbytes() == 8
    assert found[2:4].tolist() == [2, 3]
    found[0] = 9
    assert path.read_bytes()[0] == 0  # not shared
    shared = storage.UntypedStorage.from_file(str(path), shared=True, nbytes=8)
    shared[0] = 9
    shared.array.flush()
    assert path.read_bytes()[0] == 9
    assert mg.ones(2).storage().untyped().nbytes() == 8


def test_the_configuration_is_a_text(capsys):
    mg.show_config()
    assert config.show() == capsys.readouterr().out


def test_old_calls_with_factors_in_front():
    x, y, m = mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0]), mg.ones(2, 2)
    pairs = [
        (lambda: x.add(0.5, y), x.add(y, alpha=0.5)),
        (lambda: x.clone().add_(0.5, y), x.add(y, alpha=0.5)),
        (lambda: mg.sub(x, 0.5, y), x.sub(y, alpha=0.5)),
        (lambda: x.add(2, 3), x.add(3, alpha=2)),
        (lambda: mg.addcmul(x, 0.5, x, y), x.addcmul(x, y, value=0.5)),
        (lambda: x.clone().addcdiv_(-0.5, x, y), x.addcdiv(x, y, value=-0.5)),
        (lambda: mg.addmm(0.5, m, m, m), mg.addmm(m, m, m, beta=0.5)),
        (lambda: m.addmm(0.5, 2, m, m), mg.addmm(m, m, m, beta=0.5, alpha=2)),
        (lambda: mg.addmm(0.5, m, 2, m, m), mg.addmm(m, m, m, beta=0.5, alpha=2)),
    ]
    for old, new in pairs:
        with pytest.warns(UserWarning, match="deprecated: give .* by name") as caught:
            assert mg.equal(old(), new)
        assert caught[0].filename == __file__
    for wrong in (lambda: x.addcmul(x, y, 0.5), lambda: x.add(1, 2, 3), lambda: mg.mul(x, 2, y)):
        with pytest.raises(TypeError):
            wrong()


def test_bytes_are_numbers_of_another_type():
    x = mg.tensor([1.0, 2.0])
    seen = x.view(mg.int32)
    assert seen.tolist() == [0x3F800000, 0x40000000]
    assert x.view(dtype=mg.int16).shape == (4,)
    seen[0] = 0
    assert x.tolist() == [0.0, 2.0]
    assert x._version == 1
    with pytest.raises(RuntimeError, match=r"view\(dtype\): .* shape \[3\]"):
        mg.ones(3).view(mg.float64)
    buffer = bytearray([1, 0, 2, 0])
    numbers = mg.frombuffer(buffer, dtype=mg.int16)
    buffer[0] = 3
    assert numbers.tolist() == [3, 2]
    assert mg.frombuffer(buffer, dtype=mg.int16, count=1, offset=2).tolist() == [2]
    with pytest.warns(UserWarning, match="not writable"):
        mg.frombuffer(b"\1\0", dtype=mg.int16)
