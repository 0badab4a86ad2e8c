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

People find the layers and cells in `minigrad.nn`, which names them.
"""
