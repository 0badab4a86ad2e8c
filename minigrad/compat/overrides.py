"""`torch.overrides`: classes that are no tensors, and tell functions what to do with them.

Here functions take tensors, and do what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from ..arrays.absent import absent
from ..tensor import Tensor

__all__ = [
    "TorchFunctionMode", "handle_torch_function", "has_torch_function",
    "has_torch_function_unary", "has_torch_function_variadic", "is_tensor_like",
    "wrap_torch_function",
]  # fmt: skip

F = TypeVar("F")


def is_tensor_like(inp: Any) -> bool:
    """Whether `inp` is a tensor, or of a class that says what functions do with it.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.compat.overrides import is_tensor_like
    >>> is_tensor_like(mg.ones(2)), is_tensor_like([1.0, 1.0])
    (True, False)
    """
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of them is of a class of its own, with a ``__torch_function__``."""
    return any(hasattr(arg, "__torch_function__") for arg in relevant_args)


def has_torch_function_unary(arg: Any) -> bool:
    """Whether `arg` is of a class of its own, with a ``__torch_function__``."""
    return has_torch_function((arg,))


def has_torch_function_variadic(*args: Any) -> bool:
    """Whether one of them is of a class of its own, with a ``__torch_function__``."""
    return has_torch_function(args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the first ``__torch_function__`` among `relevant_args` answers.

    Raises
    ------
    TypeError
        None of them has one, or all decline.
    """
    theirs = [type(arg) for arg in relevant_args if hasattr(arg, "__torch_function__")]
    for kind in theirs:
        result = kind.__torch_function__(public_api, tuple(theirs), args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"no implementation found for '{getattr(public_api, '__name__', public_api)}' on types "
        f"that implement __torch_function__: {[kind.__name__ for kind in theirs]}"
    )


def wrap_torch_function(dispatcher: Callable[..., Any]) -> Callable[[F], F]:
    """A decorator that gives the function back as it is."""
    return lambda function: function


class TorchFunctionMode:
    """A ``with`` block in which a method of the class is asked what functions do.

    Here nothing asks. The class can be subclassed and built, as libraries do before anybody asks
    for what they use it for; to enter the block raises NotImplementedError.
    """

    def __enter__(self) -> NoReturn:
        raise absent(
            "rewriting programs", NotImplementedError,
            f"torch.overrides.TorchFunctionMode is not in minigrad: {type(self).__name__} would be "
            "asked what functions do, and here functions ask nobody",
        )  # fmt: skip

    def __exit__(self, *error: object) -> None:
        pass
