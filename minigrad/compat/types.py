"""`torch.types`: names for annotations."""

from __future__ import annotations

from typing import Any, Union

from ..arrays.dtypes import dtype
from ..arrays.size import Size, Storage, device, layout
from ..tensor import Tensor

__all__ = ["Device", "FileLike", "Number", "Size", "Storage", "Tensor", "_dtype", "_size"]

Device = Union[device, str, int, None]  # noqa: UP007 - as libraries may ask for its __args__
FileLike = Any
Number = Union[int, float, bool]  # noqa: UP007
Storage = Storage
_size = Union[Size, list[int], tuple[int, ...]]  # noqa: UP007
_dtype, _device, _layout = dtype, device, layout
_int, _float, _bool = int, float, bool
