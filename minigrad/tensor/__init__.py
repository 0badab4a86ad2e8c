"""Tensors: the class, how tensors are made, and what can be asked of them.

What belongs here needs the class `Tensor`. Operations do not: they stand below, in `minigrad.ops`,
and the class names them.

- `tensor`: `Tensor`, every operator and method in one table.
- `creation`: tensors from data, filled, in sequences, and at random.
- `questions`: small questions about tensors and types.
"""

from .tensor import Tensor, _rebuild, from_array, own_attributes, warn_of_hooks

__all__ = ["Tensor", "_rebuild", "from_array", "own_attributes", "warn_of_hooks"]
