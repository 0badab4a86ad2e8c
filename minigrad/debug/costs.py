"""Multiply-adds: how many products an operation, or a recurrent layer, adds up.

Counted are multiplications whose products are added up: those of matrix products, convolutions and
attention, and in recurrent layers one for each weight, step and sequence, also where a recurrent
weight is a vector (IndRNN). Not counted is what happens entry by entry: biases, gates,
activations, normalisation; and nothing for a row that an embedding looks up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.tensor_base import TensorBase

__all__ = ["of_operation", "of_weights", "weights_in"]

PRODUCTS = ("mm", "bmm", "mv", "dot", "einsum", "addmm.of_rows")  # of the last axis of the first


def of_operation(call: Any, args: tuple[Any, ...], result: Any) -> int:
    """The multiply-adds of an operation (see `minigrad.autograd.listening`)."""
    op = getattr(call, "op", None)
    name = getattr(op, "name", None) or getattr(call, "__name__", "")
    if name in ("recur", "recur_once"):
        x, parameters = args[1], [args[3][k] for k in (0, 1, 4)]
        return of_weights(x.array.size // x.array.shape[-1], parameters)
    if name == "attention":
        q, k, v = [t.array for t in args[:3]]
        return int(q.size // q.shape[-1] * k.shape[-2] * (q.shape[-1] + v.shape[-1]))
    if not isinstance(result, TensorBase):
        return 0
    arrays = [a.array for a in args if isinstance(a, TensorBase)]
    if name == "einsum" and len(args) == 3:  # entries multiplied, and added up along axes
        return int(np.prod(np.broadcast_shapes(*[a.shape for a in arrays]), dtype=np.int64))
    if name in PRODUCTS or (name == "addmm" and len(args) == 3):
        return int(result.array.size * arrays[0].shape[-1])
    if name in ("addmm", "baddbmm"):  # what is added comes first
        return int(result.array.size * arrays[1].shape[-1])
    if name == "convolution":
        return int(result.array.size * arrays[1].shape[1] * arrays[1].shape[2])
    if name == "convolution.transposed":
        return int(arrays[0].size * arrays[1].shape[1] * arrays[1].shape[2])
    return 0


def of_weights(rows: int, weights: list[Any]) -> int:
    """Those of `rows` steps of sequences, each of which meets all of the weights once."""
    return rows * sum([w.array.size for w in weights if w is not None])


def weights_in(module: Any) -> list[Any]:
    """The weights of a recurrent layer or cell, whatever its options add to them."""
    names = getattr(module, "_flat_weights_names", None) or module.recurrence.parameters
    found = [getattr(module, name, None) for name in names if name.startswith("weight_")]
    return [weight for weight in found if weight is not None]
