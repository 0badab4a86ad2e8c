"""Layers: modules that hold parameters, and the functions they call.

- `module`, `parameter`, `containers`: what every network is made of; `hooks`, `backward_hooks`,
  `state_dict`; `typing`: what type checkers learn of a call.
- recurrent layers and cells come from `minigrad.recurrences`.
- `linear`, `lazy`, `embedding`, `activation`, `dropout`, `normalization`, `batchnorm`, `loss`: the
  rest of a model.
- `functional`: the same without parameters; `init`: initial values.
"""

from ..recurrences import (
    GRU, JANET, LSTM, MGU, RNN, DenseIndRNN, GRUCell, IndRNN, IndRNNCell, JANETCell, LSTMCell,
    MGUCell, RNNBase, RNNCell, RNNCellBase, Recurrent, ResidualIndRNN,
)  # fmt: skip
from . import functional, init, utils
from .activation import (
    ELU, GELU, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, ReLU, ReLU6, Sigmoid, SiLU, Softmax,
    Softmin, Softplus, Softsign, Tanh, Tanhshrink, Threshold,
)  # fmt: skip
from .batchnorm import BatchNorm1d
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .dropout import (
    AlphaDropout, Dropout, Dropout1d, Dropout2d, FeatureAlphaDropout, LockedDropout,
)  # fmt: skip
from .embedding import Embedding
from .lazy import LazyLinear, UninitializedParameter
from .linear import Flatten, Identity, Linear
from .loss import (
    BCELoss, BCEWithLogitsLoss, CosineSimilarity, CrossEntropyLoss, CTCLoss, HuberLoss, KLDivLoss,
    L1Loss, MSELoss, NLLLoss, SmoothL1Loss,
)  # fmt: skip
from .module import Module
from .normalization import LayerNorm, RMSNorm
from .parameter import Buffer, Parameter

__all__ = [
    "ELU", "GELU", "GRU", "JANET", "LSTM", "MGU", "RNN", "AlphaDropout", "BCELoss",
    "BCEWithLogitsLoss", "BatchNorm1d", "Buffer", "CTCLoss", "CosineSimilarity", "CrossEntropyLoss",
    "DenseIndRNN", "Dropout", "Dropout1d", "Dropout2d", "Embedding", "FeatureAlphaDropout",
    "Flatten", "GRUCell", "Hardtanh", "HuberLoss", "Identity", "IndRNN", "IndRNNCell", "JANETCell",
    "KLDivLoss", "L1Loss", "LSTMCell", "LayerNorm", "LazyLinear", "LeakyReLU", "Linear",
    "LockedDropout", "LogSigmoid", "LogSoftmax", "MGUCell", "MSELoss", "Module", "ModuleDict",
    "ModuleList", "NLLLoss", "Parameter", "ParameterDict", "ParameterList", "RMSNorm", "RNNBase",
    "RNNCell", "RNNCellBase", "ReLU", "ReLU6", "Recurrent", "ResidualIndRNN", "Sequential", "SiLU",
    "Sigmoid", "SmoothL1Loss", "Softmax", "Softmin", "Softplus", "Softsign", "Tanh", "Tanhshrink",
    "Threshold", "UninitializedParameter", "functional", "init", "utils",
]  # fmt: skip
