"""Names that old scripts use, and what they answer on a machine without a GPU."""

import importlib
import warnings

import torch
import torch.autograd as autograd
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.nn.functional as F
import torch.onnx
from torch.autograd import Variable


def attempt(what, action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = action()
        except Exception as error:
            result = f"{type(error).__name__}: {str(error).split(':')[0]}"
    print(f"{what}: {result}", *(f"({w.category.__name__}: {w.message})" for w in caught))


print(torch.__version__.split(".")[0], torch.version.cuda)
print(torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.is_initialized())
print(torch.cuda.manual_seed(1), torch.cuda.manual_seed_all(1), torch.cuda.empty_cache())
attempt("current_device", lambda: torch.cuda.current_device())
attempt("synchronize", lambda: torch.cuda.synchronize())
print(torch.accelerator.is_available(), torch.accelerator.current_accelerator())
print(torch.accelerator.device_count(), torch.backends.mps.is_available())
print(cudnn.deterministic, cudnn.benchmark, cudnn.is_available(), cudnn.version())
cudnn.benchmark = True
with torch.backends.cudnn.flags(enabled=False) as nothing:
    print(nothing)

x = torch.ones(2, requires_grad=True)
y = torch.zeros(2)
v = Variable(y, requires_grad=True)
print(v, y.requires_grad, v.data_ptr() == y.data_ptr(), v is y, Variable(x), Variable(x * 2))
print(isinstance(y, Variable), isinstance(3, Variable), issubclass(Variable, object), Variable())
attempt("volatile", lambda: Variable(y, volatile=True))
attempt("list", lambda: Variable([1, 2]))
print(torch.FloatTensor([1, 2]), torch.LongTensor([[1], [2]]), torch.ByteTensor([1, 0]))
print(torch.FloatTensor(2, 3).shape, torch.LongTensor().shape, torch.DoubleTensor([0.5]).type())
print(isinstance(y, torch.FloatTensor), isinstance(y, torch.DoubleTensor), y.type())
print(torch.autograd.variable.Variable is Variable, autograd.Variable is Variable)

p = nn.Parameter(torch.ones(2))
p.grad = torch.tensor([3.0, 4.0])
attempt("clip_grad_norm", lambda: nn.utils.clip_grad_norm([p], 1.0))
print(p.grad)
parallel = nn.DataParallel(nn.Linear(2, 3), device_ids=[0])
print(parallel, parallel(torch.ones(5, 2)).shape, list(parallel.state_dict()), parallel.device_ids)
print(F.sigmoid(torch.zeros(1)), F.tanh(torch.zeros(1)))


class Translator(nn.Transformer):
    """Never built."""


print(issubclass(Translator, nn.Module), nn.modules.transformer.Transformer is nn.Transformer)
stubs = ["TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoderLayer"]
print([issubclass(getattr(nn, name), nn.Module) for name in stubs])
print(issubclass(nn.modules.activation.MultiheadAttention, nn.Module))
print(issubclass(nn.modules.linear.NonDynamicallyQuantizableLinear, nn.Linear))

torch.random.manual_seed(3)
with torch.random.fork_rng():
    inside = torch.rand(2)
print(inside, torch.rand(2), torch.random.initial_seed())

for place, name in [
    ("nn.modules.rnn", "LSTM"), ("nn.modules.rnn", "GRUCell"), ("nn.modules.sparse", "Embedding"),
    ("nn.modules.dropout", "Dropout"), ("nn.modules.container", "Sequential"),
    ("nn.modules.loss", "NLLLoss"), ("nn.modules.module", "Module"), ("nn.modules", "LSTM"),
    ("nn.modules.normalization", "LayerNorm"), ("nn.modules.batchnorm", "BatchNorm1d"),
    ("nn.modules.linear", "LazyLinear"), ("nn.modules.flatten", "Flatten"),
    ("nn.modules.distance", "CosineSimilarity"), ("nn.parallel", "DataParallel"),
    ("nn.parameter", "Parameter"), ("nn.utils.weight_norm", "weight_norm"),
    ("nn.utils.clip_grad", "clip_grad_norm_"), ("nn.utils.rnn", "pad_sequence"),
    ("nn.utils.convert_parameters", "vector_to_parameters"), ("version", "__version__"),
    ("optim.sgd", "SGD"), ("optim.adam", "Adam"), ("optim.adamw", "AdamW"),
    ("optim.lbfgs", "LBFGS"), ("optim.optimizer", "Optimizer"), ("optim.lr_scheduler", "StepLR"),
    ("optim.lr_scheduler", "_LRScheduler"), ("utils.data", "DataLoader"),
    ("utils.data.dataset", "Dataset"), ("utils.data.dataloader", "default_collate"),
    ("utils.data.sampler", "RandomSampler"), ("autograd", "Function"),
    ("autograd.function", "once_differentiable"), ("autograd.gradcheck", "gradgradcheck"),
    ("serialization", "safe_globals"), ("random", "fork_rng"), ("linalg", "vector_norm"),
    ("multiprocessing", "get_start_method"), ("nn.init", "orthogonal_"), ("nn.functional", "relu"),
]:  # fmt: skip
    found = getattr(importlib.import_module(f"torch.{place}"), name)
    print(f"torch.{place}.{name}", callable(found), getattr(nn, name, found) is found)
print(callable(torch.autograd.gradcheck), torch.nn.modules.rnn is nn.modules.rnn)
