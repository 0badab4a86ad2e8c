"""A tensor as text: its numbers, and behind them where they come from; and the same in HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arrays import display, dtypes, printing

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


def html_of(tensor: Tensor) -> str | None:
    """What a notebook shows: what kind of tensor it is, its numbers in a table, its gradient.

    Of long tensors the ends are shown, and how large their entries are.
    """
    array = np.asarray(tensor.array)
    edge = tensor.edge if tensor.node is not None else None
    said = [type(tensor).__name__, f"shape {tuple(array.shape)}", str(tensor.dtype)]
    if edge is not None:
        said.append(f"from {edge[0].name(edge[1])}")
    elif tensor._requires_grad:
        said.append("requires grad")
    finite = array[np.isfinite(array)]
    if array.size > 1 and finite.size and array.dtype.kind != "b":
        numbers = finite.astype(np.float64)
        said.append(f"{numbers.min():.4g} to {numbers.max():.4g}, mean {numbers.mean():.4g}")
    if finite.size < array.size:
        said.append(f"{array.size - finite.size} nan or inf")
    shown = display.note(", ".join(said)) + display.table(array)
    if tensor._grad is not None:
        grad = np.asarray(tensor._grad.array)
        norm = np.sqrt((grad.astype(np.float64) ** 2).sum())
        title = f'<span style="font-size:85%">grad, norm {norm:.4g}</span>'
        shown += display.unfolding(title, display.table(grad))
    elif edge is None and tensor._requires_grad:
        shown += display.note("no grad yet")
    return f"<div>{shown}</div>"


def formatted(tensor: Tensor, spec: str) -> str:
    """Its only number in the format `spec`, as in ``f"{loss:.3f}"``; of others, Python's own."""
    if not tensor.array.ndim and tensor.array.size:
        return format(tensor.array.item(), spec)
    return object.__format__(tensor, spec)
