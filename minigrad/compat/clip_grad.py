"""`clip_grad_norm`, the name that `clip_grad_norm_` had before it said that it works in place."""

from __future__ import annotations

import warnings
from typing import Any

from ..nn.utils.clip_grad import clip_grad_norm_

__all__ = ["clip_grad_norm"]


def clip_grad_norm(*args: Any, **kwargs: Any) -> Any:
    """`minigrad.nn.utils.clip_grad_norm_`, with a FutureWarning."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(*args, **kwargs)
