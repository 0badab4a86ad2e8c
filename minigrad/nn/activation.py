"""Activations as modules: each names its function, its arguments and how they print."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module


class Tanh(Module):
    """`tanh`, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.tanh(input)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """``log(sigmoid(x))``, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.logsigmoid(input)


class Tanhshrink(Module):
    """``x - tanh(x)``, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.tanhshrink(input)


class Softsign(Module):
    """``x / (1 + |x|)``, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.softsign(input)


class GELU(Module):
    r"""The Gaussian error linear unit :math:`x \, \Phi(x)`, entry by entry.

    :math:`\Phi(x) = (1 + \mathrm{erf}(x / \sqrt 2)) / 2` is the probability that a standard normal
    variable is below x.

    Parameters
    ----------
    approximate : "none" or "tanh"
        "tanh" takes :math:`(1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3))) / 2` for it.

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.GELU()(mg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"approximate={self.approximate!r}"


class _InPlace(Module):
    """An activation that can overwrite its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """``max(x, 0)``, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.relu(input, self.inplace)


class SiLU(_InPlace):
    """``x * sigmoid(x)``, entry by entry."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.silu(input, self.inplace)


class LeakyReLU(Module):
    """x where it is positive, ``negative_slope * x`` elsewhere."""

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"negative_slope={self.negative_slope}{', inplace=True' if self.inplace else ''}"


class ELU(Module):
    """x where it is positive, ``alpha * (exp(x) - 1)`` elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class Softplus(Module):
    """``log(1 + exp(beta x)) / beta``."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardtanh(Module):
    """x limited to the range from `min_val` to `max_val`."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if max_val <= min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"min_val={self.min_val}, max_val={self.max_val}{inplace}"


class ReLU6(Hardtanh):
    """x limited to the range from 0 to 6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return "inplace=True" if self.inplace else ""


class Threshold(Module):
    """x where it is above `threshold`, `value` elsewhere."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"threshold={self.threshold}, value={self.value}{inplace}"


class Softmax(Module):
    """``exp(x_i) / sum_j exp(x_j)`` along `dim`."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape; positive, summing to 1 along `dim`."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """The logarithm of `Softmax`, without overflow."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"dim={self.dim}"


class Softmin(Module):
    """`Softmax` of ``-x``."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape; positive, summing to 1 along `dim`."""
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"dim={self.dim}"
