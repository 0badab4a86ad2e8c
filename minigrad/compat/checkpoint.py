"""`torch.utils.checkpoint`: computing again in backward what was not kept in forward.

Here everything is kept. The numbers are the same; the memory is not spared.
"""

from __future__ import annotations

from typing import Any

from .no_effect import say_once

__all__ = ["checkpoint", "checkpoint_sequential"]

_WHY = "what backward needs is kept, as without it"


def checkpoint(
    function: Any, *args: Any, use_reentrant: Any = None, context_fn: Any = None,
    determinism_check: Any = None, debug: Any = None, preserve_rng_state: Any = None,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """What ``function(*args, **kwargs)`` returns; warns once."""
    say_once("torch.utils.checkpoint", _WHY)
    return function(*args, **kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """What the functions return, each given what the one before it returned; warns once."""
    say_once("torch.utils.checkpoint", _WHY)
    for function in functions:
        input = function(input)
    return input
