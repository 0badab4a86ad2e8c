"""What the axes of tensors are: ``(L, N, H)``, found out from the layers that they pass.

A recurrent layer says what its input's axes are; operations and other layers hand names on, forward
and backward: the input of an embedding whose output goes into an LSTM is ``(L, N)``. So each axis
is a node, axes that are the same are joined, and a name that one of them gets holds for all.

    L steps, N sequences, H features of a layer, C channels, E embedding, S steps of keys
"""

from __future__ import annotations

import itertools
from typing import Any

from ..autograd.tensor_base import TensorBase
from ..nn.module import Module

__all__ = ["Axis", "Names", "text_of"]

# Of these the result may have the shape of the first argument, but not its axes.
MOVES = frozenset([
    "mm", "bmm", "mv", "view", "unsafe_view", "reshape", "as_strided", "gather", "index_select",
    "take", "take_along_dim", "einsum", "addmm", "baddbmm", "embedding", "repeat", "expand",
    "flatten",
])  # fmt: skip


class Axis:
    """One axis, or several that are the same; of several names the one given first counts."""

    _times = itertools.count()

    def __init__(self, size: int) -> None:
        self.size, self.name, self.named = size, "", 0
        self.same: Axis | None = None

    def first(self) -> Axis:
        """The node that stands for all that are the same."""
        axis = self
        while axis.same is not None:
            axis = axis.same
        return axis

    def join(self, other: Axis) -> None:
        """Say that two axes are the same (they are not, if their sizes differ)."""
        a, b = self.first(), other.first()
        if a is not b and a.size == b.size:
            b.same = a
            if b.name and (not a.name or b.named < a.named):
                a.name, a.named = b.name, b.named

    def call(self, name: str) -> None:
        """Give a name, if there is none."""
        axis = self.first()
        if not axis.name:
            axis.name, axis.named = name, next(Axis._times)


def text_of(axes: list[Axis]) -> str:
    """A shape as text.

    Examples
    --------
    >>> axes = [Axis(5), Axis(3), Axis(10)]
    >>> axes[0].call("L")
    >>> text_of(axes)
    '(L=5, 3, 10)'
    """
    parts = [f"{a.first().name}={a.size}" if a.first().name else f"{a.size}" for a in axes]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


class Names:
    """The axes of all tensors that were seen."""

    def __init__(self) -> None:
        self._axes: dict[int, list[Axis]] = {}
        self._alive: list[Any] = []  # so that no other tensor gets one's id

    def of(self, tensor: Any) -> list[Axis]:
        """The axes of a tensor."""
        key = id(tensor)
        if key not in self._axes:
            self._axes[key] = [Axis(size) for size in tensor.array.shape]
            self._alive.append(tensor)
        return self._axes[key]

    def give(self, tensor: Any, *names: str) -> None:
        """Name the axes of a tensor, if it has as many."""
        axes = self.of(tensor)
        for axis, name in zip(axes, names if len(axes) == len(names) else ()):
            axis.call(name)

    def join(self, a: list[Axis], b: list[Axis]) -> None:
        """Say that axes are the same, one by one."""
        for one, other in zip(a, b):
            one.join(other)

    def of_call(self, call: Any, args: tuple[Any, ...], result: Any) -> None:
        """Hand names on through an operation."""
        if not isinstance(result, TensorBase) or not args:
            return
        name = getattr(call, "__name__", "")
        if name in ("cat", "stack") and isinstance(args[0], (tuple, list)):
            self._of_joined(name, args, result)
            return
        tensors = [a for a in args if isinstance(a, TensorBase)]
        if not tensors:
            return
        first = self.of(tensors[0])
        if name == "transpose" and len(args) == 3:
            axes = list(first)
            axes[args[1]], axes[args[2]] = axes[args[2]], axes[args[1]]
            self.join(axes, self.of(result))
        elif name == "t":
            self.join(first[::-1], self.of(result))
        elif name == "permute" and isinstance(args[1], (tuple, list)):
            self.join([first[k] for k in args[1]], self.of(result))
        elif name == "getitem":
            self.join(_left_by(first, args[1]), self.of(result))
        elif name == "addmm" and len(args) == 3:  # linear
            self.join(first[:-1], self.of(result)[:-1])
        elif name in ("sum", "mean", "amax", "amin") and isinstance(args[1], (tuple, list)):
            lost = [k % len(first) for k in args[1]]
            if not args[-1]:  # keepdim
                self.join([a for k, a in enumerate(first) if k not in lost], self.of(result))
        elif name not in MOVES:
            for tensor in tensors:
                if tensor.array.shape == result.array.shape:
                    self.join(self.of(tensor), self.of(result))

    def _of_joined(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        axes = self.of(result)
        dim = args[1] % len(axes)
        for tensor in args[0]:
            own = list(self.of(tensor))
            if name == "stack":
                own.insert(dim, axes[dim])
            own[dim : dim + 1] = [axes[dim]]
            self.join(axes, own)

    def of_input(self, module: Module, x: Any) -> None:
        """Name the axes of what a recurrent layer is about to read."""
        kind = _kind_of(module)
        if kind == "sequence" and x.array.ndim == 3:
            first = getattr(module, "batch_first", False)
            self.give(x, *(("N", "L") if first else ("L", "N")), "H_in")
        elif kind == "sequence":
            self.give(x, "L", "H_in")
        elif kind == "cell":
            self.give(x, "N", "H_in")

    def of_layer(self, module: Module, inputs: list[Any], outputs: list[Any]) -> None:
        """Name the axes of what a layer takes and gives."""
        if not inputs or not outputs:
            return
        x, y = inputs[0], outputs[0]
        kind = _kind_of(module)
        first: Any = getattr(module, "batch_first", False)
        self.of_input(module, x)
        if kind == "sequence":
            self.join(self.of(x)[:-1], self.of(y)[:-1])
            self.of(y)[-1].call("D*H" if getattr(module, "bidirectional", False) else "H")
            for state in outputs[1:]:
                self.give(state, *(("layers", "N", "H") if x.array.ndim == 3 else ("layers", "H")))
        elif kind == "cell":
            for state in outputs:
                self.join(self.of(x)[:-1], self.of(state)[:-1])
                self.give(state, "N", "H")
        elif kind == "attention":
            self.give(x, *(("N", "L", "E") if first else ("L", "N", "E")))
            self.join(self.of(x), self.of(y))
            for other in inputs[1:3]:
                if other is not x:
                    self.give(other, *(("N", "S", "E") if first else ("S", "N", "E")))
        elif kind == "channels":
            lead = ("N",) if x.array.ndim == 3 or "Norm" in type(module).__name__ else ()
            names = (*lead, "C", "L")[: x.array.ndim]
            self.give(x, *names)
            if x.array.shape == y.array.shape:
                self.join(self.of(x), self.of(y))
            elif lead:
                self.join(self.of(x)[:1], self.of(y)[:1])
            self.give(y, *lead, "C_out", "L_out")
        elif kind == "embedding":
            self.join(self.of(x), self.of(y)[:-1])
            self.of(y)[-1].call("H")
        elif kind == "bag":
            self.give(x, "N", "L")
            self.join(self.of(x)[:-1], self.of(y)[:-1])
            self.give(y, "N", "H")
        elif kind == "linear":
            self.join(self.of(x)[:-1], self.of(y)[:-1])
            self.of(x)[-1].call("H_in")
            self.of(y)[-1].call("H_out")
        elif not module._modules and x.array.shape == y.array.shape:
            self.join(self.of(x), self.of(y))

    def finish(self, tensors: list[Any]) -> None:
        """The last resort: the first of two axes, if nothing has named it, is the batch."""
        for tensor in tensors:
            axes = self.of(tensor)
            if len(axes) == 2 and axes[1].first().name.startswith("H"):
                axes[0].call("N")


def _left_by(axes: list[Axis], index: Any) -> list[Axis]:
    """The axes that plain indexing leaves; new ones where it is not plain."""
    items = list(index) if isinstance(index, (tuple, list)) else [index]
    if any([i is Ellipsis for i in items]):
        place = next(k for k, i in enumerate(items) if i is Ellipsis)
        missing = len(axes) - (len(items) - 1)
        items[place : place + 1] = [slice(None)] * missing
    if not all([type(i) in (int, slice) for i in items]):
        return []
    left = [a for a, i in zip(axes, items) if type(i) is slice]
    return left + axes[len(items) :]


def _kind_of(module: Module) -> str:
    names = {cls.__name__ for cls in type(module).__mro__ if cls.__module__.startswith("minigrad.")}
    for kind, classes in KINDS.items():
        if names & classes:
            return kind
    return ""


KINDS = {
    "sequence": {"SequenceLayer", "_DeepIndRNN"},
    "cell": {"RNNCellBase"},
    "attention": {"MultiheadAttention"},
    "channels": {
        "Conv1d", "ConvTranspose1d", "BatchNorm1d", "InstanceNorm1d", "MaxPool1d", "AvgPool1d",
        "LPPool1d", "AdaptiveAvgPool1d", "AdaptiveMaxPool1d",
    },
    "embedding": {"Embedding"},
    "bag": {"EmbeddingBag"},
    "linear": {"Linear"},
}  # fmt: skip
