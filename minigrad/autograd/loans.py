"""Outputs that their node reads again in backward, and that anyone may write to all the same.

The gradient of a recurrent layer needs all of its states, and these are its output. People change
outputs in place (a ReLU, a dropout), and in PyTorch they may: there the output is a copy of what
the gradient needs. Copying it always would cost as much memory as it has, and up to a tenth of the
time of a step. So here the output is lent to its node (saved as `LENT`); whoever is about to write
to a tensor calls `before_write`, and only then the node gets a copy. The tensor's list `version`,
which all tensors that share its memory share, has the borrowers behind its two ints.

The same is done for a large gradient that `backward` was given, and that comes to a leaf unchanged,
through views only: `.grad` needs memory of its own, but not before somebody looks at it.

Memory that gets out of sight, as an array (`numpy()`) or another tensor (`data`), could be written
to without a word: there the borrowers get their copies at once. And what writes without having
called `before_write` is still found by the count of changes, as with everything that a node saves.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from .tensor_base import TensorBase, wrap


def before_write(tensor: TensorBase) -> None:
    """Give copies to those who borrowed the memory of `tensor`, which is about to change."""
    version: list[Any] = tensor.version
    if len(version) > 2:
        for borrower in version[2:]:
            node = borrower()
            if type(node) is BorrowedGradient:
                node.keep()
            elif node is not None and node.saved is not None:  # it is still to be walked
                output = node.saved[-1]
                output.array, output.version = output.array.copy(), [0, -1]
        del version[2:]


class BorrowedGradient(TensorBase):
    """A gradient that shows memory of another tensor, the lender; `gradient_of` makes it a tensor.

    If the lender is written to, this keeps a copy of what it was.
    """

    def __init__(self, array: Any, lender: TensorBase) -> None:
        version: list[Any] = lender.version
        self.array, self.version, self.written = array, version, version[1]
        version[2:] = [*[b for b in version[2:] if b() is not None], ref(self)]

    def keep(self) -> None:
        """Stop sharing memory."""
        self.array, self.version = self.array.copy(), [0, self.written]

    def own(self) -> Any:
        """The gradient as a tensor with memory of its own."""
        if self.version[1] != self.written:
            raise RuntimeError(
                "the gradient that was passed to backward() was changed in place by an operation "
                "that did not say so, before anybody looked at the .grad that it became"
            )
        return wrap(self.array if len(self.version) == 2 else self.array.copy())


def gradient_of(leaf: TensorBase) -> Any:
    """``leaf.grad``: a tensor, or None."""
    gradient = leaf._grad
    if type(gradient) is BorrowedGradient:
        gradient = leaf._grad = gradient.own()
    return gradient
