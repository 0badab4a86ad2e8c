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
"""

import functools
import os
import re
import sys
import zlib
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location

# Not among them: what users call with many arguments (Cython words its complaints differently),
# what warns (its frames are not counted), what calls NumPy's functions on numbers elsewhere than in
# an operation (see `minigrad.autograd.quiet`).
MODULES = (
    "arrays/sums", "autograd/tensor_base", "autograd/indexing", "autograd/views",
    "autograd/engine", "autograd/primitive", "autograd/loans", "autograd/backward",
    "ops/makers", "ops/fused", "ops/layout", "ops/inplace", "ops/shape", "ops/index",
    "ops/join", "ops/order", "ops/introsort", "ops/elementwise", "ops/reduce", "ops/matmul",
    "ops/einsum", "ops/loss", "ops/checked", "nn/hooks", "recurrences/operation",
    "recurrences/layer", "recurrences/cell", "recurrences/checks",
)  # fmt: skip

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
                loader = ExtensionFileLoader(name, stem + suffix)
                return spec_from_file_location(name, stem + suffix, loader=loader)
        return None


def install() -> None:
    """Look for translations from now on."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def in_use() -> tuple[str, ...]:
    """The modules of minigrad that run translated in this process."""
    names = ["minigrad." + module.replace("/", ".") for module in MODULES]
    files = [getattr(sys.modules.get(name), "__file__", None) or "" for name in names]
    return tuple(
        [name for name, file in zip(names, files) if file.endswith(tuple(EXTENSION_SUFFIXES))]
    )
