"""Pooling of sequences as layers: largest entries and means of windows, or of parts."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module


def _single(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


class MaxPool1d(Module):
    r"""The largest entry of each window of a sequence.

    .. math:: y_{n,c,t} = \max_{k < K} x_{n,c,st + dk - p}

    With ``kernel_size`` the whole length, this is max-over-time pooling.

    Parameters
    ----------
    kernel_size : int
        K.
    stride : int, optional
        s. Default: K, so that windows lie side by side.
    padding : int
        p: how far windows reach beyond both ends, where there is nothing; up to K / 2.
    dilation : int
        d.
    return_indices : bool
        Return a pair: also where in the sequence each largest entry is. Of equal ones that is the
        first.
    ceil_mode : bool
        Whether there is one more window, if it begins within the input and ends behind it.

    Raises
    ------
    RuntimeError
        In `forward`: another number of axes, sizes that are not positive, too much padding, an
        input shorter than the window.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.MaxPool1d(2)(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]))
    tensor([[5., 3.]])
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        """(N, C, L) or (C, L) to (N, C, T) or (C, T)."""
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool1d(Module):
    r"""The mean of each window of a sequence.

    .. math:: y_{n,c,t} = \frac{1}{K} \sum_{k < K} x_{n,c,st + k - p}

    Parameters
    ----------
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

    Raises
    ------
    RuntimeError
        In `forward`, as `MaxPool1d`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.AvgPool1d(3, stride=2)(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]))
    tensor([[2.6667, 3.0000]])
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = _single(kernel_size if stride is None else stride)
        self.padding = _single(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to (N, C, T) or (C, T)."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class LPPool1d(Module):
    r"""The p-norm of each window of a sequence: :math:`(\sum_k x_{n,c,st + k}^p)^{1/p}`.

    Parameters
    ----------
    norm_type : float
        p: 1 gives sums; the larger p, the nearer to the largest entry.
    kernel_size, stride, ceil_mode
        As for `AvgPool1d`.

    Raises
    ------
    RuntimeError
        In `forward`, as `AvgPool1d`.
    """

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to (N, C, T) or (C, T)."""
        return F.lp_pool1d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AdaptiveAvgPool1d(Module):
    r"""The means of `output_size` parts of a sequence, of nearly one size each.

    Part t reaches from entry :math:`\lfloor tL / T \rfloor` up to :math:`\lceil (t + 1) L / T
    \rceil`.

    Parameters
    ----------
    output_size : int
        T.

    Raises
    ------
    RuntimeError
        In `forward`: another number of axes, an empty sequence, a negative `output_size`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.AdaptiveAvgPool1d(1)(mg.tensor([[1.0, 5.0, 2.0, 3.0, 4.0]]))
    tensor([[3.]])
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to (N, C, T) or (C, T)."""
        return F.adaptive_avg_pool1d(input, self.output_size)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(Module):
    """The largest entries of `output_size` parts of a sequence: see `AdaptiveAvgPool1d`.

    Parameters
    ----------
    output_size : int
        T.
    return_indices : bool
        Return a pair: also where in the sequence each largest entry is.

    Raises
    ------
    RuntimeError
        In `forward`, as `AdaptiveAvgPool1d`.
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        """(N, C, L) or (C, L) to (N, C, T) or (C, T)."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"output_size={self.output_size}"
