"""Activations as modules: each names its function, its arguments and how they print."""

from __future__ import annotations

import warnings
from typing import Any

from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


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


class Mish(_InPlace):
    """``x * tanh(log(1 + exp(x)))``, entry by entry: see `functional.mish`."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.mish(input, self.inplace)


class SELU(_InPlace):
    r"""`ELU` with the two numbers that keep mean 0 and variance 1: see `functional.selu`.

    .. math:: \lambda x \text{ where } x > 0, \qquad
              \lambda \alpha \, (\exp(x) - 1) \text{ elsewhere}

    Weights should be drawn with `init.kaiming_normal_` of nonlinearity "linear", and dropout be
    `AlphaDropout`.
    """

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.selu(input, self.inplace)


class Hardsigmoid(Module):
    """``min(max(x + 3, 0), 6) / 6``, entry by entry: `Sigmoid` made of straight pieces."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """``x * min(max(x + 3, 0), 6) / 6``, entry by entry: `SiLU` with `Hardsigmoid`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.hardswish(input, self.inplace)


class _Shrink(Module):
    """What both kinds of shrinkage share: up to where entries become 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """0 where x is between ``-lambd`` and `lambd`, x elsewhere."""

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by `lambd`, and 0 where it is nearer to 0 than that.

    Raises
    ------
    RuntimeError
        In `forward`, if `lambd` is negative.
    """

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.softshrink(input, self.lambd)


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


class CELU(Module):
    r"""x where it is positive, :math:`\alpha \, (\exp(x / \alpha) - 1)` elsewhere.

    Raises
    ------
    RuntimeError
        In `forward`, if `alpha` is 0.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class PReLU(Module):
    r"""x where it is positive, :math:`w x` elsewhere, with slopes w that are learnt.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels, axis 1 of the input: one slope for each.
    init : float
        Where the slopes start.
    device, dtype : optional
        Only the CPU; the type of the slopes (default: the default dtype).

    Attributes
    ----------
    weight : Parameter, shape (num_parameters,)

    Raises
    ------
    RuntimeError
        In `forward`, if the number of channels or the dtype is another.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.PReLU()(mg.tensor([-2.0, 0.0, 3.0])).detach()
    tensor([-0.5000,  0.0000,  3.0000])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to where they start."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Tensor:
        """(N, C, ...) to the same shape; any shape with one slope."""
        return F.prelu(input, self._weight("weight"))

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x where it is positive; elsewhere times a slope drawn for each entry while training.

    Slopes are drawn evenly from [lower, upper); after ``eval()`` all are their mean.

    Parameters
    ----------
    lower, upper : float
        Between which slopes are drawn.
    inplace : bool
        Overwrite the input.

    Raises
    ------
    RuntimeError
        In `forward`, if `lower` is above `upper`.

    References
    ----------
    B. Xu, N. Wang, T. Chen, M. Li, "Empirical evaluation of rectified activations in convolutional
    network", 2015.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.RReLU(0.2, 0.4).eval()(mg.tensor([-1.0, 2.0]))
    tensor([-0.3000,  2.0000])
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"lower={self.lower}, upper={self.upper}{inplace}"


class GLU(Module):
    r"""The first half of the input along `dim`, gated by the second: :math:`a \, \sigma(b)`.

    Raises
    ------
    RuntimeError
        In `forward`, if there is an odd number of entries along `dim`.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """(..., 2 n, ...) to (..., n, ...)."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"dim={self.dim}"


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


def _renamed(old: str, value: float | None, new: str, default: float) -> float:
    """The value of an argument that once had another name."""
    if value is None:
        return default
    warnings.warn(
        f"keyword argument `{old}` is deprecated and renamed to `{new}`", FutureWarning, 3
    )
    return value


class Hardtanh(Module):
    """x limited to the range from `min_val` to `max_val`."""

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False,
        min_value: float | None = None, max_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        min_val = _renamed("min_value", min_value, "min_val", min_val)
        max_val = _renamed("max_value", max_value, "max_val", max_val)
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
