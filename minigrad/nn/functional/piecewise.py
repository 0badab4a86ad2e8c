"""Activations made of pieces: hard forms of smooth ones, shrinkage, slopes learnt or drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import random
from ...arrays import dtypes
from ...autograd.listening import heard, is_listening
from ...autograd.primitive import primitive
from ...autograd.tensor_base import wrap
from ...ops.index import where
from ...ops.inplace import inplace as in_place
from ...ops.kernels import with_kernel
from ...ops.layout import rows
from ...ops.shape import reshape, sum_to
from ...ops.values import number
from .arguments import apply, check_floats, check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = [
    "hardshrink", "hardsigmoid", "hardswish", "prelu", "rrelu", "rrelu_", "softshrink",
]  # fmt: skip

_hardsigmoid = primitive("hardsigmoid",
                         with_kernel("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6),
                         x=with_kernel("hardsigmoid_slope", lambda g, x: where(
                             (x > -3) & (x < 3), g / 6, 0)))  # fmt: skip
_hardswish = primitive("hardswish",
                       with_kernel("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6),
                       x=with_kernel("hardswish_slope", lambda g, x: where(
                           x <= -3, 0, where(x < 3, g * (x / 3 + 0.5), g))))  # fmt: skip
_hardshrink = primitive("hardshrink", with_kernel("hardshrink", lambda x, limit: np.where(
                            (x >= -limit) & (x <= limit), x.dtype.type(0), x)),
                        x=with_kernel("shrink_slope", lambda g, x, limit: where(
                            (x >= -limit) & (x <= limit), 0, g)))  # fmt: skip
_softshrink = primitive("softshrink", with_kernel("softshrink", lambda x, limit: np.where(
                            x > limit, x - limit, np.where(x < -limit, x + limit, x * 0))),
                        x=with_kernel("shrink_slope", lambda g, x, limit: where(
                            (x >= -limit) & (x <= limit), 0, g)))  # fmt: skip
_leaky = with_kernel("leaky_relu", lambda x, slope: np.where(x > 0, x, x * slope))
_leaky_slope = with_kernel("leaky_relu_slope", lambda g, x, slope: np.where(x > 0, g, g * slope))
_prelu = primitive("prelu_kernel", lambda x, weight: _sloping(
                       _leaky, x, weight, lambda: np.where(x > 0, x, weight * x)),
                   x=lambda g, x, weight: _sloping(
                       _leaky_slope, g, x, weight, lambda: where(x > 0, g, weight * g)),
                   weight=lambda g, x, weight_shape: sum_to(where(x > 0, 0, x * g), weight_shape)
)  # fmt: skip
_rrelu = primitive("rrelu_with_noise", lambda x, slope: x * slope, layout=rows,
                   x=lambda g, slope: g * slope)  # fmt: skip


def _sloping(kernel: Any, *arguments: Any) -> Any:
    """The last of `arguments`, a formula; or, if there is one slope for all, `leaky_relu`'s."""
    *arrays, weight, formula = arguments
    if type(weight) is np.ndarray and weight.size == 1 and type(arrays[0]) is np.ndarray:
        return kernel(*arrays, weight.item())
    return formula()


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    r"""`sigmoid` made of straight pieces: :math:`\min(\max(x + 3, 0), 6) / 6`.

    Examples
    --------
    >>> import minigrad as mg
    >>> hardsigmoid(mg.tensor([-4.0, 0.0, 1.5, 4.0]))
    tensor([0.0000, 0.5000, 0.7500, 1.0000])
    """
    return apply(_hardsigmoid, "hardsigmoid", input, (), inplace)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    r"""`silu` with `hardsigmoid` for the sigmoid: :math:`x \min(\max(x + 3, 0), 6) / 6`.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019.

    Examples
    --------
    >>> import minigrad as mg
    >>> hardswish(mg.tensor([-4.0, -1.0, 1.5, 4.0]))
    tensor([-0.0000, -0.3333,  1.1250,  4.0000])
    """
    return apply(_hardswish, "hardswish", input, (), inplace)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """0 where `input` is between ``-lambd`` and `lambd`, `input` elsewhere.

    Examples
    --------
    >>> import minigrad as mg
    >>> hardshrink(mg.tensor([-2.0, 0.4, 1.0]))
    tensor([-2.,  0.,  1.])
    """
    return apply(_hardshrink, "hardshrink", input, (number(lambd, "hardshrink", "lambd"),))


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """`input` moved towards 0 by `lambd`, and 0 where it is nearer to 0 than that.

    Raises
    ------
    RuntimeError
        `lambd` is negative.

    Examples
    --------
    >>> import minigrad as mg
    >>> softshrink(mg.tensor([-2.0, 0.4, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """
    check_tensor("softshrink", input)
    check_floats("softshrink", input)
    limit = number(lambd, "softshrink", "lambd")
    most = float(np.finfo(input.array.dtype).max)
    if not 0 <= limit <= most:
        raise RuntimeError(
            f"softshrink: lambda must be in range [0, {most:g}] for input dtype "
            f"{dtypes.legacy_name(input.array.dtype)}, but found {limit:g}"
        )
    return apply(_softshrink, "softshrink", input, (limit,))


def prelu(input: Any, weight: Any) -> Tensor:
    """`input` where it is positive, ``weight * input`` elsewhere: see `minigrad.nn.PReLU`.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    weight : Tensor, shape (C,), (1,) or ()
        One slope a channel, or one for all.

    Raises
    ------
    RuntimeError
        `weight` has more axes, another type than `input`, or another number of channels.

    Examples
    --------
    >>> import minigrad as mg
    >>> prelu(mg.tensor([[-1.0, -1.0], [2.0, -3.0]]), mg.tensor([0.1, 0.5]))
    tensor([[-0.1000, -0.5000],
            [ 2.0000, -1.5000]])
    """
    check_tensor("prelu", input)
    check_tensor("prelu", weight, "weight")
    x, w = input.array, weight.array
    if x.dtype != w.dtype:
        raise RuntimeError(
            "prelu: Type promoting not supported. Got "
            f"{dtypes.legacy_name(x.dtype)} and {dtypes.legacy_name(w.dtype)}"
        )
    if w.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}"
        )
    if w.size != 1:
        if not x.ndim:
            raise RuntimeError("prelu: Not allow zero-dim input tensor.")
        channels = x.shape[1] if x.ndim > 1 else 1
        if w.size != channels:
            raise RuntimeError(
                "prelu: Mismatch of parameter numbers and input channel size. Found parameter "
                f"numbers = {w.size} and channel size = {channels}: input has shape "
                f"{list(x.shape)}, whose axis 1 is the channels"
            )
    check_floats("prelu", input)
    shape = (1,) * x.ndim if w.size == 1 else (1, w.size, *(1 for _ in x.shape[2:]))
    return _prelu(input, weight if w.shape == shape else reshape(weight, shape))


def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
    inplace: bool = False,
) -> Tensor:  # fmt: skip
    """`leaky_relu` with slopes that are drawn while `training`: see `minigrad.nn.RReLU`.

    Raises
    ------
    RuntimeError
        `lower` is above `upper`.

    Examples
    --------
    >>> import minigrad as mg
    >>> rrelu(mg.tensor([-1.0, 2.0]), 0.2, 0.4)
    tensor([-0.3000,  2.0000])
    """
    lower, upper = number(lower, "rrelu", "lower"), number(upper, "rrelu", "upper")
    if lower > upper:
        raise RuntimeError(
            "rrelu: Lower bound should be less than or equal to the upper bound, but got "
            f"{lower:g} and {upper:g}"
        )
    check_tensor("rrelu", input)
    check_floats("rrelu", input)
    slopes = _slopes(input, lower, upper, training)
    return in_place(_rrelu)(input, slopes) if inplace else _rrelu(input, slopes)


def rrelu_(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """In-place form of `rrelu`."""
    return rrelu(input, lower, upper, training, True)


def _slopes(input: Any, lower: float, upper: float, training: bool) -> Any:
    """1 where `input` is positive; elsewhere a number drawn from [lower, upper), or their mean."""
    if is_listening():
        return heard(_slopes, (input, lower, upper, training), {})
    x = input.array
    if not training:
        return wrap(np.where(x > 0, x.dtype.type(1), x.dtype.type((lower + upper) / 2)))
    slopes, sloping = np.ones(x.shape, x.dtype), x <= 0
    count = int(np.count_nonzero(sloping))
    slopes[sloping] = random.default_generator.uniform((count,), lower, upper, np.float64)
    return wrap(slopes)
