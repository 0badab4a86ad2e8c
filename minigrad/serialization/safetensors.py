"""The safetensors format, through the package of that name: tensors by name, and nothing else.

Many public models come in it. It has no structure beyond the names and so cannot hold an
optimizer's state, but there is nothing in it that could be unsafe.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ..tensor import Tensor, from_array
from . import files


def _package() -> ModuleType:
    try:
        return import_module("safetensors.numpy")
    except ImportError as e:
        raise ImportError(
            "the safetensors format needs the package safetensors, which is not installed: "
            "pip install safetensors (or minigrad[safetensors])"
        ) from e


def save_safetensors(
    state_dict: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Save named tensors in the safetensors format.

    Tensors that share memory are saved once each. As with `save`, the file is replaced as a whole.

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        Such as ``model.state_dict()``.
    path : str or path
        Where to.
    metadata : mapping of str to str, optional
        Notes to go with the file.

    Raises
    ------
    ImportError
        The package safetensors is not installed.
    TypeError
        A name or a note is no str, or a value no tensor.
    RuntimeError
        The folder does not exist.
    """
    package = _package()
    arrays = {}
    for name, tensor in state_dict.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise TypeError(
                f"state_dict: {name!r} is a {type(tensor).__name__}; safetensors holds tensors "
                "under names, and nothing else"
            )
        arrays[name] = np.ascontiguousarray(tensor.array).reshape(tensor.array.shape)
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata: {key!r}: {value!r} must both be str")
    contents = package.save(arrays, None if metadata is None else dict(metadata))
    with files.replacing(path) as file:
        file.write(contents)


def load_safetensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Load named tensors from a file in the safetensors format.

    Parameters
    ----------
    path : str or path
        Where from.

    Returns
    -------
    dict of str to Tensor
        For ``model.load_state_dict``.

    Raises
    ------
    ImportError
        The package safetensors is not installed.
    TypeError
        A tensor has a dtype that minigrad does not have.
    safetensors.SafetensorError
        The file is damaged.
    OSError
        The file cannot be read.
    """
    package = _package()
    tensors: dict[str, Any] = {}
    with files.reading(path) as file:
        arrays = package.load(file.read())
    for name, array in arrays.items():
        tensors[name] = from_array(np.array(array))
        tensors[name].dtype  # noqa: B018 - raises for what minigrad does not have
    return tensors
