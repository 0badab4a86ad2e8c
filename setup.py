"""Builds the kernels: one Cython source tree, compiled once per SIMD level and dtype.

The rest of the project's metadata is in pyproject.toml. Two switches in the environment:

    MINIGRAD_DEBUG=1        index checks, assertions and debug symbols, little optimization
    MINIGRAD_LEVELS=v3,v4   build only these levels besides the baseline
"""

import os
import platform
import runpy
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

PACKAGE = "minigrad._kernels"
SOURCES = "minigrad/_kernels"
KERNELS = ("recurrent", "loss", "optim", "rows")
DTYPES = ("float32", "float64")

DEBUG = os.environ.get("MINIGRAD_DEBUG", "0") not in ("", "0")

# Single flags instead of -ffast-math: that one forgets NaN and infinity, reorders sums and, where
# it reaches the linker, switches off subnormal numbers for the whole process. These give up only
# what nothing here asks for: errno, floating-point exceptions, and rounding the product before the
# sum in a multiply-add.
GNU_FLAGS = [
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    *(["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]),
]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
}
# Python means what it says: nothing is inferred from annotations, indices and None are checked.
PYTHON_DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "auto_pickle": False,
    "binding": True,
    "nonecheck": True,
}


@dataclass(frozen=True)
class Level:
    """A set of instructions that the kernels are compiled for."""

    name: str
    flags: tuple[str, ...] = ()
    macro: str = ""  # which the compiler defines if it understood the flags


LEVELS = (
    Level("baseline"),
    Level("v3", ("-march=x86-64-v3",), "__AVX2__"),
    Level("v4", ("-march=x86-64-v4", "-mprefer-vector-width=512"), "__AVX512VL__"),
)


def kernel_extensions(level: Level, dtype: str) -> list[Extension]:
    """Return the extensions of one level and dtype, still made from .pyx."""
    return [
        Extension(
            f"{PACKAGE}.{kernel}_{level.name}_{dtype}",
            [f"{SOURCES}/{kernel}.pyx"],
            include_dirs=[np.get_include(), SOURCES],
            define_macros=[
                (f"MINIGRAD_{dtype.upper()}", "1"),
                ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
                *([("MINIGRAD_DEBUG", "1")] if DEBUG else []),
            ],
            extra_compile_args=list(level.flags),
            depends=[str(path) for pattern in ("*.h", "*.pxd") for path in HERE.glob(pattern)],
        )
        for kernel in KERNELS
    ]


HERE = Path(SOURCES)
# cpu.pyx decides at import which level runs, so it must itself run anywhere.
CPU = Extension(f"{PACKAGE}.cpu", [f"{SOURCES}/cpu.pyx"])
compiled = runpy.run_path(f"{SOURCES}/compiled.py")  # the list of Python modules to translate


def python_extension(module: str) -> Extension:
    """Return the translation of one of minigrad's Python modules, to lie where it is looked for."""
    folder = compiled["folder_of"](module, "minigrad")
    place = f"minigrad/{folder}/{Path(module).name}".replace("/", ".")
    return Extension(place, [f"minigrad/{module}.py"])


PYTHON = [python_extension(module) for module in compiled["MODULES"]]
GROUPS = {(level, dtype): kernel_extensions(level, dtype) for level in LEVELS for dtype in DTYPES}


def own_name(extension: Extension) -> str:
    """Return the module name that the code itself knows: that of its text, wherever it lies."""
    source = Path(extension.sources[0])
    return ".".join(source.with_suffix("").parts) if source.suffix == ".py" else extension.name


def translate(
    extensions: list[Extension],
    folder: str,
    threads: int,
    directives: dict[str, object] = DIRECTIVES,
) -> None:
    """Translate .pyx or .py to .c below build/, in a folder that no other call of cythonize uses.

    All levels and dtypes share the name of the .pyx and thus of the .c file: in one call, or one
    folder, they would overwrite one another. cythonize also remembers the compiler options that
    it once saw next to a .pyx and adds them to those of later calls: it is shown none.
    """
    bare = [Extension(own_name(extension), extension.sources) for extension in extensions]
    translated = cythonize(
        bare,
        build_dir=f"build/cython/{folder}",
        nthreads=threads,
        compiler_directives=directives,
    )
    for extension, result in zip(extensions, translated, strict=True):
        extension.sources = result.sources


class BuildKernels(build_ext):
    """build_ext that first finds out which levels this compiler knows."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self) -> None:
        known = {level for level in LEVELS if self.compiler_knows(level)}
        for level in LEVELS:
            if level not in known:
                print(f"minigrad: no {level.name} kernels: not with this compiler on this machine")
        self.extensions = [CPU, *([] if DEBUG else PYTHON)]
        translate([CPU], "cpu", threads=1)
        translate(PYTHON, "python", int(self.parallel or 1), PYTHON_DIRECTIVES)
        for (level, dtype), group in GROUPS.items():
            if level in known:
                translate(group, f"{level.name}_{dtype}", threads=int(self.parallel or 1))
                self.extensions += group
        if self.compiler.compiler_type != "msvc":
            for extension in self.extensions:
                extension.extra_compile_args = [*extension.extra_compile_args, *GNU_FLAGS]
        super().build_extensions()

    def copy_extensions_to_source(self) -> None:
        folder = Path("minigrad", compiled["FOLDER"])
        shutil.rmtree(folder, ignore_errors=True)  # translations of texts that have changed since
        for extension in PYTHON:
            Path(extension.name.replace(".", "/")).parent.mkdir(parents=True, exist_ok=True)
        super().copy_extensions_to_source()

    def compiler_knows(self, level: Level) -> bool:
        """Return whether a small file really compiles with the flags of this level."""
        if not level.flags:
            return True
        wanted = os.environ.get("MINIGRAD_LEVELS")
        if wanted is not None and level.name not in wanted.split(","):
            return False
        # MSVC only warns of a flag that it does not know.
        if self.compiler.compiler_type == "msvc" or platform.machine() not in ("x86_64", "AMD64"):
            return False
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "try.c")
            source.write_text(
                f"#ifndef {level.macro}\n#error\n#endif\n"
                "#include <immintrin.h>\n"
                "float first(const float *x) { return _mm_cvtss_f32(_mm_loadu_ps(x)); }\n"
            )
            try:
                self.compiler.compile([str(source)], folder, extra_postargs=list(level.flags))
            except CompileError:
                return False
        return True


# The guard is for cythonize's worker processes, some of which import this file.
if __name__ == "__main__":
    setup(
        ext_modules=[
            CPU,
            *PYTHON,
            *(extension for group in GROUPS.values() for extension in group),
        ],
        cmdclass={"build_ext": BuildKernels},
    )
