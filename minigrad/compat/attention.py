"""Classes that scripts about recurrent networks name or subclass, for a model they need not build.

A script with a choice of models may say ``class TransformerModel(nn.Transformer)`` and then train
an LSTM. So the classes are there, and raise when one is built.
"""

from __future__ import annotations

from typing import Any

from ..nn.linear import Linear
from ..nn.module import Module

__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear"]


class NotBuilt(Module):
    """A class that can be subclassed and named, but not built."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        stub = next(cls for cls in type(self).__mro__ if cls.__module__.startswith("minigrad."))
        raise NotImplementedError(
            f"nn.{stub.__name__} is not in minigrad, which is made for recurrent networks: RNN, "
            "LSTM, GRU, JANET, IndRNN"
        )


class MultiheadAttention(NotBuilt):
    """Raises NotImplementedError when it is built."""


class NonDynamicallyQuantizableLinear(Linear):
    """Nothing but a `Linear`: the name matters where networks are quantized."""
