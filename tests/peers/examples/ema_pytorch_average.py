"""ema-pytorch: the average of a model's parameters over its training."""

import torch
from ema_pytorch import EMA
from torch import nn

torch.manual_seed(0)
net = nn.GRU(3, 4)
ema = EMA(net, beta=0.9, update_after_step=2, update_every=2)
for _ in range(12):
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn_like(p) * 0.01)
    ema.update()
x = torch.ones(2, 1, 3)
print(round(ema(x)[0].sum().item(), 5), ema.step.item(), ema.initted.item())
again = EMA(nn.GRU(3, 4), beta=0.9)
again.load_state_dict(ema.state_dict())
print(torch.equal(again.ema_model.weight_hh_l0, ema.ema_model.weight_hh_l0))
