"""`torch.fx`: programs as graphs, to be rewritten. Libraries name it; minigrad has `compile`."""

from __future__ import annotations

from typing import Any, TypeVar

from .no_effect import not_here

__all__ = ["Graph", "GraphModule", "Node", "Proxy", "Tracer", "symbolic_trace", "wrap"]

T = TypeVar("T")
_WHY = "its steps are recorded by minigrad.compile, and cannot be rewritten"


class GraphModule:
    """The class of modules made from a graph; nothing here is one."""


class Graph:
    """The class of graphs; nothing here is one."""


class Node:
    """The class of what a graph is made of; nothing here is one."""


class Proxy:
    """The class of what stands for a tensor while a graph is made; nothing here is one."""


class Tracer:
    """Raises NotImplementedError when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        symbolic_trace()


def wrap(fn_or_name: T) -> T:
    """The function, or its name, as it is."""
    return fn_or_name


symbolic_trace = not_here("torch.fx.symbolic_trace", _WHY, "rewriting programs")
