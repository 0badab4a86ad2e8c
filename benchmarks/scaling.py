"""Time against size: how cost grows with T, N and H, drawn for all libraries.

Cost should grow as the work grows, with no cliff at sizes that fill no tile of a kernel, and none
where the weights leave a cache.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import Peers
from benchmarks.recurrent import Size, jax_works, layer_works
from benchmarks.timing import Case, Row, Work, duration, measure, progress

SWEEPS: dict[str, list[Size]] = {
    "T": [(t, 16, 64, 64) for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)],
    "N": [(50, n, 64, 64) for n in (1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 16, 17, 24, 32, 33, 48, 64)],
    "H": [(30, 16, h, h) for h in (4, 8, 12, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65, 96, 100, 128,
                                   129, 160, 192, 200, 256, 257, 320, 384, 512)],
}  # fmt: skip


def sweep(kind: str, axis: str, peers: Peers, seconds: float) -> list[tuple[int, Row]]:
    """The training step of one kind of layer over the sizes of one axis."""
    found = []
    for size in SWEEPS[axis]:

        def work(torch: object, size: Size = size) -> Work:
            return layer_works(torch, kind, size)["training step"]

        def jax_work(jax: object, size: Size = size) -> Work:
            return jax_works(jax, kind, size)["training step"]

        value = size["TNIH".index(axis)]
        case = Case(f"{axis}={value}", work, {"JAX": jax_work})
        found.append((value, measure(case, peers, seconds)))
        progress(f"measured {kind}, {axis}={value}")
    progress()
    return found


def draw(peers: Peers, folder: Path, quick: bool = False) -> str:
    """Measure everything and write one picture for each kind of layer; returns what was written."""
    try:
        import matplotlib
    except ImportError:
        return "no plots: matplotlib is not installed (pip install -e '.[bench]')"
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for kind in ("LSTM",) if quick else ("RNN", "GRU", "LSTM"):
        figure, axes = plt.subplots(1, len(SWEEPS), figsize=(5 * len(SWEEPS), 4), sharey=True)
        for axis, place in zip(SWEEPS, axes):
            rows = sweep(kind, axis, peers, 0.02 if quick else 0.2)
            for name in rows[0][1].times:
                points = [(value, row.times[name] * 1e6) for value, row in rows]
                place.loglog(*zip(*points), marker=".", label=name)
            others = {"T": "N=16, I=H=64", "N": "T=50, I=H=64", "H": "T=30, N=16, I=H"}[axis]
            place.set(xlabel=f"{axis}   ({others})", title=f"{kind}: training step over {axis}")
            place.grid(True, which="both", alpha=0.3)
            lines += [
                f"{kind} {row.name}: "
                + ", ".join(f"{name} {duration(t)}" for name, t in row.times.items())
                for _, row in rows
            ]
        axes[0].set_ylabel("microseconds")
        axes[0].legend()
        figure.tight_layout()
        path = folder / f"scaling_{kind.lower()}.png"
        figure.savefig(path, dpi=120)
        plt.close(figure)
        lines.append(f"wrote {path}")
    return "\n".join(lines)
