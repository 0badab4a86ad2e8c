"""A training script in the style of torchrun's tutorials: ranks come from the environment."""

import os

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn, optim
from torch.distributed.elastic.multiprocessing.errors import record
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 8, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


@record
def main():
    torch.accelerator.set_device_index(int(os.environ["LOCAL_RANK"]))
    acc = torch.accelerator.current_accelerator()
    dist.init_process_group(torch.distributed.get_default_backend_for_device(acc))
    rank, world_size = dist.get_rank(), dist.get_world_size()
    assert (rank, world_size) == (int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    device_id = rank % torch.accelerator.device_count()

    torch.manual_seed(0)
    x = torch.randn(32, 5, 3)
    y = (x.sum(dim=(1, 2)) > 0).long()
    dataset = TensorDataset(x, y)
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch_size=16 // world_size, sampler=sampler)

    torch.manual_seed(100 + rank)  # rank 0's weights are what counts
    model = Tagger().to(device_id)
    ddp_model = DDP(model, device_ids=[device_id])
    optimizer = optim.Adam(ddp_model.parameters(), lr=0.05)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        total = torch.zeros(1)
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(ddp_model(inputs.to(device_id)), labels.to(device_id))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(ddp_model.parameters(), 1.0)
            optimizer.step()
            total += loss.detach()
        dist.all_reduce(total, op=dist.ReduceOp.SUM)
        if rank == 0:
            print(f"epoch {epoch} loss {total.item() / world_size / len(loader):.4f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
