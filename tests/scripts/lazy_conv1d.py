"""LazyConv1d and LazyConvTranspose1d, which learn their channels from their first input."""

import copy
import pickle

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter


def attempt(what, action):
    try:
        print(f"{what}: {action()}")
    except Exception as error:
        words = ("Expected 2D (unbatched) or 3D (batched) input", "must be divisible by groups")
        print(f"{what}: {type(error).__name__}, {[word for word in words if word in str(error)]}")


torch.manual_seed(0)
lazy = nn.LazyConv1d(4, 3)
weight, optimizer = lazy.weight, torch.optim.SGD(lazy.parameters(), lr=0.1)
print(lazy, isinstance(lazy, nn.Conv1d), type(weight) is UninitializedParameter)
print([type(v).__name__ for v in lazy.state_dict().values()], lazy.has_uninitialized_params())
loss = lazy(torch.ones(2, 6, 5)).sum()
loss.backward()
optimizer.step()
print(lazy, type(lazy) is nn.Conv1d, lazy.weight is weight, lazy.in_channels, lazy.weight.shape)
print(lazy.weight[0, :2], lazy.bias)

for lazy in (
    nn.LazyConv1d(4, 3, stride=2, padding=1, dilation=2, groups=2, bias=False),
    nn.LazyConv1d(4, (3,), padding="same", padding_mode="circular"),
    nn.LazyConv1d(4, 3, dtype=torch.float64),
    nn.LazyConvTranspose1d(4, 3, stride=2, output_padding=1, groups=2),
):
    print(lazy, lazy.weight.dtype)
    print(lazy(torch.arange(60, dtype=lazy.weight.dtype).reshape(2, 6, 5) / 60).sum(1))
    print(lazy, lazy.weight.shape)
print(nn.LazyConv1d(4, 3)(torch.ones(6, 5)).shape)
lazy = nn.LazyConvTranspose1d(4, 3, stride=2)
print(lazy(torch.ones(1, 6, 5), output_size=(12,)).shape, lazy)

net = nn.Sequential(nn.LazyConv1d(4, 3), nn.ReLU(), nn.LazyConv1d(2, 1, bias=False)).double()
twin, pickled = copy.deepcopy(net), pickle.loads(pickle.dumps(net))
print(net(torch.ones(3, 6, 5, dtype=torch.float64)).shape, net)
print(twin(torch.ones(3, 2, 5, dtype=torch.float64)).dtype, pickled)
attempt("axes", lambda: nn.LazyConv1d(4, 3)(torch.ones(6)))
attempt("axes", lambda: nn.LazyConvTranspose1d(4, 3)(torch.ones(1, 2, 3, 4)))
attempt("groups", lambda: nn.LazyConv1d(4, 3, groups=2)(torch.ones(2, 5, 6)))
attempt("padding", lambda: nn.LazyConv1d(4, 3, padding="other"))
attempt("mode", lambda: nn.LazyConvTranspose1d(4, 3, padding_mode="reflect"))

given = nn.Conv1d(6, 4, 3, groups=2).state_dict()
lazy = nn.LazyConv1d(4, 3, groups=2)
print(lazy.load_state_dict(given), lazy.weight.shape)
print(lazy(torch.ones(1, 6, 4)).shape, torch.equal(lazy.weight, given["weight"]))
