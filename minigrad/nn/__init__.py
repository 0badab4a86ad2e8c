"""Layers: modules that hold parameters, and the functions they call.

- `module`, `parameter`, `containers`: what every network is made of; `hooks`, `backward_hooks`,
  `state_dict`; `typing`: what type checkers learn of a call; `display`: what notebooks show.
- recurrent layers and cells come from `minigrad.recurrences`.
- `linear`, `conv`, `pooling`, `padding`, `lazy`, `embedding`, `activation`, `dropout`,
  `normalization`, `batchnorm`, `instancenorm`: the rest of a model.
- `loss`, `margin_loss`, `likelihood`: what training minimises; `distance`: between vectors.
- `attention`: of several heads; `transformer_layers`: what is made of it; `transformer`: stacks.
- `functional`: the same without parameters; `init`: initial values.
- `parallel`: one model in several processes; imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..recurrences import (
    GRU, JANET, LSTM, MGU, RNN, DenseIndRNN, GRUCell, IndRNN, IndRNNCell, JANETCell, LSTMCell,
    MGUCell, RNNBase, RNNCell, RNNCellBase, Recurrent, ResidualIndRNN,
)  # fmt: skip
from . import functional, init, utils
from .activation import (
    CELU, ELU, GELU, GLU, SELU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid,
    LogSoftmax, Mish, PReLU, ReLU, ReLU6, RReLU, Sigmoid, SiLU, Softmax, Softmin, Softplus,
    Softshrink, Softsign, Tanh, Tanhshrink, Threshold,
)  # fmt: skip
from .attention import MultiheadAttention
from .batchnorm import BatchNorm1d
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .conv import Conv1d, ConvTranspose1d
from .distance import PairwiseDistance
from .dropout import (
    AlphaDropout, Dropout, Dropout1d, Dropout2d, FeatureAlphaDropout, LockedDropout,
)  # fmt: skip
from .embedding import Embedding, EmbeddingBag
from .instancenorm import InstanceNorm1d
from .lazy import LazyConv1d, LazyConvTranspose1d, LazyLinear, UninitializedParameter
from .likelihood import GaussianNLLLoss, PoissonNLLLoss
from .linear import Bilinear, Flatten, Identity, Linear, Unflatten
from .loss import (
    BCELoss, BCEWithLogitsLoss, CosineSimilarity, CrossEntropyLoss, CTCLoss, HuberLoss, KLDivLoss,
    L1Loss, MSELoss, NLLLoss, SmoothL1Loss,
)  # fmt: skip
from .margin_loss import (
    CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss, MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss, MultiMarginLoss, SoftMarginLoss, TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)  # fmt: skip
from .module import Module
from .normalization import GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm
from .padding import (
    CircularPad1d, ConstantPad1d, ReflectionPad1d, ReplicationPad1d, ZeroPad1d,
)  # fmt: skip
from .parameter import Buffer, Parameter
from .pooling import AdaptiveAvgPool1d, AdaptiveMaxPool1d, AvgPool1d, LPPool1d, MaxPool1d
from .transformer import Transformer, TransformerDecoder, TransformerEncoder
from .transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer

if TYPE_CHECKING:
    from . import parallel as parallel

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "GRU", "JANET", "LSTM", "MGU", "RNN", "SELU", "AdaptiveAvgPool1d",
    "AdaptiveMaxPool1d", "AlphaDropout", "AvgPool1d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d",
    "Bilinear", "Buffer", "CTCLoss", "CircularPad1d", "ConstantPad1d", "Conv1d", "ConvTranspose1d",
    "CosineEmbeddingLoss", "CosineSimilarity", "CrossEntropyLoss", "DenseIndRNN", "Dropout",
    "Dropout1d", "Dropout2d", "Embedding", "EmbeddingBag", "FeatureAlphaDropout", "Flatten",
    "GRUCell", "GaussianNLLLoss", "GroupNorm", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
    "HingeEmbeddingLoss", "HuberLoss", "Identity", "IndRNN", "IndRNNCell", "InstanceNorm1d",
    "JANETCell", "KLDivLoss", "L1Loss", "LPPool1d", "LSTMCell", "LayerNorm", "LazyConv1d",
    "LazyConvTranspose1d", "LazyLinear",
    "LeakyReLU", "Linear", "LocalResponseNorm", "LockedDropout", "LogSigmoid", "LogSoftmax",
    "MGUCell", "MSELoss", "MarginRankingLoss", "MaxPool1d", "Mish", "Module", "ModuleDict",
    "ModuleList", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss",
    "MultiheadAttention", "NLLLoss", "PReLU", "PairwiseDistance", "Parameter", "ParameterDict",
    "ParameterList", "PoissonNLLLoss", "RMSNorm", "RNNBase", "RNNCell", "RNNCellBase", "RReLU",
    "ReLU", "ReLU6", "Recurrent", "ReflectionPad1d", "ReplicationPad1d", "ResidualIndRNN",
    "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss", "SoftMarginLoss", "Softmax", "Softmin",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold", "Transformer",
    "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer", "TripletMarginLoss", "TripletMarginWithDistanceLoss", "Unflatten",
    "UninitializedParameter", "ZeroPad1d", "functional", "init", "utils",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "parallel":
        return import_module(f"{__name__}.parallel")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
