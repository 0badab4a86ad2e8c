"""What several ranks gain, on paper: a data-parallel step on a cluster, simulated.

A step of R ranks, each with N examples:

    compute     a + b N                      one rank alone: a for a step, b for an example
    reduction   2 (R - 1) (l + B / (R w))    a ring: B bytes in R parts go round twice
    step        a + b N + max(0, reduction - h b N)

l is the latency of a message, w the bandwidth of a link, and h the share of the compute behind
which the reduction can hide, since buckets are sent while backward still runs.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NETWORKS", "Model", "Network", "table"]

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Network:
    """A link: seconds for a message, and bytes in a second."""

    latency: float
    bandwidth: float


@dataclass(frozen=True)
class Model:
    """Numbers of float32, seconds of a step and of an example, and what hides a reduction."""

    numbers: int
    per_step: float
    per_example: float
    hides: float = 0.5

    def alone(self, examples: float) -> float:
        """Seconds of a step of one rank."""
        return self.per_step + self.per_example * examples


NETWORKS = {
    "1 Gbit/s": Network(50e-6, 125e6),
    "10 Gbit/s": Network(20e-6, 1.25e9),
    "100 Gbit/s": Network(2e-6, 12.5e9),
}
# An LSTM with 512 inputs and units over 100 steps: 2.1 million numbers, 13 ms a sequence on a core.
LSTM = Model(4 * 512 * (512 + 512 + 2), 2e-3, 13e-3)


def reduction(model: Model, network: Network, ranks: int) -> float:
    """Seconds in which a ring adds up the gradients of all ranks."""
    data = 4 * model.numbers
    return 2 * (ranks - 1) * (network.latency + data / ranks / network.bandwidth)


def step(model: Model, network: Network, ranks: int, examples: float) -> float:
    """Seconds of a step in which each rank has so many examples."""
    seen = reduction(model, network, ranks) - model.hides * model.per_example * examples
    return model.alone(examples) + max(0.0, seen)


def speedup(model: Model, network: Network, ranks: int, batch: float) -> float:
    """How many times as fast a batch is, shared by so many ranks, as on one."""
    return model.alone(batch) / step(model, network, ranks, batch / ranks)


def pays_from(model: Model, network: Network, ranks: int, efficiency: float = 0.5) -> int:
    """The examples a rank needs for this share of the ideal speed."""
    examples = 1
    while model.alone(examples) < efficiency * step(model, network, ranks, examples):
        examples += 1
    return examples


def table(model: Model = LSTM, batch: int = 1024) -> str:
    """Speed against one rank: a batch that is shared, and 32 examples for each rank."""
    names = list(NETWORKS)
    lines = [
        f"B = {4 * model.numbers / 1e6:.1f} MB of gradients a step; "
        f"batch {batch} shared by all, or 32 for each rank",
        "",
        "| ranks | " + " | ".join(f"{n}, {batch} shared | {n}, 32 each" for n in names) + " |",
        "|---:|" + "---:|---:|" * len(names),
    ]
    for ranks in RANKS:
        cells = []
        for network in NETWORKS.values():
            cells.append(f"{speedup(model, network, ranks, batch):.1f}")
            each = ranks * model.alone(32) / step(model, network, ranks, 32)
            cells.append(f"{each:.1f}")
        lines.append(f"| {ranks} | " + " | ".join(cells) + " |")
    needed = ", ".join(
        f"{pays_from(model, network, 16, 0.9)} at {name}" for name, network in NETWORKS.items()
    )
    lines += ["", f"Nine tenths of the ideal speed on 16 ranks: examples for each rank {needed}."]
    return "\n".join(lines)
