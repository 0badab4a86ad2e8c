"""Copies and pickles of tensors: `copy`, `deepcopy`, `pickle`, and what goes along with a tensor.

A copy is a leaf. Tensors that share memory share it again when they were copied together, and the
attributes that users gave to a tensor stay with it.
"""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.tensor_base import Version, wrap
from ..ops.layout import copied
from .leaf import from_array

if TYPE_CHECKING:
    from .tensor import Tensor

ndarray = np.ndarray


def own_attributes(tensor: Tensor) -> dict[str, Any]:
    """The attributes that the user has given to `tensor`, as opposed to those that all have."""
    plain = type(wrap(tensor.array))  # `Tensor`, whatever subclass of it `tensor` is of
    return {
        name: value
        for name, value in tensor.__dict__.items()
        if name not in ("array", "version") and not hasattr(plain, name)
    }


def warn_of_hooks(tensor: Tensor) -> None:
    """Warn that the hooks of `tensor`, if it has any, are not saved."""
    place, output = tensor.edge or (tensor, 0)
    found = place._hooks.of_tensors.get(output, {}) if place._hooks is not None else {}
    for hook in found.values():
        warnings.warn(
            f"backward hook {hook!r} on tensor will not be serialized: register it again on the "
            "tensor that is loaded",
            stacklevel=4,
        )


def deepcopied(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with memory of its own, for `copy.deepcopy`."""
    if not tensor.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Detach the tensor first."
        )
    if id(tensor) not in memo:
        array, version = _copied_memory(tensor.array, memo)
        twin = from_array(array, tensor._requires_grad, type(tensor))
        twin.version = version
        memo[id(tensor)] = twin  # before its attributes, which may come back to it
        if tensor._grad is not None:
            twin._grad = tensor._grad.__deepcopy__(memo)  # type: ignore[attr-defined]
        twin.__dict__.update(copy.deepcopy(own_attributes(tensor), memo))
    result: Tensor = memo[id(tensor)]
    return result


def shallow(tensor: Tensor) -> Tensor:
    """The same memory and attributes, outside any graph, for `copy.copy`."""
    twin: Tensor = from_array(tensor.array, tensor.requires_grad, type(tensor))
    twin.version = tensor.version
    twin.__dict__.update(own_attributes(tensor))
    return twin


def reduced(tensor: Tensor, protocol: Any) -> Any:
    """What `pickle` writes down: how to call `rebuild`."""
    warn_of_hooks(tensor)
    kind = type(tensor)
    named = None if kind is type(wrap(tensor.array)) else kind  # `Tensor` goes without saying
    arguments = (tensor.array, tensor.requires_grad, named)
    return rebuild, arguments, own_attributes(tensor) or None


def rebuild(array: ndarray, requires_grad: bool, cls: type[Tensor] | None = None) -> Tensor:
    """Unpickle a tensor."""
    tensor: Tensor = from_array(array, requires_grad, cls)
    return tensor


def _copied_memory(array: ndarray, memo: dict[Any, Any]) -> tuple[ndarray, Version]:
    """`array` in a copy of its memory, and the count of that copy's changes in place.

    All views of the memory get the same copy: they share memory again.
    """
    whole = array
    while isinstance(whole.base, ndarray):
        whole = whole.base
    if id(whole) not in memo:
        # The original is kept as well, so that nothing else gets its id.
        memo[id(whole)] = whole.copy(order="K"), Version(), whole
    twin, version, _ = memo[id(whole)]
    if whole is array:
        return twin, version
    if twin.strides != whole.strides:  # memory with gaps
        return copied(array), Version()
    offset = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    memory = twin.ravel("K").view(np.uint8)
    return np.ndarray(array.shape, array.dtype, memory, offset, array.strides), version
