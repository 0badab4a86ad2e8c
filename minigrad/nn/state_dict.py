"""What a module saves and loads: `Stateful`, the part of `Module` around ``state_dict``.

A state dict is a flat ordered dictionary from dotted names (``"encoder.weight"``) to tensors. A
module writes its own parameters and buffers in `_save_to_state_dict` and reads them back in
`_load_from_state_dict`, the two methods to override in a module that keeps its state in another
way; `state_dict` and `load_state_dict` take care of the children, the hooks and the report.
"""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..autograd.grad_mode import no_grad
from ..autograd.hooks import RemovableHandle, add_hook
from ..tensor import Tensor
from .hooks import HookTable
from .parameter import Parameter

EXTRA_STATE_KEY = "_extra_state"


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class _IncompatibleKeys(_Keys):
    """What `load_state_dict` returns: the names in which module and state dict differ."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _LoadContext(NamedTuple):
    """The lists that collect, over all modules, what a `load_state_dict` finds amiss."""

    missing_keys: list[str]
    unexpected_keys: list[str]
    error_msgs: list[str]


class Stateful:
    """Something with parameters, buffers and children that can be saved and loaded."""

    # Raise it when what a module saves changes its meaning; it is stored in ``_metadata``.
    _version: int = 1

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_pre_hooks: HookTable
    _state_dict_hooks: HookTable
    _load_state_dict_pre_hooks: HookTable
    _load_state_dict_post_hooks: HookTable

    def _init_state_dict_hooks(self) -> None:
        self._state_dict_pre_hooks = OrderedDict()
        self._state_dict_hooks = OrderedDict()
        self._load_state_dict_pre_hooks = OrderedDict()
        self._load_state_dict_post_hooks = OrderedDict()

    # -- extra state -----------------------------------------------------------------------------

    def get_extra_state(self) -> Any:
        """Override it to save something besides tensors (any value that can be pickled)."""
        raise RuntimeError(
            f"{type(self).__name__}.get_extra_state() was called, but only set_extra_state() is "
            "implemented; override both"
        )

    def set_extra_state(self, state: Any) -> None:
        """Override it to take back what `get_extra_state` gave."""
        raise RuntimeError(
            f"{type(self).__name__}.set_extra_state() was called, but only get_extra_state() is "
            "implemented; override both"
        )

    # -- saving ----------------------------------------------------------------------------------

    def state_dict(
        self,
        *args: Any,
        destination: Any = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> Any:
        """The parameters and persistent buffers of this module and its children, by dotted name.

        Parameters
        ----------
        destination : dict, optional
            Where to write. Default: a new OrderedDict with an attribute ``_metadata``.
        prefix : str
            Goes in front of every name. Default: none.
        keep_vars : bool
            Give the parameters themselves. Default: False, give detached tensors (that share their
            memory: copy them if training goes on).

        Returns
        -------
        OrderedDict
            From names to tensors.

        Examples
        --------
        >>> import minigrad as mg
        >>> from minigrad.nn.module import Module
        >>> from minigrad.nn.parameter import Parameter
        >>> module = Module()
        >>> module.w = Parameter(mg.ones(2))
        >>> list(module.state_dict().items())
        [('w', tensor([1., 1.]))]
        """
        if args:  # scripts older than the keyword form
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead: "
                "state_dict(destination=..., prefix=..., keep_vars=...)",
                FutureWarning,
                stacklevel=2,
            )
            defaults = (destination, prefix, keep_vars)
            destination, prefix, keep_vars = args + defaults[len(args) :]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in list(self._state_dict_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in list(self._state_dict_hooks.values()):
            replaced = hook(self, destination, prefix, local_metadata)
            if replaced is not None:
                destination = replaced
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Write what belongs to this module itself, without its children."""
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + EXTRA_STATE_KEY] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        """This module's parameters and persistent buffers."""
        buffers = {
            name: buffer
            for name, buffer in self._buffers.items()
            if name not in self._non_persistent_buffers_set
        }
        everything = {**self._parameters, **buffers}
        return {name: tensor for name, tensor in everything.items() if tensor is not None}

    # -- loading ---------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy values from `state_dict` into this module's parameters and buffers.

        Parameters
        ----------
        state_dict : dict
            As `state_dict` gives it.
        strict : bool
            Whether a name on one side only is an error. Default: True.
        assign : bool
            Take over the tensors (with their dtypes) instead of copying into the module's own.
            Default: False.

        Returns
        -------
        NamedTuple
            ``missing_keys`` and ``unexpected_keys``, two lists of names.

        Raises
        ------
        TypeError
            `state_dict` is not a mapping.
        RuntimeError
            Shapes differ, or names do and `strict` is true. The message lists all of it.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        report = _LoadContext([], [], [])
        _load(self, OrderedDict(state_dict), "", metadata or {}, assign, report)

        errors = list(report.error_msgs)
        if strict:
            for kind, names in (
                ("Unexpected", report.unexpected_keys),
                ("Missing", report.missing_keys),
            ):
                if names:
                    listed = ", ".join(f'"{name}"' for name in names)
                    errors.insert(0, f"{kind} key(s) in state_dict: {listed}. ")
        if errors:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(errors)
            )
        return _IncompatibleKeys(report.missing_keys, report.unexpected_keys)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Read what belongs to this module itself; report to the three lists instead of raising."""
        for hook in list(self._load_state_dict_pre_hooks.values()):
            hook(
                state_dict, prefix, local_metadata, strict,
                missing_keys, unexpected_keys, error_msgs,
            )  # fmt: skip
        own = self._own_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, target in own.items():
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            error = self._load_tensor(name, target, key, state_dict[key], assign)
            if error:
                error_msgs.append(error)

        extra_key = prefix + EXTRA_STATE_KEY
        if type(self).set_extra_state is not Stateful.set_extra_state:
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    head, dot, _ = key[len(prefix) :].partition(".")
                    if head not in (self._modules if dot else own):
                        unexpected_keys.append(key)

    def _load_tensor(
        self, name: str, target: Tensor, key: str, value: Any, assign: bool
    ) -> str | None:
        """Load one parameter or buffer; the message if it cannot be done."""
        if not isinstance(value, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(value)}"
            )
        if target.ndim == 0 and value.ndim == 1 and value.shape[0] == 1:
            value = value[0]  # very old checkpoints have scalars as one-element vectors
        if target.shape != value.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from "
                f"checkpoint, the shape in current model is {target.shape}."
            )
        try:
            with no_grad():
                if not assign:
                    target.copy_(value)
                elif not isinstance(target, Parameter):
                    setattr(self, name, value)
                elif isinstance(value, Parameter):
                    setattr(self, name, value.requires_grad_(target.requires_grad))
                else:
                    setattr(self, name, Parameter(value, target.requires_grad))
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{target.shape} and whose dimensions in the checkpoint are {value.shape}, an "
                f"exception occurred : {error.args}."
            )
        return None

    # -- hooks -----------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before this module's state is saved."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after it was saved.

        The hook may change the state dict in place; it must return None.
        """
        return add_hook(self._state_dict_hooks, _ReturnsNone(hook))

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """As `register_state_dict_post_hook`, but what the hook returns replaces the state dict."""
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook` before this module's state is loaded.

        Its arguments are ``(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)``; it may change the state dict and the lists in place.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """As `register_load_state_dict_pre_hook`, by default without the first argument."""
        return add_hook(
            self._load_state_dict_pre_hooks, _WithModule(hook, self) if with_module else hook
        )

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after this module and its children were loaded.

        The hook may change the two lists in place (names taken away are no error then); it must
        return None.
        """
        return add_hook(self._load_state_dict_post_hooks, hook)


class _ReturnsNone:
    """A hook that must return None."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, *args: Any) -> None:
        if self.hook(*args) is not None:
            raise RuntimeError("state_dict post-hook must return None")


class _WithModule:
    """A hook with its module as first argument (a class, so that modules can still be pickled).

    The module holds the hook, so the hook must not hold the module.
    """

    def __init__(self, hook: Callable[..., Any], module: Stateful) -> None:
        self.hook = hook
        self.module = weakref.ref(module)

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module(), *args)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.hook, self.module()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.hook, module = state
        self.module = weakref.ref(module)


def _load(
    module: Any,
    state_dict: Any,
    prefix: str,
    metadata: Mapping[str, dict[str, Any]],
    assign: bool,
    report: _LoadContext,
) -> None:
    """Load `module` and then its children, each from the names below its own prefix."""
    local_metadata = dict(metadata.get(prefix[:-1], {}))
    if assign:
        local_metadata["assign_to_params_buffers"] = True
    module._load_from_state_dict(state_dict, prefix, local_metadata, True, *report)
    for name, child in module._modules.items():
        if child is not None:
            below = f"{prefix}{name}."
            part = OrderedDict((k, v) for k, v in state_dict.items() if k.startswith(below))
            _load(child, part, below, metadata, assign, report)
    keys = _IncompatibleKeys(report.missing_keys, report.unexpected_keys)
    for hook in list(module._load_state_dict_post_hooks.values()):
        if hook(module, keys) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                "return new values, if incompatible_keys need to be modified, it should be done "
                "inplace."
            )
