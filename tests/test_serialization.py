"""Saving and loading: PyTorch's files and ours, both ways; and files that mean harm or nothing.

``golden/checkpoints`` has files written by PyTorch, which minigrad must load, and files written by
minigrad, which PyTorch was seen to load (`golden/make_checkpoints.py`) and which minigrad must
still write.
"""

import copy
import errno
import io
import os
import pickle
import pickletools
import random
import signal
import stat
import struct
import subprocess
import sys
import warnings
import zipfile
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, serialization
from minigrad.serialization import archive, files

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
import make_checkpoints as made  # noqa: E402

CHECKPOINTS = GOLDEN / "checkpoints"
ERRORS = (RuntimeError, pickle.UnpicklingError, EOFError)


def saved(obj):
    """The file, as an open one, that `obj` is saved to."""
    file = io.BytesIO()
    mg.save(obj, file)
    file.seek(0)
    return file


def round_trip(obj, **options):
    return mg.load(saved(obj), **options)


def records(file):
    """The contents of an archive by name."""
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def written(file):
    """The contents of an archive by name, with the pickle as a list of its instructions.

    Left out is which texts are one object: that depends on the interpreter.
    """
    contents = records(file)
    del contents["archive/.data/serialization_id"]  # a checksum of all the rest
    program, memo, last = [], {}, None
    for instruction, argument, _ in pickletools.genops(contents["archive/data.pkl"]):
        if instruction.name.endswith("PUT"):
            memo[argument] = last if last[0] == "BINUNICODE" else ("again", len(program))
        elif instruction.name.endswith("GET"):
            program.append(memo[argument])
        else:
            last = (instruction.name, argument)
            program.append(last)
    return {**contents, "archive/data.pkl": program}


def archive_of(contents, method=zipfile.ZIP_STORED):
    """An open file that is a zip archive with these contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, data in contents.items():
            opened.writestr(name, data)
    file.seek(0)
    return file


# ------------------------------------------------------------------------------------------------
# PyTorch's files, and files for PyTorch
# ------------------------------------------------------------------------------------------------


def test_tensors_from_pytorch():
    loaded = mg.load(CHECKPOINTS / "torch_tensors.pt")
    assert made.describe(loaded) == made.describe(made.tensors(mg))
    assert loaded["parameter"] is loaded["the same parameter"]


def test_views_from_pytorch_share_their_memory():
    loaded = mg.load(CHECKPOINTS / "torch_tensors.pt")
    loaded["base"][1, 1] = 100.0
    assert loaded["row"][1] == 100
    assert loaded["column"][1] == 100
    assert loaded["transposed"][1, 1] == 100
    with mg.no_grad():
        loaded["its data"].fill_(7.0)
    assert loaded["parameter"].tolist() == [[7.0, 7.0]]


def test_modules_take_state_dicts_from_pytorch():
    loaded = mg.load(CHECKPOINTS / "torch_modules.pt")
    assert made.describe(loaded) == made.describe(made.modules(mg))
    made.check_modules(mg, loaded)


def test_optimizers_go_on_from_pytorchs_state_dicts():
    loaded = mg.load(CHECKPOINTS / "torch_optimizers.pt")
    made.check_optimizers(mg, loaded)
    assert set(loaded) == set(made.OPTIMIZERS)


@pytest.mark.parametrize("weights_only", [False, True])
def test_whole_modules_from_pytorch(weights_only):
    path = CHECKPOINTS / "torch_whole.pt"
    layers = [nn.LSTM, nn.GRU, nn.RNN, nn.LSTMCell, nn.BatchNorm1d, nn.Sequential, nn.Embedding]
    layers += [nn.Linear, nn.Tanh, nn.LayerNorm, nn.Dropout, nn.TransformerEncoderLayer]
    layers += [nn.MultiheadAttention, nn.linear.NonDynamicallyQuantizableLinear]
    layers += [nn.functional.gelu]
    with serialization.safe_globals(layers if weights_only else []):
        loaded = mg.load(path, weights_only=weights_only)
    assert len(loaded) == 7
    for case in loaded.values():
        output = case["module"](case["input"])
        output = output[0] if isinstance(output, tuple) else output
        np.testing.assert_allclose(output.detach(), case["output"], 0, 1e-6)


def test_checkpoint_without_checksums():
    assert mg.load(CHECKPOINTS / "torch_no_checksums.pt")["a"].tolist() == [1.0, 1.0]


def test_attributes_of_tensors():
    loaded = mg.load(CHECKPOINTS / "torch_attributes.pt")
    assert loaded.tolist() == [1.0, 1.0]
    assert loaded.note == "attributes are not kept"


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("bfloat16", pickle.UnpicklingError, r"BFloat16Storage.*does not have.*\.float\(\)"),
        ("complex", pickle.UnpicklingError, "ComplexFloatStorage"),
        ("conjugate", pickle.UnpicklingError, "ComplexFloatStorage"),
        ("sparse", pickle.UnpicklingError, "_rebuild_sparse_tensor.*no counterpart"),
        ("dtype", pickle.UnpicklingError, "torch.bfloat16.*no counterpart"),
        ("conv", pickle.UnpicklingError, r"Conv2d.*no counterpart.*state_dict\(\)"),
        ("legacy", RuntimeError, "legacy format.*before 1.6.*torch.save"),
        ("script", RuntimeError, "TorchScript"),
    ],
)
def test_what_minigrad_does_not_have_is_said(name, error, words, weights_only):
    with pytest.raises(error, match=words):
        mg.load(CHECKPOINTS / f"torch_{name}.pt", weights_only=weights_only)


def test_other_pickle_protocols_need_trust():
    path = CHECKPOINTS / "torch_protocol4.pt"
    with pytest.raises(pickle.UnpicklingError, match="protocol 4"):
        mg.load(path)
    assert mg.load(path, weights_only=False)["a"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["tensors", "modules"])
def test_minigrad_still_writes_what_pytorch_was_seen_to_read(name):
    path = CHECKPOINTS / f"minigrad_{name}.pt"
    assert written(saved(made.SCENES[name](mg))) == written(path)


@pytest.mark.parametrize("name", made.SCENES)
def test_loading_and_saving_changes_nothing(name):
    path = CHECKPOINTS / f"minigrad_{name}.pt"
    assert written(saved(mg.load(path))) == written(path)


def test_optimizers_go_on_from_their_own_state_dicts():
    made.check_optimizers(mg, mg.load(CHECKPOINTS / "minigrad_optimizers.pt"))
    made.check_optimizers(mg, round_trip(made.optimizers(mg)))


@pytest.mark.parametrize("path", sorted(CHECKPOINTS.glob("minigrad_*.pt")), ids=lambda p: p.stem)
def test_records_are_aligned_and_uncompressed(path):
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        for entry in opened.infolist():
            lengths = struct.unpack_from("<HH", raw, entry.header_offset + 26)
            start = entry.header_offset + 30 + sum(lengths)
            assert start % 64 == 0
            assert raw[start : start + entry.file_size] == opened.read(entry)


# ------------------------------------------------------------------------------------------------
# Round trips
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", made.SCENES)
@pytest.mark.parametrize("options", [{}, {"weights_only": False}, {"map_location": "cpu"}])
def test_round_trip(scene, options):
    obj = made.SCENES[scene](mg)
    assert made.describe(round_trip(obj, **options)) == made.describe(obj)


@pytest.mark.parametrize("weights_only", [True, False])
def test_numpy_round_trip(weights_only):
    things = {
        "array": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        "empty": np.empty((0, 3), np.float32),
        "scalar array": np.array(2.5),
        "bool": np.array([True, False]),
        "complex": np.array([1 + 2j]),
        "text": np.array(["abc", "é"]),
        "bytes": np.array([b"abc"]),
        "numbers": [np.float32(0.1), np.float64(0.1), np.int64(-3), np.bool_(True)],
        "dtypes": [np.dtype("float32"), np.dtype("int64")],
    }
    loaded = round_trip(things, weights_only=weights_only)
    assert list(loaded) == list(things)
    for name, thing in things.items():
        assert repr(loaded[name]) == repr(thing)
    assert loaded["fortran"].flags.f_contiguous
    loaded["array"][0, 0] = 5  # writable
    assert np.dtype("f4").str == np.dtype(np.float32).str  # loading changed no dtype in use


def test_memory_is_stored_once_and_shared_again():
    base = mg.rand(100)
    file = saved([base, base[:50], base.view(10, 10).t(), base.detach()])
    assert [name for name in records(file) if "/data/" in name] == ["archive/data/0"]
    file.seek(0)
    whole, half, square, again = mg.load(file)
    whole[12] = 5.0
    assert (half[12], square[2, 1], again[12]) == (5.0, 5.0, 5.0)
    assert square.stride() == (1, 10)


def test_memory_that_is_shared_is_watched_for_changes():
    base, row = round_trip([*(lambda x: (x, x[0]))(mg.ones(2, 2))])
    weight = mg.ones(2, requires_grad=True)
    loss = (weight * row).sum()
    base.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_memory_in_any_order_of_axes():
    permuted = mg.tanh(mg.rand(2, 3, 4).permute(2, 0, 1))
    assert permuted.array.base is None
    assert not permuted.is_contiguous()
    loaded, part = round_trip([permuted, permuted[1]])
    assert loaded.stride() == permuted.stride()
    assert mg.equal(loaded, permuted)
    loaded.zero_()
    assert part.sum() == 0


def test_memory_from_numpy():
    numbers = np.arange(10.0)
    backwards = mg.from_numpy(numbers[::-1])
    every_third = mg.from_numpy(numbers[1::3])
    read_only = mg.from_numpy(np.frombuffer(numbers.tobytes()))
    pairs = np.zeros(3, [("a", "f8"), ("b", "f4")])
    odd = mg.from_numpy(pairs["a"])
    things = [backwards, every_third, read_only, odd]
    for got, expected in zip(round_trip(things), things):
        assert got.tolist() == expected.tolist()


def test_views_of_different_types_are_an_error():
    numbers = np.ones(4, np.float32)
    views = [mg.from_numpy(numbers), mg.from_numpy(numbers.view(np.int32))]
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        mg.save(views, io.BytesIO())


def test_data_that_refer_to_themselves():
    items = [1]
    items.append((items,))
    loaded = round_trip(items)
    assert loaded[1][0] is loaded


def test_gradients_and_graphs_are_not_saved():
    weight = mg.ones(2, requires_grad=True)
    (weight * 3).sum().backward()
    loaded, computed = round_trip([weight, weight * 2])
    assert loaded.grad is None
    assert computed.is_leaf
    assert computed.requires_grad


class Special(mg.Tensor):
    """A user's tensor."""


class Weight(nn.Parameter):
    """A user's parameter."""


@pytest.mark.parametrize("made", [Special([1.0, 1.0]), Weight(mg.ones(2))])
def test_subclasses_of_parameter_and_tensor(made):
    made.note = "mine"
    cls = type(made)
    with pytest.raises(pickle.UnpicklingError, match=cls.__name__):
        round_trip(made)
    with serialization.safe_globals([cls]):
        loaded = round_trip(made)
    for copied in (loaded, round_trip(made, weights_only=False), pickled(made), copy.copy(made)):
        assert type(copied) is cls
        assert copied.requires_grad == made.requires_grad
        assert copied.note == "mine"
        assert copied.tolist() == [1.0, 1.0]


def pickled(obj):
    return pickle.loads(pickle.dumps(obj))


@pytest.mark.parametrize("kind", [mg.tensor, nn.Parameter, nn.Buffer])
@pytest.mark.parametrize("copied", [round_trip, pickled, copy.copy, copy.deepcopy])
def test_what_the_user_has_said_about_a_tensor(kind, copied):
    tensor = kind(mg.ones(2))
    tensor.note, tensor.more = "mine", ["a"]
    other = copied(tensor)
    assert type(other) is type(tensor)
    if kind is nn.Parameter and copied is copy.deepcopy:  # as PyTorch
        assert not hasattr(other, "note")
        return
    assert other.note == "mine"
    assert other.more == ["a"]
    assert (other.more is tensor.more) == (copied is copy.copy)
    assert (other.data_ptr() == tensor.data_ptr()) == (copied is copy.copy)


@pytest.mark.parametrize("copied", [round_trip, pickled, copy.copy])
def test_copies_of_results_are_leaves(copied):
    result = copied(mg.ones(2, requires_grad=True) * 2)
    assert result.requires_grad
    assert result.is_leaf


@pytest.mark.parametrize("copied", [round_trip, pickled])
def test_hooks_that_get_lost_are_told(copied):
    leaf = mg.ones(2, requires_grad=True)
    for tensor in (leaf, leaf * 2):
        handle = tensor.register_hook(lambda g: g)
        with pytest.warns(UserWarning, match="backward hook .* will not be serialized"):
            copied(tensor)
        handle.remove()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            copied(tensor)


def test_deep_copies_share_memory_as_the_originals_do():
    whole = mg.arange(6.0)
    part, turned = whole[1:4], whole.reshape(2, 3).t()
    rows = mg.arange(3.0).expand(2, 3)
    a, b, c, d = copy.deepcopy([whole, part, turned, rows])
    assert (c.stride(), d.stride(), b.storage_offset()) == ((1, 3), (0, 1), 1)
    a.add_(10)
    assert b.tolist() == [11.0, 12.0, 13.0]
    assert c.tolist() == [[10.0, 13.0], [11.0, 14.0], [12.0, 15.0]]
    assert part.tolist() == [1.0, 2.0, 3.0]
    assert a._version == b._version == 1
    assert copy.deepcopy(nn.Parameter(turned)).stride() == (1, 3)


def test_a_change_through_a_copy_is_noticed():
    w = mg.ones(2, requires_grad=True)
    x = mg.ones(2)
    y = w * x
    copy.copy(x).mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_storage_offset_of_what_was_loaded():
    assert round_trip(mg.arange(3.0).expand(2, 3)).storage_offset() == 0
    assert round_trip(mg.arange(9.0)[4:6]).storage_offset() == 4


@pytest.mark.parametrize("state", [{"array": 1}, {"sum": 1}, {"_is_buffer": True, "t": 1}, {1: 2}])
def test_attributes_must_not_hide_what_all_tensors_have(state):
    contents = records(saved(Described(state)))
    with pytest.raises(pickle.UnpicklingError, match="attributes that it must not have"):
        mg.load(archive_of(contents))


class Described:
    """Pickled as a tensor with the attributes in `state`."""

    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        names = serialization.names
        return names.rebuild_parameter_with_state, (mg.ones(2), False, OrderedDict(), self.state)


class Model(nn.Module):
    """A user's model."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.rnn = nn.LSTM(3, 4, num_layers=2)
        self.out = nn.Linear(4, 5)
        self.register_buffer("scale", mg.tensor([2.0]), persistent=False)
        self.tied = self.out.weight

    def forward(self, x):
        return self.out(self.rnn(self.embed(x))[0]) * self.scale


def test_whole_modules():
    model = Model().eval()
    x = mg.tensor([[0, 1], [2, 3]])
    with pytest.raises(pickle.UnpicklingError, match=r"Weights only load failed.*Model"):
        round_trip(model)
    loaded = round_trip(model, weights_only=False)
    assert mg.equal(loaded(x), model(x))
    assert loaded.tied is loaded.out.weight
    assert not loaded.training
    assert list(loaded.state_dict()) == list(model.state_dict())
    with serialization.safe_globals([Model, nn.Embedding, nn.LSTM, nn.Linear]):
        assert mg.equal(round_trip(model)(x), model(x))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_without_a_file(copied):
    model = Model()
    optimizer = mg.optim.Adam(model.parameters())
    x = mg.tensor([[0, 1], [2, 3]])
    model(x).sum().backward()
    optimizer.step()
    other, other_optimizer = copied((model, optimizer))
    assert mg.equal(other(x), model(x))
    assert made.describe(other_optimizer.state_dict()) == made.describe(optimizer.state_dict())
    assert other_optimizer.param_groups[0]["params"][0] is next(other.parameters())


def test_whole_optimizers_keep_their_parameters():
    model = nn.Linear(2, 1)
    optimizer = mg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loaded, other = round_trip([model, optimizer], weights_only=False)
    loaded(mg.ones(2)).sum().backward()
    before = loaded.weight.tolist()
    other.step()
    assert loaded.weight.tolist() != before


def test_saving_twice_gives_the_same_bytes():
    model = Model()
    assert saved(model.state_dict()).getvalue() == saved(model.state_dict()).getvalue()


def test_other_byte_order():
    contents = records(saved({"a": mg.tensor([1.0, 2.0]), "b": mg.tensor([3, 4])}))
    order = {"little": "big", "big": "little"}[sys.byteorder]
    contents["archive/byteorder"] = order.encode()
    for name, kind in (("archive/data/0", "f4"), ("archive/data/1", "i8")):
        contents[name] = np.frombuffer(contents[name], kind).byteswap().tobytes()
    loaded = mg.load(archive_of(contents))
    assert repr(loaded) == "{'a': tensor([1., 2.]), 'b': tensor([3, 4])}"
    loaded["a"] += 1
    contents["archive/byteorder"] = b"middle"
    with pytest.raises(RuntimeError, match="byte order"):
        mg.load(archive_of(contents))


# ------------------------------------------------------------------------------------------------
# Files
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path])
def test_paths(tmp_path, kind):
    path = kind(tmp_path / "a.pt")
    mg.save({"a": 1}, path)
    assert mg.load(path) == {"a": 1}
    mg.save({"a": 2}, path)
    assert mg.load(path) == {"a": 2}
    assert os.listdir(tmp_path) == ["a.pt"]


def test_files_need_only_write(tmp_path):
    class Pipe:
        def __init__(self):
            self.data = b""

        def write(self, data):
            self.data += bytes(data)

    pipe = Pipe()
    mg.save([1, mg.ones(2)], pipe)
    assert pipe.data == saved([1, mg.ones(2)]).getvalue()
    with open(tmp_path / "a.pt", "wb") as file:
        mg.save([1, mg.ones(2)], file)
        assert not file.closed
    with open(tmp_path / "a.pt", "rb") as file:
        assert mg.load(file)[1].tolist() == [1.0, 1.0]
        assert not file.closed


class Stream(io.RawIOBase):
    """Takes `most` bytes at a time; with None, as many as it likes but without a word."""

    def __init__(self, most):
        self.data, self.most = b"", most

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data[: self.most])
        return None if self.most is None else len(data[: self.most])


def test_a_raw_stream_may_take_a_part():
    stream = Stream(5)
    mg.save([1, mg.ones(2)], stream)
    assert stream.data == saved([1, mg.ones(2)]).getvalue()


@pytest.mark.parametrize("stream", [Stream(0), Stream(None)])
def test_a_raw_stream_that_takes_nothing(stream):
    with pytest.raises(OSError, match="not complete"):
        mg.save(mg.ones(2), stream)


def test_any_other_stream_must_take_everything():
    class Lossy(io.BytesIO):
        def write(self, data):
            return super().write(data[:10])

    with pytest.raises(OSError, match="took 10 of"):
        mg.save(mg.ones(2), Lossy())


@pytest.mark.parametrize("sizes", [(2, 3, 4), (20000, 2), (2, 20000)])
def test_several_checkpoints_in_one_stream(sizes):
    file = io.BytesIO()
    file.write(b"header")
    for size in sizes:
        mg.save([size, mg.ones(size)], file)
    file.seek(6)
    for size in sizes:
        number, tensor = mg.load(file)
        assert number == size == len(tensor)
    with pytest.raises(EOFError):
        mg.load(file)


@pytest.mark.parametrize("length", [10, 100_000])
def test_what_follows_a_checkpoint_is_left_alone(length):
    inner = saved(mg.zeros(2)).getvalue()  # the end of this one must not be taken for the end
    file = saved([inner, mg.ones(3)])
    end = file.seek(0, 2)
    file.write(b"x" * length)
    file.seek(0)
    kept, tensor = mg.load(file)
    assert (kept, tensor.tolist()) == (inner, [1.0, 1.0, 1.0])
    assert file.tell() == end


def test_many_false_ends_cost_little():
    contents = saved(1).getvalue()
    file = io.BytesIO(contents[:-30] + b"PK\5\6" * 100_000)
    with pytest.raises(RuntimeError, match="corrupted"):
        mg.load(file)


def test_files_that_begin_with_something_else():
    file = io.BytesIO()
    file.write(b"header")
    mg.save([1, mg.ones(2)], file)
    file.seek(6)
    assert mg.load(file)[1].tolist() == [1.0, 1.0]


def test_reading_at_the_end_is_said():
    file = saved(1)
    file.seek(0, 2)
    with pytest.raises(EOFError, match=r"seek\(0\)"):
        mg.load(file)


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda p: mg.save(1, 3), AttributeError, "expected 'f' to be string, path, or a file"),
        (lambda p: mg.save(1, p / "no" / "a.pt"), RuntimeError, "Parent directory .*does not ex"),
        (lambda p: mg.save(1, p), OSError, "irectory|denied"),
        (lambda p: mg.save(1, io.StringIO()), TypeError, "argument"),
        (lambda p: mg.load(p / "no.pt"), FileNotFoundError, "No such file"),
        (lambda p: mg.load(3), AttributeError, "'int' object has no attribute 'read'"),
        (lambda p: mg.load(io.StringIO("PK")), TypeError, "binary mode"),
        (lambda p: mg.load(io.BytesIO(b"hello world")), RuntimeError, "no checkpoint"),
        (lambda p: mg.load(io.BytesIO(b"")), EOFError, "Ran out of input"),
        (lambda p: mg.load(saved(mg.ones(1)), "cuda"), RuntimeError, "CUDA device"),
        (lambda p: mg.load(saved(mg.ones(1)), {"cpu": "cuda:0"}), RuntimeError, "CUDA device"),
        (lambda p: mg.load(saved(mg.ones(1)), "tpu"), RuntimeError, "don't know how to restore"),
        (lambda p: mg.load(saved(1), 3), TypeError, "map_location"),
        (lambda p: mg.load(saved(1), mmap=True), ValueError, "must be a file path"),
    ],
)  # fmt: skip
def test_errors(tmp_path, action, error, words):
    with pytest.raises(error, match=words):
        action(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "location",
    [None, "cpu", "cpu:0", mg.device("cpu"), {"cuda:0": "cpu"}, {}, lambda storage, place: storage],
)
def test_map_location(location):
    assert round_trip(mg.ones(2), map_location=location).tolist() == [1.0, 1.0]


def test_tensors_from_a_gpu_are_loaded_to_the_cpu():
    contents = records(saved(mg.ones(2)))
    pickled = contents["archive/data.pkl"]
    contents["archive/data.pkl"] = pickled.replace(b"\x03\0\0\0cpu", b"\x06\0\0\0cuda:0")
    assert contents["archive/data.pkl"] != pickled
    assert mg.load(archive_of(contents)).device == mg.device("cpu")


def test_mmap(tmp_path):
    path = tmp_path / "a.pt"
    mg.save({"a": mg.ones(1000), "e": mg.empty(0)}, path)
    before = path.read_bytes()
    loaded = mg.load(path, mmap=True)
    loaded["a"] += 1
    assert loaded["a"].sum() == 2000
    assert loaded["e"].shape == (0,)
    assert path.read_bytes() == before
    mg.save(loaded, path)  # over the file that it is mapped from
    assert mg.load(path)["a"].sum() == 2000


def test_mmap_opens_the_file_once(tmp_path):
    mg.save([mg.full((2,), float(k)) for k in range(50)], tmp_path / "a.pt")
    before = open_files()
    loaded = mg.load(tmp_path / "a.pt", mmap=True)
    assert open_files() <= before + 1
    assert [t[0].item() for t in loaded] == list(range(50))
    loaded[3].add_(1.0)
    assert loaded[4].tolist() == [4.0, 4.0]


def open_files():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


# ------------------------------------------------------------------------------------------------
# All or nothing
# ------------------------------------------------------------------------------------------------


def unpicklable(path, monkeypatch):
    mg.save({"a": mg.ones(3), "f": lambda x: x}, path)


def full_disk(path, monkeypatch):
    def fail(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    mg.save(mg.ones(3), path)


def interrupted(path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(archive._Sink, "write", interrupt)
    mg.save(mg.ones(3), path)


def not_replaced(path, monkeypatch):
    def fail(*_):
        raise PermissionError("in use")

    monkeypatch.setattr(os, "replace", fail)
    mg.save(mg.ones(3), path)


@pytest.mark.parametrize("accident", [unpicklable, full_disk, interrupted, not_replaced])
@pytest.mark.parametrize("old", [True, False])
def test_accidents_leave_the_old_file(tmp_path, monkeypatch, accident, old):
    path = tmp_path / "a.pt"
    if old:
        mg.save("old", path)
    with monkeypatch.context() as patch, pytest.raises(BaseException) as caught:  # noqa: PT011
        accident(path, patch)
    expected = (pickle.PicklingError, AttributeError, OSError, KeyboardInterrupt)
    assert isinstance(caught.value, expected)
    assert os.listdir(tmp_path) == (["a.pt"] if old else [])
    if old:
        assert mg.load(path) == "old"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("target", ["path", "stream"])
def test_interrupts_are_interrupts(tmp_path, target):
    path = tmp_path / "a.pt"

    def save(interrupted_at):
        """Save, with Ctrl-C at that line; returns how many lines there are."""
        lines = 0

        def trace(frame, event, argument):
            nonlocal lines
            lines += event == "line"
            if lines == interrupted_at:
                lines += 1
                raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            mg.save({"new": mg.ones(3)}, path if target == "path" else io.BytesIO())
        finally:
            sys.settrace(None)
        return lines

    total = save(-1)
    assert total > 500
    for line in range(1, total, 23):
        mg.save("old", path)
        with suppress(KeyboardInterrupt):
            save(line)
        loaded = mg.load(path)
        assert loaded == "old" or loaded["new"].tolist() == [1.0, 1.0, 1.0]
    mg.save("old", path)
    assert os.listdir(tmp_path) == ["a.pt"]


KILLED = """
import os, signal, sys
import minigrad as mg
from minigrad.serialization import archive

class Sink(archive._Sink):
    def write(self, data):
        print(*os.listdir(os.path.dirname(sys.argv[1])), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

archive._Sink = Sink
mg.save(mg.ones(3), sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows kills otherwise")
def test_what_a_killed_process_leaves_is_taken_away(tmp_path):
    path = tmp_path / ("long" * 60 + ".pt")
    mg.save("old", path)
    done = subprocess.run([sys.executable, "-c", KILLED, path], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) == len(os.listdir(tmp_path)) == 2
    assert mg.load(path) == "old"
    mg.save("other", tmp_path / "other.pt")
    assert len(os.listdir(tmp_path)) == 3  # it is no business of another file's
    mg.save("new", path)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, "other.pt"])


def test_a_file_that_is_being_written_is_no_remains(tmp_path):
    path = tmp_path / "a.pt"
    with files.replacing(path) as first:
        first.write(b"first")
        mg.save("second", path)
        assert len(os.listdir(tmp_path)) == 2
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a.pt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("function", ["open", "replace", "chown"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV])
@pytest.mark.parametrize("size", [1, 10_000])
def test_what_cannot_be_replaced_is_written_over(tmp_path, monkeypatch, function, code, size):
    path = tmp_path / "a.pt"
    mg.save(mg.zeros(100), path)
    os.link(path, tmp_path / "link")  # which shows whether it is the same file

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, function, fail)
    if function == "chown":
        monkeypatch.setattr(files, "_imitate", lambda path, old: os.chown(path, 1, 1))
    mg.save(mg.ones(size), path)
    assert mg.load(tmp_path / "link").sum() == size
    assert sorted(os.listdir(tmp_path)) == ["a.pt", "link"]


def test_a_new_file_in_a_folder_that_is_not_ours(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(PermissionError, match=r"new\.pt"):
        mg.save(1, tmp_path / "new.pt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_pipes(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(path.read_bytes)
        mg.save([1, mg.ones(2)], path)
    assert read.result() == saved([1, mg.ones(2)]).getvalue()


def test_a_tensor_that_changes_while_it_is_saved():
    tensor = mg.zeros(1_000_000)

    class Meddler(io.BytesIO):
        def write(self, data):
            tensor.array[...] += 1  # as another thread could
            return super().write(data)

    file = Meddler()
    mg.save(tensor, file)
    file.seek(0)
    assert mg.load(file).shape == (1_000_000,)  # its checksums are right


def test_an_unpicklable_object_writes_nothing():
    file = io.BytesIO()
    with pytest.raises((pickle.PicklingError, AttributeError)):
        mg.save([mg.ones(3), lambda x: x], file)
    assert file.getvalue() == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions and links")
def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "a.pt", tmp_path / "link.pt"
    before = os.umask(0o027)
    try:
        mg.save(1, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    link.symlink_to(path)
    mg.save(2, link)
    assert link.is_symlink()
    assert mg.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_what_is_no_regular_file_is_written_to():
    mg.save(1, os.devnull)
    assert not os.path.isfile(os.devnull)


# ------------------------------------------------------------------------------------------------
# Safe globals
# ------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_safe_globals():
    yield
    serialization.clear_safe_globals()


def test_safe_globals():
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([nn.Linear])
    serialization.add_safe_globals([nn.Linear, nn.Tanh])
    assert serialization.get_safe_globals() == [nn.Linear, nn.Tanh]
    with serialization.safe_globals([nn.Tanh, nn.ReLU]):
        assert serialization.get_safe_globals() == [nn.Linear, nn.Tanh, nn.ReLU]
    assert serialization.get_safe_globals() == [nn.Linear, nn.Tanh]
    with pytest.raises(ZeroDivisionError), serialization.safe_globals([nn.ReLU]):
        raise ZeroDivisionError
    assert serialization.get_safe_globals() == [nn.Linear, nn.Tanh]
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


class Point:
    """With slots, and made by ``__new__``."""

    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Vocabulary(dict):
    """A container of a class of its own."""


class History(list):
    """Another one."""


class Config:
    """With a ``__dict__``."""


def test_objects_of_allowed_classes():
    config = Config()
    config.lr = 0.1
    history = History([1, 2, 3])
    things = [Point(1, 2), Vocabulary(a=1, b=2), history, config]
    serialization.add_safe_globals([Point, Vocabulary, History, Config])
    point, vocabulary, history, config = round_trip(things)
    assert (point.x, point.y, config.lr) == (1, 2, 0.1)
    assert (type(vocabulary), vocabulary) == (Vocabulary, {"a": 1, "b": 2})
    assert (type(history), history) == (History, [1, 2, 3])


def test_safe_globals_under_another_name():
    contents = records(saved(Config()))
    name = f"{Config.__module__}\nConfig".encode()
    contents["archive/data.pkl"] = contents["archive/data.pkl"].replace(name, b"old.place\nC")
    serialization.add_safe_globals([(Config, "old.place.C")])
    assert type(mg.load(archive_of(contents))) is Config


@pytest.mark.parametrize(
    ("thing", "error"),
    [((nn.Linear,), ValueError), ((nn.Linear, 3), TypeError), (3, TypeError), ("a.b", TypeError)],
)
def test_safe_globals_must_be_classes_or_functions(thing, error):
    with pytest.raises(error):
        serialization.add_safe_globals([thing])


def test_the_error_says_how_to_allow():
    with pytest.raises(pickle.UnpicklingError) as caught:
        round_trip(nn.Linear(1, 1))
    for words in (
        "Weights only load failed",
        "Unsupported global: GLOBAL minigrad.nn.linear.Linear",
        "add_safe_globals([minigrad.nn.linear.Linear])",
        "weights_only=False",
    ):
        assert words in str(caught.value)


# ------------------------------------------------------------------------------------------------
# Programs that mean harm
# ------------------------------------------------------------------------------------------------


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def name(full):
    module, _, attribute = full.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def run(program, storages=()):
    """Load a checkpoint with this pickle."""
    file = io.BytesIO()
    archive.write_archive(file.write, b"\x80\x02" + program, list(storages))
    file.seek(0)
    return mg.load(file)


class Bomb:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touch(path):
    return f"open({str(path)!r}, 'w')"


@pytest.mark.parametrize(
    "bomb",
    [
        lambda path: Bomb(os.system, f"touch {path}"),
        lambda path: Bomb(eval, touch(path)),
        lambda path: Bomb(exec, touch(path)),
        lambda path: Bomb(getattr, __builtins__, "open"),
        lambda path: Bomb(open, str(path), "w"),
        lambda path: Bomb(__import__, "os"),
        lambda path: Bomb(mg.load, str(path)),
        lambda path: Bomb(np.load, str(path)),
        lambda path: Bomb(Path.touch, path),
        lambda path: Bomb(map, eval, [touch(path)]),
    ],
)
def test_no_function_is_called(tmp_path, bomb):
    path = tmp_path / "harm"
    bomb = bomb(path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        round_trip({"a": mg.ones(2), "b": bomb})
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        round_trip(OrderedDict(a=[bomb]))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("blocked", ["os.system", "posix.system", "nt.system", "sys.exit"])
def test_some_modules_cannot_even_be_allowed(blocked):
    serialization.add_safe_globals([(print, blocked)])
    with pytest.raises(pickle.UnpicklingError, match="is blocked"):
        run(name(blocked) + b")R.")


DICT = name("collections.OrderedDict") + b")R"
ARRAY = name("numpy._core.multiarray._reconstruct") + name("numpy.ndarray") + b"K\0\x85"
ARRAY += name("_codecs.encode") + text("b") + b"\x85R\x87R"
FLOAT = name("numpy.dtype") + text("f4") + b"\x85R"

HARM = {
    # names
    "a name inside a name": name("collections.OrderedDict.__init__.__globals__"),
    "a path through a class": b"ccollections\nOrderedDict.__class__\n",
    "a name in torch": name("torch.serialization.load") + text("x") + b"\x85R",
    "a module of torch": name("torch.os.system") + text("x") + b"\x85R",
    "a private name of a room": name("torch.nn.functional.__loader__"),
    "a name of minigrad": name("minigrad.serialization.checkpoint.load") + text("x") + b"\x85R",
    "an old name": b"c__builtin__\neval\n" + text("1") + b"\x85R",
    "a name without module": b"c\n\n",
    "a name that is no text": b"c\xff\n\xfe\n",
    # calls
    "calling text": text("x") + b")R",
    "calling a tensor class": name("torch.Tensor") + b"K\5\x85R",
    "calling a container": b"])R",
    "arguments that are no tuple": name("torch.Size") + b"]R",
    "an object of no class": text("x") + b")\x81",
    "an object of a class not allowed": name("torch.Tensor") + b")\x81",
    "an object of a function": name("torch.Size") + b")\x81",
    # states
    "state of a function": name("torch.Size") + b"}" + text("__code__") + b"Nsb",
    "slots of a function": name("torch.Size") + b"N}" + text("__doc__") + b"Ns\x86b",
    "state of a class": name("torch.Tensor") + b"N}" + text("shape") + b"Ns\x86b",
    "state of a dtype": name("torch.float32") + b"}" + text("name") + text("x") + b"sb",
    "state of a list": b"]}b",
    "state of nothing": b"}b",
    "a class as an attribute": DICT + b"}" + text("__class__") + name("torch.Tensor") + b"sb",
    "a method as an attribute": DICT + b"}" + text("__reduce_ex__") + b"Nsb",
    "attributes that are no names": DICT + b"}K\1Nsb",
    "attributes that are no dict": DICT + b"K\1b",
    "an attribute in place of a method": DICT + b"}" + text("items") + name("torch.Size") + b"sb",
    # errors must not describe what would take for ever to describe
    **{f"{case} of nonsense": start + b")" + b"q\0h\0\x86" * 60 + end for case, start, end in [
        ("a call", b"", b")R"),
        ("an object", b"", b")\x81"),
        ("a size", name("torch.Size"), b"\x85R"),
        ("a device", name("torch.device"), b"\x85R"),
        ("bytes", name("_codecs.encode") + text("x"), b"\x86R"),
        ("a dtype", name("numpy.dtype"), b"\x85R"),
        ("a number", name("numpy._core.multiarray.scalar"), b"C\4abcd\x86R"),
        ("a reference", b"", b"Q"),
        ("a state", DICT, b"b"),
        ("an array", name("numpy._core.multiarray._reconstruct"), b"NN\x87R"),
        ("a shape", ARRAY + b"(K\1", FLOAT + b"\x89C\4abcdtb"),
        ("a tensor", name("torch._utils._rebuild_tensor_v2") + b"(", b"K\0))\x89NtR"),
        ("a parameter", name("torch._utils._rebuild_parameter"), b"\x89N\x87R"),
        ("a buffer", name("torch._tensor._rebuild_from_type_v2") + b"(", b"N)NtR"),
    ]},
    # containers
    "appending to a dict": b"}K\1a",
    "appending to an array": ARRAY + b"K\1a",
    "items of a list": b"]K\0K\1s",
    "items of a class": name("torch.Tensor") + b"K\0K\1s",
    "an odd number of items": b"}(K\1u",
    "a list as a key": b"}]K\1s",
    "a deep key": b"}" + b")" + b"\x85" * 200_000 + b"K\1s",
    "a deep entry of a set": name("builtins.set") + b"]" + b")" + b"\x85" * 200_000 + b"a\x85R",
    "an exponential key": b"})" + b"q\0h\0\x86" * 60 + b"K\1s",
    "an ordered dict of a number": name("collections.OrderedDict") + b"K\1\x85R",
    "an ordered dict with a deep key": name("collections.OrderedDict")
    + b"](" + b")" + b"\x85" * 200_000 + b"K\1ta\x85R",
    "a counter of text": name("collections.Counter") + text("ab") + b"\x85R",
    "a large bytearray": name("builtins.bytearray") + b"\x8a\5\0\0\0\0\x7f\x85R",
    "bytes by a codec": name("_codecs.encode") + text("x") + text("zlib_codec") + b"\x86R",
    "a text that is copied too often": text("x" * 10_000) + b"q\0" + (
        name("_codecs.encode") + b"h\0\x85R") * 1000,
    "an array that is copied too often": b"B\x60\xea\0\0" + bytes(60_000) + b"q\0" + (
        ARRAY + b"(K\1M\x60\xea\x85" + name("numpy.dtype") + text("u1") + b"\x85R\x89h\0tb") * 100,
    "a complex text": name("builtins.complex") + text("1j") + b"\x85R",
    "a size of a deep list": name("torch.Size") + b"]" * 5000 + b"a" * 4999 + b"\x85R",
    "a device of a list": name("torch.device") + b"]\x85R",
    # arrays
    "an array of objects": ARRAY + b"(K\1K\1\x85" + name("numpy.dtype") + text("O") + b"\x85RN]Ntb",
    "a dtype of objects": name("numpy.dtype") + text("O8") + b"\x85R",
    "a dtype of records": name("numpy.dtype") + text("f4,O") + b"\x85R",
    "a dtype that is huge": name("numpy.dtype") + text("S99999999999") + b"\x85R",
    "a dtype with fields": FLOAT + b"(K\3" + text("<") + b"N)}K\4K\4K\0tb",
    "an array of another class": ARRAY.replace(b"cnumpy\nndarray\n", b"ctorch\nTensor\n"),
    "an array with too few data": ARRAY + b"(K\1K\5\x85" + FLOAT + b"\x89" + b"C\4abcdtb",
    "an array that is huge": ARRAY + b"(K\1\x8a\6\0\0\0\0\0\1\x85" + FLOAT + b"\x89" + b"C\0tb",
    "an array of negative size": ARRAY + b"(K\1J\xff\xff\xff\xff\x85" + FLOAT + b"\x89" + b"C\0tb",
    "a number with too few data": name("numpy._core.multiarray.scalar") + FLOAT + b"C\2ab\x86R",
    # the machine
    "nothing": b"",
    "an empty stack": b"0000",
    "no arguments": b"R",
    "no mark": b"t",
    "an unknown memo": b"h\7",
    "a truncated text": b"X\xff\xff\xff\xffabc",
    "a truncated number": b"\x8b\xff\xff\xff\x7f",
    "a truncated name": b"ctorch",
    "an old instruction": b"(S'x'\nios\nsystem\n",
    "an extension": b"\x82\1",
    "a tuple of nothing": b"\x87",
    "a reference that is no tuple": text("storage") + b"Q",
    "a storage without type": b"(" + text("storage") + b"N" + text("0") + text("cpu") + b"K\1tQ",
}  # fmt: skip


@pytest.mark.parametrize("case", HARM)
def test_harm_is_refused(case):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        run(HARM[case] + b".")


def test_the_pieces_that_harm_is_made_of_are_harmless():
    assert run(DICT + b".") == OrderedDict()
    assert run(ARRAY + b".").shape == (0,)
    assert run(FLOAT + b".") == np.dtype("f4")
    assert run(ARRAY + b"(K\1K\2\x85" + FLOAT + b"\x89C\x08" + bytes(8) + b"tb.").tolist() == [0, 0]


def test_a_memo_with_a_large_number_costs_nothing():
    assert run(b"]r\xff\xff\xff\xff0j\xff\xff\xff\xff.") == []


MODULUS = sys.hash_info.modulus
COLLIDING = {
    "integers": [k * MODULUS + 1 for k in range(200)],
    "complex": [complex(1 - sys.hash_info.imag * k, k) for k in range(200)],
    "tuples": [(k * MODULUS,) for k in range(200)],
}


@pytest.mark.parametrize("keys", COLLIDING.values(), ids=list(COLLIDING))
@pytest.mark.parametrize("kind", [dict.fromkeys, OrderedDict.fromkeys, set, frozenset])
def test_keys_made_to_collide(keys, kind):
    assert len({hash(key) for key in keys}) == 1
    with pytest.raises(pickle.UnpicklingError, match="with the hash of another"):
        round_trip(kind(keys))
    assert round_trip(kind(keys[:100])) == kind(keys[:100])


def test_keys_that_are_no_harm():
    keys = [-1, -2, 0.5, (1, (2, 3)), 1 + 2j, frozenset([1]), 2**70, None, b"a", "a"]
    many = [dict.fromkeys(keys, k) for k in range(300)]
    assert round_trip(many) == many


def test_deep_data_are_only_deep():
    nested = run(b"]" * 100_000 + b"a" * 99_999 + b".")
    for _ in range(99_999):
        (nested,) = nested
    assert nested == []


# ------------------------------------------------------------------------------------------------
# Tensors that cannot be
# ------------------------------------------------------------------------------------------------


def integer(value):
    encoded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def sizes(*values):
    return b"(" + b"".join(v if isinstance(v, bytes) else integer(v) for v in values) + b"t"


def storage(kind="torch.FloatStorage", key="0", numel=6):
    return b"(" + text("storage") + name(kind) + text(key) + text("cpu") + integer(numel) + b"tQ"


def tensor(size, stride, offset=0, where=None, requires_grad=b"\x89", more=b""):
    where = storage() if where is None else where
    place = integer(offset) if isinstance(offset, int) else offset
    arguments = where + place + size + stride + requires_grad + DICT + more
    return name("torch._utils._rebuild_tensor_v2") + b"(" + arguments + b"tR"


NUMBERS = np.arange(6, dtype=np.float32)

POSSIBLE = {
    "all": (tensor(sizes(6), sizes(1)), [0, 1, 2, 3, 4, 5]),
    "the last": (tensor(sizes(1), sizes(1), 5), [5]),
    "to the last": (tensor(sizes(2, 2), sizes(3, 2)), [[0, 2], [3, 5]]),
    "expanded": (tensor(sizes(3), sizes(0), 5), [5, 5, 5]),
    "overlapping": (tensor(sizes(3, 2), sizes(1, 1)), [[0, 1], [1, 2], [2, 3]]),
    "a number": (tensor(sizes(), sizes(), 4), 4),
    "nothing": (tensor(sizes(0, 3), sizes(3, 1), 6), []),
    "one with any stride": (tensor(sizes(1), sizes(2**62)), [0]),
}

IMPOSSIBLE = {
    "too many": tensor(sizes(7), sizes(1)),
    "beyond": tensor(sizes(1), sizes(1), 6),
    "before": tensor(sizes(1), sizes(1), -1),
    "backwards": tensor(sizes(2), sizes(-1), 3),
    "negative": tensor(sizes(-1), sizes(1)),
    "far": tensor(sizes(2), sizes(2**61)),
    "around": tensor(sizes(2), sizes(2**62)),
    "farther": tensor(sizes(2), sizes(2**70)),
    "huge": tensor(sizes(2**70), sizes(0)),
    "many": tensor(sizes(2**62), sizes(0)),
    "many of nothing": tensor(sizes(0, 2**62, 2**62), sizes(0, 0, 0)),
    "65 axes": tensor(sizes(*[1] * 65), sizes(*[1] * 65)),
    "fewer strides": tensor(sizes(2, 3), sizes(1)),
    "a bool as size": tensor(sizes(b"\x88"), sizes(1)),
    "text as size": tensor(text("6"), sizes(1)),
    "a float as offset": tensor(sizes(1), sizes(1), b"G" + bytes(8)),
    "a list as storage": tensor(sizes(1), sizes(1), where=b"]"),
    "a negative storage": tensor(sizes(1), sizes(1), where=storage(numel=-1)),
    "a huge storage": tensor(sizes(1), sizes(1), where=storage(numel=2**62)),
    "a longer storage": tensor(sizes(7), sizes(1), where=storage(numel=7)),
    "a shorter storage": tensor(sizes(5), sizes(1), where=storage(numel=5)),
    "another type": tensor(sizes(3), sizes(1), where=storage("torch.DoubleStorage")),
    "two types": tensor(sizes(6), sizes(1)) + tensor(sizes(6), sizes(1),
                where=storage("torch.IntStorage")) + b"\x86",
    "conjugated": tensor(sizes(1), sizes(1), more=b"}" + text("conj") + b"\x88s"),
    "integers with gradients": tensor(sizes(6), sizes(1), where=storage("torch.IntStorage"),
                                      requires_grad=b"\x88"),
    "a parameter of text": name("torch._utils._rebuild_parameter") + text("x") + b"\x88N\x87R",
    "a buffer by any function": name("torch._tensor._rebuild_from_type_v2") + b"("
                                + name("torch.Size") + name("torch.Tensor") + b"])}tR",
    "a buffer of any class": name("torch._tensor._rebuild_from_type_v2") + b"("
                             + name("torch._utils._rebuild_tensor_v2") + b"N)}tR",
}  # fmt: skip


@pytest.mark.parametrize("case", POSSIBLE)
def test_possible_tensors(case):
    program, expected = POSSIBLE[case]
    assert run(program + b".", [NUMBERS]).tolist() == expected


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_tensors(case):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        run(IMPOSSIBLE[case] + b".", [NUMBERS])


@pytest.mark.parametrize("key", ["1", "", "../../etc/passwd", "/etc/passwd", "0/", "\0", "é" * 99])
def test_storages_outside_of_the_archive(key):
    with pytest.raises(RuntimeError, match="it has no record"):
        run(tensor(sizes(1), sizes(1), where=storage(key=key)) + b".", [NUMBERS])


# ------------------------------------------------------------------------------------------------
# Archives that cannot be
# ------------------------------------------------------------------------------------------------


def test_compressed_archives_are_refused():
    contents = records(saved(mg.zeros(1_000_000)))
    file = archive_of(contents, zipfile.ZIP_DEFLATED)
    assert len(file.getvalue()) < 20_000
    with pytest.raises(RuntimeError, match="compressed"):
        mg.load(file)


def test_archives_that_repeat_themselves_are_refused():
    """Many entries for the same bytes: a small file that would fill the memory."""
    raw = saved([mg.zeros(100_000), mg.ones(100_000)]).getvalue()
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        first = opened.getinfo("archive/data/0").header_offset
        second = opened.getinfo("archive/data/1").header_offset
        end = opened.getinfo("archive/version").header_offset
    place = raw.index(b"archive/data/1", end) - 46 + 42  # of its offset, in the directory
    assert struct.unpack_from("<I", raw, place) == (second,)
    changed = bytearray(raw)
    changed[place : place + 4] = struct.pack("<I", first)
    del changed[second:end]
    with pytest.raises(RuntimeError, match="corrupted"):
        mg.load(io.BytesIO(changed))


def test_archives_that_are_no_checkpoints():
    with pytest.raises(RuntimeError, match=r"no data\.pkl"):
        mg.load(archive_of({"a/b": b"c"}))
    with pytest.raises(RuntimeError, match="corrupted"):
        mg.load(io.BytesIO(b"PK\x03\x04" + bytes(100)))


def test_encrypted_archives_are_refused():
    raw = bytearray(saved(1).getvalue())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(RuntimeError, match="encrypted"):
        mg.load(io.BytesIO(raw))


def test_a_changed_number_is_noticed():
    raw = bytearray(saved(mg.ones(4)).getvalue())
    raw[raw.index(np.ones(4, np.float32).tobytes()) + 5] ^= 1
    with pytest.raises(RuntimeError, match=r"checksum.*corrupted"):
        mg.load(io.BytesIO(raw))


# ------------------------------------------------------------------------------------------------
# Accidents at random
# ------------------------------------------------------------------------------------------------


def small():
    base = mg.arange(6.0)
    return {
        "a": base, "b": base[1::2], "p": nn.Parameter(mg.ones(1, 2)), "n": np.arange(3.0),
        "s": {1, (2, 3)}, "o": OrderedDict(x=[1.5, "é", b"b"]), "z": mg.Size([2]), "d": mg.int64,
    }  # fmt: skip


def attempt(file):
    """Load, and look at everything that was loaded; the message if that is refused."""
    try:
        loaded = mg.load(file)
    except ERRORS as error:
        return str(error)
    look_at(loaded)
    return None


def look_at(thing, seen=()):
    if id(thing) in seen:
        return
    seen = {*seen} if isinstance(seen, tuple) else seen
    seen.add(id(thing))
    if isinstance(thing, (mg.Tensor, np.ndarray)):
        array = np.asarray(thing.detach() if isinstance(thing, mg.Tensor) else thing)
        assert array.size > 10**6 or len(array.ravel().tolist()) == array.size
    elif isinstance(thing, dict):
        look_at([*thing, *thing.values()], seen)
    elif isinstance(thing, (list, tuple, set)):
        for part in thing:
            look_at(part, seen)


def test_cut_off_anywhere():
    raw = saved({"a": mg.ones(2), "b": [1]}).getvalue()
    for end in range(len(raw)):
        with pytest.raises((RuntimeError, EOFError)):
            mg.load(io.BytesIO(raw[:end]))


def test_flipped_bits():
    raw = saved(small()).getvalue()
    rng = random.Random(1)
    outcomes = []
    for _ in range(3000):
        changed = bytearray(raw)
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            changed[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        outcomes.append(attempt(io.BytesIO(changed)))
    assert 0 < outcomes.count(None) < 2800  # padding may change; what counts has checksums
    assert all(message is None or len(message) > 20 for message in outcomes)


def test_programs_changed_at_random():
    """With the right checksums, so that the machine itself gets to see the nonsense."""
    file = saved(small())
    contents = records(file)
    program = contents["archive/data.pkl"]
    storages = [
        np.frombuffer(contents[f"archive/data/{k}"], np.uint8)
        for k in range(sum("/data/" in name for name in contents))
    ]
    rng = random.Random(2)
    outcomes = []
    for _ in range(5000):
        changed = bytearray(program)
        for _ in range(rng.choice([1, 1, 2, 4])):
            place = rng.randrange(2, len(changed))
            kind = rng.randrange(4)
            if kind == 0:
                changed[place] = rng.randrange(256)
            elif kind == 1:
                changed[place] = rng.choice(b"(.01RQabcetu})]\x81\x85\x86\x87hqjrKJMNX\x88\x89")
            elif kind == 2:
                del changed[place : place + rng.randrange(1, 9)]
            else:
                start = rng.randrange(2, len(changed))
                changed[place:place] = changed[start : start + rng.randrange(1, 30)]
        file = io.BytesIO()
        archive.write_archive(file.write, bytes(changed), storages)
        file.seek(0)
        outcomes.append(attempt(file))
    assert 0 < outcomes.count(None) < 4500
    assert all(message is None or len(message) > 20 for message in outcomes)


# ------------------------------------------------------------------------------------------------
# Safetensors
# ------------------------------------------------------------------------------------------------


def test_safetensors(tmp_path):
    pytest.importorskip("safetensors", reason="the package safetensors is not installed")
    path = tmp_path / "a.safetensors"
    model = Model()
    state = {
        **model.state_dict(), "scalar": mg.tensor(2, dtype=mg.int16), "empty": mg.empty(0, 3),
        "transposed": mg.rand(2, 3).t(), "flags": mg.tensor([True, False]),
        "half": mg.ones(2, dtype=mg.float16),
    }  # fmt: skip
    serialization.save_safetensors(state, path, metadata={"made by": "a test"})
    loaded = serialization.load_safetensors(path)
    assert set(loaded) == set(state)
    for key, value in state.items():
        assert loaded[key].dtype is value.dtype
        assert loaded[key].shape == value.shape
        assert mg.equal(loaded[key], value)
    loaded["transposed"] += 1
    other = Model()
    other.load_state_dict({key: loaded[key] for key in model.state_dict()})
    with pytest.raises(TypeError, match="safetensors holds tensors"):
        serialization.save_safetensors({"a": 1}, path)
    with pytest.raises(TypeError, match="must both be str"):
        serialization.save_safetensors({}, path, metadata={"a": 1})
    assert os.listdir(tmp_path) == ["a.safetensors"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Exception, match=r"(?i)error|invalid|incomplete"):
        serialization.load_safetensors(path)


def test_safetensors_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        serialization.save_safetensors({}, tmp_path / "a")
    with pytest.raises(ImportError, match="pip install safetensors"):
        serialization.load_safetensors(tmp_path / "a")
    assert os.listdir(tmp_path) == []
