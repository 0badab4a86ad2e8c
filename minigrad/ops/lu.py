r"""Triangular factors of any matrix, by elimination with rows exchanged: :math:`A = P L U`.

P has a 1 in each row and column, L ones on its diagonal and nothing above, U nothing below. NumPy
has no such function, so the elimination is written out here, a column at a time. Of the rows that
are left, the one whose entry in the column is largest comes next; `pivots` says which row, counted
from 1, was exchanged with each. L and U are kept in one matrix, L without its ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .index import narrow, take_along_dim
from .join import cat
from .matmul import matmul
from .return_types import linalg_lu, linalg_lu_factor, linalg_lu_factor_ex
from .return_types import lu_unpack as Unpacked
from .shape import broadcast_to, tril, triu
from .solving import check_square, identity, mT, substituted

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["lu", "lu_factor", "lu_factor_ex", "lu_solve", "lu_unpack"]

ndarray = np.ndarray


def _eliminated(A: ndarray) -> tuple[ndarray, ndarray]:
    """L and U in one matrix, and which row came next at each step."""
    packed = A.copy()
    chosen = np.empty((*A.shape[:-2], min(A.shape[-2:])), np.int64)
    for place in np.ndindex(A.shape[:-2]):
        rest = packed[place]
        for k in range(chosen.shape[-1]):
            row = k + int(np.argmax(np.abs(rest[k:, k])))
            chosen[place][k] = row
            rest[[k, row]] = rest[[row, k]]
            if rest[k, k] != 0:  # else the whole column is 0
                rest[k + 1 :, k] /= rest[k, k]
            rest[k + 1 :, k + 1 :] -= rest[k + 1 :, k, None] * rest[k, None, k + 1 :]
    return packed, chosen


def _order(chosen: ndarray, m: int) -> ndarray:
    """The rows of the matrix in the order in which exchanges, one after the other, bring them."""
    order = np.broadcast_to(np.arange(m), (*chosen.shape[:-1], m)).copy()
    for place in np.ndindex(chosen.shape[:-1]):
        rows = order[place]
        for k, row in enumerate(chosen[place].tolist()):
            rows[[k, row]] = rows[[row, k]]
    return order


def _lower(packed: Any) -> Any:
    """L, from the matrix that has both: its first columns below the diagonal, and ones."""
    m, n = packed.shape[-2:]
    ones = np.eye(m, min(m, n), dtype=array_of(packed).dtype)
    return tril(narrow(packed, -1, 0, min(m, n)), -1) + ones


def _upper(packed: Any) -> Any:
    return triu(narrow(packed, -2, 0, min(packed.shape[-2:])))


def _slope(g: Any, packed: Any) -> Any:
    """L^-T (lower(L^T G) + upper(H U^T)) U^-T for a square matrix, with G and H the gradient g.

    What a matrix has beyond its square is L' = A' U^-1 of more rows, or U' = L^-1 A' of more
    columns; of these, G or H takes what flows to L or U.
    """
    m, n = packed.shape[-2:]
    k = min(m, n)
    square = narrow(narrow(packed, -2, 0, k), -1, 0, k)
    L, U = _lower(square), _upper(square)
    to_L = to_U = narrow(narrow(g, -2, 0, k), -1, 0, k)

    def over_U(x: Any) -> Any:  # x U^-T
        return mT(substituted(U, mT(x), True))

    beyond = None
    if m > n:
        beyond = over_U(narrow(g, -2, k, m - k))
        to_U = to_U - matmul(mT(narrow(packed, -2, k, m - k)), beyond)
    elif n > m:
        beyond = substituted(mT(L), narrow(g, -1, k, n - k), True)
        to_L = to_L - matmul(beyond, mT(narrow(packed, -1, k, n - k)))
    inner = tril(matmul(mT(L), to_L), -1) + triu(matmul(to_U, mT(U)))
    result = over_U(substituted(mT(L), inner, True))
    return result if beyond is None else cat([result, beyond], -2 if m > n else -1)


# of rows in the order that was found while they were eliminated: with the result of that
_packed = primitive("linalg_lu_factor_ex", lambda A, found: found,
                    A=lambda g, y: _slope(g, y))  # fmt: skip


def _factored(name: str, A: Any, pivot: bool) -> tuple[Any, ndarray]:
    """L and U in one tensor, and which row came next at each step."""
    array = array_of(A)
    if array.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(array.shape)} "
            "instead"
        )
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        kind = dtypes.legacy_name(array.dtype)
        raise NotImplementedError(f"{name}: \"lu_cpu\" not implemented for '{kind}'")
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    found, chosen = _eliminated(array)
    rows = wrap(np.broadcast_to(_order(chosen, array.shape[-2])[..., None], array.shape))
    return _packed(take_along_dim(A, rows, -2), found), chosen


def lu(A: Any, *, pivot: bool = True) -> linalg_lu:
    r"""The factors P, L and U of matrices: :math:`A = P L U`.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    pivot : bool
        Exchange rows. Only True, as in PyTorch on a CPU.

    Returns
    -------
    (P, L, U)
        Of shapes (..., m, m), (..., m, k) and (..., k, n) with k = min(m, n). L and U have
        gradients, where A has full rank.

    Raises
    ------
    RuntimeError
        `A` is no matrix, or not `pivot`.
    NotImplementedError
        `A` is not of float32 or float64.

    Examples
    --------
    >>> import minigrad as mg
    >>> P, L, U = mg.linalg.lu(mg.tensor([[1.0, 2.0], [4.0, 4.0]]))
    >>> L, U
    (tensor([[1.0000, 0.0000],
            [0.2500, 1.0000]]), tensor([[4., 4.],
            [0., 1.]]))
    """
    if is_listening():
        return heard(lu, (A,), {"pivot": pivot})
    packed, chosen = _factored("linalg.lu", A, pivot)
    m = packed.shape[-2]
    P = identity(m, array_of(A).dtype)[_order(chosen, m)]
    return linalg_lu(wrap(np.ascontiguousarray(mT(P))), _lower(packed), _upper(packed))


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> linalg_lu_factor_ex:
    """L and U in one matrix, pivots, and `info`: 0, or which entry of U's diagonal is 0 first."""
    if is_listening():
        return heard(lu_factor_ex, (A,), {"pivot": pivot, "check_errors": check_errors})
    packed, chosen = _factored("torch.lu_factor", A, pivot)
    zero = np.diagonal(array_of(packed), axis1=-2, axis2=-1) == 0
    info = (
        np.where(zero.any(-1), zero.argmax(-1) + 1, 0) if zero.size else np.zeros(zero.shape[:-1])
    )
    if check_errors and info.any():
        k = int(np.flatnonzero(info)[0])
        where = f"(Batch element {k}): " if info.ndim else ""
        i = int(info.reshape(-1)[k])
        raise RuntimeError(
            f"torch.linalg.lu_factor: {where}U[{i},{i}] is zero and using it on lu_solve would "
            "result in a division by zero. linalg.lu(A) and linalg.lu_factor_ex(A) return the "
            "factors nevertheless."
        )
    pivots = wrap((chosen + 1).astype(np.int32))
    return linalg_lu_factor_ex(packed, pivots, wrap(np.asarray(info, np.int32)))


def lu_factor(A: Any, *, pivot: bool = True) -> linalg_lu_factor:
    """L and U of ``A = P L U`` in one matrix, and pivots: what `lu_solve` takes.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    pivot : bool
        Exchange rows. Only True, as in PyTorch on a CPU.

    Returns
    -------
    (LU, pivots)
        U on the diagonal and above, L below it; and, of type int32 and shape (..., min(m, n)), with
        which row, counted from 1, each row was exchanged.

    Raises
    ------
    RuntimeError
        An entry on the diagonal of U is 0, or `A` is no matrix, or not `pivot`.
    NotImplementedError
        As `lu`.
    """
    return linalg_lu_factor(*lu_factor_ex(A, pivot=pivot, check_errors=True)[:2])


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """The solution X of ``A X = B``, where A is given by what `lu_factor` has made of it.

    Parameters
    ----------
    LU : Tensor, shape (..., n, n)
    pivots : Tensor of int32, shape (..., n)
    B : Tensor, shape (..., n, k); if not `left`, (..., k, n)
        The leading axes are broadcast.
    left : bool
        If not, solve ``X A = B``.
    adjoint : bool
        Solve with the transpose of A.

    Raises
    ------
    RuntimeError
        The shapes or the types do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> LU, pivots = mg.linalg.lu_factor(mg.tensor([[0.0, 2.0], [1.0, 1.0]]))
    >>> mg.linalg.lu_solve(LU, pivots, mg.tensor([[2.0], [3.0]]))
    tensor([[2.],
            [1.]])
    """
    if is_listening():
        return heard(lu_solve, (LU, pivots, B), {"left": left, "adjoint": adjoint})
    name = "linalg.lu_solve"
    array, chosen, right = check_square(name, LU), array_of(pivots), array_of(B)
    n = array.shape[-1]
    if right.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions.")
    if array.dtype != right.dtype:
        raise RuntimeError(
            f"{name}: Expected LU and B to have the same dtype, but found LU of type "
            f"{dtypes.legacy_name(array.dtype)} and B of type {dtypes.legacy_name(right.dtype)} "
            "instead"
        )
    if chosen.dtype != np.int32:
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type torch.int32")
    if chosen.shape != array.shape[:-1]:
        raise RuntimeError(
            f"{name}: Number of pivots per batch should be same as the dimension of the matrix: "
            f"LU has shape {list(array.shape)}, pivots have {list(chosen.shape)}"
        )
    if chosen.size and not 1 <= int(chosen.min()) <= int(chosen.max()) <= n:
        raise RuntimeError(
            f"{name}: Pivots given to lu_solve must all be between 1 and LU.size(-2), {n}. Did you "
            "properly pass the result of lu_factor?"
        )
    if not left:
        return mT(lu_solve(LU, pivots, mT(B), adjoint=not adjoint))
    if right.shape[-2] != n:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation AX = B "
            f"({n}x{n} and {'x'.join(map(str, right.shape[-2:]))})"
        )
    try:
        batch = np.broadcast_shapes(array.shape[:-2], right.shape[:-2])
    except ValueError:
        raise RuntimeError(
            f"{name}: the leading axes of LU, of shape {list(array.shape)}, and of B, of shape "
            f"{list(right.shape)}, cannot be broadcast"
        ) from None
    packed, x = broadcast_to(LU, (*batch, n, n)), broadcast_to(B, batch + right.shape[-2:])
    order = _order(chosen.astype(np.int64) - 1, n)[..., None]
    L, U = _lower(packed), _upper(packed)
    if adjoint:
        x = substituted(mT(L), substituted(mT(U), x, False), True)
        return take_along_dim(x, wrap(np.broadcast_to(order.argsort(-2), x.shape)), -2)
    x = take_along_dim(x, wrap(np.broadcast_to(order, x.shape)), -2)
    return substituted(U, substituted(L, x, False), True)


def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> Unpacked:
    """The factors P, L and U of ``A = P L U`` from what `lu_factor` has made of A.

    Parameters
    ----------
    LU_data : Tensor, shape (..., m, n)
    LU_pivots : Tensor of int32, shape (..., k), k = min(m, n)
    unpack_data, unpack_pivots : bool
        Without the one, L and U are empty; without the other, P is.

    Returns
    -------
    (P, L, U)
        As from `lu`. L and U have gradients.

    Raises
    ------
    RuntimeError
        The shapes or the types do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> A = mg.tensor([[1.0, 2.0], [4.0, 4.0]])
    >>> P, L, U = mg.lu_unpack(*mg.linalg.lu_factor(A))
    >>> mg.equal(P @ L @ U, A)
    True
    """
    if is_listening():
        return heard(lu_unpack, (LU_data, LU_pivots, unpack_data, unpack_pivots), {})
    name, array, chosen = "torch.lu_unpack", array_of(LU_data), array_of(LU_pivots)
    if array.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(array.shape)} "
            "instead"
        )
    m, n = array.shape[-2:]
    nothing = wrap(np.empty(0, array.dtype))
    P, L, U = nothing, nothing, nothing
    if unpack_pivots:
        if chosen.dtype != np.int32:
            raise RuntimeError(
                f"{name}: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype, as "
                f"linalg.lu_factor returns it, but is of {dtypes.of_numpy(chosen.dtype)}"
            )
        if chosen.shape != (*array.shape[:-2], min(m, n)):
            raise RuntimeError(
                f"{name}: LU_pivots has shape {list(chosen.shape)}, but LU_data of shape "
                f"{list(array.shape)} goes with {[*array.shape[:-2], min(m, n)]}"
            )
        if chosen.size and not 1 <= int(chosen.min()) <= int(chosen.max()) <= m:
            raise RuntimeError(
                f"pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive, {m}. Did "
                "you properly pass the result of lu_factor?"
            )
        rows = identity(m, array.dtype)[_order(chosen.astype(np.int64) - 1, m)]
        P = wrap(np.ascontiguousarray(mT(rows)))
    if unpack_data:
        L, U = _lower(LU_data), _upper(LU_data)
    return Unpacked(P, L, U)
