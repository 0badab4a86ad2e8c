"""Makes ``import torch`` mean minigrad: `install`, in this process and in those that it starts.

Python asks the finders in ``sys.meta_path`` in turn where a module is. The one here answers for
``torch`` and everything below it, before any other, so that PyTorch is not found even if it is
there. Modules are made when they are first imported.

A process that this one starts has a ``sys.meta_path`` of its own. What it inherits is the path:
from the environment (``subprocess``), or from its parent's ``sys.path`` (``multiprocessing``,
joblib). So the folder ``children``, in which a file ``torch.py`` does the same, is put on both.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec as find_package
from types import ModuleType
from typing import Any

from ..arrays.absent import missing
from ..tensor import Tensor
from .absent import LIBRARIES, AbsentModule, asked_by_a_library
from .rooms import NEEDS, ROOMS, WHERE_TO_LOOK, Room

_TENSORS_MODULE = Tensor.__module__
CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "children")


class _Loader:
    """Makes the module, and fills it."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return (Room if spec.name in ROOMS else AbsentModule)(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        if isinstance(module, Room):
            module.furnish()


class TorchFinder:
    """Finds the modules in `ROOMS`, and says which of PyTorch's are not there."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The answer to ``import name``; None for a module that is not PyTorch's."""
        top = name.partition(".")[0]
        if top in LIBRARIES:
            if asked_by_a_library() and PathFinder.find_spec(top) is None:
                return None  # so that it does without
        elif top != "torch":
            return None
        elif name not in ROOMS:
            parent, _, last = name.rpartition(".")
            # Not with name=name: ``from torch.nn import Conv2d`` asks for a module torch.nn.Conv2d,
            # and would ignore this error in favour of one that says less.
            words = f"No module named '{name}', and no name '{last}' in '{parent}'"
            raise missing(parent, last, ModuleNotFoundError, words, f": {WHERE_TO_LOOK}")
        needed = NEEDS.get(name, ())
        if needed and not any([find_package(package) for package in needed]):
            raise ModuleNotFoundError(
                f"No module named '{needed[0]}', which {name} writes with: pip install {needed[0]}",
                name=needed[0],
            )
        loader: Any = _Loader()
        return ModuleSpec(name, loader, origin="minigrad", is_package=True)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in ("torch", *LIBRARIES)


def install() -> None:
    """Let ``import torch`` mean minigrad from now on, in this process and in those it starts.

    Child processes are those of ``subprocess``, ``os.system``, ``multiprocessing`` (fork, spawn and
    forkserver) and of libraries that use them, as joblib does: a folder of minigrad's is put in
    front of ``PYTHONPATH`` in the environment, and of ``sys.path`` behind the script's own. It has
    nothing in it but ``torch``. A child that does not import it does not load minigrad either; to
    one that does it costs what it costs here, the import of minigrad and NumPy.

    A child is not reached that is started with another environment (``env=...`` without this one's
    ``PYTHONPATH``), or with Python's options ``-E`` or ``-I``; one whose Python cannot load
    minigrad gets an ImportError that says so.

    A second call does nothing. ``python -m minigrad run script.py`` calls it before the script
    begins.

    Raises
    ------
    RuntimeError
        PyTorch itself was imported already.

    See Also
    --------
    uninstall : the way back.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad import compat
    >>> compat.install()
    >>> import torch
    >>> torch.ones is mg.ones
    True
    >>> compat.uninstall()
    """
    if not isinstance(sys.modules.get("torch", Room("torch")), Room):
        raise RuntimeError("torch was imported before minigrad could take its place")
    if TorchFinder in sys.meta_path:
        return
    sys.meta_path.insert(0, TorchFinder)
    Tensor.__module__ = "torch"  # what ``print(type(x))`` says, and some libraries look at
    if CHILDREN not in sys.path:
        # Behind the script's own folder, unless Python was told (-P) to put none there.
        sys.path.insert(0 if getattr(sys.flags, "safe_path", False) else 1, CHILDREN)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if CHILDREN not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([CHILDREN, *filter(None, paths)])


def uninstall() -> None:
    """Undo `install`: the next ``import torch`` finds PyTorch, or nothing.

    Modules that have imported ``torch`` keep what they have. Processes that are running already
    keep it too. Without `install` before it, this does nothing.
    """
    if TorchFinder not in sys.meta_path:
        return
    sys.meta_path.remove(TorchFinder)
    Tensor.__module__ = _TENSORS_MODULE
    for name in [name for name in sys.modules if _is_ours(name)]:
        del sys.modules[name]
    if CHILDREN in sys.path:
        sys.path.remove(CHILDREN)
    rest = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p != CHILDREN]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    else:
        os.environ.pop("PYTHONPATH", None)
