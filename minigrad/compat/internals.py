"""`torch._C`: the few names of PyTorch's compiled half that libraries use."""

from __future__ import annotations

from typing import Any

from ..arrays.absent import absent
from ..arrays.dtypes import dtype
from ..arrays.size import Size, device
from ..ops.draws import standard_gamma as _standard_gamma
from ..tensor import Tensor
from ..tensor.creation import Generator, empty

__all__ = [
    "DeviceObjType", "Generator", "PyTorchFileReader", "Size", "TensorBase", "Value",
    "_TensorBase", "_TensorMeta", "_standard_gamma", "device", "dtype",
]  # fmt: skip


class PyTorchFileReader:
    """Raises NotImplementedError when it is made: `torch.load` reads checkpoints."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "torch.PyTorchFileReader is not in minigrad: read checkpoints with torch.load"
        )


class Value:
    """Raises NotImplementedError when it is made: a value in a graph of TorchScript's."""

    def __init__(self) -> None:
        raise absent("TorchScript")


_TensorMeta = type(Tensor)
_TensorBase = TensorBase = Tensor
DeviceObjType = device


def _log_api_usage_once(event: str) -> None:
    """Do nothing: nobody counts who calls what."""


def _mps_is_available() -> bool:
    """False: minigrad runs on the CPU."""
    return False


def _parse_to(*args: Any, **kwargs: Any) -> tuple[device | None, dtype | None, bool, Any]:
    """What arguments of ``module.to`` ask for: device, dtype, non_blocking, memory_format.

    Raises
    ------
    TypeError
        They are none that ``to`` takes.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.compat.internals import _parse_to
    >>> _parse_to("cpu", mg.float64)
    (device(type='cpu'), torch.float64, False, None)
    """
    empty(0).to(*args, **kwargs)  # an error, if they are wrong
    given = list(args)
    for k, value in enumerate(given):
        if isinstance(value, Tensor):
            given[k : k + 1] = [value.device, value.dtype]
    given += [kwargs.get("device"), kwargs.get("dtype")]
    where = next((v for v in given if isinstance(v, (str, device))), None)
    kind = next((v for v in given if isinstance(v, dtype)), None)
    waits = [v for v in given if isinstance(v, bool)]
    return (
        device(where) if isinstance(where, str) else where,
        kind,
        bool(kwargs.get("non_blocking", waits[0] if waits else False)),
        kwargs.get("memory_format"),
    )
