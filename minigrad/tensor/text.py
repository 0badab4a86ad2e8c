"""A tensor as text: its numbers, and behind them where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..arrays import dtypes, printing

if TYPE_CHECKING:
    from .tensor import Tensor


def text_of(tensor: Tensor) -> str:
    """Such as ``tensor([1., 2.], grad_fn=<AddBackward0>)``."""
    suffixes = []
    edge = tensor.edge if tensor.node is not None else None
    if edge is not None:
        node, output = edge
        suffixes.append(f"grad_fn=<{node.name(output)}>")
    elif tensor._requires_grad:
        suffixes.append("requires_grad=True")
    return printing.tensor_text(tensor.array, default_dtype=dtypes.default(), suffixes=suffixes)


def formatted(tensor: Tensor, spec: str) -> str:
    """Its only number in the format `spec`, as in ``f"{loss:.3f}"``; of others, Python's own."""
    if not tensor.array.ndim and tensor.array.size:
        return format(tensor.array.item(), spec)
    return object.__format__(tensor, spec)
