"""Other people's libraries, unchanged: their own tests on PyTorch and on minigrad, side by side.

    python tests/peers/run.py FOLDER [--only einops entmax] [--again minigrad] [--table]

FOLDER is where the environment is made (a virtual environment with PyTorch and every library at its
version, from the package index), where the libraries' sources are put (as their tests are not in
the packages; by ``git clone``, unless they are there), and where the results are kept. This needs
an hour and a network, so it is no part of the test suite. The table that it prints stands in
``docs/compatibility.md``. A run that was ended goes on behind its last test: what is in the results
is not run again, unless ``--again`` says so.

A test counts if it passes on PyTorch in this environment. It is absent by design if the error here
is an `AbsentByDesign` of ``minigrad.arrays.absent``, or comes of one. All others should pass.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

from libraries import LIBRARIES, NEEDED, UNWANTED, Library

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BAD = ("failed", "skipped", "absent")
TIMEOUT = 600  # seconds a test may take, on a machine that others use too
DONE = "all"  # the name of the line behind the last test


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


def run_tests(library: Library, python: Path, source: Path, on: str, kept: Path) -> bool:
    """Run a library's tests to the end; the plugin beside this file notes what becomes of them."""
    start = [python, "-m", *(["minigrad", "run", "-m"] if on == "minigrad" else []), "pytest"]
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-o", "addopts="]
    paths = os.pathsep.join([str(ROOT), str(HERE / "plugin")])
    own = {name: value.format(on=on) for name, value in library.environment}
    environment = {
        **os.environ, **THREADS, **own, "PYTHONPATH": paths, "MINIGRAD_OUTCOMES": str(kept),
    }  # fmt: skip

    def run(*arguments: str) -> int:
        with open(kept.with_suffix(".log"), "a") as log:
            return subprocess.run(
                [*start, *options, *arguments], cwd=source / library.folder, env=environment,
                stdout=log, stderr=subprocess.STDOUT, check=False,
            ).returncode  # fmt: skip

    if library.first and on == "torch":
        run(*library.first)
    options += ["-p", "minigrad_outcomes", f"--timeout={TIMEOUT}"]
    code = run("--continue-on-collection-errors", *library.tests)
    if code in (0, 1, 2, 5):  # passed, failed, files that cannot be loaded, nothing left to do
        return True
    print(f"{library.name} on {on}: pytest ended with {code}, see {kept.stem}.log", flush=True)
    return False


def run_examples(library: Library, python: Path, on: str, kept: Path) -> None:
    """Note what each example of a library prints: it is compared by `row`."""
    for path in sorted((HERE / "examples").glob(f"{library.name.replace('-', '_')}*.py")):
        start = [python] if on == "torch" else [python, "-m", "minigrad", "run"]
        began = time.monotonic()
        result = subprocess.run(
            [*start, path], capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        if result.returncode:
            print(f"{path.name} on {on}: {result.stderr[-2000:]}", file=sys.stderr)
        outcome = result.stdout if result.returncode == 0 else "failed"
        note(kept, path.stem, outcome, time.monotonic() - began)


def note(kept: Path, name: str, outcome: str, seconds: float) -> None:
    """Add a line, as the plugin does."""
    with kept.open("a") as file:
        file.write(json.dumps([name, outcome, round(seconds, 2)]) + "\n")


def results(folder: Path, library: Library, on: str) -> Path:
    """The file with what became of a library's tests: "passed", "failed", "skipped", "absent"."""
    return folder / "results" / f"{library.name}.{on}.jsonl"


def known_results(kept: Path) -> dict[str, str]:
    """What became of each test, as far as it is known."""
    lines = kept.read_text().splitlines() if kept.exists() else []
    return {name: outcome for name, outcome, _ in map(json.loads, lines)}


def run_library(library: Library, folder: Path, python: Path, on: str) -> None:
    """Run what a library has, less what is known."""
    began = time.monotonic()
    kept = results(folder, library, on)
    kept.parent.mkdir(exist_ok=True)
    source = fetch_source(library, folder)
    if library.tests and not run_tests(library, python, source, on, kept):
        return
    run_examples(library, python, on, kept)
    found = known_results(kept)
    note(kept, DONE, DONE, time.monotonic() - began)
    count = sum(what not in BAD for what in found.values())
    seconds = time.monotonic() - began
    print(f"{library.name} on {on}: {count} of {len(found)} in {seconds:.0f} s", flush=True)


def row(library: Library, torch: dict[str, str], here: dict[str, str], verbose: bool) -> str:
    """A line of the table."""
    good = {test: what for test, what in torch.items() if what not in BAD}
    # A test's name begins with its file, which stands for all in it if it cannot be loaded.
    became = {test: here.get(test) or here.get(test.partition("::")[0], "not run") for test in good}
    absent = {test for test in good if became[test] == "absent"}
    wanted = good.keys() - absent
    passed = {test for test in wanted if became[test] == good[test]}
    if verbose:
        missing = sorted(wanted - passed)
        for test in missing[:60]:
            print("  ", became[test][:60], test)
        print(f"   {len(missing)} of {library.name} do not pass")
    share = f"{len(passed) / len(wanted):.1%}" if wanted else ""
    return (
        f"| {library.name} {library.version} | {len(good)} | {len(absent)} | {len(passed)} of "
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
            kept = results(folder, library, on)
            if on in options.again:
                kept.unlink(missing_ok=True)
            if DONE not in known_results(kept):
                run_library(library, folder, python, on)
    lines = []
    for library in wanted:
        both = [known_results(results(folder, library, on)) for on in ("torch", "minigrad")]
        if all(known.pop(DONE, None) for known in both):
            lines.append(row(library, *both, options.verbose))
    print("| library | passes on PyTorch | absent by design | passes here | share |")
    print("|---|---:|---:|---:|---:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
