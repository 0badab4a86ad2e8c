"""tensorly on the backend "pytorch": decompositions of a tensor, with gradients."""

import tensorly as tl
import torch
from tensorly.decomposition import non_negative_parafac, parafac, tensor_train, tucker
from tensorly.tenalg import khatri_rao, mode_dot

tl.set_backend("pytorch")
torch.manual_seed(0)
full = torch.rand(4, 5, 6, dtype=torch.float64)
core, factors = tucker(full, rank=[2, 3, 2], random_state=0)
print(core.shape, round(tl.norm(tl.tucker_to_tensor((core, factors)) - full).item(), 4))
cp = parafac(full, rank=3, init="svd", n_iter_max=30)
print(round(tl.norm(tl.cp_to_tensor(cp) - full).item(), 3))
cp = non_negative_parafac(full, rank=2, init="svd", n_iter_max=30)
print(round(tl.norm(tl.cp_to_tensor(cp) - full).item(), 3))
train = tensor_train(full, rank=[1, 3, 3, 1])
print([tuple(f.shape) for f in train.factors], round(tl.norm(train.to_tensor() - full).item(), 4))
x = torch.ones(4, 2, requires_grad=True)
khatri_rao([x, torch.ones(3, 2)]).pow(2).sum().backward()
print(x.grad, mode_dot(full, torch.ones(7, 5, dtype=torch.float64), 1).shape)
print(tl.unfold(full, 1).shape, tl.fold(tl.unfold(full, 1), 1, full.shape).equal(full))
