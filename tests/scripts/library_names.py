"""What libraries take from PyTorch's corners: private names, old ones, and those of its tools."""

import warnings
from collections import OrderedDict, deque, namedtuple

import torch
from torch import nn
from torch._C import _TensorMeta
from torch._dynamo import OptimizedModule
from torch.distributions.transforms import _clipped_sigmoid
from torch.distributions.utils import _standard_normal, _sum_rightmost
from torch.multiprocessing import Pool, get_sharing_strategy, set_sharing_strategy
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm, _NormBase
from torch.nn.modules.module import _IncompatibleKeys
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import SUPPORTED_NODES, LeafSpec, _get_node_type, tree_flatten
from torch.utils.checkpoint import get_device_states, set_device_states
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import (
    _BaseDataLoaderIter,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)
from torch.utils.flop_counter import FlopCounterMode

warnings.simplefilter("ignore")

# --- one operation on every tensor of a list ---


def lists():
    return [
        [torch.tensor(part) for part in (first, second)]
        for first, second in (
            ([0.5, 0.25], [0.75, 0.5, 0.125]),
            ([0.625, 0.5], [0.25, 0.5, 0.875]),
            ([0.25, 0.75], [0.5, 0.25, 0.5]),
        )
    ]


def show(tensors):
    return [[round(v, 5) for v in t.reshape(-1).tolist()] for t in tensors]


UNARY = (
    "abs acos asin atan ceil clone cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p "
    "log2 max neg norm reciprocal round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
).split()
for name in UNARY:
    a, b, c = lists()
    print(name, show(getattr(torch, f"_foreach_{name}")(a)))
    if name not in ("clone", "max", "norm"):
        getattr(torch, f"_foreach_{name}_")(a)
        print(name, show(a))
for name in "add sub mul div maximum minimum clamp_min clamp_max pow".split():
    for other in (0.5, [0.5, 0.25], "tensors"):
        a, b, c = lists()
        print(name, show(getattr(torch, f"_foreach_{name}")(a, b if other == "tensors" else other)))
        getattr(torch, f"_foreach_{name}_")(a, b if other == "tensors" else other)
        print(name, show(a))
a, b, c = lists()
torch._foreach_add_(a, b, alpha=2)
torch._foreach_sub_(a, c, alpha=0.5)
torch._foreach_mul_(a, torch.tensor(2.0))
torch._foreach_lerp_(a, b, 0.25)
torch._foreach_lerp_(a, b, weight=0.25)
torch._foreach_lerp_(a, b, c)
torch._foreach_addcmul_(a, b, c, 0.5)
torch._foreach_addcdiv_(a, b, c, value=0.5)
torch._foreach_addcdiv_(a, b, c, [0.5, 0.25])
print(show(a), show(torch._foreach_addcmul(a, b, c)), show(torch._foreach_norm(a, 1)))
torch._foreach_copy_(a, b)
print(show(a))
torch._foreach_zero_(a)
print(show(a))
for call in (
    lambda: torch._foreach_add(a, b[:1]),
    lambda: torch._foreach_add_([], 1.0),
    lambda: torch._foreach_exp(3),
):
    try:
        call()
    except (RuntimeError, TypeError) as error:
        print(type(error).__name__)

# --- factors of old that are tensors ---
x, two = torch.ones(2), torch.tensor(2.0)
print(x.add(two, x), x.clone().sub_(two, x), torch.add(x, two, x), x.clone().addcmul_(two, x, x))
for factor in (torch.ones(1), torch.tensor(2.0, requires_grad=True)):
    try:
        x.add(factor, x)
    except TypeError as error:
        print(type(error).__name__)

# --- trees ---
Pair = namedtuple("Pair", "left right")
for tree in ([1, 2], (3,), {"b": 1, "a": 2}, OrderedDict(z=0), deque([5])):
    kind = _get_node_type(tree)
    parts, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    print(kind.__name__, kind in SUPPORTED_NODES, list(parts))
    print(SUPPORTED_NODES[kind].unflatten_fn(parts, context) == tree)
print(_get_node_type(3) in SUPPORTED_NODES, tree_flatten(3)[1] == LeafSpec())
print(_get_node_type(Pair(1, 2)) in SUPPORTED_NODES)

# --- classes that are asked for ---
loader = DataLoader(torch.arange(4.0), batch_size=2)
print(type(iter(loader)).__name__, isinstance(iter(loader), _BaseDataLoaderIter))
print(isinstance(iter(loader), _MultiProcessingDataLoaderIter))
print(type(iter(loader)) is _SingleProcessDataLoaderIter)
print(isinstance(nn.BatchNorm1d(2), _BatchNorm), isinstance(nn.InstanceNorm1d(2), _BatchNorm))
print(isinstance(nn.InstanceNorm1d(2), _NormBase), issubclass(SyncBatchNorm, nn.Module))
print(isinstance(torch.compile(nn.Linear(1, 1)), OptimizedModule), issubclass(torch.Tensor, object))
print(isinstance(nn.Linear(1, 1).load_state_dict({}, strict=False), _IncompatibleKeys))
print(isinstance(torch.ones(1), torch.FloatTensor), torch.HalfTensor([1]).dtype)
print(isinstance(torch.Tensor, _TensorMeta), isinstance(nn.ReLU(), torch.ScriptModule))
print(issubclass(FlopCounterMode, object), isinstance(3, TorchFunctionMode), callable(Pool))

# --- what they call ---
print(torch._C._nn._parse_to("cpu", torch.float64), torch._C._nn._parse_to(torch.ones(1)))
print(torch._C._nn._parse_to(dtype=torch.float16, non_blocking=True))
print(torch._C._log_api_usage_once("a library"), torch.cuda._initialized)
print(get_device_states(x), set_device_states([], []))
set_sharing_strategy("file_system")
print(get_sharing_strategy(), _sum_rightmost(torch.ones(2, 3), 1))
torch.manual_seed(0)
print(_standard_normal((2,), torch.float32, torch.device("cpu")))
print(_clipped_sigmoid(torch.tensor([-200.0, 0.5, 200.0])), torch.fft.rfft.__name__[-4:])

# --- a comparison of old, and the weights of a layer as a list ---
for far in (1e-6, 1e-3):
    try:
        torch.testing.assert_allclose(torch.ones(2) + far, [1.0, 1.0])
        print("close")
    except AssertionError:
        print("not close")
torch.testing.assert_allclose(torch.ones(2, dtype=torch.float64), torch.ones(2) + 1e-6)
torch.testing.assert_allclose([float("nan"), 1.0], torch.tensor([float("nan"), 1.1]), 0.1, 0.1)
lstm = nn.LSTM(2, 3)
lstm._flat_weights = [getattr(lstm, name) for name in lstm._flat_weights_names]
print([tuple(w.shape) for w in lstm._flat_weights], len(list(lstm.parameters())))

# --- a module with other parameters for a while ---
layer = nn.Linear(2, 1)
with torch.nn.utils.stateless._reparametrize_module(layer, {"weight": torch.ones(1, 2)}):
    print((layer(torch.ones(2)) - layer.bias).item())
print(isinstance(layer.weight, nn.Parameter), torch._standard_gamma(torch.ones(2)).shape)
