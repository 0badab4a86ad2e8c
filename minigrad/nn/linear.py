"""Layers that are one affine map, of one input or two, or none: views and the identity."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.tensor_base import TensorBase
from ..ops.checked import refuse
from ..ops.matmul import linear
from ..ops.shape import flatten, unflatten
from ..tensor import Tensor
from ..tensor.creation import empty
from . import init
from .functional.affine import bilinear
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


class Bilinear(Module):
    r"""A weighted sum of all products of entries of two inputs.

    .. math:: y_o = b_o + \sum_i \sum_j x_{1,i} \, w_{o,i,j} \, x_{2,j}

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        I, J and O, the sizes of the last axes.
    bias : bool
        False leaves b out.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    weight : Parameter, shape (O, I, J)
        Drawn from U(-k, k), k = 1 / sqrt(I).
    bias : Parameter or None, shape (O,)
        Drawn from the same distribution.

    Raises
    ------
    ValueError
        `in1_features` is not positive.
    RuntimeError
        In `forward`, if shapes or dtypes do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.Bilinear(3, 4, 5)
    >>> layer(mg.zeros(2, 3), mg.zeros(2, 4)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = out_features, in1_features, in2_features
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        """(..., I) and (..., J) to (..., O)."""
        return bilinear(input1, input2, self._weight("weight"), self._weight("bias"))

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


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


class Unflatten(Module):
    """Divides the axis `dim` into several.

    Parameters
    ----------
    dim : int
    unflattened_size : tuple of int
        The sizes of the new axes; one of them may be -1, whatever is left.

    Raises
    ------
    TypeError
        `unflattened_size` is no tuple of int. (Axes have no names here.)
    RuntimeError
        In `forward`, if the sizes do not multiply to that of the axis.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.Unflatten(1, (2, -1))(mg.zeros(5, 6)).shape
    torch.Size([5, 2, 3])
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                "unflattened_size must be a tuple of ints, but found type "
                f"{type(unflattened_size).__name__}"
            )
        for k, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {k}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Any) -> Tensor:
        """(N, a b, ...) to (N, a, b, ...) for ``Unflatten(1, (a, b))``."""
        check_tensor("unflatten", input)
        return unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
