"""A training script in the style of the DDP tutorial: setup, spawn, cleanup, a checkpoint."""

import os
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn, optim
from torch.nn.parallel import DistributedDataParallel as DDP


def setup(rank, world_size):
    os.environ["MASTER_ADDR"] = "localhost"
    os.environ["MASTER_PORT"] = "12355"
    dist.init_process_group("gloo", rank=rank, world_size=world_size)


def cleanup():
    dist.destroy_process_group()


class ToyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net1 = nn.Linear(10, 10)
        self.relu = nn.ReLU()
        self.net2 = nn.Linear(10, 5)

    def forward(self, x):
        return self.net2(self.relu(self.net1(x)))


def demo_basic(rank, world_size):
    print(f"Running basic DDP example on rank {rank} of {world_size}.")
    setup(rank, world_size)
    torch.manual_seed(rank)
    ddp_model = DDP(ToyModel())
    loss_fn = nn.MSELoss()
    optimizer = optim.SGD(ddp_model.parameters(), lr=0.001)
    optimizer.zero_grad()
    outputs = ddp_model(torch.randn(20, 10))
    loss_fn(outputs, torch.randn(20, 5)).backward()
    optimizer.step()
    sums = [torch.zeros(1) for _ in range(world_size)]
    dist.all_gather(sums, sum(p.detach().sum() for p in ddp_model.parameters()).reshape(1))
    assert all(torch.equal(s, sums[0]) for s in sums)
    cleanup()
    print(f"Finished running basic DDP example on rank {rank}.")


def demo_checkpoint(rank, world_size):
    setup(rank, world_size)
    ddp_model = DDP(ToyModel())
    path = os.path.join(tempfile.gettempdir(), f"model.{os.getppid()}.checkpoint")
    paths = [path]
    dist.broadcast_object_list(paths, src=0)
    if rank == 0:
        torch.save(ddp_model.state_dict(), paths[0])
    dist.barrier()
    state = torch.load(paths[0], map_location={"cuda:0": f"cuda:{rank}"}, weights_only=True)
    assert sorted(state) == [f"module.net{k}.{n}" for k in (1, 2) for n in ("bias", "weight")]
    ddp_model.load_state_dict(state)
    dist.barrier()
    if rank == 0:
        os.remove(paths[0])
        print("Loaded the checkpoint.")
    cleanup()


def run_demo(demo_fn, world_size):
    mp.spawn(demo_fn, args=(world_size,), nprocs=world_size, join=True)


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    run_demo(demo_basic, size)
    run_demo(demo_checkpoint, size)
