"""Recurrences: everything that is particular to recurrent networks.

A page for each: `rnn`, `lstm`, `gru`, `janet`, `mgu`, `indrnn` have the equations, the step as one
would write it on a blackboard, initial values, the layer and the cell. `deep_indrnn` has networks
of IndRNNs.

What all share is written once:

- `recurrence`: what a recurrence is made of, and the list of all; `unroll`: a step over time.
- `operation`: how a kernel stands in for the step.
- `sequences`: layouts, layers, directions; `layer`, `cell`: their parameters; `own`: layers from
  cells that users wrote; `checks`: what they refuse; `initial`:
  shapes and first values of parameters.
- `options`: what every layer takes besides: layer normalisation, recurrent dropout, zoneout, ...
- `ragged`, `packed`: sequences of different lengths.
- `trace`: gates and states that people see; `trace_run`: how a step runs so that they can be seen,
  `trace_kernel`: how a kernel shows them; `trace_names`: what those of a user's cell are called.

People find the layers and cells in `minigrad.nn`, too.
"""

from .cell import RNNCellBase
from .deep_indrnn import DenseIndRNN, ResidualIndRNN
from .gru import GRU, GRUCell
from .indrnn import IndRNN, IndRNNCell
from .janet import JANET, JANETCell
from .layer import RNNBase
from .lstm import LSTM, LSTMCell
from .mgu import MGU, MGUCell
from .own import Recurrent
from .rnn import RNN, RNNCell

__all__ = [
    "GRU", "JANET", "LSTM", "MGU", "RNN", "DenseIndRNN", "GRUCell", "IndRNN", "IndRNNCell",
    "JANETCell", "LSTMCell", "MGUCell", "RNNBase", "RNNCell", "RNNCellBase", "Recurrent",
    "ResidualIndRNN",
]  # fmt: skip
