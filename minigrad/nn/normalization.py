"""Normalisation of each sample on its own: of its last axes, of its groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class _SampleNorm(Module):
    """What both share: the sizes of the axes to normalise over, and a weight of that shape."""

    normalized_shape: tuple[int, ...]
    eps: Any

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None, elementwise_affine: bool,
        device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if isinstance(normalized_shape, int):
            normalized_shape = (normalized_shape,)
        self.normalized_shape = tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        if elementwise_affine:
            self.weight = Parameter(empty(self.normalized_shape, device=device, dtype=dtype))
        else:
            self.register_parameter("weight", None)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias, if there is one, to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self._parameters.get("bias") is not None:
            init.zeros_(self.bias)


class LayerNorm(_SampleNorm):
    r"""Moves and scales each sample to mean 0 and variance 1, then by learnt factors.

    .. math:: y = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}} \, w + b

    Mean and variance (divided by n) are those of a sample's last axes. Other than batch
    normalisation it does not mix samples or time steps, which is why recurrent networks use it.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last axes, over which to normalise.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        False leaves w and b out.
    bias : bool
        False leaves b out.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    weight : Parameter or None, of shape `normalized_shape`
        Starts as ones.
    bias : Parameter or None, of shape `normalized_shape`
        Starts as zeros.

    Raises
    ------
    RuntimeError
        In `forward`, if the input's last axes are others, or its dtype is.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.LayerNorm(2)(mg.tensor([[1.0, 3.0], [50.0, 10.0]])).detach()
    tensor([[-1.0000,  1.0000],
            [ 1.0000, -1.0000]])
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5,
        elementwise_affine: bool = True, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(normalized_shape, eps, elementwise_affine, device, dtype)
        if elementwise_affine and bias:
            self.bias = Parameter(empty(self.normalized_shape, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def forward(self, input: Any) -> Tensor:
        """(..., *normalized_shape) to the same shape."""
        weight, bias = self._weight("weight"), self._weight("bias")
        return F.layer_norm(input, self.normalized_shape, weight, bias, self.eps)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_SampleNorm):
    r"""Divides each sample by the root of its mean square: `LayerNorm` without mean and bias.

    .. math:: y = \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}} \, w

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last axes, over which to normalise.
    eps : float, optional
        Added to the mean square. Default: the dtype's distance from 1 to the next larger number.
    elementwise_affine : bool
        False leaves w out.
    device, dtype : optional
        Only the CPU; the type of the weight (default: the default dtype).

    Attributes
    ----------
    weight : Parameter or None, of shape `normalized_shape`
        Starts as ones.

    Raises
    ------
    RuntimeError
        In `forward`, if the input's last axes are others.

    References
    ----------
    B. Zhang, R. Sennrich, "Root mean square layer normalization", 2019.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.RMSNorm(2)(mg.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2000, 1.4000]])
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None,
        elementwise_affine: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(normalized_shape, eps, elementwise_affine, device, dtype)
        self.reset_parameters()

    def forward(self, input: Any) -> Tensor:
        """(..., *normalized_shape) to the same shape."""
        return F.rms_norm(input, self.normalized_shape, self._weight("weight"), self.eps)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    r"""Moves and scales each group of channels of each sample to mean 0 and variance 1.

    .. math:: y = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}} \, w + b

    Mean and variance (divided by n) are those of the channels of a group, at all positions; w and b
    are numbers for each channel. One group is like `LayerNorm`, as many groups as channels are like
    `InstanceNorm1d`.

    Parameters
    ----------
    num_groups : int
    num_channels : int
        C, which `num_groups` divides.
    eps : float
        Added to the variance.
    affine : bool
        False leaves w and b out.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).
    bias : bool
        False leaves b out.

    Attributes
    ----------
    weight, bias : Parameter or None, shape (C,)
        Start as ones and zeros.

    Raises
    ------
    ValueError
        `num_groups` does not divide `num_channels`.
    RuntimeError
        In `forward`, if the number of channels or the dtype is another.

    References
    ----------
    Y. Wu, K. He, "Group normalization", 2018.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.GroupNorm(2, 4)(mg.tensor([[1.0, 3.0, 50.0, 10.0]])).detach()
    tensor([[-1.0000,  1.0000,  1.0000, -1.0000]])
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(empty(num_channels, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias, if there is one, to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Tensor:
        """(N, C, ...) to the same shape."""
        return F.group_norm(
            input, self.num_groups, self._weight("weight"), self._weight("bias"), self.eps
        )

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    r"""Divides by what neighbouring channels amount to at the same position.

    .. math:: y_c = x_c \left( k + \frac{\alpha}{n} \sum_{i} x_i^2 \right)^{-\beta}

    with the sum over the n channels around c, as far as there are some.

    Parameters
    ----------
    size : int
        n.
    alpha, beta, k : float

    Raises
    ------
    ValueError
        In `forward`, if the input has fewer than 3 axes.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
    neural networks", 2012.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Tensor:
        """(N, C, ...) to the same shape."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
