"""The layers as functions without parameters of their own, by subject.

- `affine`: linear, bilinear; `convolutions`: conv1d and its transpose; `embeddings`: embedding,
  one_hot; `bags`: embedding_bag.
- `activations`, `piecewise`: functions of each entry; `softmaxes`: of all entries along an axis.
- `dropouts`, `norms`, `losses`, `likelihoods`, `margin_losses`; `pooling`: windows of sequences.
- `attention`: scaled_dot_product_attention, of one head; `multihead`: of several.
- `vectors`: lengths and angles; `padding`: more entries at the ends of an axis.
- `arguments`: checks that they share.
"""

from .activations import (
    celu, celu_, elu, elu_, gelu, glu, hardtanh, hardtanh_, leaky_relu, leaky_relu_, logsigmoid,
    mish, relu, relu6, relu_, selu, selu_, sigmoid, silu, softplus, softsign, tanh, tanhshrink,
    threshold, threshold_,
)  # fmt: skip
from .affine import bilinear, linear
from .attention import scaled_dot_product_attention
from .bags import embedding_bag
from .convolutions import conv1d, conv_transpose1d
from .dropouts import alpha_dropout, dropout, dropout1d, dropout2d, feature_alpha_dropout
from .embeddings import embedding, one_hot
from .likelihoods import gaussian_nll_loss, poisson_nll_loss
from .losses import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, ctc_loss, huber_loss,
    kl_div, l1_loss, mse_loss, nll_loss, smooth_l1_loss,
)  # fmt: skip
from .multihead import multi_head_attention_forward
from .margin_losses import (
    cosine_embedding_loss, hinge_embedding_loss, margin_ranking_loss, multi_margin_loss,
    multilabel_margin_loss, multilabel_soft_margin_loss, soft_margin_loss, triplet_margin_loss,
    triplet_margin_with_distance_loss,
)  # fmt: skip
from .norms import (
    batch_norm, group_norm, instance_norm, layer_norm, local_response_norm, rms_norm,
)  # fmt: skip
from .padding import pad
from .piecewise import hardshrink, hardsigmoid, hardswish, prelu, rrelu, rrelu_, softshrink
from .pooling import (
    adaptive_avg_pool1d, adaptive_max_pool1d, adaptive_max_pool1d_with_indices, avg_pool1d,
    lp_pool1d, max_pool1d, max_pool1d_with_indices,
)  # fmt: skip
from .softmaxes import gumbel_softmax, log_softmax, softmax, softmin
from .vectors import cosine_similarity, normalize, pairwise_distance

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "adaptive_max_pool1d_with_indices",
    "alpha_dropout", "avg_pool1d", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "celu_", "conv1d", "conv_transpose1d",
    "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "ctc_loss", "dropout",
    "dropout1d", "dropout2d", "elu", "elu_", "embedding", "embedding_bag", "feature_alpha_dropout",
    "gaussian_nll_loss", "gelu", "glu", "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hardtanh_", "hinge_embedding_loss", "huber_loss", "instance_norm",
    "kl_div", "l1_loss", "layer_norm", "leaky_relu", "leaky_relu_", "linear", "local_response_norm",
    "log_softmax", "logsigmoid", "lp_pool1d", "margin_ranking_loss", "max_pool1d",
    "max_pool1d_with_indices", "mish", "mse_loss", "multi_head_attention_forward",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
    "normalize", "one_hot", "pad", "pairwise_distance", "poisson_nll_loss", "prelu", "relu",
    "relu6", "relu_", "rms_norm", "rrelu", "rrelu_", "scaled_dot_product_attention", "selu",
    "selu_", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip
