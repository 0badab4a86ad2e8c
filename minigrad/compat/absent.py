"""torchvision, torchtext and torchaudio: libraries beside PyTorch that minigrad does not stand for.

Many scripts import them and never use what they imported, since a chapter of a textbook needs it
and theirs does not. So a script can import them, and any name from them; whoever calls what stands
under the name is told what is missing. Libraries ask whether torchvision is there and do without it
if not: to a file in ``site-packages``, it is not there, unless it is installed. Then the list of
installed packages says so too, and whoever trusts that list imports it without asking.
"""

from __future__ import annotations

import sys
from types import FrameType, ModuleType
from typing import Any, NoReturn

from ..arrays.absent import absent

__all__ = ["LIBRARIES", "Absent", "AbsentModule", "asked_by_a_library"]

LIBRARIES = ("torchvision", "torchtext", "torchaudio")


class Absent(type):
    """The class of what stands for a class or function that is not there: raises when called."""

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        name = next(kind.__dict__["_name"] for kind in cls.__mro__ if "_name" in kind.__dict__)
        library = name.partition(".")[0]
        raise absent(
            "other libraries of PyTorch's", NotImplementedError,
            f"{name} is not there: this script runs on minigrad, which has no {library}. What it "
            f"needs of {library} has to come from somewhere else, such as files read with NumPy",
        )  # fmt: skip

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{cls._name}.{name}")

    def __repr__(cls) -> str:
        return f"<{cls._name}, which is not there>"


def _absent(name: str) -> Absent:
    return Absent(name.rpartition(".")[2], (), {"_name": name})


class AbsentModule(ModuleType):
    """A module of one of these libraries, with any name in it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        return _absent(f"{self.__name__}.{name}")


def asked_by_a_library() -> bool:
    """Whether the import that is under way stands in a file of an installed library."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        ours = frame.f_globals.get("__name__", "").startswith("minigrad.compat")
        if not ours and "importlib" not in file:
            return "site-packages" in file or "dist-packages" in file
        frame = frame.f_back
    return False
