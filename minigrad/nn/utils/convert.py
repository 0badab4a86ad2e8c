r"""Weights of Keras and Flax as modules of minigrad, and back.

`from_keras` and `to_keras` speak of lists of arrays, as ``get_weights()`` returns them, `from_flax`
and `to_flax` of nested dicts. Neither library is imported. What crosses are numbers: a converted
layer puts out what the other did, up to rounding, at every step.

All kernels there are transposed, (H_in, G H) for our (G H, H_in), as their layers compute
:math:`x^T W`. Here, and in PyTorch, a sum in a gate has two biases,
:math:`W x + b_{ih} + U h + b_{hh}`; with :math:`s_a = W_a x + U_a h` for gate a:

============ ================================================== ====================================
layer        its equations                                      what stands for it here
============ ================================================== ====================================
Keras LSTM   gates i, f, c, o, one bias: :math:`s + b`          `LSTM`: i, f, g, o; b_ih = b,
                                                                b_hh = 0
Keras GRU    gates z, r, h, two biases (2, 3 H)                 `GRU`: r, z, n; b_ih and b_hh are
             :math:`\tanh(W x + b_0 + r (U h + b_1))`           the two rows
             :math:`h' = z h + (1 - z) n`, as here
... with     one bias (3 H), the gate before the product:       `GRU` with ``reset_after=False``;
reset_after  :math:`\tanh(W x + U (r h) + b)`                   b_ih = b, b_hh = 0
=False
SimpleRNN    one bias                                           `RNN`; b_ih = b, b_hh = 0
CuDNNLSTM    as Keras's LSTM; two biases in one (8 H); each     `LSTM`
             gate's kernel lies in memory as (H, H_in)
CuDNNGRU     as Keras's GRU; two biases in one (6 H)            `GRU`
TensorFlow   gates i, c, f, o; one kernel (H_in + H, 4 H);      `LSTM`; forget_bias is added to
1 LSTMCell   :math:`f = \sigma(s + b + forget\_bias)`           b_ih's part of f
Flax LSTM    gates i, f, g, o; bias beside h alone              `LSTM`; b_hh = b, b_ih = 0
Flax GRU     gates r, z, n; biases :math:`b_r, b_z, b_n`        `GRU`; b_hh = 0 but for n
             beside x; in linen also inside the reset gate:
             :math:`\tanh(W x + b_n + r (U h + b_{hn}))`
Flax MGU     :math:`n = \tanh(W x + b + f (U h + b_{hn}))`      `GRU` whose r and z are both f: an
             :math:`h' = (1 - f) n + f h`                       `MGU` here has :math:`1 - f` for f
                                                                in h', and f in n
... with     :math:`n = \tanh(W x + b + U h)`                   `GRU` whose r has weights 0 and bias
reset_gate                                                      100: it is 1, its gradient 0
=False
SimpleCell   bias beside x                                      `RNN`; b_ih = b, b_hh = 0
============ ================================================== ====================================

What these arrays do not tell, or what differs:

- *Other functions*: ``hard_sigmoid`` and other activations are refused where the configuration
  tells (Keras); Flax's parameters do not, so there ``gate_fn`` must be sigmoid and
  ``activation_fn`` tanh. ``SimpleCell(residual=True)`` is not recognised either.
- *Keras's* ``unit_forget_bias`` is a matter of initial values: the 1 is in the bias already.
- *Dropout* has no weights, and is not carried over. Nor is what concerns the call: masks
  (``mask_zero``; give `lengths`), ``return_sequences`` (`output` here, or ``h_n[-1]``),
  ``go_backwards``, ``stateful``. ``Bidirectional`` must put the two outputs side by side.
- *Axes*: converted layers are ``batch_first=True``. `BatchNorm1d` normalises axis 1 of (N, C, L),
  Keras and Flax the last one: transpose. Their averages take the variance divided by n, those here
  by n - 1; momentum m there is 1 - m here.
- *Trained on*, a `GRU` that stands for an MGU may let go of what its gates had in common.

On the way back, biases that are added up anyway become one, their sum: converted to and fro, a
layer has the same outputs but other biases. `MGU` crosses as a GRU with r = f, z = 1 - f. What the
other library cannot compute is refused: `JANET`, `IndRNN`, layer normalisation inside the step,
zoneout, peepholes, projections; for Flax ``reset_after=False``; for nnx's ``GRUCell`` a bias inside
the reset gate.

Examples
--------
A model that was trained in Keras, ``Embedding``, ``Bidirectional(LSTM)``, ``Dense``; here arrays
stand for ``[layer.get_weights() for layer in model.layers]``, and ``from_keras(model)`` makes all
three:

>>> import numpy as np
>>> import minigrad as mg
>>> from minigrad.nn.utils.convert import from_keras
>>> rng = np.random.default_rng(0)
>>> arrays = lambda *shapes: [rng.normal(size=shape).astype("float32") for shape in shapes]
>>> embedding = from_keras(arrays((100, 8)), "Embedding")
>>> lstm = from_keras(arrays((8, 16), (4, 16), (16,), (8, 16), (4, 16), (16,)), "LSTM")
>>> dense = from_keras(arrays((8, 3), (3,)), "Dense", activation="softmax")
>>> lstm
LSTM(8, 4, batch_first=True, bidirectional=True)
>>> output, (h_n, c_n) = lstm(embedding(mg.tensor([[5, 3, 71, 2]])))
>>> dense(output).shape  # return_sequences=True
torch.Size([1, 4, 3])
>>> dense(mg.cat([h_n[0], h_n[1]], dim=1)).shape  # return_sequences=False
torch.Size([1, 3])
"""

from .convert_flax import from_flax, to_flax
from .convert_keras import from_keras, to_keras

__all__ = ["from_flax", "from_keras", "to_flax", "to_keras"]
