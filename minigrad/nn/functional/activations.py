"""Activations: functions of each entry on its own.

Each is a primitive, its forward and its slope on adjacent lines, and a function that checks types
and takes `inplace`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd.primitive import primitive
from ...autograd.tensor_base import TensorBase
from ...ops import elementwise as ew
from ...ops.arguments import checked_axis
from ...ops.index import narrow, where
from ...ops.kernels import with_kernel
from ...ops.layout import entrywise, rows
from ...ops.values import filling, number
from .arguments import apply, check_floats, check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "hardtanh", "hardtanh_", "leaky_relu",
    "leaky_relu_", "logsigmoid", "mish", "relu", "relu6", "relu_", "selu", "selu_", "sigmoid",
    "silu", "softplus", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip

# With these two, mean 0 and variance 1 stay what they are from layer to layer.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

sigmoid, tanh = ew.sigmoid.public, ew.tanh.public  # for users; rules use `ew.sigmoid`

_leaky_relu = primitive("leaky_relu",
                        with_kernel("leaky_relu", lambda x, slope: np.where(x > 0, x, x * slope)),
                        x=with_kernel("leaky_relu_slope", lambda g, x, slope: where(
                            x > 0, g, g * slope)))  # fmt: skip
_elu = primitive("elu", with_kernel("elu", lambda x, alpha: np.where(
                     x > 0, x, alpha * np.expm1(np.minimum(0, x)))),
                 x=with_kernel("elu_slope", lambda g, x, alpha: where(
                     x <= 0, g * (alpha * ew.exp(where(x < 0, x, 0))), g)))  # fmt: skip
_softplus = primitive("softplus", with_kernel("softplus", lambda x, beta, limit: np.where(
                          x * beta > limit, x, np.logaddexp(x * beta, x.dtype.type(0)) / beta)),
                      x=with_kernel("softplus_slope", lambda g, x, beta, limit: where(
                          x * beta > limit, g, g * ew.sigmoid(_up_to(limit, x * beta))))
)  # fmt: skip
_logsigmoid = primitive("log_sigmoid", with_kernel("logsigmoid", lambda x: -np.logaddexp(
                            -x, x.dtype.type(0))), layout=rows,
                        x=with_kernel("logsigmoid_slope", lambda g, x: g * ew.sigmoid(-x))
)  # fmt: skip
_silu = primitive("silu", with_kernel("silu", lambda x: x * ew.sigmoid(x)),
                  x=with_kernel("silu_slope", lambda g, x: g * _silu_slope(x, ew.sigmoid(x)))
)  # fmt: skip
_hardtanh = primitive("hardtanh",
                      with_kernel("clamp", lambda x, low, high: np.clip(x, low, high)),
                      x=with_kernel("hardtanh_slope", lambda g, x, low, high: where(
                          (x <= low) | (x >= high), 0, g)))  # fmt: skip
_threshold = primitive("threshold", with_kernel("threshold", lambda x, limit, value: np.where(
                           x <= limit, x.dtype.type(value), x)),
                       x=with_kernel("threshold_slope", lambda g, x, limit: where(
                           x <= limit, 0, g)))  # fmt: skip
_celu = primitive("celu", with_kernel("celu", lambda x, alpha: np.where(
                      x > 0, x, alpha * np.expm1(np.minimum(0, x) / alpha))),
                  x=with_kernel("celu_slope", lambda g, x, alpha: where(
                      x <= 0, g * ew.exp(where(x < 0, x, 0) / alpha), g)))  # fmt: skip
_selu = primitive("elu.scaled", with_kernel("selu", lambda x, alpha, scale: scale * np.where(
                      x > 0, x, alpha * np.expm1(np.minimum(0, x)))),
                  x=with_kernel("selu_slope", lambda g, x, alpha, scale: where(
                      x <= 0, g * (scale * alpha * ew.exp(where(x < 0, x, 0))), g * scale))
)  # fmt: skip
_mish = primitive("mish", with_kernel("mish", lambda x: x * np.tanh(
                      np.logaddexp(x, x.dtype.type(0)))),
                  x=with_kernel("mish_slope", lambda g, x: g * _mish_slope(
                      x, ew.tanh(_softplus(x, 1.0, 20.0)))))  # fmt: skip
_glu = primitive("glu", lambda a, b: a * _gate(b), layout=entrywise,
                 a=lambda g, b: g * _gate(b),
                 b=lambda g, a, b: g * a * _sigmoid_slope(_gate(b)))  # fmt: skip


def _up_to(limit: float, x: Any) -> Any:
    """`x` below `limit`, from there on the limit itself, which has no slope; NaN stays NaN."""
    return where(x >= limit, limit, x)


def _gate(b: Any) -> Any:
    """The sigmoid; of a half of an array, whose rows lie apart, as kernels want it."""
    return ew.sigmoid(np.ascontiguousarray(b) if type(b) is np.ndarray else b)


def _silu_slope(x: Any, s: Any) -> Any:
    return s * (1 + x * (1 - s))


def _sigmoid_slope(s: Any) -> Any:
    return s * (1 - s)


def _mish_slope(x: Any, t: Any) -> Any:
    """``t + x sigmoid(x) (1 - t^2)``, where t is the tanh of `softplus`."""
    return t + x * ew.sigmoid(x) * (1 - t * t)


# ------------------------------------------------------------------------------------------------
# GELU: x times the probability that a standard normal variable is below x
# ------------------------------------------------------------------------------------------------

_ROOT_HALF, _DENSITY_AT_0 = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
_TANH_SCALE, _TANH_CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu_slope(x: Any) -> Any:
    """The probability below x, plus x times the density at x."""
    return 0.5 * (1 + ew.erf(x * _ROOT_HALF)) + x * (_DENSITY_AT_0 * ew.exp(-0.5 * x * x))


def _gelu_tanh_slope(x: Any) -> Any:
    t = ew.tanh(_TANH_SCALE * x * (1 + _TANH_CUBIC * x * x))
    inner_slope = _TANH_SCALE * (1 + 3 * _TANH_CUBIC * x * x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner_slope


_gelu = primitive("gelu", with_kernel("gelu", lambda x: 0.5 * x * (1 + ew.erf(x * _ROOT_HALF))),
                  x=with_kernel("gelu_slope", lambda g, x: g * _gelu_slope(x)))  # fmt: skip
_gelu_tanh = primitive("gelu", with_kernel("gelu_tanh", lambda x: 0.5 * x * (
                           1 + np.tanh(_TANH_SCALE * x * (1 + _TANH_CUBIC * x * x)))),
                       x=with_kernel("gelu_tanh_slope", lambda g, x: g * _gelu_tanh_slope(x))
)  # fmt: skip


# ------------------------------------------------------------------------------------------------
# The functions
# ------------------------------------------------------------------------------------------------


def relu(input: Any, inplace: bool = False) -> Tensor:
    """``max(input, 0)``."""
    return apply(ew.relu, "relu", input, (), inplace, integers=True)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`input` where it is positive, ``negative_slope * input`` elsewhere."""
    slope = number(negative_slope, "leaky_relu", "negative_slope")
    return apply(_leaky_relu, "leaky_relu", input, (slope,), inplace)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    return apply(_elu, "elu", input, (number(alpha, "elu", "alpha"),), inplace)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    r"""`input` where it is positive, :math:`\alpha \, (\exp(x / \alpha) - 1)` elsewhere.

    Other than that of `elu`, its slope is continuous for every alpha.

    Raises
    ------
    RuntimeError
        `alpha` is 0.

    References
    ----------
    J. T. Barron, "Continuously differentiable exponential linear units", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> celu(mg.tensor([-2.0, 0.0, 1.0]), alpha=0.5)
    tensor([-0.4908,  0.0000,  1.0000])
    """
    alpha = number(alpha, "celu", "alpha")
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return apply(_celu, "celu", input, (alpha,), inplace)


def selu(input: Any, inplace: bool = False) -> Tensor:
    r"""`elu` with the alpha, and times the factor, that keep mean 0 and variance 1.

    .. math:: \lambda x \text{ where } x > 0, \qquad
              \lambda \alpha \, (\exp(x) - 1) \text{ elsewhere}

    with :math:`\alpha = 1.67326\ldots` and :math:`\lambda = 1.05070\ldots`

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> selu(mg.tensor([-1.0, 0.0, 1.0]))
    tensor([-1.1113,  0.0000,  1.0507])
    """
    return apply(_selu, "selu", input, (SELU_ALPHA, SELU_SCALE), inplace)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``; `input` itself where ``beta * input > threshold``."""
    beta = number(beta, "softplus", "beta")
    return apply(_softplus, "softplus", input, (beta, number(threshold, "softplus", "threshold")))


def logsigmoid(input: Any) -> Tensor:
    """``log(sigmoid(input))``, without overflow."""
    return apply(_logsigmoid, "logsigmoid", input, ())


def silu(input: Any, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``."""
    return apply(_silu, "silu", input, (), inplace)


def mish(input: Any, inplace: bool = False) -> Tensor:
    r""":math:`x \tanh(\log(1 + e^x))`.

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic neural activation function", 2019.

    Examples
    --------
    >>> import minigrad as mg
    >>> mish(mg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.3034,  0.0000,  0.8651])
    """
    return apply(_mish, "mish", input, (), inplace)


def hardtanh(
    input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """`input` limited to the range from `min_val` to `max_val`.

    Raises
    ------
    ValueError
        `min_val` is above `max_val`.
    """
    min_val = number(min_val, "hardtanh", "min_val")
    max_val = number(max_val, "hardtanh", "max_val")
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val: got min_val={min_val}, "
            f"max_val={max_val}"
        )
    if isinstance(input, TensorBase) and input.array.dtype.kind in "iu":
        min_val, max_val = int(min_val), int(max_val)
        if input.array.dtype.kind == "u" and min_val < 0:
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return apply(_hardtanh, "hardtanh", input, (min_val, max_val), inplace, integers=True)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`input` where it is above `threshold`, `value` elsewhere."""
    return _above(input, threshold, value, inplace)


def _above(input: Any, threshold: float, value: float, inplace: bool) -> Any:
    check_tensor("threshold", input)
    threshold = number(threshold, "threshold", "threshold")
    value = filling(value, input.array.dtype, "threshold").item()
    return apply(_threshold, "threshold", input, (threshold, value), inplace, integers=True)


def gelu(input: Any, approximate: str = "none") -> Tensor:
    r"""The Gaussian error linear unit, :math:`x \, \Phi(x)`.

    Parameters
    ----------
    approximate : "none" or "tanh"
        "tanh" replaces the distribution function by
        :math:`(1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3))) / 2`.

    Raises
    ------
    RuntimeError
        Another word for `approximate`.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(
            f"gelu: approximate argument must be either none or tanh, but got {approximate!r}"
        )
    return apply(_gelu if approximate == "none" else _gelu_tanh, "gelu", input, ())


def glu(input: Any, dim: int = -1) -> Tensor:
    r"""The first half of `input` along `dim`, gated by the second: :math:`a \, \sigma(b)`.

    Raises
    ------
    RuntimeError
        `input` has no axes, or an odd number of entries along `dim`.

    References
    ----------
    Y. N. Dauphin, A. Fan, M. Auli, D. Grangier, "Language modeling with gated convolutional
    networks", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> glu(mg.tensor([2.0, 4.0, 0.0, 100.0]))
    tensor([1., 4.])
    """
    check_tensor("glu", input)
    shape = input.array.shape
    if not shape:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = checked_axis(dim, len(shape))
    half = shape[axis] // 2
    if shape[axis] % 2:
        raise RuntimeError(
            f"glu: Halving dimension must be even, but dimension {axis} is size {shape[axis]}: "
            f"input has shape {list(shape)}"
        )
    check_floats("glu", input)
    return _glu(narrow(input, axis, 0, half), narrow(input, axis, half, half))


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """`input` limited to the range from 0 to 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def softsign(input: Any) -> Tensor:
    """``input / (1 + |input|)``."""
    check_tensor("softsign", input)
    return input / (ew.abs(input) + 1)


def tanhshrink(input: Any) -> Tensor:
    """``input - tanh(input)``."""
    check_tensor("tanhshrink", input)
    return input - tanh(input)


# ------------------------------------------------------------------------------------------------
# Functions that overwrite their input, by the names that old scripts use
# ------------------------------------------------------------------------------------------------


def relu_(input: Any) -> Tensor:
    """In-place form of `relu`."""
    return relu(input, True)


def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Tensor:
    """In-place form of `leaky_relu`."""
    return leaky_relu(input, negative_slope, True)


def elu_(input: Any, alpha: float = 1.0) -> Tensor:
    """In-place form of `elu`."""
    return elu(input, alpha, True)


def celu_(input: Any, alpha: float = 1.0) -> Tensor:
    """In-place form of `celu`."""
    return celu(input, alpha, True)


def selu_(input: Any) -> Tensor:
    """In-place form of `selu`."""
    return selu(input, True)


def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place form of `hardtanh`."""
    return hardtanh(input, min_val, max_val, True)


def threshold_(input: Any, threshold: float, value: float) -> Tensor:
    """In-place form of `threshold`."""
    return _above(input, threshold, value, True)
