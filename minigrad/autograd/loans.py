"""Outputs that their node reads again in backward, and that anyone may write to all the same.

The gradient of a recurrent layer needs all of its states, and these are its output. People change
outputs in place (a ReLU, a dropout), and in PyTorch they may: there the output is a copy of what
the gradient needs. Copying it always would cost as much memory as it has, and up to a tenth of the
time of a step. So here the output is lent to its node (saved as `LENT`); whoever is about to write
to a tensor calls `before_write`, and only then the node gets a copy. The borrowers are
in the tensor's `version`, which all tensors that share its memory share.

Memory that gets out of sight, as an array (`numpy()`) or another tensor (`data`), could be written
to without a word: there the borrowers get their copies at once. And what writes without having
called `before_write` is still found by the count of changes, as with everything that a node saves.
"""

from __future__ import annotations

from .tensor_base import TensorBase, Version


def before_write(tensor: TensorBase) -> None:
    """Give copies to those who borrowed the memory of `tensor`, which is about to change."""
    version = tensor.version
    if version.borrowers is not None:
        for borrower in version.borrowers:
            node = borrower()
            if node is not None and node.saved is not None:  # it is still to be walked
                output = node.saved[-1]
                output.array, output.version = output.array.copy(), Version()
        version.borrowers = None
