"""Dropout: random zeros while training."""

from __future__ import annotations

from typing import Any

from .functional import dropout
from .module import Module


class Dropout(Module):
    """Zeroes each entry with probability `p`, scales the rest by ``1 / (1 - p)``, while training.

    After ``eval()`` it gives back its input.

    Parameters
    ----------
    p : float
        From 0 to 1.
    inplace : bool
        Overwrite the input.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.

    Notes
    -----
    PyTorch's own masks depend on the maker of the CPU, so equal masks cannot be promised; the state
    of the generator afterwards is the same.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Any shape to the same shape."""
        return dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"p={self.p}, inplace={self.inplace}"
