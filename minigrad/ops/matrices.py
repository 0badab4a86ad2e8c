"""What torch itself has for matrices beside `linalg`: other products, and older names.

The older names warn where PyTorch's do.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..autograd.errors import stacklevel
from ..autograd.tensor_base import TensorBase, array_of, wrap
from . import linalg, return_types, solving
from .arguments import as_int, checked_axes
from .checked import checked_methods, refuse
from .decompositions import svd as svd_
from .decompositions import svdvals
from .index import diagonal
from .inplace import inplace
from .linalg import matrix_exp
from .matmul import bmm, dot, matmul, mv, outer
from .reduce import sum as sum_
from .shape import expand_error, permute, reshape, transpose
from .solving import check_matrix, cholesky_inverse, cholesky_solve, inv, logdet, mT, pinv

if TYPE_CHECKING:
    from ..tensor import Tensor

# ------------------------------------------------------------------------------------------------
# Products and sums
# ------------------------------------------------------------------------------------------------


def trace(input: Any) -> Tensor:
    """The sum of the diagonal of a matrix."""
    array = array_of(input)
    if array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {array.ndim}")
    if array.dtype.kind == "b":
        raise NotImplementedError("\"trace\" not implemented for 'Bool'")
    return sum_(diagonal(input))


def kron(input: Any, other: Any) -> Tensor:
    """The product of Kronecker: each entry of `input` times the whole of `other`, side by side.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.kron(mg.tensor([1.0, 10.0]), mg.tensor([1.0, 2.0]))
    tensor([ 1.,  2., 10., 20.])
    """
    rank = max(array_of(input).ndim, array_of(other).ndim)
    a, b = [(1,) * (rank - array_of(x).ndim) + array_of(x).shape for x in (input, other)]
    wide_a = reshape(input, [n for size in a for n in (size, 1)])
    wide_b = reshape(other, [n for size in b for n in (1, size)])
    return reshape(wide_a * wide_b, [m * n for m, n in zip(a, b)])


def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """The products of the entries of two tensors, summed along pairs of axes.

    Parameters
    ----------
    a, b : Tensor
    dims : int or pair of lists of ints
        So many of the last axes of `a`, in order, and of the first of `b`; or which axes of `a`,
        and which of `b`.

    Returns
    -------
    Tensor
        Its axes are those of `a` that are left, then those of `b`.
    """
    x, y = array_of(a), array_of(b)
    if isinstance(dims, TensorBase):
        dims = cast(Any, dims).tolist()
    if isinstance(dims, (tuple, list)):
        pairs = [[d] if isinstance(d, int) else list(d) for d in dims]
        if len(pairs) != 2:
            raise RuntimeError(f"tensordot expects dims to be int or two lists, but got {dims}")
        if len(pairs[0]) != len(pairs[1]):
            raise RuntimeError("both dimension lists should have same length")
        of_a, of_b = checked_axes(pairs[0], x.ndim), checked_axes(pairs[1], y.ndim)
    else:
        count = as_int(dims, "tensordot", "dims")
        if count < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={count}")
        if count > min(x.ndim, y.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={count}")
        of_a, of_b = tuple(range(x.ndim - count, x.ndim)), tuple(range(count))
    if x.dtype != y.dtype:
        raise RuntimeError("both inputs should have same dtype")
    for k, m in zip(of_a, of_b):
        if x.shape[k] != y.shape[m]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {x.shape[k]} in dim {k} "
                f"and second has size {y.shape[m]} in dim {m}"
            )
    left = [k for k in range(x.ndim) if k not in of_a]
    right = [k for k in range(y.ndim) if k not in of_b]
    summed = math.prod([x.shape[k] for k in of_a])
    shapes = [x.shape[k] for k in left], [y.shape[k] for k in right]
    rows = reshape(permute(a, (*left, *of_a)), (math.prod(shapes[0]), summed))
    columns = reshape(permute(b, (*of_b, *right)), (summed, math.prod(shapes[1])))
    return reshape(matmul(rows, columns), (*shapes[0], *shapes[1]))


def inner(input: Any, other: Any) -> Tensor:
    """The sums of products along the last axes of both; of a number, the product."""
    x, y = array_of(input), array_of(other)
    if not x.ndim or not y.ndim:
        return input * other
    if x.shape[-1] != y.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


def vdot(input: Any, other: Any) -> Tensor:
    """`dot`, of which the first would be conjugated, if it were complex."""
    return dot(input, other)


def ger(input: Any, vec2: Any) -> Tensor:
    """The old name of `outer`."""
    return outer(input, vec2)


def _sum(input: Any, product: Any, beta: float, alpha: float) -> Any:
    scaled = product if alpha == 1 else product * alpha
    return scaled + (input if beta == 1 else input * beta) if beta else scaled


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * (mat @ vec)``; with ``beta=0``, `input` is not looked at."""
    shapes = [array_of(x).shape for x in (input, mat, vec)]
    if len(shapes[1]) != 2 or len(shapes[2]) != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {len(shapes[0])}, {len(shapes[1])}, "
            f"{len(shapes[2])}"
        )
    if shapes[1][1] != shapes[2][0] or shapes[0] not in ((), (1,), (shapes[1][0],)):
        raise RuntimeError(
            "size mismatch, got input ({}), mat ({}), vec ({})".format(
                *["x".join(map(str, shape)) for shape in shapes]
            )
        )
    return _sum(input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * outer(vec1, vec2)``."""
    product = outer(vec1, vec2)
    _check_expands(input, product.shape)
    return _sum(input, product, beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * (batch1[0] @ batch2[0] + batch1[1] @ batch2[1] + ...)``."""
    product = sum_(bmm(batch1, batch2), 0)
    _check_expands(input, product.shape)
    return _sum(input, product, beta, alpha)


def _check_expands(input: Any, shape: tuple[int, ...]) -> None:
    old = array_of(input).shape
    if len(old) > len(shape) or any(m not in (1, n) for m, n in zip(old[::-1], shape[::-1])):
        raise RuntimeError(expand_error(old, tuple(shape)))


# ------------------------------------------------------------------------------------------------
# Older names for what is in linalg
# ------------------------------------------------------------------------------------------------


def _old(name: str) -> None:
    warnings.warn(
        f"torch.{name} is deprecated in favor of torch.linalg.{name} and will be removed in a "
        "future PyTorch release.",
        UserWarning,
        stacklevel=stacklevel(),
    )


def matrix_power(input: Any, n: int) -> Tensor:
    """`linalg.matrix_power`."""
    return linalg.matrix_power(input, n)


def inverse(input: Any) -> Tensor:
    """The inverse of square matrices: `linalg.inv`."""
    return inv(input)


def pinverse(input: Any, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse: `linalg.pinv` with another default for `rcond`."""
    return pinv(input, rcond)


def det(input: Any) -> Tensor:
    """The determinant of square matrices: `linalg.det`."""
    return solving.det(input)


def slogdet(input: Any) -> return_types.slogdet:
    """The determinant as the pair ``(sign, logabsdet)``: `linalg.slogdet`."""
    return return_types.slogdet(*solving.slogdet(input))


def cholesky(input: Any, upper: bool = False) -> Tensor:
    """`linalg.cholesky`; warns that it is old."""
    _old("cholesky")
    return solving.cholesky(input, upper=upper)


def qr(input: Any, some: bool = True) -> return_types.qr:
    """``linalg.qr(input, "reduced" if some else "complete")``; warns that it is old."""
    _old("qr")
    return return_types.qr(*linalg.qr(input, "reduced" if some else "complete"))


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> return_types.svd:
    """``U, S, V`` with ``input = U diag(S) V^T``: V, and not its transpose as from `linalg.svd`."""
    if not compute_uv:
        m, n = check_matrix("linalg.svd", input).shape[-2:]
        kind, batch = array_of(input).dtype, array_of(input).shape[:-2]
        zeros = [wrap(np.zeros((*batch, k, k), kind)) for k in (m, n)]
        return return_types.svd(zeros[0], svdvals(input), zeros[1])
    U, S, Vh = svd_(input, not some)
    return return_types.svd(U, S, mT(Vh))


def _warn_of_lu(name: str, instead: str) -> None:
    warnings.warn(
        f"torch.{name} is deprecated in favor of {instead} and will be removed in a future PyTorch "
        "release.",
        UserWarning,
        stacklevel=stacklevel(),
    )


def lu(input: Any, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """`linalg.lu_factor`, or with `get_infos` `linalg.lu_factor_ex`; warns that it is old."""
    _warn_of_lu("lu", "torch.linalg.lu_factor / torch.linalg.lu_factor_ex")
    found = linalg.lu_factor_ex(input, pivot=pivot)
    return return_types._lu_with_info(*found) if get_infos else (found.LU, found.pivots)


def lu_solve(input: Any, LU_data: Any, LU_pivots: Any) -> Tensor:
    """`linalg.lu_solve` of its arguments in another order; warns that it is old."""
    _warn_of_lu("lu_solve", "torch.linalg.lu_solve, whose arguments are (LU, pivots, B),")
    return linalg.lu_solve(LU_data, LU_pivots, input)


def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """`linalg.cross`; without `dim` along the first axis of three entries, with a warning."""
    if dim is None:
        warnings.warn(
            "Using torch.cross without specifying the dim arg is deprecated. Please either pass "
            "the dim explicitly or simply use torch.linalg.cross, whose default is the last axis.",
            UserWarning,
            stacklevel=stacklevel(),
        )
        if 3 not in array_of(input).shape:
            raise RuntimeError(
                f"no dimension of size 3 in input: its shape is {list(array_of(input).shape)}"
            )
        dim = array_of(input).shape.index(3)
    return linalg.cross(input, other, dim=dim)


def chain_matmul(*matrices: Any) -> Tensor:
    """`linalg.multi_dot` of its arguments; warns that it is old."""
    warnings.warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use "
        "torch.linalg.multi_dot instead, which accepts a list of two or more tensors.",
        UserWarning,
        stacklevel=stacklevel(),
    )
    for k, x in enumerate(matrices):
        if not isinstance(x, TensorBase):
            raise refuse("chain_matmul", "matrices", k + 1, x)
    return matrices[0] if len(matrices) == 1 else linalg.multi_dot(matrices)


@checked_methods
class Methods:
    """What of this page is a method of tensors as well."""

    __slots__ = ()

    trace, kron, inner, vdot, ger = trace, kron, inner, vdot, ger
    addmv, addr, addbmm = addmv, addr, addbmm
    addmv_, addr_, addbmm_ = inplace(addmv), inplace(addr), inplace(addbmm)
    inverse, pinverse, det, slogdet, logdet = inverse, pinverse, det, slogdet, logdet
    cholesky, qr, svd, cross = cholesky, qr, svd, cross
    cholesky_solve, cholesky_inverse = cholesky_solve, cholesky_inverse
    lu, lu_solve = lu, lu_solve
    matrix_exp, matrix_power = matrix_exp, matrix_power

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two axes swapped."""
        rank = array_of(self).ndim
        if rank == 1:
            raise RuntimeError(
                "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor."
            )
        return transpose(self, -2, -1) if rank else self  # type: ignore[return-value]

    @property
    def mH(self) -> Tensor:
        """`mT`, whose entries would be conjugated, if they were complex."""
        return self.mT

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix, whose entries would be conjugated, if they were complex."""
        rank = array_of(self).ndim
        if rank not in (0, 2):
            raise RuntimeError(
                f"tensor.H is only supported on matrices (2-D tensors). Got {rank}-D tensor."
                + (" For batches of matrices, consider using tensor.mH" if rank > 2 else "")
            )
        return transpose(self, 0, 1) if rank else self  # type: ignore[return-value]

    def adjoint(self) -> Tensor:
        """`mH`."""
        return self.mH


def adjoint(input: Any) -> Tensor:
    """The tensor with its last two axes swapped: ``input.mH``."""
    return input.mH
