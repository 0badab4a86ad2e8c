"""Calling a module with other tensors than its own: `functional_call`.

A model is a function of its parameters, but ``model(x)`` takes them from where they are. Here they
are an argument, so that functions of functions, as in `minigrad.func`, can do something with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...tensor import Tensor
from ..module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module as if some of its parameters and buffers were others.

    Parameters
    ----------
    module : Module
    parameters_and_buffers : dict
        From dotted names, as in ``module.state_dict()``, to tensors. What the module itself puts in
        the place of a buffer during the call is put into this dictionary.
    args : tuple or any, optional
        The arguments; what is no tuple is the only one.
    kwargs : dict, optional
        Those with names.
    tie_weights : bool
        Whether a parameter that the module has under several names is replaced under all of them,
        when one of them is given. Default: True.
    strict : bool
        Refuse names that the module does not have, and parameters and buffers that are not given.
        Default: False.

    Returns
    -------
    any
        What the module returns.

    Raises
    ------
    TypeError
        A value is no tensor.
    ValueError
        Different tensors for two names of one parameter.
    RuntimeError
        What `strict` refuses.
    AttributeError
        A name begins with a module that is not there.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.stateless import functional_call
    >>> layer = mg.nn.Linear(2, 1)
    >>> functional_call(layer, {"weight": mg.ones(1, 2), "bias": mg.zeros(1)}, mg.ones(2))
    tensor([2.])
    """
    arguments = args if isinstance(args, tuple) else () if args is None else (args,)
    with _reparametrize_module(module, parameters_and_buffers, tie_weights, strict):
        return module(*arguments, **(kwargs or {}))


@contextmanager
def _reparametrize_module(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    tie_weights: bool = False,
    strict: bool = False,
    stack_weights: bool = False,
) -> Iterator[None]:
    """A ``with`` block in which a module has these parameters and buffers (PyTorch's name)."""
    given = parameters_and_buffers
    values = _for_all_names(module, given) if tie_weights else dict(given)
    if strict:
        _check_names(module, values)
    places = {name: _place(module, name) for name in values}
    with _exchanged(values, places):
        try:
            yield
        finally:
            for name in given:
                table, key = places[name]
                if key in table:
                    given[name] = table[key]


def _all_tensors(module: Module) -> dict[str, Any]:
    """Every parameter and buffer by every name that it has."""
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def _for_all_names(module: Module, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, and the same tensors for the other names of what they replace."""
    names: dict[int, list[str]] = {}
    for name, tensor in _all_tensors(module).items():
        names.setdefault(id(tensor), []).append(name)
    values = dict(given)
    for tied in names.values():
        found = [given[name] for name in tied if name in given]
        if any(value is not found[0] for value in found[1:]):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(tied)}, which are tied. "
                "Consider using tie_weights=False"
            )
        if found:
            values.update(dict.fromkeys(tied, found[0]))
    return values


def _check_names(module: Module, values: Mapping[str, Any]) -> None:
    known = _all_tensors(module)
    wrong = {
        "Unexpected": [name for name in values if name not in known],
        "Missing": [name for name in known if name not in values],
    }
    if any(wrong.values()):
        lines = [
            f"{kind} key(s): {', '.join(map(repr, names))}."
            for kind, names in wrong.items()
            if names
        ]
        raise RuntimeError(
            f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(lines)
        )


def _place(module: Module, name: str) -> tuple[dict[str, Any], str]:
    """The table that a tensor is in, and its key there. One that is not there will do no harm."""
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    for table in (owner._parameters, owner._buffers):
        if last in table:
            return table, last
    return owner.__dict__, last


@contextmanager
def _exchanged(
    values: Mapping[str, Any], places: Mapping[str, tuple[dict[str, Any], str]]
) -> Iterator[None]:
    """Put `values` in their places, and what was there back again."""
    for value in values.values():
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    before = {name: table[key] for name, (table, key) in places.items() if key in table}
    try:
        for name, (table, key) in places.items():
            table[key] = values[name]
        yield
    finally:
        for name, (table, key) in places.items():
            if name in before:
                table[key] = before[name]
            else:
                table.pop(key, None)
