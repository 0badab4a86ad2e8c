"""`Loan`: a node's own output, which it reads again in backward, and which anyone may write to.

The gradient of a recurrent layer needs all of its states, and these are its output. People change
outputs in place (a ReLU, a dropout), and in PyTorch they may: there the output is a copy of what
the gradient needs. Copying it always would cost as much memory as it has, and up to a tenth of the
time of a step. So here the node borrows the memory of the output; whoever is about to write to a
tensor calls `before_write`, and only then the borrower takes a copy. The tensor's list `version`,
which all tensors that share its memory share, has the borrowers behind its two ints.

Memory that gets out of sight, as an array (`numpy()`) or another tensor (`data`), could be written
to without a word: there the borrowers take their copies at once. And what writes without having
called `before_write` is still found by the count of changes, as with everything that a node saves.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from .engine import Output, TensorBase

ndarray = np.ndarray


class Loan(Output):
    """The array of an output until somebody writes to it, from then on a copy of what it was."""

    def __init__(self, array: ndarray) -> None:
        self.array, self.version = array, [0, -1]

    def follow(self, tensor: TensorBase) -> None:
        """Hear of changes of `tensor`, whose memory it is."""
        self.version = tensor.version
        self.version.append(ref(self))  # type: ignore[arg-type]


def before_write(tensor: TensorBase) -> None:
    """Let those who borrowed the memory of `tensor` take a copy before it changes."""
    version: list[Any] = tensor.version
    if len(version) > 2:
        for borrower in version[2:]:
            loan = borrower()
            if loan is not None:  # its node has not been walked yet
                loan.array, loan.version = loan.array.copy(), [0, -1]
        del version[2:]
