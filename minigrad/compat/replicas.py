"""`torch.nn.parallel`: one model on several devices, or in several processes. There is one."""

from __future__ import annotations

from typing import Any

from ..nn.module import Module
from .no_effect import not_here

__all__ = ["DistributedDataParallel", "data_parallel", "gather", "replicate", "scatter"]

_WHY = "there is no second device to spread anything over"


class DistributedDataParallel(Module):
    """Raises NotImplementedError when it is built: there is one process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "nn.parallel.DistributedDataParallel is not in minigrad, which trains in one process: "
            "use the model itself where torch.distributed.is_initialized() is False"
        )


def data_parallel(module: Any, inputs: Any, *devices: Any, module_kwargs: Any = None) -> Any:
    """What `module` returns for `inputs`, a tensor or a tuple."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


gather = not_here("torch.nn.parallel.gather", _WHY, "GPUs")
replicate = not_here("torch.nn.parallel.replicate", _WHY, "GPUs")
scatter = not_here("torch.nn.parallel.scatter", _WHY, "GPUs")
