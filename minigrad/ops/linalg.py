"""Linear algebra: the room `minigrad.linalg` is gathered here.

`decompositions` and `solving` beside this file have what NumPy computes, `lu` what it does not;
here are norms, powers and products, which are made of other operations. Everything has gradients,
of any order, but for ranks and `eig`. All take stacks of matrices: the leading axes are theirs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import array_of, wrap
from .arguments import checked_axes, checked_axis
from .cast import cast
from .checked import publish
from .decompositions import eig, eigh, eigvals, eigvalsh, qr, svd, svdvals
from .elementwise import abs as abs_
from .elementwise import where
from .index import diagonal as diagonal_
from .join import cat
from .lu import lu, lu_factor, lu_factor_ex, lu_solve
from .makers import broadcast_error
from .matmul import matmul, mm
from .order import amax, amin
from .reduce import norm as norm_along
from .reduce import sum as sum_
from .scan import cumprod
from .shape import broadcast_to, movedim, reshape, roll, squeeze, unsqueeze
from .solving import (
    LinAlgError,
    check_matrix,
    check_square,
    cholesky,
    cholesky_ex,
    det,
    identity,
    inv,
    inv_ex,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)  # fmt: skip

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh",
    "eigvals", "eigvalsh", "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve",
    "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "tensorinv",
    "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------
# Norms
# ------------------------------------------------------------------------------------------------


def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    r"""The norm :math:`(\sum |x|^p)^{1/p}` with p = `ord`, along `dim` or of all entries."""
    return norm_along(x, ord, dim, keepdim, dtype)


def matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of matrices.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    ord : "fro", "nuc", inf, -inf, 1, -1, 2 or -2
        The root of the sum of squares; the sum of the singular values; the largest (or smallest)
        sum of absolute values of a row, or of a column (1, -1); the largest or smallest singular
        value.
    dim : pair of ints
        The axes of the matrices.

    Raises
    ------
    RuntimeError
        Another `ord`, or `dim` is no pair of different axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> A = mg.tensor([[3.0, 0.0], [0.0, -4.0]])
    >>> [mg.linalg.matrix_norm(A, ord).item() for ord in ("fro", "nuc", 2, 1)]
    [5.0, 7.0, 4.0, 4.0]
    """
    name, rank = "linalg.matrix_norm", array_of(A).ndim
    if rank < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {dim}")
    first, second = (checked_axis(d, rank) for d in dim)
    if first == second:
        raise RuntimeError(f"{name}: dims must be different. Got {tuple(dim)}")
    if ord not in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    if dtype is not None:
        A = cast(A, dtypes.to_numpy(dtype))
    if ord == "fro":
        return norm_along(A, 2, (first, second), keepdim)
    if array_of(A).dtype.kind != "f":
        check_matrix(name, A)
    if ord in ("nuc", 2, -2):
        values = svdvals(movedim(A, (first, second), (-2, -1)))
        result = sum_(values, -1) if ord == "nuc" else (amax if ord > 0 else amin)(values, -1)
        axes = sorted((first, second))
        return unsqueeze(unsqueeze(result, axes[0]), axes[1]) if keepdim else result
    summed, compared = (first, second) if ord in (1, -1) else (second, first)
    sums = sum_(abs_(A), summed, keepdim)
    compared -= 0 if keepdim or compared < summed else 1
    return (amax if ord > 0 else amin)(sums, compared, keepdim)


def norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """A vector norm or a matrix norm, as `ord` and the number of axes say.

    Parameters
    ----------
    A : Tensor
    ord : float or str, optional
        Of vectors (one axis) any order; of matrices (two axes) those of `matrix_norm`. Default: the
        square root of the sum of squares, of all entries if `dim` is not given.
    dim : int or pair of ints, optional
        The axis of the vectors or the axes of the matrices.

    Raises
    ------
    RuntimeError
        `ord` is given, and there are neither one axis nor two; or another order of matrices.
    """
    rank = array_of(A).ndim
    if dim is not None and not isinstance(dim, int) and len(dim) > 2:
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
        )
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and rank not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{rank}D."
        )
    axes = tuple(range(rank)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if len(axes) == 1 and not isinstance(ord, str):
        return vector_norm(A, ord, axes, keepdim, dtype=dtype)
    return matrix_norm(A, ord, axes, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None) -> Tensor:
    """The condition number, ``norm(A, p) * norm(inv(A), p)``; inf of singular matrices.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
        Square, unless `p` is 2 or -2.
    p : optional
        As `ord` of `matrix_norm`. Default: 2, the largest singular value over the smallest.
    """
    check_matrix("linalg.cond", A, "input")
    if p in (None, 2, -2):
        S = svdvals(A)
        if not S.shape[-1]:
            return sum_(S, -1)
        largest, least = S[..., 0], S[..., -1]
        return least / largest if p == -2 else largest / least
    check_square("linalg.cond", A)
    inverse, info = inv_ex(A)
    product = matrix_norm(A, p) * matrix_norm(inverse, p)
    return where(info != 0, math.inf, product)


# ------------------------------------------------------------------------------------------------
# Powers and products
# ------------------------------------------------------------------------------------------------


def matrix_power(A: Any, n: int) -> Tensor:
    """The product of `n` times the same square matrix; of a negative `n`, of its inverse."""
    if not isinstance(n, (int, np.integer)):
        raise TypeError(
            f"matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    array = array_of(A)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        check_square("linalg.matrix_power", A)
    if n < 0:
        A, n = inv(A), -n
    if not n:
        return where(np.ones((), bool), wrap(identity(array.shape[-1], array.dtype)), A)
    square, result = A, None
    while True:  # by the bits of n: A, A^2, A^4, ...
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if not n:
            return result  # type: ignore[return-value]
        square = matmul(square, square)


TERMS = 14  # of the series: where the norm is below 1/2, the rest is below 1e-17


def matrix_exp(A: Any) -> Tensor:
    r"""The exponential :math:`\sum_k A^k / k!` of square matrices.

    The series of :math:`A / 2^s`, whose norm is below 1/2, squared s times.
    """
    if is_listening():
        return heard(matrix_exp, (A,), {})
    array = check_square("linalg.matrix_exp", A)
    size = float(np.abs(array).sum(-2).max(initial=0))
    halvings = max(0, math.frexp(size)[1] + 1) if math.isfinite(size) else 0
    small = A / 2.0**halvings
    result = one = wrap(identity(array.shape[-1], array.dtype))
    for k in range(TERMS, 0, -1):  # 1 + A (1 + A/2 (1 + A/3 (...)))
        result = one + matmul(small, result) / k
    for _ in range(halvings):
        result = matmul(result, result)
    return result


def multi_dot(tensors: Sequence[Any]) -> Tensor:
    """The product of several matrices, in the order that takes the fewest multiplications.

    The first and the last may be vectors. Cormen et al., Introduction to Algorithms, on chains of
    matrices.
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    last = len(tensors) - 1
    for k, x in enumerate(tensors):
        if x.ndim != 2 and not (x.ndim == 1 and k in (0, last)):
            wanted = "1D or 2D" if k in (0, last) else "2D"
            raise RuntimeError(f"multi_dot(): tensor {k} must be {wanted} but got {x.ndim}D")
    chain = list(tensors)
    chain[0] = unsqueeze(chain[0], 0) if chain[0].ndim == 1 else chain[0]
    chain[-1] = unsqueeze(chain[-1], 1) if chain[-1].ndim == 1 else chain[-1]
    for k in range(last):
        if chain[k].shape[1] != chain[k + 1].shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {k} and {k + 1} with shapes {list(tensors[k].shape)} and "
                f"{list(tensors[k + 1].shape)} cannot be multiplied"
            )
    sizes = [x.shape[0] for x in chain] + [chain[-1].shape[1]]

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """The cost of the product of matrices i to j, and behind which to cut it."""
        if i == j:
            return 0, i
        return min(
            (best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
            for k in range(i, j)
        )

    def product(i: int, j: int) -> Any:
        k = best(i, j)[1]
        return chain[i] if i == j else mm(product(i, k), product(k + 1, j))

    result = product(0, last)
    result = squeeze(result, 0) if tensors[0].ndim == 1 else result
    return squeeze(result, -1) if tensors[-1].ndim == 1 else result


def cross(input: Any, other: Any, *, dim: int = -1) -> Tensor:
    """The vector product of vectors of three entries, which lie along `dim`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.linalg.cross(mg.tensor([1.0, 0.0, 0.0]), mg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    a, b = array_of(input), array_of(other)
    if a.ndim != b.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = checked_axis(dim, a.ndim)
    if not a.ndim or a.shape[axis] != 3 or b.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got "
            f"{a.shape[axis] if a.ndim else 0} and {b.shape[axis] if b.ndim else 0}"
        )
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise broadcast_error(a, b, error) from None
    x, y = broadcast_to(input, shape), broadcast_to(other, shape)
    return roll(x, -1, axis) * roll(y, -2, axis) - roll(x, -2, axis) * roll(y, -1, axis)


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """The sums of ``x * y`` along `dim`, after broadcasting."""
    return sum_(x * y, dim)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, a view: `minigrad.diagonal` of the last two axes."""
    return diagonal_(A, offset, dim1, dim2)


def vander(x: Any, *, N: int | None = None) -> Tensor:
    """The matrix of the powers ``x**0, x**1, ..., x**(N - 1)`` of each entry, a row each.

    `N` is the length of `x` if not given.
    """
    shape = array_of(x).shape
    if not shape or (N is not None and N <= 0):
        raise RuntimeError(
            f"linalg.vander: x must have an axis, and N be greater than 1: got {list(shape)}, {N}"
        )
    n = shape[-1] if N is None else N
    x = cast(x, dtypes.INT64) if array_of(x).dtype.kind in "bui" else x
    ones = wrap(np.ones((*shape, 1), array_of(x).dtype))
    powers = broadcast_to(unsqueeze(x, -1), (*shape, n - 1))
    return cumprod(cat([ones, powers], -1), -1)


def tensorinv(A: Any, ind: int = 2) -> Tensor:
    """The inverse of `A` as a matrix whose columns are its axes from `ind` on."""
    shape = array_of(A).shape
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {columns} != {rows}"
        )
    return reshape(inv(reshape(A, (rows, columns))), (*shape[ind:], *shape[:ind]))


def tensorsolve(A: Any, B: Any, dims: Any = None) -> Tensor:
    """The X with ``tensordot(A, X, X.ndim) = B``; the axes `dims` of `A` are moved to its end."""
    if dims is not None:
        axes = checked_axes(dims, array_of(A).ndim)
        A = movedim(A, axes, tuple(range(-len(axes), 0)))
    shape, size = array_of(A).shape, math.prod(array_of(B).shape)
    inner = shape[array_of(B).ndim :]
    if math.prod(inner) != size:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {math.prod(inner)} != {size}"
        )
    solution = solve(reshape(A, (size, size)), reshape(B, (size,)))
    return reshape(solution, inner)


publish(globals(), [name for name in __all__ if name != "LinAlgError"])
