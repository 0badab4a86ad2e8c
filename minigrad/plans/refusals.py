"""Why cells are no plans: said once each, after they have run all the same."""

from __future__ import annotations

import warnings
from weakref import WeakKeyDictionary

from ..autograd.errors import stacklevel
from ..nn.module import Module

refusals: WeakKeyDictionary[Module, str] = WeakKeyDictionary()  # not yet told


def tell(cell: Module) -> None:
    """Warn, once, of a cell that cannot be a plan, after it has run all the same."""
    refusal = refusals.pop(cell, None)
    if refusal is not None:
        warnings.warn(
            f"{type(cell).__name__} runs step by step, which is slow: {refusal}",
            stacklevel=stacklevel(),
        )
