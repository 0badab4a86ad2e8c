"""Tensors as MPI sees them: arrays without gaps, and results written back into tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.loans import before_write
from ..autograd.tensor_base import TensorBase, bump_version

__all__ = ["check_list", "check_tensor", "described", "row", "same_dtype", "write"]


def check_tensor(call: str, name: str, value: Any) -> np.ndarray:
    """The array of an argument that has to be a tensor."""
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{call}: Invalid function argument. Expected parameter `{name}` of type torch.Tensor "
            f"but got {type(value)} instead."
        )
    return value.array


def check_list(call: str, name: str, value: Any, count: int | None = None) -> list[np.ndarray]:
    """The arrays of an argument that has to be a list of tensors, one for each of `count` ranks."""
    if not isinstance(value, list):
        raise TypeError(
            f"{call}: Invalid function argument. Expected parameter `{name}` of type "
            f"List[torch.Tensor] but got {type(value)} instead."
        )
    for entry in value:
        if not isinstance(entry, TensorBase):
            raise TypeError(
                f"{call}: Invalid function argument. Expected parameter `{name}` of type "
                f"List[torch.Tensor] but got {type(value)} with elements of type "
                f"{[type(e) for e in value]}."
            )
    if count is not None and len(value) != count:
        raise ValueError(
            f"{call}: {name} has {len(value)} tensors, and the group {count} ranks: one each"
        )
    return [entry.array for entry in value]


def same_dtype(call: str, first: np.ndarray, **others: Sequence[np.ndarray]) -> None:
    """Check that tensors have the same dtype as the first."""
    for name, arrays in others.items():
        for array in arrays:
            if array.dtype != first.dtype:
                raise ValueError(
                    f"{call}: Invalid usage of tensors with different dtypes: found {first.dtype}, "
                    f"and {array.dtype} in {name}"
                )


def same_shape(call: str, shape: tuple[int, ...], **others: Sequence[np.ndarray]) -> None:
    """Check that tensors have this shape."""
    for name, arrays in others.items():
        for k, array in enumerate(arrays):
            if array.shape != shape:
                raise ValueError(
                    f"{call}: {name}[{k}] has shape {list(array.shape)}, and must have that of the "
                    f"other tensors, {list(shape)}"
                )


def described(array: np.ndarray) -> str:
    """What ranks have to agree on."""
    return f"{array.dtype} of shape {list(array.shape)}"


def row(array: np.ndarray, dtype: Any = None) -> np.ndarray:
    """A copy of the entries, in order, without gaps."""
    return np.array(array, dtype, order="C").reshape(-1)


def sendable(array: np.ndarray) -> np.ndarray:
    """`array`, whatever its dtype, as bytes that MPI can send."""
    return array.reshape(-1).view(np.uint8)


def write(tensor: Any, values: np.ndarray) -> None:
    """Overwrite a tensor, as other operations in place do."""
    before_write(tensor)
    tensor.array[...] = values.reshape(tensor.array.shape)
    bump_version(tensor)
