"""Regenerate ``sampler.json``: what PyTorch 2.13's DistributedSampler gives each of several ranks.

    python tests/golden/make_sampler.py

needs torch.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

TARGET = Path(__file__).parent / "sampler.json"


def main() -> None:
    """Write all that a list of options makes, for every rank."""
    from torch.utils.data import DistributedSampler

    cases = []
    for length, ranks, shuffle, drop_last in itertools.product(
        (1, 2, 5, 12, 17), (1, 2, 3, 7), (True, False), (True, False)
    ):
        for seed, epoch in ((0, 0), (3, 0), (3, 2)) if shuffle else ((0, 0),):
            shares = []
            for rank in range(ranks):
                sampler = DistributedSampler(range(length), ranks, rank, shuffle, seed, drop_last)
                sampler.set_epoch(epoch)
                shares.append(list(sampler))
                assert len(sampler) == len(shares[-1])
            cases.append([length, ranks, shuffle, drop_last, seed, epoch, shares])
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    TARGET.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
