"""`Optimizer`: parameter groups, state, saving and hooks; everything but the update rule itself.

A new optimizer whose rule looks at one parameter at a time is a subclass of `PerParameter`. Another
one is a subclass of `Optimizer` whose ``__init__`` passes its options on as `defaults`, and whose
``step`` changes ``p.array`` for every parameter `p` with a gradient and then calls
``p._bump_version()``. See `minigrad.optim.lbfgs`.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ..autograd.errors import stacklevel
from ..autograd.grad_mode import enable_grad
from ..autograd.hooks import RemovableHandle
from ..autograd.listening import heard, is_listening
from ..ops.arguments import check_keywords
from ..tensor import Tensor
from .loops import forget_gradients

if TYPE_CHECKING:
    from typing_extensions import Self

Params: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
Closure: TypeAlias = Callable[[], Any]
HookTable: TypeAlias = "OrderedDict[int, Callable[..., Any]]"


class _Required:
    """Marks an option that has no default: every parameter group must give it."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A ``step`` method with the step hooks around it."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if is_listening():
            return heard(hooked, (self, *args), kwargs)
        if not self._has_step_hooks:
            return step(self, *args, **kwargs)
        all_args: tuple[Any, ...] = (self, *args)  # what hooks see includes the optimizer
        for hook in _every_hook(_global_step_pre_hooks, self._optimizer_step_pre_hooks):
            result = hook(self, all_args, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {result}."
                )
            all_args, kwargs = result
        output = step(*all_args, **kwargs)
        for hook in _every_hook(self._optimizer_step_post_hooks, _global_step_post_hooks):
            hook(self, all_args, kwargs)
        return output

    return hooked


def _not_a_module(module: Any) -> str:
    return (
        f"'{type(module).__name__}' object is not iterable over parameters: pass model.parameters()"
    )


class Optimizer:
    """Base class of all optimizers.

    Parameters
    ----------
    params : iterable
        Tensors to optimize; or pairs (name, tensor); or dicts, one for each parameter group, with
        the entry ``"params"`` and options that differ from `defaults`.
    defaults : dict
        The options of groups that do not say otherwise.

    Attributes
    ----------
    param_groups : list of dict
        The groups; an option may be changed at any time: ``optimizer.param_groups[0]["lr"] = 0.1``.
    state : dict
        What the update rule remembers of each parameter, from the tensor to a dict.
    defaults : dict

    Raises
    ------
    TypeError
        `params` is a tensor, or something in it is none.
    ValueError
        `params` is empty; a tensor is no leaf; a parameter is in two groups.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim import Optimizer
    >>> class SignDescent(Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     def step(self):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p.data -= group["lr"] * mg.sign(p.grad)
    >>> w = mg.ones(2, requires_grad=True)
    >>> (3 * w).sum().backward()
    >>> SignDescent([w], lr=0.25).step()
    >>> w
    tensor([0.7500, 0.7500], requires_grad=True)
    """

    # Options that the class did not always have, and what was done before they existed: states
    # saved then, by PyTorch, lack them.
    _later_options: ClassVar[Mapping[str, Any]] = {}

    _has_step_hooks = False  # on the class: global hooks; on an instance: its own
    _opt_called = False  # whether a step was taken since there is a learning rate scheduler

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the object; a misspelt option is told which one may have been meant."""
        check_keywords(cls, kwargs)
        return super().__new__(cls)

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {params.type()}"
            )
        if hasattr(params, "named_parameters"):
            raise TypeError(_not_a_module(params))
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._init_hooks()
        entries: list[Any] = list(params)
        if not entries:
            raise ValueError("optimizer got an empty parameter list")
        groups = entries if isinstance(entries[0], dict) else [{"params": entries}]
        for group in groups:
            self.add_param_group(group)

    def _init_hooks(self) -> None:
        self._optimizer_step_pre_hooks: HookTable = OrderedDict()
        self._optimizer_step_post_hooks: HookTable = OrderedDict()
        self._optimizer_state_dict_pre_hooks: HookTable = OrderedDict()
        self._optimizer_state_dict_post_hooks: HookTable = OrderedDict()
        self._optimizer_load_state_dict_pre_hooks: HookTable = OrderedDict()
        self._optimizer_load_state_dict_post_hooks: HookTable = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_optimizer_step_pre_hooks" not in self.__dict__:
            self._init_hooks()
        for options in (self.defaults, *self.param_groups):
            for option, before in self._later_options.items():
                options.setdefault(option, before)
        for group in self.param_groups:
            for option, default in self.defaults.items():
                group.setdefault(option, default)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            for option in sorted(group):
                if option != "params":
                    text += f"    {option}: {group[option]}\n"
        return text + ")"

    # -- training --------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Update all parameters once; every subclass defines it.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew, and returns the loss.

        Returns
        -------
        The loss, if there is a closure; otherwise None.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define step()")

    @staticmethod
    def _evaluate(closure: Closure | None) -> Any:
        """The loss that `closure` returns, computed with recording on."""
        if closure is None:
            return None
        with enable_grad():
            return closure()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool
            False: fill them with zeros instead. Default: True.
        """
        if is_listening():
            heard(Optimizer.zero_grad, (self, set_to_none), {})
            return
        for group in self.param_groups:
            if set_to_none:
                forget_gradients(group["params"])
                continue
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = p.grad.detach()
                    p.grad.zero_()

    # -- groups ----------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, for example of layers that were frozen so far.

        Parameters
        ----------
        param_group : dict
            ``"params"`` (a tensor, or an iterable of tensors or of pairs (name, tensor)), and
            options that differ from ``defaults``.

        Raises
        ------
        TypeError
            `param_group` is no dict, its params are a set, or one of them is no tensor.
        ValueError
            A tensor is no leaf; a required option is missing; a parameter is in a group already;
            some parameters have names and some have not.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        if hasattr(params, "named_parameters"):
            raise TypeError(_not_a_module(params))
        entries = [params] if isinstance(params, Tensor) else list(params)
        param_group["params"] = self._split_names(param_group, entries)
        for p in param_group["params"]:
            if not isinstance(p, Tensor):
                hint = ": pass model.parameters()" if hasattr(p, "named_parameters") else ""
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is "
                    f"{type(p).__name__}{hint}"
                )
            if not p.is_leaf and not self.defaults.get("differentiable"):
                raise ValueError("can't optimize a non-leaf Tensor")
        for option, default in self.defaults.items():
            if default is required and option not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{option}"
                )
            param_group.setdefault(option, default)
        self._check_duplicates(param_group)
        self.param_groups.append(param_group)

    def _split_names(self, param_group: dict[str, Any], entries: list[Any]) -> list[Any]:
        """The tensors of `entries`; the names of (name, tensor) pairs go to the group."""
        named = [isinstance(entry, tuple) for entry in entries]
        if any(named) and not all(named):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        if self.param_groups and any(named) != ("param_names" in self.param_groups[0]):
            which = "with" if any(named) else "without"
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {which} names to the optimizer"
            )
        if not any(named):
            return entries
        param_group["param_names"] = [name for name, _ in entries]
        return [tensor for _, tensor in entries]

    def _check_duplicates(self, param_group: dict[str, Any]) -> None:
        new = {id(p) for p in param_group["params"]}
        if len(new) != len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error",
                stacklevel=stacklevel(),
            )
        for group in self.param_groups:
            if not new.isdisjoint({id(p) for p in group["params"]}):
                raise ValueError("some parameters appear in more than one parameter group")

    # -- saving and loading ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, in PyTorch's layout.

        Returns
        -------
        dict
            ``"state"``: from a parameter's number, counted through all groups, to what is
            remembered of it; ``"param_groups"``: the groups, with numbers in place of parameters.
        """
        for pre_hook in list(self._optimizer_state_dict_pre_hooks.values()):
            pre_hook(self)
        numbers: dict[int, int] = {}
        groups: list[dict[str, Any]] = []
        for group in self.param_groups:
            start = sum([len(packed["params"]) for packed in groups])
            numbers.update({id(p): k for k, p in enumerate(group["params"], start)})
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for post_hook in list(self._optimizer_state_dict_post_hooks.values()):
            replaced = post_hook(self, result)
            if replaced is not None:
                result = replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of an optimizer with the same groups gave.

        Tensors are copied; those that belong to floating point parameters get the parameters'
        dtypes.

        Raises
        ------
        ValueError
            The number of groups, or of parameters in one, differs.
        """
        state_dict = dict(state_dict)
        for pre_hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            replaced = pre_hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        saved_groups = state_dict["param_groups"]
        if len(saved_groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        params: dict[int, Tensor] = {}  # by their numbers in the state dict
        memo: dict[int, Any] = {}  # a tensor that is the learning rate of several groups stays one
        groups = []
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    f"optimizer's group: {len(saved['params'])} against {len(group['params'])}"
                )
            params.update(zip(saved["params"], group["params"], strict=True))
            loaded = {k: copy.deepcopy(v, memo) for k, v in saved.items() if k != "params"}
            if "param_names" in group:
                loaded.setdefault("param_names", group["param_names"])
            groups.append({**loaded, "params": group["params"]})
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for number, remembered in state_dict["state"].items():
            if number in params:
                state[params[number]] = _copy_state(remembered, params[number])
            else:
                state[number] = remembered
        self.__setstate__({"state": state, "param_groups": groups})
        for post_hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            post_hook(self)

    # -- hooks -----------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before every step.

        `args` begins with the optimizer. The hook may return a pair ``(args, kwargs)``.
        """
        self._has_step_hooks = True
        return _add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after every step."""
        self._has_step_hooks = True
        return _add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before `state_dict`."""
        return _add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after `state_dict`; it may return another one."""
        return _add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another one."""
        return _add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return _add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _copy_state(value: Any, param: Tensor, key: str = "") -> Any:
    """A copy of what is remembered of `param`, with its dtype (but for the number of steps)."""
    if isinstance(value, Tensor):
        keeps_dtype = key == "step" or not param.dtype.is_floating_point
        own = value.detach().clone()
        return own if keeps_dtype else own.to(param.dtype)
    if isinstance(value, dict):
        return {k: _copy_state(v, param, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_copy_state(v, param) for v in value])
    return copy.deepcopy(value)


# ------------------------------------------------------------------------------------------------
# Hooks on all optimizers
# ------------------------------------------------------------------------------------------------

_global_step_pre_hooks: HookTable = OrderedDict()
_global_step_post_hooks: HookTable = OrderedDict()


def _every_hook(*tables: HookTable) -> list[Callable[..., Any]]:
    return [hook for table in tables for hook in table.values()]


def _add_hook(table: HookTable, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """`Optimizer.register_step_pre_hook` on every optimizer there is or will be."""
    Optimizer._has_step_hooks = True
    return _add_hook(_global_step_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """`Optimizer.register_step_post_hook` on every optimizer there is or will be."""
    Optimizer._has_step_hooks = True
    return _add_hook(_global_step_post_hooks, hook)
