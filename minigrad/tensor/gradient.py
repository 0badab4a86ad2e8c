"""A tensor's dealings with the graph: its gradient, what hangs on it, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..autograd.backward import backward as run_backward
from ..autograd.hooks import HooksInTurn, RemovableHandle, add_hook, add_tensor_hook, retain
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase, wrap
from ..autograd.views import is_view

if TYPE_CHECKING:
    from .tensor import Tensor


def check_gradient(tensor: Tensor, grad: Any) -> None:
    """Raise if `grad` cannot be the gradient of `tensor`: it has another shape, or type."""
    if not isinstance(grad, TensorBase):
        raise TypeError(
            "assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(grad).__name__}"
        )
    if grad.array.shape != tensor.array.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(grad.array.shape)}' to a "
            f"tensor of size '{list(tensor.array.shape)}'. Please ensure that the gradient "
            "and the tensor are the same size"
        )
    if grad.array.dtype != tensor.array.dtype:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype 'torch.{grad.array.dtype}' to a tensor "
            f"with dtype '{tensor.dtype}'"
        )


def backward(
    tensor: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add this tensor's gradient to each leaf's ``.grad``: see `minigrad.autograd.backward`."""
    run_backward(tensor, gradient, retain_graph, create_graph, inputs)


def register_hook(tensor: Tensor, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call ``hook(grad)`` when this tensor's gradient is known; what it returns replaces it.

    The hook must not change `grad` in place: other tensors' gradients may share its memory.
    ``lambda g: g.clamp(-1, 1)`` is right, ``g.clamp_(-1, 1)`` is not.
    """
    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    return add_tensor_hook(tensor, hook)


def register_post_accumulate_grad_hook(
    tensor: Tensor, hook: Callable[[Any], Any]
) -> RemovableHandle:
    """Call ``hook(tensor)`` after `backward` has added to this leaf's ``.grad``."""
    if not tensor.is_leaf or not tensor.requires_grad:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if tensor._accumulate_hooks is None:
        tensor._accumulate_hooks = HooksInTurn()
    return add_hook(tensor._accumulate_hooks, hook)


def retain_grad(tensor: Tensor) -> None:
    """Let the next `backward` fill ``.grad`` though this is no leaf."""
    if not tensor.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if tensor.is_leaf or tensor.retains_grad:
        return
    retain(tensor)
    tensor._retains_grad = True


def detach(tensor: Tensor) -> Tensor:
    """The same memory, outside the graph: no gradient goes from the result to this tensor.

    A write to one of them is seen in the other, and the graph notices it.
    """
    if is_listening():
        return heard(detach, (tensor,), {})
    twin: Tensor = wrap(tensor.array)
    twin.version = tensor.version
    return twin


def detach_(tensor: Tensor) -> Tensor:
    """Cut this tensor from the graph that made it; it becomes a leaf."""
    if is_view(tensor):
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    tensor.edge, tensor.view_of, tensor._requires_grad = None, None, False
    return tensor
