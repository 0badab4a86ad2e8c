"""``torch._foreach_add_`` and its like: one operation on every tensor of a list.

PyTorch has them for its optimizers, which run one kernel over all parameters; optimizers by others
use them too. Here they are loops, and compute what the tensors' own methods do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ops.linalg import vector_norm
from ..tensor import Tensor

_UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor",
    "frac", "lgamma", "log", "log10", "log1p", "log2", "neg", "reciprocal", "round", "rsqrt",
    "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
_BINARY = (
    "add", "addcdiv", "addcmul", "clamp_max", "clamp_min", "div", "lerp", "maximum", "minimum",
    "mul", "pow", "sub",
)  # fmt: skip
_NAMES = [
    *(name + end for name in (*_UNARY, *_BINARY) for end in ("", "_")), "clone", "copy_", "max",
    "zero_",
]  # fmt: skip
# Tensors have no such methods, or none that takes a number.
_METHODS = {"maximum": "clamp_min", "minimum": "clamp_max"}

__all__ = ["_foreach_norm", *(f"_foreach_{name}" for name in _NAMES)]


def _check(name: str, first: Any, *others: Any) -> None:
    if not isinstance(first, (list, tuple)) or not all(isinstance(t, Tensor) for t in first):
        raise TypeError(f"{name}(): argument 'self' must be a list or tuple of tensors")
    if not first:
        raise RuntimeError(f"{name}: Tensor list must have at least one tensor.")
    for other in others:
        if isinstance(other, (list, tuple)) and len(other) != len(first):
            raise RuntimeError(
                f"{name}: Tensor lists must have the same number of tensors, got {len(first)} and "
                f"{len(other)}"
            )


def _at(value: Any, k: int) -> Any:
    return value[k] if isinstance(value, (list, tuple)) else value


def _foreach(method: str) -> Callable[..., Any]:
    name = f"_foreach_{method}"
    is_in_place = method.endswith("_")
    kind = _METHODS.get(method.rstrip("_"), method.rstrip("_"))
    called = kind + "_" * is_in_place

    def function(self: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        _check(name, self, *args, *kwargs.values())
        if kind in ("addcdiv", "addcmul") and len(args) == 3:
            *args, kwargs["value"] = args  # type: ignore[assignment]
        results = [
            getattr(tensor, called)(
                *[_at(a, k) for a in args], **{key: _at(v, k) for key, v in kwargs.items()}
            )
            for k, tensor in enumerate(self)
        ]
        return self if is_in_place else tuple(results)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"What ``tensor.{called}(...)`` gives for each; lists give to each its own."
    return function


def _foreach_norm(self: Sequence[Tensor], ord: float = 2, dtype: Any = None) -> Any:
    """The norm of each tensor's entries."""
    _check("_foreach_norm", self)
    return tuple([vector_norm(tensor, ord, dtype=dtype) for tensor in self])


globals().update({f"_foreach_{name}": _foreach(name) for name in _NAMES})
