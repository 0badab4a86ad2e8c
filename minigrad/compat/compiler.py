"""`torch.compiler` and `torch._dynamo`: what scripts tell PyTorch's compiler.

`minigrad.compile` takes functions as they are, and needs none of it.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ..replay import compile as compile

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "config", "cudagraph_mark_step_begin",
    "disable", "graph_break", "is_compiling", "is_dynamo_compiling", "is_exporting",
    "list_backends", "mark_dynamic", "mark_static", "reset", "set_stance",
]  # fmt: skip

T = TypeVar("T")


class _Config:
    """Switches of PyTorch's compiler: any can be set, and none does anything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


config = _Config()


def disable(fn: Any = None, recursive: bool = True, **others: Any) -> Any:
    """The function as it is; also as a decorator with options."""
    return fn if fn is not None else _same


def _same(fn: T) -> T:
    """The function as it is."""
    return fn


allow_in_graph = assume_constant_result = _same


def is_compiling() -> bool:
    """False: code runs while it is recorded, as it always does."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def list_backends(exclude_tags: Any = None) -> list[str]:
    """An empty list: `minigrad.compile` has one way to run."""
    return []


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


reset = graph_break = mark_dynamic = mark_static = set_stance = cudagraph_mark_step_begin = _nothing
