"""Names of arguments: PyTorch's, NumPy's where PyTorch takes them too, and ``out=``.

``golden/signatures.json`` has PyTorch's names in order; ``golden/make_signatures.py`` writes it.
"""

import inspect
import json
from pathlib import Path

import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.ops import checked

GOLDEN = json.loads(
    (Path(__file__).parent / "golden" / "signatures.json").read_text(encoding="utf-8")
)
# The documentation calls these otherwise than the function does, or has arguments in between
# that make no sense here.
OTHERWISE = {
    "torch.concatenate",
    "torch.norm",
    "torch.set_num_interop_threads",
    "torch.set_num_threads",
    "torch.true_divide",
    "torch.load",
    "torch.save",
}


def public(full):
    module, _, name = full.rpartition(".")
    function = getattr(mg if module == "torch" else F, name, None)
    if function is None or isinstance(function, type):
        return None
    return function if hasattr(inspect.unwrap(function), "__code__") else None


@pytest.mark.parametrize("full", [n for n in GOLDEN if public(n) and n not in OTHERWISE])
def test_arguments_have_the_names_that_pytorch_gives_them(full):
    code = inspect.unwrap(public(full)).__code__
    ours, theirs = code.co_varnames[: code.co_argcount], GOLDEN[full]
    count = min(len(ours), len(theirs))
    aliases = {v: k for k, v in checked.OWN_NAMES.get(full.rpartition(".")[2], {}).items()}
    assert [aliases.get(n, n) for n in ours[:count]] == theirs[:count]


def test_many_functions_were_compared():
    assert sum(public(n) is not None for n in GOLDEN) > 220


X = mg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
I = mg.tensor([[0, 1]])  # noqa: E741
AXIS = [
    "{}.sum(axis=1, keepdims=True)",
    "{}.mean(axis=1, keepdims=True)",
    "{}.prod(axis=1, keepdims=True)",
    "{}.var(axis=1, keepdims=True)",
    "{}.std(axis=1, keepdims=True)",
    "{}.amax(axis=1, keepdims=True)",
    "{}.argmin(axis=1, keepdims=True)",
    "{}.max(axis=1, keepdims=True).values",
    "{}.median(axis=1, keepdims=True).values",
    "{}.all(axis=1, keepdims=True)",
    "{}.logsumexp(axis=1, keepdims=True)",
    "{}.unsqueeze(axis=1)",
    "{}[:, :1].squeeze(axis=1)",
    "{}.topk(2, axis=1).values",
    "{}.unbind(axis=1)[0]",
    "{}.chunk(2, axis=1)[0]",
    "{}.gather(axis=1, index=I)",
    "{}.index_select(axis=1, index=I[0])",
    "{}.narrow(axis=1, start=0, length=1)",
    "{}.select(axis=1, index=0)",
    "{}.repeat_interleave(2, axis=1)",
    "{}.take_along_dim(I, axis=1)",
    "{}.cumsum(axis=1)",
    "{}.softmax(axis=1)",
    "{}.sort(axis=1).values",
    "{}.count_nonzero(axis=1)",
    "{}.unflatten(axis=1, sizes=(3, 1))",
]


@pytest.mark.parametrize("call", AXIS)
def test_axis_is_dim_in_functions_and_methods(call):
    plain = call.replace("axis=", "dim=").replace("keepdims=", "keepdim=")
    names = {"X": X, "I": I, "mg": mg}
    expected = eval(plain.format("X"), names)
    assert eval(call.format("X"), names).tolist() == expected.tolist()
    name, _, rest = call.removeprefix("{}").removeprefix("[:, :1]").removeprefix(".").partition("(")
    argument = "X[:, :1]" if "[:, :1]" in call else "X"
    assert eval(f"mg.{name}({argument}, {rest}", names).tolist() == expected.tolist()


def test_other_names_of_arguments():
    assert mg.stack([X, X], axis=1).shape == mg.cat([X[:, None]] * 2, axis=1).shape == (2, 2, 3)
    assert mg.sum(x=X).item() == mg.sum(a=X).item() == mg.sum(input=X).item() == 22
    assert mg.pow(X, exponent=2).tolist() == X.pow(exponent=2).tolist() == (X * X).tolist()
    assert mg.dot(X[0], tensor=X[0]).item() == mg.mv(X, vec=X[0])[0].item() == 14
    assert mg.swapaxes(X, axis0=0, axis1=1).shape == (3, 2)


@pytest.mark.parametrize("call", ["sum(X, foo=1)", "stack([X], foo=1)", "squeeze(X, foo=1)",
                                  "zeros(2, foo=1)", "cumsum(X, 0, keepdims=True)",
                                  "squeeze(X, 0, out=X)", "flip(X, (0,), out=X)"])  # fmt: skip
def test_errors_name_the_function_and_the_keyword(call):
    name, keyword = call.partition("(")[0], call.rpartition("=")[0].rpartition(" ")[2]
    with pytest.raises(
        TypeError, match=rf"{name}\(\) got an unexpected keyword argument '{keyword}'"
    ):
        eval(f"mg.{call}", {"mg": mg, "X": X})


@pytest.mark.parametrize("call", ["sum(X, dim=0, axis=0)", "stack([X], dim=0, axis=0)"])
def test_an_axis_may_not_be_given_twice(call):
    with pytest.raises(TypeError, match="multiple values for argument 'dim'"):
        eval(f"mg.{call}", {"mg": mg, "X": X})


OUT = {
    "add(X, X)": mg.float32, "exp(X)": mg.float32, "sum(X, 0)": mg.float32, "eq(X, X)": mg.bool,
    "mean(X, 1)": mg.float64, "matmul(X, X.t())": mg.float32, "cat([X, X])": mg.float32,
    "stack([X, X])": mg.float32, "gather(X, 0, I)": mg.float32, "clamp(X, 2)": mg.float32,
    "where(X > 2, X, X)": mg.float32, "tril(X)": mg.float32, "cumsum(X, 0)": mg.float32,
    "argmax(X, 0)": mg.int64, "zeros(2, 2)": mg.int64, "ones(3)": mg.float64, "arange(3)": mg.int64,
    "full((2,), 3.0)": mg.float32, "linspace(0, 1, 3)": mg.float32, "eye(2)": mg.float32,
    "softmax(X, 0)": mg.float32, "pow(X, 2)": mg.float32, "mul(X, 3)": mg.float64,
}  # fmt: skip


@pytest.mark.parametrize("call", OUT)
def test_out_is_written_to_and_returned(call):
    names = {"mg": mg, "X": X, "I": I}
    expected = eval(f"mg.{call}", names)
    names["out"] = out = mg.empty(0, dtype=OUT[call])
    version = out._version
    assert eval(f"mg.{call[:-1]}, out=out)", names) is out
    assert (out.shape, out.dtype) == (expected.shape, OUT[call])
    assert out.tolist() == expected.tolist()
    assert out._version > version


def test_out_of_several_results_and_of_an_argument():
    values, indices = mg.empty(0), mg.empty(0, dtype=mg.int64)
    pair = mg.max(X, 0, out=(values, indices))
    assert pair.values is values
    assert pair.indices is indices
    assert (values.tolist(), indices.tolist()) == ([4.0, 5.0, 7.0], [1, 1, 1])
    x = X.clone()
    mg.add(x, x, out=x)
    assert x.tolist() == (X * 2).tolist()


def test_out_keeps_its_memory_where_it_has_the_right_shape():
    out = mg.zeros(3, 2).t()
    pointer = out.data_ptr()
    mg.add(X, X, out=out)
    assert (out.data_ptr(), out.stride()) == (pointer, (1, 2))
    with pytest.warns(UserWarning, match=r"resized since it had shape \[2, 3\]"):
        mg.sum(X, 0, out=mg.ones(2, 3))


def test_what_out_may_not_be():
    w = X.clone().requires_grad_()
    for bad in (lambda: mg.add(w, X, out=mg.empty(2, 3)), lambda: mg.exp(X, out=w)):
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            bad()
    with mg.no_grad():
        mg.add(w, X, out=w)
    assert w.tolist() == (X * 2).tolist()
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        mg.add(X, X, out=mg.empty(2, 3).long())
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        mg.add(X, X, out=mg.empty(3).expand(2, 3))
    with pytest.raises(TypeError, match="argument 'out' must be Tensor, not list"):
        mg.sum(X, 0, out=[1])
    with pytest.raises(TypeError, match="argument 'out' must be tuple of 2 Tensors"):
        mg.max(X, 0, out=mg.empty(0))
