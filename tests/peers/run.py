"""Other people's libraries, unchanged: their own tests on PyTorch and on minigrad, side by side.

    python tests/peers/run.py FOLDER [--only einops entmax] [--again minigrad] [--table]

FOLDER is where the environment is made (a virtual environment with PyTorch and every library at its
version, from the package index), where the libraries' sources are put (as their tests are not in
the packages; by ``git clone``, unless they are there), and where the results are kept. This needs
an hour and a network, so it is no part of the test suite. The table that it prints stands in
``docs/compatibility.md``. A run that was ended goes on where it was: what is in the results is not
run again, unless ``--again`` says so.

A test counts if it passes on PyTorch in this environment. It is absent by design if the error here
says that something is not there (`ABSENT`), or if `LIBRARIES` names it. All others should pass.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path
from xml.etree import ElementTree

from libraries import LIBRARIES, NEEDED, UNWANTED, Library

ROOT = Path(__file__).parents[2]
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BAD = ("failed", "skipped", "absent")
# What minigrad's errors say where something is absent by design.
ABSENT = re.compile(
    r"is not in minigrad|device 'meta' is not available|CUDA enabled"
    r"|torch\.(bfloat16|complex\d+|float8\w*) are not supported|sparse_\w*tensor|to_sparse"
)
EXAMPLES = Path(__file__).parent / "examples"


def make_environment(folder: Path) -> Path:
    """A Python with all libraries in it, and PyTorch."""
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
        wanted = [library.requirement for library in LIBRARIES] + NEEDED
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", *UNWANTED], check=True)
    return python


def fetch_source(library: Library, folder: Path) -> Path:
    """The folder with the library's tests."""
    source = folder / "src" / library.name
    if library.repository and not source.exists():
        command = ["git", "clone", "-q", "--depth", "1"]
        if library.tag:
            command += ["--branch", library.tag]
        subprocess.run([*command, library.repository, source], check=True)
    return source


def run_tests(library: Library, python: Path, source: Path, on: str) -> dict[str, str]:
    """What became of each test: "passed", "failed", "skipped"."""
    report = source.parent.parent / "results" / f"{library.name}.{on}.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    start = [python, "-m", *(["minigrad", "run", "-m"] if on == "minigrad" else []), "pytest"]
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-o", "addopts=", "--timeout=120"]
    environment = {**os.environ, **THREADS, **dict(library.environment), "PYTHONPATH": str(ROOT)}

    def run(*arguments: str) -> None:
        with open(report.with_suffix(".log"), "w") as log:
            subprocess.run(
                [*start, *options, *arguments], cwd=source / library.folder, env=environment,
                stdout=log, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip

    if library.first and on == "torch":
        run(*library.first)
    run(f"--junitxml={report}", *library.tests)
    if not report.exists():
        print(f"{library.name} on {on}: nothing ran, see {report.stem}.log", file=sys.stderr)
        return {}
    return outcomes(report)


def outcomes(report: Path) -> dict[str, str]:
    """What a report of pytest's says of each test: "passed", "failed", "skipped" or "absent"."""
    found = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        words = " ".join(child.text or "" for child in case)
        if not kinds & {"failure", "error"}:
            what = "skipped" if "skipped" in kinds else "passed"
        else:
            what = "absent" if ABSENT.search(words) else "failed"
        name = f"{case.get('classname')}::{case.get('name')}"
        if found.get(name) != "absent":  # what comes after, at teardown, comes of that
            found[name] = what
    return found


def run_example(library: Library, python: Path, on: str) -> dict[str, str]:
    """Whether each example of a library runs; what it prints is compared by `main`."""
    found = {}
    for path in sorted(EXAMPLES.glob(f"{library.name.replace('-', '_')}*.py")):
        start = [python] if on == "torch" else [python, "-m", "minigrad", "run"]
        result = subprocess.run(
            [*start, path], capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        if result.returncode:
            print(f"{path.name} on {on}: {result.stderr[-2000:]}", file=sys.stderr)
        found[path.stem] = result.stdout if result.returncode == 0 else "failed"
    return found


def known_results(library: Library, folder: Path) -> dict[str, dict[str, str]]:
    """Outcomes on PyTorch and here, as far as there are any."""
    kept = folder / "results" / f"{library.name}.json"
    return json.loads(kept.read_text()) if kept.exists() else {}


def run_library(library: Library, folder: Path, python: Path, on: str) -> None:
    """Run what a library has, and keep the outcomes in a file."""
    began = time.monotonic()
    found = {}
    if library.tests:
        found = run_tests(library, python, fetch_source(library, folder), on)
    found.update(run_example(library, python, on))
    kept = folder / "results" / f"{library.name}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({**known_results(library, folder), on: found}, indent=1))
    count = sum(what not in BAD for what in found.values())
    seconds = time.monotonic() - began
    print(f"{library.name} on {on}: {count} of {len(found)} in {seconds:.0f} s", flush=True)


def row(library: Library, known: dict[str, dict[str, str]], verbose: bool) -> str:
    """A line of the table."""
    good = {test: what for test, what in known["torch"].items() if what not in BAD}
    absent = {
        test
        for test in good
        if known["minigrad"].get(test) == "absent"
        or any(re.search(pattern, test) for pattern, _ in library.absent)
    }
    wanted = good.keys() - absent
    here = {test for test in wanted if known["minigrad"].get(test) == good[test]}
    if verbose:
        missing = sorted(wanted - here)
        for test in missing[:60]:
            print("  ", known["minigrad"].get(test, "not run")[:60], test)
        print(f"   {len(missing)} of {library.name} do not pass")
    share = f"{len(here) / len(wanted):.1%}" if wanted else ""
    return (
        f"| {library.name} {library.version} | {len(good)} | {len(absent)} | {len(here)} of "
        f"{len(wanted)} | {share} |"
    )


def main() -> None:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where environment, sources and results are kept")
    parser.add_argument("--only", nargs="*", default=[], help="libraries to run; default: all")
    parser.add_argument(
        "--again", nargs="*", default=[], help="torch, minigrad: run anew what is known"
    )
    parser.add_argument(
        "--on", nargs="*", default=["torch", "minigrad"], help="where to run; default: on both"
    )
    parser.add_argument("--table", action="store_true", help="only print what is known")
    parser.add_argument("-v", "--verbose", action="store_true", help="name tests that do not pass")
    options = parser.parse_args()
    folder = options.folder.resolve()
    python = make_environment(folder)
    wanted = [each for each in LIBRARIES if not options.only or each.name in options.only]
    for on in () if options.table else options.on:
        for library in wanted:
            if on in options.again or on not in known_results(library, folder):
                run_library(library, folder, python, on)
    lines = []
    for library in wanted:
        known = known_results(library, folder)
        if known.keys() >= {"torch", "minigrad"}:
            lines.append(row(library, known, options.verbose))
    print("| library | passes on PyTorch | absent by design | passes here | share |")
    print("|---|---:|---:|---:|---:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
