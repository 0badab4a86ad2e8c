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
from ...ops.index import where
from ...ops.kernels import with_kernel
from ...ops.layout import rows
from ...ops.values import filling, number
from .arguments import apply, check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = [
    "elu", "gelu", "hardtanh", "leaky_relu", "logsigmoid", "relu", "relu6", "sigmoid", "silu",
    "softplus", "softsign", "tanh", "tanhshrink", "threshold",
]  # fmt: skip

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
_hardtanh = primitive("hardtanh", lambda x, low, high: np.clip(x, low, high),
                      x=lambda g, x, low, high: where((x <= low) | (x >= high), 0, g))  # fmt: skip
_threshold = primitive("threshold",
                       lambda x, limit, value: np.where(x <= limit, x.dtype.type(value), x),
                       x=lambda g, x, limit: where(x <= limit, 0, g))  # fmt: skip


def _up_to(limit: float, x: Any) -> Any:
    """`x` below `limit`, from there on the limit itself, which has no slope; NaN stays NaN."""
    return where(x >= limit, limit, x)


def _silu_slope(x: Any, s: Any) -> Any:
    return s * (1 + x * (1 - s))


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
    check_tensor("threshold", input)
    threshold = number(threshold, "threshold", "threshold")
    value = filling(value, input.array.dtype, "threshold")
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
