"""Makes ``import torch`` mean minigrad, for this process: `install`.

Python asks the finders in ``sys.meta_path`` in turn where a module is. The one here answers for
``torch`` and everything below it, before any other, so that PyTorch is not found even if it is
there. Modules are made when they are first imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from .rooms import ROOMS, WHERE_TO_LOOK, Room


class _Loader:
    """Makes the module, and fills it."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> Room:
        return Room(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        assert isinstance(module, Room)
        module.furnish()


class TorchFinder:
    """Finds the modules in `ROOMS`, and says which of PyTorch's are not there."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The answer to ``import name``; None for a module that is not PyTorch's."""
        if name != "torch" and not name.startswith("torch."):
            return None
        if name not in ROOMS:
            parent, _, last = name.rpartition(".")
            # Not with name=name: ``from torch.nn import Conv2d`` asks for a module torch.nn.Conv2d,
            # and would ignore this error in favour of one that says less.
            raise ModuleNotFoundError(
                f"No module named '{name}', and no name '{last}' in '{parent}': {WHERE_TO_LOOK}"
            )
        return ModuleSpec(name, _Loader(), origin="minigrad", is_package=True)  # type: ignore[arg-type]


def install() -> None:
    """Let ``import torch`` find minigrad from now on.

    Raises
    ------
    RuntimeError
        PyTorch itself was imported already.
    """
    if not isinstance(sys.modules.get("torch", Room("torch")), Room):
        raise RuntimeError("torch was imported before minigrad could take its place")
    if TorchFinder not in sys.meta_path:
        sys.meta_path.insert(0, TorchFinder)
