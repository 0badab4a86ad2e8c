"""What is used around layers and belongs to none of them.

- `rnn`: batches of sequences of different lengths, padded and packed.
- `clip_grad`: gradients kept from exploding; `clip_recurrent`: the recurrent weights of IndRNNs.
- `convert_parameters`: all parameters as one vector, and back.
- `convert`: weights of Keras's and Flax's layers, and back: `convert_keras`, `convert_flax`, and
  `convert_arrays`, what they share.
- `weight_norm`, `spectral_norm`: a weight computed from other parameters before each forward.
- `parametrize`: a weight computed from other parameters whenever it is read; `parametrizations`,
  `orthogonal`: ways to compute it.
- `prune`: a weight with entries that stay zero; `stateless`: a module called with other weights.

`convert` and the last of these are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import rnn
from .clip_grad import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .clip_recurrent import clip_recurrent_weights_
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm

if TYPE_CHECKING:
    from . import convert as convert
    from . import parametrizations as parametrizations
    from . import parametrize as parametrize
    from . import prune as prune
    from . import stateless as stateless

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "clip_recurrent_weights_",
    "get_total_norm", "parameters_to_vector", "remove_spectral_norm", "remove_weight_norm", "rnn",
    "spectral_norm", "vector_to_parameters", "weight_norm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("convert", "parametrizations", "parametrize", "prune", "stateless"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
