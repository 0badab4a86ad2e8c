"""`torch.nn.parallel`: one model on several devices. There is one.

(In several processes: `minigrad.nn.parallel`.)
"""

from __future__ import annotations

from typing import Any

from .no_effect import not_here

__all__ = ["data_parallel", "gather", "replicate", "scatter"]

_WHY = "there is no second device to spread anything over"


def data_parallel(module: Any, inputs: Any, *devices: Any, module_kwargs: Any = None) -> Any:
    """What `module` returns for `inputs`, a tensor or a tuple."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


gather = not_here("torch.nn.parallel.gather", _WHY, "GPUs")
replicate = not_here("torch.nn.parallel.replicate", _WHY, "GPUs")
scatter = not_here("torch.nn.parallel.scatter", _WHY, "GPUs")
