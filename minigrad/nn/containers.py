"""Modules that hold other modules or parameters the way lists and dicts do.

Python's own lists and dicts hide what is in them from ``parameters()``; these do not. List-like
containers use the positions ``"0"``, ``"1"``, ... as names; `_renumber` restores that after a
change.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar, overload

from ..tensor import Tensor
from .module import Module, typename
from .parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

ListSelf = TypeVar("ListSelf", bound="_ListOfModules")


def _position(index: Any, length: int) -> int:
    """`index` as a position from 0, checked against `length`."""
    position = operator.index(index)
    if not -length <= position < length:
        raise IndexError(f"index {position} is out of range")
    return position % length


def _pairs(owner: str, items: Any) -> Iterator[tuple[Any, Any]]:
    """The key/value pairs that an ``update`` was given, in any of the forms of ``dict.update``."""
    if isinstance(items, (Mapping, ModuleDict, ParameterDict)):
        yield from items.items()
        return
    for k, item in enumerate(items):
        if not isinstance(item, Iterable):
            raise TypeError(
                f"{owner} update sequence element #{k} should be Iterable; is {type(item).__name__}"
            )
        pair = tuple(item)
        if len(pair) != 2:
            raise ValueError(
                f"{owner} update sequence element #{k} has length {len(pair)}; 2 is required"
            )
        yield pair


class _ListOfModules(Module):
    """What `Sequential` and `ModuleList` have in common: positions as names."""

    def _name_at(self, index: Any) -> str:
        """The name of the child at a position (in a `Sequential` it need not be the number)."""
        return list(self._modules)[_position(index, len(self))]

    def _renumber(self, modules: Iterable[Module | None]) -> None:
        """Hold `modules`, named by their positions, and nothing else."""
        self._modules = {str(k): module for k, module in enumerate(modules)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        doomed = names[index] if isinstance(index, slice) else [self._name_at(index)]
        self._renumber([m for name, m in self._modules.items() if name not in doomed])

    def append(self: ListSelf, module: Module) -> ListSelf:
        """Add a module at the end; return this container.

        Raises
        ------
        TypeError
            `module` is no Module.
        """
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove the module at `key` and return it."""
        module = self[key]  # type: ignore[index]
        del self[key]
        return module


class Sequential(_ListOfModules):
    """Modules that are called one after the other, each with the output of the one before.

    Parameters
    ----------
    *args : Module, or one OrderedDict
        The modules; with an OrderedDict, their names too.

    Raises
    ------
    TypeError
        Something among `args` is no Module.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.containers import Sequential
    >>> from minigrad.nn.module import Module
    >>> class Double(Module):
    ...     def forward(self, x):
    ...         return 2 * x
    >>> net = Sequential(Double(), Double())
    >>> net(mg.tensor(3.0))
    tensor(12.)
    >>> net
    Sequential(
      (0): Double()
      (1): Double()
    )
    """

    @overload
    def __init__(self, *args: Module) -> None: ...

    @overload
    def __init__(self, arg: OrderedDict[str, Module], /) -> None: ...

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = args[0].items()
        else:
            named = [(str(k), module) for k, module in enumerate(args)]  # type: ignore[assignment]
        for name, module in named:
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """Call the modules in order."""
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            part = list(self._modules.items())[index]
            return type(self)(OrderedDict(part))
        return self._modules[self._name_at(index)]

    def __add__(self, other: Sequential) -> Sequential:
        self._require_sequential(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Sequential:
        self._require_sequential(other)
        return self.extend(list(other))

    def __mul__(self, times: int) -> Sequential:
        self._require_positive(times)
        return Sequential(*(list(self) * times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        self._require_positive(times)
        return self.extend(list(self) * (times - 1))

    @staticmethod
    def _require_sequential(other: Any) -> None:
        if not isinstance(other, Sequential):
            raise ValueError(
                "add operator supports only objects of Sequential class, "
                f"but {type(other)} is given."
            )

    def _require_positive(self, times: Any) -> None:
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")

    def extend(self, sequential: Iterable[Module]) -> Sequential:
        """Add modules at the end; return this container."""
        for module in sequential:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Sequential:
        """Add a module before position `index`; return this container.

        Raises
        ------
        AssertionError
            `module` is no Module.
        IndexError
            `index` is beyond the ends.
        """
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self


class ModuleList(_ListOfModules):
    """A list of modules. It has no ``forward``: what to do with them is up to you.

    Parameters
    ----------
    modules : iterable of Module, optional
        What to begin with.

    Raises
    ------
    TypeError
        Something among `modules` is no Module.

    Examples
    --------
    >>> from minigrad.nn.containers import ModuleList
    >>> from minigrad.nn.module import Module
    >>> ModuleList([Module(), Module()])
    ModuleList(
      (0-1): 2 x Module()
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._name_at(index)]

    def __contains__(self, module: object) -> bool:
        return any(module is m for m in self)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, other: Iterable[Module]) -> ModuleList:
        return self.extend(other)

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end; return this list.

        Raises
        ------
        TypeError
            `modules` is not iterable, or something in it is no Module.
        """
        if not isinstance(modules, Iterable):
            raise TypeError(
                "ModuleList.extend should be called with an iterable, but got "
                + type(modules).__name__
            )
        for module in list(modules):  # a list first: ``modules`` may be this very container
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a module before position `index`."""
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)

    def __repr__(self) -> str:
        """Like any module's, but neighbours that print the same are printed once."""
        runs: list[tuple[int, int, str]] = []  # first position, last position, text
        for k, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], k, text)
            else:
                runs.append((k, k, text))
        lines = []
        for first, last, text in runs:
            times = last - first + 1
            label = f"({first}): " if times == 1 else f"({first}-{last}): {times} x "
            lines.append("  " + label + text.replace("\n", "\n  "))
        name = self._get_name()
        return "\n".join([f"{name}(", *lines, ")"]) if lines else f"{name}()"


class ModuleDict(Module):
    """A dict of modules, in the order in which they were added.

    Parameters
    ----------
    modules : dict, or iterable of pairs, optional
        What to begin with.

    Raises
    ------
    TypeError
        A key is no string, or a value no Module.
    KeyError
        A key is empty, has a dot, or is the name of a method.

    Examples
    --------
    >>> from minigrad.nn.containers import ModuleDict
    >>> from minigrad.nn.module import Module
    >>> ModuleDict({"encoder": Module(), "decoder": Module()})
    ModuleDict(
      (encoder): Module()
      (decoder): Module()
    )
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Pairs of name and module."""
        return self._modules.items()

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Remove the module `key` and return it."""
        return self._modules.pop(key)

    def update(self, modules: Any) -> None:
        """Add modules from a dict or from pairs; those with a known name replace the old ones.

        Raises
        ------
        TypeError, ValueError
            `modules` is neither.
        """
        if not isinstance(modules, Iterable):
            raise TypeError(
                "ModuleDict.update should be called with an iterable of key/value pairs, but got "
                + type(modules).__name__
            )
        for key, module in _pairs("ModuleDict", modules):
            self[key] = module


class ParameterList(Module):
    """A list of parameters. Tensors become Parameters; any other value is kept as it is.

    Parameters
    ----------
    values : iterable, optional
        What to begin with.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.containers import ParameterList
    >>> weights = ParameterList([mg.zeros(2), mg.zeros(2, 3)])
    >>> [name for name, _ in weights.named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, str(_position(index, len(self))))

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(_position(index, len(self)), value)

    def _put(self, position: int, value: Any) -> None:
        setattr(self, str(position), _as_parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([getattr(self, str(k)) for k in range(self._size)])

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def append(self, value: Any) -> ParameterList:
        """Add a value at the end; return this list."""
        self._put(self._size, value)
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add values at the end; return this list.

        Raises
        ------
        TypeError
            `values` is not iterable, or a tensor.
        """
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(
                "ParameterList.extend should be called with an iterable, but got "
                + type(values).__name__
            )
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """One line a value."""
        return _describe(enumerate(self), lambda tensor: str(tensor.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: a list of parameters is no function."""
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dict of parameters. Tensors become Parameters; any other value is kept as it is.

    Parameters
    ----------
    parameters : dict, or iterable of pairs, optional
        What to begin with.

    Raises
    ------
    TypeError
        A key is no string.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.containers import ParameterDict
    >>> weights = ParameterDict({"in": mg.zeros(2), "out": mg.zeros(2, 3)})
    >>> [name for name, _ in weights.named_parameters()]
    ['in', 'out']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def _attribute_name(self, key: Any) -> str:
        """The attribute that holds the value at `key`: the key itself, which must be a string."""
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string "
                f"(type is '{type(key).__name__}')."
            )
        return key

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._attribute_name(key))

    def __setitem__(self, key: str, value: Any) -> None:
        name = self._attribute_name(key)
        if key not in self._keys and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")
        self._keys[key] = None
        setattr(self, name, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, self._attribute_name(key))

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __or__(self, other: Any) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Any) -> Any:
        result = other.copy()  # the left side says what kind of dict it becomes
        result.update(self.items())
        return result

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def keys(self) -> Any:
        """The names."""
        return self._keys.keys()

    def values(self) -> Iterator[Any]:
        """The values."""
        return (self[key] for key in self._keys)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Pairs of name and value."""
        return ((key, self[key]) for key in self._keys)

    def copy(self) -> ParameterDict:
        """A new dict with the same values."""
        return ParameterDict(OrderedDict(self.items()))

    def clear(self) -> None:
        """Remove all values."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Remove the value at `key` and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the newest value and return its pair."""
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value at `key`, or `default`."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value at `key`, after putting `default` there if there was none."""
        if key not in self._keys:
            self[key] = default
        return self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dict with the same value at all `keys`."""
        return ParameterDict([(key, default) for key in keys])

    def update(self, parameters: Any) -> None:
        """Add values from a dict or from pairs; those with a known name replace the old ones.

        The keys of a plain dict are added in sorted order, those of an OrderedDict in its own.

        Raises
        ------
        TypeError, ValueError
            `parameters` is neither.
        """
        if not isinstance(parameters, Iterable):
            raise TypeError(
                "ParametersDict.update should be called with an iterable of key/value pairs, "
                f"but got {type(parameters).__name__}"
            )
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            parameters = sorted(parameters.items())  # as PyTorch, where dicts once had no order
        for key, value in _pairs("ParameterDict", parameters):
            self[key] = value

    def extra_repr(self) -> str:
        """One line a value."""
        return _describe(self.items(), typename)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: a dict of parameters is no function."""
        raise RuntimeError("ParameterDict should not be called.")


def _as_parameter(value: Any) -> Any:
    is_plain_tensor = isinstance(value, Tensor) and not isinstance(value, Parameter)
    return Parameter(value) if is_plain_tensor else value


def _describe(items: Iterable[tuple[Any, Any]], kind_of: Any) -> str:
    """The lines that `ParameterList` and `ParameterDict` print for their values."""
    lines = []
    for key, value in items:
        if isinstance(value, Tensor):
            name = "Parameter" if isinstance(value, Parameter) else "Tensor"
            size = "x".join(map(str, value.shape))
            lines.append(f"  ({key}): {name} containing: [{kind_of(value)} of size {size}]")
        else:
            lines.append(f"  ({key}): Object of type: {type(value).__name__}")
    return "\n".join(lines)
