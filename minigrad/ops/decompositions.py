"""Factors of matrices: QR, singular values, eigenvalues, computed by NumPy, with their gradients.

Where the entries of a matrix move, its factors move so that they still multiply to it and stay
orthogonal or triangular. Solved for their velocities, and turned round, that gives the gradients
(Giles 2008; Walter and Lehmann 2018 for QR). They exist where factors are unique: eigenvectors, and
singular vectors, only where their values differ from all others; else they are inf or NaN, as in
PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.engine import Node, Output, attach, edges_if_recording
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import Op
from ..autograd.tensor_base import wrap
from .index import narrow, where
from .join import cat
from .layout import rows
from .matmul import matmul
from .return_types import linalg_eig, linalg_eigh, linalg_qr, linalg_svd
from .shape import tril, unsqueeze
from .solving import check_matrix, check_square, identity, mT, on_diagonal, substituted

if TYPE_CHECKING:
    from ..tensor import Tensor


class _Factorization(Op):
    """An operation that returns the factors of a matrix, of which its gradient is made.

    ``rule(*grads, *factors)`` is the gradient of the matrix; of the gradients of the factors some
    may be None.
    """

    def __init__(self, name: str, forward: Callable[..., Any], rule: Callable[..., Any]) -> None:
        super().__init__(name)
        self.forward, self.rule = forward, rule

    def __call__(self, A: Any, *options: Any) -> tuple[Tensor, ...]:
        """The factors of `A`."""
        if is_listening():
            return heard(self.__call__, (A, *options), {})
        factors: Any = tuple([wrap(rows(f)) for f in self.forward(A.array, *options)])
        edges = edges_if_recording((A,))
        if edges is not None:
            attach(factors, self, edges, [Output(f) for f in factors])
        return factors

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        factors, saved = node.values(create_graph), node.saved
        if create_graph:
            for k in range(len(saved)):  # type: ignore[arg-type]
                factors[k].edge = (node, k)
        return [self.rule(*grads, *factors)]


# ------------------------------------------------------------------------------------------------
# QR
# ------------------------------------------------------------------------------------------------


def _qr_slope(gQ: Any, gR: Any, Q: Any, R: Any) -> Any:
    """(gQ + Q M) R^-T, where M is the lower triangle of R gR^T - gQ^T Q, mirrored."""
    moved = 0 if gR is None else matmul(R, mT(gR))
    moved = moved if gQ is None else moved - matmul(mT(gQ), Q)
    lower = tril(moved)
    inner = matmul(Q, lower + mT(tril(lower, -1)))
    inner = inner if gQ is None else gQ + inner
    return mT(substituted(R, mT(inner), True))


def _no_slope_of_complete(gQ: Any, gR: Any, Q: Any, R: Any) -> Any:
    raise RuntimeError(
        "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
    )


def _no_slope_of_r(gR: Any, R: Any) -> Any:
    raise RuntimeError(
        "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
        "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
    )


_qr = _Factorization("linalg_qr", lambda A: np.linalg.qr(A), _qr_slope)
_qr_complete = _Factorization("linalg_qr", lambda A: np.linalg.qr(A, "complete"),
                              _no_slope_of_complete)  # fmt: skip
_qr_r = _Factorization("linalg_qr", lambda A: (np.linalg.qr(A, "r"),), _no_slope_of_r)


def qr(A: Any, mode: str = "reduced") -> linalg_qr:
    """The factors Q, with orthonormal columns, and R, upper triangular: ``A = Q R``.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    mode : "reduced", "complete" or "r"
        Q has min(m, n) columns, or m; or only R is computed, and Q is empty.

    Raises
    ------
    RuntimeError
        `A` is no matrix of floats, or the mode is another one. In `backward`: of "r", and of
        "complete" with m > n, there is no gradient.
    """
    array = check_matrix("linalg.qr", A)
    m, n = array.shape[-2:]
    if mode == "r":
        return linalg_qr(wrap(np.empty(0, array.dtype)), *_qr_r(A))
    if mode not in ("reduced", "complete"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' "
                           "(default), 'r', or 'complete'")  # fmt: skip
    if m > n and mode == "complete":
        return linalg_qr(*_qr_complete(A))
    if m >= n:
        return linalg_qr(*_qr(A))
    Q, R = _qr(narrow(A, -1, 0, m))  # a wide matrix: Q is that of its first columns
    return linalg_qr(Q, cat([R, matmul(mT(Q), narrow(A, -1, m, n - m))], -1))


# ------------------------------------------------------------------------------------------------
# Singular values
# ------------------------------------------------------------------------------------------------


def _skew(x: Any) -> Any:
    return x - mT(x)


def _svd_slope(gU: Any, gS: Any, gVh: Any, U: Any, S: Any, Vh: Any) -> Any:
    """U (X + diag(gS)) V^T, and what turns U and V out of their planes.

    X is made of the turns within them, each divided by the difference of the squares of two
    singular values.
    """
    k = S.shape[-1]
    U, Vh = (x if x.shape[d] == k else narrow(x, d, 0, k) for x, d in ((U, -1), (Vh, -2)))
    gU = gU if gU is None or gU.shape[-1] == k else narrow(gU, -1, 0, k)
    gVh = gVh if gVh is None or gVh.shape[-2] == k else narrow(gVh, -2, 0, k)
    if gU is None and gVh is None:
        return matmul(U * unsqueeze(gS, -2), Vh)
    row, column = unsqueeze(S, -2), unsqueeze(S, -1)
    gap = where(identity(k), 1, (row - column) * (row + column))
    inner = 0 if gS is None else on_diagonal(gS)
    if gU is not None:
        turn = matmul(mT(U), gU)
        inner = inner + _skew(turn) / gap * row
    if gVh is not None:
        V, gV = mT(Vh), mT(gVh)
        turn_of_V = matmul(Vh, gV)
        inner = inner + column * (_skew(turn_of_V) / gap)
    gA = matmul(U, matmul(inner, Vh))
    if gU is not None and U.shape[-2] > k:
        gA = gA + matmul((gU - matmul(U, turn)) / row, Vh)
    if gVh is not None and V.shape[-2] > k:
        gA = gA + matmul(U, mT((gV - matmul(V, turn_of_V)) / row))
    return gA


_svd = _Factorization("linalg_svd", lambda A, full: np.linalg.svd(A, full), _svd_slope)


def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> linalg_svd:
    """The singular value decomposition: ``A = U diag(S) Vh``, S in descending order.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    full_matrices : bool
        U and Vh are square; if not, U has min(m, n) columns, and Vh as many rows.
    driver : None
        Without effect: PyTorch's is for GPUs.

    Notes
    -----
    The sign of a pair of singular vectors is not determined, nor are vectors of equal values: a
    loss should not depend on them. `svdvals` has a gradient everywhere.
    """
    check_matrix("linalg.svd", A)
    return linalg_svd(*_svd(A, bool(full_matrices)))


def svdvals(A: Any, *, driver: str | None = None) -> Tensor:
    """The singular values of matrices, in descending order."""
    return svd(A, full_matrices=False)[1]


# ------------------------------------------------------------------------------------------------
# Eigenvalues
# ------------------------------------------------------------------------------------------------


def _eigh_slope(gL: Any, gV: Any, L: Any, V: Any) -> Any:
    """V (diag(gL) + X) V^T, X made of turns, each divided by the difference of two eigenvalues."""
    if gV is None:
        return matmul(V * unsqueeze(gL, -2), mT(V))
    diagonal = identity(L.shape[-1])
    gap = where(diagonal, 1, unsqueeze(L, -2) - unsqueeze(L, -1))
    inner = where(diagonal, 0, matmul(mT(V), gV) / gap)
    inner = inner if gL is None else inner + on_diagonal(gL)
    return matmul(V, matmul(inner, mT(V)))


_eigh = _Factorization("linalg_eigh", lambda A, UPLO: np.linalg.eigh(A, UPLO), _eigh_slope)


def eigh(A: Any, UPLO: str = "L") -> linalg_eigh:
    """The eigenvalues of symmetric matrices, in ascending order, and their eigenvectors, columns.

    Parameters
    ----------
    A : Tensor, shape (..., n, n)
    UPLO : "L" or "U"
        Which triangle is read; the other one is taken for its mirror image.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.linalg.eigh(mg.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    tensor([1., 3.])
    """
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    check_square("linalg.eigh", A)
    return linalg_eigh(*_eigh(A, UPLO))


def eigvalsh(A: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, in ascending order."""
    return eigh(A, UPLO)[0]


def eig(A: Any) -> linalg_eig:
    """The eigenvalues of square matrices, and their eigenvectors, columns; without a gradient.

    There are no complex tensors here: where PyTorch's results are complex, those of this function
    are real.

    Raises
    ------
    NotImplementedError
        An eigenvalue is not real, or a gradient is wanted (say ``A.detach()``).
    """
    if is_listening():
        return heard(eig, (A,), {})
    array = check_square("linalg.eig", A)
    if edges_if_recording((A,)) is not None:
        raise NotImplementedError(
            "linalg.eig has no gradient here: call it under no_grad(), or on A.detach(). That of "
            "symmetric matrices, linalg.eigh, has one"
        )
    values, vectors = np.linalg.eig(array)
    if values.dtype.kind == "c":
        raise NotImplementedError(
            "linalg.eig: some eigenvalues are not real, and there are no complex tensors here. Use "
            "numpy.linalg.eig(A.numpy())"
        )
    return linalg_eig(wrap(values), wrap(rows(vectors)))


def eigvals(A: Any) -> Tensor:
    """The eigenvalues of square matrices: see `eig`."""
    return eig(A)[0]
