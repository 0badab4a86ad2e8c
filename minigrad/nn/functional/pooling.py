"""Pooling of sequences: checks; what is computed is in `ops.pool`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...ops import pool as ops
from ...ops.arguments import as_int
from ...ops.elementwise import abs as abs_
from ...ops.elementwise import pow as pow_
from ...ops.elementwise import relu, sign
from ...ops.shape import contiguous
from ...ops.values import number
from .arguments import check_floats, check_tensor
from .padding import pad

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "adaptive_max_pool1d_with_indices", "avg_pool1d",
    "lp_pool1d", "max_pool1d", "max_pool1d_with_indices",
]  # fmt: skip


def max_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    r"""The largest entry of each window: see `minigrad.nn.MaxPool1d`.

    .. math:: y_{n,c,t} = \max_{k < K} x_{n,c,st + dk - p}

    Parameters
    ----------
    input : Tensor of floats, shape (N, C, L) or (C, L)
    kernel_size : int
        K.
    stride : int, optional
        s. Default: K, so that windows lie side by side.
    padding : int
        p: how far windows reach beyond both ends, where there is nothing; up to K / 2.
    dilation : int
        d.
    ceil_mode : bool
        Whether there is one more window, if it begins within the input and ends behind it.
    return_indices : bool
        Return as well where in the sequence each largest entry is.

    Returns
    -------
    Tensor, shape (N, C, (L + 2 p - d (K - 1) - 1) // s + 1), or without N; or a pair of such

    Raises
    ------
    RuntimeError
        Another number of axes, sizes that are not positive, too much padding, an input shorter than
        the window.

    Examples
    --------
    >>> import minigrad as mg
    >>> max_pool1d(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]), 2)
    tensor([[5., 3.]])
    """
    pair = _largest(input, kernel_size, stride, padding, dilation, ceil_mode)
    if return_indices:
        return pair
    return pair[0] if pair[0].requires_grad else contiguous(pair[0])  # as PyTorch lays them out


def max_pool1d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`max_pool1d`, and where the largest entries are."""
    return _largest(input, kernel_size, stride, padding, dilation, ceil_mode)


def _largest(
    input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Any, Any]:
    name = "max_pool1d"
    check_tensor(name, input)
    shape = input.array.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}"
        )
    kernel = _one_of(name, "kernel_size", kernel_size)
    step = kernel if stride is None else _one_of(name, "stride", stride)
    margin, apart = _one_of(name, "padding", padding), _one_of(name, "dilation", dilation)
    for argument, value in (("kernel_size", kernel), ("stride", step), ("dilation", apart)):
        if value <= 0:
            raise RuntimeError(f"{name}() {argument} must be greater than zero, but got {value}")
    if margin < 0:
        raise RuntimeError(f"{name}() padding must be non-negative, but got {margin}")
    if margin > kernel // 2:
        raise RuntimeError(
            f"{name}() padding should be at most half of kernel size, but got padding={margin} and "
            f"kernel_size={kernel}"
        )
    count = _count(shape[-1], kernel, step, margin, apart, ceil_mode)
    if count <= 0:
        raise RuntimeError(
            f"{name}() Invalid computed output size: {count}: input of shape {list(shape)} is "
            f"shorter than a window, which reaches over {apart * (kernel - 1) + 1} entries"
        )
    check_floats(name, input)
    if (
        apart > 1
        and margin
        and not _all_have_entries(shape[-1], (kernel, step, margin, apart, count))
    ):
        padded = pad(input, (margin, margin), value=-math.inf)
        values, places = ops.max_pool(padded, (kernel, step, 0, apart, count))
        return values, places - margin
    return ops.max_pool(input, (kernel, step, margin, apart, count))


def _all_have_entries(length: int, window: ops.Window) -> bool:
    """Whether each window has an entry, and does not step over the whole input."""
    kernel, stride, padding, dilation, count = window
    places = [range(t * stride - padding, length, dilation)[:kernel] for t in range(count)]
    return all([any([place >= 0 for place in reached]) for reached in places])


def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    r"""The mean of each window: see `minigrad.nn.AvgPool1d`.

    .. math:: y_{n,c,t} = \frac{1}{K} \sum_{k < K} x_{n,c,st + k - p}

    Parameters
    ----------
    input : Tensor of floats, shape (N, C, L) or (C, L)
    kernel_size : int
        K.
    stride : int, optional
        s. Default: K, so that windows lie side by side.
    padding : int
        p: how many zeros stand at both ends; up to K / 2.
    ceil_mode : bool
        Whether there is one more window, if it begins within the input and ends behind it.
    count_include_pad : bool
        False divides by the number of entries without those zeros.

    Returns
    -------
    Tensor, shape (N, C, (L + 2 p - K) // s + 1), or without N

    Raises
    ------
    RuntimeError
        As `max_pool1d`.

    Examples
    --------
    >>> import minigrad as mg
    >>> avg_pool1d(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]), 3, stride=2)
    tensor([[2.6667, 3.0000]])
    """
    name = "avg_pool1d"
    _check_sequences(name, input)
    shape = input.array.shape
    kernel = _one_of(name, "kernel_size", kernel_size)
    step = kernel if stride is None else _one_of(name, "stride", stride)
    margin = _one_of(name, "padding", padding)
    if step <= 0:
        raise RuntimeError(f"{name}: stride should not be zero, nor negative: it is {step}")
    if kernel <= 0:
        raise RuntimeError(f"{name}: kernel size should be greater than zero, but got {kernel}")
    if margin < 0:
        raise RuntimeError(f"{name}: pad must be non-negative, but got pad: {margin}")
    if margin > kernel // 2:
        raise RuntimeError(
            f"{name}: pad should be at most half of effective kernel size, but got pad={margin}, "
            f"kernel_size={kernel} and dilation=1"
        )
    if 0 in shape[-2:]:
        raise RuntimeError(
            f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}"
        )
    count = _count(shape[-1], kernel, step, margin, 1, ceil_mode)
    if count <= 0:
        raise RuntimeError(
            f"{name}: Given input size: ({shape[-2]}x{shape[-1]}). Calculated output size: "
            f"({shape[-2]}x{count}). Output size is too small"
        )
    check_floats(name, input)
    return ops.avg_pool(input, (kernel, step, margin, 1, count), count_include_pad)


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    r"""The means of `output_size` parts of nearly one size.

    .. math:: y_{n,c,t} = \frac{1}{b - a} \sum_{i=a}^{b-1} x_{n,c,i}, \qquad
              a = \lfloor tL / T \rfloor, \quad b = \lceil (t + 1) L / T \rceil

    Parameters
    ----------
    input : Tensor of floats, shape (N, C, L) or (C, L)
    output_size : int
        T.

    Returns
    -------
    Tensor, shape (N, C, T) or (C, T)

    Raises
    ------
    RuntimeError
        Another number of axes, an empty sequence, a negative `output_size`.

    Examples
    --------
    >>> import minigrad as mg
    >>> adaptive_avg_pool1d(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]), 2)
    tensor([[2.6667, 3.0000]])
    """
    return ops.avg_pool(input, _parts("adaptive_avg_pool1d", input, output_size))


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest entries of `output_size` parts of nearly one size: see `adaptive_avg_pool1d`.

    With `return_indices`, a pair: also where in the sequence they are.

    Examples
    --------
    >>> import minigrad as mg
    >>> adaptive_max_pool1d(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]), 2)
    tensor([[5., 4.]])
    """
    pair = ops.max_pool(input, _parts("adaptive_max_pool1d", input, output_size))
    return pair if return_indices else pair[0]


def adaptive_max_pool1d_with_indices(
    input: Any, output_size: Any, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool1d`, and where the largest entries are."""
    return ops.max_pool(input, _parts("adaptive_max_pool1d", input, output_size))


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    r"""The p-norm of each window, signs aside: :math:`(\sum_k x_{n,c,st + k}^p)^{1/p}`.

    Parameters
    ----------
    input : Tensor of floats, shape (N, C, L) or (C, L)
    norm_type : float
        p.
    kernel_size, stride, ceil_mode
        As for `avg_pool1d`.

    Raises
    ------
    RuntimeError
        As `avg_pool1d`.

    Examples
    --------
    >>> import minigrad as mg
    >>> lp_pool1d(mg.tensor([[3.0, 4.0, 5.0, 12.0]]), 2, 2)
    tensor([[ 5., 13.]])
    """
    check_tensor("lp_pool1d", input)
    p = number(norm_type, "lp_pool1d", "norm_type", "float")
    kernel = _one_of("lp_pool1d", "kernel_size", kernel_size)
    mean = avg_pool1d(pow_(input, p), kernel_size, stride, 0, ceil_mode)
    return pow_(sign(mean) * relu(abs_(mean)) * kernel, 1.0 / p)


# ------------------------------------------------------------------------------------------------
# Windows
# ------------------------------------------------------------------------------------------------


def _one_of(name: str, argument: str, value: Any) -> int:
    """The number for the one axis; it may come as a tuple of length 1."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise RuntimeError(
                f"{name}() argument '{argument}' should contain one int (got {len(value)}): it "
                "must be an int, list of ints or tuple of ints of size 1"
            )
        (value,) = value
    return as_int(value, name, argument)


def _count(
    length: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """How many windows there are."""
    free = length + 2 * padding - dilation * (kernel - 1) - 1 + (stride - 1 if ceil_mode else 0)
    count = free // stride + 1
    if ceil_mode and (count - 1) * stride >= length + padding:  # it would begin in the padding
        count -= 1
    return count


def _check_sequences(name: str, input: Any) -> None:
    check_tensor(name, input)
    if input.array.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.array.ndim}-dimensional tensor for "
            f"argument 'input' of {name}, which takes (N, C, L) or (C, L): shape "
            f"{list(input.shape)}"
        )


def _parts(name: str, input: Any, output_size: Any) -> ops.Window:
    """The windows of a division into `output_size` parts."""
    _check_sequences(name, input)
    count = _one_of(name, "output_size", output_size)
    shape = input.array.shape
    if not shape[-1]:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input "
            f"has sizes {list(shape)} with dimension {len(shape) - 1} being empty"
        )
    if count < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received "
            f"{count}"
        )
    check_floats(name, input)
    if count and not shape[-1] % count:
        return shape[-1] // count, shape[-1] // count, 0, 1, count
    return 0, 1, 0, 1, count
