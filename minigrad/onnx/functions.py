"""Functions that are one entry of a list in ONNX: those of minigrad's, and `tracing.WHOLE`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plans.traced import Numbered
from .sizes import Size
from .table import done, entry, one, operands, options_of
from .tracing import WHOLE
from .writing import Operand, Writer

__all__: list[str] = []

CALLS: dict[str, Any] = {}


def _call(*names: str) -> Any:
    def decorate(function: Any) -> Any:
        CALLS.update(dict.fromkeys(names, function))
        return function

    return decorate


@entry("call")
def _called(w: Writer, entries: Any) -> Any:
    name = entries[0].options[0].function.__name__
    write = CALLS.get(name)
    if write is None:
        return w.refuse(f"there is no form in ONNX for {name.strip('_')}")
    template = w.fitted([e.options[1] for e in entries])
    inputs = operands(w, entries)
    given = [inputs[a.number] if isinstance(a, Numbered) else a for a in template]
    return write(w, entries, *given)


@_call("erf")
def _erf(w: Writer, entries: Any, x: Operand) -> None:
    done(w, entries, w.node("Erf", [x]))


@_call("in_range")
def _in_range(w: Writer, entries: Any, index: Operand, *rest: Any) -> None:
    done(w, entries, index)


@_call("_running_sum")
def _running_sum(w: Writer, entries: Any, x: Operand, axis: int, backwards: bool) -> None:
    if not x.rank:
        done(w, entries, x)
        return
    place = w.constant(np.asarray(axis))
    done(w, entries, w.node("CumSum", [x, place], reverse=int(backwards)))


@_call("_gathered")
def _gathered(w: Writer, entries: Any, x: Operand, index: Operand, axis: int) -> None:
    """As `gather` of PyTorch's: the index may be smaller along the other axes."""
    starts, axes = [], [k for k in range(x.rank) if k != axis]
    if axes:
        sizes = w.vector([index.shape[k] for k in axes])
        starts = [w.numbers([0] * len(axes)), sizes, w.numbers(axes)]
        x = Operand(w.node("Slice", [x, *starts]), (), x.dtype)
    done(w, entries, w.node("GatherElements", [x, w.cast(index, np.int64)], axis=axis))


@_call("_marks")
def _one_hot(w: Writer, entries: Any, index: Operand, count: Any) -> None:
    line = w.node("Unsqueeze", [index, w.numbers([-1])])
    done(w, entries, w.node("Equal", [line, w.cast(w.arange(count), index.dtype)]), bool)


@_call("_std_in_range")
def _std(w: Writer, entries: Any, x: Operand, axes: Any, keepdims: bool, divisor: Any) -> None:
    axes = range(x.rank) if axes is None else axes
    centred = w.node("Sub", [x, w.reduced("ReduceMean", x, axes, True)])
    square = Operand(w.node("Mul", [centred, centred]), x.shape, x.dtype)
    total = w.reduced("ReduceSum", square, axes, keepdims)
    if isinstance(divisor, Size):
        divisor = w.cast(w.scalar(w.size(divisor)), x.dtype)
    else:
        divisor = one(w, x.dtype, divisor)
    done(w, entries, w.node("Sqrt", [w.node("Div", [total, divisor])]))


@_call("_top_places")
def _top_places(
    w: Writer, entries: Any, x: Operand, k: Any, axis: int, largest: bool, in_order: bool
) -> None:
    names = w.node("TopK", [x, w.size(k)], 2, axis=axis, largest=int(largest), sorted=1)
    done(w, entries, names[1], np.int64)


@_call("_order_of")
def _order_of(
    w: Writer, entries: Any, x: Operand, axis: int, descending: bool, stable: bool
) -> None:
    size = w.size(x.shape[axis])
    names = w.node("TopK", [x, size], 2, axis=axis, largest=int(descending), sorted=1)
    done(w, entries, names[1], np.int64)


@_call("_convolved")
def _convolved(
    w: Writer, entries: Any, x: Operand, weight: Operand, bias: Any, stride: int, padding: int,
    dilation: int, groups: int, count: Any,
) -> None:  # fmt: skip
    inputs = [x, weight] + ([] if bias is None else [bias])
    name = w.node(
        "Conv", inputs, strides=[stride], pads=[padding, padding], dilations=[dilation],
        group=groups, kernel_shape=[weight.shape[2]],
    )  # fmt: skip
    done(w, entries, name)


@_call("_places", "_averaged")
def _pooled(w: Writer, entries: Any, x: Operand, window: Any, with_padding: bool = False) -> None:
    """Pooling: the mean of each window, or where its largest entry is along the axis."""
    is_mean = entries[0].options[0].function.__name__ == "_averaged"
    kernel, stride, padding, dilation, count = window
    if count == 1 and not padding and kernel in (0, x.shape[-1]):  # of all
        if is_mean:
            done(w, entries, w.reduced("ReduceMean", x, [x.rank - 1], True))
        else:
            done(w, entries, w.node("ArgMax", [x], axis=-1, keepdims=1))
        return
    if not all([isinstance(n, int) for n in window[:4]]) or kernel == 0:
        w.refuse("there is no form in ONNX for adaptive pooling to several windows")
    reach = dilation * (kernel - 1) + 1
    for e in entries:
        length, found = e.inputs[0].shape[-1], e.output.shape[-1]
        if (length + 2 * padding - reach) // stride + 1 != found:
            w.refuse("pooling with ceil_mode=True is not exported")
    three = w.reshaped(x, x.shape if x.rank == 3 else (1, *x.shape))
    form: Any = {"kernel_shape": [kernel], "strides": [stride], "pads": [padding, padding]}
    if is_mean:
        name = w.node("AveragePool", [three], count_include_pad=int(with_padding), **form)
    else:
        place = w.node("MaxPool", [three], 2, dilations=[dilation], **form)[1]
        length = w.scalar(w.size(x.shape[-1]))
        name = w.node("Mod", [place, length])  # (it counts the places of all sequences)
    if x.rank != 3:
        name = w.node("Squeeze", [name, w.numbers([0])])
    done(w, entries, name)


@entry(*[f"whole.{name}" for name in WHOLE])
def _whole(w: Writer, entries: Any) -> None:
    kind = entries[0].op.partition(".")[2]
    inputs = operands(w, entries)
    given: list[Any] = [
        inputs[a.number] if isinstance(a, Numbered) else a for a in options_of(w, entries)
    ]
    x = given[0]
    if kind in ("softmax", "log_softmax"):
        op = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[kind]
        done(w, entries, w.node(op, [x], axis=given[1]))
    elif kind in ("sigmoid", "relu"):
        done(w, entries, w.node(kind.capitalize(), [x]))
    elif kind == "mean":
        axes = given[1] if given[1] is not None else tuple(range(x.rank))
        x = w.cast(x, entries[0].output.dtype)
        name = w.reduced("ReduceMean", x, axes, bool(given[2])) if axes else x
        done(w, entries, name)
    elif kind == "softplus":
        _softplus(w, entries, *given)
    else:
        _layer_norm(w, entries, *given)


def _softplus(w: Writer, entries: Any, x: Operand, beta: float, threshold: float) -> None:
    beta_ = one(w, x.dtype, beta)
    scaled = x if beta == 1 else w.node("Mul", [x, beta_])
    soft = w.node("Softplus", [scaled])
    soft = soft if beta == 1 else w.node("Div", [soft, beta_])
    far = w.node("Greater", [scaled, one(w, x.dtype, threshold)])
    done(w, entries, w.node("Where", [far, x, soft]))


def _layer_norm(
    w: Writer, entries: Any, x: Operand, axes: int, gain: Any, bias: Any, eps: float
) -> None:
    if gain is None:
        gain = w.expanded(w.constant(np.ones((1,) * axes, x.dtype)), x.shape[-axes:])
    inputs = [x, gain] + ([] if bias is None else [bias])
    name = w.node("LayerNormalization", inputs, axis=-axes, epsilon=float(eps))
    done(w, entries, name)
