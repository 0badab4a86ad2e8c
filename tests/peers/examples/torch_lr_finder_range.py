"""torch-lr-finder: the range test of a learning rate."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_lr_finder import LRFinder

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
x = torch.randn(64, 4)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
finder = LRFinder(model, optimizer, nn.MSELoss(), device="cpu")
finder.range_test(loader, end_lr=1, num_iter=40)
print([f"{lr:.2e}" for lr in finder.history["lr"][::8]])
print([round(loss, 3) for loss in finder.history["loss"][::8]])
finder.reset()
print(optimizer.param_groups[0]["lr"], round(model(x).sum().item(), 3))
