"""What makers of operations make, for type checkers; nothing imports this at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from ..tensor import Tensor

Pair = TypeVar("Pair", covariant=True)


class Operation(Protocol):
    """A function of tensors, which is a method where it stands in a class."""

    op: Any  # the record of its rules
    public: Any  # its form for users, which checks what it is given

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Tensor]: ...


class Extreme(Protocol[Pair]):
    """`max` or `min`: of all entries, along an axis (a named pair), or of two tensors."""

    @overload
    def __call__(self, input: Any, dim: int, keepdim: bool = False, *, out: Any = None) -> Pair: ...

    @overload
    def __call__(self, input: Any, *, axis: int, keepdims: bool = False) -> Pair: ...

    @overload
    def __call__(self, input: Any, other: Tensor, *, out: Any = None) -> Tensor: ...

    @overload
    def __call__(self, input: Any, *, out: Any = None) -> Tensor: ...

    def __get__(self, instance: Any, owner: Any = None) -> ExtremeOf[Pair]: ...


class ExtremeOf(Protocol[Pair]):
    """The same as a method."""

    @overload
    def __call__(self, dim: int, keepdim: bool = False) -> Pair: ...

    @overload
    def __call__(self, *, axis: int, keepdims: bool = False) -> Pair: ...

    @overload
    def __call__(self, other: Tensor) -> Tensor: ...

    @overload
    def __call__(self) -> Tensor: ...
