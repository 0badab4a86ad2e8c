"""What a cell that a user wrote calls its values: the variables of its step, seen when it returns.

    def forward(self, x, h):
        z = self.update(mg.cat([x, h], 1)).sigmoid()     a gate, by the name of z
        return z * h + (1 - z) * self.new(x).tanh()

Python tells whoever asks (``sys.setprofile``) when a function returns, and lets it look at its
variables. Which of them are seen says `is_seen`. Who profiles meanwhile is asked to wait.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..autograd.tensor_base import TensorBase
from ..autograd.views import root_of
from ..nn.parameter import Parameter
from .cell import RNNCellBase


@contextmanager
def watching(step: Any, variables: dict[str, Any]) -> Iterator[None]:
    """Fill `variables` with those that a function has at its end, if it runs meanwhile.

    Parameters
    ----------
    step : callable
    variables : dict
        By name; those of the call that ends last.
    """
    code = _code_of(step)
    if code is None:
        yield
        return
    before: Any = sys.getprofile()

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            variables.clear()
            variables.update(frame.f_locals)

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
        if hasattr(before, "enable"):  # cProfile's, which Python up to 3.11 shows, but cannot call
            before.enable()
        else:
            sys.setprofile(before)


def _code_of(function: Any) -> Any:
    """The code of a function, below its decorators; None if there is none."""
    if isinstance(function, functools.partial):
        return _code_of(function.func)
    function = inspect.unwrap(function)
    if not hasattr(function, "__code__"):  # an object that can be called
        function = type(function).__call__
    return getattr(function, "__code__", None)


def gates_of(
    cell: Any, variables: dict[str, Any], known: Sequence[Any], x: Any, states: Sequence[Any]
) -> dict[str, Any]:
    """What is to be seen of a step, by name: of the variables, all tensors with a row a sequence.

    Not those that begin with an underscore, nor parameters, nor what is `known`: the arguments of
    the step, and what it returns. One of our own cells says itself what its gates are.
    """
    if isinstance(cell, RNNCellBase):
        return _gates_of_ours(cell, x, states)
    taken, like = {id(v) for v in known}, x.array
    found: dict[str, Any] = {}
    for name, value in variables.items():
        if name.startswith("_") or not isinstance(value, TensorBase) or id(value) in taken:
            continue
        array = value.array
        if not array.ndim or len(array) != len(like) or array.dtype != like.dtype:
            continue
        if isinstance(root_of(value), Parameter):
            continue
        taken.add(id(value))
        found[name] = value
    return found


def _gates_of_ours(cell: RNNCellBase, x: Any, states: Sequence[Any]) -> dict[str, Any]:
    """The gates of one of our own cells, by name: the step once more, for their sake."""
    found: dict[str, Any] = {}
    recurrence = cell.recurrence

    def seen(*gates: Any) -> None:
        found.update(named_gates(recurrence, gates))

    parameters = [getattr(cell, name, None) for name in recurrence.parameters]
    if tells_gates(recurrence.step):
        recurrence.step(x, *states, *parameters, seen=seen)
    return found


@functools.cache
def tells_gates(step: Any) -> bool:
    """Whether a step of ours takes `seen`."""
    return "seen" in inspect.signature(step).parameters


def named_gates(recurrence: Any, gates: Sequence[Any]) -> dict[str, Any]:
    """The values of the gates, by the names that people see."""
    return {f"{name}_gate": value for name, value in zip(recurrence.gates, gates)}
