"""Levels: a derivative inside a function that is differentiated itself.

Each transformation differentiates by its own copies of the arguments, so that the derivatives of
``grad(grad(f))`` do not get mixed up: inside, x is the copy of a copy. Where the copy of an
argument is in the graph of what it was copied from, whoever differentiates outside goes on through
it. Where it is not, it is the end of a graph that ends with the transformation: `leave` takes
results out of it, unless something else is behind them, such as the parameters of a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.backward import grad as engine_grad
from ..autograd.engine import Node
from ..autograd.grad_mode import is_grad_enabled
from ..autograd.views import edge_of
from ..tensor import Tensor
from .trees import mapped


class Level:
    """One transformation under way.

    Attributes
    ----------
    outer : bool
        Whether operations are recorded outside, so that results may be differentiated there.
    inputs : list of Tensor
        The copies of arguments.
    """

    def __init__(self) -> None:
        self.outer = is_grad_enabled()
        self.inputs: list[Any] = []
        self._own: set[int] = set()  # copies that are in no other graph

    def enter(self, x: Any) -> Any:
        """The copy of an argument by which to differentiate."""
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        if self.outer and x.requires_grad:
            copy = x.view_as(x)
        else:
            copy = x.detach().requires_grad_()
            self._own.add(id(copy))
        self.inputs.append(copy)
        return copy

    def is_open(self, *tensors: Any) -> bool:
        """Whether the graph behind some tensors has other ends than this level's own copies."""
        if not self.outer:
            return False
        left = [edge_of(t) for t in tensors]
        seen: set[int] = set()
        while left:
            edge = left.pop()
            if edge is None or id(edge[0]) in seen:
                continue
            place = edge[0]
            seen.add(id(place))
            if type(place) is Node:
                left += place.edges
            elif id(place) not in self._own:
                return True
        return False

    def leave(self, tree: Any) -> Any:
        """Nested results without the graph of this level."""
        return mapped(self._without_graph, tree)

    def _without_graph(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.requires_grad or self.is_open(value):
            return value
        return value.detach()


def gradients(
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    weights: Sequence[Any] | None,
    retain_graph: bool,
    create_graph: bool,
) -> list[Any]:
    """What the engine gives, with zeros where it gives None."""
    weights = [None] * len(outputs) if weights is None else weights
    pairs = [(y, w) for y, w in zip(outputs, weights) if y.requires_grad]
    found: Sequence[Any] = [None] * len(inputs)
    if pairs:
        used, given = zip(*pairs)
        found = engine_grad(used, inputs, given, retain_graph, create_graph, allow_unused=True)
    return [x.new_zeros(x.shape) if g is None else g for g, x in zip(found, inputs)]
