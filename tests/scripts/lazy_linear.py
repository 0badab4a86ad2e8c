"""LazyLinear, which learns the size of its input from its first input."""

import copy
import pickle

import torch
from torch import nn
from torch.nn.parameter import Parameter, UninitializedParameter, is_lazy


def attempt(what, action):
    try:
        print(f"{what}: {action()}")
    except Exception as error:
        words = ("uninitialized parameter", "the shape of", "weight: 4", "Missing", "gradients")
        said = [word for word in words if word in str(error)]
        print(f"{what}: {type(error).__name__}, {said}")


torch.manual_seed(0)
lazy = nn.LazyLinear(3)
weight, optimizer = lazy.weight, torch.optim.SGD(lazy.parameters(), lr=0.1)
print(lazy, weight, isinstance(weight, Parameter), is_lazy(weight), is_lazy(torch.ones(1)))
print(weight.dtype, weight.device, weight.requires_grad, weight.grad, weight.is_leaf)
print(list(lazy.state_dict().items()), list(nn.LazyLinear(3, bias=False).state_dict()))
print(lazy.has_uninitialized_params(), [name for name, _ in lazy.named_parameters()])
attempt("shape", lambda: weight.shape)
attempt("sum", lambda: weight + 1)
attempt("length", lambda: len(weight))
attempt("clone", lambda: weight.clone())
attempt("equal", lambda: weight == weight)
attempt("fill", lambda: nn.init.zeros_(weight))
attempt("format", lambda: f"{weight:.3f}")
lazy.reset_parameters()
lazy.zero_grad()
optimizer.step()

loss = lazy(torch.ones(1, 2)).sum()
loss.backward()
optimizer.step()
print(lazy, type(lazy) is nn.Linear, type(weight) is Parameter, lazy.weight is weight)
print(lazy.weight, lazy.bias)

net = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(2, bias=False)).double()
print(net, net[0].weight.dtype, type(net[0].weight) is UninitializedParameter)
twin, pickled = copy.deepcopy(net), pickle.loads(pickle.dumps(net))
print(net(torch.ones(3, 6, dtype=torch.float64)).shape, net)
print(twin(torch.ones(3, 5, dtype=torch.float64)).dtype, pickled, is_lazy(pickled[0].weight))
attempt("integers", lambda: nn.LazyLinear(3, dtype=torch.int64))
attempt("float input", lambda: nn.LazyLinear(3).double()(torch.ones(1, 2)))
print(nn.LazyLinear(3)(torch.ones(4)).shape, nn.LazyLinear(3)(torch.ones(2, 5, 0)).shape)

given = nn.Linear(4, 3).state_dict()
lazy = nn.LazyLinear(3)
print(lazy.load_state_dict(nn.LazyLinear(3).state_dict()), lazy, lazy.weight)
print(lazy.load_state_dict({}, strict=False), lazy.weight)
print(lazy.load_state_dict(given), lazy.weight.shape, lazy.in_features, type(lazy).__name__)
print(torch.equal(lazy.weight, given["weight"]), is_lazy(lazy.bias))
attempt("other size", lambda: lazy(torch.ones(1, 5)))
print(lazy(torch.ones(1, 4)).shape, lazy, torch.equal(lazy.weight, given["weight"]))
attempt("into Linear", lambda: nn.Linear(4, 3).load_state_dict(nn.LazyLinear(3).state_dict()))
attempt("half of it", lambda: nn.LazyLinear(3).load_state_dict({"weight": torch.ones(3, 4)}))
lazy = nn.LazyLinear(3)
lazy.load_state_dict(nn.Linear(4, 3).double().state_dict())
print(lazy.weight.dtype)
lazy = nn.LazyLinear(3)
lazy.load_state_dict(nn.Linear(4, 3).double().state_dict(), assign=True)
print(lazy.weight.dtype, type(lazy.weight) is Parameter)

parameter = UninitializedParameter(requires_grad=False, dtype=torch.float64)
parameter.materialize((2, 3))
print(type(parameter) is Parameter, parameter.shape, parameter.dtype, parameter.requires_grad)
parameter = nn.UninitializedParameter()
parameter.materialize((2,), dtype=torch.float64)
print(parameter.dtype, parameter.requires_grad, hasattr(parameter, "materialize"))

seen = []
lazy = nn.LazyLinear(3)
lazy.register_forward_pre_hook(lambda module, _: seen.append(type(module).__name__))
print(lazy(input=torch.ones(1, 2)).shape, seen)
