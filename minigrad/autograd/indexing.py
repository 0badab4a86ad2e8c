"""Indices, and gradients of what they take out of a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arrays.recording import records
from ..arrays.sums import add_at
from .tensor_base import TensorBase

ndarray = np.ndarray


class Index(tuple[Any, ...]):
    """An index made of slices and arrays, which knows the `tensors` that the arrays belong to."""

    tensors: list[TensorBase]


def index_of(items: Iterable[Any], sources: Iterable[Any]) -> tuple[Any, ...]:
    """The index `items`, made of `sources`, of which those are noted that are tensors."""
    tensors = [t for t in sources if isinstance(t, TensorBase)]
    if not tensors:
        return tuple(items)
    index = Index(items)
    index.tensors = tensors
    return index


def is_plain(index: Any) -> bool:
    """Whether it is a number or a slice, as nearly all are: so it names no entry twice."""
    return type(index) is int or type(index) is slice


class Placed:
    """The gradient of ``x[index]``: `g` at `index`, else zero. `walk` adds it without the zeros."""

    __slots__ = ("g", "index", "shape")

    def __init__(self, g: Any, shape: tuple[int, ...], index: Any) -> None:
        self.g, self.shape, self.index = g, shape, index

    def add_to(self, total: ndarray) -> ndarray:
        """Add to `total` in place; an entry that `index` names twice gets both."""
        index = self.index
        if not is_plain(index) and any([
            isinstance(i, ndarray) and i.dtype.kind != "b"
            for i in (index if isinstance(index, tuple) else (index,))
        ]):  # fmt: skip
            add_at(total, index, self.g)
        else:
            total[index] += self.g
        return total

    def dense(self) -> ndarray:
        """The whole array."""
        if records(self.g):
            return self.g.placed(self.shape, self.index)
        total = np.zeros(self.shape, self.g.dtype)
        if is_plain(self.index):
            total[self.index] = self.g
            return total
        return self.add_to(total)
