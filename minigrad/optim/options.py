"""The options that optimizers have in common: what each means and may be, said once.

An optimizer names all of its options in ``__init__``, but describes and checks only those that are
its own. For the others there is a row in `OPTIONS`: `check_options` looks at their values, and
`describe_options` puts their descriptions into the docstring.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from ..tensor import Tensor
from .optimizer import required

Class = TypeVar("Class", bound=type)


class Option(NamedTuple):
    """A row of the table."""

    kind: str  # the type, as docstrings have it
    meaning: str
    check: Callable[[Any], None] | None = None


def check_not_negative(**options: Any) -> None:
    """Check that options, given by their names, are numbers from 0 on.

    Raises
    ------
    ValueError
        One is negative or NaN.
    """
    for name, value in options.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {name} value: {value}")


def _check_lr(lr: float | Tensor) -> None:
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"Tensor lr must be 1-element, but it has shape {lr.shape}")
    if not lr >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")


def _check_betas(betas: tuple[Any, Any]) -> None:
    for k in (0, 1):
        if not 0.0 <= betas[k] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {k}: {betas[k]}")


FOR_SCRIPTS = "Kept in ``param_groups``, for scripts written for PyTorch; without effect."

OPTIONS = {
    "params": Option(
        "iterable", "Tensors, pairs (name, tensor), or dicts of parameter groups; see `Optimizer`."
    ),
    "lr": Option("float or 0-d Tensor", r"Learning rate :math:`\gamma`, not negative.", _check_lr),
    "weight_decay": Option(
        "float",
        r":math:`\lambda`, not negative.",
        lambda value: check_not_negative(weight_decay=value),
    ),
    "eps": Option(
        "float", r":math:`\epsilon`, not negative.", lambda value: check_not_negative(epsilon=value)
    ),
    "betas": Option(
        "(float, float)", r":math:`\beta_1, \beta_2`, from 0 to below 1.", _check_betas
    ),
    "decoupled_weight_decay": Option("bool", "Decay the parameter itself, as `AdamW` does."),
    "maximize": Option("bool", "Climb instead: the gradient's sign is turned around."),
    "foreach": Option("bool, optional", FOR_SCRIPTS),
    "capturable": Option("bool", FOR_SCRIPTS),
    "differentiable": Option(
        "bool", "Steps cannot be differentiated: `step` raises an error if it is True."
    ),
    "fused": Option("bool, optional", FOR_SCRIPTS),
}

CHECKS = {name: option.check for name, option in OPTIONS.items() if option.check is not None}

ALWAYS_THERE: Mapping[str, Any] = {"foreach": None, "maximize": False, "differentiable": False}
"""What every optimizer has, and what one does that names none of them."""

BEFORE: Mapping[str, Any] = {
    **ALWAYS_THERE,
    "capturable": False,
    "nesterov": False,
    "amsgrad": False,
    "decoupled_weight_decay": False,
    "fused": None,
}
"""What was done before these options existed: states saved then lack them."""


def check_options(options: Mapping[str, Any]) -> None:
    """Check those options that are in the table.

    Raises
    ------
    ValueError
        One is out of its range.
    RuntimeError
        A combination that PyTorch refuses.
    """
    for name, check in CHECKS.items():
        if name in options and options[name] is not required:
            check(options[name])
    if options.get("fused") and options["differentiable"]:
        raise RuntimeError("`fused` does not support `differentiable`")
    if options.get("fused") and options["foreach"]:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def refuse_to_differentiate(group: dict[str, Any]) -> None:
    """Refuse steps that are to be differentiated; minigrad's update rules are not recorded.

    Raises
    ------
    AssertionError
        With `foreach`, as in PyTorch.
    RuntimeError
        A parameter is a leaf that requires a gradient, as in PyTorch.
    NotImplementedError
        In other cases, in which PyTorch would record the step.
    """
    if group.get("foreach"):
        raise AssertionError("_foreach ops don't support autograd")
    for p in group["params"]:
        if p.grad is not None:
            if p.is_leaf and p.requires_grad:
                raise RuntimeError(
                    "a leaf Variable that requires grad is being used in an in-place operation."
                )
            raise NotImplementedError("differentiable=True: a step cannot be differentiated")


def describe_options(cls: Class) -> Class:
    """Complete the docstring of an optimizer: a class decorator.

    The section "Parameters" gets a paragraph from `OPTIONS` for each option that it leaves out, in
    the order of ``__init__``; a section "Raises" follows, if there is none.
    """
    text = inspect.cleandoc(cls.__doc__ or "")  # there is none under python -OO
    beginning, heading, rest = text.partition("Parameters\n----------\n")
    if heading:
        own, _, end = ("\n" + rest).partition("\n\n")
        described = {entry.partition(" : ")[0]: entry for entry in re.split(r"\n(?=\S)", own)}
        _, *parameters = inspect.signature(vars(cls)["__init__"]).parameters.values()
        entries = [described.get(p.name) or _description(p) for p in parameters]
        if "Raises\n------\n" not in end:
            end = f"Raises\n------\nValueError\n    An option is out of its range.\n\n{end}"
        cls.__doc__ = beginning + heading + "\n".join(entries) + f"\n\n{end}\n"
    return cls


def _description(parameter: inspect.Parameter) -> str:
    """The paragraph on an option, as docstrings have it."""
    option = OPTIONS[parameter.name]
    text = option.meaning
    if parameter.default is not parameter.empty:
        text += f" Default: {parameter.default}."
    return f"{parameter.name} : {option.kind}\n    {text}"
