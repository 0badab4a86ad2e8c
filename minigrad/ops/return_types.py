"""Named tuples that operations return: ``x.max(0)`` is a ``return_types.max(values, indices)``.

They print as PyTorch's, under the names that PyTorch has given them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "aminmax", "cummax", "cummin", "kthvalue", "linalg_cholesky_ex", "linalg_eig", "linalg_eigh",
    "linalg_inv_ex", "linalg_lstsq", "linalg_lu", "linalg_lu_factor", "linalg_lu_factor_ex",
    "linalg_qr", "linalg_slogdet", "linalg_svd", "lu_unpack", "max", "median", "min", "mode",
    "nanmedian", "qr", "slogdet", "sort", "svd", "topk",
]  # fmt: skip


class _Printed:
    """Prints as ``torch.return_types.max(values=..., indices=...)``, a line for each field."""

    __slots__ = ()

    def __repr__(self: Any) -> str:
        fields = ",\n".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"torch.return_types.{type(self).__name__}(\n{fields})"


class _ValuesIndices(NamedTuple):
    values: Tensor
    indices: Tensor


class max(_Printed, _ValuesIndices):
    """The largest entries along an axis, and where they stand on it."""

    __slots__ = ()


class min(_Printed, _ValuesIndices):
    """The smallest entries along an axis, and where they stand on it."""

    __slots__ = ()


class median(_Printed, _ValuesIndices):
    """The entries in the middle along an axis, and where they stand on it."""

    __slots__ = ()


class sort(_Printed, _ValuesIndices):
    """The entries in order along an axis, and where they stood on it before."""

    __slots__ = ()


class topk(_Printed, _ValuesIndices):
    """The k largest (or smallest) entries along an axis, and where they stand on it."""

    __slots__ = ()


class mode(_Printed, _ValuesIndices):
    """The entries that are met most often along an axis, and where they stand on it."""

    __slots__ = ()


class kthvalue(_Printed, _ValuesIndices):
    """The k-th smallest entries along an axis, and where they stand on it."""

    __slots__ = ()


class nanmedian(_Printed, _ValuesIndices):
    """The entries in the middle of those that are not NaN, and where they stand on the axis."""

    __slots__ = ()


class cummax(_Printed, _ValuesIndices):
    """The largest entries so far along an axis, and where they stand on it."""

    __slots__ = ()


class cummin(_Printed, _ValuesIndices):
    """The smallest entries so far along an axis, and where they stand on it."""

    __slots__ = ()


class _MinMax(NamedTuple):
    min: Tensor
    max: Tensor


class aminmax(_Printed, _MinMax):
    """The smallest entries, and the largest."""

    __slots__ = ()


class _QR(NamedTuple):
    Q: Tensor
    R: Tensor


class linalg_qr(_Printed, _QR):
    """``Q, R`` with ``A = Q R``: Q has orthonormal columns, R is upper triangular."""

    __slots__ = ()


class qr(_Printed, _QR):
    """The same, as the old function returns it."""

    __slots__ = ()


class _LU(NamedTuple):
    P: Tensor
    L: Tensor
    U: Tensor


class linalg_lu(_Printed, _LU):
    """``P, L, U`` with ``A = P L U``: P exchanges rows, L and U are triangular."""

    __slots__ = ()


class lu_unpack(_Printed, _LU):
    """The same, from what `minigrad.linalg.lu_factor` returns."""

    __slots__ = ()


class _LUPivots(NamedTuple):
    LU: Tensor
    pivots: Tensor


class linalg_lu_factor(_Printed, _LUPivots):
    """L and U in one matrix, and which rows were exchanged."""

    __slots__ = ()


class _LUPivotsInfo(NamedTuple):
    LU: Tensor
    pivots: Tensor
    info: Tensor


class linalg_lu_factor_ex(_Printed, _LUPivotsInfo):
    """The same, and which entry on the diagonal of U is 0, if one is."""

    __slots__ = ()


class _lu_with_info(_Printed, _LUPivotsInfo):
    """The same, under an older name."""

    __slots__ = ()


class _SVD(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


class linalg_svd(_Printed, _SVD):
    """``U, S, Vh`` with ``A = U diag(S) Vh``; the singular values S are in descending order."""

    __slots__ = ()


class _OldSVD(NamedTuple):
    U: Tensor
    S: Tensor
    V: Tensor


class svd(_Printed, _OldSVD):
    """``U, S, V`` with ``A = U diag(S) V^T``, as the old function returns it."""

    __slots__ = ()


class _Eigen(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


class linalg_eigh(_Printed, _Eigen):
    """The eigenvalues of symmetric matrices, in ascending order, and the eigenvectors, columns."""

    __slots__ = ()


class linalg_eig(_Printed, _Eigen):
    """The eigenvalues of matrices, and the eigenvectors, columns."""

    __slots__ = ()


class _SignLog(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


class linalg_slogdet(_Printed, _SignLog):
    """The sign of determinants, and the logarithm of their absolute values."""

    __slots__ = ()


class slogdet(_Printed, _SignLog):
    """The same, as the function and the method of that name return it."""

    __slots__ = ()


class _Inverse(NamedTuple):
    inverse: Tensor
    info: Tensor


class linalg_inv_ex(_Printed, _Inverse):
    """Inverses, and for each matrix 0 or what made it singular."""

    __slots__ = ()


class _Factor(NamedTuple):
    L: Tensor
    info: Tensor


class linalg_cholesky_ex(_Printed, _Factor):
    """Cholesky factors, and for each matrix 0 or the order of the minor that has none."""

    __slots__ = ()


class _LeastSquares(NamedTuple):
    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


class linalg_lstsq(_Printed, _LeastSquares):
    """What solves equations best, how well, and the rank and singular values of their matrix."""

    __slots__ = ()
