"""Running parts of minigrad's own Python compiled.

At toy size the time of a network goes to the engine's Python, not to arithmetic. So the build also
translates the modules listed in `MODULES` with Cython, just as they are: same text, same results,
and the interpreter's share of the time about halved. When minigrad is imported, `install` lets
Python find the translations instead of the texts.

A text may have declarations beside it, in a .pxd of its name, which make its objects structures of
C, and may use those of other texts: tensor_base.pxd and engine.pxd do.

Nobody should edit a file and see nothing happen. A translation therefore lies in a folder named by
the checksum of its text and declarations, and of all texts whose declarations it uses: after an
edit there is none that fits, and the text itself runs (more slowly) until the next build.
``MINIGRAD_KERNELS=reference`` runs all texts, for a debugger to step through.

minigrad is there to be read, translated or not. So a translation's loader hands out the text, for
tracebacks; the module says that its file is the text; and its functions point to it (`_show_text`).
"""

import functools
import os
import re
import sys
import zlib
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from types import FunctionType, ModuleType
from typing import Any

# Not among them: what users call with many arguments (Cython words its complaints differently),
# what warns (its frames are not counted), what calls NumPy's functions on numbers elsewhere than in
# an operation (see `minigrad.autograd.quiet`).
MODULES = (
    "arrays/sums", "autograd/tensor_base", "autograd/indexing", "autograd/views",
    "autograd/listening", "autograd/engine", "autograd/primitive", "autograd/loans",
    "autograd/backward",
    "ops/arguments", "ops/values", "ops/kernels", "ops/makers", "ops/fused", "ops/layout",
    "ops/inplace", "ops/shape", "ops/index", "ops/join", "ops/order", "ops/scan", "ops/elementwise",
    "ops/rarer", "ops/reduce", "ops/matmul", "ops/einsum", "ops/loss", "ops/entrywise_loss",
    "ops/norm", "ops/draws", "ops/checked", "nn/hooks", "nn/functional/arguments",
    "recurrences/operation", "recurrences/sequences", "recurrences/layer",
    "recurrences/cell", "recurrences/checks",
    "plans/watch", "plans/fingerprint", "plans/computed", "plans/assembled", "plans/machine",
    "plans/planned",
    "replay/player", "replay/arrays", "optim/loops",
)  # fmt: skip

# Kernels that wait for memory, or have no loops of their own: wider vectors gain them nothing
# (measured), so they are compiled for `baseline` alone, and run at every level.
ONE_LEVEL = ("rows", "sums", "movement", "order", "tape")

FOLDER = "_kernels/translated"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_CIMPORT = re.compile(r"^from (\.+)([\w.]*) cimport ", re.MULTILINE)


def folder_of(module: str, root: str) -> str:
    """Where the translation of a module of `MODULES` lies, below the package's folder `root`."""
    checksum = 0
    for text in _texts_of(module, root, {}).values():
        checksum = zlib.crc32(text, checksum)
    return f"{FOLDER}/t{checksum:08x}"


@functools.cache
def _read(path: str) -> bytes | None:
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return file.read().replace(b"\r\n", b"\n")


def _texts_of(module: str, root: str, found: dict[str, bytes]) -> dict[str, bytes]:
    """The text of a module, its declarations, and those of the modules that these cimport."""
    for path in (module + ".py", module + ".pxd"):
        text = None if path in found else _read(os.path.join(root, path))
        if text is not None:
            found[path] = text
            if path.endswith(".pxd"):
                for dots, name in _CIMPORT.findall(found[path].decode()):
                    folder = module.split("/")[: -len(dots)]
                    _texts_of("/".join([*folder, *name.split(".")]), root, found)
    return found


class _Loader(ExtensionFileLoader):
    """Loads a translation, and shows the text that it was made from."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_source(self, fullname: str) -> str | None:  # type: ignore[override]
        """The text, for tracebacks and debuggers."""
        text = _read(self.text)
        return None if text is None else text.decode()

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then let everything in it point to the text."""
        super().exec_module(module)
        module.__file__ = self.text
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                for own in list(vars(value).values()):
                    _show_text(getattr(own, "fget", None) or getattr(own, "__func__", own), module)
            else:
                _show_text(value, module)


def _stub() -> None:
    """What is run instead of a function's text, if anybody calls it."""


def _show_text(function: Any, module: ModuleType) -> None:
    """Let a translated function, found in `module`, show its text to `inspect`.

    `inspect` knows functions of Python only: it looks for their source at the place that their
    code names. But first it goes on to ``__wrapped__``, if there is one: that is here a function of
    Python with the same names, defaults and place, which is never called.
    """
    if type(function).__name__ != "cython_function_or_method" or hasattr(function, "__wrapped__"):
        return
    home = sys.modules.get(function.__module__, module)  # operations are made by other modules
    code, stub = function.__code__, _stub.__code__
    shown = FunctionType(
        code.replace(
            co_filename=home.__file__, co_code=stub.co_code, co_consts=stub.co_consts,
            co_stacksize=stub.co_stacksize,
        ),
        vars(home), function.__name__, function.__defaults__,
    )  # fmt: skip
    shown.__kwdefaults__ = function.__kwdefaults__
    shown.__annotations__ = function.__annotations__
    shown.__doc__ = function.__doc__
    shown.shows_text = True  # type: ignore[attr-defined]
    function.__wrapped__ = shown


class _Finder:
    """Finds the translation of a module, if there is one of its present text."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, module = name.replace(".", "/").partition("/")
        if package != "minigrad" or module not in MODULES:
            return None
        stem = os.path.join(ROOT, folder_of(module, ROOT), module.rpartition("/")[2])
        for suffix in EXTENSION_SUFFIXES:
            if os.path.exists(stem + suffix):
                loader = _Loader(name, stem + suffix, os.path.join(ROOT, module + ".py"))
                return spec_from_file_location(name, stem + suffix, loader=loader)
        return None


def install() -> None:
    """Look for translations from now on."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def in_use() -> tuple[str, ...]:
    """The modules of minigrad that run translated in this process."""
    names = ["minigrad." + module.replace("/", ".") for module in MODULES]
    specs = [getattr(sys.modules.get(name), "__spec__", None) for name in names]
    return tuple([name for name, s in zip(names, specs) if s and isinstance(s.loader, _Loader)])
