"""What a step may depend on besides its arguments: if it changes, the step is recorded again.

Numbers, texts and the like, that are attributes of the module or of modules in it, or names that
its functions use: from the function around them, or global ones. Of all other objects, which object
it is. Tensors are told by what they are, not by their values: these are inputs of the list, or
constants that `recorded` refuses.
"""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from ..autograd.tensor_base import TensorBase
from ..nn.module import Module

PLAIN = frozenset({int, float, str, bytes, bool, type(None)})
OWN_TABLES = frozenset(vars(Module()))  # what every module has; `recorded` knows its tensors
DEEPEST = 4


class Seen(NamedTuple):
    """What a look at a cell found.

    Attributes
    ----------
    tensors : list of Tensor
        Its parameters and buffers, each once.
    mark : tuple
        All that its step may depend on besides their values, as far as it can be told.
    hooked : bool
        Whether a module in it has hooks.
    """

    tensors: list[Any]
    mark: tuple[Any, ...]
    hooked: bool


def look(cell: Module) -> Seen:
    """Look at a cell and at all modules in it."""
    found: list[Any] = []
    tensors: dict[int, Any] = {}
    modules: dict[int, Module] = {}
    hooked = _look(cell, modules, tensors, found)
    return Seen(list(tensors.values()), tuple(found), hooked)


def _look(
    module: Module, modules: dict[int, Module], tensors: dict[int, Any], found: list[Any]
) -> bool:
    modules[id(module)] = module
    hooked = module._hooked
    own = vars(module)
    found += (id(type(module)), module.training, len(own))
    for name, value in own.items():
        if name not in OWN_TABLES:
            found += (name, _of(value, DEEPEST))
    for table in (module._parameters, module._buffers):
        for name, value in table.items():
            found += (name, _of(value, 0))
            if value is not None:
                tensors[id(value)] = value
    found.append(_of(getattr(type(module), "forward", None), DEEPEST))
    for name, child in module._modules.items():
        found += (name, id(child))
        if child is not None and id(child) not in modules:
            hooked = _look(child, modules, tensors, found) or hooked
    return hooked


def attributes(cell: Module) -> list[tuple[Any, dict[str, Any], list[Any]]]:
    """The attributes of all modules of a cell, and what is in those that are lists or the like."""
    return [
        (module, dict(vars(module)), [(v, v.copy()) for v in vars(module).values()
                                      if type(v) in (list, dict, set)])
        for module in cell.modules()
    ]  # fmt: skip


def put_back(before: list[tuple[Any, dict[str, Any], list[Any]]]) -> None:
    """Let the modules have the attributes again that they had."""
    for module, own, containers in before:
        now = vars(module)
        for name in [name for name in now if name not in own]:
            del now[name]
        now.update({name: v for name, v in own.items() if now.get(name, own) is not v})
        for container, content in containers:
            if container != content:
                container.clear()
                (container.extend if type(container) is list else container.update)(content)


def _of(value: Any, depth: int) -> Any:
    if type(value) in PLAIN:
        if value == 0:
            return type(value), str(value)  # (0.0 is not -0.0)
        return type(value), value  # (1 is not 1.0)
    if isinstance(value, TensorBase):
        return id(value), value.array.shape, value.array.dtype, value._requires_grad
    if depth and isinstance(value, (list, tuple)):
        return type(value), tuple([_of(v, depth - 1) for v in value])
    if depth and isinstance(value, dict):
        return tuple([(_of(k, 0), _of(v, depth - 1)) for k, v in value.items()])
    if depth and isinstance(value, FunctionType):
        code, names = value.__code__, value.__globals__
        parts = [code, _of(value.__defaults__, depth - 1)]
        if (value.__module__ or "").partition(".")[0] != "minigrad":
            for cell in value.__closure__ or ():
                try:
                    parts.append(_of(cell.cell_contents, depth - 1))
                except ValueError:  # not yet filled
                    parts.append(None)
            parts += [_of(names[n], depth - 1) for n in code.co_names if n in names]
        return tuple(parts)
    if depth and not isinstance(value, (type, Module, ModuleType)) and hasattr(value, "__dict__"):
        return id(value), _of(dict(vars(value)), depth - 1)
    return id(value)
