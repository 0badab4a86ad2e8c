"""Run a script, or a module, as ``python`` would, with minigrad as its ``torch``.

What a script sees is what it would see otherwise: ``__name__ == "__main__"``, its arguments in
``sys.argv``, its own folder first in ``sys.path``, tracebacks that begin with its own first frame.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from types import ModuleType, TracebackType
from typing import Any

from ..tensor import Tensor
from . import finder, rooms

_OUR_FILES = {finder.__file__, rooms.__file__}


class CannotRun(Exception):
    """There is nothing to run."""


def run_script(path: str, arguments: Sequence[str] = ()) -> None:
    """Run the file `path`, as ``python path arguments`` does.

    Raises
    ------
    CannotRun
        The file cannot be read.
    """
    file = os.path.join(os.getcwd(), path)
    try:
        with open(file, "rb") as text:
            source = text.read()
    except OSError as error:
        raise CannotRun(f"can't open file '{file}': {error}") from None
    main = _prepare([path, *arguments], os.path.dirname(os.path.realpath(file)))
    main.update(__file__=file, __loader__=SourceFileLoader("__main__", file), __cached__=None)
    exec(compile(source, file, "exec", dont_inherit=True), main)


def run_module(name: str, arguments: Sequence[str] = ()) -> None:
    """Run the module `name`, as ``python -m name arguments`` does.

    Raises
    ------
    CannotRun
        There is no such module, or it has no code.
    """
    main = _prepare(["-m", *arguments], os.getcwd())
    spec = _spec_of(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _spec_of(f"{name}.__main__")
        if spec is None:
            raise CannotRun(
                f"No module named {name}.__main__; '{name}' is a package and cannot be directly "
                "executed"
            )
    if spec is None:
        raise CannotRun(f"No module named {name}")
    code = getattr(spec.loader, "get_code", lambda name: None)(spec.name)
    if code is None:
        raise CannotRun(f"No code object available for {name}")
    file = sys.argv[0] = spec.origin or name
    main.update(__file__=file, __loader__=spec.loader, __cached__=spec.cached)
    main.update(__package__=spec.parent, __spec__=spec)
    exec(code, main)


def _spec_of(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):  # the package around it
            return None
        raise


def _prepare(argv: list[str], folder: str) -> dict[str, Any]:
    """Set what a script finds in `sys`; the names in its new ``__main__``, to be filled."""
    finder.install()
    sys.argv[:] = argv
    # Python has put the folder it was started in first; with its option -P it puts none.
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = _Folder(folder)
    sys.excepthook = _show
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    return main.__dict__


class _Folder(str):
    """The script's folder in `sys.path`, which takes minigrad along to processes that are spawned.

    Such a process runs the script's file once more, since it has none of what the program has in
    memory. Before that it is sent some things, among them `sys.path`: what has to be called to
    unpickle this entry lets ``import torch`` mean minigrad there, too.
    """

    __slots__ = ()

    def __reduce__(self) -> Any:
        return _arrive, (str(self),)


def _arrive(folder: str) -> _Folder:
    """Unpickle a `_Folder`, in another process."""
    finder.install()
    return _Folder(folder)


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print a traceback without our own frames: those before the script, and those of lookups.

    A method that tensors do not have here gets the advice that a missing function brings along.
    """
    if isinstance(error, AttributeError) and isinstance(error.obj, Tensor):
        advice = f"{rooms.WHERE_TO_LOOK}, and dir(torch.Tensor) what is here"
        error.args = (f"{error}: {advice}", *error.args[1:])
    main = sys.modules["__main__"].__dict__
    first = traceback
    while first is not None and first.tb_frame.f_globals is not main:
        first = first.tb_next
    if first is None and not isinstance(error, SyntaxError):  # raised before the script began
        first = traceback
    frame = first
    while frame is not None and frame.tb_next is not None:
        if frame.tb_next.tb_frame.f_code.co_filename in _OUR_FILES:
            frame.tb_next = None
        frame = frame.tb_next
    sys.__excepthook__(kind, error.with_traceback(first), first)
