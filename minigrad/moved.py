"""Modules that have moved: their old names go on meaning them.

Pickles and checkpoints name the modules of the classes in them, and scripts import from where a
thing once was. So a module that moves leaves a line in `MODULES`, and nothing else: no file stays
behind in the old place. Importing the old name gives the very module of the new one, so that there
is one `Size`, whatever it was reached through.

Python asks the finders in ``sys.meta_path`` in turn where a module is. The one here comes first, so
that no file of an older minigrad that is still lying about somewhere is taken instead.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

# Old name: new name, both without "minigrad." in front. In the order in which they moved, so that
# a module that moves again needs a new line for its last name, and a new right side in the others.
MODULES = {
    "_blas": "runtime.blas",
    "config": "runtime.config",
    "creation": "tensor.creation",
    "dtypes": "arrays.dtypes",
    "functions": "tensor.questions",
    "printing": "arrays.printing",
    "random_engine": "random.engine",
    "random_uniform": "random.uniform",
    "size": "arrays.size",
    "sums": "arrays.sums",
    "threads": "runtime.threads",
    "nn.recurrent": "recurrences",
    "nn.cells": "recurrences",
    "nn.deep_indrnn": "recurrences.deep_indrnn",
    "nn.recurrent_base": "recurrences.layer",
    "nn.ragged": "recurrences.ragged",
    "nn.utils.packed": "recurrences.packed",
}


_NEW_NAMES = {f"minigrad.{old}": f"minigrad.{new}" for old, new in MODULES.items()}


def current(name: str) -> str:
    """The present name of a module, which may have moved.

    Examples
    --------
    >>> current("minigrad.size")
    'minigrad.arrays.size'
    >>> current("minigrad.nn")
    'minigrad.nn'
    """
    return _NEW_NAMES.get(name, name)


def current_class(module: str, name: str) -> str:
    """The present full name of a class of a module, which may have moved, and been divided.

    Examples
    --------
    >>> current_class("minigrad.nn.recurrent", "LSTM")
    'minigrad.recurrences.lstm.LSTM'
    """
    new = current(module)
    thing = vars(sys.modules[new]).get(name) if new in sys.modules else None
    if module in _NEW_NAMES and isinstance(thing, type):
        return f"{thing.__module__}.{thing.__qualname__}"
    return f"{new}.{name}"


class _Loader:
    """Puts the module of the new name in the place of the one that was to be loaded."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Let Python make an empty one, which nobody gets to see."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(_NEW_NAMES[module.__name__])


class _Finder:
    """Finds modules under their old names."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in _NEW_NAMES:
            return None
        return ModuleSpec(name, _Loader(), origin=_NEW_NAMES[name])  # type: ignore[arg-type]


def install() -> None:
    """Let Python find modules under their old names from now on."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
