"""Tensors that a module recognises as its own: `Parameter` (learned) and `Buffer` (only stored).

Both are ordinary tensors to every operation; the class is the mark that `Module.__setattr__` looks
for. The result of an operation on them is a plain `Tensor` again.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..tensor import Tensor, from_array, own_attributes

if TYPE_CHECKING:
    from typing_extensions import Self


def _as_kind(cls: type[Any], data: Tensor | None, requires_grad: bool) -> Any:
    """A tensor of class `cls` on the memory of `data`, outside any graph."""
    if data is None:
        return from_array(np.empty(0, dtypes.default()), requires_grad=requires_grad, cls=cls)
    source = data.detach()
    if requires_grad and not source.dtype.is_floating_point:
        raise RuntimeError(
            "Only Tensors of floating point and complex dtype can require gradients: "
            f"{cls.__name__}(data=...) has dtype {source.dtype}"
        )
    tensor = from_array(source.array, requires_grad=requires_grad, cls=cls)
    tensor.version = source.version  # one memory, one count of its in-place changes
    return tensor


class Parameter(Tensor):
    """A tensor to be learned: assigned to a module's attribute, it joins ``module.parameters()``.

    Parameters
    ----------
    data : Tensor, optional
        The initial value. Its memory is shared, not copied. Default: an empty tensor.
    requires_grad : bool
        False freezes the parameter. Default: True.

    Raises
    ------
    RuntimeError
        `requires_grad` with data that are not floating point.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.parameter import Parameter
    >>> Parameter(mg.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Self:
        """See the class."""
        return _as_kind(cls, data, requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass  # `__new__` has done it all; `Tensor.__init__` must not run a second time

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        copied: Parameter = memo[id(self)]
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        arguments = (self.detach(), self.requires_grad)
        return type(self), arguments, own_attributes(self) or None


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learned, such as a running mean.

    Parameters
    ----------
    data : Tensor, optional
        The initial value. Its memory is shared, not copied. Default: an empty tensor.
    persistent : bool
        Whether it is part of ``module.state_dict()``. Default: True.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.module import Module
    >>> module = Module()
    >>> module.mean = Buffer(mg.zeros(2))
    >>> dict(module.named_buffers())
    {'mean': tensor([0., 0.])}
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Self:
        """See the class."""
        buffer = _as_kind(cls, data, data is not None and data.requires_grad)
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            copied = type(self)(self.detach().clone(), persistent=self.persistent)
            memo[id(self)] = copied
            copied.requires_grad = self.requires_grad
            copied.__dict__.update(copy.deepcopy(own_attributes(self), memo))
        result: Buffer = memo[id(self)]
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        arguments = (type(self), self.detach(), self.persistent)
        return _rebuild_buffer, arguments, own_attributes(self) or None


def _rebuild_buffer(cls: type[Buffer], data: Tensor, persistent: bool) -> Buffer:
    return cls(data, persistent=persistent)
