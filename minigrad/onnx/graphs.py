"""Graphs inside of graphs: the bodies of loops, and what their nodes read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["bodies", "graphs", "names_read", "with_inner"]


def bodies(node: Any) -> list[Any]:
    """The graphs in the attributes of a node."""
    return [a.g for a in node.attribute if a.HasField("g")]


def graphs(graph: Any) -> Iterator[Any]:
    """A graph, and those in its nodes."""
    yield graph
    for node in graph.node:
        for body in bodies(node):
            yield from graphs(body)


def with_inner(node: Any) -> list[Any]:
    """A node, and those in its bodies."""
    return [node, *[inner for body in bodies(node) for n in body.node for inner in with_inner(n)]]


def names_read(nodes: Sequence[Any]) -> set[str]:
    """The names of all values that nodes, and those in their bodies, read or give back."""
    every = [inner for node in nodes for inner in with_inner(node)]
    read = {name for node in every for name in node.input}
    return read | {o.name for node in every for body in bodies(node) for o in body.output}
