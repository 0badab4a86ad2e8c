"""Named tuples that operations return: ``x.max(0)`` is a ``return_types.max(values, indices)``.

They print as PyTorch's, under the names that PyTorch has given them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["linalg_qr", "linalg_svd", "max", "median", "min", "sort", "topk"]


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


class _QR(NamedTuple):
    Q: Tensor
    R: Tensor


class linalg_qr(_Printed, _QR):
    """``Q, R`` with ``A = Q R``: Q has orthonormal columns, R is upper triangular."""

    __slots__ = ()


class _SVD(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


class linalg_svd(_Printed, _SVD):
    """``U, S, Vh`` with ``A = U diag(S) Vh``; the singular values S are in descending order."""

    __slots__ = ()
