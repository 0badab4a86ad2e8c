"""What `export` is given: the tensors in its arguments, their names, and their free axes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.tensor_base import TensorBase, wrap
from .tracing import flattened, rebuilt

__all__ = ["Given", "arguments"]

# How much larger than in the example an axis is, in the recordings; None is small.
STEPS = (3, 8, None, 61, 24, 22)
MORE_STEPS = (1, 12, 18, 2, 5)  # where others fail


class Given:
    """The arguments of a call.

    Attributes
    ----------
    call : tuple
        The arguments: those by place, and those by name.
    names : list of str
        The name of each tensor among them, in order.
    free : dict of (str, int) to str
        The name of each free axis, by tensor and place.
    """

    def __init__(self, call: Any, names: Sequence[str], free: dict[tuple[str, int], str]) -> None:
        self.call, self.names, self.free = call, list(names), free

    @property
    def arrays(self) -> dict[str, Any]:
        """The arrays of the tensors by their names."""
        return {n: t.array for n, t in zip(self.names, flattened(self.call))}

    def resized(self, setting: dict[str, int], seed: int) -> Given:
        """The same with other sizes along free axes, and other values of the same kind."""
        numbers = np.random.default_rng(seed)
        tensors = []
        for name, array in self.arrays.items():
            shape = [
                setting.get(self.free.get((name, k), ""), n) for k, n in enumerate(array.shape)
            ]
            if array.size:
                drawn = numbers.choice(array.reshape(-1), shape)
                if array.dtype.kind == "f":  # (no two the same: an order of equals is no order)
                    drawn = drawn * numbers.uniform(0.5, 1, shape)
                array = np.asarray(drawn, array.dtype)
            else:
                array = np.zeros(shape, array.dtype)
            tensors.append(wrap(array))
        return Given(rebuilt(self.call, iter(tensors)), self.names, self.free)

    def settings(self) -> list[dict[str, int]]:
        """Sizes for the free axes to try: larger than in the example, small, and far larger."""
        first: dict[str, int] = {}
        for (name, axis), label in self.free.items():
            first.setdefault(label, self.arrays[name].shape[axis])
        tried: list[dict[str, int]] = []
        for steps in (STEPS, MORE_STEPS):
            for i in range(len(steps)):
                setting: dict[str, int] = {}
                for k, (label, size) in enumerate(first.items()):
                    step = steps[(i + 2 * k) % len(steps)]  # (no two axes grow together)
                    new = 2 + k if step is None else size + step
                    while new in setting.values():
                        new += 1
                    setting[label] = new
                tried.append(setting)
        return tried


def arguments(
    model: Any, args: Any, kwargs: Any, input_names: Sequence[str] | None, dynamic_axes: Any,
    dynamic_shapes: Any, output_names: Sequence[str] | None,
) -> Given:  # fmt: skip
    """The arguments of `export`, checked."""
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    named = dict(kwargs or {})
    if args and isinstance(args[-1], dict):
        named = {**args[-1], **named}
        args = args[:-1]
    call = (args, named)
    if not flattened(call):
        raise TypeError("onnx.export: args must have a Tensor in it")
    names = _names(model, call, input_names)
    return Given(call, names, _free_axes(model, call, names, dynamic_axes, dynamic_shapes,
                                         output_names))  # fmt: skip


def _of_forward(model: Any, call: Any) -> list[tuple[str, Any]]:
    """The arguments by their names in ``forward``."""
    args, named = call
    try:
        bound = inspect.signature(model.forward).bind(*args, **named)
    except (TypeError, ValueError):  # (the call itself says what is wrong)
        return [*[(f"input_{k}", a) for k, a in enumerate(args)], *named.items()]
    pairs: list[tuple[str, Any]] = []
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            pairs += [(f"{name}_{k}", v) for k, v in enumerate(value)]
        elif kind is inspect.Parameter.VAR_KEYWORD:
            pairs += list(value.items())
        else:
            pairs.append((name, value))
    return pairs


def _names(model: Any, call: Any, wanted: Sequence[str] | None) -> list[str]:
    names: list[str] = []
    order: list[Any] = []
    for name, value in _of_forward(model, call):
        tensors = flattened(value)
        order += tensors
        names += [name] if len(tensors) == 1 else [f"{name}_{k}" for k in range(len(tensors))]
    tensors = flattened(call)
    if [id(t) for t in order] != [id(t) for t in tensors]:  # arguments by name in another order
        names = [f"input_{k}" for k in range(len(tensors))]
    if wanted is not None:
        wanted = [wanted] if isinstance(wanted, str) else list(wanted)
        if len(wanted) > len(names):
            raise ValueError(
                f"onnx.export: input_names has {len(wanted)} names, but there are {len(names)} "
                "tensors in args"
            )
        names[: len(wanted)] = wanted
    if len(set(names)) != len(names):
        raise ValueError(f"onnx.export: input_names must differ, but are {names}")
    return names


def _free_axes(
    model: Any, call: Any, names: Sequence[str], dynamic_axes: Any, dynamic_shapes: Any,
    output_names: Sequence[str] | None,
) -> dict[tuple[str, int], str]:  # fmt: skip
    """The name of each free axis, by tensor and place."""
    shapes = {n: t.array.shape for n, t in zip(names, flattened(call))}
    wanted: dict[str, Any] = {}
    for name, axes in (dynamic_axes or {}).items():
        if name in shapes:
            wanted[name] = axes
        elif name not in (output_names or ()) and not str(name).startswith("output"):
            warnings.warn(
                f"onnx.export: dynamic_axes has {name!r}, which is no input or output: the inputs "
                f"are {', '.join(names)}", stacklevel=4,
            )  # fmt: skip
    if dynamic_shapes and not dynamic_axes:
        wanted = _from_shapes(model, call, names, dynamic_shapes)
    free: dict[tuple[str, int], str] = {}
    sizes: dict[str, int] = {}
    for name, axes in wanted.items():
        shape = shapes[name]
        if not isinstance(axes, Mapping):
            axes = {axis: f"{name}_dynamic_axes_{k + 1}" for k, axis in enumerate(axes or ())}
        for axis, label in axes.items():
            if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
                raise ValueError(
                    f"onnx.export: dynamic_axes: {name} has shape {list(shape)}, and no axis "
                    f"{axis!r}"
                )
            size = shape[axis]
            free[name, axis % len(shape)] = str(label)
            if sizes.setdefault(str(label), size) != size:
                raise ValueError(
                    f"onnx.export: dynamic_axes: axis {label!r} has size {sizes[str(label)]} in "
                    f"one place, and {size} as axis {axis} of {name}"
                )
    return free


def _from_shapes(model: Any, call: Any, names: Sequence[str], shapes: Any) -> dict[str, Any]:
    """`dynamic_axes` from `dynamic_shapes`."""
    pairs = _of_forward(model, call)
    specs = [shapes.get(n) for n, _ in pairs] if isinstance(shapes, Mapping) else list(shapes)
    found = [s for (_, value), spec in zip(pairs, specs) for s in _specs(value, spec)]
    wanted = {}
    for name, spec in zip(names, found):
        items = spec.items() if isinstance(spec, Mapping) else enumerate(spec or ())
        wanted[name] = {
            axis: dim if isinstance(dim, str) else getattr(dim, "__name__", f"{name}_{axis}")
            for axis, dim in items
            if dim is not None and not isinstance(dim, int)
        }
    return wanted


def _specs(value: Any, spec: Any) -> list[Any]:
    if isinstance(value, TensorBase):
        return [spec]
    if isinstance(value, (tuple, list)):
        inner = spec if spec is not None else [None] * len(value)
        return [s for v, own in zip(value, inner) for s in _specs(v, own)]
    return []
