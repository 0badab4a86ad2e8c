"""Padding of sequences as layers: each names what is added before and after."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .functional.arguments import check_tensor
from .module import Module


class _Pad(Module):
    """What all share: how many entries are added before and after."""

    padding: tuple[int, ...]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * 2

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """Adds entries of a value before and after each sequence.

    Parameters
    ----------
    padding : int or pair of int
        How many before and after; negative numbers take entries away.
    value : float

    Raises
    ------
    RuntimeError
        In `forward`, if more entries are taken away than there are.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.ConstantPad1d((1, 2), 7.0)(mg.tensor([[1.0, 2.0]]))
    tensor([[7., 1., 2., 7., 7.]])
    """

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Tensor:
        """(..., L) to (..., L + before + after)."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(ConstantPad1d):
    """Adds zeros before and after each sequence: see `ConstantPad1d`."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"{self.padding}"


class ReflectionPad1d(_Pad):
    """Mirrors each sequence at both ends, without repeating the ends themselves.

    Parameters
    ----------
    padding : int or pair of int
        How many entries before and after; fewer than there are.

    Raises
    ------
    RuntimeError
        In `forward`, if sequences are too short.
    NotImplementedError
        In `forward`, if the input has neither 2 nor 3 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.ReflectionPad1d(2)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2., 1.]])
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to the same with L + before + after."""
        return F.pad(input, self.padding, "reflect")


class ReplicationPad1d(_Pad):
    """Repeats the first and the last entry of each sequence.

    Parameters
    ----------
    padding : int or pair of int
        How many entries before and after.

    Raises
    ------
    RuntimeError
        In `forward`, if sequences are empty.
    NotImplementedError
        In `forward`, if the input has neither 2 nor 3 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.ReplicationPad1d((2, 1))(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 1., 2., 3., 3.]])
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to the same with L + before + after."""
        return F.pad(input, self.padding, "replicate")


class CircularPad1d(_Pad):
    """Goes on with each sequence at its other end.

    Parameters
    ----------
    padding : int or pair of int
        How many entries before and after; no more than there are.

    Raises
    ------
    RuntimeError
        In `forward`, if sequences are too short.
    ValueError
        In `forward`, if the input has neither 2 nor 3 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.CircularPad1d((2, 1))(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 1., 2., 3., 1.]])
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to the same with L + before + after."""
        check_tensor("pad", input)
        rank = len(input.shape)
        if rank not in (2, 3):
            raise ValueError(f"CircularPad1d: expected 2D or 3D input (got {rank}D input)")
        return F.pad(input, self.padding, "circular")
