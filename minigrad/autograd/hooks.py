"""Functions that users hang on tensors to see, or to replace, gradients as they pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

Hook = Callable[[Any], Any]
_next_id = itertools.count().__next__


class RemovableHandle:
    """What registering a hook returns; `remove` takes the hook off again.

    It is also a context manager that removes the hook at the end of its block.
    """

    def __init__(self, hooks: dict[int, Hook]) -> None:
        self._hooks: dict[int, Hook] | None = hooks
        self.id = _next_id()

    def remove(self) -> None:
        """Take the hook off. A second call does nothing."""
        if self._hooks is not None:
            self._hooks.pop(self.id, None)
            self._hooks = None

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()


def add_tensor_hook(tensor: Any, hook: Hook) -> RemovableHandle:
    """Call `hook` with the gradient of `tensor` whenever one is computed."""
    if tensor.edge is None:  # a leaf keeps its hooks itself, anything else has them at its node
        if tensor._hooks is None:
            tensor._hooks = {}
        hooks = tensor._hooks
    else:
        node, k = tensor.edge
        if node.hooks is None:
            node.hooks = {}
        hooks = node.hooks.setdefault(k, {})
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def apply_hooks(hooks: dict[int, Hook], g: Any) -> Any:
    """Pass a gradient (ndarray or Tensor) through `hooks`; each may return a replacement."""
    from .engine import TensorBase, wrap  # not above: the engine itself imports this file

    as_tensor = isinstance(g, TensorBase)
    tensor = g if as_tensor else wrap(g)
    for hook in list(hooks.values()):
        result = hook(tensor)
        if result is None:
            continue
        if not isinstance(result, TensorBase):
            raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
        if result.array.shape != tensor.array.shape:
            raise RuntimeError(
                f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value: from "
                f"{list(tensor.array.shape)} to {list(result.array.shape)}"
            )
        if result.array.dtype != tensor.array.dtype:
            raise RuntimeError(
                f"hook '{getattr(hook, '__name__', hook)}' has changed the type of value (was "
                f"{tensor.array.dtype} got {result.array.dtype})"
            )
        tensor = result
    return tensor if as_tensor else tensor.array


def apply_node_hooks(hooks: dict[int, dict[int, Hook]], grads: list[Any]) -> None:
    """Pass the gradients of a node's outputs through the hooks of each output, in place."""
    for k, of_output in hooks.items():
        if grads[k] is not None:
            grads[k] = apply_hooks(of_output, grads[k])
