"""Functions of ``torch.nn.init`` under the names that they had before they said: in place."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..nn import init

_NAMES = (
    "constant", "eye", "kaiming_normal", "kaiming_uniform", "normal", "orthogonal", "sparse",
    "uniform", "xavier_normal", "xavier_uniform",
)  # fmt: skip

__all__ = [*_NAMES]


def _old(name: str) -> Callable[..., Any]:
    new = getattr(init, f"{name}_")

    def function(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.",
            FutureWarning,
            stacklevel=2,
        )
        return new(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`minigrad.nn.init.{name}_`, with a FutureWarning."
    return function


globals().update({name: _old(name) for name in _NAMES})
