"""LAMB: an LSTM is trained with it."""

import torch
from pytorch_lamb import Lamb
from torch import nn


def losses(make):
    torch.manual_seed(0)
    model = nn.LSTM(3, 8, num_layers=2)
    x = torch.randn(6, 4, 3)
    optimizer = make(model.parameters())
    found = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = (model(x)[0] - 0.5).pow(2).mean()
        loss.backward()
        optimizer.step()
        found.append(round(loss.item(), 4))
    return found


print(losses(lambda p: Lamb(p, lr=1e-2, weight_decay=0.01)))
print(losses(lambda p: Lamb(p, lr=1e-2, adam=True)))
