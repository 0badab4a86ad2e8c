"""Writing the pickle: Python's own pickler, which is told PyTorch's names and to leave memory out.

It is the pickler written in Python, not its twin in C, because only that one can write a name
without importing it, and ``torch`` need not be installed here.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..arrays.size import Size, device
from ..nn.parameter import Buffer, Parameter
from ..tensor import Tensor, own_attributes, warn_of_hooks
from . import names
from .storages import StorageTable, StoredStorage

PROTOCOL = 2  # of all protocols the one that torch.load reads with weights_only


_PythonPickler: Any = pickle._Pickler  # type checkers know only the one in C


class Pickler(_PythonPickler):
    """Pickles a structure of tensors for a checkpoint.

    Attributes
    ----------
    storages : StorageTable
        The memory of all tensors met so far.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, PROTOCOL)
        self.storages = StorageTable()

    def reducer_override(self, obj: Any) -> Any:
        """Say which function makes `obj` again, and from what; `NotImplemented` for the default."""
        reduce = _REDUCE.get(type(obj))
        if reduce is not None:
            return reduce(self, obj)
        if isinstance(obj, Tensor) and type(obj).__reduce_ex__ is Tensor.__reduce_ex__:
            return _reduce_tensor(self, obj)
        return NotImplemented

    def persistent_id(self, obj: Any) -> Any:
        """Write a reference for what is stored outside of the pickle: the storages."""
        if type(obj) is StoredStorage:
            return "storage", obj.type, obj.key, "cpu", obj.numel
        return None

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write the name of a class or function; PyTorch's name for what has one."""
        known = names.pytorch_name(obj)
        if known is None:
            super().save_global(obj, name)
        else:
            self.write(pickle.GLOBAL + "{}\n{}\n".format(*known).encode())
            self.memoize(obj)

    dispatch = {**_PythonPickler.dispatch, FunctionType: save_global}  # noqa: RUF012


def _place(pickler: Pickler, tensor: Tensor, requires_grad: bool) -> tuple[Any, ...]:
    storage, offset, stride = pickler.storages.describe(tensor.array)
    return storage, offset, tuple(tensor.array.shape), stride, requires_grad, OrderedDict()


def _reduce_tensor(pickler: Pickler, tensor: Tensor) -> Any:
    warn_of_hooks(tensor)
    place = _place(pickler, tensor, tensor.requires_grad)
    attributes, cls = own_attributes(tensor), type(tensor)
    if not attributes and cls is Tensor:
        return names.rebuild_tensor, place
    return names.rebuild_from_type, (names.rebuild_tensor, cls, place, attributes)


def _reduce_parameter(pickler: Pickler, parameter: Tensor) -> Any:
    data, attributes = parameter.detach(), own_attributes(parameter)
    made: tuple[Any, ...] = (data, parameter.requires_grad, OrderedDict())
    if not attributes:
        return names.rebuild_parameter, made
    return names.rebuild_parameter_with_state, (*made, attributes)


def _reduce_buffer(pickler: Pickler, buffer: Buffer) -> Any:
    place = _place(pickler, buffer, buffer.requires_grad)
    state = {**own_attributes(buffer), "persistent": buffer.persistent, "_is_buffer": True}
    return names.rebuild_from_type, (names.rebuild_tensor, Tensor, place, state)


_REDUCE: dict[type, Callable[[Pickler, Any], Any]] = {
    Tensor: _reduce_tensor,
    Parameter: _reduce_parameter,
    Buffer: _reduce_buffer,
    Size: lambda _, size: (names.make_size, (tuple(size),)),
    device: lambda _, place: (
        names.make_device,
        (place.type,) if place.index is None else (place.type, place.index),
    ),
}


def dumps(obj: Any) -> tuple[bytes, StorageTable]:
    """The pickle of `obj`, and the storages that it refers to."""
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.dump(obj)
    return file.getvalue(), pickler.storages
