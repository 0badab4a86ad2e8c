"""`Module`: a function with parameters, made of smaller ones.

A module keeps three tables: `_parameters`, `_buffers` and `_modules` (its children). Assigning a
Parameter, Buffer or Module to an attribute files it in its table instead of the instance's
``__dict__``; `__getattr__` finds it there. Everything else in this file walks over these tables.
How a module is called is in `minigrad.nn.hooks`, how it is saved in `minigrad.nn.state_dict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..arrays import dtypes
from ..autograd.grad_mode import no_grad
from ..autograd.listening import heard, is_listening
from ..ops.arguments import check_keywords
from ..tensor import Tensor, from_array
from . import display
from .hooks import (
    Hookable,
    buffer_registration_hooks,
    module_registration_hooks,
    parameter_registration_hooks,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    run_registration_hooks,
)
from .parameter import Buffer, Parameter
from .state_dict import Stateful

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Self = TypeVar("Self", bound="Module")


def typename(value: Any) -> str:
    """The name of a value's type as messages show it: ``int``, ``torch.FloatTensor``, ``a.b.C``."""
    if isinstance(value, Tensor):
        return str(value.type())
    named = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(named, "__module__", None)
    if module in (None, "", "builtins", "__builtin__"):
        return str(named.__qualname__)
    return f"{module}.{named.__qualname__}"


def _indent(text: str) -> str:
    """All lines but the first moved two columns to the right."""
    return text.replace("\n", "\n  ")


class Module(Hookable, Stateful):
    """The base class of all layers and models.

    A subclass calls ``super().__init__()`` first, assigns its parameters and children, and defines
    ``forward``. Calling the module runs ``forward``.

    Attributes
    ----------
    training : bool
        Whether layers such as dropout behave as in training; see `train` and `eval`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.parameter import Parameter
    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = Parameter(mg.tensor(3.0))
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> scale = Scale()
    >>> scale(mg.tensor([1.0, 2.0]))
    tensor([3., 6.], grad_fn=<MulBackward0>)
    >>> [name for name, _ in scale.named_parameters()]
    ['factor']
    """

    training: bool

    def __new__(cls: type[Self], *args: Any, **kwargs: Any) -> Self:
        """Make the object; a misspelt option is told which one may have been meant."""
        if kwargs:
            check_keywords(cls, kwargs)
        return super().__new__(cls)

    def __init__(self) -> None:
        set_plain = super().__setattr__  # nothing here is a parameter or a child
        set_plain("training", True)
        set_plain("_parameters", {})
        set_plain("_buffers", {})
        set_plain("_non_persistent_buffers_set", set())
        set_plain("_modules", {})
        self._init_hooks()
        self._init_state_dict_hooks()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # -- attributes ------------------------------------------------------------------------------

    def _weight(self, name: str) -> Any:
        """``self.name`` for a parameter, quickly.

        Where a hook computes it (weight_norm), it is a plain attribute instead.
        """
        value = self._parameters.get(name)
        return getattr(self, name) if value is None else value

    def __getattr__(self, name: str) -> Any:
        # Python comes here only for what is not in __dict__ or the class. Layers that look up a
        # parameter in every call do it with `_weight`, which is much faster.
        own = self.__dict__
        if "_modules" in own:  # missing before Module.__init__, and in half-made copies
            if name in own["_modules"]:
                return own["_modules"][name]
            if name in own["_parameters"]:
                return own["_parameters"][name]
            if name in own["_buffers"]:
                return own["_buffers"][name]
        raise AttributeError(
            f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self
        )

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters = own.get("_parameters", ())
        modules = own.get("_modules", ())
        buffers = own.get("_buffers", ())
        if isinstance(value, Parameter):
            self._require_init("parameters")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
        elif name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            self._require_init("module")
            self._forget(name, "_parameters", "_buffers")
            own["_modules"][name] = run_registration_hooks(
                module_registration_hooks, self, name, value
            )
        elif name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            own["_modules"][name] = run_registration_hooks(
                module_registration_hooks, self, name, None
            )
        elif isinstance(value, Buffer):
            self._require_init("buffer")
            self._forget(name, "_parameters", "_modules", "_buffers")
            self.register_buffer(name, value, value.persistent)
        elif name in buffers:
            if not (value is None or isinstance(value, Tensor)):
                raise TypeError(
                    f"cannot assign '{typename(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            own["_buffers"][name] = run_registration_hooks(
                buffer_registration_hooks, self, name, value
            )
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
                return
        if name not in self.__dict__:  # Python 3.10 would name only the attribute
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        names.update(self._parameters, self._buffers, self._modules)
        return sorted(name for name in names if not name[0].isdigit())  # "0" is no attribute name

    def __setstate__(self, state: dict[str, Any]) -> None:
        fresh = Module()  # for what a pickle from an older version does not have
        self.__dict__.update({**fresh.__dict__, **state})

    def _require_init(self, kind: str) -> None:
        if "_modules" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")

    def _forget(self, name: str, *tables: str) -> None:
        """Remove `name` wherever it is, because it becomes something else."""
        self.__dict__.pop(name, None)
        for table in tables:
            self.__dict__[table].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _check_name(self, kind: str, name: Any, table: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            got = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in table:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, as ``module.name = param`` does.

        Parameters
        ----------
        name : str
            The attribute. No dots.
        param : Parameter or None
            None keeps the name for an absent parameter (``bias=False``).

        Raises
        ------
        AttributeError
            ``Module.__init__`` has not run.
        TypeError
            `name` is no string, or `param` no Parameter.
        KeyError
            `name` is empty, has a dot, or is another attribute already.
        """
        self._require_init("parameter")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}': a parameter is where a "
                f"graph begins. To make '{name}' a function of another tensor, compute it in "
                "forward()."
            )
        self._parameters[name] = run_registration_hooks(
            parameter_registration_hooks, self, name, param
        )

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module's state but is not learned.

        Parameters
        ----------
        name : str
            The attribute. No dots.
        tensor : Tensor or None
            Its value.
        persistent : bool
            Whether it is part of `state_dict`. Default: True.

        Raises
        ------
        AttributeError, TypeError, KeyError
            As `register_parameter`.
        """
        self._require_init("buffer")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        self._buffers[name] = run_registration_hooks(buffer_registration_hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module, as ``module.name = child`` does.

        Parameters
        ----------
        name : str
            The attribute. No dots.
        module : Module or None
            The child.

        Raises
        ------
        TypeError, KeyError
            As `register_parameter`.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = run_registration_hooks(module_registration_hooks, self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    # -- looking up by dotted name ---------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted name; ``""`` is this one.

        Raises
        ------
        AttributeError
            There is nothing of that name, or it is no module.
        """
        module: Module = self
        for name in target.split(".") if target else ():
            found = module._attribute(name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = found
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted name, such as ``"encoder.weight"``.

        Raises
        ------
        AttributeError
            There is nothing of that name, or it is no parameter.
        """
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path)._attribute(name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted name.

        Raises
        ------
        AttributeError
            There is nothing of that name, or it is no buffer.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = module._attribute(name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        buffer: Tensor = found
        return buffer

    def _attribute(self, name: str) -> Any:
        if not hasattr(self, name):
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}`")
        return getattr(self, name)

    # -- walking over the tables -----------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and everything below it, with dotted names.

        Parameters
        ----------
        memo : set of Module, optional
            Modules to leave out; those that were met are added.
        prefix : str
            Goes in front of every name.
        remove_duplicate : bool
            Whether a module that is used in two places comes once. Default: True.

        Yields
        ------
        (str, Module)
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, below, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and everything below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below, with their names, each once."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once."""
        for _, child in self.named_children():
            yield child

    def _named_members(
        self,
        members_of: Callable[[Module], Any],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        """What `members_of` finds in this module and, with `recurse`, in those below it."""
        seen = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, member in members_of(module):
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters of this module and those below it, with dotted names.

        Parameters
        ----------
        prefix : str
            Goes in front of every name.
        recurse : bool
            False: only this module's own. Default: True.
        remove_duplicate : bool
            Whether a parameter that is shared (weight tying) comes once. Default: True.

        Yields
        ------
        (str, Parameter)
        """
        return self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and those below it, each once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers of this module and those below it; parameters as in `named_parameters`."""
        return self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and those below it, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    # -- acting on the whole tree ----------------------------------------------------------------

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn(module)`` on everything below and then on this module; return this module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: Self, mode: bool = True) -> Self:
        """Put this module and those below into training mode (or out of it); return this module.

        Raises
        ------
        ValueError
            `mode` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError(
                f"training mode is expected to be boolean, but got {type(mode).__name__}"
            )
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Put this module and those below into evaluation mode; return this module."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Freeze the parameters, or (by default) let them learn; return this module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool
            False: fill them with zeros instead. Default: True.
        """
        if is_listening():
            heard(Module.zero_grad, (self, set_to_none), {})
            return
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach()
                parameter.grad.zero_()

    def _apply(self: Self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the data of all parameters and buffers by ``fn`` of it.

        Parameters stay the same objects, so that optimizers keep knowing them.
        """
        if recurse:
            for child in self.children():
                child._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                parameter.data = fn(parameter.detach())
                if parameter.grad is not None:
                    parameter.grad = fn(parameter.grad.detach())
        with no_grad():
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Change the dtype of the floating point parameters and buffers; return this module.

        Parameters
        ----------
        *args, **kwargs
            As `Tensor.to`: a dtype, a device (there is only the CPU), or a tensor to be like.

        Raises
        ------
        TypeError
            The dtype is not floating point.
        RuntimeError
            ``copy=`` was given: a module is changed in place.
        """
        if "copy" in kwargs:
            raise RuntimeError(".to() does not accept copy argument")
        given = [*args, *kwargs.values()]
        if not given:
            return self
        like = [v.dtype if isinstance(v, Tensor) else v for v in given]
        wanted = [d for d in like if isinstance(d, dtypes.dtype)]
        if wanted and not wanted[0].is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={wanted[0]}"
            )
        from_array(np.zeros(())).to(*args, **kwargs)  # so that wrong arguments are always an error

        def convert(tensor: Tensor) -> Tensor:
            converts = tensor.dtype.is_floating_point
            return tensor.to(*args, **kwargs) if converts else tensor

        return self._apply(convert)

    def _to_float(self: Self, dtype: dtypes.dtype) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.dtype.is_floating_point else t)

    def float(self: Self) -> Self:
        """All floating point parameters and buffers to float32; return this module."""
        return self._to_float(dtypes.float32)

    def double(self: Self) -> Self:
        """All floating point parameters and buffers to float64; return this module."""
        return self._to_float(dtypes.float64)

    def half(self: Self) -> Self:
        """All floating point parameters and buffers to float16; return this module."""
        return self._to_float(dtypes.float16)

    def type(self: Self, dst_type: dtypes.dtype | str) -> Self:
        """All parameters and buffers to `dst_type`; return this module."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self: Self) -> Self:
        """Return this module: it is on the CPU already."""
        return self

    def cuda(self: Self, device: Any = None) -> Self:
        """Raise what `Tensor.cuda` raises: there is only the CPU."""
        return self._apply(lambda t: t.cuda(device))

    # -- printing --------------------------------------------------------------------------------

    def _get_name(self) -> str:
        """The name in the printed form."""
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """Override it to show a module's own settings in the printed form."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_indent(repr(child))}" for name, child in self._modules.items()]
        if len(lines) <= 1 and not children:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return display.html_of(self)
