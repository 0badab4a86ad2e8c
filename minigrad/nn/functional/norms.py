"""Normalisation of samples, batches, groups, instances; what is computed is in `ops.norm`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...autograd.listening import heard, is_listening
from ...autograd.tensor_base import bump_version
from ...ops import norm as ops
from ...ops.arguments import as_int
from ...ops.elementwise import mul, rsqrt, square
from ...ops.pool import avg_pool
from ...ops.reduce import mean
from ...ops.shape import contiguous, transpose
from ...ops.values import number
from .arguments import check_floats, check_optional, check_tensor
from .padding import pad

if TYPE_CHECKING:
    from ...tensor import Tensor


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each sample over its last axes: see `minigrad.nn.LayerNorm`.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : tuple of int
        The sizes of the last axes.
    weight, bias : Tensor of that shape, optional
    eps : float
        Added to the variance.

    Raises
    ------
    TypeError
        `normalized_shape` is not a tuple or list.
    RuntimeError
        Shapes or dtypes that do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer_norm(mg.tensor([[1.0, 3.0], [5.0, 5.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [ 0.0000,  0.0000]])
    """
    if not ops.is_plain(input, normalized_shape, weight, bias):
        check_optional("layer_norm", weight=weight, bias=bias)
        _checked_sizes("layer_norm", input, normalized_shape, weight, bias)
        for name, factor in (("weight", weight), ("bias", bias)):
            _same_dtype("layer_norm", input, name, factor)
        check_floats("layer_norm", input)
    eps = number(eps, "layer_norm", "eps", "float")
    return ops.layer_norm(input, len(normalized_shape), weight, bias, eps)


def rms_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide each sample by the root of its mean square: see `minigrad.nn.RMSNorm`.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : tuple of int
        The sizes of the last axes.
    weight : Tensor of that shape, optional
    eps : float, optional
        Added to the mean square. Default: the dtype's distance from 1 to the next larger number.

    Raises
    ------
    TypeError, RuntimeError
        As `layer_norm`.

    Examples
    --------
    >>> import minigrad as mg
    >>> rms_norm(mg.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2000, 1.4000]])
    """
    check_optional("rms_norm", weight=weight)
    sizes = _checked_sizes("rms_norm", input, normalized_shape, weight, None)
    check_floats("rms_norm", input)
    if eps is None:
        eps = float(np.finfo(input.array.dtype).eps)
    axes = tuple(range(-len(sizes), 0))
    input = contiguous(input)
    y = input * rsqrt(mean(square(input), axes, True) + eps)
    return y if weight is None else y * weight


def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel over the batch: see `minigrad.nn.BatchNorm1d`.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    running_mean, running_var : Tensor, shape (C,), or None
        In `training` they are moved, in place, towards the batch's own mean and (unbiased)
        variance; otherwise they are what the input is normalised with.
    weight, bias : Tensor, shape (C,), optional
    training : bool
    momentum : float
        How far the running statistics move.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        A negative `eps`. In training: a single value per channel, an `eps` that is not positive,
        one running statistic without the other.
    RuntimeError
        A number of channels that differs; no running statistics where they are needed.

    Examples
    --------
    >>> import minigrad as mg
    >>> batch_norm(mg.tensor([[1.0, 5.0], [3.0, 5.0]]), None, None, training=True)
    tensor([[-1.0000,  0.0000],
            [ 1.0000,  0.0000]])
    """
    if is_listening():
        return heard(
            batch_norm,
            (input, running_mean, running_var, weight, bias, training, momentum, eps),
            {},
        )
    check_optional(
        "batch_norm", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    check_tensor("batch_norm", input)
    x = input.array
    if x.ndim < 2:
        raise _no_channels(x.shape, running_mean, training)
    statistics = {"running_mean": running_mean, "running_var": running_var}
    if training:
        _check_training(input, statistics, eps)
    elif eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    channels = x.shape[1]
    for name, value in (*statistics.items(), ("weight", weight), ("bias", bias)):
        if value is None:
            if name in statistics and not training:
                raise RuntimeError(f"batch_norm: {name} must be defined in evaluation mode")
            continue
        if value.array.size != channels:
            raise RuntimeError(
                f"batch_norm: {name} should contain {channels} elements not {value.array.size}: "
                f"input has shape {list(x.shape)}, whose axis 1 is the channels"
            )
        if name in statistics and value.array.ndim != 1:
            raise RuntimeError(
                f"batch_norm: {name}: expected 1 dims but tensor has {value.array.ndim}"
            )
        if x.dtype.kind == "f":
            _same_dtype("batch_norm", input, name, value)
    check_floats("batch_norm", input)
    if not training:
        fixed = running_mean.array, running_var.array
        return ops.batch_norm(input, weight, bias, eps, fixed)[0]
    output, centre, variance = ops.batch_norm(input, weight, bias, eps)
    if running_mean is not None and x.size:
        count = x.size // channels
        _move(running_mean, centre, momentum)
        _move(running_var, variance * (count / (count - 1)), momentum)
    return output


def _no_channels(shape: tuple[int, ...], running_mean: Any, training: bool) -> Exception:
    """The error of an input without an axis 1; it depends on what PyTorch looks at first."""
    expected = f"batch_norm: expected input of shape (N, C, ...), got {list(shape)}"
    if training and not shape:
        return IndexError(f"tuple index out of range: {expected}")
    if running_mean is not None:
        size = running_mean.array.size
        return RuntimeError(f"running_mean should contain 0 elements not {size}: {expected}")
    if training:
        return IndexError(
            f"Dimension out of range (expected to be in range of [-1, 0], but got 1): {expected}"
        )
    return RuntimeError("batch_norm: running_mean must be defined in evaluation mode")


def _check_training(input: Any, statistics: dict[str, Any], eps: float) -> None:
    shape = input.array.shape
    if input.array.size and input.array.size == shape[1]:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(shape)})"
        )
    if eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if len({value is None for value in statistics.values()}) > 1:
        raise ValueError(
            "batch_norm: running_mean and running_var must either both be None or neither be None"
        )


def _move(running: Any, value: np.ndarray, momentum: float) -> None:
    """``running = (1 - momentum) * running + momentum * value``, in place."""
    running.array[...] = (1 - momentum) * running.array + momentum * value
    bump_version(running)


def _checked_sizes(
    name: str, input: Any, normalized_shape: Any, weight: Any, bias: Any
) -> tuple[int, ...]:
    check_tensor(name, input)
    if not isinstance(normalized_shape, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'normalized_shape' must be tuple of ints, not "
            f"{type(normalized_shape).__name__}"
        )
    sizes = tuple(normalized_shape)
    if not sizes:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at "
            "least one element, but got normalized_shape = []"
        )
    for argument, factor in (("weight", weight), ("bias", bias)):
        if factor is not None and factor.array.shape != sizes:
            raise RuntimeError(
                f"{name}: Expected {argument} to be of same shape as normalized_shape, but got "
                f"{argument} of shape {list(factor.shape)} and normalized_shape = {list(sizes)}"
            )
    shape = input.array.shape
    if shape[-len(sizes) :] != sizes:
        expected = ", ".join(["*", *map(str, sizes)])
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(sizes)}, expected input with shape "
            f"[{expected}], but got input of size{list(shape)}"
        )
    return sizes


def _same_dtype(function: str, input: Any, name: str, value: Any) -> None:
    if value is not None and value.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"{function}: mixed dtype (CPU): all inputs must share same datatype, but input is "
            f"{dtypes.legacy_name(input.array.dtype)} and {name} "
            f"{dtypes.legacy_name(value.array.dtype)}: expect parameter to have scalar type of "
            f"{dtypes.legacy_name(input.array.dtype)}"
        )


# ------------------------------------------------------------------------------------------------
# Groups of channels, single ones, neighbours
# ------------------------------------------------------------------------------------------------


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each group of channels of each sample: see `minigrad.nn.GroupNorm`.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    num_groups : int
        Which divides C.
    weight, bias : Tensor, shape (C,), optional
    eps : float
        Added to the variance.

    Raises
    ------
    RuntimeError
        Shapes or dtypes that do not go together.
    ValueError
        There is a single value in all.

    Examples
    --------
    >>> import minigrad as mg
    >>> group_norm(mg.tensor([[1.0, 3.0, 50.0, 10.0]]), 2)
    tensor([[-1.0000,  1.0000,  1.0000, -1.0000]])
    """
    name = "group_norm"
    check_tensor(name, input)
    check_optional(name, weight=weight, bias=bias)
    shape = input.array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"{name}: Expected at least 2 dimensions for input tensor but received {len(shape)}: "
            f"(N, C, ...), not {list(shape)}"
        )
    groups = as_int(num_groups, name, "num_groups")
    if groups == 0:
        raise ZeroDivisionError(f"{name}: integer division or modulo by zero: num_groups is 0")
    if groups < 0 or shape[1] % groups:
        raise RuntimeError(
            f"{name}: Expected number of channels in input to be divisible by num_groups, but got "
            f"input of shape {list(shape)} and num_groups={groups}"
        )
    for argument, factor in (("weight", weight), ("bias", bias)):
        if factor is not None and factor.array.shape != shape[1:2]:
            raise RuntimeError(
                f"{name}: Expected {argument} to be a vector of size equal to the number of "
                f"channels in input, but got {argument} of shape {list(factor.shape)} and input of "
                f"shape {list(shape)}"
            )
        _same_dtype(name, input, argument, factor)
    if input.array.size and shape[0] * input.array.size // (shape[0] * groups) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}"
        )
    check_floats(name, input)
    return ops.group_norm(input, groups, weight, bias, number(eps, name, "eps", "float"))


def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel of each sample: see `minigrad.nn.InstanceNorm1d`.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    running_mean, running_var : Tensor, shape (C,), optional
        They are moved, in place, towards the averages over the batch of means and (unbiased)
        variances; without `use_input_stats` they are what the input is normalised with.
    weight, bias : Tensor, shape (C,), optional
    use_input_stats : bool
    momentum : float
        How far the running statistics move.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        A single value per channel; one running statistic without the other.
    RuntimeError
        A number of channels that differs; no running statistics where they are needed.

    Examples
    --------
    >>> import minigrad as mg
    >>> instance_norm(mg.tensor([[[1.0, 3.0], [50.0, 10.0]]]))
    tensor([[[-1.0000,  1.0000],
             [ 1.0000, -1.0000]]])
    """
    if is_listening():
        given = input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
        return heard(instance_norm, given, {})
    name = "instance_norm"
    check_tensor(name, input)
    statistics = {"running_mean": running_mean, "running_var": running_var}
    factors = {"weight": weight, "bias": bias}
    check_optional(name, **statistics, **factors)
    x = input.array
    if use_input_stats and len({value is None for value in statistics.values()}) > 1:
        raise ValueError(
            f"{name}: running_mean and running_var must either both be None or neither be None"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            f"{name}: Expected running_mean and running_var to be defined when use_input_stats is "
            "false"
        )
    if use_input_stats and math.prod(x.shape[2:]) == 1:
        raise ValueError(
            "Expected more than 1 spatial element when training, got input size "
            f"torch.Size({list(x.shape)})"
        )
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected input of shape (N, C, ...), got {list(x.shape)}")
    samples, channels = x.shape[:2]
    for argument, value in (*statistics.items(), *factors.items()):
        if value is not None and value.array.shape != (channels,):
            raise RuntimeError(
                f"{name}: {argument} should contain {channels} elements not {value.array.size}: "
                f"input has shape {list(x.shape)}, whose axis 1 is the channels"
            )
        if x.dtype.kind == "f":
            _same_dtype(name, input, argument, value)
    check_floats(name, input)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, 0.0, eps)
    if running_mean is not None and x.size:
        rows = x.reshape(samples, channels, -1)
        _move(running_mean, rows.mean(2).mean(0), momentum)
        _move(running_var, rows.var(2, ddof=1).mean(0), momentum)
    return ops.group_norm(input, channels, weight, bias, eps, of_one=True)


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by what neighbouring channels amount to: see `minigrad.nn.LocalResponseNorm`.

    Raises
    ------
    ValueError
        `input` has fewer than 3 axes.
    RuntimeError
        `size` is not positive.

    Examples
    --------
    >>> import minigrad as mg
    >>> local_response_norm(mg.tensor([[[1.0], [2.0]]]), 2, alpha=2.0, beta=1.0)
    tensor([[[0.5000],
             [0.3333]]])
    """
    check_tensor("local_response_norm", input)
    rank = input.array.ndim
    if rank < 3:
        raise ValueError(
            f"local_response_norm: Expected 3D or higher dimensionality input (got {rank} "
            "dimensions): (N, C, L)"
        )
    size = as_int(size, "local_response_norm", "size")
    if size <= 0:
        raise RuntimeError(
            f"local_response_norm: kernel size should be greater than zero, but got {size}"
        )
    if not input.array.size:
        return input
    squares = transpose(mul(input, input), 1, rank - 1)
    wide = pad(squares, (size // 2, (size - 1) // 2))
    window = size, 1, 0, 1, input.array.shape[1]
    near = contiguous(transpose(avg_pool(wide, window), 1, rank - 1))
    return input / (near * alpha + k) ** beta
