"""Compare minigrad with whatever peers are installed, side by side in one run.

    python -m benchmarks                  everything (about half an hour)
    python -m benchmarks --quick          a look at everything, in less than a minute
    python -m benchmarks layers small     some tables
    python -m benchmarks scaling --plots plots/

Every line times all libraries in turns and takes the best of each; ratios above 1 say how many
times as fast minigrad is. All libraries get one thread, and the process is pinned to one core where
the system allows it (--threads 2 lets it have two). The last column is minigrad's share of what the
processor can do, measured by multiply-adds on registers.
"""

# The number of BLAS threads is read when NumPy is imported.
# ruff: noqa: E402
from __future__ import annotations

import argparse
import os
import sys

_threads = "1"
for _place, _word in enumerate(sys.argv):
    if _word == "--threads" and _place + 1 < len(sys.argv):
        _threads = sys.argv[_place + 1]
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, _threads)
if hasattr(os, "sched_setaffinity"):
    _cores = sorted(os.sched_getaffinity(0))[-int(_threads) :]
    os.sched_setaffinity(0, _cores)

from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    blocks,
    chosen,
    compiled,
    language_model,
    memory,
    operations,
    ranks,
    recurrent,
    scaling,
    small,
    written,
)
from benchmarks.peers import OTHERS as LIBRARIES
from benchmarks.peers import Peers, find_peers, multiply_add_peak
from benchmarks.timing import Case, Row, measure, progress, table


def _recurrent(quick: bool) -> tuple[recurrent.Size, ...]:
    return recurrent.QUICK if quick else recurrent.SIZES


TABLES: dict[str, tuple[str, Callable[[bool], list[Case]]]] = {
    "layers": ("Recurrent layers", lambda quick: recurrent.grid(_recurrent(quick))),
    "last": (
        "Recurrent layers, a loss on the last step only",
        lambda quick: recurrent.last_step(recurrent.LONG[: 2 if quick else 3]),
    ),
    "float64": ("Recurrent layers, float64", lambda quick: recurrent.float64(_recurrent(quick))),
    "variants": (
        "Both directions, packed and ragged batches, two layers",
        lambda quick: recurrent.variants(recurrent.QUICK[: 2 if quick else 3]),
    ),
    "ours": (
        "IndRNN, JANET and layers with options against our LSTM",
        lambda quick: recurrent.ours((200, 32, 64, 64) if quick else (1000, 32, 128, 128)),
    ),
    "small": ("Small operations, cells in loops", lambda quick: small.cases()),
    "written": ("What users write", lambda quick: written.cases()),
    "compiled": ("Whole training steps, compiled", lambda quick: compiled.cases()),
    "operations": (
        "Single operations, 4 x 4 and 1000 x 1000 (only when named)",
        operations.cases,
    ),
    "blocks": ("Losses, embeddings, optimizers", lambda quick: blocks.cases()),
    "readme": ("The table of the README (only when named)", lambda quick: chosen.cases()),
}
OTHERS = {
    "memory": "peak memory of a training step",
    "script": "a whole training script: a language model, one epoch",
    "import": "the time to import minigrad",
    "ranks": "several processes: a simulated cluster of up to 1,024 (only when named)",
    "scaling": "plots over T, N and H (only when named; needs matplotlib)",
}


def run_tables(names: list[str], quick: bool, seconds: float, peers: Peers) -> str:
    """Measure and print the tables; returns their text."""
    parts = []
    core = multiply_add_peak(0.2 if quick else 1.0)
    peak = None if core is None else core * int(_threads)
    parts.append(peers.describe())
    if core is not None:
        parts[0] += f"; multiply-adds on registers {core / 1e9:.0f} GF/s a core"
    print(parts[0], flush=True)
    for name in names:
        title, cases = TABLES[name]
        rows: list[Row] = []
        for case in cases(quick):
            rows.append(measure(case, peers, seconds))
            progress(f"measured {case.name}")
        progress()
        parts.append(f"## {title}\n\n{table(rows, peak)}")
        print(f"\n{parts[-1]}", flush=True)
    return "\n\n".join(parts) + "\n"


def run_others(names: list[str], quick: bool, peers: Peers, plots: Path) -> str:
    """What is no table of times; printed as it comes, and returned."""
    lines = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    print()
    libraries = {"minigrad": "minigrad", "PyTorch": "torch"}
    libraries = {k: v for k, v in libraries.items() if k in peers.torch_like}
    if "memory" in names:
        size = (20, 16, 64, 64) if quick else (100, 64, 512, 512)
        for kind in ("LSTM", "GRU", "RNN"):
            used = {k: memory.megabytes(v, kind, size) for k, v in libraries.items()}
            what = ", ".join(f"{k} {v:.0f} MB" for k, v in used.items())
            say("peak memory, {} T={} N={} I={} H={}: {}".format(kind, *size, what))
    if "script" in names:
        pieces = 3 if quick else None
        turns = 1 if quick else 2
        took = {
            k: min(language_model.seconds(v, pieces) for _ in range(turns))
            for k, v in libraries.items()
        }
        what = ", ".join(f"{k} {v:.1f} s" for k, v in took.items())
        ratio = f", ratio {took['PyTorch'] / took['minigrad']:.2f}" if "PyTorch" in took else ""
        say(f"language model, {'one epoch' if pieces is None else '3 pieces'}: {what}{ratio}")
    if "import" in names:
        alone, both = small.import_cost(3 if quick else 7)
        say(
            f"import: NumPy {alone * 1e3:.0f} ms, minigrad {both * 1e3:.0f} ms: "
            f"{(both - alone) * 1e3:.0f} ms on top"
        )
    if "ranks" in names:
        say(ranks.table())
    if "scaling" in names:
        say(scaling.draw(peers, plots, quick))
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(
            f"  {name:<10}{text}"
            for name, text in {**{k: v[0] for k, v in TABLES.items()}, **OTHERS}.items()
        ),
    )
    names = [*TABLES, *OTHERS]
    parser.add_argument("what", nargs="*", choices=[*names, []], help="tables (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes, short measurements")
    parser.add_argument("--seconds", type=float, help="per line and library (0.5; quick: 0.02)")
    parser.add_argument("--threads", type=int, default=1, help="for every library (1)")
    parser.add_argument(
        "--without", nargs="*", choices=LIBRARIES, default=[], metavar="LIBRARY",
        help=f"leave these out, of {', '.join(LIBRARIES)} (some compile long)",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help="write the tables to this Markdown file")
    parser.add_argument("--plots", type=Path, default=Path("plots"), help="folder for plots")
    options = parser.parse_args(argv)
    only_named = ("operations", "ranks", "readme", "scaling")
    wanted = options.what or [name for name in names if name not in only_named]
    seconds = options.seconds or (0.02 if options.quick else 0.5)
    without = {*options.without, *(("JAX", "torch.compile") if options.quick else ())}
    peers = find_peers(options.threads, [name for name in LIBRARIES if name not in without])
    text = run_tables([n for n in wanted if n in TABLES], options.quick, seconds, peers)
    text += run_others([n for n in wanted if n in OTHERS], options.quick, peers, options.plots)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
