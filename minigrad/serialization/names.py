"""What PyTorch's pickles call things, and how each thing is made.

A pickle names functions, and the reader calls them: ``torch._utils._rebuild_tensor_v2`` with a
storage and a shape gives a tensor. Here is the table of those names, for reading and for writing,
with minigrad's functions for them. Since a file may say anything, these functions check what they
are given. Classes of layers and optimizers are found by `counterpart`, and only when they are
allowed; the pickles that minigrad writes call these by their own, minigrad's, names.
"""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

from .. import nn, optim
from ..arrays import dtypes
from ..arrays.size import Size, device
from ..nn.parameter import Buffer, Parameter
from ..tensor import Tensor, from_array
from . import storages

# ------------------------------------------------------------------------------------------------
# Making things
# ------------------------------------------------------------------------------------------------


def rebuild_tensor(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any = None,
    metadata: Any = None,
) -> Tensor:
    """A tensor from its storage and its place there. Hooks are not saved, and so not loaded."""
    if not isinstance(storage, storages.LoadedStorage):
        raise UnpicklingError(f"a tensor's storage is a {type(storage).__name__}")
    if metadata:
        raise UnpicklingError("conjugated or negated views are not supported by minigrad")
    return _set_requires_grad(storage.view(offset, size, stride), requires_grad)


def _set_requires_grad(tensor: Tensor, requires_grad: Any) -> Tensor:
    if requires_grad is True:
        if not tensor.is_floating_point():
            raise UnpicklingError(f"a tensor of {tensor.dtype} claims to require grad")
        tensor.requires_grad = True
    return tensor


def rebuild_parameter(data: Any, requires_grad: Any, hooks: Any = None) -> Parameter:
    """A parameter from a tensor."""
    _check_tensor(data)
    parameter = Parameter(data, requires_grad=False)
    _set_requires_grad(parameter, requires_grad)
    return parameter


def rebuild_parameter_with_state(
    data: Any, requires_grad: Any, hooks: Any, state: Any
) -> Parameter:
    """A parameter from a tensor, and the attributes that it had besides."""
    parameter = rebuild_parameter(data, requires_grad, hooks)
    _set_attributes(parameter, state)
    return parameter


def rebuild_from_type(function: Any, cls: Any, arguments: Any, state: Any) -> Tensor:
    """A tensor with attributes, or of a class of its own; a buffer is a tensor that says so."""
    if function not in (rebuild_tensor, rebuild_parameter):
        raise UnpicklingError("a tensor made by an unknown function")
    # A class gets here only if the user has allowed it, or trusts the whole file.
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise UnpicklingError("a tensor of a class that is none of tensors")
    tensor: Tensor = function(*arguments)
    _check_tensor(tensor)
    if isinstance(state, dict) and state.get("_is_buffer") is True:
        tensor = Buffer(tensor, persistent=state.get("persistent") is not False)
        state = {k: v for k, v in state.items() if k not in ("_is_buffer", "persistent")}
    elif cls not in (Tensor, Parameter):
        version, tensor = tensor.version, from_array(tensor.array, tensor.requires_grad, cls)
        tensor.version = version
    _set_attributes(tensor, state)
    return tensor


def _set_attributes(tensor: Tensor, state: Any) -> None:
    """Give a tensor the attributes that its user had given it."""
    if isinstance(state, tuple) and len(state) == 2:  # of a class with __slots__: those after these
        slots: Any
        state, slots = state
        if slots:
            raise UnpicklingError("a tensor with slots")
    if not state:
        return
    # Names that all tensors have must keep their meaning.
    if type(state) is not dict or not all(type(k) is str and not hasattr(tensor, k) for k in state):
        raise UnpicklingError("a tensor with attributes that it must not have")
    tensor.__dict__.update(state)


def _check_tensor(data: Any) -> None:
    if not isinstance(data, Tensor):
        raise UnpicklingError(f"a tensor was expected, not a {type(data).__name__}")


def make_size(sizes: Any = ()) -> Size:
    """A `Size` from a tuple or list of ints."""
    if not isinstance(sizes, (tuple, list)) or not all(type(n) is int for n in sizes):
        raise UnpicklingError("torch.Size of something that is no tuple of ints")
    return Size(sizes)


def make_device(kind: Any, index: Any = None) -> device:
    """The CPU, whatever device is named: there is no other one here."""
    if not isinstance(kind, str) or not (index is None or type(index) is int):
        raise UnpicklingError("torch.device of something that is no name")
    return device(kind, index) if kind.partition(":")[0] == "cpu" else device("cpu")


# ------------------------------------------------------------------------------------------------
# The table
# ------------------------------------------------------------------------------------------------

# What a pickle may call, and what it may only mention.
FUNCTIONS = {
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
    "torch.Size": make_size,
    "torch.device": make_device,
}
VALUES: dict[str, Any] = {
    "torch.Tensor": Tensor,
    "torch.nn.parameter.Parameter": Parameter,
    **{f"torch.{kind.name}": kind for kind in dtypes.ALL},
    **{f"torch.{kind.name}": kind for kind in storages.TYPES.values()},
    **{f"torch.{kind.name}": kind for kind in storages.MISSING_TYPES},
}

_NAMES = {id(thing): name for name, thing in {**FUNCTIONS, **VALUES}.items()}


def pytorch_name(thing: Any) -> tuple[str, str] | None:
    """PyTorch's module and name for something in the table; None for anything else."""
    name = _NAMES.get(id(thing))
    if name is None:
        return None
    module, _, attribute = name.rpartition(".")
    return module, attribute


_ROOMS = [
    ("torch.nn.functional", nn.functional),
    ("torch._C._nn", nn.functional),  # (some of its functions are from there)
    ("torch.nn.modules.linear", nn.linear),
    ("torch.nn.init", nn.init),
    ("torch.nn.utils.rnn", nn.utils.rnn),
    ("torch.nn.utils", nn.utils),
    ("torch.nn", nn),
    ("torch.optim.lr_scheduler", optim.lr_scheduler),
    ("torch.optim", optim),
]


def counterpart(module: str, name: str) -> Any:
    """minigrad's class or function of a name in PyTorch, such as ``torch.nn.modules.rnn``, ``RNN``.

    Returns
    -------
    class, function or None
        None if minigrad has none.
    """
    for prefix, room in _ROOMS:
        if module == prefix or module.startswith(f"{prefix}."):
            found = getattr(room, name, None)
            if callable(found):
                return found
    return None


def is_pytorch(module: str) -> bool:
    """Whether a module is one of PyTorch's."""
    return module == "torch" or module.startswith("torch.")


def missing(module: str, name: str) -> UnpicklingError:
    """The error for something in PyTorch that minigrad does not have."""
    return UnpicklingError(
        f"the checkpoint has a {module}.{name}, and minigrad has no counterpart of it. In PyTorch, "
        "save what minigrad knows instead: the model's state_dict(), in dense tensors of float, "
        "int or bool types"
    )
