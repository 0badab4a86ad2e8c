"""What makers of operations make, for type checkers; nothing imports this at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..tensor import Tensor


class Operation(Protocol):
    """A function of tensors, which is a method where it stands in a class."""

    op: Any  # the record of its rules
    public: Any  # its form for users, which checks what it is given

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Tensor]: ...
