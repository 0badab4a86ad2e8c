"""Tensors: the class, how tensors are made, and what can be asked of them.

What belongs here needs the class `Tensor`, or gives it a method. Operations do not: they stand
below, in `minigrad.ops`, and the class names them.

- `tensor`: `Tensor`, every operator and method in one table.
- `memory`, `conversion`, `copying`, `alike`, `text`: the methods that are no operation; `gradient`:
  those about the graph; `seldom`: those that few scripts use; `dlpack`: for other libraries.
- `data`, `leaf`: from what people write to an array, and from an array to a tensor.
- `creation`: tensors from data, filled, in sequences, and at random.
- `questions`: small questions about tensors and types.
"""

from .copying import own_attributes, warn_of_hooks
from .copying import rebuild as _rebuild  # what older pickles call it
from .leaf import from_array
from .tensor import Tensor

__all__ = ["Tensor", "_rebuild", "from_array", "own_attributes", "warn_of_hooks"]
