"""Watching a model run, and leaving nothing behind.

`kept` gives a model back the state that it had: attributes, parameters, buffers, random streams.
`Watched` is told of every call of a module in the model, and of every operation that is asked for
meanwhile (see `minigrad.autograd.listening`). It is no hook, since a hook leaves marks in a module:
it is a ``forward`` in the module's own ``__dict__``, which `kept` takes away again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import Any, TypeVar

import numpy as np

from ..autograd.listening import listen
from ..autograd.tensor_base import TensorBase
from ..nn.lazy import is_lazy
from ..nn.module import Module
from ..tensor.creation import get_rng_state, set_rng_state

__all__ = ["Hanging", "Watched", "check_model", "kept", "tensors_in"]

Self = TypeVar("Self", bound="Hanging")

_one_at_a_time = RLock()  # else a thread would keep, as the model's own, what another hung there
TABLES = ("_parameters", "_buffers", "_modules")


def check_model(caller: str, model: Any) -> None:
    """Raise a TypeError where `model` is no module."""
    if not isinstance(model, Module):
        raise TypeError(f"{caller}: model must be a Module, not {type(model).__name__}")


@contextmanager
def kept(model: Module) -> Iterator[None]:
    """Let a model run, and give it and the random streams back the state that they had.

    What is kept are the attributes of all modules (not what is inside a list or an object there),
    the values of their buffers and parameters, and minigrad's, Python's and NumPy's random streams.
    Other threads that want to do so wait.
    """
    with _one_at_a_time:
        modules = list(model.modules())
        attributes = [dict(m.__dict__) for m in modules]
        tables = [[dict(m.__dict__[name]) for name in TABLES] for m in modules]
        tensors = {id(t): t for own in tables for table in own[:2] for t in table.values()}
        copies = [
            (t, t.array, t.array.copy(), t.version.last) for t in tensors.values() if _has_values(t)
        ]
        streams = get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            yield
        finally:
            set_rng_state(streams[0])
            random.setstate(streams[1])
            np.random.set_state(streams[2])  # noqa: NPY002
            for module, own, named in zip(modules, attributes, tables):
                module.__dict__.clear()
                module.__dict__.update(own)
                for name, table in zip(TABLES, named):
                    module.__dict__[name].clear()
                    module.__dict__[name].update(table)
            for tensor, array, copy, version in copies:
                tensor.array = array
                if tensor.version.last != version:  # it was written to
                    array[...] = copy


def _has_values(tensor: Any) -> bool:
    """Whether there is a tensor, and not one of a lazy layer, whose values come later."""
    return isinstance(tensor, TensorBase) and not is_lazy(tensor)


def tensors_in(value: Any) -> list[Any]:
    """All tensors in an argument or a result."""
    if isinstance(value, TensorBase):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in tensors_in(v)]
    return []


class Hanging:
    """Hangs hooks on a model; the end of a ``with`` block, or `remove`, takes them off again."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._busy = False  # while a layer is looked into: its hooks have nothing to say then

    def remove(self) -> None:
        """Stop watching; what was recorded stays."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()

    def _again(self, run: Callable[[], Any]) -> Any:
        """What a layer gives that runs once more, or None; the random stream stays where it is."""
        stream, self._busy = get_rng_state(), True
        try:
            return run()
        except (NotImplementedError, RuntimeError):
            return None
        finally:
            self._busy = False
            set_rng_state(stream)


class Watched:
    """Is told what a model does; a subclass says what to make of it.

    Parameters
    ----------
    model : Module
        Inside `kept`, which ends the watching.
    """

    def __init__(self, model: Module) -> None:
        self._thread = get_ident()
        for module in model.modules():
            module.__dict__["forward"] = self._around(module, module.forward)

    def before(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Called before a ``forward``."""

    def after(self, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        """Called after a ``forward``."""

    def __call__(self, call: Any, args: tuple[Any, ...], kwargs: Any, result: Any) -> None:
        """Called after an operation."""

    def refuse(self, why: str) -> None:
        """Called when an operation raises an error."""

    def _around(self, module: Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if get_ident() != self._thread:  # somebody else calls the model
                return forward(*args, **kwargs)
            earlier = listen(self)
            try:
                self.before(module, args, kwargs)
                output = forward(*args, **kwargs)
                self.after(module, args, kwargs, output)
            finally:
                listen(earlier)
            return output

        return watched
