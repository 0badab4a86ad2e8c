"""`nn.DataParallel`: a model copied to several GPUs. Without any, the model itself."""

from __future__ import annotations

from typing import Any

from ..nn.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Calls the module that it holds. The state dict's names begin with ``module.``.

    Parameters
    ----------
    module : Module
        The model.
    device_ids, output_device, dim : optional
        How to spread batches over GPUs: there are none.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.compat.parallel import DataParallel
    >>> DataParallel(mg.nn.Linear(2, 3), device_ids=[0])(mg.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self, module: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []
        self.dim = dim

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module returns."""
        return self.module(*args, **kwargs)
