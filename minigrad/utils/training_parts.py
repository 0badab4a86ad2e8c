"""What `TrainingCheckpoint` saves: parts with a state, values, and what a loader is.

Here is what is known of them: what a state dict does not have, how two trainings differ, what a
file can hold, and how all is put back.
"""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..arrays.size import Size
from ..nn import Module, Parameter
from ..nn.lazy import is_lazy
from ..optim import Optimizer
from ..tensor import Tensor
from .data import DataLoader
from .data.position import Position

__all__ = [
    "PLAIN",
    "RESERVED",
    "check_plain",
    "described",
    "dropped",
    "flags_of",
    "has_stepped",
    "is_loader",
    "is_module",
    "module_differences",
    "optimizer_differences",
    "parts_of",
    "put_back",
    "set_flags",
]

RESERVED = ("about", "batch", "epoch", "step", "values")
"""Names in the file that no part may have."""
PLAIN = (
    bool, int, float, complex, str, bytes, bytearray, type(None), Tensor, Parameter, Size,
    np.ndarray,
)  # fmt: skip
"""What a checkpoint may hold, and `load` gives back, besides containers."""


# ------------------------------------------------------------------------------------------------
# Parts
# ------------------------------------------------------------------------------------------------


def parts_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The objects with a state, by name; those of a list are numbered."""
    parts: dict[str, Any] = {}
    for name, part in given.items():
        if part is None:
            continue
        if name in RESERVED:
            raise ValueError(f"{name}= is a name that the file needs for something else")
        if isinstance(part, (list, tuple)):
            parts.update({f"{name}.{k}": one for k, one in enumerate(part)})
        else:
            parts[name] = part
    for name, part in parts.items():
        if not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
            raise TypeError(
                f"{name} must have state_dict and load_state_dict, got {type(part).__name__}"
            )
    return parts


def is_module(part: Any) -> bool:
    return isinstance(part, Module)


def has_stepped(part: Any) -> bool:
    """Whether an optimizer was used, which its scheduler asks."""
    return isinstance(part, Optimizer) and part._opt_called


def flags_of(module: Any) -> dict[str, Any]:
    """What a module's state dict does not have: modes, what is frozen, and gradients."""
    parameters = dict(module.named_parameters())
    return {
        "eval": [name for name, part in module.named_modules() if not part.training],
        "frozen": [name for name, p in parameters.items() if not p.requires_grad],
        "grad": {name: p.grad for name, p in parameters.items() if p.grad is not None},
    }


def set_flags(module: Any, flags: dict[str, Any]) -> None:
    for name, part in module.named_modules():
        part.training = name not in flags["eval"]
    for name, p in module.named_parameters():
        p.requires_grad_(name not in flags["frozen"])
        grad = flags["grad"].get(name)
        p.grad = None if grad is None else grad.detach().clone()


def module_differences(name: str, module: Any, saved: Mapping[str, Any]) -> list[str]:
    here = module.state_dict()
    lines = [f"{name}: {key} is only in the file" for key in saved if key not in here]
    lines += [f"{name}: {key} is not in the file" for key in here if key not in saved]
    for key, value in here.items():
        other = saved.get(key)
        if not isinstance(value, Tensor) or not isinstance(other, Tensor) or is_lazy(value):
            continue
        if value.shape != other.shape or value.dtype != other.dtype:
            lines.append(f"{name}: {key} is {_kind(other)} in the file, {_kind(value)} here")
    return lines


def _kind(tensor: Any) -> str:
    return f"{str(tensor.dtype).rpartition('.')[2]} of shape {tuple(tensor.shape)}"


def optimizer_differences(name: str, optimizer: Any, saved: Mapping[str, Any]) -> list[str]:
    then = [len(group["params"]) for group in saved["param_groups"]]
    now = [len(group["params"]) for group in optimizer.param_groups]
    if then == now:
        return []
    return [f"{name}: groups of {then} parameters in the file, of {now} here"]


def put_back(old: Any, new: Any) -> Any:
    """`new`, in the lists and dicts of `old` where there are some: the program may hold them."""
    if type(old) is dict and type(new) is dict:
        entries = {key: put_back(old.get(key), value) for key, value in new.items()}
        old.clear()
        old.update(entries)
        return old
    if type(old) is list and type(new) is list:
        common = [put_back(*pair) for pair in zip(old, new, strict=False)]
        old[:] = common + [copy.deepcopy(value) for value in new[len(common) :]]
        return old
    return copy.deepcopy(new)


def check_plain(name: str, value: Any) -> None:
    """Whether `load` will give `value` back.

    Raises
    ------
    TypeError
        It has something in it that a checkpoint does not hold.
    """
    kind = type(value)
    if kind in (dict, OrderedDict, Counter):
        for key, entry in value.items():
            check_plain(f"a key of {name}", key)
            check_plain(f"{name}[{key!r}]", entry)
    elif kind in (list, tuple, set, frozenset):
        for k, entry in enumerate(value):
            check_plain(f"{name}[{k}]", entry)
    elif isinstance(value, Tensor) and not value.is_leaf:
        raise TypeError(
            f"{name} is a tensor with a graph, which a checkpoint does not hold: detach() it"
        )
    elif kind not in PLAIN and not isinstance(value, np.generic):
        raise TypeError(
            f"{name} is a {kind.__name__}, which a checkpoint does not hold: only numbers, texts, "
            "tensors, arrays, and lists, tuples, dicts and sets of them"
        )


# ------------------------------------------------------------------------------------------------
# Loaders
# ------------------------------------------------------------------------------------------------


def is_loader(items: Any) -> bool:
    """Whether it is a `DataLoader` that makes its epochs as all do."""
    return isinstance(items, DataLoader) and type(items).__iter__ is DataLoader.__iter__


def dropped(iterator: Iterator[Any], skip: int, position: Position | None = None) -> Iterator[Any]:
    """`iterator` without its first `skip` items, which it has to give all the same."""
    for _ in range(skip):
        if next(iterator, position) is position:
            break
        if position is not None:
            position.use()
    return iterator


def described(loader: Any) -> dict[str, Any]:
    """What of a loader says which batches there are, and in which order."""
    if not is_loader(loader):
        return {}
    try:
        samples = len(loader.dataset)
    except TypeError:
        samples = None
    return {
        "the number of samples": samples,
        "batch_size": loader.batch_size,
        "drop_last": loader.drop_last,
        "num_workers": loader.num_workers,
        "sampler": type(loader.sampler).__name__,
        "batch_sampler": type(loader.batch_sampler).__name__,
    }
