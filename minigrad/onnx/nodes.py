"""What a node of an ONNX graph does, in minigrad's operations: `NODES`, by the operator's name.

Each gets the attributes of the node, then its inputs: tensors, or None for those that are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg

from ..autograd.tensor_base import wrap
from ..nn import functional as F
from .extras import needed

__all__ = ["NODES", "attributes", "reverse_sequence"]

NODES: dict[str, Any] = {}


def attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node by name; texts as str, bodies and tensors as they are."""
    helper = needed("onnx.helper")
    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {name: _text(value) for name, value in found.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_text(v) for v in value] if isinstance(value, (list, tuple)) else value


def _node(*names: str) -> Any:
    def decorate(function: Any) -> Any:
        NODES.update(dict.fromkeys(names, function))
        return function

    return decorate


def _plain(function: Any) -> Any:
    """A node without attributes."""
    return lambda given, *x: function(*x)


def _list(x: Any) -> list[int]:
    """A tensor of whole numbers as a list."""
    return [int(n) for n in x.array.reshape(-1)]


def _dtype(code: int) -> Any:
    return needed("onnx.helper").tensor_dtype_to_np_dtype(code)


def _to(x: Any, dtype: Any) -> Any:
    return x.to(wrap(np.zeros((), dtype)).dtype)


# -- entry by entry --------------------------------------------------------------------------------

NODES |= {
    name: _plain(function)
    for name, function in {
        "Abs": mg.abs, "Acos": mg.acos, "Acosh": mg.acosh, "Add": mg.add, "And": mg.logical_and,
        "Asin": mg.asin, "Asinh": mg.asinh, "Atan": mg.atan, "Atanh": mg.atanh, "Ceil": mg.ceil,
        "Cos": mg.cos, "Cosh": mg.cosh, "Equal": mg.eq, "Erf": mg.erf, "Exp": mg.exp,
        "Floor": mg.floor, "Greater": mg.gt, "GreaterOrEqual": mg.ge, "HardSwish": F.hardswish,
        "Identity": lambda x: x, "IsNaN": mg.isnan, "Less": mg.lt, "LessOrEqual": mg.le,
        "Log": mg.log, "MatMul": mg.matmul, "Mish": F.mish, "Mul": mg.mul, "Neg": mg.neg,
        "Not": mg.logical_not, "Or": mg.logical_or, "Reciprocal": mg.reciprocal, "Relu": mg.relu,
        "Round": mg.round, "Sigmoid": mg.sigmoid, "Sign": mg.sign, "Sin": mg.sin, "Sinh": mg.sinh,
        "Softplus": F.softplus, "Softsign": F.softsign, "Sqrt": mg.sqrt, "Sub": mg.sub,
        "Tan": mg.tan, "Tanh": mg.tanh, "Where": mg.where, "Xor": mg.logical_xor,
        "PRelu": lambda x, slope: mg.where(x < 0, slope * x, x),
    }.items()
}  # fmt: skip
NODES |= {
    "Elu": lambda given, x: F.elu(x, given.get("alpha", 1.0)),
    "Celu": lambda given, x: F.celu(x, given.get("alpha", 1.0)),
    "LeakyRelu": lambda given, x: F.leaky_relu(x, given.get("alpha", 0.01)),
    "HardSigmoid": lambda given, x: (given.get("alpha", 0.2) * x + given.get("beta", 0.5)).clamp(
        0, 1
    ),
    "Gelu": lambda given, x: F.gelu(x, approximate=given.get("approximate", "none")),
    "Softmax": lambda given, x: mg.softmax(x, given.get("axis", -1)),
    "LogSoftmax": lambda given, x: mg.log_softmax(x, given.get("axis", -1)),
    "Cast": lambda given, x: _to(x, _dtype(given["to"])),
    "CastLike": lambda given, x, other: x.to(other.dtype),
}


@_node("Selu")
def _selu(given: Any, x: Any) -> Any:
    alpha, gamma = given.get("alpha", 1.6732632423543772), given.get("gamma", 1.0507009873554805)
    return gamma * F.elu(x, alpha)


@_node("ThresholdedRelu")
def _thresholded(given: Any, x: Any) -> Any:
    return mg.where(x > given.get("alpha", 1.0), x, 0.0)


@_node("Div")
def _div(given: Any, a: Any, b: Any) -> Any:
    return a / b if a.is_floating_point() else mg.div(a, b, rounding_mode="trunc")


@_node("Pow")
def _pow(given: Any, a: Any, b: Any) -> Any:
    return (a**b).to(a.dtype)


@_node("Mod")
def _mod(given: Any, a: Any, b: Any) -> Any:
    return mg.fmod(a, b) if given.get("fmod", 0) else mg.remainder(a, b)


def _folded(function: Any) -> Any:
    def run(given: Any, first: Any, *rest: Any) -> Any:
        for x in rest:
            first = function(first, x)
        return first

    return run


NODES |= {"Max": _folded(mg.maximum), "Min": _folded(mg.minimum), "Sum": _folded(mg.add)}


@_node("Clip")
def _clip(given: Any, x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else mg.maximum(x, low)
    return x if high is None else mg.minimum(x, high)


@_node("Dropout")
def _dropout(given: Any, x: Any, ratio: Any = None, training: Any = None) -> Any:
    if training is not None and bool(training.item()):
        raise NotImplementedError("dropout in training mode")
    return x, mg.ones_like(x, dtype=mg.bool)


# -- reductions and order --------------------------------------------------------------------------


def _reduction(function: Any) -> Any:
    def run(given: Any, x: Any, axes: Any = None) -> Any:
        chosen = given.get("axes") if axes is None else _list(axes)
        if not chosen:
            if given.get("noop_with_empty_axes", 0):
                return x
            chosen = list(range(x.ndim))
        return function(x, tuple([k % x.ndim for k in chosen]), bool(given.get("keepdims", 1)))

    return run


def _prod(x: Any, axes: Any, keepdim: bool) -> Any:
    for k in sorted(axes, reverse=True):
        x = x.prod(k, keepdim)
    return x


NODES |= {
    "ReduceSum": _reduction(lambda x, axes, keep: x.sum(axes, keep, dtype=x.dtype)),
    "ReduceMean": _reduction(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceMax": _reduction(lambda x, axes, keep: x.amax(axes, keep)),
    "ReduceMin": _reduction(lambda x, axes, keep: x.amin(axes, keep)),
    "ReduceL1": _reduction(lambda x, axes, keep: x.abs().sum(axes, keep)),
    "ReduceL2": _reduction(lambda x, axes, keep: (x * x).sum(axes, keep).sqrt()),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: (x * x).sum(axes, keep)),
    "ReduceLogSumExp": _reduction(lambda x, axes, keep: x.logsumexp(axes, keep)),
    "ReduceProd": _reduction(_prod),
}


def _place(function: Any) -> Any:
    def run(given: Any, x: Any) -> Any:
        if given.get("select_last_index", 0):
            raise NotImplementedError("select_last_index")
        return function(x, given.get("axis", 0), bool(given.get("keepdims", 1)))

    return run


NODES |= {"ArgMax": _place(mg.argmax), "ArgMin": _place(mg.argmin)}


@_node("CumSum")
def _cumsum(given: Any, x: Any, axis: Any) -> Any:
    if given.get("exclusive", 0):
        raise NotImplementedError("exclusive sums")
    k = int(axis.item())
    return x.flip(k).cumsum(k).flip(k) if given.get("reverse", 0) else x.cumsum(k)


@_node("TopK")
def _topk(given: Any, x: Any, k: Any) -> Any:
    return tuple(
        x.topk(
            int(k.item()), given.get("axis", -1), bool(given.get("largest", 1)),
            bool(given.get("sorted", 1)),
        )
    )  # fmt: skip


# -- layers ----------------------------------------------------------------------------------------


@_node("Gemm")
def _gemm(given: Any, a: Any, b: Any, c: Any = None) -> Any:
    a = a.t() if given.get("transA", 0) else a
    b = b.t() if given.get("transB", 0) else b
    alpha, beta = given.get("alpha", 1.0), given.get("beta", 1.0)
    y = a @ b if alpha == 1 else alpha * (a @ b)
    if c is None:
        return y
    return y + (c if beta == 1 else beta * c)


@_node("LayerNormalization")
def _layer_norm(given: Any, x: Any, gain: Any, bias: Any = None) -> Any:
    axis = given.get("axis", -1) % x.ndim
    shape = x.shape[axis:]
    y = F.layer_norm(x, shape, eps=given.get("epsilon", 1e-5)) * gain
    return y if bias is None else y + bias


@_node("BatchNormalization")
def _batch_norm(given: Any, x: Any, gain: Any, bias: Any, mean: Any, var: Any) -> Any:
    if given.get("training_mode", 0):
        raise NotImplementedError("training_mode=1")
    line = (1, -1, *(1,) * (x.ndim - 2))
    scale = gain / (var + given.get("epsilon", 1e-5)).sqrt()
    return x * scale.reshape(line) + (bias - mean * scale).reshape(line)


@_node("GlobalAveragePool")
def _global_mean(given: Any, x: Any) -> Any:
    return x.mean(tuple(range(2, x.ndim)), True)


@_node("GlobalMaxPool")
def _global_max(given: Any, x: Any) -> Any:
    return x.amax(tuple(range(2, x.ndim)), True)


@_node("Conv")
def _conv(given: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    if weight.ndim != 3 or given.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotImplementedError("a convolution of images, or with auto_pad")
    before, after = given.get("pads", [0, 0])
    return F.conv1d(
        F.pad(x, (before, after)), weight, bias, stride=given.get("strides", [1])[0],
        dilation=given.get("dilations", [1])[0], groups=given.get("group", 1),
    )  # fmt: skip


# -- shapes and places -----------------------------------------------------------------------------


@_node("Constant")
def _constant(given: Any) -> Any:
    ((name, value),) = given.items()
    if name == "value":
        return wrap(np.array(needed("onnx.numpy_helper").to_array(value)))
    if not name.startswith(("value_int", "value_float")):
        raise NotImplementedError(f"a constant with {name}")
    return wrap(np.array(value, np.int64 if name.startswith("value_int") else np.float32))


@_node("ConstantOfShape")
def _constant_of_shape(given: Any, shape: Any) -> Any:
    value = given.get("value")
    number = (
        np.zeros(1, np.float32) if value is None else needed("onnx.numpy_helper").to_array(value)
    )
    return wrap(np.full(_list(shape), number[0], number.dtype))


@_node("Shape")
def _shape(given: Any, x: Any) -> Any:
    return wrap(np.array(x.shape[given.get("start", 0) : given.get("end")], np.int64))


@_node("Size")
def _size(given: Any, x: Any) -> Any:
    return wrap(np.array(x.numel(), np.int64))


@_node("Range")
def _range(given: Any, start: Any, stop: Any, step: Any) -> Any:
    ends: Any = [v.item() for v in (start, stop, step)]
    return wrap(np.arange(*ends, dtype=start.array.dtype))


@_node("Transpose")
def _transpose(given: Any, x: Any) -> Any:
    return x.permute(*given.get("perm", range(x.ndim)[::-1])) if x.ndim else x


@_node("Reshape")
def _reshape(given: Any, x: Any, shape: Any) -> Any:
    sizes = _list(shape)
    if not given.get("allowzero", 0):
        sizes = [x.shape[k] if n == 0 else n for k, n in enumerate(sizes)]
    return x.reshape(sizes)


@_node("Flatten")
def _flatten(given: Any, x: Any) -> Any:
    axis = given.get("axis", 1) if given.get("axis", 1) >= 0 else given["axis"] + x.ndim
    return x.reshape(int(np.prod(x.shape[:axis], dtype=int)), -1)


@_node("Squeeze")
def _squeeze(given: Any, x: Any, axes: Any = None) -> Any:
    if axes is None:
        return x.squeeze()
    gone = [k % x.ndim for k in _list(axes)]
    return x.reshape([n for k, n in enumerate(x.shape) if k not in gone])


@_node("Unsqueeze")
def _unsqueeze(given: Any, x: Any, axes: Any) -> Any:
    rank = x.ndim + axes.numel()
    new, sizes = {k % rank for k in _list(axes)}, iter(x.shape)
    return x.reshape([1 if k in new else next(sizes) for k in range(rank)])


@_node("Expand")
def _expand(given: Any, x: Any, shape: Any) -> Any:
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(_list(shape))))


@_node("Tile")
def _tile(given: Any, x: Any, times: Any) -> Any:
    return x.repeat(_list(times))


@_node("Concat")
def _concat(given: Any, *x: Any) -> Any:
    return mg.cat(list(x), given["axis"])


@_node("Split")
def _split(given: Any, x: Any, sizes: Any = None) -> Any:
    axis = given.get("axis", 0)
    if sizes is not None:
        return mg.split(x, _list(sizes), axis)
    return mg.split(x, -(-x.shape[axis] // given["num_outputs"]), axis)


@_node("Slice")
def _slice(given: Any, x: Any, starts: Any, stops: Any, axes: Any = None, steps: Any = None) -> Any:
    places = list(range(starts.numel())) if axes is None else [k % x.ndim for k in _list(axes)]
    ways = [1] * len(places) if steps is None else _list(steps)
    for k, start, stop, step in zip(places, _list(starts), _list(stops), ways):
        size = x.shape[k]
        if step < 0:  # (an end below all is "through the first")
            x, step = x.flip(k), -step
            start, stop = [max(-1, n + size if n < 0 else n) for n in (start, stop)]
            start, stop = size - 1 - min(start, size - 1), size - 1 - min(stop, size - 1)
        x = x[(slice(None),) * k + (slice(start, min(stop, size), step),)]
    return x


@_node("Gather")
def _gather(given: Any, x: Any, index: Any) -> Any:
    axis = given.get("axis", 0) % x.ndim
    places = np.where(index.array < 0, index.array + x.shape[axis], index.array).astype(np.int64)
    taken = mg.index_select(x, axis, wrap(places.reshape(-1)))
    return taken.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


@_node("GatherElements")
def _gather_elements(given: Any, x: Any, index: Any) -> Any:
    axis = given.get("axis", 0) % x.ndim
    index = mg.where(index < 0, index + x.shape[axis], index)
    for k in range(x.ndim):
        x = x if k == axis else x.narrow(k, 0, index.shape[k])
    return x.gather(axis, index.long())


@_node("GatherND")
def _gather_nd(given: Any, x: Any, index: Any) -> Any:
    if given.get("batch_dims", 0):
        raise NotImplementedError("batch_dims")
    return x[tuple(index.unbind(-1))]


@_node("Trilu")
def _trilu(given: Any, x: Any, k: Any = None) -> Any:
    function = mg.triu if given.get("upper", 1) else mg.tril
    return function(x, 0 if k is None else int(k.item()))


@_node("Pad")
def _pad(given: Any, x: Any, pads: Any, value: Any = None, axes: Any = None) -> Any:
    if given.get("mode", "constant") != "constant":
        raise NotImplementedError(f"mode {given['mode']}")
    places = list(range(x.ndim)) if axes is None else [k % x.ndim for k in _list(axes)]
    sizes = _list(pads)
    form = [0, 0] * x.ndim
    for k, before, after in zip(places, sizes, sizes[len(places) :]):
        place = 2 * (x.ndim - 1 - k)
        form[place : place + 2] = [before, after]
    return F.pad(x, form, value=0 if value is None else value.item())


@_node("ReverseSequence")
def reverse_sequence(given: Any, x: Any, lengths: Any) -> Any:
    """Each sequence backwards; what lies behind its end stays there."""
    time, batch = given.get("time_axis", 0), given.get("batch_axis", 1)
    steps, ends = np.arange(x.shape[time])[:, None], lengths.array
    places = np.where(steps < ends, ends - 1 - steps, steps).astype(np.int64)
    shape = [1] * x.ndim
    shape[time], shape[batch] = x.shape[time], x.shape[batch]
    index = places if time < batch else places.T
    return x.gather(time, wrap(index.reshape(shape).copy()).expand(x.shape))


@_node("OneHot")
def _one_hot(given: Any, index: Any, depth: Any, values: Any) -> Any:
    axis, count = given.get("axis", -1), int(depth.item())
    places = mg.where(index < 0, index + count, index).long().unsqueeze(axis)
    shape = [1] * places.ndim
    shape[axis] = count
    return mg.where(places == mg.arange(count).reshape(shape), values[1], values[0])
