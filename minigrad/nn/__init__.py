"""Layers: modules that hold parameters, and the functions they call.

- `module`, `parameter`, `containers`: what every network is made of; `hooks`, `state_dict`.
- `cells`: recurrent cells, one step; `recurrent`: the same over sequences, in several layers.
- `linear`, `embedding`, `activation`, `dropout`, `loss`: the rest of a model.
- `functional`: the same without parameters; `init`: initial values.
"""

from . import functional, init
from .activation import (
    ELU, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh,
)  # fmt: skip
from .cells import RNNCell, RNNCellBase
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .dropout import Dropout
from .embedding import Embedding
from .linear import Flatten, Identity, Linear
from .loss import CrossEntropyLoss, MSELoss, NLLLoss
from .module import Module
from .parameter import Buffer, Parameter
from .recurrent import RNN, RNNBase

__all__ = [
    "ELU", "RNN", "Buffer", "CrossEntropyLoss", "Dropout", "Embedding", "Flatten", "Hardtanh",
    "Identity", "LeakyReLU", "Linear", "LogSigmoid", "LogSoftmax", "MSELoss", "Module",
    "ModuleDict", "ModuleList", "NLLLoss", "Parameter", "ParameterDict", "ParameterList",
    "RNNBase", "RNNCell", "RNNCellBase", "ReLU",
    "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh", "functional", "init",
]  # fmt: skip
