"""Running parts of minigrad's own Python compiled.

At toy size the time of a network goes to the engine's Python, not to arithmetic. So the build also
translates the modules listed in `MODULES` with Cython, just as they are: same text, same results,
and the interpreter's share of the time about halved. When minigrad is imported, `install` lets
Python find the translations instead of the texts.

A text may have declarations beside it, in a .pxd of its name, which make its objects structures of
C: engine.pxd does.

Nobody should edit a file and see nothing happen. A translation therefore lies in a folder named by
the checksum of its text (and declarations): after an edit there is none that fits, and the text
itself runs (more slowly) until the next build. ``MINIGRAD_KERNELS=reference`` runs all texts, for a
debugger to step through.
"""

import os
import sys
import zlib
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location

# Not among them: what users call with many arguments (Cython words its complaints differently),
# what warns (its frames are not counted), what calls NumPy's functions on numbers elsewhere than in
# an operation (see `minigrad.autograd.quiet`).
MODULES = (
    "arrays/sums", "autograd/engine", "autograd/loans", "autograd/backward", "ops/makers",
    "ops/fused", "ops/recurrent", "ops/layout", "ops/inplace", "ops/shape", "ops/index", "ops/join",
    "ops/order", "ops/introsort", "ops/elementwise", "ops/reduce", "ops/matmul", "ops/einsum",
    "ops/loss", "ops/checked", "nn/cells", "nn/hooks", "nn/recurrent_base",
    "nn/recurrent_checks",
)  # fmt: skip

FOLDER = "_kernels/translated"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def folder_of(module: str, root: str) -> str:
    """Where the translation of a module of `MODULES` lies, below the package's folder `root`."""
    checksum = 0
    for suffix in (".py", ".pxd"):
        path = os.path.join(root, module + suffix)
        if os.path.exists(path):
            with open(path, "rb") as text:
                checksum = zlib.crc32(text.read().replace(b"\r\n", b"\n"), checksum)
    return f"{FOLDER}/t{checksum:08x}"


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
