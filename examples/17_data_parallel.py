"""Train one model in several processes: a share of the batch for each rank, one average gradient.

    python examples/17_data_parallel.py                             one process
    python -m minigrad launch -n 4 examples/17_data_parallel.py    four ranks

What is trained
    An LSTM reads twelve numbers, and says at the end whether their sum is above 0. The data set is
    made from a seed, so all ranks have all of it; `DistributedSampler` tells each which examples
    are its own: every R-th one of an order that all shuffle alike.

Equations
    R ranks, a batch of N examples, so that rank r has a share S_r of N / R

        L_r = R / N  sum over i in S_r of  l(x_i)      the loss of a rank, a mean
        g_r = dL_r / dw                                its gradient
        g   = 1 / R  sum over r of  g_r                what all ranks put into .grad
            = d/dw  1 / N  sum over all i of  l(x_i)   the gradient of the whole batch

    So R ranks do what one process does, up to rounding: a sum of floats depends on its order.

Shapes
    x        (N / R, T, 1)
    output   (N / R, T, H)     of which the last step goes on
    logits   (N / R, 2)

What to look at
    - Only four lines differ from a script for one process: `init_process_group`, the sampler,
      `DistributedDataParallel` and `set_epoch`. The loop is the same.
    - Each rank starts from another seed. What counts are the weights of rank 0, which
      `DistributedDataParallel` hands to all.
    - The losses are the same for any number of ranks: the batch is split, not multiplied.
    - All ranks step their own optimizer. Nobody sends weights: equal weights and equal gradients
      make equal weights, to the last bit. The last line compares them.

What it prints
    The loss of each epoch, averaged over all ranks by `all_reduce`; the share of right answers; and
    whether all ranks have the same weights.

docs/scaling.md says what this costs, and from which batch on it pays.

Source: S. Li et al., PyTorch Distributed: experiences on accelerating data parallel training, 2020.
"""

from __future__ import annotations

import argparse
import os
import zlib
from typing import Any

import minigrad as torch
import minigrad.distributed as dist
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, DistributedSampler, TensorDataset

LENGTH = 12


class Model(nn.Module):
    """Whether the sum of a sequence is above 0: two logits."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, x: Any) -> Any:
        output, _ = self.lstm(x)  # (N / R, T, H)
        return self.fc(output[:, -1])


def make_data(count: int, seed: int) -> TensorDataset:
    torch.manual_seed(seed)
    x = torch.randn(count, LENGTH, 1)
    return TensorDataset(x, (x.sum((1, 2)) > 0).long())


def mean_over_ranks(value: Any) -> float:
    total = torch.tensor(float(value))
    if dist.is_initialized():
        dist.all_reduce(total, op=dist.ReduceOp.AVG)
    return total.item()


def weights_agree(model: nn.Module) -> bool:
    """Whether all ranks have the same bits."""
    mine = [zlib.crc32(p.numpy(force=True).tobytes()) for p in model.parameters()]
    everybody: list[Any] = [mine]
    if dist.is_initialized():
        everybody = [None] * dist.get_world_size()
        dist.all_gather_object(everybody, mine)
    return all(other == mine for other in everybody)


def train(options: argparse.Namespace) -> None:
    rank, ranks = dist.get_rank(), dist.get_world_size()
    if options.batch % ranks:
        raise SystemExit(f"--batch {options.batch} cannot be shared by {ranks} ranks equally")
    data = make_data(options.examples, options.seed)
    sampler = DistributedSampler(data, ranks, rank, seed=options.seed)
    loader = DataLoader(data, batch_size=options.batch // ranks, sampler=sampler)
    torch.manual_seed(options.seed + rank)
    model: Any = Model(options.hidden_size)
    if dist.is_initialized():
        model = nn.parallel.DistributedDataParallel(model)
    adam = optim.Adam(model.parameters(), lr=options.lr)
    if rank == 0:
        print(f"{ranks} rank{'s' * (ranks > 1)}, {options.batch // ranks} examples each in a batch")
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        losses, right, seen = 0.0, 0, 0
        for x, y in loader:
            logits = model(x)
            loss = nn.functional.cross_entropy(logits, y)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses += loss.item() * len(y)
            right += (logits.argmax(1) == y).sum().item()
            seen += len(y)
        loss, share = mean_over_ranks(losses / seen), mean_over_ranks(right / seen)
        if rank == 0:
            print(f"epoch {epoch + 1:3}   loss {loss:.4f}   right {share:.1%}")
    same = weights_agree(model)
    if rank == 0:
        print(f"all ranks have the same weights: {'yes' if same else 'NO'}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--epochs", type=int, default=12,
        help="how often the data are read (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--examples", type=int, default=2048, help="how many there are (default: %(default)s)"
    )
    parser.add_argument(
        "--batch", type=int, default=64,
        help="N, the examples of one update, of all ranks together (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=32,
        help="H, the number of units (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=5e-3, help="the learning rate of Adam (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and data (default: %(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true",
        help="three epochs of 512 examples, to see that it runs (default: what these options say)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.quick:
        options.epochs, options.examples = 3, 512
    if min(options.epochs, options.examples, options.batch, options.hidden_size) < 1:
        parser.error("--epochs, --examples, --batch and --hidden-size must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    if "WORLD_SIZE" in os.environ:  # started as a rank
        dist.init_process_group("mpi")
    train(options)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
