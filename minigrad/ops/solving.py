"""Systems of linear equations: solutions, inverses, determinants, pseudo-inverses, least squares.

What NumPy computes, with gradients made of the same functions: that of an inverse is made of the
inverse, that of a solution is the solution of another system. So they have derivatives of any
order. All take stacks of matrices: the leading axes are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .elementwise import square
from .index import diagonal, where
from .makers import broadcast_error, no_slope
from .matmul import matmul
from .reduce import sum as sum_
from .return_types import linalg_cholesky_ex, linalg_inv_ex, linalg_lstsq, linalg_slogdet
from .shape import broadcast_to, squeeze, transpose, tril, triu, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


class LinAlgError(RuntimeError):
    """A matrix does not have what was asked for: it is singular, or not positive definite."""


def mT(x: Any) -> Any:
    """`x`, a tensor or an array, with its last two axes swapped."""
    return transpose(x, -2, -1)


def identity(n: int, dtype: Any = bool) -> ndarray:
    """The identity matrix; of bools it is where the diagonal is."""
    return np.eye(n, dtype=dtype)


def on_diagonal(entries: Any) -> Any:
    """Matrices with `entries` on their diagonals."""
    return where(identity(entries.shape[-1]), unsqueeze(entries, -1), 0)


# ------------------------------------------------------------------------------------------------
# Checks
# ------------------------------------------------------------------------------------------------


def check_matrix(name: str, A: Any, argument: str = "A") -> ndarray:
    """The array of `A`, which has to be one or more matrices of floats.

    Raises
    ------
    RuntimeError
        It has fewer than two axes, or holds integers.
    NotImplementedError
        It holds float16.
    """
    array = array_of(A)
    if array.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {argument} must have at least 2 dimensions, but has shape "
            f"{list(array.shape)}"
        )
    if array.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got "
            f"{dtypes.legacy_name(array.dtype)}"
        )
    if array.dtype.itemsize < 4:
        raise NotImplementedError(
            f"{name}: Low precision dtypes not supported: it is not implemented for 'Half'"
        )
    return array


def check_square(name: str, A: Any, argument: str = "A") -> ndarray:
    """The same of square matrices."""
    shape = array_of(A).shape
    if len(shape) > 1 and shape[-1] != shape[-2]:
        raise RuntimeError(
            f"{name}: {argument} must be batches of square matrices, but they are {shape[-2]} by "
            f"{shape[-1]} matrices"
        )
    return check_matrix(name, A, argument)


def _first_failure(array: ndarray, function: Callable[[ndarray], Any]) -> tuple[int, str]:
    """The number of the first matrix of which `function` fails, and words for it."""
    for k, matrix in enumerate(array.reshape(-1, *array.shape[-2:])):
        try:
            function(matrix)
        except np.linalg.LinAlgError:
            return k, f"(Batch element {k}): " if array.ndim > 2 else ""
    raise AssertionError("no matrix fails alone")


def _dependent_columns(matrix: ndarray) -> int:
    """How many of the first columns depend on each other linearly: elimination ends there."""
    n = len(matrix)
    counts = range(1, n + 1)
    return next((k for k in counts if np.linalg.matrix_rank(matrix[:, :k]) < k), n)


def bad_minor(matrix: ndarray) -> int:
    """The order of the first leading minor that is not positive definite; 0 if there is none."""
    for k in range(1, len(matrix) + 1):
        try:
            np.linalg.cholesky(matrix[:k, :k])
        except np.linalg.LinAlgError:
            return k
    return 0


def not_positive_definite(name: str, array: ndarray) -> LinAlgError:
    """The error of a Cholesky factor that does not exist, which says of which matrix."""
    k, where_ = _first_failure(array, np.linalg.cholesky)
    order = bad_minor(array.reshape(-1, *array.shape[-2:])[k])
    return LinAlgError(
        f"{name}: {where_}The factorization could not be completed because the input is not "
        f"positive-definite (the leading minor of order {order} is not positive-definite)."
    )


# ------------------------------------------------------------------------------------------------
# Inverses and solutions
# ------------------------------------------------------------------------------------------------


def _inverse(A: ndarray) -> ndarray:
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        k, where_ = _first_failure(A, np.linalg.inv)
        element = _dependent_columns(A.reshape(-1, *A.shape[-2:])[k])
        raise LinAlgError(
            f"linalg.inv: {where_}The diagonal element {element} is zero, the inversion could not "
            "be completed because the input matrix is singular."
        ) from None


def _solution(a: ndarray, b: ndarray) -> ndarray:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        _, where_ = _first_failure(a, lambda matrix: np.linalg.solve(matrix, matrix))
        raise LinAlgError(
            f"torch.linalg.solve: {where_}The solver failed because the input matrix is singular."
        ) from None


def _substitution(a: ndarray, b: ndarray, upper: bool) -> ndarray:
    """Solve the rows of ``a x = b``, of triangular `a`, one by one; a zero gives inf or nan."""
    n, x = a.shape[-1], np.zeros_like(b)
    for i in reversed(range(n)) if upper else range(n):
        known = slice(i + 1, None) if upper else slice(i)
        rest = b[..., i, :] - (a[..., i, None, known] @ x[..., known, :])[..., 0, :]
        x[..., i, :] = rest / a[..., i, i, None]
    return x


_inv = primitive("linalg_inv_ex", _inverse,
                 A=lambda g, y: -matmul(mT(y), matmul(g, mT(y))))  # fmt: skip
_solve = primitive("linalg_solve_ex", _solution,
                   a=lambda g, y, a: -matmul(_solve(mT(a), g), mT(y)),
                   b=lambda g, a: _solve(mT(a), g))  # fmt: skip
substituted = primitive("linalg_solve_triangular", _substitution,
                        a=lambda g, y, a, upper: (triu if upper else tril)(
                            -matmul(substituted(mT(a), g, not upper), mT(y))),
                        b=lambda g, a, upper: substituted(mT(a), g, not upper))  # fmt: skip


def inv(A: Any) -> Tensor:
    r"""The inverse :math:`A^{-1}` of square matrices.

    Parameters
    ----------
    A : Tensor, shape (..., n, n)

    Raises
    ------
    LinAlgError
        A matrix is singular.
    RuntimeError
        The matrices are not square, or not of floats.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.linalg.inv(mg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_square("linalg.inv", A)
    return _inv(A)


def inv_ex(A: Any, *, check_errors: bool = False) -> linalg_inv_ex:
    """The inverse, and `info`: 0, or which element was zero where a matrix is singular.

    The entries of an inverse that does not exist are NaN.
    """
    if is_listening():
        return heard(inv_ex, (A,), {"check_errors": check_errors})
    array = check_square("linalg.inv", A)
    info = np.zeros(array.shape[:-2], np.int32)
    for place in np.ndindex(info.shape):
        try:
            np.linalg.inv(array[place])
        except np.linalg.LinAlgError:
            info[place] = _dependent_columns(array[place])
    return linalg_inv_ex(_where_done(inv, A, info, check_errors), wrap(info))


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> linalg_cholesky_ex:
    """The Cholesky factor, and `info`: 0, or the order of a minor that is not positive definite.

    The entries of a factor that does not exist are NaN.
    """
    if is_listening():
        return heard(cholesky_ex, (A,), {"upper": upper, "check_errors": check_errors})
    array = check_square("linalg.cholesky", A)
    info = np.zeros(array.shape[:-2], np.int32)
    for place in np.ndindex(info.shape):
        info[place] = bad_minor(mT(array[place]) if upper else array[place])
    factor = _where_done(lambda A: cholesky(A, upper=upper), A, info, check_errors)
    return linalg_cholesky_ex(factor, wrap(info))


def _where_done(function: Any, A: Any, info: ndarray, check_errors: bool) -> Any:
    """`function` of the matrices for which `info` is 0; the others are NaN."""
    failed = info[..., None, None] != 0
    if check_errors or not failed.any():
        return function(A)
    harmless = where(failed, identity(A.shape[-1], array_of(A).dtype), A)
    return where(failed, math.nan, function(harmless))


def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    """The solution X of ``A X = B``, or of ``X A = B`` if not `left`.

    Parameters
    ----------
    A : Tensor, shape (..., n, n)
    B : Tensor, shape (..., n, k), or (..., n) for one right-hand side
        The leading axes are broadcast against those of A. (If not `left`: shape (..., k, n).)

    Raises
    ------
    LinAlgError
        A matrix is singular.
    RuntimeError
        The shapes or the types do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.linalg.solve(mg.tensor([[2.0, 0.0], [1.0, 1.0]]), mg.tensor([2.0, 3.0]))
    tensor([1., 2.])
    """
    a = check_square("linalg.solve", A)
    _check_same_type("linalg.solve", A, B)
    b = array_of(B)
    is_vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    if is_vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            f"left=False. (B has shape {list(b.shape)}: a vector for each matrix of A)"
        )
    if is_vector:
        return squeeze(solve(A, unsqueeze(B, -1)), -1)
    if not left:
        return mT(solve(mT(A), mT(B)))
    return _solve(*_of_one_batch("linalg.solve", A, B))


def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """The solution X of ``A X = B``, where A has entries in one triangle only.

    Parameters
    ----------
    A : Tensor, shape (..., n, n)
    B : Tensor, shape (..., n, k)
    upper : bool
        Which triangle; the other one is not looked at.
    left : bool
        If not, solve ``X A = B``.
    unitriangular : bool
        Take the diagonal for ones.

    Raises
    ------
    RuntimeError
        The shapes or the types do not go together. (A zero on the diagonal gives inf and NaN.)
    """
    name = "linalg.solve_triangular"
    _check_same_type(name, A, B)
    check_square(name, A)
    check_matrix(name, B, "B")
    if not left:
        return mT(solve_triangular(mT(A), mT(B), upper=not upper, unitriangular=unitriangular))
    triangle = triu if upper else tril
    if unitriangular:
        n, kind = A.shape[-1], array_of(A).dtype
        factor = triangle(A, 1 if upper else -1) + wrap(identity(n, kind))
    else:
        factor = triangle(A)
    return substituted(*_of_one_batch(name, factor, B), upper)


def _check_same_type(name: str, A: Any, B: Any) -> None:
    kinds = array_of(A).dtype, array_of(B).dtype
    if kinds[0] != kinds[1]:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type "
            f"{dtypes.legacy_name(kinds[0])} and B of type {dtypes.legacy_name(kinds[1])} instead"
        )


def _of_one_batch(name: str, A: Any, B: Any) -> tuple[Any, Any]:
    """A and B, with their leading axes broadcast against each other."""
    a, b = array_of(A), array_of(B)
    if b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation AX = B "
            f"({a.shape[-2]}x{a.shape[-1]} and {'x'.join(map(str, b.shape[-2:]))})"
        )
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError as error:
        stacks = [np.broadcast_to(0, x.shape[:-2]) for x in (a, b)]
        raise broadcast_error(stacks[0], stacks[1], error) from None
    return broadcast_to(A, batch + a.shape[-2:]), broadcast_to(B, batch + b.shape[-2:])


# ------------------------------------------------------------------------------------------------
# Cholesky
# ------------------------------------------------------------------------------------------------


def _factor(A: ndarray, name: str) -> ndarray:
    try:
        return np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        raise not_positive_definite(name, A) from None


def _cholesky_slope(g: Any, L: Any) -> Any:
    """L^-T M L^-1, where M is the lower triangle of L^T g, mirrored and halved (Murray 2016)."""
    lower = tril(matmul(mT(L), g))
    halved = (lower + mT(tril(lower, -1))) / 2
    half_solved = substituted(mT(L), halved, True)
    return mT(substituted(mT(L), mT(half_solved), True))


_cholesky = primitive("linalg_cholesky_ex", _factor, A=lambda g, y: _cholesky_slope(g, y))


def cholesky(A: Any, *, upper: bool = False) -> Tensor:
    r"""The lower triangular L with :math:`A = L L^T`, of symmetric positive definite matrices.

    Parameters
    ----------
    A : Tensor, shape (..., n, n)
        Of each matrix the lower triangle is read (the upper one, with `upper`).
    upper : bool
        Return :math:`L^T`.

    Raises
    ------
    LinAlgError
        A matrix is not positive definite: the message says which leading minor.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.linalg.cholesky(mg.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    check_square("linalg.cholesky", A)
    return mT(_cholesky(mT(A), "linalg.cholesky")) if upper else _cholesky(A, "linalg.cholesky")


def cholesky_solve(input: Any, input2: Any, upper: bool = False) -> Tensor:
    """The solution X of ``A X = input``, where A is given by its Cholesky factor `input2`."""
    check_matrix("cholesky_solve", input, "b")
    check_square("cholesky_solve", input2)
    L = mT(input2) if upper else input2
    half = solve_triangular(L, input, upper=False)
    return solve_triangular(mT(L), half, upper=True)


def cholesky_inverse(input: Any, upper: bool = False) -> Tensor:
    """The inverse of the matrices whose Cholesky factors are `input`."""
    array = check_square("cholesky_inverse", input)
    return cholesky_solve(wrap(identity(array.shape[-1], array.dtype)), input, upper)


# ------------------------------------------------------------------------------------------------
# Determinants
# ------------------------------------------------------------------------------------------------


def _cofactors(y: Any, A: Any) -> Any:
    """The derivative of ``y = det(A)``: det(A) A^-T; of singular matrices a polynomial in A.

    That is the transpose of the adjugate, by the method of Faddeev and Le Verrier, which divides by
    no entry: so it has derivatives itself.
    """
    n, singular = A.shape[-1], array_of(y)[..., None, None] == 0
    one = identity(n, array_of(A).dtype)
    if not n or not singular.any():
        return restored(y) * mT(_inv(A))
    adjugate = one
    for k in range(1, n):
        product = matmul(A, adjugate) if k > 1 else A
        adjugate = product - restored(sum_(diagonal(product, 0, -2, -1), -1)) * one / k
    adjugate = adjugate if n % 2 else -adjugate
    regular = where(singular, one, A)
    return where(singular, mT(adjugate), restored(y) * mT(_inv(regular)))


def restored(x: Any) -> Any:
    """Numbers, one for each matrix, with the axes of a matrix behind them."""
    return unsqueeze(unsqueeze(x, -1), -1)


_det = primitive("linalg_det", lambda A: np.linalg.det(A),
                 A=lambda g, y, A: restored(g) * _cofactors(y, A))  # fmt: skip
_sign_of_det = primitive("linalg_slogdet", lambda A: np.linalg.slogdet(A)[0],
                         A=lambda g, A: no_slope(A))  # fmt: skip
_log_of_det = primitive("linalg_slogdet", lambda A: np.linalg.slogdet(A)[1],
                        A=lambda g, A: restored(g) * mT(_inv(A)))  # fmt: skip


def det(A: Any) -> Tensor:
    """The determinant of square matrices, one number each. Its gradient may be asked for anywhere.

    Examples
    --------
    >>> import minigrad as mg
    >>> A = mg.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    >>> mg.linalg.det(A).backward()
    >>> A.grad
    tensor([[ 4., -2.],
            [-2.,  1.]])
    """
    check_square("linalg.det", A)
    return _det(A)


def slogdet(A: Any) -> linalg_slogdet:
    """The determinant as the pair ``(sign, logabsdet)``, which neither overflows nor underflows."""
    check_square("linalg.slogdet", A)
    return linalg_slogdet(_sign_of_det(A), _log_of_det(A))


def logdet(input: Any) -> Tensor:
    """The logarithm of the determinant: NaN where that is negative, -inf where it is 0."""
    sign, logabsdet = slogdet(input)
    return where(sign < 0, math.nan, logabsdet)


# ------------------------------------------------------------------------------------------------
# Pseudo-inverses and least squares
# ------------------------------------------------------------------------------------------------


def tolerance(name: str, A: Any, S: ndarray, atol: Any, rtol: Any) -> Any:
    """What singular values are taken for zero: those that are not above this.

    Parameters
    ----------
    S : ndarray, shape (..., k)
        The singular values.
    atol, rtol : float, Tensor or None
        The least, and the least in parts of the largest singular value. `rtol` is the precision of
        the type times the longer side of the matrices if neither is given.
    """
    shape, kind = array_of(A).shape, array_of(A).dtype
    absolute = 0.0 if atol is None else np.asarray(array_of(atol))[..., None]
    if rtol is None:
        wanted = atol is None or not np.any(absolute > 0)
        relative = float(np.finfo(kind).eps) * max(shape[-2:]) if wanted else 0.0
    else:
        relative = np.asarray(array_of(rtol))[..., None]
    largest = S.max(-1, keepdims=True, initial=0)
    return np.maximum(absolute, relative * largest)


def _pseudo_inverse(A: ndarray, atol: Any, rtol: Any) -> ndarray:
    U, S, Vh = np.linalg.svd(A, full_matrices=False)
    counts = tolerance("linalg.pinv", A, S, atol, rtol) < S
    inverted = np.where(counts, 1 / np.where(counts, S, 1), 0).astype(A.dtype)
    return mT(Vh) @ (inverted[..., None] * mT(U))


def _pinv_slope(g: Any, P: Any, A: Any) -> Any:
    """What follows from A P A = A and its three sisters (Golub and Pereyra 1973)."""
    inner = -matmul(mT(P), matmul(g, mT(P)))
    left = matmul(mT(g), matmul(P, mT(P)))  # (m, m)
    right = matmul(matmul(mT(P), P), mT(g))  # (m, n)
    return inner + (left - matmul(A, matmul(P, left))) + (right - matmul(matmul(right, P), A))


_pinv = primitive("linalg_pinv", _pseudo_inverse,
                  A=lambda g, y, A: _pinv_slope(g, y, A))  # fmt: skip


def pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """The pseudo-inverse (of Moore and Penrose), shape (..., n, m).

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    rcond : float, optional
        The old name of `rtol`.
    hermitian : bool
        Symmetric matrices are inverted like all others.
    atol, rtol : float, optional
        Singular values that are not above the larger of `atol` and `rtol` times the largest one
        count as zero. Default: the precision of the type times ``max(m, n)``, relatively.
    """
    name, array = "linalg.pinv", array_of(A)
    if array.ndim < 2 or array.dtype.kind != "f" or array.dtype.itemsize < 4:
        raise RuntimeError(
            f"{name}({dtypes.legacy_name(array.dtype)}{{{list(array.shape)}}}): expected a tensor "
            "with 2 or more dimensions of float, double, cfloat or cdouble types"
        )
    if is_listening():
        return heard(pinv, (A, rcond, hermitian), {"atol": atol, "rtol": rtol})
    return _pinv(A, array_of(atol), array_of(rcond if rtol is None else rtol))


def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """The rank of matrices: how many singular values are not zero, as far as `pinv` can tell.

    `tol` is the old name of `atol`.
    """
    if is_listening():
        return heard(matrix_rank, (A, tol, hermitian), {"atol": atol, "rtol": rtol})
    array = check_matrix("torch.linalg.matrix_rank", A, "input")
    S = np.linalg.svd(array, compute_uv=False)
    atol = tol if atol is None else atol
    return wrap(np.asarray((tolerance("linalg.matrix_rank", A, S, atol, rtol) < S).sum(-1)))


DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> linalg_lstsq:
    r"""The X with the least :math:`\|A X - B\|`, and of several the shortest.

    Parameters
    ----------
    A : Tensor, shape (..., m, n)
    B : Tensor, shape (..., m, k), or (..., m)
    rcond : float, optional
        As `rtol` of `pinv`.
    driver : "gelsy" (default), "gels", "gelsd" or "gelss"
        The names of LAPACK's methods. Here all of them are the pseudo-inverse; they decide what is
        returned besides.

    Returns
    -------
    (solution, residuals, rank, singular_values)
        `residuals`, the squared lengths of ``A X - B``, if m > n and the rank is n: otherwise
        empty, and with "gelsy", too. `singular_values` with "gelsd" and "gelss".
    """
    name = "torch.linalg.lstsq"
    if is_listening():
        return heard(lstsq, (A, B, rcond), {"driver": driver})
    if driver not in (None, *DRIVERS):
        raise RuntimeError(
            f"{name}: parameter `driver` should be one of ({', '.join(DRIVERS)}), not {driver!r}"
        )
    a, b = check_matrix(name, A, "input"), array_of(B)
    _check_same_type(name, A, B)
    if b.ndim == a.ndim - 1 and b.shape == a.shape[:-1]:
        whole = lstsq(A, unsqueeze(B, -1), rcond, driver=driver)
        return linalg_lstsq(squeeze(whole[0], -1), *whole[1:])
    if b.ndim < 2 or b.shape[-2] != a.shape[-2]:
        raise RuntimeError(
            f"{name}: input.size(-2) should match other.size(-2), but the shapes are "
            f"{list(a.shape)} and {list(b.shape)}"
        )
    solution = matmul(pinv(A, rcond), B)
    S = np.linalg.svd(a, compute_uv=False)
    rank = (tolerance(name, A, S, None, rcond) < S).sum(-1)
    nothing = wrap(np.empty(0, a.dtype))
    full = a.shape[-2] > a.shape[-1] and bool((rank == a.shape[-1]).all())
    residuals = nothing
    if full and driver not in (None, "gelsy"):
        residuals = sum_(square(matmul(A, solution) - B), -2)
    values = wrap(S) if driver in ("gelsd", "gelss") else nothing
    ranks = wrap(np.empty(0, np.int64) if driver == "gels" else np.asarray(rank))
    return linalg_lstsq(solution, residuals, ranks, values)
