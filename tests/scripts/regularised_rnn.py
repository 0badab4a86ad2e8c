"""An RNN with an orthogonal matrix, trained with checkpoints, averaged over its last epochs, then
pruned; and what its gradients are for single sequences."""

import torch
import torch.nn.functional as F
import torch.nn.utils.parametrize as parametrize
import torch.nn.utils.prune as prune
from torch import nn
from torch.autograd.functional import hessian, jacobian
from torch.func import functional_call, grad, vmap
from torch.nn.utils.parametrizations import orthogonal, weight_norm
from torch.optim.swa_utils import SWALR, AveragedModel
from torch.utils.checkpoint import checkpoint


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = orthogonal(nn.RNN(2, 8, batch_first=True), "weight_hh_l0")
        self.head = weight_norm(nn.Linear(8, 1))

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.head(states[:, -1]).squeeze(1)


torch.manual_seed(0)
model = Model()
print(model)
print(list(model.state_dict()))
x = torch.randn(32, 10, 2)
y = (x[:, :, 0] * (x[:, :, 1] > 0)).sum(1)

optimizer = torch.optim.Adafactor(model.parameters(), lr=0.1)
averaged = AveragedModel(model)
scheduler = SWALR(optimizer, swa_lr=0.02, anneal_epochs=5)
for epoch in range(15):
    optimizer.zero_grad()
    loss = F.mse_loss(checkpoint(model, x, use_reentrant=False), y)
    loss.backward()
    optimizer.step()
    if epoch >= 5:
        averaged.update_parameters(model)
        scheduler.step()
    print(epoch, f"{loss.item():.4f}", f"{optimizer.param_groups[0]['lr']:.4f}")
print("averaged:", f"{F.mse_loss(averaged(x), y).item():.4f}", averaged.n_averaged)
w = model.rnn.weight_hh_l0
print("orthogonal:", torch.allclose(w.T @ w, torch.eye(8), atol=1e-5))

for module, name in ((model.rnn, "weight_hh_l0"), (model.head, "weight")):
    parametrize.remove_parametrizations(module, name)
prune.l1_unstructured(model.rnn, "weight_hh_l0", amount=0.5)
prune.random_structured(model.head, "weight", amount=2, dim=1)
print("pruned:", int((model.rnn.weight_hh_l0 == 0).sum()), model.head.weight_mask)
prune.remove(model.rnn, "weight_hh_l0")

head = nn.Linear(2, 1)
weights = {name: p.detach() for name, p in head.named_parameters()}


def squared_error(weights, x, y):
    return (functional_call(head, weights, (x,)).squeeze() - y) ** 2


each = vmap(grad(squared_error), in_dims=(None, 0, 0))(weights, x[:3, -1], y[:3])
print({name: tuple(g.shape) for name, g in each.items()})
print(each["weight"])
point = torch.tensor([0.5, -1.0])
print(jacobian(lambda v: v.cumsum(0).tanh(), point))
print(hessian(lambda v: (v**3).sum() + v.prod(), point))
