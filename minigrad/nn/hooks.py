"""Calling a module, and the functions that users hang on the call.

`Hookable` is the part of `Module` that is callable. Without hooks a call is nothing but
``forward``. With hooks, `_call_with_hooks` runs them in this order: forward pre-hooks, ``forward``,
forward hooks; and, when gradients come back, backward pre-hooks at the outputs and backward hooks
at the inputs (see `minigrad.nn.backward_hooks`). Hooks on all modules at once are the same thing on
one object, `everywhere`, whose hooks run before the module's own.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..autograd.hooks import RemovableHandle, add_hook
from .backward_hooks import BackwardHooks, Hook, hang_on_last_operation

if TYPE_CHECKING:
    from .typing import Arguments, Forwards, Result

HookTable = OrderedDict[int, Hook]


class Hookable:
    """Something with a ``forward`` that is called through its hooks."""

    # True once a hook was registered here (or, on the class, everywhere). One attribute to look at
    # keeps the plain call cheap. It stays true when hooks are removed: that costs time, not truth.
    _hooked = False

    _forward_pre_hooks: HookTable
    _forward_hooks: HookTable
    _backward_pre_hooks: HookTable
    _backward_hooks: HookTable
    _hooks_with_kwargs: set[int]
    _hooks_always_called: set[int]
    _is_full_backward_hook: bool | None
    forward: Callable[..., Any]

    def _init_hooks(self) -> None:
        self._forward_pre_hooks = OrderedDict()
        self._forward_hooks = OrderedDict()
        self._backward_pre_hooks = OrderedDict()
        self._backward_hooks = OrderedDict()
        self._hooks_with_kwargs = set()
        self._hooks_always_called = set()
        self._is_full_backward_hook = None

    if TYPE_CHECKING:

        def __call__(
            self: Forwards[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> Result: ...

    else:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """Run ``forward``, and the hooks around it if there are any."""
            if self._hooked:
                return _call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every ``forward``.

        Parameters
        ----------
        hook : callable
            May return a replacement for `args` (a tuple, or a single value).
        prepend : bool
            Run it before the hooks that are already there. Default: False.
        with_kwargs : bool
            Call ``hook(module, args, kwargs)`` instead; it may return a pair
            ``(args, kwargs)``. Default: False.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook off.
        """
        self._hooked = True
        handle = add_hook(self._forward_pre_hooks, hook, prepend)
        if with_kwargs:
            self._hooks_with_kwargs.add(handle.id)
        return handle

    def register_forward_hook(
        self,
        hook: Hook,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every ``forward``.

        Parameters
        ----------
        hook : callable
            May return a replacement for the output.
        prepend : bool
            Run it before the hooks that are already there. Default: False.
        with_kwargs : bool
            Call ``hook(module, args, kwargs, output)`` instead. Default: False.
        always_call : bool
            Call it even if ``forward`` raised an exception; `output` is None then. Default: False.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook off.

        Examples
        --------
        >>> from minigrad.nn.module import Module
        >>> class Double(Module):
        ...     def forward(self, x):
        ...         return 2 * x
        >>> double = Double()
        >>> with double.register_forward_hook(lambda module, args, output: -output):
        ...     double(3)
        -6
        >>> double(3)
        6
        """
        self._hooked = True
        handle = add_hook(self._forward_hooks, hook, prepend)
        if with_kwargs:
            self._hooks_with_kwargs.add(handle.id)
        if always_call:
            self._hooks_always_called.add(handle.id)
        return handle

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the module's outputs are known.

        Parameters
        ----------
        hook : callable
            May return a replacement for `grad_output`, a tuple with one entry for each output; an
            entry is None where no gradient arrived.
        prepend : bool
            Run it before the hooks that are already there. Default: False.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook off.
        """
        self._hooked = True
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the inputs' gradients are known.

        Parameters
        ----------
        hook : callable
            May return a replacement for `grad_input`, a tuple with one entry for each positional
            argument of ``forward``; an entry is None if that argument requires no gradient.
        prepend : bool
            Run it before the hooks that are already there. Default: False.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook off.

        Raises
        ------
        RuntimeError
            The module has hooks from `register_backward_hook`.
        """
        return self._add_backward_hook(hook, prepend, full=True)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` at the *last operation* of ``forward``.

        It sees the gradients of the inputs of whatever operation that is, which are those of the
        module's own inputs only if the module is a single operation: so use
        `register_full_backward_hook` instead. If the output holds several tensors, the operation
        is the one that made the first.
        """
        return self._add_backward_hook(hook, prepend=False, full=False)

    def _add_backward_hook(self, hook: Hook, prepend: bool, full: bool) -> RemovableHandle:
        if self._is_full_backward_hook is not None and self._is_full_backward_hook != full:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._hooked = True
        self._is_full_backward_hook = full
        return add_hook(self._backward_hooks, hook, prepend)


everywhere = Hookable()
everywhere._init_hooks()


def _each(module: Hookable, table: str) -> Iterator[tuple[Hookable, int, Hook]]:
    """The hooks of one kind that concern `module`, with the object each is registered on."""
    for holder in (everywhere, module):
        for hook_id, hook in list(getattr(holder, table).items()):
            yield holder, hook_id, hook


def _call_with_hooks(module: Hookable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    output = None
    called = set()
    try:
        args, kwargs = _apply_forward_pre_hooks(module, args, kwargs)
        backward = None
        backward_pre_hooks = [hook for _, _, hook in _each(module, "_backward_pre_hooks")]
        backward_hooks, old_hooks = _backward_hooks(module)
        if backward_pre_hooks or backward_hooks:
            backward = BackwardHooks(module, backward_pre_hooks, backward_hooks)
            args = backward.watch_inputs(args)
        output = module.forward(*args, **kwargs)
        for holder, hook_id, hook in _each(module, "_forward_hooks"):
            called.add(hook_id)
            replaced = _apply_forward_hook(holder, hook_id, hook, module, args, kwargs, output)
            if replaced is not None:
                output = replaced
        if old_hooks:
            hang_on_last_operation(module, old_hooks, output)
        return output if backward is None else backward.watch_outputs(output)
    except Exception:
        for holder, hook_id, hook in _each(module, "_forward_hooks"):
            if hook_id in holder._hooks_always_called and hook_id not in called:
                try:
                    _apply_forward_hook(holder, hook_id, hook, module, args, kwargs, output)
                except Exception as error:  # the first exception is the one to report
                    warnings.warn(
                        f"forward hook with always_call=True raised {error!r}, which is ignored "
                        "because another exception came before it",
                        stacklevel=3,
                    )
        raise


def _backward_hooks(module: Hookable) -> tuple[list[Hook], list[Hook]]:
    """The full backward hooks that concern `module`, and those from `register_backward_hook`."""
    full: list[Hook] = []
    old: list[Hook] = []
    for holder, _, hook in _each(module, "_backward_hooks"):
        (old if holder._is_full_backward_hook is False else full).append(hook)
    return full, old


def _apply_forward_pre_hooks(
    module: Hookable, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for holder, hook_id, hook in _each(module, "_forward_pre_hooks"):
        if hook_id in holder._hooks_with_kwargs:
            result = hook(module, args, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {result}."
                )
            args, kwargs = result
        else:
            result = hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    return args, kwargs


def _apply_forward_hook(
    holder: Hookable,
    hook_id: int,
    hook: Hook,
    module: Hookable,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    output: Any,
) -> Any:
    if hook_id in holder._hooks_with_kwargs:
        return hook(module, args, kwargs, output)
    return hook(module, args, output)


# ------------------------------------------------------------------------------------------------
# Hooks on all modules
# ------------------------------------------------------------------------------------------------

parameter_registration_hooks: HookTable = OrderedDict()
buffer_registration_hooks: HookTable = OrderedDict()
module_registration_hooks: HookTable = OrderedDict()


def run_registration_hooks(table: HookTable, module: Any, name: str, value: Any) -> Any:
    """Let the hooks see what a module registers; each may return a replacement."""
    for hook in list(table.values()):
        result = hook(module, name, value)
        if result is not None:
            value = result
    return value


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """`Module.register_forward_pre_hook` on every module there is or will be."""
    Hookable._hooked = True
    return everywhere.register_forward_pre_hook(hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """`Module.register_forward_hook` on every module there is or will be."""
    Hookable._hooked = True
    return everywhere.register_forward_hook(hook, with_kwargs=with_kwargs, always_call=always_call)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """`Module.register_full_backward_pre_hook` on every module there is or will be."""
    Hookable._hooked = True
    return everywhere.register_full_backward_pre_hook(hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """`Module.register_full_backward_hook` on every module there is or will be."""
    Hookable._hooked = True
    return everywhere.register_full_backward_hook(hook)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """`Module.register_backward_hook` on every module there is or will be."""
    Hookable._hooked = True
    return everywhere.register_backward_hook(hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` whenever a module registers a parameter."""
    return add_hook(parameter_registration_hooks, hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever a module registers a buffer."""
    return add_hook(buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, child)`` whenever a module registers a child module."""
    return add_hook(module_registration_hooks, hook)
