"""minGRU-pytorch: the cell over a whole sequence, and step by step."""

import torch
from minGRU_pytorch import minGRU

torch.manual_seed(0)
x = torch.randn(2, 12, 16)
for factor in (1.0, 1.5):
    cell = minGRU(dim=16, expansion_factor=factor)
    out = cell(x)
    hidden, steps = None, []
    for step in x.split(1, 1):
        y, hidden = cell(step, hidden, return_next_prev_hidden=True)
        steps.append(y)
    print(tuple(out.shape), torch.allclose(out, torch.cat(steps, 1), atol=1e-4))
    out.pow(2).sum().backward()
    print([round(p.grad.norm().item(), 3) for p in cell.parameters()])
