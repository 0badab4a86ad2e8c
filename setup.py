"""Builds the kernels: one Cython source tree, compiled once per SIMD level and dtype.

What was compiled before, from the same texts with the same flags and tools, is not compiled again
(see `BuildKernels`). The rest of the project's metadata is in pyproject.toml. Three switches in the
environment (see docs/building.md):

    MINIGRAD_DEBUG=1        index checks, assertions and debug symbols, little optimization
    MINIGRAD_LEVELS=v3,v4   build only these levels besides the baseline (of v3, v4 and neon)
    CC=clang-cl             on Windows, this compiler instead of Microsoft's
"""

import hashlib
import os
import platform
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import Cython
import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, PlatformError

PACKAGE = "minigrad._kernels"
SOURCES = "minigrad/_kernels"
compiled = runpy.run_path(f"{SOURCES}/compiled.py")  # what is compiled besides, and what but once
KERNELS = (
    "recurrent",
    "loss",
    "optim",
    "entrywise",
    "random",
    "norm",
    "product",
    "scan",
    "plan",
    "ctc",
)
DTYPES = ("float32", "float64")

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")  # of the files that this Python imports
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
MSVC_FLAGS = ["/Od", "/UNDEBUG"] if DEBUG else ["/O2", "/fp:precise"]
# These give the very bits that NumPy gives, which rounds product and sum.
ROUNDED = ("random",)
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


NO_COMPILER = (
    "minigrad: there is no C compiler here that can compile the kernels. Install one with Python's "
    "headers (Linux: gcc and python3-dev or python3-devel; Windows: the Visual Studio Build Tools; "
    "macOS: xcode-select --install), or run minigrad from its checkout without kernels, with NumPy "
    "and MINIGRAD_KERNELS=reference in the environment."
)


@dataclass(frozen=True)
class Level:
    """A set of instructions that the kernels are compiled for."""

    name: str
    flags: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()  # as platforms are named; none: all
    macro: str = ""  # which the compiler defines if it understood the flags
    header: str = ""  # of the instructions


X86, ARM = ("x86_64", "x86-64", "amd64"), ("aarch64", "arm64")
LEVELS = (
    Level("baseline"),
    Level("v3", ("-march=x86-64-v3",), X86, "__AVX2__", "immintrin.h"),
    Level(
        "v4", ("-march=x86-64-v4", "-mprefer-vector-width=512"), X86, "__AVX512VL__", "immintrin.h"
    ),
    # Every such processor has these instructions: the baseline's vectors are the same, but not the
    # number of registers that its tiles may fill (real.h, tile.h).
    Level("neon", ("-DMINIGRAD_NEON",), ARM, "__aarch64__", "arm_neon.h"),
)


def wanted_levels() -> list[str]:
    """Return the names of the levels to be built besides the baseline."""
    names = [level.name for level in LEVELS]
    wanted = os.environ.get("MINIGRAD_LEVELS")
    if wanted is None:
        return names
    result = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in result:
        if name not in names:
            raise SystemExit(
                f"minigrad: MINIGRAD_LEVELS names {name!r}: levels are {', '.join(names)}"
            )
    return result


def target() -> str:
    """Return the machine that is built for, which may be another than this one."""
    name = sysconfig.get_platform().lower()  # linux-aarch64, win-amd64, macosx-11.0-universal2
    return platform.machine().lower() if "universal" in name else name


def kernel_extensions(level: Level, dtype: str) -> list[Extension]:
    """Return the extensions of one level and dtype, still made from .pyx."""
    return [
        Extension(
            f"{PACKAGE}.{kernel}_{level.name}_{dtype}",
            [f"{SOURCES}/{kernel}.pyx"],
            include_dirs=[np.get_include(), SOURCES],
            define_macros=[
                # The text is translated once, as a module of its own name: this is the other name.
                (f"PyInit_{kernel}", f"PyInit_{kernel}_{level.name}_{dtype}"),
                (f"MINIGRAD_{dtype.upper()}", "1"),
                ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
                *([("MINIGRAD_DEBUG", "1")] if DEBUG else []),
            ],
            extra_compile_args=list(level.flags),
            depends=[f"{SOURCES}/{kernel}.pyx", "setup.py", *files("*.h"), *files("*.pxd")],
        )
        for kernel in KERNELS + (compiled["ONE_LEVEL"] if level.name == "baseline" else ())
    ]


def files(pattern: str, folder: str = SOURCES) -> list[str]:
    """Return the files of a pattern below a folder, always in the same order."""
    return sorted(path.as_posix() for path in Path(folder).rglob(pattern))


# cpu.pyx decides at import which level runs, so it must itself run anywhere.
CPU = Extension(
    f"{PACKAGE}.cpu",
    [f"{SOURCES}/cpu.pyx"],
    include_dirs=[SOURCES],
    depends=[f"{SOURCES}/cpu.pyx", "setup.py", *files("*.h"), *files("*.pxd")],
)


def python_extension(module: str) -> Extension:
    """Return the translation of one of minigrad's Python modules, to lie where it is looked for."""
    folder = compiled["folder_of"](module, "minigrad")
    place = f"minigrad/{folder}/{Path(module).name}".replace("/", ".")
    text = f"minigrad/{module}.py"
    declarations = [path for path in files("*.pxd", "minigrad") if not path.startswith(SOURCES)]
    return Extension(place, [text], depends=[text, "setup.py", *declarations])


PYTHON = [python_extension(module) for module in compiled["MODULES"]]
GROUPS = {(level, dtype): kernel_extensions(level, dtype) for level in LEVELS for dtype in DTYPES}


def own_name(extension: Extension) -> str:
    """Return the module name that the code itself knows: that of its text, wherever it lies."""
    return ".".join(Path(extension.depends[0]).with_suffix("").parts)


def translate(
    extensions: list[Extension], threads: int, directives: dict[str, object] = DIRECTIVES
) -> None:
    """Translate .pyx or .py to .c, below build/.

    Each text once: all levels and dtypes have copies of the same C. (cythonize remembers the
    compiler options that it once saw next to a text and adds them to those of later calls: it is
    shown none.)
    """
    texts = {own_name(extension): extension.sources for extension in extensions}
    translated = cythonize(
        [Extension(name, sources) for name, sources in texts.items()],
        build_dir="build/cython",
        nthreads=threads,
        compiler_directives=directives,
        force=True,  # it would go by the times of the files
    )
    results = {result.name: result.sources[0] for result in translated}
    for extension in extensions:
        copy = Path("build/c", f"{extension.name}.c")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(results[own_name(extension)], copy)
        extension.sources = [str(copy)]


class BuildKernels(build_ext):
    """build_ext that asks the compiler what it knows, and compiles only what has changed.

    pip builds in temporary folders, with a new copy of NumPy each time, and would compile all
    extensions at each `pip install -e .`. So what was compiled is kept in build/compiled/, under a
    checksum of all that decides how it comes out: its text and what that includes, flags and
    macros, this file, the compiler, Python, NumPy and Cython. What has the same checksum is taken
    from there. The times of files say nothing: they change with a checkout, and not with a flag.
    """

    KEPT = Path("build/compiled")
    GENERATIONS = 3  # kept of each extension: to go back to another branch, or from a debug build

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = int(self.parallel or os.cpu_count() or 1)

    def build_extensions(self) -> None:
        self.kind = self.choose_compiler()
        if not self.compiles("#include <Python.h>\n"):
            raise SystemExit(NO_COMPILER)
        wanted = wanted_levels()
        known = []
        for level in LEVELS:
            if level.machines and not any(machine in target() for machine in level.machines):
                continue
            reason = self.why_not(level, wanted)
            if reason is None and self.compiler_knows(level):
                known.append(level)
            else:
                print(f"minigrad: no {level.name} kernels: {reason or 'not with this compiler'}")
        groups = [group for (level, _), group in GROUPS.items() if level in known]
        self.extensions = [CPU, *(e for group in groups for e in group), *([] if DEBUG else PYTHON)]
        for extension in self.extensions:
            flags = [*extension.extra_compile_args, *GNU_FLAGS]
            if Path(extension.sources[0]).stem in ROUNDED:
                flags += ["-ffp-contract=off"]
            if extension in PYTHON and not DEBUG:  # calls of Python gain nothing from -O3
                flags += ["-O2"]
            extension.extra_compile_args = self.spelled(flags)

        self.tools = self.find_tools()
        self.checksums = {extension.name: self.checksum(extension) for extension in self.extensions}
        self.clear(self.build_lib)
        new = [extension for extension in self.extensions if not self.take(extension)]
        print(f"minigrad: {len(new)} of {len(self.extensions)} extensions have to be compiled")
        translate([e for e in new if e not in PYTHON], self.parallel)
        translate([e for e in new if e in PYTHON], self.parallel, PYTHON_DIRECTIVES)

        # The longest first, so that no processor is left waiting for the last one.
        new.sort(key=lambda extension: -os.path.getsize(extension.sources[0]))
        self.extensions, every = new, self.extensions
        super().build_extensions()
        self.extensions = every
        edited = [e.name for e in every if self.checksum(e) != self.checksums[e.name]]
        if edited:
            names = ", ".join(edited)
            raise SystemExit(f"minigrad: edited while it was being compiled, build again: {names}")

    def build_extension(self, extension: Extension) -> None:
        super().build_extension(extension)
        self.keep(extension)

    # --------------------------------------------------------------------------------------------
    # What was compiled before
    # --------------------------------------------------------------------------------------------

    def find_tools(self) -> list[object]:
        """Return what decides how all extensions come out: versions, commands, environment."""
        names = (
            "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX",
            "SDKROOT", "MACOSX_DEPLOYMENT_TARGET", "INCLUDE", "LIB", "CL", "_CL_", "LINK", "_LINK_",
        )  # fmt: skip
        command = getattr(self.compiler, "compiler_so", None)  # (the path of MSVC has its version)
        return [
            DEBUG,
            (sys.version, SUFFIX, np.__version__, Cython.__version__),
            sorted(
                (name, repr(value))
                for name, value in vars(self.compiler).items()
                if name not in ("force", "verbose", "dry_run")  # others, as pip or build asks
            ),
            command and subprocess.run([*command, "--version"], capture_output=True).stdout,
            (platform.machine(), platform.node()),  # -march=native is another on each
            [(name, os.environ.get(name)) for name in names],
        ]

    def checksum(self, extension: Extension) -> str:
        """Return the checksum of all that decides how an extension comes out."""
        flags = (extension.name, extension.define_macros, extension.extra_compile_args)
        result = hashlib.sha256(repr((self.tools, flags)).encode())
        for path in extension.depends:
            text = Path(path).read_bytes()
            result.update(f"{path} {len(text)} ".encode() + text)
        return result.hexdigest()[:32]

    def place(self, extension: Extension) -> Path:
        """Return where an extension is kept."""
        # (the name of a translation has a checksum of its text in it, and would always be another)
        name = own_name(extension) if extension in PYTHON else extension.name
        return self.KEPT / f"{name}{SUFFIX}-{self.checksums[extension.name]}"

    def take(self, extension: Extension) -> bool:
        """Return whether there was a compiled extension to take."""
        place = self.place(extension)
        if self.force or not place.exists():
            return False
        place.touch()  # the oldest are removed
        target = Path(self.get_ext_fullpath(extension.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(place, target)
        return True

    def keep(self, extension: Extension) -> None:
        """Keep an extension that was compiled just now."""
        if self.checksum(extension) != self.checksums[extension.name]:
            return  # somebody edited a text meanwhile: who knows what was compiled
        place = self.place(extension)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f"{place.name}.{os.getpid()}")
        shutil.copy(self.get_ext_fullpath(extension.name), part)
        part.replace(place)  # at once, for an interrupted build must not leave half a file
        name, _, _ = place.name.rpartition("-")
        generations = sorted(place.parent.glob(f"{name}-*"), key=os.path.getmtime)
        for old in generations[: -self.GENERATIONS]:
            old.unlink(missing_ok=True)

    def clear(self, root: str, but: Collection[Path] = ()) -> None:
        """Remove older extensions: none may stay to be imported, or packed into a wheel."""
        translated = Path(root, "minigrad", compiled["FOLDER"]).glob("**/*.*")
        for path in [*translated, *Path(root, SOURCES).glob(f"*{SUFFIX}")]:
            if path.relative_to(root) not in but:
                path.unlink()

    def copy_extensions_to_source(self) -> None:
        """Put the extensions beside their sources, each at once: somebody may be loading it."""
        places = [Path(self.get_ext_filename(extension.name)) for extension in self.extensions]
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.copy(Path(self.build_lib, place), part)
            part.replace(place)
        self.clear(".", but=places)

    # --------------------------------------------------------------------------------------------
    # What the compiler knows
    # --------------------------------------------------------------------------------------------

    def choose_compiler(self) -> str:
        """Return whose flags the compiler takes. On Windows, let CC=clang-cl be the compiler."""
        if self.compiler.compiler_type != "msvc":
            return "gnu"
        command = os.environ.get("CC", "")
        if Path(command).stem.lower() != "clang-cl":
            return "msvc"
        self.compiler.initialize()
        self.compiler.cc = shutil.which(command) or command
        return "clang-cl"

    def spelled(self, flags: Collection[str]) -> list[str]:
        """Return gcc's flags as the compiler takes them."""
        if self.kind == "msvc":
            return MSVC_FLAGS
        return [f"/clang:{flag}" for flag in flags] if self.kind == "clang-cl" else list(flags)

    def why_not(self, level: Level, wanted: Collection[str]) -> str | None:
        """Return why a level is not even tried, or None."""
        if not level.flags:
            return None
        if level.name not in wanted:
            return "MINIGRAD_LEVELS does not name them"
        if self.kind == "msvc":  # it has no vectors as gcc's, and only warns of a flag
            return "this compiler has no vectors (clang-cl has)"
        return None

    def compiler_knows(self, level: Level) -> bool:
        """Return whether a small file really compiles with the flags of this level."""
        return not level.flags or self.compiles(
            f"#ifndef {level.macro}\n#error\n#endif\n#include <{level.header}>\n"
            "float first(const float *x) { return *x; }\n",
            self.spelled(level.flags),
        )

    def compiles(self, code: str, flags: Collection[str] = ()) -> bool:
        """Return whether the compiler is there and compiles a small file."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "try.c")
            source.write_text(code)
            try:
                self.compiler.compile([str(source)], folder, extra_postargs=list(flags))
            except (CompileError, PlatformError):
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
