"""`torch.jit`: models compiled to PyTorch's own language. Here they stay the Python that they are.

`script` and `trace` return what they are given. What compiles in minigrad is `minigrad.compile`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from ..nn.module import Module
from .futures import Future
from .no_effect import not_here, say_once

__all__ = [
    "Attribute", "Error", "Final", "Future", "RecursiveScriptModule", "ScriptFunction",
    "ScriptModule", "TracerWarning", "annotate", "export", "fork", "freeze", "ignore", "interface",
    "is_scripting", "is_tracing", "isinstance", "load", "optimize_for_inference",
    "optimized_execution", "save", "script", "script_if_tracing", "script_method", "trace",
    "trace_module", "unused", "wait",
]  # fmt: skip

T = TypeVar("T")
_WHY = "models stay Python. minigrad.compile records a whole training step"
_FILES = "there is no compiled form of a model to be kept. Save model.state_dict() with torch.save"


class Error(RuntimeError):
    """What a compiled function raises in PyTorch."""


class TracerWarning(Warning):
    """What `trace` warns of in PyTorch."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """Do nothing: `trace` does not warn."""


class ScriptFunction:
    """The class of compiled functions in PyTorch; nothing here is one."""


class ScriptModule(Module):
    """The class of compiled modules in PyTorch. One that is written as such is a `Module`."""


class RecursiveScriptModule(ScriptModule):
    """The class of what `script` returns in PyTorch; nothing here is one."""


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """`obj`, a function, class or module, as it is; warns once."""
    say_once("torch.jit.script", _WHY)
    return obj


def trace(func: T, *args: Any, **kwargs: Any) -> T:
    """`func`, a function or module, as it is; warns once."""
    say_once("torch.jit.trace", _WHY)
    return func


def trace_module(mod: T, *args: Any, **kwargs: Any) -> T:
    """`mod` as it is; warns once."""
    say_once("torch.jit.trace_module", _WHY)
    return mod


def freeze(mod: T, *args: Any, **kwargs: Any) -> T:
    """`mod` as it is; warns once."""
    say_once("torch.jit.freeze", _WHY)
    return mod


def optimize_for_inference(mod: T, *args: Any, **kwargs: Any) -> T:
    """`mod` as it is; warns once."""
    say_once("torch.jit.optimize_for_inference", _WHY)
    return mod


def _same(fn: T) -> T:
    """The function as it is: the decorator tells PyTorch's compiler something."""
    return fn


export = script_method = script_if_tracing = interface = _same


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function as it is; also as ``@ignore(drop=True)``."""
    return drop if callable(drop) else _same


def unused(fn: T) -> T:
    """The function as it is."""
    return fn


def annotate(the_type: Any, the_value: T) -> T:
    """The value."""
    return the_value


def Attribute(value: T, type: Any) -> T:
    """The value."""
    return value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether `obj` is an instance of a class; of ``list[int]``, whether it is a list."""
    kinds = target_type if builtins.isinstance(target_type, tuple) else (target_type,)
    plain: Any = tuple([getattr(kind, "__origin__", kind) for kind in kinds])
    return builtins.isinstance(obj, plain)


def is_scripting() -> bool:
    """False: nothing is compiled."""
    return False


def is_tracing() -> bool:
    """False: nothing is traced."""
    return False


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """A ``with`` block in which nothing is different."""
    yield


def fork(func: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
    """A future of what `func` returns: it is called at once."""
    future: Future[T] = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future: Future[T]) -> T:
    """What the future holds."""
    return future.wait()


load, save = [not_here(f"torch.jit.{name}", _FILES, "TorchScript") for name in ("load", "save")]
