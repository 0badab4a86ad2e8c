"""Layers that are one affine map, or none: Linear, Identity, Flatten."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.tensor_base import TensorBase
from ..ops.checked import refuse
from ..ops.matmul import linear
from ..ops.shape import flatten
from ..tensor import Tensor
from ..tensor.creation import empty
from . import init
from .functional.arguments import check_tensor
from .module import Module
from .parameter import Parameter


class Linear(Module):
    r""":math:`y = x W^T + b`.

    Parameters
    ----------
    in_features, out_features : int
        The sizes of the last axis of x and y.
    bias : bool
        False leaves b out.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
        Drawn from U(-k, k), k = 1 / sqrt(in_features).
    bias : Parameter or None, shape (out_features,)
        Drawn from the same distribution.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.Linear(3, 2)
    >>> layer(mg.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Tensor:
        """(..., in_features) to (..., out_features)."""
        if not isinstance(input, TensorBase):
            raise refuse("linear", "input", 1, input)
        return linear(input, self._weight("weight"), self._weight("bias"))

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """Nothing but a `Linear`: the name matters where networks are quantized."""


class Identity(Module):
    """Gives back its input, whatever it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Tensor:
        """The input."""
        return input


class Flatten(Module):
    """Joins the axes from `start_dim` to `end_dim` into one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Tensor:
        """(N, a, b, ...) to (N, a b ...) with the defaults."""
        check_tensor("flatten", input)
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
