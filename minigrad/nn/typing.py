"""What calls of modules take and return, for type checkers; nothing imports this at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from ..recurrences.packed import PackedSequence
    from ..tensor import Tensor

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result", covariant=True)


class Forwards(Protocol[Arguments, Result]):
    """A module, as its call sees it: it takes and returns what ``forward`` does."""

    @property
    def forward(self) -> Callable[Arguments, Result]: ...


# Recurrent layers. (With a list of hidden sizes, states are tuples of tensors, one for each layer.)


class LayerOfOneState(Protocol):
    """A recurrent layer whose state is a tensor: GRU and most others."""

    @overload
    def __call__(
        self, input: Tensor, hx: Any = None, *, lengths: Any = None
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def __call__(self, input: PackedSequence, hx: Any = None) -> tuple[PackedSequence, Tensor]: ...


class LayerOfTwoStates(Protocol):
    """A recurrent layer whose state is a pair: LSTM."""

    @overload
    def __call__(
        self, input: Tensor, hx: Any = None, *, lengths: Any = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...

    @overload
    def __call__(
        self, input: PackedSequence, hx: Any = None
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]: ...


class CellOfOneState(Protocol):
    """A recurrent cell whose state is a tensor."""

    def __call__(self, input: Tensor, hx: Tensor | None = None) -> Tensor: ...


class CellOfTwoStates(Protocol):
    """A recurrent cell whose state is a pair."""

    def __call__(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]: ...
