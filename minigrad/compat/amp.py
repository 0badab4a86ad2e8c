"""`torch.amp`: computing with fewer bits where that does no harm. Here every number keeps its own.

`autocast` changes nothing and `GradScaler` scales by 1, as PyTorch's does when it is not enabled.
`minigrad.cuda.amp` has the same names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .no_effect import say_once

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

F = TypeVar("F", bound=Callable[..., Any])
_WHY = "tensors are computed in their own dtype, in float32 if nothing else is asked for"


class autocast:
    """A ``with`` block, or a decorator, in which nothing is different; warns once.

    Parameters
    ----------
    device_type : str
        Such as ``"cuda"``; where PyTorch's old form has ``enabled``, as in ``autocast(False)``.
    dtype, cache_enabled : optional
        Without effect.
    enabled : bool
        False: do not warn, as nothing was wanted. Default: True.
    """

    def __init__(
        self, device_type: Any = "cuda", dtype: Any = None, enabled: bool = True,
        cache_enabled: Any = None,
    ) -> None:  # fmt: skip
        if isinstance(device_type, bool):
            device_type, enabled = "cuda", device_type
        self.device = device_type
        self.fast_dtype = dtype
        if enabled:
            say_once("torch.autocast", _WHY)

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, func: F) -> F:
        return func


class GradScaler:
    """Scales the loss by 1, and steps the optimizer; warns once.

    Its methods do what those of PyTorch's do with ``enabled=False``, the state that PyTorch puts
    it in where there is no GPU.

    Parameters
    ----------
    device, init_scale, growth_factor, backoff_factor, growth_interval : optional
        Without effect.
    enabled : bool
        False: do not warn, as nothing was wanted. Default: True.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.compat.amp import GradScaler
    >>> scaler = GradScaler(enabled=False)
    >>> scaler.scale(mg.tensor(3.0)), scaler.get_scale(), scaler.is_enabled()
    (tensor(3.), 1.0, False)
    """

    def __init__(
        self, device: Any = "cuda", init_scale: float = 65536.0, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        if enabled:
            say_once("torch.amp.GradScaler", _WHY)

    def scale(self, outputs: Any) -> Any:
        """`outputs` as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Do nothing: nothing was scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """What ``optimizer.step(*args, **kwargs)`` returns."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing: the scale is 1."""

    def get_scale(self) -> float:
        """1.0."""
        return 1.0

    def get_growth_factor(self) -> float:
        """1.0."""
        return 1.0

    def get_backoff_factor(self) -> float:
        """1.0."""
        return 1.0

    def get_growth_interval(self) -> int:
        """0."""
        return 0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """An empty dictionary."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""


def is_autocast_available(device_type: str) -> bool:
    """False: `autocast` has no effect."""
    return False


def custom_fwd(fwd: Any = None, *, device_type: str = "cuda", cast_inputs: Any = None) -> Any:
    """The ``forward`` of an `autograd.Function` as it is; also as a decorator with options."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    return fwd


def custom_bwd(bwd: Any = None, *, device_type: str = "cuda") -> Any:
    """The ``backward`` of an `autograd.Function` as it is; also as a decorator with options."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    return bwd
