"""What has to be a tensor is one: every public function, with something else in each such place.

The functions are taken from the modules, so that a new one is tested by existing.
"""

import inspect
import runpy
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import linalg
from minigrad.ops.checked import KINDS, OWN_KINDS

operations = runpy.run_path(str(Path(__file__).parent / "golden" / "operations.py"))
F, nn = mg.nn.functional, mg.nn
WRONG = [[1.0, 2.0], 2.5, None, np.ones((2, 2)), "a", {}]
ONES, LONGS = mg.ones(2, 2), mg.zeros(2, 2, dtype=mg.int64)

# What to give for the arguments before the one in question, where ones will not do.
GIVEN = {
    "dim": 0, "p": 0.5, "normalized_shape": (2,), "pad": (1, 1), "indices": LONGS, "index": LONGS,
    "mask": ONES > 0, "condition": ONES > 0, "tensors": [ONES, ONES], "reduction": "mean",
    "target": ONES, "end": ONES, "size_average": None, "reduce": None, "running_mean": mg.ones(2),
    "running_var": mg.ones(2), "ignore_index": -100, "a": ONES, "value": ONES,
    "prepend": ONES, "y": ONES,
    "sorted_sequence": ONES, "count": ONES,
}  # fmt: skip


def arguments(name, function):
    """(all names, how many may be given by position, the kinds of those that are tensors)."""
    inner = getattr(function, "__wrapped__", None)
    made = inner is None or getattr(inner, "public", None) is function
    if made and hasattr(function, "ufunc"):  # by `unary` and its like: all have the same names
        code = function.__code__
        names = [n for n in code.co_varnames[: code.co_argcount] if n in ("input", "other")]
        kind = "Tensor or Number" if len(names) == 2 else "Tensor"
        return names, len(names), dict.fromkeys(names, kind)
    code = getattr(function, "__wrapped__", function).__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    own = OWN_KINDS.get(name, {})
    kinds = {n: own.get(n, KINDS.get(n)) for n in names}
    return names, code.co_argcount, {n: k for n, k in kinds.items() if k is not None}


def public(module, names=None):
    for name, function in sorted(vars(module).items()):
        if name.startswith("_") or isinstance(function, type) or not callable(function):
            continue
        if (names is None or name in names) and "minigrad" in (function.__module__ or ""):
            yield name, function


FUNCTIONS = [
    (f"{module.__name__}.{name}", name, function)
    for module, names in (
        (mg, None), (F, F.__all__), (linalg, linalg.__all__),
        (nn.init, [n for n in vars(nn.init) if n.endswith("_") and not n.startswith("_")]),
    )
    for name, function in public(module, names)
    if name not in operations["WITHOUT_TENSORS"]
]  # fmt: skip


@pytest.mark.parametrize(("path", "name", "function"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_no_tensor_is_refused_by_name(path, name, function):
    names, count, kinds = arguments(name, function)
    assert kinds, "no argument is known for a tensor: add its name to minigrad.ops.checked"
    for k, argument in enumerate(names):
        for wrong in WRONG if argument in kinds else ():
            kind = kinds[argument]
            if (wrong is None and "None" in kind) or (
                isinstance(wrong, float) and "Number" in kind
            ):
                continue
            if kind == "tuple of Tensors" and isinstance(wrong, list):
                continue
            given = [GIVEN.get(n, ONES if n in KINDS else 1) for n in names[: min(k, count)]]
            if path.endswith(("embedding", "one_hot", "nll_loss")):
                given = [LONGS[0] if n in ("input", "target") else g for n, g in zip(names, given)]
            if k < count:
                args, options = [*given, wrong], {}
                rest = inspect.signature(function).parameters
                args += [
                    GIVEN.get(n, ONES if n in KINDS else 1)
                    for n in names[k + 1 : count]
                    if n in rest and rest[n].default is inspect.Parameter.empty
                ]
            else:
                args, options = given, {argument: wrong}
            shown = "indices" if (name, argument) == ("embedding", "input") else argument
            with pytest.raises(TypeError, match=rf"{shown}'.* must be "):
                function(*args, **options)


@pytest.mark.parametrize("name", ["cat", "stack", "hstack", "vstack", "concat"])
def test_lists_of_tensors_hold_tensors(name):
    for wrong in ([ONES, [1.0]], [ONES, 2], (np.ones(2),), [None]):
        with pytest.raises(TypeError, match=r"expected Tensor as element \d in argument 0"):
            getattr(mg, name)(wrong)


METHODS = {
    "gather": (0, "index"), "index_select": (0, "index"), "take": ("index",), "equal": ("other",),
    "masked_fill": ("mask", 1.0), "masked_select": ("mask",), "where": ("condition", 1.0),
    "scatter_add": (0, "index", "src"), "index_add": (0, "index", "source"), "mm": ("mat2",),
    "index_copy": (0, "index", "source"), "index_fill": (0, "index", 1.0), "matmul": ("other",),
    "addcmul": ("tensor1", "tensor2"), "dist": ("other",), "lerp": ("end", 0.5),
    "add": ("other",), "mul": ("other",), "sub": ("other",), "div": ("other",), "eq": ("other",),
    "maximum": ("other",), "add_": ("other",), "mul_": ("other",), "div_": ("other",),
    "masked_fill_": ("mask", 1.0), "scatter_add_": (0, "index", "src"), "clamp_min": ("min",),
    "view_as": ("other",), "expand_as": ("other",), "take_along_dim": ("indices", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_refuse_what_is_no_tensor(name):
    for k, argument in enumerate(METHODS[name]):
        if isinstance(argument, str):
            for wrong in ([1.0], None, np.ones((2, 2)), "a"):
                args = [GIVEN.get(a, ONES) if isinstance(a, str) else a for a in METHODS[name]]
                args[k] = wrong
                with pytest.raises(
                    TypeError, match=rf"{name}\(\): argument '{argument}'.* must be"
                ):
                    getattr(ONES.clone(), name)(*args)


MODULES = {
    nn.Linear: (2, 2), nn.Embedding: (3, 2), nn.LayerNorm: (2,), nn.RMSNorm: (2,),
    nn.BatchNorm1d: (2,), nn.RNN: (2, 2), nn.LSTM: (2, 2), nn.GRU: (2, 2), nn.RNNCell: (2, 2),
    nn.LSTMCell: (2, 2), nn.GRUCell: (2, 2), nn.Tanh: (), nn.Sigmoid: (), nn.ReLU: (), nn.GELU: (),
    nn.Softmax: (0,), nn.LogSoftmax: (0,), nn.Dropout: (), nn.Flatten: (), nn.LockedDropout: (),
}  # fmt: skip


@pytest.mark.parametrize("layer", MODULES)
def test_layers_refuse_what_is_no_tensor(layer):
    module = layer(*MODULES[layer])
    for wrong in ([1.0, 2.0], 2.5, None, np.ones((2, 2), np.float32), "a"):
        with pytest.raises(TypeError, match=r"must be a? ?Tensor, not"):
            module(wrong)


def test_names_stay_what_they_were():
    assert mg.sum.__name__ == "sum"
    assert mg.clip is mg.clamp
    assert mg.concat is mg.cat
    assert [*inspect.signature(mg.gather).parameters][:3] == ["input", "dim", "index"]
    assert mg.sum.__doc__ == mg.Tensor.sum.__doc__ != ""
    assert mg.gather(input=LONGS, dim=0, index=LONGS).tolist() == LONGS.tolist()
    with pytest.raises(TypeError, match=r"gather\(\): argument 'index' \(position 3\) must be"):
        mg.gather(input=LONGS, dim=0, index=[0])
    with pytest.raises(TypeError, match=r"exp\(\): argument 'input' \(position 1\) must be Tensor"):
        mg.exp([1.0])


def test_functions_can_be_pickled():
    import pickle

    for function in (mg.sum, mg.gather, mg.cat, mg.add, mg.linalg.norm):
        assert pickle.loads(pickle.dumps(function)) is function


def test_rules_still_run_on_arrays():
    """And what a user sees of it, a hook, is handed tensors."""
    x = mg.tensor([0.5, 1.0], requires_grad=True)
    for f in (mg.exp, mg.tanh, mg.sigmoid):
        f(x).cumsum(0).max().backward()
    (g,) = mg.autograd.grad(mg.where(x > 0.7, x.exp(), x.sin()).sum(), x, create_graph=True)
    g.sum().backward()


X, MASK = mg.arange(6.0).reshape(2, 3), mg.tensor([[True, False], [True, True]])
REFUSED = [
    (lambda: X.roll(()), RuntimeError, "`shifts` required"),
    (lambda: X.roll((1, 2), 0), RuntimeError, "shifts and dimensions must align"),
    (lambda: X.roll((1, 2)), RuntimeError, "shifts and dimensions must align"),
    (lambda: X.movedim((0, 1), (1,)), RuntimeError, "same number of dims as destination"),
    (lambda: X.flip(), TypeError, "missing 1 required positional arguments"),
    (lambda: X.narrow(0, mg.tensor(True), 1), RuntimeError, "must be an 0-dim integral Tensor"),
    (lambda: X.narrow(0, mg.tensor([1]), 1), RuntimeError, "must be an 0-dim integral Tensor"),
    (lambda: X.narrow(1, 4, 0), IndexError, "start out of range"),
    (lambda: X.narrow(1, 0, -1), RuntimeError, "length must be non-negative"),
    (lambda: mg.meshgrid(), RuntimeError, "expects a non-empty TensorList"),
    (lambda: mg.meshgrid(X), RuntimeError, "Expected 0D or 1D tensor"),
    (lambda: mg.meshgrid(X[0], LONGS[0]), RuntimeError, "have the same dtype"),
    (lambda: mg.meshgrid(X[0], indexing="ji"), RuntimeError, "indexing must be one of"),
    (lambda: mg.hstack([]), RuntimeError, "hstack expects a non-empty TensorList"),
    (lambda: mg.vstack([]), RuntimeError, "vstack expects a non-empty TensorList"),
    (lambda: mg.isclose(X, X, rtol=-1.0), RuntimeError, "rtol must be greater than or equal"),
    (lambda: mg.allclose(X, X, atol=-1.0), RuntimeError, "atol must be greater than or equal"),
    (lambda: mg.eye(-1), RuntimeError, "n must be greater or equal to 0"),
    (lambda: mg.eye(1, -2), RuntimeError, "m must be greater or equal to 0"),
    (lambda: mg.linspace(0, 1, -1), RuntimeError, "number of steps must be non-negative"),
    (lambda: mg.linspace(0, 1, 3, dtype=mg.bool), NotImplementedError, "for 'Bool'"),
    (lambda: mg.arange(2, dtype=mg.bool), NotImplementedError, "for 'Bool'"),
    (lambda: X.take_along_dim(LONGS.int(), 0), RuntimeError, "indices should be Long"),
    (lambda: X.repeat_interleave(-1), RuntimeError, "Repeats must be non-negative"),
    (lambda: mg.repeat_interleave(LONGS), RuntimeError, "only accept 1D vector"),
    (lambda: X.repeat_interleave(mg.tensor([1, 2]), 0, output_size=4), RuntimeError, "required"),
    (lambda: X.topk(1.5), TypeError, "argument 'k' must be int, not float"),
    (lambda: X.sum((0, 1, -2)), RuntimeError, "dim 0 appears multiple times"),
    (lambda: F.pad(X, (-2, -1), mode="reflect"), RuntimeError, "input is too small"),
    (lambda: F.pad(X, (-2, -1), mode="replicate"), RuntimeError, "input is too small"),
    (lambda: F.pad(X, (-2, -2), mode="circular"), RuntimeError, "input is too small"),
    (lambda: mg.addcdiv(X, LONGS, LONGS), RuntimeError, "no longer supported"),
    (lambda: +MASK, RuntimeError, "on a bool tensor is not supported"),
    (lambda: MASK.clamp(MASK, MASK), NotImplementedError, "for 'Bool'"),
    (lambda: MASK.cumsum(0, dtype=mg.bool), NotImplementedError, "for 'Bool'"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_arguments_that_do_not_go_together_are_refused(k):
    call, error, words = REFUSED[k]
    with pytest.raises(error, match=words):
        call()


def test_arguments_that_seem_not_to_go_together():
    """But do: an axis rolled twice, an index of another shape that names nothing."""
    assert X.roll((1, 1), (1, 1)).tolist() == X.roll(2, 1).tolist()
    nothing = mg.zeros(0, dtype=mg.int64)
    weight = mg.ones(2, 3, requires_grad=True)
    for result in (weight.scatter(0, nothing, 1.0), weight.scatter_add(0, nothing, mg.zeros(0))):
        assert result.tolist() == [[1.0] * 3] * 2
        result.sum().backward()
    assert weight.grad.tolist() == [[2.0] * 3] * 2
    assert weight.gather(1, nothing).shape == (0,)
    repeated = X.repeat_interleave(mg.tensor([1, 2]), 0, output_size=3)
    assert repeated.tolist() == [[0, 1, 2], [3, 4, 5], [3, 4, 5]]
    assert mg.linspace(-3.7, 9.9, 5, dtype=mg.int64).tolist() == [-3, 0, 3, 6, 9]
    assert mg.linspace(2, 0, 1, dtype=mg.bool).tolist() == [True]
    assert MASK.prod(0, dtype=mg.bool).tolist() == [True, False]
    assert X.gather(1, LONGS, sparse_grad=True).tolist() == [[0, 0], [3, 3]]


@pytest.mark.parametrize("make", [mg.arange, lambda n, out: mg.linspace(0, n - 1, n, out=out)])
def test_sequences_keep_the_shape_of_out(make):
    x = mg.zeros(3, 3)
    view = x[1:, ::2]
    assert make(4, out=view) is view
    assert x.tolist() == [[0, 0, 0], [0, 0, 1], [2, 0, 3]]


def test_what_out_must_be():
    doubles = mg.zeros(2, 2, dtype=mg.float64)
    for call in (mg.neg, mg.floor, mg.tril, lambda x, out: mg.gather(x, 0, LONGS, out=out)):
        with pytest.raises(RuntimeError, match=r"Expected out tensor to have dtype torch.float32"):
            call(ONES, out=doubles)
    with pytest.raises(RuntimeError, match=r"Expected out tensor to have dtype torch.float64"):
        mg.cumsum(ONES, 0, dtype=mg.float64, out=mg.zeros(2, 2))
    with pytest.raises(RuntimeError, match="does not match dtype of out parameter"):
        mg.zeros(2, dtype=mg.int64, out=mg.zeros(2))
    assert mg.exp(ONES, out=doubles) is doubles
    columns = mg.zeros(0)
    mg.exp(X.t(), out=columns)  # what takes another shape takes the order in memory with it
    assert columns.stride() == (1, 3)


def test_steps_through_memory():
    strided = mg.arange(10)[::2]
    assert strided.ravel().stride() == (1,)
    assert all([places.stride() == (1,) for places in mg.eye(3).nonzero(as_tuple=True)])
    assert mg.zeros(2, 0, 3).stride() == (3, 3, 1)
    assert mg.zeros(2, 3, 4)[:, 1:1].stride() == (12, 4, 1)


def test_bools_have_no_product_wherever_they_come_from():
    """Also where the type of the entries is another object than NumPy's own."""
    foreign = np.zeros((2, 2), np.dtype("?").newbyteorder("<").newbyteorder("="))
    for mask in (MASK, mg.from_numpy(foreign)):
        with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
            mask @ mask
