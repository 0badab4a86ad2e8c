"""Names for old and foreign scripts: where they are, and where they are not.

What they answer is compared with PyTorch in ``tests/scripts/old_names.py``, which `test_run` runs.
"""

import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.compat import (
    attention,
    clip_grad,
    cuda,
    legacy,
    names,
    onnx,
    parallel,
    random,
    rooms,
)

TYPES = {
    "HalfTensor": "float16", "FloatTensor": "float32", "DoubleTensor": "float64",
    "LongTensor": "int64",
    "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8",
    "BoolTensor": "bool",
}  # fmt: skip


def fresh(code):
    """What `code` prints in a new Python."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(mg.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


# ------------------------------------------------------------------------------------------------
# Where the names are
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names.__all__)
def test_minigrad_finds_what_compat_has(name):
    assert getattr(mg, name) is getattr(names, name)
    assert name not in vars(mg)
    assert name not in dir(mg)


def test_compat_is_loaded_when_a_name_needs_it():
    loaded = "any(name.startswith('minigrad.compat') for name in sys.modules)"
    code = f"import minigrad, sys; print({loaded}); minigrad.LongTensor; print({loaded})"
    assert fresh(code).split() == ["False", "True"]
    assert fresh("from minigrad import cuda; print(cuda.is_available())") == "False"


@pytest.mark.parametrize("name", ["Foo", "foo", "_foo", "__foo__", "legacy", "rooms"])
def test_other_names_are_missing(name):
    with pytest.raises(AttributeError, match=f"module 'minigrad' has no attribute '{name}'"):
        getattr(mg, name)


def test_the_core_lists_none_of_it():
    for module in (nn, nn.utils, mg.autograd, mg.optim):
        listed = set(dir(module))
        assert not listed & {*names.__all__, *attention.__all__}
        assert not listed & {"DataParallel", "Variable", "clip_grad_norm"}


# ------------------------------------------------------------------------------------------------
# Rooms
# ------------------------------------------------------------------------------------------------


def room(name):
    made = rooms.Room(name)
    made.furnish()
    return made


@pytest.mark.parametrize("name", rooms.ROOMS)
def test_rooms_have_what_their_modules_list(name):
    made = room(name)
    for source in rooms.ROOMS[name]:
        module = importlib.import_module(f"minigrad.{source}".rstrip("."))
        for listed in getattr(module, "__all__", ()):
            if not isinstance(getattr(module, listed), type(mg)):
                assert hasattr(made, listed)
    assert not [n for n, value in vars(made).items() if isinstance(value, type(mg))]
    assert not {"np", "Any", "annotations", "math", "warnings"} & set(dir(made))


def test_every_room_is_inside_another():
    for name in rooms.ROOMS:
        parent, _, last = name.rpartition(".")
        assert not parent or parent in rooms.ROOMS
        assert not parent or last in dir(room(parent))


def test_the_first_module_of_a_row_wins(monkeypatch):
    for row, source in ((("nn", "optim"), nn), (("optim", "nn"), mg.optim)):
        monkeypatch.setitem(rooms.ROOMS, "torch.nn", row)
        monkeypatch.setattr(nn, "both", "nn", raising=False)
        monkeypatch.setattr(mg.optim, "both", "optim", raising=False)
        monkeypatch.setattr(nn, "__all__", [*nn.__all__, "both"])
        monkeypatch.setattr(mg.optim, "__all__", [*mg.optim.__all__, "both"])
        assert room("torch.nn").both == source.both
        monkeypatch.undo()


def test_rooms_leave_private_names_of_others_alone():
    made = room("torch.nn.modules.rnn")
    assert made.LSTM is nn.LSTM
    assert made.GRUCell is nn.GRUCell
    assert not {"Module", "Parameter", "empty", "dropout"} & set(dir(made))
    assert room("torch.optim.lr_scheduler")._LRScheduler is mg.optim.lr_scheduler.LRScheduler


def test_a_function_stays_where_a_module_of_its_name_is_imported():
    made = room("torch.autograd")
    made.gradcheck = rooms.Room("torch.autograd.gradcheck")
    assert made.gradcheck is mg.autograd.gradcheck
    made.gradcheck = 3  # but scripts may set what they want
    assert made.gradcheck == 3


def test_a_room_has_its_own_error():
    with pytest.raises(AttributeError, match=r"^module 'torch.nn' has no attribute 'Foo'.*READ"):
        _ = room("torch.nn").Foo
    with pytest.raises(AttributeError, match=r"^module 'torch.nn' has no attribute '__wrapped__'$"):
        _ = room("torch.nn").__wrapped__


# ------------------------------------------------------------------------------------------------
# Old tensors
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "dtype"), TYPES.items())
def test_typed_constructors(name, dtype):
    make = getattr(mg, name)
    assert str(make([1, 0]).dtype) == f"torch.{dtype}"
    assert make([1, 0]).tolist() == [1, 0]
    assert make(2, 3).shape == (2, 3)
    assert make().shape == (0,)
    for other, its_dtype in TYPES.items():
        value = mg.zeros(1, dtype=getattr(mg, its_dtype))
        assert isinstance(value, make) is (other == name)
    assert not isinstance([1], make)


def test_variable_shares_memory_and_leaves_the_graph():
    x = mg.ones(2, requires_grad=True)
    v = legacy.Variable(x * 2)
    assert v.is_leaf
    assert not v.requires_grad
    w = legacy.Variable(v, requires_grad=True)
    v[0] = 7.0
    assert w.tolist() == [7.0, 2.0]
    assert isinstance(x, legacy.Variable)
    assert not isinstance([1.0], legacy.Variable)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        legacy.Variable([1.0])
    with pytest.warns(UserWarning, match="volatile was removed"):
        legacy.Variable(v, volatile=False)


# ------------------------------------------------------------------------------------------------
# What is only named
# ------------------------------------------------------------------------------------------------


def test_a_choice_of_kernels_for_attention_has_no_effect():
    x = mg.randn(3, 2)
    expected = nn.functional.scaled_dot_product_attention(x, x, x).tolist()
    for chosen in (attention.SDPBackend.MATH, list(attention.SDPBackend)):
        with attention.sdpa_kernel(chosen):
            assert nn.functional.scaled_dot_product_attention(x, x, x).tolist() == expected
    with (
        pytest.raises(AssertionError, match="Backend must be an instance of SDPBackend"),
        attention.sdpa_kernel("math"),
    ):
        pass


def test_what_libraries_mention_raises_where_it_is_used():
    from minigrad.compat import flop_counter, internals, overrides, profiler

    with (
        pytest.raises(NotImplementedError, match="TorchFunctionMode"),
        flop_counter.FlopCounterMode(),
    ):
        pass
    with pytest.raises(NotImplementedError, match="Mine"):
        type("Mine", (overrides.TorchFunctionMode,), {})().__enter__()
    with pytest.raises(NotImplementedError, match=r"torch\.load"):
        internals.PyTorchFileReader("model.pt")
    with pytest.raises(NotImplementedError, match="TorchScript"):
        internals.Value()
    with pytest.raises(NotImplementedError, match="emit_nvtx"):
        profiler.emit_nvtx()
    with pytest.raises(NotImplementedError, match="not complex"):
        mg.fft.rfft(mg.ones(4))
    assert not profiler.kineto_available()
    assert not internals._mps_is_available()


def test_ranks_outside_of_a_group():
    from minigrad.compat.distributed import _rank_not_in_group
    from minigrad.distributed import GroupMember

    assert _rank_not_in_group(GroupMember.NON_GROUP_MEMBER)
    assert not _rank_not_in_group(None)


def test_sharing_strategies():
    from minigrad.compat import multiprocessing

    assert multiprocessing.get_sharing_strategy() in multiprocessing.get_all_sharing_strategies()
    with pytest.raises(ValueError, match=r"new_strategy .*'pigeon'"):
        multiprocessing.set_sharing_strategy("pigeon")


def test_loops_over_lists_of_tensors_check_them():
    from minigrad.compat.foreach import _foreach_add, _foreach_norm

    with pytest.raises(TypeError, match=r"_foreach_add.*'self' must be a list"):
        _foreach_add(mg.ones(2), 1)
    with pytest.raises(RuntimeError, match="got 1 and 2"):
        _foreach_add([mg.ones(2)], [1, 2])
    with pytest.raises(RuntimeError, match=r"_foreach_norm: .* at least one"):
        _foreach_norm([])


def test_wrong_arguments_of_to_are_refused():
    from minigrad.compat.internals import _parse_to

    with pytest.raises(TypeError):
        _parse_to(3.5)


def test_options_of_export_that_are_not_there():
    assert not onnx.is_in_onnx_export()
    given = nn.Linear(1, 1), (mg.ones(1),), "model.onnx"
    with pytest.raises(NotImplementedError, match="custom_opsets"):
        onnx.export(*given, custom_opsets={"own": 1})
    with pytest.raises(TypeError, match="unexpected keyword argument 'optimise'"):
        onnx.export(*given, optimise=True)


@pytest.mark.parametrize("name", ["current_device", "set_device", "synchronize", "get_device_name"])
def test_cuda_raises_where_a_gpu_is_wanted(name):
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        getattr(cuda, name)(0)


def test_seeding_gpus_leaves_the_cpu_alone():
    mg.manual_seed(0)
    expected = mg.rand(3).tolist()
    mg.manual_seed(0)
    mg.cuda.manual_seed(5)
    mg.cuda.manual_seed_all(6)
    assert mg.rand(3).tolist() == expected


def test_data_parallel_is_the_module():
    linear = nn.Linear(2, 3)
    model = parallel.DataParallel(linear, device_ids=[0, 1])
    x = mg.randn(4, 2)
    assert mg.equal(model(x), linear(x))
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    assert model.module is linear


@pytest.mark.parametrize("enabled", [True, False])
def test_fork_rng(enabled):
    mg.manual_seed(0)
    before = mg.rand(1).item()
    mg.manual_seed(0)
    with random.fork_rng(enabled=enabled):
        assert mg.rand(1).item() == before
    assert (mg.rand(1).item() == before) is enabled


def test_clip_grad_norm_warns():
    p = nn.Parameter(mg.ones(1))
    p.grad = mg.full((1,), 4.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        norm = clip_grad.clip_grad_norm(p, 2.0)
    assert norm.item() == 4.0
    assert p.grad.item() == pytest.approx(2.0)
    assert [w.category for w in caught] == [FutureWarning]
    assert caught[0].filename == __file__


def test_the_list_of_a_layers_weights_can_be_set():
    from minigrad.recurrences import GRU

    layer, other = GRU(2, 3), GRU(2, 3)
    layer._flat_weights = other._flat_weights
    assert all(a is b for a, b in zip(layer.parameters(), other.parameters()))


def test_functions_of_nn_that_pytorch_has_at_the_top_as_well():
    for name in ("cosine_similarity", "pairwise_distance"):
        assert getattr(mg, name) is getattr(mg.nn.functional, name)
