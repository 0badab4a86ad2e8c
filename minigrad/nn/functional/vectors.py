"""Lengths of vectors, distances and angles between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...arrays import dtypes
from ...ops.arguments import checked_axis
from ...ops.cast import cast
from ...ops.elementwise import clamp, mul, sub
from ...ops.reduce import norm
from ...ops.values import number
from .arguments import check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor


def normalize(
    input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Tensor:
    r"""Vectors of length 1: :math:`x / \max(\|x\|_p, \epsilon)` along `dim`.

    Parameters
    ----------
    input : Tensor of floats, any shape
    p : float
        Which norm.
    dim : int or tuple of int
        The axes that make up a vector.
    eps : float
        A vector shorter than this is divided by `eps` instead of by its length.
    out : Tensor, optional
        Where to write the result.

    Raises
    ------
    IndexError
        There is no such axis.
    RuntimeError
        `input` is not floating point.

    Examples
    --------
    >>> import minigrad as mg
    >>> normalize(mg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    check_tensor("normalize", input)
    for axis in dim if isinstance(dim, (tuple, list)) else (dim,):
        checked_axis(axis, input.array.ndim)
    result = input / clamp(norm(input, p, dim, keepdim=True), min=eps)
    return result if out is None else out.copy_(result)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    r"""The cosine of the angle between vectors:
    :math:`x_1 \cdot x_2 / (\max(\|x_1\|, \epsilon) \max(\|x_2\|, \epsilon))`.

    Parameters
    ----------
    x1, x2 : Tensor
        Shapes that can be broadcast against each other.
    dim : int
        The axis (of the common shape) that makes up a vector; it disappears.
    eps : float
        A length below this counts as `eps`.

    Raises
    ------
    RuntimeError
        Shapes that cannot be broadcast; neither argument is floating point.
    IndexError
        There is no such axis.

    Examples
    --------
    >>> import minigrad as mg
    >>> cosine_similarity(mg.tensor([1.0, 0.0]), mg.tensor([1.0, 1.0]), dim=0)
    tensor(0.7071)
    """
    check_tensor("cosine_similarity", x1, "x1")
    check_tensor("cosine_similarity", x2, "x2")
    eps = number(eps, "cosine_similarity", "eps", "float")
    if eps < 0:
        raise RuntimeError(f"cosine_similarity: eps must be non-negative, got: {eps}")
    if "f" not in (x1.array.dtype.kind, x2.array.dtype.kind):
        raise RuntimeError(
            "cosine_similarity: expected common dtype to be floating point, but got "
            f"{x1.dtype} and {x2.dtype}"
        )
    kind = dtypes.promote(x1.array.dtype, x2.array.dtype)  # (a 0-d tensor counts like any other)
    x1, x2 = [x if x.array.dtype == kind else cast(x, kind) for x in (x1, x2)]
    rank = max(x1.array.ndim, x2.array.ndim)
    axis = checked_axis(dim, rank) - rank  # from the back: where broadcasting leaves the axes alone
    if not rank:
        return mul(_directed(x1, None, eps), _directed(x2, None, eps))
    if min(x1.array.ndim, x2.array.ndim) < -axis:
        x1, x2 = [x.reshape((1,) * (rank - x.array.ndim) + x.array.shape) for x in (x1, x2)]
    size = max(x1.array.shape[axis], x2.array.shape[axis])
    x1, x2 = [_widened(x, axis, size) for x in (x1, x2)]
    return mul(_directed(x1, axis, eps), _directed(x2, axis, eps)).sum(axis)


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    r"""The distance between vectors along the last axis: :math:`\|x_1 - x_2 + \epsilon\|_p`.

    Parameters
    ----------
    x1, x2 : Tensor
        Shapes that can be broadcast against each other, (N, D) or (D,).
    p : float
        Which norm.
    eps : float
        Added to each difference, so that the slope of the root is finite between equal vectors.
    keepdim : bool
        Leave the last axis in place, with size 1.

    Raises
    ------
    RuntimeError
        Shapes that cannot be broadcast; neither argument is floating point.

    Examples
    --------
    >>> import minigrad as mg
    >>> pairwise_distance(mg.tensor([[1.0, 5.0]]), mg.tensor([[4.0, 1.0]]))
    tensor([5.])
    """
    check_tensor("pairwise_distance", x1, "x1")
    check_tensor("pairwise_distance", x2, "x2")
    eps = number(eps, "pairwise_distance", "eps", "float")
    return norm(sub(x1, x2) + eps, p, -1, keepdim=keepdim)


def _directed(x: Any, axis: int | None, eps: float) -> Any:
    return x / clamp(norm(x, 2, axis, keepdim=True), min=eps)


def _widened(x: Any, axis: int, size: int) -> Any:
    """`x` with the axis that vectors lie along broadcast, before lengths are taken."""
    if x.array.shape[axis] != 1:
        return x
    shape = list(x.array.shape)
    shape[axis] = size
    return x.expand(shape)
