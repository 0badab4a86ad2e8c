"""Linear algebra: `minigrad.linalg`, norms and the decompositions that initialisations are made of.

The norms are differentiable; `qr` and `svd` say so if somebody wants a gradient of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.engine import edges_if_recording
from ..autograd.tensor_base import array_of, wrap
from .checked import publish
from .elementwise import abs as abs_
from .matmul import matmul
from .order import amax, amin
from .reduce import norm as norm_along
from .reduce import sum as sum_
from .return_types import linalg_qr, linalg_svd

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["matmul", "norm", "qr", "svd", "svdvals", "vector_norm"]


def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    r"""The norm :math:`(\sum |x|^p)^{1/p}` with p = `ord`, along `dim` or of all entries."""
    return norm_along(x, ord, dim, keepdim, dtype)


def norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """A vector norm or a matrix norm, as `ord` and the number of axes say.

    Parameters
    ----------
    A : Tensor
    ord : float or "fro", optional
        Of vectors (one axis) any order; of matrices (two axes) "fro", inf (the largest row sum of
        absolute values), 1 (the largest column sum), -inf and -1 (the smallest). Default: the
        square root of the sum of squares, of all entries if `dim` is not given.
    dim : int or pair of ints, optional
        The axis of the vectors or the axes of the matrices.

    Raises
    ------
    RuntimeError
        Another `ord` of matrices.
    """
    rank = array_of(A).ndim
    pair = dim if dim is not None else tuple(range(rank))
    if ord is None or ord == "fro" or isinstance(pair, int) or len(pair) == 1:
        return vector_norm(A, 2 if ord in (None, "fro") else ord, dim, keepdim, dtype=dtype)
    if len(pair) != 2 or ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(
            f"linalg.norm: order {ord!r} of a tensor with shape {list(array_of(A).shape)} along "
            f"dim={dim} is not supported; of matrices 'fro', 1, -1, inf and -inf are"
        )
    first, second = [d % rank for d in pair]
    summed, compared = (first, second) if ord in (1, -1) else (second, first)
    sums = sum_(abs_(A), summed, keepdim, dtype=dtype)
    compared -= 0 if keepdim or compared < summed else 1
    return (amax if ord > 0 else amin)(sums, compared, keepdim)


def _without_graph(name: str, A: Any) -> np.ndarray:
    if edges_if_recording((A,)) is not None:
        raise NotImplementedError(
            f"linalg.{name} has no gradient here: call it under no_grad(), or on A.detach()"
        )
    array = array_of(A)
    if array.dtype.kind != "f" or array.ndim < 2:
        raise RuntimeError(
            f"linalg.{name}: The input tensor A must have at least 2 dimensions and be of a "
            f"floating point type, but has shape {list(array.shape)} and type {array.dtype}"
        )
    return array


def qr(A: Any, mode: str = "reduced") -> linalg_qr:
    """The factors Q and R of matrices.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    mode : "reduced", "complete" or "r"
        Q has min(m, n) columns, or m; or only R is computed.
    """
    array = _without_graph("qr", A)
    if mode == "r":
        return linalg_qr(wrap(np.empty(0, array.dtype)), wrap(np.linalg.qr(array, "r")))
    if mode not in ("reduced", "complete"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' "
                           "(default), 'r', or 'complete'")  # fmt: skip
    q, r = np.linalg.qr(array, mode)  # type: ignore[call-overload]
    return linalg_qr(wrap(q), wrap(r))


def svd(A: Any, full_matrices: bool = True) -> linalg_svd:
    """The singular value decomposition of matrices."""
    return linalg_svd(*map(wrap, np.linalg.svd(_without_graph("svd", A), full_matrices)))


def svdvals(A: Any) -> Tensor:
    """The singular values of matrices, in descending order."""
    return wrap(np.linalg.svd(_without_graph("svdvals", A), compute_uv=False))


publish(globals(), ("matmul", "norm", "qr", "svd", "svdvals", "vector_norm"))
